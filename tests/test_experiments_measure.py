"""What each measure brought: against sums by hand, and effects that were put into purchases on purpose."""

import json
import shlex
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from markets import orders

import tenure
from experiments.measure import Effect, Measured, _listed, _verdict
from experiments.study.calibrate import calibrate
from optimizer.ask.rows import as_today
from optimizer.load import plan_of_course
from sim.engine.sensitivity import follow
from sim.errors import InputError
from sim.purchases.write import write_rows

SPEND = {"development": 4_000, "winback": 800}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a scenario, its plan, a list with a control group, and purchases of the month after.

    Whoever got development bought half the time for 40, the control group a fifth of the time; nobody came back.
    """
    folder = tmp_path_factory.mktemp("measured")
    orders(folder / "orders.csv", 150)
    with (folder / "orders.csv").open("a") as stream:
        stream.write("".join(f"N{i};2025-0{3 + i % 3}-{10 + i % 9};{20 + i % 20}\n" for i in range(300)))
    calibrate(folder / "orders.csv", folder / "scenario.yaml", spend=SPEND)
    firm = tenure.open(folder / "scenario.yaml")
    plan_of_course(firm.twin, follow(firm.chain, as_today(firm.chain)), "state").save(folder / "plan.json")
    listed = firm.customer_list(folder / "plan.json", control=0.4)
    listed.save(folder / "targets.csv")
    frame, random = listed.frame, np.random.default_rng(4)
    day = firm.scenario.begins + timedelta(days=3)
    chance = np.where(frame["lever"] == "development", np.where(frame["control"], 0.2, 0.5), 0.0)
    buys = random.random(len(frame)) < chance
    lines = [f"{who};{day};40" for who in frame["customer_id"][buys]]
    end = firm.scenario.begins + timedelta(days=40)
    text = (folder / "orders.csv").read_text()
    (folder / "after.csv").write_text("\n".join([text.strip(), *lines, f"late;{end};1"]) + "\n")
    return folder


@pytest.fixture(scope="module")
def found(place: Path) -> Measured:
    return tenure.open(place / "scenario.yaml").measure(place / "plan.json", place / "targets.csv", place / "after.csv")


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet"])
def test_ids_and_names_of_a_list_are_read_as_they_were(tmp_path: Path, ending: str) -> None:
    """What looks like a blank, a number or a formula; a spreadsheet's own numbers too."""
    names = ["NA", "007", "=1+1", "12", "'t"]
    frame = pd.DataFrame({"customer_id": names, "segment": names, "lever": names[::-1], "money": 1.5, "held_back": 0.0,
                          "control": False})  # fmt: skip
    write_rows(frame, tmp_path / f"list{ending}", table="")
    found = _listed([tmp_path / f"list{ending}"])
    assert found[["customer_id", "segment", "lever"]].equals(frame[["customer_id", "segment", "lever"]])
    if ending == ".xlsx":
        made = frame.assign(customer_id=[1.0, 2.0, 3.0, 4.0, 5.0], segment="s", lever="l")
        made.to_excel(tmp_path / "numbers.xlsx", index=False)
        assert _listed([tmp_path / "numbers.xlsx"])["customer_id"].tolist() == ["1", "2", "3", "4", "5"]


def test_it_is_what_sums_by_hand_say(place: Path, found: Measured) -> None:
    """Segment by segment from the files alone; in all weighed by those treated; the truth, 12 a head, is inside."""
    listed = pd.read_csv(place / "targets.csv", dtype={"customer_id": str})
    listed = listed[(listed["lever"] == "development") & (listed["money"] + listed["held_back"] > 0)]
    after = pd.read_csv(place / "after.csv", sep=";", dtype=str, header=0, names=["who", "day", "paid"])
    began = str(tenure.open(place / "scenario.yaml").scenario.begins)
    paid = after[after["day"] >= began].groupby("who")["paid"].apply(lambda each: each.astype(float).sum())
    listed["paid"] = [paid.get(who, 0.0) for who in listed["customer_id"]]
    margin = tenure.open(place / "scenario.yaml").scenario.margin
    total = heads = 0.0
    for segment, part in listed.groupby("segment"):
        one, two = part["paid"][~part["control"]], part["paid"][part["control"]]
        [mine] = [each for each in found.effects if (each.measure, each.segment) == ("development", segment)]
        assert (mine.treated, mine.control) == (len(one), len(two))
        if min(len(one), len(two)) < 2:
            assert np.isnan(mine.brings)
            continue
        assert mine.brings == pytest.approx(margin * (one.mean() - two.mean()))
        total, heads = total + len(one) * mine.brings, heads + len(one)
    [whole] = [each for each in found.effects if (each.measure, each.segment) == ("development", "all")]
    if not np.isnan(whole.brings):
        assert whole.brings == pytest.approx(total / heads)
        assert whole.low < margin * 0.3 * 40 < whole.high
        assert whole.a_unit == pytest.approx(whole.brings / whole.spent)
    assert whole.spent == pytest.approx(listed["money"][~listed["control"]].mean())


