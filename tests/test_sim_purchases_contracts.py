"""Contracts and bills on the first of a month: days are not taken for months, and every contract has one outcome."""

from datetime import date
from pathlib import Path

import pytest
from markets import members
from purchase_files import base_of, bought, lines_of

from experiments.study.contracts import contracts
from sim.errors import InputError, PurchasesError
from sim.purchases.base import CustomerBase
from sim.purchases.beside import memberships, spending
from sim.purchases.read.options import Reading

WRITTEN = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y", "%d-%m-%Y")


def written(path: Path, how: str, separator: str = ";") -> Path:
    """Write contracts that begin and end on the first of a month, with days as ``how`` has them."""
    rows = [line.split(";") for line in members(path, 60).read_text().splitlines()]
    lines = [[*row[:1], *(date.fromisoformat(day).strftime(how) if day else "" for day in row[1:3]), row[3]]
             for row in rows[1:]]  # fmt: skip
    path.write_text("\n".join(separator.join(row) for row in [rows[0], *lines]) + "\n")
    return path


def loaded(folder: Path, file: Path, **how: object) -> CustomerBase:
    (folder / "orders.csv").write_text("customer,date,amount\n1,2025-01-03,9\n2,2025-02-14,9\n")
    reading = Reading(most_bad=1.0, of_tables={"memberships": Reading(**how)} if how else {})
    return CustomerBase.load(folder / "base.duckdb", [folder / "orders.csv"], reading, beside={"memberships": [file]})


@pytest.mark.parametrize("separator", [";", ","])
@pytest.mark.parametrize("how", WRITTEN)
def test_contracts_from_the_first_of_a_month_are_read_alike(tmp_path: Path, how: str, separator: str) -> None:
    wanted = memberships(written(tmp_path / "iso.csv", "%Y-%m-%d"))
    file = written(tmp_path / "in.csv", how, separator)
    found = memberships(file)
    assert found[:2] == wanted[:2]
    assert any(f"days such as 03/04 are read as {how}" in note for note in found[2])
    assert not any("03/04" in note for note in memberships(file, reading=Reading(date_format=how))[2])


def test_a_base_reads_them_alike_and_contracts_takes_them_from_it(tmp_path: Path) -> None:
    file = written(tmp_path / "in.csv", "%m/%d/%Y", ",")
    base = loaded(tmp_path, file)
    assert sum("`date_format=memberships=...`" in note for note in base.notes) == 1
    assert memberships(base.path)[0] == memberships(file)[0]
    by_file, by_base = contracts(file, tmp_path / "file.yaml"), contracts(base.path, tmp_path / "base.yaml")
    assert by_base.survival() == by_file.survival()
    assert by_base.price == by_file.price
    turned = loaded(tmp_path, file, date_format="%d/%m/%Y")
    assert turned.query("SELECT DISTINCT month(start) FROM memberships")[1] == [(1,)]
    with pytest.raises(InputError, match=r"how table spend is written is said, and no file"):
        CustomerBase.load(base.path, [tmp_path / "orders.csv"], Reading(of_tables={"spend": Reading()}))


