"""What a scenario may not say: one line with the key and what was expected, whatever else is right."""

import copy
from typing import Any

import pytest
from markets import MIX, SMALL_MARKET, Content

from sim.errors import ScenarioError
from sim.scenario.file import parse

TWO = {
    "name": "two states",
    "periods": 3,
    "chain": {
        "states": ["here", "away"],
        "actions": [{"spend": 0, "moves": [[0.5, 0.5], [0, 1]], "reward": [1, 0]}],
    },
    "segments": {"all": {"start": {"here": 10}}},
}
ANSWER = {"without_money": 0.1, "unlimited_money": 0.5, "spend": 1, "brings": 0.3}
TRAINING = {"targets": ["core"], "reference": 0, "moves": {"employee": {**ANSWER, "unlimited_money": 20, "brings": 5}}}
SHOCK = {"name": "strike", "start": 1}
THERE = {"count": 60, "age": 9}
CATEGORIES = {"names": ["tea", "coffee"], "mix": [0.6, 0.4]}
LAWS = {"pareto_nbd": {"r": 1, "alpha": 1, "s": 1, "beta": 1}, "gamma_gamma": {"p": 1, "q": 2, "gamma": 1}}
BASE = {"file": "b.duckdb", "as_of": "2024-01-01", **LAWS, "cycle_cutoffs": [1, 2], "amount_cutoffs": [1, 2]}
SLICE = {"levers": ["retention"], "cap": 100, "start": 3, "end": 3}


def lever(name: str, effect: str, **answer: float) -> dict[str, Any]:
    """Return a change: other numbers in the answer on what a lever moves."""
    moves = copy.deepcopy(SMALL_MARKET["levers"][name]["moves"])
    moves[effect] |= answer
    return {f"levers.{name}.moves": moves}


