"""What terminal summaries share: the policies, and a plan's money, as plain tables."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

from experiments.compare import Comparison
from experiments.words.figures import money
from experiments.words.kept import breaks
from experiments.words.policies import Kind, policy_facts
from experiments.words.tables import table
from optimizer.plan import Plan
from sim.arrays import Floats

__all__ = ["plan_table", "policy_cells", "policy_table"]


def _signs(most: float) -> Mapping[Kind, Callable[[Any], str]]:
    """Return how each kind of figure is written, beside the largest asset."""

    def interval(ends: tuple[float, float] | None) -> str:
        if ends is None:
            return ""
        if not math.isfinite(ends[0]):
            return "needs 2 replications"
        return " to ".join(money(end, signed=True, among=most) for end in ends)

    return {
        "name": str,
        "money": money,
        "difference": lambda amount: "" if amount is None else money(amount, signed=True, among=most),
        "interval": interval,
        "count": "{:,.0f}".format,
        "rules": breaks,
    }


def policy_cells(comparison: Comparison, without: Collection[Kind] = ()) -> tuple[list[str], list[list[str]]]:
    """Return names of columns, and a row for each policy: asset, difference, customers kept, spend and rules.

    Less the columns of some kinds.
    """
    facts = policy_facts(comparison).without(*without)
    header = [f"vs {facts.reference}" if kind == "difference" else name for name, kind in facts.columns]
    return header, facts.shown(_signs(max(abs(outcome.asset) for outcome in comparison.outcomes)))


def policy_table(comparison: Comparison, without: Collection[Kind] = ()) -> str:
    """Return :func:`policy_cells` as text."""
    return table(*policy_cells(comparison, without))


def plan_table(plan: Plan) -> str:
    """Return the plan's expected money over the horizon by segment and lever; that of terms below it."""
    whole = _by_segment(*plan.by_segment_and_lever())
    if plan.targets.paid.all():
        return whole
    said = "Terms, which no budget pays for, on customers as the firm sees them (who has left pays none)"
    return f"{whole}\n\n{said}:\n{_by_segment(*plan.terms_by_segment(), sums=False)}"


def _by_segment(segments: list[str], levers: list[str], spend: Floats, *, sums: bool = True) -> str:
    """Return a table of money; ``sums``: over levers too."""
    total = float(spend.sum())
    if not sums:
        rows = [[name, *[money(x) if x else "." for x in line]] for name, line in zip(segments, spend, strict=True)]
        return table(["segment", *levers], [*rows, ["all", *[money(x) for x in spend.sum(axis=0)]]])
    rows = [
        [segment, *[money(x, among=total) if x else "." for x in line], money(float(line.sum()), among=total)]
        for segment, line in zip(segments, spend, strict=True)
    ]
    rows.append(["all", *[money(x, among=total) for x in spend.sum(axis=0)], money(total)])
    return table(["segment", *levers, "all"], rows)
