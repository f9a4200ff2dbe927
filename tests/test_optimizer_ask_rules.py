"""Rules as rows against plain sums."""

from collections.abc import Callable

import numpy as np
import pytest
from markets import Content, Floats
from problems import asked, some_plan

from optimizer.ask.problem import allocation_problem
from optimizer.ask.rows import as_today
from sim.engine.chain import ALIVE
from sim.engine.fluid import expected_history
from sim.scenario.file import parse
from sim.twin import build

MONEY_RULES: dict[str, tuple[Content, Callable[[Floats, float], list[tuple[str, float, str, float]]]]] = {
    # rules, and by hand: names, what is counted, sense, limit; money[period, group, stage, lever], budget
    "quarters": (
        {"stretches": {"every": 4}},
        lambda m, b: [
            ("budget of periods 1 to 4", m[:4].sum(), "<=", b * 4 / 6),
            ("budget of periods 5 to 6", m[4:].sum(), "<=", b * 2 / 6),
        ],
    ),
    "carried over": (
        {"stretches": {"every": 3, "amounts": [10.0, 70.0], "carry_over": True}},
        lambda m, b: [("budget up to 3", m[:3].sum(), "<=", 10.0), ("budget up to 6", m.sum(), "<=", 80.0)],
    ),
    "a slice": (
        {"slices": {"s": {"segments": ["fresh"], "levers": ["retention"], "start": 1, "end": 4, "cap": 50.0}}},
        lambda m, b: [("s: cap", m[1:4, 1, :, 3].sum(), "<=", 50.0)],
    ),
    "each period": (
        {"slices": {"s": {"stages": ["core"], "start": 4, "each": "period", "floor": 5.0}}},
        lambda m, b: [(f"s: floor in period {t + 1}", m[t, :, 4].sum(), ">=", 5.0) for t in (4, 5)],
    ),
    "shares": (
        {"slices": {"s": {"levers": ["winback", "awareness"], "end": 2, "cap_share": 0.3, "floor_share": 0.1}}},
        lambda m, b: [
            ("s: floor by share", m[:2, ..., [0, 4]].sum() - 0.1 * m[:2].sum(), ">=", 0.0),
            ("s: cap by share", m[:2, ..., [0, 4]].sum() - 0.3 * m[:2].sum(), "<=", 0.0),
        ],
    ),
}


@pytest.mark.parametrize("name", MONEY_RULES)
def test_rows_of_money_count_what_they_say(name: str, market: Callable[..., Content]) -> None:
    """Stretches, slices, periods, shares: names, sums and limits by hand."""
    rules, by_hand = MONEY_RULES[name]
    twin = asked(market, rules)
    chain = twin.chain
    problem = allocation_problem(twin, 900.0)
    plan = some_plan(chain)
    counted = problem.usage(plan)
    want = by_hand(expected_history(chain, plan).spend, 900.0)
    got = [(row.name, counted[r], row.sense, row.limit) for r, row in enumerate(problem.rows)][1:]
    assert [(n, s) for n, _, s, _ in got] == [(n, s) for n, _, s, _ in want]
    np.testing.assert_allclose([c for _, c, _, _ in got], [c for _, c, _, _ in want], rtol=1e-12)
    np.testing.assert_allclose([x for *_, x in got], [x for *_, x in want], rtol=1e-12)


def test_ramps_and_last_years_money(market: Callable[..., Content]) -> None:
    """Within 20 % of today by slice and in sum; from one period to the next by at most half of today's mean."""
    rules = {"slices": {"keeping": {"levers": ["retention"], "within": 0.2, "ramp": 0.5, "start": 2}}}
    twin = asked(market, rules)
    chain = twin.chain
    problem = allocation_problem(twin, 900.0)
    today = expected_history(chain, as_today(chain)).spend[2:, ..., 3].sum(axis=(1, 2))
    plan = some_plan(chain)
    mine = expected_history(chain, plan).spend[2:, ..., 3].sum(axis=(1, 2))
    rows = {row.name: (problem.usage(plan)[r], row.sense, row.limit) for r, row in enumerate(problem.rows)}
    assert rows["keeping: at most 20% above today"] == pytest.approx((mine.sum(), "<=", 1.2 * today.sum()))
    assert rows["keeping: at most 20% below today"] == pytest.approx((mine.sum(), ">=", 0.8 * today.sum()))
    for k in range(1, 4):
        for word, sense, sign in (("rise", "<=", 1), ("fall", ">=", -1)):
            got = rows[f"keeping: {word} into period {k + 3}"]
            assert got == pytest.approx((mine[k] - mine[k - 1], sense, sign * 0.5 * today.mean()))


def test_rows_of_people_and_profit_count_what_they_say(market: Callable[..., Content]) -> None:
    """Kept, seen and core customers, profit of a year, cash: against the expected history."""
    rules = {
        "people": {
            "kept": {"count": "kept", "segments": ["regulars"], "at_least": 0.5, "of_start": True},
            "core": {"count": "core", "at_least": 10, "at": 3, "each": True},
            "seen": {"count": "customers", "at_least": 100},
        },
        "yearly_profit": 1200.0,
        "least_cash": -50.0,
    }
    twin = asked(market, rules)
    chain = twin.chain
    problem = allocation_problem(twin)
    plan = some_plan(chain)
    history = expected_history(chain, plan)
    alive = history.people[..., ALIVE]
    seen = history.people.sum(axis=3)
    want = {
        "kept at the end": (alive[-1, 0].sum(), 0.5 * alive[0, 0].sum()),
        **{f"core after period {t}": (seen[t, :, 4].sum(), 10.0) for t in (1, 2, 3)},
        "seen at the end": (seen[-1, :, 2:6].sum(), 100.0),
        "profit of year 1": (history.profit.sum(), 600.0),
        **{f"cash after period {t + 1}": (history.profit[: t + 1].sum(), -50.0) for t in range(6)},
    }
    counted = problem.usage(plan)
    got = {row.name: (counted[r], row.limit) for r, row in enumerate(problem.rows) if row.sense == ">="}
    assert got.keys() == want.keys()
    for name in want:
        assert got[name] == pytest.approx(want[name], rel=1e-10), name


def test_satisfaction_is_a_row_too() -> None:
    """Mean points of those who are truly customers are at least so many exactly where the row says."""
    from pathlib import Path

    from sim.scenario.file import load

    scenario = load(Path(__file__).parents[1] / "examples" / "service-profit" / "scenario.yaml")
    points = 64.4
    content = scenario.model_dump(mode="json", exclude_unset=True)
    content["rules"] = {"budget": 1e6, "people": {"mood": {"count": "satisfaction", "at_least": points}}}
    asking = parse(content)
    twin = build(asking)
    chain = twin.chain
    problem = allocation_problem(twin)
    for factor in (0.0, 1.0, 3.0):
        plan = factor * as_today(chain)
        history = expected_history(chain, plan)
        number = history.people[-1, ..., ALIVE].sum()
        assert problem.usage(plan)[1] == pytest.approx((history.satisfaction[-1, 0] - points) * number, rel=1e-9)
