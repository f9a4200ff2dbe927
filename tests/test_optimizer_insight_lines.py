"""Explanations against plainer ways to the same numbers: finite differences, direct evaluation, searches by hand."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from checks import asset_of
from markets import SHORT_STAGES

from optimizer.ask.problem import allocation_problem
from optimizer.insight.ground import Ground, grounds
from optimizer.insight.lines import Line, lines_of, pairs_of, purses, rules_of, unspent_of
from optimizer.insight.moves import only, range_of, simplest_of
from optimizer.optimize import solve
from optimizer.plan import Plan
from optimizer.proof import LiftProof
from optimizer.search.sequential import Sequential
from sim.engine.fluid import expected_history
from sim.scenario.file import parse
from sim.twin import build

Content = dict[str, Any]
Made = tuple[Plan, Ground, list[Line]]


def made(content: Content, budget: float | None = None, targeting: str = "state") -> Made:
    """Return a scenario's plan and what its explanation starts from."""
    scenario = parse(content)
    twin = build(scenario)
    plan = solve(allocation_problem(twin, budget, targeting=targeting), bounded=False)
    ground = grounds(twin, plan)
    return plan, ground, lines_of(ground)


@pytest.fixture(scope="module")
def small(market: Callable[..., Content]) -> Made:
    """Two segments, five levers, a cap and a floor that bind."""
    rules = {"period_share": 0.4, "levers": {"awareness": {"floor": 0.2}, "retention": {"cap": 0.25}}}
    return made(market(plain=True, periods=4, stages=SHORT_STAGES, rules=rules))


def place(ground: Ground, line: Line) -> np.ndarray:
    """Return a line's targets by its names."""
    targets = ground.targets
    out = np.zeros(targets.shape, dtype=bool)
    for g, s, k in np.argwhere(targets.allowed):
        out[g, s, k] = targets.segments[g] == line.segment and targets.levers[k] == line.lever
    return out


def test_what_a_line_brings_is_the_difference_it_makes(small: Made) -> None:
    """Asset with less asset without, evaluated directly; spend and heads add up to the plan's."""
    plan, ground, lines = small
    assert sum(line.spend for line in lines) == pytest.approx(plan.spend.sum())
    assert len(lines) == 10
    for line in lines:
        without = np.where(place(ground, line), 0.0, plan.intensity)
        assert line.brings == pytest.approx(plan.asset - asset_of(ground.chain, without), abs=1e-6 * plan.asset)
        assert line.spend == pytest.approx(plan.spend[:, place(ground, line)].sum())
        if line.spend > 0:
            assert line.reached * line.each * ground.chain.periods == pytest.approx(line.spend)
            assert line.average_return == pytest.approx(line.brings / line.spend)


def test_marginal_values_are_finite_differences(small: Made) -> None:
    """A line's money a little up and down, all other money the same: the same slope to 1e-4."""
    _, ground, lines = small
    cells = ground.search.cells
    checked = 0
    for line in lines:
        if line.spend < 1:
            continue
        mine = np.unique(cells.cell[place(ground, line)])
        step = 1e-4
        assets = []
        for factor in (1 + step, 1 - step):
            amount = ground.amount.copy()
            amount[:, mine] *= factor
            assets.append(ground.search.follow(amount).asset)
        assert line.marginal == pytest.approx((assets[0] - assets[1]) / (2 * step * line.spend), rel=1e-4, abs=1e-4)
        checked += 1
    assert checked >= 4


def test_at_the_optimum_a_unit_brings_what_rules_ask(small: Made) -> None:
    """Wherever money can move, its marginal value is the sum of the prices of the rules that count it."""
    plan, ground, lines = small
    priced = {rule.name for rule in rules_of(ground)}
    assert {"cap of retention", "floor of awareness"} <= priced
    assert any(name.startswith("budget") for name in priced)
    for line in lines:
        if line.spend > 0.01 * plan.spend.sum() and line.at_largest == 0:
            assert line.marginal == pytest.approx(line.asked, abs=0.06)
    retention = [line.asked for line in lines if line.lever == "retention"]
    others = [line.asked for line in lines if line.lever == "development" and line.spend > 0]
    assert min(retention) > max(others) + 0.05


