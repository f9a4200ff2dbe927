"""What becomes of every row: one outcome each, in rows and money that add up, whatever is in the file."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from purchase_files import base_of, bought, left, lines_of

from sim.errors import FolderError, InputError, PurchasesError
from sim.purchases.base import CustomerBase
from sim.purchases.read.options import Reading

PLAIN = [(f"c{i % 60}", f"2023-{1 + i // 28:02d}-{1 + i % 28:02d}", 10 + i % 7 + i / 100) for i in range(300)]


def with_rows(*more: tuple[object, ...]) -> str:
    return lines_of([*PLAIN, *more], "customer,date,amount")


def test_line_items_are_price_times_quantity(tmp_path: Path) -> None:
    rows = [(1, "2024-01-01", "a", 2, 3.5), (1, "2024-01-01", "b", 1, 4), (2, "2024-01-02", "a", 3, 3.5)]
    base = base_of(tmp_path, lines_of(rows, "CustomerID,InvoiceDate,StockCode,Quantity,UnitPrice"))
    assert left(base) == {"taken": 2, "merged": 1}
    assert base.account.to_dict()["money"]["read"] == 21.5
    assert "a line's amount is UnitPrice times Quantity" in base.notes


def test_an_order_s_total_on_each_of_its_lines_counts_once(tmp_path: Path) -> None:
    rows = [(order, f"c{order % 7}", f"2024-01-{1 + order}", sku, 10 + order) for order in range(20) for sku in "abc"]
    base = base_of(tmp_path, lines_of(rows, "order_id,customer,date,sku,order_total"))
    assert base.account.to_dict()["money"]["read"] == sum(10 + order for order in range(20))
    assert any("counts once an order" in note for note in base.notes)


def test_an_order_given_back_whole_is_cancelled_in_all_its_lines(tmp_path: Path) -> None:
    """The order's total and what was given back stand on each of its lines; part of one is taken off once."""
    rows = [
        (order, f"c{order % 7}", f"2024-01-{1 + order}", sku, 10 + order, {3: 13, 4: 4}.get(order, 0))
        for order in range(20) for sku in "abc"
    ]  # fmt: skip
    base = base_of(tmp_path, lines_of(rows, "order_id,customer,date,sku,order_total,refunded_amount"))
    assert base.account.rows["cancelled"] == 3
    assert base.account.money("cancelled") == 13
    money = base.account.to_dict()["money"]
    assert money["taken"] + money["merged"] == sum(10 + order for order in range(20)) - 13 - 4
    assert any("13.00) were given back whole" in note for note in base.notes)


def test_money_in_a_large_unit_is_not_shown_as_nothing(tmp_path: Path) -> None:
    base = base_of(
        tmp_path, lines_of([(1, "2024-01-01", 0.000012), (2, "2024-01-02", 0.000023)], "customer,date,amount")
    )
    assert [row[2] for row in base.account.to_rows()] == ["0.0000350", "0.0000350"]


def test_an_amount_that_looks_like_a_unit_price_is_said(tmp_path: Path) -> None:
    rows = [(f"c{i % 9}", f"2024-01-{1 + i % 28:02d}", 1 + i % 4, 5 + i % 3) for i in range(60)]
    base = base_of(tmp_path, lines_of(rows, "customer,date,quantity,amount"))
    assert any("say `price=amount`" in note for note in base.notes)


RETURNS = {
    "in full": ([(1, "2024-01-01", 20), (1, "2024-02-01", 30), (1, "2024-02-05", -30)], [("1", "2024-01-01", 20.0)]),
    "the latest of its amount": (
        [(1, "2024-01-01", 30), (1, "2024-02-01", 30), (1, "2024-03-01", 5), (1, "2024-03-05", -30)],
        [("1", "2024-01-01", 30.0), ("1", "2024-03-01", 5.0)],
    ),
    "in part": ([(1, "2024-01-01", 20), (1, "2024-02-05", -5)], [("1", "2024-01-01", 15.0)]),
    "over two purchases": (
        [(1, "2024-01-01", 20), (1, "2024-01-02", 4), (1, "2024-02-05", -5)],
        [("1", "2024-01-01", 19.0)],
    ),
    "before anything was bought": ([(1, "2024-01-01", -5), (1, "2024-01-02", 4)], [("1", "2024-01-02", 4.0)]),
}


@pytest.mark.parametrize("kind", RETURNS)
def test_returns_are_set_against_purchases(tmp_path: Path, kind: str) -> None:
    rows, wanted = RETURNS[kind]
    base = base_of(tmp_path, lines_of(rows, "customer,date,amount"))
    assert bought(base) == wanted
    assert left(base)["returns"] == 1


