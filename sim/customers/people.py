"""The people of a twin drawn one by one, for the agents: who they are, their traits, their state at the start."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.arrays import Floats, Ints
from sim.customers.established import Candidates, age_of, is_young
from sim.customers.groups import BaseGroups
from sim.customers.population import Population, synthetic_traits
from sim.customers.synthetic import ALIKE, block_weights, blocks_by_source, settled
from sim.engine import random_streams
from sim.engine.attitudes import Attitudes
from sim.engine.chain import ALIVE, ControlledChain
from sim.engine.drawing import Cohorts
from sim.engine.state_space import state_index
from sim.errors import InputError
from sim.memory import free_memory
from sim.scenario.file import Scenario, Segment
from sim.scenario.people import Established, born

__all__ = ["TraitsFrom", "draw_people"]


TraitsFrom = Literal["individual", "classes"]

CHUNK = 1_000_000
"""People whose traits are drawn at a time: bounds the memory of drawing."""
MOST_PEOPLE = 2**32 - 1
"""Customers of a firm: their draws are counted in 32 bits."""
BYTES_EACH = 40
"""Memory of a customer while a market is made, measured between a million and three of them: at least that."""


class Described(Protocol):
    """What a twin says of its customers, as far as drawing them needs it."""

    @property
    def scenario(self) -> Scenario:
        """Return where they are described."""
        ...

    @property
    def chain(self) -> ControlledChain:
        """Return the chain they follow, by blocks."""
        ...

    @property
    def streams(self) -> Ints:
        """Return the key of each group's draws."""
        ...

    @property
    def cohort_group(self) -> Ints:
        """Return the group of each cohort."""
        ...

    @property
    def block_cohort(self) -> Ints:
        """Return the cohort of each block."""
        ...

    @property
    def cohorts(self) -> Cohorts:
        """Return what agents need to know of the cohorts."""
        ...

    @property
    def base(self) -> BaseGroups | None:
        """Return the real customers among them."""
        ...


@dataclass(frozen=True)
class _People:
    """Customers of some cohorts, in order of identity; ``births`` by period: (positions, states)."""

    identity: NDArray[np.integer]
    cohort: NDArray[np.integer]
    state: NDArray[np.integer]
    purchase_rate: NDArray[np.floating]
    defection_rate: NDArray[np.floating]
    mean_spend: NDArray[np.floating]
    block: NDArray[np.integer]
    births: list[tuple[Ints, Ints]]

    def __post_init__(self) -> None:
        kinds = {
            "identity": np.uint32, "cohort": np.int16, "state": np.uint16, "purchase_rate": np.float32,
            "defection_rate": np.float32, "mean_spend": np.float32, "block": np.int32,
        }  # fmt: skip
        for name, kind in kinds.items():
            object.__setattr__(self, name, getattr(self, name).astype(kind, copy=False))


def check_number(people: float) -> None:
    """Refuse more customers than can be held, before any is drawn.

    Raises
    ------
    InputError
        If there are more than :data:`MOST_PEOPLE`, or their arrays would not fit into the memory that is free.
    """
    room = free_memory()
    if people > MOST_PEOPLE:
        raise InputError(f"{people:,.0f} customers over the horizon; at most {MOST_PEOPLE:,} can be drawn")
    if people * BYTES_EACH > room:
        raise InputError(
            f"{people:,.0f} customers over the horizon need at least {people * BYTES_EACH / 1e9:,.1f} GB, and "
            f"{room / 1e9:,.1f} GB are free; state fewer (a scenario in thousands has the same odds), or ask "
            "for a plan, which goes by expected numbers"
        )


def draw_people(twin: Described, seed: int, replication: int, traits: TraitsFrom) -> Population:
    """Return the customers of one replication, as :meth:`sim.twin.Twin.population` says."""
    check_number(float(twin.chain.initial.sum() + twin.chain.arrivals.sum()))
    parts = []
    if twin.base is not None:
        parts.append(_base_population(twin, twin.base, seed, replication, traits))
    for group, name in enumerate(twin.chain.targets.segments):
        segment = twin.scenario.segments.get(name)
        if segment is not None and (segment.start or segment.births):
            parts.append(_synthetic_population(twin, group, name, segment, seed, replication, traits))
    return _join(twin, parts)


