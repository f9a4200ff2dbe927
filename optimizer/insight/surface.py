"""What a table of money is worth near plans that were solved: looked up, not solved again.

A line is one segment's money through one lever over the horizon. Around each solved plan ``k`` with money ``m_k`` the
customer asset of other money ``x`` is

    A_k(x) = A_k + sum_c own_kc(x_c) + 1/2 sum_{c != d} g_kcd(x_c) reach_kd(x_d)

``own_kc`` goes in cubics through exact values and exact slopes where line ``c`` alone has other money, from none to the
most that is looked up. ``g_kcd`` is by how much that moves the slope of line ``d``, from the exact gradients there;
``reach_kd(x) = (own_kd(x) + x - m_kd) / (own_kd'(m_kd) + 1)`` is how far the money of ``d`` has moved, counted in what
it does: the more of it, the less each unit does.
Whatever else is counted (customers kept, rules) is followed by straight lines through the same points. Between two
solved budgets both are blended by distance, as money and its course over time are. A table with held lines is looked up
near the plans that its money is nearest to, wherever between the solved ones, and not near those of its budget: what
moves are worth is known around plans, and the less of a move is left the better.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sim.arrays import Floats

__all__ = ["ASSET", "HALVINGS", "IDLE", "KEPT", "NOTICED", "RULES", "Family", "Knot", "Settled", "Surface", "Watched"]

ASSET, KEPT, RULES = 0, 1, 2
"""Places among what is counted: the asset, customers kept, and from the third on rules."""
HALVINGS = 50
IDLE = 0.05
"""What a unit of money must bring at least, before it is taken off, for its line to count by what it does."""
NOTICED = 0.005
"""Part of a rule's size, or of the budget, by which it must be missed to be said: what is looked up is not exact."""


@dataclass(frozen=True, eq=False)
class Knot:
    """One solved plan and what is known around it.

    Attributes
    ----------
    budget : float
    money : (lines,)
        Of the plan, beside what was committed before the start.
    course : (periods, lines)
        Parts of a line's money by period; each line's add up to 1.
    counts : (counts,)
        Asset, customers kept and what rules count, under the plan.
    slope : (lines,)
        d(asset)/d(money of a line).
    end_counts : (2, lines, counts)
        Counts with a line at no money and at the most, the others as in the plan.
    points : (points, lines)
        Money at which each line alone was followed, rising; the plan's own among them.
    gain : (points, lines)
        What the asset gains there.
    slopes : (points, lines)
        d(asset)/d(money of the line) there.
    cross : (points, lines, lines)
        By how much that moves d(asset)/d(money) of the other lines.
    """

    budget: float
    money: Floats
    course: Floats
    counts: Floats
    slope: Floats
    end_counts: Floats
    points: Floats
    gain: Floats
    slopes: Floats
    cross: Floats

    def counted(self, money: Floats) -> Floats:
        """Return what is counted under the money of each line, from nothing up to the last of ``points``."""
        step, lines = money - self.money, np.arange(money.size)
        up = (step > 0).astype(int)
        width = np.where(up, self.points[-1] - self.money, -self.money)
        ends = self.end_counts[up, lines] - self.counts
        out = self.counts + _parts(step, width) @ ends
        at = np.clip((self.points <= money).sum(axis=0), 1, len(self.points) - 1)
        low, high = (at - 1, lines), (at, lines)
        width = self.points[high] - self.points[low]
        part = _parts(money - self.points[low], width)
        own = self.gain[low] + _cubic(
            part, width, self.gain[high] - self.gain[low], self.slopes[low], self.slopes[high]
        )
        moved = self.cross[low] + part[:, None] * (self.cross[high] - self.cross[low])
        does = self.slope + 1
        reach = np.where(does > IDLE, (own + step) / np.maximum(does, IDLE), step)
        # Which of two lines moved first must not matter: the mean of both ways.
        out[ASSET] = self.counts[ASSET] + own.sum() + moved.sum(axis=0) @ reach / 2
        return np.asarray(out)


def _parts(step: Floats, width: Floats) -> Floats:
    return np.divide(step, width, out=np.zeros_like(step), where=np.abs(width) > 0)


def _cubic(part: Floats, width: Floats, rise: Floats, slope: Floats, end: Floats) -> Floats:
    """Return the cubic through (0, 0) and (1, rise) with slopes ``slope`` and ``end`` by unit of ``part x width``."""
    square, cube = part**2, part**3
    return np.asarray(
        (cube - 2 * square + part) * width * slope + (3 * square - 2 * cube) * rise + (cube - square) * width * end
    )


