"""Segments of a base by the firm's own means: a column, SQL, a file, recency-frequency-money, value, or a matrix of it.

A matrix has what customers pay a year on one side and on the other P(alive), how often something follows a contact,
``k/n``, or whom they bring, ``m/T`` a year. With the cut-off at the mean of all, ``sum k / sum n``, a customer lies on
the same side of it as with its posterior mean under a law fitted to all (``(a + k)/(a + b + n)``, ``(a + m)/(b + T)``):
shrinking towards the mean takes nobody across it. So few contacts, or a short time, need no law here.
"""

from pathlib import Path
from typing import Any

import numpy as np

from sim.arrays import Floats, Ints
from sim.errors import InputError, ScenarioError
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.purchases.beside import segment_by_id
from sim.purchases.known import brought_by, contacted
from sim.purchases.read.sql import quoted
from sim.scenario.customers import MATRICES, BaseSegments

__all__ = ["FUNCTION", "LOYALTY", "MOST_SEGMENTS", "RESPONSE", "RFM", "labels_of", "other_side", "own_segments",
           "segment_names"]  # fmt: skip

MOST_SEGMENTS = 12
"""Segments by a column or SQL that get a name; the smaller ones are one."""
RFM = tuple(
    f"{recent} {often} {much}"
    for recent in ("recent", "silent")
    for often in ("often", "seldom")
    for much in ("much", "little")
)
"""Names of segments by recency, frequency and money, in their order."""
LOYALTY = ("golden", "at risk", "not to over-service", "marginal")
"""Names of segments by value x loyalty: much and loyal, much, loyal, neither."""
RESPONSE = ("best", "odd couples", "fatal attraction", "ghosts")
"""Names of segments by value x response, in the same order. Which name goes with which mixed cell is our reading."""
FUNCTION = ("high-performing", "selling", "networking", "low-performing")
"""Names of segments by what customers bring directly x indirectly, in the same order."""


def own_segments(
    how: BaseSegments,
    base: CustomerBase,
    record: PurchaseSummary,
    worth: Floats,
    folder: Path,
    loyal: tuple[Floats, Floats] | None = None,
) -> Ints:
    """Return for each customer the index of its segment among ``how.names``.

    Parameters
    ----------
    worth : (customers,)
        Expected purchases of the next year, in money.
    folder
        Where a file of segments is looked for.
    loyal : pair of (customers,)
        For a matrix: expected money a year while a customer, and P(alive).

    Raises
    ------
    ScenarioError
        If a customer's segment is not among the names and there is no ``other``.
    InputError
        If the base does not hold what a matrix needs.
    """
    if how.by == "value":
        return np.asarray((worth[:, None] < np.array(how.cutoffs)).sum(axis=1), dtype=np.int64)
    if how.by in MATRICES:
        assert loyal is not None
        paid, other = loyal[0], other_side(how, base, record, loyal[1])
        index = 2 * (paid < how.cutoffs[0]).astype(np.int64) + ~(other >= how.cutoffs[1])
        unknown = np.isnan(other)
        if how.other is not None:
            index[unknown] = how.names.index(how.other)
        elif unknown.any():
            raise ScenarioError(
                f"base.segments: of {int(unknown.sum()):,} customers the second side is not known; name one for them "
                "as the last of `names:` and under `other:`"
            )
        return index
    if how.by == "recency-frequency-money":
        weeks, purchases, money = how.cutoffs
        parts = (
            record.silent_weeks > weeks,
            record.purchases < purchases,
            record.purchases * record.mean_amount_all < money,
        )
        return np.asarray(sum(part.astype(np.int64) << (2 - i) for i, part in enumerate(parts)), dtype=np.int64)
    found = labels_of(how, base, record, folder)
    place = {name: i for i, name in enumerate(how.names)}
    rest = place.get(how.other or "", -1)
    index = np.array([place.get(name or "", rest) for name in found], dtype=np.int64)
    if (index < 0).any():
        strange = found[int(np.flatnonzero(index < 0)[0])]
        raise ScenarioError(
            f"base.segments: {int((index < 0).sum()):,} customers are in no named segment, the first in {strange!r}; "
            "add it to `names:`, or name one for the rest under `other:`"
        )
    return index


def other_side(how: BaseSegments, base: CustomerBase, record: PurchaseSummary, alive: Floats) -> Floats:
    """Return the second side of a matrix, (customers,); nan where it is not known of a customer.

    Raises
    ------
    InputError
        If the base does not hold what it needs.
    """
    if how.by == "value-loyalty":
        return alive
    if how.by == "direct-indirect":
        return brought_by(base, record, str(how.column))
    found = contacted(base, record)
    return np.where(found.sent > 0, found.followed / np.maximum(found.sent, 1), np.nan)


def segment_names(
    how: BaseSegments, base: CustomerBase, record: PurchaseSummary, folder: Path
) -> dict[str | None, int]:
    """Return how many customers have each label of a column, SQL or file; None: those without one."""
    found: dict[str | None, int] = {}
    for label in labels_of(how, base, record, folder):
        found[label] = found.get(label, 0) + 1
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0] or "")))


def labels_of(how: BaseSegments, base: CustomerBase, record: PurchaseSummary, folder: Path) -> list[str | None]:
    """Return the label of each customer, None where there is none."""
    if how.by == "file":
        rows = segment_by_id(folder / str(how.file), base)
    else:
        asked = f"CAST({quoted(str(how.column))} AS VARCHAR)" if how.by == "column" else str(how.sql)
        rows = _asked(base, asked, record)
    known: dict[str, str] = {}
    for who, label in rows:
        if who is not None and label is not None and known.setdefault(str(who), str(label)) != str(label):
            raise InputError(f"base.segments: customer {who} is in two segments, {known[str(who)]!r} and {label!r}")
    return [known.get(str(who)) for who in record.customer_id]


def _asked(base: CustomerBase, sql: str, record: PurchaseSummary) -> list[tuple[Any, ...]]:
    """Return id and label by a SELECT of two columns, or by an expression over what is known of a customer."""
    if sql.lstrip().split(None, 1)[0].lower() in ("select", "with"):
        columns, rows = base.query(sql)
        if len(columns) != 2:
            raise InputError(
                f"base.segments.sql: expected a SELECT of customer id and segment, got the columns {', '.join(columns)}"
            )
        return rows
    own = base.customer_columns
    beside = (
        "LEFT JOIN customers ON CAST(customers.customer_id AS VARCHAR) = CAST(record.who AS VARCHAR)" if own else ""
    )
    try:
        return base.query(
            f"WITH record AS (SELECT customer_id AS who, count(DISTINCT date) AS purchases, sum(amount) AS money, "
            f"min(date) AS first_date, max(date) AS last_date FROM purchases WHERE date <= DATE '{record.end}' "
            f"GROUP BY customer_id) SELECT who, CAST(({sql}) AS VARCHAR) FROM record {beside}"
        )[1]
    except InputError as error:
        names = ", ".join(["purchases", "money", "first_date", "last_date", *own])
        hint = "" if own else "; columns of your own come with a file of customers in `tenure base load`"
        raise InputError(f"base.segments: {sql!r} cannot be answered: {error}; known are {names}{hint}") from None
