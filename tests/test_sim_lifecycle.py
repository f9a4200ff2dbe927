"""The lifecycle: odds of one period, how money acts, and what is neutral at the reference."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy import stats
from scipy.integrate import quad

from optimizer.decomposition import full_information
from optimizer.optimise import allocation_problem
from policies.fixed import AsToday
from sim.curves import BlattbergDeighton, Curve
from sim.engine import lifecycle
from sim.engine.chain import ALIVE, DEFECTED, LOST, PROSPECT, UNAWARE, transition_matrix
from sim.engine.fluid import expected_history
from sim.engine.lifecycle import AMOUNT, AWARE, DEFECTION, LOST_CHANCE, RATE, RETURNED, WON, Lifecycle, alive_outcomes
from sim.engine.response import response
from sim.market.clock import Market
from sim.scenario import STAGES, Thresholds, parse
from sim.twin import Twin, build
from sim.valuation import customer_asset

Content = dict[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]


def chain_of(content: Content) -> Lifecycle:
    chain = build(parse(content)).chain
    assert isinstance(chain, Lifecycle)
    return chain


def by_integration(m: float, rate: float, buys: int) -> Floats:
    """Odds of (stays, n) and (leaves, n) by integrating over the time of leaving."""
    out = np.zeros(2 * buys)
    for n in range(buys):
        more = n == buys - 1

        def odds(mean: float, n: int = n, more: bool = more) -> float:
            return float(stats.poisson.sf(n - 1, mean) if more else stats.poisson.pmf(n, mean))

        out[n] = math.exp(-m) * odds(rate)
        out[buys + n] = quad(lambda tau: m * math.exp(-m * tau) * odds(rate * tau), 0, 1, epsabs=1e-13)[0]
    return out


@pytest.mark.parametrize("m", [0.0, 1e-12, 1e-5, 0.1, 1.0, 4.0, 30.0])
@pytest.mark.parametrize("rate", [0.0, 1e-9, 0.02, 0.7, 3.0, 15.0])
@pytest.mark.parametrize("buys", [2, 4])
def test_alive_outcomes_agree_with_integration_over_the_time_of_leaving(m: float, rate: float, buys: int) -> None:
    """Odds add up to one and equal the integral over tau; expected purchases are rate x E[min(tau, 1)]."""
    odds, purchases = alive_outcomes(np.array(m), np.array(rate), buys)
    assert odds.sum() == pytest.approx(1, abs=1e-13)
    assert odds.min() >= 0
    np.testing.assert_allclose(odds, by_integration(m, rate, buys), atol=1e-11)
    exposure = quad(lambda tau: math.exp(-m * tau), 0, 1)[0]
    assert float(purchases) == pytest.approx(rate * exposure, rel=1e-9)


def test_alive_outcomes_at_infinite_defection_leave_at_once() -> None:
    """``rho = 0``: everybody leaves before buying anything."""
    odds, purchases = alive_outcomes(np.array([np.inf, np.inf]), np.array([0.0, 3.0]), 3)
    np.testing.assert_array_equal(odds, [[0, 0, 0, 1, 0, 0]] * 2)
    np.testing.assert_array_equal(purchases, 0)


def answer(curve: Content, money: float, reach: float = 1.0) -> float:
    """Return the response through a manager's four answers: f(0), f(spend), f(infinity), and reach."""
    low, high = curve["without_money"], curve["unlimited_money"]
    left = ((high - curve["brings"]) / (high - low)) ** (money / curve["spend"])  # share of the room not yet won
    return float(reach * (high - (high - low) * left) + (1 - reach) * low)


@pytest.mark.parametrize("reach", [1.0, 0.3])
def test_a_curve_passes_through_its_four_answers(reach: float) -> None:
    """f(0), f(spend) and f(infinity) are the manager's answers; reach r gives r f(u) + (1 - r) f(0)."""
    answers = {"without_money": 0.1, "unlimited_money": 0.7, "spend": 8.0, "brings": 0.4}
    money = np.array([0.0, 8.0, 1e6, 3.0, 20.0])
    got = response(BlattbergDeighton(**answers), money, reach)
    np.testing.assert_allclose(got, [answer(answers, u, reach) for u in money], rtol=1e-13)
    np.testing.assert_allclose(got[:3], reach * np.array([0.1, 0.4, 0.7]) + (1 - reach) * 0.1, rtol=1e-13)


ADBUDG = {"shape": "adbudg", "without_money": 0.1, "unlimited_money": 0.7, "spend": 8, "brings": 0.4, "steepness": 2}
CURVES: list[tuple[Content, float, float]] = [
    (ADBUDG, 4, 0.22),
    ({**ADBUDG, "without_money": 0, "unlimited_money": 1, "spend": 2, "brings": 0.8, "steepness": 1}, 0.5, 0.5),
    ({"shape": "hill", "unlimited_money": 0.6, "half": 5, "steepness": 3}, 10, 0.6 * 8 / 9),
    ({"shape": "hill", "without_money": 0.2, "unlimited_money": 0.6, "half": 5, "steepness": 1}, 5, 0.4),
    ({"shape": "piecewise-linear", "points": [[0, 0.1], [2, 0.3], [6, 0.4]]}, 4, 0.35),
]


