"""Records into MLflow, by its client: the module that writes runs.

MLflow is imported inside functions: that takes over a second. Logging a record is idempotent. Its run is found by the
tag that holds its key; a run that was begun and not finished is completed in place, and one that shows another version
of the record is brought up to date. Times are the record's own, so that MLflow takes a value given twice as one.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from experiments.tracking.record import Record
from experiments.tracking.store import ARTIFACTS

__all__ = ["KEY_TAG", "Sender", "failures", "key_of", "rounded"]

KEY_TAG, DIGEST_TAG = "record_key", "record_digest"
"""Tags that find a run, and say which version of its record it shows, once it shows all of it."""
MOST_METRICS, MOST_PARAMS = 800, 100
"""What one batch may hold: MLflow takes 1000 of all, and 100 parameters, and as many tags."""
LONGEST_PARAM, LONGEST_TAG, LONGEST_VIEW = 6000, 8000, 20_000
"""Signs that MLflow keeps of a parameter, a tag of a run and a tag of an experiment."""


class _Found(Protocol):
    info: Any
    data: Any


def key_of(name: str) -> str:
    """Return a name of a parameter or metric with the signs that MLflow takes."""
    taken = "".join(sign if sign.isalnum() or sign in "_-. :/" else "_" for sign in name)
    # Names are paths to MLflow: no part is empty or only dots.
    parts = [part if part.strip(".") else "_" * max(len(part), 1) for part in taken.split("/")]
    return "/".join(parts)[:250]


def rounded(value: float) -> float:
    """Return five significant digits, or a whole number if longer: charts zoom into whatever noise they are given."""
    return float(round(value)) if abs(value) >= 10_000 else float(f"{value:.5g}")


def failures() -> tuple[type[Exception], ...]:
    """Return what a store or a server may fail with; a database also for want of its driver."""
    import sqlite3

    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return (MlflowException, SQLAlchemyError, sqlite3.Error, OSError, ImportError)


class Sender:
    """A store of runs, open for writing.

    Parameters
    ----------
    folder
        Holds the artifacts of a database.
    own
        Whether nobody else writes to it now.
    """

    def __init__(self, uri: str, folder: Path, *, own: bool) -> None:
        from mlflow import MlflowClient

        self.client = MlflowClient(tracking_uri=uri)
        self.own = own
        served = uri.startswith(("http://", "https://"))
        self.artifacts = None if served else (folder / ARTIFACTS).as_uri()
        self.experiments: dict[str, str] = {}

    def send(self, record: Record, parent: str | None) -> str:
        """Return the run that shows a record, made or completed where it does not; ``parent`` is its parent's run."""
        experiment = self.experiment(record.experiment)
        found = self.find(experiment, record.key)
        if found is not None and found.data.tags.get(DIGEST_TAG) == record.digest:
            self._end(found, record)
            return str(found.info.run_id)
        ids = {"{experiment}": experiment, "{parent}": parent or ""}
        if found is None:
            tags = {
                **{key_of(key): _in(text, ids)[:LONGEST_TAG] for key, text in record.tags.items()},
                "mlflow.source.name": "tenure", "mlflow.source.type": "LOCAL", KEY_TAG: record.key,
                **({} if parent is None else {"mlflow.parentRunId": parent}),
            }  # fmt: skip
            found = self.client.create_run(experiment, start_time=record.began, tags=tags, run_name=record.name)
        with self._killed_if_broken_off(found):
            self._fill(found, record, ids | {"{run}": str(found.info.run_id)})
            self._end(found, record)
        return str(found.info.run_id)

    def find(self, experiment: str, key: str) -> _Found | None:
        """Return the run of a key."""
        found = self.client.search_runs([experiment], f"tags.{KEY_TAG} = '{key}'", max_results=1)
        return found[0] if found else None

    def experiment(self, name: str) -> str:
        """Return the id of an experiment, made if missing."""
        if name not in self.experiments:
            from mlflow.exceptions import MlflowException

            known = self.client.get_experiment_by_name(name)
            if known is None:
                try:
                    made = self.client.create_experiment(name, artifact_location=self.artifacts)
                except MlflowException:  # another process was quicker
                    known = self.client.get_experiment_by_name(name)
                    if known is None:
                        raise
            if known is not None and known.lifecycle_stage == "deleted":
                self.client.restore_experiment(known.experiment_id)
            self.experiments[name] = str(made if known is None else known.experiment_id)
        return self.experiments[name]

    def end_stale(self) -> None:
        """Mark as KILLED what processes that died left RUNNING, where only we write."""
        ours = f"attributes.status = 'RUNNING' and tags.{KEY_TAG} != ''"
        for run in self.client.search_runs(list(self.experiments.values()), ours, max_results=1000):
            self.client.set_terminated(run.info.run_id, "KILLED")

    def _end(self, run: _Found, record: Record) -> None:
        if run.info.status != "FINISHED":
            self.client.set_terminated(run.info.run_id, "FINISHED", end_time=record.ended)

    def _fill(self, run: _Found, record: Record, ids: Mapping[str, str]) -> None:
        """Write all of a record, and last the digest that says so."""
        name = str(run.info.run_id)
        self._keep(name, record)
        for key, text in record.experiment_tags.items():
            self.client.set_experiment_tag(ids["{experiment}"], key, _in(text, ids)[:LONGEST_VIEW])
        if run.info.run_name != record.name:
            self.client.update_run(name, name=record.name)
        for batch in _batches(run, record, ids):
            self.client.log_batch(name, **batch)

    def _keep(self, run: str, record: Record) -> None:
        """Keep files and the customer base's digest with the run."""
        if record.files:
            with tempfile.TemporaryDirectory() as folder:
                for name, data in record.files.items():
                    path = Path(folder, *PurePosixPath(name).parts)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(data)
                self.client.log_artifacts(run, folder)
        if record.base is not None:
            from mlflow.entities import Dataset, DatasetInput, InputTag

            base = record.base
            held = Dataset(base.name[:500], base.digest[:36], "local", base.place)
            self.client.log_inputs(run, [DatasetInput(held, [InputTag("mlflow.data.context", "customers")])])

    @contextmanager
    def _killed_if_broken_off(self, run: _Found) -> Iterator[None]:
        """Leave no run RUNNING for an interrupt or a failure of our own store; it is completed when sent again."""
        try:
            yield
        except BaseException:
            if self.own:
                with suppress(Exception):
                    self.client.set_terminated(run.info.run_id, "KILLED")
            raise


