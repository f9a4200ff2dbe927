"""What limits are worth, in words: to both sides where they differ, and up to which amount."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from experiments.words.figures import typeset_money as money
from experiments.words.languages import Words, spoken
from experiments.words.retold import rule_retold
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
_BOTH = {
    "forced": (
        "one more {step} costs {loss}, since rules stated as shares of the budget force more to be spent where it does "
        "not pay",
        "再增加 {step} 会损失 {loss}，因为以预算比例设定的规则迫使更多的钱花在不划算之处",
    ),
    "nothing": ("more money would bring nothing beyond its own cost", "再增加预算，除自身成本外不再带来价值"),
    "brings": ("one more {step} brings {gain} beyond its own cost", "再增加 {step} 可带来 {gain}（已扣除其成本）"),
    "then": ("{first}; {second}", "{first}；{second}"),
    "no_less": ("{said}; no plan keeps the rules with less", "{said}；预算更少时没有符合规则的方案"),
    "less": ("{said}; a unit less takes away {price}", "{said}；减少一单位则损失 {price}"),
    "local": (
        "{said} (local: near this plan, which may not be the best)",
        "{said}（局部结论：仅在本方案附近成立，而本方案未必最优）",
    ),
    "at_least_next": ("at least the next {amount} bring {price} each", "至少其后的 {amount} 每单位带来 {price}"),
    "next": ("the next {amount} bring {price} each, then {after}", "其后的 {amount} 每单位带来 {price}，再往后{after}"),
    "after_nothing": ("nothing", "不再带来价值"),
    "after_less": ("{price} or less", "为 {price} 或更少"),
    "after": ("{price}", "为 {price}"),
}


def loosened(plan: Plan, rule: str, price: float) -> tuple[float, float]:
    """Return an amount to loosen a limit by, and what that changes the asset by: solved anew, or else by its price."""
    known = plan.price_ranges.get(rule)
    if known is None or not math.isfinite(known.gain):
        return THOUSAND, THOUSAND * (price if rule == BUDGET.name else abs(price))
    return known.step, known.gain


def shadow_price_in_words(plan: Plan, language: str = "en") -> str:
    """Return what more budget does, how far that holds, and what less does where that is another price."""
    words, price, known = spoken(_BOTH, language), plan.shadow_price, plan.price_ranges.get(BUDGET.name)
    step, gain = loosened(plan, BUDGET.name, price)
    more = f"{step:,.0f}" if step >= 1 else f"{step:g}"
    if price < -NOTHING:
        said = words["forced"].format(step=more, loss=money(-gain))
    elif price <= NOTHING:
        said = words["nothing"]
    else:
        said = words["brings"].format(step=more, gain=money(gain))
        if known is not None and math.isfinite(known.holds):
            said = words["then"].format(first=_next(known, words), second=said)
    if known is not None and math.isnan(known.tighter):
        said = words["no_less"].format(said=said)
    elif known is not None and known.differs:
        said = words["less"].format(said=said, price=_unit(known.tighter))
    local = not isinstance(plan.proof, LiftProof) or not plan.proof.gap <= PROVED
    return words["local"].format(said=said) if local and abs(price) > NOTHING else said


def _next(known: PriceRange, words: Words) -> str:
    """Return how far a price holds, and what comes then, where that was found."""
    place = {"amount": _amount(known.holds), "price": _unit(known.looser)}
    if abs(known.beyond - known.looser) <= SAME * abs(known.looser):
        return words["at_least_next"].format(**place)
    if math.isnan(known.beyond) or abs(known.beyond) <= NOTHING:
        after = words["after_nothing"]
    else:
        after = words["after_less" if abs(known.beyond) < abs(known.looser) else "after"]
    return words["next"].format(**place, after=after.format(price=_unit(known.beyond)))


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


def price_figures(plan: Plan, name: str, language: str = "en") -> list[str]:
    """Return a rule's row in a table: its price to both sides, how far the first holds, what a round step brings."""
    known = plan.price_ranges.get(name, PriceRange.same(plan.prices.get(name, 0.0)))
    step, gain = loosened(plan, name, known.looser)
    holds = _amount(known.holds) if math.isfinite(known.holds) else "–"
    less = "–" if math.isnan(known.tighter) else _unit(known.tighter)
    return [rule_retold(name, language), _unit(known.looser), less, holds, f"{step:,g}", money(gain, signed=True)]


def _unit(price: float) -> str:
    return f"{price:,.2f}" if abs(price) >= 0.1 else f"{price:.3g}"


def _amount(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 10 else f"{amount:.2g}"
