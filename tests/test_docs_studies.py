"""The walk through a study: what the page shows is what the commands print."""

from pathlib import Path

import pytest
from markets import ROOT
from walks import walk


@pytest.mark.slow
def test_a_study_from_question_to_answer(tmp_path: Path) -> None:
    """Asked, asked again with one more world, and two scenarios told apart, in a copy of the packages."""
    walked = walk("A study from question to answer", tmp_path, ROOT / "docs" / "studies.md")
    assert walked.made == ("study.yaml",)
