"""Lists of customers by name: their money is the plan's, their worth the asset, lots repeat, files hold the rows."""

import json
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from markets import orders

from experiments.firm import Firm
from experiments.results.lists import LISTS, _lot
from experiments.study.calibrate import calibrate
from sim.customers.purchase_models import GammaGamma, ParetoNBD
from sim.engine.sensitivity import follow
from sim.errors import InputError

SPEND = {"retention": 3_000, "development": 1_200, "winback": 500, "acquisition": 600}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a scenario of 460 customers, some new of late, and people to be won."""
    folder = tmp_path_factory.mktemp("lists")
    orders(folder / "orders.csv")
    with (folder / "orders.csv").open("a") as stream:
        stream.write("".join(f"N{i};2025-0{1 + i % 5}-11;30\n" for i in range(60)))
    calibrate(folder / "orders.csv", folder / "scenario.yaml", spend=SPEND, prospects=300)
    calibrate(folder / "scenario.duckdb", folder / "alone.yaml", spend={"retention": 3_000, "winback": 500})
    return folder


@pytest.fixture(scope="module")
def firm(folder: Path) -> Firm:
    return Firm.open(folder / "scenario.yaml")


def uneven(firm: Firm):
    """Return a plan that gives every target another amount in every period."""
    random = np.random.default_rng(1)
    intensity = random.uniform(0.2, 3.0, (firm.scenario.periods, *firm.targets.shape)) * firm.targets.allowed
    return Planned(intensity)


class Planned:
    def __init__(self, intensity: np.ndarray) -> None:
        self.intensity = intensity


@pytest.mark.parametrize("period", [0, 1, 7])
def test_a_lists_money_is_the_plans(firm: Firm, period: int) -> None:
    plan = uneven(firm)
    course = follow(firm.chain, plan.intensity)
    found = firm.customer_list(plan, period)
    assert found.planned == pytest.approx(float(course.spend[period].sum()), rel=1e-12)
    assert found.listed + found.beside == pytest.approx(found.planned, rel=1e-9)
    assert found.beside > 0
    real = [g for g, tier in enumerate(firm.targets.tiers) if tier != "unknown"]
    by_lever = course.spend[period][real].sum(axis=(0, 1))
    for lever, amount in zip(firm.targets.levers, by_lever, strict=True):
        column = f"money: {lever}"
        assert (found.frame[column].sum() if column in found.frame else 0.0) == pytest.approx(amount, rel=1e-9)
    assert found.frame["customer_id"].is_unique


def test_in_the_first_period_each_gets_what_its_target_gets(firm: Firm) -> None:
    plan = uneven(firm)
    frame = firm.customer_list(plan, 0).frame
    groups = {name: g for g, name in enumerate(zip(firm.targets.segments, firm.targets.tiers, strict=True))}
    for row in frame.itertuples():
        here = plan.intensity[0, groups[row.segment, row[3]], firm.targets.stages.index(row.stage)]
        assert row.money == pytest.approx(here.sum(), rel=1e-9)
        assert row.stage_then == row.stage


def test_what_customers_are_worth_adds_up_to_the_asset(folder: Path) -> None:
    """Without people to be won: the sum over all real customers."""
    from sim.outlook import outlook

    firm = Firm.open(folder / "alone.yaml")
    intensity = np.broadcast_to(2 * firm.targets.reference, (firm.scenario.periods, *firm.targets.shape))
    found = outlook(firm.twin, intensity, 3)
    assert found.value.sum() == pytest.approx(follow(firm.chain, intensity).asset, rel=1e-9)
    assert ((found.leaves >= 1 - found.alive) & (found.leaves <= 1)).all()


def test_the_other_lists_hold_whom_they_say(firm: Firm) -> None:
    low = Planned(np.broadcast_to(firm.targets.reference / 2, (firm.scenario.periods, *firm.targets.shape)))
    named = [kind for kind in LISTS if not kind.endswith(("worth winning", "quality changed"))]  # these need a file
    lists = {kind: firm.customer_list(low, 0, kind=kind.replace(" ", "-")).frame for kind in named}
    assert set(lists["win back"]["stage"]) <= {"declining", "lapsed"}
    assert (lists["win back"]["p_alive"] < 0.5).all()
    assert lists["win back"]["margin_a_year"].is_monotonic_decreasing
    assert (lists["about to leave"]["p_alive"] >= 0.5).all()
    assert (lists["costs more than it brings"]["value"] < 0).all()
    less = lists["may be served less"]
    assert len(less) == len(lists["targets"])
    assert less["why"].str.contains("today").all()
    everybody = firm.customer_list(None, 0, kind="may-be-served-less").frame
    assert everybody.empty
    assert len(lists["everybody"]) == len(firm.twin.base.group)


def test_what_each_customers_purchases_tell_stands_beside_its_worth(firm: Firm) -> None:
    """Margin of three years by cycle and amount counted out, and by the law year by year; trend as a line is fitted."""
    frame = firm.customer_list(kind="everybody").frame
    given, record = firm.scenario.base, firm.twin.base.read.record
    law, spend = (each.model_dump() for each in given.laws_of("gold"))
    law, spend, discount = ParetoNBD(**law), GammaGamma(**spend), 1 + firm.scenario.discount_rate
    at = {who: i for i, who in enumerate(record.customer_id.tolist())}
    for row in frame.iloc[[0, 7, 50, 200, 459]].itertuples():
        i = at[row.customer_id]
        seen = record.frequency[i], record.recency[i], record.age[i]
        amount = float(spend.conditional_mean_spend(record.purchases[i], record.mean_amount_all[i]))
        cycle, margin = 1 / float(law.mean_purchase_rate(*seen)) / 52, firm.scenario.margin
        each = sum(amount / discount ** (n * cycle) for n in range(1, int(3 / cycle + 1e-9) + 1))
        assert row.crv == pytest.approx(each * margin)
        so_far = [float(law.conditional_expected_purchases(52.0 * year, *seen)) for year in range(4)]
        years = sum((so_far[k + 1] - so_far[k]) * amount / discount ** (k + 0.5) for k in range(3))
        assert row.posterior_value == pytest.approx(years * margin)
    known = frame.dropna(subset=["trend"]).iloc[0]
    bought = firm.twin.base.read.source.query(
        f"SELECT (DATE '{given.as_of}' - date) // 91, CAST(sum(amount) AS DOUBLE) FROM purchases "
        f"WHERE CAST(customer_id AS VARCHAR) = '{known.customer_id}' AND date <= DATE '{given.as_of}' GROUP BY ALL"
    )[1]
    whole = int(record.age[at[known.customer_id]] * 7 + 1e-9) // 91
    quarters = np.array([dict(bought).get(k, 0.0) for k in range(min(whole, 8))][::-1])
    assert known.trend == pytest.approx(np.polyfit(np.arange(quarters.size), quarters, 1)[0] / quarters.mean())
    assert known.volatility == pytest.approx(quarters.std(ddof=1) / quarters.mean())


def test_lots_repeat_and_do_not_depend_on_the_list(firm: Firm) -> None:
    plan = uneven(firm)
    some, more = (firm.customer_list(plan, t, control=0.1, seed=3).frame for t in (0, 5))
    lots = dict(zip(more["customer_id"], more["control"], strict=True))
    both = [row for row in some.itertuples() if row.customer_id in lots]
    assert len(both) > 100
    assert all(row.control == lots[row.customer_id] for row in both)
    assert some.loc[some["control"], "money"].sum() == 0
    assert (some.loc[some["control"], "held_back"] > 0).all()
    by_lever = some[[name for name in some.columns if name.startswith("money: ")]].sum(axis=1)
    np.testing.assert_allclose(by_lever, some["money"], rtol=1e-12)  # nobody is treated who reads a lever's own column
    assert 0.05 < some["control"].mean() < 0.15
    other = firm.customer_list(plan, 0, control=0.1, seed=4).frame
    assert (other["control"] != some["control"]).any()


def test_lots_hold_back_the_share_that_is_asked() -> None:
    """Over seeds and kinds of ids the share is binomial around what is asked: a few off, of few, is chance."""
    for ids in (range(400), [f"C{i:05d}" for i in range(400)]):
        for share in (0.1, 0.3):
            held = np.array([[_lot(seed, str(each)) < share for each in ids] for seed in range(60)]).sum(axis=1)
            wide = np.sqrt(400 * share * (1 - share))
            assert held.mean() == pytest.approx(400 * share, abs=4 * wide / np.sqrt(60))
            assert held.std(ddof=1) == pytest.approx(wide, rel=0.4)


def test_how_many_are_held_back_is_said_beside_what_was_asked(firm: Firm) -> None:
    found = firm.customer_list(uneven(firm), 0, control=0.1, seed=3)
    assert f"({found.frame['control'].mean():.1%}; each customer's own lot decides, 10.0% on average)" in found.answer()


def test_terms_are_said_beside_the_money(folder: Path) -> None:
    """A service at 2 a head is in a column and a sentence of its own; the list's money stays the plan's."""
    content = yaml.safe_load((folder / "alone.yaml").read_text())
    stays = {"without_money": 0.9, "unlimited_money": 0.99, "spend": 2, "brings": 0.95}
    content["levers"]["desk"] = {
        "targets": ["new", "developing", "core"], "pays": "service", "reference": 2, "moves": {"survival": stays},
    }  # fmt: skip
    (folder / "desk.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    found = Firm.open(folder / "desk.yaml").customer_list(control=0.2)
    served = found.frame["service: desk"]
    assert served.sum() > 0
    assert served[served > 0].to_numpy() == pytest.approx(2.0)
    assert found.listed == pytest.approx(found.planned, rel=1e-9)
    assert "no budget pays for and no money counts, those of who is held back too: service: desk" in found.answer()
    assert f"service: desk {served.sum():,.0f}" in found.answer()


def test_a_list_is_written_where_it_is_asked(tenure, folder: Path, tmp_path: Path) -> None:
    scenario = folder / "scenario.yaml"
    found = None
    for place in ("list.csv", "list.parquet", "list.xlsx", f"sqlite:///{tmp_path / 'crm.db'}"):
        code, out, err = tenure("list", scenario, "-o", place, "--control", 0.1, "--json")
        assert (code, err) == (0, ""), err
        said = json.loads(out)
        assert {**said, "file": ""} == (found or {**said, "file": ""})
        found = {**said, "file": ""}
        assert said["money"] + said["held_back"] + said["beside"] == pytest.approx(said["planned"])
    csv = pd.read_csv("list.csv", dtype={"customer_id": str})
    with sqlite3.connect(tmp_path / "crm.db") as crm:
        rows = crm.execute("SELECT customer_id, money FROM tenure_list").fetchall()
    for money in (pd.read_parquet("list.parquet")["money"], pd.read_excel("list.xlsx")["money"], [m for _, m in rows]):
        assert list(money) == pytest.approx(list(csv["money"]))
    assert [str(who) for who, _ in rows] == csv["customer_id"].tolist()
    code, _, err = tenure("list", scenario, "-o", f"sqlite:///{tmp_path / 'crm.db'}")
    assert code == 2
    assert "--table" in err
    assert "--force" in err
    assert tenure("list", scenario, "-o", f"sqlite:///{tmp_path / 'crm.db'}", "--force")[0] == 0
    out = tenure("list", scenario, "-o", "list.csv", "--kind", "about-to-leave")[1]
    assert "gone within a year" in out
    assert "keep it apart" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--period", 24), "--period 24: expected a period of the plan, 0 to 23"),
        (("--kind", "friends"), "--kind friends: expected one of targets, win back"),
        (("-o", "list.doc"), "list.doc: expected a name that ends in .csv, .xlsx or .parquet"),
        (("--plan", "none.json"), "none.json"),
        (("--kind", "worth-winning", "--prospects", "people.csv", "-o", "people.csv"), "reads or writes it already"),
    ],
)
def test_what_cannot_be_listed_is_refused(tenure, folder: Path, words: tuple, said: str) -> None:
    code, out, err = tenure("list", folder / "scenario.yaml", *words)
    assert (code, out) == (2, "")
    assert said in err


def test_without_a_base_there_is_nobody_to_list(market) -> None:
    with pytest.raises(InputError, match="has no customer base, so there is nobody to list"):
        Firm.of(market()).customer_list()
