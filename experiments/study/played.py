"""A policy as a study sends it to workers: by name, as a file's content, or itself.

Whatever ``tenure compare`` takes is taken. What of it lies in files travels as their content; what is installed travels
by name, with a digest of its source beside it, so that a worker that has another version of it refuses the work.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from experiments.chosen import DEPARTURES
from experiments.fingerprints import policy_digest
from optimizer.plan_files import PLAN_FILES
from policies.catalogue import IN_MODULE, apart, found, in_process_alone, source_of
from policies.mixture import MIXTURE_FILES, policies_in
from sim.contract import Policy
from sim.errors import FolderError, InputError

__all__ = ["DEPARTURE", "Played", "own_folder"]

BRACKETS = re.compile(r"(.+?)\s*(\([^()]*\))", re.DOTALL)
"""Parameters of a name, or what a plan does when reality departs from it."""
DEPARTURE = re.compile(rf"\(({'|'.join(DEPARTURES)})\)")
_writing = threading.Lock()


@dataclass(frozen=True)
class Played:
    """A policy that a study plays.

    Attributes
    ----------
    name : str
        What it is called in the study.
    by : str
        ``name``, ``file`` or ``object``.
    said : str
        The catalogue's name or module and name; a file's name; nothing for an object.
    content : bytes
        Of the file.
    wanted : str
        Which of several policies of a Python file.
    brackets : str
        Parameters, or what a plan does when reality departs from it, with their brackets.
    stands_on : tuple of (str, str)
        Installed policies that it takes, each with the SHA-256 of its source.
    policy : Policy, optional
        The object.
    """

    name: str
    by: str
    said: str = ""
    content: bytes = b""
    wanted: str = ""
    brackets: str = ""
    stands_on: tuple[tuple[str, str], ...] = ()
    policy: Policy | None = None

    @classmethod
    def of(cls, said: str | Mapping[str, Any], folder: Path) -> Played:
        """Return the policy that a user names, files from a folder: whatever ``tenure compare`` takes, ``all`` apart.

        Raises
        ------
        InputError
            If there is none, or it cannot be sent to workers.
        FolderError
            If its file cannot be read.
        """
        if isinstance(said, Mapping):
            return cls._of_mapping(said)
        stated = BRACKETS.fullmatch(said.strip())
        plain, brackets = (stated[1], stated[2]) if stated else (said.strip(), "")
        file, _, wanted = plain.partition(":") if re.search(r"\.py(:|$)", plain) else (plain, "", "")
        try:
            if file.endswith(".py"):
                return cls._of_source(folder / file, wanted, brackets)
            if file.endswith(MIXTURE_FILES):
                return cls._of_mixture(folder / file, brackets)
            if file.endswith(PLAN_FILES) or os.path.isfile(folder / file):
                return cls._of_plan(folder / file, brackets)
        except OSError as error:
            raise FolderError(f"{folder / file}: cannot be read ({error.strerror})") from None
        return cls._in_module(plain, brackets) if IN_MODULE.fullmatch(plain) else cls._named(plain, brackets)

    @classmethod
    def of_object(cls, policy: Policy) -> Played:
        """Return a policy that travels itself, pickled."""
        return cls(policy.name, "object", policy=policy)

    @classmethod
    def _named(cls, plain: str, brackets: str) -> Played:
        said = plain.lower().replace("-", " ").replace("_", " ")
        make = found(f"{said}{brackets}")
        if in_process_alone(make):
            raise InputError(
                f"policy '{plain}': is registered in this process alone; a study sends its policies to workers, so "
                "give the Python file that registers it, or the policy itself"
            )
        return cls(f"{said}{brackets}", "name", said, brackets=brackets, stands_on=_stands_on(said))

    @classmethod
    def _in_module(cls, plain: str, brackets: str) -> Played:
        found(f"{plain}{brackets}")
        module, _, name = plain.partition(":")
        file = Path(str(getattr(sys.modules.get(module), "__file__", "")))
        if "." not in module and file.suffix == ".py" and file.name != "__init__.py":  # one file: it travels
            return cls(f"{plain}{brackets}", "file", file.name, file.read_bytes(), name, brackets)
        return cls(f"{plain}{brackets}", "name", plain, brackets=brackets, stands_on=_stands_on(plain))

    @classmethod
    def _of_source(cls, path: Path, wanted: str, brackets: str) -> Played:
        content = path.read_bytes()
        with apart():
            found(f"{path}:{wanted}{brackets}" if wanted else f"{path}{brackets}")
        return cls(f"{wanted or path.stem}{brackets}", "file", path.name, content, wanted, brackets)

    @classmethod
    def _of_plan(cls, path: Path, brackets: str) -> Played:
        departing = brackets.lower().replace("-", " ")
        if brackets and not DEPARTURE.fullmatch(departing):
            raise InputError(f"policy '{path.name}{brackets}': expected one of {', '.join(DEPARTURES)} in brackets")
        name = f"{path.stem} {departing}".strip()
        return cls(name, "file", path.name, path.read_bytes(), brackets=departing)

    @classmethod
    def _of_mixture(cls, path: Path, brackets: str) -> Played:
        from sim.scenario.yaml_files import read_yaml

        if brackets:
            raise InputError(f"policy '{path.name}{brackets}': a mixture has no parameters; set them in its lines")
        content = path.read_bytes()
        try:
            lines = read_yaml(content.decode(), path)
        except UnicodeDecodeError:
            raise FolderError(f"{path}: cannot be read as text") from None
        return cls(path.stem, "file", path.name, content, stands_on=_parts(lines, f"{path}: "))

    @classmethod
    def _of_mapping(cls, lines: Mapping[str, Any]) -> Played:
        """Return a mixture that the study's file states: its lines, or its lines under its name."""
        import yaml

        name, inner = next(iter(lines.items()), ("mixture", None))
        if len(lines) == 1 and isinstance(inner, Mapping) and "policy" not in inner:
            lines = inner
        else:
            name = "mixture"
        text = yaml.safe_dump(dict(lines), sort_keys=False, allow_unicode=True)
        return cls(str(name), "file", f"{re.sub(r'[^A-Za-z0-9]+', '-', str(name))}.yaml", text.encode(),
                   stands_on=_parts(lines, f"{name}: "))  # fmt: skip

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of what it is; its name in the study apart."""
        if self.policy is not None:
            return policy_digest(self.policy)
        said = Path(self.said).suffix if self.by == "file" else self.said
        facts = (self.by, said, self.wanted, self.brackets, self.stands_on)
        return hashlib.sha256(repr(facts).encode() + self.content).hexdigest()

    def given(self) -> str | Path | Policy:
        """Return it as a firm takes it: a name, a file of this process, or the object."""
        if self.policy is not None:
            return self.policy
        if self.by == "name":
            return f"{self.said}{self.brackets}"
        path = own_folder() / self.digest[:16] / self.said
        with _writing:
            if not os.path.isfile(path):
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(self.content)
        return f"{path}{f':{self.wanted}' if self.wanted else ''}{self.brackets}"

    def elsewhere(self) -> list[str]:
        """Return the installed policies of which this machine has another version than the study's."""
        return [name for name, source in self.stands_on if source_of(found(name)) != source]


def _parts(lines: Any, where: str) -> tuple[tuple[str, str], ...]:
    """Return the installed policies that a mixture's lines name."""
    if not isinstance(lines, Mapping):
        raise InputError(f"{where}expected a mixture of policies, such as `gold: retention first` and `else: as today`")
    return tuple(dict.fromkeys(each for called in policies_in(lines, where) for each in _part(called, where)))


def _part(called: str, where: str) -> tuple[tuple[str, str], ...]:
    stated = BRACKETS.fullmatch(called.strip())
    plain = stated[1] if stated else called.strip()
    in_file = re.search(r"\.py(:|$)", plain) is not None
    if in_file or (in_process_alone(found(called)) and not IN_MODULE.fullmatch(plain)):
        raise InputError(f"{where}'{called}' lies on this machine alone; in a study a mixture's policies go by name")
    return _stands_on(plain)


def _stands_on(plain: str) -> tuple[tuple[str, str], ...]:
    source = source_of(found(plain))
    return ((plain, source),) if source else ()


@cache
def own_folder() -> Path:
    """Return this process's folder for files that were sent to it; it goes when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="tenure-")
    atexit.register(folder.cleanup)
    return Path(folder.name)
