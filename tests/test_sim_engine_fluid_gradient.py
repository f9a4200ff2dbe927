"""The fluid twin's gradient against finite differences, with everything on and with each mechanism alone."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from checks import asset_of, chain_of
from everything import LAWS, crowded, remembered
from gradients import places_of, some_plan
from markets import LINE, MIX, SHORT_STAGES, Content, Floats, small

from sim.engine.fluid import expected_history
from sim.engine.fluid_pass import Money
from sim.engine.lifecycle import Lifecycle
from sim.engine.matrix_chain import MatrixChain
from sim.engine.sensitivity import Aim, asset_aim, follow, gradient
from sim.scenario.file import parse
from sim.twin import build

Worth = Callable[[Lifecycle, Floats], float]
STEP = 1e-5
"""Of a difference of the fourth order, relative to an intensity of at least 1."""
PRECISION = 1e-6
"""Of a derivative, relative to the largest component; differences themselves are good to 1e-10 of it."""


def followed(chain: Lifecycle, intensity: Floats) -> float:
    """Return the asset of the pass that the gradient goes back over, which is that of the expected history."""
    return follow(chain, intensity).asset


def along(chain: Lifecycle, intensity: Floats, direction: Floats, step: float = STEP, worth: Worth = asset_of) -> float:
    """Return the derivative of the asset along a direction: a central difference of the fourth order."""
    one, two = (
        worth(chain, intensity + k * step * direction) - worth(chain, intensity - k * step * direction) for k in (1, 2)
    )
    return (8 * one - two) / (12 * step)


def assert_gradient(
    chain: Lifecycle, intensity: Floats, number: int | None, seed: int = 0, worth: Worth = asset_of
) -> Floats:
    """Hold single components (of ``worth``) and whole directions to finite differences; return the gradient."""
    asset, slope = gradient(chain, intensity)
    assert asset == pytest.approx(asset_of(chain, intensity), rel=1e-12)
    assert slope.shape == intensity.shape
    assert np.isfinite(slope).all()
    largest = float(np.abs(slope).max())
    assert largest > 0
    for place in places_of(chain, number, seed):
        direction = np.zeros_like(intensity)
        direction[place] = max(intensity[place], 1.0)
        want = along(chain, intensity, direction, worth=worth) / direction[place]
        name = (place[0], chain.targets.name(*place[1:3]), chain.targets.levers[place[3]])
        assert slope[place] == pytest.approx(want, rel=0, abs=PRECISION * largest), name
    rng = np.random.default_rng(seed)
    for _ in range(3):
        direction = rng.choice([-1.0, 1.0], intensity.shape) * intensity
        got, size = float((slope * direction).sum()), float(np.abs(slope * direction).sum())
        assert got == pytest.approx(along(chain, intensity, direction), rel=0, abs=PRECISION * size)
    return slope


@pytest.mark.parametrize("law", [pytest.param(law, marks=[pytest.mark.slow] * (law != "renewal")) for law in LAWS])
def test_the_gradient_is_that_of_the_asset(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every mechanism on: three components of each lever, and the whole plan moved up and down."""
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (2, 1))
    chain = chain_of(crowded(law))
    assert chain.crowd.couples
    slope = assert_gradient(chain, some_plan(chain, 1), 3, worth=followed)
    assert (np.abs(slope).max(axis=(0, 1, 2)) > 1e-4 * np.abs(slope).max()).all()  # every lever matters
    assert (slope > 0).any()
    assert (slope < 0).any()


@pytest.mark.slow
@pytest.mark.parametrize("law", ["silent", "renewal"])
def test_the_gradient_knows_what_was_done_of_late(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Levers that carry over, tire, drive away and pull forward, beside all else: what is done now acts later."""
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (2, 1))
    chain = chain_of(remembered(law))
    assert not chain.bounded
    assert_gradient(chain, some_plan(chain, 5), 2, worth=followed)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_every_component_of_the_gradient_is_that_of_the_asset(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All thousand components, in classes that differ in both rates."""
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (2, 2))
    chain = chain_of(crowded(law))
    assert_gradient(chain, some_plan(chain, 2), None, seed=2)


@pytest.mark.parametrize("seed", range(4))
def test_the_gradients_asset_is_that_of_the_expected_history(seed: int) -> None:
    """Under plans of all kinds, nothing at all among them, the two passes agree to the last digits."""
    chain = chain_of(crowded("silent"))
    plan = some_plan(chain, seed) * (seed > 0)
    asset, slope = gradient(chain, plan)
    assert asset == pytest.approx(asset_of(chain, plan), rel=1e-12)
    assert np.isfinite(slope).all()


