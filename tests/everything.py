"""The market with every mechanism switched on: its scenario, its twin, its budget, and what is expected in it."""

import copy
from functools import cache
from typing import Any

import numpy as np
from markets import MIX, Content, Floats

from sim.engine.fluid import expected_history
from sim.history import History
from sim.market.clock import Budget
from sim.scenario.file import STAGES, parse
from sim.twin import Twin, build

GAMMA_TRAITS = {
    "purchase_rate": {"shape": 2.0, "rate": 2.5},
    "defection_rate": {"shape": 1.2, "rate": 12.0},
    "spend": {"p": 6.0, "q": 4.0, "gamma": 15.0},
}
CUSTOMERS = ["new", "developing", "core", "declining"]

MISSED: Content = {"unlimited_money": 0.4, "spend": 0.2, "brings": 0.1}
TURNOVER: Content = {"usual": 0.06, "falls": 0.03, "per_customer": 0.05, "cost": 30.0}

EVERYTHING: Content = {
    "name": "everything",
    "periods": 12,
    "margin": 0.4,
    "cost_to_serve": {"per_customer": 0.3, "per_purchase": 0.6},
    "loss": 0.1,
    "stages": {"core": 4, "declining": 2, "lapsed": 4},
    "segments": {
        "households": {
            "start": {"unaware": 90, "prospect": 120, "new": 90},
            "traits": GAMMA_TRAITS,
            "quality": [
                {"share": 0.5, "acquisition": 1.2, "purchase_rate": 1.1, "spend": 1.2},
                {"share": 0.3, "acquisition": 0.5, "purchase_rate": 0.9, "cost_to_serve": 1.5, "bad_debt": 0.05},
                {"share": 0.2, "acquisition": 6.0, "spend": 0.5, "bad_debt": 0.4},
            ],
        },
        "shops": {
            "start": {"new": 200, "prospect": 60, "unaware": 40},
            "traits": {**GAMMA_TRAITS, "purchase_rate": {"shape": 1.5, "rate": 0.5}},
            "stages": {"core": 6, "declining": 1, "lapsed": 3},
            "margin": 0.3,
            "cost_to_serve": {"per_customer": 1.0},
            "loss": 0.2,
            "value_to_customer": {"gain": 7.0, "cost": 3.0, "usual": 3.5, "bring": 0.04},
        },
        "offices": {
            "start": {"new": 120, "prospect": 90, "unaware": 60},
            "births": {"unaware": 4.3, "prospect": 2.7},
            "traits": {"purchase_rate": 0.9, "defection_rate": {"shape": 1.0, "rate": 10.0}, "spend": 40.0},
        },
    },
    "levers": {
        "fame": {
            "targets": ["unaware"],
            "reference": 0.5,
            "saturation": 60.0,
            "moves": {"awareness": {"shape": "hill", "unlimited_money": 0.5, "half": 1.0, "steepness": 1.5}},
            "by_segment": {"shops": {"reference": 0.8}},
        },
        "posters": {
            "targets": ["unaware"],
            "reference": 0.2,
            "reach": 0.6,
            "moves": {"awareness": {"without_money": 0.01, "unlimited_money": 0.3, "spend": 0.2, "brings": 0.05}},
        },
        "offer": {
            "targets": ["prospect"],
            "reference": 1.0,
            "reach": 0.8,
            "moves": {
                "acquisition": {
                    "shape": "adbudg",
                    "without_money": 0.02,
                    "unlimited_money": 0.4,
                    "spend": 1.0,
                    "brings": 0.1,
                    "steepness": 1.4,
                },
            },
            "by_segment": {
                "offices": {
                    "reference": 1.5,
                    "moves": {"acquisition": {"shape": "piecewise-linear", "points": [[0, 0.05], [1, 0.1], [3, 0.2]]}},
                },
            },
        },
        "salespeople": {
            "targets": ["prospect"],
            "reference": 1.0,
            "lead_time": 2,
            "duration": 3,
            "committed": 1.6,
            "moves": {"acquisition": {"without_money": 0.0, "unlimited_money": 0.3, "spend": 1.0, "brings": 0.06}},
        },
        "care": {
            "targets": CUSTOMERS,
            "reference": 0.5,
            "reach": 0.9,
            "moves": {"survival": {"without_money": 0.8, "unlimited_money": 0.97, "spend": 0.5, "brings": 0.9}},
            "by_segment": {
                "shops": {"reference": 0.3},
                "offices": {
                    "moves": {
                        "survival": {
                            "shape": "hill",
                            "without_money": 0.7,
                            "unlimited_money": 0.95,
                            "half": 0.2,
                            "steepness": 2,
                        },
                    },
                },
            },
        },
        "club": {
            "targets": ["developing", "core"],
            "reference": 0.4,
            "lead_time": 1,
            "moves": {
                "survival": {"shape": "piecewise-linear", "points": [[0, 0.9], [1, 0.95]]},
                "purchase_rate": {"shape": "piecewise-linear", "points": [[0, 0], [0.4, 0.2], [1.2, 0.4]]},
                "amount": {"shape": "hill", "unlimited_money": 0.4, "half": 0.5, "steepness": 1.0},
            },
        },
        "letters": {
            "targets": ["new", "developing", "declining"],
            "reference": 0.1,
            "duration": 2,
            "moves": {
                "purchase_rate": {"without_money": 0.0, "unlimited_money": 0.3, "spend": 0.2, "brings": 0.1},
                "amount": {"shape": "piecewise-linear", "points": [[0, -0.1], [0.2, 0.1]]},
            },
        },
        "brand": {
            "targets": CUSTOMERS,
            "reference": 0.3,
            "saturation": 150.0,
            "lead_time": 2,
            "duration": 3,
            "moves": {
                "preference": {
                    "shape": "adbudg",
                    "without_money": -0.5,
                    "unlimited_money": 1.5,
                    "spend": 0.3,
                    "brings": 0.2,
                    "steepness": 0.8,
                },
            },
        },
        "service": {
            "targets": ["new", "developing", "core"],
            "reference": 0.5,
            "moves": {
                "satisfaction": {"without_money": 0.0, "unlimited_money": 0.3, "spend": 0.5, "brings": 0.1},
                "links": {"shape": "piecewise-linear", "points": [[0, 0], [0.5, 0.05], [2, 0.3]]},
            },
            "by_segment": {"shops": {"reference": 0.2}},
        },
        "visits": {
            "targets": ["core", "declining"],
            "reference": 0.0,
            "reach": 0.5,
            "moves": {
                "links": {"shape": "hill", "unlimited_money": 0.5, "half": 1.0, "steepness": 2.0},
                "preference": {"without_money": 0.0, "unlimited_money": 0.5, "spend": 1.0, "brings": 0.2},
            },
        },
        "training": {
            "targets": ["new", "developing", "core"],
            "reference": 0.3,
            "saturation": 200.0,
            "reach": 0.9,
            "moves": {"employee": {"shape": "hill", "unlimited_money": 12.0, "half": 0.6, "steepness": 1.2}},
            "by_segment": {"households": {"reference": 0.1}},
        },
        "winback": {
            "targets": ["declining", "lapsed"],
            "reference": 0.5,
            "moves": {"reactivation": {"without_money": 0.02, "unlimited_money": 0.4, "spend": 0.5, "brings": 0.1}},
        },
        "discount": {
            "targets": ["prospect", "new", "core"],
            "pays": "price",
            "reference": 0.4,
            "reach": 0.7,
            "moves": {
                "acquisition": {"without_money": 0.01, "unlimited_money": 0.2, "spend": 1.0, "brings": 0.05},
            },
            "by_segment": {"shops": {"reference": 0.0}},
        },
        "rebate": {
            "targets": ["developing", "core"],
            "pays": "price",
            "reference": 0.0,
            "moves": {
                "purchase_rate": {"shape": "piecewise-linear", "points": [[0, 0], [1, 0.1], [4, 0.3]]},
                "survival": {"without_money": 0.9, "unlimited_money": 0.95, "spend": 1.0, "brings": 0.93},
            },
        },
        "fee": {
            "targets": ["developing", "declining", "lapsed"],
            "pays": "charge",
            "reference": 0.0,
            "most": 3.0,
            "moves": {
                "leaving": {"without_money": 0.0, "unlimited_money": 0.5, "spend": 1.0, "brings": 0.05},
                "annoyance": {"shape": "hill", "unlimited_money": 0.2, "half": 2.0, "steepness": 1.0},
            },
        },
        "desk": {
            "targets": ["new", "developing", "core"],
            "pays": "service",
            "reference": 0.6,
            "lead_time": 1,
            "moves": {"satisfaction": {"without_money": 0.0, "unlimited_money": 0.2, "spend": 0.5, "brings": 0.08}},
        },
        "farewell": {
            "targets": ["core", "declining"],
            "reference": 0.0,
            "moves": {"leaving": {"without_money": 0.0, "unlimited_money": 0.6, "spend": 0.5, "brings": 0.2}},
        },
        "calls": {
            "targets": ["lapsed"],
            "reference": 0.3,
            "lead_time": 2,
            "moves": {"reactivation": {"shape": "hill", "unlimited_money": 0.3, "half": 0.6, "steepness": 2.0}},
        },
    },
    "satisfaction": {
        "mix": MIX,
        "mobility": 0.4,
        "defection_per_level": 0.25,
        "purchase_rate_per_level": 0.1,
        "amount_per_level": 0.05,
    },
    "employees": {"usual": 62.0, "start": 70.0, "reversion": 0.2, "points": 5.0, "bring": 4.0, "turnover": TURNOVER},
    "links": {"mix": [0.4, 0.3, 0.2, 0.1], "gain": 0.1, "turnover": 0.15, "follow": 0.4, "defection_per_link": 0.3},
    "word_of_mouth": {
        "households": {"households": 0.8, "offices": 0.4},
        "offices": {"shops": 0.5, "offices": 0.6},
    },
    "share_of_customer": 0.4,
    "survey": {"sample": 60},
    "seasons": [1.2, 0.8, 1.1, 0.7, 1.4],
    "competitors": [
        {"name": "discounter", "start": 2, "end": 9, "route": "defection", "strength": 0.5, "segments": ["shops"]},
        {
            "name": "poacher",
            "start": 1,
            "route": ["acquisition", "defection"],
            "strength": {"acquisition": 0.3, "defection": 0.1},
        },
        {"name": "neighbour", "start": 0, "route": "share of customer", "strength": 0.2, "reaction": 3.0, "most": 1.1},
    ],
    "shocks": [
        {"name": "ban", "start": 3, "end": 6, "route": "awareness", "size": -0.5},
        {"name": "boom", "start": 5, "end": 7, "route": "acquisition", "size": 1.5, "segments": ["households"]},
        {"name": "scandal", "start": 6, "end": 7, "route": "defection", "size": 1.0},
        {"name": "recession", "start": 7, "route": "purchase rate", "size": -0.25},
        {"name": "queues", "start": 4, "end": 8, "route": "satisfaction", "size": -0.06, "segments": ["offices"]},
        {"name": "strike", "start": 2, "end": 4, "route": "employee", "size": -6.0},
        {"name": "exodus", "start": 8, "end": 10, "route": "turnover", "size": 0.3, "segments": ["shops"]},
    ],
}

