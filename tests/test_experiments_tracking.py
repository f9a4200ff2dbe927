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

import numpy as np
import pytest
import yaml
from markets import ROOT
from studies import TRACKED, Study, served, study_of, tracked

from experiments.results.keep import Kept
from experiments.tracking.metrics import outcome_metrics
from experiments.tracking.serve import serve
from experiments.tracking.store import tracking_uri_of
from sim.errors import FolderError, InputError
from sim.scenario.file import parse


@pytest.fixture(scope="module")
def study() -> Study:
    return study_of(TRACKED, seed=7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a store")


@pytest.fixture(scope="module")
def kept(study: Study, folder: Path) -> Kept:
    return tracked(study, folder, pages={"report.html": b"<p>report</p>"})


@pytest.fixture(scope="module")
def client(kept: Kept) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=kept.tracking_uri)


@pytest.fixture(scope="module")
def children(kept: Kept, client: Any) -> dict[str, Any]:
    runs = client.search_runs([kept.experiment_id], f"tags.`mlflow.parentRunId` = '{kept.run_id}'")
    return {run.data.tags["policy"]: run for run in runs}


def test_one_parent_and_a_child_per_policy(study: Study, kept: Kept, client: Any, children: dict[str, Any]) -> None:
    parent = client.get_run(kept.run_id)
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["layer"] == "study"
    assert set(children) == {outcome.name for outcome in study.comparison.outcomes}
    assert {run.info.run_id for run in children.values()} | {kept.run_id} == set(kept.runs.values())
    for name, run in children.items():
        assert run.info.status == "FINISHED"
        tags = run.data.tags
        assert tags["layer"] == "policy"
        assert (tags["scenario"], tags["scenario_hash"], tags["seed"]) == ("small", study.scenario.hash, "7")
        assert len(tags["unit_key"]) == 64
        assert tags["mlflow.note.content"].startswith(f"**{name} in small: customer asset ")


def test_names_say_where_for_how_much_and_what_came_of_it(study: Study, children: dict[str, Any]) -> None:
    gain = study.comparison["plan"].difference
    assert children["plan"].info.run_name == f"small / {study.plan.budget:,.0f} / plan: {gain:+,.0f}"
    assert children["as today"].info.run_name.partition(": ")[2].startswith("worth ")


def test_figures_to_rank_by_totals_and_course(study: Study, kept: Kept, client: Any, children: dict[str, Any]) -> None:
    metrics, comparison = children["plan"].data.metrics, study.comparison
    plan, history = comparison["plan"], comparison["plan"].history
    assert metrics["asset"] == pytest.approx(plan.asset, rel=1e-4)
    assert metrics["gain"] == pytest.approx(plan.difference, rel=1e-4)
    best = max(outcome.asset for outcome in comparison.outcomes)
    assert children["no spend"].data.metrics["regret"] == pytest.approx(best - comparison["no spend"].asset, rel=1e-4)
    assert metrics["spend_by_lever/care"] == pytest.approx(float(history.spend[..., 1].sum()), rel=1e-4), (
        "not a month's"
    )
    parts = [value for name, value in metrics.items() if name.startswith("profit_by_segment/")]
    assert sum(parts) == pytest.approx(metrics["asset_within_horizon"], rel=1e-3)
    course = client.get_metric_history(children["plan"].info.run_id, "over_time/asset_so_far")
    assert [metric.step for metric in course] == list(range(1, study.scenario.periods + 1))
    assert course[-1].value == pytest.approx(metrics["asset_within_horizon"], rel=1e-4)
    assert "spend_by_lever/offers _ 1 _new_" in metrics
    assert "stage_over_time/core" in metrics


def test_every_plan_is_on_its_policys_run(study: Study, kept: Kept, client: Any, children: dict[str, Any]) -> None:
    names = {"plan/asset", "plan/no_spend", "plan/bound", "plan/lift_share", "plan/gap", "plan/shadow_price"}
    for run in (client.get_run(kept.run_id), children["plan"]):
        assert names <= set(run.data.metrics)
        assert "plan.json" in {found.path for found in client.list_artifacts(run.info.run_id)}
    assert not names & set(children["no spend"].data.metrics)
    assert {found.path for found in client.list_artifacts(children["no spend"].info.run_id)} == {"scenario.yaml"}


