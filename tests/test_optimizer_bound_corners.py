"""Rules that cannot be met, small corners, and what must not matter."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from markets import SHORT_STAGES, Content, Floats
from problems import problem_of

from optimizer.ask.problem import allocation_problem, reference_spend
from optimizer.bound.decomposition import full_information
from optimizer.bound.occupancy import whole_programme
from optimizer.optimize import optimize, solve
from optimizer.plan import Plan
from optimizer.question import Question
from sim.errors import InputError, RulesError
from sim.scenario.file import parse
from sim.twin import build


def test_rules_that_cannot_be_met_are_named(market: Callable[..., Content]) -> None:
    """A floor beyond what its targets can take is named, with what it asks for and by how much it misses."""
    content = market(plain=True, periods=3, stages=SHORT_STAGES)
    content["rules"] = {"levers": {"winback": {"floor": 0.9}, "acquisition": {"cap": 0.5}}}
    content["levers"]["winback"]["most"] = 2.0
    scenario = parse(content)
    twin = build(scenario)
    for answer, words in (
        (lambda p: full_information(p), r"'floor of winback' asks for >= 900,000,000\.00 and misses it by"),
        (lambda p: optimize(twin, Question(budget=p.limits[0])), r"'floor of winback' cannot be met at all.* by 899,9"),
    ):
        with pytest.raises(RulesError, match=words) as caught:
            answer(allocation_problem(twin, 1e9))
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 2


def test_more_committed_than_there_is_money_for_is_named(market: Callable[..., Content]) -> None:
    """What was decided before the start and is dearer than the whole budget: the budget is the rule that is missed."""
    content = market(plain=True, periods=3, stages=SHORT_STAGES)
    content["levers"]["acquisition"].update(lead_time=2, committed=50.0)
    scenario = parse(content)
    with pytest.raises(RulesError, match=r"'budget' cannot be met at all; all can be met once 'budget' is loosened by"):
        optimize(build(scenario), Question(budget=1000.0))


@pytest.mark.parametrize("budget", [-1.0, float("nan"), float("inf")])
def test_a_budget_that_is_no_money_is_refused(budget: float, market: Callable[..., Content]) -> None:
    """Negative, infinite or not a number: one line, exit code 2."""
    scenario = parse(market(plain=True))
    with pytest.raises(InputError, match="budget: expected money of at least 0"):
        allocation_problem(build(scenario), budget)


def test_no_budget_is_no_spend(market: Callable[..., Content]) -> None:
    """With nothing to spend the plan is nothing, its value and the bound are those of no spend, the share no number."""
    scenario = parse(market(plain=True, periods=3, stages=SHORT_STAGES, rules={"period_share": 0.5}))
    plan = optimize(build(scenario), Question(budget=0.0))
    assert plan.spend.sum() == 0
    assert plan.asset == pytest.approx(plan.no_spend, rel=1e-12)
    assert plan.bound == pytest.approx(plan.no_spend, rel=1e-9)
    assert math.isnan(plan.lift_share)
    assert plan.shadow_price > 0


@pytest.mark.parametrize("change", ["one period", pytest.param("one segment", marks=pytest.mark.slow), "both"])
def test_small_corners_equal_the_whole_programme(change: str, market: Callable[..., Content]) -> None:
    """One period, one segment: the LP stated whole is met, and the certified bound is above it and the plan."""
    content = market(plain=True, periods=1 if change != "one segment" else 3, stages=SHORT_STAGES)
    if change != "one period":
        content["segments"] = {"fresh": content["segments"]["fresh"]}
    scenario = parse(content)
    twin = build(scenario)
    chain = twin.chain
    budget = 0.7 * reference_spend(chain)
    plan = optimize(twin, Question(budget=budget), tolerance=1e-7)
    problem = allocation_problem(twin, budget)
    whole = whole_programme(problem)[0].objective
    assert full_information(problem, 1e-9).bound == pytest.approx(whole, rel=1e-6)
    assert plan.bound >= whole * (1 - 1e-9)
    assert plan.asset <= plan.bound * (1 + 1e-9)
    assert plan.asset > plan.no_spend
    assert plan.spend.sum() <= budget * (1 + 1e-6)


def scaled(content: Content, factor: float) -> Content:
    """Return the same market in another currency unit."""
    for segment in content["segments"].values():
        spend = segment["traits"]["spend"]
        segment["traits"]["spend"] = (
            {**spend, "gamma": factor * spend["gamma"]} if isinstance(spend, dict) else factor * spend
        )
    for lever in content["levers"].values():
        lever["reference"] *= factor
        for curve in lever["moves"].values():
            curve["spend"] *= factor
    return content


RULES = {"period_share": 0.4, "levers": {"acquisition": {"cap": 0.4}, "winback": {"floor": 0.02}}}


def in_unit(market: Callable[..., Content], unit: float) -> tuple[float, Plan, Floats]:
    """Return the whole programme's optimum, the plan and the prices of a market in a currency unit."""
    scenario = parse(scaled(market(plain=True, periods=4, stages=SHORT_STAGES, rules=RULES), unit))
    twin = build(scenario)
    budget = 0.6 * reference_spend(twin.chain)
    whole, prices = whole_programme(allocation_problem(twin, budget))
    plan = optimize(twin, Question(budget=budget), tolerance=1e-7, bound_steps=100)
    return whole.objective / unit, plan, prices


