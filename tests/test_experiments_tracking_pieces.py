"""What runs are made of, piece by piece: parameters, arguments, experiments that others make or delete, what waits."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from experiments.tracking import call, content
from experiments.tracking.notes import LONGEST, note
from experiments.tracking.outbox import Outbox
from experiments.tracking.record import Record
from experiments.tracking.sender import Sender
from experiments.tracking.store import _root_of


def test_very_many_keys_are_told_in_few_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The upper ones each, what is below in one text; a long text is cut, and still tells two apart."""
    monkeypatch.setattr(content, "MOST_PARAMS", 3)
    deep = {"a": {"x": {"p": 1, "q": True}, "y": 2.0}, "b": [1, 2.5], "c": [{"name": "one", "v": 1}]}
    assert content._shown(deep) == {
        "a.x": '{"p": 1, "q": true}', "a.y": "2", "b": "1, 2.5", "c.one": '{"name": "one", "v": 1}'
    }  # fmt: skip
    assert content._shown({"a": 1}) == {"a": "1"}
    one, two = (content._text("x" * 600 + end) for end in "ab")
    assert (len(one) <= content.LONGEST, one == two, one[:470] == two[:470]) == (True, False, True)


@dataclass
class Own:
    name: str = "mine"


def test_arguments_are_data() -> None:
    """What is no finite number is none, objects go by name; an answer that is not tracked is said to be none."""
    files: dict[str, bytes] = {}
    given = [float("inf"), 1, "text", {"a": (True, None)}, Own(), object()]
    assert call._plain(given, files) == [None, 1, "text", {"a": [True, None]}, {call.OBJECT: "mine"},
                                         {call.OBJECT: "object"}]  # fmt: skip
    assert files == {}
    assert list(call._numbers({"a": [1, True, "x"], "b": ({"c": 2.5}, None)})) == [1.0, 1.0, 2.5]
    with pytest.raises(TypeError, match=r"^Own: is no answer that is tracked$"):
        call._arrays(Own())


def test_a_note_that_is_too_long_says_where_the_rest_is() -> None:
    text = note("said", ["a line\n" * LONGEST])
    assert len(text) <= LONGEST
    assert "(More is in the artifacts.)" in text


@pytest.mark.parametrize(
    ("place", "root"),
    [
        (None, None), ("s3://bucket/runs/1", None), ("file:///a/elsewhere/1", None),
        ("file:///a/mlruns-artifacts/1", None),
    ],
)  # fmt: skip
def test_only_our_own_places_are_moved(place: str | None, root: str | None) -> None:
    assert _root_of(place) == root


class Client:
    """Stands in for MLflow's: an experiment that is there, or comes while we make it."""

    def __init__(self, *known: Any) -> None:
        self.known, self.restored, self.ended = list(known), [], []

    def get_experiment_by_name(self, name: str) -> Any:
        return self.known.pop(0)

    def create_experiment(self, name: str, artifact_location: str | None) -> str:
        raise MlflowException("already there")

    def restore_experiment(self, which: str) -> None:
        self.restored.append(which)

    def set_terminated(self, run: str, status: str) -> None:
        self.ended.append((run, status))


def sender(client: Client, *, own: bool = True) -> Sender:
    found = object.__new__(Sender)
    found.client, found.own, found.artifacts, found.experiments = client, own, None, {}
    return found


def test_an_experiment_that_another_makes_or_deleted() -> None:
    """Taken where another was quicker, brought back where it was deleted, and the failure said where there is none."""
    there = SimpleNamespace(experiment_id="7", lifecycle_stage="active")
    assert sender(Client(None, there)).experiment("budget") == "7"
    client = Client(SimpleNamespace(experiment_id="8", lifecycle_stage="deleted"))
    assert (sender(client).experiment("budget"), client.restored) == ("8", ["8"])
    with pytest.raises(MlflowException, match="already there"):
        sender(Client(None, None)).experiment("budget")


def test_a_run_that_is_broken_off_is_killed_in_our_own_store_alone() -> None:
    run: Any = SimpleNamespace(info=SimpleNamespace(run_id="r1"))
    for own, ended in ((True, [("r1", "KILLED")]), (False, [])):
        client = Client()
        with pytest.raises(KeyboardInterrupt), sender(client, own=own)._killed_if_broken_off(run):
            raise KeyboardInterrupt
        assert client.ended == ended


def test_what_another_process_sent_meanwhile_is_not_sent_again(tmp_path: Path) -> None:
    """Its run is found by its key, under the run of its parent; one that nobody has is not there."""
    key, parent = "a" * 16, "b" * 16
    record = SimpleNamespace(key=key, parent=parent, experiment="budget")
    runs_of = {key: "run 1", parent: "run 0"}

    class Found:
        def experiment(self, name: str) -> str:
            return "7"

        def find(self, experiment: str, wanted: str) -> Any:
            return SimpleNamespace(info=SimpleNamespace(run_id=runs_of[wanted])) if wanted in runs_of else None

    gone, runs, sent = tmp_path / "gone.zip", {}, []
    outbox: Any = Outbox(tmp_path)
    outbox._send_one(gone, {gone: record}, runs, sent, Found())
    assert (runs, sent) == ({parent: "run 0", key: "run 1"}, [])
    runs_of.clear()
    runs.clear()
    outbox._send_one(gone, {gone: record}, runs, sent, Found())
    assert (runs, sent) == ({}, [])


def test_a_record_is_of_a_size_that_a_store_takes() -> None:
    facts: dict[str, Any] = {"key": "a" * 16, "experiment": "e", "name": "n"}
    with pytest.raises(ValueError, match="expected 16 to 64 hexadecimal digits"):
        Record(**{**facts, "parent": "nobody"})
    with pytest.raises(ValueError, match="tags: a run takes up to"):
        Record(**facts, tags={str(i): "" for i in range(2000)})
