"""Customers as agents: common luck, and what a policy may ask for. Event for event: test_sim_reference.py."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.compare import compare
from policies.fixed import AsToday, NoSpend
from policies.planned import Planned
from sim.contract import Allocation, Observation, Policy, Targets
from sim.engine.effects import NEUTRAL, TO_DEFECTION, TO_WON
from sim.engine.lifecycle import Lifecycle
from sim.errors import PolicyError
from sim.history import History
from sim.market.clock import Budget, Market
from sim.scenario.file import STAGES, parse
from sim.twin import Twin, build
from sim.valuation import customer_asset

Content = dict[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]


# --- Common luck ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Steady:
    """The same intensities every period, whatever they cost."""

    intensity: Floats
    name: str = "steady"

    def decide(self, observation: Observation) -> Allocation:
        """Return them."""
        return Allocation(self.intensity)


def run(content: Content, policy: Policy | None = None, *, seed: int = 3, traits: Any = "individual") -> History:
    twin = build(parse(content))
    return Market(twin, policy or AsToday(), twin.population(seed, 0, traits), seed=seed).run()


RECORDED = ("customers", "alive", "purchases", "revenue", "reward", "spend")


@pytest.mark.parametrize("traits", ["individual", "classes"])
def test_same_bits_for_one_and_two_threads(traits: Any, market: Callable[..., Content]) -> None:
    """How replications are spread over threads changes no bit of any result."""
    content = market(rules={"period_share": 0.2})
    answers = []
    for threads in (1, 2):
        twin = build(parse(content))
        policies = [AsToday(), NoSpend(), Planned(np.repeat(twin.targets.reference[None] * 2, 8, axis=0))]
        answers.append(compare(twin, policies, 60_000.0, replications=5, threads=threads, traits=traits, seed=1))
    for one, two in zip(answers[0].outcomes, answers[1].outcomes, strict=True):
        assert one.assets.tobytes() == two.assets.tobytes()
        assert one.kept.tobytes() == two.kept.tobytes()
        assert one.spends.tobytes() == two.spends.tobytes()
        for name in RECORDED:
            assert getattr(one.history, name).tobytes() == getattr(two.history, name).tobytes()
    assert len({outcome.asset for outcome in answers[0].outcomes}) == 3


def test_another_seed_or_replication_is_other_luck(market: Callable[..., Content]) -> None:
    """Replications differ, and so do seeds; the same ones repeat to the bit."""
    twin = build(parse(market()))
    histories = [
        Market(twin, AsToday(), twin.population(seed, k), seed=seed, replication=k).run()
        for seed, k in ((1, 0), (1, 1), (2, 0), (1, 0))
    ]
    revenue = [history.revenue.sum() for history in histories]
    assert len(set(revenue)) == 3
    assert revenue[0] == revenue[3]


def test_a_further_segment_changes_nobody_elses_luck(market: Callable[..., Content]) -> None:
    """Customers of a segment live the same life when a segment is added, wherever it is listed."""
    content = market()
    alone = run(content)
    for first in (True, False):
        more = {"others": {"start": {"new": 500, "prospect": 100}, "traits": content["segments"]["fresh"]["traits"]}}
        segments = {**more, **content["segments"]} if first else {**content["segments"], **more}
        with_more = run({**content, "segments": segments})
        place = [list(segments).index(name) for name in content["segments"]]
        for name in RECORDED:
            np.testing.assert_array_equal(getattr(with_more, name)[:, place], getattr(alone, name))
        for name, events in alone.events.items():
            np.testing.assert_array_equal(with_more.events[name][:, place], events)


def test_an_idle_lever_changes_nobodys_luck(market: Callable[..., Content]) -> None:
    """A lever that is at its reference of nothing leaves every life as it was, and adds no draws."""
    content = market()
    alone = run(content)
    curve = {"without_money": 0.0, "unlimited_money": 0.5, "spend": 1.0, "brings": 0.1}
    idle = {"targets": ["new", "core"], "reference": 0.0, "moves": {"amount": curve, "purchase_rate": curve}}
    content["levers"] = {"idle": idle, **content["levers"]}
    with_lever = run(content)
    for name in ("customers", "alive", "purchases", "revenue", "reward"):
        np.testing.assert_array_equal(getattr(with_lever, name), getattr(alone, name))


def test_better_treatment_with_the_same_luck_is_never_worse(market: Callable[..., Content]) -> None:
    """Common random numbers and monotone draws: more retention money in period 0 keeps all who would have stayed."""
    content = market()
    twin = build(parse(content))
    who = twin.population(0, 0)
    base = twin.targets.reference
    more = base.copy()
    more[:, :, 3] *= 4
    lives = [Market(twin, Steady(money), who).run() for money in (base, more)]
    assert lives[1].events["left"][0].sum() < lives[0].events["left"][0].sum()
    assert (lives[1].purchases[0] >= lives[0].purchases[0]).all()
    np.testing.assert_array_equal(lives[1].events["won"][0], lives[0].events["won"][0])


def test_taking_the_competitor_away_changes_the_history(market: Callable[..., Content]) -> None:
    """Until the rival comes the histories are the same; while it is there more leave, and fewer are there after it."""
    rival = {"name": "rival", "start": 3, "end": 5, "route": "defection", "strength": 0.8}
    with_rival, without = (run(market(competitors=rivals)) for rivals in ([rival], []))
    np.testing.assert_array_equal(with_rival.events["left"][:3], without.events["left"][:3])
    left = [history.events["left"][:, 0] / history.alive[:-1, 0] for history in (with_rival, without)]
    assert (left[0][3:5] > 1.3 * left[1][3:5]).all()
    assert (left[0][5:] < left[1][5:]).all()
    assert (with_rival.alive[4:] < without.alive[4:]).all()
    asset = [customer_asset(history, 0.01).total for history in (with_rival, without)]
    assert asset[0] < asset[1]


def test_overlapping_competitors_come_and_go(monkeypatch: pytest.MonkeyPatch, market: Callable[..., Content]) -> None:
    """What agents meet each period is the product of the rivals then there, as in the fluid twin's environment."""
    rivals = [
        {"name": "a", "start": 0, "end": 4, "route": "defection", "strength": 0.5},
        {"name": "b", "start": 2, "end": 6, "route": "defection", "strength": 0.25},
        {"name": "c", "start": 4, "route": "acquisition", "strength": 0.4},
        {"name": "d", "start": 40, "route": "share of customer", "strength": 0.4},
    ]
    twin = build(parse(market(competitors=rivals, terminal="none")))
    met: list[Floats] = []
    original = Lifecycle.responses

    def noting(self: Lifecycle, environment: Floats, intensity: Floats) -> Floats:
        met.append(environment.copy())
        return original(self, environment, intensity)

    monkeypatch.setattr(Lifecycle, "responses", noting)
    Market(twin, AsToday(), twin.population(0, 0)).run()
    np.testing.assert_allclose(met, twin.chain.environment[:-1])
    per_group = twin.chain.environment[:-1, :, TO_DEFECTION].T
    assert per_group.tolist() == [[1.5, 1.5, 1.875, 1.875, 1.25, 1.25, 1, 1]] * 2
    acquisition = twin.chain.environment[:-1, :, TO_WON].T
    np.testing.assert_allclose(acquisition, [[1, 1, 1, 1, 0.6, 0.6, 0.6, 0.6]] * 2)
    others = [route for route in range(NEUTRAL.size) if route not in (TO_DEFECTION, TO_WON)]
    np.testing.assert_array_equal(twin.chain.environment[:-1, :, others], np.tile(NEUTRAL[others], (8, 2, 1)))


