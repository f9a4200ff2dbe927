"""Runs reach the disk together, and leave the outbox only then."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from experiments.tracking import outbox, store
from experiments.tracking.outbox import Outbox
from experiments.tracking.record import Record
from experiments.tracking.store import database_of, tracking_uri_of
from sim.errors import FolderError


def record(number: int) -> Record:
    key = hashlib.sha256(str(number).encode()).hexdigest()
    return Record(key=key, experiment="a decision", name=f"run {number}", metrics=[("gain", float(number), 0)], ended=1)


def names(folder: Path) -> set[str]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=tracking_uri_of(folder))
    found = client.search_runs([each.experiment_id for each in client.search_experiments()])
    assert all(run.info.status == "FINISHED" for run in found)
    return {run.info.run_name for run in found}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store and a run."""
    folder = tmp_path_factory.mktemp("made")
    Outbox(folder).put(record(0))
    assert Outbox(folder).send().waiting == 0
    return folder


def test_a_bundle_waits_for_the_disk_once(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction waits by itself, the log is gone at the end, and until then every record is in the outbox."""
    from experiments.tracking.sender import Sender

    seen, plain = [], Sender.send

    def send(self: Sender, *given: object) -> str:
        found = plain(self, *given)  # type: ignore[arg-type]
        with self.client._tracking_client.store.engine.connect() as connection:
            kept = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
        seen.append((*kept, len(Outbox(made).pending())))
        return found

    monkeypatch.setattr(Sender, "send", send)
    for number in (1, 2, 3):
        Outbox(made).put(record(number))
    Outbox(made).send()
    assert seen == [("wal", 1, 3)] * 3
    assert {"run 1", "run 2", "run 3"} <= names(made)
    assert Outbox(made).pending() == []
    assert [path.name for path in made.glob("mlflow.db*")] == ["mlflow.db"]
    assert (made / "mlflow.db").read_bytes()[18:20] == b"\x01\x01", "as anything can read it, without a log"


def test_a_store_that_pages_show_takes_runs_too(made: Path) -> None:
    """Whoever looked at the store while its log was kept holds the log open: it stays, and is whole."""
    with closing(sqlite3.connect(database_of(made))) as pages:
        with store.bundled(made):
            count = pages.execute("SELECT count(*) FROM runs").fetchone()[0]
        assert database_of(made).with_name("mlflow.db-wal").exists()
        Outbox(made).put(record(4))
        assert Outbox(made).send().waiting == 0
        assert pages.execute("SELECT count(*) FROM runs").fetchone()[0] == count + 1
    assert "run 4" in names(made)


def test_what_is_not_on_the_disk_waits(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = store.bundled

    @contextmanager
    def full(folder: Path) -> Iterator[None]:
        with plain(folder):
            yield
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(outbox, "bundled", full)
    Outbox(made).put(record(5))
    with pytest.raises(FolderError, match=r"disk is full.*1 run waits"):
        Outbox(made).send()
    monkeypatch.undo()
    assert [each.name for each in Outbox(made).pending()] == ["run 5"]
    assert Outbox(made).send().waiting == 0
    assert "run 5" in names(made)
