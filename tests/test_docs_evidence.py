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
