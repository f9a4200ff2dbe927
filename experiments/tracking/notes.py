"""What runs say about themselves, in Markdown: the answer first, then where to look, and what names it last."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from experiments.tracking.metrics import UNITS
from experiments.tracking.views import View, link_of
from experiments.words.figures import money
from experiments.words.kept import breaks, broken_in_words, rules_broken
from experiments.words.policies import Kind, policy_facts
from experiments.words.proof import proof_in_words
from experiments.words.tables import plain_text

if TYPE_CHECKING:
    from experiments.compare import Comparison, Outcome
    from optimizer.plan import Plan
    from sim.scenario.file import Scenario

__all__ = ["comparison_body", "note", "policy_body", "proof_body"]

LONGEST = 7800
"""Signs of a note; MLflow takes 8000."""
MOST_ROWS = 25


def note(
    answer: str,
    body: Sequence[str],
    *,
    purpose: str = "",
    views: Sequence[View] = (),
    command: str = "",
    names: Mapping[str, str] | None = None,
    currency: str = "",
) -> str:
    """Return a note.

    Parameters
    ----------
    answer, body
        The answer, and paragraphs in Markdown.
    purpose, command
        The user's words: what it is for, and how it was asked.
    views
        To be linked.
    names
        Digests and versions by what they name.
    """
    links = " | ".join(f"[{view.title}]({link_of(view)})" for view in views)
    upper = [f"**{plain_text(answer)}**", plain_text(purpose), links]
    units = "; ".join(f"`{name}`: {meaning}" for name, meaning in UNITS.items())
    lower = [
        f"Asked by: `{command.replace('`', chr(39))}`" if command else "",
        f"Units, with money in {plain_text(currency) or 'the units of the scenario'}: {units}.",
        ", ".join(f"{what} `{name}`" for what, name in (names or {}).items() if name),
    ]
    end = "\n\n".join(part for part in lower if part)
    begin = "\n\n".join(part for part in [*upper, *body] if part)
    room = LONGEST - len(end) - 2
    if len(begin) > room:
        begin = begin[: room - 40].rpartition("\n")[0] + "\n\n(More is in the artifacts.)"
    return f"{begin}\n\n{end}"


def comparison_body(comparison: Comparison) -> list[str]:
    """Return the policies as a table, best first, and the rules they break."""
    facts = policy_facts(comparison, ranked=True)
    header = [f"vs {plain_text(facts.reference)}" if kind == "difference" else name for name, kind in facts.columns]
    rules = ["---" if kind == "name" else "---:" for _, kind in facts.columns]
    rows = facts.shown(SIGNS)
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rules, *rows[:MOST_ROWS]))
    left = len(rows) - MOST_ROWS
    more = f"The other {left} policies are on the leaderboard." if left > 0 else ""
    return [table, more, *map(plain_text, rules_broken(comparison))]


def policy_body(outcome: Outcome, comparison: Comparison) -> list[str]:
    """Return what of a policy its run has to say: how sure it is, what it breaks, and where its study is."""
    interval = ""
    if math.isfinite(outcome.low) and outcome is not comparison.outcomes[0]:
        reference = plain_text(comparison.outcomes[0].name)
        interval = (
            f"Against *{reference}* {money(outcome.difference, signed=True)}, 95 % interval "
            f"{money(outcome.low, signed=True)} to {money(outcome.high, signed=True)} (replication noise only)."
        )
    broken = plain_text(broken_in_words(outcome, comparison.budget)) if outcome.broken else ""
    study = "[The study](#/experiments/{experiment}/runs/{parent}?workflowType=machine_learning)"
    return [f"{interval} Means over {comparison.replications} replications.".lstrip(), broken, study]


def proof_body(plan: Plan, scenario: Scenario, name: str = "plan") -> list[str]:
    """Return what is proved about a plan."""
    words = proof_in_words(plan, scenario.currency)
    return [f"The {plain_text(name)}: {plain_text(words.worth)} {plain_text(words.proved)}"]


def _interval(ends: tuple[float, float] | None) -> str:
    if ends is None or not math.isfinite(ends[0]):
        return "–"
    return f"{money(ends[0], signed=True)} to {money(ends[1], signed=True)}"


SIGNS: Mapping[Kind, Callable[[Any], str]] = {
    "name": plain_text,
    "money": money,
    "difference": lambda amount: "reference" if amount is None else money(amount, signed=True),
    "interval": _interval,
    "count": "{:,.0f}".format,
    "rules": breaks,
}
