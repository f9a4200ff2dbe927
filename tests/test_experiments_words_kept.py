"""Which rules policies break, word for word: with a limit, by how much, how often, and who keeps them all."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from experiments.compare import Outcome
from experiments.words.kept import best_in_words, breaks, expected_in_words, rule_in_words, rules_broken
from optimizer.ask.kept import Broken

NAN = float("nan")
CAP = Broken("cap of care", "in period 2", 1, "money", "", "<=", 100.0, 130.0, "", False)
FLOOR = replace(CAP, rule="floor of care", sense=">=", counted=99.7, when="")
BUDGET = Broken("budget", "", 1, "money", "", "<=", 1000.0, 1250.0, "", True)
STATED = Broken("town: cap by share", "", 3, "money", "", "<=", 50.0, 60.0, "at most 10 % of the budget", False)
PEOPLE = Broken("keep", "at the end", 2, "people", "customers", ">=", 400.0, 31.25, "", False)
POINTS = Broken("felt", "", 1, "people", "points", ">=", 60.0, 58.54, "at least 60 points", False)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (CAP, "cap of care in period 2 130, at most 100"),
        (FLOOR, "floor of care below 100 by 0.3, at least 100"),
        (replace(CAP, counted=100.2), "cap of care in period 2 above 100 by 0.2, at most 100"),
        (BUDGET, "budget by 250"),
        (STATED, "town: cap by share (at most 10 % of the budget) by 10 (and 2 more times)"),
        (replace(STATED, stated="cap by share", sense=">="), "town: cap by share by 10 (and 2 more times)"),
        (PEOPLE, "keep at the end 31.2, at least 400.0 customers (and once more)"),
        (POINTS, "felt (at least 60 points) by 1.46 points"),
    ],
)
def test_a_rule_that_is_broken(broken: Broken, said: str) -> None:
    """What it counts beside its limit; by how much where that says more, or the limit is said otherwise."""
    assert rule_in_words(broken) == said


def outcome(
    name: str, asset: float, broken: tuple[Broken, ...] | None = (), spend: float = 900.0, **more: Any
) -> Outcome:
    spends = np.full(2, spend)
    return Outcome(name, np.full(2, asset), spends, spends, None, 0.0, NAN, NAN, broken=broken, **more)


def compared(*outcomes: Outcome, equal_money: bool = False, budget: float = 1000.0) -> Any:
    return SimpleNamespace(outcomes=outcomes, equal_money=equal_money, budget=budget)


def test_who_breaks_what_and_spends_how_much() -> None:
    """The money of the budget's own row where that is broken, else the mean; none where there is no budget."""
    found = compared(outcome("a", 1.0, (CAP,)), outcome("b", 1.0, (BUDGET, PEOPLE)), outcome("c", 1.0))
    assert rules_broken(found) == [
        "'a' breaks 1 rule, spends 900 of 1,000: cap of care in period 2 130, at most 100.",
        "'b' breaks 2 rules, spends 1,250 of 1,000: budget by 250; keep at the end 31.2, at least 400.0 customers (and "
        "once more).",
    ]
    assert rules_broken(compared(outcome("a", 1.0, (FLOOR,)), budget=float("inf"))) == [
        "'a' breaks 1 rule: floor of care below 100 by 0.3, at least 100."
    ]
    few = compared(
        outcome("none", 1.0, spend=0.0), outcome("few", 1.0), outcome("all", 1.0, spend=995.0), equal_money=True
    )
    assert rules_broken(few) == [
        "'none' was not scaled up to 1,000: it spends 0: it asks for nothing.",
        "'few' was not scaled up to 1,000: it spends 900: rules on periods and levers, or few customers, hold it back.",
    ]
    assert [breaks(each) for each in (None, (), (CAP, FLOOR))] == ["", "kept", "breaks 2"]
    assert breaks((), "zh") == "符合"


def test_who_is_best_of_those_that_keep_them() -> None:
    best, kept = outcome("best", 9.0, (CAP,)), outcome("second", 8.0)
    assert best_in_words(compared(best, kept, outcome("third", 7.0))) == (
        "It breaks 1 rule: cap of care. Of those that keep all rules, “second” is worth most."
    )
    two = outcome("best", 9.0, (CAP, replace(CAP, when="in period 3"), FLOOR))
    assert best_in_words(compared(two, outcome("second", 8.0, None))) == (
        "It breaks 3 rules: cap of care, floor of care. No policy here keeps them all."
    )
    assert best_in_words(compared(best)) == best_in_words(compared(kept, outcome("a", 1.0, (CAP,)))) == ""


def test_what_they_are_worth_in_expected_numbers() -> None:
    """Against the first; what only arithmetic leaves is no difference; nothing where the first is not known."""
    first, same, more = (
        outcome(name, 1.0, expected=x) for name, x in (("a", 1e6), ("b", 1e6 + 1e-5), ("c", 1_000_050.0))
    )
    unknown = outcome("d", 1.0)
    assert expected_in_words(compared(first, same, unknown, more)) == (
        "Customer asset in expected numbers, as plans are counted (the table is simulated): a 1,000,000, b 1,000,000 "
        "(0 against a), c 1,000,050 (+50 against a)."
    )
    assert expected_in_words(compared(unknown, first)) == expected_in_words(compared(unknown)) == ""
