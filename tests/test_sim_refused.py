"""What records and evidence may not say, and numbers that tell nothing, function by function."""

from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from markets import SMALL_MARKET

from experiments.trace import _same
from optimizer.money.sheets import day_of
from optimizer.plan_files import _read_csv, _settled
from optimizer.question import Question, parse_target
from sim.customers.precision import _inverse
from sim.engine.paths import _where_it_bends
from sim.errors import InputError, PurchasesError
from sim.purchases.read import text
from sim.purchases.read.customers import id_key
from sim.purchases.read.periods import _first_day, shares_of_a_year
from sim.responses.arms import _check
from sim.responses.history.path import _with
from sim.responses.posterior import Posterior
from sim.responses.read import Trial
from sim.responses.shape import CHANCE, GAIN, Shape
from sim.scenario.curves import PiecewiseLinear
from sim.scenario.file import parse


@pytest.mark.parametrize(
    ("said", "day"),
    [("2024 KW 53", None), ("2024 W1", date(2024, 1, 1)), ("KW 7 2024", date(2024, 2, 12)), ("2024 Foo", None),
     ("Q3 2022", date(2022, 7, 1)), ("Mai 24", date(2024, 5, 1)), ("soon", None)],
)  # fmt: skip
def test_first_days_of_periods(said: str, day: date | None) -> None:
    """A week that the year does not have, and a word that is no month, are none."""
    found = _first_day(said)
    assert (None if found is None else found[0]) == day


def test_shares_of_a_year_need_days() -> None:
    with pytest.raises(PurchasesError, match="spend: row 2: 'soon' is no day, as the others have"):
        shares_of_a_year([(date(2024, 1, 1), "x"), (None, "soon")], "spend")
    with pytest.raises(PurchasesError, match="what is spent a year is told from two periods on"):
        shares_of_a_year([(date(2024, 1, 1), "x")], "spend")


def test_keys_and_lines_of_a_size_that_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("short")
    with pytest.raises(InputError, match="the key for hashed ids has 5 bytes, expected at least 16"):
        id_key(tmp_path / "key")
    (tmp_path / "line.csv").write_text("customer,date\n" + "x" * 60 + "\n")
    monkeypatch.setattr(text, "LONGEST_LINE", 50)
    with pytest.raises(PurchasesError, match=r"line 2: is longer than 50 characters; expected a purchase a line"):
        text._check_width(tmp_path / "line.csv")
    assert text._first_like_a_table([], 3) == 3


def test_ids_are_what_was_typed() -> None:
    """Whole numbers as numbers, texts as they are; what is no number is nobody of numbers."""
    assert _same(np.array(["a", "b"]), "b").tolist() == [False, True]
    assert _same(np.array([4, 17]), "017").tolist() == [False, True]
    assert not np.any(_same(np.array([4, 17]), "x"))


# --- Evidence ---------------------------------------------------------------------------------------------------------


