"""The command line: ``tenure``. Imports nothing heavy until a command needs it.

Exit codes: 0 done, 1 failed, 2 bad input (one line on standard error, no traceback).
"""

import json
import math
import os
import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.inputs import check_table_file, chosen_policies, open_scenario
from sim.errors import InputError, TenureError

__all__ = ["app", "main"]

app = typer.Typer(
    name="tenure",
    help="Simulate a firm's customers as assets and find the marketing budget that makes them worth most.\n\n"
    "Start with: tenure demo",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="Scenario file (YAML).")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else.")]
Seed = Annotated[int, typer.Option(help="Which luck; the same seed gives the same numbers.", min=0, max=2**32 - 1)]
NoSeed = Annotated[int, typer.Option("--seed", help="Taken by every command; this one draws nothing that varies.")]
Replications = Annotated[int, typer.Option(help="How many times to simulate.", min=1, max=100_000)]
Threads = Annotated[int, typer.Option(help="Threads to use; results do not depend on it.", min=1, max=256)]
BudgetOption = Annotated[float | None, typer.Option(help="Money over the horizon [default: the scenario's].")]

TargetingOption = Annotated[
    str, typer.Option(help="What the firm tells apart when it spends: segment, stage (segment and stage) or state.")
]

THREADS = os.cpu_count() or 1
DEFAULT_REPLICATIONS = 20
INTERRUPTED = 130
"""What the option parser makes of Ctrl-C."""


def _example(text: str) -> str:
    return f"Example: {text}"


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"tenure {installed('tenure')}")
        raise typer.Exit


@app.command(epilog=_example("tenure demo --folder first-look"))
def demo(
    folder: Annotated[Path, typer.Option(help="Where to write; made if missing.")] = Path(),
    seed: Seed = 0,
    force: Annotated[bool, typer.Option("--force", help="Write the demo's scenario.yaml over an edited one.")] = False,
    threads: Threads = THREADS,
    as_json: Json = False,
) -> None:
    """Run everything once on 23,570 real customers: fit, simulate, optimise, compare, track, report."""
    from experiments.demo import run_demo
    from experiments.progress import progress_bars

    with progress_bars() as step:
        done = run_demo(folder, seed=seed, force=force, threads=threads, step=step)
    if as_json:
        _print_json(done.to_dict())
        return
    from experiments.summary import demo_summary

    typer.echo(demo_summary(done, folder))


@app.command(epilog=_example("tenure calibrate orders.csv -o scenario.yaml"))
def calibrate(
    purchases: Annotated[Path, typer.Argument(metavar="PURCHASES", help="CSV or Parquet, one row per purchase.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Scenario file to write.")] = Path("scenario.yaml"),
    customer: Annotated[str | None, typer.Option(help="Column of the customer [default: guessed].")] = None,
    date: Annotated[str | None, typer.Option(help="Column of the date [default: guessed].")] = None,
    amount: Annotated[str | None, typer.Option(help="Column of the amount [default: guessed].")] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day to use [default: last in the file].")
    ] = None,
    currency: Annotated[str, typer.Option(help="Shown in reports.")] = "money",
    force: Annotated[bool, typer.Option("--force", help="Write over existing files.")] = False,
    seed: NoSeed = 0,
    as_json: Json = False,
) -> None:
    """Turn a file of purchases into a customer base and a scenario to edit.

    First purchases in the file count as the customers' first: leave out customers acquired before the file begins.
    """
    from experiments.calibrate import calibrate_purchases

    columns = {"customer_id": customer, "date": date, "amount": amount}
    done = calibrate_purchases(
        purchases, output, {role: name for role, name in columns.items() if name}, as_of.date() if as_of else None,
        currency=currency, force=force,
    )  # fmt: skip
    if as_json:
        _print_json(done.to_dict())
    else:
        typer.echo(done.to_text())


