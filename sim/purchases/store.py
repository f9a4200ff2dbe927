"""The DuckDB file of a customer base: opened to be read, written whole or not at all, asked in SQL."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.arrays import Step
from sim.errors import FolderError, InputError, PurchasesError, first_line
from sim.files import sweep
from sim.purchases.digest import keep_digest
from sim.purchases.people import load_people
from sim.purchases.read.customers import id_key, key_check
from sim.purchases.read.lines import LINES, Read, read_lines
from sim.purchases.read.options import Reading
from sim.purchases.read.sources import fingerprint, is_database, shown
from sim.purchases.read.whole import check_readable
from sim.purchases.settle import settle
from sim.purchases.tables import accounts_of, load_tables

if TYPE_CHECKING:
    import duckdb

__all__ = ["ask", "connected", "kept_open", "load"]

_SOURCES = (
    "number INTEGER, name VARCHAR, fingerprint VARCHAR, columns VARCHAR, dialect VARCHAR, notes VARCHAR, exact BOOLEAN"
)


LOCKED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
}
"""How a base is opened: nothing outside it can be reached, and no query can change that."""

_checked: set[tuple[int, ...]] = set()
"""Versions of files that were found to hold tables alone: the search takes longer than most queries."""
_kept: Counter[str] = Counter()
"""Files that are kept open, by how many."""


def _version(path: Path) -> tuple[int, ...]:
    try:
        facts = os.stat(path)
    except OSError:
        return ()
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


@contextmanager
def connected(path: Path) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Yield a connection that can only read, and only this file: a base that somebody sent is no program.

    Raises
    ------
    FolderError
        If it holds views or macros, which could put something else in place of our tables and functions.
    """
    import duckdb

    before = _version(path)
    connection = duckdb.connect(str(path), read_only=True, config=LOCKED)
    try:
        if before not in _checked or before != _version(path):  # else another file may have come meanwhile
            _check_tables_alone(connection, path)
            if before and not _kept[os.path.realpath(path)]:  # else what was searched may be the file before it
                _checked.add(before)
        yield connection
    finally:
        connection.close()


@contextmanager
def kept_open(path: Path) -> Iterator[None]:
    """Let a block put all its questions to one opening of a base: to open one takes DuckDB longer than most answers.

    What is put in the file's place meanwhile is not seen. What cannot be opened says so when it is asked.
    """
    import duckdb

    with ExitStack() as stack:
        with suppress(duckdb.Error, FolderError):
            stack.enter_context(connected(path))
        name = os.path.realpath(path)
        _kept[name] += 1
        try:
            yield
        finally:
            _kept[name] -= 1


def _check_tables_alone(connection: Any, path: Path) -> None:
    found = connection.execute(
        "SELECT view_name FROM duckdb_views() WHERE NOT internal AND view_name <> 'bad' "  # ours, made by each load
        "UNION ALL SELECT function_name FROM duckdb_functions() WHERE NOT internal ORDER BY 1"
    ).fetchone()
    if found:
        raise FolderError(
            f"{path}: holds the view or macro '{found[0]}'; a customer base holds tables alone: drop it, or make the "
            "base again from its files"
        )


