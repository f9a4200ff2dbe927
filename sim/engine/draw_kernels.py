"""Counter-based draws inside kernels: Philox4x32-10 and inverse transforms.

Philox4x32-10: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011). Every
transform is monotone in its uniform, so that the same luck under a better policy never means a worse outcome.
"""

import math
from typing import Any

import numpy as np

from sim.engine.compile import inlined, kernel

MULTIPLIER_0 = np.uint64(0xD2511F53)
MULTIPLIER_1 = np.uint64(0xCD9E8D57)
WEYL_0 = np.uint64(0x9E3779B9)
WEYL_1 = np.uint64(0xBB67AE85)
MASK = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)

POWERS_OF_HALF = 2.0 ** -np.arange(1024.0) / math.sqrt(2.0)
"""``2^-k e^(-ln 2/2)`` for :func:`exp_minus`."""
INVERSES = 1.0 / np.maximum(np.arange(64.0), 1.0)
FEW = 6
"""Purchases that are counted without a branch; more are rare in a period."""
LN_2_HIGH, LN_2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
"""The logarithm of 2 in two parts, so that whole multiples of the first are exact (Cody & Waite 1980)."""
TAYLOR = tuple(1.0 / math.factorial(i) for i in range(12))

WORDS = 4294967296.0
"""How many words there are: a uniform is (word + .5)/2^32."""

LOGIT_LIMIT = 23.0
"""The gamma table spans logits of +-23, beyond every 32-bit uniform."""
TAIL, TAIL_CELLS = 1.0 / 32.0, 512
"""The table goes by the uniform itself in the middle, where no logarithm is needed, and by its logit in the tails."""
TAIL_LOGIT = math.log((1.0 - TAIL) / TAIL)


@inlined
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> tuple[Any, Any, Any, Any]:
    """Return four 32-bit words (held in uint64) from a counter and a key of 32-bit words."""
    c0 = np.uint64(c0) & MASK
    c1 = np.uint64(c1) & MASK
    c2 = np.uint64(c2) & MASK
    c3 = np.uint64(c3) & MASK
    k0 = np.uint64(k0) & MASK
    k1 = np.uint64(k1) & MASK
    for _ in range(10):
        product_0 = MULTIPLIER_0 * c0
        product_1 = MULTIPLIER_1 * c2
        c0 = (product_1 >> HALF) ^ c1 ^ k0
        c1 = product_1 & MASK
        c2 = (product_0 >> HALF) ^ c3 ^ k1
        c3 = product_0 & MASK
        k0 = (k0 + WEYL_0) & MASK
        k1 = (k1 + WEYL_1) & MASK
    return c0, c1, c2, c3


@inlined
def unit(word):
    """Return a 32-bit word as a float in (0, 1), never either end."""
    return (float(word) + 0.5) * 2.0**-32


@inlined
def words_below(p):
    """Return how many words stand for uniforms below ``p``."""
    return np.uint64(max(math.ceil(p * WORDS - 0.5), 0.0))


@kernel
def fill_uniforms(key, purpose, identity, period, draw, replication, out):
    """Fill ``out[i, 0..3]`` with the uniforms of customer ``identity[i]``."""
    for i in range(identity.size):
        a, b, c, d = philox(identity[i], period, draw, replication, key, purpose)
        out[i, 0] = unit(a)
        out[i, 1] = unit(b)
        out[i, 2] = unit(c)
        out[i, 3] = unit(d)


@kernel
def fill_words(identity, period, draw, replication, k0, k1, w0, w1, w2, w3):
    """Fill the four words of every customer, as :func:`philox`."""
    for i in range(identity.size):
        w0[i], w1[i], w2[i], w3[i] = philox(identity[i], period, draw, replication, k0, k1)


