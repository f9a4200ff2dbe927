"""What it is worth to know an assumption, and what to test next, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.words.assumptions import in_words
from experiments.words.figures import money
from experiments.words.odds import number
from experiments.words.tables import table
from sim.intervals import NORMAL

if TYPE_CHECKING:
    from optimizer.insight.information import Information, Trial

__all__ = ["information_answer", "information_table", "information_text", "test_in_words"]

ASSUMES = (
    "Worth knowing: what could be done better, in expected numbers, if the number were known before deciding; the best "
    "plans at both ends of ranges are among what could be done, better ones may exist. Chances are those of typical "
    "customers, taken as seen at the end of the test; leaving that nobody sees is told by who still buys, and later."
)
SLIGHT = 0.01
"""Share of the money that a test spends below which what it leaves is called little."""
POOR = 0.8
"""Share of the differences between decisions below which it is said how little is explained."""


def information_answer(found: Information, period: str, currency: str) -> str:
    """Return what to test next, how, and what it is worth."""
    unit = f" {currency}".rstrip()
    count = len(found.knowing)
    numbers = f"all {count} numbers" if count > 1 else "the number"
    every = f"Knowing {numbers} without error is worth {money(found.perfect)}{unit}."
    pays = found.next
    if pays is None or pays.trial is None:
        best = _plan(found.best)
        return f"No test pays: {best} is to be done whatever one finds, or what tests cost is more. {every}"
    slight = pays.trial.net < SLIGHT * pays.trial.money
    what = in_words(pays.path)
    lead = f"No test brings much; the best is of {what}" if slight else f"Test {what} next"
    return f"{lead}: {test_in_words(pays.trial, period, unit)} {every}"


def test_in_words(trial: Trial, period: str, unit: str) -> str:
    """Return an experiment in sentences."""
    treated = trial.customers * (1 - trial.control)
    who = ", ".join(trial.segments)
    spends = f"the test spends {money(trial.money)}" if trial.money else "no budget pays for such a test"
    said = (
        f"{trial.customers:,.0f} people of {who} ({', '.join(trial.stages)}), {treated:,.0f} of them by lot with "
        f"{number(trial.dose)} each of {trial.lever} and the others without, for {trial.periods} "
        f"{period}{'s' * (trial.periods != 1)}. Its result is worth {money(trial.worth)}{unit} and costs "
        f"{money(trial.costs)}, so that {money(trial.net, signed=True)} is left; {spends}."
    )
    if trial.turns_at is not None:
        said += f" Measured below {number(trial.turns_at)}: {_plan(trial.below)}; above: {_plan(trial.above)}."
    return said


def _plan(name: str) -> str:
    """Return what a decision is called, the number that it is best for in words."""
    said, where, rest = name.partition(" where ")
    path, found, value = rest.rpartition(" is ")
    return f"{said}{where}{in_words(path)}{found}{value}"


def information_table(found: Information) -> tuple[list[str], list[list[str]]]:
    """Return names of columns and a row for each number, the most worth knowing first."""
    header = [
        "assumption",
        "range",
        "worth knowing",
        "test of",
        "periods",
        "tells it to",
        "result worth",
        "costs",
        "left",
    ]
    rows = []
    for each in found.knowing:
        row = [each.path, f"{number(each.low)} to {number(each.high)}", money(each.perfect)]
        trial = each.trial
        if trial is None:
            rows.append([*row, each.why, *[""] * 5])
        else:
            rows.append([
                *row, f"{trial.customers:,.0f}", str(trial.periods), f"+-{number(NORMAL * trial.error)}",
                money(trial.worth), money(trial.costs), money(trial.net, signed=True),
            ])  # fmt: skip
    return header, rows


def information_text(found: Information, period: str, currency: str) -> str:
    """Return what people read."""
    parts = [information_answer(found, period, currency), "", table(*information_table(found)), "", ASSUMES]
    if found.explained < POOR:
        parts.append(
            f"Worths by number are rough: sums of parabolas explain {found.explained:.0%} of the differences between "
            "what could be done; --samples takes more worlds."
        )
    return "\n".join(parts)
