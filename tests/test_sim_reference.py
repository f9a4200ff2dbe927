"""The market in plain Python: right by hand, and the compiled engine equals it event for event."""

import copy
import itertools
import math
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import plain_market
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_market import (
    Heads,
    Lives,
    Money,
    Person,
    PlainMarket,
    Policy,
    born,
    curve_value,
    employee_slope,
    entry_level,
    level_odds,
    long_run_shares,
    mean_points,
    net_promoters,
    next_level,
    next_ties,
    relative,
    response,
    share_multiplier,
    surveyed,
)

from sim.contract import Allocation, Observation, Targets
from sim.customers.population import Population
from sim.engine import agent_kernels, random_streams
from sim.market.clock import Budget, Market
from sim.scenario.customers import Quality, Satisfaction
from sim.scenario.file import STAGES, Gamma, GammaGamma, Scenario, parse
from sim.twin import Twin, build

Content = dict[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]

LINE = {"shape": "piecewise-linear", "points": [[0, 0], [10, 1]]}
"""``f(u) = u/10`` up to 10: easy on hands."""
MIX = [0.1, 0.15, 0.3, 0.25, 0.2]


def small(**changes: Any) -> Content:
    """Return a scenario of one segment whose customers neither buy nor leave, and a lever that costs nothing."""
    idle = {"targets": ["new"], "reference": 0, "moves": {"amount": LINE}}
    traits = {"purchase_rate": 0.0, "defection_rate": 0.0, "spend": 10.0}
    content: Content = {
        "name": "small",
        "periods": 4,
        "terminal": "none",
        "segments": {"all": {"start": {"new": 1}, "traits": traits}},
        "levers": {"idle": idle},
    }
    return {**content, **copy.deepcopy(changes)}


def crowd(number: int, truth: str = "alive", segment: str = "all", **more: Any) -> list[Person]:
    """Return people who are alike; customers bought once."""
    given: Content = {"purchase_rate": 0.0, "defection_rate": 0.0, "mean_spend": 10.0}
    given["bought"] = 0 if truth in ("unaware", "prospect", "to come") else 1
    return [Person(identity, segment, truth, **{**given, **more}) for identity in range(number)]


def steady(**money: float) -> Policy:
    """Return the policy that spends the same by lever wherever it can be used."""
    return lambda period, heads, available: {
        (*target, lever): intensity for lever, intensity in money.items() for target in heads
    }


def market(content: Content, people: list[Person], policy: Policy | None = None, **more: Any) -> Lives:
    """Return the lives of people in a market."""
    return PlainMarket(parse(content), policy or steady(), people, **more).run()


def states(lives: Lives, what: str) -> list[Any]:
    """Return one attribute of everybody's state, by period and person."""
    return [[getattr(state, what) for state in row] for row in lives.states]


def transition(satisfaction: Satisfaction, shift: float) -> np.ndarray[Any, Any]:
    """Return the matrix of the chain of levels."""
    matrix = np.zeros((5, 5))
    for k in range(5):
        up, down = level_odds(satisfaction, k + 1, shift)
        if up:
            matrix[k, k + 1] = up
        if down:
            matrix[k, k - 1] = down
        matrix[k, k] = 1 - up - down
    return matrix


# --- Curves -----------------------------------------------------------------------------------------------------------


def curve_of(**curve: Any) -> Any:
    """Return a curve as a scenario states it."""
    lever = {"targets": ["new"], "reference": 0, "moves": {"amount": curve}}
    return parse(small(levers={"one": lever})).levers["one"].moves["amount"]


@pytest.mark.parametrize("shape", [{"shape": "blattberg-deighton"}, {"shape": "adbudg", "steepness": 1.7}])
def test_curves_from_answers_keep_to_them(shape: Content) -> None:
    """No money, the known intensity, and next to unlimited money bring what the manager said."""
    curve = curve_of(**shape, without_money=0.1, unlimited_money=0.9, spend=2.0, brings=0.3)
    assert curve_value(curve, 0) == pytest.approx(0.1, rel=1e-12)
    assert curve_value(curve, 2) == pytest.approx(0.3, rel=1e-12)
    assert curve_value(curve, 1e9) == pytest.approx(0.9, rel=1e-9)


def test_every_shape_by_hand() -> None:
    """Blattberg-Deighton misses a quarter after half, twice; ADBUDG 4/(12 + 4); Hill 1/2 at half; lines in between."""
    answers = {"without_money": 0.0, "unlimited_money": 0.8, "spend": 1.0, "brings": 0.4}
    assert curve_value(curve_of(**answers), 2) == pytest.approx(0.6)
    adbudg = curve_of(shape="adbudg", steepness=2, **{**answers, "spend": 2.0, "brings": 0.2})
    assert curve_value(adbudg, 4) == pytest.approx(0.8 * 16 / (12 + 16))
    hill = curve_of(shape="hill", unlimited_money=0.8, half=3, steepness=3)
    assert curve_value(hill, 3) == pytest.approx(0.4)
    assert curve_value(hill, 6) == pytest.approx(0.8 * 8 / 9)
    lines = curve_of(shape="piecewise-linear", points=[[0, 0.1], [1, 0.3], [5, 0.5]])
    assert [curve_value(lines, u) for u in (0, 0.5, 1, 3, 5, 50)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.5])