def test_a_return_goes_to_its_own_order(tmp_path: Path) -> None:
    rows = [("A", 1, "2024-01-01", 20), ("B", 1, "2024-02-01", 20), ("A", 1, "2024-02-05", -8)]
    base = base_of(tmp_path, lines_of(rows, "order_id,customer,date,amount"))
    assert bought(base) == [("1", "2024-01-01", 12.0), ("1", "2024-02-01", 20.0)]


def test_returns_told_by_quantity_or_by_word(tmp_path: Path) -> None:
    rows = [(1, "2024-01-01", 2, 10), (1, "2024-01-05", -1, 10), (2, "2024-01-03", 1, 4)]
    assert left(base_of(tmp_path, lines_of(rows, "customer,date,quantity,amount"))) == {"taken": 2, "returns": 1}
    rows = [(1, "2024-01-01", "Sale", 10), (1, "2024-01-05", "Refund", 10), (2, "2024-01-03", "Sale", 4)]
    base = base_of(tmp_path, lines_of(rows, "customer,date,transaction type,amount"))
    assert bought(base) == [("2", "2024-01-03", 4.0)]
    assert "1 customers are in the files without a purchase left: 1 brought everything back" in base.notes


def test_margins_below_zero_are_values(tmp_path: Path) -> None:
    base = base_of(tmp_path, lines_of([(1, "2024-01-01", 5), (1, "2024-01-05", -2)], "customer,date,margin"))
    assert [amount for *_, amount in bought(base)] == [5.0, -2.0]


OUTCOMES = {
    "cancelled": (
        "status",
        [("done", "taken"), ("Cancelled", "cancelled"), ("storniert", "cancelled"), ("partially refunded", "taken")],
    ),
    "deals": ("stage", [("Closed Won", "taken"), ("Negotiation", "cancelled"), ("Closed Lost", "cancelled")]),
    "a day of cancelling": ("cancelled_at", [("", "taken"), ("2024-01-05", "cancelled")]),
}  # fmt: skip


@pytest.mark.parametrize("kind", OUTCOMES)
def test_what_was_undone_is_left_out(tmp_path: Path, kind: str) -> None:
    column, rows = OUTCOMES[kind]
    text = lines_of([(i, "2024-01-01", 5, word) for i, (word, _) in enumerate(rows)], f"customer,date,amount,{column}")
    base = base_of(tmp_path, text)
    found = base.query("SELECT outcome FROM lines ORDER BY id")[1]
    assert [outcome for (outcome,) in found] == [outcome for _, outcome in rows]


@pytest.mark.parametrize("word", ["None", "", "NaN", "guest", "GUEST", "0", "n/a", "NULL", "(not set)", "匿名"])
def test_placeholders_are_no_customers(tmp_path: Path, word: str) -> None:
    base = base_of(tmp_path, with_rows(*[(word, f"2023-02-{1 + i:02d}", 5) for i in range(20)]))
    assert left(base)["no_customer"] == 20
    assert base.customers == 60


def test_an_id_with_an_implausible_share_of_rows_is_no_customer(tmp_path: Path) -> None:
    text = with_rows(*[("99999", f"2023-{1 + i % 11:02d}-{1 + i % 28:02d}", 5 + i / 100) for i in range(80)])
    base = base_of(tmp_path, text)
    assert left(base)["no_customer"] == 80
    assert any("customer '99999' has 80 rows" in note for note in base.notes)
    assert "no_customer" not in left(base_of(tmp_path, text, placeholders=("nobody",)))


def test_customers_counted_from_0_are_customers(tmp_path: Path) -> None:
    rows = [(i % 20, f"2023-01-{1 + i % 28:02d}", i) for i in range(100)]
    assert base_of(tmp_path, lines_of(rows, "customer,date,amount")).customers == 20


@pytest.mark.parametrize("day", ["0029-12-01", "1899-12-30", "2204-01-03", "1970-01-01", "2029-06-01"])
def test_days_that_nobody_bought_on_are_out_of_range(tmp_path: Path, day: str) -> None:
    base = base_of(tmp_path, with_rows(("c1", day, 12.5)))
    found = base.account.to_dict()
    assert found["rows"]["out_of_range"] + found["rows"]["bad"] == 1
    assert (str(base.first_date), str(base.last_date)) == ("2023-01-01", "2023-11-20")


