"""A whole study kept with its run, so that it can be asked once more: every world, policy and number, and its bits."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.study.ask import Made, Study, Until
from experiments.study.played import Played
from experiments.study.plays import bits_of_plays
from experiments.study.result import StudyResult
from experiments.study.run import Finished, run_study
from experiments.study.worlds import World
from experiments.tracking.call import CALL_FILE, OBJECT
from experiments.tracking.content import running_code
from experiments.tracking.kept import KeptRun
from sim.arrays import Step
from sim.errors import InputError
from sim.scenario.changes import changed
from sim.scenario.file import parse

__all__ = ["STUDY", "kept_study", "study_again"]

STUDY = "study"
"""What is kept as the verb of a study."""
PLAIN = ("name", "budgets", "replications", "seeds", "samples", "within", "targeting", "bound_steps")
"""What of a study is plain data."""
OF_WORLD = ("name", "family", "values", "design", "start", "stated")


def kept_study(study: Study, finished: Finished) -> dict[str, bytes]:
    """Return the files that hold a study: what was asked, the files that it read, and the bits of all its plays."""
    files: dict[str, bytes] = {}
    arguments = {
        **{name: getattr(study, name) for name in PLAIN},
        "until": None if study.until is None else [study.until.halfwidth, study.until.most],
        "worlds": _plain_worlds(study), "policies": [_plain_policy(each, files) for each in study.policies],
        "digest": study.digest,
    }  # fmt: skip
    call = {"verb": STUDY, "arguments": arguments, "bits": _bits(finished), "code": running_code()}
    return {CALL_FILE: json.dumps(call, indent=1, default=str).encode(), **files}


def _plain_worlds(study: Study) -> list[dict[str, Any]]:
    """Return the worlds; of one family the first has its content, others what tells them from it where that is all."""
    first: dict[str, World] = {}
    plain = []
    for world in study.worlds:
        said = {name: getattr(world, name) for name in OF_WORLD}
        eldest = first.setdefault(world.family, world)
        own = {**world.content, "folder": str(world.scenario.folder.resolve())}
        if eldest is world or changed(eldest.content, dict(world.values), world.name) != world.content:
            said["content"] = own
        plain.append(said)
    return plain


def _plain_policy(policy: Played | Made, files: dict[str, bytes]) -> dict[str, Any]:
    if isinstance(policy, Made):
        return {"name": policy.name, "world": policy.world, "brackets": policy.brackets}
    if policy.policy is not None:
        return {OBJECT: policy.name}
    said = {name: getattr(policy, name) for name in ("name", "by", "said", "wanted", "brackets", "stands_on")}
    if policy.by == "file":
        place = f"inputs/{len(files) + 1}/{policy.said}"
        files[place], said["content"] = policy.content, place
    return said


def study_again(kept: KeptRun, workers: int | None, step: Step) -> tuple[str, str]:
    """Return the bits of a study that is asked once more, with nothing finished before, and its answer.

    Raises
    ------
    InputError
        If a customer base is not where it was, or holds others.
    """
    given = kept.arguments
    plain: dict[str, Any] = {
        name: tuple(given[name]) if name in ("budgets", "seeds") else given[name] for name in PLAIN
    }
    study = Study(
        **plain, worlds=_worlds(given["worlds"], kept.run_id),
        policies=tuple(_policy(each, kept.folder) for each in given["policies"]),
        until=None if given["until"] is None else Until(*given["until"]),
    )  # fmt: skip
    if study.digest != given["digest"]:
        bases = [world.scenario.base_digest[:12] for world in study.worlds if world.scenario.base is not None]
        why = (
            f"its customer base holds others now ({bases[0]})" if bases else "this version reads it as another question"
        )
        raise InputError(f"run {kept.run_id}: {why}; put that base back, or use the version of the run ({kept.code})")
    with tempfile.TemporaryDirectory() as place:
        finished = run_study(study, Path(place), workers=workers, step=step)
    return _bits(finished), StudyResult(study, finished, kept.folder, kept.folder).answer()


def _worlds(given: list[dict[str, Any]], run: str) -> tuple[World, ...]:
    first: dict[str, dict[str, Any]] = {}
    worlds = []
    for each in given:
        content = each.get("content") or changed(first[each["family"]], each["values"], each["name"])
        first.setdefault(each["family"], content)
        own = {name: each[name] for name in OF_WORLD}
        scenario = parse(content, f"run {run}: {each['name']}", ranges=not each["design"])
        for file in scenario.base_files.values():
            if not file.exists():
                raise InputError(f"run {run}: was made with the customers in {file}, which is not there; put it back")
        worlds.append(World(scenario=scenario, content=content, **own))
    return tuple(worlds)


def _policy(said: Mapping[str, Any], folder: Path) -> Played | Made:
    if "by" not in said:
        return Made(said["name"], said["world"], said["brackets"])
    content = (folder / said["content"]).read_bytes() if "content" in said else b""
    stands_on = tuple((name, source) for name, source in said["stands_on"])
    return Played(said["name"], said["by"], said["said"], content, said["wanted"], said["brackets"], stands_on)


def _bits(finished: Finished) -> str:
    """Return the digest of all plays; in which order they were finished does not matter."""
    plays = {f"{cell}": bits_of_plays([facts for _, facts in each]) for cell, each in finished.plays.items()}
    return hashlib.sha256(json.dumps(plays, sort_keys=True).encode()).hexdigest()
