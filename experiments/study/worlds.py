"""The worlds of a study: scenarios by file, and scenarios that differ from another one in what is said of them.

A world is a file, ``base: scenario.yaml``, or starts from another world (the first, where ``from`` is left out) and

=========== ============================================================================================================
``set``     values by path: ``{margin: 0.35, competitors.rival.strength: 0.3}``
``times``   factors by path of numbers that are stated, or of laws, whose means are multiplied, all customers alike:
            ``{segments.shop.traits.defection_rate: 2}``
``list``    several such ``set``, one world each
``grid``    lists of values by path, one world for every combination
``sample``  ``{path: [low, high]}`` with ``number`` of worlds, spread ``by`` ``latin hypercube`` (default), ``sobol``
            (Sobol's sequence, scrambled) or ``saltelli`` (``number * (paths + 2)`` worlds: the design that Sobol'
            indices need)
=========== ============================================================================================================

A mapping that holds none of these words is a ``set`` itself: ``rival: {competitors: [...]}``.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from experiments.study.reading import changes_of, counted, known_keys, mapping, number
from sim.arrays import Floats, Progress
from sim.errors import InputError
from sim.scenario.changes import changed, value_at
from sim.scenario.file import Scenario, parse, read_content

__all__ = ["DESIGNS", "World", "read_worlds"]

DESIGNS = ("latin hypercube", "sobol", "saltelli")
MEANS = {frozenset({"shape", "rate"}): ("rate", -1.0), frozenset({"p", "q", "gamma"}): ("gamma", 1.0)}
"""By the numbers of a law, that which its mean goes with, and by which power: ``shape/rate``, ``p gamma/(q - 1)``."""
WAYS = ("set", "times", "list", "grid", "sample")
WORDS = ("from", *WAYS, "number", "by", "seed")
MOST_WORLDS = 100_000


@dataclass(frozen=True, eq=False)
class World:
    """A scenario with the name it has in a study.

    Attributes
    ----------
    name : str
    scenario : Scenario
    content : dict
        What its file says, with what was changed.
    family : str
        The name in the study's file, which several worlds share that were listed or drawn.
    values : dict
        What was drawn or listed, by path.
    design : str
        How they were drawn: one of :data:`DESIGNS`, ``grid`` or ``list``; nothing for a world of its own.
    start : str
        The world or file that it starts from; nothing for a file.
    stated : dict
        What was there before ``values``, by path; None where nothing was stated.
    """

    name: str
    scenario: Scenario
    content: dict[str, Any]
    family: str
    values: Mapping[str, Any] = field(default_factory=dict)
    design: str = ""
    start: str = ""
    stated: Mapping[str, Any] = field(default_factory=dict)


def read_worlds(
    given: Mapping[str, Any], folder: Path, where: str, progress: Progress | None = None
) -> tuple[World, ...]:
    """Return the worlds of a study's file that lies in ``folder``; ``where`` names the place in errors.

    Raises
    ------
    InputError
        If one is not as it should be, or starts from one that is not there.
    """
    reading = _Reading(dict(given), folder, where)
    number = sum(reading.size(name) for name in given)
    if number > MOST_WORLDS:
        raise InputError(f"{where}: {number:,} worlds; expected up to {MOST_WORLDS:,}")
    made: dict[str, World] = {}
    for world in (world for name in given for world in reading.family(name)):
        if world.name in made:
            raise InputError(f"{where}: two worlds are called '{world.name}'; give one another name")
        made[world.name] = world
        if progress is not None:
            progress(len(made) / number)
    return tuple(made.values())


class _Reading:
    """Worlds as they are read, each once, whatever starts from it."""

    def __init__(self, given: dict[str, Any], folder: Path, where: str) -> None:
        self._given, self._folder, self._where = given, folder, where
        self._contents: dict[str, dict[str, Any]] = {}
        self._starts: dict[str, str] = {}
        self._open: list[str] = []

    def size(self, name: str) -> int:
        """Return how many worlds a name stands for, before any of them is made."""
        if not name.strip() or not name.isprintable():
            raise InputError(f"{self._where}: {name!r}: expected a name in one line; give the world one")
        said, where = self._given[name], f"{self._where}.{name}"
        if isinstance(said, dict) and "grid" in said:
            return math.prod(len(values) for values in _axes(said["grid"], f"{where}.grid").values())
        if isinstance(said, dict) and "sample" in said:
            return _size(said, where)[1]
        return len(said["list"]) if isinstance(said, dict) and isinstance(said.get("list"), list) else 1

    def family(self, name: str) -> Iterator[World]:
        """Yield the worlds that a name of the file stands for."""
        where, said = f"{self._where}.{name}", self._given[name]
        variants = [("", {}, "")] if isinstance(said, str) else list(self._variants(name, where))
        start, of = self._content(name), self._starts.get(name, "")
        for label, values, design in variants:
            title = f"{name}: {label}" if label else name
            content = changed(start, values, where)
            stated = {path: value_at(start, path) for path in values}
            yield World(title, parse(content, where, ranges=not label), content, name, values, design, of, stated)

    def _content(self, name: str) -> dict[str, Any]:
        """Return what a world that others start from says: its file, or what it starts from with its changes."""
        if name in self._open:
            raise InputError(f"{self._where}: '{name}' starts from itself; name a file")
        if name not in self._contents:
            self._open.append(name)
            self._contents[name] = self._made(name)
            self._open.remove(name)
        return self._contents[name]

    def _made(self, name: str) -> dict[str, Any]:
        where, said = f"{self._where}.{name}", self._given[name]
        if isinstance(said, str):
            return read_content(self._folder / said)
        said = mapping(said, where)
        if not set(said) & set(WORDS):
            said = {"set": said}
        known_keys(said, WORDS, where)
        if not set(said) & set(WAYS):
            raise InputError(f"{where}: says no difference; expected one of {', '.join(WAYS)}")
        self._starts[name] = self._begins(name, said.get("from"), where)
        start = self._content(self._starts[name])
        content = changed(start, changes_of(said["set"], f"{where}.set"), where) if "set" in said else start
        return self._multiplied(content, said["times"], f"{where}.times") if "times" in said else content

    def _begins(self, name: str, said: Any, where: str) -> str:
        """Return the world that one starts from: a file that is no world becomes one that only others see."""
        if said is None:
            first = next(iter(self._given))
            if first == name:
                raise InputError(f"{where}: the first world starts from none; give its scenario's file, or `from`")
            return first
        if not isinstance(said, str):
            raise InputError(f"{where}.from: expected a world or a scenario's file, got {said!r}")
        if said not in self._given:
            if not os.path.isfile(self._folder / said):
                raise InputError(
                    f"{where}.from: '{said}' is no world and no file; expected one of {', '.join(self._given)}"
                )
            self._contents.setdefault(said, read_content(self._folder / said))
        return said

    def _multiplied(self, content: dict[str, Any], said: Any, where: str) -> dict[str, Any]:
        """Return content with numbers multiplied; a default that is not stated counts too."""
        whole = parse(content, where).model_dump(mode="json")
        values: dict[str, Any] = {}
        for path, factor in changes_of(said, where).items():
            old = value_at(content, path)
            old = value_at(whole, path) if old is None else old
            times = number(factor, f"{where}.{path}")
            if isinstance(old, Mapping) and (by := MEANS.get(frozenset(old))) is not None:
                name, power = by
                if times <= 0:
                    raise InputError(f"{where}: {path}: a law's mean is multiplied by more than 0, got {times:g}")
                values[path] = {**old, name: old[name] * times**power}
                continue
            if isinstance(old, bool) or not isinstance(old, int | float):
                raise InputError(f"{where}: {path}: is no number in the scenario ({old!r}), nor a law; use `set`")
            new = old * times
            values[path] = int(new) if isinstance(old, int) and new == int(new) else new
        return changed(content, values, where)

    def _variants(self, name: str, where: str) -> Iterator[tuple[str, dict[str, Any], str]]:
        """Yield what tells each world of a family apart: label, values, design."""
        said = mapping(self._given[name], where)
        ways = [way for way in ("list", "grid", "sample") if way in said]
        if len(ways) > 1:
            raise InputError(f"{where}: {' and '.join(ways)}: give one of them")
        drawing = {"number", "by", "seed"} & set(said)
        if drawing and "sample" not in ways and set(said) & set(WORDS):
            raise InputError(f"{where}: {sorted(drawing)[0]}: only beside `sample`")
        if not ways:
            yield "", {}, ""
        elif ways == ["list"]:
            if not isinstance(said["list"], list) or not said["list"]:
                raise InputError(f"{where}.list: expected a list of changes, got {said['list']!r}")
            for i, each in enumerate(said["list"], 1):
                values = dict(changes_of(each, f"{where}.list[{i}]"))
                yield _label(values, i), values, "list"
        elif ways == ["grid"]:
            yield from _grid(said["grid"], f"{where}.grid")
        else:
            yield from _sample(said, where)


def _grid(said: Any, where: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    axes = _axes(said, where)
    for i, combination in enumerate(itertools.product(*axes.values()), 1):
        values = dict(zip(axes, combination, strict=True))
        yield _label(values, i), values, "grid"


def _axes(said: Any, where: str) -> Mapping[str, list[Any]]:
    """Return the values of each path of a grid."""
    axes = changes_of(said, where)
    for path, values in axes.items():
        if not isinstance(values, list) or not values:
            raise InputError(f"{where}.{path}: expected a list of values, got {values!r}")
    return axes


def _size(said: Mapping[str, Any], where: str) -> tuple[int, int]:
    """Return the number that a sample states, and how many worlds that makes."""
    size = counted(said.get("number"), f"{where}.number", 2, MOST_WORLDS)
    return size, size * (len(changes_of(said["sample"], f"{where}.sample")) + 2 if said.get("by") == "saltelli" else 1)


def _sample(said: Mapping[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    ranges = changes_of(said["sample"], f"{where}.sample")
    low, high = [], []
    for path, ends in ranges.items():
        if not isinstance(ends, list) or len(ends) != 2:
            raise InputError(f"{where}.sample.{path}: expected [low, high], got {ends!r}")
        low.append(number(ends[0], f"{where}.sample.{path}"))
        high.append(number(ends[1], f"{where}.sample.{path}"))
        if not low[-1] < high[-1]:
            raise InputError(f"{where}.sample.{path}: expected low below high, got {ends!r}")
    by = said.get("by", DESIGNS[0])
    if by not in DESIGNS:
        raise InputError(f"{where}.by: expected one of {', '.join(DESIGNS)}, got {by!r}")
    size, _ = _size(said, where)
    if by != DESIGNS[0] and size & (size - 1):
        raise InputError(f"{where}.number: expected a power of two for {by}, got {size}")
    points = _points(by, size, len(ranges), counted(said.get("seed", 0), f"{where}.seed", 0, 2**32 - 1))
    for i, point in enumerate(np.array(low) + points * (np.array(high) - np.array(low)), 1):
        yield f"{i}", dict(zip(ranges, point.tolist(), strict=True)), by


def _points(by: str, size: int, dimensions: int, seed: int) -> Floats:
    """Return points of the unit cube; of Saltelli's design ``A``, ``B``, then ``A`` with each column of ``B``."""
    from scipy.stats import qmc

    if by == "latin hypercube":
        return np.asarray(qmc.LatinHypercube(dimensions, seed=seed).random(size))
    if by == "sobol":
        return np.asarray(qmc.Sobol(dimensions, seed=seed).random(size))
    both = qmc.Sobol(2 * dimensions, seed=seed).random(size)
    a, b = both[:, :dimensions], both[:, dimensions:]
    mixed = [np.where(np.arange(dimensions) == i, b, a) for i in range(dimensions)]
    return np.concatenate([a, b, *mixed])


def _label(values: Mapping[str, Any], place: int) -> str:
    """Return what tells a world from its sisters: its values where they are short."""
    words = ", ".join(f"{path.rpartition('.')[2]} {value:g}" for path, value in values.items() if _plain(value))
    return words if words and all(map(_plain, values.values())) and len(words) <= 40 else f"{place}"


def _plain(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
