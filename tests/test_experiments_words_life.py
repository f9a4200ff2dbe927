"""A customer's life in lines: what happened when, silences together, what the firm saw and what was true."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments.trace import Life, Moment
from experiments.words.story import life_in_words, told

END = Moment(9, True, "core", "gone", None, None)


def life(*moments: Moment, end: Moment = END, **facts: Any) -> Life:
    """Return a life of a customer who is known by number."""
    usual: dict[str, Any] = {
        "customer": "7", "segment": "my people", "tier": "unknown", "policy": "as today", "seed": 3, "period": "month",
        "currency": "", "leaves_unseen": True, "purchase_rate": 1.25, "defection_rate": 0.125, "mean_spend": 30.0,
        "bad_debt": 0.0, "pays": {"care": "budget", "fee": "charge", "price cut": "price", "nurse": "service"},
    }  # fmt: skip
    return Life(**{**usual, **facts}, moments=(*moments, end))


def alive(period: int, **facts: Any) -> Moment:
    return Moment(**{"period": period, "there": True, "stage": "new", "true": "alive", "satisfaction": None,
                     "ties": None, **facts})  # fmt: skip


def lines(*moments: Moment, **facts: Any) -> list[str]:
    """Return the lines of what happened, without who and what is hidden."""
    return [line.split("  ", 1)[1].strip() for line in told(life(*moments, **facts)).splitlines()[3:-2]]


def test_who_it_is_and_what_nobody_sees() -> None:
    head = told(life(alive(0))).splitlines()[:2]
    assert head == [
        "Customer 7 of my people under 'as today', seed 3.",
        "Hidden from the firm: as a customer buys 1.25 times a month for 30.00 on average; stays for 8 months on "
        "average.",
    ]
    head = told(life(alive(0), tier="gold", currency="EUR", bad_debt=0.1, defection_rate=0.0)).splitlines()[:2]
    assert head == [
        "Customer 7 of my people, gold tier under 'as today', seed 3; money in EUR.",
        "Hidden from the firm: as a customer buys 1.25 times a month for 30.00 on average; stays for ever; never pays "
        "10% of it.",
    ]


HAPPENED = {
    "nobody yet": (Moment(0, False, "", "", None, None), "not there yet"),
    "unaware": (Moment(0, True, "unaware", "unaware", None, None), "does not know the firm"),
    "becomes a prospect": (
        Moment(0, True, "unaware", "unaware", None, None, event="aware"), "does not know the firm; becomes a prospect"),
    "won": (
        Moment(0, True, "prospect", "prospect", None, None, purchases=1, revenue=20.0, event="won"),
        "a prospect; first purchase for 20.00"),
    "bought": (alive(0, purchases=2, revenue=31.5), "seen as new; bought 2 for 31.50"),
    "silent": (alive(0), "seen as new; silent"),
    "left unseen": (alive(0, event="left"), "seen as new; leaves, and nobody sees it"),
    "bought and left": (
        alive(0, purchases=1, revenue=9.0, event="left"),
        "seen as new; bought 1 for 9.00; then leaves, and nobody sees it"),
    "gone": (Moment(0, True, "core", "gone", None, None), "seen as core, truly gone"),
    "back": (
        Moment(0, True, "lapsed", "gone", None, None, purchases=1, revenue=5.0, event="returned"),
        "seen as lapsed, truly gone; comes back with a purchase for 5.00"),
    "lost": (
        Moment(0, True, "lapsed", "gone", None, None, event="lost"), "seen as lapsed, truly gone; is lost for good"),
    "how it feels, ties, categories, a club, growth": (
        alive(0, satisfaction=75.0, ties=2, grown=(1.5, 1.2), bond={"desk": 1, "managers": 0, "categories": 1,
                                                                    "club": "gold"}),
        "seen as new, satisfied (75), 2 ties (desk), buys in 1 category, gold in the club, grown to 1.5 times the rate "
        "and 1.2 times the amount; silent"),
    "no tie, no member, growth of amounts": (
        alive(0, ties=0, grown=(1.0, 2.0), bond={"categories": 3, "club": "no member"}),
        "seen as new, no ties, buys in 3 categories, no member of the club, grown to 2 times the amount; silent"),
    "one tie": (alive(0, ties=1), "seen as new, 1 tie; silent"),
    "money": (
        alive(0, spend={"care": 1.5, "mail": 0.001}, terms={"fee": 3.0, "price cut": 0.5, "nurse": 2.0}),
        "seen as new; silent; spent on it: care 1.50; let off it at usual purchases: price cut 0.50; charged it: fee "
        "3.00; served it for: nurse 2.00"),
    "misses": (
        alive(0, missed={"care": (0.25, -0.05), "mail": (0.1, 0.0)}),
        "seen as new; silent; care misses 25% of these (chance of a level up -5.0%)"),
    "of late": (
        alive(0, late={"care": (2.0, 3.0, 0.1), "mail": (1.0, 0.5, 0.0), "call": (0.0, 0.0, 0.0)}),
        "seen as new; silent; of late: care 3.00 a period (works as 2.00, added +10% to purchases), mail 0.50 a period "
        "(works as 1.00)"),
}  # fmt: skip


@pytest.mark.parametrize("what", HAPPENED)
def test_a_period_in_words(what: str) -> None:
    moment, words = HAPPENED[what]
    assert lines(moment)[0] == words


def test_who_leaves_where_it_is_seen() -> None:
    assert lines(alive(0, event="left"), leaves_unseen=False)[0] == "seen as new; leaves"


def test_silence_is_one_stretch_with_what_changed_in_it() -> None:
    """Three quiet months are one line; money of them is added up; what the firm came to see otherwise is dated."""
    quiet = [alive(1, spend={"care": 1.0}, terms={"fee": 2.0}),
             alive(2, stage="declining", spend={"care": 2.0}, ties=1),
             alive(3, stage="declining", terms={"fee": 2.0})]  # fmt: skip
    text = told(life(alive(0, purchases=1, revenue=30.0), *quiet)).splitlines()
    assert text[3:7] == [
        "month 1        seen as new; bought 1 for 30.00",
        "months 2 to 4  seen as new; seen as declining, 1 tie from month 3 on; silent; spent on it: care 3.00; charged "
        "it: fee 4.00",
        "the end        seen as core, truly gone",
        "",
    ]
    assert text[-1] == "In all: 1 purchase for 30.00 in 4 months, 4.00 charged, and 3.00 spent on it."
    lost = replace(END, stage="lapsed", true="lost")
    assert told(life(alive(0, purchases=2, revenue=1.0), end=lost)).splitlines()[-3:] == [
        "the end  seen as lapsed, truly lost for good", "",
        "In all: 2 purchases for 1.00 in 1 month, and 0.00 spent on it.",
    ]  # fmt: skip


def test_what_to_look_at_next() -> None:
    """The same luck under another policy: none of the spend, or today's where there was none."""
    text = life_in_words(life(alive(0)), Path("my shop.yaml"))
    assert text.endswith(
        "Next: tenure trace 'my shop.yaml' --customer 7 --segment 'my people' --policy no-spend   # the same luck "
        "under another policy"
    )
    assert "--policy as-today " in life_in_words(life(alive(0), policy="no spend"), Path("s.yaml"))


def test_a_life_as_plain_data() -> None:
    """What a moment lacks is not there; before it appears nothing is seen or true."""
    found = life(Moment(0, False, "new", "alive", None, None), alive(1, terms={"fee": 2.0}, bond={"club": "gold"},
                 late={"care": (1.0, 1.0, 0.0)}, missed={"care": (0.1, 0.1)})).to_dict()  # fmt: skip
    assert (found["rows"][0]["stage"], found["rows"][0]["true"], "terms" in found["rows"][0]) == (None, None, False)
    assert {"terms", "late", "missed", "bond"} <= set(found["rows"][1])
    assert found["end"] == {"stage": "core", "true": "gone", "satisfaction": None, "ties": None}
