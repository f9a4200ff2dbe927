"""The sequential search against published optima, its own laws, and re-solved neighbours."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from markets import EXAMPLES, SHORT_STAGES

from experiments.validation.markets import CUSTOMER_EQUITY, equity_test
from optimizer.ask.cells import TARGETINGS, Cells
from optimizer.ask.problem import AllocationProblem, allocation_problem, reference_spend
from optimizer.ask.rows import BUDGET, as_today
from optimizer.optimize import optimize, solve
from optimizer.question import Question
from optimizer.search.sequential import Sequential
from sim.engine.sensitivity import follow
from sim.scenario.file import Scenario, load, parse
from sim.twin import build

Content = dict[str, Any]


def small(market: Callable[..., Content], **changes: Any) -> Scenario:
    return parse(market(plain=True, periods=5, stages=SHORT_STAGES, **changes))


# --- Published optima -------------------------------------------------------------------------------------------------


def unlimited(problem: AllocationProblem) -> AllocationProblem:
    return replace(problem, rows=tuple(row for row in problem.rows if row.kind != BUDGET))


@pytest.mark.parametrize("name", CUSTOMER_EQUITY)
def test_the_customer_equity_test_is_solved(name: str) -> None:
    """Best spends on winning and keeping and the value a prospect, as published, from a scenario that says the same."""
    case = CUSTOMER_EQUITY[name]
    best_winning, best_keeping, value = map(float, case[8:11])
    twin = build(parse(equity_test(case, best_keeping)))
    chain = twin.chain
    problem = unlimited(allocation_problem(twin))
    search = Sequential(problem)
    end = search.run(search.amount_of(as_today(chain)), lift=1e4, steps=300)
    stages, (winning, keeping) = list(chain.targets.stages), range(2)
    assert end.stationary
    assert end.course.intensity[0, 0, stages.index("prospect"), winning] == pytest.approx(best_winning, rel=2e-3)
    assert end.course.intensity[0, 0, stages.index("new"), keeping] == pytest.approx(best_keeping, rel=2e-3)
    old = follow(chain, np.where(chain.targets.stages.index("new") >= 0, as_today(chain), 0.0)).asset
    assert (end.course.asset - old) / 1000 == pytest.approx(value, rel=1e-4)  # without winning, prospects bring nothing


# --- Stationary points ------------------------------------------------------------------------------------------------


def test_every_start_ends_at_the_same_value(market: Callable[..., Content]) -> None:
    """Curves that bend down: from today, from nothing, and from anything the search reaches one value, rules met."""
    scenario = small(market, rules={"period_share": 0.4, "levers": {"acquisition": {"cap": 0.4}}})
    twin = build(scenario)
    chain = twin.chain
    problem = allocation_problem(twin, 0.7 * reference_spend(chain))
    search = Sequential(problem)
    today = search.amount_of(as_today(chain))
    rng = np.random.default_rng(3)
    starts = [today, np.zeros_like(today), today * rng.uniform(0, 4, today.shape)]
    ends = [search.run(start, lift=1e4) for start in starts]
    lift = ends[0].value - search.follow(np.zeros_like(today)).asset
    assert lift > 0
    for end in ends:
        assert end.stationary
        assert end.missed < 1e-6
        assert end.value == pytest.approx(ends[0].value, abs=2e-4 * lift)
        assert end.course.asset == pytest.approx(end.value, rel=1e-12)


def test_nothing_small_beats_the_end(market: Callable[..., Content]) -> None:
    """No random move of money between two cells that keeps to the budget brings more than a trifle."""
    scenario = small(market)
    twin = build(scenario)
    chain = twin.chain
    problem = allocation_problem(twin, 0.6 * reference_spend(chain))
    search = Sequential(problem)
    end = search.run(search.amount_of(as_today(chain)), lift=1e4)
    lift = end.value - search.follow(np.zeros_like(end.amount)).asset
    rng = np.random.default_rng(5)
    filled = np.argwhere(end.amount > 0)
    for _ in range(60):
        (give, take) = filled[rng.choice(len(filled), 2, replace=False)]
        moved = end.amount.copy()
        part = rng.uniform(0, 0.3) * moved[tuple(give)]
        moved[tuple(give)] -= part
        moved[tuple(take)] += part
        assert search.follow(moved).asset <= end.value + 2e-4 * lift


@pytest.mark.slow
def test_value_is_concave_in_the_budget_and_the_price_its_slope(market: Callable[..., Content]) -> None:
    """More money never hurts, the next unit brings less and less, and the price quoted is what it brings."""
    scenario = small(market)
    twin = build(scenario)
    chain = twin.chain
    usual = reference_spend(chain)
    budgets = usual * np.array([0.2, 0.5, 0.8, 1.1, 1.4, 2.5])
    plans = [optimize(twin, Question(budget=float(budget)), bound_steps=0) for budget in budgets]
    assets = np.array([plan.asset for plan in plans])
    prices = np.array([plan.shadow_price for plan in plans])
    slopes = np.diff(assets) / np.diff(budgets)
    assert (np.diff(assets) > -1e-9 * assets[0]).all()
    assert (np.diff(slopes) < 1e-3).all()
    assert (prices[:-1] >= slopes - 2e-3).all()
    assert (prices[1:] <= slopes + 2e-3).all()
    step = 0.01 * usual
    around = [optimize(twin, Question(budget=float(budgets[1] + d)), bound_steps=0).asset for d in (-step, step)]
    assert prices[1] == pytest.approx((around[1] - around[0]) / (2 * step), rel=0.02)


def test_the_price_of_every_rule_is_what_loosening_it_brings(market: Callable[..., Content]) -> None:
    """A floor, a cap and a slice: d(asset)/d(limit) against plans re-solved on both sides."""
    budget = 0.8 * reference_spend(build(small(market)).chain)
    free = solve(allocation_problem(build(small(market)), budget), bounded=False)
    regulars, retention, awareness = 0, 3, 0
    rules = {
        "levers": {"awareness": {"cap": float(0.6 * free.spend[..., awareness].sum() / budget)}},
        "slices": {
            "old friends": {
                "segments": ["regulars"],
                "levers": ["retention"],
                "floor": float(1.1 * free.spend[:, regulars, :, retention].sum()),
            }
        },
    }
    scenario = small(market, rules=rules)
    twin = build(scenario)
    chain = twin.chain
    problem = allocation_problem(twin, budget)
    search = Sequential(problem)

    def best(asked: AllocationProblem) -> tuple[float, np.ndarray[Any, Any]]:
        end = Sequential(asked).run(search.amount_of(as_today(chain)), lift=1e4, steps=200)
        assert end.missed < 1e-6
        return end.value, end.prices

    _, prices = best(problem)
    assert (np.abs(prices) > 1e-3).all()
    assert (prices * problem.signs >= 0).all()
    for r, row in enumerate(problem.rows):
        step = 0.02 * row.limit
        around = [
            best(replace(problem, rows=tuple(
                replace(each, limit=each.limit + d) if i == r else each for i, each in enumerate(problem.rows)
            )))[0]
            for d in (-step, step)
        ]  # fmt: skip
        assert prices[r] == pytest.approx((around[1] - around[0]) / (2 * step), rel=0.05), row.name


@pytest.mark.parametrize("reaction", [0.0, 0.5])
def test_slopes_of_rules_are_those_of_one_by_one(reaction: float, market: Callable[..., Content]) -> None:
    """Rules of two segments, at the end and halfway, followed together: the differences of what each counts."""
    people = {
        f"{count} of {segment} {at}": {"segments": [segment], "count": count, "at_least": 10.0, "at": at}
        for count in ("kept", "core") for segment in ("regulars", "fresh") for at in (3, 5)
    }  # fmt: skip
    rival = {"name": "rival", "start": 1, "route": "acquisition", "strength": 0.2, "reaction": reaction}
    scenario = small(market, rules={"people": people, "yearly_profit": 1.0}, competitors=[rival])
    twin = build(scenario)
    chain = twin.chain
    problem = allocation_problem(twin, 1.0)
    units = problem.usage(as_today(chain))  # every rule just met
    problem = replace(
        problem, rows=tuple(replace(row, limit=float(u)) for row, u in zip(problem.rows, units, strict=True))
    )
    search = Sequential(problem)
    amount = search.amount_of(as_today(chain))
    slopes = search.stated.slopes.jacobian(search.follow(amount)).toarray().reshape(len(problem.rows), *amount.shape)
    assert len(search.stated.slopes.bending) == len(people) + 1
    rng = np.random.default_rng(4)
    largest = np.abs(slopes).max(axis=(1, 2))
    for t, c in [(int(rng.integers(5)), c) for c in range(amount.shape[1])]:
        step = np.zeros_like(amount)
        step[t, c] = 1e-3 * max(amount[t, c], 1.0)
        around = [problem.counted(search.follow(amount + sign * step)) for sign in (1, -1)]
        np.testing.assert_allclose(
            slopes[:, t, c] / largest, (around[0] - around[1]) / (2 * step[t, c]) / largest, atol=1e-5
        )


# --- Targeting --------------------------------------------------------------------------------------------------------


def test_cells_get_the_same_money_per_head(market: Callable[..., Content]) -> None:
    """By segment every stage of a segment gets the same; finer targetings bring as much or more, below the bound."""
    scenario = small(market)
    twin = build(scenario)
    chain = twin.chain
    idle = follow(chain, 0 * as_today(chain)).asset
    before: np.ndarray[Any, Any] | None = None
    assets = []
    for targeting in TARGETINGS:
        problem = allocation_problem(twin, 0.7 * reference_spend(chain), targeting=targeting)
        plan = solve(problem, starts=[] if before is None else [before], bound_steps=0)
        cells = Cells.of(chain.targets, targeting)
        for cell in range(cells.lever.size):
            mine = plan.intensity[:, cells.cell == cell]
            np.testing.assert_allclose(mine, np.broadcast_to(mine[:, :1], mine.shape), rtol=1e-9)
        assert idle < plan.asset <= plan.bound
        assets.append(plan.asset)
        before = plan.intensity
    assert assets[0] < assets[1] <= assets[2] * (1 + 1e-9)
    assert [Cells.of(chain.targets, t).lever.size for t in TARGETINGS] == [10, 22, 22]


# --- What only the gradient sees --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_lever_that_works_through_the_crowd_gets_money() -> None:
    """Training employees pays by way of customers' satisfaction: the search finds it, within its budget."""
    scenario = load(EXAMPLES / "service-profit" / "scenario.yaml")
    twin = build(scenario)
    chain = twin.chain
    plan = optimize(twin)
    today, none = (follow(chain, each).asset for each in (as_today(chain), 0 * as_today(chain)))
    assert plan.spend.sum() == pytest.approx(plan.budget, rel=1e-6)
    assert plan.asset > max(today, none) + 0.5 * abs(today - none)
    assert np.isnan(plan.bound)
    assert plan.shadow_price > 0


@pytest.mark.parametrize(
    "corner", ["one period", pytest.param("one segment", marks=pytest.mark.slow), "nothing to spend", "all frozen"]
)
def test_corners(corner: str, market: Callable[..., Content]) -> None:
    """Degenerate questions have answers: below the bound, within the rules, and what is frozen stays."""
    content = market(plain=True, periods=1 if corner == "one period" else 3, stages=SHORT_STAGES)
    if corner == "one segment":
        content["segments"] = {"fresh": content["segments"]["fresh"]}
    scenario = parse(content)
    twin = build(scenario)
    chain = twin.chain
    problem = allocation_problem(twin, 0.0 if corner == "nothing to spend" else None)
    if corner == "all frozen":
        spent = follow(chain, as_today(chain)).spend
        problem = replace(problem, floor=spent, ceiling=spent)
    plan = solve(problem, bound_steps=5)
    assert plan.status == "feasible"
    assert plan.asset <= plan.bound * (1 + 1e-12)
    assert plan.spend.sum() <= plan.budget * (1 + 1e-6)
    if corner == "all frozen":
        np.testing.assert_allclose(plan.spend, spent, rtol=1e-6, atol=1e-9)
