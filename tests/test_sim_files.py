"""Files that cannot be written to their end are refused once, and nothing is said afterwards."""

import gc
import os
from pathlib import Path

import pandas as pd
import pytest
from openpyxl import Workbook, load_workbook

from sim.errors import FolderError
from sim.files import EXECUTED, of_cell, save_book, writable_folder, write_file, write_table

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


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="no files without a name")
def test_a_folder_is_tried_without_a_name_that_a_kill_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("unlink", "remove"):
        monkeypatch.setattr(os, name, lambda *_, **__: None)
    assert writable_folder(tmp_path / "here") == tmp_path / "here"
    assert not [*(tmp_path / "here").iterdir()]


NAMES = ["=cmd()", "@x", "-5", "+49 30", "＝cmd()", "'t Hooft", "'=cmd()", "''=x", "plain", "-x"]


def test_no_name_of_a_table_is_a_formula(tmp_path: Path) -> None:
    """In CSV each name that a spreadsheet would execute has an apostrophe, which is taken off again."""
    frame = pd.DataFrame({"name": NAMES, "money": range(len(NAMES)), "=1+1": -0.5})
    write_table(tmp_path / "table.csv", frame)
    found = pd.read_csv(tmp_path / "table.csv")
    assert list(found.columns) == ["name", "money", "'=1+1"]
    assert found["name"][found["name"].str.startswith(EXECUTED)].tolist() == ["-5", "+49 30"]  # numbers, no formulas
    assert [of_cell(name) for name in found["name"]] == NAMES
    assert found["'=1+1"].tolist() == [-0.5] * len(NAMES)
    write_table(tmp_path / "table.parquet", frame)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "table.parquet"), frame)