TOTAL, PER_PERIOD = 13_000.0, 1_400.0
"""The budget under which money runs out before the end, and now and then in a period."""

LAWS = ("silent", "contractual", "renewal")


def everything(law: str = "silent") -> Content:
    """Return the scenario with every mechanism; for renewals, without what moves a purchase rate."""
    content = copy.deepcopy({**EVERYTHING, "law": law})
    if law == "renewal":
        for key in ("seasons", "share_of_customer"):
            del content[key]
        del content["satisfaction"]["purchase_rate_per_level"]
        content["competitors"] = [rival for rival in content["competitors"] if rival["route"] != "share of customer"]
        content["competitors"][0].update(reaction=2.0, most=1.3)
        content["shocks"] = [shock for shock in content["shocks"] if shock["route"] != "purchase rate"]
        for segment in content["segments"].values():
            segment["traits"] = {**segment["traits"], "purchase_rate": 1}
            for kind in segment.get("quality", []):
                kind.pop("purchase_rate", None)
        for lever in content["levers"].values():
            lever["moves"].pop("purchase_rate", None)
            lever["moves"].pop("preference", None)
        del content["levers"]["brand"]
    return content


def grown(law: str = "silent") -> Content:
    """Return everything, with customers who are there already and grow, and winning that spreads.

    Who is declining cannot be under the law of renewals, where every survivor pays.
    """
    content = everything(law)
    households, shops, offices = content["segments"].values()
    households["diffusion"] = {"innovation": 0.02, "imitation": 0.3}
    households["growth"] = {"after": [2, 4], "amount": [1.2, 2.0], "purchase_rate": [1.1, 1.3]}
    households["start"]["lapsed"] = {"count": 30, "age": 7}
    shops["growth"] = {"after": [3], "amount": [0.7]}
    shops["start"]["core"] = [
        {"count": 80, "age": 9},
        {"count": 40, "age": 14, "satisfaction": [0, 0.1, 0.2, 0.3, 0.4], "ties": [0.1, 0.2, 0.3, 0.4]},
    ]
    offices["start"] |= {"developing": {"count": 50, "age": 2}}
    offices["births"] = {"unaware": {"first": 3.0, "growth": 0.12}, "prospect": [0, 5, 2.5, 1, 9, 0, 0, 4, 4, 4, 4, 1]}
    if law == "renewal":
        del households["growth"]["purchase_rate"]
    else:
        shops["start"]["declining"] = {"count": 25, "age": 5}
    return content


