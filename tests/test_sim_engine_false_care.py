"""Care that misses what customers need, by hand, against differences, under a bound, and in words."""

import math
from typing import Any

import numpy as np
import pytest
from checks import asset_of, chain_of
from gradients import places_of, some_plan
from markets import LINE, Content, answer, small

from experiments.trace import trace_life
from experiments.words.assumptions import in_words
from experiments.words.describe import lever_in_words
from experiments.words.story import told
from optimizer.ask.problem import allocation_problem
from optimizer.bound.decomposition import full_information
from optimizer.insight.trial import told as tells
from policies.catalogue import named
from sim.engine.false_care import within
from sim.engine.fluid import expected_history
from sim.engine.sensitivity import gradient
from sim.errors import ScenarioError
from sim.scenario.curves import BlattbergDeighton, Hill, PiecewiseLinear
from sim.scenario.file import parse
from sim.twin import build

RISES = {"without_money": 0.0, "unlimited_money": 0.3, "spend": 1.0, "brings": 0.1}
ANNOYS = {"without_money": 0.0, "unlimited_money": 0.5, "spend": 1.0, "brings": 0.2}
STAYS = {"without_money": 0.9, "unlimited_money": 0.98, "spend": 1.0, "brings": 0.94}


def cared(misses: Content | None, moved: Content, **more: Any) -> Content:
    """Return 1,000 new and 1,000 core customers, all at 50 points, and care for both."""
    traits = {"purchase_rate": 0.0, "defection_rate": 0.1, "spend": 10.0}
    care = {"targets": ["new", "core"], "reference": 0.0, "moves": moved, **({"misses": misses} if misses else {})}
    start = {"new": 1000, "core": {"count": 1000, "age": 4}}
    return small(**{
        "law": "contractual", "periods": 3, "stages": {"core": 2, "declining": 9, "lapsed": 10},
        "segments": {"all": {"start": start, "traits": {**traits, "purchase_rate": 0.8}}},
        "satisfaction": {"mix": [0, 0, 1, 0, 0], "mobility": 0.0}, "levers": {"care": care | more},
    })  # fmt: skip


def test_who_is_missed_loses_and_the_others_gain() -> None:
    """1 a head, .8 reached: of the new .6 are missed: .8 (.4 x .1 - .6 x .2) levels, of the core .8 x .1."""
    twin = build(parse(cared({"new": 0.6}, {"satisfaction": RISES, "annoyance": ANNOYS}, reach=0.8)))
    effects = twin.chain.effects.responses(twin.chain.environment[0], np.where(twin.targets.allowed, 1.0, 0.0)[None])[
        0, 0
    ]
    stages = list(twin.targets.stages)
    shifts = [effects[stages.index(stage), 7] for stage in ("new", "core")]
    assert shifts == pytest.approx([0.8 * (0.4 * 0.1 - 0.6 * 0.2), 0.8 * 0.1], rel=1e-12)
    points = {}
    for stage in ("new", "core"):
        money = np.zeros((3, *twin.targets.shape))
        money[0, 0, stages.index(stage), 0] = 1.0
        moved = expected_history(twin.chain, money).satisfaction[1]
        points[stage] = (float(moved[0]) - 50) / 25
    assert points["new"] < 0 < points["core"]


