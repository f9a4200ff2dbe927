"""The lifecycle: how money acts, what is neutral at the reference, and that its odds have one source."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from checks import chain_of
from markets import Content, Floats, answer

from optimizer.ask.problem import allocation_problem
from optimizer.bound.decomposition import full_information
from policies.fixed import AsToday
from sim.engine.chain import ALIVE, DEFECTED, LOST, transition_matrix
from sim.engine.columns import AMOUNT, AWARE, DEFECTION, LOST_CHANCE, RATE, RETURNED, WON, WON_UNPAID
from sim.engine.fluid import expected_history
from sim.engine.lifecycle import Lifecycle
from sim.engine.routes import NEUTRAL, TO_RIVALS
from sim.market.clock import Market
from sim.scenario.file import STAGES, parse
from sim.twin import Twin, build
from sim.valuation import customer_asset


def test_everything_is_neutral_at_the_reference(market: Callable[..., Content]) -> None:
    """At today's spend every multiplier is 1 and each chance is what the manager stated for it."""
    chain = chain_of(market(competitors=[]))
    effects = chain.responses(chain.environment[0], chain.targets.reference)
    np.testing.assert_allclose(effects[..., [DEFECTION, RATE, AMOUNT]], 1, rtol=1e-14)
    assert effects[:, STAGES.index("unaware"), AWARE] == pytest.approx(0.02)
    assert effects[:, STAGES.index("prospect"), WON] == pytest.approx(0.03)
    assert effects[:, STAGES.index("lapsed"), RETURNED] == pytest.approx(0.03)
    np.testing.assert_allclose(effects[..., LOST_CHANCE], 0.05)
    outside = np.ones(len(STAGES), dtype=bool)
    for effect, at in ((AWARE, ["unaware"]), (WON, ["prospect"]), (RETURNED, ["declining", "lapsed"])):
        outside[:] = True
        outside[[STAGES.index(name) for name in at]] = False
        np.testing.assert_array_equal(effects[:, outside, effect], 0)


def test_neutral_also_where_a_segment_has_its_own_reference_and_curve(market: Callable[..., Content]) -> None:
    """A segment's own curve and reference are neutral at that reference, others keep theirs."""
    content = market(competitors=[])
    own = {"without_money": 0.7, "unlimited_money": 0.99, "spend": 2.0, "brings": 0.95}
    content["levers"]["retention"]["by_segment"] = {"fresh": {"reference": 2.0, "moves": {"survival": own}}}
    content["levers"]["retention"]["reach"] = 0.6
    chain = chain_of(content)
    new = STAGES.index("new")
    assert chain.targets.reference[:, new, 3].tolist() == [0.3, 2.0]
    effects = chain.responses(chain.environment[0], chain.targets.reference)
    np.testing.assert_allclose(effects[..., DEFECTION], 1, rtol=1e-14)
    nothing = chain.responses(chain.environment[0], np.zeros(chain.targets.shape))[:, new, DEFECTION]
    usual = [0.6 * 0.9 + 0.4 * 0.8, 0.6 * 0.95 + 0.4 * 0.7]
    np.testing.assert_allclose(nothing, np.log([0.8, 0.7]) / np.log(usual))


@pytest.mark.parametrize("money", [0.0, 0.1, 0.3, 1.0, 10.0])
@pytest.mark.parametrize("reach", [1.0, 0.5])
def test_retention_acts_on_survival(money: float, reach: float, market: Callable[..., Content]) -> None:
    """Where customers do not differ and leave at -ln rho(u_ref), survival under u is exactly rho(u)."""
    content = market(plain=True, competitors=[])
    lever = content["levers"]["retention"]
    lever["reach"] = reach
    curve = lever["moves"]["survival"]
    usual = answer(curve, 0.3, reach)
    content["segments"]["regulars"]["traits"]["defection_rate"] = -math.log(usual)
    chain = chain_of(content)
    intensity = chain.targets.reference.copy()
    intensity[:, :, 3] = np.where(chain.targets.allowed[:, :, 3], money, 0)
    step = chain.step(chain.environment[0], intensity)
    buys = chain.space.successor.shape[1] // 2
    kept = step.probability[0, chain.space.law_kind == ALIVE, :buys].sum(axis=1)
    stages = chain.space.law_stage[chain.space.law_kind == ALIVE]
    touched = chain.targets.allowed[0, stages, 3]
    assert touched.any()
    np.testing.assert_allclose(kept[touched], answer(curve, money, reach), rtol=1e-12)
    np.testing.assert_allclose(kept[~touched], usual, rtol=1e-12)


def test_no_survival_without_money_is_allowed(market: Callable[..., Content]) -> None:
    """``rho(0) = 0``: without money everybody in the lever's stages leaves at once; nobody whose rate is 0 does."""
    content = market(plain=True, competitors=[])
    content["levers"]["retention"]["moves"]["survival"]["without_money"] = 0
    content["segments"]["fresh"]["traits"]["defection_rate"] = 0
    chain = chain_of(content)
    step = chain.step(chain.environment[0], np.zeros(chain.targets.shape))
    assert np.isfinite(step.probability).all()
    np.testing.assert_allclose(step.probability.sum(axis=2), 1)
    buys = chain.space.successor.shape[1] // 2
    new = (chain.space.law_kind == ALIVE) & (chain.space.law_stage == STAGES.index("new"))
    assert step.probability[0, new, :buys].sum() == 0
    assert step.probability[1, new, :buys].sum() == pytest.approx(1)


