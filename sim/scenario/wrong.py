"""What is wrong with a scenario, in one line: the key, what was expected, what came."""

import difflib
from datetime import date
from typing import Any

from pydantic import ValidationError

from sim.errors import quoted
from sim.scenario.bonds import Categories, Club, LinkKind, Links
from sim.scenario.curves import SHAPES, BlattbergDeighton, Model
from sim.scenario.customers import (
    Base,
    CostToServe,
    ExplicitAction,
    ExplicitChain,
    Partner,
    Quality,
    Segment,
    Thresholds,
    Traits,
)
from sim.scenario.feelings import Employees, Satisfaction, StaffTurnover, Survey, ValueToCustomer
from sim.scenario.market import Competitor, Lever, LeverInSegment, RivalPrice, Shock
from sim.scenario.meant import meant
from sim.scenario.of_late import OfLate
from sim.scenario.people import Diffusion, Established, Growing, Growth
from sim.scenario.rules import RULES, Evidence, Part, Rules

__all__ = ["explained"]

IN_YAML = {
    "tuple_type": "expected a list, e.g. [a, b]",
    "list_type": "expected a list, e.g. [a, b]",
    "dict_type": "expected keys with their values below it",
    "model_type": "expected keys with their values below it",
    "model_attributes_type": "expected keys with their values below it",
}
"""What a value must be, in words of the file instead of the language that reads it."""


def explained(error: ValidationError, whole: type[Model]) -> str:
    """Return the most telling of pydantic's errors as one line: key, expectation, what came."""

    def rank(problem: Any) -> tuple[bool, bool, int]:
        """Return the place in line: what a number or keys may stand for is told of as what it is."""
        other = {"model_type": int | float | str, "tuple_type": int | float | str | dict, "float_type": dict | list}
        kind = problem["type"]
        return (
            kind != "extra_forbidden",
            kind in other and isinstance(problem["input"], other[kind]),
            -len(problem["loc"]),
        )

    problems = sorted(error.errors(), key=rank)
    first = problems[0]
    hidden = (
        "Gamma", "Established", "Growing", "tuple", "float", "function-after", "constrained-float", "literal[", "dict[",
        *SHAPES,
    )  # fmt: skip
    key = ".".join(str(part) for part in first["loc"] if not str(part).startswith((*hidden, "[key]")))
    key = key if key.isprintable() else repr(key)
    if first["type"] == "extra_forbidden":
        fields = _fields_at(first["loc"][:-1], whole)
        close = difflib.get_close_matches(str(first["loc"][-1]), fields, 1)
        hint = f"; did you mean '{close[0]}'?" if close else f"; expected one of {', '.join(fields)}" if fields else ""
        return f"{key}: unknown key{hint}"
    if first["type"] == "missing":
        return f"{key}: missing"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{key}: {message}" if key else message
    message = IN_YAML.get(first["type"], message[0].lower() + message[1:])
    if first["type"] == "string_type" and isinstance(first["input"], bool | int | float | date):
        value = quoted(first["input"])
        return f"{key}: {value} is no name as it stands; put it in quotes (plain yes, no, on, off are not text)"
    context = first.get("ctx", {})
    share = first["type"] in ("less_than_equal", "less_than") and context.get("le", context.get("lt")) in (1, 9)
    return f"{key}: {message}, got {quoted(first['input'])}{meant(first['input']) if share else ''}"


def _fields_at(location: tuple[int | str, ...], whole: type[Model]) -> list[str]:
    """Return the keys that are known where an unknown one stood."""
    known: dict[str, type[Model]] = {
        "levers": Lever, "segments": Segment, "moves": BlattbergDeighton, "by_segment": LeverInSegment,
        "of_late": OfLate, "competitors": Competitor, "price": RivalPrice, "rules": Rules, "base": Base,
        "chain": ExplicitChain, "traits": Traits, "stages": Thresholds, "actions": ExplicitAction, "shocks": Shock,
        "satisfaction": Satisfaction, "employees": Employees, "turnover": StaffTurnover, "links": Links,
        "kinds": LinkKind, "categories": Categories, "club": Club, "partner": Partner, "survey": Survey,
        "quality": Quality, "cost_to_serve": CostToServe, "parts": Part,
        "evidence": Evidence, "value_to_customer": ValueToCustomer, "start": Established, "births": Growing,
        "diffusion": Diffusion, "growth": Growth,
    }  # fmt: skip
    here = whole
    inside_rules = False
    for part in location:
        if inside_rules and str(part) in RULES:
            here = RULES[str(part)]
        elif str(part) in known:
            here = known[str(part)]
        elif str(part) in SHAPES:
            here = SHAPES[str(part)]
        inside_rules = inside_rules or part == "rules"
    return sorted(name for name in here.model_fields if name != "folder")
