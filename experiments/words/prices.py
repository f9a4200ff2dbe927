"""What limits are worth, in words: to both sides where they differ, and up to which amount."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from experiments.words.figures import typeset_money as money
from optimizer.ask.rows import BUDGET
from optimizer.prices import SAME, PriceRange
from optimizer.proof import LiftProof

if TYPE_CHECKING:
    from optimizer.plan import Plan

__all__ = ["both_sides", "loosened", "price_figures", "rule_price_in_words", "rules_priced", "shadow_price_in_words"]


NOTHING = 1e-6
"""Price up to which more money brings nothing."""
PROVED = 0.01
"""Gap up to which a plan counts as proved: prices farther from the best are those of this plan."""
THOUSAND = 1000.0


def loosened(plan: Plan, rule: str, price: float) -> tuple[float, float]:
    """Return an amount to loosen a limit by, and what that changes the asset by: solved anew, or else by its price."""
    known = plan.price_ranges.get(rule)
    if known is None or not math.isfinite(known.gain):
        return THOUSAND, THOUSAND * (price if rule == BUDGET.name else abs(price))
    return known.step, known.gain


def shadow_price_in_words(plan: Plan) -> str:
    """Return what more budget does, how far that holds, and what less does where that is another price."""
    price, known = plan.shadow_price, plan.price_ranges.get(BUDGET.name)
    step, gain = loosened(plan, BUDGET.name, price)
    more = f"{step:,.0f}" if step >= 1 else f"{step:g}"
    if price < -NOTHING:
        words = (
            f"one more {more} costs {money(-gain)}, since rules stated as shares of the budget force more to be spent "
            "where it does not pay"
        )
    elif price <= NOTHING:
        words = "more money would bring nothing beyond its own cost"
    else:
        words = f"one more {more} brings {money(gain)} beyond its own cost"
        if known is not None and math.isfinite(known.holds):
            words = f"{_next(known)}; {words}"
    if known is not None and math.isnan(known.tighter):
        words += "; no plan keeps the rules with less"
    elif known is not None and known.differs:
        words += f"; a unit less takes away {_unit(known.tighter)}"
    local = not isinstance(plan.proof, LiftProof) or not plan.proof.gap <= PROVED
    return f"{words} (local: near this plan, which may not be the best)" if local and abs(price) > NOTHING else words


def _next(known: PriceRange) -> str:
    """Return how far a price holds, and what comes then, where that was found."""
    if abs(known.beyond - known.looser) <= SAME * abs(known.looser):
        return f"at least the next {_amount(known.holds)} bring {_unit(known.looser)} each"
    if math.isnan(known.beyond) or abs(known.beyond) <= NOTHING:
        after = "nothing"
    else:
        after = f"{_unit(known.beyond)} or less" if abs(known.beyond) < abs(known.looser) else _unit(known.beyond)
    return f"the next {_amount(known.holds)} bring {_unit(known.looser)} each, then {after}"


def both_sides(known: PriceRange) -> str:
    """Return what the next unit of a limit does and how far, and what a unit less does where that is another price."""
    words = f"{_unit(known.looser)} a unit"
    if math.isfinite(known.holds):
        words += f" for the next {_amount(known.holds)}"
    if math.isnan(known.tighter):
        return f"{words}, and no plan keeps the rules where it is tighter"
    return f"{words}, {_unit(known.tighter)} where it is tightened" if known.differs else words


def rules_priced(plan: Plan) -> list[str]:
    """Return the rules beside the budget that have a price, the dearest first."""
    names = dict.fromkeys([*plan.price_ranges, *plan.prices])
    priced = {name: plan.price_ranges.get(name, PriceRange.same(plan.prices.get(name, 0.0))) for name in names}
    dearest = sorted(priced, key=lambda name: -abs(priced[name].looser))
    return [name for name in dearest if name != BUDGET.name]


def rule_price_in_words(plan: Plan, name: str) -> str:
    """Return a rule with its price, the other side's where it differs, and how far it holds."""
    known = plan.price_ranges.get(name, PriceRange.same(plan.prices.get(name, 0.0)))
    words = f"{known.looser:+.3f}"
    if math.isfinite(known.holds):
        words += f" for the next {_amount(known.holds)}"
    if math.isnan(known.tighter):
        words += ", cannot be tightened"
    elif known.differs:
        words += f", tightened {known.tighter:+.3f}"
    return f"{name} ({words})"


def price_figures(plan: Plan, name: str) -> list[str]:
    """Return a rule's row in a table: its price to both sides, how far the first holds, what a round step brings."""
    known = plan.price_ranges.get(name, PriceRange.same(plan.prices.get(name, 0.0)))
    step, gain = loosened(plan, name, known.looser)
    holds = _amount(known.holds) if math.isfinite(known.holds) else "–"
    less = "–" if math.isnan(known.tighter) else _unit(known.tighter)
    return [name, _unit(known.looser), less, holds, f"{step:,g}", money(gain, signed=True)]


def _unit(price: float) -> str:
    return f"{price:,.2f}" if abs(price) >= 0.1 else f"{price:.3g}"


def _amount(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 10 else f"{amount:.2g}"
