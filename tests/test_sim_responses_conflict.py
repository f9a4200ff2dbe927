"""Answers and data, or two experiments, that exclude each other: what gives way, and that it is said."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from histories import ADVERTS, made, scenario_of
from learning import CONTENT, CURVE, KEY, row, trial
from scipy.optimize import minimize

from sim.responses.agreeing import bent
from sim.responses.arms import measure
from sim.responses.learn import Learned, learn
from sim.responses.posterior import settle
from sim.responses.priors import beliefs_of, errors_at, held_against, widened
from sim.responses.read import Answer, Trial
from sim.responses.shape import Shape
from sim.scenario.curves import BlattbergDeighton
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


def test_managers_whose_answers_no_curve_goes_through(scenario: Scenario) -> None:
    """At different money: by how much, of whom, and ranges so much wider that a curve does; with data too."""
    ana, bo = Answer(KEY, "Ana", 0.5, 0.95, 0.94, 0.96), Answer(KEY, "Bo", 1.0, 0.90, 0.89, 0.91)
    tried = trial([0, 0.5], [0.88, 0.93], 4000)
    found = learn(scenario, [], [ana, bo])
    note = said(found, "no curve of its shape goes through all that was stated")
    stated, high, low = (np.log(v / (1 - v)) for v in np.array([[0.95, 0.90], [0.96, 0.91], [0.94, 0.89]]))
    sds = (high - low) / (2 * 1.959964)
    q = (stated[0] - stated[1]) ** 2 / (sds**2).sum()  # a curve that rises is as good as flat between them
    assert "at 0.5 0.95 (Ana) against 0.91" in note
    assert "at 1 0.9 (Bo) against 0.91" in note
    assert float(note.split("chi-square ")[1].split(",")[0]) == pytest.approx(q, rel=0.01)
    assert f"ranges are taken {np.sqrt(q):.1f} times as wide" in note
    for at, value in ((0.5, 0.95), (1.0, 0.90)):
        alone = learn(scenario, [], [ana if at == 0.5 else bo])
        assert row(found, at).high - row(found, at).low > 3 * (row(alone, at).high - row(alone, at).low)
        assert row(found, at).value != pytest.approx(value, abs=0.005)
    assert said(learn(scenario, [tried], [ana, bo]), "no curve of its shape goes through all that was stated")
    for agrees in (replace(bo, value=0.955, low=0.945, high=0.96), replace(bo, low=0.85, high=0.96)):
        assert not said(learn(scenario, [], [ana, agrees]), "no curve of its shape")


def test_a_range_is_kept_as_stated_where_no_data_speak(scenario: Scenario) -> None:
    """However uneven it lies around what is stated; what is assumed makes room for it."""
    content: dict[str, Any] = {**CONTENT, "levers": {**CONTENT["levers"]}}
    move = {"without_money": 0.002, "unlimited_money": 0.25, "spend": 0.2, "brings": 0.08}
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


def test_an_answer_without_a_range_is_sharp(scenario: Scenario) -> None:
    """It stands in what was learned, with a range that is narrow and a range all the same."""
    found = learn(scenario, [], [Answer(KEY, "A", np.inf, 0.95, 0.95, 0.95)])
    ranges = {each.path: each for each in found.scenario.uncertain}
    sharp = ranges["levers.care.moves.survival.unlimited_money"]
    assert 0.9498 < sharp.low < 0.95 < sharp.high < 0.9502


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
    assert f"unlimited money goes from {CURVE['unlimited_money']:g} before to {row(far, np.inf).value:.4g}" in note
    assert KEY[1] in note


GUESS = {"without_money": 0.006, "unlimited_money": 0.08, "spend": 0.5, "brings": 0.012}


def rows_of(brings: float, seed: int = 1) -> Trial:
    """Return 24 periods of two segments of 40,000, some won by known odds of steady money."""
    random, heads = np.random.default_rng(seed), np.full(48, 40_000.0)
    spend = np.exp(random.normal(-1.0, 1.0, 48)) * (random.random(48) < 0.7)
    truth = Shape(BlattbergDeighton(without_money=0.004, unlimited_money=0.07, spend=0.5, brings=brings), "acquisition")
    won = random.binomial(40_000, truth.at(truth.start, spend)) / heads
    return Trial(("adverts", "acquisition", ""), spend, won, heads, np.ones(48), False, "log.csv",
                 who=np.tile([0, 1], 24), when=np.repeat(np.arange(24), 2))  # fmt: skip


@pytest.mark.parametrize("ranged", [True, False])
def test_logs_are_held_against_answers(ranged: bool) -> None:
    """Customers who do not tire, and an answer far from what they do: the curve gives way, and nothing tires."""
    before = scenario_of({"adverts": GUESS}, ranged=ranged)
    log = rows_of(0.05)
    found = learn(before, [log], [])
    assert row(found, 0.5).low < 0.05 < row(found, 0.5).high
    assert not found.of_late
    note = said(found, "what was stated and the data disagree by" if ranged else "no range was given for brings 0.012")
    assert ("brings 0.012 (0.01 to 0.03) was stated, 0.05" if ranged else "errors from it with the usual 0.009") in note
    chosen = learn(before, [replace(log, chosen=True)], [])
    assert bool(said(chosen, "may be what is biased")) is ranged
    near = learn(before, [rows_of(0.013)], [])
    assert not said(near, "disagree by")
    assert "brings 0.012: taken as 0.009 to 0.018, as" not in said(near, "no range was given")


def test_what_all_else_says_of_a_belief_is_the_fit_without_it(scenario: Scenario) -> None:
    """From the posterior alone, against a curve fitted anew without the belief."""
    shape = Shape(scenario.levers["care"].moves["survival"], "survival")
    beliefs = beliefs_of(shape, [], "levers.care.moves.survival", {BRINGS: {"low": 0.925, "high": 0.935}})
    tested = [(arms, measure(arms, "chance")) for arms in [trial([0, 0.5], [0.88, 0.91], 9000)]]
    whole = settle(shape, widened(beliefs), tested, 0)
    [at] = [i for i, each in enumerate(beliefs) if each.path == BRINGS]
    free = settle(shape, [each for i, each in enumerate(widened(beliefs)) if i != at], tested, 0)
    _, notes = held_against(shape, beliefs, beliefs, whole, False)
    away = abs(beliefs[at].value(shape, free.mode) - beliefs[at].mean)
    error = float(errors_at(shape, np.array([0.5]), free)[0])
    sd = (beliefs[at].mean - beliefs[at].low) / 1.959964
    assert float(notes[0.5].split("disagree by ")[1].split()[0]) == pytest.approx(away / np.hypot(sd, error), rel=0.05)


def test_histories_are_held_against_answers() -> None:
    """Nobody's range gives way to a history; one that was stated stays, and is said to be in conflict."""
    truth = scenario_of({"adverts": ADVERTS})
    history, low = made(truth, 3), {**GUESS, "brings": 0.0075}
    free = learn(scenario_of({"adverts": low}), [], [], histories=[history])
    assert row(free, 0.5).low < ADVERTS["brings"] < row(free, 0.5).high
    assert "errors from it with the usual" in said(free, "no range was given for brings 0.0075")
    stated = scenario_of({"adverts": low}).model_dump(mode="json", exclude_unset=True)
    stated["uncertain"] = [{"path": "levers.adverts.moves.acquisition.brings", "low": 0.007, "high": 0.008}]
    held = learn(parse(stated), [], [], histories=[history])
    assert "may be what is biased" in said(held, "what was stated and the data disagree by")
    assert row(held, 0.5).value < row(free, 0.5).value


