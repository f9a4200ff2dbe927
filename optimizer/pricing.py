"""Plans of one group as columns: what they bring and use, found by dynamic programming, mixed by the master.

A group's plans are priced at the rules' prices ``y`` of money, d(asset)/d(limit), in discounted money. The kernels
are in :mod:`optimizer.decomposition_kernels`.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from optimizer import decomposition_kernels as kernels
from optimizer.problem import AllocationProblem
from optimizer.solver import LinearProgramme
from sim.engine.sensitivity import Aim
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

    def aim(self, prices: Floats) -> Aim:
        """Return what is maximised less what the rules count at their prices."""
        problem, aim = self.problem, self.problem.aim
        return Aim(
            aim.reward - (prices @ problem.earned).reshape(aim.reward.shape),
            aim.money + (prices @ problem.money).reshape(aim.money.shape),
            aim.people - (prices @ problem.people).reshape(aim.people.shape),
            aim.terminal - float(prices @ problem.after),
        )

    def counts(self, aim: Aim) -> tuple[Floats, Floats, Floats]:
        """Return what a unit earned, being there, and being there at the end count: the kernels' view of an aim."""
        chain = self.problem.chain
        end = aim.terminal * chain.terminal + aim.people[-1][chain.group[:, None], chain.block_law]
        return np.ascontiguousarray(aim.reward), np.ascontiguousarray(aim.people[:-1]), np.ascontiguousarray(end)

    def cost(self, prices: Floats) -> Floats:
        """Return discounted cost by (period, group, stage, action) at the rules' prices."""
        return self._cost(self.aim(prices))

    def _cost(self, aim: Aim) -> Floats:
        cost = np.einsum("tgsl,gsal->tgsa", aim.money, self.problem.actions, optimize=True)
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
        aim = self.aim(prices)
        cost, counts = self._cost(aim), self.counts(aim)
        if own is None:
            extra = (np.empty((0, 0, 0, 0)), np.empty((0, 0, 0)), np.empty((0, 0, 0)))
        else:
            steps = [chain.step(chain.environment[t], own[t]) for t in range(chain.periods)]
            extra = (
                np.stack([step.probability for step in steps]),
                np.stack([step.reward for step in steps]),
                np.einsum("tgsl,tgsl->tgs", aim.money, own),
            )

        def run(part: tuple[int, int]) -> None:
            kernels.best_response(
                *part, chain.group, *self.structure, cost, self.problem.choices, *counts, chain.arrivals, *extra,
                action, value, arrived,
            )  # fmt: skip

        edges = np.linspace(0, blocks, 4 * self.threads + 1).astype(int)
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(run, zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)))
        return float((chain.initial * value).sum() + arrived.sum() + prices @ self.problem.limits), action

    def columns_of(self, action: NDArray[np.uint8]) -> list[Column]:
        """Return what full-information plans ``action[period, block, state]`` bring and use, by group."""
        edges = [(self.first[g], self.first[g + 1]) for g in range(self.groups)]
        return self._played(action, range(self.groups), [action[:, first:last] for first, last in edges])

    def playable_column(self, group: int, action: NDArray[np.uint8]) -> Column:
        """Return what a playable plan ``action[period, stage]`` of one group brings and uses."""
        chain = self.problem.chain
        first, last = self.first[group], self.first[group + 1]
        by_state = np.zeros((chain.periods, chain.group.size, chain.initial.shape[1]), dtype=np.uint8)
        by_state[:, first:last] = action[:, chain.block_stage[first:last]]
        return self._played(by_state, [group], [action])[0]

    def _played(
        self, by_state: NDArray[np.uint8], groups: Sequence[int], actions: list[NDArray[np.uint8]]
    ) -> list[Column]:
        """Return the columns of groups under ``by_state[period, block, state]``; ``actions`` are kept in them."""
        problem, chain = self.problem, self.problem.chain
        _, stages, most, _ = problem.actions.shape
        used = np.zeros((self.groups, chain.periods, stages, most))
        people = np.zeros((self.groups, chain.periods + 1, chain.space.law_kind.size))
        earned, ended = np.zeros((self.groups, chain.periods)), np.zeros_like(chain.initial)
        kernels.play_states(
            self.first[groups[0]], self.first[groups[-1] + 1], chain.group, *self.structure, chain.initial,
            chain.arrivals, by_state, used, people, earned, ended,
        )  # fmt: skip
        after, aim = (ended * chain.terminal).sum(axis=1), problem.aim
        out = []
        for g, action in zip(groups, actions, strict=True):
            spend = np.einsum("tsa,sal->tsl", used[g], problem.actions[g])
            money, counted, gained = self._by_group[g]
            left = after[self.first[g] : self.first[g + 1]].sum()
            usage = money @ spend.ravel() + counted @ people[g].ravel() + gained @ earned[g] + problem.after * left
            value = aim.reward[:, g] @ earned[g] - (aim.money[:, g] * spend).sum() + aim.terminal * left
            out.append(Column(float(value), np.asarray(usage), used[g], action.copy()))
        return out

    @cached_property
    def _by_group(self) -> list[tuple[csr_matrix, csr_matrix, csr_matrix]]:
        """Return the rows' counts of each group's money, people and earnings."""
        problem, chain = self.problem, self.problem.chain
        laws = chain.space.law_kind.size
        money = np.arange(problem.money.shape[1]).reshape(chain.periods, self.groups, -1)
        people = np.arange(problem.people.shape[1]).reshape(chain.periods + 1, self.groups, laws)
        earned = np.arange(problem.earned.shape[1]).reshape(chain.periods, self.groups)
        columns = problem.money.tocsc(), problem.people.tocsc(), problem.earned.tocsc()
        return [
            (
                columns[0][:, money[:, g].ravel()].tocsr(),
                columns[1][:, people[:, g].ravel()].tocsr(),
                columns[2][:, earned[:, g]].tocsr(),
            )
            for g in range(self.groups)
        ]

    def improve(self, prices: Floats, starts: list[list[NDArray[np.uint8]]]) -> list[list[Column]]:
        """Return by group the playable plans that coordinate improvement reaches from each start."""
        chain = self.problem.chain
        aim = self.aim(prices)
        cost, counts = self._cost(aim), self.counts(aim)

        def run(group: int) -> list[Column]:
            first, last = self.first[group], self.first[group + 1]
            occupancy = np.empty((chain.periods, last - first, chain.initial.shape[1]))
            found: dict[bytes, NDArray[np.uint8]] = {}
            for start in starts[group]:
                action = start.copy()
                kernels.improve_playable(
                    first, last, group, *self.structure, cost, self.problem.choices, *counts, chain.initial,
                    chain.arrivals, action, occupancy, STATE_SWEEPS,
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
