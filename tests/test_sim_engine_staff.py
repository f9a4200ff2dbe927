"""Employees who leave, by hand: the cost of replacing them, ties that go with them, what more satisfaction saves."""

import math
from typing import Any

import numpy as np
import pytest
from checks import asset_of
from markets import LINE, MIX, Content, small

from experiments.words.mechanisms import market_in_words
from optimizer.ask.problem import allocation_problem
from optimizer.bound.decomposition import full_information
from sim.engine.fluid import expected_history
from sim.errors import ScenarioError
from sim.scenario.file import parse
from sim.twin import build

TURNOVER = {"usual": 0.04, "falls": 0.1, "per_customer": 0.05, "cost": 200.0}


def staffed(**changes: Any) -> Content:
    """Return 1,000 customers just won whom nothing makes leave, and employees who come half way back each month."""
    traits = {"purchase_rate": 2.0, "defection_rate": 0.0, "spend": 10.0}
    content = small(
        satisfaction={"mix": MIX}, segments={"all": {"start": {"new": 1000}, "traits": traits}},
        employees={"usual": 60, "start": 64, "reversion": 0.5, "bring": 0, "turnover": TURNOVER},
    )  # fmt: skip
    return {**content, **changes}


def as_today(content: Content) -> Any:
    """Return what is expected under today's spend."""
    twin = build(parse(content))
    return expected_history(twin.chain, np.repeat(twin.targets.reference[None], twin.chain.periods, axis=0))


def test_replacing_employees_costs_by_hand() -> None:
    """At 64, 62, 61, 60.5 points .04 .9^4, .9^2, .9, .9^.5 of .05 employees a customer leave, 200 each."""
    history = as_today(staffed())
    np.testing.assert_allclose(history.employees, [64, 62, 61, 60.5, 60.25])
    each = 0.05 * 0.04 * 200 * 0.9 ** np.array([4, 2, 1, 0.5])
    np.testing.assert_allclose(history.cost_to_serve.sum(axis=(1, 2)), 1000 * each, rtol=1e-12)
    plain = as_today(staffed(employees={"usual": 60, "start": 64, "reversion": 0.5, "bring": 0}))
    np.testing.assert_allclose((plain.reward - history.reward).sum(axis=(1, 2)), 1000 * each, rtol=1e-12)


def test_nobody_leaves_twice() -> None:
    """Far below the usual all leave, and no more than all."""
    employees = {"usual": 60, "start": 0, "reversion": 0.0, "bring": 0, "turnover": TURNOVER}
    history = as_today(staffed(employees=employees))
    np.testing.assert_allclose(history.cost_to_serve.sum(axis=(1, 2)), 1000 * 0.05 * 200)


@pytest.mark.parametrize("alike", [True, False])
def test_ties_are_lost_less_readily_to_the_satisfied(alike: bool) -> None:
    """Each has one tie; its employee leaves with chance .2 x .9^(E - 60), plus .1 by a shock, and all follow."""
    links: Content = {"mix": [0, 1, 0, 0], "turnover": 0.2}
    if not alike:
        links = {"kinds": {"desk": {"share": 1.0, "turnover": 0.2}}}
    shock = [{"name": "hired away", "start": 1, "end": 2, "route": "turnover", "size": 0.1}]
    history = as_today(staffed(links=links, shocks=shock))
    stay = 1 - (0.2 * 0.9 ** np.array([4, 2, 1, 0.5]) + [0, 0.1, 0, 0])
    np.testing.assert_allclose(history.alive.sum(axis=1), 1000 * np.append(1, np.cumprod(stay)), rtol=1e-12)


def test_without_what_follows_nothing_moves() -> None:
    """A turnover that costs next to nothing and falls with nothing is that of no statement, to the last bits."""
    content = staffed(links={"mix": [0.4, 0.3, 0.2, 0.1], "turnover": 0.1})
    silent = {
        **content,
        "employees": {key: content["employees"][key] for key in ("usual", "start", "reversion", "bring")},
    }
    free = {**content, "employees": {**silent["employees"], "turnover": {"usual": 0.5, "falls": 1e-300}}}
    one, other = as_today(silent), as_today(free)
    np.testing.assert_array_equal(one.reward, other.reward)
    np.testing.assert_array_equal(one.people, other.people)


