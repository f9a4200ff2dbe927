"""The customer base on the command line: files in, what became of them, questions to it, and a scenario from it."""

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from markets import orders
from purchase_files import lines_of

KEYS = [
    "read",
    "taken",
    "merged",
    "returns",
    "cancelled",
    "no_customer",
    "doubled",
    "out_of_range",
    "other_currency",
    "bad",
]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Write a shop's file with a bit of everything, and return it."""
    lines = orders(tmp_path / "orders.csv").read_text(encoding="utf-8").splitlines()
    more = ["None;2024-02-01;5", "7;2205-01-01;5", f"{lines[40].rpartition(';')[0]};-1.50", "7;2024-03-03;few"]
    file = tmp_path / "orders.csv"
    file.write_text("\n".join(lines + more) + "\n", encoding="utf-8")
    return file


def test_load_says_what_became_of_every_row(tenure, shop) -> None:
    code, out, err = tenure("base", "load", "orders.csv", "-o", "base.duckdb", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert list(found["rows"]) == list(found["money"]) == KEYS
    rows = found["rows"]
    assert rows["read"] == len(shop.read_text(encoding="utf-8").splitlines()) - 1
    assert rows["read"] == sum(rows[key] for key in KEYS[1:])
    assert [rows[key] for key in ("returns", "no_customer", "out_of_range", "bad")] == [1, 1, 1, 1]
    assert found["money"]["read"] == pytest.approx(sum(found["money"][key] for key in KEYS[1:]))
    assert (found["customers"], found["from"]) == (400, "2024-01-01")
    assert found["columns"] == {"customer_id": "client", "date": "order_date", "amount": "revenue"}
    assert found["dialect"]["separator"] == ";"
    assert any("--earliest" in note for note in found["notes"])
    again = json.loads(tenure("base", "load", "orders.csv", "-o", "base.duckdb", "--json")[1])
    assert (again["rows"], again["money"]) == (found["rows"], found["money"])


def test_load_show_and_calibrate_print_one_table(tenure, shop) -> None:
    code, out, err = tenure("base", "load", "orders.csv")
    assert (code, err) == (0, "")
    assert "returns, set against purchases" in out
    assert "Next: tenure calibrate base.duckdb -o scenario.yaml" in out
    table = out[out.index("rows ") : out.index("The base has")]
    shown = tenure("base", "show", "base.duckdb")[1]
    assert table in shown
    assert "Table purchases: customer_id, date, quantity, amount, in_sample" in shown
    fitted = tenure("calibrate", "orders.csv", "-o", "one.yaml")[1]
    assert table in fitted
    code, out, err = tenure("calibrate", "base.duckdb", "-o", "two.yaml")
    assert (code, err) == (0, "")
    assert table in out
    one, two = (json.loads(tenure("check", f"{name}.yaml", "--json")[1]) for name in ("one", "two"))
    assert one["reference_spend"] == two["reference_spend"]


def test_query_reads_and_does_nothing_else(tenure, shop) -> None:
    tenure("base", "load", "orders.csv")
    code, out, _ = tenure("base", "query", "SELECT count(DISTINCT customer_id) AS n FROM purchases", "--json")
    assert (code, json.loads(out)) == (0, {"columns": ["n"], "rows": [[400]]})
    out = tenure("base", "query", 'SELECT row, "column", value FROM bad')[1]
    assert out.splitlines()[-1].split() == [str(len(shop.read_text().splitlines()) - 1), "amount", "few"]
    assert "more rows; -o FILE writes all" in tenure("base", "query", "SELECT * FROM purchases")[1]
    for sql in ("DROP TABLE purchases", "SELECT * FROM read_text('orders.csv')"):
        code, out, err = tenure("base", "query", sql)
        assert (code, out, err.count("\n")) == (2, "", 1)


MISTAKES = {
    "no file": (("none.csv",), "no such file"),
    "no role": (("orders.csv", "--column", "colour=x"), "unknown column role 'colour'"),
    "no pair": (("orders.csv", "--rate", "USD"), "expected CODE=WORTH"),
    "no number": (("orders.csv", "--rate", "USD=much"), "expected a number"),
    "a rate into nothing": (("orders.csv", "--rate", "USD=1.1"), "say which that is (--currency)"),
    "a separator of two": (("orders.csv", "--separator", ";;"), "expected one character"),
    "no choice": (("orders.csv", "--doubled", "maybe"), "expected drop or keep"),
    "one column twice": (("orders.csv", "--amount", "revenue", "--price", "revenue"), "one column plays one role"),
    "no column": (("orders.csv", "--customer", "who"), "no column 'who' for customer_id"),
    "too many bad rows": (("orders.csv", "--most-bad", "0"), "--most-bad 0.01 goes on without them"),
    "over itself": (("orders.csv", "-o", "orders.csv"), "cannot write orders.csv"),
    "no base": (("orders.csv", "-o", "text.duckdb"), "text.duckdb"),
    "no key": (("orders.csv", "--hash-ids", "none"), "openssl rand -hex 32"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistakes_are_one_line_and_change_nothing(tenure, shop, tmp_path, kind) -> None:
    (tmp_path / "text.duckdb").write_text("no base", encoding="utf-8")
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    words, said = MISTAKES[kind]
    code, out, err = tenure("base", "load", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_options_of_reading_reach_the_reader(tenure, tmp_path) -> None:
    rows = [
        (f"c{i % 9}", f"{1 + i % 12:02d}/{1 + i % 9:02d}/2023", f"{i},5", "x" if i % 5 else "gone") for i in range(90)
    ]
    (tmp_path / "in.txt").write_text(lines_of(rows, "Title\nwho|when|much|how", "|"), encoding="utf-8")
    code, out, err = tenure(
        "base", "load", "in.txt", "--customer", "who", "--date", "when", "--amount", "much", "--column", "status=how",
        "--separator", "|", "--decimal", ",", "--date-format", "%d/%m/%Y", "--title-lines", 1, "--cancelled", "gone",
        "--placeholders", "c3", "--json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["rows"]["cancelled"], found["customers"], found["to"]) == (18, 8, "2023-09-12")


def test_calibrate_says_what_a_base_cannot_be_asked(tenure, tmp_path) -> None:
    random, begin = np.random.default_rng(1), date(2022, 1, 1)
    rows = []
    for who in range(120):  # one price, more than one purchase a customer
        for day in np.sort(random.choice(700, 1 + who % 6, replace=False)):
            rows.append((who, begin + timedelta(days=int(day)), 9.99))
    (tmp_path / "one.csv").write_text(lines_of(rows, "customer,date,amount"), encoding="utf-8")
    code, out, err = tenure("calibrate", "one.csv", "--json")
    assert (code, err) == (0, "")
    assert any("every purchase brings 9.99: there is one price" in note for note in json.loads(out)["notes"])
    assert tenure("check", "scenario.yaml")[0] == 0
    code, _, err = tenure("calibrate", "one.csv", "--as-of", "2030-01-01", "--force")
    assert code == 2
    assert "--as-of 2030-01-01: the last purchase is of" in err
    once = [(who, begin + timedelta(days=who), 5) for who in range(90)]
    (tmp_path / "once.csv").write_text(lines_of(once, "id,date,amount"), encoding="utf-8")
    code, _, err = tenure("calibrate", "once.csv", "-o", "once.yaml")
    assert code == 2
    assert "nobody bought on a second day until 2022-03-31: each of the 90 customers, column 'id'" in err
    assert not (tmp_path / "once.duckdb").exists()
