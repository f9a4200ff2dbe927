"""Campaigns that are run or not: either no money or at least so much, and a fixed cost for each.

A campaign is a lever's money in one segment and period. The plan without these rules is a relaxation, so its bound
holds here too. From it campaigns are settled in rounds: as many of a lever's campaigns in a segment are kept as its
money makes whole ones, the largest; and of those that do not earn their fixed cost the poorer half is left out each
time, so that its money can join the others. Then single campaigns are tried more, fewer and at another time for as
long as that brings more. What comes out meets the rules; it is a good plan, not a proven best one.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from optimizer.ask.kinds.campaigns import SIZE
from optimizer.ask.problem import AllocationProblem
from optimizer.ask.rows import Row
from optimizer.search.sequential import Maker, Sequential, Settled
from optimizer.tolerances import CHANGE, MISSED
from sim.arrays import Floats, Ints
from sim.engine.sensitivity import Course
from sim.scenario.rules import Campaign

__all__ = ["Sized", "as_run", "fixed_costs_of", "sized", "still_run"]


ROUNDS = 8
LOOKED, MOVED = 8, 3
"""Campaigns that are looked at as one more or one fewer in a round, and times that one is moved to."""
TRIED = 3
"""Of the changes that promise most, how many are searched before giving up."""


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
    """One possible campaign: a lever in a segment and period, or in the periods for which it runs unchanged."""

    period: int
    segment: str
    lever: int
    least: float
    fixed: float
    periods: int = 1

    @property
    def kin(self) -> tuple[int, str]:
        """Return what it shares with the campaigns at other times."""
        return self.lever, self.segment

    @property
    def order(self) -> tuple[int, int, str]:
        """Return what settles ties."""
        return self.period, self.lever, self.segment

    @property
    def each(self) -> list["_Lot"]:
        """Return its part in each of its periods, no smaller than the least size either."""
        return [
            replace(
                self,
                period=self.period + t,
                least=self.least / self.periods,
                fixed=self.fixed / self.periods,
                periods=1,
            )
            for t in range(self.periods)
        ]

    def place(self, problem: AllocationProblem) -> tuple[int | Ints, Ints, Ints, int]:
        """Return the index of its money in (periods, groups, stages, levers)."""
        mine = np.array([segment == self.segment for segment in problem.targets.segments])
        groups, stages = np.nonzero(problem.targets.allowed[:, :, self.lever] & mine[:, None])
        periods = self.period + np.arange(self.periods)[:, None]
        return self.period if self.periods == 1 else periods, groups, stages, self.lever


def sized(
    problem: AllocationProblem, campaigns: dict[str, Campaign], end: Settled, stake: float, seconds: float = np.inf,
    make: Maker = Sequential,
) -> Sized:  # fmt: skip
    """Return the plan with campaigns of at least their least size, from the end of the search without that rule.

    ``seconds``: time for trying single campaigns more, fewer and moved; ``make`` makes the search of a problem.
    """
    began = time.perf_counter()
    choice = _Choice(problem, _lots(problem, campaigns), stake, make)
    best = choice.rounded(end)
    better: _Chosen | None = best
    while better is not None and time.perf_counter() - began < seconds:
        best = better
        better = next((found for found in choice.changed(best) if found.worth > best.worth + CHANGE * stake), None)
    return Sized(best.asked, best.end, best.fixed)


def as_run(problem: AllocationProblem, campaigns: dict[str, Campaign], spend: Floats) -> AllocationProblem | None:
    """Return the problem in which just the campaigns run that a plan's money runs, at their least sizes or above.

    None where the plan spends nothing, or runs one below its least size, or the budget cannot pay for all.
    """
    money = {lot: float(spend[lot.place(problem)].sum()) for lot in _lots(problem, campaigns)}
    short = any(0 < amount < lot.least * (1 - 10 * MISSED) for lot, amount in money.items())
    running = [lot for lot, amount in money.items() if amount > 0]
    if not spend.any() or short or sum(lot.least for lot in running) > problem.budget * (1 + MISSED):
        return None
    return _held(problem, set(money) - set(running), [lot for lot in running if lot.least > 0])


def still_run(problem: AllocationProblem, campaigns: dict[str, Campaign], spend: Floats) -> AllocationProblem:
    """Return the problem of what is still to come in which the campaigns run that a plan's money runs.

    Where fewer people are there than planned, a campaign runs that still has half its least size, at that size or
    above; others do not. What is held, floor and ceiling alike, is past or decided and no campaign of any size.
    """
    assert problem.floor is not None
    assert problem.ceiling is not None
    open_ = problem.ceiling > problem.floor
    parts = [part for lot in _lots(problem, campaigns) for part in lot.each if open_[part.place(problem)].any()]
    money = {part: float(spend[part.place(problem)].sum()) for part in parts}
    running = [part for part in parts if money[part] > 0 and money[part] >= part.least / 2]
    return _held(problem, set(parts) - set(running), [part for part in running if part.least > 0])


def fixed_costs_of(problem: AllocationProblem, campaigns: dict[str, Campaign], spend: Floats) -> float:
    """Return the fixed costs, discounted, of the campaigns that a plan's money runs."""
    running = [lot for lot in _lots(problem, campaigns) if spend[lot.place(problem)].sum() > 0]
    return float(sum(_cost(problem, lot) for lot in running))