def test_reviews_every_third_period_keep_intensities_in_between(market: Callable[..., Content]) -> None:
    """The policy is asked in periods 0, 3, 6; in between its last intensities act, within the money that is left."""
    twin = build(parse(market()))
    asked: list[int] = []

    @dataclass(frozen=True)
    class Noting:
        name: str = "noting"

        def decide(self, observation: Observation) -> Allocation:
            asked.append(observation.period)
            return Allocation.within(twin.targets.reference, observation)

    budget = Budget(20_000.0, 6_000.0, np.full(5, 8_000.0))
    who = twin.population(0, 0)
    history = Market(twin, Noting(), who, budget, review_every=3).run()
    assert asked == [0, 3, 6]
    assert history.spend.sum() <= 20_000 * (1 + 1e-9)
    assert (history.spend.sum(axis=(1, 2, 3)) <= 6_000 * (1 + 1e-9)).all()
    assert (history.spend.sum(axis=(0, 1, 2)) <= 8_000 * (1 + 1e-9)).all()
    free = Market(twin, Noting(), who, review_every=3).run()
    every = Market(twin, AsToday(), who).run()
    np.testing.assert_array_equal(free.revenue, every.revenue)


# --- What a policy may ask for ----------------------------------------------------------------------------------------


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
    return Observation(
        0, 1, targets, np.array(customers, float).reshape(2, 2), available, np.array(lever_available), np.zeros(3),
        np.full((2, 2), np.nan),
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


@pytest.mark.parametrize("unit", [1e-6, 1e9])
def test_agents_count_any_currency(unit: float, market: Callable[..., Content]) -> None:
    """Money in millionths or thousand millions: the same asset to 1e-6, no overflow of the integers it is summed in."""
    content = market(competitors=[])
    twin = build(parse(content))
    usual = customer_asset(Market(twin, AsToday(), twin.population(0, 0)).run(), twin.chain.discount_rate).total
    for segment in content["segments"].values():
        segment["traits"] = {**segment["traits"], "spend": {**segment["traits"]["spend"]}}
        segment["traits"]["spend"]["gamma"] *= unit
    for lever in content["levers"].values():
        lever["reference"] *= unit
        for curve in lever["moves"].values():
            curve["spend"] *= unit
    other = build(parse(content))
    got = customer_asset(Market(other, AsToday(), other.population(0, 0)).run(), other.chain.discount_rate).total
    assert got == pytest.approx(unit * usual, rel=1e-6)


def test_two_rivals_alike_both_count_and_both_leave(market: Callable[..., Content]) -> None:
    """The same rival listed twice presses twice, and ends twice."""
    rival = {"name": "r", "start": 1, "end": 3, "route": "defection", "strength": 0.5}
    twin = build(parse(market(plain=True, competitors=[rival, rival])))
    assert twin.chain.environment[:, 0, TO_DEFECTION].tolist() == [1, 2.25, 2.25, 1, 1, 1, 1, 1, 1]
    twice = Market(twin, AsToday(), twin.population(0, 0)).run()
    once = build(parse(market(plain=True, competitors=[rival])))
    assert twice.alive[3].sum() < Market(once, AsToday(), once.population(0, 0)).run().alive[3].sum()
