"""Never less than what is known, as it is held and played: the least spend, today's plan, plans that were given."""

from dataclasses import replace

import numpy as np

from optimizer.search.campaign_sizes import Sized, as_run, fixed_costs_of
from optimizer.search.sequential import Maker
from optimizer.stages.repair import Repaired, course_held, held_by, repair
from optimizer.stages.search import Searched
from optimizer.stages.start import Start
from optimizer.tolerances import ARITHMETIC, MISSED
from sim.arrays import Floats
from sim.engine.sensitivity import follow

__all__ = ["keep", "worth_of"]


def keep(
    begun: Start, searched: Searched, sized: Sized, repaired: Repaired, *, steps: int, make: Maker
) -> tuple[Sized, Repaired]:
    """Return the plan found, or a known one that is worth more as played, searched from once more.

    Rules are kept by all that count: a known plan that breaks one is no answer.
    """
    if begun.problem.no_choice:
        return sized, repaired
    best, least = (sized, repaired), ARITHMETIC * searched.stake
    worth = worth_of(sized, repaired, make)
    for known in (begun.least.intensity, *begun.known, *begun.intensities, *searched.known):
        found = _as_played(begun, known, searched.stake, make)
        if found is not None and worth_of(*found, make) > worth + least:
            best, worth = found, worth_of(*found, make)
    if best[1] is repaired:
        return best
    problem, end = best[0].problem, best[1].end
    search = make(problem)
    onward = repair(problem, search.run(end.amount, lift=searched.stake, steps=steps), searched.stake, make)
    went = replace(best[0], end=onward.end, fixed_costs=_fixed(begun, onward))
    if float(onward.missed.max(initial=0)) <= MISSED and worth_of(went, onward, make) >= worth:
        return went, onward
    there = search.run(end.amount, lift=searched.stake, steps=1, gain=np.inf)  # its prices
    return best[0], replace(best[1], end=replace(there, course=end.course, amount=end.amount, value=end.value))


def worth_of(sized: Sized, repaired: Repaired, make: Maker) -> float:
    """Return what a plan is worth as it is held and played, less fixed costs; nothing counts where it misses rules."""
    if float(repaired.missed.max(initial=0)) > 10 * MISSED:
        return -np.inf
    return make(repaired.problem).value_held(repaired.course) - sized.fixed_costs


def _fixed(begun: Start, found: Repaired) -> float:
    problem = begun.problem
    return fixed_costs_of(problem, problem.campaigns, found.course.spend) if problem.campaigns else 0.0


def _as_played(begun: Start, known: Floats, stake: float, make: Maker) -> tuple[Sized, Repaired] | None:
    """Return a plan as this question would hold and play it; None where it breaks a rule."""
    problem = begun.problem
    if problem.campaigns:
        asked = as_run(problem, problem.campaigns, follow(problem.chain, known).moved)
        if asked is None:
            return None
        problem = asked
    search = make(problem)
    end = search.run(search.amount_of(known), lift=stake, steps=0)
    intensity = held_by(problem, end.course)
    found = Repaired(problem, end, intensity, course_held(problem, end.course, intensity))
    if float(found.missed.max(initial=0)) > MISSED:
        return None
    return Sized(problem, end, _fixed(begun, found)), found
