"""Customers one at a time: the kernel against plain Python, common luck, and what a policy may ask for."""

import math
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
from sim.engine import agent_kernels, random_streams
from sim.engine.draw_kernels import total_amount
from sim.engine.lifecycle import Lifecycle
from sim.errors import PolicyError
from sim.history import History
from sim.market.clock import Budget, Market
from sim.scenario import STAGES, parse
from sim.twin import Twin, build
from sim.valuation import customer_asset

Content = dict[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]


# --- The kernel against a customer told in plain Python ---------------------------------------------------------------


def answer(curve: Content, money: float) -> float:
    """Return a manager's response at an intensity."""
    low, high = curve["without_money"], curve["unlimited_money"]
    return float(high - (high - low) * ((high - curve["brings"]) / (high - low)) ** (money / curve["spend"]))


@dataclass
class Person:
    """One customer: what is true, what was observed, and traits."""

    identity: int
    segment: str
    truth: str
    bought: int
    silent: int
    purchase_rate: float
    defection_rate: float
    mean_spend: float

    @property
    def state(self) -> str:
        """Return the state's name in the model."""
        if self.truth in ("unaware", "prospect"):
            return self.truth
        return f"{self.truth}, {self.bought} bought, {self.silent} silent"

    def stage(self, limits: Content) -> str:
        """Return where the firm sees this customer."""
        if self.truth in ("unaware", "prospect"):
            return self.truth
        if self.silent >= limits["lapsed"]:
            return "lapsed"
        if self.silent >= limits["declining"]:
            return "declining"
        if self.bought >= limits["core"]:
            return "core"
        return "new" if self.bought == 1 else "developing"

    def see(self, purchases: int, limits: Content) -> None:
        """Count what was bought in a period, up to what the model tells apart."""
        self.bought = min(self.bought + purchases, limits["core"])
        self.silent = 0 if purchases else min(self.silent + 1, limits["lapsed"])


def poisson_quantile(u: float, mean: float) -> int:
    """Return the least n with P(X <= n) >= u."""
    n, odds = 0, math.exp(-mean)
    cumulative = odds
    while u > cumulative:
        n += 1
        odds *= mean / n
        cumulative += odds
    return n


def live(person: Person, content: Content, spend: Callable[[str], float], threat: float, u: list[float]) -> Content:
    """Move one customer by one period in place and return what happened.

    ``spend(lever)`` is money on this customer, ``threat`` the rivals' multiplier of leaving; ``u`` three uniforms:
    leaving or moving on, how many purchases, how large.
    """
    limits, levers = content["stages"], content["levers"]
    chance = {name: answer(next(iter(lever["moves"].values())), spend(name)) for name, lever in levers.items()}
    happened: Content = {"purchases": 0, "event": None}
    stage = person.stage(limits)

    def on(lever: str) -> bool:
        return stage in levers[lever]["targets"]

    amount_multiplier = 1.0
    if person.truth == "unaware":
        if u[0] < chance["awareness"]:
            person.truth, happened["event"] = "prospect", "aware"
    elif person.truth == "prospect":
        if u[0] < chance["acquisition"]:
            happened.update(event="won", purchases=1)
            person.truth, person.bought, person.silent = "alive", 1, 0
    elif person.truth == "alive":
        rate, leaving = person.purchase_rate, person.defection_rate * threat
        if on("development"):
            moves, reference = levers["development"]["moves"], levers["development"]["reference"]
            gain, amount = moves["purchase_rate"], moves["amount"]
            rate *= (1 + answer(gain, spend("development"))) / (1 + answer(gain, reference))
            amount_multiplier = (1 + answer(amount, spend("development"))) / (1 + answer(amount, reference))
        if on("retention"):
            survival = levers["retention"]["moves"]["survival"]
            leaving *= math.log(chance["retention"]) / math.log(answer(survival, levers["retention"]["reference"]))
        stays = 1.0
        if leaving > 0 and -math.log1p(-u[0]) / leaving < 1:
            stays = -math.log1p(-u[0]) / leaving
            person.truth, happened["event"] = "gone", "left"
        happened["purchases"] = poisson_quantile(u[1], rate * stays)
        person.see(happened["purchases"], limits)
    elif person.truth == "gone":
        back = chance["winback"] if on("winback") else 0.0
        if u[0] < back:
            person.truth, happened["event"], happened["purchases"] = "alive", "returned", 1
        elif u[0] < back + (1 - back) * content["loss"]:
            person.truth, happened["event"] = "lost", "lost"
        person.see(happened["purchases"], limits)
    else:
        person.see(0, limits)
    happened["amount multiplier"] = amount_multiplier
    happened["stage"] = stage
    return happened


