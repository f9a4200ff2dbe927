"""Linear rules between parts of the money: rows as summed by hand, plans that keep them, what is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from markets import Content, Floats
from problems import asked, some_plan

from optimizer.ask.problem import allocation_problem
from optimizer.ask.rows import Said
from optimizer.ask.rules import makers
from optimizer.optimize import solve
from sim.engine.fluid import expected_history
from sim.errors import ScenarioError
from sim.scenario.file import parse

RULES: dict[str, tuple[Any, Callable[[Floats], list[tuple[str, float, str, float]]]]] = {
    # rules, and by hand: names, what is counted, sense, limit; money[period, group, stage, lever]
    "a ratio": (
        ["retention = 3 winback"],
        lambda m: [
            ("retention = 3 winback, not more", m[..., 3].sum() - 3 * m[..., 4].sum(), "<=", 0.0),
            ("retention = 3 winback, not less", m[..., 3].sum() - 3 * m[..., 4].sum(), ">=", 0.0),
        ],
    ),
    "segment and lever": (
        ["regulars/retention >= 50 % of fresh + 2 awareness"],
        lambda m: [
            (
                "regulars/retention >= 50 % of fresh + 2 awareness",
                m[:, 0, :, 3].sum() - 0.5 * (m[:, 1].sum() + 2 * m[..., 0].sum()), ">=", 0.0,
            )
        ],
    ),
    "money and stages": (
        [{"rule": "core + 2 prospect <= 70", "name": "few", "start": 1, "end": 4}],
        lambda m: [("few", m[1:4, :, 4].sum() + 2 * m[1:4, :, 1].sum(), "<=", 70.0)],
    ),
    "in each period": (
        [{"rule": "winback >= acquisition", "each": "period", "start": 4}],
        lambda m: [
            (f"winback >= acquisition in period {t + 1}", m[t, ..., 4].sum() - m[t, ..., 1].sum(), ">=", 0.0)
            for t in (4, 5)
        ],
    ),
    "parts": (
        [{"rule": "early <= 2 late", "parts": {"early": {"levers": ["retention"], "end": 2},
                                               "late": {"segments": ["regulars"], "start": 4}}}],
        lambda m: [("early <= 2 late", m[:2, ..., 3].sum() - 2 * m[4:, 0].sum(), "<=", 0.0)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", RULES)
def test_a_linear_rule_counts_what_a_plain_sum_does(kind: str, market: Callable[..., Content]) -> None:
    rules, by_hand = RULES[kind]
    twin = asked(market, {"linear": rules})
    problem = allocation_problem(twin)
    for seed in range(4):
        plan = some_plan(twin.chain, seed)
        spend = expected_history(twin.chain, plan).spend
        got = [
            (row.name, used, row.sense, row.limit)
            for row, used in zip(problem.rows, problem.usage(plan), strict=True)
            if row.kind.name == "linear"
        ]
        want = by_hand(spend)
        assert [(name, sense, limit) for name, _, sense, limit in got] == [(n, s, b) for n, _, s, b in want]
        np.testing.assert_allclose([used for _, used, *_ in got], [used for _, used, *_ in want], rtol=1e-9)


def test_a_plan_keeps_an_equation_that_it_would_not_keep_by_itself(market: Callable[..., Content]) -> None:
    """Money is tied three to one; what the tie costs is its price, and without it the plan does otherwise."""
    free = solve(allocation_problem(asked(market, {})), bounded=False)
    tied = solve(allocation_problem(asked(market, {"linear": ["retention = 3 development"]})), bounded=False)
    by_lever = [plan.spend.sum(axis=(0, 1, 2)) for plan in (free, tied)]
    assert by_lever[0][3] / by_lever[0][2] != pytest.approx(3, rel=0.05)
    assert by_lever[1][3] == pytest.approx(3 * by_lever[1][2], rel=1e-4)
    assert tied.status == "feasible"
    assert tied.asset < free.asset
    assert any(name.startswith("retention = 3 development") for name in tied.prices)


def test_a_linear_rule_is_said_in_words(market: Callable[..., Content]) -> None:
    rules = parse({**market(), "rules": {"linear": ["retention = 3 winback", {
        "rule": "core <= 70", "name": "few", "start": 1, "end": 4, "each": "period"}]}}).rules  # fmt: skip
    words = makers()["linear"].words
    assert words is not None
    said = Said("month", 100.0, str, str, str)
    assert list(words(rules.linear, said)) == [
        "money of retention = 3 winback", "few: money of core <= 70, periods 2 to 4, in each month",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("retention = 3 winbak", "linear[1]: 'retention = 3 winbak': 'winbak' is not in the scenario; did you mean"),
        ("retention", "expected one of <=, >= and ="),
        ({"rule": "early <= late", "parts": {"early": {"end": 2}}}, "'late' is not in the scenario"),
        ({"rule": "early <= 9", "parts": {"early": {"levers": ["tv"]}}}, "parts.early.levers: 'tv' is not known"),
        ({"rule": "early <= 9", "parts": {"early": {"end": 99}}}, "parts.early: lies beyond the 8 periods"),
        ({"rule": "retention <= 9", "start": 3, "end": 3}, "expected end after start, got 3 and 3"),
        ({"rule": "retention <= 9", "each": "year"}, "rules.linear.0.each"),
        ({"rules": "retention <= 9"}, "rules.linear.0.rules: unknown key; did you mean 'rule'?"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_where_it_is_written(
    rule: Any, said: str, market: Callable[..., Content]
) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse({**market(), "rules": {"linear": [rule]}})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_for_two_things_must_be_told_apart(market: Callable[..., Content]) -> None:
    content = market()
    content["segments"]["retention"] = content["segments"].pop("regulars")
    with pytest.raises(ScenarioError, match="'retention' stands for two things; name what is meant under `parts:`"):
        parse({**content, "rules": {"linear": ["retention <= 9"]}})
    own = {"rule": "retention <= 9", "parts": {"retention": {"levers": ["retention"]}}}
    assert parse({**content, "rules": {"linear": [own]}}).rules.linear[0].parts["retention"].levers == ("retention",)
