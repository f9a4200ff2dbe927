"""A segment that is stated rather than found in a base: its trait classes, and who is there when."""

import math

import numpy as np

from sim.arrays import Floats, Ints
from sim.customers.groups import Blocks, horizon_rate
from sim.customers.population import defection_classes, gamma_classes, mean_spend_of
from sim.engine.chain import StateSpace
from sim.engine.lifecycle import START
from sim.scenario.customers import Quality
from sim.scenario.file import Scenario, Segment, Traits

__all__ = ["ALIKE", "block_weights", "born", "synthetic_arrivals", "synthetic_blocks"]


SYNTHETIC_CLASSES = (6, 5)
"""Trait classes of a synthetic segment: nodes in the purchase rate x in the defection rate."""
LOW_DISCOUNT = 0.1
"""Discount over the horizon below which value lies far beyond it: the rule then looks further, with two nodes more.

CDNOW's defection law, 24 months at 1 % a year: value-to-go 12 % low with the usual rule, .01 % with this one.
"""

ALIKE = (Quality(share=1.0),)
"""The qualities of a segment that states none."""


def _classes(traits: Traits, scenario: Scenario) -> tuple[Floats, Floats, Floats]:
    """Return purchase rates, defection rates and weights of a synthetic segment's trait classes."""
    rates, rate_weights = gamma_classes(traits.purchase_rate, SYNTHETIC_CLASSES[0])
    horizon, count = horizon_rate(scenario), SYNTHETIC_CLASSES[1]
    discount = scenario.discount_per_period
    if scenario.terminal == "value-to-go" and discount * scenario.periods < LOW_DISCOUNT:
        horizon, count = math.sqrt(discount * horizon), count + 2
    defections, weights = defection_classes(traits.defection_rate, count, horizon)
    return (
        np.repeat(rates, defections.size),
        np.tile(defections, rates.size),
        np.outer(rate_weights, weights).ravel(),
    )


def block_weights(segment: Segment, scenario: Scenario) -> Floats:
    """Return the weight of each block of a synthetic segment: quality x trait class."""
    assert segment.traits is not None
    _, _, weights = _classes(segment.traits, scenario)
    share = np.array([quality.share for quality in segment.quality or ALIKE])
    return np.asarray(np.outer(share / share.sum(), weights).ravel())


def synthetic_blocks(scenario: Scenario, space: StateSpace, group: int, segment: Segment) -> Blocks:
    """Return a synthetic segment's blocks: quality x trait class, with the people who are there at the start."""
    assert segment.traits is not None
    rates, defections, _ = _classes(segment.traits, scenario)
    qualities, weights = segment.quality or ALIKE, block_weights(segment, scenario)
    initial = np.zeros((weights.size, len(space.names)))
    for at, number in segment.start.items():
        initial[:, START[at]] += weights * round(number)
    spend = mean_spend_of(segment.traits.spend)
    return Blocks(
        np.full(weights.size, group),
        initial,
        np.concatenate([quality.purchase_rate * rates for quality in qualities]),
        np.tile(defections, len(qualities)),
        np.repeat([quality.spend * spend for quality in qualities], rates.size),
    )


def synthetic_arrivals(scenario: Scenario, segments: list[str], group: Ints, shape: tuple[int, ...]) -> Floats:
    """Return expected people who appear, (periods, blocks, states)."""
    out = np.zeros((scenario.periods, *shape))
    for g, name in enumerate(segments):
        segment = scenario.segments.get(name, Segment())
        for stage, number in segment.births.items():
            come = np.array([born(number, t) for t in range(scenario.periods)])
            out[:, group == g, START[stage]] += come[:, None] * block_weights(segment, scenario)[None, :]
    return out


def born(number: float, period: int) -> int:
    """Return how many appear in a period: whole numbers that add up to ``number`` a period."""
    return round(number * (period + 1)) - round(number * period)
