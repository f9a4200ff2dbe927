"""Satisfaction, ties and employees as numbers against the plain market."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import Floats, small
from plain.attitudes import employee_slope, level_odds, long_run_of_who_stays, long_run_shares, relative
from plain.attitudes import mean_points as plain_mean_points

from sim.customers.retention import mean_leaving
from sim.engine.attitudes import Attitudes, mean_points, shifted
from sim.engine.satisfaction_kernels import BINS, WIDTH, own_fall
from sim.engine.state_space import state_space
from sim.errors import ScenarioError
from sim.scenario.file import Thresholds, parse


@st.composite
def mixes(draw: Any) -> list[float]:
    """Mixes of levels: nobody at the ends now and then, somebody everywhere between."""
    weights = draw(st.lists(st.floats(0.01, 1), min_size=5, max_size=5))
    low, high = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    weights = [w if low <= k <= max(low, 4 - high) else 0.0 for k, w in enumerate(weights)]
    return [w / sum(weights) for w in weights]


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(mixes(), st.floats(0.05, 1), st.integers(-300, 300), st.floats(0.1, 15), st.sampled_from([0.0, 0.02, 0.2]))
def test_attitudes_are_those_of_the_plain_market(
    mix: list[float], mobility: float, thousandths: int, bring: float, mean_rate: float
) -> None:
    """Effects, own chances of a fall, the long run under a shift, the slope of employees, for any mix without holes."""
    content = small(
        satisfaction={"mix": mix, "mobility": mobility, "defection_per_level": 0.2, "amount_per_level": 0.1},
        employees={"usual": 50, "points": 5, "bring": bring},
        links={"mix": [0.4, 0.3, 0.2, 0.1], "defection_per_link": 0.3},
    )
    content["segments"]["all"]["traits"]["defection_rate"] = mean_rate
    scenario, shift = parse(content), thousandths / 1000
    attitudes, satisfaction = Attitudes(scenario, mean_leaving(scenario, None)), scenario.satisfaction
    assert satisfaction is not None
    assert scenario.links is not None
    for column, factor in ((0, 0.8), (1, 1.0), (2, 1.1)):
        by_level = [relative(factor, k, satisfaction.mix) for k in range(5)]
        np.testing.assert_allclose(attitudes.level_effects[1:, column], by_level, rtol=1e-9)
        assert attitudes.level_effects[0, column] == 1
    by_ties = [relative(0.7, k, scenario.links.mix) for k in range(4)]
    np.testing.assert_allclose(attitudes.tie_effects, [*by_ties, 1.0], rtol=1e-12)
    up, down = attitudes.moves[1:].T
    np.testing.assert_allclose(np.array(mix) @ moves_matrix(up, down), mix, atol=1e-12)
    for level in range(1, 6):
        for leaving in (0.0, 0.03, 0.4, 3.0):
            got, want = own_fall(level, leaving, attitudes.by_level), level_odds(satisfaction, level, 0.0, leaving)[1]
            assert got == pytest.approx(want, rel=1e-9, abs=1e-12)
    shares = long_run_shares(satisfaction, shift)
    assert mean_points(*shifted(up, down, shift)) == pytest.approx(plain_mean_points(shares), rel=1e-9, abs=1e-9)
    at_rest = long_run_of_who_stays(satisfaction, 0.0, mean_rate)
    room = 100 - plain_mean_points(at_rest) - bring
    if sum(share for share, usual in zip(at_rest, mix, strict=True) if usual == 0) > 1e-6:
        with pytest.raises(ScenarioError, match="outlasts all others"):
            _ = attitudes.employee_slope
    elif room < -1e-3:
        with pytest.raises(ScenarioError, match=r"employees\.bring"):
            _ = attitudes.employee_slope
    elif room > 1e-3:
        assert attitudes.employee_slope == pytest.approx(employee_slope(scenario), rel=1e-6)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    mixes(), st.floats(0, 1), st.just(0.0) | st.floats(0.01, 0.95), st.lists(st.floats(0, 3), min_size=20, max_size=20)
)
def test_bounds_of_falls_hold_for_everybody(
    mix: list[float], mobility: float, per_level: float, leaving: list[float]
) -> None:
    """The own chance lies as near to its bin's chord as stated and below the straight line."""
    feel = {"mix": mix, "mobility": mobility, "defection_per_level": per_level}
    attitudes = Attitudes(parse(small(satisfaction=feel)))
    falls = attitudes.falls(state_space([Thresholds()], levels=True))
    assert falls.sorting == (per_level > 0)
    for x in leaving:
        b = min(int(x / WIDTH), BINS)
        for level in range(1, 6):
            chance = own_fall(level, x, falls.levels)
            first, then = falls.chord[level, b : b + 2]
            assert abs(chance - first - (x / WIDTH - b) * (then - first)) <= falls.bend[level, b]
            assert chance <= falls.flat[level] + falls.steep[level] * x + 1e-15


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
