"""Rules of thumb: who gets how much, by hand on an observation, and within the rules in a market."""

import numpy as np
import pytest
from markets import SMALL
from observations import observation_of

from optimizer.ask.problem import reference_spend
from policies.catalogue import named
from sim.contract import Observation
from sim.errors import InputError
from sim.market.expected import expected_course
from sim.market.purse import budget_of
from sim.scenario.file import load, parse
from sim.twin import Twin, build

WHOLE = [
    "proportional to customers", "proportional to revenue", "best customers first", "retention first", "four tasks",
    "service matrix", "loyalty matrix", "response matrix", "function matrix", "cycle and amount", "last year",
]  # fmt: skip
"""Policies that spend what today does, to the end."""


@pytest.fixture(scope="module")
def small() -> Twin:
    return build(load(SMALL))


def seen(twin: Twin, **known: object) -> Observation:
    heads = np.full(twin.targets.shape[:2], 100.0)
    return observation_of(twin.targets, **{"periods": 10, "customers": heads, **known})


def spent(name: str, twin: Twin, budget: float, observation: Observation) -> np.ndarray:
    return np.asarray(named(name, twin, budget).decide(observation).spend(observation))


@pytest.mark.parametrize("name", WHOLE)
def test_the_whole_of_todays_money_is_spent(name: str, small: Twin) -> None:
    budget = reference_spend(small.chain)
    course = expected_course(small, named(name, small, budget), budget_of(small, budget))
    assert course.spend.sum() == pytest.approx(budget, rel=1e-6)
    assert (course.spend[:, ~small.targets.allowed] == 0).all()


@pytest.mark.parametrize(
    "name", [*WHOLE, "share of revenue", "exit management", "customer equity", "club for the best"]
)
def test_floors_and_caps_are_kept(name: str) -> None:
    """The floor over the horizon within a hundredth where the rule claims money; caps to the letter."""
    content = load(SMALL).model_dump(exclude_unset=True)
    content["rules"] = {"period_share": 0.3, "levers": {"winback": {"floor": 0.05}, "development": {"cap": 0.2}}}
    twin = build(parse(content))
    budget = reference_spend(twin.chain)
    spend = expected_course(twin, named(name, twin, budget), budget_of(twin, budget)).spend
    by_lever = spend.sum(axis=(0, 1, 2)) / budget
    assert by_lever[twin.targets.levers.index("development")] <= 0.2 * (1 + 1e-9)
    assert spend.sum(axis=(1, 2, 3)).max() <= 0.3 * budget * (1 + 1e-9)
    if name not in ("last year", "share of revenue", "customer equity"):  # these state money, not claims on it
        assert by_lever[twin.targets.levers.index("winback")] >= 0.05 * 0.99


def test_proportional_to_customers(small: Twin) -> None:
    heads = np.full(small.targets.shape[:2], 100.0)
    heads[1] = 300
    got = spent("proportional to customers", small, 1000.0, seen(small, customers=heads))
    each = got / heads[:, :, None]
    awareness = small.targets.levers.index("awareness")
    others = np.delete(small.targets.allowed, awareness, axis=2)
    np.testing.assert_allclose(np.delete(each, awareness, axis=2)[others], each.max(), rtol=1e-9)
    assert got.sum() == pytest.approx(100)


def test_proportional_to_revenue(small: Twin) -> None:
    """By what a group bought, once something is known; before, by customers."""
    revenue = np.zeros(small.targets.shape[:2])
    revenue[0, 3], revenue[1, 4] = 300.0, 100.0
    by_group = spent("proportional to revenue", small, 1000.0, seen(small, revenue=revenue)).sum(axis=(1, 2))
    assert by_group.sum() == pytest.approx(100)
    assert by_group[0] / by_group[1] == pytest.approx(3, rel=0.05)
    np.testing.assert_array_equal(
        spent("proportional to revenue", small, 1000.0, seen(small)),
        spent("proportional to customers", small, 1000.0, seen(small)),
    )


def test_share_of_revenue_follows_revenue(small: Twin) -> None:
    revenue = np.zeros(small.targets.shape[:2])
    revenue[0, 4] = 400.0
    got = spent("share of revenue(share=0.1)", small, 1e6, seen(small, period=1, revenue=revenue))
    assert got.sum() == pytest.approx(40)
    got = spent("share of revenue(share=0.1)", small, 1e6, seen(small, period=1, revenue=2 * revenue))
    assert got.sum() == pytest.approx(80)