def test_prices_are_of_the_limits(small: Made) -> None:
    """The dearest rule's price is what a little more of its limit brings, optimised anew."""
    plan, ground, _ = small
    rule = next(rule for rule in rules_of(ground) if rule.name == "cap of retention")
    assert rule.counted == pytest.approx(rule.limit, rel=1e-6)
    step = 0.02 * rule.limit
    rows = [replace(row, limit=row.limit + step) if row.name == rule.name else row for row in ground.problem.rows]
    more = solve(replace(ground.problem, rows=tuple(rows)), starts=[plan.intensity], bounded=False)
    assert (more.asset - plan.asset) / step == pytest.approx(rule.price, rel=0.1)


def test_a_range_ends_where_one_per_cent_of_the_lift_is_lost(small: Made) -> None:
    """Both ends by direct evaluation: the asset, and money at the budgets' prices, together 1 % of the lift below."""
    plan, ground, lines = small
    price = np.where(purses(ground.problem), ground.prices, 0.0)
    assert price.sum() > 0
    ends = []
    for line in lines:
        found = range_of(ground, line)
        if line.spend == 0:
            assert found is None
            continue
        assert found is not None
        assert found.low <= line.spend <= found.high
        for factor, money, why in (
            (found.low_factor, found.low, found.low_ends), (found.high_factor, found.high, found.high_ends),
        ):  # fmt: skip
            most = np.maximum(ground.chain.most, plan.intensity)
            there = place(ground, line)
            moved = np.where(there, np.minimum(factor * plan.intensity, most), plan.intensity)
            history = expected_history(ground.chain, moved)
            assert money == pytest.approx(history.spend[:, there].sum())
            extra = price @ (ground.problem.usage(moved) - ground.problem.usage(plan.intensity))
            loss = (plan.asset - asset_of(ground.chain, moved) + extra) / (plan.asset - plan.no_spend)
            assert loss == pytest.approx(0.01, rel=2e-3) if why == "lift" else loss <= 0.01 * (1 + 1e-6)
            ends.append(why)
        assert found.low_ends == "lift" or found.low_factor == 0
        missed = "floor of awareness" in found.low_rules
        assert missed == (line.lever == "awareness")
    assert ends.count("lift") >= 4


def test_no_further_line_of_the_simplest_plan_can_go(small: Made) -> None:
    """At least 97 % is kept, by the lines that are said alone; without any one more, optimised anew, it is less."""
    plan, ground, lines = small
    found = simplest_of(ground, lines)
    assert found is not None
    lift = plan.asset - plan.no_spend
    assert found.share >= 0.97
    assert found.share == pytest.approx((asset_of(ground.chain, found.plan.intensity) - plan.no_spend) / lift, abs=1e-9)
    assert found.plan.status == "feasible"
    funded = {(line.segment, line.lever) for line in lines if line.spend > 0}
    assert {*found.kept, *found.dropped} == funded
    assert 0 < len(found.kept) < len(funded)
    outside = np.ones_like(plan.intensity, dtype=bool)
    for line in found.kept:
        outside[:, ground.places[line]] = False
    assert not found.plan.intensity[outside].any()
    assert set(found.needed) == set(found.kept)
    for line in found.kept:
        fewer = only(ground, [other for other in found.kept if other != line])
        rest = solve(fewer, starts=[found.plan.intensity], bounded=False)
        left = (rest.asset - plan.no_spend) / lift
        assert rest.status != "feasible" or left < 0.97, line
        if rest.status == "feasible" and line not in found.estimated:
            assert found.needed[line] == pytest.approx(left, abs=2e-3)


def test_the_simplest_plan_is_the_smallest_by_enumeration(market: Callable[..., Content]) -> None:
    """On a market of few lines: every smaller set of lines, optimised, is worth less than is kept."""
    content = market(plain=True, periods=3, stages=SHORT_STAGES)
    for name in ("awareness", "winback"):
        content["levers"].pop(name)
    plan, ground, lines = made(content)
    keep = 0.9
    found = simplest_of(ground, lines, keep)
    assert found is not None
    funded = [(line.segment, line.lever) for line in lines if line.spend > 0]
    assert 1 <= len(found.kept) < len(funded)
    need = plan.no_spend + keep * (plan.asset - plan.no_spend)
    assert found.plan.asset >= need
    for fewer in itertools.combinations(funded, len(found.kept) - 1):
        search = Sequential(only(ground, list(fewer)))
        end = search.run(search.amount_of(plan.intensity), lift=ground.lift)
        assert end.value < need, fewer


