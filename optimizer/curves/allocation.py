"""Allocation of a budget over response curves from elsewhere, under rules, to a certified gap.

::

    maximise    sum over channels c, periods t of f_ct(e_ct),      e_ct = sum over j of w_cj x_c[t - j] + before_ct
    subject to  sum x <= budget,  the rules,  x >= 0

Spend carries over before the curve: the weights make effective spend of spend, the period's curve makes response of
that; what was spent before the first period carries in. What carries beyond the last counts where the rules say so.
Curves that bend down only make it a linear programme; upward bends cost whole numbers, and only they do. With
exact smooth curves the pieces lie above them and are refined where the optimum is, so that the bound holds for the
curves themselves. Value, feasibility and (for linear programmes) the bound are computed by our own arithmetic.
"""

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from optimizer.curves.conflicts import Conflict, find_conflict
from optimizer.curves.model import CurveModel, curve_model, hull
from optimizer.curves.result import Binding, CurveAllocation, relative_gap
from optimizer.curves.rows import Row, carried_in, carry_over_matrix, rule_rows
from optimizer.curves.rules import AllocationRules, needs_order
from optimizer.curves.shapes import CurveTable, ResponseCurve, SmoothCurve, TabulatedCurve
from optimizer.curves.spare import best_beyond, cheapest, falls, least_level
from optimizer.lp.arrays import ArrayAnswer, solve_arrays
from optimizer.tolerances import OPTIMAL, OVER
from sim.arrays import Floats
from sim.errors import InputError, SolverError

__all__ = ["Found", "Search", "allocate", "prepared"]

ROUNDS = 60
"""Of refinement of smooth curves; a handful is usual."""
USEFUL = 2.0
"""Times the money that lifts every curve to its end, in every period, and meets every rule that asks for money."""
FIRST = 5.0
"""Seconds that the first plan may always take."""


def allocate(
    curves: CurveTable,
    rules: AllocationRules | None = None,
    *,
    budget: float | None = None,
    time_limit: float | None = None,
) -> CurveAllocation:
    """Return the spend by channel and period that brings most, with its bound and prices.

    Parameters
    ----------
    curves : CurveTable
    rules : AllocationRules, optional
        None: only the budget.
    budget : float, optional
        Money; default: the rules'.
    time_limit : float, optional
        Seconds, from which on the best plan found is returned with the gap that is left. The first plan may take
        ``FIRST`` seconds in any case. HiGHS does not look at the clock in all it does.

    Raises
    ------
    InputError
        If no budget is given, or a rule names what the curves do not have.
    SolverError
        If no plan was found in time, or an answer fails our check.
    """
    began = time.perf_counter()
    rules = rules or AllocationRules()
    budget = rules.budget if budget is None else float(budget)
    if budget is None:
        raise InputError("no budget; give `budget=`, or `budget:` in the rules file")
    if not 0 <= budget <= 1e18:
        raise InputError(f"budget {budget:g}; expected a number from 0 to 1e18")
    curves = prepared(curves, rules)
    search = Search(curves, rules, budget)
    conflict = search.run(None if time_limit is None else began + time_limit)
    if conflict is not None:
        return search.infeasible(conflict, time.perf_counter() - began)
    return search.answer(time.perf_counter() - began)


def prepared(curves: CurveTable, rules: AllocationRules) -> CurveTable:
    """Return the curves with as many periods as the rules say, in the order of time where something needs it.

    Raises
    ------
    InputError
        If that order is needed and not known, or the rules do not fit the curves.
    """
    if rules.periods is not None:
        curves = curves.repeated(rules.periods)
    if rules.order:
        curves = curves.ordered(rules.order)
    why = needs_order(rules)
    if why:
        curves.need_order(why)
    both = sorted(set(curves.before) & set(rules.before))
    if both:
        raise InputError(f"before: '{both[0]}' is in the rules and in the curves' file; keep one of them")
    before = {**curves.before, **{channel: money for channel, money in rules.before.items() if money}}
    return replace(curves, before=before)


@dataclass(frozen=True)
class Found:
    """What one model gave: spend, a bound on any plan, and prices."""

    spend: Floats
    bound: float
    prices: Floats
    left: float
    right: float
    local: bool
    termination: str


