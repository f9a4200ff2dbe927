"""Tables beside the purchases in a base: contacts, surveys, memberships, money spent and prospects, each row counted.

Columns with a role (:mod:`sim.purchases.read.tables`) are called by it, all others keep their names. Each row has one
outcome, so that rows and money add up to what was read; those that are not taken are in table ``left_out``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sim.errors import InputError, PurchasesError
from sim.purchases.account import Account
from sim.purchases.people import LEFT_OUT, typed
from sim.purchases.read.columns import SUCH, Roles, find_columns
from sim.purchases.read.customers import customer, hashed
from sim.purchases.read.options import Reading
from sim.purchases.read.periods import with_years
from sim.purchases.read.sources import open_source, shown
from sim.purchases.read.sql import literal, quoted
from sim.purchases.read.tables import BESIDE, Role, Table
from sim.purchases.read.values import Values
from sim.purchases.read.words import NOT

__all__ = ["accounts_of", "check_spend", "load_tables"]

ID = "customer_id"
IDS = (ID, "referred")
"""Columns of people, whose ids are written as the purchases'."""
PLACES = 6
MOST = 1e15
"""Money of a row."""
KEY = "tables"
"""Of table ``about``: the accounts."""
MONEY = {"contacts": "cost", "memberships": "price", "spend": "spend"}
"""The column whose money is counted."""
OWN = ("_file", "_nth", "_same", "_outcome", "_reason", "_problem")
"""Columns that rows have while they are judged."""
TURNED = "the end is before the start"
KINDS = {"text": "VARCHAR", "date": "DATE", "period": "DATE", "number": "DOUBLE", "flag": "BOOLEAN"}
USE = {
    "contacts": "forecasts and plans do not use contacts; segments by response do, they can be asked in SQL, and "
    "`tenure learn` makes curves of experiments",
    "surveys": "segments by SQL may use them, those by function an answer called nps or recommend; forecasts and plans "
    "do not",
    "memberships": "`tenure contracts` takes them from the base; `tenure calibrate` does not use them",
    "spend": "`tenure calibrate` takes today's money from them",
    "prospects": "`tenure calibrate` counts them as people to be won",
    "referrals": "segments by function and the page of the base take from them whom customers bring",
}
"""What is made of a table downstream, and what not."""


def accounts_of(connection: Any) -> dict[str, Account]:
    """Return what became of the rows of each table beside the purchases."""
    found = connection.execute("SELECT value FROM about WHERE key = ?", [KEY]).fetchone()
    return {name: Account(**parts) for name, parts in json.loads(found[0]).items()} if found else {}


def load_tables(
    connection: Any, given: Mapping[str, Sequence[str | Path]], reading: Reading, key: bytes | None, folder: Path,
    before: Mapping[str, Account],
) -> tuple[str, list[str]]:  # fmt: skip
    """Make each table given of its files, in place of the one that was there; return all accounts as JSON, and notes.

    Raises
    ------
    PurchasesError
        If a file cannot be used, or more of its rows than allowed cannot be read.
    """
    accounts, notes = dict(before), list[str]()
    idle = next((name for name in reading.of_tables if not given.get(name)), None)
    if idle:
        raise InputError(
            f"how table {idle} is written is said, and no file of it is loaded; `tenure base load` takes both"
        )
    connection.execute(LEFT_OUT)
    for name, files in given.items():
        if not files:
            continue
        parts = [_read(connection, BESIDE[name], file, reading, key, folder, f"{name}{i}", notes)
                 for i, file in enumerate(files)]  # fmt: skip
        whole = " UNION ALL BY NAME ".join(f"SELECT * FROM {part}" for part in parts)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE judged_rows AS {whole}")
        for part in parts:
            connection.execute(f"DROP TABLE {part}")
        accounts[name] = _keep(connection, BESIDE[name], notes)
    kept = {name: {"rows": dict(a.rows), "micro": dict(a.micro), "places": a.places} for name, a in accounts.items()}
    return json.dumps(kept), notes


