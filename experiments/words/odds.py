"""How sure a comparison is, in words: between what the gain lies with what is not known, and what would turn it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from experiments.words.assumptions import in_words
from experiments.words.figures import money
from experiments.words.languages import spoken
from experiments.words.phrases import called

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.compare import Comparison, Outcome
    from experiments.odds import Turn

__all__ = [
    "beats_in_words", "in_a_hundred", "number", "odds_in_words", "odds_table", "sure_in_words",
    "turns_in_words",
]  # fmt: skip

_BOTH = {
    "assume": (
        "Counting what is not known: futures of {worlds} drawn from the {ranges} under `uncertain`, each with luck as "
        "wide as the replications'; intervals are of one future, not of the mean.",
        "计入未知因素：从 uncertain 下的{ranges}中抽取{worlds}，每种各有与重复模拟同样大的运气；区间针对单次未来，"
        "而非均值。",
    ),
    "no_ranges": (
        "No ranges stand under `uncertain`: what is not known of the assumptions is in no interval here (tenure learn "
        "makes ranges of answers and experiments).",
        "uncertain 下没有给出范围：此处区间均不含假设的不确定性（tenure learn 可由回答和实验得出范围）。",
    ),
    "not_counted": (
        "The {ranges} under `uncertain` are in no interval here: that needs worlds drawn from them and at least "
        "2 replications.",
        "uncertain 下的{ranges}未计入此处任何区间：这需要从中抽取情形，并至少模拟 2 次。",
    ),
    "range": ("{number} range", " {number} 个范围"),
    "ranges": ("{number} ranges", " {number} 个范围"),
    "world": ("{number} world", " {number} 种情形"),
    "worlds": ("{number} worlds", " {number} 种情形"),
    "most_of_100": ("more than 99 of 100", "100 次中 99 次以上"),
    "least_of_100": ("less than 1 of 100", "100 次中不到 1 次"),
    "of_100": ("{number} of 100", "100 次中 {number} 次"),
    "sure": (
        "95 % sure between {low} and {high} counting what is not known; ahead of {name} in {chance}",
        "计入未知因素，以 95% 的概率介于 {low} 与 {high} 之间；领先{name}的可能为 {chance}",
    ),
    "to": ("{low} to {high}", "{low} 至 {high}"),
    "counting": ("counting what is not known", "计入未知因素"),
    "against": ("vs {name}, 95 %", "相对 {name} 的 95% 区间"),
    "ahead": ("ahead of {name} in", "领先 {name} 的可能"),
    "best": ("best of all in", "最优的可能"),
    "beats": ("{name} is ahead of {others}.", "{name} 领先：{others}。"),
    "beaten": ("{names} in {chance}", "{names}（{chance}）"),
    "list": (", ", "、"),
    "stop": ("; ", "；"),
    "above": (
        "What must be true: {number} above {at} (stated {stated}, range {low} to {high}); else {winner} is ahead.",
        "成立的前提：{number}高于 {at}（设定 {stated}，范围 {low} 至 {high}），否则{winner}领先。",
    ),
    "below": (
        "What must be true: {number} below {at} (stated {stated}, range {low} to {high}); else {winner} is ahead.",
        "成立的前提：{number}低于 {at}（设定 {stated}，范围 {low} 至 {high}），否则{winner}领先。",
    ),
    "nothing_turns": (
        "What must be true: no single number, within its range, turns the choice.",
        "成立的前提：任何单个数值在其范围内都不会改变选择。",
    ),
    "nothing_moves": ("The lead does not move with any of them.", "领先幅度不随其中任何一个变化。"),
    "moves": ("The lead moves most with {numbers}.", "对领先幅度影响最大的是：{numbers}。"),
    "moves_with": (
        "{number} ({lead_low} at {low}, {lead_high} at {high})",
        "{number}（取 {low} 时 {lead_low}，取 {high} 时 {lead_high}）",
    ),
}
CERTAIN = 0.995
SHOWN = 3


def in_a_hundred(chance: float, language: str = "en") -> str:
    """Return a chance as a number of a hundred; what was never seen to fail is not called sure."""
    key = "most_of_100" if chance > CERTAIN else "least_of_100" if chance < 1 - CERTAIN else "of_100"
    return spoken(_BOTH, language)[key].format(number=f"{100 * chance:.0f}")


def number(value: float) -> str:
    """Return a number of a scenario to four digits."""
    return f"{value:,.4g}"


def sure_in_words(outcome: Outcome, reference: str, language: str = "en") -> str:
    """Return the sentence that a headline needs: the interval with what is not known, and the chance to be ahead."""
    if math.isnan(outcome.low_all):
        return ""
    return spoken(_BOTH, language)["sure"].format(
        low=money(outcome.low_all, signed=True), high=money(outcome.high_all, signed=True),
        name=called(reference, language), chance=in_a_hundred(outcome.chance_ahead, language),
    )  # fmt: skip


def odds_table(comparison: Comparison, language: str = "en") -> tuple[list[str], list[list[str]]]:
    """Return names of columns and a row for each policy: interval with what is not known, and chances."""
    words, first = spoken(_BOTH, language), comparison.outcomes[0]
    rows = [
        [
            each.name,
            *(["", ""] if each is first else [
                words["to"].format(low=money(each.low_all, signed=True), high=money(each.high_all, signed=True)),
                in_a_hundred(each.chance_ahead, language),
            ]),
            in_a_hundred(each.chance_best, language),
        ]
        for each in comparison.outcomes
    ]  # fmt: skip
    return [words[key].format(name=first.name) for key in ("counting", "against", "ahead", "best")], rows


def odds_in_words(comparison: Comparison, language: str = "en") -> list[str]:
    """Return the chances of the best policy, and which assumptions would turn the choice; nothing where none is known.

    Where the scenario states no ranges, or they were not counted, that what is not known is left out.
    """
    words, found = spoken(_BOTH, language), comparison.odds
    ranges = words["range" if comparison.ranges == 1 else "ranges"].format(number=comparison.ranges)
    if found is None:
        left_out = words["no_ranges" if comparison.ranges == 0 else "not_counted"].format(ranges=ranges)
        return [left_out] if len(comparison.outcomes) > 1 else []
    worlds = words["world" if found.worlds == 1 else "worlds"].format(number=found.worlds)
    others = beats_in_words(found.beats, language)
    said = [words["beats"].format(name=found.best, others=others)] if found.beats else []
    return [*said, *turns_in_words(found.turns, language), words["assume"].format(worlds=worlds, ranges=ranges)]


def beats_in_words(beats: Mapping[str, float], language: str = "en") -> str:
    """Return by chance whom the best policy is ahead of."""
    words, alike = spoken(_BOTH, language), dict[str, list[str]]()
    for name, chance in beats.items():
        alike.setdefault(in_a_hundred(chance, language), []).append(called(name, language))
    return words["stop"].join(
        words["beaten"].format(names=words["list"].join(names), chance=chance) for chance, names in alike.items()
    )


def turns_in_words(turns: tuple[Turn, ...], language: str = "en") -> list[str]:
    """Return what must be true for the choice to stand, and which numbers move the lead most."""
    if not turns:
        return []
    words = spoken(_BOTH, language)
    said = [
        words["above" if turn.above else "below"].format(
            number=in_words(turn.path, language), at=number(turn.turns_at), stated=number(turn.stated),
            low=number(turn.low), high=number(turn.high), winner=called(turn.winner, language),
        )
        for turn in turns
        if turn.turns_at is not None
    ]  # fmt: skip
    said = said or [words["nothing_turns"]]
    moving = [turn for turn in turns if turn.moves]
    if not moving:
        return [*said, words["nothing_moves"]]
    most = words["list"].join(
        words["moves_with"].format(
            number=in_words(turn.path, language), low=number(turn.low), high=number(turn.high),
            lead_low=money(turn.lead_low, signed=True), lead_high=money(turn.lead_high, signed=True),
        )
        for turn in moving[:SHOWN]
    )  # fmt: skip
    return [*said, words["moves"].format(numbers=most)]
