"""A file or a table of a database as a table of DuckDB: its columns as they are, its rows in their order."""

import csv
import datetime
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import PurchasesError, first_line
from sim.purchases.read.options import Reading
from sim.purchases.read.sql import literal, quoted
from sim.purchases.read.text import UNNAMED, Text, as_utf8, has_header, read_text, sniff
from sim.purchases.read.whole import check_parquet, check_readable, named, unpacked
from sim.reading import check_workbook, sheet_rows

if TYPE_CHECKING:
    from sqlalchemy import URL

__all__ = ["SECRET", "Source", "fingerprint", "is_database", "open_source", "with_driver", "without_secrets"]

_BLOCK = 50_000
_TITLES = 30
"""Rows of a sheet among which a header is looked for."""
SECRET = re.compile(r"pass|pwd|secret|token|key", re.IGNORECASE)
"""What of a URL's options is nobody's business."""
_SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True)
class Source:
    """A table as it came.

    Attributes
    ----------
    name : str
        Of the file or table, without a password.
    types : mapping of str to str
        Column to DuckDB's type, times with a zone turned into local ones.
    dialect : mapping
        How it was written.
    header : bool
        Whether its columns have names.
    notes : tuple of str
        What should be said of it.
    trimmed : bool
        Whether all is text without spaces around it, NULL where empty.
    others : tuple of str
        The workbook's other sheets.
    """

    name: str
    types: Mapping[str, str]
    dialect: Mapping[str, Any]
    header: bool = True
    notes: tuple[str, ...] = ()
    trimmed: bool = False
    others: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """Return the name for messages, with the encoding where it was guessed, as that may be why nothing fits."""
        encoding = self.dialect.get("encoding", "utf-8")
        return self.name if encoding == "utf-8" else f"{self.name} (read as {encoding}; `encoding=` says otherwise)"


def is_database(where: str | Path) -> bool:
    """Return whether something is a URL of SQLAlchemy."""
    return "://" in str(where)


def shown(where: str | Path) -> str:
    """Return what may be shown and kept of a path or URL: no password."""
    if not is_database(where):
        return str(where)
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return without_secrets(make_url(str(where)))
    except ArgumentError:
        raise PurchasesError(
            "a URL of a database is expected to look like postgresql://user:password@host/database"
        ) from None


def without_secrets(url: "URL") -> str:
    """Return a URL as it may be shown: no password, neither before its host nor among its options."""
    secret = {key: "***" for key in url.query if SECRET.search(key)}
    return url.update_query_dict(secret).render_as_string(hide_password=True).replace("%2A%2A%2A", "***")


def fingerprint(where: str | Path, reading: Reading) -> str:
    """Return what tells a source from another: the bytes of a file; the address of a table in a database."""
    if is_database(where):
        return sha256(f"{shown(where)} {reading.table}".encode()).hexdigest()
    found = sha256(f"{reading.table or ''}\0{reading.sheet or ''}\0".encode())
    with Path(where).open("rb") as stream:
        while block := stream.read(1 << 22):
            found.update(block)
    return found.hexdigest()


def open_source(connection: Any, where: str | Path, reading: Reading, into: str, folder: Path) -> Source:
    """Fill the temporary table ``into``, and ``<into>_rejected(line, error)`` with lines that are no rows.

    Raises
    ------
    PurchasesError
        If there is nothing to read, or not as what it seems to be.
    """
    if is_database(where):
        return _database(connection, str(where), reading, into)
    path = Path(where)
    check_readable(path)
    with named(path, folder):
        return replace(_read(connection, unpacked(path, folder), reading, into, folder), name=str(path))


