"""Which rules a policy breaks: said by the rows that state them to the optimiser."""

import copy

import numpy as np
import pytest
from rules_in_pairs import BUDGET, PERIODS, PLAIN, RULES

from optimizer.ask.kept import Broken, broken_rules
from optimizer.ask.problem import allocation_problem
from optimizer.ask.rows import as_today
from sim.engine.sensitivity import follow
from sim.scenario.file import parse
from sim.twin import Twin, build


def ruled(kind: str) -> Twin:
    content = copy.deepcopy(PLAIN)
    content["rules"] = {"budget": BUDGET, **RULES[kind]}
    return build(parse(content))


@pytest.mark.parametrize("kind", RULES)
def test_a_row_counts_what_the_problem_counts(kind: str) -> None:
    """Each rule by itself as all of them at once, on random plans; broken is what is beyond its limit, nothing else."""
    twin = ruled(kind)
    problem = allocation_problem(twin)
    random = np.random.default_rng(3)
    for _ in range(6):
        course = follow(twin.chain, as_today(twin.chain) * random.uniform(0, 3, size=(PERIODS, *twin.targets.shape)))
        counted = problem.counted(course)
        np.testing.assert_allclose([row.counted(course) for row in problem.rows], counted, rtol=1e-9, atol=1e-6)
        beyond = problem.signs * (counted - problem.limits) > 1e-3 * problem.row_units
        within = problem.signs * (counted - problem.limits) <= 0
        named = {each.rule for each in broken_rules(twin, BUDGET, course)}
        assert {row.rule for row, out in zip(problem.rows, beyond, strict=True) if out} <= named
        kept = {row.rule for row in problem.rows} - {
            row.rule for row, inside in zip(problem.rows, within, strict=True) if not inside
        }
        assert not kept & named


def of_today(twin: Twin, scale: float) -> dict[str, Broken]:
    course = follow(twin.chain, scale * as_today(twin.chain))
    return {each.rule: each for each in broken_rules(twin, BUDGET, course)}


def test_the_budget_is_a_rule() -> None:
    found = of_today(build(parse(PLAIN)), 3.0)
    assert list(found) == ["budget"]
    assert found["budget"].budget
    assert found["budget"].limit == BUDGET
    spent = follow(build(parse(PLAIN)).chain, 3.0 * as_today(build(parse(PLAIN)).chain)).spend.sum()
    assert found["budget"].by == pytest.approx(spent - BUDGET)
    assert of_today(build(parse(PLAIN)), 0.5) == {}


def test_what_has_no_rows_is_told_too() -> None:
    """Campaigns below their least size, by segment; more contacts than a customer may have."""
    small = of_today(ruled("campaign size"), 0.5)["campaigns of winning in all"]
    assert (small.limit, small.sense, small.times) == (600.0, ">=", PERIODS)
    assert 0 < small.counted < 600
    assert "campaigns of winning in all" not in of_today(ruled("campaign size"), 0.0)  # none runs
    often = of_today(ruled("contacts"), 1.0)["contacts"]
    assert often.limit == 2.5
    assert often.counted == pytest.approx((0.3 + 0.1) / 0.1)


def test_the_most_a_head_is_told_too() -> None:
    content = copy.deepcopy(PLAIN)
    content["levers"]["keeping"]["most"] = 0.5
    twin = build(parse(content))
    assert "most of keeping a head" not in of_today(twin, 1.0)
    found = of_today(twin, 2.0)["most of keeping a head"]
    assert (found.limit, found.counted, found.times) == (0.5, pytest.approx(0.6), PERIODS)


def test_a_mean_is_told_in_points() -> None:
    content = copy.deepcopy(PLAIN)
    content["rules"] = {"people": {"felt": {"count": "satisfaction", "at_least": 99.0}}}
    found = of_today(build(parse(content)), 1.0)["felt"]
    assert 30 < found.by < 70
    assert found.stated == "at least 99.0 points"
