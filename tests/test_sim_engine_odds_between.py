"""Ranges of odds and of their ratios: what effects inside theirs make of them lies within, and the ends are met."""

from typing import Any

import numpy as np
import pytest

from sim.arrays import Floats
from sim.engine import odds_between_kernels as kernels
from sim.engine.columns import DEFECTION, EFFECTS, LEAVING, RATE, SATISFIED, WON, WON_UNPAID
from sim.engine.lifecycle import Lifecycle
from sim.scenario.file import parse
from sim.twin import build

Content = dict[str, Any]

LIVED = ["new", "developing", "core", "declining", "lapsed"]
KINDS = {
    "desk": {"share": 0.6, "gain": 0.1, "turnover": 0.2, "follow": 0.3, "defection_per_link": 0.1},
    "experts": {"share": 0.2, "gain": 0.05, "turnover": 0.15, "defection_per_link": 0.2},
}
CATEGORIES = {"names": ["account", "card"], "mix": [0.6, 0.4], "gain": 0.1, "loss": 0.05, "defection_per_category": 0.2}
FEELINGS = {"mix": [0.1, 0.15, 0.3, 0.25, 0.2], "mobility": 0.3, "defection_per_level": 0.2}


@pytest.fixture(autouse=True)
def _few_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (3, 3))


def chain_of(**changes: Any) -> Lifecycle:
    """Return customers who differ in all that customers can differ in."""
    offer = {"without_money": 0.0, "unlimited_money": 0.3, "spend": 1.0, "brings": 0.1}
    chain = build(
        parse(
            {
                "name": "all kinds", "periods": 3, "margin": 0.5, "loss": 0.05,
                "stages": {"core": 3, "declining": 1, "lapsed": 2},
                "segments": {
                    "all": {
                        "start": {"unaware": 10, "prospect": 10, "new": 10},
                        "traits": {
                            "purchase_rate": {"shape": 1.2, "rate": 1.0}, "defection_rate": {"shape": 1.5, "rate": 9.0},
                            "spend": 20,
                        },
                    }
                },
                "levers": {"offer": {"targets": LIVED, "reference": 0.0, "moves": {"purchase_rate": offer}}}, **changes,
            }
        )
    ).chain  # fmt: skip
    assert isinstance(chain, Lifecycle)
    return chain


def ends_of(chain: Lifecycle, rng: np.random.Generator, wide: float) -> tuple[Floats, Floats]:
    """Return random ranges of all effects, some as narrow as nothing."""
    shape = (*chain.targets.shape[:2], len(EFFECTS))
    low = rng.uniform(0, 1, shape)
    width = wide * rng.uniform(0, 1, shape) * rng.integers(0, 2, shape)
    low[..., DEFECTION], low[..., RATE] = low[..., DEFECTION] + 0.2, 2 * low[..., RATE]
    low[..., SATISFIED] -= 0.5
    low[..., LEAVING] *= rng.integers(0, 2)
    width[..., LEAVING] *= low[..., LEAVING] > 0
    width[..., RATE] *= 3
    width[..., WON_UNPAID] = 0.0
    chances = [k for k in range(len(EFFECTS)) if k not in (DEFECTION, RATE, SATISFIED, LEAVING, WON, WON_UNPAID)]
    high = low + width
    high[..., chances] = np.minimum(high[..., chances], 1.0)
    return low, high


def ranges_of(chain: Lifecycle, low: Floats, high: Floats, reference: int) -> tuple[Floats, Floats, Floats, Floats]:
    blocks = chain.group.size
    least, most, small, large = np.empty((4, blocks, chain.space.law_kind.size, chain.space.successor.shape[1]))
    kernels.odds_between(*chain.structure, np.full(blocks, reference), low, high, (least, most), (small, large))
    return least, most, small, large


MARKETS: dict[str, Content] = {
    "plain": {},
    "renewal": {"law": "contractual"},
    "satisfaction": {"satisfaction": FEELINGS},
    "ties and categories": {"links": {"kinds": KINDS}, "categories": CATEGORIES, "satisfaction": FEELINGS},
}


@pytest.mark.parametrize("name", MARKETS)
def test_no_effects_make_odds_outside_their_ranges(name: str) -> None:
    """Random effects and corners, in narrow and in wide ranges."""
    chain, rng = chain_of(**MARKETS[name]), np.random.default_rng(len(name))
    for number in range(6):
        low, high = ends_of(chain, rng, (0.1, 0.5, 3.0)[number % 3])
        reference = int(rng.integers(chain.group.size))
        least, most, small, large = ranges_of(chain, low, high, reference)
        for draw in range(50):
            share = rng.uniform(0, 1, low.shape) if draw % 3 else rng.integers(0, 2, low.shape)
            odds = chain.step_under(low + share * (high - low)).probability
            assert (odds >= least * (1 - 1e-9) - 1e-14).all()
            assert (odds <= most * (1 + 1e-9) + 1e-14).all()
            told = (odds[[reference]] > 1e-9) & (odds > 1e-9)
            ratio = odds / np.where(told, odds[[reference]], 1.0)
            assert (ratio >= small * (1 - 1e-6))[told].all()
            assert (ratio <= large * (1 + 1e-6))[told].all()


