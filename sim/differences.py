"""Intervals of 95 % of shares, of means and of their differences, which hold their level where few stand behind them.

A difference recovers how each side varies from the side's own limits (Newcombe 1998, Zou & Donner 2008)::

    low = d - sqrt((m_1 - low_1)^2 + (high_2 - m_2)^2),    high = d + sqrt((high_1 - m_1)^2 + (m_2 - low_2)^2)

A share's limits are the exact ones (Clopper & Pearson 1934), a mean's are Student's, ``m -+ t e`` with ``t`` of as
many degrees of freedom as its spread has. Of means of normal amounts this covers at least 95 %, whatever the spreads
(Banerjee 1961); Welch's degrees of freedom cover 87 % where 2 are held against 30.
"""

from typing import NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.intervals import NORMAL

__all__ = ["Mean", "between_means", "between_shares", "exact_share", "student", "variances"]


class Mean(NamedTuple):
    """A mean, the square of its standard error, and the degrees of freedom that this has."""

    value: float
    variance: float
    free: float

    @property
    def wide(self) -> float:
        """Return half the width of the mean's interval."""
        return student(self.free) * NORMAL * float(np.sqrt(self.variance))


def student(free: float) -> float:
    """Return how many times as wide an interval is as the normal law's, for a spread of ``free`` degrees of freedom.

    Examples
    --------
    >>> [round(student(free), 2) for free in (1, 2, 30, 5000)]
    [6.48, 2.2, 1.04, 1.0]
    """
    from scipy import special

    return float(special.stdtrit(max(free, 1.0), 0.975)) / NORMAL


def exact_share(share: float, heads: float) -> tuple[float, float]:
    """Return the exact limits of a share of so many heads (Clopper & Pearson 1934).

    Examples
    --------
    >>> [round(end, 3) for end in exact_share(0.0, 3)]
    [0.0, 0.708]
    """
    from scipy import special

    hits = share * heads
    low = float(special.betaincinv(hits, heads - hits + 1, 0.025)) if hits > 0 else 0.0
    high = float(special.betaincinv(hits + 1, heads - hits, 0.975)) if hits < heads else 1.0
    return low, high


def between_shares(one: tuple[float, float], two: tuple[float, float]) -> tuple[float, float]:
    """Return the limits of the first share less the second, each with its heads; within -1 and 1.

    Examples
    --------
    >>> [round(end, 3) for end in between_shares((1.0, 3), (0.0, 3))]
    [-0.001, 1.0]
    """
    (m1, _), (m2, _) = one, two
    (low1, high1), (low2, high2) = exact_share(*one), exact_share(*two)
    return m1 - m2 - float(np.hypot(m1 - low1, high2 - m2)), m1 - m2 + float(np.hypot(high1 - m1, m2 - low2))


def between_means(one: Mean, two: Mean) -> tuple[float, float]:
    """Return the limits of the first mean less the second.

    Examples
    --------
    >>> [round(end, 2) for end in between_means(Mean(12.0, 4.0, 1), Mean(2.0, 0.25, 29))]
    [-15.43, 35.43]
    """
    apart, wide = one.value - two.value, float(np.hypot(one.wide, two.wide))
    return apart - wide, apart + wide


def variances(values: Floats, arm: Ints, most: float | None = None) -> Floats:
    """Return the variance within each arm; of one whose customers all did the same, as a few do by luck, another.

    That is the variance of all arms together; where no arm has any, what one customer who did otherwise would make of
    it: ``most^2/n``.

    Parameters
    ----------
    values, arm : (rows,)
        What came, and the number of the arm, from 0.
    most
        What one who did otherwise would have; None: the largest of the values, or 1 where all are none.

    Examples
    --------
    >>> variances(np.array([0.0, 0.0, 4.0, 8.0]), np.array([0, 0, 1, 1])).tolist()
    [4.0, 8.0]
    """
    heads = np.bincount(arm)
    squares = (values - (np.bincount(arm, values) / heads)[arm]) ** 2
    own = np.bincount(arm, squares) / np.maximum(heads - 1, 1)
    if (own > 0).all():
        return own
    most = float(np.abs(values).max() or 1.0) if most is None else most
    together = float(squares.sum()) / max(values.size - heads.size, 1) or most**2 / values.size
    return np.where(own > 0, own, together)
