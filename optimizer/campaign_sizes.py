"""Campaigns that are run or not: either no money or at least so much, and a fixed cost for each.

A campaign is a lever's money in one segment and period. The plan without these rules is a relaxation, so its bound
holds here too. From it campaigns are settled in rounds: one that does not earn its fixed cost, or is nearer to nothing
than to its least size, is left out, any other is held to its least size; the search then goes on with what is left.
What comes out meets the rules; it is a good plan, not a proven best one.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from optimizer.problem import AllocationProblem
from optimizer.rules import Row
from optimizer.sequential import Sequential, Settled
from sim.scenario_rules import Campaign

__all__ = ["Sized", "sized"]

Floats = NDArray[np.float64]

ROUNDS = 8
NEARLY = 1e-6
"""Share of a campaign's least size by which it may fall short: arithmetic."""


@dataclass(frozen=True, eq=False)
class Sized:
    """A search's end with every campaign either run or not.

    Attributes
    ----------
    problem : AllocationProblem
        With the rules that hold campaigns to their sizes.
    end : Settled
    fixed_costs : float
        Money, discounted, of all campaigns that are run.
    """

    problem: AllocationProblem
    end: Settled
    fixed_costs: float


@dataclass(frozen=True)
class _Lot:
    """One possible campaign: a lever in a segment and period."""

    period: int
    segment: str
    lever: int
    least: float
    fixed: float

    def where(self, problem: AllocationProblem) -> NDArray[np.bool_]:
        """Return its places, (groups, stages)."""
        groups = np.array([segment == self.segment for segment in problem.targets.segments])
        return np.asarray(problem.targets.allowed[:, :, self.lever] & groups[:, None])


def sized(problem: AllocationProblem, campaigns: dict[str, Campaign], end: Settled, stake: float) -> Sized:
    """Return the plan with campaigns of at least their least size, from the end of the search without that rule."""
    lots = _lots(problem, campaigns)
    dropped: set[_Lot] = set()
    asked = problem
    for _ in range(ROUNDS):
        running = {lot: money for lot in lots if (money := _money(lot, problem, end)) > 0 and lot not in dropped}
        weak = {lot for lot, money in running.items() if money < lot.least / 2}
        weak |= {lot for lot in running if lot.fixed > 0 and _worth(lot, asked, end) < lot.fixed}
        short = [lot for lot, money in running.items() if money < lot.least * (1 - NEARLY)]
        if not weak and not short and end.missed <= NEARLY:
            break
        if not weak and end.missed > NEARLY and running:
            weak = {min(running, key=lambda lot: running[lot] / max(lot.least, 1e-300))}
        dropped |= weak
        asked = _held(problem, dropped, [lot for lot in running if lot not in weak and lot.least > 0])
        search = Sequential(asked)
        end = search.run(search.amount_of(end.course.intensity), lift=stake)
    run = [lot for lot in lots if _money(lot, problem, end) > 0]
    return Sized(asked, end, float(sum(lot.fixed * problem.chain.discount[lot.period] for lot in run)))


def _lots(problem: AllocationProblem, campaigns: dict[str, Campaign]) -> list[_Lot]:
    targets = problem.targets
    return [
        _Lot(t, segment, targets.levers.index(name), rule.least, rule.fixed_cost)
        for name, rule in campaigns.items()
        for segment in dict.fromkeys(targets.segments)
        for t in range(targets.lead[targets.levers.index(name)], problem.chain.periods)
    ]


def _money(lot: _Lot, problem: AllocationProblem, end: Settled) -> float:
    return float(end.course.spend[lot.period, :, :, lot.lever][lot.where(problem)].sum())


def _worth(lot: _Lot, problem: AllocationProblem, end: Settled) -> float:
    """Return what a campaign brings, its money valued at the budget's price where it is left out."""
    search = Sequential(problem)
    money = end.course.spend.copy()
    saved = money[lot.period, :, :, lot.lever][lot.where(problem)].sum()
    money[lot.period, :, :, lot.lever][lot.where(problem)] = 0.0
    without = search.follow(search.cells.sum(money))
    price = float(end.prices[: problem.per_budget.size] @ problem.per_budget)
    return end.course.asset - without.asset - price * float(saved)


def _held(problem: AllocationProblem, dropped: set[_Lot], kept: list[_Lot]) -> AllocationProblem:
    """Return the problem without the dropped campaigns and with the kept ones at their least size or more."""
    shape = (problem.chain.periods, *problem.targets.shape)
    ceiling = np.full(shape, np.inf) if problem.ceiling is None else problem.ceiling.copy()
    for lot in dropped:
        ceiling[lot.period, :, :, lot.lever][lot.where(problem)] = 0.0
    rows = []
    for lot in kept:
        counted = np.zeros(shape)
        counted[lot.period, :, :, lot.lever] = lot.where(problem)
        name = f"least campaign of {problem.targets.levers[lot.lever]} on {lot.segment} in period {lot.period + 1}"
        rows.append(Row(name, ">=", lot.least, 0.0, csr_matrix(counted.reshape(1, -1))))
    floor = np.zeros(shape) if problem.floor is None else problem.floor
    return replace(problem, rows=(*problem.rows, *rows), floor=np.minimum(floor, ceiling), ceiling=ceiling)
