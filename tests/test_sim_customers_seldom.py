"""Why customers come seldom: each cause told from its own data, by hand; what is not known leaves it open."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from experiments.firm import Firm
from experiments.study.calibrate import calibrate
from sim.customers.seldom import CAUSES, OPEN, why_seldom
from sim.purchases.base import CustomerBase

FIRST = date(2024, 1, 1)
DAYS = {
    "even": (0, 60, 120, 180, 240, 300, 360), "away": (0, 10, 200, 220, 350), "poor": (0, 3, 9, 200, 340),
    "odd": (0, 1, 2, 3, 360), "few": (0, 200), "rich1": (0, 50, 90, 95, 340), "rich2": (0, 10, 30, 200, 330),
}  # fmt: skip
RANGE = {"even": 7, "away": 5, "poor": 1, "odd": 5, "few": 2, "rich1": 5, "rich2": 5}
SHARE = {"even": 90, "away": 20, "poor": 80, "odd": 75, "few": 60}


@pytest.fixture
def base(tmp_path: Path) -> CustomerBase:
    rows = [f"{who},{FIRST + timedelta(day)},90,c{k % RANGE[who]}" for who, days in DAYS.items()
            for k, day in enumerate(days)]  # fmt: skip
    (tmp_path / "in.csv").write_text("\n".join(["id,date,amount,category", *rows]) + "\n")
    people = "".join(f"{who},{share}\n" for who, share in SHARE.items())
    (tmp_path / "people.csv").write_text(f"id,Share of Wallet\n{people}")
    return CustomerBase.load(tmp_path / "b.duckdb", [tmp_path / "in.csv"], people=[tmp_path / "people.csv"])


def test_each_cause_is_told_from_its_own_data(base: CustomerBase) -> None:
    record = base.summarise(date(2024, 12, 31))
    found = why_seldom(base, record, np.arange(len(record)))
    cause = dict(zip(record.customer_id.tolist(), found.cause, strict=True))
    at = {who: i for i, who in enumerate(record.customer_id.tolist())}
    assert cause["even"] == CAUSES[2]
    assert cause["away"] == CAUSES[0]
    assert cause["poor"] == CAUSES[1]
    assert cause["odd"] == f"{OPEN}: none of the signs shows"
    assert cause["few"] == f"{OPEN}: too few purchases"
    assert cause["rich1"] == f"{OPEN}: share of customer not known"
    assert found.share_column == "customers.Share of Wallet"
    assert found.share[at["even"]] == pytest.approx(0.9)
    assert found.interval[at["even"]] == pytest.approx(60 / 7)
    assert found.categories[at["poor"]] == 1
    five = [RANGE[who] for who, days in DAYS.items() if len(days) == 5]
    assert found.usual[at["poor"]] == pytest.approx(np.mean(five))
    assert found.counts() == {CAUSES[0]: 1, CAUSES[1]: 1, CAUSES[2]: 1, OPEN: 4}


def test_the_chance_of_evenness_is_that_of_purchases_at_random(base: CustomerBase) -> None:
    """Three purchases at even chances between the first and the last one, sixty thousand times over."""
    record = base.summarise(date(2024, 12, 31))
    found = why_seldom(base, record, np.arange(len(record)))
    at = record.customer_id.tolist().index("odd")
    gaps = np.diff(DAYS["odd"]) / 360
    random = np.random.default_rng(9)
    ends = np.zeros((60_000, 1)), np.ones((60_000, 1))
    drawn = np.diff(np.sort(np.hstack([ends[0], random.random((60_000, 3)), ends[1]])), axis=1)
    wanted = ((drawn**2).sum(axis=1) <= (gaps**2).sum()).mean()
    assert found.chance[at] == pytest.approx(wanted, abs=0.03)
    assert np.isnan(found.chance[record.customer_id.tolist().index("few")])


def test_without_such_data_nothing_is_claimed(tmp_path: Path) -> None:
    rows = [f"{who},{FIRST + timedelta(day)},90" for who, days in DAYS.items() for day in days]
    (tmp_path / "in.csv").write_text("\n".join(["id,date,amount", *rows]) + "\n")
    base = CustomerBase.create(tmp_path / "b.duckdb", tmp_path / "in.csv")
    record = base.summarise(date(2024, 12, 31))
    found = why_seldom(base, record, np.arange(len(record)))
    assert all(cause.startswith(f"{OPEN}: share of customer not known, categories not known") for cause in found.cause)
    assert found.share_column is None


def test_a_list_names_them(tmp_path: Path) -> None:
    from markets import orders

    orders(tmp_path / "orders.csv")
    people = "".join(f"{i},{(i * 37) % 100}\n" for i in range(400))
    (tmp_path / "people.csv").write_text(f"client,share_of_customer\n{people}")
    CustomerBase.load(tmp_path / "b.duckdb", [tmp_path / "orders.csv"], people=[tmp_path / "people.csv"])
    calibrate(tmp_path / "b.duckdb", tmp_path / "s.yaml", spend={"retention": 2_000})
    firm = Firm.open(tmp_path / "s.yaml")
    found = firm.customer_list(kind="comes-seldom", control=0.2)
    segments = np.array(firm.targets.segments)[firm.twin.base.group]
    assert len(found.frame) == (segments == "silver A").sum() > 10
    share = np.array([(int(i) * 37) % 100 / 100 for i in found.frame["customer_id"]])
    np.testing.assert_allclose(found.frame["share_of_customer"], share)
    assert ((found.frame["cause"] == "buys elsewhere").to_numpy() == (share < 0.5)).all()
    assert "0 money" not in found.answer()
    assert "held back as a control group: treat them" in found.answer()
    whole = firm.customer_list(kind="everybody").frame
    assert len(whole) == 400
    assert whole["value"].is_monotonic_decreasing
