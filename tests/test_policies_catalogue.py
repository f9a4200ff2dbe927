"""The catalogue of policies: each keeps to the rules that a plan keeps to."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from markets import Content

from experiments.compare import budget_of
from optimizer.ask.problem import reference_spend
from policies.catalogue import named
from policies.planned import Planned
from sim.contract import Allocation, Policy
from sim.errors import InputError
from sim.history import History
from sim.market.clock import Market
from sim.scenario.file import parse
from sim.twin import Twin, build

NAMES = ("as today", "no spend", "even split", "proportional to value", "acquisition first")

RULES = {
    "period_share": 0.16,
    "levers": {
        "awareness": {"floor": 0.01, "cap": 0.3},
        "acquisition": {"floor": 0.1, "cap": 0.5},
        "development": {"floor": 0.02, "cap": 0.4},
        "retention": {"cap": 0.45},
        "winback": {"floor": 0.01, "cap": 0.3},
    },
}


@pytest.fixture(scope="module")
def ruled(market: Callable[..., Content]) -> Twin:
    """Return a market with a floor and a cap on nearly every lever."""
    return build(parse(market(rules=RULES)))


def play(twin: Twin, policy: Policy, budget: float, replication: int = 0) -> History:
    return Market(
        twin, policy, twin.population(8, replication), budget_of(twin, budget), seed=8, replication=replication
    ).run()


def assert_rules_met(twin: Twin, history: History, budget: float) -> None:
    """Total, per period, caps; floors within 1 %."""
    rules = twin.scenario.rules
    by_lever = dict(zip(twin.targets.levers, history.spend.sum(axis=(0, 1, 2)), strict=True))
    assert history.spend.sum() <= budget * (1 + 1e-9)
    assert history.spend.sum(axis=(1, 2, 3)).max() <= rules.period_share * budget * (1 + 1e-9)
    assert (history.spend[:, ~twin.targets.allowed] == 0).all()
    for name, rule in rules.levers.items():
        assert by_lever[name] <= rule.cap * budget * (1 + 1e-9), name
        assert by_lever[name] >= rule.floor * budget * 0.99, name


@pytest.mark.parametrize("name", [name for name in NAMES if name != "no spend"])
def test_every_policy_meets_the_rules(name: str, ruled: Twin) -> None:
    """Budget, period share and caps are kept in a drawn market, and floors reached within 1 %."""
    budget = reference_spend(ruled.chain)
    history = play(ruled, named(name, ruled, budget), budget)
    assert_rules_met(ruled, history, budget)
    assert history.spend.sum() > 0.7 * budget
    assert history.unspent == pytest.approx(budget - history.spend.sum(), abs=1e-6)


@pytest.mark.parametrize("name", ["even split", "proportional to value", "acquisition first"])
@pytest.mark.parametrize("lever", ["winback", "development", "retention"])
def test_a_floor_is_reached_though_its_targets_come_later(
    name: str, lever: str, market: Callable[..., Content]
) -> None:
    """Where a lever has nobody to be used on at first, its share is spent later: the floor holds over the horizon."""
    content = market(rules={"levers": {lever: {"floor": 0.1, "cap": 0.1}}})
    content["segments"] = {"fresh": content["segments"]["fresh"]}
    twin = build(parse(content))
    budget = reference_spend(twin.chain)
    assert_rules_met(twin, play(twin, named(name, twin, budget), budget), budget)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "no spend"])
def test_every_policy_stays_within_a_tenth_of_the_money(name: str, market: Callable[..., Content]) -> None:
    """Scaled back to a small budget, nobody overdraws it."""
    twin = build(parse(market(rules={"period_share": 0.2, "levers": {"acquisition": {"cap": 0.2}}})))
    budget = reference_spend(twin.chain) / 10
    history = play(twin, named(name, twin, budget), budget)
    assert_rules_met(twin, history, budget)
    assert history.spend.sum() > 0.6 * budget


def test_no_spend_spends_nothing(ruled: Twin) -> None:
    """Nothing, whatever is there."""
    assert play(ruled, named("no spend", ruled, 1e6), 1e6).spend.sum() == 0


def test_as_today_is_the_reference(ruled: Twin) -> None:
    """With money enough every target gets its reference intensity."""
    history = play(ruled, named("as today", ruled, 1e9), 1e9)
    np.testing.assert_allclose(history.spend, history.customers[:-1, :, :, None] * ruled.targets.reference[None])


def test_even_split_is_even(market: Callable[..., Content]) -> None:
    """Without bounds every lever gets the same, and inside a lever every customer it can be used on."""
    twin = build(parse(market()))
    history = play(twin, named("even split", twin, 80_000.0), 80_000.0)
    by_lever = history.spend.sum(axis=(1, 2))
    there = np.where(twin.targets.allowed[None], history.customers[:-1, :, :, None], 0).sum(axis=(1, 2)) > 0
    np.testing.assert_allclose(by_lever[0][there[0]], 2000, rtol=1e-9)
    each = history.spend[4] / np.maximum(history.customers[4][:, :, None], 1)
    for lever in range(5):
        paid = each[:, :, lever][(history.spend[4][:, :, lever] > 0)]
        np.testing.assert_allclose(paid, paid[0])


def test_acquisition_first_gives_all_it_may_to_winning(ruled: Twin) -> None:
    """Winning gets its cap, awareness what is left up to its own, the others no less than their floors."""
    budget = 100_000.0
    by_lever = play(ruled, named("acquisition first", ruled, budget), budget).spend.sum(axis=(0, 1, 2)) / budget
    assert by_lever[1] == pytest.approx(0.5)
    assert by_lever[0] == pytest.approx(0.3)


def test_proportional_to_value_follows_the_worth_of_segments(market: Callable[..., Content]) -> None:
    """A segment worth more gets more of each lever's money, in proportion."""
    content = market(competitors=[], plain=True)
    start = {"new": 5000, "prospect": 5000}
    content["segments"]["regulars"].update(start=start)
    content["segments"]["fresh"].update(start=start)
    content["segments"]["fresh"]["traits"] = {**content["segments"]["regulars"]["traits"], "spend": 300.0}
    for lever in content["levers"].values():
        lever["reference"] = 0.0
    twin = build(parse(content))
    spend = play(twin, named("proportional to value", twin, 8000.0), 8000.0).spend[0].sum(axis=1)
    used = spend.sum(axis=0) > 0
    assert used.sum() == 3
    np.testing.assert_allclose(spend[1, used] / spend[0, used], 10, rtol=1e-6)


