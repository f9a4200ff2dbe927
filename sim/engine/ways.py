"""What money can make of customers along a few dimensions, and at what cost: no product of levers.

In a state levers meet through few channels. Those that move one channel alone add up in it (in logarithms where it is
multiplied), so that the cheapest way to each value of the channel is found lever by lever. A lever that moves several
channels is a dimension of its own. The costs of values are kept so that they are never above the true ones: between
samples of a curve the chord is lowered by its largest distance from the curve, and what lies beyond the last sample is
had at its cost. :mod:`sim.engine.ways_kernels` finds the best over all values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.arrays import Flags, Floats, Ints
from sim.engine import ways_kernels as kernels
from sim.engine.effects import (
    AMOUNT,
    AWARE,
    DEFECTION,
    EFFECTS,
    FOR_EVER,
    LOST_CHANCE,
    RATE,
    RETURNED,
    SATISFIED,
    TIED,
    TO_AWARE,
    TO_DEFECTION,
    TO_RATE,
    TO_SATISFIED,
    TO_TURNOVER,
    TO_WON,
    TURNOVER,
    WON,
)
from sim.engine.offers import NOTHING
from sim.engine.response import intensity_at, response
from sim.scenario.curves import Curve, PiecewiseLinear

if TYPE_CHECKING:
    from sim.engine.lifecycle import Lifecycle

__all__ = ["Ways"]

CHANNELS = ("survival", "purchase_rate", "preference", "links", "amount", "satisfaction")
"""What acts on living customers; amount and satisfaction enter the worth of a period linearly."""
BENDING = CHANNELS[:4]
CHANCES = ("awareness", "acquisition", "reactivation")

DENSE, ALONE, TOGETHER = 3000, 257, 129
"""Samples of a curve; those kept of a lever that is alone in its channel, and of each of several."""
ACROSS = {1: (33,), 2: (33, 21, 11), 3: (17, 13, 9, 7), 4: (9, 7, 5), 5: (5, 4)}
"""Points of the grid along each of so many dimensions: the more, the smaller the market."""
WORK, WORK_WHOLE = 4e7, 4e6
"""Up to so many (corners of cells x states of blocks x periods): of one look, and of the many that charges take."""
SAFE = 1.1
"""On top of the measured distance of a chord from its curve."""
LARGEST = 1e4
"""A defection multiplier under which nobody stays."""
FLAT = 1e-13
"""Change of a channel, as a share of its size, that is none."""


class _Use(NamedTuple):
    """A lever on a target: what it moves, how far it reaches, today's intensity, the most, and what is held."""

    number: int
    moves: dict[str, Curve]
    reach: float
    reference: float
    most: float
    held: float | None


class _Path(NamedTuple):
    """Values of a channel, rising, with the least money for each."""

    gain: Floats
    money: Floats


class _Dimension(NamedTuple):
    """A dimension of the grid: its levers, edges of cells, and effects at the edges.

    ``free_top``: the last cell, where money brings next to nothing, is had at the cost of where it begins.
    """

    uses: tuple[_Use, ...]
    channel: str | None
    edge: Floats
    at_edge: dict[str, Floats]
    free_top: bool = False


