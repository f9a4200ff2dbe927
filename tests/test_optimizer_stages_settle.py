"""A plan settled after the search is the plan that is returned: it keeps the rules, and what it gained is not lost."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from headed import headed_market
from priced import solved

from optimizer.stages.settle import around, without_dust
from optimizer.tolerances import DUST, FITTED
from sim.engine.sensitivity import follow


@pytest.mark.parametrize("limits", [{"most": 0.78}, {"most": 0.8}, {"contacts": 4.1}])
def test_a_settled_plan_that_misses_a_rule_by_arithmetic_is_brought_inside(limits: dict[str, Any]) -> None:
    """What it missed by is a millionth of what settling brings: that is not given up for it."""
    found = solved(headed_market(**limits), 14_000.0)
    assert found.missed.max() <= FITTED
    assert found.course.spend.sum() == pytest.approx(14_000, rel=1e-6)  # money that still pays is spent
    assert found.course.asset == pytest.approx(around(found, exact=True).value, rel=1e-7)


def test_what_is_nothing_is_not_in_a_plan() -> None:
    """Less than a billionth of what is usual goes where the plan is worth no less without it, and only there."""
    found = solved(headed_market(most=0.8), 14_000.0)
    plan, usual = found.intensity, found.problem.chain.usual
    allowed = np.broadcast_to(found.problem.targets.allowed, plan.shape)
    place = tuple(np.argwhere((plan == 0) & allowed)[0]) if ((plan == 0) & allowed).any() else (0, 0, 0, 0)
    dusty = plan.copy()
    dusty[place] = 1e-86
    held = replace(found, intensity=dusty, course=follow(found.problem.chain, dusty))
    cleaned = without_dust(held)
    assert cleaned.intensity[place] == 0
    assert cleaned.course.asset >= held.course.asset
    assert not ((cleaned.intensity > 0) & (cleaned.intensity < DUST * usual)).any()
    assert without_dust(cleaned) is cleaned
    better = replace(held, course=replace(held.course, end=2 * held.course.end))
    assert without_dust(better) is better
