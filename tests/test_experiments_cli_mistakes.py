"""The command line on bad input: one line, exit code 2, and nothing written over."""

import errno
import json
import os

import pytest
import yaml
from checks import refuses
from markets import SMALL, orders

SCENARIO_MISTAKES = {
    "unknown key": (("period: month", "perod: month"), "perod: unknown key; did you mean 'period'?"),
    "negative budget": (("period_share: 0.4", "budget: -5"), "rules.budget"),
    "impossible floor": (("awareness: {floor: 0.02}", "awareness: {floor: 0.6, cap: 0.5}"), "rules.levers.awareness"),
    "margin that is no number": (("margin: 0.4", "margin: .nan"), "margin: input should be a finite number"),
    "lever for nobody": (("targets: [prospect]", "targets: [prospect]\n    tiers: [low]"), "reaches nobody"),
    "floors above one": (
        ("awareness: {floor: 0.02}", "awareness: {floor: 0.6}\n    winback: {floor: 0.6}"),
        "add up to 1.2",
    ),
}


@pytest.mark.parametrize("name", SCENARIO_MISTAKES)
def test_a_mistake_in_a_scenario_is_one_line(tenure, tmp_path, name) -> None:
    """Exit code 2, one line that names file and key, nothing on standard output, no traceback."""
    (before, after), expected = SCENARIO_MISTAKES[name]
    text = SMALL.read_text(encoding="utf-8")
    assert before in text
    (tmp_path / "bad.yaml").write_text(text.replace(before, after), encoding="utf-8")
    code, out, err = tenure("check", "bad.yaml")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("tenure: bad.yaml")
    assert expected in err


