"""Tables beside the purchases: what is spent a year by lever, and people who have not bought yet.

They are read as purchases are: any file or table of a database, columns and dialect found; or the table of a customer
base that was loaded with one.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sim.errors import InputError, PurchasesError, first_line
from sim.files import of_cell
from sim.purchases.base import CustomerBase, is_base
from sim.purchases.people import typed
from sim.purchases.read.columns import Roles, find_columns
from sim.purchases.read.customers import customer, hashed, id_key, key_check
from sim.purchases.read.options import Reading
from sim.purchases.read.periods import shares_of_a_year, with_years
from sim.purchases.read.sources import Source, is_database, open_source, shown
from sim.purchases.read.tables import MEMBERSHIPS, PEOPLE, SPEND, Table, plain_name
from sim.purchases.read.values import Values
from sim.purchases.tables import check_spend

__all__ = [
    "Membership",
    "Newcomers",
    "Spending",
    "memberships",
    "newcomers",
    "people_not_bought",
    "people_with_columns",
    "segment_by_id",
    "spending",
    "table_of",
]

YEAR = timedelta(days=365)
SEGMENT_NAMES = ("segment", "segments", "class", "cluster", "group", "gruppe", "groupe", "segmento")
FEWEST_DAYS = 28
"""Days of purchases from which a year is made."""


@dataclass(frozen=True)
class Spending:
    """Money a year through one lever, and what it is for where that is said."""

    lever: str
    yearly: float
    purpose: str | None = None


@dataclass(frozen=True)
class Membership:
    """A contract: from a day to a day (None: it has not ended), at a price each period where one is known."""

    start: date
    end: date | None
    price: float | None


@dataclass(frozen=True)
class Newcomers:
    """Customers first seen in the last year of a base, or in as much of it as there is.

    Attributes
    ----------
    days : int
        How many days that are.
    customers : int
        Customers first seen in them.
    money, all_money : float
        What these bought in them, and what everybody did.
    """

    days: int
    customers: int
    money: float
    all_money: float

    @property
    def a_year(self) -> float:
        """Return new customers a year."""
        return self.customers * YEAR.days / self.days

    @property
    def revenue_a_year(self) -> float:
        """Return everybody's purchases a year."""
        return self.all_money * YEAR.days / self.days


@contextmanager
def table_of(where: str | Path, table: Table, reading: Reading | None = None) -> Iterator[tuple[Any, Values, Roles]]:
    """Yield a connection that holds a source, its values and its roles.

    Raises
    ------
    PurchasesError
        If it cannot be read as a table.
    """
    import duckdb

    can_say, reading, name = reading is not None, reading or Reading(), shown(where)
    if not is_database(where) and is_base(where):
        kept = "prospects" if table.name == "people" else table.name
        if kept not in CustomerBase.open(where).tables:
            raise PurchasesError(f"{name}: this base has no table {kept}; `tenure base load` makes it of a file")
        reading = replace(reading, table=kept)
    connection = duckdb.connect()
    try:
        with tempfile.TemporaryDirectory() as folder:
            connection.execute("SET enable_progress_bar = false")
            source: Source = open_source(connection, where, reading, "beside", Path(folder))
            if table is SPEND and (year := with_years(connection, "beside", source.types)):
                source = replace(source, types={name: kind for name, kind in source.types.items() if name != year})
            values = Values(connection, "beside", source, reading, date.today())
            roles = find_columns(
                table, list(source.types), reading.columns, source.where, fits=values.fits, distinct=values.distinct,
                looks=None if source.header else values.looks, can_say=can_say,
            )  # fmt: skip
            yield connection, values, roles
    except duckdb.Error as error:
        raise PurchasesError(f"{name}: cannot be read as a table: {first_line(error)}") from None
    finally:
        connection.close()