@dataclass(frozen=True, eq=False)
class _Chosen:
    """A search's end where only some campaigns may run, and what those that do run cost."""

    asked: AllocationProblem
    end: Settled
    fixed: float

    @property
    def worth(self) -> float:
        return self.end.value - self.fixed if self.end.missed <= MISSED else -np.inf


@dataclass(frozen=True, eq=False)
class _Change:
    """Other campaigns than now: which may run, their money to start from, and what they promise."""

    kept: frozenset[_Lot]
    spend: Floats
    promise: float


@dataclass(frozen=True, eq=False)
class _Choice:
    """Which campaigns to run, and what comes of it."""

    problem: AllocationProblem
    lots: list[_Lot]
    stake: float
    make: Maker

    @cached_property
    def search(self) -> Sequential:
        """Return the search without the rules of campaigns."""
        return self.make(self.problem)

    def rounded(self, end: Settled) -> _Chosen:
        """Return campaigns settled in rounds, from a plan without their rules."""
        asked, dropped, needed = self.problem, set[_Lot](), set[_Lot]()
        for _ in range(ROUNDS):
            running = {lot: money for lot, money in self._running(end).items() if lot not in dropped}
            weak = (_beyond_whole(running) | self._not_earning(running, end)) - needed
            short = [lot for lot, money in running.items() if money < lot.least * (1 - MISSED)]
            if not weak and end.missed > MISSED and running:
                weak = {min(running, key=lambda lot: running[lot] / max(lot.least, 1e-300))}
            if not weak and not short:
                break
            dropped = set(self.lots) - (set(running) - weak)
            spend = end.course.moved.copy()
            for lot in running:
                mine = [other for other in running if other.kin == lot.kin]
                stays = sum(running[other] for other in mine if other not in weak)
                factor = sum(running[other] for other in mine) / stays if lot not in weak and stays > 0 else 0.0
                spend[lot.place(self.problem)] *= factor
            before = end
            asked, end = self._searched(dropped, spend)
            if before.missed <= MISSED < end.missed:  # the rules ask for what was left out
                needed |= weak
                dropped -= weak
                asked, end = self._searched(dropped, before.course.moved)
        return _Chosen(asked, end, self._fixed(end))

    def changed(self, now: _Chosen) -> Iterator[_Chosen]:
        """Yield what comes of the changes that promise most: one campaign more, one fewer, or one moved."""
        changes = sorted(self._changes(now), key=lambda change: -change.promise)
        for change in changes[:TRIED]:
            if change.promise > CHANGE * self.stake:
                asked, end = self._searched(set(self.lots) - change.kept, change.spend)
                yield _Chosen(asked, end, self._fixed(end))

    def _changes(self, now: _Chosen) -> Iterator[_Change]:
        """Yield changes of single campaigns: first those that look best by marginal values."""
        running = self._running(now.end)
        price = self._price(now.end)
        marginal = self._marginal(now.end)

        def change(kept: set[_Lot], money: dict[_Lot, float]) -> _Change:
            spend = now.end.course.moved.copy()
            for lot, amount in money.items():
                spend[lot.place(self.problem)] = self._spread(lot, amount, now.end)
            course, value = self._follow(spend)
            cost = sum(self._cost(lot) for lot in kept) - sum(self._cost(lot) for lot in running)
            cost += price * float((course.spend - now.end.course.spend).sum())
            return _Change(frozenset(kept), spend, value - now.end.value - cost)

        idle = sorted(set(self.lots) - set(running), key=lambda lot: (-marginal[lot], lot.order))[:LOOKED]
        poor = sorted(running, key=lambda lot: (running[lot] * (marginal[lot] - price) - self._cost(lot), lot.order))
        for new in idle:
            mine = {lot: money for lot, money in running.items() if lot.kin == new.kin}
            usual = sum(mine.values()) / len(mine) if mine else self._usual(new, now.end)
            yield change({*running, new}, {new: max(usual, new.least)})
            if mine:
                share = len(mine) / (len(mine) + 1)
                yield change({*running, new}, {new: usual * share, **{lot: m * share for lot, m in mine.items()}})
        for old in poor[:LOOKED]:
            rest = {lot: money for lot, money in running.items() if lot.kin == old.kin and lot != old}
            yield change(set(running) - {old}, {old: 0.0})
            if rest:
                more = 1 + running[old] / sum(rest.values())
                yield change(set(running) - {old}, {old: 0.0, **{lot: m * more for lot, m in rest.items()}})
            for new in [lot for lot in idle if lot.kin == old.kin][:MOVED]:
                yield change(set(running) - {old} | {new}, {old: 0.0, new: running[old]})

    def _searched(self, dropped: set[_Lot], spend: Floats) -> tuple[AllocationProblem, Settled]:
        """Return the problem without some campaigns, and the end of its search from a plan in money."""
        kept = [lot for lot in self.lots if lot not in dropped and lot.least > 0]
        asked = _held(self.problem, dropped, kept)
        search = self.make(asked)
        return asked, search.run(np.where(search.open, search.cells.sum(spend), 0.0), lift=self.stake)

    def _running(self, end: Settled) -> dict[_Lot, float]:
        """Return the money of the campaigns that run."""
        money = {lot: float(end.course.moved[lot.place(self.problem)].sum()) for lot in self.lots}
        return {lot: amount for lot, amount in money.items() if amount > 0}

    def _not_earning(self, running: dict[_Lot, float], end: Settled) -> set[_Lot]:
        """Return the poorer half of the campaigns that bring less than their fixed cost."""
        price, gains = self._price(end), {}
        for lot in running:
            if lot.fixed > 0:
                spend = end.course.moved.copy()
                spend[lot.place(self.problem)] = 0.0
                gains[lot] = end.value - self._follow(spend)[1] - price * running[lot] - self._cost(lot)
        losing = sorted((lot for lot, gain in gains.items() if gain < 0), key=lambda lot: gains[lot])
        return set(losing[: (len(losing) + 1) // 2])

    def _follow(self, spend: Floats) -> tuple[Course, float]:
        """Return what happens under a plan in money, and what it is worth."""
        courses = self.search.courses(self.search.cells.sum(spend))
        return courses[0], self.search.value(courses)

    def _price(self, end: Settled) -> float:
        """Return what money is worth elsewhere."""
        return float(end.prices[: self.problem.per_budget.size] @ self.problem.per_budget)

    def _cost(self, lot: _Lot) -> float:
        return _cost(self.problem, lot)

    def _fixed(self, end: Settled) -> float:
        return float(sum(self._cost(lot) for lot in self._running(end)))

    def _marginal(self, end: Settled) -> dict[_Lot, float]:
        """Return what a unit of money more brings by campaign, spread as :meth:`_spread` does."""
        cells = self.search.cells.cell
        by_target = np.where(cells >= 0, end.marginal[:, cells], 0.0)
        return {
            lot: float((self._spread(lot, 1.0, end) * by_target[lot.place(self.problem)]).sum()) for lot in self.lots
        }

    def _spread(self, lot: _Lot, money: float, end: Settled) -> Floats:
        """Return a campaign's money by its targets: as it is now, or else by heads times the usual intensity."""
        place = lot.place(self.problem)
        now = end.course.moved[place]
        if now.sum() <= 0:
            now = self._today(lot, end)
        return np.asarray(money * now / max(float(now.sum()), 1e-300))

    def _usual(self, lot: _Lot, end: Settled) -> float:
        return float(self._today(lot, end).sum())

    def _today(self, lot: _Lot, end: Settled) -> Floats:
        """Return the money of a campaign of the usual intensity, by its targets."""
        _, groups, stages, _ = lot.place(self.problem)
        usual = self.search.usual[self.search.cells.cell[groups, stages, lot.lever]]
        return np.asarray(end.course.observed[lot.period, groups, stages] * usual)


def _beyond_whole(running: dict[_Lot, float]) -> set[_Lot]:
    """Return campaigns, the smallest, beyond the number that their money in lever and segment makes whole ones."""
    out: set[_Lot] = set()
    for kin in dict.fromkeys(lot.kin for lot in running):
        mine = sorted((lot for lot in running if lot.kin == kin), key=lambda lot: -running[lot])
        if mine[0].least > 0 and running[mine[-1]] < mine[0].least * (1 - MISSED):
            out |= set(mine[round(sum(running[lot] for lot in mine) / mine[0].least) :])
    return out


def _cost(problem: AllocationProblem, lot: _Lot) -> float:
    """Return a campaign's fixed cost, discounted."""
    return float(sum(part.fixed * problem.chain.discount[part.period] for part in lot.each))


def _lots(problem: AllocationProblem, campaigns: dict[str, Campaign]) -> list[_Lot]:
    targets = problem.targets
    return [
        _Lot(
            w.start, segment, k, rule.least * (w.stop - w.start), rule.fixed_cost * (w.stop - w.start), w.stop - w.start
        )
        for name, rule in campaigns.items()
        for k in [targets.levers.index(name)]
        for segment in dict.fromkeys(targets.segments)
        for w in [range(w.start, w.stop) for w in targets.windows(k, problem.chain.periods)]
    ]


def _held(problem: AllocationProblem, dropped: set[_Lot], kept: list[_Lot]) -> AllocationProblem:
    """Return the problem without the dropped campaigns and with the kept ones at their least size or more."""
    shape = (problem.chain.periods, *problem.targets.shape)
    ceiling = np.full(shape, np.inf) if problem.ceiling is None else problem.ceiling.copy()
    for lot in dropped:
        ceiling[lot.place(problem)] = 0.0
    rows = []
    for lot in [part for whole in kept for part in whole.each]:
        counted = np.zeros(shape)
        counted[lot.place(problem)] = 1.0
        name, money = f"least campaign of {problem.targets.levers[lot.lever]} on {lot.segment}", counted.reshape(1, -1)
        number = lot.period + 1
        rows.append(Row(name, SIZE, ">=", lot.least, 0.0, csr_matrix(money), when="in period", number=number))
    floor = np.zeros(shape) if problem.floor is None else problem.floor
    return replace(problem, rows=(*problem.rows, *rows), floor=np.minimum(floor, ceiling), ceiling=ceiling)
