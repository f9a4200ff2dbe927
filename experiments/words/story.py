"""A customer's life as people read it: a line for each period in which something happened, one for each silence."""

import itertools
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from experiments.trace import Life, Moment
from experiments.words.figures import counted

__all__ = ["life_in_words", "told"]

SHOWN = 0.005
"""Money from which a cent is shown; less is dust of a plan."""
_TERMS = {"price": "let off it at usual purchases", "charge": "charged it", "service": "served it for"}
_FEELS = {0: "very dissatisfied", 25: "dissatisfied", 50: "indifferent", 75: "satisfied", 100: "very satisfied"}


def life_in_words(life: Life, path: Path) -> str:
    """Return what ``tenure trace`` prints; ``path`` as the user gave it."""
    again = f"tenure trace {shlex.quote(str(path))} --customer {shlex.quote(life.customer)} --segment "
    other = "no-spend" if life.policy != "no spend" else "as-today"
    again += f"{shlex.quote(life.segment)} --policy {other}"
    return f"{told(life)}\nNext: {again}   # the same luck under another policy"


def told(life: Life) -> str:
    """Return a life in lines: who, what is hidden, and what happened when."""
    who = f"Customer {life.customer} of {life.segment}" + (f", {life.tier} tier" if life.tier != "unknown" else "")
    hidden = [
        f"as a customer buys {life.purchase_rate:.3g} times a {life.period} for {life.mean_spend:.2f} on average",
        f"stays for {_stay(life)}",
        *([f"never pays {life.bad_debt:.0%} of it"] if life.bad_debt else []),
    ]
    money = f"; money in {life.currency}" if life.currency else ""
    lines = [
        f"{who} under '{life.policy}', seed {life.seed}{money}.",
        f"Hidden from the firm: {'; '.join(hidden)}.",
        "",
    ]
    chapters = [(_when(life, chapter), _chapter(life, chapter)) for chapter in _chapters(life.moments[:-1])]
    width = max(len(when) for when, _ in chapters)
    lines += [f"{when:<{width}}  {what}" for when, what in chapters]
    return "\n".join([*lines, f"{'the end':<{width}}  {_state(life.moments[-1], '')}", "", _in_all(life)])


def _stay(life: Life) -> str:
    if life.defection_rate <= 0:
        return "ever"
    return f"{1 / life.defection_rate:.3g} {life.period}s on average"


def _chapters(moments: Sequence[Moment]) -> list[list[Moment]]:
    """Return the periods in stretches: one each where something happened, silence together."""

    def silence(moment: Moment) -> str | int:
        return moment.period if moment.purchases or moment.event else moment.true

    return [list(chapter) for _, chapter in itertools.groupby(moments, key=silence)]


def _when(life: Life, chapter: Sequence[Moment]) -> str:
    first, last = chapter[0].period + 1, chapter[-1].period + 1
    return f"{life.period} {first}" if first == last else f"{life.period}s {first} to {last}"


def _chapter(life: Life, chapter: Sequence[Moment]) -> str:
    """Return a stretch of periods in words."""
    first = chapter[0]
    if not first.there:
        return "not there yet"
    happened = _happened(life, first)
    parts = [_course(life, chapter)]
    if happened:
        parts.append(happened)
    elif first.true == "alive":
        parts.append("silent")
    return "; ".join([*parts, *_spent(chapter), *_terms(life, chapter), *_missed(chapter), *_late(chapter)])


def _course(life: Life, chapter: Sequence[Moment]) -> str:
    """Return how the firm saw the customer, what was true, and how that changed in the stretch."""
    words = [_state(chapter[0], "")]
    looks: tuple[Callable[[Moment], str], ...] = (lambda m: f"seen as {m.stage}", *_LOOKS)
    for before, now in itertools.pairwise(chapter):
        changed = [look(now) for look in looks if look(now) != look(before) and look(now)]
        if changed:
            words.append(f"{', '.join(changed)} from {life.period} {now.period + 1} on")
    return "; ".join(words)


def _state(moment: Moment, nothing: str) -> str:
    """Return where a customer is: as the firm sees it, and what is true."""
    if not moment.there:
        return "not there yet"
    if moment.true in ("unaware", "prospect"):
        return {"unaware": "does not know the firm", "prospect": "a prospect"}[moment.true]
    truth = {"alive": nothing, "gone": "truly gone", "lost": "truly lost for good"}[moment.true]
    return ", ".join(part for part in (f"seen as {moment.stage}", truth, *(look(moment) for look in _LOOKS)) if part)


def _feeling(moment: Moment) -> str:
    if moment.satisfaction is None:
        return ""
    return f"{_FEELS[round(moment.satisfaction)]} ({moment.satisfaction:.0f})"


