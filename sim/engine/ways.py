"""What money can make of customers along a few dimensions, and at what cost: no product of levers.

In a state levers meet through few channels. Those that move one channel alone add up in it (in logarithms where it is
multiplied), so that the cheapest way to each value of the channel is found lever by lever. A lever that moves several
channels is a dimension of its own (:mod:`sim.engine.paths`). :mod:`sim.engine.ways_kernels` finds the best over all
values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.arrays import Flags, Floats, Ints
from sim.engine import columns, effects, routes
from sim.engine import ways_kernels as kernels
from sim.engine.bend_spans_kernels import SPANS
from sim.engine.bends import STRAIGHT_FROM, Along, Elsewhere, multiplier_of, off_lines, paths_of, straight_survival
from sim.engine.bends_kernels import PATHS, Bends, fill_bends_of_blocks
from sim.engine.bonds import raising
from sim.engine.false_care import part_of, within
from sim.engine.hull_kernels import APART, Costs, Grids, cost_of_points, lower_hulls
from sim.engine.odds_between import Between, odds_between
from sim.engine.paths import (
    ALONE,
    BENDING,
    CHANCES,
    CHANNELS,
    DENSE,
    FINER,
    FLAT,
    LINEAR,
    TOGETHER,
    Path,
    Use,
    cheapest,
    edges_near,
    edges_of,
    ends_of,
    gains_of,
    leaving_at_none,
    samples_of,
    thinned,
)
from sim.engine.terms import CHARGED, CUT, MONEY, SERVED
from sim.scenario.curves import PiecewiseLinear
from sim.scenario.market import EFFECT_STAGES

if TYPE_CHECKING:
    from sim.engine.lifecycle import Lifecycle

__all__ = ["Ways"]

ACROSS = {1: (33,), 2: (33, 21, 11, 7), 3: (17, 13, 9, 7, 5), 4: (9, 7, 5, 4), 5: (5, 4)}
"""Points of the grid along each of so many dimensions: the more, the smaller the market."""
ACROSS_NEAR = {1: (33,), 2: (33, 21), 3: (21, 17, 13), 4: (13, 11, 9), 5: (9, 7), 6: (7, 5), 7: (5,)}
"""The same of a grid that is closer near a plan."""
FEWEST = 3
"""The same of a grid that is coarse, and along what hardly bends the worth in one that is uneven."""
STRAIGHT = ("purchase_rate", "amount")
"""Channels in which a worth hardly bends: one that customers stay by bends for all who leave faster or slower."""
UNEVEN = (9, 7, 5)
"""Points along each dimension that moves others, where what moves these alone has the fewest."""
WEIGHT = 0.1
"""Of what a lever's money does by itself, beside what its curves do, in how far along it is: the worth of a period is
straight in it."""
WORK, WORK_WHOLE, WORK_NEAR, WORK_UNEVEN = 2e8, 4e6, 2e9, 1e10
"""Up to so many (corners of cells x states of blocks x periods): of one look, of the many that charges take, of the one
look that is closer near a plan, and of the one that is uneven."""


MULTIPLIERS = ("survival", "purchase_rate", "amount", CUT)
"""Channels whose effects are multiplied; those of others add up."""


NOBODY, DOUBLED = 600.0, 24
"""A rate of leaving at which nobody stays, however satisfied; and how often multipliers are doubled towards it."""
ROUNDING = 1e-9
"""Share by which the lowest point of a path and what is had without money may differ and be the same."""
NARROW = 1e-100
"""Width of a dimension of which nothing comes: products of the ways between its points are still numbers."""


class _Dimension(NamedTuple):
    """A dimension of the grid: its levers, edges of cells, and effects at the edges.

    ``free_top``: the last cell, where money brings next to nothing, is had at the cost of where it begins. ``off``: how
    far effects may lie below and above straight lines between the edges, by cell; none: not at all.
    """

    uses: tuple[Use, ...]
    channel: str | None
    edge: Floats
    at_edge: dict[str, Floats]
    free_top: bool = False
    off: Mapping[str, Floats] = MappingProxyType({})


def _is_straight(use: Use) -> bool:
    return all(channel in STRAIGHT for channel in use.moves)


class Ways:
    """The ways of one chain, and what they are worth at most: made once, asked at any prices.

    ``whole``: everything lies on the grid, chances too, so that charges can be by point. ``near``: intensities of a
    plan, (periods, groups, stages, levers), near which the grid is closer. ``coarse``: the grid tells little but who is
    moved at all. ``uneven``: a grid of many dimensions is closer along those in which worth bends.
    """

    def __init__(
        self, chain: Lifecycle, whole: bool = False, near: Floats | None = None, coarse: bool = False,
        uneven: bool = False,
    ) -> None:  # fmt: skip
        self.chain, self.whole, self.near, self.coarse, self.uneven = chain, whole, near, coarse, uneven
        self.samples, self.alone, self.together = DENSE, ALONE, TOGETHER
        if near is not None:
            self.samples, self.alone, self.together = FINER * DENSE, FINER * ALONE, FINER // 2 * TOGETHER
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
        self._known: dict[object, Path] = {}
        self.uses = {place: self._uses(*place) for place in places}
        self.dimensions = {place: self._grid(place) for place in places}
        self.most = max(1, *(len(found) for found in self.dimensions.values()))

    # --- Who moves what ---

    def _uses(self, phase: int, group: int, stage: int) -> list[Use]:
        chain, targets = self.chain, self.chain.targets
        found, here = [], targets.stages[stage]
        load = chain.contact_load[group, 0]
        for k in np.flatnonzero(targets.allowed[group, stage]).tolist():
            moves, reach = chain.moved(group, k)
            moves = {name: curve for name, curve in moves.items() if here in EFFECT_STAGES.get(name, (here,))}
            lever = chain.scenario.levers[targets.levers[k]]
            parts = {name: part_of(lever, name, here) for name in moves}
            moves = {name: within(curve, parts[name]) for name, curve in moves.items() if parts[name] > 0}
            if not self.whole:
                moves.pop(SERVED, None)  # what it costs those who are there is said in what money costs
            most = float(chain.limit[group, stage, k])
            most = min(most, 1 / float(load[k])) if load[k] > 0 else most
            held = float(targets.committed[group, stage, k]) if targets.lead[k] > self.starts[phase] else None
            found.append(Use(k, dict(moves), reach, float(targets.reference[group, stage, k]), most, held))
        return found

    def _of(self, place: tuple[int, int, int], channel: str) -> tuple[Use, ...]:
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
        found = []
        for channel in channels:
            uses = self._of(place, channel)
            gains = np.array([ends_of(use, channel) for use in uses]).sum(axis=0)
            low, high = self._value(place[1], channel, gains)
            across = self._along_each(count, several, channels, channel in STRAIGHT)
            if high - low <= FLAT * max(abs(high), abs(low)):
                high = low + max(FLAT * abs(low), FLAT if channel == "survival" else NARROW)
            edge, free_top = np.linspace(low, high, across), False
            if self.near is not None:
                gain = sum(gains_of(use, channel, self._played(place, use)) for use in uses)
                edge = edges_near(low, high, self._value(place[1], channel, np.asarray(gain)), across)
            if self.whole:
                path = self._path(place[1], uses, channel, np.ones(len(uses)))
                edge, free_top = edges_of(self._value(place[1], channel, path.gain), path.money, across, len(uses) > 1)
            if channel == "survival" and edge[0] < STRAIGHT_FROM < edge[-1]:
                edge = np.union1d(edge, STRAIGHT_FROM)  # no cell is straight in one way here and in another there
            at_edge = {channel: self._effect(place[1], channel, edge)}
            found.append(self._from_none(place[1], _Dimension(uses, channel, edge, at_edge, free_top)))
        return found + [
            self._apart(place, use, self._along_each(count, several, channels, _is_straight(use))) for use in several
        ]

    def _along_each(self, count: int, several: list[Use], channels: list[str], straight: bool) -> int:
        """Return how many points a grid has along a dimension in which worth hardly bends, or bends."""
        across = self._across(count)
        flat = sum(channel in STRAIGHT for channel in channels) + sum(map(_is_straight, several))
        if not self.uneven or flat in (0, count):
            return across
        room = WORK_UNEVEN / (self.chain.initial.size * self.chain.periods)
        corners = [(2.0 * each) ** (count - flat) * (2.0 * FEWEST) ** flat for each in UNEVEN]
        closer = next((each for each, work in zip(UNEVEN, corners, strict=True) if work <= room), 0)
        if closer <= across:
            return across
        return FEWEST if straight else closer

    def _across(self, count: int) -> int:
        """Return how many points a grid of so many dimensions has along each."""
        chain, near = self.chain, self.near is not None
        if self.coarse:
            return FEWEST
        work = WORK_NEAR if near else WORK_WHOLE if self.whole else WORK
        room = work / (chain.initial.size * chain.periods)
        choices = (ACROSS_NEAR if near else ACROSS).get(count, (3,))
        return next((across for across in choices if (2.0 * across) ** count <= room), choices[-1])

    def _value(self, group: int, channel: str, gain: Floats) -> Floats:
        """Return the value in which the worth of a period is nearly straight, of a channel's added gains."""
        if channel in CHANCES:
            return np.asarray(-np.expm1(-gain))
        if channel == "survival":
            return straight_survival(gain, self.usual_leaving[group])
        return np.asarray(np.exp(gain)) if channel in ("purchase_rate", "amount") else np.asarray(gain)

    def _effect(self, group: int, channel: str, value: Floats) -> Floats:
        """Return what a value makes of the channel's effect: a multiplier or a sum."""
        if channel == CUT:
            return np.exp(-value)
        if channel == "survival":
            return multiplier_of(value, self.usual_leaving[group])
        return value

    def _played(self, place: tuple[int, int, int], use: Use) -> Floats:
        """Return the plan's intensities of a lever in the periods of a phase in which anything is spent on a target."""
        assert self.near is not None
        here = self.near[self.phase == place[0], place[1], place[2]]
        spent = here.any(axis=1)
        money = (here[spent] if spent.any() else here)[:, use.number]
        return money if use.held is None else np.full(money.shape, use.held)

    def _apart(self, place: tuple[int, int, int], use: Use, across: int) -> _Dimension:
        """Return the dimension of a lever that moves several channels: along the mean share of their changes."""
        group = place[1]
        money, along = self._along(group, use)
        values = {c: self._value(group, c, gains_of(use, c, money)) for c in use.moves}
        values = {c: np.append(v, self._value(group, c, ends_of(use, c)[1:])) for c, v in values.items()}
        wanted, free_top = np.linspace(along[0], along[-1], across), False
        if self.near is not None:
            played = np.interp(self._played(place, use), money, along[: money.size])
            wanted = edges_near(float(along[0]), float(along[-1]), played, across)
        if self.whole:
            wanted, free_top = edges_of(along, np.append(money, money[-1]), across)
        own = [u for c in use.moves.values() if isinstance(c, PiecewiseLinear) for u, _ in c.points if u <= money[-1]]
        places = np.concatenate([np.searchsorted(along, wanted), np.searchsorted(money, own), [along.size - 1]])
        kept = np.unique(np.clip(places.astype(int), 0, along.size - 1))
        edge = along[kept]
        every = {c: self._effect(group, c, value) for c, value in values.items()}
        off = off_lines(along, kept, every, self.usual_leaving[group])
        at_edge = {c: effect[kept] for c, effect in every.items()}
        return self._from_none(group, _Dimension((use,), None, edge, at_edge, free_top, off))

    def _from_none(self, group: int, one: _Dimension) -> _Dimension:
        """Return a dimension with points before its first where even those who hardly ever leave do at no money.

        Defection multipliers that a curve goes through next to no money, in equal steps of their logarithms.
        """
        if "survival" not in one.at_edge:
            return one
        rates, lowest = self.chain.defection_rate[self.chain.group == group], float(one.at_edge["survival"][0])
        slowest = float(rates[rates > 0].min(initial=np.inf))
        most = min(leaving_at_none(one.uses), NOBODY / slowest, lowest * 2.0**DOUBLED)
        if most <= lowest * (1 + ROUNDING):
            return one
        number = max(math.ceil(math.log2(most / lowest)), 2)  # of one cell alone no bend would be known
        steps = np.geomspace(most, lowest, number + 1)[:-1]
        multipliers = np.append(max(most, leaving_at_none(one.uses)), steps[1:])
        before = one.edge[0] - APART * (one.edge[-1] - one.edge[0]) * np.arange(multipliers.size, 0.0, -1.0)
        at_edge = {channel: np.append(np.full(before.size, at[0]), at) for channel, at in one.at_edge.items()}
        at_edge["survival"][: before.size] = multipliers
        off = {channel: np.concatenate([np.zeros((before.size, 2)), each]) for channel, each in one.off.items()}
        return one._replace(edge=np.append(before, one.edge), at_edge=at_edge, off=off)

    def _along(self, group: int, use: Use) -> tuple[Floats, Floats]:
        """Return samples of money and, the ceiling beyond the last included, how far along they are."""
        money = samples_of(use, self.samples)
        shares, weights = [], []
        for channel in use.moves:
            weights.append(WEIGHT if channel in MONEY else 1.0)
            value = self._value(group, channel, np.append(gains_of(use, channel, money), ends_of(use, channel)[1:]))
            room = value[-1] - value[0]
            shares.append((value - value[0]) / room if room > 0 else 0 * value)
        along = np.maximum.accumulate(np.average(shares, axis=0, weights=weights))
        return money, along + np.arange(along.size) * 1e-15

    @property
    def grids(self) -> Grids:
        """Return the grids as the kernel reads them."""
        return self._grids[0]

    @cached_property
    def _grids(self) -> tuple[Grids, dict[str, Floats]]:
        """Return the grids, and chances at their points where these lie on them."""
        places = list(self.dimensions)
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
        paths = np.zeros((number, wide, max(deep - 1, 1), PATHS))
        for i, place in enumerate(places):
            along = [Along(one.at_edge, one.off) for one in self.dimensions[place]]
            for d, path in enumerate(paths_of(along, self.usual_leaving[place[1]], self._elsewhere(place))):
                paths[i, d, : len(path)] = path
        made = {c: np.full((number, int(points.max())), float(c in MULTIPLIERS)) for c in CHANNELS}
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
                    elif channel in MULTIPLIERS:
                        into *= effect[spots[d]]
                    else:
                        into += effect[spots[d]]
        share, commission = self.chain.effects.partners[:, [place[1] for place in places], None]
        price = made[CUT] * (1 - commission * np.clip(share - made["direct"], 0.0, 1.0))
        grids = Grids(
            np.arange(number).reshape(shape), np.array([len(self.dimensions[place]) for place in places]), size, edge,
            points, paths, np.maximum(self.usual_leaving, 1e-300), made["survival"], made["purchase_rate"],
            made["amount"], made["preference"], made["satisfaction"] - made["annoyance"], self._ties(made),
            made["knowledge"], made["leaving"], price, made[CHARGED], made[SERVED], price.max(axis=1),
        )  # fmt: skip
        return grids, {channel: 1 - each for channel, each in missed.items()}

    def _elsewhere(self, place: tuple[int, int, int]) -> Elsewhere:
        """Return what besides levers decides over a target's ties and its way to buy."""
        scenario, bonds = self.chain.scenario, self.chain.effects.bonds
        raised = raising(scenario.links, scenario.categories, scenario.club)
        share, commission = self.chain.effects.partners[:, place[1]]
        return Elsewhere(
            dict(zip(raised, bonds.gain[:, place[2]].tolist(), strict=True)), bonds.kept, share, commission
        )

    def _ties(self, made: dict[str, Floats]) -> Floats:
        """Return what the points of the grid add to the chances of one more of each kind that binds."""
        scenario = self.chain.scenario
        found = [made[effect] for effect in raising(scenario.links, scenario.categories, scenario.club)]
        return np.stack(found) if found else np.zeros((1, 1, 1))

    # --- What it costs ---

    def costs(self, money: Floats) -> Costs:
        """Return what every value costs where a unit of money counts ``money[period, group, stage, lever]``."""
        chain = self.chain
        groups, stages, _ = chain.targets.shape
        slots = self.most + 2 + len(CHANCES)
        table = np.full((chain.periods, groups, stages, slots), -1, dtype=np.int64)
        scale = np.zeros((chain.periods, groups, stages, slots))
        known: dict[object, int] = {}
        hulls: list[tuple[Floats, Floats, Ints]] = []
        linear = () if self.whole else (*LINEAR, *CHANCES)
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
        return Costs(
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
        count = lower_hulls(value, cost, edge, x, c, start)
        return x[:count], c[:count], start

    def _path(self, group: int, uses: tuple[Use, ...], channel: str, ratio: Floats) -> Path:
        """Return the cheapest way to each gain in a channel at prices in the given ratio."""
        whole: Path | None = None
        kept = self.alone if len(uses) == 1 else self.together
        for use, price in zip(uses, ratio.tolist(), strict=True):
            key = (group, channel, use.number, use.held, use.reference, use.most, kept)
            if key not in self._known:
                self._known[key] = self._alone(group, use, channel, kept)
            alone = self._known[key]
            mine = Path(alone.gain, alone.money * price)
            whole = mine if whole is None else cheapest(whole, mine, self.alone, self.together)
        assert whole is not None
        return whole

    def _alone(self, group: int, use: Use, channel: str, kept: int) -> Path:
        """Return the gains of one lever, and money for each that chords between them are nowhere above."""
        money = samples_of(use, self.samples)
        gain = gains_of(use, channel, money)
        rises = np.append(True, np.diff(gain) > 0)
        path = thinned(Path(gain[rises], money[rises]), self._value(group, channel, gain[rises]), kept)
        top = ends_of(use, channel)[1]
        beyond = top > path.gain[-1]
        return Path(np.append(path.gain, top), np.append(path.money, path.money[-1])) if beyond else path

    # --- Points of the whole grid as actions ---

    @property
    def choices(self) -> Ints:
        """Return the points of each (group, stage), the most of any phase."""
        shape = (len(self.starts), *self.chain.targets.shape[:2])
        points = [math.prod(one.edge.size for one in found) for found in self.dimensions.values()]
        return np.asarray(np.array(points).reshape(shape).max(axis=0))

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
                under = self.effects_at(environment, setup)
                steps = [chain.step_under(np.ascontiguousarray(under[:, :, p])) for p in range(under.shape[2])]
                chances.append(np.stack([step.probability for step in steps], axis=2))
                rewards.append(np.stack([step.reward for step in steps], axis=2))
        return np.ascontiguousarray(chances), np.ascontiguousarray(rewards)

    def bends(self, first: int, last: int) -> Bends:
        """Return how far a worth may lie above straight lines between the points, of blocks of one group."""
        chain, grids, starts = self.chain, self.grids, len(self.starts)
        laws, traits, feelings = chain.structure
        environments = np.ascontiguousarray(chain.regimes[0])
        regimes = len(environments) * starts
        shape = (regimes, last - first, laws.kind.size)
        out, each = np.zeros((*shape, *grids.paths.shape[1:3], SPANS)), np.zeros((*shape, 2))
        bonds = feelings.bonds
        fill_bends_of_blocks(
            first, last, laws, traits, feelings, grids.paths, grids, np.arange(regimes) % starts,
            np.repeat(environments, starts, axis=0), chain.effects.shares, self._unpaid, out, each,
        )  # fmt: skip
        told_apart = feelings.buys, 3 if feelings.levels else 1, len(bonds.move), bool((bonds.follow > 0).any())
        return Bends(
            out, each, np.array([*told_apart, feelings.renewal], dtype=np.int64), laws.kind, feelings.entry,
            float(chain.loss[chain.group[first]]), np.ascontiguousarray(traits.serve[first:last, 1]),
        )  # fmt: skip

    @property
    def _unpaid(self) -> Floats:
        """Return the chance by group that a prospect is won at no money."""
        return np.ascontiguousarray(self.chain.effects.unpaid[:, self.chain.targets.stages.index("prospect")])

    def odds_between(self, reference: Ints) -> Between:
        """Return ranges of the odds over all that lies between the points, and of those to reference blocks'."""
        return odds_between(self, reference)

    def effects_at(self, environment: Floats, setup: Ints) -> Floats:
        """Return the effects ``[group, stage, point, effect]`` of a phase's points under an environment."""
        (grids, chances), met = self._grids, environment[:, None, None, :]
        out = np.ones((*setup.shape, grids.defection.shape[1], len(columns.EFFECTS)))
        out[..., columns.AWARE] = np.minimum(chances["awareness"][setup] * met[..., routes.TO_AWARE], 1.0)
        out[..., columns.WON] = (chances["acquisition"][setup] + met[..., routes.TO_SPREAD]) * met[..., routes.TO_WON]
        unpaid = self.chain.effects.unpaid[:, :, None] + met[..., routes.TO_SPREAD]
        out[..., columns.WON_UNPAID] = unpaid * met[..., routes.TO_WON]
        out[..., columns.RETURNED] = chances["reactivation"][setup]
        out[..., columns.LOST_CHANCE] = self.chain.loss[:, None, None]
        out[..., columns.DEFECTION] = np.minimum(
            grids.defection[setup] * met[..., routes.TO_DEFECTION], effects.FOR_EVER
        )
        utility = grids.utility[setup].reshape(setup.shape[0], -1)
        ours = self.chain.effects.share_multiplier(environment, utility).reshape(*setup.shape, -1)
        out[..., columns.RATE] = grids.rate[setup] * met[..., routes.TO_RATE] * ours
        out[..., columns.AMOUNT] = grids.amount[setup]
        out[..., columns.SATISFIED] = met[..., routes.TO_SATISFIED] + grids.shift[setup]
        bonds, kept = self.chain.effects.bonds, np.clip(self.chain.effects.bonds.kept + grids.kept[setup], 0.0, 1.0)
        for k, (gains, loses) in enumerate(zip(bonds.gain_of, bonds.loss_of, strict=True)):
            out[..., gains] = np.clip(bonds.gain[k, :, None] + grids.ties[k][setup], 0.0, 1.0)
            lost = bonds.loss[k, :, None]
            left = np.minimum(lost * met[..., routes.TO_LEAVERS] + met[..., routes.TO_TURNOVER], 1.0)
            out[..., loses] = left * (1.0 - kept) if bonds.tie[k] else lost
        out[..., columns.LEAVING], out[..., columns.PRICE] = grids.leaving[setup], grids.price[setup]
        out[..., columns.CHARGED] = grids.charged[setup]
        out[..., columns.SERVED] = grids.served[setup] + met[..., routes.TO_STAFF]
        return out

    def cost(self, costs: Costs) -> Floats:
        """Return what the points cost, (periods, groups, stages, points)."""
        grids = self.grids
        out = np.zeros((*costs.table.shape[:3], grids.defection.shape[1]))
        cost_of_points(grids, costs, self.phase, out)
        return out

    # --- What it is worth ---

    def worth(
        self, money: Floats, aims: kernels.Aims, threads: int = 1, leaning: kernels.Leaning = kernels.BEST
    ) -> Floats:
        """Return by block what its customers can be worth at most where money counts ``money``, at least nothing.

        Or what they are worth by values that lean towards a plan's.
        """
        chain = self.chain
        laws, traits, feelings = chain.structure
        environments, regime = chain.regimes
        course = kernels.Course(
            chain.initial, chain.arrivals, regime, self.phase, np.ascontiguousarray(environments), self._unpaid
        )
        served = np.array([float(pays == SERVED) for pays in chain.targets.pays])
        if served.any():
            reach = np.array([lever.reach for lever in chain.scenario.levers.values()])
            money = money + aims.unit[:, :, None, None] * (served * reach)
        out, costs = np.zeros(chain.group.size), self.costs(money)
        common = (
            laws, traits, feelings, chain.links, chain.loss, chain.effects.shares, self.grids, costs,
            self.cost(costs), course, aims, leaning, out,
        )  # fmt: skip
        edges = np.linspace(0, chain.group.size, 4 * threads + 1).astype(int).tolist()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda part: kernels.best_of_all(*part, *common), pairwise(edges)))
        return out
