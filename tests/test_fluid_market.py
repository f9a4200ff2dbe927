"""Agents against their expectation with everything switched on, values for ever against dense systems, schedules."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_market import employee_slope, entry_level, long_run_shares, relative
from plain_market import mean_points as plain_mean_points
from test_sim_market import crowded
from test_sim_reference import LAWS, Noting, small

from sim.customers.population import defection_classes
from sim.engine import agent_kernels
from sim.engine.attitudes import Attitudes, mean_points, shifted
from sim.engine.chain import ALIVE, transition_matrix, value_to_go
from sim.engine.crowd import scheduled_environment
from sim.engine.effects import (
    NEUTRAL,
    TO_AWARE,
    TO_DEFECTION,
    TO_RATE,
    TO_RIVALS,
    TO_SATISFIED,
    TO_TURNOVER,
    TO_WON,
)
from sim.engine.fluid import expected_history
from sim.engine.lifecycle import Lifecycle
from sim.errors import ScenarioError
from sim.history import History
from sim.market.agents import Agents
from sim.market.clock import Market
from sim.scenario.file import parse
from sim.twin import Twin, build
from sim.valuation import customer_asset

Content = dict[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]


@pytest.fixture(autouse=True)
def _nodes_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the nodes of a law's classes, which each replication would find again."""
    monkeypatch.setattr("sim.customers.synthetic.defection_classes", cache(defection_classes))


def lifecycle_of(twin: Twin) -> Lifecycle:
    assert isinstance(twin.chain, Lifecycle)
    return twin.chain


# --- Agents and their expectation -------------------------------------------------------------------------------------


def uncoupled(law: str, factor: float) -> Content:
    """Return everything but what lets one customer change the odds of another."""
    content = crowded(law, factor)
    del content["word_of_mouth"]
    for rival in content["competitors"]:
        rival.pop("reaction", None)
        rival.pop("most", None)
    for lever in content["levers"].values():
        lever.pop("saturation", None)
    del content["levers"]["training"]
    return content


def figures(history: History, chain: Lifecycle) -> dict[str, Floats]:
    """Return every figure of a history by name, and its worth."""
    asset = customer_asset(history, chain.discount_rate)
    names = ("people", "moves", "purchases", "revenue", "reward", "cost_to_serve", "bad_debt", "spend")
    return {
        **{name: getattr(history, name) for name in names},
        "satisfaction": history.satisfaction,
        "share": np.nan_to_num(history.share),
        "asset": np.array([asset.total, asset.within_horizon, asset.after_horizon]),
        **{f"events {name}": number for name, number in history.events.items()},
    }


@dataclass
class Drawn:
    """Many replications of one market, as sums: mean and standard error of every figure."""

    number: int
    mean: dict[str, Floats]
    error: dict[str, Floats]


def replicate(twin: Twin, number: int, seed: int) -> tuple[Drawn, Floats]:
    """Return agents of the classes under one plan without a budget, and the intensities that acted."""
    total: dict[str, Floats] = {}
    squares: dict[str, Floats] = {}
    first: dict[str, Floats] = {}
    acting = np.zeros(0)
    for k in range(number):
        policy = Noting(twin.scenario)
        market = Market(twin, policy, twin.population(seed, k, "classes"), seed=seed, replication=k)
        for name, value in figures(market.run(), lifecycle_of(twin)).items():
            shift = first.setdefault(name, value.astype(float))
            total[name] = total.get(name, 0.0) + (value - shift)
            squares[name] = squares.get(name, 0.0) + (value - shift) ** 2
        acting = market._campaigns.acting
    mean = {name: value / number for name, value in total.items()}
    error = {name: np.sqrt(np.maximum(squares[name] / number - mean[name] ** 2, 0) / (number - 1)) for name in mean}
    return Drawn(number, {name: first[name] + mean[name] for name in mean}, error), acting


