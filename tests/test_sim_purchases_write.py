"""Tables of customers, written back."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest
from openpyxl import load_workbook

from sim.errors import FolderError
from sim.purchases.base import CustomerBase
from sim.purchases.write import write_rows


def test_a_list_goes_into_a_duckdb_file(tmp_path: Path) -> None:
    """A file that is none yet is made, another table stays, the same is not written over, nor is a customer base."""
    frame, place = (
        pd.DataFrame({"customer_id": ["a", "b"], "money": [1.5, 0.0]}),
        f"duckdb:///{tmp_path / 'crm.duckdb'}",
    )
    write_rows(frame, place, table="march")
    write_rows(frame[:1], place, table="april")
    with pytest.raises(FolderError, match="table 'march' is there already"):
        write_rows(frame, place, table="march")
    write_rows(frame, place, table="april", force=True)
    with duckdb.connect(str(tmp_path / "crm.duckdb")) as crm:
        for table in ("march", "april"):
            assert crm.execute(f"FROM {table}").fetchall() == [("a", 1.5), ("b", 0.0)]
    (tmp_path / "in.csv").write_text("id,date,amount\n4,2024-01-03,2\n4,2024-02-03,2\n")
    CustomerBase.create(tmp_path / "base.duckdb", tmp_path / "in.csv")
    with pytest.raises(FolderError, match="is a customer base"):
        write_rows(frame, f"duckdb:///{tmp_path / 'base.duckdb'}", table="march")


def test_a_list_in_excel_holds_no_formula(tmp_path: Path) -> None:
    """Neither in a cell nor as a column, nor once somebody has edited the cell."""
    frame = pd.DataFrame({"customer_id": ["=1+1", "a"], "=2+2": [1.5, 0.0]})
    write_rows(frame, tmp_path / "list.xlsx", table="")
    rows = list(load_workbook(tmp_path / "list.xlsx").active.iter_rows())
    assert [[cell.value for cell in row] for row in rows] == [["customer_id", "=2+2"], ["=1+1", 1.5], ["a", 0]]
    assert {cell.data_type for row in rows for cell in row} == {"s", "n"}
    assert [cell.value for row in rows for cell in row if cell.quotePrefix] == ["=2+2", "=1+1"]
