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
from sim.scenario.file import Scenario

__all__ = ["once", "same_rows"]


def once(evidence: Sequence[str | Path], scenario: Scenario) -> list[str]:
    """Return digests of files of evidence, by which the scenario that is learned from them knows them again.

    Raises
    ------
    InputError
        Where a file is given twice, whatever it is called, or the scenario was learned from it; names it.
    """
    seen: dict[str, str | Path] = {}
    before = {digest for each in scenario.evidence for digest in each.files}
    for each in evidence:
        digest = _digest(each)
        if digest in seen:
            same, that = shown(each), shown(seen[digest])
            which = "is given twice" if same == that else f"holds what {that} holds, byte for byte"
            raise InputError(f"{same}: {which}, and evidence counts once; give it once")
        if digest in before:
            raise InputError(
                f"{shown(each)}: the scenario was learned from it already, and evidence counts once; leave it out, or "
                "begin with the scenario before that"
            )
        seen[digest] = each
    return list(seen)


def _digest(where: str | Path) -> str:
    if not Path(where).is_file():
        return str(where)
    with Path(where).open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()[:16]


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
