"""Commands that die or cannot write, at moments drawn at random: what is left behind, and whether going on works.

Run ``python -m benchmarks.faults [VERB ...] [--moments N] [--kinds kill stop ...] [--seed N]`` from the repository
root. Each moment takes a fresh folder and runs a verb in a process of its own that

- ``kill``, ``end``, ``stop``: gets SIGKILL, SIGTERM or Ctrl-C after its n-th write, somewhere before the next one;
- ``fail``: has its n-th write refused (opening, moving, removing a file, making a folder), as by a full or dying disk;
- ``full``: may write no file longer than so many bytes, native code (DuckDB, SQLite) included.

Then every output must be whole or absent, a refusal one line with exit code 1 or 2 (130 after Ctrl-C), and the same
command must work: with the answer and outputs of a run that nothing happened to, each of its MLflow runs there once,
finished, with all that it keeps, and no file beside them. Moments and failures are printed by verb; exit code 1 where
there are any.
"""

import argparse
import errno
import json
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["KINDS", "VERBS", "Moment", "main", "tried"]

ROOT = Path(__file__).parents[1]
SIGNALS = {"kill": signal.SIGKILL, "end": signal.SIGTERM, "stop": signal.SIGINT}
KINDS = ("kill", "fail", "full", "end", "stop")
OPTIMIZE = ("optimize", "small.yaml", "--bound-steps", "0", "--set", "periods=3")
VERBS: dict[str, tuple[str, ...]] = {
    "base load": ("base", "load", "orders.csv", "-o", "base.duckdb"),
    "calibrate": ("calibrate", "orders.csv", "-o", "new.yaml"),
    "optimize": (*OPTIMIZE, "-o", "plan.json"),
    "simulate": ("simulate", "small.yaml", "--until", "2", "--save", "half.npz", "--table", "months.csv"),
    "compare": ("compare", "small.yaml", "--replications", "1", "-o", "report.html"),
    "optimize, tracked": (*OPTIMIZE, "-o", "plan.xlsx", "--track"),
    "study": ("study", "study.yaml", "--workers", "1"),
    "demo": ("demo", "--folder", "demo"),
}
"""Arguments by verb, beside ``--json``."""
STUDY = "worlds: {a: small.yaml}\npolicies: [as today, no spend]\nreplications: 1\n"
CHANGING = ("seconds", "run_id", "runs", "tracking_uri", "report", "notes")
"""Keys of an answer that no two runs share; the notes of a base say what it held before."""
LINE = 4096
"""Bytes that a file may always have, so that what a command says fits."""
REFUSED = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS)


@dataclass(frozen=True)
class Moment:
    """When something happens: at the ``number``-th write, ``late`` of the way to the next one.

    ``number`` is an error number's place too (``fail``) and ``late`` the share of the longest file (``full``).
    """

    kind: str
    number: int
    late: float


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, standard output and error, and when it wrote, in seconds."""

    code: int
    out: str
    err: str
    writes: tuple[float, ...]


# --- A command in a process of its own --------------------------------------------------------------------------------


def _writes(event: str, given: tuple[Any, ...]) -> bool:
    """Return whether an audit event (https://docs.python.org/3/library/audit_events.html) is a write of ours."""
    if event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "sqlite3.connect"):
        return _here(given[0])
    if event != "open":
        return False
    mode, flags = given[1], given[2]
    return _here(given[0]) and (bool(set("wax+") & set(mode)) if mode else bool(flags & (os.O_WRONLY | os.O_RDWR)))


def _here(path: Any) -> bool:
    """Return whether a file is in the working folder, and no cache's."""
    return isinstance(path, str | bytes | os.PathLike) and os.path.abspath(os.fsdecode(path)).startswith(os.getcwd())


def _watch(moment: Moment | None, gap: float, log: int) -> None:
    """Have the moment come to this process; write down when it writes."""
    begin, count = time.monotonic(), 0

    def kill_after(seconds: float, by: int) -> None:
        def kill() -> None:
            time.sleep(seconds)
            os.kill(os.getpid(), by)

        threading.Thread(target=kill, daemon=True).start()

    def watch(event: str, given: tuple[Any, ...]) -> None:
        nonlocal count
        if not _writes(event, given):
            return
        count += 1
        os.write(log, f"{time.monotonic() - begin:.4f}\n".encode())
        if moment is None or count != moment.number:
            return
        if moment.kind in SIGNALS:
            kill_after(gap * moment.late, SIGNALS[moment.kind])
        elif moment.kind == "fail":
            number = REFUSED[int(moment.late * len(REFUSED))]
            raise OSError(number, os.strerror(number), os.fsdecode(given[0]))

    if moment is not None and moment.kind in SIGNALS and moment.number == 0:
        kill_after(gap * moment.late, SIGNALS[moment.kind])
    if moment is not None and moment.kind == "full":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (max(LINE, int(moment.number * moment.late)), resource.RLIM_INFINITY))
    sys.addaudithook(watch)