def test_chances_combine_and_multipliers_multiply(market: Callable[..., Content]) -> None:
    """Two levers: chances 1 - (1-f)(1-g); rate and amount the product of (1+f(u))/(1+f(ref)); survival that of M."""
    content = market(competitors=[])
    curves = {
        "acquisition": {"without_money": 0.0, "unlimited_money": 0.3, "spend": 1.0, "brings": 0.1},
        "purchase_rate": {"without_money": -0.2, "unlimited_money": 0.5, "spend": 1.0, "brings": 0.2},
        "amount": {"without_money": 0.0, "unlimited_money": 0.5, "spend": 1.0, "brings": 0.1},
        "survival": {"without_money": 0.5, "unlimited_money": 0.9, "spend": 1.0, "brings": 0.8},
    }
    for effect, curve in curves.items():
        stage = "prospect" if effect == "acquisition" else "core"
        content["levers"][f"second {effect}"] = {"targets": [stage], "reference": 0.4, "moves": {effect: curve}}
    chain = chain_of(content)
    intensity = np.where(chain.targets.allowed, 1.3, 0.0)
    effects = chain.responses(chain.environment[0], intensity)[0]

    def f(lever: str, effect: str, u: float) -> float:
        return answer(content["levers"][lever]["moves"][effect], u)

    won = 1 - (1 - f("acquisition", "acquisition", 1.3)) * (1 - f("second acquisition", "acquisition", 1.3))
    assert effects[STAGES.index("prospect"), WON] == pytest.approx(won)
    core = STAGES.index("core")
    for effect, column in (("purchase_rate", RATE), ("amount", AMOUNT)):
        gain = math.prod(
            (1 + f(lever, effect, 1.3)) / (1 + f(lever, effect, reference))
            for lever, reference in (("development", 0.2), (f"second {effect}", 0.4))
        )
        assert effects[core, column] == pytest.approx(gain)
        assert effects[STAGES.index("new"), column] != pytest.approx(gain)
    harm = math.prod(
        math.log(f(lever, "survival", 1.3)) / math.log(f(lever, "survival", reference))
        for lever, reference in (("retention", 0.3), ("second survival", 0.4))
    )
    assert effects[core, DEFECTION] == pytest.approx(harm)


@pytest.mark.parametrize(
    ("route", "effect", "factor"),
    [("defection", [DEFECTION], 1.4), ("acquisition", [WON, WON_UNPAID], 0.6), ("share of customer", [RATE], 0.6)],
)
def test_a_competitor_acts_through_its_route_alone(
    route: str, effect: list[int], factor: float, market: Callable[..., Content]
) -> None:
    """Defection times 1 + strength; acquisition or share times 1 - strength; from its start to its end only."""
    chain = chain_of(market(competitors=[{"name": "x", "start": 2, "end": 5, "route": route, "strength": 0.4}]))
    present = [bool((row != NEUTRAL).any()) for row in chain.environment[:-1]]
    assert present == [False, False, True, True, True, False, False, False]
    before = chain.responses(chain.environment[0], chain.targets.reference)
    during = chain.responses(chain.environment[3], chain.targets.reference)
    expected = before.copy()
    expected[..., effect] *= factor
    np.testing.assert_allclose(during, expected, rtol=1e-12)


def test_two_rivals_for_the_share_of_customer_share_it(market: Callable[..., Content]) -> None:
    """Rivals that would take .4 and .25 alone leave 1/(1 + .4/.6 + .25/.75) = 1/2: a logit, not a product."""
    rivals = [
        {"name": name, "start": 2, "route": "share of customer", "strength": strength}
        for name, strength in (("x", 0.4), ("y", 0.25))
    ]
    chain = chain_of(market(competitors=rivals))
    np.testing.assert_allclose(chain.environment[2:, :, TO_RIVALS], 1, rtol=1e-14)
    before, during = (chain.responses(chain.environment[t], chain.targets.reference) for t in (0, 3))
    expected = before.copy()
    expected[..., RATE] *= 0.5
    np.testing.assert_allclose(during, expected, rtol=1e-12)
    rivals[1]["strength"] = 1.0
    nothing_left = chain_of(market(competitors=rivals))
    effects = nothing_left.responses(nothing_left.environment[3], nothing_left.targets.reference)
    np.testing.assert_array_equal(effects[..., RATE], 0)


def test_odds_of_every_law_add_up_to_one(market: Callable[..., Content]) -> None:
    """Nobody is created or lost, whatever is spent."""
    chain = chain_of(market())
    rng = np.random.default_rng(4)
    for _ in range(5):
        step = chain.step(chain.environment[-1], rng.exponential(1.0, chain.targets.shape) * chain.targets.allowed)
        assert step.probability.min() >= 0
        np.testing.assert_allclose(step.probability.sum(axis=2), 1, atol=1e-12)
        np.testing.assert_allclose(transition_matrix(chain, step).sum(axis=2), 1, atol=1e-12)
        assert (step.reward <= step.revenue).all()


