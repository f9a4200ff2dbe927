"""Answers and data, or two experiments, that exclude each other: what gives way, and that it is said."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from learning import CONTENT, CURVE, KEY, row, trial

from sim.responses.learn import Learned, learn
from sim.responses.read import Answer, Trial
from sim.scenario.file import Scenario, parse

OFFERS = ("offers", "purchase_rate", "")
BRINGS = "levers.care.moves.survival.brings"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return parse(CONTENT)


def ranged(low: float, high: float) -> Scenario:
    return parse({**CONTENT, "uncertain": [{"path": BRINGS, "low": low, "high": high}]})


def said(found: Learned, what: str) -> str:
    return "\n".join(note for note in found.notes if what in note)


@pytest.mark.parametrize(("shares", "n"), [([0.70, 0.80], 1000), ([0.80, 0.88], 3000)])
def test_a_range_that_nobody_stated_gives_way_to_data(shares: list[float], n: int, scenario: Scenario) -> None:
    """Both arms lie in the intervals, so that the curve shows the effect that is printed."""
    found = learn(scenario, [trial([0, 0.5], shares, n)], [])
    for dose, share in zip((0.0, 0.5), shares, strict=True):
        assert row(found, dose).low < share < row(found, dose).high
    [effect] = found.effects
    assert effect.low < row(found, 0.5).value - row(found, 0.0).value < effect.high
    note = said(found, "no range was given for without_money 0.88")
    assert "errors from it with the usual 0.8675 to 0.8925" in note


def test_a_range_that_nobody_stated_stays_where_data_are_near(scenario: Scenario) -> None:
    found = learn(scenario, [trial([0, 0.5], [0.875, 0.93], 1000)], [])
    assert "errors from it" not in said(found, "no range was given")


def test_what_was_stated_and_data_that_exclude_it(scenario: Scenario) -> None:
    """By how many errors, and what was made of it; where the firm chose, the answer is not the one to give way."""
    arms = trial([0, 0.5], [0.80, 0.83], 4000)
    sharp = ranged(0.925, 0.935)
    found = learn(sharp, [arms], [])
    note = said(found, "what was stated and the data disagree by")
    assert "brings 0.93 (0.925 to 0.935) was stated, 0.83 (0.81" in note
    errors = float(note.split("disagree by ")[1].split()[0])
    apart = np.log(0.93 / 0.07) - np.log(0.83 / 0.17)
    stated_error = (np.log(0.93 / 0.07) - np.log(0.925 / 0.075)) / 1.96
    assert errors == pytest.approx(apart / np.hypot(stated_error, 1 / np.sqrt(4000 * 0.83 * 0.17)), rel=0.05)
    assert row(found, 0.5).low < 0.83 < row(found, 0.5).high
    chosen = learn(sharp, [replace(arms, chosen=True)], [])
    assert "may be what is biased" in said(chosen, "what was stated and the data disagree by")
    assert row(chosen, 0.5).value > row(found, 0.5).value + 0.05
    near = learn(ranged(0.885, 0.95), [trial([0, 0.5], [0.89, 0.915], 4000)], [])
    assert not said(near, "what was stated and the data disagree by")


def test_a_range_is_kept_as_stated_where_no_data_speak(scenario: Scenario) -> None:
    """However uneven it lies around what is stated; what is assumed makes room for it."""
    content: dict[str, Any] = {**CONTENT, "levers": {**CONTENT["levers"]}}
    move = {"without_money": 0.0, "unlimited_money": 0.25, "spend": 0.2, "brings": 0.08}
    content["levers"]["offers"] = {**content["levers"]["offers"], "moves": {"purchase_rate": move}}
    path = "levers.offers.moves.purchase_rate"
    content["uncertain"] = [{"path": f"{path}.brings", "low": 0.01, "high": 0.10}]
    found = learn(parse(content), [], [Answer(OFFERS, "A", np.inf, 0.25, 0.2, 0.5)])
    assert (row(found, np.inf).low, row(found, np.inf).high) == pytest.approx((0.2, 0.5), abs=1e-6)
    assert (row(found, 0.2).low, row(found, 0.2).high) == pytest.approx((0.01, 0.10), abs=1e-6)
    ranges = {each.path: (each.low, each.high) for each in found.scenario.uncertain}
    assert ranges[f"{path}.unlimited_money"] == pytest.approx((0.2, 0.5), abs=1e-6)
    assert ranges[f"{path}.brings"] == pytest.approx((0.01, 0.10), abs=1e-6)
    assert ranges[f"{path}.without_money"][1] < 0.01


def test_experiments_that_disagree_widen_each_other(scenario: Scenario) -> None:
    """Cochran's Q of two controls and two doses by hand, and errors as many times as wide."""
    one, other = trial([0, 0.5], [0.86, 0.90], 3000), trial([0, 0.5], [0.80, 0.86], 1000)
    other = replace(other, where="second.csv")
    found = learn(scenario, [one, other], [])
    note = said(found, "2 experiments disagree by more than luck does")
    q = 0.0
    for a, b in ((0.86, 0.80), (0.90, 0.86)):
        apart = np.log(a / (1 - a)) - np.log(b / (1 - b))
        q += apart**2 / (1 / (3000 * a * (1 - a)) + 1 / (1000 * b * (1 - b)))
    assert f"Cochran's Q {q:.1f}, 2 expected of luck" in note
    assert f"errors taken {np.sqrt(q / 2):.1f} times as wide" in note
    assert "at 0 0.86 of 3,000 (test.csv), 0.8 of 1,000 (second.csv)" in note
    agree = learn(scenario, [one, replace(one, where="second.csv")], [])
    assert not said(agree, "experiments disagree")
    width = [row(each, 0.0).high - row(each, 0.0).low for each in (found, agree)]
    assert width[0] > 2 * width[1]
    assert row(found, 0.0).low < 0.86 < row(found, 0.0).high


def test_gains_of_experiments_are_compared_beyond_their_levels(scenario: Scenario) -> None:
    """Levels may differ as they like; what money adds may not."""
    random = np.random.default_rng(5)
    spend, ones = np.repeat([0.0, 1.0], 3000), np.ones(6000)

    def of(level: float, gain: float, where: str) -> Trial:
        outcome = random.poisson(level * (1 + gain * spend)).astype(float)
        return Trial(OFFERS, spend, outcome, ones, ones, False, where)

    assert not said(learn(scenario, [of(1.0, 0.2, "a.csv"), of(2.0, 0.2, "b.csv")], []), "experiments disagree")
    assert said(learn(scenario, [of(1.0, 0.1, "a.csv"), of(2.0, 0.4, "b.csv")], []), ", 1 expected of luck")


def test_one_dose_that_moves_unlimited_money_is_not_said_to_leave_it(scenario: Scenario) -> None:
    far = learn(scenario, [trial([0, 50], [0.88, 0.92], 4000)], [])
    note = said(far, "one dose (50 against 0)")
    assert "stay as answered" not in note
    assert f"unlimited money goes from {CURVE['unlimited_money']:g} as answered to {row(far, np.inf).value:.4g}" in note
    assert KEY[1] in note