@cache
def _warm() -> None:
    """Import once what every command takes, so that a process is forked with it."""
    for name in ("experiments.cli.app", "experiments.firm", "experiments.study.conduct", "experiments.tracking.outbox"):
        import_module(name)
    from experiments.tracking.store import quiet_mlflow

    with quiet_mlflow():
        import_module("mlflow.store.tracking.sqlalchemy_store")


def _run(folder: Path, words: Sequence[str], moment: Moment | None = None, gap: float = 0.0) -> Ended:
    """Run a command in a folder, in a forked process, and wait for its end."""
    _warm()
    with tempfile.TemporaryDirectory() as place:
        streams = [os.open(Path(place) / name, os.O_CREAT | os.O_RDWR | os.O_APPEND) for name in ("out", "err", "log")]
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _be(folder, words, moment, gap, streams)
        _, status = os.waitpid(child, 0)
        out, err, log = (_all_of(stream) for stream in streams)
    return Ended(os.waitstatus_to_exitcode(status), out, err, tuple(map(float, log.split())))


def _be(folder: Path, words: Sequence[str], moment: Moment | None, gap: float, streams: list[int]) -> None:
    """Be the command; never return."""
    code = 70
    try:
        os.chdir(folder)
        for number, stream in enumerate(streams[:2], start=1):
            os.dup2(stream, number)
        os.environ["PYTHONPATH"] = str(ROOT)
        sys.argv = ["tenure", *words, "--json"]
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        _shorten()
        _watch(moment, gap, streams[2])
        from _tenure_start import main as command

        command()
    except SystemExit as stop:
        code = int(stop.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _shorten() -> None:
    """Let the demo be of three months and two replications: it reads and writes what the whole one does."""
    from experiments.study import demo

    text_of = demo.illustrative_text
    demo.REPLICATIONS = 2
    demo.illustrative_text = lambda *given, **more: re.sub(r"(?m)^periods: \d+", "periods: 3", text_of(*given, **more))


def _all_of(stream: int) -> str:
    with open(stream, "rb") as file:
        file.seek(0)
        return file.read().decode(errors="replace")


# --- What is there afterwards -----------------------------------------------------------------------------------------


def _prepare(folder: Path) -> Path:
    """Return a folder, made, with what the verbs read."""
    folder.mkdir(parents=True)
    shutil.copyfile(ROOT / "tests" / "data" / "small.yaml", folder / "small.yaml")
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    days = (f"{2022 + i % 3}-{i * 5 % 12 + 1:02d}-{i * 11 % 28 + 1:02d}" for i in range(900))
    rows = (f"{i * i % 170},{day},{5 + i % 23}.5\n" for i, day in enumerate(days))
    (folder / "orders.csv").write_text("customer,date,amount\n" + "".join(rows), encoding="utf-8")
    return folder


def _files(folder: Path) -> set[str]:
    """Return the files in a folder by name, those of MLflow's runs and of units, named by chance, without theirs."""
    names = (each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file())
    return {re.sub(r"[0-9a-f]{16,}|/\d+/", "*", name) for name in names}


def _without(value: Any) -> Any:
    """Return an answer without what no two runs share."""
    if isinstance(value, dict):
        return {key: _without(each) for key, each in value.items() if key not in CHANGING}
    return [_without(each) for each in value] if isinstance(value, list) else value


def _content(path: Path) -> Any:
    """Return what an output says, where two runs say the same; it raises where the file is not whole."""
    from sim.errors import InputError
    from sim.purchases.base import CustomerBase
    from sim.scenario.yaml_files import read_yaml

    if path.suffix == ".json":
        return _without(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".yaml":
        return read_yaml(path.read_text(encoding="utf-8"), path, InputError)
    if path.suffix == ".duckdb":
        base = CustomerBase.open(path)
        return base.account.to_dict(), base.customers, base.first_date, base.last_date
    if path.suffix in (".xlsx", ".npz"):
        import zipfile

        with zipfile.ZipFile(path) as file:
            assert file.testzip() is None, f"{path.name} is broken"
            return sorted(file.namelist())
    if path.suffix == ".html":
        assert path.read_text(encoding="utf-8").rstrip().endswith("</html>"), f"{path.name} is cut off"
        return None
    return path.read_text(encoding="utf-8")


def _outputs(folder: Path) -> dict[str, Any]:
    """Return what each output says, by name; MLflow's store and what begins with a dot are looked at by themselves."""
    places = [each for each in folder.rglob("*") if each.is_file()]
    names = {each.relative_to(folder).as_posix(): each for each in places}
    return {
        name: _content(path)
        for name, path in names.items()
        if not re.search(r"(^|/)(\.|mlartifacts/|units/|mlflow\.db)", name)
    }


def _runs(folder: Path) -> Counter[tuple[Any, ...]]:
    """Return how often each MLflow run is there: name, state, numbers of figures, the files that it keeps."""
    found: Counter[tuple[Any, ...]] = Counter()
    for database in folder.rglob("mlflow.db"):
        with closing(sqlite3.connect(database)) as store:
            rows = store.execute(
                "SELECT name, status, artifact_uri, "
                "(SELECT COUNT(*) FROM latest_metrics m WHERE m.run_uuid = r.run_uuid), "
                "(SELECT COUNT(*) FROM params p WHERE p.run_uuid = r.run_uuid) FROM runs r"
            ).fetchall()
        for name, status, uri, *figures in rows:
            kept = tuple(sorted(_files(Path(uri.removeprefix("file://")))))
            found[(name, status, *figures, kept)] += 1
    return found


@dataclass(frozen=True)
class Whole:
    """A verb's run that nothing happened to."""

    words: tuple[str, ...]
    ended: Ended
    answer: Any
    files: set[str]
    outputs: dict[str, Any]
    runs: Counter[tuple[Any, ...]]
    longest: int


def _whole(verb: str, place: Path) -> Whole:
    folder = _prepare(place / "whole")
    ended = _run(folder, VERBS[verb])
    assert (ended.code, ended.err) == (0, ""), f"{verb}: {ended.err}"
    longest = max(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    answer = _without(json.loads(ended.out))
    return Whole(VERBS[verb], ended, answer, _files(folder), _outputs(folder), _runs(folder), longest)


def _check_end(ended: Ended, moment: Moment) -> None:
    """Check how a command ended: killed, done, or refused in one line."""
    if moment.kind in ("kill", "end") and ended.code == -SIGNALS[moment.kind]:
        return
    codes = (0, 130) if moment.kind == "stop" else (0, 1, 2)
    assert ended.code in codes, f"exit code {ended.code}: {ended.err[-600:]}"
    assert "Traceback" not in ended.err, ended.err[-600:]
    lines = ended.err.splitlines()
    assert all(line.startswith("tenure: ") for line in lines), ended.err[-600:]
    assert len(lines) == 1 or ended.code == 0, f"{len(lines)} lines: {ended.err[-600:]}"


def _check_left(folder: Path, whole: Whole) -> None:
    for name, content in _outputs(folder).items():
        assert name in whole.outputs or ".part" in name, f"left behind: {name}"
        assert content == whole.outputs.get(name), f"{name} says something else"


def _check_next(folder: Path, whole: Whole) -> None:
    """Check that the same command works now, and leaves what it leaves where nothing happened."""
    force = ("--force",) * ("calibrate" in whole.words)  # what it says where a file of its two is there
    again = _run(folder, (*whole.words, *force))
    assert (again.code, again.err) == (0, ""), f"the next run: exit code {again.code}: {again.err[-600:]}"
    answer = _without(json.loads(again.out))
    other = [f"{key}: {answer.get(key)!r:.200}, not {whole.answer.get(key)!r:.200}"
             for key in {**whole.answer, **answer} if answer.get(key) != whole.answer.get(key)]  # fmt: skip
    assert not other, f"the next run: another answer: {other}"
    assert _outputs(folder) == whole.outputs, "the next run: other outputs"
    left = _files(folder) - whole.files
    assert not left, f"left behind: {', '.join(sorted(left))}"
    runs = _runs(folder)
    assert set(runs) == set(whole.runs), f"runs: {set(runs) ^ set(whole.runs)}"
    assert all(whole.runs[run] <= number <= 2 * whole.runs[run] for run, number in runs.items()), "runs lost or doubled"


def tried(
    verb: str, moments: int, kinds: Sequence[str] = KINDS, seed: int = 0, said: Callable[[str], object] = print
) -> tuple[int, int]:
    """Try a verb at moments drawn by a seed; return how many came before its end, and how many failed.

    Each failure is said in a line, with the moment that brings it about.
    """
    drawn, came, failures = random.Random(f"{verb} {seed}"), 0, 0
    with tempfile.TemporaryDirectory() as place:
        whole = _whole(verb, Path(place))
        times = (0.0, *whole.ended.writes, whole.ended.writes[-1] + 0.2)
        for each in range(moments):
            kind = kinds[each % len(kinds)]
            number = drawn.randrange(kind == "fail", len(times) - 1)
            late = drawn.random() if kind != "full" else drawn.random() ** 4
            moment = Moment(kind, whole.longest if kind == "full" else number, late)
            folder = _prepare(Path(place) / f"{each}")
            try:
                ended = _run(folder, whole.words, moment, times[number + 1] - times[number])
                came += ended.code != 0
                _check_end(ended, moment)
                _check_left(folder, whole)
                _check_next(folder, whole)
            except Exception as error:
                failures += 1
                said(f"{verb}, {moment}: {type(error).__name__}: {error}")
            shutil.rmtree(folder)
    return came, failures


def main() -> None:
    """Try every verb at so many moments of each kind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("verbs", nargs="*", metavar="VERB", choices=[*VERBS, []], help=", ".join(VERBS))
    parser.add_argument("--moments", type=int, default=10, help="of each verb")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seed", type=int, default=0, help="what moments are drawn by")
    asked = parser.parse_args()
    failed = 0
    for verb in asked.verbs or VERBS:
        came, failures = tried(verb, asked.moments, asked.kinds, asked.seed, lambda line: print(line, flush=True))
        print(f"{verb:<18} {asked.moments:>4} moments, {came:>4} before its end, {failures:>3} failures", flush=True)
        failed += failures
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
