"""Segments of the firm's own: by a column, SQL, a file, recency-frequency-money, value; the twin has them."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from markets import orders

from experiments.firm import Firm
from experiments.study.calibrate import Calibration, calibrate
from sim.customers.purchase_models import GammaGamma, ParetoNBD
from sim.errors import InputError, PurchasesError, ScenarioError
from sim.purchases.base import CustomerBase, content_digest
from sim.scenario.customers import BaseSegments
from sim.scenario.file import load, parse

PEOPLE = "Client No;Region;Income;Zip\n" + "".join(
    f"{i};{('north', 'south', 'east')[i % 3]};{20 + i % 70}.500,5;0{1000 + i}\n" for i in range(450)
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a base of 400 customers of whom region, income and postcode are known."""
    folder = tmp_path_factory.mktemp("shop")
    orders(folder / "orders.csv")
    (folder / "people.csv").write_text(PEOPLE + "7;west;1.000,5;01\n;west;2.000,5;01\n")
    CustomerBase.load(folder / "base.duckdb", [folder / "orders.csv"], people=[folder / "people.csv"])
    return folder


def made(shop: Path, name: str, how: str) -> Firm:
    calibrate(shop / "base.duckdb", shop / name, spend={"retention": 2_000}, segments=how, force=True)
    return Firm.open(shop / name)


@pytest.fixture(scope="module")
def by_region(shop: Path) -> Calibration:
    """Calibrate once with segments by region; the scenario is only read."""
    return calibrate(shop / "base.duckdb", shop / "column.yaml", spend={"retention": 2_000}, segments="Region")


def heads(firm: Firm) -> dict[str, int]:
    """Return customers by segment, as the twin has them."""
    segments = np.array(firm.targets.segments)[firm.twin.base.group]
    return {name: int((segments == name).sum()) for name in dict.fromkeys(firm.targets.segments)}


def test_what_is_known_of_customers_is_counted(shop: Path) -> None:
    base = CustomerBase.open(shop / "base.duckdb")
    notes = " ".join(base.notes)
    assert "Region, Income, Zip of 400 customers; 50 ids in it have no purchases and are left out" in notes
    assert "1 rows without an id" in notes
    assert "1 rows of ids that come twice" in notes
    assert base.query("SELECT Region, Income, Zip FROM customers WHERE customer_id = 7")[1] == [
        ("south", 27500.5, "01007")
    ]


def test_a_column_of_the_firms_own(shop: Path, by_region: Calibration) -> None:
    firm = Firm.open(by_region.scenario_path)
    rows = CustomerBase.open(shop / "base.duckdb").query("SELECT Region, count(*) FROM customers GROUP BY ALL")[1]
    assert heads(firm) == dict(rows)
    listed = firm.customer_list(None, 0).frame
    region = dict(CustomerBase.open(shop / "base.duckdb").query("SELECT customer_id, Region FROM customers")[1])
    assert [region[who] for who in listed["customer_id"]] == list(listed["segment"])


def test_levers_rules_and_segments_speak_of_them(shop: Path, by_region: Calibration) -> None:
    content = yaml.safe_load(by_region.scenario_path.read_text())
    content["segments"] = {"north": {"margin": 0.5}}
    content["levers"]["retention"]["by_segment"] = {"south": {"reference": 0.0}}
    content["rules"]["slices"] = {"east alone": {"segments": ["east"], "cap": 0.2}}
    firm = Firm.of({**content, "folder": shop})
    by = dict(zip(firm.targets.segments, range(len(firm.targets.segments)), strict=True))
    assert firm.twin.margin[by["north"]] == 0.5
    assert firm.targets.reference[by["south"]].max() == 0
    assert "south" not in set(firm.customer_list(None, 0).frame["segment"])
    content["segments"] = {"gold": {"margin": 0.5}}
    with pytest.raises(ScenarioError, match=r"segments\.gold\.traits: missing"):
        parse({**content, "folder": shop})


def test_sql_of_what_is_known_and_of_purchases(shop: Path) -> None:
    rich = "sql:CASE WHEN Income > 60000 THEN 'rich' WHEN purchases > 5 THEN 'frequent' END"
    firm = made(shop, "sql.yaml", rich)
    (wanted,) = CustomerBase.open(shop / "base.duckdb").query("SELECT count(*) FROM customers WHERE Income > 60000")[1]
    found = heads(firm)
    assert set(found) == {"rich", "frequent", "others"}
    assert found["rich"] == wanted[0]
    assert sum(found.values()) == 400
    whole = "sql:SELECT customer_id, CASE WHEN Income > 60000 THEN 'rich' ELSE 'not' END FROM customers"
    assert heads(made(shop, "select.yaml", whole))["rich"] == wanted[0]


def test_a_file_of_id_and_segment_counts_in_the_hash(shop: Path) -> None:
    file = shop / "clusters.csv"
    file.write_text("customer,segment\n" + "".join(f"{i},{'A' if i % 4 else 'B'}\n" for i in range(390)))
    firm = made(shop, "file.yaml", str(file))
    assert heads(firm) == {"A": 292, "B": 98, "others": 10}
    before = load(shop / "file.yaml").hash
    file.write_text(file.read_text().replace("1,A", "1,B", 1))
    assert load(shop / "file.yaml").hash != before
    file.write_text(file.read_text() + "5,B\n5,A\n")
    with pytest.raises(InputError, match="customer 5 is in two segments"):
        Firm.open(shop / "file.yaml")


def test_no_sql_is_refused() -> None:
    with pytest.raises(ValueError, match="sql: missing"):
        BaseSegments(by="sql", sql=" ", names=("a",))


