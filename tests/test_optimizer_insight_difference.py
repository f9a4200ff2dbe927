"""Two plans side by side: what moved, what it brings, who loses first."""

from collections.abc import Callable

import numpy as np
import pytest
from markets import Content
from problems import asked, some_plan

from optimizer.ask.rows import as_today
from optimizer.insight.difference import difference_of, losers_of
from optimizer.optimize import optimize, solve
from optimizer.question import Question
from sim.engine.sensitivity import follow
from sim.errors import InputError


def test_a_plan_does_not_differ_from_itself(market: Callable[..., Content]) -> None:
    twin = asked(market, {})
    found = difference_of(twin, some_plan(twin.chain), some_plan(twin.chain))
    assert found.moved == ()
    assert found.brings == 0
    assert all(line.brings == 0 for line in found.lines)


def test_what_moved_adds_up_and_is_worth_the_difference(market: Callable[..., Content]) -> None:
    """Money by line and quarter is the plans'; a move of one line alone brings all that the plan is worth more."""
    twin = asked(market, {})
    chain = twin.chain
    for seed in range(3):
        one, two = some_plan(chain, seed), some_plan(chain, seed + 10)
        before, after = follow(chain, one), follow(chain, two)
        found = difference_of(twin, one, two)
        assert [(time.start, time.end) for time in found.times] == [(0, 3), (3, 6)]
        for which, course in (("first", before), ("second", after)):
            by_line = np.array([getattr(line, which) for line in found.lines])
            np.testing.assert_allclose(by_line.sum(axis=0), [course.spend[:3].sum(), course.spend[3:].sum()])
            np.testing.assert_allclose(by_line.sum(axis=0), [getattr(time, which) for time in found.times])
        assert found.brings == pytest.approx(after.asset - before.asset)
        changes = [abs(line.change) for line in found.lines]
        assert changes == sorted(changes, reverse=True)
        alone = one.copy()
        alone[:, 0, :, 3] = two[:, 0, :, 3]
        single = difference_of(twin, one, alone)
        [moved] = [line for line in single.lines if line.name == "regulars / retention"]
        assert moved.brings == pytest.approx(single.brings, rel=1e-9)
        assert {line.name for line in single.lines if line.brings != 0} == {"regulars / retention"}


def test_the_last_unit_is_the_slope_along_the_line(market: Callable[..., Content]) -> None:
    twin = asked(market, {})
    chain, one = twin.chain, some_plan(twin.chain)
    found = difference_of(twin, one, 0 * one)
    assert {line.name for line in found.lines if np.isnan(line.last_unit)} == {
        line.name for line in found.lines if sum(line.first) == 0
    }
    for line in (each for each in found.lines if sum(each.first) > 0):
        lever = twin.targets.levers.index(line.lever)
        group = twin.targets.segments.index(line.segment)
        more, less = one.copy(), one.copy()
        more[:, group, :, lever] *= 1 + 1e-4
        less[:, group, :, lever] *= 1 - 1e-4
        by_hand = (follow(chain, more).asset - follow(chain, less).asset) / (2e-4 * sum(line.first))
        assert line.last_unit == pytest.approx(by_hand, rel=1e-4, abs=1e-4)


def test_who_loses_first_when_money_is_taken(market: Callable[..., Content]) -> None:
    """All of it is taken and given to no line; the order is that of a tenth of the money taken."""
    twin = asked(market, {})
    chain = twin.chain
    base = solve(Question(budget=0.8 * float(follow(chain, as_today(chain)).spend.sum())).problem(twin), bounded=False)
    spend = follow(chain, base.intensity).spend
    taken = 0.3 * float(spend.sum())
    left = optimize(twin, Question(base=base.intensity, more=-taken), bound_steps=0)
    assert left.status == "feasible"
    assert left.spend.sum() == pytest.approx(spend.sum() - taken, rel=1e-6)
    assert (left.spend <= spend * (1 + 1e-6) + 1e-9).all()
    even = follow(chain, base.intensity * (1 - taken / spend.sum()))
    assert even.asset < left.asset < base.asset
    lost = losers_of(twin, base.intensity, left.intensity)
    assert sum(each.base - each.left for each in lost) == pytest.approx(taken, rel=5e-3)
    first = [each.first for each in lost]
    assert first == sorted(first, reverse=True)
    assert sum(first) == pytest.approx(0.1 * taken, rel=0.05)
    assert all(each.base > each.left for each in lost)


def test_more_than_there_is_cannot_be_taken(market: Callable[..., Content]) -> None:
    twin = asked(market, {})
    with pytest.raises(InputError, match="takes more than the base spends"):
        Question(base=as_today(twin.chain), more=-1e9).problem(twin)
