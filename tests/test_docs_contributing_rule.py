"""The walk through a rule: two files of the packages, and it is kept, priced, named and said."""

from pathlib import Path

import pytest
from walks import walk


@pytest.mark.slow
def test_a_rule_is_two_files(tmp_path: Path) -> None:
    """Its key and its kind; what `check`, `optimize` and `explain` say of it is held against the page."""
    walked = walk("A rule", tmp_path)
    assert walked.made == ("optimizer/ask/kinds/lapsed.py",)
    assert walked.changed == ("sim/scenario/rules.py",)
