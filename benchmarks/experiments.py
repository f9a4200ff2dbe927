"""What a study costs beside its simulations: overhead a unit, speed-up by workers, a run in MLflow, and resuming.

    python -m benchmarks.experiments                 # everything
    python -m benchmarks.experiments --units 20 --seconds 0.2
    python -m benchmarks.experiments --cluster tcp://127.0.0.1:8786

Speed-up is by the clock: it says something only where the processors have nothing else to do, and the printed load and
number of processors say whether that was so. Results are compared bit by bit.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

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
    """Print the time of one worker and of two, in units of about so many seconds."""
    began = time.perf_counter()
    run_study(asked(folder, 2, 10), folder / "probe", workers=1, step=quiet)
    replications = max(1, round(10 * seconds / ((time.perf_counter() - began) / 2)))
    wanted = asked(folder, units, replications)
    one = clocked(wanted, folder / "one", workers=1)
    two = clocked(wanted, folder / "two", workers=2)
    same = stored(folder / "one") == stored(folder / "two")
    print(
        f"{units} units of {one / units:.2f} s ({replications} replications), {processors()} processors, load "
        f"{os.getloadavg()[0]:.1f}: 1 worker {one:.1f} s, 2 workers {two:.1f} s with their start: "
        f"{one / two:.2f} times as fast; same bits: {'yes' if same else 'NO'}"
    )
    if cluster is not None:
        there = clocked(wanted, folder / "cluster", cluster=cluster)
        same = stored(folder / "one") == stored(folder / "cluster")
        print(f"Dask: {there:.1f} s, {one / there:.2f} times as fast; same bits: {'yes' if same else 'NO'}")


def tracking(folder: Path, units: int) -> None:
    """Print what a run costs in MLflow."""
    worlds = {
        "base": "scenario.yaml",
        "many": {"grid": {"margin": [0.2 + 0.01 * i for i in range(units // 2)]}},
    }
    wanted = read_study({"worlds": worlds, "policies": POLICIES, "replications": 2}, folder)
    study(wanted, folder / "tracked", workers=1)
    study(asked(folder, 2, 2), folder / "tracked", workers=1, track=True)
    began = time.perf_counter()
    study(wanted, folder / "tracked", workers=1, track=True)
    spent = time.perf_counter() - began
    runs = 2 * (units // 2 + 1)
    print(f"MLflow: {runs} runs in {spent:.1f} s with report and tables: {spent / runs:.3f} s a run")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=12, help="units of each part (even)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a unit where workers are timed")
    parser.add_argument("--cluster", help="address of a Dask scheduler to time too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "scenario.yaml").write_text(yaml.safe_dump({**MARKET, "margin": 0.4}), encoding="utf-8")
        overhead(folder, 10 * given.units)
        speed_up(folder, given.units, given.seconds, given.cluster)
        tracking(folder, 4 * given.units)


if __name__ == "__main__":
    main()
