"""Laws that every optimum must keep, on random markets."""

import pytest

from benchmarks.laws import LAWS

MOST = {
    "given_plans_are_kept": 1e-11, "more_money_in_a_frontier": 0.0, "never_less": 0.0, "thresholds": 1e-4,
    "shares_of_actions": 1e-4,
}  # fmt: skip
APART = 1e-4
"""Of the tighter plan's lift, between separate searches whose gap is within 1 %."""


@pytest.mark.parametrize(
    "law",
    [
        *(pytest.param(law, marks=pytest.mark.slow) for law in ("given_plans_are_kept", "thresholds")),
        "never_less",
        "shares_of_actions",
    ],
)
def test_a_law_holds(law: str) -> None:
    """One market each; the slow test tries thirty."""
    assert LAWS[law](0) <= MOST[law]


@pytest.mark.slow
@pytest.mark.parametrize("law", sorted(LAWS))
def test_a_law_holds_on_many(law: str) -> None:
    """Thirty more of each; those that compare separate searches say nothing where the proof is far."""
    found = [LAWS[law](seed) for seed in range(100, 130)]
    assert max((broken for broken in found if broken is not None), default=0.0) <= MOST.get(law, APART)