@pytest.mark.parametrize("law", LAWS)
def test_agents_of_the_classes_agree_with_the_fluid_twin(law: str) -> None:
    """|z| < 4.5 for every figure with a standard error below 2 %, all mechanisms on that leave customers independent.

    Levels of satisfaction, ties, employees on schedule, qualities, births, costs to serve, shocks, seasons, rivals, a
    share of customer, lead times and campaigns. What cannot be in expectation never is.
    """
    twin = build(parse(uncoupled(law, 20.0)))
    chain = lifecycle_of(twin)
    assert not chain.crowd.couples
    drawn, acting = replicate(twin, 120, seed=12)
    expected = figures(expected_history(chain, acting), chain)
    scores, counted = [], {}
    for name, want in expected.items():
        mean, error = drawn.mean[name], drawn.error[name]
        np.testing.assert_array_equal(mean[want == 0], 0, err_msg=name)
        known = (error > 0) & (error < 0.02 * np.abs(want))
        scores.append(((mean - want)[known] / error[known]).ravel())
        counted[name] = int(known.sum())
        assert np.abs(scores[-1]).max(initial=0) < 4.5, name
    every = np.concatenate(scores)
    assert every.size > 2000
    assert 0.8 < every.std() < 1.2
    assert counted["asset"] == 3
    assert counted["satisfaction"] >= 36
    assert (counted["share"] > 20) == (law != "renewal")
    for name in ("people", "moves", "purchases", "revenue", "reward", "cost_to_serve", "bad_debt", "spend"):
        assert counted[name] > 20, name
    for name in ("won", "returned", "left", "lost", "aware"):
        assert counted[f"events {name}"] > 10, name


def per_head(history: History, chain: Lifecycle) -> dict[str, float]:
    """Return figures of a history that do not depend on how many people there are, in the limit."""
    people = float(history.people[0].sum())
    return {
        "asset": customer_asset(history, chain.discount_rate).total / people,
        "revenue": float(history.revenue.sum()) / people,
        "spend": float(history.spend.sum()) / people,
        "purchases": float(history.purchases.sum()) / people,
        **{name: float(number.sum()) / people for name, number in history.events.items()},
        **{f"alive {g}": float(number) / people for g, number in enumerate(history.alive[-1])},
        **{f"satisfaction {g}": float(points) for g, points in enumerate(history.satisfaction[-1])},
        "employees": float(history.employees[-1]),
    }


BIAS = 1.0
"""How far, relatively, the mean of N customers may be from the limit of many: this over N. Measured: less than that."""


def without_word_of_mouth(content: Content) -> None:
    del content["word_of_mouth"]


def without_reactions(content: Content) -> None:
    for rival in content["competitors"]:
        rival.pop("reaction", None)
        rival.pop("most", None)


def without_saturation(content: Content) -> None:
    for lever in content["levers"].values():
        lever.pop("saturation", None)


def without_training(content: Content) -> None:
    flat = {"shape": "piecewise-linear", "points": [[0, 0], [1, 0]]}
    content["levers"]["training"]["moves"]["employee"] = flat


COUPLINGS = (without_word_of_mouth, without_reactions, without_saturation, without_training)


@dataclass
class Gathered:
    """Figures per head of many replications, and the fluid twin's."""

    twin: Twin
    acting: Floats
    people: float
    want: dict[str, float]
    mean: dict[str, float]
    error: dict[str, float]

    def beyond(self, want: dict[str, float]) -> list[str]:
        """Return what is further from ``want`` than ``BIAS/N`` and three standard errors, relatively."""
        allowed = {name: BIAS / self.people + 3 * self.error[name] / abs(want[name]) for name in want}
        return [name for name in want if abs(self.mean[name] / want[name] - 1) > allowed[name]]


def gather(law: str, factor: float, replications: int) -> Gathered:
    """Return agents with everything on against their limit."""
    twin = build(parse(crowded(law, factor)))
    chain = lifecycle_of(twin)
    assert chain.crowd.couples
    drawn: list[dict[str, float]] = []
    acting = np.zeros(0)
    for k in range(replications):
        market = Market(twin, Noting(twin.scenario), twin.population(31, k, "classes"), seed=31, replication=k)
        drawn.append(per_head(market.run(), chain))
        acting = market._campaigns.acting
    history = expected_history(chain, acting)
    want = per_head(history, chain)
    table = {name: np.array([one[name] for one in drawn]) for name in want}
    return Gathered(
        twin,
        acting,
        float(history.people[0].sum()),
        want,
        {name: float(values.mean()) for name, values in table.items()},
        {name: float(values.std(ddof=1) / math.sqrt(replications)) for name, values in table.items()},
    )