class Search:
    """One question on the way to its answer."""

    def __init__(self, curves: CurveTable, rules: AllocationRules, budget: float) -> None:
        self.table, self.rules, self.budget = curves, rules, budget
        self.shape = (len(curves.channels), len(curves.periods))
        self.carry_over = carry_over_matrix(rules, curves.channels, len(curves.periods))
        self.rows = rule_rows(rules, budget, curves.channels, curves.periods)
        worked = self.carry_over.shape[1]
        before = carried_in(rules, curves.before, curves.channels, worked)
        self.before = before.ravel()
        self.curves: list[ResponseCurve] = []
        for row, carried in zip(curves.curves, before, strict=True):
            inside = zip(row, carried, strict=False)
            self.curves += [curve.after(float(spent)) for curve, spent in inside]
            beyond = carried[len(row) :]
            self.curves += [row[-1].after(float(spent), row[-1].value(float(spent))) for spent in beyond]
        scales = [curve.scale for curve in self.curves if curve.scale > 0]
        self.money = budget if budget > 0 else min(scales, default=1.0)
        useful = self._useful()
        if 0 < useful < budget:  # sums of money far beyond any use would drown what counts in rounding
            self.money = useful
            self.rows = [replace(r, limit=min(r.limit, useful)) if r.sense == "<=" else r for r in self.rows]
        most = np.repeat(self.carry_over.max(axis=(1, 2)), worked)
        self.reach = OVER * self.money * most
        self.base = math.fsum(curve.value(0.0) for curve in self.curves)
        self.points: list[list[float]] = [[] for _ in self.curves]
        self._check_curves()
        self.spend = np.zeros(len(self.curves))
        self.value, self.bound, self.relaxed = -math.inf, math.inf, 0.0
        self.found: Found | None = None

    def _check_curves(self) -> None:
        for curve in {id(curve): curve for curve in self.curves}.values():
            if isinstance(curve, SmoothCurve):
                curve.check(float(self.reach.max()))

    def _useful(self) -> float:
        """Return more money than any plan has a use for; infinite where curves have no end."""
        tables = [curve for curve in self.curves if isinstance(curve, TabulatedCurve)]
        if len(tables) < len(self.curves):
            return math.inf
        weight = self.carry_over.max(axis=2).ravel()
        ends = np.array([curve.scale for curve in tables])
        need = np.divide(ends, weight, out=np.zeros(ends.size), where=weight > 0).reshape(self.shape[0], -1)
        asked = sum(row.limit for row in self.rows if row.sense != "<=")
        tied = 1.0  # a channel may have to be paid so many times over for what another can use
        for sizes in (np.abs(row.coefficients) for row in self.rows if row.linear):
            tied *= 1 + float(sizes.sum() / sizes.min())
        return USEFUL * self.shape[1] * tied * float(need.max(axis=1).sum() + asked)

    def effective(self, spend: Floats) -> Floats:
        """Return effective spend by place."""
        return np.asarray(np.einsum("cts,cs->ct", self.carry_over, spend.reshape(self.shape)).ravel())

    def worth(self, spend: Floats) -> float:
        """Return the response to a spend by the curves themselves."""
        effective = self.effective(spend)
        return math.fsum(curve.value(float(e)) for curve, e in zip(self.curves, effective, strict=True))

    def run(self, deadline: float | None) -> Conflict | None:
        """Search until the gap is closed, time is up, or nothing improves; return a conflict if no plan fits."""
        for _ in range(ROUNDS):
            pieces = [
                curve.pieces(float(reach), points)
                for curve, reach, points in zip(self.curves, self.reach, self.points, strict=True)
            ]
            found = self._solve(pieces, deadline)
            if found is None:
                conflict = find_conflict(self.rows, len(self.curves))
                if conflict is None:
                    raise SolverError(
                        "the rules fit together, but no plan was found; rules may be too near to each other"
                    )
                return conflict
            value = self.worth(found.spend)
            self.bound = min(self.bound, found.bound)
            if value > self.value or self.found is None:
                self.value, self.spend, self.found = value, found.spend, found
            late = deadline is not None and time.perf_counter() > deadline
            exact = all(curve.exact for curve in self.curves)
            if exact or late or relative_gap(self.value, self.bound, self.base) <= OPTIMAL / 2:
                break
            self._refine(found.spend)
        self._save_money()
        return None

    def _refine(self, spend: Floats) -> None:
        """Let smooth curves' pieces touch them where the last optimum was, and halfway to the points around it."""
        for curve, points, e, reach in zip(self.curves, self.points, self.effective(spend), self.reach, strict=True):
            if curve.exact:
                continue
            known = [0.0, *sorted(points), float(reach)]
            below = max((u for u in known if u < e), default=0.0)
            above = min((u for u in known if u > e), default=float(reach))
            points += [float(e), (below + 3 * float(e)) / 4, (above + 3 * float(e)) / 4]

    def _solve(self, pieces: list[tuple[Floats, Floats]], deadline: float | None) -> Found | None:
        """Return the best plan for curves of pieces; None if the rules leave none.

        The programme without whole numbers comes first, on the curves' hulls: a bound, and a plan to round.
        """
        model = curve_model(pieces, self.carry_over, self.rows, self.money)
        hulls = curve_model([hull(*each) for each in pieces], self.carry_over, self.rows, self.money)
        whole = model.bends + model.campaigns > 0
        root = solve_arrays(
            hulls.arrays, direction=None if whole else hulls.direction, time_limit=_left(deadline, FIRST)
        )
        if root.status == "infeasible":
            return None
        if not root.values.size:
            raise SolverError(
                f"no plan was found in time, though {FIRST:g} seconds are always taken; raise `time_limit=`"
            )
        self.relaxed = max(root.bound, 1e-3) * model.gain
        bound, termination, final = root.bound, root.termination, root
        if whole:
            rounded = self._rounded(hulls, model, root.values[: model.places] * model.unit)
            lost = math.inf if rounded is None else root.bound - float(model.arrays.objective @ rounded.values)
            late = deadline is not None and time.perf_counter() > deadline
            if rounded is None or (lost > OPTIMAL / 2 * abs(root.bound) and not late):
                size = max(root.bound, 1e-6) / 1e3
                answer = solve_arrays(
                    model.searched(size), start=None if rounded is None else rounded.values,
                    time_limit=_left(deadline, FIRST if rounded is None else 0.01),
                )  # fmt: skip
                if answer.status == "infeasible":
                    return None
                termination = answer.termination
                bound = min(bound, answer.bound * size) if math.isfinite(answer.bound) else bound
                if answer.values.size:
                    rounded = _with_whole(model, answer.values) or rounded
            elif lost > OPTIMAL / 2 * abs(root.bound):
                termination = "TimeLimit"
            if rounded is None:
                raise SolverError("no plan that keeps to the smallest campaigns was found in time; raise `time_limit=`")
            final = rounded
        spend = np.maximum(final.values[: model.places], 0) * model.unit
        spend[spend < 1e-11 * self.money] = 0.0
        self._check(spend)
        prices = final.duals[: len(self.rows)] * model.price_unit
        per_budget = np.array([row.per_budget for row in self.rows]) * model.price_unit

        def budget_price(duals: Floats) -> float:
            return float(duals[: len(self.rows)] @ per_budget) if duals.size else math.nan

        return Found(
            spend, model.base + bound * model.gain, prices, budget_price(final.duals_down),
            budget_price(final.duals_up), whole, termination,
        )  # fmt: skip

    def _rounded(self, hulls: CurveModel, model: CurveModel, spend: Floats) -> ArrayAnswer | None:
        """Return the best plan on the sides of the bends on which a spend lies; None if no choice of campaigns fits.

        With campaigns the spend is first moved to run those that have half of the smallest, or all of it, or none, or
        all.
        """
        campaigns = [(row.columns[0], row.limit) for row in self.rows if row.sense == "0 or >="]
        has = np.array([spend[column] / limit for column, limit in campaigns])
        for least in (0.5, 1 - 1e-9, math.inf, 0.0) if campaigns else (0.0,):
            runs = (has >= least).astype(float)
            if campaigns:
                moved = _with_whole(hulls, hulls.point(spend, self.effective(spend), runs))
                if moved is None:
                    continue
                spend = moved.values[: model.places] * model.unit
            return _with_whole(model, model.point(spend, self.effective(spend), runs))
        return None

    def _check(self, spend: Floats) -> None:
        """Raise if a spend breaks a rule by more than rounding."""
        for row in self.rows:
            wrong = row.missed(spend)
            if wrong > 1e-6 * max(row.limit, self.money):
                raise SolverError(f"the plan breaks {row.in_words()} by {wrong:g}")

    def _save_money(self) -> None:
        """Where the budget is not scarce, spend the least that brings the same."""
        found = self.found
        if found is None or self.spend.sum() <= 0 or found.right > 1e-9 * self._usual_price():
            return
        effective = self.effective(self.spend)
        need = np.array([least_level(curve, float(e)) for curve, e in zip(self.curves, effective, strict=True)])
        most = np.where([falls(curve) for curve in self.curves], effective, np.inf)
        run = [(row, row.sense) for row in self.rows]
        rows = [
            Row(row.name, row.columns, row.coefficients, ">=", row.limit) if sense == "0 or >=" else row
            for row, sense in run
            if sense != "0 or >=" or self.spend[row.columns[0]] > 0
        ]
        stopped = {int(row.columns[0]) for row, sense in run if sense == "0 or >=" and self.spend[row.columns[0]] == 0}
        cheaper = cheapest(rows, self.carry_over, need, most, stopped, self.money, FIRST)
        if cheaper is None or cheaper.sum() >= self.spend.sum():
            return
        if self.worth(cheaper) >= self.value - 1e-10 * abs(self.value - self.base):
            self._check(cheaper)
            self.spend, self.value = cheaper, self.worth(cheaper)

    def _usual_price(self) -> float:
        return max(self.value - self.base, 0.0) / self.money

    def _unspent_because(self) -> tuple[str, ...]:
        """Return why the rest of the budget is not spent."""
        if self.found is None or self.budget - self.spend.sum() <= 1e-9 * max(self.budget, self.money):
            return ()
        effective = self.effective(self.spend)
        full = [
            curve.value(float(e)) >= best_beyond(curve, float(e), float(reach)) - 1e-12 * abs(curve.value(float(reach)))
            for curve, e, reach in zip(self.curves, effective, self.reach, strict=True)
        ]
        if all(full):
            return ("saturation: beyond this spend no curve rises",)
        open_ = np.flatnonzero(~np.array(full))
        tight = []
        for row, price in zip(self.rows[1:], self.found.prices[1:], strict=True):
            amount = float(row.coefficients @ self.spend[row.columns])
            if row.sense == "0 or >=" and amount == 0 and row.limit > self.budget - self.spend.sum():
                tight += [row.name] if row.columns[0] in open_ else []
                continue
            reached = row.sense in ("<=", "=") and amount >= row.limit - 1e-9 * max(row.limit, self.money)
            if price > 1e-9 * self._usual_price() or (reached and np.isin(row.columns, open_).any()):
                tight.append(row.name)
        return tuple(dict.fromkeys(tight)) or ("what is left would bring nothing under the rules",)

    def answer(self, seconds: float) -> CurveAllocation:
        """Return the best plan found."""
        found = self.found
        assert found is not None
        bound = max(self.bound, self.value)
        if bound - min(self.base, self.value) <= 1e-9 * self.relaxed:  # nothing is gained, to the solver's rounding
            bound = self.value
        if self.value > self.bound + 1e-7 * max(abs(self.bound - self.base), 1e-9 * abs(self.bound)):
            raise SolverError(f"the plan's value {self.value:.12g} is above its bound {self.bound:.12g}")
        gap = relative_gap(self.value, bound, self.base)
        spend, effective, response, after = self.played()
        least = 1e-9 * max(float(np.abs(found.prices).max(initial=0)), self._usual_price())
        binding = tuple(
            Binding(row.name, row.limit, float(price))
            for row, price in zip(self.rows, found.prices, strict=True)
            if abs(price) > least
        )
        return CurveAllocation(
            "optimal" if gap <= OPTIMAL else f"feasible, gap {100 * gap:.2g} %", found.termination, self.table.channels,
            self.table.periods, self.budget, self.value, bound, self.base, spend, effective, response, found.right,
            found.left, found.local, binding, self._unspent_because(), after=after, remarks=self.remarks(),
            before=dict(self.table.before), seconds=seconds,
        )  # fmt: skip

    def remarks(self) -> tuple[str, ...]:
        """Return what of the curves is not used, or is unusual."""
        said = [*self.table.notes, *(f"column '{name}' is not used" for name in self.table.unused)]
        falling = [
            channel
            for channel, row in zip(self.table.channels, self.table.curves, strict=True)
            if any(isinstance(curve, TabulatedCurve) and falls(curve) for curve in row)
        ]
        if falling:
            said.append(f"more spend can bring less on {', '.join(falling)}: its curve falls")
        return tuple(said)

    def played(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return spend, effective spend and response (channels, periods), and the response after them by channel."""
        effective = self.effective(self.spend)
        response = np.array([curve.value(float(e)) for curve, e in zip(self.curves, effective, strict=True)])
        within = (response.reshape(self.shape[0], -1), (effective + self.before).reshape(self.shape[0], -1))
        response, effective = (each[:, : self.shape[1]] for each in within)
        return self.spend.reshape(self.shape), effective, response, within[0][:, self.shape[1] :].sum(axis=1)

    def infeasible(self, conflict: Conflict, seconds: float) -> CurveAllocation:
        """Return that no plan meets the rules, and why."""
        none, nan = np.empty((0, 0)), math.nan
        return CurveAllocation(
            "infeasible", "Infeasible", self.table.channels, self.table.periods, self.budget, nan, nan, self.base, none,
            none, none, nan, nan, False, (), conflict=conflict, remarks=self.remarks(), seconds=seconds,
        )  # fmt: skip


def _with_whole(model: CurveModel, columns: Floats) -> ArrayAnswer | None:
    """Return the best plan with bends and campaigns as in ``columns``; None if there is none."""
    fixed = model.whole(columns)
    answer = solve_arrays(fixed, direction=model.direction[: fixed.row_lower.size], presolve=False)
    return answer if answer.status == "optimal" else None


def _left(deadline: float | None, least: float) -> float | None:
    return None if deadline is None else max(deadline - time.perf_counter(), least)
