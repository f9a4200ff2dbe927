"""Money by segment, lever and time as a policy; a plan's file edited: what is promised is played, or refused."""

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from markets import SMALL
from openpyxl import Workbook, load_workbook

from sim.engine.sensitivity import follow

MONEY = "by segment and lever"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a scenario that begins on a day, and its plan in all three kinds of file."""
    import tenure as face

    folder = tmp_path_factory.mktemp("made")
    text = SMALL.read_text(encoding="utf-8").replace("periods: 6", "periods: 6\nfirst_day: 2025-02-01")
    (folder / "scenario.yaml").write_text(text, encoding="utf-8")
    plan = face.open(folder / "scenario.yaml").optimize(bound_steps=0)
    for name in ("plan.json", "plan.csv", "plan.xlsx"):
        plan.save(folder / name)
    return folder


@pytest.fixture
def here(made: Path, tenure: Any, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """Return what runs a command beside copies of those files."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tenure


def compared(here: Any, *policies: str, more: tuple[Any, ...] = ()) -> tuple[dict[str, dict[str, float]], str]:
    """Return each policy's figures, and what was said."""
    words = [word for policy in policies for word in ("--policy", policy)]
    code, out, err = here("compare", "scenario.yaml", *words, "--replications", 3, "--no-track", "--json", *more)
    assert code == 0, err
    return {row["name"]: row for row in json.loads(out)["policies"]}, err


# --- What is promised is played ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "how"),
    [
        ("split.csv", "even"),
        ("split.xlsx", "even"),
        ("split.csv", "period"),
        ("split.csv", "today"),
        ("split.csv", "plan.json"),
    ],
)
def test_what_is_promised_is_played(here, file: str, how: str) -> None:
    """A plan by quarter brings what its export says, in expected numbers; simulated, within what luck leaves."""
    import tenure as face

    code, out, err = here("split", "plan.json", "--spread", how, "-o", file, "--json")
    said = json.loads(out)
    assert code == 0, err
    firm = face.open("scenario.yaml")
    plan = firm.load_plan("plan.json")
    assert said["plan_asset"] == pytest.approx(plan.asset, rel=1e-9)
    assert said["evening_out"] == pytest.approx(said["asset"] - said["plan_asset"])
    assert said["spend"] == pytest.approx(plan.spend.sum())
    played = firm.load_plan(file, how)
    again = follow(firm.chain, played.intensity)
    assert again.spend.sum() == pytest.approx(said["spend"], rel=1e-7)
    assert again.asset == pytest.approx(said["asset"], rel=1e-8)
    if how == "plan.json":
        assert abs(said["evening_out"]) < 1e-6 * said["asset"]
    rows, _ = compared(here, "plan.json", file, more=("--spread", how))
    rounding = 1e-9 * said["asset"]
    assert rows["split"]["low"] - rounding <= said["evening_out"] <= rows["split"]["high"] + rounding


def test_the_export_prints_what_evening_out_costs_and_what_to_do_next(here) -> None:
    code, out, err = here("split", "plan.json", "--by", "month")
    assert (code, err) == (0, "")
    assert "evening out costs " in out
    assert "Next: edit it, then tenure compare scenario.yaml --policy plan.json --policy split.csv, or" in out
    with Path("split.csv").open(encoding="utf-8") as file:
        assert next(csv.reader(file)) == ["segment", "lever", "month", "spend"]
    code, out, _ = here("optimize", "scenario.yaml", "--from", "split.csv", "--bound-steps", 0, "-o", "better.json")
    assert code == 0
    assert "Begun from split.csv, which spends 2,5" in out
    assert "the plan is worth +" in out


@pytest.mark.parametrize("by", ["week", "fortnight"])
def test_stretches_that_cannot_be_are_refused(here, by: str) -> None:
    code, out, err = here("split", "plan.json", "--by", by)
    assert (code, out) == (2, "")
    assert "finer than the months" in err if by == "week" else "--by fortnight: expected one of week, month" in err
    assert not Path("split.csv").exists()


# --- A table of a planner's own ---------------------------------------------------------------------------------------

OWN = "segment,lever,quarter,spend\nregulars,retention,2025-Q1,150\nregulars,retention,2025-Q2,300\n"


