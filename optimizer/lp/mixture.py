"""The programme that mixes plans within the rules while plans come and go, straight through highspy."""

import numpy as np

from optimizer.lp.highs import accepted, new_solver, run
from optimizer.lp.programmes import tidy
from optimizer.tolerances import MET, TOLERANCE
from sim.arrays import Flags, Floats, Ints
from sim.errors import SolverError

__all__ = ["MixProgramme"]


class MixProgramme:
    """Maximise ``values w`` over mixtures ``w`` of columns that come and go, from the last basis each time.

    ``usage w <= limits`` (``>=`` where the sign is -1), and the columns of each group add up to one. In the first
    phase the sum of what rows are missed by is made least instead. Rows are about one in size. Primal simplex,
    straight through highspy: new columns leave the last answer feasible.
    """

    def __init__(self, limits: Floats, signs: Floats, groups: int) -> None:
        import highspy

        self._limits, self._signs = limits, signs
        rows = limits.size
        self._values, self._groups, self._usage = np.empty(0), np.empty(0, dtype=np.int64), np.empty((0, rows))
        self.feasible = rows == 0
        self._solver = new_solver({
            "presolve": "off", "solver": "simplex", "simplex_strategy": 4, "simplex_scale_strategy": 0,
            "primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9,
        })  # fmt: skip
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = rows, rows + groups
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = np.ones(rows), np.zeros(rows), np.full(rows, np.inf)
        one = np.ones(groups)
        lp.row_lower_ = np.concatenate([np.where(signs > 0, -np.inf, limits), one])
        lp.row_upper_ = np.concatenate([np.where(signs > 0, limits, np.inf), one])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = np.arange(rows + 1), np.arange(rows), -signs
        accepted(self._solver.passModel(lp), "the model")

    @property
    def size(self) -> int:
        """Return how many columns there are."""
        return self._groups.size

    def add(self, values: Floats, usage: Floats, groups: Ints) -> None:
        """Add columns: what they are worth, what they use, (columns, rows), and the groups they are of."""
        count, rows = usage.shape
        values, usage = tidy(values), tidy(usage)
        self._values, self._groups = np.append(self._values, values), np.append(self._groups, groups)
        self._usage = np.concatenate([self._usage, usage])
        entries = np.column_stack([usage, np.ones(count)])
        index = np.column_stack([np.tile(np.arange(rows), (count, 1)), rows + groups])
        kept = entries != 0
        start = np.concatenate([[0], np.cumsum(kept.sum(axis=1))[:-1]])
        status = self._solver.addCols(
            count, -values * self.feasible, np.zeros(count), np.full(count, np.inf), int(kept.sum()),
            start.astype(np.int32), index[kept].astype(np.int32), entries[kept],
        )  # fmt: skip
        accepted(status, "new columns")

    def keep(self, flags: Flags) -> None:
        """Drop the columns that are not flagged."""
        gone = np.flatnonzero(~flags) + self._limits.size
        if gone.size:
            accepted(self._solver.deleteCols(gone.size, gone.astype(np.int32)), "to drop columns")
        self._values, self._groups, self._usage = self._values[flags], self._groups[flags], self._usage[flags]

    def worth(self, prices: Floats) -> Floats:
        """Return what every column is worth less what it uses."""
        return np.asarray(self._values - self._usage @ prices)

    def solve(self) -> tuple[Floats, Floats, Floats]:
        """Return weights, d(value)/d(limit), and by how much each row is missed.

        As long as rows cannot all be met, value is minus the sum of what is missed, and ``feasible`` is not set.

        Raises
        ------
        SolverError
            If HiGHS ends without an optimum, or its duals do not prove one.
        """
        answer = self._run()
        if self.feasible or answer[2].sum() > MET:
            return answer
        rows = self._limits.size
        for place, cost in enumerate([*np.zeros(rows), *-self._values]):
            accepted(self._solver.changeColCost(place, float(cost)), "new costs")
        for row in range(rows):
            accepted(self._solver.changeColBounds(row, 0.0, 0.0), "new bounds")
        self.feasible = True
        return self._run()

    def _run(self) -> tuple[Floats, Floats, Floats]:
        run(self._solver, optimal=True)
        answer = self._solver.getSolution()
        rows = self._limits.size
        values, duals = np.array(answer.col_value), -np.array(answer.row_dual)
        weights, missed = np.maximum(values[rows:], 0), np.maximum(values[:rows], 0)
        prices = self._signs * np.maximum(self._signs * duals[:rows], 0)
        self._check(weights, prices, missed)
        return weights, prices, missed

    def _check(self, weights: Floats, prices: Floats, missed: Floats) -> None:
        """Raise unless the weights are a mixture within the rows and the prices prove that none is better."""
        gap = float((self._signs * (weights @ self._usage - self._limits) - missed).max(initial=0))
        whole = np.bincount(self._groups, weights)
        if gap > TOLERANCE or np.abs(whole - 1).max(initial=0) > TOLERANCE:
            raise SolverError(f"HiGHS's mixture misses a row by {gap:g}")
        costs = self._values * self.feasible
        value = float(weights @ costs) - (0.0 if self.feasible else float(missed.sum()))
        best = np.full(whole.size, -np.inf)
        np.maximum.at(best, self._groups, costs - self._usage @ prices)
        bound = float(best.sum() + prices @ self._limits)
        size = float(np.abs(costs).max(initial=0)) + float(np.abs(prices * self._limits).sum()) + 1e-9
        if abs(bound - value) > 1e-5 * size:
            raise SolverError(f"HiGHS's duals do not prove its optimum: {value:g} against {bound:g}")
