"""How an evidence file writes numbers and periods: one decimal mark for all of it, per cent, yes and no, months."""

from collections.abc import Mapping, Sequence

from sim.errors import InputError
from sim.purchases.read.numbers import Numbers
from sim.purchases.read.sql import literal
from sim.purchases.read.tables import Table, plain_name
from sim.purchases.read.values import Values

__all__ = ["Cells", "assigned_of", "period_of"]

PER_CENT = r"^[-+]?[\d.,\s]*\d\s*%$"
PER_CENT_SIGN = literal(" %")
YES, NO = ("yes", "true", "y", "ja", "oui", "si", "sí", "是"), ("no", "false", "n", "nein", "non", "否")
"""Outcomes in words; a yes is 1."""
THOUSANDS = r"^[1-9]\d{0,2}([.,]\d{3})+$"
HAPPENED = ("outcome", "kept_later")
SHARES = (*HAPPENED, "value", "low", "high")
"""Roles that may be in words, and in per cent."""
HEADS = "customers"
"""The column of whole numbers."""
RANDOM = ("randomised", "randomized", "random")
"""Names of a column that says yes or no instead of random or chosen."""


class Cells:
    """The columns of numbers of a file, by their role.

    Parameters
    ----------
    found : mapping of role to column
        As names and values tell them.
    unused
        Columns without a role: one that is called as a role of numbers, but is not written in them, gets it here.

    Raises
    ------
    InputError
        If such a column holds other words.
    """

    def __init__(
        self, values: Values, table: Table, found: Mapping[str, str], unused: Sequence[str], where: str
    ) -> None:
        self.values, self.columns, self.unused = values, dict(found), list(unused)
        self.numbers = {role.name for role in table.roles if role.kind == "number"}
        for role in table.roles:
            same = [each for each in unused if plain_name(each) in map(plain_name, role.names)]
            if role.name in self.numbers and role.name not in found and len(same) == 1:
                self.columns[role.name] = same[0]
                self.unused.remove(same[0])
                self._refuse_words(role.name, where)
        own = [each for role, each in self.columns.items() if role in self.numbers and not values.is_number(each)]
        self.commas = any(self._says_comma(each) for each in own)

    def number(self, role: str) -> str:
        """Return the SQL of a role's number."""
        column, values = self.columns[role], self.values
        if values.is_number(column):
            return values.number(column)
        text = values.written(column)
        if role in SHARES and self._all(column, PER_CENT):
            written = Numbers("," if self.commas else ".")
            return f"({written.sql(f'rtrim({text}, {PER_CENT_SIGN})')}) / 100"
        if role in HAPPENED and self._all_words(column):
            yes, no = (", ".join(map(literal, words)) for words in (YES, NO))
            return f"CASE WHEN lower({text}) IN ({yes}) THEN 1.0 WHEN lower({text}) IN ({no}) THEN 0.0 END"
        if (
            (role == HEADS or self.commas)
            and self._some(column, r"[.,]")
            and self._all_with(column, r"[.,]", THOUSANDS)
        ):
            return f"TRY_CAST(replace(replace({text}, '.', ''), ',', '') AS DOUBLE)"
        return values.number(column)

    def _refuse_words(self, role: str, where: str) -> None:
        column = self.columns[role]
        shares = role in SHARES and self._all(column, PER_CENT)
        if not (shares or (role in HAPPENED and self._all_words(column))):
            text = self.values.text(column)
            bad = self.values.connection.execute(
                f"SELECT min({text}) FROM beside WHERE TRY_CAST({text} AS DOUBLE) IS NULL"
            ).fetchone()[0]
            raise InputError(f"{where}: expected numbers in column {column!r}, got {bad!r}")

    def _says_comma(self, column: str) -> bool:
        """Return whether a comma stands before decimals, and surely: not before three digits alone."""
        return self._some(column, r"^\D*(\d+,(\d{1,2}|\d{4,})|0,\d+)\D*$")

    def _some(self, column: str, pattern: str) -> bool:
        return self._count(column, f"regexp_matches({self.values.written(column)}, {literal(pattern)})") > 0

    def _all(self, column: str, pattern: str) -> bool:
        filled = self._count(column, f"{self.values.text(column)} IS NOT NULL")
        return 0 < filled == self._count(column, f"regexp_matches({self.values.written(column)}, {literal(pattern)})")

    def _all_with(self, column: str, some: str, pattern: str) -> bool:
        """Return whether every value that has one pattern has the other."""
        text = self.values.written(column)
        return not self._count(
            column, f"regexp_matches({text}, {literal(some)}) AND NOT regexp_matches({text}, {literal(pattern)})"
        )

    def _all_words(self, column: str) -> bool:
        words = ", ".join(map(literal, (*YES, *NO)))
        filled = self._count(column, f"{self.values.text(column)} IS NOT NULL")
        return 0 < filled == self._count(column, f"lower({self.values.text(column)}) IN ({words})")

    def _count(self, column: str, condition: str) -> int:
        return int(self.values.connection.execute(f"SELECT count(*) FROM beside WHERE {condition}").fetchone()[0])


def assigned_of(values: Values, column: str) -> str:
    """Return the SQL of how money was given; of a column called randomised yes is at random, and no is chosen."""
    text = f"lower({values.text(column)})"
    if plain_name(column) not in RANDOM:
        return text
    yes, no = (", ".join(map(literal, (*words, digit))) for words, digit in ((YES, "1"), (NO, "0")))
    return f"CASE WHEN {text} IN ({yes}) THEN 'random' WHEN {text} IN ({no}) THEN 'chosen' ELSE {text} END"


def period_of(values: Values, column: str, known: str) -> str:
    """Return the SQL of a column's periods: as written where that is known, else months or days as dates have them.

    ``known``: the pattern of periods that are read as they are.

    Raises
    ------
    InputError
        If nothing tells days and months apart.
    """
    text = values.text(column)
    odd = f"SELECT count(*) FROM beside WHERE NOT regexp_matches({text}, {literal(known)}, 'i')"
    if not values.connection.execute(odd).fetchone()[0]:
        return text
    dates = values.dates(column, periods=True)
    if dates is None:
        return text
    if dates.ambiguous:
        raise InputError(f"{values.source.name}: column {column!r}: {dates.doubts('a year before, 2025-03-04,')[0]}")
    day = dates.expression.format(values.written(column))
    if dates.known:
        each = " ".join(f"WHEN {literal(key)} THEN {literal(str(on)[:10])}" for key, on in dates.known.items())
        day = f"CASE {day} {each} END"
    day = f"CAST({day} AS DATE)"
    days, months = values.connection.execute(
        f"SELECT count(DISTINCT {day}), count(DISTINCT strftime({day}, '%Y-%m')) FROM beside"
    ).fetchone()
    return f"strftime({day}, '{'%Y-%m' if days == months else '%Y-%m-%d'}')"
