"""Customers who are there already: what age and stage say of them, against closed forms and against lives lived."""

from typing import Any

import numpy as np
import pytest
from checks import chain_of
from everything import grown
from markets import LINE, MIX, Content, Floats, small
from plain.market import PlainMarket
from plain.people import Person
from plain.small import steady

from sim.customers.established import lived
from sim.customers.retention import retention_of
from sim.engine.chain import ALIVE
from sim.engine.state_space import state_index
from sim.errors import ScenarioError
from sim.scenario.file import STAGES, parse
from sim.twin import build

LEAVING = {"shape": 1.2, "rate": 10.0}
BUYING = {"shape": 1.5, "rate": 2.0}


def firm(start: Content, law: str = "contractual", **changes: Any) -> Content:
    """Return a market of one segment, customers of which stand where it says."""
    traits = {"purchase_rate": 1 if law == "renewal" else BUYING, "defection_rate": LEAVING, "spend": 20.0}
    content = small(law=law, segments={"all": {"start": start, "traits": traits}})
    return {**content, "stages": {"core": 3, "declining": 2, "lapsed": 4}, **changes}


def expected(content: Content) -> tuple[Floats, Floats, Floats]:
    """Return purchase rates and defection rates, and expected customers at the start by block."""
    chain = chain_of(content)
    return chain.purchase_rate, chain.defection_rate, chain.initial.sum(axis=1)


@pytest.mark.parametrize("age", [0, 6, 36, 240])
def test_survivors_have_the_gamma_posterior(age: int) -> None:
    """Leaving is seen: ``mu ~ Gamma(s, beta + T)``; its mean, and who stays one period and twelve more."""
    _, leaving, people = expected(firm({"core": {"count": 1000, "age": max(age, 3)}}))
    until = LEAVING["rate"] + max(age, 3)
    assert people.sum() == pytest.approx(1000)
    assert people @ leaving / 1000 == pytest.approx(LEAVING["shape"] / until, rel=2e-3)
    for periods in (1, 12):
        stays = (until / (until + periods)) ** LEAVING["shape"]
        assert people @ np.exp(-periods * leaving) / 1000 == pytest.approx(stays, rel=5e-4)
    found = retention_of(parse(firm({"core": {"count": 1000, "age": max(age, 3)}})), None)["all"]
    assert (found.customers, found.leaving) == (1000, pytest.approx(LEAVING["shape"] / until))


def cohort(age: int, number: int = 300_000) -> dict[str, Floats]:
    """Return a cohort won ``age`` periods ago, in continuous time by NumPy alone, and the stage of each."""
    rng = np.random.default_rng(3)
    buys, leaves = (rng.gamma(law["shape"], 1 / law["rate"], number) for law in (BUYING, LEAVING))
    there = np.clip(rng.exponential(1, number)[:, None] / leaves[:, None] - np.arange(age), 0, 1)
    bought = rng.poisson(buys[:, None] * there)
    last = np.where(bought > 0, np.arange(1, age + 1), 0).max(axis=1)
    silent, count = age - last, 1 + bought.sum(axis=1)
    stage = np.select(
        [silent >= 4, silent >= 2, count >= 3, count == 1], ["lapsed", "declining", "core", "new"], "developing"
    )
    return {"buys": buys, "leaves": leaves, "alive": there[:, -1] == 1, "stage": stage}


