"""Commands that look at plans there are: why, by quarter, side by side. Nothing heavy is imported until one runs."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.options import Changes, Json, NoSeed, SpreadOption, commands, money, print_json, say
from experiments.cli.output import with_output
from experiments.cli.tracking import Tracking, with_tracking
from experiments.cli.words import changes_of
from sim.errors import InputError
from sim.files import check_output

__all__ = ["group"]

group = commands()

SCENARIO_FILES = (".yaml", ".yml")


@group.command(epilog="Example: tenure explain plan.json --simplest simplest.json")
@with_output
@with_tracking()
def explain(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="Plan file that `tenure optimize` wrote.")],
    scenario: Annotated[
        Path | None, typer.Option(help="Scenario file [default: the one that the plan was made for].")
    ] = None,
    simplest: Annotated[
        Path | None,
        typer.Option(help="Also write the simplest plan to this .json, .csv or .xlsx file."),
    ] = None,
    keep: Annotated[
        float, typer.Option(help="Share of the lift that the simplest plan keeps.", min=0.01, max=1)
    ] = 0.97,
    line: Annotated[
        str | None,
        typer.Option(help='Explain one line only, one that gets nothing included, e.g. "silver A/winback".'),
    ] = None,
    budget: Annotated[
        float | None, typer.Option(parser=money, metavar="MONEY", help="Money over the horizon [default: the plan's].")
    ] = None,
    change: Changes = None,
    seed: NoSeed = 0,
    as_json: Json = False,
    *,
    tracking: Tracking,
) -> None:
    """Say why a plan gives more to some than to others: what each line brings, rules cost, can move, can go.

    A line is one segment's money through one lever; with --line one of them is explained, in a moment.
    """
    from experiments.firm import Firm
    from experiments.terminal.progress import progress_bars
    from experiments.words.explain import explanation_in_words
    from optimizer.plan_files import PLAN_FILES

    if line is not None and simplest is not None:
        raise InputError("--line explains one line and makes no simpler plan; leave out --simplest")
    if simplest is not None:
        check_output(simplest, PLAN_FILES, [plan, scenario])
    firm = Firm.of_plan(plan, scenario, changes=changes_of(change), outputs=[simplest])
    file = Path(str(firm.file))
    if simplest is not None:
        check_output(simplest, others=[file])
    if line is not None:
        with progress_bars() as step:
            one = firm.explain_line(plan, line, budget=budget, progress=step)
            kept = tracking.keep(one, step)
        if as_json:
            print_json({**one.to_dict(), **tracking.to_dict(kept)})
        else:
            then = f"Next: tenure explain {shlex.quote(str(plan))}, for all lines"
            typer.echo(f"{one.answer()}\n\n{then}{tracking.in_words(kept)}")
        return
    with progress_bars() as step:
        answer = firm.explain(plan, budget=budget, keep=keep, progress=step)
        kept = tracking.keep(answer, step)
    if simplest is not None and answer.simplest is not None:
        answer.simplest.plan.save(simplest)
    else:
        simplest = None
    if as_json:
        print_json({**answer.to_dict(), "file": None if simplest is None else str(simplest), **tracking.to_dict(kept)})
    else:
        words = explanation_in_words(answer, plan, file, simplest)
        say(f"{words}{tracking.in_words(kept)}", file, change)


@group.command(epilog="Example: tenure split plan.json --by quarter -o split.csv")
def split(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="Plan file that `tenure optimize` wrote.")],
    scenario: Annotated[
        Path | None, typer.Option(help="Scenario file [default: the one that the plan was made for].")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="week, month, quarter, half or year [default: quarters, or periods where these are longer]."),
    ] = None,
    spread: SpreadOption = "even",
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Table to write: .csv (long), or .xlsx (a column for each time).")
    ] = Path("split.csv"),
    change: Changes = None,
    seed: NoSeed = 0,
    as_json: Json = False,
) -> None:
    """Write a plan's money by segment, lever and quarter: to edit in a spreadsheet, and to play with --policy.

    It also says what the table brings when it is played, and what evening out inside its cells costs.
    """
    from experiments.firm import Firm
    from experiments.terminal.summary import split_summary
    from optimizer.money.sheets import SPLIT_FILES

    check_output(output, SPLIT_FILES, [plan, scenario])
    firm = Firm.of_plan(plan, scenario, changes=changes_of(change), outputs=[output])
    check_output(output, others=[firm.file])
    table = firm.split(plan, by, spread)
    table.save(output)
    if as_json:
        print_json({**table.to_dict(), "file": str(output)})
    else:
        words = split_summary(table.answer(), *table.shown_table(), plan, Path(str(firm.file)), output, spread)
        say(words, firm.file, change)


@group.command(epilog="Example: tenure diff plan.json more.json; or: tenure diff scenario.yaml --set margin=0.35")
@with_output
def diff(
    first: Annotated[Path, typer.Argument(metavar="A", help="A plan file; or a scenario file.")],
    second: Annotated[
        Path | None, typer.Argument(metavar="B", help="Another of the kind; a scenario may do without, with --set.")
    ] = None,
    scenario: Annotated[
        Path | None, typer.Option(help="Scenario file [default: the one that A, or else B, was made for].")
    ] = None,
    change: Changes = None,
    seed: NoSeed = 0,
    as_json: Json = False,
) -> None:
    """Show two plans side by side: by segment, lever and quarter what moved, and what it brings.

    Of two scenario files it says which keys differ, with their values; --set changes B, or A where there is no B. Of
    two plans --set changes the scenario that they are held against.
    """
    from experiments.firm import Firm
    from experiments.terminal.progress import progress_bars
    from experiments.words.difference import difference_in_words
    from optimizer.plan import scenario_file_of

    given = [each for each in (first, second) if each is not None]
    if all(each.suffix in SCENARIO_FILES for each in given):
        if scenario is not None:
            raise InputError("--scenario says what plans are for; leave it out to compare two scenarios")
        _diff_of_scenarios(first, second, change, as_json)
        return
    mixed = next((each for each in given if each.suffix in SCENARIO_FILES), None)
    if mixed is not None:
        raise InputError(f"{mixed}: is a scenario beside a plan; give two plan files or two scenario files")
    if second is None:
        raise InputError(f"{first}: is a plan; give the plan file to hold against it too")
    made_for = first if scenario is not None or scenario_file_of(first) is not None else second
    firm = Firm.of_plan(made_for, scenario, changes=changes_of(change))
    with progress_bars() as step:
        found = firm.diff(first, second, progress=step)
    if as_json:
        print_json({**found.to_dict(), "files": [str(first), str(second)]})
        return
    found_in = firm.scenario
    words = difference_in_words(found, *found.names, found_in.period, found_in.currency)
    plans = " ".join(f"--policy {shlex.quote(str(each))}" for each in (first, second))
    say(f"{words}\n\nNext: tenure compare {shlex.quote(str(firm.file))} {plans}", firm.file, change)


def _diff_of_scenarios(first: Path, second: Path | None, change: list[str] | None, as_json: bool) -> None:
    from experiments.words.difference import scenarios_differ, scenarios_in_words
    from sim.scenario.file import load

    if second is None and not change:
        raise InputError(f"{first}: give another scenario file, or changes of this one, e.g. --set margin=0.35")
    other = first if second is None else second
    differ = scenarios_differ(load(first), load(other, changes_of(change)))
    names = [str(first), f"{other} with --set" if change else str(other)]
    if as_json:
        print_json({"files": [str(first), str(other)], "set": changes_of(change), "differ": differ})
    else:
        check = f"tenure check {shlex.quote(str(other))}"
        say(f"{scenarios_in_words(differ, *names)}\n\nNext: {check}", other, change)
