"""Text files: their encoding, what separates columns, where the header is.

Encodings come from charset-normalizer, separators and quotes from DuckDB's sniffer; what is ours is the choice between
their guesses by what the header then says.
"""

import codecs
import csv
import io
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sim.errors import PurchasesError
from sim.purchases.read.options import Reading
from sim.purchases.read.sql import literal, quoted
from sim.purchases.read.tables import TABLES, plain_name
from sim.reading import LONGEST_LINE

__all__ = ["UNNAMED", "Text", "as_utf8", "has_header", "read_text", "sniff", "unnamed"]

UNNAMED = "\x1f"
"""What the names of columns without one begin with."""
_LOOK = 1 << 20
_LINES = 60
_WIDEST = 2_000
"""Columns of a table."""
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_USUAL = ("gb18030", "big5", "cp932", "euc_kr", "cp1252", "cp1250", "cp1251", "latin-1")
_LATIN = ("cp1250", "cp1252", "cp1254", "cp1257", "iso8859", "latin")
"""What encodings of text in Latin letters are called today; others are those of old systems and other scripts."""
_SIGNS = "€¤£§°²³´«»“”„…™®©·×¿¡½¼"
_WESTERN = re.compile(rf"[\x00-\x7f\xa0–’ºªäöüÄÖÜßéèêëÉÈÊËàâáãåÀÂÁÃÅçÇîïíìÎÍôóòõøÔÓÒÕØûùúÛÚñÑæÆœŒ{_SIGNS}]*")
_OF_NUMBERS = re.compile(r"(?<=\d)[ \xa0]?[€¤]|[€¤][ \xa0]?(?=\d)|(?<=\d)\xa0(?=\d)")
_NAMES = frozenset(name for table in TABLES.values() for role in table.roles for name in role.names)
_VALUE = re.compile(r"\s*\d[\d.,:/\-\s]*")
"""What is a number or a day, no name."""
_SPOKEN = {"\t": "tab", " ": "space"}


