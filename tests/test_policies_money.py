"""Shares within floors and caps, and within what one customer may get."""

from typing import Any

import numpy as np
import pytest
from headed import headed_market
from hypothesis import given, settings
from hypothesis import strategies as st
from observations import observation_of

from policies.money import MoneyByClaims, Ration, bounded_shares, filled
from sim.contract import Observation
from sim.scenario.file import parse
from sim.twin import Twin, build

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


class Claiming(MoneyByClaims):
    """With claims that are given, (groups, stages, levers)."""

    def __init__(self, twin: Twin, budget: float, given: np.ndarray, ration: Ration) -> None:
        super().__init__(twin, budget)
        self.given, self.ration = given, ration

    def claims(self, observation: Observation) -> np.ndarray:
        """Return them."""
        return self.given


@pytest.fixture(scope="module")
def headed() -> Twin:
    return build(parse(headed_market(contacts=4.0)))


def spread(twin: Twin, random: np.random.Generator, most: float, load: float) -> tuple[np.ndarray, ...]:
    """Return claims, heads, most money and contacts a head, and the money that was given, of a random case."""
    groups, _, levers = twin.targets.shape
    shape = twin.targets.shape
    heads = random.integers(0, 50, shape[:2]) * 1.0
    claims = random.random(shape) * (random.random(shape) < 0.7) * heads[:, :, None]
    ration = Ration(most * random.random(shape), load * random.random((groups, 1, levers)))
    policy = Claiming(twin, float(random.random() * 200), claims, ration)
    caps = random.random(levers) * 150
    floors = random.random() * np.minimum(caps, policy.budget / levers)
    seen = observation_of(
        twin.targets, customers=heads, available=policy.budget, lever_available=caps, lever_floor=floors
    )
    return claims, heads, ration, policy.decide(seen), policy.budget, caps


def test_what_a_customer_may_not_get_goes_to_others(headed: Twin) -> None:
    """Within all limits; money is left only where every claim is at one of them; a lever's open claims share alike."""
    random, left = np.random.default_rng(0), 0
    for most, load in [(8.0, 1.0), (2.0, 0.0), (np.inf, 3.0), (0.5, 0.5)] * 25:
        claims, heads, ration, given, budget, caps = spread(headed, random, most if most < np.inf else 1e9, load)
        each = given.intensity
        money = given.spend(observation_of(headed.targets, customers=heads))
        contacts = (each * ration.load).sum(axis=2, keepdims=True)
        assert (each <= ration.most * (1 + 1e-9)).all()
        assert (contacts <= 1 + 1e-9).all()
        assert (money.sum(axis=(0, 1)) <= caps * (1 + 1e-9)).all()
        assert money.sum() <= budget * (1 + 1e-9)
        open_ = (claims > 0) & headed.targets.allowed & (each < ration.most * (1 - 1e-6)) & (contacts < 1 - 1e-6)
        if money.sum() < budget * (1 - 1e-6):
            left += 1
            assert not open_[:, :, money.sum(axis=(0, 1)) < caps * (1 - 1e-6)].any()
        for lever in range(claims.shape[2]):
            share = (money / np.maximum(claims, 1e-300))[:, :, lever][open_[:, :, lever]]
            assert share.size == 0 or np.ptp(share) <= 1e-6 * share.max()
    assert 10 < left < 90


def test_one_lever_is_filled_to_the_brim(headed: Twin) -> None:
    """The same by another way: money that rises with the claims until it is spent, each customer's up to the most."""
    random, lever = np.random.default_rng(1), 0
    for _ in range(50):
        heads = random.integers(1, 50, headed.targets.shape[:2]) * 1.0
        claims = np.zeros(headed.targets.shape)
        claims[:, :, lever] = random.random(heads.shape) * headed.targets.allowed[:, :, lever] * heads
        most = np.full(claims.shape, 0.2 + random.random())
        policy = Claiming(headed, float(random.random() * 100), claims, Ration(most, np.zeros((2, 1, 3))))
        got = policy.decide(observation_of(headed.targets, customers=heads)).intensity[:, :, lever] * heads
        brim = np.where(headed.targets.allowed[:, :, lever], most[:, :, lever] * heads, 0.0)
        wanted = filled(
            claims[:, :, lever], 0 * brim, brim, min(policy.budget, float(brim[claims[:, :, lever] > 0].sum()))
        )
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-9)
