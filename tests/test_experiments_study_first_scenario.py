"""The first scenario of a firm: nobody invented, money as said, responses with their ranges."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from markets import orders

from experiments.firm import Firm
from experiments.study.calibrate import calibrate
from experiments.study.first_scenario import ELASTICITIES, ELASTICITY, response_to
from sim.engine.fluid import observed_counts
from sim.engine.response import response
from sim.errors import InputError, PurchasesError
from sim.scenario.curves import Hill
from sim.scenario.file import load

PEOPLE = "id,town\n" + "".join(f"P{i},x\n" for i in range(120)) + "7,x\n7,x\n,x\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with purchases: 400 customers, all new in the first 60 of 540 days."""
    monkeypatch.chdir(tmp_path)
    orders(tmp_path / "orders.csv")
    return tmp_path


@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize(("moves", "usual"), [("purchase_rate", 0.0), ("acquisition", 0.02), ("survival", 0.93)])
def test_responses_have_the_elasticity_they_say(moves: str, usual: float, share: float) -> None:
    found, ceilings = response_to(moves, share, usual)
    wanted = (ELASTICITY, *ELASTICITIES)
    for elasticity, ceiling in zip(wanted, (found["unlimited_money"], *ceilings), strict=True):
        curve = Hill(shape="hill", **{**found, "unlimited_money": ceiling}, half=2.0, steepness=1)
        low, now, high = (float(response(curve, np.array(u), 1.0)) for u in (0.999, 1.0, 1.001))
        if elasticity == ELASTICITY:
            assert now == pytest.approx(usual, abs=1e-6) or moves == "purchase_rate"
        worth = {"purchase_rate": np.log1p, "acquisition": np.log, "survival": lambda s: -np.log(-np.log(s))}[moves]
        assert (worth(high) - worth(low)) / np.log(1.001 / 0.999) == pytest.approx(elasticity * share, rel=1e-3)


def test_without_an_answer_nobody_is_invented_and_that_is_said(here: Path) -> None:
    done = calibrate("orders.csv")
    firm = Firm.open("scenario.yaml")
    assert not firm.scenario.segments
    assert set(firm.scenario.levers) == {"development", "retention"}
    assert "today's money was not said: 9.3% of a year's purchases" in " ".join(done.remarks)
    (winning, back) = firm.left_out
    assert "in the 365 days up to 2025-06-23 0 customers were new and brought 0 of 43,359" in winning
    assert "no lever moves reactivation" in back
    said = firm.check()
    assert "What is left out:" in said
    assert done.newcomers.customers == 0
    assert sum(each.yearly for each in done.levers) == pytest.approx(0.093 * done.newcomers.revenue_a_year)


def test_money_said_in_totals_is_what_today_spends(here: Path) -> None:
    done = calibrate("orders.csv", spend={"retention": 3_000, "development": 1_200}, margin=0.4)
    scenario = load("scenario.yaml")
    firm = Firm.open("scenario.yaml")
    heads = observed_counts(firm.chain, firm.chain.initial)
    a_month = (firm.targets.reference * heads[:, :, None]).sum(axis=(0, 1))
    assert dict(zip(firm.targets.levers, 12 * a_month, strict=True)) == pytest.approx(
        {"retention": 3_000, "development": 1_200}, rel=1e-4
    )
    assert scenario.margin == 0.4
    assert [each.path.split(".")[-1] for each in scenario.uncertain] == ["unlimited_money"] * 2
    assert not any("was not said" in note for note in done.remarks)


def test_people_to_win_come_from_a_number_or_a_file(here: Path) -> None:
    (here / "people.csv").write_text(PEOPLE)
    rows = "".join(f"N{i};2025-0{1 + i % 5}-11;30\n" for i in range(50))
    with (here / "orders.csv").open("a") as stream:
        stream.write(rows)
    done = calibrate("orders.csv", spend={"acquisition": 600, "retention": 900}, prospects="people.csv")
    assert done.answers.prospects == 120
    notes = " ".join(done.remarks)
    for said in ("120 people to win, column 'id'", "1 rows without an id", "1 rows of people named before",
                 "1 people who are customers already"):  # fmt: skip
        assert said in notes
    firm = Firm.open("scenario.yaml")
    assert firm.scenario.segments["people to win"].start == {"prospect": 120}
    curve = firm.scenario.levers["acquisition"].moves["acquisition"]
    today = float(response(curve, np.array(firm.scenario.levers["acquisition"].reference), 1.0))
    assert today == pytest.approx(50 / 12 / 120, rel=1e-3)
    assert len(firm.left_out) == 1
    again = calibrate("scenario.duckdb", "two.yaml", spend={"acquisition": 600, "retention": 900}, prospects=120)
    assert [each.response for each in again.levers] == [each.response for each in done.levers]


