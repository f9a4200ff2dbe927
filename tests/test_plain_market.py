"""The plain market right by hand: the crowd, money, three laws and surveys."""

import copy
import math
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from markets import LINE, MIX, small
from plain.crowd import born, net_promoters, share_multiplier
from plain.market import PlainMarket
from plain.record import Money
from plain.small import crowd, market, odds_at_start, states, steady
from plain.survey import surveyed

from sim.scenario.file import STAGES, parse

# --- The crowd --------------------------------------------------------------------------------------------------------


def test_share_of_customer_by_logit() -> None:
    """Half our share and odds trebled: 1/(1/2 + 1/6); rivals alone take what they are said to take."""
    assert share_multiplier(0.5, 0, []) == pytest.approx(1)
    assert share_multiplier(0.5, math.log(3), []) == pytest.approx(1.5)
    assert share_multiplier(0.25, 100, []) == pytest.approx(4)
    assert share_multiplier(0.5, 0, [0.3]) == pytest.approx(0.7)
    assert share_multiplier(None, 0, [0.3]) == pytest.approx(0.7)
    assert share_multiplier(None, 0, [0.5, 0.75]) == pytest.approx(1 / (1 + 1 + 3))
    assert share_multiplier(0.4, math.log(2), [0.5]) == pytest.approx(1 / (0.4 + 1.6 / 2))
    assert share_multiplier(0.4, 2, [1]) == 0


def test_promoters_by_hand() -> None:
    """Levels 4 and 5 speak well, 1 and 2 badly, 3 not at all; nobody says nothing."""
    assert net_promoters([5, 4, 4, 3, 1]) == pytest.approx(0.4)
    assert net_promoters([]) is None


def test_word_of_mouth_by_hand() -> None:
    """Chances grow by W (n - n_mix), n_mix = .2; a segment without customers says nothing; never below 0 or above 1."""
    lever = {"targets": ["unaware"], "reference": 0, "moves": {"awareness": LINE}}
    content = small(satisfaction={"mix": MIX}, levers={"fame": lever}, word_of_mouth={"all": {"all": 2, "others": 5}})
    content["segments"]["others"] = copy.deepcopy(content["segments"]["all"])
    happy, unhappy = crowd(4, level=5), crowd(4, level=1)
    assert odds_at_start(content, "unaware", happy, fame=1.0).aware == pytest.approx(0.1 * (1 + 2 * 0.8))
    assert odds_at_start(content, "unaware", happy, fame=8.0).aware == 1
    assert odds_at_start(content, "unaware", unhappy, fame=1.0).aware == 0
    others = crowd(8, segment="others", level=3)
    assert odds_at_start(content, "unaware", happy + others, fame=1.0).aware == pytest.approx(0.1 * (2.6 - 5 * 0.2))
    content["word_of_mouth"] = 3
    alike = 4 / 12
    got = odds_at_start(content, "unaware", happy + others, fame=1.0).aware
    assert got == pytest.approx(0.1 * (1 + 3 * (alike - 0.2)))
    assert odds_at_start(content, "unaware", crowd(4, "unaware"), fame=1.0).aware == pytest.approx(0.1)


def test_a_rival_answers_our_success() -> None:
    """Seen customers from 1 in 4 people to 2 in 4: by .5 a per cent its strength grows by half, 1.4 at most."""
    lever = {"targets": ["prospect"], "reference": 0, "moves": {"acquisition": LINE}}
    rival = {"name": "r", "start": 1, "end": 3, "route": "defection", "strength": 0.2, "reaction": 0.5}
    content = small(levers={"offer": lever}, competitors=[rival, {**rival, "most": 1.4}])
    people = crowd(1) + crowd(1, "prospect") + crowd(2, "unaware")
    lives = market(content, people, steady(offer=10.0))
    np.testing.assert_allclose([account.reactions for account in lives.accounts], [[1.0, 1.0]] + [[1.5, 1.4]] * 3)
    assert odds_at_start(content, "new").defection == 1


