"""Plans and prices in words where they are unlike most: terms, fixed costs, forced money, rules that cannot tighten."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from experiments.terminal.summary import plan_summary
from experiments.terminal.tables import plan_table
from experiments.words.phrases import fixed_costs_in_words, target_in_words
from experiments.words.prices import both_sides, loosened, shadow_price_in_words
from optimizer.prices import PriceRange
from optimizer.proof import LiftProof, SpendProof

NAN = float("nan")


def plan(*, paid: bool = True, **changes: Any) -> Any:
    """Return as much of a plan as its summary needs: money of one segment through two levers."""
    money = ["homes", "shops"], ["care", "mail"], np.array([[90.0, 0.0], [0.0, 10.0]])
    facts: dict[str, Any] = {
        "targets": SimpleNamespace(paid=np.array([True, paid])), "asset": 500.0, "fixed_costs": 0.0,
        "shadow_price": 0.5, "status": "feasible", "price_ranges": {}, "prices": {"budget": 0.5, "cap of care": 0.25},
        "proof": LiftProof(500.0, 400.0, 520.0), "by_segment_and_lever": lambda: money,
        "terms_by_segment": lambda: (["homes"], ["cut"], np.array([[12.5]])),
    }  # fmt: skip
    return SimpleNamespace(**{**facts, **changes})


def test_terms_stand_below_the_money() -> None:
    """Money by segment and lever with sums; terms, which no budget pays for, in a table of their own."""
    assert [line.split() for line in plan_table(plan()).splitlines()[2:]] == [
        ["homes", "90", ".", "90"], ["shops", ".", "10", "10"], ["all", "90", "10", "100"]
    ]  # fmt: skip
    text = plan_table(plan(paid=False))
    assert "Terms, which no budget pays for, on customers as the firm sees them" in text
    assert [line.split() for line in text.splitlines()[-2:]] == [["homes", "12"], ["all", "12"]]


def test_a_plan_that_is_unlike_most() -> None:
    """Fixed costs, a plan that does not meet every rule, and a least spend, whose rules are priced in money."""
    text = plan_summary(plan(fixed_costs=20.0, status="misses 2 rules"), "EUR")
    assert text.startswith(
        "The plan found misses 2 rules: no plan was found that meets every rule at this targeting.\n"
    )
    assert "Fixed costs of its campaigns, in no other figure: 20; less them it is worth 480." in text
    assert "Other rules that bind, with d(asset)/d(limit): cap of care (+0.250)." in text
    saves = plan_summary(plan(proof=SpendProof(100.0, 80.0), prices={"keep": -2.0}), "")
    assert "Other rules that bind, with d(money)/d(limit), less is dearer: keep (-2.000)." in saves
    assert "Shadow price" not in saves
    assert "Other rules" not in plan_summary(plan(prices={}), "EUR")


def test_prices_to_both_sides() -> None:
    assert both_sides(PriceRange(0.5, 0.5)) == "0.50 a unit"
    assert both_sides(PriceRange(0.5, 0.7, 60.0)) == "0.50 a unit for the next 60, 0.70 where it is tightened"
    assert both_sides(PriceRange(0.05, NAN)) == "0.05 a unit, and no plan keeps the rules where it is tighter"
    forced = plan(shadow_price=-0.25, price_ranges={"budget": PriceRange(-0.25, -0.25, 100.0, step=10.0, gain=-2.5)})
    assert shadow_price_in_words(forced).startswith(
        "one more 10 costs 2.5, since rules stated as shares of the budget force more to be spent where it does not pay"
    )
    assert loosened(plan(), "cap of care", -0.25) == (1000.0, 250.0)
    assert shadow_price_in_words(plan(shadow_price=0.0)) == "more money would bring nothing beyond its own cost"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "new, core"), ({"reach": 0.5}, "new, core (reaches 50 %)"),
        ({"by_segment": {"gold": 1, "own": 2}}, "new, core; differs for gold, own"),
    ],
)  # fmt: skip
def test_whom_a_lever_is_used_on(facts: dict[str, Any], said: str) -> None:
    lever: Any = SimpleNamespace(**{"targets": ("new", "core"), "reach": 1.0, "by_segment": {}, **facts})
    assert target_in_words(lever).replace("\u00a0", " ") == said
    assert fixed_costs_in_words(0.0, 5.0) == ""
    assert math.isnan(PriceRange(1.0, NAN).tighter)
