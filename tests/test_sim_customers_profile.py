"""Who customers are by the firm's own columns: what tells nothing is left out."""

import numpy as np
import pytest

from sim.customers.profile import FEWEST, MOST_VALUES, _number, _trait
from sim.scenario.customers import BaseSegments

MANY = 10 * FEWEST
BEST = np.arange(MANY) < MANY // 2


def test_what_few_have_or_everybody_has_otherwise_is_left_out() -> None:
    """Known of few, a value each, or numbers that are ids; else shares, and quarters of numbers."""
    assert _trait("trade", ["A"] * (FEWEST - 1) + [None] * (MANY - FEWEST + 1), BEST) is None
    assert _trait("note", [f"text {i}" for i in range(MANY)], BEST) is None
    assert _trait("id", [float(i) for i in range(MANY)], BEST) is None
    assert _number("staff", np.arange(MANY) % 20.0, np.zeros(MANY, dtype=bool)) is None  # none of the best is known
    found = _trait("trade", ["A" if i % 4 else "B" for i in range(MANY)], BEST)
    assert found is not None
    assert [(name, share) for name, share, _ in found.rows] == [("A", 0.75), ("B", 0.25)]
    staff = _trait("staff", [float(i % (MOST_VALUES + 5)) for i in range(MANY)], BEST)
    assert staff is not None
    assert (staff.number, len(staff.rows)) == (True, 3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"by": "column", "column": " ", "names": ["a"]}, "column: missing"),
        ({"by": "column", "column": "x", "sql": "1", "names": ["a"]}, "sql: has no meaning with by: column"),
        ({"by": "column", "column": "x", "names": ["a", "a"]}, "names: each name once"),
        ({"by": "column", "column": "x", "names": ["a"], "other": "b"}, "other: expected one of the names, got 'b'"),
        ({"by": "value", "names": ["a", "b"]}, "cutoffs: expected 1 with by: value, got 0"),
        ({"by": "recency-frequency-money", "names": ["a"], "cutoffs": [1, 2, 3]}, "names: expected 8 .*, got 1"),
        ({"by": "value", "names": ["a", "b", "c"], "cutoffs": [1, 2]}, "cutoffs: expected falling money"),
    ],
)
def test_segments_of_a_base_that_cannot_be(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        BaseSegments(**given)
