"""The only source of randomness: draws by customer, period, draw and replication.

A draw is a pure function of its counter and key, so it does not depend on who else is in the market, on the policy,
or on how work is spread over threads: the same customer has the same luck everywhere (common random numbers).

Key: (seed, purpose xor stream). Counter: (customer, period, draw, replication).
"""

import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.engine.draw_kernels import LOGIT_LIMIT, fill_uniforms, philox

__all__ = ["AMOUNT_ROWS", "amount_table", "philox_words", "stream_of", "uniforms"]

TRAITS: Final = 1
"""Purpose: traits and hidden state at the start."""
PERIOD: Final = 2
"""Purpose: what happens in a period."""
CLASSES: Final = 3
"""Purpose: samples that trait classes are made from."""
COLUMNS: Final = 4
"""Purpose: which of several mixed plans a customer is under."""

AMOUNT_ROWS: Final = 12
AMOUNT_NODES: Final = 2049

Floats = NDArray[np.float64]


def philox_words(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the four 32-bit words of Philox4x32-10 for one counter and key."""
    a, b, c, d = philox(*counter, *key)
    return int(a), int(b), int(c), int(d)


def stream_of(name: str) -> int:
    """Return the stream of a synthetic segment, from its name alone: other segments do not change it."""
    return zlib.crc32(name.encode())


def uniforms(
    seed: int,
    purpose: int,
    identity: NDArray[np.int64],
    *,
    stream: int = 0,
    period: int = 0,
    draw: int = 0,
    replication: int = 0,
) -> Floats:
    """Return four uniforms in (0, 1) per customer, shape (customers, 4)."""
    out = np.empty((identity.size, 4))
    fill_uniforms(seed, purpose ^ stream, identity, period, draw, replication, out)
    return out


def amount_table(p: float) -> tuple[Floats, Floats]:
    """Return the table and the moments that ``draw_kernels.total_amount`` needs for a gamma shape ``p`` a purchase.

    Each row is scaled so that its mean, integrated over the interpolated quantile, is exactly 1. ``p = inf``: every
    purchase is of mean size.
    """
    if np.isinf(p):
        return np.ones((AMOUNT_ROWS, AMOUNT_NODES)), np.zeros(3)
    from scipy.special import expit, gammaincinv

    logits = np.linspace(-LOGIT_LIMIT, LOGIT_LIMIT, AMOUNT_NODES)
    probability = expit(logits)
    fine = np.linspace(-LOGIT_LIMIT, LOGIT_LIMIT, 8 * (AMOUNT_NODES - 1) + 1)
    weight = expit(fine) * expit(-fine)
    weight[[0, -1]] /= 2
    weight /= weight.sum()
    table = np.empty((AMOUNT_ROWS, AMOUNT_NODES))
    for row in range(AMOUNT_ROWS):
        shape = p * (row + 1)
        table[row] = np.cbrt(gammaincinv(shape, probability) / shape)
        table[row] /= np.cbrt(weight @ np.interp(fine, logits, table[row]) ** 3)
    last = np.interp(fine, logits, table[-1]) - 1
    return table, np.array([weight @ last**power for power in (1, 2, 3)])