def _read(connection: Any, path: Path, reading: Reading, into: str, folder: Path) -> Source:
    with path.open("rb") as stream:
        start = stream.read(16)
    ending = path.name.lower().rpartition(".")[2]
    if start[:4] == b"PAR1":
        return _parquet(connection, path, reading, into)
    if start == _SQLITE:
        return _database(connection, "sqlite://", reading, into, path)
    if start[8:12] == b"DUCK":
        return _duckdb(connection, path, reading, into)
    if start[:2] == b"PK" and ending in ("xlsx", "xlsm", "xltx", "xltm"):
        return _workbook(connection, path, reading, into, folder)
    if start[:4] == b"\xd0\xcf\x11\xe0":
        raise PurchasesError(f"{path}: a workbook of Excel 97-2003 cannot be read; save it as .xlsx or .csv")
    if start[:2] == b"PK":
        raise PurchasesError(f"{path}: a packed archive cannot be read; unpack it first")
    if ending in ("json", "jsonl", "ndjson"):
        return _json(connection, path, reading, into)
    return _text(connection, path, reading, into, folder)


def _text(connection: Any, path: Path, reading: Reading, into: str, folder: Path, kind: str = "csv") -> Source:
    readable, encoding = as_utf8(path, folder, reading)
    text: Text = sniff(connection, readable, encoding, reading)
    read_text(connection, readable, text, into)
    nameless = [name for name in _types(connection, into) if name.startswith(UNNAMED)]
    filled = [name for name in nameless if connection.execute(
        f"SELECT 1 FROM {into} WHERE {quoted(name)} IS NOT NULL LIMIT 1").fetchone()]  # fmt: skip
    notes = (f"{len(filled)} column without a name is left out",) if len(filled) == 1 else ()
    if len(filled) > 1:
        notes = (f"{len(filled)} columns without a name are left out",)
    for name in nameless:
        connection.execute(f"ALTER TABLE {into} DROP {quoted(name)}")
    return Source(str(path), _types(connection, into), {"format": kind, **text.to_dict()}, text.header, notes, True)


def _parquet(connection: Any, path: Path, reading: Reading, into: str) -> Source:
    from pyarrow import parquet

    check_parquet(path)
    schema = parquet.read_schema(path)
    zones = {name: str(getattr(schema.field(name).type, "tz", None) or "") for name in schema.names}
    safe = "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path))
    return _typed(connection, f"read_parquet({literal(safe)})", str(path), "parquet", reading, into, zones)


def _json(connection: Any, path: Path, reading: Reading, into: str) -> Source:
    safe = "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path))
    # Times stay text, by a format that none has: what is typed is turned into UTC, and the customers' day is lost.
    options = "maximum_object_size = 1000000000, convert_strings_to_integers = false, timestampformat = 'as text'"
    table = f"read_json({literal(safe)}, {options})"
    import duckdb

    try:
        facts = connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
        rows = [name for name, kind, *_ in facts if str(kind).startswith("STRUCT") and str(kind).endswith("[]")]
        if len(rows) == 1:  # {"orders": [{...}, ...]}
            table = f"(SELECT unnest(each) FROM (SELECT unnest({quoted(rows[0])}) AS each FROM {table}))"
        elif any(str(kind).startswith(("STRUCT", "MAP")) for _, kind, *_ in facts):
            flat = connection.execute(f"DESCRIBE SELECT unnest(each, recursive := true) FROM {table} each").fetchall()
            if len({name for name, *_ in flat}) == len(flat):
                table = f"(SELECT unnest(each, recursive := true) FROM {table} each)"
        return _typed(connection, table, str(path), "json", reading, into, {})
    except duckdb.Error as error:
        raise PurchasesError(
            f"{path}: cannot be read as JSON with one object a purchase: {first_line(error)[:200]}"
        ) from None


def _typed(
    connection: Any, table: str, name: str, kind: str, reading: Reading, into: str, zones: Mapping[str, str]
) -> Source:
    """Take a table whose columns have types; times with a zone become local ones."""
    parts, utc = [], []
    for column, type_, *_ in connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall():
        if type_ == "TIMESTAMP WITH TIME ZONE":
            zone = reading.time_zone or zones.get(column) or "UTC"
            utc += [column] if zone == "UTC" else []
            parts.append(f"timezone({literal(zone)}, {quoted(column)}) AS {quoted(column)}")
        elif column.startswith(("__index_level_", "Unnamed:")):
            continue
        else:
            parts.append(quoted(column))
    connection.execute(f"CREATE TEMP TABLE {into} AS SELECT {', '.join(parts)} FROM {table}")
    connection.execute(f"CREATE TEMP TABLE {into}_rejected(line BIGINT, error VARCHAR)")
    notes = tuple(
        f"times in column {column} are taken as days in UTC; `time_zone=` says where days begin" for column in utc
    )
    return Source(name, _types(connection, into), {"format": kind}, notes=notes)


