"""Where purchases come from: workbooks, Parquet, JSON, databases; and what columns of theirs are called."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pandas as pd
import pytest
from purchase_files import base_of, bought, lines_of

from sim.errors import PurchasesError
from sim.purchases.base import CustomerBase, is_base
from sim.purchases.read import sources
from sim.purchases.read.options import Reading

ROWS = [(4, "2024-01-03", 12.5), (7, "2024-01-05", 8.0), (4, "2024-02-11", 1250.75)]
WANTED = [(str(who), day, amount) for who, day, amount in ROWS]
FRAME = pd.DataFrame(ROWS, columns=["customer", "date", "amount"])


def workbook(path: Path, rows: list[list[Any]], *more: str) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Orders"
    for row in rows:
        sheet.append(row)
    for name in more:
        book.create_sheet(name).append(["note", "other"])
        book[name].append([1, 2])
    book.save(path)
    return path


def test_a_workbook_is_read_with_its_titles_and_dates(tmp_path: Path) -> None:
    cells = [[who, datetime.fromisoformat(day), amount] for who, day, amount in ROWS]
    rows = [["All orders", None, None], ["Customer", "Order date", "Total"], *cells]
    file = workbook(tmp_path / "in.xlsx", rows, "Notes")
    base = CustomerBase.create(tmp_path / "base.duckdb", file)
    assert bought(base) == WANTED
    assert base.to_dict()["dialect"]["sheet"] == "Orders"
    assert "sheet Orders is read, Notes not; `sheet=` names another" in base.notes
    with pytest.raises(PurchasesError, match=r"no sheet `sheet=None such`; the sheets are Orders, Notes"):
        CustomerBase.create(tmp_path / "base.duckdb", file, reading=Reading(sheet="None such"))


@pytest.mark.parametrize("name", ["a b.db", "who?.db", "c#d%20.db", "顾客.db"])
def test_a_file_of_sqlite_may_have_any_name(tmp_path: Path, name: str) -> None:
    """It is no part of a URL."""
    with closing(sqlite3.connect(tmp_path / name)) as file:
        FRAME.to_sql("orders", file, index=False)
    assert bought(CustomerBase.create(tmp_path / "base.duckdb", tmp_path / name)) == WANTED


JSONS = {
    "records": FRAME.to_json(orient="records"),
    "lines": FRAME.to_json(orient="records", lines=True),
    "inside": json.dumps({"orders": FRAME.to_dict(orient="records")}),
    "in one object a row": "\n".join(
        json.dumps({"order": {"customerId": who, "createdAt": f"{day}T23:30:00-05:00", "total": {"amount": money}}})
        for who, day, money in ROWS
    ),
    "nested": json.dumps([{"customer": {"customer_id": w}, "date": d, "total": a} for w, d, a in ROWS]),
}


@pytest.mark.parametrize("kind", JSONS)
def test_json_is_read(tmp_path: Path, kind: str) -> None:
    assert bought(base_of(tmp_path, JSONS[kind], "in.json")) == WANTED


def test_json_of_another_kind_is_refused_in_a_few_words(tmp_path: Path) -> None:
    for content in ("[1, 2", '{"a": 1}', json.dumps([{"x": "y" * 10_000}])):
        with pytest.raises(PurchasesError) as caught:
            base_of(tmp_path, content, "in.json")
        assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    ("name", "begin", "said"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a workbook of Excel 97-2003 cannot be read; save it as"),
        ("a.zip", b"PK\x03\x04", "a packed archive cannot be read; unpack it first"),
        ("a.xlsx", b"PK\x03\x04", "a.xlsx: "),
        ("a.duckdb", b"12345678DUCK\0\0\0\0", "cannot be read as a DuckDB file"),
    ],
)
def test_files_of_another_kind_are_known_by_how_they_begin(tmp_path: Path, name: str, begin: bytes, said: str) -> None:
    with pytest.raises(PurchasesError) as caught:
        base_of(tmp_path, begin + bytes(2000), name)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_parquet_keeps_the_local_day_of_its_zone(tmp_path: Path) -> None:
    local = FRAME.assign(date=pd.to_datetime(FRAME["date"]).dt.tz_localize("Europe/Berlin"))
    local.to_parquet(tmp_path / "in.parquet")
    assert bought(CustomerBase.create(tmp_path / "base.duckdb", tmp_path / "in.parquet")) == WANTED
    FRAME.assign(date=local["date"].dt.tz_convert("UTC")).to_parquet(tmp_path / "utc.parquet")
    utc = CustomerBase.create(tmp_path / "base.duckdb", tmp_path / "utc.parquet")
    assert bought(utc)[0][1] == "2024-01-02"
    assert "times in column date are taken as days in UTC; `time_zone=` says where days begin" in utc.notes
    asked = Reading(time_zone="Europe/Berlin")
    assert bought(CustomerBase.create(tmp_path / "base.duckdb", tmp_path / "utc.parquet", reading=asked)) == WANTED


def test_tables_of_sqlite_and_duckdb_are_read(tmp_path: Path) -> None:
    lite, duck = tmp_path / "shop.db", tmp_path / "shop.duckdb"
    with sqlite3.connect(lite) as session:
        session.execute("CREATE TABLE orders(customer INTEGER, date TEXT, amount REAL)")
        session.executemany("INSERT INTO orders VALUES (?, ?, ?)", ROWS)
    session.close()
    with duckdb.connect(str(duck)) as connection:
        connection.execute("CREATE TABLE orders AS SELECT * FROM FRAME")
    assert not is_base(duck)
    for where in (lite, f"sqlite:///{lite}", duck, f"duckdb:///{duck}"):
        assert bought(CustomerBase.create(tmp_path / "base.duckdb", where)) == WANTED
    with duckdb.connect(str(duck)) as connection:
        connection.execute("CREATE TABLE other(x INTEGER)")
    with pytest.raises(PurchasesError, match=r"say which table \(`table=`\); the tables are orders, other"):
        CustomerBase.create(tmp_path / "base.duckdb", duck)
    base = CustomerBase.create(tmp_path / "base.duckdb", duck, reading=Reading(table="orders"))
    assert bought(base) == WANTED
    assert is_base(base.path)


def test_a_password_is_shown_nowhere(tmp_path: Path) -> None:
    for given, wanted in (
        ("me:secret@127.0.0.1:1/shop", "me:***@127.0.0.1:1/shop"),
        ("127.0.0.1:1/shop?user=me&password=secret", "127.0.0.1:1/shop?password=***&user=me"),
    ):
        with pytest.raises(PurchasesError) as caught:
            CustomerBase.create(tmp_path / "base.duckdb", f"postgresql://{given}")
        assert "secret" not in str(caught.value)
        assert f"postgresql://{wanted}" in str(caught.value)


@pytest.mark.slow
def test_a_table_of_a_postgresql_server_is_read(tmp_path: Path) -> None:
    """A real server, started from Debian's package."""
    pytest.importorskip("psycopg")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("PostgreSQL is not installed")
    data, port, sockets = tmp_path / "data", "54329", tmp_path / "s"
    sockets.mkdir()
    root = os.geteuid() == 0
    if root:
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
        data.mkdir()
        shutil.chown(data, "postgres")
        shutil.chown(sockets, "postgres")

    def run(*words: str) -> None:
        subprocess.run([*(["runuser", "-u", "postgres", "--"] if root else []), *words], check=True, cwd="/")

    control = [str(found[-1] / "pg_ctl"), "-D", str(data), "-w"]
    run(str(found[-1] / "initdb"), "-D", str(data), "-U", "tenure", "-A", "trust")
    run(*control, "-o", f"-p {port} -k {sockets} -h 127.0.0.1", "-l", str(data / "log"), "start")
    try:
        import sqlalchemy as sa

        url = f"postgresql+psycopg://tenure@127.0.0.1:{port}/postgres"
        engine = sa.create_engine(url)
        with engine.begin() as session:
            session.execute(sa.text("CREATE TABLE orders(customer BIGINT, date TIMESTAMPTZ, amount NUMERIC(10, 2))"))
            for who, day, amount in ROWS:
                session.execute(sa.text("INSERT INTO orders VALUES (:w, :d, :a)"), {"w": who, "d": day, "a": amount})
        engine.dispose()
        base = CustomerBase.create(tmp_path / "base.duckdb", f"postgresql://tenure@127.0.0.1:{port}/postgres")
        assert bought(base) == WANTED
    finally:
        run(*control, "-m", "fast", "stop")


