"""Files as they came, whole: what is packed is unpacked, and check sums are read to the end before a row is taken.

Gzip and the members of a workbook carry a check sum behind their data, and so do the pages of many Parquet files. A
reader that stops early, or does not look, takes changed numbers in silence. Formats without check sums (plain text,
Parquet as pandas writes it, SQLite) cannot tell.
"""

import gzip
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.errors import PurchasesError, first_line
from sim.reading import MOST_TIMES

__all__ = ["check_parquet", "check_readable", "named", "unpacked"]

GZIP = b"\x1f\x8b"
LARGE = 1 << 30
"""Bytes that any packed file may unpack to."""


def check_readable(path: Path) -> None:
    """Raise PurchasesError if the file is missing, cannot be opened or is empty."""
    if not os.path.isfile(path):
        raise PurchasesError(f"{path}: no such file")
    try:
        empty = not path.stat().st_size or not _starts(path, 1)
    except OSError as error:
        raise PurchasesError(f"{path}: cannot be read: {error.strerror}") from None
    if empty:
        raise PurchasesError(f"{path}: the file is empty; expected a header and rows")


def unpacked(path: Path, folder: Path) -> Path:
    """Return the file itself, or what it holds where gzip packed it, made in ``folder``.

    Raises
    ------
    PurchasesError
        If the file is damaged: cut, followed by something else, or other than its check sum says; or if it unpacks to
        so much (:data:`sim.reading.MOST_TIMES`) that it is no table.
    """
    if _starts(path, len(GZIP)) != GZIP:
        return path
    out = folder / (path.name[:-3] if path.name.lower().endswith(".gz") else path.name)
    try:
        most = max(LARGE, MOST_TIMES * path.stat().st_size)
        with gzip.open(path) as packed, out.open("wb") as plain:
            while block := packed.read(1 << 22):
                plain.write(block)
                if plain.tell() > most:
                    raise PurchasesError(
                        f"{path}: unpacks to more than {MOST_TIMES} times its size, beyond {most:,} bytes, as no table "
                        "of purchases does; unpack it yourself if it is one"
                    )
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise PurchasesError(f"{path}: is damaged ({first_line(error)}); get it once more from where it came") from None
    except OSError as error:
        raise PurchasesError(f"{path}: cannot be unpacked: {error.strerror}") from None
    check_readable(out)
    return out


def check_parquet(path: Path) -> None:
    """Raise PurchasesError if a Parquet file is damaged, as far as it can tell."""
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            for _ in file.iter_batches():
                pass
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise PurchasesError(f"{path}: cannot be read as Parquet: {first_line(error)}") from None


@contextmanager
def named(path: Path, folder: Path) -> Iterator[None]:
    """Have errors name the file that was given, where they name what was made of it in ``folder``."""
    try:
        yield
    except PurchasesError as error:
        made = re.escape(f"{folder}{os.sep}")
        raise PurchasesError(re.sub(rf"{made}[^:]*(?=:)", lambda _: str(path), str(error))) from None


def _starts(path: Path, length: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(length)
