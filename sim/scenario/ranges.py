"""Numbers of a scenario's content by dotted path, and the ends of what is uncertain."""

import copy
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from sim.scenario.rules import Uncertain

__all__ = ["corners", "leads", "replaced"]

TOGETHER = 6
"""Numbers beside each other whose ends are tried together."""


def replaced(content: dict[str, Any], values: dict[str, float]) -> dict[str, Any]:
    """Return content with numbers at dotted paths replaced, e.g. ``levers.retention.moves.survival.brings``.

    Raises
    ------
    KeyError
        With the path that leads to no number.
    """
    content = copy.deepcopy(content)
    for path, value in values.items():
        here: Any = content
        *way, last = path.split(".")
        for part in way:
            here = _inside(here, part)
        place: Any = int(last) if isinstance(here, list) and last.isdigit() else last
        if not leads(content, path):
            raise KeyError(path)
        here[place] = value
    return content


def leads(content: dict[str, Any], path: str) -> bool:
    """Return whether a dotted path leads to a number."""
    here: Any = content
    for part in path.split("."):
        here = _inside(here, part)
    return isinstance(here, int | float) and not isinstance(here, bool)


def _inside(content: Any, part: str) -> Any:
    """Return what stands under a key or number; nothing where nothing does."""
    if isinstance(content, dict):
        return content.get(part)
    return content[int(part)] if isinstance(content, list) and part.isdigit() and int(part) < len(content) else None


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