def test_no_random_plan_beats_the_bound() -> None:
    """Employees on schedule alone leave customers independent: the bound counts their cost and the ties they take."""
    chance = {"without_money": 0.0, "unlimited_money": 0.4, "spend": 0.5, "brings": 0.1}
    kinds = {"desk": {"share": 0.1, "turnover": 0.2, "follow": 0.1, "defection_per_link": 0.9}}
    content = staffed(
        periods=6, terminal="none", margin=0.5, links={"kinds": kinds}, stages={"core": 2, "declining": 1, "lapsed": 2},
        levers={"visits": {"targets": ["new", "core"], "reference": 0.2, "moves": {"links_desk": chance}}},
    )  # fmt: skip
    content["segments"]["all"]["traits"] |= {"defection_rate": 0.1, "spend": 60.0}
    content["employees"] |= {"start": 45, "reversion": 0.2}
    twin = build(parse(content))
    assert twin.chain.bounded
    bound = full_information(allocation_problem(twin, 2000.0), 1e-3).bound
    rng, best = np.random.default_rng(3), -math.inf
    for _ in range(40):
        plan = np.where(twin.targets.allowed, rng.gamma(0.5, 1.0, (6, *twin.targets.shape)), 0.0) * rng.random()
        plan *= 2000.0 / max(2000.0, 2 * float(expected_history(twin.chain, plan).spend.sum()))
        best = max(best, asset_of(twin.chain, plan))
    cheap = build(parse({**content, "employees": {**content["employees"], "turnover": {**TURNOVER, "cost": 1.0}}}))
    assert asset_of(twin.chain, 0 * plan) < best <= bound
    dearer = full_information(allocation_problem(cheap, 2000.0), 1e-3).bound - bound
    assert dearer > 0.9 * (asset_of(cheap.chain, 0 * plan) - asset_of(twin.chain, 0 * plan)) > 0


REFUSED = {
    "nothing follows": ({"usual": 0.1}, "employees.turnover: states nothing that follows"),
    "a cost of nobody": ({"usual": 0.1, "cost": 100}, "employees.turnover: per_customer: missing"),
    "whom it costs nothing": ({"usual": 0.1, "per_customer": 0.1}, "employees.turnover: cost: missing"),
    "beyond all": ({"usual": 0.1, "falls": 0.95}, "employees.turnover.falls"),
    "fewer who take nobody along": ({"usual": 0.1, "falls": 0.1}, "employees.turnover.falls: needs `links:`"),
    "a mistyped key": ({"usual": 0.1, "fall": 0.1}, "employees.turnover.fall: unknown key; did you mean 'falls'?"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused(what: str) -> None:
    """In one line, by the key."""
    turnover, said = REFUSED[what]
    with pytest.raises(ScenarioError) as told:
        parse(staffed(employees={"usual": 60, "turnover": turnover}))
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_check_says_who_leaves_and_what_it_costs() -> None:
    """A customer's part is .04 x .05 x 200 = .4 a month."""
    said = " ".join(market_in_words(parse(staffed(links={"mix": [1, 0, 0, 0]}))))
    assert (
        "At the usual satisfaction 4 % of employees leave each month, 10 % fewer for each point more, and ties to them"
        in said
    )
    assert "replacing one costs 200, with 0.05 of them a customer 0.4 a customer and month" in said


def test_scenarios_of_before_keep_their_name() -> None:
    """A turnover that is not stated does not change what a scenario is called by."""
    silent = {key: each for key, each in staffed()["employees"].items() if key != "turnover"}
    assert "turnover" not in silent
    assert parse(staffed(employees=silent)).hash[:12] == "9fbe548f2574"
    assert parse(staffed(employees={**silent, "turnover": TURNOVER})).hash[:12] != "9fbe548f2574"


def test_trained_employees_pay_by_those_who_need_no_replacing() -> None:
    """A lever on employees moves nothing but turnover here, and the asset rises by what is saved less what it costs."""
    lever = {"targets": ["new", "developing", "core"], "reference": 0, "moves": {"employee": LINE}}
    content = staffed(levers={"training": lever}, terminal="none")
    content["employees"]["start"] = 60
    twin = build(parse(content))
    plan = np.zeros((4, *twin.targets.shape))
    plan[0] = np.where(twin.targets.allowed, 1.0, 0.0)
    points = 60 + 0.1 * 0.5 ** np.array([0.0, 1, 2])
    saved = 1000 * 0.4 * (1 - 0.9 ** (points - 60))
    gain = asset_of(twin.chain, plan) - asset_of(twin.chain, 0 * plan)
    assert gain == pytest.approx(float(saved @ twin.chain.discount[1:4]) - 1000, rel=1e-9)
