"""``tenure study``, ``compare`` with several scenarios, ``--set``: answers, files and mistakes on the command line."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from markets import ROOT
from study_files import asked, quick_scenario_in

Run = Callable[..., tuple[int, str, str]]
KEYS = {"units", "done", "table", "survives", "turns", "turned_without_one_number", "tracking_uri", "run_id", "report"}
ROW = {"world", "policy", "budget", "asset", "gain", "low", "high", "regret", "run_id"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    quick_scenario_in(tmp_path)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(asked(), sort_keys=False), encoding="utf-8")
    return tmp_path


def test_a_study_prints_its_answer_and_is_not_run_twice(tenure: Run, files: Path) -> None:
    code, out, err = tenure("study", "study.yaml", "--workers", 1, "--no-track", "--folder", "studied")
    assert (code, err) == (0, "")
    assert "4 units (0 were there)" in out
    assert "within 1 % of the best in" in out
    code, out, _ = tenure("study", "study.yaml", "--workers", 1, "--no-track", "--folder", "studied", "--resume")
    assert code == 0
    assert "4 units (4 were there)" in out
    code, out, _ = tenure("study", "study.yaml", "--workers", 1, "--no-track", "--folder", "studied", "--json")
    found = json.loads(out)
    assert set(found) == KEYS
    assert (found["units"], found["done"], found["tracking_uri"]) == (4, 4, None)
    assert all(set(row) == ROW for row in found["table"])
    assert [(row["world"], row["policy"]) for row in found["table"]] == [
        (world, policy) for world in ("base", "rival") for policy in ("as today", "even split")
    ]
    assert all(set(each) == {"policy", "worlds", "worst_regret"} for each in found["survives"])
    for row in found["table"]:
        best = max(other["asset"] for other in found["table"] if other["world"] == row["world"])
        assert row["regret"] == pytest.approx(best - row["asset"])
    page = Path(found["report"]).read_text(encoding="utf-8")
    assert "two worlds" in page
    assert len(page) < 200_000
    assert {"table.csv", "segments.csv", "levers.csv", "over_time.csv", "turning.csv"} < {
        path.name for path in Path(found["report"]).parent.iterdir()
    }


def test_the_page_speaks_chinese(tenure: Run, files: Path) -> None:
    words = ("study", "study.yaml", "--workers", 1, "--no-track", "--json", "--lang")
    zh = Path(json.loads(tenure(*words, "zh")[1])["report"]).read_text(encoding="utf-8")
    assert '<html lang="zh-Hans">' in zh
    body = re.sub(r"<style>.*?</style>|<[^>]+>", " ", zh, flags=re.DOTALL)
    said = set(re.findall(r"[A-Za-z]{2,}", body))
    names = {"as", "today", "even", "split", "base", "rival", "two", "worlds", "fresh", "Tenure", "EUR", "CVaR", "Holm"}
    files = {"table", "csv", "segments", "levers", "over", "time", "over_time", "turning", "tenure", "explain"}
    names |= {"competitors"}  # a key of the scenario
    assert {word for word in said - names - files if not re.fullmatch(r"[0-9a-f]+", word)} == set()
    code, out, err = tenure(*words, "fr")
    assert (code, out) == (2, "")
    assert "--lang fr: expected one of en, zh" in err


def test_rules_that_are_broken_are_said_with_their_amounts(tenure: Run, files: Path) -> None:
    """In the terminal, on the page in both languages and in the table: what is counted, and its limit."""
    worlds = {"base": {"from": "scenario.yaml", "set": {"rules": {"levers": {"care": {"floor": 0.9}}}}}}
    content = asked(worlds=worlds, policies=["as today", "no spend"], budgets=[3000])
    (files / "study.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    words = ("study", "study.yaml", "--workers", 1, "--no-track")
    code, out, _ = tenure(*words)
    said = "floor of care 0, at least 2,700"
    assert code == 0
    assert f"'no spend' cannot be chosen in 1 of 1 places: in 'base' it breaks {said}." in out
    for lang, told in (("en", f"it breaks {said}<"), ("zh", "违反：care 的下限为 0，至少 2,700<")):
        report = Path(json.loads(tenure(*words, "--json", "--lang", lang)[1])["report"])
        assert told in report.read_text(encoding="utf-8")
    table = report.with_name("table.csv").read_text(encoding="utf-8")
    assert f'"{said}"' in table


def test_another_study_has_a_report_of_its_own(tenure: Run, files: Path) -> None:
    reports = set()
    for seed in (1, 2):
        content = asked(seed=seed, worlds={"base": "scenario.yaml"})
        (files / "study.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        reports.add(json.loads(tenure("study", "study.yaml", "--workers", 1, "--no-track", "--json")[1])["report"])
    assert len(reports) == 2
    assert all(Path(report).is_file() for report in reports)


def test_runs_go_to_mlflow_once(tenure: Run, files: Path) -> None:
    words = ("study", "study.yaml", "--workers", 1, "--json", "--note", "shall we defend?", "--name", "defence")
    first, again = (json.loads(tenure(*words)[1]) for _ in range(2))
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=first["tracking_uri"])
    experiment = client.get_experiment_by_name("two worlds")  # --name is the run's
    runs = {run.info.run_id: run for run in client.search_runs([experiment.experiment_id])}
    assert len(runs) == 5
    assert [row["run_id"] for row in again["table"]] == [row["run_id"] for row in first["table"]]
    for row in first["table"]:
        run = runs[row["run_id"]]
        assert run.info.status == "FINISHED"
        assert run.data.params["world"] == row["world"]
        assert run.data.metrics["asset"] == pytest.approx(row["asset"], rel=1e-4)
        assert run.info.run_name.startswith(f"{row['world']} / ")
        assert {"spend_by_lever/care", "profit_by_segment/fresh", "over_time/asset_so_far"} < set(run.data.metrics)
    rival = next(runs[row["run_id"]] for row in first["table"] if row["world"] == "rival")
    assert any(name.startswith("competitors") for name in rival.data.params)
    code, out, _ = tenure("repeat", rival.info.run_id, "--json")
    assert code == 0
    assert json.loads(out)["same"] is True
    parent = next(run for run in runs.values() if run.data.tags["layer"] == "study")
    assert parent.info.run_name == "defence"
    assert parent.info.run_id == first["run_id"]
    assert parent.data.tags["purpose"] == "shall we defend?"
    assert "report.html" in {file.path for file in client.list_artifacts(parent.info.run_id)}


def test_of_several_scenarios_one_without_its_customers_is_left_out(tenure: Run, files: Path) -> None:
    """As the repository's examples hold one whose customer base a user makes first; alone it is refused."""
    text = (ROOT / "examples" / "cdnow" / "scenario.yaml").read_text(encoding="utf-8")
    (files / "firm.yaml").write_text(text, encoding="utf-8")
    asked = ("--policy", "as-today", "--no-track", "--replications", 2, "--folder", "left")
    code, out, err = tenure("compare", "scenario.yaml", "firm.yaml", *asked)
    assert (code, "1 world" in out) == (0, True)
    assert err.startswith("tenure: note: firm.yaml is left out: ")
    assert "cdnow.duckdb is not there; make it first" in err
    code, _, err = tenure("compare", "firm.yaml", *asked)
    assert (code, "no such customer base" in err) == (2, True)


