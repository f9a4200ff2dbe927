"""How a surface of plans is sounded: solved at budgets and under rules, followed line by line, and held to others.

Everything here is exact: plans are solved, what they are worth and all slopes come from the fluid twin and its adjoint.
What the surface says between is measured against tables and budgets that it has not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from optimizer.ask.problem import AllocationProblem, allocation_problem, budget_in_force
from optimizer.ask.rows import Row, as_today
from optimizer.insight.frontier import best_plans, kept_at_end
from optimizer.insight.surface import ASSET, KEPT, RULES, Family, Knot, Surface, Watched
from optimizer.load import spread_money
from optimizer.money.calendar import Calendar, Stretch
from optimizer.money.table import Cell, MoneyTable
from optimizer.plan import Plan
from optimizer.tolerances import EMPTY
from sim.arrays import Floats, Ints, Progress
from sim.contract import Targets
from sim.engine.fluid_pass import Money
from sim.engine.sensitivity import Course, asset_aim, follow
from sim.errors import InputError, RulesError
from sim.twin import Twin

__all__ = [
    "Errors", "HeldOut", "Lines", "Sounded", "counts_of", "exact_asset", "followed", "lines_of", "sound",
    "table_of_money", "with_terms_as_today",
]  # fmt: skip

AROUND = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0)
"""Budgets that are solved where none are named, as multiples of the one in force."""
ROOM = 1.5
"""The most that is looked up of a line: so many times its largest money in any plan, or today's."""
SMALL = 0.05
"""The same for a line that never has any, as a part of the budget."""
DOWN, UP = (0.0, 0.4, 0.75, 1.0), (0.35, 1.0)
"""Where each line alone is followed: parts of the plan's money, and of the way from there to the most."""
NEAR = 0.25
"""Rules are followed that some table comes nearer to than this part of their size."""
FADED = 1e-6
"""Part of the asset that two lines together must move, to be said."""
TRIED = 16
"""Tables of each kind, drawn at random, that the surface is held to."""
MOVED = 4
"""Most lines that are held in one of them."""
NUDGE = 0.25
"""Part of its money in the budget's plan by which a line is moved at most in a nudge."""


