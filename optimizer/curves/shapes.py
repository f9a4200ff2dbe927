"""Response curves from elsewhere: tables read from a CSV file, or exact smooth functions, and their envelopes.

A curve says what a channel's effective spend of one period brings; it may rise and fall. The optimiser sees every
curve as straight pieces that never lie below it: a table is its own pieces; a smooth curve gets chords where it bends
up and tangents where it bends down, more of them where the optimum turns out to be.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from optimizer.curves.periods import Order
from sim.arrays import Floats
from sim.errors import InputError

__all__ = ["CurveTable", "ResponseCurve", "SmoothCurve", "TabulatedCurve"]

LEVEL = 1e-12
"""Share of a curve's largest response up to which a fall is rounding."""


class ResponseCurve(Protocol):
    """What the optimiser asks of a curve."""

    def value(self, spend: float) -> float:
        """Return the response to an effective spend."""
        ...

    @property
    def scale(self) -> float:
        """Return a spend that is typical of the curve."""
        ...

    def after(self, spend: float, level: float = 0.0) -> "ResponseCurve":
        """Return the curve of what is spent beside an effective spend that is there anyway, less a response."""
        ...

    def pieces(self, reach: float, points: Sequence[float]) -> tuple[Floats, Floats]:
        """Return corners (spend from 0 to ``reach``, value) of straight pieces nowhere below the curve.

        ``points`` are spends at which the pieces should touch it.
        """
        ...

    @property
    def exact(self) -> bool:
        """Return whether the pieces are the curve."""
        ...


@dataclass(frozen=True)
class TabulatedCurve:
    """Straight between points, flat beyond the last.

    Attributes
    ----------
    spend, response : float (points,)
        Spend rises from 0.
    """

    spend: Floats
    response: Floats
    exact = True

    @staticmethod
    def of(spend: Sequence[float], response: Sequence[float]) -> "TabulatedCurve":
        """Return the curve through points in any order; without one at spend 0 it starts at (0, 0).

        Raises
        ------
        InputError
            If a spend is negative or comes twice, or a number is not finite.
        """
        s, v = np.asarray(spend, dtype=float), np.asarray(response, dtype=float)
        if s.ndim != 1 or s.shape != v.shape or s.size == 0:
            raise InputError(f"a curve: expected as many spends as responses, at least one, got {s.size} and {v.size}")
        if not (np.isfinite(s).all() and np.isfinite(v).all() and (s >= 0).all()):
            raise InputError("a curve: expected finite numbers, and no spend below 0")
        order = np.argsort(s, kind="stable")
        s, v = s[order], v[order]
        if s[0] > 0:
            s, v = np.concatenate([[0.0], s]), np.concatenate([[0.0], v])
        if (np.diff(s) == 0).any():
            raise InputError("a curve: expected each spend once")
        slack = LEVEL * float(np.abs(v).max())
        for i in range(1, v.size):  # digits that only rounding left are level
            if 0 < v[i - 1] - v[i] <= slack:
                v[i] = v[i - 1]
        return TabulatedCurve(s, v)

    def value(self, spend: float) -> float:
        """Return the response to an effective spend."""
        return float(np.interp(spend, self.spend, self.response))

    @property
    def scale(self) -> float:
        """Return the last spend given."""
        return float(self.spend[-1])

    def after(self, spend: float, level: float = 0.0) -> "TabulatedCurve":
        """Return the curve of what is spent beside an effective spend that is there anyway, less a response."""
        if spend == 0 and level == 0:
            return self
        later = self.spend > spend
        s, v = np.append(0.0, self.spend[later] - spend), np.append(self.value(spend), self.response[later])
        return TabulatedCurve(s, v - level)

    def pieces(self, reach: float, points: Sequence[float]) -> tuple[Floats, Floats]:
        """Return the table up to ``reach``; without the flat end, unless there are falls, which nothing may skip."""
        steps = np.diff(self.response)
        moving = np.flatnonzero(steps != 0)
        end = min(reach, float(self.spend[moving[-1] + 1]) if moving.size else 0.0)
        if (steps < 0).any():
            end = reach
        inside = self.spend < end
        s, v = self.spend[inside], self.response[inside]
        return np.append(s, end), np.append(v, self.value(end))