def _keep(connection: Any, table: Table, notes: list[str]) -> Account:
    """Turn judged rows into the table; return its account."""
    name = table.name
    alike = "customer_id" if name == "prospects" else "_same"
    once = f"row_number() OVER (PARTITION BY {alike}, _outcome ORDER BY _file, _nth) > 1"
    doubled = f"_outcome = 'taken' AND {once}" if name != "spend" else "false"  # money may be spent twice
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE judged_rows AS SELECT * REPLACE (CASE WHEN {doubled} THEN 'doubled' "
        "ELSE _outcome END AS _outcome) FROM judged_rows"
    )
    column = MONEY.get(name, "")
    money = f"CASE WHEN abs({column}) <= {MOST:g} THEN CAST(round({column} * 1e{PLACES}) AS HUGEINT) ELSE 0 END"
    found = connection.execute(
        f"SELECT _outcome, count(*), {f'coalesce(sum({money}), 0)' if column else 0} FROM judged_rows GROUP BY _outcome"
    ).fetchall()
    account = Account.of({outcome: (rows, int(micro)) for outcome, rows, micro in found}, PLACES)
    of_people = ID in table
    if of_people:
        kind = connection.execute("SELECT any_value(typeof(customer_id)) FROM purchases").fetchone()[0]
        other = connection.execute(
            f"SELECT 1 FROM judged_rows WHERE {ID} IS NOT NULL AND TRY_CAST({ID} AS {kind}) IS NULL LIMIT 1"
        ).fetchone()
        alike = f" REPLACE (CAST({ID} AS {kind}) AS {ID})" if not other else ""
    else:
        alike = ""
    connection.execute(
        f'DELETE FROM left_out WHERE "table" = {literal(name)}; '
        f"INSERT INTO left_out SELECT {literal(name)}, _file, _nth, _outcome, _reason FROM judged_rows "
        "WHERE _outcome <> 'taken' ORDER BY _file, _nth; "
        f"CREATE OR REPLACE TABLE {name} AS SELECT * EXCLUDE (_file, _nth, _same, _outcome, _reason){alike} "
        "FROM judged_rows WHERE _outcome = 'taken' ORDER BY _file, _nth; DROP TABLE judged_rows"
    )
    if of_people and name != "prospects":
        rows, people = connection.execute(
            f"SELECT count(*), count(DISTINCT {ID}) FROM {name} WHERE CAST({ID} AS VARCHAR) NOT IN "
            "(SELECT CAST(customer_id AS VARCHAR) FROM purchases)"
        ).fetchone()
        if rows:
            notes.append(f"{name}: {rows:,} rows are of {people:,} people without purchases; they are kept")
    notes.append(f"{name}: {account.rows['taken']:,} of {account.read:,} rows taken; {USE[name]}")
    return account


