"""What the library refuses before any work, each in a line that names the argument."""

from datetime import date
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from markets import SMALL

from experiments.cli.planning import _made_for
from experiments.compare import compare
from experiments.firm import Firm
from experiments.look import base_of
from experiments.measure import _days, _outcome
from experiments.report.logo import MOST_LOGO, checked_page, embedded_logo
from experiments.results.information import NextTest
from experiments.results.lists import CustomerList, checked, worth_winning
from experiments.study import conduct
from experiments.study.ask import Study, read_study
from experiments.study.examples import _files
from experiments.study.kept import _worlds
from experiments.study.page import _groups
from experiments.study.reading import mapping
from experiments.study.segments import own
from experiments.terminal.progress import progress_bars, remaining
from experiments.tracking import store
from optimizer.bound.conflicts import Conflict
from optimizer.curves.allocation import allocate
from optimizer.curves.least import least_budget
from optimizer.lp.programmes import LinearProgramme, LpAnswer
from optimizer.money.table import _number
from sim.errors import FolderError, InputError, ScenarioError
from sim.monitoring.signals import Limits
from sim.responses.learn import _path
from sim.responses.written import carry
from sim.scenario.changes import changed
from sim.scenario.file import load, parse

NAN = float("nan")


def test_lists_of_shares_and_of_nobody() -> None:
    for control in (-0.1, 1.0):
        with pytest.raises(InputError, match="expected a share from 0 to below 1"):
            checked("targets", control)
    with pytest.raises(InputError, match="expected one of targets, win back"):
        checked("losers", 0.0)
    twin: Any = SimpleNamespace(scenario=load(SMALL), base=None)
    with pytest.raises(InputError, match="small: has no customer base, so nobody tells what people like them bring"):
        worth_winning(twin, np.zeros(1), 0, "people.csv")
    frame = pd.DataFrame({"customer_id": ["a", "b", "c"], "money": [1.0, 2.0, 3.0], "held_back": [0.0, 0.0, 0.0]})
    some = CustomerList("targets", 0, frame, 6.0, 0.0, 0.0, "EUR")
    assert some.sampled(3, 1) is some
    assert (len(some.sampled(2, 1).frame), "2 of 3 by lot" in some.sampled(2, 1).remarks[0]) == (2, True)


def test_measures_outside_the_time() -> None:
    """Within the horizon, from a first day on; no base, no outcome of its customers."""
    scenario = load(SMALL)
    twin: Any = SimpleNamespace(scenario=scenario, base=None)
    with pytest.raises(InputError, match=r"`period=5`: expected it and `periods=2` within the horizon of 6"):
        _days(twin, 5, 2)
    with pytest.raises(InputError, match="small: has no first day, so no purchase falls into a period"):
        _days(twin, 1, 2)
    twin.scenario = scenario.model_copy(update={"first_day": date(2024, 1, 1)})
    assert _days(twin, 1, 2) == (date(2024, 2, 1), date(2024, 4, 1))
    assert _outcome(twin, np.zeros(1), None, np.zeros(1), 0, 1) == ()
    with pytest.raises(InputError, match=r"nowhere\.csv: is not there; name a customer base or a file"):
        base_of(Path("nowhere.csv")).__enter__()


def test_logos_that_pages_cannot_show(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(b"x" * (MOST_LOGO + 1))
    (tmp_path / "small.svg").write_bytes(b"<svg/>")
    with pytest.raises(InputError, match="300,001 bytes; give a smaller one, below 300,000"):
        checked_page("en", tmp_path / "large.png")
    with pytest.raises(InputError, match=r"none\.jpg`: cannot be read \(No such file"):
        embedded_logo(tmp_path / "none.jpg")
    assert embedded_logo(tmp_path / "small.svg") == "data:image/svg+xml;base64,PHN2Zy8+"
    checked_page("zh", None)


def test_comparisons_of_nothing() -> None:
    twin = Firm.open(SMALL).twin
    for policies, number in (([], 1), ([object()], 0)):
        with pytest.raises(InputError, match="expected at least one policy and one replication, got"):
            compare(twin, policies, 100.0, replications=number)


@pytest.mark.parametrize(
    ("aim", "said"), [(None, ""), ("mean", "the mean"), ("cautious", "worst 20%"), ("quantile", "the 20% quantile")]
)
def test_which_worlds_a_plan_was_made_for(aim: str | None, said: str) -> None:
    text = _made_for(aim, 8, 0.2)
    assert (said in text, bool(text)) == (True, aim is not None)


# --- Studies ----------------------------------------------------------------------------------------------------------


def test_studies_that_ask_nothing_or_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="study: worlds: missing; a study needs worlds and policies"):
        read_study({"policies": ["as today"]})
    with pytest.raises(InputError, match=r"there: expected keys with values, got \[\]"):
        mapping([], "there")
    wanted = read_study({"worlds": {"base": str(SMALL)}, "policies": ["as today"]})
    assert isinstance(wanted, Study)
    with pytest.raises(InputError, match="`policies=`: the study has its own; leave them out"):
        conduct.study(wanted, "nowhere", policies=[object()])
    monkeypatch.setattr(conduct, "MOST_RUNS", 0)
    with pytest.raises(InputError, match=r"1 runs for MLflow \(worlds x budgets x policies\).* expected up to 0"):
        conduct.study(wanted, "nowhere", track=True)


