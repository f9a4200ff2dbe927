"""Rules that clash are named."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from markets import Content
from problems import asked

from optimizer.ask.problem import allocation_problem
from optimizer.bound.conflicts import conflict_of
from optimizer.optimize import optimize
from optimizer.question import Question
from sim.errors import RulesError


def test_an_irreducible_set_is_named(market: Callable[..., Content]) -> None:
    """Two floors above the budget: these three exclude each other, the cap beside them has no part in it."""
    rules = {
        "slices": {
            "much awareness": {"levers": ["awareness"], "floor": 600.0},
            "much winback": {"levers": ["winback"], "floor": 700.0},
            "little development": {"levers": ["development"], "cap": 800.0},
        }
    }
    twin = asked(market, rules)
    problem = allocation_problem(twin, 1000.0)
    clash = conflict_of(problem)
    assert clash is not None
    assert set(clash.names) == {"budget", "much awareness: floor", "much winback: floor"}
    assert sum(float(amount.replace(",", "")) for amount in clash.give_way.values()) == pytest.approx(300.0, abs=0.01)
    for name in clash.names:
        rest = tuple(row for row in problem.rows if row.name != name)
        assert conflict_of(replace(problem, rows=rest)) is None
    with pytest.raises(RulesError, match="rules cannot all be met: 'budget' and 'much") as caught:
        optimize(twin, Question(budget=1000.0))
    assert "\n" not in str(caught.value)


def test_rules_that_can_be_met_do_not_clash(market: Callable[..., Content]) -> None:
    """Also where they only just can."""
    rules = {"slices": {"a": {"levers": ["awareness"], "floor": 400.0}, "w": {"levers": ["winback"], "floor": 600.0}}}
    twin = asked(market, rules)
    problem = allocation_problem(twin, 1000.0)
    assert conflict_of(problem) is None
    plan = optimize(twin, Question(budget=1000.0), bound_steps=0)
    assert plan.status == "feasible"
    np.testing.assert_allclose(plan.spend.sum(axis=(0, 1, 2))[[0, 4]], [400, 600], rtol=1e-5)
