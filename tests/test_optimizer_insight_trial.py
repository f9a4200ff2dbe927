"""What an experiment can tell of a scenario's numbers, path by path, and that none that tells nothing is sized."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from optimizer.insight import trial
from optimizer.insight.trial import Told, arms, told
from sim.scenario.curves import BlattbergDeighton, PiecewiseLinear

CURVE = BlattbergDeighton(without_money=0.8, unlimited_money=0.96, spend=0.3, brings=0.9)
LINE = PiecewiseLinear(shape="piecewise-linear", points=((0, 0), (10, 1)))


def lever(moves: dict[str, Any], **more: Any) -> Any:
    return SimpleNamespace(
        **{"moves": moves, "reach": 0.5, "misses": {}, "targets": ("new",), "by_segment": {}, **more}
    )


LEVERS = {
    "care": lever({"survival": CURVE}, by_segment={"gold": SimpleNamespace(moves={"survival": CURVE})}),
    "mail": lever({"amount": LINE, "satisfaction": CURVE}),
    "letters": lever({"amount": CURVE}, misses={"core": 0.3}),
}


@pytest.mark.parametrize(
    ("path", "chain", "said"),
    [
        ("base.pareto_nbd.r", None, "no experiment tells it: more purchases do"),
        ("margin", None, "no experiment tells it: look it up, or count"),
        ("levers.call.moves.survival.brings", None, "no experiment is sized for it"),
        ("levers.care.of_late.keep", None, "no experiment is sized for it"),
        ("levers.care.moves.survival.brings", object(), "no experiment is sized for it"),
        ("levers.letters.moves.amount.brings", None,
         "no experiment is sized for it: whom the lever misses differs by stage"),
        ("levers.mail.moves.satisfaction.brings", None,
         "purchases do not show satisfaction: ask customers before and after"),
        ("levers.mail.moves.amount.half", None, "no experiment is sized for it"),
        ("levers.mail.moves.survival.brings", None, "no experiment is sized for it"),
    ],
)  # fmt: skip
def test_why_no_experiment_tells_it(path: str, chain: Any, said: str) -> None:
    assert told(SimpleNamespace(scenario=SimpleNamespace(levers=LEVERS, chain=chain)), path) == said


def test_what_an_experiment_tells() -> None:
    """The curve of all, or a segment's own; a unit of the number moves the effect as far as the lever reaches."""
    twin: Any = SimpleNamespace(scenario=SimpleNamespace(levers=LEVERS, chain=None))
    found = told(twin, "levers.care.moves.survival.unlimited_money")
    assert isinstance(found, Told)
    assert (found.lever, found.moves, found.segment, found.number) == ("care", "survival", "", "unlimited_money")
    own = told(twin, "levers.care.by_segment.gold.moves.survival.brings")
    assert isinstance(own, Told)
    assert (own.segment, own.stages, own.spend) == ("gold", ("new",), 0.3)
    assert own.at(0.3) == pytest.approx(0.5 * 0.9 + 0.5 * 0.8)
    assert own.slope(0.3) == pytest.approx(0.5, rel=1e-4)


def test_a_test_of_nobody_or_of_no_difference_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found: Any = SimpleNamespace(moves="survival", at=lambda money: 0.9, slope=lambda money: 1.0)
    assert arms(None, found, 0.3, 3, 10.0, 10.0, np.ones(1)) == float("inf")  # both arms move alike
    found.slope = lambda money: money
    assert (
        arms(None, found, 0.3, 3, 0.0, 10.0, np.ones(1)) == arms(None, found, 0.3, 3, 10.0, 0.0, np.ones(1)) == np.inf
    )
    assert (
        0
        < arms(None, found, 0.3, 3, 40.0, 40.0, np.ones(1))
        == pytest.approx(arms(None, found, 0.3, 3, 10.0, 10.0, np.ones(1)) / 2)
    )
    monkeypatch.setattr(trial, "_buying", lambda twin, heads: (0.5, 0.1, 30.0))
    errors = {}
    for moves in ("amount", "purchase_rate", "acquisition"):
        found.moves = moves
        errors[moves] = arms(None, found, 0.3, 3, 10.0, 10.0, np.ones(1))
    assert errors["amount"] > errors["purchase_rate"]  # amounts vary beside how often
    assert np.isfinite(errors["acquisition"])
