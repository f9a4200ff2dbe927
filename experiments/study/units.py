"""Units of work of a study: content that travels, a key of that content, and plain facts that come back.

A unit holds what it works on (a scenario's content, a policy's name or file, money, luck), never where that lies, so
that it means the same on every machine. Its key is a digest of all that its facts follow from, the version of the code
among them: the same key, the same bits on machines of a kind. A worker whose version differs refuses the work.

A customer base, with a file of its segments, is large and the same for many units. A worker takes it from where it lies
if that is there too and holds the same; one that lacks it answers :data:`LACKS_BASE`, and the unit is sent again with
the base beside it. Such a copy goes when the worker ends.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.study.played import Played, own_folder
from experiments.tracking.content import running_code
from policies.catalogue import apart
from sim.errors import FolderError, InputError, NotAsWritten, RulesError, ScenarioChanged, TenureError
from sim.scenario.file import Scenario, parse

if TYPE_CHECKING:
    from experiments.chosen import Chosen
    from experiments.compare import Comparison
    from experiments.firm import Firm

__all__ = ["LACKS_BASE", "Facts", "MixedVersionsError", "Unit", "World", "run"]

Facts = dict[str, Any]
"""What a unit found: texts, numbers and lists of them."""
LACKS_BASE = "lacks base"
FIRMS = 4
"""Worlds that a worker keeps ready."""
_warning = threading.Lock()


class MixedVersionsError(TenureError):
    """A worker runs another version than the study: its numbers would not be of the same kind."""


@dataclass(frozen=True)
class World:
    """A scenario as it travels.

    Attributes
    ----------
    content : str
        JSON of what it states, without where it lay.
    hash : str
        :attr:`sim.scenario.file.Scenario.hash`, with what its base holds.
    begins : str
        Its first day, by which tables of money name periods; nothing where that is not known.
    base : tuple of (str, str)
        Files of its base and segments: what each is called on the way, and its SHA-256; none without a base.
    near : tuple of str
        Where those files lie on the study's machine.
    """

    content: str
    hash: str
    begins: str
    base: tuple[tuple[str, str], ...] = ()
    near: tuple[str, ...] = ()

    @classmethod
    def of(cls, scenario: Scenario) -> World:
        """Return a scenario as it travels.

        Raises
        ------
        TenureError
            If its base, or a file of its segments, cannot be read.
        """
        named = scenario.hash  # says what is wrong with a base
        content, files = scenario.model_dump(mode="json", exclude_unset=True), scenario.base_files
        travel = {key: f"{key}{path.suffix}" for key, path in files.items()}
        base = tuple((travel[key], _file_digest(*_version(path))) for key, path in files.items())
        near = tuple(str(path.resolve()) for path in files.values())
        return cls(json.dumps(_with_files(content, travel)), named, str(scenario.begins or ""), base, near)

    def files(self) -> dict[str, bytes]:
        """Return the content of its base's files, as it is sent to a worker that has none.

        Raises
        ------
        InputError
            If one has changed since the study began.
        """
        found = {}
        for (name, digest), place in zip(self.base, self.near, strict=True):
            try:
                found[name] = Path(place).read_bytes()
            except OSError as error:
                raise FolderError(f"{place}: cannot be read ({error.strerror})") from None
            if hashlib.sha256(found[name]).hexdigest() != digest:
                raise InputError(f"{place}: has changed while the study ran; ask again, for the customers it has now")
        return found


def _with_files(content: dict[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    """Return a scenario's content with other places of its base's files."""
    if not files:
        return content
    base = {**content["base"], "file": files["base"]}
    if "segments" in files:
        base["segments"] = {**base["segments"], "file": files["segments"]}
    return {**content, "base": base}


@dataclass(frozen=True)
class Unit:
    """A piece of a study's work.

    Attributes
    ----------
    world : World
    budget : float or None
        Money over the horizon; None: what is in force there.
    policy : Played or None
        None: make a plan.
    seed, first, count : int
        Which luck, and which replications of it.
    samples : int
        Worlds of the scenario's ranges in which the policy is weighed in expected numbers; 0: it is simulated.
    targeting, bound_steps
        Of a plan that is made.
    code : str
        What runs: release, sources, libraries and kind of processor.
    place : str
        The world's name in the study, for people.
    """

    world: World
    budget: float | None
    policy: Played | None = None
    seed: int = 0
    first: int = 0
    count: int = 0
    samples: int = 0
    targeting: str = "state"
    bound_steps: int = 0
    code: str = field(default_factory=running_code)
    place: str = ""

    @property
    def called(self) -> str:
        """Return what it is, in words."""
        what = "a plan" if self.policy is None else f"'{self.policy.name}'"
        money = "" if self.budget is None else f", budget {self.budget:,.0f}"
        return f"{what} in world '{self.place}'{money}"

    @cached_property
    def key(self) -> str:
        """Return the SHA-256 of all that its facts follow from."""
        facts: dict[str, Any] = {
            "world": [self.world.hash, self.world.begins], "code": self.code,
            "budget": None if self.budget is None else float(self.budget).hex(),
        }  # fmt: skip
        if self.policy is None:
            facts |= {"targeting": self.targeting, "bound_steps": self.bound_steps}
        else:
            facts |= {"policy": self.policy.digest, "luck": [self.seed, self.first, self.count]}
            facts |= {"samples": self.samples} if self.samples else {}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def about(self) -> Facts:
        """Return what people read of it beside its facts."""
        return {
            "scenario_hash": self.world.hash, "budget": self.budget, "code": self.code,
            "policy": None if self.policy is None else self.policy.name,
            "seed": self.seed, "replications": [self.first, self.first + self.count],
        }  # fmt: skip


def run(unit: Unit, base: Mapping[str, bytes] | None = None, threads: int = 1) -> Facts | str:
    """Do a unit's work and return its facts; or :data:`LACKS_BASE` where its base is not on this machine.

    Raises
    ------
    MixedVersionsError
        If this process runs another version than the study.
    TenureError
        As the work itself does.
    """
    if unit.code != running_code():
        raise MixedVersionsError(
            f"a worker runs another version than the study: there {running_code()}, here {unit.code}; give all of "
            "them one version on one kind of processor"
        )
    firm = _firms.of(unit.world, base)
    if firm is None:
        return LACKS_BASE
    try:
        if unit.policy is None:
            return _planned(firm, unit, threads)
        work = _weighed if unit.samples else _simulated
        return work(firm, unit, unit.policy, threads)
    except TenureError as error:
        raise type(error)(_without_folder(str(error))) from None


def _planned(firm: Firm, unit: Unit, threads: int) -> Facts:
    """Return the plan that the optimiser makes, as its file's content; without times, which no two runs share."""
    from experiments.question import Question

    question = Question(budget=unit.budget, targeting=unit.targeting)
    try:
        plan = firm.optimize(question, bound_steps=unit.bound_steps, threads=threads)
    except RulesError as error:  # an answer too: here no plan can be made
        return {"plan": None, "why": str(error)}
    plan = replace(plan, scenario_hash=unit.world.hash, seconds={}, scenario_file=None)
    return {"plan": plan.to_json(), "budget": plan.budget, "asset": plan.asset, "bound": plan.bound}


