"""What a search ended at, brought inside the rules as it is held and played."""

from dataclasses import dataclass, replace

import numpy as np

from optimizer.ask.cells import Cells
from optimizer.ask.problem import AllocationProblem
from optimizer.search.nearby import Spot
from optimizer.search.sequential import STEPS, Maker, Sequential, Settled
from optimizer.search.stated import InIntensities, head_factor, limits_heads
from optimizer.tolerances import AIMED, BROKEN, FITTED, MISSED, NEARLY
from sim.arrays import Floats
from sim.engine.sensitivity import Course, follow
from sim.errors import RulesError

__all__ = ["Repaired", "not_met", "repair", "within_heads"]


REPAIRS = 60
"""Rounds of scaling campaigns into their rules, at most; each closes most of what is left."""
REPAIRS_OF_SEARCH = 4
"""Rounds of bringing a search's end inside the rules, at most."""
STEPS_OF_REPAIR = 25
"""Of a search that brings its end inside the rules: it has little to go."""


@dataclass(frozen=True, eq=False)
class Repaired:
    """A plan as it is held and played.

    Attributes
    ----------
    problem : AllocationProblem
    end : Settled
        Where the search ended, with its prices.
    intensity : (periods, groups, stages, levers)
        What is held: each campaign at one intensity for as long as it runs.
    course : Course
        What happens under it.
    spot : Spot, optional
        What lies around it, where it was settled.
    """

    problem: AllocationProblem
    end: Settled
    intensity: Floats
    course: Course
    spot: Spot | None = None

    @property
    def missed(self) -> Floats:
        """Return by how much the plan misses each rule, as shares of their sizes."""
        problem = self.problem
        missed = np.maximum(problem.signs * (problem.counted(self.course) - problem.limits), 0)
        return np.asarray(missed / problem.row_units)

    @property
    def status(self) -> str:
        """Return ``feasible``, or which rule the plan misses most and by how much."""
        problem, missed = self.problem, self.missed
        worst = int(missed.argmax()) if missed.size else 0
        if not missed.size or missed[worst] < 10 * MISSED:
            return "feasible"
        amount = problem.in_words(worst, float(missed[worst] * problem.row_units[worst]))
        return f"misses '{problem.rows[worst].name}' by {amount}"

    def insist(self) -> None:
        """Raise where the plan, or the search before it was held, ended outside the rules.

        Raises
        ------
        RulesError
            With the rule that is missed most.
        """
        if self.end.missed > BROKEN or self.missed.max(initial=0) > BROKEN:
            raise not_met(self.problem, self.end.course if self.end.missed > BROKEN else self.course)


def repair(problem: AllocationProblem, end: Settled, stake: float, make: Maker = Sequential) -> Repaired:
    """Return the end of a search as a plan that is held, inside the rules where it missed them by a little."""
    end = inside(problem, end, stake, make)
    intensity = held_by(problem, end.course)
    first = Repaired(problem, end, intensity, course_held(problem, end.course, intensity))
    both = limits_heads(problem.chain) and max(problem.targets.duration) > 1
    scaled = intensity is not end.course.intensity and float(first.missed.max(initial=0)) > MISSED
    return _searched_as_held(first, stake, make) if (both or scaled) and not problem.no_choice else first


def _searched_as_held(first: Repaired, stake: float, make: Maker) -> Repaired:
    """Return the best plan found near one, searched as it is held.

    A campaign is one variable, and limits of a head are kept in all of its periods. Aimed beyond rules that it missed
    by a little, as :func:`inside` does; what arithmetic leaves is scaled off.
    """
    problem, found = first.problem, first
    beyond = np.zeros(len(problem.rows))
    search = make(problem).held(first.end.course)
    amount = search.amount_of(first.intensity)
    steps = STEPS
    for _ in range(REPAIRS_OF_SEARCH):
        rows = zip(problem.rows, problem.signs, beyond, strict=True)
        aimed = replace(problem, rows=tuple(replace(row, limit=row.limit - s * b) for row, s, b in rows))
        end = make(aimed).held(first.end.course).run(amount, lift=stake, steps=steps)
        amount, steps = end.amount, STEPS_OF_REPAIR
        intensity = _fitted(problem, within_heads(problem, end.course.intensity), _windows(problem))
        intensity = within_heads(problem, intensity)  # a floor that was fitted may ask for more
        course = follow(problem.chain, intensity)
        found = Repaired(problem, replace(end, missed=0.0), intensity, course)
        missed = found.missed
        found = replace(found, end=replace(end, missed=float(missed.max(initial=0)), steps=first.end.steps + end.steps))
        if not FITTED < missed.max(initial=0) <= NEARLY:
            break
        beyond += 1.5 * missed * problem.row_units
    return found


