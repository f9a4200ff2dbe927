"""What a policy may ask for, and that it cannot change what it observes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import Content, Floats
from observations import observation_of
from players import Steady

from policies.fixed import AsToday
from sim.contract import Allocation, Observation, Targets
from sim.errors import PolicyError
from sim.market.clock import Budget, Market
from sim.scenario.file import STAGES, parse
from sim.twin import Twin, build


def small_budget(twin: Twin, total: float = 50_000.0, winback: float = np.inf) -> Budget:
    caps = np.full(len(twin.targets.levers), np.inf)
    caps[twin.targets.levers.index("winback")] = winback
    return Budget(total, 0.5 * total, caps)


ASKS: dict[str, tuple[Callable[[Floats], Any], list[str]]] = {
    "more than the budget": (
        lambda money: set_to(money, 0, "new", "development", 1e6),
        ["target 'regulars / new'", "lever 'development'", "asks for 20,000,000,000.00 where 25,000.00 is left"],
    ),
    "more than the period's share": (
        lambda money: set_to(money, 0, "new", "retention", 2.0),
        ["target 'regulars / new'", "lever 'retention'", "asks for 40,000.00 where 25,000.00 is left"],
    ),
    "not a target": (
        lambda money: set_to(money, 1, "prospect", "retention", 0.1),
        ["target 'fresh / prospect'", "lever 'retention'", "not among the lever's targets"],
    ),
    "negative": (
        lambda money: set_to(money, 1, "unaware", "awareness", -0.5),
        ["target 'fresh / unaware'", "lever 'awareness'", "-0.5", "at least 0"],
    ),
    "not a number": (
        lambda money: set_to(money, 1, "lapsed", "winback", np.nan),
        ["target 'fresh / lapsed'", "lever 'winback'", "nan"],
    ),
    "infinite for nobody": (
        lambda money: set_to(money, 0, "lapsed", "winback", np.inf),
        ["target 'regulars / lapsed'", "lever 'winback'", "inf"],
    ),
    "wrong shape": (lambda money: money[:, :, :3], ["shape (2, 7, 3)", "expected (2, 7, 5)"]),
}


def set_to(money: Floats, group: int, stage: str, lever: str, amount: float) -> Floats:
    levers = ("awareness", "acquisition", "development", "retention", "winback")
    money[group, STAGES.index(stage), levers.index(lever)] = amount
    return money


@pytest.mark.parametrize("case", ASKS)
def test_asking_for_more_than_allowed_raises(case: str, market: Callable[..., Content]) -> None:
    """The error names policy, period, target and lever, and ends the run."""
    change, parts = ASKS[case]
    twin = build(parse(market()))
    policy = Steady(change(np.zeros(twin.targets.shape)), "greedy")
    with pytest.raises(PolicyError) as caught:
        Market(twin, policy, twin.population(0, 0), small_budget(twin)).run()
    message = str(caught.value)
    assert message.startswith("policy 'greedy', period 0")
    for part in parts:
        assert part in message
    assert "\n" not in message


def test_asking_beyond_a_levers_cap_raises_when_it_is_used_up(market: Callable[..., Content]) -> None:
    """A lever's cap holds over the horizon: the period in which it runs out is named."""
    twin = build(parse(market()))
    money = set_to(np.zeros(twin.targets.shape), 0, "declining", "winback", 0.1)
    money = set_to(money, 0, "lapsed", "winback", 0.1)
    free = Market(twin, Steady(money), twin.population(0, 0)).run()
    spent = np.cumsum(free.spend[..., 4].sum(axis=(1, 2)))
    period = int(np.searchsorted(spent, 2500.0))
    assert 2 < period < 8
    with pytest.raises(PolicyError, match=f"policy 'steady', period {period}, target .*lever 'winback'"):
        Market(twin, Steady(money), twin.population(0, 0), small_budget(twin, winback=2500.0)).run()


def test_a_policy_cannot_change_what_it_observes(market: Callable[..., Content]) -> None:
    """Observed head counts are read-only, and those of the silently gone are still counted where last seen."""
    twin = build(parse(market(plain=True)))
    observations: list[Observation] = []

    class Curious(AsToday):
        def decide(self, observation: Observation) -> Allocation:
            observations.append(observation)
            with pytest.raises(ValueError, match="read-only"):
                observation.customers[0, 0] = 1
            return Allocation(np.zeros(observation.targets.shape))

    history = Market(twin, Curious(), twin.population(0, 0)).run()
    assert [o.period for o in observations] == list(range(8))
    first, last = observations[0].customers, observations[-1].customers
    assert first.sum() == last.sum() == 50_000
    assert last[0].sum() == 20_000
    assert history.alive[-1, 0] < 12_000


amounts = st.floats(0, 1e9, allow_nan=False)


def observed(
    customers: list[int], available: float, lever_available: list[float], lead: tuple[int, int, int] = (0, 0, 0)
) -> Observation:
    """Return what a firm of two groups, two stages and three levers sees."""
    shape = (2, 2, 3)
    targets = Targets(
        ("a", "b"), ("unknown",) * 2, ("x", "y"), ("i", "j", "k"), np.ones(shape, bool), np.zeros(shape),
        np.zeros(shape), lead, (1, 1, 1),
    )  # fmt: skip
    return observation_of(
        targets, customers=np.array(customers, float).reshape(2, 2), available=available,
        lever_available=np.array(lever_available),
    )  # fmt: skip


ASKED = (
    st.lists(amounts, min_size=12, max_size=12),
    st.lists(st.integers(0, 10**7), min_size=4, max_size=4),
    st.one_of(amounts, st.just(float("inf"))),
    st.lists(st.one_of(amounts, st.just(float("inf"))), min_size=3, max_size=3),
)
"""Money, customers, what is available, and to each lever."""


