"""The MLflow UI's process: when it answers, what it is asked, how it ends, and what is said where it does not."""

import json
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from experiments.tracking import serve as served
from sim.errors import InputError, TenureError

BUILT = "#/experiments?workflowType=machine_learning"


class Answer(BytesIO):
    status = 200


class Process:
    """Stands in for a server's process."""

    pid = 2**22 + 5  # of nobody: larger than Linux counts

    def __init__(self, ended: int | None = None) -> None:
        self.ended, self.asked = ended, []

    def poll(self) -> int | None:
        return self.ended

    def wait(self, patience: float | None = None) -> int:
        self.asked.append(patience)
        return 0


def test_it_is_waited_for_until_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused, half up, and then well; one that ends, or takes too long, is told of with the last that it said."""
    answers: list[Any] = [URLError("refused"), Answer(), Answer()]
    answers[1].status = 503

    def opened(address: str, timeout: float) -> Answer:
        assert address == "http://here/health"
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(urllib.request, "urlopen", opened)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    served._await_answer(Process(), "http://here", BytesIO(), 5.0)
    assert answers == []
    with pytest.raises(TenureError, match=r"^the MLflow UI did not start: no such option$"):
        served._await_answer(Process(2), "http://here", BytesIO(b"usage\nno such option\n\n"), 5.0)
    with pytest.raises(TenureError, match=r"did not answer on http://here within 0 s: it said nothing"):
        served._await_answer(Process(), "http://here", BytesIO(), 0.0)


@pytest.mark.parametrize(
    ("answers", "shown"),
    [
        ({"experiments/search": {}}, BUILT),
        ({"experiments/search": {"experiments": [{"experiment_id": "1"}]}, "runs/search": {}}, BUILT),
        (
            {"experiments/search": {"experiments": [{"experiment_id": "1"}]},
             "runs/search": {"runs": [{"data": {"tags": [{"key": served.LEADERBOARD_TAG, "value": "#/mine"}]}}]}},
            "#/mine",
        ),
        ({"experiments/search": {"experiments": [{"experiment_id": "1"}]}, "runs/search": {"runs": [{"data": {}}]}},
         BUILT),
    ],
)  # fmt: skip
def test_the_newest_study_is_shown_first(answers: dict[str, Any], shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(request: urllib.request.Request, timeout: float) -> Answer:
        what = request.full_url.removeprefix("http://here/api/2.0/mlflow/")
        return Answer(json.dumps(answers[what]).encode())

    monkeypatch.setattr(urllib.request, "urlopen", opened)
    assert served._newest_leaderboard("http://here") == shown


def test_a_server_that_says_what_nobody_understands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Answer(b"<html>"))
    with pytest.raises(TenureError, match=r"^the MLflow UI at http://here does not answer experiments/search: "):
        served._newest_leaderboard("http://here")


def folder_with_runs(folder: Path) -> Path:
    served.database_of(folder).touch()
    return folder


def test_a_server_that_ends_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process, told = Process(), []
    monkeypatch.setattr(served, "_start_server", lambda folder, port, output: output.write(b"killed\n") and process)
    monkeypatch.setattr(served, "_await_answer", lambda *_: None)
    monkeypatch.setattr(served, "_newest_leaderboard", lambda address: BUILT)
    with pytest.raises(TenureError, match=r"^the MLflow UI ended by itself: killed$"):
        served.serve(folder_with_runs(tmp_path), 0, announce=told.append)
    assert told[0].endswith(f"/{BUILT}")
    assert process.asked == [None, *process.asked[1:]]
    monkeypatch.setattr(served, "_await_answer", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    served.serve(tmp_path, 0, announce=told.append)  # Ctrl-C is how it ends
    assert len(told) == 1
    with pytest.raises(InputError, match=r"port 70000 on 127\.0\.0\.1 cannot be used .*; give another one with `port="):
        served.serve(tmp_path, 70_000, announce=told.append)


def test_a_server_that_does_not_hear_is_killed() -> None:
    """With what it started: nobody of its group is left."""
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-S", "-c", deaf], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    wait = process.wait
    process.wait = lambda timeout=None: wait(min(timeout or 0.2, 0.2) if process.poll() is None else None)
    served._end(process)
    process.stdout.close()
    assert wait(5) == -signal.SIGKILL
    assert not served._group_lives(process.pid)


def test_other_threads_hear_of_no_signal() -> None:
    """There the signals are as they were, and what is inside is done."""
    before, seen = signal.getsignal(signal.SIGTERM), []

    def inside() -> None:
        with served._ended_on_termination(), served._undisturbed():
            seen.append((signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [(before, signal.getsignal(signal.SIGINT))]
    with served._ended_on_termination(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    with served._undisturbed():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) == before


def test_waiting_ends_with_a_request_to_end() -> None:
    timer = threading.Timer(0.05, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM))
    timer.start()
    served.wait_for_interrupt()
    timer.join()
