"""Rules over curves that clash are named, and by how much."""

from typing import Any

import numpy as np
import pytest
from curve_tables import one_period, played

from optimizer.curves.conflicts import find_conflict
from optimizer.curves.rows import Row
from optimizer.curves.shapes import CurveTable, TabulatedCurve


def test_conflict_is_irreducible_and_says_how_much() -> None:
    """Two floors that together exceed the budget, and a bystander."""
    table = one_period(*[TabulatedCurve.of([10], [10])] * 3)
    content: dict[str, Any] = {
        "bounds": [
            {"name": "tv deal", "channels": "a", "floor": 70},
            {"channels": "b", "floor_share": 0.5},
            {"channels": "c", "cap": 5},
        ]
    }
    result = played(table, 100, **content)
    assert result.status == "infeasible"
    assert result.conflict is not None
    alone = {each.name: each.alone for each in result.conflict.rules}
    # the share of b rises with the budget: half of what the budget gives is lost again
    assert alone == {"tv deal (floor)": pytest.approx(20), "floor of b": pytest.approx(20), "budget": pytest.approx(40)}
    assert sum(result.conflict.mend.values()) == pytest.approx(20)
    assert played(table, 140, **content).status == "optimal"
    for drop in (0, 1):
        rest = [each for i, each in enumerate(content["bounds"]) if i != drop]
        assert played(table, 100, bounds=rest).status == "optimal"


def test_conflict_of_whole_campaigns() -> None:
    """A floor that the cap allows but no campaign of at least 30 can meet."""
    table = CurveTable(("a",), ("1", "2"), ((TabulatedCurve.of([10], [10]),) * 2,))
    result = played(
        table, 100,
        campaigns=[{"smallest": 30}], period_cap=25, bounds=[{"channels": "a", "floor": 10}],
    )  # fmt: skip
    assert result.conflict is not None
    names = [each.name for each in result.conflict.rules]
    assert "floor of a" in names
    assert any(name.startswith("smallest campaign") for name in names)
    assert "budget" not in names


def test_of_changes_that_are_as_small_rules_named_first_give_way() -> None:
    """One limit or another may move by 30, or both in part: every solver says the first."""
    places = np.array([0])
    rows = [Row("cap", places, np.ones(1), "<=", 60.0), Row("floor", places, np.ones(1), ">=", 90.0)]
    for order in (rows, rows[::-1]):
        found = find_conflict(order, 1)
        assert found is not None
        assert found.mend == {order[0].name: pytest.approx(30)}