def test_what_no_curve_goes_through_is_said(scenario: Scenario) -> None:
    """Four arms that no curve without a threshold has: chi-square by a plain search, and wider intervals."""
    doses, shares = np.array([0.0, 0.3, 0.9, 3.0]), np.array([0.8, 0.8, 0.8, 0.95])
    found = learn(scenario, [trial(doses.tolist(), shares.tolist(), 5000)], [])
    note = said(found, "no curve of its shape goes through what was seen")

    def chi_square(three: Any) -> float:
        floor, ceiling = 1 / (1 + np.exp(-three[0])), 1 / (1 + np.exp(-three[0] - np.exp(three[1])))
        f = ceiling - (ceiling - floor) * np.exp(-np.exp(three[2]) * doses)
        return float((5000 * (shares - f) ** 2 / (shares * (1 - shares))).sum())

    least = min(
        minimize(chi_square, [1.3, at, -1.0], method="Nelder-Mead", options={"maxiter": 4000}).fun for at in (0.0, 1.0)
    )
    told = float(note.split("(chi-square ")[1].split(",")[0])
    assert told == pytest.approx(least, rel=0.1)  # the curve is the likeliest, not that of least squares
    assert f"errors are taken {np.sqrt(told):.1f} times as wide" in note
    fits = learn(scenario, [trial(doses.tolist(), [0.8, 0.87, 0.92, 0.95], 5000)], [])
    for dose in doses:
        wide, usual = (row(each, dose).high - row(each, dose).low for each in (found, fits))
        assert wide > 2 * usual


def test_what_a_curve_goes_through_is_seldom_blamed(scenario: Scenario) -> None:
    """Of 40 experiments of its own shape, one is expected beyond 97.5 %."""
    random, doses = np.random.default_rng(11), np.array([0.0, 0.3, 0.9, 2.0])
    shape = Shape(BlattbergDeighton(**CURVE), "survival")
    blamed = 0
    for _ in range(40):
        arms = trial(doses.tolist(), (random.binomial(4000, shape.at(shape.start, doses)) / 4000).tolist())
        tested, notes = bent([(arms, measure(arms, "chance"))], shape, 0)
        blamed += bool(notes)
        assert (tested[0][1].apart > 1) == bool(notes)
    assert blamed <= 4


def test_experiments_and_a_history_that_disagree_are_said_and_nothing_carries_over() -> None:
    """Levels that do not agree looked like money that is carried over; where they agree nothing is said."""
    history, before = made(scenario_of({"adverts": ADVERTS}), 3), scenario_of({"adverts": GUESS})
    key = ("adverts", "acquisition", "")
    other = trial([0, 0.5], [0.012, 0.05], 20_000, key)
    found = learn(before, [other], [], histories=[history])
    note = said(found, "experiments and what logs and histories say alone disagree by more than luck does")
    assert "at 0 0.012 of 20,000 (test.csv) against 0.004" in note
    assert "at 0.5 0.05 of 20,000 (test.csv) against 0.0" in note
    assert said(found, "it is not looked for whether money carries over")
    assert found.scenario.levers["adverts"].of_late is None
    same = learn(before, [trial([0, 0.5], [0.0042, 0.0205], 20_000, key)], [], histories=[history])
    assert not said(same, "disagree by more than luck")
