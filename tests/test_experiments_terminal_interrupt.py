"""Ctrl-C ends a command with exit code 130 and one line, whatever its threads and native code are at."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from markets import ROOT, orders

import _tenure_start

BUSY = """
import ctypes, os, signal, sys, time
from experiments.cli.app import main
from experiments.study import calibrate

def in_python(*_, **__):
    print("busy", file=sys.stderr, flush=True)
    time.sleep(600)

def in_native_code(*_, **__):
    signal.siginterrupt(signal.SIGINT, False)
    print("busy", file=sys.stderr, flush=True)
    ctypes.CDLL(None).read(os.pipe()[0], ctypes.create_string_buffer(1), 1)

signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal, however the tests were started
setattr(calibrate, sys.argv[1], locals()[sys.argv[2]])
sys.argv = ["tenure", "calibrate", "orders.csv", "-o", "new.yaml"]
main()
"""
"""A command that is busy for good in one of its functions."""


@pytest.mark.skipif(os.name != "posix", reason="signals of another process")
@pytest.mark.parametrize(
    ("where", "how"),
    [
        ("first_part", "in_python"),
        pytest.param("fit_pareto_nbd", "in_python", marks=pytest.mark.slow),
        ("fit_pareto_nbd", "in_native_code"),
    ],
)
def test_a_command_ends_whatever_it_is_busy_with(tmp_path: Path, where: str, how: str) -> None:
    """In the thread beside it, in the main one, and where native code lets nobody through; pressed again and again."""
    orders(tmp_path / "orders.csv", 60)
    with subprocess.Popen(
        [sys.executable, "-c", BUSY, where, how], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as command:  # fmt: skip
        assert command.stderr is not None
        assert command.stderr.readline() == "busy\n"
        for _ in range(3):
            command.send_signal(signal.SIGINT)
            time.sleep(0.15)
        out, err = command.communicate(timeout=60)
    assert (command.returncode, out, err) == (130, "", "tenure: stopped\n")
    left = [path.name for path in tmp_path.iterdir() if path.name != "orders.csv"]
    assert left == [] or how == "in_native_code"  # nothing was tidied up there: only a part, which the next run removes
    assert all(name.startswith(".") for name in left)


@pytest.mark.skipif(os.name != "posix", reason="signals of another process")
def test_pressed_again_it_leaves_no_server_behind(tmp_path: Path) -> None:
    """While the server, which takes its time, is being ended."""
    code = (
        "import os, signal, subprocess, sys, threading, time\n"
        "from experiments.tracking import serve\n"
        "late = 'import signal, sys, time; signal.signal(15, lambda *_: (time.sleep(0.4), sys.exit()))'\n"
        "late += '; print(1, flush=True); time.sleep(60)'\n"
        "def start(*_):\n"
        "    server = subprocess.Popen([sys.executable, '-c', late], stdout=subprocess.PIPE, start_new_session=True)\n"
        "    server.stdout.readline()\n"
        "    start.server = server\n"
        "    return server\n"
        "def pressed(*_):\n"
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "    raise KeyboardInterrupt\n"
        "serve._start_server, serve._await_answer = start, pressed\n"
        "open('mlflow.db', 'w').close()\n"
        "serve.serve('.', 0, announce=print)\n"
        "assert start.server.poll() is not None\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=False, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")


def test_how_to_go_on_is_said_whoever_ends_the_process() -> None:
    """The thread that hears of Ctrl-C, where tidying up takes longer than it waits."""
    code = (
        "from experiments.terminal import interrupt\n"
        "with interrupt.kept_when_stopped('this is kept'): pass\n"
        "assert interrupt.stopped() == 'stopped'\n"
        "with interrupt.kept_when_stopped('what was finished is kept'): interrupt._end()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (130, "tenure: stopped; what was finished is kept\n")


@pytest.mark.skipif(os.name != "posix", reason="a shell that closes a stream")
@pytest.mark.parametrize("closes", ["open('mine', 'w').close()", "mine = open('mine', 'w'); assert mine.fileno() == 2"])
def test_who_has_no_standard_error_is_ended_too(tmp_path: Path, closes: str) -> None:
    """Nothing is written into a file of ours that has its number."""
    code = f"from experiments.terminal import interrupt; {closes}; interrupt._end()"
    ended = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, code], cwd=tmp_path, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ended.returncode == 130
    assert (tmp_path / "mine").read_bytes() == b""


@pytest.mark.skipif(os.name != "posix", reason="signals of another process")
def test_ctrl_c_before_the_command_is_there_is_one_line(tmp_path: Path) -> None:
    """While its modules are imported."""
    code = "import _tenure_start, sys; sys.modules['experiments.cli.app'] = _Stops('app'); _tenure_start.main()"
    stops = "import types\nclass _Stops(types.ModuleType):\n    def __getattr__(self, name): raise KeyboardInterrupt\n"
    ended = subprocess.run(
        [sys.executable, "-c", stops + code], cwd=tmp_path, check=False, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "tenure: stopped\n")


@pytest.mark.parametrize("where", ["_tenure_start.put_first", "experiments.cli.app.main"])
def test_ctrl_c_while_packages_are_found_or_commands_put_together_is_one_line(
    where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pressed() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(where, pressed)
    with pytest.raises(SystemExit) as stop:
        _tenure_start.main()
    assert (stop.value.code, *capsys.readouterr()) == (130, "", "tenure: stopped\n")