def test_gone_return_before_they_are_lost(market: Callable[..., Content]) -> None:
    """Of the silently gone a share f returns with one purchase, 5 % of the others are lost; the lost stay lost."""
    chain = chain_of(market(plain=True, competitors=[]))
    step = chain.step(chain.environment[0], chain.targets.reference)
    gone = (chain.space.law_kind == DEFECTED) & (chain.space.law_stage == STAGES.index("lapsed"))
    np.testing.assert_allclose(step.probability[0, gone, :3], [[0.97 * 0.95, 0.03, 0.97 * 0.05]])
    np.testing.assert_allclose(step.revenue[0, gone], 0.03 * 30.0)
    np.testing.assert_allclose(step.reward[0, gone], 0.03 * 30.0 * 0.4)
    lost = chain.space.law_kind == LOST
    assert (step.probability[:, lost, 0] == 1).all()
    assert not step.revenue[:, lost].any()


def three_answers(twin: Twin) -> tuple[float, float, float]:
    """Return the asset by agents, by the fluid twin (both as today), and the LP's optimum."""
    chain = twin.chain
    today = np.broadcast_to(twin.targets.reference, (chain.periods, *twin.targets.shape))
    agents = Market(twin, AsToday(), twin.population(0, 0, "classes")).run()
    fluid = expected_history(chain, today)
    best = full_information(allocation_problem(twin), 1e-6)
    return (
        customer_asset(agents, chain.discount_rate).total,
        customer_asset(fluid, chain.discount_rate).total,
        best.value,
    )


NUMBERS: dict[str, tuple[tuple[Any, ...], float]] = {
    "a curve of winning": (("levers", "acquisition", "moves", "acquisition", "brings"), 0.04),
    "a curve of staying": (("levers", "retention", "moves", "survival", "without_money"), 0.6),
    "the chance to be lost": (("loss",), 0.5),
    "the margin": (("margin",), 0.5),
    "a trait": (("segments", "regulars", "traits", "purchase_rate"), 0.7),
    "a threshold": (("stages", "lapsed"), 4),
    "the rival": (("competitors", 0, "strength"), 0.9),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_one_number_changes_agents_fluid_twin_and_programme(case: str, market: Callable[..., Content]) -> None:
    """A number of the scenario's lifecycle reaches agents, fluid twin and LP alike.

    Today's spend is set off the reference by the rival and the LP, so that each response matters.
    """
    keys, number = NUMBERS[case]
    content = market(plain=True, periods=5)
    before = three_answers(build(parse(content)))
    place: Any = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = number
    after = three_answers(build(parse(content)))
    if case == "a curve of staying":  # neutral as today: only a plan off the reference feels it
        assert after[2] != pytest.approx(before[2], rel=1e-6)
        return
    change = [late / early - 1 for late, early in zip(after, before, strict=True)]
    assert min(abs(x) for x in change) > 1e-4
    assert len(set(np.sign(change))) == 1


def test_the_odds_of_the_alive_have_one_source(monkeypatch: pytest.MonkeyPatch, market: Callable[..., Content]) -> None:
    """Doubling the defection multiplier where it is made makes agents, fluid twin and LP all poorer, by alike."""
    content = market(plain=True, periods=5)
    before = three_answers(build(parse(content)))
    original = Lifecycle.responses

    def harsher(self: Lifecycle, environment: Floats, intensity: Floats) -> Floats:
        effects = original(self, environment, intensity)
        effects[..., DEFECTION] *= 2
        return effects

    monkeypatch.setattr(Lifecycle, "responses", harsher)
    after = three_answers(build(parse(content)))
    change = [late / early - 1 for late, early in zip(after, before, strict=True)]
    assert max(change) < -0.1
    assert change[0] == pytest.approx(change[1], abs=0.01)
    assert change[2] == pytest.approx(change[1], abs=0.1)


def test_blocks_are_alike_where_traits_are(market: Callable[..., Content]) -> None:
    """A block's odds depend on its own traits only, not on which other blocks are there."""
    chain = chain_of(market())
    some = np.array([3, 17, 40])
    fewer = replace(
        chain,
        group=chain.group[some],
        initial=chain.initial[some],
        purchase_rate=chain.purchase_rate[some],
        defection_rate=chain.defection_rate[some],
        mean_spend=chain.mean_spend[some],
        acquisition=chain.acquisition[some],
        by_money=chain.by_money[some],
        bad_debt=chain.bad_debt[some],
        serve=chain.serve[some],
        arrivals=chain.arrivals[:, some],
    )
    intensity = chain.targets.reference * 1.5
    full, part = (c.step(chain.environment[0], intensity) for c in (chain, fewer))
    np.testing.assert_array_equal(full.probability[some], part.probability)
    np.testing.assert_array_equal(full.reward[some], part.reward)
