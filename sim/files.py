"""Writing files so that nothing is ever half there."""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile

from sim.errors import FolderError, InputError, first_line

if TYPE_CHECKING:
    from openpyxl import Workbook
    from pandas import DataFrame

__all__ = [
    "EXECUTED", "TABLE_FILES", "as_cell", "as_cells", "check_output", "of_cell", "save_book", "sweep",
    "writable_folder", "write_file", "write_table", "write_text",
]  # fmt: skip

TABLE_FILES = (".csv", ".parquet")
"""Endings of tables."""
EXECUTED = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula."""
NUMERAL = re.compile(r"[+-]\d[\d .,]*")
"""A number with its sign, as of telephones."""
NAMED = 40
"""Letters of a file's name in that of its part, so that a name that can be written has a part that can."""


def check_output(path: Path, endings: tuple[str, ...] = (), others: Iterable[Path | None] = ()) -> None:
    """Refuse a file that could not be written, or must not be, before the work that fills it.

    ``others`` are the files that the same command reads or writes; None for one that it does not.

    Raises
    ------
    InputError
        If its name ends in none of ``endings``; any will do where there are none.
    FolderError
        If it is a folder or a device, is one of ``others``, or is in no folder that can be written to.
    """
    target = _target(path)
    if endings and path.suffix not in endings:
        known = " or ".join(filter(None, [", ".join(endings[:-1]), endings[-1]]))
        raise InputError(f"{path}: expected a name that ends in {known}")
    if any(other is not None and os.path.realpath(other) == os.path.realpath(path) for other in others):
        raise FolderError(f"cannot write {path}: this command reads or writes it already; choose another name")
    if not target.parent.is_dir():
        raise FolderError(f"cannot write {path}: {target.parent} is not a folder; make it first")
    if not os.access(target.parent, os.W_OK):
        raise FolderError(f"cannot write {path}: {target.parent} is not yours to write to; choose another folder")
    sweep(target)


def _target(path: Path) -> Path:
    """Return where a file is to be written: behind a symbolic link, what it leads to."""
    try:
        if not path.name or path.is_dir():
            raise FolderError(f"cannot write {path}: it is a folder; give the name of a file")
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return path
    except (OSError, ValueError) as error:
        raise FolderError(f"cannot write {path}: {_why(error)}; choose another name") from None
    if path.exists() and not path.is_file():
        raise FolderError(f"cannot write {path}: it is a device or a pipe; give the name of a file")
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or first_line(error)


def sweep(path: Path, *, every: bool = False) -> None:
    """Remove what processes that were killed left beside a file that they were writing; those that live keep theirs.

    ``every``: of whatever file in its folder.
    """
    if not path.parent.is_dir():
        return
    name = "" if every else re.escape(path.stem[:NAMED])
    left = re.compile(rf"\.+{name}.*?\.(\d+)\.(?:part|new)(?:\..*)?", re.DOTALL)
    for each in path.parent.iterdir():
        found = left.fullmatch(each.name)
        if found is None or _lives(int(found[1])):
            continue
        if each.is_dir():
            shutil.rmtree(each, ignore_errors=True)
        else:
            each.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True


