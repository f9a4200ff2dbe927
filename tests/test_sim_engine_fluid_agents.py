"""Agents against their expectation with everything switched on, and their limit where they are coupled."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from checks import chain_of, lifecycle_of
from everything import LAWS, crowded, uncoupled
from markets import Content, Floats
from players import Noting

from sim.engine.fluid import expected_history
from sim.engine.lifecycle import Lifecycle
from sim.history import History
from sim.market.clock import Market
from sim.scenario.file import parse
from sim.twin import Twin, build
from sim.valuation import customer_asset


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
        acting = market._purse.campaigns.acting
    mean = {name: value / number for name, value in total.items()}
    error = {name: np.sqrt(np.maximum(squares[name] / number - mean[name] ** 2, 0) / (number - 1)) for name in mean}
    return Drawn(number, {name: first[name] + mean[name] for name in mean}, error), acting


@pytest.mark.parametrize("law", [pytest.param(law, marks=[pytest.mark.slow] * (law != "silent")) for law in LAWS])
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
        acting = market._purse.campaigns.acting
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
        chain = chain_of(content)
        other = per_head(expected_history(chain, found.acting), chain)
        assert found.beyond(other), switch_off.__name__


@pytest.mark.slow
def test_coupled_agents_are_near_their_limit() -> None:
    """Word of mouth, rivals who react, saturated media and trained employees on: many agents are the fluid twin."""
    assert_limit("silent", (200, 400, 60))


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_coupled_agents_are_near_their_limit_under_every_law(law: str) -> None:
    """More of them."""
    assert_limit(law, (1000, 300, 100))
