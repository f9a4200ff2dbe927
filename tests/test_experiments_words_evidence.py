"""What the report says of responses: what was learned is measured, the rest is assumed."""

from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from markets import SMALL

from experiments.report.answer import _caution
from experiments.report.grounds import evidence
from experiments.words.evidence import told_and_assumed
from experiments.words.monitoring import followed_table, of_lines, signal_in_words, stake
from experiments.words.report import report_words
from sim.monitoring.signals import Signal
from sim.scenario.file import Scenario, parse


def scenario(*told: dict[str, Any]) -> Scenario:
    return parse({**yaml.safe_load(SMALL.read_text(encoding="utf-8")), "evidence": list(told)})


def curves(of: Scenario) -> list[tuple[str, str]]:
    return [(name, moves) for name, lever in of.levers.items() for moves in lever.moves]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_was_learned_is_not_called_assumed(language: str) -> None:
    words = report_words(language)
    (lever, moves), *rest = curves(scenario())
    one = {"lever": lever, "moves": moves, "source": "measured", "customers": 1200}
    cases = {
        "caution": [scenario(), scenario({**one, "source": "answered", "customers": 0, "managers": 2})],
        "caution_in_part": [scenario(one), scenario({**one, "segment": "regulars"})],
        "caution_measured": [scenario(one, *({**one, "lever": a, "moves": b} for a, b in rest))],
    }
    for key, of in cases.items():
        for each in of:
            said = _caution(each, words)
            assert said == words[key].format(told=1, all=len(rest) + 1)


def test_the_grounds_put_each_curve_where_it_belongs() -> None:
    (lever, moves), *rest = curves(scenario())
    found = scenario({"lever": lever, "moves": moves, "source": "both", "customers": 1200, "chosen": True})
    page = evidence(found, report_words("en"))
    measured, assumed = page.split("Assumed")
    assert f"{lever} on {moves}, measured in part (1,200 customers; the firm chose who got money)" in measured
    left = {name for name, _ in rest}
    assert all(name in assumed for name in left)
    assert (lever in told_and_assumed(found)[1]) == (lever in left)
    assert f"{lever} 对" in evidence(found, report_words("zh"))
    assert "部分来自测量（1,200 位客户；投放对象由公司选定）" in evidence(found, report_words("zh"))


def test_words_of_what_is_followed() -> None:
    """No number where there is none yet; money is less, not fewer."""
    line = SimpleNamespace(
        name="x", outside=True, actual=[1.0], planned=[2.0], low=[0.0], high=[3.0], slope=float("nan"),
        slope_low=float("nan"), slope_high=float("nan"),
    )  # fmt: skip
    assert followed_table(SimpleNamespace(lines=[line], period="month"))[1] == [["x (!)", "1", "2", "0 to 3", "", ""]]
    signal = Signal("regulars", "amount", False, 0, 1, 90.0, 100.0, 2.0)
    assert signal_in_words(signal, "month").startswith("regulars: less money paid")
    assert signal_in_words(Signal("a", "rate", False, 0, 1, 9.0, 10.0, 2.0), "month").startswith("a: fewer purchases")


def test_words_of_an_asset_that_depends_on_what_has_moved() -> None:
    """What is followed takes the scenario for what is to come, the verdict what has moved: both are said."""
    line = SimpleNamespace(actual=[90.0], low=[80.0], high=[120.0])
    told = {"lines": [line], "periods": 1, "horizon": 6, "period": "month", "currency": "EUR", "now": 40.0}
    moved = SimpleNamespace(**told, planned=100.0, change=object())
    assert "is 40 EUR if what has moved lasts (90 if it does not), planned 100 EUR (-60 EUR;" in stake(moved)
    assert "takes what is to come as the scenario has it" in of_lines(moved)
    still = SimpleNamespace(**{**told, "now": 90.0}, planned=100.0, change=None)
    assert "is 90 EUR, planned 100 EUR" in stake(still)
    assert "as the scenario has it" not in of_lines(still)
