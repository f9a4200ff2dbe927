"""Files of returns without a sign, told by columns, orders or their own names; what only looks so is kept."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from purchase_files import left, lines_of

from sim.purchases.base import CustomerBase
from sim.purchases.read.options import Reading

SOLD = [(i, f"C{i % 6}", date(2024, 1, 1) + timedelta(5 * i), 10.0 + i) for i in range(40)]
BACK = [(order, who, day + timedelta(7), amount) for order, who, day, amount in SOLD[::5]]
MONEY, LESS = sum(row[3] for row in SOLD), sum(row[3] for row in BACK)
PLAIN = "order_id,customer_id,date,amount"


def both(
    folder: Path, rows: list[tuple[object, ...]], header: str, name: str, first: str = PLAIN, **reading: Any
) -> CustomerBase:
    sold = SOLD if "order" in first else [row[1:] for row in SOLD]
    (folder / "orders.csv").write_text(lines_of(list(sold), first), encoding="utf-8")
    (folder / name).write_text(lines_of(rows, header), encoding="utf-8")
    return CustomerBase.create(folder / "b.duckdb", [folder / "orders.csv", folder / name], reading=Reading(**reading))


def kept(base: CustomerBase) -> float:
    return float(base.query("SELECT sum(amount) FROM purchases")[1][0][0])


@pytest.mark.parametrize(
    ("header", "name"),
    [(PLAIN, "b.csv"), ("order_id,customer_id,return_date,refund_amount", "b.csv"),
     ("Bestellnummer,Kundennummer,Rückgabedatum,Erstattungsbetrag", "b.csv"),
     ("order_id,customer_id,return_date,amount", "b.csv"), (PLAIN, "Retouren 2024.csv")],
)  # fmt: skip
def test_a_file_of_returns_takes_back_what_another_sold(tmp_path: Path, header: str, name: str) -> None:
    base = both(tmp_path, list(BACK), header, name)
    assert kept(base) == pytest.approx(MONEY - LESS)
    assert (left(base)["returns"], base.account.money("returns"), base.account.read) == (8, -LESS, 48)
    said = (*base.remarks, *(note for source in base.sources for note in source["notes"]))
    assert any("return" in note and "`negative=values` makes them purchases" in note for note in said)
    again = CustomerBase.load(base.path, tmp_path / name)
    assert kept(again) == pytest.approx(MONEY - LESS)
    assert kept(both(tmp_path, list(BACK), header, name, negative="values")) == pytest.approx(MONEY + LESS)


def test_returns_that_come_first_take_back_what_is_loaded_later(tmp_path: Path) -> None:
    for name, rows in (("b.csv", BACK), ("orders.csv", SOLD)):
        (tmp_path / name).write_text(lines_of(list(rows), PLAIN), encoding="utf-8")
        base = CustomerBase.load(tmp_path / "b.duckdb", tmp_path / name)
    assert kept(base) == pytest.approx(MONEY - LESS)


@pytest.mark.parametrize("name", ["returns.csv", "more.csv", "after_returns.csv"])
def test_without_numbers_of_orders_the_name_of_the_file_tells(tmp_path: Path, name: str) -> None:
    rows: list[tuple[object, ...]] = [(who, day, amount / 2) for _, who, day, amount in BACK]
    base = both(tmp_path, rows, "customer_id,date,amount", name, "customer_id,date,amount")
    sign = -0.5 if name == "returns.csv" else 0.5
    assert kept(base) == pytest.approx(MONEY + sign * LESS)


def test_what_only_looks_like_returns_stays_and_payments_are_asked_about(tmp_path: Path) -> None:
    later: list[tuple[object, ...]] = [(i, who, day + timedelta(9), x) for i, who, day, x in SOLD[:30]]
    paid = both(tmp_path, later, PLAIN, "b.csv")
    assert kept(paid) == pytest.approx(MONEY + sum(row[3] for row in SOLD[:30]))
    assert any("as payments would and returns: they count as purchases" in note for note in paid.remarks)
    new: list[tuple[object, ...]] = [(100 + i, who, day, x) for i, who, day, x in BACK]
    assert kept(both(tmp_path, new, PLAIN, "b.csv")) == pytest.approx(MONEY + LESS)
    assert kept(both(tmp_path, list(SOLD[:8]), PLAIN, "b.csv")) == pytest.approx(MONEY)  # another export of the same
