"""Rules as rows against plain sums; rules that clash; questions that are rules in another form."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optimizer.ask.problem import AllocationProblem, reference_spend
from optimizer.ask.rules import as_today
from optimizer.bound.conflicts import conflict_of
from optimizer.optimize import allocation_problem, optimise, plan_of, solved
from optimizer.plan import Plan
from optimizer.question import Question, parse_slice, parse_target
from sim.engine.chain import ALIVE, ControlledChain
from sim.engine.fluid import expected_history
from sim.engine.sensitivity import follow
from sim.errors import InputError, RulesError, ScenarioError
from sim.scenario.file import Scenario, parse
from sim.twin import build

Content = dict[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]
SHORT_STAGES = {"core": 2, "declining": 1, "lapsed": 2}


def asked(market: Callable[..., Content], rules: Content, **changes: Any) -> tuple[Scenario, ControlledChain]:
    scenario = parse(market(plain=True, periods=6, stages=SHORT_STAGES, rules=rules, **changes))
    return scenario, build(scenario).chain


def some_plan(chain: ControlledChain, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    return np.asarray(as_today(chain) * rng.uniform(0, 2, (chain.periods, *chain.targets.shape)))


# --- Rows count what they say -----------------------------------------------------------------------------------------

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
    scenario, chain = asked(market, rules)
    problem = allocation_problem(scenario, chain, 900.0)
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
    scenario, chain = asked(market, rules)
    problem = allocation_problem(scenario, chain, 900.0)
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
    scenario, chain = asked(market, rules)
    problem = allocation_problem(scenario, chain)
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
    chain = build(asking).chain
    problem = allocation_problem(asking, chain)
    for factor in (0.0, 1.0, 3.0):
        plan = factor * as_today(chain)
        history = expected_history(chain, plan)
        number = history.people[-1, ..., ALIVE].sum()
        assert problem.usage(plan)[1] == pytest.approx((history.satisfaction[-1, 0] - points) * number, rel=1e-9)


# --- Plans keep to them -----------------------------------------------------------------------------------------------


def test_a_plan_keeps_to_all_its_rules(market: Callable[..., Content]) -> None:
    """Many kinds at once: every row is met, some bind, and the plan stays below its bound."""
    rules = {
        "stretches": {"every": 2},
        "slices": {
            "fresh": {"segments": ["fresh"], "floor_share": 0.3},
            "steady": {"levers": ["retention"], "ramp": 0.1},
            "core": {"stages": ["core"], "each": "period", "cap": 900.0},
        },
        "people": {"kept": {"count": "kept", "segments": ["regulars"], "at_least": 0.52, "of_start": True}},
    }
    scenario, chain = asked(market, rules)
    plan = optimise(scenario, chain, bound_steps=10)
    problem = allocation_problem(scenario, chain)
    slack = problem.signs * (problem.limits - problem.usage(plan.intensity)) / problem.row_units
    assert plan.status == "feasible"
    assert (slack > -1e-6).all()
    assert {name.partition(":")[0].partition(" ")[0] for name in plan.prices} >= {"budget", "steady"}
    assert plan.no_spend < plan.asset <= plan.bound


def test_contacts_are_limited(market: Callable[..., Content]) -> None:
    """No customer is contacted more often than the rule allows, over all levers that cost contacts."""
    content = market(plain=True, periods=4, stages=SHORT_STAGES, rules={"contacts": 2.0})
    content["levers"]["retention"]["cost_per_contact"] = 0.2
    content["levers"]["development"]["cost_per_contact"] = 0.1
    scenario = parse(content)
    chain = build(scenario).chain
    plan = optimise(scenario, chain, 3 * reference_spend(chain), bound_steps=5)
    contacts = plan.intensity[..., 3] / 0.2 + plan.intensity[..., 2] / 0.1
    assert contacts.max() == pytest.approx(2.0, rel=1e-6)
    free = parse({**content, "rules": {}})
    assert optimise(free, build(free).chain, 3 * reference_spend(chain), bound_steps=0).asset > plan.asset
    assert plan.asset <= plan.bound


@pytest.mark.parametrize("rule", [{"least": 3000.0}, {"fixed_cost": 400.0}])
def test_small_campaigns_are_left_out(rule: Content, market: Callable[..., Content]) -> None:
    """Each campaign gets nothing or at least its least size; with a fixed cost fewer are run, and what stays pays."""
    scenario, chain = asked(market, {})
    budget = 0.6 * reference_spend(chain)
    free = optimise(scenario, chain, budget, bound_steps=0)
    scenario, chain = asked(market, {"campaigns": {"acquisition": rule, "retention": rule}})
    plan = optimise(scenario, chain, budget, bound_steps=0)

    def campaigns(of: Plan) -> Floats:
        return of.spend[..., [1, 3]].sum(axis=2).ravel()

    run = campaigns(plan)[campaigns(plan) > 0]
    assert 0 < run.size < (campaigns(free) > 1e-6).sum()
    assert plan.status == "feasible"
    assert plan.spend.sum() <= budget * (1 + 1e-6)
    if "least" in rule:
        assert run.min() >= 3000.0 * (1 - 1e-5)
        assert plan.fixed_costs == 0
    else:
        assert 0.9 * 400 * run.size < plan.fixed_costs <= 400 * run.size
        assert plan.asset - plan.fixed_costs > free.asset - 0.9 * 400 * (campaigns(free) > 1e-6).sum()
    assert plan.no_spend < plan.asset <= free.asset * (1 + 1e-9)


@pytest.mark.parametrize(("least", "fixed"), [(12000.0, 0.0), (3000.0, 42000.0)])
def test_campaigns_are_the_best_of_all_sets(least: float, fixed: float, market: Callable[..., Content]) -> None:
    """Every set of five campaigns, each at its least size or not at all, searched by itself: none is worth more."""
    periods = 5
    plain = market(plain=True, periods=periods, stages=SHORT_STAGES)
    plain["levers"]["retention"].pop("by_segment", None)

    def found(rules: Content) -> Plan:
        scenario = parse({**plain, "rules": rules})
        chain = build(scenario).chain
        return solved(scenario, allocation_problem(scenario, chain, 0.6 * reference_spend(chain)), bounded=False)

    nowhere = {"fresh": {"levers": ["retention"], "segments": ["fresh"], "cap": 0.0}}
    ours = found({"campaigns": {"retention": {"least": least, "fixed_cost": fixed}}, "slices": nowhere})
    worths, discount = [], build(parse(plain)).chain.discount
    for run in itertools.product((False, True), repeat=periods):
        slices = {
            f"{t}": {"levers": ["retention"], "start": t, "end": t + 1, **({"floor": least} if runs else {"cap": 0.0})}
            for t, runs in enumerate(run)
        }
        plan = found({"slices": {**slices, **nowhere}})
        if plan.status == "feasible":
            worths.append(plan.asset - fixed * float(discount[:-1] @ np.array(run)))
    assert len(worths) > 8
    assert 0 < np.argmax(worths) < len(worths) - 1
    assert ours.asset - ours.fixed_costs >= max(worths) - 1e-5 * (max(worths) - min(worths))


# --- Rules that clash -------------------------------------------------------------------------------------------------


def test_an_irreducible_set_is_named(market: Callable[..., Content]) -> None:
    """Two floors above the budget: these three exclude each other, the cap beside them has no part in it."""
    rules = {
        "slices": {
            "much awareness": {"levers": ["awareness"], "floor": 600.0},
            "much winback": {"levers": ["winback"], "floor": 700.0},
            "little development": {"levers": ["development"], "cap": 800.0},
        }
    }
    scenario, chain = asked(market, rules)
    problem = allocation_problem(scenario, chain, 1000.0)
    clash = conflict_of(problem)
    assert clash is not None
    assert set(clash.names) == {"budget", "much awareness: floor", "much winback: floor"}
    assert sum(float(amount.replace(",", "")) for amount in clash.give_way.values()) == pytest.approx(300.0, abs=0.01)
    for name in clash.names:
        rest = tuple(row for row in problem.rows if row.name != name)
        assert conflict_of(replace(problem, rows=rest)) is None
    with pytest.raises(RulesError, match="rules cannot all be met: 'budget' and 'much") as caught:
        optimise(scenario, chain, 1000.0)
    assert "\n" not in str(caught.value)


def test_rules_that_can_be_met_do_not_clash(market: Callable[..., Content]) -> None:
    """Also where they only just can."""
    rules = {"slices": {"a": {"levers": ["awareness"], "floor": 400.0}, "w": {"levers": ["winback"], "floor": 600.0}}}
    scenario, chain = asked(market, rules)
    problem = allocation_problem(scenario, chain, 1000.0)
    assert conflict_of(problem) is None
    plan = optimise(scenario, chain, 1000.0, bound_steps=0)
    assert plan.status == "feasible"
    np.testing.assert_allclose(plan.spend.sum(axis=(0, 1, 2))[[0, 4]], [400, 600], rtol=1e-5)


# --- Questions --------------------------------------------------------------------------------------------------------


def test_the_least_spend_for_an_asset_is_the_frontier_read_backwards(market: Callable[..., Content]) -> None:
    """What a budget brings at most needs that budget at least; no policy needs less than the bound says."""
    scenario, chain = asked(market, {})
    plan = optimise(scenario, chain, 0.7 * reference_spend(chain), bound_steps=0)
    question = Question(reach=("asset", plan.asset))
    back = solved(scenario, question.problem(scenario, chain))
    assert back.goal == "thrift"
    assert back.asset >= plan.asset * (1 - 1e-6)
    assert back.spend.sum() == pytest.approx(plan.spend.sum(), rel=5e-3)
    assert back.bound <= back.spend.sum() * (1 + 1e-6)
    assert back.prices["asset"] == pytest.approx(-1 / plan.shadow_price, rel=0.05)


@pytest.mark.parametrize("quantity", ["kept", "core", "return"])
def test_targets_are_reached(quantity: str, market: Callable[..., Content]) -> None:
    """People at the end, or a return on the money: reached, and not for much more than needed."""
    scenario, chain = asked(market, {})
    today = follow(chain, as_today(chain))
    alive = today.people[-1][:, chain.space.law_kind == ALIVE].sum()
    core = today.observed[-1][:, 4].sum()
    least = {"kept": 1.02 * alive, "core": 1.02 * core, "return": 1.2}[quantity]
    plan = solved(scenario, Question(reach=(quantity, float(least))).problem(scenario, chain), bounded=False)
    assert plan.status == "feasible"
    course = follow(chain, plan.intensity)
    if quantity == "kept":
        assert course.people[-1][:, chain.space.law_kind == ALIVE].sum() == pytest.approx(least, rel=1e-4)
    elif quantity == "return":
        idle = follow(chain, 0 * as_today(chain)).asset
        assert (course.asset - idle) / course.spend.sum() >= least * (1 - 1e-4)
        assert course.spend.sum() > 0
    if quantity != "return":
        dear = Question(reach=(quantity, float(1.01 * least)))
        assert solved(scenario, dear.problem(scenario, chain), bounded=False).spend.sum() > plan.spend.sum()


def test_the_next_money_leaves_the_rest_as_it_is(market: Callable[..., Content]) -> None:
    """On top of a plan: nothing is taken from it, all of the new money is spent, less well than if all were free."""
    scenario, chain = asked(market, {})
    base = 0.5 * as_today(chain)
    spent = follow(chain, base).spend
    more = 0.3 * float(spent.sum())
    question = Question(base=base, more=more)
    plan = solved(scenario, question.problem(scenario, chain), starts=[base], bounded=False)
    assert (plan.spend >= spent * (1 - 1e-6)).all()
    assert plan.spend.sum() == pytest.approx(spent.sum() + more, rel=1e-6)
    free = optimise(scenario, chain, plan.budget, bound_steps=0)
    assert follow(chain, base).asset < plan.asset < free.asset


def test_near_another_plan_and_frozen_in_part(market: Callable[..., Content]) -> None:
    """Money by target stays within a tenth of the base's; a frozen lever keeps it to the unit."""
    scenario, chain = asked(market, {})
    base = as_today(chain)
    spent = follow(chain, base).spend
    near = solved(scenario, Question(base=base, within=0.1).problem(scenario, chain), starts=[base], bounded=False)
    assert (near.spend <= 1.1 * spent + 1e-6).all()
    assert (near.spend >= 0.9 * spent - 1e-6).all()
    frozen = parse_slice("lever=retention,segment=fresh,to=3", chain)
    question = Question(base=base, frozen=frozen, budget=1.2 * float(spent.sum()))
    plan = solved(scenario, question.problem(scenario, chain), starts=[base], bounded=False)
    np.testing.assert_allclose(plan.spend[:3, 1, :, 3], spent[:3, 1, :, 3], rtol=1e-6, atol=1e-6)
    assert follow(chain, base).asset < near.asset < plan.asset


