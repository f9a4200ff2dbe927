"""Ties of several kinds and categories in words, and in a customer's life."""

from markets import small

from experiments.trace import trace_life
from experiments.words.bonds import categories_in_words, links_in_words, start_in_words
from experiments.words.story import told
from policies.fixed import AsToday
from sim.scenario.bonds import Categories, Links
from sim.scenario.file import parse
from sim.scenario.people import Established
from sim.twin import build


def test_links_of_kinds_say_whose_they_are_and_what_is_assumed() -> None:
    kinds = {
        "experts": {"share": 0.2, "turnover": 0.05, "defection_per_link": 0.3},
        "desk": {"share": 0.7, "gain": 0.1},
    }
    (said,) = links_in_words(Links(kinds=kinds, kept=0.25), "month")
    assert "To experts: 20 % of customers in the data; each month 0 % (assumed) of those without gain one" in said
    assert "5 % of these people leave, and 100 % (assumed) of who has no other tie go with them" in said
    assert "the defection rate is 30 % lower with it" in said
    assert "To people at the desk: 70 %" in said
    assert "the same with it: no effect is stated" in said
    assert "the firm keeps the ties of 25 %" in said
    assert links_in_words(None, "month") == categories_in_words(None, "month") == []


def test_categories_say_their_order_and_what_more_of_them_bring() -> None:
    names = ("account", "card", "loan")
    given = Categories(names=names, mix=(0.5, 0.3, 0.2), gain=0.02, purchase_rate=(2, 3, 4), defection_per_category=0.1)
    (said,) = categories_in_words(given, "quarter")
    assert "in the order account, card, loan: 50, 30, 20 % of customers buy in 1 to 3 in the data" in said
    assert "of each that was added 0 % (assumed) is dropped" in said
    assert "purchases 1.5, 2 times; the defection rate 10 % lower for each" in said
    (said,) = categories_in_words(Categories(names=names, mix=(1, 0, 0)), "month")
    assert "changes nothing else: no effect is stated" in said


def test_who_is_there_already_is_said_with_its_ties_and_categories() -> None:
    assert start_in_words(Established(count=5)) == []
    each = Established(count=5, ties={"desk": 0.9, "experts": 0.1}, categories=(0.4, 0.6))
    assert start_in_words(each) == ["tied to desk 90 %, experts 10 %", "buying in one, two, ... categories 40, 60 %"]
    assert start_in_words(Established(count=5, ties=(1, 0, 0, 0))) == ["tied 100, 0, 0, 0 %"]


def test_a_life_tells_who_a_customer_is_tied_to_and_what_it_buys_in() -> None:
    """Everybody ties itself to an expert and adds a category in the first month."""
    content = small(
        links={"kinds": {"desk": {"share": 1.0}, "experts": {"share": 0.0, "gain": 1.0}}},
        categories={"names": ["a", "b"], "mix": [0.5, 0.5], "gain": 1.0},
    )
    start = {"count": 1, "age": 0, "categories": [1, 0]}
    content["segments"]["all"]["start"] = {"new": start}
    life = trace_life(build(parse(content)), AsToday(), 0.0)
    assert [moment.bond for moment in life.moments[:2]] == [
        {"desk": 1, "experts": 0, "categories": 1}, {"desk": 1, "experts": 1, "categories": 2},
    ]  # fmt: skip
    assert [moment.ties for moment in life.moments[:2]] == [1, 2]
    assert life.moments[1].to_dict()["bond"] == {"desk": 1, "experts": 1, "categories": 2}
    assert "seen as new, 1 tie (desk), buys in 1 category" in told(life)
    assert "2 ties (desk, experts), buys in 2 categories" in told(life)