def test_those_out_of_reach_respond_as_to_no_money() -> None:
    """With a reach of .7: .7 f(u) + .3 f(0)."""
    assert response(curve_of(**LINE), 6, 0.7) == pytest.approx(0.42)
    lines = curve_of(shape="piecewise-linear", points=[[0, 0.5], [1, 0.9]])
    assert response(lines, 1, 0.25) == pytest.approx(0.25 * 0.9 + 0.75 * 0.5)


# --- Satisfaction and employees ---------------------------------------------------------------------------------------


@settings(deadline=None, derandomize=True)
@given(st.lists(st.floats(0.01, 1), min_size=5, max_size=5), st.floats(0.01, 1))
def test_metropolis_keeps_the_mix(weights: list[float], mobility: float) -> None:
    """Without a shift one period leaves any mix as it is, and it is where the chain ends up."""
    mix = [w / sum(weights) for w in weights]
    mix[4] = 1 - sum(mix[:4])
    satisfaction = Satisfaction(mix=tuple(mix), mobility=mobility)
    np.testing.assert_allclose(np.array(mix) @ transition(satisfaction, 0), mix, rtol=1e-9)
    np.testing.assert_allclose(long_run_shares(satisfaction, 0), mix, rtol=1e-9)


def test_a_shift_adds_to_up_and_takes_from_down_within_bounds() -> None:
    """By hand for the mix: level 3 goes up at .1 x .25/.3 and down at .1 x .15/.3; ends have one way."""
    satisfaction = Satisfaction(mix=tuple(MIX), mobility=0.2)
    assert level_odds(satisfaction, 3, 0) == pytest.approx((0.1 * 0.25 / 0.3, 0.05))
    assert level_odds(satisfaction, 3, 0.02) == pytest.approx((0.1 * 0.25 / 0.3 + 0.02, 0.03))
    assert level_odds(satisfaction, 3, 0.5) == pytest.approx((0.1 * 0.25 / 0.3 + 0.5, 0))
    assert level_odds(satisfaction, 1, -2) == (0, 0)
    assert level_odds(satisfaction, 5, -2) == (0, 1)
    hole = Satisfaction(mix=(0.5, 0, 0, 0, 0.5), mobility=0.2)
    assert level_odds(hole, 1, 0) == (0, 0)
    assert level_odds(hole, 3, 0) == pytest.approx((0.1, 0.1))


def test_low_draws_look_up_and_high_ones_down() -> None:
    """With odds of .125 up and .25 down: up below .125, down from .75 on."""
    satisfaction = Satisfaction(mix=(0.2, 0.2, 0.4, 0.1, 0.1), mobility=1)
    assert level_odds(satisfaction, 3, 0) == pytest.approx((0.125, 0.25))
    moved = [next_level(satisfaction, 3, 0, u) for u in (0.0, 0.1249, 0.1251, 0.7499, 0.7501, 0.9999)]
    assert moved == [4, 4, 3, 3, 2, 2]


@pytest.mark.parametrize(("points", "bring"), [(5.0, 2.0), (5.0, 1.3), (1.0, 10.0)])
def test_employee_points_kept_up_bring_what_is_stated(points: float, bring: float) -> None:
    """As at Sears: five points more of employees, for ever, bring two more of customers; by powers of the matrix."""
    content = small(satisfaction={"mix": MIX}, employees={"usual": 60, "points": points, "bring": bring})
    scenario = parse(content)
    assert scenario.satisfaction is not None
    shift = employee_slope(scenario) * points
    for_ever = np.linalg.matrix_power(transition(scenario.satisfaction, shift), 100_000)[0]
    assert mean_points(for_ever) == pytest.approx(mean_points(MIX) + bring, abs=1e-6)


def test_the_long_run_of_an_even_mix_is_geometric() -> None:
    """Even shares, odds a up and a down: under a shift the shares rise by (a + D)/(a - D) a level."""
    satisfaction = Satisfaction(mix=(0.2,) * 5, mobility=0.2)
    ratio = 0.13 / 0.07
    want = np.array([ratio**k for k in range(5)])
    np.testing.assert_allclose(long_run_shares(satisfaction, 0.03), want / want.sum(), rtol=1e-12)
    assert long_run_shares(satisfaction, 0.1) == [0, 0, 0, 0, 1]


def test_levels_are_neutral_in_the_mean() -> None:
    """Each level's factor is stated per level, and the mix's mean of it is 1."""
    factors = [relative(0.8, k, MIX) for k in range(5)]
    assert sum(share * factor for share, factor in zip(MIX, factors, strict=True)) == pytest.approx(1)
    assert [b / a for a, b in itertools.pairwise(factors)] == pytest.approx([0.8] * 4)


