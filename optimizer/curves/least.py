"""The least budget with which curves bring a response, with what no plan can do with less.

::

    minimise    B
    subject to  sum over channels c, periods t of f_ct(e_ct) >= target,   sum x <= B,   the rules at a budget of B

Limits that are shares of the budget move along with it. Pieces lie nowhere below the curves, so that the programme's
bound holds for the curves themselves; the plan is one that reaches the target by the curves.
"""

import math
import time
from dataclasses import replace

import numpy as np

from optimizer.curves.allocation import Search, allocate, prepared
from optimizer.curves.model import CurveModel, curve_model, hull
from optimizer.curves.result import Binding, CurveAllocation
from optimizer.curves.rows import rule_rows
from optimizer.curves.rules import AllocationRules
from optimizer.curves.shapes import CurveTable
from optimizer.lp.arrays import ArrayAnswer, solve_arrays
from optimizer.tolerances import OPTIMAL
from sim.arrays import Floats
from sim.errors import InputError, SolverError

__all__ = ["least_budget"]

ROUNDS = 40
"""Of refinement of smooth curves."""
DOUBLINGS = 90
"""Of the first budget that is tried; what is still not reached cannot be."""
SHORT = 1e-7
"""Share of the asked lift that smooth curves' pieces may still promise too much."""


def least_budget(
    curves: CurveTable, rules: AllocationRules | None = None, *, target: float, time_limit: float | None = None
) -> CurveAllocation:
    """Return the plan of the least budget whose response is at least ``target``.

    Parameters
    ----------
    curves : CurveTable
    rules : AllocationRules, optional
        Their budget does not count.
    target : float
        Response, with what comes without spend.
    time_limit : float, optional
        Seconds, as for :func:`optimizer.curves.allocation.allocate`.

    Returns
    -------
    CurveAllocation
        ``budget`` is the answer and ``least_budget`` what no plan can do with less. If no plan meets the rules with any
        budget, the conflict.

    Raises
    ------
    InputError
        If no budget reaches the target.
    """
    began = time.perf_counter()
    rules = rules or AllocationRules()
    if not math.isfinite(target):
        raise InputError(f"`target={target:g}`: expected a finite number")
    curves = prepared(curves, rules)
    rules = rules.model_copy(update={"periods": None, "order": (), "before": {}})
    enough = _enough(curves, rules, target)
    if enough.conflict is not None:
        return enough
    deadline = None if time_limit is None else began + time_limit
    return _Least(curves, rules, enough, target, deadline).answer(began)


def _enough(curves: CurveTable, rules: AllocationRules, target: float) -> CurveAllocation:
    """Return a plan that reaches the target with some budget, or none that fits the rules with any."""
    scales = [curve.scale for row in curves.curves for curve in row if curve.scale > 0]
    budget = sum(scales) or 1.0
    best: CurveAllocation | None = None
    for _ in range(DOUBLINGS):
        try:
            plan = allocate(curves, rules, budget=min(budget, 1e18))
        except InputError:  # a smooth curve, far beyond where its slope can be told from none
            if best is None:
                raise
            break
        if plan.conflict is None and plan.value >= target:
            return plan
        if plan.conflict is None:
            still = best is not None and plan.value - best.value <= 1e-9 * max(abs(plan.value - plan.base), 1e-300)
            best = plan if best is None or plan.value > best.value else best
            if still and not _loosen(rules):
                break
        if budget >= 1e18:
            break
        budget *= 2
    if best is None:
        return plan
    raise InputError(
        f"response={target:,.10g} cannot be reached under these rules; the most is {best.value:,.10g}, for "
        f"{float(best.spend.sum()):,.6g}"
    )


def _loosen(rules: AllocationRules) -> bool:
    """Return whether a larger budget can loosen a limit other than its own."""
    shares = [each.cap_share for each in rules.bounds] + [each.share for each in rules.ramp] + [rules.period_share]
    return any(share is not None for share in shares)


