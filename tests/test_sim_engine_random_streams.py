"""Counter-based draws: Philox4x32-10 and the inverse transforms."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit

from sim.engine.compile import kernel
from sim.engine.draw_kernels import (
    FEW,
    LOGIT_LIMIT,
    exp_minus,
    fill_shared,
    fill_words,
    poisson,
    poisson_beyond,
    poisson_few,
    total_amount,
)
from sim.engine.random_streams import AMOUNT_NODES, AMOUNT_ROWS, amount_table, philox_words, stream_of, uniforms

ONES = 0xFFFFFFFF


@kernel
def totals(u, n, table, moments):
    """Compiled as agents call it: in Python the amounts of a million uniforms take a minute."""
    total = np.empty(u.size)
    for i in range(u.size):
        total[i] = total_amount(u[i], n, table, moments)
    return total


KNOWN_ANSWERS = [  # Random123 1.14, kat_vectors, philox4x32 10
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def plain_philox(counter: tuple[int, ...], key: tuple[int, int]) -> tuple[int, ...]:
    """Philox4x32-10 in Python integers, after Salmon et al. 2011."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c2, 2**32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return c0, c1, c2, c3


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS)
def test_philox_gives_the_published_known_answers(
    counter: tuple[int, int, int, int], key: tuple[int, int], words: tuple[int, ...]
) -> None:
    """The generator is Philox4x32-10, to the bit."""
    assert philox_words(counter, key) == words
    assert plain_philox(counter, key) == words


def test_philox_agrees_with_plain_python_on_random_counters() -> None:
    """The kernel equals its plain twin on any counter and key."""
    rng = np.random.default_rng(1)
    for *counter, k0, k1 in rng.integers(0, 2**32, size=(500, 6)).tolist():
        assert philox_words(tuple(counter), (k0, k1)) == plain_philox(tuple(counter), (k0, k1))


def test_uniforms_are_the_words_of_their_counter() -> None:
    """Draws are (word + 1/2) 2^-32 of counter (customer, period, draw, replication), key (seed, purpose ^ stream)."""
    got = uniforms(11, 2, np.array([5, 70_000]), stream=stream_of("fresh"), period=3, draw=1, replication=9)
    for row, customer in zip(got, (5, 70_000), strict=True):
        words = plain_philox((customer, 3, 1, 9), (11, 2 ^ stream_of("fresh")))
        assert row.tolist() == [(word + 0.5) / 2**32 for word in words]


def test_draws_do_not_depend_on_who_else_is_drawn() -> None:
    """A customer's luck is the same alone, in a crowd, and in any order."""
    everybody = np.arange(1000)
    crowd = uniforms(3, 1, everybody, period=2)
    shuffled = np.random.default_rng(0).permutation(everybody)
    np.testing.assert_array_equal(uniforms(3, 1, shuffled, period=2), crowd[shuffled])
    np.testing.assert_array_equal(uniforms(3, 1, np.array([417]), period=2)[0], crowd[417])


@pytest.mark.parametrize(
    "other", [{"stream": 1}, {"period": 1}, {"draw": 1}, {"replication": 1}], ids=lambda change: next(iter(change))
)
def test_every_part_of_a_counter_matters(other: dict[str, int]) -> None:
    """Another stream, period, draw or replication is other luck, uncorrelated."""
    who = np.arange(20_000)
    first, second = uniforms(0, 2, who), uniforms(0, 2, who, **other)
    assert not (first == second).any()
    for column in range(4):
        assert abs(np.corrcoef(first[:, column], second[:, column])[0, 1]) < 4.5 / math.sqrt(who.size)


def test_uniforms_are_uniform_and_never_an_end() -> None:
    """Kolmogorov-Smirnov accepts each of the four words; 0 and 1 never occur."""
    drawn = uniforms(5, 2, np.arange(50_000))
    assert drawn.min() > 0
    assert drawn.max() < 1
    for column in drawn.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-4
    correlation = np.corrcoef(drawn.T) - np.eye(4)
    assert np.abs(correlation).max() < 4.5 / math.sqrt(50_000)


def test_words_of_many_are_the_words_of_each() -> None:
    """Four arrays, one word each, for customers in any order: the same as one counter at a time."""
    who = np.random.default_rng(4).integers(0, 2**32, 300).astype(np.uint32)
    words = [np.empty(who.size, np.uint32) for _ in range(4)]
    fill_words(who, 7, 1, 3, 11, 2 ^ stream_of("fresh"), *words)
    want = [plain_philox((int(customer), 7, 1, 3), (11, 2 ^ stream_of("fresh"))) for customer in who]
    np.testing.assert_array_equal(np.stack(words, axis=1), want)


