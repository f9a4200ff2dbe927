"""What was read and what became of it, in words."""

from collections.abc import Sequence
from typing import Any

from experiments.words.figures import counted
from experiments.words.tables import table
from sim.purchases.base import CustomerBase

__all__ = ["ADVICE", "account_rows", "account_text"]

ADVICE = {
    "platinum": "keep, and serve first",
    "gold": "keep, and win what is short of platinum, amount or pace",
    "silver A": "ask why they come seldom: narrow range, buying elsewhere, no time",
    "silver B": "raise pace or amount, whichever money does more for",
    "silver C": "sell more at a time: sets, a wider range",
    "develop": "try what money does, a little at a time",
    "optimise": "serve at less cost, or let go",
    "golden": "keep, and reward that they stay",
    "at risk": "find out what drives them away, and win them back before they are gone",
    "not to over-service": "serve well for little: they stay anyway and bring little",
    "marginal": "serve at less cost, or let go",
    "best": "offer to them first, and the best",
    "odd couples": "they buy unasked: fewer contacts, and ask what they would answer to",
    "fatal attraction": "they answer and bring little: offers that cost little, or that sell more at a time",
    "ghosts": "contact them seldom and cheaply",
    "high-performing": "keep, and thank them for whom they bring",
    "selling": "ask them to recommend, and make it easy",
    "networking": "reward whom they bring, and offer them more for themselves",
    "low-performing": "serve at less cost, or give a reason to buy or to recommend",
}
"""What is usually said of each class that is built in, in our words; a plan says what it brings."""

_DIALECT = {"separator": "separated by '{}'", "encoding": "in {}", "decimal": "decimals after '{}'",
            "thousands": "thousands after '{}'", "date_format": "days as {}", "sheet": "sheet {}"}  # fmt: skip


def account_text(base: CustomerBase, remarks: Sequence[str] = ()) -> str:
    """Return each file with its columns and dialect, the table of rows and money, and all that should be said."""
    lines = []
    for source in base.sources:
        columns = ", ".join(f"{role} = {name}" for role, name in source["columns"].items())
        lines.append(f"Read {source['file']}: {counted(source['rows'], 'row')}; {columns}.")
        lines.append(f"  {_dialect(source['dialect'])}")
    lines += ["", table(["rows", "number", "money"], account_rows(base)), ""]
    lines.append(
        f"The base has {counted(base.customers, 'customer')} with {counted(base.rows, 'row')} of purchases from "
        f"{base.first_date} to "
        f"{base.last_date}."
    )
    lines += [f"- {note}" for note in (*base.notes, *remarks)]
    return "\n".join(lines)


def account_rows(base: CustomerBase) -> list[list[str]]:
    """Return the lines of what became of every row that was read, of purchases and of each table beside them."""
    if not base.tables:
        return base.account.to_rows()
    rows = base.account.to_rows("purchases")
    for name, account in base.tables.items():
        rows += account.to_rows(name)
    return rows


def _dialect(dialect: dict[str, Any]) -> str:
    said = [str(dialect["format"])]
    said += [words.format(dialect[key]) for key, words in _DIALECT.items() if dialect.get(key)]
    if dialect.get("header") is False:
        said.append("no header")
    if dialect.get("title_lines"):
        said.append(f"{dialect['title_lines']} lines before the header")
    return ", ".join(said)
