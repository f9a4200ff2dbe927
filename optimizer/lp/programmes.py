"""States linear programmes, solves them with HiGHS, checks the answers: the only module that states them in PuLP.

What solvers say is not taken on trust: PuLP calls a HiGHS time limit "optimal", and the sign of duals differs by
solver. Here status and termination are read from HiGHS, duals are d(objective)/d(right-hand side), and
feasibility, sign and strong duality are verified with our own arithmetic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csc_matrix

from optimizer.lp.highs import new_solver, pulp_solver
from optimizer.tolerances import TOLERANCE
from sim.arrays import Floats, Ints
from sim.errors import SolverError

__all__ = [
    "BoxAnswer", "BoxProgramme", "LinearProgramme", "LpAnswer", "tidy",
]  # fmt: skip


@dataclass(frozen=True)
class LpAnswer:
    """What came back.

    Attributes
    ----------
    status : str
        ``optimal``, ``infeasible``, ``unbounded`` or ``feasible`` (stopped early, a point is there).
    termination : str
        Why the solver stopped, in its own words.
    values, duals : arrays
        Of variables and rows; duals are d(objective)/d(right-hand side). Empty unless optimal or feasible.
    objective : float
    """

    status: str
    termination: str
    values: Floats
    duals: Floats
    objective: float


class LinearProgramme:
    """Maximise ``objective x`` over ``x >= 0`` subject to rows ``<=``, ``>=`` or ``=``.

    Objective and rows are scaled to about one inside, so that cents and millions give the same answer; ``scale`` is
    the size of an ordinary objective coefficient (default: the largest).
    """

    def __init__(self, objective: Floats, scale: float | None = None) -> None:
        self.objective = np.asarray(objective, dtype=float)
        self._scale = (float(np.abs(self.objective).max(initial=0)) if scale is None else scale) or 1.0
        self._rows: list[tuple[Ints, Floats, str, float]] = []

    def add_row(self, columns: Sequence[int] | Ints, values: Floats, sense: str, limit: float) -> None:
        """Add ``sum values x[columns] <sense> limit`` with sense one of ``<=``, ``>=``, ``=``."""
        self._rows.append((np.asarray(columns, dtype=np.int64), np.asarray(values, dtype=float), sense, float(limit)))

    def solve(self, time_limit: float | None = None) -> LpAnswer:
        """Return the checked answer; ``time_limit`` in seconds.

        Raises
        ------
        SolverError
            If the answer fails the check.
        """
        import pulp

        scale = self._scale
        problem = pulp.LpProblem("tenure", pulp.LpMaximize)
        x = [problem.add_variable(f"x{i}", lowBound=0) for i in range(self.objective.size)]
        problem.setObjective(pulp.LpAffineExpression(zip(x, tidy(self.objective / scale).tolist(), strict=True)))
        senses = {"<=": pulp.LpConstraintLE, ">=": pulp.LpConstraintGE, "=": pulp.LpConstraintEQ}
        sizes = np.ones(len(self._rows))
        for r, (columns, values, sense, limit) in enumerate(self._rows):
            sizes[r] = max(float(np.abs(values).max(initial=0)), abs(limit) * 1e-3) or 1.0
            terms = zip((x[i] for i in columns), tidy(values / sizes[r]).tolist(), strict=True)
            right = float(tidy(np.array(limit / sizes[r])))
            row = pulp.LpConstraint(pulp.LpAffineExpression(terms), senses[sense], f"r{r}", right)
            problem.addConstraint(row)
        options: dict[str, Any] = {} if time_limit is None else {"timeLimit": time_limit}
        for method in ({}, {"solver": "ipm"}):  # the simplex may give up on rules in conflict
            problem.solve(pulp_solver(**options, **method))
            termination = problem.solverModel.getModelStatus().name.removeprefix("k")
            if termination != "Unknown":
                break
        nothing = np.empty(0)
        if termination in ("Infeasible", "Unbounded", "UnboundedOrInfeasible"):
            status = "unbounded" if termination == "Unbounded" else "infeasible"
            return LpAnswer(status, termination, nothing, nothing, float("nan"))
        values = np.array([variable.varValue for variable in x], dtype=float)
        if np.isnan(values).any():
            raise SolverError(f"HiGHS stopped without a point ({termination}); raise the time limit")
        duals = np.array([-problem.get_constraint_by_name(f"r{r}").pi for r in range(len(self._rows))]) * scale / sizes
        answer = LpAnswer(
            "optimal" if termination == "Optimal" else "feasible",
            termination,
            values,
            duals,
            float(self.objective @ values),
        )
        self._check(answer, sizes)
        return answer

    def _check(self, answer: LpAnswer, sizes: Floats) -> None:
        x, y = answer.values, answer.duals
        largest = max(1.0, float(np.abs(x).max(initial=0)))
        reduced = self.objective.copy()
        for r, (columns, values, sense, limit) in enumerate(self._rows):
            gap = float(values @ x[columns]) - limit
            wrong = abs(gap) if sense == "=" else gap if sense == "<=" else -gap
            if wrong > TOLERANCE * sizes[r] * largest:
                raise SolverError(f"HiGHS's answer breaks row {r} by {wrong:g} ({answer.termination})")
            np.subtract.at(reduced, columns, y[r] * values)
        if answer.status != "optimal":
            return
        size = max(self._scale * 1e-9, float(np.abs(self.objective) @ np.abs(x)))
        dual_value = float(y @ np.array([row[3] for row in self._rows])) if self._rows else 0.0
        sign = {"<=": 1.0, ">=": -1.0, "=": 0.0}
        wrong_sign = min((y[r] * sign[row[2]] * sizes[r] for r, row in enumerate(self._rows)), default=0.0)
        worst = float(reduced.max(initial=0))
        scale = float(np.abs(self.objective).max(initial=0))
        if abs(dual_value - answer.objective) > 1e-5 * size or worst > 1e-5 * scale or wrong_sign < -1e-5 * scale:
            raise SolverError(
                f"HiGHS's duals do not prove its optimum: {answer.objective:g} against {dual_value:g}, "
                f"reduced cost {worst:g}, sign {wrong_sign:g}"
            )


DECIMALS = 11


@dataclass(frozen=True)
class BoxAnswer:
    """Values and duals, d(objective)/d(row limit), of a programme with bounds on every variable."""

    values: Floats
    duals: Floats


class BoxProgramme:
    """Maximise ``objective x`` within ``low <= x <= high`` and ``row_low <= matrix x <= row_high``, again and again.

    Straight through highspy, each time from the last basis: for searches that solve hundreds of like programmes.
    Everything is expected in units of about one, and rounded to ``DECIMALS`` of them: what is less is arithmetic, and
    would lead the same search in another currency another way.
    """

    def __init__(self) -> None:
        self._basis: Any = None

    def solve(
        self, objective: Floats, low: Floats, high: Floats, matrix: csc_matrix, row_low: Floats, row_high: Floats
    ) -> BoxAnswer:
        """Return the checked answer.

        Raises
        ------
        SolverError
            If HiGHS ends without an optimum, or its answer leaves the bounds.
        """
        import highspy

        rows, columns = matrix.shape
        scale = float(np.abs(objective).max(initial=0)) or 1.0
        low, high, row_low, row_high = (np.round(each, DECIMALS) for each in (low, high, row_low, row_high))
        matrix = csc_matrix((tidy(matrix.data), matrix.indices, matrix.indptr), matrix.shape)
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = columns, rows
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = -objective / scale, low, high
        lp.row_lower_, lp.row_upper_ = row_low, row_high
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
        solver = new_solver()
        solver.passModel(lp)
        if self._basis is not None and len(self._basis.col_status) == columns and len(self._basis.row_status) == rows:
            solver.setBasis(self._basis)
        solver.run()
        status = solver.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            # Steep penalties beside small slopes: HiGHS's own scaling can then lose the optimum it found.
            solver.clearSolver()
            solver.setOptionValue("simplex_scale_strategy", 0)
            solver.run()
            status = solver.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise SolverError(f"a step of the search ended {solver.modelStatusToString(status)}")
        self._basis = solver.getBasis()
        answer = solver.getSolution()
        values = np.round(np.array(answer.col_value), DECIMALS)
        wide = np.maximum(1.0, np.abs(values).max(initial=0))
        activity = matrix @ values
        worst = max(
            float(np.max(low - values, initial=0)), float(np.max(values - high, initial=0)),
            float(np.max(row_low - activity, initial=0)), float(np.max(activity - row_high, initial=0)),
        )  # fmt: skip
        if worst > TOLERANCE * wide * 10:
            raise SolverError(f"a step of the search leaves its bounds by {worst:g}")
        return BoxAnswer(np.clip(values, low, high), -np.array(answer.row_dual) * scale)


def tidy(values: Floats) -> Floats:
    """Return values to twelve significant digits: below that, arithmetic in another unit already differs."""
    size = np.abs(values)
    exponent = 11 - np.floor(np.log10(np.where(size > 0, size, 1)))
    unit = 10.0 ** np.clip(exponent, -300, 300)
    return np.asarray(np.round(values * unit) / unit)
