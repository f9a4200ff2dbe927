"""Reads tables of money: long, one row for a segment, a lever and a time, or wide, with a column for each time.

Everything that a table says is used, or refused with the place where it stands; what it leaves out is in ``notes``.
"""

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from optimizer.money.calendar import UNITS, Calendar, Stretch
from sim.arrays import Floats
from sim.contract import Targets
from sim.errors import InputError

__all__ = ["MOST", "Cell", "Formula", "MoneyTable", "Sheet", "read_table"]

MOST = 1e18
"""Largest money that is read."""
MONEY = ("spend", "money", "amount", "budget")
"""Names of the column of money, in any case."""
TIMES = ("period", "date", "day", *UNITS)
"""Names of the column of time: what its entries are where they are numbers."""
TOTALS = ("all", "total", "sum", "")
"""Names of rows and columns that add up others."""
ADDED = 1e-3
"""Share by which a sum that is stated may differ from what is added up: cells are rounded."""


@dataclass(frozen=True)
class Formula:
    """A formula, as it is written; read back, one that no spreadsheet has worked out yet.

    Attributes
    ----------
    text : str
        Its letters, the equals sign first.
    result : float, optional
        What it comes to when it is written, shown by what works out nothing: previews, phones, programs.
    """

    text: str
    result: float | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Sheet:
    """Cells in rows, the header first.

    Attributes
    ----------
    rows : list of lists
        Texts, numbers, dates, :class:`Formula`; None or blank where there is nothing.
    place : callable
        From row and column, counted from 0, to the place in the file.
    decimal : str
        What numbers that are texts have before their decimals.
    """

    rows: list[list[Any]]
    place: Callable[[int, int], str]
    decimal: str = "."


class Cell(NamedTuple):
    """The money of a segment through a lever in a stretch of time, and where the file says so."""

    segment: str
    lever: str
    stretch: Stretch
    money: float
    place: str


@dataclass(frozen=True)
class MoneyTable:
    """What a table says, no two of its cells about the same, and what a reader should know of it."""

    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()

    def covered(self, targets: Targets, periods: int) -> Floats:
        """Return which cell says what is spent, (periods, segments, levers); -1: none."""
        segments = list(dict.fromkeys(targets.segments))
        owner = np.full((periods, len(segments), len(targets.levers)), -1)
        for i, cell in enumerate(self.cells):
            owner[
                cell.stretch.first : cell.stretch.stop, segments.index(cell.segment), targets.levers.index(cell.lever)
            ] = i
        return owner


def read_table(sheet: Sheet, targets: Targets, calendar: Calendar) -> MoneyTable:
    """Return what a table says.

    Raises
    ------
    InputError
        If it is no such table, or says what cannot be: the message names the place.
    """
    rows = [i for i, row in enumerate(sheet.rows) if any(not _blank(value) for value in row)]
    if not rows:
        raise InputError("is empty; expected columns segment, lever, a time such as quarter, and spend")
    reader = _Reader(sheet, targets, calendar, rows)
    cells = reader.long() if reader.column(MONEY) is not None else reader.wide()
    _check_apart(cells, targets, calendar)
    return MoneyTable(tuple(cells), tuple(reader.notes))