@dataclass(frozen=True)
class SmoothCurve:
    """An exact function: bends up until ``inflection``, down from there on.

    Attributes
    ----------
    function, slope : callable
        Response and its derivative at an effective spend of at least 0.
    inflection : float
        0 for a concave curve, infinite for a convex one.
    scale : float
        A typical spend, for a budget of 0.
    """

    function: Callable[[float], float]
    slope: Callable[[float], float]
    inflection: float = 0.0
    scale: float = 1.0
    exact = False

    def value(self, spend: float) -> float:
        """Return the response to an effective spend."""
        return float(self.function(spend))

    def after(self, spend: float, level: float = 0.0) -> "SmoothCurve":
        """Return the curve of what is spent beside an effective spend that is there anyway, less a response."""
        if spend == 0 and level == 0:
            return self
        return SmoothCurve(
            lambda u: self.function(u + spend) - level, lambda u: self.slope(u + spend),
            max(0.0, self.inflection - spend), self.scale,
        )  # fmt: skip

    def check(self, reach: float) -> None:
        """Refuse a function whose slope on a grid up to ``reach`` is not as the inflection says.

        Raises
        ------
        InputError
            If the slope falls before the inflection or rises after it, or is no derivative.
        """
        grid = np.linspace(0, reach, 65)[1:]
        slopes = np.array([self.slope(u) for u in grid])
        rises = np.diff([self.value(u) for u in grid])
        low = np.minimum(slopes[:-1], slopes[1:]) * np.diff(grid)
        high = np.maximum(slopes[:-1], slopes[1:]) * np.diff(grid)
        slack = 1e-9 * max(1e-300, float(np.abs(rises).max()))
        before, after = grid[1:] <= self.inflection, grid[:-1] >= self.inflection
        one_bend = before | after
        wrong = (
            (np.diff(slopes)[before] * grid[0] < -slack).any()
            or (np.diff(slopes)[after] * grid[0] > slack).any()
            or ((rises < low - slack) | (rises > high + slack))[one_bend].any()
        )
        if wrong or not (np.isfinite(slopes).all() and np.isfinite(rises).all()):
            raise InputError(
                f"a smooth curve: expected a function that bends up until {self.inflection:g} and down from there on, "
                "and its derivative; check `slope` and `inflection`"
            )

    def pieces(self, reach: float, points: Sequence[float]) -> tuple[Floats, Floats]:
        """Return chords up to the inflection, tangents after it."""
        if reach <= 0:
            return np.zeros(1), np.array([self.value(0.0)])
        bend = min(max(self.inflection, 0.0), reach)
        apart = 1e-9 * reach
        chord = _apart(np.array([0.0, bend, *(u for u in points if u < bend)]), apart)
        s, v = chord, np.array([self.value(u) for u in chord])
        if reach - bend <= apart:
            return s, v
        spread = bend + (reach - bend) * np.linspace(0, 1, 17) ** 2
        touch = _apart(np.array([*spread, *(u for u in points if u > bend)]), apart)
        slopes, values = np.array([self.slope(u) for u in touch]), np.array([self.value(u) for u in touch])
        if not math.isfinite(slopes[0]):  # like a square root at 0: the next tangent covers the start
            touch, slopes, values = touch[1:], slopes[1:], values[1:]
            s, v = s[:-1], v[:-1]
            start = values[0] + slopes[0] * (bend - touch[0])
            s, v = np.append(s, bend), np.append(v, start)
        tilt = slopes[:-1] - slopes[1:]
        meets = touch[:-1].copy()
        bent = tilt > 1e-12 * max(float(np.abs(slopes).max()), 1e-300)
        rise = np.diff(values) - slopes[1:] * np.diff(touch)
        meets[bent] += np.clip(rise[bent] / tilt[bent], 0, np.diff(touch)[bent])
        height = values[:-1] + slopes[:-1] * (meets - touch[:-1])
        end = values[-1] + slopes[-1] * (reach - touch[-1])
        tail_s, tail_v = np.append(meets, reach), np.append(height, end)
        later = np.concatenate([[tail_s[0] > s[-1] + 1e-3 * apart], np.diff(tail_s) > 1e-3 * apart])
        s, v = np.concatenate([s, tail_s[later]]), np.concatenate([v, tail_v[later]])
        falls = bool((np.diff(v) < -LEVEL * np.abs(v).max()).any())
        return s, v if falls else np.maximum.accumulate(v)


def _apart(places: Floats, distance: float) -> Floats:
    """Return sorted places, leaving out those nearer than ``distance`` to the one before."""
    ordered = np.sort(places)
    return np.asarray(ordered[np.concatenate([[True], np.diff(ordered) > distance])])


@dataclass(frozen=True)
class CurveTable:
    """Curves by channel and period.

    Attributes
    ----------
    channels, periods : tuple of str
    curves : tuple of tuples of ResponseCurve
        ``curves[channel][period]``.
    order : Order, optional
        What the periods' names say about time; None: they are as they stand.
    before : dict
        Money by channel of the periods before the first, in the order of time, the last one next to the first.
    unused : tuple of str
        Columns of a file that say nothing here.
    notes : tuple of str
        What should be said of where they come from.
    """

    channels: tuple[str, ...]
    periods: tuple[str, ...]
    curves: tuple[tuple[ResponseCurve, ...], ...]
    order: Order | None = None
    before: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def repeated(self, periods: int) -> "CurveTable":
        """Return the curves of a single period for ``1, 2, ..., periods``.

        Raises
        ------
        InputError
            If there is more than one period already.
        """
        if len(self.periods) > 1:
            raise InputError(f"periods: {periods}: the curves name their periods ({len(self.periods)}); leave it out")
        names = tuple(str(t + 1) for t in range(periods))
        return replace(self, periods=names, curves=tuple(row * periods for row in self.curves), order=None)

    def ordered(self, names: Sequence[str]) -> "CurveTable":
        """Return the curves with their periods in a stated order.

        Raises
        ------
        InputError
            If it does not name every period once.
        """
        if sorted(names) != sorted(self.periods):
            wrong = [name for name in names if name not in self.periods]
            missing = [period for period in self.periods if period not in names]
            what = (
                f"'{wrong[0]}' is not in the curves" if wrong else f"'{missing[0]}' is missing" if missing else "twice"
            )
            raise InputError(f"order: expected every period of the curves once ({', '.join(self.periods)}): {what}")
        places = [self.periods.index(name) for name in names]
        curves = tuple(tuple(row[place] for place in places) for row in self.curves)
        return replace(self, periods=tuple(names), curves=curves, order=None)

    def need_order(self, why: str) -> None:
        """Raise where periods follow each other in what is asked, and their names do not say how.

        Raises
        ------
        InputError
        """
        if self.order is None or len(self.periods) < 2:
            return
        reason = self.order.unknown or self.order.missing
        if reason:
            mend = (
                "give it curves too (spend 0, response 0 where it can bring nothing)"
                if not self.order.unknown
                else ("name periods so that they can be ordered, such as 2024-01, 2024-W05, 2024-Q1 or 1, 2, 3")
            )
            raise InputError(f"{why} needs periods one after the other, but {reason}; {mend}, or state `order: "
                             f"[{self.periods[0]}, {self.periods[1]}, ...]` in the rules")  # fmt: skip
