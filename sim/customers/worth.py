"""What customers are worth by the formulas of the textbooks, beside what their own purchases tell.

Formula 1, from money of each period: ``CV = sum_i S_i / (1 + d)^i``.

Formula 2, from a margin for ever at retention ``r``: the margin times a multiple, which depends on when it comes.

Verification value, from a mean cycle ``t`` and a mean amount ``s`` over a capped life ``T``:
``CRV = sum_{n = 1}^{T/t} s / (1 + d)^{n t}``, which tends to ``(T/t) s`` as ``d`` goes to 0. The formula is our reading
of a source that has lost it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from sim.arrays import Floats, Ints
from sim.customers.segment_laws import Laws
from sim.errors import InputError
from sim.purchases.base import CustomerBase, PurchaseSummary

__all__ = ["TIMINGS", "ClassWorth", "Course", "course_of", "customer_value", "margin_multiple", "posterior_of",
           "verification_of", "verification_value", "worth_by_class"]  # fmt: skip

TIMINGS: Mapping[str, Callable[[float, float], float]] = {
    "now, and after each period by who stayed": lambda r, d: (1 + d) / (1 + d - r),
    "after each period, by who stayed": lambda r, d: r / (1 + d - r),
    "after each period, by who was there at its start": lambda r, d: 1 / (1 + d - r),
}
"""When the margin comes, and its multiple by retention and discount rate."""
LIFE_YEARS, DISCOUNT = 3, 0.10
"""Years that values are compared over, and the discount rate a year."""
QUARTERS, QUARTER = 8, timedelta(days=91)
FEWEST_QUARTERS = 4
"""Quarters after the first purchase from which a trend is told."""
WEEKS = 52.0


def customer_value(contributions: Floats, discount: float) -> Floats:
    """Return ``sum_i S_i / (1 + d)^i`` of contributions by period, (..., periods), the first now.

    Examples
    --------
    >>> float(customer_value(np.array([100.0, 110.0]), 0.1))
    200.0
    """
    periods = np.asarray(contributions).shape[-1]
    return np.asarray(np.asarray(contributions) @ (1 + discount) ** -np.arange(float(periods)))


def margin_multiple(retention: float, discount: float, timing: str) -> float:
    """Return by what a margin is multiplied that is had for ever of who stays, at one of :data:`TIMINGS`.

    Raises
    ------
    InputError
        For another timing, or a retention and discount at which it has no end.

    Examples
    --------
    >>> round(80 * margin_multiple(0.84, 0.12, "after each period, by who stayed"), 6)
    240.0
    """
    if timing not in TIMINGS:
        raise InputError(f"`timing={timing}`: expected one of {'; '.join(TIMINGS)}")
    if not (0 <= retention <= 1 and discount >= 0 and 1 + discount > retention):
        raise InputError(
            f"`retention={retention:g}`, `discount={discount:g}`: expected a retention from 0 to 1 and a discount of "
            "at least 0, not 1 and 0 at once"
        )
    return TIMINGS[timing](retention, discount)


def verification_value(cycle: Floats, amount: Floats, life: float, discount: float) -> Floats:
    """Return what a purchase of ``amount`` every ``cycle`` years brings over ``life`` years, whole cycles counted.

    Examples
    --------
    >>> round(float(verification_value(np.array(0.5), np.array(10.0), 1.0, 0.0)), 6)
    20.0
    """
    cycle, amount = np.asarray(cycle, dtype=np.float64), np.asarray(amount, dtype=np.float64)
    number = np.floor(life / cycle + 1e-9)
    if discount == 0:
        return np.asarray(number * amount)
    each = (1 + discount) ** -cycle
    return np.asarray(amount * each * (1 - each**number) / (1 - each))


@dataclass(frozen=True, eq=False)
class Course:
    """What each customer paid by quarter, the latest last.

    Quarters count that lie after the first purchase as a whole, the others are nan: what makes a customer one is bought
    in the first by definition, and would look like a fall.

    Attributes
    ----------
    money : (customers, quarters)
    trend : (customers,)
        Least-squares slope a quarter, over the mean of a quarter; nan where it cannot be told.
    volatility : (customers,)
        Standard deviation over the mean of a quarter.
    """

    money: Floats
    trend: Floats
    volatility: Floats


def course_of(base: CustomerBase, record: PurchaseSummary) -> Course:
    """Return how what each customer pays has moved over the last two years, in quarters of 91 days up to ``end``."""
    columns = [
        base.bought_between(record.end - (k + 1) * QUARTER, record.end - k * QUARTER, record)[1]
        for k in reversed(range(QUARTERS))
    ]
    money = np.stack(columns, axis=1)
    there = np.floor(record.age * 7 / QUARTER.days + 1e-9)
    money = np.where(np.arange(QUARTERS)[::-1] < there[:, None], money, np.nan)
    known = ~np.isnan(money)
    number = known.sum(axis=1)
    mean = np.nansum(money, axis=1) / np.maximum(number, 1)
    told = (number >= FEWEST_QUARTERS) & (mean > 0)
    off = np.where(known, money - mean[:, None], 0.0)
    time = np.where(known, np.arange(QUARTERS) - (QUARTERS - 1 - (number[:, None] - 1) / 2), 0.0)
    slope = (time * off).sum(axis=1) / np.maximum((time**2).sum(axis=1), 1e-300)
    spread = np.sqrt((off**2).sum(axis=1) / np.maximum(number - 1, 1))
    size = np.where(told, np.maximum(mean, 1e-300), np.nan)
    return Course(money, slope / size, spread / size)


@dataclass(frozen=True)
class ClassWorth:
    """A segment's customers in figures, each the mean of its customers unless it says another thing.

    Attributes
    ----------
    name : str
    again : float
        Share that bought on a second day.
    verification, posterior : float
        Money over :data:`LIFE_YEARS`, discounted: by the verification value, as if everybody stayed and went on at
        their pace; and as expected of their own purchases, staying included.
    trend, volatility : float
        Medians of customers; nan where it is told of nobody.
    yearly, retention : float
        Of those expected to be here: money a year while a customer, and the chance to stay for a year.
    potential : float
        What those whose share of customer is known are expected to pay in the next year, and would if they bought all
        they need here: that over the share; nan where it is known of nobody. ``now``: the first of the two.
    brings : float
        What customers bring indirectly (:func:`sim.purchases.known.brought_by`); nan where it is not known.
    """

    name: str
    again: float
    verification: float
    posterior: float
    trend: float
    volatility: float
    yearly: float
    retention: float
    now: float
    potential: float
    brings: float

    @property
    def for_ever(self) -> tuple[float, ...]:
        """Return formula 2, the year's money for ever at this retention, at each of :data:`TIMINGS`."""
        return tuple(self.yearly * margin_multiple(self.retention, DISCOUNT, timing) for timing in TIMINGS)


