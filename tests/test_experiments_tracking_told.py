"""Answers that are told are tracked too; and a study, or a part of an answer, is made once more from its run."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import run as command
from markets import SMALL, orders

from experiments.tracking.store import tracking_uri_of

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a short scenario, its plan and evidence; tests work on copies."""
    folder = tmp_path_factory.mktemp("planned")
    content = yaml.safe_load(SMALL.read_text(encoding="utf-8"))
    content |= {"periods": 3, "uncertain": [{"path": "margin", "low": 0.3, "high": 0.5}]}
    (folder / "scenario.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    (folder / "answers.csv").write_text("lever,moves,at,value,low,high\nretention,survival,unlimited,.95,.93,.96\n")
    command(folder, "optimize", "scenario.yaml", "--bound-steps", "0", "--budget", "1200", "-o", "plan.json")
    return folder


@pytest.fixture
def run(tenure: Run, planned: Path, tmp_path: Path) -> Run:
    """Return what runs a command in a copy of that folder."""
    shutil.copytree(planned, tmp_path, dirs_exist_ok=True)
    return tenure


def run_of(folder: Path, run_id: str) -> Any:
    from mlflow import MlflowClient

    client: Any = MlflowClient(tracking_uri=tracking_uri_of(folder))
    return client.get_run(run_id)


TOLD: dict[str, tuple[str | int, ...]] = {
    "learn": ("learn", "scenario.yaml", "answers.csv", "-o", "learned.yaml"),
    "explain": ("explain", "plan.json"),
    "explain-line": ("explain", "plan.json", "--line", "regulars/winback"),
    "test-next": ("test-next", "scenario.yaml", "--plan", "plan.json", "--samples", 4),
}


@pytest.mark.parametrize("verb", TOLD)
def test_an_answer_is_tracked_with_its_figures_and_repeated(verb: str, run: Run, tmp_path: Path) -> None:
    code, out, err = run(*TOLD[verb], "--track", "--note", "for the board", "--json")
    assert (code, err) == (0, "")
    found = run_of(tmp_path, json.loads(out)["run_id"])
    assert found.data.tags["purpose"] == "for the board"
    assert f" / {verb}: " in found.info.run_name
    assert found.data.metrics
    code, out, err = run("repeat", found.info.run_id, "--json")
    assert (code, json.loads(out)["same"]) == (0, True), err


def test_what_was_read_is_named_by_its_digest_and_not_kept(run: Run, tmp_path: Path) -> None:
    _, out, _ = run(*TOLD["learn"], "--track", "--json")
    run_id = json.loads(out)["run_id"]
    assert run_of(tmp_path, run_id).data.params["evidence"].startswith("answers.csv ")
    assert not list(tmp_path.glob(f"mlartifacts/*/{run_id}/**/answers.csv"))
    answers = tmp_path / "answers.csv"
    answers.write_text(answers.read_text().replace(".95", ".94"))
    code, out, _ = run("repeat", run_id)
    assert code == 1
    assert "Other bits" in out


def test_a_forecast_is_tracked(tenure: Run, tmp_path: Path) -> None:
    orders(tmp_path / "orders.csv")
    assert tenure("calibrate", "orders.csv", "-o", "scenario.yaml")[0] == 0
    _, out, _ = tenure("backtest", "scenario.yaml", "--months", 6, "--replications", 5, "--track", "--json")
    answer = json.loads(out)
    found = run_of(tmp_path, answer["run_id"])
    assert found.data.metrics["purchases_error"] == pytest.approx(answer["purchases_error"], rel=1e-4)
    assert json.loads(tenure("repeat", answer["run_id"], "--json")[1])["same"]


@pytest.mark.slow
def test_a_measure_is_tracked_and_nobody_s_name_is_kept(tenure: Run, tmp_path: Path) -> None:
    orders(tmp_path / "orders.csv")
    assert tenure("calibrate", "orders.csv", "-o", "scenario.yaml")[0] == 0
    tenure("optimize", "scenario.yaml", "--bound-steps", 0, "-o", "plan.json")
    assert tenure("list", "scenario.yaml", "--plan", "plan.json", "--control", 0.3, "-o", "who.csv")[0] == 0
    later = tmp_path / "later.csv"
    later.write_text((tmp_path / "orders.csv").read_text() + "0;2025-09-01;9\n")
    measure = ("measure", "plan.json", "--list", "who.csv", "--actual", "later.csv")
    code, out, err = tenure(*measure, "--track", "--json")
    assert code == 0, err
    run_id = json.loads(out)["run_id"]
    assert any(name.startswith("brings/") for name in run_of(tmp_path, run_id).data.metrics)
    assert json.loads(tenure("repeat", run_id, "--json")[1])["same"]
    kept = [each.name for each in (tmp_path / "mlartifacts").rglob("*.csv")]
    assert not {"who.csv", "later.csv", "orders.csv"} & set(kept)  # they hold customers


STUDY = {
    "name": "once more",
    "worlds": {
        "base": "scenario.yaml", "thin": {"from": "base", "set": {"margin": 0.2}},
        "drawn": {"from": "base", "sample": {"margin": [0.3, 0.5]}, "number": 2},
    },
    "policies": ["as today", "plan.json(rolling)", "optimise@base", {"else": "even split"}],
    "budgets": [1200], "replications": 2,
}  # fmt: skip


def test_a_whole_study_is_asked_once_more(run: Run, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    code, _, err = run("study", "study.yaml", "--workers", 1, "-o", "page.html", "--name", "board")
    assert code == 0, err
    assert run("study", "study.yaml", "--workers", 1, "--name", "board")[0] == 0  # with all plans there, another order
    assert (tmp_path / "page.html").read_bytes() == next(tmp_path.glob("studies/*/report.html")).read_bytes()
    from mlflow import MlflowClient

    client: Any = MlflowClient(tracking_uri=tracking_uri_of(tmp_path))
    experiment = client.get_experiment_by_name("once more")  # --name names the run, not the decision
    whole = "tags.layer = 'study'"
    [found] = client.search_runs([experiment.experiment_id], whole)
    assert found.info.run_name == "board"
    shutil.rmtree(tmp_path / "units")
    for file in ("study.yaml", "plan.json"):
        (tmp_path / file).unlink()
    code, out, err = run("repeat", found.info.run_id, "--json", "--threads", 1)
    assert (code, err) == (0, "")
    assert json.loads(out)["same"]
    assert not (tmp_path / "units").exists()


def test_a_part_of_an_answer_is_repeated_with_the_whole(run: Run, tmp_path: Path) -> None:
    _, out, _ = run("frontier", "scenario.yaml", "--budgets", "600,1200", "--no-bound", "--track", "--json")
    answer = json.loads(out)
    part = next(run_id for run_id in answer["runs"].values() if run_id != answer["run_id"])
    code, out, _ = run("repeat", part)
    assert code == 0
    assert out.startswith(f"Run {part} is a part of the next. Run {answer['run_id']} ")
    assert "Same bits" in out
