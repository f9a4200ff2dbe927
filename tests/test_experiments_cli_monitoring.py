"""`tenure monitor`: the verdict in words, as JSON and on a page; the new plan; what cannot be used."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from markets import MIX, SMALL, Content, small

from experiments.look import costs_beside
from sim.scenario.file import parse

Run = Callable[..., tuple[int, str, str]]

BROKEN = "shocks:\n  - {name: broken, start: 1, route: defection, size: 6, segments: [regulars]}\n"


CLUB = {"grades": ["card"], "mix": [0.2]}
STAFF = {"usual": 60, "turnover": {"usual": 0.1, "per_customer": 0.1, "cost": 100}}
COSTS: dict[str, tuple[Content, bool]] = {
    "nothing": ({}, False),
    "service": ({"cost_to_serve": {"per_purchase": 1}}, True),
    "a club that is free": ({"club": CLUB}, False),
    "rewards": ({"club": {**CLUB, "reward": [1]}}, True),
    "employees": ({"satisfaction": {"mix": MIX}, "employees": STAFF}, True),
}


@pytest.mark.parametrize("what", COSTS)
def test_what_purchases_do_not_show_of_costs(what: str) -> None:
    """Cost to serve, of one segment too, rewards of a club, and employees who are replaced."""
    changes, told = COSTS[what]
    assert costs_beside(parse(small(**changes))) == told
    content = small(**changes)
    name = next(iter(content["segments"]))
    content["segments"][name] = {**content["segments"][name], "cost_to_serve": {"per_customer": 1}}
    assert costs_beside(parse(content))


@pytest.fixture
def files(tenure: Run, tmp_path: Path) -> dict[str, str]:
    """Return a plan, what came of it as planned, and in a market in which many leave."""
    where = {name: str(tmp_path / name) for name in ("s.yaml", "true.yaml", "plan.json", "same.csv", "other.csv")}
    content = SMALL.read_text(encoding="utf-8").replace("{new: 400}", "{new: 4000}")
    Path(where["s.yaml"]).write_text(content, encoding="utf-8")
    Path(where["true.yaml"]).write_text(content + BROKEN, encoding="utf-8")
    tenure("optimize", where["s.yaml"], "--bound-steps", "0", "-o", where["plan.json"])
    for scenario, out in (("s.yaml", "same.csv"), ("true.yaml", "other.csv")):
        told = ("--replications", "1", "--until", "5", "--table", where[out])
        code, _, error = tenure("simulate", where[scenario], "--policy", where["plan.json"], *told)
        assert code == 0, error
    return where


@pytest.mark.slow
def test_stay_and_act(tenure: Run, files: dict[str, str], tmp_path: Path) -> None:
    asked = ("monitor", files["s.yaml"], "--plan", files["plan.json"], "--replications", "20", "--actual")
    code, out, error = tenure(*asked, files["same.csv"], "--json")
    assert code == 0, error
    same = json.loads(out)
    assert (same["verdict"], same["moved"], same["gain_of_planning_again"]) == ("stay", [], 0.0)
    new, page = tmp_path / "new.json", tmp_path / "page.html"
    code, out, error = tenure(*asked, files["other.csv"], "--json", "--replan", "-o", str(new), "--page", str(page))
    assert code == 0, error
    other = json.loads(out)
    assert other["verdict"] in ("adjust", "plan again")
    assert {each["quantity"] for each in other["moved"]} & {"leaving", "rate"}
    assert other["asset"]["difference"] < 0 < other["gain_of_planning_again"]
    assert "Does the plan still hold?" in page.read_text(encoding="utf-8")
    assert json.loads(new.read_text(encoding="utf-8"))["plan"]
    code, out, _ = tenure(*asked, files["other.csv"])
    assert out.startswith(("Plan again:", "Adjust"))
    assert "Next: tenure monitor" in out


@pytest.mark.slow
def test_each_month_is_a_run_under_its_plans(tenure: Run, files: dict[str, str], tmp_path: Path) -> None:
    """Two months of one plan: one run above both, whose charts go on; what was seen is not kept; each is repeated."""
    asked = ("monitor", files["s.yaml"], "--plan", files["plan.json"], "--replications", "20", "--track", "--json")
    said = []
    for months, actual in ((3, "same.csv"), (5, "other.csv"), (5, "other.csv")):
        code, out, error = tenure(*asked, "--actual", files[actual], "--through", months)
        assert code == 0, error
        said.append(json.loads(out))
    assert said[0]["run_id"] == said[1]["run_id"]
    assert said[1]["runs"] == said[2]["runs"]
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=said[0]["tracking_uri"])
    runs = {run.info.run_id: run for run in client.search_runs([said[0]["experiment_id"]])}
    above = runs.pop(said[0]["run_id"])
    assert {run.data.tags["mlflow.parentRunId"] for run in runs.values()} == {above.info.run_id}
    months = sorted(runs.values(), key=lambda run: run.data.params["after"])
    assert [(run.data.params["after"], run.data.tags["verdict"]) for run in months] == [
        ("0003", "stay"), ("0005", said[1]["verdict"])
    ]  # fmt: skip
    assert above.data.tags["verdict"] == said[1]["verdict"]
    steps = {each.step: each.value for each in client.get_metric_history(above.info.run_id, "difference")}
    for month, found in zip((3, 5), said[:2], strict=True):
        assert steps[month] == pytest.approx(found["asset"]["difference"], rel=1e-4)
    for run in months:
        kept = {each.path for each in client.list_artifacts(run.info.run_id)}
        assert {"monitor.html", "call.json", "scenario.yaml", "inputs"} <= kept
        assert [each.path for each in client.list_artifacts(run.info.run_id, "inputs/1")] == ["inputs/1/plan.json"]
        code, out, error = tenure("repeat", run.info.run_id, "--json")
        assert (code, json.loads(out)["same"]) == (0, True), error


def test_what_cannot_be_used(tenure: Run, tmp_path: Path) -> None:
    """One line, exit code 2, nothing on standard output."""
    plan, counts = tmp_path / "table.csv", tmp_path / "counts.csv"
    plan.write_text("segment,lever,month,spend\nregulars,retention,1,10\n", encoding="utf-8")
    counts.write_text("period,segment,stage,customers\n0,regulars,new,3\n", encoding="utf-8")
    for actual, options, expected in (
        ("none.csv", (), "is not there"),
        ("counts.csv", (), "lacks the column 'purchases'"),
        ("counts.csv", ("--through", "soon"), "expected a day"),
        ("counts.csv", ("--through", "2025-06-30"), "has no days"),
        ("counts.csv", ("--replan",), "needs -o"),
        ("counts.csv", ("-o", "one.html", "--page", "two.html"), "give one of them"),
    ):
        asked = ("monitor", str(SMALL), "--plan", str(plan), "--actual", str(tmp_path / actual))
        code, out, error = tenure(*asked, "--replications", "20", *options)
        assert (code, out) == (2, ""), expected
        said = [line for line in error.strip().splitlines() if not line.startswith("tenure: note")]
        assert len(said) == 1
        assert expected in said[0]


TERMS = """
name: terms
periods: 6
margin: 0.4
terminal: none
law: renewal
segments:
  homes:
    start: {new: 3000}
    traits: {purchase_rate: 1, defection_rate: 0.05, spend: 30}
