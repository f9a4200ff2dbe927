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
import atexit
import errno
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.left_behind import Ended, Whole, again, check_left, check_next, left_by

__all__ = ["KINDS", "VERBS", "Moment", "check_end", "main", "prepared", "shortened", "tried"]

ROOT = Path(__file__).parents[1]
SIGNALS = {"kill": signal.SIGKILL, "end": signal.SIGTERM, "stop": signal.SIGINT}
KINDS = ("kill", "fail", "full", "end", "stop")
OPTIMIZE = ("optimize", "small.yaml", "--bound-steps", "0", "--set", "periods=3")
VERBS: dict[str, tuple[str, ...]] = {
    "base load": ("base", "load", "orders.csv", "-o", "base.duckdb"),
    "calibrate": ("calibrate", "orders.csv", "-o", "new.yaml"),
    "optimize": (*OPTIMIZE, "-o", "plan.json"),
    "simulate": ("simulate", "small.yaml", "--until", "2", "--save", "half.npz", "--table", "months.csv"),
    "learn": ("learn", "small.yaml", "evidence.csv", "-o", "learned.yaml"),
    "monitor": (
        *("monitor", "small.yaml", "--plan", "held.json", "--actual", "seen.csv"),
        *("--replications", "20", "-o", "page.html"),
    ),
    "split": ("split", "held.json", "-o", "split.xlsx"),
    "explain, tracked": ("explain", "held.json", "-o", "why.json", "--track"),
    "frontier": ("frontier", "small.yaml", "--set", "periods=3", "--budgets", "2000,4000", "-o", "points.csv"),
    "list": ("list", "new.yaml", "--control", "0.2", "-o", "targets.xlsx"),
    "backtest, tracked": (
        *("backtest", "new.yaml", "--months", "6", "--replications", "4"),
        *("-o", "was.json", "--track"),
    ),
    "compare": ("compare", "small.yaml", "--replications", "1", "-o", "report.html"),
    "optimize, tracked": (*OPTIMIZE, "-o", "plan.xlsx", "--track"),
    "study": ("study", "study.yaml", "--workers", "1"),
    "demo": ("demo", "--folder", "demo"),
}
"""Arguments by verb, beside ``--json``."""
HELD = (*OPTIMIZE[:4], "-o", "held.json")
FITTED = ("calibrate", "orders.csv", "-o", "new.yaml")
BEFORE: dict[str, tuple[tuple[str, ...], ...]] = {
    "monitor": (
        HELD,
        ("simulate", "small.yaml", "--policy", "held.json", "--replications", "1", "--table", "seen.csv"),
    ),
    "split": (HELD,),
    "explain, tracked": (HELD,),
    "list": (FITTED,),
    "backtest, tracked": (FITTED,),
}
"""Commands that leave what a verb reads."""
STUDY = "worlds: {a: small.yaml}\npolicies: [as today, no spend]\nreplications: 1\n"
EVIDENCE = "lever,moves,at,value\nretention,survival,unlimited,0.95\n"
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
        shortened()
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


def shortened() -> None:
    """Let the demo be of three months and two replications: it reads and writes what the whole one does."""
    from experiments.study import demo

    text_of = demo.illustrative_text
    demo.REPLICATIONS = 2
    demo.illustrative_text = lambda *given, **more: re.sub(r"(?m)^periods: \d+", "periods: 3", text_of(*given, **more))


def _all_of(stream: int) -> str:
    with open(stream, "rb") as file:
        file.seek(0)
        return file.read().decode(errors="replace")


# --- Trying them ------------------------------------------------------------------------------------------------------


def prepared(folder: Path, verb: str) -> Path:
    """Return a folder, made, with what a verb reads."""
    if verb in BEFORE:
        shutil.copytree(_left_before(verb), folder)
        return folder
    return _with_files(folder)


@cache
def _left_before(verb: str) -> Path:
    folder = _with_files(Path(tempfile.mkdtemp(prefix="faults-")) / "ready")
    atexit.register(shutil.rmtree, folder.parent)
    for words in BEFORE[verb]:
        ended = _run(folder, words)
        assert (ended.code, ended.err) == (0, ""), f"before {verb}: {ended.err}"
    return folder


def _with_files(folder: Path) -> Path:
    folder.mkdir(parents=True)
    shutil.copyfile(ROOT / "tests" / "data" / "small.yaml", folder / "small.yaml")
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    days = (f"{2022 + i % 3}-{i * 5 % 12 + 1:02d}-{i * 11 % 28 + 1:02d}" for i in range(900))
    rows = (f"{i * i % 170},{day},{5 + i % 23}.5\n" for i, day in enumerate(days))
    (folder / "orders.csv").write_text("customer,date,amount\n" + "".join(rows), encoding="utf-8")
    (folder / "evidence.csv").write_text(EVIDENCE, encoding="utf-8")
    return folder


def _whole(verb: str, place: Path) -> Whole:
    """Return what a verb leaves where nothing happens."""
    folder = prepared(place / "whole", verb)
    return left_by(VERBS[verb], folder, _run(folder, VERBS[verb]))


def check_end(ended: Ended, moment: Moment) -> None:
    """Check how a command ended: killed, done, or refused in one line."""
    if moment.kind in ("kill", "end") and ended.code == -SIGNALS[moment.kind]:
        return
    codes = (0, 130) if moment.kind == "stop" else (0, 1, 2)
    assert ended.code in codes, f"exit code {ended.code}: {ended.err[-600:]}"
    assert "Traceback" not in ended.err, ended.err[-600:]
    lines = ended.err.splitlines()
    assert all(line.startswith("tenure: ") for line in lines), ended.err[-600:]
    assert len(lines) == 1 or ended.code == 0, f"{len(lines)} lines: {ended.err[-600:]}"


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
            folder = prepared(Path(place) / f"{each}", verb)
            try:
                ended = _run(folder, whole.words, moment, times[number + 1] - times[number])
                came += ended.code != 0
                check_end(ended, moment)
                check_left(folder, whole)
                check_next(folder, whole, _run(folder, again(whole)))
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
