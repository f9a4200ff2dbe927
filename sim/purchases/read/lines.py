"""From a source to lines: who bought what, when, for how much, or why that cannot be told.

Everything is one SQL statement over the source, made from how its columns write their values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from sim.errors import InputError, PurchasesError, first_line
from sim.purchases.read.brought_back import brought_back, of_returns
from sim.purchases.read.columns import Roles, find_columns
from sim.purchases.read.customers import customer, hashed
from sim.purchases.read.dates import Dates
from sim.purchases.read.money import code, currency_beside, fill_down, money
from sim.purchases.read.numbers import Numbers
from sim.purchases.read.options import Reading
from sim.purchases.read.sources import Source, open_source
from sim.purchases.read.sql import literal, quoted
from sim.purchases.read.tables import PURCHASES, plain_name
from sim.purchases.read.undone import undone
from sim.purchases.read.values import Values
from sim.purchases.read.words import MARGINS, RETURNED

__all__ = ["LINES", "Read", "read_lines"]

LINES: Mapping[str, str] = {
    "id": "BIGINT", "source": "INTEGER", "row": "BIGINT", "customer_id": "VARCHAR", "date": "DATE", "amount": "DOUBLE",
    "quantity": "DOUBLE", "order_id": "VARCHAR", "product": "VARCHAR", "category": "VARCHAR", "channel": "VARCHAR",
    "status": "VARCHAR", "currency": "VARCHAR", "in_sample": "BOOLEAN", "cancelled": "BOOLEAN", "is_return": "BOOLEAN",
    "whole": "UBIGINT", "problem": "VARCHAR", "problem_text": "VARCHAR",
}  # fmt: skip
"""Columns of a line; ``whole`` is the same for rows of a source that are, ``problem`` the role that cannot be read."""

_SPELLING, _MEANS = quoted("\x1fspelling"), quoted("\x1fmeans")  # no column of a file is called so
MEAN = "mean amount"
"""Column of the amount that is said where files hold none."""
MOST_MEAN = 1e12
_ROWS = 1 << 40  # more than a source has


@dataclass(frozen=True)
class Read:
    """What was found of a source."""

    name: str
    columns: Mapping[str, str]
    dialect: Mapping[str, Any]
    notes: tuple[str, ...]
    exact: bool
    """Whether two rows that are the same are the same purchase: an order's number or the time of the day tells."""


def read_lines(
    connection: Any, where: str | Path, reading: Reading, number: int, today: date, folder: Path, key: bytes | None
) -> Read:
    """Append a source's lines to table ``incoming``.

    Raises
    ------
    PurchasesError
        If the source cannot be read or a required column is missing.
    """
    table = f"raw{number}"
    import duckdb

    try:
        source = open_source(connection, where, reading, table, folder)
    except duckdb.Error as error:
        raise PurchasesError(f"{where}: cannot be read as a table of purchases: {first_line(error)}") from None
    if reading.mean_amount is not None:
        source, reading = _with_mean(connection, source, table, reading)
    values = Values(connection, table, source, reading, today)
    if connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is None:
        _refuse_empty(connection, source, table, reading)
    try:
        roles = find_columns(
            PURCHASES, list(source.types), reading.columns, source.where,
            fits=values.fits, distinct=values.distinct, filled=values.filled,
            looks=None if source.header else values.looks,
        )  # fmt: skip
    except PurchasesError as error:
        if not source.others:
            raise
        sheets = f"sheet {source.dialect['sheet']} is read; `sheet=` names another of {', '.join(source.others)}"
        raise PurchasesError(f"{error}; {sheets}") from None
    if reading.mean_amount is not None:
        roles = _refuse_amounts(roles, values, reading.mean_amount)
    read = _insert(connection, source, values, roles, reading, number, key)
    connection.execute(f"DROP TABLE {table}; DROP TABLE {table}_rejected")
    return read


def _with_mean(connection: Any, source: Source, table: str, reading: Reading) -> tuple[Source, Reading]:
    """Return a source with a column of the mean amount that is said, and how it is read then.

    Raises
    ------
    InputError
        If the mean is no money above 0.
    """
    mean = reading.mean_amount
    if mean is None or not 0 < mean <= MOST_MEAN:
        raise InputError(f"`mean_amount={mean}`: expected money above 0, such as 35")
    connection.execute(f"ALTER TABLE {table} ADD COLUMN {quoted(MEAN)} DOUBLE DEFAULT {mean!r}")
    types = {**source.types, MEAN: "DOUBLE"}
    return replace(source, types=types), replace(reading, columns={**reading.columns, "amount": MEAN})