HEADERS = {
    "Kunden-Nr.;Bestelldatum;Gesamtbetrag": "German",
    "N° client;Date de commande;Montant TTC": "French",
    "Código Cliente;Fecha de compra;Importe total": "Spanish",
    "Codice Cliente;Data ordine;Importo": "Italian",
    "Cód Cliente;Data do Pedido;Valor Total": "Portuguese",
    "Klantnummer;Besteldatum;Totaalbedrag": "Dutch",
    "Numer klienta;Data zamówienia;Kwota": "Polish",
    "Код клиента;Дата заказа;Сумма": "Russian",
    "客户编号;订单日期;金额": "Chinese",
    "顧客ID;注文日;金額": "Japanese",
    "Müşteri No;Sipariş Tarihi;Toplam Tutar": "Turkish",
    "customerId;orderDate;totalPrice": "camel case",
    "CustomerID;InvoiceDate;LineTotal": "Pascal case",
    "Customer Email;Created at;Total": "Shopify",
    "AccountId;CloseDate;Amount": "Salesforce",
    "Associated Contact IDs;Close Date;Deal Amount": "HubSpot",
    "KUNNR;FKDAT;NETWR": "SAP",
    "customer_unique_id;order_purchase_timestamp;payment_value": "Olist",
    "shop_customer_number;shop_order_date;total_amount_eur": "a prefix and a suffix",
}


