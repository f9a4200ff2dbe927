"""What ``tenure allocate`` prints."""

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.words.figures import money, rounded_up
from experiments.words.phrases import at_least, at_most, number_at_least, number_at_most
from experiments.words.tables import table

if TYPE_CHECKING:
    from optimizer.curves.result import CurveAllocation

__all__ = ["allocation_summary", "amount"]

WIDE = 8
"""Periods that still fit side by side; more are shown in blocks."""
BLOCKS = 4


def allocation_summary(result: "CurveAllocation", curves: Path, currency: str, output: Path | None) -> str:
    """Return what ``tenure allocate`` prints: the plan, what it brings, what limits it, how sure that is, what next."""
    unit = f" {currency}".rstrip()
    spent = float(result.spend.sum())
    least = not math.isnan(result.target)
    lines = [
        f"The plan: {amount(spent)}{unit} of {amount(result.budget)}{unit} by channel and period",
        "",
        _plan_table(result),
        "",
        *_carried(result, unit),
        f"The response is {result.value:,.6g}, {result.value - result.base:,.6g} more than without spend"
        f"{_return(result.value - result.base, spent)}.",
        _price_of_response(result, unit) if least else _price(result, unit),
    ]
    rules = [f"{rule.rule} ({rule.price:+.4g})" for rule in result.binding if rule.rule != "budget"]
    if rules:
        more = f" and {len(rules) - 8} more (--json lists all)" if len(rules) > 8 else ""
        per = "money saved by unit of the limit" if least else "d(response)/d(limit)"
        lines.append(f"Other rules that bind, with {per}: {'; '.join(rules[:8])}{more}.")
    if result.unspent_because:
        shown = "; ".join(result.unspent_because[:6]) + ("; ..." if len(result.unspent_because) > 6 else "")
        lines.append(f"Not spent: {amount(result.unspent)}{unit}. What stops it: {shown}.")
    lines += [f"Note: {note}." for note in result.remarks]
    lines += [_certificate(result), "", _next_step(result, curves, output)]
    return "\n".join(lines)


def _plan_table(result: "CurveAllocation") -> str:
    """Return channels by periods, or by blocks of periods, with totals and what each channel brings."""
    names, spend, by_channel = list(result.periods), result.spend, result.response_by_channel
    if len(names) > WIDE:
        blocks = [block for block in np.array_split(np.arange(len(names)), BLOCKS) if block.size]
        spend = np.stack([spend[:, block].sum(axis=1) for block in blocks], axis=1)
        names = [f"{names[block[0]]} to {names[block[-1]]}" for block in blocks]
    one = len(names) == 1
    rows = []
    for c, channel in enumerate(result.channels):
        figures = [] if one else [amount(x) if x else "." for x in spend[c]]
        rows.append([channel, *figures, amount(float(spend[c].sum())), f"{by_channel[c]:,.6g}"])
    totals = [] if one else [amount(float(x)) for x in spend.sum(axis=0)]
    rows.append(["all", *totals, amount(float(spend.sum())), f"{by_channel.sum():,.6g}"])
    return table(["channel", *([] if one else names), "spend", "response"], rows)


def amount(value: float) -> str:
    """Return money to two decimals where it is small."""
    return money(value, decimals=2)


def _return(lift: float, spent: float) -> str:
    return f", {lift / spent:,.4g} per unit of money" if spent > 0 else ""


def _price(result: "CurveAllocation", unit: str) -> str:
    """Return the budget's shadow price in words."""
    right, left = result.shadow_price, result.shadow_price_left
    if right != right:
        text = "Shadow price of the budget: none to the right; no plan fits the rules with more"
    else:
        one = f"one more{unit}" if unit else "one more unit of money"
        text = f"Shadow price of the budget: {right:,.4g}, what {one} brings"
        if left == left and abs(left - right) > 1e-6 * max(abs(left), abs(right)):
            text += f"; one less would take away {left:,.4g}"
    return f"{text} (local: with the plan's thresholds and campaigns)." if result.local else f"{text}."


def _price_of_response(result: "CurveAllocation", unit: str) -> str:
    """Return what one more unit of response costs, in words."""
    right, left = result.target_price, result.target_price_left
    text = "The next unit of response costs " + ("more than was tried" if right != right else f"{right:,.4g}{unit}")
    if left == left and right == right and abs(left - right) > 1e-6 * max(abs(left), abs(right)):
        text += f"; one less would save {left:,.4g}{unit}"
    return f"{text} (local: with the plan's thresholds and campaigns)." if result.local else f"{text}."


def _carried(result: "CurveAllocation", unit: str) -> list[str]:
    """Return what carries into the window and out of it, where something does."""
    said = []
    if result.before:
        before = "; ".join(f"{c} {', '.join(amount(m) for m in money)}" for c, money in result.before.items())
        said.append(f"Carried in from the periods before the first, in the order of time: {before}{unit}.")
    if result.after.any():
        said.append(
            f"Counted beyond the last period, as if no more were spent: a response of {result.after.sum():,.6g}."
        )
    return said


def _certificate(result: "CurveAllocation") -> str:
    if not math.isnan(result.target):
        least = number_at_least(result.least_budget, 6)
        said = f"No plan under these rules reaches {result.target:,.7g} with less than {least}"
        if result.status == "optimal":
            return f"{said}: proven (gap {number_at_most(result.gap, 1)})."
        could = f"at least {at_least(1 - result.gap)} of this plan's budget, which could be less by at most "
        return f"{said}: {could}{at_most(result.gap)} ({result.termination}). A longer --time-limit can close that."
    bound, gap = number_at_most(result.bound, 7), number_at_most(result.gap, 1)
    if result.status == "optimal":
        return f"Proven optimal: no plan under these rules brings more than {bound} (gap {gap})."
    return (
        f"Not proven optimal ({result.termination}): no plan under these rules brings more than {bound}; this one may "
        f"lack {rounded_up(result.gap, '0.0001'):.2%} of the possible lift. A longer --time-limit can close that."
    )


def _next_step(result: "CurveAllocation", curves: Path, output: Path | None) -> str:
    other, does = ("another --budget", "brings") if math.isnan(result.target) else ("another --reach", "costs")
    if output is not None:
        return f"Written to {output}. Next: {other}, to see what it {does}"
    again = f"tenure allocate {shlex.quote(str(curves))}"
    return f"Next: {again} with the same options and -o plan.xlsx (or .csv, .json), or with {other}"
