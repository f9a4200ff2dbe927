"""The face: its names, what `import tenure` costs and leaves alone, and that a verb is one call of it."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from markets import ROOT, SMALL

import tenure
from optimizer.plan import Plan

SHORT = SMALL.read_text(encoding="utf-8").replace("periods: 6", "periods: 2")
UNCERTAIN = SHORT + "uncertain: [{path: margin, low: 0.3, high: 0.5}]\n"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(tenure_command: Run, tmp_path: Path) -> Callable[..., Any]:
    """Return what runs a verb with --json beside a short scenario, and reads its answer."""
    (tmp_path / "scenario.yaml").write_text(SHORT, encoding="utf-8")
    (tmp_path / "uncertain.yaml").write_text(UNCERTAIN, encoding="utf-8")

    def run(*words: object) -> Any:
        code, out, err = tenure_command(*words, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    return run


@pytest.fixture
def tenure_command(request: pytest.FixtureRequest) -> Run:
    run: Run = request.getfixturevalue("tenure")
    return run


def python(code: str, folder: Path, *, path: str = str(ROOT)) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": path}
    words = [sys.executable, "-c", code]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def same(one: Any, other: Any) -> bool:
    """Return whether two answers are the same but for the time they took."""

    def timeless(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: timeless(item) for key, item in value.items() if key not in ("seconds", "file")}
        if isinstance(value, list | tuple):
            return [timeless(item) for item in value]
        return None if isinstance(value, float) and value != value else value

    return bool(timeless(one) == timeless(other))


# --- Names ---


def test_every_name_is_there_and_in_the_help() -> None:
    assert tenure.__all__ == sorted(tenure.__all__)
    for name in tenure.__all__:
        assert getattr(tenure, name) is not None
        assert name in dir(tenure)
        if name != "__version__":
            assert f"\n``{name}" in (tenure.__doc__ or ""), name
    with pytest.raises(AttributeError, match="has no attribute 'opne'"):
        tenure.opne  # type: ignore[attr-defined]  # noqa: B018


def test_importing_it_imports_nothing_else(tmp_path: Path) -> None:
    """Neither numpy nor any package of ours, until a name is used; the firm's class needs no heavy one either."""
    done = python(
        "import sys; before = set(sys.modules); import tenure; new = set(sys.modules) - before\n"
        "print(sorted({name.partition('.')[0] for name in new} - set(sys.stdlib_module_names)))\n"
        "tenure.Firm, tenure.examples(), tenure.Question, tenure.InputError\n"
        "print(sorted({'numba', 'pydantic', 'pandas', 'plotly', 'mlflow', 'typer'} & set(sys.modules)))\n",
        tmp_path,
    )
    assert (done.stdout, done.stderr) == ("['tenure']\n[]\n", "")


# --- A verb is one call ---


def test_optimize_is_the_call(said: Callable[..., Any], tmp_path: Path) -> None:
    firm = tenure.open("scenario.yaml")
    plan = firm.optimize(budget=800, bound_steps=3)
    answer = said("optimize", "scenario.yaml", "--budget", 800, "--bound-steps", 3, "-o", "plan.json")
    assert same(answer, json.loads(plan.to_json()))
    assert isinstance(plan, Plan)
    onward = firm.optimize(tenure.Question(base="plan.json", within=0.2, freeze="lever=winback"), bound_steps=0)
    words = ("--base", "plan.json", "--within", 0.2, "--freeze", "lever=winback", "--bound-steps", 0, "-o", "more.json")
    assert same(said("optimize", "scenario.yaml", *words), json.loads(onward.to_json()))
    assert same(said("explain", "plan.json"), firm.explain("plan.json").to_dict())


def test_compare_is_the_call(said: Callable[..., Any]) -> None:
    result = tenure.open("scenario.yaml").compare(["as today", "no spend"], replications=2, seed=3)
    answer = said("compare", "scenario.yaml", "--replications", 2, "--seed", 3, "--no-track")
    assert same({**result.to_dict(), "report": None, "tracking_uri": None}, answer)


