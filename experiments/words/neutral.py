"""What does not stay as it is by itself, and what a scenario says twice, in words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.neutrality import Contradiction, Drift
    from sim.scenario.file import Scenario

__all__ = ["contradictions_in_words", "drifts_in_words"]


_COME_AND_GO = {
    "ties": "they come and go at the chances stated, whatever the mix in the data; who enters has none, and those with "
    "few leave first",
    "categories": "they are added and dropped at the chances stated, whatever the mix in the data; who enters buys in "
    "one",
    "grades": "members of the club rise and fall at the chances stated, whatever the mix in the data; who enters is "
    "none",
}


def drifts_in_words(scenario: "Scenario", found: "Sequence[Drift]") -> list[str]:
    """Return a sentence each on satisfaction, ties, categories, grades that move though nothing is done, if they do."""
    said, when = [], f"after {scenario.periods} {scenario.period}s of today's spend"
    points = [each for each in found if each.of == "satisfaction"]
    if points:
        moved = [
            f"from {round(each.start, 6):.1f} to {round(each.end, 6):.1f} points in “{each.segment}”" for each in points
        ]
        said.append(f"Satisfaction drifts by itself, {when}: {_and(moved)}: {_why(scenario)}.")
    for of, why in _COME_AND_GO.items():
        rows = [each for each in found if each.of == of]
        moved = [f"from {each.start:.2f} to {each.end:.2f} a customer in “{each.segment}”" for each in rows]
        if moved:
            said.append(f"{of.capitalize()} drift by themselves, {when}: {_and(moved)}: {why}.")
    return said


def _why(scenario: "Scenario") -> str:
    given = scenario.satisfaction
    assert given is not None
    if given.mobility == 0:
        return "the unhappy leave, and nobody reconsiders (mobility 0)"
    if given.entry is not None:
        return f"who enters does so at {25 * (given.entry - 1)} points (without `entry`: like those who are there)"
    return (
        "some leave so readily that more would have to fall a level than do, or a level between others has next to no "
        "share in the mix"
    )


def contradictions_in_words(scenario: "Scenario", found: "Sequence[Contradiction]") -> list[str]:
    """Return a sentence for each survival curve that the traits contradict: both numbers, and which one acts."""
    said = []
    for lever in dict.fromkeys(each.lever for each in found):
        rows = [each for each in found if each.lever == lever]
        pairs = [
            f"“{row.segment}” {_percent(row.curve)} by the curve, {_percent(row.traits)} by traits" for row in rows
        ]
        said.append(
            f"Who stays through a {scenario.period} at today's spend is said twice, by {lever} and by the traits: "
            f"{'; '.join(pairs)}. The traits act; the curve acts relative to its value at today's spend."
        )
    return said


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %".replace(".0 %", " %")


def _and(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