def test_with_all_money_held_the_plan_is_its_own_bound(market: Callable[..., Content]) -> None:
    """Nothing is searched for: the base comes back, and no other plan can be better."""
    scenario, chain = asked(market, {})
    base = some_plan(chain)
    everything = np.ones((chain.periods, *chain.targets.shape), dtype=bool)
    course = follow(chain, base)
    budget = 1.01 * float(course.spend.sum())
    plan = solved(scenario, Question(base=base, frozen=everything, budget=budget).problem(scenario, chain))
    np.testing.assert_allclose(plan.spend, course.spend, rtol=1e-9, atol=1e-9)
    assert plan.bound == plan.asset == pytest.approx(course.asset, rel=1e-12)
    assert plan.termination == plan.bound_assumes == "all money is held: there is no other plan"


@pytest.mark.parametrize("text", ["colour=red", "segment=nobody", "from=0", "to=7", "lever", "from=4,to=2"])
def test_a_slice_that_is_none_is_refused(text: str, market: Callable[..., Content]) -> None:
    """With what there is instead."""
    with pytest.raises(InputError, match="expected"):
        parse_slice(text, asked(market, {})[1])


@pytest.mark.parametrize(
    "text", ["asset", "asset=much", "asset=1,2", "profit=3", "satisfaction=70", "kept=inf", "kept=-4"]
)
def test_a_target_that_is_none_is_refused(text: str, market: Callable[..., Content]) -> None:
    """Unknown quantities, words for numbers, what the scenario does not model."""
    with pytest.raises(InputError, match="--reach"):
        parse_target(text, asked(market, {})[0])


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"slices": {"s": {"levers": ["winbak"], "cap": 1}}}, "did you mean 'winback'"),
        ({"slices": {"s": {"levers": ["winback"]}}}, "states no bound"),
        ({"slices": {"s": {"floor": 3, "cap": 2}}}, "floor 3 is above the cap 2"),
        ({"slices": {"s": {"start": 9, "cap": 2}}}, "beyond the 6 periods"),
        ({"people": {"p": {"count": "satisfaction", "at_least": 3}}}, "needs `satisfaction:`"),
        ({"people": {"p": {"count": "kept", "at_least": 3, "at": 7}}}, "beyond the 6 periods"),
        ({"contacts": 3}, "cost_per_contact"),
        ({"stretches": {"every": 2, "amounts": [1, 2]}}, "expected 3 amounts"),
        ({"slices": {"s": {"flor": 3}}}, "did you mean 'floor'"),
    ],
)
def test_rules_that_make_no_sense_are_refused(rules: Content, words: str, market: Callable[..., Content]) -> None:
    """One line that names the key."""
    with pytest.raises(ScenarioError, match=words) as caught:
        asked(market, rules)
    assert "\n" not in str(caught.value)


