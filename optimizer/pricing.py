"""Plans of one group as columns: what they bring and use, found by dynamic programming, mixed by the master.

A group's plans are priced at the rules' prices ``y`` of money, d(asset)/d(limit), in discounted money. The kernels
are in :mod:`optimizer.decomposition_kernels`.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer import decomposition_kernels as kernels
from optimizer.problem import AllocationProblem
from optimizer.solver import LinearProgramme
from sim.errors import RulesError, SolverError

__all__ = ["Column", "Mixture", "Pricing", "conflict", "master", "violated"]

Floats = NDArray[np.float64]

STATE_SWEEPS = 40
"""Coordinate sweeps of a playable plan at given prices; it usually settles within ten."""


@dataclass(frozen=True, eq=False)
class Column:
    """One plan of one group.

    Attributes
    ----------
    value : float
        Discounted money earned less spend.
    usage : (rows,)
        Money counted by each rule.
    used : (periods, stages, actions)
        Expected head counts under each action.
    action : array
        (periods, blocks of the group, states) with full information, (periods, stages) if playable.
    """

    value: float
    usage: Floats
    used: Floats
    action: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Mixture:
    """The master's answer: how much of each column, and prices."""

    weights: list[Floats]
    prices: Floats
    value: float
    violation: Floats


OUT_OF_REACH = 1e15
"""Cost, a head, of an action that cannot be taken because something else is committed: never chosen."""


@dataclass(eq=False)
class Pricing:
    """The kernels bound to one problem, with blocks shared out over threads."""

    problem: AllocationProblem
    threads: int = 2

    def __post_init__(self) -> None:
        chain, problem = self.problem.chain, self.problem
        if (np.diff(chain.group) < 0).any():
            raise ValueError("blocks must be ordered by group")
        self.groups = chain.targets.shape[0]
        self.first = np.searchsorted(chain.group, np.arange(self.groups + 1))
        happens = np.asarray(problem.probability.any(axis=(0, 1, 3)))
        self.outcomes = happens.shape[1] - happens[:, ::-1].argmax(axis=1)
        self.regime = chain.regimes[1]
        self.structure = (
            chain.block_stage, chain.block_law, chain.space.successor, self.outcomes, self.regime,
            problem.probability, problem.reward,
        )  # fmt: skip
        self.terminal = chain.terminal

    def price_of_money(self, prices: Floats) -> Floats:
        """Return what a unit of money costs by (period, lever): its discounted self and the rules' prices."""
        return np.asarray(
            self.problem.chain.discount[:-1, None] + np.einsum("r,rtl->tl", prices, self.problem.coefficients)
        )

    def cost(self, prices: Floats) -> Floats:
        """Return discounted cost by (period, group, stage, action) at the rules' prices."""
        cost = np.einsum("tl,gsal->tgsa", self.price_of_money(prices), self.problem.actions)
        return np.ascontiguousarray(np.where(self.problem.possible, cost, OUT_OF_REACH))

    def best(self, prices: Floats) -> tuple[float, list[Column]]:
        """Return the Lagrangian at ``prices`` and each group's best full-information plan."""
        lagrangian, action = self.lagrangian(prices)
        return lagrangian, self.columns_of(action)

    def lagrangian(self, prices: Floats, own: Floats | None = None) -> tuple[float, NDArray[np.uint8]]:
        """Return the Lagrangian at ``prices`` and the best action per (period, block, state).

        ``own[period, group, stage, lever]`` are intensities to choose from besides the problem's actions.
        """
        chain = self.problem.chain
        blocks, states = chain.initial.shape
        action = np.zeros((chain.periods, blocks, states), dtype=np.uint8)
        value, arrived = np.empty((blocks, states)), np.zeros(blocks)
        cost = self.cost(prices)
        if own is None:
            extra = (np.empty((0, 0, 0, 0)), np.empty((0, 0, 0)), np.empty((0, 0, 0)))
        else:
            steps = [chain.step(chain.environment[t], own[t]) for t in range(chain.periods)]
            extra = (
                np.stack([step.probability for step in steps]),
                np.stack([step.reward for step in steps]),
                np.einsum("tl,tgsl->tgs", self.price_of_money(prices), own),
            )

        def run(part: tuple[int, int]) -> None:
            kernels.best_response(
                *part, chain.group, *self.structure, cost, self.problem.choices, chain.discount, self.terminal,
                chain.arrivals, *extra, action, value, arrived,
            )  # fmt: skip

        edges = np.linspace(0, blocks, 4 * self.threads + 1).astype(int)
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(run, zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)))
        return float((chain.initial * value).sum() + arrived.sum() + prices @ self.problem.limits), action

    def columns_of(self, action: NDArray[np.uint8]) -> list[Column]:
        """Return what full-information plans ``action[period, block, state]`` bring and use, by group."""
        chain = self.problem.chain
        _, stages, most, _ = self.problem.actions.shape
        used = np.zeros((self.groups, chain.periods, stages, most))
        earned = np.zeros(self.groups)
        kernels.play_states(
            0, chain.group.size, chain.group, *self.structure, chain.discount, self.terminal, chain.initial,
            chain.arrivals, action, used, earned,
        )  # fmt: skip
        return [
            self._column(g, earned[g], used[g], action[:, self.first[g] : self.first[g + 1]])
            for g in range(self.groups)
        ]

    def _column(self, group: int, earned: float, used: Floats, action: NDArray[np.uint8]) -> Column:
        spend = np.einsum("tsa,sal->tl", used, self.problem.actions[group])
        usage = np.einsum("rtl,tl->r", self.problem.coefficients, spend)
        value = float(earned - self.problem.chain.discount[:-1] @ spend.sum(axis=1))
        return Column(value, usage, used, action.copy())

    def playable_column(self, group: int, action: NDArray[np.uint8]) -> Column:
        """Return what a playable plan ``action[period, stage]`` of one group brings and uses."""
        chain = self.problem.chain
        first, last = self.first[group], self.first[group + 1]
        by_state = np.zeros((chain.periods, chain.group.size, chain.initial.shape[1]), dtype=np.uint8)
        by_state[:, first:last] = action[:, chain.block_stage[first:last]]
        _, stages, most, _ = self.problem.actions.shape
        used, earned = np.zeros((self.groups, chain.periods, stages, most)), np.zeros(self.groups)
        kernels.play_states(
            first, last, chain.group, *self.structure, chain.discount, self.terminal, chain.initial, chain.arrivals,
            by_state, used, earned,
        )  # fmt: skip
        return self._column(group, earned[group], used[group], action)

    def improve(self, prices: Floats, starts: list[list[NDArray[np.uint8]]]) -> list[list[Column]]:
        """Return by group the playable plans that coordinate improvement reaches from each start."""
        chain = self.problem.chain
        cost = self.cost(prices)

        def run(group: int) -> list[Column]:
            first, last = self.first[group], self.first[group + 1]
            occupancy = np.empty((chain.periods, last - first, chain.initial.shape[1]))
            found: dict[bytes, NDArray[np.uint8]] = {}
            for start in starts[group]:
                action = start.copy()
                kernels.improve_playable(
                    first, last, group, *self.structure, cost, self.problem.choices, chain.discount, self.terminal,
                    chain.initial, chain.arrivals, action, occupancy, STATE_SWEEPS,
                )  # fmt: skip
                found[action.tobytes()] = action
            return [self.playable_column(group, action) for action in found.values()]

        order = sorted(range(self.groups), key=lambda g: int(self.first[g] - self.first[g + 1]))
        with ThreadPoolExecutor(self.threads) as pool:
            found = dict(zip(order, pool.map(run, order), strict=True))
        return [found[group] for group in range(self.groups)]


