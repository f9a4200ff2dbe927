"""`tenure policies`, and policies as the command line names them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from markets import SMALL

from policies.catalogue import names

Run = Callable[..., tuple[int, str, str]]

MINE = '''
from sim.contract import Allocation


class Mine:
    """Part of today's money."""

    name = "mine"

    def __init__(self, twin, budget, part: float = 0.5):
        self.part = part

    def decide(self, observation):
        return Allocation.within(self.part * observation.targets.reference, observation)


class Greedy(Mine):
    name = "greedy"

    def decide(self, observation):
        return Allocation(99 * observation.targets.reference)


def nothing(twin, budget):
    return None
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a module of a name of its own, so that no other test has imported it."""
    (tmp_path / "my_own_policies.py").write_text(MINE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return "my_own_policies"


def test_every_policy_is_listed_and_explained(tenure: Run) -> None:
    code, out, err = tenure("policies")
    assert (code, err) == (0, "")
    code, listed, _ = tenure("policies", "--json")
    entries = json.loads(listed)["policies"]
    assert [each["name"] for each in entries] == list(names())
    for each in entries:
        assert each.keys() == {"name", "family", "explains", "parameters"}
        assert each["explains"].endswith(".")
        assert f"\n  {each['name']}" in out
        assert f"{each['family']}:" in out


def test_a_policy_of_ones_own_is_checked(tenure: Run, module: str) -> None:
    code, out, err = tenure("policies", "--check", f"{module}:Mine")
    assert (code, err) == (0, "")
    assert out.startswith(f"{module}:Mine conforms, on two small markets")
    code, out, _ = tenure("policies", "--check", f"{module}:Mine(part=0.1)", "--scenario", SMALL, "--json")
    assert code == 0
    assert json.loads(out)["conforms"] is True


WRONG = {
    "Greedy": "policy 'greedy', period 0, target 'homes / prospect', lever 'offers': asks for",
    "nothing": "nothing: expected to get a policy, an object with a name and decide, got None",
    "Absent": "Absent: expected a class or function there, called with a twin and a budget",
    "Mine(parts=1)": "no parameter 'parts'; it has part=0.5",
    "Mine(part='x')": "parameter part='x': expected a number of at least 0",
    "Mine(0.3)": "expected parameters as name=value with commas between; it has part=0.5",
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_one_line_and_code_2(name: str, tenure: Run, module: str) -> None:
    code, out, err = tenure("policies", "--check", f"{module}:{name}")
    assert (code, out) == (2, "")
    assert WRONG[name] in err
    assert err.count("\n") == 1


def test_a_module_that_is_not_there(tenure: Run) -> None:
    code, _, err = tenure("policies", "--check", "no_such_module_here:Policy")
    assert code == 2
    assert "cannot be imported: ModuleNotFoundError" in err


def test_a_scenario_is_for_a_check(tenure: Run) -> None:
    code, _, err = tenure("policies", "--scenario", SMALL)
    assert code == 2
    assert "--scenario" in err
    assert "--check" in err


def test_compare_takes_every_way_to_name_one(tenure: Run, module: str, tmp_path: Path) -> None:
    """A module with a parameter, a mixture, a name with parameters; open loop and feedback are told apart."""
    (tmp_path / "mix.yaml").write_text("regulars: retention first\nelse: as today\n", encoding="utf-8")
    words = ["as-today", f"{module}:Mine(part=2.0)", "mix.yaml", "four tasks(loyalty=0.6)", "service-recovery"]
    given = [word for each in words for word in ("--policy", each)]
    code, out, err = tenure("compare", SMALL, *given, "--replications", 2, "--no-track")
    assert (code, err) == (0, "")
    assert "Reacting to what they see: mine, service recovery; all others are set in advance." in out
    code, out, _ = tenure("compare", SMALL, *given, "--replications", 2, "--no-track", "--json")
    rows = json.loads(out)["policies"]
    assert [row["name"] for row in rows] == ["as today", "mine", "mix", "four tasks", "service recovery"]
    assert [row["feedback"] for row in rows] == [False, True, False, False, True]


def test_where_feedback_wins_its_value_is_said(tenure: Run) -> None:
    words = ("--policy", "no-spend", "--policy", "service-recovery", "--replications", 2, "--no-track")
    code, out, _ = tenure("compare", SMALL, *words)
    assert code == 0
    assert "Value of feedback: service recovery is worth +" in out
    assert "against no spend, the best here that is set in advance." in out


@pytest.mark.slow
def test_all_policies_by_one_word(tenure: Run) -> None:
    code, out, err = tenure("compare", SMALL, "--policy", "all", "--replications", 1, "--no-track", "--json")
    assert (code, err) == (0, "")
    assert [row["name"] for row in json.loads(out)["policies"]] == list(names())
