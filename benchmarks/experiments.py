"""What a study costs beside its simulations: overhead a unit, speed-up by workers, a run in MLflow, and resuming.

    python -m benchmarks.experiments                 # everything but the large one
    python -m benchmarks.experiments --units 20 --seconds 0.2
    python -m benchmarks.experiments --worlds 100000 # only what a study of so many worlds takes beside its units
    python -m benchmarks.experiments --large         # 10 million customers x 24 months x 20 on two Dask workers
    python -m benchmarks.experiments --cluster tcp://127.0.0.1:8786

Speed-up is worked out from seconds of a processor, so that it says something on a machine that others use too
(:class:`Worked`); by the clock it stands beside, with the load. Results are compared bit by bit.
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from experiments.compare import compare
from experiments.study.ask import Study, read_study
from experiments.study.conduct import study
from experiments.study.run import run_study
from experiments.study.units import Unit
from experiments.study.workers import processors
from policies.catalogue import named
from sim.arrays import quiet
from sim.scenario.file import load
from sim.twin import build

MARKET: dict[str, Any] = {
    "name": "shop",
    "currency": "EUR",
    "periods": 12,
    "segments": {
        "all": {
            "start": {"new": 5_000, "prospect": 5_000},
            "traits": {"purchase_rate": 0.4, "defection_rate": 0.1, "spend": 30},
        }
    },
    "levers": {
        "care": {
            "targets": ["new", "developing", "core", "declining"],
            "reference": 0.3,
            "moves": {"survival": {"without_money": 0.8, "unlimited_money": 0.96, "spend": 0.3, "brings": 0.9}},
        },
    },
}
POLICIES = ["as today", "no spend"]
ROUNDS = 4


def asked(folder: Path, units: int, replications: int) -> Study:
    """Return a study of so many units: two policies, many seeds."""
    return read_study(
        {"worlds": {"base": "scenario.yaml"}, "policies": POLICIES, "seed": list(range(units // 2)),
         "replications": replications},
        folder,
    )  # fmt: skip


def stored(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "units").rglob("*.json"))}


def overhead(folder: Path, units: int) -> None:
    """Print what a unit costs beside the simulation that it is, by processor time."""
    twin = build(load(folder / "scenario.yaml"))
    both = [named(name, twin, 1e6) for name in POLICIES]
    compare(twin, both, 1e6, replications=1, threads=1)
    began = time.process_time()
    for seed in range(units // 2):
        for policy in both:
            compare(twin, [policy], 1e6, seed=seed, replications=1, threads=1)
    alone = (time.process_time() - began) / units
    run_study(asked(folder, 2, 1), folder / "warm", workers=1, step=quiet)
    began = time.process_time()
    run_study(asked(folder, units, 1), folder / "overhead", workers=1, step=quiet)
    whole = (time.process_time() - began) / units
    print(f"a unit: {1e3 * whole:.1f} ms, its simulation {1e3 * alone:.1f} ms: overhead {1e3 * (whole - alone):.1f} ms")
    began = time.perf_counter()
    run_study(asked(folder, units, 1), folder / "overhead", workers=1, step=quiet)
    print(f"resume of {units} finished units: {1e3 * (time.perf_counter() - began) / units:.2f} ms a unit")


@dataclass(frozen=True)
class Note:
    """A unit as its worker saw it: who, from when to when by the clock, seconds of a processor, most memory so far."""

    worker: int
    began: float
    ended: float
    busy: float
    kilobytes: int


class Watched(Executor):
    """Another executor, whose workers note of each unit what it took."""

    def __init__(self, inner: Executor) -> None:
        self.inner, self.notes = inner, list[Note]()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand a call on, to be noted where it is done."""
        out: Future[Any] = Future()

        def ended(found: Future[Any]) -> None:
            error = found.exception()
            if error is not None:
                out.set_exception(error)
                return
            note, answer = found.result()
            self.notes.append(note)
            out.set_result(answer)

        self.inner.submit(noted, fn, *args, **kwargs).add_done_callback(ended)
        return out


def noted(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Note, Any]:
    began, busy = time.monotonic(), time.process_time()
    answer = fn(*args, **kwargs)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Note(os.getpid(), began, time.monotonic(), time.process_time() - busy, memory), answer


