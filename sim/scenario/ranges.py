"""Numbers of a scenario's content by dotted path, and the ends of what is uncertain."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from sim.errors import ScenarioError
from sim.scenario.changes import changed, value_at
from sim.scenario.rules import Uncertain

__all__ = ["corners", "leads", "replaced", "stated"]

TOGETHER = 6
"""Numbers beside each other whose ends are tried together."""


def replaced(content: dict[str, Any], values: dict[str, float]) -> dict[str, Any]:
    """Return content with numbers at dotted paths replaced, e.g. ``levers.retention.moves.survival.brings``.

    Raises
    ------
    KeyError
        With the path that leads to no number.
    """
    for path in values:
        stated(content, path)
    return changed(content, values)


def stated(content: dict[str, Any], path: str) -> float:
    """Return the number at a dotted path.

    Raises
    ------
    KeyError
        With the path, if it leads to no number.
    """
    try:
        here = value_at(content, path)
    except ScenarioError:
        here = None
    if not isinstance(here, int | float) or isinstance(here, bool):
        raise KeyError(path)
    return float(here)


def leads(content: dict[str, Any], path: str) -> bool:
    """Return whether a dotted path leads to a number."""
    try:
        stated(content, path)
    except KeyError:
        return False
    return True


def corners(ranges: Sequence[Uncertain]) -> Iterator[dict[str, float]]:
    """Yield values by path: both ends of every range alone, then together with those of the numbers beside it."""
    for each in ranges:
        yield from ({each.path: each.low}, {each.path: each.high})
    beside: dict[str, list[Uncertain]] = {}
    for each in ranges:
        beside.setdefault(each.path.rpartition(".")[0], []).append(each)
    for group in beside.values():
        if 1 < len(group) <= TOGETHER:
            for ends in itertools.product(*((each.low, each.high) for each in group)):
                yield {each.path: end for each, end in zip(group, ends, strict=True)}
