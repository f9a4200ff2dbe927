"""A firm's purchases in a DuckDB file, and each customer's record computed from it.

The only module that imports DuckDB, and only inside functions. The work is done in SQL, out of core: what comes into
memory is one row a customer, never one row a purchase. Money is summed as whole millionths, so that a figure has the
same bits for any number of threads.

Conventions (those of the published purchase models): purchases of one customer on one day are one purchase; an amount
of 0 is a purchase; a negative amount is a return, dropped and counted in ``CustomerBase.refunds``, and does not reduce
what was bought. Time is in weeks of seven days.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sim.arrays import Floats, Ints
from sim.errors import FolderError, PurchasesError, first_line
from sim.purchases.digest import digest
from sim.purchases.files import check_readable, load

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

__all__ = ["CDNOW_PURCHASES", "CustomerBase", "PurchaseSummary", "content_digest"]


CDNOW_PURCHASES = Path(__file__).resolve().parent.parent / "data" / "cdnow" / "purchases.csv.gz"
"""The purchases that ship with the package; see the README beside the file."""

_MICRO = "CAST(round({} * 1e6) AS HUGEINT)"


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
        for field in fields(self):
            value = getattr(self, field.name)
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
    """Purchases kept in a DuckDB file, table ``purchases(customer_id, date, quantity, amount, in_sample)``.

    Make one with ``CustomerBase.create`` or ``CustomerBase.open``. The file is opened read-only for each question and
    closed again.

    Attributes
    ----------
    path : Path
        The DuckDB file.
    columns : mapping of str to str
        Which column of the source was taken for what; optional roles that were not found are absent.
    rows, customers : int
        Purchases kept, and customers with at least one.
    refunds : int
        Rows with a negative amount, dropped.
    first_date, last_date : date
        First and last day with a purchase.
    """

    path: Path
    columns: Mapping[str, str]
    rows: int
    customers: int
    refunds: int
    first_date: date
    last_date: date

    @classmethod
    def create(
        cls, path: str | Path, purchases: str | Path, columns: Mapping[str, str] | None = None
    ) -> "CustomerBase":
        """Read purchases from a file into a new customer base, replacing ``path`` only once all is well.

        Parameters
        ----------
        path : path
            DuckDB file to write; its folder must exist. It is built under a temporary name in the same folder.
        purchases : path
            ``.csv``, ``.csv.gz`` or ``.parquet``, one row a purchase, with a header.
        columns : mapping, optional
            Role (``customer_id``, ``date``, ``amount``, ``quantity``, ``in_sample``) to column name; the rest is
            guessed. Without an ``in_sample`` column everybody is in the sample.

        Raises
        ------
        PurchasesError
            Missing or empty file, missing column, a row without a customer, an unreadable date or number.
        FolderError
            The base cannot be written.
        """
        import duckdb

        path, purchases = Path(path), Path(purchases)
        check_readable(purchases)
        if not path.parent.is_dir():
            raise FolderError(f"cannot write {path}: {path.parent} is not a folder; make it first")
        if path.is_dir():
            raise FolderError(f"cannot write {path}: it is a folder; give the name of a file")
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            try:
                connection = duckdb.connect(str(part))
            except duckdb.Error as error:
                raise FolderError(f"cannot write {path}: {first_line(error)}") from None
            try:
                load(connection, purchases, columns or {})
            except duckdb.Error as error:
                raise PurchasesError(
                    f"{purchases}: cannot be read as a table of purchases: {first_line(error)}"
                ) from None
            finally:
                connection.close()
            try:
                os.replace(part, path)
            except OSError as error:
                raise FolderError(f"cannot write {path}: {error.strerror}") from None
        finally:
            for leftover in (part, part.with_name(part.name + ".wal")):
                leftover.unlink(missing_ok=True)
        return cls.open(path)

    @classmethod
    def open(cls, path: str | Path) -> "CustomerBase":
        """Open a base made by ``create``.

        Raises
        ------
        FolderError
            If the file is missing or is not a customer base.
        """
        import duckdb

        path = Path(path)
        _check_there(path)
        try:
            with _connect(path) as connection:
                about = dict(connection.execute("SELECT key, value FROM about").fetchall())
                rows, customers, first, last = connection.execute(
                    "SELECT count(*), count(DISTINCT customer_id), min(date), max(date) FROM purchases"
                ).fetchone()
        except duckdb.Error as error:
            raise FolderError(f"{path}: is not a customer base: {first_line(error)}") from None
        return cls(path, json.loads(about["columns"]), rows, customers, int(about["refunds"]), first, last)

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
        found = self._arrays(
            f"""
            WITH days AS ({_DAYS} WHERE date <= $end AND (in_sample OR NOT $sample) GROUP BY customer_id, date)
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
            mean_spend=found["repeat_total"] / 1e6 / np.maximum(frequency, 1),
            purchases=purchases,
            mean_amount_all=found["total"] / 1e6 / purchases,
            end=end,
            sample_only=sample_only,
            start=start,
        )

    def holdout_counts(self, start: date, end: date, summary: PurchaseSummary) -> Ints:
        """Return the days with a purchase in ``(start, end]`` of each customer of ``summary``, in its order."""
        found = self._arrays(
            """
            SELECT customer_id, count(DISTINCT date) AS days FROM purchases
            WHERE date > $start AND date <= $end GROUP BY customer_id ORDER BY customer_id
            """,
            {"start": start, "end": end},
        )
        counts = np.zeros(len(summary), dtype=np.int64)
        if len(found["customer_id"]):
            place = np.searchsorted(found["customer_id"], summary.customer_id)
            place = np.minimum(place, len(found["customer_id"]) - 1)
            known = found["customer_id"][place] == summary.customer_id
            counts[known] = found["days"][place[known]]
        return counts

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

    def _arrays(self, query: str, values: Mapping[str, object]) -> dict[str, npt.NDArray[Any]]:
        import duckdb

        try:
            with _connect(self.path) as connection:
                found: dict[str, npt.NDArray[Any]] = connection.execute(query, dict(values)).fetchnumpy()
        except duckdb.Error as error:
            raise FolderError(f"{self.path}: cannot be read: {first_line(error)}") from None
        return {name: np.asarray(array) for name, array in found.items()}


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
        with _connect(path) as connection:
            return digest(connection)
    except duckdb.Error as error:
        raise FolderError(f"{path}: is not a customer base: {first_line(error)}") from None


def _check_there(path: Path) -> None:
    if not path.is_file():
        raise FolderError(f"{path}: no such customer base; make one from a file of purchases")


_DAYS = f"SELECT customer_id, date, sum({_MICRO.format('amount')}) AS micro FROM purchases"


@contextmanager
def _connect(path: Path) -> Iterator["duckdb.DuckDBPyConnection"]:
    import duckdb

    connection = duckdb.connect(str(path), read_only=True)
    try:
        yield connection
    finally:
        connection.close()
