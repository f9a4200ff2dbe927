"""What is known of customers beside their purchases: any columns of the firm's own, by customer id."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from sim.errors import PurchasesError
from sim.purchases.account import Account
from sim.purchases.read.columns import find_columns
from sim.purchases.read.customers import customer, hashed
from sim.purchases.read.options import Reading
from sim.purchases.read.sources import open_source, shown
from sim.purchases.read.sql import literal, quoted
from sim.purchases.read.tables import PEOPLE, REFERRER_NAMES, plain_name
from sim.purchases.read.values import Values

__all__ = ["LEFT_OUT", "load_people", "typed"]

ID = "customer_id"
LEFT_OUT = (
    'CREATE TABLE IF NOT EXISTS left_out("table" VARCHAR, file VARCHAR, row BIGINT, outcome VARCHAR, reason VARCHAR)'
)
"""Makes the table of rows beside the purchases that are not taken."""


def load_people(
    connection: Any, files: Sequence[str | Path], reading: Reading, key: bytes | None, folder: Path
) -> tuple[Account, list[str]]:
    """Make table ``customers`` of files with a row a customer, in place of the one that was there.

    Return what became of the rows, and notes; rows that are not taken are in table ``left_out``.
    Columns keep their names; numbers are numbers. Of rows of one id in one file the first counts.

    Raises
    ------
    PurchasesError
        If there is no column of ids, two files have a column of the same name, or no row is of a customer.
    """
    notes: list[str] = []
    connection.execute(f"{LEFT_OUT}; DELETE FROM left_out WHERE \"table\" = 'customers'")
    read = 0
    taken: dict[str, str] = {}
    kind = connection.execute("SELECT any_value(typeof(customer_id)) FROM purchases").fetchone()[0]
    connection.execute(f"CREATE OR REPLACE TABLE customers AS SELECT DISTINCT customer_id FROM purchases ORDER BY {ID}")
    for number, file in enumerate(files):
        name = shown(file)
        table = f"people{number}"
        columns = _read(connection, file, reading, key, folder, table, notes, kind)
        for column in columns:
            if column in taken:
                raise PurchasesError(
                    f"{name}: column {column!r} is in {taken[column]} too; give columns of customers different names"
                )
            taken[column] = name
        listed = ", ".join(f"{table}.{quoted(column)}" for column in columns)
        known = connection.execute(f"SELECT count(*) FROM {table} SEMI JOIN customers USING ({ID})").fetchone()[0]
        rows = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        whole = connection.execute("SELECT count(*) FROM customers").fetchone()[0]
        if not known:
            raise PurchasesError(
                f"{name}: none of its {rows:,} ids is a customer with purchases; are both files' ids written alike?"
            )
        notes.append(f"{name}: {', '.join(columns)} of {known:,} customers" + _rest(whole - known, rows - known))
        connection.execute(
            f"CREATE OR REPLACE TABLE customers AS SELECT customers.*, {listed} FROM customers LEFT JOIN {table} "
            f"USING ({ID}) ORDER BY {ID}; DROP TABLE {table}"
        )
        read += connection.execute(f"SELECT count(*) FROM {table}_all").fetchone()[0]
        connection.execute(f"DROP TABLE {table}_all")
    found = connection.execute(
        "SELECT outcome, count(*) FROM left_out WHERE \"table\" = 'customers' GROUP BY outcome"
    ).fetchall()
    rows_of = {outcome: (rows, 0) for outcome, rows in found}
    rows_of["taken"] = (read - sum(rows for rows, _ in rows_of.values()), 0)
    return Account.of(rows_of, 0), notes


def _rest(without: int, strangers: int) -> str:
    said = [f"{without:,} customers are not in it"] if without else []
    said += [f"{strangers:,} ids in it have no purchases and are left out"] if strangers else []
    return "; " + ", ".join(said) if said else ""


def _read(
    connection: Any, file: str | Path, reading: Reading, key: bytes | None, folder: Path, into: str, notes: list[str],
    kind: str,
) -> list[str]:  # fmt: skip
    """Make a table of a file, one row an id, and return its other columns."""
    name, raw = shown(file), f"{into}_raw"
    source = open_source(connection, file, Reading(encoding=reading.encoding), raw, folder)
    values = Values(connection, raw, source, Reading(), date.today())
    present = list(source.types)
    given = {ID: reading.columns[ID]} if reading.columns.get(ID) in present else {}
    roles = find_columns(
        PEOPLE,
        present,
        given,
        source.where,
        fits=values.fits,
        distinct=lambda _: 0.0,
        looks=None if source.header else values.looks,
    )
    notes += [source.where] if source.where != source.name else []
    who = customer(connection, values, roles.columns[ID], reading, notes)
    spelled = f"CASE WHEN {who} IS NOT NULL THEN {hashed(who, key)} END" if key else who
    others = [column for column in present if column != roles.columns[ID]]
    clash = next((column for column in others if column.lower() == ID), None)
    if clash or not others:
        raise PurchasesError(
            f"{name}: expected columns beside the ids, called otherwise than '{ID}'; the columns are "
            f"{', '.join(present)}"
        )
    parts = ", ".join(
        f"{_of_somebody(connection, values, column, reading, key, kind) or typed(connection, values, raw, column)} "
        f"AS {quoted(column)}"
        for column in others
    )
    connection.execute(
        f"CREATE TEMP TABLE {into}_all AS SELECT row_number() OVER () AS nth, TRY_CAST({spelled} AS {kind}) AS {ID}, "
        f"{parts} FROM {raw}"
    )
    connection.execute(
        f"CREATE TEMP TABLE {into} AS SELECT * EXCLUDE nth FROM {into}_all WHERE {ID} IS NOT NULL "
        f"QUALIFY row_number() OVER (PARTITION BY {ID} ORDER BY nth) = 1"
    )
    read, named, kept = connection.execute(
        f"SELECT (SELECT count(*) FROM {into}_all), (SELECT count({ID}) FROM {into}_all), (SELECT count(*) FROM {into})"
    ).fetchone()
    if read - named:
        notes.append(f"{name}: {read - named:,} rows without an id that purchases may have are left out")
    if named - kept:
        notes.append(f"{name}: {named - kept:,} rows of ids that come twice are left out; the first of each counts")
    connection.execute(
        f"INSERT INTO left_out SELECT 'customers', {literal(name)}, nth, CASE WHEN nth_of > 1 THEN 'doubled' "
        f"ELSE 'no_customer' END, CASE WHEN {ID} IS NOT NULL AND nth_of = 1 THEN 'has no purchases' END FROM ("
        f"SELECT nth, {ID}, CASE WHEN {ID} IS NULL THEN 1 ELSE row_number() OVER (PARTITION BY {ID} ORDER BY nth) END "
        f"AS nth_of FROM {into}_all) WHERE nth_of > 1 OR {ID} IS NULL OR {ID} NOT IN "
        "(SELECT customer_id FROM purchases) ORDER BY nth"
    )
    connection.execute(f"DROP TABLE {raw}; DROP TABLE {raw}_rejected")
    return others


def _of_somebody(
    connection: Any, values: Values, column: str, reading: Reading, key: bytes | None, kind: str
) -> str | None:
    """Return the SQL of ids of who brought a customer, as purchases write ids; None: it is another column."""
    if plain_name(column) not in REFERRER_NAMES:
        return None
    who = customer(connection, values, column, reading, [])
    return f"CASE WHEN {who} IS NOT NULL THEN {hashed(who, key)} END" if key else f"TRY_CAST({who} AS {kind})"


def typed(connection: Any, values: Values, table: str, column: str) -> str:
    """Return the SQL of a column: a number where all of it is one, and is not written as a code such as 00123."""
    if values.source.types[column] not in ("VARCHAR",):
        return quoted(column)
    text, number = values.text(column), values.number(column)
    filled, numbers, codes = connection.execute(
        f"SELECT count({text}), count({number}), count(*) FILTER (regexp_matches({text}, '^0\\d')) FROM {table}"
    ).fetchone()
    return number if filled and filled == numbers and not codes else text
