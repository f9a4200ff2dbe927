"""`tenure.allocate` answers what `tenure allocate` does, shows itself, is saved whole, and names its arguments."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import tenure as face

CURVES = """channel,period,spend,response,source
tv,2024-01,20,5,mmm
tv,2024-01,40,30,mmm
tv,2024-02,20,5,mmm
tv,2024-02,40,30,mmm
radio,2024-02,30,20,mmm
radio,2024-02,60,10,mmm
radio,2024-01,30,20,mmm
radio,2024-01,60,10,mmm
"""
RULES = "currency: EUR\ncarry_over: [.6, .4]\ncarried_out: counted\nlinear: [tv >= radio]\n"
QUESTIONS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "before": (("--budget", "70", "--before", "tv=10,30"), {"budget": 70, "before": {"tv": [10, 30]}}),
    "reach": (("--reach", "response=60"), {"reach": ("response", 60)}),
    "reach as words": (("--reach", "response=60"), {"reach": "response=60"}),
    "both": (
        ("--reach", "response=60", "--before", "tv=30", "--before", "radio=5", "--cap", "tv=50"),
        {"reach": ("response", 60), "before": {"tv": (30,), "radio": (5,)}, "cap": {"tv": 50}},
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "curves.csv").write_text(CURVES, encoding="utf-8")
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ask(folder: Path) -> Any:
    """Return the question to these curves under these rules."""
    return partial(face.allocate, "curves.csv", rules="rules.yaml")


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_command_and_the_face_answer_the_same(name: str, ask, tenure) -> None:
    words, arguments = QUESTIONS[name]
    code, out, err = tenure("allocate", "curves.csv", "--rules", "rules.yaml", *words, "--json")
    assert (code, err) == (0, "")
    said, answered = json.loads(out), json.loads(ask(**arguments).to_json())
    assert said.pop("file") is None
    assert said.pop("seconds") > 0
    answered.pop("seconds")
    assert said == answered


def test_a_least_budget_is_shown_as_one(ask) -> None:
    """And says so where it is not proved."""
    least = ask(reach=("response", 60))
    assert (
        repr(least) == f"The least budget for a response of 60 is {least.budget:.2f} EUR; proven: no plan needs less."
    )
    assert "The least budget for a response of 60" in least._repr_html_()
    assert ask(budget=least.budget).value == pytest.approx(60)
    doubtful = replace(least, least_budget=0.75 * least.budget, status="feasible, gap 25 %")
    assert repr(doubtful).startswith(
        f"The least budget for a response of 60 is {least.budget:.2f} EUR or less; no plan "
    )
    assert "proven" not in repr(doubtful)


def test_what_is_unusual_about_the_curves_stands_below_the_answer(ask) -> None:
    split = ask(budget=70)
    assert split.notes() == "Column 'source' is not used. More spend can bring less on radio: its curve falls."
    assert "its curve falls" in split._repr_html_()
    assert json.loads(split.to_json())["notes"] == list(split.remarks)


def test_a_workbook_says_what_was_asked_and_what_is_carried(ask, folder: Path) -> None:
    least = ask(reach=("response", 60), before={"tv": [10, 30]})
    least.save("least.xlsx")
    rows = [[cell for cell in row if cell is not None] for row in sheet(folder / "least.xlsx")]
    said = {row[0]: row[1:] for row in rows if row}
    assert said["goal"] == ["least_budget"]
    assert said["target"] == [60]
    assert said["budget"] == [pytest.approx(least.budget)]
    assert said["least budget"] == [pytest.approx(least.least_budget)]
    assert said["target price"] == [pytest.approx(least.target_price)]
    assert "bound" not in said
    assert rows[rows.index(["spent before the first period, in the order of time"]) + 1] == ["tv", 10, 30]
    after = rows.index(["response beyond the last period"])
    assert rows[after + 1 : after + 3] == [
        [channel, pytest.approx(much)] for channel, much in zip(least.channels, least.after, strict=True)
    ]
    assert rows[rows.index(["notes"]) + 1 :] == [[remark] for remark in least.remarks]


def test_a_workbook_of_a_budget_has_its_bound(ask, folder: Path) -> None:
    split = ask(budget=70)
    split.save("split.xlsx")
    said = {row[0]: row[1] for row in sheet(folder / "split.xlsx") if row[0]}
    assert (said["goal"], said["bound"]) == ("response", pytest.approx(split.bound))
    assert not {"target", "least budget", "spent before the first period, in the order of time"} & set(said)


def test_a_saved_file_holds_the_least_budget(ask, folder: Path) -> None:
    least = ask(reach=("response", 60), before={"tv": [10, 30]})
    least.save("least.json")
    saved = json.loads((folder / "least.json").read_text(encoding="utf-8"))
    assert (saved["goal"], saved["target"], saved["before"]) == ("least_budget", 60, {"tv": [10, 30]})
    assert saved["least_budget"] == pytest.approx(least.budget)
    assert saved["response_after"] == pytest.approx(dict(zip(least.channels, least.after, strict=True)))


def test_rules_that_no_budget_meets_carry_what_was_found(ask) -> None:
    with pytest.raises(face.RulesError, match="'floor of tv'") as error:
        ask(reach=("response", 60), floor={"tv": 50}, cap={"tv": 40})
    assert repr(error.value.answer).startswith("No plan: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"reach": ("response", 60), "budget": 70}, "`reach=` asks for the least budget; leave out `budget=`"),
        ({"reach": ("asset", 60)}, "`reach=asset=60`: expected response=NUMBER"),
        ({"reach": 60}, "`reach=60`: expected response=NUMBER"),
        ({"reach": ("response", float("inf"))}, "`reach=response=inf`: expected response=NUMBER"),
        ({"reach": ("response", 1e4)}, "response=10,000 cannot be reached under these rules"),
        (
            {"budget": 70, "before": {"rodio": [1]}},
            "`before=rodio`: 'rodio' is not in the curves; did you mean 'radio'?",
        ),
        ({"budget": 70, "before": {"tv": [1, -2]}}, "`before=`.tv[2]: input should be greater than or equal to 0"),
    ],
)
def test_mistakes_name_the_argument(ask, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(face.InputError) as error:
        ask(**arguments)
    assert said in str(error.value)
    assert "--" not in str(error.value)


def sheet(path: Path) -> list[tuple[Any, ...]]:
    """Return the rows of a workbook's sheet of answers."""
    return list(openpyxl.load_workbook(path)["answer"].values)
