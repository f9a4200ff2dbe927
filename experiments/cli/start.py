"""Commands that come first: the demo, a scenario from purchases, and what a scenario says."""

import shlex
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.inputs import open_scenario
from experiments.cli.options import THREADS, Json, NoSeed, ScenarioFile, Seed, Threads, commands, print_json

__all__ = ["group"]

group = commands()


@group.command(epilog="Example: tenure demo --folder first-look")
def demo(
    folder: Annotated[Path, typer.Option(help="Where to write; made if missing.")] = Path(),
    seed: Seed = 0,
    force: Annotated[bool, typer.Option("--force", help="Write the demo's scenario.yaml over an edited one.")] = False,
    threads: Threads = THREADS,
    as_json: Json = False,
) -> None:
    """Run everything once on 23,570 real customers: fit, simulate, optimise, compare, track, report."""
    from experiments.study.demo import run_demo
    from experiments.terminal.progress import progress_bars

    with progress_bars() as step:
        done = run_demo(folder, seed=seed, force=force, threads=threads, step=step)
    if as_json:
        print_json(done.to_dict())
        return
    from experiments.terminal.summary import demo_summary

    typer.echo(demo_summary(done, folder))


@group.command(epilog="Example: tenure calibrate orders.csv -o scenario.yaml")
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
    from experiments.study.calibrate import calibrate_purchases

    columns = {"customer_id": customer, "date": date, "amount": amount}
    done = calibrate_purchases(
        purchases, output, {role: name for role, name in columns.items() if name}, as_of.date() if as_of else None,
        currency=currency, force=force,
    )  # fmt: skip
    if as_json:
        print_json(done.to_dict())
    else:
        typer.echo(done.to_text())


@group.command(epilog="Example: tenure check scenario.yaml")
def check(scenario: ScenarioFile, seed: NoSeed = 0, as_json: Json = False) -> None:
    """Validate a scenario and say in words what it means."""
    from experiments.words.describe import describe
    from optimizer.ask.problem import budget_in_force, reference_spend
    from sim.neutrality import contradictions, drifts

    found, twin = open_scenario(scenario)
    moving, contrary = drifts(twin), contradictions(twin)
    text = describe(found, twin, moving, contrary)
    if as_json:
        money = {"reference_spend": reference_spend(twin.chain), "budget": budget_in_force(twin)}
        said_twice = [{**asdict(each), "acts": "traits"} for each in contrary]
        doubts = {"drifts": [asdict(each) for each in moving], "contradictions": said_twice}
        print_json({"name": found.name, "hash": found.hash, **money, **doubts, "text": text})
    else:
        typer.echo(f"{text}\n\nThe scenario is valid. Next: tenure optimize {shlex.quote(str(scenario))} -o plan.json")


@group.command(epilog="Example: tenure schema > scenario.schema.json")
def schema(seed: NoSeed = 0, as_json: Json = True) -> None:
    """Print the JSON Schema of scenario files, for editors: every key with its unit and default."""
    from sim.scenario.file import Scenario

    content = Scenario.model_json_schema()
    content["properties"].pop("folder")
    print_json(content)