def ask(path: Path, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the columns and rows of a query's answer; it can read the base, and nothing else.

    Raises
    ------
    InputError
        If it is not one query, or cannot be answered.
    FolderError
        If the file is not a customer base.
    """
    import duckdb

    try:
        with connected(path) as connection:
            statements = connection.extract_statements(query)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise InputError("a query is one SELECT; a base is changed by `tenure base load` alone")
            answer = connection.execute(statements[0])
            return [column[0] for column in answer.description], answer.fetchall()
    except duckdb.IOException as error:
        raise FolderError(f"{path}: is not a customer base: {first_line(error)}") from None
    except duckdb.Error as error:
        raise InputError(f"the query cannot be answered: {first_line(error)}") from None


def load(
    path: Path, files: Sequence[str | Path], reading: Reading, *, add: bool, progress: Step,
    people: Sequence[str | Path] = (), beside: Mapping[str, Sequence[str | Path]] | None = None,
) -> None:  # fmt: skip
    """Write a base from files, or add them to the one that is there; all at once, under another name until done.

    A file that is there already is read again in its own place. ``people``: files of what is known of customers,
    ``beside``: of the tables beside the purchases, each in place of those that were there.

    Raises
    ------
    PurchasesError
        If a file cannot be used.
    FolderError
        If the base cannot be written.
    """
    import duckdb

    beside = beside or {}
    _check(path, [*files, *people, *chain.from_iterable(beside.values())])
    sweep(path)
    key = id_key(reading.hash_ids) if reading.hash_ids else None
    target = Path(os.path.realpath(path))
    work = target.with_name(f".{path.name}.{os.getpid()}.part")
    shutil.rmtree(work, ignore_errors=True)
    try:
        try:
            work.mkdir()
            part = work / "base.duckdb"
            if add and target.exists():
                shutil.copyfile(target, part)
                with connected(part):  # locked: what is opened next can reach files
                    pass
            connection = duckdb.connect(str(part), config={"temp_directory": str(work / "spilled")})
        except OSError as error:
            raise FolderError(f"cannot write {path}: {error.strerror}") from None
        except duckdb.Error as error:
            what = f"{path}: is not a customer base" if target.exists() and add else f"cannot write {path}"
            raise FolderError(f"{what}: {first_line(error)}") from None
        try:
            connection.execute("SET enable_progress_bar = false")
            _fill(connection, files, reading, key, work, progress, people, beside)
            connection.execute("CHECKPOINT")  # closing does it too, but says nothing where the disk is full
        except (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException) as error:
            raise FolderError(f"cannot write {path}: {first_line(error)}") from None
        except duckdb.Error as error:
            where = ", ".join(shown(file) for file in files)
            raise PurchasesError(f"{where}: cannot be read as a table of purchases: {first_line(error)}") from None
        finally:
            connection.close()
        try:
            made = part.stat().st_ino
            os.replace(part, target)
        except OSError as error:
            raise FolderError(f"cannot write {path}: {error.strerror}") from None
        if version := _version(target):
            _checked.update({version} if version[1] == made else ())
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _check(path: Path, files: Sequence[str | Path]) -> None:
    if not files:
        raise InputError("no file to load; name at least one")
    for file in files:
        if is_database(file):
            continue
        check_readable(Path(file))
        if os.path.realpath(file) == os.path.realpath(path):
            raise FolderError(f"cannot write {path}: this command reads or writes it already; choose another name")
    if not path.parent.is_dir():
        raise FolderError(f"cannot write {path}: {path.parent} is not a folder; make it first")
    if path.is_dir():
        raise FolderError(f"cannot write {path}: it is a folder; give the name of a file")


def _fill(
    connection: Any, files: Sequence[str | Path], reading: Reading, key: bytes | None, work: Path, progress: Step,
    people: Sequence[str | Path], beside: Mapping[str, Sequence[str | Path]],
) -> None:  # fmt: skip
    columns = ", ".join(f'"{name}" {kind}' for name, kind in LINES.items())
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS sources({_SOURCES}); "
        "CREATE TABLE IF NOT EXISTS about(key VARCHAR, value VARCHAR); "
        f"CREATE TEMP TABLE incoming({columns})"
    )
    _same_key(connection, key)
    old = connection.execute("SELECT fingerprint, number FROM sources").fetchall()
    known: dict[str, int] = dict(old)
    notes: list[str] = []
    wanted: dict[str, str | Path] = {}
    for file in files:
        mark = fingerprint(file, reading)
        if mark in wanted:
            notes.append(f"{_short(file)} is given twice and read once")
        elif mark in known:
            notes.append(f"{_short(file)} was loaded before: it is read again and counts once")
        wanted.setdefault(mark, file)
    if old:
        replaced = ", ".join(str(known[mark]) for mark in wanted if mark in known) or "0"
        connection.execute(
            f"INSERT INTO incoming SELECT {', '.join(LINES)} FROM lines WHERE source NOT IN ({replaced})"
        )
    today = date.today()
    number = max((each for _, each in old), default=0)
    names: dict[int, str] = {}
    for mark, file in wanted.items():
        done = progress(f"read {_short(file)}")
        place = known.get(mark)
        if place is None:
            number += 1
            place = number
        names[place] = shown(file)
        read = read_lines(connection, file, reading, place, today, work, key)
        _keep(connection, place, mark, file, read)
        done(1.0)
    done = progress("settle what each row is")
    rows = connection.execute("SELECT number, name, exact, columns FROM sources ORDER BY number").fetchall()
    account, found = settle(
        connection, reading, {each: names.get(each, name) for each, name, *_ in rows},
        [each for each, _, exact, _ in rows if exact], today, {row[0]: json.loads(row[3]) for row in rows},
    )  # fmt: skip
    accounts = accounts_of(connection)
    if people:
        accounts["customers"], of_people = load_people(connection, people, reading, key, work)
        found += of_people
    tables, of_tables = load_tables(connection, beside, reading, key, work, accounts)
    found += of_tables
    about = {
        "account": json.dumps({"rows": account.rows, "micro": account.micro, "places": account.places}),
        "notes": json.dumps(notes + found), "places": str(account.places),
        "key": key_check(key) if key else "", "tables": tables,
    }  # fmt: skip
    connection.execute("DELETE FROM about")
    connection.executemany("INSERT INTO about VALUES (?, ?)", list(about.items()))
    keep_digest(connection)
    done(1.0)


def _same_key(connection: Any, key: bytes | None) -> None:
    before = connection.execute("SELECT value FROM about WHERE key = 'key'").fetchone()
    if before and before[0] != (key_check(key) if key else ""):
        was = (
            "with ids as they are" if not before[0] else "with ids hashed by another key" if key else "with hashed ids"
        )
        raise InputError(f"the base was made {was}; load into it in the same way, or write another base (`output=`)")


def _keep(connection: Any, number: int, mark: str, file: str | Path, read: Read) -> None:
    connection.execute("DELETE FROM sources WHERE number = ?", [number])
    facts: list[Mapping[str, Any] | Sequence[str]] = [read.columns, read.dialect, read.notes]
    connection.execute(
        "INSERT INTO sources VALUES (?, ?, ?, ?, ?, ?, ?)",
        [number, _short(file), mark, *(json.dumps(fact, ensure_ascii=False) for fact in facts), read.exact],
    )


def _short(file: str | Path) -> str:
    return shown(file) if is_database(file) else Path(file).name