def test_share_of_revenue_spends_where_today_spends_nothing() -> None:
    """What it is told to, alike wherever levers reach; by default an even part of the budget."""
    content = load(SMALL).model_dump(exclude_unset=True)
    for lever in content["levers"].values():
        lever["reference"] = 0.0
    twin = build(parse(content))
    revenue = np.zeros(twin.targets.shape[:2])
    revenue[0, 4] = 400.0
    for name, money in (("share of revenue(share=0.1)", 40.0), ("share of revenue", 1e6 / twin.chain.periods)):
        got = spent(name, twin, 1e6, seen(twin, period=1, revenue=revenue))
        assert got.sum() == pytest.approx(money), name
        assert ((got > 0) == twin.targets.allowed).all(), name


def test_parity_with_rivals_rises_when_one_comes(small: Twin) -> None:
    """In its segment alone, and back when it goes."""
    policy, today = named("parity with rivals(more=0.25)", small, 1e9), small.targets.reference
    for rivals, factor in (([1, 0], [1, 1]), ([1, 2], [1, 1.5]), ([0, 0], [0.75, 1])):
        got = policy.decide(seen(small, rivals=np.array(rivals, float))).intensity
        np.testing.assert_allclose(got, np.array(factor)[:, None, None] * today)


def test_last_year_repeats_its_money_whoever_is_there(small: Twin) -> None:
    """Half the heads, twice the money each."""
    policy = named("last year", small, 1e9)
    observation = seen(small)
    fewer = seen(small, customers=observation.customers / 2)
    one, other = policy.decide(observation), policy.decide(fewer)
    np.testing.assert_allclose(other.intensity, 2 * one.intensity)


def test_the_best_fifth_gets_four_fifths(small: Twin) -> None:
    """Regulars are 400 of 1,600: four fifths of all that is spent are for the 320 that are a fifth."""
    observation = seen(small)
    got = spent("best customers first(share=1.0, part=0.25)", small, 1000.0, observation)
    assert got[1].sum() == pytest.approx(0, abs=1e-9)
    assert got.sum() == pytest.approx(100)
    for part in ("share=1.5", "part=2.0"):
        with pytest.raises(InputError, match="expected a share between 0 and 1"):
            named(f"best customers first({part})", small, 1.0)


def test_four_tasks_share_the_money(small: Twin) -> None:
    """By task: awareness; acquisition and winback; development; retention."""
    got = spent("four tasks(awareness=0.1, winning=0.2, growing=0.3, loyalty=0.4)", small, 1000.0, seen(small))
    np.testing.assert_allclose(got.sum(axis=(0, 1)), [10, 10, 30, 40, 10])


def test_customer_equity_is_at_its_optimum() -> None:
    """One customer type, by hand: keeping maximises (m - R)/(1 - r(R)/(1+d)), winning a(A) V - A."""
    content = {
        "name": "one", "periods": 12, "discount_rate": 0.12, "margin": 1, "law": "renewal", "loss": 0, "period": "year",
        "segments": {"a": {"start": {"prospect": 1000}, "traits": {
            "purchase_rate": 1, "defection_rate": 0.916291, "spend": 50}}},
        "levers": {
            "acquisition": {"targets": ["prospect"], "reference": 5, "moves": {
                "acquisition": {"without_money": 0, "unlimited_money": 0.4, "spend": 5, "brings": 0.2}}},
            "retention": {"targets": ["new", "developing", "core"], "reference": 8, "moves": {
                "survival": {"without_money": 0, "unlimited_money": 0.7, "spend": 8, "brings": 0.4}}},
        },
    }  # fmt: skip
    twin = build(parse(content))
    got = named("customer equity", twin, 1e9).decide(seen(twin)).intensity[0]
    keep = got[twin.targets.stages.index("core"), 1]
    from policies.equity import _today

    margin = _today(twin)[0][0]
    money = np.linspace(0, 60, 600_001)
    stay = 0.7 * -np.expm1(-money * -np.log(1 - 0.4 / 0.7) / 8)
    value = (margin - money) / (1 - stay / 1.12)
    assert keep == pytest.approx(money[value.argmax()], abs=0.1)
    won = 0.4 * -np.expm1(-money * -np.log(0.5) / 5)
    win = got[twin.targets.stages.index("prospect"), 0]
    assert win == pytest.approx(money[(won * value.max() - money).argmax()], abs=0.1)