def _as_in(base: CustomerBase, connection: Any, values: Values, column: str, notes: list[str], key: Path | None) -> str:
    """Return the SQL of a file's ids as the base writes them, NULL where they are nobody's.

    Raises
    ------
    PurchasesError
        If the base has hashed ids, and those of the file are not and cannot be.
    """
    name = values.source.name
    kind, check = base.query(
        "SELECT typeof(customer_id), (SELECT value FROM about WHERE key = 'key') FROM purchases LIMIT 1"
    )[1][0]
    who = customer(connection, values, column, Reading(), notes)
    if kind == "VARCHAR" and base.query(_MAILS)[1][0][0]:
        who = f"lower({who})"
    if not check:
        return f"coalesce(CAST(TRY_CAST({who} AS {kind}) AS VARCHAR), {who})"
    if key is not None:
        secret = id_key(key)
        if key_check(secret) != check:
            raise InputError(f"`hash_ids={key}`: the ids of {base.path} were hashed by another key")
        return f"CASE WHEN {who} IS NOT NULL THEN {hashed(who, secret)} END"
    plain = connection.execute(
        f"SELECT count(*) FROM beside WHERE {who} IS NOT NULL AND NOT regexp_matches({who}, '^[0-9a-f]{{64}}$')"
    ).fetchone()[0]
    if plain:
        raise PurchasesError(
            f"{name}: the base holds hashed ids, and {plain:,} in column {column!r} are not: nobody can tell whose "
            "they are; give ids as the base has them, name the key where one can be named (`hash_ids=`), or load the "
            "file as one of customers with the key (`tenure base load`)"
        )
    return who


_MAILS = (
    "SELECT avg(CAST(contains(who, '@') AS INTEGER)) > 0.5 FROM (SELECT DISTINCT customer_id AS who FROM purchases)"
)
"""Whether most customers are called by their mail's address."""


def _customers(base: CustomerBase) -> set[str]:
    return {str(each) for (each,) in base.query("SELECT DISTINCT customer_id FROM purchases")[1]}


def spending(where: str | Path) -> tuple[tuple[Spending, ...], tuple[str, ...]]:
    """Return what is spent a year by lever, and what should be said of the file.

    Rows of one lever add up. Without days they are totals a year; with days those of the last year are, made a whole
    year where there are fewer.

    Raises
    ------
    PurchasesError
        If there is no column of levers or of money, money cannot be read, or days are of one day.
    """
    with table_of(where, SPEND) as (connection, values, roles):
        name, columns = shown(where), roles.columns
        check_spend(roles, values, name)
        days = _days(connection, values, columns["date"], name, periods=True) if "date" in columns else []
        told = [columns["date"]] if "date" in columns else []
        doubts = _doubts(values, told, "a day such as 2024-01-31", periods=True)
        lever, money = values.text(columns["lever"]), values.number(columns["spend"])
        purpose = f"lower({values.text(columns['purpose'])})" if "purpose" in columns else "NULL"
        rows = connection.execute(
            f"SELECT {lever}, {money}, {purpose}, {values.text(columns['spend'])} FROM beside"
        ).fetchall()
    found: dict[str, Spending] = {}
    notes = [f"{name}: {doubt}" for doubt in doubts]
    notes += [f"{name}: columns not used: {', '.join(roles.unused)}"] if roles.unused else []
    named = [] if "date" in columns else [each for each in roles.unused if plain_name(each) in SPEND["date"].names]
    notes += [f"{name}: column {each!r} tells no two periods apart (such as 1997-01 and 1997-02, 1997Q1 and 1997Q2): "
              "rows are added up as one year's" for each in named]  # fmt: skip
    share = [1.0] * len(rows)
    dated = any(text for _, text in days)
    if dated:
        share, said_of_days = shares_of_a_year(days, name)
        notes.append(said_of_days)
    for i, (said, amount, goal, text) in enumerate(rows, 1):
        if said is None or amount is None or not 0 <= amount <= 1e15:
            raise PurchasesError(
                f"{name}: row {i}: expected a lever and money of at least 0 a year, got {said or ''!r} and {text!r}"
            )
        amount *= share[i - 1]
        before = found.get(said)
        if before is not None and not dated:
            notes.append(f"{name}: '{said}' has several rows, which are added up")
        found[said] = Spending(
            said, amount + (before.yearly if before else 0.0), goal or (before.purpose if before else None)
        )
    if not found:
        raise PurchasesError(f"{name}: holds a header and no lever")
    return tuple(found.values()), tuple(dict.fromkeys(notes))