def test_ranges_can_be_given(tmp_path: Path) -> None:
    from datetime import date

    base = base_of(tmp_path, with_rows(), earliest=date(2023, 2, 1), latest=date(2023, 3, 1))
    assert (str(base.first_date), str(base.last_date)) == ("2023-02-01", "2023-03-01")


def test_copies_are_told_from_what_was_bought_twice(tmp_path: Path) -> None:
    assert left(base_of(tmp_path, with_rows(*PLAIN[:30])))["doubled"] == 30
    often = [(f"c{i % 9}", f"2023-01-{1 + i % 28:02d}", 9.99) for i in range(60)] * 2
    alike = base_of(tmp_path, lines_of(often, "customer,date,amount"))
    assert "doubled" not in left(alike)
    assert any("taken as bought twice; `doubled=drop`" in note for note in alike.notes)
    numbered = [(i, *row) for i, row in enumerate(often[:60])] * 2
    assert left(base_of(tmp_path, lines_of(numbered, "order_id,customer,date,amount")))["doubled"] == 60
    assert "doubled" not in left(base_of(tmp_path, with_rows(*PLAIN[:30]), doubled="keep"))


def test_other_currencies_are_refused_or_counted_or_turned(tmp_path: Path) -> None:
    rows = [(i % 9, f"2024-01-{1 + i % 28:02d}", 10, "EUR" if i % 3 else "USD") for i in range(60)]
    text = lines_of(rows, "customer,date,amount,currency")
    with pytest.raises(PurchasesError, match=r"2 currencies: EUR \(40 rows, 400.00\), USD \(20 rows, 200.00\)"):
        base_of(tmp_path, text)
    assert left(base_of(tmp_path, text, currency="EUR"))["other_currency"] == 20
    turned = base_of(tmp_path, text, currency="EUR", rates={"USD": 0.5})
    assert turned.account.to_dict()["money"]["read"] == 500.0
    with pytest.raises(PurchasesError, match="no amount is in `currency=CHF`"):
        base_of(tmp_path, text, currency="CHF")


def test_more_bad_rows_than_allowed_are_refused_with_the_first(tmp_path: Path) -> None:
    text = with_rows(*[("c1", "2023-01-01", "much")] * 20)
    with pytest.raises(PurchasesError, match=r"row 301, column 'amount': 'much' .* 20 of 320 rows \(6.2%\)"):
        base_of(tmp_path, text)
    base = base_of(tmp_path, text, most_bad=0.07)
    assert left(base)["bad"] == 20
    assert base.query("SELECT count(*), min(row), any_value(value) FROM bad")[1] == [(20, 301, "much")]


def test_a_file_counts_once_however_often_it_is_loaded(tmp_path: Path) -> None:
    first, more = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text(with_rows())
    more.write_text(lines_of([*PLAIN[200:], ("new", "2023-11-30", 3)], "customer,date,amount"))
    path = tmp_path / "base.duckdb"
    once = CustomerBase.load(path, [first, first])
    assert once.account.read == 300
    assert CustomerBase.load(path, first).account == once.account
    both = CustomerBase.load(path, more)
    assert left(both) == {"taken": 301, "doubled": 100}
    assert CustomerBase.load(path, [more, first]).account == both.account
    assert [source["file"] for source in both.sources] == ["a.csv", "b.csv"]


def test_a_load_that_fails_leaves_the_base_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(with_rows())
    (tmp_path / "bad.csv").write_text("customer,date,amount\n1,never,2\n")
    path = tmp_path / "base.duckdb"
    CustomerBase.load(path, tmp_path / "a.csv")
    before = path.read_bytes()
    with pytest.raises(PurchasesError):
        CustomerBase.load(path, [tmp_path / "bad.csv"])
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.csv", "bad.csv", "base.duckdb"]


def test_ids_are_hashed_by_a_key_and_stay_nowhere(tmp_path: Path) -> None:
    import hmac

    key, other = tmp_path / "key", tmp_path / "other"
    key.write_text("a" * 32)
    other.write_text("b" * 32)
    text = with_rows(("ann@shop.example", "2023-01-01", 5), ("None", "2023-01-01", 5), ("c1", "2023-01-01", "x"))
    base = base_of(tmp_path, text, hash_ids=key)
    wanted = hmac.new(b"a" * 32, b"ann@shop.example", "sha256").hexdigest()
    assert base.query(f"SELECT count(*) FROM purchases WHERE customer_id = '{wanted}'")[1] == [(1,)]
    assert left(base)["no_customer"] == 1
    assert b"ann@shop" not in base.path.read_bytes()
    for reading in (Reading(), Reading(hash_ids=other)):
        with pytest.raises(InputError, match="load into it in the same way"):
            CustomerBase.load(base.path, tmp_path / "in.csv", reading)
    with pytest.raises(FolderError, match="no key for hashed ids"):
        CustomerBase.load(base.path, tmp_path / "in.csv", Reading(hash_ids=tmp_path / "none"))


