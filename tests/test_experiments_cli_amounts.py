"""Money as people type it, and files' words instead of a programming language's."""

from pathlib import Path

import pytest
from markets import SMALL, small
from typer.testing import CliRunner

from experiments.cli.app import app
from experiments.cli.words import budgets_of
from experiments.words.figures import amount_of
from sim.errors import ScenarioError
from sim.scenario.file import parse


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("100k", 100_000),
        ("1.5m", 1_500_000),
        ("2bn", 2e9),
        ("100000", 100_000),
        ("1e5", 100_000),
        (" 80K ", 80_000),
        ("1,234,500", 1_234_500),
        (".5k", 500),
        ("0.35", 0.35),
    ],
)
def test_amounts(text: str, amount: float) -> None:
    assert amount_of(text) == amount


def test_budgets() -> None:
    assert budgets_of("80k,100k, 1m") == [80_000, 100_000, 1_000_000]


@pytest.mark.parametrize("text", ["", "k", "10x", "1,0", "12,5", "1,2345", ".", "nan", "inf"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match=text or None):
        amount_of(text)


def test_a_wrong_budget_is_said_with_what_would_do() -> None:
    result = CliRunner().invoke(app, ["optimize", "scenario.yaml", "--budget", "much"])
    assert result.exit_code == 2
    assert "expected money, e.g. 100000, 100k or 1.5m" in " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize("content", [{"levers": {"idle": {"targets": "new"}}}, {"competitors": "rival"}, {"stages": 3}])
def test_no_tuples_are_said(content: dict[str, object]) -> None:
    with pytest.raises(ScenarioError) as error:
        parse({**small(), **content})
    assert not {"tuple", "dictionary", "instance"} & set(str(error.value).split())


def test_a_report_without_runs_leads_to_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["compare", str(SMALL), "--replications", "1", "--no-track", "-o", "page.html", "--title", "花园"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0
    assert "Report: page.html\nNext: open it in a browser" in result.output
    assert "花园" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert [found.name for found in tmp_path.iterdir()] == ["page.html"]