def assert_limit(law: str, replications: tuple[int, int, int]) -> None:
    """Hold the mean of a thousand, ten and a hundred thousand people to the fluid twin, but for a bias of 1/N.

    And so near that the fluid twin without any one of the couplings is not it.
    """
    for factor, number in zip((1.15, 11.5, 115.0), replications, strict=True):
        found = gather(law, factor, number)
        assert found.beyond(found.want) == [], f"{found.people:.0f} people"
    assert max(found.error[name] / abs(found.want[name]) for name in found.want) < 0.005
    for switch_off in COUPLINGS:
        content = crowded(law, 115.0)
        switch_off(content)
        chain = lifecycle_of(build(parse(content)))
        other = per_head(expected_history(chain, found.acting), chain)
        assert found.beyond(other), switch_off.__name__


def test_coupled_agents_are_near_their_limit() -> None:
    """Word of mouth, rivals who react, saturated media and trained employees on: many agents are the fluid twin."""
    assert_limit("silent", (200, 80, 60))


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_coupled_agents_are_near_their_limit_under_every_law(law: str) -> None:
    """More of them."""
    assert_limit(law, (1000, 300, 100))


# --- Values for ever --------------------------------------------------------------------------------------------------


def dense_values(chain: Lifecycle) -> tuple[Floats, Floats]:
    """Return what customers earn and cost for ever by (block, state), each block's system solved whole."""
    step = chain.step(chain.environment[-1], chain.targets.reference)
    rows = np.arange(chain.group.size)[:, None]
    system = np.eye(chain.block_law.shape[1]) - transition_matrix(chain, step) / (1 + chain.discount_rate)
    spend = chain.targets.reference.sum(axis=2)[chain.group[:, None], chain.block_stage]
    right = np.stack([step.reward[rows, chain.block_law], spend], axis=2)
    value = np.linalg.solve(system, right)
    return value[:, :, 0], value[:, :, 1]


