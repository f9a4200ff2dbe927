"""Contracts of firms that only have counts of them: by age who ended and who is still there, or cohort by cohort.

Three ways of writing them are read:

- a row an age (and a cohort): of those who came to their next renewal, how many ended;
- a row an age (and a cohort): how many are still there;
- a row a cohort, a column an age: how many are still there; empty: not yet known.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from sim.arrays import Floats
from sim.customers.contracts import Contracts
from sim.errors import PurchasesError
from sim.purchases.base import is_base
from sim.purchases.beside import table_of
from sim.purchases.read.sources import is_database, shown
from sim.purchases.read.tables import MEMBERSHIPS, Role, Table, plain_name
from sim.purchases.read.values import Values

__all__ = ["counted"]

_AFTER = ("kept", "renewed", "retained", "stayed", "remaining")
COUNTED = Table(
    "counts of contracts",
    (
        MEMBERSHIPS["end"],
        Role("age", "number", ("renewals", "age", "tenure", "periods", "period", "month", "months", "year", "years",
                               "quarter", "quarters", "week", "weeks", "yearskept", "monthskept", "alter", "dauer",
                               "laufzeit", "monat", "monate", "jahr", "jahre", "anciennete", "mois", "annee", "annees",
                               "antiguedad", "mes", "meses", "ano", "anos", "年数", "月数"),
             "renewals come through"),
        Role("ended", "number", ("ended", "left", "lost", "churned", "churn", "cancelled", "canceled", "notrenewed",
                                 "lapsed", "gekundigt", "kundigungen", "abgange", "verloren", "perdus", "bajas",
                                 "流失"), "how many ended"),
        Role("customers", "number", ("atrisk", "customers", "contracts", "members", "subscribers", "survivors", "alive",
                                     "active", "open", "stillthere", "count", "number", "n", *_AFTER, "kunden",
                                     "vertrage", "mitglieder", "clients", "abonnes", "clientes", "客户数", "人数"),
             "how many there are"),
        Role("cohort", "text", ("cohort", "vintage", "started", "start", "joined", "startyear", "startmonth", "kohorte",
                                "jahrgang", "cohorte", "队列"), "when they began"),
    ),
)  # fmt: skip
"""Rows of counts; a column of days on which contracts ended is none of them."""

_NUMBERED = re.compile(r"([^\W\d]*)(\d{1,3})(?:st|nd|rd|th|er|e)?([^\W\d]*)")
_AGES = frozenset({*COUNTED["age"].names, "", "m", "y", "w", "p", "t", "q", "renewal", "quartal", "trimestre",
                   "trim", "semaine", "semana", "woche", "wochen", "第", "月", "年", "か月", "个月"})  # fmt: skip
"""What may stand before and behind the number in the name of a column that holds an age."""
_QUARTERS = frozenset({"q", "t", "quarter", "quarters", "quartal", "trimestre", "trim"})
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(\.\d{3})+")
_CALENDAR = (1900, 2200)
"""Numbers between these are calendar years, no ages; nor are higher ones."""
_MOST = 1e12
_TOTALS = frozenset({"total", "totals", "grandtotal", "sum", "overall", "gesamt", "summe", "insgesamt", "somme",
                     "totale", "totaal", "suma", "合计", "总计", "合計", "average", "avg", "mean", "durchschnitt",
                     "mittelwert", "moyenne", "media", "平均"})  # fmt: skip
_SIZES = frozenset({"size", "cohortsize", "customers", "newcustomers", "members", "subscribers", "users", "kunden"})
_BY_CHANCE = 1e-9


def counted(where: str | Path) -> tuple[Contracts, tuple[str, ...]] | None:
    """Return contracts that a file has counts of, and what should be said; None: a row of it is a contract.

    Raises
    ------
    PurchasesError
        If the counts cannot be: shares instead of numbers, ages that leave some out, more people at a higher age.
    """
    name = shown(where)
    if not is_database(where) and is_base(where):
        return None  # what bases hold are contracts
    with table_of(where, COUNTED) as (connection, values, roles):
        columns = dict(roles.columns)
        if "end" in columns and _is_count(connection, values, columns):
            columns["ended"] = columns.pop("end")
        if "end" in columns:
            return None
        if "age" in columns and ("customers" in columns or "ended" in columns):
            if "customers" not in columns:
                raise PurchasesError(
                    f"{name}: no column says of how many {columns['ended']!r} is; call one 'customers' "
                    "(a row a contract has a 'start' and an 'end')"
                )
            said = [f"{name}: columns not used: {', '.join(roles.unused)}"] if roles.unused else []
            table = _numbers(connection, values, [columns["age"], columns["customers"]], name)
            renewals = plain_name(columns["age"]) == "renewals"
            cohorts = _texts(connection, values, columns["cohort"]) if "cohort" in columns else [""] * len(table)
            if "ended" in columns:
                gone = _numbers(connection, values, [columns["ended"]], name)[:, 0]
                return _with_ended(cohorts, np.column_stack([table, gone]), columns, renewals, name, said)
            lines = _by_cohort(cohorts, table, name)
            return _of_survivors(lines, renewals, name, said)
        return _wide(connection, values, name)


def _is_count(connection: Any, values: Values, columns: dict[str, str]) -> bool:
    """Return whether what looks like days on which contracts ended is numbers of those who did."""
    if not ("age" in columns and "customers" in columns):
        return False
    ended, all_ = values.number(columns["end"]), values.number(columns["customers"])
    rows = connection.execute(f"SELECT {ended}, {all_} FROM beside WHERE {ended} + {all_} IS NOT NULL").fetchall()
    return bool(rows) and all(gone <= everybody for gone, everybody in rows)


def _wide(connection: Any, values: Values, name: str) -> tuple[Contracts, tuple[str, ...]] | None:
    """Return what a row a cohort and a column an age say; None: columns are not called by ages."""
    columns, skipped = list(values.source.types), 0
    names = columns
    if not values.source.header:  # ages in a first line look like values
        first = connection.execute(f"SELECT {', '.join(map(values.text, columns))} FROM beside LIMIT 1").fetchone()
        names, skipped = [str(each or "") for each in first or ()], 1
    aged = _aged(dict(zip(columns, names, strict=True)), name)
    numbers = sorted(aged.values())
    if len(aged) < 2 or (skipped and numbers != list(range(numbers[0], numbers[0] + len(numbers)))):
        return None
    order = sorted(aged, key=aged.__getitem__)
    rest = [column for column in columns if column not in aged]
    table = _numbers(connection, values, order, name, skipped, [names[columns.index(column)] for column in order])
    said: list[str] = []
    size = next((column for column in rest if plain_name(names[columns.index(column)]) in _SIZES), None)
    if size is not None and aged[order[0]] == 1:
        began = _numbers(connection, values, [size], name, skipped)
        if (began >= table[:, :1]).all() and (began > table[:, :1]).any():
            said.append(f"{name}: {names[columns.index(size)]!r} is taken for those who began, at age 0")
            aged[size], order, table = 0, [size, *order], np.hstack([began, table])
            rest.remove(size)
    cohorts = _texts(connection, values, rest[0])[skipped:] if rest else [f"row {i + 1}" for i in range(len(table))]
    cohorts = [each if cohorts.count(each) == 1 else f"{each} (row {i + 1})" for i, each in enumerate(cohorts)]
    lines: dict[str, list[tuple[float, float]]] = {
        cohort: [(float(aged[column]), each) for column, each in zip(order, row, strict=True) if each == each]
        for cohort, row in zip(cohorts, table.tolist(), strict=True)
    }
    unused = [names[columns.index(column)] for column in rest[1:]]
    renewals = all(plain_name(names[columns.index(column)]).startswith("renewal") for column in order[-2:])
    said += [f"{name}: columns not used: {', '.join(unused)}"] if unused else []
    return _of_survivors(lines, renewals, name, said)


def _aged(names: dict[str, str], name: str) -> dict[str, int]:
    """Return the columns that are called by an age, and it: by a number, with a word beside it that goes with ages.

    Raises
    ------
    PurchasesError
        If they may as well be quarters of a calendar.
    """
    parts = {column: _NUMBERED.fullmatch(plain_name(said)) for column, said in names.items()}
    found = {column: each for column, each in parts.items() if each and {each[1], each[3]} <= _AGES}
    aged = {column: int(each[2]) for column, each in found.items()}
    if len(aged) < 2 or len(set(aged.values())) < len(aged):
        return {}
    if all({each[1], each[3]} & _QUARTERS and 1 <= int(each[2]) <= 4 for each in found.values()):
        first, *_, last = (names[column] for column in sorted(aged, key=aged.__getitem__))
        raise PurchasesError(
            f"{name}: {first!r} to {last!r} may be quarters of a calendar or ages of customers; where they say "
            "how many of those who began together are still there, call them 0, 1, 2 and so on"
        )
    return aged


def _numbers(
    connection: Any, values: Values, columns: Sequence[str], name: str, skipped: int = 0, called: Sequence[str] = ()
) -> Floats:
    """Return columns of numbers, nan where empty; beside semicolons 1.000 is a thousand, since people are whole."""
    out, semicolons = [], values.source.dialect.get("separator") == ";"
    for column, title in zip(columns, called or columns, strict=True):
        sql = f"SELECT {values.text(column)}, {values.number(column)} FROM beside"
        rows = connection.execute(sql).fetchall()[skipped:]
        odd = next((text for text, number in rows if text is not None and number is None), None)
        if odd is not None:
            share = " (a share: numbers of customers are needed, which say how sure it is)" if "%" in odd else ""
            raise PurchasesError(f"{name}: column {title!r} holds {odd!r}, which is no number{share}")
        if semicolons:
            rows = [(t, t.replace(".", "") if t and _THOUSANDS.fullmatch(t) else number) for t, number in rows]
        out.append([np.nan if number is None else float(number) for _, number in rows])
    return np.array(out, dtype=np.float64).T


def _texts(connection: Any, values: Values, column: str) -> list[str]:
    rows = connection.execute(f"SELECT {values.text(column)} FROM beside").fetchall()
    return [str(text) if text is not None else f"row {i + 1}" for i, (text,) in enumerate(rows)]


def _whole(number: float, what: str, name: str) -> int:
    """Return a count.

    Raises
    ------
    PurchasesError
        If it is none.
    """
    if number != number:
        raise PurchasesError(f"{name}: {what} is empty")
    if not 0 <= number < _MOST or number != round(number):
        shares = "; shares do not say how many there are: give numbers of customers" if 0 < number < 1 else ""
        raise PurchasesError(f"{name}: {what} is {number:g}, which is no number of customers{shares}")
    return int(number)


def _ages(ages: Sequence[float], of: str, name: str) -> list[int]:
    """Return ages without a gap, in order."""
    odd = next((age for age in ages if not 0 <= age < _CALENDAR[0] or age != round(age)), None)
    if odd is not None:
        what = "a calendar year, no age" if _CALENDAR[0] <= odd < _CALENDAR[1] else "no age" if odd == odd else "empty"
        raise PurchasesError(f"{name}: an age{of} is {f'{odd:g}, which is {what}' if odd == odd else what}; ages are "
                             "the renewals come through: 0, 1, 2 and so on")  # fmt: skip
    out = [int(age) for age in ages]
    for before, after in pairwise(out):
        if after != before + 1:
            what = "twice" if after == before else f"and then {after}: none may be left out"
            raise PurchasesError(f"{name}: age {before}{of} stands there {what}")
    return out


def _with_ended(
    cohorts: list[str], table: Floats, columns: Any, renewals: bool, name: str, said: list[str]
) -> tuple[Contracts, tuple[str, ...]]:
    """Return contracts of which it is known by age how many ended: of those who came to the renewal, or beside them.

    ``table``, (rows, 3), has age, customers and how many ended. Those of a cohort who were kept at an age and are not
    among the customers of its next one go on. Without cohorts each age is of other people, or all are one cohort.
    """
    after = plain_name(columns["customers"]) in _AFTER
    lines = _grouped(cohorts, table, name, said)
    ages = {of: _ages([row[0] for row in line], of, name) for of, line in lines.items()}
    first = 0 if renewals else _from_one(min(at[0] for at in ages.values()), said, name)
    came = {
        of: [_came(row, age, of, columns, after, name) for age, row in zip(ages[of], line, strict=True)]
        for of, line in lines.items()
    }
    if set(lines) == {""}:
        chained = all(who - over == then for (who, over), (then, _) in pairwise(came[""]))
        if len(came[""]) > 2 and chained:
            said.append("at each age there are those whom the age before kept: they are taken for one cohort, of whom "
                        f"{came[''][-1][0] - came[''][-1][1]:,} go on")  # fmt: skip
        else:
            ages = {f"age {age}": [age] for age in ages[""]}
            came = dict(zip(ages, ([each] for each in came[""]), strict=True))
    most = max(at[-1] for at in ages.values()) - first
    ended, renewed, there = (np.zeros(most + 2, dtype=np.int64) for _ in range(3))
    for of, at in ages.items():
        for age, (who, over), (then, _) in zip(at, came[of], [*came[of][1:], (0, 0)], strict=True):
            if then > who - over:
                raise PurchasesError(
                    f"{name}: {who - over:,} were kept{of} at age {age}, {then:,} came to age {age + 1}: of people who "
                    "began together there can only be fewer"
                )
            ended[age - first] += over
            renewed[age - first] += who - over
            there[age - first + 1] += who - over - then
    if not after:
        said.append(f"{columns['customers']!r} are taken for those who came to their next renewal, of whom "
                    f"{columns['ended']!r} ended")  # fmt: skip
    return _with_unseen(Contracts(ended, renewed, there), name, said)


def _grouped(cohorts: list[str], table: Floats, name: str, said: list[str]) -> dict[str, list[list[float]]]:
    """Return rows by cohort, in the order of ages, by what is to be said of it: nothing where there is one alone."""
    lines: dict[str, list[list[float]]] = defaultdict(list)
    for cohort, row in zip(cohorts, table.tolist(), strict=True):
        lines[cohort].append(row)
    kept = _without_totals({cohort: [(row[0], row[1]) for row in line] for cohort, line in lines.items()}, name, said)
    return {f" of {each}" if len(kept) > 1 else "": sorted(lines[each]) for each in kept}


def _came(row: list[float], age: int, of: str, columns: Any, after: bool, name: str) -> tuple[int, int]:
    """Return how many came to a renewal, and how many of them ended."""
    who = _whole(row[1], f"{columns['customers']!r} of age {age}{of}", name)
    over = _whole(row[2], f"{columns['ended']!r} of age {age}{of}", name)
    if not after and over > who:
        raise PurchasesError(
            f"{name}: {over:,} ended of {who:,} of age {age}{of}; where {columns['customers']!r} are those who stayed, "
            "call it 'kept'"
        )
    return who + over if after else who, over


def _from_one(lowest: int, said: list[str], name: str) -> int:
    """Return the age that stands for no renewal yet: 1, where ages begin with it; it is said."""
    if lowest != 1:
        return 0
    said.append(f"{name}: ages begin at 1, which is taken for the first period, before any renewal; call the column "
                "'renewals' if it is of renewals come through")  # fmt: skip
    return 1


def _by_cohort(cohorts: list[str], table: Floats, name: str) -> dict[str, list[tuple[float, float]]]:
    lines: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for cohort, (age, number) in zip(cohorts, table.tolist(), strict=True):
        if number == number:
            lines[cohort].append((age, number))
    return {cohort: sorted(line) for cohort, line in lines.items()}


def _of_survivors(
    lines: dict[str, list[tuple[float, float]]], renewals: bool, name: str, said: list[str]
) -> tuple[Contracts, tuple[str, ...]]:
    """Return contracts of cohorts of which it is known at each age how many were still there."""
    lines = _without_totals({cohort: line for cohort, line in lines.items() if line}, name, said)
    if not lines:
        raise PurchasesError(f"{name}: no count of customers is in it")
    for cohort, line in lines.items():
        _ages([age for age, _ in line], f" of {cohort}" if cohort else "", name)
    if all(line[0][1] == 100 for line in lines.values()):
        said.append(f"{name}: it begins with 100 customers everywhere; if these are shares in per cent, give numbers "
                    "of customers, which say how sure it is")  # fmt: skip
    first = 0 if renewals else _from_one(int(min(line[0][0] for line in lines.values())), said, name)
    most = int(max(line[-1][0] for line in lines.values())) - first
    ended, renewed, there = (np.zeros(size, dtype=np.int64) for size in (max(most, 1), max(most, 1), most + 1))
    for cohort, line in lines.items():
        of = f" of {cohort}" if cohort else ""
        ages = [int(age) for age, _ in line]
        heads = [_whole(number, f"the number at age {age:.0f}{of}", name) for age, number in line]
        for age, (now, then) in zip(ages, pairwise(heads), strict=False):
            if then > now:
                raise PurchasesError(
                    f"{name}: {now:,} customers{of} at age {age}, {then:,} at age {age + 1}: of people who began "
                    "together there can only be fewer; where each age is of other people, say beside it how many ended"
                )
            ended[age - first] += now - then
            renewed[age - first] += then
        there[ages[-1] - first] += heads[-1]
    _check_zeros(lines, name)
    return _with_unseen(Contracts(ended, renewed, there), name, said)


def _with_unseen(contracts: Contracts, name: str, said: list[str]) -> tuple[Contracts, tuple[str, ...]]:
    """Return contracts and what is said, also of renewals that nobody who is counted came to, before others."""
    came = contracts.ended + contracts.renewed
    unseen = np.flatnonzero(came[: max(np.flatnonzero(came), default=0)] == 0)
    if len(unseen):
        first = int(unseen[0])
        hint = "; where the first row is of those in their first period, begin with 0" if first == 0 else ""
        said.append(
            f"{name}: nobody is counted who had come through {first} renewals, so the share that came through "
            f"{first + 1} or more is not seen, and what the laws say of it is told by other ages alone{hint}"
        )
    return contracts, tuple(said)


def _without_totals(
    lines: dict[str, list[tuple[float, float]]], name: str, said: list[str]
) -> dict[str, list[tuple[float, float]]]:
    """Return cohorts without rows that add up others, which are said: by what they are called, or by what they hold."""
    sums: dict[float, float] = defaultdict(float)
    for line in lines.values():
        for age, number in line:
            sums[age] += number
    totals = [
        cohort
        for cohort, line in lines.items()
        if len(lines) > 1
        and (
            plain_name(cohort) in _TOTALS
            or (len(lines) > 2 and len(line) == len(sums) > 1 and all(2 * number == sums[age] for age, number in line))
        )
    ]
    if totals:
        said.append(f"{name}: left out, since they sum up the others: {', '.join(totals)}")
    return {cohort: line for cohort, line in lines.items() if cohort not in totals}


def _check_zeros(lines: dict[str, list[tuple[float, float]]], name: str) -> None:
    """Refuse zeros that stand for what is not yet known: all of a cohort ended at once, where others hardly do."""
    steps = [
        (cohort, age, now, then)
        for cohort, line in lines.items()
        for (age, now), (_, then) in pairwise(line)
        if now > 0
    ]  # fmt: skip
    came = sum(now for _, _, now, then in steps if then > 0)
    ends = (came - sum(then for *_, then in steps) + 1) / (came + 2)
    for cohort, age, now, then in steps:
        if came and then == 0 and ends**now < _BY_CHANCE:
            raise PurchasesError(
                f"{name}: {now:,.0f} customers{f' of {cohort}' if cohort else ''} at age {age:.0f} and none at age "
                f"{age + 1:.0f}, where elsewhere {ends:.1%} end; leave it empty where it is not yet known, and the "
                "cohort out where all of it did end: nobody of it is left to plan for"
            )
