"""Commands on evidence: was the forecast right, and what experiments and answers say of responses to money."""

import shlex
from pathlib import Path
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
        typer.echo(f"{found.to_text()}\n\nNext: tenure check {shlex.quote(str(scenario))}")


@group.command(epilog="Example: tenure learn scenario.yaml test.csv answers.csv -o learned.yaml")
def learn(
    scenario: ScenarioFile,
    evidence: Annotated[
        list[Path],
        typer.Argument(
            metavar="EVIDENCE...",
            help="Experiments (lever, moves, spend, outcome; segment, customers, periods, assigned, traits) and "
            "answers (lever, moves, at, value; low, high, manager, segment), histories (period, segment, won, active, "
            "purchases, money, and money of each lever).",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Scenario file to write.")] = Path("learned.yaml"),
    plot: Annotated[Path | None, typer.Option(help="SVG file to draw data, curve and band of each into.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Make response curves of experiments, contacts, histories and managers' answers, with what is known of each.

    Answers are the prior, data the likelihood; where data say nothing, the answers' width stays.
    """
    from experiments.firm import Firm
    from sim.files import check_output

    check_output(output, others=evidence)
    outputs = [output]
    if plot is not None:
        check_output(plot, others=[*evidence, output])
        outputs.append(plot)
    found = Firm.open(scenario, outputs=outputs).learn(*evidence, seed=seed)
    if plot is not None:
        found.plot(plot)
    found.save(output, force=force)
    if as_json:
        print_json({**found.to_dict(), "scenario": str(output)})
    else:
        drawn = "" if plot is None else f" and {plot}"
        typer.echo(f"{found.to_text()}\n\nWrote {output}{drawn}. Next: tenure check {shlex.quote(str(output))}")
