"""Standard output of every verb, as bytes of a process in which native code prints all the time: one JSON object.

The verbs come from the app. One that is missing in ``VERBS`` fails, so a new verb is tried here too. They are run one
after the other in one process, since each of their own would import everything again.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import highspy
import pytest
import typer
import yaml

from experiments.cli.app import app, main

ROOT = Path(__file__).resolve().parents[1]
SMALL = ROOT / "tests" / "data" / "small.yaml"

VERBS: dict[str, tuple[str, ...]] = {
    "optimize": ("scenario.yaml", "--bound-steps", "0", "-o", "plan.json"),
    "demo": ("--folder", "demo"),
    "calibrate": ("orders.csv", "-o", "new.yaml"),
    "init": ("orders.csv", "-o", "asked.yaml"),
    "contracts": ("members.csv", "-o", "members.yaml"),
    "list": ("new.yaml", "-o", "list.csv"),
    "base load": ("orders.csv", "-o", "base.duckdb"),
    "base show": ("base.duckdb",),
    "base report": ("base.duckdb", "-o", "base.html"),
    "base query": ("SELECT 1 AS one", "base.duckdb"),
    "backtest": ("new.yaml", "--months", "3", "--replications", "2"),
    "learn": ("scenario.yaml", "evidence.csv", "-o", "learned.yaml"),
    "measure": (),  # needs a month of purchases more than these: tests/test_experiments_measure.py
    "check": ("scenario.yaml",),
    "schema": (),
    "example": (),
    "simulate": ("scenario.yaml", "--policy", "plan.json", "--replications", "1", "--table", "months.csv"),
    "monitor": ("scenario.yaml", "--plan", "plan.json", "--actual", "months.csv", "--replications", "20"),
    "trace": ("scenario.yaml",),
    "compare": ("scenario.yaml", "--replications", "1", "--no-track"),
    "policies": (),
    "explain": ("plan.json",),
    "split": ("plan.json", "-o", "split.csv"),
    "diff": ("plan.json", "plan.json"),
    "frontier": ("scenario.yaml", "--number", "1", "--no-bound"),
    "risk": ("uncertain.yaml", "--samples", "2"),
    "test-next": ("uncertain.yaml", "--samples", "4"),
    "whatif": ("month.yaml", "--budgets", "200,300"),
    "allocate": ("curves.csv", "--budget", "50"),
    "sync": ("--folder", "demo"),
    "study": ("study.yaml", "--workers", "1", "--no-track"),
    "ui": ("--folder", "demo"),
    "repeat": ("--folder", "kept"),
    "validate": ("customer equity test",),
}
"""Arguments by verb, beside ``--json``; the first verbs leave what the later ones read."""
TRACKED = ("compare", "scenario.yaml", "--replications", "1", *VERBS["repeat"], "--json")
"""Leaves the run that is repeated."""

NATIVE = b"native words"

LOUD = """
import ctypes
import os
import typer

def speak():
    os.write(1, b"native words, written\\n")
    ctypes.CDLL(None).puts(b"native words, buffered in C")
    os.system("echo native words of a child")

def loud(self, context, plain=typer.core.TyperCommand.invoke):
    speak()
    try:
        return plain(self, context)
    finally:
        speak()

typer.core.TyperCommand.invoke = loud

import _tenure_start
"""
ONE = f"{LOUD}\n_tenure_start.main()\n"
"""The command, in a process where C and children print before and after the verb's own work."""
SEVERAL = f"""{LOUD}
import json
import sys

ends = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["tenure", *words]
    try:
        _tenure_start.main()
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    ends.append((code, os.path.getsize("out"), os.path.getsize("err")))
with open("ends.json", "w") as file:
    json.dump(ends, file)
"""
"""Several commands in such a process, whose streams are the files ``out`` and ``err``; says with what exit code each
ended, and how long the files were then."""


