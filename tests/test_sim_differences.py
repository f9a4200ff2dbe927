"""Intervals of differences where few stand behind them: of shares by all that can come, of money by simulation."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from learning import trial
from scipy import stats

from experiments.measure import ALL, Effect, _effect
from sim.arrays import Floats
from sim.differences import between_shares, exact_share
from sim.errors import InputError
from sim.responses.arms import measure, refuse_falling
from sim.responses.learn import _differences
from sim.responses.read import Trial
from sim.responses.shape import CHANCE, GAIN

ODDS = (0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.99)
HEADS = [(2, 2), (3, 3), (5, 5), (10, 10), (30, 30), (2, 30), (30, 3), (5, 100)]


def told(one: float, heads: int, two: float, others: int) -> tuple[float, float]:
    """Return the interval that learning prints of an arm with money against one without."""
    both = trial([0.5, 0.0], [one, two], np.array([heads, others]))
    [effect] = _differences(both, measure(both, CHANCE), CHANCE)
    return effect.low, effect.high


@pytest.mark.parametrize(("heads", "others"), HEADS)
def test_intervals_of_shares_hold_their_level(heads: int, others: int) -> None:
    """Of every number of successes in both arms, by its chance: at least 92 % at any odds, and none beyond 1."""
    hits, more = np.arange(heads + 1), np.arange(others + 1)
    ends = np.array([[told(i / heads, heads, j / others, others) for j in more] for i in hits])
    assert (np.abs(ends) <= 1).all()
    assert (ends[..., 0] < ends[..., 1]).all()
    for p, q in product(ODDS, ODDS):
        covered = (ends[..., 0] <= p - q) & (p - q <= ends[..., 1])
        chance = np.outer(stats.binom.pmf(hits, heads, p), stats.binom.pmf(more, others, q))
        assert chance[covered].sum() >= 0.92, (p, q)


def test_limits_of_a_share_are_those_of_its_tails() -> None:
    """At each end the chance of what was seen, or more extreme, is 2.5 %."""
    low, high = exact_share(0.3, 10)
    assert stats.binom.sf(2, 10, low) == pytest.approx(0.025)
    assert stats.binom.cdf(3, 10, high) == pytest.approx(0.025)


def test_of_thousands_it_is_the_normal_interval() -> None:
    """Within a customer of each arm."""
    low, high = between_shares((0.951, 20_000), (0.912, 20_000))
    wide = 1.959964 * np.sqrt((0.951 * 0.049 + 0.912 * 0.088) / 20_000)
    assert (low, high) == pytest.approx((0.039 - wide, 0.039 + wide), abs=1 / 20_000)


def measured(one: Floats, two: Floats, segments: int = 1) -> Effect:
    """Return what a list's measure brought, with as many of each arm in each segment."""
    held = np.repeat([False, True], [one.size, two.size])
    part = np.concatenate([np.arange(each.size) * segments // each.size for each in (one, two)])
    frame = pd.DataFrame({"segment": part.astype(str), "lever": "mail", "money": np.where(held, 0.0, 1.0),
                          "control": held})  # fmt: skip
    paid = np.concatenate([one, two])
    return _effect("mail", ALL, frame, np.ones(held.size, dtype=bool), paid > 0, paid, np.ones(held.size))


@pytest.mark.parametrize(("heads", "others"), HEADS)
@pytest.mark.parametrize("odds", [(1.0, 1.0), (0.8, 0.5), (0.5, 0.2), (0.2, 0.2), (0.1, 0.05)])
@pytest.mark.parametrize("by", ["measure", "learn"])
def test_intervals_of_money_hold_their_level(heads: int, others: int, odds: tuple[float, float], by: str) -> None:
    """Who buys pays a normal amount; where somebody bought, at least 92 % hold what money truly brings.

    90 % where a few are held against many and not all buy: amounts are then far from normal.
    """
    random = np.random.default_rng(7)
    hold = []
    for _ in range(400):
        one, two = (
            (random.random(n) < p) * random.normal(40, 10, n) for n, p in zip((heads, others), odds, strict=True)
        )
        one, two = np.maximum(one, 0.0), np.maximum(two, 0.0)
        if not (one.any() or two.any()):
            continue
        if by == "measure":
            found = measured(one, two)
            low, high = found.low, found.high
        else:
            spend, ones = np.repeat([0.5, 0.0], [heads, others]), np.ones(heads + others)
            both = Trial(("offers", "amount", ""), spend, np.concatenate([one, two]), ones, ones, False, "test.csv")
            [effect] = _differences(both, measure(both, GAIN), GAIN)
            low, high = effect.low, effect.high
        hold.append(low <= 40 * (odds[0] - odds[1]) <= high)
    assert np.mean(hold) >= (0.92 if heads == others or min(odds) == 1 else 0.9)


def test_segments_with_few_in_the_control_group_hold_their_level_together() -> None:
    random = np.random.default_rng(8)
    found = [measured(random.normal(40, 10, 40), random.normal(30, 10, 8), 4) for _ in range(400)]
    assert np.mean([each.low <= 10 <= each.high for each in found]) >= 0.92
    assert np.median([each.high - each.low for each in found]) < 3 * 2 * 1.96 * 10 * np.sqrt(1 / 40 + 1 / 8)


def test_an_arm_where_all_did_alike_is_no_certainty() -> None:
    """The spread is that of both arms; where neither has any, what one who did otherwise would make of it."""
    some = measured(np.array([30.0, 50.0, 40.0]), np.zeros(3))
    only = measured(np.array([30.0, 50.0, 40.0]), np.array([-0.1, 0.0, 0.1]))
    assert some.high - some.low > 1.1 * (only.high - only.low)
    alike = measured(np.full(3, 40.0), np.zeros(3))
    assert alike.low < 0 < alike.brings < alike.high
    assert alike.verdict == "open"
    assert np.isnan(measured(np.zeros(3), np.zeros(3)).low)


def test_of_thousands_money_has_the_normal_interval() -> None:
    random = np.random.default_rng(9)
    one, two = (random.gamma(2.0, 20.0, 5000) * (random.random(5000) < p) for p in (0.3, 0.25))
    found = measured(one, two)
    error = np.sqrt(one.var(ddof=1) / 5000 + two.var(ddof=1) / 5000)
    assert found.high - found.low == pytest.approx(2 * 1.959964 * error, rel=1e-3)


@pytest.mark.parametrize("heads", [2, 3, 5, 10, 30])
def test_money_that_does_nothing_is_seldom_said_to_harm(heads: int) -> None:
    """At most 5 in 100 at any odds, of 2.5 at which it is refused: shares of few come in steps."""
    hits = np.arange(heads + 1)

    def refused(without: float, given: float) -> bool:
        both = trial([0.0, 0.5], [without, given], heads)
        try:
            refuse_falling(both, measure(both, CHANCE))
        except InputError:
            return True
        return False

    falls = np.array([[refused(i / heads, j / heads) for j in hits] for i in hits])
    assert falls[-1, 0] == (heads > 2)
    for p in ODDS:
        chance = stats.binom.pmf(hits, heads, p)
        assert np.outer(chance, chance)[falls].sum() <= 0.05, p
