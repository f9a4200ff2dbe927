"""Days as people and programs write them.

ISO dates and times are read by DuckDB. Of the others there are never many different ones, so they are read here, each
once, after all were looked at together: whether 03/04 is in April or in March is told by the rest of the column.
"""

import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from sim.purchases.read.sql import literal

__all__ = ["Dates", "find_dates", "month_of"]

_MOST_DIFFERENT = 200_000
_NEARLY = 31
_FEW_MONTHS = 3
"""Different months from which one day in all of them is a habit, such as bills on the first."""
_MOST_MONTHS, _MOST_DAYS = 12, 31
_NUMBER = "TRY_CAST(replace({0}, ',', '.') AS DOUBLE)"
"""A number that may be a day: a spreadsheet's 44564,5 is one, in whichever country it was saved."""
_LONGEST = 100
"""Letters of a text that may be a day; what is longer is none, and would keep patterns busy for minutes."""
_MONTHS = (
    "jan januar january janvier janv enero gennaio janeiro januari styczen stycznia ene gen янв января янв. "
    "jänner sty ocak oca ledna leden január ianuarie ιανουαρίου ιαν січня tammikuuta",
    "feb februar february fevrier février febrero febbraio fevereiro februari luty lutego fév fev févr фев "
    "февраля fevr lut февр şubat subat şub sub února únor február febr februarie φεβρουαρίου φεβ лютого "
    "helmikuuta",
    "mar marz märz march mars marzo marco março maart marzec marca mär mrz mrt мар марта mart března březen marts "
    "március márc martie μαρτίου μαρ березня maret maaliskuuta",
    "apr april avril abril aprile avr abr kwiecien kwietnia апр апреля kwi nisan nis dubna duben április ápr "
    "aprilie απριλίου απρ квітня huhtikuuta",
    "may mai mayo maggio maio mei maj maja mag май мая mayis mayıs května květen május máj μαΐου μαΐ травня toukokuuta",
    "jun juni june juin junio giugno junho czerwiec czerwca giu июн июня cze haziran haz června červen június jún "
    "iunie ιουνίου ιουν червня kesäkuuta",
    "jul juli july juillet julio luglio julho lipiec lipca juil lug июл июля lip temmuz tem července červenec "
    "július júl iulie ιουλίου ιουλ липня heinäkuuta",
    "aug august août aout agosto augustus augusti sierpien sierpnia ago aoû авг августа sie agustos ağustos agu "
    "ağu srpna srpen augusztus αυγούστου αυγ серпня elokuuta",
    "sep sept september septembre septiembre settembre setembro wrzesien wrzesnia set сен сентября wrz сент eylul "
    "eylül eyl září szeptember szept septembrie σεπτεμβρίου σεπ вересня syyskuuta",
    "oct okt oktober october octobre octubre ottobre outubro pazdziernik pazdziernika ott out окт октября paz paź "
    "ekim eki října říjen október octombrie οκτωβρίου οκτ жовтня lokakuuta",
    "nov november novembre noviembre novembro listopad listopada ноя ноября lis нояб kasim kasım kas listopadu "
    "noiembrie νοεμβρίου νοε листопада marraskuuta",
    "dec dez dezember december décembre decembre diciembre dicembre dezembro grudzien grudnia dic déc дек декабря "
    "gru aralik aralık ara prosince prosinec decembrie δεκεμβρίου δεκ грудня desember joulukuuta",
)
_MONTH = {word: number for number, words in enumerate(_MONTHS, start=1) for word in words.split()}
_TIME = (
    r"[T ,]*\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:[.,]\d+)?)?\s*(?:[AaPp]\.?[Mm]\.?)?\s*"
    r"(?:Z|[A-Z]{3,4}|[+-]\d{2}:?\d{2})?(?:\s*\(.*\))?$"
)
_DAY_TEXT = "CASE WHEN contains({0}, ':') THEN regexp_replace({0}, '{1}', '') ELSE {0} END"
_ZONE = r"(?:Z|UTC|GMT|[+-]\d\d:?\d\d)$"
_PARTS = re.compile(r"^(\d{1,4}|[^\W\d]+\.?)[\s./,\-]*(\d{1,4}|[^\W\d]+\.?)[\s./,\-]*(?:de\s+|of\s+)?(\d{1,4})$")
_COMPACT = re.compile(r"^(?:(\d{4})(\d{2})(\d{2}))$")
_NUMERIC = re.compile(r"^(\d{1,2})([./\- ])\s*(\d{1,2})\2\s*(\d{4}|\d{2})\.?$")
_YEAR_FIRST = re.compile(r"^(\d{4})\s*[./\-年년 ]\s*(\d{1,2})\s*[./\-月월 ]\s*(\d{1,2})\s*[日일.]?$")
_WEEKDAY = re.compile(r"^[^\W\d]{2,10}[.,]*\s+(?=\d|[^\W\d]+\s+\d)")
_Rows = tuple[int, tuple[int, int, int]]
"""How many rows have a text of three numbers, and these."""
_Group = dict[str, _Rows]
_ORDERS = {"dmy": "%d{0}%m{0}{1}", "mdy": "%m{0}%d{0}{1}", "ymd": "{1}{0}%m{0}%d"}


