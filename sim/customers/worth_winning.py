"""Who of those not won yet is worth winning: people like customers who brought much in their first year.

A regression tree on what is known of both (columns of the same name in the base's ``customers`` and in the file) is
fitted to what customers brought in their first year,

    y_i = margin_i * sum of purchases in [first_i, first_i + window),

over customers first seen at least a window before the end; its error is that for customers left out of the fit
(:mod:`sim.customers.tree`).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.arrays import Floats, Ints
from sim.customers.tree import best_tree, numbers_of
from sim.errors import InputError
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.purchases.beside import people_with_columns
from sim.purchases.read.sql import quoted

__all__ = ["FEWEST", "Likeness", "first_year", "likeness"]

FEWEST = 100
"""Customers known for a whole window, below which nothing is fitted."""
YEAR = 365


@dataclass(frozen=True)
class Likeness:
    """People to be won, in the order of the file.

    Attributes
    ----------
    who : tuple of str
    worth : (people,)
        Expected margin in the first ``days`` days if they were won.
    like : (people,)
        Customers of the same leaf, from whom that is told.
    why : tuple of str
        What they have in common.
    days : int
    told : float
        Share of the variance of what customers brought that is told for those left out of the fit; 0: nothing is.
    error : float
        Mean absolute error of the forecast for those left out, in money.
    notes : tuple of str
    """

    who: tuple[str, ...]
    worth: Floats
    like: Ints
    why: tuple[str, ...]
    days: int
    told: float
    error: float
    notes: tuple[str, ...]


def likeness(base: CustomerBase, record: PurchaseSummary, margin: Floats, where: str | Path) -> Likeness:
    """Return what people of a file would bring if they were won, as customers like them did.

    Parameters
    ----------
    record
        The customers, until the last day that counts.
    margin : (customers,)
        Margin rate of each.
    where
        File or database of people: an id and columns called as those of the base's ``customers``.

    Raises
    ------
    InputError
        If no column is in both, too few customers are known, or scikit-learn is not installed.
    """
    own = base.customer_columns
    who, columns, notes = people_with_columns(where, base)
    shared = [name for name in own if name in columns]
    if not shared:
        hint = ", ".join(own) or "none yet: a file of customers in `tenure base load` brings them"
        raise InputError(
            f"`prospects={where}`: no column is called as one of the base's customers ({hint}), so nobody can be told "
            f"apart; the file has {', '.join(columns)}"
        )
    days, y, known = first_year(base, record, margin)
    listed = ", ".join(f"customers.{quoted(name)}" for name in shared)
    rows = base.query(f"SELECT CAST(customer_id AS VARCHAR), {listed} FROM customers")[1]
    facts = {row[0]: row[1:] for row in rows}
    of_customers = [facts.get(str(each), (None,) * len(shared)) for each in record.customer_id[known]]
    of_people = list(zip(*(columns[name] for name in shared), strict=True))
    facts_of, x, new = numbers_of(shared, of_customers, of_people)
    tree = best_tree(facts_of, x, y)
    notes = (*notes, f"told apart by {', '.join(shared)}")
    if tree is None:
        worth, like = np.full(len(who), y.mean()), np.full(len(who), len(y))
        why = "nothing that tells them apart"
        notes = (
            *notes,
            f"{', '.join(shared)} tell nothing of what customers brought: all are expected to bring the mean",
        )
        error = float(np.abs(y - y.mean()).mean())
        return Likeness(who, worth, like, (why,) * len(who), days, 0.0, error, notes)
    sizes = np.bincount(tree.leaf(x), minlength=int(tree.leaf(x).max()) + 1)
    leaf, said = tree.leaf(new), tree.words()
    return Likeness(
        who, np.asarray(tree.fitted.predict(new)), sizes[leaf], tuple(said[i] for i in leaf), days, tree.told,
        tree.error, notes,
    )  # fmt: skip


def first_year(base: CustomerBase, record: PurchaseSummary, margin: Floats) -> tuple[int, Floats, Ints]:
    """Return the window in days, what customers known for so long brought in it, and which they are."""
    span = (record.end - base.first_date).days + 1
    days = min(YEAR, span // 2)
    known = np.flatnonzero(record.age * 7 >= days)
    if len(known) < FEWEST:
        raise InputError(
            f"{base.path}: {len(known)} customers are known for {days} days, and what the won bring is told from at "
            f"least {FEWEST}"
        )
    bought = dict(base.query(f"""
        WITH first AS (SELECT customer_id, min(date) AS first FROM purchases GROUP BY ALL)
        SELECT CAST(customer_id AS VARCHAR), sum(amount) FROM purchases JOIN first USING (customer_id)
        WHERE date < first + INTERVAL {days} DAY AND date <= DATE '{record.end}' GROUP BY ALL
    """)[1])  # fmt: skip
    return days, np.array([bought[str(each)] for each in record.customer_id[known]]) * margin[known], known