def test_what_a_table_leaves_out_or_cannot_spend_is_said_in_money(here) -> None:
    """Cells without a row, people who are not there yet, and a budget that is too small."""
    Path("own.csv").write_text(OWN + "newcomers,winback,month 1,70\n", encoding="utf-8")
    rows, err = compared(here, "own.csv")
    assert rows["own"]["spend"] == pytest.approx(450, rel=0.05)
    assert "own.csv: says nothing of regulars / awareness in any month, " in err
    assert "where today spends 1,968.99" in err
    assert "newcomers / winback in month 1: 70.00 is written, 0.00 spent: nobody is there" in err
    Path("own.csv").write_text(OWN.replace("150", "9000"), encoding="utf-8")
    rows, err = compared(here, "as-today", "own.csv")
    assert {"rule": "budget"}.items() <= rows["own"]["breaks"][0].items()
    assert rows["own"]["spend"] > 3 * rows["as today"]["spend"]
    rows, err = compared(here, "own.csv", more=("--budget", 2000))
    assert rows["own"]["spend"] > 2000 == rows["own"]["budget"]
    assert [broken["rule"] for broken in rows["own"]["breaks"]] == ["budget", "budget", "floor of awareness"]


def test_a_table_in_excel_is_played_as_in_csv(here) -> None:
    """Wide, named by dates, on the first sheet."""
    Path("own.csv").write_text(OWN, encoding="utf-8")
    book = Workbook()
    for row in (["segment", "lever", "2025-Q1", "2025-Q2"], ["regulars", "retention", 150, 300]):
        book.active.append(row)
    book.save("wide.xlsx")
    rows, _ = compared(here, "own.csv", "wide.xlsx")
    assert rows["wide"]["asset"] == rows["own"]["asset"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ("--policy", "as-today", "--spread", "today"),
            "--spread today: there is no table of money here; leave --spread out",
        ),
        (
            ("--policy", "own.csv", "--spread", "odd"),
            "--spread odd: expected one of even, period, today, or the file of",
        ),
        (
            ("--policy", "bad.csv"),
            "bad.csv: line 2: segment 'regular' is not known; expected one of regulars, newcomers",
        ),
    ],
)
def test_what_cannot_be_played_is_refused_in_one_line(here, words: tuple[str, ...], expected: str) -> None:
    Path("own.csv").write_text(OWN, encoding="utf-8")
    Path("bad.csv").write_text(OWN.replace("regulars", "regular"), encoding="utf-8")
    code, out, err = here("compare", "scenario.yaml", "--no-track", *words)
    assert (code, out) == (2, "")
    assert expected in err
    assert err.count("\n") == err.count("tenure: ")


# --- Plans that are edited --------------------------------------------------------------------------------------------


def edit_rows(change: Callable[[list[dict[str, Any]]], None]) -> None:
    content = json.loads(Path("plan.json").read_text(encoding="utf-8"))
    change(content["plan"])
    Path("plan.json").write_text(json.dumps(content), encoding="utf-8")


def test_tripled_intensities_are_refused_or_played_and_said(here) -> None:
    """Alone they contradict the rows' spend; with it they are played, and the money above the budget is said."""
    edit_rows(lambda rows: [row.update(intensity=3 * row["intensity"]) for row in rows])
    code, _, err = here("compare", "scenario.yaml", "--policy", "plan.json", "--no-track")
    assert code == 2
    assert "plan.json: plan row 0: spend " in err
    assert "is not intensity x customers" in err
    edit_rows(lambda rows: [row.pop("spend") for row in rows])
    rows, err = compared(here, "as-today", "plan.json")
    assert "plan.json: its rows were changed after it was made: it says a customer asset of " in err
    assert "budget" in {broken["rule"] for broken in rows["plan"]["breaks"]}
    assert rows["plan"]["spend"] > 2 * rows["as today"]["spend"]


FIGURES = (
    "budget",
    "asset",
    "bound",
    "reference",
    "lift_share",
    "shadow_price",
    "targeting",
    "status",
    "goal",
    "prices",
)


