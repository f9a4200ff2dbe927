"""Evidence counts once: a file given twice is refused, and files with the same rows are said to have them."""

from collections.abc import Sequence
from hashlib import file_digest
from itertools import combinations
from pathlib import Path

import numpy as np

from sim.errors import InputError
from sim.purchases.read.sources import shown
from sim.responses.history.read import History
from sim.responses.read import Trial

__all__ = ["refuse_twice", "same_rows"]


def refuse_twice(evidence: Sequence[str | Path]) -> None:
    """Raise where a file is given twice, whatever it is called.

    Raises
    ------
    InputError
        Names both.
    """
    seen: dict[str, str | Path] = {}
    for each in evidence:
        digest = _digest(each)
        if digest in seen:
            same, that = shown(each), shown(seen[digest])
            which = "is given twice" if same == that else f"holds what {that} holds, byte for byte"
            raise InputError(f"{same}: {which}, and evidence counts once; give it once")
        seen[digest] = each


def _digest(where: str | Path) -> str:
    if not Path(where).is_file():
        return str(where)
    with Path(where).open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def same_rows(trials: Sequence[Trial], histories: Sequence[History]) -> list[str]:
    """Return which files have the same rows of a curve, or the same history: both are counted."""
    said = []
    for one, other in combinations(trials, 2):
        if one.where != other.where and one.key == other.key and _same(one, other):
            said.append((one.where, other.where, f"{len(one.spend):,} rows on {' / '.join(filter(None, one.key))}"))
    for first, second in combinations(histories, 2):
        both = first.outcome.keys() & second.outcome.keys()
        same = all(np.array_equal(first.outcome[each], second.outcome[each], equal_nan=True) for each in both)
        if both and same and np.array_equal(first.spend, second.spend):
            said.append((first.where, second.where, f"{first.spend[..., 0].size:,} rows of history"))
    return [
        f"{other}: the same {rows} as in {one}, in any order: both are counted; if they are of the same customers, "
        "leave one out, as intervals are too narrow"
        for one, other, rows in said
    ]


def _same(one: Trial, other: Trial) -> bool:
    if len(one.spend) != len(other.spend):
        return False
    first, second = (np.stack([each.spend, each.outcome, each.customers, each.periods]) for each in (one, other))
    return bool(np.array_equal(first[:, np.lexsort(first)], second[:, np.lexsort(second)]))
