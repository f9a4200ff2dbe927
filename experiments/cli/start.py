"""Commands that come first: the demo, a scenario from purchases, and what a scenario says."""

import shlex
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.cli.options import (
    THREADS,
    Changes,
    Json,
    Language,
    NoSeed,
    ScenarioFile,
    Seed,
    Threads,
    commands,
    print_json,
    say,
)
from experiments.cli.output import with_output
from experiments.cli.reading import with_reading
from experiments.cli.tracking import command_given
from experiments.cli.words import changes_of, in_options
from experiments.words.figures import amount_of
from sim.errors import InputError

__all__ = ["group"]

group = commands()


def _example_names() -> list[tuple[str, str]]:
    """Return what may be completed, with what each shows."""
    from experiments.study.examples import examples

    return list(examples().items())


@group.command(epilog="Example: tenure demo --folder first-look")
def demo(
    folder: Annotated[
        Path, typer.Option("-o", "--output", "--folder", help="Folder to write in; made if missing.")
    ] = Path(),
    lang: Language = "en",
    details: Annotated[
        bool,
        typer.Option("--details", help="Also print the odds, the whole plan, and the fit beside published figures."),
    ] = False,
    seed: Seed = 0,
    force: Annotated[bool, typer.Option("--force", help="Write the demo's scenario.yaml over an edited one.")] = False,
    threads: Threads = THREADS,
    as_json: Json = False,
) -> None:
    """Run everything once on 23,570 real customers: fit, simulate, optimise, compare, track, report."""
    from experiments.study.demo import demo as run
    from experiments.terminal.progress import progress_bars

    with progress_bars() as step:
        done = run(folder, seed=seed, force=force, lang=lang, threads=threads, command=command_given(), progress=step)
    if as_json:
        print_json(done.to_dict())
        return
    from experiments.study.summary import demo_summary

    typer.echo(demo_summary(done, folder, details=details))


@group.command(epilog="Example: tenure example subscription --folder here")
def example(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Which [default: list them].", autocompletion=_example_names),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", "--folder", help="Folder to copy it to; made if missing [default: a new one of its name]."
        ),
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
    lines = [f"Copied '{name}' into {'this folder' if place == Path() else place}."]
    if name == "cdnow":
        lines.append("The customer base that the scenario names is not there yet: the demo makes it.")
    where = shlex.quote(str(place))
    typer.echo("\n".join([*lines, f"Next: read {place / 'README.md'}, or: cd {where} && {step}"]))


_Purchases = Annotated[
    list[str], typer.Argument(metavar="PURCHASES...", help="Files of purchases, or a base made by tenure base load.")
]
_Scenario = Annotated[Path, typer.Option("-o", "--output", help="Scenario file to write.")]
_Currency = Annotated[
    str | None,
    typer.Option(help="Shown in reports; the one taken, where files have several [default: the file's]."),
]
_Segments = Annotated[
    str | None,
    typer.Option(
        metavar="HOW",
        help="A column of the base's customers, sql:EXPRESSION, a file of id and segment, rfm, value, loyalty, "
        "response, function, tree or mixture [default: purchase cycle x amount].",
    ),
]
_Force = Annotated[bool, typer.Option("--force", help="Write over existing files.")]


