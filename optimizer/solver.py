"""The only module that knows PuLP and highspy: states linear programmes, solves them with HiGHS, checks the answers.

What solvers say is not taken on trust: PuLP calls a HiGHS time limit "optimal", and the sign of duals differs by
solver. Here status and termination are read from HiGHS, duals are d(objective)/d(right-hand side), and
feasibility, sign and strong duality are verified with our own arithmetic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from sim.errors import SolverError

__all__ = [
    "ArrayAnswer",
    "ArrayModel",
    "BoxAnswer",
    "BoxProgramme",
    "LinearProgramme",
    "LpAnswer",
    "MixProgramme",
    "solve_arrays",
    "tidy",
]

Floats = NDArray[np.float64]

TOLERANCE = 1e-6
"""Relative to the size of a row, or of the objective: HiGHS works to 1e-7."""


MET = 1e-9
"""Sum of what rows are missed by, in their units, up to which they count as met."""


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
        self._rows: list[tuple[NDArray[np.int64], Floats, str, float]] = []

    def add_row(self, columns: Sequence[int] | NDArray[np.int64], values: Floats, sense: str, limit: float) -> None:
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
        problem.setObjective(pulp.LpAffineExpression(zip(x, _tidy(self.objective / scale), strict=True)))
        senses = {"<=": pulp.LpConstraintLE, ">=": pulp.LpConstraintGE, "=": pulp.LpConstraintEQ}
        sizes = np.ones(len(self._rows))
        for r, (columns, values, sense, limit) in enumerate(self._rows):
            sizes[r] = max(float(np.abs(values).max(initial=0)), abs(limit) * 1e-3) or 1.0
            terms = zip((x[i] for i in columns), _tidy(values / sizes[r]), strict=True)
            (right,) = _tidy(np.array([limit / sizes[r]]))
            row = pulp.LpConstraint(pulp.LpAffineExpression(terms), senses[sense], f"r{r}", right)
            problem.addConstraint(row)
        options: dict[str, Any] = {} if time_limit is None else {"timeLimit": time_limit}
        for method in ({}, {"solver": "ipm"}):  # the simplex may give up on rules in conflict
            problem.solve(pulp.HiGHS(msg=False, **options, **method))
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


def _tidy(values: Floats) -> list[float]:
    """Return values to twelve significant digits: below that, arithmetic in another unit already differs."""
    return [float(f"{value:.12g}") for value in values]


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
        solver = highspy.Highs()
        solver.setOptionValue("output_flag", False)
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


@dataclass(frozen=True)
class ArrayModel:
    """Maximise ``objective x`` over ``lower <= x <= upper`` subject to ``row_lower <= A x <= row_upper``.

    Attributes
    ----------
    objective, lower, upper : float (columns,)
        Bounds are finite, so that any duals give a finite bound on the optimum.
    rows, columns, values : (entries,)
        ``A[rows[i], columns[i]] = values[i]``, each place once.
    row_lower, row_upper : float (rows,)
        Infinite where there is no limit.
    integer : bool (columns,)
        Columns that must be whole numbers.
    """

    objective: Floats
    lower: Floats
    upper: Floats
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: Floats
    row_lower: Floats
    row_upper: Floats
    integer: NDArray[np.bool_]

    def activity(self, x: Floats) -> Floats:
        """Return ``A x``."""
        return np.bincount(self.rows, self.values * x[self.columns], self.row_lower.size).astype(float)

    def dual_bound(self, duals: Floats) -> float:
        """Return ``y b + sum over columns of max over its range of (c - A'y) x``: by weak duality above every ``c x``.

        Holds for any duals; a dual whose sign points to a limit that is not there counts as zero.
        """
        y = np.where(duals > 0, np.where(np.isfinite(self.row_upper), duals, 0), duals)
        y = np.where((y < 0) & ~np.isfinite(self.row_lower), 0, y)
        limit = np.where(y > 0, self.row_upper, np.where(y < 0, self.row_lower, 0))
        reduced = self.objective - np.bincount(self.columns, self.values * y[self.rows], self.objective.size)
        return float(y @ limit + np.maximum(reduced * self.upper, reduced * self.lower).sum())


@dataclass(frozen=True)
class ArrayAnswer:
    """What came back for an :class:`ArrayModel`.

    Attributes
    ----------
    status : str
        ``optimal``, ``feasible`` (stopped early, a point is there), ``infeasible`` or ``stopped`` (no point).
    termination : str
        Why the solver stopped, in its own words.
    values, duals : arrays
        Of columns and rows; duals are d(objective)/d(limit) and empty with whole numbers. Checked against the rows.
    bound : float
        No point can be worth more. Without whole numbers from the duals by our own arithmetic; with them HiGHS's,
        plus what its pruning may have passed over.
    duals_down, duals_up : arrays
        Duals when the limits move a little against or along ``direction``; empty if not asked for, or if no point
        is left there.
    """

    status: str
    termination: str
    values: Floats
    duals: Floats
    bound: float
    duals_down: Floats
    duals_up: Floats


def solve_arrays(
    model: ArrayModel,
    *,
    time_limit: float | None = None,
    gap: float = 2e-7,
    start: Floats | None = None,
    direction: Floats | None = None,
    presolve: bool = True,
) -> ArrayAnswer:
    """Solve with HiGHS directly, for models too large to be built term by term; scale before calling.

    Parameters
    ----------
    model : ArrayModel
    time_limit : float, optional
        Seconds.
    gap : float
        With whole numbers, relative to the optimum.
    start : float (columns,), optional
        A point to start from, with whole numbers.
    direction : float (rows,), optional
        How limits move together, without whole numbers; asks for ``duals_down`` and ``duals_up``.
    presolve : bool
        HiGHS 1.15's takes minutes where thousands of columns are fixed.

    Raises
    ------
    SolverError
        If a call of HiGHS fails or its point breaks a row.
    """
    import highspy

    nothing = np.empty(0)
    highs = highspy.Highs()
    whole = bool(model.integer.any())
    feasibility = 1e-7 if whole else 1e-9
    options: dict[str, object] = {
        "output_flag": False,
        "primal_feasibility_tolerance": feasibility,
        "dual_feasibility_tolerance": feasibility,
        "mip_feasibility_tolerance": feasibility,
        "mip_rel_gap": gap,
        "mip_abs_gap": 0.0,
    }
    if not presolve:
        options["presolve"] = "off"
    if time_limit is not None:
        options["time_limit"] = max(time_limit, 1e-3)
    for name, value in options.items():
        _accepted(highs.setOptionValue(name, value), f"option {name}")
    _accepted(highs.passModel(_highs_lp(model)), "the model")
    if whole and start is not None:
        solution = highspy.HighsSolution()
        solution.col_value = start.tolist()
        _accepted(highs.setSolution(solution), "the start")
    _accepted(highs.run(), "run")
    termination = highs.getModelStatus().name.removeprefix("k")
    if termination in ("Infeasible", "UnboundedOrInfeasible"):  # every column has finite bounds
        return ArrayAnswer("infeasible", termination, nothing, nothing, float("nan"), nothing, nothing)
    info = highs.getInfo()
    if termination != "Optimal" and info.primal_solution_status != 2:
        bound = info.mip_dual_bound if whole else float("inf")
        return ArrayAnswer("stopped", termination, nothing, nothing, bound, nothing, nothing)
    status = "optimal" if termination == "Optimal" else "feasible"
    values = np.array(highs.getSolution().col_value)
    _check_point(model, values, termination)
    if whole:
        found = float(model.objective @ values)
        # HiGHS drops nodes that could not beat its point by more than this, and then calls the point the bound
        passed_over = max(feasibility, gap * abs(found))
        bound = max(info.mip_dual_bound, found + passed_over)
        return ArrayAnswer(status, termination, values, nothing, bound, nothing, nothing)
    duals = np.array(highs.getSolution().row_dual)
    moved = [nothing, nothing]
    if direction is not None and status == "optimal":
        for side, sign in enumerate((-1.0, 1.0)):
            moved[side] = _duals_after(highs, model, sign * direction)
    return ArrayAnswer(status, termination, values, duals, model.dual_bound(duals), moved[0], moved[1])


def _highs_lp(model: ArrayModel) -> Any:
    """Return the model as HiGHS takes it, row by row."""
    import highspy

    order = np.argsort(model.rows, kind="stable")
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = model.objective.size, model.row_lower.size
    lp.sense_ = highspy.ObjSense.kMaximize
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = model.objective, model.lower, model.upper
    lp.row_lower_, lp.row_upper_ = model.row_lower, model.row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.searchsorted(model.rows[order], np.arange(model.row_lower.size + 1)).astype(np.int32)
    lp.a_matrix_.index_ = model.columns[order].astype(np.int32)
    lp.a_matrix_.value_ = model.values[order]
    if model.integer.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[int(whole)] for whole in model.integer]
    return lp


def _duals_after(highs: Any, model: ArrayModel, move: Floats) -> Floats:
    """Return the duals after limits moved by ``move``, from the basis at hand; empty if no point is left."""
    places = np.flatnonzero(move)
    lower, upper = model.row_lower[places], model.row_upper[places]
    numbers = places.astype(np.int32)
    _accepted(highs.changeRowsBounds(places.size, numbers, lower + move[places], upper + move[places]), "new limits")
    _accepted(highs.run(), "run")
    optimal = highs.getModelStatus().name == "kOptimal"
    duals = np.array(highs.getSolution().row_dual) if optimal else np.empty(0)
    _accepted(highs.changeRowsBounds(places.size, numbers, lower, upper), "old limits")
    return duals


def _check_point(model: ArrayModel, values: Floats, termination: str) -> None:
    activity = model.activity(values)
    size = np.bincount(model.rows, np.abs(model.values * values[model.columns]), activity.size) + 1
    wrong = np.maximum(model.row_lower - activity, activity - model.row_upper) / size
    outside = np.maximum(model.lower - values, values - model.upper) / (1 + np.abs(values))
    worst = max(float(wrong.max(initial=0)), float(outside.max(initial=0)))
    if not worst <= TOLERANCE:
        raise SolverError(f"HiGHS's answer breaks a row by {worst:g} ({termination})")


def _accepted(status: Any, what: str) -> None:
    if status.name == "kError":
        raise SolverError(f"HiGHS refused {what}")


class MixProgramme:
    """Maximise ``values w`` over mixtures ``w`` of columns that come and go, from the last basis each time.

    ``usage w <= limits`` (``>=`` where the sign is -1), and the columns of each group add up to one. In the first
    phase the sum of what rows are missed by is made least instead. Rows are about one in size. Primal simplex,
    straight through highspy: new columns leave the last answer feasible.
    """

    def __init__(self, limits: Floats, signs: Floats, groups: int) -> None:
        import highspy

        self._limits, self._signs, self._known = limits, signs, highspy
        rows = limits.size
        self._values, self._groups, self._usage = np.empty(0), np.empty(0, dtype=np.int64), np.empty((0, rows))
        self.feasible = rows == 0
        self._solver = highspy.Highs()
        for option, value in (
            ("output_flag", False), ("presolve", "off"), ("solver", "simplex"), ("simplex_strategy", 4),
            ("simplex_scale_strategy", 0), ("primal_feasibility_tolerance", 1e-9),
            ("dual_feasibility_tolerance", 1e-9),
        ):  # fmt: skip
            self._do(self._solver.setOptionValue(option, value))
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = rows, rows + groups
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = np.ones(rows), np.zeros(rows), np.full(rows, np.inf)
        one = np.ones(groups)
        lp.row_lower_ = np.concatenate([np.where(signs > 0, -np.inf, limits), one])
        lp.row_upper_ = np.concatenate([np.where(signs > 0, limits, np.inf), one])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = np.arange(rows + 1), np.arange(rows), -signs
        self._do(self._solver.passModel(lp))

    def _do(self, status: Any) -> None:
        if status == self._known.HighsStatus.kError:
            raise SolverError("HiGHS refused a change of the programme")

    @property
    def size(self) -> int:
        """Return how many columns there are."""
        return self._groups.size

    def add(self, values: Floats, usage: Floats, groups: NDArray[np.int64]) -> None:
        """Add columns: what they are worth, what they use, (columns, rows), and the groups they are of."""
        count, rows = usage.shape
        values, usage = tidy(values), tidy(usage)
        self._values, self._groups = np.append(self._values, values), np.append(self._groups, groups)
        self._usage = np.concatenate([self._usage, usage])
        entries = np.column_stack([usage, np.ones(count)])
        index = np.column_stack([np.tile(np.arange(rows), (count, 1)), rows + groups])
        kept = entries != 0
        start = np.concatenate([[0], np.cumsum(kept.sum(axis=1))[:-1]])
        self._do(self._solver.addCols(
            count, -values * self.feasible, np.zeros(count), np.full(count, np.inf), int(kept.sum()),
            start.astype(np.int32), index[kept].astype(np.int32), entries[kept],
        ))  # fmt: skip

    def keep(self, flags: NDArray[np.bool_]) -> None:
        """Drop the columns that are not flagged."""
        gone = np.flatnonzero(~flags) + self._limits.size
        if gone.size:
            self._do(self._solver.deleteCols(gone.size, gone.astype(np.int32)))
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
            self._do(self._solver.changeColCost(place, float(cost)))
        for row in range(rows):
            self._do(self._solver.changeColBounds(row, 0.0, 0.0))
        self.feasible = True
        return self._run()

    def _run(self) -> tuple[Floats, Floats, Floats]:
        optimal = self._known.HighsModelStatus.kOptimal
        self._solver.run()
        if self._solver.getModelStatus() != optimal:  # once more, from nothing
            self._solver.clearSolver()
            self._solver.run()
        status = self._solver.getModelStatus()
        if status != optimal:
            raise SolverError(f"the mixture of plans ended {self._solver.modelStatusToString(status)}")
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


def tidy(values: Floats) -> Floats:
    """Return values to twelve significant digits: below that, arithmetic in another unit already differs."""
    size = np.abs(values)
    exponent = 11 - np.floor(np.log10(np.where(size > 0, size, 1)))
    unit = 10.0 ** np.clip(exponent, -300, 300)
    return np.asarray(np.round(values * unit) / unit)
