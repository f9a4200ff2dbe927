"""Playable plans: improvement is exact, never harms, and stays between no spend and the bound."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from checks import asset_of
from markets import SHORT_STAGES, Actions, Content
from problems import meets, problem_of, random_market

from optimizer.bound.decomposition import full_information
from optimizer.bound.pricing import Pricing
from optimizer.search.playable import playable


def tiny_market(market: Callable[..., Content]) -> Content:
    """Return two periods, one segment of two by two classes, one lever a stage: few plans differ in what they bring."""
    content = market(periods=2, stages=SHORT_STAGES, competitors=[])
    content["segments"] = {"regulars": content["segments"]["regulars"]}
    content["levers"] = {name: content["levers"][name] for name in ("retention", "winback")}
    content["levers"]["retention"]["targets"] = ["new", "core"]
    return content


def test_playable_improvement_is_exact_and_never_harms(
    market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From every start: no loss, no single change left that gains, never above the best of all plans; once there."""
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (2, 2))
    problem = problem_of(tiny_market(market))
    pricing, prices = Pricing(problem), np.array([0.4])
    stages = list(problem.targets.stages)
    free = [(0, stages.index("new")), (1, stages.index("core")), (1, stages.index("declining"))]
    choices = [range(problem.choices[0, stage]) for _, stage in free]

    def lagrangian(action: Actions) -> float:
        column = pricing.playable_column(0, action)
        return float(column.value - prices @ column.usage)

    every: dict[tuple[int, ...], float] = {}
    for chosen in itertools.product(*choices):
        action = np.zeros((2, 7), dtype=np.uint8)
        for where, choice in zip(free, chosen, strict=True):
            action[where] = choice
        every[chosen] = lagrangian(action)
    assert max(every.values()) - min(every.values()) > 1e-3 * abs(min(every.values()))
    rng = np.random.default_rng(0)
    reached = []
    for _ in range(40):
        start = (rng.random((2, 7)) * problem.choices[0]).astype(np.uint8)
        (column,) = pricing.improve(prices, [[start]])[0]
        got = float(column.value - prices @ column.usage)
        assert got >= lagrangian(start) - 1e-9 * abs(got)
        assert got <= max(every.values()) * (1 + 1e-12)
        place = tuple(int(column.action[where]) for where in free)
        assert got == pytest.approx(every[place], rel=1e-12)
        for i in range(3):
            for other in choices[i]:
                assert every[(*place[:i], other, *place[i + 1 :])] <= got + 1e-9 * abs(got)
        reached.append(got)
    assert max(reached) == pytest.approx(max(every.values()), rel=1e-12)


@pytest.mark.parametrize("seed", [1, 2, 4, 6, 7])
def test_the_playable_mixture_is_below_the_bound_and_above_no_spend(seed: int, market: Callable[..., Content]) -> None:
    """The playable optimum found lies between the least spend and the bound, and its mixture meets every rule."""
    problem = problem_of(*random_market(seed, market))
    best = full_information(problem, 1e-7)
    found = playable(problem, best)
    assert found.value <= best.bound * (1 + 1e-9)
    usage = sum(
        weight * column.usage
        for weights, columns in zip(found.mixture.weights, found.columns, strict=True)
        for weight, column in zip(weights, columns, strict=True)
    )
    assert meets(problem, np.asarray(usage) * (1 - 1e-7 * problem.signs))
    assert (found.prices * problem.signs >= 0).all()
    if not any(row.sense == ">=" for row in problem.rows):
        assert found.value > asset_of(problem.chain, np.zeros((problem.chain.periods, *problem.targets.shape)))
