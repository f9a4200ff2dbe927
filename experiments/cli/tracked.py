"""Commands over what was tracked: the runs in MLflow, those that wait to be sent, and a run once more."""

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.options import THREADS, Changes, Json, NoSeed, Threads, commands, print_json
from experiments.cli.output import with_output
from experiments.cli.words import changes_of
from sim.errors import TenureError

__all__ = ["group"]

group = commands()


@group.command(epilog="Example: tenure ui --folder first-look")
def ui(
    folder: Annotated[Path, typer.Option(help="Where the MLflow store is.")] = Path(),
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 5000,
    whatif: Annotated[
        Path | None, typer.Option(metavar="PAGE", help="What-if page to serve too: there it also solves exactly.")
    ] = None,
    scenario: Annotated[Path, typer.Option(help="Scenario of that page.")] = Path("scenario.yaml"),
    change: Changes = None,
    seed: NoSeed = 0,
    threads: Threads = THREADS,
    as_json: Json = False,
) -> None:
    """Serve the MLflow UI for a folder's runs on 127.0.0.1, until Ctrl-C; and a what-if page with the optimiser behind.

    A folder without runs is no mistake where there is a page.
    """
    from contextlib import ExitStack

    from experiments.tracking.serve import serve, wait_for_interrupt
    from experiments.tracking.store import database_of

    with ExitStack() as stack:
        found: dict[str, str] = {}
        if whatif is not None:
            from experiments.firm import Firm
            from experiments.report.whatif.served import served

            found["whatif"] = stack.enter_context(
                served(whatif, Firm.open(scenario, changes=changes_of(change)).twin, threads=threads)
            )

        def announce(url: str) -> None:
            found.update({"leaderboard": url} if url else {})
            named = {"leaderboard": "Leaderboard" if "viewStateShareKey" in url else "Runs", "whatif": "What if"}
            lines = [f"{named[key]}: {address}" for key, address in sorted(found.items())]
            typer.echo(json.dumps(found) if as_json else "\n".join([*lines, "Stop with Ctrl-C."]))

        if found and not database_of(folder).is_file():
            announce("")
            wait_for_interrupt()
        else:
            serve(folder, port, announce=announce)


@group.command(epilog="Example: tenure sync --folder first-look")
@with_output
def sync(
    folder: Annotated[Path, typer.Option(help="Where runs wait.")] = Path(),
    tracking_uri: Annotated[
        str, typer.Option(help="Send all of them to this MLflow server or database [default: where each was to go].")
    ] = "",
    seed: NoSeed = 0,
    as_json: Json = False,
) -> None:
    """Send to MLflow what waits in a folder, as after a server was gone; nothing is ever sent twice."""
    from experiments.terminal.progress import progress_bars
    from experiments.tracking.outbox import sync as send
    from experiments.tracking.outbox import waiting_in_words
    from experiments.tracking.store import database_of

    with progress_bars() as step:
        sent = send(folder, tracking_uri, progress=step("Logging to MLflow"))
    if as_json:
        print_json({"sent": [asdict(each) for each in sent]})
    for each in () if as_json else sent:
        served = each.tracking_uri.startswith("http")
        then = f"open {each.tracking_uri}" if served else f"tenure ui --folder {shlex.quote(str(folder))}"
        typer.echo(f"{len(each.runs):,} sent to {each.tracking_uri}" + (f". Next: {then}" if not each.waiting else ""))
    if not sent and not as_json:
        there = f" Next: tenure ui --folder {shlex.quote(str(folder))}" if database_of(folder).is_file() else ""
        typer.echo(f"Nothing waits here.{there}")
    waits = "; ".join(waiting_in_words(each, folder) for each in sent if each.waiting)
    if waits:
        raise TenureError(waits)


@group.command(epilog="Example: tenure repeat 94133dafe6304960b99127363355649b --folder first-look")
@with_output
def repeat(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="As printed, or at the top of the run's page.")],
    folder: Annotated[Path, typer.Option(help="Whose store the run is in.")] = Path(),
    tracking_uri: Annotated[str, typer.Option(help="MLflow server or database that the run is in instead.")] = "",
    seed: NoSeed = 0,
    threads: Threads = THREADS,
    as_json: Json = False,
) -> None:
    """Make a run once more from what it kept (scenario, base, plans, question), and say whether it has the same bits.

    Exit code 1 where it has not.
    """
    from experiments.study.repeat import repeat as again
    from experiments.terminal.progress import progress_bars

    with progress_bars() as step:
        done = again(run_id, folder, tracking_uri=tracking_uri, threads=threads, progress=step)
    if as_json:
        print_json(done.to_dict())
    else:
        typer.echo(done.in_words())
    if not done.same:
        raise typer.Exit(1)
