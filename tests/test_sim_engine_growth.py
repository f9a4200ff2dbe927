"""Winning that spreads and customers who grow: by hand, as published, and under the bound."""

import math
from typing import Any

import numpy as np
import pytest
from checks import asset_of, chain_of
from markets import LINE, Content, Floats, small

from optimizer.ask.problem import allocation_problem
from optimizer.bound.decomposition import full_information
from sim.engine.fluid import expected_history
from sim.errors import ScenarioError
from sim.scenario.file import STAGES, parse
from sim.scenario.people import Growing, born
from sim.twin import build

CUSTOMERS = STAGES[2:]


def spreading(people: float, p: float, q: float, periods: int, **changes: Any) -> Content:
    """Return a market in which everybody is won by itself sooner or later, and nobody leaves."""
    traits = {"purchase_rate": 0.0, "defection_rate": 0.0, "spend": 1.0}
    segment = {"start": {"prospect": people}, "traits": traits, "diffusion": {"innovation": p, "imitation": q}}
    return small(periods=periods, segments={"all": {**segment, **changes}})


def ever_won(content: Content) -> Floats:
    """Return how many were ever won by the start of each period, in expected numbers."""
    chain = chain_of(content)
    history = expected_history(chain, np.zeros((chain.periods, *chain.targets.shape)))
    return np.asarray(history.customers[:, 0, [STAGES.index(stage) for stage in CUSTOMERS]].sum(axis=1))


def test_bass_by_hand() -> None:
    """``Y' = Y + (p + q Y/m)(m - Y)``, from nobody: 100 people, p = .1, q = .5."""
    want = [0.0]
    for _ in range(6):
        want.append(want[-1] + (0.1 + 0.5 * want[-1] / 100) * (100 - want[-1]))
    assert want[:3] == pytest.approx([0, 10, 23.5])
    np.testing.assert_allclose(ever_won(spreading(100, 0.1, 0.5, 6)), want, rtol=1e-12)


@pytest.mark.parametrize(
    ("product", "p", "q", "market", "peak_year", "peak_sales"),
    [
        ("black and white television", 0.027877, 0.25105, 96.717, 7.8, 7.5),
        ("room air conditioners", 0.010399, 0.41861, 16.895, 8.6, 1.9),
        ("clothes dryers", 0.017206, 0.35688, 15.092, 8.1, 1.5),
    ],
)
def test_bass_as_published(
    product: str, p: float, q: float, market: float, peak_year: float, peak_sales: float
) -> None:
    """Time and size (millions a year) of peak sales of three products; Bass, Management Science 15(5), 1969, table 3.

    Simulated in fiftieths of a year; the closed form is ``ln(q/p)/(p + q)`` and ``m (p + q)^2/(4 q)``.
    """
    each = 50
    sales = np.diff(ever_won(spreading(1e6 * market, p / each, q / each, 15 * each))) / 1e6 * each
    year = (int(sales.argmax()) + 0.5) / each
    assert year == pytest.approx(math.log(q / p) / (p + q), abs=0.1), product
    assert sales.max() == pytest.approx(market * (p + q) ** 2 / (4 * q), rel=0.01)
    assert year == pytest.approx(peak_year, abs=0.15)
    assert round(float(sales.max()), 1) == peak_sales


def test_the_logistic_without_innovators() -> None:
    """``p = 0`` and 1 of 100 there: ``N(t) = m/(1 + 99 e^(-q t))``, the customers of Gupta, Lehmann & Stuart (2004)."""
    content = spreading(990_000, 0.0, 0.005, 1199, start={"prospect": 990_000, "new": 10_000})
    t = np.arange(1200)
    np.testing.assert_allclose(ever_won(content), 1e6 / (1 + 99 * np.exp(-0.005 * t)), rtol=0.008)


def test_nothing_spreads_where_nobody_is() -> None:
    """A segment that is empty until people come into it."""
    content = spreading(0, 0.0, 0.9, 3, births={"prospect": [0, 4, 0]})
    np.testing.assert_array_equal(ever_won(content), 0)


