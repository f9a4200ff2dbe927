"""A scenario made ready to run: the chain its customers follow, and the customers themselves.

``build`` is the one way from a scenario to a :class:`Twin`. The chain (blocks of trait classes) serves the fluid
twin and the optimiser; ``population`` draws individual customers for the agents. Both describe the same people.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.contract import Targets
from sim.customers.groups import BaseGroups, Blocks, base_groups, horizon_rate
from sim.customers.population import Population, defection_classes, gamma_classes, mean_spend_of, synthetic_traits
from sim.customers.segmentation import SEGMENTS, TIERS
from sim.engine import lifecycle, random_streams
from sim.engine.chain import ALIVE, LOST, ControlledChain, MatrixChain, StateSpace, value_to_go
from sim.engine.lifecycle import Lifecycle
from sim.errors import ScenarioError
from sim.scenario import Scenario, Segment, Traits

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
    """

    scenario: Scenario
    chain: ControlledChain
    margin: Floats
    streams: Ints
    base: BaseGroups | None

    @property
    def targets(self) -> Targets:
        """Return whom the firm can tell apart."""
        return self.chain.targets

    def population(self, seed: int, replication: int, traits: TraitsFrom = "individual") -> Population:
        """Return the customers of one replication.

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
            if segment is not None and segment.start:
                parts.append(self._synthetic_population(group, name, segment, seed, replication, traits))
        return Population.join(parts)

    def _base_population(self, base: BaseGroups, seed: int, replication: int, traits: TraitsFrom) -> Population:
        identity = np.arange(base.group.size, dtype=np.int64)
        if traits == "individual":
            sample = base.posterior.draw(seed, random_streams.TRAITS, identity, replication)
            rate, defection, spend = sample.purchase_rate, sample.defection_rate, sample.mean_spend
            gone, lost = sample.gone, sample.lost
            block = np.full(identity.size, -1)
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
        state = lifecycle.state_index(self.chain.space, true, base.count, base.silence)
        return _population(identity, base.group, state, rate, defection, spend, block)

    def _synthetic_population(
        self, group: int, name: str, segment: Segment, seed: int, replication: int, traits: TraitsFrom
    ) -> Population:
        chain = self.chain
        state = np.concatenate(
            [np.full(_whole(number), _start_state(chain, at)) for at, number in segment.start.items()]
        )
        identity = np.arange(state.size, dtype=np.int64)
        blocks = np.flatnonzero(chain.group == group)
        if not isinstance(chain, Lifecycle) or segment.traits is None:
            nothing = np.zeros(identity.size)
            return _population(identity, group, state, nothing, nothing, nothing, np.full(identity.size, blocks[0]))
        draws = random_streams.uniforms(
            seed, random_streams.TRAITS, identity, stream=int(self.streams[group]), replication=replication
        )
        if traits == "individual":
            rate, defection, spend = synthetic_traits(segment.traits, draws)
            return _population(identity, group, state, rate, defection, spend, np.full(identity.size, -1))
        _, _, weights = _classes(segment.traits, self.scenario)
        block = blocks[np.minimum(np.searchsorted(np.cumsum(weights), draws[:, 0]), blocks.size - 1)]
        return _population(
            identity,
            group,
            state,
            chain.purchase_rate[block],
            chain.defection_rate[block],
            chain.mean_spend[block],
            block,
        )

    @cached_property
    def amounts(self) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Return the tables of amounts by group, their moments, and where every purchase is of mean size."""
        tables, moments, constant = [], [], []
        made: dict[float, tuple[Floats, Floats]] = {}
        for name in self.targets.segments:
            segment = self.scenario.segments.get(name)
            spend = segment.traits.spend if segment is not None and segment.traits is not None else None
            if spend is None and self.scenario.base is not None:
                p = self.scenario.base.gamma_gamma.p
            else:
                p = float(getattr(spend, "p", np.inf))
            if p not in made:
                made[p] = random_streams.amount_table(p)
            tables.append(made[p][0])
            moments.append(made[p][1])
            constant.append(np.isinf(p))
        return np.stack(tables), np.stack(moments), np.array(constant)

    @cached_property
    def money_units(self) -> float:
        """Return how many integer units money is counted in per unit of currency: a power of two.

        As many as let a thousand purchases of everybody fit into 2^60 units, so that the currency does not matter.
        """
        spend = self.chain.mean_spend.max() if isinstance(self.chain, Lifecycle) else 1.0
        most = 1e3 * max(float(spend), 1e-300) * max(float(self.chain.initial.sum()), 1.0)
        return float(2.0 ** math.floor(60 - math.log2(most)))

    @cached_property
    def value_grid(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return nodes of both rates and, per (group, node, node, state), what a customer earns and costs afterwards.

        Earned is per unit of mean spend, spent in money, both undiscounted at the horizon. Groups that respond alike
        share one computation.
        """
        chain = self.chain
        assert isinstance(chain, Lifecycle)
        nodes = (GRID_RATES.size, GRID_DEFECTIONS.size, chain.block_law.shape[1])
        earned, spent = (np.empty((len(self.margin), *nodes)) for _ in range(2))
        effects = chain.responses(chain.environment[-1], chain.targets.reference)
        done: dict[bytes, int] = {}
        for group in range(len(self.margin)):
            alike = (effects[group], chain.targets.reference[group], self.margin[group], chain.space.law[group])
            key = b"".join(np.asarray(part).tobytes() for part in alike)
            if key in done:
                earned[group], spent[group] = earned[done[key]], spent[done[key]]
                continue
            done[key] = group
            rate, defection = (grid.ravel() for grid in np.meshgrid(GRID_RATES, GRID_DEFECTIONS, indexing="ij"))
            at_nodes = replace(
                chain,
                group=np.full(rate.size, group),
                initial=np.zeros((rate.size, nodes[2])),
                purchase_rate=rate,
                defection_rate=defection,
                mean_spend=np.ones(rate.size),
            )
            gained, paid = value_to_go(at_nodes)
            earned[group], spent[group] = gained.reshape(nodes), paid.reshape(nodes)
        return GRID_RATES, GRID_DEFECTIONS, earned, spent


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
        targets=Targets(names, ("unknown",) * groups, given.states, (given.lever,), allowed, reference),
        space=StateSpace(
            names=given.states,
            kind=kind,
            stage=index,
            law=index,
            law_stage=np.arange(states),
            law_kind=kind,
            successor=np.tile(np.arange(states), (states, 1)),
        ),
        group=np.arange(groups),
        initial=initial,
        periods=scenario.periods,
        discount_rate=scenario.discount_per_period,
        environment=np.ones((scenario.periods + 1, 1)),
        with_terminal=scenario.terminal == "value-to-go",
        action_spend=spend,
        moves=np.array([[action.moves for action in row] for row in actions], dtype=float),
        rewards=np.array([[action.reward for action in row] for row in actions], dtype=float),
    )
    return Twin(scenario, chain, np.ones(groups), np.array([random_streams.stream_of(n) for n in names]), None)


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
    space = lifecycle.state_space(thresholds)

    base = base_groups(scenario, space, loss) if scenario.base is not None else None
    blocks = [base.blocks] if base is not None else []
    for group, name in enumerate(segments):
        segment = scenario.segments.get(name)
        if segment is not None and segment.traits is not None:
            blocks.append(_synthetic_blocks(scenario, space, group, segment))
    joined = {name: np.concatenate([getattr(part, name) for part in blocks]) for name in Blocks.__dataclass_fields__}
    chain = Lifecycle(
        targets=lifecycle.targets_of(scenario, segments, tiers),
        space=space,
        periods=scenario.periods,
        discount_rate=scenario.discount_per_period,
        environment=lifecycle.scheduled_environment(scenario.competitors, scenario.periods),
        with_terminal=scenario.terminal == "value-to-go",
        scenario=scenario,
        margin=margin,
        loss=loss,
        **joined,
    )
    _check_reference(chain)
    streams = [0 if name in SEGMENTS and scenario.base else random_streams.stream_of(name) for name in segments]
    return Twin(scenario, chain, margin, np.array(streams, dtype=np.int64), base)


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


def _synthetic_blocks(scenario: Scenario, space: StateSpace, group: int, segment: Segment) -> Blocks:
    assert segment.traits is not None
    rates, defections, weights = _classes(segment.traits, scenario)
    initial = np.zeros((weights.size, len(space.names)))
    for at, number in segment.start.items():
        initial[:, _START[at]] += weights * _whole(number)
    return Blocks(
        np.full(weights.size, group),
        initial,
        rates,
        defections,
        np.full(weights.size, mean_spend_of(segment.traits.spend)),
    )


_START = {"unaware": 0, "prospect": 1, "new": 2}


def _start_state(chain: ControlledChain, at: str) -> int:
    return _START[at] if isinstance(chain, Lifecycle) else chain.space.names.index(at)


def _whole(number: float) -> int:
    return round(number)


def _population(
    identity: Ints, group: Ints | int, state: Ints, rate: Floats, defection: Floats, spend: Floats, block: Ints
) -> Population:
    return Population(
        identity=identity,
        group=np.broadcast_to(group, state.shape).astype(np.int16),
        state=state.astype(np.int16),
        purchase_rate=rate.astype(np.float32),
        defection_rate=defection.astype(np.float32),
        mean_spend=spend.astype(np.float32),
        block=block.astype(np.int32),
    )
