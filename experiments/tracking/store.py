"""A folder's store of runs: where it is, who may write to it, and how it heals.

The store is a SQLite file with a folder of artifacts beside it. It is made under a temporary name and moved into place,
so that it is whole or absent; a half-made one, of a process that died while older versions made it in place, is told by
holding no run under an unfinished schema, and is made again. In a folder that was copied or moved, the absolute
addresses that MLflow keeps are led to where the artifacts lie now: in one transaction, the file backed up before.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

from sim.errors import FolderError, InputError
from sim.files import write_file
from sim.purchases.read.sources import SECRET, without_secrets

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = [
    "ARTIFACTS", "bundled", "database_of", "locked", "open_store", "pages_at", "prepare_environment", "quiet_mlflow",
    "reach", "redacted", "tracking_uri_of", "without_password",
]  # fmt: skip

ARTIFACTS = "mlartifacts"
HERE = "http://127.0.0.1:5000"
"""Where ``tenure ui`` shows a folder's runs, and ``mlflow server`` a database's unless told otherwise."""
WEB = ("http://", "https://")
KNOWN = ("http", "https", "postgresql", "mysql", "mssql", "sqlite")
"""What the address of a store may begin with, a driver such as ``+psycopg`` apart."""
HEADER = b"SQLite format 3\0"
STALE = 3600.0
"""Seconds after which a part of a file belongs to nobody."""
BRIEFLY = 0.1
"""Seconds to wait for others who use a store before it is left as it is."""


def database_of(folder: str | Path) -> Path:
    """Return the file that holds a folder's runs."""
    return Path(folder).resolve() / "mlflow.db"


def tracking_uri_of(folder: str | Path) -> str:
    """Return the address of a folder's store, as MLflow wants it."""
    return f"sqlite:///{database_of(folder).as_posix()}"


def redacted(uri: str) -> str:
    """Return an address without its password, as it may be shown and kept.

    Raises
    ------
    InputError
        If MLflow knows no such store.
    """
    shown = without_secrets(_parts(uri))
    return shown if "***" in shown else uri


def pages_at(tracking_uri: str, mlflow_ui: str = "") -> str:
    """Return the address of MLflow's pages over a store: as given, or the server itself, or this machine.

    As a browser opens it: without name and password, which it asks for itself.

    Raises
    ------
    InputError
        If ``mlflow_ui`` is no address that a browser opens.
    """
    from sqlalchemy.engine import URL

    if mlflow_ui and not mlflow_ui.startswith(WEB):
        raise InputError(f"`mlflow_ui={mlflow_ui}`: expected where a browser finds MLflow's pages, such as {HERE}")
    uri = mlflow_ui or tracking_uri
    if not uri.startswith(WEB):
        return HERE
    at = _parts(uri)
    return URL.create(at.drivername, host=at.host, port=at.port, database=at.database).render_as_string().rstrip("/")


def without_password(text: str, uri: str) -> str:
    """Return what a store or a server says, without the password in the address that it was reached by."""
    if not uri:
        return text
    found = _parts(uri)
    secrets = [found.password, *(value for key, value in found.query.items() if SECRET.search(key))]
    for secret in (each for each in secrets if isinstance(each, str) and each):
        for said in (secret, quote(secret), quote(secret, safe="")):
            text = text.replace(said, "***")
    return text


def reach(uri: str) -> None:
    """Raise at once where a database does not answer, or its driver is not there: MLflow would try for many minutes."""
    from sqlalchemy import create_engine

    if _parts(uri).drivername.partition("+")[0] not in ("http", "https"):
        engine = create_engine(uri)
        try:
            engine.connect().close()
        finally:
            engine.dispose()


def _parts(uri: str) -> URL:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        found = make_url(uri)
        if found.drivername.partition("+")[0] in KNOWN and (found.host or found.database):
            return found
    except (ArgumentError, ValueError):
        pass
    shown = re.sub(r"//[^/]*@", "//***@", uri)
    raise InputError(
        f"`tracking_uri={shown}`: expected a server such as http://127.0.0.1:5000, or a database such as "
        "postgresql+psycopg://name@host/runs"
    )


def open_store(folder: Path) -> str:
    """Return the address of a folder's store, made, made again or mended where that is due; call it under the lock.

    Raises
    ------
    FolderError
        If MLflow cannot keep runs in such a folder.
    """
    if any(sign in str(folder) for sign in "?#%"):
        raise FolderError(f"{folder}: MLflow cannot keep runs in a path with ?, # or %; choose another folder")
    if not _in_unicode(folder):
        raise FolderError(f"{str(folder)!a}: this locale cannot spell it, and MLflow must; set PYTHONUTF8=1")
    database = database_of(folder)
    for part in folder.glob(".mlflow.*.part*"):
        if time.time() - part.stat().st_mtime > STALE or not database.exists():
            part.unlink(missing_ok=True)
    if database.exists() and _half_made(database):
        _set_aside(database)
    if not database.exists():
        _make(folder, database)
    _mend(folder, database)
    return tracking_uri_of(folder)


def _in_unicode(folder: Path) -> bool:
    """Return whether the locale has made text of a path, and not bytes that it has no letters for."""
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        return False
    return True


def _make(folder: Path, database: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    part = folder / f".mlflow.{os.getpid()}.part.db"
    with _connections_begin("PRAGMA synchronous = OFF"):  # nobody has it yet: the disk has to have it once, at the end
        store = SqlAlchemyStore(f"sqlite:///{part.as_posix()}", (folder / ARTIFACTS).as_uri())
        store.engine.dispose()
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, database)


