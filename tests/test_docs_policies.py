"""The page on policies: the mixture and the policy of one's own are what they are said to be."""

from pathlib import Path

import pytest
from markets import ROOT
from walks import walk

from policies.catalogue import entries

PAGE = ROOT / "docs" / "policies.md"


@pytest.mark.slow
def test_a_mixture_and_a_policy_of_ones_own(tmp_path: Path) -> None:
    """Written, compared and checked, in a copy of the packages."""
    walked = walk("Per segment, and your own", tmp_path, PAGE)
    assert walked.made == ("by-segment.yaml", "mine.py")


def test_the_table_has_every_family() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for family in {entry.family for entry in entries()}:
        assert f"| {family} |" in text
