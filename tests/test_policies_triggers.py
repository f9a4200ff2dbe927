"""Triggers: money is kept until they are set off, and goes where they say."""

import numpy as np
import pytest
from markets import EVERY_MECHANISM, SMALL
from observations import observation_of

from policies.catalogue import named
from policies.triggers import Triggered
from sim.contract import ALARMS, Observation
from sim.scenario.file import load, parse
from sim.twin import Twin, build


@pytest.fixture(scope="module")
def small() -> Twin:
    return build(load(SMALL))


@pytest.fixture(scope="module")
def everything() -> Twin:
    return build(parse(EVERY_MECHANISM))


def seen(twin: Twin, **known: object) -> Observation:
    heads = np.full(twin.targets.shape[:2], 100.0)
    return observation_of(twin.targets, **{"periods": 10, "customers": heads, **known})


def spent(policy: object, observation: Observation) -> np.ndarray:
    return np.asarray(policy.decide(observation).spend(observation))  # type: ignore[attr-defined]


def triggered(name: str, twin: Twin, budget: float = 500.0) -> Triggered:
    policy = named(name, twin, budget)
    assert isinstance(policy, Triggered)
    return policy


def test_win_back_waits_for_those_who_lapse(small: Twin) -> None:
    """Four fifths as today while nobody lapses; then a fifth to win back where they did, in proportion."""
    stages, winback = small.targets.stages, small.targets.levers.index("winback")
    policy = triggered("win back at lapse", small)
    quiet = spent(policy, seen(small))
    assert quiet.sum() == pytest.approx(0.8 * 50)
    moves = np.zeros((*small.targets.shape[:2], len(stages)))
    moves[0, stages.index("declining"), stages.index("lapsed")] = 30
    now = spent(policy, seen(small, moves=moves))
    assert now.sum() == pytest.approx(50)
    kept = now - quiet
    assert kept[0, stages.index("lapsed"), winback] == pytest.approx(10)
    np.testing.assert_allclose(np.delete(kept.sum(axis=(0, 1)), winback), 0, atol=1e-9)
    assert kept[1].sum() == pytest.approx(0, abs=1e-9)


def test_staying_lapsed_sets_nothing_off(small: Twin) -> None:
    lapsed = small.targets.stages.index("lapsed")
    moves = np.zeros((*small.targets.shape[:2], len(small.targets.stages)))
    moves[:, lapsed, lapsed] = 50
    assert spent(triggered("win back at lapse", small), seen(small, moves=moves)).sum() == pytest.approx(40)


@pytest.mark.parametrize("alarm", ALARMS)
def test_service_recovery_goes_where_the_alarm_is(alarm: str, small: Twin) -> None:
    alarms = np.zeros((2, len(ALARMS)), dtype=bool)
    alarms[1, ALARMS.index(alarm)] = True
    policy = triggered("service recovery(share=1.0)", small)
    assert spent(policy, seen(small)).sum() == 0
    now = spent(policy, seen(small, alarms=alarms))
    assert now[1, :, small.targets.levers.index("retention")].sum() == pytest.approx(50)


def test_birthdays_come_once_a_year(small: Twin) -> None:
    policy = triggered("contract birthday(every=4, share=0.5)", small, 100.0)
    money = [spent(policy, seen(small, period=t)).sum() / (100 / (10 - t)) for t in range(9)]
    np.testing.assert_allclose(money, [0.5, 0.5, 0.5, 1, 0.5, 0.5, 0.5, 1, 0.5])


def test_employees_first_until_they_are_satisfied(everything: Twin) -> None:
    policy = triggered("employees first(share=1.0, until=60.0)", everything)
    assert policy.levers == [everything.targets.levers.index("training")]
    assert spent(policy, seen(everything, employees=59.0))[..., policy.levers].sum() > 0
    assert spent(policy, seen(everything, employees=60.0)).sum() == 0


def test_where_there_is_no_lever_nothing_is_kept(small: Twin) -> None:
    """Nobody moves employees here: all of today's money is spent as today."""
    observation = seen(small)
    now = spent(triggered("employees first", small), observation)
    today = small.targets.reference * observation.customers[:, :, None]
    np.testing.assert_allclose(now, today * 50 / today.sum())


def test_the_club_is_for_core_customers_of_the_groups_worth_most(small: Twin) -> None:
    core, retention = small.targets.stages.index("core"), small.targets.levers.index("retention")
    now = spent(triggered("club for the best(share=1.0)", small), seen(small))
    assert now[0, core, retention] == pytest.approx(now.sum()) == pytest.approx(50)


def test_what_is_kept_is_spent_when_it_is_set_off(small: Twin) -> None:
    """After five quiet periods the sixth has the money of its own and what was kept."""
    policy, left, total = triggered("contract birthday(every=6, share=0.5)", small, 100.0), 100.0, []
    used = np.zeros(small.targets.shape[2])
    for period in range(6):
        money = spent(policy, seen(small, period=period, budget_left=left, lever_spent=used)).sum()
        used, left = used + money / used.size, left - money
        total.append(money)
    assert total[-1] > 10
    assert total[0] == pytest.approx(5)