@pytest.mark.parametrize("header", HEADERS)
def test_columns_are_known_by_name(tmp_path: Path, header: str) -> None:
    base = base_of(tmp_path, lines_of(ROWS, header, ";"))
    assert dict(base.columns) == dict(zip(("customer_id", "date", "amount"), header.split(";"), strict=True))
    assert bought(base) == WANTED


def test_an_id_that_never_repeats_is_the_order_where_another_column_is_the_customer(tmp_path: Path) -> None:
    rows = [(i, f"user{i % 9}", f"2024-01-{1 + i % 28:02d}", 5 + i) for i in range(60)]
    base = base_of(tmp_path, lines_of(rows, "id,client,date,amount"))
    assert (base.columns["customer_id"], base.columns["order_id"], base.customers) == ("client", "id", 9)
    base = base_of(tmp_path, lines_of(rows, "customer_id,buyer,date,amount"))
    assert base.columns["customer_id"] == "buyer"
    assert any("since no value of customer_id occurs twice" in note for note in base.notes)


def test_what_is_not_used_is_said(tmp_path: Path) -> None:
    rows = [(*row, "2024-03-01", "red") for row in ROWS]
    base = base_of(tmp_path, lines_of(rows, "customer,order date,amount,shipping date,colour"))
    assert "columns not used: shipping date, colour" in base.notes


def test_a_load_that_is_killed_leaves_nothing_and_the_next_one_clears_up(tmp_path: Path) -> None:
    rows = [(i % 5000, f"{1 + i % 28:02d}.01.2024", i % 97) for i in range(200_000)]
    (tmp_path / "in.csv").write_text(lines_of(rows, "customer;date;amount", ";"))
    words = [sys.executable, "-m", "tenure", "base", "load", "in.csv", "-o", "base.duckdb"]
    process = subprocess.Popen(words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path.cwd())})
    while process.poll() is None and not list(tmp_path.glob(".base.duckdb.*.part")):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "base.duckdb").exists()
    assert list(tmp_path.glob(".base.duckdb.*.part"))
    base = CustomerBase.load(tmp_path / "base.duckdb", tmp_path / "in.csv")
    assert base.account.read == 200_000
    assert base.first_date == date(2024, 1, 1)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["base.duckdb", "in.csv"]


