"""Sheets of money in Excel: what changes against today, the money itself, today's; and how sheets look and are read.

Money is a number in a cell, to be edited; whatever follows from it is a formula. Names are texts even where they look
like formulas.
"""

import csv
import re
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from itertools import zip_longest
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.money.calendar import Calendar, Stretch
from optimizer.money.table import TOTALS, Cell, Formula, MoneyTable, Sheet
from sim.arrays import Floats
from sim.contract import Targets
from sim.errors import InputError, first_line
from sim.files import EXECUTED, as_cell, check_output, save_book, write_file
from sim.reading import check_workbook, read_rows, read_text, sheet_rows

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

__all__ = [
    "AGAINST", "MONEY", "SPLIT_FILES", "TODAY", "TOTAL", "Lines", "Results", "check_against", "check_formulas",
    "day_of", "fill", "read_book", "read_csv", "result", "write_money", "write_split",
]  # fmt: skip

AGAINST, MONEY, TODAY = "against today", "by segment and lever", "today"
"""Sheets of money less today's, money, and today's: a line for each segment and lever, a column for each stretch."""
TOTAL = "all"
SPLIT_FILES = (".csv", ".xlsx")
"""Endings of tables of money."""
FORMATS = {"intensity": "#,##0.0000", "customers": "#,##0.0"}
FORMATS |= dict.fromkeys(("price", "looser", "tighter", "beyond", "tighter_beyond"), "0.0000")
AMOUNT, CHANGE, DAY = "#,##0.00", "+#,##0.00;-#,##0.00;0.00", "yyyy-mm-dd"
MOST_CELLS = 50_000_000
"""Cells of a sheet, the empty ones inside it too."""
OURS = re.compile(
    r"=SUM\([A-Z]+\d+:[A-Z]+\d+\)|='?by segment and lever'?!([A-Z]+\d+)-'?today'?!\1"
    r"|=[A-Z]+(\d+)\*[A-Z]+\2|=SUMPRODUCT\(.*\)"
)
"""Formulas that follow from cells, as they are written."""

Results = dict[tuple[str, str], float]
"""What formulas come to, by sheet and cell."""


@dataclass(frozen=True, eq=False)
class Lines:
    """Money by segment, lever and stretch of time.

    Attributes
    ----------
    names : list of (segment, lever)
        Where the lever can be used in the segment.
    stretches : list of Stretch
    money : (lines, stretches)
    """

    names: list[tuple[str, str]]
    stretches: list[Stretch]
    money: Floats

    @staticmethod
    def of(targets: Targets, spend: Floats, stretches: list[Stretch]) -> "Lines":
        """Return sums of ``spend[period, group, stage, lever]``."""
        names, rows = [], []
        for segment in dict.fromkeys(targets.segments):
            mine = np.array([name == segment for name in targets.segments])
            for k, lever in enumerate(targets.levers):
                if targets.allowed[mine, :, k].any():
                    names.append((segment, lever))
                    money = spend[..., k][:, mine].sum(axis=(1, 2))
                    rows.append([float(money[s.first : s.stop].sum()) for s in stretches])
        return Lines(names, stretches, np.array(rows).reshape(len(names), len(stretches)))

    def table(self) -> MoneyTable:
        """Return all of it as cells of a table."""
        return MoneyTable(
            tuple(
                Cell(*name, stretch, float(amount), f"{name[0]} / {name[1]}")
                for name, line in zip(self.names, self.money, strict=True)
                for stretch, amount in zip(self.stretches, line, strict=True)
            )
        )

    def rows(self) -> list[list[Any]]:
        """Return segment, lever and money, a row for each line."""
        return [[*name, *money.tolist()] for name, money in zip(self.names, self.money, strict=True)]


