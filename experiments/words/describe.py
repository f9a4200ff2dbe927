"""A scenario in words: who, what acts on whom, what is assumed, what the rules are."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.report.page import NARROW
from experiments.terminal.tables import money, table
from experiments.words.effects import effect_in_words
from experiments.words.mechanisms import (
    customers_in_words,
    market_in_words,
    survey_in_words,
    timing_in_words,
    unless_stated,
)
from experiments.words.neutral import contradictions_in_words, drifts_in_words
from experiments.words.phrases import target_in_words
from optimizer.ask.problem import budget_in_force
from sim.engine.fluid import observed_counts
from sim.neutrality import Contradiction, Drift
from sim.scenario.file import Lever, Scenario
from sim.twin import Twin

__all__ = ["describe", "lever_in_words"]

WIDTH = 118
"""Columns that sentences are folded to."""


def lever_in_words(name: str, lever: Lever, period: str) -> str:
    """Return one sentence on a lever: its targets, today's money, its curves and when it acts."""
    moves = [effect_in_words(effect, curve, period) for effect, curve in lever.moves.items()]
    tiers = "" if len(lever.tiers) == 4 else f"; tiers {', '.join(lever.tiers)}"
    whom = f"{name} ({target_in_words(lever).replace(NARROW, ' ')}{tiers}; today {lever.reference:g} each per {period})"
    return f"{whom}: {'; '.join([*moves, *timing_in_words(lever, period)])}"


def describe(
    scenario: Scenario, twin: Twin, moving: Sequence[Drift] = (), contrary: Sequence[Contradiction] = ()
) -> str:
    """Return the scenario as readable text; what comes from defaults is marked as assumed.

    ``moving``, ``contrary``: what is not neutral under today's spend, and what is said twice.
    """
    after = "counted" if scenario.terminal == "value-to-go" else "not counted"
    lines = [
        f"{scenario.name}: {scenario.periods} {scenario.period}s, discounted at {scenario.discount_rate:.1%} a "
        f"year{unless_stated(scenario, 'discount_rate')}; what customers are worth after the horizon under today's "
        f"spend is {after}{unless_stated(scenario, 'terminal')}.",
        "",
        "Who (observed at the start):",
        _people(twin),
    ]
    if scenario.chain is None:
        margin = "amounts are margins already" if scenario.margin == 1 else f"margin {scenario.margin:.4g} of revenue"
        customers = [
            *_real(scenario),
            *customers_in_words(scenario),
            f"Money: {margin}{unless_stated(scenario, 'margin')}.",
        ]
        lines += ["", "How they behave:", *_indented(customers)]
        levers = [lever_in_words(name, lever, scenario.period) for name, lever in scenario.levers.items()]
        acting = [*levers, *_saturation(scenario, twin), *market_in_words(scenario)]
        lines += ["", "What acts on whom (assumptions, neutral at today's spend):", *_indented(acting)]
        learns = survey_in_words(scenario)
        lines += ["", "What the firm learns:", *_indented(learns)] if learns else []
        doubts = [*contradictions_in_words(scenario, contrary), *drifts_in_words(scenario, moving)]
        lines += ["", "What is not neutral or said twice:", *_indented(doubts)] if doubts else []
    else:
        spends = ", ".join(f"{action.spend:g}" for action in scenario.chain.actions)
        lines += ["", f"A chain of its own: {scenario.chain.lever} at {spends} each per {scenario.period}."]
    return "\n".join([*lines, "", *_rules(scenario, twin)])


def _people(twin: Twin) -> str:
    counts = observed_counts(twin.chain, twin.chain.initial)
    present = [s for s in range(len(twin.targets.stages)) if counts[:, s].sum() > 0]
    rows = []
    for segment in dict.fromkeys(twin.targets.segments):
        of = np.array([name == segment for name in twin.targets.segments])
        rows.append([segment, *[f"{counts[of, s].sum():,.0f}" for s in present]])
    return table(["segment", *[twin.targets.stages[s] for s in present]], rows)


def _real(scenario: Scenario) -> list[str]:
    """Return what the customers of a base are."""
    if scenario.base is None:
        return []
    return [
        f"Customers of {scenario.base.file} are real, each with what its purchases up to "
        f"{scenario.base.as_of.isoformat()} say of it; a tier is a third of its segment by expected worth."
    ]


def _saturation(scenario: Scenario, twin: Twin) -> list[str]:
    """Return at which spend in a period a unit of money buys half as much as today, by lever."""
    counts = observed_counts(twin.chain, twin.chain.initial)
    today = (twin.targets.reference * counts[:, :, None]).sum(axis=(0, 1))
    return [
        f"{name}: today {money(float(spent))} a {scenario.period} go into its medium; at "
        f"{money(2 * float(spent) + lever.saturation)} a unit of money works half as well"
        for (name, lever), spent in zip(scenario.levers.items(), today, strict=True)
        if lever.saturation is not None
    ]


def _rules(scenario: Scenario, twin: Twin) -> list[str]:
    budget = budget_in_force(twin)
    source = "what today's spend is expected to cost" if scenario.rules.budget is None else "given"
    lines = [f"Rules: budget {money(budget)} {scenario.currency} ({source})".rstrip()]
    if scenario.rules.period_share < 1:
        lines += [f"  at most {money(scenario.rules.period_share * budget)} in one {scenario.period}"]
    for name, rule in scenario.rules.levers.items():
        lines += [f"  {name}: {money(rule.floor * budget)} to {money(rule.cap * budget)}"]
    return lines + _indented(_other_rules(scenario))


def _other_rules(scenario: Scenario) -> list[str]:
    """Return rules on stretches, slices, people, profit, contacts and campaigns, a sentence each."""
    rules, out = scenario.rules, []
    if rules.stretches:
        left = "is carried over" if rules.stretches.carry_over else "lapses"
        amounts = "equal parts" if rules.stretches.amounts is None else ", ".join(map(money, rules.stretches.amounts))
        out.append(f"budgets of {rules.stretches.every} {scenario.period}s: {amounts}; what is left {left}")
    for name, rule in rules.slices.items():
        out.append(f"{name}: {_stated(rule.model_dump(exclude_unset=True))}")
    for name, people in rules.people.items():
        out.append(f"{name}: {_stated(people.model_dump(exclude_unset=True))}")
    if rules.yearly_profit is not None:
        out.append(f"profit of at least {money(rules.yearly_profit)} a year")
    if rules.least_cash is not None:
        out.append(f"profit added up from the start never below {money(rules.least_cash)}")
    if rules.contacts is not None:
        out.append(f"at most {rules.contacts:g} contacts per customer and {scenario.period}")
    for name, campaign in rules.campaigns.items():
        out.append(f"campaigns of {name}, by segment and {scenario.period}: {_stated(campaign.model_dump())}")
    return out


def _stated(rule: dict[str, Any]) -> str:
    """Return what a rule states, key by key, as in the file."""

    def said(key: str, value: Any) -> str:
        name = key.replace("_", " ")
        if isinstance(value, bool):
            return name if value else f"not {name}"
        return f"{name} {', '.join(map(str, value)) if isinstance(value, list | tuple) else value}"

    return ", ".join(said(key, value) for key, value in rule.items())


def _indented(sentences: list[str]) -> list[str]:
    """Return sentences that fit a window, each on a line of its own with the rest of it further in."""
    return [
        textwrap.fill(
            sentence.replace(" %", f"{NARROW}%"), WIDTH, initial_indent="  ", subsequent_indent="      ",
            break_long_words=False, break_on_hyphens=False,
        ).replace(NARROW, " ")
        for sentence in sentences
    ]  # fmt: skip
