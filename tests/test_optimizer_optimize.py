"""Plans keep to their rules and are what they say."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from checks import asset_of
from markets import SHORT_STAGES, Content, Floats
from problems import asked, bounded, usage_of

from optimizer.ask.problem import allocation_problem, reference_spend
from optimizer.optimize import optimize, solve
from optimizer.plan import Plan
from optimizer.question import Question
from optimizer.stages.start import least_spend
from policies.planned import Planned
from sim.market.clock import Market
from sim.scenario.file import parse
from sim.twin import build
from sim.valuation import customer_asset


def test_the_plan_meets_its_rules_and_is_what_it_says(market: Callable[..., Content]) -> None:
    """The one plan made of the mixture meets every rule in expectation; value, use and head counts are the twin's."""
    _, problem, _ = bounded(market)
    plan = optimize(problem.twin, Question(budget=problem.limits[0]))
    usage = usage_of(problem, plan.intensity)
    assert (problem.signs * (problem.limits - usage) >= -1e-6 * problem.limits).all()
    assert plan.asset == pytest.approx(asset_of(problem.chain, plan.intensity), rel=1e-12)
    assert plan.no_spend < plan.asset <= plan.bound
    assert plan.gap == pytest.approx(1 - (plan.asset - plan.no_spend) / (plan.bound - plan.no_spend))
    assert plan.spend.sum() == pytest.approx(usage[0])
    assert not plan.intensity[:, ~problem.targets.allowed].any()


def campaigning(market: Callable[..., Content]) -> Content:
    """Return a market in which people appear, one lever takes two periods and runs three, one runs two."""
    content = market(periods=7, plain=True, stages=SHORT_STAGES)
    content["rules"] = {"levers": {"development": {"cap": 0.35}, "winback": {"floor": 0.02}}}
    content["segments"]["fresh"]["births"] = {"unaware": 800, "prospect": 300}
    content["levers"]["acquisition"].update(lead_time=2, duration=3, committed=0.9)
    content["levers"]["development"]["duration"] = 2
    content["levers"]["retention"]["lead_time"] = 1
    return content


def test_a_plan_keeps_to_what_is_committed_and_to_its_campaigns(market: Callable[..., Content]) -> None:
    """What was decided before acts first; a campaign runs unchanged; rules hold; below the bound, above doing nothing.

    Agents who play it are treated as it says: money and asset are the twin's within 4 standard errors.
    """
    scenario = parse(campaigning(market))
    twin = build(scenario)
    problem = allocation_problem(twin, 1.1 * reference_spend(twin.chain))
    plan = optimize(twin, Question(budget=problem.limits[0]))
    levers = twin.targets.levers
    acquisition, development, retention = (levers.index(n) for n in ("acquisition", "development", "retention"))
    by_lever = np.moveaxis(plan.intensity, 3, 0)
    for lever, lead in ((acquisition, 2), (retention, 1)):
        np.testing.assert_array_equal(by_lever[lever][:lead], np.stack([twin.targets.committed[..., lever]] * lead))
    for lever, first, length in ((acquisition, 2, 3), (development, 0, 2)):
        for start in range(first, 7, length):
            run = by_lever[lever][start : start + length]
            np.testing.assert_allclose(run, np.broadcast_to(run[0], run.shape), rtol=1e-12)
    usage = usage_of(problem, plan.intensity)
    assert (problem.signs * (problem.limits - usage) >= -1e-6 * problem.limits).all()
    assert plan.asset == pytest.approx(asset_of(problem.chain, plan.intensity), rel=1e-12)
    assert plan.no_spend < plan.asset <= plan.bound
    least = least_spend(problem).intensity
    np.testing.assert_array_equal(least[:2, ..., acquisition], plan.intensity[:2, ..., acquisition])
    np.testing.assert_array_equal(least[2:, ..., acquisition], 0)
    assert plan.no_spend == pytest.approx(asset_of(problem.chain, least), rel=1e-12)
    assert plan.lift_share > 0.7

    assets, spends = [], []
    for k in range(40):
        history = Market(twin, Planned(plan.intensity), twin.population(2, k, "classes"), seed=2, replication=k).run()
        assets.append(customer_asset(history, twin.chain.discount_rate).total)
        spends.append(history.spend.sum(axis=(0, 1, 2)))
    for got, want in ((np.array(assets), plan.asset), (np.array(spends), plan.spend.sum(axis=(0, 1, 2)))):
        error = got.std(axis=0, ddof=1) / math.sqrt(40)
        assert (error < 0.02 * want).all()
        assert (np.abs(got.mean(axis=0) - want) <= 4 * error).all()


