"""Dantzig-Wolfe decomposition of the occupancy LP: the best with full information, and a bound on every policy.

The occupancy LP maximises ``sum_g value_g(plan_g)`` subject to ``sum_g usage_g(plan_g) <= limits``. A group's plans
are priced by dynamic programming at the master's prices ``y`` of money; the master mixes the plans found so far and
returns new prices. With full information (a plan may see state and trait class) pricing is exact, and

``bound = min_y  sum_g max_plan [value_g - y usage_g] + y limits``

bounds every policy that meets the rules in expectation, uses these intensities, and faces the same trait law.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizer.ask.problem import AllocationProblem, joint_actions
from optimizer.bound.master import Master, Mixed
from optimizer.bound.pricing import Column, Mixture, Pricing, conflict
from optimizer.tolerances import CLASH, EXACT, MET
from sim.arrays import Floats, Progress

__all__ = ["FullInformation", "bounding", "certified_bound", "distinct", "full_information", "tightest_bound"]


SMOOTHING = 0.5
"""Share of the best prices so far in the next ones, for playable plans (Wentges 1997)."""
TRUST, MOST_TRUST, TRUST_STEP = 0.9, 0.99, 0.1
"""The same at first and at most with full information, and by how much it moves (Pessoa et al. 2018)."""
BETWEEN, SMALL, NEAR = 3, 2e5, 1e4
"""Prices between two that are tried for the least bound; states of blocks times periods above which one is tried."""
ROUNDS = 20
"""In which prices are lowered until money costs something everywhere."""
LAST_PENALTY = 1e8
"""Value lost per unit of money by which a rule is broken, for playable plans: prices near it are conflicts."""
SHRUNK = 0.8
"""What a subgradient step that did not lower the bound shortens the next ones by."""


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
    """The master's plans and the bound, as pricing finds them."""

    pricing: Pricing
    master: Master
    prices: Floats
    bound: float = np.inf
    count: int = 0

    def price(self, at: Floats, worth: float = 1.0) -> tuple[float, Floats]:
        """Price at ``at``; add the plans, keep the bound if it is the best; return it, and the use less the limits.

        ``worth`` 0: what customers are worth does not count, only the rules; there is no bound then.
        """
        self.count += 1
        lagrangian, action = self.pricing.lagrangian(at, worth=worth)
        value, usage = self.pricing.by_block(action)
        self.master.add(action, value, usage)
        if worth > 0 and lagrangian < self.bound:
            self.bound, self.prices = lagrangian, at
        return lagrangian, usage.sum(axis=0) - self.pricing.problem.limits

    def meet(self, mixed: Mixed) -> None:
        """Look for plans by which rules are missed less.

        Raises
        ------
        RulesError
            If the bound on what must be missed is above nothing.
        """
        lagrangian, _ = self.price(mixed.prices, 0.0)
        if lagrangian < -CLASH or lagrangian <= MET - float((mixed.violation / self.pricing.problem.row_units).sum()):
            raise conflict(self.pricing.problem, mixed.violation)


def full_information(
    problem: AllocationProblem,
    tolerance: float = 1e-3,
    *,
    iterations: int = 300,
    gradient_steps: int = 15,
    seconds: float = np.inf,
    threads: int = 2,
    progress: Progress | None = None,
) -> FullInformation:
    """Solve the occupancy LP with full information.

    Stops when ``bound - value <= tolerance x (bound - value of spending nothing)``. Subgradient steps on the prices
    come first (Polyak's step towards the best mixture so far). Then, until rules are met, the prices of what is
    missed; then the master's prices, smoothed towards the best ones: more where the bound rises on the way from these
    to the master's, less where it falls.

    Raises
    ------
    RulesError
        If no plan meets the rules.
    """
    began = time.perf_counter()
    chain = problem.chain
    pricing = Pricing(problem, threads)
    master = Master(pricing, problem.cheapest[:, chain.group[:, None], chain.block_stage])
    search = _Search(pricing, master, np.zeros(len(problem.rows)))
    _descend(problem, search, gradient_steps)
    trust, converged = TRUST, False
    mixed = master.solve()
    stale = exact = False
    for _ in range(iterations):
        gap = search.bound - mixed.value
        if mixed.feasible and gap <= max(tolerance * abs(search.bound - master.base), EXACT * abs(search.bound)):
            converged = True
            break
        if time.perf_counter() - began > seconds or (stale and exact):
            break
        if progress:
            progress(min(0.99, search.count / (4 * gradient_steps + 1)))
        master.forget(mixed)
        exact = stale  # no plan was found that the master's prices did not know
        if not mixed.feasible:
            search.meet(mixed)
        elif stale:
            search.price(mixed.prices)
        else:
            at = mixed.prices + trust * (search.prices - mixed.prices)
            _, over = search.price(at)
            falls = over @ (mixed.prices - at) >= 0
            trust = max(trust - TRUST_STEP, 0) if falls else min(trust + TRUST_STEP * (1 - trust), MOST_TRUST)
        before, mixed = mixed, master.solve()
        stale = mixed.feasible and np.array_equal(before.prices, mixed.prices)
    if not mixed.feasible:
        raise conflict(problem, mixed.violation)
    columns, mixture = master.columns(mixed)
    return FullInformation(
        search.bound, search.prices, mixture.prices, mixture.value, mixture, columns, search.count,
        time.perf_counter() - began, converged,
    )  # fmt: skip


