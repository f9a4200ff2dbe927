"""Segments by purchase cycle and amount, and value tiers within them.

The nine cells of cycle x amount, managed as seven segments::

                 large amount   medium        small
    short cycle  platinum       gold          silver C
    medium       gold           silver B      develop
    long         silver A       develop       optimise

Cycle is the weeks between purchases, ``1 / posterior mean purchase rate``; amount is the posterior mean spend per
purchase. Posterior means are used because raw figures put everybody who bought once into one lump.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.arrays import Ints
from sim.errors import InputError
from sim.scenario.file import BASE_SEGMENTS as SEGMENTS
from sim.scenario.file import TIERS

__all__ = ["SEGMENTS", "TIERS", "CycleAmountCutoffs", "segment_by_cycle_and_amount", "value_tiers"]


_TABLE = np.array(  # rows: short, medium, long cycle; columns: large, medium, small amount
    [
        [SEGMENTS.index(name) for name in row]
        for row in (
            ("platinum", "gold", "silver C"),
            ("gold", "silver B", "develop"),
            ("silver A", "develop", "optimise"),
        )
    ],
    dtype=np.int64,
)


@dataclass(frozen=True)
class CycleAmountCutoffs:
    """Where the cells end; a value equal to a cut-off is medium.

    Attributes
    ----------
    short_cycle, long_cycle : float
        Weeks: a cycle below the first is short, above the second long.
    small_amount, large_amount : float
        Money per purchase: an amount below the first is small, above the second large.
    """

    short_cycle: float
    long_cycle: float
    small_amount: float
    large_amount: float

    def __post_init__(self) -> None:
        for low, high in (("short_cycle", "long_cycle"), ("small_amount", "large_amount")):
            lower, upper = getattr(self, low), getattr(self, high)
            if not (np.isfinite(lower) and np.isfinite(upper) and 0 <= lower <= upper):
                raise InputError(f"cut-offs need 0 <= {low} <= {high}, both finite; they are {lower} and {upper}")


def segment_by_cycle_and_amount(
    mean_purchase_rate: npt.ArrayLike, mean_spend: npt.ArrayLike, cutoffs: CycleAmountCutoffs | None = None
) -> tuple[Ints, CycleAmountCutoffs]:
    """Place each customer in one of ``SEGMENTS``.

    Parameters
    ----------
    mean_purchase_rate : array_like, shape (customers,)
        Posterior mean purchases per week, above 0.
    mean_spend : array_like, shape (customers,)
        Posterior mean amount per purchase, 0 or more.
    cutoffs : CycleAmountCutoffs, optional
        Where the cells end; the tertiles of these customers unless given. Where many customers share one value,
        tertiles may coincide: the tied customers are then medium.

    Returns
    -------
    segment : ndarray of int64, shape (customers,)
        Index into ``SEGMENTS``.
    cutoffs : CycleAmountCutoffs
        Those used.

    Raises
    ------
    InputError
        If shapes differ, nobody is given, or a value is out of range.
    """
    rate, amount = np.asarray(mean_purchase_rate, dtype=np.float64), np.asarray(mean_spend, dtype=np.float64)
    if rate.ndim != 1 or rate.shape != amount.shape or not len(rate):
        raise InputError(
            f"segments need one purchase rate and one amount a customer; shapes are {rate.shape} and {amount.shape}"
        )
    if not (np.isfinite(rate).all() and (rate > 0).all()):
        raise InputError("segments need purchase rates that are finite and above 0")
    if not (np.isfinite(amount).all() and (amount >= 0).all()):
        raise InputError("segments need amounts that are finite and not negative")
    cycle = 1.0 / rate
    if cutoffs is None:
        thirds = (1 / 3, 2 / 3)
        cutoffs = CycleAmountCutoffs(
            *(float(edge) for edge in np.quantile(cycle, thirds)),
            *(float(edge) for edge in np.quantile(amount, thirds)),
        )
    row = (cycle >= cutoffs.short_cycle).astype(np.int64) + (cycle > cutoffs.long_cycle)
    column = (amount <= cutoffs.large_amount).astype(np.int64) + (amount < cutoffs.small_amount)
    return _TABLE[row, column], cutoffs


def value_tiers(value: npt.ArrayLike, segment: npt.ArrayLike) -> Ints:
    """Divide each segment into thirds by value: 0 low, 1 middle, 2 high (``TIERS``).

    By rank, equal values in the order given, so that the thirds of a segment differ by at most one customer; where they
    differ the lower tier has more.

    Parameters
    ----------
    value : array_like, shape (customers,)
        What a customer is worth, any unit.
    segment : array_like of int, shape (customers,)
        Segment of each customer.

    Raises
    ------
    InputError
        If shapes differ or a value is not a number.
    """
    worth, group = np.asarray(value, dtype=np.float64), np.asarray(segment, dtype=np.int64)
    if worth.ndim != 1 or worth.shape != group.shape:
        raise InputError(f"tiers need one value and one segment a customer; shapes are {worth.shape} and {group.shape}")
    if np.isnan(worth).any():
        raise InputError(
            f"tiers need a value for each customer; number {int(np.flatnonzero(np.isnan(worth))[0])} has none"
        )
    order = np.lexsort((worth, group))  # stable: ties keep their order
    _, first, size = np.unique(group[order], return_index=True, return_counts=True)
    rank = np.arange(len(worth)) - np.repeat(first, size)
    tier = np.empty(len(worth), dtype=np.int64)
    tier[order] = rank * len(TIERS) // np.repeat(size, size)
    return tier