@pytest.mark.parametrize("amounts_vary", [True, False])
def test_the_kernel_is_plain_python_event_for_event(amounts_vary: bool, market: Callable[..., Content]) -> None:
    """Customers told one by one in plain Python have the same states, purchases, money and events as in the kernel.

    Five levers off their reference, a rival, customers in every truth, eight periods.
    """
    content = market()
    for segment, start in (("regulars", {"new": 400}), ("fresh", {"unaware": 300, "prospect": 300})):
        content["segments"][segment]["start"] = start
        if not amounts_vary:
            content["segments"][segment]["traits"]["spend"] = 25.0
    content["levers"]["acquisition"]["moves"]["acquisition"].update(brings=0.3, unlimited_money=0.8)
    twin = build(parse(content))
    chain, seed, replication = twin.chain, 9, 4
    assert isinstance(chain, Lifecycle)
    who = twin.population(seed, replication)
    table, moments = random_streams.amount_table(6.0)
    people = []
    for i in range(who.size):
        segment = twin.targets.segments[who.group[i]]
        name = chain.space.names[who.state[i]]
        traits = (float(who.purchase_rate[i]), float(who.defection_rate[i]), float(who.mean_spend[i]))
        truth = name.split(",")[0]
        people.append(Person(int(who.identity[i]), segment, truth, int(truth == "alive"), 0, *traits))
    money = np.where(twin.targets.allowed, twin.targets.reference * np.array([2, 0.5, 3, 0.4, 2.5]), 0)
    levers = list(content["levers"])

    state = who.state.copy()
    groups, stages, _ = twin.targets.shape
    cell = np.arange(groups)[:, None] * stages + chain.space.stage
    seen: set[str] = set()
    for period in range(chain.periods):
        purchases, revenue = (np.zeros(groups * stages, dtype=np.int64) for _ in range(2))
        events = np.zeros((groups * stages, len(agent_kernels.EVENTS)), dtype=np.int64)
        effects = chain.responses(chain.environment[period], money).reshape(groups * stages, -1)
        agent_kernels.move_lifecycle(
            who.group, state, who.identity, who.purchase_rate, who.defection_rate, who.mean_spend,
            chain.space.kind, cell, cell, effects, chain.space.successor, twin.streams, *twin.amounts,
            seed, random_streams.PERIOD, period, replication, twin.money_units, purchases, revenue, events,
        )  # fmt: skip

        told_purchases, told_revenue, told_events = (
            np.zeros_like(purchases),
            np.zeros_like(revenue),
            np.zeros_like(events),
        )
        threat = 1.3 if period >= 3 else 1.0
        for person in people:
            stream = random_streams.stream_of(person.segment)
            words = random_streams.philox_words(
                (person.identity, period, 0, replication), (seed, random_streams.PERIOD ^ stream)
            )
            u = [(word + 0.5) / 2**32 for word in words[:3]]
            group, stage = twin.targets.segments.index(person.segment), person.stage(content["stages"])
            where = group * stages + STAGES.index(stage)
            mine = dict(zip(levers, money[group, STAGES.index(stage)], strict=True))
            happened = live(person, content, mine.__getitem__, threat, u)
            seen.add(person.truth)
            bought = happened["purchases"]
            told_purchases[where] += bought
            if bought:
                size = total_amount.py_func(u[2], bought, table, moments) if amounts_vary else float(bought)
                told_revenue[where] += math.floor(
                    size * happened["amount multiplier"] * person.mean_spend * twin.money_units + 0.5
                )
            if happened["event"]:
                order = ("won", "returned", "left", "lost", "aware")
                told_events[where, order.index(happened["event"])] += 1

        assert [chain.space.names[s] for s in state] == [person.state for person in people]
        np.testing.assert_array_equal(purchases, told_purchases)
        np.testing.assert_array_equal(revenue, told_revenue)
        np.testing.assert_array_equal(events, told_events)
        assert told_events.sum() > 0
    assert seen == {"unaware", "prospect", "alive", "gone", "lost"}

    history = Market(twin, Steady(money), who, seed=seed, replication=replication).run()
    np.testing.assert_array_equal(history.purchases[-1].ravel(), purchases)
    np.testing.assert_array_equal(history.revenue[-1].ravel() * twin.money_units, revenue)
    final = np.bincount(cell[who.group, state], minlength=groups * stages).reshape(groups, stages)
    np.testing.assert_array_equal(history.customers[-1], final)


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


