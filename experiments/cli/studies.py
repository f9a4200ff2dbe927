"""Commands that ask one question of many worlds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.cli.options import Json, Language, commands, print_json
from experiments.cli.tracking import Tracking, again, with_tracking
from experiments.terminal.interrupt import kept_when_stopped
from sim.files import check_output, write_text

if TYPE_CHECKING:
    from experiments.study.ask import Study

__all__ = ["ask", "group"]

group = commands()


@group.command(epilog="Example: tenure study study.yaml --folder studied --workers 2")
@with_tracking(True)
def study(
    file: Annotated[Path, typer.Argument(metavar="STUDY", help="Study file (YAML): worlds, policies, budgets, luck.")],
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
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Also write the report to this .html file.")
    ] = None,
    lang: Language = "en",
    seed: Annotated[
        int | None, typer.Option(help="Which luck, in place of the file's seeds.", min=0, max=2**32 - 1)
    ] = None,
    as_json: Json = False,
    *,
    tracking: Tracking,
) -> None:
    """Play policies in many worlds, with many budgets and much luck, and say which of them survives.

    Worlds are scenario files and named changes of them (any key, grids, samples); policies are names, plan files, and
    plans made anew in each world (optimise) or once (optimise@WORLD). Every finished unit is kept: killed at any
    moment, the study goes on where it was, here or elsewhere, with the same bits. docs/studies.md walks through one.
    """
    from dataclasses import replace

    from experiments.study.ask import read_study
    from experiments.terminal.progress import progress_bars
    from experiments.words.languages import checked_language

    checked_language(lang)
    if output is not None:
        check_output(output, (".html",), [file])
    with progress_bars() as step:
        asked = read_study(file, progress=step("Reading the study"))
    tracking = replace(tracking, experiment=tracking.experiment or asked.name)
    asked = replace(asked, name=tracking.name or asked.name, note=tracking.note or asked.note)
    asked = asked if seed is None else replace(asked, seeds=(seed,))
    ask(asked, tracking, output=output, workers=workers, cluster=cluster, lang=lang, as_json=as_json)


def ask(asked: "Study", tracking: Tracking, *, output: Path | None, as_json: bool, **how: Any) -> None:
    """Run a study and print its answer; on Ctrl-C say how to go on: with the same command."""
    from dataclasses import replace

    from experiments.study.conduct import study as run
    from experiments.study.told import study_summary
    from experiments.terminal.progress import progress_bars

    command = tracking.said()["command"]
    kept = f"what was finished is kept in {tracking.folder / 'units'}: go on with {command}"
    with kept_when_stopped(kept), progress_bars() as step:
        result = run(
            asked, tracking.folder, track=tracking.track, tracking_uri=tracking.tracking_uri,
            mlflow_ui=tracking.mlflow_ui, experiment=tracking.experiment, command=command, progress=step, **how,
        )  # fmt: skip
    if output is not None:
        write_text(output, result.report.read_text(encoding="utf-8"))
        result = replace(result, report=output)
    if as_json:
        print_json(result.to_dict())
    else:
        said = tracking.in_words(result.kept)
        if result.kept is not None and result.telling_run:
            said += f"\nOne play of it, in seconds: {again(result.kept, result.telling_run, tracking)}"
        typer.echo(study_summary(result, command) + said)