def test_a_query_can_read_the_base_and_nothing_else(tmp_path: Path) -> None:
    base = base_of(tmp_path, with_rows())
    assert base.query("SELECT count(*) AS n FROM purchases") == (["n"], [(300,)])
    for sql in (
        "DELETE FROM purchases", "SELECT 1; SELECT 2", "COPY purchases TO 'x.csv'", "ATTACH 'y.duckdb'",
        f"SELECT * FROM read_csv('{tmp_path}/in.csv')", f"SELECT * FROM '{tmp_path}/in.csv'", "SELECT nothing",
        "SET enable_external_access = true", "PRAGMA database_list", "",
    ):  # fmt: skip
        with pytest.raises(InputError):
            base.query(sql)


IDS = st.sampled_from(["a", "b", "c", "None", "", "0", "7"])
DATES = st.sampled_from(["2023-01-01", "2023-01-02", "2023-03-01", "2023-03-01 10:00", "2199-01-01", "soon", ""])
AMOUNTS = st.one_of(
    st.decimals(-60, 200, places=2, allow_nan=False).map(str),
    st.sampled_from(["10.00", "-10.00", "0", "x", "", "1e400"]),
)
ROWS = st.lists(
    st.tuples(st.sampled_from(["1", "2", "3", ""]), IDS, DATES, AMOUNTS, st.sampled_from(["ok", "void", ""])),
    max_size=25,
)


@given(ROWS, ROWS, st.sampled_from([None, "drop", "keep"]))
@settings(max_examples=8, deadline=None)
def test_the_table_adds_up_and_is_what_was_taken(rows: list, again: list, doubled: str | None) -> None:
    """The law: each row has one outcome, rows and money are the sums, and purchases what was taken net of returns."""
    anchor = [("9", "z", "2023-02-01", "500.00", "ok")] + [
        ("8", "y", f"2023-02-{d:02d}", "1.00", "ok") for d in (2, 3, 4)
    ]
    header = "order_id,customer,date,amount,status"
    with TemporaryDirectory() as folder:
        files = [Path(folder) / "a.csv", Path(folder) / "b.csv"]
        for file, content in zip(files, (anchor + rows, again + anchor), strict=True):
            file.write_text(lines_of(content, header), encoding="utf-8")
        distinct = 1 if files[0].read_bytes() == files[1].read_bytes() else 2
        base = CustomerBase.create(Path(folder) / "base.duckdb", files, reading=Reading(most_bad=1, doubled=doubled))
        read = len(anchor + rows) + (len(again + anchor) if distinct == 2 else 0)
        found = base.account.to_dict()
        assert found["rows"]["read"] == read == base.query("SELECT count(*) FROM lines")[1][0][0]
        assert sum(v for k, v in found["rows"].items() if k != "read") == read
        parts = sum(v for k, v in found["money"].items() if k != "read")
        assert parts == pytest.approx(found["money"]["read"], abs=1e-6)
        taken, back = (sum(base.account.money(k) for k in kinds) for kinds in (("taken", "merged"), ("returns",)))
        kept = sum(amount for *_, amount in bought(base))
        assert taken + back - 1e-6 <= kept <= taken + 1e-6
        unset = base.query("SELECT coalesce(-sum(amount), 0) FROM lines WHERE outcome = 'returns'")[1][0][0]
        assert kept >= taken - unset - 1e-6


def test_a_few_huge_amounts_that_are_most_of_the_money_are_said(tmp_path: Path) -> None:
    """By hand: 300 rows of 10 to 19 and one of 99,999; a customer who buys ten times the usual is nobody's slip."""
    said = [note for note in base_of(tmp_path, with_rows(("c1", "2023-05-05", 99999))).notes if "of the money" in note]
    assert len(said) == 1
    assert said[0].startswith(f"1 of 301 rows is {99999 / (99999 + sum(row[2] for row in PLAIN)):.1%} of the money")
    assert "row 301" in said[0]
    plain = base_of(tmp_path, with_rows(("c1", "2023-05-05", 140)))
    assert not any("of the money" in note for note in plain.notes)
