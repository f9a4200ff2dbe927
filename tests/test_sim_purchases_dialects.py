"""Text files as firms have them: separators, quotes, encodings, titles, headers; what is found is said."""

import gzip
from datetime import date, timedelta
from pathlib import Path

import pytest
from purchase_files import base_of, bought, left

from sim.errors import PurchasesError
from sim.purchases.base import CustomerBase

WANTED = [("4", "2024-01-03", 12.5), ("7", "2024-01-05", 8.0), ("4", "2024-02-11", 1250.75)]

DIALECTS = {
    "commas": "customer_id,date,amount\n4,2024-01-03,12.5\n7,2024-01-05,8\n4,2024-02-11,1250.75\n",
    "semicolons, decimal commas": "Kunde;Datum;Betrag\n4;2024-01-03;12,5\n7;2024-01-05;8\n4;2024-02-11;1250,75\n",
    "semicolons, thousands": "Kunde;Datum;Umsatz\n4;2024-01-03;12,50\n7;2024-01-05;8,00\n4;2024-02-11;1.250,75\n",
    "tabs": "Customer\tDate\tTotal\n4\t2024-01-03\t12.5\n7\t2024-01-05\t8\n4\t2024-02-11\t1250.75\n",
    "pipes": "client|date|revenue\n4|2024-01-03|12.5\n7|2024-01-05|8\n4|2024-02-11|1250.75\n",
    "spaces": "customer_id date amount\n4 2024-01-03 12.5\n7 2024-01-05 8\n4 2024-02-11 1250.75\n",
    "row names without a name": (
        '"id" "date" "amount"\n"1" 4 "2024-01-03" 12.5\n"2" 7 "2024-01-05" 8\n"3" 4 "2024-02-11" 1250.75\n'
    ),
    "an index": ",id,date,amount\n0,4,2024-01-03,12.5\n1,7,2024-01-05,8\n2,4,2024-02-11,1250.75\n",
    "a trailing separator": "id,date,amount,\n4,2024-01-03,12.5,\n7,2024-01-05,8,\n4,2024-02-11,1250.75,\n",
    "a trailing separator in rows": "id,date,amount\n4,2024-01-03,12.5,\n7,2024-01-05,8,\n4,2024-02-11,1250.75,\n",
    "titles": "Sales\nmade on 1 March\n\nid,date,amount\n4,2024-01-03,12.5\n7,2024-01-05,8\n4,2024-02-11,1250.75\n",
    "a title with commas": "All, or not\nid,date,amount\n4,2024-01-03,12.5\n7,2024-01-05,8\n4,2024-02-11,1250.75\n",
    "no header": "4,2024-01-03,12.5\n7,2024-01-05,8\n4,2024-02-11,1250.75\n",
    "quotes": 'id,date,amount,note\n"4","2024-01-03","12.5","a ""b"", c"\n7,2024-01-05,8,\n4,2024-02-11,"1,250.75",x\n',
    "lines in quotes": 'id,date,amount,note\n4,2024-01-03,12.5,"a\nb"\n7,2024-01-05,8,\n4,2024-02-11,1250.75,x\n',
    "single quotes": "id;date;amount;note\n4;2024-01-03;12,5;'a; b'\n7;2024-01-05;8;'c'\n4;2024-02-11;1250,75;'d; e'\n",
    "spaces around": "id , date , amount\n 4 , 2024-01-03 , 12.5\n 7, 2024-01-05, 8\n 4 ,2024-02-11 , 1250.75 \n",
    "windows, a mark, a blank last line": (
        "\ufeffid,date,amount\r\n4,2024-01-03,12.5\r\n7,2024-01-05,8\r\n4,2024-02-11,1250.75\r\n\r\n"
    ),
    "currency signs": "id,date,amount\n4,2024-01-03,$12.50\n7,2024-01-05,$8.00\n4,2024-02-11,\"$1,250.75\"\n",
    "currency codes": "id;date;amount\n4;2024-01-03;12,50 EUR\n7;2024-01-05;8,00 EUR\n4;2024-02-11;1 250,75 EUR\n",
    "units in brackets": "Client [ID];Date (UTC);Amount (€)\n4;2024-01-03;12.5\n7;2024-01-05;8\n4;2024-02-11;1250.75\n",
    "wide digits": (
        "顾客,日期,金额\n4,２０２４／０１／０３,１２．５\n7,２０２４／０１／０５,８\n4,２０２４／０２／１１,１２５０．７５\n"
    ),
    "Arabic digits": "العميل,التاريخ,المبلغ\n4,٢٠٢٤/٠١/٠٣,١٢٫٥\n7,٢٠٢٤/٠١/٠٥,٨\n4,٢٠٢٤/٠٢/١١,١٢٥٠٫٧٥\n",
    "Czech": "Zákazník;Datum;Částka\n4;3. ledna 2024;12,5\n7;5. ledna 2024;8 Kč\n4;11. února 2024;1\u00a0250,75 Kč\n",
    "apostrophes": "id;date;amount\n4;2024-01-03;12.50\n7;2024-01-05;8.00\n4;2024-02-11;1'250.75\n",
}  # fmt: skip


