"""From lines to purchases: what becomes of every line, and returns set against what was bought.

Each line gets one outcome from one ``CASE``, so that the account adds up by construction. All of it is SQL over the
whole base, whatever files its lines came from.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import pairwise
from math import floor, log10
from typing import Any

from sim.errors import PurchasesError
from sim.purchases.account import Account
from sim.purchases.files_of_returns import turn
from sim.purchases.read.options import Reading
from sim.purchases.read.sql import literal
from sim.purchases.returns import set_against, undoing

__all__ = ["settle", "without_ids"]

DIGITS = 9
"""Digits of the largest amount that are kept exactly, at least to millionths."""

_FEW = 0.05
_HUGE, _FEW_HUGE, _MOST_OF_MONEY = 100, 0.01, 0.25
"""Times the middle amount, share of rows at most and of money at least of rows that are said to be huge."""
_FEWEST_IDS, _SHARE_OF_ONE, _TIMES_THE_NEXT = 50, 0.05, 5
_EXTRA = ("order_id", "product", "category", "channel")
_LAST = {"date": "is not a date such as 1997-01-31", "amount": "is not a number such as 12.50",
         "price": "is not a number such as 12.50", "quantity": "is not a number such as 2",
         "in_sample": "is not true or false", "row": "is not a row of the table"}  # fmt: skip


def settle(
    connection: Any, reading: Reading, sources: Mapping[int, str], exact: Iterable[int], today: date,
    columns: Mapping[int, Mapping[str, str]],
) -> tuple[Account, list[str]]:  # fmt: skip
    """Make tables ``lines``, with outcomes, ``purchases`` and ``bad`` of ``incoming``; return the account and notes.

    Raises
    ------
    PurchasesError
        If too many lines are unreadable or in other currencies, or no purchase is left.
    """
    notes: list[str] = []
    where = ", ".join(sources.values())
    _check_bad(connection, reading, sources, columns)
    currency = _currency(connection, reading, where, notes)
    earliest, latest = _range(connection, reading, today, notes)
    one = _implausible_customer(connection, reading, notes)
    if reading.negative != "values":
        turn(connection, sources, notes)
    undo = undoing(connection, notes)
    outcome = f"""CASE
        WHEN problem IS NOT NULL THEN 'bad'
        WHEN {currency} THEN 'other_currency'
        WHEN date NOT BETWEEN DATE '{earliest}' AND DATE '{latest}' THEN 'out_of_range'
        WHEN cancelled AND NOT {undo} THEN 'cancelled'
        WHEN customer_id IS NULL OR {one} THEN 'no_customer'
        WHEN is_return THEN 'returns'
        ELSE 'taken' END"""
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE judged AS
            SELECT id, whole, source, customer_id, date, amount, {outcome} AS outcome FROM incoming;
        CREATE OR REPLACE TEMP TABLE other(id BIGINT, outcome VARCHAR);
    """)
    _double(connection, reading, set(exact), notes, several=len(sources) > 1)
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE often AS
            SELECT hash(customer_id, date) AS pair FROM judged WHERE outcome = 'taken'
            GROUP BY pair HAVING count(*) > 1;
        INSERT INTO other SELECT id, 'merged' FROM (
            SELECT id, row_number() OVER (PARTITION BY customer_id, date ORDER BY id) AS nth
            FROM judged SEMI JOIN often ON hash(customer_id, date) = pair ANTI JOIN other USING (id)
            WHERE outcome = 'taken') WHERE nth > 1;
        CREATE OR REPLACE TABLE lines AS
            SELECT incoming.*, coalesce(other.outcome, {outcome}) AS outcome FROM incoming LEFT JOIN other USING (id);
        DROP TABLE incoming; DROP TABLE judged; DROP TABLE other; DROP TABLE often;
    """)
    largest = connection.execute(
        "SELECT max(abs(amount)) FROM lines WHERE isfinite(amount) AND problem IS NULL"
    ).fetchone()[0]
    places = max(6, DIGITS - floor(log10(largest))) if largest else 6
    account = _account(connection, places)
    _check_some(account, where, connection)
    _purchases(connection, places, account, notes)
    _vanished(connection, account, notes)
    _huge(connection, sources, notes)
    connection.execute("""
        CREATE OR REPLACE VIEW bad AS
            SELECT source, row, problem AS "column", problem_text AS value, CASE problem
                WHEN 'row' THEN 'another number of columns, or a quote that does not end'
                ELSE 'cannot be read as ' || problem END AS reason
            FROM lines WHERE outcome = 'bad'
    """)
    return account, notes


def _micro(places: int, amount: str = "amount") -> str:
    return f"CAST(round({amount} * 1e{places}) AS HUGEINT)"


def _account(connection: Any, places: int) -> Account:
    safe = "CASE WHEN isfinite(amount) AND abs(amount) <= 1e15 THEN amount ELSE 0 END"
    found = connection.execute(
        f"SELECT outcome, count(*), coalesce(sum({_micro(places, safe)}), 0) FROM lines GROUP BY outcome"
    ).fetchall()
    return Account.of({outcome: (rows, int(micro)) for outcome, rows, micro in found}, places)


def _check_bad(
    connection: Any, reading: Reading, sources: Mapping[int, str], columns: Mapping[int, Mapping[str, str]]
) -> None:
    read, bad = connection.execute("SELECT count(*), count(problem) FROM incoming").fetchone()
    if bad <= reading.most_bad * read:
        return
    kinds = connection.execute(
        "SELECT source, problem, count(*) AS rows, min(row) AS row, arg_min(problem_text, id) AS value FROM incoming "
        "WHERE problem IS NOT NULL GROUP BY source, problem ORDER BY rows DESC, source, problem"
    ).fetchall()
    source, problem, rows, row, value = kinds[0]
    others = "".join(f"; {other[2]:,} for their {columns[other[0]].get(other[1], other[1])}" for other in kinds[1:4])
    column = columns[source].get(problem)
    said = f"{value!r} {_LAST[problem]}" if value else f"an empty value {_LAST[problem]}"
    place = f"row {row}, column {column!r}: {said}" if column else f"row {row}: {value}"
    raise PurchasesError(
        f"{sources[source]}: {place}; {bad:,} of {read:,} rows ({bad / read:.1%}) cannot be read, {rows:,} of them for "
        f"this reason{others}; `most_bad={min(1.0, -(-bad * 100 // read) / 100):g}` goes on without them"
        + ("; `date_format=` says how days are written" if problem == "date" else "")
    )


def _currency(connection: Any, reading: Reading, where: str, notes: list[str]) -> str:
    """Return the SQL of what is in another currency than the one taken."""
    found = connection.execute(
        "SELECT currency, count(*) AS rows, sum(amount) FROM incoming WHERE problem IS NULL AND currency IS NOT NULL "
        "GROUP BY currency ORDER BY rows DESC, currency"
    ).fetchall()
    if len(found) < 2:
        return "false"
    names = [name for name, *_ in found]
    wanted = (reading.currency or names[0]).upper()
    listed = ", ".join(f"{name} ({rows:,} rows, {money:,.2f})" for name, rows, money in found[:8])
    if wanted not in names:
        raise PurchasesError(f"{where}: no amount is in `currency={wanted}`; there are {listed}")
    others = sum(rows for name, rows, _ in found if name != wanted)
    total = sum(rows for _, rows, _ in found)
    if reading.currency is None and others > reading.most_bad * total:
        raise PurchasesError(
            f"{where}: amounts are in {len(found)} currencies: {listed}; `currency={wanted}` takes one and leaves the "
            f"others out, `rates={names[1]}=0.9` turns another into it"
        )
    notes.append(f"amounts are in {len(found)} currencies: {listed}; only {wanted} is taken (`currency=`, `rates=`)")
    return f"coalesce(currency <> {literal(wanted)}, false)"


def _range(connection: Any, reading: Reading, today: date, notes: list[str]) -> tuple[date, date]:
    """Return the first and the last day that are believed: not in the future, not far from nearly all others."""
    low, high = reading.earliest or date(1900, 1, 1), reading.latest or today + timedelta(days=1)
    days = connection.execute(
        f"SELECT date, count(*) FROM incoming WHERE problem IS NULL AND date BETWEEN DATE '{low}' AND DATE '{high}' "
        "GROUP BY date ORDER BY date"
    ).fetchall()
    total = sum(rows for _, rows in days)
    if reading.earliest is None:
        low = max(low, _bulk(days, total, first=True) or low)
    if reading.latest is None:
        high = min(high, _bulk(days, total, first=False) or high)
    out = connection.execute(
        f"SELECT count(*), min(date), max(date), sum(amount) FROM incoming WHERE problem IS NULL "
        f"AND date NOT BETWEEN DATE '{low}' AND DATE '{high}'"
    ).fetchone()
    if out[0]:
        notes.append(
            f"{out[0]:,} rows are out of range in time ({out[1]} to {out[2]}, money {out[3]:,.2f}): before {low}, in "
            f"the future, or far from all others; `earliest=` and `latest=` say otherwise"
        )
    return low, high


def _bulk(days: list[tuple[date, int]], total: int, *, first: bool) -> date | None:
    """Return where nearly all days begin (or end): behind a gap longer than a year and half of what is beyond it."""
    ordered = days if first else days[::-1]
    seen, edge = 0, None
    for (day, rows), (following, _) in pairwise(ordered):
        seen += rows
        if seen > _FEW * total:
            break
        rest = abs((ordered[-1][0] - following).days)
        if abs((following - day).days) > max(365, rest / 2):
            edge = following
    return edge


def _implausible_customer(connection: Any, reading: Reading, notes: list[str]) -> str:
    """Return the SQL of an id that stands for many: far more rows than any other."""
    if reading.placeholders is not None:
        return "false"
    most = connection.execute(
        "SELECT customer_id, count(*) AS rows, sum(amount), count(*) OVER (), sum(rows) OVER () FROM incoming "
        "WHERE problem IS NULL AND customer_id IS NOT NULL GROUP BY customer_id ORDER BY rows DESC, customer_id LIMIT 2"
    ).fetchall()
    if len(most) < 2 or most[0][3] < _FEWEST_IDS:
        return "false"
    (name, rows, money, _, total), (_, following, *_) = most
    if rows < _SHARE_OF_ONE * total or rows < _TIMES_THE_NEXT * following:
        return "false"
    notes.append(
        f"customer {name!r} has {rows:,} rows ({rows / total:.0%}, money {money:,.2f}), the next {following:,}: it is "
        "taken for no customer; `placeholders=` says which ids are none"
    )
    return f"customer_id = {literal(name)}"


def without_ids(note: str) -> str:
    """Return a note as it may be said to others: nobody's id is in it."""
    return re.sub(r"customer (['\"]).*\1 has (?=[\d,]+ rows)", "one customer has ", note)