def _descend(problem: AllocationProblem, search: _Search, steps: int) -> None:
    """Take subgradient steps on the prices, in units of the rules' limits."""
    scale = 1 / problem.row_units
    prices, target, length = search.prices, search.master.base, 1.0
    for step in range(steps if len(problem.rows) else 0):
        before = search.bound
        slope = search.price(prices)[1] * scale
        slope[(prices == 0) & (slope * problem.signs < 0)] = 0
        if not slope.any():
            return
        if step % 10 == 9:
            mixed = search.master.solve()
            if mixed.feasible:
                target = max(target, mixed.value)
        if search.bound >= before:
            length *= SHRUNK
            if step % 5 == 4:
                prices = search.prices
        room = max(search.bound - target, 1e-9 * abs(search.bound))
        moved = prices + length * room / (slope @ slope) * slope * scale
        prices = np.where(problem.signs > 0, np.maximum(moved, 0), np.minimum(moved, 0))


def certified_bound(
    problem: AllocationProblem, prices: Floats, intensity: Floats, threads: int = 2, *, near: bool = False
) -> float:
    """Return the Lagrangian at ``prices`` over all intensities, which are looked at more closely ``near`` the plan.

    Of a chain that knows only what it offers: over many more of those than in the search, those of a plan among them.
    Any prices give a bound.
    """
    prices = bounding(problem, prices)
    pricing = Pricing(problem, threads)
    aim = pricing.aim(prices)
    counts = pricing.counts(aim)
    worth = problem.chain.worth_at_most(aim.money, *counts, threads, near=intensity if near else None)
    if worth is not None:
        return float(worth.sum() + prices @ problem.limits)
    actions, choices = joint_actions(problem.chain, refine=True)
    fine = replace(problem, actions=actions, choices=choices)
    return Pricing(fine, threads).lagrangian(prices, intensity)[0]


def tightest_bound(
    problem: AllocationProblem, prices: Sequence[Floats], intensity: Floats, threads: int = 2
) -> tuple[float, Floats]:
    """Return the least :func:`certified_bound` at given prices and, where that is quick, between them; and where.

    Where all is seen that matters, the best is next to a good plan: there it is looked at more closely as well.
    """
    tried = [(certified_bound(problem, at, intensity, threads), at) for at in distinct(prices)]
    (bound, at), *others = sorted(tried, key=lambda one: one[0])
    if problem.chain.whole_ways is None:  # what is offered is all there is, near the plan too
        return bound, at
    if others:
        small = problem.chain.initial.size * problem.chain.periods < SMALL
        for _ in range(BETWEEN if small else 1):
            middle = 0.5 * (at + others[0][1])
            found = certified_bound(problem, middle, intensity, threads)
            if found < bound:
                others, (bound, at) = [(bound, at)], (found, middle)
            else:
                others = [(found, middle)]
    chain = problem.chain
    if chain.initial.shape[0] == chain.targets.shape[0] and chain.initial.size * chain.periods < NEAR:
        for each in distinct([at, *prices[-1:]]):
            found = certified_bound(problem, each, intensity, threads, near=True)
            if found < bound:
                bound, at = found, each
    return bound, at


def distinct(prices: Sequence[Floats]) -> list[Floats]:
    """Return every set of prices once: where nothing binds, all of them are nothing."""
    return [at for i, at in enumerate(prices) if not any(np.array_equal(at, before) for before in prices[:i])]


def bounding(problem: AllocationProblem, prices: Floats) -> Floats:
    """Return prices at which a bound is of use.

    Where nothing may be spent any price costs nothing, so the highest is taken. Where spending without end would be
    worth it for its own sake, floors, and shares of what is spent elsewhere, are priced lower.
    """
    only_money = np.array([row.kind.counts == "money" for row in problem.rows], dtype=bool)
    nothing_less = problem.money.min(axis=1).toarray().ravel() >= 0  # unlike shares of what is spent elsewhere
    free = (problem.limits == 0) & (problem.signs > 0) & nothing_less & only_money
    prices = np.where(free, LAST_PENALTY, prices)
    endless = problem.targets.allowed & ~np.isfinite(problem.chain.limit)
    allowed = np.broadcast_to(endless, problem.aim.money.shape).ravel()
    usual = problem.aim.money.ravel()
    for _ in range(ROUNDS):
        each = problem.money.multiply(prices[:, None]).tocsr()
        below = each.minimum(0)
        lacks = np.asarray(below.sum(axis=0)).ravel()
        has = usual + np.asarray(each.maximum(0).sum(axis=0)).ravel()
        if (has + lacks >= -1e-12 * has)[allowed].all():
            break
        share = np.where(allowed & (lacks < 0), np.minimum(has / np.minimum(lacks, -1e-300) * -1, 1.0), 1.0)
        least = np.ones(len(prices))
        for r in range(len(prices)):
            places = below.indices[below.indptr[r] : below.indptr[r + 1]]
            least[r] = share[places].min(initial=1.0)
        prices = prices * least
    return prices
