"""Short phrases that reports and runs share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from experiments.report.page import money, percent

if TYPE_CHECKING:
    from experiments.compare import Comparison, Outcome
    from optimizer.plan import Plan
    from sim.scenario.file import Lever

__all__ = [
    "INTERVALS",
    "at_least",
    "at_most",
    "called",
    "fixed_costs_in_words",
    "played_policy",
    "quoted",
    "shadow_price_in_words",
    "target_in_words",
]


INTERVALS = (
    "Intervals: paired over replications on the same customers with the same luck; they cover the customers' hidden "
    "truth and luck (replication noise only), not the assumptions."
)


def target_in_words(lever: Lever) -> str:
    """Return whom a lever is used on."""
    words = ", ".join(lever.targets)
    if lever.reach < 1:
        words += f" (reaches {percent(lever.reach)})"
    if lever.by_segment:
        words += f"; differs for {', '.join(lever.by_segment)}"
    return words


def at_least(share: float) -> str:
    """Return a fraction in per cent, rounded down: a promise stays true."""
    return percent(math.floor(1000 * share + 1e-9) / 1000 if share < 0.1 else math.floor(100 * share + 1e-9) / 100)


def at_most(share: float) -> str:
    """Return a fraction in per cent, rounded up."""
    return percent(math.ceil(1000 * share - 1e-9) / 1000 if share < 0.1 else math.ceil(100 * share - 1e-9) / 100)


def quoted(name: str) -> str:
    """Return how a heading calls a policy."""
    return "the plan" if name == "plan" else f"“{name}”"


def called(name: str) -> str:
    """Return how a sentence calls a policy."""
    return {"as today": "going on as today", "no spend": "spending nothing"}.get(name, quoted(name))


def played_policy(comparison: Comparison, plan: Plan | None, name: str) -> Outcome | None:
    """Return the outcome called ``name`` that plays ``plan``, if there are both."""
    if plan is None:
        return None
    return next((outcome for outcome in comparison.outcomes if outcome.name == name), None)


def fixed_costs_in_words(fixed: float, asset: float) -> str:
    """Return what the campaigns that run cost beside their money, and what is left of the asset; nothing without."""
    if fixed <= 0:
        return ""
    left = money(asset - fixed)
    return f"Fixed costs of its campaigns, in no other figure: {money(fixed)}; less them it is worth {left}."


def shadow_price_in_words(plan: Plan) -> str:
    """Return what one more 1,000 of budget does."""
    amount = money(abs(1000 * plan.shadow_price))
    if plan.shadow_price > 1e-6:
        return f"one more 1,000 brings {amount} beyond its own cost"
    if plan.shadow_price < -1e-6:
        return (
            f"one more 1,000 costs {amount}, since rules stated as shares of the budget force more to be spent where "
            "it does not pay"
        )
    return "more money would bring nothing beyond its own cost"
