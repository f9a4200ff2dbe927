"""One test after another tells what both at once would, also where they exclude each other, and in any order."""

import numpy as np
import pytest
from learning import CONTENT, KEY, row, trial

from sim.responses.learn import Learned, learn
from sim.responses.read import Answer, Trial
from sim.scenario.file import parse

AGREE = trial([0, 1], [0.88, 0.94], 1000), trial([0, 1], [0.875, 0.945], 3000)
EXCLUDE = trial([0, 1], [0.80, 0.93], 2000), trial([0, 1], [0.88, 0.90], 2000)
ORDERS = pytest.mark.parametrize("order", [(0, 1), (1, 0)])


def at_once(*trials: Trial) -> Learned:
    return learn(parse(CONTENT, "tests"), trials, [])


def in_turn(*trials: Trial) -> Learned:
    first = learn(parse(CONTENT, "tests"), trials[:1], [])
    return learn(first.scenario, trials[1:], [])


@ORDERS
def test_tests_that_agree_tell_in_turn_what_they_tell_at_once(order: tuple[int, int]) -> None:
    both, turned = at_once(*AGREE), in_turn(*(AGREE[i] for i in order))
    for at in (0.0, 0.5, 1.0):
        one, other = row(both, at), row(turned, at)
        error = (one.high - one.low) / 3.92
        assert abs(one.value - other.value) < 0.15 * error
        assert 0.75 < (other.high - other.low) / (one.high - one.low) < 1.1
    assert not any("disagree" in note for note in turned.notes)


@ORDERS
def test_tests_that_exclude_each_other_both_count_and_the_last_does_not_win(order: tuple[int, int]) -> None:
    turned = in_turn(*(EXCLUDE[i] for i in order))
    for at, seen in ((0.0, (0.80, 0.88)), (1.0, (0.93, 0.90))):
        found = row(turned, at)
        low, high = sorted(seen)
        assert low + 0.15 * (high - low) < found.value < high - 0.15 * (high - low)
        assert found.low < low + 0.01
        assert found.high > high - 0.01
    [note] = [note for note in turned.notes if "disagree" in note]
    assert "what was learned before from data" in note
    assert not any("was stated" in note for note in turned.notes)


def test_what_answers_alone_tell_is_no_wider_for_data_that_exclude_each_other() -> None:
    turned = in_turn(*EXCLUDE)
    once = row(at_once(*EXCLUDE), np.inf)
    found = row(turned, np.inf)
    assert found.high - found.low < 1.2 * (once.high - once.low)


def test_customers_of_all_evidence_are_counted_and_what_was_measured_stays_measured() -> None:
    first = learn(parse(CONTENT, "tests"), [trial([0, 0.5, 1], [0.88, 0.93, 0.94], 200_000)], [])
    assert row(first, 0.5).source == "measured"
    [record] = learn(first.scenario, [trial([0, 1], [0.88, 0.94], 50)], []).scenario.evidence
    assert record.customers == 600_100
    turned = learn(first.scenario, [trial([0, 1], [0.88, 0.94], 50)], [])
    assert row(turned, 0.5).source == "measured"
    assert row(turned, 0.5).n == 600_100


def test_an_answer_after_data_does_not_replace_them() -> None:
    first = learn(parse(CONTENT, "tests"), [trial([0, 0.5], [0.88, 0.93], 20_000)], [])
    said = Answer(KEY, "Kim", 0.5, 0.94, 0.92, 0.96)
    at_end = row(learn(first.scenario, [], [said]), 0.5)
    together = row(learn(parse(CONTENT, "tests"), [trial([0, 0.5], [0.88, 0.93], 20_000)], [said]), 0.5)
    error = (together.high - together.low) / 3.92
    assert abs(at_end.value - together.value) < error
    assert at_end.high - at_end.low < 1.2 * (together.high - together.low)
    assert at_end.source != "answered"


def test_an_answer_that_data_before_exclude_gives_way() -> None:
    first = learn(parse(CONTENT, "tests"), [trial([0, 0.5], [0.85, 0.90], 20_000)], [])
    found = learn(first.scenario, [], [Answer(KEY, "Kim", 0.5, 0.97, 0.965, 0.975)])
    assert row(found, 0.5).value == pytest.approx(0.90, abs=0.005)
    [note] = [note for note in found.notes if "disagree" in note]
    assert "one of them is wrong" in note
    assert "chose" not in note


def test_a_segment_may_differ_from_all() -> None:
    """Its own experiment tells it, and what was learned of all is no evidence against that."""
    first = learn(parse(CONTENT, "tests"), [trial([0, 1], [0.85, 0.93], 3000)], [])
    found = learn(first.scenario, [trial([0, 1], [0.80, 0.90], 3000, (*KEY[:2], "town"))], [])
    for at, seen in ((0.0, 0.80), (1.0, 0.90)):
        assert row(found, at).value == pytest.approx(seen, abs=0.01)
        assert row(found, at).n == 6000
    assert not any("learned before" in note for note in found.notes)


@ORDERS
def test_gains_that_exclude_each_other_both_count(order: tuple[int, int]) -> None:
    random, made = np.random.default_rng(1), []
    for times in (1.2, 1.6):
        bought = np.concatenate([random.poisson(0.5, 3000), random.poisson(0.5 * times, 3000)]).astype(float)
        ones = np.ones(6000)
        made.append(
            Trial(("offers", "purchase_rate", ""), np.repeat([0.0, 1.0], 3000), bought, ones, ones, False, "g.csv")
        )
    once, turned = at_once(*made), in_turn(*(made[i] for i in order))
    both, found = row(once, 1.0), row(turned, 1.0)
    assert any("learned before from data" in note for note in turned.notes)
    assert found.high - found.low > 0.6 * (both.high - both.low)
