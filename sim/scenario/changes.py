"""A scenario's content with some keys changed, each named by its path as in the file.

A path has dots between keys, ``levers.retention.reference``; an item of a list is named by its ``name``
(``competitors.rival.strength``), by its place from 1 in brackets as ``tenure diff`` prints it (``competitors[1]``), or
by its place from 0 (``competitors.0``) as under ``uncertain:``.
"""

import copy
import re
from collections.abc import Mapping
from typing import Any

from sim.errors import ScenarioError

__all__ = ["changed", "value_at"]

_PLACE = re.compile(r"\[(\d+)\]\.?")
_PLACE_NEW = re.compile(r"\[1\]|0(?:\.|$)")
_KEY = re.compile(r"([^.\[]+)\.?")
LISTED = ("competitors", "shocks")
"""Keys that hold lists of items with names."""
DEEPEST = 50
"""Steps of a path; no key of a scenario has ten."""


def changed(content: Mapping[str, Any], values: Mapping[str, Any], where: str = "scenario") -> dict[str, Any]:
    """Return content with the value at each path replaced, or stated where it was not; ``where`` names it in errors.

    What no path leads through is shared with what was given: change neither in place.

    Raises
    ------
    ScenarioError
        If a path leads through a value that has no keys, or to an item that is not there.
    """
    out: dict[str, Any] = dict(content)
    for path, value in values.items():
        here: Any = out
        way = _way(out, path, where)
        if way[0] == "folder":  # set by reading, not a key of the file
            raise ScenarioError(f"{where}: folder: unknown key")
        for step in way[:-1]:
            if isinstance(here, list) and step == len(here):
                here.append({})
            below = here.get(step) if isinstance(here, dict) else here[step]
            here[step] = {} if below is None else copy.copy(below)
            here = here[step]
        if isinstance(here, list) and way[-1] == len(here):
            here.append(copy.deepcopy(value))
        else:
            here[way[-1]] = copy.deepcopy(value)
    return out


def value_at(content: Mapping[str, Any], path: str) -> Any:
    """Return the value at a path; None where nothing is stated."""
    here: Any = content
    for step in _way(content, path, "scenario"):
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            return None
    return here


def _way(content: Any, path: str, where: str) -> list[str | int]:
    """Return the keys and places from the top of some content to what a path names; new keys follow known ones."""
    way: list[str | int] = []
    here, rest = content, path
    while rest:
        step, rest = _step(here, rest, path, where)
        if not way and rest and step in LISTED and here.get(step) is None and not _PLACE_NEW.match(rest):
            raise ScenarioError(
                f"{where}: {path}: there are no {step} in this scenario; state them whole, such as "
                f"`{step}: [{{name: {rest.partition('.')[0]}, ...}}]` (tenure schema says with which keys)"
            )
        way.append(step)
        if len(way) > DEEPEST:
            raise ScenarioError(f"{where}: {path[:60]}...: lies deeper than any key; expected one such as margin")
        if isinstance(here, dict):
            here = here.get(str(step))
        else:
            here = here[step] if isinstance(step, int) and step < len(here) else None
    if not way:
        raise ScenarioError(f"{where}: an empty path names no key; expected one such as margin")
    return way


def _step(here: Any, rest: str, path: str, where: str) -> tuple[str | int, str]:
    """Return the first step of the rest of a path, and what is left of it."""
    if isinstance(here, list):
        return _item(here, rest, path, where)
    if here is not None and not isinstance(here, dict):
        raise ScenarioError(f"{where}: {path}: '{rest}' lies inside {here!r}, which has no keys; name a key before it")
    for key in sorted(here or (), key=len, reverse=True):  # a name may hold a dot
        if rest == key:
            return key, ""
        if rest.startswith((f"{key}.", f"{key}[")):
            return key, rest[len(key) :].removeprefix(".")
    found = _KEY.match(rest)
    if found is None:
        raise ScenarioError(f"{where}: {path}: expected keys with dots between them, got '{rest}'")
    return found[1], rest[found.end() :]


def _item(here: list[Any], rest: str, path: str, where: str) -> tuple[str | int, str]:
    """Return the place of a list's item, and what is left of the path; one place after the last is a new item."""
    names = [each["name"] for each in here if isinstance(each, dict) and isinstance(each.get("name"), str)]
    for name in sorted(names, key=len, reverse=True):
        if rest == name or rest.startswith((f"{name}.", f"{name}[")):
            place = next(i for i, each in enumerate(here) if isinstance(each, dict) and each.get("name") == name)
            return place, rest[len(name) :].removeprefix(".")
    bracket, plain = _PLACE.match(rest), re.match(r"(\d+)(?:\.|$)", rest)
    found = bracket or plain
    if found is not None:
        place = int(found[1]) - (1 if bracket else 0)
        if 0 <= place <= len(here):
            return place, rest[found.end() :]
    known = ", ".join(names) or f"[1] to [{len(here)}]"
    raise ScenarioError(f"{where}: {path}: '{rest}' names no item of the list; expected one of {known}")
