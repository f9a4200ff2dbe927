"""A fingerprint of what a customer base holds: the same purchases, the same fingerprint, whatever the file's bytes.

It covers what records are computed from: customer, day, amount to the places that are kept, and whether in the sample;
not the order of rows. What else the base knows counts too: table ``customers`` and those beside the purchases. A base
keeps its fingerprint from when it was made, with a checksum that costs one pass over the columns: where that no longer
fits, or another DuckDB adds it up, the fingerprint is computed anew.
"""

import json
from hashlib import sha256
from typing import Any

from sim.purchases.read.tables import BESIDE

__all__ = ["digest", "keep_digest", "places"]

KEY = "digest"

_ROW = (
    "((date - DATE '1970-01-01') * 2 + CAST(in_sample AS INTEGER)) * 10000000000000000000000::HUGEINT"
    " + CAST(round(amount * 1e{places}) AS HUGEINT)"
)
"""A purchase as a whole number: day, whether in the sample, and its amount, which is below 1e15."""
_COMPUTED = """
    WITH customers AS (
        SELECT sha256(concat_ws('|', array_to_string(list_sort(list({row})), ','), typeof(customer_id), customer_id))
               AS hash FROM purchases GROUP BY customer_id
    ),
    parts AS (
        SELECT substr(hash, 1, 3) AS part, sha256(string_agg(hash, '' ORDER BY hash)) AS hash
        FROM customers GROUP BY part
    )
    SELECT sha256(coalesce(string_agg(hash, '' ORDER BY part), '')) FROM parts
"""
"""SHA-256 by customer, then over customers in parts, then over parts: no step holds more than its share."""
_CHECKED = "SELECT version(), CAST(sum(hash(customer_id, date, amount, in_sample)) AS VARCHAR) FROM purchases"
_MORE = "SELECT CAST(sum(hash({table})) AS VARCHAR) FROM {table}"
_MORE_COMPUTED = """
    WITH hashed AS (SELECT sha256(CAST({table} AS VARCHAR)) AS hash FROM {table})
    SELECT sha256(coalesce(string_agg(hash, '' ORDER BY hash), '')) FROM hashed
"""
_TABLES = ("customers", *BESIDE)


def keep_digest(connection: Any) -> None:
    """Write the fingerprint of table ``purchases`` into table ``about``."""
    kept = json.dumps({"sha256": _computed(connection), "check": _check(connection)})
    connection.execute("INSERT INTO about VALUES (?, ?)", [KEY, kept])


def digest(connection: Any) -> str:
    """Return the fingerprint, SHA-256: the one that is kept if the purchases are those it was made from."""
    found = connection.execute("SELECT value FROM about WHERE key = ?", [KEY]).fetchone()
    kept = json.loads(found[0]) if found else {}
    return str(kept["sha256"]) if kept and kept["check"] == _check(connection) else _computed(connection)


def _computed(connection: Any) -> str:
    row = _ROW.format(places=places(connection))
    found = str(connection.execute(_COMPUTED.format(row=row)).fetchone()[0])
    for table in _known_more(connection):
        more = str(connection.execute(_MORE_COMPUTED.format(table=table)).fetchone()[0])
        found = sha256(f"{found}{more}".encode()).hexdigest()
    return found


def _known_more(connection: Any) -> list[str]:
    """Return the tables of what is known beside the purchases."""
    rows = connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT temporary").fetchall()
    return [table for table in _TABLES if (table,) in rows]


def places(connection: Any) -> int:
    """Return to how many decimal places a base keeps its money."""
    found = connection.execute("SELECT value FROM about WHERE key = 'places'").fetchone()
    return int(found[0]) if found else 6


def _check(connection: Any) -> list[str | None]:
    found = list(connection.execute(_CHECKED).fetchone())
    more = [connection.execute(_MORE.format(table=table)).fetchone()[0] for table in _known_more(connection)]
    return [*found, *more]