MISTAKES = {
    "no such scenario": (("check", "missing.yaml"), "missing.yaml: no such file"),
    "empty scenario": (("check", "empty.yaml"), "empty.yaml: is empty"),
    "purchases as scenario": (("check", "orders.csv"), "orders.csv"),
    "no such purchases": (("calibrate", "missing.csv"), "missing.csv"),
    "empty purchases": (("calibrate", "empty.csv"), "empty.csv"),
    "missing column": (("calibrate", "nodate.csv"), "date"),
    "negative budget": (("optimize", SMALL, "--budget", "-1"), "at least 0"),
    "budget not a number": (("optimize", SMALL, "--budget", "nan"), "expected money"),
    "unknown policy": (("simulate", SMALL, "--policy", "evensplit"), "did you mean 'even split'"),
    "not a plan": (("simulate", SMALL, "--policy", "empty.yaml"), "expected a mixture of policies"),
    "unknown option": (("simulate", SMALL, "--polcy", "x"), "--polcy"),
    "bad number": (("simulate", SMALL, "--replications", "many"), "--replications"),
    "unwritable folder": (("compare", SMALL, "--folder", "orders.csv/runs"), "cannot be written"),
    "unwritable plan": (("optimize", SMALL, "-o", "nowhere/plan.json"), "nowhere/plan.json"),
    "plan into a folder": (("optimize", SMALL, "-o", "."), "it is a folder"),
    "table into a folder": (("simulate", SMALL, "--replications", 1, "--csv", "."), "it is a folder"),
    "scenario over purchases": (("calibrate", "orders.csv", "-o", "orders.csv", "--force"), "written over"),
    "scenario as base": (("calibrate", "orders.csv", "-o", "x.duckdb"), "customer base"),
    "budget beyond money": (("optimize", SMALL, "--budget", "1e300"), "at most 1e18"),
    "plan in no known format": (("optimize", SMALL, "-o", "plan.txt"), "plan.txt: expected a name that ends in"),
    "unwritable simplest plan": (("explain", "plan.json", "--simplest", "simple.doc"), "simple.doc: expected a name"),
    "no plan to explain": (("explain", "missing.json"), "missing.json: no such plan"),
    "no plan at all": (("explain", "orders.csv"), "orders.csv: does not say which scenario it was made for"),
    "targeting and a target": (
        ("optimize", SMALL, "--value-of-targeting", "--reach", "asset=1", "-o", "x.json"),
        "writes none; leave out --reach, -o",
    ),
    "no runs to show": (("ui", "--folder", "."), "tenure demo"),
    "a line and a simpler plan": (
        ("explain", "plan.json", "--line", "a/b", "--simplest", "x.json"),
        "explains one line and makes no simpler plan",
    ),
    "one plan beside nothing": (("diff", "plan.json"), "plan.json: is a plan; give the plan file to hold against it"),
    "a scenario beside a plan": (("diff", SMALL, "plan.json"), "is a scenario beside a plan; give two plan files or"),
    "scenarios for a scenario": (
        ("diff", SMALL, SMALL, "--scenario", SMALL),
        "--scenario says what plans are for; leave it out to compare",
    ),
    "policies of a scenario": (("policies", "--scenario", SMALL), "only with --check; name the policy to check"),
    "a scenario twice": (("compare", SMALL, SMALL), "a scenario is named twice; name each once"),
    "a change without a value": (("check", SMALL, "--set", "margin"), "--set margin: expected KEY=VALUE"),
    "a change twice": (("check", SMALL, "--set", "margin=1", "--set", "margin=0.5"), "'margin' is changed already"),
    "a channel twice": (
        ("allocate", "orders.csv", "--budget", 1, "--floor", "tv=1", "--floor", "tv=2"),
        "'tv' is given already; give",
    ),
    "beyond the horizon": (("simulate", SMALL, "--until", 99), "has 6 months; leave it out to run to the end"),
    "saved at the end": (("simulate", SMALL, "--save", "x.npz"), "a market is saved between two periods; say after"),
    "another budget on the way": (
        ("simulate", SMALL, "--resume", "x.npz", "--budget", 5),
        "a resumed market keeps the budget it began with",
    ),
    "nobody there": (("trace", SMALL, "--segment", "regular"), "did you mean 'regulars'?"),
    "a margin above all": (("calibrate", "orders.csv", "--margin", 2), "a share of revenue above 0 and at most 1"),
    "a study of nothing": (("study", "empty.yaml"), "empty.yaml: expected keys with values, such as worlds and pol"),
    "a scenario as study": (("study", SMALL), "is a scenario, not a study; name it under `worlds:`"),
    "no runs to repeat": (("repeat", "abc", "--folder", "."), "no runs here; name their folder with --folder"),
    "runs of nowhere": (("sync", "--folder", "nowhere"), "nowhere: is not a folder; name the one where runs wait"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_bad_input_is_one_line_and_exit_code_2(tenure, tmp_path, name) -> None:
    """Every kind of bad input."""
    orders(tmp_path / "orders.csv", customers=5)
    (tmp_path / "empty.yaml").touch()
    (tmp_path / "empty.csv").touch()
    (tmp_path / "nodate.csv").write_text("customer,amount\n1,2.5\n", encoding="utf-8")
    refuses(tenure, tmp_path, *MISTAKES[name])


WRITERS = {
    "calibrate": ("calibrate", "missing.csv", "-o", "nowhere/new.yaml"),
    "simulate, table": ("simulate", "missing.yaml", "--table", "nowhere/new.csv"),
    "simulate, saved": ("simulate", "missing.yaml", "--until", "2", "--save", "nowhere/new.npz"),
    "optimize": ("optimize", "missing.yaml", "-o", "nowhere/new.json"),
    "explain": ("explain", "missing.json", "--simplest", "nowhere/new.json"),
    "split": ("split", "missing.json", "-o", "nowhere/new.csv"),
    "frontier": ("frontier", "missing.yaml", "--table", "nowhere/new.parquet"),
    "allocate": ("allocate", "missing.csv", "--budget", "1", "-o", "nowhere/new.xlsx"),
    "risk": ("risk", "missing.yaml", "-o", "nowhere/new.csv"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_that_is_not_there_is_said_before_anything_is_read(tenure, tmp_path, name) -> None:
    """The input is missing too, but where to write is looked at first."""
    words = WRITERS[name]
    refuses(tenure, tmp_path, words, f"cannot write {words[-1]}: nowhere is not a folder; make it first")


OVERWRITERS = {
    "simulate, saved": ("simulate", "base.yaml", "--until", 2, "--save", "base.yaml"),
    "simulate, saved by another name": ("simulate", "base.yaml", "--until", 2, "--save", "../{}/base.yaml"),
    "simulate, saved over a link": ("simulate", "base.yaml", "--until", 2, "--save", "link.yaml"),
    "simulate, two outputs": ("simulate", "base.yaml", "--until", 2, "--table", "x.csv", "--save", "x.csv"),
    "simulate, policy": ("simulate", "base.yaml", "--policy", "plan.csv", "--table", "plan.csv"),
    "simulate, resumed": ("simulate", "base.yaml", "--resume", "old.npz", "--until", 2, "--save", "old.npz"),
    "simulate, customer base": ("simulate", "shop.yaml", "--until", 2, "--save", "shop.duckdb"),
    "optimize, base": ("optimize", "base.yaml", "--base", "plan.csv", "--more", 5, "-o", "plan.csv"),
    "optimize, start": ("optimize", "base.yaml", "--from", "plan.csv", "-o", "plan.csv"),
    "split": ("split", "plan.csv", "--scenario", "base.yaml", "-o", "plan.csv"),
    "optimize, customer base": ("optimize", "shop.yaml", "-o", "shop.csv"),
    "explain": ("explain", "plan.csv", "--scenario", "base.yaml", "--simplest", "plan.csv"),
    "frontier": ("frontier", "scenario.csv", "--table", "scenario.csv"),
    "allocate, curves": ("allocate", "curves.csv", "--budget", 1, "-o", "curves.csv"),
    "allocate, rules": ("allocate", "curves.csv", "--rules", "rules.json", "-o", "rules.json"),
    "risk": ("risk", "scenario.csv", "-o", "scenario.csv"),
    "risk, customer base": ("risk", "shop.yaml", "-o", "shop.csv"),
}


@pytest.mark.parametrize("name", OVERWRITERS)
def test_no_output_goes_over_what_the_command_reads_or_writes(tenure, tmp_path, name) -> None:
    """Refused before the work; every file keeps its bytes."""
    words = [str(word).format(tmp_path.name) for word in OVERWRITERS[name]]
    base = "shop.csv" if "shop.csv" in words else "shop.duckdb"
    laws = "{r: 1, alpha: 1, s: 1, beta: 1}", "{p: 1, q: 2, gamma: 1}"
    shop = SMALL.read_text(encoding="utf-8") + (
        f"base: {{file: {base}, as_of: 2024-01-01, pareto_nbd: {laws[0]}, gamma_gamma: {laws[1]}, "
        "cycle_cutoffs: [1, 2], amount_cutoffs: [1, 2]}\n"
    )
    (tmp_path / "shop.yaml").write_text(shop, encoding="utf-8")
    (tmp_path / "base.yaml").write_text(SMALL.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "link.yaml").symlink_to("base.yaml")
    for file in (base, "plan.csv", "old.npz", "scenario.csv", "curves.csv", "rules.json"):
        (tmp_path / file).write_text("as it was", encoding="utf-8")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    refuses(tenure, tmp_path, words, f"cannot write {words[-1]}: this command reads or writes it already")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_scenario_that_a_plan_names_is_not_written_over(tenure, tmp_path) -> None:
    """The plan tells `explain` which file that is."""
    content = SMALL.read_text(encoding="utf-8").replace("periods: 6", "periods: 1")
    (tmp_path / "scenario.json").write_text(content, encoding="utf-8")
    assert tenure("optimize", "scenario.json", "--bound-steps", 0, "-o", "plan.json")[0] == 0
    refuses(tenure, tmp_path, ("explain", "plan.json", "--simplest", "scenario.json"), "cannot write scenario.json")


def test_only_files_are_written(tenure, tmp_path) -> None:
    """A pipe is refused before the work; through a link, what it leads to is written and the link stays."""
    os.mkfifo(tmp_path / "pipe.csv")
    orders(tmp_path / "orders.csv", customers=5)
    os.mkfifo(tmp_path / "new.duckdb")
    for words in (("simulate", "missing.yaml", "--table", "pipe.csv"), ("calibrate", "orders.csv", "-o", "new.yaml")):
        refuses(tenure, tmp_path, words, "it is a device or a pipe; give the name of a file")
    (tmp_path / "far").mkdir()
    (tmp_path / "table.csv").symlink_to("far/months.csv")
    assert tenure("simulate", SMALL, "--replications", 1, "--table", "table.csv")[0] == 0
    assert (tmp_path / "table.csv").is_symlink()
    assert [path.name for path in (tmp_path / "far").iterdir()] == ["months.csv"]
    (tmp_path / "lost.csv").symlink_to("nowhere/months.csv")
    refuses(tenure, tmp_path, ("simulate", SMALL, "--table", "lost.csv"), "nowhere is not a folder; make it first")


def test_impossible_floor_in_the_optimiser(tenure, tmp_path) -> None:
    """A floor that too few customers can take is named, with by how much it is missed."""
    content = yaml.safe_load(SMALL.read_text(encoding="utf-8"))
    content["levers"]["winback"]["most"] = 2
    content["rules"]["levers"] = {"winback": {"floor": 0.9}}
    (tmp_path / "floor.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    code, _, err = tenure("optimize", "floor.yaml", "--budget", "1000000")
    assert code == 2
    assert "floor of winback" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("sign", ["\x1b", "\x9b", "\x7f"])
def test_no_control_sign_of_a_message_reaches_the_terminal(tenure, sign: str) -> None:
    code, _, err = tenure("check", f"a{sign}31m.yaml")
    assert code == 2
    assert "a?31m.yaml" in err
    assert sign not in err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 1, "tenure: cannot write: No space left on device\n"),
        (
            PermissionError(errno.EACCES, "Permission denied", "plan.json"), 2,
            "tenure: plan.json: cannot be used (Permission denied); choose another\n",
        ),
        (MemoryError("8 GB"), 1, "tenure: not enough memory: 8 GB; use fewer customers\n"),
        (KeyboardInterrupt(), 130, "tenure: stopped\n"),
        (RuntimeError("Query interrupted"), 130, "tenure: stopped\n"),
    ],
)  # fmt: skip
def test_a_failure_of_the_machine_is_a_line(error: BaseException, code: int, said: str, tenure, monkeypatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("experiments.cli.app._give_up_output", lambda: None)
    monkeypatch.setattr("experiments.firm.Firm.open", fails)
    found = tenure("simulate", SMALL)
    assert (found[0], found[1], found[2].removeprefix("\r\x1b[K\x1b[?25h")) == (code, "", said)


def test_an_error_that_nobody_expected_is_not_hidden(tenure, monkeypatch) -> None:
    """Of no file, or of our own: its traceback is what a report of it needs."""
    for error in (OSError(errno.EIO, "Input/output error"), ZeroDivisionError("by zero")):

        def fails(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr("experiments.firm.Firm.open", fails)
        with pytest.raises(type(error)):
            tenure("simulate", SMALL)


def test_what_was_sent_is_told_by_place(tenure, monkeypatch) -> None:
    """How many runs went where and how to see them; what waits is the failure of the command."""
    from experiments.tracking.outbox import Sent

    here = Sent("sqlite:///mlflow.db", {"a": "1", "b": "2"}, {})
    there = Sent("http://host:5000", {}, {}, 2, "http://host:5000 does not take runs (nobody answers there)")
    monkeypatch.setattr("experiments.tracking.outbox.sync", lambda *_, **__: (here,))
    assert tenure("sync")[1] == "2 sent to sqlite:///mlflow.db. Next: tenure ui --folder .\n"
    monkeypatch.setattr("experiments.tracking.outbox.sync", lambda *_, **__: (here, there))
    code, out, err = tenure("sync")
    assert (code, out.splitlines()[1]) == (1, "0 sent to http://host:5000")
    assert "nobody answers there); 2 runs wait in . until `tenure sync` sends them" in err
    code, out, _ = tenure("sync", "--json")
    assert (code, '"waiting": 2' in out) == (1, True)
    monkeypatch.setattr("experiments.tracking.outbox.sync", lambda *_, **__: ())
    assert tenure("sync")[:2] == (0, "Nothing waits here.\n")


def test_what_telling_customers_apart_is_worth_is_told(tenure, monkeypatch) -> None:
    """In words, and as data; with changes of the scenario said again in what to do next."""
    from types import SimpleNamespace

    ways = [SimpleNamespace(name=name, asset=asset, lift=asset - 900.0, plan=1)
            for name, asset in (("segment", 1000.0), ("state", 1040.0))]  # fmt: skip
    found = SimpleNamespace(ways=ways, to_dict=lambda: {"ways": 2})
    monkeypatch.setattr("experiments.firm.Firm.value_of_targeting", lambda *_, **__: found)
    code, out, err = tenure("optimize", SMALL, "--value-of-targeting", "--set", "margin=0.5")
    assert code == 0, err
    assert out.startswith("Telling customers apart by state instead of by segment brings +40 EUR for the same money.")
    assert f"Next: tenure optimize {SMALL} --set margin=0.5 --targeting stage -o plan.json" in out
    assert json.loads(tenure("optimize", SMALL, "--value-of-targeting", "--json")[1]) == {"ways": 2}
