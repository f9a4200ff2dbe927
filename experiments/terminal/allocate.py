"""What ``tenure allocate`` prints."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.words.figures import rounded_up
from experiments.words.phrases import number_at_most
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
    lines = [
        f"The plan: {amount(spent)}{unit} of {amount(result.budget)}{unit} by channel and period",
        "",
        _plan_table(result),
        "",
        f"The response is {result.value:,.6g}, {result.value - result.base:,.6g} more than without spend"
        f"{_return(result.value - result.base, spent)}.",
        _price(result, unit),
    ]
    rules = [f"{rule.rule} ({rule.price:+.4g})" for rule in result.binding if rule.rule != "budget"]
    if rules:
        more = f" and {len(rules) - 8} more (--json lists all)" if len(rules) > 8 else ""
        lines.append(f"Other rules that bind, with d(response)/d(limit): {'; '.join(rules[:8])}{more}.")
    if result.unspent_because:
        shown = "; ".join(result.unspent_because[:6]) + ("; ..." if len(result.unspent_because) > 6 else "")
        lines.append(f"Not spent: {amount(result.unspent)}{unit}. What stops it: {shown}.")
    lines += [_certificate(result), "", _next_step(curves, output)]
    return "\n".join(lines)


def _plan_table(result: "CurveAllocation") -> str:
    """Return channels by periods, or by blocks of periods, with totals and what each channel brings."""
    names, spend = list(result.periods), result.spend
    if len(names) > WIDE:
        blocks = [block for block in np.array_split(np.arange(len(names)), BLOCKS) if block.size]
        spend = np.stack([spend[:, block].sum(axis=1) for block in blocks], axis=1)
        names = [f"{names[block[0]]} to {names[block[-1]]}" for block in blocks]
    one = len(names) == 1
    rows = []
    for c, channel in enumerate(result.channels):
        figures = [] if one else [amount(x) if x else "." for x in spend[c]]
        rows.append([channel, *figures, amount(float(spend[c].sum())), f"{result.response[c].sum():,.6g}"])
    totals = [] if one else [amount(float(x)) for x in spend.sum(axis=0)]
    rows.append(["all", *totals, amount(float(spend.sum())), f"{result.response.sum():,.6g}"])
    return table(["channel", *([] if one else names), "spend", "response"], rows)


def amount(money: float) -> str:
    """Return money to two decimals where it is small."""
    if money and abs(money) < 0.01:
        return f"{money:.3g}"
    return f"{money:,.2f}".removesuffix(".00") if abs(money) < 10_000 else f"{money:,.0f}"


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


def _certificate(result: "CurveAllocation") -> str:
    bound, gap = number_at_most(result.bound, 7), number_at_most(result.gap, 1)
    if result.status == "optimal":
        return f"Proven optimal: no plan under these rules brings more than {bound} (gap {gap})."
    return (
        f"Not proven optimal ({result.termination}): no plan under these rules brings more than {bound}; this one may "
        f"lack {rounded_up(result.gap, '0.0001'):.2%} of the possible lift. A longer --time-limit can close that."
    )


def _next_step(curves: Path, output: Path | None) -> str:
    if output is not None:
        return f"Written to {output}. Next: another --budget, to see what it brings"
    again = f"tenure allocate {shlex.quote(str(curves))}"
    return f"Next: {again} with the same options and -o plan.xlsx (or .csv, .json), or with another --budget"
