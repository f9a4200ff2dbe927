"""What is asked: a chain, the actions to choose from, and the rules, in arrays. No solver here."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from optimizer.ask.rows import BUDGET, Row, Today
from optimizer.ask.rules import rows_of
from sim.arrays import Flags, Floats, Ints
from sim.contract import Targets
from sim.engine.chain import ControlledChain
from sim.engine.sensitivity import Aim, Course, asset_aim, follow, least_money_aim
from sim.errors import InputError, RulesError
from sim.scenario.rules import Campaign
from sim.twin import Twin

__all__ = [
    "AllocationProblem", "allocation_problem", "budget_in_force", "joint_actions", "reference_spend", "with_room",
]  # fmt: skip


ENOUGH = 0.5
"""Share of all that can be spent up to which floors may ask without more being offered."""
MOST_ACTIONS = 255
"""Actions are kept in a byte."""


@dataclass(frozen=True, eq=False)
class AllocationProblem:
    """Which intensities, by period and observed target, make the customers worth most under the rules.

    Attributes
    ----------
    twin : Twin
    actions : (groups, stages, actions, levers)
        Joint intensities to choose from, cheapest first; padded with copies of the first.
    choices : (groups, stages)
        How many of them count.
    rows : tuple of Row
    targeting : str
        What the firm tells apart when it spends: ``segment``, ``stage`` (segments and stages) or ``state`` (tiers too).
    goal : str
        ``asset``: the most customer asset; ``least_money``; ``feasibility``: nothing but the rules.
    floor, ceiling : (periods, groups, stages, levers), optional
        Money that targets must get and may get: what is frozen, or kept near another plan.
    contact_prices : (periods, groups, stages), optional
        What bounds charge a customer for all the contacts that there may be, and give back: none but for those who
        leave some unused. Any of at least 0 leave a bound valid.
    """

    twin: Twin
    actions: Floats
    choices: Ints
    rows: tuple[Row, ...]
    targeting: str = "state"
    goal: str = "asset"
    floor: Floats | None = None
    ceiling: Floats | None = None
    contact_prices: Floats | None = None

    @property
    def chain(self) -> ControlledChain:
        """Return what the customers follow."""
        return self.twin.chain

    @property
    def campaigns(self) -> dict[str, Campaign]:
        """Return the rules on the sizes of campaigns, by lever: they are no rows."""
        return self.twin.scenario.rules.campaigns

    @cached_property
    def aim(self) -> Aim:
        """Return what is maximised."""
        if self.goal == "feasibility":
            return replace(least_money_aim(self.chain), money=np.zeros((self.chain.periods, *self.targets.shape)))
        return asset_aim(self.chain) if self.goal == "asset" else least_money_aim(self.chain)

    @cached_property
    def after(self) -> Floats:
        """Return what a unit of value after the horizon counts in each row."""
        return np.array([row.after for row in self.rows])

    @property
    def budget(self) -> float:
        """Return the money there is over the horizon; infinite where no rule limits it."""
        return next((row.limit for row in self.rows if row.kind == BUDGET), np.inf)

    @cached_property
    def today(self) -> Today:
        """Return what today's spend would do."""
        return Today(self.chain)

    @property
    def targets(self) -> Targets:
        """Return whom the firm can tell apart."""
        return self.chain.targets

    @cached_property
    def money(self) -> csr_matrix:
        """Return what a unit of money counts in each row, (rows, periods x groups x stages x levers)."""
        return self._stacked([row.money for row in self.rows], self.chain.periods * math.prod(self.targets.shape))

    @cached_property
    def people(self) -> csr_matrix:
        """Return what a customer counts in each row, (rows, (periods + 1) x groups x laws)."""
        laws = self.chain.space.law_kind.size
        return self._stacked([row.people for row in self.rows], (self.chain.periods + 1) * self.targets.shape[0] * laws)

    @cached_property
    def earned(self) -> csr_matrix:
        """Return what a unit earned counts in each row, (rows, periods x groups)."""
        earned = [None if row.earned is None else csr_matrix(row.earned.reshape(1, -1)) for row in self.rows]
        return self._stacked(earned, self.chain.periods * self.targets.shape[0])

    def _stacked(self, rows: list[csr_matrix | None], width: int) -> csr_matrix:
        empty = csr_matrix((1, width))
        return vstack([empty if row is None else row for row in rows] or [csr_matrix((0, width))], format="csr")

    @cached_property
    def limits(self) -> Floats:
        """Return the rows' limits."""
        return np.array([row.limit for row in self.rows])

    @cached_property
    def per_budget(self) -> Floats:
        """Return how the limits move with the budget."""
        return np.array([row.per_budget for row in self.rows])

    def counted(self, course: Course) -> Floats:
        """Return what each rule counts in a course of the fluid twin."""
        return np.asarray(
            self.money @ course.spend.ravel()
            + self.people @ course.people.ravel()
            + self.earned @ course.earned.ravel()
            + self.after * course.after
        )

    def usage(self, intensity: Floats) -> Floats:
        """Return what each rule counts under ``intensity[period, group, stage, lever]``, expected."""
        return self.counted(follow(self.chain, intensity))

    @cached_property
    def row_units(self) -> Floats:
        """Return the size of each rule: its limit, or for limits near zero the whole of what it weighs today."""
        course = self.today.course
        weighed = (
            abs(self.money) @ course.spend.ravel()
            + abs(self.people) @ course.people.ravel()
            + abs(self.earned) @ np.abs(course.earned).ravel()
            + np.abs(self.after * course.after)
        )
        people = np.array([row.kind.counts == "people" for row in self.rows], dtype=bool)
        limits = np.abs(self.limits)  # a limit far beyond anything is no measure
        size = np.maximum(np.where(weighed > 0, np.minimum(limits, 100 * weighed), limits), weighed)
        for alike in (~people, people):  # money and people are not compared
            floor = 1e-3 * float(size[alike].max(initial=0)) or 1.0
            size = np.where(alike, np.maximum(size, floor), size)
        return np.asarray(size)

    @cached_property
    def signs(self) -> Floats:
        """Return +1 for ``<=`` rows and -1 for ``>=``: the sign of their prices."""
        return np.array([1.0 if row.sense == "<=" else -1.0 for row in self.rows])

    def in_words(self, row: int, amount: float) -> str:
        """Return an amount of what a rule counts with its unit: money, customers or points of satisfaction."""
        rule, unit = self.rows[row], self.rows[row].kind.unit
        if rule.kind.counts != "people":
            return f"{amount:,.2f}"
        if rule.mean_of is None:
            return f"{amount:,.1f} {unit}"
        return f"{amount / max(self.members(row), 1e-300):,.2f} {unit}"

    def members(self, row: int) -> float:
        """Return how many a rule on a mean is about, as today; 1 for other rules."""
        mean_of = self.rows[row].mean_of
        return 1.0 if mean_of is None else float((mean_of @ self.today.course.people.ravel())[0])

    @property
    def no_choice(self) -> bool:
        """Return whether all money is held."""
        if self.floor is None or self.ceiling is None:
            return False
        return bool((self.ceiling <= self.floor)[:, self.targets.allowed].all())

    @property
    def no_money(self) -> bool:
        """Return whether there is nothing to spend and no terms to change: the least spend is all that can be done."""
        if not self.targets.paid.all():
            return False
        return any(row.kind is BUDGET and row.sense == "<=" and row.limit <= 0 for row in self.rows)

    @cached_property
    def possible(self) -> Flags:
        """Return which actions can be taken, (periods, groups, stages, actions): what is committed is no choice."""
        out = np.arange(self.actions.shape[2]) < self.choices[..., None]
        out = np.broadcast_to(out, (self.chain.periods, *out.shape)).copy()
        for lever, lead in enumerate(self.targets.lead):
            out[:lead] &= np.isclose(self.actions[..., lever], self.targets.committed[:, :, None, lever], rtol=1e-12)
        return out

    @cached_property
    def cheapest(self) -> NDArray[np.uint8]:
        """Return the cheapest possible action, (periods, groups, stages): nothing, or what is committed."""
        return np.asarray(self.possible.argmax(axis=3), dtype=np.uint8)

    @cached_property
    def probability(self) -> Floats:
        """Return odds under every action: (regimes, blocks, laws, actions, outcomes)."""
        return self._steps[0]

    @cached_property
    def reward(self) -> Floats:
        """Return money earned before marketing: (regimes, blocks, laws, actions)."""
        return self._steps[1]

    @cached_property
    def _steps(self) -> tuple[Floats, Floats]:
        environments, _ = self.chain.regimes
        probability, reward = [], []
        for environment in environments:
            steps = [self.chain.step(environment, self.actions[:, :, a]) for a in range(self.actions.shape[2])]
            probability.append(np.stack([step.probability for step in steps], axis=2))
            reward.append(np.stack([step.reward for step in steps], axis=2))
        return np.ascontiguousarray(probability), np.ascontiguousarray(reward)