@app.command(epilog=_example("tenure check scenario.yaml"))
def check(scenario: ScenarioFile, seed: NoSeed = 0, as_json: Json = False) -> None:
    """Validate a scenario and say in words what it means."""
    from experiments.describe import describe
    from optimizer.problem import budget_in_force, reference_spend

    found, twin = open_scenario(scenario)
    text = describe(found, twin)
    if as_json:
        money = {"reference_spend": reference_spend(twin.chain), "budget": budget_in_force(found, twin.chain)}
        _print_json({"name": found.name, "hash": found.hash, **money, "text": text})
    else:
        typer.echo(f"{text}\n\nThe scenario is valid. Next: tenure optimize {shlex.quote(str(scenario))} -o plan.json")


@app.command(epilog=_example("tenure schema > scenario.schema.json"))
def schema(seed: NoSeed = 0, as_json: Json = True) -> None:
    """Print the JSON Schema of scenario files, for editors: every key with its unit and default."""
    from sim.scenario import Scenario

    content = Scenario.model_json_schema()
    content["properties"].pop("folder")
    _print_json(content)


@app.command(epilog=_example("tenure simulate scenario.yaml --policy as-today --table months.csv"))
def simulate(
    scenario: ScenarioFile,
    policy: Annotated[str, typer.Option(help="A policy's name or a plan file.")] = "as-today",
    budget: BudgetOption = None,
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
    from experiments.compare import compare
    from experiments.progress import progress_bars
    from experiments.simulate import Part, follow
    from experiments.summary import simulation_dict, simulation_summary

    in_parts = until is not None or save is not None or resume is not None
    if in_parts and replications not in (None, 1):
        raise InputError(f"--replications {replications}: --until, --save and --resume follow one market; leave it out")
    if table is not None:
        check_table_file(table)
    found, twin = open_scenario(scenario)
    with progress_bars() as step:
        if in_parts:
            part = follow(
                found, twin, policy, budget, seed=seed, threads=threads, until=until, save=save, resume=resume,
                progress=step("Simulating"),
            )  # fmt: skip
        else:
            total, [(chosen, _)] = chosen_policies([policy], found, twin, budget)
            number = DEFAULT_REPLICATIONS if replications is None else replications
            part = Part(
                compare(
                    twin, [chosen], total, seed=seed, replications=number, threads=threads,
                    progress=step("Simulating"),
                )
            )  # fmt: skip
    if table is not None:
        part.comparison.outcomes[0].history.save(table)
    if as_json:
        _print_json(simulation_dict(twin, part))
    else:
        typer.echo(simulation_summary(twin, part, scenario, policy))


@app.command(epilog=_example("tenure trace scenario.yaml --customer 17 --policy as-today"))
def trace(
    scenario: ScenarioFile,
    customer: Annotated[
        str | None,
        typer.Option(help="A number from 0 on inside a segment; or a base's customer id [default: the first]."),
    ] = None,
    segment: Annotated[str | None, typer.Option(help="Whose customer [default: the first with people].")] = None,
    policy: Annotated[str, typer.Option(help="A policy's name or a plan file.")] = "as-today",
    budget: BudgetOption = None,
    seed: Seed = 0,
    threads: Threads = THREADS,
    as_json: Json = False,
) -> None:
    """Tell one customer's life: what the firm saw, what was true, what it bought and what was spent on it."""
    from experiments.progress import progress_bars
    from experiments.story import life_in_words
    from experiments.trace import trace_life

    found, twin = open_scenario(scenario)
    total, [(chosen, _)] = chosen_policies([policy], found, twin, budget)
    with progress_bars() as step:
        life = trace_life(
            twin, chosen, total, segment=segment, customer=customer, seed=seed, threads=threads,
            progress=step("Simulating"),
        )  # fmt: skip
    if as_json:
        _print_json(life.to_dict())
    else:
        typer.echo(life_in_words(life, scenario))


@app.command(epilog=_example("tenure optimize scenario.yaml --budget 200000 -o plan.json"))
def optimize(
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
    base: Annotated[Path | None, typer.Option(help="Plan that --more, --within and --freeze start from.")] = None,
    more: Annotated[float | None, typer.Option(help="Where this money should go on top of --base.")] = None,
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
    time_limit: Annotated[
        float | None,
        typer.Option(
            help="Seconds for the plan's search, and for each bound; below 10 no tighter bound.",
            min=0.1,
        ),
    ] = None,
    bound_steps: Annotated[
        int, typer.Option(help="Steps towards a tighter bound; 0: a quick one.", min=0, max=100_000)
    ] = 200,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Plan file to write: .json, .csv or .xlsx (Excel).")
    ] = Path("plan.json"),
    seed: NoSeed = 0,
    threads: Threads = THREADS,
    as_json: Json = False,
) -> None:
    """Find the plan that makes customers worth most under the scenario's rules, with its bound and prices."""
    from dataclasses import replace

    from experiments.progress import progress_bars
    from experiments.questions import question_of
    from experiments.summary import plan_summary, targeting_summary
    from optimizer.optimise import solved
    from optimizer.plan_files import check_plan_file

    check_plan_file(output)
    found, twin = open_scenario(scenario)
    if value_of_targeting:
        from optimizer.frontier import value_of_targeting as compared

        with progress_bars() as step:
            ways = compared(found, twin.chain, budget, threads=threads, progress=step("Optimising"))
        if as_json:
            _print_json({"targetings": [{"name": w.name, "asset": w.asset, "lift": w.lift} for w in ways]})
        else:
            typer.echo(targeting_summary(ways, found.currency, scenario))
        return
    question = question_of(
        found, twin, budget=budget, targeting=targeting, reach=reach, base=base, more=more, within=within,
        freeze=freeze or [],
    )  # fmt: skip
    starts = None if question.base is None else [question.base]
    with progress_bars() as step:
        plan = solved(
            found, question.problem(found, twin.chain), starts=starts, threads=threads, progress=step("Optimising"),
            seconds=math.inf if time_limit is None else time_limit, bound_steps=bound_steps,
        )  # fmt: skip
    plan = replace(plan, scenario_file=str(scenario))
    plan.save(output)
    if as_json:
        _print_json({**json.loads(plan.to_json()), "file": str(output)})
    else:
        typer.echo(
            f"{plan_summary(plan, found.currency)}\n\nWritten to {output}. "
            f"Next: tenure compare {shlex.quote(str(scenario))} --policy as-today --policy {shlex.quote(str(output))}"
        )