def test_a_workbook_with_a_cover_and_titles(tmp_path: Path) -> None:
    """The sheet with a header is read, from its header on; rows are counted as the sheet does, empty ones too."""
    book = openpyxl.Workbook()
    cover, sold = book.active, book.create_sheet("Sold")
    cover.title = "Cover"
    for line in (["Report of sales"], ["Made by Anna"], ["for 2024"]):
        cover.append(line)
    for row in (["Sales"], ["from", "01.01.2024", "to", "30.09.2024"], [], ["Customer No.", "Order Date", "Total"]):
        sold.append(row)
    for i in range(30):
        sold.append([f"c{i % 6}", f"2024-09-{1 + i:02d}", 10 + i])
    book.save(tmp_path / "in.xlsx")
    for how in ({}, {"sheet": "Sold"}, {"sheet": "Sold", "title_lines": 3}):
        base = CustomerBase.create(tmp_path / "b.duckdb", tmp_path / "in.xlsx", reading=Reading(**how))
        assert base.account.to_dict()["money"]["taken"] == sum(10 + i for i in range(30))
        assert (base.sources[0]["dialect"]["sheet"], base.sources[0]["dialect"]["title_lines"]) == ("Sold", 3)
    with pytest.raises(PurchasesError, match="sheet Cover is read; `sheet=` names another of Sold"):
        CustomerBase.create(tmp_path / "c.duckdb", tmp_path / "in.xlsx", reading=Reading(sheet="Cover"))


def test_columns_and_sheets_that_hold_nothing_are_left_out_or_refused(tmp_path: Path) -> None:
    """Columns without a name, an index that pandas wrote, a workbook without rows, a table that is not there."""
    (tmp_path / "a.csv").write_text("customer,,date,amount,\n4,x,2024-01-03,12.5,y\n7,x,2024-01-05,8,y\n")
    base = CustomerBase.create(tmp_path / "base.duckdb", tmp_path / "a.csv")
    assert any("2 columns without a name are left out" in note for note in base.notes)
    FRAME.set_index(pd.Index([5, 6, 9])).to_parquet(tmp_path / "indexed.parquet")
    assert bought(CustomerBase.create(tmp_path / "base.duckdb", tmp_path / "indexed.parquet")) == WANTED
    with pytest.raises(PurchasesError, match="the workbook is empty; expected a header and rows"):
        CustomerBase.create(tmp_path / "base.duckdb", workbook(tmp_path / "empty.xlsx", []))
    cells = [["customer", "date", "amount"], [4.0, "2024-01-03", 12.5], [7.0, "2024-01-05", 8.0]]
    assert bought(CustomerBase.create(tmp_path / "base.duckdb", workbook(tmp_path / "f.xlsx", cells))) == WANTED[:2]
    with sqlite3.connect(tmp_path / "shop.db") as session:
        session.execute("CREATE TABLE orders(customer INTEGER, date TEXT, amount REAL)")
    session.close()
    with pytest.raises(PurchasesError, match="no table `table=sales`; the tables are orders"):
        CustomerBase.create(tmp_path / "base.duckdb", tmp_path / "shop.db", reading=Reading(table="sales"))


def test_a_database_without_its_driver_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(PurchasesError, match=r"cannot be opened: .*; install the database's driver"):
        CustomerBase.create(tmp_path / "base.duckdb", "firebird://me:secret@127.0.0.1/shop")
    values = (None, "a", {"x": 1}, [1, 2], b"\x01\xff", 5)
    assert [sources._field(each) for each in values] == [None, "a", '{"x": 1}', "[1, 2]", "01ff", "5"]
