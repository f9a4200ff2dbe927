"""A history as a table: a row a period (and segment), with what came in and the money of each lever.

Columns are ``period`` (numbers, or months, quarters, weeks or days, none missing between), maybe ``segment``, at least
one of ``won``, ``active``, ``purchases`` and ``money``, and one for each lever with what was spent through it. Empty:
not known, of money: none.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np

from sim.arrays import Floats
from sim.errors import InputError
from sim.purchases.read.tables import plain_name
from sim.purchases.read.values import Values
from sim.responses.cells import period_of

__all__ = ["KNOWN", "OUTCOMES", "PERIODS", "History", "is_history", "places_of", "read_history"]

PERIODS = ("period", "month", "week", "quarter", "year", "date")
TIME = re.compile(
    r"(?P<year>(19|20)\d\d)[-/ ]?(?P<kind>[QW]?)(?P<part>\d{1,2})([-/](?P<day>\d{1,2})( 00:00.*)?)?", re.IGNORECASE
)
"""A month, quarter, week or day."""
KNOWN = rf"^(\d+(\.0)?|{TIME.pattern})$"
"""Periods that are read as they are written."""
OUTCOMES = ("won", "active", "purchases", "money")
"""People who first bought, customers not lapsed at a period's end, purchases, and what was paid for them."""


@dataclass(frozen=True, eq=False)
class History:
    """Money by lever and what came in.

    Attributes
    ----------
    where : str
        The file.
    periods, segments, levers : tuple of str
        Segments: none named is all of them together.
    spend : (periods, segments, levers)
    outcome : dict
        By its name, (periods, segments); nan where it is not known.
    unused : tuple of str
        Columns of words, which are no money.
    """

    where: str
    periods: tuple[str, ...]
    segments: tuple[str, ...]
    levers: tuple[str, ...]
    spend: Floats
    outcome: Mapping[str, Floats]
    unused: tuple[str, ...] = ()


def is_history(columns: Sequence[str]) -> bool:
    """Return whether a table's columns are those of a history."""
    names = {plain_name(column) for column in columns}
    return bool(names & set(PERIODS)) and bool(names & set(OUTCOMES)) and not names & {"lever", "moves", "outcome"}


def read_history(connection: Any, values: Values, where: str) -> History:
    """Return the history in a table.

    Raises
    ------
    InputError
        If a row is missing, twice, or cannot be used; names file and row.
    """
    named = {plain_name(column): column for column in values.source.types}
    period = next(each for each in PERIODS if each in named)
    kinds = [each for each in OUTCOMES if each in named]
    levers = [c for c in values.source.types if plain_name(c) not in (period, "segment", *kinds)]
    words = [c for c in levers if _words_alone(connection, values, c)]
    levers = [c for c in levers if c not in words]
    if not levers:
        raise InputError(f"{where}: expected a column of money for each lever beside {', '.join(named)}")
    segment = values.text(named["segment"]) if "segment" in named else "''"
    numbers = [f"{values.number(c)}, {values.text(c)}" for c in [*(named[k] for k in kinds), *levers]]
    rows = connection.execute(
        f"SELECT {period_of(values, named[period], KNOWN)}, coalesce({segment}, ''), {', '.join(numbers)} FROM beside"
    ).fetchall()
    periods = _ordered(where, {row[0] for row in rows})
    segments = tuple(dict.fromkeys(row[1] for row in rows))
    table = np.full((len(periods), len(segments), len(kinds) + len(levers)), np.nan)
    seen = np.zeros(table.shape[:2], dtype=bool)
    names = [*kinds, *levers]
    for i, (when, who, *cells) in enumerate(rows, 1):
        place = periods.index(when), segments.index(who)
        if seen[place]:
            raise InputError(f"{where}: row {i}: period {when}{f' of {who}' * bool(who)} comes twice; keep one row")
        seen[place] = True
        for j, name in enumerate(names):
            number, text = cells[2 * j : 2 * j + 2]
            if (number is None and text) or (number is not None and not 0 <= number < 1e18):
                raise InputError(f"{where}: row {i}: expected in column {name!r} a number of at least 0, got {text!r}")
            table[place][j] = np.nan if number is None else number
    if not seen.all():
        t, s = (int(each) for each in np.argwhere(~seen)[0])
        missing = f"{periods[t]}{f' of {segments[s]}' * bool(segments[s])}"
        raise InputError(f"{where}: no row for period {missing}; give every segment a row in every period")
    outcome = {kind: table[..., j] for j, kind in enumerate(kinds)}
    return History(
        where, periods, segments, tuple(levers), np.nan_to_num(table[..., len(kinds) :]),
        {kind: each for kind, each in outcome.items() if np.isfinite(each).any()}, tuple(words),
    )  # fmt: skip