def master(problem: AllocationProblem, columns: list[list[Column]], penalty: float) -> Mixture:
    """Mix the columns: maximise value, groups whole, rules met or paid for at ``penalty`` a unit of money.

    What a rule is missed by is measured in units of the rule, so that the programme does not depend on the currency.
    """
    flat = [(g, column) for g, group in enumerate(columns) for column in group]
    size, rows = len(flat), len(problem.rows)
    values = np.array([column.value for _, column in flat])
    units = problem.row_units
    lp = LinearProgramme(np.append(values, -penalty * units), float(np.abs(values).max()))
    usage = np.array([column.usage for _, column in flat]).reshape(size, rows)
    everyone = np.arange(size)
    for r, row in enumerate(problem.rows):
        slack = -problem.signs[r] * units[r]
        lp.add_row(np.append(everyone, size + r), np.append(usage[:, r], slack), row.sense, row.limit)
    group = np.array([g for g, _ in flat])
    for g in range(len(columns)):
        mine = np.flatnonzero(group == g)
        lp.add_row(mine, np.ones(mine.size), "=", 1.0)
    answer = lp.solve()
    if answer.status != "optimal":
        raise SolverError(f"the master programme ended {answer.status} ({answer.termination})")
    weights = [np.clip(answer.values[:size][group == g], 0, None) for g in range(len(columns))]
    prices = np.where(problem.signs > 0, np.maximum(answer.duals[:rows], 0), np.minimum(answer.duals[:rows], 0))
    return Mixture(weights, prices, float(values @ answer.values[:size]), answer.values[size:] * units)


def violated(problem: AllocationProblem, mixture: Mixture) -> bool:
    """Return whether a rule is missed by more than rounding."""
    return bool((mixture.violation > 1e-7 * problem.row_units).any())


def conflict(problem: AllocationProblem, mixture: Mixture) -> RulesError:
    """Return the error that names the rule missed by most."""
    worst = int(np.argmax(mixture.violation))
    row = problem.rows[worst]
    return RulesError(
        f"rules cannot all be met: '{row.name}' asks for {row.sense} {row.limit:,.2f} and misses it by "
        f"{mixture.violation[worst]:,.2f}; loosen it, or give its lever more targets or intensities"
    )
