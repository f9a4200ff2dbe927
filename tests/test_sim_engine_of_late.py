"""What levers did of late, by hand: carry-over, fatigue, customers driven away, purchases pulled forward."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checks import bits, chain_of, different
from everything import money_for, remembered
from gradients import some_plan
from markets import Content, Floats, answer, small
from players import Reacting, Steady

from optimizer.optimize import optimize
from optimizer.proof import assumed
from optimizer.question import Question
from sim.engine.fluid import expected_history
from sim.engine.sensitivity import asset_aim, follow
from sim.errors import InputError, RulesError, ScenarioError
from sim.history import History
from sim.market.clock import Market
from sim.outlook import _value
from sim.scenario.file import parse
from sim.twin import Twin, build
from sim.valuation import customer_asset

HERE = ["new", "developing", "core", "declining", "lapsed"]
WINS = {"without_money": 0.01, "unlimited_money": 0.4, "spend": 2.0, "brings": 0.1}
MORE = {"without_money": 0.0, "unlimited_money": 1.0, "spend": 1.0, "brings": 0.4}


def market(late: Content | None, moves: Content, money: list[float], **more: Any) -> Content:
    """Return 1,000 customers who buy .5 a month and never leave, 1,000 prospects, and a lever."""
    traits = {"purchase_rate": 0.5, "defection_rate": 0.0, "spend": 10.0}
    lever = {"targets": HERE, "reference": 0, "moves": moves, **({"of_late": late} if late else {}), **more}
    people = {"all": {"start": {"prospect": 1000, "new": 1000}, "traits": traits}}
    return small(periods=len(money), segments=people, levers={"mail": lever})


def under(content: Content, money: list[float]) -> History:
    """Return what is expected where every target gets so much a head by period."""
    chain = build(parse(content)).chain
    plan = np.array(money)[:, None, None, None] * chain.targets.allowed
    return expected_history(chain, plan)


def won(history: History) -> Floats:
    """Return the part of prospects who were won, by period."""
    prospects = history.customers[:, 0, 1]
    return np.asarray(1 - prospects[1:] / prospects[:-1])


def test_what_acts_is_carried_over() -> None:
    """Half of what acts comes from the period before: 4 once acts as 2, 1, .5, .25."""
    money = [4.0, 0.0, 0.0, 0.0]
    history = under(market({"carry_over": 0.5}, {"acquisition": WINS}, money, targets=["prospect"]), money)
    assert won(history) == pytest.approx([answer(WINS, a) for a in (2.0, 1.0, 0.5, 0.25)], rel=1e-12)
    assert history.spend.sum(axis=(1, 2, 3)) == pytest.approx([4000, 0, 0, 0])


def test_who_got_much_of_late_tires() -> None:
    """3 a month in place of 1: of late 1, 2, 2.5; with R = 2 each works 3/3, 3/4, 3/4.5 times as well."""
    money = [3.0, 3.0, 3.0]
    late = {"keep": 0.5, "fatigue": 2.0}
    history = under(market(late, {"acquisition": WINS}, money, targets=["prospect"], reference=1), money)
    assert won(history) == pytest.approx([answer(WINS, a) for a in (3.0, 9 / 4, 2.0)], rel=1e-12)


def test_too_many_drive_away() -> None:
    """5 once: of late 0, 2.5, 1.25; the rate of leaving is 1.1 to that power times .02, for the .8 who are reached."""
    money = [5.0, 0.0, 0.0]
    content = market({"keep": 0.5, "drives_away": 0.1}, {"amount": MORE}, money, reach=0.8)
    content["segments"]["all"]["traits"]["defection_rate"] = 0.02
    there = under(content, money).alive.sum(axis=1)
    leaves = [0.02 * (0.2 + 0.8 * 1.1**s) for s in (0.0, 2.5, 1.25)]
    assert there == pytest.approx([1000 * math.exp(-sum(leaves[:t])) for t in range(4)], rel=1e-12)


def test_purchases_pulled_forward_are_missing_later() -> None:
    """40 % more once, of which half was due later: .1, .05, .025 ... fewer, .2 in all; kept up, 20 % more remain."""
    late = {"keep": 0.5, "pulled_forward": 0.5}
    once = [1.0] + 29 * [0.0]
    bought = under(market(late, {"purchase_rate": MORE}, once), once).purchases.sum(axis=(1, 2)) / 500
    assert bought[:4] == pytest.approx([1.4, 0.9, 0.95, 0.975], rel=1e-12)
    assert bought.sum() == pytest.approx(30 + 0.4 - 0.2, rel=1e-9)
    always = 30 * [1.0]
    steady = under(market(late, {"purchase_rate": MORE}, always), always).purchases.sum(axis=(1, 2)) / 500
    assert steady[0] == pytest.approx(1.4, rel=1e-12)
    assert steady[-1] == pytest.approx(1.2, rel=1e-6)


def test_no_more_is_given_back_than_is_bought() -> None:
    """Who tripled purchases for long and stops at once buys nothing for a while, never less."""
    triple = {"shape": "piecewise-linear", "points": [[0, 0], [1, 2]]}
    money = [1.0, 1.0, 1.0, 0.0, 0.0]
    late = {"keep": 0.5, "pulled_forward": 1.0}
    bought = under(market(late, {"purchase_rate": triple}, money), money).purchases.sum(axis=(1, 2)) / 500
    assert bought == pytest.approx([3.0, 2.0, 1.5, 0.0, 0.125], rel=1e-12)


def test_a_cut_in_price_may_pull_forward_too() -> None:
    """A tenth off: the price is cut while it lasts, purchases are missing after it."""
    money = [0.5, 0.0]
    content = market({"pulled_forward": 1.0}, {"purchase_rate": MORE}, money, pays="price")
    history = under(content, money)
    more = answer(MORE, 0.5)
    assert history.revenue.sum(axis=(1, 2)) / 5000 == pytest.approx([0.9 * (1 + more), 1 - more / 2], rel=1e-12)


def test_todays_spend_is_as_if_nothing_were_remembered() -> None:
    late = {"keep": 0.7, "carry_over": 0.4, "fatigue": 3.0, "drives_away": 0.2, "pulled_forward": 0.6}
    money = 4 * [1.5]
    plain, remembering = (
        under(market(each, {"purchase_rate": MORE}, money, reference=1.5), money) for each in (None, late)
    )
    np.testing.assert_allclose(remembering.purchases, plain.purchases, rtol=1e-14)
    np.testing.assert_allclose(remembering.customers, plain.customers, rtol=1e-14)


def test_scenarios_of_before_keep_their_name() -> None:
    plain = parse(market(None, {"purchase_rate": MORE}, [1.0]))
    assert plain.levers["mail"].of_late is None
    assert parse(market({"carry_over": 0.1}, {"purchase_rate": MORE}, [1.0])).hash != plain.hash
    assert plain.hash == parse(market(None, {"purchase_rate": MORE}, [1.0], of_late=None)).hash


REFUSED = {
    "nothing": ({}, {"keep": 0.3}, "states nothing"),
    "keep of nothing": ({}, {"carry_over": 0.3, "keep": 0.6}, "keep: is of fatigue, drives_away and pulled_forward"),
    "all carried over": ({}, {"carry_over": 1.0}, "less than 1"),
    "pulled forward without purchases": ({"amount": MORE}, {"pulled_forward": 0.2}, "expected 'purchase_rate'"),
    "prospects driven away": ({"acquisition": WINS}, {"drives_away": 0.2}, "only customers leave"),
    "price carried over": ({}, {"carry_over": 0.2}, "pays: price is what customers pay"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused(what: str) -> None:
    moves, late, said = REFUSED[what]
    more: Content = {"targets": ["prospect"]} if "acquisition" in moves else {}
    more |= {"pays": "price"} if what.startswith("price") else {}
    with pytest.raises(ScenarioError, match=r"levers\.mail") as refused:
        parse(market(late, moves or {"purchase_rate": MORE}, [1.0], **more))
    assert said in str(refused.value)


def test_a_plan_is_found_without_a_bound_and_says_why() -> None:
    """Where mail drives away the best plan sends less than where it does not, and no bound is claimed."""
    plans = {}
    for late in (None, {"keep": 0.8, "drives_away": 0.5}):
        content = market(late, {"purchase_rate": MORE}, 3 * [1.0])
        content["segments"]["all"] |= {"start": {"core": 1000}}
        content["segments"]["all"]["traits"]["defection_rate"] = 0.05
        content |= {"terminal": "value-to-go", "stages": {"core": 2}, "margin": 0.5}
        plans[late is not None] = optimize(build(parse(content)), Question(budget=6000), bound_steps=0)
    assert plans[True].spend.sum() < plans[False].spend.sum()
    assert math.isnan(plans[True].proof.facts()["bound"])
    assert "levers remember" in plans[True].proof.assumes
    assert "levers remember" not in plans[False].proof.assumes
    crowd, both = (assumed(False, True, False, late) for late in (False, True))
    assert "levers remember" not in crowd
    assert both.startswith(crowd)
    assert "levers remember" in both


def test_what_full_information_cannot_reach_may_be_reached_where_levers_remember() -> None:
    """Mail drives customers away: without it more is earned than full information allows, which knows nothing of it."""
    late = {"keep": 0.5, "drives_away": 0.5}
    content = market(late, {"amount": MORE}, 4 * [0.0], reference=2, targets=HERE[:4]) | {"law": "contractual"}
    content["segments"]["all"] |= {"start": {"new": 1000}}
    content["segments"]["all"]["traits"]["defection_rate"] = 0.2
    twin = build(parse(content))
    most = follow(twin.chain, np.zeros((4, *twin.targets.shape))).asset
    assert most > 1.05 * follow(twin.chain, np.broadcast_to(twin.targets.reference, (4, *twin.targets.shape))).asset
    plan = optimize(twin, Question(reach=("asset", 0.99 * most)), bound_steps=0)
    assert plan.asset >= 0.99 * most * (1 - 1e-9)
    with pytest.raises(RulesError, match="asset"):
        optimize(twin, Question(reach=("asset", 1.5 * most)), bound_steps=0)
    content["rules"] = {"slices": {"much": {"levers": ["mail"], "floor": 1e6}}}
    with pytest.raises(RulesError, match="rules cannot all be met"):  # money is money
        optimize(build(parse(content)), Question(budget=1000.0))


def test_slopes_beside_a_course_know_what_was_done_of_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the course itself the slopes beside it are its own."""
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (2, 1))
    chain = chain_of(remembered())
    plan = some_plan(chain, 4)
    course, aim = follow(chain, plan), asset_aim(chain)
    slope = course.slope(aim)
    np.testing.assert_allclose(course.beside(aim).slopes(plan[None])[0], slope, atol=1e-9 * np.abs(slope).max())


