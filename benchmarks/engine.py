"""The engine against peers that do the same, and against a draw each and one pass over all states.

Run ``python -m benchmarks.engine [--json] [--quick] [--customers N] [--mesa-python PATH]`` from the repository root.

Everybody runs the retailer of :mod:`benchmarks.retailer` from the same people: the engine, NumPy, Mesa 3 and one SimPy
process per customer. What is timed is the periods alone; drawing traits and setting up is not. Mesa runs in an
environment of its own, made once beside the kernel cache, because its pins need not agree with ours. Ratios are between
equal numbers of threads: two for NumPy, one for Mesa and SimPy, which have no more.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from importlib.metadata import version
from pathlib import Path
from statistics import mean, median, stdev
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import peer_numpy
from benchmarks.behaviour import EVENTS, Result, Start
from benchmarks.retailer import STAGES, intensities, retailer, spread
from sim.arrays import Floats

if TYPE_CHECKING:
    from sim.customers.population import Population
    from sim.engine.lifecycle import Lifecycle
    from sim.history import History
    from sim.twin import Twin

__all__ = ["fluid_case", "main", "tiny"]

MESA = "mesa>=3,<4"
DRAWN = 1_000_000
"""People whose traits are drawn in the sweeps; larger populations repeat them, each with draws of its own."""
FAR = 5.0
"""Standard errors from which on two means do not agree: not by chance in a few dozen comparisons."""
COMPARED = ("won", "returned", "left", "lost", "purchases", "revenue", "alive", "core", "lapsed")


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    customers: int
    slow: int
    runs: int
    periods: int
    populations: tuple[int, ...]
    segments: tuple[int, ...]
    ours: int
    reference: int


FULL = Plan(4_000_000, 50_000, 5, 24, (10**4, 10**5, 10**6, 10**7, 5 * 10**7), (1, 10, 100, 1000), 20, 40)
QUICK = Plan(400_000, 10_000, 3, 24, (10**4, 10**5, 10**6), (1, 10, 100), 8, 20)


@dataclass
class Work:
    """A twin, a policy and people to run."""

    content: dict[str, Any]
    twin: "Twin"
    policy: Any
    people: "Population"

    @property
    def customer_periods(self) -> int:
        """Return how many customer-periods one run is."""
        return self.people.size * int(self.content["periods"])

    def run(self, threads: int, seed: int = 1) -> tuple[float, "History"]:
        """Run the market to its horizon and return the time of that alone, and what happened."""
        from sim.market.clock import Market

        market = Market(self.twin, self.policy, self.people, seed=seed, replication=0, threads=threads)
        began = time.perf_counter()
        history = market.run()
        return time.perf_counter() - began, history

    def seconds(self, threads: int, runs: int) -> float:
        """Return the median time of ``runs`` runs after one that is not counted."""
        self.run(threads)
        return median(self.run(threads, seed)[0] for seed in range(1, runs + 1))


@dataclass
class Report:
    """What was measured: lines for people, and figures by name."""

    lines: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def say(self, line: str = "") -> None:
        """Add a line."""
        self.lines.append(line)


def progress(what: str) -> None:
    """Say on a terminal what is being measured."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)


# --- Ours -------------------------------------------------------------------------------------------------------------


