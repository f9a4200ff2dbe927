"""The decomposition against the whole programme, one-sided differences and concavity."""

from collections.abc import Callable

import numpy as np
import pytest
from markets import SHORT_STAGES, Content
from problems import assert_equals_whole, open_market, problem_of, random_market, with_limit

from optimizer.bound.decomposition import full_information
from optimizer.bound.occupancy import whole_programme


@pytest.mark.parametrize("seed", range(15))
def test_dantzig_wolfe_equals_the_whole_programme(seed: int, market: Callable[..., Content]) -> None:
    """Bound and value equal the occupancy LP stated whole to 1e-6 of the asset, under random rules."""
    assert_equals_whole(problem_of(*random_market(seed, market)))


@pytest.mark.parametrize("seed", range(8))
def test_dantzig_wolfe_equals_the_whole_programme_of_an_open_market(seed: int, market: Callable[..., Content]) -> None:
    """With births, seasons, shocks and lead times: and the whole LP takes only what is committed while that acts."""
    problem = problem_of(*open_market(seed, market))
    assert problem.chain.arrivals.sum() > 0
    assert max(problem.targets.lead) > 0
    assert not problem.possible[0].all()
    assert_equals_whole(problem)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 150))
def test_dantzig_wolfe_equals_the_whole_programme_on_many(seed: int, market: Callable[..., Content]) -> None:
    """Fifty more."""
    assert_equals_whole(problem_of(*random_market(seed, market)))


def test_random_rules_bind(market: Callable[..., Content]) -> None:
    """The random markets above are worth comparing: budgets, periods, floors and caps all have prices in some."""
    kinds: set[str] = set()
    for seed in range(15):
        problem = problem_of(*random_market(seed, market))
        prices = full_information(problem, 1e-5).prices
        kinds |= {row.name.split(" ")[0] for row, price in zip(problem.rows, prices, strict=True) if abs(price) > 1e-3}
    assert kinds == {"budget", "floor", "cap"}
    assert any(len(problem_of(*random_market(seed, market)).rows) > 5 for seed in range(15))


@pytest.mark.parametrize("seed", [0, 9, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (3, 5))])
def test_prices_are_between_one_sided_differences(seed: int, market: Callable[..., Content]) -> None:
    """For every rule: right difference of the re-solved optimum <= price <= left difference."""
    problem = problem_of(*random_market(seed, market))
    best = full_information(problem, 1e-9)
    optimum = whole_programme(problem)[0].objective
    step = 1e-3 * problem.limits[0]
    accuracy = (best.bound - best.value + 2e-9 * abs(optimum)) / step
    priced = 0
    for index, price in enumerate(best.prices):
        more, less = (whole_programme(with_limit(problem, index, change))[0] for change in (step, -step))
        right = (more.objective - optimum) / step if more.status == "optimal" else -np.inf
        left = (optimum - less.objective) / step if less.status == "optimal" else np.inf
        assert right - accuracy <= price <= left + accuracy, problem.rows[index].name
        priced += abs(price) > 1e-3
    assert priced
    assert accuracy < 0.05


def test_value_is_concave_and_rising_in_the_budget(market: Callable[..., Content]) -> None:
    """More budget is never worse, each further unit brings no more than the last, and prices say so."""
    content = market(plain=True, periods=4, stages=SHORT_STAGES, rules={"period_share": 0.4})
    shares = np.array([0.0, 0.3, 0.6, 1.0, 1.5, 2.5, 6.0])
    found = [full_information(problem_of(content, share), 1e-7) for share in shares]
    gains = np.diff([best.value for best in found]) / np.diff(shares)
    assert (gains >= -1e-6 * abs(found[0].value)).all()
    assert (np.diff(gains) <= 1e-6 * abs(found[0].value)).all()
    assert gains[0] > 2 * gains[-1]
    weights = [np.array([row.per_budget for row in problem_of(content, 1.0).rows]) @ best.prices for best in found[1:]]
    assert (np.diff(weights) <= 1e-6).all()
