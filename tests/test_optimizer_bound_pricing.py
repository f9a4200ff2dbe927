"""The decomposition's kernels against NumPy."""

from collections.abc import Callable

import numpy as np
import pytest
from checks import asset_of
from markets import Content, Floats
from problems import intensity_of, problem_of, two_class_market, usage_of

from optimizer.ask.problem import AllocationProblem
from optimizer.bound.pricing import Pricing
from sim.engine.chain import transition_matrix


def dense(problem: AllocationProblem) -> tuple[Floats, Floats]:
    """Return P[regime, action, block, state, next] and reward[regime, action, block, state] from the chain itself."""
    chain = problem.chain
    rows = np.arange(chain.group.size)[:, None]
    matrices, rewards = [], []
    for environment in chain.regimes[0]:
        steps = [chain.step(environment, problem.actions[:, :, a]) for a in range(problem.actions.shape[2])]
        matrices.append([transition_matrix(chain, step) for step in steps])
        rewards.append([step.reward[rows, chain.block_law] for step in steps])
    return np.array(matrices), np.array(rewards)


@pytest.mark.parametrize("open_", [False, True])
def test_best_response_is_backward_induction(
    open_: bool, market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compiled pricing equals a plain NumPy dynamic programme over every block, state and action.

    Where people appear they are worth the value of where they do; what is committed leaves no choice.
    """
    problem = problem_of(two_class_market(market, monkeypatch, open_=open_, rules={"period_share": 0.4}))
    chain = problem.chain
    rng = np.random.default_rng(5)
    prices = rng.uniform(0, 2, len(problem.rows))
    lagrangian, columns = Pricing(problem).best(prices)
    moves, rewards = dense(problem)
    price = chain.discount[:-1, None, None, None] + (prices @ problem.money).reshape(-1, *problem.targets.shape)
    value = chain.terminal * chain.discount[-1]
    choice = np.zeros((chain.periods, *chain.initial.shape), dtype=int)
    came = 0.0
    for t in reversed(range(chain.periods)):
        regime = chain.regimes[1][t]
        cost = np.einsum("gsl,gsal->ags", price[t], problem.actions)[:, chain.group[:, None], chain.block_stage]
        came += float((chain.arrivals[t] * value).sum())
        score = chain.discount[t] * rewards[regime] - cost + np.einsum("abij,bj->abi", moves[regime], value)
        allowed = np.arange(score.shape[0])[:, None, None] < problem.choices[chain.group[:, None], chain.block_stage]
        for lever, lead in enumerate(problem.targets.lead):
            if t < lead:
                committed = problem.targets.committed[:, :, None, lever] == problem.actions[..., lever]
                allowed = allowed & np.moveaxis(committed[chain.group[:, None], chain.block_stage], 2, 0)
        score = np.where(allowed, score, -np.inf)
        choice[t], value = score.argmax(axis=0), score.max(axis=0)
    assert (came > 0) == open_
    assert lagrangian == pytest.approx((chain.initial * value).sum() + came + prices @ problem.limits, rel=1e-12)
    action = np.concatenate([column.action for column in columns], axis=1)
    assert (action == choice).mean() > 0.99  # ties between equal actions may fall either way
    total = sum(column.value - prices @ column.usage for column in columns) + prices @ problem.limits
    assert total == pytest.approx(lagrangian, rel=1e-12)


@pytest.mark.parametrize("open_", [False, True])
def test_play_states_is_the_forward_recursion(
    open_: bool, market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Value, use and head counts of any full-information plan equal plain NumPy's."""
    problem = problem_of(two_class_market(market, monkeypatch, open_=open_))
    chain = problem.chain
    moves, rewards = dense(problem)
    rng = np.random.default_rng(6)
    most = problem.choices[chain.group[:, None], chain.block_stage]
    action = (rng.random((chain.periods, *chain.initial.shape)) * most).astype(np.uint8)
    columns = Pricing(problem).columns_of(action)
    blocks, states = np.ogrid[: chain.initial.shape[0], : chain.initial.shape[1]]
    now = chain.initial.copy()
    value, spend = np.zeros(2), np.zeros((2, chain.periods, *problem.targets.shape))
    for t in range(chain.periods):
        regime = chain.regimes[1][t]
        each = problem.actions[chain.group[:, None], chain.block_stage, action[t]]
        profit = rewards[regime][action[t], blocks, states] - each.sum(axis=2)
        value += chain.discount[t] * np.bincount(chain.group, (now * profit).sum(axis=1))
        for block, group in enumerate(chain.group):
            np.add.at(spend[group, t, group], chain.block_stage[block], now[block, :, None] * each[block])
        now = np.einsum("bi,bij->bj", now, moves[regime][action[t], blocks, states]) + chain.arrivals[t]
    value += chain.discount[-1] * np.bincount(chain.group, (now * chain.terminal).sum(axis=1))
    for group, column in enumerate(columns):
        assert column.value == pytest.approx(value[group], rel=1e-10)
        np.testing.assert_allclose(column.usage, problem.money @ spend[group].ravel(), rtol=1e-10)
        there = chain.initial[chain.group == group].sum() + np.cumsum(
            [0, *chain.arrivals[:-1, chain.group == group].sum(axis=(1, 2))]
        )
        np.testing.assert_allclose(column.used.sum(axis=(1, 2)), there)


@pytest.mark.parametrize("open_", [False, True])
def test_a_playable_column_is_the_expected_history(
    open_: bool, market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a playable plan is said to bring and use is what the fluid twin says."""
    problem = problem_of(two_class_market(market, monkeypatch, open_=open_, rules={"period_share": 0.4}))
    rng = np.random.default_rng(7)
    pricing = Pricing(problem)
    for _ in range(10):
        plans = [(rng.random((4, 7)) * problem.choices[group]).astype(np.uint8) for group in range(2)]
        columns = [pricing.playable_column(group, plan) for group, plan in enumerate(plans)]
        intensity = np.stack([intensity_of(problem, group, plan) for group, plan in enumerate(plans)], axis=1)
        assert sum(column.value for column in columns) == pytest.approx(asset_of(problem.chain, intensity), rel=1e-10)
        usage = columns[0].usage + columns[1].usage
        np.testing.assert_allclose(usage, usage_of(problem, intensity), rtol=1e-10)
