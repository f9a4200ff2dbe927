"""A plan on its market: what happens under it, its prices and slopes, from which every explanation starts."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from optimizer.ask.cells import TARGETINGS
from optimizer.ask.kinds.campaigns import SIZE
from optimizer.ask.problem import AllocationProblem, allocation_problem, budget_in_force
from optimizer.plan import Plan
from optimizer.search.campaign_sizes import as_run, fixed_costs_of
from optimizer.search.sequential import Sequential
from optimizer.stages.start import least_spend
from optimizer.tolerances import EMPTY, FULL, MISSED, NO_LIFT, SAME
from sim.arrays import Flags, Floats, Ints, Progress
from sim.contract import Targets
from sim.engine.chain import ControlledChain
from sim.engine.sensitivity import Course, follow
from sim.scenario.file import Scenario
from sim.twin import Twin

__all__ = ["Ground", "Moved", "grounds"]


@dataclass(frozen=True, eq=False)
class Moved:
    """What the plan is worth with one line moved, what each rule counts then, and the line's money."""

    asset: float
    counted: Floats
    spend: float


@dataclass(frozen=True, eq=False)
class Ground:
    """A plan on its market, with what every explanation starts from.

    Attributes
    ----------
    plan : Plan
    problem : AllocationProblem
        With the campaigns that the plan runs held to their sizes, and no other campaigns, where it keeps to that rule.
    free : AllocationProblem
        Without.
    search : Sequential
    intensity : (periods, groups, stages, levers)
        As it acts, commitments included.
    course : Course
        What happens under it.
    amount : (periods, cells)
        Its money.
    no_spend : float
        Asset of the least spend that the rules allow.
    prices : (rows,)
    prices_from : str
        ``plan``, or ``search``: of the stationary point that a search from the plan ends at.
    better : float
        What that point brings beyond the plan; 0 where prices are the plan's.
    moved : dict
        What was evaluated before, by line and factor.
    """

    plan: Plan
    problem: AllocationProblem
    free: AllocationProblem
    search: Sequential
    intensity: Floats
    course: Course
    amount: Floats
    no_spend: float
    prices: Floats
    prices_from: str
    better: float
    moved: dict[tuple[tuple[str, str], float], "Moved"] = field(default_factory=dict, repr=False)

    @property
    def scenario(self) -> Scenario:
        """Return what the plan is explained for."""
        return self.problem.twin.scenario

    @property
    def chain(self) -> ControlledChain:
        """Return the customers."""
        return self.problem.chain

    @property
    def targets(self) -> Targets:
        """Return whom the firm can tell apart."""
        return self.problem.targets

    @property
    def lift(self) -> float:
        """Return what the plan brings above the least spend; nan where that is nothing."""
        lift = self.course.asset - self.no_spend
        return lift if lift > NO_LIFT * max(1.0, abs(self.no_spend)) else float("nan")

    @cached_property
    def missed(self) -> dict[str, float]:
        """Return the rules that the plan misses, each with the share of its size; their prices are penalties."""
        share = self.search.missed(self.course) / self.problem.row_units
        return {row.name: float(x) for row, x in zip(self.problem.rows, share, strict=True) if x > MISSED}

    @cached_property
    def fixed_costs(self) -> float:
        """Return the fixed costs, discounted, of the campaigns that the plan runs; in no other figure."""
        return fixed_costs_of(self.problem, self.problem.campaigns, self.course.spend)

    @cached_property
    def places(self) -> dict[tuple[str, str], Flags]:
        """Return the targets of each line, (groups, stages, levers), in the plan table's order."""
        targets, out = self.targets, {}
        segment, lever = np.array(targets.segments)[:, None, None], np.array(targets.levers)
        for name in dict.fromkeys(targets.segments):
            for which in targets.levers:
                place = targets.allowed & (segment == name) & (lever == which)
                if place.any():
                    out[name, which] = place
        return out

    @cached_property
    def money_course(self) -> Course:
        """Return what happens under the plan stated in money."""
        return self.search.follow(self.amount)

    @cached_property
    def slope(self) -> Floats:
        """Return d(asset)/d(money), (periods, cells)."""
        return self.money_course.slope(self.problem.aim)

    @cached_property
    def counts(self) -> Floats:
        """Return what a unit of money counts in each rule, (rows, periods, cells)."""
        return self.search.counts(self.money_course).reshape(-1, *self.amount.shape)

    @cached_property
    def heads(self) -> Floats:
        """Return customers by (periods, cells)."""
        money = self.search.cells.money(self.amount)
        return np.stack([money.heads(now.observed) for now in self.money_course.past])

    @cached_property
    def dearest(self) -> Floats:
        """Return the largest intensity that may be played, (periods, groups, stages, levers), others as they are."""
        most = np.broadcast_to(self.chain.most, self.intensity.shape)
        load = self.chain.contact_load
        used = self.intensity * load
        others = used.sum(axis=3, keepdims=True) - used
        left = np.divide(
            1 - others, np.broadcast_to(load, others.shape), out=np.full(self.intensity.shape, np.inf), where=load > 0
        )
        return np.asarray(np.maximum(np.minimum(most, left), self.intensity))

    @cached_property
    def full(self) -> Flags:
        """Return where the largest intensity on offer is played, (periods, cells)."""
        return np.asarray(self.amount >= self.search.most * self.heads * FULL)

    @cached_property
    def room(self) -> Flags:
        """Return where there is room for another unit, (periods, cells)."""
        some = self.heads > max(EMPTY, 1e-9 * float(self.course.observed[0].sum()))
        return np.asarray(self.search.open & some & ~self.full & (self.search.high > 0))

    @property
    def campaigns_held(self) -> bool:
        """Return whether campaigns are held as the plan runs them."""
        return self.problem is not self.free

    def not_run(self, counted: Floats) -> Flags:
        """Return which rules are least sizes of campaigns that get nothing at all: these are not missed."""
        sizes = np.array([row.kind == SIZE for row in self.problem.rows], dtype=bool)
        return np.asarray(sizes & (counted <= 0))

    def cells_of(self, line: tuple[str, str]) -> Ints:
        """Return the cells whose money is a line's."""
        return np.unique(self.search.cells.cell[self.places[line]])

    def with_line(self, line: tuple[str, str], factor: float) -> "Moved":
        """Return what happens with a line's intensities times ``factor``, at most the largest; others as they are."""
        known = self.moved.get((line, factor))
        if known is None:
            place, lead = self.places[line], self.targets.lead[self.targets.levers.index(line[1])]
            scaled = np.where(place, np.minimum(factor * self.intensity, self.dearest), self.intensity)
            course = follow(self.chain, self.targets.with_committed(scaled))
            known = Moved(course.asset, self.problem.counted(course), float(course.moved[lead:, place].sum()))
            self.moved[line, factor] = known
        return known


