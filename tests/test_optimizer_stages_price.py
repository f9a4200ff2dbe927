"""Prices of limits to both sides, beside the differences of optima that are known by hand or solved anew."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from markets import ROOT, SHORT_STAGES
from priced import Straight, concave_market, solved, with_rules

from benchmarks.bounds import SMOOTH, contents_of
from optimizer.ask.problem import allocation_problem, reference_spend
from optimizer.optimize import find
from optimizer.prices import HOLDS
from optimizer.stages.price import _Plan, price
from optimizer.stages.prove import Proved
from optimizer.stages.start import start
from sim.scenario.file import load, parse
from sim.twin import build

Content = dict[str, Any]


def checked(seed: int) -> float:
    """Return the largest error of a price in a random market, as a share of the dearest gain; check its reach."""
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


@pytest.mark.parametrize("seed", [*(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3)), *range(3, 6)])
def test_both_prices_are_the_one_sided_differences_of_the_optimum(seed: int) -> None:
    """Broken lines, floors, caps, budgets at corners: the true value's sides, how far they hold, what 1,000 bring."""
    assert checked(seed) < 1e-6


@pytest.mark.slow
def test_both_prices_on_many_markets() -> None:
    """The same on sixty more."""
    assert max(checked(seed) for seed in range(6, 66)) < 1e-6


# --- Where a price ends, where there is no money, in which currency ---------------------------------------------------


def test_a_price_says_how_little_it_holds_for() -> None:
    """Slices that take one more unit each: the next brings 14, one more 1,000 brings 143, and less is impossible."""
    problem = allocation_problem(build(load(ROOT / "tests" / "data" / "split_growth.yaml")))
    found = price(find(start(problem), Proved()).repaired)
    known = found.ranges["budget"]
    assert found.shadow_price == known.looser == pytest.approx(14.13, abs=0.02)
    assert known.holds < 3
    assert (known.step, known.gain) == (1000, pytest.approx(143, abs=1))
    assert np.isnan(known.tighter)  # the floors are all of the budget


@pytest.mark.parametrize("budget", [0.0, 1.0])
def test_without_money_the_price_is_that_of_the_best_first_unit(budget: float) -> None:
    """Not a hundred times that: at a budget of nothing the next unit brings what the steepest piece brings."""
    for seed in range(4):
        content = concave_market(seed)
        straight = Straight.of(allocation_problem(build(parse(content)), 1.0))
        found = price(solved(content, budget))
        assert found.shadow_price == pytest.approx(straight.gain.max(), rel=1e-6)
        assert np.isnan(found.ranges["budget"].tighter) == (budget == 0)


@pytest.mark.parametrize("unit", [pytest.param(100.0, marks=pytest.mark.slow), 1e-6])
def test_prices_do_not_depend_on_the_currency(unit: float) -> None:
    """In cents and in millions: the same money by money, to nine digits."""
    for seed in range(4):
        straight = Straight.of(allocation_problem(build(parse(concave_market(seed))), 1.0))
        budget = float(0.37 * straight.money.sum())
        here, there = (
            price(solved(concave_market(seed), budget)),
            price(solved(concave_market(seed, unit), unit * budget)),
        )
        assert there.shadow_price == pytest.approx(here.shadow_price, rel=1e-9)
        assert there.ranges["budget"].tighter == pytest.approx(here.ranges["budget"].tighter, rel=1e-9)
        assert there.ranges["budget"].holds == pytest.approx(unit * here.ranges["budget"].holds, rel=1e-6)


@pytest.mark.parametrize("share", [0.3, pytest.param(0.8, marks=pytest.mark.slow)])
def test_where_curves_are_smooth_both_sides_are_one(share: float, market: Callable[..., Content]) -> None:
    """Several periods that lead on to each other: the price lies between the differences of plans solved anew."""
    twin = build(parse(market(plain=True, periods=5, stages=SHORT_STAGES)))
    budget = share * reference_spend(twin.chain)
    step = 0.02 * budget
    less, here, more = (
        find(start(allocation_problem(twin, each)), Proved()).repaired
        for each in (budget - step, budget, budget + step)
    )
    known = price(here).ranges["budget"]
    assert known.tighter == pytest.approx(known.looser, rel=1e-3)
    right, left = (more.course.asset - here.course.asset) / step, (here.course.asset - less.course.asset) / step
    assert right * (1 - 5e-3) <= known.looser <= left * (1 + 5e-3)
    assert right == pytest.approx(left, rel=0.05)  # so that the lines above say something


def test_near_saturation_a_price_holds_for_more_than_nothing() -> None:
    """Pieces that reach far begin some way off the price there: it was said to end at once, at itself."""
    content = contents_of(807, hidden=False, levers=4, shapes=SMOOTH)
    known = price(find(start(allocation_problem(build(parse(content)), 10_738.921)), Proved()).repaired).ranges[
        "budget"
    ]
    assert 5 < known.holds < 60  # a price of .0157 that falls by 5e-5 a unit
    assert known.beyond < 0.95 * known.looser


@pytest.mark.parametrize(("corner", "tries"), [(100.0, 1), (103.0, 6), (250.0, 6), (60.0, 6)])
def test_what_comes_after_a_corner_is_seen_from_beyond_it(corner: float, tries: int) -> None:
    """Pieces say that a price of 2 ends after 100, and curves bend: it ends sooner or later; 1 comes then."""

    def moved(_: Any, amount: float) -> Any:
        side = SimpleNamespace(price=lambda _, side: 2.0 if amount < corner or (amount == corner and side < 0) else 1.0)
        return SimpleNamespace(pieces=(side, side))

    plan: Any = SimpleNamespace(_seen=lambda *_: (100.0, 1.5), _moved=moved)
    holds, beyond = _Plan._until(plan, 2.0, np.ones(1), 1, 1000.0, tries)
    assert holds == pytest.approx(corner, rel=2 * HOLDS)
    assert beyond == 1.0