@kernel
def fill_shared(identity, period, draw, replication, k0, k1, range_words, out):
    """Fill one word of every customer: four who follow one another in number share a draw.

    The word is number ``identity % 4`` of the draw of ``identity // 4``. ``range_words``: room for the words of a range
    of numbers. Where the numbers fit, as those of a cohort's neighbours do, each draw of the range is made once.
    """
    four, lowest, highest = np.uint32(4), identity[0], identity[0]
    for i in range(identity.size):
        lowest, highest = min(lowest, identity[i]), max(highest, identity[i])
    base = lowest // four
    draws = np.int64(highest // four - base) + 1
    if 4 * draws <= range_words.size:
        for i in range(draws):
            j = 4 * i
            range_words[j], range_words[j + 1], range_words[j + 2], range_words[j + 3] = philox(
                base + i, period, draw, replication, k0, k1
            )
        for i in range(identity.size):
            out[i] = range_words[identity[i] - four * base]
        return
    for i in range(identity.size):
        a, b, c, d = philox(identity[i] // four, period, draw, replication, k0, k1)
        word = identity[i] % four
        out[i] = (a if word == 0 else b) if word < 2 else (c if word == 2 else d)


@inlined
def exp_minus(x):
    """Return ``e^-x`` for ``x`` of at least 0, to 1e-14, and 0 beyond 700; the same bits on every machine.

    ``x = k ln 2 + ln 2/2 - r``: a power of two from a table and a Taylor series in ``|r| <= ln 2/2``.
    """
    x = min(x, 700.0)
    k = np.int32(x * 1.4426950408889634)
    r = 0.34657359027997264 - ((x - k * LN_2_HIGH) - k * LN_2_LOW)
    series = TAYLOR[11]
    for i in range(10, -1, -1):
        series = TAYLOR[i] + r * series
    return POWERS_OF_HALF[k] * series if x < 700.0 else 0.0


@kernel
def poisson(u, mean):
    """Return the Poisson quantile of ``u`` by search upwards."""
    return poisson_beyond(u, mean, exp_minus(mean))


@kernel
def poisson_beyond(u, mean, none):
    """Return the Poisson quantile of ``u``, with ``none`` the odds of 0.

    Searched from 0; above a mean of 200 from ten standard deviations below it, where less than 1e-22 is passed over.
    """
    n = 0
    probability = none
    if mean > 200.0:
        n = int(mean - 10.0 * math.sqrt(mean))
        probability = math.exp(n * math.log(mean) - mean - math.lgamma(n + 1.0))
    cumulative = probability
    while u > cumulative:
        n += 1
        probability *= mean * INVERSES[n] if n < INVERSES.size else mean / n
        cumulative += probability
        if n > mean and cumulative + probability == cumulative:
            break
    return n


@inlined
def poisson_few(u, mean, none):
    """Return the smaller of :func:`poisson_beyond` and ``FEW``, without a branch."""
    times = np.uint32(u > none)
    probability = cumulative = none
    for n in range(1, FEW):
        probability *= mean * INVERSES[n]
        cumulative += probability
        times += np.uint32(u > cumulative)
    return times


@inlined
def total_amount(u, n, table, moments):
    """Return the total of ``n`` amounts with mean 1 each, ``Gamma(p n, p)``, at quantile ``u``.

    ``table[row, j]`` holds the cube root of the mean-1 quantile of ``Gamma(p (row + 1))`` at nodes equally spaced in
    ``u``, in the tails in its logit (in the cube root a gamma is nearly normal, so linear interpolation is close).
    Beyond the last row the spread shrinks with ``1/sqrt(n)`` and ``moments`` (first three of ``root - 1``) keep the
    mean exact.
    """
    rows, nodes = table.shape
    row = np.uint32(min(n, rows) - 1)
    if TAIL <= u <= 1.0 - TAIL:
        place = TAIL_CELLS + (u - TAIL) * ((nodes - 1 - 2 * TAIL_CELLS) / (1.0 - 2.0 * TAIL))
    else:
        logit = math.log(u / (1.0 - u))
        beyond = (abs(logit) - TAIL_LOGIT) * (TAIL_CELLS / (LOGIT_LIMIT - TAIL_LOGIT))
        place = TAIL_CELLS - beyond if logit < 0.0 else nodes - 1 - TAIL_CELLS + beyond
    j = np.uint32(min(max(place, 0.0), nodes - 2.0))
    low, high = table[row, j], table[row, j + np.uint32(1)]
    root = low + (place - j) * (high - low)
    if n <= rows:
        return n * root * root * root
    s = math.sqrt(rows / n)
    root = 1.0 + s * (root - 1.0)
    mean = 1.0 + 3.0 * s * moments[0] + 3.0 * s * s * moments[1] + s * s * s * moments[2]
    return n * root * root * root / mean