@dataclass(frozen=True)
class Dates:
    """How a column writes days.

    Attributes
    ----------
    kind : str
        What people call it: ``%Y-%m-%d``, ``%d/%m/%Y``, ``Excel day numbers``.
    expression : str
        SQL with ``{0}`` for the text, that gives the day or NULL.
    known : mapping of str to date
        Texts read one by one; empty where ``expression`` is enough.
    timed : bool
        Whether the time of the day is said.
    ambiguous : bool
        Whether another order of day and month would do as well.
    utc : bool
        Whether times are said in UTC, so that a day may not be the customers' day.
    """

    kind: str
    expression: str
    known: Mapping[str, date] = field(default_factory=dict)
    timed: bool = False
    ambiguous: bool = False
    utc: bool = False

    def doubts(self, tells: str = "`date_format=`") -> tuple[str, ...]:
        """Return what should be said of days that can be read in two ways, and what ``tells``; nothing of others."""
        said = f"days such as 03/04 are read as {self.kind}; nothing in the file tells, {tells} does"
        return (said,) if self.ambiguous else ()


def find_dates(
    connection: Any, table: str, text: str, *, given: str | None = None, zone: str | None = None,
    today: date, month_first: bool = False, alike: Sequence[str] = (), ahead: bool = False,
) -> Dates | None:  # fmt: skip
    """Return how the column ``text`` (a SQL expression) writes days; None if fewer than half of its values are days.

    Parameters
    ----------
    given
        A format of ``strptime`` to use.
    zone
        Where days begin, for times with a distance from UTC.
    today
        Later days are less likely meant.
    month_first
        What to take where day and month cannot be told apart.
    alike
        Other columns of the table that are written alike: they help to tell day and month apart.
    ahead
        Whether later days than ``today`` are as likely meant, as ends of contracts are.
    """
    local = _local(text, zone)
    iso = f"(CASE WHEN {local} >= DATE '1000-01-01' THEN {local} END)"
    compact = "CAST(try_strptime({0}, '%Y%m%d') AS DATE)"
    filled, as_iso = connection.execute(f"SELECT count({text}), count({iso}) FROM {table}").fetchone()
    some, timed, zoned, numeric, eight = connection.execute(f"""
        SELECT count(*), count(*) FILTER (contains(x, ':')),
               count(*) FILTER (contains(x, ':') AND regexp_matches(x, '(Z|UTC|GMT|[+]00:?00)$')),
               count({_NUMBER.format("x")}), count({compact.format("x")}) FILTER (length(x) = 8)
        FROM (SELECT {text} AS x FROM {table} WHERE x IS NOT NULL LIMIT {_MOST_DIFFERENT})
    """).fetchone()
    if not filled:
        return None
    facts = {"timed": 2 * timed > some, "utc": not zone and 2 * zoned > some}
    day_text = _DAY_TEXT.format("{0}", _TIME.replace("{", "{{").replace("}", "}}"))
    if given:
        whole = (
            f"CAST(coalesce(try_strptime({{0}}, {literal(given)}), try_strptime({day_text}, {literal(given)})) AS DATE)"
        )
        return Dates(given, whole, **facts)
    iso_of = _local("{0}", zone)
    if as_iso == filled:
        return Dates("%Y-%m-%d", f"(CASE WHEN {iso_of} >= DATE '1000-01-01' THEN {iso_of} END)", **facts)
    if 2 * numeric > some:
        return _of_numbers(connection, table, text, eight, numeric, compact)
    found = _one_by_one(connection, table, (text, *alike), day_text, today, month_first, date.max if ahead else None)
    return replace(found, **facts) if found else None


