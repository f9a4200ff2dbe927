"""Customers who are there at the start, by stage and age: of all who were won so long ago, those who are seen there.

They were won as everybody is and have lived through ``age`` periods of today's spend, with nothing from outside. So

``P(traits, state | stage, age) ~ P(traits) P(state at age | traits) 1[state is seen as the stage]``,

which is Bayes' rule on what the chain itself says. Where leaving is seen, a customer of age ``T`` is a survivor:
``mu ~ Gamma(s, beta + T)``, by itself. Classes follow by quadrature under that law; agents are drawn by letting
candidates live and keeping those who end up in the stage.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.arrays import Flags, Floats, Ints
from sim.customers.population import (
    defection_classes,
    gamma_classes,
    gauss_rule,
    loyalty,
    quantiles,
    synthetic_traits,
)
from sim.engine import random_streams
from sim.engine.agent_kernels import Luck, Who
from sim.engine.attitudes import Attitudes
from sim.engine.chain import ALIVE, ControlledChain
from sim.engine.drawing import Cohorts, blank_tally
from sim.engine.fluid_kernels import advance
from sim.engine.lifecycle import START, Lifecycle
from sim.engine.state_space import by_feeling, state_index
from sim.errors import ScenarioError
from sim.scenario.customers import Quality
from sim.scenario.file import STAGES, Gamma, Scenario, Segment
from sim.scenario.people import OLDEST, Established

__all__ = ["Candidates", "age_of", "established_classes", "is_young", "lived", "newly_won", "seen_as", "spread"]

RATE_POINTS = 32
"""Points of the purchase rate at which the chance to be seen in the stage is looked at."""
DEFECTION_POINTS, WORK = 200, 60_000
"""Points of the defection rate under each of two laws; as many fewer as there are states beyond so many in all."""
LOT = 2e8
"""Bytes of odds of classes that are looked at together."""
LEAST_CANDIDATES = 1000
"""Candidates who are looked at together, at least."""
RAREST = 1e-3
"""Share of a cohort below which a stage at an age is not what happens to customers."""


def is_young(stage: str, each: Established) -> bool:
    """Return whether people begin where they stand: never customers, or just won and like all who are."""
    plain = all(part is None for part in (each.satisfaction, each.ties, each.categories, each.club))
    return stage in ("unaware", "prospect") or (stage == "new" and not each.age and plain)


def age_of(stage: str, each: Established, segment: Segment, scenario: Scenario) -> int:
    """Return the periods since customers were won: as stated, or the fewest in which a usual one gets there.

    Who buys ``r`` times a period has bought ``n`` times after ``(n - 1)/r`` periods; who is silent, after as many.
    """
    if each.age is not None:
        return each.age
    limits = segment.stages or scenario.stages
    if stage == "declining":
        return limits.declining
    if stage == "lapsed":
        return 1 if scenario.law != "silent" else limits.lapsed
    assert segment.traits is not None
    law = segment.traits.purchase_rate
    rate = law.shape / law.rate if isinstance(law, Gamma) else law
    repeat = {"new": 0, "developing": 1, "core": limits.core - 1}[stage]
    return min(math.ceil(repeat / rate), OLDEST) if rate > 0 else min(repeat, 1)


def spread(chain: Lifecycle, initial: Floats, each: Established | None = None) -> Floats:
    """Return expected customers with those alive spread over levels of satisfaction and bonds, as stated or usual."""
    attitudes = chain.attitudes
    levels = attitudes.level_mix if each is None or each.satisfaction is None else np.array(each.satisfaction)
    mix = np.outer(levels, attitudes.tie_mix_of(each)).ravel()
    alive = np.flatnonzero(chain.space.kind == ALIVE)
    out = initial.copy()
    number = by_feeling(chain.space, initial[:, alive], mix.size).sum(axis=2)
    out[:, alive] = (number[:, :, None, :] * mix[:, None]).reshape(initial.shape[0], -1)
    return out


def seen_as(chain: ControlledChain, group: int, stage: str) -> Flags:
    """Return which states are seen as a stage."""
    return np.asarray(chain.space.stage[group] == STAGES.index(stage))


def newly_won(chain: Lifecycle, group: int, rates: Floats, defections: Floats) -> tuple[Lifecycle, Floats]:
    """Return the chain of one newly won customer of each class, and where they are, (classes, states)."""
    size, ones = (rates.size, len(chain.space.names)), np.ones(rates.size)
    past = replace(
        chain, group=np.full(rates.size, group), initial=np.zeros(size), arrivals=np.zeros((0, *size)),
        purchase_rate=rates, defection_rate=defections, mean_spend=ones, acquisition=ones, by_money=ones,
        bad_debt=0 * ones, serve=np.zeros((rates.size, 2)),
    )  # fmt: skip
    now = np.zeros(size)
    now[:, START["new"]] = 1.0
    return past, spread(chain, now)


def lived(chain: Lifecycle, group: int, rates: Floats, defections: Floats, age: int) -> Floats:
    """Return where the newly won are ``age`` periods later, (classes, states), shares of each class.

    Today's money is spent on them, and nothing comes from outside. Lots of classes, as many as :data:`LOT` holds, one
    after another.
    """
    each = 8.0 * chain.space.law_kind.size * chain.space.successor.shape[1]
    size = max(1, int(LOT / each))
    lots = [slice(first, first + size) for first in range(0, rates.size, size)]
    return np.concatenate([_lived(chain, group, rates[lot], defections[lot], age) for lot in lots])


def _lived(chain: Lifecycle, group: int, rates: Floats, defections: Floats, age: int) -> Floats:
    (past, now), met = newly_won(chain, group, rates, defections), chain.at_reference
    odds = past.step(met.environment, met.effective).probability
    for _ in range(age):
        after = np.zeros_like(now)
        advance(now, odds, past.links, after)
        now = after
    return now


def established_classes(
    chain: Lifecycle, name: str, group: int, segment: Segment, stage: str, each: Established,
    kinds: tuple[Quality, ...], counts: tuple[int, int], horizon: float,
) -> tuple[Floats, Floats, Floats]:  # fmt: skip
    """Return purchase rates and defection rates, (kinds x classes,), and expected customers, (kinds x classes, states).

    ``counts``: nodes of the purchase rate and of the defection rate, as for the newly won; ``horizon``: ``c`` of
    :func:`sim.customers.population.defection_classes`.

    Raises
    ------
    ScenarioError
        If hardly anybody of that age is seen in the stage.
    """
    assert segment.traits is not None
    age = age_of(stage, each, segment, chain.scenario)
    here = seen_as(chain, group, stage)

    def chance(rates: Floats, defections: Floats) -> Floats:
        return np.asarray(lived(chain, group, rates, defections, age)[:, here].sum(axis=1))

    classes, share = [], 0.0
    fine = max(25, min(DEFECTION_POINTS, WORK // len(chain.space.names)))
    for kind in kinds:
        rates, rate_weights = gamma_classes(segment.traits.purchase_rate, RATE_POINTS)
        rates = kind.purchase_rate * rates
        coarse, coarse_weights = defection_classes(segment.traits.defection_rate, counts[1], horizon)
        likely = chance(np.repeat(rates, coarse.size), np.tile(coarse, rates.size)).reshape(rates.size, -1)
        rates, rate_weights, whole = _rule(rates, rate_weights * (likely @ coarse_weights), counts[0])
        points, weights = _defection_points(segment.traits.defection_rate, age, fine)
        likely = chance(np.repeat(rates, points.size), np.tile(points, rates.size)).reshape(rates.size, -1)
        loyal = loyalty(points, horizon)
        inner = [_rule(loyal, weights * row, counts[1] if points.size > 1 else 1) for row in likely]
        share += kind.share * whole
        classes.append(
            (
                np.repeat(rates, [nodes.size for nodes, _, _ in inner]),
                horizon * (1 / np.concatenate([nodes for nodes, _, _ in inner]) - 1),
                kind.share * whole * np.concatenate([w * v for w, (_, v, _) in zip(rate_weights, inner, strict=True)]),
            )
        )
    if share < RAREST:
        period = chain.scenario.period
        raise ScenarioError(
            f"segments.{name}.start.{stage}: of customers won {age} {period}{'' if age == 1 else 's'} ago "
            f"{1000 * share:.2g} in a thousand are seen as {stage} under today's spend; state another age"
        )
    rates, defections, weights = (np.concatenate(parts) for parts in zip(*classes, strict=True))
    states = np.where(here, lived(chain, group, rates, defections, age), 0.0)
    states /= np.maximum(states.sum(axis=1, keepdims=True), 1e-300)
    initial = round(each.count) * (weights / weights.sum())[:, None] * states
    return rates, defections, spread(chain, initial, each)


def _rule(values: Floats, weights: Floats, count: int) -> tuple[Floats, Floats, float]:
    """Return nodes and weights of the Gauss rule of weighted values, and the whole weight."""
    whole = float(weights.sum())
    if values.size <= count or whole <= 0:
        values, weights = values[:count], weights[:count]
        return values, weights / weights.sum() if whole > 0 else np.full(values.size, 1 / values.size), whole
    return *gauss_rule(values, count, weights / whole), whole


def _defection_points(law: Gamma | float, age: int, count: int) -> tuple[Floats, Floats]:
    """Return points and weights of a defection rate's law that serve those who left and those who stayed alike.

    Half are quantiles of the law, half of the law of survivors ``Gamma(s, beta + age)``; weights are those of a sample
    from both (the balance heuristic of Veach & Guibas 1995).
    """
    if not isinstance(law, Gamma):
        return np.array([float(law)]), np.ones(1)
    stayed = Gamma(shape=law.shape, rate=law.rate + age)
    points = np.concatenate([quantiles(law, count), quantiles(stayed, count)])
    with np.errstate(over="ignore"):
        ratio = np.exp(law.shape * math.log(stayed.rate / law.rate) - age * points)
    return points, 1 / (count * (1 + ratio))


class Drawn(NamedTuple):
    """Customers drawn one by one, as :class:`sim.customers.population.Population` has them."""

    cohort: Ints
    state: Ints
    purchase_rate: Floats
    defection_rate: Floats
    mean_spend: Floats


@dataclass(frozen=True, eq=False)
class Candidates:
    """People won ``age`` periods ago, of whom those are kept who are seen in ``stage`` now.

    Each has traits and luck of its own, by its number among the candidates for the ``number``-th entry of a segment's
    start; so who is kept does not depend on how many are asked for.
    """

    chain: ControlledChain
    attitudes: Attitudes
    cohorts: Cohorts
    cohort_group: Ints
    group: int
    segment: Segment
    age: int
    stage: str
    number: int

    def draw(self, count: int, seed: int, replication: int) -> Drawn:
        """Return the first ``count`` who are seen in the stage."""
        found, first, size, there = list[Drawn](), 0, max(2 * count, LEAST_CANDIDATES), 0
        while there < count:
            lot = self._lot(np.arange(first, first + size), seed, replication)
            found.append(lot)
            first, there = first + size, there + lot.state.size
            if not there and first > LEAST_CANDIDATES / RAREST:
                raise ScenarioError(
                    f"segments.{self._name}.start.{self.stage}: nobody is seen there; state another age"
                )
        return Drawn(*(np.concatenate(parts)[:count] for parts in zip(*found, strict=True)))

    @property
    def _name(self) -> str:
        return self.chain.targets.segments[self.group]

    def _lot(self, identity: Ints, seed: int, replication: int) -> Drawn:
        """Return those of some candidates who are seen in the stage after ``age`` periods, in their order."""
        traits, qualities = self.segment.traits, self.segment.quality or (Quality(share=1.0),)
        assert traits is not None
        stream = random_streams.stream_of(f"{self._name}, {self.stage}, {self.number}")
        draws = random_streams.uniforms(
            seed, random_streams.PAST_TRAITS, identity, stream=stream, replication=replication
        )
        kind = np.minimum(np.searchsorted(np.cumsum([q.share for q in qualities]), draws[:, 3]), len(qualities) - 1)
        rate, defection, spend = synthetic_traits(traits, draws)
        rate = rate * np.array([q.purchase_rate for q in qualities])[kind]
        spend = spend * np.array([q.spend for q in qualities])[kind]
        order = np.argsort(kind, kind="stable")
        of_group = np.flatnonzero(self.cohort_group == self.group)
        cohort = of_group[kind]
        starts = np.concatenate([[0], np.cumsum(np.bincount(cohort, minlength=self.cohort_group.size))])
        rates = (each[order].astype(np.float32) for each in (rate, defection, spend))
        who = Who(starts, identity[order].astype(np.uint32), *rates)
        state = self._at_win(identity[order], seed, stream, replication)
        crew = _Nobody(self.cohorts, np.zeros(self.cohorts.paths.law.shape, dtype=np.int64))
        met = self.chain.draw(crew, self.chain.at_reference)
        streams = np.full(self.cohort_group.size, stream)
        unused = blank_tally(crew.counts.shape[0], crew.counts.shape[1], self.cohorts.stages)
        for t in range(self.age):
            luck = Luck(seed, random_streams.PAST, streams, t, replication)
            met.move(0, identity.size, who, np.zeros(0, dtype=np.int32), state, luck, unused)
        back = np.argsort(order, kind="stable")
        state = state[back]
        kept = np.flatnonzero(seen_as(self.chain, self.group, self.stage)[state])
        return Drawn(cohort[kept], state[kept].astype(np.int64), rate[kept], defection[kept], spend[kept])

    def _at_win(self, identity: Ints, seed: int, stream: int, replication: int) -> NDArray[np.uint16]:
        """Return the state of the newly won, with satisfaction and ties as in the data."""
        attitudes = self.attitudes
        u = random_streams.uniforms(
            seed, random_streams.PAST_TRAITS, identity, stream=stream, draw=1, replication=replication
        )
        one = np.ones(identity.size, dtype=np.int64)
        level = np.searchsorted(np.cumsum(attitudes.level_mix)[:-1], u[:, 0]) + 1 if attitudes.levels else 0 * one
        ties = np.searchsorted(np.cumsum(attitudes.tie_mix)[:-1], u[:, 1]) if attitudes.ties else 0 * one - 1
        return state_index(self.chain.space, ALIVE * one, one, 0 * one, level, ties).astype(np.uint16)


@dataclass(frozen=True, eq=False)
class _Nobody:
    """Agents of whom nobody counts: candidates for the past."""

    cohorts: Cohorts
    counts: Ints
    by_block: None = None
