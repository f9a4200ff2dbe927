"""The least budget for a response: the other way round from the best response for a budget."""

import pytest
from curve_tables import one_period, random_table, rules, s_curve, saturating

from optimizer.curves.allocation import allocate
from optimizer.curves.least import least_budget
from optimizer.curves.shapes import TabulatedCurve
from sim.errors import InputError

RULES = {
    "none": {},
    "shares": {"period_share": 0.6, "bounds": [{"channels": "c0", "floor_share": 0.2}]},
    "campaigns": {"campaigns": [{"channels": "c2", "smallest": 21}]},
    "a tie": {"linear": ["c0 = 2 c1"]},
    "carried in": {"carry_over": [0.6, 0.4], "before": {"c0": [20]}},
}


@pytest.mark.parametrize("s_shaped", [False, True])
@pytest.mark.parametrize("content", RULES.values(), ids=RULES)
def test_it_is_the_budget_that_brings_so_much(content, s_shaped: bool) -> None:
    """What 100 bring at most needs 100; a little less brings less; the price is the reciprocal."""
    table = random_table(2, 3, 2, s_shaped)
    best = allocate(table, rules(**content), budget=100)
    least = least_budget(table, rules(**content), target=best.value)
    assert least.status == "optimal"
    assert least.value >= best.value * (1 - 1e-12)
    assert least.budget == pytest.approx(100, rel=2e-6)
    assert least.least_budget <= least.budget <= least.least_budget * (1 + 1e-6)
    assert allocate(table, rules(**content), budget=99.99).bound < best.value
    assert least.target_price == pytest.approx(1 / best.shadow_price, rel=1e-4)


def test_of_exact_curves() -> None:
    table = one_period(s_curve(100, 60), s_curve(100, 60), saturating(90, 30))
    best = allocate(table, budget=100)
    least = least_budget(table, target=best.value)
    assert (least.status, least.value >= best.value) == ("optimal", True)
    assert least.budget == pytest.approx(100, rel=2e-6)


def test_a_corner_costs_more_to_the_right() -> None:
    least = least_budget(one_period(TabulatedCurve.of([10, 30], [30, 50])), target=30)
    assert least.budget == pytest.approx(10)
    assert (least.target_price, least.target_price_left) == (pytest.approx(1), pytest.approx(1 / 3))


def test_what_comes_without_spend_needs_none() -> None:
    least = least_budget(one_period(TabulatedCurve.of([0, 10], [5, 9])), target=4)
    assert (least.budget, least.spend.sum(), least.gap) == (0, 0, 0)


def test_a_target_out_of_reach_is_refused_with_what_can_be_had() -> None:
    table = one_period(TabulatedCurve.of([10, 30], [30, 50]))
    with pytest.raises(InputError, match=r"response=51 cannot be reached under these rules; the most is 50, for 30"):
        least_budget(table, target=51)
    with pytest.raises(InputError, match=r"the most is 40, for 20"):
        least_budget(table, rules(bounds=[{"channels": "a", "cap": 20}]), target=45)


def test_rules_in_conflict_are_named() -> None:
    table = one_period(TabulatedCurve.of([10, 30], [30, 50]))
    clash = rules(bounds=[{"channels": "a", "cap": 20}, {"channels": "a", "floor": 25}])
    conflict = least_budget(table, clash, target=45).conflict
    assert conflict is not None
    assert {rule.name for rule in conflict.rules} == {"cap of a", "floor of a"}