def _workbook(connection: Any, path: Path, reading: Reading, into: str, folder: Path) -> Source:
    """Read a sheet as text: by way of a CSV file, so that title lines and headers are found as there."""
    import openpyxl

    check_workbook(path, PurchasesError)
    out = folder / f"{path.stem}.sheet.csv"
    titles = reading.title_lines or 0  # said as the sheet counts its rows, the empty ones too
    try:
        with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book:
            if reading.sheet is not None and reading.sheet not in book.sheetnames:
                raise PurchasesError(
                    f"{path}: no sheet `sheet={reading.sheet}`; the sheets are {', '.join(book.sheetnames)}"
                )
            sheets = [reading.sheet] if reading.sheet else [s.title for s in book.worksheets if len(_first_rows(s)) > 1]
            if not sheets:
                raise PurchasesError(f"{path}: the workbook is empty; expected a header and rows")
            if len(sheets) > 1:  # a cover sheet is none that is meant
                sheets.sort(key=lambda title: not has_header(_first_rows(book[title])))
            others = [title for title in book.sheetnames if title != sheets[0]]
            places = _as_csv(sheet_rows(book[sheets[0]]), out, titles)
    except (PurchasesError, OSError):
        raise
    except Exception as error:  # the reader raises what it meets
        raise PurchasesError(f"{path}: cannot be read as a workbook: {first_line(error)}") from None
    check_readable(out)
    plain = Reading(columns=reading.columns, separator=",", header=reading.header, title_lines=reading.title_lines)
    found = _text(connection, out, plain, into, folder, "xlsx")
    dialect = {k: v for k, v in found.dialect.items() if k not in ("encoding", "separator", "quote")}
    if found.dialect["title_lines"] < len(places):
        dialect["title_lines"] = places[found.dialect["title_lines"]]
    notes = found.notes
    if len(sheets) > 1:
        notes += (f"sheet {sheets[0]} is read, {', '.join(sheets[1:])} not; `sheet=` names another",)
    return Source(str(path), found.types, {**dialect, "sheet": sheets[0]}, found.header, notes, True, tuple(others))


def _first_rows(sheet: Any) -> list[list[str]]:
    return [[_cell(cell) for cell in row] for row in islice(sheet_rows(sheet), _TITLES)]


def _as_csv(rows: Iterable[tuple[Any, ...]], out: Path, titles: int) -> list[int]:
    """Write a sheet's rows as a table, without empty ones below its title lines; return their places in the sheet."""
    places, widths = [], set()
    with out.open("w", encoding="utf-8", newline="") as stream:
        write = csv.writer(stream)
        for number, row in enumerate(rows):
            if number < titles or row:
                write.writerow([_cell(cell) for cell in row])
                places.append(number)
                widths.add(len(row))
    if len(widths) > 1:  # cells without a value at the end of a row are not there
        ragged = out.rename(out.with_suffix(".ragged"))
        with ragged.open(encoding="utf-8", newline="") as read, out.open("w", encoding="utf-8", newline="") as stream:
            write, most = csv.writer(stream), max(widths)
            write.writerows(row + [""] * (most - len(row)) for row in csv.reader(read))
        ragged.unlink()
    return places


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return str(value.date())
    return str(value).replace("\n", " ").replace("\r", " ")


