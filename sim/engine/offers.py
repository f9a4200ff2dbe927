"""Which intensities are offered: joint ones where several levers meet, cheapest first.

No curve is cut short: intensities run to where the rest of a curve is nothing, spaced by what they bring and not by
money, and a broken line's own points are among them. Levers that move one and the same thing and nothing else are one
dimension whatever their number: of all ways to share money among them only the efficient ones are offered.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from sim.arrays import Flags, Floats, Ints
from sim.contract import Targets
from sim.engine.response import intensity_at, response
from sim.scenario.curves import Curve, PiecewiseLinear

__all__ = ["MOST_OFFERED", "NOISE", "Points", "exhausted", "joint_intensities"]

Moves = Mapping[str, Curve]
Moved = Callable[[int, int], tuple[Moves, float]]

MULTIPLES: dict[int, tuple[float, ...]] = {
    1: (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8),
    2: (0, 0.5, 1, 2, 3.5),
    3: (0, 1, 3),
}
"""Offered where 1, 2, 3 levers without curves meet, in units of the usual one; where more meet: none or usual."""
STEPS = {1: 8, 2: 3, 3: 2}
"""Into how many each step between them is divided for the bound."""

POINTS = {1: (13, 97), 2: (6, 14), 3: (4, 5), 4: (3, 3), 5: (2, 2)}
"""Points along each of so many dimensions, and those for the bound; along each of more: none and most."""
MOST_OFFERED = 255
"""Actions are kept in a byte."""
REST = 1e-6
"""Share of a curve's room beyond the largest intensity that is offered."""
NOTHING = 1e-9
"""Share of a curve's room that counts as nothing."""
NOISE = 1e-12
"""Bend, as a share of all that money brings, that is arithmetic: what is offered must not rest on the unit of money."""
SAMPLES = 400
SHARED = 64
"""Samples along a curve; ways to share money that are kept where levers are put together."""


class Points(Protocol):
    """What customers may be offered, on a grid that knows what lies between its points: :mod:`sim.engine.ways`.

    ``grids`` and what ``costs`` returns is for kernels; ``phase[period]`` says which grids hold.
    """

    phase: Ints

    @property
    def grids(self) -> Any:
        """Return the grids."""

    @property
    def choices(self) -> Ints:
        """Return the points of each (group, stage)."""

    @property
    def possible(self) -> Flags:
        """Return which points there are, (periods, groups, stages, points)."""

    @property
    def regime(self) -> Ints:
        """Return which odds hold in each period."""

    def odds(self) -> tuple[Floats, Floats]:
        """Return odds and money earned, (regimes, blocks, laws, points, outcomes) and the same without outcomes."""

    def odds_between(self, reference: Ints) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        """Return ranges of the odds over all that lies between the points, and of those to reference blocks'."""

    def bends(self, first: int, last: int) -> Any:
        """Return how far a worth may lie above straight lines between the points, of blocks of one group."""

    def costs(self, money: Floats) -> Any:
        """Return what every value costs where a unit of money counts ``money[period, group, stage, lever]``."""

    def cost(self, costs: Any) -> Floats:
        """Return what the points cost, (periods, groups, stages, points)."""


class _Lever(NamedTuple):
    """A lever on one target: what it moves by curve, its reach, and the most that a head may get."""

    number: int
    moves: Moves
    reach: float
    top: float


class _Ladder(NamedTuple):
    """Intensities (points, levers) along one dimension, with what they cost together and bring, for thinning."""

    rows: Floats
    money: Floats
    gain: Floats


def exhausted(curve: Curve) -> float:
    """Return the intensity from which on a curve brings nothing more worth mention."""
    if isinstance(curve, PiecewiseLinear):
        return float(curve.points[-1][0])
    return float(intensity_at(curve, np.array(1 - NOTHING)))


