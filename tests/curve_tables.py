"""Response curves and tables of them that several tests allocate over."""

from typing import Any

import numpy as np

from optimizer.curves.allocation import allocate
from optimizer.curves.result import CurveAllocation
from optimizer.curves.rules import AllocationRules
from optimizer.curves.shapes import CurveTable, ResponseCurve, SmoothCurve, TabulatedCurve


def saturating(b: float, e: float) -> SmoothCurve:
    """Return ``b x/(x + e)``."""
    return SmoothCurve(lambda x: b * x / (x + e), lambda x: b * e / (x + e) ** 2, scale=e)


def s_curve(b: float, h: float, n: float = 2) -> SmoothCurve:
    """Return ``b x^n/(x^n + h^n)``."""
    return SmoothCurve(
        lambda x: b * x**n / (x**n + h**n),
        lambda x: b * n * x ** (n - 1) * h**n / (x**n + h**n) ** 2,
        inflection=h * ((n - 1) / (n + 1)) ** (1 / n),
        scale=h,
    )


def one_period(*curves: ResponseCurve) -> CurveTable:
    return CurveTable(tuple("abcdefgh"[: len(curves)]), ("all",), tuple((curve,) for curve in curves))


def rules(**content: Any) -> AllocationRules:
    return AllocationRules.model_validate(content)


def random_table(seed: int, channels: int, periods: int, s_shaped: bool, unit: float = 1.0) -> CurveTable:
    """Return random curves of five points; ``unit`` is what money is counted in."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(channels):
        row = []
        for _ in range(periods):
            spend = np.sort(random.uniform(2, 60, 5))
            slopes = random.uniform(0, 3, 5)
            slopes = slopes if s_shaped else np.sort(slopes)[::-1]
            response = np.cumsum(slopes * np.diff(spend, prepend=0))
            row.append(TabulatedCurve.of(spend * unit, response))
        made.append(tuple(row))
    return CurveTable(tuple(f"c{i}" for i in range(channels)), tuple(str(t + 1) for t in range(periods)), tuple(made))


def played(table: CurveTable, budget: float, **content: Any) -> CurveAllocation:
    return allocate(table, rules(**content), budget=budget)
