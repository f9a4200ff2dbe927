"""Periods of a calendar as people write them - years, quarters, months, weeks - each by its first day."""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from sim.errors import PurchasesError
from sim.purchases.read.dates import Dates, month_of
from sim.purchases.read.sql import literal, quoted
from sim.purchases.read.tables import plain_name

__all__ = ["find_periods", "shares_of_a_year", "with_years"]

_MOST_DIFFERENT = 5_000
_YEAR_OF_DAYS = timedelta(days=365)
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_GAP = r"[\s./_-]*"
_QUARTER = r"(?:Q|T|Qtr\.?|Quarter|Quartal|Trim(?:estre|\.)?)"
_WEEK = r"(?:KW|CW|W|Week|Woche|Sem\.?|S)"
_FORMS = tuple(
    (kind, re.compile(form, re.IGNORECASE))
    for kind, form in (
        ("years", rf"(?:FY\s?)?{_YEAR}\s?年?"),
        ("months", rf"{_YEAR}(?:[\s./-]|\s?年\s?|M)?(?P<month>0[1-9]|1[0-2]|(?<=\D)[1-9])(?:\s?月)?"),
        ("months", rf"(?P<month>0?[1-9]|1[0-2])[\s./-]{_YEAR}"),
        ("months", rf"{_YEAR}{_GAP}(?P<word>[^\W\d_]+\.?)"),
        ("months", rf"(?P<word>[^\W\d_]+\.?){_GAP}(?P<year>(?:19|20)?\d\d)"),
        ("quarters", rf"{_YEAR}{_GAP}{_QUARTER}\s?(?P<quarter>[1-4])"),
        ("quarters", rf"{_QUARTER}\s?(?P<quarter>[1-4]){_GAP}{_YEAR}"),
        ("quarters", rf"(?P<quarter>[1-4])\.?\s?{_QUARTER}{_GAP}{_YEAR}"),
        ("weeks", rf"{_YEAR}{_GAP}{_WEEK}{_GAP}(?P<week>\d\d?)"),
        ("weeks", rf"{_WEEK}{_GAP}(?P<week>\d\d?)[\s./_-]+{_YEAR}"),
    )
)
_YEARS = ("year", "jahr", "annee", "ano", "anno", "年", "年份")
_MONTHS = ("month", "monat", "mois", "mes", "mese", "月", "月份")
_QUARTERS = ("quarter", "quartal", "trimestre", "季度")


def _first_day(text: str) -> tuple[date, str] | None:
    """Return the first day of a period and of which kind it is; None for what is none.

    >>> _first_day("2022Q3"), _first_day("Mai 24")
    ((datetime.date(2022, 7, 1), 'quarters'), (datetime.date(2024, 5, 1), 'months'))
    """
    for kind, form in _FORMS:
        found = form.fullmatch(text.strip())
        if not found:
            continue
        parts = found.groupdict()
        year = int(parts["year"]) + (2000 if len(parts["year"]) == 2 else 0)
        month = month_of(parts["word"]) if parts.get("word") else int(parts.get("month") or 1)
        if kind == "weeks":
            week = int(parts["week"])
            return (date.fromisocalendar(year, week, 1), kind) if 1 <= week <= 52 else None
        if kind == "quarters":
            month = 3 * int(parts["quarter"]) - 2
        if month:
            return date(year, month, 1), kind
    return None


def _read(texts: Iterable[str]) -> tuple[dict[str, date], set[str]]:
    """Return the first day of each text that is a period, and the kinds met."""
    read = {text: found for text in texts if (found := _first_day(text))}
    return {text: day for text, (day, _) in read.items()}, {kind for _, kind in read.values()}


def find_periods(connection: Any, table: str, text: str) -> Dates | None:
    """Return how the column ``text`` (a SQL expression) writes periods; None if fewer than half of its values are some.

    One year alone tells nothing of when within it: such a column parts no rows, and is None too.
    """
    distinct = f"SELECT DISTINCT {text} AS each FROM {table} WHERE each IS NOT NULL LIMIT {_MOST_DIFFERENT}"
    found = [each for (each,) in connection.execute(distinct).fetchall()]
    known, kinds = _read(found)
    if 2 * len(known) < max(len(found), 1) or (kinds == {"years"} and len(known) == 1):
        return None
    return Dates(" and ".join(sorted(kinds)), "{0}", known)


