"""A study from its file to its answer: run, written down, logged."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

from experiments.results.keep import keep_records
from experiments.study.ask import Study, read_study
from experiments.study.page import page_of
from experiments.study.records import records_of
from experiments.study.result import StudyResult, plan_names
from experiments.study.run import run_study
from experiments.tracking.store import pages_at
from experiments.words.languages import checked_language
from sim.arrays import Step, quiet
from sim.contract import Policy
from sim.errors import InputError
from sim.files import writable_folder, write_table, write_text

__all__ = ["study"]

MOST_RUNS = 20_000
"""In MLflow, of a study."""


def study(
    asked: Study | str | Path | Mapping[str, Any],
    folder: str | Path = ".",
    *,
    policies: tuple[Policy, ...] | list[Policy] = (),
    workers: int | None = None,
    cluster: str | None = None,
    executor: Executor | None = None,
    track: bool = False,
    tracking_uri: str = "",
    mlflow_ui: str = "",
    experiment: str = "",
    command: str = "",
    lang: str = "en",
    progress: Step | None = None,
) -> StudyResult:
    """Ask one question of many worlds: worlds x policies x budgets x seeds, stored, resumed, spread over workers.

    Whatever was finished in the folder before, by this study or another, is not done again; a study that was killed
    goes on where it was and ends with the same bits.

    Parameters
    ----------
    asked
        A study's file, or its content (docs/studies.md); files in content are named from the working folder.
    folder
        Where finished units, reports and runs are kept.
    policies
        Objects that are policies too, beside those named in ``asked``; they are pickled to workers.
    workers
        Processes here; 1: this one alone; None: one for each processor. A script that starts some needs
        ``if __name__ == "__main__":`` around its call.
    cluster
        Address of a Dask scheduler, ``tcp://host:8786``; its workers must have the same version of Tenure.
    executor
        Any :class:`concurrent.futures.Executor` instead.
    track
        Whether to log runs to MLflow.
    tracking_uri
        A server or a database; nothing: the store in the folder.
    mlflow_ui
        Address of MLflow's pages, for links; nothing: the server itself, or http://127.0.0.1:5000.
    experiment
        The decision in question, under which runs stand; nothing: the study's name.
    command
        How it was asked; kept with the runs.
    lang
        Language of the page: ``en``, or ``zh`` for Chinese.

    Raises
    ------
    InputError
        If a key is not known or a value does not fit, the page does not speak the language, or so many runs are to be
        tracked that MLflow is no place for them.
    TenureError
        If a unit fails, or workers of another version answer.

    Examples
    --------
    >>> content = {
    ...     "name": "what margin", "policies": ["as today", "even split"], "replications": 2,
    ...     "worlds": {"base": "scenario.yaml", "thin": {"from": "base", "set": {"margin": 0.2}}},
    ... }
    >>> result = tenure.study(content, "studied", workers=1)
    >>> [(row.world, row.policy, row.rank) for row in result.answers.rows]
    [('base', 'as today', 1), ('base', 'even split', 2), ('thin', 'as today', 1), ('thin', 'even split', 2)]
    """
    step = progress or quiet
    checked_language(lang)
    pages_at(tracking_uri, mlflow_ui)
    if isinstance(asked, Study):
        if policies:
            raise InputError("`policies=`: the study has its own; leave them out")
        wanted = asked
    else:
        wanted = read_study(asked, policies=policies, progress=step("Reading the study"))
    plays = len(wanted.worlds) * len(wanted.budgets) * len(wanted.policies)
    if track and plays > MOST_RUNS:
        raise InputError(
            f"{plays:,} runs for MLflow (worlds x budgets x policies), which takes about a tenth of a second for each; "
            f"expected up to {MOST_RUNS:,}: ask without them (`track=False`), or for fewer"
        )
    home = writable_folder(Path(folder))
    finished = run_study(wanted, home, executor=executor, cluster=cluster, workers=workers, step=step)
    place = home / "studies" / wanted.slug
    result = StudyResult(wanted, finished, place, place / "report.html")
    step("Writing the report")
    _write(result, lang)
    if not track:
        return result
    records = records_of(result, experiment or wanted.name, command)
    kept, runs = keep_records(list(records.values()), home, tracking_uri, mlflow_ui, step=step)
    ids = {cell: runs[each.key] for cell, each in records.items() if cell is not None and each.key in runs}
    result = replace(result, run_ids=ids, kept=kept)
    if kept.pages:
        write_text(result.report, page_of(result, lang))  # with a link to each run
    return result


def _write(result: StudyResult, lang: str) -> None:
    """Write the report, the tables as CSV and the plans that were made into the study's folder."""
    place = writable_folder(result.folder)
    write_table(place / "table.csv", result.to_frame())
    write_table(place / "segments.csv", result.by_segment())
    write_table(place / "levers.csv", result.by_lever())
    if result.left_out:
        (place / "over_time.csv").unlink(missing_ok=True)
    else:
        write_table(place / "over_time.csv", result.over_time())
    write_table(place / "turning.csv", result.turns())
    for cell, name in plan_names(result.finished.plans).items():
        write_text(place / f"{name}.json", result.finished.plans[cell])
    write_text(place / "report.html", page_of(result, lang))
