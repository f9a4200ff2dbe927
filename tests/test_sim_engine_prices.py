"""A rival's own price, and a partner who keeps a commission, by hand; the bound where there is one."""

import math
from typing import Any

import numpy as np
import pytest
from checks import asset_of
from markets import LINE, Content, small

from experiments.words.mechanisms import customers_in_words, market_in_words
from optimizer.ask.problem import allocation_problem
from optimizer.bound.decomposition import full_information
from optimizer.proof import assumed
from sim.engine.fluid import expected_history
from sim.errors import ScenarioError
from sim.scenario.file import parse
from sim.twin import Twin, build

HERE = ["new", "developing", "core", "declining", "lapsed"]
CUT = {"targets": ["prospect", *HERE], "pays": "price", "reference": 0, "moves": {"amount": {
    "shape": "piecewise-linear", "points": [[0, 0], [100, 1e-12]]}}}  # fmt: skip
RIVAL = {"name": "cutter", "start": 1, "end": 3, "price": {"cut": 0.2, "defection": 1.5, "acquisition": 2.0}}


def market(**changes: Any) -> Content:
    """Return 1,000 customers who buy twice a month for 10 and leave at .1, and 1,000 prospects, won at .1."""
    traits = {"purchase_rate": 2.0, "defection_rate": 0.1, "spend": 10.0}
    offer = {"targets": ["prospect"], "reference": 1.0, "moves": {"acquisition": LINE}}
    content = small(
        law="contractual", terminal="none", margin=0.4, stages={"core": 2, "declining": 4, "lapsed": 5},
        segments={"all": {"start": {"prospect": 1000, "new": 1000}, "traits": traits}},
        levers={"offer": offer, "cut": CUT}, competitors=[RIVAL],
    )  # fmt: skip
    return {**content, **changes}


def under(content: Content, **money: float) -> tuple[Twin, Any]:
    """Return what is expected where these levers get so much a head, others as today."""
    twin = build(parse(content))
    plan = np.repeat(twin.targets.reference[None], twin.chain.periods, axis=0)
    for i, name in enumerate(twin.targets.levers):
        if name in money:
            plan[:, :, :, i] = np.where(twin.targets.allowed[:, :, i], money[name], 0.0)
    return twin, expected_history(twin.chain, plan)


@pytest.mark.parametrize("ours", [1.0, 0.8])
def test_our_price_against_theirs_by_hand(ours: float) -> None:
    """While the rival is there at .8: leaving times (p/.8)^1.5, winning times (.8/p)^2; p = .8 makes it good."""
    _, history = under(market(), cut=20 * (1 - ours))
    there = np.array([False, True, True, False])
    leaves = 0.1 * np.where(there, (ours / 0.8) ** 1.5, 1.0)
    wins = 0.1 * np.where(there, (0.8 / ours) ** 2, 1.0)
    won = history.events["won"].sum(axis=1)
    np.testing.assert_allclose(won, wins * history.customers[:-1, 0, 1], rtol=1e-12)
    alive = history.alive.sum(axis=1)
    np.testing.assert_allclose(alive[1:], alive[:-1] * np.exp(-leaves) + won, rtol=1e-12)
    if ours == 0.8:
        _, usual = under(market(competitors=[]))
        np.testing.assert_allclose(history.alive, usual.alive, rtol=1e-12)


def test_a_rival_that_reacts_cuts_deeper() -> None:
    """As many per cent as our share of the market's people grows, times 2."""
    answer = {**RIVAL, "start": 0, "end": None, "reaction": 2.0, "most": 3.0}
    twin, history = under(market(competitors=[answer]))
    people = history.customers[:, 0]
    share = people[:, 2:6].sum(axis=1) / people.sum(axis=1)
    cut = 0.2 * np.clip(1 + 2 * (share / share[0] - 1), 0, 3)[:-1]
    stay = np.exp(-0.1 * (1 - cut) ** -1.5)
    alive = history.alive.sum(axis=1)
    np.testing.assert_allclose(alive[1:], alive[:-1] * stay + history.events["won"].sum(axis=1), rtol=1e-12)
    assert twin.chain.couples
    assert len(set(cut)) == 4


def test_no_bound_is_claimed_where_our_price_counts_so() -> None:
    """It is said in words; without a lever on our price, or without theirs, the bound is as ever."""
    twin, _ = under(market())
    assert not twin.chain.bounded
    assert "where our price counts against a rival's own" in assumed(False, False, False, priced=True)
    levers = market()["levers"]
    assert under(market(levers={"offer": levers["offer"]}))[0].chain.bounded
    assert under(market(competitors=[]))[0].chain.bounded


def test_check_says_what_their_price_does() -> None:
    """In one sentence, with what answers it."""
    (said,) = market_in_words(parse(market()))
    assert "“cutter” sells at 80 % of its price in the data from month 2 to 3" in said
    assert "the defection rate is multiplied by 1.4 and the chance of winning is multiplied by 0.64" in said
    assert "a cut of ours by cut that is as deep makes that good" in said
    dearer = {**RIVAL, "price": {"cut": -0.1, "defection": 1.0}, "reaction": 2.0}
    (said,) = market_in_words(parse(market(competitors=[dearer])))
    assert "a cut of ours by cut counts against its" in said
    assert "what its price rose by grows by 2 %" in said


