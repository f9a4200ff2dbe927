"""A base that is kept open for many questions: it answers as what it was, and what came in its place is looked at."""

import os
from pathlib import Path

import duckdb
import pytest
from purchase_files import base_of, bought, lines_of

from sim.errors import FolderError
from sim.purchases.base import kept_open

HEADER = "customer,date,amount"


def test_a_block_sees_one_file_and_the_next_question_what_came_in_its_place(tmp_path: Path) -> None:
    """The newcomer holds a view, which a base must not: answers of the file before it do not vouch for it."""
    (tmp_path / "other").mkdir()
    base = base_of(tmp_path, lines_of([(1, "2024-01-01", 5)], HEADER))
    other = base_of(tmp_path / "other", lines_of([(2, "2024-01-02", 7)], HEADER))
    with duckdb.connect(str(other.path)) as connection:
        connection.execute("CREATE VIEW mine AS SELECT 1")
    with kept_open(base.path):
        os.replace(other.path, base.path)
        assert bought(base) == [("1", "2024-01-01", 5.0)]
    with pytest.raises(FolderError, match="holds the view or macro 'mine'"):
        bought(base)


def test_what_is_not_there_says_so_when_it_is_asked(tmp_path: Path) -> None:
    base = base_of(tmp_path, lines_of([(1, "2024-01-01", 5)], HEADER))
    base.path.unlink()
    with kept_open(base.path), pytest.raises(FolderError, match="is not a customer base"):
        bought(base)
