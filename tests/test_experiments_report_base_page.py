"""The page of a customer base, part by part: what is not known is left out, and said where it matters."""

import re
from html import unescape
from types import SimpleNamespace
from typing import Any

import numpy as np

from experiments.report import base_page as parts
from sim.customers.seldom import CAUSES

NAN = float("nan")


def read(html: str) -> list[str]:
    """Return what people read, a line for each element."""
    return [
        line.replace("\u00a0", " ") for line in unescape(re.sub(r"<[^>]+>", "\n", html)).split("\n") if line.strip()
    ]


def test_how_many_were_new_is_said_where_it_is_known() -> None:
    base = SimpleNamespace(customers=1, rows=1200)
    found: Any = SimpleNamespace(base=base, new=None, alive=0.8, next_year=50.0)
    assert parts._answer(found) == (
        "1 customer made 1,200 purchases; 1 of them are probably still here and are expected to buy for 50 in the next "
        "year."
    )
    found.new = SimpleNamespace(days=90, customers=1500)
    assert parts._answer(found).endswith(" In the last 90 days 1,500 were new.")


def test_who_they_are_by_the_firms_own_columns() -> None:
    """A column's name and how many are known stand once; numbers as money, shares in per cent; no columns: nothing."""
    trade = SimpleNamespace(name="trade", known=900, number=False, rows=(("bakery", 0.5, 0.25), ("school", 0.5, 0.75)))
    staff = SimpleNamespace(name="staff", known=800, number=True, rows=(("half below", 12.0, 40.0),))
    text = read(parts._profile(SimpleNamespace(profile=(trade, staff))))
    at = text.index("trade")
    assert text[at : at + 14] == [
        "trade", "bakery", "50 %", "25 %", "900", "school", "50 %", "75 %", "staff", "half below", "12", "40", "800",
        text[at + 13],
    ]  # fmt: skip
    assert parts._profile(SimpleNamespace(profile=())) == ""


def worth(name: str, **facts: Any) -> Any:
    usual = {
        "again": 0.5, "verification": 300.0, "posterior": 250.0, "trend": 0.05, "volatility": 0.4, "brings": NAN,
        "yearly": 100.0, "retention": 0.8, "for_ever": (500.0, 400.0, 450.0), "now": NAN, "potential": NAN,
    }  # fmt: skip
    return SimpleNamespace(name=name, **{**usual, **facts})


def test_worth_with_what_is_known_of_it() -> None:
    """What one brings by purchases or a survey; potential where a share of customer is known of somebody."""
    plain = read(parts._worth(SimpleNamespace(worth=(worth("gold", trend=NAN, volatility=NAN),), brought_by=None)))
    assert "Potential, if all here" not in plain
    assert plain[-1].endswith("a column share_of_customer of customers or a survey says it.")
    both = (worth("gold", brings=0.25, now=0.5, potential=800.0), worth("new"))
    told = read(parts._worth(SimpleNamespace(worth=both, brought_by="brought_by")))
    assert "Brings, a year" in told
    assert any(
        "Brings, a year: by brought_by, other customers whom one brings in a year while known." in x for x in told
    )
    assert ("0.25" in told, "Potential, if all here" in told, "800" in told) == (True, True, True)
    survey = read(parts._worth(SimpleNamespace(worth=both, brought_by="surveys.recommends")))
    assert any(each.endswith(" recommends: by surveys.recommends.") for each in survey)


def moves(**changes: Any) -> Any:
    facts = {"names": ("gold", "new", "none"), "actual": np.array([[6, 2], [1, 1], [0, 3]]),
             "expected": np.array([[5.0, 3.0], [1.0, 0.2]]), "ahead": np.array([[5.0, 2.0], [1.0, 5.0]])}  # fmt: skip
    return SimpleNamespace(moves=SimpleNamespace(**{**facts, **changes}))


def test_how_customers_moved() -> None:
    """Beside what was expected, without it, only ahead, or not at all; what is nothing is an empty cell."""
    text = read(parts._moves(moves()))
    said = "Of the 10 who were customers a year ago 70 % are in the same segment"
    assert f"{said}; 52 % were expected to be, and 82 % are where as many were expected." in text
    assert ("6 (5)" in text, "2 (3)" in text, "in brackets" in " ".join(text)) == (True, True, True)
    text = read(parts._moves(moves(expected=None)))
    assert f"{said}." in text
    assert "in brackets" not in " ".join(text)
    text = read(parts._moves(moves(actual=None, expected=None)))
    assert ("Where customers will be in a year" in text, "A year ago" in text) == (True, False)
    text = read(parts._moves(moves(actual=None, ahead=None)))
    assert ("As it was expected a year ago" in text, "Where customers will be in a year" in text) == (True, False)
    assert parts._moves(moves(actual=None, expected=None, ahead=None)) == ""


def test_why_they_come_seldom() -> None:
    """Several causes count in each; what nobody knows is said with the column that would say it."""
    one, two = list(CAUSES)[:2]
    seldom = SimpleNamespace(
        who=np.arange(3), cause=(one, f"{one}, {two}", two), counts=lambda: {one: 2, two: 2},
        share=np.array([0.3, NAN, NAN]), categories=np.full(3, NAN), usual=np.full(3, NAN),
        interval=np.array([9.0, 11.0, 13.0]), chance=np.array([0.5, NAN, 0.05]),
    )  # fmt: skip
    text = read(parts._seldom(SimpleNamespace(seldom=seldom)))
    assert text[1] == (
        f"Of 3 customers who pay much and come seldom: {one} 2, {two} 2 (1 have more than one likely cause and count "
        "in each)."
    )
    assert any("is not known of 2: a column share_of_customer" in each for each in text)
    assert any(each.startswith("what they buy is not known") for each in text)
    assert any(each.startswith("1 have fewer than four purchases") for each in text)
    at = text.index(one)
    assert text[at : at + 6] == [one, "30 %", "not known", "not known", "10.0", "0.50"]
    known = SimpleNamespace(**{**vars(seldom), "share": np.full(3, 0.3), "categories": np.ones(3), "usual": np.ones(3),
                               "chance": np.full(3, 0.05), "cause": (one, one, two)})  # fmt: skip
    text = " ".join(read(parts._seldom(SimpleNamespace(seldom=known))))
    assert ("not known" in text, "more than one likely cause" in text) == (False, False)
    assert parts._seldom(SimpleNamespace(seldom=None)) == ""


def test_who_comes_back() -> None:
    """As many quarters as the oldest cohort has; nothing where none has come back yet."""
    cohorts = (SimpleNamespace(name="2024-Q1", customers=10, back=(0.5, 0.4)),
               SimpleNamespace(name="2024-Q2", customers=30, back=(0.3,)),
               SimpleNamespace(name="2024-Q3", customers=5, back=()))  # fmt: skip
    text = read(parts._cohorts(SimpleNamespace(cohorts=cohorts)))
    at = text.index("2024-Q1")
    assert text[at : at + 10] == [
        "2024-Q1",
        "10",
        "50 %",
        "40 %",
        "2024-Q2",
        "30",
        "30 %",
        "2024-Q3",
        "5",
        text[at + 9],
    ]
    assert parts._cohorts(SimpleNamespace(cohorts=cohorts[2:])) == parts._cohorts(SimpleNamespace(cohorts=())) == ""