def work_of(customers: int, segments: int = 10, periods: int = 24) -> Work:
    """Return the retailer with its people, spread over the states; beyond a million, drawn ones repeated."""
    from policies.planned import Planned
    from sim.scenario.file import parse
    from sim.twin import build

    content = retailer(customers, segments, periods)
    twin = build(parse(content))
    played = intensities(content)
    policy = Planned(np.broadcast_to(played, (periods, *played.shape)), "as benchmarked")
    times = customers // DRAWN if customers > DRAWN and customers % DRAWN == 0 else 1
    drawn = twin if times == 1 else build(parse(retailer(customers // times, segments, periods)))
    people = spread(drawn, drawn.population(seed=1, replication=0))
    return Work(content, twin, policy, _repeated(people, times) if times > 1 else people)


def _repeated(people: "Population", times: int) -> "Population":
    """Return a population in which everybody is there ``times`` times, with numbers, and so draws, of their own."""
    start = people.start * times
    arrays: dict[str, Any] = {
        name: np.repeat(getattr(people, name), times)
        for name in ("state", "purchase_rate", "defection_rate", "mean_spend", "block")
    }
    number = np.concatenate([np.arange(size, dtype=people.identity.dtype) for size in np.diff(start)])
    return replace(people, start=start, identity=number, **arrays)


def start_of(work: Work) -> Start:
    """Return the people of a market as the peers take them."""
    people, space = work.people, work.twin.chain.space
    state = people.state.astype(np.int64)
    group = np.repeat(work.twin.cohort_group, np.diff(people.start))
    kind, bought, silent, level = (
        table[state].astype(np.uint8) for table in (space.kind, space.bought, space.silent, space.level)
    )
    return Start(
        group.astype(np.int16), kind, bought, silent, level,
        people.purchase_rate.copy(), people.defection_rate.copy(), people.mean_spend.copy(),
    )  # fmt: skip


def totals_of(history: "History") -> dict[str, float]:
    """Return what happened in a market, as a peer's totals."""
    out = {name: float(history.events[name].sum()) for name in EVENTS}
    out |= {"purchases": float(history.purchases.sum()), "revenue": float(history.revenue.sum())}
    out |= {"spend": float(history.spend.sum()), "alive": float(history.alive[-1].sum())}
    return out | {name: float(history.customers[-1, :, i].sum()) for i, name in enumerate(STAGES)}


def bytes_per_customer(people: "Population") -> float:
    """Return the memory of everything that has one element per customer."""
    arrays = [getattr(people, each.name) for each in fields(people)]
    whole = [array.nbytes for array in arrays if isinstance(array, np.ndarray) and array.shape[:1] == (people.size,)]
    return sum(whole) / people.size


def tiny() -> None:
    """Draw and run a small market twice and print the seconds of each: what a process of its own is started for."""
    import scipy.special  # noqa: F401 -- what the first market would import is not to count as compiling

    import policies.planned  # noqa: F401
    import sim.market.clock  # noqa: F401

    taken = []
    for _ in range(2):
        began = time.perf_counter()
        work_of(1_000).run(2)
        taken.append(time.perf_counter() - began)
    print(json.dumps(taken))


def compile_seconds() -> tuple[float, float]:
    """Return what kernels cost a process: compiled into an empty cache, and loaded from a full one."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        whole, inside = [], []
        for _ in range(2):
            began = time.perf_counter()
            words = [sys.executable, "-c", "from benchmarks.engine import tiny; tiny()"]
            out = subprocess.run(words, env=environment, check=True, stdout=subprocess.PIPE, text=True)
            whole.append(time.perf_counter() - began)
            inside.append(json.loads(out.stdout))
    loading = inside[1][0] - inside[1][1]
    return whole[0] - whole[1] + loading, loading


def fluid_case() -> tuple["Lifecycle", Floats]:
    """Return a chain of 10 segments x 60 periods x 10 trait classes x 366 states, and a plan for it.

    A segment's classes are thinned out to ten: what is measured is the time of the gradient, not the law.
    """
    from sim.engine.lifecycle import Lifecycle
    from sim.scenario.file import parse
    from sim.twin import build

    content = retailer(1_000_000, 10, 60)
    chain = build(parse(content)).chain
    assert isinstance(chain, Lifecycle)
    blocks = chain.group.size
    kept = np.concatenate(
        [
            who[np.linspace(0, who.size - 1, 10).astype(int)]
            for who in (np.flatnonzero(chain.group == g) for g in range(10))
        ]
    )
    thinned: dict[str, Any] = {}
    for each in fields(chain):
        array = getattr(chain, each.name)
        if isinstance(array, np.ndarray) and blocks in array.shape:
            thinned[each.name] = np.ascontiguousarray(np.take(array, kept, axis=array.shape.index(blocks)))
    played = intensities(content)
    return replace(chain, **thinned), np.array(np.broadcast_to(played, (60, *played.shape)))


def gradient_seconds(runs: int) -> float:
    """Return the median time of a value and gradient of the fluid twin."""
    from sim.engine.sensitivity import gradient

    chain, plan = fluid_case()

    def once() -> float:
        began = time.perf_counter()
        gradient(chain, plan)
        return time.perf_counter() - began

    once()
    return median(once() for _ in range(runs))


# --- Peers ------------------------------------------------------------------------------------------------------------


def mesa_python() -> str | None:
    """Return an interpreter that has Mesa 3, made on demand; None where it cannot be made."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tenure" / "mesa-3"
    python = cache / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def works() -> bool:
        return python.exists() and subprocess.run([python, "-c", "import mesa"], capture_output=True).returncode == 0

    if not works():
        progress("Mesa: making an environment")
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", cache], check=True, capture_output=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", MESA], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return None
    return str(python) if works() else None


def outside(python: str, module: str, content: dict[str, Any], start: Start, seeds: range) -> list[Result]:
    """Return a peer's results, each run in a process of its own."""
    with tempfile.TemporaryDirectory() as place:
        scenario, people = Path(place) / "scenario.json", Path(place) / "people.npz"
        scenario.write_text(json.dumps(content), encoding="utf-8")
        start.save(people)
        out: list[Result] = []
        for seed in seeds:
            progress(f"{module}: run {len(out) + 1} of {len(seeds)}")
            words = [python, "-m", module, str(scenario), str(people), str(seed)]
            done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
            out.append(json.loads(done.stdout))
        return out


def rate_of(results: list[Result]) -> float:
    """Return customer-periods per second, by the median time."""
    return results[0]["customer_periods"] / median(each["seconds"] for each in results)


def z_scores(totals: list[dict[str, float]], reference: list[dict[str, float]]) -> dict[str, float]:
    """Return how many standard errors the means lie from the reference's; the spread is the reference's, of one run."""
    out = {}
    for name in COMPARED:
        usual = [each[name] for each in reference]
        error = stdev(usual) * (1 / len(totals) + 1 / len(usual)) ** 0.5
        out[name] = (mean(each[name] for each in totals) - mean(usual)) / error
    return out


# --- The report -------------------------------------------------------------------------------------------------------


def measure(plan: Plan, mesa: str | None) -> Report:
    """Measure everything and return it."""
    report = Report()
    figures = report.figures
    report.say(
        f"Python {platform.python_version()}, NumPy {version('numpy')}, Numba {version('numba')}, "
        f"SimPy {version('simpy')}, {os.cpu_count()} cores; median of {plan.runs}"
    )
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    figures["load_before"] = busy
    if busy > 0.3:
        report.say(f"The machine was busy with something else before (load {busy:.1f}): times are too long")
    progress("drawing people")
    work = work_of(plan.customers, periods=plan.periods)
    _speeds(plan, mesa, work, report)
    _floor(plan, work, report)
    figures["bytes_per_customer"] = bytes_per_customer(work.people)
    del work
    _sweeps(plan, report)
    progress("compiling in an empty cache")
    figures["compile_seconds_cold"], figures["compile_seconds_cached"] = compile_seconds()
    progress("gradient of the fluid twin")
    figures["fluid_gradient_seconds"] = gradient_seconds(plan.runs)
    report.say()
    for name, unit in (
        ("bytes_per_customer", "bytes"), ("compile_seconds_cold", "s"), ("compile_seconds_cached", "s"),
        ("fluid_gradient_seconds", "s"),
    ):  # fmt: skip
        report.say(f"{name:<32}{figures[name]:10.3f} {unit}")
    progress("")
    return report


def _speeds(plan: Plan, mesa: str | None, work: Work, report: Report) -> None:
    """Time the engine and its peers and compare their means."""
    figures, total = report.figures, work.customer_periods
    rates: dict[tuple[str, int], float] = {}
    for threads in (1, 2):
        progress(f"engine: {threads} threads")
        rates["engine", threads] = total / work.seconds(threads, plan.runs)
    start = start_of(work)
    for threads in (1, 2):
        progress(f"NumPy: {threads} threads")
        peer_numpy.run(work.content, start, 0, threads)
        rates["NumPy", threads] = rate_of(
            [peer_numpy.run(work.content, start, seed, threads) for seed in range(1, plan.runs + 1)]
        )
    small = work_of(plan.slow, periods=plan.periods)
    few = start_of(small)
    slow = {"SimPy": outside(sys.executable, "benchmarks.peer_simpy", small.content, few, range(1, plan.runs + 1))}
    if mesa is not None:
        # Other seeds: from the same one Mesa and SimPy happen to take the same numbers in the same order, to the last.
        seeds = range(plan.runs + 1, 2 * plan.runs + 1)
        slow["Mesa 3"] = outside(mesa, "benchmarks.peer_mesa", small.content, few, seeds)
    for name, results in slow.items():
        rates[name, 1] = rate_of(results)

    sizes = {name: plan.slow if name in slow else plan.customers for name, _ in rates}
    report.say()
    report.say(f"{'':<10}{'people':>12}{'threads':>9}{'customer-periods/s':>20}{'ns each':>12}{'engine is faster':>18}")
    for (name, threads), rate in rates.items():
        ratio = "" if name == "engine" else f"{rates['engine', threads] / rate:,.1f} x"
        report.say(f"{name:<10}{sizes[name]:>12,}{threads:>9}{rate:>20,.0f}{1e9 / rate:>12,.1f}{ratio:>18}")
    figures["customer_periods_per_second"] = rates["engine", 2]
    figures["vs_numpy"] = rates["engine", 2] / rates["NumPy", 2]
    figures["vs_mesa"] = rates["engine", 1] / rates["Mesa 3", 1] if mesa is not None else None
    figures["vs_simpy"] = rates["engine", 1] / rates["SimPy", 1]
    figures["thread_speedup"] = rates["engine", 2] / rates["engine", 1]
    figures["threads"] = {"customer_periods_per_second": 2, "vs_numpy": 2, "vs_mesa": 1, "vs_simpy": 1, "vs_floor": 2}
    figures["rates"] = {f"{name}, {threads} threads": rate for (name, threads), rate in rates.items()}
    if mesa is None:
        report.say("Mesa 3 could not be installed; it is left out")

    progress("comparing means")
    reference = [peer_numpy.run(small.content, few, 1000 + seed)["totals"] for seed in range(plan.reference)]
    compared = {"engine": [totals_of(small.run(2, 1000 + seed)[1]) for seed in range(plan.ours)]}
    compared |= {name: [each["totals"] for each in results] for name, results in slow.items()}
    scores = {name: z_scores(totals, reference) for name, totals in compared.items()}
    report.say()
    report.say(f"Same people, other luck: mean of runs less NumPy's, in standard errors ({plan.slow:,} people)")
    report.say(f"{'':<10}{'runs':>5}" + "".join(f"{name:>11}" for name in COMPARED))
    for name, score in scores.items():
        report.say(f"{name:<10}{len(compared[name]):>5}" + "".join(f"{score[each]:>+11.1f}" for each in COMPARED))
    usual = [mean(each[name] for each in reference) for name in COMPARED]
    report.say(f"{'NumPy':<10}{plan.reference:>5}" + "".join(f"{each:>11,.0f}" for each in usual))
    figures["agreement_z"] = scores
    far = {name: max(map(abs, score.values())) for name, score in scores.items()}
    figures["agrees"] = max(far.values()) < FAR
    for name, most in far.items():
        if most >= FAR:
            report.say(f"{name} does NOT do the same as NumPy: {most:.0f} standard errors off; its times mean nothing")


def _floor(plan: Plan, work: Work, report: Report) -> None:
    """Time a draw of four words each, and one read and write of all states."""
    from benchmarks.floor import floor

    progress("floor")
    figures, total = report.figures, work.customer_periods
    report.say()
    for threads in (1, 2):
        draws, touch = floor(work.people.identity, work.people.state, plan.periods, threads, plan.runs)
        ours = total / figures["rates"][f"engine, {threads} threads"]
        report.say(
            f"floor, {threads} threads: draws {1e9 * draws / total:.2f} ns, state {1e9 * touch / total:.2f} ns each; "
            f"the engine takes {ours / (draws + touch):.1f} x as long"
        )
        figures["vs_floor"] = ours / (draws + touch)


def _sweeps(plan: Plan, report: Report) -> None:
    """Time the engine against the number of people and of segments, with one and two threads."""

    def sweep(title: str, values: tuple[int, ...], made: Callable[[int], Work]) -> dict[str, dict[str, float]]:
        report.say()
        report.say(f"{title:<14}{'ns each, 1 thread':>20}{'2 threads':>12}{'speed-up':>10}")
        out = {}
        for value in values:
            progress(f"{title}: {value:,}")
            work = made(value)
            large = work.people.size > plan.customers
            cost = [1e9 * work.seconds(n, 1 if large else plan.runs) / work.customer_periods for n in (1, 2)]
            report.say(f"{value:<14,}{cost[0]:>20,.2f}{cost[1]:>12,.2f}{cost[0] / cost[1]:>10.2f}")
            out[str(value)] = {"ns_one_thread": cost[0], "ns_two_threads": cost[1]}
        return out

    report.figures["by_population"] = sweep("people", plan.populations, lambda n: work_of(n, periods=plan.periods))
    report.figures["by_segments"] = sweep("segments", plan.segments, lambda n: work_of(plan.customers, n, plan.periods))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description="The engine against its peers.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="a tenth of the people, three runs")
    parser.add_argument("--customers", type=int, help="people; 4 million, or 400,000 with --quick")
    parser.add_argument("--mesa-python", help="an interpreter that has Mesa 3; none: one is made")
    given = parser.parse_args()
    plan = QUICK if given.quick else FULL
    if given.customers is not None:
        plan = replace(plan, customers=given.customers)
    report = measure(plan, given.mesa_python or mesa_python())
    print(json.dumps(report.figures) if given.json else "\n".join(report.lines))
    if not report.figures["agrees"]:
        sys.exit("the peers do not agree")


if __name__ == "__main__":
    main()