class Ways:
    """The ways of one chain, and what they are worth at most: made once, asked at any prices.

    ``whole``: everything lies on the grid, chances too, so that charges can be by point.
    """

    def __init__(self, chain: Lifecycle, whole: bool = False) -> None:
        self.chain, self.whole = chain, whole
        self.gridded: tuple[str, ...] = CHANNELS + CHANCES if whole else BENDING
        self.told: tuple[str, ...] = CHANNELS + CHANCES if whole else CHANNELS
        targets, lead = chain.targets, np.array(chain.targets.lead)
        self.starts = [0, *sorted(set(lead.tolist()) - {0})]
        self.phase = np.searchsorted(self.starts, np.arange(chain.periods), side="right") - 1
        weight = chain.initial.sum(axis=1) + chain.arrivals.sum(axis=(0, 2)) + 1e-9
        groups, stages, _ = targets.shape
        self.usual_leaving = np.array(
            [
                np.average(chain.defection_rate[chain.group == g], weights=weight[chain.group == g])
                for g in range(groups)
            ]
        )
        places = [(f, g, s) for f in range(len(self.starts)) for g in range(groups) for s in range(stages)]
        self._known: dict[object, _Path] = {}
        self.uses = {place: self._uses(*place) for place in places}
        self.dimensions = {place: self._grid(place) for place in places}
        self.most = max(1, *(len(found) for found in self.dimensions.values()))
        self.grids, self._chances = self._grids(places)

    # --- Who moves what ---

    def _uses(self, phase: int, group: int, stage: int) -> list[_Use]:
        chain, targets = self.chain, self.chain.targets
        found = []
        load = chain.contact_load
        for k in np.flatnonzero(targets.allowed[group, stage]).tolist():
            moves, reach = chain.moved(group, k)
            most = float(chain.limit[group, stage, k])
            most = min(most, 1 / float(load[k])) if load[k] > 0 else most
            held = float(targets.committed[group, stage, k]) if targets.lead[k] > self.starts[phase] else None
            found.append(_Use(k, dict(moves), reach, float(targets.reference[group, stage, k]), most, held))
        return found

    def _of(self, place: tuple[int, int, int], channel: str) -> tuple[_Use, ...]:
        """Return the levers that move a chance, or of what acts on the living one channel alone."""
        found = []
        for use in self.uses[place]:
            alone = len([moved for moved in use.moves if moved in self.told]) == 1
            if channel in use.moves and (alone or channel not in self.told):
                found.append(use._replace(moves={channel: use.moves[channel]}))
        return tuple(found)

    def _grid(self, place: tuple[int, int, int]) -> list[_Dimension]:
        """Return the dimensions of the grid: those that bend the odds of the living, or all."""
        several = []
        for use in self.uses[place]:
            moves = {moved: curve for moved, curve in use.moves.items() if moved in self.told}
            if len(moves) > 1:
                several.append(use._replace(moves=moves))
        channels = [channel for channel in self.gridded if self._of(place, channel)]
        count = len(channels) + len(several)
        across = self._across(count)
        found = []
        for channel in channels:
            uses = self._of(place, channel)
            gains = np.array([_ends(use, channel) for use in uses]).sum(axis=0)
            low, high = self._value(place[1], channel, gains)
            if high - low <= FLAT * max(abs(high), abs(low)):
                high = low + max(FLAT * abs(low), 1e-300) if channel != "survival" else low * (1 + FLAT)
            edge, free_top = np.linspace(low, high, across), False
            if self.whole:
                path = self._path(place[1], uses, channel, np.ones(len(uses)))
                edge, free_top = _edges(self._value(place[1], channel, path.gain), path.money, across, len(uses) > 1)
            at_edge = {channel: self._effect(place[1], channel, edge)}
            found.append(_Dimension(uses, channel, edge, at_edge, free_top))
        return found + [self._apart(place[1], use, across) for use in several]

    def _across(self, count: int) -> int:
        """Return how many points a grid of so many dimensions has along each."""
        chain = self.chain
        room = (WORK_WHOLE if self.whole else WORK) / (chain.initial.size * chain.periods)
        choices = ACROSS.get(count, (3,))
        return next((across for across in choices if (2.0 * across) ** count <= room), choices[-1])

    def _value(self, group: int, channel: str, gain: Floats) -> Floats:
        """Return the value in which the worth of a period is nearly straight, of a channel's added gains."""
        if channel in CHANCES:
            return np.asarray(-np.expm1(-gain))
        if channel == "survival":
            return np.asarray(np.exp(-self.usual_leaving[group] * np.exp(-gain)))
        return np.asarray(np.exp(gain)) if channel in ("purchase_rate", "amount") else np.asarray(gain)

    def _effect(self, group: int, channel: str, value: Floats) -> Floats:
        """Return what a value makes of the channel's effect: a multiplier or a sum."""
        if channel == "survival":
            return np.asarray(-np.log(np.maximum(value, 1e-300)) / max(self.usual_leaving[group], 1e-300))
        return value

    def _apart(self, group: int, use: _Use, across: int) -> _Dimension:
        """Return the dimension of a lever that moves several channels: along the mean share of their changes."""
        money, along = self._along(group, use)
        values = {c: self._value(group, c, _gains(use, c, money)) for c in use.moves}
        values = {c: np.append(v, self._value(group, c, _ends(use, c)[1:])) for c, v in values.items()}
        wanted, free_top = np.linspace(along[0], along[-1], across), False
        if self.whole:
            wanted, free_top = _edges(along, np.append(money, money[-1]), across)
        own = [u for c in use.moves.values() if isinstance(c, PiecewiseLinear) for u, _ in c.points if u <= money[-1]]
        places = np.concatenate([np.searchsorted(along, wanted), np.searchsorted(money, own), [along.size - 1]])
        kept = np.unique(np.clip(places.astype(int), 0, along.size - 1))
        edge = along[kept]
        at_edge = {c: self._effect(group, c, value[kept]) for c, value in values.items()}
        return _Dimension((use,), None, edge, at_edge, free_top)

    def _along(self, group: int, use: _Use) -> tuple[Floats, Floats]:
        """Return samples of money and, the ceiling beyond the last included, how far along they are."""
        money = _samples(use)
        shares = []
        for channel in use.moves:
            value = self._value(group, channel, np.append(_gains(use, channel, money), _ends(use, channel)[1:]))
            room = value[-1] - value[0]
            shares.append((value - value[0]) / room if room > 0 else 0 * value)
        along = np.maximum.accumulate(np.mean(shares, axis=0))
        return money, along + np.arange(along.size) * 1e-15

    def _grids(self, places: Sequence[tuple[int, int, int]]) -> tuple[kernels.Grids, dict[str, Floats]]:
        """Return the grids as the kernel reads them, and chances at their points where these lie on them."""
        shape = (len(self.starts), *self.chain.targets.shape[:2])
        number, wide = len(places), self.most
        size = np.ones((number, wide), dtype=np.int64)
        deep = max((d.edge.size for found in self.dimensions.values() for d in found), default=1)
        edge = np.zeros((number, wide, deep))
        points = np.ones(number, dtype=np.int64)
        for i, place in enumerate(places):
            for d, one in enumerate(self.dimensions[place]):
                size[i, d] = one.edge.size
                edge[i, d, : one.edge.size] = one.edge
            points[i] = int(np.prod(size[i]))
        made = {c: np.full((number, int(points.max())), float(c in ("survival", "purchase_rate", "amount")))
                for c in CHANNELS}  # fmt: skip
        missed = {c: np.ones((number, int(points.max()))) for c in CHANCES}
        for i, place in enumerate(places):
            found = self.dimensions[place]
            spots = np.indices([one.edge.size for one in found]).reshape(len(found), -1) if found else None
            for d, one in enumerate(found):
                assert spots is not None
                for channel, effect in one.at_edge.items():
                    into = (missed if channel in CHANCES else made)[channel][i, : points[i]]
                    if channel in CHANCES:
                        into *= 1 - effect[spots[d]]
                    elif channel in ("survival", "purchase_rate", "amount"):
                        into *= effect[spots[d]]
                    else:
                        into += effect[spots[d]]
        grids = kernels.Grids(
            np.arange(number).reshape(shape), np.array([len(self.dimensions[place]) for place in places]), size, edge,
            points, made["survival"], made["purchase_rate"], made["amount"], made["preference"],
            made["satisfaction"], made["links"],
        )  # fmt: skip
        return grids, {channel: 1 - each for channel, each in missed.items()}

    # --- What it costs ---

    def costs(self, money: Floats) -> kernels.Costs:
        """Return what every value costs where a unit of money counts ``money[period, group, stage, lever]``."""
        chain = self.chain
        groups, stages, _ = chain.targets.shape
        slots = self.most + 2 + len(CHANCES)
        table = np.full((chain.periods, groups, stages, slots), -1, dtype=np.int64)
        scale = np.zeros((chain.periods, groups, stages, slots))
        known: dict[object, int] = {}
        hulls: list[tuple[Floats, Floats, Ints]] = []
        linear = () if self.whole else ("amount", "satisfaction", *CHANCES)
        for t in range(chain.periods):
            phase = int(self.phase[t])
            for g in range(groups):
                for s in range(stages):
                    place = (phase, g, s)
                    if not self.uses[place]:
                        continue
                    slotted = list(enumerate(self.dimensions[place]))
                    slotted += [(self.most + i, self._lookup(place, c)) for i, c in enumerate(linear)]
                    for slot, one in slotted:
                        uses = one.uses
                        if not uses:
                            continue
                        price = money[t, g, s, [use.number for use in uses]]
                        dearest = float(price.max())
                        ratio = price / dearest if dearest > 0 else np.ones_like(price)
                        ratio = np.round(ratio, 12)
                        key = (place, slot, ratio.tobytes())
                        if key not in known:
                            known[key] = len(hulls)
                            hulls.append(self._hull(g, one, ratio))
                        table[t, g, s, slot], scale[t, g, s, slot] = known[key], max(dearest, 0.0)
        wide = max((start.size for _, _, start in hulls), default=2)
        starts, count = np.zeros((max(len(hulls), 1), wide), dtype=np.int64), 0
        for i, (x, _, start) in enumerate(hulls):
            starts[i, : start.size] = count + start
            count += x.size
        none = np.zeros(1)
        return kernels.Costs(
            table, scale, starts, np.concatenate([none[:0], *(x for x, _, _ in hulls)]),
            np.concatenate([none[:0], *(c for _, c, _ in hulls)]),
        )  # fmt: skip

    def _lookup(self, place: tuple[int, int, int], channel: str) -> _Dimension:
        """Return a channel that needs no grid: its conjugate is looked up."""
        return _Dimension(self._of(place, channel), channel, np.empty(0), {})

    def _hull(self, group: int, one: _Dimension, ratio: Floats) -> tuple[Floats, Floats, Ints]:
        """Return the lower hulls, by cell, of what values cost at prices in the given ratio."""
        uses, channel, edge = one.uses, one.channel, one.edge
        if channel is None:
            money, along = self._along(group, uses[0])
            value, cost = along, np.append(money, money[-1]) * ratio[0]
        else:
            path = self._path(group, uses, channel, ratio)
            value, cost = self._value(group, channel, path.gain), path.money
        rises = np.append(True, np.diff(value) > 0)
        value, cost = value[rises], cost[rises]
        if one.free_top:
            top = float(np.interp(edge[-2], value, cost))
            inside = value < edge[-2]
            value, cost = np.append(value[inside], edge[-2:]), np.append(cost[inside], [top, top])
        if edge.size == 0:
            edge = value[[0, -1]] if value.size > 1 else np.array([value[0], value[0]])
        room = value.size + 2 * edge.size
        x, c, start = np.empty(room), np.empty(room), np.zeros(edge.size, dtype=np.int64)
        count = kernels.lower_hulls(value, cost, edge, x, c, start)
        return x[:count], c[:count], start

    def _path(self, group: int, uses: tuple[_Use, ...], channel: str, ratio: Floats) -> _Path:
        """Return the cheapest way to each gain in a channel at prices in the given ratio."""
        whole: _Path | None = None
        kept = ALONE if len(uses) == 1 else TOGETHER
        for use, price in zip(uses, ratio.tolist(), strict=True):
            key = (group, channel, use.number, use.held, use.reference, use.most, kept)
            if key not in self._known:
                self._known[key] = self._alone(group, use, channel, kept)
            alone = self._known[key]
            mine = _Path(alone.gain, alone.money * price)
            whole = mine if whole is None else _cheapest(whole, mine)
        assert whole is not None
        return whole

    def _alone(self, group: int, use: _Use, channel: str, kept: int) -> _Path:
        """Return the gains of one lever, and money for each that chords between them are nowhere above."""
        money = _samples(use)
        gain = _gains(use, channel, money)
        rises = np.append(True, np.diff(gain) > 0)
        path = _thinned(_Path(gain[rises], money[rises]), self._value(group, channel, gain[rises]), kept)
        top = _ends(use, channel)[1]
        beyond = top > path.gain[-1]
        return _Path(np.append(path.gain, top), np.append(path.money, path.money[-1])) if beyond else path

    # --- Points of the whole grid as actions ---

    @property
    def choices(self) -> Ints:
        """Return the points of each (group, stage), the most of any phase."""
        return np.asarray(self.grids.points[self.grids.setup].max(axis=0))

    @property
    def possible(self) -> Flags:
        """Return which points there are, (periods, groups, stages, points)."""
        number = self.grids.points[self.grids.setup][self.phase]
        return np.asarray(np.arange(self.grids.defection.shape[1]) < number[..., None])

    @property
    def regime(self) -> Ints:
        """Return which odds of :meth:`odds` hold in each period."""
        return np.asarray(self.chain.regimes[1][: self.chain.periods] * len(self.starts) + self.phase)

    def odds(self) -> tuple[Floats, Floats]:
        """Return odds and money earned at every point, (regimes x phases, blocks, laws, points, ...)."""
        chain, grids = self.chain, self.grids
        chances, rewards = [], []
        for environment in chain.regimes[0]:
            for setup in grids.setup:
                effects = self._effects(environment, setup)
                steps = [chain.step_under(np.ascontiguousarray(effects[:, :, p])) for p in range(effects.shape[2])]
                chances.append(np.stack([step.probability for step in steps], axis=2))
                rewards.append(np.stack([step.reward for step in steps], axis=2))
        return np.ascontiguousarray(chances), np.ascontiguousarray(rewards)

    def _effects(self, environment: Floats, setup: Ints) -> Floats:
        """Return the effects ``[group, stage, point, effect]`` of a phase's points under an environment."""
        grids, chances, met = self.grids, self._chances, environment[:, None, None, :]
        out = np.ones((*setup.shape, grids.defection.shape[1], len(EFFECTS)))
        out[..., AWARE] = np.minimum(chances["awareness"][setup] * met[..., TO_AWARE], 1.0)
        out[..., WON] = chances["acquisition"][setup] * met[..., TO_WON]
        out[..., RETURNED] = chances["reactivation"][setup]
        out[..., LOST_CHANCE] = self.chain.loss[:, None, None]
        out[..., DEFECTION] = np.minimum(grids.defection[setup] * met[..., TO_DEFECTION], FOR_EVER)
        utility = grids.utility[setup].reshape(setup.shape[0], -1)
        ours = self.chain.effects.share_multiplier(environment, utility).reshape(*setup.shape, -1)
        out[..., RATE] = grids.rate[setup] * met[..., TO_RATE] * ours
        out[..., AMOUNT] = grids.amount[setup]
        out[..., SATISFIED] = met[..., TO_SATISFIED] + grids.shift[setup]
        gain = self.chain.scenario.links.gain if self.chain.scenario.links else 0.0
        out[..., TIED] = np.clip(gain + grids.ties[setup], 0.0, 1.0)
        out[..., TURNOVER] = met[..., TO_TURNOVER]
        return out

    def cost(self, costs: kernels.Costs) -> Floats:
        """Return what the points cost, (periods, groups, stages, points)."""
        grids = self.grids
        out = np.zeros((*costs.table.shape[:3], grids.defection.shape[1]))
        kernels.cost_of_points(grids, costs, self.phase, out)
        return out

    # --- What it is worth ---

    def worth(self, money: Floats, aims: kernels.Aims) -> Floats:
        """Return by block what its customers can be worth at most where money counts ``money``, at least nothing."""
        chain = self.chain
        laws, traits, feelings = chain.structure
        environments, regime = chain.regimes
        course = kernels.Course(chain.initial, chain.arrivals, regime, self.phase, np.ascontiguousarray(environments))
        gain = chain.scenario.links.gain if chain.scenario.links else 0.0
        out = np.zeros(chain.group.size)
        kernels.best_of_all(
            0, chain.group.size, laws, traits, feelings, chain.links, chain.loss, gain,
            chain.scenario.share_of_customer or 0.0, self.grids, self.costs(money), course, aims, out,
        )  # fmt: skip
        return out