class Errors(NamedTuple):
    """Largest error and root of the mean square error, in money."""

    worst: float
    typical: float


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What the surface says against what is exact, where it was not fitted.

    Attributes
    ----------
    budgets : (budgets, 4)
        Half-way between solved budgets: the budget, what the surface says of its own table there, what that table is
        exactly worth, and what the plan solved for that budget is.
    nudged, moved : (tables, 2)
        Customer asset said and exact, at any budget in range, of tables drawn at random: some lines held near their
        money in the budget's plan (:data:`NUDGE`), and held anywhere up to the most.
    """

    budgets: Floats
    nudged: Floats
    moved: Floats

    def errors(self) -> dict[str, Errors]:
        """Return errors of budgets alone, of nudges, and of lines moved anywhere."""
        said_less_exact = {
            "budgets": self.budgets[:, 1] - self.budgets[:, 2],
            "nudged": self.nudged[:, 0] - self.nudged[:, 1],
            "moved": self.moved[:, 0] - self.moved[:, 1],
        }
        return {
            name: Errors(float(np.abs(each).max()), float(np.sqrt((each**2).mean())))
            for name, each in said_less_exact.items()
        }

    @property
    def lacking(self) -> float:
        """Return the most that a table half-way lacks against the plan solved there."""
        return float((self.budgets[:, 3] - self.budgets[:, 2]).max(initial=0.0))


@dataclass(frozen=True, eq=False)
class Sounded:
    """A surface and how good it is.

    Attributes
    ----------
    surface : Surface
    held_out : HeldOut
    plans : tuple of tuples of Plan
        The solved ones, by family and budget.
    finer : float
        What a plan for the budget in force that tells stages and tiers apart was found to be worth more.
    """

    surface: Surface
    held_out: HeldOut
    plans: tuple[tuple[Plan, ...], ...]
    finer: float


def sound(
    twin: Twin,
    budgets: Sequence[float] | None = None,
    *,
    without: Sequence[str] = (),
    seed: int = 0,
    threads: int = 2,
    progress: Progress | None = None,
) -> Sounded:
    """Return plans over budgets and rules, all that is known between them, and how far that is from exact.

    Plans tell segments apart, as tables of money do, and leave terms as today.

    Parameters
    ----------
    budgets
        At least two; None: :data:`AROUND` the budget in force.
    without
        Rules to be left out, one at a time: their key in the scenario, or their name.

    Raises
    ------
    InputError
        If there are less than two budgets, or a rule is none.
    RulesError
        If no plan meets the rules at some budget.
    """
    twin = with_terms_as_today(twin)
    tell = progress or (lambda _: None)
    force = budget_in_force(twin)
    asked = sorted({float(b) for b in (budgets or [part * force for part in AROUND])})
    if len(asked) < 2 or asked[0] <= 0:
        raise InputError("`budgets=`: expected at least two, above 0; leave it out for budgets around today's")
    asked_rules = ("", *without)
    halves = [(a + b) / 2 for a, b in pairwise(asked)]
    number = len(asked_rules) * len(asked) + len(halves)

    def share(before: int) -> Progress:
        return lambda part: tell(0.8 * (before + part) / number)

    plans = [_solved(twin, asked, rule, threads, share(i * len(asked))) for i, rule in enumerate(asked_rules)]
    between = _solved(twin, halves, "", threads, share(len(asked_rules) * len(asked)))
    surface = _surface(twin, plans, asked_rules, force, lambda part: tell(0.8 + 0.15 * part))
    held_out = _held_out(twin, surface, between, halves, seed)
    coarse = next((plan for plan in plans[0] if plan.budget == force), None)
    return Sounded(surface, held_out, tuple(plans), _finer(twin, force, coarse, threads))


def _finer(twin: Twin, budget: float, coarse: Plan | None, threads: int) -> float:
    """Return what telling stages and tiers apart is worth beside segments alone, whose plan may be known."""
    known = coarse or best_plans(twin, [budget], targeting="segment", bounded=False, threads=threads)[0].plan
    fine = best_plans(twin, [budget], bounded=False, threads=threads)[0].plan
    return max(fine.asset - known.asset, 0.0)


def _solved(twin: Twin, budgets: Sequence[float], without: str, threads: int, tell: Progress) -> tuple[Plan, ...]:
    found = best_plans(
        twin, budgets, targeting="segment", without=without, bounded=False, threads=threads,
        progress=lambda part: tell(part * len(budgets)),
    )  # fmt: skip
    return tuple(replace(point.plan, budget=budget) for point, budget in zip(found, budgets, strict=True))


def with_terms_as_today(twin: Twin) -> Twin:
    """Return a twin whose terms stay as today in every period, as in a table of money, which says nothing of them."""
    targets = twin.targets
    if targets.paid.all():
        return twin
    lead = tuple(n if paid else twin.chain.periods for n, paid in zip(targets.lead, targets.paid, strict=True))
    committed = np.where(targets.paid, targets.committed, targets.reference)
    return replace(twin, chain=replace(twin.chain, targets=replace(targets, lead=lead, committed=committed)))


# --- Lines of money ---------------------------------------------------------------------------------------------------


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


def _courses(decided: Sequence[Floats], today: Floats, heads: Floats) -> list[Floats]:
    """Return parts by (period, line) of each plan's money: its own, or the nearest plan's, today's, or by heads."""
    own = [money.sum(axis=0) > EMPTY for money in decided]
    out = []
    for k, money in enumerate(decided):
        course = money.copy()
        for line in np.flatnonzero(~own[k]).tolist():
            others = sorted((j for j in range(len(decided)) if own[j][line]), key=lambda j: abs(j - k))
            sources = [*(decided[j][:, line] for j in others), today[:, line], heads[:, line]]
            course[:, line] = next((s for s in sources if s.sum() > EMPTY), np.zeros(len(money)))
        total = course.sum(axis=0)
        out.append(np.divide(course, total, out=np.zeros_like(course), where=total > 0))
    return out


