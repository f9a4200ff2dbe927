"""Budgets of stretches are money that there is or is not: no policy spends what is not there yet, or has lapsed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markets import Content, Floats

from optimizer.ask.problem import allocation_problem
from sim.contract import Allocation, Observation
from sim.market.clock import Market, budget_of
from sim.market.expected import expected_course
from sim.scenario.file import parse
from sim.twin import Twin, build

TOTAL = 20_000.0


@dataclass(frozen=True)
class Greedy:
    """Wants ten times today's money for everybody, always."""

    name: str = "greedy"
    feedback = False

    def decide(self, observation: Observation) -> Allocation:
        return Allocation.within(10 * observation.targets.reference, observation)


def built(market: Callable[..., Content], stretches: dict[str, Any]) -> Twin:
    content = market(plain=True)
    for lever in content["levers"].values():
        lever.pop("lead_time", None)
        lever.pop("duration", None)
    return build(parse({**content, "rules": {"budget": TOTAL, "stretches": stretches}}))


def by_period(twin: Twin) -> list[Floats]:
    """Return what a greedy policy spends by period: by agents, and in expected numbers."""
    purse = budget_of(twin, TOTAL)
    history = Market(twin, Greedy(), twin.population(0, 0), purse).run()
    return [each.spend.sum(axis=(1, 2, 3)) for each in (history, expected_course(twin, Greedy(), purse))]


def test_what_is_not_spent_in_a_stretch_lapses(market: Callable[..., Content]) -> None:
    """Equal parts by length: every four periods, and the short rest, have their own money, spent in the first."""
    twin = built(market, {"every": 4})
    periods = twin.chain.periods
    for spent in by_period(twin):
        for first in range(0, periods, 4):
            share = min(4, periods - first) / periods
            assert spent[first] == pytest.approx(share * TOTAL, rel=1e-9)
            assert spent[first + 1 : first + 4] == pytest.approx(0, abs=1e-6)


def test_what_is_carried_over_may_be_spent_later(market: Callable[..., Content]) -> None:
    """Amounts add up from the start, and none comes before its stretch begins."""
    periods = built(market, {"every": 4}).chain.periods
    twin = built(market, {"every": 4, "amounts": [1_000, *[0] * (-(-periods // 4) - 1)]})
    assert budget_of(twin, TOTAL).windows[:, 2].tolist()[:2] == [1_000, 0]
    late = built(market, {"every": 4, "carry_over": True})
    shares = budget_of(late, TOTAL).windows
    assert shares[-1].tolist() == pytest.approx([0, late.chain.periods, TOTAL])
    for spent in by_period(late):
        for first, last, money in shares.tolist():
            assert spent[int(first) : int(last)].sum() == pytest.approx(money, rel=1e-9)


def test_the_purse_and_the_rules_say_the_same(market: Callable[..., Content]) -> None:
    """Whatever it wants, what a policy spends keeps the optimiser's rows of stretches."""
    for stretches in ({"every": 4}, {"every": 3, "carry_over": True}):
        twin = built(market, stretches)
        problem = allocation_problem(twin, TOTAL)
        course = expected_course(twin, Greedy(), budget_of(twin, TOTAL))
        rows = [(row, counted) for row, counted in zip(problem.rows, problem.counted(course), strict=True)
                if row.kind.name == "stretches"]  # fmt: skip
        assert len(rows) == len(budget_of(twin, TOTAL).windows)
        for (row, counted), (_, _, money) in zip(rows, budget_of(twin, TOTAL).windows.tolist(), strict=True):
            assert row.limit == pytest.approx(money, rel=1e-12)
            assert counted == pytest.approx(money, rel=1e-9)


def test_a_saved_market_knows_what_its_stretch_has_left(market: Callable[..., Content], tmp_path: Path) -> None:
    twin = built(market, {"every": 4})
    people, purse = twin.population(0, 0), budget_of(twin, TOTAL)
    whole = Market(twin, Greedy(), people, purse).run()
    begun = Market(twin, Greedy(), people, purse)
    begun.run(until=2)
    begun.save(tmp_path / "half.npz")
    resumed = Market.resume(tmp_path / "half.npz", twin, Greedy(), people).run()
    np.testing.assert_array_equal(resumed.spend, whole.spend)
    np.testing.assert_array_equal(resumed.revenue, whole.revenue)
