"""Learning on the command line: what it writes, says, and refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import yaml
from markets import SMALL

from sim.responses.once import same_rows
from sim.responses.read import read_evidence
from sim.scenario.file import load

TEST = "lever,moves,spend,outcome,customers\nretention,survival,0,0.86,2000\nretention,survival,0.5,0.90,2000\n"
FALLS = TEST.replace("0.90", "0.70")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "scenario.yaml").write_text(SMALL.read_text())
    (tmp_path / "test.csv").write_text(TEST)
    return tmp_path


def test_a_scenario_is_written_that_says_where_curves_come_from(here: Path, tenure: Callable[..., tuple]) -> None:
    code, out, _ = tenure("learn", "scenario.yaml", "test.csv", "-o", "learned.yaml", "--json")
    answer = json.loads(out)
    assert (code, answer["scenario"]) == (0, "learned.yaml")
    assert all(
        set(each) == {"lever", "segment", "moves", "at", "value", "low", "high", "source", "n"}
        for each in answer["curves"]
    )
    assert answer["curves"][-1]["at"] == "unlimited"
    [record] = load(here / "learned.yaml").evidence
    assert (record.lever, record.customers) == ("retention", 4000)
    code, out, _ = tenure("check", "learned.yaml")
    assert "retention on survival: measured" in out
    assert "not measured:" in out


def test_what_cannot_be_is_one_line_and_nothing_is_written(here: Path, tenure: Callable[..., tuple]) -> None:
    (here / "falls.csv").write_text(FALLS)
    code, out, err = tenure("learn", "scenario.yaml", "falls.csv", "-o", "learned.yaml")
    assert (code, out, err.count("\n"), (here / "learned.yaml").exists()) == (2, "", 1, False)
    assert "more money went with less (0.86 of 2,000 at 0, 0.7 of 2,000 at 0.5)" in err
    (here / "learned.yaml").write_text("mine")
    code, _, err = tenure("learn", "scenario.yaml", "test.csv", "-o", "learned.yaml")
    assert (code, (here / "learned.yaml").read_text()) == (2, "mine")
    assert "--force" in err
    assert tenure("learn", "scenario.yaml", "test.csv", "-o", "test.csv", "--force")[0] == 2
    assert (here / "test.csv").read_text() == TEST


@pytest.mark.parametrize(
    "header",
    [
        "lever,moves,spend,outcome", "lever,moves,at,value,low,high", "period,won,retention",
        "customer_id,month,lever,moves,spend,outcome", "channel,spend,response", "lever,moves,spend,money_later",
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", [".csv", ".parquet", ".xlsx"])
def test_a_file_without_rows_tells_nothing_and_is_refused(
    header: str, ending: str, here: Path, tenure: Callable[..., tuple]
) -> None:
    """Of every kind of evidence, beside a file that tells something too."""
    empty = pd.DataFrame(columns=header.split(","))
    if ending == ".csv":
        empty.to_csv(here / "empty.csv", index=False)
    elif ending == ".xlsx":
        empty.to_excel(here / "empty.xlsx", index=False)
    else:
        empty.to_parquet(here / "empty.parquet")
    per = ("--per", "week") * (header.startswith("channel") and ending == ".csv")
    for files in (("empty" + ending,), ("test.csv", "empty" + ending)):
        code, out, err = tenure("learn", "scenario.yaml", *files, "-o", "none.yaml", *per)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith(f"tenure: empty{ending}: ")
        assert "no rows under the header" in err or "the workbook is empty" in err
    assert not (here / "none.yaml").exists()


def test_evidence_counts_once(here: Path, tenure: Callable[..., tuple]) -> None:
    """The same bytes are refused, whatever they are called; the same rows in another order are said."""
    text = (here / "test.csv").read_text()
    (here / "copy.csv").write_text(text)
    header, *rows = text.strip().splitlines()
    (here / "order.csv").write_text("\n".join([header, *rows[::-1]]) + "\n")
    for files, said in (
        (("test.csv", "test.csv"), "test.csv: is given twice, and evidence counts once; give it once"),
        (("test.csv", "copy.csv"), "copy.csv: holds what test.csv holds, byte for byte, and evidence counts once"),
    ):
        code, out, err = tenure("learn", "scenario.yaml", *files, "-o", "none.yaml")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err
    code, out, _ = tenure("learn", "scenario.yaml", "test.csv", "order.csv", "-o", "twice.yaml", "--json")
    assert code == 0
    assert any(
        "order.csv: the same 2 rows on retention / survival as in test.csv" in n for n in json.loads(out)["notes"]
    )


def test_histories_with_the_same_rows_are_said(here: Path) -> None:
    """Not those that tell other outcomes of the same money."""
    history = "\n".join(["period,won,retention", *(f"{i},{90 + i % 3},{10 * (i % 4)}" for i in range(1, 13))])
    (here / "history.csv").write_text(history)
    for again, told in ((history.replace("won,", "active,"), 0), (history + "\n", 1)):
        (here / "again.csv").write_text(again)
        said = same_rows([], [read_evidence(here / each).histories[0] for each in ("history.csv", "again.csv")])
        assert len(said) == told
    assert "again.csv: the same 12 rows of history" in said[0]


def test_the_same_seed_gives_the_same_file(here: Path, tenure: Callable[..., tuple]) -> None:
    for name in ("one.yaml", "two.yaml"):
        assert tenure("learn", "scenario.yaml", "test.csv", "-o", name)[0] == 0
    assert (here / "one.yaml").read_bytes() == (here / "two.yaml").read_bytes()
    assert yaml.safe_load((here / "one.yaml").read_text())["evidence"][0]["source"] in ("both", "measured")


def test_curves_are_drawn(here: Path, tenure: Callable[..., tuple]) -> None:
    """One panel, two points at the measured shares, inside the drawing; nothing else is written where it cannot be."""
    code, out, _ = tenure("learn", "scenario.yaml", "test.csv", "-o", "learned.yaml", "--plot", "curves.svg")
    assert code == 0
    assert "Wrote learned.yaml and curves.svg" in out
    root = ElementTree.fromstring((here / "curves.svg").read_text())
    space = "{http://www.w3.org/2000/svg}"
    points = [(float(each.get("cx", 0)), float(each.get("cy", 0))) for each in root.iter(f"{space}circle")]
    assert len(points) == 2
    assert points[0][0] < points[1][0]
    assert points[0][1] > points[1][1]  # .90 above .86
    line = next(root.iter(f"{space}polyline")).get("points", "").split()
    heights = [float(each.split(",")[1]) for each in line]
    assert heights == sorted(heights, reverse=True)
    assert sum("retention on survival" in (each.text or "") for each in root.iter(f"{space}text")) == 1
    zh = ("-o", "zh.yaml", "--plot", "zh.svg", "--lang", "zh")
    assert tenure("learn", "scenario.yaml", "test.csv", *zh)[0] == 0
    drawn = (here / "zh.svg").read_text(encoding="utf-8")
    assert "每人每期金额" in drawn
    assert 'width="100%"' in drawn
    code, _, err = tenure("learn", "scenario.yaml", "test.csv", "-o", "other.yaml", "--plot", "curves.png")
    assert (code, (here / "other.yaml").exists()) == (2, False)
    assert "give a name that ends with .svg" in err


SHOP = """
name: shop
periods: 6
margin: 0.3
terminal: none
segments:
  town: {start: {new: 5000}, traits: {purchase_rate: 0.5, defection_rate: 0.05, spend: 20}}