@pytest.mark.parametrize("key", FIGURES)
def test_a_changed_figure_is_refused(here, key: str) -> None:
    """What no row tells is held against its copy."""
    content = json.loads(Path("plan.json").read_text(encoding="utf-8"))
    new = {"budget": 99.0} if key == "prices" else content[key] + ("s" if isinstance(content[key], str) else 1)
    Path("plan.json").write_text(json.dumps({**content, key: new}), encoding="utf-8")
    code, out, err = here("compare", "scenario.yaml", "--policy", "plan.json", "--no-track")
    assert (code, out) == (2, "")
    assert f"plan.json: {key}" in err
    assert "but the plan was made with " in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("periods", 7, "made for 7 periods, the scenario has 6"),
        ("as_made", None, "holds no copy of its figures: whether budget, bound or prices were changed cannot be seen"),
    ],
)
def test_another_horizon_is_refused_and_a_missing_copy_said(here, key: str, value: Any, expected: str) -> None:
    content = json.loads(Path("plan.json").read_text(encoding="utf-8")) | {key: value}
    Path("plan.json").write_text(json.dumps({k: v for k, v in content.items() if v is not None}), encoding="utf-8")
    code, _, err = here("compare", "scenario.yaml", "--policy", "plan.json", "--replications", 2, "--no-track")
    assert code == (0 if value is None else 2)
    assert expected in err