@dataclass(frozen=True)
class Text:
    """How a text file is to be read."""

    encoding: str
    separator: str
    quote: str
    escape: str
    title_lines: int
    header: bool
    names: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for people."""
        return {
            "encoding": self.encoding,
            "separator": _SPOKEN.get(self.separator, self.separator),
            "quote": self.quote or None,
            "header": self.header,
            "title_lines": self.title_lines,
        }


def unnamed(names: Iterable[str]) -> list[str]:
    """Return names, with one that no header has for every column without."""
    return [name or f"{UNNAMED}{i}" for i, name in enumerate(names, start=1)]


def as_utf8(path: Path, folder: Path, reading: Reading) -> tuple[Path, str]:
    """Return a file that DuckDB can read, in UTF-8, and the encoding it was in.

    Raises
    ------
    PurchasesError
        If the file is no text in the encoding said or in any that is known.
    """
    with path.open("rb") as stream:
        start = stream.read(_LOOK)
    mark = next((name for mark, name in _MARKS if start.startswith(mark)), None)
    encoding = reading.encoding or mark or ("utf-8" if _is_utf8(path) else _guess(start, path, reading))
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise PurchasesError(f"`encoding={encoding}`: is not known; try utf-8, utf-16, latin-1, gb18030") from None
    plain = encoding.lower().replace("_", "-") in ("utf-8", "utf8", "ascii", "utf-8-sig")
    old = b"\r" in start and b"\n" not in start and not encoding.lower().startswith("utf-16")  # lines end with CR alone
    if plain and not old and (not reading.encoding or _is_utf8(path)):
        return path, "utf-8"
    out = folder / f"{path.stem}.utf8.csv"
    try:
        with path.open("rb") as source, out.open("w", encoding="utf-8", newline="") as target:
            reader = codecs.getreader("utf-8-sig" if plain else encoding)(source)
            while block := reader.read(1 << 22):
                target.write(block.replace("\r", "\n") if old else block)
    except (UnicodeError, OSError) as error:
        raise PurchasesError(
            f"{path}: cannot be read as {encoding} text: {error}; say which it is (`encoding=`)"
        ) from None
    return out, "utf-8" if plain else encoding


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 22):
                if b"\0" in block:
                    return False
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _guess(start: bytes, path: Path, reading: Reading) -> str:
    """Return the encoding under which most of the header's names are known, else charset-normalizer's first.

    Western text is read as such where that guess is an old code page or another script's: these explain any byte.
    """
    if start[1:2] == b"\0" or start[:1] == b"\0":
        return "utf-16-le" if start[1:2] == b"\0" else "utf-16-be"
    import charset_normalizer

    lines = start.splitlines(keepends=True)
    telling = b"".join(line for line in lines if not line.isascii())[: 1 << 16] or start[: 1 << 16]
    found = [match.encoding for match in charset_normalizer.from_bytes(telling)]
    wanted = {plain_name(name) for name in reading.columns.values()} | _NAMES

    def known(encoding: str) -> int:
        try:
            text = b"".join(lines[:_LINES]).decode(encoding)
        except UnicodeError:
            return -1
        cells = text.translate({ord(mark): "\n" for mark in ',;\t|"'}).splitlines()
        return sum(plain_name(cell) in wanted for cell in cells if not cell.isascii())

    order = [*found, *(name for name in _USUAL if name not in found)]
    best = max(order, key=lambda name: (known(name), -order.index(name)))
    if known(best) < 0:
        raise PurchasesError(f"{path}: cannot be read as text; say in which encoding it is (`encoding=`)")
    western = telling.decode("cp1252", "replace")
    if western != telling.decode(best, "replace") and (
        known("cp1252") < known(best) or best.startswith(_LATIN) or not _is_western(western)
    ):
        return best
    return "iso8859-15" if "¤" in western and not re.search(rb"[\x80-\x9f]", telling) else "cp1252"


def _is_western(text: str) -> bool:
    """Return whether text read as cp1252 looks meant so: Western letters among plain ones, and money's sign by numbers.

    Text of another script or of an old code page becomes words of accents alone, or quotes in the midst of words.
    """
    text = _OF_NUMBERS.sub("", text)
    words = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    letters = "".join(words)
    plain = sum(letter.isascii() for letter in letters)
    return bool(
        _WESTERN.fullmatch(text) and 2 * plain >= len(letters) and not re.search(rf"[^\W\d_][{_SIGNS}][a-zäöüß]", text)
    )


def sniff(connection: Any, path: Path, encoding: str, reading: Reading) -> Text:
    """Return what separates columns, and where they are named.

    Raises
    ------
    PurchasesError
        If no table can be made out.
    """
    _check_width(path)
    separator, quote, escape, skip = _sniffed(connection, path, reading)
    first = _rows(path, separator, quote, 0, 400)
    skip = _first_of_the_table(first, skip) if reading.title_lines is None else reading.title_lines
    rows = [row for row in first[skip : skip + _LINES] if row]
    if not rows:
        raise PurchasesError(f"{path}: the file is empty; expected a header and rows")
    cells = [cell.strip() for cell in rows[0]]
    header = reading.header if reading.header is not None else _is_header(cells, rows[1:])
    width = max(
        {len(row) for row in rows[header:]} or {len(cells)}, key=[len(r) for r in rows[header:]].count, default=1
    )
    if header:
        if len(cells) == width - 1 and any(row[-1].strip() for row in rows[1:] if len(row) == width):
            cells = ["", *cells]  # rows are named, their column is not
        names = [*cells, *[""] * (width - len(cells))]
    else:
        names = [f"column{i}" for i in range(1, width + 1)]
    twice = [name for i, name in enumerate(names) if name and name in names[:i]]
    if twice:
        raise PurchasesError(f"{path}: the header has column {twice[0]!r} twice; the columns are {', '.join(names)}")
    return Text(encoding, separator, quote, escape, skip, header, tuple(names))


def _check_width(path: Path) -> None:
    """Raise where the lines look like a table that nobody means, before DuckDB spends minutes on them."""
    for number, line in enumerate(_lines(path, _LINES), start=1):
        if len(line) > LONGEST_LINE:
            raise PurchasesError(
                f"{path}, line {number}: is longer than {LONGEST_LINE:,} characters; expected a purchase a line"
            )
        wide = max(map(line.count, ",;\t|"))
        if wide > _WIDEST:
            raise PurchasesError(f"{path}, line {number}: has some {wide:,} columns; at most {_WIDEST:,} are read")


def _sniffed(connection: Any, path: Path, reading: Reading) -> tuple[str, str, str, int]:
    import duckdb

    given = [reading.separator] if reading.separator else [None, " "]
    found = (reading.separator or ",", '"', '"', 0)
    for separator in given:
        said = f", delim = {literal(separator)}" if separator else ""
        for loose in ("", ", strict_mode = false, ignore_errors = true"):
            try:
                row = connection.execute(
                    "SELECT Delimiter, Quote, Escape, SkipRows, len(Columns), Columns[1].name FROM "
                    f"sniff_csv({literal(str(path))}, all_varchar = true{said}{loose})"
                ).fetchone()
            except duckdb.Error:
                continue
            marks = ["" if mark == "(empty)" else mark for mark in row[:3]]
            found = (marks[0], marks[1] or '"', marks[2] or '"', row[3])
            if row[4] > 1:
                return found
            break
    lines = _lines(path, 3)
    if lines and len(lines[0].split()) < 3:
        found = (max(",;\t|", key=lines[0].count), *found[1:])
    return found


def _lines(path: Path, count: int) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return [line.rstrip("\r\n") for line in islice(stream, count)]


def _rows(path: Path, separator: str, quote: str, skip: int, count: int) -> list[list[str]]:
    csv.field_size_limit(LONGEST_LINE)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        lines = islice(stream, skip, skip + count)
        reader = csv.reader(
            io.StringIO("".join(lines)), delimiter=separator, quotechar=quote or None, quoting=csv.QUOTE_MINIMAL
        )
        try:
            return list(reader)
        except csv.Error as error:
            raise PurchasesError(f"{path}: cannot be read as a table: {error}; is a quote left open?") from None


def has_header(rows: list[list[str]]) -> bool:
    """Return whether a row holds two or more names that are known, and no number or day."""
    return any(map(_is_named, rows))


def _is_named(row: list[str]) -> bool:
    filled = [cell for cell in row if cell.strip()]
    return sum(plain_name(cell) in _NAMES for cell in filled) >= 2 and not any(map(_VALUE.fullmatch, filled))


def _first_of_the_table(rows: list[list[str]], sniffed: int) -> int:
    """Return how many lines stand before the table, of which a title such as "from, 01.01.2022" is no part."""
    first = _first_like_a_table(rows, sniffed)
    if rows and any(map(_VALUE.fullmatch, rows[first])):
        return next((i for i, row in enumerate(rows[:_LINES]) if i > first and _is_named(row)), first)
    return first


def _first_like_a_table(rows: list[list[str]], sniffed: int) -> int:
    """Return how many lines stand before the table: none, where the first is as wide as what follows."""
    widths = [len(row) for row in rows[:_LINES]]
    if not widths:
        return sniffed
    usual = max(set(widths), key=widths.count)
    for i, row in enumerate(rows):
        filled = [cell for cell in row if cell.strip()]
        if sum(plain_name(cell) in _NAMES for cell in filled) >= 2:
            return i
        if len(row) >= usual > 1 and len(filled) > usual // 2:
            return i
    return min(sniffed, len(rows) - 1)


def _is_header(cells: list[str], rest: list[list[str]]) -> bool:
    """Return whether cells are names: one is known, none has a digit, or one has letters where no value below does."""
    if any(plain_name(cell) in _NAMES for cell in cells):
        return True
    if not any(any(letter.isdigit() for letter in cell) for cell in cells):
        return bool(rest)
    below = [[row[i] for row in rest if i < len(row) and row[i].strip()] for i in range(len(cells))]
    return any(
        cell.strip()[:1].isalpha() and values and not any(any(map(str.isalpha, value)) for value in values)
        for cell, values in zip(cells, below, strict=True)
    )


def read_text(connection: Any, path: Path, text: Text, into: str) -> None:
    """Fill a table with the file's rows as trimmed text, NULL where empty.

    Lines of another shape go to table ``<into>_rejected(line, error)``.
    """
    names = unnamed(text.names)
    columns = ", ".join(f"{literal(f'c{i}')}: 'VARCHAR'" for i in range(len(names)))
    trimmed = [f"nullif(trim(c{i}), '') AS {quoted(name)}" for i, name in enumerate(names)]
    rejected = f"{into}_rejected"
    connection.execute(
        f"CREATE TEMP TABLE {into} AS SELECT {', '.join(trimmed)} "
        f"FROM read_csv({literal(_exactly(path))}, auto_detect = false, header = false, "
        f"skip = {text.title_lines + text.header}, delim = {literal(text.separator)}, quote = {literal(text.quote)}, "
        f"escape = {literal(text.escape)}, columns = {{{columns}}}, max_line_size = {LONGEST_LINE}, "
        f"store_rejects = true, rejects_table = '{rejected}_errors', rejects_scan = '{rejected}_scans')"
    )
    connection.execute(
        f"CREATE TEMP TABLE {rejected} AS SELECT line, any_value(error_message) AS error "
        f"FROM {rejected}_errors GROUP BY line"
    )


def _exactly(path: Path) -> str:
    """Return the file's name so that DuckDB does not take it for a pattern."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in os.fspath(path))