@pytest.mark.parametrize(
    ("mix", "level"), [(MIX, 3), ([0, 0, 0.5, 0.5, 0], 3), ([0.5, 0.5, 0, 0, 0], 1), ([0, 0, 0.4, 0.6, 0], 4)]
)
def test_who_enters_is_at_the_level_nearest_to_the_mean(mix: list[float], level: int) -> None:
    """Of two that are as near, the lower."""
    assert entry_level(Satisfaction(mix=tuple(mix))) == level
    assert entry_level(Satisfaction(mix=tuple(mix), entry=2)) == 2


def test_employees_return_to_their_usual() -> None:
    """Half the distance a period; a shock of 3 points while it lasts; training's f(U) - f(U_ref), U per head."""
    employees = {"usual": 60, "start": 80, "reversion": 0.5}
    content = small(satisfaction={"mix": MIX}, employees=employees)
    assert market(content, crowd(5, level=3)).employees == pytest.approx([80, 70, 65, 62.5, 61.25])
    content["shocks"] = [{"name": "strike", "start": 1, "end": 2, "route": "employee", "size": -3}]
    assert market(content, crowd(5, level=3)).employees == pytest.approx([80, 70, 62, 61, 60.5])
    content["employees"] = {"usual": 60, "reversion": 0}
    content["shocks"] = []
    steep = {"shape": "piecewise-linear", "points": [[0, 0], [10, 20]]}
    content["levers"] = {"training": {"targets": ["new", "core"], "reference": 1, "moves": {"employee": steep}}}
    people = crowd(4, level=3) + crowd(4, level=3, bought=4)

    def more_for_core(period: int, heads: Any, available: float) -> Money:
        return {("all", "new", "training"): 1.0, ("all", "core", "training"): 4.0}

    content["periods"] = 2
    assert market(content, people, more_for_core).employees == pytest.approx([60, 63, 66])
    content["levers"]["training"]["reach"] = 0.5
    people = crowd(4, level=3) + crowd(4, level=3, bought=4)
    assert market(content, people, more_for_core).employees == pytest.approx([60, 61.5, 63])


def test_what_moves_satisfaction_adds_up() -> None:
    """Lever .2 - .1, employees slope x 10, value .03 (7 - 2 - 4), shock -.05."""
    content = small(
        satisfaction={"mix": MIX},
        employees={"usual": 50, "start": 60, "bring": 2},
        shocks=[{"name": "scandal", "start": 0, "route": "satisfaction", "size": -0.05}],
        levers={"service": {"targets": ["new"], "reference": 1, "moves": {"satisfaction": LINE}}},
    )
    content["segments"]["all"]["value_to_customer"] = {"gain": 7, "cost": 2, "usual": 4, "bring": 0.03}
    shift = 0.1 + 10 * employee_slope(parse(content)) + 0.03 - 0.05
    assert odds_at_start(content, "new", service=2.0).satisfaction == pytest.approx(shift)
    assert odds_at_start(content, "core", service=2.0).satisfaction == pytest.approx(shift - 0.1)


def odds_at_start(content: Content, stage: str, people: list[Person] | None = None, **money: float) -> Any:
    """Return the odds of a stage in period 0."""
    given = PlainMarket(parse(content), steady(**money), people or crowd(3, level=3, ties=1))
    given._open(0)
    return given._odds("all", stage)


# --- Links ------------------------------------------------------------------------------------------------------------


def test_odds_of_a_tie_by_hand() -> None:
    """At a turnover of .2, one tie: .2 loses it and half of those leave with it; .8 x .5 gain one."""
    one = [next_ties(1, 0.2, 0.5, 0.5, u) for u in (0.0, 0.0999, 0.1001, 0.1999, 0.2001, 0.5999, 0.6001, 0.9999)]
    assert one == [None, None, 0, 0, 1, 1, 2, 2]
    assert [next_ties(3, 0.2, 1, 0.9, u) for u in (0.487, 0.489, 0.9999)] == [2, 3, 3]
    assert [next_ties(0, 0.2, 1, 0.5, u) for u in (0.0, 0.499, 0.501)] == [0, 0, 1]


def test_three_links_protect() -> None:
    """Where every employee leaves every period, a customer of n ties is there for n periods, and buys in each."""
    content = small(links={"mix": [0, 1, 0, 0], "turnover": 1})
    people = [person for ties in (0, 1, 2, 3) for person in crowd(5, ties=ties)]
    lives = market(content, people)
    assert [Counter(row)["alive"] for row in states(lives, "truth")] == [20, 15, 10, 5, 5]
    assert [row[-1] for row in states(lives, "ties")] == [3, 2, 1, -1, -1]
    assert [row[-1].event for row in lives.happened] == [None, None, "left", None]


