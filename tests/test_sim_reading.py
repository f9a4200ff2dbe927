"""Files that a user names: read whole or refused in one line, whatever is in them."""

import gzip
import json
import os
import random
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from sim.errors import FolderError, InputError, PurchasesError, ScenarioError, shortened
from sim.files import check_output, write_text
from sim.purchases.base import CustomerBase
from sim.reading import check_workbook, read_json, read_rows, read_text
from sim.scenario.yaml_files import read_yaml

ROWS = "customer,date,amount\n" + "".join(
    f"{i % 90},2024-{i % 12 + 1:02d}-{i % 28 + 1:02d},{i / 7:.2f}\n" for i in range(900)
)


def flipped(data: bytes, luck: random.Random) -> bytes:
    """Return data with one bit turned, wherever it is."""
    bit = luck.randrange(len(data) * 8)
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


def account(tmp_path: Path, name: str, data: bytes) -> dict:
    """Return what a file is read as."""
    (tmp_path / name).write_bytes(data)
    base = CustomerBase.create(tmp_path / "base.duckdb", tmp_path / name)
    return {**base.account.to_dict(), "customers": base.customers}


def attempt(tmp_path: Path, name: str, data: bytes) -> dict | str:
    """Return what a file is read as, or why it is refused."""
    try:
        return account(tmp_path, name, data)
    except PurchasesError as error:
        return str(error)


@pytest.mark.parametrize("name", ["orders.csv.gz", "orders.json.gz"])
def test_no_bit_of_a_packed_file_changes_unnoticed(tmp_path: Path, name: str) -> None:
    """Each single turned bit is refused, or changes nothing (a name, a time of packing)."""
    table = pd.read_csv(pd.io.common.StringIO(ROWS)).to_json(orient="records") if "json" in name else ROWS
    packed, luck = gzip.compress(table.encode(), mtime=0), random.Random(5)
    whole = account(tmp_path, name, packed)
    refused = 0
    for _ in range(25):
        found = attempt(tmp_path, name, flipped(packed, luck))
        if isinstance(found, str):
            refused += 1
            assert found.startswith(str(tmp_path / name))
            assert ".part" not in found
        else:
            assert found == whole
    assert refused > 20


@pytest.mark.parametrize("tail", [b"and more", b"\x1f\x8b\x08\x00bad", None])
def test_a_packed_file_that_is_cut_or_goes_on_is_refused(tmp_path: Path, tail: bytes | None) -> None:
    packed = gzip.compress(ROWS.encode())
    with pytest.raises(PurchasesError, match="is damaged"):
        account(tmp_path, "orders.csv.gz", packed[:-5] if tail is None else packed + tail)
    assert not (tmp_path / "base.duckdb").exists()


def test_a_workbook_with_a_turned_bit_is_refused(tmp_path: Path) -> None:
    """In what it holds; where a bit is of no member of the archive, its rows are as they were."""
    pd.read_csv(pd.io.common.StringIO(ROWS)).to_excel(tmp_path / "orders.xlsx", index=False)
    book, luck = (tmp_path / "orders.xlsx").read_bytes(), random.Random(6)
    refused = 0
    whole = account(tmp_path, "orders.xlsx", book)
    for _ in range(12):
        found = attempt(tmp_path, "bad.xlsx", flipped(book, luck))
        if isinstance(found, str):
            refused += 1
            assert re.search(r"bad\.xlsx: (is damaged|cannot be read as a workbook)", found)
        else:
            assert found == whole
    assert refused > 8


def test_a_workbook_that_unpacks_to_gigabytes_is_refused_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.reading.LARGEST_BOOK", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/worksheets/sheet1.xml", "0" * 100_000)
    with pytest.raises(InputError, match="unpacks to 100,000 bytes"):
        check_workbook(tmp_path / "bomb.xlsx")


def test_parquet_pages_are_held_to_their_check_sums(tmp_path: Path) -> None:
    """A page with a check sum and another byte is refused; so is a file without its end."""
    from pyarrow import Table, parquet

    table = Table.from_pandas(pd.read_csv(pd.io.common.StringIO(ROWS)))
    parquet.write_table(
        table, tmp_path / "good.parquet", write_page_checksum=True, compression="none", use_dictionary=False
    )
    data = (tmp_path / "good.parquet").read_bytes()
    at = data.index(b"2024-05")
    for bad in (data[:at] + b"2025" + data[at + 4 :], data[:-3], data[:40]):
        with pytest.raises(PurchasesError, match=r"orders\.parquet: cannot be read as Parquet"):
            account(tmp_path, "orders.parquet", bad)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 1000 + "]" * 1000, "deeper"),
        ("a: 0x" + "f" * 5000, "larger than any"),
        ("a: " + "9" * 5000, "larger than any"),
        ("a: &a [*a]", "stands inside"),
        (
            "a: &a [1]\n"
            + "".join(
                f"{k}: &{k} [{', '.join(['*' + j] * 10)}]\n" for j, k in zip("abcdefgh", "bcdefghi", strict=True)
            ),
            "repeat",
        ),
        ("a: 2024-01-01 00:00:00 +99:99", "not YAML"),
        ("a: !!python/object/apply:os.system ['true']", "not YAML"),
    ],
)
def test_yaml_that_nobody_means_is_refused(text: str, said: str) -> None:
    """Nesting without end, aliases of aliases, numbers of thousands of digits, days that are none, objects."""
    with pytest.raises(ScenarioError, match=rf"^file.*{said}") as refused:
        read_yaml(text, "file", ScenarioError)
    assert len(str(refused.value)) < 300


