"""Files that cannot be written to their end are refused once, and nothing is said afterwards."""

import gc
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from sim.errors import FolderError
from sim.files import save_book, write_file

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
def test_a_book_on_a_full_disk_is_refused_once() -> None:
    """Nothing is left that tries to write again when it is forgotten: that would be a warning, an error here."""
    with pytest.raises(OSError, match="No space left"):
        save_book(Workbook(), FULL)
    gc.collect()


def test_a_book_is_moved_into_place_whole(tmp_path: Path) -> None:
    book = Workbook()
    book.active["A1"] = "first"
    write_file(tmp_path / "book.xlsx", lambda part: save_book(book, part))
    assert load_workbook(tmp_path / "book.xlsx").active["A1"].value == "first"
    with pytest.raises(FolderError, match="cannot write"):
        write_file(tmp_path / "none" / "book.xlsx", lambda part: save_book(book, part))
    assert [path.name for path in tmp_path.iterdir()] == ["book.xlsx"]
