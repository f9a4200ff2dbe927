"""Response curves from elsewhere: tables read from a CSV file, or exact smooth functions, and their envelopes.

A curve says what a channel's effective spend of one period brings. The optimiser sees every curve as straight
pieces that never lie below it: a table is its own pieces; a smooth curve gets chords where it bends up and tangents
where it bends down, more of them where the optimum turns out to be.
"""

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from sim.arrays import Floats
from sim.errors import FolderError, InputError, first_line

__all__ = ["CurveTable", "ResponseCurve", "SmoothCurve", "TabulatedCurve", "read_curves"]

COLUMNS = ("channel", "period", "spend", "response")
ONE_PERIOD = "all"
"""Name of the only period of a file without a column for it."""


class ResponseCurve(Protocol):
    """What the optimiser asks of a curve."""

    def value(self, spend: float) -> float:
        """Return the response to an effective spend."""
        ...

    @property
    def scale(self) -> float:
        """Return a spend that is typical of the curve."""
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
        Spend rises from 0; the response does not fall.
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
            If a spend is negative or comes twice, a number is not finite, or the response falls.
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
        if (np.diff(s) == 0).any() or (np.diff(v) < 0).any():
            raise InputError("a curve: expected each spend once, and a response that does not fall as spend rises")
        return TabulatedCurve(s, v)

    def value(self, spend: float) -> float:
        """Return the response to an effective spend."""
        return float(np.interp(spend, self.spend, self.response))

    @property
    def scale(self) -> float:
        """Return the last spend given."""
        return float(self.spend[-1])

    def pieces(self, reach: float, points: Sequence[float]) -> tuple[Floats, Floats]:
        """Return the table up to ``reach``, without the flat end."""
        rising = np.flatnonzero(np.diff(self.response) > 0)
        end = min(reach, float(self.spend[rising[-1] + 1]) if rising.size else 0.0)
        inside = self.spend < end
        s, v = self.spend[inside], self.response[inside]
        return np.append(s, end), np.append(v, self.value(end))


