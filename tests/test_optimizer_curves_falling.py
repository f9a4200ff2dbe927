"""Curves that fall: nothing is spent where more would bring less, and the proof is as exact."""

import itertools

import numpy as np
import pytest
from curve_tables import one_period, played, rules

from optimizer.curves.allocation import allocate
from optimizer.curves.shapes import CurveTable, SmoothCurve, TabulatedCurve
from sim.arrays import Floats


def test_a_channel_that_harms_gets_nothing() -> None:
    result = allocate(one_period(TabulatedCurve.of([0, 100], [0, -5]), TabulatedCurve.of([100], [20])), budget=150)
    assert result.spend[:, 0] == pytest.approx([0, 100])
    assert (result.value, result.status) == (pytest.approx(20), "optimal")
    assert result.remarks == ("more spend can bring less on a: its curve falls",)
    assert result.unspent_because == ("saturation: beyond this spend no curve rises",)


def test_digits_of_rounding_are_no_fall() -> None:
    curve = TabulatedCurve.of([0, 100, 200], [0, 131.59999999999999, 131.59999999999997])
    assert curve.response[1] == curve.response[2]
    assert allocate(one_period(curve), budget=150).remarks == ()


def test_money_that_must_be_spent_falls_too() -> None:
    """A floor beyond the top: what it costs is seen, in the value and in its price."""
    result = played(one_period(TabulatedCurve.of([10, 30], [10, 2])), 40, bounds=[{"channels": "a", "floor": 20}])
    assert (result.value, result.status) == (pytest.approx(6), "optimal")
    assert {rule.rule: rule.price for rule in result.binding} == {"floor of a": pytest.approx(-0.4)}
    only_harm = played(one_period(TabulatedCurve.of([30], [-9])), 40, bounds=[{"channels": "a", "floor": 20}])
    assert (only_harm.value, only_harm.status) == (pytest.approx(-6), "optimal")


def test_a_smooth_curve_may_fall() -> None:
    """Of x (20 - x) the top is at 10, and a third of it must be passed where 15 is frozen."""
    curve = SmoothCurve(lambda x: x * (20 - x), lambda x: 20 - 2 * x)
    assert allocate(one_period(curve), budget=40).value == pytest.approx(100, rel=1e-6)
    assert played(one_period(curve), 40, frozen=[{"spend": 15}]).value == pytest.approx(75, rel=1e-6)


@pytest.mark.parametrize("seed", range(40))
def test_no_plan_on_a_grid_beats_random_curves(seed: int) -> None:
    """With carry-over in and out of the window, ties, floors and campaigns."""
    random = np.random.default_rng(seed)
    shape = [(2, 1), (3, 1), (2, 2), (1, 2)][seed % 4]
    curves = tuple(
        tuple(
            TabulatedCurve.of(
                np.sort(random.choice(np.arange(1.0, 13), 3, replace=False)).tolist(),
                random.integers(-6, 9, 3).astype(float).tolist(),
            )
            for _ in range(shape[1])
        )
        for _ in range(shape[0])
    )
    table = CurveTable(tuple("abc"[: shape[0]]), tuple("12"[: shape[1]]), curves)
    content: dict[str, object] = {}
    if seed % 3:
        content |= {"carry_over": [0.5, 0.5], "before": {"a": [4, 8]}, "carried_out": ["lost", "counted"][seed % 2]}
    if seed % 5 == 0:
        content["bounds"] = [{"channels": "a", "floor": 4}]
    if seed % 7 < 3 and shape[0] > 1:
        content["linear"] = ["a >= .5 of a + b"]
    if seed % 4 == 1:
        content["campaigns"] = [{"channels": "b", "smallest": 3}]
    budget = float(random.integers(6, 13))
    result = allocate(table, rules(**content), budget=budget)
    assert result.status == "optimal"
    plans = np.array(list(itertools.product(np.arange(0, budget + 0.1), repeat=shape[0] * shape[1])))
    plans = plans.reshape(-1, *shape)
    fits = plans.sum(axis=(1, 2)) <= budget
    if "bounds" in content:
        fits &= plans[:, 0].sum(axis=1) >= 4
    if "linear" in content:
        fits &= plans[:, 0].sum(axis=1) >= plans[:, 1].sum(axis=1)
    if "campaigns" in content:
        fits &= ((plans[:, 1] == 0) | (plans[:, 1] >= 3)).all(axis=1)
    best = float(_responses(table, content, plans[fits]).max())
    assert best <= result.value + 1e-6 * max(abs(result.bound - result.base), 1.0)
    assert _responses(table, content, result.spend[None])[0] == pytest.approx(result.value, abs=1e-9)


def _responses(table: CurveTable, content: dict[str, object], plans: Floats) -> Floats:
    """Return the response of plans (plans, channels, periods), term by term."""
    carries = "carry_over" in content
    periods = len(table.periods)
    total = np.zeros(len(plans))
    for c, row in enumerate(table.curves):
        spent = np.concatenate([np.zeros((len(plans), 1)), plans[:, c], np.zeros((len(plans), 1))], axis=1)
        none = np.zeros(periods + 2)
        none[0] = spent[:, 0] = 8.0 if carries and c == 0 else 0.0
        for t in range(1, periods + 1 + (content.get("carried_out") == "counted")):
            curve = row[min(t, periods) - 1]
            assert isinstance(curve, TabulatedCurve)
            now = 0.5 * spent[:, t] + 0.5 * spent[:, t - 1] if carries else spent[:, t]
            total += np.interp(now, curve.spend, curve.response)
            if t > periods:
                total -= curve.value(0.5 * none[t - 1])
    return total