def _refuse_amounts(roles: Roles, values: Values, mean: float) -> Roles:
    """Return roles with what should be said of a mean amount.

    Raises
    ------
    InputError
        If a column holds amounts.
    """
    names = (*PURCHASES["amount"].names, *PURCHASES["price"].names)
    beside = [roles.columns[role] for role in ("price",) if role in roles.columns]
    held = [*beside, *(name for name in roles.unused if plain_name(name) in names and values.fits_number(name))]
    if held:
        raise InputError(
            f"`mean_amount={mean:g}`: {values.source.name} holds amounts, in column {held[0]!r}; take these"
        )
    note = f"amounts are not in the file: every day with a purchase brings {mean:g}, as said"
    return replace(roles, notes=(*roles.notes, note))


def _refuse_empty(connection: Any, source: Source, table: str, reading: Reading) -> None:
    find_columns(
        PURCHASES, list(source.types), reading.columns, source.name, fits=lambda *_: True, distinct=lambda _: 0
    )
    rejected = connection.execute(f"SELECT error FROM {table}_rejected LIMIT 1").fetchone()
    if rejected:
        raise PurchasesError(f"{source.name}: cannot be read as a table of purchases: {rejected[0]}")
    raise PurchasesError(f"{source.name}: holds a header and no purchases")


def _insert(
    connection: Any, source: Source, values: Values, roles: Roles, reading: Reading, number: int, key: bytes | None
) -> Read:
    table, columns = values.table, dict(roles.columns)
    notes = [*source.notes, *roles.notes]
    notes += [said] if (said := fill_down(connection, values, columns)) else []
    dates = values.dates(columns["date"])
    if dates is None:
        raise PurchasesError(
            f"{source.name}: column {columns['date']!r} holds no dates that are known; say how they are written "
            "(`date_format=`), e.g. %d.%m.%Y"
        )
    day, joined = _day(connection, values, columns["date"], dates, notes)
    amount, missing = money(connection, values, columns, notes)
    text = {role: values.text(column) for role, column in columns.items()}
    quantity = values.number(columns["quantity"]) if "quantity" in columns else "CAST(NULL AS DOUBLE)"
    back, gone, amount = brought_back(connection, values, columns, amount, notes)
    amount, returns = _signed(amount, columns, text, quantity, reading, notes, back)
    amount, currency = _in_currency(amount, values, columns, text, reading)
    who = customer(connection, values, columns["customer_id"], reading, notes)
    below = f"coalesce(({amount}) < 0, false) AND {returns}"
    cancelled, never = undone(connection, values, text, reading, notes, below)
    row = "row_number() OVER ()" if "rowid" in source.types else f"{table}.rowid + 1"
    parts = {
        "id": f"{number * _ROWS} + {row}",
        "source": str(number),
        "row": row,
        "customer_id": f"CASE WHEN {who} IS NOT NULL THEN {hashed(who, key)} END" if key else who,
        "date": day,
        "amount": amount,
        "quantity": quantity,
        **{name: text.get(name, "NULL") for name in ("order_id", "product", "category", "channel", "status")},
        "currency": currency,
        "in_sample": f"TRY_CAST({text['in_sample']} AS BOOLEAN)" if "in_sample" in text else "true",
        "cancelled": f"({cancelled}) OR ({gone})",
        "whole": f"hash({', '.join(quoted(name) for name in source.types)})",
    }
    spelled = {role: text.get(role, "NULL") for role in ("date", missing, "quantity", "in_sample")}
    problems = {
        "date": "parsed.date IS NULL OR NOT isfinite(parsed.date)",
        "quantity": "NOT isfinite(quantity) OR quantity IS NULL AND "
        + ("true" if missing == "price" else "text_quantity IS NOT NULL"),
        missing: "amount IS NULL OR NOT isfinite(amount) OR abs(amount) > 1e15",
        "in_sample": "in_sample IS NULL",
    }
    said = " ".join(f"WHEN {condition} THEN '{role}'" for role, condition in problems.items())
    shown = " ".join(f"WHEN {condition} THEN coalesce(text_{role}, '')" for role, condition in problems.items())
    inner = ", ".join(
        [f"{expression} AS {name}" for name, expression in parts.items()]
        + [f"CAST({expression} AS VARCHAR) AS text_{role}" for role, expression in spelled.items()]
        + [f"{never} AS never"]
    )
    connection.execute(
        f"INSERT INTO incoming ({', '.join(parts)}, is_return, problem, problem_text) "
        f"SELECT {', '.join(_once(reading, name) for name in parts)}, coalesce(amount < 0, false) AND {returns} "
        "AND NOT (cancelled AND never), "
        f"CASE {said} END, CASE {shown} END "
        f"FROM (SELECT {inner} FROM {table} {joined}) AS parsed"
    )
    connection.execute(
        "INSERT INTO incoming (id, source, row, is_return, cancelled, problem, problem_text) "
        f"SELECT {number * _ROWS + _ROWS // 2} + line, {number}, line, false, false, 'row', error FROM {table}_rejected"
    )
    if roles.unused:
        notes.append(f"columns not used: {', '.join(roles.unused)}")
    dialect = {**source.dialect, "date_format": dates.kind, **_written(values, columns)}
    return Read(source.name, columns, dialect, tuple(notes), "order_id" in columns or dates.timed)