@dataclass(frozen=True)
class Worked:
    """What a study took: seconds by the clock and of the study's own process, and its units' notes.

    On a machine that has nothing else to do it would take ``seconds``: the units' processor time over the share of
    their workers' time that is spent in units, and of the study's own process what it used, as if its workers had
    waited for all of that; both over the number of workers. Where others use the machine too, units and what lies
    between them take longer alike, and neither counts.
    """

    clock: float
    own: float
    notes: tuple[Note, ...]

    @property
    def workers(self) -> int:
        """Return how many did the units."""
        return len({note.worker for note in self.notes})

    @property
    def unit(self) -> float:
        """Return seconds of a processor by unit."""
        return sum(note.busy for note in self.notes) / len(self.notes)

    @property
    def idle(self) -> float:
        """Return the share of the workers' time, from the first unit's start to the last one's end, spent in none."""
        whole = max(note.ended for note in self.notes) - min(note.began for note in self.notes)
        return 1 - sum(note.ended - note.began for note in self.notes) / (self.workers * whole)

    @property
    def seconds(self) -> float:
        """Return what it would take where nothing else is done."""
        own = self.own if self.workers > 1 else 0.0  # a single worker leaves it a processor
        return (self.unit * len(self.notes) / (1 - self.idle) + own) / self.workers


def worked(wanted: Study, folder: Path, hands: Executor) -> Worked:
    watched, began, own = Watched(hands), time.perf_counter(), time.process_time()
    run_study(wanted, folder, executor=watched, step=quiet)
    return Worked(time.perf_counter() - began, time.process_time() - own, tuple(watched.notes))


def together(several: Sequence[Worked]) -> str:
    unit = sum(each.unit for each in several) / len(several)
    idle = sum(each.idle for each in several) / len(several)
    return f"{unit:.2f} s of a processor a unit, workers idle {idle:.1%}, {min(each.clock for each in several):.1f} s"


def speed_up(folder: Path, units: int, seconds: float, one: Executor, two: Executor, called: str) -> None:
    """Print how much faster two ready workers are than one, with units of about so many seconds, in turns."""
    began = time.process_time()
    run_study(asked(folder, 2, 10), folder / "probe", workers=1, step=quiet)
    replications = max(1, round(10 * seconds / ((time.process_time() - began) / 2)))
    wanted, turns = asked(folder, units, replications), list[tuple[Worked, Worked]]()
    for hands, name in ((one, "one"), (two, "two")):
        run_study(asked(folder, 8, 1), folder / f"{called} warm {name}", executor=hands, step=quiet)
    for i in range(ROUNDS):
        turns.append(
            (worked(wanted, folder / f"{called} one{i}", one), worked(wanted, folder / f"{called} two{i}", two))
        )
    alone, pair = zip(*turns, strict=True)
    same = all(
        stored(folder / f"{called} {name}{i}") == stored(folder / f"{called} one0")
        for name in ("one", "two")
        for i in range(ROUNDS)
    )
    times = [a.seconds / b.seconds for a, b in turns]
    faster = sum(each.seconds for each in alone) / sum(each.seconds for each in pair)
    print(
        f"{called}: {units} units of {replications} replications, {processors()} processors, load "
        f"{os.getloadavg()[0]:.1f}, {ROUNDS} rounds in turn\n"
        f"  1 worker:  {together(alone)} by the clock\n"
        f"  2 workers: {together(pair)} by the clock, the study's own process "
        f"{sum(each.own for each in pair) / ROUNDS:.2f} s\n"
        f"  by processor time {faster:.2f} times as fast ({min(times):.2f} to {max(times):.2f} by round), by the "
        f"clock {min(each.clock for each in alone) / min(each.clock for each in pair):.2f}; "
        f"same bits: {'yes' if same else 'NO'}",
        flush=True,
    )


