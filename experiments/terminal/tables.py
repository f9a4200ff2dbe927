"""What terminal summaries share: the policies, and a plan's money, as plain tables."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from experiments.compare import Comparison
from experiments.words.figures import money
from experiments.words.policies import Kind, policy_facts
from experiments.words.tables import table
from optimizer.plan import Plan

__all__ = ["plan_table", "policy_cells", "policy_table"]


def _interval(ends: tuple[float, float] | None) -> str:
    if ends is None:
        return ""
    low, high = ends
    return f"{money(low, signed=True)} to {money(high, signed=True)}" if math.isfinite(low) else "needs 2 replications"


SIGNS: Mapping[Kind, Callable[[Any], str]] = {
    "name": str,
    "money": money,
    "difference": lambda amount: "" if amount is None else money(amount, signed=True),
    "interval": _interval,
    "count": "{:,.0f}".format,
}


def policy_cells(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Return names of columns, and a row for each policy: asset, difference, customers kept and spend."""
    facts = policy_facts(comparison)
    header = [f"vs {facts.reference}" if kind == "difference" else name for name, kind in facts.columns]
    return header, facts.shown(SIGNS)


def policy_table(comparison: Comparison) -> str:
    """Return :func:`policy_cells` as text."""
    return table(*policy_cells(comparison))


def plan_table(plan: Plan) -> str:
    """Return the plan's expected money over the horizon by segment and lever."""
    segments, levers, spend = plan.by_segment_and_lever()
    rows = [
        [segment, *[money(x) if x else "." for x in line], money(line.sum())]
        for segment, line in zip(segments, spend, strict=True)
    ]
    rows.append(["all", *[money(x) for x in spend.sum(axis=0)], money(float(spend.sum()))])
    return table(["segment", *levers, "all"], rows)
