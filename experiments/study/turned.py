"""Which assumption turns the choice, in words and as a table, for the terminal, the page and MLflow."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from experiments.study.turning import Turn, Turning
from experiments.words.figures import money
from experiments.words.languages import Words
from experiments.words.study import ENGLISH
from experiments.words.tables import padded

__all__ = ["TURN_COLUMNS", "plain_lost", "plain_turns", "turning_in_words", "turning_table"]

TURN_COLUMNS = (
    "choice", "assumption", "world", "budget", "low", "high", "now", "instead", "at", "at_expected", "above", "worth",
    "right", "of", "between_low", "between_high", "regret_before", "regret_after", "best_before", "best_after",
)  # fmt: skip
"""What is told of each assumption and budget, as in :class:`~experiments.study.turning.Turn`."""
LONGEST = 60
"""Columns of an assumption in a table or a sentence; files and --json have all of it."""


def turning_in_words(found: Turning | None, currency: str, most: int = 6, words: Words = ENGLISH) -> list[str]:
    """Return what turns the choice, the dearest first; or that nothing does; nothing where there is no choice."""
    if found is None:
        return []
    unit = f" {currency}".rstrip()
    if found.blind:
        return [words["turns_blind"].format(choice=found.choice)]
    said = [_sentence(turn, found, unit, words) for turn in found.turned]
    said += [
        words["turns_lost_barred" if math.isnan(each.worth) else "turns_lost"].format(
            worlds=each.worlds, of=each.of, family=each.family, choice=found.choice, instead=each.instead,
            worth=money(each.worth), unit=unit, place=_place(each.budget, words),
        )
        for each in found.lost
    ]  # fmt: skip
    if not said:
        none = words["turns_none"].format(choice=found.choice, most=money(found.most), unit=unit, where=found.where)
        said = [none + (words["turns_close"].format(number=found.close, of=found.places) if found.close else "")]
    if found.expected is not None:
        told = {_about(turn) for turn in found.turned}
        more = [turn for turn in found.expected.turned if _about(turn) not in told]
        said += [words["turns_expected"] + _sentence(turn, found.expected, unit, words) for turn in more]
    left = len(said) - most
    return said[:most] + ([words["turns_more"].format(number=f"{left:,}")] if left > 0 else [])


def _about(turn: Turn) -> tuple[object, ...]:
    """Return which turn it is, wherever it lies."""
    return turn.assumption, turn.world, turn.budget, turn.instead, turn.above


def _in_expected_numbers(turn: Turn, found: Turning) -> float:
    """Return the switching value of a turn in expected numbers; nan where there is none."""
    both = () if found.expected is None else found.expected.turned
    return min(
        (each.at for each in both if _about(each) == _about(turn)), key=lambda at: abs(at - turn.at), default=math.nan
    )


def _sentence(turn: Turn, found: Turning, unit: str, words: Words) -> str:
    told = {
        "choice": found.choice, "world": turn.world, "instead": turn.instead, "worth": money(turn.worth), "unit": unit,
        "place": _place(turn.budget, words),
    }  # fmt: skip
    if turn.drawn:
        now = "" if math.isnan(turn.now) else words["now"].format(now=_figure(turn.now))
        sure = _in_expected_numbers(turn, found)
        return words["turns_number"].format(
            path=turn.assumption, side=_side(turn, words), at=_figure(turn.at), now=now, low=_figure(turn.between[0]),
            high=_figure(turn.between[1]), right=turn.right, of=turn.of,
            expected="" if math.isnan(sure) else words["at_expected"].format(at=_figure(sure)), **told,
        )  # fmt: skip
    keys = words["keys"].format(keys=_short(turn.assumption)) if turn.assumption else ""
    return words["turns_barred" if math.isnan(turn.worth) else "turns_named"].format(keys=keys, **told)


def turning_table(found: Turning, most: int | None = None, words: Words = ENGLISH) -> tuple[list[str], list[list[str]]]:
    """Return what each assumption does to the choice's regret and to who is best, and where it turns it."""
    several = len({turn.budget for turn in found.turns}) > 1
    header = ["assumption", "a_world", *(["budget"] if several else []), "regret_of", "best_there", "turned"]
    rows = []
    for turn in found.turns[:most]:
        regrets = [words["barred_briefly"] if math.isnan(end.regret) else money(end.regret) for end in _ends(turn)]
        where = "turned_where" if turn.drawn else "turned_there"
        turned = words[where if turn.instead else "turned_not"].format(
            side=_side(turn, words), at=_figure(turn.at), instead=turn.instead
        )
        rows.append([
            _short(turn.assumption) or words["first_world"], turn.world,
            *(["" if turn.budget is None else money(turn.budget)] if several else []), _then(regrets, words),
            _then([end.best or words["barred_briefly"] for end in _ends(turn)], words), turned,
        ])  # fmt: skip
    return [words[name] for name in header], rows


def plain_turns(found: Turning | None) -> list[dict[str, Any]]:
    """Return plain data: a row for each assumption and budget."""
    if found is None:
        return []
    rows = []
    for turn in found.turns:
        plain = asdict(turn)
        (regret_before, best_before), (regret_after, best_after) = plain.pop("before"), plain.pop("after")
        between_low, between_high = plain.pop("between")
        rows.append({
            "choice": found.choice, **plain, "instead": turn.instead or None,
            "at_expected": _in_expected_numbers(turn, found), "between_low": between_low,
            "between_high": between_high, "regret_before": regret_before, "regret_after": regret_after,
            "best_before": best_before, "best_after": best_after,
        })  # fmt: skip
    return rows


def plain_lost(found: Turning | None) -> list[dict[str, Any]]:
    """Return plain data: the worlds of each family and budget that turn the choice though no number alone says when."""
    return [] if found is None else [asdict(each) for each in found.lost]


def _ends(turn: Turn) -> list[Any]:
    return [turn.before, turn.after] if turn.assumption else [turn.after]


def _then(texts: list[str], words: Words) -> str:
    return texts[0] if len(set(texts)) == 1 else words["then"].format(before=texts[0], after=texts[1])


def _side(turn: Turn, words: Words) -> str:
    return words["above" if turn.above else "below"]


def _place(budget: float | None, words: Words) -> str:
    return "" if budget is None else words["at_budget"].format(budget=money(budget))


def _figure(value: float) -> str:
    """Return three significant digits."""
    return f"{float(f'{value:.3g}'):,.10g}"


def _short(text: str) -> str:
    return padded(text, LONGEST, cut=True).rstrip()