def test_rivals_shocks_and_seasons_multiply() -> None:
    """Defection 1.2 x 1.5, acquisition .3 x .6 x 2, purchase rate 3/2 x .8 x .75, each while it lasts."""
    content = small(
        seasons=[3, 1, 2],
        levers={"offer": {"targets": ["prospect"], "reference": 0, "moves": {"acquisition": LINE}}},
        competitors=[
            {"name": "a", "start": 0, "route": "defection", "strength": 0.2},
            {"name": "b", "start": 0, "route": "acquisition", "strength": 0.4},
            {"name": "c", "start": 0, "route": "share of customer", "strength": 0.25},
            {"name": "d", "start": 1, "route": "defection", "strength": 0.9},
        ],
        shocks=[
            {"name": "a", "start": 0, "end": 1, "route": "defection", "size": 0.5},
            {"name": "b", "start": 0, "route": "acquisition", "size": 1.0},
            {"name": "c", "start": 0, "route": "purchase rate", "size": -0.2, "segments": ["all"]},
            {"name": "d", "start": 1, "route": "purchase rate", "size": 7},
        ],
    )
    odds = odds_at_start(content, "new", offer=3.0)
    assert (odds.defection, odds.rate) == pytest.approx((1.8, 1.5 * 0.8 * 0.75))
    assert odds_at_start(content, "prospect", offer=3.0).won == pytest.approx(0.3 * 0.6 * 2)


def test_levers_combine() -> None:
    """Chances as 1 - prod(1 - f); gains as products over the reference's; survival by logarithms."""
    chance = {"targets": ["lapsed"], "reference": 0, "moves": {"reactivation": LINE}}
    gain = {"targets": ["new"], "reference": 5, "moves": {"purchase_rate": LINE, "amount": LINE}}
    lines = {"shape": "piecewise-linear", "points": [[0, 0.5], [10, 0.9]]}
    care = {"targets": ["new"], "reference": 5, "moves": {"survival": lines}}
    content = small(levers={"a": chance, "b": chance, "c": gain, "d": gain, "e": care}, loss=0.02)
    odds = odds_at_start(content, "lapsed", a=2.0, b=5.0)
    assert odds.returned == pytest.approx(1 - 0.8 * 0.5)
    assert odds.lost == 0.02
    odds = odds_at_start(content, "new", c=2.0, d=8.0, e=10.0)
    assert (odds.rate, odds.amount) == pytest.approx((1.2 / 1.5 * 1.8 / 1.5,) * 2)
    assert odds.defection == pytest.approx(math.log(0.9) / math.log(0.7))


@pytest.mark.parametrize(("per_period", "want"), [(0.4, [0, 1, 0, 1, 0, 0]), (3, [3] * 6), (2.7, [3, 2, 3, 3, 3, 2])])
def test_births_keep_up_with_what_is_stated(per_period: float, want: list[int]) -> None:
    """Rounded in the sum, not one by one; who is born at the end of a period lives from the next on."""
    assert [born(per_period, period) for period in range(6)] == want


def test_who_is_born_is_there_from_the_next_period_on() -> None:
    """Born at the end of period 1 as a prospect and won in period 2."""
    content = small(levers={"offer": {"targets": ["prospect"], "reference": 0, "moves": {"acquisition": LINE}}})
    lives = market(content, crowd(1, "to come", birth=1, starts="prospect"), steady(offer=10.0))
    assert [row[0] for row in states(lives, "truth")] == ["to come", "to come", "prospect", "alive", "alive"]
    assert [row[0].event for row in lives.happened] == [None, None, "won", None]
    assert [sum(heads.values()) for heads in lives.heads] == [0, 0, 1, 1, 1]


# --- Money ------------------------------------------------------------------------------------------------------------


def test_a_saturated_medium_buys_half() -> None:
    """Where S is spent above nothing, a unit of money buys half as much; at the reference, as much as ever."""
    lever = {"targets": ["new"], "reference": 0, "moves": {"amount": LINE}, "saturation": 40.0}
    content = small(levers={"medium": lever})
    assert odds_at_start(content, "new", crowd(10), medium=4.0).amount == pytest.approx(1.2)
    content["levers"]["medium"]["reference"] = 2
    assert odds_at_start(content, "new", crowd(10), medium=2.0).amount == pytest.approx(1)
    want = (1 + 0.1 * 5 * 60 / 90) / 1.2
    assert odds_at_start(content, "new", crowd(10), medium=5.0).amount == pytest.approx(want)


