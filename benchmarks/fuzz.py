"""Files that nobody wrote: every kind a user may name, changed at random and read. What is tried, what fails.

Run ``python -m benchmarks.fuzz [KIND ...] [--minutes M] [--seed N]`` from the repository root. A file is read through
the library's public calls; each must end in an answer or one short `TenureError`, within seconds and 2 GB, with nothing
half made left beside it. Where a format has check sums, an answer must be that of the whole file. Failures are shrunk
(hypothesis) and printed; exit code 1 where there are any.
"""

import argparse
import gzip
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from sim.errors import LONGEST, NotAsWritten, TenureError

__all__ = ["KINDS", "Kind", "main", "tried"]

ROOT = Path(__file__).parents[1]
SECONDS, WAITED, MEMORY = 30, 600, 2 << 30
"""What reading one file may take: of the processor, by the clock (others may be at work), and bytes."""
NASTY = (
    b"", b"\0", b"\xff\xfe", b"'", b'"', b"[" * 2000, b"{" * 2000, b"&a [*a]", b"*a", b"!!python/object:os.system x",
    b"1e999", b"-1", b"nan", b".inf", b"9" * 5000, b"0x" + b"f" * 5000, b"10000-01-01", b"0000-00-00", b"x" * 200_000,
    b"\n\n", b": ", b"- ", b"~", b"true", b"..", b"/etc/passwd", b"null", b"{}", b"[]",
    "名".encode(), b"=cmd()", b"<script>",
)  # fmt: skip
MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(("flip", "cut", "insert", "replace", "drop", "double", "swap")),
        st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True), st.sampled_from(NASTY),
    ),
    min_size=1, max_size=4,
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name, a good one made in a folder, and what reads it.

    ``read`` returns what the file says, to be compared where ``summed`` (its format has check sums).
    """

    file: str
    made: Callable[[Path], bytes]
    read: Callable[[Path], Any]
    summed: bool = False


def mutated(data: bytes, changes: list[tuple[str, float, float, bytes]]) -> bytes:
    """Return data with each change made, at its place and over its length as shares of what is there."""
    for what, at, long, nasty in changes:
        a = int(at * len(data))
        b = min(len(data), a + 1 + int(long**4 * len(data)))
        if what == "flip" and data:
            data = data[:a] + bytes([data[a] ^ 1 << int(long * 8)]) + data[a + 1 :]
        elif what == "cut":
            data = data[:a]
        elif what == "insert":
            data = data[:a] + nasty + data[a:]
        elif what == "replace":
            end = next((i for i in range(a, len(data)) if data[i : i + 1] in b"\n,:;}]"), len(data))
            data = data[:a] + nasty + data[end:]
        elif what == "drop":
            data = data[:a] + data[b:]
        elif what == "double":
            data = data[:b] + data[a:b] + data[b:]
        elif what == "swap":
            lines = data.split(b"\n")
            i, j = int(at * len(lines)), int(long * len(lines))
            lines[i], lines[j] = lines[j], lines[i]
            data = b"\n".join(lines)
    return data


# --- The kinds --------------------------------------------------------------------------------------------------------


def _file(*parts: str) -> Callable[[Path], bytes]:
    return lambda _: ROOT.joinpath(*parts).read_bytes()


def _orders(_: Path) -> bytes:
    days = (f"2024-{i % 12 + 1:02d}-{i % 28 + 1:02d}" for i in range(300))
    return ("customer,date,amount\n" + "".join(f"{i % 40},{day},{i / 7:.2f}\n" for i, day in enumerate(days))).encode()


def _purchases(path: Path) -> Any:
    from sim.purchases.base import CustomerBase

    base = CustomerBase.create(path.with_name("made.duckdb"), path)
    return base.account.to_dict(), base.customers, base.first_date, base.last_date


def _workbook(folder: Path) -> bytes:
    _frame(folder).to_excel(folder / "good.xlsx", index=False)
    return (folder / "good.xlsx").read_bytes()


def _frame(folder: Path) -> Any:
    import io

    import pandas as pd

    return pd.read_csv(io.BytesIO(_orders(folder)))


def _parquet(folder: Path) -> bytes:
    return bytes(_frame(folder).to_parquet(index=False))


def _json(folder: Path) -> bytes:
    return str(_frame(folder).to_json(orient="records")).encode()


def _sqlite(folder: Path) -> bytes:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(folder / "good.db")) as file:
        _frame(folder).to_sql("orders", file, index=False)
    return (folder / "good.db").read_bytes()


def _duckdb(folder: Path) -> bytes:
    import duckdb

    with duckdb.connect(str(folder / "other.duckdb")) as file:
        file.register("frame", _frame(folder))
        file.execute("CREATE TABLE orders AS SELECT * FROM frame")
    return (folder / "other.duckdb").read_bytes()


def _base(folder: Path) -> bytes:
    from sim.purchases.base import CustomerBase

    (folder / "orders.csv").write_bytes(_orders(folder))
    CustomerBase.create(folder / "good.duckdb", folder / "orders.csv")
    return (folder / "good.duckdb").read_bytes()


def _open_base(path: Path) -> Any:
    from sim.purchases.base import CustomerBase

    base = CustomerBase.open(path)
    return base.account.to_dict(), len(base.summarise(base.last_date))


@cache
def _firm() -> Any:
    import tenure

    return tenure.open(ROOT / "tests" / "data" / "small.yaml", changes={"periods": 2})


@cache
def _best() -> Any:
    return _firm().optimize(bound_steps=0, threads=1)


def _plan(ending: str) -> Callable[[Path], bytes]:
    def made(folder: Path) -> bytes:
        _best().save(folder / f"good{ending}")
        return (folder / f"good{ending}").read_bytes()

    return made


def _saved(folder: Path) -> bytes:
    _firm().simulate(replications=1, until=1, save=folder / "good.npz")
    return (folder / "good.npz").read_bytes()


def _months(folder: Path) -> bytes:
    _firm().simulate(replications=1).save(folder / "months.csv")
    return (folder / "months.csv").read_bytes()


def _split(folder: Path) -> bytes:
    _firm().split(_best(), by="month").save(folder / "split.csv")
    return (folder / "split.csv").read_bytes()


def _counted(path: Path) -> Any:
    from sim.monitoring.observed import seen_in_counts

    return seen_in_counts(_firm().twin, path).earned.tolist()


def _contracts(path: Path) -> Any:
    import tenure

    return tenure.contracts(path, path.with_name("made.yaml"), price=9.5, spend=1000, force=True).to_dict()


def _listed(path: Path) -> Any:
    from experiments.measure import _listed as listed

    return listed([path]).to_csv()


def _evidence(path: Path) -> Any:
    from sim.responses.read import read_evidence

    return repr(read_evidence(path))


CURVES = b"channel,spend,response\n" + b"".join(
    b"%s,%d,%d\n" % (name, spend, 10 * spend**0.5) for name in (b"tv", b"mail") for spend in range(0, 200, 20)
)
EVIDENCE = b"lever,moves,spend,outcome\n" + b"".join(
    b"retention,survival,%s,%d\n" % (spend, i % 10 != 0) for i in range(120) for spend in (b"0", b"0.3")
)
ANSWERS = b"""lever,moves,at,value,low,high,manager
retention,survival,unlimited,0.95,0.93,0.96,Ann
retention,survival,0,0.80,0.78,0.85,Bea
acquisition,acquisition,unlimited,0.05,0.04,0.07,Ann
"""
HISTORY = b"period,segment,won,active,purchases,money,acquisition,retention\n" + b"".join(
    b"2023-%02d,%s,%d,%d,%d,%d,%d,%d\n"
    % (t + 1, name, 20 + t % 5, 400 + t, 300 + 7 * t % 40, 9000 + t, 90 + 9 * t, 40 + t)
    for t in range(12) for name in (b"regulars", b"newcomers")
)  # fmt: skip
CONTRACTS = b"customer,start,end,price\n" + b"".join(
    b"%d,2022-%02d-01,%s,9.5\n" % (i, i % 12 + 1, b"2023-%02d-01" % (i % 7 + 3) if i % 3 else b"") for i in range(90)
)
AGES = b"renewals,ended,customers\n1,131,1000\n2,126,869\n3,90,743\n4,60,653\n5,42,593\n6,34,551\n"
LIST = b"customer_id,segment,lever,money,held_back,control\n" + b"".join(
    b"K%d,regulars,retention,%s,%s\n" % (i, *((b"1.5,0", b"False") if i % 3 else (b"0,1.5", b"True")))
    for i in range(60)
)
STUDY = b"""worlds:
  a: small.yaml
  b: {from: a, set: {margin: 0.3}}