def test_pairs_multiply_out(small: Made) -> None:
    """Times as much money is times as many heads by times as much on each; at equal money by direct evaluation."""
    _, ground, lines = small
    pairs = pairs_of(ground, lines)
    spends = sorted((line.spend for line in lines), reverse=True)
    assert [pair.more.spend for pair in pairs] == spends[:3]
    for pair in pairs:
        assert pair.times == pytest.approx(pair.heads_times * pair.each_times)
        mine = np.unique(ground.search.cells.cell[place(ground, pair.more)])
        step, assets = 1e-4, []
        for factor in (1 + step, 1 - step):
            amount = ground.amount.copy()
            amount[:, mine] *= factor / pair.times
            assets.append(ground.search.follow(amount).asset)
        slope = (assets[0] - assets[1]) / (2 * step * pair.less.spend)
        assert pair.marginal_at_equal == pytest.approx(slope, rel=1e-3, abs=1e-4)


def test_unspent_money_is_laid_to_the_rule_that_keeps_it(market: Callable[..., Content]) -> None:
    """Caps on every lever leave money: they are named; without them nothing is left to say."""
    caps = {name: {"cap": 0.05} for name in ("awareness", "acquisition", "development", "retention", "winback")}
    *_, ground, _ = made(market(plain=True, periods=3, stages=SHORT_STAGES, rules={"levers": caps}))
    left = unspent_of(ground)
    assert left is not None
    assert left.money >= 0.75 * ground.problem.budget * (1 - 1e-6)
    assert left.rules
    assert all(name.startswith("cap of") for name in left.rules)
    assert left.best_marginal > 0
    *_, ground, _ = made(market(plain=True, periods=3, stages=SHORT_STAGES))
    assert unspent_of(ground) is None


def test_the_budget_does_not_block_its_own_spending(small: Made) -> None:
    """A plan emptied by hand: money is left, it would pay, and the budget is not what is in the way."""
    plan, ground, _ = small
    left = unspent_of(grounds(ground.problem.twin, replace(plan, intensity=np.zeros_like(plan.intensity))))
    assert left is not None
    assert "budget" not in left.rules
    assert left.best_marginal > 0.2


def test_money_that_does_not_pay_is_nobodys_fault(market: Callable[..., Content]) -> None:
    """With a budget beyond all use: no rule is named, and no unit more brings its cost."""
    *_, ground, lines = made(market(plain=True, periods=3, stages=SHORT_STAGES), budget=1e7)
    left = unspent_of(ground)
    assert left is not None
    assert left.rules == ()
    assert left.best_marginal < 0.2  # of the few heads at which the search stops to care
    assert rules_of(ground) == []
    assert any(line.at_largest > 0 for line in lines) == left.at_largest


def test_a_plan_without_prices_gets_those_of_a_search(small: Made) -> None:
    """As from CSV: the same prices within a few per cent, found from the plan; its budget is what it spends or more."""
    plan, ground, _ = small
    bare = replace(
        plan,
        scenario_hash="",
        prices={},
        budget=float("nan"),
        asset=float("nan"),
        proof=LiftProof(float("nan"), float("nan")),
    )
    found = grounds(ground.problem.twin, bare)
    assert (ground.prices_from, found.prices_from) == ("plan", "search")
    assert ground.better == 0
    assert found.no_spend == pytest.approx(ground.no_spend)
    assert found.better >= -1e-6 * ground.lift
    np.testing.assert_allclose(found.prices, ground.prices, atol=0.06)
    assert found.problem.budget == pytest.approx(plan.budget)


def test_another_budget_has_other_prices(small: Made) -> None:
    """Half the money: the plan misses it, money is dearer, and no price of the plan's is taken over."""
    plan, ground, _ = small
    half = grounds(ground.problem.twin, plan, 0.5 * plan.budget)
    assert half.prices_from == "search"
    assert half.missed["budget"] > 0.4
    assert half.prices[0] > ground.prices[0]
    assert grounds(ground.problem.twin, plan, plan.budget).prices_from == "plan"