def _once(reading: Reading, column: str) -> str:
    """Return the SQL of a column; a mean amount is that of the first row of a customer's day."""
    if column != "amount" or reading.mean_amount is None:
        return column
    first = "row_number() OVER (PARTITION BY customer_id, date, cancelled ORDER BY row) = 1"
    return f"CASE WHEN amount < 0 OR {first} THEN amount ELSE 0 END"


def _day(connection: Any, values: Values, column: str, dates: Dates, notes: list[str]) -> tuple[str, str]:
    """Return the SQL of the day, and of the join that it needs."""
    notes += dates.doubts()
    if dates.utc:
        notes.append("times are said in UTC and so are the days; `time_zone=` says where days begin")
    day = dates.expression.format(values.written(column))
    if not dates.known:
        return day, ""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE days AS "
        f"SELECT unnest($text) AS {_SPELLING}, CAST(unnest($day) AS DATE) AS {_MEANS}",
        {"text": list(dates.known), "day": [str(each) for each in dates.known.values()]},
    )
    return _MEANS, f"LEFT JOIN days ON {_SPELLING} = {day}"


def _signed(
    amount: str, columns: Mapping[str, str], text: Mapping[str, str], quantity: str, reading: Reading,
    notes: list[str], flagged: str,
) -> tuple[str, str]:  # fmt: skip
    """Return the SQL of an amount below zero for what came back, and whether below zero means that."""
    name = columns.get("amount", "")
    margin = any(part in plain_name(name) for part in MARGINS)
    if (reading.negative or ("values" if margin else "returns")) == "values":
        notes.append(
            f"amounts below zero ({name or 'price times quantity'}) are values, not returns; `negative=` says otherwise"
        )
        return amount, "false"
    back = [f"{quantity} < 0"] if "quantity" in columns else []
    back += [f"regexp_matches(lower({text['movement']}), {literal(RETURNED)})"] if "movement" in text else []
    back += [flagged] if flagged else []
    called = [columns[role] for role in ("date", "amount") if role in columns and of_returns(columns[role])]
    if called:
        back = ["true"]
        notes.append(f"every row is a return, as {' and '.join(called)} say; `negative=values` makes them purchases")
    return (f"CASE WHEN {' OR '.join(back)} THEN -abs({amount}) ELSE {amount} END" if back else amount), "true"


def _in_currency(
    amount: str, values: Values, columns: Mapping[str, str], text: Mapping[str, str], reading: Reading
) -> tuple[str, str]:
    """Return the SQL of the amount, turned into the currency taken where its rate is given, and of its currency."""
    currency = code(f"upper({text['currency']})") if "currency" in text else currency_beside(values, columns)
    if not reading.rates:
        return amount, currency
    if reading.currency is None:
        raise PurchasesError(
            f"{values.source.name}: rates turn other currencies into the one taken; say which that is (`currency=`)"
        )
    worth = " ".join(f"WHEN {literal(name.upper())} THEN {rate!r}" for name, rate in reading.rates.items())
    names = ", ".join(literal(name.upper()) for name in reading.rates)
    turned = f"CASE WHEN {currency} IN ({names}) THEN {literal(reading.currency.upper())} ELSE {currency} END"
    return f"({amount}) * CASE {currency} {worth} ELSE 1 END", turned


def _written(values: Values, columns: Mapping[str, str]) -> dict[str, Any]:
    column = columns.get("amount", columns.get("price", ""))
    return Numbers().to_dict() if values.is_number(column) else values.numbers(column).to_dict()
