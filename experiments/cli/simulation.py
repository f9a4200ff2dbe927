"""Commands that simulate customers under policies, and show what was kept of it."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.cli.options import (
    THREADS,
    BudgetOption,
    Changes,
    Json,
    Language,
    ScenarioFile,
    Seed,
    SpreadOption,
    Threads,
    commands,
    print_json,
    say,
)
from experiments.cli.output import with_output
from experiments.cli.tracking import Tracking, with_tracking
from experiments.cli.words import changes_of, policies_like
from sim.errors import InputError
from sim.files import TABLE_FILES, check_output

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
    change: Changes = None,
    seed: Seed = 0,
    threads: Threads = THREADS,
    table: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            "--table",
            "--csv",
            help="Also write period x segment x stage to this .csv or .parquet file.",
        ),
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

    read = [scenario, resume, Path(policy) if os.path.isfile(policy) else None]
    if table is not None:
        check_output(table, TABLE_FILES, read)
    if save is not None:
        check_output(save, others=[*read, table])
    firm = Firm.open(scenario, changes=changes_of(change), outputs=[table, save])
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
        say(simulation_summary(firm.twin, run, scenario, policy), scenario, change)


@group.command(epilog="Example: tenure trace scenario.yaml --customer 17 --policy as-today")
@with_output
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
    change: Changes = None,
    seed: Seed = 0,
    threads: Threads = THREADS,
    as_json: Json = False,
) -> None:
    """Tell one customer's life: what the firm saw, what was true, what it bought and what was spent on it."""
    from experiments.firm import Firm
    from experiments.terminal.progress import progress_bars
    from experiments.words.story import life_in_words

    firm = Firm.open(scenario, changes=changes_of(change))
    with progress_bars() as step:
        life = firm.trace(
            policy, segment=segment, customer=customer, budget=budget, spread=spread, seed=seed, threads=threads,
            progress=step,
        )  # fmt: skip
    if as_json:
        print_json(life.to_dict())
    else:
        say(life_in_words(life, scenario), scenario, change)


@group.command(epilog="Example: tenure compare scenario.yaml --policy as-today --policy even-split --policy plan.json")
@with_tracking(True)
def compare(
    scenarios: Annotated[
        list[Path], typer.Argument(metavar="SCENARIO...", help="Scenario file (YAML); several: one question of all.")
    ],
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
    samples: Annotated[
        int | None,
        typer.Option(
            help="Worlds drawn from the scenario's ranges under `uncertain`, for intervals with what is not "
            "known [default: 16, or twice as many as ranges; 0: none].",
            min=0,
            max=10_000,
        ),
    ] = None,
    change: Changes = None,
    seed: Seed = 0,
    threads: Threads = THREADS,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Also write the report to this .html file.")
    ] = None,
    lang: Language = "en",
    title: Annotated[str, typer.Option(help="The report's title above the decision [default: the scenario's].")] = "",
    logo: Annotated[Path | None, typer.Option(help="Image for the report: .png, .jpg or .svg.")] = None,
    as_json: Json = False,
    *,
    tracking: Tracking,
) -> None:
    """Simulate several policies on the same customers with the same luck, and track the runs.

    Each policy's money and every rule that it breaks stand in the table. A plan is played as it stands, whatever it
    costs; as-today for a smaller budget is scaled down evenly over time. Where the scenario states ranges under
    `uncertain`, it says between what the gain lies with what is not known, and which assumption turns the choice.
    Several scenarios are asked as one study (tenure study): which policy survives in which of them.
    """
    from experiments.firm import Firm
    from experiments.report.logo import checked_page
    from experiments.terminal.progress import progress_bars
    from experiments.terminal.summary import comparison_summary

    if len(scenarios) > 1:
        _compare_in_all(
            scenarios, policy, changes_of(change), tracking,
            one={
                "--equal-money": equal_money, "--spread": spread != "even", "--title": title, "--logo": logo,
            },
            output=output, lang=lang, budget=budget, replications=replications, samples=samples, seed=seed,
            workers=threads, as_json=as_json,
        )  # fmt: skip
        return
    checked_page(lang, logo)
    if output is not None:
        check_output(output, (".html",), [scenarios[0], logo])
    firm = Firm.open(scenarios[0], changes=changes_of(change))
    with progress_bars() as step:
        result = firm.compare(
            policy, budget=budget, spread=spread, equal_money=equal_money, replications=replications,
            samples=samples, seed=seed, threads=threads, progress=step,
        )  # fmt: skip
        result = replace(result, look={"lang": lang, "title": title, "logo": logo})
        kept = tracking.keep(result, step)
        written = None if output is None else result.report(output, lang=lang, title=title, logo=logo)
    if as_json:
        report = written or (None if kept is None else kept.report)
        print_json({
            **result.to_dict(), "report": None if report is None else str(report), "tracking_uri": None,
            **tracking.to_dict(kept),
        })  # fmt: skip
    else:
        said = comparison_summary(firm.scenario, result, result.decision) + (
            "" if written is None else f"\nReport: {written}"
        )
        kept = kept if kept is None or written is None else replace(kept, report=None)  # one report is named
        typer.echo(said + (tracking.in_words(kept) or ("" if written is None else "\nNext: open it in a browser")))


def _with_customers(scenarios: Sequence[Path]) -> Sequence[Path]:
    """Return the scenarios whose customer base is there, or that need none; of the others it is said that they go.

    Where it is there for none, all are returned: whoever opens the first says what is wrong.
    """
    import warnings

    from sim.errors import NotAsWritten
    from sim.scenario.file import load

    lacking = {path: missing[0] for path in scenarios if (missing := [
        file for file in load(path).base_files.values() if not file.exists()
    ])}  # fmt: skip
    kept = [path for path in scenarios if path not in lacking]
    for path, file in lacking.items() if kept else ():
        warnings.warn(NotAsWritten(f"{path} is left out: {file} is not there; make it first"), stacklevel=2)
    return kept or scenarios


def _compare_in_all(
    scenarios: Sequence[Path],
    policies: Sequence[str],
    changes: dict[str, Any],
    tracking: Tracking,
    *,
    one: dict[str, Any],
    output: Path | None,
    budget: float | None,
    replications: int,
    samples: int | None,
    seed: int,
    **how: Any,
) -> None:
    """Compare policies in several scenarios: the study that asks this; ``one``: options that go with one scenario."""
    from experiments.cli.studies import ask
    from experiments.study.ask import read_study

    for option, given in one.items():
        if given:
            raise InputError(f"{option}: goes with one scenario; leave it out, or compare them one by one")
    if output is not None:
        check_output(output, (".html",), scenarios)
    scenarios = _with_customers(scenarios)
    named = [str(path) for path in scenarios]
    stems = [path.stem for path in scenarios]
    titles = stems if len(set(stems)) == len(stems) else named
    if len(set(titles)) < len(titles):
        raise InputError(f"{named[0]}: a scenario is named twice; name each once")
    worlds = {
        title: {"from": file, "set": changes} if changes else file for title, file in zip(titles, named, strict=True)
    }
    content: dict[str, Any] = {
        "name": tracking.name or f"compare {', '.join(titles)}", "note": tracking.note or " ",
        "worlds": worlds, "policies": list(policies),
        "replications": replications, "samples": samples, "seed": seed,
    }  # fmt: skip
    content |= {} if budget is None else {"budgets": [budget]}
    ask(read_study(content), tracking, output=output, **how)