def trial(outcome: list[float], customers: float = 1.0, spend: list[float] | None = None) -> Trial:
    many = np.ones(len(outcome))
    money = np.array([0.0, 1.0] if spend is None else spend)
    return Trial(("care", "amount", ""), money, np.array(outcome), customers * many, many, False, "tests.csv")


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        (trial([0.5, 1.5]), CHANCE, "expected outcomes between 0 and 1, as a chance is moved, got 0.5 to 1.5"),
        (trial([-0.5, 1.5]), GAIN, "expected outcomes of at least 0, as what is bought grows by a share, got -0.5"),
        (trial([0.5, 1.5], 10.0), GAIN, "tests.csv"),
        (trial([1.0] * 60, 1.0, list(range(60))), GAIN, "60 different amounts of money were given"),
    ],
)
def test_outcomes_that_no_effect_has(given: Trial, kind: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        _check(given, kind)
    _check(trial([0.5, 1.5]), GAIN)


def test_a_belief_without_a_likelihood_is_as_its_draws_are() -> None:
    """Around the mode: no slope there, the draws' precision, and a loss that rises on both sides alike."""
    draws = np.random.default_rng(1).normal(size=(400, 2)) * [1.0, 2.0]
    found: Any = object.__new__(Posterior)
    object.__setattr__(found, "mode", np.zeros(2))
    object.__setattr__(found, "draws", draws)
    object.__setattr__(found, "loss", None)
    here, slope, curvature = found.around(np.zeros(2))
    there = [found.around(np.array([x, 0.0]))[0] for x in (-1.0, 1.0)]
    np.testing.assert_allclose(slope, 0.0)
    np.testing.assert_allclose(curvature, np.linalg.inv(np.cov(draws.T)), rtol=1e-6)
    assert there[0] == pytest.approx(there[1])
    assert there[0] > here


def test_curves_of_segments_change_by_themselves() -> None:
    own = {"fresh": {"moves": {"survival": {"without_money": 0.8, "unlimited_money": 0.9, "spend": 1, "brings": 0.85}}}}
    levers = {**SMALL_MARKET["levers"], "retention": {**SMALL_MARKET["levers"]["retention"], "by_segment": own}}
    scenario = parse({**SMALL_MARKET, "levers": levers})
    changed = _with(scenario, {("retention", "survival", "fresh"): {"brings": 0.87}})
    assert changed.levers["retention"].by_segment["fresh"].moves["survival"].brings == 0.87
    assert changed.levers["retention"].moves == scenario.levers["retention"].moves
    both = _with(scenario, {("retention", "survival", ""): {"brings": 0.91}})
    assert both.levers["retention"].moves["survival"].brings == 0.91
    with pytest.raises(InputError, match="a piecewise-linear curve states measured points already"):
        Shape(PiecewiseLinear(shape="piecewise-linear", points=((0, 0), (1, 1))), "amount")


# --- Questions and plans ----------------------------------------------------------------------------------------------


def test_questions_that_do_not_go_together() -> None:
    scenario: Any = SimpleNamespace(satisfaction=1)
    for asked, said in (
        (Question(reach=("asset", 1.0), more=5.0), "a target and money to add were both given"),
        (Question(more=5.0, budget=9.0), "a budget and money to add to the base's were both given"),
    ):
        with pytest.raises(InputError, match=said):
            asked.problem(SimpleNamespace(chain=None))
    with pytest.raises(InputError, match="satisfaction is measured in points from 0 to 100"):
        parse_target("satisfaction=101", scenario)
    assert parse_target("satisfaction=60", scenario) == ("satisfaction", 60.0)


def test_rows_of_a_plan_that_lack_numbers(tmp_path: Path) -> None:
    """Intensity follows from spend and customers; without either it is missing; a file without a row is no plan."""
    row = {"intensity": None, "customers": 4.0, "spend": 10.0}
    assert _settled(Path("p.csv"), "row 2", row)["intensity"] == 2.5
    for lacking in ({"customers": 0.0}, {"customers": None}, {"spend": None}):
        with pytest.raises(InputError, match=r"p\.csv: row 2: intensity is missing; give it, or customers and spend"):
            _settled(Path("p.csv"), "row 2", {**row, **lacking})
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ValueError, match="empty"):
        _read_csv(tmp_path / "empty.csv")
    assert [day_of(each) for each in (datetime(2024, 5, 1, 12), date(2024, 5, 2), "soon")] == [
        date(2024, 5, 1), date(2024, 5, 2), None
    ]  # fmt: skip


def test_what_is_flat_tells_nothing() -> None:
    """A likelihood without a maximum has no errors; three points bend nowhere."""
    assert np.isnan(_inverse(np.diag([1.0, -1.0]))).all()
    np.testing.assert_allclose(_inverse(np.diag([2.0, 4.0])), np.diag([0.5, 0.25]))
    assert _where_it_bends(np.arange(3.0), np.arange(3.0), 2).tolist() == [0, 1, 2]
