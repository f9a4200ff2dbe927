"""Who is near whom in an experiment's file: a column of clusters, one of neighbouring clusters, and what others got."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.purchases.read.tables import plain_name

__all__ = ["OUTSIDE", "Near", "Outside", "columns_of", "near_of"]

CLUSTERS = (
    "cluster", "clusterid", "household", "householdid", "householdkey", "village", "school", "store", "storeid", "shop",
    "branch", "neighbourhood", "neighborhood", "postcode", "postalcode", "zip", "zipcode", "plz", "town", "city",
    "district", "county", "area", "region", "geo", "dma", "community",
)  # fmt: skip
"""Names of a column of who is near whom, the smallest first."""
NEIGHBOURS = ("neighbours", "neighbors", "nextto", "adjacent")
"""Names of a column of the clusters next to a row's own, parted by ``;`` or ``|``."""
OUTSIDE = ("outside", "before")
"""Under ``assigned``: customers whom nobody in an arm is near, or the same before; nobody put them there by lot."""


class Near(NamedTuple):
    """Of each row its cluster, and what others got, as money a head; nan where there are no others.

    ``column``: what the clusters are called; ``row``, ``cluster`` (rows,), clusters as numbers; ``others`` (rows,): the
    others of the cluster; ``beside`` (rows,) or None: the neighbouring clusters; ``lost``: neighbours in no row.
    """

    column: str
    row: Ints
    cluster: Ints
    others: Floats
    beside: Floats | None
    lost: int

    def of(self, rows: Ints) -> "Near":
        """Return what is known of some rows, numbered as in the file."""
        at = np.searchsorted(self.row, rows)
        beside = None if self.beside is None else self.beside[at]
        return Near(self.column, self.row[at], self.cluster[at], self.others[at], beside, self.lost)


class Outside(NamedTuple):
    """Customers in no arm, whose money is that of the arm with least: where from, outcomes and heads, (rows,)."""

    how: str
    spend: Floats
    outcome: Floats
    customers: Floats
    periods: Floats


def columns_of(unused: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of clusters and of their neighbours; nothing without clusters."""
    named = {plain_name(column): column for column in reversed(unused)}
    cluster = next((named[each] for each in CLUSTERS if each in named), None)
    if cluster is None:
        return ()
    beside = next((named[each] for each in NEIGHBOURS if each in named), None)
    return (cluster,) if beside is None else (cluster, beside)


def near_of(
    column: str, rows: Sequence[int], cluster: Sequence[str | None], beside: Sequence[str | None] | None, spend: Floats,
    heads: Floats,
) -> Near:  # fmt: skip
    """Return what those near each row got; a row without a cluster has nobody near.

    ``others_i = (sum of n u - u_i)/(sum of n - 1)`` over a cluster, a row of several heads being one of them.
    """
    row = np.asarray(rows, dtype=np.int64)
    names = np.array([each if each is not None else f"\0{i}" for i, each in enumerate(cluster)], dtype=object)
    known, place = np.unique(names.astype(str), return_inverse=True)
    place = place.ravel()
    number = np.bincount(place, weights=heads)
    money = np.bincount(place, weights=heads * spend)
    left = number[place] - 1
    others = np.divide(money[place] - spend, left, out=np.full(spend.size, np.nan), where=left > 0)
    if beside is None:
        return Near(column, row, place, others, None, 0)
    at = {name: i for i, name in enumerate(known.tolist())}
    found: dict[str, float] = {}
    lost: set[str] = set()
    for text in {each or "" for each in beside}:
        listed = [each.strip() for each in re.split(r"[;|]", text) if each.strip()]
        lost |= {each for each in listed if each not in at}
        there = [at[each] for each in listed if each in at]
        found[text] = float(money[there].sum() / number[there].sum()) if there else np.nan
    return Near(column, row, place, others, np.array([found[each or ""] for each in beside]), len(lost))
