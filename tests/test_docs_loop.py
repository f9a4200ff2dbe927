"""The page on the loop: the market that changes is noticed, and the new plan and the page are written."""

from pathlib import Path

import pytest
from markets import ROOT
from walks import walk


@pytest.mark.slow
def test_a_market_that_changes_unannounced(tmp_path: Path) -> None:
    walked = walk("A market that changes unannounced", tmp_path, ROOT / "docs" / "loop.md")
    assert walked.made == ("true.yaml.part",)
