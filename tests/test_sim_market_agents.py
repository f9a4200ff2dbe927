"""Customers as agents: common luck. Event for event: test_sim_market_reference.py."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from markets import Content, Floats
from players import Steady

from experiments.compare import compare
from policies.fixed import AsToday, NoSpend
from policies.planned import Planned
from sim.contract import Allocation, Observation, Policy
from sim.engine.lifecycle import Lifecycle
from sim.engine.routes import NEUTRAL, TO_DEFECTION, TO_WON
from sim.history import History
from sim.market.clock import Budget, Market
from sim.scenario.file import parse
from sim.twin import build
from sim.valuation import customer_asset


def run(content: Content, policy: Policy | None = None, *, seed: int = 3, traits: Any = "individual") -> History:
    twin = build(parse(content))
    return Market(twin, policy or AsToday(), twin.population(seed, 0, traits), seed=seed).run()


RECORDED = ("customers", "alive", "purchases", "revenue", "reward", "spend")


@pytest.mark.parametrize("traits", ["individual", "classes"])
def test_same_bits_for_one_and_two_threads(traits: Any, market: Callable[..., Content]) -> None:
    """How replications are spread over threads changes no bit of any result."""
    content = market(rules={"period_share": 0.2})
    answers = []
    for threads in (1, 2):
        twin = build(parse(content))
        policies = [AsToday(), NoSpend(), Planned(np.repeat(twin.targets.reference[None] * 2, 8, axis=0))]
        answers.append(compare(twin, policies, 60_000.0, replications=5, threads=threads, traits=traits, seed=1))
    for one, two in zip(answers[0].outcomes, answers[1].outcomes, strict=True):
        assert one.assets.tobytes() == two.assets.tobytes()
        assert one.kept.tobytes() == two.kept.tobytes()
        assert one.spends.tobytes() == two.spends.tobytes()
        for name in RECORDED:
            assert getattr(one.history, name).tobytes() == getattr(two.history, name).tobytes()
    assert len({outcome.asset for outcome in answers[0].outcomes}) == 3


def test_another_seed_or_replication_is_other_luck(market: Callable[..., Content]) -> None:
    """Replications differ, and so do seeds; the same ones repeat to the bit."""
    twin = build(parse(market()))
    histories = [
        Market(twin, AsToday(), twin.population(seed, k), seed=seed, replication=k).run()
        for seed, k in ((1, 0), (1, 1), (2, 0), (1, 0))
    ]
    revenue = [history.revenue.sum() for history in histories]
    assert len(set(revenue)) == 3
    assert revenue[0] == revenue[3]


def test_a_further_segment_changes_nobody_elses_luck(market: Callable[..., Content]) -> None:
    """Customers of a segment live the same life when a segment is added, wherever it is listed."""
    content = market()
    alone = run(content)
    for first in (True, False):
        more = {"others": {"start": {"new": 500, "prospect": 100}, "traits": content["segments"]["fresh"]["traits"]}}
        segments = {**more, **content["segments"]} if first else {**content["segments"], **more}
        with_more = run({**content, "segments": segments})
        place = [list(segments).index(name) for name in content["segments"]]
        for name in RECORDED:
            np.testing.assert_array_equal(getattr(with_more, name)[:, place], getattr(alone, name))
        for name, events in alone.events.items():
            np.testing.assert_array_equal(with_more.events[name][:, place], events)


def test_an_idle_lever_changes_nobodys_luck(market: Callable[..., Content]) -> None:
    """A lever that is at its reference of nothing leaves every life as it was, and adds no draws."""
    content = market()
    alone = run(content)
    curve = {"without_money": 0.0, "unlimited_money": 0.5, "spend": 1.0, "brings": 0.1}
    idle = {"targets": ["new", "core"], "reference": 0.0, "moves": {"amount": curve, "purchase_rate": curve}}
    content["levers"] = {"idle": idle, **content["levers"]}
    with_lever = run(content)
    for name in ("customers", "alive", "purchases", "revenue", "reward"):
        np.testing.assert_array_equal(getattr(with_lever, name), getattr(alone, name))


def test_better_treatment_with_the_same_luck_is_never_worse(market: Callable[..., Content]) -> None:
    """Common random numbers and monotone draws: more retention money in period 0 keeps all who would have stayed."""
    content = market()
    twin = build(parse(content))
    who = twin.population(0, 0)
    base = twin.targets.reference
    more = base.copy()
    more[:, :, 3] *= 4
    lives = [Market(twin, Steady(money), who).run() for money in (base, more)]
    assert lives[1].events["left"][0].sum() < lives[0].events["left"][0].sum()
    assert (lives[1].purchases[0] >= lives[0].purchases[0]).all()
    np.testing.assert_array_equal(lives[1].events["won"][0], lives[0].events["won"][0])


def test_taking_the_competitor_away_changes_the_history(market: Callable[..., Content]) -> None:
    """Until the rival comes the histories are the same; while it is there more leave, and fewer are there after it."""
    rival = {"name": "rival", "start": 3, "end": 5, "route": "defection", "strength": 0.8}
    with_rival, without = (run(market(competitors=rivals)) for rivals in ([rival], []))
    np.testing.assert_array_equal(with_rival.events["left"][:3], without.events["left"][:3])
    left = [history.events["left"][:, 0] / history.alive[:-1, 0] for history in (with_rival, without)]
    assert (left[0][3:5] > 1.3 * left[1][3:5]).all()
    assert (left[0][5:] < left[1][5:]).all()
    assert (with_rival.alive[4:] < without.alive[4:]).all()
    asset = [customer_asset(history, 0.01).total for history in (with_rival, without)]
    assert asset[0] < asset[1]


def test_overlapping_competitors_come_and_go(monkeypatch: pytest.MonkeyPatch, market: Callable[..., Content]) -> None:
    """What agents meet each period is the product of the rivals then there, as in the fluid twin's environment."""
    rivals = [
        {"name": "a", "start": 0, "end": 4, "route": "defection", "strength": 0.5},
        {"name": "b", "start": 2, "end": 6, "route": "defection", "strength": 0.25},
        {"name": "c", "start": 4, "route": "acquisition", "strength": 0.4},
        {"name": "d", "start": 40, "route": "share of customer", "strength": 0.4},
    ]
    twin = build(parse(market(competitors=rivals, terminal="none")))
    met: list[Floats] = []
    original = Lifecycle.responses

    def noting(self: Lifecycle, environment: Floats, intensity: Floats) -> Floats:
        met.append(environment.copy())
        return original(self, environment, intensity)

    monkeypatch.setattr(Lifecycle, "responses", noting)
    Market(twin, AsToday(), twin.population(0, 0)).run()
    np.testing.assert_allclose(met, twin.chain.environment[:-1])
    per_group = twin.chain.environment[:-1, :, TO_DEFECTION].T
    assert per_group.tolist() == [[1.5, 1.5, 1.875, 1.875, 1.25, 1.25, 1, 1]] * 2
    acquisition = twin.chain.environment[:-1, :, TO_WON].T
    np.testing.assert_allclose(acquisition, [[1, 1, 1, 1, 0.6, 0.6, 0.6, 0.6]] * 2)
    others = [route for route in range(NEUTRAL.size) if route not in (TO_DEFECTION, TO_WON)]
    np.testing.assert_array_equal(twin.chain.environment[:-1, :, others], np.tile(NEUTRAL[others], (8, 2, 1)))


