"""Short phrases that terminal, page and run share.

A bound is said so that it stays true: "at least" is rounded down and "at most" up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from experiments.words.figures import percent, rounded_down, rounded_up
from experiments.words.figures import typeset_money as money
from experiments.words.languages import spoken

if TYPE_CHECKING:
    from experiments.compare import Comparison, Outcome
    from optimizer.plan import Plan
    from sim.scenario.file import Lever, Scenario

__all__ = [
    "INTERVALS",
    "at_least",
    "at_most",
    "called",
    "fixed_costs_in_words",
    "listed",
    "money_at_least",
    "money_at_most",
    "number_at_least",
    "number_at_most",
    "numbered",
    "period_name",
    "plain_share",
    "plain_shares",
    "played_policy",
    "quoted",
    "stage_in_words",
    "target_in_words",
    "typeset_at_least",
    "typeset_at_most",
    "version_in_words",
]


INTERVALS = (
    "Intervals: paired over replications on the same customers with the same luck; they cover the customers' hidden "
    "truth and luck (replication noise only), not the assumptions."
)

_BOTH = {
    "comma": (", ", "、"),
    "and": (" and ", "、"),
    "reaches": (" (reaches {share})", "（触达 {share}）"),
    "differs": ("; differs for {segments}", "；{segments}另有设定"),
    "fixed": (
        "Fixed costs of its campaigns, in no other figure: {fixed}; less them it is worth {left}.",
        "活动的固定成本为 {fixed}，未计入其他数字；扣除后价值 {left}。",
    ),
}
_PERIODS = {
    "week": ("week", "周"),
    "month": ("month", "月"),
    "quarter": ("quarter", "季度"),
    "year": ("year", "年"),
}
_COUNTED = {
    "week": ("{count} week", "{count} 周"),
    "month": ("{count} month", "{count} 个月"),
    "quarter": ("{count} quarter", "{count} 个季度"),
    "year": ("{count} year", "{count} 年"),
    "weeks": ("{count} weeks", "{count} 周"),
    "months": ("{count} months", "{count} 个月"),
    "quarters": ("{count} quarters", "{count} 个季度"),
    "years": ("{count} years", "{count} 年"),
}
_STAGES = {
    "unaware": ("unaware", "未知晓"),
    "prospect": ("prospect", "潜在客户"),
    "new": ("new", "新客户"),
    "developing": ("developing", "成长客户"),
    "core": ("core", "核心客户"),
    "declining": ("declining", "衰退客户"),
    "lapsed": ("lapsed", "沉睡客户"),
}


def target_in_words(lever: Lever, language: str = "en") -> str:
    """Return whom a lever is used on."""
    words = spoken(_BOTH, language)
    said = words["comma"].join(stage_in_words(stage, language) for stage in lever.targets)
    if lever.reach < 1:
        said += words["reaches"].format(share=percent(lever.reach))
    if lever.by_segment:
        said += words["differs"].format(segments=words["comma"].join(lever.by_segment))
    return said


def period_name(period: str, language: str = "en") -> str:
    """Return what a period is called: each month, 每月."""
    return spoken(_PERIODS, language)[period]


def numbered(count: int, period: str, language: str = "en") -> str:
    """Return a number of periods."""
    return spoken(_COUNTED, language)[period if count == 1 else f"{period}s"].format(count=count)


def listed(parts: Sequence[str], language: str = "en") -> str:
    """Return parts as a sentence lists them."""
    words = spoken(_BOTH, language)
    return words["and"].join(filter(None, (words["comma"].join(parts[:-1]), parts[-1])))


def plain_share(share: float, *, signed: bool = False) -> str:
    """Return a fraction in per cent to four digits, with a plain blank."""
    return f"{100 * share:+.4g} %" if signed else f"{100 * share:.4g} %"


def plain_shares(shares: Sequence[float]) -> str:
    """Return several fractions in per cent."""
    return f"{', '.join(f'{100 * share:.4g}' for share in shares)} %"


def stage_in_words(name: str, language: str = "en") -> str:
    """Return what a stage of the lifecycle is called; a state of a chain of one's own keeps its name."""
    return spoken(_STAGES, language)[name] if name in _STAGES else name


def at_least(share: float) -> str:
    """Return a fraction in per cent, rounded down: a promise stays true."""
    return percent(rounded_down(share, "0.001" if share < 0.1 else "0.01"))


def at_most(share: float) -> str:
    """Return a fraction in per cent, rounded up."""
    return percent(rounded_up(share, "0.001" if share < 0.1 else "0.01"))


def money_at_least(amount: float) -> str:
    """Return whole money, rounded down."""
    return f"{rounded_down(amount, '1'):,.0f}"


def money_at_most(amount: float) -> str:
    """Return whole money, rounded up."""
    return f"{rounded_up(amount, '1'):,.0f}"


def typeset_at_least(amount: float) -> str:
    """Return money as a page has it, rounded down."""
    return money(rounded_down(amount, _last_of_money(amount)))


def typeset_at_most(amount: float) -> str:
    """Return money as a page has it, rounded up."""
    return money(rounded_up(amount, _last_of_money(amount)))


def number_at_least(value: float, digits: int) -> str:
    """Return a number to significant digits, rounded down."""
    return f"{rounded_down(value, _last(value, digits)):,.{digits}g}"


def number_at_most(value: float, digits: int) -> str:
    """Return a number to significant digits, rounded up."""
    return f"{rounded_up(value, _last(value, digits)):,.{digits}g}"


def _last(value: float, digits: int) -> Decimal:
    """Return what the last of a number's significant digits counts."""
    return Decimal(1).scaleb(Decimal(value).adjusted() - digits + 1) if value and math.isfinite(value) else Decimal(1)


def _last_of_money(amount: float) -> Decimal:
    """Return what the last digit of money counts on a page."""
    return Decimal(1) if abs(amount) >= 99 else _last(amount, 3)


def quoted(name: str, language: str = "en") -> str:
    """Return how a heading calls a policy."""
    return "the plan" if name == "plan" and language == "en" else f"“{name}”"


def called(name: str, language: str = "en") -> str:
    """Return how a sentence calls a policy; only English has turns of its own."""
    own = {"as today": "going on as today", "no spend": "spending nothing"} if language == "en" else {}
    return own.get(name, quoted(name, language))


def played_policy(comparison: Comparison, plan: Plan | None, name: str) -> Outcome | None:
    """Return the outcome called ``name`` that plays ``plan``, if there are both."""
    if plan is None:
        return None
    return next((outcome for outcome in comparison.outcomes if outcome.name == name), None)


def version_in_words(plan: Plan, scenario: Scenario) -> str:
    """Return for which version of the scenario a plan was made where that is known to be another one; else nothing."""
    if plan.scenario_hash == "":
        return ""
    return {
        "no": "",
        "base": "made for this scenario with other customers in its base: what it says of them may no longer hold",
        "yes": "made for another version of this scenario",
    }[scenario.differs(plan.scenario_hash)]


def fixed_costs_in_words(fixed: float, asset: float, language: str = "en") -> str:
    """Return what the campaigns that run cost beside their money, and what is left of the asset; nothing without."""
    if fixed <= 0:
        return ""
    return spoken(_BOTH, language)["fixed"].format(fixed=money(fixed), left=money(asset - fixed))
