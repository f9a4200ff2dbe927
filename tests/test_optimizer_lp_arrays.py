"""What our own arithmetic proves of programmes in arrays, whatever a solver says."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer.lp.arrays import ArrayModel, solve_arrays

INFINITE = float("inf")


def programme(upper: float = 1.5, lower: float = -INFINITE) -> ArrayModel:
    """Return max 3x + 2y over 0 <= x, y <= 1 and lower <= x + y <= upper, -inf <= x - y <= inf."""
    return ArrayModel(
        objective=np.array([3.0, 2.0]), lower=np.zeros(2), upper=np.ones(2), rows=np.array([0, 0, 1, 1]),
        columns=np.array([0, 1, 0, 1]), values=np.array([1.0, 1.0, 1.0, -1.0]),
        row_lower=np.array([lower, -INFINITE]), row_upper=np.array([upper, INFINITE]), integer=np.zeros(2, dtype=bool),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("duals", "bound"),
    [
        ((2.0, 0.0), 4.0),  # the optimum, x = 1 and y = 1/2
        ((1.0, 0.0), 4.5),  # 1.5 + 2 + 1
        ((0.0, 0.0), 5.0),
        ((4.0, 0.0), 6.0),  # no column is worth its price
        ((-1.0, 0.0), 5.0),  # no limit below: counts as none
        ((2.0, 7.0), 4.0),  # nor does a row without limits
        ((2.0, -7.0), 4.0),
    ],
)
def test_any_duals_bound_the_optimum(duals: tuple[float, float], bound: float) -> None:
    assert programme().dual_bound(np.array(duals)) == pytest.approx(bound, abs=1e-12)


def test_a_limit_below_takes_a_dual_below_nothing() -> None:
    """-3x - 2y, at least 1.2 in all: y = 1 and x = .2, at -3 a unit; no limit above takes a dual above."""
    model = replace(programme(INFINITE, 1.2), objective=np.array([-3.0, -2.0]))
    assert model.dual_bound(np.array([-3.0, 0.0])) == pytest.approx(-2.6, abs=1e-12)
    assert model.dual_bound(np.array([3.0, 0.0])) == model.dual_bound(np.zeros(2)) == pytest.approx(0.0, abs=1e-12)


def test_duals_on_either_side_where_they_differ() -> None:
    """At 1 in all the next unit is y's and the last was x's; a direction that is not asked for costs nothing."""
    moved = np.array([1e-3, 0.0])
    answer = solve_arrays(programme(1.0), direction=moved)
    assert answer.bound == pytest.approx(3.0, abs=1e-9)
    assert (answer.duals_down[0], answer.duals_up[0]) == pytest.approx((3.0, 2.0), abs=1e-9)
    plain = solve_arrays(programme(1.0))
    assert (plain.duals_down.size, plain.duals_up.size) == (0, 0)


@pytest.mark.parametrize("gap", [0.0, 0.1])
def test_a_bound_with_whole_numbers_holds_what_was_passed_over(gap: float) -> None:
    """One of two: x, worth 3; branches that could bring less than a tenth more may not have been looked at."""
    answer = solve_arrays(replace(programme(), integer=np.ones(2, dtype=bool)), gap=gap)
    np.testing.assert_allclose(answer.values, [1, 0], atol=1e-9)
    assert answer.bound == pytest.approx(3 + max(1e-7, 3 * gap), abs=1e-10)
