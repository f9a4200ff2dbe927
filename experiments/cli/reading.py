"""Options that say how files are to be read, which several commands share, and what they come to."""

import inspect
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from sim.errors import InputError
from sim.purchases.read.options import Reading
from sim.purchases.read.tables import BESIDE

__all__ = ["pairs", "with_reading"]

_DAY = ["%Y-%m-%d"]
_ROLES = {"customer": "customer_id", "date": "date", "amount": "amount", "price": "price", "quantity": "quantity",
          "order": "order_id", "status": "status", "currency_column": "currency"}  # fmt: skip
_FOUND = "[default: found]"


def _column(what: str) -> Any:
    return Annotated[str | None, typer.Option(help=f"Column of {what} {_FOUND}.")]


_OPTIONS: dict[str, Any] = {
    "customer": _column("the customer"),
    "date": _column("the date"),
    "amount": _column("the amount"),
    "price": _column("the price of one piece, which times the quantity is the amount"),
    "quantity": _column("the quantity"),
    "order": _column("the order's number"),
    "status": _column("the order's status"),
    "currency_column": _column("the currency"),
    "column": Annotated[
        list[str] | None, typer.Option(
            metavar="ROLE=COLUMN",
            help="Another role, e.g. channel=Shop; of another table memberships.price=Fee; repeatable.",
        ),
    ],
    "separator": Annotated[str | None, typer.Option(help=f"What separates columns; tab and space in words {_FOUND}.")],
    "decimal": Annotated[str | None, typer.Option(help=f"Mark before decimals, . or , {_FOUND}.")],
    "encoding": Annotated[str | None, typer.Option(help=f"Encoding of text, e.g. latin-1, gb18030, utf-16 {_FOUND}.")],
    "date_format": Annotated[
        list[str] | None,
        typer.Option(
            metavar="[TABLE=]FORMAT",
            help=f"How days are written, e.g. %d.%m.%Y; of another table memberships=%d.%m.%Y; repeatable {_FOUND}.",
        ),
    ],
    "header": Annotated[bool | None, typer.Option("--header/--no-header", help=f"Whether columns are named {_FOUND}.")],
    "title_lines": Annotated[int | None, typer.Option(help=f"Lines before the header {_FOUND}.", min=0)],
    "sheet": Annotated[str | None, typer.Option(help="Sheet of a workbook [default: the first with rows].")],
    "table": Annotated[str | None, typer.Option(help="Table of a database [default: the only one].")],
    "time_zone": Annotated[
        str | None, typer.Option(help="Where days begin, e.g. Europe/Berlin [default: as the file says].")
    ],
    "placeholders": Annotated[
        str | None,
        typer.Option(help="Ids that are no customer, with commas between [default: None, guest, 0, ... and found]."),
    ],
    "cancelled": Annotated[
        str | None, typer.Option(help="Statuses that undo a purchase, with commas between [default: those known].")
    ],
    "negative": Annotated[
        str | None, typer.Option(help="What is below 0: returns or values [default: returns, values in margins].")
    ],
    "doubled": Annotated[str | None, typer.Option(help=f"What becomes of copied rows: drop or keep {_FOUND}.")],
    "mean_amount": Annotated[
        float | None, typer.Option(help="What a purchase brings, where files hold no amounts [default: they do].")
    ],
    "rate": Annotated[
        list[str] | None,
        typer.Option(metavar="CODE=WORTH", help="What one unit of another currency is worth; repeatable."),
    ],
    "earliest": Annotated[datetime | None, typer.Option(formats=_DAY, help=f"Days before are out of range {_FOUND}.")],
    "latest": Annotated[datetime | None, typer.Option(formats=_DAY, help="Days after are too [default: today].")],
    "most_bad": Annotated[float, typer.Option(help="Share of rows that may be unreadable.", min=0.0, max=1.0)],
    "hash_ids": Annotated[
        Path | None, typer.Option(metavar="KEYFILE", help="Hash customers' ids with this key (HMAC-SHA-256).")
    ],
}  # fmt: skip
_DEFAULTS = {"most_bad": 0.05}


