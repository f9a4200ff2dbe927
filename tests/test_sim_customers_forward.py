"""Customers a year on: draws against closed forms, and against what customers drawn from the laws then did."""

from datetime import date

import numpy as np
import pytest

from sim.customers.forward import expected_moves, later
from sim.customers.purchase_models import GammaGamma, ParetoNBD
from sim.purchases.base import PurchaseSummary

LAWS = ParetoNBD(0.9, 6.0, 0.8, 12.0), GammaGamma(4.0, 4.0, 30.0)
RECORD = PurchaseSummary(
    np.arange(4), np.array([0, 5, 2, 9]), np.array([0.0, 40.0, 5.0, 51.0]), np.array([10.0, 52.0, 52.0, 52.0]),
    np.array([0.0, 30.0, 80.0, 12.0]), np.array([1, 6, 3, 10]), np.array([25.0, 30.0, 80.0, 12.0]), date(2025, 1, 1),
)  # fmt: skip


def test_draws_have_the_means_of_the_laws() -> None:
    """Purchases, money and the chance of none, of 4,000 draws, against conditional expectations in closed form."""
    random, draws = np.random.default_rng(5), 4_000
    seen = RECORD.frequency, RECORD.recency, RECORD.age
    number, paid = np.zeros((2, draws, 4))
    for k in range(draws):
        there = later(RECORD, LAWS, 52.0, random, k)
        number[k] = there.purchases - RECORD.purchases
        paid[k] = there.mean_amount_all * there.purchases - RECORD.mean_amount_all * RECORD.purchases
        assert (there.recency <= there.age).all()
        assert ((there.recency > RECORD.age) == (number[k] > 0)).all()
    wanted = LAWS[0].conditional_expected_purchases(52.0, *seen)
    money = wanted * LAWS[1].conditional_mean_spend(RECORD.purchases, RECORD.mean_amount_all)
    for found, mean in ((number, wanted), (paid, money)):
        error = found.std(axis=0, ddof=1) / np.sqrt(draws)
        assert (np.abs(found.mean(axis=0) - mean) < 4 * error).all()


def test_moves_expected_are_those_that_come() -> None:
    """Three thousand customers drawn from the laws, seen for a year and for two: the second year's moves, forecast."""
    random, heads, days = np.random.default_rng(3), 3_000, 364
    rate = random.gamma(LAWS[0].r, 1 / LAWS[0].alpha, heads)
    lives = random.exponential(1 / random.gamma(LAWS[0].s, 1 / LAWS[0].beta, heads))
    mean = LAWS[1].p / random.gamma(LAWS[1].q, 1 / LAWS[1].gamma, heads)

    def seen(weeks: float, until: list[np.ndarray], amounts: list[np.ndarray]) -> PurchaseSummary:
        inside = [each <= weeks for each in until]
        x = np.array([each.sum() for each in inside])
        last = np.array([each[i].max() if i.any() else 0.0 for each, i in zip(until, inside, strict=True)])
        paid = np.array([a[0] + a[1:][i].sum() for a, i in zip(amounts, inside, strict=True)])
        return PurchaseSummary(
            np.arange(heads), x, last, np.full(heads, weeks), np.zeros(heads), x + 1, paid / (x + 1), date(2025, 1, 1)
        )

    times = [random.uniform(0, span, random.poisson(r * span))
             for r, span in zip(rate, np.minimum(lives, 2 * days / 7), strict=True)]  # fmt: skip
    amounts = [random.gamma(LAWS[1].p, z / LAWS[1].p, len(t) + 1) for z, t in zip(mean, times, strict=True)]
    before, now = (seen(weeks, times, amounts) for weeks in (52.0, 104.0))

    def place(record: PurchaseSummary) -> np.ndarray:
        alive = LAWS[0].probability_alive(record.frequency, record.recency, record.age) >= 0.5
        much = LAWS[1].conditional_mean_spend(record.purchases, record.mean_amount_all) >= 40
        return 2 * (~much).astype(np.int64) + ~alive

    index = place(before)
    found = expected_moves(before, index, LAWS, 52.0, place, 4)
    actual = np.bincount(4 * index + place(now), minlength=16).reshape(4, 4)
    np.testing.assert_allclose(found.sum(axis=1), actual.sum(axis=1))
    share = found / found.sum(axis=1, keepdims=True)
    wide = np.sqrt(np.maximum(found * (1 - share), 1.0))
    assert (np.abs(found - actual) < 4 * wide).all()
    assert np.abs(found - np.diag(np.diag(found))).sum() > 300


def test_the_same_seed_gives_the_same_moves() -> None:
    index = np.array([0, 1, 1, 0])

    def place(record: PurchaseSummary) -> np.ndarray:
        return (record.purchases > 4).astype(np.int64)

    one, two = (expected_moves(RECORD, index, LAWS, 52.0, place, 2, seed=s) for s in (1, 1))
    np.testing.assert_array_equal(one, two)
    assert one.sum() == pytest.approx(4)
