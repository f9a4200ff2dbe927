"""What would be misread in silence: rows that were brought back, nobody's rows, rounded ids, sums, hundredths."""

from pathlib import Path

import pytest
from purchase_files import base_of, bought, left, lines_of

from sim.errors import PurchasesError
from sim.purchases.base import CustomerBase
from sim.purchases.beside import memberships

SOLD = [(f"C{i % 5}", f"2024-0{1 + i % 9}-{10 + i % 15}", 10.0 + i) for i in range(30)]
MONEY = sum(amount for *_, amount in SOLD)


def total(base: CustomerBase) -> float:
    return sum(amount for *_, amount in bought(base))


@pytest.mark.parametrize(
    ("header", "no", "yes"),
    [("id,date,amount,is_return", "N", "Y"), ("Kunde,Datum,Betrag,Retoure", "nein", "ja"),
     ("id,date,amount,Returned At", "", "2024-11-03"), ("id,date,amount,Refunded", "0", "1")],
)  # fmt: skip
def test_rows_marked_as_returns_take_their_purchase_back(tmp_path: Path, header: str, no: str, yes: str) -> None:
    rows = [(*row, no) for row in SOLD] + [(who, "2024-12-01", amount, yes) for who, _, amount in SOLD[:3]]
    base = base_of(tmp_path, lines_of(rows, header))
    assert total(base) == pytest.approx(MONEY - sum(amount for *_, amount in SOLD[:3]))
    assert left(base)["returns"] == 3


def test_purchases_marked_as_returned_are_undone_themselves(tmp_path: Path) -> None:
    rows = [(*row, "yes" if i < 4 else "no") for i, row in enumerate(SOLD)]
    base = base_of(tmp_path, lines_of(rows, "id,date,amount,returned"))
    assert total(base) == pytest.approx(MONEY - sum(amount for *_, amount in SOLD[:4]))
    assert left(base)["cancelled"] == 4
    assert any("4 purchases (money 46.00) were brought back by column returned" in note for note in base.notes)


@pytest.mark.parametrize(
    ("order", "status"),
    [
        pytest.param(
            order, status, marks=[pytest.mark.slow] * (order != "own" and status in ("cancelled", "storniert"))
        )
        for order in ("same", "own", "none")
        for status in ("refunded", "cancelled", "Remboursée", "storniert")
    ],
)
def test_rows_below_zero_that_are_called_undone_take_their_purchase_back(
    tmp_path: Path, status: str, order: str
) -> None:
    sold = [(i, *row, "ok") for i, row in enumerate(SOLD)]
    back = [(i if order == "same" else f"R{i}", who, "2024-12-01", -amount, status)
            for i, (who, _, amount) in enumerate(SOLD[:3])]  # fmt: skip
    rows: list[tuple[object, ...]] = [*sold, *back, (77, "C1", "2024-11-01", 500, status)]
    header = "order,id,date,amount,status"
    if order == "none":
        rows, header = [row[1:] for row in rows], header.removeprefix("order,")
    base = base_of(tmp_path, lines_of(rows, header))
    assert total(base) == pytest.approx(MONEY - sum(amount for *_, amount in SOLD[:3]))
    assert (left(base)["returns"], left(base)["cancelled"]) == (3, 1)
    assert f"status {status} (3 rows) below zero is a return" in base.notes


@pytest.mark.parametrize("order", ["same", "own", "none"])
def test_rows_below_zero_that_take_back_what_is_cancelled_too_take_nothing_else(tmp_path: Path, order: str) -> None:
    sold = [(i, *row, "ok") for i, row in enumerate(SOLD)]
    part = -4.0 if order == "same" else -10.0
    void = [(90, "C0", "2024-10-01", 10.0, "storniert"),
            (90 if order == "same" else 91, "C0", "2024-10-02", part, "storniert")]  # fmt: skip
    failed = (92, "C1", "2024-10-03", -11.0, "refund failed")
    rows: list[tuple[object, ...]] = [*sold, *void, failed]
    header = "order,id,date,amount,status"
    if order == "none":
        rows, header = [row[1:] for row in rows], header.removeprefix("order,")
    base = base_of(tmp_path, lines_of(rows, header))
    assert (total(base), left(base)["cancelled"]) == (pytest.approx(MONEY), 3)
    assert any(
        f"1 rows below zero (money {part:.2f}) take back what is cancelled itself" in note for note in base.notes
    )


