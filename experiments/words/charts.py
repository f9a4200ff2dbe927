"""What axes, legends and panels of charts say, in every language; parts in braces are filled in."""

from __future__ import annotations

from typing import NamedTuple

from experiments.words.languages import Words, spoken

__all__ = ["Ticks", "chart_words", "ticks_of"]

_BOTH = {
    "weeks": ("weeks", "周"),
    "months": ("months", "月"),
    "quarters": ("quarters", "季度"),
    "years": ("years", "年"),
    "difference": ("customer asset, difference from {name}", "客户资产，相对 {name} 的差异"),
    "so_far": ("Discounted profit so far", "累计折现利润"),
    "ahead": ("Ahead of {name}", "领先 {name}"),
    "most_in_one": ("most in one {period}", "单{period}上限"),
    "spend_per": ("spend per {period}", "每{period}支出"),
    "unit": ("{what}, {currency}", "{what}（{currency}）"),
    "panel": ("{lever}: {moves}", "{lever}：{moves}"),
    "today": ("today", "现状"),
    "money_per": ("money per targeted customer and {period}", "每位目标客户每{period}金额"),
}


class Ticks(NamedTuple):
    """How numbers on an axis are told: large ones by (from, unit, its sign), and what stands behind per cent."""

    large: tuple[tuple[float, float, str], ...]
    percent: str


_TICKS = {
    "en": Ticks(((1e9, 1e9, "bn"), (1e6, 1e6, "m"), (1e4, 1e3, "k")), " %"),
    "zh": Ticks(((1e8, 1e8, "亿"), (1e4, 1e4, "万")), "%"),
}


def chart_words(language: str) -> Words:
    """Return what charts say, by key."""
    return spoken(_BOTH, language)


def ticks_of(language: str) -> Ticks:
    """Return how numbers on an axis are told."""
    return _TICKS[language]
