"""Commands that simulate customers under policies, and show what was kept of it."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.options import (
    THREADS,
    BudgetOption,
    Json,
    ScenarioFile,
    Seed,
    SpreadOption,
    Threads,
    commands,
    print_json,
)
from experiments.cli.words import policies_like
from sim.files import TABLE_FILES, check_output, writable_folder

__all__ = ["group"]

group = commands()

PolicyOption = Annotated[
    str,
    typer.Option(
        help="A policy's name (tenure policies lists them), a plan file, a table of money, a mixture (.yaml), a Python "
        "file with a policy, or MODULE:NAME.",
        autocompletion=policies_like,
    ),
]

REPLICATIONS = 20


@group.command(epilog="Example: tenure simulate scenario.yaml --policy as-today --table months.csv")
def simulate(
    scenario: ScenarioFile,
    policy: PolicyOption = "as-today",
    budget: BudgetOption = None,
    spread: SpreadOption = "even",
    replications: Annotated[
        int | None,
        typer.Option(help="How many times [default: 20; 1 with --until, --save, --resume].", min=1, max=100_000),
    ] = None,
    seed: Seed = 0,
    threads: Threads = THREADS,
    table: Annotated[
        Path | None,
        typer.Option("--table", "--csv", help="Also write period x segment x stage to this .csv or .parquet file."),
    ] = None,
    until: Annotated[int | None, typer.Option(help="Stop after so many periods.", min=1)] = None,
    save: Annotated[Path | None, typer.Option(help="Save the market where --until stops it.")] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on from a saved market (same scenario and --seed), under any --policy.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Simulate the customers under one policy; or one market in parts, branching into other policies on the way."""
    from experiments.firm import Firm
    from experiments.terminal.progress import progress_bars
    from experiments.terminal.summary import simulation_summary

    read = [scenario, resume, Path(policy) if Path(policy).is_file() else None]
    if table is not None:
        check_output(table, TABLE_FILES, read)
    if save is not None:
        check_output(save, others=[*read, table])
    firm = Firm.open(scenario, outputs=[table, save])
    with progress_bars() as step:
        run = firm.simulate(
            policy, budget=budget, spread=spread, replications=replications, seed=seed, until=until, save=save,
            resume=resume, threads=threads, progress=step,
        )  # fmt: skip
    if table is not None:
        run.save(table)
    if as_json:
        print_json(run.to_dict())
    else:
        typer.echo(simulation_summary(firm.twin, run, scenario, policy))


@group.command(epilog="Example: tenure trace scenario.yaml --customer 17 --policy as-today")
def trace(
    scenario: ScenarioFile,
    customer: Annotated[
        str | None,
        typer.Option(help="A number from 0 on inside a segment; or a base's customer id [default: the first]."),
    ] = None,
    segment: Annotated[str | None, typer.Option(help="Whose customer [default: the first with people].")] = None,
    policy: PolicyOption = "as-today",
    budget: BudgetOption = None,
    spread: SpreadOption = "even",
    seed: Seed = 0,
    threads: Threads = THREADS,
    as_json: Json = False,
) -> None:
    """Tell one customer's life: what the firm saw, what was true, what it bought and what was spent on it."""
    from experiments.firm import Firm
    from experiments.terminal.progress import progress_bars
    from experiments.words.story import life_in_words

    firm = Firm.open(scenario)
    with progress_bars() as step:
        life = firm.trace(
            policy, segment=segment, customer=customer, budget=budget, spread=spread, seed=seed, threads=threads,
            progress=step,
        )  # fmt: skip
    if as_json:
        print_json(life.to_dict())
    else:
        typer.echo(life_in_words(life, scenario))


@group.command(epilog="Example: tenure compare scenario.yaml --policy as-today --policy even-split --policy plan.json")
def compare(
    scenario: ScenarioFile,
    policy: Annotated[
        list[str],
        typer.Option(
            help="A policy's name (tenure policies lists them), all, a plan file, a table of money by segment, lever "
            "and time, a mixture (.yaml), a Python file with a policy, or MODULE:NAME; repeat. The first is the "
            "reference.",
            autocompletion=policies_like,
        ),
    ] = ["as-today", "no-spend"],  # noqa: B006 - typer wants a plain list
    budget: BudgetOption = None,
    spread: SpreadOption = "even",
    equal_money: Annotated[
        bool, typer.Option("--equal-money", help="Scale every policy until it is expected to spend the whole budget.")
    ] = False,
    replications: Annotated[int, typer.Option(help="How many times to simulate.", min=1, max=100_000)] = REPLICATIONS,
    seed: Seed = 0,
    threads: Threads = THREADS,
    folder: Annotated[Path, typer.Option(help="Where the MLflow store and the report go.")] = Path(),
    track: Annotated[bool, typer.Option(help="Log the runs to MLflow and write a report.")] = True,
    as_json: Json = False,
) -> None:
    """Simulate several policies on the same customers with the same luck, and track the runs.

    Each policy's money and every rule that it breaks stand in the table. A plan is played as it stands, whatever it
    costs; as-today for a smaller budget is scaled down evenly over time.
    """
    from experiments.firm import Firm
    from experiments.terminal.progress import progress_bars
    from experiments.terminal.summary import comparison_summary

    firm = Firm.open(scenario)
    if track:
        folder = writable_folder(folder)
    report, uri = None, None
    with progress_bars() as step:
        result = firm.compare(
            policy, budget=budget, spread=spread, equal_money=equal_money, replications=replications, seed=seed,
            threads=threads, progress=step,
        )  # fmt: skip
        if track:
            report, uri = result.track(folder, progress=step)
    if as_json:
        print_json({**result.to_dict(), "report": None if report is None else str(report), "tracking_uri": uri})
    else:
        typer.echo(comparison_summary(firm.scenario, result, report, folder if track else None))