def test_links_hold_and_levers_tie() -> None:
    """A tie more takes .4 off the defection rate, measured from the mix; a lever adds f(u) - f(u_ref) to the gain."""
    levers = {"visits": {"targets": ["new"], "reference": 2, "moves": {"links": LINE}}}
    shock = {"name": "exodus", "start": 0, "route": "turnover", "size": 0.25}
    links = {"mix": [0.5, 0.5, 0, 0], "gain": 0.1, "turnover": 0.05, "defection_per_link": 0.4}
    content = small(links=links, levers=levers, shocks=[shock])
    odds = odds_at_start(content, "new", visits=5.0)
    assert odds.gain == pytest.approx(0.1 + 0.3)
    assert odds.turnover == pytest.approx(0.3)
    assert odds_at_start(content, "core").gain == pytest.approx(0.1)
    assert [relative(0.6, ties, links["mix"] + [0]) for ties in range(3)] == pytest.approx([1.25, 0.75, 0.45])


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
    np.testing.assert_allclose([account.strengths for account in lives.accounts], [[0.2, 0.2]] + [[0.3, 0.28]] * 3)
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


# --- Everything at once -----------------------------------------------------------------------------------------------

GAMMA_TRAITS = {
    "purchase_rate": {"shape": 2.0, "rate": 2.5},
    "defection_rate": {"shape": 1.2, "rate": 12.0},
    "spend": {"p": 6.0, "q": 4.0, "gamma": 15.0},
}
CUSTOMERS = ["new", "developing", "core", "declining"]

