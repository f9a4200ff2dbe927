"""Periods in the order of time, by what their names say: never by the order in which a file has them.

A name is read as a date, week, month, quarter, half or year, or as a number with the same words before it in all.
Every reading gives a place on a line; names are in order where a reading fits all of them, and no two readings
disagree.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from math import gcd

__all__ = ["Order", "order_of"]

MONTHS = {
    name[:length]: number
    for number, name in enumerate(
        [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ],
        1,
    )
    for length in range(3, len(name) + 1)
}
"""By name and by every abbreviation of at least three letters."""
WEEKDAYS = {
    name[:length]: number
    for number, name in enumerate(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], 1)
    for length in range(2, len(name) + 1)
}
YEAR = r"(?:fy|cy)? ?['’]?(?P<year>(?:19|20|21)\d\d|\d\d)"
LONG_YEAR = r"(?:fy|cy)? ?(?P<year>(?:19|20|21)\d\d)"
GAP = r"[ ./_'’,-]*"
CLOCK = r"(?:[t ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?z?)?"


@dataclass(frozen=True)
class Order:
    """What names of periods say about time.

    Attributes
    ----------
    names : tuple of str
        In the order of time; as they came where that is not known.
    unknown : str
        Why the order is not known; empty if it is.
    missing : str
        What keeps neighbours from being one step apart; empty if nothing does.
    """

    names: tuple[str, ...]
    unknown: str = ""
    missing: str = ""


def order_of(names: Sequence[str]) -> Order:
    """Return the names, each once, in the order of time, or why it is not known."""
    came = tuple(dict.fromkeys(names))
    if len(came) < 2:
        return Order(came)
    found: list[tuple[tuple[str, ...], str]] = []
    for reading in READINGS:
        places = [reading(" ".join(name.lower().split())) for name in came]
        known = [place for place in places if place is not None]
        if len(known) < len(came):
            continue
        line = sorted(zip(known, came, strict=True))
        for (place, name), (after, other) in itertools.pairwise(line):
            if place == after:
                return Order(came, f"'{name}' and '{other}' are the same period in two spellings; spell it one way")
        found.append((tuple(name for _, name in line), _missing(line)))
    orders = {line for line, _ in found}
    if not found:
        return Order(came, f"periods such as '{came[0]}' and '{came[1]}' are not understood as dates or numbers")
    if len(orders) > 1:
        return Order(came, f"'{came[0]}' may be read day first or month first; write dates as 2024-01-31")
    return Order(found[0][0], missing=min((missing for _, missing in found), key=len))


def _missing(line: Sequence[tuple[float, str]]) -> str:
    """Return between which neighbours a period is missing, in steps of the file's own size; empty if none is."""
    steps = [after - before for (before, _), (after, _) in itertools.pairwise(line)]
    if any(step != int(step) for step in steps):
        return ""
    step = reduce(gcd, (int(each) for each in steps))
    wide = next((i for i, each in enumerate(steps) if each > step), None)
    return "" if wide is None else f"a period is missing between '{line[wide][1]}' and '{line[wide + 1][1]}'"


def _year(text: str) -> int:
    return int(text) + (2000 if len(text) == 2 else 0)


def _dated(pattern: str) -> Callable[[str], float | None]:
    """Return a reading of days."""
    form = re.compile(pattern + CLOCK)

    def read(name: str) -> float | None:
        found = form.fullmatch(name)
        if found is None:
            return None
        parts = found.groupdict()
        month = parts["month"]
        try:
            return date(
                _year(parts["year"]), int(month) if month.isdigit() else MONTHS.get(month, 0), int(parts["day"])
            ).toordinal()
        except ValueError:
            return None

    return read


def _monthly(days: Callable[[str], float | None]) -> Callable[[str], float | None]:
    """Return a reading of days that all are the first of a month, or all the last, as months."""

    def read(name: str) -> float | None:
        place = days(name)
        if place is None:
            return None
        day = date.fromordinal(int(place))
        last = date.fromordinal(int(place) + 1).day == 1
        return 12.0 * day.year + day.month if day.day == 1 or last else None

    return read


def _within_year(pattern: str, per_year: int, names: dict[str, int] | None = None) -> Callable[[str], float | None]:
    """Return a reading of parts of a year, such as months."""
    form = re.compile(pattern)

    def read(name: str) -> float | None:
        found = form.fullmatch(name)
        if found is None:
            return None
        part = found["part"]
        number = (names or {}).get(part, 0) if not part.isdigit() else int(part)
        year = _year(found["year"]) if "year" in form.groupindex else 0
        return float(per_year * year + number) if 1 <= number <= per_year else None

    return read


