"""The frontier, and the value of telling customers apart."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from markets import EXAMPLES, Content
from problems import small

from optimizer.ask.problem import allocation_problem, reference_spend
from optimizer.ask.rows import as_today
from optimizer.insight.frontier import best_plans, frontier, value_of_targeting
from optimizer.optimize import optimize, solve
from optimizer.question import Question
from sim.engine.sensitivity import gradient
from sim.scenario.file import load
from sim.twin import build


def test_the_frontier_bends_down_to_the_sweet_spot(market: Callable[..., Content]) -> None:
    """Assets rise, prices fall to nothing at the sweet spot; beyond it money stays unspent."""
    scenario = small(market)
    twin = build(scenario)
    chain = twin.chain
    spot = frontier(twin, [1.0], bounded=False).sweet_spot
    curve = frontier(twin, [1.3 * spot.spend, 0.3 * spot.spend, 0.8 * spot.spend], bounded=True)
    budgets = [point.plan.budget for point in curve.points]
    assets = [point.plan.asset for point in curve.points]
    prices = [point.plan.shadow_price for point in curve.points]
    assert budgets == sorted(budgets)
    assert assets == sorted(assets)
    assert prices == sorted(prices, reverse=True)
    assert prices[0] > 0.1
    assert prices[-1] == pytest.approx(0, abs=1e-3)
    lift = assets[-1] - curve.points[-1].plan.no_spend
    assert assets[-1] == pytest.approx(curve.sweet_spot.plan.asset, abs=1e-3 * lift)
    assert curve.points[-1].spend < 0.95 * budgets[-1]
    for point in curve.points:
        assert point.plan.asset <= point.plan.bound
        assert point.kept == pytest.approx(point_kept(chain, point.plan.intensity))
        assert 0 <= point.winning_share <= 1


def test_plans_at_budgets_alone_are_the_frontiers_and_nothing_else_is_solved(
    market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a page to play with wants them: without the sweet spot's two plans."""
    twin = build(small(market))
    spent = reference_spend(twin.chain)
    solved: list[Any] = []
    monkeypatch.setattr("optimizer.insight.frontier.solve", lambda *a, **k: solved.append(a) or solve(*a, **k))
    points = best_plans(twin, [0.5 * spent, spent], targeting="segment", bounded=False)
    assert len(solved) == 2
    curve = frontier(twin, [0.5 * spent, spent], targeting="segment", bounded=False)
    assert [point.plan.asset for point in points] == [point.plan.asset for point in curve.points]


def point_kept(chain: Any, intensity: Any) -> float:
    from sim.engine.chain import ALIVE
    from sim.engine.fluid import expected_history

    return float(expected_history(chain, intensity).people[-1, ..., ALIVE].sum())


def test_knowing_more_is_never_worth_less(market: Callable[..., Content]) -> None:
    """By segment, stage, state and with full information: each at least the one before, for the same money."""
    scenario = small(market)
    twin = build(scenario)
    chain = twin.chain
    ways = value_of_targeting(twin, 0.6 * reference_spend(chain))
    assert [way.name for way in ways] == ["segment", "stage", "state", "full information"]
    assets = [way.asset for way in ways]
    assert assets == sorted(assets)
    assert assets[0] < assets[1] < assets[3]
    assert ways[0].lift > 0
    assert ways[-1].plan is None
    for way in ways[:3]:
        assert way.plan is not None
        assert way.plan.spend.sum() <= 0.6 * reference_spend(chain) * (1 + 1e-6)


@pytest.mark.slow
def test_thresholds_are_climbed_from_wherever_a_question_starts() -> None:
    """A chain whose climb from one plan ends below the best: every question finds the plan that meets its bound."""
    scenario = load(EXAMPLES / "recency-chain" / "scenario.yaml")
    twin = build(scenario)
    best = optimize(twin, bound_steps=0)
    assert best.asset == pytest.approx(best.bound, rel=1e-6)
    spent = float(best.spend.sum())
    curve = frontier(twin, [0.5 * spent, 1.01 * spent, 3 * spent], bounded=False)
    assets = [point.plan.asset for point in curve.points]
    assert assets[0] < assets[1] == pytest.approx(best.asset, rel=1e-6)
    assert assets[2] == pytest.approx(best.asset, rel=1e-6)
    assert curve.sweet_spot.plan.asset >= max(assets) * (1 - 1e-9)
    ways = {way.name: way.asset for way in value_of_targeting(twin)}
    assert ways["state"] == pytest.approx(best.asset, rel=1e-6)
    assert ways["segment"] < ways["stage"]
    nearly = 0.99 * best.asset
    reached = solve(Question(reach=("asset", nearly)).problem(twin))
    assert reached.status == "feasible"
    assert reached.asset >= nearly * (1 - 1e-6)


@pytest.mark.parametrize(
    "asked",
    [*(pytest.param(("asset", much), marks=pytest.mark.slow) for much in (2_080_000.0, 2_240_000.0)), ("return", 3.5)],
)
def test_what_is_asked_of_value_is_reached_where_contacts_are_limited(asked: tuple[str, float]) -> None:
    """Contacts scale the plan a little at the end; what was asked is met all the same, lift counted as it is shown."""
    scenario = load(EXAMPLES / "planning" / "scenario.yaml")
    twin = build(scenario)
    plan = solve(Question(reach=asked).problem(twin), bounded=False)
    assert plan.status == "feasible"
    if asked[0] == "asset":
        assert asked[1] * (1 - 1e-6) <= plan.asset <= asked[1] * (1 + 1e-3)
    else:
        assert (plan.asset - plan.no_spend) / plan.spend.sum() == pytest.approx(asked[1], rel=1e-3)


def test_prices_are_numbers_where_nobody_stays_without_money() -> None:
    """At no money everybody leaves: the slope there is none, not unknown."""
    scenario = load(EXAMPLES / "subscription" / "scenario.yaml")
    twin = build(scenario)
    chain = twin.chain
    assert np.isfinite(gradient(chain, 0 * as_today(chain))[1]).all()
    plan = solve(allocation_problem(twin, 22_335.0), bounded=False)
    assert plan.shadow_price > 0