def test_json_and_tables_are_refused_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"^plan: keys and lists lie deeper"):
        read_json("[" * 100_000, "plan")
    with pytest.raises(InputError, match=r"^plan: is not JSON"):
        read_json("9" * 5000, "plan")
    with pytest.raises(InputError, match=r"^curves, line 3: a quote is opened and never closed"):
        list(read_rows('a,b\n1,2\n"x,2\n3,4', ",", "curves"))
    assert [row for _, row in read_rows('a,b\n"x" ,"2""\n3"', ",", "curves")][1] == ["x ", '2"3']
    monkeypatch.setattr("sim.reading.LONGEST_LINE", 100)
    with pytest.raises(InputError, match=r"^curves, line 2: field larger"):
        list(read_rows("a,b\n" + "x" * 200, ",", "curves"))
    monkeypatch.setattr("sim.reading.LARGEST_TEXT", 10)
    (tmp_path / "long.yaml").write_text("x" * 11)
    with pytest.raises(FolderError, match=r"has 11 bytes"):
        read_text(tmp_path / "long.yaml", "give one")


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    """Read: no such file. To be written: refused before the work; a name that just fits is written."""
    for name in ("n" * 300, "n\0", "n" * 5000):
        with pytest.raises(InputError):
            read_text(tmp_path / name, "give one")
        with pytest.raises(FolderError):
            check_output(tmp_path / name)
        with pytest.raises(FolderError):
            CustomerBase.open(tmp_path / name)
    for fits in ("n" * 250 + ".json", "名" * 80 + ".json"):
        check_output(tmp_path / fits)
        write_text(tmp_path / fits, "whole")
        assert [each.name for each in tmp_path.iterdir() if "part" in each.name] == []


def test_messages_quote_what_came_in_a_few_lines() -> None:
    error = InputError("file: expected a name, got " + "x" * 10_000 + "; give another")
    assert len(str(error)) < 1000
    assert str(error).endswith("; give another")
    assert shortened("short") == "short"


@pytest.mark.parametrize(
    ("hack", "said"),
    [
        ("CREATE VIEW mine AS SELECT * FROM read_text('/etc/hostname')", "view or macro 'mine'"),
        ("CREATE MACRO sum(x) AS 42", "view or macro 'sum'"),
        ("DELETE FROM about", "earlier version"),
        ("UPDATE about SET value = '['", "damaged"),
        ("UPDATE about SET value = NULL", "damaged"),
        ("DELETE FROM sources", "damaged"),
        ("DELETE FROM purchases", "damaged"),
        ("UPDATE purchases SET date = 'infinity'", "damaged"),
        ("ALTER TABLE purchases DROP date", "not a customer base"),
    ],
)
def test_a_base_that_somebody_sent_is_data(tmp_path: Path, hack: str, said: str) -> None:
    """Views and macros, which could reach out or answer in place of our tables; metadata that are none."""
    account(tmp_path, "orders.csv", ROWS.encode())
    with duckdb.connect(str(tmp_path / "base.duckdb")) as session:
        session.execute(hack)
    with pytest.raises(FolderError, match=said):
        CustomerBase.open(tmp_path / "base.duckdb")


