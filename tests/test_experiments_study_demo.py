"""The demo as a user runs it: what it prints, leaves behind and claims."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from experiments.cli.app import main
from experiments.compare import compare
from experiments.study.demo import BASE_FILE, POLICIES, demo_scenario
from optimizer.optimize import optimize
from policies.catalogue import named
from policies.planned import Planned
from sim.purchases.base import CDNOW_PURCHASES, CustomerBase
from sim.scenario.file import Scenario, parse
from sim.twin import build


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Run `tenure demo --json` once; return its folder and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch, (folder / "out").open("w+", encoding="utf-8") as out:
        patch.setattr(sys, "argv", ["tenure", "demo", "--folder", str(folder), "--json"])
        patch.setattr(sys, "stdout", out)
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code
        out.seek(0)
        return folder, json.loads(out.read())


def test_json_has_every_key(demo: tuple[Path, dict[str, Any]]) -> None:
    """One JSON object with fit, policies, plan, bound, gap, prices and places."""
    _, said = demo
    assert set(said) == {
        "fit", "policies", "odds", "decision", "plan", "bound", "lift_share", "gap", "without_prospects",
        "shadow_price", "report", "tracking_uri", "seconds",
    }  # fmt: skip
    assert set(said["fit"]) == {"pareto_nbd", "gamma_gamma", "holdout"}
    assert set(said["fit"]["pareto_nbd"]) == {"r", "alpha", "s", "beta", "log_likelihood"}
    assert set(said["fit"]["gamma_gamma"]) == {"p", "q", "gamma"}
    alone = said["fit"]["holdout"]["weeks_alone"]
    assert alone["sample"]["purchases"] == pytest.approx(-0.115, abs=0.0005)
    assert alone["all"] == pytest.approx({"purchases": -0.1505, "money": -0.1852}, abs=0.0005)
    assert {tuple(policy) for policy in said["policies"]} == {
        (
            "name",
            "asset",
            "difference",
            "low",
            "high",
            "kept",
            "spend",
            "budget",
            "breaks",
            "expected_asset",
            "feedback",
            "low_all",
            "high_all",
            "chance_ahead",
            "chance_best",
        )
    }
    assert {tuple(row) for row in said["plan"]} == {("period", "target", "lever", "spend")}
    assert said["gap"] == pytest.approx(1 - said["lift_share"])


def test_the_plan_beats_every_policy_clearly(demo: tuple[Path, dict[str, Any]]) -> None:
    """As it ships: the plan is first, and its interval against each other policy excludes zero."""
    _, said = demo
    policies = {policy["name"]: policy for policy in said["policies"]}
    assert list(policies) == [*POLICIES, "plan"]
    plan = policies["plan"]
    assert plan["low"] > 0
    for name in POLICIES[1:]:
        assert plan["low"] > policies[name]["high"], name


def test_it_says_what_it_does_not_know(demo: tuple[Path, dict[str, Any]]) -> None:
    """Seven assumptions have ranges; with them the plan's interval is wider; its lead is split in time and people."""
    _, said = demo
    plan = {policy["name"]: policy for policy in said["policies"]}["plan"]
    assert plan["low_all"] < plan["low"] < plan["high"] < plan["high_all"]
    assert plan["chance_ahead"] > 0.9
    assert len(said["odds"]["assumptions"]) == 7
    made_of = said["decision"]
    assert made_of["within_horizon"] + made_of["after_horizon"] == pytest.approx(made_of["gain"])
    assert made_of["present_customers"] + made_of["to_be_won"] == pytest.approx(made_of["expected_gain"])
    assert sum(year["gain"] for year in made_of["by_year"]) == pytest.approx(made_of["within_horizon"])
    assert 0.5 < made_of["asset_after_horizon_share"] < 0.9


