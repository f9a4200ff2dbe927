"""What has become of a plan, in words, tables and on its page: each verdict, and what is said of a change."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.monitored import ADJUST, AGAIN, STAY, Line
from experiments.report.monitor_page import monitor_page
from experiments.results.monitoring import Monitoring
from experiments.words import monitoring as words
from sim.monitoring.change import Change
from sim.monitoring.signals import Signal
from sim.scenario.market import Shock

NAN = float("nan")
NOBODY: Any = None
"""A twin, or a plan, that no word rests on."""


def line(kind: str, name: str, actual: list[float], planned: list[float], slope: float = NAN) -> Line:
    """Return something that is followed, a band of ten around what was planned."""
    middle = np.array(planned)
    return Line(kind, name, np.array(actual), middle, middle - 10, middle + 10, slope, 0.0, -1.0, 1.0)


LINES = (
    line("quantity", "customer asset", [1000, 980, 900], [1000, 1010, 1020], -50),
    line("change", "revenue", [300, 295], [300, 300]),
    line("change", "came back", [3, 4], [3, 3]),
)
LEAVING = Signal("regulars", "leaving", True, 1, 3, 30.0, 20.0, 2.0)
PAID = Signal("all customers", "amount", False, 0, 2, 900.0, 1000.0, 1.5)
WON = Signal("newcomers", "winning", False, 0, 2, 2.0, 0.0, 1.2)
SHOCKS = (
    Shock(name="estimated: defection", start=2, route="defection", size=0.5, segments=("regulars", "newcomers")),
    Shock(name="estimated: acquisition", start=1, route="acquisition", size=-0.1),
)
AS_PLANNED = Monitoring(
    "shop & co", "EUR", "month", 2, 6, LINES, (), None, 1020.0, 900.0, 0.0, 5.0, STAY, None, (), 0.05, 0.1, 20,
    ("There is no survey.",), {"retention": "budget", "price cut": "price"}, twin=NOBODY,
)  # fmt: skip
MOVED = replace(
    AS_PLANNED, signals=(LEAVING, replace(LEAVING, segment="all customers", strength=1.1), PAID, WON),
    change=Change(NOBODY, SHOCKS, 2), gain=40.0, verdict=AGAIN, plan=NOBODY,
    moved=(("regulars", "retention", 100.0, 250.0), ("regulars", "price cut", 30.0, 0.0),
           *((f"segment {i}", "retention", 10.0 * i, 5.0 * i) for i in range(1, 7))),
)  # fmt: skip


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (AS_PLANNED, "Stay with the plan: nothing has moved beyond what luck does."),
        (MOVED, "Plan again: something has moved, and a new plan brings +40 EUR."),
        (
            replace(MOVED, verdict=ADJUST),
            "Adjust what you expect: something has moved, and there is no new plan to make from it; look at why.",
        ),
        (
            replace(MOVED, verdict=ADJUST, plan=object(), gain=2.0, currency=""),
            "Adjust what you expect and keep the plan: something has moved, and a new plan would bring +2 only, less "
            "than the 5 that make it worth while.",
        ),
    ],
)
def test_each_verdict_is_a_sentence(found: Monitoring, said: str) -> None:
    assert words.headline(found) == said
    assert repr(found).splitlines()[0] == said
    assert found.to_dict()["says"] == said


def test_what_the_plan_is_worth_now() -> None:
    """Without a change there is one figure; with one it is told apart from what comes if it does not last."""
    assert words.stake(AS_PLANNED) == (
        "After 2 of 6 months the customer asset under the plan is 900 EUR, planned 1,020 EUR (-120 EUR; luck alone: "
        "1,010 to 1,030)."
    )
    assert "is 850 EUR if what has moved lasts (900 if it does not), planned" in words.stake(replace(MOVED, now=850.0))


def test_what_has_moved_is_told_once() -> None:
    """Where it shows most clearly; fewer heads, less money, and no share of nothing planned."""
    said = [words.signal_in_words(each, "month") for each in words.first_signals(MOVED)]
    assert said == [
        "regulars: more active customers who fell silent or left than planned since month 2: 30 against 20, +50%; "
        "noticed after month 4.",
        "all customers: less money paid for the purchases made than planned since month 1: 900 against 1,000, -10%; "
        "noticed after month 3.",
        "newcomers: fewer prospects won than planned since month 1: 2 against 0; noticed after month 3.",
    ]
    assert repr(MOVED).splitlines()[2:] == said


def test_what_is_taken_for_granted_is_said() -> None:
    """Each event with its route, size, period and segments; seasons that come earlier; what cannot be seen."""
    assert words.estimated(AS_PLANNED) == []
    assert words.notes(AS_PLANNED).endswith("errors of the scenario count as changes. There is no survey.")
    assert (
        "Estimated, and taken to last: defection +50% from month 3 on in regulars, newcomers; acquisition -10% from "
        "month 2 on; seasons 2 months earlier. There is no survey."
    ) in MOVED.notes()
    assert words.estimated(replace(MOVED, change=Change(NOBODY, (), 0))) == []
    asset = "The customer asset takes what is to come as the scenario has it."
    assert (asset in words.of_lines(MOVED), asset in words.of_lines(AS_PLANNED)) == (True, False)


def test_tables_mark_what_lies_outside_and_sum_the_rest() -> None:
    header, rows = AS_PLANNED.shown_table()
    assert (header[4], rows[0]) == (
        "slope a month", ["customer asset (!)", "900", "1,020", "1,010 to 1,030", "-50", "-1 to +1"]
    )  # fmt: skip
    assert rows[1] == ["revenue", "295", "300", "290 to 310", "", ""]
    _, rows = words.moved_table(MOVED)
    assert rows[:2] == [
        ["regulars / retention", "100", "250", "+150"],
        ["regulars / price cut (price, no money of the budget)", "30", "0", "-30"],
    ]
    assert rows[-1] == ["2 more lines", "110", "55", "-55"]
    assert len(words.moved_table(replace(MOVED, moved=MOVED.moved[:6]))[1]) == 6


def test_the_page_says_the_same(tmp_path: Path) -> None:
    """Verdict, cards, what moved, a chart of what is drawn, and what a new plan changes where there is one."""
    stay, again = monitor_page(AS_PLANNED), monitor_page(replace(MOVED, currency=""))
    assert "Nothing beyond what luck does." in stay
    assert "What a new plan changes" not in stay
    assert ("EUR customer asset, if the plan is kept<" in stay, "shop &amp; co" in stay) == (True, True)
    assert "money: customer asset, if the plan is kept and what has moved lasts<" in again
    assert "What a new plan changes" in again
    assert "2 more lines" in again
    for title, page in (
        ("Stay", stay),
        ("Plan again", again),
        ("Adjust", monitor_page(replace(MOVED, verdict=ADJUST))),
    ):
        assert f"<b>{title}</b>" in page
    assert ("came back" in stay, stay.count("<polyline") > 4) == (True, True)
    AS_PLANNED.report(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == stay


def test_every_line_is_kept_by_period() -> None:
    """As a frame, levels from the start and flows from the first period; as plain data, what was estimated too."""
    frame = MOVED.to_frame()
    assert frame.groupby("name", sort=False).size().to_list() == [3, 2, 2]
    assert frame.query("name == 'revenue'").actual.to_list() == [300, 295]
    plain = MOVED.to_dict()
    assert plain["estimated"][0] == {
        "route": "defection", "size": 0.5, "start": 2, "segments": ["regulars", "newcomers"]
    }  # fmt: skip
    assert (plain["seasons_earlier"], AS_PLANNED.to_dict()["estimated"]) == (2, [])
    assert [each["pays"] for each in plain["plan_changes"][:2]] == ["budget", "price"]
