"""Every verb that decides is tracked when asked, and every such run can be made once more, to the bit."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from markets import EXAMPLES, SMALL

from experiments.tracking.store import tracking_uri_of

Said = tuple[int, str, str]
Run = Callable[..., Said]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an empty store, which takes seconds to make."""
    from experiments.tracking.outbox import quiet_mlflow
    from experiments.tracking.store import open_store

    folder = tmp_path_factory.mktemp("empty")
    with quiet_mlflow():
        open_store(folder)
    return folder


@pytest.fixture
def run(tenure: Run, store: Path, tmp_path: Path) -> Run:
    """Return what runs a command in a folder with a store, a short scenario, and curves."""
    content = yaml.safe_load(SMALL.read_text(encoding="utf-8"))
    content |= {"periods": 3, "uncertain": [{"path": "margin", "low": 0.3, "high": 0.5}]}
    (tmp_path / "scenario.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    for name in ("curves.csv", "rules.yaml"):
        shutil.copyfile(EXAMPLES / "allocate" / name, tmp_path / name)
    shutil.copyfile(store / "mlflow.db", tmp_path / "mlflow.db")
    return tenure


VERBS: dict[str, tuple[tuple[str | int, ...], int]] = {
    "optimize": (("optimize", "scenario.yaml", "--bound-steps", 0, "--budget", 1200), 1),
    "frontier": (("frontier", "scenario.yaml", "--budgets", "600,1200", "--no-bound"), 4),
    "risk": (("risk", "scenario.yaml", "--samples", 2), 5),
    "allocate": (("allocate", "curves.csv", "--rules", "rules.yaml"), 1),
    "compare": (("compare", "scenario.yaml", "--policy", "as-today", "--policy", "even-split", "--replications", 2), 3),
}


@pytest.mark.parametrize(
    "verb", [pytest.param(verb, marks=[pytest.mark.slow] * (verb in ("frontier", "risk"))) for verb in VERBS]
)
def test_a_verb_is_tracked_and_repeated(verb: str, run: Run, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    words, count = VERBS[verb]
    code, out, err = run(*words, "--track", "--note", "for the board", "--experiment", "Budget 2027", "--json")
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert len(answer["runs"]) == count
    client: Any = MlflowClient(tracking_uri=tracking_uri_of(tmp_path))
    found = client.get_run(answer["run_id"])
    assert client.get_experiment(found.info.experiment_id).name == "Budget 2027"
    assert found.data.tags["purpose"] == "for the board"
    assert found.data.tags["command"].startswith(f"tenure {verb} ")
    note = found.data.tags["mlflow.note.content"]
    assert note.startswith("**")
    assert note.index("for the board") < note.index("code `")
    assert len(note) < 8000
    for run_id in answer["runs"].values():
        policy = client.get_run(run_id)
        assert policy.info.status == "FINISHED"
        if policy.data.tags["layer"] == "policy":
            assert "gain" in policy.data.metrics
            planned = policy.data.params["policy"] in ("optimised", "expected", "cautious")
            kept = {each.path for each in client.list_artifacts(run_id)}
            assert (("plan.csv" if verb == "allocate" else "plan.json") in kept) == planned
    code, out, err = run("repeat", answer["run_id"], "--json")
    assert (code, err, json.loads(out)["same"]) == (0, "", True)


@pytest.mark.slow
def test_three_budgets_are_three_values(run: Run, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    out = run("frontier", "scenario.yaml", "--budgets", "600,900,1200", "--no-bound", "--track", "--json")[1]
    client: Any = MlflowClient(tracking_uri=tracking_uri_of(tmp_path))
    params = [client.get_run(run_id).data.params for run_id in json.loads(out)["runs"].values()]
    assert {each["budget"] for each in params if "budget" in each} == {"600", "900", "1200", "no limit"}


def test_all_plans_are_kept_each_on_its_run_and_repeat_alone(run: Run, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    for name, budget in (("one", 600), ("two", 1200)):
        run("optimize", "scenario.yaml", "--bound-steps", 0, "--budget", budget, "-o", f"{name}.json")
    words = ("compare", "scenario.yaml", "--policy", "as-today", "--policy", "one.json", "--policy", "two.json")
    (tmp_path / "even").write_text("no word of the command, whatever it is called")
    code, out, _ = run(*words, "--policy", "two.json(money)", "--replications", 2, "--json")
    assert code == 0
    client: Any = MlflowClient(tracking_uri=tracking_uri_of(tmp_path))
    answer = json.loads(out)
    plans = {each.path for each in client.list_artifacts(answer["run_id"], "plans")}
    assert plans == {"plans/one.json", "plans/two.json", "plans/two--money-.json"}
    inputs = {each.path for each in client.list_artifacts(answer["run_id"], "inputs")}
    assert len(inputs) == 3, "the plans, and no other file that lies around"
    [two] = client.search_runs([answer["experiment_id"]], "tags.policy = 'two'")
    [money] = client.search_runs([answer["experiment_id"]], "tags.policy = 'two (money)'")
    kept = Path(client.download_artifacts(two.info.run_id, "plan.json", str(tmp_path / ".")))
    written = json.loads((tmp_path / "two.json").read_text(encoding="utf-8"))
    assert json.loads(kept.read_text(encoding="utf-8"))["plan"] == written["plan"]
    (tmp_path / "two.json").unlink()
    (tmp_path / "one.json").write_text("edited after all")
    for run_id in (two.info.run_id, money.info.run_id, answer["run_id"]):
        assert json.loads(run("repeat", run_id, "--json")[1])["same"]


def test_what_cannot_be_repeated_says_why(run: Run, tmp_path: Path) -> None:
    import tenure
    from policies.fixed import NoSpend

    code, _, err = run("repeat", "0" * 32)
    assert (code, "not found" in err) == (2, True)
    result = tenure.open("scenario.yaml").compare(["as today", NoSpend("mine")], replications=2)
    code, _, err = run("repeat", result.track(tmp_path).run_id)
    assert code == 2
    assert "'mine' was an object in Python" in err
    code, _, err = run("repeat", "0" * 32, "--folder", "/")
    assert (code, "no runs here" in err) == (2, True)


def test_a_changed_base_is_named(run: Run, tmp_path: Path) -> None:
    from markets import orders

    orders(tmp_path / "orders.csv")
    assert run("calibrate", "orders.csv", "-o", "fitted.yaml")[0] == 0
    code, out, err = run("compare", "fitted.yaml", "--replications", 1, "--json")
    assert code == 0, err
    run_id = json.loads(out)["run_id"]
    [base] = tmp_path.glob("*.duckdb")
    assert json.loads(run("repeat", run_id, "--json")[1])["same"]
    base.rename(tmp_path / "elsewhere")
    code, _, err = run("repeat", run_id)
    assert code == 2
    assert f"{base} (digest " in err
    assert "is not there" in err


def test_nothing_waits(run: Run) -> None:
    assert run("sync")[:2] == (0, "Nothing waits here. Next: tenure ui --folder .\n")
    code, _, err = run("compare", "scenario.yaml", "--tracking-uri", "ftp://here")
    assert (code, "expected a server" in err) == (2, True)


def test_links_of_a_database_say_what_they_assume(
    run: Run, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(store / "mlflow.db", tmp_path / "team.db")
    uri = f"sqlite:///{tmp_path}/team.db"
    words = (*VERBS["optimize"][0], "--track", "--tracking-uri", uri)
    code, out, err = run(*words)
    assert code == 0, err
    assert f"the views, where `mlflow server --backend-store-uri {uri}` shows them on this machine" in out
    assert "http://127.0.0.1:5000/#/experiments/" in out
    monkeypatch.setenv("TENURE_MLFLOW_UI", "https://board.example/mlflow/")
    _, out, _ = run(*words)
    assert "the views:\n" in out
    assert "https://board.example/mlflow/#/experiments/" in out
    assert "127.0.0.1" not in out
    code, _, err = run(*words, "--mlflow-ui", "board")
    assert (code, "--mlflow-ui" in err) == (2, True)
