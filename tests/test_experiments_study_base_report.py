"""The page of a customer base: its figures counted by hand, nobody's id in it, no network."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from markets import orders

from experiments.study.base_report import base_report
from sim.customers.portrait import coming_back, concentration, migration
from sim.customers.profile import profile
from sim.purchases.base import CustomerBase


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a base of 400 customers and 60 later ones, whose ids are easy to find."""
    folder = tmp_path_factory.mktemp("shop")
    orders(folder / "orders.csv")
    text = (folder / "orders.csv").read_text().replace("\n", "\nQX").removesuffix("QX")
    late = "".join(f"LATE{i};2025-0{1 + i % 5}-11;30\n" for i in range(60))
    (folder / "orders.csv").write_text(text + late)
    CustomerBase.load(folder / "base.duckdb", [folder / "orders.csv"])
    return folder


def test_the_page_holds_figures_of_all_and_nobodys_id(shop: Path) -> None:
    done = base_report(shop / "base.duckdb", shop / "base.html")
    page = (shop / "base.html").read_text(encoding="utf-8")
    body = page[page.index("<body>") :]
    assert "QX" not in body
    assert "LATE" not in body
    assert "http" not in body
    for heading in ("Segments and what they are worth", "How customers moved in a year", "How much is of how few",
                    "Who comes back", "How good the data are"):  # fmt: skip
        assert heading in body
    assert "silver A: ask why they come seldom" in body
    it = done.portrait
    assert [each.name for each in it.worth] == [name for name, heads, *_ in it.separation.rows if heads]
    assert all(each.verification > each.posterior > 0 for each in it.worth)
    assert sum(heads for _, heads, *_ in it.separation.rows) == 460
    assert sum(heads * worth for _, heads, _, worth in it.separation.rows) == pytest.approx(it.next_year)
    assert int(it.moves.actual.sum()) == 460
    assert int(it.moves.actual[-1].sum()) == 60
    np.testing.assert_allclose(it.moves.expected.sum(axis=1), it.moves.actual[:-1].sum(axis=1))
    np.testing.assert_allclose(it.moves.ahead.sum(axis=1), [heads for _, heads, *_ in it.separation.rows])
    assert "Of the 400 who were customers a year ago" in body
    assert body.count('<svg viewBox="0 0 330 300"') == 3
    assert sum(it.seldom.counts().values()) >= len(it.seldom.who) > 0
    assert "cannot be told" in body
    assert "460 customers made" in body


def test_concentration_by_hand() -> None:
    """Of ten customers one brings half of it all; the area under the curve of Lorenz by its trapezia."""
    money = np.array([90.0, *[10.0] * 9])
    found = concentration(money)
    assert dict(found.rows)[0.1] == pytest.approx(0.5)
    assert dict(found.rows)[0.5] == pytest.approx(0.5 + 4 / 18)
    differ = np.abs(money[:, None] - money[None, :]).sum() / (2 * 10 * money.sum())
    assert found.gini == pytest.approx(differ)
    assert concentration(np.full(7, 3.0)).gini == pytest.approx(0.0)
    assert np.isnan(concentration(np.zeros(3)).gini)


def test_who_comes_back_is_counted_in_whole_quarters(tmp_path: Path) -> None:
    rows = "1,2024-01-05,9\n1,2024-02-01,9\n1,2024-05-01,9\n2,2024-03-30,9\n2,2024-08-08,9\n3,2024-04-02,9\n"
    (tmp_path / "in.csv").write_text("customer,date,amount\n" + rows + "4,2024-10-10,9\n")
    base = CustomerBase.load(tmp_path / "base.duckdb", [tmp_path / "in.csv"])
    first, second, last = coming_back(base, date(2024, 10, 10))
    assert (first.name, first.customers, first.back) == ("2024 Q1", 2, (0.5, 0.5))
    assert (second.name, second.customers, second.back) == ("2024 Q2", 1, (0.0,))
    assert (last.name, last.back) == ("2024 Q4", ())
    assert coming_back(base, date(2024, 12, 31))[0].back == (0.5, 0.5, 0.0)


