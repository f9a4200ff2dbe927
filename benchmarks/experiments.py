"""What a study costs beside its simulations: overhead a unit, speed-up by workers, a run in MLflow, and resuming.

    python -m benchmarks.experiments                 # everything
    python -m benchmarks.experiments --units 20 --seconds 0.2
    python -m benchmarks.experiments --cluster tcp://127.0.0.1:8786

Speed-up is by the clock: it says something only where the processors have nothing else to do, and the printed load and
number of processors say whether that was so. Results are compared bit by bit.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numba import njit

from experiments.compare import compare
from experiments.study.ask import Study, read_study
from experiments.study.conduct import study
from experiments.study.run import run_study
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
LOOPS, ROUNDS = 10_000_000, 2


def asked(folder: Path, units: int, replications: int) -> Study:
    """Return a study of so many units: two policies, many seeds."""
    return read_study(
        {"worlds": {"base": "scenario.yaml"}, "policies": POLICIES, "seed": list(range(units // 2)),
         "replications": replications},
        folder,
    )  # fmt: skip


def stored(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "units").rglob("*.json"))}


def clocked(wanted: Study, folder: Path, **how: Any) -> float:
    began = time.perf_counter()
    run_study(wanted, folder, step=quiet, **how)
    return time.perf_counter() - began


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


def speed_up(folder: Path, units: int, seconds: float, cluster: str | None) -> None:
    """Print the time of one worker and of two that are ready, in units of about so many seconds, beside the machine's.

    The machine's own figure is that of as many tasks of arithmetic alone, in the same two processes: what is missing of
    the speed-up there too, no study can have. Rounds alternate, and the best of each is told: others may be at work.
    """
    began = time.perf_counter()
    run_study(asked(folder, 2, 10), folder / "probe", workers=1, step=quiet)
    replications = max(1, round(10 * seconds / ((time.perf_counter() - began) / 2)))
    wanted = asked(folder, units, replications)
    loops = round(LOOPS * seconds / timed(arithmetic, LOOPS))
    times: dict[str, list[float]] = {"one": [], "two": [], "alone": [], "pair": []}
    began = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as single, ProcessPoolExecutor(2, context) as pool:
        for hands, name in ((single, "warm one"), (pool, "warm two")):
            run_study(asked(folder, 8, 1), folder / name, executor=hands, step=quiet)
            list(hands.map(arithmetic, [1] * 4))
        start = time.perf_counter() - began
        for round_ in range(ROUNDS):
            for hands, study_name, plain in ((single, "one", "alone"), (pool, "two", "pair")):
                times[study_name].append(clocked(wanted, folder / f"{study_name}{round_}", executor=hands))
                times[plain].append(timed(lambda hands=hands: list(hands.map(arithmetic, [loops] * units))))
    same = all(
        stored(folder / f"{name}{i}") == stored(folder / "one0") for name in ("one", "two") for i in range(ROUNDS)
    )
    one, two, alone, pair = (min(times[name]) for name in ("one", "two", "alone", "pair"))
    print(
        f"{units} units of {one / units:.2f} s ({replications} replications), {processors()} processors, load "
        f"{os.getloadavg()[0]:.1f}, best of {ROUNDS}: 1 worker {one:.1f} s, 2 workers {two:.1f} s: "
        f"{one / two:.2f} times as fast; arithmetic alone {alone / pair:.2f} times, so that is "
        f"{one / two / (alone / pair):.0%} of what the machine gives; start of the 3 processes {start:.1f} s; "
        f"same bits: {'yes' if same else 'NO'}"
    )
    if cluster is not None:
        there = clocked(wanted, folder / "cluster", cluster=cluster)
        same = stored(folder / "one0") == stored(folder / "cluster")
        print(f"Dask: {there:.1f} s, {one / there:.2f} times as fast; same bits: {'yes' if same else 'NO'}")


def arithmetic(loops: int) -> float:
    """Add numbers that fit into a processor's nearest memory."""
    return float(_arithmetic(loops, np.linspace(0.1, 1.0, 1024)))


@njit(cache=True)  # type: ignore[untyped-decorator]
def _arithmetic(loops: int, values: np.ndarray) -> float:
    total = 0.0
    for i in range(loops):
        total += np.exp(-values[i % values.size] * (total - np.floor(total)))
    return total


def timed(work: Callable[..., Any], *given: Any) -> float:
    began = time.perf_counter()
    work(*given)
    return time.perf_counter() - began


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
    parser.add_argument("--seconds", type=float, default=1.0, help="of a unit where workers are timed")
    parser.add_argument("--cluster", help="address of a Dask scheduler to time too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "scenario.yaml").write_text(yaml.safe_dump({**MARKET, "margin": 0.4}), encoding="utf-8")
        arithmetic(1)  # compiled
        overhead(folder, 10 * given.units)
        speed_up(folder, given.units, given.seconds, given.cluster)
        tracking(folder, 4 * given.units)


if __name__ == "__main__":
    main()
