"""Tables beside the purchases in a base: each row counted by hand, used downstream or said that it is not."""

import json
from pathlib import Path

import pytest
from markets import orders

from experiments.study.calibrate import calibrate
from sim.errors import FolderError, PurchasesError
from sim.purchases.base import CustomerBase, content_digest
from sim.purchases.beside import memberships, people_not_bought, spending
from sim.purchases.read.options import Reading

CONTACTS = [
    ("1", "03.03.2025", "mail", "0,50", "yes", "false", "A"), ("2", "03.03.2025", "mail", "0,50", "no", "true", "A"),
    ("2", "03.03.2025", "mail", "0,50", "no", "true", "A"), ("guest", "04.03.2025", "mail", "1,25", "", "", "B"),
    ("X9", "14.03.2025", "letter", "2,00", "", "", "B"), ("3", "soon", "letter", "4,00", "", "", "B"),
    ("3", "14.03.2225", "letter", "8,00", "", "", "B"),
]  # fmt: skip
SPEND = [(f"{y}-{m:02d}-01", lever, "north", 100 + m) for y in (2024, 2025) for m in range(1, 13)
         for lever in ("retention", "acquisition") if (y, m) <= (2025, 6)]  # fmt: skip


def files(folder: Path) -> dict[str, list[Path]]:
    """Write a file for each table."""
    texts = {
        "contacts": "customer;sent at;campaign;cost;redeemed;control group;wave\n"
        + "".join(";".join(row) + "\n" for row in CONTACTS),
        "surveys": "customer_id,answered at,nps,why\n1,2025-01-03,9,price\n2,2025-01-04,3,service\n",
        "memberships": "member,joined,left,fee\n1,2024-01-01,,10\n2,2024-01-01,2024-05-01,12\n",
        "spend": "month,channel,region,spend\n" + "".join(",".join(map(str, row)) + "\n" for row in SPEND),
        "prospects": "id,age\nP1,30\nP2,40\nP1,31\n5,50\n",
    }
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return {name: [folder / f"{name}.csv"] for name in texts}


def loaded(folder: Path, **how: object) -> CustomerBase:
    (folder / "orders.csv").write_text("customer,date,amount\n" + "".join(f"{i},2025-01-0{i},9\n" for i in range(1, 8)))
    beside = files(folder)
    return CustomerBase.load(
        folder / "base.duckdb", [folder / "orders.csv"], Reading(most_bad=0.2, **how), beside=beside
    )


def test_every_row_has_one_outcome_and_the_money_adds_up(tmp_path: Path) -> None:
    base = loaded(tmp_path)
    wanted = {
        "taken": (3, 3.0),
        "doubled": (1, 0.5),
        "no_customer": (1, 1.25),
        "bad": (1, 4.0),
        "out_of_range": (1, 8.0),
    }
    account = base.tables["contacts"]
    found = {name: (rows, account.money(name)) for name, rows in account.rows.items() if rows}
    assert found == wanted
    assert account.to_dict()["money"]["read"] == sum(money for _, money in wanted.values()) == 16.75
    assert {name: each.rows["taken"] for name, each in base.tables.items()} == {
        "contacts": 3, "surveys": 2, "memberships": 2, "spend": len(SPEND), "prospects": 3
    }  # fmt: skip
    assert base.tables["spend"].money("taken") == sum(row[3] for row in SPEND)
    columns, rows = base.query("SELECT * FROM contacts ORDER BY customer_id")
    assert dict(zip(columns, rows[0], strict=True)) | {"date": "2025-03-03"} == {
        "customer_id": "1", "date": "2025-03-03", "lever": "mail", "cost": 0.5, "outcome": "yes", "control": False,
        "wave": "A",
    }  # fmt: skip
    assert base.query('SELECT "table", row, outcome, reason FROM left_out ORDER BY ALL')[1] == [
        ("contacts", 3, "doubled", None), ("contacts", 4, "no_customer", None),
        ("contacts", 6, "bad", "sent at is not a day"), ("contacts", 7, "out_of_range", None),
        ("prospects", 3, "doubled", None),
    ]  # fmt: skip
    notes = " ".join(base.notes)
    assert "contacts: 1 rows are of 1 people without purchases; they are kept" in notes
    assert "forecasts and plans do not use contacts" in notes
    assert "surveys: 2 of 2 rows taken; segments by SQL may use them, those by function an answer" in notes


def test_a_table_is_replaced_by_the_next_and_kept_by_loads_without(tmp_path: Path) -> None:
    base = loaded(tmp_path)
    before = content_digest(base.path)
    again = CustomerBase.load(base.path, [tmp_path / "orders.csv"], Reading(most_bad=0.2))
    assert again.tables == base.tables
    assert content_digest(base.path) == before
    (tmp_path / "surveys.csv").write_text("customer_id,nps\n4,1\n")
    after = CustomerBase.load(base.path, [tmp_path / "orders.csv"], beside={"surveys": [tmp_path / "surveys.csv"]})
    assert after.tables["surveys"].read == 1
    assert after.query("SELECT customer_id, nps FROM surveys")[1] == [(4, 1.0)]
    assert content_digest(base.path) != before


