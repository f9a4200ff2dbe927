"""A scenario made ready to run: the chain its customers follow, and the customers themselves.

``build`` is the one way from a scenario to a :class:`Twin`. The chain (blocks of trait classes) serves the fluid
twin and the optimiser; ``population`` draws individual customers for the agents. Both describe the same people.

A *cohort* is a group (segment and value tier) and a quality of prospects, which the firm does not see.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim.contract import Targets
from sim.customers.groups import BaseGroups, Blocks, base_groups, horizon_rate
from sim.customers.population import Population, defection_classes, gamma_classes, mean_spend_of, synthetic_traits
from sim.customers.segmentation import SEGMENTS, TIERS
from sim.engine import lifecycle, random_streams
from sim.engine.attitudes import Attitudes
from sim.engine.chain import ALIVE, LOST, ControlledChain, MatrixChain, StateSpace, value_to_go
from sim.engine.crowd import scheduled_environment
from sim.engine.lifecycle import Lifecycle
from sim.engine.state_space import state_index, state_space
from sim.errors import ScenarioError
from sim.scenario import Scenario, Segment, Traits
from sim.scenario_customers import Quality

__all__ = ["Twin", "build"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TraitsFrom = Literal["individual", "classes"]

SYNTHETIC_CLASSES = (6, 5)
"""Trait classes of a synthetic segment: nodes in the purchase rate x in the defection rate."""
LOW_DISCOUNT = 0.1
"""Discount over the horizon below which value lies far beyond it: the rule then looks further, with two nodes more.