def remembered(law: str = "silent") -> Content:
    """Return everything, with levers whose money of earlier periods does something now, and wins worse people."""
    content = everything(law)
    kinds = content["segments"]["households"]["quality"]
    kinds[0]["acquisition_by_money"], kinds[2]["acquisition_by_money"] = 0.4, 9.0
    late: dict[str, Content] = {
        "offer": {"fatigue": 1.5}, "club": {"carry_over": 0.3, "keep": 0.7, "drives_away": 0.6},
        "brand": {"carry_over": 0.6}, "training": {"carry_over": 0.4, "fatigue": 2.0}, "winback": {"drives_away": 0.3},
    }  # fmt: skip
    if law != "renewal":  # which has no purchases to pull forward
        late["letters"] = {"keep": 0.4, "fatigue": 0.3, "pulled_forward": 0.5}
        late["rebate"] = {"keep": 0.8, "pulled_forward": 1.0}
        content["levers"]["letters"]["moves"]["annoyance"] = {"without_money": 0.0, **MISSED}
        content["levers"]["letters"]["misses"] = {"new": 0.7, "declining": 0.3}
    for name in late.keys() & content["levers"].keys():
        content["levers"][name]["of_late"] = late[name]
    return content


def crowded(law: str = "silent", factor: float = 1.0, **changes: Any) -> Content:
    """Return the scenario with everything for this many times the people, and media to match."""
    content = {**everything(law), **changes}
    for segment in content["segments"].values():
        for key in ("start", "births"):
            if key in segment:
                segment[key] = {at: factor * number for at, number in segment[key].items()}
    for lever in content["levers"].values():
        if "saturation" in lever:
            lever["saturation"] *= factor
    return content


