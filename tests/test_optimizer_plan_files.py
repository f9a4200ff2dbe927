"""Plans as JSON, CSV and Excel: read back as the same intensities, and refused in one clear line where they cannot."""

import csv
import json
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from markets import SMALL
from openpyxl import load_workbook

from experiments.chosen import chosen_policies
from experiments.firm import Firm
from optimizer.money.calendar import Calendar
from optimizer.plan import Plan, _hold
from optimizer.plan_files import COLUMNS, KEYS, RANGES
from optimizer.prices import PriceRange
from optimizer.proof import LiftProof, SpendProof
from sim.engine.sensitivity import follow
from sim.errors import FolderError, InputError
from sim.scenario.file import load
from sim.twin import Twin, build


@cache
def small() -> Twin:
    return build(load(SMALL))


@cache
def plan() -> Plan:
    """Return a plan of uneven numbers, most of its places without money."""
    twin, random = small(), np.random.default_rng(3)
    shape = (twin.chain.periods, *twin.targets.shape)
    money = random.random(shape) * (random.random(shape) < 0.4) * twin.targets.allowed
    return Plan(
        scenario="small", scenario_hash=twin.scenario.hash, targets=twin.targets, intensity=money,
        customers=1000 * random.random(shape[:-1]) + 0.1, budget=1 / 3, asset=2e5 / 3,
        proof=LiftProof(2e5 / 3, 1e5 / 3, reference=7e5 / 3, assumes="nothing"),
        prices={"budget": 1 / 7, "floor of awareness": -0.1},
        shadow_price=1 / 7, status="feasible", termination="found", targeting="stage", seconds={"plan": 1.5},
        scenario_file=str(SMALL),
    )  # fmt: skip


def loaded(path: Path) -> Plan:
    return Plan.load(path, small().targets, small().chain.periods)


