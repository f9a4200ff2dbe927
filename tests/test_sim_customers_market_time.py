"""A clock that runs with the market: records in its time, months found again, what is drawn of months to come."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from sim.customers.calibration import fit_pareto_nbd
from sim.customers.market_time import Busy, _slopes, ahead, fit_in_market_time, in_market_time
from sim.customers.purchase_models import ParetoNBD
from sim.purchases.base import CustomerBase, PurchaseSummary

BEGIN, DAYS, WEEKS = date(2023, 1, 1), 360, 30 / 7
TRUE = np.array([1.3, 0.7, 1.3, 0.7, 1.3, 0.7, 1.3, 0.7, 1.3, 0.7, 1.3, 0.7])


def base_of(
    folder: Path, busy: np.ndarray, seed: int = 1, customers: int = 6000
) -> tuple[CustomerBase, PurchaseSummary]:
    """Return customers who buy, and leave, as busy months have it; all first buy in the first three months."""
    random = np.random.default_rng(seed)
    ends = np.concatenate([[0.0], np.cumsum(busy * 30)])
    lines = ["customer,date,amount"]
    for who in range(customers):
        day = random.integers(0, 90)
        now = float(np.interp(day, 30 * np.arange(13), ends))
        gone = now + random.exponential(1 / random.gamma(0.8, 1 / 100))
        rate = random.gamma(0.8, 1 / 40)
        days = {int(day)}
        while (now := now + random.exponential(1 / rate)) < min(gone, ends[-1]):
            days.add(int(np.interp(now, ends, 30 * np.arange(13))))
        lines += [f"{who},{BEGIN + timedelta(days=each)},10" for each in sorted(days)]
    file = folder / "orders.csv"
    file.write_text("\n".join(lines))
    base = CustomerBase.create(folder / "shop.duckdb", file)
    return base, base.summarise(BEGIN + timedelta(days=DAYS - 1))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[PurchaseSummary, Busy]:
    base, record = base_of(tmp_path_factory.mktemp("shop"), TRUE)
    found = fit_in_market_time(base, record, fit_pareto_nbd(record), WEEKS)
    assert found is not None
    return record, found


def test_months_are_found_again(shop: tuple[PurchaseSummary, Busy]) -> None:
    _, found = shop
    assert found.preferred
    assert len(found.conditions) == 11
    months = found.conditions[1:]  # the first holds a part of the month before as well
    assert months / months.mean() == pytest.approx(TRUE[2:], abs=0.08)


def test_a_record_runs_by_the_clock(shop: tuple[PurchaseSummary, Busy]) -> None:
    record, found = shop
    timed = in_market_time(record, found.conditions, WEEKS)

    def clock(back: float) -> float:
        place = max(len(found.conditions) - 1 - int(back / WEEKS), 0)
        return float(found.conditions[place])

    for i in (0, 7, 41):
        edges = WEEKS * np.arange(12)
        whole = quad(clock, 0, record.age[i], points=edges[edges < record.age[i]], limit=100)[0]
        silent = quad(clock, 0, record.silent_weeks[i], points=edges, limit=100)[0] if record.silent_weeks[i] else 0.0
        assert timed.age[i] == pytest.approx(whole, rel=1e-6)
        assert timed.recency[i] == pytest.approx(whole - silent, abs=1e-5)
    same = in_market_time(record, np.ones(5), WEEKS)
    assert same.age == pytest.approx(record.age)
    assert same.recency == pytest.approx(record.recency)


def test_slopes_are_those_of_the_likelihood() -> None:
    law = ParetoNBD(0.6, 11.0, 0.5, 9.0)
    x, last, end = np.array([0.0, 2, 9]), np.array([0.0, 13, 30]), np.array([31.0, 30, 38])
    by_end, by_last = _slopes(law, x, last, end)
    h = 1e-4
    up, down = (law.log_likelihood(x, last, end + s) for s in (h, -h))
    assert by_end == pytest.approx((up - down) / (2 * h), rel=1e-5)
    up, down = (law.log_likelihood(x[1:], last[1:] + s, end[1:]) for s in (h, -h))
    assert by_last[1:] == pytest.approx((up - down) / (2 * h), rel=1e-5)


def test_a_season_is_carried_on_where_two_years_show_it() -> None:
    season = np.exp(0.3 * np.sin(2 * np.pi * np.arange(12) / 12))
    noise = np.exp(0.03 * np.random.default_rng(2).standard_normal(30))
    known = np.tile(season, 3)[:30] * noise
    told = ahead(known, 12, 12)
    assert told.seasonal
    assert told.mean == pytest.approx(np.roll(season, -6), abs=0.08)
    assert not ahead(known[:20], 12, 12).seasonal
    assert not ahead(noise, 12, 12).seasonal


def test_draws_have_the_mean_that_is_said() -> None:
    known = np.exp(0.2 * np.random.default_rng(3).standard_normal(14))
    told = ahead(known, 6, 12)
    random = np.random.default_rng(4)
    drawn = np.array([told.draw(random) for _ in range(20_000)])
    assert drawn.mean(axis=0) == pytest.approx(told.mean, abs=4 * drawn.std() / np.sqrt(20_000))
    assert drawn.mean(axis=1).std() > 0.2 / np.sqrt(14) / 2
