"""What a line is worth: its amount, or price times quantity, and in which currency."""

import re
from collections.abc import Mapping
from typing import Any

from sim.purchases.read.sql import literal, quoted
from sim.purchases.read.tables import plain_name
from sim.purchases.read.values import Values
from sim.purchases.read.words import DISCOUNTS, HUNDREDTHS

__all__ = ["code", "currency_beside", "fill_down", "money"]

_OF_AN_ORDER = ("customer_id", "date", "status", "cancelled", "currency", "order_id", "channel")
_PERCENT = r"%|pct|per ?cent|prozent|pourcent|porcent|procent|percentu"
_NEEDED = 10
_REPEATED = 0.98
_GROWS = 0.1
_CODES = {"€": "EUR", "EURO": "EUR", "EUROS": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₽": "RUB", "RMB": "CNY"}


def money(connection: Any, values: Values, columns: dict[str, str], notes: list[str]) -> tuple[str, str]:
    """Return the SQL of a line's money and the role to name where it cannot be read."""
    amount, missing = _money(connection, values, columns, notes)
    if missing == "price":
        _discounts(connection, values, columns, amount, notes)
    column = columns.get("amount", columns.get("price", ""))
    if re.search(HUNDREDTHS, plain_name(column)):
        notes.append(f"{column} is in hundredths by its name, and is divided by 100")
        return f"({amount}) / 100", missing
    return amount, missing


def _discounts(connection: Any, values: Values, columns: Mapping[str, str], amount: str, notes: list[str]) -> None:
    """Say what a column of discounts holds that nothing is made of, as it may be of a piece, a line, or in per cent."""
    for column in values.source.types:
        if column in columns.values() or not re.search(DISCOUNTS, plain_name(column)):
            continue
        rows, total, whole = connection.execute(
            f"SELECT count(*) FILTER ({values.number(column)} <> 0), sum({values.number(column)}), sum({amount}) "
            f"FROM {values.table}"
        ).fetchone()
        in_percent = re.search(_PERCENT, column.casefold()) or "%" in str(connection.execute(
            f"SELECT any_value({values.text(column)}) FROM {values.table}").fetchone()[0])  # fmt: skip
        if rows and in_percent:
            notes.append(
                f"{column} ({rows:,} rows) is in per cent and not taken off {whole:,.2f} of {columns['price']} times "
                f"{columns['quantity']}: if the price is before it, give the money after it as `amount=`"
            )
        elif rows:
            notes.append(
                f"{column} ({rows:,} rows, {total:,.2f} in all) is not taken off {whole:,.2f} of {columns['price']} "
                f"times {columns['quantity']}: if the price is before it, give the money after it as `amount=`"
            )


def _money(connection: Any, values: Values, columns: dict[str, str], notes: list[str]) -> tuple[str, str]:
    """Return the SQL of a line's money and the role to name where it cannot be read.

    It is price times quantity where there is no amount, or where the amount is the whole order's on each of its lines;
    ``columns`` is left with the roles that are used so.
    """
    if "amount" not in columns and "quantity" not in columns:
        columns["amount"] = columns.pop("price")
        return values.number(columns["amount"]), "amount"
    product = None
    if "price" in columns and "quantity" in columns:
        price, quantity = values.number(columns["price"]), values.number(columns["quantity"])
        product = f"CASE WHEN {price} < 0 AND {quantity} < 0 THEN -1 ELSE 1 END * {price} * {quantity}"
    if "amount" not in columns:
        assert product is not None
        notes.append(f"a line's amount is {columns['price']} times {columns['quantity']}")
        return product, "price"
    amount = _of_first_lines(connection, values, columns, notes) if product else values.number(columns["amount"])
    if "order_id" in columns and _whole_order(connection, values, columns, amount, product):
        said = f"{columns['amount']} is the whole order's on each of its lines"
        if product:
            notes.append(f"{said}; a line's amount is {columns['price']} times {columns['quantity']}")
            del columns["amount"]
            return product, "price"
        notes.append(f"{said}; it counts once an order")
        order = values.text(columns["order_id"])
        first = f"row_number() OVER (PARTITION BY {order} ORDER BY {values.table}.rowid) = 1"
        return f"CASE WHEN {order} IS NULL OR {first} THEN {amount} ELSE 0 END", "amount"
    if "price" in columns:
        notes.append(
            f"column {columns['price']} is not used as the price of one piece: {columns['amount']} is the money"
        )
    elif "quantity" in columns:
        _compare(connection, values, columns, amount, notes)
    return amount, "amount"


def fill_down(connection: Any, values: Values, columns: Mapping[str, str]) -> str:
    """Give further lines of an order, without its total, the day, customer and status of its first; say so, if any."""
    if not {"amount", "price", "quantity"} <= set(columns) or not values.source.trimmed:
        return ""
    table, further = values.table, _further(values, columns)
    of_order = [column for role in _OF_AN_ORDER if (column := columns.get(role))]
    counted = ", ".join(f"count(*) - count({quoted(column)})" for column in of_order)
    rows, *without = connection.execute(f"SELECT count(*), {counted} FROM {table} WHERE {further}").fetchone()
    empty = [column for column, number in zip(of_order, without, strict=True) if number]
    if not rows or not empty:
        return ""
    who, day = quoted(columns["customer_id"]), quoted(columns["date"])
    same = f"coalesce(own.{who} = head.{who}, own.{day} IS NULL)"
    taken = ", ".join(
        f"CASE WHEN head.rowid < place AND ({same}) AND own.{quoted(c)} IS NULL THEN head.{quoted(c)} "
        f"ELSE own.{quoted(c)} END AS {quoted(c)}" for c in empty
    )  # fmt: skip
    connection.execute(f"""
        CREATE TEMP TABLE filled AS SELECT own.* EXCLUDE (place, first_line) REPLACE ({taken}) FROM (
            SELECT *, rowid AS place, max(CASE WHEN NOT ({further}) THEN rowid END)
                OVER (ORDER BY rowid ROWS UNBOUNDED PRECEDING) AS first_line FROM {table}) AS own
        LEFT JOIN {table} AS head ON head.rowid = first_line ORDER BY place;
        DROP TABLE {table}; ALTER TABLE filled RENAME TO {table}
    """)
    listed = ", ".join(empty)
    return f"{rows:,} further lines of orders have {listed} of the first line, where they have none"


def _further(values: Values, columns: Mapping[str, str]) -> str:
    return f"{values.text(columns['amount'])} IS NULL AND {values.text(columns['price'])} IS NOT NULL"


def _of_first_lines(connection: Any, values: Values, columns: Mapping[str, str], notes: list[str]) -> str:
    """Return the SQL of an amount that may stand on the first line of an order alone."""
    amount = values.number(columns["amount"])
    further = _further(values, columns)
    rows = connection.execute(f"SELECT count(*) FROM {values.table} WHERE {further}").fetchone()[0]
    if not rows:
        return amount
    notes.append(
        f"{rows:,} rows have no {columns['amount']} but a {columns['price']}: they are further lines of an order "
        "whose total is given once, and count with 0"
    )
    return f"CASE WHEN {further} THEN 0 ELSE {amount} END"


def _whole_order(connection: Any, values: Values, columns: Mapping[str, str], amount: str, product: str | None) -> bool:
    """Return whether the lines of nearly every order say the same amount, which is not each line's own."""
    order = values.text(columns["order_id"])
    told = product or "product" in columns  # else rows that are copies are copies, and say nothing of orders
    rows = values.table if told else f"(SELECT DISTINCT * FROM {values.table})"
    orders, same = connection.execute(f"""
        SELECT count(*), count(*) FILTER (low = high AND low <> 0) FROM (
            SELECT count(*) AS rows, min({amount}) AS low, max({amount}) AS high FROM {rows}
            WHERE {order} IS NOT NULL GROUP BY {order} HAVING rows > 1)
    """).fetchone()
    if orders < _NEEDED or same < _REPEATED * orders:
        return False
    if product:
        near = f"CAST(abs({amount} - {product}) <= 0.005 + 1e-6 * abs({amount}) AS INTEGER)"
        return (connection.execute(f"SELECT avg({near}) FROM {values.table}").fetchone()[0] or 0) < _REPEATED
    return bool(connection.execute(f"SELECT count(DISTINCT {amount}) > 2 FROM {values.table}").fetchone()[0])


def _compare(connection: Any, values: Values, columns: Mapping[str, str], amount: str, notes: list[str]) -> None:
    """Say where an amount beside a quantity looks like the price of one piece."""
    quantity = values.number(columns["quantity"])
    grows, spread = connection.execute(
        f"SELECT corr(ln({amount}), ln({quantity})), stddev({quantity}) FROM {values.table} "
        f"WHERE {amount} > 0 AND {quantity} > 0"
    ).fetchone()
    if grows is not None and spread and grows < _GROWS:
        notes.append(
            f"{columns['amount']} does not grow with {columns['quantity']} (correlation {grows:.2f}): if it is the "
            f"price of one piece, say `price={columns['amount']}`"
        )


def currency_beside(values: Values, columns: Mapping[str, str]) -> str:
    """Return the SQL of the currency that stands with the amounts themselves, if any does."""
    column = columns.get("amount", columns.get("price", ""))
    if values.is_number(column):
        return "CAST(NULL AS VARCHAR)"
    return code(f"nullif(upper(regexp_extract({values.text(column)}, '(\\p{{Sc}}|\\b[A-Za-z]{{3}}\\b)')), '')")


def code(currency: str) -> str:
    """Return the SQL of a currency's code, where its sign or name (SQL, in capitals) is nobody else's."""
    cases = " ".join(f"WHEN {literal(sign)} THEN {literal(name)}" for sign, name in _CODES.items())
    return f"CASE {currency} {cases} ELSE {currency} END"