class _Reader:
    """Reads one sheet."""

    def __init__(self, sheet: Sheet, targets: Targets, calendar: Calendar, rows: list[int]) -> None:
        self.sheet, self.targets, self.calendar = sheet, targets, calendar
        self.top, *self.below = rows
        self.head = sheet.rows[self.top]
        self.header = ["" if _blank(name) else str(name).strip().lower() for name in self.head]
        self.notes: list[str] = []
        for name in ("segment", "lever"):
            if self.header.count(name) != 1:
                what = "no" if name not in self.header else "more than one"
                raise InputError(
                    f"is no plan and no table of money: {what} column '{name}'; expected the columns segment, lever, a "
                    "time such as quarter, and spend, or a column of money for each time"
                )
        self.segment, self.lever = self.header.index("segment"), self.header.index("lever")

    def column(self, names: Sequence[str]) -> int | None:
        """Return the only column with one of some names."""
        found = [i for i, name in enumerate(self.header) if name in names]
        if len(found) > 1:
            both = " and ".join(f"'{self.header[i]}'" for i in found)
            raise InputError(f"has the columns {both}; expected one of them")
        return found[0] if found else None

    def long(self) -> list[Cell]:
        """Return the cells of a table with one row for each."""
        money, time = self.column(MONEY), self.column(TIMES)
        assert money is not None
        self._unused({self.segment, self.lever, money, *(() if time is None else (time,))})
        rows = [r for r in self.below if not self._is_total(r)]
        if time is None:
            whole = Stretch("the whole horizon", 0, self.calendar.periods)
            stretches = dict.fromkeys(rows, whole)
        else:
            stretches = self._stretches({r: (self._value(r, time), self._at(r, time)) for r in rows}, self.header[time])
            self._check_steps([self._value(r, time) for r in rows], list(stretches.values()), self.header[time])
        cells = [
            Cell(*self._names(r), stretches[r], amount, self._at(r, money))
            for r in rows
            if (amount := self._money(r, money)) is not None
        ]
        for r in self.below:
            if self._is_total(r):
                where = self._name(r, self.lever)
                parts = [c.money for c in cells if where.lower() in TOTALS or c.lever == where]
                if time is None or _blank(self._value(r, time)) or str(self._value(r, time)).lower() in TOTALS:
                    self._check_sum(r, money, parts)
        return cells

    def wide(self) -> list[Cell]:
        """Return the cells of a table with a column for each time."""
        others = [c for c in range(len(self.header)) if c not in (self.segment, self.lever)]
        totals = [c for c in others if self.header[c] in TOTALS[:-1]]
        named = {c: self.head[c] for c in others if c not in totals and not _blank(self.head[c])}
        times: dict[int, Stretch] = {}
        unused = []
        heads = {c: (value, self._at(self.top, c)) for c, value in named.items()}
        for c, stretch in self._stretches(heads, "period", strict=False).items():
            if stretch is None:
                unused.append(c)
            else:
                times[c] = stretch
        if not times:
            raise InputError(
                "is no plan and no table of money: no column 'spend', and none named by a time; expected the columns "
                "segment, lever, a time such as quarter, and spend, or columns named as 2025-Q3, Q3 or 2025-03-01"
            )
        self._unused({self.segment, self.lever, *totals, *times})
        times = self._until_the_next(times)
        cells: list[Cell] = []
        for r in self.below:
            if self._is_total(r):
                continue
            line = [
                Cell(*self._names(r), stretch, amount, self._at(r, c))
                for c, stretch in times.items()
                if (amount := self._money(r, c)) is not None
            ]
            for c in totals:
                self._check_sum(r, c, [cell.money for cell in line])
            cells += line
        for r in filter(self._is_total, self.below):
            for c in (*times, *totals):
                self._check_sum(r, c, [cell.money for cell in cells if c in totals or cell.stretch == times[c]])
        return cells

    # --- Times ---

    def _stretches(self, given: dict[int, tuple[Any, str]], unit: str, strict: bool = True) -> dict[int, Any]:
        """Return what times stand for, by their keys; not ``strict``: None for what is no time."""
        counted = self._counted_from(given, unit)
        unit = "date" if unit in ("period", "day") else unit
        out: dict[int, Any] = {}
        for key, (value, at) in given.items():
            if _blank(value) or isinstance(value, Formula):
                raise InputError(f"{at}: the time is missing; name it")
            if isinstance(value, str) and not strict and not re.search(r"\d", value):
                out[key] = None
                continue
            number = _whole(value)
            try:
                moved = value if number is None or counted is None else number + 1 - counted
                found = self.calendar.stretch(moved, unit)
                out[key] = found._replace(name=f"{self.calendar.unit} {moved}") if moved is not value else found
            except InputError as error:
                if not strict and "is no time" in str(error):
                    out[key] = None
                    continue
                raise InputError(f"{at}: {error}") from None
        return out

    def _counted_from(self, given: dict[int, tuple[Any, str]], unit: str) -> int | None:
        """Return from what numbers of periods are counted, as plan files do from 0; None where there are none."""
        numbers = [number for value, _ in given.values() if (number := _whole(value)) is not None]
        if unit != "period" or not numbers or max(numbers) >= 1900:
            return None
        if 0 in numbers:
            return 0
        if self.calendar.periods in numbers:
            return 1
        raise InputError(
            f"periods {min(numbers)} to {max(numbers)} may be counted from 0 or from 1; name the column "
            f"'{self.calendar.unit}', which is counted from 1, or have a row for period 0"
        )

    def _check_steps(self, values: list[Any], stretches: list[Stretch], name: str) -> None:
        """Refuse dates of single periods that lie evenly apart, as those of quarters do."""
        days = all(isinstance(value, date) or re.match(r"\d{4}-\d\d-\d\d", str(value)) for value in values)
        firsts = sorted({stretch.first for stretch in stretches})
        steps = set(np.diff(firsts).tolist())
        if days and name not in UNITS and len(steps) == 1 and max(steps) > 1:
            raise InputError(
                f"column '{name}' has dates {max(steps)} {self.calendar.unit}s apart; name the column 'quarter', "
                f"'half' or 'year' if each stands for one, or give every {self.calendar.unit} a row"
            )

    def _until_the_next(self, times: dict[int, Stretch]) -> dict[int, Stretch]:
        """Return columns named by dates, each until the next one."""
        if not all(isinstance(self.head[c], date) or re.match(r"\d{4}-\d\d-\d\d", str(self.head[c])) for c in times):
            return times
        firsts = sorted({stretch.first for stretch in times.values()})
        ends = dict(zip(firsts, [*firsts[1:], self.calendar.periods], strict=True))
        return {c: stretch._replace(stop=ends[stretch.first]) for c, stretch in times.items()}

    # --- Cells ---

    def _value(self, r: int, c: int) -> Any:
        row = self.sheet.rows[r]
        return row[c] if c < len(row) else None

    def _at(self, r: int, c: int) -> str:
        return self.sheet.place(r, c)

    def _name(self, r: int, c: int) -> str:
        value = self._value(r, c)
        return "" if _blank(value) else str(value).strip()

    def _is_total(self, r: int) -> bool:
        name = self._name(r, self.segment)
        return name.lower() in TOTALS[:-1] and name not in self.targets.segments

    def _names(self, r: int) -> tuple[str, str]:
        """Return segment and lever of a row."""
        found = []
        for what, c, known in (
            ("segment", self.segment, dict.fromkeys(self.targets.segments)),
            ("lever", self.lever, dict.fromkeys(self.targets.levers)),
        ):
            name = self._name(r, c)
            if name.startswith("'") and name not in known and name[1:] in known:  # kept from being a formula
                name = name[1:]
            if name not in known:
                close = difflib.get_close_matches(name, known, 1)
                hint = f"; did you mean '{close[0]}'?" if close else ""
                came = f"'{name}' is not known" if name else "is missing"
                raise InputError(f"{self._at(r, c)}: {what} {came}; expected one of {', '.join(known)}{hint}")
            found.append(name)
        return found[0], found[1]

    def _money(self, r: int, c: int) -> float | None:
        """Return an amount; None where the cell is empty."""
        value, at = self._value(r, c), self._at(r, c)
        if _blank(value):
            return None
        amount = _number(value, at, self.sheet.decimal)
        if not 0 <= amount <= MOST:
            raise InputError(f"{at}: expected money of at least 0 and at most {MOST:g}, got {amount:,.10g}")
        segment, lever = self._names(r)
        k = self.targets.levers.index(lever)
        mine = np.array([name == segment for name in self.targets.segments])
        if amount > 0 and not self.targets.allowed[mine, :, k].any():
            raise InputError(
                f"{at}: {amount:,.10g} for {segment} / {lever}, but {lever} is used on nobody in {segment}"
            )
        return amount

    def _check_sum(self, r: int, c: int, parts: list[float]) -> None:
        """Refuse a sum that is not what it adds up."""
        value = self._value(r, c)
        if _blank(value) or isinstance(value, Formula):
            return
        stated, added = _number(value, self._at(r, c), self.sheet.decimal), sum(parts)
        if abs(stated - added) > ADDED * max(abs(stated), abs(added)):
            raise InputError(
                f"{self._at(r, c)}: says {stated:,.2f} where its cells add up to {added:,.2f}; change the cells, and "
                "correct or delete the sum"
            )

    def _unused(self, used: set[int]) -> None:
        left = [f"'{self.head[c]}'" for c in range(len(self.header)) if c not in used and self.header[c]]
        if left:
            self.notes.append(
                f"the column{'s' * (len(left) > 1)} {', '.join(left)} {'are' if len(left) > 1 else 'is'} not read"
            )