def verbs(command: Any = None, before: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield every verb of the command line, with the words that lead to it."""
    command = typer.main.get_command(app) if command is None else command
    for name, inner in command.commands.items():
        if hasattr(inner, "commands"):
            yield from verbs(inner, (*before, name))
        else:
            yield " ".join((*before, name))


def start(*words: str, folder: Path, **streams: Any) -> subprocess.Popen[bytes]:
    """Start the loud command in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.Popen([sys.executable, "-c", ONE, *words], cwd=folder, env=environment, **streams)


def run(*words: str, folder: Path, **streams: Any) -> tuple[int, bytes, bytes]:
    """Run the loud command in a folder: exit code, standard output, standard error."""
    with start(*words, folder=folder, **streams) as process:
        out, err = process.communicate(timeout=300)
    return process.returncode, out or b"", err or b""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the verbs read: scenarios of three periods, purchases and curves."""
    place = tmp_path_factory.mktemp("work")
    text = SMALL.read_text(encoding="utf-8").replace("periods: 6", "periods: 3")
    (place / "scenario.yaml").write_text(text, encoding="utf-8")
    month = text.replace("periods: 3", "periods: 1")  # for the verbs that solve many plans
    (place / "month.yaml").write_text(month, encoding="utf-8")
    unsure = month + "uncertain: [{path: margin, low: 0.3, high: 0.5}]\n"
    (place / "uncertain.yaml").write_text(unsure, encoding="utf-8")
    (place / "study.yaml").write_text(
        "worlds: [scenario.yaml]\npolicies: [as today]\nreplications: 1\n", encoding="utf-8"
    )
    (place / "demo").mkdir()
    (place / "demo" / "scenario.yaml").write_text(month, encoding="utf-8")
    rows = [
        f"{who},2024-{month:02}-{1 + (who * 7 + month) % 28:02},{20 + who % 9}"
        for who in range(120)
        for month in range(1 + who % 5, 13, 1 + who % 4)
    ]
    (place / "orders.csv").write_text("\n".join(["customer,date,amount", *rows]) + "\n", encoding="utf-8")
    rows = [f"M{i},2023-{1 + i % 12:02}-01,{'' if i % 3 else f'2024-{1 + i % 9:02}-01'},20" for i in range(90)]
    (place / "members.csv").write_text("\n".join(["member,start,end,price", *rows]) + "\n", encoding="utf-8")
    (place / "curves.csv").write_text(
        "channel,spend,response\ntv,20,5\ntv,40,30\nsearch,10,15\nsearch,40,25\n", encoding="utf-8"
    )
    rows = ["lever,moves,at,value", "retention,survival,unlimited,0.95"]
    (place / "evidence.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return place


def test_every_verb_is_tried_here() -> None:
    """As many verbs as the app has."""
    assert sorted(verbs()) == sorted(VERBS)


@pytest.fixture(scope="module")
def answers(folder: Path) -> dict[str, tuple[int, bytes, bytes]]:
    """Return exit code, standard output and standard error by verb, all run in one process; of the tracked run too."""
    calls = {verb: (*verb.split(), *VERBS[verb], "--json") for verb in VERBS if verb not in ("ui", "repeat", "measure")}
    calls["tracked"] = TRACKED
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        subprocess.run(
            [sys.executable, "-c", SEVERAL, json.dumps(list(calls.values()))], cwd=folder, stdout=out, stderr=err,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=600, check=True,
        )  # fmt: skip
    said, more = (folder / "out").read_bytes(), (folder / "err").read_bytes()
    ends = json.loads((folder / "ends.json").read_text(encoding="utf-8"))
    assert [len(said), len(more)] == ends[-1][1:], "said on the way out"
    return {
        verb: (code, said[low:high], more[first:last])
        for verb, (_, low, first), (code, high, last) in zip(calls, [(0, 0, 0), *ends], ends, strict=False)
    }


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ("ui", "repeat", "measure")])
def test_one_json_object_and_nothing_else(answers: dict[str, tuple[int, bytes, bytes]], verb: str) -> None:
    """Whatever native code prints: in C, at once or from its buffer, or in a child."""
    code, out, err = answers[verb]
    assert (code, err) == (0, b"")
    assert isinstance(json.loads(out), list if verb == "validate" else dict)
    assert out.count(b"\n") == 1
    assert out.endswith(b"\n")


def test_a_run_that_is_repeated_says_one_json_object(
    answers: dict[str, tuple[int, bytes, bytes]], folder: Path
) -> None:
    run_id = json.loads(answers["tracked"][1])["run_id"]
    code, out, err = run("repeat", run_id, *VERBS["repeat"], "--json", folder=folder)
    assert (code, err) == (0, b"")
    assert isinstance(json.loads(out), dict)
    assert out.count(b"\n") == 1


@pytest.mark.slow
def test_the_ui_says_one_json_object(answers: dict[str, tuple[int, bytes, bytes]], folder: Path) -> None:
    """The server that it starts prints too; it is stopped as with Ctrl-C."""
    assert answers["demo"][0] == 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with start("ui", *VERBS["ui"], "--port", port, "--json", folder=folder) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest, err = process.communicate(timeout=60)
    assert list(json.loads(first)) == ["leaderboard"]
    assert (rest, err) == (b"", b"")
    assert process.returncode == 0


def test_verbose_shows_native_words_on_standard_error(folder: Path) -> None:
    """With `-v` the words are there to read, and the answer is as alone as without."""
    code, out, err = run("-v", "check", "scenario.yaml", "--json", folder=folder)
    assert code == 0
    assert isinstance(json.loads(out), dict)
    assert err.count(NATIVE) == 6
    assert NATIVE not in out


def test_words_for_people_are_alone_too(folder: Path) -> None:
    code, out, err = run("check", "scenario.yaml", folder=folder)
    assert (code, err) == (0, b"")
    assert NATIVE not in out
    assert b"The scenario is valid." in out


def test_a_failure_leaves_standard_output_empty(folder: Path) -> None:
    code, out, err = run("check", "missing.yaml", "--json", folder=folder)
    assert (code, out) == (2, b"")
    assert err.startswith(b"tenure: ")
    assert err.count(b"\n") == 1


def test_nobody_reads(folder: Path) -> None:
    """A pipe that is closed at once: no traceback, exit code 1."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert run("schema", folder=folder, stdout=writer) == (1, b"", b"")
    finally:
        os.close(writer)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_disk_is_said_in_one_line(folder: Path) -> None:
    with open("/dev/full", "wb") as full:
        assert run("schema", folder=folder, stdout=full) == (1, b"", b"tenure: cannot write: No space left on device\n")


@pytest.mark.skipif(shutil.which("sh") is None, reason="closes descriptors with a shell")
@pytest.mark.parametrize(
    "closed", [">&- 2>&-", *(pytest.param(each, marks=pytest.mark.slow) for each in (">&-", "<&- >&-"))]
)
def test_closed_descriptors_are_nobodys_file(folder: Path, closed: str) -> None:
    """What is written goes to no file that took the number of a closed standard stream."""
    learned = folder / "closed.yaml"
    learned.unlink(missing_ok=True)
    words = ["learn", "scenario.yaml", "evidence.csv", "-o", learned.name, "--json"]
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {closed}', sys.executable, "-c", ONE, *words],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert yaml.safe_load(learned.read_bytes())["name"] == "small"


def test_a_solver_that_prints_in_its_solves(folder: Path, capfd, monkeypatch) -> None:
    """In one process: the solver's words are away, and afterwards the descriptor is what it was."""
    plain, said = highspy.Highs.run, []

    def loud(self) -> Any:
        said.append(os.write(1, NATIVE))
        return plain(self)

    monkeypatch.setattr(highspy.Highs, "run", loud)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["tenure", "optimize", "scenario.yaml", "-o", "loud.json", "--json"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    os.write(1, b"after\n")
    out, err = capfd.readouterr()
    answer, after = out.splitlines()
    assert said
    assert json.loads(answer)["file"] == "loud.json"
    assert (after, err) == ("after", "")