def _join(twin: Described, parts: list[_People]) -> Population:
    cohort = np.concatenate([part.cohort for part in parts])
    order = None if (np.diff(cohort) >= 0).all() else np.argsort(cohort, kind="stable")

    def joined(name: str) -> Any:
        whole = np.concatenate([getattr(part, name) for part in parts])
        return whole if order is None or whole.size == 0 else whole[order]

    place = np.arange(cohort.size)
    if order is not None:
        place[order] = np.arange(cohort.size)
    births = []
    first = np.cumsum([0] + [part.cohort.size for part in parts])
    for t in range(twin.chain.periods):
        come = [(place[part.births[t][0] + at], part.births[t][1]) for part, at in zip(parts, first, strict=False)]
        births.append((np.concatenate([c[0] for c in come]), np.concatenate([c[1] for c in come])))
    return Population(
        start=np.concatenate([[0], np.cumsum(np.bincount(cohort, minlength=twin.cohort_group.size))]),
        identity=joined("identity"),
        state=joined("state"),
        purchase_rate=joined("purchase_rate"),
        defection_rate=joined("defection_rate"),
        mean_spend=joined("mean_spend"),
        block=joined("block"),
        arrivals=tuple(births),
    )


def _base_population(twin: Described, base: BaseGroups, seed: int, replication: int, traits: TraitsFrom) -> _People:
    identity = np.arange(base.group.size, dtype=np.int64)
    block = np.zeros(0, dtype=np.int64)
    if traits == "individual":
        sample = base.posterior.draw(seed, random_streams.TRAITS, identity, replication)
        rate, defection, spend = sample.purchase_rate, sample.defection_rate, sample.mean_spend
        gone, lost = sample.gone, sample.lost
    else:
        traits_of = twin.chain.traits
        assert traits_of is not None
        u = random_streams.uniforms(seed, random_streams.TRAITS, identity, replication=replication)[:, 0]
        pick = np.minimum((u * len(base.samples)).astype(np.int64), len(base.samples) - 1)
        block = base.block_of_sample[pick, identity]
        gone = np.stack([s.gone for s in base.samples])[pick, identity]
        lost = np.stack([s.lost for s in base.samples])[pick, identity]
        rate, defection, spend = (each[block] for each in traits_of)
    true = ALIVE + gone.astype(np.int64) + lost
    level, ties = _attitudes_at_start(Attitudes(twin.scenario), seed, 0, identity, replication)
    state = state_index(twin.chain.space, true, base.count, base.silence, level, ties)
    return _People(identity, base.group, state, rate, defection, spend, block, _nobody(twin.chain.periods))


def _attitudes_at_start(
    attitudes: Attitudes, seed: int, stream: int, identity: Ints, replication: int, each: Established | None = None
) -> tuple[Ints, Ints]:
    """Return level of satisfaction and bond of customers at the start: drawn as stated for them, or as usual."""
    if not attitudes.levels and not attitudes.ties:
        return np.zeros(identity.size, dtype=np.int64), np.full(identity.size, -1)
    u = random_streams.uniforms(seed, random_streams.TRAITS, identity, stream=stream, draw=2, replication=replication)
    levels = attitudes.level_mix if each is None or each.satisfaction is None else np.array(each.satisfaction)
    level = _pick(levels, u[:, 0]) + 1 if attitudes.levels else np.zeros(identity.size, dtype=np.int64)
    ties = _pick(attitudes.tie_mix_of(each), u[:, 1]) if attitudes.ties else np.full(identity.size, -1)
    return level, ties


def _synthetic_population(
    twin: Described, group: int, name: str, segment: Segment, seed: int, replication: int, traits: TraitsFrom
) -> _People:
    chain, stream = twin.chain, int(twin.streams[group])
    later = settled(segment) if segment.traits is not None else []
    start = np.concatenate(
        [
            np.full(round(each.count), chain.start_state("new" if (at, each) in later else at), np.uint16)
            for at, each in segment.standing
        ]
        or [np.zeros(0, np.uint16)]
    )
    births = _births(segment, chain)
    size = start.size + sum(states.size for _, states in births)
    state = np.full(size, len(chain.space.names), dtype=np.uint16)
    state[: start.size] = start
    identity = np.arange(size, dtype=np.uint32)
    blocks = np.flatnonzero(chain.group == group)
    traits_of, attitudes = chain.traits, Attitudes(twin.scenario)
    if traits_of is None or segment.traits is None:
        nothing = np.zeros(size, dtype=np.float32)
        cohort = np.full(size, group, dtype=np.int16)
        return _People(identity, cohort, state, nothing, nothing, nothing, np.full(size, blocks[0], np.int32), births)
    rate, defection, spend = (np.empty(size, dtype=np.float32) for _ in range(3))
    cohort = np.empty(size, dtype=np.int16)
    block = np.empty(size if traits == "classes" else 0, dtype=np.int32)
    first = int(np.flatnonzero(twin.cohort_group == group)[0])
    qualities = segment.quality or ALIKE
    factor = np.array([[q.purchase_rate, q.spend] for q in qualities])
    weights = block_weights(segment, twin.scenario)
    for low in range(0, size, CHUNK):
        part = slice(low, min(low + CHUNK, size))
        who = identity[part].astype(np.int64)
        draws = random_streams.uniforms(seed, random_streams.TRAITS, who, stream=stream, replication=replication)
        if traits == "classes":
            block[part] = blocks[_pick(weights, draws[:, 0])]
            cohort[part] = twin.block_cohort[block[part]]
            rate[part], defection[part], spend[part] = (each[block[part]] for each in traits_of)
        else:
            kind = _pick(np.array([q.share for q in qualities]), draws[:, 3])
            cohort[part] = first + kind
            own = synthetic_traits(segment.traits, draws)
            rate[part], defection[part] = own[0] * factor[kind, 0], own[1]
            spend[part] = own[2] * factor[kind, 1]
        alive = np.flatnonzero(chain.space.kind[np.minimum(state[part], len(chain.space.names) - 1)] == ALIVE)
        alive = alive[state[part][alive] < len(chain.space.names)]
        if alive.size and (attitudes.levels or attitudes.ties):
            level, ties = _attitudes_at_start(attitudes, seed, stream, who[alive], replication)
            one = np.ones(alive.size, dtype=np.int64)
            state[low + alive] = state_index(chain.space, ALIVE * one, one, 0 * one, level, ties)
    people = _People(identity, cohort, state, rate, defection, spend, block, births)
    if later:
        _settle(twin, people, group, segment, seed, replication)
    return people