def _simulated(firm: Firm, unit: Unit, played: Played, threads: int) -> Facts:
    """Return what happens under a policy: by replication, and in the mean by period, segment and lever."""
    from experiments.compare import compare

    total, chosen, notes = _chosen(firm, unit, played)
    found = compare(
        firm.twin, [chosen.policy], total, seed=unit.seed, first=unit.first, replications=unit.count,
        threads=threads, purses={chosen.policy.name: chosen.purse},
    )  # fmt: skip
    written = None if chosen.plan is None else float(chosen.plan.spend.sum())
    return {**_facts(firm, found), "notes": notes, "written": written}


def _weighed(firm: Firm, unit: Unit, played: Played, threads: int) -> Facts:
    """Return what a policy is worth in expected numbers in worlds drawn from the scenario's ranges."""
    from concurrent.futures import ThreadPoolExecutor

    from experiments.odds import worth_there
    from optimizer.insight.risk import unknown

    _, chosen, _ = _chosen(firm, unit, played)
    points = unknown(firm.scenario).worlds(unit.samples, unit.seed)
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(lambda values: worth_there(firm.twin, values, [(chosen.policy, chosen.purse)])[0], points)
        return {"worlds": list(found)}


def _chosen(firm: Firm, unit: Unit, played: Played) -> tuple[float, Chosen, list[str]]:
    """Return the budget in force, the policy as it is played, and what is noted of it."""
    from experiments.chosen import chosen_policies

    if played.elsewhere():
        raise MixedVersionsError(
            f"policy '{played.elsewhere()[0]}': a worker has another version of its source than the study; install one "
            "version of it for all of them"
        )
    notes: list[str] = []
    with _noting(notes), apart():
        total, [chosen] = chosen_policies([played.given()], firm.twin, firm.load_plan, unit.budget)
    return total, chosen, notes


