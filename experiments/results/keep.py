"""What is kept of an answer: its runs in MLflow, and of a comparison the report as a page."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.arrays import Step
from sim.errors import RunsWait
from sim.files import write_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.compare import Comparison
    from experiments.decision import Decision as Decided
    from experiments.report.grounds import FittedFigure
    from experiments.tracking.decision import Decision
    from experiments.tracking.record import Record
    from optimizer.plan import Plan
    from sim.scenario.file import Scenario
    from sim.twin import Twin

__all__ = ["Kept", "keep", "keep_records", "report_page"]


@dataclass(frozen=True)
class Kept:
    """Where an answer went.

    Attributes
    ----------
    tracking_uri : str
        The store of runs, without a password.
    experiment_id, run_id : str
        Of the decision, and its run; nothing while they wait for a server.
    runs : mapping of str to str
        Every run by its name.
    links : mapping of str to str
        Prepared views by title, as MLflow's pages open them: those named, the server's, or on this machine.
    report : Path or None
    pages : str
        Where MLflow's pages show the decision's runs, each under its number; nothing while they wait.
    waiting : str
        What is not sent yet, and why; nothing where all is.
    """

    tracking_uri: str
    experiment_id: str = ""
    run_id: str = ""
    runs: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    report: Path | None = None
    pages: str = ""
    waiting: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        own = {name: getattr(self, name) for name in ("tracking_uri", "experiment_id", "run_id")}
        return {**own, "runs": dict(self.runs), "links": dict(self.links)}


def keep(decision: Decision, folder: Path, tracking_uri: str = "", mlflow_ui: str = "", *, step: Step) -> Kept:
    """Log the runs of a decision to the store of a folder, or to a server; what cannot be sent waits in the folder.

    Warns
    -----
    RunsWait
        If a server does not take them now.
    """
    from experiments.tracking.answers.records import records_of

    return keep_records(records_of(decision), folder, tracking_uri, mlflow_ui, step=step)[0]


def keep_records(
    records: Sequence[Record], folder: Path, tracking_uri: str = "", mlflow_ui: str = "", *, step: Step
) -> tuple[Kept, Mapping[str, str]]:
    """Log records, the parent first, as :func:`keep` does; return also every run by its record's key."""
    from experiments.tracking.outbox import Outbox, waiting_in_words
    from experiments.tracking.store import pages_at
    from experiments.tracking.views import PLACE

    address = pages_at(tracking_uri, mlflow_ui)
    box = Outbox(folder, tracking_uri)
    for record in records:
        box.put(record)
    sent = box.send(step("Logging to MLflow"))
    waiting = waiting_in_words(sent, folder)
    if waiting:
        warnings.warn(RunsWait(waiting), stacklevel=3)
        return Kept(sent.tracking_uri, waiting=waiting), sent.runs
    experiment = sent.experiments[records[0].experiment]
    links = {
        name.removeprefix("view."): f"{address}/{link.replace('{experiment}', experiment)}"
        for name, link in records[0].tags.items()
        if name.startswith("view.")
    }
    runs = {record.name: sent.runs[record.key] for record in records}
    pages = f"{address}/{PLACE.format(experiment=experiment)}"
    return Kept(sent.tracking_uri, experiment, sent.runs[records[0].key], runs, links, pages=pages), sent.runs


def report_page(
    path: Path,
    *,
    scenario: Scenario,
    twin: Twin,
    comparison: Comparison,
    plan: Plan | None,
    plan_policy: str = "plan",
    decided: Decided | None = None,
    fit: Sequence[FittedFigure] | None = None,
    look: Mapping[str, Any] | None = None,
) -> bytes:
    """Write the report of a comparison, and return it: a run keeps the page that it made, whoever writes there next.

    Parameters are those of :func:`experiments.report.write.write_report`; ``look`` holds the page's language, title and
    logo.
    """
    from experiments.report.write import write_report

    made: list[bytes] = []
    part = path.with_name(f".{path.stem}.{os.getpid()}.page{path.suffix}")
    try:
        write_report(
            part, scenario=scenario, twin=twin, comparison=comparison, plan=plan, plan_policy=plan_policy,
            decided=decided, fit=fit, **(look or {}),
        )  # fmt: skip
        made.append(part.read_bytes())
        write_file(path, lambda target: os.replace(part, target))
    finally:
        part.unlink(missing_ok=True)
    return made[0]
