"""Commands over what was tracked: the runs in MLflow, those that wait to be sent, and a run once more."""

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.options import Json, NoSeed, commands, print_json
from sim.errors import TenureError

__all__ = ["group"]

group = commands()


@group.command(epilog="Example: tenure ui --folder first-look")
def ui(
    folder: Annotated[Path, typer.Option(help="Where the MLflow store is.")] = Path(),
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 5000,
    seed: NoSeed = 0,
    as_json: Json = False,
) -> None:
    """Serve the MLflow UI for a folder's runs on 127.0.0.1, until Ctrl-C."""
    from experiments.tracking.serve import serve

    def announce(url: str) -> None:
        typer.echo(json.dumps({"leaderboard": url}) if as_json else f"Leaderboard: {url}\nStop with Ctrl-C.")

    serve(folder, port, announce=announce)


@group.command(epilog="Example: tenure sync --folder first-look")
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

    with progress_bars() as step:
        sent = send(folder, tracking_uri, progress=step("Logging to MLflow"))
    if as_json:
        print_json({"sent": [asdict(each) for each in sent]})
    for each in () if as_json else sent:
        typer.echo(f"{len(each.runs):,} sent to {each.tracking_uri}")
    if not sent and not as_json:
        typer.echo(f"Nothing waits here. Next: tenure ui --folder {shlex.quote(str(folder))}")
    waits = "; ".join(waiting_in_words(each, folder) for each in sent if each.waiting)
    if waits:
        raise TenureError(waits)
