"""`tenure monitor`: the verdict in words, as JSON and on a page; the new plan; what cannot be used."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from markets import SMALL

Run = Callable[..., tuple[int, str, str]]

BROKEN = "shocks:\n  - {name: broken, start: 1, route: defection, size: 6, segments: [regulars]}\n"


@pytest.fixture
def files(tenure: Run, tmp_path: Path) -> dict[str, str]:
    """Return a plan, what came of it as planned, and in a market in which many leave."""
    where = {name: str(tmp_path / name) for name in ("s.yaml", "true.yaml", "plan.json", "same.csv", "other.csv")}
    content = SMALL.read_text(encoding="utf-8").replace("{new: 400}", "{new: 4000}")
    Path(where["s.yaml"]).write_text(content, encoding="utf-8")
    Path(where["true.yaml"]).write_text(content + BROKEN, encoding="utf-8")
    tenure("optimize", where["s.yaml"], "--bound-steps", "0", "-o", where["plan.json"])
    for scenario, out in (("s.yaml", "same.csv"), ("true.yaml", "other.csv")):
        told = ("--replications", "1", "--until", "5", "--table", where[out])
        code, _, error = tenure("simulate", where[scenario], "--policy", where["plan.json"], *told)
        assert code == 0, error
    return where


@pytest.mark.slow
def test_stay_and_act(tenure: Run, files: dict[str, str], tmp_path: Path) -> None:
    asked = ("monitor", files["s.yaml"], "--plan", files["plan.json"], "--replications", "20", "--actual")
    code, out, error = tenure(*asked, files["same.csv"], "--json")
    assert code == 0, error
    same = json.loads(out)
    assert (same["verdict"], same["moved"], same["gain_of_planning_again"]) == ("stay", [], 0.0)
    new, page = tmp_path / "new.json", tmp_path / "page.html"
    code, out, error = tenure(*asked, files["other.csv"], "--json", "--replan", "-o", str(new), "--page", str(page))
    assert code == 0, error
    other = json.loads(out)
    assert other["verdict"] in ("adjust", "plan again")
    assert {each["quantity"] for each in other["moved"]} & {"leaving", "rate"}
    assert other["asset"]["difference"] < 0 < other["gain_of_planning_again"]
    assert "Does the plan still hold?" in page.read_text(encoding="utf-8")
    assert json.loads(new.read_text(encoding="utf-8"))["plan"]
    code, out, _ = tenure(*asked, files["other.csv"])
    assert out.startswith(("Plan again:", "Adjust"))
    assert "Next: tenure monitor" in out


def test_what_cannot_be_used(tenure: Run, tmp_path: Path) -> None:
    """One line, exit code 2, nothing on standard output."""
    plan, counts = tmp_path / "table.csv", tmp_path / "counts.csv"
    plan.write_text("segment,lever,month,spend\nregulars,retention,1,10\n", encoding="utf-8")
    counts.write_text("period,segment,stage,customers\n0,regulars,new,3\n", encoding="utf-8")
    for actual, options, expected in (
        ("none.csv", (), "is not there"),
        ("counts.csv", (), "lacks the column 'purchases'"),
        ("counts.csv", ("--through", "soon"), "expected a day"),
        ("counts.csv", ("--through", "2025-06-30"), "has no days"),
        ("counts.csv", ("--replan",), "needs -o"),
        ("counts.csv", ("-o", "one.html", "--page", "two.html"), "give one of them"),
    ):
        asked = ("monitor", str(SMALL), "--plan", str(plan), "--actual", str(tmp_path / actual))
        code, out, error = tenure(*asked, "--replications", "20", *options)
        assert (code, out) == (2, ""), expected
        said = [line for line in error.strip().splitlines() if not line.startswith("tenure: note")]
        assert len(said) == 1
        assert expected in said[0]