def _batches(run: _Found, record: Record, ids: Mapping[str, str]) -> Iterator[dict[str, list[Any]]]:
    """Yield what is still to be logged, in as few batches as MLflow takes; each is a transaction."""
    from mlflow.entities import Metric, Param, RunTag

    values = ((key_of(key), value, step) for key, value, step in record.metrics if math.isfinite(value))
    texts = {key_of(key): _in(text, ids)[:LONGEST_TAG] for key, text in record.tags.items()}
    params = {key_of(key): value[:LONGEST_PARAM] for key, value in record.params.items()}
    metrics = [Metric(key, rounded(value), record.ended, step) for key, value, step in values]
    fixed = [Param(key, text) for key, text in params.items() if key not in run.data.params]
    tags = [RunTag(key, text) for key, text in texts.items() if run.data.tags.get(key) != text]
    last = max(1, -(-len(metrics) // MOST_METRICS), -(-len(fixed) // MOST_PARAMS)) - 1
    for i in range(last + 1):
        yield {
            "metrics": metrics[i * MOST_METRICS : (i + 1) * MOST_METRICS],
            "params": fixed[i * MOST_PARAMS : (i + 1) * MOST_PARAMS],
            "tags": [*tags, RunTag(DIGEST_TAG, record.digest)] if i == last else [],
        }


def _in(text: str, ids: Mapping[str, str]) -> str:
    for name, value in ids.items():
        text = text.replace(name, value)
    return text