def joint_intensities(
    targets: Targets, usual: Floats, load: Floats, refine: bool = False, moved: Moved | None = None,
    limit: Floats | None = None,
) -> tuple[Floats, Ints]:  # fmt: skip
    """Return joint intensities per (group, stage), cheapest first, and how many there are.

    Zero and the usual intensity are always among them, and what is committed where a lever has a lead time; what would
    be too many contacts is scaled back. Padded with zeros.

    Parameters
    ----------
    targets : Targets
    usual : (groups, stages, levers)
    load : (groups, 1, levers)
        Share of a customer's contacts that a unit of money uses up.
    refine
        More of them, for a bound that hardly depends on them.
    moved
        What a (group, lever) moves, by curve, and its reach; None: intensities are multiples of the usual one.
    limit : (groups, stages, levers), optional
        The most a head may get.
    """
    groups, stages, levers = targets.shape
    options = {}
    for group in range(groups):
        for stage in range(stages):
            here = np.flatnonzero(targets.allowed[group, stage])
            mine, top = usual[group, stage], limit[group, stage] if limit is not None else np.full(levers, np.inf)
            mine = np.minimum(mine, top)
            ahead = [np.where(np.array(targets.lead) >= lead, targets.committed[group, stage], np.nan)
                     for lead in sorted({targets.lead[lever] for lever in here} - {0})]  # fmt: skip
            if moved is None:
                dimensions = [_multiples(lever, mine, ahead, len(here), refine) for lever in here.tolist()]
            else:
                dimensions = _dimensions(
                    [_Lever(k, *moved(group, k), top[k]) for k in here.tolist()], mine, ahead, refine
                )
            always = [0 * mine, mine * targets.allowed[group, stage]]
            options[group, stage] = _options(dimensions, always, load[group, 0])
    actions = np.zeros((groups, stages, max(len(rows) for rows in options.values()), levers))
    choices = np.ones((groups, stages), dtype=np.int64)
    for place, rows in options.items():
        actions[place][: len(rows)] = rows
        choices[place] = len(rows)
    return actions, choices


def _options(dimensions: list[Floats], always: list[Floats], load: Floats) -> Floats:
    """Return all combinations of the dimensions' rows, (actions, levers), within contacts, cheapest first."""
    combined = [np.sum(rows, axis=0) for rows in itertools.product(*dimensions)] if dimensions else []
    found = np.array([*combined, *always])
    found = found / np.maximum(1.0, found @ load)[:, None]
    money = found.sum(axis=1)
    dearest = float(money.max()) or 1.0
    order = np.lexsort((*found.T[::-1], np.round(money / dearest, 9)))
    found = found[order]
    size = float(np.median(money[money > 0])) if (money > 0).any() else 1.0
    new = np.append(True, np.abs(np.diff(found, axis=0)).max(axis=1, initial=0) > 1e-12 * size)
    return np.asarray(found[new])


# --- Levers without curves --------------------------------------------------------------------------------------------


def _multiples(lever: int, usual: Floats, ahead: list[Floats], meet: int, refine: bool) -> Floats:
    multiples = MULTIPLES.get(meet, (0, 1))
    if refine:
        steps = STEPS.get(meet, 1)
        places = np.arange((len(multiples) - 1) * steps + 1) / steps
        multiples = tuple(np.interp(places, np.arange(len(multiples)), multiples).tolist())
    money = {multiple * float(usual[lever]) for multiple in multiples}
    money |= {float(fixed[lever]) for fixed in ahead if not np.isnan(fixed[lever])}
    rows = np.zeros((len(money), usual.size))
    rows[:, lever] = sorted(money)
    return rows


# --- Levers with curves -----------------------------------------------------------------------------------------------


def _dimensions(here: list[_Lever], usual: Floats, ahead: list[Floats], refine: bool) -> list[Floats]:
    """Return the points (points, levers) along each dimension of one target."""
    alike: dict[object, list[_Lever]] = {}
    for lever in here:
        alike.setdefault(next(iter(lever.moves)) if len(lever.moves) == 1 else lever.number, []).append(lever)
    most = POINTS.get(len(alike), (2, 2))[refine]
    while True:
        found = [_points(levers, usual, ahead, most) for levers in alike.values()]
        if most <= 2 or np.prod([float(len(rows)) for rows in found]) <= MOST_OFFERED - 2:
            break
        most -= 1
    if np.prod([float(len(rows)) for rows in found]) > MOST_OFFERED - 2:  # each alone, beside none and all
        return [np.concatenate([*found, np.sum([rows[-1:] for rows in found], axis=0)])]
    return found


