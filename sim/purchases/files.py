"""From a file of purchases to a table: which column is what, and a clear complaint about the first unreadable row.

Works on a DuckDB connection it is handed; ``sim.purchases.base`` is the only module that opens one.
"""

import csv
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.errors import PurchasesError
from sim.purchases.digest import keep_digest

__all__ = ["GUESSES", "check_readable", "load", "resolve_columns"]

GUESSES: Mapping[str, tuple[str, ...]] = {
    "customer_id": (
        "customer_id",
        "customer",
        "customerid",
        "client_id",
        "client",
        "cust_id",
        "user_id",
        "user",
        "member_id",
        "id",
    ),
    "date": (
        "date",
        "order_date",
        "purchase_date",
        "transaction_date",
        "invoice_date",
        "invoicedate",
        "day",
        "timestamp",
    ),
    "amount": (
        "amount",
        "dollar_value",
        "revenue",
        "sales",
        "spend",
        "total",
        "total_amount",
        "order_value",
        "monetary_value",
        "value",
        "price",
    ),
    "quantity": ("quantity", "qty", "number_of_cds", "units", "items"),
    "in_sample": ("in_sample", "sample"),
}
"""Column names recognised when none is given, by role, the most likely first (case and spaces do not matter)."""

_SEPARATORS = (",", ";", "\t", "|")
_REQUIRED = ("customer_id", "date", "amount")


def check_readable(purchases: Path) -> None:
    """Raise PurchasesError if the file is missing, cannot be opened or is empty."""
    if not purchases.is_file():
        raise PurchasesError(f"{purchases}: no such file of purchases")
    try:
        with purchases.open("rb") as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise PurchasesError(f"{purchases}: cannot be read: {error.strerror}") from None
    if empty:
        raise PurchasesError(f"{purchases}: the file is empty; expected a header and one row a purchase")


def load(connection: Any, purchases: Path, given: Mapping[str, str]) -> None:
    """Fill tables ``purchases`` and ``about`` of an empty DuckDB file."""
    source = _source(purchases)
    present = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    columns = resolve_columns(present, given, str(purchases))
    connection.execute(f"CREATE TEMP TABLE parsed AS {_parsed(source, columns)}")
    rows, refunds, plain = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE amount < 0), "
        "bool_and(coalesce(CAST(TRY_CAST(customer_id AS BIGINT) AS VARCHAR) = customer_id, false)) FROM parsed"
    ).fetchone()
    if not rows:
        raise PurchasesError(f"{purchases}: holds a header and no purchases")
    _check_rows(connection, purchases, source, columns)
    if refunds == rows:
        raise PurchasesError(
            f"{purchases}: every amount is negative, and negative amounts are returns; expected purchases"
        )
    kind = "BIGINT" if plain else "VARCHAR"
    connection.execute(
        f"CREATE TABLE purchases AS SELECT CAST(customer_id AS {kind}) AS customer_id, date, quantity, amount, "
        "in_sample FROM parsed WHERE amount >= 0"
    )
    mixed = connection.execute(
        "SELECT customer_id FROM purchases GROUP BY customer_id HAVING bool_or(in_sample) AND NOT bool_and(in_sample) "
        "ORDER BY customer_id LIMIT 1"
    ).fetchone()
    if mixed:
        raise PurchasesError(
            f"{purchases}: customer {mixed[0]} is in the sample in some rows and not in others; make column "
            f"{columns['in_sample']!r} the same in all rows of a customer"
        )
    connection.execute("CREATE TABLE about(key VARCHAR, value VARCHAR)")
    about = [("columns", json.dumps(columns)), ("refunds", str(refunds)), ("source", purchases.name)]
    connection.executemany("INSERT INTO about VALUES (?, ?)", about)
    keep_digest(connection)


def resolve_columns(present: list[str], given: Mapping[str, str], where: str) -> dict[str, str]:
    """Return role to column name, the given ones as they are and the others guessed.

    Raises
    ------
    PurchasesError
        For an unknown role, a given column that is not there, or a required role that cannot be guessed.
    """
    there = ", ".join(present)
    unknown = sorted(set(given) - set(GUESSES))
    if unknown:
        raise PurchasesError(f"{where}: unknown column role {unknown[0]!r}; the roles are {', '.join(GUESSES)}")
    plain = {name.strip().lower().replace(" ", "_").replace("-", "_"): name for name in reversed(present)}
    columns: dict[str, str] = {}
    for role, guesses in GUESSES.items():
        if role in given:
            if given[role] not in present:
                raise PurchasesError(f"{where}: no column {given[role]!r} for {role}; the columns are {there}")
            columns[role] = given[role]
            continue
        guess = next((plain[name] for name in guesses if name in plain and plain[name] not in given.values()), None)
        if guess is not None:
            columns[role] = guess
        elif role in _REQUIRED:
            raise PurchasesError(
                f"{where}: no column looks like {role}; say which it is (`customer=`, `date=`, `amount=`); "
                f"the columns are {there}"
            )
    return columns


