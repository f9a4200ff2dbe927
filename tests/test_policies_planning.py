"""Policies that search: rolling horizon, bandit, tuned."""

import copy

import numpy as np
import pytest
import yaml
from markets import EXAMPLES, SMALL
from observations import observation_of

from experiments.chosen import _departure
from optimizer.ask.problem import reference_spend
from policies.bandit import ARMS, Bandit
from policies.catalogue import named
from policies.planned import PlannedMoney
from policies.rolling import RollingHorizon
from policies.tuned import Tuned
from sim.engine.chain import observed_counts
from sim.engine.sensitivity import follow
from sim.errors import InputError
from sim.market.clock import Market
from sim.market.expected import expected_course
from sim.market.purse import budget_of
from sim.scenario.file import load, parse
from sim.twin import Twin, build


@pytest.fixture(scope="module")
def small() -> Twin:
    return build(load(SMALL))


@pytest.fixture(scope="module")
def rolling(small: Twin) -> RollingHorizon:
    made = named("rolling horizon", small, reference_spend(small.chain))
    assert isinstance(made, RollingHorizon)
    return made


def test_in_expected_numbers_there_is_nothing_to_react_to(small: Twin, rolling: RollingHorizon) -> None:
    """The market goes as planned: planning again finds the same worth, within the search's own stopping rule."""
    budget = reference_spend(small.chain)
    planned = follow(small.chain, rolling.plan)
    played = expected_course(small, rolling, budget_of(small, budget))
    assert played.asset == pytest.approx(planned.asset, rel=2e-4)
    assert played.spend.sum() == pytest.approx(budget, rel=1e-3)
    assert planned.asset > expected_course(small, named("as today", small, budget), budget_of(small, budget)).asset


def test_it_begins_with_the_optimisers_plan() -> None:
    """Where the first money does nothing and none is spent today, no climb from today finds what it is good for."""
    content = yaml.safe_load((EXAMPLES / "thresholds" / "scenario.yaml").read_text(encoding="utf-8"))
    content |= {"segments": {"north": content["segments"]["north"]}, "periods": 3, "rules": {"budget": 6000}}
    twin = build(parse(content))
    played = expected_course(twin, named("rolling horizon", twin, 6000.0), budget_of(twin, 6000.0))
    assert played.spend.sum() == pytest.approx(6000, rel=1e-6)
    for other in ("no spend", "even split"):
        assert played.asset > expected_course(twin, named(other, twin, 6000.0), budget_of(twin, 6000.0)).asset


def test_it_stands_where_customers_are_seen_to_stand(small: Twin, rolling: RollingHorizon) -> None:
    """After a drawn period its twin has the heads that were seen, and the rest of its plan is another one."""
    policy = copy.deepcopy(rolling)
    market = Market(small, policy, small.population(5, 0), budget_of(small, reference_spend(small.chain)), seed=5)
    market.run(until=3)
    heads = observed_counts(small.chain, policy.occupancy)
    np.testing.assert_allclose(heads, policy.heads, atol=1e-5)
    assert not np.allclose(policy.plan[4], rolling.plan[4], rtol=1e-3)
    np.testing.assert_array_equal(rolling.heads, 0)


def test_campaigns_keep_their_least_size_when_the_rest_is_planned_anew() -> None:
    """As many people as come by luck: what runs still runs at its size or above, and nothing else does."""
    content = yaml.safe_load(SMALL.read_text(encoding="utf-8"))
    twin = build(parse({**content, "rules": {"campaigns": {"retention": {"least": 310.0}}}}))
    budget = reference_spend(twin.chain)
    policy = named("rolling horizon", twin, budget)
    assert isinstance(policy, RollingHorizon)
    market = Market(twin, policy, twin.population(5, 0), budget_of(twin, budget), seed=5)
    seen = market.run().spend[..., twin.targets.levers.index("retention")].sum(axis=2)  # (periods, groups)
    groups = np.array(twin.targets.segments)
    sizes = np.array([seen[:, groups == name].sum(axis=1) for name in dict.fromkeys(twin.targets.segments)])
    assert (sizes > 0).sum() >= 3
    assert ((sizes < 1e-6) | (sizes > 310 * (1 - 1e-6))).all()


def test_it_keeps_to_its_money(small: Twin, rolling: RollingHorizon) -> None:
    budget = reference_spend(small.chain)
    history = Market(small, copy.deepcopy(rolling), small.population(2, 0), budget_of(small, budget), seed=2).run()
    assert 0.9 * budget < history.spend.sum() <= budget * (1 + 1e-9)


