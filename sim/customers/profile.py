"""Who customers are, by what a base knows of them beside purchases: of all, and of the best fifth. Nobody alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.arrays import Flags, Floats
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.purchases.read.sql import quoted
from sim.purchases.read.tables import REFERRER_NAMES, plain_name

__all__ = ["FEWEST", "Trait", "profile"]

FEWEST = 10
"""Customers who share a value before it is shown: what fewer have may tell who they are."""
MOST_VALUES = 6
BEST = 0.2


@dataclass(frozen=True)
class Trait:
    """A column of what is known of customers.

    Attributes
    ----------
    name : str
    known : int
        Customers of whom it is known.
    rows : tuple of (value, of all, of the best)
        Shares of those known who have a value; of a number its quartiles, in its own unit.
    number : bool
    """

    name: str
    known: int
    rows: tuple[tuple[str, float, float], ...]
    number: bool


def profile(base: CustomerBase, record: PurchaseSummary, worth: Floats) -> tuple[Trait, ...]:
    """Return what a base's columns say of all customers, and of the fifth with most ``worth``, (customers,).

    A column without values that several customers share (names, addresses, ids) is left out.
    """
    columns = [name for name in base.customer_columns if plain_name(name) not in REFERRER_NAMES]
    if not columns:
        return ()
    listed = ", ".join(quoted(name) for name in columns)
    rows = base.query(f"SELECT CAST(customer_id AS VARCHAR), {listed} FROM customers")[1]
    facts = {who: values for who, *values in rows}
    nothing = [None] * len(columns)
    known = [facts.get(str(each), nothing) for each in record.customer_id.tolist()]
    best = np.zeros(len(record), dtype=bool)
    best[np.argsort(-worth, kind="stable")[: max(1, round(BEST * len(record)))]] = True
    found = [_trait(name, [values[i] for values in known], best) for i, name in enumerate(columns)]
    return tuple(each for each in found if each is not None)


def _trait(name: str, values: list[Any], best: Flags) -> Trait | None:
    there = np.array([value is not None for value in values], dtype=bool)
    if there.sum() < FEWEST:
        return None
    held = [value for value in values if value is not None]
    of_best = best[there]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in held)
    if numbers and len(set(held)) > MOST_VALUES:
        return _number(name, np.array(held, dtype=np.float64), of_best)
    spelled = np.array([str(value) for value in held], dtype=object)
    names, counts = np.unique(spelled, return_counts=True)
    shown = [str(names[i]) for i in np.argsort(-counts, kind="stable")[:MOST_VALUES] if counts[i] >= FEWEST]
    if not shown or 2 * sum(counts[names == each].sum() for each in shown) < len(held):
        return None
    rows = tuple((each, float((spelled == each).mean()), _share(spelled[of_best] == each)) for each in shown)
    return Trait(name, int(there.sum()), rows, False)


def _number(name: str, held: Floats, best: Flags) -> Trait | None:
    """Return quartiles of a number; None of one that counts customers, such as another id."""
    if len(np.unique(held)) > 0.9 * held.size or best.sum() < FEWEST:
        return None
    parts = ((0.25, "a quarter below"), (0.5, "half below"), (0.75, "three quarters below"))
    rows = tuple((words, float(np.quantile(held, at)), float(np.quantile(held[best], at))) for at, words in parts)
    return Trait(name, held.size, rows, True)


def _share(those: npt.NDArray[Any]) -> float:
    return float(those.mean()) if those.size else float("nan")
