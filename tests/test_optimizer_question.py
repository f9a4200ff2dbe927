"""Questions that are rules in another form."""

from collections.abc import Callable

import numpy as np
import pytest
from markets import Content
from problems import asked, some_plan

from benchmarks.law_cases import threshold_market
from optimizer.ask.problem import AllocationProblem, allocation_problem, reference_spend
from optimizer.ask.rows import as_today
from optimizer.optimize import solve
from optimizer.question import Question, parse_slice, parse_target
from optimizer.stages.repair import repair
from sim.engine.chain import ALIVE
from sim.engine.fluid import expected_history
from sim.engine.sensitivity import follow
from sim.errors import InputError, RulesError, ScenarioError
from sim.scenario.file import parse
from sim.twin import build


def test_the_least_spend_for_an_asset_is_the_frontier_read_backwards(market: Callable[..., Content]) -> None:
    """What a budget brings at most needs that budget at least; no policy needs less than the bound says."""
    twin = asked(market, {})
    chain = twin.chain
    plan = solve(Question(budget=0.7 * reference_spend(chain)).problem(twin), bounded=False)
    question = Question(reach=("asset", plan.asset))
    back = solve(question.problem(twin))
    assert back.goal == "least_money"
    assert back.asset >= plan.asset * (1 - 1e-6)
    assert back.spend.sum() == pytest.approx(plan.spend.sum(), rel=5e-3)
    assert np.isnan(back.bound)  # which is an asset
    assert 0.5 * back.spend.sum() < back.least_money <= back.spend.sum() * (1 + 1e-6)
    assert back.prices["asset"] == pytest.approx(-1 / plan.shadow_price, rel=0.05)


@pytest.mark.parametrize("seed", [pytest.param(1, marks=pytest.mark.slow), 10])
def test_a_target_beyond_thresholds_is_reached_for_what_a_plan_spends_that_reaches_it(seed: int) -> None:
    """S-curves: the search for the least money saw only the foot of them, and found no plan at all."""
    twin = build(parse(threshold_market(seed, 3)))
    budget = float(twin.chain.initial.sum()) * float(np.random.default_rng(seed).uniform(0.1, 2))
    plan = solve(allocation_problem(twin, budget), bounded=False, threads=1)
    back = solve(Question(reach=("asset", plan.asset)).problem(twin), bounded=False, threads=1)
    assert back.status == "feasible"
    assert back.asset >= plan.asset - 1e-6 * abs(plan.asset)
    assert back.spend.sum() <= plan.spend.sum() * (1 + 5e-4)