@pytest.mark.parametrize(("stage", "age"), [("core", 9), ("declining", 5), ("lapsed", 12), ("developing", 1)])
def test_who_is_seen_in_a_stage_is_who_of_a_cohort_got_there(stage: str, age: int) -> None:
    """Leaving is silent: mean rates and how many are still there, in classes and among agents, as in a simulation."""
    content = firm({"prospect": 5, "core": {"count": 0, "age": 7}, stage: {"count": 4000, "age": age}}, "silent")
    known = cohort(age)
    here = known["stage"] == stage
    want = {name: known[name][here].astype(float) for name in ("buys", "leaves", "alive")}
    twin = build(parse(content))
    chain, space = twin.chain, twin.chain.space
    alive = space.kind == ALIVE
    people = chain.initial.copy()
    people[:, 1] = 0
    got = {
        "buys": people.sum(axis=1) @ chain.traits[0],
        "leaves": people.sum(axis=1) @ chain.traits[1],
        "alive": people[:, alive].sum(),
    }
    for name, values in want.items():
        error = values.std() / np.sqrt(values.size)
        assert got[name] / 4000 == pytest.approx(values.mean(), rel=4e-3, abs=5 * error), name
    assert not people[:, space.stage[0] != STAGES.index(stage)].any()
    for kind in ("individual", "classes"):
        drawn = twin.population(1, 0, kind)
        who = np.flatnonzero(drawn.state > 1)
        assert who.size == 4000
        assert (space.stage[0][drawn.state[who]] == STAGES.index(stage)).all()
        of_agents = {
            "buys": drawn.purchase_rate[who].astype(float),
            "leaves": drawn.defection_rate[who].astype(float),
            "alive": alive[drawn.state[who]].astype(float),
        }
        for name, values in of_agents.items():
            error = 4.5 * values.std() / 63
            assert values.mean() == pytest.approx(want[name].mean(), rel=4e-3, abs=error), (kind, name)


def test_a_firm_that_knows_only_counts() -> None:
    """Under renewals who is core has paid three times at least: 2 periods ago at the latest, unless it is said."""
    chain = chain_of(firm({"core": 300, "developing": 50, "new": 10}, "renewal"))
    space = chain.space
    there = {(int(space.bought[s]), int(space.silent[s])): n for s, n in enumerate(chain.initial.sum(axis=0)) if n}
    assert there == pytest.approx({(3, 0): 300, (2, 0): 50, (1, 0): 10})
    people, leaving = chain.initial.sum(axis=1), chain.defection_rate
    shape, rate = LEAVING["shape"], LEAVING["rate"]
    want = (300 * shape / (rate + 2) + 50 * shape / (rate + 1) + 10 * shape / rate) / 360
    assert people @ leaving / 360 == pytest.approx(want, rel=2e-3)


def test_satisfaction_and_ties_as_stated_or_as_in_the_data() -> None:
    """Half the core are delighted and doubly tied, because the scenario says so; the others are like everybody."""
    happy = {"count": 400, "age": 6, "satisfaction": [0, 0, 0, 0, 1], "ties": [0, 0, 1, 0]}
    content = firm(
        {"core": [happy, {"count": 400, "age": 6}]},
        satisfaction={"mix": MIX, "defection_per_level": 0.2},
        links={"mix": [0.1, 0.2, 0.3, 0.4]},
    )
    twin = build(parse(content))
    space, at_start = twin.chain.space, twin.chain.initial.sum(axis=0)
    by_level = np.array([at_start[space.level == k].sum() for k in range(1, 6)])
    np.testing.assert_allclose(by_level, 400 * np.array(MIX) + [0, 0, 0, 0, 400])
    by_ties = np.array([at_start[space.ties == k].sum() for k in range(4)])
    np.testing.assert_allclose(by_ties, [40, 80, 520, 160])
    drawn = twin.population(2, 0).state
    assert (space.level[drawn[:400]] == 5).all()
    assert (space.ties[drawn[:400]] == 2).all()
    assert np.bincount(space.level[drawn[400:]], minlength=6)[1:] == pytest.approx(400 * np.array(MIX), abs=40)


def test_who_is_kept_does_not_depend_on_how_many_are_asked_for() -> None:
    """The first twenty of a hundred are the same twenty; other people at the start change nobody."""
    few = build(parse(firm({"core": {"count": 20, "age": 8}}))).population(4, 1)
    many = build(parse(firm({"core": {"count": 100, "age": 8}, "prospect": 7}))).population(4, 1)
    for name in ("identity", "state", "purchase_rate", "defection_rate", "mean_spend"):
        np.testing.assert_array_equal(getattr(few, name), getattr(many, name)[:20], err_msg=name)