def allocation_problem(twin: Twin, budget: float | None = None, *, targeting: str = "state") -> AllocationProblem:
    """Return the question a scenario asks.

    ``budget`` overrides the scenario's, which defaults to today's spend.

    Raises
    ------
    RulesError
        If what was committed before the start is too many contacts already.
    """
    _check_committed(twin)
    rows = rows_of(twin, budget_in_force(twin, budget))
    return AllocationProblem(twin, *with_room(twin.chain, rows), rows, targeting)


def with_room(chain: ControlledChain, rows: tuple[Row, ...]) -> tuple[Floats, Ints]:
    """Return what is offered, and beyond where money brings anything where floors ask for more than that."""
    actions, choices = joint_actions(chain)
    top, heads = actions.max(axis=2), Today(chain).course.observed[..., None]
    forced = []
    for row in rows:
        if row.sense == ">=" and row.limit > 0 and row.money is not None and row.kind.counts == "money":
            counted = row.money.toarray().reshape(chain.periods, *chain.targets.shape)
            most = float((counted * heads * top).sum())
            if most > 0 and row.limit > ENOUGH * most:
                forced.append(np.where((counted > 0).any(axis=0), top * row.limit / most / ENOUGH, 0.0))
    for money in forced:
        actions = np.concatenate([actions, np.zeros((*choices.shape, 1, top.shape[2]))], axis=2)
        for place in np.ndindex(*choices.shape):
            if money[place].any() and choices[place] < MOST_ACTIONS:
                actions[place][choices[place]] = np.minimum(money[place], chain.limit[place])
                choices[place] += 1
    return actions, choices


