"""Plain text tables for the terminal: they survive pipes, narrow windows and copying into a mail."""

import math
from collections.abc import Sequence

from experiments.compare import Comparison
from optimizer.plan import Plan

__all__ = ["money", "plan_table", "policy_table", "table"]

DUST = 1e-9
"""Share of the amounts beside it that only arithmetic leaves."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Return aligned columns; the first ``left`` to the left, the others to the right."""
    cells = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = [
        "  ".join(
            c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * w for w in widths), *lines[1:]])


def money(amount: float, signed: bool = False, *, among: float = 0.0, decimals: int = 0) -> str:
    """Return an amount with thousands separated: whole units, or some decimals up to 10,000.

    Below ten (below one, with decimals) three significant digits; ``among`` is the largest amount that it stands
    beside, whose digits count: beside millions 0.3 is nothing.
    """
    size = max(abs(amount), abs(among))
    sign = "+" if signed else ""
    if not math.isfinite(size) or abs(amount) <= DUST * size:
        return f"{round(amount) if math.isfinite(amount) else amount}"
    if size < (1 if decimals else 10):
        text = f"{amount:{sign},.{2 - math.floor(math.log10(size))}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if decimals and abs(amount) < 10_000:
        return f"{amount:{sign},.{decimals}f}".removesuffix(f".{'0' * decimals}")
    rounded = round(amount)
    return f"{rounded:{sign},}" if rounded else "0"


def policy_table(comparison: Comparison) -> str:
    """Return policies with their customer asset, difference, customers kept and spend."""
    reference = comparison.outcomes[0].name
    most = max(abs(outcome.asset) for outcome in comparison.outcomes)
    rows = []
    for place, outcome in enumerate(comparison.outcomes):
        if place == 0:
            difference, interval = "", ""
        else:
            difference = money(outcome.difference, signed=True, among=most)
            interval = " to ".join(money(end, signed=True, among=most) for end in (outcome.low, outcome.high))
            if comparison.replications < 2:
                interval = "needs 2 replications"
        rows.append(
            [
                outcome.name, money(outcome.asset), difference, interval, f"{outcome.kept.mean():,.0f}",
                money(float(outcome.spends.mean())),
            ]
        )  # fmt: skip
    header = ["policy", "customer asset", f"vs {reference}", "95 % interval", "alive at end", "spend"]
    return table(header, rows)


def plan_table(plan: Plan) -> str:
    """Return the plan's expected money over the horizon by segment and lever."""
    segments, levers, spend = plan.by_segment_and_lever()
    total = float(spend.sum())
    rows = [
        [segment, *[money(x, among=total) if x else "." for x in line], money(float(line.sum()), among=total)]
        for segment, line in zip(segments, spend, strict=True)
    ]
    rows.append(["all", *[money(x, among=total) for x in spend.sum(axis=0)], money(total)])
    return table(["segment", *levers, "all"], rows)
