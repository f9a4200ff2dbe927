"""From a file of purchases to each customer's record."""

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest

from sim.errors import FolderError, PurchasesError
from sim.purchases.base import CDNOW_PURCHASES, CustomerBase

SMALL = """client,order_date,revenue
b,2024-01-01,10
b,2024-01-15,4
b,2024-01-15,6.5
b,2024-02-05,20
a,2024-01-08,7
a,2024-01-08,3
c,2024-01-02,6
c,2024-01-30,-1
c,2024-03-01,1
"""


def make(tmp_path: Path, text: str, name: str = "purchases.csv", **columns: str) -> CustomerBase:
    source = tmp_path / name
    source.write_text(text, encoding="utf-8")
    return CustomerBase.create(tmp_path / "base.duckdb", source, columns or None)


def test_records_of_a_small_base(tmp_path: Path) -> None:
    base = make(tmp_path, SMALL)
    assert dict(base.columns) == {"customer_id": "client", "date": "order_date", "amount": "revenue"}
    assert (base.rows, base.customers, base.account.rows["returns"]) == (8, 3, 1)
    assert (base.first_date, base.last_date) == (date(2024, 1, 1), date(2024, 3, 1))
    record = base.summarise(date(2024, 2, 5))
    assert record.customer_id.tolist() == ["a", "b", "c"]
    assert record.frequency.tolist() == [0, 2, 0]
    assert record.purchases.tolist() == [1, 3, 1]
    assert record.recency.tolist() == [0.0, 5.0, 0.0]
    assert record.age.tolist() == [4.0, 5.0, 34 / 7]
    assert record.silent_weeks.tolist() == [4.0, 0.0, 34 / 7]
    assert record.mean_spend.tolist() == [0.0, 15.25, 0.0]
    assert record.mean_amount_all.tolist() == [10.0, 40.5 / 3, 5.0]
    assert base.bought_between(date(2024, 2, 4), date(2024, 3, 1), record)[0].tolist() == [0, 1, 1]
    assert base.bought_between(date(2024, 3, 1), date(2024, 4, 1), record)[0].tolist() == [0, 0, 0]
    came = base.query("SELECT customer_id, sum(amount) FROM purchases WHERE date > DATE '2024-02-04' GROUP BY ALL")[1]
    paid = base.bought_between(date(2024, 2, 4), date(2024, 3, 1), record)[1]
    assert paid.tolist() == [dict(came).get(who, 0.0) for who in record.customer_id.tolist()]


def test_start_keeps_customers_won_since_then_with_their_whole_record(tmp_path: Path) -> None:
    base = make(tmp_path, SMALL)
    record = base.summarise(date(2024, 3, 1), start=date(2024, 1, 2))
    assert record.customer_id.tolist() == ["a", "c"]
    assert record.frequency.tolist() == [0, 1]
    with pytest.raises(PurchasesError, match="no customer first bought from 2024-02-01"):
        base.summarise(date(2024, 3, 1), start=date(2024, 2, 1))


def test_weekly_cumulative_repeat_ends_its_last_week_on_the_day_asked(tmp_path: Path) -> None:
    base = make(tmp_path, SMALL)
    # weeks end on 4, 11, 18, 25 January and 1, 8 February; repeats on 15 January and 5 February
    assert base.weekly_cumulative_repeat(date(2024, 2, 8)).tolist() == [0, 0, 1, 1, 1, 2]
    assert base.weekly_cumulative_repeat(date(2024, 3, 1), acquired_by=date(2024, 1, 1))[-1] == 2
    assert base.weekly_cumulative_repeat(date(2024, 3, 1), start=date(2024, 1, 2))[-1] == 1
    assert base.weekly_cumulative_repeat(date(2023, 1, 1)).tolist() == []


def test_record_arrays_cannot_be_changed(tmp_path: Path) -> None:
    record = make(tmp_path, SMALL).summarise(date(2024, 3, 1))
    with pytest.raises(ValueError, match="read-only"):
        record.frequency[0] = 3
    assert record.to_frame().shape == (3, 8)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [(("10", "9", "-2"), [-2, 9, 10]), (("10", "09", "9"), ["09", "10", "9"]), (("1", "2", "x"), ["1", "2", "x"])],
)
def test_ids_are_numbers_only_if_all_are_plain_whole_numbers(
    tmp_path: Path, ids: tuple[str, ...], expected: list[object]
) -> None:
    text = "id,date,amount\n" + "".join(f"{name},2024-01-01,1\n" for name in ids)
    found = make(tmp_path, text).summarise(date(2024, 1, 1)).customer_id
    assert found.tolist() == expected
    assert found.dtype == (np.int64 if isinstance(expected[0], int) else np.dtype(object))