def test_births_as_stated() -> None:
    """A table, growth, shrinking, none: whole numbers that keep up with what is stated."""
    assert [born((1.5, 0, 2.6, 0.4), t) for t in range(4)] == [2, 0, 2, 0]
    assert [born(Growing(first=10, growth=-0.5), t) for t in range(5)] == [10, 5, 3, 1, 0]
    assert sum(born(Growing(first=7, growth=0.01), t) for t in range(40)) == round(7 * (1.01**40 - 1) / 0.01)
    assert [born(Growing(first=3, growth=0), t) for t in range(2)] == [3, 3]


def test_growth_by_hand() -> None:
    """Four in five stay and pay 10, from the second year on 15, from the fourth 30: year by year, and for ever."""
    content = small(
        law="renewal", period="year", periods=5, discount_rate=0.25, terminal="value-to-go",
        segments={"all": {
            "start": {"new": 1000},
            "traits": {"purchase_rate": 1, "defection_rate": -math.log(0.8), "spend": 10.0},
            "growth": {"after": [1, 3], "amount": [1.5, 3]},
        }},
    )  # fmt: skip
    chain = chain_of(content)
    history = expected_history(chain, np.zeros((5, *chain.targets.shape)))
    want = 1000 * 0.8 ** np.arange(1, 6) * np.array([10, 15, 15, 30, 30])
    np.testing.assert_allclose(history.revenue.sum(axis=(1, 2)), want)
    new = chain.space.names.index("alive, 1 bought, 0 silent, 0 kept")
    # V_3 = .8 (30 + V_3)/1 with payments at a period's start counted in full, the next a year later: r = .8/1.25
    old = 0.8 * 30 / (1 - 0.64)
    by_hand = 0.8 * 10 + 0.64 * (0.8 * 15 + 0.64 * (0.8 * 15 + 0.64 * old))
    assert chain.terminal[0, new] == pytest.approx(by_hand)


def test_a_rate_that_grows_by_hand() -> None:
    """Nobody leaves: 2 purchases a period, 3 from the second on; who returns begins anew."""
    content = small(
        segments={"all": {
            "start": {"new": 10},
            "traits": {"purchase_rate": 2.0, "defection_rate": 0.0, "spend": 10.0},
            "growth": {"after": [1], "purchase_rate": [1.5]},
        }},
    )  # fmt: skip
    chain = chain_of(content)
    history = expected_history(chain, np.zeros((4, *chain.targets.shape)))
    np.testing.assert_allclose(history.purchases.sum(axis=(1, 2)), [20, 30, 30, 30])
    space = chain.space
    enters = space.successor[space.names.index("gone, 1 bought, 0 silent")]
    assert space.kept[enters].max() == 0


def growing() -> Content:
    """Return a market in which levers win, keep and sell more to customers who grow, some of whom are there already."""
    traits = {"purchase_rate": {"shape": 2, "rate": 2}, "defection_rate": {"shape": 1, "rate": 8}, "spend": 20.0}
    chance = {"without_money": 0.02, "unlimited_money": 0.3, "spend": 1.0, "brings": 0.1}
    keep = {"without_money": 0.8, "unlimited_money": 0.97, "spend": 1.0, "brings": 0.9}
    return small(
        periods=6, margin=0.5, law="contractual", terminal="value-to-go",
        stages={"core": 2, "declining": 1, "lapsed": 2},
        segments={"all": {
            "start": {"prospect": 500, "core": {"count": 300, "age": 3}},
            "traits": traits,
            "growth": {"after": [2, 4], "amount": [1.5, 2.5], "purchase_rate": [1.1, 1.2]},
            "diffusion": {"innovation": 0.03},
        }},
        levers={
            "offer": {"targets": ["prospect"], "reference": 1.0, "moves": {"acquisition": chance}},
            "care": {"targets": ["new", "developing", "core"], "reference": 1.0, "moves": {"survival": keep}},
            "gift": {"targets": ["core"], "reference": 0.2, "moves": {"amount": LINE}},
        },
    )  # fmt: skip