def _samples(use: _Use) -> Floats:
    """Return many intensities of a lever, from none to where its curves are exhausted or a rule says stop."""
    if use.held is not None:
        return np.array([use.held])
    reach = -np.log(NOTHING)
    share = 1 / (1 + np.exp(-np.linspace(-reach, reach, DENSE)))
    parts = [np.array([0.0])]
    for curve in use.moves.values():
        if isinstance(curve, PiecewiseLinear):
            points = np.array([u for u, _ in curve.points])
            parts.append(
                np.interp(np.linspace(0, points.size - 1, 16 * points.size - 15), np.arange(points.size), points)
            )
        else:
            parts.append(intensity_at(curve, share))
    return np.unique(np.minimum(np.concatenate(parts), use.most))


def _gains(use: _Use, channel: str, money: Floats) -> Floats:
    """Return what adds up among the levers that move a channel."""
    curve = use.moves[channel]
    return _gain_of(channel, response(curve, money, use.reach), response(curve, np.array(use.reference), use.reach))


def _ends(use: _Use, channel: str) -> Floats:
    """Return the gains without money and, unless a rule says stop before, with unlimited money."""
    curve, held = use.moves[channel], use.held
    if held is not None:
        return _gains(use, channel, np.array([held, held]))
    low, high = _gains(use, channel, np.array([0.0, use.most if np.isfinite(use.most) else 0.0]))
    if not np.isfinite(use.most):
        room = curve.unlimited_money - curve.without_money
        top = np.array(curve.without_money + use.reach * room)
        high = _gain_of(channel, top, response(curve, np.array(use.reference), use.reach))
    return np.array([low, max(float(high), float(low))])


