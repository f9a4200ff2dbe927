"""Commands that ask one question of many worlds."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.cli.options import Json, NameOption, NoSeed, NoteOption, commands, print_json
from sim.errors import TenureError

__all__ = ["ask", "group"]

group = commands()


@group.command(epilog="Example: tenure study study.yaml --folder studied --workers 2")
def study(
    file: Annotated[Path, typer.Argument(metavar="STUDY", help="Study file (YAML): worlds, policies, budgets, luck.")],
    folder: Annotated[Path, typer.Option(help="Where finished units, runs and reports go; made if missing.")] = Path(),
    workers: Annotated[
        int | None,
        typer.Option(help="Processes to use here [default: one for each processor].", min=1, max=1024),
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, e.g. tcp://host:8786 (needs tenure[cluster]).")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on where a study was stopped; what is finished is never run twice anyway."),
    ] = False,
    name: NameOption = None,
    note: NoteOption = None,
    track: Annotated[bool, typer.Option(help="Log the runs to MLflow.")] = True,
    tracking_uri: Annotated[
        str, typer.Option(help="MLflow server or database to log to [default: the store in the folder].")
    ] = "",
    experiment: Annotated[
        str, typer.Option(help="The decision in question, under which runs stand [default: the study's name].")
    ] = "",
    seed: NoSeed = 0,
    as_json: Json = False,
) -> None:
    """Play policies in many worlds, with many budgets and much luck, and say which of them survives.

    Worlds are scenario files and named changes of them (any key, grids, samples); policies are names, plan files, and
    plans made anew in each world (optimise) or once (optimise@WORLD). Every finished unit is kept: killed at any
    moment, the study goes on where it was, here or elsewhere, with the same bits. docs/studies.md walks through one.
    """
    from dataclasses import replace

    from experiments.study.ask import read_study

    asked = read_study(file)
    asked = replace(asked, name=name or asked.name, note=note if note is not None else asked.note)
    where = "" if folder == Path() else f" --folder {shlex.quote(str(folder))}"
    ask(
        asked, folder, f"tenure study {shlex.quote(str(file))}{where}", workers=workers, cluster=cluster, track=track,
        tracking_uri=tracking_uri, experiment=experiment, as_json=as_json,
    )  # fmt: skip


def ask(asked: Any, folder: Path, command: str, *, as_json: bool, again: str = " --resume", **how: Any) -> None:
    """Run a study and print its answer; on Ctrl-C say how to go on: the command, and ``again``."""
    from experiments.study.conduct import study as run
    from experiments.study.told import study_summary
    from experiments.terminal.progress import progress_bars

    try:
        with progress_bars() as step:
            result = run(asked, folder, progress=step, **how)
    except KeyboardInterrupt:
        raise TenureError(
            f"stopped; what was finished is kept in {folder / 'units'}: go on with {command}{again}"
        ) from None
    if result.waiting:
        typer.echo(f"tenure: note: {result.waiting}", err=True)
    if as_json:
        print_json(result.to_dict())
    else:
        typer.echo(study_summary(result, command, folder))
