"""The adjoint of effects, odds and rewards against finite differences."""

from collections.abc import Callable

import numpy as np
import pytest
from checks import chain_of
from everything import LAWS, crowded
from gradients import places_of, some_plan
from markets import Floats

from sim.engine.chain import LOST
from sim.engine.columns import EFFECTS
from sim.engine.routes import NEUTRAL, ROUTES

ALIKE = ("leavers", "our price and leaving", "our price and winning")
"""Routes by which nothing moves here: there are no kinds of ties, and no rival states a price."""


@pytest.mark.parametrize("law", LAWS)
def test_effects_are_pulled_back_to_money_and_market(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any weights on the effects: derivatives by every intensity and by every route of every group."""
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (1, 1))
    chain = chain_of(crowded(law))
    rng = np.random.default_rng(8)
    environment = NEUTRAL + rng.uniform(0.02, 0.1, (3, len(ROUTES)))
    intensity = some_plan(chain, 8)[0]
    wanted = rng.normal(size=(*chain.targets.shape[:2], len(EFFECTS)))
    by_intensity, by_environment = chain.effects.pulls(environment, intensity[None])[1][0](wanted)

    def total(environment: Floats, intensity: Floats) -> float:
        return float((chain.responses(environment, intensity) * wanted).sum())

    def difference(function: Callable[[float], float]) -> float:
        h = 1e-4
        one, two = (function(k * h) - function(-k * h) for k in (1, 2))
        return (8 * one - two) / (12 * h)

    for place in np.argwhere(chain.targets.allowed):
        unit = np.zeros_like(intensity)
        unit[tuple(place)] = 1.0
        want = difference(lambda x, unit=unit: total(environment, intensity + x * unit))
        assert by_intensity[tuple(place)] == pytest.approx(want, rel=1e-7, abs=1e-8), place
    assert not by_intensity[~chain.targets.allowed].any()
    for group in range(3):
        for route in range(len(ROUTES)):
            unit = np.zeros_like(environment)
            unit[group, route] = 1.0
            want = difference(lambda x, unit=unit: total(environment + x * unit, intensity))
            assert by_environment[group, route] == pytest.approx(want, rel=1e-7, abs=1e-8), ROUTES[route]


@pytest.mark.parametrize("law", LAWS)
def test_odds_and_rewards_are_pulled_back_to_money_and_market(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any weights on a step's odds and rewards: derivatives by money along directions, and by each route of a group."""
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (1, 1))
    chain = chain_of(crowded(law, stages={"core": 3, "declining": 1, "lapsed": 2}))
    rng = np.random.default_rng(20)
    environment = NEUTRAL + rng.uniform(0.02, 0.1, (3, len(ROUTES)))
    intensity = some_plan(chain, 18)[0]
    step = chain.step(environment, intensity)
    by_odds, by_reward = rng.normal(size=step.probability.shape), rng.normal(size=step.reward.shape)
    by_odds[:, chain.space.law_kind == LOST, 1:] = 0.0  # cannot happen, whatever is done
    by_intensity, by_environment = chain.pull(environment, intensity)(by_odds, by_reward)

    def total(environment: Floats, intensity: Floats) -> float:
        step = chain.step(environment, intensity)
        return float((step.probability * by_odds).sum() + (step.reward * by_reward).sum())

    def difference(function: Callable[[float], float]) -> float:
        h = 2e-5
        one, two = (function(k * h) - function(-k * h) for k in (1, 2))
        return (8 * one - two) / (12 * h)

    largest = np.abs(by_intensity).max()
    for place in places_of(chain, 3, 18):
        unit = np.zeros_like(intensity)
        unit[place[1:]] = 1.0
        want = difference(lambda x, unit=unit: total(environment, intensity + x * unit))
        assert by_intensity[place[1:]] == pytest.approx(want, rel=0, abs=1e-7 * largest), place
    for group in range(3):
        largest = np.abs(by_environment[group]).max()
        for route in range(len(ROUTES)):
            unit = np.zeros_like(environment)
            unit[group, route] = 1.0
            want = difference(lambda x, unit=unit: total(environment + x * unit, intensity))
            assert by_environment[group, route] == pytest.approx(want, rel=0, abs=1e-7 * largest), ROUTES[route]
            assert abs(want) > 1e-6 * largest or (law, ROUTES[route]) in (
                ("renewal", "purchase rate"),
                ("renewal", "share of customer"),
                *((law, route) for route in ALIKE),
            )
