"""A run as it is written down before MLflow sees it: plain data under a key, kept whole as one file."""

from __future__ import annotations

import hashlib
import json
import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sim.errors import FolderError
from sim.files import write_file

__all__ = ["Base", "Record", "Series"]

Series = list[tuple[str, float, int]]
"""Name, value and step of each value of a metric."""

KEY = re.compile(r"[0-9a-f]{16,64}")
CONTENT = "record.json"
FILES = "files/"
MOST_TAGS = 90
DATE = (1980, 1, 1, 0, 0, 0)
"""Of what lies in a record's file: the same content, the same bytes."""


@dataclass(frozen=True)
class Base:
    """The customer base that a run's figures follow from: its name, a digest of what it holds, and where it lies."""

    name: str
    digest: str
    place: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Record:
    """A run to be shown in MLflow.

    Texts of ``tags`` and ``experiment_tags`` may hold ``{experiment}``, ``{run}`` and ``{parent}``, which become the
    ids that MLflow gives.

    Attributes
    ----------
    key : str
        Hexadecimal digest of what the run's figures follow from. It is the run's tag ``record_key``, by which a run
        that is there already is found: the same key is never logged twice in an experiment.
    experiment : str
        The decision in question.
    name : str
    params, tags : mapping of str to str
    metrics : list of (name, value, step)
    files : mapping of str to bytes
        What the run keeps, by its name among the run's artifacts.
    parent : str
        Key of the run that this one belongs to, which must be put too; nothing: it stands alone.
    base : Base, optional
        Shown as the run's data set.
    began, ended : int
        Milliseconds since 1970.
    experiment_tags : mapping of str to str
        For the whole experiment, such as stored views.
    tracking_uri : str
        Where it goes; nothing: the store in the outbox's folder.
    """

    key: str
    experiment: str
    name: str
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Series = field(default_factory=list)
    tags: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    parent: str = ""
    base: Base | None = None
    began: int = 0
    ended: int = 0
    experiment_tags: Mapping[str, str] = field(default_factory=dict)
    tracking_uri: str = ""

    def __post_init__(self) -> None:
        if len(self.tags) > MOST_TAGS:
            raise ValueError(f"{len(self.tags)} tags: a run takes up to {MOST_TAGS}")
        for key in filter(None, (self.key, self.parent)):
            if not KEY.fullmatch(key):
                raise ValueError(f"key {key!r}: expected 16 to 64 hexadecimal digits")

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of what the run shows; when it was made and where it goes apart."""
        content = self._content() | {"began": 0, "ended": 0, "tracking_uri": ""}
        found = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
        for name in sorted(self.files):
            found.update(f"\0{name}\0".encode() + hashlib.sha256(self.files[name]).digest())
        return found.hexdigest()

    def _content(self) -> dict[str, Any]:
        content = {name: value for name, value in vars(self).items() if name not in ("digest", "files", "base")}
        metrics = [(name, value, step) for name, value, step in self.metrics if math.isfinite(value)]
        return {**content, "metrics": metrics, "base": None if self.base is None else asdict(self.base)}

    def save(self, path: Path) -> None:
        """Write it as one file, whole or not at all."""

        def write(part: Path) -> None:
            with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
                file.writestr(zipfile.ZipInfo(CONTENT, DATE), json.dumps(self._content()))
                for name, data in self.files.items():
                    file.writestr(zipfile.ZipInfo(FILES + name, DATE), data, zipfile.ZIP_DEFLATED)

        write_file(path, write)

    @classmethod
    def load(cls, path: Path, *, files: bool = True) -> Record:
        """Return a saved record; without ``files``, what it keeps is left out.

        Raises
        ------
        FolderError
            If the file is not a whole record.
        """
        try:
            with zipfile.ZipFile(path) as file:
                content = json.loads(file.read(CONTENT))
                names = [name for name in file.namelist() if files and name.startswith(FILES)]
                kept = {name.removeprefix(FILES): file.read(name) for name in names}
            base = content.pop("base")
            metrics = [tuple(each) for each in content.pop("metrics")]
            record = cls(**content, metrics=metrics, base=None if base is None else Base(**base))
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise FolderError(f"{path}: is not a run that waits to be sent ({error}); move it away") from None
        return replace(record, files=kept)
