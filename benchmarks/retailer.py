"""The work of the engine's benchmark: a retailer with everything on that a retailer would switch on.

Ten segments that differ a little, traits that differ from customer to customer, satisfaction, word of mouth, a
competitor and five levers played away from their reference. Six people of ten are not customers yet, three are
customers, one has left without a word.
"""

import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arrays import Flags, Floats, Ints

if TYPE_CHECKING:
    from sim.customers.population import Population
    from sim.twin import Twin

__all__ = ["GONE_SHARE", "PLAYED", "intensities", "retailer", "spread", "spread_observed"]

GONE_SHARE = 0.25
"""Of everybody who ever bought, this part has silently gone: a tenth of all people."""

PLAYED = {"awareness": 1.25, "acquisition": 1.2, "development": 0.8, "retention": 1.3, "winback": 1.5}
"""Intensity of each lever in the benchmark, in multiples of its reference."""

STAGES = ("unaware", "prospect", "new", "developing", "core", "declining", "lapsed")
UNAWARE, PROSPECT, ALIVE, GONE, LOST = range(5)


def _segment(number: int, people: int) -> dict[str, Any]:
    """Return one segment; its traits differ from its neighbours', its mix of people does not."""
    unaware, prospect = round(0.3 * people), round(0.3 * people)
    tilt = number % 10
    return {
        "start": {"unaware": unaware, "prospect": prospect, "new": people - unaware - prospect},
        "traits": {
            "purchase_rate": {"shape": 0.9 + 0.05 * tilt, "rate": 2.2 - 0.06 * tilt},
            "defection_rate": {"shape": 0.8 + 0.04 * tilt, "rate": 18.0 + 0.7 * tilt},
            "spend": {"p": 6.0, "q": 4.0, "gamma": 14.0 + tilt},
        },
    }


def retailer(customers: int, segments: int = 10, periods: int = 24) -> dict[str, Any]:
    """Return the content of a scenario with ``customers`` people in ``segments`` over ``periods`` months."""
    edges = [number * customers // segments for number in range(segments + 1)]
    people = [after - before for before, after in itertools.pairwise(edges)]

    def curve(without: float, unlimited: float, spend: float, brings: float) -> dict[str, float]:
        return {"without_money": without, "unlimited_money": unlimited, "spend": spend, "brings": brings}

    return {
        "name": f"retailer of {customers} people",
        "period": "month",
        "periods": periods,
        "terminal": "none",
        "margin": 0.35,
        "loss": 0.03,
        "stages": {"core": 4, "declining": 3, "lapsed": 12},
        "segments": {f"segment {number:04d}": _segment(number, size) for number, size in enumerate(people)},
        "satisfaction": {
            "mix": [0.05, 0.15, 0.35, 0.3, 0.15],
            "mobility": 0.2,
            "defection_per_level": 0.15,
            "purchase_rate_per_level": 0.05,
        },
        "word_of_mouth": 0.5,
        "competitors": [{"name": "discounter", "start": 6, "route": "defection", "strength": 0.2}],
        "levers": {
            "awareness": {
                "targets": ["unaware"],
                "moves": {"awareness": curve(0.01, 0.10, 0.5, 0.04)},
                "reference": 0.5,
            },
            "acquisition": {
                "targets": ["prospect"],
                "moves": {"acquisition": curve(0.005, 0.08, 1.0, 0.03)},
                "reference": 1.0,
            },
            "development": {
                "targets": ["new", "developing", "core"],
                "moves": {"purchase_rate": curve(0.0, 0.5, 1.0, 0.2), "amount": curve(0.0, 0.2, 1.0, 0.05)},
                "reference": 1.0,
            },
            "retention": {
                "targets": ["developing", "core", "declining"],
                "moves": {"survival": curve(0.93, 0.99, 1.0, 0.96), "satisfaction": curve(0.0, 0.06, 1.0, 0.02)},
                "reference": 1.0,
            },
            "winback": {
                "targets": ["declining", "lapsed"],
                "moves": {"reactivation": curve(0.005, 0.12, 2.0, 0.04)},
                "reference": 1.0,
            },
        },
    }


def intensities(content: dict[str, Any]) -> Floats:
    """Return what is played, money per targeted customer, (segments, stages, levers)."""
    out = np.zeros((len(content["segments"]), len(STAGES), len(content["levers"])))
    for i, (name, lever) in enumerate(content["levers"].items()):
        for stage in lever["targets"]:
            out[:, STAGES.index(stage), i] = lever["reference"] * PLAYED[name]
    return out


def spread_observed(size: int, core: int, lapsed: int, seed: int = 0) -> tuple[Flags, Ints, Ints]:
    """Return for ``size`` people who bought before: silently gone or not, purchases so far and silent periods."""
    draws = np.random.default_rng(seed)
    gone = np.zeros(size, dtype=bool)
    gone[draws.permutation(size)[: round(GONE_SHARE * size)]] = True
    bought = draws.integers(1, core + 1, size)
    silent = np.where(gone, draws.integers(0, lapsed + 1, size), draws.geometric(0.4, size) - 1)
    return gone, bought, np.minimum(silent, lapsed)


def spread(twin: "Twin", population: "Population", seed: int = 0) -> "Population":
    """Return the population with its customers spread over purchases and silence, a quarter of them silently gone.

    A scenario's people start as unaware, as prospects or with a first purchase just made; a firm in business has
    customers of every kind. Who stays alive keeps its level of satisfaction.
    """
    space = twin.chain.space
    state = np.asarray(population.state, dtype=np.int64)
    who = np.flatnonzero(space.kind[state] == ALIVE)
    core, lapsed = int(space.bought.max()), int(space.silent.max())
    gone, bought, silent = spread_observed(who.size, core, lapsed, seed)
    level = np.where(gone, 0, space.level[state[who]])
    place = np.full((LOST + 1, core + 1, lapsed + 1, int(space.level.max()) + 1), -1, dtype=np.int64)
    place[space.kind, space.bought, space.silent, space.level] = np.arange(space.kind.size)
    new = place[np.where(gone, GONE, ALIVE), bought, silent, level]
    if (new < 0).any():
        raise ValueError("the state space lacks a state that the retailer's customers need")
    state[who] = new
    return replace(population, state=state.astype(population.state.dtype))


def whole_millions(number: float) -> str:
    """Return a number of people as people write it: 4e6 as ``4 million``."""
    return f"{number / 1e6:g} million" if number >= 1e6 else f"{math.floor(number):,}"
