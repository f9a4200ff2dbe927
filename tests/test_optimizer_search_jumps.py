"""Jumps over thresholds: curves that are exact, and plans that a climb does not reach."""

from collections.abc import Callable

import numpy as np
import pytest
from markets import ROOT, SHORT_STAGES, Content

from benchmarks.law_cases import random_market, threshold_market
from optimizer.ask.problem import allocation_problem, reference_spend
from optimizer.optimize import find, solve
from optimizer.search.jumps import jump
from optimizer.search.sequential import Sequential
from optimizer.stages.keep import keep
from optimizer.stages.prove import Proved
from optimizer.stages.start import start
from sim.engine.sensitivity import follow
from sim.scenario.file import load, parse
from sim.twin import build

WORSE = ROOT / "tests" / "data" / "worse_than_nothing.yaml"


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_what_another_intensity_brings_is_exact(seed: int) -> None:
    """One period's odds changed, all else held: the adjoint's odds slopes say the new asset, to the last digits."""
    chain = build(parse(random_market(seed))).chain
    rng = np.random.default_rng(seed)
    usual = np.where(chain.targets.allowed, chain.usual, 0.0)
    plan = usual * rng.uniform(0, 2, (chain.periods, *chain.targets.shape))
    problem = allocation_problem(build(parse(random_market(seed))))
    course = follow(chain, plan)
    slopes = course.odds_slopes(problem.aim)
    for t in range(chain.periods):
        other = plan.copy()
        other[t] = usual * rng.uniform(0, 3, usual.shape)
        now, (by_odds, by_reward) = course.past[t], slopes[t]
        before, after = (chain.step(now.met.environment, each[t]) for each in (plan, other))
        said = (by_odds * (after.probability - before.probability)).sum()
        said += (by_reward * (after.reward - before.reward)).sum()
        said -= (problem.aim.money[t] * now.observed[:, :, None] * (other[t] - plan[t])).sum()
        assert said == pytest.approx(follow(chain, other).asset - course.asset, rel=1e-8, abs=1e-9 * usual.sum())


def test_a_plan_that_was_worse_than_nothing_is_worth_more_than_a_subset_of_it() -> None:
    """A reactivation that is infinitely steep at nothing, an S-curve beside it: 520 above the least spend was known."""
    twin = build(load(WORSE))
    plan = solve(allocation_problem(twin, 3201.65), bounded=False)
    assert plan.status == "feasible"
    assert plan.asset - plan.no_spend > 590.0
    more = solve(allocation_problem(twin, 2 * 3201.65), known=[plan.intensity], bounded=False)
    assert more.asset >= plan.asset


@pytest.mark.parametrize("money", [pytest.param(12_790.0, marks=pytest.mark.slow), 12_805.13744])
def test_two_ways_that_are_worth_nearly_the_same_are_told_apart(money: float) -> None:
    """S-curves, a budget of which the best way leaves a quarter: 700 more bring no other way, which is worth less.

    At the second budget chords over the convex part of a curve said 2e-3 of lift too much for the other way.
    """
    twin = build(parse(threshold_market(0, 3)))
    less, more = (solve(allocation_problem(twin, each), bounded=False, threads=1) for each in (12_090.0, money))
    assert less.spend.sum() < 10_000
    assert more.asset >= less.asset - 1e-5 * (less.asset - less.no_spend)


@pytest.mark.slow
def test_a_campaign_stands_where_it_brings_most() -> None:
    """Over a threshold, for people whom a campaign at another time would win too: which one is seen without the other.

    Word of mouth beside it; a plan that won the prospects in the last period was stationary, and a hundredth of its
    lift below one that wins them in the first.
    """
    twin = build(parse(random_market(303, coupled=True)))
    problem = allocation_problem(twin, reference_spend(twin.chain))
    plan = solve(problem, bounded=False, threads=1)
    search = Sequential(problem)
    amount, campaign = search.amount_of(plan.intensity), search.cells.lever == twin.targets.levers.index("acquisition")
    money = amount[:, campaign].sum(axis=0)
    assert (money > 0).any()
    lift = plan.asset - plan.no_spend
    for t in range(twin.chain.periods):
        moved = amount.copy()
        moved[:, campaign] = 0.0
        moved[t, campaign] = money
        assert search.run(moved, lift=lift).value <= plan.asset + 1e-4 * lift


def test_a_jump_keeps_to_rules_and_contacts(market: Callable[..., Content]) -> None:
    """Money of campaigns that run for two periods moves together; budgets hold; nobody gets too many contacts."""
    content = market(plain=True, periods=4, stages=SHORT_STAGES, rules={"period_share": 0.4, "contacts": 2.0})
    content["levers"]["retention"].update(cost_per_contact=0.2, duration=2)
    content["levers"]["development"]["cost_per_contact"] = 0.1
    twin = build(parse(content))
    problem = allocation_problem(twin, 0.8 * reference_spend(twin.chain))
    search = Sequential(problem)
    before = search.amount_of(start(problem).least.intensity)
    found = jump(search, before, range(5), 1e4)
    assert found is not None
    assert found.promise > 0
    assert (search.missed(search.follow(found.amount)) <= 1e-6 * problem.row_units).all()
    course = search.follow(found.amount)
    money = found.amount[:, search.cells.lever == 3] > 0
    assert money.any()
    heads = search.stated.heads(course)[:, search.cells.lever == 3]
    both = np.minimum(heads[0::2], heads[1::2]) > 1
    np.testing.assert_array_equal(money[0::2][both], money[1::2][both])
    contacts = search.stated.contacts(before, search.stated.heads(search.follow(before)))
    assert contacts is not None
    assert (contacts[0] @ found.amount.ravel() <= 1 + 1e-6).all()  # by the heads it was looked for with


def test_a_known_plan_is_kept_and_searched_from(market: Callable[..., Content]) -> None:
    """A search that ends below a known plan goes on from it; one that breaks rules is no answer."""
    twin = build(parse(market(plain=True, periods=4, stages=SHORT_STAGES)))
    problem = allocation_problem(twin, 0.7 * reference_spend(twin.chain))
    good = solve(problem, bounded=False)
    blind = find(start(problem), Proved(), steps=0)
    assert blind.repaired.course.asset < good.asset
    begun = start(problem, known=[good.intensity, 3 * good.intensity])
    sized, repaired = keep(begun, blind.searched, blind.sized, blind.repaired, steps=5, make=Sequential)
    assert repaired.course.asset >= good.asset * (1 - 1e-12)
    assert repaired.status == "feasible"
    assert sized.fixed_costs == 0
    assert repaired.end.prices[0] == pytest.approx(good.prices["budget"], rel=0.05)