@pytest.fixture(scope="module")
def as_stated(market: Callable[..., Content]) -> tuple[float, Plan, Floats]:
    return in_unit(market, 1.0)


@pytest.mark.parametrize("unit", [1e6, *(pytest.param(unit, marks=pytest.mark.slow) for unit in (100.0, 1e-4, 1e5))])
def test_the_currency_unit_does_not_matter(
    unit: float, as_stated: tuple[float, Plan, Floats], market: Callable[..., Content]
) -> None:
    """In cents or millions: optimum, full information, plan and no-spend scale to 1e-9; prices and shares stay."""
    (whole, plan, prices), (other_whole, other, other_prices) = as_stated, in_unit(market, unit)
    assert other_whole == pytest.approx(whole, rel=1e-9)
    assert other.budget == pytest.approx(unit * plan.budget, rel=1e-9)
    assert other.no_spend == pytest.approx(unit * plan.no_spend, rel=1e-9)
    assert other.reference == pytest.approx(unit * plan.reference, rel=1e-9)
    assert other.bound == pytest.approx(unit * plan.bound, rel=1e-7)  # twice as many steps amplify last digits
    assert other.asset == pytest.approx(unit * plan.asset, rel=1e-9)
    assert other.lift_share == pytest.approx(plan.lift_share, rel=1e-6)
    np.testing.assert_allclose(other_prices, prices, rtol=1e-6, atol=1e-8)
    assert other.shadow_price == pytest.approx(plan.shadow_price, rel=1e-6)


def test_order_and_names_of_segments_and_levers_do_not_matter(market: Callable[..., Content]) -> None:
    """Reordered and renamed segments, reordered levers: the same optimum and bound to 1e-9."""
    content = market(plain=True, periods=4, stages=SHORT_STAGES, rules=RULES)
    turned = market(plain=True, periods=4, stages=SHORT_STAGES, rules=RULES)
    turned["segments"] = {f"the {name}": part for name, part in reversed(turned["segments"].items())}
    turned["levers"] = dict(reversed(turned["levers"].items()))
    optima, bounds = [], []
    for this in (content, turned):
        problem = problem_of(this, 0.6)
        optima.append(whole_programme(problem)[0].objective)
        bounds.append(full_information(problem, 1e-9).bound)
    assert optima[1] == pytest.approx(optima[0], rel=1e-9)
    assert bounds[1] == pytest.approx(bounds[0], rel=1e-9)
    assert bounds[0] == pytest.approx(optima[0], rel=1e-8)


@pytest.mark.parametrize("threads", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_threads_do_not_change_a_bit(threads: int, market: Callable[..., Content]) -> None:
    """One thread or two: the same bound, prices and plan."""
    scenario = parse(market(plain=True, periods=4, stages=SHORT_STAGES, rules=RULES))
    twin = build(scenario)
    plan, other = (optimize(twin, threads=number) for number in (threads, 3))
    assert plan.bound == other.bound
    assert plan.prices == other.prices
    assert plan.intensity.tobytes() == other.intensity.tobytes()


def test_no_money_has_the_price_of_a_little(market: Callable[..., Content]) -> None:
    """The shadow price at no budget is that of a small one, not a penalty."""
    scenario = parse(market(plain=True, periods=4, stages=SHORT_STAGES, rules=RULES))
    twin = build(scenario)
    chain = twin.chain
    none, little = (
        solve(allocation_problem(twin, budget), bounded=False) for budget in (0.0, 1e-3 * reference_spend(chain))
    )
    assert none.spend.sum() == 0
    assert none.shadow_price == pytest.approx(little.shadow_price, rel=0.3)
