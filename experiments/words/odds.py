"""How sure a comparison is, in words: between what the gain lies with what is not known, and what would turn it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from experiments.words.assumptions import in_words
from experiments.words.figures import money
from experiments.words.phrases import called

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.compare import Comparison, Outcome
    from experiments.odds import Turn

__all__ = [
    "ODDS_ASSUME", "beats_in_words", "in_a_hundred", "number", "odds_in_words", "odds_table", "sure_in_words",
    "turns_in_words",
]  # fmt: skip

ODDS_ASSUME = (
    "Counting what is not known: futures of {worlds} drawn from the {ranges} under `uncertain`, each with luck as "
    "wide as the replications'; intervals are of one future, not of the mean."
)
UNKNOWN_LEFT_OUT = (
    "No ranges stand under `uncertain`: what is not known of the assumptions is in no interval here (tenure learn "
    "makes ranges of answers and experiments)."
)
NOT_COUNTED = (
    "The {ranges} under `uncertain` are in no interval here: that needs worlds drawn from them and at least "
    "2 replications."
)
CERTAIN = 0.995
SHOWN = 3


def in_a_hundred(chance: float) -> str:
    """Return a chance as a number of a hundred; what was never seen to fail is not called sure."""
    if chance > CERTAIN:
        return "more than 99 of 100"
    if chance < 1 - CERTAIN:
        return "less than 1 of 100"
    return f"{100 * chance:.0f} of 100"


def number(value: float) -> str:
    """Return a number of a scenario to four digits."""
    return f"{value:,.4g}"


def sure_in_words(outcome: Outcome, reference: str) -> str:
    """Return the sentence that a headline needs: the interval with what is not known, and the chance to be ahead."""
    if math.isnan(outcome.low_all):
        return ""
    return (
        f"95 % sure between {money(outcome.low_all, signed=True)} and {money(outcome.high_all, signed=True)} counting "
        f"what is not known; ahead of {called(reference)} in {in_a_hundred(outcome.chance_ahead)}"
    )


def odds_table(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Return names of columns and a row for each policy: interval with what is not known, and chances."""
    first = comparison.outcomes[0]
    rows = [
        [
            each.name,
            "" if each is first else f"{money(each.low_all, signed=True)} to {money(each.high_all, signed=True)}",
            "" if each is first else in_a_hundred(each.chance_ahead),
            in_a_hundred(each.chance_best),
        ]
        for each in comparison.outcomes
    ]
    return ["counting what is not known", f"vs {first.name}, 95 %", f"ahead of {first.name} in", "best of all in"], rows


def odds_in_words(comparison: Comparison) -> list[str]:
    """Return the chances of the best policy, and which assumptions would turn the choice; nothing where none is known.

    Where the scenario states no ranges, or they were not counted, that what is not known is left out.
    """
    found = comparison.odds
    ranges = f"{comparison.ranges} range{'s' * (comparison.ranges != 1)}"
    if found is None:
        left_out = UNKNOWN_LEFT_OUT if comparison.ranges == 0 else NOT_COUNTED.format(ranges=ranges)
        return [left_out] if len(comparison.outcomes) > 1 else []
    worlds = f"{found.worlds} world{'s' * (found.worlds != 1)}"
    said = [f"{found.best} is ahead of {beats_in_words(found.beats)}."] if found.beats else []
    return [*said, *turns_in_words(found.turns), ODDS_ASSUME.format(worlds=worlds, ranges=ranges)]


def beats_in_words(beats: Mapping[str, float]) -> str:
    """Return by chance whom the best policy is ahead of."""
    alike: dict[str, list[str]] = {}
    for name, chance in beats.items():
        alike.setdefault(in_a_hundred(chance), []).append(called(name))
    return "; ".join(f"{', '.join(names)} in {chance}" for chance, names in alike.items())


def turns_in_words(turns: tuple[Turn, ...]) -> list[str]:
    """Return what must be true for the choice to stand, and which numbers move the lead most."""
    if not turns:
        return []
    turning = [turn for turn in turns if turn.turns_at is not None]
    said = [
        f"What must be true: {in_words(turn.path)} {'above' if turn.above else 'below'} {number(turn.turns_at)} "
        f"(stated {number(turn.stated)}, range {number(turn.low)} to {number(turn.high)}); "
        f"else {called(turn.winner)} is ahead."
        for turn in turning
        if turn.turns_at is not None
    ]
    if not turning:
        said = ["What must be true: no single number, within its range, turns the choice."]
    moving = [turn for turn in turns if turn.moves]
    if not moving:
        return [*said, "The lead does not move with any of them."]
    most = ", ".join(
        f"{in_words(turn.path)} ({money(turn.lead_low, signed=True)} at {number(turn.low)}, "
        f"{money(turn.lead_high, signed=True)} at {number(turn.high)})"
        for turn in moving[:SHOWN]
    )
    return [*said, f"The lead moves most with {most}."]
