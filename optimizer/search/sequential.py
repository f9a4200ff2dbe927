"""Sequential linear programming on the fluid twin's exact gradient: any targeting, every rule, all crowd effects.

The plan is money by period and *cell* (the targets that get the same money per head). In money every rule of money is
exactly linear; what it does to the asset, to people and to profit is followed by the adjoint of the fluid pass
(:mod:`sim.engine.sensitivity`). Each step solves a linear programme for the change ``d`` of the plan,

``max g d - penalty v   s.t.   rows(x) + J d - v <= limits,  |d| <= radius,  low <= x + d <= high``,

and is taken where the merit (value less penalties) rises as promised. Radii are kept by variable: they grow while a
variable keeps its direction and shrink where it turns back, so that those at their optimum settle while others still
travel (move limits of structural optimisation; Svanberg 1987). What is found is a stationary point, with the prices
of the rules there.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, diags, hstack

from optimizer.ask.cells import Cells
from optimizer.ask.problem import AllocationProblem
from optimizer.lp.programmes import BoxProgramme
from optimizer.search.row_slopes import RowSlopes
from optimizer.tolerances import DUST, EMPTY, GAIN, MISSED
from sim.arrays import Floats, Progress
from sim.engine.sensitivity import Course, follow

__all__ = ["STEPS", "Maker", "Sequential", "Settled"]


FIRST, LARGEST = 0.3, 4.0
"""Radius at first and at most, in units of a variable's own size."""
WIDER, NARROWER = 1.3, 0.5
PATIENCE, STEPS = 8, 80
"""So many steps without gain, and so many steps at most."""
PENALTY = 20.0
"""Of a broken rule, in multiples of the largest marginal value it could stand for."""
DEARER = 3.0
"""Penalty of a rule that bends, in multiples of its price."""


@dataclass(frozen=True, eq=False)
class Settled:
    """Where a search ended.

    Attributes
    ----------
    course : Course
        Of the plan in money.
    amount : (periods, cells)
    value : float
        Of what was maximised.
    prices : (rows,)
        d(value)/d(limit).
    marginal : (periods, cells)
        d(value)/d(money), before the rules' prices.
    missed : float
        Largest share of a rule by which it is missed.
    steps : int
    stationary : bool
        Whether the search ended because no step promised more.
    seconds : float
    """

    course: Course
    amount: Floats
    value: float
    prices: Floats
    marginal: Floats
    missed: float
    steps: int
    stationary: bool
    seconds: float


