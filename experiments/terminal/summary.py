"""What the commands print for people: the answer first, then what it rests on, then what to do next."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.compare import Comparison
from experiments.decision import Decision
from experiments.simulate import Part
from experiments.terminal.tables import plan_table, policy_table
from experiments.words.board import gain_in_words
from experiments.words.figures import money, plain
from experiments.words.kept import expected_in_words, rules_assume, rules_broken
from experiments.words.mechanism_figures import mechanism_lines
from experiments.words.odds import odds_in_words, odds_table
from experiments.words.phrases import INTERVALS, fixed_costs_in_words
from experiments.words.policies import feedback_in_words
from experiments.words.prices import rule_price_in_words, rules_priced, shadow_price_in_words
from experiments.words.proof import proof_in_words
from experiments.words.tables import table
from optimizer.insight.frontier import Targeting
from optimizer.plan import Plan
from optimizer.proof import SpendProof
from sim.scenario.file import Scenario
from sim.twin import Twin

__all__ = [
    "comparison_summary",
    "plan_summary",
    "simulation_summary",
    "split_summary",
    "starts_summary",
    "targeting_summary",
]

MOST_MISSED = 3
"""Rules that a start is said to miss; the others are counted."""


def plan_summary(plan: Plan, currency: str) -> str:
    """Return the plan by segment and lever, its price, and what is proved about it."""
    words = proof_in_words(plan)
    lines = [
        f"The plan: expected {currency or 'money'} over the horizon by segment and lever".strip(),
        "",
        plan_table(plan),
        "",
        plain(words.worth),
    ]
    if plan.fixed_costs > 0:
        lines.append(fixed_costs_in_words(plan.fixed_costs, plan.asset))
    saves = isinstance(plan.proof, SpendProof)
    if not saves:
        lines.append(f"Shadow price of the budget: {plain(shadow_price_in_words(plan))}.")
    binding = [rule_price_in_words(plan, name) for name in rules_priced(plan)]
    if binding:
        unit = "d(money)/d(limit), less is dearer" if saves else "d(asset)/d(limit)"
        lines.append(f"Other rules that bind, with {unit}: {', '.join(binding[:6])}.")
    lines += [plain(part) for part in (words.proved, words.note) if part]
    if plan.status != "feasible":
        lines.insert(0, f"The plan found {plan.status}: no plan was found that meets every rule at this targeting.\n")
    return "\n".join(lines)


def starts_summary(plan: Plan, starts: Sequence[Mapping[str, Any]]) -> str:
    """Return what the plans that were to be improved spend and are worth beside the plan; nothing without any."""
    lines = []
    for start in starts:
        more = plan.asset - start["asset"]
        line = (
            f"Begun from {start['name']}, which spends {money(start['spend'])} for {money(start['asset'])}: the plan "
        )
        line += f"is worth {money(more, signed=True)} against it."
        if start["misses"]:
            others = len(start["misses"]) - MOST_MISSED
            line += f" It misses {', '.join(start['misses'][:MOST_MISSED])}"
            line += f", and {others} more rules." if others > 0 else "."
        lines.append(line)
    return "\n".join([*lines, ""])


def split_summary(
    answer: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    plan: Path,
    scenario: Path,
    output: Path,
    spread: str,
) -> str:
    """Return what ``tenure split`` prints."""
    how = "" if spread == "even" else f" --spread {shlex.quote(spread)}"
    market, whole, made = (shlex.quote(str(path)) for path in (scenario, plan, output))
    return (
        f"{answer}\n\n{table(list(header), [list(row) for row in rows])}\n\nWritten to {output}. "
        f"Next: edit it, then tenure compare {market} --policy {whole} --policy {made}{how}, or "
        f"tenure optimize {market} --from {made}{how} -o better.json"
    ) + (f"\nWith --spread {whole} each cell's money goes to whom and when the plan gives it." if not how else "")


def targeting_summary(ways: Sequence[Targeting], currency: str, scenario: Path) -> str:
    """Return what telling customers apart is worth."""
    first = ways[0]
    rows = [
        [
            way.name,
            money(way.asset),
            money(way.lift, signed=True),
            money(way.asset - first.asset, signed=True) if i else "",
        ]
        for i, way in enumerate(ways)
    ]
    header = ["what the firm tells apart", "customer asset", "above least spend", f"more than by {first.name}"]
    known = [way for way in ways if way.plan is not None]
    best, coarse = known[-1], known[0]
    lines = [
        f"Telling customers apart by {best.name} instead of by {coarse.name} brings "
        f"{money(best.asset - coarse.asset, signed=True)} {currency} for the same money.".replace("  ", " "),
        "",
        table(header, rows),
        "",
        "Stage: segment and stage; state: value tier too. Full information sees hidden traits and who has silently "
        "left: no firm can, so it says what the most perfect knowledge could bring."
        if len(ways) > len(known)
        else "",
        f"Next: tenure optimize {shlex.quote(str(scenario))} --targeting stage -o plan.json",
    ]
    return "\n".join(line for i, line in enumerate(lines) if line or i < 4)


def comparison_summary(scenario: Scenario, comparison: Comparison, found: Decision) -> str:
    """Return what ``tenure compare`` prints; ``found``: what the best policy's gain is made of."""
    lines = [
        f"{scenario.name}, {scenario.periods} {scenario.period}s, {comparison.replications} replications, budget "
        f"{money(comparison.budget)} {scenario.currency}".rstrip(),
        "",
        policy_table(comparison),
        "",
        *([table(*odds_table(comparison)), ""] if comparison.odds is not None else []),
        *gain_in_words(found),
        *odds_in_words(comparison),
        *rules_broken(comparison),
        *([rules_assume()] if any(outcome.broken for outcome in comparison.outcomes) else []),
        *filter(None, [expected_in_words(comparison)]),
        *feedback_in_words(comparison),
        INTERVALS,
    ]
    return "\n".join(lines)