def _double(connection: Any, reading: Reading, exact: set[int], notes: list[str], *, several: bool) -> None:
    """Mark lines that are copies of another in table ``other``.

    A copy in another file is one. In one file, lines with an order's number or the time of the day are; without those,
    only where copies are most of what customers buy twice a day, which chance does not do.
    """
    wanted = "outcome IN ('taken', 'returns')"
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE copies AS
            SELECT id, source, amount FROM (
                SELECT id, source, amount, row_number() OVER (PARTITION BY whole, source ORDER BY id) AS nth FROM judged
                SEMI JOIN (SELECT whole, source FROM judged WHERE {wanted} GROUP BY ALL HAVING count(*) > 1) AS often
                    USING (whole, source) WHERE {wanted}) WHERE nth > 1
    """)
    inside = connection.execute(
        "SELECT source, count(*), sum(amount) FROM copies GROUP BY source ORDER BY source"
    ).fetchall()
    for source, rows, money in inside:
        found = reading.doubled is None and (source in exact or _mostly_copies(connection, source, rows))
        if reading.doubled == "drop" or found:
            connection.execute(f"INSERT INTO other SELECT id, 'doubled' FROM copies WHERE source = {source}")
        else:
            notes.append(
                f"{rows:,} rows (money {money:,.2f}) are the same in every column as another and are taken as bought "
                "twice; `doubled=drop` leaves them out"
            )
    connection.execute("DROP TABLE copies")
    if several and reading.doubled != "keep":
        same = "customer_id, date, amount, quantity, order_id, product"
        connection.execute(f"""
            INSERT INTO other SELECT id, 'doubled' FROM (
                SELECT id, row_number() OVER (PARTITION BY {same}, nth ORDER BY source) AS file FROM (
                    SELECT id, source, {same}, row_number() OVER (PARTITION BY {same}, source ORDER BY id) AS nth
                    FROM incoming SEMI JOIN (
                        SELECT hash({same}) AS key FROM incoming GROUP BY key HAVING count(DISTINCT source) > 1
                    ) AS often ON hash({same}) = key
                    SEMI JOIN (SELECT id FROM judged WHERE {wanted}) AS judged USING (id)
                    ANTI JOIN other USING (id))) WHERE file > 1
        """)


def _mostly_copies(connection: Any, source: int, copies: int) -> bool:
    """Return whether most of what customers bought twice on a day are copies, and other days are not alike as often."""
    of_it = f"source = {source} AND outcome = 'taken'"
    rows, days = connection.execute(
        f"SELECT count(*), count(DISTINCT hash(customer_id, date)) FROM judged WHERE {of_it}"
    ).fetchone()
    again = rows - days
    if copies <= 0.5 * again or not again:
        return False
    alike = connection.execute(f"""
        SELECT coalesce(avg(CAST(amount = earlier AS INTEGER)) FILTER (date > before), 0) FROM (
            SELECT date, amount, lag(date) OVER same AS before, lag(amount) OVER same AS earlier FROM judged
            WHERE {of_it} WINDOW same AS (PARTITION BY customer_id ORDER BY date, amount))
    """).fetchone()[0]
    return bool(copies > 2 * alike * again)


def _check_some(account: Account, where: str, connection: Any) -> None:
    if account.rows["taken"]:
        return
    if account.rows["returns"] and account.rows["returns"] == account.read:
        raise PurchasesError(
            f"{where}: every row is a return: every amount is negative, or columns are called so (`refund_amount`); "
            "expected purchases, with which files of returns are loaded"
        )
    parts = ", ".join(f"{rows:,} {outcome.replace('_', ' ')}" for outcome, rows in account.rows.items() if rows)
    raise PurchasesError(f"{where}: no purchase is left of {account.read:,} rows: {parts}")


def _purchases(connection: Any, places: int, account: Account, notes: list[str]) -> None:
    """Fill table ``purchases`` with what was bought and not brought back."""
    plain = connection.execute(
        "SELECT bool_and(coalesce(CAST(TRY_CAST(customer_id AS BIGINT) AS VARCHAR) = customer_id, false)) FROM lines "
        "WHERE outcome IN ('taken', 'merged')"
    ).fetchone()[0]
    mixed = (
        connection.execute("SELECT 1 FROM lines WHERE NOT in_sample LIMIT 1").fetchone()
        and connection.execute(
            "SELECT customer_id FROM lines WHERE outcome IN ('taken', 'merged') GROUP BY customer_id "
            "HAVING bool_or(in_sample) AND NOT bool_and(in_sample) ORDER BY customer_id LIMIT 1"
        ).fetchone()
    )
    if mixed:
        raise PurchasesError(
            f"customer {mixed[0]} is in the sample in some rows and not in others; make the column the same in all "
            "rows of a customer"
        )
    extra = [name for name in _EXTRA if connection.execute(
        f"SELECT 1 FROM lines WHERE {name} IS NOT NULL LIMIT 1").fetchone()]  # fmt: skip
    kind = "BIGINT" if plain else "VARCHAR"
    names = ", ".join(["date", "quantity", "amount", "in_sample", *extra])
    if not account.rows["returns"]:
        connection.execute(
            f"CREATE OR REPLACE TABLE purchases AS SELECT CAST(customer_id AS {kind}) AS customer_id, {names} "
            "FROM lines WHERE outcome IN ('taken', 'merged')"
        )
        return
    within, off = connection.execute("""
        SELECT count(*), coalesce(sum(back.amount), 0) FROM lines AS back SEMI JOIN (
            SELECT customer_id, order_id, date FROM lines
            WHERE outcome IN ('taken', 'merged', 'returns') AND order_id IS NOT NULL
            GROUP BY ALL HAVING sum(amount) > 0) AS sold USING (customer_id, order_id, date)
        WHERE outcome = 'returns' AND NOT coalesce(quantity < 0, false)
    """).fetchone()
    whole, unset = set_against(connection, places)
    names = names.replace("amount", f"CASE WHEN net.id IS NULL THEN amount ELSE net.micro / 1e{places} END AS amount")
    connection.execute(
        f"CREATE OR REPLACE TABLE purchases AS SELECT CAST(customer_id AS {kind}) AS customer_id, {names} "
        "FROM (SELECT * FROM lines WHERE outcome IN ('taken', 'merged')) AS bought LEFT JOIN net USING (id) "
        "WHERE net.id IS NULL OR net.micro > 0; DROP TABLE net"
    )
    rows, money = account.rows["returns"] - within, account.money("returns") - off
    over = unset[1] / 10**places
    text = f"{rows:,} returns (money {money:,.2f}) are set against purchases"
    text += f", {over - abs(money):,.2f} of it against what was bought before" if unset[0] else ""
    text += f", {whole:,} of which were brought back in full and are no purchases any more" if whole else ""
    notes += [text] if rows else []
    if within:
        notes.append(
            f"{within:,} of the rows among returns (money {off:,.2f}) are lines below zero of an order of that day, "
            "as vouchers are: no returns, but taken off their orders"
        )
    if unset[0]:
        notes.append(
            f"{unset[0]:,} returns (money {-unset[1] / 10**places:,.2f}) exceed what their customers bought before in "
            "these files, and change nothing"
        )
    if not connection.execute("SELECT 1 FROM purchases LIMIT 1").fetchone():
        raise PurchasesError("every purchase was brought back: no purchase is left")


def _huge(connection: Any, sources: Mapping[int, str], notes: list[str]) -> None:
    """Say where a few amounts are most of the money: a slip of the pen carries every mean and every plan."""
    middle, rows, money = connection.execute(
        "SELECT median(amount), count(*), sum(amount) FROM lines WHERE outcome IN ('taken', 'merged') AND amount > 0"
    ).fetchone()
    if not rows:
        return
    large, sum_, most, source, row = connection.execute(
        "SELECT count(*), sum(amount), max(amount), arg_max(source, amount), arg_max(row, amount) FROM lines "
        "WHERE outcome IN ('taken', 'merged') AND amount > ?",
        [_HUGE * middle],
    ).fetchone()
    if not large or large > max(1, _FEW_HUGE * rows) or sum_ < _MOST_OF_MONEY * money:
        return
    notes.append(
        f"{large:,} of {rows:,} rows {'is' if large == 1 else 'are'} {sum_ / money:.1%} of the money: the largest "
        f"amount is {most:,.2f} ({sources[source]}, row {row:,}), the middle one {middle:,.2f}; if a slip, mend "
        "it in the file: the mean amount, and all that rests on it, comes from there"
    )


def _vanished(connection: Any, account: Account, notes: list[str]) -> None:
    """Name customers who are in the files and not in the base, in number and by what became of their rows."""
    if account.rows["taken"] + account.rows["merged"] == account.read:
        return
    found = connection.execute("""
        WITH out AS (SELECT customer_id, min(outcome) AS why FROM lines
                     WHERE outcome NOT IN ('taken', 'merged') AND customer_id IS NOT NULL GROUP BY customer_id),
        bought AS (SELECT DISTINCT customer_id FROM lines SEMI JOIN out USING (customer_id) WHERE outcome = 'taken'),
        gone AS (SELECT * FROM out ANTI JOIN (
                 SELECT CAST(customer_id AS VARCHAR) AS customer_id FROM purchases) AS left_over USING (customer_id))
        SELECT CASE WHEN bought.customer_id IS NULL THEN why ELSE 'brought everything back' END AS why, count(*)
        FROM gone LEFT JOIN bought USING (customer_id) GROUP BY ALL
    """).fetchall()
    by = {why if " " in why else f"only {why.replace('_', ' ')}": number for why, number in found}
    if by:
        parts = ", ".join(f"{number:,} {why}" for why, number in sorted(by.items(), key=lambda item: -item[1]))
        notes.append(f"{sum(by.values()):,} customers are in the files without a purchase left: {parts}")
