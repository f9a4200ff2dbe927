"""A firm's purchases in a DuckDB file, and each customer's record computed from it.

DuckDB is imported in this room alone, and only inside functions. The work is done in SQL, out of core: what comes into
memory is one row a customer, never one row a purchase. Money is summed in whole millionths, or finer where all amounts
are small, so that a figure has the same bits for any number of threads.

Conventions (those of the published purchase models): purchases of one customer on one day are one purchase; an amount
of 0 is a purchase; a negative amount is a return, which reduces what was bought before, and undoes it if that is all of
it. Time is in weeks of seven days.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sim.arrays import Floats, Ints, Step, quiet
from sim.errors import FolderError, PurchasesError, first_line
from sim.purchases.account import Account
from sim.purchases.digest import digest
from sim.purchases.read.options import Reading
from sim.purchases.store import ask, connected, kept_open, load

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CDNOW_PURCHASES", "CustomerBase", "PurchaseSummary", "content_digest", "is_base", "kept_open"]


CDNOW_PURCHASES = Path(__file__).resolve().parent.parent / "data" / "cdnow" / "purchases.csv.gz"
"""The purchases that ship with the package; see the README beside the file."""

_TOLD = ("columns", "dialect", "notes")


@dataclass(frozen=True, eq=False)
class PurchaseSummary:
    """Each customer's record up to a day, ordered by customer id.

    Every array has one entry a customer and is read-only.

    Attributes
    ----------
    customer_id : ndarray of int64, or of str objects where some id is not a plain whole number
        Whose record it is.
    frequency : ndarray of int64
        x, days with a purchase after the day of the first one.
    recency : ndarray of float64
        t_x, weeks from the first to the last purchase.
    age : ndarray of float64
        T, weeks from the first purchase to ``end``.
    mean_spend : ndarray of float64
        Mean amount of a day over repeat purchase days; 0 where there is none.
    purchases : ndarray of int64
        Days with a purchase, the first included.
    mean_amount_all : ndarray of float64
        Mean amount of a day over all purchase days.
    end : date
        The last day that counts.
    sample_only : bool
        Whether only customers marked ``in_sample`` are here.
    start : date or None
        Only customers whose first purchase was on this day or later are here.
    """

    customer_id: npt.NDArray[Any]
    frequency: Ints
    recency: Floats
    age: Floats
    mean_spend: Floats
    purchases: Ints
    mean_amount_all: Floats
    end: date
    sample_only: bool = False
    start: date | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    def __len__(self) -> int:
        return len(self.customer_id)

    @property
    def silent_weeks(self) -> Floats:
        """Weeks since the last purchase, ``age - recency``."""
        return self.age - self.recency

    def to_frame(self) -> "pd.DataFrame":
        """Return the arrays as a table, one row a customer."""
        import pandas as pd

        columns = {f.name: getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), np.ndarray)}
        return pd.DataFrame({**columns, "silent_weeks": self.silent_weeks})


@dataclass(frozen=True)
class CustomerBase:
    """A firm's purchases kept in a DuckDB file, with what became of every row they came from.

    Make one with ``CustomerBase.create``, add to it with ``CustomerBase.load``, or ``CustomerBase.open`` it. The file
    is opened read-only for each question and closed again; :func:`kept_open` opens it once for many. Its tables:
    ``purchases(customer_id, date, quantity, amount, in_sample, ...)``, ``lines`` (every row read, with its
    ``outcome``), ``bad`` (rows that could not be read, and why), ``sources``, and where it was loaded
    ``customers(customer_id, ...)`` with any columns of the firm's own.

    Attributes
    ----------
    path : Path
        The DuckDB file.
    rows, customers : int
        Purchases kept, and customers with at least one.
    first_date, last_date : date
        First and last day with a purchase.
    account : Account
        Every row read, by what became of it, in rows and money.
    sources : tuple of mapping
        For each file: ``file``, ``rows``, ``columns`` (role to column), ``dialect``, ``notes``.
    remarks : tuple of str
        What should be said of the base as a whole.
    tables : mapping of str to Account
        Rows of each table beside the purchases (:data:`sim.purchases.read.tables.BESIDE`), by what became of them.
    """

    path: Path
    rows: int
    customers: int
    first_date: date
    last_date: date
    account: Account
    sources: tuple[Mapping[str, Any], ...]
    remarks: tuple[str, ...] = ()
    tables: Mapping[str, Account] = field(default_factory=dict)

    @classmethod
    def create(
        cls,
        path: str | Path,
        files: str | Path | Sequence[str | Path],
        columns: Mapping[str, str] | None = None,
        reading: Reading | None = None,
        *,
        progress: Step = quiet,
    ) -> "CustomerBase":
        """Read purchases from files into a new customer base, replacing ``path`` only once all is well.

        Parameters
        ----------
        path : path
            DuckDB file to write; its folder must exist. It is built under a temporary name in the same folder.
        files : path, URL or list of them
            Text (``.csv`` and the like, packed with gzip or not), ``.xlsx``, ``.parquet``, ``.json``, DuckDB or SQLite
            files, or URLs of databases as SQLAlchemy has them.
        columns : mapping, optional
            Role (:data:`sim.purchases.read.tables.PURCHASES`) to column name; the rest is found.
        reading : Reading, optional
            What else is said about the files; ``columns`` are added to its own.

        Raises
        ------
        PurchasesError
            A file that is missing or empty, a required column that is not there, more unreadable rows than allowed.
        FolderError
            The base cannot be written.
        """
        return cls._written(path, files, columns, reading, add=False, progress=progress)

    @classmethod
    def load(
        cls,
        path: str | Path,
        files: str | Path | Sequence[str | Path],
        reading: Reading | None = None,
        *,
        people: Sequence[str | Path] = (),
        beside: Mapping[str, Sequence[str | Path]] | None = None,
        progress: Step = quiet,
    ) -> "CustomerBase":
        """Add files to a customer base, or make it; a file that it has already is read again and counts once.

        ``people`` are files with a row a customer and any columns, which make the table ``customers``; ``beside`` are
        files of the tables beside the purchases by name (:data:`sim.purchases.read.tables.BESIDE`). Each replaces what
        was there. Other arguments and errors are those of ``create``.
        """
        return cls._written(path, files, None, reading, add=True, progress=progress, people=people, beside=beside)

    @classmethod
    def _written(
        cls, path: str | Path, files: str | Path | Sequence[str | Path], columns: Mapping[str, str] | None,
        reading: Reading | None, *, add: bool, progress: Step, people: Sequence[str | Path] = (),
        beside: Mapping[str, Sequence[str | Path]] | None = None,
    ) -> "CustomerBase":  # fmt: skip
        reading = reading or Reading()
        reading = replace(reading, columns={**reading.columns, **(columns or {})})
        several = [files] if isinstance(files, str | Path) else files
        load(Path(path), several, reading, add=add, progress=progress, people=people, beside=beside or {})
        return cls.open(path)

    @classmethod
    def open(cls, path: str | Path) -> "CustomerBase":
        """Open a base made by ``create`` or ``load``.

        Raises
        ------
        FolderError
            If the file is missing or is not a customer base.
        """
        import duckdb

        path = Path(path)
        _check_there(path)
        try:
            with connected(path) as connection:
                about = dict(connection.execute("SELECT key, value FROM about").fetchall())
                if "account" not in about:
                    raise FolderError(f"{path}: was made by an earlier version of Tenure; make it again from its files")
                rows, customers, first, last = connection.execute(
                    "SELECT count(*), count(DISTINCT customer_id), min(date), max(date) FROM purchases"
                ).fetchone()
                sources = connection.execute(
                    "SELECT name, columns, dialect, notes, (SELECT count(*) FROM lines WHERE source = number) "
                    "FROM sources ORDER BY number"
                ).fetchall()
            told = tuple(
                {"file": name, "rows": read, **{k: json.loads(v) for k, v in zip(_TOLD, facts, strict=True)}}
                for name, *facts, read in sources
            )
            account = Account(**json.loads(about["account"]))
            tables = {name: Account(**parts) for name, parts in json.loads(about.get("tables", "{}")).items()}
            notes = tuple(map(str, json.loads(about["notes"])))
            if not told or not all(isinstance(day, date) and date.min < day < date.max for day in (first, last)):
                raise ValueError("no purchases on days of a calendar")
        except duckdb.Error as error:
            raise FolderError(f"{path}: is not a customer base: {first_line(error)}") from None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise FolderError(
                f"{path}: is a damaged customer base ({first_line(error)}); make it again from its files"
            ) from None
        return cls(path, rows, customers, first, last, account, told, notes, tables)

    @property
    def columns(self) -> Mapping[str, str]:
        """Return role to column of the first file."""
        columns: Mapping[str, str] = self.sources[0]["columns"]
        return columns

    @property
    def customer_columns(self) -> tuple[str, ...]:
        """Return what is known of customers beside their purchases: the columns of table ``customers`` but the id."""
        found = self.query(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = 'customers' AND column_name <> 'customer_id'"
        )[1]
        return tuple(name for (name,) in found)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return all that should be said: of each file, then of the base."""
        several = len(self.sources) > 1
        own = [f"{s['file']}: {note}" if several else note for s in self.sources for note in s["notes"]]
        return (*own, *self.remarks)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: what was read and what became of it."""
        return {
            **self.account.to_dict(),
            "customers": self.customers,
            "purchases": self.rows,
            "from": self.first_date.isoformat(),
            "to": self.last_date.isoformat(),
            "columns": dict(self.columns),
            "dialect": self.sources[0]["dialect"],
            "notes": list(self.notes),
            "sources": [dict(source) for source in self.sources],
            "tables": {name: account.to_dict() for name, account in self.tables.items()},
            "base": str(self.path),
        }

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Return the columns and rows of the answer to one ``SELECT``; nothing but the base can be read.

        Raises
        ------
        InputError
            If it is not one query, or cannot be answered.
        """
        return ask(self.path, sql)

    def summarise(self, end: date, *, sample_only: bool = False, start: date | None = None) -> PurchaseSummary:
        """Return each customer's record from the purchases up to and including ``end``.

        Parameters
        ----------
        end : date
            Last day that counts.
        sample_only : bool
            Take only customers marked ``in_sample``.
        start : date, optional
            Take only customers whose first purchase was on this day or later (so that a first purchase in the data is a
            true first purchase).

        Raises
        ------
        PurchasesError
            If no customer is left.
        """
        unit = 10.0**self.account.places
        found = self._arrays(
            f"""
            WITH days AS ({_DAYS.format(unit=unit)} WHERE date <= $end AND (in_sample OR NOT $sample)
                          GROUP BY customer_id, date)
            SELECT customer_id, count(*) AS purchases, max(date) - min(date) AS active, $end - min(date) AS age,
                   CAST(sum(micro) AS DOUBLE) AS total,
                   CAST(sum(micro) - arg_min(micro, date) AS DOUBLE) AS repeat_total
            FROM days GROUP BY customer_id HAVING $start IS NULL OR min(date) >= $start ORDER BY customer_id
            """,
            {"end": end, "sample": sample_only, "start": start},
        )
        purchases = found["purchases"].astype(np.int64)
        if not len(purchases):
            who = "customer in the sample" if sample_only else "customer"
            since = f" from {start}" if start else ""
            raise PurchasesError(
                f"{self.path}: no {who} first bought{since} until {end}; purchases run to {self.last_date}"
            )
        frequency = purchases - 1
        return PurchaseSummary(
            customer_id=found["customer_id"],
            frequency=frequency,
            recency=found["active"] / 7.0,
            age=found["age"] / 7.0,
            mean_spend=found["repeat_total"] / unit / np.maximum(frequency, 1),
            purchases=purchases,
            mean_amount_all=found["total"] / unit / purchases,
            end=end,
            sample_only=sample_only,
            start=start,
        )

    def bought_between(self, start: date, end: date, summary: PurchaseSummary) -> tuple[Ints, Floats]:
        """Return days with a purchase in ``(start, end]``, and what was paid on them, by customer of ``summary``."""
        found = self._arrays(
            """
            SELECT customer_id, count(DISTINCT date) AS days, CAST(sum(amount) AS DOUBLE) AS paid FROM purchases
            WHERE date > $start AND date <= $end GROUP BY customer_id ORDER BY customer_id
            """,
            {"start": start, "end": end},
        )
        days, paid = np.zeros(len(summary), dtype=np.int64), np.zeros(len(summary))
        if len(found["customer_id"]):
            place = np.searchsorted(found["customer_id"], summary.customer_id)
            place = np.minimum(place, len(found["customer_id"]) - 1)
            known = found["customer_id"][place] == summary.customer_id
            days[known], paid[known] = (found[name][place[known]] for name in ("days", "paid"))
        return days, paid

    def weekly_cumulative_repeat(
        self, end: date, *, sample_only: bool = False, start: date | None = None, acquired_by: date | None = None
    ) -> Ints:
        """Return all customers' repeat purchases up to the end of each week; the last week ends with ``end``.

        Weeks are counted back from ``end`` to the first purchase of the customers taken, so the first may be a part of
        a week.

        Parameters
        ----------
        end : date
            Last day of the last week.
        sample_only, start
            As for ``summarise``.
        acquired_by : date, optional
            Take only customers whose first purchase was on this day or earlier.

        Returns
        -------
        ndarray of int64
            One entry a week; empty if nobody had bought by ``end``.
        """
        found = self._arrays(
            """
            WITH days AS (SELECT DISTINCT customer_id, date FROM purchases
                          WHERE date <= $end AND (in_sample OR NOT $sample)),
            first AS (SELECT customer_id, min(date) AS first FROM days GROUP BY customer_id
                      HAVING ($start IS NULL OR min(date) >= $start) AND ($by IS NULL OR min(date) <= $by))
            SELECT ($end - date) // 7 AS weeks_before, count(*) FILTER (WHERE date > first) AS repeats
            FROM days JOIN first USING (customer_id) GROUP BY weeks_before
            """,
            {"end": end, "sample": sample_only, "start": start, "by": acquired_by},
        )
        before = found["weeks_before"].astype(np.int64)
        weekly = np.zeros(int(before.max()) + 1 if len(before) else 0, dtype=np.int64)
        weekly[len(weekly) - 1 - before] = found["repeats"]
        return np.cumsum(weekly)

    def first_seen(self, end: date) -> tuple[Ints, Ints]:
        """Return days after ``first_date`` until ``end`` on which new customers came, and how many each time."""
        found = self._arrays(
            """
            SELECT first - $begin AS day, count(*) AS customers
            FROM (SELECT min(date) AS first FROM purchases WHERE date <= $end GROUP BY customer_id)
            GROUP BY day ORDER BY day
            """,
            {"begin": self.first_date, "end": end},
        )
        return found["day"].astype(np.int64), found["customers"].astype(np.int64)

    def longest_pause(self) -> int:
        """Return the most days in a row from one day with a purchase to the next."""
        found = self._arrays(
            "SELECT max(date - before) AS days FROM (SELECT date, lag(date) OVER (ORDER BY date) AS before "
            "FROM (SELECT DISTINCT date FROM purchases))",
            {},
        )
        return int(found["days"][0])

    def _arrays(self, query: str, values: Mapping[str, object]) -> dict[str, npt.NDArray[Any]]:
        import duckdb

        try:
            with connected(self.path) as connection:
                found: dict[str, npt.NDArray[Any]] = connection.execute(query, dict(values)).fetchnumpy()
        except duckdb.Error as error:
            raise FolderError(f"{self.path}: cannot be read: {first_line(error)}") from None
        return {name: np.ma.filled(array, 0) for name, array in found.items()}