# --- The surface ------------------------------------------------------------------------------------------------------


def _surface(
    twin: Twin, plans: Sequence[tuple[Plan, ...]], without: Sequence[str], force: float, tell: Progress
) -> Surface:
    chain, targets = twin.chain, twin.targets
    lines, problem = lines_of(targets), allocation_problem(twin, force, targeting="segment")
    nothing = follow(chain, targets.with_committed(np.zeros((chain.periods, *targets.shape))))
    now = follow(chain, as_today(chain))
    committed = lines.money(targets, nothing.spend)[1]
    today = lines.money(targets, now.spend)[0]
    late = np.arange(chain.periods)[:, None] < np.array(targets.lead)
    heads = lines.total(np.where(late[:, None, None, :], 0.0, nothing.observed[..., None] * np.ones(targets.shape)))
    decided = [[lines.money(targets, plan.spend)[0] for plan in family] for family in plans]
    flat = [money for family in decided for money in family]
    courses = _courses(flat, today, heads)
    most = np.max([money.sum(axis=0) for money in (*flat, today)], axis=0)
    top = np.where(most > EMPTY, ROOM * most, SMALL * force)
    open_ = np.array([course.sum(axis=0) > 0 for course in courses]).all(axis=0)
    knots: list[Knot] = []
    budgets = [plan.budget for family in plans for plan in family]
    for i, (money, course, budget) in enumerate(zip(flat, courses, budgets, strict=True)):
        knots.append(_knot(problem, lines, budget, money.sum(axis=0) * open_, course, top))
        tell((i + 1) / len(flat))
    watched = _watched(problem, knots, now)
    knots = [_only(knot, watched) for knot in knots]
    ends = np.cumsum([0, *(len(family) for family in plans)])
    families = tuple(
        Family(name, tuple(knots[a:b])) for name, (a, b) in zip(without, pairwise(ends.tolist()), strict=True)
    )
    return Surface(
        lines.names, top * open_, committed, families, tuple(_said(problem.rows[i], now) for i in watched),
        today + committed, counts_of(problem, now)[[ASSET, KEPT, *(RULES + i for i in watched)]], force,
    )  # fmt: skip


def counts_of(problem: AllocationProblem, course: Course) -> Floats:
    """Return asset, customers kept and what each rule counts."""
    return np.array([course.asset, kept_at_end(course), *problem.counted(course)])


def _knot(problem: AllocationProblem, lines: Lines, budget: float, money: Floats, course: Floats, top: Floats) -> Knot:
    """Return a plan with all that is known around it: each line alone at no money and at the most."""
    size = len(money)

    def at(amounts: Floats) -> tuple[Floats, Floats]:
        return followed(problem, lines, course, amounts)

    counts, slope = at(money)
    points = np.stack([*(part * money for part in DOWN), *(money + part * (top - money) for part in UP)])
    end_counts = np.tile(counts, (2, size, 1))
    gain, slopes = np.zeros(points.shape), np.tile(slope, (len(points), 1))
    cross = np.zeros((*points.shape, size))
    for place, line in np.ndindex(*points.shape):
        amount = points[place, line]
        if abs(amount - money[line]) > 1e-9 * top[line] and course[:, line].any():
            other = money.copy()
            other[line] = amount
            seen, there = at(other)
            gain[place, line], slopes[place, line] = seen[ASSET] - counts[ASSET], there[line]
            cross[place, line] = there - slope
            cross[place, line, line] = 0.0
            if place in (0, len(points) - 1):
                end_counts[0 if place == 0 else 1, line] = seen
    cross[np.abs(cross) * top < FADED * abs(counts[ASSET])] = 0.0
    return Knot(budget, money, course, counts, slope, end_counts, points, gain, slopes, cross)