def test_compare_takes_several_scenarios(tenure: Run, files: Path) -> None:
    content = yaml.safe_load((files / "scenario.yaml").read_text(encoding="utf-8"))
    (files / "thin.yaml").write_text(yaml.safe_dump({**content, "margin": 0.3}), encoding="utf-8")
    words = ("--policy", "as-today", "--policy", "even-split", "--replications", 2, "--no-track", "--threads", 1)
    code, out, err = tenure("compare", "scenario.yaml", "thin.yaml", *words, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert set(found) == KEYS
    assert [row["world"] for row in found["table"]] == ["scenario", "scenario", "thin", "thin"]
    alone = json.loads(tenure("compare", "thin.yaml", *words, "--json")[1])["policies"]
    assert [row["asset"] for row in found["table"][2:]] == [row["asset"] for row in alone]
    assert found["table"][3]["low"] == alone[1]["low"]
    code, out, _ = tenure("compare", "scenario.yaml", "thin.yaml", *words)
    assert f"ask again, tenure compare scenario.yaml thin.yaml {' '.join(map(str, words))};" in out
    code, _, err = tenure("compare", "scenario.yaml", "thin.yaml", "--equal-money", "--no-track")
    assert code == 2
    assert "--equal-money: goes with one scenario" in err
    code, _, err = tenure("compare", "scenario.yaml", "./scenario.yaml", "--no-track")
    assert code == 2
    assert "named twice" in err


def test_set_changes_one_key_of_any_verb(tenure: Run, files: Path) -> None:
    words = ("--replications", 2, "--threads", 1, "--json")
    content = yaml.safe_load((files / "scenario.yaml").read_text(encoding="utf-8"))
    (files / "thin.yaml").write_text(yaml.safe_dump({**content, "margin": 0.3}), encoding="utf-8")
    changed = tenure("simulate", "scenario.yaml", "--set", "margin=0.3", *words)[1]
    assert changed == tenure("simulate", "thin.yaml", *words)[1]
    code, out, _ = tenure("check", "scenario.yaml", "--set", "levers.care.reference=0.4", "--set", "periods=7")
    assert code == 0
    assert "7 months" in out
    for wrong, said in (
        ("margin", "expected KEY=VALUE"),
        ("margen=0.3", "did you mean 'margin'?"),
        ("margin=3", "less than or equal to 1"),
        ("folder=/tmp", "folder: unknown key"),
        ("margin=[", "not YAML"),
    ):
        code, out, err = tenure("check", "scenario.yaml", "--set", wrong)
        assert (code, out) == (2, "")
        assert said in err
        assert err.count("\n") == 1
    assert tenure("check", "scenario.yaml", "--set", "margin=.3", "--set", "margin=.4")[0] == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("missing.yaml",), "missing.yaml: no such file"),
        (("scenario.yaml",), "is a scenario, not a study"),
        (("study.yaml", "--cluster", "tcp://127.0.0.1:1", "--workers", 2), "give one of them"),
    ],
)
def test_what_cannot_be_is_one_line(tenure: Run, files: Path, words: tuple[str | int, ...], said: str) -> None:
    code, out, err = tenure("study", *words, "--no-track")
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_ctrl_c_says_how_to_go_on(tenure: Run, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.study.conduct.run_study", stopped)
    code, out, err = tenure("study", "study.yaml", "--workers", 1, "--folder", "studied", "--note", "why not")
    assert (code, out) == (130, "")
    assert "go on with tenure study study.yaml --workers 1 --folder studied --note 'why not'" in err


def test_every_policy_has_its_run_and_what_differs_is_said(tenure: Run, files: Path) -> None:
    """In the base world both plans are one: two runs all the same, as the table's reader looks for two names."""
    content = asked(policies=["as today", "optimise", "optimise@base", "mix.yaml"], budgets=[1_200], replications=1)
    (files / "mix.yaml").write_text("prospect: acquisition first\nelse: as today\n", encoding="utf-8")
    (files / "study.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    found = json.loads(tenure("study", "study.yaml", "--workers", 1, "--json")[1])
    ids = {(row["world"], row["policy"]): row["run_id"] for row in found["table"]}
    assert len(set(ids.values())) == len(ids) == 8
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=found["tracking_uri"])
    for (world, policy), run_id in ids.items():
        tags = client.get_run(run_id).data.tags
        assert (tags["world"], tags["policy"]) == (world, policy)
        assert ("competitors" in tags["differs"]) == (world == "rival")
    note = client.get_run(ids["rival", "optimise"]).data.tags["mlflow.note.content"]
    assert f"tenure repeat {ids['rival', 'optimise']}" in note
    assert "Money by lever (change from 'as today')" in note
    assert json.loads(tenure("repeat", ids["rival", "mix"], "--json")[1])["same"] is True


def test_next_steps_and_runs_keep_what_was_set(tenure: Run, files: Path) -> None:
    code, out, _ = tenure("check", "scenario.yaml", "--set", "margin=0.3", "--set", "name=thin purse")
    assert code == 0
    said = "tenure optimize scenario.yaml --set margin=0.3 --set 'name=thin purse' -o plan.json"
    assert said in out
    words = ("--replications", 1, "--threads", 1)
    found = json.loads(tenure("compare", "scenario.yaml", "--set", "margin=0.3", *words, "--json")[1])
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=found["tracking_uri"])
    assert client.get_run(found["run_id"]).data.tags["differs"].startswith("margin 0.3 instead of ")
    assert "--set margin=0.3" in tenure("simulate", "scenario.yaml", "--set", "margin=0.3", *words)[1]


def test_diff_says_what_set_changes(tenure: Run, files: Path) -> None:
    code, out, _ = tenure("diff", "scenario.yaml", "--set", "margin=0.3", "--json")
    assert code == 0
    [differs] = json.loads(out)["differ"]
    assert (differs["key"], differs["second"]) == ("margin", 0.3)
    assert (
        "Next: tenure check scenario.yaml --set margin=0.3" in tenure("diff", "scenario.yaml", "--set", "margin=0.3")[1]
    )
    code, _, err = tenure("diff", "scenario.yaml")
    assert (code, "give another scenario file, or changes" in err) == (2, True)