@pytest.mark.parametrize("seed", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_target_is_reached_beside_another_rule_that_needs_more_money(seed: int) -> None:
    """Asked the other way round for less money, the other rule cannot be met: that is no refusal of what was asked."""
    content = threshold_market(seed, 3)
    twin = build(parse(content))
    plan = solve(allocation_problem(twin, 0.8 * float(twin.chain.initial.sum())), bounded=False, threads=1)
    end = expected_history(twin.chain, plan.intensity).customers[-1]
    customers = end[:, [name not in ("unaware", "prospect") for name in twin.targets.stages]].sum()
    content["rules"] = {"people": {"enough": {"count": "customers", "at_least": 0.97 * float(customers)}}}
    question = Question(reach=("asset", plan.asset - 0.1 * abs(plan.asset)))
    back = solve(question.problem(build(parse(content))), bound_steps=0, threads=1)
    assert back.status == "feasible"
    assert back.spend.sum() <= plan.spend.sum() * (1 + 5e-4)


@pytest.mark.parametrize("quantity", ["kept", "core", "return"])
def test_targets_are_reached(quantity: str, market: Callable[..., Content]) -> None:
    """People at the end, or a return on the money: reached, and not for much more than needed."""
    twin = asked(market, {})
    chain = twin.chain
    today = follow(chain, as_today(chain))
    alive = today.people[-1][:, chain.space.law_kind == ALIVE].sum()
    core = today.observed[-1][:, 4].sum()
    least = {"kept": 1.02 * alive, "core": 1.02 * core, "return": 1.2}[quantity]
    plan = solve(Question(reach=(quantity, float(least))).problem(twin), bounded=False)
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
        assert solve(dear.problem(twin), bounded=False).spend.sum() > plan.spend.sum()


def test_the_next_money_leaves_the_rest_as_it_is(market: Callable[..., Content]) -> None:
    """On top of a plan: nothing is taken from it, all of the new money is spent, less well than if all were free."""
    twin = asked(market, {})
    chain = twin.chain
    base = 0.5 * as_today(chain)
    spent = follow(chain, base).spend
    more = 0.3 * float(spent.sum())
    question = Question(base=base, more=more)
    plan = solve(question.problem(twin), starts=[base], bounded=False)
    assert (plan.spend >= spent * (1 - 1e-6)).all()
    assert plan.spend.sum() == pytest.approx(spent.sum() + more, rel=1e-6)
    free = solve(Question(budget=plan.budget).problem(twin), bounded=False)
    assert follow(chain, base).asset < plan.asset < free.asset


def test_near_another_plan_and_frozen_in_part(market: Callable[..., Content]) -> None:
    """Money by target stays within a tenth of the base's; a frozen lever keeps it to the unit."""
    twin = asked(market, {})
    chain = twin.chain
    base = as_today(chain)
    spent = follow(chain, base).spend
    near = solve(Question(base=base, within=0.1).problem(twin), starts=[base], bounded=False)
    assert (near.spend <= 1.1 * spent + 1e-6).all()
    assert (near.spend >= 0.9 * spent - 1e-6).all()
    frozen = parse_slice("lever=retention,segment=fresh,to=3", chain)
    question = Question(base=base, frozen=frozen, budget=1.2 * float(spent.sum()))
    plan = solve(question.problem(twin), starts=[base], bounded=False)
    np.testing.assert_allclose(plan.spend[:3, 1, :, 3], spent[:3, 1, :, 3], rtol=1e-6, atol=1e-6)
    assert follow(chain, base).asset < near.asset < plan.asset


def test_with_all_money_held_the_plan_is_its_own_bound(market: Callable[..., Content]) -> None:
    """Nothing is searched for: the base comes back, and no other plan can be better."""
    twin = asked(market, {})
    chain = twin.chain
    base = some_plan(chain)
    everything = np.ones((chain.periods, *chain.targets.shape), dtype=bool)
    course = follow(chain, base)
    budget = 1.01 * float(course.spend.sum())
    plan = solve(Question(base=base, frozen=everything, budget=budget).problem(twin))
    np.testing.assert_allclose(plan.spend, course.spend, rtol=1e-9, atol=1e-9)
    assert plan.bound == plan.asset == pytest.approx(course.asset, rel=1e-12)
    assert plan.termination == plan.proof.assumes == "all money is held: there is no other plan"


@pytest.mark.parametrize("text", ["colour=red", "segment=nobody", "from=0", "to=7", "lever", "from=4,to=2"])
def test_a_slice_that_is_none_is_refused(text: str, market: Callable[..., Content]) -> None:
    """With what there is instead."""
    with pytest.raises(InputError, match="expected"):
        parse_slice(text, asked(market, {}).chain)


@pytest.mark.parametrize(
    "text", ["asset", "asset=much", "asset=1,2", "profit=3", "satisfaction=70", "kept=inf", "kept=-4"]
)
def test_a_target_that_is_none_is_refused(text: str, market: Callable[..., Content]) -> None:
    """Unknown quantities, words for numbers, what the scenario does not model."""
    with pytest.raises(InputError, match="`reach="):
        parse_target(text, asked(market, {}).scenario)


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
        twin = asked(market, rules)
        chain = twin.chain
        plan = solve(Question(budget=0.7 * reference_spend(chain)).problem(twin), bounded=False)
        assets.append(plan.asset)
        if cap == 0:
            price = plan.prices["s: cap"]
    assert price == pytest.approx((assets[1] - assets[0]) / 50, rel=0.1)


def test_a_budget_beyond_anything_changes_nothing(market: Callable[..., Content]) -> None:
    """What cannot be spent is no measure of anything."""
    twin = asked(market, {})
    chain = twin.chain
    much, more = (
        solve(Question(budget=budget).problem(twin), bounded=False) for budget in (20 * reference_spend(chain), 1e18)
    )
    assert more.asset == pytest.approx(much.asset, abs=1e-3 * (much.asset - much.no_spend))
    assert more.shadow_price == pytest.approx(0, abs=1e-3)


def test_what_is_held_may_break_a_rule(market: Callable[..., Content]) -> None:
    """Everything frozen at more than the budget: refused, with the rule and by how much."""
    twin = asked(market, {})
    chain = twin.chain
    frozen = np.ones((chain.periods, *chain.targets.shape), dtype=bool)
    question = Question(base=as_today(chain), frozen=frozen, budget=0.5 * reference_spend(chain))
    with pytest.raises(RulesError, match="'budget' is missed by"):
        solve(question.problem(twin))


def test_a_plan_says_which_rule_it_misses(market: Callable[..., Content]) -> None:
    """A search that ends outside the rules is not called feasible."""
    twin = asked(market, {"slices": {"s": {"levers": ["winback"], "floor": 500.0}}})
    problem: AllocationProblem = allocation_problem(twin, 1000.0)
    from optimizer.search.sequential import Sequential

    search = Sequential(problem)
    end = search.run(np.zeros_like(search.low), lift=1e4, steps=0)
    assert repair(problem, end, 1e4).status == "misses 's: floor' by 500.00"