def test_slopes_are_numbers_where_nobody_leaves_who_got_nothing() -> None:
    """Today's 100 a head drives so many away that without it next to nobody leaves: slopes are numbers there too."""
    money = [0.0, 0.0, 50.0]
    content = market({"keep": 0.0, "drives_away": 0.5}, {"amount": MORE}, money, reference=100)
    content["segments"]["all"]["traits"]["defection_rate"] = 0.02
    chain = build(parse(content)).chain
    plan = np.array(money)[:, None, None, None] * chain.targets.allowed
    assert np.isfinite(follow(chain, plan).slope(asset_aim(chain))).all()


def test_a_saved_market_keeps_what_was_done_of_late(tmp_path: Path) -> None:
    twin = build(parse({**remembered(), "terminal": "none"}))

    def fresh() -> Market:
        return Market(twin, Reacting(twin.scenario), twin.population(6, 2), money_for(twin), seed=6, replication=2)

    whole = bits(fresh().run())
    path = tmp_path / "half.market"
    market = fresh()
    market.run(until=5)
    market.save(path)
    again = build(parse({**remembered(), "terminal": "none"}))
    resumed = Market.resume(path, again, Reacting(again.scenario), again.population(6, 2))
    assert different(bits(resumed.run()), whole) == []
    assert different(bits(fresh().run()), whole) == []


