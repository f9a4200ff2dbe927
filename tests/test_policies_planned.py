"""Plans and as today keep pace with their money; any policy can be scaled to a budget."""

import copy

import numpy as np
import pytest
import yaml
from markets import SMALL, Content

import tenure
from experiments.chosen import chosen_policies
from optimizer.ask.problem import reference_spend
from optimizer.ask.rows import as_today
from policies.catalogue import named
from policies.money import Ration
from policies.planned import Planned, fitted
from policies.scaled import Scaled, scaled_to
from sim.engine.sensitivity import follow
from sim.market.clock import Market
from sim.market.expected import expected_course
from sim.market.purse import Budget, budget_of
from sim.scenario.file import load, parse
from sim.twin import Twin, build


def few_heads(**rules: object) -> Content:
    """Return a market of a few dozen people, so that chance decides who is there to spend money on."""
    content = yaml.safe_load(SMALL.read_text(encoding="utf-8"))
    content["segments"]["regulars"]["start"] = {"new": 12}
    content["segments"]["newcomers"]["start"] = {"unaware": 20, "prospect": 10}
    return {**content, "rules": rules}


def spent(twin: Twin, policy: object, purse: Budget, number: int = 40) -> np.ndarray:
    run = [
        Market(twin, copy.deepcopy(policy), twin.population(0, k), purse, replication=k).run() for k in range(number)
    ]
    return np.array([history.spend.sum(axis=(1, 2, 3)) for history in run])


def test_a_budget_that_binds_on_few_heads_is_spent() -> None:
    """Money that is only ever cut leaves some of the budget in the mean; kept in pace, every replication spends it."""
    firm = tenure.Firm.of(few_heads())
    budget = 0.7 * firm.reference_spend
    plan = firm.optimize(budget=budget, bound_steps=0)
    assert plan.spend.sum() == pytest.approx(budget, rel=1e-6)
    total, [chosen] = chosen_policies([plan], firm.twin, firm.load_plan, budget)
    assert total == budget
    paced = spent(firm.twin, chosen.policy, chosen.purse).sum(axis=1)
    cut = spent(firm.twin, Planned(plan.intensity), chosen.purse).sum(axis=1)
    assert cut.mean() < 0.98 * budget
    assert paced.min() > 0.999 * budget
    assert paced.max() <= budget * (1 + 1e-9)


def test_in_expected_numbers_a_plan_in_pace_is_the_plan() -> None:
    twin = build(load(SMALL))
    plan = as_today(twin.chain) * np.random.default_rng(5).uniform(0.2, 2, size=(6, 1, 1, 5))
    course = follow(twin.chain, plan)
    spend = course.spend.sum(axis=(1, 2))
    own = Planned(plan, expected=spend, money=float(spend.sum()), load=twin.chain.contact_load)
    got = expected_course(twin, own, Budget.unlimited(5))
    np.testing.assert_allclose(got.spend, course.spend, rtol=1e-9)


def test_pace_gives_nobody_more_contacts_than_there_may_be() -> None:
    content = yaml.safe_load(SMALL.read_text(encoding="utf-8"))
    content["levers"]["retention"]["cost_per_contact"] = 0.1
    content["rules"] = {"contacts": 3.2}
    twin = build(parse(content))
    plan = as_today(twin.chain)
    spend = 2 * follow(twin.chain, plan).spend.sum(axis=(1, 2))
    free = Planned(plan, expected=spend, money=float(spend.sum()))
    held = Planned(plan, expected=spend, money=float(spend.sum()), load=twin.chain.contact_load)
    most = [(expected_course(twin, each, Budget.unlimited(5)).intensity * twin.chain.contact_load).sum(axis=3).max()
            for each in (free, held)]  # fmt: skip
    assert most[0] > 1.5
    assert most[1] == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("share", [0.15, 0.6])
