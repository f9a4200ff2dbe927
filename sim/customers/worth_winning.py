"""Who of those not won yet is worth winning: people like customers who brought much in their first year.

A regression tree on what is known of both (columns of the same name in the base's ``customers`` and in the file) is
fitted to what customers brought in their first year,

    y_i = margin_i * sum of purchases in [first_i, first_i + window),

over customers first seen at least a window before the end. The number of leaves has the least squared error on
customers left out, and that error is what the forecast is said to have.

Source: Breiman, Friedman, Olshen and Stone (1984), *Classification and Regression Trees*, chapters 3 and 8.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.arrays import Floats, Ints
from sim.errors import InputError
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.purchases.beside import people_with_columns
from sim.purchases.read.sql import quoted

__all__ = ["FEWEST", "Likeness", "likeness"]

FEWEST = 100
"""Customers known for a whole window, below which nothing is fitted."""
YEAR = 365
FOLDS, LEAVES, SMALLEST_LEAF, MOST_VALUES = 5, (2, 3, 4, 6, 8, 12, 16), 20, 20


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
    own = [name for (name,) in base.query(
        "SELECT column_name FROM duckdb_columns() WHERE table_name = 'customers' AND column_name <> 'customer_id'")[1]
    ]  # fmt: skip
    who, columns, notes = people_with_columns(where, base)
    shared = [name for name in own if name in columns]
    if not shared:
        hint = ", ".join(own) or "none yet: `tenure base load --customers FILE` brings them"
        raise InputError(
            f"`prospects={where}`: no column is called as one of the base's customers ({hint}), so nobody can be told "
            f"apart; the file has {', '.join(columns)}"
        )
    days, y, known = _first_year(base, record, margin)
    listed = ", ".join(f"customers.{quoted(name)}" for name in shared)
    rows = base.query(f"SELECT CAST(customer_id AS VARCHAR), {listed} FROM customers")[1]
    facts = {row[0]: row[1:] for row in rows}
    of_customers = [facts.get(str(each), (None,) * len(shared)) for each in record.customer_id[known]]
    of_people = list(zip(*(columns[name] for name in shared), strict=True))
    names, x, new = _numbers(shared, of_customers, of_people)
    tree, told, error = _tree(x, y)
    notes = (*notes, f"told apart by {', '.join(shared)}")
    if tree is None:
        worth, like = np.full(len(who), y.mean()), np.full(len(who), len(y))
        why = "nothing that tells them apart"
        notes = (
            *notes,
            f"{', '.join(shared)} tell nothing of what customers brought: all are expected to bring the mean",
        )
        return Likeness(who, worth, like, (why,) * len(who), days, 0.0, error, notes)
    sizes = np.bincount(tree.apply(x), minlength=tree.tree_.node_count)
    leaf = tree.apply(new)
    said = _rules(tree.tree_, names)
    return Likeness(
        who, np.asarray(tree.predict(new)), sizes[leaf], tuple(said[i] for i in leaf), days, told, error, notes
    )


def _first_year(base: CustomerBase, record: PurchaseSummary, margin: Floats) -> tuple[int, Floats, Ints]:
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


def _numbers(
    shared: Sequence[str], known: Sequence[tuple[Any, ...]], new: Sequence[tuple[Any, ...]]
) -> tuple[list[tuple[str, str | None]], Floats, Floats]:
    """Return columns of numbers for both: a number is one, any other column one for each of its frequent values."""
    names: list[tuple[str, str | None]] = []
    of_known, of_new = [], []
    for k, name in enumerate(shared):
        sides = [row[k] for row in known], [row[k] for row in new]
        numbers = [_as_number(side) for side in sides]
        if all(each is not None for each in numbers):
            names.append((name, None))
            of_known.append(numbers[0])
            of_new.append(numbers[1])
            continue
        text = [["" if value is None else str(value) for value in side] for side in sides]
        values, counts = np.unique(text[0], return_counts=True)
        often = values[np.lexsort((values, -counts))][:MOST_VALUES]
        for value in sorted(often):
            names.append((name, str(value)))
            of_known.append(np.array([float(each == value) for each in text[0]]))
            of_new.append(np.array([float(each == value) for each in text[1]]))
    return names, np.column_stack(of_known), np.column_stack(of_new)  # type: ignore[arg-type]


def _as_number(values: Sequence[Any]) -> Floats | None:
    try:
        return np.array([np.nan if value in (None, "") else float(value) for value in values])
    except (TypeError, ValueError):
        return None


def _tree(x: Floats, y: Floats) -> tuple[Any, float, float]:
    """Return the tree with the least error on those left out (None: the mean has), what it tells of them, its error."""
    try:
        from sklearn.model_selection import KFold, cross_val_predict
        from sklearn.tree import DecisionTreeRegressor
    except ImportError:
        raise InputError(
            "whom it is worth to win is told by a tree of scikit-learn, which is not installed: pip install "
            "'tenure[trees]'"
        ) from None
    folds = KFold(FOLDS, shuffle=True, random_state=0)
    least, best, error = float(((y - y.mean()) ** 2).sum()), None, float(np.abs(y - y.mean()).mean())
    whole = least
    for leaves in LEAVES:
        tree = DecisionTreeRegressor(max_leaf_nodes=leaves, min_samples_leaf=SMALLEST_LEAF, random_state=0)
        expected = cross_val_predict(tree, x, y, cv=folds)
        missed = float(((y - expected) ** 2).sum())
        if missed < least:
            least, best, error = missed, tree, float(np.abs(y - expected).mean())
    return (None, 0.0, error) if best is None else (best.fit(x, y), 1 - least / whole, error)


def _rules(tree: Any, names: Sequence[tuple[str, str | None]]) -> dict[int, str]:
    """Return the path to every leaf, in words."""
    said: dict[int, str] = {}

    def walk(node: int, path: tuple[str, ...]) -> None:
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        if left == right:
            said[node] = ", ".join(path)
            return
        column, value = names[int(tree.feature[node])]
        cut = float(tree.threshold[node])
        below, above = (
            (f"{column} up to {cut:g}", f"{column} above {cut:g}")
            if value is None
            else (f"{column} not {value!r}", f"{column} {value!r}")
        )
        walk(left, (*path, below))
        walk(right, (*path, above))

    walk(0, ())
    return said
