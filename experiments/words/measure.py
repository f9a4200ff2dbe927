"""What each measure brought, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from experiments.words.figures import money
from experiments.words.tables import table

if TYPE_CHECKING:
    from experiments.measure import Effect, Measured

__all__ = ["effects_table", "measured_answer", "measured_text"]

VERDICTS = {
    "paid": "necessary: it brought more than it cost",
    "worked": "necessary: less would have come without it; whether it has paid yet cannot be told",
    "lost": "in this time it cost more than it brought",
    "harmed": "less came with it than without",
    "open": "cannot be told from nothing: more people, or more time",
    "no control group": "no control group: what would have come by itself is not known",
}
ASSUMES = (
    "Brings: margin a head of those treated less that of the control group, in the time counted alone: what those who "
    "stay buy later is not in it. Intervals: 95 %, of luck, each by itself."
)


def measured_answer(found: Measured) -> str:
    """Return what each measure brought, all segments together."""
    lines = []
    for each in found.effects:
        if each.segment != "all":
            continue
        said = f"{each.measure}: {VERDICTS[each.verdict]}."
        if not math.isnan(each.brings):
            unit = f"{each.spent:,.2f} spent: {each.a_unit:,.2f} a unit" if each.spent > 0 else "no money"
            said += (
                f" {_money(each.brings)} a head ({_between(each)}) for {unit}, {money(each.net, signed=True)} net on "
                f"{each.treated:,} people."
            )
        lines.append(said)
    return "\n".join(lines)


def _money(amount: float) -> str:
    return f"{amount:+,.2f}"


def _between(each: Effect) -> str:
    return "nobody bought" if math.isnan(each.low) else f"{_money(each.low)} to {_money(each.high)}"


def effects_table(found: Measured) -> tuple[list[str], list[list[str]]]:
    """Return names of columns and a row for each measure and segment."""
    header = ["measure", "segment", "treated", "control", "bought", "without", "paid", "without"]
    header += ["brings", "95 % interval", "spent", "a unit"]
    return header, [_row(each) for each in found.effects]


def _row(each: Effect) -> list[str]:
    told = not math.isnan(each.brings)
    return [
        each.measure, each.segment, f"{each.treated:,}", f"{each.control:,}", _share(each.bought),
        _share(each.bought_without), _plain(each.paid), _plain(each.paid_without), _money(each.brings) if told else "",
        _between(each) if told else "", _plain(each.spent),
        f"{each.a_unit:,.2f}" if told and not math.isnan(each.a_unit) else "",
    ]  # fmt: skip


def _share(share: float) -> str:
    return "" if math.isnan(share) else f"{share:.1%}"


def _plain(amount: float) -> str:
    return "" if math.isnan(amount) else f"{amount:,.2f}"


def measured_text(found: Measured) -> str:
    """Return what people read."""
    parts = [
        measured_answer(found),
        table(*effects_table(found)),
        f"Counted from {found.first} to {found.last}. {ASSUMES}",
    ]
    if found.outcome:
        rows = [
            [name, money(planned), money(came), money(came - planned, signed=True)]
            for name, planned, came in found.outcome
        ]
        planned, came = sum(each[1] for each in found.outcome), sum(each[2] for each in found.outcome)
        rows.append(["all", money(planned), money(came), money(came - planned, signed=True)])
        parts.insert(2, table(["those listed paid", "planned", "came", "more"], rows))
    if found.notes:
        parts.append("\n".join(f"- {note}" for note in found.notes))
    return "\n\n".join(parts)
