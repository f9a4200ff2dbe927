"""The frontier, the value of telling customers apart, and plans under assumptions that are not known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.ask.problem import reference_spend
from optimizer.ask.rules import as_today
from optimizer.insight.frontier import frontier, value_of_targeting
from optimizer.insight.risk import drawn, risk, tail_weights, with_values
from optimizer.optimize import allocation_problem, optimise, solved
from optimizer.question import Question
from optimizer.search.sequential import Sequential
from sim.engine.sensitivity import follow, gradient
from sim.errors import InputError
from sim.scenario.file import Scenario, load, parse
from sim.twin import build

Content = dict[str, Any]
EXAMPLES = Path(__file__).parents[1] / "examples"
SHORT_STAGES = {"core": 2, "declining": 1, "lapsed": 2}


def small(market: Callable[..., Content], **changes: Any) -> Scenario:
    return parse(market(plain=True, periods=4, stages=SHORT_STAGES, **changes))


def test_the_frontier_bends_down_to_the_sweet_spot(market: Callable[..., Content]) -> None:
    """Assets rise, prices fall to nothing at the sweet spot; beyond it money stays unspent."""
    scenario = small(market)
    chain = build(scenario).chain
    spot = frontier(scenario, chain, [1.0], bounded=False).sweet_spot
    curve = frontier(scenario, chain, [1.3 * spot.spend, 0.3 * spot.spend, 0.8 * spot.spend], bounded=True)
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


def point_kept(chain: Any, intensity: Any) -> float:
    from sim.engine.chain import ALIVE
    from sim.engine.fluid import expected_history

    return float(expected_history(chain, intensity).people[-1, ..., ALIVE].sum())


def test_knowing_more_is_never_worth_less(market: Callable[..., Content]) -> None:
    """By segment, stage, state and with full information: each at least the one before, for the same money."""
    scenario = small(market)
    chain = build(scenario).chain
    ways = value_of_targeting(scenario, chain, 0.6 * reference_spend(chain))
    assert [way.name for way in ways] == ["segment", "stage", "state", "full information"]
    assets = [way.asset for way in ways]
    assert assets == sorted(assets)
    assert assets[0] < assets[1] < assets[3]
    assert ways[0].lift > 0
    assert ways[-1].plan is None
    for way in ways[:3]:
        assert way.plan is not None
        assert way.plan.spend.sum() <= 0.6 * reference_spend(chain) * (1 + 1e-6)


# --- Risk -------------------------------------------------------------------------------------------------------------

RANGES = [
    {"path": "levers.retention.moves.survival.brings", "low": 0.82, "high": 0.94},
    {"path": "segments.fresh.traits.spend", "low": 10.0, "high": 60.0},
]


def test_tail_weights_make_a_mean_of_the_worst() -> None:
    """The worst quarter of five: the worst whole, a quarter of the next."""
    assets = np.array([5.0, 1.0, 4.0, 2.0, 3.0])
    np.testing.assert_allclose(tail_weights(assets, 0.25), [0, 0.8, 0, 0.2, 0])
    np.testing.assert_allclose(tail_weights(assets, 1.0), 0.2)


def test_samples_fill_every_range_evenly(market: Callable[..., Content]) -> None:
    """A Latin hypercube: one sample in every tenth of each range; the same seed, the same samples."""
    scenario = small(market, uncertain=RANGES)
    samples = drawn(scenario, 10, 3)
    for each in RANGES:
        values = np.array([sample[each["path"]] for sample in samples])
        place = (values - each["low"]) / (each["high"] - each["low"])
        assert sorted((10 * place).astype(int)) == list(range(10))
    assert drawn(scenario, 10, 3) == samples
    assert drawn(scenario, 10, 4) != samples


def test_values_are_put_where_the_path_leads(market: Callable[..., Content]) -> None:
    """Numbers inside levers, segments and lists; what is no number, or not allowed there, is refused."""
    scenario = small(market)
    changed = with_values(scenario, {"levers.winback.reference": 0.7, "competitors.0.strength": 0.9})
    assert changed.levers["winback"].reference == 0.7
    assert changed.competitors[0].strength == 0.9
    assert scenario.competitors[0].strength == 0.3
    for path in ("levers.winbak.reference", "levers.winback", "name", "competitors.3.strength"):
        with pytest.raises(InputError, match="leads to no number"):
            with_values(scenario, {path: 0.5})
    with pytest.raises(InputError, match="narrow the range"):
        with_values(scenario, {"levers.retention.moves.survival.brings": 0.99})


def test_caution_helps_where_it_hurts_and_costs_elsewhere(market: Callable[..., Content]) -> None:
    """On its samples the cautious plan beats the other by its own measure; no plan exceeds the bound there.

    At the range's ends the best plan is no worse than the cautious one; a lever that may not work at all can turn the
    plan into a loss.
    """
    scenario = small(market, uncertain=RANGES)
    budget = 0.6 * reference_spend(build(scenario).chain)
    result = risk(scenario, lambda s: build(s).chain, budget, samples=6, tail=0.34, caution=1.0, bounded=True)
    problem = allocation_problem(scenario, build(scenario).chain, budget)
    search = Sequential(problem)
    chains = [build(with_values(scenario, values)).chain for values in drawn(scenario, 6, 0)]

    def measured(intensity: Any) -> float:
        money = search.cells.money(search.amount_of(intensity))
        assets = np.array([follow(chain, money).asset for chain in chains])
        return float(tail_weights(assets, 0.34) @ assets)

    assert result.value == pytest.approx(measured(result.cautious.intensity), rel=1e-6)
    assert measured(result.cautious.intensity) >= measured(result.expected.intensity)
    assert result.value <= result.bound
    assert result.price_of_robustness >= -1e-4 * abs(result.expected.asset - result.expected.no_spend)
    names = [score.name for score in result.scores]
    assert names == ["least spend", "as today", "expected", "cautious"]
    for score in result.scores:
        assert score.worst <= score.tail_mean <= score.mean
    assert [a.worth_knowing for a in result.assumptions] == sorted(
        (a.worth_knowing for a in result.assumptions), reverse=True
    )
    by_path = {a.path: a for a in result.assumptions}
    assert by_path[RANGES[1]["path"]].lift_low < by_path[RANGES[1]["path"]].lift_high
    again = risk(scenario, lambda s: build(s).chain, budget, samples=6, tail=0.34, caution=1.0, threads=1)
    assert again.cautious.intensity.tobytes() == result.cautious.intensity.tobytes()


def test_no_ranges_no_risk(market: Callable[..., Content]) -> None:
    """A scenario that is sure of everything is told how to say otherwise."""
    with pytest.raises(InputError, match="state the ranges"):
        risk(small(market), lambda s: build(s).chain)


def test_thresholds_are_climbed_from_wherever_a_question_starts() -> None:
    """A chain whose climb from one plan ends below the best: every question finds the plan that meets its bound."""
    scenario = load(EXAMPLES / "recency-chain" / "scenario.yaml")
    chain = build(scenario).chain
    best = optimise(scenario, chain, bound_steps=0)
    assert best.asset == pytest.approx(best.bound, rel=1e-6)
    spent = float(best.spend.sum())
    curve = frontier(scenario, chain, [0.5 * spent, 1.01 * spent, 3 * spent], bounded=False)
    assets = [point.plan.asset for point in curve.points]
    assert assets[0] < assets[1] == pytest.approx(best.asset, rel=1e-6)
    assert assets[2] == pytest.approx(best.asset, rel=1e-6)
    assert curve.sweet_spot.plan.asset >= max(assets) * (1 - 1e-9)
    ways = {way.name: way.asset for way in value_of_targeting(scenario, chain)}
    assert ways["state"] == pytest.approx(best.asset, rel=1e-6)
    assert ways["segment"] < ways["stage"]
    nearly = 0.99 * best.asset
    reached = solved(scenario, Question(reach=("asset", nearly)).problem(scenario, chain))
    assert reached.status == "feasible"
    assert reached.asset >= nearly * (1 - 1e-6)


@pytest.mark.parametrize("asked", [("asset", 2_300_000.0), ("asset", 2_500_000.0), ("return", 5.0)])
def test_what_is_asked_of_value_is_reached_where_contacts_are_limited(asked: tuple[str, float]) -> None:
    """Contacts scale the plan a little at the end; what was asked is met all the same, lift counted as it is shown."""
    scenario = load(EXAMPLES / "planning" / "scenario.yaml")
    chain = build(scenario).chain
    plan = solved(scenario, Question(reach=asked).problem(scenario, chain), bounded=False)
    assert plan.status == "feasible"
    if asked[0] == "asset":
        assert asked[1] * (1 - 1e-6) <= plan.asset <= asked[1] * (1 + 1e-3)
    else:
        assert (plan.asset - plan.no_spend) / plan.spend.sum() == pytest.approx(asked[1], rel=1e-3)


def test_prices_are_numbers_where_nobody_stays_without_money() -> None:
    """At no money everybody leaves: the slope there is none, not unknown."""
    scenario = load(EXAMPLES / "subscription" / "scenario.yaml")
    chain = build(scenario).chain
    assert np.isfinite(gradient(chain, 0 * as_today(chain))[1]).all()
    plan = solved(scenario, allocation_problem(scenario, chain, 22_335.0), bounded=False)
    assert plan.shadow_price > 0