def test_survival_is_of_those_whose_need_is_met() -> None:
    """Of the new .6 are missed: rho = .9 + .4 (.94 - .9) x .8, and .6 x .8 of the chance to leave is theirs."""
    leaves = {"without_money": 0.0, "unlimited_money": 0.3, "spend": 1.0, "brings": 0.05}
    twin = build(parse(cared({"new": 0.6}, {"survival": STAYS, "leaving": leaves}, reach=0.8)))
    money = np.where(twin.targets.allowed, 1.0, 0.0)[None]
    effects = twin.chain.effects.responses(twin.chain.environment[0], money)[0, 0]
    new, core = (list(twin.targets.stages).index(stage) for stage in ("new", "core"))
    stays = [0.9 + 0.8 * part * (answer(STAYS, 1.0) - 0.9) for part in (0.4, 1.0)]
    assert effects[[new, core], 4] == pytest.approx([math.log(each) / math.log(0.9) for each in stays], rel=1e-12)
    assert effects[[new, core], 10] == pytest.approx([-math.log(1 - 0.8 * 0.6 * 0.05), 0.0], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("misses", [{"new": 0.6, "core": 0.1}, {"new": 1.0}])
def test_the_gradient_is_that_of_the_asset(misses: Content) -> None:
    """Every component, against differences; satisfaction moves who leaves."""
    content = cared(misses, {"satisfaction": RISES, "annoyance": ANNOYS, "survival": STAYS}, reference=0.3)
    content["satisfaction"] = {"mix": [0.1, 0.2, 0.4, 0.2, 0.1], "mobility": 0.3, "defection_per_level": 0.3}
    chain = chain_of(content)
    plan = some_plan(chain, 3)
    _, slope = gradient(chain, plan)
    for place in places_of(chain, None, 0):
        step = np.zeros_like(plan)
        step[place] = 1e-5
        want = (asset_of(chain, plan + step) - asset_of(chain, plan - step)) / 2e-5
        assert slope[place] == pytest.approx(want, rel=1e-5, abs=1e-6 * float(np.abs(slope).max()))


def test_no_random_plan_beats_the_bound_and_harm_lowers_it() -> None:
    moves = {"satisfaction": RISES, "annoyance": ANNOYS, "survival": STAYS}
    bounds = []
    for misses in ({"new": 0.2}, {"new": 0.7, "core": 0.1}):
        content = cared(misses, moves)
        content |= {"margin": 0.5, "periods": 4}
        content["segments"]["all"]["traits"]["spend"] = 60.0
        content["satisfaction"] = {"mix": [0.1, 0.2, 0.4, 0.2, 0.1], "mobility": 0.3, "defection_per_level": 0.3}
        twin = build(parse(content))
        assert twin.chain.bounded
        bounds.append(full_information(allocation_problem(twin, 3000.0), 1e-3).bound)
        rng, best = np.random.default_rng(3), -math.inf
        for _ in range(40):
            plan = np.where(twin.targets.allowed, rng.gamma(0.5, 1.0, (4, *twin.targets.shape)), 0.0)
            spent = float(expected_history(twin.chain, plan).spend.sum())
            plan *= min(1.0, 1500.0 / spent)
            best = max(best, asset_of(twin.chain, plan))
        assert asset_of(twin.chain, 0 * plan) < best <= bounds[-1]
    assert bounds[1] < bounds[0]


def test_one_lever_that_misses_is_two_that_do_not() -> None:
    """Care that misses all the new and none of the core is an annoyance for the new and good care for the core."""
    one = cared({"new": 1.0}, {"satisfaction": RISES, "annoyance": ANNOYS})
    two = cared(None, {"satisfaction": RISES}, targets=["core"])
    two["levers"]["offers"] = {"targets": ["new"], "reference": 0.0, "moves": {"annoyance": ANNOYS}}
    for content in (one, two):
        content["satisfaction"]["defection_per_level"] = 0.3
        content["satisfaction"] |= {"mix": [0.1, 0.2, 0.4, 0.2, 0.1], "mobility": 0.3}
    assets = []
    for content in (one, two):
        chain = chain_of(content)
        assets.append(asset_of(chain, np.broadcast_to(chain.targets.allowed * 0.7, (3, *chain.targets.shape))))
    assert assets[0] == pytest.approx(assets[1], rel=1e-13)


REFUSED = {
    "a stage it is not for": ({"declining": 0.5}, {}, "misses.declining: it is not for customers in that stage"),
    "more than all": ({"new": 1.5}, {}, "misses.new: input should be less than or equal to 1, got 1.5"),
    "nothing that follows": ({"new": 0.5}, {"moves": {"survival": STAYS}}, "expected 'annoyance' or 'leaving' among"),
    "no good": ({"new": 0.5}, {"moves": {"annoyance": ANNOYS}}, "expected another effect beside annoyance"),
    "terms": ({"new": 0.5}, {"pays": "service"}, "misses: is of offers and care, and pays: service changes terms"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused(what: str) -> None:
    """In one line, by the key."""
    misses, more, said = REFUSED[what]
    with pytest.raises(ScenarioError) as refused:
        parse(cared(misses, {"satisfaction": RISES, "annoyance": ANNOYS}, **more))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_words_and_a_life_tell_of_it() -> None:
    scenario = parse(cared({"new": 0.6}, {"satisfaction": RISES, "annoyance": ANNOYS}, reference=0.5))
    assert (
        "it misses the need of 60 % of new customers, whom the firm does not know yet: they bear its annoyance and "
        "have nothing of its satisfaction; the others the other way round"
    ) in lever_in_words("care", scenario.levers["care"], "month")
    assert in_words("levers.care.misses.new") == "the share of new customers whose need care misses"
    twin = build(scenario)
    life = trace_life(twin, named("no spend", twin, 0.0), 0.0, customer="0", threads=1)
    first = life.moments[0]
    assert first.stage == "new"
    share, shift = first.missed["care"]
    assert (share, shift) == pytest.approx((0.6, 0.6 * answer(ANNOYS, 0.5)), rel=1e-12)
    assert f"care misses 60% of these (chance of a level up {shift:+.1%})" in told(life)
    assert "differs by stage" in str(tells(twin, "levers.care.moves.satisfaction.brings"))


def test_scenarios_of_before_keep_their_name() -> None:
    content = cared(None, {"amount": LINE})
    assert parse(content).hash == parse(cared({}, {"amount": LINE})).hash
    assert "misses" not in content["levers"]["care"]


def test_a_part_of_a_curve_s_room() -> None:
    """``f(0) + part (f(u) - f(0))`` of each kind of curve, at every point that it states; all of it is the curve."""
    answers = BlattbergDeighton(without_money=0.2, unlimited_money=0.8, spend=1.0, brings=0.5)
    line = PiecewiseLinear(shape="piecewise-linear", points=((0, 0.2), (10, 0.8)))
    hill = Hill(shape="hill", without_money=0.2, unlimited_money=0.8, half=2.0, steepness=1.5)
    assert within(answers, 1) is answers
    less = within(answers, 0.5)
    assert (less.without_money, less.brings, less.unlimited_money) == pytest.approx((0.2, 0.35, 0.5))
    assert [value for _, value in within(line, 0.5).points] == pytest.approx([0.2, 0.5])
    assert (within(hill, 0.5).unlimited_money, within(hill, 0.5).half) == pytest.approx((0.5, 2.0))
