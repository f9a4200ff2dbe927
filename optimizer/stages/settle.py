"""A plan that was found, settled to more digits than the search needs: small changes around it, both sides of corners.

What :mod:`optimizer.search.nearby` finds next to the plan takes its place where it keeps the rules as well and is worth
more; prices are read next to it either way.
"""

from dataclasses import replace

import numpy as np

from optimizer.ask.cells import Cells
from optimizer.ask.problem import AllocationProblem
from optimizer.search.nearby import Nearby, Spot
from optimizer.stages.repair import Repaired, within_heads
from optimizer.tolerances import DUST, FITTED
from sim.engine.sensitivity import Course, follow

__all__ = ["around", "settle"]


STEPS, ROUGH = 8, 1e-7
"""Of settling, at most; and the share of what is at stake that is left then."""
STEPS_EXACT = 20
"""Steps where nothing is to be left."""


def around(repaired: Repaired, *, exact: bool = False) -> Spot:
    """Return the best plan next to one, with what lies around it; ``exact``: to the last digit.

    A rule that the plan misses by arithmetic is kept as well as the plan keeps it.
    """
    problem, spot = repaired.problem, repaired.spot
    if spot is None:
        counted = problem.counted(repaired.course)
        limits = np.where(problem.signs > 0, np.maximum(problem.limits, counted), np.minimum(problem.limits, counted))
        spot = Nearby(problem, repaired.course).first(limits)
    elif not exact:
        return spot
    steps, rough = (STEPS_EXACT, 0.0) if exact else (STEPS, ROUGH)
    return spot.place.nearby.settled(spot, spot.limits, steps=steps, rough=rough) or spot


def settle(repaired: Repaired) -> Repaired:
    """Return the best plan next to one, or the plan itself where none keeps the rules as well and is worth more."""
    problem = repaired.problem
    if problem.no_choice:
        return repaired
    spot = around(repaired)
    return without_dust(_settled(repaired, spot))


def without_dust(repaired: Repaired) -> Repaired:
    """Return a plan without intensities that are nothing, where it keeps the rules as well and is worth no less."""
    problem, intensity = repaired.problem, repaired.intensity
    dust = (intensity > 0) & (intensity < DUST * problem.chain.usual)
    if not dust.any():
        return repaired
    cleaned = problem.targets.with_committed(np.where(dust, 0.0, intensity))
    found = replace(repaired, intensity=cleaned, course=follow(problem.chain, cleaned))
    return found if _is_no_worse(found, repaired) else repaired


def _is_no_worse(found: Repaired, before: Repaired) -> bool:
    """Return whether a plan keeps the rules as well as another and is worth as much."""
    problem, missed = found.problem, [float(each.missed.max(initial=0)) for each in (before, found)]
    kept = missed[1] <= max(missed[0], FITTED) and _holds(problem, found.course)
    return kept and found.course.value(problem.aim) >= before.course.value(problem.aim)


def _settled(repaired: Repaired, spot: Spot) -> Repaired:
    problem = repaired.problem
    spot = spot.place.nearby.inside(spot).bare
    course = _as_held(problem, spot.place.course)
    intensity = within_heads(problem, course.intensity)
    if not np.array_equal(intensity, course.intensity):
        course = follow(problem.chain, intensity)
    found = replace(repaired, intensity=intensity, course=course, spot=spot)
    worth = course.value(problem.aim), repaired.course.value(problem.aim)
    return found if worth[0] != worth[1] and _is_no_worse(found, repaired) else replace(repaired, spot=spot)


def _as_held(problem: AllocationProblem, course: Course) -> Course:
    """Return a plan with each cell's money inside what of it is held: heads move while intensities are settled."""
    if problem.floor is None or problem.ceiling is None or max(problem.targets.duration, default=1) > 1:
        return course
    cells = Cells.of(problem.targets, problem.targeting)
    money = cells.sum(course.moved)
    kept = np.clip(money, cells.sum(problem.floor), cells.sum(problem.ceiling))
    return course if np.array_equal(kept, money) else follow(problem.chain, cells.money(kept))


def _holds(problem: AllocationProblem, course: Course) -> bool:
    """Return whether the money that is held is kept to."""
    if problem.floor is None or problem.ceiling is None:
        return True
    close = FITTED * max(1.0, float(course.moved.max()))
    return bool((course.moved >= problem.floor - close).all() and (course.moved <= problem.ceiling + close).all())