def _settle(twin: Described, people: _People, group: int, segment: Segment, seed: int, replication: int) -> None:
    """Put those who have been customers for a while where they stand, with the traits of who is still there."""
    chain, low, source, attitudes = twin.chain, 0, 0, Attitudes(twin.scenario)
    for number, (stage, each) in enumerate(segment.standing):
        who = np.arange(low, low + round(each.count))
        low += who.size
        if is_young(stage, each):
            continue
        source += 1
        if who.size == 0:
            continue
        if people.block.size:
            blocks = blocks_by_source(segment, np.flatnonzero(chain.group == group))[:, source].ravel()
            _place_in_classes(twin, people, who, blocks, int(twin.streams[group]), seed, replication)
            continue
        age = age_of(stage, each, segment, twin.scenario)
        past = Candidates(chain, attitudes, twin.cohorts, twin.cohort_group, group, segment, age, stage, number)
        found = past.draw(who.size, seed, replication)
        for name, values in found._asdict().items():
            getattr(people, name)[who] = values
        stays = who[chain.space.kind[found.state] == ALIVE]
        here = people.state[stays]
        felt = _attitudes_at_start(attitudes, seed, int(twin.streams[group]), stays, replication, each)
        space = chain.space
        people.state[stays] = state_index(
            space, space.kind[here], space.bought[here], space.silent[here], *felt, space.kept[here]
        )


def _place_in_classes(
    twin: Described, people: _People, who: Ints, blocks: Ints, stream: int, seed: int, replication: int
) -> None:
    """Draw block and state at once from those expected at the start."""
    chain = twin.chain
    assert chain.traits is not None
    expected = chain.initial[blocks]
    u = random_streams.uniforms(seed, random_streams.TRAITS, who, stream=stream, draw=3, replication=replication)[:, 0]
    pick = _pick(expected.ravel() / max(float(expected.sum()), 1e-300), u)
    block = blocks[pick // expected.shape[1]]
    people.block[who], people.cohort[who], people.state[who] = block, twin.block_cohort[block], pick % expected.shape[1]
    for mine, each in zip((people.purchase_rate, people.defection_rate, people.mean_spend), chain.traits, strict=True):
        mine[who] = each[block]


def _nobody(periods: int) -> list[tuple[Ints, Ints]]:
    none = np.zeros(0, dtype=np.int64)
    return [(none, none)] * periods


def _births(segment: Segment, chain: ControlledChain) -> list[tuple[Ints, Ints]]:
    """Return by period who appears: positions among the segment's people, and states."""
    at = sum(round(each.count) for _, each in segment.standing)
    out = []
    for t in range(chain.periods):
        states = np.concatenate(
            [
                np.full(born(births, t), chain.start_state(stage), dtype=np.int64)
                for stage, births in segment.births.items()
            ]
            or [np.zeros(0, dtype=np.int64)]
        )
        out.append((at + np.arange(states.size), states))
        at += states.size
    return out


def _pick(weights: Floats, u: Floats) -> Ints:
    """Return which of the weighted kinds each uniform falls on."""
    return np.minimum(np.searchsorted(np.cumsum(weights), u), weights.size - 1)