def write_money(book: "Workbook", money: Lines, today: Lines | None, calendar: Calendar) -> Results:
    """Add the sheets of money to a book; without today's, the money alone. Return what its formulas come to."""
    from openpyxl.utils import get_column_letter

    last = get_column_letter(2 + len(money.stretches))
    days = [calendar.day(stretch.first) for stretch in money.stretches]
    names = [day or stretch.name for day, stretch in zip(days, money.stretches, strict=True)]
    header = ["segment", "lever", *names, TOTAL]
    foot = len(money.names) + 1

    def with_sums(rows: list[list[Any]]) -> list[list[Any]]:
        amounts = [[result(value) for value in row[2:]] for row in rows]
        out = [
            [*row, Formula(f"=SUM(C{r}:{last}{r})", fsum(line))]
            for r, (row, line) in enumerate(zip(rows, amounts, strict=True), start=2)
        ]
        columns = [get_column_letter(c) for c in range(3, len(header) + 1)]
        totals = [fsum(column) for column in zip(*([*line, fsum(line)] for line in amounts), strict=True)]
        sums = [Formula(f"=SUM({c}2:{c}{foot})", total) for c, total in zip(columns, totals, strict=True)]
        return [*out, [TOTAL, None, *sums]]

    results: Results = {}
    if today is not None:
        columns = [get_column_letter(c) for c in range(3, len(header))]
        change = [
            [
                *name,
                *(
                    Formula(f"='{MONEY}'!{c}{r}-{TODAY}!{c}{r}", difference)
                    for c, difference in zip(columns, line, strict=True)
                ),
            ]
            for r, (name, line) in enumerate(
                zip(money.names, (money.money - today.money).tolist(), strict=True), start=2
            )
        ]
        results |= fill(book.create_sheet(AGAINST), header, with_sums(change), CHANGE)
    results |= fill(book.create_sheet(MONEY), header, with_sums(money.rows()))
    if today is not None:
        results |= fill(book.create_sheet(TODAY), header, with_sums(today.rows()))
    return results


def write_split(path: Path, lines: Lines, by: str, calendar: Calendar) -> None:
    """Write money by segment, lever and stretch: long as CSV, with a column for each stretch as Excel.

    Raises
    ------
    InputError
        If the ending is none of :data:`SPLIT_FILES`.
    FolderError
        If it cannot be written.
    """
    check_output(path, SPLIT_FILES)

    def as_csv(part: Path) -> None:
        with part.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(["segment", "lever", by, "spend"])
            for cell in lines.table().cells:
                out.writerow([as_cell(cell.segment), as_cell(cell.lever), cell.stretch.name, repr(cell.money)])

    def as_book(part: Path) -> None:
        from openpyxl import Workbook

        book = Workbook()
        book.remove(book.active)
        save_book(book, part, write_money(book, lines, None, calendar))

    write_file(path, as_csv if path.suffix == ".csv" else as_book)


def check_against(path: Path, sheet: Sheet, money: Sheet, today: Sheet) -> None:
    """Refuse a change against today that is not the money less today's.

    Raises
    ------
    InputError
        Naming the cell, both values, and what to edit instead.
    """
    known = [_by_name(each) for each in (money, today)]
    for key, (value, at) in _by_name(sheet).items():
        both = [each.get(key, (None, ""))[0] for each in known]
        if not isinstance(value, int | float) or not all(isinstance(each, int | float) for each in both):
            continue
        change = both[0] - both[1]
        if abs(value - change) > 1e-6 * max(abs(value), *map(abs, both)):
            raise InputError(
                f"{path}, {at}: says {value:,.2f} where the money less today's is {change:,.2f}; change the money in "
                f"sheet '{MONEY}' instead"
            )


def _by_name(sheet: Sheet) -> dict[tuple[str, ...], tuple[Any, str]]:
    """Return cells and places by what stands before and above them, sums apart."""
    header = [str(name) for name in sheet.rows[0]] if sheet.rows else []
    return {
        (str(row[0]), str(row[1]), header[c]): (row[c], sheet.place(r, c))
        for r, row in enumerate(sheet.rows[1:], start=1)
        if len(row) > 1 and str(row[0]) not in TOTALS
        for c in range(2, min(len(row), len(header)))
        if header[c] not in TOTALS
    }


# --- How sheets look --------------------------------------------------------------------------------------------------


def result(value: Any) -> float:
    """Return the number that a cell holds, or that its formula comes to."""
    return float((value.result if isinstance(value, Formula) else value) or 0)


