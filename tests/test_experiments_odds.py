"""How sure a comparison is: luck, and luck with what is not known."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from markets import orders, small
from scipy.stats import t

import tenure
from experiments.compare import compare
from experiments.odds import Turn, futures, interval
from experiments.report.answer import changes_if
from experiments.study.calibrate import calibrate
from experiments.words.odds import odds_in_words, turns_in_words
from experiments.words.report import report_words
from optimizer.insight.risk import with_values
from sim.market.clock import Market
from sim.market.expected import expected_course
from sim.market.purse import budget_of
from sim.scenario.file import load, parse
from sim.twin import build, rebuilt
from sim.valuation import customer_asset

CARE = {"without_money": 0.8, "unlimited_money": 0.96, "spend": 0.3, "brings": 0.887}
OFFERS = {"without_money": 0.005, "unlimited_money": 0.1, "spend": 0.5, "brings": 0.03}
SHOP = small(
    periods=4, terminal="value-to-go", discount_rate=0.1, margin=0.5,
    segments={"all": {
        "start": {"new": 120, "prospect": 80}, "traits": {"purchase_rate": 0.8, "defection_rate": 0.12, "spend": 20.0},
    }},
    levers={
        "care": {
            "targets": ["new", "developing", "core", "declining"], "reference": 0.3, "moves": {"survival": CARE},
        },
        "offers": {"targets": ["prospect"], "reference": 0.5, "moves": {"acquisition": OFFERS}},
    },
    uncertain=[
        {"path": "levers.care.moves.survival.brings", "low": 0.85, "high": 0.92},
        {"path": "levers.offers.moves.acquisition.brings", "low": 0.02, "high": 0.05},
        {"path": "margin", "low": 0.4, "high": 0.6},
    ],
)  # fmt: skip
POLICIES = ["as today", "no spend", "even split"]


def test_with_nothing_unknown_it_is_the_law_of_one_more_replication() -> None:
    """Student's law around the mean; with worlds far apart and no luck, the ends are the worlds'."""
    gains = np.random.default_rng(1).normal(5.0, 2.0, 12)
    half = t.ppf(0.975, 11) * gains.std(ddof=1) * np.sqrt(1 + 1 / 12)
    low, high = interval(gains, np.zeros(1))
    assert low == pytest.approx(gains.mean() - half, rel=0.02)
    assert high == pytest.approx(gains.mean() + half, rel=0.02)
    low, high = interval(np.array([3.0, 3.0]), np.linspace(-100, 100, 401))
    assert (low, high) == pytest.approx((3 - 95, 3 + 95), abs=0.5)


def test_luck_is_shared_by_policies_and_moved_by_worlds() -> None:
    assets = np.array([[1.0, 2.0, 6.0], [2.0, 3.0, 7.0]])
    worth = futures(assets, np.array([[0.0, 10.0], [0.0, 20.0]])).reshape(2, 2, -1)
    np.testing.assert_allclose(worth[1, 0] - worth[0, 0], 1.0)
    np.testing.assert_allclose(worth[1, 1] - worth[0, 1], 11.0)
    assert np.median(worth[0, 0]) == pytest.approx(3.0, abs=0.3)


@pytest.mark.parametrize("number", [2, 3, 20])
def test_chances_and_intervals_are_of_one_law(number: int) -> None:
    """Of a difference one in forty futures lies beyond either end of the interval, however few the replications."""
    assets = np.random.default_rng(number).normal(0, [[3.0], [1.0], [2.0]], (3, number))
    moved = np.array([[0.0, 0.0], [1.0, -1.0], [2.0, 3.0]])
    worth = futures(assets, moved)
    for one, two in ((1, 0), (2, 1), (0, 2)):
        low, high = interval(assets[one] - assets[two], moved[one] - moved[two])
        gain = worth[one] - worth[two]
        assert np.mean(gain < low) == pytest.approx(0.025, abs=0.012)
        assert np.mean(gain > high) == pytest.approx(0.025, abs=0.012)


def test_the_choice_turns_where_it_is_said_to() -> None:
    """On one side of the number the best policy leads, on the other another: followed by hand in both worlds."""
    firm = tenure.Firm.of(SHOP)
    found = firm.compare(POLICIES, replications=4, samples=8, seed=2)
    known = found.odds
    assert known is not None
    turning = [turn for turn in known.turns if turn.turns_at is not None]
    assert turning
    for turn in turning:
        leads = []
        for value in (turn.stated, turn.turns_at, turn.high if not turn.above else turn.low):
            other = rebuilt(firm.twin, with_values(firm.scenario, {turn.path: value}))
            one, two = (
                expected_course(other, firm.policy(name), budget_of(other, found.budget)).asset
                for name in (known.best, turn.winner)
            )
            base = found[known.best].asset - found[turn.winner].asset
            leads.append(base + one - found[known.best].expected - two + found[turn.winner].expected)
        assert leads[0] > 0 > leads[2], turn.path
        assert abs(leads[1]) < 0.02 * (leads[0] - leads[2]), turn.path
    assert sum(known.first.values()) == pytest.approx(1.0)
    assert [turn.swing for turn in known.turns] == sorted((turn.swing for turn in known.turns), reverse=True)
    again = firm.compare(POLICIES, replications=4, samples=8, seed=2, threads=1)
    assert [row["low_all"] for row in again.to_rows()] == [row["low_all"] for row in found.to_rows()]


def test_without_ranges_or_with_one_replication_nothing_is_claimed() -> None:
    """No ranges: nothing is known of what is not known, and that is said; one replication shows no luck."""
    firm = tenure.Firm.of({**SHOP, "uncertain": []})
    found = firm.compare(POLICIES[:2], replications=2)
    assert found.odds is None
    assert np.isnan(found.to_rows()[1]["low_all"])
    one = tenure.Firm.of(SHOP).compare(POLICIES[:2], replications=1)
    assert one.odds is None
    assert "3 ranges under `uncertain` are in no interval here" in "\n".join(odds_in_words(one))
    alone = tenure.Firm.of(SHOP).compare(POLICIES[:1], replications=2)
    assert alone.odds is None
    assert odds_in_words(alone) == []


def test_worlds_are_spread_over_threads_and_tell_how_far_they_are() -> None:
    """The same bits whatever the threads; the bar moves through replications, worlds and ranges to the end."""
    firm = tenure.Firm.of(parse(copy.deepcopy(SHOP)))
    answers, bars = [], []
    for threads in (1, 3):
        told: list[float] = []
        bars.append(told)
        policies = [firm.policy(name) for name in POLICIES]
        found = compare(firm.twin, policies, 300, replications=4, samples=5, threads=threads, progress=told.append)
        assert found.odds is not None
        answers.append((found.odds.to_dict(), [found.odds.of(name)[:2] for name in POLICIES]))
    assert answers[0] == answers[1]
    parts = 4 + 5 + len(SHOP["uncertain"])
    for told in bars:
        np.testing.assert_allclose(told[-8:], [(4 + i) / parts for i in range(1, 9)])
        assert sorted(told) == told
        assert len(told) == 4 * len(POLICIES) + 8


def test_what_the_command_says(tmp_path: Path, tenure: Callable[..., tuple[int, str, str]]) -> None:
    """The words name the interval, the chances and what must be true; rows hold the same numbers."""
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(SHOP), encoding="utf-8")
    words = ("compare", "shop.yaml", *(w for name in POLICIES for w in ("--policy", name)), "--replications", 3)
    words = (*words, "--samples", 6, "--no-track")
    code, out, _ = tenure(*words)
    assert code == 0
    for part in ("counting what is not known", "What must be true:", "come within the 4 months", "6 worlds drawn from"):
        assert part in out, part
    answer = json.loads(tenure(*words, "--json")[1])
    assert answer["odds"]["worlds"] == 6
    rows = answer["policies"]
    assert rows[0]["chance_ahead"] is None
    for row in rows[1:]:
        assert row["low_all"] < row["difference"] < row["high_all"], row["name"]
        assert row["high_all"] - row["low_all"] > row["high"] - row["low"], row["name"]
    assert sum(row["chance_best"] for row in rows) == pytest.approx(1.0)
    assert answer["decision"]["within_horizon"] + answer["decision"]["after_horizon"] == pytest.approx(
        answer["decision"]["gain"]
    )
    bare = {**SHOP, "uncertain": []}
    (tmp_path / "bare.yaml").write_text(yaml.safe_dump(bare), encoding="utf-8")
    assert "No ranges stand under `uncertain`" in tenure("compare", "bare.yaml", "--replications", 2, "--no-track")[1]


def test_a_base_is_read_once_where_ranges_do_not_touch_it(tmp_path: Path) -> None:
    """With other answers the same people as from building anew, without reading them; with another law they are read.

    People who are to be won are as many as is said.
    """
    orders(tmp_path / "orders.csv", 60)
    made = calibrate(tmp_path / "orders.csv", tmp_path / "scenario.yaml", spend={"retention": 3_000}, prospects=300)
    twin = build(load(tmp_path / "scenario.yaml"))
    name = next(iter(twin.scenario.segments))
    change = {"margin": 0.31, f"segments.{name}.start.prospect": 900.0}
    fresh, again = (make(with_values(twin.scenario, change)) for make in (build, lambda other: rebuilt(twin, other)))
    assert again.base is twin.base, made
    for field in ("initial", "purchase_rate", "defection_rate", "mean_spend", "terminal"):
        np.testing.assert_array_equal(getattr(again.chain, field), getattr(fresh.chain, field))
    np.testing.assert_array_equal(again.margin, fresh.margin)
    assert again.chain.initial.sum() - twin.chain.initial.sum() == pytest.approx(600)
    assert rebuilt(twin, with_values(twin.scenario, {"discount_rate": 0.03})).base is not twin.base


@pytest.mark.slow
def test_intervals_hold_what_they_promise() -> None:
    """Brute force: 300 futures of their own worlds and luck; intervals of eight seeds hold 90 to 98 % of them."""
    firm = tenure.Firm.of(SHOP)
    rng = np.random.default_rng(7)
    policies = [firm.policy(name) for name in POLICIES]
    budget = budget_of(firm.twin, firm.budget)
    worth = []
    for k in range(300):
        values = {each.path: float(rng.uniform(each.low, each.high)) for each in firm.scenario.uncertain}
        twin = build(with_values(firm.scenario, values))
        people = twin.population(1000, k)
        markets = [
            Market(twin, copy.deepcopy(policy), people, budget, seed=1000, replication=k, threads=1).run()
            for policy in policies
        ]
        worth.append([customer_asset(history, twin.chain.discount_rate).total for history in markets])
    gains = np.array(worth) - np.array(worth)[:, :1]
    shares: dict[str, list[float]] = {name: [] for name in POLICIES[1:]}
    for seed in range(8):
        for i, row in enumerate(firm.compare(POLICIES, replications=20, seed=seed).to_rows()):
            if i:
                inside = (gains[:, i] >= row["low_all"]) & (gains[:, i] <= row["high_all"])
                shares[row["name"]].append(float(inside.mean()))
    for name, held in shares.items():
        assert 0.9 <= np.mean(held) <= 0.98, (name, held)


def test_what_does_not_move_the_lead_is_not_said_to() -> None:
    """Neither policy pays for care, whose unlimited money then is nothing to either."""
    still = Turn("levers.care.moves.survival.unlimited_money", 0.9, 0.99, 0.96, 12.0, 12.0, None, False, "")
    moves = Turn("margin", 0.4, 0.6, 0.5, 8.0, 15.0, None, False, "")
    assert turns_in_words((still,))[-1] == "The lead does not move with any of them."
    assert turns_in_words((moves, still))[-1] == "The lead moves most with the margin (+8 at 0.4, +15 at 0.6)."
    found = tenure.Firm.of(SHOP).compare(["no spend", "as today", "even split"], replications=2, samples=2)
    assert found.odds is not None
    told = replace(found, odds=replace(found.odds, turns=(moves, still)))
    shown = changes_if(found.decision, told, report_words("en"))
    assert "the margin is 0.4, or 0.6" in shown
    assert "0.99" not in shown