def _local(text: str, zone: str | None) -> str:
    plain = f"TRY_CAST({text} AS DATE)"
    if zone is None:
        return plain
    moved = f"CAST(timezone({literal(zone)}, TRY_CAST({text} AS TIMESTAMPTZ)) AS DATE)"
    return f"(CASE WHEN contains({text}, ':') AND regexp_matches({text}, '{_ZONE}') THEN {moved} ELSE {plain} END)"


def _of_numbers(connection: Any, table: str, text: str, eight: int, numeric: int, compact: str) -> Dates | None:
    """Return the reading of whole numbers: 20240131, days since 1899, seconds or more since 1970."""
    if 2 * eight > numeric:
        return Dates("%Y%m%d", compact)
    middle = connection.execute(
        f"SELECT median({_NUMBER.format(text)}) FROM {table} WHERE {text} IS NOT NULL"
    ).fetchone()[0]
    number = _NUMBER
    if 20_000 <= middle <= 80_000:
        days = f"CASE WHEN {number} BETWEEN 1 AND 2900000 THEN CAST(floor({number}) AS INTEGER) END"
        return Dates("Excel day numbers", f"(DATE '1899-12-30' + {days})")
    for unit, scale in (("seconds", 1.0), ("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9)):
        if 1e8 * scale <= middle <= 4e9 * scale:
            epoch = f"make_timestamp(CAST({number} / {scale:.0f} * 1000000 AS BIGINT))"
            safe = f"CASE WHEN {number} BETWEEN 0 AND {9e9 * scale:.0f} THEN CAST({epoch} AS DATE) END"
            return Dates(f"{unit} since 1970", safe, timed=True, utc=True)
    return None


def _one_by_one(
    connection: Any, table: str, texts: Sequence[str], day_text: str, today: date, month_first: bool,
    latest: date | None,
) -> Dates | None:  # fmt: skip
    """Return the reading of the first of the columns, of which the others help to tell day from month."""
    found = _different(connection, table, texts[0], day_text)
    known: dict[str, date] = {}
    kinds: dict[str, int] = {}
    for day, rows in found:
        value, kind = (None, "") if _NUMERIC.match(day.strip()) else _plain(day)
        if value is not None:
            known[day] = value
            kinds[kind] = kinds.get(kind, 0) + rows
    ambiguous = False
    own, mark = _numeric(found)
    every = [_numeric(_different(connection, table, text, day_text))[0] for text in texts[1:]]
    for i, (year, orders) in enumerate((("%Y", ("dmy", "mdy")), ("%y", ("dmy", "mdy", "ymd")))):
        if not own[i]:
            continue
        usual = "mdy" if month_first and mark == "/" else "dmy"
        together = [each for group in (own, *every) for each in group[i].values()]
        order, unsure = _order(together, orders, today, usual, latest or today + timedelta(days=1), mark)
        ambiguous |= unsure
        read = {day: _valid(parts, order, today) for day, (_, parts) in own[i].items()}
        known |= {day: value for day, value in read.items() if value is not None}
        kind = _ORDERS[order].format(mark, year)
        kinds[kind] = kinds.get(kind, 0) + sum(rows for day, (rows, _) in own[i].items() if read[day] is not None)
    total = sum(rows for _, rows in found)
    if 2 * sum(kinds.values()) < total:
        return None
    name = " and ".join(sorted(kinds, key=lambda each: -kinds[each]))
    return Dates(name, day_text, known, ambiguous=ambiguous)


def _different(connection: Any, table: str, text: str, day_text: str) -> list[tuple[str, int]]:
    """Return the different texts of a column without the time of the day, and how many rows have each."""
    return list(
        connection.execute(
            f"SELECT left({day_text.format(text)}, {_LONGEST}) AS day, count(*) AS rows FROM {table} "
            f"WHERE {text} IS NOT NULL GROUP BY day ORDER BY rows DESC, day LIMIT {_MOST_DIFFERENT}"
        ).fetchall()
    )


def _numeric(found: Sequence[tuple[str, int]]) -> tuple[tuple[_Group, _Group], str]:
    """Return texts of three numbers, years in four digits and in two, and the mark between them that most have."""
    long: _Group = {}
    short: _Group = {}
    marks: dict[str, int] = {}
    for day, rows in found:
        numeric = _NUMERIC.match(day.strip())
        if numeric:
            first, mark, second, third = numeric.groups()
            (long if len(third) == 4 else short)[day] = (rows, (int(first), int(second), int(third)))
            marks[mark] = marks.get(mark, 0) + rows
    return (long, short), max(marks, key=lambda each: marks[each], default="/")


def _plain(text: str) -> tuple[date | None, str]:
    """Return the day of a text whose parts tell themselves apart, and how it is written."""
    text = text.strip()
    found = _YEAR_FIRST.match(text) or _COMPACT.match(text)
    if found:
        year, month, day = (int(part) for part in found.groups())
        kind = (
            "%Y年%m月%d日" if "年" in text else "%Y-%m-%d" if "-" in text else "%Y/%m/%d" if "/" in text else "%Y%m%d"
        )
        return _date(year, month, day), kind
    text = text.replace(" de ", " ").replace(" of ", " ")
    parts = _PARTS.match(text) or _PARTS.match(_WEEKDAY.sub("", text))
    if not parts:
        return None, ""
    first, second, third = parts.groups()
    words = {word: _MONTH.get(word.casefold().rstrip(".")) for word in (first, second)}
    if words[second] and first.isdigit():
        if len(first) == 4:
            return _date(int(first), words[second] or 0, int(third)), "%Y %b %d"
        return _date(_year(int(third), len(third)), words[second] or 0, int(first)), "%d %b %Y"
    if words[first] and second.isdigit():
        return _date(_year(int(third), len(third)), words[first] or 0, int(second)), "%b %d %Y"
    return None, ""


def _order(
    group: Sequence[_Rows], orders: tuple[str, ...], today: date, usual: str, latest: date, mark: str
) -> tuple[str, bool]:
    """Return the order of day, month and year under which most are days, over the shortest time; and if others do.

    Where points stand between them the day comes before the month; and a day that is the same in many months, as of
    bills and contracts, is not taken for a month with as many days.
    """

    def rank(order: str) -> tuple[int, int]:
        read = [(rows, _valid(parts, order, today)) for rows, parts in group]
        days = sorted(value for _, value in read if value is not None and value <= latest)
        if not days:
            return 0, 0
        cut = len(days) // 100
        good = sum(rows for rows, value in read if value is not None and value <= latest)
        return good, -(days[-1 - cut] - days[cut]).days

    ranks = {order: rank(order) for order in orders}
    most = max(good for good, _ in ranks.values())
    close = {order: span for order, (good, span) in ranks.items() if good >= most}
    best = max(close, key=lambda order: (close[order], order == usual))
    if usual in close and close[usual] >= close[best] - _NEARLY:
        best = usual
    habit = _with_one_day([parts for _, parts in group])
    points = mark == "." and _readable(group, "dmy", today) >= _readable(group, "mdy", today)
    if points and (habit or best == "mdy"):
        return "dmy", True
    if not points and habit in close:
        return habit, True
    rivals = [order for order in close if order != best and -close[order] <= 3 * -close[best] + 2 * _NEARLY]
    unsure = any(_valid(each, best, today) != _valid(each, order, today) for order in rivals for _, each in group)
    return best, unsure


def _readable(group: Sequence[_Rows], order: str, today: date) -> int:
    return sum(rows for rows, parts in group if _valid(parts, order, today) is not None)


def _with_one_day(parts: Sequence[tuple[int, int, int]]) -> str:
    """Return the order under which one day, or few, come in many months, where the other makes it few months.

    Years tell that time is not just short: within one, at least three months with one day are needed.
    """
    days = [each for each in parts if max(each[:2]) <= _MOST_DAYS]
    first, second, years = (len({each[i] for each in days}) for i in range(3))
    few, many = min(first, second), max(first, second)
    if any(max(each[:2]) > _MOST_MONTHS for each in days) or years > many:
        return ""
    if (few == 1 and many >= (2 if years > 1 else _FEW_MONTHS)) or (years > 1 and 2 * few <= many):
        return "dmy" if first < second else "mdy"
    return ""


def _valid(parts: tuple[int, int, int], order: str, today: date) -> date | None:
    value = dict(zip(order, parts, strict=True))
    year = value["y"]
    if year < 100:
        year += 2000 if year <= today.year % 100 + 10 else 1900
    return _date(year, value["m"], value["d"])


def month_of(word: str) -> int | None:
    """Return which month a word names, if one.

    >>> month_of("Okt."), month_of("often")
    (10, None)
    """
    return _MONTH.get(word.casefold().rstrip("."))


def _year(value: int, digits: int) -> int:
    return value if digits > 2 else value + (2000 if value <= 60 else 1900)


def _date(year: int, month: int, day: int) -> date | None:
    if 1 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]:
        return date(year, month, day)
    return None
