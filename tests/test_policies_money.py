"""Shares within floors and caps."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.money import bounded_shares

shares = st.floats(0, 1)


@st.composite
def bounds(draw: Any, least: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Wanted shares, floors that add up to one at most, and caps above them."""
    size = draw(st.integers(1, 6))
    wanted = np.array(draw(st.lists(st.floats(least, 1), min_size=size, max_size=size)))
    floors = np.array(draw(st.lists(shares, min_size=size, max_size=size)))
    floors = floors / max(1.0, floors.sum()) * draw(shares)
    caps = np.maximum(floors, draw(st.lists(shares, min_size=size, max_size=size)))
    return wanted, floors, caps


@settings(max_examples=300, deadline=None, derandomize=True)
@given(bounds(1e-6))
def test_bounded_shares_keep_to_floors_and_caps(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Within floors and caps, adding up to one if the caps allow, in one proportion to what was wanted in between."""
    wanted, floors, caps = case
    got = bounded_shares(wanted, floors, caps)
    assert (got >= floors).all()
    assert (got <= caps).all()
    assert got.sum() == pytest.approx(min(1.0, caps.sum()), abs=1e-9)
    free = (got > floors + 1e-12) & (got < caps - 1e-12)
    if free.any():
        scale = (got[free] / wanted[free])[0]
        np.testing.assert_allclose(got[free], scale * wanted[free], rtol=1e-9)
        lifted, held = (got == floors) & (floors < caps), (got == caps) & (floors < caps)
        assert (scale * wanted[lifted] <= floors[lifted] * (1 + 1e-9) + 1e-12).all()
        assert (scale * wanted[held] >= caps[held] * (1 - 1e-9) - 1e-12).all()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(bounds(0.0))
def test_bounded_shares_use_all_money_even_on_the_unwanted(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Where the wanted levers are at their caps, the rest goes to the others: the sum is one if the caps allow."""
    wanted, floors, caps = case
    got = bounded_shares(wanted, floors, caps)
    assert (got >= floors).all()
    assert (got <= caps).all()
    assert got.sum() == pytest.approx(min(1.0, caps.sum()), abs=1e-9)


def test_bounded_shares_by_hand() -> None:
    """A third each, one capped at a tenth and one with a floor of a half: .1, .5, .4."""
    got = bounded_shares(np.full(3, 1 / 3), np.array([0, 0.5, 0]), np.array([0.1, 1, 1]))
    np.testing.assert_allclose(got, [0.1, 0.5, 0.4])
    np.testing.assert_allclose(bounded_shares(np.array([3.0, 1.0]), np.zeros(2), np.ones(2)), [0.75, 0.25])
