"""Files of purchases for tests, and what a base made of them holds."""

from pathlib import Path
from typing import Any

from sim.purchases.base import CustomerBase
from sim.purchases.read.options import Reading

__all__ = ["base_of", "bought", "left", "lines_of"]


def base_of(folder: Path, content: str | bytes, name: str = "in.csv", **reading: Any) -> CustomerBase:
    """Make a base of one file."""
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return CustomerBase.create(folder / "base.duckdb", file, reading=Reading(**reading))


def bought(base: CustomerBase) -> list[tuple[str, str, float]]:
    """Return customer, day and amount of every purchase, in the order of days."""
    query = "SELECT customer_id, date, amount FROM purchases ORDER BY date, customer_id, amount"
    return [(str(who), str(day), amount) for who, day, amount in base.query(query)[1]]


def left(base: CustomerBase) -> dict[str, int]:
    """Return the number of rows by outcome, without those that did not happen."""
    return {outcome: rows for outcome, rows in base.account.rows.items() if rows}


def lines_of(rows: list[tuple[object, ...]], header: str, separator: str = ",") -> str:
    """Return rows as text."""
    return "\n".join([header, *(separator.join(map(str, row)) for row in rows)]) + "\n"