CDNOW's defection law, 24 months at 1 % a year: value-to-go 12 % low with the usual rule, .01 % with this one.
"""

GRID_RATES = np.concatenate([[0.0], np.geomspace(1e-3, 60.0, 25)])
GRID_DEFECTIONS = np.concatenate([[0.0], np.geomspace(1e-4, 30.0, 25)])

CHUNK = 1_000_000
"""People whose traits are drawn at a time: bounds the memory of drawing."""

ALIKE = (Quality(share=1.0),)
"""The qualities of a segment that states none."""


@dataclass(frozen=True, eq=False)
class Twin:
    """A scenario's customers: the chain they follow, and the means to draw them.

    Attributes
    ----------
    scenario : Scenario
    chain : ControlledChain
        With blocks of trait classes: what the fluid twin and the optimiser work on.
    margin : (groups,)
        Margin rate on revenue.
    streams : (groups,)
        Key of each group's draws.
    cohort_group, cohort_quality : (cohorts,)
        Group of each cohort, and which of its segment's qualities it is.
    block_cohort : (blocks,)
    base : BaseGroups or None
    """

    scenario: Scenario
    chain: ControlledChain
    margin: Floats
    streams: Ints
    cohort_group: Ints
    cohort_quality: Ints
    block_cohort: Ints
    base: BaseGroups | None

    @property
    def targets(self) -> Targets:
        """Return whom the firm can tell apart."""
        return self.chain.targets

    def quality(self, cohort: int) -> Quality:
        """Return the quality of a cohort's prospects."""
        segment = self.scenario.segments.get(self.targets.segments[self.cohort_group[cohort]])
        qualities = segment.quality if segment and segment.quality else ALIKE
        return qualities[int(self.cohort_quality[cohort])]

    def population(self, seed: int, replication: int, traits: TraitsFrom = "individual") -> Population:
        """Return the customers of one replication, those who are yet to appear included.

        Parameters
        ----------
        traits
            ``individual``: each customer draws its own from its law or posterior; ``classes``: from the nodes of the
            trait classes, the law under which the fluid twin is exact.
        """
        parts = []
        if self.base is not None:
            parts.append(self._base_population(self.base, seed, replication, traits))
        for group, name in enumerate(self.targets.segments):
            segment = self.scenario.segments.get(name)
            if segment is not None and (segment.start or segment.births):
                parts.append(self._synthetic_population(group, name, segment, seed, replication, traits))
        return self._join(parts)

    def _join(self, parts: "list[_People]") -> Population:
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
        for t in range(self.chain.periods):
            come = [(place[part.births[t][0] + at], part.births[t][1]) for part, at in zip(parts, first, strict=False)]
            births.append((np.concatenate([c[0] for c in come]), np.concatenate([c[1] for c in come])))
        return Population(
            start=np.concatenate([[0], np.cumsum(np.bincount(cohort, minlength=self.cohort_group.size))]),
            identity=joined("identity"),
            state=joined("state"),
            purchase_rate=joined("purchase_rate"),
            defection_rate=joined("defection_rate"),
            mean_spend=joined("mean_spend"),
            block=joined("block"),
            arrivals=tuple(births),
        )

    def _base_population(self, base: BaseGroups, seed: int, replication: int, traits: TraitsFrom) -> "_People":
        identity = np.arange(base.group.size, dtype=np.int64)
        block = np.zeros(0, dtype=np.int64)
        if traits == "individual":
            sample = base.posterior.draw(seed, random_streams.TRAITS, identity, replication)
            rate, defection, spend = sample.purchase_rate, sample.defection_rate, sample.mean_spend
            gone, lost = sample.gone, sample.lost
        else:
            chain = self.chain
            assert isinstance(chain, Lifecycle)
            u = random_streams.uniforms(seed, random_streams.TRAITS, identity, replication=replication)[:, 0]
            pick = np.minimum((u * len(base.samples)).astype(np.int64), len(base.samples) - 1)
            block = base.block_of_sample[pick, identity]
            gone = np.stack([s.gone for s in base.samples])[pick, identity]
            lost = np.stack([s.lost for s in base.samples])[pick, identity]
            rate, defection, spend = (
                chain.purchase_rate[block], chain.defection_rate[block], chain.mean_spend[block]
            )  # fmt: skip
        true = ALIVE + gone.astype(np.int64) + lost
        level, ties = self._attitudes_at_start(seed, 0, identity, replication)
        state = state_index(self.chain.space, true, base.count, base.silence, level, ties)
        return _People(identity, base.group, state, rate, defection, spend, block, _nobody(self.chain.periods))

    def _attitudes_at_start(self, seed: int, stream: int, identity: Ints, replication: int) -> tuple[Ints, Ints]:
        """Return level of satisfaction and ties of customers at the start."""
        chain = self.chain
        assert isinstance(chain, Lifecycle)
        attitudes = chain.attitudes
        if not attitudes.levels and not attitudes.ties:
            return np.zeros(identity.size, dtype=np.int64), np.full(identity.size, -1)
        u = random_streams.uniforms(
            seed, random_streams.TRAITS, identity, stream=stream, draw=2, replication=replication
        )
        level = _pick(attitudes.level_mix, u[:, 0]) + 1 if attitudes.levels else np.zeros(identity.size, dtype=np.int64)
        ties = _pick(attitudes.tie_mix, u[:, 1]) if attitudes.ties else np.full(identity.size, -1)
        return level, ties

    def _synthetic_population(
        self, group: int, name: str, segment: Segment, seed: int, replication: int, traits: TraitsFrom
    ) -> "_People":
        chain, stream = self.chain, int(self.streams[group])
        start = np.concatenate(
            [np.full(_whole(number), _start_state(chain, at), np.uint16) for at, number in segment.start.items()]
            or [np.zeros(0, np.uint16)]
        )
        births = _births(segment, chain)
        size = start.size + sum(states.size for _, states in births)
        state = np.full(size, len(chain.space.names), dtype=np.uint16)
        state[: start.size] = start
        identity = np.arange(size, dtype=np.uint32)
        blocks = np.flatnonzero(chain.group == group)
        if not isinstance(chain, Lifecycle) or segment.traits is None:
            nothing = np.zeros(size, dtype=np.float32)
            cohort = np.full(size, group, dtype=np.int16)
            return _People(
                identity, cohort, state, nothing, nothing, nothing, np.full(size, blocks[0], np.int32), births
            )
        rate, defection, spend = (np.empty(size, dtype=np.float32) for _ in range(3))
        cohort = np.empty(size, dtype=np.int16)
        block = np.empty(size if traits == "classes" else 0, dtype=np.int32)
        first = int(np.flatnonzero(self.cohort_group == group)[0])
        qualities = segment.quality or ALIKE
        factor = np.array([[q.purchase_rate, q.spend] for q in qualities])
        weights = _weights(segment, self.scenario)
        for low in range(0, size, CHUNK):
            part = slice(low, min(low + CHUNK, size))
            who = identity[part].astype(np.int64)
            draws = random_streams.uniforms(seed, random_streams.TRAITS, who, stream=stream, replication=replication)
            if traits == "classes":
                block[part] = blocks[_pick(weights, draws[:, 0])]
                cohort[part] = self.block_cohort[block[part]]
                rate[part] = chain.purchase_rate[block[part]]
                defection[part], spend[part] = chain.defection_rate[block[part]], chain.mean_spend[block[part]]
            else:
                kind = _pick(np.array([q.share for q in qualities]), draws[:, 3])
                cohort[part] = first + kind
                own = synthetic_traits(segment.traits, draws)
                rate[part], defection[part] = own[0] * factor[kind, 0], own[1]
                spend[part] = own[2] * factor[kind, 1]
            alive = np.flatnonzero(chain.space.kind[np.minimum(state[part], len(chain.space.names) - 1)] == ALIVE)
            alive = alive[state[part][alive] < len(chain.space.names)]
            if alive.size and (chain.attitudes.levels or chain.attitudes.ties):
                level, ties = self._attitudes_at_start(seed, stream, who[alive], replication)
                one = np.ones(alive.size, dtype=np.int64)
                state[low + alive] = state_index(chain.space, ALIVE * one, one, 0 * one, level, ties)
        return _People(identity, cohort, state, rate, defection, spend, block, births)

    @cached_property
    def amounts(self) -> tuple[Ints, Floats, Floats, NDArray[np.bool_]]:
        """Return which table of amounts each cohort has, the tables, their moments, and where all are of mean size."""
        shapes = []
        for group in self.cohort_group:
            segment = self.scenario.segments.get(self.targets.segments[group])
            spend = segment.traits.spend if segment is not None and segment.traits is not None else None
            if spend is None and self.scenario.base is not None:
                shapes.append(self.scenario.base.gamma_gamma.p)
            else:
                shapes.append(float(getattr(spend, "p", np.inf)))
        kinds, index = np.unique(shapes, return_inverse=True)
        tables, moments = zip(*(random_streams.amount_table(float(p)) for p in kinds), strict=True)
        return index.astype(np.int64), np.stack(tables), np.stack(moments), np.isinf(kinds)

    @cached_property
    def money_units(self) -> float:
        """Return how many integer units money is counted in per unit of currency: a power of two.

        As many as let a thousand purchases of everybody fit into 2^60 units, so that the currency does not matter.
        """
        spend = self.chain.mean_spend.max() if isinstance(self.chain, Lifecycle) else 1.0
        people = float(self.chain.initial.sum()) + float(self.chain.arrivals.sum())
        most = 1e3 * max(float(spend), 1e-300) * max(people, 1.0)
        return float(2.0 ** math.floor(60 - math.log2(most)))

    @cached_property
    def value_grid(self) -> tuple[Floats, Floats, Ints, Floats, Floats]:
        """Return what a customer earns and costs after the horizon, on a grid of the two rates.

        Nodes of both rates; which grid each cohort has; and per (grid, node, node, state) what is earned per unit of
        mean spend and what is spent (marketing and cost to serve), both undiscounted at the horizon. Cohorts that
        respond alike share one computation.
        """
        chain = self.chain
        assert isinstance(chain, Lifecycle)
        effects = chain.responses(chain.environment[-1], chain.targets.reference)
        rate, defection = (grid.ravel() for grid in np.meshgrid(GRID_RATES, GRID_DEFECTIONS, indexing="ij"))
        nodes = (GRID_RATES.size, GRID_DEFECTIONS.size, chain.block_law.shape[1])
        ones = np.ones(rate.size)
        done: dict[bytes, int] = {}
        index = np.empty(self.cohort_group.size, dtype=np.int64)
        earned: list[Floats] = []
        spent: list[Floats] = []
        for cohort, group in enumerate(self.cohort_group):
            at = int(np.flatnonzero(self.block_cohort == cohort)[0])
            own = (chain.acquisition[at], chain.bad_debt[at], chain.serve[at])
            alike = (effects[group], chain.targets.reference[group], self.margin[group], chain.space.law[group], *own)
            key = b"".join(np.asarray(part).tobytes() for part in alike)
            index[cohort] = done.setdefault(key, len(earned))
            if index[cohort] < len(earned):
                continue
            at_nodes = replace(
                chain,
                group=np.full(rate.size, group),
                initial=np.zeros((rate.size, nodes[2])),
                arrivals=np.zeros((0, rate.size, nodes[2])),
                purchase_rate=rate,
                defection_rate=defection,
                mean_spend=ones,
                acquisition=own[0] * ones,
                bad_debt=own[1] * ones,
                serve=np.tile(own[2], (rate.size, 1)),
            )
            gained, paid = value_to_go(at_nodes)
            if own[2].any():
                served, _ = value_to_go(replace(at_nodes, mean_spend=0 * ones))
                gained, paid = gained - served, paid - served
            earned.append(gained.reshape(nodes))
            spent.append(paid.reshape(nodes))
        return GRID_RATES, GRID_DEFECTIONS, index, np.stack(earned), np.stack(spent)


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