def test_money_that_brings_ten_thousandfold_is_no_conflict() -> None:
    """Few prospects of huge value: a binding budget has a high price, and is not taken for rules that clash."""
    scenario = parse(
        {
            "name": "business customers",
            "periods": 6,
            "margin": 0.5,
            "segments": {
                "b": {
                    "start": {"prospect": 300},
                    "traits": {"purchase_rate": 0.5, "defection_rate": 0.05, "spend": 50_000.0},
                }
            },
            "levers": {
                "visit": {
                    "targets": ["prospect"],
                    "reference": 0.05,
                    "moves": {
                        "acquisition": {"without_money": 0.01, "unlimited_money": 0.2, "spend": 0.05, "brings": 0.03}
                    },
                }
            },
        }
    )
    plan = optimize(build(scenario))
    assert plan.status == "feasible"
    assert plan.lift_share > 0.95
    assert plan.shadow_price > 1e4


def test_lift_counts_from_the_least_the_rules_allow(market: Callable[..., Content]) -> None:
    """With floors the least spend is the floors, not nothing; without them it is nothing."""
    for floor in (0.0, 0.2):
        rules = {"levers": {"awareness": {"floor": floor}, "winback": {"floor": floor / 2}}} if floor else {}
        scenario = parse(market(plain=True, periods=4, stages=SHORT_STAGES, rules=rules))
        problem = allocation_problem(build(scenario))
        spend = least_spend(problem).spend.sum(axis=(0, 1, 2))
        expected = np.array([floor, 0, 0, 0, floor / 2]) * problem.limits[0]
        np.testing.assert_allclose(spend, expected, rtol=1e-6)


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
    twin = asked(market, rules)
    plan = optimize(twin, bound_steps=10)
    problem = allocation_problem(twin)
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
    twin = build(scenario)
    chain = twin.chain
    plan = optimize(twin, Question(budget=3 * reference_spend(chain)), bound_steps=5)
    contacts = plan.intensity[..., 3] / 0.2 + plan.intensity[..., 2] / 0.1
    assert contacts.max() == pytest.approx(2.0, rel=1e-6)
    free = allocation_problem(build(parse({**content, "rules": {}})), 3 * reference_spend(chain))
    assert solve(free, bounded=False).asset > plan.asset
    assert plan.asset <= plan.bound


@pytest.mark.parametrize("rule", [pytest.param({"least": 3000.0}, marks=pytest.mark.slow), {"fixed_cost": 400.0}])
def test_small_campaigns_are_left_out(rule: Content, market: Callable[..., Content]) -> None:
    """Each campaign gets nothing or at least its least size; with a fixed cost fewer are run, and what stays pays."""
    twin = asked(market, {})
    chain = twin.chain
    budget = 0.6 * reference_spend(chain)
    free = solve(allocation_problem(twin, budget), bounded=False)
    twin = asked(market, {"campaigns": {"acquisition": rule, "retention": rule}})
    chain = twin.chain
    plan = optimize(twin, Question(budget=budget), bound_steps=0)

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


@pytest.mark.slow
@pytest.mark.parametrize(("least", "fixed"), [(12000.0, 0.0), (3000.0, 42000.0)])
def test_campaigns_are_the_best_of_all_sets(least: float, fixed: float, market: Callable[..., Content]) -> None:
    """Every set of five campaigns, each at its least size or not at all, searched by itself: none is worth more."""
    periods = 5
    plain = market(plain=True, periods=periods, stages=SHORT_STAGES)
    plain["levers"]["retention"].pop("by_segment", None)

    def found(rules: Content) -> Plan:
        scenario = parse({**plain, "rules": rules})
        twin = build(scenario)
        chain = twin.chain
        return solve(allocation_problem(twin, 0.6 * reference_spend(chain)), bounded=False)

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
