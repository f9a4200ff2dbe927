"""The one interface that agents, fluid twin and optimiser work on: a controlled Markov chain.

Customers sit in *blocks* (one group and one trait class) and in *states*. What can happen in a period depends on the
state's *law* only: an outcome is drawn from ``probability[block, law, outcome]`` and leads to
``successor[state, outcome]``. Many states share a law (all lapsed customers of a block leave, buy or return at the
same odds), which keeps the arrays small. Spend and intensities are by group, observed stage and lever.

A chain answers for itself: what acts through the market (:meth:`ControlledChain.conditions`), what money can be spent
(``actions``), how agents move (``draw``), what goes into the accounts (``flows``). Nobody asks what kind it is.
Two kinds are here: :mod:`sim.engine.matrix_chain`, given outright, and :mod:`sim.engine.lifecycle`, the standard one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import Flags, Floats, Ints
from sim.contract import Targets
from sim.engine.agent_kernels import ValueGrid
from sim.engine.chain_kernels import Links, Step, solve_in_order
from sim.engine.conditions import Conditions, Moment, Wanted
from sim.engine.drawing import Cohorts, Crew, Draw, OutcomeDraw
from sim.engine.of_late import Late
from sim.engine.offers import Points
from sim.memory import refuse_beyond_memory

if TYPE_CHECKING:
    from sim.engine.ways_kernels import Leaning

__all__ = [
    "ALIVE",
    "Conditions",
    "ControlledChain",
    "Moment",
    "Pull",
    "StateSpace",
    "Step",
    "Wanted",
    "observed_counts",
    "transition_matrix",
    "value_to_go",
]

Pull = Callable[[Floats, Floats], tuple[Floats, Floats]]
"""A way back: from derivatives by (probability, reward) of a step to those by (intensity, environment)."""

UNAWARE, PROSPECT, ALIVE, DEFECTED, LOST = range(5)
"""Kinds of states: what is true of a customer."""


@dataclass(frozen=True)
class StateSpace:
    """Names and links of the states.

    Attributes
    ----------
    names
        One per state.
    kind : (states,)
        UNAWARE, PROSPECT, ALIVE, DEFECTED or LOST: the truth.
    stage : (groups, states)
        Index of the observed stage, which depends on the group's thresholds.
    law : (groups, states)
        Which law a state is under.
    law_stage, law_kind : (laws,)
        Stage and kind of each law.
    successor : (states, outcomes)
        Where each outcome leads.
    bought, silent : (states,)
        Purchases and silent periods seen; 0 where never bought.
    level, law_level : (states,), (laws,)
        Level of satisfaction 1..5, 0 where none.
    ties, law_ties : (states,), (laws,)
        Ties to the firm 0..3, -1 where none.
    kept : (states,)
        Periods since a customer was won, counted up to the last step of growth; 0 where nothing grows.
    law_grown : (laws,)
        Step of growth, 0 for the newly won.
    """

    names: tuple[str, ...]
    kind: Ints
    stage: Ints
    law: Ints
    law_stage: Ints
    law_kind: Ints
    successor: Ints
    bought: Ints
    silent: Ints
    level: Ints
    ties: Ints
    law_level: Ints
    law_ties: Ints
    kept: Ints
    law_grown: Ints

    @staticmethod
    def plain(names: tuple[str, ...], kind: Ints, groups: int) -> "StateSpace":
        """Return states that are all observed, each under a law of its own; outcome ``i`` leads to state ``i``."""
        index, none = np.arange(len(names)), np.zeros(len(names), dtype=np.int64)
        rows = np.tile(index, (groups, 1))
        return StateSpace(
            names=names, kind=kind, stage=rows, law=rows, law_stage=index, law_kind=kind,
            successor=np.tile(index, (len(names), 1)), bought=none, silent=none, level=none, ties=none - 1,
            law_level=none, law_ties=none - 1, kept=none, law_grown=none,
        )  # fmt: skip

    @cached_property
    def has_levels(self) -> bool:
        """Return whether customers have a level of satisfaction."""
        return bool(self.level.any())


@dataclass(frozen=True, eq=False)
class ControlledChain(ABC):
    """Blocks of customers whose moves and rewards depend on intensities.

    Attributes
    ----------
    targets : Targets
    space : StateSpace
    group : (blocks,)
        Group of each block.
    initial : (blocks, states)
        Expected customers at the start.
    periods : int
    discount_rate : float
        Per period; flows of period t count ``(1 + d)^-t``, the terminal value ``(1 + d)^-periods``.
    environment : (periods + 1, groups, routes)
        What the market does on schedule, such as competitors; the last row holds after the horizon.
    arrivals : (periods, blocks, states)
        Expected customers who appear at each period's end.
    with_terminal : bool
        Whether customers are worth something after the horizon (value-to-go under the reference).
    """

    targets: Targets
    space: StateSpace
    group: Ints
    initial: Floats
    periods: int
    discount_rate: float
    environment: Floats
    arrivals: Floats
    with_terminal: bool

    @abstractmethod
    def step(self, environment: Floats, intensity: Floats) -> Step:
        """Return one period under ``intensity[group, stage, lever]`` (money per customer) and one environment."""

    def steps(self, environment: Floats, intensities: Floats) -> Iterator[Step]:
        """Yield the same for ``intensities[plan, group, stage, lever]``: plans beside each other, seen at one go."""
        return (self.step(environment, each) for each in intensities)

    @abstractmethod
    def pull(self, environment: Floats, intensity: Floats) -> Pull:
        """Return the way back from a step's ``probability`` and ``reward`` to (intensity, environment)."""

    def pulls(self, environment: Floats, intensities: Floats) -> list[Pull]:
        """Return the same for ``intensities[plan, group, stage, lever]``: plans beside each other, seen at one go.

        ``environment``: one for all, or ``[plan, group, route]``.
        """
        around = np.broadcast_to(environment, (len(intensities), *environment.shape[-2:]))
        return [self.pull(*each) for each in zip(around, intensities, strict=True)]

    # --- What can be done ---

    @abstractmethod
    def actions(self, refine: bool = False) -> tuple[Floats, Ints]:
        """Return what can be offered, (groups, stages, actions, levers), cheapest first, and how many of them count.

        With ``refine`` each step between two intensities is divided further, for a bound that hardly depends on them.
        """

    def worth_at_most(
        self, money: Floats, unit: Floats, bonus: Floats, end: Floats, threads: int = 1, near: Floats | None = None,
        leaning: "Leaning | None" = None,
    ) -> Floats | None:  # fmt: skip
        """Return by block the most that any policy can be worth that sees everything, over all intensities.

        None: only over what is offered.

        Parameters
        ----------
        money : (periods, groups, stages, levers)
            What a unit of money spent costs.
        unit, bonus, end : (periods, groups), (periods, groups, laws), (blocks, states)
            What a unit earned counts, what being there counts, and what being there at the end does.
        near : (periods, groups, stages, levers), optional
            A plan near which it is looked at more closely: at others it may say more than without.
        leaning : Leaning, optional
            Whether values to come are the best, or lean towards a plan's: what is returned is then by those.
        """
        return None

    @property
    def whole_ways(self) -> Points | None:
        """Return what money can do on a grid, with what lies between; None: only what is offered."""
        return None

    @property
    def coarse_ways(self) -> Points | None:
        """Return the same on a coarse grid."""
        return None

    @cached_property
    def usual(self) -> Floats:
        """Return an intensity by (group, stage, lever) to measure others by."""
        return np.where(self.targets.reference > 0, self.targets.reference, self.most / 8)

    @cached_property
    def most(self) -> Floats:
        """Return the intensity by (group, stage, lever) beyond which money brings nothing more."""
        return np.asarray(self.actions()[0].max(axis=2))

    @cached_property
    def limit(self) -> Floats:
        """Return the most money a head that a rule allows, (groups, stages, levers); infinite where none does."""
        return np.full(self.targets.shape, np.inf)

    @cached_property
    def payments(self) -> Floats:
        """Return what a customer of each group's segment usually pays a period, (groups,); nan where nobody says."""
        return np.full(self.targets.shape[0], np.nan)

    def held_to(self, limit: Floats) -> "ControlledChain | None":
        """Return the same with intensities up to ``limit[group, stage, lever]``; None: it offers what it offers."""
        return None

    def corners(self, group: int, lever: int) -> Floats:
        """Return the intensities of one lever, rising, at which its responses have corners."""
        return np.unique(np.append(0.0, self.actions()[0][group, :, :, lever]))

    def ladder(self, group: int, lever: int) -> Floats:
        """Return rising intensities of one lever, from none, between which its responses hardly bend."""
        return self.corners(group, lever)

    @property
    def mixes_actions(self) -> bool:
        """Return whether an intensity between two actions treats part of the target with each."""
        return False

    @property
    def has_thresholds(self) -> bool:
        """Return whether some response may be S-shaped: a climb from one plan may then end below the best."""
        return True

    @property
    def contact_load(self) -> Floats:
        """Return the share of a customer's contacts that a unit of money uses, (groups, 1, levers); zeros: no limit."""
        return np.zeros((self.targets.shape[0], 1, self.targets.shape[2]))

    # --- What acts through the market ---

    @property
    def couples(self) -> bool:
        """Return whether what one customer does can change the odds of another."""
        return False

    @property
    def employees_at_start(self) -> float:
        """Return points of employee satisfaction at the start; nan where they are not in the model."""
        return float("nan")

    @cached_property
    def late(self) -> Late | None:
        """Return what levers remember of what they did; None where none does."""
        return None

    @property
    def priced(self) -> bool:
        """Return whether our price counts against a rival's own."""
        return False

    @property
    def bounded(self) -> bool:
        """Return whether what no plan exceeds is known.

        Customers do not move each other's odds, no lever remembers, and our price does not count against a rival's.
        """
        return not self.couples and self.late is None and not self.priced

    def present(self, period: int) -> tuple[Sequence[int], Sequence[int]]:
        """Return which rivals and which shocks are there in a period, by number."""
        return (), ()

    def last_survey(self, period: int) -> int | None:
        """Return the period of the last survey whose result is known at the start of a period; None: of none yet."""
        return None

    def conditions(self, now: Moment, intensity: Floats) -> Conditions:
        """Return what customers are under in a period, in the order in which it comes about: here, what is scheduled.

        Agents and fluid twin ask this alike.
        """
        return Conditions(self.environment[now.period], intensity, now.employees, {})

    def conditions_pull(
        self, now: Moment, met: Conditions, intensity: Floats, by_environment: Floats, by_effective: Floats,
        by_employees: float, by_late: Floats | None = None,
    ) -> Wanted:  # fmt: skip
        """Return the way back of :meth:`conditions`; the last two by ``met.employees_after`` and ``met.late_after``."""
        return Wanted(by_effective, np.zeros_like(now.observed), None, 0.0)

    @cached_property
    def at_reference(self) -> Conditions:
        """Return what customers are under where nothing comes from outside and today's money is spent."""
        return Conditions(self.environment[-1], self.targets.reference, float("nan"), {})

    def at_rest(self) -> "ControlledChain":
        """Return the same without what is stated to come from outside, such as rivals and shocks: here, itself."""
        return self

    # --- What is written down ---

    def flows(self, step: Step) -> dict[str, Floats]:
        """Return what a customer of each (block, law) brings in a period, by field of a history."""
        return {"purchases": step.purchases, "revenue": step.revenue, "reward": step.reward}

    def events(self, step: Step) -> dict[str, Floats]:
        """Return the chance of each event of a history for a customer of each (block, law)."""
        return {}

    def share_of_customer(self, met: Conditions, alive: Floats) -> Floats:
        """Return our mean share of purchases by group of ``alive[group, stage]``; nan where it is not in the model."""
        return np.full(alive.shape[0], np.nan)

    # --- Agents ---

    @property
    def traits(self) -> tuple[Floats, Floats, Floats] | None:
        """Return purchase rate, defection rate and mean spend by block; None where customers have no such traits."""
        return None

    @property
    def largest_revenue(self) -> float:
        """Return about as much as a customer may bring in a period: what finds room in whole units of money."""
        return 1.0

    def grown(self, group: int, state: int) -> tuple[float, float]:
        """Return what being kept so long multiplies a customer's purchase rate and amounts by."""
        return 1.0, 1.0

    def start_state(self, place: str) -> int:
        """Return the state in which people of a place of ``start`` or ``births`` begin."""
        return self.space.names.index(place)

    def draw(self, crew: Crew, met: Conditions) -> Draw:
        """Return a period ready to be drawn agent by agent: here, one outcome each at the odds of a step."""
        step, customers = self.step(met.environment, met.effective), crew.by_block
        assert customers is not None
        cohort = np.searchsorted(crew.cohorts.block, np.arange(self.group.size), side="right") - 1
        return OutcomeDraw(
            crew.cohorts.paths, crew.cohorts.stages, cohort, self.block_law, step.probability, customers,
            self.flows(step), self.events(step),
        )  # fmt: skip

    def value_grid(self, cohorts: Cohorts) -> ValueGrid:
        """Return what customers with traits of their own are worth after the horizon, undiscounted."""
        raise NotImplementedError(f"{type(self).__name__}: customers have no traits of their own")

    @property
    def bytes_of_period(self) -> float:
        """Return about how much memory a period of a plan takes while it is looked back on.

        Odds by block, law and outcome, what a customer brings under each law, and where customers are.
        """
        blocks, states = self.initial.shape
        return float(8 * blocks * (self.space.law_kind.size * (self.space.successor.shape[1] + 4) + states))

    def refuse_size(self, periods: int) -> None:
        """Raise :class:`~sim.errors.InputError` where so many periods do not fit into memory, with the number."""
        refuse_beyond_memory(
            periods * self.bytes_of_period,
            f"{self.initial.shape[1]:,} states x {self.initial.shape[0]:,} classes of customers x {periods:,} "
            f"period{'' if periods == 1 else 's'}",
            "state fewer or longer periods, a lower `stages.core` or `stages.lapsed`, fewer kinds of links, categories "
            "or steps of growth, or fewer segments or qualities",
        )

    @cached_property
    def discount(self) -> Floats:
        """Return the discount factors of periods 0..periods, the last for the terminal value."""
        return np.asarray((1 + self.discount_rate) ** -np.arange(self.periods + 1.0))

    @cached_property
    def regimes(self) -> tuple[Floats, Ints]:
        """Return the distinct environments and which of them each period is in."""
        rows, index = np.unique(self.environment, axis=0, return_inverse=True)
        return rows, np.asarray(index, dtype=np.int64).reshape(-1)

    @cached_property
    def block_stage(self) -> Ints:
        """Return the observed stage of every (block, state)."""
        return np.ascontiguousarray(self.space.stage[self.group])

    @cached_property
    def block_law(self) -> Ints:
        """Return the law of every (block, state)."""
        return np.ascontiguousarray(self.space.law[self.group])

    @cached_property
    def target_place(self) -> Ints:
        """Return where each (block, state) lies among (group, stage), all in one row."""
        return np.asarray(self.group[:, None] * self.targets.shape[1] + self.block_stage).ravel()

    @cached_property
    def law_place(self) -> Ints:
        """Return where each (block, state) lies among (block, law), all in one row."""
        return np.asarray(np.arange(self.group.size)[:, None] * self.space.law_kind.size + self.block_law).ravel()

    @cached_property
    def links(self) -> Links:
        """Return where the states of the blocks lie and lead, for kernels."""
        return Links(self.group, self.block_law, self.block_stage, self.space.successor)

    @cached_property
    def terminal(self) -> Floats:
        """Return the value of a customer after the last period, (blocks, states), undiscounted."""
        if not self.with_terminal:
            return np.zeros_like(self.initial)
        earned, spent = value_to_go(self)
        return earned - spent


