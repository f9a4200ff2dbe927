"""What a base cannot be asked is said, and what it can is not."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from purchase_files import base_of, lines_of

from experiments.firm import Firm
from experiments.study.calibrate import calibrate
from sim.customers.plausibility import amounts_by_frequency, check_end, older_than_the_file
from sim.errors import PurchasesError
from sim.purchases.base import CustomerBase

BEGIN = date(2022, 1, 1)


def steady(folder: Path, cut: int, goes_with: float = 0.0) -> CustomerBase:
    """Make a base of customers won at one rate over 900 days, seen from day ``cut`` on."""
    random, rows = np.random.default_rng(3), []
    for who in range(900):
        rate, day = random.gamma(2.0, 0.01), float(who)
        amount = 10 * random.gamma(4, 0.25) * (rate / 0.02) ** goes_with
        while day < 900:
            if day >= cut:
                rows.append((who, BEGIN + timedelta(days=int(day)), round(amount, 2)))
            day += random.exponential(1 / rate)
    return base_of(folder, lines_of(rows, "customer,date,amount"))


def test_customers_older_than_the_file_are_told_from_its_first_weeks(tmp_path: Path) -> None:
    whole = steady(tmp_path, 0)
    assert older_than_the_file(whole, whole.last_date) == ((), 0)
    late = steady(tmp_path, 400)
    notes, number = older_than_the_file(late, late.last_date)
    before = late.query("SELECT count(DISTINCT customer_id) FROM purchases WHERE customer_id < 400")[1][0][0]
    assert "customers seem older than the file" in notes[0]
    assert number == pytest.approx(before, rel=0.25)


def test_a_cohort_is_not_older_than_its_file(cdnow: CustomerBase) -> None:
    assert older_than_the_file(cdnow, cdnow.last_date) == ((), 0)


def test_an_end_long_after_the_data_is_refused_and_a_little_after_is_said(tmp_path: Path) -> None:
    base = steady(tmp_path, 0)
    assert check_end(base, base.last_date) == ()
    pause = base.longest_pause()
    assert "those days count as silence" in check_end(base, base.last_date + timedelta(days=pause + 1))[0]
    with pytest.raises(PurchasesError, match="would count as silence of all customers: choose a day until"):
        check_end(base, base.last_date + timedelta(days=400))


@pytest.mark.parametrize(("goes_with", "said"), [(1.5, True), (0.0, False)])
def test_amounts_that_go_with_frequency_are_said(tmp_path: Path, goes_with: float, said: bool) -> None:
    base = steady(tmp_path, 0, goes_with)
    correlation, notes = amounts_by_frequency(base.summarise(base.last_date))
    assert bool(notes) == said == (correlation > 0.2)


def test_customers_who_bring_less_than_nothing_are_said_and_named(tmp_path: Path) -> None:
    """A sixth of 240 customers lose money on every purchase, more than the law's scale holds."""
    random, rows = np.random.default_rng(3), ["customer,date,margin"]
    for who in range(240):
        mean = random.gamma(1.2, 15.0) if who % 6 else -random.uniform(5, 40)
        day, rate = float(random.integers(0, 200)), random.gamma(1.0, 1 / 60)
        while day < 700:
            rows.append(f"{who},{BEGIN + timedelta(days=int(day))},{mean * random.gamma(5, 0.2):.2f}")
            day += random.exponential(1 / rate)
    (tmp_path / "margins.csv").write_text("\n".join(rows) + "\n")
    found = calibrate(tmp_path / "margins.csv", tmp_path / "s.yaml", spend={"development": 500})
    paid = dict(found.base.query("SELECT customer_id, CAST(sum(amount) AS DOUBLE) FROM purchases GROUP BY ALL")[1])
    losers = {who for who, money in paid.items() if money < 0}
    assert losers == set(range(0, 240, 6))
    said = f"40 customers brought less than nothing, {sum(paid[who] for who in losers):,.2f} in all"
    assert any(note.startswith(said) for note in found.remarks)
    listed = Firm.open(tmp_path / "s.yaml").customer_list(kind="costs-more-than-it-brings").frame
    assert losers <= set(listed["customer_id"])
    own = listed[listed["brought"] < 0]
    assert own["brought"].tolist() == pytest.approx([paid[who] for who in own["customer_id"]])
    assert own["why"].str.startswith("brought -").all()
    assert (listed[["crv", "posterior_value"]] >= 0).all(axis=None)
