"""Money that spills over to similar segments, by hand; whom it couples, and what is refused."""

from typing import Any

import numpy as np
import pytest
from checks import asset_of
from markets import LINE, Content, small

from experiments.words.mechanisms import timing_in_words
from sim.engine.fluid import expected_history
from sim.errors import ScenarioError
from sim.scenario.file import parse
from sim.twin import Twin, build

SPILLS = {"b": {"a": 0.5}, "c": {"a": 0.2, "b": 0.1}}


def towns(**lever: Any) -> Content:
    """Return 1,000, 500 and 200 customers just won who buy twice a month for 10, whom letters make buy more."""
    traits = {"purchase_rate": 2.0, "defection_rate": 0.0, "spend": 10.0}
    letters = {"targets": ["new"], "reference": 0.2, "moves": {"purchase_rate": LINE}, "spills_over": SPILLS, **lever}
    heads = {"a": 1000, "b": 500, "c": 200}
    segments = {name: {"start": {"new": number}, "traits": traits} for name, number in heads.items()}
    return small(periods=1, terminal="none", segments=segments, levers={"letters": letters})


def plan_of(twin: Twin, *money: float) -> np.ndarray[Any, Any]:
    """Return so much a head of the new, by segment."""
    out = np.zeros((1, *twin.targets.shape))
    out[0, :, twin.targets.stages.index("new"), 0] = money
    return out


def test_money_works_on_similar_segments_by_hand() -> None:
    """1.2 each on a is 1,000 above today's: half of it is 1 a head in b, a fifth and nothing of b's 1 a head in c."""
    twin = build(parse(towns()))
    history = expected_history(twin.chain, plan_of(twin, 1.2, 0.2, 0.2))
    works = np.array([1.2, 0.2 + 0.5 * 1000 / 500, 0.2 + 0.2 * 1000 / 200])
    want = np.array([1000, 500, 200]) * 20 * (1 + works / 10) / (1 + 0.02)
    np.testing.assert_allclose(history.revenue[0].sum(axis=1), want, rtol=1e-12)
    np.testing.assert_allclose(history.spend.sum(), 1200 + 100 + 40)
    today = expected_history(twin.chain, plan_of(twin, 0.2, 0.2, 0.2))
    np.testing.assert_allclose(today.revenue[0].sum(axis=1), np.array([1000, 500, 200]) * 20, rtol=1e-12)
    less = expected_history(twin.chain, plan_of(twin, 0.0, 0.2, 0.2))
    np.testing.assert_allclose(less.revenue[0, 1].sum(), 500 * 20 / 1.02, rtol=1e-12)  # .2 - .5 x 200/500, at least 0
    assert twin.chain.couples


def test_a_plan_for_one_is_worth_what_it_does_for_others() -> None:
    """Without spill-over the same money is worth less, by just what the others buy more."""
    twin = build(parse(towns()))
    alone = build(parse(towns(spills_over={})))
    assert not alone.chain.couples
    plan = plan_of(twin, 1.2, 0.2, 0.2)
    spilled = 20 * (500 * 1.0 + 200 * 1.0) / 10 / 1.02
    assert asset_of(twin.chain, plan) - asset_of(alone.chain, plan) == pytest.approx(spilled, rel=1e-9)


def test_a_share_of_nothing_moves_nothing() -> None:
    """Neither a bit nor what is proved: it is as if it were not stated."""
    twin, plain = build(parse(towns(spills_over={"b": {"a": 0.0}}))), build(parse(towns(spills_over={})))
    plan = plan_of(twin, 1.2, 0.2, 0.2)
    assert not twin.chain.couples
    assert asset_of(twin.chain, plan) == asset_of(plain.chain, plan)


@pytest.mark.parametrize("spills", [{"b": {"a": 0.5}}, {}])
def test_what_a_unit_adds_where_a_medium_saturates_and_nothing_is_spent_yet(spills: dict[str, Any]) -> None:
    """By hand, T_ref = .2 x 1,700: of 1,200 spent on a alone a unit anywhere works as (S + T_ref)/(S + 1,200)."""
    twin = build(parse(towns(saturation=100.0, spills_over=spills)))
    _, alone = twin.chain.crowd.media.works(plan_of(twin, 1.2, 0.0, 0.0)[0], twin.chain.crowd.start)
    new = alone[:, twin.targets.stages.index("new"), 0]
    np.testing.assert_allclose(new, np.full(3, (100 + 340) / (100 + 1200)), rtol=1e-12)


def test_check_says_what_spills_over() -> None:
    """Each pair of segments in words."""
    said = timing_in_words(parse(towns()).levers["letters"], "month")
    assert said[0] == "of its money on “a” 50 % works on “b” too"
    assert len(said) == 3


REFUSED: dict[str, tuple[Content, str]] = {
    "unknown to": ({"spills_over": {"d": {"a": 0.5}}}, "levers.letters.spills_over: 'd' is not known"),
    "unknown from": ({"spills_over": {"b": {"d": 0.5}}}, "levers.letters.spills_over.b: 'd' is not known"),
    "to itself": ({"spills_over": {"b": {"b": 0.5}}}, "levers.letters: spills_over: from a segment to itself"),
    "more than all": ({"spills_over": {"b": {"a": 1.5}}}, "levers.letters.spills_over.b.a"),
    "terms": ({"pays": "service"}, "levers.letters: pays: service spends no marketing money, and spills_over is"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused(what: str) -> None:
    """In one line, by the key."""
    changes, said = REFUSED[what]
    with pytest.raises(ScenarioError) as told:
        parse(towns(**changes))
    assert said in str(told.value)
    assert "\n" not in str(told.value)
