"""Linear and mixed-integer programmes in arrays, straight through highspy, for models too large for PuLP."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizer.lp.highs import accepted, new_solver, run
from optimizer.tolerances import TOLERANCE
from sim.arrays import Flags, Floats, Ints
from sim.errors import SolverError

__all__ = ["ArrayAnswer", "ArrayModel", "check_point", "solve_arrays"]


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
    rows: Ints
    columns: Ints
    values: Floats
    row_lower: Floats
    row_upper: Floats
    integer: Flags

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
    nodes: int | None = None,
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
    nodes : int, optional
        Branches that are looked at with whole numbers, at most: unlike seconds the same on every machine.
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
    whole = bool(model.integer.any())
    feasibility = 1e-7 if whole else 1e-9
    options: dict[str, object] = {
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
    if nodes is not None:
        options["mip_max_nodes"] = nodes
    highs = new_solver(options)
    accepted(highs.passModel(_highs_lp(model)), "the model")
    if whole and start is not None:
        solution = highspy.HighsSolution()
        solution.col_value = start.tolist()
        accepted(highs.setSolution(solution), "the start")
    termination = run(highs)
    if termination in ("Infeasible", "UnboundedOrInfeasible"):  # every column has finite bounds
        if presolve:  # HiGHS 1.16's calls models infeasible of which 0 is a point, at tolerances of 1e-9
            return solve_arrays(model, time_limit=time_limit, gap=gap, start=start, direction=direction, presolve=False)
        return ArrayAnswer("infeasible", termination, nothing, nothing, float("nan"), nothing, nothing)
    info = highs.getInfo()
    if termination != "Optimal" and info.primal_solution_status != 2:
        bound = info.mip_dual_bound if whole else float("inf")
        return ArrayAnswer("stopped", termination, nothing, nothing, bound, nothing, nothing)
    status = "optimal" if termination == "Optimal" else "feasible"
    values = np.array(highs.getSolution().col_value)
    check_point(model, values, termination)
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
    accepted(highs.changeRowsBounds(places.size, numbers, lower + move[places], upper + move[places]), "new limits")
    optimal = run(highs) == "Optimal"
    duals = np.array(highs.getSolution().row_dual) if optimal else np.empty(0)
    accepted(highs.changeRowsBounds(places.size, numbers, lower, upper), "old limits")
    return duals


def check_point(model: ArrayModel, values: Floats, termination: str) -> None:
    """Raise unless a point keeps the rows and the bounds of the columns."""
    activity = model.activity(values)
    size = np.bincount(model.rows, np.abs(model.values * values[model.columns]), activity.size) + 1
    wrong = np.maximum(model.row_lower - activity, activity - model.row_upper) / size
    outside = np.maximum(model.lower - values, values - model.upper) / (1 + np.abs(values))
    worst = max(float(wrong.max(initial=0)), float(outside.max(initial=0)))
    if not worst <= TOLERANCE:
        raise SolverError(f"HiGHS's answer breaks a row by {worst:g} ({termination})")
