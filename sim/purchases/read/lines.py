"""From a source to lines: who bought what, when, for how much, or why that cannot be told.

Everything is one SQL statement over the source, made from how its columns write their values.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from sim.errors import FolderError, InputError, PurchasesError, first_line
from sim.purchases.read.columns import Roles, find_columns
from sim.purchases.read.dates import Dates, find_dates
from sim.purchases.read.numbers import Numbers, find_numbers
from sim.purchases.read.options import Reading
from sim.purchases.read.sources import Source, open_source
from sim.purchases.read.sql import literal, quoted
from sim.purchases.read.tables import PURCHASES, Role, plain_name

__all__ = ["LINES", "Read", "id_key", "read_lines"]

LINES: Mapping[str, str] = {
    "id": "BIGINT", "source": "INTEGER", "row": "BIGINT", "customer_id": "VARCHAR", "date": "DATE", "amount": "DOUBLE",
    "quantity": "DOUBLE", "order_id": "VARCHAR", "product": "VARCHAR", "category": "VARCHAR", "channel": "VARCHAR",
    "status": "VARCHAR", "currency": "VARCHAR", "in_sample": "BOOLEAN", "cancelled": "BOOLEAN", "is_return": "BOOLEAN",
    "whole": "UBIGINT", "problem": "VARCHAR", "problem_text": "VARCHAR",
}  # fmt: skip
"""Columns of a line; ``whole`` is the same for rows of a source that are, ``problem`` the role that cannot be read."""

PLACEHOLDERS = (
    "none", "nan", "null", "nil", "n/a", "#n/a", "na", "<na>", "nat", "undefined", "unknown", "not set", "(not set)",
    "(none)", "(null)", "(blank)", "missing", "-", "--", "---", ".", "?", "-1", "guest", "guest user", "guest customer",
    "guest checkout", "anonymous", "anon", "anonym", "walk-in", "walk in", "walkin", "walk-in customer",
    "cash", "cash customer", "cash sale", "retail customer", "one-time customer", "default", "dummy", "test",
    "gast", "gastkunde", "gastbestellung", "laufkunde", "laufkundschaft", "barverkauf", "unbekannt", "kein", "keine",
    "invité", "invite", "inconnu", "anonyme", "aucun", "client comptoir", "invitado", "desconocido", "ninguno",
    "consumidor final", "cliente final", "público general", "publico general", "mostrador", "ospite", "anonimo", "anónimo",
    "sconosciuto", "nessuno", "convidado", "desconhecido", "onbekend", "geen", "gość", "nieznany", "brak", "misafir",
    "гость", "неизвестно", "аноним", "нет", "匿名", "游客", "散客", "无", "未知", "ゲスト", "不明", "なし", "비회원",
)  # fmt: skip
"""What systems write where there is no customer, in lower case."""

CANCELLED = (
    "cancel", "void", "fail", "declin", "reject", "refus", "abandon", "fraud", "chargeback", "expired", "error", "lost",
    "refund", "return", "revers", "denied", "trash", "draft", "quote", "unpaid",
    "storn", "abgebrochen", "abgelehnt", "fehlgeschlagen", "retour", "erstattet", "widerruf",
    "annul", "rembours", "échou", "echou", "cancelad", "anulad", "devuel", "devol", "reembols", "rechazad", "fallid",
    "rimborsat", "rifiutat", "fallit", "geannul", "geweiger", "mislukt", "avbrut", "återbet", "anulow", "zwróc",
    "odrzuc", "zrušen", "iptal", "iade", "отмен", "возвр", "отклон", "取消", "退款", "退货", "失败", "作废", "关闭", "キャンセル",
    "返品", "返金", "취소", "환불", "반품", "ملغ",
)  # fmt: skip
"""Parts of statuses that undo a purchase, in lower case; not where a status says that it was so in part."""
IN_PART = "part|teil|parci|parz|gedeelt|częśc|част|部分|一部|부분|not |non |nicht |no "

WON = "\\bwon\\b|gewonnen|gagné|ganad[ao]|vint[ao]|ganh[ao]|赢单"
"""What the stage of a deal says that became a purchase."""
RETURNED = (
    "return|refund|credit|revers|chargeback|retour|gutschrift|rückgabe|rueckgabe|erstattung|avoir|rembours|devol|"
    "reembols|abono|reso|rimborso|nota di credito|creditnota|retur|kredit|zwrot|iade|возврат|退货|退款|返品|返金|반품|환불"
)
"""Parts of the words for what was brought back."""
MARGINS = "margin|profit|contribution|deckungsbeitrag|marge|gewinn|rohertrag|margine|毛利|利润|粗利|利益|прибыль|маржа"

_SPELLING, _MEANS = quoted("\x1fspelling"), quoted("\x1fmeans")  # no column of a file is called so
_ROWS = 1 << 40  # more than a source has
_NEEDED = 10
_REPEATED = 0.98


@dataclass(frozen=True)
class Read:
    """What was found of a source."""

    name: str
    columns: Mapping[str, str]
    dialect: Mapping[str, Any]
    notes: tuple[str, ...]
    exact: bool
    """Whether two rows that are the same are the same purchase: an order's number or the time of the day tells."""