@pytest.mark.parametrize("kind", DIALECTS)
def test_a_dialect_is_found(tmp_path: Path, kind: str) -> None:
    assert bought(base_of(tmp_path, DIALECTS[kind])) == WANTED


ENCODED = {
    "gb18030": (
        "客户编号,日期,金额,城市\n4,2024-01-03,12.5,北京\n7,2024-01-05,8,上海\n4,2024-02-11,1250.75,广州\n",
        "gb18030",
    ),
    "utf-16": ("Kunde;Datum;Betrag\n4;2024-01-03;12,5\n7;2024-01-05;8\n4;2024-02-11;1250,75\n", "utf-16"),
    "utf-16-le": ("Kunde;Datum;Betrag\n4;2024-01-03;12,5\n7;2024-01-05;8\n4;2024-02-11;1250,75\n", "utf-16-le"),
    "latin-1": ("Kunde;Datum;Erlös\n4;2024-01-03;12,5\n7;2024-01-05;8\n4;2024-02-11;1250,75\n", "cp1252"),
    "cp932": ("顧客番号,日付,金額\n4,2024-01-03,12.5\n7,2024-01-05,8\n4,2024-02-11,1250.75\n", "cp932"),
    "cp1251": ("Клиент;Дата;Сумма\n4;2024-01-03;12,5\n7;2024-01-05;8\n4;2024-02-11;1250,75\n", "cp1251"),
    "cp1252": ("Kunde;Dato;Beløb\n4;2024-01-03;12,5\n7;2024-01-05;8\n4;2024-02-11;1250,75\n", "cp1252"),
    "cp1253": ("Πελάτης;Ημερομηνία;Ποσό\n4;2024-01-03;12,5\n7;2024-01-05;8\n4;2024-02-11;1250,75\n", "cp1253"),
    "utf-8": ("客户编号,日期,金额\n4,2024-01-03,12.5\n7,2024-01-05,8\n4,2024-02-11,1250.75\n", "utf-8"),
}


@pytest.mark.parametrize("encoding", ENCODED)
def test_an_encoding_is_found_and_said(tmp_path: Path, encoding: str) -> None:
    text, said = ENCODED[encoding]
    base = base_of(tmp_path, text.encode(encoding))
    assert bought(base) == WANTED
    assert base.to_dict()["dialect"]["encoding"] == said


@pytest.mark.parametrize(
    "line",
    ["{id}|{day:%Y%m%d}|{money:.2f}", "{day:%d/%m/%Y};{id};{comma}", "C{id},{day},{money:.2f}", "C{id},{day},{whole}",
     "{id},{day},{whole}", "{whole},{day},{id:06d}", "{row},{id},{day},{whole}", "{money:.2f} EUR|{id}|{day}",
     "{id},{day},1,{whole}", "food,{day},{id},{money:.2f}"],
)  # fmt: skip
def test_without_a_header_ids_are_no_money_and_money_is_no_id(tmp_path: Path, line: str) -> None:
    rows = [(row, 1123 + row % 29, date(2024, 1, 1) + timedelta(row * 7 % 300), row * row % 97) for row in range(200)]
    text = "\n".join(
        line.format(row=row, id=who, day=day, whole=x, money=x / 4, comma=f"{x / 4:.2f}".replace(".", ","))
        for row, who, day, x in rows
    )
    base = base_of(tmp_path, text)
    money = sum(x for *_, x in rows) / (1 if "whole" in line else 4)
    assert (base.customers, base.account.money("taken") + base.account.money("merged")) == (29, money)
    said = any("as it comes first" in note for note in base.notes)
    assert said == (line in ("{id},{day},{whole}", "{id},{day},1,{whole}", "{row},{id},{day},{whole}"))