def people_not_bought(where: str | Path, base: CustomerBase, key: Path | None = None) -> tuple[int, tuple[str, ...]]:
    """Return how many people of a file are not customers of the base, and what should be said of it.

    Their ids are read as the base's were; ``key`` is the file with the key by which those are hashed.

    Raises
    ------
    PurchasesError
        If nobody is left, or ids cannot be compared.
    """
    name, notes = shown(where), list[str]()
    with table_of(where, PEOPLE) as (connection, values, roles):
        who = _as_in(base, connection, values, roles.columns["customer_id"], notes, key)
        ids = connection.execute(f"SELECT {who}, count(*) FROM beside GROUP BY ALL").fetchall()
    rows, named = sum(number for _, number in ids), sum(number for each, number in ids if each is not None)
    found = {str(each) for each, _ in ids if each is not None}
    people, left = len(found), len(found - _customers(base))
    notes = [f"{name}: {left:,} people to win, column {roles.columns['customer_id']!r}", *notes]
    for number, what in ((rows - named, "rows without an id"), (named - people, "rows of people named before"),
                         (people - left, "people who are customers already")):  # fmt: skip
        notes += [f"{name}: {number:,} {what} are left out"] if number else []
    if left == 0:
        raise PurchasesError(f"{name}: all {people:,} people in it are customers already: nobody is left to be won")
    return left, tuple(notes)


def people_with_columns(
    where: str | Path, base: CustomerBase, *, key: Path | None = None, everybody: bool = False
) -> tuple[tuple[str, ...], dict[str, list[Any]], tuple[str, ...]]:
    """Return the ids of a file's people who are no customers of the base, their other columns, and what should be said.

    Of rows of one id the first counts. ``everybody``: customers too; ``key`` as for :func:`people_not_bought`.

    Raises
    ------
    PurchasesError
        If nobody is left, or ids cannot be compared.
    """
    customers, notes = set[str]() if everybody else _customers(base), list[str]()
    with table_of(where, PEOPLE) as (connection, values, roles):
        present = [name for name in values.source.types if name in roles.unused]
        parts = [
            _as_in(base, connection, values, roles.columns["customer_id"], notes, key),
            *(typed(connection, values, "beside", name) for name in present),
        ]
        rows = connection.execute(f"SELECT {', '.join(parts)} FROM beside").fetchall()
    left: dict[str, tuple[Any, ...]] = {}
    for who, *facts in rows:
        if who is not None and str(who) not in customers:
            left.setdefault(str(who), tuple(facts))
    if not left:
        raise PurchasesError(f"{shown(where)}: nobody in its {len(rows):,} rows is left to be won: customers already")
    out = len(rows) - len(left)
    notes += [f"{shown(where)}: {out:,} rows without an id, named before or of customers are left out"] if out else []
    columns = {name: [facts[i] for facts in left.values()] for i, name in enumerate(present)}
    return tuple(left), columns, tuple(notes)


def newcomers(base: CustomerBase, end: date) -> Newcomers | None:
    """Return who was first seen in the last year until ``end``; None where less than four weeks are known."""
    begin = max(end - YEAR, base.first_date - timedelta(days=1))
    days = (end - begin).days
    if days < FEWEST_DAYS:
        return None
    (row,) = base.query(
        f"""
        WITH first AS (SELECT customer_id, min(date) AS first FROM purchases WHERE date <= DATE '{end}' GROUP BY ALL)
        SELECT (SELECT count(*) FROM first WHERE first > DATE '{begin}'),
               coalesce(sum(amount) FILTER (first > DATE '{begin}'), 0), coalesce(sum(amount), 0)
        FROM purchases JOIN first USING (customer_id) WHERE date > DATE '{begin}' AND date <= DATE '{end}'
        """
    )[1]
    return Newcomers(days, int(row[0]), float(row[1]), float(row[2]))


def segment_by_id(where: str | Path, base: CustomerBase) -> list[tuple[str, str | None]]:
    """Return id, read as the base's were, and segment of each row of a file.

    Raises
    ------
    PurchasesError
        If it cannot be read, has no column of segments, or holds no customer of the base.
    """
    with table_of(where, PEOPLE) as (connection, values, roles):
        who = roles.columns["customer_id"]
        others = [name for name in values.source.types if name != who]
        named = [name for name in others if plain_name(name) in SEGMENT_NAMES] or others
        if len(named) != 1:
            raise PurchasesError(
                f"{shown(where)}: expected a column of ids and one called 'segment'; the columns are "
                f"{', '.join(values.source.types)}"
            )
        written = _as_in(base, connection, values, who, [], None)
        found = connection.execute(f"SELECT {written}, {values.text(named[0])} FROM beside").fetchall()
    rows = [(of_cell(str(each)), label) for each, label in found if each is not None]
    if not {each for each, _ in rows} & _customers(base):
        raise PurchasesError(
            f"{shown(where)}: none of its {len(rows):,} ids is a customer with purchases; are both files' ids written "
            "alike?"
        )
    return rows