def test_a_kept_study_wants_its_customers_back(tmp_path: Path) -> None:
    laws = {"pareto_nbd": {"r": 1, "alpha": 1, "s": 1, "beta": 1}, "gamma_gamma": {"p": 1, "q": 2, "gamma": 1}}
    base = {"file": "gone.duckdb", "as_of": "2024-01-01", **laws, "cycle_cutoffs": [1, 2], "amount_cutoffs": [1, 2]}
    scenario = load(SMALL).model_dump(mode="json", exclude_unset=True)
    content = {**scenario, "base": base, "folder": str(tmp_path)}
    for lever in content["levers"].values():
        lever.pop("tiers", None)
    world = {"name": "w", "family": "", "values": {}, "design": "", "start": "", "stated": {}, "content": content}
    with pytest.raises(InputError, match=r"run abc: was made with the customers in .*gone\.duckdb, which is not there"):
        _worlds([world], "abc")


def test_the_page_tells_of_the_worlds_that_tell_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """All where they are few; else where a policy leaves most, or cannot be chosen, of the policy chosen more."""

    def row(world: str, policy: str, regret: float) -> Any:
        return SimpleNamespace(world=world, asked=None, policy=policy, regret=regret)

    rows = [row(f"w{i}", name, float(i if name == "plan" else 9 - i)) for i in range(10) for name in ("plan", "today")]
    rows[6] = row("w3", "plan", NAN)
    both = [SimpleNamespace(policy="plan"), SimpleNamespace(policy="today")]
    answers = SimpleNamespace(rows=rows, survivals=both, choice=both[0])
    result: Any = SimpleNamespace(answers=answers)
    assert len(_groups(result)) == 10
    monkeypatch.setattr("experiments.study.page.MOST_ROWS", 8)
    told = [world for world, _ in _groups(result)]
    assert (len(told), told == sorted(told), {"w3", "w0", "w9"} <= set(told)) == (4, True, True)


# --- Rules, curves, numbers -------------------------------------------------------------------------------------------


def test_many_ways_to_mend_a_clash_are_counted() -> None:
    row: Any = SimpleNamespace(name="a", rule="a", when="", number=None, kind=SimpleNamespace(name="k"))
    ways = {f"rule {i}": f"{i} customers" for i in range(9)}
    text = str(Conflict((row,), ways, ""))
    assert ("'rule 0' is loosened by 0 customers" in text, " more" in text, "'rule 8'" in text) == (True, True, False)


def test_money_and_targets_that_are_none() -> None:
    curves: Any = SimpleNamespace()
    with pytest.raises(InputError, match="no budget; give `budget=`, or `budget:` in the rules file"):
        allocate(curves)
    for budget in (-1.0, 1e19, NAN):
        with pytest.raises(InputError, match="expected a number from 0 to 1e18"):
            allocate(curves, budget=budget)
    with pytest.raises(InputError, match="`target=inf`: expected a finite number"):
        least_budget(curves, target=float("inf"))
    for value in (True, date(2024, 1, 1), NAN):
        with pytest.raises(InputError, match="cell B2: expected money, got"):
            _number(value, "cell B2", ".")


def test_a_point_that_was_reached_in_time_needs_no_proof() -> None:
    lp = LinearProgramme(np.array([1.0]))
    lp.add_row([0], np.array([1.0]), "<=", 5.0)
    lp._check(LpAnswer("feasible", "TimeLimit", np.array([3.0]), np.array([0.0]), 3.0), np.ones(1))


