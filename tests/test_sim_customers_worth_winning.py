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
from sim.customers.prospect_quality import chances_of, quality_classes
from sim.customers.tree import numbers_of
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


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a base, and a file of those who were asked: most of the north were won, and bring most."""
    folder = tmp_path_factory.mktemp("asked")
    orders(folder / "orders.csv")
    CustomerBase.create(folder / "base.duckdb", folder / "orders.csv")
    total = first_years(folder, 268)
    middle, random = float(np.median(list(total.values()))), np.random.default_rng(3)
    won = [
        f"{who},{'north' if (brought > middle) == (random.random() < 0.8) else 'south'},"
        for who, brought in total.items()
    ]
    rest = [f"P{i},{'north' if random.random() < 0.2 else 'south'}," for i in range(2 * len(won))]
    ages = random.integers(20, 70, len(won) + len(rest))
    rows = [f"{row}{age}" for row, age in zip([*won, *rest], ages, strict=True)]
    (folder / "leads.csv").write_text("\n".join(["id,region,age", *rows]) + "\n")
    (folder / "who.csv").write_text("\n".join(["id,region,age", *rows[: len(won)]]) + "\n")
    return folder


def test_quality_is_told_by_who_was_won_and_what_they_brought(asked: Path) -> None:
    """Against shares counted by hand: one column that tells, one that does not."""
    base = CustomerBase.open(asked / "base.duckdb")
    record = base.summarise(base.last_date)
    classes, notes = quality_classes(base, record, asked / "leads.csv")
    rows = [line.split(",") for line in (asked / "leads.csv").read_text().splitlines()[1:]]
    north, customer = (np.array([row[k] == "north" if k else row[0][0] != "P" for row in rows]) for k in (1, 0))
    rate = {side: customer[north == side].mean() for side in (True, False)}
    left = north[~customer]
    mean = rate[True] * left.mean() + rate[False] * (1 - left.mean())
    assert [each.share for each in classes] == pytest.approx([1 / 3] * 3, abs=0.01)
    assert sum(each.share * each.acquisition for each in classes) == pytest.approx(1.0)
    best = (rate[True] * 3 * left.mean() + rate[False] * (1 - 3 * left.mean())) / mean
    assert classes[0].acquisition == pytest.approx(best, rel=0.1)
    assert classes[0].spend > 1.1 > 0.9 > classes[-1].spend
    assert any("told by a logistic regression" in note for note in notes)
    shuffled = quality_classes(base, record, asked / "leads.csv")[0]
    assert shuffled == classes


def test_columns_that_tell_nothing_make_no_classes(asked: Path, tmp_path: Path) -> None:
    base = CustomerBase.open(asked / "base.duckdb")
    rows = [line.split(",") for line in (asked / "leads.csv").read_text().splitlines()]
    (tmp_path / "ages.csv").write_text("\n".join(f"{who},{age}" for who, _, age in rows) + "\n")
    classes, (note,) = quality_classes(base, base.summarise(base.last_date), tmp_path / "ages.csv")
    assert classes == ()
    assert "age do not surely tell who is won" in note
    (tmp_path / "ids.csv").write_text("\n".join(who for who, *_ in rows) + "\n")
    assert quality_classes(base, base.summarise(base.last_date), tmp_path / "ids.csv") == ((), ())


def test_a_first_scenario_states_the_quality_of_those_to_win(tenure, asked: Path, tmp_path: Path) -> None:
    code, _, err = tenure("base", "load", asked / "orders.csv", "--customers", asked / "who.csv",
                          "--prospects", asked / "leads.csv", "-o", tmp_path / "own.duckdb")  # fmt: skip
    assert code == 0, err
    code, out, err = tenure("calibrate", tmp_path / "own.duckdb", "-o", tmp_path / "own.yaml", "--json")
    assert code == 0, err
    firm = Firm.open(tmp_path / "own.yaml")
    quality = firm.scenario.segments["people to win"].quality
    assert len(quality) == 3
    assert quality[0].acquisition > 1.2 > quality[2].acquisition
    said = [each["acquisition"] for each in json.loads(out)["quality"]]
    assert said == pytest.approx([each.acquisition for each in quality], rel=1e-3)
    best = firm.customer_list(kind="worth winning", prospects=tmp_path / "own.duckdb").frame
    worst = firm.customer_list(kind="least worth winning", prospects=tmp_path / "own.duckdb").frame
    expected = best["first_year_margin"] * best["times_the_chance"]
    assert expected.is_monotonic_decreasing
    assert expected.iloc[0] > 2 * expected.iloc[-1]
    assert best["times_the_chance"].mean() == pytest.approx(1.0)
    assert worst["customer_id"].iloc[0] in set(best["customer_id"].iloc[-len(best) // 3 :])


def test_a_column_that_only_the_won_have_is_said_and_tells_nothing(asked: Path, tmp_path: Path) -> None:
    """What is filled in once people are won tells them without fail, and of the others nothing."""
    rows = [line.split(",") for line in (asked / "leads.csv").read_text().splitlines()[1:]]
    told = [f"{who},{region},{age},{0 if who.startswith('P') else 12.5}" for who, region, age in rows]
    (tmp_path / "told.csv").write_text("\n".join(["id,region,age,bonus", *told]) + "\n")
    base = CustomerBase.open(asked / "base.duckdb")
    record = base.summarise(base.last_date)
    classes, (note,) = quality_classes(base, record, tmp_path / "told.csv")
    assert classes == ()
    assert "tell without fail who is a customer by now" in note
    who, chance, said = chances_of(base, record, tmp_path / "told.csv")
    assert (len(who), chance) == (sum(row[0].startswith("P") for row in rows), None)
    assert "leave it out" in said[0]


def test_a_list_says_that_nothing_tells_who_is_won(asked: Path, tmp_path: Path) -> None:
    rows = [line.split(",") for line in (asked / "leads.csv").read_text().splitlines()]
    (tmp_path / "ages.csv").write_text("\n".join(f"{who},{age}" for who, _, age in rows) + "\n")
    base = CustomerBase.open(asked / "base.duckdb")
    _, chance, (said,) = chances_of(base, base.summarise(base.last_date), tmp_path / "ages.csv")
    assert chance is None
    assert "age do not surely tell who is won" in said


def test_a_number_that_no_sum_bears_is_not_known(asked: Path, tmp_path: Path) -> None:
    text = (asked / "leads.csv").read_text().splitlines()
    (tmp_path / "leads.csv").write_text("\n".join([*text[:-1], text[-1].rpartition(",")[0] + ",inf"]) + "\n")
    base = CustomerBase.open(asked / "base.duckdb")
    assert len(quality_classes(base, base.summarise(base.last_date), tmp_path / "leads.csv")[0]) == 3
    _, x, new = numbers_of(["a"], [(1.0,), (1e39,), ("-inf",)], [(None,)])
    assert np.isnan([*x[1:, 0], *new[:, 0]]).all()
