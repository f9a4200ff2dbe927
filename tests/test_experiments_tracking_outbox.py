"""Runs wait in an outbox and are logged once, whatever happens on the way."""

import hashlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markets import ROOT

from experiments.tracking import store
from experiments.tracking.outbox import Outbox, sync, waiting_in_words
from experiments.tracking.record import Base, Record
from experiments.tracking.store import tracking_uri_of
from sim.errors import FolderError, InputError


def key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def record(name: str = "plan", parent: str = "", **changes: Any) -> Record:
    made = Record(
        key=key(name), experiment="a decision", name=name, params={f"levers.l{i}.cap": str(i) for i in range(130)},
        metrics=[("gain", 12.5, 0), *(("over_time/alive", float(t), t) for t in range(900))],
        tags={"note": "in {experiment}", "world": "base"}, files={"plan.json": b"{}", "plans/a.json": b"[]"},
        parent=key(parent) if parent else "", base=Base("customers", "d1ge57", "customers.duckdb"),
        began=1_000, ended=2_000,
    )  # fmt: skip
    return replace(made, **changes)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store and two runs, one of them the other's child."""
    folder = tmp_path_factory.mktemp("new")
    box = Outbox(folder)
    box.put(record("plan", "study"))
    box.put(record("study"))
    assert len(box.send().runs) == 2
    return folder


@pytest.fixture
def folder(new: Path, tmp_path: Path) -> Path:
    shutil.copytree(new, tmp_path / "here")
    return tmp_path / "here"


def runs_of(folder: Path) -> dict[str, Any]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=tracking_uri_of(folder))
    experiments = [each.experiment_id for each in client.search_experiments()]
    found = client.search_runs(experiments, max_results=1000)
    assert len({run.data.tags["record_key"] for run in found}) == len(found), "a key has two runs"
    return {run.info.run_name: run for run in found}


def test_a_record_is_a_run_with_all_it_says(new: Path) -> None:
    from mlflow import MlflowClient

    runs, client = runs_of(new), MlflowClient(tracking_uri=tracking_uri_of(new))
    run = runs["plan"]
    assert (run.info.status, run.info.start_time, run.info.end_time) == ("FINISHED", 1_000, 2_000)
    assert len(run.data.params) == 130
    assert run.data.tags["note"] == f"in {run.info.experiment_id}"
    assert run.data.tags["mlflow.parentRunId"] == runs["study"].info.run_id
    assert len(client.get_metric_history(run.info.run_id, "over_time/alive")) == 900
    assert {found.path for found in client.list_artifacts(run.info.run_id)} == {"plan.json", "plans"}
    assert run.inputs.dataset_inputs[0].dataset.digest == "d1ge57"
    assert Outbox(new).pending() == []


def test_the_same_record_again_writes_nothing_and_another_version_is_brought_up_to_date(folder: Path) -> None:
    before = runs_of(folder)
    box = Outbox(folder)
    box.put(record("plan", "study", began=5_000, ended=9_000))
    assert box.send().runs[key("plan")] == before["plan"].info.run_id
    assert runs_of(folder)["plan"].info.end_time == 2_000
    went_on = replace(record("study"), name="study: 2 of 2", tags={"note": "done"}, metrics=[("gain", 20.0, 0)])
    box.put(replace(went_on, ended=9_000))
    sent = box.send()
    run = runs_of(folder)["study: 2 of 2"]
    assert run.info.run_id == sent.runs[key("study")] == before["study"].info.run_id
    assert (run.data.metrics["gain"], run.data.tags["note"]) == (20.0, "done")


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from test_experiments_tracking_outbox import record
from experiments.tracking.outbox import Outbox
from mlflow import MlflowClient
import mlflow.tracking.client
left = {after}
def counted(kind):
    plain = getattr(MlflowClient, kind)
    def wrapped(self, *given, **named):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return plain(self, *given, **named)
    setattr(MlflowClient, kind, wrapped)
for kind in ("create_run", "log_batch", "log_artifacts", "log_inputs", "set_terminated"):
    counted(kind)
