"""Alarms: raised where something is worse beyond chance, at the stated rate where nothing is."""

from collections.abc import Callable

import numpy as np
import pytest
from markets import EVERY_MECHANISM, Content

from sim.contract import ALARMS
from sim.market.alarms import LIMIT, Alarms, over_stages, rivals_by_group
from sim.scenario.file import parse
from sim.twin import Twin, build


@pytest.fixture(scope="module")
def everything() -> Twin:
    return build(parse(EVERY_MECHANISM))


def moves_of(twin: Twin, heads: float, gone: list[float]) -> np.ndarray:
    """Return moves by period: of so many core customers each group loses some to lapsed."""
    groups, stages, _ = twin.targets.shape
    core, lapsed = (twin.targets.stages.index(name) for name in ("core", "lapsed"))
    moves = np.zeros((len(gone), groups, stages, stages))
    for t, number in enumerate(gone):
        moves[t, :, core, core], moves[t, :, core, lapsed] = heads - number, number
    return moves


def no_answers(twin: Twin) -> np.ndarray:
    return np.full((twin.chain.periods, *twin.targets.shape[:2]), np.nan)


@pytest.mark.parametrize(("last", "raised"), [(100.0, False), (125.0, False), (160.0, True), (0.0, False)])
def test_more_who_leave_raise_an_alarm(last: float, raised: bool, everything: Twin) -> None:
    """Of 1,000, 100 left in each of three periods: by hand z is (x - 300/3)/1000 over its error."""
    pooled = (300 + last) / 4000
    z = (last - 100) / 1000 / np.sqrt(pooled * (1 - pooled) * (1 / 3000 + 1 / 1000))
    assert bool(z > LIMIT) is raised
    moves = moves_of(everything, 1000.0, [100, 100, 100, last])
    got = Alarms(everything).raised(4, np.ones(everything.targets.shape[:2]), moves, no_answers(everything))
    assert (got[:, ALARMS.index("leaving")] == raised).all()


def test_before_enough_was_seen_and_where_nobody_is_there_are_none(everything: Twin) -> None:
    heads = np.zeros(everything.targets.shape[:2])
    for period in range(5):
        moves = moves_of(everything, 0.0, [0.0] * 5)
        assert not Alarms(everything).raised(period, heads, moves, no_answers(everything)).any()


def test_false_alarms_are_as_rare_as_stated(everything: Twin) -> None:
    """Where a tenth leave in every period, about one test in 740 raises; 40,000 tests tell .0013 from .002."""
    draws = np.random.default_rng(5).binomial(2000, 0.1, size=(4, 40_000)).astype(float)
    stages = everything.targets.shape[1]
    core, lapsed = (everything.targets.stages.index(name) for name in ("core", "lapsed"))
    moves = np.zeros((4, 40_000, stages, stages))
    moves[:, :, core, core], moves[:, :, core, lapsed] = 2000 - draws, draws
    share = Alarms(everything)._leaving(moves).mean()
    assert 0.0008 < share < 0.0020


def test_a_survey_below_the_last_raises_one_until_the_next(everything: Twin) -> None:
    survey = everything.scenario.survey
    assert survey is not None
    heads = np.full(everything.targets.shape[:2], 200.0)
    answers, moves = no_answers(everything), moves_of(everything, 0.0, [0.0] * everything.chain.periods)
    answers[:: survey.every] = 70.0
    known = 2 * survey.every + survey.delay
    for points, raised in ((69.0, False), (30.0, True)):
        answers[2 * survey.every] = points
        got = Alarms(everything).raised(known, heads, moves, answers)[:, ALARMS.index("satisfaction")]
        assert got.any() == raised
        assert not Alarms(everything).raised(known - 1, heads, moves, answers)[:, 1].any()


def test_rivals_are_seen_in_their_segments(market: Callable[..., Content]) -> None:
    rivals = [
        {"name": "a", "start": 0, "route": "defection", "strength": 0.1, "segments": ["fresh"]},
        {"name": "b", "start": 1, "route": "acquisition", "strength": 0.1},
    ]
    twin = build(parse(market(competitors=rivals)))
    assert twin.targets.segments == ("regulars", "fresh")
    for there, want in (((), [0, 0]), ((0,), [0, 1]), ((0, 1), [1, 2])):
        np.testing.assert_array_equal(rivals_by_group(twin, there), want)


def test_points_over_stages_are_the_mean_by_heads() -> None:
    got = over_stages(np.array([[50.0, 80.0, np.nan], [np.nan] * 3]), np.array([[1.0, 2.0, 9.0], [1.0, 1.0, 1.0]]))
    np.testing.assert_array_equal(got, [70.0, np.nan])
