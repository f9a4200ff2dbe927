"""What a user may say of his files where what is found is not what is meant."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["Reading"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How files are read; what is None or empty is found in the files, and said.

    Attributes
    ----------
    columns : mapping of str to str
        Role (:data:`sim.purchases.read.tables.PURCHASES`) to column.
    separator, decimal, encoding, date_format : str, optional
        Between columns; before decimals; of the text, by Python's name; of dates, as ``strptime`` has it.
    header : bool, optional
        Whether a first line names the columns; without, they are ``column1``, ``column2``, ...
    title_lines : int, optional
        Lines before the header.
    of_tables : mapping of str to Reading
        Columns and ``date_format`` of tables beside the purchases, by the table's name.
    sheet, table : str, optional
        Of a workbook; of a database.
    time_zone : str, optional
        Where days begin, such as Europe/Berlin, for times that say how far they are from UTC.
    placeholders : tuple of str, optional
        Ids that stand for no customer, instead of those known and found.
    cancelled : tuple of str, optional
        Statuses that undo a purchase, instead of those known.
    negative : "returns" or "values", optional
        What amounts below zero are.
    doubled : "drop" or "keep", optional
        What becomes of rows that are copies of another.
    mean_amount : float, optional
        What a purchase brings where files hold none: all that a customer bought on a day counts as one.
    currency : str, optional
        The currency of what is taken where a file has several.
    rates : mapping of str to float
        Worth of one unit of another currency in it.
    earliest, latest : date, optional
        Purchases outside are out of range.
    most_bad : float
        Share of rows that may be unreadable.
    hash_ids : path, optional
        File with the key by which customers' ids are hashed (HMAC-SHA-256).
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    date_format: str | None = None
    header: bool | None = None
    title_lines: int | None = None
    sheet: str | None = None
    table: str | None = None
    time_zone: str | None = None
    placeholders: tuple[str, ...] | None = None
    cancelled: tuple[str, ...] | None = None
    negative: Literal["returns", "values"] | None = None
    doubled: Literal["drop", "keep"] | None = None
    mean_amount: float | None = None
    currency: str | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    earliest: datetime.date | None = None
    latest: datetime.date | None = None
    most_bad: float = 0.05
    hash_ids: Path | None = None
    of_tables: Mapping[str, "Reading"] = field(default_factory=dict)
