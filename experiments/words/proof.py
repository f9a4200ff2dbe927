"""What is proved about a plan, said once: for the terminal, the report's page, the run and whoever reads a plan."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.words.figures import typeset_money as money
from experiments.words.phrases import at_least, at_most, typeset_at_least, typeset_at_most
from optimizer.proof import LiftProof, SpendProof

if TYPE_CHECKING:
    from optimizer.plan import Plan

__all__ = ["ProofInWords", "proof_figures", "proof_in_words"]

NEARLY_ALL = 0.99
"""Share from which on what may be lacking says more than what is held."""


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


def proof_in_words(plan: Plan, currency: str = "") -> ProofInWords:
    """Return what is proved about a plan."""
    proof = plan.proof
    note = f"Note that {proof.assumes}." if proof.assumes else ""
    return _lift(proof, note, currency) if isinstance(proof, LiftProof) else _spend(plan, proof, note, currency)


def proof_figures(plan: Plan) -> dict[str, float]:
    """Return the figures of a plan and its proof, by the keys of its file, each with one meaning."""
    names = {
        LiftProof: ("asset", "no_spend", "bound", "lift_share", "gap", "shadow_price"),
        SpendProof: ("asset", "no_spend", "least_money", "least_money_share"),
    }[type(plan.proof)]
    facts = plan.proof.facts()
    return {name: facts[name] if name in facts else float(getattr(plan, name)) for name in names}


def _lift(proof: LiftProof, note: str, currency: str) -> ProofInWords:
    worth = f"Customer asset {money(proof.asset, currency)} in expected numbers, {money(proof.lift, signed=True)} "
    worth = "" if math.isnan(proof.asset) else f"{worth}above the least the rules allow."
    if math.isnan(proof.bound):
        known = f"No bound: a better plan may exist. Reference {money(proof.reference)}, no bound either: what the "
        known += "search aimed at."
        return ProofInWords(worth, "" if math.isnan(proof.reference) else known, note)
    bound = typeset_at_most(proof.bound)
    if math.isnan(proof.lift_share):
        return ProofInWords(worth, f"Upper bound {bound}: no better than the least the rules allow.", note)
    share, gap = at_least(proof.lift_share), at_most(proof.gap)
    holds = f"at least {share} of the possible lift (gap at most {gap})"
    if proof.lift_share > NEARLY_ALL:
        holds = f"all {f'but at most {gap} ' if proof.gap > 0 else ''}of the possible lift"
    proved = f"Upper bound {bound}: no policy can add more than {typeset_at_most(proof.possible)} to the least the "
    proved += f"rules allow, so the plan holds {holds}."
    bar = (proof.lift_share, f"least spend {money(proof.no_spend)}", f"upper bound {bound}")
    return ProofInWords(worth, proved, note, "Share of the possible lift", f"≥ {share}", bar)


def _spend(plan: Plan, proof: SpendProof, note: str, currency: str) -> ProofInWords:
    worth = f"It spends {money(proof.spend, currency)} for a customer asset of {money(plan.asset)} in expected numbers."
    if math.isnan(proof.least_money):
        known = (
            f"No bound: a cheaper plan may exist. Reference {money(proof.reference)}, no bound either: the least money "
        )
        known += "while the crowd stays as in the data."
        return ProofInWords(worth, "" if math.isnan(proof.reference) else known, note)
    least = typeset_at_least(max(proof.least_money, 0.0))
    proved = f"No policy reaches the target with less than {least}"
    if math.isnan(proof.share):
        return ProofInWords(worth, f"{proved}.", note)
    share = at_least(proof.share)
    bar = (proof.share, "nothing", f"the plan's spend {money(proof.spend)}")
    proved += f": at least {share} of what the plan spends, which could be less by at most {at_most(1 - proof.share)}."
    return ProofInWords(worth, proved, note, f"Of its money any plan needs, {least}", f"≥ {share}", bar)
