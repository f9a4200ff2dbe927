"""Monitoring: the tests' sums by hand, their false alarms as stated, what happened found again."""

import copy
from typing import Any

import numpy as np
import pytest
import yaml
from markets import SMALL

from policies.planned import Planned
from policies.watched import WatchedPlan, planned_again
from sim.engine.fluid import expected_history
from sim.errors import InputError
from sim.market.clock import Market
from sim.market.purse import Budget
from sim.monitoring.change import what_changed
from sim.monitoring.following import expected_of
from sim.monitoring.parallel import Worth, limits_of, parallel_markets
from sim.monitoring.seen import Seen
from sim.monitoring.signals import EVERYBODY, Limits, Signal, cusum, deviations
from sim.scenario.file import parse
from sim.twin import Twin, build

BROKEN = {
    "shocks": [{"name": "service breaks", "start": 4, "route": "defection", "size": 1.5, "segments": ["regulars"]}]
}


def market(**changes: Any) -> Twin:
    content = copy.deepcopy(yaml.safe_load(SMALL.read_text(encoding="utf-8")))
    content["periods"], content["rules"] = 12, {}
    content["segments"]["regulars"]["start"] = {"new": 4_000}
    return build(parse({**content, **changes}))


def plan_of(twin: Twin) -> tuple[Planned, Budget]:
    plan = np.broadcast_to(twin.targets.reference, (twin.scenario.periods, *twin.targets.shape))
    return Planned(plan, "plan"), Budget.unlimited(len(twin.targets.levers))


@pytest.fixture(scope="module")
def watched() -> tuple[Twin, Limits]:
    twin = market()
    return twin, limits_of(twin, list(parallel_markets(twin, *plan_of(twin), seed=5, replications=30)), 0.1)


def test_pages_sum_by_hand() -> None:
    """Steps of z - .5, never below 0; it begins anew after each 0."""
    total, began = cusum(np.array([1.0, -2.0, 1.5, 0.5, 2.0])[:, None])
    assert total[:, 0, 0].tolist() == [0.5, 0.0, 1.0, 1.0, 2.5]
    assert total[:, 1, 0].tolist() == [0.0, 1.5, 0.0, 0.0, 0.0]
    assert began[:, 0, 0].tolist() == [0, 0, 2, 2, 2]


def test_false_alarms_are_as_stated_on_noise() -> None:
    """Independent normal deviations: of 400 fresh series as many have an alarm as the limits were made for."""
    draws = np.random.default_rng(1).normal(size=(800, 24, 2, 3))
    limits = Limits(draws[:400], ("a", "b"), rate=0.25, years=2)
    alarms = np.mean([bool(limits.signals(each, 0 * each)) for each in draws[400:]])
    assert limits.share == pytest.approx(1 - np.exp(-0.5))
    assert abs(alarms - limits.share) < 4 * np.sqrt(2 * limits.share * (1 - limits.share) / 400)


def test_a_change_is_noticed_where_it_is_and_dated() -> None:
    draws = np.random.default_rng(2).normal(size=(201, 24, 2, 3))
    limits, fresh = Limits(draws[:200], ("a", "b"), rate=0.1, years=2), draws[200]
    fresh[10:, 1, 2] -= 3
    first = limits.signals(fresh, 0 * fresh)[0]
    assert (first.segment, first.quantity, first.up) == ("b", "rate", False)
    assert abs(first.since - 10) <= 1
    assert 10 <= first.noticed < 16


def test_too_few_markets_are_refused() -> None:
    with pytest.raises(InputError, match="at least 20"):
        Limits(np.zeros((5, 3, 1, 5)), ("a",), 0.1, 1.0)


def test_what_was_expected_is_what_happens_in_expectation(watched: tuple[Twin, Limits]) -> None:
    """Led along by the fluid twin's own heads nothing deviates, and the asset stays what it is at every period."""
    twin, _ = watched
    plan = plan_of(twin)[0].intensity
    seen = Seen.of_history(expected_history(twin.chain, plan))
    expected = expected_of(twin.chain, plan, seen)
    for name in ("moves", "purchases", "revenue"):
        np.testing.assert_allclose(getattr(expected, name), getattr(seen, name), rtol=1e-6, atol=1e-4)
    worth = Worth(twin, plan)
    np.testing.assert_allclose(worth.asset(seen, expected.occupancy), worth.course.asset, rtol=1e-6)


