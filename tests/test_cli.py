"""The command line: every verb on small files, exit codes, one-line errors, clean JSON."""

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml

from optimizer.plan import Plan
from sim.scenario.file import load
from sim.twin import build

SMALL = Path(__file__).resolve().parent / "data" / "small.yaml"


def orders(path: Path, customers: int = 400) -> Path:
    """Write purchases of customers who buy at their own rates and leave, with columns of a shop's export."""
    random = np.random.default_rng(5)
    start = date(2024, 1, 1)
    lines = ["client;order_date;revenue"]
    for who in range(customers):
        day = int(random.integers(0, 60))
        rate, leaves = random.gamma(1.0, 1 / 40), random.exponential(300)
        lines.append(f"{who};{start + timedelta(days=day)};{random.gamma(6, 5):.2f}")
        now = float(day)
        while True:
            now += random.exponential(1 / rate)
            if now > min(day + leaves, 540):
                break
            lines.append(f"{who};{start + timedelta(days=int(now))};{random.gamma(6, 5):.2f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_way_of_a_new_user(tenure, tmp_path) -> None:
    """From purchases to a scenario, a plan and a comparison, each with JSON alone on standard output."""
    orders(tmp_path / "orders.csv")
    code, out, err = tenure("calibrate", "orders.csv", "--currency", "EUR", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["columns"] == {"customer_id": "client", "date": "order_date", "amount": "revenue"}
    assert found["customers"] == 400

    code, out, _ = tenure("check", "scenario.yaml")
    assert code == 0
    assert "acquisition" in out
    assert "valid" in out

    code, out, err = tenure("optimize", "scenario.yaml", "-o", "plan.json", "--json")
    assert (code, err) == (0, "")
    plan = json.loads(out)
    assert plan["no_spend"] < plan["asset"] <= plan["bound"]
    assert plan["gap"] == pytest.approx(1 - plan["lift_share"])
    assert sum(row["spend"] for row in plan["plan"]) <= plan["budget"] * (1 + 1e-6)

    code, out, err = tenure(
        "compare", "scenario.yaml", "--policy", "as-today", "--policy", "plan.json", "--replications", 3,
        "--no-track", "--json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert [row["name"] for row in json.loads(out)["policies"]] == ["as today", "plan"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["orders.csv", "plan.json", "scenario.duckdb", "scenario.yaml"]

    code, out, err = tenure("calibrate", "orders.csv")
    assert code == 2
    assert "--force" in err


def test_simulate_writes_csv_and_repeats_itself(tenure, tmp_path) -> None:
    """The same seed gives the same bytes; another seed does not."""
    words = ("simulate", SMALL, "--policy", "even-split", "--replications", 2, "--json")
    code, first, _ = tenure(*words, "--seed", 3, "--threads", 1, "--csv", "months.csv")
    assert code == 0
    assert tenure(*words, "--seed", 3, "--threads", 2)[1] == first
    assert tenure(*words, "--seed", 4)[1] != first
    header = (tmp_path / "months.csv").read_text(encoding="utf-8").split("\n")[0]
    assert header.startswith("period,segment,tier,stage,customers,true_unaware,")
    assert ",purchases,revenue,cost_to_serve,bad_debt,reward,spend_awareness," in header


def test_compare_tracks_by_default(tenure, tmp_path) -> None:
    """Without --no-track, the runs and a report are left in the folder."""
    code, out, err = tenure("compare", SMALL, "--folder", "runs", "--replications", 2)
    assert code == 0, err
    assert (tmp_path / "runs" / "mlflow.db").is_file()
    assert (tmp_path / "runs" / "report.html").stat().st_size > 1_000_000
    assert "tenure ui --folder" in out


SCENARIO_MISTAKES = {
    "unknown key": (("period: month", "perod: month"), "perod: unknown key; did you mean 'period'?"),
    "negative budget": (("period_share: 0.4", "budget: -5"), "rules.budget"),
    "impossible floor": (("awareness: {floor: 0.02}", "awareness: {floor: 0.6, cap: 0.5}"), "rules.levers.awareness"),
    "margin that is no number": (("margin: 0.4", "margin: .nan"), "margin: input should be a finite number"),
    "lever for nobody": (("targets: [prospect]", "targets: [prospect]\n    tiers: [low]"), "reaches nobody"),
    "floors above one": (
        ("awareness: {floor: 0.02}", "awareness: {floor: 0.6}\n    winback: {floor: 0.6}"),
        "add up to 1.2",
    ),
}


@pytest.mark.parametrize("name", SCENARIO_MISTAKES)
def test_a_mistake_in_a_scenario_is_one_line(tenure, tmp_path, name) -> None:
    """Exit code 2, one line that names file and key, nothing on standard output, no traceback."""
    (before, after), expected = SCENARIO_MISTAKES[name]
    text = SMALL.read_text(encoding="utf-8")
    assert before in text
    (tmp_path / "bad.yaml").write_text(text.replace(before, after), encoding="utf-8")
    code, out, err = tenure("check", "bad.yaml")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("tenure: bad.yaml")
    assert expected in err


MISTAKES = {
    "no such scenario": (("check", "missing.yaml"), "missing.yaml: no such file"),
    "empty scenario": (("check", "empty.yaml"), "empty.yaml: is empty"),
    "purchases as scenario": (("check", "orders.csv"), "orders.csv"),
    "no such purchases": (("calibrate", "missing.csv"), "missing.csv"),
    "empty purchases": (("calibrate", "empty.csv"), "empty.csv"),
    "missing column": (("calibrate", "nodate.csv"), "date"),
    "negative budget": (("optimize", SMALL, "--budget", "-1"), "at least 0"),
    "budget not a number": (("optimize", SMALL, "--budget", "nan"), "at least 0"),
    "unknown policy": (("simulate", SMALL, "--policy", "evensplit"), "did you mean 'even split'"),
    "not a plan": (("simulate", SMALL, "--policy", "empty.yaml"), "is not a plan"),
    "unknown option": (("simulate", SMALL, "--polcy", "x"), "--polcy"),
    "bad number": (("simulate", SMALL, "--replications", "many"), "--replications"),
    "unwritable folder": (("compare", SMALL, "--folder", "orders.csv/runs"), "cannot be written"),
    "unwritable plan": (("optimize", SMALL, "-o", "nowhere/plan.json"), "nowhere/plan.json"),
    "plan into a folder": (("optimize", SMALL, "-o", "."), "it is a folder"),
    "table into a folder": (("simulate", SMALL, "--replications", 1, "--csv", "."), "it is a folder"),
    "scenario over purchases": (("calibrate", "orders.csv", "-o", "orders.csv", "--force"), "written over"),
    "scenario as base": (("calibrate", "orders.csv", "-o", "x.duckdb"), "customer base"),
    "budget beyond money": (("optimize", SMALL, "--budget", "1e300"), "at most 1e18"),
    "plan in no known format": (("optimize", SMALL, "-o", "plan.txt"), "plan.txt: expected a name that ends in"),
    "unwritable simplest plan": (("explain", "plan.json", "--simplest", "simple.doc"), "simple.doc: expected a name"),
    "no plan to explain": (("explain", "missing.json"), "missing.json: no such plan"),
    "no plan at all": (("explain", "orders.csv"), "orders.csv: is not a plan: no column 'period'"),
    "targeting and a target": (
        ("optimize", SMALL, "--value-of-targeting", "--reach", "asset=1", "-o", "x.json"),
        "writes none; leave out --reach, --output",
    ),
    "no runs to show": (("ui", "--folder", "."), "tenure demo"),
}


def refuses(tenure, folder: Path, words: tuple, expected: str) -> None:
    """Assert that a command says in one line what is wrong, with exit code 2, and leaves nothing behind."""
    before = sorted(path.name for path in folder.iterdir())
    code, out, err = tenure(*words)
    assert (code, out) == (2, ""), err
    assert err.count("\n") == 1
    assert err.startswith("tenure: ")
    assert expected in err
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize("name", MISTAKES)
def test_bad_input_is_one_line_and_exit_code_2(tenure, tmp_path, name) -> None:
    """Every kind of bad input."""
    orders(tmp_path / "orders.csv", customers=5)
    (tmp_path / "empty.yaml").touch()
    (tmp_path / "empty.csv").touch()
    (tmp_path / "nodate.csv").write_text("customer,amount\n1,2.5\n", encoding="utf-8")
    refuses(tenure, tmp_path, *MISTAKES[name])


WRITERS = {
    "calibrate": ("calibrate", "missing.csv", "-o", "nowhere/new.yaml"),
    "simulate, table": ("simulate", "missing.yaml", "--table", "nowhere/new.csv"),
    "simulate, saved": ("simulate", "missing.yaml", "--until", "2", "--save", "nowhere/new.npz"),
    "optimize": ("optimize", "missing.yaml", "-o", "nowhere/new.json"),
    "explain": ("explain", "missing.json", "--simplest", "nowhere/new.json"),
    "frontier": ("frontier", "missing.yaml", "--table", "nowhere/new.parquet"),
    "allocate": ("allocate", "missing.csv", "--budget", "1", "-o", "nowhere/new.xlsx"),
    "risk": ("risk", "missing.yaml", "-o", "nowhere/new.csv"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_that_is_not_there_is_said_before_anything_is_read(tenure, tmp_path, name) -> None:
    """The input is missing too, but where to write is looked at first."""
    words = WRITERS[name]
    refuses(tenure, tmp_path, words, f"cannot write {words[-1]}: nowhere is not a folder; make it first")


OVERWRITERS = {
    "simulate, saved": ("simulate", "base.yaml", "--until", 2, "--save", "base.yaml"),
    "simulate, saved by another name": ("simulate", "base.yaml", "--until", 2, "--save", "../{}/base.yaml"),
    "simulate, saved over a link": ("simulate", "base.yaml", "--until", 2, "--save", "link.yaml"),
    "simulate, two outputs": ("simulate", "base.yaml", "--until", 2, "--table", "x.csv", "--save", "x.csv"),
    "simulate, policy": ("simulate", "base.yaml", "--policy", "plan.csv", "--table", "plan.csv"),
    "simulate, resumed": ("simulate", "base.yaml", "--resume", "old.npz", "--until", 2, "--save", "old.npz"),
    "simulate, customer base": ("simulate", "shop.yaml", "--until", 2, "--save", "shop.duckdb"),
    "optimize, base": ("optimize", "base.yaml", "--base", "plan.csv", "--more", 5, "-o", "plan.csv"),
    "optimize, customer base": ("optimize", "shop.yaml", "-o", "shop.csv"),
    "explain": ("explain", "plan.csv", "--scenario", "base.yaml", "--simplest", "plan.csv"),
    "frontier": ("frontier", "scenario.csv", "--table", "scenario.csv"),
    "allocate, curves": ("allocate", "curves.csv", "--budget", 1, "-o", "curves.csv"),
    "allocate, rules": ("allocate", "curves.csv", "--rules", "rules.json", "-o", "rules.json"),
    "risk": ("risk", "scenario.csv", "-o", "scenario.csv"),
    "risk, customer base": ("risk", "shop.yaml", "-o", "shop.csv"),
}


@pytest.mark.parametrize("name", OVERWRITERS)
def test_no_output_goes_over_what_the_command_reads_or_writes(tenure, tmp_path, name) -> None:
    """Refused before the work; every file keeps its bytes."""
    words = [str(word).format(tmp_path.name) for word in OVERWRITERS[name]]
    base = "shop.csv" if "shop.csv" in words else "shop.duckdb"
    laws = "{r: 1, alpha: 1, s: 1, beta: 1}", "{p: 1, q: 2, gamma: 1}"
    shop = SMALL.read_text(encoding="utf-8") + (
        f"base: {{file: {base}, as_of: 2024-01-01, pareto_nbd: {laws[0]}, gamma_gamma: {laws[1]}, "
        "cycle_cutoffs: [1, 2], amount_cutoffs: [1, 2]}\n"
    )
    (tmp_path / "shop.yaml").write_text(shop, encoding="utf-8")
    (tmp_path / "base.yaml").write_text(SMALL.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "link.yaml").symlink_to("base.yaml")
    for file in (base, "plan.csv", "old.npz", "scenario.csv", "curves.csv", "rules.json"):
        (tmp_path / file).write_text("as it was", encoding="utf-8")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    refuses(tenure, tmp_path, words, f"cannot write {words[-1]}: this command reads or writes it already")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_scenario_that_a_plan_names_is_not_written_over(tenure, tmp_path) -> None:
    """The plan tells `explain` which file that is."""
    (tmp_path / "scenario.json").write_text(SMALL.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "plan.json").write_text('{"scenario_file": "scenario.json"}', encoding="utf-8")
    refuses(tenure, tmp_path, ("explain", "plan.json", "--simplest", "scenario.json"), "cannot write scenario.json")


def test_only_files_are_written(tenure, tmp_path) -> None:
    """A pipe is refused before the work; through a link, what it leads to is written and the link stays."""
    os.mkfifo(tmp_path / "pipe.csv")
    orders(tmp_path / "orders.csv", customers=5)
    os.mkfifo(tmp_path / "new.duckdb")
    for words in (("simulate", "missing.yaml", "--table", "pipe.csv"), ("calibrate", "orders.csv", "-o", "new.yaml")):
        refuses(tenure, tmp_path, words, "it is a device or a pipe; give the name of a file")
    (tmp_path / "far").mkdir()
    (tmp_path / "table.csv").symlink_to("far/months.csv")
    assert tenure("simulate", SMALL, "--replications", 1, "--table", "table.csv")[0] == 0
    assert (tmp_path / "table.csv").is_symlink()
    assert [path.name for path in (tmp_path / "far").iterdir()] == ["months.csv"]
    (tmp_path / "lost.csv").symlink_to("nowhere/months.csv")
    refuses(tenure, tmp_path, ("simulate", SMALL, "--table", "lost.csv"), "nowhere is not a folder; make it first")


def test_impossible_floor_in_the_optimiser(tenure, tmp_path) -> None:
    """A floor that too few customers can take is named, with by how much it is missed."""
    text = SMALL.read_text(encoding="utf-8").replace("awareness: {floor: 0.02}", "winback: {floor: 0.9}")
    (tmp_path / "floor.yaml").write_text(text, encoding="utf-8")
    code, _, err = tenure("optimize", "floor.yaml", "--budget", "1000000")
    assert code == 2
    assert "floor of winback" in err
    assert err.count("\n") == 1


def test_the_schema_knows_what_the_files_use(tenure) -> None:
    """Every key of the examples is in the schema, and what is not a user's key is not."""
    code, out, err = tenure("schema")
    assert (code, err) == (0, "")
    known = json.loads(out)
    root = SMALL.parents[2]
    for path in (SMALL, root / "examples/cdnow/scenario.yaml", root / "examples/recency-chain/scenario.yaml"):
        assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) <= set(known["properties"])
    assert "folder" not in known["properties"]
    assert "money per targeted customer per period" in out


def test_every_key_of_the_schema_says_what_it_is(tenure) -> None:
    """With its unit or meaning."""
    schema = json.loads(tenure("schema")[1])
    parts = {"Scenario": schema, **schema["$defs"]}
    silent = [
        f"{part}.{key}"
        for part, content in parts.items()
        for key, field in content.get("properties", {}).items()
        if not field.get("description")
    ]
    assert len(parts) > 20
    assert silent == []


def test_without_a_word_the_help_is_shown(tenure) -> None:
    """Bare `tenure` prints its help on standard output and is content."""
    code, out, err = tenure()
    assert (code, err) == (0, "")
    assert "Start with: tenure demo" in out


def test_a_stopped_command_says_so(tenure, monkeypatch) -> None:
    """Ctrl-C: one line, exit code 1."""

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.compare.compare", stop)
    assert tenure("simulate", SMALL) == (1, "", "tenure: stopped\n")


def test_too_many_customers_for_the_memory_are_said(tenure, monkeypatch) -> None:
    """One line that says what to do, exit code 1."""

    def burst(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 6.7 GiB")

    monkeypatch.setattr("experiments.compare.compare", burst)
    code, out, err = tenure("simulate", SMALL)
    assert (code, out) == (1, "")
    assert err == "tenure: not enough memory: Unable to allocate 6.7 GiB; use fewer customers\n"


def test_a_plan_for_another_horizon_is_refused(tenure, tmp_path) -> None:
    """A plan is not padded with nothing."""
    assert tenure("optimize", SMALL)[0] == 0
    text = SMALL.read_text(encoding="utf-8").replace("periods: 6", "periods: 8")
    (tmp_path / "longer.yaml").write_text(text, encoding="utf-8")
    code, _, err = tenure("simulate", "longer.yaml", "--policy", "plan.json")
    assert code == 2
    assert "made for 6 periods, the scenario has 8" in err


def test_a_floor_that_today_misses_is_said(tenure, tmp_path) -> None:
    """Going on as today keeps no floor; the table says which it misses."""
    text = SMALL.read_text(encoding="utf-8").replace("awareness: {floor: 0.02}", "winback: {floor: 0.5}")
    (tmp_path / "floor.yaml").write_text(text, encoding="utf-8")
    code, out, _ = tenure("compare", "floor.yaml", "--replications", 2, "--no-track")
    assert code == 0
    assert "Note: 'as today' spends" in out
    assert "below its floor" in out


def test_plans_for_spreadsheets_play_the_same(tenure, tmp_path) -> None:
    """The plan as JSON, CSV and Excel: simulated with the same luck, worth the same."""
    assert tenure("optimize", SMALL)[0] == 0
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
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.xlsx", "plan.csv", "plan.json", "plan.xlsx"]


def test_a_plan_explains_itself(tenure, tmp_path, monkeypatch) -> None:
    """`tenure explain plan.json` finds the scenario beside the plan, from wherever it is called."""
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "scenario.yaml").write_text(SMALL.read_text(encoding="utf-8"), encoding="utf-8")
    assert tenure("optimize", "study/scenario.yaml", "-o", "study/plan.json")[0] == 0
    assert json.loads((tmp_path / "study/plan.json").read_text(encoding="utf-8"))["scenario_file"] == "scenario.yaml"
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


def test_a_plan_for_another_version_is_explained_with_a_note(tenure, tmp_path) -> None:
    """A changed margin: said on standard error, and the prices are those of a search."""
    (tmp_path / "scenario.yaml").write_text(SMALL.read_text(encoding="utf-8"), encoding="utf-8")
    assert tenure("optimize", "scenario.yaml")[0] == 0
    text = SMALL.read_text(encoding="utf-8").replace("margin: 0.4", "margin: 0.3")
    (tmp_path / "scenario.yaml").write_text(text, encoding="utf-8")
    code, out, err = tenure("explain", "plan.json", "--json")
    assert code == 0
    assert err == "tenure: note: plan.json was made for another version of this scenario\n"
    assert json.loads(out)["prices_from"] == "search"


CAMPAIGNS = "  campaigns: {retention: {least: 400, fixed_cost: 30}}\n"


@pytest.fixture(scope="module")
def with_campaigns(tmp_path_factory) -> Path:
    """Return a folder with a scenario in which campaigns have sizes and fixed costs."""
    folder = tmp_path_factory.mktemp("campaigns")
    text = SMALL.read_text(encoding="utf-8").replace("rules:\n", f"rules:\n{CAMPAIGNS}")
    (folder / "scenario.yaml").write_text(text, encoding="utf-8")
    return folder


def test_fixed_costs_are_said(tenure, with_campaigns) -> None:
    """By the command that makes the plan and by the one that explains it, the same money as in the file."""
    plan = with_campaigns / "plan.json"
    code, out, _ = tenure("optimize", with_campaigns / "scenario.yaml", "-o", plan, "--bound-steps", 0)
    costs = json.loads(plan.read_text(encoding="utf-8"))["fixed_costs"]
    said = f"Fixed costs of its campaigns, in no other figure: {costs:,.0f}; less them it is worth"
    assert code == 0
    assert costs > 0
    assert said in out
    code, out, _ = tenure("explain", plan)
    assert code == 0
    assert said in out


def test_campaigns_are_explained_with_their_prices(tenure, with_campaigns) -> None:
    """The prices are the plan's own; a line without money is laid to the rule on campaigns."""
    plan = with_campaigns / "plan.json"
    if not plan.exists():
        assert tenure("optimize", with_campaigns / "scenario.yaml", "-o", plan, "--bound-steps", 0)[0] == 0
    made = json.loads(plan.read_text(encoding="utf-8"))
    found = json.loads(tenure("explain", plan, "--json")[1])
    assert found["prices_from"] == "plan"
    assert {rule["name"]: rule["price"] for rule in found["rules"]} == pytest.approx(made["prices"])
    out = tenure("explain", plan)[1]
    assert "newcomers / retention gets nothing because of the rule on campaigns: each of retention" in out
    assert "takes at least 400 and costs 30 beside its money" in out


def test_a_plan_without_rows_says_that_money_would_pay(tenure, with_campaigns) -> None:
    """All of the budget is left and nothing is in the way."""
    plan = with_campaigns / "plan.json"
    if not plan.exists():
        assert tenure("optimize", with_campaigns / "scenario.yaml", "-o", plan, "--bound-steps", 0)[0] == 0
    empty = with_campaigns / "empty.json"
    empty.write_text(json.dumps({**json.loads(plan.read_text(encoding="utf-8")), "plan": []}), encoding="utf-8")
    code, out, _ = tenure("explain", empty)
    assert code == 0
    assert "of the budget is not spent: it would pay, the best next unit" in out
    assert "but for 'budget'" not in out


def test_a_plan_beyond_its_budget_is_explained(tenure, with_campaigns) -> None:
    """With far less money than it spends: by how much, in money, and that the optimum is then worth less."""
    plan = with_campaigns / "plan.json"
    if not plan.exists():
        assert tenure("optimize", with_campaigns / "scenario.yaml", "-o", plan, "--bound-steps", 0)[0] == 0
    code, out, _ = tenure("explain", plan, "--budget", "10")
    spent = json.loads(tenure("explain", plan, "--json")[1])["spend"]
    assert code == 0
    assert f"The plan misses 'budget' by {spent - 10:,.0f}." in out
    assert " less, as it meets what the plan misses." in out
    assert "worth -" not in out


def test_nothing_to_explain_is_said_plainly(tenure, tmp_path) -> None:
    """A budget of nothing for a plan that spends is refused; a plan that spends nothing has no line, but prices."""
    assert tenure("optimize", SMALL, "--bound-steps", "0")[0] == 0
    refuses(tenure, tmp_path, ("explain", "plan.json", "--budget", "0"), "with no money there is nothing to explain")
    assert tenure("optimize", SMALL, "--budget", "0", "--bound-steps", "0")[0] == 0
    for words in (("explain", "plan.json"), ("explain", "plan.json", "--budget", "0")):
        code, out, err = tenure(*words)
        assert (code, err) == (0, "")
        assert out.startswith("small: the plan spends nothing, so no line (segment / lever) is there to explain.")
        assert "The first unit would bring most on regulars / retention" in out
        assert "- budget: at most 0; 1,000 more would bring" in out
        assert "stated as a share" not in out
        assert "implest" not in out


def test_explain_wants_a_scenario(tenure, tmp_path) -> None:
    """A CSV file, or a scenario that is gone: one line that says what to do."""
    (tmp_path / "scenario.yaml").write_text(SMALL.read_text(encoding="utf-8"), encoding="utf-8")
    assert tenure("optimize", "scenario.yaml")[0] == 0
    (tmp_path / "scenario.yaml").unlink()
    code, out, err = tenure("explain", "plan.json")
    assert (code, out) == (2, "")
    assert "its scenario file scenario.yaml is not there" in err
    (tmp_path / "plan.csv").write_text("period,segment,tier,stage,lever,intensity,customers\n", encoding="utf-8")
    code, out, err = tenure("explain", "plan.csv")
    assert (code, out) == (2, "")
    assert "name its file with --scenario" in err


@pytest.mark.parametrize(
    "verb", ["demo", "calibrate", "check", "schema", "simulate", "optimize", "explain", "compare", "ui"]
)
def test_help_has_an_example(tenure, verb) -> None:
    """Every verb's help shows a line to copy."""
    code, out, err = tenure(verb, "--help")
    assert (code, err) == (0, "")
    assert f"Example: tenure {verb}" in " ".join(out.split())


def test_a_folder_called_sim_does_not_hide_ours(tmp_path) -> None:
    """Run as a module in a folder with a `sim` of its own: said in one line, exit code 2."""
    (tmp_path / "sim").mkdir()
    (tmp_path / "sim" / "__init__.py").touch()
    root = Path(__file__).resolve().parents[1]
    code = "import sys; sys.path.insert(0, '.'); from experiments.__main__ import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "hides Tenure's own" in done.stderr
    assert done.stderr.count("\n") == 1
