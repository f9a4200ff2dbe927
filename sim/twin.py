"""A scenario made ready to run: the chain its customers follow, and the customers themselves.

``build`` is the one way from a scenario to a :class:`Twin`. The chain (blocks of trait classes) serves the fluid
twin and the optimiser; ``population`` draws individual customers for the agents. Both describe the same people.

A *cohort* is a group (segment and value tier) and a quality of prospects, which the firm does not see.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sim.arrays import Flags, Floats, Ints
from sim.contract import Targets
from sim.customers.groups import BaseGroups, Blocks, base_groups
from sim.customers.population import Population
from sim.customers.segmentation import SEGMENTS, TIERS
from sim.customers.synthetic import ALIKE, synthetic_arrivals, synthetic_blocks
from sim.engine import lifecycle, random_streams
from sim.engine.attitudes import Attitudes
from sim.engine.chain import ALIVE, LOST, ControlledChain, MatrixChain, StateSpace, value_to_go
from sim.engine.crowd import scheduled_environment
from sim.engine.effects import TO_RATE
from sim.engine.lifecycle import Lifecycle
from sim.engine.state_space import state_space
from sim.errors import ScenarioError
from sim.people import TraitsFrom, draw_people
from sim.scenario import Scenario, Segment
from sim.scenario_customers import Quality

__all__ = ["Twin", "build"]


MARGIN, STEP = 2.0**8, 10
"""How much more money than expected finds room in an integer; in how many powers of two a room for levers grows."""
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
        return draw_people(self, seed, replication, traits)

    @cached_property
    def amounts(self) -> tuple[Ints, Floats, Floats, Flags]:
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
        """Return how many integer units revenue is counted in per unit of currency: a power of two.

        As many as leave room for far more than everybody may bring in a period, however money and the market move
        amounts and rates; so the currency does not matter, and no sum runs over.
        """
        if not isinstance(self.chain, Lifecycle):
            return self._units(1.0)
        most = max(float(self.chain.environment[..., TO_RATE].max()), 1.0) / (self.scenario.share_of_customer or 1.0)
        most *= float(np.prod(self.chain.attitudes.level_effects[:, 1:].max(axis=0)))
        for lever in self.scenario.levers.values():
            overrides = [own.moves for own in lever.by_segment.values()]
            for moved in ("purchase_rate", "amount"):
                curves = [moves[moved] for moves in (lever.moves, *overrides) if moved in moves]
                answers = [(1 + c.unlimited_money) / max(1 + c.without_money, 1e-3) for c in curves]
                most *= max(answers, default=1.0)
        most = 2.0 ** (STEP * math.ceil(math.log2(most) / STEP))  # so that one lever more rounds no purchase otherwise
        return self._units(float((self.chain.mean_spend * np.maximum(self.chain.purchase_rate, 1.0)).max()) * most)

    @cached_property
    def value_units(self) -> float:
        """Return the same for values after the horizon."""
        return self._units(float(np.abs(self.chain.terminal).max()))

    def _units(self, each: float) -> float:
        """Return units that leave room for ``MARGIN`` times ``each`` of everybody below 2^60."""
        people = float(self.chain.initial.sum()) + float(self.chain.arrivals.sum())
        most = MARGIN * min(max(each, 1e-200), 1e200) * max(people, 1.0)
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
            initial[group, given.states.index(state)] = round(number)
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
        made = synthetic_blocks(scenario, space, group, segment) if synthetic_here else None
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
        arrivals=synthetic_arrivals(scenario, segments, joined["group"], joined["initial"].shape),
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


def _check_reference(chain: Lifecycle) -> None:
    """Raise where today's spend leaves a multiplier without a value, as a survival that rounds to 1 does."""
    effects = chain.responses(chain.environment[0], chain.targets.reference)
    if not np.isfinite(effects).all():
        group, stage, _ = (int(i) for i in np.argwhere(~np.isfinite(effects))[0])
        raise ScenarioError(
            f"levers on '{chain.targets.name(group, stage)}': at the reference, survival must lie between 0 and 1 and "
            "gains above -1; choose a lower reference or other answers"
        )
