"""The walk from a plan to a table of money and back: what the page shows is what the commands print."""

from pathlib import Path

import pytest
from markets import ROOT
from walks import walk


@pytest.mark.slow
def test_a_plan_becomes_a_table_that_is_edited_and_played(tmp_path: Path) -> None:
    """Split, edited, compared, improved, in a copy of the packages."""
    walked = walk("From a plan to a table and back", tmp_path, ROOT / "docs" / "money.md")
    assert walked.changed == ("split.csv",)