def test_the_price_of_a_cap_of_nothing_is_what_the_first_unit_brings(market: Callable[..., Content]) -> None:
    """A rule that leaves nothing to move has a price all the same: against a plan with a little more room."""
    assets = []
    for cap in (0.0, 50.0):
        rules = {"slices": {"s": {"levers": ["retention"], "start": 1, "end": 2, "cap": cap}}}
        scenario, chain = asked(market, rules)
        plan = optimise(scenario, chain, 0.7 * reference_spend(chain), bound_steps=0)
        assets.append(plan.asset)
        if cap == 0:
            price = plan.prices["s: cap"]
    assert price == pytest.approx((assets[1] - assets[0]) / 50, rel=0.1)


def test_a_budget_beyond_anything_changes_nothing(market: Callable[..., Content]) -> None:
    """What cannot be spent is no measure of anything."""
    scenario, chain = asked(market, {})
    much, more = (optimise(scenario, chain, budget, bound_steps=0) for budget in (20 * reference_spend(chain), 1e18))
    assert more.asset == pytest.approx(much.asset, abs=1e-3 * (much.asset - much.no_spend))
    assert more.shadow_price == pytest.approx(0, abs=1e-3)


def test_what_is_held_may_break_a_rule(market: Callable[..., Content]) -> None:
    """Everything frozen at more than the budget: refused, with the rule and by how much."""
    scenario, chain = asked(market, {})
    frozen = np.ones((chain.periods, *chain.targets.shape), dtype=bool)
    question = Question(base=as_today(chain), frozen=frozen, budget=0.5 * reference_spend(chain))
    with pytest.raises(RulesError, match="'budget' is missed by"):
        solved(scenario, question.problem(scenario, chain))


def test_a_plan_says_which_rule_it_misses(market: Callable[..., Content]) -> None:
    """A search that ends outside the rules is not called feasible."""
    scenario, chain = asked(market, {"slices": {"s": {"levers": ["winback"], "floor": 500.0}}})
    problem: AllocationProblem = allocation_problem(scenario, chain, 1000.0)
    from optimizer.search.sequential import Sequential

    search = Sequential(problem)
    end = search.run(np.zeros_like(search.low), lift=1e4, steps=0)
    assert plan_of(scenario, problem, end, no_spend=0.0).status == "misses 's: floor' by 500.00"
