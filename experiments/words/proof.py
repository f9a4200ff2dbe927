"""What is proved about a plan, said once: for the terminal, the report's page, the run and whoever reads a plan."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.words.figures import typeset_money as money
from experiments.words.languages import Words, spoken
from experiments.words.phrases import at_least, at_most, typeset_at_least, typeset_at_most
from experiments.words.retold import proof_retold
from optimizer.proof import LiftProof, SpendProof

if TYPE_CHECKING:
    from optimizer.plan import Plan

__all__ = ["ProofInWords", "proof_figures", "proof_in_words"]

NEARLY_ALL = 0.99
"""Share from which on what may be lacking says more than what is held."""
_BOTH = {
    "note": ("Note that {assumes}.", "说明：{assumes}。"),
    "worth": (
        "Customer asset {asset} in expected numbers, {lift} above the least the rules allow.",
        "客户资产的期望值为 {asset}，比规则允许的最低支出高 {lift}。",
    ),
    "no_bound": (
        "No bound: a better plan may exist. Reference {reference}, no bound either: what the search aimed at.",
        "没有上界：可能存在更好的方案。参照值 {reference} 也不是上界，而是搜索的目标。",
    ),
    "no_lift": (
        "Upper bound {bound}: no better than the least the rules allow.",
        "上界 {bound}：不高于规则允许的最低支出。",
    ),
    "holds": ("at least {share} of the possible lift (gap at most {gap})", "至少 {share} 的可能提升（差距至多 {gap}）"),
    "holds_nearly": ("all but at most {gap} of the possible lift", "除至多 {gap} 外的全部可能提升"),
    "holds_all": ("all of the possible lift", "全部可能提升"),
    "proved": (
        "Upper bound {bound}: no policy can add more than {possible} to the least the rules allow, so the plan holds "
        "{holds}.",
        "上界 {bound}：任何策略最多比规则允许的最低支出高 {possible}，因此方案实现了{holds}。",
    ),
    "least_end": ("least spend {amount}", "最低支出 {amount}"),
    "bound_end": ("upper bound {amount}", "上界 {amount}"),
    "lift_share": ("Share of the possible lift", "占可能提升的比例"),
    "spends": (
        "It spends {spend} for a customer asset of {asset} in expected numbers.",
        "支出 {spend}，客户资产的期望值为 {asset}。",
    ),
    "no_least": (
        "No bound: a cheaper plan may exist. Reference {reference}, no bound either: the least money while the crowd "
        "stays as in the data.",
        "没有下界：可能存在更省的方案。参照值 {reference} 也不是下界，而是人群状况与数据一致时的最少金额。",
    ),
    "least": (
        "No policy reaches the target with less than {least}.",
        "任何策略都无法以低于 {least} 的金额达到目标。",
    ),
    "least_share": (
        "No policy reaches the target with less than {least}: at least {share} of what the plan spends, which could be "
        "less by at most {rest}.",
        "任何策略都无法以低于 {least} 的金额达到目标：至少为方案支出的 {share}，方案至多还能节省 {rest}。",
    ),
    "nothing_end": ("nothing", "零"),
    "spend_end": ("the plan's spend {amount}", "方案支出 {amount}"),
    "money_share": ("Of its money any plan needs, {least}", "任何方案至少需要其中的 {least}"),
}


@dataclass(frozen=True)
class ProofInWords:
    """The same facts in the forms that pages and lines need.

    Attributes
    ----------
    worth : str
        What the plan is worth, or spends.
    proved : str
        What no plan exceeds, or needs less than; nothing where nothing was proved.
    note : str
        What that rests on.
    label, share : str
        Of a card: what is a share of what, with its sign; nothing where there is none.
    bar : tuple of (share, low, high), optional
        Of a bar: what is filled, and the names of its ends.
    """

    worth: str
    proved: str
    note: str
    label: str = ""
    share: str = ""
    bar: tuple[float, str, str] | None = None


def proof_in_words(plan: Plan, currency: str = "", language: str = "en") -> ProofInWords:
    """Return what is proved about a plan."""
    proof, words = plan.proof, spoken(_BOTH, language)
    note = words["note"].format(assumes=proof_retold(proof.assumes, language)) if proof.assumes else ""
    if isinstance(proof, LiftProof):
        return _lift(proof, note, currency, words)
    return _spend(plan, proof, note, currency, words)


def proof_figures(plan: Plan) -> dict[str, float]:
    """Return the figures of a plan and its proof, by the keys of its file, each with one meaning."""
    names = {
        LiftProof: ("asset", "no_spend", "bound", "lift_share", "gap", "shadow_price"),
        SpendProof: ("asset", "no_spend", "least_money", "least_money_share"),
    }[type(plan.proof)]
    facts = plan.proof.facts()
    return {name: facts[name] if name in facts else float(getattr(plan, name)) for name in names}


def _lift(proof: LiftProof, note: str, currency: str, words: Words) -> ProofInWords:
    worth = words["worth"].format(asset=money(proof.asset, currency), lift=money(proof.lift, signed=True))
    worth = "" if math.isnan(proof.asset) else worth
    if math.isnan(proof.bound):
        known = "" if math.isnan(proof.reference) else words["no_bound"].format(reference=money(proof.reference))
        return ProofInWords(worth, known, note)
    bound = typeset_at_most(proof.bound)
    if math.isnan(proof.lift_share):
        return ProofInWords(worth, words["no_lift"].format(bound=bound), note)
    share, gap = at_least(proof.lift_share), at_most(proof.gap)
    key = "holds" if proof.lift_share <= NEARLY_ALL else "holds_nearly" if proof.gap > 0 else "holds_all"
    holds = words[key].format(share=share, gap=gap)
    proved = words["proved"].format(bound=bound, possible=typeset_at_most(proof.possible), holds=holds)
    ends = words["least_end"].format(amount=money(proof.no_spend)), words["bound_end"].format(amount=bound)
    return ProofInWords(worth, proved, note, words["lift_share"], f"≥ {share}", (proof.lift_share, *ends))


def _spend(plan: Plan, proof: SpendProof, note: str, currency: str, words: Words) -> ProofInWords:
    worth = words["spends"].format(spend=money(proof.spend, currency), asset=money(plan.asset))
    if math.isnan(proof.least_money):
        known = "" if math.isnan(proof.reference) else words["no_least"].format(reference=money(proof.reference))
        return ProofInWords(worth, known, note)
    least = typeset_at_least(max(proof.least_money, 0.0))
    if math.isnan(proof.share):
        return ProofInWords(worth, words["least"].format(least=least), note)
    share = at_least(proof.share)
    bar = (proof.share, words["nothing_end"], words["spend_end"].format(amount=money(proof.spend)))
    proved = words["least_share"].format(least=least, share=share, rest=at_most(1 - proof.share))
    return ProofInWords(worth, proved, note, words["money_share"].format(least=least), f"≥ {share}", bar)
