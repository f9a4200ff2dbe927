"""The market with everything and several kinds of bonds: ties to people of two kinds, categories that are added."""

from everything import CUSTOMERS, everything
from markets import LINE, Content

KINDS: Content = {
    "desk": {"share": 0.6, "gain": 0.1, "turnover": 0.2, "follow": 0.3, "defection_per_link": 0.1},
    "experts": {"share": 0.3, "gain": 0.05, "turnover": 0.15, "follow": 0.6, "defection_per_link": 0.3},
}
CATEGORIES: Content = {
    "names": ["bread", "dairy", "wine"],
    "mix": [0.5, 0.3, 0.2],
    "gain": 0.06,
    "loss": 0.04,
    "purchase_rate": [1.0, 1.3, 1.5],
    "amount": [1.0, 1.2, 1.5],
    "defection_per_category": 0.15,
}
CLUB: Content = {
    "grades": ["card", "gold"],
    "mix": [0.3, 0.1],
    "rises": {"new": 0.05, "developing": 0.1, "core": 0.2},
    "falls": {"declining": 0.4, "core": 0.05},
    "reward": [0.5, 3.0],
    "purchase_rate": [1.1, 1.4],
    "amount": [1.0, 1.2],
    "defection_per_grade": 0.2,
}


def curve(most: float) -> Content:
    """Return answers from nothing to the most."""
    return {"without_money": 0.0, "unlimited_money": most, "spend": 0.4, "brings": most / 3}


def bonded(law: str = "silent") -> Content:
    """Return everything with ties to people of two kinds, knowledge that may be kept, and three categories.

    Of two segments, and with fewer purchases and silences told apart, as every bond multiplies the states.
    """
    content = everything(law)
    content["stages"] = {"core": 3, "declining": 1, "lapsed": 2}
    del content["segments"]["households"], content["word_of_mouth"]["households"], content["shocks"][1]
    del content["levers"]["training"]["by_segment"]
    content["word_of_mouth"]["offices"] = {"shops": 0.5, "offices": 0.6}
    content["links"] = {"kinds": KINDS, "kept": 0.1}
    content["categories"] = dict(CATEGORIES)
    levers = content["levers"]
    levers["service"]["moves"]["links_desk"] = levers["service"]["moves"].pop("links")
    levers["visits"]["moves"]["links_experts"] = levers["visits"]["moves"].pop("links")
    levers["workshops"] = {
        "targets": ["developing", "core"], "reference": 0.2,
        "moves": {"links_experts": LINE, "knowledge": curve(0.6)}, "by_segment": {"shops": {"reference": 0.0}},
    }  # fmt: skip
    levers["leaflets"] = {"targets": CUSTOMERS, "reference": 0.3, "moves": {"cross_buying": curve(0.3)}, "reach": 0.8}
    shops = content["segments"]["shops"]
    del shops["stages"]
    if law == "renewal":
        del content["categories"]["purchase_rate"]
    else:
        shops["share_of_customer"] = 0.7
    return content


def joined(law: str = "silent") -> Content:
    """Return everything with a club in place of ties, rivals with own prices, a partner, money that spills over."""
    content = everything(law)
    del content["links"], content["shocks"][-1]
    content |= {"club": dict(CLUB), "partner": {"share": 0.3, "commission": 0.2}}
    content["segments"]["shops"]["partner"] = {"share": 0.5, "commission": 0.1}
    content["levers"]["letters"]["moves"]["direct"] = curve(0.6)
    content["levers"]["salespeople"]["moves"]["direct"] = curve(0.2)
    content["levers"]["club"]["spills_over"] = {"shops": {"offices": 0.3}, "offices": {"shops": 0.2}}
    content["levers"]["brand" if law != "renewal" else "care"]["spills_over"] = {"households": {"shops": 0.5}}
    for name in ("service", "visits"):
        content["levers"][name]["moves"]["club"] = content["levers"][name]["moves"].pop("links")
    content["segments"]["shops"]["start"]["core"] = {"count": 60, "age": 9, "club": [0.5, 0.2]}
    cutter = {"name": "cutter", "start": 2, "end": 8, "segments": ["shops"], "price": {"cut": 0.2, "acquisition": 1.5}}
    answer = {"name": "answer", "start": 4, "price": {"cut": 0.1, "defection": 2.0}, "reaction": 2.0, "most": 1.5}
    content["competitors"] += [cutter, answer]
    if law == "renewal":
        del content["club"]["purchase_rate"]
    return content


def met(law: str = "silent") -> Content:
    """Return the same where mechanisms meet: levers that remember, worse people, growth, winning that spreads."""
    content = bonded(law)
    late: dict[str, Content] = {
        "club": {"carry_over": 0.3, "keep": 0.7, "drives_away": 0.6}, "leaflets": {"carry_over": 0.5, "fatigue": 1.0},
        "workshops": {"fatigue": 0.7, "carry_over": 0.2, "keep": 0.6}, "offer": {"fatigue": 1.5},
    }  # fmt: skip
    if law != "renewal":
        late["letters"] = {"keep": 0.4, "fatigue": 0.3, "pulled_forward": 0.5}
    for name, stated in late.items():
        content["levers"][name]["of_late"] = stated
    shops, offices = content["segments"].values()
    offices["quality"] = [
        {"share": 0.6, "acquisition": 1.2, "acquisition_by_money": 0.4, "spend": 1.3},
        {"share": 0.4, "acquisition": 0.7, "acquisition_by_money": 3.0, "bad_debt": 0.3, "spend": 0.5},
    ]
    offices["diffusion"] = {"innovation": 0.02, "imitation": 0.3}
    shops["growth"] = {"after": [2], "amount": [1.4]}
    shops["start"]["core"] = {"count": 60, "age": 9, "ties": {"desk": 0.9}, "categories": [0.2, 0.5, 0.3]}
    return content
