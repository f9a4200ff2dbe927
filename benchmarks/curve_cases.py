"""Allocation over response curves: a large plan under rules, and S-curves beside what is usually done.

Run from the repository root: ``python -m benchmarks.curve_cases [--json]``.
"""

import argparse
import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from optimizer.curves.allocation import allocate
from optimizer.curves.rules import AllocationRules
from optimizer.curves.shapes import CurveTable, SmoothCurve, TabulatedCurve
from sim.arrays import Floats

__all__ = ["large_plan", "s_curves"]

RUNS = 5
FINE, COARSE = 1000, 20
"""Steps of the marginal-return climb: coarse ones jump over thresholds, fine ones see no way up."""


def large_plan(channels: int = 20, periods: int = 52, seed: int = 1) -> dict[str, Any]:
    """Return seconds (median) to allocate over concave tables of nine points under total, period and floor rules."""
    random = np.random.default_rng(seed)
    spend = np.array([5.0, 10, 20, 30, 40, 60, 100, 150, 200])
    curves = tuple(
        tuple(
            TabulatedCurve.of(spend, random.uniform(50, 150) * spend / (spend + random.uniform(20, 80)))
            for _ in range(periods)
        )
        for _ in range(channels)
    )
    table = CurveTable(
        tuple(f"channel {c + 1}" for c in range(channels)), tuple(str(t + 1) for t in range(periods)), curves
    )
    rules = AllocationRules.model_validate(
        {
            "period_share": 1.3 / periods,
            "bounds": [
                {"channels": "channel 1", "floor_share": 0.1},
                {"channels": ["channel 2", "channel 3"], "first": "10", "last": "20", "floor": 3000},
            ],
        }
    )
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        result = allocate(table, rules, budget=20.0 * channels * periods)
        seconds.append(time.perf_counter() - began)
    return {
        "channels": channels,
        "periods": periods,
        "allocate_seconds": median(seconds),
        "allocate_gap": result.gap,
        "allocate_status": result.status,
        "allocate_value": result.value,
    }


def s_curves(problems: int = 300, channels: int = 5, seed: int = 7) -> dict[str, Any]:
    """Return the largest certified gap over random S-curve problems, and value and time of the usual ways.

    Curves are ``b x^n/(x^n + h^n)`` with n from 1.3 to 4. Shares are of the value that is proven optimal here.
    """
    random = np.random.default_rng(seed)
    ways: dict[str, Callable[[Floats, float], float]] = {
        "slsqp": _slsqp,
        "greedy": lambda shape, budget: _greedy(shape, budget, FINE),
        "greedy_coarse": lambda shape, budget: _greedy(shape, budget, COARSE),
    }
    gaps, seconds, bounded = [], [], True
    shares: dict[str, list[float]] = {name: [] for name in ways}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(problems):
        shape = np.column_stack(
            [random.uniform(20, 150, channels), random.uniform(10, 80, channels), random.uniform(1.3, 4, channels)]
        )
        budget = float(random.uniform(30, 200))
        table = CurveTable(
            tuple(f"channel {c + 1}" for c in range(channels)),
            ("all",),
            tuple((_hill(*row),) for row in shape.tolist()),
        )
        began = time.perf_counter()
        result = allocate(table, budget=budget)
        seconds.append(time.perf_counter() - began)
        gaps.append(result.gap)
        for name, way in ways.items():
            began = time.perf_counter()
            value = way(shape, budget)
            times[name].append(time.perf_counter() - began)
            shares[name].append(value / result.value)
            bounded = bounded and value <= result.bound * (1 + 1e-9)
    return {
        "problems": problems,
        "scurve_max_gap": max(gaps),
        "scurve_seconds": median(seconds),
        "scurve_max_seconds": max(seconds),
        "no_peer_above_bound": bounded,
        **{
            f"{name}_{key}": number
            for name in ways
            for key, number in (
                ("share_mean", float(np.mean(shares[name]))),
                ("share_worst", min(shares[name])),
                ("optimal_within_0.1_percent", float(np.mean(np.array(shares[name]) >= 0.999))),
                ("seconds", median(times[name])),
            )
        },
    }


def _hill(b: float, h: float, n: float) -> SmoothCurve:
    return SmoothCurve(
        lambda x: b * x**n / (x**n + h**n),
        lambda x: b * n * x ** (n - 1) * h**n / (x**n + h**n) ** 2,
        inflection=h * ((n - 1) / (n + 1)) ** (1 / n),
        scale=h,
    )


def _responses(shape: Floats, x: Floats) -> Floats:
    b, h, n = shape.T
    power = np.maximum(x, 0) ** n
    return np.asarray(b * power / (power + h**n))


def _slsqp(shape: Floats, budget: float) -> float:
    """Return what SciPy's SLSQP reaches from an equal split, with exact gradients."""
    from scipy.optimize import minimize

    b, h, n = shape.T

    def slope(x: Floats) -> Floats:
        power = np.maximum(x, 0) ** n
        return np.asarray(-b * n * np.maximum(x, 0) ** (n - 1) * h**n / (power + h**n) ** 2)

    found = minimize(
        lambda x: -float(_responses(shape, x).sum()), np.full(b.size, budget / b.size), jac=slope, method="SLSQP",
        bounds=[(0, budget)] * b.size, options={"maxiter": 1000, "ftol": 1e-12},
        constraints={"type": "ineq", "fun": lambda x: budget - x.sum(), "jac": lambda x: -np.ones(x.size)},
    )  # fmt: skip
    x = np.clip(found.x, 0, None)
    return float(_responses(shape, x * min(1.0, budget / max(float(x.sum()), 1e-300))).sum())


def _greedy(shape: Floats, budget: float, steps: int) -> float:
    """Return what giving each of equal steps to the channel that gains most from it reaches."""
    grid = np.arange(steps + 1)[:, None] * budget / steps
    gain = np.diff(_responses(shape, np.broadcast_to(grid, (steps + 1, shape.shape[0]))), axis=0)
    taken, value = np.zeros(shape.shape[0], dtype=np.int64), 0.0
    every = np.arange(shape.shape[0])
    for _ in range(steps):
        gains = gain[taken, every]
        best = int(gains.argmax())
        value += float(gains[best])
        taken[best] += 1
    return value


def main() -> None:
    """Print every case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--problems", type=int, default=300)
    options = parser.parse_args()
    found = {**large_plan(), **s_curves(options.problems)}
    if options.json:
        print(json.dumps(found))
        return
    for key, value in found.items():
        print(f"{key:36} {value:.6g}" if isinstance(value, float) else f"{key:36} {value}")


if __name__ == "__main__":
    main()
