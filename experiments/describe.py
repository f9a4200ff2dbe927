"""A scenario in words: who, what acts on whom, what is assumed, what the rules are."""

import numpy as np

from experiments.tables import money, table
from optimizer.problem import budget_in_force
from sim.curves import Curve
from sim.engine.fluid import observed_counts
from sim.scenario import Lever, Scenario
from sim.twin import Twin

__all__ = ["describe", "lever_in_words"]

_WORDS = {
    "awareness": "the chance that someone unaware becomes a prospect",
    "acquisition": "the chance that a prospect makes a first purchase",
    "survival": "the chance that a typical customer stays",
    "purchase_rate": "the purchase rate (relative gain)",
    "amount": "the amount per purchase (relative gain)",
    "reactivation": "the chance that one who silently left returns",
}


def lever_in_words(name: str, lever: Lever, period: str) -> str:
    """Return one sentence on a lever: its targets, today's money and its curves."""

    def curve(effect: str, c: Curve) -> str:
        return (
            f"{_WORDS[effect]} from {c.without_money:g} without money over {c.brings:g} at {c.spend:g} "
            f"to at most {c.unlimited_money:g}"
        )

    moves = "; ".join(curve(effect, c) for effect, c in lever.moves.items())
    reach = "" if lever.reach == 1 else f"; reaches {lever.reach:.0%} of them"
    return f"{name} ({', '.join(lever.targets)}; today {lever.reference:g} each per {period}{reach}): moves {moves}"


def describe(scenario: Scenario, twin: Twin) -> str:
    """Return the scenario as readable text."""
    chain = twin.chain
    counts = observed_counts(chain, chain.initial)
    segments = list(dict.fromkeys(twin.targets.segments))
    present = [s for s in range(len(twin.targets.stages)) if counts[:, s].sum() > 0]
    rows = []
    for segment in segments:
        of = np.array([name == segment for name in twin.targets.segments])
        rows.append([segment, *[f"{counts[of, s].sum():,.0f}" for s in present]])
    lines = [
        f"{scenario.name}: {scenario.periods} {scenario.period}s, discounted at {scenario.discount_rate:.1%} a year, "
        f"value after the horizon: {scenario.terminal}.",
        "",
        "Who (observed at the start):",
        table(["segment", *[twin.targets.stages[s] for s in present]], rows),
        "",
    ]
    if scenario.chain is None:
        lines += ["What acts on whom (assumptions, neutral at today's spend):"]
        lines += [f"  {lever_in_words(name, lever, scenario.period)}" for name, lever in scenario.levers.items()]
    else:
        spends = ", ".join(f"{action.spend:g}" for action in scenario.chain.actions)
        lines += [f"A chain of its own: {scenario.chain.lever} at {spends} each per {scenario.period}."]
    for rival in scenario.competitors:
        until = "" if rival.end is None else f" to {rival.end}"
        since = f"from {scenario.period} {rival.start + 1}{until}"
        lines += [f"  competitor {rival.name}: {rival.route}, strength {rival.strength:g}, {since}"]
    budget = budget_in_force(scenario, chain)
    source = "what today's spend is expected to cost" if scenario.rules.budget is None else "given"
    lines += ["", f"Rules: budget {money(budget)} {scenario.currency} ({source})".rstrip()]
    if scenario.rules.period_share < 1:
        lines += [f"  at most {money(scenario.rules.period_share * budget)} in one {scenario.period}"]
    for name, rule in scenario.rules.levers.items():
        lines += [f"  {name}: {money(rule.floor * budget)} to {money(rule.cap * budget)}"]
    return "\n".join(lines)