def _nobody(periods: int) -> list[tuple[Ints, Ints]]:
    none = np.zeros(0, dtype=np.int64)
    return [(none, none)] * periods


def _births(segment: Segment, chain: ControlledChain) -> list[tuple[Ints, Ints]]:
    """Return by period who appears: positions among the segment's people, and states."""
    at = sum(_whole(number) for number in segment.start.values())
    out = []
    for t in range(chain.periods):
        states = np.concatenate(
            [
                np.full(_born(number, t), _start_state(chain, stage), dtype=np.int64)
                for stage, number in segment.births.items()
            ]
            or [np.zeros(0, dtype=np.int64)]
        )
        out.append((at + np.arange(states.size), states))
        at += states.size
    return out


def _born(number: float, period: int) -> int:
    """Return how many appear in a period: whole numbers that add up to ``number`` a period."""
    return _whole(number * (period + 1)) - _whole(number * period)


def _pick(weights: Floats, u: Floats) -> Ints:
    """Return which of the weighted kinds each uniform falls on."""
    return np.minimum(np.searchsorted(np.cumsum(weights), u), weights.size - 1)


def build(scenario: Scenario) -> Twin:
    """Return the twin of a scenario; reads the customer base where the scenario names one.

    Raises
    ------
    FolderError
        If the customer base is missing.
    """
    return _build_matrix_chain(scenario) if scenario.chain is not None else _build_lifecycle(scenario)