levers:
  care:
    targets: [new, developing, core]
    reference: 0.2
    moves:
      survival: {without_money: 0.93, unlimited_money: 0.98, spend: 0.2, brings: 0.95}
  price cut:
    targets: [new, developing, core]
    pays: price
    reference: 6
    moves:
      survival: {without_money: 0.8, unlimited_money: 0.99, spend: 6, brings: 0.95}
"""


def played(tenure: Run, scenario: Path, plan: Path, *more: str | int) -> Path:
    """Return the table of what four months of a plan bring, one market."""
    table = scenario.with_suffix(".csv")
    told = ("--replications", "1", "--until", "4", "--table", table)
    code, _, error = tenure("simulate", scenario, "--policy", plan, *told, *more)
    assert code == 0, error
    return table


def test_terms_are_taken_as_planned(tenure: Run, tmp_path: Path) -> None:
    """What came as planned, today's fifth off all prices, raises no alarm; without what was earned it is refused."""
    scenario, plan = tmp_path / "s.yaml", tmp_path / "plan.csv"
    scenario.write_text(TERMS, encoding="utf-8")
    rows = "".join(f"homes,care,{month},500\n" for month in range(1, 7))
    plan.write_text("segment,lever,month,spend\n" + rows, encoding="utf-8")
    table = played(tenure, scenario, plan)
    asked = ("monitor", scenario, "--plan", plan, "--replications", "20", "--json", "--actual")
    code, out, error = tenure(*asked, table)
    assert code == 0, error
    found = json.loads(out)
    assert (found["verdict"], found["moved"]) == ("stay", [])
    revenue = next(each for each in found["lines"] if each["name"] == "revenue")
    assert revenue["actual"][0] == pytest.approx(30 * 3000 * 0.95, rel=0.02)
    assert revenue["planned"][0] == pytest.approx(revenue["actual"][0], rel=0.02)
    lines = [line.split(",") for line in table.read_text(encoding="utf-8").splitlines()]
    at = lines[0].index("reward")
    table.write_text("\n".join(",".join(row[:at] + row[at + 1 :]) for row in lines), encoding="utf-8")
    code, _, error = tenure(*asked, table)
    assert code == 2
    assert "'price cut' is `pays: price`" in error


