"""Agents and fluid twin tell the same story."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from markets import Content, Floats
from players import Steady

from sim.engine.chain import ControlledChain
from sim.engine.fluid import expected_history
from sim.history import History
from sim.market.clock import Market
from sim.scenario.file import parse
from sim.twin import Twin, build
from sim.valuation import customer_asset


def figures(history: History, chain: ControlledChain) -> dict[str, Floats]:
    """Return every monthly figure of a history, and its worth."""
    asset = customer_asset(history, chain.discount_rate)
    return {
        "customers": history.customers,
        "alive": history.alive,
        "purchases": history.purchases,
        "revenue": history.revenue,
        "reward": history.reward,
        "spend": history.spend,
        "profit": history.profit,
        "asset": np.array([asset.total, asset.within_horizon, asset.after_horizon]),
        **{f"events {name}": number for name, number in history.events.items()},
    }


def z_scores(
    twin: Twin, intensity: Floats, replications: int, precision: float = 0.005
) -> tuple[Floats, dict[str, int]]:
    """Return z of every figure known to ``precision``, and how many those are by name.

    Agents have traits from the nodes of the classes; z is of their mean against the expected history.
    """
    chain = twin.chain
    expected = figures(expected_history(chain, np.repeat(intensity[None], chain.periods, axis=0)), chain)
    drawn = []
    for k in range(replications):
        history = Market(twin, Steady(intensity), twin.population(2, k, "classes"), seed=2, replication=k).run()
        drawn.append(figures(history, chain))
    scores, counted = [], {}
    for name, want in expected.items():
        got = np.stack([figure[name] for figure in drawn])
        mean, error = got.mean(axis=0), got.std(axis=0, ddof=1) / math.sqrt(replications)
        sure = error == 0  # head counts at the start; nothing where nothing can be
        np.testing.assert_allclose(mean[sure], want[sure], rtol=1e-9, atol=1e-6 * replications)
        precise = ~sure & (error < precision * np.abs(want))
        scores.append(((mean - want)[precise] / error[precise]).ravel())
        counted[name] = int(precise.sum())
    return np.concatenate(scores), counted


@pytest.mark.parametrize("scale", [(1, 1, 1, 1, 1), (3, 0.5, 2, 0.3, 4)], ids=["as today", "off the reference"])
def test_agents_of_the_classes_agree_with_the_fluid_twin(
    scale: tuple[float, ...], market: Callable[..., Content]
) -> None:
    """|z| < 4.5 for every monthly figure with a standard error below .5 %: a rival comes, the terminal value is on."""
    content = market()
    content["segments"]["regulars"]["start"] = {"new": 40_000}
    content["segments"]["fresh"]["start"] = {"unaware": 60_000, "prospect": 40_000}
    content["levers"]["retention"]["reach"] = 0.7
    content["segments"]["fresh"]["stages"] = {"core": 2, "declining": 1, "lapsed": 3}
    twin = build(parse(content))
    scores, counted = z_scores(twin, twin.targets.reference * np.array(scale), 60)
    assert np.abs(scores).max() < 4.5
    assert scores.size > 250
    assert counted["asset"] == 3
    for name in ("customers", "alive", "purchases", "revenue", "spend", "events left", "events won", "events aware"):
        assert counted[name] >= 6, name
    assert counted["events returned"] + counted["events lost"] >= 4
    assert scores.std() < 1.5


def test_the_fluid_twin_counts_everybody(market: Callable[..., Content]) -> None:
    """Nobody is born or lost in expectation; profit is margin x revenue - spend; who left is no longer alive."""
    twin = build(parse(market()))
    intensity = np.repeat(twin.targets.reference[None] * 1.5, 8, axis=0)
    history = expected_history(twin.chain, intensity)
    np.testing.assert_allclose(history.customers.sum(axis=(1, 2)), 50_000, rtol=1e-12)
    np.testing.assert_allclose(history.reward, 0.4 * history.revenue, rtol=1e-12)
    np.testing.assert_allclose(history.profit, history.reward.sum((1, 2)) - history.spend.sum((1, 2, 3)), rtol=1e-12)
    moves = history.events["won"] + history.events["returned"] - history.events["left"]
    np.testing.assert_allclose(np.diff(history.alive, axis=0), moves, rtol=1e-9, atol=1e-9)
