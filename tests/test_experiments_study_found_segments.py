"""Segments that are found: a tree that is SQL afterwards, a mixture that is a file; refused where there is nothing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from markets import orders

from experiments.firm import Firm
from experiments.study.calibrate import calibrate
from experiments.study.last_third import first_part, forecast_of_the_rest
from sim.customers.held_out import HeldOut
from sim.customers.tree import best_tree, numbers_of
from sim.errors import InputError, TenureError
from sim.purchases.base import CustomerBase

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a base of 400 customers whose trade goes with what they buy, and whose shoe size does not."""
    folder = tmp_path_factory.mktemp("found")
    orders(folder / "orders.csv")
    rows = [line.split(";") for line in (folder / "orders.csv").read_text().splitlines()[1:]]
    bought = pd.Series([row[0] for row in rows]).value_counts()
    recent = pd.DataFrame(rows).groupby(0)[1].max() > "2025-03-01"
    random = np.random.default_rng(3)
    trade = {who: "bakery" if bought[who] > 4 and recent[who] else "office" for who in recent.index}
    lines = [f"{who},{trade[who]},{random.integers(35, 47)},{random.random():.3f}" for who in recent.index]
    (folder / "people.csv").write_text("\n".join(["id,trade,shoe,luck", *lines]) + "\n")
    CustomerBase.load(folder / "shop.duckdb", [folder / "orders.csv"], people=[folder / "people.csv"])
    return folder


def made(shop: Path, name: str, how: str):
    said = calibrate(shop / "shop.duckdb", shop / name, spend={"retention": 2_000}, segments=how, force=True)
    return said, Firm.open(shop / name)


def test_a_tree_is_found_and_is_sql_afterwards(shop: Path) -> None:
    said, firm = made(shop, "tree.yaml", "tree")
    names = firm.scenario.base.segment_names
    assert any("trade bakery" in name for name in names)
    assert any("trade not bakery" in name for name in names)
    assert "CASE WHEN" in (shop / "tree.yaml").read_text()
    assert any("segments by a tree on" in note for note in said.to_dict()["notes"])
    trade = dict(CustomerBase.open(shop / "shop.duckdb").query("SELECT customer_id, trade FROM customers")[1])
    listed = firm.customer_list(None, 0).frame
    for who, segment in zip(listed["customer_id"], listed["segment"], strict=True):
        assert ("trade bakery" in segment) == (trade[who] == "bakery")


def test_the_sql_of_a_tree_is_the_tree(shop: Path) -> None:
    base = CustomerBase.open(shop / "shop.duckdb")
    rows = base.query("SELECT customer_id, trade, shoe, luck FROM customers ORDER BY customer_id")[1]
    columns, x, _ = numbers_of(["trade", "shoe", "luck"], [row[1:] for row in rows])
    x[::9, -1] = np.nan
    random = np.random.default_rng(0)
    y = 3 * x[:, 0] + (x[:, 2] > 41) + np.where(np.isnan(x[:, -1]), 2.0, x[:, -1] > 0.4) + random.normal(0, 0.1, len(x))
    tree = best_tree(columns, x, y)
    assert tree is not None
    words = tree.words()
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE customers(nth INTEGER, trade VARCHAR, shoe DOUBLE, luck DOUBLE)")
        for i, row in enumerate(rows):
            luck = None if np.isnan(x[i, -1]) else row[3]
            connection.execute("INSERT INTO customers VALUES (?, ?, ?, ?)", [i, row[1], row[2], luck])
        found = connection.execute(f"SELECT {tree.sql(words)} FROM customers ORDER BY nth").fetchall()
    assert [name for (name,) in found] == [words[leaf] for leaf in tree.leaf(x)]
    assert len(set(words.values())) == len(words) > 4


def test_what_tells_nothing_makes_no_tree(shop: Path, tmp_path: Path) -> None:
    rows = (shop / "people.csv").read_text().splitlines()
    (tmp_path / "luck.csv").write_text("\n".join(f"{r.split(',')[0]},{r.split(',')[3]}" for r in rows) + "\n")
    CustomerBase.load(tmp_path / "b.duckdb", [shop / "orders.csv"], people=[tmp_path / "luck.csv"])
    with pytest.raises(InputError, match="luck tells surely more of what customers left out"):
        calibrate(tmp_path / "b.duckdb", tmp_path / "s.yaml", segments="tree")
    CustomerBase.load(tmp_path / "c.duckdb", [shop / "orders.csv"])
    with pytest.raises(InputError, match="the base knows nothing of its customers"):
        calibrate(tmp_path / "c.duckdb", tmp_path / "s.yaml", segments="tree")


def test_a_mixture_is_found_and_is_a_file_afterwards(shop: Path) -> None:
    said, firm = made(shop, "mixture.yaml", "mixture")
    file = pd.read_csv(shop / "mixture.segments.csv")
    names = firm.scenario.base.segment_names
    assert len(names) >= 2
    assert set(file["segment"]) == set(names)
    index = np.array([names.index(name) for name in file["segment"]])
    of_twin = np.array(firm.targets.segments)[firm.twin.base.group]
    assert [names[i] for i in index] == list(of_twin)
    note = next(note for note in said.to_dict()["notes"] if "by a mixture of" in note)
    assert f"mixture of {len(names)} groups (BIC" in note
    assert off_by(said.held_out) < 0.5 * off_by(as_of_today(said, firm, shop))
    before = (shop / "mixture.segments.csv").read_bytes()
    made(shop, "mixture.yaml", "mixture")
    assert (shop / "mixture.segments.csv").read_bytes() == before


def as_of_today(said, firm: Firm, shop: Path) -> HeldOut | None:
    """Hold out the last third with people in the groups that what they bought in it puts them in."""
    base, end = CustomerBase.open(shop / "shop.duckdb"), said.found.as_of
    return forecast_of_the_rest(base, end, first_part(base, end, None), firm.scenario.base.segments, shop, False)[1]


def off_by(found: HeldOut | None) -> float:
    """Return by how many purchases the forecasts of groups are off, all added up."""
    assert found is not None
    return sum(abs(bought.predicted - bought.actual) for _, _, bought, _ in found.segments)


def test_the_file_of_a_mixture_is_not_written_over(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "m.segments.csv").write_text("mine\n")
    with pytest.raises(TenureError, match=r"m\.segments\.csv"):
        calibrate(shop / "shop.duckdb", tmp_path / "m.yaml", segments="mixture")
    assert (tmp_path / "m.segments.csv").read_text() == "mine\n"
