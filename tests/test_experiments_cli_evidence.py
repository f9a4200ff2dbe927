"""Learning on the command line: what it writes, says, and refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from markets import SMALL

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


def test_the_same_seed_gives_the_same_file(here: Path, tenure: Callable[..., tuple]) -> None:
    for name in ("one.yaml", "two.yaml"):
        assert tenure("learn", "scenario.yaml", "test.csv", "-o", name)[0] == 0
    assert (here / "one.yaml").read_bytes() == (here / "two.yaml").read_bytes()
    assert yaml.safe_load((here / "one.yaml").read_text())["evidence"][0]["source"] in ("both", "measured")