def inside(problem: AllocationProblem, end: Settled, stake: float, make: Maker = Sequential) -> Settled:
    """Return the end of a search brought inside rules that its plan, as it is held, missed by a little.

    It is aimed as far beyond them as it missed; ``make`` makes the search.
    """
    beyond, steps = np.zeros(len(problem.rows)), end.steps
    for _ in range(REPAIRS_OF_SEARCH):
        missed = problem.signs * (problem.counted(course_held(problem, end.course)) - problem.limits)
        if not AIMED < (missed / problem.row_units).max(initial=0) <= NEARLY:
            break
        beyond += 1.5 * np.maximum(missed, 0)
        rows = zip(problem.rows, problem.signs, beyond, strict=True)
        search = make(replace(problem, rows=tuple(replace(row, limit=row.limit - s * b) for row, s, b in rows)))
        before, end = end.amount, search.run(end.amount, lift=stake, steps=STEPS_OF_REPAIR)
        missed = problem.signs * (problem.counted(end.course) - problem.limits)
        steps += end.steps
        end = replace(end, missed=float(np.maximum(missed / problem.row_units, 0).max(initial=0)), steps=steps)
        if end.missed <= MISSED and np.array_equal(before, end.amount):  # nor would the next round find the way
            break
    return end


def course_held(problem: AllocationProblem, course: Course, held: Floats | None = None) -> Course:
    """Return the course of a plan as it is held."""
    held = held_by(problem, course) if held is None else held
    return course if held is course.intensity else follow(problem.chain, held)


def held_by(problem: AllocationProblem, course: Course) -> Floats:
    """Return the plan with each campaign at one intensity for as long as it runs: the mean, by expected heads.

    Nobody gets more than may be; where else it breaks rules, campaigns are scaled until it does not.
    """
    targets = problem.targets
    windows = _windows(problem)
    out = course.intensity
    if windows:
        out = course.intensity.copy()
        cells = Cells.of(targets, problem.targeting)
        means, cell = InIntensities(problem, cells, course).amount_of(course), cells.cell
        for lever, window in windows:
            mine = np.where(cell[:, :, lever] >= 0, means[window][:, cell[:, :, lever]], 0.0)
            out[window, :, :, lever] = mine
    if limits_heads(problem.chain):  # heads moved a little in the last step
        out = within_heads(problem, out)
    return _fitted(problem, out, windows) if windows else out


Windows = list[tuple[int, slice]]


def _windows(problem: AllocationProblem) -> Windows:
    """Return the campaigns that run for several periods, by lever."""
    targets, periods = problem.targets, problem.chain.periods
    return [(k, w) for k, d in enumerate(targets.duration) if d > 1 for w in targets.windows(k, periods)]


def within_heads(problem: AllocationProblem, intensity: Floats) -> Floats:
    """Return a plan scaled back, whole cells and campaigns of it, to what a customer may get."""
    if not limits_heads(problem.chain):
        return intensity
    cells = Cells.of(problem.targets, problem.targeting)
    factor = head_factor(problem, cells, intensity)[:, cells.cell]
    for lever, window in _windows(problem):
        factor[window, :, :, lever] = factor[window, :, :, lever].max(axis=0)
    lead = np.arange(len(intensity))[:, None] >= np.array(problem.targets.lead)
    return np.where(lead[:, None, None, :], intensity / factor, intensity)


def _fitted(problem: AllocationProblem, intensity: Floats, windows: Windows) -> Floats:
    """Return a plan with campaigns scaled until it breaks no rule of money."""
    out = intensity
    for _ in range(REPAIRS):
        counted = problem.counted(follow(problem.chain, out))
        missed = problem.signs * (counted - problem.limits) / problem.row_units
        money = np.array([row.kind.counts != "people" for row in problem.rows], dtype=bool)
        broken = np.flatnonzero((missed > FITTED) & money & (counted > 0))
        if not broken.size:
            break
        factor = np.ones_like(out)
        for r in broken:
            scaled = problem.money[r].toarray().reshape(out.shape) > 0
            factor = np.where(scaled, factor * problem.limits[r] / counted[r], factor)
        for lever, window in windows:
            low = factor[window, :, :, lever].min(axis=0)
            factor[window, :, :, lever] = np.where(low < 1, low, factor[window, :, :, lever].max(axis=0))
        out = problem.targets.with_committed(out * factor)
    return out


def not_met(problem: AllocationProblem, course: Course) -> RulesError:
    """Return the error of a plan outside the rules, which full information could keep."""
    missed = np.maximum(problem.signs * (problem.counted(course) - problem.limits), 0)
    worst = int((missed / problem.row_units).argmax())
    return RulesError(
        f"no plan was found that meets every rule by {problem.targeting}: '{problem.rows[worst].name}' is missed by "
        f"{problem.in_words(worst, float(missed[worst]))}; loosen it, or what is held or frozen, or tell customers "
        "apart more finely"
    )