def test_ranges_that_end_nowhere_are_not_empty() -> None:
    """Where a rate of leaving may be as good as endless some ratio is said of all that may happen, and holds."""
    chain, rng = chain_of(), np.random.default_rng(5)
    low, _ = ends_of(chain, rng, 0.0)
    high = low.copy()
    high[..., DEFECTION] = 1e25
    least, most, small, large = ranges_of(chain, low, high, 4)
    for share in (0.0, 1e-25, 1e-24, 1.0):
        odds = chain.step_under(low + share * (high - low)).probability
        assert (odds >= least * (1 - 1e-9) - 1e-14).all()
        assert (odds <= most * (1 + 1e-9) + 1e-14).all()
        told = (odds[[4]] > 1e-9) & (odds > 1e-9)
        ratio = odds / np.where(told, odds[[4]], 1.0)
        assert (ratio >= small * (1 - 1e-6))[told].all()
        assert (ratio <= large * (1 + 1e-6))[told].all()


@pytest.mark.parametrize("name", ["plain", "renewal", "satisfaction"])
def test_hardly_any_room_is_left(name: str) -> None:
    """Rates of leaving and of purchases, or shifts of satisfaction, on a mesh: its ends are those of the ranges."""
    chain, rng = chain_of(**MARKETS[name]), np.random.default_rng(2)
    low, _ = ends_of(chain, rng, 0.0)
    low[..., LEAVING] = 0.0
    high, share = low.copy(), np.zeros_like(low)
    moved = (DEFECTION, SATISFIED) if name == "satisfaction" else (DEFECTION, RATE)
    high[..., moved] += (0.5, 0.4 if name == "satisfaction" else 2.0)
    least, most, small, large = ranges_of(chain, low, high, 2)
    seen = [np.full(least.shape, np.inf), np.zeros(least.shape), np.full(least.shape, np.inf), np.zeros(least.shape)]
    for along in np.linspace(0, 1, 5):
        for across in np.linspace(0, 1, 81):
            share[..., moved] = along, across
            odds = chain.step_under(low + share * (high - low)).probability
            ratio = np.divide(odds, odds[[2]], out=np.ones_like(odds), where=odds[[2]] > 1e-4)
            for k, (function, value) in enumerate(
                ((np.minimum, odds), (np.maximum, odds), (np.minimum, ratio), (np.maximum, ratio))
            ):
                seen[k] = function(seen[k], value)
    told = (seen[0] > 1e-4) & (seen[0][[2]] > 1e-4) & (name != "satisfaction")  # ratios of shifts have poles
    np.testing.assert_allclose(least, seen[0], atol=2e-4)
    np.testing.assert_allclose(most, seen[1], rtol=kernels.BEYOND, atol=2e-4)
    np.testing.assert_allclose(small[told], seen[2][told], rtol=5e-3)
    np.testing.assert_allclose(large[told], seen[3][told], rtol=5e-3)


def test_blocks_that_are_alike_have_one_ratio() -> None:
    """And where effects are known so are the odds and ratios."""
    chain, rng = chain_of(**MARKETS["satisfaction"]), np.random.default_rng(1)
    low, high = ends_of(chain, rng, 1.0)
    _, most, small, large = ranges_of(chain, low, high, 3)
    there = (most[3] > 1e-9) & (small[3] <= large[3])
    assert there.sum() > 100
    np.testing.assert_allclose(small[3][there], 1.0, rtol=1e-12)
    np.testing.assert_allclose(large[3][there], 1.0, rtol=1e-12)
    least, most, small, large = ranges_of(chain, low, low, 3)
    odds = chain.step_under(low).probability
    np.testing.assert_allclose(least, odds, atol=1e-14)
    np.testing.assert_allclose(most, odds, atol=1e-14)
    told = (odds > 1e-6) & (odds[[3]] > 1e-6)
    ratio = (odds / np.where(odds[[3]] > 0, odds[[3]], 1.0))[told]
    np.testing.assert_allclose(small[told], ratio, rtol=1e-6)
    np.testing.assert_allclose(large[told], ratio, rtol=1e-6)
