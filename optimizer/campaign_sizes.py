"""Campaigns that are run or not: either no money or at least so much, and a fixed cost for each.

A campaign is a lever's money in one segment and period. The plan without these rules is a relaxation, so its bound
holds here too. From it campaigns are settled in rounds: as many of a lever's campaigns in a segment are kept as its
money makes whole ones, the largest; and of those that do not earn their fixed cost the poorer half is left out each
time, so that its money can join the others. What comes out meets the rules; it is a good plan, not a proven best one.
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
        weak = _beyond_whole(running) | _not_earning(running, asked, end)
        short = [lot for lot, money in running.items() if money < lot.least * (1 - NEARLY)]
        if not weak and end.missed > NEARLY and running:
            weak = {min(running, key=lambda lot: running[lot] / max(lot.least, 1e-300))}
        if not weak and not short:
            break
        kept = [lot for lot in running if lot not in weak]
        dropped = set(lots) - set(kept)
        asked = _held(problem, dropped, [lot for lot in kept if lot.least > 0])
        search = Sequential(asked)
        end = search.run(search.amount_of(_gathered(running, weak, end, problem)), lift=stake)
    run = [lot for lot in lots if _money(lot, problem, end) > 0]
    return Sized(asked, end, float(sum(lot.fixed * problem.chain.discount[lot.period] for lot in run)))


def _beyond_whole(running: dict[_Lot, float]) -> set[_Lot]:
    """Return campaigns, the smallest, beyond the number that their money in lever and segment makes whole ones."""
    out: set[_Lot] = set()
    for key in dict.fromkeys((lot.lever, lot.segment) for lot in running):
        mine = sorted((lot for lot in running if (lot.lever, lot.segment) == key), key=lambda lot: -running[lot])
        if mine[0].least > 0 and running[mine[-1]] < mine[0].least * (1 - NEARLY):
            out |= set(mine[round(sum(running[lot] for lot in mine) / mine[0].least) :])
    return out


def _not_earning(running: dict[_Lot, float], problem: AllocationProblem, end: Settled) -> set[_Lot]:
    """Return the poorer half of the campaigns that bring less than their fixed cost."""
    gains = {lot: _worth(lot, problem, end) - lot.fixed for lot in running if lot.fixed > 0}
    losing = sorted((lot for lot, gain in gains.items() if gain < 0), key=lambda lot: gains[lot])
    return set(losing[: (len(losing) + 1) // 2])


def _gathered(running: dict[_Lot, float], weak: set[_Lot], end: Settled, problem: AllocationProblem) -> Floats:
    """Return the plan with the money of what is left out joined to what stays of the same lever and segment."""
    out = end.course.intensity.copy()
    for lot in running:
        mine = [other for other in running if (other.lever, other.segment) == (lot.lever, lot.segment)]
        stays = sum(running[other] for other in mine if other not in weak)
        factor = sum(running[other] for other in mine) / stays if lot not in weak and stays > 0 else 0.0
        out[lot.period, :, :, lot.lever][lot.where(problem)] *= factor
    return out


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