@settings(max_examples=300, deadline=None, derandomize=True)
@given(*ASKED)
def test_within_never_exceeds(
    money: list[float], customers: list[int], available: float, lever_available: list[float]
) -> None:
    """Scaled back, any intensities pass the check; what fits already is left alone; nothing is raised."""
    observation = observed(customers, available, lever_available)
    asked = np.array(money).reshape(2, 2, 3)
    got = Allocation.within(asked, observation)
    Allocation.checked(got, "any", observation)
    assert (got.intensity <= asked).all()
    spend = Allocation(asked).spend(observation).sum(axis=(0, 1))
    if (spend <= lever_available).all() and spend.sum() <= available:
        np.testing.assert_array_equal(got.intensity, asked)
    elif available < np.inf and np.minimum(spend, lever_available).sum() > available:
        assert got.spend(observation).sum() == pytest.approx(available, rel=1e-9, abs=1e-6)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    *ASKED,
    st.tuples(*[st.integers(0, 2)] * 3),
)
def test_within_leaves_what_is_decided_ahead_to_its_own_time(
    money: list[float],
    customers: list[int],
    available: float,
    lever_available: list[float],
    lead: tuple[int, int, int],
) -> None:
    """Levers with lead time keep to their own limit only and take nothing from those that act now."""
    observation = observed(customers, available, lever_available, lead)
    asked = np.array(money).reshape(2, 2, 3)
    got = Allocation.within(asked, observation)
    Allocation.checked(got, "any", observation)
    now = np.array(lead) == 0
    alone = Allocation.within(asked * now, observed(customers, available, lever_available))
    np.testing.assert_array_equal(got.intensity * now, alone.intensity)
    spend = Allocation(asked).spend(observation).sum(axis=(0, 1))
    kept = got.spend(observation).sum(axis=(0, 1))
    np.testing.assert_allclose(kept[~now], np.minimum(spend, lever_available)[~now], rtol=1e-9, atol=1e-6)


def test_what_may_be_spent_now_is_not_what_may_be_decided_ahead() -> None:
    """Twenty heads, 30 there: 1 each on two levers fits only where one of them acts later; a cap holds for both."""
    asked = np.ones((2, 2, 3)) * np.array([1.0, 1.0, 0.0])
    heads, free = [5, 5, 5, 5], [np.inf, np.inf, np.inf]
    for lead, allowed in (((0, 0, 0), False), ((0, 1, 0), True), ((2, 1, 0), True)):
        observation = observed(heads, 30.0, free, lead)
        if allowed:
            Allocation.checked(Allocation(asked), "any", observation)
        else:
            with pytest.raises(PolicyError, match=r"lever 'i': asks for 40\.00 where 30\.00 is left"):
                Allocation.checked(Allocation(asked), "any", observation)
    with pytest.raises(PolicyError, match=r"lever 'j': asks for 20\.00 where 15\.00 is left"):
        Allocation.checked(Allocation(asked), "any", observed(heads, 30.0, [np.inf, 15.0, np.inf], (0, 1, 0)))


def test_affordable_by_hand() -> None:
    """Levers of 40, 20 and 0 with caps of 10 and none: 10 and 20; of 15 in all half of each."""
    heads = np.array([[5.0, 5.0], [10.0, 0.0]])
    asked = np.ones((2, 2, 3)) * np.array([2.0, 1.0, 0.0])
    caps = np.array([10.0, np.inf, 0.0])
    np.testing.assert_allclose(Allocation.affordable(asked, heads, np.inf, caps), asked * [0.25, 1, 1])
    np.testing.assert_allclose(Allocation.affordable(asked, heads, 15.0, caps), asked * [0.125, 0.5, 1])
    np.testing.assert_array_equal(Allocation.affordable(asked, heads, 0.0, caps), 0)


def test_tiers_are_part_of_a_targets_name(market: Callable[..., Content]) -> None:
    """Targets read as segment / stage, and / tier where one is known."""
    targets = build(parse(market())).targets
    assert targets.name(0, STAGES.index("core")) == "regulars / core"
    assert replace(targets, tiers=("high", "low")).name(0, STAGES.index("core")) == "regulars / core / high"


def test_a_policy_that_rewrites_its_observation_gains_nothing(market: Callable[..., Content]) -> None:
    """Forcing the arrays writeable and lifting one's own caps is caught by the market's own copy."""
    twin = build(parse(market(plain=True)))

    @dataclass
    class Cheat:
        name: str = "cheat"

        def decide(self, observation: Observation) -> Allocation:
            for array in (observation.lever_available, observation.customers, observation.targets.reference):
                array.flags.writeable = True
                array[:] = 1e9
            return Allocation(np.where(observation.targets.allowed, 100.0, 0.0))

    before = twin.targets.reference.copy()
    budget = Budget(1000.0, 1000.0, np.full(5, 10.0))
    with pytest.raises(PolicyError, match="policy 'cheat', period 0"):
        Market(twin, Cheat(), twin.population(0, 0), budget).run()
    np.testing.assert_array_equal(twin.targets.reference, before)


@pytest.mark.parametrize("nonsense", [None, 3.0, [1.0], Allocation([1.0])])  # type: ignore[arg-type]
def test_what_is_no_allocation_is_named(nonsense: Any, market: Callable[..., Content]) -> None:
    """A decision of the wrong kind raises PolicyError that names policy and period."""
    twin = build(parse(market(plain=True)))

    @dataclass
    class Confused:
        name: str = "confused"

        def decide(self, observation: Observation) -> Any:
            return nonsense

    with pytest.raises(PolicyError, match="policy 'confused', period 0: expected an Allocation"):
        Market(twin, Confused(), twin.population(0, 0)).run()