@pytest.mark.parametrize(
    "who",
    [
        np.arange(4, 104),
        np.arange(7, 104),
        np.array([9]),
        2**32 - 1 - np.arange(50),
        np.random.default_rng(4).permutation(200) + 3,
        np.random.default_rng(4).integers(0, 2**32, 100),
    ],
    ids=["from a four", "inside a four", "alone", "the last, backwards", "shuffled", "far apart"],
)
def test_four_neighbours_share_a_draw_whoever_lies_beside_them(who: np.ndarray[Any, Any]) -> None:
    """Customer ``i`` has word ``i % 4`` of the draw of ``i // 4``, wherever and in whatever company."""
    out = np.zeros(who.size, np.uint32)
    fill_shared(who.astype(np.uint32), 7, 1, 3, 11, 2, np.zeros(4 * who.size, np.uint32), out)
    want = [plain_philox((int(number) // 4, 7, 1, 3), (11, 2))[int(number) % 4] for number in who]
    assert out.tolist() == want


def test_exp_minus_is_the_exponential() -> None:
    """To 1e-14 where it matters and 1e-13 at worst, 1 at 0 and 0 beyond 700; it never rises."""
    x = np.concatenate([[0.0, 1e-300, 1e-9, 0.5 * math.log(2), math.log(2)], np.linspace(0, 20, 20_001)])
    np.testing.assert_allclose([exp_minus(each) for each in x], np.exp(-x), rtol=1e-14)
    far = np.linspace(20, 699.9, 5001)
    np.testing.assert_allclose([exp_minus(each) for each in far], np.exp(-far), rtol=1e-13)
    assert exp_minus(0.0) == pytest.approx(1, rel=1e-15)
    assert [exp_minus(each) for each in (700.0, 1e4, 1e30, math.inf)] == [0, 0, 0, 0]
    falling = [exp_minus(each) for each in np.linspace(0, 40, 4001)]
    assert (np.diff(falling) < 0).all()


def test_poisson_with_its_own_odds_of_none_is_the_same() -> None:
    """Whoever already knows e^-mean saves it; the answer is the same."""
    for mean in (0.0, 0.3, 5.0, 150.0, 250.0):
        for u in np.linspace(0.001, 0.999, 97):
            assert poisson_beyond(u, mean, exp_minus(mean)) == poisson(u, mean)
            assert poisson_few(u, mean, exp_minus(mean)) == min(poisson(u, mean), FEW)


@pytest.mark.parametrize("mean", [0.0, 1e-9, 0.05, 0.7, 3.0, 40.0, 199.9, 200.1, 300.0, 690.0])
def test_poisson_is_the_quantile(mean: float) -> None:
    """``poisson(u)`` is the least n with P(X <= n) >= u, for every u that 32 bits can make."""
    u = np.concatenate([np.random.default_rng(2).random(3000), [2.0**-33, 1 - 2.0**-33]])
    got = np.array([poisson(x, mean) for x in u])
    want = stats.poisson.ppf(u, mean)
    cumulative = stats.poisson.cdf(got, mean)
    tie = np.abs(cumulative - u) < 1e-12
    np.testing.assert_array_equal(got[~tie], want[~tie])
    assert tie.mean() < 0.01


def test_poisson_never_falls_when_luck_or_mean_rises() -> None:
    """Monotone in the uniform and in the mean: the same luck at a higher rate is no fewer purchases."""
    us, means = np.linspace(0.001, 0.999, 200), np.linspace(0, 12, 60)
    table = np.array([[poisson(u, mean) for u in us] for mean in means])
    assert (np.diff(table, axis=0) >= 0).all()
    assert (np.diff(table, axis=1) >= 0).all()


@pytest.mark.parametrize("p", [0.3, pytest.param(1.0, marks=pytest.mark.slow), 6.25])
def test_total_amount_has_exactly_the_mean(p: float) -> None:
    """E[total of n] = n for any number of purchases: no drift in revenue from the table."""
    table, moments = amount_table(p)
    assert table.shape == (AMOUNT_ROWS, AMOUNT_NODES)
    edges = np.linspace(-LOGIT_LIMIT, LOGIT_LIMIT, AMOUNT_NODES)
    x, w = np.polynomial.legendre.leggauss(4)  # per step of the table, where the interpolated cube is smooth
    half = np.diff(edges)[:, None] / 2
    at = ((edges[:-1] + edges[1:])[:, None] / 2 + half * x).ravel()
    weight = (half * w).ravel() * expit(at) * expit(-at)
    inside = at < 16  # beyond, 1 - u loses its digits; there is 1e-7 of the customers there
    for n in range(1, 61):
        total = totals(expit(at[inside]), n, table, moments)
        tail = total[-1] * weight[~inside].sum()
        mean = weight[inside] @ total + tail
        assert mean == pytest.approx(n, rel=1e-6), n


@pytest.mark.parametrize("p", [0.3, 1.0, 6.25])
def test_total_amount_is_the_gamma_quantile(p: float) -> None:
    """The total of n amounts of mean 1 is Gamma(p n, p), over the whole of its distribution."""
    table, moments = amount_table(p)
    u = np.linspace(0.01, 0.99, 197)
    for n in (1, 2, 7, 12):
        total = totals(u, n, table, moments)
        np.testing.assert_allclose(total, stats.gamma.ppf(u, p * n) / p, rtol=2e-4, atol=1e-6)
    for n in (13, 25, 60):
        total = totals(u, n, table, moments)
        assert np.abs(stats.gamma.cdf(total * p, p * n) - u).max() < 0.005


@pytest.mark.parametrize("p", [0.3, 1.0, 6.25])
def test_total_amount_never_falls_when_luck_rises(p: float) -> None:
    """Monotone in the uniform, from one end of 32 bits to the other."""
    table, moments = amount_table(p)
    u = np.unique(np.concatenate([[2.0**-33, 1 - 2.0**-33], expit(np.linspace(-22, 22, 4001))]))
    assert logit(u[0]) > -LOGIT_LIMIT
    for n in (1, 5, 12, 13, 60):
        total = totals(u, n, table, moments)
        assert (np.diff(total) >= 0).all()
        assert total[0] >= 0


def test_amounts_of_mean_size_have_no_spread() -> None:
    """``p = inf``: n purchases are n times the mean whatever the luck."""
    table, moments = amount_table(np.inf)
    assert [total_amount(u, n, table, moments) for u in (1e-9, 0.4, 1 - 1e-9) for n in (1, 30)] == [1.0, 30.0] * 3