def test_spend_is_within_the_budget(demo: tuple[Path, dict[str, Any]]) -> None:
    """Every policy spends at most what today spends, and the plan's rows add up."""
    folder, said = demo
    budget = json.loads((folder / "plan.json").read_text(encoding="utf-8"))["budget"]
    for policy in said["policies"]:
        assert policy["spend"] <= budget * (1 + 1e-9), policy["name"]
    assert sum(row["spend"] for row in said["plan"]) == pytest.approx(budget, rel=1e-6)


def test_it_says_what_the_plan_is_without_the_assumed_prospects(demo: tuple[Path, dict[str, Any]]) -> None:
    """Nobody is won and no money is for winning; how much of the plan was is said."""
    _, said = demo
    without, spend = said["without_prospects"], {}
    for row in said["plan"]:
        spend[row["lever"]] = spend.get(row["lever"], 0.0) + row["spend"]
    for_them = (spend["awareness"] + spend["acquisition"]) / sum(spend.values())
    assert without["share_on_them"] == pytest.approx(for_them)
    assert without["people"] == 59_000
    assert set(without["spend"]) == {"development", "retention", "winback"}
    assert sum(without["spend"].values()) <= without["budget"] * (1 + 1e-6)


def test_what_it_leaves_behind(demo: tuple[Path, dict[str, Any]]) -> None:
    """Scenario, base, plan, report and store; nothing half written."""
    folder, said = demo
    left = {path.name for path in folder.iterdir() if not path.name.startswith("out")}
    assert {"scenario.yaml", BASE_FILE, "plan.json", "report.html", "mlflow.db"} <= left
    assert not [name for name in left if name.endswith(".part")]
    assert said["tracking_uri"].startswith("sqlite:///")


@pytest.mark.slow
def test_an_edited_scenario_is_used_and_kept(
    demo: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Without --force the user's file stays, byte for byte, and its numbers are the ones that run."""
    folder, said = demo
    text = (folder / "scenario.yaml").read_text(encoding="utf-8").replace("periods: 24", "periods: 3")
    (tmp_path / "scenario.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["tenure", "demo", "--folder", str(tmp_path), "--json"])
    with pytest.raises(SystemExit):
        main()
    edited = json.loads(capsys.readouterr().out)
    assert (tmp_path / "scenario.yaml").read_text(encoding="utf-8") == text
    assert max(row["period"] for row in edited["plan"]) == 2
    assert max(row["period"] for row in said["plan"]) == 23


def _scenario(tmp_path: Path, halved: bool) -> Scenario:
    base = CustomerBase.create(tmp_path / BASE_FILE, CDNOW_PURCHASES)
    content = yaml.safe_load(demo_scenario(base)[0])
    for lever in content["levers"].values() if halved else ():
        for curve in lever["moves"].values():
            for answer in ("unlimited_money", "brings"):
                curve[answer] = _half(curve, curve[answer])
    for each in content["uncertain"] if halved else ():
        parts = each["path"].split(".")
        if parts[0] == "levers":
            curve = content["levers"][parts[1]]["moves"][parts[3]]
            each["low"], each["high"] = _half(curve, each["low"]), _half(curve, each["high"])
    return parse({**content, "folder": tmp_path})


def _half(curve: dict[str, float], answer: float) -> float:
    """Return half of what money brings, from what is there without it."""
    return curve["without_money"] + (answer - curve["without_money"]) / 2


@pytest.mark.slow
@pytest.mark.parametrize("halved", [False, True])
def test_no_baseline_beats_the_plan_on_five_seeds(tmp_path: Path, halved: bool) -> None:
    """Neither as it ships nor with every response (ceiling above floor) halved."""
    scenario = _scenario(tmp_path, halved)
    twin = build(scenario)
    plan = optimize(twin)
    policies = [*(named(name, twin, plan.budget) for name in POLICIES), Planned(plan.intensity)]
    for seed in range(1, 6):
        result = compare(twin, policies, plan.budget, seed=seed)
        for name in POLICIES:
            _, low, high = result.difference("plan", name)
            assert high > 0, (seed, name)
            assert low > 0 or halved, (seed, name)
        assert np.isfinite(result["plan"].asset)
