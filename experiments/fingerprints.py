"""What a policy is, as a fingerprint: the same rules with the same numbers have the same one, whatever its name.

Covered are the policy's class, with the source of the modules that define it where they are not our own (those are in
the version of the code), and its attributes, arrays bit by bit. What such a module imports from elsewhere is not looked
at. A policy that holds what cannot be read so gets a fingerprint that no other has: it never passes for the same.
"""

import hashlib
import pickle
import sys
import types
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sim.contract import Policy
from sim.scenario.file import Scenario
from sim.twin import Twin

__all__ = ["policy_digest"]

OURS = ("sim", "optimizer", "policies", "experiments", "tenure")
"""Packages whose sources are in the version of the code."""
NAMED = (*OURS, "numpy", "builtins")
"""Packages whose version a key names."""


def policy_digest(policy: Policy) -> str:
    """Return the SHA-256 of what a policy is; its ``name`` apart."""
    return _Reader().digest(policy)


class _Reader:
    """Reads values one after another into a hash; a value met before is named by its place."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._met: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no address is used twice

    def digest(self, policy: Policy) -> str:
        self._class(type(policy))
        self._read({name: value for name, value in _state(policy).items() if name != "name"})
        return self._hash.hexdigest()

    def of(self, value: Any) -> bytes:
        self._read(value)
        return self._hash.digest()

    def _say(self, kind: str, content: bytes | str = b"") -> None:
        data = content.encode() if isinstance(content, str) else content
        self._hash.update(f"{kind} {len(data)}:".encode() + data)

    def _read(self, value: Any) -> None:
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            self._say(type(value).__name__, value if isinstance(value, str | bytes) else repr(value))
        elif id(value) in self._met:
            self._say("again", str(self._met[id(value)]))
        else:
            self._met[id(value)] = len(self._met)
            self._kept.append(value)
            self._read_new(value)

    def _read_new(self, value: Any) -> None:
        if isinstance(value, Twin | Scenario):
            self._say("scenario", (value.scenario if isinstance(value, Twin) else value).hash)
        elif isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
            self._say("array", f"{value.dtype.str} {value.shape}")
            self._say("bits", np.ascontiguousarray(value).tobytes())
        elif isinstance(value, list | tuple):
            self._say(type(value).__name__, str(len(value)))
            for each in value:
                self._read(each)
        elif isinstance(value, dict):
            self._say("dict", str(len(value)))
            for key, each in value.items():
                self._read(key)
                self._read(each)
        elif isinstance(value, set | frozenset):
            self._say("set", b"".join(sorted(_Reader().of(each) for each in value)))
        elif isinstance(value, partial):
            self._read((value.func, value.args, value.keywords))
        elif isinstance(value, type):
            self._class(value)
        elif isinstance(value, types.FunctionType):
            self._function(value)
        elif isinstance(value, types.MethodType):
            self._read(value.__func__)
            self._read(value.__self__)
        else:
            self._object(value)

    def _object(self, value: Any) -> None:
        state = _state(value)
        if state or type(value).__module__.partition(".")[0] in OURS:
            self._class(type(value))
            self._read(state)
            return
        try:
            self._say("pickled", pickle.dumps(value, protocol=4))
        except Exception:  # a stranger's object may raise anything; what cannot be read never passes for the same
            self._say("unread", uuid.uuid4().bytes)

    def _class(self, kind: type) -> None:
        for each in kind.__mro__[:-1]:
            self._say("class", each.__qualname__)
            self._source(each.__module__)

    def _function(self, function: Callable[..., Any]) -> None:
        self._say("function", function.__qualname__)
        self._source(function.__module__)
        self._read(function.__defaults__)
        self._read(function.__kwdefaults__)
        for cell in function.__closure__ or ():
            self._read(cell.cell_contents)

    def _source(self, module: str) -> None:
        if module.partition(".")[0] in NAMED:
            self._say("module", module)
            return
        file = getattr(sys.modules.get(module), "__file__", None)
        content = _content(file) if file is not None else None
        self._say("source" if content else "unread", content or uuid.uuid4().bytes)


def _state(value: Any) -> dict[str, Any]:
    """Return an object's attributes, those in slots too."""
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ()) if hasattr(value, name)]
    return {**{name: getattr(value, name) for name in slots if name != "__dict__"}, **getattr(value, "__dict__", {})}


def _content(file: str) -> bytes | None:
    try:
        return hashlib.sha256(Path(file).read_bytes()).digest()
    except OSError:
        return None
