"""What a gain is made of, as a board reads it: from whom, when, from which month on, and on whom the money is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.words.figures import money, percent, plain
from experiments.words.phrases import called

if TYPE_CHECKING:
    from experiments.decision import Decision

__all__ = ["gain_in_words"]


def gain_in_words(found: Decision, *, years: bool = True) -> list[str]:
    """Return where the best policy's gain comes from, in sentences; nothing where the reference is best.

    Without ``years`` neither what it brings by year nor for whom the money is.
    """
    if found.best is found.reference:
        return []
    scenario = found.twin.scenario
    gain = found.best.asset - found.reference.asset
    times = f"{scenario.periods} {scenario.period}s"
    first = f"Of the {_signed(gain)}, {_signed(found.within)} come within the {times}"
    first += f" and {_signed(found.after)} after" if scenario.terminal != "none" else ""
    present = found.present
    if present is not None:
        first += (
            f"; {_signed(present)} from present customers and {_signed(found.expected_gain - present)} from people "
        )
        first += "yet to be won (in expected numbers)"
    said = [_payback(found)]
    name, more = found.first_within
    if more > 0:
        said.append(f"Counting the horizon alone, {called(name)} would be ahead of it by {money(more)}.")
    spans = found.spans("year") if years else ()
    if len(spans) > 1:
        each = ", ".join(f"{year.name} {_signed(year.gain)}" for year in spans)
        said.append(f"Discounted profit against {found.reference.name} by year: {each}.")
    if years and found.on_the_unwon > 0:
        said.append(f"{_share(found.on_the_unwon)} of the money is for people who are no customers yet.")
    if scenario.terminal != "none":
        said.append(
            f"{_share(found.asset_after)} of the customer asset lies after {scenario.period} {scenario.periods}."
        )
    return [f"{first}.", " ".join(said)]


def _payback(found: Decision) -> str:
    at, period = found.payback, found.twin.scenario.period
    if at is None:
        return (
            f"Within the horizon {found.reference.name} stays ahead, by {money(-float(found.ahead[-1]))} at its end: "
            "it pays back after it."
        )
    return "It is ahead from the start." if at == 0 else f"It pays back in {period} {at}."


def _signed(amount: float) -> str:
    return money(amount, signed=True)


def _share(share: float) -> str:
    return plain(percent(share))
