"""A column that says of a row that it was brought back: whether, when, or how much money was given back."""

import re
from collections.abc import Mapping
from typing import Any

from sim.purchases.read.sql import literal
from sim.purchases.read.tables import plain_name
from sim.purchases.read.values import Values
from sim.purchases.read.words import NOT, NOT_BACK, RETURNED

__all__ = ["brought_back", "of_returns"]

_BACK = "|".join(sorted({plain_name(word) for word in RETURNED.split("|")} - {"abono", "revers"}))


def brought_back(
    connection: Any, values: Values, columns: Mapping[str, str], amount: str, notes: list[str]
) -> tuple[str, str, str]:
    """Return the SQL of rows that are returns (empty: none), of rows that were undone, and of the amount left.

    Rows marked as returns stand beside the purchase they take back, or are themselves the purchase: the former if most
    have one of the same customer and amount that is not marked.
    """
    if "returned" not in columns:
        return "", "false", amount
    column = columns["returned"]
    text = values.text(column)
    table = values.table
    if values.fits_number(column) and _beyond_a_flag(connection, table, values.number(column)):
        return _given_back(connection, values, columns, amount, notes)
    marked = f"coalesce(lower({text}) NOT IN ({', '.join(map(literal, NOT))}), false)"
    who = values.text(columns["customer_id"])
    rows, beside, below, money = connection.execute(f"""
        WITH parsed AS (SELECT {who} AS who, {amount} AS money, {marked} AS marked FROM {table}),
        bought AS (SELECT DISTINCT who, money FROM parsed WHERE NOT marked)
        SELECT count(*), count(bought.who), count(*) FILTER (parsed.money < 0), coalesce(sum(abs(parsed.money)), 0)
        FROM parsed LEFT JOIN bought ON parsed.who = bought.who AND abs(parsed.money) = bought.money WHERE marked
    """).fetchone()
    if not rows:
        return "", "false", amount
    if 2 * max(beside, below) >= rows:
        notes.append(f"{rows:,} rows (money {money:,.2f}) are returns by column {column}")
        return marked, "false", amount
    notes.append(f"{rows:,} purchases (money {money:,.2f}) were brought back by column {column} and count as cancelled")
    return "", marked, amount


def of_returns(column: str) -> bool:
    """Return whether a column of days or money is called that of what was brought back, as in a file of returns.

    >>> of_returns("Rückgabedatum"), of_returns("refund_amount"), of_returns("net of returns"), of_returns("amount")
    (True, True, False, False)
    """
    name = plain_name(column)
    return bool(re.search(_BACK, name)) and not re.search(NOT_BACK, name)


def _beyond_a_flag(connection: Any, table: str, number: str) -> bool:
    query = f"SELECT 1 FROM {table} WHERE {number} NOT IN (0, 1) LIMIT 1"
    return connection.execute(query).fetchone() is not None


def _given_back(
    connection: Any, values: Values, columns: Mapping[str, str], amount: str, notes: list[str]
) -> tuple[str, str, str]:
    column = columns["returned"]
    given = f"abs({values.number(column)})"
    said = values.number(columns["amount"]) if "amount" in columns else amount  # a whole order's, on each of its lines
    whole = f"coalesce({given} >= {said} - 0.005 AND {said} > 0 AND {given} > 0, false)"
    part = f"coalesce({given} > 0 AND {given} < {amount} - 0.005, false)"
    all_back, money, some_back, some = connection.execute(f"""
        WITH parsed AS (SELECT {amount} AS money, {given} AS given, {whole} AS whole, {part} AS part
                        FROM {values.table})
        SELECT count(*) FILTER (whole), coalesce(sum(money) FILTER (whole), 0),
               count(*) FILTER (part), coalesce(sum(given) FILTER (part), 0) FROM parsed
    """).fetchone()
    if all_back:
        notes.append(f"{all_back:,} rows (money {money:,.2f}) were given back whole by column {column}: cancelled")
    if some_back:
        notes.append(f"{some:,.2f} given back in part ({some_back:,} rows, column {column}) is taken off their amounts")
    return "", whole, f"CASE WHEN {part} THEN {amount} - {given} ELSE {amount} END"