@pytest.mark.parametrize(
    ("encoding", "said"), [("cp1252", "cp1252"), ("iso8859-15", "iso8859-15"), ("cp1251", "cp1251")]
)
@pytest.mark.parametrize("towns", [("Linz", "Graz"), ("München", "Düsseldorf"), ("Nîmes", "Besançon")])
def test_signs_of_money_make_no_foreign_text_of_western_files(
    tmp_path: Path, encoding: str, said: str, towns: tuple[str, str]
) -> None:
    if encoding == "cp1251":
        towns = ("Москва", "Тверь")
    lines = [f"{i % 7};{i % 28 + 1:02d}.03.2024;{i},50 €;{towns[i % 2]}" for i in range(40)]
    base = base_of(tmp_path, "\n".join(["Kunde;Datum;Betrag;Kanal", *lines]).encode(encoding))
    assert base.to_dict()["dialect"]["encoding"] == said
    assert {row[0] for row in base.query("SELECT DISTINCT channel FROM purchases")[1]} == set(towns)
    assert base.account.money("taken") + base.account.money("merged") == sum(range(40)) + 20


def test_a_guessed_encoding_is_named_where_nothing_fits(tmp_path: Path) -> None:
    with pytest.raises(PurchasesError, match=r"\(read as cp1252; `encoding=` says otherwise\): no column looks like"):
        base_of(tmp_path, "Kunde;Datum;Größe\n4;2024-01-03;klein\n".encode("latin-1"))


def test_the_encoding_of_a_file_beside_is_said(tmp_path: Path) -> None:
    people, sold = tmp_path / "people.csv", tmp_path / "in.csv"
    people.write_bytes("Kunde;Stadt;Klasse\n4;München;> 10 €\n7;Köln;> 20 €\n".encode("cp1252"))
    sold.write_text("Kunde;Datum;Betrag\n4;2024-01-03;2\n7;2024-01-04;3\n", encoding="utf-8")
    base = CustomerBase.load(tmp_path / "b.duckdb", sold, people=[people])
    assert base.query("SELECT Stadt FROM customers ORDER BY Klasse")[1] == [("München",), ("Köln",)]
    assert f"{people} (read as cp1252; `encoding=` says otherwise)" in base.remarks


def test_packed_text_of_any_encoding_is_read(tmp_path: Path) -> None:
    packed = gzip.compress(DIALECTS["semicolons, decimal commas"].replace("Betrag", "Erlös").encode("latin-1"))
    assert bought(base_of(tmp_path, packed, "in.csv.gz")) == WANTED


def test_what_is_said_of_a_file_is_taken(tmp_path: Path) -> None:
    text = "Report; one\n4;2024-01-03;1.234\n7;2024-01-05;2.345\n"
    said = {"separator": ";", "header": False, "title_lines": 1, "decimal": ","}
    base = base_of(tmp_path, text, **said)
    assert bought(base) == [("4", "2024-01-03", 1234.0), ("7", "2024-01-05", 2345.0)]
    assert base.columns == {"customer_id": "column1", "date": "column2", "amount": "column3"}
    columns = {"customer_id": "column3", "date": "column2", "amount": "column1"}
    assert bought(base_of(tmp_path, text, columns=columns, **said))[0] == ("1.234", "2024-01-03", 4.0)
    with pytest.raises(PurchasesError, match="`encoding=utf-99`: is not known"):
        base_of(tmp_path, text, encoding="utf-99")
    with pytest.raises(PurchasesError, match="cannot be read as utf-8 text"):
        base_of(tmp_path, "Kunde;Datum;Erlös\n4;2024-01-03;2\n".encode("latin-1"), encoding="utf-8")


def test_what_was_found_is_said(tmp_path: Path) -> None:
    found = base_of(tmp_path, DIALECTS["semicolons, thousands"]).to_dict()["dialect"]
    assert found == {
        "format": "csv", "encoding": "utf-8", "separator": ";", "quote": '"', "header": True, "title_lines": 0,
        "date_format": "%Y-%m-%d", "decimal": ",", "thousands": ".",
    }  # fmt: skip
    titles = base_of(tmp_path, DIALECTS["titles"]).to_dict()
    assert titles["dialect"]["title_lines"] == 3
    assert "1 column without a name is left out" in base_of(tmp_path, DIALECTS["an index"]).notes
    nameless = base_of(tmp_path, DIALECTS["no header"])
    assert "column column3 is taken for money, by what it holds" in nameless.notes


def test_rows_of_another_shape_are_bad_and_kept_with_their_line(tmp_path: Path) -> None:
    good = "".join(f"{i % 7},2024-01-{i % 28 + 1:02d},{i}.5\n" for i in range(100))
    base = base_of(tmp_path, f'id,date,amount\n{good}1,2024-01-01\n2,2024-01-01,3,4\n3,2024-01-02,"open\n')
    assert base.account.read == 103
    assert left(base)["bad"] == 3
    rows = base.query('SELECT row, "column", reason FROM bad ORDER BY row')[1]
    assert [row[:2] for row in rows] == [(102, "row"), (103, "row"), (104, "row")]