@dataclass(frozen=True)
class SmoothCurve:
    """An exact function: bends up until ``inflection``, down from there on, and does not fall.

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

    def check(self, reach: float) -> None:
        """Refuse a function whose slope on a grid up to ``reach`` is not as the inflection says.

        Raises
        ------
        InputError
            If the slope is negative, falls before the inflection or rises after it, or is no derivative.
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
            (slopes < -slack).any()
            or (np.diff(slopes)[before] * grid[0] < -slack).any()
            or (np.diff(slopes)[after] * grid[0] > slack).any()
            or ((rises < low - slack) | (rises > high + slack))[one_bend].any()
        )
        if wrong or not (np.isfinite(slopes).all() and np.isfinite(rises).all()):
            raise InputError(
                f"a smooth curve: expected a function that does not fall, bends up until {self.inflection:g} and down "
                "from there on, and its derivative; check `slope` and `inflection`"
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
        bent = tilt > 1e-12 * max(slopes[0], 1e-300)
        rise = np.diff(values) - slopes[1:] * np.diff(touch)
        meets[bent] += np.clip(rise[bent] / tilt[bent], 0, np.diff(touch)[bent])
        height = values[:-1] + slopes[:-1] * (meets - touch[:-1])
        end = values[-1] + slopes[-1] * (reach - touch[-1])
        tail_s, tail_v = np.append(meets, reach), np.append(height, end)
        later = np.concatenate([[tail_s[0] > s[-1] + 1e-3 * apart], np.diff(tail_s) > 1e-3 * apart])
        return np.concatenate([s, tail_s[later]]), np.maximum.accumulate(np.concatenate([v, tail_v[later]]))


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
    """

    channels: tuple[str, ...]
    periods: tuple[str, ...]
    curves: tuple[tuple[ResponseCurve, ...], ...]

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
        return CurveTable(self.channels, names, tuple(row * periods for row in self.curves))


def read_curves(path: str | Path) -> CurveTable:
    """Return the curves in a CSV file with header ``channel,period,spend,response`` (period may be missing).

    Commas, semicolons or tabs separate. Periods keep their order of appearance, or the numbers' if all are numbers.

    Raises
    ------
    InputError
        If a header, a row or a curve is wrong; names file, row, what is expected and what to do.
    FolderError
        If the file cannot be read.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give a CSV with header {','.join(COLUMNS)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FolderError(f"{path}: cannot be read as text ({first_line(error)})") from None
    points, periods = _read_points(path, text)
    channels = tuple(dict.fromkeys(channel for channel, _ in points))
    for channel in channels:
        for period in periods:
            if (channel, period) not in points:
                raise InputError(
                    f"{path}: channel '{channel}' has no row for period '{period}'; give every channel a curve in "
                    "every period (one row with spend 0 and response 0 where it can bring nothing)"
                )
    curves = tuple(tuple(_curve(path, points, channel, period) for period in periods) for channel in channels)
    return CurveTable(channels, periods, curves)


Point = tuple[float, float, int]


def _read_points(path: Path, text: str) -> tuple[dict[tuple[str, str], list[Point]], tuple[str, ...]]:
    """Return (spend, response, line) by channel and period, and the periods in order."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    rows = csv.reader(text.splitlines(), delimiter=separator)
    header = [name.strip().lower() for name in next(filter(None, rows), [])]
    _check_header(path, header)
    points: dict[tuple[str, str], list[Point]] = {}
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        where = f"{path}, row {rows.line_num}"
        if len(cells) != len(header):
            raise InputError(
                f"{where}: expected {len(header)} fields ({separator.join(header)}), got {len(cells)}; "
                "numbers take a point for decimals and no thousands separator"
            )
        named = dict(zip(header, cells, strict=True))
        channel, period = named["channel"], named.get("period", ONE_PERIOD)
        if not channel or not period:
            raise InputError(f"{where}: {'period' if channel else 'channel'} is empty; name it")
        spend, response = _number(where, "spend", named["spend"]), _number(where, "response", named["response"])
        if spend < 0:
            raise InputError(f"{where}: spend {spend:g}; expected at least 0: mend or remove the row")
        points.setdefault((channel, period), []).append((spend, response, rows.line_num))
    if not points:
        raise InputError(f"{path}: no rows under the header; give at least one point per channel")
    periods = list(dict.fromkeys(period for _, period in points))
    numbers = [_as_number(period) for period in periods]
    if all(math.isfinite(number) for number in numbers):
        periods = [period for _, period in sorted(zip(numbers, periods, strict=True), key=lambda pair: pair[0])]
    return points, tuple(periods)


def _check_header(path: Path, header: list[str]) -> None:
    wanted = ",".join(COLUMNS)
    if not header:
        raise InputError(f"{path}: is empty; expected a header {wanted} and one row per point of a curve")
    for name in header:
        if name not in COLUMNS:
            raise InputError(f"{path}, row 1: unknown column '{name}'; expected {wanted} (period may be left out)")
        if header.count(name) > 1:
            raise InputError(f"{path}, row 1: column '{name}' comes twice; remove one")
    for name in COLUMNS:
        if name != "period" and name not in header:
            raise InputError(f"{path}, row 1: column '{name}' is missing; expected {wanted} (period may be left out)")


def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _number(where: str, column: str, text: str) -> float:
    number = _as_number(text)
    if not math.isfinite(number) or abs(number) > 1e18:
        raise InputError(
            f"{where}: {column} '{text}'; expected a number of at most 1e18, with a point for decimals and no "
            "thousands separator: mend the row"
        )
    return number


def _curve(path: Path, points: dict[tuple[str, str], list[Point]], channel: str, period: str) -> TabulatedCurve:
    """Return the curve of one channel and period; refuse one that falls or gives a spend twice."""
    rows = sorted(points[channel, period])
    before: Point = (0.0, 0.0, 0)
    for i, (spend, response, line) in enumerate(rows):
        where = f"{path}, row {line}: channel '{channel}'" + ("" if period == ONE_PERIOD else f", period '{period}'")
        if i and spend == before[0]:
            raise InputError(f"{where}: spend {spend:g} is in row {before[2]} already; keep one of the two")
        if (i or spend > 0) and response < before[1]:
            came = f"in row {before[2]}" if before[2] else "without spend"
            raise InputError(
                f"{where}: response {response:g} at spend {spend:g} is below {before[1]:g} at {before[0]:g} {came}; "
                "expected a response that does not fall as spend rises: mend the row, or add one at spend 0 if the "
                "response without spend is not 0"
            )
        before = (spend, response, line)
    return TabulatedCurve.of([row[0] for row in rows], [row[1] for row in rows])
