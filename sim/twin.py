"""A scenario made ready to run: the chain its customers follow, and the customers themselves.

``build`` is the one way from a scenario to a :class:`Twin`. The chain (blocks of trait classes) serves the fluid
twin and the optimiser; ``population`` draws individual customers for the agents. Both describe the same people.

A *cohort* is a group (segment and value tier) and a quality of prospects, which the firm does not see.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from sim.arrays import Floats, Ints
from sim.contract import Targets
from sim.customers.established import spread
from sim.customers.groups import BaseGroups, Blocks, Read, base_groups
from sim.customers.people import TraitsFrom, draw_people
from sim.customers.population import Population
from sim.customers.retention import mean_leaving
from sim.customers.segmentation import TIERS
from sim.customers.synthetic import ALIKE, synthetic_arrivals, synthetic_blocks
from sim.engine import random_streams
from sim.engine.agent_kernels import NOBODY, Amounts, Paths, ValueGrid
from sim.engine.attitudes import Attitudes
from sim.engine.bonds import bond_names, bonds_of
from sim.engine.chain import ControlledChain, observed_counts
from sim.engine.crowd import scheduled_environment
from sim.engine.drawing import Cohorts
from sim.engine.lifecycle import Lifecycle
from sim.engine.matrix_chain import MatrixChain
from sim.engine.reached import targets_of
from sim.engine.state_space import state_space
from sim.engine.terms import CUT, DEEPEST
from sim.errors import ScenarioError
from sim.purchases.base import kept_open
from sim.scenario.customers import Quality
from sim.scenario.file import Scenario, Segment

__all__ = ["MAKERS", "Twin", "build", "plain", "plain_twin", "rebuilt"]


MARGIN = 2.0**8
"""How much more money than expected finds room in an integer."""


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
    def amounts(self) -> Amounts:
        """Return the tables of amounts, and which of them each cohort has."""
        shapes = []
        for group in self.cohort_group:
            segment = self.scenario.segments.get(self.targets.segments[group])
            spend = segment.traits.spend if segment is not None and segment.traits is not None else None
            if spend is None and self.scenario.base is not None:
                shapes.append(self.scenario.base.laws_of(self.targets.segments[group])[1].p)
            else:
                shapes.append(float(getattr(spend, "p", np.inf)))
        kinds, index = np.unique(shapes, return_inverse=True)
        tables, moments = zip(*(random_streams.amount_table(float(p)) for p in kinds), strict=True)
        return Amounts(index.astype(np.int64), np.stack(tables), np.stack(moments), np.isinf(kinds))

    @cached_property
    def money_units(self) -> float:
        """Return how many integer units revenue is counted in per unit of currency: a power of two.

        As many as leave room for far more than everybody may bring in a period, however money and the market move
        amounts and rates; so the currency does not matter, and no sum runs over.
        """
        return self._units(self.chain.largest_revenue)

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
    def cohorts(self) -> Cohorts:
        """Return what the agents need to know of the cohorts."""
        space, group = self.chain.space, self.cohort_group
        # One state more than the chain has: "not there yet", which nobody leaves by themselves.
        paths = Paths(
            kind=np.append(space.kind, NOBODY).astype(np.uint8),
            law=np.pad(space.law[group], ((0, 0), (0, 1)), constant_values=np.argmax(space.law_kind)).astype(np.uint16),
            stage=np.pad(space.stage[group], ((0, 0), (0, 1))).astype(np.uint8),
            successor=np.pad(space.successor, ((0, 1), (0, 0)), constant_values=len(space.names)).astype(np.uint16),
        )
        first = np.searchsorted(self.block_cohort, np.arange(group.size))
        return Cohorts(group, first, paths, self.amounts, self.money_units, self.targets.shape[1])

    @cached_property
    def value_grid(self) -> ValueGrid:
        """Return what customers with traits of their own earn and cost after the horizon."""
        return self.chain.value_grid(self.cohorts)

    def prepare(self, traits: TraitsFrom) -> None:
        """Work out once, before several markets run at a time, what all of them need."""
        _ = self.cohorts, self.value_units, self.chain.terminal
        if traits == "individual" and self.chain.traits is not None and self.chain.with_terminal:
            _ = self.value_grid


def build(scenario: Scenario) -> Twin:
    """Return the twin of a scenario; reads the customer base where the scenario names one.

    Raises
    ------
    FolderError
        If the customer base is missing.
    """
    return next(twin for make in MAKERS if (twin := make(scenario)) is not None)


def rebuilt(twin: Twin, scenario: Scenario) -> Twin:
    """Return the twin of a scenario with other numbers than a twin's.

    Its customers are made anew only where they bear on them: what money does, margins and people to be won do not. Its
    base is read again only where it is another.
    """
    if twin.base is None:
        return build(scenario)
    alike = _of_base(twin.scenario) == _of_base(scenario)
    return _lifecycle_twin(scenario, twin.base if alike else None, twin.base.read)


def _of_base(scenario: Scenario) -> dict[str, Any]:
    """Return the part of a scenario that the customers of its base may depend on."""
    content = scenario.model_dump(exclude={"levers", "margin", "rules", "uncertain", "evidence"})
    for segment in content["segments"].values():
        segment.pop("start", None)
    return content


def plain_twin(scenario: Scenario, chain: ControlledChain) -> Twin:
    """Return the twin of a chain whose groups are the segments, one block each, and whose revenue is its reward."""
    names = tuple(scenario.segments)
    own = np.arange(len(names))
    streams = np.array([random_streams.stream_of(name) for name in names])
    return Twin(scenario, chain, np.ones(own.size), streams, own, 0 * own, own, None)


def plain(made: Callable[[Scenario], ControlledChain | None]) -> Callable[[Scenario], Twin | None]:
    """Return the maker of the twins of a kind of chain, given what makes the chain where a scenario is of that kind."""

    def make(scenario: Scenario) -> Twin | None:
        chain = made(scenario)
        return None if chain is None else plain_twin(scenario, chain)

    return make


def _lifecycle_twin(scenario: Scenario, base: BaseGroups | None = None, read: Read | None = None) -> Twin:
    segments: list[str] = []
    tiers: list[str] = []
    if scenario.base is not None:
        segments += [name for name in scenario.base_segments for _ in TIERS]
        tiers += [tier for _ in scenario.base_segments for tier in TIERS]
    synthetic = [name for name, segment in scenario.segments.items() if segment.traits is not None]
    segments += synthetic
    tiers += ["unknown"] * len(synthetic)
    own = [scenario.segments.get(name, Segment()) for name in segments]
    thresholds = [segment.stages or scenario.stages for segment in own]
    margin = np.array([scenario.margin if segment.margin is None else segment.margin for segment in own])
    loss = np.array([scenario.loss if segment.loss is None else segment.loss for segment in own])
    bonds = bonds_of(scenario.links, scenario.categories, scenario.club)
    space = state_space(
        thresholds,
        levels=scenario.satisfaction is not None,
        tied=bond_names(scenario.links, scenario.categories, scenario.club) if bonds.most.size else (),
        after=bonds.after if bonds.most.size else None,
        seen=scenario.law != "silent",
        steps=[segment.growth.after if segment.growth else () for segment in own],
    )

    if scenario.base is not None and base is None:
        with kept_open(scenario.folder / scenario.base.file):
            base = base_groups(scenario, space, loss, read)
    attitudes = Attitudes(scenario, mean_leaving(scenario, base))
    targets = targets_of(scenario, segments, tiers)
    nobody = np.zeros(0)
    chain = Lifecycle(
        targets=targets,
        space=space,
        group=nobody.astype(np.int64),
        initial=np.zeros((0, len(space.names))),
        periods=scenario.periods,
        discount_rate=scenario.discount_per_period,
        environment=np.zeros((0, 0, 0)),
        arrivals=np.zeros((scenario.periods, 0, len(space.names))),
        with_terminal=scenario.terminal == "value-to-go",
        scenario=scenario,
        attitudes=attitudes,
        margin=margin,
        loss=loss,
        purchase_rate=nobody,
        defection_rate=nobody,
        mean_spend=nobody,
        acquisition=nobody,
        by_money=nobody,
        bad_debt=nobody,
        serve=np.zeros((0, 2)),
    )
    blocks = [replace(base.blocks, initial=spread(chain, base.blocks.initial))] if base is not None else []
    cohort_group: list[int] = []
    cohort_quality: list[int] = []
    block_cohort: list[int] = []
    for group, segment in enumerate(own):
        qualities = segment.quality or ALIKE
        made = synthetic_blocks(chain, group, segment) if segment.traits is not None else None
        number = made.group.size if made else int((base.blocks.group == group).sum()) if base else 0
        block_cohort += [len(cohort_group) + i * len(qualities) // number for i in range(number)]
        cohort_group += [group] * len(qualities)
        cohort_quality += list(range(len(qualities)))
        if made:
            blocks.append(made)
    joined = Blocks(*(np.concatenate([getattr(part, name) for part in blocks]) for name in Blocks.__dataclass_fields__))
    block_quality = [(own[cohort_group[c]].quality or ALIKE)[cohort_quality[c]] for c in block_cohort]
    serve = [own[g].cost_to_serve or scenario.cost_to_serve for g in joined.group]
    chain = replace(
        chain,
        arrivals=synthetic_arrivals(scenario, segments, joined.group, joined.initial.shape),
        acquisition=np.array([q.acquisition for q in block_quality]),
        by_money=np.array([q.by_money for q in block_quality]),
        bad_debt=np.array([q.bad_debt for q in block_quality]),
        serve=np.array(
            [
                [q.cost_to_serve * each.per_customer, q.cost_to_serve * each.per_purchase]
                for q, each in zip(block_quality, serve, strict=True)
            ]
        ),
        group=joined.group,
        initial=joined.initial,
        purchase_rate=joined.purchase_rate,
        defection_rate=joined.defection_rate,
        mean_spend=joined.mean_spend,
    )
    at_start = observed_counts(chain, chain.initial)
    chain = replace(chain, environment=scheduled_environment(scenario, targets, attitudes, scenario.periods, at_start))
    chain.refuse_size(1)
    _check_reference(chain)
    streams = [0 if name in scenario.base_segments else random_streams.stream_of(name) for name in segments]
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


def _check_reference(chain: Lifecycle) -> None:
    """Raise where today's spend leaves a multiplier without a value, as a survival that rounds to 1 does."""
    _check_prices(chain)
    effects = chain.responses(chain.environment[0], chain.targets.reference)
    if not np.isfinite(effects).all():
        group, stage, _ = (int(i) for i in np.argwhere(~np.isfinite(effects))[0])
        raise ScenarioError(
            f"levers on '{chain.targets.name(group, stage)}': at the reference, survival must lie between 0 and 1 and "
            "gains above -1; choose a lower reference or other answers"
        )


def _check_prices(chain: Lifecycle) -> None:
    """Raise where today's cut in a price is deeper than any that can be."""
    targets, usual = chain.targets, chain.payments
    today = np.maximum(targets.reference, targets.committed).max(axis=1)
    for lever in (k for k, pays in enumerate(targets.pays) if pays == CUT):
        share = np.divide(today[:, lever], usual, out=np.zeros(len(usual)), where=usual > 0)
        group = int(share.argmax())
        if share[group] > DEEPEST:
            raise ScenarioError(
                f"levers.{targets.levers[lever]}: today's {today[group, lever]:g} a head and {chain.scenario.period} "
                f"is {share[group]:.0%} of the {usual[group]:.4g} that a customer of '{targets.segments[group]}' "
                f"usually pays; no price is cut by more than {DEEPEST:.0%}, so state a lower reference"
            )


MAKERS: list[Callable[[Scenario], Twin | None]] = [
    plain(MatrixChain.of),
    _lifecycle_twin,
]
"""One line for each kind of chain: the twin, or None where a scenario is of another kind; the first twin is taken."""
