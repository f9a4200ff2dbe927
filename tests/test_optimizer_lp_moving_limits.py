"""Programmes whose limits move, most columns left out, against the same given whole to HiGHS."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer.lp import moving_limits
from optimizer.lp.arrays import ArrayModel, solve_arrays
from optimizer.lp.moving_limits import MovingLimits

ROWS, COLUMNS, LOSS = 5, 400, 40.0


def programme(rng: np.random.Generator, soft: int) -> ArrayModel:
    """Return columns between bounds, some of no width; ``soft`` of the rows may be missed at a loss."""
    body = rng.normal(0.3, 1, (ROWS, COLUMNS)) * (rng.random((ROWS, COLUMNS)) < 0.4)
    whole = np.hstack([body, -np.eye(ROWS)[:, :soft]])
    rows, columns = np.nonzero(whole)
    width = rng.uniform(0, 2, COLUMNS) * (rng.random(COLUMNS) < 0.9)
    low = np.append(rng.uniform(-1, 1, COLUMNS), np.zeros(soft))
    worth = np.append(rng.normal(0, 1, COLUMNS), np.full(soft, -LOSS))
    high = low + np.append(width, np.full(soft, np.inf))
    none = np.full(ROWS, -np.inf)
    return ArrayModel(
        worth, low, high, rows, columns, whole[rows, columns], none, -none, np.zeros(low.size, dtype=bool)
    )


@pytest.mark.parametrize("seed", range(4))
def test_wherever_limits_move_the_optimum_is_that_of_all_columns(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From idle limits to none that can be kept; few columns are looked at, and duals say what a limit more brings."""
    for name, number in (("FEW", 0), ("NEAR", 20), ("SAMPLED", 5)):
        monkeypatch.setattr(moving_limits, name, number)
    rng = np.random.default_rng(seed)
    model = programme(rng, soft=2 + 3 * (seed % 2))
    moving, ended = MovingLimits(model), []
    free = solve_arrays(replace(model, upper=np.where(np.isfinite(model.upper), model.upper, 0.0)))
    middle = model.activity(free.values)
    for trial in range(12):
        upper = middle + rng.normal(-1, 1, ROWS) * (0.3, 3, 30, 300)[trial % 4]
        found = moving.at(model.row_lower, upper)
        bounded = replace(model, row_upper=upper, upper=np.where(np.isfinite(model.upper), model.upper, 1e6))
        expected = solve_arrays(bounded, presolve=False)
        ended.append(expected.status)
        assert (found is None) == (expected.status == "infeasible")
        if found is not None:
            best = float(model.objective @ found[0])
            assert best == pytest.approx(float(model.objective @ expected.values), rel=1e-7, abs=1e-6)
            assert bounded.dual_bound(found[1]) == pytest.approx(best, rel=1e-7, abs=1e-6)
    assert "optimal" in ended
    assert seed % 2 or "infeasible" in ended
    assert moving._part is not None
    assert moving._part.columns.size < model.objective.size
    assert np.unique(moving._part.columns).size == moving._part.columns.size
