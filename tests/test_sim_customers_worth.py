"""Worth by the formulas of the textbooks: against sums written out, published multiples, and purchases by hand."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from sim.customers.purchase_models import GammaGamma, ParetoNBD
from sim.customers.segment_laws import of_all
from sim.customers.worth import (
    DISCOUNT,
    TIMINGS,
    course_of,
    customer_value,
    margin_multiple,
    verification_value,
    worth_by_class,
)  # fmt: skip
from sim.errors import InputError
from sim.purchases.base import CustomerBase

LATER, STAYED, THERE = (
    "now, and after each period by who stayed", "after each period, by who stayed",
    "after each period, by who was there at its start",
)  # fmt: skip
BUYING, AMOUNTS = ParetoNBD(0.9, 6.0, 0.8, 12.0), GammaGamma(4.0, 4.0, 30.0)


def test_a_margin_for_ever_is_the_sum_of_its_payments() -> None:
    """By formula 1 over 2,000 periods, at each timing; and the published 240 and multiples."""
    assert set(TIMINGS) == {LATER, STAYED, THERE}
    retention, discount = 0.84, 0.12
    there = retention ** np.arange(2_000.0)
    for timing, paid in (
        (LATER, there), (STAYED, np.append(0.0, there[1:])), (THERE, np.append(0.0, there[:-1])),
    ):  # fmt: skip
        assert margin_multiple(retention, discount, timing) == pytest.approx(customer_value(paid, discount), rel=1e-12)
    assert 80 * margin_multiple(0.84, 0.12, STAYED) == pytest.approx(240)
    found = [round(margin_multiple(r, 0.12, STAYED), 2) for r in (0.6, 0.7, 0.8, 0.9)]
    assert found == [1.15, 1.67, 2.5, 4.09]
    with pytest.raises(InputError, match="expected one of now, and after"):
        margin_multiple(0.8, 0.1, "soon")
    with pytest.raises(InputError, match="not 1 and 0 at once"):
        margin_multiple(1.0, 0.0, THERE)


def test_the_verification_value_counts_whole_cycles() -> None:
    cycle, amount = np.array([0.4, 2.0, 5.0]), np.array([10.0, 30.0, 7.0])
    by_hand = [sum(10 / 1.1 ** (0.4 * n) for n in range(1, 8)), 30 / 1.1**2, 0.0]
    np.testing.assert_allclose(verification_value(cycle, amount, 3.0, 0.1), by_hand, rtol=1e-12)
    np.testing.assert_allclose(verification_value(cycle, amount, 3.0, 1e-9), [70, 30, 0], rtol=1e-6)
    np.testing.assert_array_equal(verification_value(cycle, amount, 3.0, 0.0), [70, 30, 0])


def test_trend_and_volatility_leave_the_first_purchase_out(tmp_path: Path) -> None:
    """Quarters of 91 days up to 2024-12-31: one customer rises by 10 each, one is even, one came a quarter ago."""
    ends = [date.fromordinal(date(2024, 12, 31).toordinal() - 91 * k) for k in range(8)][::-1]
    rows = [f"A,{day},{10 * (k + 1)}" for k, day in enumerate(ends)] + [f"B,{day},5" for day in ends]
    rows += ["A,2022-01-05,900", "B,2022-01-05,5", "C,2024-09-01,5", "C,2024-12-01,5"]
    (tmp_path / "in.csv").write_text("\n".join(["id,date,amount", *rows]) + "\n")
    base = CustomerBase.create(tmp_path / "base.duckdb", tmp_path / "in.csv")
    record = base.summarise(date(2024, 12, 31))
    course = course_of(base, record)
    np.testing.assert_array_equal(course.money[0], 10.0 * np.arange(1, 9))
    assert course.trend[:2] == pytest.approx([10 / 45, 0.0])
    assert course.volatility[:2] == pytest.approx([np.std(10.0 * np.arange(1, 9), ddof=1) / 45, 0.0])
    assert np.isnan(course.money[2]).sum() == 7
    assert np.isnan(course.trend[2])
    [one] = worth_by_class(("all",), np.zeros(3, dtype=np.int64), record, of_all(BUYING, AMOUNTS, 3), course)
    assert (one.again, one.trend) == (1.0, pytest.approx(5 / 45))
    amount = AMOUNTS.conditional_mean_spend(record.purchases, record.mean_amount_all)
    to = [
        BUYING.conditional_expected_purchases(52.0 * year, record.frequency, record.recency, record.age)
        for year in range(4)
    ]
    years = [float(((to[k + 1] - to[k]) * amount).mean()) / (1 + DISCOUNT) ** (k + 0.5) for k in range(3)]
    assert one.posterior == pytest.approx(sum(years))
    assert one.posterior < one.verification
    seen = record.frequency, record.recency, record.age
    alive = BUYING.probability_alive(*seen)
    kept = [((12 + age) / (12 + age + 52)) ** 0.8 for age in record.age]
    assert one.retention == pytest.approx(np.average(kept, weights=alive))
    each = 52 * BUYING.mean_purchase_rate(*seen) * amount
    assert one.yearly == pytest.approx(np.average(each, weights=alive))
    for timing, found in zip(TIMINGS, one.for_ever, strict=True):
        assert found == pytest.approx(one.yearly * margin_multiple(one.retention, DISCOUNT, timing))
    assert np.isnan([one.now, one.potential, one.brings]).all()
    share, brings = np.array([0.5, np.nan, 0.25]), np.array([1.0, np.nan, 4.0])
    [one] = worth_by_class(
        ("all",), np.zeros(3, dtype=np.int64), record, of_all(BUYING, AMOUNTS, 3), course, brings, share
    )  # fmt: skip
    ahead = (to[1] - to[0]) * amount
    assert (one.now, one.potential) == pytest.approx(((ahead[0] + ahead[2]) / 2, ahead[0] + 2 * ahead[2]))
    assert one.brings == 2.5