@cache
def busy(law: str, terminal: str, factor: float = 1.0, *, terms: bool = True) -> Twin:
    """Return a twin of the scenario with everything, or without the levers that change terms."""
    content = crowded(law, factor, terminal=terminal)
    if not terms:
        levers = content["levers"]
        content["levers"] = {name: lever for name, lever in levers.items() if lever.get("pays", "budget") == "budget"}
    return build(parse(content))


def money_for(twin: Twin, factor: float = 1.0) -> Budget:
    """Return the budget that runs out before the end, and now and then in a period; one lever has a cap of its own."""
    caps = np.full(len(twin.targets.levers), np.inf)
    caps[twin.targets.levers.index("winback")] = 0.03 * factor * TOTAL
    return Budget(factor * TOTAL, factor * PER_PERIOD, caps)


def expected(law: str, *, terms: bool = True) -> tuple[Twin, History, None]:
    """Return the expected history under twice today's spend."""
    twin = busy(law, "none", terms=terms)
    return twin, expected_history(twin.chain, np.repeat(2 * twin.targets.reference[None], 12, axis=0)), None


def arriving(twin: Twin) -> Floats:
    """Return who appears by (period, group, stage): whole numbers that keep up with what is stated."""
    out = np.zeros((twin.chain.periods, *twin.targets.shape[:2]))
    for name, segment in twin.scenario.segments.items():
        for truth, number in segment.births.items():
            so_far = np.round(number * np.arange(twin.chain.periods + 1))
            out[:, twin.targets.segments.index(name), STAGES.index(truth)] += np.diff(so_far)
    return out


def uncoupled(law: str, factor: float) -> Content:
    """Return everything but what lets one customer change the odds of another."""
    content = crowded(law, factor)
    del content["word_of_mouth"]
    for rival in content["competitors"]:
        rival.pop("reaction", None)
        rival.pop("most", None)
    for lever in content["levers"].values():
        lever.pop("saturation", None)
    del content["levers"]["training"]
    return content
