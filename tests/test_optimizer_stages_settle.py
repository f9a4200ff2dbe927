"""A plan settled after the search is the plan that is returned: it keeps the rules, and what it gained is not lost."""

from typing import Any

import pytest
from headed import headed_market
from priced import solved

from optimizer.stages.settle import around
from optimizer.tolerances import FITTED


@pytest.mark.parametrize("limits", [{"most": 0.78}, {"most": 0.8}, {"contacts": 4.1}])
def test_a_settled_plan_that_misses_a_rule_by_arithmetic_is_brought_inside(limits: dict[str, Any]) -> None:
    """What it missed by is a millionth of what settling brings: that is not given up for it."""
    found = solved(headed_market(**limits), 14_000.0)
    assert found.missed.max() <= FITTED
    assert found.course.spend.sum() == pytest.approx(14_000, rel=1e-6)  # money that still pays is spent
    assert found.course.asset == pytest.approx(around(found, exact=True).value, rel=1e-7)