@app.command(epilog=_example("tenure explain plan.json --simplest simplest.json"))
def explain(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="Plan file that `tenure optimize` wrote.")],
    scenario: Annotated[
        Path | None, typer.Option(help="Scenario file [default: the one that the plan was made for].")
    ] = None,
    simplest: Annotated[
        Path | None, typer.Option(help="Also write the simplest plan to this .json, .csv or .xlsx file.")
    ] = None,
    keep: Annotated[
        float, typer.Option(help="Share of the lift that the simplest plan keeps.", min=0.01, max=1)
    ] = 0.97,
    budget: Annotated[float | None, typer.Option(help="Money over the horizon [default: the plan's].")] = None,
    seed: NoSeed = 0,
    as_json: Json = False,
) -> None:
    """Say why a plan gives more to some than to others: what each line brings, rules cost, can move, can go."""
    from dataclasses import replace

    from experiments.explain import explain_plan, explanation_in_words
    from experiments.inputs import open_plan
    from experiments.progress import progress_bars
    from optimizer.plan_files import check_plan_file

    if simplest is not None:
        check_plan_file(simplest)
    file, found, twin, made = open_plan(plan, scenario)
    with progress_bars() as step:
        answer = explain_plan(found, twin, made, budget=budget, keep=keep, step=step)
    if simplest is not None and answer.simplest is not None:
        replace(answer.simplest.plan, scenario_file=str(file)).save(simplest)
    else:
        simplest = None
    if as_json:
        _print_json({**answer.to_dict(), "file": None if simplest is None else str(simplest)})
    else:
        typer.echo(explanation_in_words(answer, plan, file, simplest))