@pytest.mark.slow
def test_frontier_risk_and_targeting_are_the_calls(said: Callable[..., Any]) -> None:
    firm = tenure.open("uncertain.yaml")
    assert same(said("frontier", "uncertain.yaml", "--budgets", "500,900"), firm.frontier([500, 900]).to_dict())
    assert same(said("risk", "uncertain.yaml", "--samples", 2), firm.risk(samples=2).to_dict())
    assert same(said("optimize", "uncertain.yaml", "--value-of-targeting"), firm.value_of_targeting().to_dict())


def test_simulate_and_trace_are_the_calls(said: Callable[..., Any]) -> None:
    firm = tenure.open("scenario.yaml")
    assert same(said("simulate", "scenario.yaml", "--replications", 2), firm.simulate(replications=2).to_dict())
    assert same(said("simulate", "scenario.yaml", "--until", 1), firm.simulate(until=1).to_dict())
    assert same(said("trace", "scenario.yaml", "--customer", 5), firm.trace(customer=5).to_dict())
    assert said("check", "scenario.yaml")["text"] == firm.check()
    assert said("schema") == tenure.schema()


# --- What goes wrong ---

MISTAKES: dict[str, tuple[Callable[[Any], object], str]] = {
    "two budgets": (lambda firm: firm.optimize(tenure.Question(), budget=5), "`budget=`: the question has one"),
    "a question": (lambda firm: firm.optimize(tenure.Question(more=5)), "`more=`: needs `base=`"),
    "a target": (lambda firm: firm.optimize(tenure.Question(reach="much")), "`reach=much`: expected QUANTITY"),
    "a name": (lambda firm: firm.compare(["evensplit"]), "did you mean 'even split'"),
    "a thing": (lambda firm: firm.compare([3]), "policy of type int: expected a name, a plan"),
    "twice": (lambda firm: firm.compare(["as today", "as-today"]), "is named twice"),
    "parts": (lambda firm: firm.simulate(until=1, replications=3), "`replications=3`: `until=`"),
    "an example": (lambda _: tenure.example("subscriptions"), "did you mean 'subscription'"),
    "curves": (lambda _: tenure.allocate(ROOT / "examples/allocate/curves.csv"), "give `budget=`"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_name_the_argument(name: str) -> None:
    """And never an option of the command line."""
    call, expected = MISTAKES[name]
    with pytest.raises(tenure.InputError) as error:
        call(tenure.Firm.of(yaml.safe_load(SHORT)))
    assert expected in str(error.value)
    assert "--" not in str(error.value)


def test_the_library_does_not_speak_the_command_line() -> None:
    """No message of an error has an option in it outside the command line's own folder."""
    found = 0
    for package in ("sim", "optimizer", "policies", "experiments", "tenure"):
        for path in (ROOT / package).rglob("*.py"):
            if ROOT / "experiments" / "cli" in path.parents:
                continue
            for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(call, ast.Call) or not ast.unparse(call.func).endswith("Error"):
                    continue
                texts = [each.value for each in ast.walk(call) if isinstance(each, ast.Constant)]
                found += len(texts)
                options = [each for each in texts if re.search(r"(?<![\w-])--[a-z]", str(each))]
                assert not options, f"{path}: {options}"
    assert found > 300


def test_rules_that_clash_over_curves_carry_what_was_found() -> None:
    curves = ROOT / "examples/allocate/curves.csv"
    with pytest.raises(tenure.RulesError) as error:
        tenure.allocate(curves, budget=100, floor={"tv": 80, "search": 60})
    assert {rule["rule"] for rule in error.value.answer.to_dict()["conflict"]["rules"]} >= {"budget"}


def test_a_plan_for_another_version_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content = yaml.safe_load(SHORT)
    tenure.Firm.of(content).optimize(bound_steps=0).save("plan.json")
    with pytest.warns(tenure.ScenarioChanged, match=r"plan\.json was made for another version"):
        tenure.Firm.of({**content, "margin": 0.3}).load_plan("plan.json")


def test_a_users_own_folder_is_named_or_does_no_harm(tmp_path: Path) -> None:
    """Beside folders of our packages' names the command works, and the library says which one hides what."""
    for name in ("sim", "experiments", "optimizer", "policies"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    both = f".{os.pathsep}{ROOT}"
    done = python("import tenure; tenure.open('scenario.yaml')", tmp_path, path=both)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert "hides Tenure's own package" in last
    assert "rename it" in last
    words = [sys.executable, "-m", "tenure", "--version"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == f"tenure {tenure.__version__}\n"
