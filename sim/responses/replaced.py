"""Ranges of curves that act on nobody, as every segment has one of its own: they are left out of a scenario."""

from collections.abc import Iterable, Mapping
from typing import Any

from sim.responses.read import Key
from sim.scenario.file import Scenario

__all__ = ["without_replaced"]


def without_replaced(
    scenario: Scenario, content: Mapping[str, Any], ranges: dict[str, Any], keys: Iterable[Key]
) -> list[str]:  # fmt: skip
    """Take away ranges of curves that act on nobody, as every segment has its own; return what is to be said."""
    segments, out = {*scenario.base_segments, *scenario.segments}, []
    for lever, moves in dict.fromkeys((lever, moves) for lever, moves, segment in keys if segment):
        parts = content["levers"][lever].get("by_segment", {})
        own = {name for name, part in parts.items() if moves in part.get("moves", {})}
        path = f"levers.{lever}.moves.{moves}."
        gone = [each for each in ranges if each.startswith(path)]
        if not segments <= own or not gone:
            continue
        for each in gone:
            del ranges[each]
        for name, each in ranges.items():
            near = {one: score for one, score in each.get("correlated", {}).items() if one not in gone}
            ranges[name] = {key: value for key, value in each.items() if key != "correlated"}
            ranges[name] |= {"correlated": near} if near else {}
        out.append(
            f"{lever} on {moves}: every segment has a curve of its own now; the one for all acts on nobody, and its "
            f"{'range is' if len(gone) == 1 else f'{len(gone)} ranges are'} left out of `uncertain:`"
        )
    return out