def ending(late: Content, money: list[float]) -> tuple[Twin, Floats]:
    """Return a market whose value after the horizon counts, and a plan of so much a head by period."""
    content = market(late, {"purchase_rate": MORE}, money) | {"terminal": "value-to-go", "discount_rate": 0.2}
    content["segments"]["all"] |= {"start": {"new": 4000}}
    content["segments"]["all"]["traits"] |= {"defection_rate": 0.05}
    twin = build(parse(content))
    return twin, np.array(money)[:, None, None, None] * twin.targets.allowed


ALL = {"keep": 0.5, "drives_away": 0.1, "pulled_forward": 0.5, "fatigue": 2.0, "carry_over": 0.3}


def test_what_was_spent_at_the_end_acts_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A month of 5 a head, then the horizon: what is missing after it counts as in runs of 3 months and of 12."""
    assets = []
    for periods in (1, 3, 12):
        twin, plan = ending(ALL, [5.0] + (periods - 1) * [0.0])
        assets.append(follow(twin.chain, plan).asset)
        expected = customer_asset(expected_history(twin.chain, plan), twin.chain.discount_rate).total
        assert assets[-1] == pytest.approx(expected, rel=1e-12)
    assert assets == pytest.approx(3 * [assets[2]], rel=2e-4)
    twin, plan = ending(ALL, [5.0])
    course, step = follow(twin.chain, plan), 1e-4 * (plan > 0)
    differs = (follow(twin.chain, plan + step).asset - follow(twin.chain, plan - step).asset) / 2
    assert float((course.slope(asset_aim(twin.chain)) * step).sum()) == pytest.approx(differs, rel=1e-6)
    monkeypatch.setattr("sim.memory.SMALL", 1.0)
    monkeypatch.setattr("sim.memory.free_memory", lambda: twin.chain.bytes_of_period * 1.5)
    with pytest.raises(InputError, match="need about"):  # what is looked back on after the horizon counts, too
        follow(twin.chain, plan)
    untouched = course.asset - course.after + float((course.end * twin.chain.terminal).sum())
    assert course.asset < untouched - 0.01 * abs(untouched)  # it matters what is left


def test_a_customers_value_knows_what_is_left_after_the_horizon() -> None:
    """Values of those who are there at the start add up to the asset."""
    for late in (ALL, {"fatigue": 2.0}):
        twin, plan = ending(late, [5.0, 0.5])
        course = follow(twin.chain, plan)
        assert float((twin.chain.initial * _value(course)).sum()) == pytest.approx(course.asset, rel=1e-12)


@pytest.mark.parametrize("traits", ["classes", "individual"])
def test_agents_live_on_with_what_was_done_of_late(traits: Any) -> None:
    twin, plan = ending(ALL, [5.0])
    played = []
    for luck in range(4):
        market = Market(twin, Steady(plan[0]), twin.population(1, luck, traits), seed=1, replication=luck)
        history = market.run()
        played.append(customer_asset(history, twin.chain.discount_rate).total)
        assert different(bits(market.run()), bits(history)) == []  # they stand where they stood
    assert np.mean(played) == pytest.approx(follow(twin.chain, plan).asset, rel=0.01)
