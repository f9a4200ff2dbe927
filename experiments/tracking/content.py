"""Every number and word that a run follows from, as parameters: two runs differ in those that differ, and no others."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sim.scenario.file import Scenario

__all__ = ["MOST_PARAMS", "code_version", "flat", "running_code", "scenario_params"]

MOST_PARAMS = 400
"""Parameters of a scenario that a run shows one by one; of a larger one the deepest keys are joined."""
LONGEST = 500
"""Signs of a parameter; MLflow takes 6000 and shows a few dozen."""


def scenario_params(scenario: Scenario) -> dict[str, str]:
    """Return every key of a scenario with its value, by dotted names; its name is called ``scenario``."""
    content = scenario.model_dump(mode="json", exclude={"folder"})
    own = {"scenario": content.pop("name"), **{key: value for key, value in content.items() if value is not None}}
    base = {"base.digest": scenario.base_digest[:12]} if scenario.base is not None else {}
    return {**_shown(own), **base}


def _shown(content: dict[str, Any]) -> dict[str, str]:
    """Return all keys, or of very many the upper ones with the rest in one text each."""
    depth, found = 99, flat(content)
    if len(found) > MOST_PARAMS:
        depth = max(name.count(".") for name in found)
        while depth > 0 and len(found) > MOST_PARAMS:
            found = flat(content, depth)
            depth -= 1
    return found


def flat(content: dict[str, Any], depth: int = 99) -> dict[str, str]:
    """Return nested data as dotted names with texts; below ``depth`` dots data are one text."""
    return dict(_leaves("", content, depth))


def _leaves(path: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    nested = isinstance(value, list) and any(isinstance(each, dict | list) for each in value)
    if (isinstance(value, dict) or nested) and value and path.count(".") < depth:
        pairs = value.items() if isinstance(value, dict) else zip(_called(value), value, strict=True)
        for key, each in pairs:
            if each is not None and each != {} and each != []:
                yield from _leaves(f"{path}.{key}" if path else str(key), each, depth)
    else:
        yield path, _text(value)


def _called(items: list[Any]) -> list[str]:
    """Return what the items of a list are called: by their own names where each has one, as ``--set`` has them."""
    names = [each.get("name") if isinstance(each, dict) else None for each in items]
    own = all(isinstance(each, str) and each and "." not in each for each in names) and len(set(names)) == len(names)
    return [str(each) for each in (names if own else range(1, len(items) + 1))]


def _text(value: Any) -> str:
    """Return a value as a text that differs where values do."""
    if isinstance(value, list) and not any(isinstance(each, dict | list) for each in value):
        text = ", ".join(map(_text, value))
    elif isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    elif isinstance(value, float):
        text = repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST - 30]}... {hashlib.sha256(text.encode()).hexdigest()[:12]}"


@cache
def code_version() -> str:
    """Return the release and a fingerprint of the sources that run."""
    try:
        release = version("tenure")
    except PackageNotFoundError:
        release = "source"
    root = Path(__file__).resolve().parent.parent.parent
    content = hashlib.sha256()
    for package in ("sim", "optimizer", "policies", "experiments", "tenure"):
        for path in sorted((root / package).rglob("*.py")):
            content.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{release}+{content.hexdigest()[:12]}"


@cache
def running_code() -> str:
    """Return :func:`code_version`, with the versions of what it computes with and the kind of machine."""
    libraries = " ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "scipy", "pandas", "duckdb", "simpy"))
    return f"{code_version()} {libraries} Python {platform.python_version()} {platform.machine()}"