def simulation_summary(twin: Twin, part: Part, path: Path, policy: str) -> str:
    """Return what ``tenure simulate`` prints; ``path`` and ``policy`` as the user gave them."""
    scenario, comparison = twin.scenario, part.comparison
    outcome = comparison.outcomes[0]
    history = outcome.history
    rows = [
        [
            str(t + 1),
            f"{history.alive[t].sum():,.0f}",
            f"{history.purchases[t].sum():,.0f}",
            money(float(history.revenue[t].sum())),
            money(float(history.spend[t].sum())),
            money(float(history.profit[t])),
        ]
        for t in range(history.periods)
    ]
    lines = [
        _worth(scenario, part),
        "",
        table([scenario.period, "alive", "purchases", "revenue", "spend", "profit"], rows),
        "",
        *mechanism_lines(scenario, twin, history),
    ]
    lines += rules_broken(comparison)
    return "\n".join([*lines, _next_step(part, shlex.quote(str(path)), shlex.quote(policy))])


def _worth(scenario: Scenario, part: Part) -> str:
    """Return the answer of a simulation in one line."""
    outcome, period = part.comparison.outcomes[0], scenario.period
    done = outcome.history.periods
    who = f"{scenario.name} under '{outcome.name}'"
    if part.resumed_at is not None:
        who += f" from {period} {part.resumed_at + 1} on (as saved before)"
    what = "customer asset" if done == scenario.periods else f"discounted profit of the first {done} {period}s"
    spread = float(outcome.assets.std(ddof=1)) if outcome.assets.size > 1 else float("nan")
    about = f" (standard deviation over replications {money(spread)})" if spread == spread else ""
    return f"{who}: {what} {money(outcome.asset)} {scenario.currency}".rstrip() + about


def _next_step(part: Part, path: str, policy: str) -> str:
    outcome = part.comparison.outcomes[0]
    if part.saved is not None:
        saved = shlex.quote(str(part.saved))
        return f"Saved to {saved}. Next: tenure simulate {path} --resume {saved} --policy {policy}, or another policy"
    if outcome.name != "as today":
        return f"Next: tenure compare {path} --policy as-today --policy {policy}"
    return f"Next: tenure optimize {path} -o plan.json"