class _Values:
    """How the columns of a source write their values, each found once."""

    def __init__(self, connection: Any, table: str, source: Source, reading: Reading, today: date) -> None:
        self.connection, self.table, self.source, self.reading, self.today = connection, table, source, reading, today
        self._numbers: dict[str, Numbers | None] = {}
        self._dates: dict[str, Dates | None] = {}
        self._distinct: dict[str, float] = {}

    def text(self, column: str) -> str:
        """Return the SQL of a column's text, trimmed, NULL where empty."""
        if self.source.trimmed:
            return quoted(column)
        if self.source.types[column] in ("DOUBLE", "FLOAT"):  # 45.0 is 45
            whole = f"{quoted(column)} = floor({quoted(column)}) AND abs({quoted(column)}) < 1e15"
            return f"CAST(CASE WHEN {whole} THEN CAST(CAST({quoted(column)} AS BIGINT) AS VARCHAR) ELSE CAST({quoted(column)} AS VARCHAR) END AS VARCHAR)"
        return f"nullif(trim(CAST({quoted(column)} AS VARCHAR)), '')"

    def _typed(self, column: str, *kinds: str) -> bool:
        return self.source.types[column].startswith(kinds)

    def is_number(self, column: str) -> bool:
        return self._typed(column, "DOUBLE", "FLOAT", "DECIMAL", "BIGINT", "INTEGER", "HUGEINT", "SMALLINT", "TINYINT", "U")

    def numbers(self, column: str) -> Numbers:
        if column not in self._numbers:
            self._numbers[column] = find_numbers(self.connection, self.table, self.text(column), self.reading.decimal)
        found = self._numbers[column]
        assert found is not None
        return found

    def number(self, column: str) -> str:
        """Return the SQL of a column's number."""
        if self.is_number(column):
            return f"CAST({quoted(column)} AS DOUBLE)"
        return self.numbers(column).sql(self.text(column))

    def dates(self, column: str) -> Dates | None:
        if column not in self._dates:
            if self._typed(column, "DATE", "TIMESTAMP"):
                timed = self._typed(column, "TIMESTAMP") and self.connection.execute(
                    f"SELECT 1 FROM {self.table} WHERE {quoted(column)} > CAST({quoted(column)} AS DATE) LIMIT 1"
                ).fetchone() is not None  # fmt: skip
                self._dates[column] = Dates("%Y-%m-%d", f"TRY_CAST({{0}} AS DATE)", timed=timed)
            else:
                self._dates[column] = find_dates(
                    self.connection, self.table, self.text(column), given=self.reading.date_format,
                    zone=self.reading.time_zone, today=self.today,
                    month_first=self.source.dialect.get("separator") != ";",
                )  # fmt: skip
        return self._dates[column]

    def fits(self, role: Role, column: str) -> bool:
        """Return whether at least half of a column's values are of the role's kind."""
        if role.kind == "number":
            text, value = self.text(column), self.number(column)
            filled, read = self.connection.execute(
                f"SELECT count({text}), count({value}) FROM (SELECT * FROM {self.table} LIMIT 20000)"
            ).fetchone()
            return 2 * read >= filled
        if role.kind == "date":
            return self.reading.date_format is not None and not self.is_number(column) or self.dates(column) is not None or self._empty(column)
        return True

    def _empty(self, column: str) -> bool:
        return self.connection.execute(f"SELECT 1 FROM {self.table} WHERE {self.text(column)} IS NOT NULL LIMIT 1").fetchone() is None

    def distinct(self, column: str) -> float:
        """Return the share of different values among those that are there."""
        if column not in self._distinct:
            text = self.text(column)
            filled, different = self.connection.execute(
                f"SELECT count({text}), approx_count_distinct({text}) FROM {self.table}"
            ).fetchone()
            self._distinct[column] = different / filled if filled else 0.0
        return self._distinct[column]