@pytest.mark.parametrize("targeting", ["segment", "stage"])
def test_coarser_targeting_and_hand_edits(market: Callable[..., Content], targeting: str) -> None:
    """A coarser plan is explained in its own cells; one edited by hand, which they cannot hold, in the finest."""
    content = market(plain=True, periods=3, stages=SHORT_STAGES)
    plan, ground, lines = made(content, targeting=targeting)
    assert ground.problem.targeting == targeting
    assert sum(line.spend for line in lines) == pytest.approx(plan.spend.sum())
    if targeting == "segment":
        uneven = plan.intensity.copy()
        levers, stages = ground.targets.levers, ground.targets.stages
        uneven[:, :, stages.index("new"), levers.index("retention")] *= 1.5
        uneven[:, :, stages.index("core"), levers.index("retention")] *= 0.5
        edited = grounds(ground.problem.twin, replace(plan, intensity=uneven))
        assert edited.problem.targeting == "state"
        assert edited.course.asset == pytest.approx(asset_of(ground.chain, uneven))
        assert edited.money_course.asset == pytest.approx(edited.course.asset)


def test_what_was_committed_is_in_no_line(market: Callable[..., Content]) -> None:
    """Lead times: money decided before the start acts in every evaluation and belongs to no line."""
    content = market(plain=True, periods=4, stages=SHORT_STAGES)
    content["levers"]["winback"].update(lead_time=2, committed=0.3)
    plan, ground, lines = made(content, budget=40_000)
    committed = plan.spend[:2, ..., plan.targets.levers.index("winback")].sum()
    assert committed > 1000
    assert sum(line.spend for line in lines) == pytest.approx(plan.spend.sum() - committed)
    line = next(line for line in lines if line.name == "regulars / winback")
    assert line.spend > 0
    without = ground.targets.with_committed(np.where(place(ground, line), 0.0, plan.intensity))
    assert line.brings == pytest.approx(plan.asset - asset_of(ground.chain, without), abs=1e-6 * plan.asset)


def test_a_rule_that_the_plan_misses_is_said(market: Callable[..., Content]) -> None:
    """A plan that spends a little less than a floor: by how much it misses; lines may go that are of no use to it."""
    rules = {"levers": {"awareness": {"floor": 0.4}}}
    plan, ground, _ = made(market(plain=True, periods=3, stages=SHORT_STAGES, rules=rules))
    assert not ground.missed
    ground = grounds(ground.problem.twin, replace(plan, intensity=plan.intensity * (1 - 1e-5)))
    lines = lines_of(ground)
    assert list(ground.missed) == ["floor of awareness"]
    assert ground.missed["floor of awareness"] == pytest.approx(1e-5, rel=0.05)  # fewer aware, more to reach
    found = simplest_of(ground, lines)
    assert found is not None
    assert ("fresh", "awareness") in found.kept
    assert len(found.kept) < sum(line.spend > 0 for line in lines)


def test_no_lift_no_range(market: Callable[..., Content]) -> None:
    """A plan that spends nothing has lines without money, and neither ranges nor a simpler plan."""
    *_, ground, lines = made(market(plain=True, periods=3, stages=SHORT_STAGES), budget=0.0)
    assert all(line.spend == 0 for line in lines)
    assert all(range_of(ground, line) is None for line in lines)
    assert simplest_of(ground, lines) is None
    assert pairs_of(ground, lines) == []


def test_lines_of_terms_move_in_their_own_money(market: Callable[..., Content]) -> None:
    """A fee's range holds what goes through it, though no budget pays for it, and next to no money is no pair."""
    content = market(plain=True, periods=4, stages=SHORT_STAGES)
    leaving = {"without_money": 0, "unlimited_money": 0.3, "spend": 4, "brings": 0.04}
    fee = {"targets": ["new", "core"], "pays": "charge", "reference": 0, "most": 3, "moves": {"leaving": leaving}}
    _, ground, lines = made({**content, "levers": {**content["levers"], "fee": fee}})
    charged = next(line for line in lines if line.lever == "fee" and line.spend > 0)
    reach = range_of(ground, charged)
    assert reach is not None
    assert reach.low < charged.spend <= reach.high * (1 + 1e-9)
    assert ground.with_line((charged.segment, "fee"), 1.0).spend == pytest.approx(charged.spend)
    care, dust = (
        replace(line, spend=spend)
        for line, spend in zip([each for each in lines if each.lever != "fee"][:2], (1000.0, 1e-80), strict=True)
    )
    assert pairs_of(ground, [care, dust]) == []