@pytest.mark.parametrize("law", LAWS)
def test_value_to_go_is_that_of_the_whole_system(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set after set of states, with levels and ties, is the whole linear system of every block at once."""
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (2, 1))
    chain = lifecycle_of(build(parse(crowded(law))))
    assert len(chain.space.names) == 662
    earned, spent = value_to_go(chain)
    want_earned, want_spent = dense_values(chain)
    np.testing.assert_allclose(earned, want_earned, rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(spent, want_spent, rtol=1e-10, atol=1e-9)
    np.testing.assert_array_equal(chain.terminal, earned - spent)
    alive = chain.space.kind == ALIVE
    assert np.ptp(earned[:, alive], axis=1).min() > 1  # levels, ties and thresholds make a difference
    assert want_spent.max() > 1


def short_of_states(law: str) -> Content:
    """Return everything with fewer states: one's own thresholds are few."""
    content = crowded(law, stages={"core": 3, "declining": 1, "lapsed": 2})
    content["segments"]["shops"]["stages"] = {"core": 2, "declining": 1, "lapsed": 2}
    del content["segments"]["households"]["quality"][0]
    for kind in content["segments"]["households"]["quality"]:
        kind["share"] = 0.5
    return content


def assert_own_values(law: str, share: float) -> None:
    """Hold customers of every quality, level and ties to ``share`` of what their own dense system earns and costs."""
    content = short_of_states(law)
    twin = build(parse(content))
    chain = lifecycle_of(twin)
    who = twin.population(3, 0)
    states = len(chain.space.names)
    rng = np.random.default_rng(5)
    picked = np.sort(rng.choice(who.size, 100, replace=False))
    cohort = who.cohort[picked]
    first = np.searchsorted(twin.block_cohort, cohort)
    ones = {
        name: getattr(who, name)[picked].astype(float) for name in ("purchase_rate", "defection_rate", "mean_spend")
    }
    own = replace(
        chain,
        group=twin.cohort_group[cohort],
        initial=np.zeros((100, states)),
        arrivals=np.zeros((0, 100, states)),
        acquisition=chain.acquisition[first],
        bad_debt=chain.bad_debt[first],
        serve=chain.serve[first],
        **ones,
    )
    earned, spent = dense_values(own)
    served, _ = dense_values(replace(own, mean_spend=np.zeros(100)))
    scale = np.abs(earned - served) + np.abs(served) + spent
    assert np.unique(cohort).size == 4
    assert (served.min(axis=1) < -0.5).all()
    rates, defections, grid, earned_at, spent_at = twin.value_grid
    state = np.arange(states, dtype=np.uint16)
    for i in range(100):
        start = np.where(np.arange(twin.cohort_group.size + 1) > cohort[i], 1, 0)
        alike = [np.float32([ones[name][i]]) for name in ("purchase_rate", "defection_rate", "mean_spend")]
        for s in state:
            total = agent_kernels.value_after(
                0, 1, start, state[s : s + 1], *alike, rates, defections, chain.discount_rate, grid, earned_at,
                spent_at, 2.0**20,
            )  # fmt: skip
            exact = earned[i, s] - spent[i, s]
            assert abs(total / 2.0**20 - exact) <= share * scale[i, s] + 1e-5, chain.space.names[s]
    nobody = np.array([states], dtype=np.uint16)
    worth = agent_kernels.value_after(
        0, 1, start, nobody, *alike, rates, defections, chain.discount_rate, grid, earned_at, spent_at, 2.0**20
    )
    assert worth == 0

    at = rng.integers(0, states, 100).astype(np.uint16)
    few = replace(
        who,
        start=np.searchsorted(cohort, np.arange(twin.cohort_group.size + 1)),
        identity=who.identity[picked],
        state=at,
        arrivals=(),
        **{name: getattr(who, name)[picked] for name in ones},
    )
    total = Agents(twin, few, seed=0, replication=0, shards=3).value_after()
    rows = np.arange(100)
    assert abs(total - (earned - spent)[rows, at].sum()) <= share * scale[rows, at].sum()


def a_fine_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set nodes between which a line is as good as the value itself."""
    monkeypatch.setattr("sim.twin.GRID_RATES", np.concatenate([[0.0], np.geomspace(1e-2, 20, 25)]))
    monkeypatch.setattr("sim.twin.GRID_DEFECTIONS", np.concatenate([[0.0], np.geomspace(1e-4, 3, 80)]))


@pytest.mark.parametrize("law", ["silent", "renewal"])
def test_value_of_individuals_after_the_horizon_is_near_that_of_their_own_system(law: str) -> None:
    """Between the usual nodes: within 1 % for each customer and state.

    It is .5 % for customers without satisfaction and ties, whose value is nearly a line in what it is interpolated in.
    """
    assert_own_values(law, 0.01)


def test_value_of_individuals_is_that_of_their_own_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between fine nodes within .1 %: what is left beside the interpolation is nothing."""
    a_fine_grid(monkeypatch)
    assert_own_values("renewal", 0.001)


@pytest.mark.slow
@pytest.mark.parametrize("law", ["silent", "contractual"])
def test_value_of_individuals_is_that_of_their_own_system_where_they_buy(
    law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the purchase rate matters too, within .5 %."""
    a_fine_grid(monkeypatch)
    assert_own_values(law, 0.005)


def test_everybodys_value_is_counted_where_it_is_lived(monkeypatch: pytest.MonkeyPatch) -> None:
    """As today, on no schedule and without a crowd, the asset is the same for every horizon: with levels and ties."""
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (2, 2))
    # Nodes of the classes that do not depend on the horizon.
    monkeypatch.setattr("sim.customers.synthetic.horizon_rate", lambda scenario: 0.1)
    monkeypatch.setattr("sim.customers.synthetic.LOW_DISCOUNT", 0.0)
    assets = []
    for periods in (1, 7, 30):
        content = {**uncoupled("silent", 1.0), "periods": periods}
        for key in ("seasons", "competitors", "shocks"):
            del content[key]
        content["employees"].pop("start")
        for segment in content["segments"].values():
            segment.pop("births", None)
        for lever in content["levers"].values():
            lever.pop("committed", None)
        twin = build(parse(content))
        history = expected_history(twin.chain, np.repeat(twin.targets.reference[None], periods, axis=0))
        assets.append(customer_asset(history, twin.chain.discount_rate).total)
    np.testing.assert_allclose(assets, assets[0], rtol=1e-10)


# --- What is on schedule ----------------------------------------------------------------------------------------------


def schedule(content: Content) -> Floats:
    """Return the environment as scheduled, (periods + 1, groups, routes)."""
    scenario = parse(content)
    return scheduled_environment(scenario, build(scenario).targets, Attitudes(scenario), scenario.periods)


def two_segments(**changes: Any) -> Content:
    """Return the smallest market with a second segment, six periods, satisfaction, employees and links."""
    content = small(
        periods=6,
        satisfaction={"mix": [0.1, 0.15, 0.3, 0.25, 0.2]},
        employees={"usual": 60, "reversion": 0.5},
        links={"mix": [1, 0, 0, 0], "turnover": 0.1},
    )
    content["segments"]["others"] = copy.deepcopy(content["segments"]["all"])
    return {**content, **changes}


def test_nothing_on_schedule_is_neutral() -> None:
    """Without anything the environment is neutral but for the usual turnover, during and after the horizon."""
    want = NEUTRAL.copy()
    want[TO_TURNOVER] = 0.1
    np.testing.assert_array_equal(schedule(two_segments()), np.tile(want, (7, 2, 1)))


def test_seasons_go_round_and_end_with_the_horizon() -> None:
    """3, 1, 2 by period relative to their mean of 2; afterwards the mean holds."""
    rate = schedule(two_segments(seasons=[3, 1, 2]))[:, :, TO_RATE]
    np.testing.assert_allclose(rate.T, [[1.5, 0.5, 1, 1.5, 0.5, 1, 1]] * 2)


SHOCKS: list[tuple[str, float, int, list[float]]] = [
    ("awareness", -0.5, TO_AWARE, [1, 1, 0.5, 0.5, 1, 1, 1]),
    ("acquisition", 1.0, TO_WON, [1, 1, 2, 2, 1, 1, 1]),
    ("defection", 0.5, TO_DEFECTION, [1, 1, 1.5, 1.5, 1, 1, 1]),
    ("purchase rate", -1.0, TO_RATE, [1, 1, 0, 0, 1, 1, 1]),
    ("satisfaction", -0.05, TO_SATISFIED, [0, 0, -0.05, -0.05, 0, 0, 0]),
    ("turnover", 0.3, TO_TURNOVER, [0.1, 0.1, 0.4, 0.4, 0.1, 0.1, 0.1]),
    ("turnover", 0.95, TO_TURNOVER, [0.1, 0.1, 1, 1, 0.1, 0.1, 0.1]),
]


@pytest.mark.parametrize(("route", "size", "at", "want"), SHOCKS)
def test_a_shock_acts_through_its_route_while_it_lasts(route: str, size: float, at: int, want: list[float]) -> None:
    """From its start to its end, in the segments it hits; one without an end stays for ever."""
    shock = {"name": "s", "start": 2, "end": 4, "route": route, "size": size, "segments": ["others"]}
    usual = schedule(two_segments())
    got = schedule(two_segments(shocks=[shock]))
    np.testing.assert_array_equal(got[:, 0], usual[:, 0])
    np.testing.assert_allclose(got[:, 1, at], want, rtol=1e-14)
    rest = [i for i in range(NEUTRAL.size) if i != at]
    np.testing.assert_array_equal(got[:, :, rest], usual[:, :, rest])
    for_ever = schedule(two_segments(shocks=[{**shock, "end": None}]))
    np.testing.assert_allclose(for_ever[2:, 1, at], want[2], rtol=1e-14)


def test_shocks_and_rivals_multiply_or_add() -> None:
    """Defection 1.5 x 1.2 x 1.1; satisfaction .02 - .05; two rivals for the share .25/.75 + .5/.5."""
    content = two_segments(
        shocks=[
            {"name": "a", "start": 0, "route": "defection", "size": 0.5},
            {"name": "b", "start": 0, "route": "defection", "size": 0.2},
            {"name": "c", "start": 0, "route": "satisfaction", "size": 0.02},
            {"name": "d", "start": 0, "route": "satisfaction", "size": -0.05},
        ],
        competitors=[
            {"name": "a", "start": 0, "route": "defection", "strength": 0.1},
            {"name": "b", "start": 0, "route": "share of customer", "strength": 0.25},
            {"name": "c", "start": 0, "route": "share of customer", "strength": 0.5, "reaction": 1.0, "most": 2.0},
            {"name": "d", "start": 0, "route": "acquisition", "strength": 0.4},
        ],
    )
    now = schedule(content)[0, 0]
    np.testing.assert_allclose(now, [1.98, 0.6, 1, 1, 1 / 3 + 1, -0.03, 0.1], rtol=1e-12)
    assert now[TO_RIVALS] == pytest.approx(4 / 3)


def test_employees_come_back_to_their_usual_on_schedule() -> None:
    """From 80 half way back to 60 each period, five fewer in one; what is above usual shifts satisfaction; then 60."""
    content = two_segments(
        employees={"usual": 60, "start": 80, "reversion": 0.5, "points": 5, "bring": 2},
        shocks=[{"name": "strike", "start": 1, "end": 2, "route": "employee", "size": -5}],
    )
    slope = employee_slope(parse(content))
    points = np.array([80, 70, 60, 60, 60, 60, 60])
    np.testing.assert_allclose(schedule(content)[:, 0, TO_SATISFIED], slope * (points - 60), rtol=1e-9, atol=1e-15)
    assert slope > 0


def test_value_to_the_customer_shifts_its_segment() -> None:
    """.03 per point above the usual: gain 7 less cost 2 where it was 4."""
    content = two_segments()
    content["segments"]["others"]["value_to_customer"] = {"gain": 7, "cost": 2, "usual": 4, "bring": 0.03}
    shift = schedule(content)[:, :, TO_SATISFIED]
    np.testing.assert_array_equal(shift[:, 0], 0)
    np.testing.assert_allclose(shift[:, 1], 0.03, rtol=1e-12)


@pytest.mark.parametrize("law", LAWS)
def test_the_fluid_twin_keeps_to_the_schedule_where_nobody_couples(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under today's spend each period's environment is the scheduled one, employees and seasons included."""
    chain = lifecycle_of(build(parse(uncoupled(law, 1.0))))
    met: list[Floats] = []
    original = Lifecycle.step

    def noting(self: Lifecycle, environment: Floats, intensity: Floats) -> Any:
        met.append(environment.copy())
        return original(self, environment, intensity)

    monkeypatch.setattr(Lifecycle, "step", noting)
    expected_history(replace(chain, with_terminal=False), np.repeat(chain.targets.reference[None], 12, axis=0))
    np.testing.assert_allclose(met, chain.environment[:-1], rtol=1e-12)
    assert len(np.unique(chain.environment[:-1], axis=0)) > 6


COUPLED: list[tuple[str, Callable[[Content], None]]] = [
    ("word of mouth", lambda content: content.update(word_of_mouth=0.5)),
    ("a rival who reacts", lambda content: content.update(competitors=[
        {"name": "r", "start": 0, "route": "defection", "strength": 0.1, "reaction": 1.0}])),
    ("a medium that saturates", lambda content: content["levers"]["idle"].update(saturation=10.0)),
    ("trained employees", lambda content: content["levers"]["idle"].update(
        moves={"employee": {"shape": "piecewise-linear", "points": [[0, 0], [10, 1]]}})),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change"), COUPLED, ids=[name for name, _ in COUPLED])
def test_what_couples_customers_is_known(name: str, change: Callable[[Content], None]) -> None:
    """Each of four mechanisms alone makes what one does matter to others; levels, links, seasons and shocks do not."""
    content = two_segments(seasons=[1, 2], shocks=[{"name": "s", "start": 0, "route": "employee", "size": 1}])
    content["competitors"] = [{"name": "r", "start": 0, "route": "defection", "strength": 0.1}]
    assert not lifecycle_of(build(parse(content))).crowd.couples
    change(content)
    assert lifecycle_of(build(parse(content))).crowd.couples


# --- Satisfaction, ties and employees as numbers ----------------------------------------------------------------------


@st.composite
def mixes(draw: Any) -> list[float]:
    """Mixes of levels: nobody at the ends now and then, somebody everywhere between."""
    weights = draw(st.lists(st.floats(0.01, 1), min_size=5, max_size=5))
    low, high = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    weights = [w if low <= k <= max(low, 4 - high) else 0.0 for k, w in enumerate(weights)]
    return [w / sum(weights) for w in weights]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(mixes(), st.floats(0.05, 1), st.integers(-300, 300), st.floats(0.1, 15))
def test_attitudes_are_those_of_the_plain_market(
    mix: list[float], mobility: float, thousandths: int, bring: float
) -> None:
    """Entry, effects, the long run under a shift and the employees' slope, for any mix without holes."""
    content = small(
        satisfaction={"mix": mix, "mobility": mobility, "defection_per_level": 0.2, "amount_per_level": 0.1},
        employees={"usual": 50, "points": 5, "bring": bring},
        links={"mix": [0.4, 0.3, 0.2, 0.1], "defection_per_link": 0.3},
    )
    scenario, shift = parse(content), thousandths / 1000
    attitudes, satisfaction = Attitudes(scenario), scenario.satisfaction
    assert satisfaction is not None
    assert scenario.links is not None
    between_two = abs(np.array(mix) @ np.arange(1, 6) % 1 - 0.5) < 1e-9
    assert attitudes.entry == entry_level(satisfaction) or between_two
    for column, factor in ((0, 0.8), (1, 1.0), (2, 1.1)):
        by_level = [relative(factor, k, satisfaction.mix) for k in range(5)]
        np.testing.assert_allclose(attitudes.level_effects[1:, column], by_level, rtol=1e-9)
        assert attitudes.level_effects[0, column] == 1
    by_ties = [relative(0.7, k, scenario.links.mix) for k in range(4)]
    np.testing.assert_allclose(attitudes.tie_effects, [*by_ties, 1.0], rtol=1e-12)
    up, down = attitudes.moves[1:].T
    np.testing.assert_allclose(np.array(mix) @ moves_matrix(up, down), mix, atol=1e-12)
    shares = long_run_shares(satisfaction, shift)
    assert mean_points(*shifted(up, down, shift)) == pytest.approx(plain_mean_points(shares), rel=1e-9, abs=1e-9)
    room = 100 - plain_mean_points(mix) - bring
    if room < -1e-3:
        with pytest.raises(ScenarioError, match=r"employees\.bring"):
            _ = attitudes.employee_slope
    elif room > 1e-3:
        assert attitudes.employee_slope == pytest.approx(employee_slope(scenario), rel=1e-6)


@pytest.mark.parametrize("mix", [[0, 0, 0.5, 0, 0.5], [0.5, 0, 0, 0, 0.5], [0.2, 0, 0.3, 0.3, 0.2]])
def test_a_mix_with_a_hole_is_refused_where_employees_shift_it(mix: list[float]) -> None:
    """Nobody crosses a level without a share until something shifts them: it is said in words, and what to do."""
    attitudes = Attitudes(parse(small(satisfaction={"mix": mix}, employees={"usual": 50, "points": 5, "bring": 2})))
    with pytest.raises(ScenarioError, match=r"satisfaction\.mix has a level without a share between others"):
        _ = attitudes.employee_slope


def moves_matrix(up: Floats, down: Floats) -> Floats:
    """Return the chain of levels as a matrix."""
    return np.diag(1 - up - down) + np.diag(up[:-1], 1) + np.diag(down[1:], -1)


def test_more_than_employees_can_bring_is_refused() -> None:
    """Customers at 50 points cannot be lifted by 60."""
    content = small(satisfaction={"mix": [0, 0, 1, 0, 0]}, employees={"usual": 50, "bring": 60})
    with pytest.raises(ScenarioError, match=r"employees\.bring: .* expected less"):
        _ = Attitudes(parse(content)).employee_slope
