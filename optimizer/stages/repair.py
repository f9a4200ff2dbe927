"""What a search ended at, brought inside the rules as it is held and played."""

from dataclasses import dataclass, replace

import numpy as np

from optimizer.ask.problem import AllocationProblem
from optimizer.search.sequential import Maker, Sequential, Settled
from optimizer.tolerances import BROKEN, FITTED, MISSED, NEARLY
from sim.arrays import Floats
from sim.engine.sensitivity import Course, follow
from sim.errors import RulesError

__all__ = ["Repaired", "not_met", "repair"]


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
    """

    problem: AllocationProblem
    end: Settled
    intensity: Floats
    course: Course

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
        """Raise where the search ended outside the rules.

        Raises
        ------
        RulesError
            With the rule that is missed most.
        """
        if self.end.missed > BROKEN:
            raise not_met(self.problem, self.end)


def repair(problem: AllocationProblem, end: Settled, stake: float, make: Maker = Sequential) -> Repaired:
    """Return the end of a search as a plan that is held, inside the rules where it missed them by a little."""
    end = inside(problem, end, stake, make)
    intensity = held_by(problem, end.course)
    return Repaired(problem, end, intensity, course_held(problem, end.course, intensity))


def inside(problem: AllocationProblem, end: Settled, stake: float, make: Maker = Sequential) -> Settled:
    """Return the end of a search brought inside rules that its plan, as it is held, missed by a little.

    It is aimed as far beyond them as it missed; ``make`` makes the search.
    """
    beyond, steps = np.zeros(len(problem.rows)), end.steps
    for _ in range(REPAIRS_OF_SEARCH):
        missed = problem.signs * (problem.counted(course_held(problem, end.course)) - problem.limits)
        if not MISSED < (missed / problem.row_units).max(initial=0) <= NEARLY:
            break
        beyond += 1.5 * np.maximum(missed, 0)
        rows = zip(problem.rows, problem.signs, beyond, strict=True)
        search = make(replace(problem, rows=tuple(replace(row, limit=row.limit - s * b) for row, s, b in rows)))
        end = search.run(end.amount, lift=stake, steps=STEPS_OF_REPAIR)
        missed = problem.signs * (problem.counted(end.course) - problem.limits)
        steps += end.steps
        end = replace(end, missed=float(np.maximum(missed / problem.row_units, 0).max(initial=0)), steps=steps)
    return end


def course_held(problem: AllocationProblem, course: Course, held: Floats | None = None) -> Course:
    """Return the course of a plan as it is held."""
    held = held_by(problem, course) if held is None else held
    return course if held is course.intensity else follow(problem.chain, held)


def held_by(problem: AllocationProblem, course: Course) -> Floats:
    """Return the plan with each campaign at one intensity for as long as it runs: the mean, by expected heads.

    Where that breaks rules, campaigns are scaled until it does not.
    """
    targets, periods = problem.targets, problem.chain.periods
    load = problem.chain.contact_load
    if load.any():  # heads moved a little in the last step
        contacts = np.maximum(course.intensity @ load, 1.0)[..., None]
        return np.where(load > 0, course.intensity / contacts, course.intensity)
    if max(targets.duration) == 1:
        return course.intensity
    out = course.intensity.copy()
    windows = [(k, w) for k in range(targets.shape[2]) for w in targets.windows(k, periods) if targets.duration[k] > 1]
    for lever, window in windows:
        heads, money = course.observed[window].sum(axis=0), course.spend[window, :, :, lever].sum(axis=0)
        out[window, :, :, lever] = np.divide(money, heads, out=np.zeros_like(money), where=heads > 1e-12)
    for _ in range(REPAIRS):
        counted = problem.counted(follow(problem.chain, out))
        missed = problem.signs * (counted - problem.limits) / problem.row_units
        broken = [r for r in np.flatnonzero(missed > FITTED) if problem.rows[r].people is None and counted[r] > 0]
        if not broken:
            break
        factor = np.ones_like(out)
        for r in broken:
            scaled = problem.money[r].toarray().reshape(out.shape) > 0
            factor = np.where(scaled, factor * problem.limits[r] / counted[r], factor)
        for lever, window in windows:
            low = factor[window, :, :, lever].min(axis=0)
            factor[window, :, :, lever] = np.where(low < 1, low, factor[window, :, :, lever].max(axis=0))
        out = targets.with_committed(out * factor)
    return out


def not_met(problem: AllocationProblem, end: Settled) -> RulesError:
    """Return the error of a search that ended outside the rules, which full information could keep."""
    missed = np.maximum(problem.signs * (problem.counted(end.course) - problem.limits), 0)
    worst = int((missed / problem.row_units).argmax())
    return RulesError(
        f"no plan was found that meets every rule by {problem.targeting}: '{problem.rows[worst].name}' is missed by "
        f"{problem.in_words(worst, float(missed[worst]))}; loosen it, or what is held or frozen, or tell customers "
        "apart more finely"
    )
