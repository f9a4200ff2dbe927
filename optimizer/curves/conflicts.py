"""Rules in conflict: which of them cannot hold together, and by how much they would have to give way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizer.curves.rows import Row
from optimizer.lp.arrays import ArrayModel, solve_arrays
from optimizer.tolerances import CLASH
from sim.arrays import Floats
from sim.errors import SolverError

__all__ = ["Conflict", "ConflictingRule", "find_conflict"]


@dataclass(frozen=True)
class ConflictingRule:
    """One of a set of rules that cannot all hold, while all but any one can.

    Attributes
    ----------
    name : str
    words : str
        The name with its limit.
    alone : float
        Money by which its limit must give way if the others of the set stay; nan if that cannot be enough.
    """

    name: str
    words: str
    alone: float


@dataclass(frozen=True)
class Conflict:
    """An irreducible set of rules in conflict, and the least change of limits that makes all rules fit.

    Attributes
    ----------
    rules : tuple of ConflictingRule
    mend : dict
        Money by rule: the changes with the smallest sum, over all rules and not only those of the set; where several
        have it, rules named first give way.
    """

    rules: tuple[ConflictingRule, ...]
    mend: dict[str, float]

    def in_words(self) -> str:
        """Return the conflict in one line."""
        names = " and ".join(each.words for each in self.rules)
        ways = [f"'{each.name}' by {each.alone:,.5g}" for each in self.rules if each.alone == each.alone]
        alone = f"; it is enough to move {', or '.join(ways)}" if ways else ""
        together = ", ".join(f"'{name}' by {amount:,.5g}" for name, amount in self.mend.items())
        more = f"; the least change that mends every conflict moves {together}" if together else ""
        return f"no plan can meet {names}{alone}{more}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "rules": [{"rule": each.name, "limit": each.words, "give_way_alone": each.alone} for each in self.rules],
            "least_change": self.mend,
        }


def find_conflict(rows: Sequence[Row], places: int) -> Conflict | None:
    """Return an irreducible conflicting set (by a deletion filter) and the elastic mend; None if all rules fit.

    The elastic programme lets every limit give way and minimises the sum of money. When the budget gives way, limits
    that are shares of it move along. Neither answer depends on the solver: of several changes with the least sum the
    one is told that asks most of the rules that are stated first, and of several conflicting sets the one that rules
    stated last make.
    """
    scale = max((row.limit for row in rows), default=1.0) or 1.0
    slack = _give_way(rows, places, range(len(rows)), scale)
    if slack is None:
        raise SolverError("the elastic programme of the rules found no answer")
    if slack.sum() <= CLASH:
        return None
    least = _give_way(rows, places, range(len(rows)), scale, float(slack.sum()) * (1 + 1e-9) + 1e-12)
    slack = slack if least is None else least
    mend = {rows[r].name: float(slack[r] * scale) for r in range(len(rows)) if slack[r] > CLASH}
    kept = _delete(rows, list(range(len(rows))), places, scale)
    conflicting = []
    chosen = [rows[r] for r in kept]
    for i, row in enumerate(chosen):
        slack = _give_way(chosen, places, [i], scale)
        alone = float("nan") if slack is None else float(slack[i] * scale)
        conflicting.append(ConflictingRule(row.name, row.in_words(), alone))
    return Conflict(tuple(conflicting), mend)


def _delete(rows: Sequence[Row], kept: list[int], places: int, scale: float) -> list[int]:
    """Return an irreducible infeasible subset: what can go without making the rest fit goes, in shrinking chunks."""
    chunk = max(len(kept) // 2, 1)
    while True:
        i = 0
        while i < len(kept):
            rest = kept[:i] + kept[i + chunk :]
            if not _fits([rows[r] for r in rest], places, scale):
                kept = rest
            else:
                i += chunk
        if chunk == 1:
            return kept
        chunk = max(chunk // 2, 1)


def _fits(rows: Sequence[Row], places: int, scale: float) -> bool:
    if not rows:
        return True
    slack = _give_way(rows, places, range(len(rows)), scale)
    return slack is not None and bool(slack.sum() <= CLASH)


def _give_way(
    rows: Sequence[Row], places: int, elastic: Sequence[int] | range, scale: float, total: float | None = None
) -> Floats | None:
    """Return by how much each row gives way at the least sum, in ``scale``; None if elastic rows cannot make all fit.

    Within a ``total`` that is known, a row's part weighs the more the later it is stated.
    """
    campaigns = [r for r, row in enumerate(rows) if row.sense == "0 or >="]
    most = 4.0 * len(rows) + 4.0
    first_slack = places + len(campaigns)
    columns = first_slack + 2 * len(rows)
    cells: list[tuple[int, int, float]] = []
    lower, upper = np.full(len(rows) + len(campaigns), -np.inf), np.full(len(rows) + len(campaigns), np.inf)
    highest = np.zeros(columns)
    highest[:places], highest[places:first_slack] = most, 1.0
    budget = next((r for r, row in enumerate(rows) if row.name == "budget"), None)
    for r, row in enumerate(rows):
        cells += [(r, int(c), float(a)) for c, a in zip(row.columns, row.coefficients, strict=True)]
        limit = row.limit / scale
        less, more = first_slack + 2 * r, first_slack + 2 * r + 1
        if row.sense == "0 or >=":
            run = places + campaigns.index(r)
            extra = len(rows) + campaigns.index(r)
            cells += [(r, run, -limit), (extra, int(row.columns[0]), 1.0), (extra, run, -most)]
            lower[r], upper[extra] = 0.0, 0.0
        elif row.sense != "<=":
            lower[r] = limit
        if row.sense in ("<=", "="):
            upper[r] = limit
        allowed = r in elastic
        if row.sense != "<=":
            cells.append((r, less, 1.0))
            highest[less] = most * allowed
        if row.sense in ("<=", "="):
            cells.append((r, more, -1.0))
            highest[more] = most * allowed
        if row.per_budget and budget is not None and r != budget:
            cells.append((r, first_slack + 2 * budget + 1, -row.per_budget))
    objective = np.zeros(columns)
    objective[first_slack:] = -1.0
    if total is not None:
        objective[first_slack:] = -np.repeat(np.sqrt(np.arange(1.0, len(rows) + 1)), 2)
        cells += [(lower.size, first_slack + k, 1.0) for k in range(2 * len(rows))]
        lower, upper = np.append(lower, -np.inf), np.append(upper, total)
    whole = np.zeros(columns, dtype=bool)
    whole[places:first_slack] = True
    at, column, value = (np.array(part) for part in zip(*cells, strict=True))
    answer = solve_arrays(
        ArrayModel(objective, np.zeros(columns), highest, at, column, value.astype(float), lower, upper, whole),
        gap=1e-9, time_limit=20.0,
    )  # fmt: skip
    return answer.values[first_slack:].reshape(-1, 2).sum(axis=1) if answer.values.size else None