def test_the_reference_of_saturation_is_on_the_heads_at_the_start() -> None:
    """Half of the people go: what was spent on all is now spent on half, and buys more than its reference did."""
    lever = {"targets": ["new"], "reference": 2, "moves": {"amount": LINE}, "saturation": 40.0}
    content = small(levers={"medium": lever}, stages={"declining": 1, "lapsed": 2})
    people = crowd(5) + crowd(5, purchase_rate=30.0)
    given = PlainMarket(parse(content), steady(medium=2.0), people)
    lives = given.run()
    assert [heads["all", "new"] for heads in lives.heads] == [10, 0, 0, 0, 0]
    assert given.effective == {"medium": pytest.approx(60 / 40)}


def test_lead_time_and_duration() -> None:
    """Decided at 0, 1, 2, ...: with a lead of 2 and campaigns of 3, what is decided at 0 acts at 2, 3, 4, then 3's."""
    lever = {"targets": ["new"], "reference": 5, "moves": {"amount": LINE}}
    late = {**lever, "lead_time": 2, "duration": 3, "committed": 7}
    usual = {**lever, "lead_time": 2}
    content = small(periods=9, levers={"now": lever, "late": late, "usual": usual})

    def rising(period: int, heads: Any, available: float) -> Money:
        return {("all", "new", lever): 10.0 + period for lever in content["levers"]}

    lives = market(content, crowd(2), rising)
    stage = [STAGES.index(row[0]) for row in states(lives, "stage")]
    assert stage[:4] == [STAGES.index(name) for name in ("new", "new", "new", "declining")]
    given = PlainMarket(parse(content), rising, crowd(2))
    given.decided = [rising(period, {}, 0.0) for period in range(9)]
    acting = {name: [given.acting(("all", "new", name), t) for t in range(9)] for name in content["levers"]}
    assert acting["now"] == [10, 11, 12, 13, 14, 15, 16, 17, 18]
    assert acting["late"] == [7, 7, 10, 10, 10, 13, 13, 13, 16]
    assert acting["usual"] == [5, 5, 10, 11, 12, 13, 14, 15, 16]
    for account, now, late_, usual_ in zip(lives.accounts[:3], *acting.values(), strict=False):
        assert sum(account.spend.values()) == pytest.approx(2 * (now + late_ + usual_))


def test_what_would_run_out_is_scaled_back_by_one_factor() -> None:
    """Ten heads at 2 and 4 ask for 60 where 45 may be spent a period and 100 in all: 3/4, 3/4, then 10/60."""
    lever = {"targets": ["new"], "reference": 0, "moves": {"amount": LINE}}
    content = small(levers={"a": lever, "b": lever}, stages={"declining": 10, "lapsed": 11})
    lives = market(content, crowd(10), steady(a=2.0, b=4.0), total=100, per_period=45)
    assert [account.factor for account in lives.accounts] == pytest.approx([0.75, 0.75, 1 / 6, 0])
    spend = [[account.spend["all", "new", name] for name in "ab"] for account in lives.accounts]
    assert spend == [pytest.approx(want) for want in ([15, 30], [15, 30], [20 / 6, 40 / 6], [0, 0])]
    assert [account.unspent for account in lives.accounts] == pytest.approx([55, 10, 0, 0])


def test_accounts_by_hand() -> None:
    """Two sound and two bad payers are won for 10 each: margin, bad debt and cost by quality; then they cost only."""
    lever = {"targets": ["prospect"], "reference": 0, "moves": {"acquisition": LINE}}
    content = small(levers={"offer": lever}, margin=0.5, cost_to_serve={"per_customer": 1, "per_purchase": 0.25})
    content["segments"]["all"]["quality"] = [{"share": 0.5}, {"share": 0.5, "bad_debt": 0.3, "cost_to_serve": 2}]
    people = crowd(2, "prospect") + crowd(2, "prospect", quality=1)
    lives = market(content, people, steady(offer=10.0), money_units=8)
    first, then = lives.accounts[:2]
    assert [happened.revenue for happened in lives.happened[0]] == [80] * 4
    assert (first.revenue["all"], first.bad_debt["all"]) == pytest.approx((40, 6))
    assert first.cost_to_serve["all"] == pytest.approx(0.25 * 2 + 0.5 * 2)
    assert first.reward["all"] == pytest.approx(0.5 * 40 - 6 - 1.5)
    assert sum(first.spend.values()) == pytest.approx(40)
    assert then.reward["all"] == pytest.approx(-(1 * 2 + 2 * 2))
    content["segments"]["all"].update(margin=1.0, cost_to_serve={"per_purchase": 3})
    again = market(content, crowd(4, "prospect"), steady(offer=10.0)).accounts[0]
    assert again.reward["all"] == pytest.approx(40 - 12)