def test_recency_frequency_money_by_hand(shop: Path) -> None:
    firm = made(shop, "rfm.yaml", "rfm")
    given = firm.scenario.base
    record = CustomerBase.open(shop / "base.duckdb").summarise(given.as_of)
    weeks, purchases, money = given.segments.cutoffs
    names = []
    for i in range(len(record)):
        total = record.purchases[i] * record.mean_amount_all[i]
        silent = record.age[i] - record.recency[i] > weeks
        words = ("silent" if silent else "recent", "seldom" if record.purchases[i] < purchases else "often",
                 "little" if total < money else "much")  # fmt: skip
        names.append(" ".join(words))
    assert list(np.array(firm.targets.segments)[firm.twin.base.group]) == names


def test_value_puts_the_best_fifth_first(shop: Path, by_region: Calibration) -> None:
    done = calibrate(shop / "base.duckdb", shop / "value.yaml", segments="value", force=True)
    assert [(name, number) for name, number, *_ in done.separation.rows] == [
        ("most valuable", 80), ("valuable", 120), ("others", 200)
    ]  # fmt: skip
    assert heads(Firm.open(shop / "value.yaml")) == {"most valuable": 80, "valuable": 120, "others": 200}
    assert done.separation.between > 0.4 > 0.1 > by_region.separation.between


def test_value_and_loyalty_by_hand(shop: Path) -> None:
    """Each customer's class from the scenario's laws written out; a tier is a third of it all the same."""
    firm = made(shop, "loyalty.yaml", "loyalty")
    given = firm.scenario.base
    record = CustomerBase.open(shop / "base.duckdb").summarise(given.as_of)
    law, spend = ParetoNBD(**given.pareto_nbd.model_dump()), GammaGamma(**given.gamma_gamma.model_dump())
    much, sure = given.segments.cutoffs
    names = []
    for x, t_x, age, n, mean in zip(
        record.frequency, record.recency, record.age, record.purchases, record.mean_amount_all, strict=True
    ):
        a_year = 52 * float(law.mean_purchase_rate(x, t_x, age)) * float(spend.conditional_mean_spend(n, mean))
        loyal = float(law.probability_alive(x, t_x, age)) >= sure
        names.append(
            ("golden" if loyal else "at risk") if a_year >= much else ("not to over-service" if loyal else "marginal")
        )
    assert sure == 0.5
    assert len(set(names)) > 2
    assert list(np.array(firm.targets.segments)[firm.twin.base.group]) == names
    with pytest.raises(ValueError, match="names: expected 4"):
        BaseSegments(by="value-loyalty", names=("a", "b"), cutoffs=(1.0, 0.5))


def test_scenarios_without_keep_their_hash_and_attributes_change_the_base(shop: Path, tmp_path: Path) -> None:
    CustomerBase.load(tmp_path / "base.duckdb", [shop / "orders.csv"])
    plain = content_digest(tmp_path / "base.duckdb")
    assert plain != content_digest(shop / "base.duckdb")
    CustomerBase.load(tmp_path / "base.duckdb", [shop / "orders.csv"], people=[shop / "people.csv"])
    assert content_digest(tmp_path / "base.duckdb") == content_digest(shop / "base.duckdb")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("Colour", r"expected a column of the base \(Region, Income, Zip\), sql:EXPRESSION"),
        ("sql:Colour", "'Colour' cannot be answered: .* known are purchases, money, .*Region"),
        ("sql:'one'", "all 400 customers are in one segment, 'one'"),
        ("sql:SELECT customer_id FROM customers", "expected a SELECT of customer id and segment"),
    ],
)
def test_segments_that_cannot_be_made_are_refused(shop: Path, tmp_path: Path, how: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        calibrate(shop / "base.duckdb", tmp_path / "new.yaml", segments=how)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"names": ["north", "south"]}, "133 customers are in no named segment, the first in 'east'"),
        ({"other": "west"}, "other: expected one of the names, got 'west'"),
        ({"by": "sql"}, "sql"),
        ({"cutoffs": [1.0]}, "cutoffs: expected 0 with by: column, got 1"),
    ],
)
def test_a_scenario_says_what_is_wrong_with_its_segments(
    shop: Path, by_region: Calibration, change: dict, said: str
) -> None:
    content = yaml.safe_load(by_region.scenario_path.read_text())
    content["base"]["segments"] |= change
    with pytest.raises(ScenarioError, match=said):
        Firm.of({**content, "folder": shop})


def test_files_of_customers_that_do_not_fit_are_refused(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("id,Region\nX1,a\nX2,b\n")
    (tmp_path / "bare.csv").write_text("id\n1\n2\n")
    for name, said in (("other.csv", "none of its"), ("bare.csv", "expected columns beside the ids")):
        with pytest.raises(PurchasesError, match=said):
            CustomerBase.load(tmp_path / "b.duckdb", [shop / "orders.csv"], people=[tmp_path / name])
        assert not (tmp_path / "b.duckdb").exists()


def test_on_the_command_line(tenure, shop: Path) -> None:
    code, out, err = tenure(
        "base", "load", shop / "orders.csv", "--customers", shop / "people.csv", "-o", "b.duckdb", "--json"
    )
    assert (code, err) == (0, "")
    assert any("Region, Income, Zip of 400 customers" in note for note in json.loads(out)["notes"])
    code, out, err = tenure("calibrate", "b.duckdb", "--segments", "Region", "--json")
    assert (code, err) == (0, ""), err
    assert {each["name"] for each in json.loads(out)["segments"]} == {"north", "south", "east"}
    said = tenure("check", "scenario.yaml")[1]
    assert "the firm's own, by column Region" in " ".join(said.split())
    assert "--segments Colour" in tenure("calibrate", "b.duckdb", "--segments", "Colour", "--force")[2]
