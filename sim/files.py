"""Writing files so that nothing is ever half there."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import FolderError, InputError, first_line

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["TABLE_FILES", "check_output", "writable_folder", "write_file", "write_table", "write_text"]

TABLE_FILES = (".csv", ".parquet")
"""Endings of tables."""


def check_output(path: Path, endings: tuple[str, ...] = ()) -> None:
    """Refuse a file that could not be written, before the work that fills it.

    Raises
    ------
    InputError
        If its name ends in none of ``endings``; any will do where there are none.
    FolderError
        If it is a folder, or is in none that can be written to.
    """
    if not path.name or path.is_dir():
        raise FolderError(f"cannot write {path}: it is a folder; give the name of a file")
    if endings and path.suffix not in endings:
        raise InputError(f"{path}: expected a name that ends in {', '.join(endings[:-1])} or {endings[-1]}")
    if not path.parent.is_dir():
        raise FolderError(f"cannot write {path}: {path.parent} is not a folder; make it first")
    if not os.access(path.parent, os.W_OK):
        raise FolderError(f"cannot write {path}: {path.parent} is not yours to write to; choose another folder")


def writable_folder(folder: Path) -> Path:
    """Return the folder, made if missing.

    Raises
    ------
    FolderError
        If it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".tenure-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise FolderError(f"{folder}: cannot be written to ({error.strerror}); choose another with --folder") from None
    return folder.resolve()


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Have ``write`` make a file under a temporary name and move it into place.

    Raises
    ------
    FolderError
        If it cannot be written.
    """
    if not path.name or path.is_dir():
        raise FolderError(f"cannot write {path}: it is a folder; give the name of a file")
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        write(part)
        os.replace(part, path)
    except OSError as error:
        why = error.strerror or first_line(error)
        raise FolderError(f"cannot write {path}: {why}; choose a folder that exists and is yours") from None
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


def write_table(path: Path, frame: "DataFrame") -> None:
    """Write a table as CSV or Parquet, by the ending of ``path``, and move it into place.

    Raises
    ------
    InputError
        If the ending is none of :data:`TABLE_FILES`.
    FolderError
        If it cannot be written.
    """
    check_output(path, TABLE_FILES)
    if path.suffix == ".csv":
        write_file(path, lambda part: frame.to_csv(part, index=False))
    else:
        write_file(path, lambda part: frame.to_parquet(part, index=False))
