"""MLflow: one experiment per decision, one parent run per study, one child run per policy.

The only module that knows MLflow, which it imports inside functions: that takes over a second. The store is a SQLite
file with a folder of artifacts beside it. Only the process that holds the store's lock writes, so a run of ours that
is still RUNNING when the lock is taken belongs to a process that died, and is marked KILLED.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from experiments.tracking.content import (
    Series,
    key_of,
    params_of,
    plan_metrics,
    policy_metrics,
    policy_note,
    rounded,
    running_code,
    study_note,
)
from experiments.tracking.serve import LEADERBOARD_TAG, serve
from experiments.tracking.store import database_of, locked, prepare_environment, tracking_uri_of
from experiments.words.phrases import played_policy
from sim.errors import FolderError, first_line

if TYPE_CHECKING:
    from experiments.compare import Comparison
    from optimizer.plan import Plan
    from sim.scenario.file import Scenario

__all__ = ["Tracked", "log_study", "serve", "tracking_uri_of", "unit_key"]

LEADERBOARD_COLUMNS = ("asset", "difference", "kept", "spend", "rules_broken")
"""Metrics that the run table shows."""
MOST_METRICS, MOST_PARAMS = 1000, 100
"""What MLflow takes in one batch."""


@dataclass(frozen=True)
class Tracked:
    """Where a study went.

    Attributes
    ----------
    tracking_uri : str
    experiment_id, parent_run_id : str
    run_ids : mapping
        Run by policy.
    leaderboard : str
        Fragment that, behind the address of the UI, opens the policies sorted by customer asset.
    """

    tracking_uri: str
    experiment_id: str
    parent_run_id: str
    run_ids: Mapping[str, str]
    leaderboard: str


def unit_key(
    scenario_hash: str,
    policies: Sequence[str],
    *,
    budget: float,
    seed: int,
    replications: int,
    traits: str = "individual",
    proof: Sequence[tuple[str, float, int]] = (),
    code: str | None = None,
) -> str:
    """Return the SHA-256 of all that a run's figures follow from: the same key, the same bits on machines of a kind.

    Parameters
    ----------
    scenario_hash
        Of the scenario, with what its base holds.
    policies
        What the policies are (:attr:`experiments.compare.Outcome.content`): the reference that the run measures
        against, then the run's own; of a study all, in their order.
    budget, seed, replications, traits
        As in :func:`experiments.compare.compare`.
    proof
        Figures of a plan that the run shows beside what was simulated.
    code
        Version of the code and of what it computes with; None: of what runs.
    """
    facts = {
        "scenario": scenario_hash, "policies": list(policies), "budget": float(budget).hex(), "seed": seed,
        "replications": replications, "traits": traits, "proof": [(name, value.hex()) for name, value, _ in proof],
        "code": running_code() if code is None else code,
    }  # fmt: skip
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def log_study(
    folder: str | Path,
    *,
    scenario: Scenario,
    comparison: Comparison,
    plan: Plan | None = None,
    report: Path | None = None,
    experiment: str | None = None,
    study: str = "demo",
    plan_policy: str = "plan",
    scenario_file: Path | None = None,
) -> Tracked:
    """Write a study to the store in ``folder``, made if missing (not the folder), and return where it went.

    Parameters
    ----------
    report
        File to keep with the parent run.
    experiment
        The decision in question; None: the scenario's budget.
    study
        Name of the parent run.
    plan_policy
        Name of the compared policy that plays ``plan``.
    scenario_file
        The file as the user wrote it, comments and all; None: the scenario's content is written out.

    Raises
    ------
    FolderError
        If the folder cannot be written, or its store cannot be used.
    """
    folder = Path(folder).resolve()
    if any(sign in str(folder) for sign in "?#%"):
        raise FolderError(f"{folder}: MLflow cannot keep runs in a path with ?, # or %; choose another folder")
    with locked(folder), _quiet():
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            writer = _Writer(folder, experiment or f"{scenario.name}: marketing budget")
            writer.end_stale()
            return writer.study(scenario, comparison, plan, report, study, plan_policy, scenario_file)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise FolderError(
                f"{database_of(folder)}: cannot be used as a store of runs ({first_line(error)}); "
                "move it away or choose another folder"
            ) from error


class _Writer:
    """One experiment, open for writing; made while the store's lock is held."""

    def __init__(self, folder: Path, experiment: str) -> None:
        from mlflow import MlflowClient

        self.uri = tracking_uri_of(folder)
        self.client = MlflowClient(tracking_uri=self.uri)
        known = self.client.get_experiment_by_name(experiment)
        if known is None:
            artifacts = folder / "mlartifacts"
            artifacts.mkdir(exist_ok=True)
            self.experiment = str(self.client.create_experiment(experiment, artifact_location=artifacts.as_uri()))
        else:
            self.experiment = str(known.experiment_id)
            if known.lifecycle_stage == "deleted":
                self.client.restore_experiment(self.experiment)

    def end_stale(self) -> None:
        """Mark runs that a dead process left RUNNING."""
        ours = "attributes.status = 'RUNNING' and tags.unit_key != ''"
        for run in self.client.search_runs([self.experiment], ours, max_results=1000):
            self.client.set_terminated(run.info.run_id, "KILLED")

    def study(
        self,
        scenario: Scenario,
        comparison: Comparison,
        plan: Plan | None,
        report: Path | None,
        study: str,
        plan_policy: str,
        scenario_file: Path | None,
    ) -> Tracked:
        common = {
            "scenario": scenario.name,
            "scenario_hash": scenario.hash,
            "seed": str(comparison.seed),
            "study": study,
        }
        proof, contents = plan_metrics(plan), [outcome.content or uuid4().hex for outcome in comparison.outcomes]

        def key(policies: Sequence[str], shown: Series) -> str:
            return unit_key(
                scenario.hash, policies, budget=comparison.budget, seed=comparison.seed,
                replications=comparison.replications, traits=comparison.traits, proof=shown,
            )  # fmt: skip

        tags = {**common, "layer": "study", "unit_key": key(contents, proof), "mlflow.note.content": ""}
        parent = self._start(study, tags)
        running = [parent]
        try:
            board = self._leaderboard(parent)
            shared = params_of(scenario, comparison)
            runs = {}
            playing = played_policy(comparison, plan, plan_policy)
            for outcome, content in zip(comparison.outcomes, contents, strict=True):
                shown = proof if outcome is playing else []
                tags = {
                    **common, "layer": "policy", "policy": outcome.name, "mlflow.parentRunId": parent,
                    "unit_key": key([contents[0], content], shown),
                    "mlflow.note.content": policy_note(outcome, scenario, comparison, self.experiment, parent),
                }  # fmt: skip
                run = self._start(outcome.name, tags)
                running.append(run)
                self._batch(run, {"policy": outcome.name, **shared}, [*policy_metrics(outcome, scenario), *shown])
                self.client.set_terminated(run, "FINISHED")
                running.remove(run)
                runs[outcome.name] = run
            best = max(comparison.outcomes, key=lambda outcome: outcome.asset)
            note = study_note(comparison, scenario, best, board, plan)
            about = {"mlflow.note.content": note, LEADERBOARD_TAG: board, "best_policy": best.name}
            self._batch(parent, shared, proof, about)
            self._artifacts(parent, scenario, plan, report, scenario_file)
            self.client.set_terminated(parent, "FINISHED")
        except BaseException as error:
            for run in running:
                self.client.set_terminated(run, "FAILED" if isinstance(error, Exception) else "KILLED")
            raise
        return Tracked(self.uri, self.experiment, parent, runs, board)

    def _start(self, name: str, tags: dict[str, str]) -> str:
        source = {"mlflow.source.name": "tenure", "mlflow.source.type": "LOCAL"}
        run = self.client.create_run(self.experiment, tags={**source, **tags}, run_name=name)
        return str(run.info.run_id)

    def _batch(self, run: str, params: dict[str, str], metrics: Series, tags: Mapping[str, str] | None = None) -> None:
        """Write a run in one batch, in more where it has more metrics than MLflow takes at once; 100 parameters."""
        from mlflow.entities import Metric, Param, RunTag

        now = int(time.time() * 1000)
        values = [
            Metric(key_of(key), rounded(value), now, step) for key, value, step in metrics if math.isfinite(value)
        ]
        texts = [Param(key_of(key), value[:6000]) for key, value in params.items()]
        room = MOST_METRICS - MOST_PARAMS - 50
        for first in range(0, max(len(values), 1), room):
            self.client.log_batch(
                run,
                metrics=values[first : first + room],
                params=texts[:MOST_PARAMS] if first == 0 else [],
                tags=[RunTag(key, value) for key, value in (tags or {}).items()] if first == 0 else [],
            )

    def _leaderboard(self, parent: str) -> str:
        """Return the fragment that opens the study's policies, sorted, and store the view it needs."""
        order = "metrics.`asset`"
        which = f"tags.`mlflow.parentRunId` = '{parent}'"
        place = f"#/experiments/{self.experiment}/runs"
        if not _views_can_be_shared():
            from urllib.parse import urlencode

            query = urlencode({"searchFilter": which, "orderByKey": order, "orderByAsc": "false"})
            return f"{place}?{query}&workflowType=machine_learning"
        view = f"leaderboard-{parent[:8]}"
        state = {
            "searchFilter": which,
            "orderByKey": order,
            "orderByAsc": False,
            "startTime": "ALL",
            "lifecycleFilter": "Active",
            "datasetsFilter": [],
            "modelVersionFilter": "All Runs",
            "selectedColumns": [f"metrics.`{name}`" for name in LEADERBOARD_COLUMNS],
            "columnOrder": [],
            "columnWidths": {},
            "viewMaximized": False,
            "runListHidden": False,
            "hideEmptyCharts": True,
            "groupBy": None,
        }
        self.client.set_experiment_tag(self.experiment, f"mlflow.sharedViewState.{view}", json.dumps(state))
        return f"{place}?viewStateShareKey={view}&workflowType=machine_learning"

    def _artifacts(
        self, run: str, scenario: Scenario, plan: Plan | None, report: Path | None, scenario_file: Path | None
    ) -> None:
        if report is not None:
            self.client.log_artifact(run, str(report))
        if plan is not None:
            self.client.log_text(run, plan.to_json(), "plan.json")
        if scenario_file is not None:
            text = scenario_file.read_text(encoding="utf-8")
        else:
            import yaml

            content = scenario.model_dump(mode="json", exclude_defaults=True)
            text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        self.client.log_text(run, text, "scenario.yaml")


@cache
def _views_can_be_shared() -> bool:
    """Return whether the installed UI knows stored views of the run table, which MLflow does not document."""
    import mlflow

    scripts = Path(mlflow.__file__).parent / "server" / "js" / "build" / "static" / "js"
    pages = b"".join(path.read_bytes() for path in scripts.glob("main.*.js"))
    return b"mlflow.sharedViewState." in pages and b"viewStateShareKey" in pages


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow and the makers of its tables from writing log lines."""
    prepare_environment(os.environ)
    import mlflow  # noqa: F401 (sets up the loggers that are turned down here)

    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