def _source(purchases: Path) -> str:
    """Return the SQL that reads the file; brackets keep DuckDB from taking the name for a pattern.

    The header and the separator are read here and handed over: guessing them, DuckDB may skip rows that do not fit.
    """
    name = _text("".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(purchases)))
    if purchases.suffix.lower() in (".parquet", ".pq"):
        return f"read_parquet({name})"
    with purchases.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    try:
        if packed:
            with gzip.open(purchases, "rt", encoding="utf-8-sig", newline="") as text:
                header = text.readline()
        else:
            with purchases.open(encoding="utf-8-sig", newline="") as text:
                header = text.readline()
    except (UnicodeDecodeError, EOFError, OSError) as error:
        raise PurchasesError(f"{purchases}: cannot be read as UTF-8 text: {error}") from None
    separator = max(_SEPARATORS, key=header.count)
    names = [column.strip() for column in next(csv.reader([header.rstrip("\r\n")], delimiter=separator), [])]
    twice = [column for i, column in enumerate(names) if column in names[:i]]
    if twice or "" in names or not names:
        what = f"column {twice[0]!r} twice" if twice and twice[0] else "a column without a name"
        raise PurchasesError(f"{purchases}: the header has {what}; the columns are {', '.join(names)}")
    columns = ", ".join(f"{_text(column)}: 'VARCHAR'" for column in names)
    return (
        f"read_csv({name}, auto_detect = false, header = true, delim = {_text(separator)}, quote = '\"', "
        f"escape = '\"', compression = '{'gzip' if packed else 'none'}', columns = {{{columns}}})"
    )


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _parsed(source: str, columns: Mapping[str, str], *, number: bool = False) -> str:
    """Return the query that turns the source's columns into typed ones; what cannot be read becomes NULL."""
    text = {role: f"trim(CAST({_quoted(name)} AS VARCHAR))" for role, name in columns.items()}
    when, quantity, sample = text["date"], text.get("quantity"), text.get("in_sample")
    parts = [
        f"nullif({text['customer_id']}, '') AS customer_id",
        f"coalesce(TRY_CAST({when} AS DATE), CAST(TRY_CAST({when} AS TIMESTAMP) AS DATE), "
        f"CAST(try_strptime({when}, '%Y%m%d') AS DATE)) AS date",
        f"TRY_CAST(nullif({quantity}, '') AS DOUBLE) AS quantity" if quantity else "CAST(NULL AS DOUBLE) AS quantity",
        f"TRY_CAST({text['amount']} AS DOUBLE) AS amount",
        f"TRY_CAST({sample} AS BOOLEAN) AS in_sample" if sample else "true AS in_sample",
    ]
    if number:
        parts += ["row_number() OVER () AS row", *(f"{value} AS {role}_text" for role, value in text.items())]
    return f"SELECT {', '.join(parts)} FROM {source}"


_WRONG = {
    "customer_id": ("customer_id IS NULL", "has no customer"),
    "date": ("date IS NULL OR NOT isfinite(date)", "is not a date such as 1997-01-31"),
    "amount": ("amount IS NULL OR NOT isfinite(amount) OR abs(amount) > 1e15", "is not a number such as 12.50"),
    "quantity": ("quantity IS NULL AND quantity_text <> '' OR NOT isfinite(quantity)", "is not a number such as 2"),
    "in_sample": ("in_sample IS NULL", "is not true or false"),
}


def _check_rows(connection: Any, purchases: Path, source: str, columns: Mapping[str, str]) -> None:
    """Raise for the first unreadable row; the file is read again only if there may be one."""
    suspect = " OR ".join(condition for role, (condition, _) in _WRONG.items() if role != "quantity") + (
        " OR quantity IS NULL OR NOT isfinite(quantity)" if "quantity" in columns else ""
    )
    if connection.execute(f"SELECT 1 FROM parsed WHERE {suspect} LIMIT 1").fetchone() is None:
        return
    for role, column in columns.items():
        condition, complaint = _WRONG[role]
        bad = connection.execute(
            f"SELECT row, {role}_text FROM ({_parsed(source, columns, number=True)}) WHERE {condition} "
            "ORDER BY row LIMIT 1"
        ).fetchone()
        if bad:
            value = "" if role == "customer_id" else f"{bad[1]!r} " if bad[1] is not None else "an empty value "
            raise PurchasesError(f"{purchases}: row {bad[0]}, column {column!r}: {value}{complaint}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
