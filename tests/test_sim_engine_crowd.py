"""What is on schedule: seasons, shocks, rivals, employees; and what couples customers."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from checks import chain_of
from everything import LAWS, uncoupled
from markets import Content, Floats, small
from plain.attitudes import employee_slope

from sim.engine.attitudes import Attitudes
from sim.engine.crowd import scheduled_environment
from sim.engine.fluid import expected_history
from sim.engine.lifecycle import Lifecycle
from sim.engine.routes import NEUTRAL, TO_AWARE, TO_DEFECTION, TO_RATE, TO_RIVALS, TO_SATISFIED, TO_TURNOVER, TO_WON
from sim.engine.sensitivity import gradient
from sim.errors import ScenarioError
from sim.scenario.file import parse
from sim.twin import build


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
    np.testing.assert_allclose(now, [1.98, 0.6, 1, 1, 1 / 3 + 1, -0.03, 0.1, 0, 1, 0, 0, 0], rtol=1e-12)
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
    content["segments"]["others"]["value_to_customer"]["gain"] = {"value": 4, "habit": 2, "standing": -1, "feeling": 2}
    np.testing.assert_allclose(schedule(content)[:, 1, TO_SATISFIED], 0.03, rtol=1e-12)


@pytest.mark.parametrize("law", LAWS)
def test_the_fluid_twin_keeps_to_the_schedule_where_nobody_couples(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under today's spend each period's environment is the scheduled one, employees and seasons included."""
    chain = chain_of(uncoupled(law, 1.0))
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
    assert not chain_of(content).crowd.couples
    change(content)
    assert chain_of(content).crowd.couples


def test_a_rival_on_several_routes_is_as_several_rivals() -> None:
    """With a strength for each route, and its answer to our success: asset and gradient are those of one each."""
    routes = {"defection": 0.4, "acquisition": 0.2, "share of customer": 0.1}
    content = small(
        periods=5, stages={"core": 2, "declining": 1, "lapsed": 2}, share_of_customer=0.4, margin=0.5,
        segments={
            "all": {
                "start": {"new": 300, "prospect": 700},
                "traits": {"purchase_rate": 0.8, "defection_rate": 0.1, "spend": 30.0},
            }
        },
        levers={"offer": {"targets": ["prospect"], "reference": 1, "moves": {"acquisition": {
            "without_money": 0.0, "unlimited_money": 0.5, "spend": 1.0, "brings": 0.2}}}},
    )  # fmt: skip
    rival = {"start": 1, "reaction": 1.5, "most": 3}
    together = [{**rival, "name": "r", "route": list(routes), "strength": routes}]
    apart = [{**rival, "name": route, "route": route, "strength": strength} for route, strength in routes.items()]
    found = [
        gradient(chain_of({**content, "competitors": each}), np.full((5, 1, 7, 1), 2.0)) for each in (together, apart)
    ]
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-12)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-10)


@pytest.mark.parametrize(
    ("rival", "said"),
    [
        ({"route": ["defection", "defection"], "strength": 0.1}, "each once"),
        ({"route": ["defection", "acquisition"], "strength": {"defection": 0.1}}, "one for each route"),
        ({"route": ["defection", "acquisition"], "strength": 2}, "'acquisition' is a share taken away"),
    ],
)
def test_routes_that_do_not_fit_are_refused(rival: Content, said: str) -> None:
    with pytest.raises(ScenarioError, match=r"competitors\.0") as refused:
        parse(small(competitors=[{"name": "r", "start": 0, **rival}]))
    assert said in str(refused.value)