def memberships(
    where: str | Path, until: date | None = None, reading: Reading | None = None
) -> tuple[list[Membership], date, tuple[str, ...]]:
    """Return contracts, the last day that is known (the last in the file unless given), and what should be said.

    ``reading``: which column is what, and how days are written, where what is found is not what is meant.

    Raises
    ------
    PurchasesError
        If the file cannot be read, or no contract is left.
    """
    name = shown(where)
    with table_of(where, MEMBERSHIPS, reading or Reading()) as (connection, values, roles):
        columns = roles.columns
        if "end" not in columns:
            raise PurchasesError(
                f"{name}: no column looks like the end of contracts; call one 'end' (counts of contracts need columns "
                "called by ages, 0, 1, 2 and so on, or one called 'age')"
            )
        values.begin_and_end([columns["start"], columns["end"]])
        doubts = _doubts(values, [columns["start"], columns["end"]])
        start, end = (_days(connection, values, columns[role], name) for role in ("start", "end"))
        price = values.number(columns["price"]) if "price" in columns else "CAST(NULL AS DOUBLE)"
        prices = [each for (each,) in connection.execute(f"SELECT {price} FROM beside").fetchall()]
    known = [day for (day, _), (last, _) in zip(start, end, strict=True) if day for day in (day, last) if day]
    if not known:
        raise PurchasesError(f"{name}: no contract has a day on which it began")
    last_day = until or min(max(known), date.today())
    found, left_out = [], {"without a day on which they began": 0, "with an end before the start": 0,
                           "with an end that cannot be read": 0, f"begun after {last_day}": 0}  # fmt: skip
    for (begin, _), (finish, text), cost in zip(start, end, prices, strict=True):
        if begin is None:
            left_out["without a day on which they began"] += 1
        elif finish is None and text:
            left_out["with an end that cannot be read"] += 1
        elif finish is not None and finish < begin:
            left_out["with an end before the start"] += 1
        elif begin > last_day:
            left_out[f"begun after {last_day}"] += 1
        else:
            found.append(Membership(begin, finish if finish is None or finish <= last_day else None, cost))
    if not found:
        raise PurchasesError(f"{name}: no contract is left of {len(prices):,}")
    notes = [f"{name}: {note}" for note in (*roles.notes, *doubts)]
    notes += [f"{name}: {number:,} contracts {why} are left out" for why, number in left_out.items() if number]
    notes += [f"{name}: columns not used: {', '.join(roles.unused)}"] if roles.unused else []
    return found, last_day, tuple(notes)


def _days(
    connection: Any, values: Values, column: str, name: str, periods: bool = False
) -> list[tuple[date | None, str | None]]:
    """Return day, of a period the first, and text of each row of a column."""
    dates, text = values.dates(column, periods), values.written(column)
    if dates is None:
        spelled = connection.execute(f"SELECT {text} FROM beside").fetchall()
        if any(each for (each,) in spelled):
            raise PurchasesError(f"{name}: column {column!r} holds no days that are known")
        return [(None, None)] * len(spelled)
    said = dates.expression.format(text)
    if not dates.known:
        return list(connection.execute(f"SELECT CAST({said} AS DATE), {text} FROM beside").fetchall())
    rows = connection.execute(f"SELECT {said}, {text} FROM beside").fetchall()
    return [(_as_date(dates.known.get(each)), spelled) for each, spelled in rows]


def _doubts(values: Values, columns: Sequence[str], tells: str = "`date_format=`", periods: bool = False) -> list[str]:
    """Return what should be said of days that can be read in two ways."""
    found = [dates for column in columns if (dates := values.dates(column, periods))]
    return list(dict.fromkeys(doubt for dates in found for doubt in dates.doubts(tells)))


def _as_date(day: object) -> date | None:
    return None if day is None else date.fromisoformat(str(day)[:10])