def test_artifacts(study: Study, kept: Kept, client: Any, tmp_path: Path) -> None:
    names = {found.path for found in client.list_artifacts(kept.run_id)}
    assert names == {"report.html", "plan.json", "scenario.yaml", "call.json"}
    text = Path(client.download_artifacts(kept.run_id, "scenario.yaml", str(tmp_path))).read_text(encoding="utf-8")
    assert parse(yaml.safe_load(text)).hash == study.scenario.hash


def test_scenarios_that_differ_in_one_key_show_that_key(study: Study, folder: Path, kept: Kept, client: Any) -> None:
    """In today's budget, which follows from the turnover, they differ too, and it is no parameter."""
    lost = study_of({**TRACKED, "loss": 0.1}, seed=7)
    tracked(lost, folder)
    runs = client.search_runs([kept.experiment_id], "tags.policy = 'as today'")
    params = [run.data.params for run in runs]
    assert len(params) == 2
    assert {name for name in params[0] | params[1] if params[0].get(name) != params[1].get(name)} == {"loss"}
    assert {each["loss"] for each in params} == {"0", "0.1"}


def test_views_are_stored_and_linked(kept: Kept, client: Any) -> None:
    tags = client.get_experiment(kept.experiment_id).tags
    note = client.get_run(kept.run_id).data.tags["mlflow.note.content"]
    assert list(kept.links) == ["Leaderboard", "Differences only", "All of this decision"]
    for link in kept.links.values():
        _, fragment = link.split("#")
        assert f"#{fragment}" in note
        assert f"/experiments/{kept.experiment_id}/runs?" in fragment
        view = json.loads(tags["mlflow.sharedViewState." + fragment.partition("viewStateShareKey=")[2].split("&")[0]])
        assert client.search_runs([kept.experiment_id], view["searchFilter"])
    board = json.loads(next(text for key, text in tags.items() if "leaderboard-" in key))
    assert (board["orderByKey"], board["orderByAsc"]) == ("metrics.`gain`", False)


def test_views_without_stored_states(study: Study, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.tracking.views.views_can_be_stored", lambda: False)
    link = tracked(study, folder, experiment="another question").links["Leaderboard"]
    assert "orderByKey=metrics.%60gain%60" in link
    assert "searchFilter=tags.study_key+%3D+" in link


def test_the_same_study_again_is_the_same_runs(study: Study, kept: Kept, folder: Path) -> None:
    assert tracked(study, folder).runs == kept.runs


def test_runs_of_a_dead_process_are_killed(study: Study, kept: Kept, client: Any, folder: Path) -> None:
    dead = client.create_run(kept.experiment_id, tags={"record_key": "of a dead process"}).info.run_id
    others = client.create_run(kept.experiment_id).info.run_id
    tracked(study, folder)
    assert client.get_run(dead).info.status == "KILLED"
    assert client.get_run(others).info.status == "RUNNING"


def test_a_file_that_is_not_a_store(study: Study, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is not a database, and it is long enough to be looked at\n" * 40)
    with pytest.raises(FolderError, match=r"cannot be used as a store of runs.*4 runs wait"):
        tracked(study, tmp_path)


def test_a_missing_folder(study: Study) -> None:
    with pytest.raises(FolderError, match="cannot write"):
        tracked(study, Path("/proc/missing"))


def test_very_many_names_are_summed(study: Study) -> None:
    from experiments.tracking.metrics import by_name

    names = tuple(f"s{i}" for i in range(200))
    sums = by_name(names, np.arange(200.0))
    assert len(sums) == 50
    assert sums["151 others"] == sum(range(151))
    assert outcome_metrics(study.comparison["plan"], study.comparison, study.scenario)


def test_importing_is_cheap_and_logging_is_silent(tmp_path: Path) -> None:
    code = f"""
import sys
import experiments.tracking.outbox, experiments.tracking.serve
assert not {{"mlflow", "numba", "plotly", "pydantic"}} & set(sys.modules), "imports something heavy"
sys.path.insert(0, {str(ROOT / "tests")!r})
from pathlib import Path
import studies
studies.tracked(studies.study_of(studies.TRACKED), Path({str(tmp_path)!r}))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_serving_a_folder_without_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run `tenure demo` first"):
        serve(tmp_path, announce=print)


def test_serving_on_a_taken_port(kept: Kept, folder: Path) -> None:
    assert kept
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match=r"port \d+ .* cannot be used"):
            serve(folder, taken.getsockname()[1], announce=print)


@pytest.mark.skipif(os.name != "posix", reason="asks for signals")
def test_serving_ends_cleanly(kept: Kept, folder: Path) -> None:
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
