"""A play of a study kept with its run, so that it can be made once more: what was played, with which luck, its bits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from experiments.study.answers import Found
from experiments.study.played import Played
from experiments.study.units import Facts, Unit, World, run
from experiments.tracking.call import CALL_FILE, OBJECT
from experiments.tracking.content import running_code
from experiments.tracking.kept import KeptRun
from experiments.words.figures import money

__all__ = ["PLAY", "bits_of_plays", "kept_play", "play_again"]

PLAY = "play"
"""What is kept as the verb of a play."""
BITS = ("assets", "kept", "spends", "by_period", "by_segment", "by_lever", "after", "expected")


def kept_play(units: Sequence[Unit], facts: Sequence[Facts], content: dict[str, Any]) -> dict[str, bytes]:
    """Return the files that hold a play: how it was made, its policy, and the scenario (``content`` of its file)."""
    import yaml

    unit = units[0]
    assert unit.policy is not None
    policy, files = unit.policy, {}
    if policy.policy is not None:
        said: Any = {OBJECT: policy.name}
    else:
        said = {"by": policy.by, "said": policy.said, "wanted": policy.wanted, "brackets": policy.brackets}
        if policy.by == "file":
            place = f"inputs/1/{policy.said}"
            files[place], said["content"] = policy.content, {"file": place, "more": ""}
    arguments = {
        "policy": said, "budget": unit.budget, "luck": [[each.seed, each.first, each.count] for each in units],
    }  # fmt: skip
    call = {"verb": PLAY, "arguments": arguments, "bits": bits_of_plays(facts), "code": unit.code}
    plain = {key: value for key, value in content.items() if key != "folder"}
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    return {CALL_FILE: json.dumps(call, indent=1).encode(), "scenario.yaml": text.encode(), **files}


def play_again(kept: KeptRun, threads: int) -> tuple[str, str]:
    """Return the bits of a play that is made once more, and its answer in a sentence."""
    arguments, scenario = kept.arguments, kept.scenario()
    said = arguments["policy"]
    content = (kept.folder / said["content"]["file"]).read_bytes() if "content" in said else b""
    policy = Played(kept.name, said["by"], said["said"], content, said["wanted"], said["brackets"])
    world = World.of(scenario)
    facts = []
    for seed, first, count in arguments["luck"]:
        unit = Unit(world, arguments["budget"], policy, seed, first, count, code=running_code(), place=scenario.name)
        found = run(unit, None, threads)
        assert isinstance(found, dict), "the base is where it was found"
        facts.append(found)
    asset = float(Found.of([facts]).assets.mean())
    return bits_of_plays(facts), f"Customer asset {money(asset)} {scenario.currency}".rstrip() + "."


def bits_of_plays(facts: Sequence[Facts]) -> str:
    """Return the SHA-256 of what plays found, to the bit."""
    values = [[each[name] for name in BITS] for each in facts]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()