def is_base(path: str | Path) -> bool:
    """Return whether a file is a customer base, rather than something one can be made of."""
    import duckdb

    try:
        with Path(path).open("rb") as stream:
            if stream.read(12)[8:] != b"DUCK":
                return False
        with connected(Path(path)) as connection:
            found = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name IN ('about', 'lines')")
            return bool(found.fetchone()[0] == 2)
    except (OSError, ValueError, duckdb.Error):
        return False


def content_digest(path: Path) -> str:
    """Return the SHA-256 of the purchases in a customer base: the same for the same purchases in another file.

    Raises
    ------
    FolderError
        If the file is missing or is not a customer base.
    """
    _check_there(path)
    facts = path.stat()
    return _digest_of_version(path.resolve(), facts.st_mtime_ns, facts.st_size, facts.st_ino)


@lru_cache(maxsize=16)
def _digest_of_version(path: Path, *_: int) -> str:
    import duckdb

    try:
        with connected(path) as connection:
            return digest(connection)
    except duckdb.Error as error:
        raise FolderError(f"{path}: is not a customer base: {first_line(error)}") from None


def _check_there(path: Path) -> None:
    if not os.path.isfile(path):
        raise FolderError(f"{path}: no such customer base; make one from a file of purchases")


_DAYS = "SELECT customer_id, date, sum(CAST(round(amount * {unit}) AS HUGEINT)) AS micro FROM purchases"