def followed(problem: AllocationProblem, lines: Lines, course: Floats, money: Floats) -> tuple[Floats, Floats]:
    """Return what is counted under the money of each line, spent by its course, and the asset's slope by line."""
    happens = follow(problem.chain, Money(problem.chain.targets, lines.cell, course * money))
    return counts_of(problem, happens), (happens.slope(asset_aim(problem.chain)) * course).sum(axis=0)


def _watched(problem: AllocationProblem, knots: Sequence[Knot], now: Course) -> list[int]:
    """Return the rules that are broken, or nearly so, in some table that was followed."""
    rows = problem.rows
    if not rows:
        return []
    per_budget, force = problem.per_budget, problem.budget
    seen = np.full(len(rows), -np.inf)
    size = np.array([max(abs(row.limit), row.weighed(now), 1e-300) for row in rows])
    for knot in knots:
        limit = problem.limits + (per_budget * (knot.budget - force) if np.isfinite(force) else 0.0)
        for counts in (knot.counts[None], *knot.end_counts):
            missed = (counts[:, RULES:] - limit) * problem.signs / size
            seen = np.maximum(seen, missed.max(axis=0))
    return np.flatnonzero(seen > -NEAR).tolist()


def _only(knot: Knot, watched: list[int]) -> Knot:
    kept = [ASSET, KEPT, *(RULES + i for i in watched)]
    return replace(knot, counts=knot.counts[kept], end_counts=knot.end_counts[:, :, kept])


def _said(row: Row, now: Course) -> Watched:
    size = max(abs(row.limit), row.weighed(now), 1e-300)
    return Watched(row.rule, row.name, row.kind.unit, row.sense, row.limit, row.per_budget, size)


# --- How good it is ---------------------------------------------------------------------------------------------------


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


def exact_asset(twin: Twin, lines: Sequence[tuple[str, str]], money: Floats) -> float:
    """Return the customer asset of money by (period, line), played as a table is."""
    return spread_money(twin, table_of_money(twin, lines, money)).course.asset


def _held_out(twin: Twin, surface: Surface, between: Sequence[Plan], halves: Sequence[float], seed: int) -> HeldOut:
    budgets = []
    for plan, budget in zip(between, halves, strict=True):
        table = surface.settle(budget)
        exact = exact_asset(twin, surface.lines, surface.by_period(table))
        budgets.append([budget, surface.counted(table)[ASSET], exact, plan.asset])
    random, plans = np.random.default_rng(seed), surface.families[0]
    lines = np.flatnonzero(surface.top > 0)
    if not lines.size:
        raise RulesError("no segment's money through any lever can be moved")
    # Half of each draw goes by money: where there are many lines most hold little, and little can go wrong there.
    often, number = (1 / lines.size + surface.top[lines] / surface.top[lines].sum()) / 2, lines.size
    drawn: list[list[list[float]]] = [[], []]
    for near in (0, 1) * TRIED:
        moved = random.choice(lines, size=min(int(random.integers(1, MOVED + 1)), number), replace=False, p=often)
        budget = float(random.uniform(plans.knots[0].budget, plans.knots[-1].budget))
        low, high = np.zeros(surface.top.size), surface.top
        if near:
            low, high = (1 - NUDGE) * plans.plan(budget), (1 + NUDGE) * plans.plan(budget)
        held = {int(line): float(random.uniform(low[line], high[line])) for line in moved}
        table = surface.settle(budget, held)
        exact = exact_asset(twin, surface.lines, surface.by_period(table))
        drawn[near].append([float(surface.counted(table)[ASSET]), exact])
    return HeldOut(np.array(budgets), np.array(drawn[1]), np.array(drawn[0]))
