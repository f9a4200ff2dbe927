"""Plans a firm can carry out: alike for all customers it cannot tell apart, whatever is hidden about them.

Priced like the full-information plans (:mod:`optimizer.bound.decomposition`), but by exact coordinate improvement
instead of dynamic programming, since the best action for a mixture of hidden states depends on who else is in it. Their
mixture is a lower bound on the best playable plan, with prices of its own.
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.ask.problem import AllocationProblem
from optimizer.bound.decomposition import LAST_PENALTY, SMOOTHING, FullInformation
from optimizer.bound.pricing import Column, Mixture, Pricing, conflict, master, violated
from optimizer.tolerances import SETTLED
from sim.arrays import Floats, Progress

__all__ = ["Playable", "playable"]


PENALTY = 1e2
"""Value lost per unit of money by which a rule is broken, in units of the largest full-information price."""
QUIET = 4
"""The search ends after so many rounds that bring next to nothing."""


@dataclass(frozen=True, eq=False)
class Playable:
    """The best playable mixture found."""

    value: float
    prices: Floats
    mixture: Mixture
    columns: list[list[Column]]
    iterations: int
    seconds: float


def playable(
    problem: AllocationProblem,
    start: FullInformation,
    *,
    iterations: int = 40,
    threads: int = 2,
    progress: Progress | None = None,
) -> Playable:
    """Return the best mixture of playable plans found, starting from the full-information prices.

    Prices move as in :func:`full_information`; a plan of a group starts from doing nothing, from the reference, from
    the full-information plan rounded to what can be seen, and from the group's best plan so far.

    Raises
    ------
    RulesError
        If the rules can be met with full information but not by a playable plan.
    """
    began = time.perf_counter()
    pricing = Pricing(problem, threads)
    groups = pricing.groups
    seeds = [
        [problem.cheapest[:, g], _nearest(problem, g, problem.targets.reference[g]), _rounded(problem, start, g)]
        for g in range(groups)
    ]
    columns = [[pricing.playable_column(g, action) for action in seeds[g]] for g in range(groups)]
    nothing = sum(group[0].value for group in columns)
    prices, best = start.prices, -np.inf
    quiet = 0
    penalty = PENALTY * max(1.0, float(np.abs(start.prices).max(initial=0)))
    mixture = master(problem, columns, penalty)
    for step in range(iterations):
        starts = []
        for g in range(groups):
            worth = [column.value - prices @ column.usage for column in columns[g]]
            ahead = columns[g][int(np.argmax(worth))].action
            starts.append([ahead] if step > 2 else [*seeds[g], ahead])
        for group, found in zip(columns, pricing.improve(prices, starts), strict=True):
            known = {column.action.tobytes() for column in group}
            group.extend(column for column in found if column.action.tobytes() not in known)
        mixture = master(problem, columns, penalty)
        value = mixture.value - penalty * float(mixture.violation.sum())
        if progress:
            progress(step / iterations)
        lift = max(start.bound - nothing, 1e-12)
        quiet = quiet + 1 if value <= best + SETTLED * lift else 0
        best = max(best, value)
        if quiet >= QUIET:
            if not violated(problem, mixture) or penalty >= LAST_PENALTY:
                break
            penalty, quiet, best = 100 * penalty, 0, -np.inf
        prices = mixture.prices if quiet % 2 else SMOOTHING * prices + (1 - SMOOTHING) * mixture.prices
    if violated(problem, mixture):
        raise conflict(problem, mixture.violation)
    return Playable(mixture.value, mixture.prices, mixture, columns, step + 1, time.perf_counter() - began)


def _rounded(problem: AllocationProblem, start: FullInformation, group: int) -> NDArray[np.uint8]:
    """Return the action nearest to the mean intensity that the full-information plan gives each target."""
    weights = start.mixture.weights[group]
    used = sum(w * column.used for w, column in zip(weights, start.columns[group], strict=True))
    used = np.asarray(used)
    mean = np.einsum("tsa,sal->tsl", used, problem.actions[group]) / np.maximum(used.sum(axis=2), 1e-300)[..., None]
    return _nearest(problem, group, mean)


def _nearest(problem: AllocationProblem, group: int, intensity: Floats) -> NDArray[np.uint8]:
    """Return the possible action nearest to ``intensity[..., stage, lever]``, (periods, stages)."""
    distance = np.abs(problem.actions[group] - intensity[..., None, :]).sum(axis=-1)
    return np.asarray(np.where(problem.possible[:, group], distance, np.inf).argmin(axis=2), dtype=np.uint8)