def _check_apart(cells: list[Cell], targets: Targets, calendar: Calendar) -> None:
    """Refuse two cells about the same money."""
    seen: dict[tuple[str, str, int], Cell] = {}
    for cell in cells:
        for t in range(cell.stretch.first, cell.stretch.stop):
            first = seen.setdefault((cell.segment, cell.lever, t), cell)
            if first is not cell:
                raise InputError(
                    f"{cell.place}: {cell.segment} / {cell.lever} in {cell.stretch.name} is in {first.place} already; "
                    "leave one of them out, or add them up"
                )


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _whole(value: Any) -> int | None:
    """Return a whole number; None where it is something else."""
    if isinstance(value, bool | date):
        return None
    if isinstance(value, int | float):
        return int(value) if float(value).is_integer() else None
    return int(value) if isinstance(value, str) and value.strip().isdigit() else None


def _number(value: Any, at: str, decimal: str) -> float:
    """Return a number; a text in which a mark may be one of decimals or of thousands is refused."""
    if isinstance(value, Formula):
        raise InputError(f"{at}: {value.text} was never worked out; open the file in a spreadsheet and save it there")
    if isinstance(value, bool | date) or (isinstance(value, float) and value != value):
        raise InputError(f"{at}: expected money, got {value}")
    if isinstance(value, int | float):
        return float(value)
    text = str(value).strip()
    if decimal == "," and re.fullmatch(r"[+-]?\d{1,3}\.\d{3}", text):
        raise InputError(
            f"{at}: {text} may be {text.replace('.', '')} or {text.replace('.', ',')}; write it without dots"
        )
    try:
        number = float(text.replace(decimal, ".")) if re.fullmatch(r"[+-]?[\d.,eE+-]+", text) else float("nan")
    except ValueError:
        number = float("nan")
    if number != number:
        raise InputError(
            f"{at}: expected money, a number without currency and without marks between thousands, got '{text}'"
        )
    return number