levers:
  offers:
    targets: [new, developing, core]
    reference: 0
    moves: {purchase_rate: {shape: hill, without_money: 0, unlimited_money: 0.8, half: 2, steepness: 1}}
rules: {budget: 100000}
"""


@pytest.mark.slow
@pytest.mark.parametrize(("dose", "worth"), [(4.0, False), (0.2, True)])
def test_a_treatment_that_sells_more_and_earns_less_is_declined(
    dose: float, worth: bool, tmp_path: Path, tenure: Callable[..., tuple[int, str, str]]
) -> None:
    """.15 purchases of 20 more a head at a margin of .3 are worth .9: not 4, but .2."""
    random = np.random.default_rng(1)
    rows = ["lever,moves,spend,outcome"]
    for each, rate in ((0.0, 0.5), (dose, 0.65)):
        rows += [f"offers,purchase_rate,{each},{bought}" for bought in random.poisson(rate, 5000)]
    (tmp_path / "test.csv").write_text("\n".join(rows))
    (tmp_path / "scenario.yaml").write_text(SHOP)
    code, out, _ = tenure("learn", "scenario.yaml", "test.csv", "-o", "learned.yaml", "--json")
    [effect] = json.loads(out)["effects"]
    assert code == 0
    assert effect["low"] > 0  # it sells more
    code, out, _ = tenure("optimize", "learned.yaml", "--bound-steps", "0", "-o", "plan.json", "--json")
    assert code == 0
    answer = json.loads((tmp_path / "plan.json").read_text())
    assert (answer["asset"] > answer["no_spend"] + 1000) == worth
    assert worth or answer["asset"] == pytest.approx(answer["no_spend"])


def test_a_file_that_a_scenario_was_learned_from_is_not_taken_again(here: Path, tenure: Callable[..., tuple]) -> None:
    assert tenure("learn", "scenario.yaml", "test.csv", "-o", "learned.yaml")[0] == 0
    (here / "again.csv").write_bytes((here / "test.csv").read_bytes())
    code, out, err = tenure("learn", "learned.yaml", "again.csv", "-o", "twice.yaml")
    assert (code, out) == (2, "")
    assert "again.csv: the scenario was learned from it already, and evidence counts once" in err
    assert not (here / "twice.yaml").exists()
    (here / "more.csv").write_text(TEST.replace("0.90", "0.91"))
    assert tenure("learn", "learned.yaml", "more.csv", "-o", "more.yaml")[0] == 0
    [record] = load(here / "more.yaml").evidence
    assert (record.customers, len(record.files)) == (8000, 2)