def test_false_alarms_are_a_rate() -> None:
    for rate in (0.0, 3.0):
        with pytest.raises(InputError, match=f"`false_alarms={rate:g}`: expected a number a year above 0, at most 2"):
            Limits(np.zeros((20, 3, 1, 5)), ("a",), rate, 1.0)


# --- Scenarios and evidence -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "said"),
    [("", "an empty path names no key; expected one such as margin"), ("margin.x", "lies inside 0.4, which has no"),
     ("segments..start", "expected keys with dots between them, got")],
)  # fmt: skip
def test_paths_that_name_no_key(path: str, said: str) -> None:
    content = load(SMALL).model_dump(mode="json", exclude_unset=True)
    with pytest.raises(ScenarioError, match=said):
        changed(content, {path: 1}, "here")


def test_two_numbers_have_one_correlation() -> None:
    content = load(SMALL).model_dump(mode="json", exclude_unset=True)
    content["uncertain"] = [
        {"path": "margin", "low": 0.3, "high": 0.5, "correlated": {"loss": 0.5}},
        {"path": "loss", "low": 0.01, "high": 0.1, "correlated": {"margin": 0.2}},
    ]
    with pytest.raises(ScenarioError, match=r"(margin and loss|loss and margin) have two correlations"):
        parse(content)


def test_where_a_curve_s_ranges_stand() -> None:
    """Its segment's own, or those of the lever it differs from; what terms carry over is not stated."""
    own = SimpleNamespace(moves={"survival": 1})
    scenario: Any = SimpleNamespace(levers={"care": SimpleNamespace(by_segment={"gold": own})})
    assert _path(scenario, ("care", "survival", "gold")) == "levers.care.by_segment.gold.moves.survival"
    assert _path(scenario, ("care", "amount", "gold")) == "levers.care.moves.amount"
    assert _path(scenario, ("care", "survival", "")) == "levers.care.moves.survival"
    where, said = carry({"levers": {"cut": {"pays": "price"}}}, {}, "cut", None)
    assert (where, said[0].startswith("cut: that it carries over is not stated")) == ("", True)


def test_firms_that_cannot_be_asked_so() -> None:
    """No evidence at all; a chain has no curves to draw."""
    with pytest.raises(InputError, match="expected at least one file of evidence"):
        Firm.open(SMALL).learn()
    chain = {
        "name": "two states", "periods": 2, "terminal": "none", "segments": {"all": {"start": {"here": 10}}},
        "chain": {"states": ["here", "away"],
                  "actions": [{"spend": 0, "moves": [[0.5, 0.5], [0, 1]], "reward": [1, 0]}]},
    }  # fmt: skip
    with pytest.raises(InputError, match="plot: a chain of your own has no response curves"):
        Firm.of(chain).plot()


def test_a_place_that_a_store_cannot_be_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FolderError, match=r"MLflow cannot keep runs in a path with \?, # or %"):
        store.open_store(tmp_path / "100 %")
    monkeypatch.setattr(store, "_in_unicode", lambda folder: False)
    with pytest.raises(FolderError, match="this locale cannot spell it, and MLflow must; set PYTHONUTF8=1"):
        store.open_store(tmp_path)


class Terminal(StringIO):
    """Standard error that somebody looks at."""

    def isatty(self) -> bool:
        return True


def test_bars_are_shown_where_somebody_looks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A step's bar with what is left, never backwards; the earlier are full; nothing where nobody looks."""
    with progress_bars() as step:
        step("quiet")(0.5)
    assert capsys.readouterr() == ("", "")
    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    with progress_bars() as step:
        first = step("Reading")
        for done in (0.5, 0.2, 2.0):
            first(done)
        step("Solving")
    assert ("Reading" in shown.getvalue(), "Solving" in shown.getvalue()) == (True, True)
    assert remaining(0.0, 5.0) == remaining(0.001, 0.1) == ""


def test_what_is_not_there_to_be_written() -> None:
    """A test that does not pay has no plan; an example that did not come; groups that are found elsewhere."""
    information: Any = object.__new__(NextTest)
    object.__setattr__(information, "plan", None)
    with pytest.raises(InputError, match="no test pays, so there is no plan of one to write"):
        information.save("plan.json")
    with pytest.raises(FolderError, match="the examples did not come with this copy of Tenure; install it again"):
        _files("no such example")
    nothing: Any = None
    with pytest.raises(InputError, match="is written beside a scenario by `tenure calibrate`"):
        own("mixture", nothing, nothing, nothing, nothing, Path())