@contextmanager
def bundled(folder: Path) -> Iterator[None]:
    """Let all that is written to a folder's store meanwhile reach the disk together, at the end.

    By itself each of MLflow's transactions, about ten a run, waits for the disk several times. Meanwhile the store
    keeps a write-ahead log (https://sqlite.org/wal.html): it is whole whatever happens, but what was written may be
    lost with the power until the end, and must not be forgotten before. Where somebody else uses the store, such a log
    stays, or is not begun.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    engine = SqlAlchemyStore(tracking_uri_of(folder), (folder / ARTIFACTS).as_uri()).engine
    engine.dispose()
    if _journal(folder, "wal") != "wal":
        yield
        return
    try:
        with _connections_begin("PRAGMA synchronous = NORMAL"):
            yield
    finally:
        engine.dispose()
        if _journal(folder, "delete") != "delete":  # somebody reads
            with closing(sqlite3.connect(database_of(folder))) as store:
                store.execute("PRAGMA wal_checkpoint(FULL)")


def _journal(folder: Path, mode: str) -> str:
    """Ask a store to keep its journal another way, and return which way it does."""
    with closing(sqlite3.connect(database_of(folder), timeout=BRIEFLY)) as store:
        try:
            return str(store.execute(f"PRAGMA journal_mode = {mode}").fetchone()[0])
        except sqlite3.OperationalError:
            return str(store.execute("PRAGMA journal_mode").fetchone()[0])


@contextmanager
def _connections_begin(said: str) -> Iterator[None]:
    """Let every connection to a database in a file that is made meanwhile begin with a statement."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def begin(connection: object, *_: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute(said)

    event.listen(Engine, "connect", begin)
    try:
        yield
    finally:
        event.remove(Engine, "connect", begin)


def _half_made(database: Path) -> bool:
    """Return whether making the store was broken off: its schema is not the last one, and it holds no run."""
    with database.open("rb") as file:
        begin = file.read(len(HEADER))
    if begin != HEADER:
        return not begin
    try:
        with closing(sqlite3.connect(database)) as store:
            tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "runs" in tables and store.execute("SELECT 1 FROM runs LIMIT 1").fetchone():
                return False
            if not tables or "alembic_version" not in tables:
                return not tables or "experiments" in tables
            version = store.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError:
        return False
    from mlflow.store.db.utils import _get_latest_schema_revision

    return version is None or version[0] != _get_latest_schema_revision()


def _set_aside(database: Path) -> None:
    """Keep a half-made store under another name, in case somebody wants to look at it."""
    for ending in ("-journal", "-wal", "-shm"):
        database.with_name(database.name + ending).unlink(missing_ok=True)
    os.replace(database, database.with_name("mlflow.db.half-made"))


def _mend(folder: Path, database: Path) -> None:
    """Lead addresses of artifacts to this folder, where a store came from another."""
    here = (folder / ARTIFACTS).as_uri()
    try:
        with closing(sqlite3.connect(database)) as store:
            found = [place for (place,) in store.execute("SELECT DISTINCT artifact_location FROM experiments")]
            roots = {root for root in map(_root_of, found) if root is not None and root != here}
            if not roots:
                return
            write_file(database.with_name("mlflow.db.before-move"), lambda part: _copy(store, part))
            with store:  # one transaction: all of them or none
                for root in sorted(roots, key=len, reverse=True):
                    for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
                        store.execute(
                            f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ? "
                            f"AND substr({column}, ?, 1) IN ('', '/')",
                            (here, len(root) + 1, len(root), root, len(root) + 1),
                        )
    except sqlite3.DatabaseError:
        return  # MLflow says better what is wrong with it


def _copy(store: sqlite3.Connection, path: Path) -> None:
    with closing(sqlite3.connect(path)) as copy:
        store.backup(copy)


def _root_of(place: str | None) -> str | None:
    """Return the folder of artifacts that an experiment's address is in; None where we did not choose it."""
    if place is None or not place.startswith("file:"):
        return None
    head, found, rest = place.rpartition(f"/{ARTIFACTS}")
    return f"{head}/{ARTIFACTS}" if found and (not rest or rest.startswith("/")) else None


def prepare_environment(environment: os._Environ[str] | dict[str, str]) -> None:
    """Switch off in ``environment`` what MLflow would send or print, and its minutes of patience with a server."""
    for name, value in (
        ("MLFLOW_DISABLE_TELEMETRY", "true"),
        ("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true"),
        ("MLFLOW_LOGGING_LEVEL", "ERROR"),
        ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1"),
        ("MLFLOW_HTTP_REQUEST_TIMEOUT", "20"),
    ):
        environment.setdefault(name, value)


@contextmanager
def quiet_mlflow() -> Iterator[None]:
    """Keep MLflow, what it speaks to servers with and the makers of its tables from saying anything."""
    prepare_environment(os.environ)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow  # noqa: F401 (sets up the loggers that are turned down here)

        loggers = [logging.getLogger(name) for name in ("mlflow", "alembic", "urllib3", "sqlalchemy")]
        levels = [logger.level for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the system lets go of it when a process dies."""
    path = folder / ".mlflow.lock"
    try:
        handle = path.open("a+b")
    except OSError as error:
        raise FolderError(f"cannot write {path}: {error.strerror}; choose a folder that exists and is yours") from None
    with handle:
        _lock(handle)
        yield


if sys.platform == "win32":

    def _lock(handle: IO[bytes]) -> None:
        import msvcrt

        while True:
            try:
                handle.seek(0)
                msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
                return
            except OSError:
                continue

else:

    def _lock(handle: IO[bytes]) -> None:
        import fcntl

        fcntl.flock(handle.fileno(), fcntl.LOCK_EX)
