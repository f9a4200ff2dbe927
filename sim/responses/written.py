"""What was learned, written into a scenario's content: curves, ranges, and what is carried over."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import Any

import numpy as np

from sim.errors import InputError
from sim.responses.history.fit import Carried
from sim.responses.read import Key, named
from sim.scenario.market import GAINS, MOST_SHOCK

__all__ = ["carry", "put"]


def put(
    content: dict[str, Any], ranges: dict[str, Any], path: str, key: Key, stated: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]], yielding: AbstractSet[str] = frozenset(),
) -> list[str]:  # fmt: skip
    """Write a curve and its ranges into a scenario's content; return what is narrower there than it is known.

    ``yielding``: numbers whose range nobody stated, which give way to those of others.

    Raises
    ------
    InputError
        If a gain is larger than a scenario may state.
    """
    lever, moves, segment = key
    if moves in GAINS and stated["unlimited_money"] > MOST_SHOCK:
        times = f"{1 + stated['unlimited_money']:.4g} times what it is without"
        raise InputError(
            f"{named(key)}: data and answers say that unlimited money makes it {times}, and a scenario states up to "
            f"{1 + MOST_SHOCK:g} times; where hardly anybody buys without money a gain cannot be told: give an answer "
            "at unlimited with a range, or leave this out"
        )
    own = content["levers"][lever]
    curve = dict(own["moves"][moves])
    if segment:
        own = own.setdefault("by_segment", {}).setdefault(segment, {})
        curve = dict(own.get("moves", {}).get(moves, curve))
    own.setdefault("moves", {})[moves] = curve | {name: _shown(value) for name, value in stated.items()}
    order = [name for name in ("without_money", "brings", "unlimited_money") if name in stated]
    limits = {name: [-np.inf, np.inf] for name in stated}
    for lower, upper in pairwise(order):
        if intervals[lower][1] >= intervals[upper][0]:  # any corner must be a curve: the middle divides them
            middle = (stated[lower] + stated[upper]) / 2
            apart = 0.01 * (stated[upper] - stated[lower])
            limits[lower][1], limits[upper][0] = middle - apart, middle + apart
            if intervals[lower][0] == intervals[lower][1]:
                limits[lower][1], limits[upper][0] = np.inf, stated[lower] + apart
            elif lower in yielding and upper not in yielding and stated[lower] < intervals[upper][0] - apart:
                limits[lower][1], limits[upper][0] = intervals[upper][0] - apart, -np.inf
            elif upper in yielding and lower not in yielding and stated[upper] > intervals[lower][1] + apart:
                limits[lower][1], limits[upper][0] = np.inf, intervals[lower][1] + apart
    if moves in GAINS:
        for limit in limits.values():
            limit[1] = min(limit[1], MOST_SHOCK)
    narrowed = []
    for name, (low, high) in intervals.items():
        if low == high:
            continue
        kept = max(low, limits[name][0]), min(high, limits[name][1])
        if kept != (low, high):
            why = "as ranges there must not overlap"
            if moves in GAINS and high > kept[1] == MOST_SHOCK:
                why = f"as gains there are up to {MOST_SHOCK:g}"
            narrowed.append(
                f"{named(key)}: {name} is known to lie in {low:.4g} to {high:.4g}; under `uncertain:` stands "
                f"{kept[0]:.4g} to {kept[1]:.4g}, {why}"
            )
        where = f"{path}.{name}"
        low, high = _shown(kept[0]), _shown(kept[1])
        ranges[where] = _range(where, low, _shown(stated[name]), high)
    return narrowed


def carry(content: dict[str, Any], ranges: dict[str, Any], lever: str, found: Carried) -> tuple[str, list[str]]:
    """Write what a lever carries over into a scenario's content; return where, and what is to be said of it."""
    own, path = content["levers"][lever], f"levers.{lever}.of_late.carry_over"
    if own.get("pays", "budget") != "budget":
        return "", [f"{lever}: that it carries over is not stated, as its money is what customers pay or cost now"]
    before = own.get("of_late") or {}
    own["of_late"] = {**before, "carry_over": _shown(found.share)}
    ranges[path] = _range(path, *map(_shown, (found.low, found.share, found.high)))
    stated = before.get("carry_over", 0.0)
    instead = f" in place of {stated:.0%}" if stated else ""
    return path, [f"{lever}: `{path}: {_shown(found.share):.2f}` states what is carried over{instead}, with its range"]


def _range(path: str, low: float, middle: float, high: float) -> dict[str, Any]:
    return {"path": path, "low": low, "high": high, **({"law": "normal"} if low < middle < high else {})}


def _shown(value: float) -> float:
    return float(f"{value:.8g}")