def id_key(path: Path) -> bytes:
    """Return the key by which ids are hashed.

    Raises
    ------
    FolderError
        If there is no such file.
    InputError
        If the key is shorter than 16 bytes.
    """
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise FolderError(
            f"{path}: no key for hashed ids can be read ({error.strerror}); make one with: openssl rand -hex 32"
        ) from None
    if len(key) < 16:
        raise InputError(f"{path}: the key for hashed ids has {len(key)} bytes, expected at least 16")
    return key


def _hashed(text: str, key: bytes) -> str:
    """Return HMAC-SHA-256 of a text, in SQL."""
    block = (sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")

    def pad(by: int) -> str:
        return "'" + "".join(f"\\x{byte ^ by:02X}" for byte in block) + "'::BLOB"

    return f"sha256({pad(0x5C)} || unhex(sha256({pad(0x36)} || encode({text}))))"


def key_check(key: bytes) -> str:
    """Return what tells whether a base was made with the same key, and nothing of the key."""
    return hmac.new(key, b"tenure customer base", sha256).hexdigest()


def read_lines(
    connection: Any, where: str | Path, reading: Reading, number: int, today: date, folder: Path, key: bytes | None
) -> Read:
    """Append a source's lines to table ``incoming``.

    Raises
    ------
    PurchasesError
        If the source cannot be read or a required column is missing.
    """
    table = f"raw{number}"
    import duckdb

    try:
        source = open_source(connection, where, reading, table, folder)
    except duckdb.Error as error:
        raise PurchasesError(f"{where}: cannot be read as a table of purchases: {first_line(error)}") from None
    values = _Values(connection, table, source, reading, today)
    if connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is None:
        _check_empty(connection, source, table, reading, values)
    roles = find_columns(
        PURCHASES, list(source.types), reading.columns, source.name,
        fits=values.fits, distinct=values.distinct, by_content=not source.header,
    )  # fmt: skip
    read = _insert(connection, source, values, roles, reading, number, key)
    connection.execute(f"DROP TABLE {table}; DROP TABLE {table}_rejected")
    return read


def _check_empty(connection: Any, source: Source, table: str, reading: Reading, values: _Values) -> None:
    find_columns(PURCHASES, list(source.types), reading.columns, source.name, fits=lambda *_: True, distinct=lambda _: 0)
    rejected = connection.execute(f"SELECT error FROM {table}_rejected LIMIT 1").fetchone()
    if rejected:
        raise PurchasesError(f"{source.name}: cannot be read as a table of purchases: {rejected[0]}")
    raise PurchasesError(f"{source.name}: holds a header and no purchases")


def _insert(
    connection: Any, source: Source, values: _Values, roles: Roles, reading: Reading, number: int, key: bytes | None
) -> Read:
    table, columns = values.table, dict(roles.columns)
    text = {role: values.text(column) for role, column in columns.items()}
    notes = [*source.notes, *roles.notes]
    dates = values.dates(columns["date"])
    if dates is None:
        example = connection.execute(f"SELECT any_value({text['date']}) FROM {table}").fetchone()[0]
        raise PurchasesError(
            f"{source.name}: column {columns['date']!r} holds no dates that are known, such as {example!r}; say how they "
            "are written (`date_format=`), e.g. %d.%m.%Y"
        )
    day, joined = dates.expression.format(text["date"]), ""
    if dates.known:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE days({_SPELLING} VARCHAR, {_MEANS} DATE)")
        import pandas as pd

        known = pd.DataFrame({"day": list(dates.known), "date": [str(value) for value in dates.known.values()]}, dtype=object)
        connection.register("known", known)
        connection.execute("INSERT INTO days SELECT day, CAST(date AS DATE) FROM known")
        connection.unregister("known")
        joined, day = f"LEFT JOIN days ON {_SPELLING} = {day}", _MEANS
    if dates.ambiguous:
        notes.append(f"days such as 03/04 are read as {dates.kind}; nothing in the file tells, `date_format=` does")
    if dates.utc:
        notes.append("times are said in UTC and so are the days; `time_zone=` says where days begin")
    money = _money(connection, values, columns, text, notes)
    amount, missing = money
    quantity = values.number(columns["quantity"]) if "quantity" in columns else None
    negative = reading.negative or (
        "values" if "amount" in columns and any(w in plain_name(columns["amount"]) for w in MARGINS.split("|")) else "returns"
    )
    if negative == "values":
        notes.append(f"{columns.get('amount', 'the amount')} is read as a margin: what is below zero is a value, not a return")
    else:
        back = [f"{quantity} < 0"] if quantity else []
        back += [f"regexp_matches(lower({text['movement']}), '{RETURNED}')"] if "movement" in text else []
        if back:
            amount = f"CASE WHEN {' OR '.join(back)} THEN -abs({amount}) ELSE {amount} END"
    currency = f"upper({text['currency']})" if "currency" in text else _currency_of(values, columns)
    if reading.rates:
        worth = " ".join(f"WHEN {literal(name.upper())} THEN {rate!r}" for name, rate in reading.rates.items())
        amount = f"({amount}) * CASE {currency} {worth} ELSE 1 END"
        names = ", ".join(literal(name.upper()) for name in reading.rates)
        currency = f"CASE WHEN {currency} IN ({names}) THEN {literal((reading.currency or '').upper())} ELSE {currency} END"
    customer = _customer(connection, values, columns["customer_id"], reading, notes)
    if key is not None:
        customer = f"CASE WHEN {customer} IS NOT NULL THEN {_hashed(customer, key)} END"
    cancelled = _cancelled(connection, values, text, reading, notes)
    sample = f"TRY_CAST({text['in_sample']} AS BOOLEAN)" if "in_sample" in text else "true"
    whole = ", ".join(quoted(name) for name in source.types)
    problems = [
        ("date", "parsed.date IS NULL OR NOT isfinite(parsed.date)"),
        (missing, "amount IS NULL OR NOT isfinite(amount) OR abs(amount) > 1e15"),
        ("quantity", "quantity IS NULL AND quantity_text IS NOT NULL OR NOT isfinite(quantity)"),
        ("in_sample", "in_sample IS NULL"),
    ]
    kept = {name: text.get(name, "NULL") for name in ("order_id", "product", "category", "channel", "status")}
    row = "row_number() OVER ()" if "rowid" in source.types else f"{table}.rowid + 1"
    parts = {
        "id": f"{number * _ROWS} + {row}", "source": str(number), "row": row, "customer_id": customer, "date": day, "amount": amount,
        "quantity": quantity or "CAST(NULL AS DOUBLE)", **kept, "currency": currency, "in_sample": sample,
        "cancelled": cancelled, "whole": f"hash({whole})",
        "quantity_text": text.get("quantity", "NULL"),
        **{f"text_{role}": text[role] for role in dict.fromkeys(("date", missing, "quantity", "in_sample")) if role in text},
    }  # fmt: skip
    said = " ".join(f"WHEN {condition} THEN '{role}'" for role, condition in problems)
    shown = " ".join(
        f"WHEN {condition} THEN coalesce({f'text_{role}' if role in text else 'NULL'}, '')" for role, condition in problems
    )
    inner = ", ".join(f"{expression} AS {name}" for name, expression in parts.items())
    direct = [name for name in LINES if name in parts]
    connection.execute(
        f"INSERT INTO incoming ({', '.join(direct)}, is_return, problem, problem_text) "
        f"SELECT {', '.join(direct)}, amount < 0 AND {negative == 'returns'}, CASE {said} END, CASE {shown} END "
        f"FROM (SELECT {inner} FROM {table} {joined}) AS parsed"
    )
    connection.execute(
        f"INSERT INTO incoming (id, source, row, is_return, cancelled, problem, problem_text) "
        f"SELECT {number * _ROWS + _ROWS // 2} + line, {number}, line, false, false, 'row', error FROM {table}_rejected"
    )
    if roles.unused:
        notes.append(f"columns not used: {', '.join(roles.unused)}")
    dialect = {**source.dialect, "date_format": dates.kind, **_written(values, columns)}
    return Read(source.name, columns, dialect, tuple(notes), "order_id" in columns or dates.timed)


def _written(values: _Values, columns: Mapping[str, str]) -> dict[str, Any]:
    column = columns.get("amount", columns.get("price", ""))
    return Numbers().to_dict() if values.is_number(column) else values.numbers(column).to_dict()


def _money(
    connection: Any, values: _Values, columns: dict[str, str], text: Mapping[str, str], notes: list[str]
) -> tuple[str, str]:
    """Return the SQL of a line's money and the role to name where it cannot be read.

    Price times quantity, where there is no amount or the amount is the whole order's on each of its lines.
    """
    if "amount" not in columns and "quantity" not in columns:
        columns["amount"] = columns.pop("price")
        return values.number(columns["amount"]), "amount"
    product = None
    if "price" in columns and "quantity" in columns:
        price, quantity = values.number(columns["price"]), values.number(columns["quantity"])
        product = f"CASE WHEN {price} < 0 AND {quantity} < 0 THEN -1 ELSE 1 END * {price} * {quantity}"
    if "amount" not in columns:
        assert product is not None
        notes.append(f"a line's amount is {columns['price']} times {columns['quantity']}")
        return product, "price"
    amount = values.number(columns["amount"])
    if product is not None:
        empty = connection.execute(
            f"SELECT count(*) FROM {values.table} WHERE {text['amount']} IS NULL AND {text['price']} IS NOT NULL"
        ).fetchone()[0]
        if empty:
            amount = f"CASE WHEN {text['amount']} IS NULL AND {text['price']} IS NOT NULL THEN 0 ELSE {amount} END"
            notes.append(
                f"{empty:,} rows have no {columns['amount']} but a {columns['price']}: they are further lines of an order "
                "whose total is given once, and count with 0"
            )
    if "order_id" in columns and ("product" in columns or product):
        orders, same = connection.execute(f"""
            SELECT count(*), count(*) FILTER (low = high AND low <> 0) FROM (
                SELECT count(*) AS rows, min({amount}) AS low, max({amount}) AS high FROM {values.table}
                WHERE {text['order_id']} IS NOT NULL GROUP BY {text['order_id']} HAVING rows > 1)
        """).fetchone()
        prices = connection.execute(f"SELECT count(DISTINCT {amount}) FROM {values.table}").fetchone()[0]
        lines = 0.0
        if product and orders >= _NEEDED:
            lines = connection.execute(
                f"SELECT avg(CAST(abs({amount} - {product}) <= 0.005 + 1e-6 * abs({amount}) AS INTEGER)) FROM {values.table}"
            ).fetchone()[0] or 0.0
        if orders >= _NEEDED and same >= _REPEATED * orders and prices > 2 and lines < _REPEATED:
            if product:
                notes.append(
                    f"{columns['amount']} is the whole order's on each of its lines; a line's amount is "
                    f"{columns['price']} times {columns['quantity']}"
                )
                columns.pop("amount")
                return product, "price"
            notes.append(f"{columns['amount']} is the whole order's on each of its lines; it counts once an order")
            first = f"row_number() OVER (PARTITION BY {text['order_id']} ORDER BY {values.table}.rowid) = 1"
            return f"CASE WHEN {text['order_id']} IS NULL OR {first} THEN {amount} ELSE 0 END", "amount"
    if "price" in columns:
        notes.append(f"column {columns['price']} (price of one piece) is not used: {columns['amount']} is the money")
    if "quantity" in columns and product is None:
        grows = connection.execute(
            f"SELECT corr(ln({amount}), ln({values.number(columns['quantity'])})), stddev({values.number(columns['quantity'])}) "
            f"FROM {values.table} WHERE {amount} > 0 AND {values.number(columns['quantity'])} > 0"
        ).fetchone()
        if grows[0] is not None and grows[1] and grows[0] < 0.1:
            notes.append(
                f"{columns['amount']} does not grow with {columns['quantity']} (correlation {grows[0]:.2f}): if it is the "
                f"price of one piece, say `price={columns['amount']}`"
            )
    return amount, "amount"


def _currency_of(values: _Values, columns: Mapping[str, str]) -> str:
    """Return the SQL of the currency that stands with the amounts themselves, if any does."""
    column = columns.get("amount", columns.get("price", ""))
    if values.is_number(column):
        return "CAST(NULL AS VARCHAR)"
    return f"nullif(upper(regexp_extract({values.text(column)}, '(\\p{{Sc}}|\\b[A-Za-z]{{3}}\\b)')), '')"


def _customer(connection: Any, values: _Values, column: str, reading: Reading, notes: list[str]) -> str:
    """Return the SQL of the customer, NULL for a placeholder."""
    text = values.text(column)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE ids AS SELECT {text} AS id, count(*) AS rows FROM {values.table} "
        f"WHERE {text} IS NOT NULL GROUP BY ALL"
    )
    whole, filled, mails = connection.execute(
        "SELECT count(*) FILTER (regexp_matches(id, '^-?\\d+\\.0+$')), count(*), count(*) FILTER (contains(id, '@')) FROM ids"
    ).fetchone()
    words = PLACEHOLDERS if reading.placeholders is None else tuple(word.lower() for word in reading.placeholders)
    known = f"lower(id) IN ({', '.join(map(literal, words)) or 'NULL'})"
    if reading.placeholders is None:
        known += "" if _counted_from_zero(connection) else " OR regexp_matches(id, '^-?0+(\\.0+)?$')"
    found = connection.execute(f"SELECT id, rows FROM ids WHERE {known} ORDER BY rows DESC, id").fetchall()
    connection.execute("DROP TABLE ids")
    customer = text
    if whole * 2 > filled:  # 45.0 is 45
        customer = f"regexp_replace({text}, '^(-?\\d+)\\.0+$', '\\1')"
    if mails * 2 > filled:
        customer = f"lower({text})"
    if not found:
        return customer
    named = ", ".join(f"{word!r} ({rows:,} rows)" for word, rows in found[:5])
    notes.append(f"{named} in {column} is no customer" if len(found) == 1 else f"{named} in {column} are no customers")
    return f"CASE WHEN {text} IN ({', '.join(literal(word) for word, _ in found)}) THEN NULL ELSE {customer} END"