def _check_committed(twin: Twin) -> None:
    chain, rules = twin.chain, twin.scenario.rules
    nothing = np.zeros((chain.periods, *chain.targets.shape))
    shares = (chain.targets.with_committed(nothing) * chain.contact_load).sum(axis=3)
    if shares.max(initial=0) > 1 + 1e-9:
        most = rules.contacts or 0.0
        period, group, stage = (int(i) for i in np.unravel_index(shares.argmax(), shares.shape))
        raise RulesError(
            f"rules cannot all be met: at most {most:g} contacts per customer and {twin.scenario.period}, and what was "
            f"committed before the start, exclude each other: '{chain.targets.name(group, stage)}' gets "
            f"{shares.max() * most:,.2f} in period {period + 1}; allow more contacts, or state a smaller `committed:`"
        )


def joint_actions(chain: ControlledChain, refine: bool = False) -> tuple[Floats, Ints]:
    """Return what a chain offers, :meth:`sim.engine.chain.ControlledChain.actions`, where it can be weighed.

    Raises
    ------
    InputError
        If there is more on a target than is told apart.
    """
    actions, choices = chain.actions(refine)
    if choices.max() > MOST_ACTIONS:
        group, stage = (int(i) for i in np.unravel_index(choices.argmax(), choices.shape))
        raise InputError(
            f"target '{chain.targets.name(group, stage)}': {choices.max()} joint intensities to choose from, at most "
            f"{MOST_ACTIONS} can be weighed; use fewer levers or actions on it"
        )
    return actions, choices


def reference_spend(chain: ControlledChain) -> float:
    """Return the money that the reference intensities are expected to cost over the horizon."""
    return float(Today(chain).course.spend.sum())


def budget_in_force(twin: Twin, given: float | None = None) -> float:
    """Return the budget asked for, or else the scenario's, or else what today's spend is expected to cost.

    Raises
    ------
    InputError
        If ``given`` is not money of at least 0.
    """
    if given is not None and not 0 <= given <= 1e18:
        raise InputError(f"budget: expected money of at least 0 and at most 1e18, got {given:g}")
    if given is not None:
        return float(given)
    own = twin.scenario.rules.budget
    return reference_spend(twin.chain) if own is None else own