def _facts(firm: Firm, found: Comparison) -> Facts:
    outcome, scenario, targets = found.outcomes[0], firm.scenario, firm.targets
    history, segments = outcome.history, list(dict.fromkeys(firm.targets.segments))
    factors = (1 + scenario.discount_per_period) ** -np.arange(history.periods + 1.0)
    profit = history.reward.sum(axis=2) - history.spend.sum(axis=(2, 3))  # (periods, groups)
    worth = profit * factors[:-1, None]
    of = np.array([segments.index(name) for name in targets.segments])
    return {
        "assets": outcome.assets.tolist(), "kept": outcome.kept.tolist(), "spends": outcome.spends.tolist(),
        "expected": outcome.expected, "feedback": outcome.feedback, "budget": found.budget,
        "broken": None if outcome.broken is None else [asdict(each) for each in outcome.broken],
        "by_period": worth.sum(axis=1).tolist(), "after": float(history.terminal * factors[-1]),
        "alive": history.alive.sum(axis=1).tolist(),
        "segments": segments, "by_segment": [float(worth[:, of == s].sum()) for s in range(len(segments))],
        "levers": list(targets.levers), "by_lever": history.spend.sum(axis=(0, 1, 2)).tolist(),
    }  # fmt: skip


@contextmanager
def _noting(notes: list[str]) -> Iterator[None]:
    """Take what is noted of a file; that it was made for another world is what a study is about."""
    with _warning, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("ignore", ScenarioChanged)
        warnings.simplefilter("always", NotAsWritten)
        yield
    for each in said:
        if issubclass(each.category, NotAsWritten):
            notes.append(_without_folder(str(each.message)))
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


def _without_folder(message: str) -> str:
    """Return a message that names a file as the study does, not where its content lies here."""
    return re.sub(r"\S*tenure-[^/\\\s]+[/\\][0-9a-f]{16}[/\\]", "", message)


# --- Worlds on this machine -------------------------------------------------------------------------------------------


class _Firms:
    """The last few worlds of this process, ready to ask."""

    def __init__(self) -> None:
        self._ready: OrderedDict[str, Firm] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, world: World, sent: Mapping[str, bytes] | None) -> Firm | None:
        """Return a world's firm; None where its base is not here."""
        from experiments.firm import Firm

        key = f"{world.hash} {world.base}"
        with self._lock:
            if key not in self._ready:
                places = [
                    _place_here(name, digest, near, sent)
                    for (name, digest), near in zip(world.base, world.near, strict=True)
                ]
                if None in places:
                    return None
                files = {name.partition(".")[0]: str(at) for (name, _), at in zip(world.base, places, strict=True)}
                self._ready[key] = Firm.of(parse(_with_files(json.loads(world.content), files), ranges=False))
                while len(self._ready) > FIRMS:
                    self._ready.popitem(last=False)
            self._ready.move_to_end(key)
            return self._ready[key]


_firms = _Firms()


def _place_here(name: str, digest: str, near: str, sent: Mapping[str, bytes] | None) -> Path | None:
    """Return where a file of a base is on this machine: where it lies, or a copy that goes with this process."""
    copy = own_folder() / digest[:16] / name
    for path in (Path(near), copy):
        with suppress(OSError):
            if _file_digest(*_version(path)) == digest:
                return path
    if sent is None:
        return None
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(sent[name])
    return copy


def _version(path: Path) -> tuple[Path, int, int, int]:
    facts = path.stat()
    return path.resolve(), facts.st_mtime_ns, facts.st_size, facts.st_ino


@lru_cache(maxsize=64)
def _file_digest(path: Path, *_: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
