"""A forecast against the held-out weeks alone: purchases and money, for everybody and by segment.

A figure that is cumulative from the first purchase counts the weeks a law was fitted to as well, and those it meets
anyhow; what a plan rests on is the forecast of weeks the law has not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.customers.calibration import GammaGamma, PurchaseModel
from sim.customers.segment_laws import Laws
from sim.errors import PurchasesError
from sim.intervals import NORMAL
from sim.purchases.base import CustomerBase, PurchaseSummary

__all__ = ["Forecast", "HeldOut", "forecast_of", "held_out"]

FEWEST = 30
"""Customers from which an interval is given."""


class Forecast(NamedTuple):
    """What was forecast and what came, and the error as a share of it with its 95 % interval.

    The interval covers which customers there happen to be, and their luck: ``sum of errors +- 1.96 sqrt(n) sd``; not
    that the law's parameters are estimates.
    """

    predicted: float
    actual: float
    error: float
    low: float
    high: float


@dataclass(frozen=True)
class HeldOut:
    """The held-out weeks alone.

    Attributes
    ----------
    weeks : int
    purchases, money : Forecast
        Days with a purchase, and what was paid on them, of the customers won before.
    segments : tuple of (name, customers, purchases, money)
    """

    weeks: int
    purchases: Forecast
    money: Forecast
    segments: tuple[tuple[str, int, Forecast, Forecast], ...]


def held_out(
    model: PurchaseModel,
    spend: GammaGamma | Laws,
    base: CustomerBase,
    record: PurchaseSummary,
    until: date,
    segment: Ints | None = None,
    names: Sequence[str] = (),
) -> HeldOut:
    """Compare expectations given each record with the whole weeks after its end.

    Purchases are ``E[X | record]``, money that times the posterior mean of an amount.

    Parameters
    ----------
    record
        Records at the end of the fitted period, of all to be forecast.
    segment, names : (customers,)
        Index of each customer's segment, and their names.

    Raises
    ------
    PurchasesError
        If less than a week is held out.
    """
    weeks = (until - record.end).days // 7
    if weeks < 1:
        raise PurchasesError(f"nothing to hold out: the records end on {record.end} and the purchases on {until}")
    until = record.end + timedelta(weeks=weeks)
    days, paid = base.bought_between(record.end, until, record)
    bought = days.astype(np.float64)
    expected = model.conditional_expected_purchases(weeks, record.frequency, record.recency, record.age)
    worth = expected * spend.conditional_mean_spend(record.purchases, record.mean_amount_all)
    everybody = np.ones(len(record), dtype=bool)
    rows = []
    for i, name in enumerate(names):
        inside = segment == i if segment is not None else everybody
        if inside.any():
            rows.append((
                name, int(inside.sum()), forecast_of(expected[inside], bought[inside]),
                forecast_of(worth[inside], paid[inside]),
            ))  # fmt: skip
    return HeldOut(weeks, forecast_of(expected, bought), forecast_of(worth, paid), tuple(rows))


def forecast_of(predicted: Floats, actual: Floats) -> Forecast:
    """Return the sums of what was forecast and what came by customer, and the error with its interval."""
    expected, came = float(predicted.sum()), float(actual.sum())
    if came <= 0:
        return Forecast(expected, came, float("nan"), float("nan"), float("nan"))
    error, wide = expected / came - 1, float("nan")
    if len(actual) >= FEWEST:
        wide = NORMAL * float(np.sqrt(len(actual)) * (predicted - actual).std(ddof=1)) / came
    return Forecast(expected, came, error, error - wide, error + wide)
