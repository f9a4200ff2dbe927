"""What records say, in words: whether a forecast was right and why, how well laws are told, what measures brought."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from experiments.backtest.forecast import Backtest, Early
from experiments.backtest.laws import Version
from experiments.backtest.rivals import Rival
from experiments.measure import Effect, Measured
from experiments.words.backtest import backtest_text, by_period, reasons
from experiments.words.fits import held_out_text, precision_text
from experiments.words.measure import effects_table, measured_answer, measured_text
from sim.customers.held_out import Forecast, HeldOut
from sim.customers.precision import Precision
from sim.customers.segment_laws import SegmentLaw

NAN = float("nan")


def forecast(predicted: float, actual: float, low: float = NAN, high: float = NAN) -> Forecast:
    return Forecast(predicted, actual, predicted / actual - 1 if actual else NAN, low, high)


# --- Whether a forecast was right -------------------------------------------------------------------------------------

CAME = np.array([[[80.0], [70.0]], [[100.0], [100.0]], [[1000.0], [1000.0]]])
"""Customers, purchases and money of two months and one segment."""
CLASSES = HeldOut(
    8, forecast(180.0, 200.0), forecast(1900.0, 2000.0),
    (("bought once", 50, forecast(60.0, 90.0), forecast(1.0, 1.0)),
     ("bought twice", 20, forecast(120.0, 110.0), forecast(1.0, 1.0))),
)  # fmt: skip
ALIKE = Version("months alike", 0.0, 0, True, -0.1, -0.05)


def backtest(purchases: tuple[float, float] = (90.0, 90.0), money: float = 950.0, **changes: Any) -> Backtest:
    """Return a forecast whose purchases by month are given."""
    predicted = np.array([[[80.0], [77.0]], [[purchases[0]], [purchases[1]]], [[money], [money]]])
    facts: dict[str, Any] = {
        "scenario": SimpleNamespace(period="month"), "cut": date(2024, 6, 30), "until": date(2024, 8, 31),
        "segments": ("all",), "predicted": predicted, "spread": np.full(CAME.shape, 5.0), "actual": CAME,
        "replications": 20, "rivals": (Rival("as last year", 0.2, 0.1), Rival("mean rate", -0.15, NAN)),
        "by_class": CLASSES, "versions": (ALIKE,), "conditions": (), "seasonal": False,
        "early": Early(9, 100.0, 100.0), "newly_won": (0, 0, 0.0),
    }  # fmt: skip
    return Backtest(**{**facts, **changes})


def test_a_forecast_is_told_beside_plain_ones() -> None:
    text = backtest_text(backtest())
    assert text.startswith(
        "Forecast on 2024-06-30 for the time to 2024-08-31: purchases -10.0%, money -5.0%, customers at the end +10.0% "
        "(forecast over what came, less 1). The better of two plain forecasts, mean rate: purchases -15.0%, money none "
        "came.\n"
    )
    assert "0% lie in their 80 % band" not in text
    assert "told (20 markets); not that the laws themselves may be wrong." in text
    assert "first bought after" not in text
    held = backtest(newly_won=(1200, 1500, 30_000.0), dropped=("a rival: not in the months",), conditions=(0.8, 1.2))
    text = backtest_text(held)
    assert text.endswith(
        "- 1,200 people first bought after 2024-06-30 (1,500 purchases, 30,000): nobody could know them, and they are "
        "in neither number.\n- left out: a rival: not in the months"
    )
    assert "and that months to come differ as the 2 whole ones known did; not" in text
    assert "differ but for the time of the year as the 2" in backtest_text(replace(held, seasonal=True))


def test_nothing_came_is_no_number() -> None:
    """Of nobody known: neither in the answer nor in a table."""
    found = backtest(actual=np.zeros(CAME.shape), versions=(ALIKE._replace(purchases_error=NAN, money_error=NAN),))
    text = backtest_text(found)
    assert "purchases none came, money none came, customers at the end none came (forecast" in text
    assert by_period(found)[1][0] == ["1", "90", "0", "none came", "950", "0", "none came", "80", "0", "none came"]
    assert "nan" not in text


REASONS = {
    "too few, of those who bought once": (
        {}, "By customers (the laws alone, 8 whole weeks): 20 purchases missing; the 50 who had bought once bought 90 "
        "instead of 60, 30 more. The law gives those who were silent up too early."),
    "too many": (
        {"by_class": replace(CLASSES, purchases=forecast(220.0, 200.0))},
        "20 purchases too many; the 20 who had bought twice bought 110 instead of 120, 10 fewer."),
    "months were not asked": ({}, "By months: too few are known to ask whether they differ."),
    "months differ too little": (
        {"versions": (ALIKE, Version("months differ", -3.5, 2, False, 0.0, 0.0))},
        "By months: that they differ lowers the log-likelihood by 3.5 for 2 more numbers, which is too little "
        "(Akaike), so all are taken as alike."),
    "months differ": (
        {"versions": (ALIKE, Version("months differ", 30.0, 2, True, 0.0, 0.0)), "conditions": (0.8, 1.25)},
        "By months: that they differ raises the log-likelihood by 30.0 for 2 more numbers, so it is used (Akaike, on "
        "what was known alone). Busy and quiet months (0.80 to 1.25 of the mean) are then not taken for customers who "
        "leave; with months alike purchases were off by -10.0%."),
    "the law fitted": ({}, "says +0.0% of what was. So the law fitted what was known, and the error came with"),
    "it was off before": ({"early": Early(9, 80.0, 100.0)}, "-20.0% of what was. So a part of the error was there"),
    "it came back": ({"early": Early(9, 120.0, 100.0)}, "+20.0% of what was. So purchases had fallen faster than"),
    "it fell": (
        {"early": Early(9, 80.0, 100.0), "versions": (ALIKE._replace(purchases_error=0.1),)},
        "-20.0% of what was. So purchases had held better than the law says, and then fell faster"),
    "even": ({}, "By time: -10.0% in the first half and -10.0% in the second, most in month 1 (-10.0%). Months hardly"),
    "uneven": (
        {"purchases": (95.0, 70.0)},
        "By time: -5.0% in the first half and -30.0% in the second, most in month 2 (-30.0%). Uneven months are"),
    "amounts": ({}, "By amounts: money for a purchase was forecast +5.6% of what was paid."),
}  # fmt: skip


@pytest.mark.parametrize("what", REASONS)
def test_why_it_was_off(what: str) -> None:
    changes, words = REASONS[what]
    assert words in "\n".join(reasons(backtest(**changes)))


def test_of_one_month_halves_are_not_told() -> None:
    one = backtest()
    one = replace(one, predicted=one.predicted[:, :1], actual=CAME[:, :1], early=Early(9, 5.0, 0.0))
    assert [each.split(" ", 2)[1] for each in reasons(one)] == ["customers", "months:", "amounts:"]


# --- How well laws are told -------------------------------------------------------------------------------------------


def test_what_the_data_do_not_tell_is_said() -> None:
    """Parameters with their interval, those of segments after those of all, and why segments have none of their own."""
    own = SegmentLaw("regulars", 1, object(), None, 12.5, "", {"r": Precision(0.5, 0.1, 0.3, 0.7)})
    alike = SegmentLaw("new", 1200, None, None, 0.0, "too few of them came back", {})
    rows = precision_text({"s": Precision(2.0, NAN, NAN, NAN)}, [own, alike]).splitlines()
    assert [each.split() for each in rows[2:4]] == [
        ["s", "2", "not", "told"], ["regulars:", "r", "0.5", "0.1", "0.3", "to", "0.7"]
    ]  # fmt: skip
    assert rows[4:] == [
        "Laws of their own: regulars (1 customer, log-likelihood +12.5).",
        "- new (1,200 customers) as all in too few of them came back",
    ]


def test_a_forecast_check() -> None:
    """With its interval where there is one; that nothing came; one law for all beside laws of segments; left out."""
    found = HeldOut(10, forecast(90.0, 100.0, -0.2, 0.05), forecast(5.0, 0.0),
                    (("regulars", 1200, forecast(110.0, 100.0), forecast(1.0, 2.0, -0.6, -0.4)),))  # fmt: skip
    check: Any = SimpleNamespace(cumulative_error=-0.02, weekly_mape=0.03, correlation=0.5)
    text = held_out_text(found, check, found)
    rows = [" ".join(line.split()) for line in text.splitlines()[3:5]]
    assert rows == [
        "regulars 1,200 100 +10.0% -50.0% (-60.0% to -40.0%)", "all 1,200 100 -10.0% (-20.0% to +5.0%) none came"
    ]  # fmt: skip
    assert "One law for all would be off by -10.0% (-20.0% to +5.0%) in purchases, none came in money." in text
    assert "One law" not in held_out_text(found, check)
    assert held_out_text(None, check).startswith("Forecast check: left out, the history is too short")


# --- What measures brought --------------------------------------------------------------------------------------------

LETTER = Effect("letter", "all", 1000, 500, 0.2, 0.1, 0.3, 0.1, 5.0, 3.0, 1.5, 0.5, 2.5, 0.5, "paid")
NOBODY = replace(LETTER, measure="call", brings=NAN, low=NAN, high=NAN, bought_without=NAN, paid_without=NAN,
                 verdict="no control group")  # fmt: skip


def measured(*effects: Effect, **changes: Any) -> Measured:
    facts: dict[str, Any] = {"outcome": (), "evidence": (), "notes": ()}
    return Measured(date(2024, 7, 1), date(2024, 7, 31), 1, effects, **{**facts, **changes})


def test_what_each_measure_brought() -> None:
    """All segments together; where there is no control group nothing is told but that."""
    part = replace(LETTER, segment="regulars")
    none = replace(LETTER, measure="mail", brings=0.0, low=NAN, high=NAN, spent=0.0, verdict="open")
    assert measured_answer(measured(LETTER, part, NOBODY, none)).splitlines() == [
        "letter: necessary: it brought more than it cost. +1.50 a head (+0.50 to +2.50) for 0.50 spent: 3.00 a unit, "
        "+1,000 net on 1,000 people.",
        "call: no control group: what would have come by itself is not known.",
        "mail: cannot be told from nothing: more people, or more time. +0.00 a head (nobody bought) for no money, 0 "
        "net on 1,000 people.",
    ]
    _, rows = effects_table(measured(LETTER, NOBODY, none))
    assert rows[0] == ["letter", "all", "1,000", "500", "20.0%", "10.0%", "5.00", "3.00", "+1.50", "+0.50 to +2.50",
                       "0.50", "3.00"]  # fmt: skip
    assert rows[1][5:] == ["", "5.00", "", "", "", "0.50", ""]
    assert rows[2][8:] == ["+0.00", "nobody bought", "0.00", ""]


def test_what_was_planned_and_what_came() -> None:
    outcome = (("regulars", 100.0, 120.0), ("new", 50.0, 20.0))
    text = measured_text(measured(LETTER, outcome=outcome, notes=("2 rows are left out",)))
    assert [line.split() for line in text.splitlines() if line.startswith("all  ")][-1] == ["all", "150", "140", "-10"]
    assert text.endswith("\n\n- 2 rows are left out")
    assert "those listed paid" not in measured_text(measured(LETTER))