def _build_matrix_chain(scenario: Scenario) -> Twin:
    given = scenario.chain
    assert given is not None
    names = tuple(scenario.segments)
    groups, states = len(names), len(given.states)
    actions = [segment.actions or given.actions for segment in scenario.segments.values()]
    index = np.tile(np.arange(states), (groups, 1))
    none = np.zeros(states, dtype=np.int64)
    kind = np.array([LOST if state in given.gone else ALIVE for state in given.states])
    spend = np.array([[action.spend for action in row] for row in actions])
    allowed = np.array([given.targets is None or state in given.targets for state in given.states])
    allowed = np.broadcast_to(allowed[None, :, None], (groups, states, 1)).copy()
    reference = np.where(allowed, np.repeat(spend[:, given.reference], states).reshape(groups, states, 1), 0.0)
    initial = np.zeros((groups, states))
    for group, segment in enumerate(scenario.segments.values()):
        for state, number in segment.start.items():
            initial[group, given.states.index(state)] = _whole(number)
    chain = MatrixChain(
        targets=Targets(
            names, ("unknown",) * groups, given.states, (given.lever,), allowed, reference, reference.copy(), (0,), (1,)
        ),
        space=StateSpace(
            names=given.states,
            kind=kind,
            stage=index,
            law=index,
            law_stage=np.arange(states),
            law_kind=kind,
            successor=np.tile(np.arange(states), (states, 1)),
            bought=none,
            silent=none,
            level=none,
            ties=none - 1,
            law_level=none,
            law_ties=none - 1,
        ),
        group=np.arange(groups),
        initial=initial,
        periods=scenario.periods,
        discount_rate=scenario.discount_per_period,
        environment=np.ones((scenario.periods + 1, groups, 1)),
        arrivals=np.zeros((scenario.periods, groups, states)),
        with_terminal=scenario.terminal == "value-to-go",
        action_spend=spend,
        moves=np.array([[action.moves for action in row] for row in actions], dtype=float),
        rewards=np.array([[action.reward for action in row] for row in actions], dtype=float),
    )
    own = np.arange(groups)
    streams = np.array([random_streams.stream_of(name) for name in names])
    return Twin(scenario, chain, np.ones(groups), streams, own, 0 * own, own, None)