def _words_alone(connection: Any, values: Values, column: str) -> bool:
    """Return whether a column holds something, and no number."""
    asked = f"SELECT count({values.number(column)}), count({values.text(column)}) FROM beside"
    numbers, filled = connection.execute(asked).fetchone()
    return bool(filled and not numbers)


def _ordered(where: str, names: set[str | None]) -> tuple[str, ...]:
    """Return periods in order of time.

    Raises
    ------
    InputError
        If a name is no time, two are the same, or one between them is missing: the twin plays one after the other.
    """
    if None in names:
        raise InputError(f"{where}: a row has no period")
    known = sorted(str(name) for name in names)
    times = [TIME.fullmatch(name) for name in known]
    try:
        places = _counted(times) if None not in times else [float(name) for name in known]
    except ValueError:
        raise InputError(
            f"{where}: expected periods as 1, 2, ... or as 2025-03, 2025-Q1, 2025-W07 or 2025-03-31, got "
            f"{known[0]!r} to {known[-1]!r}"
        ) from None
    order = [known[i] for i in np.argsort(places)]
    steps = np.diff(np.sort(places))
    usual = steps.min() if steps.size and None not in times else 1
    for (before, after), step in zip(pairwise(order), steps, strict=True):
        if step == 0:
            raise InputError(f"{where}: periods {before} and {after} are the same; write each in one way")
        if step != usual:
            raise InputError(
                f"{where}: one follows the other, and a period is missing between {before} and {after}; give it a row, "
                "empty where nothing is known"
            )
    return tuple(order)


def places_of(where: str, names: set[str]) -> dict[str, int]:
    """Return the place in time of each period, counted in periods; some may be missing between.

    Raises
    ------
    InputError
        If a name is no time, or two are the same.
    """
    known = sorted(names)
    times = [TIME.fullmatch(name) for name in known]
    try:
        places = _counted(times) if None not in times else [float(name) for name in known]
    except ValueError:
        places = [0.5]
    days = None not in times and all(each and each["day"] for each in times)
    step = float(np.diff(np.sort(places)).min(initial=np.inf)) if days and len(known) > 1 else 1.0
    whole = [round(each / step) if step > 0 else 0 for each in places]
    if step <= 0 or any(abs(each / step - place) > 1e-9 for each, place in zip(places, whole, strict=True)):
        raise InputError(
            f"{where}: expected periods as 1, 2, ... or as 2025-03, 2025-Q1, 2025-W07, each written in one way and as "
            f"long as the scenario's, got {known[0]!r} to {known[-1]!r}"
        )
    return dict(zip(known, whole, strict=True))


def _counted(times: Sequence[Any]) -> list[float]:
    """Return times as numbers: quarters, weeks, months, or days where these are evenly apart."""
    parts = [(int(t["year"]), int(t["part"]), (t["kind"] or "").upper(), t["day"]) for t in times]
    if {kind for *_, kind, _ in parts} == {"Q"}:
        return [4 * year + part for year, part, *_ in parts]
    if {kind for *_, kind, _ in parts} == {"W"}:
        return [date.fromisocalendar(year, part, 1).toordinal() / 7 for year, part, *_ in parts]
    days = [date(year, part, int(day or 1)).toordinal() for year, part, _, day in parts]
    if all(day for *_, day in parts) and np.unique(np.diff(np.sort(days))).size == 1:
        return [float(day) for day in days]
    return [12 * year + part for year, part, *_ in parts]
