"""Saved markets: the file, and what is refused when it is read."""

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import FolderError, InputError, first_line
from sim.files import write_file

__all__ = ["SavedMarket", "damaged"]

NOT_NEGATIVE = ("acting", "spent", "spent_by_period", "lever_caps", "windows")
"""Arrays of money."""


@dataclass(frozen=True, eq=False)
class SavedMarket:
    """A market between two periods.

    Attributes
    ----------
    period, seed, replication, review_every : int
    scenario, people : str
        Hash of the scenario; fingerprint of the customers.
    points : float
        Of employee satisfaction; nan where they are not in the model.
    budget : tuple of float
        In all and per period.
    arrays : dict
        Everything else, by name.
    """

    period: int
    seed: int
    replication: int
    review_every: int
    scenario: str
    people: str
    points: float
    budget: tuple[float, float]
    arrays: dict[str, NDArray[Any]]

    def write(self, path: str | Path) -> None:
        """Write the file; an older one stays until it is done.

        Raises
        ------
        FolderError
            If it cannot be written.
        """
        facts = {name: value for name, value in vars(self).items() if name != "arrays"}
        arrays: dict[str, Any] = {"facts": np.array(json.dumps(facts)), **self.arrays}

        def write(part: Path) -> None:
            with part.open("wb") as file:
                np.savez(file, **arrays)

        write_file(Path(path), write)

    @staticmethod
    def read(path: str | Path, *, scenario: str, people: str, periods: int) -> "SavedMarket":
        """Return what a file holds, its facts checked.

        Raises
        ------
        FolderError
            If it cannot be read.
        InputError
            If it is no saved market, is damaged, or is of another scenario or other customers.
        """
        facts, arrays = _read(path)
        if facts["scenario"] != scenario:
            raise InputError(f"{path}: saved from another scenario, or from this one before it was changed")
        if facts["people"] != people:
            raise InputError(f"{path}: saved with other customers; draw them with its seed and replication")
        _check_facts(path, facts, periods)
        known = {name: facts[name] for name in SavedMarket.__dataclass_fields__ if name not in ("budget", "arrays")}
        return SavedMarket(**known, budget=(facts["budget"][0], facts["budget"][1]), arrays=arrays)

    def put_back(self, path: str | Path, places: dict[str, NDArray[Any]], states: int) -> None:
        """Fill ``places`` with the file's arrays; customers are in one of ``states`` states, or not there yet.

        Raises
        ------
        InputError
            If one is missing, of another shape, or holds what it could not; nothing is filled then.
        """
        for name, place in places.items():
            if name not in self.arrays:
                raise damaged(path, f"{name} is missing")
            given = self.arrays[name]
            if (given.shape, given.dtype) != (place.shape, place.dtype):
                raise damaged(path, f"{name} is {given.dtype} {given.shape}, not {place.dtype} {place.shape}")
            if name in NOT_NEGATIVE and not (given >= 0).all():
                raise damaged(path, f"{name} holds what is not at least 0")
        highest = self.arrays["state"].max(initial=0)
        if highest > states:
            raise damaged(path, f"a customer is in state {highest}, expected at most {states}")
        for name, place in places.items():
            place[:] = self.arrays[name]


def damaged(path: str | Path, what: str) -> InputError:
    """Return the error of a saved market that could not be."""
    return InputError(f"{path}: a damaged saved market ({what}); stop and save it again with `until=` and `save=`")


def _read(path: str | Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the facts and the arrays of a saved market."""
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as saved:
            facts, arrays = json.loads(str(saved["facts"])), {name: saved[name] for name in saved.files}
        if not isinstance(facts, dict) or not {"scenario", "people"} <= set(facts):
            raise ValueError
    except OSError as error:
        raise FolderError(f"{path}: cannot be read ({first_line(error)})") from None
    except (
        ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error, NotImplementedError,
        RuntimeError, MemoryError,
    ):  # fmt: skip
        raise InputError(f"{path}: not a saved market; make one with `until=` and `save=`") from None
    return facts, arrays


def _check_facts(path: str | Path, facts: dict[str, Any], periods: int) -> None:
    """Refuse a saved market whose facts are missing or could not be."""
    most = {"period": periods, "seed": 2**32 - 1, "replication": 2**32 - 1, "review_every": np.inf}
    for name, largest in most.items():
        if type(facts.get(name)) is not int or not (name == "review_every") <= facts[name] <= largest:
            raise damaged(path, f"{name} is {facts.get(name)!r}")
    money = facts.get("budget")
    if not (isinstance(money, list) and len(money) == 2 and all(type(each) in (int, float) for each in money)):
        raise damaged(path, f"budget is {money!r}")
    if not all(each >= 0 for each in money):
        raise damaged(path, f"budget is {money!r}")
    if type(facts.get("points")) not in (int, float):
        raise damaged(path, f"points is {facts.get('points')!r}")