def _week(pattern: str) -> Callable[[str], float | None]:
    """Return a reading of ISO weeks, counted from the first there is."""
    form = re.compile(pattern)

    def read(name: str) -> float | None:
        found = form.fullmatch(name)
        if found is None:
            return None
        try:
            return float(date.fromisocalendar(_year(found["year"]), int(found["part"]), 1).toordinal() // 7)
        except ValueError:
            return None

    return read


def _spans(days: Callable[[str], float | None]) -> Callable[[str], float | None]:
    """Return a reading of ``2024-01-01/2024-01-07``, by its first day."""

    def read(name: str) -> float | None:
        first, _, last = re.sub(r" (to|until|-|–) ", "/", name).partition("/")
        start, end = days(first.strip()), days(last.strip())
        return start if start is not None and end is not None and start <= end else None

    return read


def _number(name: str) -> float | None:
    """Return a plain number."""
    return float(name) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", name) else None


def _counted(words: str) -> Callable[[str], float | None]:
    form = re.compile(rf"(?:{words})[ ._-]*(\d+)")

    def read(name: str) -> float | None:
        found = form.fullmatch(name)
        return None if found is None else float(found[1])

    return read


_DAY, _MONTH, _WORD = r"(?P<day>\d{1,2})", r"(?P<month>\d{1,2})", r"(?P<month>[a-z]{3,9})"
_MARK = r"[./-]"
_ISO = _dated(rf"(?P<year>\d{{4}}){_MARK}{_MONTH}{_MARK}{_DAY}")
_COMPACT = _dated(r"(?P<year>(?:19|20|21)\d\d)(?P<month>\d\d)(?P<day>\d\d)")
_DAYS = (
    _ISO,
    _COMPACT,
    _dated(rf"{_DAY}{_MARK}{_MONTH}{_MARK}(?P<year>\d{{4}}|\d\d)"),
    _dated(rf"{_MONTH}{_MARK}{_DAY}{_MARK}(?P<year>\d{{4}}|\d\d)"),
    _dated(rf"{_DAY}(?:st|nd|rd|th)?[ .-]+{_WORD}[ .,-]+(?P<year>\d{{4}}|\d\d)"),
    _dated(rf"{_WORD}[ .]+{_DAY}(?:st|nd|rd|th)?[ ,]+(?P<year>\d{{4}})"),
)
_PART, _NAME = r"(?P<part>\d{1,2})", r"(?P<part>[a-z]{3,9})"
READINGS: tuple[Callable[[str], float | None], ...] = (
    *(_monthly(days) for days in _DAYS),
    *_DAYS,
    _spans(_ISO),
    _within_year(rf"{LONG_YEAR}{GAP}m? ?{_PART}", 12),
    _within_year(rf"(?:m|month )?{_PART}{_MARK}{LONG_YEAR}", 12),
    _within_year(rf"{_PART}/{YEAR}", 12),
    _within_year(rf"{_NAME}{GAP}{YEAR}", 12, MONTHS),
    _within_year(rf"{YEAR}{GAP}{_NAME}", 12, MONTHS),
    _within_year(rf"{_NAME}", 12, MONTHS),
    _within_year(r"(?P<part>[a-z]{2,9})", 7, WEEKDAYS),
    _within_year(rf"{YEAR}{GAP}(?:q|quarter) ?(?P<part>[1-4])", 4),
    _within_year(rf"(?:q|quarter) ?(?P<part>[1-4]){GAP}{YEAR}", 4),
    _within_year(rf"(?P<part>[1-4])q{GAP}{YEAR}", 4),
    _within_year(rf"{YEAR}{GAP}(?:h|half) ?(?P<part>[12])", 2),
    _within_year(rf"(?:h|half) ?(?P<part>[12]){GAP}{YEAR}", 2),
    _week(rf"{YEAR}{GAP}(?:w|wk|cw|kw|week) ?{_PART}"),
    _week(rf"(?:w|wk|cw|kw|week) ?{_PART}{GAP}{LONG_YEAR}"),
    _week(r"(?P<year>(?:19|20|21)\d\d)(?P<part>\d\d)"),
    _counted("w|wk|cw|kw|week"),
    _counted("m|month"),
    _counted("q|quarter"),
    _counted("h|half"),
    _counted("d|day"),
    _counted("y|yr|year|fy|cy"),
    _counted("t|p|per|period|step|no|nr"),
    _number,
)
"""From a name in small letters to a place on a line; None where it does not fit."""
