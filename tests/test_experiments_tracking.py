"""Runs in a real MLflow store: one parent per study, one child per policy, and nothing said aloud."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from markets import ROOT
from studies import served, tracked_study

from experiments.compare import Comparison
from experiments.tracking.log import Tracked, log_study, serve, tracking_uri_of
from optimizer.plan import Plan
from sim.errors import FolderError, InputError
from sim.scenario.file import Scenario, parse

Study = tuple[Scenario, Plan, Comparison]


@pytest.fixture(scope="module")
def study() -> Study:
    return tracked_study()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a store")


@pytest.fixture(scope="module")
def tracked(study: Study, folder: Path) -> Tracked:
    scenario, plan, comparison = study
    report = folder / "report.html"
    report.write_text("<p>report</p>", encoding="utf-8")
    return log_study(folder, scenario=scenario, comparison=comparison, plan=plan, report=report)


@pytest.fixture(scope="module")
def client(tracked: Tracked) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=tracked.tracking_uri)


def test_one_parent_and_a_child_per_policy(study: Study, tracked: Tracked, client: Any) -> None:
    scenario, _, comparison = study
    assert list(tracked.run_ids) == [outcome.name for outcome in comparison.outcomes]
    parent = client.get_run(tracked.parent_run_id)
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["layer"] == "study"
    assert parent.data.tags["leaderboard"] == tracked.leaderboard
    for name, run_id in tracked.run_ids.items():
        run = client.get_run(run_id)
        assert (run.info.run_name, run.info.status) == (name, "FINISHED")
        tags = run.data.tags
        assert tags["mlflow.parentRunId"] == tracked.parent_run_id
        assert tags["layer"] == "policy"
        assert tags["policy"] == name
        assert tags["scenario"] == scenario.name
        assert tags["scenario_hash"] == scenario.hash
        assert tags["seed"] == "7"
        assert len(tags["unit_key"]) == 64
        assert name in tags["mlflow.note.content"]


def test_figures_parameters_and_course(study: Study, tracked: Tracked, client: Any) -> None:
    scenario, plan, comparison = study
    run = client.get_run(tracked.run_ids["plan"])
    assert run.data.metrics["asset"] == pytest.approx(comparison["plan"].asset, rel=1e-4)
    assert run.data.metrics["difference"] == pytest.approx(comparison["plan"].difference, rel=1e-4)
    assert run.data.params["budget.total"] == f"{float(f'{plan.budget:.5g}')}"
    course = client.get_metric_history(run.info.run_id, "over_time/discounted_profit_so_far")
    assert [metric.step for metric in course] == list(range(1, scenario.periods + 1))
    alive = client.get_metric_history(run.info.run_id, "over_time/customers_alive")
    assert len(alive) == scenario.periods + 1
    assert "customers_by_stage/core" in run.data.metrics
    assert {key for key in run.data.metrics if key.startswith("spend_by_lever/")} == {
        "spend_by_lever/care", "spend_by_lever/offers _ 1 _new_"
    }  # fmt: skip


def test_proof_of_the_plan_is_on_parent_and_plan_only(study: Study, tracked: Tracked, client: Any) -> None:
    plan = study[1]
    names = {"plan/asset", "plan/no_spend", "plan/bound", "plan/lift_share", "plan/gap", "plan/shadow_price"}
    for run_id in (tracked.parent_run_id, tracked.run_ids["plan"]):
        metrics = client.get_run(run_id).data.metrics
        assert names <= set(metrics)
        assert metrics["plan/bound"] == pytest.approx(plan.bound, rel=1e-4)
    assert not names & set(client.get_run(tracked.run_ids["no spend"]).data.metrics)


def test_artifacts(study: Study, tracked: Tracked, client: Any, tmp_path: Path) -> None:
    names = {found.path for found in client.list_artifacts(tracked.parent_run_id)}
    assert names == {"report.html", "plan.json", "scenario.yaml"}
    kept = Path(client.download_artifacts(tracked.parent_run_id, "scenario.yaml", str(tmp_path)))
    assert parse(yaml.safe_load(kept.read_text(encoding="utf-8"))).hash == study[0].hash


def test_leaderboard_is_a_stored_view(tracked: Tracked, client: Any) -> None:
    assert tracked.leaderboard.startswith(f"#/experiments/{tracked.experiment_id}/runs?")
    assert tracked.leaderboard.endswith("workflowType=machine_learning")
    tags = client.get_experiment(tracked.experiment_id).tags
    views = [json.loads(value) for key, value in tags.items() if key.startswith("mlflow.sharedViewState.")]
    assert views[0]["orderByKey"] == "metrics.`asset`"
    assert tracked.parent_run_id in views[0]["searchFilter"]


def test_leaderboard_without_stored_views(study: Study, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.tracking.log._views_can_be_shared", lambda: False)
    scenario, _, comparison = study
    tracked = log_study(folder, scenario=scenario, comparison=comparison, experiment="another question")
    assert "orderByKey=metrics.%60asset%60" in tracked.leaderboard
    assert tracked.parent_run_id in tracked.leaderboard


def test_runs_of_a_dead_process_are_killed(study: Study, tracked: Tracked, client: Any, folder: Path) -> None:
    dead = client.create_run(tracked.experiment_id, tags={"unit_key": "of a dead process"}).info.run_id
    others = client.create_run(tracked.experiment_id).info.run_id
    scenario, plan, comparison = study
    again = log_study(folder, scenario=scenario, comparison=comparison, plan=plan)
    assert again.parent_run_id != tracked.parent_run_id
    assert client.get_run(dead).info.status == "KILLED"
    assert client.get_run(others).info.status == "RUNNING"


def test_a_failure_leaves_no_run_running(study: Study, tracked: Tracked, client: Any, folder: Path) -> None:
    scenario, _, comparison = study
    with pytest.raises(FolderError, match="cannot be used as a store"):
        log_study(folder, scenario=scenario, comparison=comparison, report=folder / "missing.html", study="broken")
    runs = client.search_runs([tracked.experiment_id], "tags.study = 'broken'")
    assert sorted(run.info.status for run in runs) == ["FAILED", "FINISHED", "FINISHED", "FINISHED"]


def test_a_file_that_is_not_a_store(study: Study, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is not a database, and it is long enough to be looked at\n" * 40)
    with pytest.raises(FolderError, match="cannot be used as a store of runs"):
        log_study(tmp_path, scenario=study[0], comparison=study[2])


def test_a_missing_folder(study: Study, tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="choose a folder that exists"):
        log_study(tmp_path / "missing", scenario=study[0], comparison=study[2])


def test_importing_is_cheap_and_logging_is_silent(tmp_path: Path) -> None:
    code = f"""
