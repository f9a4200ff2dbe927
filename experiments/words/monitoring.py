"""What has become of a plan, in words and tables: for the terminal, the page and the answer."""

from __future__ import annotations

import math

from experiments.monitored import ADJUST, STAY, Monitored
from experiments.words.figures import money, percent
from sim.monitoring.signals import Signal

__all__ = [
    "estimated", "first_signals", "followed_table", "headline", "moved_table", "notes", "of_lines",
    "signal_in_words", "stake",
]  # fmt: skip

WHAT = {
    "winning": "prospects won", "leaving": "active customers who fell silent or left", "rate": "purchases",
    "amount": "money paid for the purchases made", "satisfaction": "points of satisfaction",
}  # fmt: skip
MOST_MOVED = 6
"""Lines of a new plan that are named."""


def _money(found: Monitored, amount: float, *, signed: bool = False) -> str:
    return f"{money(amount, signed)} {found.currency}".rstrip()


def headline(found: Monitored) -> str:
    """Return the verdict in a sentence."""
    if found.verdict == STAY:
        return "Stay with the plan: nothing has moved beyond what luck does."
    if found.verdict == ADJUST and found.plan is None:
        return "Adjust what you expect: something has moved, and there is no new plan to make from it; look at why."
    if found.verdict == ADJUST:
        return (
            "Adjust what you expect and keep the plan: something has moved, and a new plan would bring "
            f"{_money(found, found.gain, signed=True)} only, less than the {_money(found, found.pays)} that make it "
            "worth while."
        )
    return f"Plan again: something has moved, and a new plan brings {_money(found, found.gain, signed=True)}."


def stake(found: Monitored) -> str:
    """Return what the plan is worth now against what was planned."""
    asset = found.lines[0]
    lasts = f" if what has moved lasts ({money(asset.actual[-1])} if it does not)" if found.change else ""
    return (
        f"After {found.periods} of {found.horizon} {found.period}s the customer asset under the plan is "
        f"{_money(found, found.now)}{lasts}, planned {_money(found, found.planned)} "
        f"({_money(found, found.now - found.planned, signed=True)}; "
        f"luck alone: {money(asset.low[-1])} to {money(asset.high[-1])})."
    )


def of_lines(found: Monitored) -> str:
    """Return what the table of what is followed means."""
    ahead = " The customer asset takes what is to come as the scenario has it." if found.change else ""
    return (
        "By luck: 5 % to 95 % of markets that run as planned; (!) lies outside. Many lines are followed, and one in "
        f"ten lies outside by luck alone: the verdict rests on the tests.{ahead}"
    )


def first_signals(found: Monitored) -> list[Signal]:
    """Return what has moved, each quantity once, where it shows most clearly."""
    out: dict[tuple[str, bool], Signal] = {}
    for each in found.signals:
        out.setdefault((each.quantity, each.up), each)
    return list(out.values())


def estimated(found: Monitored) -> list[str]:
    """Return in words what the new plan takes for granted."""
    if found.change is None:
        return []
    out = [
        f"{shock.route} {shock.size:+.0%} from {found.period} {shock.start + 1} on"
        + (f" in {', '.join(shock.segments)}" if shock.segments else "")
        for shock in found.change.shocks
    ]
    if found.change.phase:
        out.append(f"seasons {found.change.phase} {found.period}s earlier")
    return out


def notes(found: Monitored) -> str:
    """Return what the verdict rests on, and what it cannot see."""
    said = [
        f"Tests: an alarm in {percent(found.share)} of markets that run as planned over the whole horizon "
        f"({found.rate:g} a year), all tests together; limits and bands (5 % to 95 %) are from {found.replications} "
        "parallel markets under the plan, and as the scenario has it: errors of the scenario count as changes."
    ]
    if estimated(found):
        said.append(f"Estimated, and taken to last: {'; '.join(estimated(found))}.")
    return " ".join([*said, *found.unseen])


def followed_table(found: Monitored) -> tuple[list[str], list[list[str]]]:
    """Return what is followed, at the last period."""
    rows = [
        [f"{line.name}{' (!)' if line.outside else ''}", f"{line.actual[-1]:,.0f}", f"{line.planned[-1]:,.0f}",
         f"{line.low[-1]:,.0f} to {line.high[-1]:,.0f}",
         *((f"{line.slope:+,.4g}", f"{line.slope_low:+,.4g} to {line.slope_high:+,.4g}")
           if not math.isnan(line.slope) else ("", ""))]
        for line in found.lines
    ]  # fmt: skip
    return ["", "actual", "planned", "by luck", f"slope a {found.period}", "by luck"], rows


def moved_table(found: Monitored) -> tuple[list[str], list[list[str]]]:
    """Return what the new plan changes, the most first, the rest in one line; terms are named, no budget pays them."""
    named, rest = found.moved[:MOST_MOVED], found.moved[MOST_MOVED:]
    lines = [(f"{segment} / {lever}{_terms(found, lever)}", one, two) for segment, lever, one, two in named]
    if rest:
        lines.append((f"{len(rest)} more lines", sum(row[2] for row in rest), sum(row[3] for row in rest)))
    rows = [[name, f"{before:,.0f}", f"{after:,.0f}", f"{after - before:+,.0f}"] for name, before, after in lines]
    return ["money still to be spent", "plan", "new plan", "change"], rows


def _terms(found: Monitored, lever: str) -> str:
    pays = found.pays_of.get(lever, "budget")
    return "" if pays == "budget" else f" ({pays}, no money of the budget)"


def signal_in_words(signal: Signal, period: str) -> str:
    """Return what has moved in a sentence."""
    more = "more" if signal.up else "less" if signal.quantity == "amount" else "fewer"
    off = f", {signal.actual / signal.planned - 1:+.0%}" if signal.planned > 0 else ""
    return (
        f"{signal.segment}: {more} {WHAT[signal.quantity]} than planned since {period} "
        f"{signal.since + 1}: {signal.actual:,.0f} against {signal.planned:,.0f}{off}; noticed after {period} "
        f"{signal.noticed + 1}."
    )
