"""Two plain forecasts that need no model: last year's months again, and everybody's mean rate."""

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from sim.purchases.base import CustomerBase, PurchaseSummary

__all__ = ["Rival", "rivals_of"]

YEAR = 365


class Rival(NamedTuple):
    """A plain forecast and how far it was off, as shares of what came; nan where nothing came."""

    name: str
    purchases_error: float
    money_error: float


def rivals_of(base: CustomerBase, record: PurchaseSummary, until: date) -> tuple[Rival, ...]:
    """Return the plain forecasts of the days after a record's end, of the record's customers."""
    bought, paid = (float(each.sum()) for each in base.bought_between(record.end, until, record))
    out = []
    for name, (purchases, money) in (_last_year(base, record, until), _mean_rate(record, until)):
        out.append(
            Rival(
                name,
                purchases / bought - 1 if bought > 0 else float("nan"),
                money / paid - 1 if paid > 0 else float("nan"),
            )
        )
    return tuple(out)


def _last_year(base: CustomerBase, record: PurchaseSummary, until: date) -> tuple[str, tuple[float, float]]:
    """Return the same days a year before, a head of those who were customers then times the heads now.

    Where purchases do not reach that far back: repeat purchases of as many days before, as far as they are known.
    """
    year = timedelta(days=YEAR)
    if base.first_date <= record.end - year:
        then = base.summarise(record.end - year)
        grown = len(record) / len(then)
        bought, paid = base.bought_between(then.end, until - year, then)
        return "last year's same months", (grown * float(bought.sum()), grown * float(paid.sum()))
    days = (until - record.end).days
    begin = record.end - timedelta(days=days)
    bought, paid = base.bought_between(begin, record.end, record)
    first = record.age * 7 < days  # their first purchase lies inside: only what came after it was a repeat
    bought = np.where(first, record.frequency, bought)
    paid = np.where(first, record.frequency * record.mean_spend, paid)
    known = max(base.first_date, begin + timedelta(days=1))
    longer = days / max((record.end - known).days + 1, 1)
    return "repeat purchases of the months before", (longer * float(bought.sum()), longer * float(paid.sum()))


def _mean_rate(record: PurchaseSummary, until: date) -> tuple[str, tuple[float, float]]:
    """Return everybody's purchases a week since the first one, going on."""
    weeks = (until - record.end).days / 7
    rate = np.divide(record.frequency, record.age, out=np.zeros(len(record)), where=record.age > 0)
    amount = np.where(record.frequency > 0, record.mean_spend, record.mean_amount_all)
    return "each customer's mean rate", (weeks * float(rate.sum()), weeks * float((rate * amount).sum()))
