"""Prices in words: both sides where they differ, and the amount that they hold for."""

from types import SimpleNamespace
from typing import Any

import pytest

from experiments.words.prices import price_figures, rule_price_in_words, rules_priced, shadow_price_in_words
from optimizer.prices import PriceRange
from optimizer.proof import LiftProof

NONE = float("nan")


def plan(price: float, known: PriceRange | None, bound: float = 100.0) -> Any:
    return SimpleNamespace(
        shadow_price=price, price_ranges={} if known is None else {"budget": known},
        proof=LiftProof(100.0, 50.0, bound),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("price", "known", "words"),
    [
        (
            14.22, PriceRange(14.22, NONE, holds=16.0, beyond=0.0, step=1000.0, gain=143.0),
            "the next 16 bring 14.22 each, then nothing; one more 1,000 brings 143 beyond its own cost; no plan keeps "
            "the rules with less",
        ),
        (
            2.0, PriceRange(2.0, 3.16, holds=500.0, beyond=1.5, step=1000.0, gain=1750.0),
            "the next 500 bring 2.00 each, then 1.50 or less; one more 1,000 brings 1,750 beyond its own cost; a unit "
            "less takes away 3.16",
        ),
        (
            2.0, PriceRange(2.0, 2.0, holds=500.0, beyond=1.95, step=1000.0, gain=1950.0),
            "at least the next 500 bring 2.00 each; one more 1,000 brings 1,950 beyond its own cost",
        ),
        (2.0, None, "one more 1,000 brings 2,000 beyond its own cost"),
        (0.0, PriceRange(0.0, 0.0, step=1000.0, gain=0.0), "more money would bring nothing beyond its own cost"),
    ],
)  # fmt: skip
def test_the_budget(price: float, known: PriceRange | None, words: str) -> None:
    """The next units, what comes then if it was found, a true thousand, and what less takes away."""
    assert shadow_price_in_words(plan(price, known)) == words


def test_a_price_is_called_local_where_the_plan_is_not_proved() -> None:
    """With a gap, and without any bound."""
    for bound in (110.0, NONE):
        assert "local" in shadow_price_in_words(plan(2.0, None, bound))


def test_a_rule() -> None:
    """On a line, the dearest first, and in a table whose step is smaller than a thousand."""
    made = plan(1.0, None)
    made.prices = {"budget": 1.0, "cap": 2.0}
    made.price_ranges["floor"] = PriceRange(-15.1, -17.0, holds=2.0, beyond=-13.0, step=100.0, gain=120.0)
    made.price_ranges["all of it"] = PriceRange(0.0, NONE)
    assert rules_priced(made) == ["floor", "cap", "all of it"]
    said = [rule_price_in_words(made, name) for name in rules_priced(made)]
    assert said[0] == "floor (-15.100 for the next 2, tightened -17.000)"
    assert said[1:] == ["cap (+2.000)", "all of it (+0.000, cannot be tightened)"]
    assert price_figures(made, "floor") == ["floor", "-15.10", "-17.00", "2", "100", "+120"]
