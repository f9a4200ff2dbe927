"""Runs are sent by a process beside this one, or by this one where that fails: the same runs either way."""

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from experiments.tracking import beside
from experiments.tracking.beside import sending_beside
from experiments.tracking.outbox import Outbox
from experiments.tracking.record import Record
from experiments.tracking.store import database_of
from sim.errors import FolderError


def record() -> Record:
    return Record(
        key="a" * 64, experiment="a decision", name="plan", params={"budget": "1"}, metrics=[("gain", 2.5, 0)]
    )


def kept(folder: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(database_of(folder))) as store:
        return list(store.execute("SELECT name, status FROM runs"))


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that what the other process said is added to."""
    said: list[object] = []
    plain = beside.sent_beside

    def sent(folder: Path) -> object:
        said.append(plain(folder))
        return said[-1]

    monkeypatch.setattr("experiments.tracking.outbox.sent_beside", sent)
    return said


@pytest.mark.slow
def test_what_waits_is_sent_by_the_other_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said, box = recorded(monkeypatch), Outbox(tmp_path)
    with sending_beside(tmp_path):
        box.put(record())
        sent = box.send()
    assert said == [{"tracking_uri": sent.tracking_uri, "runs": dict(sent.runs), "experiments": dict(sent.experiments),
                     "waiting": 0, "why": ""}]  # fmt: skip
    assert list(sent.runs) == ["a" * 64]
    assert kept(tmp_path) == [("plan", "FINISHED")]
    assert box.pending() == []


def test_what_the_other_process_does_not_send_is_sent_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said, box = recorded(monkeypatch), Outbox(tmp_path)
    monkeypatch.setattr(beside, "SENDING", "experiments.tracking.is_no_module")
    with sending_beside(tmp_path):
        box.put(record())
        assert list(box.send().runs) == ["a" * 64]
    assert said == [None]
    assert kept(tmp_path) == [("plan", "FINISHED")]


def test_errors_are_those_of_this_process(tmp_path: Path) -> None:
    folder = tmp_path / "a#b"
    folder.mkdir()
    with sending_beside(folder), pytest.raises(FolderError, match="choose another folder"):
        Outbox(folder).send()


def test_a_process_that_is_not_asked_sends_nothing_and_ends(tmp_path: Path) -> None:
    with sending_beside(tmp_path):
        process = beside._beside[tmp_path.resolve()]
        Outbox(tmp_path).put(record())
    assert process.returncode is not None
    assert not beside._beside
    assert len(Outbox(tmp_path).pending()) == 1


def test_nothing_of_the_folder_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who runs a command among files of others runs none of them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*filter(None, sys.path)])
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "__init__.py").write_text(f"open({os.fspath(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.setattr(beside, "SENDING", "experiments.tracking.is_no_module")
    with sending_beside(tmp_path):
        beside._beside[tmp_path.resolve()].wait()
    assert not (tmp_path / "ran").exists()