def test_a_bandit_finds_the_arm_that_pays(small: Twin) -> None:
    """Two groups whose revenue rises or falls with money: after 60 periods nearly all trials are of the better arm."""
    policy = named("bandit(lever='retention')", small, 1e9)
    assert isinstance(policy, Bandit)
    policy.worth = np.zeros_like(policy.worth)
    heads = np.full(small.targets.shape[:2], 100.0)
    last, revenue, rewards = np.zeros(small.targets.shape), np.zeros(heads.shape), np.array([30.0, -30.0])
    for period in range(60):
        observation = observation_of(
            small.targets, period=period, periods=60, customers=heads, last_spend=last, revenue=revenue
        )
        last = policy.decide(observation).spend(observation)
        factor = last[:, :, policy.lever].sum(axis=1) / (policy.unit * heads).sum(axis=1)
        earned = 1000 + rewards * 100 * factor + 20 * np.sin(period)
        revenue = np.zeros(heads.shape)
        revenue[:, small.targets.stages.index("core")] = earned
    assert policy.trials[0].argmax() == len(ARMS) - 1
    assert policy.trials[1].argmax() == 0
    assert (policy.trials.max(axis=1) > 40).all()


def test_a_bandits_lever_is_one_of_the_firms(small: Twin) -> None:
    with pytest.raises(InputError, match=r"no lever 'tv'; expected one of awareness, acquisition"):
        named("bandit(lever='tv')", small, 1.0)


def test_tuning_finds_better_numbers(small: Twin) -> None:
    """On fresh luck too, by common random numbers; its name is its own and what it chose can be read."""
    budget = reference_spend(small.chain)
    tuned = named("tuned(policy='four tasks', replications=1)", small, budget)
    assert isinstance(tuned, Tuned)
    assert set(tuned.parameters) == {"awareness", "winning", "growing", "loyalty"}
    plain = expected_course(small, named("four tasks", small, budget), budget_of(small, budget))
    assert expected_course(small, tuned, budget_of(small, budget)).asset > plain.asset


def test_only_what_has_numbers_can_be_tuned(small: Twin) -> None:
    with pytest.raises(
        InputError, match=r"parameter policy='as today': expected one with numbers to tune: .*four tasks"
    ):
        named("tuned(policy='as today')", small, 1.0)


def test_planning_again_can_begin_with_a_plan(small: Twin) -> None:
    budget = reference_spend(small.chain)
    today = np.repeat(small.targets.reference[None], small.chain.periods, axis=0)
    policy = RollingHorizon(small, budget, today, "plan (rolling)")
    assert policy.name == "plan (rolling)"
    observation = observation_of(small.targets, periods=6, customers=observed_counts(small.chain, small.chain.initial))
    np.testing.assert_allclose(policy.decide(observation).intensity, small.targets.reference)
    plain = expected_course(small, named("as today", small, budget), budget_of(small, budget))
    assert expected_course(small, policy, budget_of(small, budget)).asset > plain.asset


def test_a_plan_in_money_is_spent_whoever_is_there(small: Twin) -> None:
    """Twice the heads, half the money each; nothing where nobody is."""
    money = np.zeros((6, *small.targets.shape))
    winback, lapsed = small.targets.levers.index("winback"), small.targets.stages.index("lapsed")
    money[2, 0, lapsed, winback] = 60.0
    policy = PlannedMoney(money)
    for heads, each in ((30.0, 2.0), (60.0, 1.0), (0.0, 0.0)):
        customers = np.full(small.targets.shape[:2], heads)
        got = policy.decide(observation_of(small.targets, period=2, periods=6, customers=customers)).intensity
        assert got[0, lapsed, winback] == pytest.approx(each)
        assert got.sum() == pytest.approx(each)


def test_what_a_plan_does_when_reality_departs_is_named() -> None:
    assert _departure("a/plan.json(as-written)") == ("a/plan.json", "as written")
    assert _departure("plan.xlsx ( Money )") == ("plan.xlsx", "money")
    for other in ("plan.json", "four tasks(loyalty=0.5)", "mine.py"):
        assert _departure(other) == (other, "")
    with pytest.raises(InputError, match=r"expected one of as written, money, rolling in brackets, got 'pace'"):
        _departure("plan.json(pace)")