@pytest.mark.parametrize("how", WRITTEN)
def test_bills_on_one_day_of_each_month_are_no_days_of_one_month(tmp_path: Path, how: str) -> None:
    days = [date(2022 + i // 12, 1 + i % 12, 5) for i in range(30)]
    base = base_of(tmp_path, lines_of([(i % 7, day.strftime(how), 9) for i, day in enumerate(days)], "id,date,amount"))
    assert [day for _, day, _ in bought(base)] == [str(day) for day in days]
    assert any(f"read as {how}" in note for note in base.notes)


def test_days_of_a_short_time_stay_days(tmp_path: Path) -> None:
    """The first days of two months in one year, and a year before days and months that is one: the shortest time."""
    first = [date(2022, month, day) for month in (1, 2) for day in range(1, 13)]
    whole = [date(2005, month, day) for month in range(1, 13) for day in range(1, 29)]
    for how, days in (("%d/%m/%Y", first), ("%m/%d/%Y", first), ("%y-%m-%d", whole)):
        text = lines_of([(i % 7, day.strftime(how), 9) for i, day in enumerate(days)], "id,date,amount")
        assert [day for _, day, _ in bought(base_of(tmp_path, text))] == [str(day) for day in days]


def test_an_end_tells_how_its_start_is_written(tmp_path: Path) -> None:
    """All begin on one day, which nothing tells; they end on the last of months, also of months ahead."""
    (tmp_path / "in.csv").write_text(
        "member,start,end,price\n1,01/02/2024,31/05/2024,9\n2,01/02/2024,,9\n3,01/02/2024,31/05/2090,9\n"
    )
    found, _, notes = memberships(tmp_path / "in.csv", date(2024, 12, 1))
    assert {each.start for each in found} == {date(2024, 2, 1)}
    assert [each.end for each in found] == [date(2024, 5, 31), None, None]
    assert not any("03/04" in note for note in notes)


def test_money_by_month_says_how_days_are_read(tmp_path: Path) -> None:
    rows = [f"0{1 + i % 9}/01/{2023 + i // 9},search,100" for i in range(18)]
    (tmp_path / "in.csv").write_text("\n".join(["date,lever,spend", *rows]) + "\n")
    notes = spending(tmp_path / "in.csv")[1]
    assert any("read as %m/%d/%Y; nothing in the file tells, a day such as 2024-01-31 does" in note for note in notes)


def test_a_contract_that_ends_before_it_begins_is_left_out_with_its_money(tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text("Mitglieds-Nr;Mitglied seit;Austritt;Monatsbeitrag;Tarif\n1;2024-01-01;;10;A\n"
                    "2;2024-03-01;2024-02-01;7;A\n3;2024-01-01;2024-01-01;5;B\n;2024-03-01;2024-02-01;1;B\n"
                    "4;soon;2024-02-01;2;B\n")  # fmt: skip
    base = loaded(tmp_path, file)
    account = base.tables["memberships"]
    found = {name: (rows, account.money(name)) for name, rows in account.rows.items() if rows}
    assert found == {"taken": (2, 15.0), "out_of_range": (1, 7.0), "no_customer": (1, 1.0), "bad": (1, 2.0)}
    assert account.to_dict()["money"]["read"] == 25.0
    assert ("the end is before the start",) in base.query("SELECT reason FROM left_out WHERE row = 2")[1]
    said = " ".join(base.notes)
    assert "1 contracts with an end before the start are left out, as out of range" in said
    assert "columns without a role are kept under their own names: Tarif" in said


def test_a_column_that_no_name_tells_is_said_and_can_be_given(tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text("wer,start,end,pays\n1,2024-01-01,,10\n2,2024-01-01,2024-03-01,12\n3,2024-01-01,2024-05-01,12\n")
    with pytest.raises(PurchasesError, match=r"no column looks like customer_id; say which it is \(`customer=`\)"):
        contracts(file, tmp_path / "s.yaml")
    done = contracts(file, tmp_path / "s.yaml", customer="wer", columns={"price": "pays"})
    assert (done.price, done.counts.open.sum()) == (10.0, 1)
    file.write_text(file.read_text().replace("wer", "member"))
    without = loaded(tmp_path, file)
    assert without.tables["memberships"].money("taken") == 0
    assert any("none of them is taken for what is paid each period, so its money counts as 0; "
               "`column=memberships.price=...` says which is" in note for note in without.notes)  # fmt: skip
    assert loaded(tmp_path, file, columns={"price": "pays"}).tables["memberships"].money("taken") == 34


def test_options_say_how_a_table_is_written(tenure, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("customer,date,amount\n1,2025-01-03,9\n2,2025-02-14,9\n")
    (tmp_path / "m.csv").write_text("member,start,end,pays\n1,01/05/2024,,10\n2,01/06/2024,,10\n")
    load = ("base", "load", "orders.csv", "--memberships", "m.csv")
    code, out, err = tenure(*load, "--column", "memberships.price=pays", "--date-format", "memberships=%d/%m/%Y")
    assert (code, err) == (0, "")
    assert "20.00" in out
    found = tenure("base", "query", "SELECT DISTINCT start FROM memberships ORDER BY 1", "base.duckdb")[1]
    assert "2024-05-01" in found
    for words, said in (
        (("--date-format", "bills=%d"), "no table 'bills'"),
        (("--column", "spend.x=y"), "table spend"),
    ):
        code, _, err = tenure(*load, *words)
        assert code == 2
        assert said in err
    (tmp_path / "n.csv").write_text("who,start,end,pays\n1,01/05/2024,,10\n2,01/05/2024,01/08/2024,10\n")
    how = ("--customer", "who", "--column", "price=pays", "--date-format", "%d/%m/%Y")
    out = tenure("contracts", "n.csv", *how)[1]
    assert "of which 1 go on after 2024-08-01" in out
