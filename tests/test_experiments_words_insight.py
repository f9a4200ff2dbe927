"""What is said of frontiers, risk, what is worth knowing, two plans side by side and allocations, in each state."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from experiments.terminal.allocate import allocation_summary
from experiments.terminal.frontier import frontier_rows, frontier_summary
from experiments.terminal.risk import risk_summary
from experiments.terminal.summary import targeting_summary
from experiments.words.board import gain_in_words
from experiments.words.difference import (
    differ_briefly,
    difference_in_words,
    losers_in_words,
    scenarios_in_words,
)
from experiments.words.information import information_text
from optimizer.curves.result import Binding, CurveAllocation
from optimizer.insight.difference import Difference, Loser, MovedLine, MovedTime
from optimizer.insight.frontier import Frontier, Point
from optimizer.insight.information import Information, Knowing, Trial
from optimizer.insight.risk import Assumption, Risk, Scores

NAN = float("nan")
FILE = Path("my shop.yaml")


def plan(spend: float = 0.0, **facts: Any) -> Any:
    """Return as much of a plan as words need: half of its money on prospects."""
    facts = {"asset": 1000.0 + spend, "bound": 2000.0, "shadow_price": 0.5, "budget": spend, "status": "", **facts}
    money = np.full((1, 1, 2, 1), spend / 2)
    return SimpleNamespace(spend=money, targets=SimpleNamespace(stages=("prospect", "new")), **facts)


# --- The frontier -----------------------------------------------------------------------------------------------------


def test_a_frontier_says_where_more_does_not_pay() -> None:
    """Satisfaction and the bound where there are any; a point without money has no share of it."""
    points = (Point(plan(0.0), 61.0, 40.0), Point(plan(200.0), 62.0, 45.0))
    curve = Frontier(points, Point(plan(500.2), 63.21, 50.0), 1000.0)
    found = frontier_summary(curve, SimpleNamespace(satisfaction=object(), currency="EUR"), FILE)
    assert found.startswith(
        "More than 501 EUR does not pay under these responses; satisfaction of more than 63.3 points does not either."
    )
    lines = [line.split("  ") for line in found.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines[4:7]]
    assert cells == [
        ["0", "0", "1,000", "0", "0.50", "40", "61.0", "0%"],
        ["200", "200", "1,200", "+200", "0.50", "50%", "45", "62.0", "20%"],
        ["no limit", "500", "1,500", "+500", "0.00", "50%", "50", "63.2", "50%"],
    ]
    assert found.endswith("Next: tenure optimize 'my shop.yaml' --budget 500 -o plan.json")
    unproved = Frontier(tuple(Point(plan(200.0, bound=NAN), NAN, 1.0) for _ in range(2)), points[1], 1200.0)
    unproved = replace(unproved, sweet_spot=Point(plan(200.0, bound=1200.0), NAN, 1.0))
    found = frontier_summary(unproved, SimpleNamespace(satisfaction=None, currency=""), FILE)
    assert found.startswith("More than 200 does not pay under these responses.\n")
    assert ("satisfaction" in found.splitlines()[2], "of bound's" in found.splitlines()[2]) == (False, False)
    assert [row["budget"] for row in frontier_rows(unproved)] == [200.0, 200.0, None]


# --- Risk and what to test --------------------------------------------------------------------------------------------

SCORES = (
    Scores("expected", 900.0, 500.0, 400.0, 100.0, 0.25),
    Scores("cautious", 880.0, 560.0, 480.0, 80.0, 0.0),
)
MARGIN = Assumption("margin", 0.3, 0.5, -20.0, 90.0, 30.0, 10.0, 0.34)
LOSS = Assumption("loss", 0.01, 0.09, 80.0, -5.0, 2.0, 4.0, 0.085)


def test_caution_says_what_it_costs_and_what_to_test() -> None:
    """Where the plan would be worth less than the least spend, from below or above; the bound where it is known."""
    found = Risk(plan(), plan(), SCORES, (MARGIN, LOSS), 15.0, 700.0, 750.4)
    told = risk_summary(found, SimpleNamespace(currency="EUR"), FILE, 0.2, 0.5, Path("safe plan.json"))
    assert told.startswith(
        "The cautious plan brings +60 EUR in the worst 20% and -20 in the mean, against the plan made for the scenario "
        "as it stands; there it costs 15. Most is at stake on the margin: at an end of its range another plan would "
        "bring about 20 more, in the mean of both ends."
    )
    assert (
        "The plan is worth less than the least spend where the margin is below about 0.34, where the share of silent "
        "customers lost for good is above about 0.085."
    ) in told
    assert "On its own samples the cautious plan reaches 700; no plan more than 751 (each sample's own bound" in told
    assert told.endswith(
        "Written to safe plan.json. Next: tenure compare 'my shop.yaml' --policy as-today --policy 'safe plan.json'"
    )
    sure = replace(found, assumptions=(replace(MARGIN, flips_at=None),), bound=NAN)
    told = risk_summary(sure, SimpleNamespace(currency=""), FILE, 0.2, 0.5, None)
    assert (
        "than the least spend.\nBy 50% mean and 50% worst 20% the cautious plan is 20 ahead of the plan made for the "
        "scenario as it stands.\nNext: tenure risk"
    ) in told
    assert ("On its own samples" in told, told.endswith("-o cautious.json")) == (False, True)


@pytest.mark.parametrize(
    ("scores", "caution", "said"),
    [
        (SCORES, 0.1, "By 90% mean and 10% worst 20% the cautious plan is 12 EUR behind the plan made for the scenario "
                      "as it stands: it does not pay.\nNext: tenure optimize 'my shop.yaml' -o plan.json"),
        ((*SCORES, Scores("as today", 950.0, 700.0, 600.0, 90.0, 0.0)), 0.5,
         "the cautious plan is 105 EUR behind today's spend: it does not pay.\nNext: tenure test-next 'my shop.yaml'"),
        ((SCORES[0], replace(SCORES[0], name="cautious")), 0.5,
         "the cautious plan does as the plan made for the scenario as it stands: it does not pay.\nNext: tenure opt"),
    ],
)  # fmt: skip
def test_a_cautious_plan_is_offered_where_it_pays(scores: tuple[Scores, ...], caution: float, said: str) -> None:
    """By what it was made for; a file that was asked for is written, and the same is said."""
    found = Risk(plan(), plan(), scores, (MARGIN,), 15.0, 700.0, NAN)
    told = risk_summary(found, SimpleNamespace(currency="EUR"), FILE, 0.2, caution, None)
    assert said in told
    assert "cautious.json" not in told
    told = risk_summary(found, SimpleNamespace(currency="EUR"), FILE, 0.2, caution, Path("a.json"))
    assert "it does not pay.\nWritten to a.json. Next: tenure compare" in told


TRIAL = Trial("care", "survival", {"regulars": 400.0, "new": 100.0}, ("new", "core"), 500.0, 0.4, 2.0, 3, 0.01, 600.0,
              90.0, 20.0, 0.93, "no spend", "the plan where margin is 0.3")  # fmt: skip
KNOWING = Knowing("levers.care.moves.survival.brings", 0.9, 0.96, 120.0, TRIAL, "")
OTHER = Knowing("margin", 0.3, 0.5, 40.0, None, "no lever moves it")


def knowing(*knowing: Knowing, explained: float = 0.95) -> Information:
    return Information(("a",), "the plan where loss is 0.05", 150.0, knowing, explained, 8, None)


def test_what_to_test_next() -> None:
    """The test that leaves most, what it tells, and what either result would change; else why none pays."""
    told = information_text(knowing(KNOWING, OTHER), "month", "EUR")
    assert told.startswith(
        "Test the share of customers who stay at the money stated for care next: 500 people of regulars, new (new, "
        "core), 300 of them by lot with 2 each of care and the others without, for 3 months. Its result is worth 90 "
        "EUR and costs 20, so that +70 is left; the test spends 600. Measured below 0.93: no spend; above: the plan "
        "where the margin is 0.3. Knowing all 2 numbers without error is worth 150 EUR.\n"
    )
    assert "no lever moves it" in told
    assert "are rough" not in told
    slight = replace(TRIAL, money=0.0, periods=1, turns_at=None, worth=25.0)
    told = information_text(knowing(replace(KNOWING, trial=replace(slight, money=1e6))), "month", "")
    assert told.startswith("No test brings much; the best is of the share of customers who stay at")
    told = information_text(knowing(replace(KNOWING, trial=slight), explained=0.5), "month", "")
    assert (
        "for 1 month. Its result is worth 25 and costs 20, so that +5 is left; no budget pays for such a test. Knowing "
        "the number without error is worth 150."
    ) in told
    assert "Worths by number are rough: sums of parabolas explain 50% of the differences" in told
    for none in (OTHER, replace(KNOWING, trial=replace(TRIAL, worth=5.0))):
        assert information_text(knowing(none), "month", "EUR").startswith(
            "No test pays: the plan where the share of silent customers lost for good is 0.05 is to be done whatever "
            "one finds, or what tests cost is more. Knowing the number without error is worth 150 EUR."
        )


# --- Two plans, two scenarios -----------------------------------------------------------------------------------------

LINE = MovedLine("regulars", "care", (100.0, 200.0), (150.0, 100.0), 30.0, 0.25)
STILL = MovedLine("new", "care", (50.0, 50.0), (50.0, 50.0), 0.0, 0.1)
TIMES = (MovedTime(0, 3, 150.0, 200.0, 10.0), MovedTime(3, 4, 250.0, 150.0, 20.0))


def test_two_plans_side_by_side() -> None:
    """By line and quarter; without quarters where they are many; lines that are not shown, or did not move, counted."""
    found = Difference((LINE, STILL), TIMES, (1000.0, 1035.0), (400.0, 350.0))
    told = difference_in_words(found, "a.json", "b.json", "month", "EUR")
    assert told.startswith(
        "b.json instead of a.json spends 350 EUR (-50) for a customer asset of 1,035 (+35), both in expected numbers."
    )
    assert "\nline             first  second  moved  month 1 to 3  month 4  brings  last unit\n" in told
    assert "1 line did not move.\nTogether the moves bring +5 beyond the sum of what each brings by itself." in told
    many = tuple(MovedTime(t, t + 1, 1.0, 2.0, 0.0) for t in range(9))
    lines = tuple(MovedLine(f"s{i}", "care", (1.0,) * 9, (2.0,) * 9, 1.0, NAN) for i in range(22))
    told = difference_in_words(replace(found, lines=lines, times=many), "a", "b", "week", "")
    assert told.splitlines()[4].split() == ["line", "first", "second", "moved", "brings", "last", "unit"]
    assert "and 2 more (--json has them)\nTogether" in told
    assert difference_in_words(replace(found, lines=(STILL,)), "a", "b", "week", "").endswith(
        "\n\nNo line's money (segment / lever) differs."
    )


def test_who_loses_first() -> None:
    told = losers_in_words([Loser("regulars", "care", 200.0, 150.0, 20.0, 5.0)])
    assert told.splitlines()[2].split() == ["regulars", "/", "care", "200", "150", "-50", "-25%", "-20", "+5"]
    assert losers_in_words([]) == "Nobody loses anything that could be noticed."


def test_two_scenarios_side_by_side() -> None:
    """Numbers with their change, what one of them lacks, lists and parts of a scenario in words."""
    differ = [
        {"key": "margin", "first": 0.4, "second": 0.5},
        {"key": "start", "first": 0, "second": 1200},
        {"key": "club", "first": None, "second": {"grades": ["card", "gold"], "since": None, "open": True}},
        {"key": "shocks", "first": [], "second": None},
        {"key": "survey", "first": True, "second": False},
        {"key": "part", "first": {"none": None}, "second": "text"},
    ]
    assert scenarios_in_words(differ, "a", "b").splitlines() == [
        "a and b differ in 6 keys:", "- margin: 0.4 in a, 0.5 in b (+25 %)", "- start: 0 in a, 1,200 in b",
        "- club: grades card, gold, open yes in b, not stated in a", "- shocks: nothing in a, not stated in b",
        "- survey: yes in a, no in b", "- part: nothing in a, text in b",
    ]  # fmt: skip
    assert scenarios_in_words(differ[:1], "a", "b").startswith("a and b differ in 1 key:\n")
    assert scenarios_in_words([], "a", "b") == "a and b say the same: every key has the same value."
    assert differ_briefly(differ[:2] + differ[3:4]) == (
        "margin 0.5 instead of 0.4; start 1,200 instead of 0; shocks none instead of nothing"
    )


def test_what_telling_customers_apart_brings() -> None:
    ways = [SimpleNamespace(name=name, asset=asset, lift=asset - 900.0, plan=plan) for name, asset, plan in
            (("segment", 1000.0, 1), ("state", 1040.0, 1), ("full information", 1100.0, None))]  # fmt: skip
    told = targeting_summary(ways, "EUR", FILE)
    assert told.startswith("Telling customers apart by state instead of by segment brings +40 EUR for the same money.")
    assert "Full information sees hidden traits" in told
    told = targeting_summary(ways[:2], "", FILE)
    assert told.startswith("Telling customers apart by state instead of by segment brings +40 for the same money.")
    assert "Full information" not in told


# --- What a gain is made of -------------------------------------------------------------------------------------------


def gain(**changes: Any) -> Any:
    facts = {
        "best": SimpleNamespace(name="the plan", asset=1100.0),
        "reference": SimpleNamespace(name="as today", asset=1000.0),
        "twin": SimpleNamespace(scenario=SimpleNamespace(periods=24, period="month", terminal="none")),
        "within": 60.0, "after": 40.0, "present": None, "expected_gain": 90.0, "first_within": ("the plan", 0.0),
        "payback": 0, "ahead": np.array([-5.0]), "on_the_unwon": 0.0, "asset_after": 0.3,
        "spans": lambda unit: (SimpleNamespace(name="year 1", gain=-10.0), SimpleNamespace(name="year 2", gain=70.0)),
    }  # fmt: skip
    return SimpleNamespace(**{**facts, **changes})


def test_what_a_gain_is_made_of() -> None:
    assert gain_in_words(gain()) == [
        "Of the +100, +60 come within the 24 months.",
        "It is ahead from the start. Discounted profit against as today by year: year 1 -10, year 2 +70.",
    ]
    lasting = SimpleNamespace(scenario=SimpleNamespace(periods=24, period="month", terminal="value-to-go"))
    others = {"present": 50.0, "first_within": ("even split", 7.0), "payback": None, "on_the_unwon": 0.25}
    assert gain_in_words(gain(twin=lasting, **others)) == [
        "Of the +100, +60 come within the 24 months and +40 after; +50 from present customers and +40 from people yet "
        "to be won (in expected numbers).",
        "Within the horizon as today stays ahead, by 5 at its end: it pays back after it. Counting the horizon alone, "
        "“even split” would be ahead of it by 7. Discounted profit against as today by year: year 1 -10, year 2 +70. "
        "25 % of the money is for people who are no customers yet. 30 % of the customer asset lies after month 24.",
    ]
    assert gain_in_words(gain(payback=5, on_the_unwon=0.25), years=False)[1] == "It pays back in month 5."
    one = gain()
    assert gain_in_words(gain(best=one.best, reference=one.best)) == []


# --- Allocations over curves ------------------------------------------------------------------------------------------


def allocated(**changes: Any) -> CurveAllocation:
    facts: dict[str, Any] = {
        "status": "optimal", "termination": "time limit", "channels": ("tv", "web"), "periods": ("a", "b"),
        "budget": 100.0, "value": 40.0, "bound": 40.0, "base": 10.0, "spend": np.array([[30.0, 0.0], [40.0, 30.0]]),
        "effective": np.zeros((2, 2)), "response": np.full((2, 2), 10.0), "shadow_price": 0.5,
        "shadow_price_left": 0.5, "local": False, "binding": (), "after": np.zeros(2),
    }  # fmt: skip
    return CurveAllocation(**{**facts, **changes})


ALLOCATIONS = {
    "all spent": ({}, "Shadow price of the budget: 0.5, what one more EUR brings."),
    "two prices, local": (
        {"shadow_price_left": 0.7, "local": True},
        "Shadow price of the budget: 0.5, what one more EUR brings; one less would take away 0.7 (local: with the "
        "plan's thresholds and campaigns)."),
    "no plan with more": (
        {"shadow_price": NAN}, "Shadow price of the budget: none to the right; no plan fits the rules with more."),
    "rules": (
        {"binding": (Binding("budget", 1, 1.0), Binding("cap of tv", 30.0, 0.25))},
        "Other rules that bind, with d(response)/d(limit): cap of tv (+0.25)."),
    "many rules": (
        {"binding": tuple(Binding(f"r{i}", 1.0, 1.0) for i in range(10))}, "r7 (+1) and 2 more (--json lists all)."),
    "not all spent": (
        {"budget": 150.5, "unspent_because": ("cap of tv", "cap of web")},
        "Not spent: 50.50 EUR. What stops it: cap of tv; cap of web."),
    "much stops it": ({"budget": 150.0, "unspent_because": tuple("abcdefg")}, "What stops it: a; b; c; d; e; f; ...."),
    "a remark": ({"remarks": ("column x is not used",)}, "Note: column x is not used."),
    "carried in and out": (
        {"before": {"tv": (5.0, 7.5)}, "after": np.array([1.0, 2.0])},
        "Carried in from the periods before the first, in the order of time: tv 5, 7.50 EUR.\nCounted beyond the last "
        "period, as if no more were spent: a response of 3."),
    "proven": ({}, "Proven optimal: no plan under these rules brings more than 40 (gap 0)."),
    "not proven": (
        {"status": "feasible, gap 25 %", "bound": 50.0},
        "Not proven optimal (time limit): no plan under these rules brings more than 50; this one may lack 25.00% of "
        "the possible lift. A longer --time-limit can close that."),
    "a target": (
        {"target": 40.0, "least_budget": 100.0, "target_price": 2.0, "target_price_left": 1.5, "bound": NAN},
        "The next unit of response costs 2 EUR; one less would save 1.5 EUR."),
    "a target that is proven": (
        {"target": 40.0, "least_budget": 100.0, "target_price": 2.0, "bound": NAN},
        "No plan under these rules reaches 40 with less than 100: proven (gap 0)."),
    "a target at the edge": (
        {"target": 40.0, "least_budget": 80.0, "status": "feasible", "bound": NAN, "local": True},
        "The next unit of response costs more than was tried (local: with the plan's thresholds and campaigns)."),
    "a target that is not proven": (
        {"target": 40.0, "least_budget": 80.0, "status": "feasible", "bound": NAN,
         "binding": (Binding("cap of tv", 30.0, 0.25),)},
        "No plan under these rules reaches 40 with less than 80: at least 80\u00a0% of this plan's budget, which could "
        "be less by at most 20\u00a0% (time limit). A longer --time-limit can close that."),
}  # fmt: skip


@pytest.mark.parametrize("what", ALLOCATIONS)
def test_an_allocation_in_words(what: str) -> None:
    changes, words = ALLOCATIONS[what]
    assert words in allocation_summary(allocated(**changes), Path("my curves.csv"), "EUR", None)


def test_an_allocation_over_many_periods_or_one() -> None:
    """Blocks of periods where they do not fit side by side; one column where there is one; what to do next."""
    long = {"periods": tuple(map(str, range(1, 10))), "spend": np.ones((2, 9)), "response": np.ones((2, 9))}
    told = allocation_summary(allocated(**long), Path("c.csv"), "", Path("out.xlsx"))
    assert "channel  1 to 3  4 to 5  6 to 7  8 to 9  spend  response" in told
    assert told.endswith("Written to out.xlsx. Next: another --budget, to see what it brings")
    one = {"periods": ("a",), "spend": np.zeros((2, 1)), "response": np.ones((2, 1))}
    told = allocation_summary(allocated(**one), Path("my curves.csv"), "", None)
    assert ("channel  spend  response" in told, "per unit of money" in told) == (True, False)
    assert "what one more unit of money brings" in told
    assert told.endswith("Next: tenure allocate 'my curves.csv' with the same options and -o plan.xlsx (or .csv, "
                         ".json), or with another --budget")  # fmt: skip
    least = allocated(target=40.0, least_budget=100.0, bound=NAN)
    assert allocation_summary(least, Path("c.csv"), "", Path("o.csv")).endswith(
        "Next: another --reach, to see what it costs"
    )
