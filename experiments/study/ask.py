"""What a study asks: worlds, policies, budgets, and how much luck; read from its file, every key known."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.chosen import DEPARTURES, spelled_out
from experiments.odds import worlds_weighed
from experiments.study.played import DEPARTURE, Played
from experiments.study.reading import counted, known_keys, mapping, money, number
from experiments.study.worlds import World, read_worlds
from optimizer.ask.cells import TARGETINGS
from policies.catalogue import apart, plain_name
from sim.arrays import Progress
from sim.contract import Policy
from sim.errors import FolderError, InputError, ScenarioError
from sim.reading import read_text
from sim.scenario.file import Scenario
from sim.scenario.yaml_files import read_yaml

__all__ = ["Made", "Study", "Until", "read_study"]

KEYS = (
    "name", "note", "worlds", "policies", "budgets", "replications", "until", "seed", "samples", "within", "targeting",
    "bound_steps",
)  # fmt: skip
REPLICATIONS, WITHIN = 20, 0.01
MAKES = re.compile(rf"optimi[sz]e(?:@(.+?))?\s*({DEPARTURE.pattern})?")


@dataclass(frozen=True)
class Until:
    """When there is luck enough: intervals that matter are no wider than twice ``halfwidth``, or there are ``most``."""

    halfwidth: float
    most: int


@dataclass(frozen=True)
class Made:
    """A policy that the optimiser makes: anew in each world, or once in the world named and played in all.

    ``brackets`` say what the plan does when reality departs from it, as in ``plan.json(rolling)``.
    """

    name: str
    world: str | None
    brackets: str = ""


@dataclass(frozen=True, eq=False)
class Study:
    """One question of many worlds.

    Attributes
    ----------
    name, note : str
        What it is called, and what it is for.
    worlds : tuple of World
    policies : tuple of Played or Made
        What others are compared with first: "as today" where it is there.
    budgets : tuple of float or None
        Money over the horizon; None: what is in force in each world.
    replications : int
        With ``until`` of one step.
    until : Until or None
    seeds : tuple of int
    samples : int or None
        Worlds drawn from the ranges of each world's ``uncertain``, as ``tenure compare`` has it; None: enough, 0: none.
    within : float
        Share of the best customer asset within which a policy survives a world.
    targeting, bound_steps
        Of the plans that are made, as in ``tenure optimize``.
    """

    name: str
    worlds: tuple[World, ...]
    policies: tuple[Played | Made, ...]
    budgets: tuple[float | None, ...] = (None,)
    replications: int = REPLICATIONS
    until: Until | None = None
    seeds: tuple[int, ...] = (0,)
    samples: int | None = None
    within: float = WITHIN
    targeting: str = "state"
    bound_steps: int = 0
    note: str = ""

    @property
    def reference(self) -> str:
        """Return the policy that others are compared with: "as today", or else the first."""
        names = [policy.name for policy in self.policies]
        return next((name for name in names if plain_name(name) == "as today"), names[0])

    def samples_in(self, world: World) -> int:
        """Return in how many futures of a world policies are weighed: none where it was drawn, listed or gridded."""
        replications = self.replications * len(self.seeds)
        return 0 if world.design else worlds_weighed(world.scenario, len(self.policies), replications, self.samples)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of what is asked; another name or note asks the same."""
        asked = [
            [[world.name, world.scenario.hash] for world in self.worlds],
            [[each.name, *_what(each)] for each in self.policies],
            self.budgets, self.replications, None if self.until is None else [self.until.halfwidth, self.until.most],
            self.seeds, self.within, self.targeting, self.bound_steps, self.samples,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()

    @property
    def slug(self) -> str:
        """Return the folder's name of its report: no other study has it."""
        words = re.sub(r"[^\w]+", "-", self.name.lower()).strip("-")[:60] or "study"
        return f"{words}-{self.digest[:8]}"


def _what(policy: Played | Made) -> list[str | None]:
    return [policy.world, policy.brackets] if isinstance(policy, Made) else [policy.digest]


def read_study(
    given: str | Path | Mapping[str, Any],
    folder: str | Path | None = None,
    policies: Sequence[Policy] = (),
    progress: Progress | None = None,
) -> Study:
    """Return the study of a file, or of its content.

    Parameters
    ----------
    folder
        From where content names files; None: the working folder, and for a file its own.
    policies
        Objects that are policies too, beside those that are named.

    Raises
    ------
    InputError
        If a key is not known or a value does not fit; the message names where, what was expected and what came.
    """
    if isinstance(given, Mapping):
        content, where, home = dict(given), "study", Path(folder or ".")
    else:
        where, home = str(given), Path(given).parent
        content = _content(Path(given))
    known_keys(content, KEYS, where)
    for key in ("worlds", *(() if policies else ("policies",))):
        if key not in content:
            raise InputError(f"{where}: {key}: missing; a study needs worlds and policies")
    worlds = read_worlds(_worlds(content["worlds"], f"{where}: worlds"), home, f"{where}: worlds", progress)
    named = _policies(content.get("policies", []), home, worlds, f"{where}: policies")
    named += [Played.of_object(policy) for policy in policies]
    _check_names(named, f"{where}: policies")
    made = Study(
        name=_text(content.get("name", Path(where).stem), f"{where}: name"), worlds=worlds, policies=tuple(named),
        budgets=_budgets(content.get("budgets"), f"{where}: budgets"),
        replications=counted(content.get("replications", REPLICATIONS), f"{where}: replications"),
        until=_until(content.get("until"), f"{where}: until"), seeds=_seeds(content.get("seed", 0), f"{where}: seed"),
        samples=None if content.get("samples") is None else counted(content["samples"], f"{where}: samples", 0),
        within=number(content.get("within", WITHIN), f"{where}: within", 0.0, 1.0),
        targeting=_targeting(content.get("targeting", "state"), f"{where}: targeting"),
        bound_steps=counted(content.get("bound_steps", 0), f"{where}: bound_steps", 0),
        note=_text(content.get("note", " "), f"{where}: note").strip(),
    )  # fmt: skip
    if made.until is not None and made.until.most < made.replications:
        raise InputError(
            f"{where}: until.most: expected at least the {made.replications} replications of a step, "
            f"got {made.until.most}"
        )
    return made


def _content(path: Path) -> dict[str, Any]:
    content = read_yaml(read_text(path, "give a study's file (docs/studies.md shows one)"), path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected keys with values, such as worlds and policies, got {content!r}")
    if "worlds" not in content and "periods" in content:
        raise ScenarioError(f"{path}: is a scenario, not a study; name it under `worlds:` of a study's file")
    return content


def _worlds(given: Any, where: str) -> dict[str, Any]:
    """Return worlds by name; of a list of files each is called as its file is."""
    if isinstance(given, list):
        if not given or not all(isinstance(each, str) for each in given):
            raise InputError(f"{where}: expected scenario files, or worlds by name, got {given!r}")
        stems = [Path(each).stem for each in given]
        names = stems if len(set(stems)) == len(stems) else [str(Path(each).with_suffix("")) for each in given]
        if len(set(names)) < len(names):
            raise InputError(f"{where}: a file is there twice; name each once")
        return dict(zip(names, given, strict=True))
    return mapping(given, where)


def _policies(given: Any, folder: Path, worlds: Sequence[World], where: str) -> list[Played | Made]:
    if not isinstance(given, list):
        raise InputError(f"{where}: expected a list of policies, got {given!r}")
    for each in given:
        if not (isinstance(each, str) and each.strip()) and not (isinstance(each, Mapping) and each):
            raise InputError(f"{where}: expected names, files and mixtures (lines with a policy each), got {each!r}")
    with apart():  # of all, those that workers know too
        spelled = spelled_out(given)
    return [_policy(each, folder, worlds, where) for each in spelled]


def _policy(said: Any, folder: Path, worlds: Sequence[World], where: str) -> Played | Made:
    made = MAKES.fullmatch(said.strip()) if isinstance(said, str) else None
    if made is None:
        if isinstance(said, str) and re.fullmatch(r"optimi[sz]e(@.+?)?\s*\([^()]*\)", said.strip()):
            raise InputError(f"{where}: {said}: expected one of {', '.join(DEPARTURES)} in brackets")
        try:
            return Played.of(said, folder)
        except (InputError, FolderError) as error:
            raise type(error)(f"{where}: {error}") from None
    names = [world.name for world in worlds]
    if made[1] is not None and made[1] not in names:
        raise InputError(f"{where}: {said}: no such world; expected one of {', '.join(names[:8])}")
    if made[1] is not None:
        _check_playable(worlds[names.index(made[1])], worlds, f"{where}: {said.strip()}")
    return Made(said.strip(), made[1], made[2] or "")


def _check_names(policies: Sequence[Played | Made], where: str) -> None:
    names = [policy.name for policy in policies]
    if not names:
        raise InputError(f"{where}: expected at least one")
    twice = next((name for i, name in enumerate(names) if plain_name(name) in [plain_name(n) for n in names[:i]]), None)
    if twice is not None:
        raise InputError(f"{where}: '{twice}' is named twice; name each policy once")


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"{where}: expected a text, got {value!r}; put it in quotes")
    return value


def _check_playable(home: World, worlds: Sequence[World], where: str) -> None:
    """Refuse a plan of one world where another has a horizon that it is not for, or lacks what its money may be for."""
    wanted, plan = _places(home.scenario), f"{where}: the plan of world '{home.name}'"
    instead = (
        "write optimise, for a plan in each world, or ask worlds of one horizon, with the same segments and levers, "
    )
    for world in worlds:
        there = _places(world.scenario)
        lacking = next((each for each in wanted if each not in there), None)
        if _horizon(world) != _horizon(home):
            others = sum(_horizon(each) != _horizon(home) for each in worlds)
            why = f"is for {_horizon(home)}, world '{world.name}' has {_horizon(world)}"
        elif lacking is not None:
            others = sum(lacking not in _places(each.scenario) for each in worlds)
            why = f"may put money on {lacking}, which world '{world.name}' has not"
        else:
            continue
        more = f", the first of {others:,} such worlds" if others > 1 else ""
        raise InputError(f"{plan} {why}{more}; {instead}in a study of their own")


def _horizon(world: World) -> str:
    return f"{world.scenario.periods} {world.scenario.period}s"


def _places(scenario: Scenario) -> dict[str, None]:
    """Return where a plan's money may go, in words: segments, levers, and what a lever reaches; in the file's order."""
    chain = scenario.chain
    reached = (
        {name: (lever.targets, lever.tiers) for name, lever in scenario.levers.items()}
        if chain is None
        else dict.fromkeys(chain.levers, (chain.targets or chain.states, ()))
    )
    places = [f"segment '{name}'" for name in (*scenario.segments, *scenario.base_segments)]
    places += [f"lever '{name}'" for name in reached]
    places += [f"'{each}' with lever '{name}'" for name, both in reached.items() for part in both for each in part]
    return dict.fromkeys(places)


def _budgets(value: Any, where: str) -> tuple[float | None, ...]:
    if value is None:
        return (None,)
    amounts = [money(each, where) for each in (value if isinstance(value, list) else [value])]
    if not amounts or len(set(amounts)) < len(amounts):
        raise InputError(f"{where}: expected amounts of money, each once, got {value!r}")
    return tuple(amounts)


def _until(value: Any, where: str) -> Until | None:
    if value is None:
        return None
    known_keys(mapping(value, where), ("halfwidth", "most"), where)
    for key in ("halfwidth", "most"):
        if key not in value:
            raise InputError(f"{where}: {key}: missing")
    width = money(value["halfwidth"], f"{where}.halfwidth")
    if width <= 0:
        raise InputError(f"{where}.halfwidth: expected money above 0, got {width:g}")
    return Until(width, counted(value["most"], f"{where}.most", 2))


def _seeds(value: Any, where: str) -> tuple[int, ...]:
    seeds = [counted(each, where, 0, 2**32 - 1) for each in (value if isinstance(value, list) else [value])]
    if not seeds or len(set(seeds)) < len(seeds):
        raise InputError(f"{where}: expected whole numbers, each once, got {value!r}")
    return tuple(seeds)


def _targeting(value: Any, where: str) -> str:
    if value not in TARGETINGS:
        raise InputError(f"{where}: expected one of {', '.join(TARGETINGS)}, got {value!r}")
    return str(value)
