"""Purchases without amounts: every day with one brings the mean that is said, where no amounts are there."""

from pathlib import Path

import pytest
from markets import orders
from purchase_files import base_of

from sim.customers.calibration import fit_gamma_gamma, fit_pareto_nbd, is_one_price
from sim.errors import InputError, PurchasesError
from sim.purchases.base import CustomerBase
from sim.purchases.read.options import Reading

DAYS = (
    "customer,date,status\nA,2024-01-02,paid\nA,2024-01-02,paid\nA,2024-03-04,cancelled\nA,2024-03-04,paid\n"
    + "".join(f"B{i},2024-0{1 + i % 9}-11,paid\n" for i in range(60))
)


def test_every_day_with_a_purchase_brings_the_mean(tmp_path: Path) -> None:
    with pytest.raises(PurchasesError, match=r"no column looks like amount; .*or what a purchase brings"):
        base_of(tmp_path, DAYS)
    (tmp_path / "days.csv").write_text(DAYS)
    base = CustomerBase.load(tmp_path / "b.duckdb", [tmp_path / "days.csv"], Reading(mean_amount=30.0))
    record = base.summarise(base.last_date)
    assert record.mean_amount_all.tolist() == [30.0] * 61
    assert record.purchases[0] == 2
    assert base.account.money("taken") + base.account.money("merged") == 30 * 62
    assert any("every day with a purchase brings 30, as said" in note for note in base.notes)


def test_the_law_of_buying_is_that_of_the_days_alone(tmp_path: Path) -> None:
    orders(tmp_path / "orders.csv")
    lines = (tmp_path / "orders.csv").read_text().splitlines()
    (tmp_path / "days.csv").write_text("\n".join(line.rpartition(";")[0] for line in lines) + "\n")
    whole = CustomerBase.create(tmp_path / "a.duckdb", tmp_path / "orders.csv")
    base = CustomerBase.create(tmp_path / "b.duckdb", tmp_path / "days.csv", reading=Reading(mean_amount=0.5))
    one, other = (fit_pareto_nbd(each.summarise(each.last_date)) for each in (whole, base))
    assert vars(one) == vars(other)
    amounts = fit_gamma_gamma(base.summarise(base.last_date))
    assert is_one_price(amounts)
    assert amounts.mean_spend() == pytest.approx(0.5)


@pytest.mark.parametrize("mean", [0.0, -3.0, float("nan"), 1e15])
def test_a_mean_that_is_none_is_refused(tmp_path: Path, mean: float) -> None:
    (tmp_path / "days.csv").write_text(DAYS)
    with pytest.raises(InputError, match="expected money above 0"):
        CustomerBase.load(tmp_path / "b.duckdb", [tmp_path / "days.csv"], Reading(mean_amount=mean))


def test_amounts_that_are_there_are_taken(tmp_path: Path) -> None:
    for name in ("revenue", "unit price"):
        (tmp_path / "in.csv").write_text(f"customer,date,{name}\nA,2024-01-02,9\nB,2024-01-03,8\n")
        with pytest.raises(InputError, match=f"holds amounts, in column '{name}'"):
            CustomerBase.load(tmp_path / "b.duckdb", [tmp_path / "in.csv"], Reading(mean_amount=3.0))