def test_as_today_for_less_is_scaled_evenly_over_time(share: float) -> None:
    """One factor for all in every period, all of the money spent; with more money than today costs nothing changes."""
    twin = build(parse({**yaml.safe_load(SMALL.read_text(encoding="utf-8")), "rules": {}}))
    budget = share * reference_spend(twin.chain)
    course = expected_course(twin, named("as today", twin, budget), budget_of(twin, budget))
    assert course.spend.sum() == pytest.approx(budget, rel=1e-6)
    factor = course.intensity[:, twin.targets.allowed] / twin.targets.reference[twin.targets.allowed]
    np.testing.assert_allclose(factor, factor[0, 0], rtol=1e-6)
    rich = expected_course(twin, named("as today", twin, 1e6), budget_of(twin, 1e6))
    np.testing.assert_allclose(rich.intensity, as_today(twin.chain), rtol=1e-12)


def test_as_today_on_few_heads_never_gives_more_than_today() -> None:
    twin = build(parse(few_heads()))
    budget = 0.6 * reference_spend(twin.chain)
    policy = named("as today", twin, budget)
    by_period = spent(twin, policy, budget_of(twin, budget))
    assert by_period.sum(axis=1).mean() > 0.97 * budget
    assert (by_period[:, -1] > 0.03 * budget).all()  # the money lasts
    for k in range(5):
        history = Market(twin, policy, twin.population(0, k), budget_of(twin, budget), replication=k).run()
        heads = history.customers[:-1, :, :, None]
        assert (history.spend <= heads * twin.targets.reference * (1 + 1e-9)).all()


def test_a_cap_shrinks_its_lever_evenly_and_no_other() -> None:
    content = yaml.safe_load(SMALL.read_text(encoding="utf-8"))
    content["rules"] = {"levers": {"retention": {"cap": 0.1}}}
    twin = build(parse(content))
    budget = 2 * reference_spend(twin.chain)
    course = expected_course(twin, named("as today", twin, budget), budget_of(twin, budget))
    factor = course.intensity.max(axis=(1, 2)) / twin.targets.reference.max(axis=(0, 1))
    assert course.spend[..., 3].sum() == pytest.approx(0.1 * budget, rel=1e-6) or factor[0, 3] == pytest.approx(1)
    np.testing.assert_allclose(factor, np.broadcast_to(factor[0], factor.shape), rtol=1e-6)
    np.testing.assert_allclose(factor[0, [0, 1, 2, 4]], 1, rtol=1e-9)


@pytest.mark.parametrize("name", ["as today", "even split", "proportional to value", "acquisition first", "no spend"])
@pytest.mark.parametrize("share", [0.4, 1.7])
def test_every_policy_is_scaled_to_the_same_money(name: str, share: float) -> None:
    """Expected to spend the budget to the unit, whatever it was made for; but for one that asks for nothing."""
    twin = build(parse({**yaml.safe_load(SMALL.read_text(encoding="utf-8")), "rules": {}}))
    today = reference_spend(twin.chain)
    purse = budget_of(twin, share * today)
    scaled = scaled_to(twin, named(name, twin, today), purse)
    got = expected_course(twin, scaled, purse).spend.sum()
    assert scaled.name == name
    assert got == pytest.approx(0 if name == "no spend" else share * today, rel=1e-5)


def test_a_plan_is_scaled_up_too_only_where_that_is_asked_for() -> None:
    twin = build(parse({**yaml.safe_load(SMALL.read_text(encoding="utf-8")), "rules": {}}))
    plan = Planned(as_today(twin.chain))
    purse = budget_of(twin, 1.5 * reference_spend(twin.chain))
    np.testing.assert_array_equal(fitted(twin, plan, purse).intensity, plan.intensity)
    larger = fitted(twin, plan, purse, only_down=False)
    assert follow(twin.chain, larger.intensity).spend.sum() == pytest.approx(purse.total, rel=1e-8)


def test_a_scaled_policy_sees_its_own_money() -> None:
    """Twice the policy with twice the money decides twice as much as the policy with the money."""
    twin = build(parse({**yaml.safe_load(SMALL.read_text(encoding="utf-8")), "rules": {}}))
    policy = named("even split", twin, 1000.0)
    one = expected_course(twin, Scaled(policy, 2.0, Ration.of(twin)), budget_of(twin, 2000.0))
    two = expected_course(twin, named("even split", twin, 2000.0), budget_of(twin, 2000.0))
    np.testing.assert_allclose(one.spend, two.spend, rtol=1e-9)
