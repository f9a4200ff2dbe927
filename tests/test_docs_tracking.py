"""The walk through a tracked decision: what the page shows is what the commands print."""

from pathlib import Path

import pytest
from markets import ROOT
from walks import walk


@pytest.mark.slow
def test_a_decision_is_tracked_and_repeated(tmp_path: Path) -> None:
    """A frontier and a comparison in one experiment, and the comparison once more."""
    walked = walk("A decision, tracked", tmp_path, ROOT / "docs" / "tracking.md")
    assert (walked.folder / "mlflow.db").is_file()
