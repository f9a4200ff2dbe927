"""The optimiser's time against its promises, and against the same programme given whole to HiGHS.

Run ``python -m benchmarks.optimizer [--json] [--quick] [--only PART ...]`` from the repository root.

Cases are those of :mod:`benchmarks.optimizer_cases`, and of whole plans of :mod:`benchmarks.optimizer_plans`. Of the
former, seconds are of :func:`optimizer.bound.decomposition.full_information`, from a problem whose odds have been
worked out to the proof of its gap, kernels compiled before. HiGHS is timed for its solve alone, on arrays that are
ready.
"""

import argparse
import json
import math
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from benchmarks.optimizer_cases import FEW, MANY, case, content_of, variables
from benchmarks.optimizer_plans import forty_segments, planned, planning, small_plan_memory, stage_of_eight
from benchmarks.optimizer_whole import whole

if TYPE_CHECKING:
    from optimizer.ask.problem import AllocationProblem

__all__ = ["main"]


@dataclass(frozen=True)
class Plan:
    """How much is measured: segments and periods of the large cases, the size for HiGHS and its limit in seconds."""

    segments: int
    periods: int
    against: tuple[int, int]
    limit: float
    scaling: tuple[tuple[str, dict[str, Any]], ...]


SCALING: tuple[tuple[str, dict[str, Any]], ...] = (
    ("as stated", {}),
    ("5 segments", {"segments": 5}),
    ("20 segments", {"segments": 20}),
    ("24 periods", {"periods": 24}),
    ("120 periods", {"periods": 120}),
    ("158 states", {"levels": False}),
    ("666 states", {"silences": 24}),
    ("25 actions", {"ladders": None}),
    ("216 actions", {"ladders": MANY, "service": True}),
    ("with ramps", {"ramps": True}),
)
"""What differs from the case as stated: 10 segments, 60 periods, 366 states, 8 actions, 155 rows."""
FULL = Plan(10, 60, (4, 12), 300.0, SCALING)
QUICK = Plan(3, 24, (1, 12), 60.0, SCALING[5:])


@dataclass
class Report:
    """Figures by name, and the same in words."""

    figures: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def say(self, line: str = "") -> None:
        """Add a line."""
        self.lines.append(line)


@dataclass(frozen=True)
class Solved:
    """One solution: seconds, gap as a share of lift, prices tried, and the problem's size."""

    seconds: float
    gap: float
    prices: int
    variables: int
    rows: int
    value: float


def progress(text: str) -> None:
    """Show what is going on, on the terminal only."""
    if sys.stderr.isatty():
        print(f"\r{text:<79}", end="", file=sys.stderr, flush=True)


def solved(problem: "AllocationProblem", tolerance: float, seconds: float = 300.0) -> Solved:
    """Solve a problem and return what it took."""
    from optimizer.bound.decomposition import full_information
    from optimizer.bound.pricing import Pricing

    chain = problem.chain
    cheapest = problem.cheapest[:, chain.group[:, None], chain.block_stage]
    nothing = float(Pricing(problem).by_block(cheapest)[0].sum())
    found = full_information(problem, tolerance, seconds=seconds)
    gap = (found.bound - found.value) / abs(found.bound - nothing)
    return Solved(found.seconds, gap, found.iterations, variables(problem), len(problem.rows), found.value)


def _warm() -> None:
    """Compile the kernels."""
    solved(case(content_of(1, 12, levels=False)), 1e-3)


def _promises(plan: Plan, report: Report) -> None:
    """Solve the cases of the promises."""
    segments, periods, figures = plan.segments, plan.periods, report.figures
    report.say(f"{'':<44}{'variables':>14}{'rows':>7}{'prices':>8}{'gap in lift':>13}{'seconds':>9}{'at most':>9}")

    def show(title: str, problem: "AllocationProblem", tolerance: float, most: float) -> Solved:
        progress(title)
        got = solved(problem, tolerance)
        report.say(
            f"{title:<44}{got.variables:>14,}{got.rows:>7,}{got.prices:>8}{got.gap:>13.1e}{got.seconds:>9.1f}{most:>9.0f}"
        )
        return got

    got = show("8 joint actions", case(content_of(segments, periods)), 1e-4, 10)
    figures["occupancy_variables"] = got.variables
    figures["occupancy_seconds"], figures["occupancy_lift_gap"] = got.seconds, got.gap
    figures["peak_memory_mb"] = peak_memory()
    got = show("8 joint actions, ramps by segment", case(content_of(segments, periods, ramps=True)), 1e-3, 30)
    figures["ramp_seconds"], figures["ramp_lift_gap"] = got.seconds, got.gap
    many = case(content_of(segments, periods, service=True), MANY)
    got = show("up to 216 joint actions where levers meet", many, 1e-4, 60)
    figures["occupancy_many_actions_seconds"] = got.seconds
    report.say(f"Memory at most {figures['peak_memory_mb']:,.0f} MB for the first, {peak_memory():,.0f} MB for all")