@pytest.mark.parametrize("name", ["plan.json", "plan.csv", "plan.xlsx"])
def test_the_same_intensities_come_back(tmp_path: Path, name: str) -> None:
    """Every intensity and head count with money to 1e-15; nothing left beside the file."""
    plan().save(tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    back = loaded(tmp_path / name)
    assert (plan().intensity > 0).sum() > 50
    np.testing.assert_allclose(back.intensity, plan().intensity, rtol=1e-15, atol=0)
    np.testing.assert_allclose(back.spend, plan().spend, rtol=1e-14, atol=0)
    if name != "plan.xlsx":
        assert (back.intensity == plan().intensity).all()


def test_every_key_of_a_plan_is_explained_with_its_unit() -> None:
    """JSON has the keys that are explained and no others; the page lists them all as the code does."""
    assert set(json.loads(plan().to_json())) == set(KEYS)
    page = (Path(__file__).resolve().parents[1] / "docs" / "plan-files.md").read_text(encoding="utf-8")
    for key, meaning in {**KEYS, **COLUMNS, **RANGES}.items():
        assert f"| `{key}` | {meaning} |\n" in page


@pytest.mark.parametrize("name", ["plan.json", "plan.xlsx"])
def test_the_proof_comes_back(tmp_path: Path, name: str) -> None:
    """Figures, prices, texts and the scenario's file; a bound that is none stays none."""
    plan().save(tmp_path / name)
    back = loaded(tmp_path / name)
    for figure in ("budget", "asset", "no_spend", "reference", "shadow_price"):
        assert getattr(back, figure) == pytest.approx(getattr(plan(), figure), rel=1e-15)
    assert np.isnan(back.bound)
    assert back.prices == pytest.approx(plan().prices, rel=1e-15)
    for text in ("scenario", "scenario_hash", "status", "termination", "targeting", "goal"):
        assert getattr(back, text) == getattr(plan(), text)
    assert back.proof.assumes == "nothing"
    assert back.scenario_file is not None
    assert Path(back.scenario_file).resolve() == SMALL


@pytest.mark.parametrize("name", ["plan.json", "plan.xlsx"])
def test_both_sides_of_prices_come_back(tmp_path: Path, name: str) -> None:
    """With how far they hold; what was not looked for stays so, also for a rule that binds to one side only."""
    budget = PriceRange(3.0, float("nan"), holds=16.0, beyond=0.0, step=1000.0, gain=48.0)
    made = replace(plan(), price_ranges={"budget": budget, "a floor": PriceRange(0.0, -0.5)})
    made.save(tmp_path / name)
    back = loaded(tmp_path / name).price_ranges
    assert list(back) == ["budget", "a floor"]
    for rule, known in made.price_ranges.items():
        assert back[rule].facts() == known.facts()


@pytest.mark.parametrize("name", ["plan.json", "plan.xlsx"])
def test_the_proof_of_a_least_spend_comes_back(tmp_path: Path, name: str) -> None:
    """Money under keys of its own, and none of it under those of an asset."""
    spent = float(plan().spend.sum())
    least = replace(plan(), goal="least_money", proof=SpendProof(spent, 1e5 / 3, spent / 7, spent / 8, "nothing"))
    content = json.loads(least.to_json())
    assert set(content) == set(KEYS)
    assert [content[name] for name in ("bound", "reference", "lift_share", "gap")] == [None] * 4
    assert content["least_money"] == spent / 7
    assert content["least_money_share"] == pytest.approx(1 / 7)
    least.save(tmp_path / name)
    back = loaded(tmp_path / name)
    assert back.goal == "least_money"
    assert isinstance(back.proof, SpendProof)
    want = {
        "no_spend": 1e5 / 3,
        "least_money": spent / 7,
        "least_money_reference": spent / 8,
        "least_money_share": 1 / 7,
    }
    assert back.proof.facts() == pytest.approx(want)
    assert back.proof.assumes == "nothing"


def test_a_file_of_before_is_read(tmp_path: Path) -> None:
    """The least money was called thrift, and stood under the keys of an asset."""
    content = json.loads(plan().to_json())
    for name in ("least_money", "least_money_reference", "least_money_share", "as_made"):
        del content[name]
    content.update(goal="thrift", bound=70.0, reference=60.0, lift_share=0.5, gap=0.5)
    (tmp_path / "old.json").write_text(json.dumps(content))
    back = loaded(tmp_path / "old.json")
    assert back.goal == "least_money"
    assert isinstance(back.proof, SpendProof)
    assert (back.proof.least_money, back.proof.reference) == (70.0, 60.0)
    assert all(np.isnan(x) for x in (back.bound, back.reference, back.lift_share))


def test_csv_has_the_documented_columns_and_knows_no_proof(tmp_path: Path) -> None:
    """One row per period x target x lever with money; figures that CSV does not hold are nan."""
    plan().save(tmp_path / "plan.csv")
    with (tmp_path / "plan.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS)
    assert len(rows) == (plan().intensity > 0).sum()
    assert sum(float(row["spend"]) for row in rows) == pytest.approx(plan().spend.sum(), rel=1e-12)
    back = loaded(tmp_path / "plan.csv")
    assert all(np.isnan(x) for x in (back.budget, back.asset, back.no_spend, back.bound, back.shadow_price))
    assert (back.prices, back.scenario_hash, back.scenario_file) == ({}, "", None)


def test_a_plan_without_money_comes_back(tmp_path: Path) -> None:
    """No rows: a header alone, and nothing is spent."""
    nothing = replace(plan(), intensity=np.zeros_like(plan().intensity))
    for name in ("plan.json", "plan.csv", "plan.xlsx"):
        nothing.save(tmp_path / name)
        assert not loaded(tmp_path / name).intensity.any()


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)")


@pytest.mark.parametrize("name", FORMULAS)
def test_a_name_like_a_formula_stays_a_name(tmp_path: Path, name: str) -> None:
    """In every sheet a text, also once it is edited; in CSV kept apart by an apostrophe; and read back as the name."""
    targets = replace(small().targets, segments=(name, "newcomers"))
    made = replace(plan(), targets=targets, today=plan().spend)
    made.save(tmp_path / "plan.xlsx")
    named = [c for sheet in load_workbook(tmp_path / "plan.xlsx") for r in sheet for c in r if c.value == name]
    assert len(named) > 10
    assert all(cell.data_type == "s" and cell.quotePrefix for cell in named)
    made.save(tmp_path / "plan.csv")
    assert f",'{name}," in (tmp_path / "plan.csv").read_text(encoding="utf-8")
    for file in ("plan.xlsx", "plan.csv"):
        assert Plan.load(tmp_path / file, targets, small().chain.periods).intensity.sum() > 0


def test_the_excel_file_opens_on_what_changes(tmp_path: Path) -> None:
    """In money by segment, lever and quarter; sums and differences are formulas; the many rows come last."""
    replace(plan(), today=2 * plan().spend).save(tmp_path / "plan.xlsx")
    book = load_workbook(tmp_path / "plan.xlsx")
    assert book.sheetnames == [
        "against today", "by segment and lever", "today", "by period", "prices", "about", "as made", "plan",
    ]  # fmt: skip
    assert [sheet.title for sheet in book if sheet.sheet_state == "hidden"] == ["as made"]
    assert all(sheet.freeze_panes == "A2" and sheet["A1"].font.bold for sheet in book)
    money = book["by segment and lever"]
    assert [cell.value for cell in money[1]] == ["segment", "lever", "quarter 1", "quarter 2", "all"]
    total = sum(row[2] + row[3] for row in list(money.values)[1:-1])
    assert total == pytest.approx(plan().spend.sum())
    foot = money.max_row
    assert [cell.value for cell in money[foot]] == ["all", None, *(f"=SUM({c}2:{c}{foot - 1})" for c in "CDE")]
    assert money["E2"].value == "=SUM(C2:D2)"
    assert book["against today"]["D3"].value == "='by segment and lever'!D3-today!D3"
    assert book["plan"]["I2"].value == "=G2*H2"


def test_what_works_out_no_formulas_sees_what_they_come_to(tmp_path: Path) -> None:
    """Previews, phones and programs: every formula has its number beside it, that of the plan itself."""
    today = 2 * plan().spend
    today[0] = 0
    replace(plan(), today=today).save(tmp_path / "plan.xlsx")
    formulas, numbers = load_workbook(tmp_path / "plan.xlsx"), load_workbook(tmp_path / "plan.xlsx", data_only=True)
    for sheet in formulas:
        for cell in (cell for row in sheet for cell in row if cell.data_type == "f"):
            assert isinstance(numbers[sheet.title][cell.coordinate].value, int | float), (sheet.title, cell.coordinate)
    spend, foot = plan().spend, numbers["against today"].max_row
    for title, money in {"by segment and lever": spend, "today": today, "against today": spend - today}.items():
        quarters = [float(money[:3].sum()), float(money[3:].sum())]
        shown = [cell.value for cell in numbers[title][foot]][2:]
        assert shown == pytest.approx([*quarters, sum(quarters)], rel=1e-12)
    periods = [row[1:] for row in list(numbers["by period"].values)[1:]]
    assert np.array(periods) == pytest.approx(np.c_[spend.sum((1, 2)), spend.sum((1, 2, 3))], rel=1e-12)
    assert sum(row[8] for row in list(numbers["plan"].values)[1:]) == pytest.approx(spend.sum(), rel=1e-12)


def test_periods_are_dates_where_a_first_day_is_known(tmp_path: Path) -> None:
    """Quarters are named by their first day, and every period has its own."""
    dated = replace(plan(), calendar=Calendar(6, "month", date(2025, 2, 1)))
    dated.save(tmp_path / "plan.xlsx")
    book = load_workbook(tmp_path / "plan.xlsx")
    days = [cell.value.date() for cell in book["by segment and lever"][1][2:-1]]
    assert days == [date(2025, 2, 1), date(2025, 4, 1), date(2025, 7, 1)]
    assert [row[1].date() for row in list(book["by period"].values)[1:]] == [date(2025, m, 1) for m in range(2, 8)]
    firsts = {row[0]: row[1].date() for row in list(book["plan"].values)[1:]}
    assert firsts == {t: date(2025, t + 2, 1) for t in range(6)}
    assert (loaded(tmp_path / "plan.xlsx").intensity > 0).sum() == (plan().intensity > 0).sum()


def test_semicolons_and_decimal_commas_are_read(tmp_path: Path) -> None:
    """As spreadsheets of half of Europe write them, with a byte order mark."""
    plan().save(tmp_path / "plan.csv")
    text = (tmp_path / "plan.csv").read_text(encoding="utf-8").replace(",", ";").replace(".", ",")
    (tmp_path / "plan.csv").write_text(text, encoding="utf-8-sig")
    assert (loaded(tmp_path / "plan.csv").intensity == plan().intensity).all()


def edited(tmp_path: Path, name: str, change: Any) -> Path:
    """Return a plan file whose rows (a list of dicts of text) were changed by hand."""
    path = tmp_path / name
    plan().save(path)
    if name.endswith(".json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        change(content["plan"])
        path.write_text(json.dumps(content), encoding="utf-8")
    elif name.endswith(".csv"):
        with path.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        change(rows)
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.DictWriter(file, list(rows[0]))
            out.writeheader()
            out.writerows(rows)
    else:
        book = load_workbook(path)
        header, *table = list(book["plan"].values)
        rows = [dict(zip(header, row, strict=True)) for row in table]
        change(rows)
        del book["plan"]
        sheet = book.create_sheet("plan")
        sheet.append(list(rows[0]))
        for row in rows:
            sheet.append(list(row.values()))
        book.save(path)
    return path


WRONG = {
    "unknown lever": (lambda rows: rows[1].update(lever="luck"), "has no place in this scenario"),
    "period beyond the horizon": (lambda rows: rows[1].update(period=6), "has no place in this scenario"),
    "no intensity": (lambda rows: rows[1].update(intensity=None, spend=None), "intensity is missing"),
    "half an edit": (
        lambda rows: rows[1].update(spend=7777.0),
        r"spend 7,777 is not intensity x customers, .* leave out the one",
    ),
    "another target": (lambda rows: rows[1].update(target="regulars / lost"), "'regulars / lost' is '"),
    "huge": (lambda rows: rows[1].update(intensity=1e30), r"intensity 1e\+30; expected a number of at least 0 and"),
    "negative": (lambda rows: rows[1].update(intensity=-1.0), "at least 0"),
    "twice": (lambda rows: rows.append(dict(rows[1])), "is for the same period, target and lever as"),
    "not among the lever's targets": (
        lambda rows: rows[0].update(segment="regulars", stage="core", lever="winback", intensity=1.0),
        "not among the lever's targets",
    ),
}


@pytest.mark.parametrize("name", ["plan.json", "plan.csv", "plan.xlsx"])
@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_in_a_plan_is_named(tmp_path: Path, name: str, mistake: str) -> None:
    """The same messages for every kind of file; where rows have numbers, which one."""
    change, expected = WRONG[mistake]
    path = edited(tmp_path, name, change)
    with pytest.raises(InputError, match=expected) as error:
        loaded(path)
    assert "{" not in str(error.value)
    if "place" in expected:
        assert {"plan.json": "plan row 1", "plan.csv": "line 3", "plan.xlsx": "row 3"}[name] in str(error.value)


def test_customers_need_not_be_in_a_csv_plan(tmp_path: Path) -> None:
    """Those expected under the plan are taken."""
    path = edited(tmp_path, "plan.csv", lambda rows: [row.pop("customers") for row in rows])
    found = Firm(small()).load_plan(path)
    np.testing.assert_allclose(found.spend, follow(small().chain, found.intensity).spend)
    assert found.spend.sum() > 0


def test_files_that_are_no_plans(tmp_path: Path) -> None:
    """A missing column, a word for a number, a file of another kind, another ending: each in one line."""
    path = edited(tmp_path, "plan.csv", lambda rows: rows[1].update(intensity="much"))
    with pytest.raises(InputError, match="line 3: intensity: expected a number, got 'much'"):
        loaded(path)
    path = edited(tmp_path, "plan.csv", lambda rows: [row.pop("lever") for row in rows])
    with pytest.raises(InputError, match="no column 'lever'"):
        loaded(path)
    for name in ("no.json", "no.csv", "no.xlsx"):
        with pytest.raises(InputError, match="no such plan"):
            loaded(tmp_path / name)
        (tmp_path / name).write_bytes(b"\xff\xfe\x00something else")
        with pytest.raises(InputError, match=r"is not a plan|cannot be read as (text|a workbook)"):
            loaded(tmp_path / name)
    for name in ("plan.txt", "plan"):
        with pytest.raises(InputError, match=r"\.json, \.csv or \.xlsx"):
            plan().save(tmp_path / name)
    with pytest.raises(FolderError, match="it is a folder"):
        plan().save(tmp_path)
    with pytest.raises(FolderError, match="is not a folder; make it first"):
        plan().save(tmp_path / "nowhere" / "plan.xlsx")


def test_a_csv_plan_is_played_with_what_it_is_expected_to_spend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its budget is not known: it is played as it stands beside the scenario's; nothing is said of its version."""
    edited(tmp_path, "plan.csv", lambda rows: [row.pop("customers") for row in rows])
    monkeypatch.chdir(tmp_path)
    budget, [chosen] = chosen_policies(["plan.csv"], small(), Firm(small()).load_plan, None)
    assert chosen.policy.name == "plan"
    assert chosen.plan is not None
    assert budget < chosen.plan.spend.sum() <= chosen.purse.total * (1 + 1e-12)


def held(intensity: list[float], **changes: Any) -> np.ndarray:
    """Return what is played of a plan of one lever, one target and some periods, rows for each but the third."""
    facts = {"segments": ("all",), "tiers": ("unknown",), "stages": ("new",), "levers": ("care",), "lead": (1,),
             "duration": (2,), "committed": np.array([[[3.0]]])}  # fmt: skip
    targets: Any = SimpleNamespace(**{**facts, **changes})
    targets.windows = lambda k, periods: [slice(t, min(t + 2, periods)) for t in range(1, periods, 2)]
    rows = [{"segment": "all", "tier": "unknown", "stage": "new", "lever": "care", "period": t}
            for t in range(len(intensity)) if t != 2]  # fmt: skip
    stored: Any = SimpleNamespace(content={"plan": rows}, place=lambda i: f"row {i + 2}")
    played = np.array(intensity)[:, None, None, None]
    _hold(Path("plan.csv"), stored, played, targets)
    return played.ravel()


def test_what_is_committed_and_campaigns_cannot_be_edited() -> None:
    """Money of before the start stays; a campaign is one from its first period on, where nobody was expected too."""
    assert held([3.0, 5.0, 0.0, 4.0, 4.0]).tolist() == [3.0, 5.0, 5.0, 4.0, 4.0]
    with pytest.raises(InputError, match=r"plan\.csv: row 2: intensity 2, but what acts in period 0 was committed"):
        held([2.0, 5.0, 0.0, 4.0, 4.0])
    with pytest.raises(InputError, match=r"row 5: intensity 6, but 'care' runs unchanged in periods 3 to 4, with 4 in"):
        held([3.0, 5.0, 0.0, 4.0, 6.0])
    assert held([3.0, 5.0, 0.0, 4.0, 6.0], duration=(1,)).tolist() == [3.0, 5.0, 0.0, 4.0, 6.0]
