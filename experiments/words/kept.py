"""Which rules policies break, and what they are worth in expected numbers: said once for terminal, page and run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from experiments.words.figures import DUST, money
from experiments.words.languages import spoken
from experiments.words.phrases import called
from experiments.words.retold import rule_retold, unit_retold

if TYPE_CHECKING:
    from collections.abc import Callable

    from experiments.compare import Comparison, Outcome
    from optimizer.ask.kept import Broken

__all__ = [
    "best_in_words", "breaks", "broken_in_words", "expected_in_words", "rule_in_words", "rules_assume", "rules_broken",
]  # fmt: skip

ALL = 0.01
"""Share of the budget that may be left by a policy that was scaled to it."""
_BOTH = {
    "assume": (
        "Rules are held against each policy as it is played in expected numbers, the money that it spends among them.",
        "规则按各策略实际执行时的期望值检验，包括其支出。",
    ),
    "breaks": ("breaks {number}", "违反 {number} 条"),
    "kept": ("kept", "符合"),
    "not_scaled": (
        "'{name}' was not scaled up to {budget}: it spends {spent}: {why}.",
        "“{name}”未能放大到 {budget}：支出为 {spent}，原因：{why}。",
    ),
    "asks_nothing": ("it asks for nothing", "它不要求任何支出"),
    "held_back": (
        "rules on periods and levers, or few customers, hold it back",
        "受各期与各手段的规则或客户人数所限",
    ),
    "one": ("'{name}' breaks {number} rule{spends}: {rules}.", "“{name}”违反 {number} 条规则{spends}：{rules}。"),
    "several": ("'{name}' breaks {number} rules{spends}: {rules}.", "“{name}”违反 {number} 条规则{spends}：{rules}。"),
    "spends": (", spends {spent} of {budget}", "，预算 {budget}，支出 {spent}"),
    "rule_stop": ("; ", "；"),
    "about": (" ({limit})", "（{limit}）"),
    "over": ("{rule}{about} by {by}{unit}", "{rule}{about}超出 {by}{unit}"),
    "short": ("{rule}{about} by {by}{unit}", "{rule}{about}差 {by}{unit}"),
    "beside_most": ("{rule} {counted}, at most {limit}{unit}", "{rule}为 {counted}，至多 {limit}{unit}"),
    "beside_least": ("{rule} {counted}, at least {limit}{unit}", "{rule}为 {counted}，至少 {limit}{unit}"),
    "above": ("above {limit} by {by}", "{limit} 以上 {by}"),
    "below": ("below {limit} by {by}", "{limit} 以下 {by}"),
    "once_more": (" (and once more)", "（另有 1 次）"),
    "more_times": (" (and {number} more times)", "（另有 {number} 次）"),
    "best_one": ("It breaks {number} rule: {rules}.", "它违反 {number} 条规则：{rules}。"),
    "best_several": ("It breaks {number} rules: {rules}.", "它违反 {number} 条规则：{rules}。"),
    "list": (", ", "、"),
    "none_keeps": ("{said} No policy here keeps them all.", "{said}没有策略符合全部规则。"),
    "best_keeping": (
        "{said} Of those that keep all rules, {name} is worth most.",
        "{said}在符合全部规则的策略中，{name}价值最高。",
    ),
    "expected": (
        "Customer asset in expected numbers, as plans are counted (the table is simulated): {said}.",
        "客户资产的期望值，即方案的计算口径（表中为模拟值）：{said}。",
    ),
    "expected_one": ("{name} {amount}", "{name} {amount}"),
    "expected_more": ("{name} {amount} ({more} against {first})", "{name} {amount}（相对 {first} {more}）"),
}


def rules_assume(language: str = "en") -> str:
    """Return by what rules are held against policies."""
    return spoken(_BOTH, language)["assume"]


def breaks(broken: tuple[Broken, ...] | None, language: str = "en") -> str:
    """Return how a table says what a policy breaks; nothing where it is not known."""
    words = spoken(_BOTH, language)
    return "" if broken is None else words["breaks"].format(number=len(broken)) if broken else words["kept"]


def rules_broken(comparison: Comparison, language: str = "en") -> list[str]:
    """Return a sentence for every policy that breaks rules, or could not be scaled to the budget."""
    words = spoken(_BOTH, language)
    said = [broken_in_words(outcome, comparison.budget, language) for outcome in comparison.outcomes if outcome.broken]
    for outcome in comparison.outcomes if comparison.equal_money else ():
        spent = float(outcome.spends.mean())
        if spent < (1 - ALL) * comparison.budget:
            why = words["asks_nothing" if spent <= 0 else "held_back"]
            amounts = {"budget": money(comparison.budget), "spent": money(spent)}
            said.append(words["not_scaled"].format(name=outcome.name, why=why, **amounts))
    return said


def broken_in_words(outcome: Outcome, budget: float, language: str = "en") -> str:
    """Return how many rules a policy breaks, what it spends of the budget, and each rule with what it counts."""
    words, broken = spoken(_BOTH, language), outcome.broken or ()
    spent = next((each.counted for each in broken if each.budget), None)
    spent = float(outcome.spends.mean()) if spent is None else spent
    of = words["spends"].format(spent=money(spent), budget=money(budget)) if math.isfinite(budget) else ""
    rules = words["rule_stop"].join(rule_in_words(each, language) for each in broken)
    return words["one" if len(broken) == 1 else "several"].format(
        name=outcome.name, number=len(broken), spends=of, rules=rules
    )


def rule_in_words(broken: Broken, language: str = "en") -> str:
    """Return a rule that is broken with what it counts beside its limit, or by how much where one number says it."""
    words = spoken(_BOTH, language)
    name, unit = f"{broken.rule} {broken.when}".strip(), unit_retold(broken.unit, language)
    rule, unit = rule_retold(name, language), f" {unit}".rstrip()
    more = broken.sense == "<="
    if broken.budget or broken.stated:
        hidden = broken.budget or broken.stated in name
        about = "" if hidden else words["about"].format(limit=unit_retold(broken.stated, language))
        by = _number(broken.by, broken)
        said = words["over" if more else "short"].format(
            rule=rule, about=about, by=by, unit="" if broken.budget else unit
        )
    else:
        counted, limit = _number(broken.counted, broken), _number(broken.limit, broken)
        if counted == limit:
            counted = words["above" if more else "below"].format(limit=limit, by=f"{broken.by:,.2g}")
        key = "beside_most" if more else "beside_least"
        said = words[key].format(rule=rule, counted=counted, limit=limit, unit=unit)
    again = broken.times - 1
    return said + (words["once_more" if again == 1 else "more_times"].format(number=again) if again > 0 else "")


def _number(amount: float, broken: Broken) -> str:
    if broken.counts == "people" or broken.unit == "contacts":
        return f"{amount:,.3g}" if abs(amount) < 100 else f"{amount:,.1f}"
    return money(amount)


def best_in_words(comparison: Comparison, language: str = "en") -> str:
    """Return which rules the best policy breaks, and which is best of those that break none; nothing if it does not."""
    best = max(comparison.outcomes, key=lambda outcome: outcome.asset)
    if not best.broken or len(comparison.outcomes) == 1:
        return ""
    words, count = spoken(_BOTH, language), len(best.broken)
    rules = words["list"].join(dict.fromkeys(rule_retold(each.rule, language) for each in best.broken))
    said = words["best_one" if count == 1 else "best_several"].format(number=count, rules=rules)
    keeping = [outcome for outcome in comparison.outcomes if outcome.broken == ()]
    if not keeping:
        return words["none_keeps"].format(said=said)
    most = max(keeping, key=lambda each: each.asset).name
    return words["best_keeping"].format(said=said, name=called(most, language))


def expected_in_words(comparison: Comparison, amount: Callable[..., str] = money, language: str = "en") -> str:
    """Return what the policies are worth in expected numbers, as plans are counted; nothing where it is not known."""
    known = [outcome for outcome in comparison.outcomes if math.isfinite(outcome.expected)]
    if not known or known[0] is not comparison.outcomes[0]:
        return ""
    words, first = spoken(_BOTH, language), known[0]
    said = [words["expected_one"].format(name=first.name, amount=amount(first.expected))]
    for each in known[1:]:
        more = each.expected - first.expected
        more = 0.0 if abs(more) <= DUST * abs(first.expected) else more  # what only arithmetic leaves
        amounts = {"amount": amount(each.expected), "more": amount(more, signed=True)}
        said.append(words["expected_more"].format(name=each.name, first=first.name, **amounts))
    return words["expected"].format(said=words["list"].join(said))
