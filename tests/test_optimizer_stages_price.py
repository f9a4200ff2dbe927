"""Prices of limits to both sides, beside the differences of optima that are known by hand or solved anew."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from priced import Straight, concave_market, solved, with_rules

from optimizer.ask.problem import allocation_problem
from optimizer.prices import HOLDS
from optimizer.stages.price import Priced, price
from sim.scenario.file import parse
from sim.twin import build

Content = dict[str, Any]


def checked(seed: int) -> float:
    """Return the largest error of a price in a random market, as a share of the dearest gain; check how far it holds."""
    content = concave_market(seed)
    straight = Straight.of(allocation_problem(build(parse(content)), 1.0))
    content, budget, floors, caps = with_rules(content, straight, seed)
    repaired = solved(content, budget)
    found = price(repaired, every=True)
    best = straight.value(budget, floors, caps)
    size = float(straight.gain.max())
    worst = 0.0

    def moved(name: str, amount: float) -> float:
        more, low, high = budget, floors.copy(), caps.copy()
        if name == "budget":
            more += amount
        else:
            word, k = name.split(":")[0].split(" ")
            (high if word == "most" else low)[int(k)] += amount
        return straight.value(more, low, high)

    for name in ("budget", *(row.name for row in repaired.problem.rows if row.name != "budget")):
        sign = -1 if name.startswith("least") else 1
        known = found.ranges.get(name)
        h = 1e-5 * budget
        for side, told in (
            (sign, known.looser if known else 0.0),
            (-sign, known.tighter if known else 0.0),
        ):
            true = side * (moved(name, side * h) - best) / h
            if np.isinf(true):
                assert np.isnan(told), (seed, name, side)
            else:
                worst = max(worst, abs(told - true) / size)
        if known is None or not known.looser:
            continue
        end = moved(name, sign * known.holds)
        inside = HOLDS * abs(known.looser) * known.holds
        assert abs(end - best) == pytest.approx(abs(known.looser) * known.holds, abs=1.001 * inside)
        top = float(repaired.problem.row_units[[row.name for row in repaired.problem.rows].index(name)])
        if known.holds < 0.999 * top:
            onward = (moved(name, sign * (1.001 * known.holds + h)) - end) / (0.001 * known.holds + h)
            assert abs(onward - abs(known.looser)) > HOLDS * abs(known.looser), (seed, name)
        assert known.gain == pytest.approx(moved(name, sign * known.step) - best, abs=1e-4 * size * known.step)
    return worst


@pytest.mark.parametrize("seed", range(12))
def test_both_prices_are_the_one_sided_differences_of_the_optimum(seed: int) -> None:
    """Broken lines, floors, caps, budgets at corners: the true value's two sides, how far they hold, what 1,000 bring."""
    assert checked(seed) < 1e-6


@pytest.mark.slow
def test_both_prices_on_many_markets() -> None:
    """The same on sixty more."""
    assert max(checked(seed) for seed in range(12, 72)) < 1e-6
