"""The occupancy programme stated whole, in arrays for HiGHS: what the decomposition is timed against."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix, csc_matrix

from optimizer.lp.highs import new_solver
from sim.arrays import Flags, Floats, Ints

if TYPE_CHECKING:
    from optimizer.ask.problem import AllocationProblem

__all__ = ["WholeProgramme", "whole"]


@dataclass(frozen=True, eq=False)
class WholeProgramme:
    """Maximise ``worth x + constant`` for ``x >= 0``, ``low <= matrix x <= high``; worth and rows are about one."""

    worth: Floats
    matrix: csc_matrix
    low: Floats
    high: Floats
    size: float
    constant: float

    def solve(self, method: str, limit: float) -> tuple[float, float | None]:
        """Return HiGHS's seconds and the optimum; None where it was not found within ``limit`` seconds.

        ``method``: ``simplex`` or ``ipm``, the interior point without crossover, which is the faster way. What is
        timed is the solver alone.
        """
        import highspy

        rows, columns = self.matrix.shape
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = columns, rows
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = -self.worth, np.zeros(columns), np.full(columns, np.inf)
        lp.row_lower_, lp.row_upper_ = self.low, self.high
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_ = self.matrix.indptr, self.matrix.indices
        lp.a_matrix_.value_ = self.matrix.data
        solver = new_solver({"solver": method, "run_crossover": "off", "time_limit": float(limit)})
        solver.passModel(lp)
        began = time.perf_counter()
        solver.run()
        took = time.perf_counter() - began
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return took, None
        return took, float(self.worth @ np.array(solver.getSolution().col_value)) * self.size + self.constant


def whole(problem: "AllocationProblem") -> WholeProgramme:
    """Return the whole programme: one variable per period, block, state that can be reached, and joint action."""
    chain, laws = problem.chain, problem.chain.space.law_kind.size
    rules, (groups, stages, levers) = len(problem.rows), chain.targets.shape
    units = problem.row_units
    money = problem.money.toarray().reshape(rules, chain.periods, groups, stages, levers)
    people = problem.people.toarray().reshape(rules, chain.periods + 1, groups, laws)
    earned = problem.earned.toarray().reshape(rules, chain.periods, groups)
    at_end = chain.group[:, None], chain.block_law
    final, value_at_end = people[:, -1][:, *at_end], chain.discount[-1] * chain.terminal
    entries: list[tuple[Ints, Ints, Floats]] = []
    worth: list[Floats] = []
    limits: list[Floats] = []
    columns, reached = 0, chain.initial > 0
    arriving = chain.initial
    place, rows = _numbered(reached, rules)
    for t in range(chain.periods):
        regime = chain.regimes[1][t]
        limits.append(arriving[reached])
        block, state, action = np.nonzero(
            reached[:, :, None] & problem.possible[t][chain.group[:, None], chain.block_stage]
        )
        line, where, group = chain.block_law[block, state], chain.block_stage[block, state], chain.group[block]
        odds, leads = problem.probability[regime, block, line, action], chain.space.successor[state]
        reward, number = problem.reward[regime, block, line, action], columns + np.arange(block.size)
        cost = np.einsum("rgsl,gsal->rgsa", money[:, t], problem.actions, optimize=True)[:, group, where, action]
        used = cost + people[:, t][:, group, line] + earned[:, t][:, group] * reward
        profit = chain.discount[t] * (reward - problem.actions[group, where, action].sum(axis=1))
        entries.append((place[block, state], number, np.ones(block.size)))
        arriving = chain.arrivals[t]
        if t == chain.periods - 1:
            used = used + np.einsum("vo,rvo->rv", odds, final[:, block[:, None], leads])
            profit = profit + (odds * value_at_end[block[:, None], leads]).sum(axis=1)
        else:
            variable, outcome = np.nonzero(odds)
            reached = arriving > 0
            reached[block[variable], leads[variable, outcome]] = True
            place, rows = _numbered(reached, rows)
            to = place[block[variable], leads[variable, outcome]]
            entries.append((to, number[variable], -odds[variable, outcome]))
        rule, variable = np.nonzero(used)
        entries.append((rule, number[variable], used[rule, variable] / units[rule]))
        worth.append(profit)
        columns += block.size
    row, column, value = (np.concatenate(each) for each in zip(*entries, strict=True))
    matrix = coo_matrix((value, (row, column)), shape=(rows, columns)).tocsc()
    fixed = (final * arriving).sum(axis=(1, 2))
    limit, flows = (problem.limits - fixed) / units, np.concatenate(limits)
    size = float(np.abs(np.concatenate(worth)).max())
    return WholeProgramme(
        np.concatenate(worth) / size, matrix,
        np.concatenate([np.where(problem.signs > 0, -np.inf, limit), flows]),
        np.concatenate([np.where(problem.signs > 0, limit, np.inf), flows]),
        size, float((value_at_end * arriving).sum()),
    )  # fmt: skip


def _numbered(reached: Flags, first: int) -> tuple[Ints, int]:
    """Return the rows of what is reached, from ``first`` on, and the next free one."""
    place = np.full(reached.shape, -1, dtype=np.int64)
    count = int(reached.sum())
    place[reached] = first + np.arange(count)
    return place, first + count
