"""The plain market right by hand: curves, satisfaction, employees and links."""

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import LINE, MIX, Content, small
from plain.attitudes import (
    employee_slope,
    entry_level,
    level_odds,
    long_run_shares,
    mean_points,
    next_level,
    relative,
)
from plain.bonds import next_held
from plain.curves import curve_value, response
from plain.record import Money
from plain.small import crowd, market, odds_at_start, states

from sim.scenario.feelings import Satisfaction
from sim.scenario.file import parse


def transition(satisfaction: Satisfaction, shift: float, leaving: float = 0.0) -> np.ndarray[Any, Any]:
    """Return the matrix of the chain of levels."""
    matrix = np.zeros((5, 5))
    for k in range(5):
        up, down = level_odds(satisfaction, k + 1, shift, leaving)
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


def test_who_enters_is_like_those_who_are_there() -> None:
    """Levels are drawn from the mix, low draws low; or all enter where it is stated."""
    mix = (0.25, 0.125, 0.0, 0.5, 0.125)
    draws = (0.0, 0.24, 0.25, 0.374, 0.375, 0.874, 0.875, 0.999)
    assert [entry_level(Satisfaction(mix=mix), u) for u in draws] == [1, 1, 2, 2, 4, 4, 5, 5]
    assert {entry_level(Satisfaction(mix=mix, entry=2), u) for u in draws} == {2}


def test_the_unhappy_are_made_good_for_by_falls() -> None:
    """By hand: half at 2, half at 3, a level up leaves half as readily; who stays is 1 to e^(x/3) between them."""
    satisfaction = Satisfaction(mix=(0, 0.5, 0.5, 0, 0), mobility=0.2, defection_per_level=0.5)
    leaving = 3 * np.log(1.5) / 2  # factors 4/3 and 2/3: they differ by ln 1.5
    assert level_odds(satisfaction, 2, 0, leaving) == pytest.approx((0.1, 0))
    below = 1 / (1 + 1.5)
    assert level_odds(satisfaction, 3, 0, leaving) == pytest.approx((0, (0.5 - below + 0.1 * below) / (1 - below)))
    assert level_odds(satisfaction, 3, 0.02, leaving)[1] == pytest.approx(
        level_odds(satisfaction, 3, 0, leaving)[1] - 0.02
    )


@settings(deadline=None, derandomize=True)
@given(st.lists(st.floats(0.1, 1), min_size=5, max_size=5), st.floats(0, 1), st.floats(0, 0.4), st.floats(0, 0.1))
def test_who_stays_of_any_leaving_rate_keeps_the_mix(
    weights: list[float], mobility: float, per_level: float, leaving: float
) -> None:
    """One period of leaving and moving leaves the mix of a closed cohort as it is, where chances suffice for it."""
    mix = [w / sum(weights) for w in weights]
    mix[4] = 1 - sum(mix[:4])
    satisfaction = Satisfaction(mix=tuple(mix), mobility=mobility, defection_per_level=per_level)
    odds = [level_odds(satisfaction, k + 1, 0, leaving) for k in range(5)]
    assert all(up + down <= 1 + 1e-12 for up, down in odds)
    if mobility == 0 or any(up + down >= 1 - 1e-12 for up, down in odds):
        return
    stay = np.array([m * np.exp(-leaving * relative(1 - per_level, k, mix)) for k, m in enumerate(mix)])
    np.testing.assert_allclose(stay / stay.sum() @ transition(satisfaction, 0, leaving), mix, atol=1e-12)


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


# --- Links ------------------------------------------------------------------------------------------------------------


def test_odds_of_a_tie_by_hand() -> None:
    """At a turnover of .2, one tie: .2 loses it and half of those leave with it; .8 x .5 gain one."""
    draws = (0.0, 0.0999, 0.1001, 0.1999, 0.2001, 0.5999, 0.6001, 0.9999)
    assert [next_held(1, 3, 0.2, 0.5, 0.5, u)[0] for u in draws] == [None, None, 0, 0, 1, 1, 2, 2]
    assert [next_held(3, 3, 0.2, 0, 0.9, u)[0] for u in (0.487, 0.489, 0.9999)] == [2, 3, 3]
    assert [next_held(0, 3, 0.2, 0, 0.5, u)[0] for u in (0.0, 0.499, 0.501)] == [0, 0, 1]
    assert [next_held(1, 3, 0.2, 0.5, 0.5, u)[1] for u in (0.15, 0.4, 0.8)] == pytest.approx([0.5, 0.5, 0.5])


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
    assert odds.gains == pytest.approx([0.1 + 0.3])
    assert odds.losses == pytest.approx([0.3])
    assert odds_at_start(content, "core").gains == pytest.approx([0.1])
    assert [relative(0.6, ties, links["mix"] + [0]) for ties in range(3)] == pytest.approx([1.25, 0.75, 0.45])
