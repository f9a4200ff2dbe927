"""What is asked: a chain, the actions to choose from, and the rules, in arrays. No solver here."""

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.contract import Targets
from sim.engine.chain import ControlledChain, MatrixChain
from sim.engine.fluid import expected_history
from sim.engine.lifecycle import Lifecycle
from sim.errors import InputError
from sim.scenario import Rules, Scenario

__all__ = [
    "AllocationProblem",
    "Row",
    "as_today",
    "budget_in_force",
    "joint_actions",
    "reference_spend",
    "rows_of",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVELS: dict[int, tuple[float, ...]] = {
    1: (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8),
    2: (0, 0.5, 1, 2, 3.5),
    3: (0, 1, 3),
}
"""Intensities offered where 1, 2, 3 levers meet, in units of the usual one; where more meet: none or usual."""

MOST_ACTIONS = 255
"""Actions are kept in a byte."""

STEPS = {1: 8, 2: 3, 3: 2}
"""Into how many each step between them is divided for the bound."""


@dataclass(frozen=True)
class Row:
    """One rule: money over some periods and levers, ``<=`` or ``>=`` a limit.

    Attributes
    ----------
    name : str
        As people read it.
    periods, levers : bool arrays
        What counts.
    sense : ``<=`` or ``>=``
    limit : float
        Money.
    per_budget : float
        d(limit)/d(budget): rules stated as shares move with the budget.
    """

    name: str
    periods: NDArray[np.bool_]
    levers: NDArray[np.bool_]
    sense: str
    limit: float
    per_budget: float


@dataclass(frozen=True, eq=False)
class AllocationProblem:
    """Which intensities, by period and observed target, make the customers worth most under the rules.

    Attributes
    ----------
    chain : ControlledChain
    actions : (groups, stages, actions, levers)
        Joint intensities to choose from, cheapest first; padded with copies of the first.
    choices : (groups, stages)
        How many of them count.
    rows : tuple of Row
    """

    chain: ControlledChain
    actions: Floats
    choices: Ints
    rows: tuple[Row, ...]

    @property
    def targets(self) -> Targets:
        """Return whom the firm can tell apart."""
        return self.chain.targets

    @cached_property
    def coefficients(self) -> Floats:
        """Return which money each row counts, (rows, periods, levers), zeros and ones."""
        shape = (0, self.chain.periods, self.targets.shape[2])
        rows = [row.periods[:, None] & row.levers[None, :] for row in self.rows]
        return np.stack(rows).astype(float) if rows else np.zeros(shape)

    @cached_property
    def limits(self) -> Floats:
        """Return the rows' limits."""
        return np.array([row.limit for row in self.rows])

    def usage(self, intensity: Floats) -> Floats:
        """Return the money that each rule counts under ``intensity[period, group, stage, lever]``, expected."""
        spend = expected_history(self.chain, intensity).spend.sum(axis=(1, 2))
        return np.asarray(np.einsum("rtl,tl->r", self.coefficients, spend))

    @cached_property
    def row_units(self) -> Floats:
        """Return the size of each rule's money: its limit, or for limits near zero what the reference would count."""
        usual = self.usage(as_today(self.chain))
        floor = 1e-3 * max(float(usual.max(initial=0)), float(self.limits.max(initial=0))) or 1.0
        return np.asarray(np.maximum(np.maximum(self.limits, usual), floor))

    @cached_property
    def signs(self) -> Floats:
        """Return +1 for ``<=`` rows and -1 for ``>=``: the sign of their prices."""
        return np.array([1.0 if row.sense == "<=" else -1.0 for row in self.rows])

    @cached_property
    def possible(self) -> NDArray[np.bool_]:
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


def joint_actions(chain: ControlledChain, refine: bool = False) -> tuple[Floats, Ints]:
    """Return joint intensities per (group, stage), cheapest first, and how many there are.

    With ``refine`` each step between two intensities is divided further, for a bound that hardly depends on them.

    Zero and the reference are always among them. The usual intensity of a lever is its reference, or where that is
    zero the intensity its curve was stated at.
    """
    groups, stages, levers = chain.targets.shape
    if isinstance(chain, MatrixChain):
        spend = np.repeat(chain.action_spend[:, None, :, None], stages, axis=1)
        _check_number(chain, spend.shape[2], 0, 0)
        return spend, np.where(chain.targets.allowed[:, :, 0], spend.shape[2], 1)
    assert isinstance(chain, Lifecycle)
    options: dict[tuple[int, int], Floats] = {}
    for group, segment in enumerate(chain.targets.segments):
        for stage in range(stages):
            here = np.flatnonzero(chain.targets.allowed[group, stage])
            multiples = LEVELS.get(len(here), (0, 1))
            if refine:
                multiples = _divided(multiples, STEPS.get(len(here), 1))
            offered = []
            for lever in here:
                money = [multiple * _usual(chain, segment, group, stage, int(lever)) for multiple in multiples]
                committed = float(chain.targets.committed[group, stage, lever])
                if chain.targets.lead[lever] and committed not in money:
                    money = sorted([*money, committed])
                offered.append(money)
            found: list[tuple[float, tuple[float, ...], Floats]] = []
            for combination in itertools.product(*offered):
                row = np.zeros(levers)
                row[here] = combination
                found.append((row.sum(), combination, row))
            dearest = max(money for money, _, _ in found) or 1.0
            found.sort(key=lambda option: (round(option[0] / dearest, 9), option[1]))
            options[group, stage] = np.array([row for _, _, row in found])
    most = max(len(rows) for rows in options.values())
    _check_number(chain, most, *max(options, key=lambda place: len(options[place])))
    actions = np.zeros((groups, stages, most, levers))
    choices = np.ones((groups, stages), dtype=np.int64)
    for (group, stage), rows in options.items():
        actions[group, stage, : len(rows)] = rows
        choices[group, stage] = len(rows)
    return actions, choices


def _check_number(chain: ControlledChain, number: int, group: int, stage: int) -> None:
    if number > MOST_ACTIONS:
        raise InputError(
            f"target '{chain.targets.name(group, stage)}': {number} joint intensities to choose from, at most "
            f"{MOST_ACTIONS} can be weighed; use fewer levers or actions on it"
        )


def _divided(multiples: tuple[float, ...], steps: int) -> tuple[float, ...]:
    places = np.arange((len(multiples) - 1) * steps + 1) / steps
    return tuple(np.interp(places, np.arange(len(multiples)), multiples).tolist())


def _usual(chain: Lifecycle, segment: str, group: int, stage: int, lever: int) -> float:
    reference = float(chain.targets.reference[group, stage, lever])
    if reference > 0:
        return reference
    known = chain.scenario.levers[chain.targets.levers[lever]]
    override = known.by_segment.get(segment)
    moves = {**known.moves, **(override.moves if override else {})}
    return float(next(iter(moves.values())).spend)


def reference_spend(chain: ControlledChain) -> float:
    """Return the money that the reference intensities are expected to cost over the horizon."""
    return float(expected_history(chain, as_today(chain)).spend.sum())


def as_today(chain: ControlledChain) -> Floats:
    """Return today's spend as a plan: the reference, and first what is committed."""
    return chain.targets.with_committed(np.broadcast_to(chain.targets.reference, (chain.periods, *chain.targets.shape)))


def budget_in_force(scenario: Scenario, chain: ControlledChain, given: float | None = None) -> float:
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
    return reference_spend(chain) if scenario.rules.budget is None else scenario.rules.budget


def rows_of(rules: Rules, budget: float, targets: Targets, periods: int) -> tuple[Row, ...]:
    """Return the rules as rows: total budget, largest share in one period, floors and caps by lever."""
    every_period, every_lever = np.ones(periods, bool), np.ones(len(targets.levers), bool)
    rows = [Row("budget", every_period, every_lever, "<=", budget, 1.0)]
    if rules.period_share < 1:
        for t in range(periods):
            share = rules.period_share
            rows.append(
                Row(
                    f"budget of period {t + 1}",
                    np.eye(periods, dtype=bool)[t],
                    every_lever,
                    "<=",
                    share * budget,
                    share,
                )
            )
    for name, rule in rules.levers.items():
        only = np.array([lever == name for lever in targets.levers])
        if rule.floor > 0:
            rows.append(Row(f"floor of {name}", every_period, only, ">=", rule.floor * budget, rule.floor))
        if rule.cap < 1:
            rows.append(Row(f"cap of {name}", every_period, only, "<=", rule.cap * budget, rule.cap))
    return tuple(rows)