# --- A partner ---

PARTNER = {"share": 0.5, "commission": 0.2}
SITE = {"targets": ["prospect", *HERE], "reference": 1.0, "moves": {"direct": LINE}}


def test_what_a_partner_keeps_by_hand() -> None:
    """A half at 20 % leaves .9 of the bill; 3 each move .2 of it: .94; beyond all there is nothing to move."""
    content = market(competitors=[], partner=PARTNER, levers={"site": SITE, **market()["levers"]})
    _, plain = under(market(competitors=[]))
    for money, left in ((1.0, 0.9), (3.0, 0.94), (9.0, 1.0)):
        _, history = under(content, site=money)
        np.testing.assert_allclose(history.revenue, left * plain.revenue, rtol=1e-12)
        np.testing.assert_allclose(history.reward, plain.reward - (1 - left) * plain.revenue, rtol=1e-9, atol=1e-9)
        np.testing.assert_array_equal(history.alive, plain.alive)
    _, both = under(content, cut=2.0)
    np.testing.assert_allclose(both.revenue, 0.9 * 0.9 * plain.revenue, rtol=1e-12)


def test_a_segment_has_its_own_partner() -> None:
    """In place of the scenario's; none of it where it says so."""
    content = market(competitors=[], partner=PARTNER)
    content["segments"]["Others"] = {**content["segments"]["all"], "partner": {"share": 0.0, "commission": 0.0}}
    _, history = under(content)
    np.testing.assert_allclose(history.revenue[:, 0], 0.9 * history.revenue[:, 1], rtol=1e-12)
    said = " ".join(customers_in_words(parse(content)))
    assert "50 % of purchases come through a partner, who keeps 20 % of what is paid there" in said
    assert "Of “Others” 0 % at 0 %" in said
    assert "keeps more than the margin" not in said
    dear = " ".join(customers_in_words(parse({**content, "margin": 0.15})))
    assert "Of “all” the partner keeps more than the margin of 15 %: every purchase there costs the firm 5 %" in dear
    assert "Of “Others” the partner keeps more" not in dear


def test_no_random_plan_beats_the_bound() -> None:
    """A partner leaves customers independent: the bound knows the commission, and levers that save it."""
    chance = {"without_money": 0.0, "unlimited_money": 0.6, "spend": 0.5, "brings": 0.2}
    levers = {
        "site": {"targets": ["new", "core"], "reference": 0.2, "moves": {"direct": chance}},
        "calls": {"targets": ["core"], "reference": 0.0, "moves": {"direct": chance, "purchase_rate": chance}},
    }
    content = market(competitors=[], partner={"share": 0.7, "commission": 0.3}, periods=6, levers=levers)
    content["segments"]["all"]["traits"]["purchase_rate"] = {"shape": 2.0, "rate": 1.0}
    twin = build(parse(content))
    assert twin.chain.bounded
    bound = full_information(allocation_problem(twin, 4000.0), 1e-3).bound
    rng, best = np.random.default_rng(3), -math.inf
    for _ in range(60):
        plan = np.where(twin.targets.allowed, rng.gamma(0.5, 1.0, (6, *twin.targets.shape)), 0.0) * rng.random()
        plan *= 4000.0 / max(4000.0, 2 * float(expected_history(twin.chain, plan).spend.sum()))
        best = max(best, asset_of(twin.chain, plan))
    assert asset_of(twin.chain, 0 * plan) < best <= bound


REFUSED: dict[str, tuple[Content, str]] = {
    "a rival who does nothing": ({"competitors": [{"name": "r", "start": 0}]}, "states nothing that follows"),
    "a price of nothing": ({"competitors": [{**RIVAL, "price": {"cut": 0.1}}]}, "price: states nothing that follows"),
    "for nothing": ({"competitors": [{**RIVAL, "reaction": 1, "most": 6}]}, "price.cut: with its reaction up to 1.2"),
    "all of its price": ({"competitors": [{**RIVAL, "price": {"cut": 0.9999, "defection": 1}}]}, "price.cut"),
    "no elasticity": ({"competitors": [{**RIVAL, "price": {"cut": 0.9, "acquisition": 99}}]}, "price.acquisition"),
    "a route alone": ({"competitors": [{**RIVAL, "route": "defection"}]}, "strength: missing"),
    "a mistyped key": (
        {"competitors": [{**RIVAL, "price": {"cuts": 0.1}}]}, "price.cuts: unknown key; did you mean 'cut'?",
    ),
    "direct without a partner": ({"levers": {"site": SITE}}, "levers.site.moves.direct: needs `partner:`"),
    "all of it kept": ({"partner": {"share": 0.5, "commission": 1.0}}, "partner.commission"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused(what: str) -> None:
    """In one line, by the key."""
    changes, said = REFUSED[what]
    with pytest.raises(ScenarioError) as told:
        parse(market(**changes))
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_scenarios_of_before_keep_their_name() -> None:
    """What was added and says nothing does not change what a scenario is called by."""
    rival = {"name": "r", "start": 1, "route": "defection", "strength": 0.5}
    assert parse(small(competitors=[rival])).hash[:12] == "2b81f2110c72"