class _Least(Search):
    """The search for the least budget, in the money of a budget that is enough."""

    def __init__(
        self, curves: CurveTable, rules: AllocationRules, enough: CurveAllocation, target: float, deadline: float | None
    ) -> None:
        super().__init__(curves, rules, enough.budget)
        self.money = max(enough.budget, 1e-300)
        self.rows = rule_rows(rules, 0.0, curves.channels, curves.periods)
        self.known, self.target, self.deadline = enough, target, deadline

    def answer(self, began: float) -> CurveAllocation:
        """Return the best plan found, and the least that any needs."""
        aim, least = self.target, 0.0
        lift = max(abs(self.target - self.base), 1e-300)
        for _ in range(ROUNDS):
            model, found, bound = self._programme(aim)
            if aim == self.target:
                least = max(least, bound)
            spend = np.maximum(found.values[: model.places], 0) * model.unit
            short = self.target - self.worth(spend)
            if short <= 1e-12 * max(abs(self.target), lift) or self._late():
                break
            if aim == self.target and short > SHORT * lift:
                self._refine(spend)
            else:  # the pieces are near enough: aim so far beyond that the curves themselves reach it
                aim += 2 * short
        budget = float(found.values[-1]) * self.money
        if short > 1e-9 * lift or budget > self.known.budget:
            spend, budget = self.known.spend.ravel(), self.known.budget
        spend[spend < 1e-11 * self.money] = 0.0
        self.spend, self.value = spend, self.worth(spend)
        budget = max(budget, float(spend.sum()))
        self.rows = rule_rows(self.rules, budget, self.table.channels, self.table.periods)
        self._check(spend)
        return self._result(model, found, budget, min(least, budget), began)

    def _late(self) -> bool:
        return self.deadline is not None and time.perf_counter() > self.deadline

    def _programme(self, aim: float) -> tuple[CurveModel, ArrayAnswer, float]:
        """Return the model, its least budget (bends and campaigns settled) and a bound that no budget is below."""
        corners = zip(self.curves, self.reach, self.points, strict=True)
        pieces = [curve.pieces(float(reach), points) for curve, reach, points in corners]
        model = curve_model(pieces, self.carry_over, self.rows, self.money, aim)
        hulls = curve_model([hull(*each) for each in pieces], self.carry_over, self.rows, self.money, aim)
        whole = model.bends + model.campaigns > 0
        limit = None if self.deadline is None else max(self.deadline - time.perf_counter(), 1.0)
        root = solve_arrays(hulls.arrays, direction=None if whole else hulls.direction, time_limit=limit)
        if not root.values.size:
            raise SolverError("no least budget was found in time; raise `time_limit=`")
        if not whole:
            return model, root, -root.bound * self.money
        start = self._point(model, self.known.spend.ravel())
        answer = solve_arrays(model.searched(1.0), start=start, time_limit=limit)
        bound = -min(root.bound, answer.bound if math.isfinite(answer.bound) else root.bound)
        values = answer.values if answer.values.size else start
        settled = model.whole(values)
        final = solve_arrays(settled, direction=model.direction[: settled.row_lower.size], presolve=False)
        if final.status != "optimal":
            final = replace(root, values=values, duals=np.empty(0), duals_down=np.empty(0), duals_up=np.empty(0))
        return model, final, bound * self.money

    def _point(self, model: CurveModel, spend: Floats) -> Floats:
        runs = [float(spend[row.columns[0]] > 0) for row in self.rows if row.sense == "0 or >="]
        return np.append(model.point(spend, self.effective(spend), np.array(runs)), self.known.budget / self.money)

    def _result(
        self, model: CurveModel, found: ArrayAnswer, budget: float, least: float, began: float
    ) -> CurveAllocation:
        per_response = self.money / model.gain

        def price(duals: Floats) -> float:
            return -float(duals[model.first_bend_row - 1]) * per_response if duals.size else math.nan

        count = len(self.rows)
        saved = found.duals[:count] * model.price_unit * per_response if found.duals.size else np.zeros(count)
        most = 1e-9 * float(np.abs(saved).max(initial=0))
        binding = tuple(
            Binding(row.name, row.limit, float(each))
            for row, each in zip(self.rows[1:], saved[1:], strict=True)
            if abs(each) > most
        )
        spend, effective, response, after = self.played()
        gap = max(0.0, budget - least) / budget if budget > 0 else 0.0
        return CurveAllocation(
            "optimal" if gap <= OPTIMAL else f"feasible, gap {100 * gap:.2g} %", found.termination, self.table.channels,
            self.table.periods, budget, self.value, math.nan, self.base, spend, effective, response, math.nan, math.nan,
            model.bends + model.campaigns > 0, binding, after=after, remarks=self.remarks(),
            before=dict(self.table.before), target=self.target, least_budget=least, target_price=price(found.duals_up),
            target_price_left=price(found.duals_down), seconds=time.perf_counter() - began,
        )  # fmt: skip
