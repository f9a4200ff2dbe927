"""Mixtures of columns that come and go."""

from dataclasses import dataclass

import numpy as np
import pytest
from markets import Floats
from numpy.typing import NDArray

from optimizer.lp.mixture import MixProgramme
from optimizer.lp.programmes import LinearProgramme, LpAnswer
from sim.errors import SolverError


@dataclass(frozen=True, eq=False)
class Mixing:
    """Columns of three groups under four rows."""

    values: Floats
    usage: Floats
    groups: NDArray[np.int64]
    limits: Floats
    signs: Floats

    def plainly(self, kept: NDArray[np.bool_]) -> LpAnswer:
        """Return the answer of the same mixture as an ordinary programme."""
        lp = LinearProgramme(self.values[kept])
        for row, sign in enumerate(self.signs):
            sense = "<=" if sign > 0 else ">="
            lp.add_row(np.arange(kept.sum()), self.usage[kept, row], sense, float(self.limits[row]))
        for group in range(3):
            mine = np.flatnonzero(self.groups[kept] == group)
            lp.add_row(mine, np.ones(mine.size), "=", 1.0)
        return lp.solve()


def mixing(seed: int) -> Mixing:
    """Return a random mixture of thirty columns, ten a group; the first of each group meets no lower limit."""
    rng = np.random.default_rng(seed)
    usage = rng.uniform(0, 1, (30, 4)) * (rng.random((30, 4)) < 0.7)
    usage[:3] = 0
    limits = np.array([1.2, 1.5, 0.4, 0.3])
    return Mixing(rng.uniform(0, 1, 30), usage, np.arange(30) % 3, limits, np.array([1.0, 1.0, -1.0, -1.0]))


@pytest.mark.parametrize("seed", range(5))
def test_mixtures_of_columns_that_come_and_go_are_the_programmes(seed: int) -> None:
    """By and by and all at once come to the same; prices are the duals; dropping what has no weight changes nothing."""
    case = mixing(seed)
    programme = MixProgramme(case.limits, case.signs, 3)
    for first in range(0, 30, 6):
        part = slice(first, first + 6)
        programme.add(case.values[part], case.usage[part], case.groups[part])
        weights, prices, missed = programme.solve()
        whole = case.plainly(np.arange(30) < first + 6)
        assert programme.feasible == (whole.status == "optimal")
        if not programme.feasible:
            assert missed.sum() > 0
            continue
        assert missed.max() <= 1e-9
        assert weights @ case.values[: first + 6] == pytest.approx(whole.objective, abs=1e-9)
        np.testing.assert_allclose(prices, whole.duals[:4], atol=1e-7)
    assert programme.feasible
    programme.keep(weights > 0)
    assert programme.size < 30
    again, prices_again, _ = programme.solve()
    np.testing.assert_allclose(again, weights[weights > 0], atol=1e-9)
    assert again @ case.values[weights > 0] == pytest.approx(weights @ case.values, abs=1e-12)
    np.testing.assert_allclose(prices_again @ case.limits, prices @ case.limits, atol=1e-9)


def test_rows_that_no_mixture_meets_are_missed_by_the_least() -> None:
    """With nothing that counts the second row is missed by all of its limit, at a price of one a unit."""
    programme = MixProgramme(np.array([1.0, 0.7]), np.array([1.0, -1.0]), 1)
    programme.add(np.array([5.0, 3.0]), np.array([[2.0, 0.0], [0.5, 0.25]]), np.zeros(2, dtype=np.int64))
    weights, prices, missed = programme.solve()
    assert not programme.feasible
    np.testing.assert_allclose(missed, [0.0, 0.45], atol=1e-9)
    np.testing.assert_allclose(weights, [0.0, 1.0], atol=1e-9)
    np.testing.assert_allclose(prices, [0.0, -1.0], atol=1e-9)


def test_duals_that_prove_nothing_are_refused() -> None:
    """Prices are checked with our own arithmetic."""
    programme = MixProgramme(np.array([1.0]), np.array([1.0]), 1)
    programme.add(np.array([0.0, 4.0]), np.array([[0.0], [2.0]]), np.zeros(2, dtype=np.int64))
    weights, prices, missed = programme.solve()
    np.testing.assert_allclose(prices, [2.0])
    with pytest.raises(SolverError, match="do not prove"):
        programme._check(weights, np.array([0.5]), missed)
    with pytest.raises(SolverError, match="misses a row"):
        programme._check(np.array([0.0, 1.0]), prices, missed)
