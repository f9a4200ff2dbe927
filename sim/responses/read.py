"""Evidence as files: experiments and contacts with a row a customer (or a group of them), answers with a row each.

An experiment has columns ``lever``, ``moves``, ``spend`` (money a head and period that the arm got, 0 for none) and
``outcome``; beside them ``segment``, ``customers`` (the outcome is then their mean), ``periods`` (over how many the
outcome was watched) and ``assigned`` (random or chosen). Answers have ``at`` (money a head and period, or unlimited)
and ``value``; beside them ``low``, ``high``, ``manager`` and ``segment``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.arrays import Floats
from sim.errors import InputError
from sim.purchases.beside import table_of
from sim.purchases.read.sources import shown
from sim.purchases.read.tables import Role, Table

__all__ = ["Answer", "Key", "Trial", "read_evidence"]

Key = tuple[str, str, str]
"""Lever, effect, and segment; no segment: all."""


def _role(name: str, kind: Any, names: tuple[str, ...] = ()) -> Role:
    return Role(name, kind, (name, *names), name)


EVIDENCE = Table(
    "evidence",
    (
        _role("lever", "text"), _role("moves", "text", ("effect",)), _role("segment", "text"),
        _role("spend", "number", ("dose", "money")), _role("outcome", "number"), _role("customers", "number", ("n",)),
        _role("periods", "number"), _role("assigned", "text"), _role("at", "text"), _role("value", "number"),
        _role("low", "number"), _role("high", "number"), _role("manager", "text"),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What a manager said: the effect at an intensity (infinite: unlimited), and between which numbers."""

    key: Key
    manager: str
    at: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Trial:
    """Customers who got some money, and what came of it.

    Attributes
    ----------
    spend, outcome, customers, periods : (rows,)
        Money a head and period, mean outcome, heads, and periods watched.
    chosen : bool
        Whether the firm chose who got how much.
    where : str
        The file.
    """

    key: Key
    spend: Floats
    outcome: Floats
    customers: Floats
    periods: Floats
    chosen: bool
    where: str

    @property
    def doses(self) -> Floats:
        """Return the different intensities, the lowest first."""
        return np.unique(self.spend)


def read_evidence(where: str | Path) -> tuple[list[Trial], list[Answer], tuple[str, ...]]:
    """Return the experiments or the answers of a file, and what should be said of it.

    Raises
    ------
    InputError
        If columns are missing, or a row cannot be used; names file and row.
    """
    with table_of(where, EVIDENCE) as (connection, values, roles):
        name, columns = shown(where), roles.columns
        picked = {
            role: values.number(column) if EVIDENCE[role].kind == "number" else values.text(column)
            for role, column in columns.items()
        }
        rows = connection.execute(f"SELECT {', '.join(picked.values())} FROM beside").fetchall() if picked else []
        notes = (f"{name}: columns not used: {', '.join(roles.unused)}",) if roles.unused else ()
    kinds = {"an experiment": ("spend", "outcome"), "answers": ("at", "value")}
    kind = next((kind for kind, needed in kinds.items() if set(needed) <= set(columns)), None)
    missing = [role for role in ("lever", "moves") if role not in columns]
    if kind is None or missing:
        raise InputError(
            f"{name}: expected columns lever and moves, with spend and outcome (an experiment) or at and value "
            f"(answers), got {', '.join([*columns, *roles.unused])}"
        )
    table = [dict(zip(columns, row, strict=True)) for row in rows]
    for i, row in enumerate(table, 1):
        for role in ("lever", "moves", *kinds[kind]):
            if row[role] is None:
                raise InputError(f"{name}: row {i}: expected a value in column {columns[role]!r}, got none")
    if kind == "answers":
        return [], [_answer(row, f"{name}: row {i}") for i, row in enumerate(table, 1)], notes
    return _trials(table, name), [], notes


def _key(row: dict[str, Any]) -> Key:
    return row["lever"], row["moves"], row.get("segment") or ""


def _answer(row: dict[str, Any], where: str) -> Answer:
    try:
        at = float("inf") if str(row["at"]).lower() == "unlimited" else float(row["at"])
    except ValueError:
        at = -1.0
    if at < 0:
        raise InputError(f"{where}: expected in column 'at' money of at least 0 or unlimited, got {row['at']!r}")
    low, high = (row["value"] if row.get(end) is None else row[end] for end in ("low", "high"))
    if not low <= row["value"] <= high:
        raise InputError(f"{where}: expected low <= value <= high, got {low:g}, {row['value']:g}, {high:g}")
    return Answer(_key(row), row.get("manager") or "", at, row["value"], low, high)


def _trials(table: list[dict[str, Any]], name: str) -> list[Trial]:
    groups: dict[tuple[Key, bool], list[tuple[float, ...]]] = {}
    for i, row in enumerate(table, 1):
        assigned = (row.get("assigned") or "random").lower()
        heads, periods = (1.0 if row.get(role) is None else row[role] for role in ("customers", "periods"))
        if assigned not in ("random", "chosen"):
            raise InputError(f"{name}: row {i}: expected in column 'assigned' random or chosen, got {assigned!r}")
        if row["spend"] < 0 or heads < 1 or periods < 1 or periods != int(periods):
            raise InputError(
                f"{name}: row {i}: expected spend of at least 0, and customers and whole periods of at least 1, got "
                f"{row['spend']:g}, {heads:g} and {periods:g}"
            )
        one = (row["spend"], row["outcome"], heads, periods)
        groups.setdefault((_key(row), assigned == "chosen"), []).append(one)
    found = []
    for (key, chosen), rows in groups.items():
        spend, outcome, customers, periods = np.array(rows).T
        found.append(Trial(key, spend, outcome, customers, periods, chosen, name))
    return found