def test_policies_are_found_by_name_and_a_slip_is_helped(ruled: Twin) -> None:
    """Blanks, hyphens, underscores, capitals; an unknown name lists the known ones and suggests one."""
    for name in NAMES:
        for written in (name, name.replace(" ", "-"), name.replace(" ", "_").upper(), f" {name} "):
            assert named(written, ruled, 1.0).name == name
        assert isinstance(named(name, ruled, 1.0), Policy)
    with pytest.raises(InputError, match=r"policy 'evn split' is not known.*did you mean 'even split'\?") as caught:
        named("evn split", ruled, 1.0)
    assert all(name in str(caught.value) for name in NAMES)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError) as caught:
        named("xyzzy", ruled, 1.0)
    assert "did you mean" not in str(caught.value)


def test_a_plan_is_scaled_back_by_one_factor(market: Callable[..., Content]) -> None:
    """Where a period's money would run out all of its intensities shrink alike; where it suffices they are kept."""
    twin = build(parse(market(rules={"period_share": 0.5})))
    plan = np.repeat(twin.targets.reference[None], 8, axis=0)
    plan[2] *= 30
    seen: list[tuple[float, Allocation]] = []

    class Watched(Planned):
        def decide(self, observation: Any) -> Allocation:
            allocation = super().decide(observation)
            seen.append((observation.available, allocation))
            return allocation

    budget = reference_spend(twin.chain)
    history = play(twin, Watched(plan), budget)
    np.testing.assert_array_equal(seen[0][1].intensity, plan[0])
    used = plan[2] > 0
    factor = seen[2][1].intensity[used] / plan[2][used]
    np.testing.assert_allclose(factor, factor[0], rtol=1e-12)
    assert 0 < factor[0] < 1
    assert history.spend[2].sum() == pytest.approx(seen[2][0])
    assert history.spend[2].sum() == pytest.approx(0.5 * budget)
    assert history.spend.sum() <= budget * (1 + 1e-9)


def test_a_plan_within_a_levers_cap_shrinks_that_lever_alone(market: Callable[..., Content]) -> None:
    """A lever whose cap is used up stops; the others go on as planned."""
    twin = build(parse(market(rules={"levers": {"retention": {"cap": 0.05}}})))
    budget = 2 * reference_spend(twin.chain)
    plan = np.repeat(twin.targets.reference[None], 8, axis=0)
    history = play(twin, Planned(plan), budget)
    by_lever = history.spend.sum(axis=(0, 1, 2))
    assert by_lever[3] == pytest.approx(0.05 * budget)
    others = [0, 1, 2, 4]
    want = history.customers[:-1, :, :, None] * plan
    np.testing.assert_allclose(history.spend[..., others], want[..., others])
