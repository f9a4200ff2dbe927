"""Cycle x amount segments and value tiers."""

import numpy as np
import pytest

from sim.customers.segmentation import SEGMENTS, TIERS, CycleAmountCutoffs, segment_by_cycle_and_amount, value_tiers
from sim.errors import InputError

CUTOFFS = CycleAmountCutoffs(short_cycle=4.0, long_cycle=10.0, small_amount=20.0, large_amount=50.0)


@pytest.mark.parametrize(
    ("cycle", "amount", "segment"),
    [
        (2, 90, "platinum"),
        (2, 30, "gold"),
        (2, 10, "silver C"),
        (5, 90, "gold"),
        (5, 30, "silver B"),
        (5, 10, "develop"),
        (20, 90, "silver A"),
        (20, 30, "develop"),
        (20, 10, "optimise"),
        (4, 50, "silver B"),
        (10, 20, "silver B"),
    ],
)
def test_the_nine_cells(cycle: float, amount: float, segment: str) -> None:
    index, used = segment_by_cycle_and_amount([1 / cycle], [amount], CUTOFFS)
    assert SEGMENTS[index[0]] == segment
    assert used is CUTOFFS


def test_cutoffs_are_tertiles_unless_given() -> None:
    rng = np.random.default_rng(5)
    rate, spend = rng.gamma(2.0, 0.1, 9_000), rng.gamma(5.0, 7.0, 9_000)
    index, cutoffs = segment_by_cycle_and_amount(rate, spend)
    assert np.mean(1 / rate < cutoffs.short_cycle) == pytest.approx(1 / 3, abs=2e-4)
    assert np.mean(spend > cutoffs.large_amount) == pytest.approx(1 / 3, abs=2e-4)
    shares = np.bincount(index, minlength=7) / 9_000
    assert shares == pytest.approx([1 / 9, 2 / 9, 1 / 9, 1 / 9, 1 / 9, 2 / 9, 1 / 9], abs=0.02)
    again, _ = segment_by_cycle_and_amount(rate, spend, cutoffs)
    assert (again == index).all()


def test_customers_tied_on_coinciding_tertiles_are_medium() -> None:
    rate = np.linspace(0.1, 0.2, 10)
    spend = np.array([35.0] * 8 + [20.0, 50.0])
    index, cutoffs = segment_by_cycle_and_amount(rate, spend)
    assert cutoffs.small_amount == cutoffs.large_amount == 35.0
    assert {SEGMENTS[i] for i in index[:8]} == {"gold", "silver B", "develop"}


@pytest.mark.parametrize(
    ("rate", "spend", "message"),
    [
        ([0.1], [1.0, 2.0], "shapes are"),
        ([], [], "shapes are"),
        ([0.0], [1.0], "finite and above 0"),
        ([0.1], [np.inf], "finite and not negative"),
    ],
)
def test_segments_refuse_what_they_cannot_place(rate: list[float], spend: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        segment_by_cycle_and_amount(rate, spend)


def test_cutoffs_must_be_in_order() -> None:
    with pytest.raises(InputError, match="short_cycle <= long_cycle"):
        CycleAmountCutoffs(10.0, 4.0, 20.0, 50.0)


def test_tiers_are_thirds_within_each_segment() -> None:
    value = np.array([5.0, 1.0, 3.0, 100.0, 300.0, 200.0, 4.0, 2.0, 6.0])
    segment = np.array([0, 0, 0, 2, 2, 2, 0, 0, 0])
    assert value_tiers(value, segment).tolist() == [2, 0, 1, 0, 2, 1, 1, 0, 2]
    assert len(TIERS) == 3


@pytest.mark.parametrize(("size", "expected"), [(1, [1, 0, 0]), (2, [1, 1, 0]), (4, [2, 1, 1]), (8, [3, 3, 2])])
def test_ties_are_broken_by_position(size: int, expected: list[int]) -> None:
    tiers = value_tiers(np.full(size, 7.0), np.zeros(size, dtype=int))
    assert np.bincount(tiers, minlength=3).tolist() == expected
    assert (np.diff(tiers) >= 0).all()


def test_tiers_refuse_missing_values() -> None:
    with pytest.raises(InputError, match="number 1 has none"):
        value_tiers([1.0, np.nan], [0, 0])
    with pytest.raises(InputError, match="shapes are"):
        value_tiers([1.0, 2.0], [0])
    assert value_tiers([], []).tolist() == []