def test_seasons_that_shift_are_told_from_a_change_that_lasts(watched: tuple[Twin, Limits]) -> None:
    """The phase is found though a test's sum began four periods before the seasons turned."""
    months = [0.6, 0.6, 0.8, 1.0, 1.2, 1.4, 1.4, 1.2, 1.0, 0.8, 0.6, 1.4]
    turned = [months[(t + 6 * (t >= 4)) % 12] for t in range(12)]
    turned += [2 * float(np.mean(months)) - float(np.mean(turned))] * 12  # never reached: seasons are divided by a mean
    twin, other = market(seasons=months), market(seasons=turned)
    plan = plan_of(twin)[0].intensity
    seen = Seen.of_history(expected_history(other.chain, plan))
    early = [Signal("regulars", "rate", False, 0, 6, 0.0, 0.0, 2.0)]
    change = what_changed(twin, seen, plan, watched[1], early)
    assert (change.shocks, change.phase) == ((), 6)


def test_more_leaving_is_noticed_estimated_and_planned_for(watched: tuple[Twin, Limits]) -> None:
    twin, limits = watched
    policy, purse = plan_of(twin)
    other = market(**BROKEN)
    history = Market(other, policy, other.population(3, 0), purse, seed=3, threads=1).run(until=10)
    seen = Seen.of_history(history)
    signals = limits.signals(*deviations(seen, expected_of(twin.chain, seen.intensity, seen)))
    assert signals[0].segment in ("regulars", EVERYBODY)
    change = what_changed(twin, seen, seen.intensity, limits, signals)
    by_route = {shock.route: shock.size for shock in change.shocks}
    assert 0.5 < by_route["defection"] < 3
    assert abs(by_route["acquisition"]) < 0.4
    assert {shock.segments for shock in change.shocks} == {("regulars",)}  # the sum of all moved with them
    assert twin.scenario.shocks == ()
    budget = float(Worth(twin, policy.intensity).course.spend.sum())
    kept, again = (planned_again(twin, change, budget, policy.intensity, seen, steps) for steps in (0, 10))
    assert again.value_of(again.plan) > kept.value_of(kept.plan)
    np.testing.assert_allclose(again.plan[:10], kept.plan[:10])


def test_levers_that_remember_keep_what_was_meant_for_those_who_were_not_there() -> None:
    """Nobody is core in the first months: today's money goes on, so that nothing is remembered but today's."""
    levers = yaml.safe_load(SMALL.read_text(encoding="utf-8"))["levers"]
    levers["retention"]["of_late"] = {"keep": 0.9, "drives_away": 1.0}
    twin = market(levers=levers)
    plan, _ = plan_of(twin)
    [(_, expected)] = parallel_markets(twin, *plan_of(twin), seed=5, replications=1)
    [(seen, plain)] = parallel_markets(market(), *plan_of(market()), seed=5, replications=1)
    assert (seen.customers[0] == 0).any()
    np.testing.assert_allclose(expected.moves, plain.moves, rtol=1e-9, atol=1e-9)
    again = planned_again(twin, None, float(seen.spend.sum()), plan.intensity, seen, 0)
    assert again.late is not None
    np.testing.assert_allclose(again.late[1], twin.targets.reference[:, :, [3]], rtol=1e-9)


def test_a_watched_plan_is_played_until_something_moves(watched: tuple[Twin, Limits]) -> None:
    """As planned: the plan, period by period. Where many leave: the same until it is noticed, and a new plan then."""
    twin, limits = watched
    plan, purse = plan_of(twin)
    budget = float(Worth(twin, plan.intensity).course.spend.sum())
    for true, seed in ((twin, 5), (market(**BROKEN), 3)):
        own = WatchedPlan(twin, budget, Planned(plan.intensity, "plan"), plan.intensity, limits, steps=2, every=12)
        mine, alone = (
            Market(true, policy, true.population(seed, 0), purse, seed=seed, threads=1).run(until=9)
            for policy in (own, plan)
        )
        noticed = 9 if own.noticed is None else own.noticed
        assert (noticed < 9) == (true is not twin)
        np.testing.assert_array_equal(mine.spend[:noticed], alone.spend[:noticed])
        if noticed < 9:
            assert own.signals[0].quantity in ("leaving", "rate")
            assert not np.array_equal(mine.spend[noticed:], alone.spend[noticed:])
            other = copy.deepcopy(own)
            other.observed.clear()
            assert (len(own.observed), other.twin is own.twin) == (9, True)
