"""How money adds up in a channel: gains of levers, and the cheapest way to each, never above the true cost.

Between samples of a curve the chord is lowered by its largest distance from the curve; what lies beyond the last
sample is had at its cost.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.engine.effects import MOST_POWER
from sim.engine.hull_kernels import lower_hulls
from sim.engine.offers import NOISE, NOTHING
from sim.engine.response import intensity_at, response
from sim.engine.terms import CHARGED, CUT, MONEY, SERVED
from sim.scenario.curves import Curve, PiecewiseLinear

__all__ = [
    "ALONE",
    "BENDING",
    "CHANCES",
    "CHANNELS",
    "DENSE",
    "FINER",
    "FLAT",
    "LINEAR",
    "TOGETHER",
    "Path",
    "Use",
    "cheapest",
    "edges_near",
    "edges_of",
    "ends_of",
    "gains_of",
    "leaving_at_none",
    "samples_of",
    "thinned",
]

LINEAR = ("amount", "satisfaction")
"""Channels that enter the worth of a period linearly."""
BENDING = (
    "survival", "purchase_rate", "preference", "links", "links_desk", "links_managers", "links_experts", "knowledge",
    "cross_buying", "club", "leaving", "annoyance", "direct", *MONEY,
)  # fmt: skip
CHANNELS = (*BENDING, *LINEAR)
"""What acts on living customers."""
CHANCES = ("awareness", "acquisition", "reactivation")

DENSE, ALONE, TOGETHER = 3000, 257, 129
"""Samples of a curve; those kept of a lever that is alone in its channel, and of each of several."""
FINER = 8
"""Times as many samples, and of a lever alone, and half of that of each of several, where it is looked at closely."""
SAFE = 1.1
"""On top of the measured distance of a chord from its curve."""
LARGEST = 1e4
"""The largest defection multiplier along a path. A curve from nothing goes through all larger ones next to no money,
under which only those stay who hardly ever leave: they come before the path (:meth:`sim.engine.ways.Ways`)."""
FEWEST = 5
"""Points that a grid has at least along a dimension, where so many are asked for, so that bends between them show."""
FREE = 1 / 64
"""Share of a dimension without end that is had at the cost of where it begins, at most: with few points a third of
what money brings would else be free."""
FLAT = 1e-13
"""Change of a channel, as a share of its size, that is none."""
WIDER, MIDDLE = 2.5, 0.02
"""By how much each edge is farther from a plan than the one before; and the share of the way that is one cell inside
what the plan itself goes through: far from it cells may bend as much as what is there is worth less."""


class Use(NamedTuple):
    """A lever on a target: what it moves, how far it reaches, today's intensity, the most, and what is held."""

    number: int
    moves: dict[str, Curve]
    reach: float
    reference: float
    most: float
    held: float | None


class Path(NamedTuple):
    """Values of a channel, rising, with the least money for each."""

    gain: Floats
    money: Floats


