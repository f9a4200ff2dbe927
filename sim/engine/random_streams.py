"""The only source of randomness: draws by customer, period, draw and replication.

A draw is a pure function of its counter and key, so it does not depend on who else is in the market, on the policy,
or on how work is spread over threads: the same customer has the same luck everywhere (common random numbers).

Key: (seed, purpose xor stream). Counter: (customer, period, draw, replication).
"""

import zlib
from functools import lru_cache
from typing import Final

import numpy as np

from sim.arrays import Floats, Ints
from sim.engine.draw_kernels import LOGIT_LIMIT, TAIL, TAIL_CELLS, TAIL_LOGIT, fill_uniforms, philox

__all__ = ["AMOUNT_ROWS", "amount_logits", "amount_table", "philox_words", "stream_of", "uniforms"]

TRAITS: Final = 1
"""Purpose: traits and hidden state at the start."""
PERIOD: Final = 2
"""Purpose: what happens in a period."""
CLASSES: Final = 3
"""Purpose: samples that trait classes are made from."""
COLUMNS: Final = 4
"""Purpose: which of several mixed plans a customer is under."""
SURVEY: Final = 5
"""Purpose: who is asked in a survey, and its errors."""

PAST_TRAITS: Final = 6
"""Purpose: traits, and attitudes when won, of candidates for those who are customers at the start."""
PAST: Final = 7
"""Purpose: what happens to them in a period before the start."""

AMOUNT_ROWS: Final = 12
AMOUNT_NODES: Final = 2049


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
    identity: Ints,
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


@lru_cache(maxsize=8)
def amount_table(p: float) -> tuple[Floats, Floats]:
    """Return the table and the moments that ``draw_kernels.total_amount`` needs for a gamma shape ``p`` a purchase.

    Each row is scaled so that its mean, integrated over the interpolated quantile, is exactly 1. ``p = inf``: every
    purchase is of mean size.
    """
    if np.isinf(p):
        return np.ones((AMOUNT_ROWS, AMOUNT_NODES)), np.zeros(3)
    from scipy.special import expit, gammaincinv

    place, weight = _amount_quadrature()
    nodes = np.arange(AMOUNT_NODES)
    probability = expit(amount_logits())
    table = np.empty((AMOUNT_ROWS, AMOUNT_NODES))
    for row in range(AMOUNT_ROWS):
        shape = p * (row + 1)
        table[row] = np.cbrt(gammaincinv(shape, probability) / shape)
        table[row] /= np.cbrt(weight @ np.interp(place, nodes, table[row]) ** 3)
    last = np.interp(place, nodes, table[-1]) - 1
    return table, np.array([weight @ last**power for power in (1, 2, 3)])


def amount_logits() -> Floats:
    """Return the logits of the quantiles at the nodes of the table of amounts.

    Equally spaced in the quantile itself between 1/32 and 31/32, and in its logit beyond.
    """
    from scipy.special import logit

    tail = np.linspace(TAIL_LOGIT, LOGIT_LIMIT, TAIL_CELLS + 1)
    middle = logit(np.linspace(TAIL, 1 - TAIL, AMOUNT_NODES - 2 * TAIL_CELLS))
    return np.concatenate([-tail[:0:-1], middle, tail[1:]])


def _amount_quadrature() -> tuple[Floats, Floats]:
    """Return places between the table's nodes and weights that integrate over the quantile: Gauss rules by cell."""
    from scipy.special import expit

    points, weights = np.polynomial.legendre.leggauss(5)
    inside = (points + 1) / 2
    logits = amount_logits()
    place = (np.arange(AMOUNT_NODES - 1)[:, None] + inside).ravel()
    low, high = logits[:-1, None], logits[1:, None]
    x = low + (high - low) * inside
    by_logit = expit(x) * expit(-x) * (high - low) * weights / 2
    by_quantile = (expit(high) - expit(low)) * weights / 2
    cell = np.arange(AMOUNT_NODES - 1)[:, None]
    middle = (cell >= TAIL_CELLS) & (cell < AMOUNT_NODES - 1 - TAIL_CELLS)
    weight = np.where(middle, by_quantile, by_logit).ravel()
    return place, weight / weight.sum()
