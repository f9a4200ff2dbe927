"""What a customer base looks like: concentration, cohorts, who comes back, and how customers move between segments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from sim.arrays import Floats, Ints
from sim.customers.profile import Trait
from sim.customers.seldom import Seldom
from sim.customers.worth import ClassWorth
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.purchases.beside import Newcomers

__all__ = ["Cohort", "Concentration", "Moves", "Portrait", "Separation", "coming_back", "concentration", "migration"]

SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
NOT_YET = "not yet a customer"
MOST_COHORTS = 16
"""Quarters of first purchases shown one by one, the latest; those before are one cohort."""


@dataclass(frozen=True)
class Concentration:
    """How much of the money is of how few.

    Attributes
    ----------
    rows : tuple of (share of customers, their share of the money)
        Of the customers with most money.
    gini : float
        Twice the area between the curve of Lorenz and its diagonal: 0 where all bring the same, near 1 where one does.
    """

    rows: tuple[tuple[float, float], ...]
    gini: float


@dataclass(frozen=True)
class Cohort:
    """Customers first seen in one quarter, and the share of them who bought in each quarter after it."""

    name: str
    customers: int
    back: tuple[float, ...]


@dataclass(frozen=True)
class Separation:
    """How far segments tell customers apart.

    Attributes
    ----------
    rows : tuple of (name, customers, mean P(alive), mean expected purchases of the next year in money)
    between : float
        Share of the variance of the last that lies between segments.
    """

    rows: tuple[tuple[str, int, float, float], ...]
    between: float


@dataclass(frozen=True, eq=False)
class Moves:
    """How customers go from segment to segment within a year.

    Attributes
    ----------
    names : tuple of str
        Segments; the last for those not yet customers a year ago.
    actual : (segments + 1, segments) or None
        Customers by segment a year before and now; None: the base is too young.
    expected : (segments, segments) or None
        The same as laws fitted to what was known a year ago had led to expect, of who was a customer then; None where
        that was too little.
    ahead : (segments, segments) or None
        Now and in a year, expected; None for segments that purchases do not make.
    """

    names: tuple[str, ...]
    actual: Ints | None
    expected: Floats | None
    ahead: Floats | None


@dataclass(frozen=True, eq=False)
class Portrait:
    """A customer base at a glance.

    Attributes
    ----------
    base : CustomerBase
    as_of : date
    alive : float
        Customers expected to be alive.
    next_year : float
        Expected purchases of the next year, in money.
    separation : Separation
    past, ahead : Concentration
        Of all purchases so far; of those expected next year.
    moves : Moves
    cohorts : tuple of Cohort
    new : Newcomers or None
    worth : tuple of ClassWorth
    profile : tuple of Trait
    brought_by : str or None
        What says whom customers bring; None: nothing does.
    seldom : Seldom or None
        Why silver A come seldom; None where segments are others, or nobody is.
    remarks : tuple of str
    """

    base: CustomerBase
    as_of: date
    alive: float
    next_year: float
    separation: Separation
    past: Concentration
    ahead: Concentration
    moves: Moves
    cohorts: tuple[Cohort, ...]
    new: Newcomers | None
    worth: tuple[ClassWorth, ...]
    profile: tuple[Trait, ...]
    brought_by: str | None
    seldom: Seldom | None
    remarks: tuple[str, ...]


def concentration(money: Floats) -> Concentration:
    """Return how money of at least 0 a customer is concentrated; nan where there is none."""
    ranked = np.sort(np.maximum(money, 0.0))[::-1]
    total = float(ranked.sum())
    if total <= 0:
        return Concentration(tuple((share, float("nan")) for share in SHARES), float("nan"))
    so_far = np.concatenate([[0.0], np.cumsum(ranked)]) / total
    at = np.arange(ranked.size + 1) / ranked.size
    rows = tuple((share, float(np.interp(share, at, so_far))) for share in SHARES)
    area = float(((so_far[1:] + so_far[:-1]) / 2).sum()) / ranked.size
    return Concentration(rows, 2 * area - 1)


def coming_back(base: CustomerBase, end: date) -> tuple[Cohort, ...]:
    """Return cohorts by quarter of the first purchase until ``end``; of the last quarter only whole ones count.

    A customer has come back in a quarter with a purchase in it. The quarter that ``end`` cuts is left out unless it
    ends with it. Where there are more than :data:`MOST_COHORTS` quarters, those before are one cohort, whose quarters
    are counted from each customer's own, as far as the youngest of it has come.
    """
    rows = base.query(
        f"""
        WITH bought AS (SELECT customer_id, date_trunc('quarter', date) AS quarter FROM purchases
                        WHERE date <= DATE '{end}' GROUP BY ALL),
        first AS (SELECT customer_id, min(quarter) AS first FROM bought GROUP BY ALL)
        SELECT year(first), quarter(first), date_diff('quarter', first, quarter.quarter) AS later, count(*)
        FROM first JOIN bought AS quarter USING (customer_id) GROUP BY ALL ORDER BY ALL
        """
    )[1]
    whole = _quarter(end + timedelta(days=1)) - 1
    found: dict[int, dict[int, int]] = {}
    for year, quarter, later, number in rows:
        found.setdefault(4 * year + quarter - 1, {})[later] = number
    quarters = sorted(found)
    old, shown = quarters[:-MOST_COHORTS], quarters[-MOST_COHORTS:]
    groups = ([(f"{_named(old[0])} to {_named(old[-1])}", old)] if old else []) + [(_named(at), [at]) for at in shown]
    cohorts = []
    for name, of in groups:
        heads = sum(found[at][0] for at in of)
        back = (sum(found[at].get(later, 0) for at in of) / heads for later in range(1, whole - of[-1] + 1))
        cohorts.append(Cohort(name, heads, tuple(back)))
    return tuple(cohorts)


def _quarter(day: date) -> int:
    """Return the quarter of a day, counted from the year 0."""
    return 4 * day.year + (day.month - 1) // 3


def _named(quarter: int) -> str:
    return f"{quarter // 4} Q{quarter % 4 + 1}"


def migration(
    before: PurchaseSummary, before_index: Ints, now: PurchaseSummary, now_index: Ints, names: Sequence[str]
) -> tuple[tuple[str, ...], Ints]:
    """Return names and counts of customers by segment then (rows) and now (columns).

    The last row are those who had not bought then. Everybody of then is a customer now.
    """
    place = np.searchsorted(before.customer_id, now.customer_id)
    place = np.minimum(place, max(len(before) - 1, 0))
    known = before.customer_id[place] == now.customer_id
    then = np.where(known, before_index[place], len(names))
    counts = np.bincount(then * len(names) + now_index, minlength=(len(names) + 1) * len(names))
    return (*names, NOT_YET), counts.reshape(len(names) + 1, len(names)).astype(np.int64)
