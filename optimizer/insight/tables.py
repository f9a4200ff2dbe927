"""Tables of money, which tell segments apart and nobody inside them, as the fluid twin plays them line by line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizer.ask.problem import AllocationProblem
from optimizer.insight.frontier import kept_at_end
from optimizer.load import spread_money
from optimizer.money.calendar import Calendar, Stretch
from optimizer.money.table import Cell, MoneyTable
from sim.arrays import Floats, Ints
from sim.contract import Targets
from sim.engine.fluid_pass import Money
from sim.engine.sensitivity import Course, asset_aim, follow
from sim.twin import Twin

__all__ = ["Lines", "counts_of", "followed", "lines_of", "played", "table_of_money", "with_terms_as_today"]


def with_terms_as_today(twin: Twin) -> Twin:
    """Return a twin whose terms stay as today in every period, as in a table of money, which says nothing of them."""
    targets = twin.targets
    if targets.paid.all():
        return twin
    lead = tuple(n if paid else twin.chain.periods for n, paid in zip(targets.lead, targets.paid, strict=True))
    committed = np.where(targets.paid, targets.committed, targets.reference)
    return replace(twin, chain=replace(twin.chain, targets=replace(targets, lead=lead, committed=committed)))


@dataclass(frozen=True, eq=False)
class Lines:
    """Which line's money each target gets through each lever; -1: none."""

    names: tuple[tuple[str, str], ...]
    cell: Ints

    def money(self, targets: Targets, spend: Floats) -> tuple[Floats, Floats]:
        """Return a course's money by (period, line): what is decided, and what was committed."""
        late = np.arange(len(spend))[:, None] < np.array(targets.lead)
        return self.total(np.where(late[:, None, None, :], 0.0, spend)), self.total(
            np.where(late[:, None, None, :], spend, 0.0)
        )

    def total(self, spend: Floats) -> Floats:
        """Return sums by (period, line)."""
        inside = self.cell >= 0
        where = self.cell[inside]
        return np.stack([np.bincount(where, weights=now[inside], minlength=len(self.names)) for now in spend])


def lines_of(targets: Targets) -> Lines:
    """Return the lines of a table of money: each segment by each lever of the budget that reaches somebody in it."""
    names = [
        (segment, lever)
        for segment in dict.fromkeys(targets.segments)
        for k, lever in enumerate(targets.levers)
        if targets.paid[k] and targets.allowed[np.array(targets.segments) == segment, :, k].any()
    ]
    cell = np.full(targets.shape, -1)
    for g, segment in enumerate(targets.segments):
        for k, lever in enumerate(targets.levers):
            if (segment, lever) in names:
                cell[g, targets.allowed[g, :, k], k] = names.index((segment, lever))
    return Lines(tuple(names), cell)


def counts_of(problem: AllocationProblem, course: Course) -> Floats:
    """Return asset, customers kept and what each rule counts."""
    return np.array([course.asset, kept_at_end(course), *problem.counted(course)])


def followed(problem: AllocationProblem, lines: Lines, course: Floats, money: Floats) -> tuple[Floats, Floats]:
    """Return what is counted under the money of each line, spent by its course, and the asset's slope by line."""
    happens = follow(problem.chain, Money(problem.chain.targets, lines.cell, course * money))
    return counts_of(problem, happens), (happens.slope(asset_aim(problem.chain)) * course).sum(axis=0)


def table_of_money(twin: Twin, lines: Sequence[tuple[str, str]], money: Floats) -> MoneyTable:
    """Return money by (period, line) as a table that can be played."""
    names = Calendar.of(twin.scenario).stretches(twin.scenario.period)
    stretches = [Stretch(each.name, t, t + 1) for t, each in enumerate(names)]
    return MoneyTable(
        tuple(
            Cell(segment, lever, stretch, float(money[t, c]), f"{segment} / {lever}")
            for c, (segment, lever) in enumerate(lines)
            for t, stretch in enumerate(stretches)
        )
    )


def played(twin: Twin, lines: Sequence[tuple[str, str]], money: Floats) -> Course:
    """Return what happens under money by (period, line), played as a table is."""
    return spread_money(twin, table_of_money(twin, lines, money)).course
