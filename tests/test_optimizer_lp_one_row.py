"""Linear programmes of one row against HiGHS."""

from typing import Any

import numpy as np
import pytest

from optimizer.lp.arrays import ArrayModel
from optimizer.lp.moving_limits import MovingLimits
from optimizer.lp.one_row import OneRow

Floats = np.ndarray[Any, np.dtype[np.float64]]
LOSS = 50.0


def whole(worth: Floats, width: Floats, use: Floats, sign: float, limit: float) -> tuple[float, Floats]:
    """Return the optimum of the same programme given to HiGHS, and its dual."""
    columns, zeros = worth.size + 1, np.zeros(worth.size + 1)
    model = ArrayModel(
        np.append(worth, -LOSS), zeros, np.append(width, np.inf), np.zeros(columns, dtype=np.int64),
        np.arange(columns), np.append(use, -sign), np.zeros(1), np.zeros(1), zeros.astype(bool),
    )  # fmt: skip
    ends = np.array([-np.inf]), np.array([limit])
    found = MovingLimits(model).at(*(ends if sign > 0 else (ends[1], -ends[0])))
    assert found is not None
    return float(np.append(worth, -LOSS) @ found[0]), found[1]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_optimum_and_its_dual_are_those_of_highs(sign: float) -> None:
    """Columns that bring or cost, use or free, are empty or of no width; limits from out of reach to idle."""
    rng = np.random.default_rng(7)
    for size in (1, 2, 7, 60):
        worth, use = rng.normal(0, 1, size), rng.normal(0, 1, size) * (rng.random(size) < 0.9)
        width = rng.uniform(0, 2, size) * (rng.random(size) < 0.9)
        row, most = OneRow(worth, width, use, sign, LOSS), float(np.abs(use) @ width) + 0.1
        for limit in rng.uniform(-1.3 * most, 1.3 * most, 25).tolist():
            values, dual = row.at(limit)
            best, price = whole(worth, width, use, sign, limit)
            assert float(np.append(worth, -LOSS) @ values) == pytest.approx(best, rel=1e-9, abs=1e-9)
            assert dual == pytest.approx(price, rel=1e-7, abs=1e-7)
            assert (values >= 0).all()
            assert (values[:-1] <= width).all()
            assert sign * (use @ values[:-1] - sign * values[-1] - limit) <= 1e-9 * most


def test_at_a_kink_the_price_is_that_of_the_looser_side() -> None:
    """Exactly full columns: one more brings what the next column does."""
    row = OneRow(np.array([3.0, 2.0, 1.0]), np.ones(3), np.ones(3), 1.0, LOSS)
    values, price = row.at(2.0)
    assert values.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert price.tolist() == [1.0]