def verification_of(record: PurchaseSummary, laws: Laws, discount: float = DISCOUNT) -> Floats:
    """Return each customer's verification value over :data:`LIFE_YEARS`, cycle and amount as its law has them."""
    cycle = 1 / laws.mean_purchase_rate(record.frequency, record.recency, record.age) / WEEKS
    amount = laws.conditional_mean_spend(record.purchases, record.mean_amount_all)
    return verification_value(cycle, amount, LIFE_YEARS, discount)


def posterior_of(record: PurchaseSummary, laws: Laws, discount: float = DISCOUNT) -> Floats:
    """Return what each customer is expected to pay over :data:`LIFE_YEARS`, discounted from the middle of each year."""
    seen = record.frequency, record.recency, record.age
    so_far = [laws.conditional_expected_purchases(WEEKS * year, *seen) for year in range(1, LIFE_YEARS + 1)]
    by_year = np.diff(np.stack([np.zeros(len(record)), *so_far], axis=1), axis=1)
    paid = by_year * laws.conditional_mean_spend(record.purchases, record.mean_amount_all)[:, None]
    return np.asarray(customer_value(paid, discount) / np.sqrt(1 + discount))


def worth_by_class(
    names: tuple[str, ...],
    index: Ints,
    record: PurchaseSummary,
    laws: Laws,
    course: Course,
    brings: Floats | None = None,
    share: Floats | None = None,
) -> tuple[ClassWorth, ...]:
    """Return each segment's worth in several ways; ``index``, (customers,), says who is in which.

    ``brings``, ``share``, (customers,): what each brings indirectly, and its share of customer; nan: not known.
    """
    seen = record.frequency, record.recency, record.age
    amount = laws.conditional_mean_spend(record.purchases, record.mean_amount_all)
    alive, until = laws.probability_alive(*seen), laws.parameter("beta") + record.age
    stays = (until / (until + WEEKS)) ** laws.parameter("s")
    yearly, ahead = laws.mean_purchase_rate(*seen) * WEEKS * amount, laws.conditional_expected_purchases(WEEKS, *seen)
    unknown = np.full(len(record), np.nan)
    brings, share = (unknown if each is None else each for each in (brings, share))
    now = np.where(share > 0, ahead * amount, np.nan)
    full = now / np.where(share > 0, share, 1.0)
    by_hand, own = verification_of(record, laws), posterior_of(record, laws)
    out = []
    for i, name in enumerate(names):
        part = index == i
        if part.any():
            trends, moves = (_median(each[part]) for each in (course.trend, course.volatility))
            here = alive[part] / max(float(alive[part].sum()), 1e-300)
            out.append(ClassWorth(
                name, float((record.frequency[part] > 0).mean()), float(by_hand[part].mean()), float(own[part].mean()),
                trends, moves, float(here @ yearly[part]), float(here @ stays[part]),
                _mean(now[part]), _mean(full[part]), _mean(brings[part]),
            ))  # fmt: skip
    return tuple(out)


def _mean(values: Floats) -> float:
    told = values[~np.isnan(values)]
    return float(told.mean()) if told.size else float("nan")


def _median(values: Floats) -> float:
    told = values[~np.isnan(values)]
    return float(np.median(told)) if told.size else float("nan")
