"""How a surface of plans is sounded: solved at budgets and under rules, followed line by line, and held to others.

Everything here is exact: plans are solved, what they are worth and all slopes come from the fluid twin and its adjoint.
What the surface says between is measured on others (:mod:`optimizer.insight.held_out`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from optimizer.ask.problem import AllocationProblem, allocation_problem, budget_in_force
from optimizer.ask.rows import Row, as_today
from optimizer.insight.frontier import best_plans, without_rule
from optimizer.insight.held_out import HeldOut, held_out
from optimizer.insight.surface import ASSET, KEPT, RULES, Family, Knot, Surface, Watched
from optimizer.insight.tables import Lines, counts_of, followed, lines_of, with_terms_as_today
from optimizer.plan import Plan
from optimizer.stages.start import least_spend
from optimizer.tolerances import EMPTY
from sim.arrays import Floats, Progress
from sim.engine.sensitivity import Course, follow
from sim.errors import InputError
from sim.twin import Twin

__all__ = ["Sounded", "sound"]

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
APART = 1e-3
"""The least that the rules ask is below the lowest budget by more than this part, or nothing gives way."""
SLIGHT = 1e-3
"""Part of what a plan gains against today that is next to nothing."""
FADED = 1e-6
"""Part of the asset that two lines together must move, to be said."""


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
    lift : float
        What the plan that does not is worth more than today.
    """

    surface: Surface
    held_out: HeldOut
    plans: tuple[tuple[Plan, ...], ...]
    finer: float
    lift: float

    @property
    def given_up(self) -> float:
        """Return what tables give up that tell nobody apart inside a segment; 0 where it is next to nothing."""
        return self.finer if self.finer > SLIGHT * max(self.lift, 0.0) else 0.0


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
        return lambda part: tell(0.5 * (before + part) / number)

    plans = [_solved(twin, asked, rule, threads, share(i * len(asked))) for i, rule in enumerate(asked_rules)]
    between = _solved(twin, halves, "", threads, share(len(asked_rules) * len(asked)))
    surface = _surface(twin, plans, asked_rules, force, lambda part: tell(0.5 + 0.1 * part))
    off = held_out(twin, surface, between, seed, threads=threads, tell=lambda part: tell(0.6 + 0.35 * part))
    coarse = next((plan for plan in plans[0] if plan.budget == force), None)
    known = coarse or best_plans(twin, [force], targeting="segment", bounded=False, threads=threads)[0].plan
    fine = best_plans(twin, [force], bounded=False, threads=threads)[0].plan
    lift = known.asset - float(surface.today_counts[ASSET])
    return Sounded(surface, off, tuple(plans), max(fine.asset - known.asset, 0.0), lift)


def _solved(twin: Twin, budgets: Sequence[float], without: str, threads: int, tell: Progress) -> tuple[Plan, ...]:
    found = best_plans(
        twin, budgets, targeting="segment", without=without, bounded=False, threads=threads,
        progress=lambda part: tell(part * len(budgets)),
    )  # fmt: skip
    return tuple(replace(point.plan, budget=budget) for point, budget in zip(found, budgets, strict=True))


# --- Lines of money ---------------------------------------------------------------------------------------------------


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
    decided = [[(plan.budget, lines.money(targets, plan.spend)[0]) for plan in family] for family in plans]
    for family, rule in zip(decided, without, strict=True):
        least = lines.money(targets, _least(problem, rule).spend)[0]
        spent = float(least.sum() + committed.sum())
        if spent < (1 - APART) * family[0][0] and least.sum() < (1 - APART) * family[0][1].sum():
            family.insert(0, (spent, least))
    flat = [money for family in decided for _, money in family]
    courses = _courses(flat, today, heads)
    most = np.max([money.sum(axis=0) for money in (*flat, today)], axis=0)
    top = np.where(most > EMPTY, ROOM * most, SMALL * force)
    open_ = np.array([course.sum(axis=0) > 0 for course in courses]).all(axis=0)
    knots: list[Knot] = []
    budgets = [budget for family in decided for budget, _ in family]
    for i, (money, course, budget) in enumerate(zip(flat, courses, budgets, strict=True)):
        knots.append(_knot(problem, lines, budget, money.sum(axis=0) * open_, course, top))
        tell((i + 1) / len(flat))
    solved = [plan.budget for plan in plans[0]]
    watched = _watched(problem, knots, now, solved)
    knots = [_only(knot, watched) for knot in knots]
    ends = np.cumsum([0, *(len(family) for family in decided)])
    families = tuple(
        Family(name, tuple(knots[a:b]), solved[0])
        for name, (a, b) in zip(without, pairwise(ends.tolist()), strict=True)
    )
    return Surface(
        lines.names, top * open_, committed, families, tuple(_said(problem.rows[i], now) for i in watched),
        today + committed, counts_of(problem, now)[[ASSET, KEPT, *(RULES + i for i in watched)]], force,
    )  # fmt: skip


def _least(problem: AllocationProblem, without: str) -> Course:
    """Return the least that the rules ask, shares of a budget apart: the end of lines that give way."""
    asked = without_rule(problem, without)
    return least_spend(replace(asked, rows=tuple(row for row in asked.rows if row.per_budget == 0)))


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


def _watched(problem: AllocationProblem, knots: Sequence[Knot], now: Course, solved: Sequence[float]) -> list[int]:
    """Return the rules that are broken, or nearly so, in some table that was followed.

    The least that the rules ask is part of tables for any budget.
    """
    rows = problem.rows
    if not rows:
        return []
    per_budget, force = problem.per_budget, problem.budget
    seen = np.full(len(rows), -np.inf)
    size = np.array([max(abs(row.limit), row.weighed(now), 1e-300) for row in rows])
    of_budgets = [(knot, budget) for knot in knots for budget in ({knot.budget} & {*solved} or (solved[0], solved[-1]))]
    for knot, budget in of_budgets:
        limit = problem.limits + (per_budget * (budget - force) if np.isfinite(force) else 0.0)
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
