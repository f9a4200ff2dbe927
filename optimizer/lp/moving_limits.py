"""A linear programme whose limits move, of many more columns than rows: most columns rest at a bound and are left out.

At the optimum of ``max c x, lower <= x <= upper, A x`` within limits, with prices ``y`` of the rows, a column stands at
its upper bound where ``c - A'y > 0`` and at its lower where ``c - A'y < 0``; only as many as there are rows stand
between. So columns are left where prices that are about right put them, but for those that are next to changing; the
optimum over these is that of all where its prices leave the others at rest, and else the columns that would rather be
elsewhere are let go (column generation, of columns between bounds). Prices that are about right come from a sample of
the columns, each as wide as those that it stands for.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy.sparse import csc_matrix

from optimizer.lp.arrays import ArrayModel, check_point
from optimizer.lp.highs import accepted, new_solver, run
from sim.arrays import Flags, Floats, Ints

__all__ = ["MovingLimits"]

FEW = 50_000
"""Columns up to which none is left out."""
SAMPLED = 16
"""Of so many columns one is in the sample."""
NEAR = 8_000
"""Columns that are looked at to begin with: those that the least change of prices would move."""
BETTER = 1e-9
"""What a unit of a column must bring to be let go: to so much HiGHS works as well."""


@dataclass(eq=False)
class _Part:
    """Some of the columns, counted from where they rest: ``x = rest + sign d`` with ``0 <= d <= width``."""

    solver: Any
    columns: Ints
    rest: Floats
    sign: Floats
    width: Floats
    base: Floats

    @classmethod
    def of(cls, model: ArrayModel, matrix: csc_matrix, columns: Ints, full: Flags, width: Floats) -> Self:
        """Return the part of some columns; those of all that are ``full`` rest at their upper bounds."""
        rest, sign = np.where(full, model.upper, model.lower), np.where(full, -1.0, 1.0)
        options = {"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9, "presolve": "off"}
        out = cls(new_solver(options), columns[:0], rest, sign, width, np.asarray(matrix @ rest))
        accepted(out.solver.passModel(_rows_alone(model.row_lower.size)), "the model")
        out.add(model, matrix, columns)
        return out

    def add(self, model: ArrayModel, matrix: csc_matrix, columns: Ints) -> None:
        """Let columns go."""
        signs = self.sign[columns]
        part = csc_matrix(matrix[:, columns].multiply(signs))
        status = self.solver.addCols(
            columns.size, model.objective[columns] * signs, np.zeros(columns.size), self.width[columns], part.nnz,
            part.indptr[:-1].astype(np.int32), part.indices.astype(np.int32), part.data,
        )  # fmt: skip
        accepted(status, "new columns")
        self.columns = np.append(self.columns, columns)

    def at(self, lower: Floats, upper: Floats) -> tuple[Floats, Floats, str] | None:
        """Return the optimum with all others at rest, the rows' duals and how the solver ended; None: there is none."""
        rows = np.arange(lower.size, dtype=np.int32)
        accepted(self.solver.changeRowsBounds(rows.size, rows, lower - self.base, upper - self.base), "new limits")
        ended = run(self.solver)
        if ended != "Optimal":
            return None
        answer, values = self.solver.getSolution(), self.rest.copy()
        values[self.columns] += self.sign[self.columns] * np.array(answer.col_value)
        return values, np.array(answer.row_dual), ended


class MovingLimits:
    """A model without whole numbers whose limits move: each time solved from where it was before.

    Parameters
    ----------
    model
        Columns may be without an upper bound: these are never left out.

    Examples
    --------
    >>> nothing = np.zeros(2)
    >>> model = ArrayModel(
    ...     np.array([3.0, 2.0]), nothing, np.ones(2), np.zeros(2, dtype=int), np.arange(2), np.ones(2),
    ...     np.array([-np.inf]), np.ones(1), nothing.astype(bool),
    ... )
    >>> values, duals = MovingLimits(model).at(np.array([-np.inf]), np.array([1.5]))
    >>> values.tolist(), duals.tolist()
    ([1.0, 0.5], [2.0])
    """

    def __init__(self, model: ArrayModel) -> None:
        self._model = model
        self._part = None if model.objective.size > FEW else self._whole

    def at(self, lower: Floats, upper: Floats) -> tuple[Floats, Floats] | None:
        """Return the optimum between these limits of the rows and the rows' duals; None where there is none.

        Raises
        ------
        SolverError
            If a call of HiGHS fails or its point breaks a row.
        """
        part = self._part = self._part or self._near(lower, upper)
        while True:
            found = part.at(lower, upper)
            if found is None and part is not self._whole:  # what is at rest may be outside the limits
                found = self._whole.at(lower, upper)
            if found is None:
                return None
            values, duals, ended = found
            better = self._better(part, duals)
            if better.size == 0:
                check_point(replace(self._model, row_lower=lower, row_upper=upper), values, ended)
                return values, duals
            part.add(self._model, self._matrix, better)

    @cached_property
    def _matrix(self) -> csc_matrix:
        model = self._model
        shape = (model.row_lower.size, model.objective.size)
        return csc_matrix((model.values, (model.rows, model.columns)), shape=shape)

    @cached_property
    def _length(self) -> Floats:
        """Return how fast what a column brings changes with prices."""
        return np.asarray(np.sqrt(self._matrix.multiply(self._matrix).sum(axis=0))).ravel()

    @cached_property
    def _whole(self) -> _Part:
        model, everything = self._model, np.arange(self._model.objective.size)
        return _Part.of(model, self._matrix, everything, everything < 0, model.upper - model.lower)

    @cached_property
    def _sample(self) -> _Part:
        model, endless = self._model, ~np.isfinite(self._model.upper)
        columns = np.append(np.flatnonzero(~endless)[::SAMPLED], np.flatnonzero(endless))
        width = SAMPLED * (model.upper - model.lower)
        return _Part.of(model, self._matrix, columns, np.zeros(endless.size, dtype=bool), width)

    def _near(self, lower: Floats, upper: Floats) -> _Part:
        """Return the part of the columns that are next to changing, by prices of the sample."""
        model, found = self._model, self._sample.at(lower, upper)
        prices = np.zeros(lower.size) if found is None else found[1]
        brings, endless = self._brings(prices), ~np.isfinite(model.upper)
        away = np.where(endless, -1.0, np.abs(brings) / np.maximum(self._length, 1e-300))
        columns = np.argpartition(away, NEAR)[:NEAR] if away.size > NEAR else np.arange(away.size)
        return _Part.of(model, self._matrix, columns, (brings > 0) & ~endless, model.upper - model.lower)

    def _brings(self, prices: Floats) -> Floats:
        """Return what a unit of each column brings at prices of the rows."""
        return np.asarray(self._model.objective - prices @ self._matrix)

    def _better(self, part: _Part, prices: Floats) -> Ints:
        """Return the columns that are left out and would rather be elsewhere."""
        brings = self._brings(prices) * part.sign
        brings[part.columns] = 0.0
        return np.flatnonzero(brings > BETTER)


def _rows_alone(rows: int) -> Any:
    """Return a maximisation without columns."""
    import highspy

    lp, nothing = highspy.HighsLp(), np.empty(0, dtype=np.int32)
    lp.num_col_, lp.num_row_, lp.sense_ = 0, rows, highspy.ObjSense.kMaximize
    lp.row_lower_, lp.row_upper_ = np.full(rows, -np.inf), np.full(rows, np.inf)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = np.zeros(1, dtype=np.int32), nothing, np.empty(0)
    return lp
