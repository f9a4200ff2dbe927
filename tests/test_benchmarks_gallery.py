"""The gallery has every example, and its intervals hold for all rules at once."""

import numpy as np
import pytest
from markets import EXAMPLES, ROOT

from benchmarks.gallery import TAUGHT, Row, all_at_once, page_of, rows_of


def test_every_example_teaches_something() -> None:
    """Each folder with a scenario that stands by itself has a decision, and rows of the page are of these, in order."""
    folders = {each.parent.name for each in EXAMPLES.glob("*/scenario.yaml")} - {"cdnow"}  # which needs its purchases
    assert set(TAUGHT) == folders
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    rows = rows_of(page)
    assert page == page_of(rows)
    assert set(rows) <= set(TAUGHT)
    for name, line in rows.items():
        assert line.startswith(f"| [{name}](../examples/{name}) | {TAUGHT[name]} |")


def test_intervals_hold_at_once() -> None:
    """Twenty rules as good as the plan, five markets: in 19 of 20 galleries none seems to differ."""
    rng = np.random.default_rng(4)
    wrong = 0
    for _ in range(600):
        mean, half = all_at_once(rng.normal(size=(20, 5)))
        wrong += bool((np.abs(mean) > half).any())
    assert wrong / 600 == pytest.approx(0.05, abs=0.03)


def test_a_row_in_words() -> None:
    """Money without digits after the point, the lead with its interval."""
    row = Row("bank", "USD", 1230490.2, 1.0, 2000.4, 3000.0, "even split", 12.3, -4.0, 28.6)
    assert str(row).endswith("| 1,230,490 USD | 1 | 2,000 | 3,000 | even split | +12 (-4 to +29) |")