def test_money_on_nobody_is_left_out_with_its_amount(here: Path) -> None:
    done = calibrate("orders.csv", spend={"acquisition": 700, "winback": 0, "retention": 900})
    notes = " ".join(done.remarks)
    assert "left out: acquisition, 700 a year: there is nobody to be won (`prospects=`)" in notes
    assert "left out: winback, 0 a year: nothing is spent on it today" in notes
    assert [each.name for each in done.levers] == ["retention"]
    with pytest.raises(InputError, match="no lever is left to plan with: left out: acquisition"):
        calibrate("scenario.duckdb", "two.yaml", spend={"acquisition": 700})


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("lever,spend\nmail,5\n", InputError, "what it is for is not said of lever 'mail'"),
        ("lever,spend,purpose\nmail,5,joy\n", InputError, "'joy' of lever 'mail': expected in column 'purpose' one of"),
        ("lever,spend\nretention,-5\n", PurchasesError, "row 1: expected a lever and money of at least 0 a year"),
        ("lever,spend\nretention,few\nwinback,1\n", PurchasesError, "row 1: .* got 'retention' and 'few'"),
        ("name,spend\nretention,5\n", PurchasesError, "no column looks like the levers; call one 'lever'"),
        ("lever,month,spend\nretention,2024-01-01,5\n", PurchasesError, "all money is of 2024-01-01: what is spent"),
    ],
)
def test_spend_that_cannot_be_used_is_refused(here: Path, text: str, error: type, said: str) -> None:
    (here / "spend.csv").write_text(text)
    with pytest.raises(error, match=said):
        calibrate("orders.csv", spend="spend.csv")
    assert not (here / "scenario.yaml").exists()


def test_init_asks_in_words(tenure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    orders(tmp_path / "orders.csv")
    monkeypatch.setattr("sys.stdin", Terminal("1.2k\n3,000\n\n\n\n0.35\n"))
    code, out, err = tenure("init", "orders.csv", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert {each["name"]: each["yearly"] for each in found["levers"]} == {"development": 1200, "retention": 3000}
    assert (found["margin"], found["prospects"]) == (0.35, None)
    assert "silent customers, to win them back" in err
    monkeypatch.setattr("sys.stdin", io.StringIO("much\n"))  # from a file: no questions
    code, out, err = tenure("init", "orders.csv", "-o", "two.yaml")
    assert (code, out) == (2, "")
    assert "expected a number such as 12500, 12,500, 12.5k or 0.35, got 'much'" in err
    assert err.count("\n") == 1
    monkeypatch.setattr("sys.stdin", io.StringIO("12,5\n"))  # twelve and a half, or a slip: never 125
    assert tenure("init", "orders.csv", "-o", "two.yaml")[0] == 2


@pytest.mark.slow
def test_a_plan_says_what_is_left_out(tenure, tmp_path: Path) -> None:
    orders(tmp_path / "orders.csv")
    (tmp_path / "spend.csv").write_text("lever;spend;purpose\nmail;1.200,50;development\nservice;3.000;retention\n")
    code, out, err = tenure("calibrate", "orders.csv", "--spend", "spend.csv", "--margin", 0.4)
    assert code == 0, err
    assert "mail" in out
    assert "1,200" in out
    code, out, err = tenure("optimize", "scenario.yaml", "--bound-steps", 0, "--json")
    assert code == 0, err
    plan = json.loads(out)
    assert {row["lever"] for row in plan["plan"]} <= {"mail", "service"}
    assert [said.split(" ")[0] for said in plan["left_out"]] == ["Winning", "Winning"]
    check = json.loads(tenure("check", "scenario.yaml", "--json")[1])
    assert check["left_out"] == plan["left_out"]