EVERYTHING: Content = {
    "name": "everything",
    "periods": 12,
    "margin": 0.4,
    "cost_to_serve": {"per_customer": 0.3, "per_purchase": 0.6},
    "loss": 0.1,
    "stages": {"core": 4, "declining": 2, "lapsed": 4},
    "segments": {
        "households": {
            "start": {"unaware": 90, "prospect": 120, "new": 90},
            "traits": GAMMA_TRAITS,
            "quality": [
                {"share": 0.5, "acquisition": 1.2, "purchase_rate": 1.1, "spend": 1.2},
                {"share": 0.3, "acquisition": 0.5, "purchase_rate": 0.9, "cost_to_serve": 1.5, "bad_debt": 0.05},
                {"share": 0.2, "acquisition": 6.0, "spend": 0.5, "bad_debt": 0.4},
            ],
        },
        "shops": {
            "start": {"new": 200, "prospect": 60, "unaware": 40},
            "traits": {**GAMMA_TRAITS, "purchase_rate": {"shape": 1.5, "rate": 0.5}},
            "stages": {"core": 6, "declining": 1, "lapsed": 3},
            "margin": 0.3,
            "cost_to_serve": {"per_customer": 1.0},
            "loss": 0.2,
            "value_to_customer": {"gain": 7.0, "cost": 3.0, "usual": 3.5, "bring": 0.04},
        },
        "offices": {
            "start": {"new": 120, "prospect": 90, "unaware": 60},
            "births": {"unaware": 4.3, "prospect": 2.7},
            "traits": {"purchase_rate": 0.9, "defection_rate": {"shape": 1.0, "rate": 10.0}, "spend": 40.0},
        },
    },
    "levers": {
        "fame": {
            "targets": ["unaware"],
            "reference": 0.5,
            "saturation": 60.0,
            "moves": {"awareness": {"shape": "hill", "unlimited_money": 0.5, "half": 1.0, "steepness": 1.5}},
            "by_segment": {"shops": {"reference": 0.8}},
        },
        "posters": {
            "targets": ["unaware"],
            "reference": 0.2,
            "reach": 0.6,
            "moves": {"awareness": {"without_money": 0.01, "unlimited_money": 0.3, "spend": 0.2, "brings": 0.05}},
        },
        "offer": {
            "targets": ["prospect"],
            "reference": 1.0,
            "reach": 0.8,
            "moves": {
                "acquisition": {
                    "shape": "adbudg",
                    "without_money": 0.02,
                    "unlimited_money": 0.4,
                    "spend": 1.0,
                    "brings": 0.1,
                    "steepness": 1.4,
                },
            },
            "by_segment": {
                "offices": {
                    "reference": 1.5,
                    "moves": {"acquisition": {"shape": "piecewise-linear", "points": [[0, 0.05], [1, 0.1], [3, 0.2]]}},
                },
            },
        },
        "salespeople": {
            "targets": ["prospect"],
            "reference": 1.0,
            "lead_time": 2,
            "duration": 3,
            "committed": 1.6,
            "moves": {"acquisition": {"without_money": 0.0, "unlimited_money": 0.3, "spend": 1.0, "brings": 0.06}},
        },
        "care": {
            "targets": CUSTOMERS,
            "reference": 0.5,
            "reach": 0.9,
            "moves": {"survival": {"without_money": 0.8, "unlimited_money": 0.97, "spend": 0.5, "brings": 0.9}},
            "by_segment": {
                "shops": {"reference": 0.3},
                "offices": {
                    "moves": {
                        "survival": {
                            "shape": "hill",
                            "without_money": 0.7,
                            "unlimited_money": 0.95,
                            "half": 0.2,
                            "steepness": 2,
                        },
                    },
                },
            },
        },
        "club": {
            "targets": ["developing", "core"],
            "reference": 0.4,
            "lead_time": 1,
            "moves": {
                "survival": {"shape": "piecewise-linear", "points": [[0, 0.9], [1, 0.95]]},
                "purchase_rate": {"shape": "piecewise-linear", "points": [[0, 0], [0.4, 0.2], [1.2, 0.4]]},
                "amount": {"shape": "hill", "unlimited_money": 0.4, "half": 0.5, "steepness": 1.0},
            },
        },
        "letters": {
            "targets": ["new", "developing", "declining"],
            "reference": 0.1,
            "duration": 2,
            "moves": {
                "purchase_rate": {"without_money": 0.0, "unlimited_money": 0.3, "spend": 0.2, "brings": 0.1},
                "amount": {"shape": "piecewise-linear", "points": [[0, -0.1], [0.2, 0.1]]},
            },
        },
        "brand": {
            "targets": CUSTOMERS,
            "reference": 0.3,
            "saturation": 150.0,
            "lead_time": 2,
            "duration": 3,
            "moves": {
                "preference": {
                    "shape": "adbudg",
                    "without_money": -0.5,
                    "unlimited_money": 1.5,
                    "spend": 0.3,
                    "brings": 0.2,
                    "steepness": 0.8,
                },
            },
        },
        "service": {
            "targets": ["new", "developing", "core"],
            "reference": 0.5,
            "moves": {
                "satisfaction": {"without_money": 0.0, "unlimited_money": 0.3, "spend": 0.5, "brings": 0.1},
                "links": {"shape": "piecewise-linear", "points": [[0, 0], [0.5, 0.05], [2, 0.3]]},
            },
            "by_segment": {"shops": {"reference": 0.2}},
        },
        "visits": {
            "targets": ["core", "declining"],
            "reference": 0.0,
            "reach": 0.5,
            "moves": {
                "links": {"shape": "hill", "unlimited_money": 0.5, "half": 1.0, "steepness": 2.0},
                "preference": {"without_money": 0.0, "unlimited_money": 0.5, "spend": 1.0, "brings": 0.2},
            },
        },
        "training": {
            "targets": ["new", "developing", "core"],
            "reference": 0.3,
            "saturation": 200.0,
            "reach": 0.9,
            "moves": {"employee": {"shape": "hill", "unlimited_money": 12.0, "half": 0.6, "steepness": 1.2}},
            "by_segment": {"households": {"reference": 0.1}},
        },
        "winback": {
            "targets": ["declining", "lapsed"],
            "reference": 0.5,
            "moves": {"reactivation": {"without_money": 0.02, "unlimited_money": 0.4, "spend": 0.5, "brings": 0.1}},
        },
        "calls": {
            "targets": ["lapsed"],
            "reference": 0.3,
            "lead_time": 2,
            "moves": {"reactivation": {"shape": "hill", "unlimited_money": 0.3, "half": 0.6, "steepness": 2.0}},
        },
    },
    "satisfaction": {
        "mix": MIX,
        "mobility": 0.4,
        "defection_per_level": 0.25,
        "purchase_rate_per_level": 0.1,
        "amount_per_level": 0.05,
    },
    "employees": {"usual": 62.0, "start": 70.0, "reversion": 0.2, "points": 5.0, "bring": 4.0},
    "links": {
        "mix": [0.4, 0.3, 0.2, 0.1],
        "gain": 0.1,
        "turnover": 0.15,
        "follow": 0.4,
        "defection_per_link": 0.3,
    },
    "word_of_mouth": {
        "households": {"households": 0.8, "offices": 0.4},
        "offices": {"shops": 0.5, "offices": 0.6},
    },
    "share_of_customer": 0.4,
    "survey": {"sample": 60},
    "seasons": [1.2, 0.8, 1.1, 0.7, 1.4],
    "competitors": [
        {"name": "discounter", "start": 2, "end": 9, "route": "defection", "strength": 0.5, "segments": ["shops"]},
        {"name": "poacher", "start": 1, "route": "acquisition", "strength": 0.3},
        {"name": "neighbour", "start": 0, "route": "share of customer", "strength": 0.2, "reaction": 3.0, "most": 1.1},
    ],
    "shocks": [
        {"name": "ban", "start": 3, "end": 6, "route": "awareness", "size": -0.5},
        {"name": "boom", "start": 5, "end": 7, "route": "acquisition", "size": 1.5, "segments": ["households"]},
        {"name": "scandal", "start": 6, "end": 7, "route": "defection", "size": 1.0},
        {"name": "recession", "start": 7, "route": "purchase rate", "size": -0.25},
        {"name": "queues", "start": 4, "end": 8, "route": "satisfaction", "size": -0.06, "segments": ["offices"]},
        {"name": "strike", "start": 2, "end": 4, "route": "employee", "size": -6.0},
        {"name": "exodus", "start": 8, "end": 10, "route": "turnover", "size": 0.3, "segments": ["shops"]},
    ],
}

TOTAL, PER_PERIOD = 13_000.0, 1_400.0
"""The budget under which money runs out before the end, and now and then in a period."""

