"""Records of many customers as the laws of buying need them: each kind once, and what several kinds share once.

Over a million customers there are some hundred thousand different records (x, t_x, T), but only some ten thousand
different pairs of x and a time, and a hundred different x: what costs most is computed for those.
"""

from typing import NamedTuple

import numpy as np

from sim.arrays import Floats, Ints

__all__ = ["AmountRecords", "BuyingRecords", "distinct"]


def distinct(*arrays: Floats) -> tuple[Floats, ...]:
    """Return how often each distinct row occurs, then the distinct rows' columns."""
    order = np.lexsort(arrays)
    columns = [array[order] for array in arrays]
    new = _changes(columns)
    first = np.flatnonzero(new)
    counts = np.diff(np.append(first, len(order))).astype(np.float64)
    return (counts, *(column[first] for column in columns))


def _changes(columns: list[Floats]) -> Floats:
    """Return where a row of sorted columns differs from the one before."""
    new = np.ones(len(columns[0]), dtype=bool)
    new[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return new


def _pairs(x: Floats, t: Floats) -> tuple[Floats, Floats, Ints]:
    """Return the distinct pairs, and which of them each row is."""
    order = np.lexsort((x, t))
    columns = [x[order], t[order]]
    new = _changes(columns)
    which = np.empty(len(x), dtype=np.int64)
    which[order] = np.cumsum(new) - 1
    return columns[0][new], columns[1][new], which


class BuyingRecords(NamedTuple):
    """Distinct records (x, t_x, T).

    Attributes
    ----------
    counts : (records,)
        Customers with each.
    frequency, recency, age : (records,)
    ends, lasts : (x, time, which)
        The distinct pairs of x with T, of x with t_x, and which of them each record has.
    """

    counts: Floats
    frequency: Floats
    recency: Floats
    age: Floats
    ends: tuple[Floats, Floats, Ints]
    lasts: tuple[Floats, Floats, Ints]

    @classmethod
    def of(cls, frequency: Ints, recency: Floats, age: Floats) -> "BuyingRecords":
        """Return the distinct records of customers."""
        counts, x, t_x, end = distinct(frequency.astype(np.float64), recency, age)
        return cls(counts, x, t_x, end, _pairs(x, end), _pairs(x, t_x))


class AmountRecords(NamedTuple):
    """Distinct records of amounts (x, mean amount z).

    Attributes
    ----------
    counts : (records,)
    frequency : (kinds,)
        The distinct x.
    which : (records,)
        Which of them each record has.
    log_mean, total : (records,)
        ``log z`` and ``x z``.
    """

    counts: Floats
    frequency: Floats
    which: Ints
    log_mean: Floats
    total: Floats

    @classmethod
    def of(cls, frequency: Ints, mean: Floats) -> "AmountRecords":
        """Return the distinct records of customers with a repeat purchase of more than 0."""
        counts, x, z = distinct(frequency.astype(np.float64), mean)
        kinds, which = np.unique(x, return_inverse=True)
        return cls(counts, kinds, which, np.log(z), x * z)