def _gain_of(channel: str, f: Floats, usual: Floats) -> Floats:
    if channel in CHANCES:
        return np.asarray(-np.log1p(-np.minimum(f, 1 - 1e-15)))
    if channel == "survival":
        multiplier = np.log(np.clip(f, 1e-300, 1 - 1e-16)) / np.log(usual)
        return np.asarray(-np.log(np.clip(multiplier, 1e-12, LARGEST)))
    if channel in ("purchase_rate", "amount"):
        return np.asarray(np.log((1 + f) / (1 + usual)))
    return np.asarray(f - usual)


def _thinned(path: _Path, value: Floats, most: int, several: bool = False) -> _Path:
    """Return fewer points, dense where ``money`` bends in ``value``, lowered by what chords between them cut off.

    The ways of ``several`` levers together are no smooth line: where their hull bends, and evenly besides.
    """
    if value.size <= 2 or (np.diff(value) <= 0).any():
        rises = np.append(True, np.diff(value) > 0)
        path, value = _Path(path.gain[rises], path.money[rises]), value[rises]
    if value.size <= 3:
        return path
    kept = _where_it_bends(value, path.money, most)
    if several:
        hull, cost, start = np.empty(value.size + 2), np.empty(value.size + 2), np.zeros(2, dtype=np.int64)
        count = kernels.lower_hulls(value, path.money, value[[0, -1]], hull, cost, start)
        on = np.searchsorted(value, hull[:count])
        kept = on[_where_it_bends(value[on], path.money[on], most)]
        if most == ALONE:
            kept = np.union1d(kept, np.searchsorted(value, np.linspace(value[0], value[-1], TOGETHER)))
    gap = np.maximum(np.interp(value, value[kept], path.money[kept]) - path.money, 0.0)
    widest = SAFE * np.maximum.reduceat(gap, kept[:-1])
    lowered = np.maximum(np.append(widest, 0.0), np.append(0.0, widest))
    money = np.maximum.accumulate(np.maximum(path.money[kept] - lowered, 0.0))
    return _Path(path.gain[kept], money)