LAWS = ("silent", "contractual", "renewal")


def everything(law: str = "silent") -> Content:
    """Return the scenario with every mechanism; for renewals, without what moves a purchase rate."""
    content = copy.deepcopy({**EVERYTHING, "law": law})
    if law == "renewal":
        for key in ("seasons", "share_of_customer"):
            del content[key]
        del content["satisfaction"]["purchase_rate_per_level"]
        content["competitors"] = [rival for rival in content["competitors"] if rival["route"] != "share of customer"]
        content["competitors"][0].update(reaction=2.0, most=1.3)
        content["shocks"] = [shock for shock in content["shocks"] if shock["route"] != "purchase rate"]
        for segment in content["segments"].values():
            segment["traits"] = {**segment["traits"], "purchase_rate": 1}
            for kind in segment.get("quality", []):
                kind.pop("purchase_rate", None)
        for lever in content["levers"].values():
            lever["moves"].pop("purchase_rate", None)
            lever["moves"].pop("preference", None)
        del content["levers"]["brand"]
    return content


def wanted(scenario: Scenario, period: int) -> Money:
    """Return intensities of 0, .4, .8, ..., 2 times the reference, by period, segment, stage and lever in turn."""
    money: Money = {}
    for i, (name, lever) in enumerate(scenario.levers.items()):
        for j, segment in enumerate(scenario.segments):
            override = lever.by_segment.get(segment)
            usual = lever.reference if override is None or override.reference is None else override.reference
            for stage in lever.targets:
                factor = 0.4 * ((5 * period + 2 * i + 3 * j + STAGES.index(stage)) % 6)
                money[segment, stage, name] = factor * (usual or 0.4)
    return money


def thrifty(scenario: Scenario) -> Policy:
    """Return the policy that wants the above, scaled back by one factor to what may be spent."""

    def decide(period: int, heads: Heads, available: float) -> Money:
        money = wanted(scenario, period)
        asked = sum(intensity * heads[cell[:2]] for cell, intensity in money.items())
        return {cell: min(1.0, available / asked) * intensity for cell, intensity in money.items()}

    return decide


def somebody(scenario: Scenario, every: int = 1) -> list[Person]:
    """Return people of every segment, one in ``every``, with traits and states drawn by NumPy."""
    rng = np.random.default_rng(11)
    people: list[Person] = []
    for name, segment in scenario.segments.items():
        traits, kinds = segment.traits, segment.quality
        assert traits is not None
        starts = [(truth, -1) for truth, number in segment.start.items() for _ in range(round(number))]
        for period in range(scenario.periods):
            starts += [(truth, period) for truth, n in segment.births.items() for _ in range(born(n, period))]
        for identity, (truth, birth) in enumerate(starts[::every]):
            quality = int(rng.choice(len(kinds), p=[kind.share for kind in kinds])) if kinds else 0
            kind = kinds[quality] if kinds else Quality(share=1)
            rate, leaving = (
                rng.gamma(law.shape, 1 / law.rate) if isinstance(law, Gamma) else law
                for law in (traits.purchase_rate, traits.defection_rate)
            )
            spend = traits.spend
            mean = spend.p * spend.gamma / rng.gamma(spend.q) if isinstance(spend, GammaGamma) else spend
            person = Person(identity, name, truth, rate * kind.purchase_rate, leaving, mean * kind.spend)
            person.quality = quality
            if truth == "new":
                person.truth, person.bought = "alive", 1
                if scenario.satisfaction is not None:
                    person.level = 1 + int(rng.choice(5, p=scenario.satisfaction.mix))
                if scenario.links is not None:
                    person.ties = int(rng.choice(4, p=scenario.links.mix))
            if birth >= 0:
                person.truth, person.birth, person.starts = "to come", birth, truth
            people.append(person)
    return people


def plain(content: Content, every: int = 1) -> Lives:
    """Return the lives of these people in a market."""
    scenario = parse(content)
    market = PlainMarket(
        scenario,
        thrifty(scenario),
        somebody(scenario, every),
        seed=5,
        replication=1,
        money_units=2.0**30,
        total=TOTAL / every,
        per_period=PER_PERIOD / every,
    )
    return market.run()


