"""What a run keeps so that it can be made once more: what was asked, with every file that it read, and its bits."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.compare import Comparison
from experiments.monitored import Monitored
from experiments.told import Told
from experiments.tracking.content import running_code
from optimizer.curves.result import CurveAllocation
from optimizer.insight.frontier import Frontier
from optimizer.insight.risk import Risk
from optimizer.money.spread import SPREADS
from optimizer.plan import Plan

__all__ = ["CALL_FILE", "Call", "bits_of", "plan_file"]

CALL_FILE = "call.json"
IN_FILES = ("policies", "spread", "curves", "rules", "base", "starts")
"""Arguments that may be the name of a file; elsewhere a text is one, whatever files lie around."""
SOURCE = re.compile(r"\.py(:|\(|$)")
PART = re.compile(r"(.*?)((?::\w+)?\s*(?:\([^()]*\))?)", re.DOTALL)
"""A file, and what of it, or how it is to be played."""
OBJECT = "python object"
"""Marks what only existed in a Python session."""


@dataclass(frozen=True)
class Call:
    """A verb with its arguments, as they were given.

    Attributes
    ----------
    verb : str
        Method of a firm, or ``allocate``.
    arguments : mapping
        Plain data, paths, plans, policies, and data classes of those.
    """

    verb: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def kept(self, answer: object) -> dict[str, bytes]:
        """Return the files that hold the call and what it read, with the digest of the answer's bits."""
        files: dict[str, bytes] = {}
        content = {
            "verb": self.verb,
            "arguments": {name: _plain(each, files, name in IN_FILES) for name, each in self.arguments.items()},
            "bits": bits_of(answer),
            "code": running_code(),
        }
        return {CALL_FILE: json.dumps(content, indent=1, allow_nan=False).encode(), **files}


def _plain(value: Any, files: dict[str, bytes], named: bool = False) -> Any:
    """Return an argument as data; files and plans are put aside, texts that name a file only where they may."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | Path):
        file = isinstance(value, Path) or (named and value not in SPREADS)
        return _file(str(value), files) if file else value
    if isinstance(value, Plan):
        return _put("plan.json", plan_file(value), files)
    if isinstance(value, Mapping):
        source = {key: named and SOURCE.search(str(each)) is not None for key, each in value.items()}
        return {str(key): _plain(each, files, source[key]) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, files, named) for each in value]
    if is_dataclass(value) and not isinstance(value, type) and type(value).__name__ == "Question":
        return {"question": {name: _plain(each, files, name in IN_FILES) for name, each in vars(value).items()}}
    return {OBJECT: getattr(value, "name", type(value).__name__)}


def _file(text: str, files: dict[str, bytes]) -> Any:
    """Return a text, or the place of the file that it names, perhaps with more (``mine.py:name(a=1)``)."""
    parts = PART.fullmatch(text)
    assert parts is not None, "which takes every text"
    for path, more in ((text, ""), parts.groups()):
        try:
            if path and os.path.isfile(path):
                return _put(Path(path).name, Path(path).read_bytes(), files, more)
        except OSError:
            continue
    return text


def _put(name: str, data: bytes, files: dict[str, bytes], more: str = "") -> dict[str, str]:
    place = f"inputs/{len(files) + 1}/{name}"
    files[place] = data
    return {"file": place, "more": more}


def plan_file(plan: Plan) -> bytes:
    """Return a plan as its file has it; times of the clock, which no two runs share, left out."""
    content = json.loads(plan.to_json())
    content.pop("seconds", None)
    return json.dumps(content).encode()


def bits_of(answer: object) -> str:
    """Return the SHA-256 of an answer's figures, to the bit."""
    found = hashlib.sha256()
    for each in _arrays(answer):
        found.update(np.ascontiguousarray(each, dtype=np.float64).tobytes() + b"|")
    return found.hexdigest()


def _arrays(answer: object) -> list[Any]:
    if isinstance(answer, Comparison):
        return [
            part
            for each in answer.outcomes
            for part in (each.assets, each.kept, each.spends, each.history.spend, each.history.reward)
        ]
    if isinstance(answer, Plan):
        return [answer.intensity, answer.asset, answer.bound]
    if isinstance(answer, Frontier):
        return [part for point in (*answer.points, answer.sweet_spot) for part in _arrays(point.plan)]
    if isinstance(answer, Risk):
        return [*_arrays(answer.expected), *_arrays(answer.cautious), [score.mean for score in answer.scores]]
    if isinstance(answer, CurveAllocation):
        return [answer.spend, answer.response, answer.value, answer.bound]
    if isinstance(answer, Monitored):
        parts = [part for line in answer.lines for part in (line.actual, line.planned, line.low, line.high)]
        return [*parts, answer.now, answer.gain, *([] if answer.plan is None else [answer.plan.intensity])]
    if isinstance(answer, Told):
        told: Any = answer
        return list(_numbers(told.to_dict()))
    raise TypeError(f"{type(answer).__name__}: is no answer that is tracked")


def _numbers(value: Any) -> Iterator[float]:
    """Yield the numbers of plain data in their order."""
    if isinstance(value, bool | int | float):
        yield float(value)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _numbers(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _numbers(each)
