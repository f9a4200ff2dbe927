"""Money that is not scarce: where curves are level or fall, and the least spend that brings the same."""

from collections.abc import Sequence

import numpy as np

from optimizer.curves.rows import Row
from optimizer.curves.shapes import ResponseCurve, TabulatedCurve
from optimizer.lp.arrays import ArrayModel, solve_arrays
from optimizer.tolerances import OVER
from sim.arrays import Floats

__all__ = ["best_beyond", "cheapest", "falls", "least_level"]


def cheapest(
    rows: Sequence[Row],
    carry_over: Floats,
    need: Floats,
    most: Floats,
    stopped: set[int],
    money: float,
    time_limit: float,
) -> Floats | None:
    """Return the least spend under linear rules with effective spend from ``need`` to ``most``; None if none is."""
    channels, worked, periods = carry_over.shape
    channel, now, then = np.nonzero(carry_over)
    number = np.concatenate([np.full(row.columns.size, r) for r, row in enumerate(rows)])
    limits = np.array([row.limit / money for row in rows])
    senses = np.array([row.sense for row in rows])
    needed = np.maximum(need / money - 1e-13, 0)
    upper = np.full(channels * periods, OVER)
    upper[list(stopped)] = 0.0
    model = ArrayModel(
        -np.ones(upper.size),
        np.zeros(upper.size),
        upper,
        np.concatenate([number, len(rows) + channel * worked + now]),
        np.concatenate([*(row.columns for row in rows), channel * periods + then]),
        np.concatenate([*(row.coefficients for row in rows), carry_over[channel, now, then]]),
        np.concatenate([np.where(senses == "<=", -np.inf, limits), needed]),
        np.concatenate([np.where(senses == ">=", np.inf, limits), most / money]),
        np.zeros(upper.size, dtype=bool),
    )
    answer = solve_arrays(model, time_limit=time_limit)
    return np.maximum(answer.values, 0) * money if answer.status == "optimal" else None


def falls(curve: ResponseCurve) -> bool:
    """Return whether more spend can bring less."""
    return not isinstance(curve, TabulatedCurve) or bool((np.diff(curve.response) < 0).any())


def best_beyond(curve: ResponseCurve, effective: float, reach: float) -> float:
    """Return the most that an effective spend or more up to ``reach`` brings."""
    at = [effective, max(effective, reach)]
    if isinstance(curve, TabulatedCurve):
        at += [spend for spend in curve.spend.tolist() if effective < spend < reach]
    return max(curve.value(spend) for spend in at)


def least_level(curve: ResponseCurve, effective: float) -> float:
    """Return the least effective spend from which on the curve is level up to this one."""
    if not isinstance(curve, TabulatedCurve):
        return effective
    value, points = curve.value(effective), curve.spend[curve.spend <= effective]
    differs = np.flatnonzero(curve.response[: points.size] != value)
    if differs.size and differs[-1] == points.size - 1:
        return effective
    return float(points[differs[-1] + 1 if differs.size else 0])