def _ties(moment: Moment) -> str:
    if moment.ties is None:
        return ""
    tied = [kind for kind, number in moment.bond.items() if number and kind not in ("categories", "club")]
    return f"{moment.ties or 'no'} tie{'' if moment.ties == 1 else 's'}" + (f" ({', '.join(tied)})" if tied else "")


def _categories(moment: Moment) -> str:
    number = moment.bond.get("categories")
    return "" if number is None else f"buys in {number} categor{'y' if number == 1 else 'ies'}"


def _member(moment: Moment) -> str:
    grade = moment.bond.get("club")
    return "" if grade is None else "no member of the club" if grade == "no member" else f"{grade} in the club"


def _grown(moment: Moment) -> str:
    """Return how much more a customer brings for having been kept."""
    parts = [f"{times:.3g} times the {what}" for times, what in zip(moment.grown, ("rate", "amount"), strict=True)]
    more = [part for part, times in zip(parts, moment.grown, strict=True) if times != 1]
    return f"grown to {' and '.join(more)}" if more else ""


_LOOKS = (_feeling, _ties, _categories, _member, _grown)
"""What is looked at of a true customer, in this order."""


def _happened(life: Life, moment: Moment) -> str:
    """Return what the customer did in a period."""
    bought = f"{moment.purchases} for {moment.revenue:.2f}"
    leaves = "leaves, and nobody sees it" if life.leaves_unseen else "leaves"
    words = {
        "aware": "becomes a prospect",
        "won": f"first purchase for {moment.revenue:.2f}",
        "returned": f"comes back with a purchase for {moment.revenue:.2f}",
        "left": f"bought {bought}; then {leaves}" if moment.purchases else leaves,
        "lost": "is lost for good",
    }
    if moment.event is not None:
        return words[moment.event]
    return f"bought {bought}" if moment.purchases else ""


def _spent(chapter: Sequence[Moment]) -> list[str]:
    """Return the money spent on the customer in a stretch, by lever."""
    by_lever: dict[str, float] = {}
    for moment in chapter:
        for lever, money in moment.spend.items():
            by_lever[lever] = by_lever.get(lever, 0.0) + money
    shown = [f"{lever} {money:.2f}" for lever, money in by_lever.items() if money >= SHOWN]
    return [f"spent on it: {', '.join(shown)}"] if shown else []


def _terms(life: Life, chapter: Sequence[Moment]) -> list[str]:
    """Return the money of the terms that the customer was under in a stretch, by what it is."""
    return [
        f"{words}: {', '.join(f'{lever} {money:.2f}' for lever, money in by_lever.items())}"
        for kind, words in _TERMS.items()
        if (by_lever := {lever: money for lever, money in _sum(chapter).items() if life.pays[lever] == kind})
    ]


def _missed(chapter: Sequence[Moment]) -> list[str]:
    """Return of which levers the care may have missed the customer at the end of a stretch, and what that does."""
    said = [
        f"{lever} misses {share:.0%} of these (chance of a level up {shift:+.1%})"
        for lever, (share, shift) in chapter[-1].missed.items()
        if abs(shift) >= SHOWN / 10
    ]
    return [", ".join(said)] if said else []


def _late(chapter: Sequence[Moment]) -> list[str]:
    """Return what levers did of late where the customer stood at the end of a stretch."""
    said = [
        f"{lever} {spent:.2f} a period (works as {works:.2f}"
        + (f", added {added:+.0%} to purchases)" if abs(added) >= SHOWN else ")")
        for lever, (works, spent, added) in chapter[-1].late.items()
        if max(works, spent) >= SHOWN
    ]
    return [f"of late: {', '.join(said)}"] if said else []


def _sum(moments: Sequence[Moment]) -> dict[str, float]:
    """Return the money of terms by lever."""
    total: dict[str, float] = {}
    for moment in moments:
        for lever, money in moment.terms.items():
            total[lever] = total.get(lever, 0.0) + money
    return total


def _in_all(life: Life) -> str:
    moments = life.moments[:-1]
    spent = sum(sum(moment.spend.values()) for moment in moments)
    purchases, revenue = sum(moment.purchases for moment in moments), sum(moment.revenue for moment in moments)
    charged = sum(money for lever, money in _sum(moments).items() if life.pays[lever] == "charge")
    return (
        f"In all: {counted(purchases, 'purchase')} for {revenue:.2f} in {counted(len(moments), life.period)}, "
        f"{f'{charged:.2f} charged, ' * bool(charged)}and {spent:.2f} spent on it."
    )