def _points(levers: list[_Lever], usual: Floats, ahead: list[Floats], most: int) -> Floats:
    """Return points along one dimension: efficient, the usual one, and those left by what is committed."""
    numbers = [lever.number for lever in levers]
    rows = [_thin(_shared(levers, usual.size, None), most)]
    rows += [_thin(_shared(levers, usual.size, held), most) for held in ahead if not np.isnan(held[numbers]).all()]
    own = np.where(np.isin(np.arange(usual.size), numbers), usual, 0.0)
    return np.concatenate([rows[0][:-1], own[None], rows[0][-1:], *rows[1:]])


def _shared(levers: list[_Lever], size: int, held: Floats | None) -> _Ladder:
    """Return the efficient ways to share money among levers that move the same; those held stay as they are."""
    whole: _Ladder | None = None
    for lever in levers:
        free = held is None or np.isnan(held[lever.number])
        money = _along(lever) if held is None or free else held[[lever.number]]
        gain = _gain(lever, money)
        rows = np.zeros((money.size, size))
        rows[:, lever.number] = money
        alone = _Ladder(rows, money, gain)
        whole = alone if whole is None else _together(whole, alone)
    assert whole is not None
    return whole


def _along(lever: _Lever) -> Floats:
    """Return many intensities along the curves of one lever, from none to where the rest is nothing."""
    share = 1 / (1 + np.exp(-np.linspace(np.log(REST), -np.log(REST), SAMPLES)))
    parts = [np.array([0.0])]
    for curve in lever.moves.values():
        if isinstance(curve, PiecewiseLinear):
            parts.append(np.array([u for u, _ in curve.points]))
        else:
            parts.append(intensity_at(curve, share))
    return np.unique(np.minimum(np.concatenate(parts), lever.top))


def _gain(lever: _Lever, money: Floats) -> Floats:
    """Return what adds up where levers move the same: logarithms of what is multiplied, in shares where several."""
    if len(lever.moves) > 1:
        return np.asarray(np.sum([response(curve, money) / _room(curve) for curve in lever.moves.values()], axis=0))
    ((effect, curve),) = lever.moves.items()
    f = response(curve, money, lever.reach)
    if effect in ("awareness", "acquisition", "reactivation"):
        return np.asarray(-np.log1p(-np.minimum(f, 1 - 1e-15)))
    if effect == "survival":
        return np.asarray(-np.log(-np.log(np.clip(f, 1e-300, 1 - 1e-15))))
    return np.asarray(np.log1p(f)) if effect in ("purchase_rate", "amount") else f


def _room(curve: Curve) -> float:
    return curve.unlimited_money - curve.without_money or 1.0


def _together(first: _Ladder, second: _Ladder) -> _Ladder:
    """Return the efficient sums of two."""
    first, second = _fewer(first), _fewer(second)
    money = (first.money[:, None] + second.money).ravel()
    gain = (first.gain[:, None] + second.gain).ravel()
    order = np.lexsort((-gain, money))
    best = np.maximum.accumulate(gain[order])
    good = order[np.append(True, best[1:] > best[:-1])]
    one, other = np.divmod(good, second.money.size)
    return _Ladder(first.rows[one] + second.rows[other], money[good], gain[good])


def _fewer(ladder: _Ladder) -> _Ladder:
    if ladder.money.size <= SHARED:
        return ladder
    kept = _kept(ladder, SHARED)
    return _Ladder(*(part[kept] for part in ladder))


def _kept(ladder: _Ladder, most: int) -> Ints:
    """Return which points to keep: dense where the chords between them would cut off much."""
    steep = np.diff(ladder.gain) / np.diff(ladder.money)
    bend = np.abs(np.diff(steep)) * np.diff(ladder.money)[1:] - NOISE * float(np.ptp(ladder.gain))
    bends = np.append(np.append(0.0, np.sqrt(np.maximum(bend, 0.0))), 0.0)
    way = np.cumsum(bends) if bends.any() else np.arange(ladder.money.size, dtype=float)
    wanted = np.linspace(0.0, way[-1], most)
    return np.unique(np.append(np.clip(np.searchsorted(way, wanted), 0, way.size - 1), way.size - 1))


def _thin(ladder: _Ladder, most: int) -> Floats:
    """Return at most so many of the points, the first and the last among them."""
    if ladder.money.size <= most:
        return ladder.rows
    return np.asarray(ladder.rows[_kept(ladder, most)])