def grounds(twin: Twin, plan: Plan, budget: float | None = None, progress: Progress | None = None) -> Ground:
    """Return what explanations of a plan start from.

    The budget is the one given, or else the plan's; where its file knows none, the scenario's, or what the plan spends
    if more.

    The prices are the plan's own if it was made for this version of the scenario and this budget, and nobody has
    changed it since; else those of the stationary point that a search from the plan ends at. A plan that its own
    targeting cannot hold is explained at the finest.
    """
    chain, scenario = twin.chain, twin.scenario
    intensity = chain.targets.with_committed(plan.intensity)
    course = follow(chain, intensity)
    own = plan.budget if np.isfinite(plan.budget) else max(budget_in_force(twin), float(course.spend.sum()))
    total = own if budget is None else budget_in_force(twin, budget)
    targeting = plan.targeting if plan.targeting in TARGETINGS else "state"
    free = allocation_problem(twin, total, targeting=targeting)
    problem = as_run(free, free.campaigns, course.moved) or free if free.campaigns else free
    search = Sequential(problem)
    amount = search.amount_of(intensity)
    near = SAME * max(abs(course.asset), 1e-9)
    if targeting != "state" and abs(search.follow(amount).asset - course.asset) > near:
        problem, free = replace(problem, targeting="state"), replace(free, targeting="state")
        search = Sequential(problem)
        amount = search.amount_of(intensity)
    intact = plan.scenario_hash == scenario.hash and abs(plan.asset - course.asset) <= near and total == own
    # Prices of another question (least money, many samples, distance to another plan) are not the scenario's.
    intact &= plan.goal == "asset" and set(plan.prices) <= {row.name for row in problem.rows}
    known = intact and np.isfinite(plan.no_spend)
    no_spend = plan.no_spend if known else least_spend(free).asset
    prices = np.array([plan.prices.get(row.name, 0.0) for row in problem.rows])
    better = 0.0
    if not intact:
        lift = max(abs(course.asset - no_spend), 1e-9 * abs(no_spend))
        end = search.run(amount, lift=lift, progress=progress)
        prices, better = end.prices, end.value - course.asset
    return Ground(
        plan, problem, free, search, intensity, course, amount, no_spend, prices,
        "plan" if intact else "search", better,
    )  # fmt: skip
