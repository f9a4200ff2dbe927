"""Linear rules between channels in words, as rows and in plans."""

import pytest
from curve_tables import one_period, played, random_table

from optimizer.curves.shapes import CurveTable, TabulatedCurve
from sim.errors import InputError
from sim.scenario.linear import parse_linear

CHANNELS = ("tv", "tv regional", "radio", "search", "paid-social", "3rd party")


@pytest.mark.parametrize(
    ("text", "weights", "sense", "limit"),
    [
        ("tv = 3 radio", {"tv": 1, "radio": -3}, "=", 0),
        ("tv=3*radio", {"tv": 1, "radio": -3}, "=", 0),
        ("tv >= .5 of search + paid-social", {"tv": 1, "search": -0.5, "paid-social": -0.5}, ">=", 0),
        ("tv ≥ 50 % of search + radio", {"tv": 1, "search": -0.5, "radio": -0.5}, ">=", 0),
        ("2 tv + radio <= 200", {"tv": 2, "radio": 1}, "<=", 200),
        ("tv - 2 (radio + search) <= -10", {"tv": -1, "radio": 2, "search": 2}, ">=", 10),
        ("tv regional < tv", {"tv regional": 1, "tv": -1}, "<=", 0),
        ("'3rd party' = 2 '3rd party' - tv", {"3rd party": -1, "tv": 1}, "=", 0),
        ("tv + radio = radio + 20", {"tv": 1}, "=", 20),
    ],
)
def test_words_become_weights(text: str, weights: dict[str, float], sense: str, limit: float) -> None:
    rule = parse_linear(text, CHANNELS, "linear[1]")
    assert (rule.weights, rule.sense, rule.limit) == (weights, sense, limit)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tv 3 radio", "expected one of <=, >= and ="),
        ("0 <= tv <= 3", "expected one of <=, >= and ="),
        ("tv = 3 rado", "'rado' is not in the curves; did you mean 'radio'?"),
        ("tv = 3 (radio + search", "a bracket is not closed"),
        ("tv = ", "a channel or an amount of money is missing"),
        ("tv = radio search", "'search' is left over"),
        ("tv = tv", "no channel is left of it"),
    ],
)
def test_what_is_no_rule_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        parse_linear(text, CHANNELS, "linear[1]")
    assert said in str(error.value)
    assert str(error.value).startswith("linear[1]: '")


def test_a_tie_is_kept_and_priced() -> None:
    """Three to one: of 40, 30 and 10, though the second brings nothing."""
    table = one_period(TabulatedCurve.of([100], [200]), TabulatedCurve.of([100], [0]))
    result = played(table, 40, linear=["a = 3 b"])
    assert result.spend[:, 0] == pytest.approx([30, 10])
    assert result.value == pytest.approx(60)
    assert result.shadow_price == pytest.approx(1.5)
    assert "a = 3 b" in {rule.rule for rule in result.binding}


def test_a_rule_holds_over_the_window_or_in_each_period() -> None:
    table = random_table(4, 2, 3, True)
    window = played(table, 90, linear=["c0 = 2 c1"])
    each = played(table, 90, linear=[{"rule": "c0 = 2 c1", "each": "period"}])
    assert window.spend[0].sum() == pytest.approx(2 * window.spend[1].sum())
    assert each.spend[0] == pytest.approx(2 * each.spend[1], abs=1e-7)
    assert each.value <= window.value * (1 + 1e-9)


def test_money_far_beyond_use_keeps_a_tie() -> None:
    """What one channel can use may need a hundred times as much on another."""
    table = one_period(TabulatedCurve.of([10], [10]), TabulatedCurve.of([1], [0]))
    result = played(table, 1e12, linear=["b = 100 a"])
    assert result.value == pytest.approx(10)
    assert result.spend[:, 0] == pytest.approx([10, 1000])


def test_a_tie_in_conflict_is_named_as_it_is_stated() -> None:
    table: CurveTable = one_period(TabulatedCurve.of([10], [10]), TabulatedCurve.of([10], [10]))
    result = played(table, 30, linear=["a = 3 b"], bounds=[{"channels": "b", "floor": 10}])
    assert result.conflict is not None
    assert "no plan can meet 'budget' (at most 30) and 'floor of b' (at least 10) and 'a = 3 b'" in (
        result.conflict.in_words()
    )
