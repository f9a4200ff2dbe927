"""Money as people type it, and files' words instead of a programming language's."""

import pytest
from markets import small
from typer.testing import CliRunner

from experiments.cli.app import app
from experiments.cli.words import amount_of, budgets_of
from sim.errors import ScenarioError
from sim.scenario.file import parse


@pytest.mark.parametrize(
    ("text", "amount"),
    [("100k", 100_000), ("1.5m", 1_500_000), ("2bn", 2e9), ("100000", 100_000), ("1e5", 100_000), (" 80K ", 80_000)],
)
def test_amounts(text: str, amount: float) -> None:
    assert amount_of(text) == amount


def test_budgets() -> None:
    assert budgets_of("80k,100k, 1m") == [80_000, 100_000, 1_000_000]


@pytest.mark.parametrize("text", ["", "k", "10x", "1,0", "nan", "inf"])
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