def observed_counts(chain: ControlledChain, occupancy: Floats) -> Floats:
    """Return head counts by (group, stage) of ``occupancy[block, state]``: what a firm would see."""
    groups, stages, _ = chain.targets.shape
    counts = np.bincount(chain.target_place, weights=occupancy.ravel(), minlength=groups * stages)
    return np.asarray(counts.reshape(groups, stages))


def transition_matrix(chain: ControlledChain, step: Step) -> Floats:
    """Return ``P[block, state, next state]``."""
    blocks, states = chain.block_law.shape
    matrix = np.zeros((blocks, states, states))
    rows = np.arange(blocks)[:, None]
    columns = np.arange(states)[None, :]
    for outcome in range(chain.space.successor.shape[1]):
        matrix[rows, columns, chain.space.successor[:, outcome]] += step.probability[rows, chain.block_law, outcome]
    return matrix


def value_to_go(chain: ControlledChain) -> tuple[Floats, Floats]:
    """Return what a customer earns and costs for ever under the reference intensities, per (block, state).

    ``(I - P/(1+d)) [earned, spent] = [reward, spend]``, in the environment after the horizon. Present and future
    customers alike: the value of an unaware or prospective customer is what the reference policy makes of it.

    States that cannot lead back to each other are solved one after another, from the last: purchases are only ever
    added, so the largest set that must be solved at once are the core customers.
    """
    step = chain.step(chain.environment[-1], chain.targets.reference)
    rows = np.arange(chain.group.size)[:, None]
    spend = chain.targets.of_budget(chain.targets.reference).sum(axis=2)[chain.group[:, None], chain.block_stage]
    value = np.stack([step.reward[rows, chain.block_law], spend], axis=2)
    possible = step.probability.max(axis=0)[chain.space.law].max(axis=0) > 0
    sets = _classes_of_states(chain.space.successor, possible)
    solve_in_order(
        np.cumsum([0] + [members.size for members in sets]), np.concatenate(sets), chain.links, step.probability,
        1 / (1 + chain.discount_rate), value,
    )  # fmt: skip
    return value[:, :, 0], value[:, :, 1]


def _classes_of_states(successor: Ints, possible: Flags) -> list[Ints]:
    """Return the sets of states that lead to each other, each after all those that it can lead to."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    states = successor.shape[0]
    line, outcome = np.nonzero(possible)
    links = csr_matrix((np.ones(line.size), (line, successor[line, outcome])), shape=(states, states))
    count, label = connected_components(links, connection="strong")
    members = [np.flatnonzero(label == i) for i in range(count)]
    after = [set(label[successor[m][possible[m]]].tolist()) - {i} for i, m in enumerate(members)]
    ordered: list[int] = []
    placed: set[int] = set()
    for start in range(count):
        stack = [start]
        while stack:
            waiting = after[stack[-1]] - placed
            if waiting:
                stack.append(waiting.pop())
                continue
            done = stack.pop()
            if done not in placed:
                placed.add(done)
                ordered.append(done)
    return [members[i] for i in ordered]