def test_older_quarters_are_one_cohort_and_nobody_is_dropped(tmp_path: Path) -> None:
    """Twenty quarters, one customer each, who comes back in the second quarter after; the first four are one line."""
    starts = [(2019 + q // 4, 3 * (q % 4) + 1) for q in range(23)]
    rows = [(i, f"{y}-{m:02d}-03", 9) for i, (y, m) in enumerate(starts[:20])]
    rows += [(i, f"{starts[i + 2][0]}-{starts[i + 2][1]:02d}-05", 9) for i in range(20)]
    (tmp_path / "in.csv").write_text("customer,date,amount\n" + "\n".join(f"{w},{d},{a}" for w, d, a in rows) + "\n")
    base = CustomerBase.load(tmp_path / "base.duckdb", [tmp_path / "in.csv"])
    found = coming_back(base, date(2024, 6, 29))
    assert sum(each.customers for each in found) == base.customers == 20
    assert (found[0].name, found[0].customers, found[0].back[:3]) == ("2019 Q1 to 2019 Q4", 4, (0.0, 1.0, 0.0))
    assert (found[-1].name, found[-1].back) == ("2023 Q4", (0.0,))  # its second quarter ends on the day after the last
    assert coming_back(base, date(2024, 6, 30))[-1].back == (0.0, 1.0)


def test_who_they_are_is_counted_and_nobody_stands_alone(tmp_path: Path) -> None:
    """Of 100 customers the twenty worth most are the best fifth; what fewer than ten share, and ids, are not shown."""
    (tmp_path / "in.csv").write_text("id,date,amount\n" + "".join(f"K{i},2024-01-05,9\n" for i in range(100)))
    people = "".join(
        f"K{i},{'ns'[i % 2] if i < 91 else 'w'},Name {i},{20 + i // 4},K1\n" for i in range(100)
    )  # fmt: skip
    (tmp_path / "people.csv").write_text(f"id,Region,Name,Age,referred_by\n{people}")
    base = CustomerBase.load(tmp_path / "base.duckdb", [tmp_path / "in.csv"], people=[tmp_path / "people.csv"])
    record = base.summarise(base.last_date)
    worth = np.array([float(who[1:]) for who in record.customer_id])
    region, age = profile(base, record, worth)
    assert (region.name, region.known, region.rows) == ("Region", 100, (("n", 0.46, 6 / 20), ("s", 0.45, 5 / 20)))
    ages = 20 + np.arange(100) // 4
    assert [row[1:] for row in age.rows] == [
        (np.quantile(ages, at), np.quantile(ages[80:], at)) for at in (0.25, 0.5, 0.75)
    ]
    assert profile(CustomerBase.create(tmp_path / "bare.duckdb", tmp_path / "in.csv"), record, worth) == ()


def test_a_customer_taken_for_none_is_not_named(tmp_path: Path) -> None:
    orders(tmp_path / "orders.csv")
    till = "".join(f"TILL77;2024-{1 + i % 12:02d}-{1 + i % 28:02d};3\n" for i in range(900))
    (tmp_path / "orders.csv").write_text((tmp_path / "orders.csv").read_text() + till)
    base = CustomerBase.load(tmp_path / "base.duckdb", [tmp_path / "orders.csv"])
    assert any("customer 'TILL77' has 900 rows" in note for note in base.notes)
    done = base_report(base.path, tmp_path / "base.html")
    assert "TILL77" not in (tmp_path / "base.html").read_text(encoding="utf-8") + json.dumps(done.to_dict())
    assert any(note.startswith("one customer has 900 rows") for note in done.to_dict()["notes"])


def test_moves_are_of_the_same_customers(shop: Path) -> None:
    base = CustomerBase.open(shop / "base.duckdb")
    before, now = base.summarise(date(2024, 6, 30)), base.summarise(base.last_date)
    then = (before.purchases > 2).astype(np.int64)
    here = (now.purchases > 4).astype(np.int64)
    names, counts = migration(before, then, now, here, ("few", "many"))
    assert names == ("few", "many", "not yet a customer")
    was = dict(zip(before.customer_id, then, strict=True))
    wanted = np.zeros((3, 2), dtype=int)
    for who, to in zip(now.customer_id, here, strict=True):
        wanted[was.get(who, 2), to] += 1
    assert counts.tolist() == wanted.tolist()


def test_on_the_command_line(tenure, shop: Path) -> None:
    code, out, err = tenure("base", "report", shop / "base.duckdb", "--segments", "value", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert [each["name"] for each in found["segments"]] == ["most valuable", "valuable", "others"]
    assert found["migration"]["from"][-1] == "not yet a customer"
    assert np.sum(found["migration"]["expected"]) == pytest.approx(400)
    assert (found["brought_by"], found["seldom"]) == (None, None)
    assert Path("base.html").is_file()
    out = tenure("base", "report", shop / "base.duckdb", "-o", "two.html")[1]
    assert "probably still here" in out
    code, _, err = tenure("base", "report", "none.duckdb")
    assert (code, err.count("\n")) == (2, 1)
    code, _, err = tenure("base", "report", shop / "base.duckdb", "-o", "nowhere/new.html")
    assert code == 2
    assert "make it first" in err