def test_money_that_comes_too_late_is_lost() -> None:
    """In the last period, nothing counted after it: a unit per head for what acts later, less for what brings now."""
    chain = chain_of(crowded("silent", terminal="none"))
    plan = some_plan(chain, 3)
    _, slope = gradient(chain, plan)
    cost = -chain.discount[-2] * expected_history(chain, plan).customers[-2]
    for lever, brings_now in (("service", False), ("fame", False), ("training", False), ("winback", True)):
        i = chain.targets.levers.index(lever)
        allowed = chain.targets.allowed[:, :, i]
        if brings_now:
            assert (slope[-1, :, :, i] > cost + 1)[allowed].any()
        else:
            np.testing.assert_allclose(slope[-1, :, :, i][allowed], cost[allowed], rtol=1e-12)


def test_a_chain_of_ones_own_has_a_gradient_too() -> None:
    """Between actions, against differences; at an action's own spend, that of spending more."""
    stay, go = [[1.0, 0.0], [0.5, 0.5]], [[0.9, 0.1], [0.2, 0.8]]
    content = {
        "name": "own",
        "periods": 3,
        "chain": {
            "states": ["a", "b"],
            "actions": [{"spend": 0, "moves": stay, "reward": [1, 5]}, {"spend": 2, "moves": go, "reward": [2, 7]}],
        },
        "segments": {"all": {"start": {"a": 5, "b": 2}}},
    }
    chain = build(parse(content)).chain
    assert isinstance(chain, MatrixChain)
    for start in (0.0, 0.7, 2.0):
        plan = np.full((3, 1, 2, 1), start)
        plan[1, 0, 0, 0] = 1.1
        asset, slope = gradient(chain, plan)
        for place in np.ndindex(plan.shape):
            more = plan.copy()
            more[place] += 1e-6
            assert slope[place] == pytest.approx((gradient(chain, more)[0] - asset) / 1e-6, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("targeting", ["state", "segment"])
def test_what_counts_anything_has_a_gradient_by_money(
    law: str, targeting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything on; money of cells instead of intensities; any weights on what is earned, spent, and who is there."""
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (2, 1))
    chain = chain_of(crowded(law))
    rng = np.random.default_rng(7)
    targets = chain.targets
    each = np.argwhere(targets.allowed)
    names = [tuple(k) if targeting == "state" else (targets.segments[k[0]], k[2]) for k in each.tolist()]
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    cell = np.full(targets.shape, -1)
    cell[tuple(each.T)] = [number[name] for name in names]
    amount = rng.uniform(50, 500, (chain.periods, len(number)))
    plan = Money(targets, cell, amount)
    laws = chain.space.law_kind.size
    aim = Aim(
        rng.normal(1, 0.3, (chain.periods, targets.shape[0])),
        rng.normal(1, 0.3, (chain.periods, *targets.shape)),
        rng.normal(0, 20, (chain.periods + 1, targets.shape[0], laws)),
        0.7,
    )

    def value(money: Floats) -> float:
        course = follow(chain, Money(targets, cell, money))
        counted = (course.earned * aim.reward).sum() - (course.moved * aim.money).sum()
        counted += (course.people * aim.people).sum()
        return float(counted + aim.terminal * (course.end * chain.terminal).sum())

    course = follow(chain, plan)
    for t in range(chain.periods):
        inside = plan.open(t)
        spent = np.bincount(cell[inside], weights=course.moved[t][inside], minlength=len(number))
        decided = np.isin(np.arange(len(number)), cell[inside]) & (plan.heads(course.observed[t]) > 0)
        np.testing.assert_allclose(spent, np.where(decided, amount[t], 0))
    slope = course.slope(aim)
    for _ in range(4):
        direction = rng.choice([-1.0, 1.0], amount.shape) * amount
        one, two = (value(amount + k * STEP * direction) - value(amount - k * STEP * direction) for k in (1, 2))
        want, size = (8 * one - two) / (12 * STEP), float(np.abs(slope * direction).sum())
        assert float((slope * direction).sum()) == pytest.approx(want, rel=0, abs=PRECISION * size)


# --- One mechanism at a time ------------------------------------------------------------------------------------------


STEEP = {"shape": "piecewise-linear", "points": [[0, 0], [10, 20]]}


def market_with(**changes: Any) -> Content:
    """Return a market of two segments in which people become aware, are won, buy, leave and come back."""
    traits = {"purchase_rate": 0.8, "defection_rate": 0.15, "spend": 20.0}
    chance = {"shape": "hill", "unlimited_money": 0.4, "half": 1.0, "steepness": 1.3}
    content = small(
        periods=5,
        terminal="value-to-go",
        margin=0.5,
        loss=0.05,
        stages={"core": 3, "declining": 1, "lapsed": 3},
        segments={
            "a": {"start": {"unaware": 60, "prospect": 50, "new": 80}, "traits": traits},
            "b": {
                "start": {"unaware": 30, "prospect": 40, "new": 50},
                "births": {"unaware": 5.5, "prospect": 2},
                "traits": {**traits, "spend": 35.0, "purchase_rate": 1.1},
            },
        },
        levers={
            "fame": {"targets": ["unaware"], "reference": 0.5, "moves": {"awareness": chance}},
            "offer": {"targets": ["prospect"], "reference": 0.8, "moves": {"acquisition": chance}},
            "letter": {"targets": ["declining", "lapsed"], "reference": 0.3, "moves": {"reactivation": chance}},
        },
    )
    return {**content, **copy.deepcopy(changes)}


def with_lever(effect: str, curve: Content, **more: Any) -> Content:
    """Return one further lever on customers."""
    targets = ["new", "developing", "core", "declining"]
    return {**market_with()["levers"], "one": {"targets": targets, "reference": 0.6, "moves": {effect: curve}, **more}}


SURVIVAL = {"without_money": 0.8, "unlimited_money": 0.97, "spend": 0.5, "brings": 0.9}
MECHANISMS: dict[str, Content] = {
    "chances alone": market_with(),
    "two chances at once": market_with(
        levers={**market_with()["levers"], "more": {
            "targets": ["unaware"], "reference": 0.2, "reach": 0.7, "moves": {"awareness": LINE}}}),
    "awareness up to 1": market_with(
        levers={"fame": {"targets": ["unaware"], "reference": 0.5, "moves": {"awareness": LINE}},
                "offer": market_with()["levers"]["offer"]},
        shocks=[{"name": "s", "start": 1, "end": 3, "route": "awareness", "size": 30.0}]),
    "survival": market_with(levers=with_lever("survival", SURVIVAL, reach=0.8)),
    "purchase rate": market_with(levers=with_lever("purchase_rate", LINE)),
    "amount": market_with(levers=with_lever("amount", LINE)),
    "preference": market_with(levers=with_lever("preference", LINE), share_of_customer=0.4),
    "satisfaction": market_with(
        levers=with_lever("satisfaction", LINE),
        satisfaction={"mix": MIX, "defection_per_level": 0.2, "purchase_rate_per_level": 0.1,
                      "amount_per_level": 0.1}),
    "links": market_with(
        levers=with_lever("links", LINE),
        links={"mix": [0.4, 0.3, 0.2, 0.1], "gain": 0.1, "turnover": 0.2, "follow": 0.5, "defection_per_link": 0.3}),
    "ties of kinds and knowledge": market_with(
        levers={**with_lever("links_experts", LINE), "diary": {
            "targets": ["new", "core"], "reference": 0.3, "reach": 0.8,
            "moves": {"knowledge": LINE, "links_desk": LINE}}},
        links={"kept": 0.1, "kinds": {
            "desk": {"share": 0.5, "gain": 0.1, "turnover": 0.2, "follow": 0.4, "defection_per_link": 0.3},
            "experts": {"share": 0.2, "gain": 0.05, "turnover": 0.1, "defection_per_link": 0.2}}},
        shocks=[{"name": "s", "start": 1, "end": 3, "route": "turnover", "size": 0.2}]),
    "categories": market_with(
        levers=with_lever("cross_buying", LINE), share_of_customer=0.4,
        categories={"names": ["bread", "dairy", "wine"], "mix": [0.5, 0.3, 0.2], "gain": 0.05, "loss": 0.1,
                    "purchase_rate": [1, 1.4, 1.7], "amount": [1, 1.2, 0.9], "defection_per_category": 0.2},
        segments={"a": {**market_with()["segments"]["a"], "share_of_customer": 0.7},
                  "b": market_with()["segments"]["b"]},
        competitors=[{"name": "r", "start": 1, "route": "share of customer", "strength": 0.3}]),
    "employees": market_with(
        levers=with_lever("employee", STEEP, reach=0.7, by_segment={"b": {"reference": 0.2}}),
        satisfaction={"mix": MIX, "defection_per_level": 0.2}, employees={"usual": 50, "reversion": 0.3}),
    "word of mouth": market_with(
        satisfaction={"mix": MIX, "entry": 5, "defection_per_level": 0.2},
        levers=with_lever("satisfaction", LINE), word_of_mouth={"a": {"a": 2.0, "b": 0.5}, "b": {"a": 1.0}}),
    "word of mouth of all": market_with(
        satisfaction={"mix": MIX, "entry": 5, "defection_per_level": 0.2},
        levers=with_lever("satisfaction", LINE), word_of_mouth=1.5),
    "saturation": market_with(levers=with_lever("purchase_rate", LINE, saturation=40.0)),
    "saturated training": market_with(
        levers=with_lever("employee", STEEP, saturation=40.0),
        satisfaction={"mix": MIX, "defection_per_level": 0.2}, employees={"usual": 50}),
    **{
        f"a rival by {route} who reacts": market_with(
            levers=with_lever("survival", SURVIVAL),
            competitors=[{"name": "r", "start": 1, "route": route, "strength": 0.3, "reaction": 1.2, "most": 3.0}])
        for route in ("defection", "acquisition", "share of customer")
    },
    "two rivals for a share": market_with(
        levers=with_lever("preference", LINE), share_of_customer=0.5,
        competitors=[{"name": n, "start": 1, "route": "share of customer", "strength": 0.2, "reaction": 2.0}
                     for n in ("x", "y")]),
    "qualities and costs": market_with(
        cost_to_serve={"per_customer": 0.5, "per_purchase": 1.0}, levers=with_lever("purchase_rate", LINE),
        segments={"a": {**market_with()["segments"]["a"], "quality": [
            {"share": 0.5, "acquisition": 2.0, "bad_debt": 0.3}, {"share": 0.5, "cost_to_serve": 2.0}]}}),
    "winning that spreads": market_with(segments={
        name: {**each, "diffusion": {"innovation": 0.02, "imitation": 0.5}}
        for name, each in market_with()["segments"].items()}),
    "growth of those who are there": market_with(
        levers={**with_lever("purchase_rate", LINE), "gift": {
            "targets": ["new", "core"], "reference": 0.5, "moves": {"amount": LINE}}},
        segments={"a": {**market_with()["segments"]["a"],
                        "start": {"prospect": 50, "core": {"count": 70, "age": 4}, "declining": 20},
                        "growth": {"after": [2, 5], "amount": [1.5, 2.5], "purchase_rate": [1.2, 0.8]}},
                  "b": market_with()["segments"]["b"]}),
    "no rate at all": market_with(
        levers=with_lever("purchase_rate", LINE),
        shocks=[{"name": "s", "start": 1, "end": 2, "route": "purchase rate", "size": -1.0}]),
}  # fmt: skip


@pytest.mark.parametrize("law", ["silent", "contractual"])
@pytest.mark.parametrize("name", MECHANISMS)
def test_the_gradient_of_each_mechanism(name: str, law: str) -> None:
    """Every component, one mechanism at a time, so that a mistake in one cannot hide behind the others' size."""
    chain = chain_of({**MECHANISMS[name], "law": law})
    assert_gradient(chain, some_plan(chain, 5), 6, seed=4)


def test_a_kink_is_taken_from_one_side() -> None:
    """At a clip that binds the derivative is 0, and it is the slope beside it where it does not."""
    content = market_with(
        levers={
            **market_with()["levers"],
            "service": {"targets": ["new"], "reference": 0.0, "moves": {"satisfaction": LINE}},
        },
        satisfaction={"mix": MIX, "mobility": 0.4, "defection_per_level": 0.3},
    )
    chain = chain_of(content)
    new = chain.targets.stages.index("new")
    service = chain.targets.levers.index("service")
    plan = np.repeat(chain.targets.reference[None], chain.periods, axis=0)
    plan[:, :, new, service] = 9.9  # .99 more to rise: certain at every level
    _, slope = gradient(chain, plan)
    history = expected_history(chain, plan)
    cost = -chain.discount[:-1, None] * history.customers[:-1, :, new]
    np.testing.assert_allclose(slope[:, :, new, service], cost, rtol=1e-12)
    plan[:, :, new, service] = 0.5
    _, slope = gradient(chain, plan)
    assert (slope[0, :, new, service] > -history.customers[0, :, new]).all()


def test_a_plan_climbs_along_its_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small step in its direction gains what it says."""
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (2, 1))
    chain = chain_of(crowded("silent"))
    plan = some_plan(chain, 9)
    asset, slope = gradient(chain, plan)
    step = np.where(chain.targets.allowed, slope, 0.0)
    length = 1e-3 / np.abs(step).max()
    gained = asset_of(chain, np.maximum(plan + length * step, 0)) - asset
    assert gained == pytest.approx(length * float((step * slope).sum()), rel=0.02)


def test_beside_a_plan_an_intensity_has_the_slope_that_it_has_there(market: Callable[..., Content]) -> None:
    """One pass backwards tells what each of many other intensities would bring, one target and period at a time."""
    chain = build(parse(market(plain=True, periods=4, stages=SHORT_STAGES))).chain
    aim, intensity = asset_aim(chain), some_plan(chain, 5)
    beside = follow(chain, intensity).beside(aim)
    rng = np.random.default_rng(5)
    places = places_of(chain, 3, 5)
    others = np.repeat(intensity[None], len(places), axis=0)
    for other, place in zip(others, places, strict=True):
        other[place] *= rng.choice([0.3, 3.0])
    for other, place, slope in zip(others, places, beside.slopes(others), strict=True):
        assert slope[place] == pytest.approx(follow(chain, other).slope(aim)[place], rel=1e-9)
