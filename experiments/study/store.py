"""The finished units of all studies in a folder: the truth about what is done.

One file a unit, named by its key, written under a temporary name and moved into place: it is there whole or not at all,
whenever the process is killed. A file carries a checksum of its facts; one that no longer fits counts as not there.
"""

import hashlib
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from experiments.study.units import Facts, Unit
from sim.files import writable_folder, write_text

__all__ = ["Store"]

UNITS = "units"
STALE = 600.0
"""Seconds after which a part of a file belongs to nobody."""


class Store:
    """Finished units in a folder.

    Attributes
    ----------
    folder : Path
    damaged : int
        Files that were found not to be whole.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = writable_folder(folder) / UNITS
        self.damaged = 0
        self._read: dict[str, Facts] = {}

    def get(self, key: str) -> Facts | None:
        """Return a unit's facts; None where it is not finished."""
        if key not in self._read:
            facts = self._from_file(key)
            if facts is None:
                return None
            self._read[key] = facts
        return self._read[key]

    def put(self, unit: Unit, facts: Facts) -> None:
        """Keep what a unit found."""
        path = self._path(unit.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        for part in path.parent.glob(f".{unit.key}.*"):  # of a process that was killed as it wrote
            with suppress(OSError):
                if time.time() - part.stat().st_mtime > STALE:
                    part.unlink()
        text = _text(facts)
        write_text(path, json.dumps({"key": unit.key, **unit.about, "sum": _sum(text), "facts": json.loads(text)}))
        self._read[unit.key] = json.loads(text)

    def _from_file(self, key: str) -> Facts | None:
        try:
            content = json.loads(self._path(key).read_text(encoding="utf-8"))
            facts: Facts = content["facts"]
            whole = content["key"] == key and content["sum"] == _sum(_text(facts))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            self.damaged += 1
            return None
        return facts

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


def _text(facts: Any) -> str:
    return json.dumps(facts, sort_keys=True)


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
