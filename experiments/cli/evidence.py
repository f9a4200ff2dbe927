"""Commands on evidence: was the forecast right, and what experiments and answers say of responses to money."""

from typing import Annotated

import typer

from experiments.cli.options import THREADS, Json, ScenarioFile, Seed, Threads, commands, print_json

__all__ = ["group"]

group = commands()


@group.command(epilog="Example: tenure backtest scenario.yaml --months 9")
def backtest(
    scenario: ScenarioFile,
    months: Annotated[int, typer.Option(help="Held out, to the last purchase of the base.", min=1, max=600)] = 9,
    replications: Annotated[int, typer.Option(help="Markets that bands are made of.", min=2, max=10_000)] = 40,
    seed: Seed = 0,
    threads: Threads = THREADS,
    as_json: Json = False,
) -> None:
    """Was the forecast right: fit without the last months, play today's money, compare with what came.

    Customers, purchases and money by period and segment, the coverage of bands, two plain forecasts beside, and why.
    """
    from experiments.firm import Firm
    from experiments.terminal.progress import progress_bars

    firm = Firm.open(scenario)
    with progress_bars() as step:
        found = firm.backtest(months, replications=replications, seed=seed, threads=threads, progress=step)
    if as_json:
        print_json(found.to_dict())
    else:
        typer.echo(f"{found.to_text()}\n\nNext: tenure check {scenario}; laws are fitted anew by tenure calibrate")
