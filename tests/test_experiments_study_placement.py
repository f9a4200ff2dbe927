"""Customers who are not classified yet are placed by their attributes, with the error that holds for those left out."""

from pathlib import Path

import numpy as np
import pytest
from markets import orders

from experiments.study.found_segments import placement
from experiments.study.segments import own
from sim.customers.own_segments import own_segments
from sim.purchases.base import CustomerBase, PurchaseSummary

pytest.importorskip("sklearn")
NAMES = ("bakery", "office", "school")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[CustomerBase, PurchaseSummary, list[str]]:
    """Make a base whose customers' trade goes with staff and town; every fifth is not classified. Return the truth."""
    folder = tmp_path_factory.mktemp("placed")
    orders(folder / "orders.csv")
    random = np.random.default_rng(3)
    truth, lines = [], []
    for who in range(400):
        town, staff = str(random.choice(["A", "B"])), int(random.integers(1, 60))
        trade = "school" if staff > 40 else "bakery" if town == "A" else "office"
        trade = str(random.choice(NAMES)) if random.random() < 0.1 else trade
        truth.append(trade)
        lines.append(f"{who};{'' if who % 5 == 0 else trade};{town};{staff if who % 7 else ''};{random.random():.3f}")
    (folder / "people.csv").write_text("\n".join(["id;trade;town;staff;luck", *lines]) + "\n")
    base = CustomerBase.load(folder / "base.duckdb", [folder / "orders.csv"], people=[folder / "people.csv"])
    return base, base.summarise(base.last_date), truth


def test_the_error_said_is_the_error_made(shop: tuple[CustomerBase, PurchaseSummary, list[str]]) -> None:
    base, record, truth = shop
    labels = [None if who % 5 == 0 else truth[who] for who in record.customer_id]
    found = placement(base, record, labels, NAMES, "trade")
    assert not isinstance(found, str)
    hidden = [i for i, label in enumerate(labels) if label is None]
    right = np.mean([found.labels[i] == truth[record.customer_id[i]] for i in hidden])
    said = float(found.note.split("left out of the fit ")[1].split("%")[0]) / 100
    assert abs(right - said) < 3 * np.sqrt(said * (1 - said) / len(hidden))
    assert said > 0.7
    assert all(found.labels[i] == label for i, label in enumerate(labels) if label is not None)


def test_the_scenario_places_them_in_sql(shop: tuple[CustomerBase, PurchaseSummary, list[str]], tmp_path: Path) -> None:
    base, record, truth = shop
    how, notes = own("trade", base, record, None, None, tmp_path)
    assert (how.by, how.other, set(how.names)) == ("sql", None, set(NAMES))
    assert "80 customers without a segment are placed by town, staff, luck" in " ".join(notes)
    index = own_segments(how, base, record, np.zeros(len(record)), tmp_path)
    labels = [None if who % 5 == 0 else truth[who] for who in record.customer_id]
    assert tuple(how.names[i] for i in index) == placement(base, record, labels, how.names, "trade").labels


def test_a_file_is_written_anew_beside_the_scenario(
    shop: tuple[CustomerBase, PurchaseSummary, list[str]], tmp_path: Path
) -> None:
    base, record, truth = shop
    file = tmp_path / "given.csv"
    file.write_text("id,segment\n" + "".join(f"{i},{truth[i]}\n" for i in range(400) if i % 5))
    before = file.read_bytes()
    how, _ = own(str(file), base, record, None, None, tmp_path, tmp_path / "s.yaml")
    assert (how.file, file.read_bytes()) == ("s.segments.csv", before)
    index = own_segments(how, base, record, np.zeros(len(record)), tmp_path)
    known = [i for i, who in enumerate(record.customer_id) if who % 5]
    assert [how.names[index[i]] for i in known] == [truth[record.customer_id[i]] for i in known]
    _, notes = own(str(file), base, record, None, None, tmp_path)
    assert "could be placed by their attributes; there is no scenario beside which" in " ".join(notes)


def test_attributes_that_tell_nothing_place_nobody(shop: tuple[CustomerBase, PurchaseSummary, list[str]]) -> None:
    base, record, _ = shop
    random = np.random.default_rng(1)
    labels = [str(random.choice(NAMES)) if who % 5 else None for who in record.customer_id]
    found = placement(base, record, labels, NAMES, "trade")
    assert isinstance(found, str)
    assert "tell no more of those left out of the fit than that most are" in found
    assert placement(base, record, [None] * len(record), NAMES) == "too few customers are classified"


def test_a_number_with_many_values_is_cut_at_its_quarters(
    shop: tuple[CustomerBase, PurchaseSummary, list[str]], tmp_path: Path
) -> None:
    """By hand: each of the four holds a quarter of the customers whose number is known, in the order of the number."""
    base, record, _ = shop
    how, notes = own("luck", base, record, None, None, tmp_path)
    index = own_segments(how, base, record, np.zeros(len(record)), tmp_path)
    luck = dict(base.query("SELECT customer_id, luck FROM customers")[1])
    values = np.array([luck[who] for who in record.customer_id], dtype=float)
    order = np.argsort([values[index == i].min() for i in range(len(how.names))])
    rank = np.argsort(order)[index]
    assert np.abs(np.bincount(rank) - len(record) / 4).max() <= 1
    assert all(values[rank == i].max() < values[rank == i + 1].min() for i in range(3))
    assert "segments by quarters of luck, a number with too many values for a segment each: 4" in " ".join(notes)
