"""What was undone: cancelled, refunded, voided, or a deal that was not won."""

from collections.abc import Mapping
from typing import Any

from sim.purchases.read.options import Reading
from sim.purchases.read.sql import literal
from sim.purchases.read.values import Values
from sim.purchases.read.words import CANCELLED, IN_PART, NEVER, NOT, WON

__all__ = ["undone"]

_MOST_NAMED = 8


def undone(
    connection: Any, values: Values, text: Mapping[str, str], reading: Reading, notes: list[str], below: str
) -> tuple[str, str]:
    """Return the SQL that says whether a row was undone, and whether it never came about, not even as a return.

    ``text`` is the SQL of each role's text; undone rows that are ``below`` (SQL) zero are said to be returns.
    """
    parts, never = [], "false"
    if "status" in text:
        status = text["status"]
        condition, never = _by_status(connection, values, f"lower({status})", reading)
        never = f"coalesce({never}, false)"
        parts.append(f"coalesce({condition}, false)")
        returned = f"{below} AND coalesce({condition}, false) AND NOT {never}"
        said = connection.execute(
            f"SELECT word, count(*) AS rows, means FROM (SELECT {status} AS word, CASE WHEN {returned} THEN 2 "
            f"WHEN {condition} THEN 1 ELSE 0 END AS means FROM {values.table} WHERE {status} IS NOT NULL) "
            "GROUP BY ALL ORDER BY rows DESC, word"
        ).fetchall()
        for kind, verb in enumerate(("is taken", "counts as cancelled", "below zero is a return")):
            words = [f"{word} ({rows:,} rows)" for word, rows, means in said if means == kind]
            others = f" and {len(words) - _MOST_NAMED:,} more" if len(words) > _MOST_NAMED else ""
            if words:
                notes.append(f"status {', '.join(words[:_MOST_NAMED])}{others} {verb}")
    if "cancelled" in text:
        parts.append(f"coalesce(lower({text['cancelled']}) NOT IN ({', '.join(map(literal, NOT))}), false)")
    return " OR ".join(parts) or "false", never


def _by_status(connection: Any, values: Values, status: str, reading: Reading) -> tuple[str, str]:
    never = f"regexp_matches({status}, {literal('|'.join(NEVER))})"
    if reading.cancelled is not None:
        return f"{status} IN ({', '.join(literal(word.lower()) for word in reading.cancelled) or 'NULL'})", never
    won = f"regexp_matches({status}, {literal(WON)})"
    if connection.execute(f"SELECT 1 FROM {values.table} WHERE {won} LIMIT 1").fetchone():
        return f"NOT {won}", f"NOT {won}"  # stages of deals: what is not won is no purchase
    known = f"regexp_matches({status}, {literal('|'.join(CANCELLED))})"
    return f"{known} AND NOT regexp_matches({status}, {literal(IN_PART)})", never