def test_overlapping_competitors_come_and_go(market: Callable[..., Content]) -> None:
    """What agents meet each period is the product of the rivals then there, as in the fluid twin's environment."""
    rivals = [
        {"name": "a", "start": 0, "end": 4, "route": "defection", "strength": 0.5},
        {"name": "b", "start": 2, "end": 6, "route": "defection", "strength": 0.25},
        {"name": "c", "start": 4, "route": "acquisition", "strength": 0.4},
        {"name": "d", "start": 40, "route": "share of customer", "strength": 0.4},
    ]
    twin = build(parse(market(competitors=rivals)))
    met: list[Floats] = []

    class Watching(Market):
        def _move_lifecycle(self, chain: Lifecycle, period: int) -> None:
            met.append(self._environment())
            super()._move_lifecycle(chain, period)

    Watching(twin, AsToday(), twin.population(0, 0)).run()
    np.testing.assert_allclose(met, twin.chain.environment[:-1])
    assert twin.chain.environment[:-1, 0].tolist() == [1.5, 1.5, 1.875, 1.875, 1.25, 1.25, 1, 1]


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


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.lists(amounts, min_size=12, max_size=12),
    st.lists(st.integers(0, 10**7), min_size=4, max_size=4),
    st.one_of(amounts, st.just(float("inf"))),
    st.lists(st.one_of(amounts, st.just(float("inf"))), min_size=3, max_size=3),
)
def test_within_never_exceeds(
    money: list[float], customers: list[int], available: float, lever_available: list[float]
) -> None:
    """Scaled back, any intensities pass the check; what fits already is left alone; nothing is raised."""
    targets = Targets(
        ("a", "b"), ("unknown",) * 2, ("x", "y"), ("i", "j", "k"), np.ones((2, 2, 3), bool), np.zeros((2, 2, 3))
    )
    observation = Observation(
        0, 1, targets, np.array(customers, float).reshape(2, 2), available, np.array(lever_available), np.zeros(3)
    )
    asked = np.array(money).reshape(2, 2, 3)
    got = Allocation.within(asked, observation)
    Allocation.checked(got, "any", observation)
    assert (got.intensity <= asked).all()
    spend = Allocation(asked).spend(observation).sum(axis=(0, 1))
    if (spend <= lever_available).all() and spend.sum() <= available:
        np.testing.assert_array_equal(got.intensity, asked)
    elif available < np.inf and np.minimum(spend, lever_available).sum() > available:
        assert got.spend(observation).sum() == pytest.approx(available, rel=1e-9, abs=1e-6)


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
    assert twin.chain.environment[:, 0].tolist() == [1, 2.25, 2.25, 1, 1, 1, 1, 1, 1]
    twice = Market(twin, AsToday(), twin.population(0, 0)).run()
    once = build(parse(market(plain=True, competitors=[rival])))
    assert twice.alive[3].sum() < Market(once, AsToday(), once.population(0, 0)).run().alive[3].sum()
