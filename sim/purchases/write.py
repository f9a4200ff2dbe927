"""Writing a table of customers: as a file by its ending, or back into a database."""

from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import FolderError, InputError, first_line
from sim.files import EXECUTED, check_output, save_book, write_file, write_table
from sim.purchases.base import is_base
from sim.purchases.read.sources import duckdb_file, is_database, shown, with_driver
from sim.purchases.read.sql import quoted

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["LIST_FILES", "check_place", "write_rows"]

LIST_FILES = (".csv", ".xlsx", ".parquet")
"""Endings of lists."""
MOST_ROWS = 1_048_575
"""Rows below the header that a sheet holds."""


def check_place(where: str | Path) -> None:
    """Refuse a place that could not be written, before the work that fills it.

    Raises
    ------
    InputError
        If its name ends in none of :data:`LIST_FILES`.
    FolderError
        If it is in no folder that can be written to.
    """
    if not is_database(where):
        check_output(Path(where), LIST_FILES)


def write_rows(frame: "DataFrame", where: str | Path, *, table: str, force: bool = False) -> None:
    """Write a table whole: to a .csv, .xlsx or .parquet file, or as ``table`` of a database by SQLAlchemy URL.

    Raises
    ------
    InputError
        If the ending is none of :data:`LIST_FILES`.
    FolderError
        If it cannot be written, or the database has such a table already (without ``force``).
    """
    check_place(where)
    if is_database(where):
        _into_database(frame, str(where), table, force)
        return
    path = Path(where)
    if path.suffix != ".xlsx":
        write_table(path, frame)
        return
    if len(frame) > MOST_ROWS:
        raise InputError(
            f"{path}: a sheet holds {MOST_ROWS:,} rows and the list has {len(frame):,}; write .csv or .parquet"
        )
    write_file(path, lambda part: _workbook(frame, part))


def _workbook(frame: "DataFrame", part: Path) -> None:
    import openpyxl
    from openpyxl.cell import WriteOnlyCell

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("list")
    for row in (frame.columns, *frame.itertuples(index=False)):
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, value=value.item() if hasattr(value, "item") else value)
            if isinstance(value, str):  # an id that starts with '=' is an id, not a formula, edited or not
                cell.data_type = "s"
                cell.quotePrefix = value.startswith(EXECUTED)
            cells.append(cell)
        sheet.append(cells)
    save_book(book, part)


def _into_database(frame: "DataFrame", url: str, table: str, force: bool) -> None:
    """Write all rows in one transaction."""
    import sqlalchemy as sa
    from sqlalchemy.exc import SQLAlchemyError

    name = shown(url)
    taken = FolderError(
        f"{name}: table '{table}' is there already; choose another (`table=`), or `force=True` to write over it"
    )
    if path := duckdb_file(url):
        _into_duckdb(frame, path, table, None if force else taken)
        return
    try:
        engine = sa.create_engine(with_driver(url))
        try:
            with engine.begin() as session:
                if sa.inspect(session).has_table(table) and not force:
                    raise taken
                frame.to_sql(table, session, if_exists="replace", index=False)
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        raise FolderError(f"{name}: cannot be written to: {first_line(error)}") from None


def _into_duckdb(frame: "DataFrame", path: Path, table: str, taken: FolderError | None) -> None:
    """Write all rows at once into a DuckDB file, which is made where there is none."""
    import duckdb

    if path.exists() and is_base(path):
        raise FolderError(f"{path}: is a customer base, which holds what came from files; name another DuckDB file")
    try:
        with duckdb.connect(str(path)) as connection:
            there = "SELECT 1 FROM duckdb_tables() WHERE table_name = $1"
            if taken is not None and connection.execute(there, [table]).fetchone():
                raise taken
            connection.register("rows_of_list", frame)
            connection.execute(f"CREATE OR REPLACE TABLE {quoted(table)} AS SELECT * FROM rows_of_list")
    except duckdb.Error as error:
        raise FolderError(f"{path}: cannot be written to: {first_line(error)}") from None