@group.command(epilog="Example: tenure calibrate orders.csv --spend spend.csv -o scenario.yaml")
@with_reading
def calibrate(
    purchases: _Purchases,
    output: _Scenario = Path("scenario.yaml"),
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day to use [default: last in the file].")
    ] = None,
    begin: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="Fit laws to customers won from this day on [default: all]."),
    ] = None,
    currency: _Currency = None,
    spend: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Money a year today: a row a lever, with its purpose [default: a usual share of revenue].",
        ),
    ] = None,
    prospects: Annotated[
        str | None,
        typer.Option(metavar="NUMBER|FILE", help="People who never bought and may be won [default: nobody is won]."),
    ] = None,
    margin: Annotated[float | None, typer.Option(help="Margin rate on revenue [default: assumed, a range].")] = None,
    segments: _Segments = None,
    doubt_laws: Annotated[
        bool, typer.Option("--doubt-laws", help="State how well laws are told under `uncertain` as well.")
    ] = False,
    force: _Force = False,
    seed: NoSeed = 0,
    as_json: Json = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Turn files of purchases, or a customer base, into a scenario to edit, and say what became of every row.

    Nobody is invented: without --prospects nobody is won. A lever is for development, retention, winback or
    acquisition, by its name or in the column "purpose" of --spend. Tenure init asks for all of this in words.

    First purchases in the files count as the customers' first: --from leaves out those acquired before.
    """
    from experiments.study.calibrate import calibrate as fit
    from experiments.terminal.progress import progress_bars

    columns = reading.pop("columns", {})
    with progress_bars() as step:
        done = fit(
            purchases, output, as_of=as_of.date() if as_of else None, start=begin.date() if begin else None,
            currency=currency, spend=spend, prospects=prospects, margin=margin, segments=segments,
            doubt_laws=doubt_laws, force=force, progress=step, columns=columns, **reading,
        )  # fmt: skip
    _print_calibration(done, as_json)


def _print_calibration(done: Any, as_json: bool) -> None:
    if as_json:
        content = done.to_dict()
        print_json({**content, "notes": [in_options(note) for note in content["notes"]]})
    else:
        typer.echo(in_options(done.to_text()))


@group.command(epilog="Example: tenure init orders.csv -o scenario.yaml")
@with_reading
def init(
    purchases: _Purchases,
    output: _Scenario = Path("scenario.yaml"),
    currency: _Currency = None,
    segments: _Segments = None,
    force: _Force = False,
    seed: NoSeed = 0,
    as_json: Json = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Ask in words what purchases cannot tell (money, people to win, margin), then calibrate.

    Questions stand on standard error, and where answers come from a file (one a line, empty where not known) nowhere.
    """
    from experiments.study.calibrate import calibrate as fit
    from experiments.study.first_scenario import PURPOSES
    from experiments.terminal.progress import progress_bars

    _ask("Today's marketing money, in total a year. 0: none; Enter for all: not known.\n")
    money = {name: _asked(f"- on {purpose.what}") for name, purpose in PURPOSES.items()}
    known = {name: amount for name, amount in money.items() if amount is not None}
    prospects = _asked("People who never bought from you and may be won (Enter: not known, nobody is won)", whole=True)
    margin = _asked("Margin on revenue, as a share such as 0.3 (Enter: not known, a range is assumed)")
    columns = reading.pop("columns", {})
    with progress_bars() as step:
        done = fit(
            purchases, output, currency=currency, spend=known or None,
            prospects=None if prospects is None else int(prospects), margin=margin, segments=segments, force=force,
            progress=step, columns=columns, **reading,
        )  # fmt: skip
    _print_calibration(done, as_json)


def _ask(words: str) -> None:
    if sys.stdin is not None and sys.stdin.isatty():
        typer.echo(words, err=True, nl=False)


def _asked(question: str, whole: bool = False) -> float | None:
    """Return the number that is answered; None where none is."""
    _ask(f"{question}: ")
    answer = sys.stdin.readline().strip() if sys.stdin is not None else ""  # closed: as if nothing were known
    try:
        number = amount_of(answer) if answer else None
    except ValueError:
        raise InputError(
            f"{question.lstrip('- ')}: expected a number such as 12500, 12,500, 12.5k or 0.35, got {answer!r}"
        ) from None
    if number is not None and whole and not number.is_integer():
        raise InputError(f"{question}: expected a whole number, got {answer}")
    return number


@group.command(epilog="Example: tenure check scenario.yaml")
@with_output
def check(scenario: ScenarioFile, change: Changes = None, seed: NoSeed = 0, as_json: Json = False) -> None:
    """Validate a scenario and say in words what it means."""
    from experiments.firm import Firm

    firm = Firm.open(scenario, changes=changes_of(change))
    text = firm.check()
    if as_json:
        moving, contrary = firm.doubts
        money = {"reference_spend": firm.reference_spend, "budget": firm.budget}
        said_twice = [{**asdict(each), "acts": "traits"} for each in contrary]
        doubts = {"drifts": [asdict(each) for each in moving], "contradictions": said_twice, "left_out": firm.left_out}
        print_json({"name": firm.scenario.name, "hash": firm.scenario.hash, **money, **doubts, "text": text})
    else:
        following = f"Next: tenure optimize {shlex.quote(str(scenario))} -o plan.json"
        say(f"{text}\n\nThe scenario is valid. {following}", scenario, change)


@group.command(epilog="Example: tenure schema > scenario.schema.json")
@with_output
def schema(seed: NoSeed = 0, as_json: Json = True) -> None:
    """Print the JSON Schema of scenario files, for editors: every key with its unit and default."""
    from sim.scenario.file import schema as keys

    print_json(keys())
