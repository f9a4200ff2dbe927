"""Dantzig-Wolfe decomposition of the occupancy LP: the best with full information, and a bound on every policy.

The occupancy LP maximises ``sum_g value_g(plan_g)`` subject to ``sum_g usage_g(plan_g) <= limits``. A group's plans
are priced by dynamic programming at the master's prices ``y`` of money; the master mixes the plans found so far and
returns new prices. With full information (a plan may see state and trait class) pricing is exact, and

``bound = min_y  sum_g max_plan [value_g - y usage_g] + y limits``

bounds every policy that meets the rules in expectation, uses these intensities, and faces the same trait law.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer.pricing import Column, Mixture, Pricing, conflict, master, violated
from optimizer.problem import AllocationProblem, joint_actions

__all__ = ["FullInformation", "certified_bound", "full_information"]

Floats = NDArray[np.float64]
Progress = Callable[[float], None]

SMOOTHING = 0.5
"""Share of the best prices so far in the next ones (Wentges 1997)."""
KEPT = 10
"""Columns without weight that the master keeps per group."""
FIRST_PENALTY, LAST_PENALTY = 1e2, 1e8
"""Value lost per unit of money by which a rule is broken, while searching; prices near the last are conflicts."""


@dataclass(frozen=True, eq=False)
class FullInformation:
    """The best with full information, and the bound: the Lagrangian at ``prices_of_bound``."""

    bound: float
    prices_of_bound: Floats
    prices: Floats
    value: float
    mixture: Mixture
    columns: list[list[Column]]
    iterations: int
    seconds: float
    converged: bool


@dataclass(eq=False)
class _Search:
    """Columns and the bound, as pricing finds them."""

    pricing: Pricing
    columns: list[list[Column]]
    prices: Floats
    bound: float = np.inf
    count: int = 0

    def price(self, at: Floats) -> Floats:
        """Price at ``at``; keep the columns, and the bound if it is the best; return the use of every row."""
        self.count += 1
        lagrangian, found = self.pricing.best(at)
        if lagrangian < self.bound:
            self.bound, self.prices = lagrangian, at
        for group, column in zip(self.columns, found, strict=True):
            group.append(column)
        return np.asarray(sum(column.usage for column in found))

    def forget(self, mixture: Mixture) -> Mixture:
        """Drop columns without weight that are worth least at the master's prices; return the mixture without them."""
        weights = []
        for g, group in enumerate(self.columns):
            worth = np.array([column.value - mixture.prices @ column.usage for column in group])
            best = np.argsort(-worth, kind="stable")[:KEPT]
            kept = sorted({*np.flatnonzero(mixture.weights[g] > 0).tolist(), *best.tolist()})
            self.columns[g] = [group[i] for i in kept]
            weights.append(mixture.weights[g][kept])
        return replace(mixture, weights=weights)


def full_information(
    problem: AllocationProblem,
    tolerance: float = 1e-3,
    *,
    iterations: int = 300,
    gradient_steps: int = 40,
    seconds: float = np.inf,
    threads: int = 2,
    progress: Progress | None = None,
) -> FullInformation:
    """Solve the occupancy LP with full information.

    Stops when ``bound - value <= tolerance x (bound - value of spending nothing)``. Subgradient steps on the prices
    come first (Polyak's step towards the best mixture so far), then master prices smoothed towards the best ones.
    Rules may be broken at a penalty, which rises until they hold or it is clear that they cannot.

    Raises
    ------
    RulesError
        If no plan meets the rules.
    """
    began = time.perf_counter()
    chain = problem.chain
    pricing = Pricing(problem, threads)
    nothing = pricing.columns_of(problem.cheapest[:, chain.group[:, None], chain.block_stage])
    base = sum(column.value for column in nothing)
    search = _Search(pricing, [[column] for column in nothing], np.zeros(len(problem.rows)))
    penalty = FIRST_PENALTY
    _descend(problem, search, base, penalty, gradient_steps)
    trust, converged = SMOOTHING, False
    for step in range(iterations):
        mixture = master(problem, search.columns, penalty)
        gap = search.bound - (mixture.value - penalty * float(mixture.violation.sum()))
        if gap <= tolerance * max(abs(search.bound - base), 1e-12 * abs(search.bound)):
            converged = not violated(problem, mixture)
            if converged:
                break
            if penalty >= LAST_PENALTY:
                raise conflict(problem, mixture)
            penalty *= 100
        if time.perf_counter() - began > seconds:
            break
        if step % 5 == 4:
            mixture = search.forget(mixture)
        if progress:
            progress(min(0.99, search.count / (2 * gradient_steps + 1)))
        before = search.bound
        search.price(mixture.prices + trust * (search.prices - mixture.prices))
        trust = SMOOTHING if search.bound < before else 0.7 * trust
        if search.bound >= before:
            search.price(mixture.prices)
    if not converged:
        mixture = master(problem, search.columns, penalty)
        if violated(problem, mixture):
            raise conflict(problem, mixture)
    return FullInformation(
        search.bound, search.prices, mixture.prices, mixture.value, mixture, search.columns, search.count,
        time.perf_counter() - began, converged,
    )  # fmt: skip


def _descend(problem: AllocationProblem, search: _Search, base: float, penalty: float, steps: int) -> None:
    """Take subgradient steps on the prices, in units of the rules' limits."""
    scale = 1 / problem.row_units
    prices, target, length = search.prices, base, 1.0
    for step in range(steps if len(problem.rows) else 0):
        before = search.bound
        slope = (search.price(prices) - problem.limits) * scale
        slope[(prices == 0) & (slope * problem.signs < 0)] = 0
        if not slope.any():
            return
        if step % 10 == 9:
            mixture = master(problem, search.columns, penalty)
            search.forget(mixture)
            if not violated(problem, mixture):
                target = max(target, mixture.value)
        if search.bound >= before:
            length *= 0.8
            if step % 5 == 4:
                prices = search.prices
        room = max(search.bound - target, 1e-9 * abs(search.bound))
        moved = prices + length * room / (slope @ slope) * slope * scale
        prices = np.where(problem.signs > 0, np.maximum(moved, 0), np.minimum(moved, 0))


def certified_bound(problem: AllocationProblem, prices: Floats, intensity: Floats, threads: int = 2) -> float:
    """Return the Lagrangian at ``prices`` over many more intensities, those of a plan among them.

    Any prices give a bound. A plan averages and scales intensities, which curves that bend down reward; so a bound
    over the few intensities of the search alone may lie below the plan. Where a limit is zero any price costs
    nothing, so the highest is taken.
    """
    actions, choices = joint_actions(problem.chain, refine=True)
    fine = replace(problem, actions=actions, choices=choices)
    free = (problem.limits == 0) & (problem.signs > 0)
    return Pricing(fine, threads).lagrangian(np.where(free, LAST_PENALTY, prices), intensity)[0]