def _counted_from_zero(connection: Any) -> bool:
    """Return whether 0 is a customer like others: ids are counted from it, and it has no more rows than any other."""
    different, last, rows, most = connection.execute("""
        SELECT count(*), max(TRY_CAST(id AS BIGINT)), max(rows) FILTER (id = '0'), max(rows) FILTER (id <> '0') FROM ids
    """).fetchone()
    return bool(rows and most and last and rows <= most and 2 * different >= last)


def _cancelled(connection: Any, values: _Values, text: Mapping[str, str], reading: Reading, notes: list[str]) -> str:
    """Return the SQL that says whether a row was undone."""
    parts = []
    if "status" in text:
        if reading.cancelled is None:
            undone = f"regexp_matches(lower({{0}}), '{'|'.join(CANCELLED)}') AND NOT regexp_matches(lower({{0}}), '{IN_PART}')"
        else:
            undone = f"lower({{0}}) IN ({', '.join(literal(word.lower()) for word in reading.cancelled) or 'NULL'})"
        parts.append("coalesce(" + undone.format(text["status"]) + ", false)")
        won = connection.execute(
            f"SELECT 1 FROM {values.table} WHERE regexp_matches(lower({text['status']}), '{WON}') LIMIT 1"
        ).fetchone()
        if won and reading.cancelled is None:  # stages of deals: what is not won is no purchase
            undone = f"NOT regexp_matches(lower({{0}}), '{WON}')"
            parts[-1] = "coalesce(" + undone.format(text["status"]) + ", true)"
        said = connection.execute(
            f"SELECT {text['status']} AS word, count(*) AS rows, {undone.format(text['status'])} FROM {values.table} "
            f"WHERE {text['status']} IS NOT NULL GROUP BY ALL ORDER BY rows DESC, word LIMIT 30"
        ).fetchall()
        for undo, verb in ((False, "is taken"), (True, "counts as cancelled")):
            words = [f"{word} ({rows:,} rows)" for word, rows, out in said if bool(out) == undo]
            if words:
                notes.append(f"status {', '.join(words[:8])}{' and others' if len(words) > 8 else ''} {verb}")
    if "cancelled" in text:
        parts.append(f"coalesce(lower({text['cancelled']}) NOT IN ('0', 'false', 'f', 'n', 'no', 'nein', 'non', 'nan', 'none', 'null', 'nat'), false)")
    return " OR ".join(parts) or "false"