def _where_it_bends(value: Floats, money: Floats, most: int) -> Ints:
    """Return which points to keep so that chords between them leave about equal gaps; the first and the last."""
    if value.size <= 3:
        return np.arange(value.size)
    step = np.maximum(np.diff(money), 1e-12 * float(money[-1]))
    bends = np.append(np.append(0.0, np.sqrt(np.abs(np.diff(np.diff(value) / step)) * step[1:])), 0.0)
    way = np.cumsum(bends / (bends.sum() or 1.0)) + np.linspace(0, 1e-3, bends.size)
    places = np.searchsorted(way, np.linspace(way[0], way[-1], most))
    return np.unique(np.clip(np.append(places, [0, value.size - 1]), 0, value.size - 1))


def _edges(value: Floats, money: Floats, most: int, several: bool = False) -> tuple[Floats, bool]:
    """Return edges of cells, dense where money bends in what it brings, and whether the last is beyond all money."""
    rises = np.append(True, np.diff(value) > 0)
    value, money = value[rises], money[rises]
    if value.size <= 2:
        return (value if value.size > 1 else np.array([value[0], value[0] + FLAT * max(abs(value[0]), 1.0)])), False
    endless = money[-1] == money[-2]
    inside = value <= value[0] + (1 - (most - 1.0) ** -2) * (value[-1] - value[0]) if endless else value <= value[-1]
    path = _thinned(_Path(value[inside], money[inside]), value[inside], most - endless, several)
    return np.append(path.gain, value[-1:]) if endless else path.gain, bool(endless)


def _cheapest(first: _Path, second: _Path) -> _Path:
    """Return the cheapest ways to add the gains of two."""
    money = (first.money[:, None] + second.money).ravel()
    gain = (first.gain[:, None] + second.gain).ravel()
    order = np.lexsort((-gain, money))
    best = np.maximum.accumulate(gain[order])
    good = order[np.append(True, best[1:] > best[:-1])]
    path = _Path(gain[good], money[good])
    return _thinned(path, path.gain, ALONE, several=True)