import sys
import experiments.tracking.log
assert not {{"mlflow", "numba", "plotly", "pydantic"}} & set(sys.modules), "imports something heavy"
sys.path.insert(0, {str(ROOT / "tests")!r})
import studies
scenario, plan, comparison = studies.tracked_study()
experiments.tracking.log.log_study({str(tmp_path)!r}, scenario=scenario, comparison=comparison, plan=plan)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_serving_a_folder_without_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run `tenure demo` first"):
        serve(tmp_path, announce=print)


def test_serving_on_a_taken_port(tracked: Tracked, folder: Path) -> None:
    assert tracked
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match=r"port \d+ .* cannot be used"):
            serve(folder, taken.getsockname()[1], announce=print)


@pytest.mark.skipif(os.name != "posix", reason="asks for signals")
def test_serving_ends_cleanly(tracked: Tracked, folder: Path) -> None:
    server = served(folder)
    assert server.stdout is not None
    url = server.stdout.readline().strip()
    try:
        assert url.startswith("http://127.0.0.1:")
        assert "/#/experiments/" in url
        port = int(url.split(":")[2].split("/")[0])
    finally:
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=30)
    assert (server.returncode, out, err) == (0, "", "")
    time.sleep(0.1)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "the MLflow server outlived us"


def test_where_the_store_is(tmp_path: Path) -> None:
    assert tracking_uri_of(tmp_path) == f"sqlite:///{(tmp_path / 'mlflow.db').as_posix()}"
