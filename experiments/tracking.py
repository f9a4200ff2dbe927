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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.tracking_store import (
    LEADERBOARD_TAG,
    database_of,
    locked,
    prepare_environment,
    serve,
    tracking_uri_of,
)
from sim.errors import FolderError
from sim.valuation import customer_asset

if TYPE_CHECKING:
    from experiments.compare import Comparison, Outcome
    from optimizer.plan import Plan
    from sim.scenario import Scenario

__all__ = ["Tracked", "log_study", "serve", "tracking_uri_of", "unit_key"]

LEADERBOARD_COLUMNS = ("asset", "difference", "kept", "spend")
"""Metrics that the run table shows."""
MOST_METRICS, MOST_PARAMS = 1000, 100
"""What MLflow takes in one batch."""

Series = list[tuple[str, float, int]]


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


def unit_key(scenario_hash: str, policy: str, seed: int, code: str | None = None) -> str:
    """Return the SHA-256 that names a piece of work: the same key, the same result.

    Parameters
    ----------
    policy
        What tells the policy apart: its name, and for a plan also its content.
    code
        Version of the code; None: of the code that runs.
    """
    text = json.dumps([scenario_hash, policy, seed, _code_version() if code is None else code])
    return hashlib.sha256(text.encode()).hexdigest()


def log_study(
    folder: str | Path,
    *,
    scenario: Scenario,
    comparison: Comparison,
    plan: Plan | None = None,
    report: Path | None = None,
    seed: int | None = None,
    experiment: str | None = None,
    study: str = "demo",
    plan_policy: str = "plan",
    scenario_file: Path | None = None,
) -> Tracked:
    """Write a study to the store in ``folder``, which is made if missing, and return where it went.

    Parameters
    ----------
    report
        File to keep with the parent run.
    seed
        None: the comparison's.
    experiment
        The decision in question; None: the scenario's budget.
    study
        Name of the parent run.
    plan_policy
        Which of the compared policies plays ``plan``.
    scenario_file
        The file as the user wrote it, comments and all; None: the scenario's content is written out.

    Raises
    ------
    FolderError
        If the folder cannot be written, or its store cannot be used.
    """
    folder = Path(folder).resolve()
    seed = comparison.seed if seed is None else seed
    if any(sign in str(folder) for sign in "?#%"):
        raise FolderError(f"{folder}: MLflow cannot keep runs in a path with ?, # or %; choose another folder")
    with locked(folder), _quiet():
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            writer = _Writer(folder, experiment or f"{scenario.name}: marketing budget")
            writer.end_stale()
            return writer.study(scenario, comparison, plan, report, seed, study, plan_policy, scenario_file)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise FolderError(
                f"{database_of(folder)}: cannot be used as a store of runs ({str(error).strip().splitlines()[0]}); "
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
        seed: int,
        study: str,
        plan_policy: str,
        scenario_file: Path | None,
    ) -> Tracked:
        common = {"scenario": scenario.name, "scenario_hash": scenario.hash, "seed": str(seed), "study": study}
        work = f"{comparison.replications} replications, budget {comparison.budget!r}"
        key = unit_key(scenario.hash, f"study of {[o.name for o in comparison.outcomes]}, {work}", seed)
        parent = self._start(study, {**common, "layer": "study", "unit_key": key, "mlflow.note.content": ""})
        running = [parent]
        try:
            board = self._leaderboard(parent)
            proof = _plan_metrics(plan)
            shared = _params(scenario, comparison, seed)
            runs = {}
            for outcome in comparison.outcomes:
                played = plan if outcome.name == plan_policy else None
                what = outcome.name if played is None else f"{outcome.name} {_digest(played)}"
                tags = {
                    **common, "layer": "policy", "policy": outcome.name, "mlflow.parentRunId": parent,
                    "unit_key": unit_key(scenario.hash, f"{what}, {work}", seed),
                    "mlflow.note.content": _policy_note(outcome, scenario, comparison, self.experiment, parent),
                }  # fmt: skip
                run = self._start(outcome.name, tags)
                running.append(run)
                metrics = _policy_metrics(outcome, scenario) + (proof if played is not None else [])
                self._batch(run, {"policy": outcome.name, **shared}, metrics)
                self.client.set_terminated(run, "FINISHED")
                running.remove(run)
                runs[outcome.name] = run
            best = max(comparison.outcomes, key=lambda outcome: outcome.asset)
            note = _study_note(comparison, scenario, best, board)
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
        """Write everything about a run in one batch, or as few as MLflow takes."""
        from mlflow.entities import Metric, Param, RunTag

        now = int(time.time() * 1000)
        values = [Metric(_key(key), _round(value), now, step) for key, value, step in metrics if math.isfinite(value)]
        texts = [Param(_key(key), value[:6000]) for key, value in params.items()]
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


