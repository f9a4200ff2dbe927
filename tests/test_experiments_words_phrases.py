"""Figures in words are rounded to the safe side and without dust."""

from experiments.words.figures import typeset_money as money
from experiments.words.phrases import at_least, at_most


def test_promises_are_rounded_to_the_safe_side() -> None:
    assert at_least(0.4269) == "42\u00a0%"
    assert at_most(0.5731) == "58\u00a0%"
    assert at_least(0.0419) == "4.1\u00a0%"
    assert at_least(1.0) == "100\u00a0%"


def test_dust_of_arithmetic_is_no_money() -> None:
    """What a policy leaves of 1e-56 on a lever is shown as nothing; small prices are not."""
    assert money(9.48e-56) == money(-1e-30, signed=True) == money(0.0) == "0"
    assert money(0.00123) == "0.00123"
