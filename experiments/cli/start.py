"""Commands that come first: the demo, a scenario from purchases, and what a scenario says."""

import shlex
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.cli.options import THREADS, Changes, Json, NoSeed, ScenarioFile, Seed, Threads, commands, print_json
from experiments.cli.reading import with_reading
from experiments.cli.tracking import command_given
from experiments.cli.words import changes_of, in_options
from sim.errors import InputError

__all__ = ["group"]

group = commands()


def _example_names() -> list[tuple[str, str]]:
    """Return what may be completed, with what each shows."""
    from experiments.study.examples import examples

    return list(examples().items())


@group.command(epilog="Example: tenure demo --folder first-look")
def demo(
    folder: Annotated[Path, typer.Option(help="Where to write; made if missing.")] = Path(),
    seed: Seed = 0,
    force: Annotated[bool, typer.Option("--force", help="Write the demo's scenario.yaml over an edited one.")] = False,
    threads: Threads = THREADS,
    as_json: Json = False,
) -> None:
    """Run everything once on 23,570 real customers: fit, simulate, optimise, compare, track, report."""
    from experiments.study.demo import demo as run
    from experiments.terminal.progress import progress_bars

    with progress_bars() as step:
        done = run(folder, seed=seed, force=force, threads=threads, command=command_given(), progress=step)
    if as_json:
        print_json(done.to_dict())
        return
    from experiments.study.summary import demo_summary

    typer.echo(demo_summary(done, folder))


@group.command(epilog="Example: tenure example subscription --folder here")
def example(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Which [default: list them].", autocompletion=_example_names),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where to copy it; made if missing [default: a new one of its name].")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over existing files.")] = False,
    seed: NoSeed = 0,
    as_json: Json = False,
) -> None:
    """List the examples that come with Tenure, or copy one out."""
    from experiments.study.examples import example as copy
    from experiments.study.examples import examples, first_step

    if name is None:
        if folder is not None:
            raise InputError("--folder: name the example to copy there")
        if as_json:
            print_json({"examples": examples()})
            return
        width = max(map(len, examples()))
        lines = [f"{each:<{width}}  {what}" for each, what in examples().items()]
        typer.echo("\n".join([*lines, "", "Next: tenure example planning --folder here"]))
        return
    place = Path(name if folder is None else folder)
    copy(name, place, force=force)
    step = first_step(name)
    if as_json:
        print_json({"example": name, "folder": str(place), "next": step})
        return
    lines = [f"Copied '{name}' to {place}."]
    if name == "cdnow":
        lines.append("The customer base that the scenario names is not there yet: the demo makes it.")
    where = shlex.quote(str(place))
    typer.echo("\n".join([*lines, f"Next: read {place / 'README.md'}, or: cd {where} && {step}"]))


@group.command(epilog="Example: tenure calibrate orders.csv -o scenario.yaml")
@with_reading
def calibrate(
    purchases: Annotated[
        list[str],
        typer.Argument(metavar="PURCHASES...", help="Files of purchases, or a base made by tenure base load."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Scenario file to write.")] = Path("scenario.yaml"),
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day to use [default: last in the file].")
    ] = None,
    begin: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="Fit laws to customers won from this day on [default: all]."),
    ] = None,
    currency: Annotated[
        str | None,
        typer.Option(help="Shown in reports; the one taken, where files have several [default: the file's]."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over existing files.")] = False,
    seed: NoSeed = 0,
    as_json: Json = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Turn files of purchases, or a customer base, into a scenario to edit, and say what became of every row.

    First purchases in the files count as the customers' first: --from leaves out those acquired before.
    """
    from experiments.study.calibrate import calibrate as fit
    from experiments.terminal.progress import progress_bars

    columns = reading.pop("columns", {})
    with progress_bars() as step:
        done = fit(
            purchases, output, as_of=as_of.date() if as_of else None, start=begin.date() if begin else None,
            currency=currency, force=force, progress=step, columns=columns, **reading,
        )  # fmt: skip
    if as_json:
        content = done.to_dict()
        print_json({**content, "notes": [in_options(note) for note in content["notes"]]})
    else:
        typer.echo(in_options(done.to_text()))


@group.command(epilog="Example: tenure check scenario.yaml")
def check(scenario: ScenarioFile, change: Changes = None, seed: NoSeed = 0, as_json: Json = False) -> None:
    """Validate a scenario and say in words what it means."""
    from experiments.firm import Firm

    firm = Firm.open(scenario, changes=changes_of(change))
    text = firm.check()
    if as_json:
        moving, contrary = firm.doubts
        money = {"reference_spend": firm.reference_spend, "budget": firm.budget}
        said_twice = [{**asdict(each), "acts": "traits"} for each in contrary]
        doubts = {"drifts": [asdict(each) for each in moving], "contradictions": said_twice}
        print_json({"name": firm.scenario.name, "hash": firm.scenario.hash, **money, **doubts, "text": text})
    else:
        typer.echo(f"{text}\n\nThe scenario is valid. Next: tenure optimize {shlex.quote(str(scenario))} -o plan.json")


@group.command(epilog="Example: tenure schema > scenario.schema.json")
def schema(seed: NoSeed = 0, as_json: Json = True) -> None:
    """Print the JSON Schema of scenario files, for editors: every key with its unit and default."""
    from sim.scenario.file import schema as keys

    print_json(keys())