def _build_lifecycle(scenario: Scenario) -> Twin:
    segments: list[str] = []
    tiers: list[str] = []
    if scenario.base is not None:
        segments += [name for name in SEGMENTS for _ in TIERS]
        tiers += [tier for _ in SEGMENTS for tier in TIERS]
    synthetic = [name for name, segment in scenario.segments.items() if segment.traits is not None]
    segments += synthetic
    tiers += ["unknown"] * len(synthetic)
    own = [scenario.segments.get(name, Segment()) for name in segments]
    thresholds = [segment.stages or scenario.stages for segment in own]
    margin = np.array([scenario.margin if segment.margin is None else segment.margin for segment in own])
    loss = np.array([scenario.loss if segment.loss is None else segment.loss for segment in own])
    attitudes = Attitudes(scenario)
    space = state_space(
        thresholds,
        levels=attitudes.levels,
        ties=attitudes.ties,
        entry=attitudes.entry,
        seen=scenario.law != "silent",
    )

    base = base_groups(scenario, space, loss) if scenario.base is not None else None
    blocks = [base.blocks] if base is not None else []
    cohort_group: list[int] = []
    cohort_quality: list[int] = []
    block_cohort: list[int] = []
    for group, segment in enumerate(own):
        synthetic_here = segment.traits is not None
        qualities = segment.quality or ALIKE
        made = _synthetic_blocks(scenario, space, group, segment) if synthetic_here else None
        number = made.group.size if made else int((base.blocks.group == group).sum()) if base else 0
        block_cohort += [len(cohort_group) + i * len(qualities) // number for i in range(number)]
        cohort_group += [group] * len(qualities)
        cohort_quality += list(range(len(qualities)))
        if made:
            blocks.append(made)
    joined = {name: np.concatenate([getattr(part, name) for part in blocks]) for name in Blocks.__dataclass_fields__}
    joined["initial"] = _spread(space, joined["initial"], attitudes)
    block_quality = [(own[cohort_group[c]].quality or ALIKE)[cohort_quality[c]] for c in block_cohort]
    serve = [own[g].cost_to_serve or scenario.cost_to_serve for g in joined["group"]]
    targets = lifecycle.targets_of(scenario, segments, tiers)
    chain = Lifecycle(
        targets=targets,
        space=space,
        periods=scenario.periods,
        discount_rate=scenario.discount_per_period,
        environment=scheduled_environment(scenario, targets, attitudes, scenario.periods),
        arrivals=_arrivals(scenario, segments, joined["group"], joined["initial"].shape),
        with_terminal=scenario.terminal == "value-to-go",
        scenario=scenario,
        margin=margin,
        loss=loss,
        acquisition=np.array([q.acquisition for q in block_quality]),
        bad_debt=np.array([q.bad_debt for q in block_quality]),
        serve=np.array(
            [
                [q.cost_to_serve * each.per_customer, q.cost_to_serve * each.per_purchase]
                for q, each in zip(block_quality, serve, strict=True)
            ]
        ),
        **joined,
    )
    _check_reference(chain)
    streams = [0 if name in SEGMENTS and scenario.base else random_streams.stream_of(name) for name in segments]
    return Twin(
        scenario,
        chain,
        margin,
        np.array(streams, dtype=np.int64),
        np.array(cohort_group),
        np.array(cohort_quality),
        np.array(block_cohort),
        base,
    )


def _spread(space: StateSpace, initial: Floats, attitudes: Attitudes) -> Floats:
    """Return expected customers at the start with those alive spread over levels of satisfaction and ties."""
    mix = np.outer(attitudes.level_mix, attitudes.tie_mix).ravel()
    alive = np.flatnonzero(space.kind == ALIVE)
    out = initial.copy()
    number = initial[:, alive].reshape(initial.shape[0], -1, mix.size).sum(axis=2)
    out[:, alive] = (number[:, :, None] * mix).reshape(initial.shape[0], -1)
    return out


def _arrivals(scenario: Scenario, segments: list[str], group: Ints, shape: tuple[int, ...]) -> Floats:
    """Return expected people who appear, (periods, blocks, states)."""
    out = np.zeros((scenario.periods, *shape))
    for g, name in enumerate(segments):
        segment = scenario.segments.get(name, Segment())
        for stage, number in segment.births.items():
            born = np.array([_born(number, t) for t in range(scenario.periods)])
            out[:, group == g, _START[stage]] += born[:, None] * _weights(segment, scenario)[None, :]
    return out


def _check_reference(chain: Lifecycle) -> None:
    """Raise where today's spend leaves a multiplier without a value, as a survival that rounds to 1 does."""
    effects = chain.responses(chain.environment[0], chain.targets.reference)
    if not np.isfinite(effects).all():
        group, stage, _ = (int(i) for i in np.argwhere(~np.isfinite(effects))[0])
        raise ScenarioError(
            f"levers on '{chain.targets.name(group, stage)}': at the reference, survival must lie between 0 and 1 and "
            "gains above -1; choose a lower reference or other answers"
        )


def _classes(traits: Traits, scenario: Scenario) -> tuple[Floats, Floats, Floats]:
    """Return purchase rates, defection rates and weights of a synthetic segment's trait classes."""
    rates, rate_weights = gamma_classes(traits.purchase_rate, SYNTHETIC_CLASSES[0])
    horizon, count = horizon_rate(scenario), SYNTHETIC_CLASSES[1]
    discount = scenario.discount_per_period
    if scenario.terminal == "value-to-go" and discount * scenario.periods < LOW_DISCOUNT:
        horizon, count = math.sqrt(discount * horizon), count + 2
    defections, weights = defection_classes(traits.defection_rate, count, horizon)
    return (
        np.repeat(rates, defections.size),
        np.tile(defections, rates.size),
        np.outer(rate_weights, weights).ravel(),
    )


def _weights(segment: Segment, scenario: Scenario) -> Floats:
    """Return the weight of each block of a synthetic segment: quality x trait class."""
    assert segment.traits is not None
    _, _, weights = _classes(segment.traits, scenario)
    share = np.array([quality.share for quality in segment.quality or ALIKE])
    return np.asarray(np.outer(share / share.sum(), weights).ravel())


def _synthetic_blocks(scenario: Scenario, space: StateSpace, group: int, segment: Segment) -> Blocks:
    assert segment.traits is not None
    rates, defections, _ = _classes(segment.traits, scenario)
    qualities, weights = segment.quality or ALIKE, _weights(segment, scenario)
    initial = np.zeros((weights.size, len(space.names)))
    for at, number in segment.start.items():
        initial[:, _START[at]] += weights * _whole(number)
    spend = mean_spend_of(segment.traits.spend)
    return Blocks(
        np.full(weights.size, group),
        initial,
        np.concatenate([quality.purchase_rate * rates for quality in qualities]),
        np.tile(defections, len(qualities)),
        np.repeat([quality.spend * spend for quality in qualities], rates.size),
    )


_START = {"unaware": 0, "prospect": 1, "new": 2}


def _start_state(chain: ControlledChain, at: str) -> int:
    return _START[at] if isinstance(chain, Lifecycle) else chain.space.names.index(at)


def _whole(number: float) -> int:
    return round(number)
