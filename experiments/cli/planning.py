"""Commands that make a plan or say why it is as it is. Nothing heavy is imported until one runs."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.cli.options import (
    THREADS,
    BudgetOption,
    Changes,
    Json,
    NoSeed,
    ScenarioFile,
    Seed,
    SpreadOption,
    TargetingOption,
    Threads,
    commands,
    money,
    print_json,
    say,
)
from experiments.cli.tracking import Tracking, with_tracking
from experiments.cli.words import OPTIONS, amounts_by_channel, budgets_of, changes_of, money_by_channel, weights_of
from sim.errors import InputError, RulesError
from sim.files import TABLE_FILES, check_output, write_table

__all__ = ["group"]

group = commands()


def _aims() -> list[tuple[str, str]]:
    """Return what may be completed, with what it means."""
    return [
        ("mean", "the most in the mean of samples"),
        ("cautious", "half the mean, half the mean of the worst part"),
        ("quantile", "the most that is missed in a share --tail of the samples"),
    ]


@group.command(epilog="Example: tenure optimize scenario.yaml --budget 200000 -o plan.json")
@with_tracking()
def optimize(
    context: typer.Context,
    scenario: ScenarioFile,
    budget: BudgetOption = None,
    targeting: TargetingOption = "state",
    reach: Annotated[
        str | None,
        typer.Option(
            help="Least money that reaches a target instead: asset=, kept=, customers=, core=, satisfaction=NUMBER; or "
            "return=NUMBER, the most asset whose lift is at least so much by unit of money."
        ),
    ] = None,
    starts: Annotated[
        list[str] | None,
        typer.Option("--from", help="Plan file or table of money to improve; repeat. Today's is always a start."),
    ] = None,
    spread: SpreadOption = "even",
    base: Annotated[Path | None, typer.Option(help="Plan that --more, --within and --freeze start from.")] = None,
    more: Annotated[
        float | None,
        typer.Option(
            parser=money,
            metavar="MONEY",
            help="Where this money should go on top of --base; below 0: who loses first when it is taken.",
        ),
    ] = None,
    within: Annotated[
        float | None, typer.Option(help="Stay within this share (.2: 20 %) of --base, or else of today's spend.")
    ] = None,
    freeze: Annotated[
        list[str] | None,
        typer.Option(help="Keep a slice of --base as it is, e.g. segment=gold,lever=retention,to=6; repeat."),
    ] = None,
    value_of_targeting: Annotated[
        bool, typer.Option("--value-of-targeting", help="What telling customers apart is worth, for the same money.")
    ] = False,
    aim: Annotated[
        str | None,
        typer.Option(
            "--for",
            help="One plan for all that the ranges under `uncertain` allow: mean, cautious (as tenure risk) or "
            "quantile [default: the scenario as it stands].",
            autocompletion=_aims,
        ),
    ] = None,
    samples: Annotated[int, typer.Option(help="With --for: samples of the uncertain numbers.", min=2)] = 12,
    tail: Annotated[
        float, typer.Option(help="With --for: share of the samples that caution and quantile look at.", min=0.01, max=1)
    ] = 0.2,
    time_limit: Annotated[
        float | None,
        typer.Option(
            help="Seconds for the plan's search, and for each bound; below 10 no tighter bound.",
            min=0.1,
        ),
    ] = None,
    bound_steps: Annotated[
        int | None,
        typer.Option(
            help="Steps towards a tighter bound; 0: a quick one. Else at most 200.",
            min=0,
            max=100_000,
        ),
    ] = None,
    prices: Annotated[
        bool, typer.Option("--prices", help="Follow every rule's price as far as it holds, not the budget's alone.")
    ] = False,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Plan file to write: .json, .csv or .xlsx (Excel).")
    ] = Path("plan.json"),
    change: Changes = None,
    seed: Seed = 0,
    threads: Threads = THREADS,
    as_json: Json = False,
    *,
    tracking: Tracking,
) -> None:
    """Find the plan that makes customers worth most under the scenario's rules, with its bound and prices.

    --json prints what plan.json holds. Every key with its unit is in docs/plan-files.md, and in the sheet "about" of a
    plan written as .xlsx. With --reach "goal" is "least_money", the key "least_money" says what any plan needs, and
    "bound" is null.
    """
    from experiments.chosen import refuse_idle_spread
    from experiments.firm import Firm
    from experiments.question import Question, worth_of_starts
    from experiments.terminal.progress import progress_bars
    from experiments.terminal.summary import plan_summary, starts_summary, targeting_summary
    from experiments.words.classes import classes_in_words
    from experiments.words.difference import losers_in_words
    from optimizer.plan_files import PLAN_FILES

    if value_of_targeting:
        _refuse_beside_targeting(context)
    if aim is None and (idle := _given(context, ("samples", "tail"))):
        raise InputError(f"{', '.join(idle)}: says how samples are weighed; give --for too")
    check_output(output, PLAN_FILES, [scenario, base, *map(Path, starts or ())])
    firm = Firm.open(scenario, changes=changes_of(change), outputs=[output])
    if value_of_targeting:
        with progress_bars() as step:
            ways = firm.value_of_targeting(budget, threads=threads, progress=step)
        if as_json:
            print_json(ways.to_dict())
        else:
            say(targeting_summary(ways.ways, firm.scenario.currency, scenario), scenario, change)
        return
    refuse_idle_spread(spread, starts or ())
    begun = {name: firm.load_plan(name, spread) for name in starts or ()}
    question = Question(budget, targeting, reach, base, more, within, freeze or (), tuple(begun.values()))
    with progress_bars() as step:
        plan = firm.optimize(
            question,
            aim=aim,
            samples=samples,
            tail=tail,
            seed=seed,
            time_limit=time_limit,
            bound_steps=bound_steps,
            prices=prices,
            threads=threads,
            progress=step,
        )
    plan.save(output)
    worth = worth_of_starts(question, firm.twin, begun) if begun else []
    taken = base is not None and more is not None and more < 0
    with progress_bars() as step:
        losers = firm.losers(base, plan, threads=threads, progress=step) if base is not None and taken else ()
        kept = tracking.keep(plan, step)
    if as_json:
        more_said: dict[str, Any] = {"starts": worth} if begun else {}
        more_said |= {"loses": [asdict(each) for each in losers]} if taken else {}
        more_said |= {"left_out": firm.left_out} if firm.left_out else {}
        print_json({**json.loads(plan.to_json()), **more_said, "file": str(output), **tracking.to_dict(kept)})
    else:
        said = f"\n\n{losers_in_words(losers)}" if taken else ""
        without = "".join(f"{each}\n" for each in firm.left_out) + ("\n" if firm.left_out else "")
        say(
            f"{plan_summary(plan, firm.scenario.currency)}{_made_for(aim, samples, tail)}{said}\n"
            f"{starts_summary(plan, worth)}\n"
            f"{classes_in_words(plan, firm.twin)}{without}Written to {output}. "
            f"Next: tenure compare {shlex.quote(str(scenario))} --policy as-today --policy {shlex.quote(str(output))}"
            f"{tracking.in_words(kept)}",
            scenario, change,
        )  # fmt: skip


def _made_for(aim: str | None, samples: int, tail: float) -> str:
    """Return which worlds a plan was made for; nothing for the scenario as it stands."""
    if aim is None:
        return ""
    what = {
        "mean": "the mean", "cautious": f"the mean and the worst {tail:.0%}", "quantile": f"the {tail:.0%} quantile",
    }[aim]  # fmt: skip
    return f"\nMade for {what} of {samples} worlds drawn from the ranges under `uncertain`; figures are as stated."


def _refuse_beside_targeting(context: typer.Context) -> None:
    """Raise where an option was given that the comparison of targetings does not heed."""
    unheeded = (
        "targeting",
        "reach",
        "starts",
        "spread",
        "base",
        "more",
        "within",
        "freeze",
        "aim",
        "time_limit",
        "bound_steps",
        "prices",
        "output",
        "track",
    )
    if given := _given(context, unheeded):
        raise InputError(
            f"--value-of-targeting compares whole plans for one budget and writes none; leave out {', '.join(given)}"
        )


def _given(context: typer.Context, names: Sequence[str]) -> list[str]:
    """Return the options of those names that were given."""
    # The source by name: typer brings a click of its own.
    given = [name for name in names if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"]
    return [OPTIONS.get(name, f"--{name.replace('_', '-')}") for name in given]


@group.command(epilog="Example: tenure frontier scenario.yaml --budgets 100000,200000,400000")
@with_tracking()
def frontier(
    scenario: ScenarioFile,
    budgets: Annotated[
        str | None,
        typer.Option(help="Budgets, separated by commas [default: even steps up to where more pays no more]."),
    ] = None,
    number: Annotated[int, typer.Option(help="How many even steps.", min=1, max=200)] = 8,
    targeting: TargetingOption = "state",
    bound: Annotated[bool, typer.Option(help="Prove a bound at each budget.")] = True,
    table: Annotated[
        Path | None,
        typer.Option("-o", "--output", "--table", help="Also write the points to this .csv or .parquet file."),
    ] = None,
    change: Changes = None,
    seed: NoSeed = 0,
    threads: Threads = THREADS,
    as_json: Json = False,
    *,
    tracking: Tracking,
) -> None:
    """Show the most customer asset by budget, where more stops paying, and winning against keeping along the way."""
    from experiments.firm import Firm
    from experiments.terminal.frontier import frontier_summary
    from experiments.terminal.progress import progress_bars

    if table is not None:
        check_output(table, TABLE_FILES, [scenario])
    firm = Firm.open(scenario, changes=changes_of(change), outputs=[table])
    with progress_bars() as step:
        curve = firm.frontier(
            budgets_of(budgets), number=number, targeting=targeting, bound=bound, threads=threads, progress=step
        )
        kept = tracking.keep(curve, step)
    if table is not None:
        write_table(table, curve.to_frame())
    if as_json:
        print_json({**curve.to_dict(), **tracking.to_dict(kept)})
    else:
        say(frontier_summary(curve, firm.scenario, scenario) + tracking.in_words(kept), scenario, change)


@group.command(epilog="Example: tenure allocate curves.csv --budget 1000 --period-share 0.3 --floor tv=100")
@with_tracking()
def allocate(
    curves: Annotated[
        Path, typer.Argument(metavar="CURVES", help="CSV with channel, period (may be missing), spend, response.")
    ],
    budget: Annotated[
        float | None,
        typer.Option(parser=money, metavar="MONEY", help="Money over all periods [default: the rules file's]."),
    ] = None,
    rules: Annotated[Path | None, typer.Option(help="Rules file (YAML): see examples/allocate.")] = None,
    carry_over: Annotated[
        str | None, typer.Option(help="Weights of this period's spend, the last one's, ...: e.g. .6,.3,.1")
    ] = None,
    before: Annotated[
        list[str] | None,
        typer.Option(metavar="CHANNEL=MONEY,...", help="Spent in the periods before the first, in order; repeat."),
    ] = None,
    reach: Annotated[
        str | None, typer.Option(metavar="response=NUMBER", help="Least budget that brings this response instead.")
    ] = None,
    period_share: Annotated[float | None, typer.Option(help="Largest share of the budget in one period.")] = None,
    floor: Annotated[list[str] | None, typer.Option(metavar="CHANNEL=MONEY", help="At least; repeat.")] = None,
    cap: Annotated[list[str] | None, typer.Option(metavar="CHANNEL=MONEY", help="At most; repeat.")] = None,
    periods: Annotated[
        int | None, typer.Option(help="Repeat curves that name no period so often.", min=1, max=1200)
    ] = None,
    time_limit: Annotated[
        float,
        typer.Option(help="Seconds; then the best plan so far, with its gap. A first may take 5.", min=0.01, max=1e6),
    ] = 60.0,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write .csv, .json or .xlsx.")] = None,
    seed: NoSeed = 0,
    as_json: Json = False,
    *,
    tracking: Tracking,
) -> None:
    """Split a budget over response curves from elsewhere, such as a marketing-mix model's, under rules.

    Curves are straight between points and flat beyond the last; they may bend up and down, and fall. Carry-over
    comes before the curve: a period's response is to the weighted spend of it and the periods before.
    """
    from experiments.allocate import allocate as split
    from experiments.results.curves import ALLOCATION_FILES
    from experiments.terminal.allocate import allocation_summary
    from experiments.terminal.progress import progress_bars

    if output is not None:
        check_output(output, ALLOCATION_FILES, [curves, rules])
    try:
        result = split(
            curves, budget=budget, rules=rules, carry_over=weights_of(carry_over), reach=reach,
            before=amounts_by_channel("--before", before), period_share=period_share,
            floor=money_by_channel("--floor", floor), cap=money_by_channel("--cap", cap), periods=periods,
            time_limit=time_limit,
        )  # fmt: skip
    except RulesError as error:
        if as_json and error.answer is not None:
            print_json({**error.answer.to_dict(), "file": None})
        raise
    if output is not None:
        result.save(output)
    with progress_bars() as step:
        kept = tracking.keep(result, step)
    if as_json:
        print_json({**result.to_dict(), "file": None if output is None else str(output), **tracking.to_dict(kept)})
    else:
        typer.echo(allocation_summary(result, curves, result.currency, output) + tracking.in_words(kept))


@group.command(epilog="Example: tenure risk scenario.yaml --samples 12 --caution 0.5 -o cautious.json")
@with_tracking()
def risk(
    scenario: ScenarioFile,
    budget: BudgetOption = None,
    targeting: TargetingOption = "state",
    samples: Annotated[
        int, typer.Option(help="Samples of the uncertain numbers; as many again score plans.", min=2)
    ] = 12,
    tail: Annotated[float, typer.Option(help="Share of the samples that caution looks at.", min=0.01, max=1)] = 0.2,
    caution: Annotated[float, typer.Option(help="0: the mean alone; 1: the worst part alone.", min=0, max=1)] = 0.5,
    bound: Annotated[bool, typer.Option("--bound", help="Prove a bound: one programme for each sample.")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the cautious plan to this file.")] = None,
    change: Changes = None,
    seed: Seed = 0,
    threads: Threads = THREADS,
    as_json: Json = False,
    *,
    tracking: Tracking,
) -> None:
    """Make one plan for all that the scenario's `uncertain` ranges allow, and say which assumption to test next."""
    from experiments.firm import Firm
    from experiments.terminal.progress import progress_bars
    from experiments.terminal.risk import risk_summary
    from optimizer.plan_files import PLAN_FILES

    if output is not None:
        check_output(output, PLAN_FILES, [scenario])
    firm = Firm.open(scenario, changes=changes_of(change), outputs=[output])
    with progress_bars() as step:
        result = firm.risk(
            budget, samples=samples, tail=tail, caution=caution, targeting=targeting, bound=bound, seed=seed,
            threads=threads, progress=step,
        )  # fmt: skip
        kept = tracking.keep(result, step)
    if output is not None:
        result.cautious.save(output)
    if as_json:
        print_json({**result.to_dict(), **tracking.to_dict(kept)})
    else:
        said = risk_summary(result, firm.scenario, scenario, tail, caution, output)
        say(said + tracking.in_words(kept), scenario, change)
