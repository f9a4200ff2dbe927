"""The command line: every verb on small files, exit codes, help, schema, clean JSON."""

import json

import pytest
import yaml
from markets import SMALL, orders


@pytest.mark.slow
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
    assert "retention" in out
    assert "What is left out:" in out
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
    assert (tmp_path / "runs" / "report.html").stat().st_size > 20_000
    assert "tenure ui --folder" in out


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
    """Ctrl-C: one line, exit code 130."""

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.compare.compare", stop)
    assert tenure("simulate", SMALL) == (130, "", "tenure: stopped\n")


@pytest.mark.parametrize(
    "verb",
    ["demo", "example", "calibrate", "init", "check", "schema", "simulate", "optimize", "explain", "compare", "ui"],
)
def test_help_has_an_example(tenure, verb) -> None:
    """Every verb's help shows a line to copy."""
    code, out, err = tenure(verb, "--help")
    assert (code, err) == (0, "")
    assert f"Example: tenure {verb}" in " ".join(out.split())


def test_warnings_of_other_libraries_are_for_those_who_ask(tenure, monkeypatch) -> None:
    """NumPy's overflow is nobody's answer; `tenure -v` shows it in a line."""
    import warnings

    def warn(*_, **__):
        warnings.warn("overflow encountered in exp", RuntimeWarning, stacklevel=1)
        return {}

    monkeypatch.setattr("sim.scenario.file.schema", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert tenure("schema") == (0, "{}\n", "")
        assert tenure("-v", "schema") == (0, "{}\n", "RuntimeWarning: overflow encountered in exp\n")