def large(folder: Path, customers: int, periods: int, replications: int, alone: int = 2) -> None:
    """Print what many customers take on two Dask workers, a replication a unit, some of them once more on one here."""
    from distributed import Client, LocalCluster

    def of(people: int, seeds: int) -> Study:
        segment = {**MARKET["segments"]["all"], "start": {"new": people // 2, "prospect": people - people // 2}}
        content = {**MARKET, "margin": 0.4, "periods": periods, "segments": {"all": segment}}
        (folder / f"{people}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        return read_study(
            {"worlds": {"base": f"{people}.yaml"}, "policies": POLICIES[:1], "seed": list(range(seeds)),
             "replications": 1},
            folder,
        )  # fmt: skip

    def ready(name: str, seeds: int, hands: Executor) -> Worked:
        run_study(of(2_000, 8), folder / f"{name} warm", executor=hands, step=quiet)
        return worked(of(customers, seeds), folder / name, hands)

    with (
        LocalCluster(2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as there,
        Client(there) as client,
    ):
        pair = ready("large", replications, client.get_executor(pure=False, retries=2))
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as hands:
        single = ready("large alone", alone, hands)
    known, again = stored(folder / "large"), stored(folder / "large alone")
    same = again.items() <= known.items()
    faster = single.unit * replications / pair.seconds
    print(
        f"{customers:,} customers x {periods} months x {replications} replications on {pair.workers} Dask workers, "
        f"load {os.getloadavg()[0]:.1f}: {pair.clock:.0f} s by the clock, {pair.unit:.1f} s of a processor a "
        f"replication ({1e9 * pair.unit / customers / periods:.0f} ns a customer and month; alone on one worker "
        f"{single.unit:.1f}), workers idle {pair.idle:.1%}, the study's own process {pair.own:.1f} s, most memory of a "
        f"worker {max(note.kilobytes for note in pair.notes) / 1e6:.2f} GB; by processor time {faster:.2f} times as "
        f"fast as one; {alone} replications once more here, same bits: {'yes' if same else 'NO'}"
    )


class Arithmetic(Executor):
    """Hands back the facts of one unit of each policy, worth more or less by the margin: no time goes into units."""

    def __init__(self, folder: Path) -> None:
        study = asked(folder, 2, 2)
        found = run_study(study, folder / "pattern", workers=1, step=quiet)
        self.facts = {cell.policy: plays[0][1] for cell, plays in found.plays.items()}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return what a unit found, at once."""
        unit: Unit = args[0]
        assert unit.policy is not None
        facts, margin = self.facts[unit.policy.name], float(json.loads(unit.world.content)["margin"])
        more = (margin - 0.4) * (2 if unit.policy.name == POLICIES[0] else 1)
        future: Future[Any] = Future()
        future.set_result({**facts, "assets": [asset * (1 + more) for asset in facts["assets"]]})
        return future


def many_worlds(folder: Path, number: int) -> None:
    """Print what a study of many worlds takes beside its units, part by part, and how long its page is."""
    drawn = {"sample": {"margin": [0.1, 0.7], "discount_rate": [0.05, 0.3]}, "number": number - 1}
    content = {"worlds": {"base": "scenario.yaml", "many": drawn}, "policies": POLICIES, "replications": 2}
    hands, times = Arithmetic(folder), list[tuple[str, float]]()

    def timed(name: str, work: Callable[[], Any]) -> Any:
        began = time.process_time()
        found = work()
        times.append((name, time.process_time() - began))
        print(f"  {name}: {times[-1][1]:.1f} s of a processor", flush=True)
        return found

    place = folder / "many"
    wanted: Study = timed("reading its worlds", lambda: read_study(content, folder))
    timed("keeping its units", lambda: run_study(wanted, place, executor=hands, step=quiet))
    result = timed("resuming it, with answers, tables and page", lambda: study(wanted, place, executor=hands))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    page = result.report.stat().st_size / 1e6
    print(
        f"{number:,} worlds x {len(POLICIES)} policies: {sum(seconds for _, seconds in times):.0f} s of a processor in "
        f"all, {1e3 * sum(seconds for _, seconds in times) / number:.2f} ms a world, most memory {memory:.2f} GB, page "
        f"{page:.2f} MB, units taken {result.finished.taken:,} of {result.finished.units:,}"
    )


def tracking(folder: Path, units: int) -> None:
    """Print what a run costs in MLflow."""
    worlds = {
        "base": "scenario.yaml",
        "many": {"grid": {"margin": [0.2 + 0.01 * i for i in range(units // 2)]}},
    }
    wanted = read_study({"worlds": worlds, "policies": POLICIES, "replications": 2}, folder)
    study(wanted, folder / "tracked", workers=1)
    study(asked(folder, 2, 2), folder / "tracked", workers=1, track=True)
    began, busy = time.perf_counter(), time.process_time()
    study(wanted, folder / "tracked", workers=1, track=True)
    spent, busy = time.perf_counter() - began, time.process_time() - busy
    runs = 2 * (units // 2 + 1)
    print(
        f"MLflow: {runs} runs in {spent:.1f} s with report and tables: {spent / runs:.3f} s a run "
        f"({busy / runs:.3f} s of a processor)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=12, help="units of each part (even)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a processor a unit, where workers are timed")
    parser.add_argument("--cluster", help="address of a Dask scheduler with two workers, in place of processes here")
    parser.add_argument("--large", action="store_true", help="only many customers, on two Dask workers")
    parser.add_argument("--worlds", type=int, help="only a study of so many worlds, whose units take no time")
    parser.add_argument("--customers", type=int, default=10_000_000, help="of --large")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if given.large:
            large(folder, given.customers, periods=24, replications=20)
            return
        (folder / "scenario.yaml").write_text(yaml.safe_dump({**MARKET, "margin": 0.4}), encoding="utf-8")
        if given.worlds is not None:
            many_worlds(folder, given.worlds)
            return
        overhead(folder, 10 * given.units)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, context) as one, ProcessPoolExecutor(2, context) as two:
            if given.cluster is None:
                speed_up(folder, given.units, given.seconds, one, two, "processes")
            else:
                from distributed import Client

                with Client(given.cluster) as client:
                    there = client.get_executor(pure=False, retries=2)
                    speed_up(folder, given.units, given.seconds, one, there, "Dask")
        tracking(folder, 4 * given.units)


if __name__ == "__main__":
    main()
