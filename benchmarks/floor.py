"""What engines of this kind are held against: a draw of four words each, and one read and write of all states."""

import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from sim.engine.draw_kernels import fill_words

__all__ = ["floor"]

Kernel = Any
BLOCK = 1024
"""Customers drawn for together: their words stay in the first-level cache."""


@numba.njit(nogil=True)  # type: ignore[untyped-decorator]
def draw_all(identity: Any, period: int) -> int:
    """Draw one block of four words for every customer, several at a time, and use them for nothing."""
    a, b, c, d = (
        np.empty(BLOCK, np.uint32),
        np.empty(BLOCK, np.uint32),
        np.empty(BLOCK, np.uint32),
        np.empty(BLOCK, np.uint32),
    )
    mixed = np.uint32(0)
    for first in range(0, identity.size, BLOCK):
        fill_words(identity[first : first + BLOCK], period, 0, 0, 1, 2, a, b, c, d)
        mixed ^= a[0] ^ b[0] ^ c[0] ^ d[0]
    return mixed  # type: ignore[return-value]


@numba.njit(nogil=True)  # type: ignore[untyped-decorator]
def touch_all(state: Any, period: int) -> int:
    """Read and write everybody's state."""
    for i in range(state.size):
        state[i] ^= np.uint16(period + 1)
    return 0


def _seconds(work: Kernel, array: NDArray[Any], periods: int, threads: int, runs: int) -> float:
    parts = np.array_split(array, threads)
    with ThreadPoolExecutor(threads) as workers:

        def once() -> float:
            began = time.perf_counter()
            for t in range(periods):
                list(workers.map(work, parts, [t] * threads))
            return time.perf_counter() - began

        once()
        return median(once() for _ in range(runs))


def floor(identity: NDArray[Any], state: NDArray[Any], periods: int, threads: int, runs: int) -> tuple[float, float]:
    """Return seconds of the draws alone and of reading and writing the state, over all periods; medians."""
    return (
        _seconds(draw_all, identity, periods, threads, runs),
        _seconds(touch_all, state.copy(), periods, threads, runs),
    )
