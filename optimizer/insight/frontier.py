"""The frontier: the most customer asset by budget, with prices; and what telling customers apart is worth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizer.ask.cells import TARGETINGS
from optimizer.ask.problem import AllocationProblem, allocation_problem, reference_spend
from optimizer.ask.rows import BUDGET
from optimizer.bound.decomposition import full_information
from optimizer.optimize import solve
from optimizer.plan import Plan
from optimizer.stages.start import least_spend
from sim.arrays import Floats, Progress
from sim.engine.chain import ALIVE, ControlledChain
from sim.engine.sensitivity import Course, follow
from sim.errors import InputError, RulesError
from sim.twin import Twin

__all__ = ["Frontier", "Point", "Targeting", "frontier", "kept_at_end", "value_of_targeting", "without_rule"]


WINNING = ("unaware", "prospect", "lapsed")
"""Stages on which money wins customers, or wins them back; on the others it keeps and develops them."""
POINTS = 25.0
Known = Callable[[AllocationProblem], Sequence[Floats]]


def nothing_known(_: AllocationProblem) -> Sequence[Floats]:
    """Return no plans."""
    return ()


@dataclass(frozen=True, eq=False)
class Point:
    """One budget's best plan.

    Attributes
    ----------
    plan : Plan
    satisfaction : float
        Mean points 0..100 of customers at the end; nan where not in the model.
    kept : float
        Customers at the end who truly still are.
    """

    plan: Plan
    satisfaction: float
    kept: float

    @property
    def spend(self) -> float:
        """Return the money expected to be spent."""
        return float(self.plan.spend.sum())

    @property
    def winning_share(self) -> float:
        """Return the share of the money that goes to winning customers and winning them back."""
        winning = np.array([stage in WINNING for stage in self.plan.targets.stages])
        return float(self.plan.spend[:, :, winning].sum() / self.spend) if self.spend > 0 else float("nan")


@dataclass(frozen=True, eq=False)
class Frontier:
    """Best plans by budget.

    Attributes
    ----------
    points : tuple of Point
        By rising budget.
    sweet_spot : Point
        Without a budget, nor rules that are shares of it: the money beyond which more does not pay, and the
        satisfaction it brings.
    baseline : float
        Customer asset of the least spend that rules allow, those that are shares of a budget apart: every lift of the
        frontier is above it.
    """

    points: tuple[Point, ...]
    sweet_spot: Point
    baseline: float


def frontier(
    twin: Twin,
    budgets: Sequence[float] | None = None,
    *,
    number: int = 8,
    targeting: str = "state",
    without: str = "",
    bounded: bool = True,
    known: Known = nothing_known,
    threads: int = 2,
    progress: Progress | None = None,
) -> Frontier:
    """Return the best plan for each budget, each search starting from the plan before.

    Parameters
    ----------
    budgets
        Money over the horizon; None: ``number`` budgets in even steps up to the sweet spot, or to twice today's spend
        if that is more.
    without
        A rule that need not hold: its key in the scenario, or its name; nothing: all hold.
    bounded
        Whether to prove a bound at each budget.
    known
        Other plans for a budget's problem, than which its point is worth no less where they keep the rules.

    Raises
    ------
    InputError
        If there is no such rule.
    RulesError
        If at some budget no plan meets the rules.
    """
    chain, problem = twin.chain, without_rule(allocation_problem(twin, targeting=targeting), without)
    free = replace(problem, rows=tuple(row for row in problem.rows if row.per_budget == 0))
    best = _point(solve(free, bounded=False, threads=threads), chain)
    if budgets is None:
        top = max(best.spend, 2 * reference_spend(chain))
        budgets = [top * (k + 1) / number for k in range(number)]
    points = best_plans(
        twin, budgets, targeting=targeting, without=without, bounded=bounded, known=known, threads=threads,
        progress=progress,
    )  # fmt: skip
    most = max(points, key=lambda point: point.plan.asset)
    onward = _point(solve(free, starts=[most.plan.intensity], bounded=False, threads=threads), chain)
    sweet_spot = max(best, onward, key=lambda point: point.plan.asset)
    return Frontier(points, sweet_spot, sweet_spot.plan.no_spend)


def best_plans(
    twin: Twin,
    budgets: Sequence[float],
    *,
    targeting: str = "state",
    without: str = "",
    bounded: bool = True,
    known: Known = nothing_known,
    threads: int = 2,
    progress: Progress | None = None,
) -> tuple[Point, ...]:
    """Return the frontier's points at these budgets alone, by rising budget; see :func:`frontier`."""
    tell = progress or (lambda _: None)
    points: list[Point] = []
    for i, budget in enumerate(sorted(budgets)):
        tell(i / len(budgets))
        asked = without_rule(allocation_problem(twin, float(budget), targeting=targeting), without)
        before = [points[-1].plan.intensity] if points else []  # a dearer budget can do what a smaller one does
        grown = [plan * _growth(points[-1], budget) for plan in before]
        others = (*before, *known(asked))
        plan = solve(asked, starts=grown, known=others, bounded=bounded, bound_steps=0, threads=threads)
        if plan.status != "feasible":
            raise RulesError(f"budget {budget:,.0f}: no plan was found that meets every rule, it {plan.status}")
        points.append(_point(plan, twin.chain))
    return tuple(points)


