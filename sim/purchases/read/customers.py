"""Who a customer is: ids that mean nobody, ids written in two ways, ids that must not be kept."""

import hmac
from hashlib import sha256
from pathlib import Path
from typing import Any

from sim.errors import FolderError, InputError, PurchasesError
from sim.purchases.read.options import Reading
from sim.purchases.read.sql import literal
from sim.purchases.read.values import Values
from sim.purchases.read.words import NOBODY, PLACEHOLDERS

__all__ = ["customer", "hashed", "id_key", "key_check"]


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


def hashed(text: str, key: bytes) -> str:
    """Return HMAC-SHA-256 of a text, in SQL."""
    block = (sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")

    def pad(by: int) -> str:
        return "'" + "".join(f"\\x{byte ^ by:02X}" for byte in block) + "'::BLOB"

    return f"sha256({pad(0x5C)} || unhex(sha256({pad(0x36)} || encode({text}))))"


def key_check(key: bytes) -> str:
    """Return what tells whether a base was made with the same key, and nothing of the key."""
    return hmac.new(key, b"tenure customer base", sha256).hexdigest()


def customer(connection: Any, values: Values, column: str, reading: Reading, notes: list[str]) -> str:
    """Return the SQL of the customer, NULL for a placeholder.

    Raises
    ------
    PurchasesError
        If most ids were rounded by a spreadsheet, so that nobody can tell whose rows they are.
    """
    text = values.text(column)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE ids AS SELECT {text} AS id, count(*) AS rows FROM {values.table} "
        f"WHERE {text} IS NOT NULL GROUP BY ALL"
    )
    whole, filled, mails = connection.execute(
        "SELECT count(*) FILTER (regexp_matches(id, '^-?\\d+\\.0+$')), count(*), "
        "count(*) FILTER (contains(id, '@')) FROM ids"
    ).fetchone()
    words = PLACEHOLDERS if reading.placeholders is None else tuple(word.lower() for word in reading.placeholders)
    known = f"lower(id) IN ({', '.join(map(literal, words)) or 'NULL'})"
    if reading.placeholders is None:
        known += f" OR regexp_matches(lower(id), {literal(NOBODY)})"
        known += "" if _counted_from_zero(connection) else " OR regexp_matches(id, '^-?0+(\\.0+)?$')"
        known += _rounded(connection, values, column)
    found = connection.execute(f"SELECT id, rows FROM ids WHERE {known} ORDER BY rows DESC, id").fetchall()
    alike = connection.execute(
        f"SELECT count(*) - count(DISTINCT lower(id)) FROM ids WHERE NOT coalesce({known}, false)"
    ).fetchone()[0]
    connection.execute("DROP TABLE ids")
    if alike and not mails * 2 > filled:
        notes.append(f"{alike:,} ids in {column} differ from another in capitals alone and are customers of their own")
    written = text
    if whole * 2 > filled:  # 45.0 is 45
        written = f"regexp_replace({text}, '^(-?\\d+)\\.0+$', '\\1')"
    if mails * 2 > filled:
        written = f"lower({text})"
    if not found:
        return written
    named = ", ".join(f"{word!r} ({rows:,} rows)" for word, rows in found[:5])
    notes.append(f"{named} in {column} is no customer" if len(found) == 1 else f"{named} in {column} are no customers")
    return f"CASE WHEN {text} IN ({', '.join(literal(word) for word, _ in found)}) THEN NULL ELSE {written} END"


def _rounded(connection: Any, values: Values, column: str) -> str:
    """Return the SQL of ids such as 1.2345E+11, of which a spreadsheet kept a few digits."""
    rounded = "regexp_matches(id, '^\\d([.,]\\d+)?[eE][+]\\d+$')"
    rows, all_rows, one = connection.execute(
        f"SELECT sum(rows) FILTER ({rounded}), sum(rows), min(id) FILTER ({rounded}) FROM ids"
    ).fetchone()
    if rows and 2 * rows > all_rows:
        raise PurchasesError(
            f"{values.source.name}: {rows:,} of {all_rows:,} ids in column {column!r} are rounded ({one}): a "
            "spreadsheet kept a few digits of long numbers, so whose rows they are is lost; export the ids as text"
        )
    return f" OR {rounded}" if rows else ""


def _counted_from_zero(connection: Any) -> bool:
    """Return whether 0 is a customer like others: ids are counted from it, and it has no more rows than any other."""
    different, last, rows, most = connection.execute("""
        SELECT count(*), max(TRY_CAST(id AS BIGINT)), max(rows) FILTER (id = '0'), max(rows) FILTER (id <> '0') FROM ids
    """).fetchone()
    return bool(rows and most and last and rows <= most and 2 * different >= last)
