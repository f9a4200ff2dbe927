"""Numbers as people and programs write them: which mark stands before the decimals, and the SQL that reads them."""

from dataclasses import dataclass
from typing import Any

from sim.purchases.read.sql import literal

__all__ = ["Numbers", "find_numbers"]

_CURRENCY = r"(?:[A-Z]{0,3}\p{Sc}|zł|Kč|\p{Cyrillic}{1,3}\.?|\p{Arabic}[\p{Arabic}.]*|[A-Za-z]{1,3}\.?|\\|[元圆圓円원])"
_BLANK = r"[\s\p{Zs}]"
_EDGES = rf"^{_BLANK}*(?:{_CURRENCY}{_BLANK}*)?|{_BLANK}*{_CURRENCY}?{_BLANK}*$"
_SIGN = rf"^{_BLANK}*(?:\(.*\)|.*[-−]|[-−].*|{_CURRENCY}{_BLANK}*[-−].*){_BLANK}*$"
_GROUPS = r"[\s\p{Zs}'’`_]"
_ROUND = rf"[.,][-–—]({_BLANK}*{_CURRENCY}?{_BLANK}*)$"
"""A dash in place of decimals, as in 12,- of a price list."""


@dataclass(frozen=True)
class Numbers:
    """How a column writes numbers.

    Attributes
    ----------
    decimal : str
        The mark before decimals, a point or a comma.
    grouped : bool
        Whether the other mark stands between thousands.
    plain : bool
        Whether all are as programs write them: then no other spelling is looked for, which takes a database longer to
        understand than most files to read.
    """

    decimal: str = "."
    grouped: bool = False
    plain: bool = False

    def sql(self, text: str) -> str:
        """Return the number in ``text`` (a SQL expression), NULL where there is none."""
        if self.plain:
            return f"TRY_CAST({text} AS DOUBLE)"
        other = "," if self.decimal == "." else "."
        raw, text = text, f"regexp_replace({text}, {literal(_ROUND)}, '\\1')"
        bare = f"regexp_replace(regexp_replace({text}, '[()−]|-\\s*$', '', 'g'), '^\\s*-', '')"
        bare = f"regexp_replace(regexp_replace({bare}, {literal(_EDGES)}, '', 'g'), '^\\s*-', '')"
        bare = f"regexp_replace({bare}, {literal(_GROUPS)}, '', 'g')"
        mark = rf"\{other}"
        whole = f"regexp_matches({bare}, '^[+]?\\d*({mark}\\d{{2,3}})*{mark}\\d{{3}}([{self.decimal}]\\d*)?$')"
        joined = f"CASE WHEN {whole} THEN replace({bare}, '{other}', '') ELSE {bare} END"
        if self.decimal == ",":
            joined = f"replace(CASE WHEN contains({joined}, '.') THEN NULL ELSE {joined} END, ',', '.')"
        once = f"NOT regexp_matches({text}, '[-−].*[-−]|\\d\\s*[kKmM]\\s*$')"  # 34k is not 34
        size = f"TRY_CAST(CASE WHEN {once} AND regexp_matches({bare}, '^[+]?[\\d.,]+$') THEN {joined} END AS DOUBLE)"
        slow = f"CASE WHEN regexp_matches({text}, {literal(_SIGN)}) THEN -{size} ELSE {size} END"
        if self.decimal == "." and not self.grouped:
            return f"coalesce(TRY_CAST({raw} AS DOUBLE), {slow})"
        whole_number = f"CASE WHEN contains({raw}, '.') OR contains({raw}, ',') THEN NULL ELSE {raw} END"
        return f"coalesce(TRY_CAST({whole_number} AS DOUBLE), {slow})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for people."""
        thousands = ("," if self.decimal == "." else ".") if self.grouped else None
        return {"decimal": self.decimal, "thousands": thousands}


def find_numbers(connection: Any, table: str, text: str, decimal: str | None = None) -> Numbers:
    """Return how the column ``text`` (a SQL expression) writes its numbers.

    A comma stands before decimals where it comes last, or does not stand before exactly three digits; the same of a
    point. A mark that is followed by three digits in every number of 1,000 or more, and in no smaller one, groups.
    """
    odd = connection.execute(f"SELECT count({text}) - count(TRY_CAST({text} AS DOUBLE)) FROM {table}").fetchone()[0]
    if not odd and decimal in (None, "."):
        points, three = connection.execute(
            f"SELECT count(*) FILTER (contains({text}, '.')), count(*) FILTER ({text}[-4] = '.') FROM {table}"
        ).fetchone()
        if not points or three < points:  # all of it numbers as programs write them
            return Numbers(plain=True)
    core = f"regexp_replace({text}, {literal(_ROUND)}, '\\1')"
    core = f"regexp_replace(regexp_replace({core}, {literal(_EDGES)}, '', 'g'), '[^0-9.,]', '', 'g')"
    counts = connection.execute(f"""
        SELECT count(*) FILTER (contains(x, ',') AND contains(x, '.') AND strpos(x, ',') < strpos(x, '.')),
               count(*) FILTER (contains(x, ',') AND contains(x, '.') AND strpos(x, '.') < strpos(x, ',')),
               count(*) FILTER (contains(x, ',') AND NOT contains(x, '.')
                                AND NOT regexp_matches(x, '^[1-9]\\d{{0,2}}(,\\d{{2,3}})*,\\d{{3}}$')),
               count(*) FILTER (contains(x, ',') AND NOT contains(x, '.')
                                AND regexp_matches(x, '^[1-9]\\d{{0,2}}(,\\d{{2,3}})*,\\d{{3}}$')),
               count(*) FILTER (contains(x, '.') AND NOT contains(x, ',')
                                AND NOT regexp_matches(x, '^[1-9]\\d{{0,2}}(\\.\\d{{3}})+$')),
               count(*) FILTER (contains(x, '.') AND NOT contains(x, ',')
                                AND regexp_matches(x, '^[1-9]\\d{{0,2}}(\\.\\d{{3}})+$')),
               count(*) FILTER (regexp_matches(x, '\\..*\\.')),
               count(*) FILTER (NOT contains(x, ',') AND NOT contains(x, '.') AND length(x) BETWEEN 1 AND 3),
               count(*) FILTER (NOT contains(x, ',') AND NOT contains(x, '.') AND length(x) > 3)
        FROM (SELECT {core} AS x FROM {table} WHERE {text} IS NOT NULL)
    """).fetchone()
    point_last, comma_last, comma_decimal, comma_three, point_decimal, point_three, points, small, large = counts
    by_thousands = small > 0 and large == 0  # what has no mark is below 1,000, all else has one
    comma, point = comma_last + comma_decimal, point_last + point_decimal
    if comma or point:
        found = "," if comma > point else "."
    elif point_three:
        found = "," if points or by_thousands else "."
    else:
        found = "," if comma_three and large and not by_thousands else "."
    use = decimal or found
    return Numbers(use, bool(point_three + comma_last if use == "," else comma_three + point_last))