def writable_folder(folder: Path) -> Path:
    """Return the folder, made if missing.

    Raises
    ------
    FolderError
        If it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()  # without a name where the system can, so that no kill leaves one
    except (OSError, ValueError) as error:
        raise FolderError(f"{folder}: cannot be written to ({_why(error)}); choose another with `folder=`") from None
    return folder.resolve()


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Have ``write`` make a file under a temporary name and move it into place; a symbolic link stays one.

    Raises
    ------
    FolderError
        If it cannot be written.
    """
    target = _target(path)
    part = target.with_name(f".{path.stem[:NAMED]}.{os.getpid()}.part{path.suffix[:NAMED]}")
    try:
        write(part)
        os.replace(part, target)
    except OSError as error:
        raise FolderError(f"cannot write {path}: {_why(error)}; choose a folder that exists and is yours") from None
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file under a temporary name and move it into place.

    Raises
    ------
    FolderError
        If it cannot be written.
    """
    write_file(path, lambda part: part.write_text(text, encoding="utf-8"))


def save_book(book: "Workbook", part: Path, results: Mapping[tuple[str, str], float] | None = None) -> None:
    """Save an Excel file, made whole in memory first.

    The archive of a file that cannot be written to its end would try again when it is forgotten, and say so on standard
    error.

    Parameters
    ----------
    results : mapping, optional
        What formulas come to, by name of the sheet and of the cell. A spreadsheet works them out when it opens the
        file; previews and programs show what is stored, and the writer of workbooks stores nothing.
    """
    content = BytesIO()
    book.save(content)
    if results:
        content = _with_results(content, book.sheetnames, results)
    part.write_bytes(content.getvalue())


def _with_results(content: BytesIO, sheets: list[str], results: Mapping[tuple[str, str], float]) -> BytesIO:
    """Return the workbook with what its formulas come to in their cells."""
    out = BytesIO()
    with ZipFile(content) as plain, ZipFile(out, "w", ZIP_DEFLATED) as filled:
        for part in plain.infolist():
            found = re.fullmatch(r"xl/worksheets/sheet(\d+)\.xml", part.filename)
            data = plain.read(part)
            if found:
                data = _filled(
                    data, {cell: r for (name, cell), r in results.items() if name == sheets[int(found[1]) - 1]}
                )
            filled.writestr(part, data)
    return out


def _filled(sheet: bytes, results: Mapping[str, float]) -> bytes:
    def fill(cell: re.Match[bytes]) -> bytes:
        formula, name = cell[1], cell[2].decode()
        return formula + f"<v>{float(results[name])!r}</v>".encode() if name in results else cell[0]

    return re.sub(rb'(<c r="([A-Z]+\d+)"[^>]*><f>[^<]*</f>)(?:<v ?/>|<v></v>)', fill, sheet)


def as_cell(name: Any) -> Any:
    """Return a name as a CSV file holds it: with an apostrophe before it where a spreadsheet would execute it.

    What :func:`of_cell` takes off again stays told apart: an apostrophe before such a beginning gets another.
    """
    return f"'{name}" if isinstance(name, str) and name.lstrip("'").startswith(EXECUTED) else name


def of_cell(text: str) -> str:
    """Return the name that :func:`as_cell` wrote.

    >>> of_cell(as_cell("=cmd()")), of_cell("'t Hooft"), of_cell(as_cell("-17"))
    ('=cmd()', "'t Hooft", '-17')
    """
    return text[1:] if text.startswith("'") and as_cell(text[1:]) == text else text


def as_cells(frame: "DataFrame") -> "DataFrame":
    """Return a table as a CSV file holds it: names of rows and columns by :func:`as_cell`.

    What a spreadsheet takes for a number does nothing there: customers' numbers and telephones stay as they are.
    """

    def cell(value: Any) -> Any:
        return value if isinstance(value, str) and NUMERAL.fullmatch(value) else as_cell(value)

    out = frame.rename(columns=as_cell)
    for place, (kind, (_, column)) in enumerate(zip(frame.dtypes, frame.items(), strict=True)):
        if kind == "object" or kind.name in ("str", "string", "category"):
            out.isetitem(place, column.astype(object).map(cell))
    return out


def write_table(path: Path, frame: "DataFrame") -> None:
    """Write a table as CSV or Parquet, by the ending of ``path``, and move it into place; in CSV no name is a formula.

    Raises
    ------
    InputError
        If the ending is none of :data:`TABLE_FILES`.
    FolderError
        If it cannot be written.
    """
    check_output(path, TABLE_FILES)
    if path.suffix == ".csv":
        write_file(path, lambda part: as_cells(frame).to_csv(part, index=False))
    else:
        write_file(path, lambda part: frame.to_parquet(part, index=False))
