"""Why a plan is as it is, in sentences: each reason, each rule and each line that gets nothing, word for word."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from experiments.explain import Explanation, LineExplanation
from experiments.words.explain import answer_in_words, explanation_in_words, line_in_words, lines_with_money
from optimizer.ask.kinds.campaigns import SIZE
from optimizer.ask.rows import BUDGET, Kind, Row
from optimizer.insight.lines import Line, Pair, RuleFigure, Unspent
from optimizer.insight.moves import Range, Simplest
from optimizer.prices import PriceRange

NAN = float("nan")
CAP = Row("cap of care", Kind("levers"), "<=", 500.0)
FLOOR = Row("floor of care", Kind("levers"), ">=", 200.0)
PEOPLE = Row("least core", Kind("people", "people", "customers"), ">=", 40.0, when="at the end")
SEND = Row("campaigns of mail in homes", SIZE, ">=", 50.0, when="in period", number=2)
CARE = Line("homes", "care", 600.0, 300.0, 320.0, 2.0, 900.0, 1.5, 0.4, NAN, "", 0.3, NAN, 0.0, 25.0)
MAIL = Line("shops", "mail", 200.0, 150.0, 160.0, 1.0, 100.0, 0.5, 0.2, NAN, "", 0.1, NAN, 0.0, 20.0)
IDLE = Line("shops", "care", 0.0, 0.0, 50.0, NAN, 0.0, NAN, NAN, 0.12, "new in month 2", NAN, 0.3, 0.0, 20.0)


def ground(**changes: Any) -> Any:
    """Return as much of the ground that a plan is explained on as words need: 800 spent, 100 above the least."""
    rows = changes.pop("rows", (Row("budget", BUDGET, "<=", 1000.0), CAP, FLOOR, PEOPLE, SEND))
    campaigns = changes.pop("campaigns", {})
    scenario = SimpleNamespace(name="town", currency="EUR", period="month", rules=SimpleNamespace(campaigns=campaigns))
    problem = SimpleNamespace(
        rows=rows, row_units=np.ones(len(rows)), members=lambda row: 50.0 if rows[row].kind.counts == "people" else 1.0,
        in_words=lambda row, by: f"{by:,.1f} {rows[row].kind.unit}".rstrip(),
        targets=SimpleNamespace(levers=("care", "mail"), paid=np.array([True, False])),
    )  # fmt: skip
    course = SimpleNamespace(asset=5000.0, spend=np.array(800.0), moved=np.array(800.0))
    facts = {
        "scenario": scenario, "problem": problem, "course": course, "no_spend": 4900.0, "missed": {}, "better": 0.0,
        "fixed_costs": 0.0, "campaigns_held": False, "prices_from": "plan",
        "plan": SimpleNamespace(price_ranges={}), "places": {("homes", "care"): ..., ("shops", "mail"): ...},
    }  # fmt: skip
    return SimpleNamespace(**{**facts, **changes})


def explained(**changes: Any) -> Explanation:
    given = {key: changes.pop(key) for key in list(changes) if key not in Explanation.__dataclass_fields__}
    facts = {"ground": ground(**given), "lines": [CARE, MAIL, IDLE], "ranges": {}, "rules": [], "unspent": None,
             "pairs": [], "simplest": None}  # fmt: skip
    return Explanation(**{**facts, **changes})


def said(found: Explanation, simplest: Path | None = None) -> str:
    return explanation_in_words(found, Path("my plan.json"), Path("town.yaml"), simplest)


# --- The answer -------------------------------------------------------------------------------------------------------


def test_a_plan_that_spends_nothing() -> None:
    """Where the first unit would bring most, if there is room anywhere, and what to do next."""
    nothing = explained(lines=[IDLE])
    assert answer_in_words(nothing) == (
        "town: the plan spends nothing, so no line (segment / lever) is there to explain. Its customer asset is 5,000 "
        "EUR. The first unit would bring most on shops / care: 0.120 beyond its own cost (new in month 2)."
    )
    assert answer_in_words(explained(lines=[replace(IDLE, best_place="")])).endswith("Its customer asset is 5,000 EUR.")
    assert said(nothing).endswith("Next: tenure optimize town.yaml -o plan.json")
    assert "No rule binds: no limit costs anything here." in said(nothing)


ANSWERS = {
    "two lines": (
        {},
        "town: the plan spends 800 EUR and makes a customer asset of 5,000, +100 above the least the rules allow. Of 2 "
        "lines (segment / lever) with money the largest are homes / care 75%, shops / mail 25%.",
    ),
    "one line": ({"lines": [CARE, IDLE]}, "All goes to one line (segment / lever), homes / care."),
    "terms": (
        {"course": SimpleNamespace(asset=5000.0, spend=np.array(600.0), moved=np.array(800.0))},
        "shops / mail 25%, of 800 with 200 of terms, which no budget pays for.",
    ),
    "a rule on people is missed": (
        {"missed": {"least core at the end": 3.0}}, "\nThe plan misses 'least core at the end' by 3.0 customers."
    ),
    "a rule on much money is missed": (
        {"missed": {"cap of care": 12345.0}}, "\nThe plan misses 'cap of care' by 12,345."
    ),
    "campaigns with fixed costs": (
        {"campaigns": {"mail": 1}, "fixed_costs": 40.0, "campaigns_held": True},
        "\nPrices and idle lines are for the campaigns that the plan runs: no other may start.",
    ),
    "campaigns that break their sizes": (
        {"campaigns": {"mail": 1}}, "allow. Of 2 lines (segment / lever) with money the largest are homes / care 75%, "
        "shops / mail 25%.\nLeast sizes of campaigns are in no figure below.",
    ),
    "prices of a search": (
        {"prices_from": "search", "better": 30.0},
        "\nThe file knows no prices for this plan and this scenario: they are those of the optimum that a search from "
        "the plan finds, which is worth 30 more.",
    ),
    "prices of a search that keeps the rules": (
        {"prices_from": "search", "better": -30.0, "missed": {"cap of care": 5.0}},
        "which is worth 30 less, as it meets what the plan misses.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ANSWERS)
def test_the_answer(what: str) -> None:
    changes, words = ANSWERS[what]
    found = answer_in_words(explained(**changes))
    assert words in found
    assert ("Fixed costs of its campaigns" in found) == ("fixed_costs" in changes)


def test_the_share_that_few_lines_keep() -> None:
    simple = Simplest(NAN, 0.97, [("homes", "care")], [("shops", "mail")], [0.97], {}, [], 1)
    assert "1 of them would keep 97.0% of that lift." in answer_in_words(explained(simplest=simple))
    assert "of that lift" not in answer_in_words(explained(simplest=replace(simple, dropped=[])))


PAIRS = {
    "more people, more each, a next unit that brings less": (
        Pair(CARE, MAIL, 3.0, 2.0, 1.5, 0.1, {"cap of care": 0.05}),
        "homes / care (600) gets 3.0 times as much as shops / mail (200) because it reaches 2.0 times as many "
        "customers, each of them gets 1.5 times as much and its people are worth 25 each before marketing against 20, "
        "although at equal money (200) its next unit would bring 0.1 against 0.2 and 'cap of care' asks 0.05 a unit "
        "more of it.",
    ),
    "about alike": (
        Pair(CARE, replace(MAIL, segment="homes", spend=590.0), 1.02, 1.0, 1.0, 0.3, {"floor of care": -0.05}),
        "homes / care (600) gets about as much as homes / mail (590): at equal money (590) its next unit would bring "
        "0.3 against 0.2 and 'floor of care' asks 0.05 a unit less of it.",
    ),
    "no reason on either side": (
        Pair(CARE, replace(MAIL, segment="homes", at_largest=0.0), 1.02, 1.0, 1.0, 0.2, {}),
        "homes / care (600) gets about as much as homes / mail (200).",
    ),
    "only against it, and the largest intensity": (
        Pair(replace(CARE, at_largest=0.5), replace(MAIL, segment="homes", marginal=-0.1), 250.0, 0.5, 0.8, -0.2, {}),
        "homes / care (600) gets 250 times as much as homes / mail (200), although it reaches 0.5 times as many "
        "customers, each of them gets 0.8 times as much, at equal money (200) its next unit would bring -0.2 against "
        "-0.1 and 50% of homes / care meets the largest intensity on offer.",
    ),
    "the other meets the largest intensity, and brings nothing more": (
        Pair(CARE, replace(MAIL, segment="homes", marginal=-0.1, at_largest=0.9), 3.0, 1.0, 1.0, 0.2, {}),
        "homes / care (600) gets 3.0 times as much as homes / mail (200) because at equal money (200) its next unit "
        "would bring 0.2 against -0.1 and 90% of homes / mail meets the largest intensity on offer.",
    ),
}


@pytest.mark.parametrize("what", PAIRS)
def test_why_one_line_gets_more(what: str) -> None:
    """What speaks for it, then what against it."""
    pair, words = PAIRS[what]
    assert answer_in_words(explained(pairs=[pair])).endswith(f"\n\nWhy\n- {words}")


# --- One line ---------------------------------------------------------------------------------------------------------


CAMPAIGN = SimpleNamespace(least=50.0, fixed_cost=10.0)
LINES = {
    "money of the budget": (
        CARE, {}, {"rules_ask": {"budget": 0.25, "cap of care": 0.05}},
        "homes / care gets 600 of the plan's 800 (75%): 300 customers a month get 2 each. It brings 900 beyond its own "
        "cost, 1.50 a unit.\nOne more unit, spread as its money is, would bring 0.400 beyond its own cost; the rules "
        "ask 0.300 of it, of which 'budget' 0.250 and 'cap of care' 0.050.",
    ),
    "terms, a range, the largest intensity": (
        replace(MAIL, at_largest=0.25), {},
        {"reach": Range(150.0, 260.0, 0.75, 1.3, "lift", "lift", (), ())},
        "shops / mail gets 200 of terms, which no budget pays for: 150 customers a month get 1 each. It brings 100 "
        "beyond its own cost, 0.50 a unit.\nOne more unit, spread as its money is, would bring 0.200 beyond its own "
        "cost; the rules ask 0.100 of it.\nIts money could be 150 to 260 at a cost of 1 % of the plan's lift, what is "
        "freed or needed valued at the budget's price.\n25% of its money meets the largest intensity on offer.",
    ),
    "nobody": (
        replace(IDLE, reachable=0.0), {}, {},
        "shops / care gets nothing: nobody is expected where it can be used, in any month.",
    ),
    "no room": (
        replace(IDLE, best_place=""), {}, {},
        "shops / care gets nothing: there is no room for a unit: what is decided before the start, or a limit of 0, "
        "holds it.",
    ),
    "no campaign runs": (
        replace(IDLE, best_place=""), {"campaigns": {"care": CAMPAIGN}, "campaigns_held": True}, {},
        "shops / care gets nothing: none of its campaigns runs, each of which takes at least 50.",
    ),
    "it lacks something": (
        IDLE, {}, {"rules_ask": {"budget": 0.25, "cap of care": 0.05}},
        "shops / care gets nothing. Its next unit would bring most in new in month 2: 0.120 beyond its own cost. The "
        "budget's price is 0.250: so much a unit brings where the plan puts it. All rules together ask 0.300 there, of "
        "which 'budget' 0.250 and 'cap of care' 0.050. It lacks 0.180 a unit.",
    ),
    "it would pay": (
        replace(IDLE, best_marginal=0.3, best_asked=0.25), {}, {"rules_ask": {"budget": 0.25}},
        "shops / care gets nothing. Its next unit would bring most in new in month 2: 0.300 beyond its own cost. The "
        "budget's price is 0.250: so much a unit brings where the plan puts it. That would pay: the search left so "
        "little here, or only for a few heads.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", LINES)
def test_why_a_line_gets_what_it_gets(what: str) -> None:
    line, here, facts, words = LINES[what]
    found = {"reach": None, "price": 0.25, "rules_ask": {}, **facts}
    assert line_in_words(LineExplanation(ground(**here), line, **found)) == words


# --- The table --------------------------------------------------------------------------------------------------------


def test_lines_and_how_far_they_can_move() -> None:
    """The largest first; ends that would miss a rule are marked, and the rule is named once."""
    reach = Range(
        100.0, 1200.0, 0.5, 2.0, "lift", "lift", ("campaigns of mail in homes in period 2",), ("cap of care",)
    )
    found = explained(
        lines=[MAIL, replace(CARE, at_largest=0.1), IDLE], ranges={"homes / care": reach, "shops / mail": None}
    )
    header, rows = lines_with_money(found)
    assert (header[0], len(header)) == ("line", len(rows[0]))
    assert rows == [
        ["homes / care", "600", "300", "2", "900", "1.50", "0.400+", "0.300", "100*", "1,200*"],
        ["shops / mail", "200", "150", "1", "100", "0.50", "0.200", "0.100", "", ""],
    ]
    text = said(found)
    assert "+ part of the money meets the largest intensity on offer, where no more can go: homes / care 10%." in text
    assert "* there 'campaigns of mail in homes' would be missed (homes / care)\n* there 'cap of care' would be" in text
    free = said(explained(ranges={"homes / care": replace(reach, low_rules=(), high_rules=())}))
    assert ("would be missed" in free, "+ part of the money" in free) == (False, False)


def test_more_lines_than_are_shown_are_summed() -> None:
    many = [replace(CARE, segment=f"town {i}", spend=100.0 - i) for i in range(17)]
    assert "and 2 more with 169 in all (--json has them)" in said(explained(lines=many))


def test_why_lines_get_nothing() -> None:
    """Below what the rules ask, or about that; because of the size of campaigns; what was committed is in no line."""
    more = replace(IDLE, lever="mail", best_marginal=0.31)
    assert (
        "1 other line gets nothing: even the best first unit there brings less than the rules ask of it (nearest: "
        "shops / care, 0.120 against 0.300, new in month 2)."
    ) in said(explained())
    assert (
        "2 other lines get nothing: even the best first unit there brings about what the rules ask of it (nearest: "
        "shops / mail, 0.310 against 0.300, new in month 2)."
    ) in said(explained(lines=[CARE, IDLE, more]))
    assert "get nothing" not in said(explained(lines=[CARE, replace(IDLE, best_place="")]))
    idle = [
        replace(each, best_place="") for each in (IDLE, replace(IDLE, segment="homes"), replace(IDLE, lever="mail"))
    ]
    rules = {"care": CAMPAIGN, "mail": SimpleNamespace(least=0.0, fixed_cost=10.0)}
    text = said(explained(lines=[CARE, *idle], campaigns=rules, campaigns_held=True))
    assert (
        "shops / care and homes / care get nothing because of the rule on campaigns: each of care, in a segment and "
        "period, takes at least 50 and costs 10 beside its money."
    ) in text
    assert (
        "shops / mail gets nothing because of the rule on campaigns: each of mail, in a segment and period, costs 10 "
        "beside its money."
    ) in text
    committed = SimpleNamespace(asset=5000.0, spend=np.array(850.0), moved=np.array(850.0))
    assert "50 was committed before the start and is in no line." in said(explained(course=committed))


# --- Rules ------------------------------------------------------------------------------------------------------------


KNOWN = PriceRange(0.5, 0.7, 60.0, 0.1, step=100.0, gain=45.0)
RULES = {
    "a limit": (RuleFigure("cap of care", "<=", "money", 500.0, 500.0, 0.5), None,
                "cap of care: at most 500; 1,000 more would bring 500 beyond its own cost"),
    "a limit whose price is known to both sides": (
        RuleFigure("cap of care", "<=", "money", 500.0, 500.0, 0.5), KNOWN,
        "cap of care: at most 500; 100 more would bring 45 beyond its own cost (0.50 a unit for the next 60, 0.70 "
        "where it is tightened)"),
    "a price that is known and holds": (
        RuleFigure("cap of care", "<=", "money", 500.0, 500.0, 0.5), PriceRange(0.5, 0.5, 600.0, step=100.0, gain=50.0),
        "cap of care: at most 500; 100 more would bring 50 beyond its own cost"),
    "another limit moves along": (
        RuleFigure("cap of care", "<=", "money", 500.0, 500.0, 0.3), KNOWN,
        "cap of care: at most 500; 1,000 more would bring 300 beyond its own cost"),
    "a floor": (RuleFigure("floor of care", ">=", "money", 200.0, 200.0, -0.1), None,
                "floor of care: at least 200; 1,000 less asked for would bring 100"),
    "customers": (RuleFigure("least core at the end", ">=", "people", 40.0, 40.0, -0.25), None,
                  "least core at the end: at least 40 customers; 1 less asked for would bring 12.5"),
    "customers, known": (
        RuleFigure("least core at the end", ">=", "people", 40.0, 40.0, -0.25),
        PriceRange(-0.25, NAN, 0.5, step=1.0, gain=2.0),
        "least core at the end: at least 40 customers; 1 less asked for would bring 2 (-0.25 a unit for the next 0.5, "
        "and no plan keeps the rules where it is tighter)"),
    "contacts of a customer": (
        RuleFigure("contacts", "<=", "a head", 2.5, 2.5, 3.0), PriceRange(3.0, 3.0),
        "contacts: at most 2.5 contacts per customer and month; 1 more would bring 3 beyond its own cost"),
    "money of a customer": (
        RuleFigure("most of care", "<=", "a head", 6.0, 6.0, 3.0), PriceRange(3.0, 3.0, 9.0, step=2.0, gain=5.0),
        "most of care: at most 6 per customer and month; 2 more would bring 5 beyond its own cost"),
}  # fmt: skip


@pytest.mark.parametrize("what", RULES)
def test_what_a_rule_costs(what: str) -> None:
    rule, known, words = RULES[what]
    plan = SimpleNamespace(price_ranges={} if known is None else {rule.name: known})
    assert f"Rules that bind\n- {words}\n\n" in said(explained(rules=[rule], plan=plan))


def test_prices_of_a_search_have_no_range() -> None:
    rule, plan = RULES["a limit"][0], SimpleNamespace(price_ranges={"cap of care": KNOWN})
    assert f"- {RULES['a limit'][2]}\n" in said(explained(rules=[rule], plan=plan, prices_from="search"))


UNSPENT = {
    "for rules": (
        Unspent(200.0, ("cap of care", "floor of care"), 0.4, False),
        "200 of the budget is not spent: it would pay, the best next unit 0.400 beyond its cost, but for 'cap of care' "
        "and 'floor of care'."),
    "for rules, no room": (
        Unspent(200.0, ("cap of care",), NAN, False),
        "200 of the budget is not spent: it would pay, but for 'cap of care'."),
    "for nothing": (
        Unspent(200.0, (), 0.4, False),
        "200 of the budget is not spent: it would pay, the best next unit 0.400 beyond its cost, and no rule is in the "
        "way."),
    "it does not pay": (
        Unspent(200.0, (), -0.1, False),
        "200 of the budget is not spent: no rule is in the way, and another unit would bring no more than its own "
        "cost."),
    "all that is on offer": (
        Unspent(200.0, (), -0.1, True),
        "200 of the budget is not spent: no rule is in the way, and another unit would bring no more than its own "
        "cost, or the largest intensity on offer is played already."),
}  # fmt: skip


@pytest.mark.parametrize("what", UNSPENT)
def test_why_money_is_left(what: str) -> None:
    left, words = UNSPENT[what]
    assert words in said(explained(unspent=left)).splitlines()


# --- The simplest plan ------------------------------------------------------------------------------------------------


def test_the_simplest_plan() -> None:
    """What it keeps and drops, what no further line could go, and what rules ask for."""
    places = {("homes", "care"): np.array([True, False]), ("shops", "mail"): np.array([False, True])}
    plan = SimpleNamespace(moved=np.array([[400.0, 100.0], [150.0, 50.0]]))
    needed = {("homes", "care"): 0.6, ("shops", "mail"): NAN}
    simple = Simplest(plan, 0.97, [("homes", "care")], [("shops", "mail")], [0.97], needed, [("homes", "care")], 1)
    text = said(explained(simplest=simple, places=places))
    assert (
        "The simplest plan: 1 of 2 lines, optimised anew, keep 97.0% of the lift\n- keeps homes / care 550\n- drops "
        "shops / mail\n- no further line can go: the next, homes / care, would leave about 60.0%\n- stays because "
        "rules ask for it: shops / mail\n\n"
    ) in text
    assert text.endswith(
        "Next: tenure explain 'my plan.json' --scenario town.yaml --simplest simplest.json, or tenure compare "
        "town.yaml --policy as-today --policy 'my plan.json'"
    )
    written = said(explained(simplest=simple, places=places), Path("few lines.json"))
    assert written.endswith(
        "The simplest plan is in few lines.json. Next: tenure compare town.yaml --policy as-today --policy 'my "
        "plan.json' --policy 'few lines.json'"
    )
    alone = replace(simple, kept=[], dropped=[], needed={("homes", "care"): 0.6}, estimated=[])
    text = said(explained(simplest=alone, places=places))
    assert "- keeps nothing\n- no further line can go: the next, homes / care, would leave 60.0%\n\n" in text
    assert "The plan brings nothing above the least the rules allow: no range and no simpler plan" in said(explained())