def test_no_random_plan_beats_the_bound() -> None:
    """Growth, people who are there and winning by itself leave customers independent: the bound holds, and is near."""
    twin = build(parse(growing()))
    chain = twin.chain
    assert not chain.couples
    problem = allocation_problem(twin, 3000.0)
    bound = full_information(problem, 1e-4).bound
    rng = np.random.default_rng(2)
    best = -math.inf
    for _ in range(100):
        plan = np.where(chain.targets.allowed, rng.gamma(0.5, 1.5, (6, *chain.targets.shape)), 0.0)
        plan *= rng.random((6, 1, 1, 1)) * rng.random((1, *chain.targets.shape)) * 2
        for _ in range(30):
            spent = float(expected_history(chain, plan).spend.sum())
            if spent <= 3000:
                break
            plan *= 3000 / spent
        if spent <= 3000 * (1 + 1e-9):
            best = max(best, asset_of(chain, plan))
    nothing = asset_of(chain, np.zeros((6, *chain.targets.shape)))
    assert best <= bound
    assert best > nothing + 0.5 * (bound - nothing)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"growth": {"after": [3, 2], "amount": [1, 2]}}, "after: expected rising numbers of periods, got 3, 2"),
        ({"growth": {"after": [2]}}, "growth: says nothing that grows"),
        ({"growth": {"after": [2], "amount": [1, 2]}}, "growth: amount: expected 1 numbers"),
        ({"growth": {"after": [2], "amount": [0]}}, "greater than 0"),
        ({"growth": {"after": [590], "amount": [2]}}, "let growth end before 590 periods"),
        ({"births": {"prospect": [1, 2]}}, "births.prospect: expected a number for each of 4 periods, got 2"),
        ({"births": {"prospect": {"first": 1}}}, "births.prospect.growth: missing"),
        ({"births": {"prospect": {"first": 1e9, "growth": 5}}}, "more than 1,000,000,000 people"),
        (
            {"births": {"prospect": {"first": 1, "grwth": 5}}},
            "births.prospect.grwth: unknown key; did you mean 'growth'?",
        ),
        ({"diffusion": {"imitaton": 1}}, "diffusion.imitaton: unknown key; did you mean 'imitation'?"),
    ],
)
def test_what_cannot_be_is_said(changes: Content, expected: str) -> None:
    """One line: where, what, and what to do."""
    content = small(satisfaction={"mix": [0.2] * 5}, links={"mix": [0.25] * 4})
    content["segments"]["all"] |= changes
    with pytest.raises(ScenarioError) as told:
        build(parse(content))
    assert expected in str(told.value)
    assert "\n" not in str(told.value)


def test_a_renewal_has_no_rate_that_grows() -> None:
    """Every survivor pays once."""
    content = small(law="renewal")
    content["segments"]["all"]["traits"]["purchase_rate"] = 1
    content["segments"]["all"]["growth"] = {"after": [1], "purchase_rate": [2]}
    with pytest.raises(ScenarioError, match=r"growth\.purchase_rate: moves the purchase rate"):
        parse(content)


def test_a_cut_in_price_is_of_what_who_has_grown_pays_too() -> None:
    """5 % off: from the third renewal on 1.5 times 30 are paid at .95, of which goods still cost .6."""
    stays = {"without_money": 0.9, "unlimited_money": 0.97, "spend": 1.5, "brings": 0.93}
    people = {
        "payers": {
            "start": {"new": 1000},
            "traits": {"purchase_rate": 1, "defection_rate": 0.1, "spend": 30.0},
            "growth": {"after": [2], "amount": [1.5]},
        }
    }
    lever = {"targets": ["new", "developing", "core"], "pays": "price", "reference": 0, "moves": {"survival": stays}}
    twin = build(parse(small(law="renewal", margin=0.4, segments=people, levers={"cut": lever})))
    assert twin.chain.bounded
    history = expected_history(twin.chain, np.broadcast_to(twin.targets.allowed * 1.5, (4, *twin.targets.shape)))
    paying = 1000 * np.exp(-0.1 * np.log(0.93) / np.log(0.9)) ** np.arange(1.0, 5.0) * [1, 1, 1.5, 1.5]
    np.testing.assert_allclose(history.revenue.sum(axis=(1, 2)), 28.5 * paying, rtol=1e-12)
    np.testing.assert_allclose(history.reward.sum(axis=(1, 2)), (28.5 - 18.0) * paying, rtol=1e-12)
