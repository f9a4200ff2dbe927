"""A segment that is stated rather than found in a base: its trait classes, and who is there when."""

import math

import numpy as np

from sim.arrays import Floats, Ints
from sim.customers.established import established_classes, is_young, spread
from sim.customers.groups import Blocks, horizon_rate
from sim.customers.population import defection_classes, gamma_classes, mean_spend_of
from sim.engine.lifecycle import START, Lifecycle
from sim.scenario.customers import Quality
from sim.scenario.file import Scenario, Segment, Traits
from sim.scenario.people import Established, born

__all__ = ["ALIKE", "block_weights", "blocks_by_source", "settled", "synthetic_arrivals", "synthetic_blocks"]


SYNTHETIC_CLASSES = (6, 5)
"""Trait classes of a synthetic segment: nodes in the purchase rate x in the defection rate."""
LOW_DISCOUNT = 0.1
"""Discount over the horizon below which value lies far beyond it: the rule then looks further, with two nodes more.

CDNOW's defection law, 24 months at 1 % a year: value-to-go 12 % low with the usual rule, .01 % with this one.
"""

ALIKE = (Quality(share=1.0),)
"""The qualities of a segment that states none."""


def settled(segment: Segment) -> list[tuple[str, Established]]:
    """Return those at the start who have been customers for a while, by stage: each has trait classes of its own."""
    return [(stage, each) for stage, each in segment.standing if not is_young(stage, each)]


def blocks_by_source(segment: Segment, blocks: Ints) -> Ints:
    """Return a segment's blocks by (quality, source, class): the first source is the newly won and those to be won.

    The others are those of :func:`settled`.
    """
    return blocks.reshape(len(segment.quality or ALIKE), 1 + len(settled(segment)), -1)


def _rules(scenario: Scenario) -> tuple[tuple[int, int], float]:
    """Return how many nodes the two rates have, and how far the rule for the defection rate looks."""
    horizon, (rates, defections) = horizon_rate(scenario), SYNTHETIC_CLASSES
    discount = scenario.discount_per_period
    if scenario.terminal == "value-to-go" and discount * scenario.periods < LOW_DISCOUNT:
        return (rates, defections + 2), math.sqrt(discount * horizon)
    return (rates, defections), horizon


def _classes(traits: Traits, scenario: Scenario) -> tuple[Floats, Floats, Floats]:
    """Return purchase rates, defection rates and weights of a synthetic segment's trait classes."""
    counts, horizon = _rules(scenario)
    rates, rate_weights = gamma_classes(traits.purchase_rate, counts[0])
    defections, weights = defection_classes(traits.defection_rate, counts[1], horizon)
    return (
        np.repeat(rates, defections.size),
        np.tile(defections, rates.size),
        np.outer(rate_weights, weights).ravel(),
    )


def block_weights(segment: Segment, scenario: Scenario) -> Floats:
    """Return the weight of each block of a synthetic segment among the newly won and those to be won."""
    assert segment.traits is not None
    _, _, weights = _classes(segment.traits, scenario)
    share = np.array([quality.share for quality in segment.quality or ALIKE])
    out = np.zeros((share.size, 1 + len(settled(segment)), weights.size))
    out[:, 0] = np.outer(share / share.sum(), weights)
    return out.ravel()


def synthetic_blocks(chain: Lifecycle, group: int, segment: Segment) -> Blocks:
    """Return a synthetic segment's blocks, quality x source x trait class, with those who are there at the start.

    ``chain``: the same people's, whose blocks do not matter.
    """
    assert segment.traits is not None
    scenario, states = chain.scenario, len(chain.space.names)
    rates, defections, _ = _classes(segment.traits, scenario)
    qualities, weights, name = segment.quality or ALIKE, block_weights(segment, scenario), chain.targets.segments[group]
    initial = np.zeros((weights.size, states))
    for at, each in segment.standing:
        if is_young(at, each):
            initial[:, START[at]] += weights * round(each.count)
    parts = [
        (
            np.concatenate([quality.purchase_rate * rates for quality in qualities]),
            np.tile(defections, len(qualities)),
            spread(chain, initial)[blocks_by_source(segment, np.arange(weights.size))[:, 0].ravel()],
        )
    ]
    counts, horizon = _rules(scenario)
    for stage, each in settled(segment):
        parts.append(established_classes(chain, name, group, segment, stage, each, qualities, counts, horizon))
    by_quality = [
        [part.reshape(len(qualities), rates.size, *part.shape[1:]) for part in kind]
        for kind in zip(*parts, strict=True)
    ]
    rate, defection, there = (np.stack(kind, axis=1) for kind in by_quality)
    spend = mean_spend_of(segment.traits.spend)
    return Blocks(
        np.full(weights.size, group),
        there.reshape(weights.size, states),
        rate.ravel(),
        defection.ravel(),
        np.repeat([quality.spend * spend for quality in qualities], weights.size // len(qualities)),
    )


def synthetic_arrivals(scenario: Scenario, segments: list[str], group: Ints, shape: tuple[int, ...]) -> Floats:
    """Return expected people who appear, (periods, blocks, states)."""
    out = np.zeros((scenario.periods, *shape))
    for g, name in enumerate(segments):
        segment = scenario.segments.get(name, Segment())
        for stage, births in segment.births.items():
            come = np.array([born(births, t) for t in range(scenario.periods)])
            out[:, group == g, START[stage]] += come[:, None] * block_weights(segment, scenario)[None, :]
    return out