def test_the_past_is_lived_as_the_plain_market_lives() -> None:
    """A cohort of the plain market after six periods, everything on but what comes from outside, is spread as said."""
    content = {**grown("silent"), "periods": 6}
    for key in ("competitors", "shocks", "seasons", "employees", "word_of_mouth", "survey"):
        content.pop(key)
    content["segments"] = {"shops": content["segments"]["shops"]}
    shops = content["segments"]["shops"]
    del shops["value_to_customer"]
    shops["start"] = {"new": 1}
    content["levers"] = {name: each for name, each in content["levers"].items() if name != "training"}
    for each in content["levers"].values():
        each["by_segment"] = {name: own for name, own in each.get("by_segment", {}).items() if name == "shops"}
    chain, number = chain_of(content), 6000
    rng = np.random.default_rng(8)
    mix, ties = content["satisfaction"]["mix"], content["links"]["mix"]
    people = [
        Person(
            i, "shops", "alive", 0.8, 0.1, 10.0, bought=1,
            level=int(rng.choice(5, p=mix)) + 1, ties=int(rng.choice(4, p=ties)),
        )
        for i in range(number)
    ]  # fmt: skip
    usual = {
        name: each.get("by_segment", {}).get("shops", {}).get("reference", each["reference"])
        for name, each in content["levers"].items()
    }
    scenario = parse(content)
    for lever in scenario.levers.values():  # media are saturated by heads at the start, of whom there are none here
        object.__setattr__(lever, "saturation", None)
        object.__setattr__(lever, "committed", None)
    PlainMarket(scenario, steady(**usual), people, seed=5).run()
    truth = {"alive": ALIVE, "gone": ALIVE + 1, "lost": ALIVE + 2}
    columns = [[truth[p.truth], p.bought, p.silent, p.level, p.ties, p.kept] for p in people]
    state = state_index(chain.space, *np.array(columns).T)
    share = lived(chain, 0, np.array([0.8]), np.array([0.1]), 6)[0]
    for what in (chain.space.stage[0], chain.space.kind, chain.space.level, chain.space.ties + 1, chain.space.kept):
        want, got = np.bincount(what, weights=share), np.bincount(what[state], minlength=what.max() + 1) / number
        error = np.sqrt(want * (1 - want) / number)
        assert (np.abs(got - want) < 4.5 * error + 1e-12).all(), (want, got)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ({"core": {"count": 10, "age": 1}}, "of customers won 1 month ago 0 in a thousand are seen as core"),
        ({"new": {"count": 10, "age": 30}}, "state another age"),
        ({"kore": 10}, "did you mean 'core'?"),
        ({"prospect": {"count": 10, "age": 3}}, "start.prospect: expected a number"),
        ({"core": {"count": 10, "ago": 3}}, "start.core.ago: unknown key; did you mean 'age'?"),
        ({"core": {"age": 3}}, "start.core.count: missing"),
        ({"core": {"count": 10, "ties": [1, 0, 0, 0]}}, "needs `links:`"),
        ({"core": {"count": 10, "satisfaction": [1, 0, 0, 0, 0.5]}}, "shares that add up to 1, got 1.5"),
        ({"core": {"count": -1}}, "start.core.count: input should be greater than or equal to 0, got -1"),
    ],
)
def test_what_cannot_be_is_said(start: Content, expected: str) -> None:
    """One line: where, what, and what to do."""
    with pytest.raises(ScenarioError) as told:
        build(parse(firm(start, "renewal", satisfaction={"mix": MIX} if "satis" in str(start) else None)))
    assert expected in str(told.value)
    assert "\n" not in str(told.value)


def test_levers_that_are_off_leave_a_line() -> None:
    """A lever without effect on the past, such as one on prospects, changes nobody who is there."""
    lever = {"targets": ["prospect"], "reference": 0, "moves": {"acquisition": LINE}}
    one, other = (
        chain_of(firm({"core": {"count": 10, "age": 5}}, **more)).initial.sum(axis=1)
        for more in ({}, {"levers": {"offer": lever}})
    )
    np.testing.assert_array_equal(one, other)
