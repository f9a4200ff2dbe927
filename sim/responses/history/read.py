"""A history as a table: a row a period (and segment), with what came in and the money of each lever.

Columns are ``period`` (numbers, or days that can be ordered), maybe ``segment``, at least one of ``won``, ``active``,
``purchases`` and ``money``, and one for each lever with what was spent through it. Empty: not known, of money: none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from sim.arrays import Floats
from sim.errors import InputError
from sim.purchases.read.tables import plain_name
from sim.purchases.read.values import Values

__all__ = ["OUTCOMES", "History", "is_history", "read_history"]

PERIODS = ("period", "month", "week", "quarter", "year", "date")
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
    """

    where: str
    periods: tuple[str, ...]
    segments: tuple[str, ...]
    levers: tuple[str, ...]
    spend: Floats
    outcome: Mapping[str, Floats]


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
    if not levers:
        raise InputError(f"{where}: expected a column of money for each lever beside {', '.join(named)}")
    segment = values.text(named["segment"]) if "segment" in named else "''"
    numbers = [f"{values.number(c)}, {values.text(c)}" for c in [*(named[k] for k in kinds), *levers]]
    rows = connection.execute(
        f"SELECT {values.text(named[period])}, coalesce({segment}, ''), {', '.join(numbers)} FROM beside"
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
        {kind: each for kind, each in outcome.items() if np.isfinite(each).any()},
    )  # fmt: skip


def _ordered(where: str, names: set[str | None]) -> tuple[str, ...]:
    if None in names:
        raise InputError(f"{where}: a row has no period")
    known = [str(name) for name in names]
    try:
        order = sorted(known, key=float)
        numbers = [float(each) for each in order]
    except ValueError:
        return tuple(sorted(known))
    gap = next((b for a, b in pairwise(numbers) if b != a + 1), None)
    if gap is not None:
        raise InputError(
            f"{where}: periods are numbered one after the other, and {gap - 1:g} is missing before {gap:g}"
        )
    return tuple(order)