def test_quality_sets_the_odds_of_winning() -> None:
    """Half the chance, twice the chance and capped at 1: none, all and all are won at a draw between."""
    lever = {"targets": ["prospect"], "reference": 0, "moves": {"acquisition": LINE}}
    content = small(levers={"offer": lever}, periods=1)
    kinds = [{"share": 0.5, "acquisition": 0}, {"share": 0.25, "acquisition": 2}, {"share": 0.25, "acquisition": 50}]
    content["segments"]["all"]["quality"] = kinds
    people = [replace(person, quality=kind) for kind in range(3) for person in crowd(50, "prospect")]
    lives = market(content, people, steady(offer=5.0))
    assert [sum(h.event == "won" for h in lives.happened[0][50 * k : 50 * k + 50]) for k in range(3)] == [0, 50, 50]


# --- Three laws -------------------------------------------------------------------------------------------------------


def test_leaving_is_seen_but_for_the_silent_law() -> None:
    """Of two who leave at once, a shop still sees new customers, a contract lapsed ones; who stays is seen as new."""
    for law, stage in (("silent", "new"), ("contractual", "lapsed")):
        lives = market(small(law=law), crowd(2, defection_rate=1e9) + crowd(1))
        assert [state.truth for state in lives.states[1]] == ["gone", "gone", "alive"]
        assert [state.stage for state in lives.states[1]] == [stage, stage, "new"]


def test_a_renewal_pays_once_a_period_while_it_lasts() -> None:
    """Who survives buys once, who leaves nothing; who leaves with an employee at the period's end has paid."""
    content = small(law="renewal", links={"mix": [1, 0, 0, 0], "turnover": 1})
    content["segments"]["all"]["traits"]["purchase_rate"] = 1
    people = crowd(1, ties=0) + crowd(1, ties=0, defection_rate=1e9) + crowd(1, ties=2)
    lives = market(content, people)
    assert [[happened.purchases for happened in row] for row in lives.happened] == [[1, 0, 1], [1, 0, 1]] + [
        [1, 0, 0]
    ] * 2
    assert [row[0] for row in states(lives, "bought")] == [1, 2, 3, 4, 4]
    assert [row[2].event for row in lives.happened] == [None, "left", None, None]


def test_the_silently_gone_return_or_are_lost_by_one_draw() -> None:
    """Of many at f = .3 and a loss of .5, .3 return with one purchase and .35 are lost; the lost stay so."""
    lever = {"targets": ["lapsed"], "reference": 0, "moves": {"reactivation": LINE}}
    content = small(levers={"letter": lever}, loss=0.5, periods=2, stages={"declining": 1, "lapsed": 2})
    content["satisfaction"] = {"mix": MIX, "entry": 4}
    people = crowd(2000, "gone", bought=3, silent=2)
    lives = market(content, people, steady(letter=3.0))
    events = Counter(happened.event for happened in lives.happened[0])
    assert events["returned"] == pytest.approx(600, abs=80)
    assert events["lost"] == pytest.approx(700, abs=85)
    for now, then, happened in zip(*lives.states[1:3], lives.happened[0], strict=True):
        if happened.event == "returned":
            assert (now.truth, now.bought, now.silent, now.level) == ("alive", 4, 0, 4)
            assert (happened.purchases, happened.revenue) == (1, 10)
        elif happened.event == "lost":
            assert now == then
            assert (now.truth, now.stage, now.level) == ("lost", "lapsed", 0)


def test_a_survey_asks_the_seen_and_hears_the_alive() -> None:
    """All eight seen are asked where the sample is large, six answer; of 400 and a sample of 100, near a quarter."""
    content = small(satisfaction={"mix": MIX, "mobility": 0}, survey={"sample": 100})
    people = crowd(4, level=5) + crowd(2, level=2, bought=5) + crowd(2, "gone") + crowd(3, "gone", silent=6)
    lives = market(content, people)
    answers = surveyed(parse(content), people, lives, 0)
    assert answers.asked == [True] * 8 + [False] * 3
    assert answers.number == {("all", "new"): 4, ("all", "core"): 2}
    assert answers.mean == {("all", "new"): 100, ("all", "core"): 25}
    people = crowd(400, level=3)
    answers = surveyed(parse(content), people, market(content, people), 2)
    assert sum(answers.asked) == pytest.approx(100, abs=35)