def fill(sheet: "Worksheet", header: list[Any], rows: list[list[Any]], amounts: str = AMOUNT) -> Results:
    """Fill a sheet: a header that stays in sight, names as text, wide columns. Return what its formulas come to."""
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    results: Results = {}
    for r, row in enumerate([header, *rows], start=1):
        for c, value in enumerate(row, start=1):
            if value is None or value == "":
                continue
            formula = isinstance(value, Formula)
            cell = sheet.cell(r, c, value.text if formula else value)
            if formula:
                results[sheet.title, cell.coordinate] = result(value)
            if isinstance(value, str):
                cell.data_type = "s"
                cell.quotePrefix = value.startswith(EXECUTED)
            elif isinstance(value, date):
                cell.number_format = DAY
            elif formula or isinstance(value, float):
                cell.number_format = FORMATS.get(header[c - 1], amounts)
    if rows and rows[-1][0] == TOTAL:
        for cell in sheet[sheet.max_row]:
            cell.font = Font(bold=True)
    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), PatternFill("solid", fgColor="1F3A5F")
        first = rows[0][cell.column - 1] if rows else ""
        cell.alignment = Alignment(horizontal="left" if isinstance(first, str) else "right")
    for c, name in enumerate(header, start=1):
        shown = [_width(row[c - 1]) for row in rows]
        sheet.column_dimensions[get_column_letter(c)].width = min(max([_width(name), *shown]) + 3, 60)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions
    return results


def _width(value: Any) -> int:
    if isinstance(value, Formula):
        return len("1,000,000.00")
    return len(f"{value:,.2f}" if isinstance(value, float) else str("" if value is None else value))


# --- How sheets are read ----------------------------------------------------------------------------------------------


def read_book(path: Path) -> dict[str, Sheet]:
    """Return the sheets of an Excel file; a formula that no spreadsheet has worked out is :class:`Formula`.

    Raises
    ------
    InputError
        If it is no Excel file, or a damaged one.
    """
    from openpyxl import load_workbook
    from openpyxl.utils import get_column_letter

    check_workbook(path)
    try:
        with closing(load_workbook(path, read_only=True, data_only=True)) as book:
            values = {sheet.title: list(sheet_rows(sheet)) for sheet in book.worksheets}
        with closing(load_workbook(path, read_only=True)) as book:
            formulas = {sheet.title: list(sheet_rows(sheet)) for sheet in book.worksheets}
    except Exception as error:  # the reader raises what it meets
        raise InputError(f"{path}: cannot be read as a workbook: {first_line(error)}") from None

    def sheet(name: str) -> Sheet:
        width = max(map(len, (*values[name], *formulas[name])), default=0)
        if width * len(formulas[name]) > MOST_CELLS:
            raise InputError(
                f"{path}, sheet '{name}': {len(formulas[name]):,} rows as wide as the widest, {width:,} columns, are "
                f"more than {MOST_CELLS:,} cells; delete what lies beside the table"
            )
        rows = [
            [
                Formula(formula) if value is None and isinstance(formula, str) and formula.startswith("=") else value
                for value, formula, _ in zip_longest(row, given, range(width))
            ]
            for row, given in zip_longest(values[name], formulas[name], fillvalue=())
        ]
        return Sheet(rows, lambda r, c: f"sheet '{name}', {get_column_letter(c + 1)}{r + 1}")

    return {name: sheet(name) for name in values}


def read_csv(path: Path) -> Sheet:
    """Return the cells of a CSV file; semicolons or tabs with decimal commas are read too.

    Raises
    ------
    ValueError, OSError
        If it is no text.
    """
    text = read_text(path, "make one with `tenure optimize`", what="plan")
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    read = list(read_rows(text, separator, path))
    rows, numbers = [row for _, row in read], [line for line, _ in read]

    def place(r: int, c: int) -> str:
        return f"line {numbers[r]}"

    return Sheet(rows, place, "." if separator == "," else ",")


def check_formulas(sheet: Sheet) -> None:
    """Refuse formulas that were edited and not worked out: nobody knows what they say."""
    for r, row in enumerate(sheet.rows):
        for c, value in enumerate(row):
            if isinstance(value, Formula) and OURS.fullmatch(value.text) is None:
                raise InputError(
                    f"{sheet.place(r, c)}: {value.text} was never worked out; open the file in a spreadsheet and "
                    "save it there"
                )


def day_of(value: Any) -> date | None:
    """Return the day that a cell holds."""
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None