@pytest.mark.parametrize("law", LAWS)
def test_everything_happens_somewhere(law: str) -> None:
    """The big market knows every event and every move, and its bounds bind here and not there."""
    lives = plain(everything(law))
    events: Counter[str | None] = Counter()
    moves: set[tuple[str, int]] = set()
    for before, happened, after in zip(lives.states[:-1], lives.happened, lives.states[1:], strict=True):
        events.update(each.event for each in happened)
        for now, then in zip(before, after, strict=True):
            if now.truth == then.truth == "alive":
                moves |= {("level", then.level - now.level), ("ties", then.ties - now.ties)}
    assert all(events[name] > 100 for name in agent_kernels.EVENTS), events
    assert moves == {(what, move) for what in ("level", "ties") for move in (-1, 0, 1)}
    assert {state.truth for state in lives.states[-1]} == {"unaware", "prospect", "alive", "gone", "lost"}
    never = {"declining"} if law == "renewal" else set()
    assert {state.stage for row in lives.states for state in row} == {"", *STAGES} - never
    factors = [account.factor for account in lives.accounts]
    assert 0 < min(f for f in factors if f > 1e-9) < max(f for f in factors if f < 1) < 1 == max(factors)
    assert lives.accounts[-1].unspent == pytest.approx(0, abs=1e-6)
    reacting = [account.strengths[0 if law == "renewal" else 2] for account in lives.accounts]
    assert len({round(strength, 9) for strength in reacting}) > 4
    most = max(happened.purchases for row in lives.happened for happened in row)
    assert most == 1 if law == "renewal" else most > random_streams.AMOUNT_ROWS


def without(*path: Any) -> list[Any]:
    """Return a change: the key at the end of a path is not stated."""
    return [*path, None]


OFF: list[list[Any]] = [
    *(without("levers", name) for name in EVERYTHING["levers"]),
    *(
        without("levers", name, "moves", effect)
        for name, lever in EVERYTHING["levers"].items()
        for effect in (lever["moves"] if len(lever["moves"]) > 1 else ())
    ),
    *(
        without("levers", name, key)
        for name, lever in EVERYTHING["levers"].items()
        for key in ("by_segment", "reach", "lead_time", "duration", "committed", "saturation")
        if key in lever
    ),
    *(without("competitors", i) for i in range(3)),
    *(without("competitors", *where) for where in ((0, "end"), (0, "segments"), (2, "reaction"), (2, "most"))),
    *(without("shocks", i) for i in range(7)),
    *(
        without("shocks", *where)
        for where in ((0, "end"), (6, "end"), (1, "segments"), (4, "segments"), (6, "segments"))
    ),
    *(without(key) for key in ("seasons", "word_of_mouth", "loss", "stages", "margin", "cost_to_serve")),
    *(without("segments", "shops", key) for key in ("stages", "margin", "cost_to_serve", "loss", "value_to_customer")),
    without("segments", "households", "quality", 0, "acquisition"),
    without("segments", "households", "quality", 1, "cost_to_serve"),
    without("segments", "households", "quality", 2, "bad_debt"),
    without("cost_to_serve", "per_customer"),
    without("cost_to_serve", "per_purchase"),
    *(
        without("satisfaction", key)
        for key in ("mobility", "defection_per_level", "purchase_rate_per_level", "amount_per_level")
    ),
    ["satisfaction", "entry", 5],
    *(without("employees", key) for key in ("start", "reversion", "bring")),
    ["employees", "bring", 0],
    ["employees", "points", 4.0],
    *(without("links", key) for key in ("gain", "turnover", "follow", "defection_per_link")),
    ["word_of_mouth", 0.5],
    ["share_of_customer", 0.8],
    ["law", "contractual"],
]


def test_every_mechanism_moves_somebody() -> None:
    """In the big market no part could be left out unnoticed: without it lives or accounts are other ones."""

    def figures(content: Content) -> tuple[Any, ...]:
        lives = plain(content, every=5)
        return lives.states, lives.happened, lives.employees, [account.reward for account in lives.accounts]

    usual = figures(everything())
    unnoticed = []
    for *path, key, value in OFF:
        content = everything()
        where: Any = content
        for step in path:
            where = where[step]
        if value is None:
            del where[key]
        else:
            where[key] = value
        if figures(content) == usual:
            unnoticed.append([*path, key, value])
    assert not unnoticed


# --- The engine -------------------------------------------------------------------------------------------------------

TRUTHS = ("unaware", "prospect", "alive", "gone", "lost", "to come")
"""In the order of the engine's kinds; who is to come has no kind there but a state after the last."""


def as_array(money: Money, targets: Targets) -> Floats:
    """Return money by group, stage and lever; each synthetic segment is one group."""
    array = np.zeros(targets.shape)
    for (segment, stage, lever), each in money.items():
        place = targets.segments.index(segment), targets.stages.index(stage), targets.levers.index(lever)
        array[place] = each
    return array


def as_money(array: Floats, targets: Targets) -> Money:
    """Return an array as money by segment, stage and lever."""
    return {
        (targets.segments[i], targets.stages[j], targets.levers[k]): float(array[i, j, k])
        for i, j, k in np.argwhere(array)
    }


@dataclass
class Noting:
    """Wants what :func:`wanted` says, within what it is allowed, and writes down what it decided."""

    scenario: Scenario
    decided: list[Floats] = field(default_factory=list)
    name: str = "noting"

    def decide(self, observation: Observation) -> Allocation:
        """Return the allocation."""
        asked = as_array(wanted(self.scenario, observation.period), observation.targets)
        allocation = Allocation.within(asked, observation)
        self.decided.append(allocation.intensity.copy())
        return allocation