def _read(
    connection: Any, table: Table, file: str | Path, reading: Reading, key: bytes | None, folder: Path, into: str,
    notes: list[str],
) -> str:  # fmt: skip
    """Make a temporary table of a file's rows with what becomes of each; return its name."""
    name, raw, today = shown(file), f"{into}_raw", date.today()
    source = open_source(connection, file, Reading(encoding=reading.encoding), raw, folder)
    if table.name == "spend" and (year := with_years(connection, raw, source.types)):
        source = replace(source, types={column: kind for column, kind in source.types.items() if column != year})
    own = reading.of_tables.get(table.name, Reading())
    values = Values(connection, raw, source, Reading(date_format=own.date_format), today)
    present = list(source.types)
    given = {role.name: reading.columns[role.name] for role in table.roles
             if reading.columns.get(role.name) in present}  # fmt: skip
    given |= own.columns
    roles = find_columns(
        table,
        present,
        given,
        source.where,
        fits=values.fits,
        distinct=values.distinct,
        looks=None if source.header else values.looks,
    )
    if table.name == "spend":
        check_spend(roles, values, name)
    if "start" in table:
        values.begin_and_end([roles.columns[role] for role in ("start", "end") if role in roles.columns])
    notes += [source.where] if source.where != source.name else []
    notes += [f"{name}: {note}" for note in (*source.notes, *roles.notes, *_doubts(table, roles, values))]
    parts, joins, wrong = _parts(connection, table, roles, values, name, today)
    for each in (name for name in IDS if name in roles.columns):
        who = customer(connection, values, roles.columns[each], reading, notes)
        kind = connection.execute("SELECT any_value(typeof(customer_id)) FROM purchases").fetchone()[0]
        parts[each] = (
            f"CASE WHEN {who} IS NOT NULL THEN {hashed(who, key)} END" if key
            else f"coalesce(CAST(TRY_CAST({who} AS {kind}) AS VARCHAR), {who})"
        )  # fmt: skip
    clash = [column for column in roles.unused if column.lower() in {*parts, *OWN}]
    if clash:
        why = f"{name}: column {clash[0]!r} is called like one that table {table.name} has"
        kind = next((role.kind for role in table.roles if role.name == clash[0].lower()), None)
        free = kind in SUCH and clash[0].lower() not in roles.columns
        raise PurchasesError(f"{why}, but hardly any of its values is {SUCH[kind]}" if free else f"{why}; rename it")
    for column in roles.unused:
        parts[quoted(column)] = typed(connection, values, raw, column)
    problem = " ".join(f"WHEN {condition} THEN {literal(reason)}" for condition, reason in wrong)
    listed = ", ".join(f"{expression} AS {column}" for column, expression in parts.items())
    nobody = f"WHEN {ID} IS NULL THEN 'no_customer'" if ID in parts else ""
    day = next((role for role in ("date", "start") if role in parts), None)
    within = f"{day} BETWEEN DATE '1900-01-01' AND DATE '{today + timedelta(days=1)}'"
    late = f"WHEN NOT ({within}) THEN 'out_of_range'" if day else ""
    turned = f"""WHEN "end" < start THEN {literal(TURNED)}""" if "end" in parts else ""
    row = "row_number() OVER ()" if "rowid" in source.types else f"{raw}.rowid + 1"
    connection.execute(
        f"CREATE TEMP TABLE {into} AS SELECT * EXCLUDE _problem, CASE WHEN _problem IS NOT NULL THEN _problem "
        f"{turned} END AS _reason, CASE WHEN _problem IS NOT NULL THEN 'bad' {nobody} {late} "
        "WHEN _reason IS NOT NULL THEN 'out_of_range' ELSE 'taken' END AS _outcome FROM ("
        f"SELECT {listed}, {literal(name)} AS _file, {row} AS _nth, "
        f"hash({', '.join(quoted(column) for column in present)}) AS _same, "
        f"{f'CASE {problem} END' if wrong else 'CAST(NULL AS VARCHAR)'} AS _problem FROM {raw} {joins})"
    )
    connection.execute(f"DROP TABLE {raw}; DROP TABLE {raw}_rejected")
    read, bad, over = connection.execute(
        "SELECT count(*), count(*) FILTER (_outcome = 'bad'), "
        f"count(*) FILTER (_outcome = 'out_of_range' AND _reason IS NOT NULL) FROM {into}"
    ).fetchone()
    if over:
        notes.append(f"{name}: {over:,} contracts with an end before the start are left out, as out of range")
    if not read:
        raise PurchasesError(f"{name}: holds a header and no row")
    if bad > reading.most_bad * read:
        row, reason = connection.execute(
            f"SELECT min(_nth), arg_min(_reason, _nth) FROM {into} WHERE _outcome = 'bad'"
        ).fetchone()
        raise PurchasesError(
            f"{name}: row {row}: {reason}; {bad:,} of {read:,} rows ({bad / read:.1%}) of {table.name} cannot be read; "
            f"`most_bad={min(1.0, -(-bad * 100 // read) / 100):g}` goes on without them"
        )
    return into


