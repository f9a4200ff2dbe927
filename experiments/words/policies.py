"""The policies of a comparison as one table of facts, which terminal, page and run each show in their own signs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from experiments.words.figures import money
from experiments.words.languages import spoken

if TYPE_CHECKING:
    from experiments.compare import Comparison, Outcome

__all__ = ["Column", "Kind", "PolicyFacts", "feedback_in_words", "policy_facts"]

Kind = Literal["name", "money", "difference", "interval", "count", "rules"]


class Column(NamedTuple):
    """What a column holds, and what kind of fact that is."""

    header: str
    kind: Kind


_HEADERS = {
    "policy": ("policy", "策略"),
    "customer asset": ("customer asset", "客户资产"),
    "difference": ("difference", "差异"),
    "95 % interval": ("95 % interval", "95% 区间"),
    "alive at end": ("alive at end", "期末在册"),
    "spend": ("spend", "支出"),
    "rules": ("rules", "规则"),
}
COLUMNS = (
    Column("policy", "name"),
    Column("customer asset", "money"),
    Column("difference", "difference"),
    Column("95 % interval", "interval"),
    Column("alive at end", "count"),
    Column("spend", "money"),
    Column("rules", "rules"),
)


@dataclass(frozen=True)
class PolicyFacts:
    """A row of facts for each policy.

    Attributes
    ----------
    columns : tuple of Column
    rows : tuple of tuples
        A fact by column: a text, a number, the rules that are broken, or for an interval its two ends, nan with a
        single replication; None for difference and interval of the reference.
    reference : str
        Name of the policy that the others are compared with.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    reference: str

    def without(self, *kinds: Kind) -> "PolicyFacts":
        """Return the table less the columns of some kinds."""
        kept = [i for i, column in enumerate(self.columns) if column.kind not in kinds]
        rows = tuple(tuple(row[i] for i in kept) for row in self.rows)
        return PolicyFacts(tuple(self.columns[i] for i in kept), rows, self.reference)

    def headers(self, language: str) -> list[str]:
        """Return what the columns are called in a language."""
        return [spoken(_HEADERS, language)[column.header] for column in self.columns]

    def shown(self, signs: Mapping[Kind, Callable[[Any], str]]) -> list[list[str]]:
        """Return every fact as text; ``signs`` writes a fact of each kind."""
        kinds = [column.kind for column in self.columns]
        return [[signs[kind](fact) for kind, fact in zip(kinds, row, strict=True)] for row in self.rows]


def policy_facts(comparison: "Comparison", *, ranked: bool = False) -> PolicyFacts:
    """Return the facts of all policies in the order they were given in, or ``ranked`` by customer asset."""
    reference = comparison.outcomes[0]
    outcomes = sorted(comparison.outcomes, key=lambda outcome: -outcome.asset) if ranked else comparison.outcomes
    rows = tuple(_facts(outcome, outcome is reference) for outcome in outcomes)
    return PolicyFacts(COLUMNS, rows, reference.name)


def _facts(outcome: "Outcome", is_reference: bool) -> tuple[Any, ...]:
    difference = None if is_reference else outcome.difference
    interval = None if is_reference else (outcome.low, outcome.high)
    kept, spend = float(outcome.kept.mean()), float(outcome.spends.mean())
    return outcome.name, outcome.asset, difference, interval, kept, spend, outcome.broken


def feedback_in_words(comparison: "Comparison") -> list[str]:
    """Return which policies react to what they see, and what that is worth where the best one does; else nothing.

    The others' money is set in advance, by time and by how many customers are where: a plan among them.
    """
    reacting = [outcome for outcome in comparison.outcomes if outcome.feedback]
    fixed = [outcome for outcome in comparison.outcomes if not outcome.feedback]
    if not reacting or not fixed:
        return []
    said = [f"Reacting to what they see: {', '.join(each.name for each in reacting)}; all others are set in advance."]
    best, other = (max(each, key=lambda outcome: outcome.asset) for each in (reacting, fixed))
    if best.asset > other.asset:
        mean, low, high = comparison.difference(best.name, other.name)
        interval = f" (95 % interval {money(low, signed=True)} to {money(high, signed=True)})" if low == low else ""
        said.append(
            f"Value of feedback: {best.name} is worth {money(mean, signed=True)}{interval} against {other.name}, "
            "the best here that is set in advance."
        )
    return said