def without_rule(problem: AllocationProblem, rule: str) -> AllocationProblem:
    """Return a problem less a rule, by its key or its name."""
    if not rule:
        return problem
    kept = tuple(row for row in problem.rows if row.kind is BUDGET or rule not in (row.kind.name, row.rule))
    if len(kept) == len(problem.rows):
        known = dict.fromkeys(
            name for row in problem.rows if row.kind is not BUDGET for name in (row.kind.name, row.rule)
        )
        raise InputError(
            f"`without={rule}`: no such rule; expected one of {', '.join(known) or 'none: there are none'}"
        )
    return replace(problem, rows=kept)


def _growth(before: Point, budget: float) -> float:
    return min(2.0, float(budget / before.spend)) if before.spend > 0 else 1.0


def _point(plan: Plan, chain: ControlledChain) -> Point:
    course = follow(chain, plan.intensity)
    return Point(plan, _satisfaction_at_end(course), float(kept_at_end(course)))


def kept_at_end(course: Course) -> float:
    """Return how many truly are customers after the last period."""
    return float(course.people[-1][:, course.chain.space.law_kind == ALIVE].sum())


def _satisfaction_at_end(course: Course) -> float:
    """Return mean points of satisfaction after the last period; nan where not in the model."""
    space = course.chain.space
    felt = (space.law_kind == ALIVE) & (space.law_level > 0)
    number = course.people[-1][:, felt].sum(axis=0)
    if not number.sum() > 0:
        return float("nan")
    return float(number @ (POINTS * (space.law_level[felt] - 1.0)) / number.sum())


@dataclass(frozen=True, eq=False)
class Targeting:
    """What one way of telling customers apart brings for the same money.

    Attributes
    ----------
    name : str
        ``segment``, ``stage``, ``state``, or ``full information``: hidden traits, and who has silently left.
    asset, lift : float
        Customer asset, and how much of it is above the least spend.
    plan : Plan, optional
        None with full information, which no firm has.
    """

    name: str
    asset: float
    lift: float
    plan: Plan | None


def value_of_targeting(
    twin: Twin,
    budget: float | None = None,
    *,
    threads: int = 2,
    progress: Progress | None = None,
) -> list[Targeting]:
    """Return the best plan found for the same money at every targeting, and the best with full information.

    A coarser plan starts the search of the finer one, so that the finer is never worse. Full information is the value
    of the occupancy LP's optimum; with crowd effects it holds the crowd as in the data, and is left out.
    """
    tell = progress or (lambda _: None)
    out: list[Targeting] = []
    before: Plan | None = None
    problem: AllocationProblem = allocation_problem(twin, budget)
    idle = least_spend(problem).asset
    for i, name in enumerate(TARGETINGS):
        asked = replace(problem, targeting=name)
        starts = [] if before is None else [before.intensity]
        plan = solve(asked, starts=starts, bounded=False, threads=threads)
        tell((i + 1) / 4)
        if before is not None and plan.asset < before.asset:
            plan = replace(before, targeting=name)
        out.append(Targeting(name, plan.asset, plan.asset - idle, plan))
        before = plan
    if twin.chain.bounded:
        value = full_information(problem, threads=threads).value
        out.append(Targeting("full information", value, value - idle, None))
    return out