def test_reviews_every_third_period_keep_intensities_in_between(market: Callable[..., Content]) -> None:
    """The policy is asked in periods 0, 3, 6; in between its last intensities act, within the money that is left."""
    twin = build(parse(market()))
    asked: list[int] = []

    @dataclass(frozen=True)
    class Noting:
        name: str = "noting"

        def decide(self, observation: Observation) -> Allocation:
            asked.append(observation.period)
            return Allocation.within(twin.targets.reference, observation)

    budget = Budget(20_000.0, 6_000.0, np.full(5, 8_000.0))
    who = twin.population(0, 0)
    history = Market(twin, Noting(), who, budget, review_every=3).run()
    assert asked == [0, 3, 6]
    assert history.spend.sum() <= 20_000 * (1 + 1e-9)
    assert (history.spend.sum(axis=(1, 2, 3)) <= 6_000 * (1 + 1e-9)).all()
    assert (history.spend.sum(axis=(0, 1, 2)) <= 8_000 * (1 + 1e-9)).all()
    free = Market(twin, Noting(), who, review_every=3).run()
    every = Market(twin, AsToday(), who).run()
    np.testing.assert_array_equal(free.revenue, every.revenue)


@pytest.mark.parametrize("unit", [1e-6, 1e9])
def test_agents_count_any_currency(unit: float, market: Callable[..., Content]) -> None:
    """Money in millionths or thousand millions: the same asset to 1e-6, no overflow of the integers it is summed in."""
    content = market(competitors=[])
    twin = build(parse(content))
    usual = customer_asset(Market(twin, AsToday(), twin.population(0, 0)).run(), twin.chain.discount_rate).total
    for segment in content["segments"].values():
        segment["traits"] = {**segment["traits"], "spend": {**segment["traits"]["spend"]}}
        segment["traits"]["spend"]["gamma"] *= unit
    for lever in content["levers"].values():
        lever["reference"] *= unit
        for curve in lever["moves"].values():
            curve["spend"] *= unit
    other = build(parse(content))
    got = customer_asset(Market(other, AsToday(), other.population(0, 0)).run(), other.chain.discount_rate).total
    assert got == pytest.approx(unit * usual, rel=1e-6)


def test_two_rivals_alike_both_count_and_both_leave(market: Callable[..., Content]) -> None:
    """The same rival listed twice presses twice, and ends twice."""
    rival = {"name": "r", "start": 1, "end": 3, "route": "defection", "strength": 0.5}
    twin = build(parse(market(plain=True, competitors=[rival, rival])))
    assert twin.chain.environment[:, 0, TO_DEFECTION].tolist() == [1, 2.25, 2.25, 1, 1, 1, 1, 1, 1]
    twice = Market(twin, AsToday(), twin.population(0, 0)).run()
    once = build(parse(market(plain=True, competitors=[rival])))
    assert twice.alive[3].sum() < Market(once, AsToday(), once.population(0, 0)).run().alive[3].sum()
