"""What a scenario says that was learned of a curve before, which counts beside what is learned now."""

from collections.abc import Iterable

import numpy as np

from sim.responses.read import Key
from sim.responses.shape import Shape
from sim.scenario.file import Scenario
from sim.scenario.rules import Evidence

__all__ = ["answered_alone", "learned_of", "record_of", "source_of"]

RANKS = ("answered", "both", "measured")


def record_of(scenario: Scenario, key: Key) -> Evidence:
    """Return the record of a curve; what is known of the lever's for all is no evidence on a segment's own."""
    lever, moves, segment = key
    for each in scenario.evidence:
        if (each.lever, each.moves, each.segment) == key:
            return each
    return Evidence(lever=lever, moves=moves, segment=segment, source="answered")


def learned_of(shape: Shape, then: Evidence) -> set[str]:
    """Return the numbers of a curve that data told before."""
    return set() if then.source == "answered" else {*_named(shape).values()} - {*then.answered}


def source_of(shape: Shape, at: float, now: str, then: Evidence) -> str:
    """Return where a point comes from that data now moved or not, as the record before and these tell it."""
    earlier = "answered" if _named(shape).get(at) in then.answered else then.source
    return max(now, earlier, key=RANKS.index)


def answered_alone(shape: Shape, sources: Iterable[tuple[float, str]]) -> list[str]:
    """Return the numbers of a curve that are answered where others are not."""
    told = [(_named(shape).get(at), source) for at, source in sources]
    if all(source == "answered" for _, source in told):
        return []
    return [name for name, source in told if name and source == "answered"]


def _named(shape: Shape) -> dict[float, str]:
    return {0.0: "without_money", shape.known: shape.last, np.inf: "unlimited_money"}
