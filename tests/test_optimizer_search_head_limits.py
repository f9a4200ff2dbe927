"""What may be spent on one customer at most has its price: beside differences of plans solved anew."""

from typing import Any

import pytest
from headed import headed_market
from priced import solved

from optimizer.ask.problem import allocation_problem
from optimizer.ask.rows import as_today
from optimizer.optimize import solve
from optimizer.stages.price import price
from optimizer.stages.repair import Repaired
from sim.scenario.file import parse
from sim.twin import build


def asset(**limits: Any) -> float:
    """Return what the plan settled around a budget is worth."""
    return plan(**limits).course.asset


def plan(budget: float = 1e6, **limits: Any) -> Repaired:
    """Return the plan found."""
    return solved(headed_market(**limits), budget)


@pytest.mark.parametrize(
    ("name", "limits", "step", "budget"),
    [
        ("most of care a head", {"most": 0.8}, 0.02, 1e6),
        pytest.param("most of care a head", {"most": 0.8}, 0.02, 14_000.0, marks=pytest.mark.slow),
        pytest.param("contacts", {"contacts": 4.0}, 0.1, 1e6, marks=pytest.mark.slow),
        ("contacts", {"contacts": 4.0}, 0.1, 14_000.0),
    ],
)
def test_the_price_is_the_difference_of_plans_solved_anew(
    name: str, limits: dict[str, float], step: float, budget: float
) -> None:
    """With money enough and with a budget that binds as well: between what a step more and a step less do."""
    key = next(iter(limits))
    here = plan(budget, **limits)
    known = price(here, every=True).ranges[name]
    more, less = (asset(budget=budget, **{key: limits[key] + sign * step}) for sign in (1, -1))
    right, left = (more - here.course.asset) / step, (here.course.asset - less) / step
    assert known.looser > 0
    assert right * (1 - 2e-2) <= known.looser <= known.tighter * (1 + 1e-3)
    assert known.tighter <= left * (1 + 2e-2)
    assert left < 1.3 * right  # so that the lines above say something


@pytest.mark.parametrize("duration", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_limit_below_todays_spend_is_kept(duration: int) -> None:
    """Whatever search starts from, today's spend or a plan that is given, and the bound is not below the plan."""
    content = headed_market(most=0.4, periods=4)
    content["levers"]["care"]["duration"] = duration
    twin = build(parse(content))
    problem = allocation_problem(twin, 20_000.0)
    found = solve(problem, known=[as_today(twin.chain)], bound_steps=0, threads=1)
    assert found.intensity[..., 0].max() == pytest.approx(0.4, rel=1e-9)
    assert found.intensity[..., 0].max() <= 0.4 * (1 + 1e-12)
    assert found.gap >= 0


def test_a_limit_that_holds_nothing_back_has_no_price() -> None:
    """Far above what any head gets, or beside curves that end below it."""
    found = price(plan(most=1000.0, contacts=10_000.0))
    assert not {"most of care a head", "contacts"} & set(found.ranges)


def test_how_far_it_holds_is_where_the_next_limit_or_the_curve_ends_it() -> None:
    """A broken line that ends at 2: beyond that a looser limit brings nothing."""
    content = headed_market(most=1.5)
    line = {"shape": "piecewise-linear", "points": [[0, 0.90], [2, 0.98]]}
    content["levers"]["care"]["moves"]["survival"] = line
    known = price(solved(content, 1e6), every=True).ranges["most of care a head"]
    assert known.holds == pytest.approx(0.5, rel=0.02)
    assert known.beyond == pytest.approx(0, abs=1e-6 * known.looser)