def with_years(connection: Any, table: str, columns: Iterable[str]) -> str | None:
    """Write the year of a column of years into the column of months or quarters beside it; return the year's column.

    A month without its year would be added to the same month of other years, and a year of which only some months are
    there would be taken for a whole one.
    """
    named = {plain_name(column): column for column in columns}
    year = next((named[name] for name in _YEARS if name in named), None)
    part = next((named[name] for name in (*_MONTHS, *_QUARTERS) if name in named), None)
    if year is None or part is None:
        return None
    said, of = f"trim(CAST({quoted(part)} AS VARCHAR))", f"trim(CAST({quoted(year)} AS VARCHAR))"
    letter = "Q" if plain_name(part) in _QUARTERS else ""
    joined = (
        f"CASE WHEN regexp_full_match({said}, '\\d+') THEN {literal(letter)} || {said} || '.' || {of} "
        f"WHEN {said} <> '' THEN {said} || ' ' || {of} END"
    )
    found = [(each, alone) for each, alone in connection.execute(
        f"SELECT DISTINCT {joined}, {said} FROM {table} LIMIT {_MOST_DIFFERENT}").fetchall() if each]  # fmt: skip
    if not found or len(_read(each for each, _ in found)[0]) < len(found) or _read(alone for _, alone in found)[0]:
        return None
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * EXCLUDE ({quoted(year)}) "
        f"REPLACE ({joined} AS {quoted(part)}) FROM {table}"
    )
    return year


def shares_of_a_year(days: list[tuple[date | None, str | None]], name: str) -> tuple[list[float], str]:
    """Return by row how much of its money belongs to a year that ends with the last day, and what should be said.

    Raises
    ------
    PurchasesError
        If a row has no day, or all are of one.
    """
    unread = next((i for i, (day, _) in enumerate(days, 1) if day is None), None)
    if unread:
        raise PurchasesError(f"{name}: row {unread}: {days[unread - 1][1] or ''!r} is no day, as the others have")
    known = [day for day, _ in days if day is not None]
    last = max(known)
    if len(set(known)) > 1 and all(day.day == 1 for day in known):
        return _months_of_a_year(known, name)
    inside = [last - day < _YEAR_OF_DAYS for day in known]
    spread = sorted({day for day, there in zip(known, inside, strict=True) if there})
    if len(spread) < 2:
        raise PurchasesError(f"{name}: all money is of {last}: what is spent a year is told from two periods on")
    covered = (last - spread[0]).days * len(spread) / (len(spread) - 1)  # a period has as many days as lie between two
    scale = _YEAR_OF_DAYS.days / covered
    left = len(known) - sum(inside)
    said = f"{name}: money of {spread[0]} to {last} ({len(spread)} periods) is made a year of (times {scale:.3g})"
    said += f"; {left:,} rows before are left out" if left else ""
    return [scale * there for there in inside], said


def _months_of_a_year(known: list[date], name: str) -> tuple[list[float], str]:
    """Return the same of periods that begin with a month: twelve months are a year, however many days they have."""
    months = [12 * day.year + day.month for day in known]
    apart = min(after - before for before, after in pairwise(sorted(set(months))))
    last = max(months)
    inside = [last - month < 12 for month in months]
    there = {day for day, now in zip(known, inside, strict=True) if now}
    covered = last - min(month for month, now in zip(months, inside, strict=True) if now) + apart
    scale, left = 12 / covered, len(known) - sum(inside)
    said = f"{name}: money of the {len(there)} periods of {apart} months from {min(there)} to {max(there)} is "
    said += "taken as a year's" if scale == 1 else f"made a year of (times {scale:.3g})"
    said = said.replace("periods of 1 months", "months").replace("the 1 periods", "the period")
    said += f"; {left:,} rows before are left out" if left else ""
    return [scale * now for now in inside], said