def test_what_was_planned_stands_beside_what_came(found: Measured) -> None:
    """Money planned of those listed is of the size that they paid; what came is all they paid."""
    assert found.outcome
    assert all(planned > 0 for _, planned, _ in found.outcome)
    assert sum(came for *_, came in found.outcome) > 0


def test_the_scenario_learns_from_it(found: Measured) -> None:
    """The control group is the dose of nothing; the curve of development says it was measured."""
    spent = {row["spend"] for row in found.evidence}
    assert 0.0 in spent
    assert {row["moves"] for row in found.evidence} == {"purchase_rate"}
    learned = found.learn()
    assert {(each.lever, each.moves) for each in learned.scenario.evidence} == {("development", "purchase_rate")}
    assert all(each.customers > 0 for each in learned.scenario.evidence)


def test_a_test_takes_some_of_a_list_by_lot(place: Path) -> None:
    """As many as are asked for, the same for the same seed, whoever is held back; what is left out is said in money."""
    firm = tenure.open(place / "scenario.yaml")
    whole = firm.customer_list(place / "plan.json", control=0.4)
    some = firm.customer_list(place / "plan.json", control=0.4, sample=60)
    ids = whole.frame["customer_id"].tolist()
    places = [ids.index(each) for each in some.frame["customer_id"]]
    assert len(places) == 60
    assert places == sorted(places)
    assert 10 < some.frame["control"].sum() < 40
    np.testing.assert_array_equal(some.frame["control"], whole.frame["control"].iloc[places])
    fewer = firm.customer_list(place / "plan.json", control=0.4, sample=30)
    assert set(fewer.frame["customer_id"]) < set(some.frame["customer_id"])
    assert set(firm.customer_list(place / "plan.json", sample=60, seed=1).frame["customer_id"]) != set(
        some.frame["customer_id"]
    )
    assert f"60 of {len(ids)} by lot" in some.answer()
    assert whole.listed > some.listed > 0


def test_a_list_of_others_or_with_marks_that_nobody_reads_is_refused(place: Path) -> None:
    """Other firm's ids are no customers who bought nothing; a control group is marked in many ways."""
    firm = tenure.open(place / "scenario.yaml")
    frame = pd.read_csv(place / "targets.csv", dtype=str)
    whole = firm.measure(None, place / "targets.csv", place / "after.csv").effects

    def changed(**columns: object) -> list[Effect]:
        frame.assign(**columns).to_csv(place / "changed.csv", index=False)
        found = firm.measure(None, place / "changed.csv", place / "after.csv")
        return [*found.effects, *found.notes]

    marks = frame["control"].map({"True": "1.0", "False": "0.0"})
    assert [str(each) for each in changed(control=marks)[: len(whole)]] == [str(each) for each in whole]
    for columns, said in (
        ({"control": ["maybe", *frame["control"][1:]]}, "row 2: column 'control': expected True or False, got 'maybe'"),
        ({"segment": ["", *frame["segment"][1:]]}, "row 2: column 'segment': expected a name, got nothing"),
        ({"customer_id": [f"F{i}" for i in range(len(frame))]}, f"none of the {len(frame):,} listed customers"),
    ):
        with pytest.raises(InputError, match=said):
            changed(**columns)
    [note] = [each for each in changed(customer_id=["F", *frame["customer_id"][1:]]) if "'F'" in str(each)]
    assert f"1 of {len(frame):,} listed customers have no purchase" in str(note)


def test_a_control_group_of_one_is_there_and_too_small(place: Path) -> None:
    frame = pd.read_csv(place / "targets.csv", dtype=str)
    frame = frame[frame["lever"] == "development"]
    held = frame["control"] == "True"
    pd.concat([frame[held][:1], frame[~held]]).to_csv(place / "one.csv", index=False)
    found = tenure.open(place / "scenario.yaml").measure(None, place / "one.csv", place / "after.csv")
    assert (found.effects[0].control, found.effects[0].verdict) == (1, "open")
    assert "no control group" not in found.to_text()
    assert not any("like the others" in note for note in found.notes)