def test_dates_separators_and_odd_names_are_read(tmp_path: Path) -> None:
    text = "Customer ID;Order Date;Total;Sample\n1;2024-01-01 23:59:00;1e1;1\n1;20240108;2;true\n2;2024-01-08;2;no\n"
    base = make(tmp_path, text, name="it's [1]*.csv")
    assert base.columns["customer_id"] == "Customer ID"
    assert base.summarise(date(2024, 1, 8)).age.tolist() == [1.0, 0.0]
    assert base.summarise(date(2024, 1, 8), sample_only=True).customer_id.tolist() == [1]


def test_windows_line_ends_quotes_and_a_blank_last_line_are_read(tmp_path: Path) -> None:
    text = '\ufeffid,date,amount,note\r\n1,2024-01-01,2,"a, b"\r\n2,2024-01-02,"3",\r\n\r\n'
    base = make(tmp_path, text)
    assert (base.rows, base.customers) == (2, 2)


def test_columns_can_be_named_and_parquet_is_read(tmp_path: Path) -> None:
    source = tmp_path / "p.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT 5 AS who, DATE '2024-01-01' + 7 * CAST(i AS INTEGER) AS bought, "
            f"CAST(2.5 AS DECIMAL(9, 2)) AS paid, i AS amount FROM range(3) t(i)) TO '{source}' (FORMAT parquet)"
        )
    columns = {"customer_id": "who", "date": "bought", "amount": "paid"}
    record = CustomerBase.create(tmp_path / "base.duckdb", source, columns).summarise(date(2024, 2, 1))
    assert record.recency.tolist() == [2.0]
    assert record.mean_spend.tolist() == [2.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("customer_id,date,amount\n", "holds a header and no purchases"),
        ("customer_id,date,cost\n1,2024-01-01,2\n", "no column looks like amount.*columns are customer_id, date, cost"),
        ("id,date,amount\n1,2024-01-01,2\n1,31/31/2024,2\n", "row 2, column 'date': '31/31/2024' is not a date"),
        (
            "id,date,amount\n1,2024-02-30,2\n",
            "no column looks like date; 'date' is called so, but hardly any of its values is a",
        ),
        ("id,date,amount\n1,2024-01-01,2\n1,2024-01-01,two\n", "row 2, column 'amount': 'two' is not a number"),
        ("id,date,amount\n1,2024-01-01,nan\n", "row 1, column 'amount': 'nan' is not a number"),
        ("id,date,amount\n1,2024-01-01,\n", "row 1, column 'amount': an empty value is not a number"),
        ("id,date,amount\n,2024-01-01,2\n,2024-01-02,2\n", "no purchase is left of 2 rows: 2 no customer"),
        ("id,date,amount\n1,2024-01-01,-2\n", "every row is a return: every amount is negative"),
        ("id,date,amount,quantity\n1,2024-01-01,2,1\n1,2024-01-02,2,few\n", "column 'quantity': 'few' is not a number"),
        ("id,date,amount,in_sample\n1,2024-01-01,2,maybe\n", "row 1, column 'in_sample': 'maybe' is not true or false"),
        (
            "id,date,amount,in_sample\n1,2024-01-01,2,true\n1,2024-01-02,2,false\n",
            "customer 1 is in the sample in some",
        ),
        (
            "id,date,amount\n1,2024-01-01,2\n1,2024-01-01,2,3,4\n",
            "row 3: Expected Number of Columns: 3 Found: 4; 1 of 2 ",
        ),
        ("id,date,amount\n1,2024-01-01\n1,2024-01-01,2\n", r"1 of 2 rows \(50.0%\) cannot be read"),
        ("id,date,id\n1,2024-01-01,2\n", "the header has column 'id' twice"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line_and_leaves_nothing(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PurchasesError, match=message) as caught:
        make(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["purchases.csv"]


def test_empty_quantity_is_allowed(tmp_path: Path) -> None:
    assert make(tmp_path, "id,date,amount,qty\n1,2024-01-01,2,\n1,2024-01-02,2,3\n").columns["quantity"] == "qty"


def test_columns_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        PurchasesError, match="no column 'who' for customer_id; the columns are client, order_date, rev"
    ):
        make(tmp_path, SMALL, customer_id="who")
    with pytest.raises(PurchasesError, match="unknown column role 'colour'; the roles are customer_id, date, amount"):
        make(tmp_path, SMALL, colour="revenue")
    with pytest.raises(PurchasesError, match="'revenue' is given for amount and price; one column plays one role"):
        make(tmp_path, SMALL, amount="revenue", price="revenue")


def test_a_failed_creation_keeps_the_old_base(tmp_path: Path) -> None:
    make(tmp_path, SMALL)
    with pytest.raises(PurchasesError):
        make(tmp_path, "id,date,amount\n1,never,2\n")
    assert CustomerBase.open(tmp_path / "base.duckdb").customers == 3
    assert make(tmp_path, "id,date,amount\n1,2024-01-01,2\n").customers == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base.duckdb", "purchases.csv"]


def test_places_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(PurchasesError, match="no such file"):
        CustomerBase.create(tmp_path / "base.duckdb", tmp_path / "none.csv")
    with pytest.raises(FolderError, match="is not a folder; make it first"):
        CustomerBase.create(tmp_path / "none" / "base.duckdb", CDNOW_PURCHASES)
    with pytest.raises(FolderError, match="it is a folder"):
        CustomerBase.create(tmp_path, CDNOW_PURCHASES)
    with pytest.raises(FolderError, match="no such customer base"):
        CustomerBase.open(tmp_path / "base.duckdb")
    (tmp_path / "text.duckdb").write_text("not a base" * 1000)
    with pytest.raises(FolderError, match="is not a customer base"):
        CustomerBase.open(tmp_path / "text.duckdb")
    duckdb.connect(str(tmp_path / "other.duckdb")).close()
    with pytest.raises(FolderError, match="is not a customer base"):
        CustomerBase.open(tmp_path / "other.duckdb")


def test_cdnow_has_the_published_size(cdnow: CustomerBase) -> None:
    assert (cdnow.rows, cdnow.customers, cdnow.account.read) == (69_659, 23_570, 69_659)
    assert (cdnow.first_date, cdnow.last_date) == (date(1997, 1, 1), date(1998, 6, 30))
    sample = cdnow.summarise(date(1997, 9, 30), sample_only=True)
    assert (len(sample), int((sample.frequency == 0).sum()), int(sample.frequency.sum())) == (2357, 1411, 2457)
    assert sample.customer_id[:4].tolist() == [4, 18, 21, 50]
    weekly = cdnow.weekly_cumulative_repeat(date(1998, 6, 30), sample_only=True)
    assert (len(weekly), weekly[38], weekly[77]) == (78, 2457, 4339)
    assert cdnow.bought_between(date(1997, 9, 30), date(1998, 6, 30), sample)[0].sum() == 4339 - 2457


# master id: x, t_x, T, mean repeat spend, from the summary that ships with lifetimes 0.11.3 (two decimals)
CDNOW_RECORDS = {
    4: (2, 30.43, 38.86, 22.35),
    21: (1, 1.71, 38.86, 11.77),
    50: (0, 0.00, 38.86, 0.00),
    111: (7, 29.43, 38.86, 73.74),
    1252: (1, 23.86, 38.29, 26.22),
    10447: (4, 24.43, 33.57, 16.26),
    15562: (26, 30.86, 31.00, 39.97),
    20330: (0, 0.00, 28.86, 0.00),
    23569: (0, 0.00, 27.00, 0.00),
}


@pytest.mark.parametrize("customer", sorted(CDNOW_RECORDS))
def test_cdnow_records_agree_with_a_published_summary(cdnow: CustomerBase, customer: int) -> None:
    record = cdnow.summarise(date(1997, 9, 30))
    i = int(np.searchsorted(record.customer_id, customer))
    found = (record.frequency[i], record.recency[i], record.age[i], record.mean_spend[i])
    assert found == pytest.approx(CDNOW_RECORDS[customer], abs=0.00501)
