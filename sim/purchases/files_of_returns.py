"""Files of returns that write what was brought back without a sign: they are told by the orders that they name."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.purchases.read.sql import literal
from sim.purchases.read.words import RETURNED, RETURNS_ONLY

__all__ = ["turn"]

_NEARLY_ALL, _MOST, _SOME = 0.95, 0.8, 0.5
_FEWEST, _SAMPLE = 5, 200
_STANDS = f"(NOT cancelled OR coalesce(regexp_matches(lower(status), {literal(RETURNED)}), false))"
_ON_ORDERS = """
    WITH orders AS (SELECT customer_id, order_id, min(date) AS first, sum(amount) AS money, list(amount) AS amounts
        FROM incoming WHERE source <> $source AND problem IS NULL AND NOT cancelled AND amount > 0 GROUP BY ALL)
    SELECT count(orders.first), count(*) FILTER (mine.date > first),
           count(*) FILTER (list_contains(amounts, mine.amount) OR abs(mine.amount - money) < 0.005),
           count(DISTINCT hash(mine.order_id)) FILTER (first IS NOT NULL) / (SELECT count(*) FROM orders)
    FROM mine LEFT JOIN orders ON mine.customer_id = orders.customer_id AND mine.order_id = orders.order_id
        AND mine.date >= first AND mine.amount <= money + 0.005
"""
_ON_CUSTOMERS = """
    SELECT count(*) FROM mine WHERE EXISTS (FROM incoming WHERE source <> $source AND problem IS NULL
        AND NOT cancelled AND customer_id = mine.customer_id AND date <= mine.date AND amount >= mine.amount - 0.005)
"""


def turn(connection: Any, sources: Mapping[int, str], notes: list[str]) -> None:
    """Make returns of the rows of ``incoming`` from files that take back what other files sold, and say so.

    Such a file has no amount below zero, nearly all of its rows are of a customer and order of another file, later and
    of the same money, and they are the lesser part of these orders; where its name says that it holds returns, any
    share of them, and without numbers of orders it is enough that the customer bought for as much before.
    """
    if len(sources) < 2:
        return
    kept = f"problem IS NULL AND customer_id IS NOT NULL AND {_STANDS}"
    found_of = connection.execute(
        "SELECT source, count(*) FILTER (amount > 0), sum(amount), count(order_id) FROM incoming "
        f"WHERE {kept} GROUP BY source "
        "HAVING bool_and(amount >= 0 AND NOT is_return) AND max(amount) > 0 ORDER BY source"
    ).fetchall()
    for source, rows, money, ordered in found_of:
        name = sources[source]
        of_it = f"source = {source} AND amount > 0 AND {kept}"
        mine = f"SELECT customer_id, order_id, date, amount FROM incoming WHERE {of_it}"
        if ordered and not _may_be(connection, source, mine):
            continue
        connection.execute(f"CREATE OR REPLACE TEMP TABLE mine AS {mine}")
        called = bool(re.search(RETURNS_ONLY, Path(name).stem.casefold()))
        found, later, same, share = (
            connection.execute(_ON_ORDERS, {"source": source}).fetchone() if ordered else (0, 0, 0, 0.0)
        )
        of_orders = found >= _NEARLY_ALL * rows and (called or (rows >= _FEWEST and later >= _SOME * rows))
        if called and not ordered:
            back = connection.execute(_ON_CUSTOMERS, {"source": source}).fetchone()[0] >= _NEARLY_ALL * rows
        else:
            back = of_orders and (called or (same >= _MOST * rows and share <= _SOME))
        what = f"{Path(name).name}: {rows:,} rows (money {money:,.2f}) "
        if back:
            connection.execute(f"UPDATE incoming SET amount = -amount, is_return = true WHERE {of_it}")
            notes.append(
                f"{what}take back what other files sold earlier, to the same customers, and count as returns; "
                "`negative=values` makes them purchases"
            )
        elif of_orders:
            notes.append(
                f"{what}name orders of other files, on later days, as payments would and returns: they count as "
                "purchases; leave the file out, or call its money `refund amount` if it is of returns"
            )
    connection.execute("DROP TABLE IF EXISTS mine")


def _may_be(connection: Any, source: int, mine: str) -> bool:
    """Return whether most of a few rows name orders of other files; spares counting all orders for every file."""
    looked, found = connection.execute(f"""
        WITH few AS (SELECT row_number() OVER () AS nth, * FROM ({mine} LIMIT {_SAMPLE}))
        SELECT (SELECT count(*) FROM few), count(DISTINCT nth) FROM few JOIN incoming USING (customer_id, order_id)
        WHERE incoming.source <> {source}
    """).fetchone()
    return bool(looked and found >= _MOST * looked)