@dataclass(frozen=True, eq=False)
class Family:
    """The solved plans under one set of rules, by rising budget.

    Attributes
    ----------
    without : str
        The rule that is left out; nothing: all hold.
    knots : tuple of Knot
        The first may be no solved plan but the least that the rules ask, whose budget is what it spends.
    least : float
        The lowest budget that was solved.
    """

    without: str
    knots: tuple[Knot, ...]
    least: float

    @property
    def solved(self) -> tuple[Knot, ...]:
        """Return the solved plans alone."""
        return tuple(knot for knot in self.knots if knot.budget >= self.least)

    @property
    def range(self) -> tuple[float, float]:
        """Return the lowest and the highest budget that is looked up."""
        return self.least, self.knots[-1].budget

    def between(self, budget: float) -> tuple[Knot, Knot, float]:
        """Return the solved plans on both sides of a budget, and how far it is from the first to the second."""
        known = [knot.budget for knot in self.knots]
        at = int(np.clip(np.searchsorted(known, budget, side="right"), 1, len(known) - 1))
        low, high = self.knots[at - 1], self.knots[at]
        return low, high, float(np.clip((budget - low.budget) / (high.budget - low.budget), 0.0, 1.0))

    def plan(self, budget: float) -> Floats:
        """Return the money of each line at a budget."""
        low, high, part = self.between(budget)
        return np.asarray((1 - part) * low.money + part * high.money)

    def nearest(self, money: Floats) -> float:
        """Return the budget whose plan is nearest to some money, by the root of the sum of squares over lines."""
        found = []
        for low, high in pairwise(self.knots):
            way = high.money - low.money
            size = float(way @ way)
            part = float(np.clip((money - low.money) @ way / size, 0.0, 1.0)) if size > 0 else 0.0
            off = money - low.money - part * way
            found.append((float(off @ off), low.budget + part * (high.budget - low.budget)))
        return min(found)[1]

    def course(self, budget: float) -> Floats:
        """Return parts of each line's money by period at a budget."""
        low, high, part = self.between(budget)
        return np.asarray((1 - part) * low.course + part * high.course)


@dataclass(frozen=True)
class Watched:
    """A rule that is followed: ``limit + per_budget x (budget - today's)``, by its sense; ``size`` says what is small.

    Attributes
    ----------
    rule, name : str
        As people read it, without its time and with it.
    unit : str
        Of what it counts; nothing for money.
    """

    rule: str
    name: str
    unit: str
    sense: str
    limit: float
    per_budget: float
    size: float


@dataclass(frozen=True, eq=False)
class Settled:
    """A table of money: the budget asked for, that whose plan the free lines follow, that whose plan is nearest."""

    budget: float
    followed: float
    near: float
    money: Floats


@dataclass(frozen=True, eq=False)
class Surface:
    """Solved plans over budgets and rules, and what lies between them.

    Attributes
    ----------
    lines : tuple of (segment, lever)
    top : (lines,)
        The most money of a line that is looked up.
    committed : (periods, lines)
        Money committed before the start, in every table.
    families : tuple of Family
        The first: all rules hold.
    watched : tuple of Watched
        Rules that some table in range comes near; the others hold in all of them.
    today : (periods, lines)
        Today's money.
    today_counts : (counts,)
    budget : float
        In force: the scenario's, or what today is expected to cost.
    """

    lines: tuple[tuple[str, str], ...]
    top: Floats
    committed: Floats
    families: tuple[Family, ...]
    watched: tuple[Watched, ...]
    today: Floats
    today_counts: Floats
    budget: float

    def settle(self, budget: float, held: Mapping[int, float] | None = None, family: int = 0) -> Settled:
        """Return the table of a budget: the lines ``held`` at their money, the others as in the plan that fits.

        Free lines follow the plans of another budget, so that all together is what the plan of ``budget`` spends: down
        to the least that the rules ask, up to the plan of the highest budget; where none does that, the nearest end.
        """
        plans = self.families[family]
        known = plans.knots
        budget = float(np.clip(budget, *plans.range))
        held = {line: min(max(amount, 0.0), float(self.top[line])) for line, amount in (held or {}).items()}
        if not held:
            return Settled(budget, budget, budget, plans.plan(budget))
        free = np.ones(len(self.lines), dtype=bool)
        free[list(held)] = False
        wanted = float(plans.plan(budget).sum()) - sum(held.values())
        low, high = known[0].budget, known[-1].budget
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if plans.plan(middle)[free].sum() < wanted else (low, middle)
        followed = (low + high) / 2
        money = plans.plan(followed)
        for line, amount in held.items():
            money[line] = amount
        return Settled(budget, followed, plans.nearest(money), money)

    def missed(self, table: Settled, family: int = 0) -> float:
        """Return how much more a table spends than the plan of its budget; 0 where what is held fits."""
        over = float((table.money - self.families[family].plan(table.budget)).sum())
        return over if abs(over) > NOTICED * table.budget else 0.0

    def keeps(self, table: Settled, family: int = 0) -> bool:
        """Return whether a table keeps every watched rule."""
        counts = self.counted(table, family)[RULES:]
        return all(
            (amount - rule.limit - rule.per_budget * (table.budget - self.budget)) * (1 if rule.sense == "<=" else -1)
            <= NOTICED * rule.size
            for rule, amount in zip(self.watched, counts.tolist(), strict=True)
        )

    def counted(self, table: Settled, family: int = 0) -> Floats:
        """Return what is counted under a table: asset, customers kept, and what the watched rules count."""
        low, high, part = self.families[family].between(table.near)
        return np.asarray((1 - part) * low.counted(table.money) + part * high.counted(table.money))

    def by_period(self, table: Settled, family: int = 0) -> Floats:
        """Return a table's money by (period, line), with what was committed."""
        return np.asarray(self.families[family].course(table.near) * table.money + self.committed)
