"""The command line on plans: what `optimize` and `explain` say, and spreadsheets."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from checks import refuses
from commands import run
from markets import ROOT, SMALL

from optimizer.plan import Plan
from sim.scenario.file import load
from sim.twin import build


@pytest.fixture(scope="module")
def planned(tmp_path_factory) -> Path:
    """Return a folder with a scenario and its plan; tests work on copies."""
    folder = tmp_path_factory.mktemp("planned")
    shutil.copy(SMALL, folder / "scenario.yaml")
    run(folder, "optimize", "scenario.yaml")
    return folder


@pytest.fixture
def study(planned, tmp_path) -> Path:
    """Return such a folder that is the test's own: ``study``, beside nothing else."""
    return Path(shutil.copytree(planned, tmp_path / "study"))


def test_too_many_customers_for_the_memory_are_said(tenure, monkeypatch) -> None:
    """One line that says what to do, exit code 1."""

    def burst(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 6.7 GiB")

    monkeypatch.setattr("experiments.compare.compare", burst)
    code, out, err = tenure("simulate", SMALL)
    assert (code, out) == (1, "")
    assert err == "tenure: not enough memory: Unable to allocate 6.7 GiB; use fewer customers\n"


def test_a_plan_for_another_horizon_is_refused(tenure, tmp_path, study) -> None:
    """A plan is not padded with nothing."""
    text = SMALL.read_text(encoding="utf-8").replace("periods: 6", "periods: 8")
    (tmp_path / "longer.yaml").write_text(text, encoding="utf-8")
    code, _, err = tenure("simulate", "longer.yaml", "--policy", "study/plan.json")
    assert code == 2
    assert "made for 6 periods, the scenario has 8" in err


def test_a_floor_that_today_misses_is_said(tenure, tmp_path) -> None:
    """Going on as today keeps no floor; the table says which it misses."""
    text = SMALL.read_text(encoding="utf-8").replace("awareness: {floor: 0.02}", "winback: {floor: 0.5}")
    (tmp_path / "floor.yaml").write_text(text, encoding="utf-8")
    code, out, _ = tenure("compare", "floor.yaml", "--replications", 2, "--no-track")
    assert code == 0
    assert re.search(
        r"'as today' breaks 1 rule, spends [\d,]+ of 2,569: floor of winback [\d,]+, at least 1,28\d\.", out
    )


def test_plans_for_spreadsheets_play_the_same(tenure, study, monkeypatch) -> None:
    """The plan as JSON, CSV and Excel: simulated with the same luck, worth the same."""
    monkeypatch.chdir(study)
    targets, periods = build(load(SMALL)).targets, 6
    made = Plan.load("plan.json", targets, periods)
    assets = []
    for name in ("plan.json", "plan.csv", "plan.xlsx"):
        made.save(name)
        code, out, err = tenure("simulate", SMALL, "--policy", name, "--replications", 2, "--json")
        assert (code, err) == (0, "")
        assets.append(json.loads(out)["policy"]["asset"])
    assert assets[1:] == pytest.approx(assets[:1] * 2, rel=1e-9)
    code, out, err = tenure("optimize", SMALL, "-o", "again.xlsx")
    assert (code, err) == (0, "")
    assert np.allclose(Plan.load("again.xlsx", targets, periods).intensity, made.intensity, rtol=1e-9, atol=1e-12)
    names = ["again.xlsx", "plan.csv", "plan.json", "plan.xlsx", "scenario.yaml"]
    assert sorted(path.name for path in study.iterdir()) == names


def test_a_cautious_plan_explains_itself(tenure, tmp_path) -> None:
    """`tenure risk -o` writes a plan like any other: it names its scenario; its prices are not the scenario's."""
    text = SMALL.read_text(encoding="utf-8")
    text += "\nuncertain:\n  - {path: segments.newcomers.start.prospect, low: 100, high: 5000}\n"
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "scenario.yaml").write_text(text, encoding="utf-8")
    code, _, err = tenure("risk", "study/scenario.yaml", "--samples", 2, "-o", "study/x.json")
    assert (code, err) == (0, "")
    content = json.loads((tmp_path / "study/x.json").read_text(encoding="utf-8"))
    assert (content["scenario_file"], content["goal"]) == ("scenario.yaml", "robust")
    code, out, err = tenure("explain", "study/x.json", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["prices_from"] == "search"
    assert found["asset"] == pytest.approx(content["asset"])
    code, _, err = tenure("compare", "study/scenario.yaml", "--policy", "as-today", "--policy", "study/x.json",
                          "--replications", 2, "--no-track")  # fmt: skip
    assert (code, err) == (0, "")


def test_a_plan_names_its_scenario_from_where_it_lies(tenure, tmp_path) -> None:
    """Made from another folder than that of its files."""
    (tmp_path / "study").mkdir()
    shutil.copy(SMALL, tmp_path / "study" / "scenario.yaml")
    assert tenure("optimize", "study/scenario.yaml", "--bound-steps", 0, "-o", "study/plan.json")[0] == 0
    assert json.loads((tmp_path / "study/plan.json").read_text(encoding="utf-8"))["scenario_file"] == "scenario.yaml"


def test_a_plan_explains_itself(tenure, tmp_path, study, monkeypatch) -> None:
    """`tenure explain plan.json` finds the scenario beside the plan, from wherever it is called."""
    code, out, err = tenure("explain", "study/plan.json", "--json", "--simplest", "study/simple.csv")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["lift"] == pytest.approx(found["asset"] - found["no_spend"])
    assert found["prices_from"] == "plan"
    assert sum(line["spend"] for line in found["lines"]) == pytest.approx(found["spend"])
    assert found["simplest"]["share"] >= 0.97
    assert found["file"] == "study/simple.csv"
    rows = (tmp_path / "study/simple.csv").read_text(encoding="utf-8").splitlines()[1:]
    kept = {(line["segment"], line["lever"]) for line in found["simplest"]["kept"]}
    assert {(row.split(",")[2], row.split(",")[5]) for row in rows} == kept

    monkeypatch.chdir(tmp_path / "study")
    code, out, err = tenure("explain", "plan.json")
    assert (code, err) == (0, "")
    assert out.startswith("small: the plan spends")
    for words in (" because ", "Rules that bind", "1,000 more would bring", "The simplest plan:", "Next: tenure"):
        assert words in out
    code, out, err = tenure("explain", "simple.csv", "--scenario", "scenario.yaml")
    assert (code, err) == (0, "")
    assert "The file knows no prices" in out


def test_a_plan_for_another_version_is_explained_with_a_note(tenure, study, monkeypatch) -> None:
    """A changed margin: said on standard error, and the prices are those of a search."""
    text = SMALL.read_text(encoding="utf-8").replace("margin: 0.4", "margin: 0.3")
    (study / "scenario.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(study)
    code, out, err = tenure("explain", "plan.json", "--json")
    assert code == 0
    assert err == "tenure: note: plan.json was made for another version of this scenario\n"
    assert json.loads(out)["prices_from"] == "search"


CAMPAIGNS = "  campaigns: {retention: {least: 400, fixed_cost: 30}}\n"


@pytest.fixture(scope="module")
def with_campaigns(tmp_path_factory) -> Path:
    """Return a folder with a scenario in which campaigns have sizes and fixed costs, its plan, and what explains it."""
    folder = tmp_path_factory.mktemp("campaigns")
    text = SMALL.read_text(encoding="utf-8").replace("rules:\n", f"rules:\n{CAMPAIGNS}")
    (folder / "scenario.yaml").write_text(text, encoding="utf-8")
    (folder / "made.txt").write_text(run(folder, "optimize", "scenario.yaml", "--bound-steps", "0"), encoding="utf-8")
    (folder / "explained.txt").write_text(run(folder, "explain", "plan.json"), encoding="utf-8")
    (folder / "explained.json").write_text(run(folder, "explain", "plan.json", "--json"), encoding="utf-8")
    return folder


def test_fixed_costs_are_said(with_campaigns) -> None:
    """By the command that makes the plan and by the one that explains it, the same money as in the file."""
    costs = json.loads((with_campaigns / "plan.json").read_text(encoding="utf-8"))["fixed_costs"]
    said = f"Fixed costs of its campaigns, in no other figure: {costs:,.0f}; less them it is worth"
    assert costs > 0
    for words in ("made.txt", "explained.txt"):
        assert said in (with_campaigns / words).read_text(encoding="utf-8")


def test_campaigns_are_explained_with_their_prices(with_campaigns) -> None:
    """The prices are the plan's own; a line without money is laid to the rule on campaigns."""
    made, found = (json.loads((with_campaigns / name).read_text("utf-8")) for name in ("plan.json", "explained.json"))
    assert found["prices_from"] == "plan"
    assert {rule["name"]: rule["price"] for rule in found["rules"]} == pytest.approx(made["prices"])
    out = (with_campaigns / "explained.txt").read_text(encoding="utf-8")
    assert "newcomers / retention gets nothing because of the rule on campaigns: each of retention" in out
    assert "takes at least 400 and costs 30 beside its money" in out


def test_a_plan_without_rows_says_that_money_would_pay(tenure, with_campaigns) -> None:
    """All of the budget is left and nothing is in the way."""
    plan = with_campaigns / "plan.json"
    empty = with_campaigns / "empty.json"
    empty.write_text(json.dumps({**json.loads(plan.read_text(encoding="utf-8")), "plan": []}), encoding="utf-8")
    code, out, _ = tenure("explain", empty)
    assert code == 0
    assert "of the budget is not spent: it would pay, the best next unit" in out
    assert "but for 'budget'" not in out


def test_a_plan_beyond_its_budget_is_explained(tenure, with_campaigns) -> None:
    """With far less money than it spends: by how much, in money, and that the optimum is then worth less."""
    plan = with_campaigns / "plan.json"
    code, out, _ = tenure("explain", plan, "--budget", "10")
    spent = json.loads((with_campaigns / "explained.json").read_text(encoding="utf-8"))["spend"]
    assert code == 0
    assert f"The plan misses 'budget' by {spent - 10:,.0f}." in out
    assert " less, as it meets what the plan misses." in out
    assert "worth -" not in out


def test_nothing_to_explain_is_said_plainly(tenure, tmp_path, study) -> None:
    """A budget of nothing for a plan that spends is refused; a plan that spends nothing has no line, but prices."""
    refuses(
        tenure, tmp_path, ("explain", "study/plan.json", "--budget", "0"), "with no money there is nothing to explain"
    )
    assert tenure("optimize", SMALL, "--budget", "0", "--bound-steps", "0")[0] == 0
    for words in (("explain", "plan.json"), ("explain", "plan.json", "--budget", "0")):
        code, out, err = tenure(*words)
        assert (code, err) == (0, "")
        assert out.startswith("small: the plan spends nothing, so no line (segment / lever) is there to explain.")
        assert "The first unit would bring most on regulars / retention" in out
        assert "- budget: at most 0; 1,000 more would bring" in out
        assert "stated as a share" not in out
        assert "implest" not in out


def test_explain_wants_a_scenario(tenure, study, monkeypatch) -> None:
    """A CSV file, or a scenario that is gone: one line that says what to do."""
    monkeypatch.chdir(study)
    (study / "scenario.yaml").unlink()
    code, out, err = tenure("explain", "plan.json")
    assert (code, out) == (2, "")
    assert "its scenario file scenario.yaml is not there" in err
    (study / "plan.csv").write_text("period,segment,tier,stage,lever,intensity,customers\n", encoding="utf-8")
    code, out, err = tenure("explain", "plan.csv")
    assert (code, out) == (2, "")
    assert "name its file with --scenario" in err


def test_options_of_samples_go_with_what_they_are_for(tenure) -> None:
    """An aim that there is not, samples without an aim, a bound with one: each is refused in a line."""
    for words, said in (
        (("--for", "best"), "--for best: expected one of mean, cautious, quantile"),
        (("--samples", "6"), "--samples: says how samples are weighed; give --for too"),
        (("--for", "mean", "--bound-steps", "0"), "--for: proves no bound; leave out"),
    ):
        code, out, err = tenure("optimize", ROOT / "tests" / "data" / "unsure.yaml", *words)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err
