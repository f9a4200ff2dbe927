"""Plans under assumptions that are not known."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from markets import Content
from problems import small

from optimizer.ask.problem import allocation_problem, reference_spend
from optimizer.insight.risk import (
    plan_for,
    quantile_weights,
    risk,
    tail_weights,
    unknown,
    weighing,
    with_values,
)
from optimizer.optimize import solve
from optimizer.search.sequential import Sequential
from sim.engine.sensitivity import follow
from sim.errors import InputError
from sim.twin import build

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
    samples = unknown(scenario).worlds(10, 3)
    for each in RANGES:
        values = np.array([sample[each["path"]] for sample in samples])
        place = (values - each["low"]) / (each["high"] - each["low"])
        assert sorted((10 * place).astype(int)) == list(range(10))
    assert unknown(scenario).worlds(10, 3) == samples
    assert unknown(scenario).worlds(10, 4) != samples


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
    result = risk(build(scenario), build, budget, samples=6, tail=0.34, caution=1.0, bounded=True)
    problem = allocation_problem(build(scenario), budget)
    search = Sequential(problem)
    chains = [build(with_values(scenario, values)).chain for values in unknown(scenario).worlds(6, 0)]

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
    assert [a.at_stake for a in result.assumptions] == sorted((a.at_stake for a in result.assumptions), reverse=True)
    by_path = {a.path: a for a in result.assumptions}
    assert by_path[RANGES[1]["path"]].lift_low < by_path[RANGES[1]["path"]].lift_high
    again = risk(build(scenario), build, budget, samples=6, tail=0.34, caution=1.0, threads=1)
    assert again.cautious.intensity.tobytes() == result.cautious.intensity.tobytes()


def test_no_ranges_no_risk(market: Callable[..., Content]) -> None:
    """A scenario that is sure of everything is told how to say otherwise."""
    with pytest.raises(InputError, match="state the ranges"):
        risk(build(small(market)), build)


def test_quantile_weights_are_those_of_numpy() -> None:
    """The weighted mean is the quantile, whatever the share."""
    assets = np.random.default_rng(2).normal(size=9)
    for share in (0.0, 0.13, 0.5, 0.77, 1.0):
        assert quantile_weights(assets, share) @ assets == pytest.approx(np.quantile(assets, share))


@pytest.mark.parametrize(
    "aim", ["quantile", *(pytest.param(aim, marks=pytest.mark.slow) for aim in ("mean", "cautious"))]
)
def test_a_plan_for_all_samples_is_the_best_known_by_its_own_measure(aim: str, market: Callable[..., Content]) -> None:
    """On its samples no worse than the plan for the scenario as it stands; made by the stages of risk."""
    scenario = small(market, uncertain=RANGES)
    twin = build(scenario)
    problem = allocation_problem(twin, 0.6 * reference_spend(twin.chain))
    chains = [build(with_values(scenario, values)).chain for values in unknown(scenario).worlds(4, 0)]
    weigh = weighing(aim, 0.3)

    def measured(intensity: Any) -> float:
        assets = np.array([follow(chain, intensity).asset for chain in chains])
        return float(weigh(assets) @ assets)

    plain = solve(problem, bounded=False)
    plan = plan_for(twin, problem, weigh, samples=4)
    assert plan.goal == "robust"
    assert measured(plan.intensity) >= measured(plain.intensity) - 1e-9 * abs(measured(plain.intensity))
    if aim == "cautious":
        other = risk(twin, build, problem.budget, samples=4, tail=0.3)
        np.testing.assert_array_equal(plan.intensity, other.cautious.intensity)