@app.command(epilog=_example("tenure frontier scenario.yaml --budgets 100000,200000,400000"))
def frontier(
    scenario: ScenarioFile,
    budgets: Annotated[
        str | None,
        typer.Option(help="Budgets, separated by commas [default: even steps up to where more pays no more]."),
    ] = None,
    number: Annotated[int, typer.Option(help="How many even steps.", min=1, max=200)] = 8,
    targeting: TargetingOption = "state",
    bound: Annotated[bool, typer.Option(help="Prove a bound at each budget.")] = True,
    table: Annotated[Path | None, typer.Option(help="Also write the points to this .csv or .parquet file.")] = None,
    seed: NoSeed = 0,
    threads: Threads = THREADS,
    as_json: Json = False,
) -> None:
    """Show the most customer asset by budget, where more stops paying, and winning against keeping along the way."""
    from experiments.frontier import budgets_of, frontier_rows, frontier_summary, write_rows
    from experiments.progress import progress_bars
    from optimizer.frontier import frontier as trace_frontier

    if table is not None:
        check_table_file(table)
    found, twin = open_scenario(scenario)
    with progress_bars() as step:
        curve = trace_frontier(
            found, twin.chain, budgets_of(budgets), number=number, targeting=targeting, bounded=bound, threads=threads,
            progress=step("Optimising"),
        )  # fmt: skip
    if table is not None:
        write_rows(frontier_rows(curve), table)
    if as_json:
        _print_json({"points": frontier_rows(curve), "sweet_spot": frontier_rows(curve)[-1]})
    else:
        typer.echo(frontier_summary(curve, found, scenario))


@app.command(epilog=_example("tenure allocate curves.csv --budget 1000 --period-share 0.3 --floor tv=100"))
def allocate(
    curves: Annotated[
        Path, typer.Argument(metavar="CURVES", help="CSV with channel, period (may be missing), spend, response.")
    ],
    budget: Annotated[float | None, typer.Option(help="Money over all periods [default: the rules file's].")] = None,
    rules: Annotated[Path | None, typer.Option(help="Rules file (YAML): see examples/allocate.")] = None,
    carry_over: Annotated[
        str | None, typer.Option(help="Weights of this period's spend, the last one's, ...: e.g. .6,.3,.1")
    ] = None,
    period_share: Annotated[float | None, typer.Option(help="Largest share of the budget in one period.")] = None,
    floor: Annotated[list[str] | None, typer.Option(metavar="CHANNEL=MONEY", help="At least; repeat.")] = None,
    cap: Annotated[list[str] | None, typer.Option(metavar="CHANNEL=MONEY", help="At most; repeat.")] = None,
    periods: Annotated[
        int | None, typer.Option(help="Repeat curves that name no period so often.", min=1, max=1200)
    ] = None,
    time_limit: Annotated[
        float, typer.Option(help="Seconds; then the best plan so far, with its gap.", min=0.01, max=1e6)
    ] = 60.0,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write .csv, .json or .xlsx.")] = None,
    seed: NoSeed = 0,
    as_json: Json = False,
) -> None:
    """Split a budget over response curves from elsewhere, such as a marketing-mix model's, under rules.

    Curves are straight between points and flat beyond the last; they may bend up and down, but not fall. Carry-over
    comes before the curve: a period's response is to the weighted spend of it and the periods before.
    """
    from experiments.allocate import run_allocate

    run_allocate(
        curves, rules, output, budget=budget, periods=periods, carry_over=carry_over, period_share=period_share,
        floors=floor or [], caps=cap or [], time_limit=time_limit, tell=_print_json if as_json else None,
    )  # fmt: skip


@app.command(epilog=_example("tenure risk scenario.yaml --samples 12 --caution 0.5 -o cautious.json"))
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
    seed: Seed = 0,
    threads: Threads = THREADS,
    as_json: Json = False,
) -> None:
    """Make one plan for all that the scenario's `uncertain` ranges allow, and say which assumption to test next."""
    from experiments.progress import progress_bars
    from experiments.risk import risk_dict, risk_summary
    from optimizer.plan_files import check_plan_file
    from optimizer.risk import risk as weigh
    from sim.scenario import load
    from sim.twin import build

    if output is not None:
        check_plan_file(output)
    found = load(scenario)
    with progress_bars() as step:
        result = weigh(
            found, lambda each: build(each).chain, budget, samples=samples, tail=tail, caution=caution,
            targeting=targeting, bounded=bound, seed=seed, threads=threads, progress=step("Weighing assumptions"),
        )  # fmt: skip
    if output is not None:
        result.cautious.save(output)
    if as_json:
        _print_json(risk_dict(result))
    else:
        typer.echo(risk_summary(result, found, scenario, tail, output))


