"""How the columns of a source write their values, each found once."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sim.purchases.read.columns import Looks
from sim.purchases.read.dates import Dates, find_dates
from sim.purchases.read.numbers import Numbers, find_numbers
from sim.purchases.read.options import Reading
from sim.purchases.read.periods import find_periods
from sim.purchases.read.sources import Source
from sim.purchases.read.sql import literal, quoted
from sim.purchases.read.tables import Role

__all__ = ["Values"]

_SOME = 20_000
_FEW, _RUNNING, _OF_IDS = 0.02, 10, 5
_CODE = r"^(\p{L}+[-_/.]?\d+|0\d+|\d+[-_/]?\p{L}+)$"
_MARKED = r"\d[.,]\d"
"""Decimals, or marks between thousands."""
_WHOLE = ("DOUBLE", "FLOAT")
_DIGITS, _MARKS = "０１２３４５６７８９٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "．，－／：٫٬"
_NUMBERS = (*_WHOLE, "DECIMAL", "BIGINT", "INTEGER", "HUGEINT", "SMALLINT", "TINYINT", "U")


class Values:
    """The columns of a source as SQL: text, number or day."""

    def __init__(self, connection: Any, table: str, source: Source, reading: Reading, today: date) -> None:
        self.connection, self.table, self.source, self.reading, self.today = connection, table, source, reading, today
        self._numbers: dict[str, Numbers] = {}
        self._dates: dict[tuple[str, bool], Dates | None] = {}
        self._distinct: dict[str, float] = {}
        self._scripts: dict[str, bool] = {}

    def text(self, column: str) -> str:
        """Return the SQL of a column's text, trimmed, NULL where empty."""
        if self.source.trimmed:
            return quoted(column)
        name = quoted(column)
        if self._typed(column, *_WHOLE):  # 45.0 is 45
            whole = f"{name} = floor({name}) AND abs({name}) < 1e15"
            return f"CASE WHEN {whole} THEN CAST(CAST({name} AS BIGINT) AS VARCHAR) ELSE CAST({name} AS VARCHAR) END"
        return f"nullif(trim(CAST({name} AS VARCHAR)), '')"

    def written(self, column: str) -> str:
        """Return the SQL of a column's text with digits and marks of other scripts as 0 to 9, point and so on."""
        text = self.text(column)
        if column not in self._scripts:
            some = f"(SELECT {text} AS each FROM {self.table} LIMIT {_SOME})"
            found = f"SELECT 1 FROM {some} WHERE regexp_matches(each, '[{_DIGITS}]') LIMIT 1"
            self._scripts[column] = self.connection.execute(found).fetchone() is not None
        return f"translate({text}, '{_DIGITS}{_MARKS}', '{'0123456789' * 3}.,-/:.,')" if self._scripts[column] else text

    def _typed(self, column: str, *kinds: str) -> bool:
        return self.source.types[column].startswith(kinds)

    def is_number(self, column: str) -> bool:
        """Return whether a column came as numbers."""
        return self._typed(column, *_NUMBERS)

    def numbers(self, column: str) -> Numbers:
        """Return how a column of text writes its numbers."""
        if column not in self._numbers:
            self._numbers[column] = find_numbers(
                self.connection, self.table, self.written(column), self.reading.decimal
            )
        return self._numbers[column]

    def number(self, column: str) -> str:
        """Return the SQL of a column's number."""
        if self.is_number(column):
            return f"CAST({quoted(column)} AS DOUBLE)"
        return self.numbers(column).sql(self.written(column))

    def dates(self, column: str, periods: bool = False) -> Dates | None:
        """Return how a column writes days, or periods by their first day where it may; None if it does not."""
        if (column, periods) not in self._dates:
            may = periods and self._is_text(column)
            found = find_periods(self.connection, self.table, self.written(column)) if may else None
            self._dates[column, periods] = found or self._found(column)
        return self._dates[column, periods]

    def begin_and_end(self, columns: Sequence[str]) -> None:
        """Take columns for days of one kind, of which some may be ahead: what tells day from month in one does in all.

        Without it the first of each month in one, and the last in the other, would be read apart.
        """
        for column in columns:
            others = [self.written(each) for each in columns if each != column and self._is_text(each)]
            self._dates[column, False] = self._found(column, others, ahead=True)

    def _is_text(self, column: str) -> bool:
        return not self._typed(column, "DATE", "TIMESTAMP")

    def _found(self, column: str, alike: Sequence[str] = (), *, ahead: bool = False) -> Dates | None:
        if not self._is_text(column):
            name = quoted(column)
            return Dates("%Y-%m-%d", "TRY_CAST({0} AS DATE)", timed=self._any(f"{name} > CAST({name} AS DATE)"))
        return find_dates(
            self.connection, self.table, self.written(column), given=self.reading.date_format,
            zone=self.reading.time_zone, today=self.today, alike=alike, ahead=ahead,
            month_first=self.source.dialect.get("separator") != ";",
        )  # fmt: skip

    def fits(self, role: Role, column: str) -> bool:
        """Return whether at least half of a column's values are of the role's kind."""
        if role.kind == "number":
            return self.fits_number(column)
        if role.kind in ("date", "period"):
            there = self.dates(column, role.kind == "period") is not None
            return there or not self._any(f"{self.text(column)} IS NOT NULL")
        return True

    def fits_number(self, column: str) -> bool:
        """Return whether at least half of a column's values are numbers."""
        filled, read = self.connection.execute(
            f"SELECT count({self.text(column)}), count({self.number(column)}) "
            f"FROM (SELECT * FROM {self.table} LIMIT {_SOME})"
        ).fetchone()
        return bool(2 * read >= filled)

    def looks(self, column: str) -> Looks:
        """Return whether a column holds money, whole numbers, or text.

        Codes such as C1123 or 0042, running numbers and whole numbers of as many digits each, at least five, are text.
        """
        if not self.fits_number(column):
            return "text"
        text, number = self.written(column), self.number(column)
        filled, codes, decimals, once, span, short, long = self.connection.execute(
            f"SELECT count({text}), count(*) FILTER (regexp_matches({text}, {literal(_CODE)})), "
            f"count(*) FILTER (regexp_matches({text}, {literal(_MARKED)}) OR {number} <> floor({number})), "
            f"count(DISTINCT {number}), max({number}) - min({number}), min(length({text})), max(length({text})) "
            f"FROM (SELECT * FROM {self.table} LIMIT {_SOME})"
        ).fetchone()
        if decimals > _FEW * filled and 2 * codes <= filled:
            return "money"
        running = once == filled >= _RUNNING and span < 2 * filled
        return "text" if 2 * codes > filled or running or short == long >= _OF_IDS else "whole"

    def _any(self, condition: str) -> bool:
        return self.connection.execute(f"SELECT 1 FROM {self.table} WHERE {condition} LIMIT 1").fetchone() is not None

    def filled(self, column: str) -> float:
        """Return the share of rows in which a column holds something."""
        there, rows = self.connection.execute(
            f"SELECT count({self.text(column)}), count(*) FROM {self.table}"
        ).fetchone()
        return there / rows if rows else 1.0

    def distinct(self, column: str) -> float:
        """Return the share of different values among those that are there."""
        if column not in self._distinct:
            text = self.text(column)
            filled, different = self.connection.execute(
                f"SELECT count({text}), approx_count_distinct({text}) FROM {self.table}"
            ).fetchone()
            self._distinct[column] = different / filled if filled else 0.0
        return self._distinct[column]
