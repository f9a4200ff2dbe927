"""The Gymnasium environment: it passes Gymnasium's checker, and an episode is a market."""

import warnings

import numpy as np
import pytest
from markets import SMALL

from sim.scenario.file import load
from sim.twin import Twin, build

gymnasium = pytest.importorskip("gymnasium")


@pytest.fixture(scope="module")
def small() -> Twin:
    return build(load(SMALL))


def test_it_passes_the_checker(small: Twin) -> None:
    """Without rendering, which it has not; the checker's advice on ranges is no error."""
    from gymnasium.utils.env_checker import check_env

    from experiments.environment import MarketEnvironment

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_env(MarketEnvironment(small, 2_500.0), skip_render_check=True)


def test_an_episode_is_a_market(small: Twin) -> None:
    """As today by actions: the rewards add up to the customer asset of the same market, bit for bit in its money."""
    from experiments.environment import MarketEnvironment
    from policies.fixed import AsToday
    from sim.market.clock import Market, budget_of
    from sim.valuation import customer_asset

    env = MarketEnvironment(small, 1e9)
    today = (small.targets.reference / np.maximum(env.unit, 1e-300))[env.unit > 0]
    seen, facts = env.reset(seed=4)
    assert env.observation_space.contains(seen)
    rewards, spends, over = [], [], False
    while not over:
        seen, reward, over, cut, facts = env.step(today)
        assert env.observation_space.contains(seen)
        assert cut is False
        rewards.append(reward)
        spends.append(facts["spend"])
    history = Market(small, AsToday(), small.population(4, 0), budget_of(small, 1e9), seed=4).run()
    np.testing.assert_allclose(spends, history.spend.sum(axis=(1, 2, 3)))
    assert sum(rewards) == pytest.approx(customer_asset(history, small.chain.discount_rate).total)


def test_money_is_kept_to_and_luck_repeats(small: Twin) -> None:
    from experiments.environment import MarketEnvironment

    def play(seed: int) -> tuple[list[float], float]:
        env = MarketEnvironment(small, 1_000.0)
        env.reset(seed=seed)
        steps = [env.step(np.ones(env.action_space.shape)) for _ in range(small.chain.periods)]
        return [step[1] for step in steps], sum(step[4]["spend"] for step in steps)

    one, spent = play(1)
    assert one == play(1)[0] != play(2)[0]
    assert spent <= 1_000 * (1 + 1e-9)