policies: [as today, no spend]
budgets: [1000, 2000]
replications: 2
"""


def _allocate(path: Path) -> Any:
    import tenure

    if path.suffix == ".yaml":
        (path.parent / "curves.csv").write_bytes((ROOT / "examples" / "allocate" / "curves.csv").read_bytes())
        return tenure.allocate(path.parent / "curves.csv", rules=path).to_dict()
    return tenure.allocate(path, budget=100).to_dict()


def _study(path: Path) -> Any:
    from experiments.study.ask import read_study

    (path.parent / "small.yaml").write_bytes((ROOT / "tests" / "data" / "small.yaml").read_bytes())
    return read_study(path)


def _resumed(path: Path) -> Any:
    return _firm().simulate(replications=1, resume=path).to_frame().to_csv()


def _scenario(path: Path) -> Any:
    import tenure

    return tenure.open(path).scenario.hash


def _given(content: bytes) -> Callable[[Path], bytes]:
    return lambda _: content


KINDS = {
    "scenario": Kind("a.yaml", _file("tests", "data", "small.yaml"), _scenario),
    "study": Kind("a.yaml", _given(STUDY), _study),
    "rules": Kind("a.yaml", _file("examples", "allocate", "rules.yaml"), _allocate),
    "curves": Kind("a.csv", _given(CURVES), _allocate),
    "purchases": Kind("a.csv", _orders, _purchases),
    "packed purchases": Kind("a.csv.gz", lambda at: gzip.compress(_orders(at), mtime=0), _purchases, summed=True),
    "workbook of purchases": Kind("a.xlsx", _workbook, _purchases, summed=True),
    "JSON of purchases": Kind("a.json", _json, _purchases),
    "Parquet of purchases": Kind("a.parquet", _parquet, _purchases),
    "SQLite of purchases": Kind("a.db", _sqlite, _purchases),
    "DuckDB of purchases": Kind("b.duckdb", _duckdb, _purchases),
    "base": Kind("a.duckdb", _base, _open_base),
    "plan": Kind("a.json", _plan(".json"), lambda path: _firm().load_plan(path).asset),
    "plan as table": Kind("a.csv", _plan(".csv"), lambda path: _firm().load_plan(path).asset),
    "plan as workbook": Kind("a.xlsx", _plan(".xlsx"), lambda path: _firm().load_plan(path).asset, summed=True),
    "saved market": Kind("a.npz", _saved, _resumed, summed=True),
    "split": Kind("a.csv", _split, lambda path: _firm().load_plan(path).asset),
    "list": Kind("a.csv", _given(LIST), _listed),
    "table of counts": Kind("a.csv", _months, _counted),
    "contracts": Kind("a.csv", _given(CONTRACTS), _contracts),
    "contracts by age": Kind("a.csv", _given(AGES), _contracts),
    "history": Kind("a.csv", _given(HISTORY), _evidence),
    "answers": Kind("a.csv", _given(ANSWERS), lambda path: _firm().learn(path).to_dict()),
    "evidence": Kind("a.csv", _given(EVIDENCE), lambda path: _firm().learn(path).to_dict()),
}


# --- Trying them ------------------------------------------------------------------------------------------------------


def _too_long(*_: Any) -> None:
    raise AssertionError(f"takes more than {SECONDS} s of the processor, or {WAITED} s in all")


def _check_message(text: str) -> None:
    assert 0 < len(text) <= LONGEST + 100, "a message of many lines"


def _most_memory(anew: bool = False) -> int:
    """Return the most memory that this process ever held, or, on Linux, since it was last asked ``anew``."""
    with suppress(OSError, StopIteration, ValueError):
        if anew:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _try(kind: Kind, folder: Path, data: bytes, whole: Any) -> None:
    """Read a file; raise what a user must never see."""
    path = folder / kind.file
    path.write_bytes(data)
    before = _most_memory(anew=True)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.alarm(WAITED)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotAsWritten)
            warnings.simplefilter("error", RuntimeWarning)
            found = kind.read(path)
        assert not kind.summed or found == whole, "a changed file is taken for what was written"
    except TenureError as error:
        _check_message(str(error))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
    left = [each.name for each in folder.iterdir() if ".part" in each.name]
    assert not left, f"left behind: {left}"
    taken = _most_memory() - before
    assert taken < MEMORY, f"took {taken / 1e9:.1f} GB"


def tried(name: str, examples: int, number: int = 0) -> int:
    """Read ``examples`` changed files of a kind, drawn by seed ``number``; return how many were.

    Raises
    ------
    Exception
        What the first failure raised, its file shrunk to the least changes that bring it about.
    """
    kind, count = KINDS[name], 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        good = kind.made(folder)
        (folder / kind.file).write_bytes(good)
        whole = kind.read(folder / kind.file)
        for late in (signal.SIGPROF, signal.SIGALRM):
            signal.signal(late, _too_long)

        @seed(number)
        @settings(
            max_examples=examples, database=None, deadline=None, suppress_health_check=list(HealthCheck),
            print_blob=False,
        )  # fmt: skip
        @given(MUTATIONS)
        def read(changes: list[tuple[str, float, float, bytes]]) -> None:
            nonlocal count
            count += 1
            _try(kind, folder, mutated(good, changes), whole)

        read()
    return count


def main() -> None:
    """Try every kind in turn until the time is over."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", choices=[*KINDS, []], help=", ".join(KINDS))
    parser.add_argument("--minutes", type=float, default=1.0, help="in all")
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    asked = parser.parse_args()
    end, round_ = time.monotonic() + 60 * asked.minutes, asked.seed
    counts = dict.fromkeys(asked.kinds or KINDS, 0)
    failures: list[str] = []
    while time.monotonic() < end:
        for name in counts:
            try:
                counts[name] += tried(name, 40, round_)
            except Exception as error:
                told = "; ".join(str(error).splitlines()[:1] + getattr(error, "__notes__", [])[:1])
                failures.append(f"{name}, seed {round_}: {type(error).__name__}: {told[:400]}")
                print(failures[-1], flush=True)
            if time.monotonic() >= end:
                break
        round_ += 1
    for name, count in counts.items():
        print(f"{name:<24} {count:>8,} files")
    print(f"{sum(counts.values()):,} files, {len(failures)} failures")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
