"""Whom it is worth to win: the tree finds who brought much, says its error, and says when it finds nothing."""

import json
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from markets import orders

from experiments.firm import Firm
from experiments.study.calibrate import calibrate
from sim.customers.worth_winning import likeness
from sim.errors import InputError
from sim.purchases.base import CustomerBase

pytest.importorskip("sklearn")
END = date(2025, 6, 24)


def first_years(folder: Path, days: int) -> dict[str, float]:
    """Return what each customer of the file bought in its first days, without the code under test."""
    rows = [line.split(";") for line in (folder / "orders.csv").read_text().splitlines()[1:]]
    first: dict[str, date] = {}
    for who, day, _ in rows:
        first[who] = min(first.get(who, date.max), date.fromisoformat(day))
    total: dict[str, float] = defaultdict(float)
    for who, day, amount in rows:
        if date.fromisoformat(day) < first[who] + timedelta(days=days):
            total[who] += float(amount)
    return total


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a base whose customers of the north are those who brought most, with prospects of both regions."""
    folder = tmp_path_factory.mktemp("winning")
    orders(folder / "orders.csv")
    total = first_years(folder, 268)
    middle = float(np.median(list(total.values())))
    random = np.random.default_rng(2)
    rows = [
        f"{who},{'north' if (money > middle) == (random.random() < 0.9) else 'south'},{random.integers(20, 70)}"
        for who, money in total.items()
    ]
    (folder / "who.csv").write_text("\n".join(["id,region,age", *rows]) + "\n")
    people = [f"P{i},{'north' if i % 3 == 0 else 'south'},{20 + i % 50}" for i in range(30)]
    (folder / "people.csv").write_text("\n".join(["id,region,age", *people, "0,north,44", "P1,north,30"]) + "\n")
    CustomerBase.load(folder / "shop.duckdb", [folder / "orders.csv"], people=[folder / "who.csv"])
    calibrate(folder / "shop.duckdb", folder / "own.yaml", spend={"retention": 900, "acquisition": 600}, prospects=30)
    return folder


def test_people_are_expected_to_bring_what_their_like_brought(folder: Path) -> None:
    base = CustomerBase.open(folder / "shop.duckdb")
    record = base.summarise(base.last_date)
    found = likeness(base, record, np.full(len(record), 0.5), folder / "people.csv")
    total = first_years(folder, found.days)
    where = dict(line.split(",")[:2] for line in (folder / "who.csv").read_text().splitlines()[1:])
    known = [str(who) for who, age in zip(record.customer_id, record.age, strict=True) if age * 7 >= found.days]
    mean = {side: 0.5 * np.mean([total[who] for who in known if where[who] == side]) for side in ("north", "south")}
    sides = np.array(["north" if i % 3 == 0 else "south" for i in range(30)])
    assert found.who == tuple(f"P{i}" for i in range(30))
    assert found.worth[sides == "north"].mean() == pytest.approx(mean["north"], rel=0.15)
    assert found.worth[sides == "south"].mean() == pytest.approx(mean["south"], rel=0.15)
    assert mean["north"] > 2 * mean["south"]
    assert 0.1 < found.told < 0.9
    assert 0 < found.error < 0.5 * float(np.std(list(total.values()))) * 2
    assert all("region" in why for why in found.why)
    assert any("2 rows" in note for note in found.notes)


def test_columns_that_tell_nothing_are_said_to(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,age\nP1,30\nP2,60\n")
    base = CustomerBase.open(folder / "shop.duckdb")
    record = base.summarise(base.last_date)
    found = likeness(base, record, np.ones(len(record)), tmp_path / "people.csv")
    assert (found.told, found.worth[0]) == (0.0, found.worth[1])
    assert "age tell nothing of what customers brought" in found.notes[-1]


def test_people_and_customers_need_a_column_in_common(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,shoe_size\nP1,40\n")
    base = CustomerBase.open(folder / "shop.duckdb")
    record = base.summarise(base.last_date)
    with pytest.raises(InputError, match=r"no column is called as one of the base's customers \(region, age\)"):
        likeness(base, record, np.ones(len(record)), tmp_path / "people.csv")


def test_the_list_has_the_best_first_and_the_plans_money_for_prospects(tenure, folder: Path) -> None:
    said = ("list", folder / "own.yaml", "--kind", "worth-winning")
    code, out, err = tenure(*said, "--prospects", folder / "people.csv", "-o", "win.csv", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["customers"] == 30
    firm = Firm.open(folder / "own.yaml")
    frame = firm.customer_list(kind="worth winning", prospects=folder / "people.csv").frame
    assert frame["first_year_margin"].is_monotonic_decreasing
    everybody = firm.customer_list(None, 0)
    assert found["money"] == pytest.approx(everybody.beside)
    code, _, err = tenure(*said)
    assert code == 2
    assert "--prospects" in err
    assert tenure("list", folder / "own.yaml", "--prospects", folder / "people.csv")[0] == 2
