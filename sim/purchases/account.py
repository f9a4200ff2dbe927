"""What became of every row that was read, in rows and money."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, log10
from typing import Any

__all__ = ["OUTCOMES", "Account"]

OUTCOMES: Mapping[str, str] = {
    "taken": "taken",
    "merged": "merged with others of the day",
    "returns": "returns, set against purchases",
    "cancelled": "cancelled",
    "no_customer": "without customer",
    "doubled": "doubled",
    "out_of_range": "out of range in time",
    "other_currency": "in another currency",
    "bad": "unreadable",
}
"""What may become of a row, and how people read it."""


@dataclass(frozen=True)
class Account:
    """Rows and money by what became of them; each row has one outcome, so that the parts are the whole.

    Attributes
    ----------
    rows : mapping of str to int
        By outcome (:data:`OUTCOMES`).
    micro : mapping of str to int
        Money by outcome, in units of ``10^-places``.
    places : int
        Decimal places to which money is summed.
    """

    rows: Mapping[str, int]
    micro: Mapping[str, int]
    places: int

    @classmethod
    def of(cls, found: Mapping[str, tuple[int, int]], places: int) -> "Account":
        """Return the account of rows and money by outcome; outcomes that are not there are 0."""
        rows = {outcome: found.get(outcome, (0, 0))[0] for outcome in OUTCOMES}
        return cls(rows, {outcome: found.get(outcome, (0, 0))[1] for outcome in OUTCOMES}, places)

    @property
    def read(self) -> int:
        """Return how many rows were read."""
        return sum(self.rows.values())

    def money(self, outcome: str) -> float:
        """Return the money of an outcome."""
        return float(self.micro[outcome] / 10**self.places)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return plain data: ``rows`` and ``money``, each with ``read`` and the outcomes."""
        return {
            "rows": {"read": self.read, **self.rows},
            "money": {"read": sum(self.micro.values()) / 10**self.places, **{o: self.money(o) for o in OUTCOMES}},
        }

    def to_rows(self, of: str = "") -> list[list[str]]:
        """Return the lines of a table for people: what (``of`` which table), rows, money; what did not happen not."""
        most = max((abs(self.money(o)) for o in OUTCOMES), default=0.0)
        digits = 2 - floor(log10(most)) if 0 < most < 1 else 2  # amounts in millions are as plain as in units
        lines = [
            [words, f"{self.rows[o]:,}", f"{self.money(o):,.{digits}f}"]
            for o, words in OUTCOMES.items()
            if self.rows[o]
        ]
        total = sum(self.micro.values()) / 10**self.places
        lines.append(["read", f"{self.read:,}", f"{total:,.{digits}f}"])
        return [[f"{of}: {what}", *rest] for what, *rest in lines] if of else lines
