"""Which rules policies break, and what they are worth in expected numbers: said once for terminal, page and run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from experiments.words.figures import DUST, money
from experiments.words.phrases import called

if TYPE_CHECKING:
    from collections.abc import Callable

    from experiments.compare import Comparison, Outcome
    from optimizer.ask.kept import Broken

__all__ = ["RULES_ASSUME", "best_in_words", "breaks", "broken_in_words", "expected_in_words", "rules_broken"]

RULES_ASSUME = (
    "Rules are held against each policy as it is played in expected numbers, the money that it spends among them."
)


ALL = 0.01
"""Share of the budget that may be left by a policy that was scaled to it."""


def breaks(broken: tuple[Broken, ...] | None) -> str:
    """Return how a table says what a policy breaks; nothing where it is not known."""
    return "" if broken is None else f"breaks {len(broken)}" if broken else "kept"


def rules_broken(comparison: Comparison) -> list[str]:
    """Return a sentence for every policy that breaks rules, or could not be scaled to the budget."""
    said = [broken_in_words(outcome, comparison.budget) for outcome in comparison.outcomes if outcome.broken]
    for outcome in comparison.outcomes if comparison.equal_money else ():
        spent = float(outcome.spends.mean())
        if spent < (1 - ALL) * comparison.budget:
            why = "it asks for nothing" if spent <= 0 else "rules on periods and levers, or few customers, hold it back"
            said.append(
                f"'{outcome.name}' was not scaled up to {money(comparison.budget)}: it spends {money(spent)}: {why}."
            )
    return said


def broken_in_words(outcome: Outcome, budget: float) -> str:
    """Return how many rules a policy breaks, what it spends of the budget, and each rule with what it counts."""
    broken = outcome.broken or ()
    spent = next((each.counted for each in broken if each.budget), None)
    spent = float(outcome.spends.mean()) if spent is None else spent
    of = f", spends {money(spent)} of {money(budget)}" if math.isfinite(budget) else ""
    rules = "; ".join(_rule(each) for each in broken)
    return f"'{outcome.name}' breaks {len(broken)} rule{'s' * (len(broken) != 1)}{of}: {rules}."


def _rule(broken: Broken) -> str:
    """Return a rule with what it counts beside its limit."""
    name, unit = f"{broken.rule} {broken.when}".strip(), f" {broken.unit}".rstrip()
    more = broken.sense == "<="
    if broken.budget:
        said = f"{name} by {_number(broken.by, broken)}"
    elif broken.stated:
        about = "" if broken.stated in name else f" ({broken.stated})"
        said = f"{name}{about} by {_number(broken.by, broken)}{unit}"
    else:
        counted, limit = _number(broken.counted, broken), _number(broken.limit, broken)
        if counted == limit:
            counted = f"{'above' if more else 'below'} {limit} by {broken.by:,.2g}"
        said = f"{name} {counted}, at {'most' if more else 'least'} {limit}{unit}"
    return said + (f" (and {broken.times - 1} more times)" if broken.times > 1 else "")


def _number(amount: float, broken: Broken) -> str:
    if broken.counts == "people" or broken.unit == "contacts":
        return f"{amount:,.3g}" if abs(amount) < 100 else f"{amount:,.1f}"
    return money(amount)


def best_in_words(comparison: Comparison) -> str:
    """Return which rules the best policy breaks, and which is best of those that break none; nothing if it does not."""
    best = max(comparison.outcomes, key=lambda outcome: outcome.asset)
    if not best.broken or len(comparison.outcomes) == 1:
        return ""
    count = len(best.broken)
    said = f"It breaks {count} rule{'s' * (count != 1)}: {', '.join(dict.fromkeys(each.rule for each in best.broken))}."
    keeping = [outcome for outcome in comparison.outcomes if outcome.broken == ()]
    if not keeping:
        return f"{said} No policy here keeps them all."
    return (
        f"{said} Of those that keep all rules, {called(max(keeping, key=lambda each: each.asset).name)} is worth most."
    )


def expected_in_words(comparison: Comparison, amount: Callable[..., str] = money) -> str:
    """Return what the policies are worth in expected numbers, as plans are counted; nothing where it is not known."""
    known = [outcome for outcome in comparison.outcomes if math.isfinite(outcome.expected)]
    if not known or known[0] is not comparison.outcomes[0]:
        return ""
    first = known[0]
    said = [first.name + f" {amount(first.expected)}"]
    for each in known[1:]:
        more = each.expected - first.expected
        more = 0.0 if abs(more) <= DUST * abs(first.expected) else more  # what only arithmetic leaves
        said.append(f"{each.name} {amount(each.expected)} ({amount(more, signed=True)} against {first.name})")
    return f"Customer asset in expected numbers, as plans are counted (the table is simulated): {', '.join(said)}."