@app.command(epilog=_example("tenure compare scenario.yaml --policy as-today --policy even-split --policy plan.json"))
def compare(
    scenario: ScenarioFile,
    policy: Annotated[
        list[str], typer.Option(help="A policy's name or a plan file; repeat. The first is the reference.")
    ] = ["as-today", "no-spend"],  # noqa: B006 - typer wants a plain list
    budget: BudgetOption = None,
    replications: Replications = DEFAULT_REPLICATIONS,
    seed: Seed = 0,
    threads: Threads = THREADS,
    folder: Annotated[Path, typer.Option(help="Where the MLflow store and the report go.")] = Path(),
    track: Annotated[bool, typer.Option(help="Log the runs to MLflow and write a report.")] = True,
    as_json: Json = False,
) -> None:
    """Simulate several policies on the same customers with the same luck, and track the runs."""
    from experiments.compare import compare as run
    from experiments.progress import progress_bars
    from experiments.summary import comparison_summary
    from sim.files import writable_folder

    found, twin = open_scenario(scenario)
    total, chosen = chosen_policies(policy, found, twin, budget)
    names = [each.name for each, _ in chosen]
    doubled = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if doubled is not None:
        raise InputError(f"policy '{doubled}' is named twice; name each policy once")
    plans = [(each.name, plan) for each, plan in chosen if plan is not None]
    proven, plan = plans[0] if len(plans) == 1 else ("plan", None)
    if track:
        folder = writable_folder(folder)
    report, uri = None, None
    with progress_bars() as step:
        result = run(
            twin,
            [each for each, _ in chosen],
            total,
            seed=seed,
            replications=replications,
            threads=threads,
            progress=step("Simulating"),
        )
        if track:
            from experiments.report import write_report
            from experiments.tracking import log_study

            step("Logging to MLflow")
            report = folder / "report.html"
            write_report(report, scenario=found, twin=twin, comparison=result, plan=plan, plan_policy=proven)
            uri = log_study(
                folder,
                scenario=found,
                comparison=result,
                plan=plan,
                report=report,
                seed=seed,
                study="compare",
                scenario_file=scenario,
                plan_policy=proven,
            ).tracking_uri
    if as_json:
        _print_json(
            {
                "scenario": found.name,
                "budget": total,
                "policies": result.to_rows(),
                "report": None if report is None else str(report),
                "tracking_uri": uri,
            }
        )
    else:
        typer.echo(comparison_summary(found, result, report, folder if track else None))


@app.command(epilog=_example("tenure ui --folder first-look"))
def ui(
    folder: Annotated[Path, typer.Option(help="Where the MLflow store is.")] = Path(),
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 5000,
    seed: NoSeed = 0,
    as_json: Json = False,
) -> None:
    """Serve the MLflow UI for a folder's runs on 127.0.0.1, until Ctrl-C."""
    from experiments.tracking import serve

    def announce(url: str) -> None:
        typer.echo(json.dumps({"leaderboard": url}) if as_json else f"Leaderboard: {url}\nStop with Ctrl-C.")

    serve(folder, port, announce=announce)


def _print_json(content: dict[str, Any]) -> None:
    typer.echo(json.dumps(_finite(content)))


def _finite(value: Any) -> Any:
    """Return ``value`` with null for every number that is not one."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def main() -> None:
    """Run the command line; every expected failure is one line on standard error."""
    command = typer.main.get_command(app)
    try:
        code = command.main(args=sys.argv[1:] or ["--help"], prog_name="tenure", standalone_mode=False)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        sys.exit(code if isinstance(code, int) else 0)
    except TenureError as error:
        _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _fail("stopped", 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if hasattr(error, "format_message"):  # what the option parser refuses
            if not error.format_message():
                sys.exit(2)
            _fail(f"{error.format_message()} See `tenure --help`.", 2)
        raise


def _fail(message: str, code: int) -> None:
    print(f"tenure: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)
