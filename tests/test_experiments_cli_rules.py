"""Rules of policies, equal money, plans side by side and single lines at the command line."""

import json
from pathlib import Path

import pytest
from commands import run
from markets import SMALL


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a scenario for 900, and a plan for 1,500."""
    here = tmp_path_factory.mktemp("rules")
    text = SMALL.read_text(encoding="utf-8").replace("rules:\n", "rules:\n  budget: 900\n")
    (here / "scenario.yaml").write_text(text, encoding="utf-8")
    run(here, "optimize", "scenario.yaml", "--budget", "1500", "--bound-steps", "0", "-o", "plan.json")
    return here


def test_compare_says_each_policys_money_and_rules(folder: Path) -> None:
    """A plan over the budget is played as it stands, and that is said; no other policy gets more for it."""
    words = ["compare", "scenario.yaml", "--policy", "as-today", "--policy", "no-spend", "--policy", "plan.json"]
    words += ["--replications", "2"]
    out = run(folder, *words)
    assert "'no spend' breaks 1 rule, spends 0 of 900: floor of awareness 0, at least 18." in out
    assert "'plan' breaks 1 rule, spends 1,500 of 900: budget by 600." in out
    assert "Customer asset in expected numbers, as plans are counted (the table is simulated): as today" in out
    found = json.loads(run(folder, *words, "--no-track", "--json"))
    today, nothing, plan = found["policies"]
    assert today["breaks"] == []
    assert today["spend"] == pytest.approx(900, rel=1e-3)
    assert [each["rule"] for each in nothing["breaks"]] == ["floor of awareness"]
    assert plan["spend"] == pytest.approx(1500, rel=1e-3)
    assert [(each["rule"], each["limit"]) for each in plan["breaks"]] == [("budget", 900)]
    promised = json.loads((folder / "plan.json").read_text(encoding="utf-8"))["asset"]
    assert plan["expected_asset"] == pytest.approx(promised, rel=1e-9)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Rules that are broken" in page
    assert "breaks 1 rule, spends 1,500 of 900: budget by 600." in page


def test_compare_tracks_the_rules(folder: Path) -> None:
    import sqlite3

    run(folder, "compare", "scenario.yaml", "--policy", "no-spend", "--replications", "2", "--folder", "tracked")
    with sqlite3.connect(next((folder / "tracked").glob("*.db"))) as store:
        [(broken,)] = store.execute("select value from metrics where key = 'rules_broken'").fetchall()
        notes = [text for (text,) in store.execute("select value from tags where key = 'mlflow.note.content'")]
    assert broken == 1
    assert len([note for note in notes if "breaks 1 rule, spends 0 of 900: floor of awareness" in note]) == 2


def test_equal_money_scales_all_to_one_budget(folder: Path) -> None:
    words = ["compare", "scenario.yaml", "--equal-money", "--budget", "1200", "--replications", "2", "--no-track"]
    words += ["--policy", "as-today", "--policy", "even-split", "--policy", "plan.json", "--policy", "no-spend"]
    out = run(folder, *words)
    assert "'no spend' was not scaled up to 1,200: it spends 0: it asks for nothing." in out
    found = json.loads(run(folder, *words, "--json"))
    assert found["equal_money"]
    for policy in found["policies"][:3]:
        assert policy["spend"] == pytest.approx(1200, rel=1e-3)
        assert policy["breaks"] == []


@pytest.mark.slow
def test_money_taken_away_says_who_loses_first(folder: Path) -> None:
    words = [
        "optimize",
        "scenario.yaml",
        "--base",
        "plan.json",
        "--more",
        "-500",
        "--bound-steps",
        "0",
        "-o",
        "less.json",
    ]
    out = run(folder, *words)
    assert "loses, the first first" in out
    assert "of the first tenth" in out
    found = json.loads(run(folder, *words, "--json"))
    assert sum(each["base"] - each["left"] for each in found["loses"]) == pytest.approx(500, rel=1e-2)
    assert found["loses"][0]["first"] == max(each["first"] for each in found["loses"])
    said = run(folder, "optimize", "scenario.yaml", "--base", "plan.json", "--more", "-5000", "-o", "x.json", code=2)
    assert "--more -5000: takes more than the base spends, 1,500" in said


def test_two_plans_side_by_side(folder: Path) -> None:
    run(folder, "optimize", "scenario.yaml", "--budget", "700", "--bound-steps", "0", "-o", "small.csv")
    out = run(folder, "diff", "plan.json", "small.csv")
    assert out.startswith("small instead of plan spends 700 EUR (-800) for a customer asset of ")
    assert "month 1 to 3" in out
    assert "Next: tenure compare scenario.yaml --policy plan.json --policy small.csv" in out
    found = json.loads(run(folder, "diff", "small.csv", "plan.json", "--json"))
    assert found["spend"] == [pytest.approx(700, rel=1e-3), pytest.approx(1500, rel=1e-3)]
    assert sum(line["change"] for line in found["lines"]) == pytest.approx(800, rel=1e-3)
    assert sum(time["second"] for time in found["times"]) == pytest.approx(1500, rel=1e-3)
    said = run(folder, "diff", "plan.json", "scenario.yaml", code=2)
    assert "scenario.yaml: is a scenario beside a plan" in said
    assert "does not say which scenario" in run(folder, "diff", "small.csv", "small.csv", code=2)


def test_two_scenarios_side_by_side(folder: Path) -> None:
    text = (folder / "scenario.yaml").read_text(encoding="utf-8")
    text = text.replace("budget: 900", "budget: 1200").replace("cap: 0.7", "cap: 0.7\n    winback: {floor: 0.1}")
    (folder / "other.yaml").write_text(
        text.replace("{cap: 0.7\n", "{cap: 0.7}\n").replace("0.1}}", "0.1}"), encoding="utf-8"
    )
    out = run(folder, "diff", "scenario.yaml", "other.yaml")
    assert out.startswith("scenario.yaml and other.yaml differ in 2 keys:")
    assert "- rules.budget: 900 in scenario.yaml, 1,200 in other.yaml (+33.3 %)" in out
    assert "- rules.levers.winback: floor 0.1, cap 1 in other.yaml, not stated in scenario.yaml" in out
    found = json.loads(run(folder, "diff", "scenario.yaml", "other.yaml", "--json"))
    assert found["differ"][0] == {"key": "rules.budget", "first": 900, "second": 1200}
    assert "say the same" in run(folder, "diff", "scenario.yaml", "scenario.yaml")


def test_one_line_is_explained(folder: Path) -> None:
    """One with money, one without: what its next unit would bring against the budget's price."""
    out = run(folder, "explain", "plan.json", "--line", "regulars / retention")
    assert out.startswith("regulars / retention gets ")
    assert "One more unit, spread as its money is, would bring" in out
    out = run(folder, "explain", "plan.json", "--line", "Newcomers/Acquisition")
    assert out.startswith("newcomers / acquisition gets nothing. Its next unit would bring most in period ")
    assert "The budget's price is " in out
    found = json.loads(run(folder, "explain", "plan.json", "--line", "newcomers/acquisition", "--json"))
    assert found["line"]["spend"] == 0
    assert found["line"]["best_marginal"] < found["line"]["best_asked"]
    assert found["budget_price"] == pytest.approx(found["rules_ask"]["budget"])
    said = run(folder, "explain", "plan.json", "--line", "regulars/winbak", code=2)
    assert "--line regulars/winbak: no such segment/lever; did you mean 'regulars/winback'?" in said
    out = run(folder, "explain", "plan.json", "--line", "regulars/awareness")
    assert out.startswith("regulars / awareness gets nothing: nobody is expected where it can be used, in any month.")
