"""The walk from an experiment's file to a plan: what the page shows is what the commands print."""

from pathlib import Path

import pytest
from markets import ROOT
from walks import walk


@pytest.mark.slow
def test_an_experiment_becomes_a_plan(tmp_path: Path) -> None:
    """Learned, checked, planned, compared."""
    walked = walk("From an experiment's file to a plan", tmp_path, ROOT / "docs" / "evidence.md")
    assert walked.made == ("test.csv", "answers.csv")
    assert (walked.folder / "plan.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("heading", ["How sure is it", "What to test next"])
def test_what_is_not_known_is_counted(heading: str, tmp_path: Path) -> None:
    """The commands print what the page shows of a market with ranges."""
    walk(heading, tmp_path, ROOT / "docs" / "evidence.md")