def test_lines_below_zero_of_an_order_are_said_to_be_taken_off_it_and_not_to_be_returns(tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [(i, *row, f"P{i}", 1) for i, row in enumerate(SOLD)]
    rows += [(i, *row[:2], -2.5, "VOUCHER", 1) for i, row in enumerate(SOLD[:4])]
    rows.append((7, SOLD[7][0], "2024-12-01", SOLD[7][2], "P7", -1))
    base = base_of(tmp_path, lines_of(rows, "order id,id,date,unit price,product,quantity"))
    assert total(base) == pytest.approx(MONEY - 4 * 2.5 - SOLD[7][2])
    assert any(note.startswith(f"1 returns (money {-SOLD[7][2]:.2f}) are set against") for note in base.notes)
    assert any("4 of the rows among returns (money -10.00) are lines below zero of an order" in n for n in base.notes)


def test_money_given_back_is_taken_off_in_whole_and_in_part(tmp_path: Path) -> None:
    rows = [(*row, [row[2], 4.5][i] if i < 2 else 0) for i, row in enumerate(SOLD)]
    base = base_of(tmp_path, lines_of(rows, "id,date,amount,Refunded Amount"))
    assert total(base) == pytest.approx(MONEY - 10.0 - 4.5)
    assert base.account.money("cancelled") == 10.0


@pytest.mark.parametrize(
    "word",
    ["Unregistered", "Kein Kunde", "CASH SALES", "Non renseigné", "noemail@noemail.com", "#REF!", "not provided",
     "00000000-0000-0000-0000-000000000000", "Unknown Customer", "Total",
     "Grand Total", "Total for 2024", "Sub-total amount", "Gesamtsumme", "合計"],
)  # fmt: skip
def test_nobody_in_more_words_and_lines_of_totals_are_no_customers(tmp_path: Path, word: str) -> None:
    base = base_of(tmp_path, lines_of([*SOLD, (word, "2024-12-01", MONEY)], "id,date,amount"))
    assert (total(base), left(base)["no_customer"]) == (pytest.approx(MONEY), 1)
    assert any(word in note for note in base.notes)


@pytest.mark.parametrize(
    "name", ["Nonna", "Noel", "Nobel AG", "Totalbau GmbH", "Barbara", "Guesthouse Ltd", "Total Wine & More"]
)
def test_names_that_begin_like_nobody_are_customers(tmp_path: Path, name: str) -> None:
    base = base_of(tmp_path, lines_of([*SOLD, (name, "2024-12-01", 7)], "customer,date,amount"))
    assert (base.customers, "no_customer" in left(base)) == (6, False)


def test_placeholders_in_capitals_or_not_are_no_customers_and_not_said_to_differ(tmp_path: Path) -> None:
    base = base_of(
        tmp_path, lines_of([*SOLD, ("Guest", "2024-12-01", 1), ("GUEST", "2024-12-02", 1)], "id,date,amount")
    )
    assert left(base)["no_customer"] == 2
    assert not any("in capitals alone" in note for note in base.notes)


def test_ids_that_a_spreadsheet_rounded_are_refused(tmp_path: Path) -> None:
    rows = [("1.23450E+11", day, amount) for _, day, amount in SOLD]
    with pytest.raises(PurchasesError, match=r"30 of 30 ids in column 'id' are rounded \(1.23450E\+11\)"):
        base_of(tmp_path, lines_of(rows, "id,date,amount"))


def test_ids_that_differ_in_capitals_alone_are_said(tmp_path: Path) -> None:
    rows = [(who if i % 2 else who.lower(), day, amount) for i, (who, day, amount) in enumerate(SOLD)]
    base = base_of(tmp_path, lines_of(rows, "id,date,amount"))
    assert any("5 ids in id differ from another in capitals alone" in note for note in base.notes)


def test_amounts_in_hundredths_are_divided_and_percentages_are_not(tmp_path: Path) -> None:
    rows = [(who, day, int(amount * 100)) for who, day, amount in SOLD]
    base = base_of(tmp_path, lines_of(rows, "id,date,amount_cents"))
    assert total(base) == pytest.approx(MONEY)
    (tmp_path / "base.duckdb").unlink()
    with pytest.raises(PurchasesError, match="no column looks like amount"):
        base_of(tmp_path, lines_of(rows, "id,date,percent"))


def test_thousands_written_as_letters_are_not_read_as_units(tmp_path: Path) -> None:
    rows = [(who, day, f"{amount / 1000:.5f}k" if i == 0 else amount) for i, (who, day, amount) in enumerate(SOLD)]
    base = base_of(tmp_path, lines_of(rows, "id,date,amount"))
    assert (left(base)["bad"], total(base)) == (1, pytest.approx(MONEY - SOLD[0][2]))


def test_signs_and_codes_of_one_currency_are_one(tmp_path: Path) -> None:
    rows = [(*row, "EUR" if i % 2 else "€") for i, row in enumerate(SOLD)]
    assert "other_currency" not in left(base_of(tmp_path, lines_of(rows, "id,date,amount,currency")))


def test_discounts_that_are_not_taken_off_are_said_in_money(tmp_path: Path) -> None:
    rows = [(*row, 2, 1.5) for row in SOLD]
    base = base_of(tmp_path, lines_of(rows, "id,date,price,qty,discount"))
    assert any("discount (30 rows, 45.00 in all) is not taken off 1,470.00" in note for note in base.notes)


def test_an_order_that_comes_twice_with_another_export_number_counts_once(tmp_path: Path) -> None:
    rows = [(f"O{i}", *row, run) for i, row in enumerate(SOLD) for run in ((1, 2) if i < 12 else (1,))]
    assert total(base_of(tmp_path, lines_of(rows, "order_id,id,date,amount,export"))) == pytest.approx(MONEY)


def test_the_only_column_of_days_is_taken_and_a_birthday_never_is(tmp_path: Path) -> None:
    rows = [(who, day, "1980-02-03", amount) for who, day, amount in SOLD]
    base = base_of(tmp_path, lines_of(rows, "id,when,date of birth,amount"))
    assert base.columns["date"] == "when"
    assert any("column when is taken for the day" in note for note in base.notes)


def test_lines_that_end_as_on_old_machines_are_read(tmp_path: Path) -> None:
    assert total(base_of(tmp_path, lines_of(SOLD, "id,date,amount").replace("\n", "\r"))) == pytest.approx(MONEY)


@pytest.mark.parametrize("names", ["Q1 2023,Q2 2023,Q3 2023", "2022,2023", "2023-01,2023-02", "January,February,March"])
def test_a_column_a_period_is_said_to_be_one(tmp_path: Path, names: str) -> None:
    many = names.count(",") + 1
    first, last = names.split(",")[0], names.split(",")[-1]
    rows = "".join(f"C{i},{','.join(['7'] * many)}\n" for i in range(20))
    (tmp_path / "wide.csv").write_text(f"customer,{names}\n{rows}")
    with pytest.raises(PurchasesError, match=f"{first!r} to {last!r} are periods of a calendar, a column each"):
        base_of(tmp_path, (tmp_path / "wide.csv").read_text())
    with pytest.raises(PurchasesError, match="give a row a contract with its start and end, or counts by age"):
        memberships(tmp_path / "wide.csv")
    with pytest.raises(PurchasesError, match="no column looks like date"):
        base_of(tmp_path, "customer,margin,market\nA,1,2\nB,3,4\n")


def test_the_day_is_taken_from_the_column_that_is_full(tmp_path: Path) -> None:
    """A shop's export says on the first line of an order alone when it was paid; it was placed on each line's day."""
    rows = [(f"#{i}", f"c{i % 7}", paid, f"2024-01-{1 + i}", total, 2, price) for i in range(20)
            for paid, total, price in ((f"2024-02-{1 + i:02d}", 10 + i, 4), ("", "", 1))]  # fmt: skip
    base = base_of(tmp_path, lines_of(rows, "Name,Email,Paid at,Created at,Total,Lineitem quantity,Lineitem price"))
    assert (base.columns["date"], base.last_date.isoformat()) == ("Created at", "2024-01-20")
    assert any(
        "Created at is taken for the day of the purchase: Paid at is empty in 50% of rows" in n for n in base.notes
    )
    assert base.account.to_dict()["money"]["read"] == sum(10 + i for i in range(20))
    whole = base_of(tmp_path, lines_of([row for row in rows if row[2]], "Name,Email,Paid at,Created at,Total,Q,P"))
    assert whole.columns["date"] == "Paid at"


def test_further_lines_of_an_order_are_cancelled_with_it(tmp_path: Path) -> None:
    """Day, status and total stand on the first line alone: further lines are no purchases of their own."""
    rows = [line for i in range(20) for line in (
        (f"#{i}", f"c{i % 7}", f"2024-02-{1 + i:02d}", "refunded" if i < 3 else "paid", 10 + i, 2, 4),
        (f"#{i}", f"c{i % 7}", "", "", "", 1, 1),
    )]  # fmt: skip
    base = base_of(
        tmp_path, lines_of(rows, "Name,Email,Paid at,Financial Status,Total,Lineitem quantity,Lineitem price")
    )
    assert left(base) == {"taken": 17, "merged": 17, "cancelled": 6}
    assert base.account.money("cancelled") == 33
    assert "20 further lines of orders have Paid at, Financial Status of the first line" in " ".join(base.notes)


def test_names_days_and_discounts_of_a_german_till(tmp_path: Path) -> None:
    """Day numbers with a decimal comma; a discount in per cent is no sum of money."""
    rows = [(f"K{i % 7}", f"{45300 + i},5", "1,50", 2, 10 if i % 2 else 0) for i in range(20)]
    base = base_of(tmp_path, lines_of(rows, "kdnr;vkdat;epreis;menge;rabatt prozent", separator=";"))
    assert (base.first_date.isoformat(), base.account.to_dict()["money"]["read"]) == ("2024-01-09", 60)
    said = next(note for note in base.notes if note.startswith("rabatt prozent"))
    assert "(10 rows) is in per cent and not taken off 60.00" in said


def test_of_returns_it_is_said_how_much_found_a_purchase(tmp_path: Path) -> None:
    rows = [*SOLD, ("C1", "2024-10-01", -5.0), ("C9", "2024-10-02", -7.0)]
    base = base_of(tmp_path, lines_of(rows, "customer,date,amount"))
    assert any("2 returns (money -12.00) are set against purchases, -5.00 of it" in note for note in base.notes)
    assert total(base) == MONEY - 5


def test_vouchers_are_told_from_what_was_brought_back(tmp_path: Path) -> None:
    rows = [(i, f"c{i % 7}", f"2024-01-{1 + i}", sku, 1, price) for i in range(20) for sku, price in (
        ("A", 10), *([("voucher", -2.5)] if i < 6 else []))]  # fmt: skip
    rows.append((3, "c3", "2024-02-11", "A", -1, 10))
    base = base_of(tmp_path, lines_of(rows, "order_id,customer,date,sku,qty,unit_price"))
    assert any(
        "6 of the rows among returns (money -15.00) are lines below zero of an order of that day" in n
        for n in base.notes
    )
    assert base.account.rows["returns"] == 7
    assert total(base) == 200 - 15 - 7.5