def test_what_the_command_says(place: Path, tenure: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict first; the same numbers as data; what cannot be is one line and nothing is written."""
    monkeypatch.chdir(place)
    of = ("measure", "plan.json", "--scenario", "scenario.yaml")
    words = (*of, "--list", "targets.csv", "--actual", "after.csv")
    code, out, _ = tenure(*words)
    assert code == 0
    assert out.startswith("development: ") or "\ndevelopment: " in out
    assert "Counted from" in out
    then = shlex.split(out.replace("\n", " ").split("Next: tenure ")[1])
    assert tenure(*then)[0] == 0
    assert (place / "learned.yaml").is_file()
    (place / "learned.yaml").unlink()
    answer = json.loads(tenure(*words, "--json")[1])
    assert answer["effects"][0]["segment"] == "all"
    lines = (place / "targets.csv").read_text().splitlines()
    at = lines[0].split(",").index("money")
    row = lines[1].split(",")
    row[at] = "much"
    (place / "text.csv").write_text("\n".join([lines[0], ",".join(row)]))
    frame = pd.read_csv("targets.csv", dtype=str)
    frame[frame["lever"] == "winback"].to_csv("back.csv", index=False)
    code, out, err = tenure(*of, "--list", "back.csv", "--actual", "after.csv", "-o", "learned.yaml")
    assert (code, err) == (0, "")
    assert out.startswith("winback: ")
    assert "learned.yaml is not written: nothing that was measured tells a curve." in out.replace("\n", " ")
    assert not (place / "learned.yaml").exists()
    for bad, said in (
        ((*of, "--list", "text.csv", "--actual", "after.csv"), "text.csv, row 2: column 'money': expected money"),
        ((*of, "--list", "orders.csv", "--actual", "after.csv"), "lacks the column 'customer_id'"),
        ((*of, "--list", "targets.csv", "--actual", "orders.csv"), "wait, or count fewer"),
        ((*words, "--periods", 900), "within the horizon"),
        ((*of, "--list", "none.csv", "--actual", "after.csv"), "none.csv: is not there"),
    ):
        code, out, err = tenure(*bad, "-o", "learned.yaml")
        assert (code, out, err.count("\n")) == (2, "", 1), bad
        assert said in err, bad
        assert not (place / "learned.yaml").exists()


def test_what_the_scenario_learned_is_said(place: Path, tenure: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Curves, and what their evidence does not tell, in words and as data; no file that is gone is named."""
    monkeypatch.chdir(place)
    words = ("measure", "plan.json", "--scenario", "scenario.yaml", "--list", "targets.csv", "--actual", "after.csv")
    code, out, _ = tenure(*words, "-o", "said.yaml")
    assert code == 0
    answer = json.loads(tenure(*words, "-o", "said.yaml", "--force", "--json")[1])
    notes = answer["learned"]["notes"]
    assert any(note.startswith("what was measured: development on purchase") for note in notes)
    assert all(f"- {note}" in out for note in notes)
    assert "measured.csv" not in out
    assert answer["learned"]["curves"][0]["lever"] == "development"
    assert json.loads(tenure(*words, "--json")[1])["learned"] is None


def test_a_measure_that_harms_tells_no_curve(place: Path, tenure: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal names no file that is gone."""
    monkeypatch.chdir(place)
    frame = pd.read_csv("targets.csv", dtype=str)
    frame = frame[frame["lever"] == "development"]
    frame["control"] = frame["control"].map({"True": "False", "False": "True"})
    frame["money"], frame["held_back"] = frame["held_back"], frame["money"]
    frame.to_csv("turned.csv", index=False)
    words = ("measure", "plan.json", "--scenario", "scenario.yaml", "--list", "turned.csv", "--actual", "after.csv")
    code, out, err = tenure(*words, "-o", "harmed.yaml")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("tenure: what was measured: development on purchase_rate")
    assert "more money went with less" in err


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (11, 20, "paid"), (1, 20, "worked"), (1, 9, "lost"), (-1, 9, "lost"), (-1, 20, "open"), (-5, -1, "harmed"),
        (np.nan, np.nan, "open"),
    ],
)  # fmt: skip
def test_the_verdict_is_that_of_the_interval(low: float, high: float, verdict: str) -> None:
    """Of a measure that cost 10 a head: where what it brought surely lies."""
    assert _verdict(low, high, 10.0) == verdict


@pytest.mark.parametrize(
    ("name", "rows", "said"),
    [
        ("list.csv", ["7,a,mail,5,0,False", "7,a,mail,5,0,False"], "customer '7' is listed twice for one measure"),
        ("list.csv", ["7,a,mail,0,0,False"], "nobody on it gets money"),
        ("list.parquet", ["7,a,mail,5,0,False"], "cannot be read as a list"),
        ("list.xlsx", ["7,a,mail,5,0,False"], "list.xlsx"),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, name: str, rows: list[str], said: str) -> None:
    path = tmp_path / name
    path.write_text("\n".join(["customer_id,segment,lever,money,held_back,control", *rows]) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=said):
        _listed([path])
