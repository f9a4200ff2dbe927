"""Where the proof is far, or there is none: more starts, and what they found."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from optimizer.ask.problem import AllocationProblem
from optimizer.ask.rows import as_today
from optimizer.search.sequential import Maker, Settled
from optimizer.stages.search import Searched, over_one, over_thresholds
from optimizer.stages.start import Start
from optimizer.tolerances import COARSE, MISSED
from sim.arrays import Floats, Progress
from sim.engine.sensitivity import follow

__all__ = ["ALL_STARTS", "FEW_STARTS", "Further", "further"]


FEW_STARTS, ALL_STARTS = 4, 20
"""Searched from where a bound is far, and where customers move each other's odds so that there is none."""
STEPS = 30
"""Of a search from one of them; the best is searched on."""
SPREAD = 1.2
"""Standard deviation, in logarithms, of random starts around the usual intensities; a third of the levers are off."""


@dataclass(frozen=True, eq=False)
class Further:
    """What more starts found.

    Attributes
    ----------
    searched : Searched
        The best of what was known and what was found.
    lifts : tuple of float
        Of all starts that ended inside the rules, what was known first.
    """

    searched: Searched
    lifts: tuple[float, ...]

    def __str__(self) -> str:
        """Return what was found, in words."""
        if not self.lifts:
            return "no start of the search ended inside the rules"
        best, number = max(self.lifts), len(self.lifts)
        near = sum(lift >= 0.99 * best for lift in self.lifts)
        return (
            f"{number} starts of the search ended at lifts from {min(self.lifts):,.0f} to {best:,.0f}, {near} of them "
            "within 1 % of the best"
        )


def further(
    begun: Start, searched: Searched, number: int, *, steps: int, seconds: float, make: Maker, threads: int,
    progress: Progress,
) -> Further:  # fmt: skip
    """Return the best of a search from ``number`` starts, that of ``searched`` among them; they are always the same."""
    began, problem, stake = time.perf_counter(), begun.problem, searched.stake
    starts, ends = _starts(begun, number - 1), [searched.end]
    jumps = problem.chain.has_thresholds and not problem.chain.bounded

    def end_from(start: Floats) -> Settled | None:
        if start is not starts[0] and time.perf_counter() - began > seconds:
            return None
        searching, most = make(problem), min(steps, STEPS)
        end = searching.run(searching.amount_of(start), lift=stake, steps=most, gain=COARSE)
        return over_one(searching, end, stake, most) if jumps else end

    with ThreadPoolExecutor(threads) as pool:
        for i, end in enumerate(pool.map(end_from, starts)):
            ends += [] if end is None else [end]
            progress(i / len(starts))
    inside = [end for end in ends if end.missed <= MISSED]
    least = make(problem).value_held(begun.least)
    lifts = tuple(end.value - least for end in inside)
    best = searched.end
    for end in sorted(inside, key=lambda end: -end.value)[:2]:
        if end is not searched.end and end.value > best.value - COARSE * stake:
            best = max(best, _onward(begun, end, steps, make, stake), key=lambda end: (end.missed <= MISSED, end.value))
    return Further(Searched(best, stake, searched.columns, searched.known), lifts)


def _onward(begun: Start, end: Settled, steps: int, make: Maker, stake: float) -> Settled:
    searching = make(begun.problem)
    end = searching.run(end.amount, lift=stake, steps=steps)
    if begun.problem.chain.has_thresholds:
        end = over_thresholds(searching, end.amount, end, stake, steps)
    return end


def _starts(begun: Start, number: int) -> list[Floats]:
    """Return so many different plans within the budget: from the least, one lever alone, soon, late, and by chance."""
    problem = begun.problem
    chain, targets = problem.chain, problem.targets
    usual = np.where(targets.allowed, chain.usual, 0.0)
    today = as_today(chain)
    ramp = np.linspace(2.0, 0.0, chain.periods)[:, None, None, None]
    plans = [begun.least.intensity, 3.0 * today + usual, ramp * usual, ramp[::-1] * usual]
    levers = np.flatnonzero(targets.allowed.any(axis=(0, 1)))
    plans += [np.where(np.arange(targets.shape[2]) == k, 2.0 * usual, 0.0) for k in levers] if levers.size > 1 else []
    plans = plans[:number]
    rng = np.random.default_rng(0)
    shape = (chain.periods, *targets.shape)
    while len(plans) < number:  # every other one with more soon and less late as it falls
        periods = chain.periods if len(plans) % 2 else 1
        sizes = np.exp(SPREAD * rng.standard_normal((periods, targets.shape[0], 1, targets.shape[2])))
        plans.append(usual * sizes * (rng.random(sizes.shape) > 1 / 3))
    return [_affordable(problem, targets.with_committed(np.broadcast_to(plan, shape))) for plan in plans]


def _affordable(problem: AllocationProblem, plan: Floats) -> Floats:
    """Return a plan scaled back to about the budget."""
    spent = float(follow(problem.chain, plan).spend.sum())
    return plan * min(1.0, problem.budget / spent) if spent > 0 else plan