def people_of(twin: Twin, population: Population) -> list[Person]:
    """Return the engine's customers as people."""
    space = twin.chain.space
    births = {
        int(position): (period, TRUTHS[space.kind[state]])
        for period, arrivals in enumerate(population.arrivals)
        for position, state in zip(*arrivals, strict=True)
    }
    people = []
    for i in range(population.size):
        cohort, state = int(population.cohort[i]), int(population.state[i])
        person = Person(
            int(population.identity[i]),
            twin.targets.segments[twin.cohort_group[cohort]],
            "to come",
            float(population.purchase_rate[i]),
            float(population.defection_rate[i]),
            float(population.mean_spend[i]),
            quality=int(twin.cohort_quality[cohort]),
        )
        if state == len(space.names):
            person.birth, person.starts = births.pop(i)
        else:
            person.truth = TRUTHS[space.kind[state]]
            person.bought, person.silent = int(space.bought[state]), int(space.silent[state])
            person.level, person.ties = int(space.level[state]), int(space.ties[state])
        people.append(person)
    assert not births, "who appears is to come until then"
    return people


@pytest.mark.parametrize("limited", [True, False], ids=["budget", "no budget"])
@pytest.mark.parametrize("law", LAWS)
def test_the_engine_equals_the_plain_market_event_for_event(law: str, limited: bool) -> None:
    """With everything switched on each customer has the same states, purchases, money and events in every period.

    Accounts, intensities as paid and employees are the same too. Revenue is rounded to integer units from products
    whose factors the two ways multiply in another order, so it may differ by a unit where that falls between two.
    """
    assert (random_streams.PERIOD, random_streams.SURVEY) == (plain_market.PERIOD, plain_market.SURVEY)
    scenario, seed, replication = parse(everything(law)), 7, 2
    twin = build(scenario)
    targets, space = twin.targets, twin.chain.space
    population = twin.population(seed, replication)
    people = people_of(twin, population)
    for name, segment in scenario.segments.items():
        for truth, number in segment.births.items():
            appear = Counter(p.birth for p in people if (p.segment, p.truth, p.starts) == (name, "to come", truth))
            assert [appear[period] for period in range(scenario.periods)] == [
                born(number, period) for period in range(scenario.periods)
            ]

    total, per_period = (TOTAL, PER_PERIOD) if limited else (math.inf, math.inf)
    budget = Budget(total, per_period, np.full(len(targets.levers), np.inf)) if limited else None
    policy, everybody = Noting(scenario), np.arange(population.size)
    history = Market(twin, policy, population, budget, seed=seed, replication=replication, trace=everybody).run()
    lives = PlainMarket(
        scenario,
        lambda period, heads, available: as_money(policy.decided[period], targets),
        people,
        seed=seed,
        replication=replication,
        money_units=twin.money_units,
        total=total,
        per_period=per_period,
    ).run()

    trace = history.trace
    what_states_are = {
        "truth": (space.kind, TRUTHS.index("to come")),
        "bought": (space.bought, 0),
        "silent": (space.silent, 0),
        "level": (space.level, 0),
        "ties": (space.ties, -1),
    }
    codes = {name: np.append(array, to_come) for name, (array, to_come) in what_states_are.items()}
    for period in range(scenario.periods + 1):
        for name, code in codes.items():
            told = [getattr(state, name) for state in lives.states[period]]
            if name == "truth":
                told = [TRUTHS.index(truth) for truth in told]
            message = f"{name} at the start of period {period}"
            np.testing.assert_array_equal(code[trace.state[period]], told, err_msg=message)
        seen = [[lives.heads[period][segment, stage] for stage in STAGES] for segment in targets.segments]
        np.testing.assert_array_equal(history.customers[period], seen, err_msg=f"customers in period {period}")
        if period == scenario.periods:
            break
        happened, account = lives.happened[period], lives.accounts[period]
        events = [-1 if each.event is None else agent_kernels.EVENTS.index(each.event) for each in happened]
        np.testing.assert_array_equal(trace.event[period], events, err_msg=f"events in period {period}")
        purchases = [each.purchases for each in happened]
        np.testing.assert_array_equal(trace.purchases[period], purchases, err_msg=f"purchases in period {period}")
        revenue = np.array([each.revenue for each in happened], dtype=np.int64)
        difference = np.abs(np.asarray(trace.revenue[period], dtype=np.int64) - revenue)
        assert (difference <= 1 + revenue * 1e-13).all(), f"revenue in period {period}"
        spend = as_array(account.spend, targets)
        np.testing.assert_allclose(history.spend[period], spend, rtol=1e-9, atol=1e-9, err_msg=f"period {period}")
        reward = [account.reward[segment] for segment in targets.segments]
        np.testing.assert_allclose(history.reward[period].sum(axis=1), reward, rtol=1e-9, err_msg=f"period {period}")
    np.testing.assert_allclose(history.employees, lives.employees, rtol=1e-12)
    if limited:
        assert any(1e-6 < account.factor < 1 - 1e-6 for account in lives.accounts)
        assert history.unspent == pytest.approx(lives.accounts[-1].unspent, abs=1e-6)