@pytest.mark.parametrize(("curve", "money", "expected"), CURVES)
def test_other_shapes_by_hand(curve: Content, money: float, expected: float) -> None:
    """ADBUDG, Hill and piecewise-linear at one point by hand, at nothing, at what they were stated at, and far out."""
    known = TypeAdapter(Curve).validate_python(curve)
    points = np.array([0.0, money, known.spend, 1e300])
    ends = [known.without_money, expected, known.brings, known.unlimited_money]
    np.testing.assert_allclose(response(known, points), ends, rtol=1e-12)
    np.testing.assert_allclose(response(known, points, 0.25), [0.25 * f + 0.75 * ends[0] for f in ends], rtol=1e-12)


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
    [("defection", DEFECTION, 1.4), ("acquisition", WON, 0.6), ("share of customer", RATE, 0.6)],
)
def test_a_competitor_acts_through_its_route_alone(
    route: str, effect: int, factor: float, market: Callable[..., Content]
) -> None:
    """Defection times 1 + strength; acquisition or share times 1 - strength; from its start to its end only."""
    chain = chain_of(market(competitors=[{"name": "x", "start": 2, "end": 5, "route": route, "strength": 0.4}]))
    present = [bool((row != 1).any()) for row in chain.environment[:-1]]
    assert present == [False, False, True, True, True, False, False, False]
    before = chain.responses(chain.environment[0], chain.targets.reference)
    during = chain.responses(chain.environment[3], chain.targets.reference)
    expected = before.copy()
    expected[..., effect] *= factor
    np.testing.assert_allclose(during, expected, rtol=1e-12)


def seen_of(name: str) -> tuple[str, int, int]:
    """Return truth, purchases and silence from a state's name."""
    word, bought, silent = name.replace(",", "").replace(" bought", "").replace(" silent", "").split()
    return word, int(bought), int(silent)


def test_states_link_as_told() -> None:
    """Purchases count up to core, silence up to lapsed; leavers, returners and the lost go where the words say."""
    limits = Thresholds(core=3, declining=2, lapsed=3)
    space = lifecycle.state_space([limits])
    names = list(space.names)
    assert len(names) == len(set(names)) == 2 + 3 * 3 * 4
    buys = space.successor.shape[1] // 2

    def successor(state: int, outcome: int) -> str:
        return names[space.successor[state, outcome]]

    for state, name in enumerate(names):
        if space.kind[state] == UNAWARE:
            assert (successor(state, 0), successor(state, 1)) == ("unaware", "prospect")
            continue
        if space.kind[state] == PROSPECT:
            assert (successor(state, 0), successor(state, 1)) == ("prospect", "alive, 1 bought, 0 silent")
            continue
        word, count, silence = seen_of(name)
        waited = min(silence + 1, 3)
        if space.kind[state] == ALIVE:
            for n in range(buys):
                seen = f"{min(count + n, 3)} bought, {0 if n else waited} silent"
                assert successor(state, n) == f"alive, {seen}"
                assert successor(state, buys + n) == f"gone, {seen}"
        else:
            assert successor(state, 0) == f"{word}, {count} bought, {waited} silent"
            if space.kind[state] == DEFECTED:
                assert successor(state, 1) == f"alive, {min(count + 1, 3)} bought, 0 silent"
                assert successor(state, 2) == f"lost, {count} bought, {waited} silent"


def test_stages_follow_count_and_recency_alone() -> None:
    """Lapsed before declining before core; new with one purchase; each group by its own thresholds."""
    groups = [Thresholds(core=2, declining=1, lapsed=2), Thresholds(core=4, declining=3, lapsed=6)]
    space = lifecycle.state_space(groups)
    for row, limits in zip(space.stage, groups, strict=True):
        for state, name in enumerate(space.names):
            if state < 2:
                assert STAGES[row[state]] == name
                continue
            _, count, silence = seen_of(name)
            want = "new" if count == 1 else "developing"
            want = "core" if count >= limits.core else want
            want = "declining" if silence >= limits.declining else want
            want = "lapsed" if silence >= limits.lapsed else want
            assert STAGES[row[state]] == want
    np.testing.assert_array_equal(space.law_stage[space.law], space.stage)
    np.testing.assert_array_equal(space.law_kind[space.law], np.broadcast_to(space.kind, space.law.shape))


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
    best = full_information(allocation_problem(twin.scenario, chain), 1e-6)
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


def test_expected_purchases_of_agents_are_those_of_alive_outcomes(market: Callable[..., Content]) -> None:
    """The formula of ``alive_outcomes`` is what the agents' kernel draws, from rare to frequent buying and leaving."""
    for rate, defection in ((0.1, 0.5), (2.5, 0.02), (4.0, 3.0)):
        content = market(plain=True, competitors=[], periods=1)
        content["segments"] = {"regulars": content["segments"]["regulars"]}
        content["segments"]["regulars"]["traits"] = {"purchase_rate": rate, "defection_rate": defection, "spend": 1.0}
        twin = build(parse(content))
        who = twin.population(1, 0)
        history = Market(twin, AsToday(), who, seed=1).run()
        _, purchases = alive_outcomes(np.array(defection), np.array(rate), 3)
        error = math.sqrt((rate + rate**2) / who.size)
        assert history.purchases.sum() / who.size == pytest.approx(float(purchases), abs=4.5 * error)
        left = -math.expm1(-defection)
        assert history.events["left"].sum() / who.size == pytest.approx(left, abs=4.5 * math.sqrt(left / who.size))


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
    )
    intensity = chain.targets.reference * 1.5
    full, part = (c.step(chain.environment[0], intensity) for c in (chain, fewer))
    np.testing.assert_array_equal(full.probability[some], part.probability)
    np.testing.assert_array_equal(full.reward[some], part.reward)