def test_a_new_plan_is_written_where_there_is_one(tenure: Run, tmp_path: Path) -> None:
    """Many leave: what to expect, a page, the new plan and how to compare it; as planned: none, and it is said."""
    scenario, other, plan, new = (tmp_path / name for name in ("s.yaml", "true.yaml", "plan.csv", "new plan.json"))
    content = TERMS[: TERMS.index("  price cut:")]
    scenario.write_text(content, encoding="utf-8")
    other.write_text(f"{content}{BROKEN.replace('regulars', 'homes')}", encoding="utf-8")
    rows = "".join(f"homes,care,{month},500\n" for month in range(1, 7))
    plan.write_text("segment,lever,month,spend\n" + rows, encoding="utf-8")
    same, worse = played(tenure, scenario, plan), played(tenure, other, plan)
    asked = ("monitor", scenario, "--plan", plan, "--replications", "20")
    code, out, error = tenure(*asked, "--actual", worse, "--replan", "-o", new, "--page", tmp_path / "page.html")
    assert code == 0, error
    assert out.startswith(("Adjust", "Plan again: something has moved, and a new plan brings +"))
    assert "homes: more active customers who fell silent or left than planned since month" in out
    assert "money still to be spent" in out
    assert f"Wrote plan: {new}\n\nWrote page: {tmp_path / 'page.html'}" in out
    assert f"Next: tenure diff {plan} '{new}'" in out
    assert json.loads(new.read_text(encoding="utf-8"))["plan"]
    new.unlink()
    code, out, _ = tenure(*asked, "--actual", worse, "--seed", 1, "-o", tmp_path / "other.html")
    assert f"Next: tenure monitor {scenario} --plan {plan} --actual {worse} --replications 20 --seed 1 --replan" in out
    assert (tmp_path / "other.html").exists()
    code, out, _ = tenure(*asked, "--actual", same, "--replan", "-o", new)
    assert out.startswith("Stay with the plan")
    assert f"No new plan was written to {new}: nothing has moved that one could be made from." in out
    assert "Next: the same with the next period's purchases" in out
    assert not new.exists()
