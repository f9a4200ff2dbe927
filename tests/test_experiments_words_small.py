"""Short pieces that several answers share: numbers, names of assumptions, what a run shows, files that were read."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from experiments.compare import Outcome
from experiments.terminal.progress import remaining
from experiments.terminal.summary import starts_summary
from experiments.words import mechanism_figures as figures
from experiments.words.assumptions import in_words
from experiments.words.bases import account_text
from experiments.words.classes import class_rows
from experiments.words.describe import _segments
from experiments.words.figures import money, one_of, percent, rounded_down, rounded_up, short, typeset_money
from experiments.words.odds import beats_in_words, in_a_hundred
from experiments.words.phrases import version_in_words
from experiments.words.policies import feedback_in_words
from sim.purchases.account import OUTCOMES, Account

NAN = float("nan")


# --- Numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "more", "said"),
    [
        (1234.5, {}, "1,234"), (9.876, {}, "9.88"), (0.5, {"signed": True}, "+0.5"), (0.3, {"among": 2e6}, "0"),
        (1e-12, {}, "0"), (NAN, {}, "nan"), (1234.56, {"decimals": 2}, "1,234.56"), (12.0, {"decimals": 2}, "12"),
        (0.123, {"decimals": 2}, "0.123"), (12_345.67, {"decimals": 2}, "12,346"), (-0.2, {"among": 50}, "0"),
    ],
)  # fmt: skip
def test_money_in_words(amount: float, more: dict[str, Any], said: str) -> None:
    """Whole from ten on, three digits below, or as many decimals as are asked for; dust is nothing."""
    assert money(amount, **more) == said


def test_numbers_are_rounded_to_the_safe_side() -> None:
    """Dust on either side of a step moves nothing; what is no number stays so."""
    assert [rounded_down(x, "0.1") for x in (0.29, 0.3 - 1e-14, float("inf"))] == [0.2, 0.3, float("inf")]
    assert [rounded_up(x, "0.1") for x in (0.21, 0.3 + 1e-14, -0.01)] == [0.3, 0.3, 0.0]
    assert [short(x) for x in (53_331, 9_500, 1.5e9, NAN)] == ["53.3k", "9,500", "1.5bn", "no limit"]
    assert short(-2_500_000, signed=True) == "-2.5m"
    assert [percent(x).replace("\u00a0", " ") for x in (0.0949, 0.5, 0.02, -0.1, NAN)] == [
        "9.5 %",
        "50 %",
        "2 %",
        "−10 %",
        "–",
    ]
    assert [typeset_money(x, "EUR").replace("\u00a0", " ") for x in (NAN, 1e-12, 12.345, -1500)] == [
        "–", "0 EUR", "12.3 EUR", "−1,500 EUR"
    ]  # fmt: skip
    assert one_of("1 customers are new, 11 rows have none, 1 people were here") == (
        "1 customer is new, 11 rows have none, 1 person was here"
    )
    assert [remaining(done, 60.0) for done in (0.5, 0.1)] == ["about 60 s left", "about 9 min left"]


def test_chances_that_were_never_seen_to_fail_are_not_called_sure() -> None:
    assert [in_a_hundred(x) for x in (1.0, 0.0, 0.5)] == ["more than 99 of 100", "less than 1 of 100", "50 of 100"]
    assert beats_in_words({"no spend": 0.9, "all": 1.0, "even split": 0.9}) == (
        "spending nothing, “even split” in 90 of 100; “all” in more than 99 of 100"
    )


NAMES = {
    "levers.care.moves.survival.brings": "the share of customers who stay at the money stated for care",
    "levers.care.by_segment.gold.moves.survival.half": (
        "the money at which care does half of what it can for the share of customers who stay (gold)"),
    "levers.care.moves.survival.shape": "levers.care.moves.survival.shape",
    "levers.mail.of_late.keep": "the share of mail that is remembered a period later",
    "levers.mail.misses.core": "the share of core customers whose need mail misses",
    "employees.turnover.cost": "the cost of replacing an employee",
    "base.pareto_nbd.r": "the parameter r of the law of buying",
    "base.by_segment.gold.gamma_gamma.p": "the parameter p of the law of amounts (gold)",
    "base.other.r": "base.other.r",
    "segments.town.start.prospect": "the number of people to be won (town)",
    "segments.town.margin": "the margin (town)",
    "stages.core": "stages.core",
}  # fmt: skip


@pytest.mark.parametrize("path", NAMES)
def test_what_stands_at_a_path(path: str) -> None:
    assert in_words(path) == NAMES[path]


# --- What a run shows -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("survey", "known", "surveyed", "said"),
    [
        (None, None, [NAN, NAN], "never"), (1, None, [NAN, NAN], "nothing is known yet"),
        (1, 6, [61.0, 61.0], "61.0, known at the end"),
        (1, 2, [61.0, 63.0], "61.0, known in month 3; 63.0, known at the end"),
    ],
)  # fmt: skip
def test_what_the_firm_learned_of_satisfaction(
    survey: Any, known: int | None, surveyed: list[float], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {
        "satisfaction": [60.0, NAN], "surveyed": surveyed, "first_survey_known": known, "employees": [55.0, 57.0],
        "share_of_customer": [0.5, 0.625], "cost_to_serve": 1200.0, "bad_debt": 0.0,
        "worth_less_than_nothing": {"customers": [3.0, 40.0], "prospects": [0.0, 9.0]},
    }  # fmt: skip
    monkeypatch.setattr(figures, "mechanism_figures", lambda *_: found)
    scenario: Any = SimpleNamespace(period="month", satisfaction=1, employees=1, share_of_customer=1, survey=survey)
    assert figures.mechanism_lines(scenario, None, SimpleNamespace(periods=6)) == [
        "Satisfaction of true customers, 0 to 100: 60.0 at the start, nobody's at the end.", f"Surveyed: {said}.",
        "Satisfaction of employees: 55.0 at the start, 57.0 at the end.",
        "Share of customer: 50.0% in the first month, 62.5% in the last.", "Cost to serve: 1,200 over 6 months.",
        "Worth less than nothing at the start, under today's spend for ever: 3 of 40 customers.",
    ]  # fmt: skip
    found |= {"satisfaction": [NAN, NAN], "share_of_customer": [NAN, NAN], "cost_to_serve": 0.0,
              "worth_less_than_nothing": None}  # fmt: skip
    scenario.employees = None
    assert figures.mechanism_lines(scenario, None, SimpleNamespace(periods=6)) == [f"Surveyed: {said}."]


def test_who_reacts_and_what_that_is_worth() -> None:
    """Against the best that is set in advance, with its interval where there is one; nothing where all are alike."""

    def outcome(name: str, asset: float, feedback: bool) -> Outcome:
        assets = np.full(2, asset)
        return Outcome(name, assets, assets, assets, None, 0.0, NAN, NAN, feedback=feedback)

    def compared(*outcomes: Outcome, low: float = NAN) -> Any:
        return SimpleNamespace(outcomes=outcomes, difference=lambda one, two: (5.0, low, 9.0))

    reacts, fixed, better = outcome("rolling", 20.0, True), outcome("plan", 15.0, False), outcome("best", 30.0, False)
    said = "Reacting to what they see: rolling; all others are set in advance."
    assert feedback_in_words(compared(reacts, fixed, low=1.0)) == [
        said, "Value of feedback: rolling is worth +5 (95 % interval +1 to +9) against plan, the best here that is set "
        "in advance.",
    ]  # fmt: skip
    assert "interval" not in feedback_in_words(compared(reacts, fixed))[1]
    assert feedback_in_words(compared(reacts, better)) == [said]
    assert feedback_in_words(compared(reacts)) == feedback_in_words(compared(fixed)) == []


def test_what_a_search_began_from() -> None:
    starts = [{"name": "old.csv", "spend": 900.0, "asset": 1000.0, "misses": []},
              {"name": "b", "spend": 1.0, "asset": 1300.0, "misses": [f"'r{i}' by 1" for i in range(5)]},
              {"name": "c", "spend": 1.0, "asset": 1200.0, "misses": ["'r' by 1"]}]  # fmt: skip
    assert starts_summary(SimpleNamespace(asset=1200.0), starts).splitlines() == [
        "Begun from old.csv, which spends 900 for 1,000: the plan is worth +200 against it.",
        "Begun from b, which spends 1 for 1,300: the plan is worth -100 against it. It misses 'r0' by 1, 'r1' by 1, "
        "'r2' by 1, and 2 more rules.",
        "Begun from c, which spends 1 for 1,200: the plan is worth 0 against it. It misses 'r' by 1.",
    ]


@pytest.mark.parametrize(
    ("differs", "said"), [("no", ""), ("base", "other customers in its base"), ("yes", "another version of this")]
)
def test_what_a_plan_was_made_for(differs: str, said: str) -> None:
    scenario: Any = SimpleNamespace(differs=lambda _: differs)
    assert said in version_in_words(SimpleNamespace(scenario_hash="abc"), scenario)
    assert version_in_words(SimpleNamespace(scenario_hash=""), scenario) == ""


# --- Customers of a base ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (None, "by purchase cycle x amount"),
        ({"by": "column", "column": "trade", "other": "rest"}, "the firm's own, by column trade; those in no other "
         "are 'rest'"),
        ({"by": "sql", "sql": "1 = 1"}, "the firm's own, by sql 1 = 1"),
        ({"by": "value", "cutoffs": [100, 2500.5]},
         "by expected purchases of the next year, in money, with cut-offs 100, 2,500.5"),
        ({"by": "direct-indirect", "column": "brought"}, "by money a year while a customer x what it brings indirectly "
         "(brought), with cut-offs "),
        ({"by": "recency-frequency-money", "cutoffs": [3]}, "by recency, frequency and money, with cut-offs 3"),
    ],
)  # fmt: skip
def test_by_what_a_base_is_divided(by: dict[str, Any] | None, said: str) -> None:
    usual = {"column": None, "sql": None, "file": None, "other": None, "cutoffs": []}
    assert _segments(None if by is None else SimpleNamespace(**{**usual, **by})) == said


def test_what_a_plan_does_with_each_class() -> None:
    """By the levers that change most, small changes apart; nothing of segments that are no classes."""
    base = SimpleNamespace(segment_names=("gold", "own"))
    today, plan = np.array([[10.0, 0.0], [5.0, 5.0]]), np.array([[10.01, 90.0], [5.0, 5.0]])
    rows = class_rows(SimpleNamespace(base=base), ["gold", "own"], ["care", "mail"], today, plan)
    assert [row[:1] + row[2:] for row in rows] == [["gold", "mail +90", "10", "100"]]
    assert class_rows(SimpleNamespace(base=base), ["gold"], ["care"], today[:1, :1], today[:1, :1])[0][2] == "nothing"
    for other in (None, SimpleNamespace(segment_names=("own",))):
        assert class_rows(SimpleNamespace(base=other), ["own"], ["care"], today[1:, :1], plan[1:, :1]) == []


def test_what_was_read_and_how() -> None:
    """Each file with its columns and dialect, rows of tables beside the purchases, and what should be said."""
    account = Account.of({next(iter(OUTCOMES)): (3, 4500)}, 2)
    source = {"file": "a.csv", "rows": 3, "columns": {"customer_id": "who"},
              "dialect": {"format": "text", "separator": ";", "header": False, "title_lines": 2,
                          "decimal": ","}}  # fmt: skip
    base: Any = SimpleNamespace(sources=[source], tables={"people": account}, account=account, customers=1, rows=3,
                                first_date="2024-01-01", last_date="2024-02-01", notes=("a note",))  # fmt: skip
    lines = account_text(base, ["more"]).splitlines()
    assert lines[:2] == [
        "Read a.csv: 3 rows; customer_id = who.",
        "  text, separated by ';', decimals after ',', no header, 2 lines before the header",
    ]
    assert sum(line.startswith("people") for line in lines) >= 1
    assert lines[-3:] == [
        "The base has 1 customer with 3 rows of purchases from 2024-01-01 to 2024-02-01.", "- a note", "- more"
    ]  # fmt: skip
    base.tables, source["dialect"] = {}, {"format": "Parquet"}
    assert account_text(base).splitlines()[1] == "  Parquet"
    assert "people" not in account_text(base)