def samples_of(use: Use, number: int = DENSE) -> Floats:
    """Return many intensities of a lever, from none to where its curves are exhausted or a rule says stop."""
    if use.held is not None:
        return np.array([use.held])
    reach = -np.log(NOTHING)
    share = 1 / (1 + np.exp(-np.linspace(-reach, reach, number)))
    parts = [np.array([0.0])]
    for curve in use.moves.values():
        if isinstance(curve, PiecewiseLinear):
            points = np.array([u for u, _ in curve.points])
            places = np.linspace(0, points.size - 1, 16 * number // DENSE * (points.size - 1) + 1)
            parts.append(np.interp(places, np.arange(points.size), points))
        else:
            parts.append(intensity_at(curve, share))
    return np.unique(np.minimum(np.concatenate(parts), use.most))


def gains_of(use: Use, channel: str, money: Floats) -> Floats:
    """Return what adds up among the levers that move a channel."""
    curve = use.moves[channel]
    return _gain_of(channel, response(curve, money, use.reach), response(curve, np.array(use.reference), use.reach))


def leaving_at_none(uses: Iterable[Use]) -> float:
    """Return the defection multiplier without money, however large it is: paths end at :data:`LARGEST`."""
    power = 0.0
    for use in uses:
        if "survival" in use.moves:
            at = use.held or 0.0, use.reference
            low, usual = (float(response(use.moves["survival"], np.array(u), use.reach)) for u in at)
            power += math.log(max(math.log(low) / math.log(usual), 1e-300)) if low > 0 else np.inf
    return math.exp(min(power, MOST_POWER))


def ends_of(use: Use, channel: str) -> Floats:
    """Return the gains without money and, unless a rule says stop before, with unlimited money."""
    curve, held = use.moves[channel], use.held
    if held is not None:
        return gains_of(use, channel, np.array([held, held]))
    low, high = gains_of(use, channel, np.array([0.0, use.most if np.isfinite(use.most) else 0.0]))
    if not np.isfinite(use.most):
        room = curve.unlimited_money - curve.without_money
        top = np.array(curve.without_money + use.reach * room)
        high = _gain_of(channel, top, response(curve, np.array(use.reference), use.reach))
    return np.array([low, max(float(high), float(low))])


def _gain_of(channel: str, f: Floats, usual: Floats) -> Floats:
    if channel in CHANCES or channel == "leaving":
        return np.asarray(-np.log1p(-np.minimum(f, 1 - 1e-15)))
    if channel == CUT:
        return np.asarray(np.log((1 - usual) / (1 - f)))
    if channel in (CHARGED, SERVED):
        return np.asarray(f)
    if channel == "survival":
        multiplier = np.log(np.clip(f, 1e-300, 1 - 1e-16)) / np.log(usual)
        return np.asarray(-np.log(np.clip(multiplier, 1e-12, LARGEST)))
    if channel in ("purchase_rate", "amount"):
        return np.asarray(np.log((1 + f) / (1 + usual)))
    return np.asarray(f - usual)


def thinned(path: Path, value: Floats, most: int, several: bool = False, evenly: int = 0) -> Path:
    """Return fewer points, dense where ``money`` bends in ``value``, lowered by what chords between them cut off.

    The ways of ``several`` levers together are no smooth line: where their hull bends, and so many ``evenly`` besides.
    """
    if value.size <= 2 or (np.diff(value) <= 0).any():
        rises = np.append(True, np.diff(value) > 0)
        path, value = Path(path.gain[rises], path.money[rises]), value[rises]
    if value.size <= 3:
        return path
    kept = _where_it_bends(value, path.money, most)
    if several:
        hull, cost, start = np.empty(value.size + 2), np.empty(value.size + 2), np.zeros(2, dtype=np.int64)
        count = lower_hulls(value, path.money, value[[0, -1]], hull, cost, start)
        on = np.searchsorted(value, hull[:count])
        kept = on[_where_it_bends(value[on], path.money[on], most)]
        kept = np.union1d(kept, np.searchsorted(value, np.linspace(value[0], value[-1], evenly))) if evenly else kept
    gap = np.maximum(np.interp(value, value[kept], path.money[kept]) - path.money, 0.0)
    widest = SAFE * np.maximum.reduceat(gap, kept[:-1])
    lowered = np.maximum(np.append(widest, 0.0), np.append(0.0, widest))
    money = np.maximum.accumulate(np.maximum(path.money[kept] - lowered, 0.0))
    return Path(path.gain[kept], money)


def _where_it_bends(value: Floats, money: Floats, most: int) -> Ints:
    """Return which points to keep so that chords between them leave about equal gaps; the first and the last."""
    if value.size <= 3:
        return np.arange(value.size)
    step, room = np.maximum(np.diff(money), 1e-12 * float(money[-1])), float(value[-1] - value[0])
    bend = np.abs(np.diff(np.diff(value) / step)) * step[1:]
    bends = np.sqrt(np.maximum(np.append(np.append(0.0, bend), 0.0) - NOISE * room, 0.0))
    way = np.cumsum(bends / (bends.sum() or 1.0)) + 1e-3 * (value - value[0]) / room
    places = np.searchsorted(way, np.linspace(way[0], way[-1], most))
    return np.unique(np.clip(np.append(places, [0, value.size - 1]), 0, value.size - 1))


def edges_of(value: Floats, money: Floats, most: int, several: bool = False) -> tuple[Floats, bool]:
    """Return edges of cells, dense where money bends in what it brings, and whether the last is beyond all money."""
    rises = np.append(True, np.diff(value) > 0)
    value, money = value[rises], money[rises]
    if value.size <= 2:
        return (value if value.size > 1 else np.array([value[0], value[0] + FLAT * max(abs(value[0]), 1.0)])), False
    endless = money[-1] == money[-2]
    inside = (
        value <= value[0] + (1 - min(FREE, (most - 1.0) ** -2)) * (value[-1] - value[0])
        if endless
        else value <= value[-1]
    )
    path = thinned(Path(value[inside], money[inside]), value[inside], most - endless, several)
    if endless:
        return np.append(path.gain, value[-1:]), True
    fewest = min(FEWEST, most)
    if path.gain.size >= fewest:
        return path.gain, False
    edge = np.union1d(path.gain, np.linspace(value[0], value[-1], fewest))
    return edge[np.append(True, np.diff(edge) > 1e-9 * (value[-1] - value[0]))], False


def cheapest(first: Path, second: Path, alone: int = ALONE, together: int = TOGETHER) -> Path:
    """Return the cheapest ways to add the gains of two, about ``alone`` of them and so many ``together`` evenly."""
    money = (first.money[:, None] + second.money).ravel()
    gain = (first.gain[:, None] + second.gain).ravel()
    order = np.lexsort((-gain, money))
    best = np.maximum.accumulate(gain[order])
    good = order[np.append(True, best[1:] > best[:-1])]
    path = Path(gain[good], money[good])
    return thinned(path, path.gain, alone, several=True, evenly=together)


def edges_near(low: float, high: float, values: Floats, number: int) -> Floats:
    """Return edges of cells from ``low`` to ``high``, about ``number``, ever closer towards what values there are."""
    first, last = (float(np.clip(each, low, high)) for each in (values.min(), values.max()))
    inner = np.linspace(first, last, 1 + min(3, math.ceil((last - first) / (MIDDLE * (high - low)) - 1e-9)))
    rest = number - inner.size
    below = rest // 2 if last < high else rest
    below, above = (below, rest - below) if first > low else (0, rest)
    return np.unique(
        np.concatenate(
            [first - (first - low) * WIDER ** -np.arange(float(below)), inner,
             last + (high - last) * WIDER ** -np.arange(float(above)), [low, high]]
        )
    )  # fmt: skip