def test_a_base_reaches_nothing_outside_itself(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    account(tmp_path, "orders.csv", ROWS.encode())
    base = CustomerBase.open(tmp_path / "base.duckdb")
    with pytest.raises(InputError, match="disabled"):
        base.query(f"SELECT * FROM read_text('{tmp_path / 'secret.txt'}')")
    with duckdb.connect(str(tmp_path / "other.duckdb")) as session:
        session.execute("CREATE VIEW orders AS SELECT 1 AS customer, DATE '2024-01-01' AS date, 1.0 AS amount")
    with pytest.raises(PurchasesError, match="the tables are none"):
        CustomerBase.create(tmp_path / "new.duckdb", tmp_path / "other.duckdb")


def test_long_texts_are_no_days(tmp_path: Path) -> None:
    """A line of hundreds of thousands of letters is looked at once, not once for each of its letters."""
    with pytest.raises(PurchasesError, match="no column looks like date"):
        account(tmp_path, "line.csv", b"x" * 300_000)
    with pytest.raises(PurchasesError, match="100,000 columns"):
        account(tmp_path, "wide.csv", b"," * 100_000)
    assert json.dumps(account(tmp_path, "long.csv", (ROWS + "5,2024-01-01," + "9" * 200_000 + "\n").encode()))


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """Parts of bases, of calibrated ones and of other files; what a living process writes stays."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    alive = os.getppid()
    gone, own = f".b.duckdb.{dead.pid}.new", f".b.duckdb.{alive}.new"
    others = [f".other.{dead.pid}.part.json", "b.yaml", own]
    for name in (gone, f"{gone}.wal", f".{gone}.{dead.pid}.part", f".b.{dead.pid}.part.duckdb", *others):
        (tmp_path / name).touch()
    (tmp_path / f".b.duckdb.{dead.pid}.part").mkdir()
    (tmp_path / f".b.duckdb.{dead.pid}.part" / "base.duckdb").touch()
    check_output(tmp_path / "b.duckdb")
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(others)


def test_a_text_too_long_to_be_meant_is_refused_before_it_is_read() -> None:
    """Ten million letters of YAML take more than a minute."""
    with pytest.raises(ScenarioError, match="has 10,000,009 letters; a file of this kind has at most 10,000,000"):
        read_yaml("name: a\n#" + "x" * 10_000_000, "a.yaml", ScenarioError)


def workbook(path: Path, *changes: tuple[bytes, bytes]) -> Path:
    """Return a workbook of purchases, its sheet changed as text."""
    from io import StringIO

    plain = path.with_name("plain.xlsx")
    pd.read_csv(StringIO(ROWS)).to_excel(plain, index=False)
    with zipfile.ZipFile(plain) as book, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name in book.namelist():
            content = book.read(name)
            for old, new in changes if name.endswith("sheet1.xml") else ():
                assert old in content
                content = content.replace(old, new)
            out.writestr(name, content)
    return path


SIZE = b'ref="A1:C901"'


@pytest.mark.parametrize("said", [b"A1:C100", b"A1", b"A1:XFD1048576"])
def test_all_rows_of_a_sheet_are_read_whatever_size_it_is_said_to_have(tmp_path: Path, said: bytes) -> None:
    """Some programs write one too small, and rows were lost in silence; a format of the whole sheet, one too large."""
    whole = attempt(tmp_path, "whole.xlsx", workbook(tmp_path / "a.xlsx").read_bytes())
    data = workbook(tmp_path / "b.xlsx", (SIZE, b'ref="' + said + b'"')).read_bytes()
    assert attempt(tmp_path, "said.xlsx", data) == whole
    assert whole["rows"]["read"] == 900
    ragged = (b'<row r="901"', b'<row r="901"><c r="A901"/></row><row r="950"/><row r="960"')
    assert attempt(tmp_path, "ragged.xlsx", workbook(tmp_path / "c.xlsx", ragged).read_bytes()) == whole


ENTITIES = b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9))
FAR = (b'<row r="901"', b'<row r="900000000000"'), (b'r="A901"', b'r="A900000000000"')


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        (FAR, "at most 1,048,576 rows"),
        (((b'r="C901"', b'r="ZZZZZZ901"'),), "is not a valid column"),
        (((b"<worksheet", b'<!DOCTYPE a [<!ENTITY a "aaaaaaaa">' + ENTITIES + b"]><worksheet"),
          (b"<t>date</t>", b"<t>&j;</t>")), "cannot be read as a workbook"),
        (((b"<worksheet", b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet'),
          (b"<t>date</t>", b"<t>&a;</t>")), "cannot be read as a workbook"),
        (((b"<sheetData>", b"<sheetData>" + b" " * 110_000_000),), "unpacks to 110,"),
    ],
    ids=["far row", "far column", "bomb of entities", "file as entity", "bomb of spaces"],
)  # fmt: skip
def test_a_workbook_that_nobody_saved_is_refused_in_a_line(tmp_path: Path, changes: tuple, wanted: str) -> None:
    found = attempt(tmp_path, "bad.xlsx", workbook(tmp_path / "a.xlsx", *changes).read_bytes())
    assert isinstance(found, str)
    assert wanted in found
    assert "\n" not in found


def test_a_file_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch) -> None:
    from sim.purchases.read import whole

    monkeypatch.setattr(whole, "LARGE", 1 << 20)
    found = attempt(tmp_path, "bomb.csv.gz", gzip.compress(ROWS.encode() + b"1,2024-01-01,1\n" * 9_000_000, mtime=0))
    assert "unpacks to more than 200 times its size" in found
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bomb.csv.gz"]
    assert account(tmp_path, "orders.csv.gz", gzip.compress(ROWS.encode()))["customers"] == 90