def test_changed_customers_are_refused_or_said(here) -> None:
    """Rows of a target must agree, and with what is expected under the plan; a CSV file does not say of which plan."""

    def doubled(rows: list[dict[str, Any]], all_of_them: bool = True) -> None:
        for row in rows[: None if all_of_them else 1]:
            if (row["period"], row["target"]) == (0, rows[0]["target"]):
                row.update(customers=2 * row["customers"], spend=2 * row["spend"])

    edit_rows(lambda rows: doubled(rows, all_of_them=False))
    code, _, err = here("compare", "scenario.yaml", "--policy", "plan.json", "--no-track")
    assert code == 2
    assert "plan row 1: customers 400, but plan row 0 has 800 for the same target and period; restore the number" in err
    edit_rows(lambda rows: (rows[0].update(customers=400.0, spend=rows[0]["spend"] / 2), doubled(rows)))
    code, _, err = here("compare", "scenario.yaml", "--policy", "plan.json", "--no-track")
    assert code == 2
    assert (
        "plan row 0: customers 800.00 in 'regulars / new' in period 0, where 400.00 are expected under the plan" in err
    )
    with Path("plan.csv").open(encoding="utf-8") as file:
        rows = [{**row, "spend": ""} for row in csv.DictReader(file)]
    for row in rows:
        if (row["period"], row["target"]) == ("0", rows[0]["target"]):
            row["customers"] = "800"
    with Path("plan.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    _, err = compared(here, "plan.csv")
    assert "customers 800.00 in 'regulars / new' in period 0, where 400.00 are; it is played, and spends 2,5" in err


def edit_book(sheet: str, cell: str, value: Any) -> None:
    book = load_workbook("plan.xlsx")
    old = book[sheet][cell].value
    book[sheet][cell].value = value(old) if callable(value) else value
    book.save("plan.xlsx")


EDITS: dict[str, tuple[str, str, Any, str]] = {
    "today": ("today", "D5", lambda v: v + 500, "sheet 'today', D5: says "),
    "change": (
        "against today",
        "D5",
        5000.0,
        "sheet 'against today', D5: says 5,000.00 where the money less today's is ",
    ),
    "sum": (MONEY, "F5", 5000.0, f"sheet '{MONEY}', F5: says 5,000.00 where its cells add up to "),
    "formula": (MONEY, "D5", "=7*7", "sheet 'by segment and lever', D5: =7*7 was never worked out"),
    "word": (MONEY, "D5", "lots", f"sheet '{MONEY}', D5: expected money, a number"),
    "blank": (
        MONEY,
        "D5",
        None,
        "says nothing of regulars / retention in period 2, where the rows of sheet 'plan' spend",
    ),
    "period": (
        "by period",
        "C2",
        5000.0,
        "sheet 'by period', C2: says 5,000.00 where the rows of sheet 'plan' add up to ",
    ),
    "day": ("plan", "B2", datetime(2025, 7, 1), "2025-07-01 is not the first day of period 0"),
    "spend": ("plan", "J2", 5000.0, "sheet 'plan', row 2: spend 5,000 is not intensity x customers"),
    "intensity": ("plan", "H2", lambda v: 3 * v, "and these were changed too; delete the sheet 'by segment and lever'"),
    "price": ("prices", "B2", 5000.0, "prices, budget: says 5,000, but the plan was made with "),
    "range": ("prices", "C2", 5000.0, "price_ranges, budget, looser: says 5,000, but the plan was made with "),
    "rule": ("prices", "A2", "my rule", "prices, budget: says nothing, but the plan was made with "),
    "budget": ("about", "B9", 5000.0, "budget: says 5,000, but the plan was made with "),
    "customers": (
        "plan",
        "I2",
        lambda v: 3 * v,
        "customers 400, but sheet 'plan', row 2 has 1,200 for the same target",
    ),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_of_what_follows_from_the_plan_is_refused(here, what: str) -> None:
    """With the cell, both values, and what to do; nothing is ignored."""
    sheet, cell, value, expected = EDITS[what]
    edit_book(sheet, cell, value)
    code, out, err = here("compare", "scenario.yaml", "--policy", "plan.xlsx", "--no-track")
    assert (code, out) == (2, "")
    assert expected in err
    assert err.count("\n") == 1


def test_money_that_is_edited_in_excel_is_played(here) -> None:
    """The cell's money, whatever heads become, the others' as they were; the plan's own pattern inside it."""
    import tenure as face

    firm = face.open("scenario.yaml")
    old = firm.load_plan("plan.xlsx")
    edit_book(MONEY, "D5", lambda money: 2 * money)
    with pytest.warns(face.NotAsWritten, match=r"plan\.xlsx: played as edited, .* sheet 'by segment and lever', D5: "):
        new = firm.load_plan("plan.xlsx")
    was, now = old.lines(), new.lines()
    line = was.names.index(("regulars", "retention"))
    want = was.money.copy()
    want[line, 1] *= 2
    assert was.stretches == now.stretches
    assert now.money == pytest.approx(want, rel=1e-6, abs=1e-6)
    inside = old.intensity[2:5] > 0
    ratio = (new.intensity[2:5][inside] / old.intensity[2:5][inside]).reshape(-1)
    assert ratio.max() > 1.9
    rows, err = compared(here, "plan.xlsx")
    assert "played as edited, " in err
    assert rows["plan"]["spend"] == pytest.approx(want.sum(), rel=0.05)


def test_rows_that_are_edited_in_excel_are_played_without_the_sheet_of_money(here) -> None:
    book = load_workbook("plan.xlsx")
    book["plan"]["H2"].value *= 3
    del book[MONEY]
    book.save("plan.xlsx")
    _, err = compared(here, "plan.xlsx")
    assert "plan.xlsx: its rows were changed after it was made" in err


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice")
@pytest.mark.parametrize("edited", [False, True])
def test_a_spreadsheet_opens_the_file_and_saves_it(here, tmp_path: Path, edited: bool) -> None:
    """It works out sums and differences as they are meant, and what it saves is read like the file it was."""
    if edited:
        edit_book(MONEY, "D5", lambda money: 2 * money)
    words = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "xlsx"]
    subprocess.run([*words, "--outdir", "saved", "plan.xlsx"], check=True, capture_output=True, timeout=180)
    book = load_workbook("saved/plan.xlsx", data_only=True)
    money, today, change = (list(book[name].values) for name in (MONEY, "today", "against today"))
    assert change[4][3] == pytest.approx(money[4][3] - today[4][3])
    assert money[-1][-1] == pytest.approx(sum(sum(row[2:5]) for row in money[1:-1]))
    spend = sum(row[-1] for row in list(book["plan"].values)[1:])
    assert sum(row[-1] for row in list(book["by period"].values)[1:]) == pytest.approx(spend)
    shutil.copy("saved/plan.xlsx", "plan.xlsx")
    _, err = compared(here, "plan.xlsx")
    assert ("played as edited" in err) == edited
    assert edited or err == ""