REFUSED: dict[str, tuple[Content, dict[str, Any], str]] = {
    "a horizon beyond the calendar": (
        SMALL_MARKET,
        {"first_day": "9998-06-01", "periods": 60},
        "the horizon ends after",
    ),
    "seasons of nothing": (SMALL_MARKET, {"seasons": [0, 0, 0]}, "seasons: expected at least one number above 0"),
    "actions without a chain": (
        SMALL_MARKET,
        {"segments.fresh.actions": TWO["chain"]["actions"]},
        "fresh.actions: only for a scenario with a chain",
    ),
    "renewal at another rate": (
        SMALL_MARKET,
        {"law": "renewal", "levers.development.moves": {"amount": ANSWER}},
        "every survivor pays once a period; expected 1",
    ),
    "satisfaction of those who are there": (
        SMALL_MARKET,
        {"segments.regulars.start.core": {**THERE, "satisfaction": [0, 0, 0.5, 0.5, 0]}},
        "start.core.satisfaction: needs `satisfaction:`",
    ),
    "categories that are not there": (
        SMALL_MARKET,
        {"segments.regulars.start.core": {**THERE, "categories": [0.5, 0.5]}},
        "start.core.categories: needs `categories:`",
    ),
    "a share too many of categories": (
        SMALL_MARKET,
        {"categories": CATEGORIES, "segments.regulars.start.core": {**THERE, "categories": [0.5, 0.3, 0.2]}},
        "start.core.categories: expected 2 shares, got 3",
    ),
    "a category twice": (
        SMALL_MARKET,
        {"categories": {**CATEGORIES, "names": ["tea", "tea"]}},
        "names: each name once",
    ),
    "a category that nobody buys": (
        SMALL_MARKET,
        {"categories": {**CATEGORIES, "amount": [1, 0]}},
        "amount: expected numbers above 0, got 0",
    ),
    "a chance above one": (
        SMALL_MARKET,
        lever("acquisition", "acquisition", unlimited_money=1.5),
        "is a chance per period",
    ),
    "a gain of less than all": (
        SMALL_MARKET,
        lever("development", "purchase_rate", without_money=-1),
        "is a relative gain: without_money must be",
    ),
    "a gain without end": (
        SMALL_MARKET,
        lever("development", "amount", unlimited_money=1e9),
        "is a relative gain, and 1e+09",
    ),
    "survival for ever": (
        SMALL_MARKET,
        lever("retention", "survival", unlimited_money=1),
        "'survival' of 1 would be for ever",
    ),
    "a segment's own effect": (
        SMALL_MARKET,
        {"levers.retention.by_segment": {"fresh": {"moves": {"amount": ANSWER}}}},
        "by_segment moves 'amount', which the lever itself does not move",
    ),
    "employees who spill over": (
        SMALL_MARKET,
        {"levers.training": {**TRAINING, "spills_over": {"fresh": {"regulars": 0.5}}}},
        "spills_over: 'employee' is one thing for the whole firm already",
    ),
    "employees of a segment": (
        SMALL_MARKET,
        {"levers.training": {**TRAINING, "by_segment": {"fresh": {"moves": TRAINING["moves"]}}}},
        "by_segment moves 'employee', which is one thing",
    ),
    "too many points of employees": (
        SMALL_MARKET,
        {"levers.training": {**TRAINING, "moves": {"employee": {**ANSWER, "unlimited_money": 120}}}},
        "'employee' is points of satisfaction: expected numbers between -100 and 100",
    ),
    "a shock below nothing": (
        SMALL_MARKET,
        {"shocks": [{**SHOCK, "route": "defection", "size": -2}]},
        "would turn it negative",
    ),
    "a shock of points": (
        SMALL_MARKET,
        {"shocks": [{**SHOCK, "route": "employee", "size": 101}]},
        "points a period: expected",
    ),
    "a shock of a chance": (
        SMALL_MARKET,
        {"shocks": [{**SHOCK, "route": "turnover", "size": 1.5}]},
        "a chance: expected 0 to 1",
    ),
    "a shock of feelings": (
        SMALL_MARKET,
        {"shocks": [{**SHOCK, "route": "satisfaction", "size": 2}]},
        "expected -1 to 1",
    ),
    "a shock to a segment's employees": (
        SMALL_MARKET,
        {"shocks": [{**SHOCK, "route": "employee", "size": 5, "segments": ["fresh"]}]},
        "no segments",
    ),
    "a shock that ends first": (
        SMALL_MARKET,
        {"shocks": [{**SHOCK, "route": "defection", "size": 1, "end": 1}]},
        "expected end after start, got 1 and 1",
    ),
    "a rule that ends first": (
        SMALL_MARKET,
        {"rules": {"slices": {"few": SLICE}}},
        "expected end after start, got 3 and 3",
    ),
    "a range upside down": (
        SMALL_MARKET,
        {"uncertain": [{"path": "margin", "low": 0.5, "high": 0.4}]},
        "expected low < high, got 0.5 and 0.4",
    ),
    "a curve that falls": (
        SMALL_MARKET,
        {"levers.winback.moves": {"reactivation": {"shape": "piecewise-linear", "points": [[0, 0.2], [1, 0.1]]}}},
        "more money must not bring less",
    ),
    "points in disorder": (
        SMALL_MARKET,
        {"levers.winback.moves": {"reactivation": {"shape": "piecewise-linear", "points": [[1, 0.1], [0, 0.2]]}}},
        "expected points by rising intensity, the first at 0",
    ),
    "a threshold that falls": (
        SMALL_MARKET,
        {
            "levers.winback.moves": {
                "reactivation": {
                    "shape": "hill",
                    "without_money": 0.3,
                    "unlimited_money": 0.2,
                    "half": 1,
                    "steepness": 2,
                }
            }
        },
        "expected without_money < unlimited_money, got 0.3, 0.2",
    ),
    "contacts that cost nothing": (
        SMALL_MARKET,
        {"rules": {"contacts": 3}},
        "rules.contacts: needs a cost_per_contact on some lever",
    ),
    "prospects who have been customers": (
        SMALL_MARKET,
        {"segments.fresh.start.prospect": THERE},
        "start.prospect: expected a number; nobody there has been a customer",
    ),
    "leavers whose cost nobody bears": (
        SMALL_MARKET,
        {"satisfaction": {"mix": MIX}, "employees": {"usual": 60, "turnover": {"usual": 0.1, "cost": 100}}},
        "per_customer: missing; replacing costs",
    ),
    "leavers from whom nothing follows": (
        SMALL_MARKET,
        {"satisfaction": {"mix": MIX}, "employees": {"usual": 60, "turnover": {"usual": 0.1}}},
        "states nothing that follows: expected falls, or per_customer and cost",
    ),
    "ties of no kind": (
        SMALL_MARKET,
        {
            "links": {"kinds": {"desk": {"share": 0.5}}},
            "segments.regulars.start.core": {**THERE, "ties": [0.4, 0.3, 0.2, 0.1]},
        },
        "start.core.ties: expected a share by kind, such as {desk: 0.5}",
    ),
    "a base whose customers are seen to leave": (SMALL_MARKET, {"law": "contractual", "base": BASE}, "leave silently"),
    "segments of a base with a start": (
        SMALL_MARKET,
        {"base": BASE, "segments": {"gold": {"start": {"new": 5}}}},
        "segments.gold: comes from the base; start",
    ),
    "a charge without a highest": (
        SMALL_MARKET,
        {"levers.development.pays": "charge", "levers.development.moves": {"purchase_rate": ANSWER}},
        "charge needs `most:`",
    ),
    "a chain of other actions": (
        TWO,
        {"segments.all.actions": TWO["chain"]["actions"] * 2},
        "segments.all.actions: expected 1 actions and reference among them",
    ),
    "a chain of another size": (
        TWO,
        {"chain.actions": [{"spend": 0, "moves": [[0.5, 0.5]], "reward": [1, 0]}]},
        "chain.actions[0]: expected moves 2 x 2 and 2 rewards",
    ),
    "a chain that loses people": (
        TWO,
        {"chain.actions": [{"spend": 0, "moves": [[0.5, 0.4], [0, 1]], "reward": [1, 0]}]},
        "chain.actions[0].moves: row 'here' sums to 0.9, expected 1",
    ),
    "a chain of nobody": (TWO, {"segments": {}}, "segments: expected at least one segment"),
    "a state twice": (TWO, {"chain.states": ["here", "here"]}, "chain.states: each name once"),
    "a state that is not there": (TWO, {"chain.gone": ["lost"]}, "chain.gone"),
    "a margin in a chain": (TWO, {"margin": 0.3}, "margin: has no meaning in a chain of one's own"),
    "traits in a chain": (TWO, {"segments.all.births": {"prospect": 5}}, "segments.all.births: has no meaning"),
    "a chain without a start": (TWO, {"segments.all.start": {}}, "segments.all.start: missing"),
    "more than a number in a chain": (
        TWO,
        {"segments.all.start": {"here": THERE}},
        "segments.all.start.here: expected a number",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_said_by_its_key(case: str) -> None:
    """The same file without the change is read."""
    plain, changes, expected = REFUSED[case]
    parse(copy.deepcopy(plain), "market.yaml")
    content = copy.deepcopy(plain)
    for path, value in changes.items():
        *parts, last = path.split(".")
        place = content
        for part in parts:
            place = place[part]
        place[last] = value
    with pytest.raises(ScenarioError) as stop:
        parse(content, "market.yaml")
    said = str(stop.value)
    assert said.startswith("market.yaml: ")
    assert expected in said
    assert "\n" not in said
