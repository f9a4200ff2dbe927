"""Where a search begins: the least that the rules allow, and the plans to search from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizer.ask.problem import AllocationProblem
from optimizer.ask.rows import BUDGET, as_today
from optimizer.search.sequential import Sequential
from optimizer.tolerances import LEAST_GAIN, MISSED, TINY
from sim.arrays import Floats
from sim.engine.sensitivity import Course, follow

__all__ = ["Start", "least_spend", "start"]


LEAST_STEPS = 25
"""Of the search for the least spend: a place to count from, not a plan."""


@dataclass(frozen=True, eq=False)
class Start:
    """What a question starts from.

    Attributes
    ----------
    problem : AllocationProblem
    asked : AllocationProblem
        The same where it can be told from none: next to no budget is taken for a little.
    least : Course
        Under the rule-feasible plan with the least spend.
    intensities : tuple of (periods, groups, stages, levers)
        Plans to search from.
    known : tuple of (periods, groups, stages, levers)
        Plans that are worth as much as they are: searched from only where the search ends below one.
    """

    problem: AllocationProblem
    asked: AllocationProblem
    least: Course
    intensities: tuple[Floats, ...]
    known: tuple[Floats, ...] = ()


def start(problem: AllocationProblem, given: Sequence[Floats] = (), known: Sequence[Floats] = ()) -> Start:
    """Return what a question starts from: plans given to search from, and today's; and others that are known."""
    asked = problem
    if np.isfinite(problem.budget) and problem.budget < TINY * problem.row_units[0]:
        more = TINY * float(problem.row_units[0]) - problem.budget
        rows = (replace(row, limit=row.limit + row.per_budget * more) for row in problem.rows)
        asked = replace(problem, rows=tuple(rows))
    return Start(problem, asked, least_spend(problem), (*given, as_today(problem.chain)), tuple(known))


def least_spend(problem: AllocationProblem) -> Course:
    """Return the rule-feasible plan with the least spend: nothing but what is committed or frozen, or the floors alone.

    Floors are spread evenly over time and heads as far as the other rules allow.
    """
    chain = problem.chain
    if problem.goal == "least_money":
        terms = np.broadcast_to(problem.targets.terms, (chain.periods, *problem.targets.shape))
        return follow(chain, problem.targets.with_committed(terms))
    rules = tuple(row for row in problem.rows if row.kind != BUDGET and not row.after)  # nor what is asked of value
    cheapest = replace(problem, goal="least_money", rows=rules)
    intensity = problem.targets.with_committed(np.zeros((chain.periods, *problem.targets.shape)))
    search = Sequential(cheapest)
    low = search.low
    if problem.targets.terms.any():  # terms are as today where nothing is spent
        intensity = intensity + np.where(intensity > 0, 0.0, problem.targets.terms)
        low = np.maximum(low, search.amount_of(intensity))
    course = search.follow(low)
    if problem.no_choice or (search.missed(course) <= MISSED * cheapest.row_units).all():
        return course
    heads = np.maximum(problem.today.course.observed, 1e-9)
    for row in problem.rows:
        if row.sense == ">=" and row.kind.counts == "money" and row.money is not None and row.limit > 0:
            where = (row.money.toarray().reshape(intensity.shape) > 0) * heads[..., None]
            intensity += np.where(where > 0, row.limit / max(float(where.sum()), 1e-9), 0.0)
    stake = max(float(problem.today.course.spend.sum()), float(follow(chain, intensity).spend.sum()), 1e-9)
    start = search.amount_of(problem.targets.with_committed(intensity))
    return search.run(start, lift=stake, steps=LEAST_STEPS, gain=LEAST_GAIN).course