def _doubts(table: Table, roles: Roles, values: Values) -> list[str]:
    """Return what should be said of days that can be read in two ways, and of columns that play no role."""
    days = [roles.columns[role.name] for role in table.roles if role.kind == "date" and role.name in roles.columns]
    found = [dates for column in days if (dates := values.dates(column))]
    said = [doubt for dates in found for doubt in dates.doubts(f"`date_format={table.name}=...`")]
    money = MONEY.get(table.name)
    if roles.unused and money:
        said.append(f"columns without a role are kept under their own names: {', '.join(roles.unused)}")
        if money not in roles.columns:
            said.append(f"none of them is taken for {table[money].what}, so its money counts as 0; "
                        f"`column={table.name}.{money}=...` says which is")  # fmt: skip
    return list(dict.fromkeys(said))


def check_spend(roles: Roles, values: Values, name: str) -> None:
    """Raise where a table of money has no column of levers or of money."""
    for role, what in (("lever", "the levers"), ("spend", "the money a year")):
        if role not in roles.columns:
            there = ", ".join(values.source.types)
            raise PurchasesError(f"{name}: no column looks like {what}; call one '{role}'; the columns are {there}")


def _parts(
    connection: Any, table: Table, roles: Roles, values: Values, name: str, today: date
) -> tuple[dict[str, str], str, list[tuple[str, str]]]:
    """Return the SQL of each role's column, of the joins that days need, and of what cannot be read with its reason."""
    parts: dict[str, str] = {}
    joins, wrong = "", []
    for role in table.roles:
        column = roles.columns.get(role.name)
        if role.name == ID:
            continue
        if column is None:
            parts[role.name] = f"CAST(NULL AS {KINDS[role.kind]})"
            continue
        text = values.text(column)
        if role.kind == "number":
            parts[role.name] = values.number(column)
            unread = f"{text} IS NOT NULL AND ({parts[role.name]} IS NULL OR NOT isfinite({parts[role.name]}))"
            wrong.append((unread, f"{column} is not a number"))
            if table.name == "spend":  # as calibrate takes it
                wrong.append(
                    (f"{parts[role.name]} NOT BETWEEN 0 AND {MOST:g}", f"{column} is below 0 or above {MOST:g}")
                )
        elif role.kind == "flag":
            parts[role.name] = f"coalesce(lower({text}) NOT IN ({', '.join(map(literal, NOT))}), false)"
        elif role.kind in ("date", "period"):
            parts[role.name], joins = _day(connection, values, column, role, joins, name)
            wrong.append((f"{text} IS NOT NULL AND {parts[role.name]} IS NULL", f"{column} is not a day"))
        else:
            parts[role.name] = text
        if role.required or (table.name, role.name) == ("spend", "lever"):
            wrong.append((f"{text} IS NULL", f"{column} is empty"))
    return parts, joins, wrong


def _day(connection: Any, values: Values, column: str, role: Role, joins: str, name: str) -> tuple[str, str]:
    dates, text = values.dates(column, role.kind == "period"), values.written(column)
    if dates is None:
        if values._any(f"{text} IS NOT NULL"):
            raise PurchasesError(f"{name}: column {column!r} holds no days that are known")
        return "CAST(NULL AS DATE)", joins
    said = dates.expression.format(text)
    if not dates.known:
        return f"CAST({said} AS DATE)", joins
    days = f"days_of_{role.name}"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {days} AS SELECT unnest($text) AS spelled, CAST(unnest($day) AS DATE) AS day",
        {"text": list(dates.known), "day": [str(each)[:10] for each in dates.known.values()]},
    )
    return f"{days}.day", f"{joins} LEFT JOIN {days} ON {days}.spelled = {said}"