def peak_memory() -> float:
    """Return the most memory that this process has had, in MB."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (2**20 if sys.platform == "darwin" else 2**10)


def _against_highs(plan: Plan, report: Report) -> None:
    """Compare with HiGHS on the whole programme: interior point, then simplex for as long as that took."""
    problem = case(content_of(*plan.against, levels=False))
    progress("HiGHS: the same programme by pricing")
    ours = solved(problem, 1e-6)
    stated = whole(problem)
    rows, columns = stated.matrix.shape
    report.say()
    report.say(f"The same given whole to HiGHS: {columns:,} variables, {rows:,} rows, {stated.matrix.nnz:,} numbers")
    report.say("(its solve alone, on arrays that are ready)")
    best: tuple[float, float] | None = None
    for method, name in (("ipm", "interior point, no crossover"), ("simplex", "simplex")):
        limit = plan.limit if best is None else best[0]
        progress(f"HiGHS: {name}, at most {limit:.0f} s")
        seconds, value = stated.solve(method, limit)
        report.say(f"{name:<44}{seconds:>9.1f} s{'' if value is not None else ', stopped unfinished'}")
        if value is not None:
            best = seconds, value
    report.say(f"{'decomposition, to 1e-6 of lift':<44}{ours.seconds:>9.2f} s")
    report.figures["vs_highs"] = report.figures["vs_highs_value_difference"] = None
    if best is not None:
        report.figures["vs_highs"] = best[0] / ours.seconds
        report.figures["vs_highs_value_difference"] = abs(ours.value / best[1] - 1)
        report.say(f"{best[0] / ours.seconds:,.0f} x as fast, values differ by {abs(ours.value / best[1] - 1):.1e}")


def _scaling(plan: Plan, report: Report) -> None:
    """Solve variations of the case to 1e-3 of lift."""
    report.say()
    report.say("Cost of 1e-3 of lift")
    report.say(f"{'':<16}{'variables':>14}{'rows':>7}{'prices':>8}{'seconds':>9}{'ns a variable and price':>25}")
    report.figures["scaling"] = {}
    for title, change in plan.scaling:
        progress(f"scaling: {title}")
        asked: dict[str, Any] = {"segments": plan.segments, "periods": plan.periods, **change}
        ladders = asked.pop("ladders", FEW)
        got = solved(case(content_of(**asked), ladders), 1e-3)
        each = 1e9 * got.seconds / got.prices / got.variables
        report.say(f"{title:<16}{got.variables:>14,}{got.rows:>7,}{got.prices:>8}{got.seconds:>9.2f}{each:>25.2f}")
        report.figures["scaling"][title] = {
            "variables": got.variables, "rows": got.rows, "prices": got.prices, "seconds": got.seconds
        }  # fmt: skip


# --- Other parts of the optimiser: each adds its own figures and lines ------------------------------------------------


def _playable(plan: Plan, report: Report) -> None:
    """Add the playable plan with its own bound, by state, from cold."""
    from optimizer.optimize import solve

    progress("a playable plan and its bound")
    problem = case(content_of(plan.segments, plan.periods), ladders=None)
    began = time.perf_counter()
    found = solve(problem, bound_steps=0)
    seconds = time.perf_counter() - began
    full = (found.asset - found.no_spend) / (found.reference - found.no_spend)
    report.figures |= {
        "playable_seconds": seconds, "playable_lift_share": found.lift_share, "playable_share_of_full": full,
        "playable_status": found.status, "playable_parts": found.seconds,
    }  # fmt: skip
    parts = ", ".join(f"{name} {took:.1f}" for name, took in found.seconds.items())
    report.say(f"Playable plan, {problem.targets.shape[0]} segments x {problem.chain.periods} periods, by stage")
    report.say(f"{seconds:.1f} s ({parts}; at most 60), {found.status}: at least {found.lift_share:.1%} of what its")
    report.say(f"targeting allows, {full:.1%} of full information")
    report.say()


def _sequential(_: Plan, report: Report) -> None:
    """Add the sequential search of a coupled firm."""
    from benchmarks.sequential_case import sequential

    progress("the sequential search")
    figures = sequential()
    report.figures |= figures
    report.say(
        f"Sequential LP, 10 segments x 8 levers x 36 months with couplings: {figures['sequential_seconds']:.1f} s "
        f"(at most 15), {figures['sequential_steps']} steps, lift {figures['sequential_lift']:,.0f} "
        f"(today's spend {figures['sequential_lift_today']:,.0f})"
    )
    report.say()


def _planned(report: Report, content: dict[str, Any], name: str, most: float, seconds: float = math.inf) -> None:
    """Add one plan with its bound, which should take ``most`` seconds at most."""
    progress(content["name"])
    figures, said = planned(content, name, seconds=seconds)
    report.figures |= figures
    report.say(f"{said}; at most {most:.0f} s" if seconds == math.inf else said)
    report.say()


def _eight_levers(plan: Plan, report: Report) -> None:
    """Add a plan for eight levers on one stage."""
    _planned(report, stage_of_eight() if plan is FULL else stage_of_eight(2, 12), "eight_levers", 60)


def _forty_segments(plan: Plan, report: Report) -> None:
    """Add a plan for many segments."""
    content = forty_segments() if plan is FULL else forty_segments(segments=4, periods=12)
    _planned(report, content, "forty_segments", 60)


def _six_levers(plan: Plan, report: Report) -> None:
    """Add the gap that is reached for many segments and twice the levers in about 150 s."""
    content = forty_segments(6, periods=36) if plan is FULL else forty_segments(6, 4, 12)
    _planned(report, content, "forty_segments_six_levers", 150, seconds=60)


def _long(plan: Plan, report: Report) -> None:
    """Add the planning example over ten years."""
    _planned(report, planning(120 if plan is FULL else 36), "hundred_twenty_periods", 40)


def _memory(_: Plan, report: Report) -> None:
    """Add the memory of a small plan."""
    progress("the memory of a plan for 600 customers")
    report.figures["small_plan_memory_mb"] = used = small_plan_memory()
    report.say(f"A plan for 600 customers takes {used:,.0f} MB of memory; at most 350 MB")
    report.say()


def _curves(plan: Plan, report: Report) -> None:
    """Add the allocation over curves, and its peers."""
    from benchmarks.curve_cases import large_plan, s_curves

    progress("response curves")
    figures = {**large_plan(), **s_curves(300 if plan is FULL else 30)}
    report.figures |= figures
    report.say("Response curves")
    report.lines += [f"{name:32} {value:.6g}" for name, value in figures.items() if isinstance(value, int | float)]
    report.say()


# --- The report -------------------------------------------------------------------------------------------------------


PARTS: dict[str, Callable[[Plan, Report], None]] = {
    "promises": _promises,
    "scaling": _scaling,
    "playable": _playable,
    "sequential": _sequential,
    "eight-levers": _eight_levers,
    "forty-segments": _forty_segments,
    "six-levers": _six_levers,
    "120-periods": _long,
    "memory": _memory,
    "curves": _curves,
    "against-highs": _against_highs,
}


def measure(plan: Plan, only: Sequence[str] = ()) -> Report:
    """Measure everything, or some parts, and return it."""
    report = Report()
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    report.figures["load_before"] = busy
    report.say(
        f"Python {platform.python_version()}, NumPy {version('numpy')}, Numba {version('numba')}, "
        f"HiGHS {version('highspy')}, {os.cpu_count()} cores"
    )
    if busy > 0.3:
        report.say(f"The machine was busy with something else before (load {busy:.1f}): times are too long")
    report.say()
    progress("compiling")
    _warm()
    began = time.perf_counter()
    for name in only or PARTS:
        PARTS[name](plan, report)
    report.figures["benchmark_seconds"] = time.perf_counter() - began
    progress("")
    return report


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.optimizer", description="The optimiser's time.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="smaller cases")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=[], help="these parts alone")
    given = parser.parse_args()
    report = measure(QUICK if given.quick else FULL, given.only)
    print(json.dumps(report.figures) if given.json else "\n".join(report.lines))


if __name__ == "__main__":
    main()