class Sequential:
    """A search over the plans of one problem and targeting.

    Attributes
    ----------
    problem : AllocationProblem
    cells : Cells
    low, high : (periods, cells)
        Money that each cell must get and may get.
    most, limit : (cells,)
        Money a head beyond which nothing more is brought; what a rule of the lever allows.
    """

    def __init__(self, problem: AllocationProblem) -> None:
        self.problem = problem
        self.chain = problem.chain
        self.cells = Cells.of(problem.targets, problem.targeting)
        shape = (self.chain.periods, self.cells.lever.size)
        self.low = np.zeros(shape) if problem.floor is None else self.cells.sum(problem.floor)
        self.high = np.full(shape, np.inf) if problem.ceiling is None else self.cells.sum(problem.ceiling)
        lead = np.array(problem.targets.lead)
        self.open = np.arange(self.chain.periods)[:, None] >= lead[self.cells.lever]
        self.most, self.limit = self.cells.largest(self.chain.most), self.cells.largest(self.chain.limit)
        self.usual = self.cells.largest(self.chain.usual)
        self.slopes = RowSlopes(problem, self.cells)

    # --- Plans ---

    def amount_of(self, intensity: Floats) -> Floats:
        """Return the money of a plan stated in intensities, by cell."""
        return np.where(self.open, self.cells.sum(follow(self.chain, intensity).spend), 0.0)

    def follow(self, amount: Floats) -> Course:
        """Return what happens when cells get this money."""
        return follow(self.chain, self.cells.money(amount))

    def courses(self, amount: Floats) -> list[Course]:
        """Return the courses whose worth is maximised; the first is the one that keeps to the rules."""
        return [self.follow(amount)]

    def value(self, courses: list[Course]) -> float:
        """Return what is maximised."""
        return courses[0].value(self.problem.aim)

    def slope(self, courses: list[Course]) -> Floats:
        """Return the derivative of what is maximised by money, (periods, cells)."""
        return courses[0].slope(self.problem.aim)

    def missed(self, course: Course) -> Floats:
        """Return by how much each rule is missed."""
        problem = self.problem
        return np.asarray(np.maximum(problem.signs * (problem.counted(course) - problem.limits), 0))

    def counts(self, course: Course) -> Floats:
        """Return what a unit of money counts in each rule where a course in money is, (rows, periods x cells)."""
        return np.asarray(self.slopes.jacobian(course).toarray())

    # --- The search ---

    def run(
        self,
        start: Floats,
        *,
        lift: float,
        steps: int = STEPS,
        seconds: float = np.inf,
        gain: float | None = None,
        progress: Progress | None = None,
    ) -> Settled:
        """Return the stationary point reached from ``start[period, cell]``.

        Parameters
        ----------
        lift
            The size of what is at stake, by which gains are measured.
        steps, seconds
            At most so many, and so long.
        gain
            Share of the lift that a step must promise; None: ``GAIN``.
        """
        began = time.perf_counter()
        gain = GAIN if gain is None else gain
        solver = BoxProgramme()
        amount = np.clip(np.where(self.open, start, 0.0), self.low, np.maximum(self.high, self.low))
        amount = self._within_contacts(amount)
        courses = self.courses(amount)
        radius, before = None, np.zeros_like(amount)
        penalty, dearest, factor = None, np.empty(0), PENALTY
        prices = np.zeros(len(self.problem.rows))
        slope, quiet, step, stationary = np.zeros_like(amount), 0, 0, False
        for step in range(1, steps + 1):
            course = courses[0]
            heads = np.stack([self.cells.money(amount).heads(now.observed) for now in course.past])
            size = np.maximum(amount, 0.5 * self.usual * heads)
            radius = FIRST * size if radius is None else np.minimum(radius, LARGEST * size)
            slope = self.slope(courses)
            jacobian = self.slopes.jacobian(course)
            if penalty is None:
                penalty = factor * self._penalty(slope, jacobian)
                dearest = penalty.copy()
            merit = self.value(courses) - float(penalty @ self.missed(course))
            change, prices, promised = self._step(solver, course, amount, heads, radius, slope, jacobian, penalty)
            if promised <= gain * lift or quiet >= PATIENCE:
                if factor < 1e4 * PENALTY and (self.missed(course) > MISSED * self.problem.row_units).any():
                    factor, penalty, radius, quiet = 10 * factor, None, None, 0
                    continue
                stationary = True
                break
            for r in self.slopes.bending:  # what is far above a rule's price makes every curve of the rule a wall
                penalty[r] = min(dearest[r], max(DEARER * abs(prices[r]), 1e-2 * dearest[r]))
            merit = self.value(courses) - float(penalty @ self.missed(course))
            tried = self._tried(amount, change, size, penalty)
            gained = tried[0] - merit
            if gained < 0.5 * promised:  # it bends: where the parabola of slope and gain is highest
                part = float(np.clip(promised / (2 * (promised - gained)), 0.05, 0.9))
                nearer = self._tried(amount, part * change, size, penalty)
                radius = np.where(np.abs(change) > 0.5 * radius, max(part, 0.25) * radius, radius)
                if nearer[0] - merit > gained:
                    tried, change, gained = nearer, part * change, nearer[0] - merit
            if gained > 0:
                turned, onward = change * before < 0, change * before > 0
                radius = np.where(turned, NARROWER * radius, np.where(onward, WIDER * radius, radius))
                _, amount, courses = tried
                before = change
                quiet = quiet + 1 if gained < gain * lift else 0
            if progress:
                progress(step / steps)
            if time.perf_counter() - began > seconds:
                break
        if penalty is not None and len(prices):
            prices = self._prices(courses[0], amount, slope, penalty)
        missed, value = self.missed(courses[0]) / self.problem.row_units, self.value(courses)
        return Settled(
            courses[0], amount, value, prices, slope, float(missed.max(initial=0)), step, stationary,
            time.perf_counter() - began,
        )  # fmt: skip

    def _prices(self, course: Course, amount: Floats, slope: Floats, penalty: Floats) -> Floats:
        """Return d(value)/d(limit) at the end: of a small step where every rule is a trifle looser.

        Where a rule leaves nothing to move, as a cap of nothing, its price would else be anything above the true one.
        """
        heads = np.stack([self.cells.money(amount).heads(now.observed) for now in course.past])
        size = np.maximum(amount, 0.5 * self.usual * heads)
        jacobian = self.slopes.jacobian(course)
        return self._step(BoxProgramme(), course, amount, heads, 1e-2 * size, slope, jacobian, penalty, loosened=1e-7)[
            1
        ]

    def _tried(
        self, amount: Floats, change: Floats, size: Floats, penalty: Floats
    ) -> tuple[float, Floats, list[Course]]:
        """Return merit, money and courses of a changed plan; what is less than dust is nothing."""
        wanted = np.maximum(amount + change, np.minimum(self.low, amount))
        wanted = np.where(wanted - self.low < DUST * size, np.minimum(self.low, wanted), wanted)
        courses = self.courses(wanted)
        return self.value(courses) - float(penalty @ self.missed(courses[0])), wanted, courses

    def _penalty(self, slope: Floats, jacobian: csr_matrix) -> Floats:
        """Return value lost per unit by which each rule is missed: well above any price it may have."""
        largest = float(np.abs(slope[self.open]).max(initial=0)) or 1.0
        entries = abs(jacobian)
        count = np.maximum(np.diff(entries.indptr), 1)
        usual = np.asarray(entries.sum(axis=1)).ravel() / count
        return np.where(usual > 0, largest / np.maximum(usual, 1e-300), largest)

    def _step(
        self, solver: BoxProgramme, course: Course, amount: Floats, heads: Floats, radius: Floats, slope: Floats,
        jacobian: csr_matrix, penalty: Floats, loosened: float = 0.0,
    ) -> tuple[Floats, Floats, float]:  # fmt: skip
        """Return the best change inside the radii, the rules' prices, and what it promises."""
        problem, shape = self.problem, amount.shape
        top = np.where(heads > EMPTY, np.minimum(self.high, self.limit * np.maximum(heads, EMPTY)), 0.0)
        usable = self.open & (heads > EMPTY)
        low = np.where(usable, np.maximum(-radius, np.minimum(self.low - amount, 0)), -amount * ~usable)
        high = np.where(usable, np.minimum(radius, np.maximum(top - amount, 0)), -amount * ~usable)
        low, high = np.minimum(low, high), np.maximum(low, high)
        tie = self._ties(heads)
        columns = slope.size if tie is None else tie.shape[1]
        unit = np.maximum(heads * self.usual, 1e-12).ravel() if tie is None else np.ones(columns)
        objective = slope.ravel() if tie is None else np.asarray(tie.T @ slope.ravel())
        matrix = jacobian if tie is None else csr_matrix(jacobian @ tie)
        if tie is not None:
            low, high = self._tied_bounds(tie, low, high)
        counted = problem.counted(course)
        units = problem.row_units
        room = problem.limits - counted + loosened * units * problem.signs
        slack = diags(-problem.signs, format="csr")
        extra = self._contacts(amount, heads) if tie is None else None
        whole = hstack([diags(1 / units) @ matrix @ diags(unit), slack], format="csr")
        row_low = np.where(problem.signs > 0, -np.inf, room / units)
        row_high = np.where(problem.signs > 0, room / units, np.inf)
        if extra is not None:
            from scipy.sparse import vstack

            rows, left = extra
            wide = hstack([rows @ diags(unit), csr_matrix((rows.shape[0], units.size))], format="csr")
            whole = vstack([whole, wide], format="csr")
            row_low, row_high = np.append(row_low, np.full(left.size, -np.inf)), np.append(row_high, left)
        worth = objective * unit
        largest = float(np.abs(worth).max(initial=0)) or 1.0
        worth = largest * np.round(worth / largest, 10)
        answer = solver.solve(
            np.append(worth, -penalty * units),
            np.append(low.ravel() / unit, np.zeros(units.size)),
            np.append(high.ravel() / unit, np.full(units.size, np.inf)),
            whole.tocsc(), row_low, row_high,
        )  # fmt: skip
        moved = answer.values[:columns] * unit
        change = (moved if tie is None else np.asarray(tie @ moved)).reshape(shape)
        value = float(slope.ravel() @ change.ravel() - (penalty * units) @ answer.values[columns:])
        promised = value + float(penalty @ self.missed(course))
        prices = answer.duals[: units.size] / units
        sign = problem.signs
        return change, np.where(sign > 0, np.maximum(prices, 0), np.minimum(prices, 0)), promised

    def _within_contacts(self, amount: Floats) -> Floats:
        """Return money scaled back, target by target, where it would be more contacts than a customer may get."""
        load = self.chain.contact_load
        if not load.any():
            return amount
        asked = self.follow(amount).intensity @ load
        over = np.where(self.cells.cell >= 0, np.maximum(asked, 1.0)[..., None], 1.0)
        factor = np.ones_like(amount)
        for t in range(amount.shape[0]):
            np.maximum.at(factor[t], self.cells.cell[self.cells.cell >= 0], over[t][self.cells.cell >= 0])
        return np.where(load[self.cells.lever] > 0, amount / factor, amount)

    def _contacts(self, amount: Floats, heads: Floats) -> tuple[csr_matrix, Floats] | None:
        """Return the rows that keep contacts per head at most one unit of load, and what is left of each."""
        load = self.chain.contact_load
        if not load.any():
            return None
        cells, periods = self.cells, self.chain.periods
        groups, stages, levers = cells.cell.shape
        rows, columns, values = [], [], []
        count = 0
        for g in range(groups):
            for s in range(stages):
                mine = [
                    (int(cells.cell[g, s, k]), load[k]) for k in range(levers) if load[k] and cells.cell[g, s, k] >= 0
                ]
                for t in range(periods) if mine else ():
                    for cell, weight in mine:
                        rows.append(count)
                        columns.append(t * cells.lever.size + cell)
                        values.append(weight / max(heads[t, cell], EMPTY))
                    count += 1
        matrix = csr_matrix((values, (rows, columns)), shape=(count, amount.size))
        return matrix, np.maximum(1.0 - matrix @ amount.ravel(), 0.0)

    def _ties(self, heads: Floats) -> csr_matrix | None:
        """Return money by the intensity of campaigns, (periods x cells, campaigns and single periods)."""
        duration = np.array(self.problem.targets.duration)[self.cells.lever]
        if duration.max(initial=1) == 1:
            return None
        rows, columns, values = [], [], []
        count = 0
        number = self.cells.lever.size
        for c, lever in enumerate(self.cells.lever.tolist()):
            for window in self.problem.targets.windows(lever, self.chain.periods):
                inside = range(window.start, window.stop)
                whole = max(float(heads[window, c].sum()), EMPTY)
                for t in inside:
                    rows.append(t * number + c)
                    columns.append(count)
                    values.append(float(heads[t, c]) / whole * len(inside))
                count += 1
        return csr_matrix((values, (rows, columns)), shape=(heads.size, count))

    def _tied_bounds(self, tie: csr_matrix, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        """Return bounds of the campaigns that keep every period inside its own."""
        entries = tie.tocoo()
        least, most = np.full(tie.shape[1], -np.inf), np.full(tie.shape[1], np.inf)
        good = entries.data > 1e-9
        at, where, share = entries.col[good], entries.row[good], entries.data[good]
        np.maximum.at(least, at, low.ravel()[where] / share)
        np.minimum.at(most, at, high.ravel()[where] / share)
        least = np.where(np.isfinite(least), least, 0.0)
        most = np.where(np.isfinite(most), most, 0.0)
        return np.minimum(least, most), np.maximum(least, most)


Maker = Callable[[AllocationProblem], Sequential]
"""Makes the search of a problem."""
