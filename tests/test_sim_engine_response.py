"""Response curves: values and slopes."""

import numpy as np
import pytest
from markets import Content, answer
from pydantic import TypeAdapter

from sim.engine.response import CHORD, intensity_at, response, slope
from sim.scenario.curves import BlattbergDeighton, Curve, Hill


@pytest.mark.parametrize("reach", [1.0, 0.3])
def test_a_curve_passes_through_its_four_answers(reach: float) -> None:
    """f(0), f(spend) and f(infinity) are the manager's answers; reach r gives r f(u) + (1 - r) f(0)."""
    answers = {"without_money": 0.1, "unlimited_money": 0.7, "spend": 8.0, "brings": 0.4}
    money = np.array([0.0, 8.0, 1e6, 3.0, 20.0])
    got = response(BlattbergDeighton(**answers), money, reach)
    np.testing.assert_allclose(got, [answer(answers, u, reach) for u in money], rtol=1e-13)
    np.testing.assert_allclose(got[:3], reach * np.array([0.1, 0.4, 0.7]) + (1 - reach) * 0.1, rtol=1e-13)


ADBUDG = {"shape": "adbudg", "without_money": 0.1, "unlimited_money": 0.7, "spend": 8, "brings": 0.4, "steepness": 2}
CURVES: list[tuple[Content, float, float]] = [
    (ADBUDG, 4, 0.22),
    ({**ADBUDG, "without_money": 0, "unlimited_money": 1, "spend": 2, "brings": 0.8, "steepness": 1}, 0.5, 0.5),
    ({"shape": "hill", "unlimited_money": 0.6, "half": 5, "steepness": 3}, 10, 0.6 * 8 / 9),
    ({"shape": "hill", "without_money": 0.2, "unlimited_money": 0.6, "half": 5, "steepness": 1}, 5, 0.4),
    ({"shape": "piecewise-linear", "points": [[0, 0.1], [2, 0.3], [6, 0.4]]}, 4, 0.35),
]


@pytest.mark.parametrize(("curve", "money", "expected"), CURVES)
def test_other_shapes_by_hand(curve: Content, money: float, expected: float) -> None:
    """ADBUDG, Hill and piecewise-linear at one point by hand, at nothing, at what they were stated at, and far out."""
    known = TypeAdapter(Curve).validate_python(curve)
    points = np.array([0.0, money, known.spend, 1e300])
    ends = [known.without_money, expected, known.brings, known.unlimited_money]
    np.testing.assert_allclose(response(known, points), ends, rtol=1e-12)
    np.testing.assert_allclose(response(known, points, 0.25), [0.25 * f + 0.75 * ends[0] for f in ends], rtol=1e-12)


SHAPES = [
    *(curve for curve, _, _ in CURVES),
    {"without_money": 0.1, "unlimited_money": 0.7, "spend": 8.0, "brings": 0.4},
    {"shape": "hill", "unlimited_money": 0.6, "half": 5, "steepness": 0.7},
    {**ADBUDG, "brings": 0.25},
]


@pytest.mark.parametrize("curve", SHAPES)
def test_intensities_that_gain_a_share_of_the_room_gain_it(curve: Content) -> None:
    """The curve's inverse: nothing for nothing, and the curve leads back to every share."""
    known, shares = TypeAdapter(Curve).validate_python(curve), np.array([0.0, 0.1, 0.5, 0.9, 0.99])
    money = intensity_at(known, shares)
    room = known.unlimited_money - known.without_money
    np.testing.assert_allclose(response(known, money), known.without_money + shares * room, rtol=1e-12)
    assert money[0] == 0
    assert (np.diff(money) > 0).all()


@pytest.mark.parametrize("curve", SHAPES)
@pytest.mark.parametrize("reach", [1.0, 0.3])
def test_slopes_are_those_of_the_curves(curve: Content, reach: float) -> None:
    """``df/du`` against a central difference of the fourth order, off the points of a broken line and beyond them."""
    known = TypeAdapter(Curve).validate_python(curve)
    at = np.array([0.03, 0.7, 1.9, 3.1, 5.3, 9.0, 40.0])
    h = 1e-3 * at
    one, two = (response(known, at + k * h, reach) - response(known, at - k * h, reach) for k in (1, 2))
    np.testing.assert_allclose(slope(known, at, reach), (8 * one - two) / (12 * h), rtol=1e-8, atol=1e-11)


def test_a_broken_lines_slope_at_its_points_is_the_one_to_the_right() -> None:
    """From 0 on .1 a unit, from 2 on .025, from 6 on none."""
    lines = TypeAdapter(Curve).validate_python({"shape": "piecewise-linear", "points": [[0, 0.1], [2, 0.3], [6, 0.4]]})
    np.testing.assert_allclose(slope(lines, np.array([0.0, 1, 2, 5, 6, 7])), [0.1, 0.1, 0.025, 0.025, 0, 0])


def test_a_slope_is_a_number_where_a_curve_starts_infinitely_steep() -> None:
    """ADBUDG below a steepness of 1: at nothing the slope of the first chord, from its end on that of the curve."""
    known = Hill.model_validate(
        {"shape": "hill", "without_money": 0.0, "unlimited_money": 1.0, "half": 2.0, "steepness": 0.5}
    )
    first = 2.0 * CHORD
    assert slope(known, np.array(0.0)) == pytest.approx(float(response(known, np.array(first))) / first)
    assert slope(known, np.array(first)) == pytest.approx(0.5 * slope(known, np.array(0.0)), rel=0.02)
    straight = known.model_copy(update={"steepness": 1.0})
    assert slope(straight, np.array(0.0)) == pytest.approx(1 / 2.0, rel=1e-12)