def with_reading(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets what they say as ``reading``: keywords of ``Reading``."""
    own = inspect.signature(command)
    hints = get_type_hints(command, include_extras=True)

    def run(**given: Any) -> None:
        command(reading=_keywords({name: given.pop(name) for name in _OPTIONS}), **given)

    parameters = [
        parameter.replace(kind=parameter.KEYWORD_ONLY)
        for name, parameter in own.parameters.items()
        if name != "reading"
    ]
    at = next((i for i, p in enumerate(parameters) if p.name in ("seed", "as_json")), len(parameters))
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_DEFAULTS.get(name), annotation=kind)
        for name, kind in _OPTIONS.items()
    ]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {k: v for k, v in hints.items() if k != "reading"} | _OPTIONS
    run.__signature__ = own.replace(parameters=[*parameters[:at], *added, *parameters[at:]])  # type: ignore[attr-defined]
    return run


def _keywords(given: dict[str, Any]) -> dict[str, Any]:
    """Return what differs from what is found anyhow.

    Raises
    ------
    InputError
        If an option is none of what it may be.
    """
    said = {name: value for name, value in given.items() if value is not None and value != _DEFAULTS.get(name)}
    columns = {role: said.pop(name) for name, role in _ROLES.items() if name in said}
    columns |= pairs("--column", said.pop("column", ()), "ROLE=COLUMN, e.g. channel=Shop")
    columns, tables = _of_tables(columns, said.pop("date_format", ()), said)
    rates = {}
    for code, worth in pairs("--rate", said.pop("rate", ()), "CODE=WORTH, e.g. USD=0.92").items():
        try:
            rates[code] = float(worth)
        except ValueError:
            raise InputError(f"--rate {code}={worth}: expected a number, e.g. USD=0.92") from None
    for name, choices in (("negative", ("returns", "values")), ("doubled", ("drop", "keep")), ("decimal", (".", ","))):
        if name in said and said[name] not in choices:
            raise InputError(f"--{name} {said[name]}: expected {' or '.join(choices)}")
    for name in ("placeholders", "cancelled"):
        if name in said:
            said[name] = tuple(word.strip() for word in said[name].split(",") if word.strip())
    for name in ("earliest", "latest"):
        if name in said:
            said[name] = said[name].date()
    if "separator" in said:
        said["separator"] = {"tab": "\t", "\\t": "\t", "space": " "}.get(said["separator"], said["separator"])
        if len(said["separator"]) != 1:
            raise InputError(f"--separator {said['separator']}: expected one character, or tab or space")
    more = {"columns": columns, "rates": rates, "of_tables": tables}
    return {**said, **{name: each for name, each in more.items() if each}}


def _of_tables(
    columns: dict[str, str], formats: Sequence[str], said: dict[str, Any]
) -> tuple[dict[str, str], dict[str, Reading]]:
    """Return columns of the purchases, and what is said of each table beside them; put the purchases' format in place.

    Raises
    ------
    InputError
        If there is no such table.
    """
    own, tables = dict[str, str](), defaultdict[str, dict[str, Any]](dict)
    for role, column in columns.items():
        table, point, of_it = role.rpartition(".")
        if point:
            tables[table].setdefault("columns", {})[of_it] = column
        else:
            own[role] = column
    for word in formats:
        table, _, days = word.rpartition("=")
        (tables[table] if table else said)["date_format"] = days
    unknown = next((table for table in tables if table not in BESIDE), None)
    if unknown:
        raise InputError(f"no table {unknown!r} beside the purchases; the tables are {', '.join(BESIDE)}")
    return own, {table: Reading(**each) for table, each in tables.items()}


def pairs(option: str, words: Sequence[str], expected: str) -> dict[str, str]:
    """Return what is said by name, of words like ``channel=Shop``.

    Raises
    ------
    InputError
        If one is not that.
    """
    found = {}
    for word in words:
        name, _, value = word.partition("=")
        if not name or not value:
            raise InputError(f"{option} {word}: expected {expected}")
        found[name.strip()] = value.strip()
    return found