def test_what_cannot_be_read_is_refused_and_nothing_lost(tmp_path: Path) -> None:
    base = loaded(tmp_path)
    before = base.path.read_bytes()
    bad = tmp_path / "bad.csv"
    for text, table, wanted in (
        ("customer,date,cost\n1,soon,1\n2,late,1\n", "contacts", "no column looks like date"),
        ("customer,date,cost\n1,2025-01-01,1\n2,,1\n", "contacts", "row 2: date is empty; 1 of 2 rows"),
        ("customer,note\n1,x\n", "contacts", "no column looks like date"),
        ("channel,spend\ntv,1\nradio,much\n", "spend", "row 2: spend is not a number; 1 of 2 rows"),
        ("channel,spend\ntv,1\nradio,-5\n", "spend", "row 2: spend is below 0 or above 1e.15; 1 of 2 rows"),
        ("name,spend\ntv,1\n", "spend", "no column looks like the levers; call one 'lever'"),
        ("customer,nps\n", "surveys", "holds a header and no row"),
    ):
        bad.write_text(text)
        with pytest.raises(PurchasesError, match=wanted):
            CustomerBase.load(base.path, [tmp_path / "orders.csv"], beside={table: [bad]})
        assert base.path.read_bytes() == before
    with pytest.raises((PurchasesError, FolderError)):
        CustomerBase.load(base.path, [tmp_path / "orders.csv"], beside={"surveys": [tmp_path / "none.csv"]})


def test_ids_are_hashed_in_every_table(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a" * 32)
    base = loaded(tmp_path, hash_ids=tmp_path / "key")
    joined = base.query("SELECT count(*) FROM contacts SEMI JOIN purchases USING (customer_id)")[1]
    assert joined == [(2,)]
    assert b"X9" not in base.path.read_bytes()
    assert people_not_bought(base.path, base)[0] == 2


def test_what_is_downstream_of_them(tmp_path: Path) -> None:
    """Money of the last twelve months, by hand; people who are no customers; contracts."""
    base = loaded(tmp_path)
    found, notes = spending(base.path)
    year = [row for row in SPEND if row[0] > "2024-06-02" and row[1] == "retention"]
    assert {each.lever: each.yearly for each in found} == {  # twelve months, however many days they have
        name: pytest.approx(sum(row[3] for row in year)) for name in ("retention", "acquisition")
    }
    assert "12 rows before are left out" in " ".join(notes)
    assert people_not_bought(base.path, base)[0] == 2  # P1 and P2; 5 is a customer
    assert [(each.price, each.end is None) for each in memberships(base.path)[0]] == [(10.0, True), (12.0, False)]
    with pytest.raises(PurchasesError, match="this base has no table spend; `tenure base load` makes it"):
        spending(CustomerBase.create(tmp_path / "plain.duckdb", tmp_path / "orders.csv").path)


@pytest.mark.slow
def test_a_first_scenario_takes_money_and_people_from_the_base(tenure, tmp_path: Path) -> None:
    orders(tmp_path / "orders.csv")
    asked = [part for name, (file,) in files(tmp_path).items() for part in (f"--{name}", file)]
    code, out, err = tenure(
        "base", "load", tmp_path / "orders.csv", *asked, "--most-bad", "0.2", "-o", "b.duckdb", "--json"
    )
    assert (code, err) == (0, "")
    assert json.loads(out)["tables"]["contacts"]["rows"]["read"] == 7
    shown = tenure("base", "show", "b.duckdb")[1]
    assert "contacts: without customer" in shown
    done = calibrate("b.duckdb", "s.yaml")
    assert done.answers.prospects == 2
    assert {each.lever for each in done.answers.spend} == {"retention", "acquisition"}


def test_rows_of_customers_are_in_the_account(tmp_path: Path) -> None:
    """By hand: one without an id, one twice, one without purchases, two taken."""
    (tmp_path / "orders.csv").write_text("customer,date,amount\n" + "".join(f"{i},2024-01-0{i},5\n" for i in (1, 2, 3)))
    (tmp_path / "people.csv").write_text("customer,town\n1,Ulm\n,Bonn\n1,Kiel\n2,Jena\n77,Hof\n")
    for _ in range(2):  # the second load takes the place of the first
        base = CustomerBase.load(tmp_path / "b.duckdb", [tmp_path / "orders.csv"], people=[tmp_path / "people.csv"])
        rows = {outcome: n for outcome, n in base.tables["customers"].rows.items() if n}
        assert rows == {"taken": 2, "no_customer": 2, "doubled": 1}
        left = base.query('SELECT "row", outcome, reason FROM left_out ORDER BY "row"')[1]
        assert left == [(2, "no_customer", None), (3, "doubled", None), (5, "no_customer", "has no purchases")]