def _params(scenario: Scenario, comparison: Comparison, seed: int) -> dict[str, str]:
    """Return what a run depends on, as dotted names."""
    rules = scenario.rules
    params: dict[str, object] = {
        "scenario": scenario.name,
        "seed": seed,
        "replications": comparison.replications,
        "horizon.periods": scenario.periods,
        "horizon.period": scenario.period,
        "horizon.terminal": scenario.terminal,
        "discount_rate": scenario.discount_rate,
        "margin": scenario.margin,
        "loss": scenario.loss,
        "budget.total": _round(comparison.budget),
        "budget.period_share": rules.period_share,
        "code.version": _code_version(),
    }
    for name, rule in rules.levers.items():
        params |= {f"rules.{name}.floor": rule.floor, f"rules.{name}.cap": rule.cap}
    for name, lever in scenario.levers.items():
        params[f"levers.{name}.reference"] = lever.reference
        for effect, curve in lever.moves.items():
            params[f"levers.{name}.{effect}"] = (
                f"{curve.without_money:g} without money, {curve.brings:g} at {curve.spend:g}, "
                f"{curve.unlimited_money:g} at most"
            )
    return {key: str(value) for key, value in params.items()}


def _policy_metrics(outcome: Outcome, scenario: Scenario) -> Series:
    """Return a policy's figures, and its course by period."""
    history = outcome.history
    asset = customer_asset(history, scenario.discount_per_period)
    last = history.periods
    metrics: Series = [
        ("asset", outcome.asset, last),
        ("asset_within_horizon", asset.within_horizon, last),
        ("asset_after_horizon", asset.after_horizon, last),
        ("difference", outcome.difference, last),
        ("difference_low", outcome.low, last),
        ("difference_high", outcome.high, last),
        ("kept", float(outcome.kept.mean()), last),
        ("spend", float(outcome.spends.mean()), last),
    ]
    targets = history.targets
    for step, value in enumerate(np.cumsum(asset.by_period), start=1):
        metrics.append(("over_time/discounted_profit_so_far", float(value), step))
    for step, value in enumerate(history.alive.sum(axis=1)):
        metrics.append(("over_time/customers_alive", float(value), step))
    for stage, name in enumerate(targets.stages):
        for step, value in enumerate(history.customers[:, :, stage].sum(axis=1)):
            metrics.append((f"customers_by_stage/{name}", float(value), step))
    for lever, name in enumerate(targets.levers):
        for step, value in enumerate(history.spend[..., lever].sum(axis=(1, 2)), start=1):
            metrics.append((f"spend_by_lever/{name}", float(value), step))
    return metrics


def _plan_metrics(plan: Plan | None) -> Series:
    if plan is None:
        return []
    names = ("asset", "no_spend", "bound", "lift_share", "gap", "shadow_price")
    return [(f"plan/{name}", float(getattr(plan, name)), 0) for name in names]


def _policy_note(outcome: Outcome, scenario: Scenario, comparison: Comparison, experiment: str, parent: str) -> str:
    reference = comparison.outcomes[0]
    return (
        f"Policy **{_plain(outcome.name)}** in {_plain(scenario.name)}, {scenario.periods} {scenario.period}s: "
        f"customer asset {outcome.asset:,.0f} {_plain(scenario.currency)}"
        f"{_against(outcome, reference)}. "
        f"Means over {comparison.replications} replications.\n\n"
        f"The study, with its report: [open](#/experiments/{experiment}/runs/{parent}?workflowType=machine_learning)."
    )


def _against(outcome: Outcome, reference: Outcome) -> str:
    if outcome is reference:
        return " (the reference)"
    interval = f", 95 % interval {outcome.low:+,.0f} to {outcome.high:+,.0f}" if math.isfinite(outcome.low) else ""
    return f", {outcome.difference:+,.0f} against *{_plain(reference.name)}*{interval} (replication noise only)"


def _study_note(comparison: Comparison, scenario: Scenario, best: Outcome, board: str) -> str:
    rows = "".join(
        f"| {_plain(each.name)} | {each.asset:,.0f} | {each.difference:+,.0f} | {each.kept.mean():,.0f} "
        f"| {each.spends.mean():,.0f} |\n"
        for each in sorted(comparison.outcomes, key=lambda each: -each.asset)
    )
    return (
        f"**{_plain(best.name)}** makes customers worth most: {best.asset:,.0f} {_plain(scenario.currency)}"
        f"{_against(best, comparison.outcomes[0])}.\n\n"
        "| policy | asset | difference | customers kept | spend |\n| --- | ---: | ---: | ---: | ---: |\n"
        f"{rows}\n[Leaderboard]({board}). The whole answer is in the HTML report among the artifacts."
    )


def _plain(text: str) -> str:
    """Return a name without signs that Markdown would read."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#" else sign for sign in text)


def _key(name: str) -> str:
    """Return a name of a parameter or metric with the signs that MLflow takes."""
    return "".join(sign if sign.isalnum() or sign in "_-. :/" else "_" for sign in name)[:250]


def _round(value: float) -> float:
    """Return five significant digits, or a whole number where that is longer: a chart zooms into whatever noise it is given."""
    return float(round(value)) if abs(value) >= 10_000 else float(f"{value:.5g}")


def _digest(plan: Plan) -> str:
    return hashlib.sha256(np.ascontiguousarray(plan.intensity).tobytes()).hexdigest()


@cache
def _code_version() -> str:
    """Return the release and a fingerprint of the sources that run."""
    try:
        release = version("tenure")
    except PackageNotFoundError:
        release = "source"
    root = Path(__file__).resolve().parent.parent
    content = hashlib.sha256()
    for package in ("sim", "optimizer", "policies", "experiments"):
        for path in sorted((root / package).rglob("*.py")):
            content.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{release}+{content.hexdigest()[:12]}"


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
