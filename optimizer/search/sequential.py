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

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix, diags, hstack, vstack

from optimizer.ask.cells import Cells
from optimizer.ask.problem import AllocationProblem
from optimizer.lp.programmes import BoxProgramme
from optimizer.search.stated import InIntensities, InMoney
from optimizer.tolerances import DUST, EMPTY, GAIN, MISSED
from sim.arrays import Floats, Progress
from sim.engine.sensitivity import Course, follow

__all__ = ["STEPS", "Maker", "Sequential", "Settled"]


FIRST, LARGEST = 0.3, 4.0
"""Radius at first and at most, in units of a variable's own size."""
WIDER, NARROWER = 1.3, 0.5
SHORTEST = 0.1
"""Part of a step that went too far to which a radius shrinks at most."""
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
    stated : InMoney
        How plans are stated.
    most, limit : (cells,)
        Money a head beyond which nothing more is brought; what a rule of the lever allows.
    """

    of_one_course = True
    """Whether what is maximised is the aim in one course."""

    def __init__(self, problem: AllocationProblem) -> None:
        self.problem = problem
        self.chain = problem.chain
        self.cells = Cells.of(problem.targets, problem.targeting)
        lead = np.array(problem.targets.lead)
        self.open = np.arange(self.chain.periods)[:, None] >= lead[self.cells.lever]
        self.most, self.limit = self.cells.largest(self.chain.most), self.cells.largest(self.chain.limit)
        self.usual = self.cells.largest(self.chain.usual)
        self.stated: InMoney = InMoney(problem, self.cells)

    @cached_property
    def ladders(self) -> Floats:
        """Return rising intensities of each cell, (cells, rungs), between which responses hardly bend."""
        return self._by_cell(self.chain.ladder)

    @cached_property
    def corners(self) -> Floats:
        """Return the intensities of each cell, (cells, corners), at which responses have corners."""
        return self._by_cell(self.chain.corners)

    def _by_cell(self, rungs: Callable[[int, int], Floats]) -> Floats:
        """Return rising intensities by (group, lever) as rows by cell, the last repeated; 0 where there are none."""
        rows = []
        for c, lever in enumerate(self.cells.lever.tolist()):
            group = int(np.argwhere(self.cells.cell[:, :, lever] == c)[0, 0])
            rows.append(rungs(group, lever))
        longest = max((row.size for row in rows), default=0)
        last = [row[-1] if row.size else 0.0 for row in rows]
        filled = [np.append(row, np.full(longest - row.size, end)) for row, end in zip(rows, last, strict=True)]
        return np.stack(filled)

    def held(self, course: Course) -> Self:
        """Return the same search over plans as they are held: an intensity for each cell and campaign, from a course.

        ``amount`` is then intensity.
        """
        out = copy.copy(self)
        out.stated = InIntensities(self.problem, self.cells, course)
        return out

    @property
    def low(self) -> Floats:
        """Return what each cell must get."""
        return self.stated.low

    @property
    def high(self) -> Floats:
        """Return what each cell may get, beside what a rule of the lever allows a head."""
        return self.stated.high

    # --- Plans ---

    def amount_of(self, intensity: Floats) -> Floats:
        """Return the money of a plan stated in intensities, by cell."""
        return np.where(self.open, self.stated.amount_of(follow(self.chain, intensity)), 0.0)

    def follow(self, amount: Floats) -> Course:
        """Return what happens when cells get this money."""
        return follow(self.chain, self.stated.plan(amount))

    def courses(self, amount: Floats) -> list[Course]:
        """Return the courses whose worth is maximised; the first is the one that keeps to the rules."""
        return [self.follow(amount)]

    def value(self, courses: list[Course]) -> float:
        """Return what is maximised."""
        return courses[0].value(self.problem.aim)

    def value_held(self, course: Course) -> float:
        """Return what is maximised where a plan is held as in a course, in intensities."""
        return course.value(self.problem.aim)

    def weighted(self, courses: list[Course]) -> list[tuple[float, Course]]:
        """Return the courses that count where the plan is, with their weights."""
        return [(1.0, courses[0])]

    def slope(self, courses: list[Course]) -> Floats:
        """Return the derivative of what is maximised by money, (periods, cells)."""
        return self.stated.by_cell(courses[0].slope(self.problem.aim))

    def missed(self, course: Course) -> Floats:
        """Return by how much each rule is missed."""
        problem = self.problem
        return np.asarray(np.maximum(problem.signs * (problem.counted(course) - problem.limits), 0))

    def counts(self, course: Course) -> Floats:
        """Return what a unit of money counts in each rule where a course in money is, (rows, periods x cells)."""
        return np.asarray(self.stated.jacobian(course).toarray())

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
        amount = self.stated.within_heads(amount)
        courses = self.courses(amount)
        radius, before = None, np.zeros_like(amount)
        penalty, dearest, factor = None, np.empty(0), PENALTY
        prices = np.zeros(len(self.problem.rows))
        slope, quiet, step, stationary = np.zeros_like(amount), 0, 0, False
        for step in range(1, steps + 1):
            course = courses[0]
            heads = self.stated.heads(course)
            size = np.maximum(amount, 0.5 * self.usual * heads)
            radius = FIRST * size if radius is None else np.minimum(radius, LARGEST * size)
            slope = self.slope(courses)
            jacobian = self.stated.jacobian(course)
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
            for (
                r
            ) in self.stated.slopes.bending:  # what is far above a rule's price makes every curve of the rule a wall
                penalty[r] = min(dearest[r], max(DEARER * abs(prices[r]), 1e-2 * dearest[r]))
            merit = self.value(courses) - float(penalty @ self.missed(course))
            tried = self._tried(amount, change, size, penalty)
            gained = tried[0] - merit
            if gained < 0.5 * promised:  # it bends: where the parabola of slope and gain is highest
                part = float(np.clip(promised / (2 * (promised - gained)), 0.05, 0.9))
                nearer = self._tried(amount, part * change, size, penalty)
                if self.stated.slopes.bending:  # rules bend as well, which slopes of the value do not show
                    radius = np.where(np.abs(change) > 0.5 * radius, max(part, 0.25) * radius, radius)
                else:
                    reduced = slope - (jacobian.T @ prices).reshape(slope.shape)
                    radius = self._bent(radius, change, reduced, reduced + self.slope(tried[2]) - slope)
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
        heads = self.stated.heads(course)
        size = np.maximum(amount, 0.5 * self.usual * heads)
        jacobian = self.stated.jacobian(course)
        return self._step(BoxProgramme(), course, amount, heads, 1e-2 * size, slope, jacobian, penalty, loosened=1e-7)[
            1
        ]

    @staticmethod
    def _bent(radius: Floats, change: Floats, before: Floats, after: Floats) -> Floats:
        """Return radii after a step that went too far: each shrinks by how far beyond its own best it went.

        ``before`` and ``after`` are what a unit brings beyond what the rules charge for it, at either end of the step.
        """
        over = np.maximum(-after * np.sign(change), 0.0)
        share = np.abs(before) / np.maximum(np.abs(before) + over, 1e-300)
        part = np.where(over > 0, np.clip(share, SHORTEST, 0.9), 1.0)
        return np.where(change != 0, np.minimum(radius, np.maximum(part * np.abs(change), 1e-3 * radius)), radius)

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
        # What heads that have gone leave above the limit of a head goes first; what else is above its most may stay.
        top = np.minimum(np.maximum(self.high, amount), self.limit * np.maximum(heads, EMPTY))
        usable = self.open & (heads > EMPTY)
        low = np.where(usable, np.maximum(-radius, np.minimum(self.low - amount, 0)), -amount * ~usable)
        high = np.where(usable, np.minimum(radius, top - amount), -amount * ~usable)
        low, high = np.minimum(low, high), np.maximum(low, high)
        tie = self.stated.ties(heads)
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
        extra = self.stated.contacts(amount, heads)
        whole = hstack([diags(1 / units) @ matrix @ diags(unit), slack], format="csr")
        row_low = np.where(problem.signs > 0, -np.inf, room / units)
        row_high = np.where(problem.signs > 0, room / units, np.inf)
        if extra is not None:
            rows, left = extra
            rows = rows if tie is None else csr_matrix(rows @ tie)
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
