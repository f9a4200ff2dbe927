"""Reading files that a user names: whole, of a size that can be meant, and refused in one line.

Nothing read here runs: text is decoded, JSON is data, a workbook is checked against its own check sums before anybody
opens it. No pickle is ever read from a file that is named.
"""

import csv
import json
import zipfile
import zlib
from collections.abc import Collection, Iterator
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import FolderError, InputError, first_line
from sim.files import of_cell

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "LARGEST_BOOK", "LARGEST_TEXT", "LONGEST_LINE", "MOST_TIMES", "check_workbook", "read_json", "read_rows",
    "read_table", "read_text", "sheet_rows",
]  # fmt: skip

LARGEST_TEXT = 256 << 20
"""Bytes of a text that is read as one: scenarios, plans, curves; purchases are read in parts."""
LARGEST_BOOK = 2 << 30
"""Bytes that a workbook may unpack to: a full sheet of Excel's, a million rows, comes to a tenth of it."""
MOST_TIMES, SMALL = 200, 100 << 20
"""How many times its size a packed file may unpack to, beyond so many bytes: tables come to a tenth of that."""
MOST_SHEET_ROWS = 1 << 20
"""Rows of a sheet of Excel's."""
BLANK = ("", "NA", "N/A", "n/a", "<NA>", "nan", "NaN", "null", "NULL", "None")
"""What stands for no number in a table."""
LONGEST_LINE = 10_000_000
"""Letters of a line of a table."""


def read_text(path: str | Path, missing: str, error: type[InputError] = InputError, *, what: str = "file") -> str:
    """Return a file's text; ``missing``: what to do where there is no such ``what``.

    Raises
    ------
    InputError
        As ``error``: if there is no such file.
    FolderError
        If it cannot be read, is no text in UTF-8, or is larger than :data:`LARGEST_TEXT`.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > LARGEST_TEXT:
            raise FolderError(f"{path}: has {size:,} bytes; a file of this kind has at most {LARGEST_TEXT:,}")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise error(f"{path}: no such {what}; {missing}") from None
    except (OSError, ValueError) as problem:  # ValueError: no UTF-8, or a name with a zero in it
        raise FolderError(f"{path}: cannot be read as text ({first_line(problem)})") from None


def read_json(text: str, where: object) -> Any:
    """Return what a JSON text says.

    Raises
    ------
    InputError
        If it is none, or lists lie deeper in one another than can be read.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise InputError(f"{where}: keys and lists lie deeper inside one another than can be read") from None
    except ValueError as error:
        raise InputError(f"{where}: is not JSON ({first_line(error)})") from None


def read_rows(text: str, separator: str, where: object) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV text, each with its line.

    Raises
    ------
    InputError
        If a field is longer than :data:`LONGEST_LINE`, or a quote is left open.
    """
    csv.field_size_limit(LONGEST_LINE)
    lines = text.splitlines()
    reader, before, read = csv.reader(lines, delimiter=separator), 0, 0
    try:
        for row in reader:
            yield reader.line_num, row
            before, read = read, reader.line_num
    except csv.Error as error:
        raise InputError(f"{where}, line {reader.line_num}: {error}; is a quote left open?") from None
    if _left_open(lines[before:], separator):
        raise InputError(f"{where}, line {before + 1}: a quote is opened and never closed; close it")


def _left_open(lines: list[str], separator: str) -> bool:
    """Return whether a row ends inside quotes, which the reader takes for the rest of the file without a word."""
    try:
        list(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error as error:
        return "end of data" in str(error)
    return False


def check_workbook(path: Path, error: type[InputError] = InputError) -> None:
    """Read a workbook to its end, so that what is damaged is not taken for what was written.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    InputError
        As ``error``: if it is none, is damaged, or unpacks to more than :data:`LARGEST_BOOK` or :data:`MOST_TIMES`
        its size.
    """
    try:
        with zipfile.ZipFile(path) as book:
            size = sum(member.file_size for member in book.infolist())
            if size > LARGEST_BOOK or size > max(SMALL, MOST_TIMES * path.stat().st_size):
                raise error(f"{path}: unpacks to {size:,} bytes; save its rows as .csv and give that")
            bad = book.testzip()
    except FileNotFoundError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as found:
        raise error(f"{path}: cannot be read as a workbook: {first_line(found)}") from None
    if bad is not None:
        raise error(f"{path}: is damaged ({bad} is not as its check sum says); save it once more")


def read_table(path: Path, names: Collection[str]) -> "DataFrame":
    """Return a CSV file as a table whose columns of ``names`` are text as it stands, blank where there is nothing.

    "NA" and "01" are names there; what :func:`sim.files.as_cell` put before a name is taken off.

    Raises
    ------
    OSError, ValueError
        If it cannot be read as a table.
    """
    import pandas as pd

    how: dict[str, Any] = {"encoding": "utf-8-sig", "skipinitialspace": True}
    others = [column for column in pd.read_csv(path, nrows=0, **how).columns if column.strip() not in names]
    frame = pd.read_csv(
        path, converters=dict.fromkeys(names, of_cell), keep_default_na=False, na_values=dict.fromkeys(others, BLANK),
        **how,
    )  # fmt: skip
    frame.columns = [of_cell(str(name).strip()) for name in frame.columns]
    return frame


def sheet_rows(sheet: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a sheet that is opened to be read only: each to its last value, and to the last row with one.

    What the file itself says of the sheet's size is not asked: some programs write less than there is, and the rest
    would be lost without a word; where a whole sheet has a format, it is much more.

    Raises
    ------
    ValueError
        If it has more rows than a sheet can have.
    """
    sheet.reset_dimensions()
    empty = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        if number > MOST_SHEET_ROWS:
            raise ValueError(f"a sheet has at most {MOST_SHEET_ROWS:,} rows")
        width = len(row)
        while width and (row[width - 1] is None or row[width - 1] == ""):
            width -= 1
        if width:
            yield from repeat((), empty)
            yield tuple(row[:width])
        empty = 0 if width else empty + 1