def _duckdb(connection: Any, path: Path, reading: Reading, into: str) -> Source:
    import duckdb

    try:
        connection.execute(f"ATTACH {literal(str(path))} AS came (READ_ONLY)")
    except duckdb.Error as error:
        raise PurchasesError(f"{path}: cannot be read as a DuckDB file: {first_line(error)}") from None
    try:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_catalog = 'came' "
            "AND table_type = 'BASE TABLE' ORDER BY ALL"
        ).fetchall()  # a view is a program, which may reach out
        table = _the_table([name for (name,) in tables], reading, str(path))
        return _typed(connection, f"came.{quoted(table)}", str(path), "duckdb", reading, into, {})
    finally:
        connection.execute("DETACH came")


def _the_table(tables: list[str], reading: Reading, where: str) -> str:
    if reading.table is not None:
        if reading.table not in tables:
            raise PurchasesError(f"{where}: no table `table={reading.table}`; the tables are {', '.join(tables)}")
        return reading.table
    if len(tables) != 1:
        raise PurchasesError(f"{where}: say which table (`table=`); the tables are {', '.join(tables) or 'none'}")
    return tables[0]


def _database(connection: Any, url: str, reading: Reading, into: str, file: Path | None = None) -> Source:
    """Read a table through SQLAlchemy, block by block; ``file``: of SQLite, whose name need not be part of a URL."""
    import pandas as pd
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    name = shown(url) if file is None else str(file)
    if path := duckdb_file(url):
        check_readable(path)
        return _duckdb(connection, path, reading, into)
    if file is None and url.startswith("sqlite:"):
        check_readable(Path(sa.make_url(url).database or ""))
    engine = None
    try:
        made = sa.URL.create("sqlite", database=str(file)) if file else sa.make_url(with_driver(url))
        engine = sa.create_engine(made)
        with engine.connect() as session:
            inspector = sa.inspect(session)
            schema, _, bare = (reading.table or "").rpartition(".")
            if schema:
                chosen, columns = bare, inspector.get_columns(bare, schema=schema)
            else:
                there = sorted([*inspector.get_table_names(), *inspector.get_view_names()])
                chosen = _the_table(there, reading, name)
                columns = inspector.get_columns(chosen)
            names = [column["name"] for column in columns]
            wanted: Any = sa.select(*map(sa.column, names)).select_from(sa.table(chosen, schema=schema or None))
            connection.execute(
                f"CREATE TEMP TABLE {into}({', '.join(f'{quoted(n)} VARCHAR' for n in names)})"
            ).fetchall()
            for rows in session.execution_options(stream_results=True).execute(wanted).partitions(_BLOCK):
                block = pd.DataFrame([[_field(value) for value in row] for row in rows], columns=names, dtype=object)
                connection.register("block", block)
                connection.execute(f"INSERT INTO {into} SELECT * FROM block").fetchall()
                connection.unregister("block")
    except (NoSuchModuleError, ModuleNotFoundError, ArgumentError) as error:
        raise PurchasesError(
            f"{name}: cannot be opened: {first_line(error)}; install the database's driver "
            '(`pip install "tenure[databases]"`)'
        ) from None
    except SQLAlchemyError as error:
        raise PurchasesError(f"{name}: cannot be read: {first_line(getattr(error, 'orig', None) or error)}") from None
    finally:
        if engine is not None:
            engine.dispose()
    connection.execute(f"CREATE TEMP TABLE {into}_rejected(line BIGINT, error VARCHAR)")
    return Source(f"{name} {chosen}", _types(connection, into), {"format": url.partition(":")[0], "table": chosen})


def duckdb_file(url: str) -> Path | None:
    """Return the file of a URL such as ``duckdb:///shop.duckdb``; None: it is another database's."""
    return Path(url.partition("://")[2].removeprefix("/")) if url.startswith("duckdb:") else None


def with_driver(url: str) -> str:
    """Return a URL with the driver that ``tenure[databases]`` installs, where it names none."""
    kind, _, rest = url.partition("://")
    drivers = {"postgresql": "psycopg", "postgres": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}
    return f"{'postgresql' if kind == 'postgres' else kind}+{drivers[kind]}://{rest}" if kind in drivers else url


def _field(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value)
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def _types(connection: Any, table: str) -> dict[str, str]:
    return {row[0]: row[1] for row in connection.execute(f"DESCRIBE {table}").fetchall()}
