"""Plain text tables for the terminal: they survive pipes, narrow windows and copying into a mail."""

from collections.abc import Sequence

from experiments.compare import Comparison
from optimizer.plan import Plan

__all__ = ["money", "plan_table", "policy_table", "table"]


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


def money(amount: float, signed: bool = False) -> str:
    """Return an amount rounded to whole units with thousands separated."""
    rounded = round(amount)
    return f"{rounded:+,}" if signed and rounded else f"{rounded:,}"


def policy_table(comparison: Comparison) -> str:
    """Return policies with their customer asset, difference, customers kept and spend."""
    reference = comparison.outcomes[0].name
    rows = []
    for place, outcome in enumerate(comparison.outcomes):
        if place == 0:
            difference, interval = "", ""
        else:
            difference = money(outcome.difference, signed=True)
            interval = f"{money(outcome.low, signed=True)} to {money(outcome.high, signed=True)}"
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
    rows = [
        [segment, *[money(x) if x else "." for x in line], money(line.sum())]
        for segment, line in zip(segments, spend, strict=True)
    ]
    rows.append(["all", *[money(x) for x in spend.sum(axis=0)], money(float(spend.sum()))])
    return table(["segment", *levers, "all"], rows)
