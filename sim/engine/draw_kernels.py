"""Counter-based draws inside kernels: Philox4x32-10 and inverse transforms.

Philox4x32-10: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011). Every
transform is monotone in its uniform, so that the same luck under a better policy never means a worse outcome.
"""

import math

import numpy as np

from sim.engine.compile import kernel

MULTIPLIER_0 = np.uint64(0xD2511F53)
MULTIPLIER_1 = np.uint64(0xCD9E8D57)
WEYL_0 = np.uint64(0x9E3779B9)
WEYL_1 = np.uint64(0xBB67AE85)
MASK = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)

LOGIT_LIMIT = 23.0
"""The gamma table spans logits of +-23, beyond every 32-bit uniform."""


@kernel
def philox(c0, c1, c2, c3, k0, k1):
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


@kernel
def unit(word):
    """Return a 32-bit word as a float in (0, 1), never either end."""
    return (float(word) + 0.5) * 2.0**-32


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
def poisson(u, mean):
    """Return the Poisson quantile of ``u`` by search upwards.

    From 0; above a mean of 200 from ten standard deviations below it, where less than 1e-22 is passed over.
    """
    n = 0
    probability = math.exp(-mean)
    if mean > 200.0:
        n = int(mean - 10.0 * math.sqrt(mean))
        probability = math.exp(n * math.log(mean) - mean - math.lgamma(n + 1.0))
    cumulative = probability
    while u > cumulative:
        n += 1
        probability *= mean / n
        cumulative += probability
        if n > mean and cumulative + probability == cumulative:
            break
    return n


@kernel
def total_amount(u, n, table, moments):
    """Return the total of ``n`` amounts with mean 1 each, ``Gamma(p n, p)``, at quantile ``u``.

    ``table[row, j]`` holds the cube root of the mean-1 quantile of ``Gamma(p (row + 1))`` at equally spaced logits
    of ``u`` (in the cube root a gamma is nearly normal, so linear interpolation is close). Beyond the last row the
    spread shrinks with ``1/sqrt(n)`` and ``moments`` (first three of ``root - 1``) keep the mean exact.
    """
    rows, nodes = table.shape
    row = min(n, rows) - 1
    place = (math.log(u / (1.0 - u)) + LOGIT_LIMIT) * ((nodes - 1) / (2.0 * LOGIT_LIMIT))
    j = min(max(int(place), 0), nodes - 2)
    root = table[row, j] + (place - j) * (table[row, j + 1] - table[row, j])
    if n <= rows:
        return n * root * root * root
    s = math.sqrt(rows / n)
    root = 1.0 + s * (root - 1.0)
    mean = 1.0 + 3.0 * s * moments[0] + 3.0 * s * s * moments[1] + s * s * s * moments[2]
    return n * root * root * root / mean
