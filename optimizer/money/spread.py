"""From a table of money to intensities: what everybody gets so that each cell's money is what is spent in it.

Inside a cell all intensities are in proportion to a pattern, ``u[t, g, s, k] = scale[cell] x pattern[t, g, s, k]``, and
the scale is where expected money meets the cell's: ``sum u x heads = money``. Heads depend on what was spent before, so
that all scales are found together, by iteration in the fluid twin.
"""

from dataclasses import dataclass

import numpy as np

from optimizer.money.calendar import Stretch
from optimizer.money.table import Cell, MoneyTable
from optimizer.tolerances import EMPTY
from sim.arrays import Flags, Floats, Ints
from sim.contract import Targets
from sim.engine.chain import ControlledChain
from sim.engine.sensitivity import Course, follow

__all__ = ["SPREADS", "NotSpent", "Spread", "by_period", "spread"]

SPREADS = {
    "even": "the same for every customer in all of the cell's periods",
    "period": "the same money in each of the cell's periods, and in each the same for every customer",
    "today": "in proportion to what everybody gets today; evenly where today nobody does",
}
"""How money may be spread inside a cell; beside these, in proportion to a plan, evenly where it has nothing."""

MET = 1e-10
"""Share of all money by which a cell may miss its own: arithmetic."""
STEPS = 400
HALVED = 40
"""Step from which on only half of the way is gone: where heads answer money strongly, whole steps swing."""


@dataclass(frozen=True)
class NotSpent:
    """A cell of which something else is spent than it says, and why."""

    cell: Cell
    spent: float
    why: str


@dataclass(frozen=True, eq=False)
class Spread:
    """A table of money as a plan.

    Attributes
    ----------
    course : Course
        What happens under it; its intensities are those that act.
    not_spent : tuple of NotSpent
        The cells that cannot be played as they are written.
    """

    course: Course
    not_spent: tuple[NotSpent, ...]


def by_period(chain: ControlledChain, table: MoneyTable) -> MoneyTable:
    """Return the table with each cell's money in equal parts, one for each of its periods in which somebody is there.

    What is committed before the start is the part of the periods in which it acts.
    """
    targets, out = chain.targets, []
    which = _places(targets, table, chain.periods)
    nothing = follow(chain, targets.with_committed(np.zeros((chain.periods, *targets.shape))))
    for i, cell in enumerate(table.cells):
        name, first, stop = cell.stretch
        inside = which[first:stop] == i
        heads = np.where(inside, nothing.observed[first:stop, :, :, None], 0.0).sum(axis=(1, 2, 3))
        money = np.where(inside, nothing.moved[first:stop], 0.0).sum(axis=(1, 2, 3))
        late = np.arange(first, stop) < targets.lead[targets.levers.index(cell.lever)]
        open_ = ~late & ((heads > EMPTY) | (heads <= EMPTY).all())
        left = max(cell.money - float(money[late].sum()), 0.0)
        parts = np.where(late, money, np.where(open_, left / max(int(open_.sum()), 1), 0.0))
        out += [
            cell._replace(stretch=Stretch(name, t, t + 1), money=float(part))
            for t, part in zip(range(first, stop), parts, strict=True)
        ]
    return MoneyTable(tuple(out), table.notes)


def spread(chain: ControlledChain, table: MoneyTable, pattern: Floats) -> Spread:
    """Return a table of money as a plan; terms that it says nothing of stay as today.

    Parameters
    ----------
    pattern : (periods, groups, stages, levers)
        What intensities inside a cell are in proportion to; a cell without any is spread evenly.
    """
    targets, cells = chain.targets, table.cells
    which = _places(targets, table, chain.periods)
    late = np.arange(chain.periods)[:, None] < np.array(targets.lead)
    open_, kept = (which >= 0) & ~late[:, None, None, :], (which >= 0) & late[:, None, None, :]
    wanted = np.array([cell.money for cell in cells])
    number = len(cells)

    def total(amount: Floats, inside: Flags) -> Floats:
        return np.bincount(which[inside], weights=amount[inside], minlength=number).astype(float)

    rest = np.where(which < 0, targets.terms, 0.0)
    nothing = follow(chain, targets.with_committed(rest))
    given = total(np.where(pattern > 0, np.broadcast_to(nothing.observed[..., None], which.shape), 0.0), open_)
    weight = np.where(open_, np.where((given > EMPTY)[which], pattern, 1.0), 0.0)
    scale, course, heads = np.zeros(number), nothing, np.zeros(number)
    for step in range(STEPS):
        seen = np.broadcast_to(course.observed[..., None], which.shape)
        heads = total(weight * seen, open_)
        left = np.maximum(wanted - total(course.moved, kept), 0.0)
        met = np.divide(left, heads, out=np.zeros(number), where=heads > EMPTY)
        if step and (np.abs(scale * heads - left)[met > 0] <= MET * max(float(wanted.sum()), 1e-300)).all():
            break
        scale = met if step < HALVED else (scale + met) / 2
        plan = np.where(open_, scale[which] * weight, rest)
        course = follow(chain, targets.with_committed(_held(targets, plan, course.observed)))
    spent = total(course.moved, which >= 0)
    missed = np.abs(spent - wanted) > 1e-6 * np.maximum(wanted, spent)
    before = total(course.moved, kept)
    not_spent = [
        NotSpent(cells[i], float(spent[i]), _why(cells[i], heads[i], float(before[i]), targets))
        for i in np.flatnonzero(missed)
    ]
    return Spread(course, tuple(not_spent))


def _places(targets: Targets, table: MoneyTable, periods: int) -> Ints:
    """Return the cell of each place, (periods, groups, stages, levers); -1 where there is none."""
    segments = list(dict.fromkeys(targets.segments))
    mine = [segments.index(name) for name in targets.segments]
    owner = table.covered(targets, periods)[:, mine][:, :, None, :]
    return np.asarray(np.where(targets.allowed, np.broadcast_to(owner, (periods, *targets.shape)), -1))


def _held(targets: Targets, intensity: Floats, observed: Floats) -> Floats:
    """Return intensities that are the same in all periods of a campaign, at the same money by expected heads."""
    out = intensity
    for k, duration in enumerate(targets.duration):
        for window in targets.windows(k, len(intensity)) if duration > 1 else ():
            heads = observed[window]
            money, number = (out[window, :, :, k] * heads).sum(axis=0), heads.sum(axis=0)
            mean = np.divide(money, number, out=out[window, :, :, k].mean(axis=0), where=number > EMPTY)
            out[window, :, :, k] = mean
    return out


def _why(cell: Cell, heads: float, before: float, targets: Targets) -> str:
    lever = targets.levers.index(cell.lever)
    if before > cell.money:
        return f"{before:,.2f} was committed before the start"
    if heads <= EMPTY:
        late = cell.stretch.stop <= targets.lead[lever]
        return "what acts there was committed before the start" if late else "nobody is there"
    if targets.duration[lever] > 1:
        return f"its campaigns run for {targets.duration[lever]} periods unchanged"
    return "heads answer so strongly that no intensity spends it"