box = Outbox({folder!r})
box.put(record("one", "study")); box.put(record("two", "study"))
box.send()
"""


@pytest.mark.skipif(os.name != "posix", reason="asks for signals")
@pytest.mark.parametrize("after", [4, *(pytest.param(number, marks=pytest.mark.slow) for number in (1, 9))])
def test_killed_in_the_middle_nothing_is_lost_or_there_twice(folder: Path, after: int) -> None:
    code = KILLED.format(tests=str(ROOT / "tests"), after=after, folder=str(folder))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(Outbox(folder).pending()) in (1, 2)
    assert [each.waiting for each in sync(folder)] == [0]
    runs = runs_of(folder)
    assert set(runs) == {"study", "plan", "one", "two"}
    for run in runs.values():
        assert run.info.status == "FINISHED"
        assert (len(run.data.params), run.data.metrics["over_time/alive"]) == (130, 899.0)
    assert sync(folder) == ()


def test_what_a_killed_process_left_of_another_record_goes_with_the_next(tmp_path: Path) -> None:
    box = Outbox(tmp_path)
    box.put(record())
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, lives = (tmp_path / ".tenure" / "outbox" / f".other.{pid}.part.zip" for pid in (ended.pid, os.getppid()))
    dead.write_bytes(b"half")
    lives.write_bytes(b"half")
    Outbox(tmp_path).put(record())
    assert not dead.exists()
    assert lives.exists()


def test_a_failure_leaves_nothing_running_and_the_record_waits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    box = Outbox(folder)
    box.put(record("one"))
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", full)
        with pytest.raises(FolderError, match=r"no space left.*1 run waits"):
            box.send()
    assert runs_of(folder)["one"].info.status == "KILLED"
    assert sync(folder)[0].runs
    assert runs_of(folder)["one"].info.status == "FINISHED"


def test_a_server_that_is_gone_loses_nothing(folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    box = Outbox(folder, f"http://127.0.0.1:{port}")
    box.put(record("one"))
    sent = box.send()
    assert (sent.waiting, sent.runs) == (1, {})
    assert "1 run waits" in waiting_in_words(sent, folder)
    assert sync(folder)[0].waiting == 1, "it still waits for the server"
    assert "one" not in runs_of(folder)
    assert sync(folder, tracking_uri_of(folder))[0].waiting == 0, "or goes where it is told"
    assert runs_of(folder)["one"].info.status == "FINISHED"


@pytest.mark.parametrize("driver", ["mysql", "postgresql+psycopg"])
def test_a_database_that_is_gone_or_has_no_driver_is_said_at_once(tmp_path: Path, driver: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        box = Outbox(tmp_path, f"{driver}://me:secret@127.0.0.1:{free.getsockname()[1]}/runs")
        box.put(record())
        began = time.monotonic()
        sent = box.send()
    assert (sent.waiting, "secret" in sent.why) == (1, False)
    assert time.monotonic() - began < 30


def test_passwords_are_not_kept(tmp_path: Path) -> None:
    box = Outbox(tmp_path, "postgresql+psycopg://me:secret@db.example/runs")
    box.put(record())
    assert box.pending()[0].tracking_uri == "postgresql+psycopg://me:***@db.example/runs"
    assert all(b"secret" not in path.read_bytes() for path in tmp_path.rglob("*.zip"))
    with pytest.raises(InputError, match="password is not kept"):
        sync(tmp_path)


@pytest.mark.parametrize(
    ("uri", "shown", "link"),
    [
        ("http://me:s3cr/t@[::1]:5000/at", "http://me:***@[::1]:5000/at", "http://[::1]:5000/at"),
        ("https://me:s3cr%2Ft@host", "https://me:***@host", "https://host"),
        ("http://host:80/?token=s3cr/t", "http://host:80/?token=***", "http://host:80"),
        ("http://[::1]:5000", "http://[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_no_password_is_shown_linked_or_quoted(uri: str, shown: str, link: str) -> None:
    assert store.redacted(uri) == shown
    assert store.pages_at(uri) == store.pages_at("sqlite:///runs.db", uri) == link
    told = store.without_password(f"cannot reach {uri}" + ", as s3cr/t or s3cr%2Ft" * (shown != uri), uri)
    assert "s3cr" not in told


def test_links_open_the_pages_that_are_named_or_this_machines() -> None:
    for uri in ("", "sqlite:////runs.db", "postgresql+psycopg://me@db.example/runs"):
        assert store.pages_at(uri) == "http://127.0.0.1:5000"
    assert store.pages_at("http://server:80", "https://board.example/mlflow/") == "https://board.example/mlflow"
    with pytest.raises(InputError, match=r"mlflow_ui=board.example.*such as http"):
        store.pages_at("", "board.example")


def test_a_record_waits_for_each_place_that_it_goes_to(folder: Path) -> None:
    """One that waits for a server is not lost when the same is asked without it."""
    there = Outbox(folder, "http://127.0.0.1:9")
    there.put(record("one"))
    here = Outbox(folder)
    here.put(record("one"))
    assert [each.tracking_uri for each in here.pending()] == ["", "http://127.0.0.1:9"]
    assert here.send().waiting == 0
    assert [each.tracking_uri for each in there.pending()] == ["http://127.0.0.1:9"]
    assert sync(folder, tracking_uri_of(folder))[0].waiting == 0, "the same key: no second run"
    assert set(runs_of(folder)) == {"study", "plan", "one"}


@pytest.mark.parametrize("uri", ["file:///elsewhere", "databricks", "http:", "ftp://host", "http://[::1", "http://h:x"])
def test_an_address_that_is_none(tmp_path: Path, uri: str) -> None:
    with pytest.raises(InputError, match="expected a server"):
        Outbox(tmp_path, uri)


def test_a_copied_folder_keeps_its_runs_apart(new: Path, folder: Path) -> None:
    before = (new / "mlflow.db").read_bytes()
    files = sorted(path.relative_to(new) for path in new.rglob("*"))
    box = Outbox(folder)
    box.put(record("one"))
    box.send()
    assert all(run.info.artifact_uri.startswith(folder.as_uri() + "/") for run in runs_of(folder).values())
    assert (new / "mlflow.db").read_bytes() == before
    assert sorted(path.relative_to(new) for path in new.rglob("*")) == files
    with closing(sqlite3.connect(folder / "mlflow.db.before-move")) as kept:
        assert kept.execute("SELECT count(*) FROM runs").fetchone() == (2,)


@pytest.mark.parametrize("broken", ["empty", "no tables", "some tables", "an old schema"])
def test_a_half_made_store_is_made_again(
    new: Path, tmp_path: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "mlflow.db"
    if broken == "empty":
        database.touch()
    else:
        shutil.copyfile(new / "mlflow.db", database)
        with closing(sqlite3.connect(database)) as half, half:
            for (table,) in half.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                if broken == "no tables" or (table in ("alembic_version", "runs") and broken == "some tables"):
                    half.execute(f"DROP TABLE {table}")
            if broken == "an old schema":
                half.execute("DELETE FROM runs")
                half.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
    made: list[Path] = []

    def make(folder: Path, path: Path) -> None:
        made.append(shutil.copyfile(new / "mlflow.db", path))

    monkeypatch.setattr(store, "_make", make)  # which takes seconds, and is tried by the other tests
    store.open_store(tmp_path)
    assert made == [database]
    assert (tmp_path / "mlflow.db.half-made").exists()


def test_a_store_in_use_is_left_alone(new: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_make", None)
    (folder / "mlflow.db").write_bytes((new / "mlflow.db").read_bytes())
    with closing(sqlite3.connect(folder / "mlflow.db")) as older, older:
        older.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
    store.open_store(folder)
    assert not (folder / "mlflow.db.half-made").exists()
    (folder / "mlflow.db").write_text("no database" * 50)
    store.open_store(folder)
    assert (folder / "mlflow.db").read_text() == "no database" * 50


def test_what_is_no_record_is_named(tmp_path: Path) -> None:
    place = tmp_path / ".tenure" / "outbox"
    place.mkdir(parents=True)
    (place / "aa.zip").write_text("not one")
    with pytest.raises(FolderError, match=r"aa\.zip: is not a run that waits"):
        sync(tmp_path)
    with pytest.raises(FolderError, match="is not a folder"):
        sync(tmp_path / "missing")
    with pytest.raises(ValueError, match="hexadecimal"):
        record(key="../../etc")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="asks for signals")
@pytest.mark.parametrize("moment", [0.0, 0.3, 0.6, 0.9])
def test_killed_while_the_store_is_made(tmp_path: Path, moment: float) -> None:
    code = f"""
import sys, threading, time, os, signal
sys.path.insert(0, {str(ROOT / "tests")!r})
from test_experiments_tracking_outbox import record
from experiments.tracking import store
from experiments.tracking.outbox import Outbox
make = store._make
def killed(*given):
    threading.Thread(target=lambda: (time.sleep({moment}), os.kill(os.getpid(), signal.SIGKILL))).start()
    make(*given)
    time.sleep(10)
store._make = killed
box = Outbox({str(tmp_path)!r})
box.put(record("one"))
box.send()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert sync(tmp_path)[0].waiting == 0
    assert set(runs_of(tmp_path)) == {"one"}
    assert not list(tmp_path.glob(".mlflow.*.part*")), "nothing is left of the half-made one"
