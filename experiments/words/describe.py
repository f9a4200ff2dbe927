"""A scenario in words: who, what acts on whom, what is assumed, what the rules are."""

import textwrap
from collections.abc import Collection, Sequence

import numpy as np

from experiments.words.coming import growth_in_words
from experiments.words.effects import effect_in_words, pays_in_words
from experiments.words.evidence import known_in_words
from experiments.words.figures import NARROW, day, money
from experiments.words.left_out import left_out
from experiments.words.mechanisms import (
    customers_in_words,
    market_in_words,
    survey_in_words,
    timing_in_words,
    unless_stated,
)
from experiments.words.neutral import contradictions_in_words, drifts_in_words
from experiments.words.phrases import money_at_least, money_at_most, target_in_words
from experiments.words.tables import table
from optimizer.ask.problem import budget_in_force
from optimizer.ask.rows import Said
from optimizer.ask.rules import rules_in_words
from sim.customers.rise import rises
from sim.engine.fluid import observed_counts
from sim.memory import SMALL
from sim.neutrality import Contradiction, Drift
from sim.scenario.customers import BaseSegments
from sim.scenario.file import Lever, Scenario
from sim.twin import Twin

__all__ = ["describe", "lever_in_words", "people"]

WIDTH = 118
"""Columns that sentences are folded to."""


def lever_in_words(name: str, lever: Lever, period: str, segments: Collection[str] = ()) -> str:
    """Return one sentence on a lever: its targets, today's money, its curves and when it acts.

    Segments with a curve of their own have it beside that of all; where all of ``segments`` do, that of all acts on
    nobody and is not told.
    """
    moves = []
    for effect, curve in lever.moves.items():
        own = {segment: part.moves[effect] for segment, part in lever.by_segment.items() if effect in part.moves}
        moves += [] if segments and own.keys() >= set(segments) else [effect_in_words(effect, curve, period)]
        moves += [f"of {segment}, {effect_in_words(effect, each, period)}" for segment, each in own.items()]
    tiers = "" if len(lever.tiers) == 4 else f"; tiers {', '.join(lever.tiers)}"
    today = f"today {lever.reference:g} each per {period}{pays_in_words(lever.pays)}"
    whom = f"{name} ({target_in_words(lever).replace(NARROW, ' ')}{tiers}; {today})"
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
        table(*people(twin)),
    ]
    if scenario.chain is None:
        margin = "amounts are margins already" if scenario.margin == 1 else f"margin {scenario.margin:.4g} of revenue"
        customers = [
            *_real(scenario),
            *customers_in_words(scenario),
            *growth_in_words(scenario, rises(twin)),
            f"Money: {margin}{unless_stated(scenario, 'margin')}.",
        ]
        lines += ["", "How they behave:", *_indented(customers)]
        segments = {*scenario.base_segments, *scenario.segments}
        levers = [lever_in_words(name, lever, scenario.period, segments) for name, lever in scenario.levers.items()]
        acting = [*levers, *_saturation(scenario, twin), *_prices(scenario, twin), *market_in_words(scenario)]
        lines += ["", "What acts on whom (assumptions, neutral at today's spend):", *_indented(acting)]
        lines += ["", "What is known of it:", *_indented(known_in_words(scenario))]
        learns = survey_in_words(scenario)
        lines += ["", "What the firm learns:", *_indented(learns)] if learns else []
        without = left_out(scenario)
        lines += ["", "What is left out:", *_indented(without)] if without else []
        doubts = [*contradictions_in_words(scenario, contrary), *drifts_in_words(scenario, moving)]
        lines += ["", "What is not neutral or said twice:", *_indented(doubts)] if doubts else []
    else:
        spends = ", ".join(f"{action.spend:g}" for action in scenario.chain.actions)
        lines += ["", f"A chain of its own: {scenario.chain.lever} at {spends} each per {scenario.period}."]
    return "\n".join([*lines, *_size(twin), "", *_rules(scenario, twin)])


def _size(twin: Twin) -> list[str]:
    """Return how large a market is where a plan of it takes memory that counts."""
    chain, period = twin.chain, twin.scenario.period
    needed, (classes, states) = chain.periods * chain.bytes_of_period, chain.initial.shape
    if needed <= SMALL:
        return []
    return [
        "",
        f"Size: {states:,} states x {classes:,} classes of customers x {chain.periods} {period}s; a plan takes about "
        f"{needed / 1e9:,.1f} GB, and a search holds several.",
    ]


def people(twin: Twin) -> tuple[list[str], list[list[str]]]:
    """Return names of columns and rows of who is where at the start, as observed."""
    counts = observed_counts(twin.chain, twin.chain.initial)
    present = [s for s in range(len(twin.targets.stages)) if counts[:, s].sum() > 0]
    rows = []
    for segment in dict.fromkeys(twin.targets.segments):
        of = np.array([name == segment for name in twin.targets.segments])
        rows.append([segment, *[f"{counts[of, s].sum():,.0f}" for s in present]])
    return ["segment", *[twin.targets.stages[s] for s in present]], rows


def _real(scenario: Scenario) -> list[str]:
    """Return what the customers of a base are."""
    if scenario.base is None:
        return []
    return [
        f"Customers of {scenario.base.file} are real, each with what its purchases up to "
        f"{day(scenario.base.as_of)} say of it; a tier is a third of its segment by expected worth. "
        f"Segments are {_segments(scenario.base.segments)}."
    ]


def _segments(how: BaseSegments | None) -> str:
    """Return by what a base is divided."""
    if how is None:
        return "by purchase cycle x amount"
    if how.by in ("column", "sql", "file"):
        rest = f"; those in no other are '{how.other}'" if how.other else ""
        return f"the firm's own, by {how.by} {how.column or how.sql or how.file}{rest}"
    cutoffs = ", ".join(f"{each:,.6g}" for each in how.cutoffs)
    what = {
        "value": "expected purchases of the next year, in money",
        "value-loyalty": "money a year while a customer x P(alive)",
        "value-response": "money a year while a customer x share of contacts that something followed",
        "direct-indirect": f"money a year while a customer x what it brings indirectly ({how.column})",
    }.get(how.by, "recency, frequency and money")
    return f"by {what}, with cut-offs {cutoffs}"


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


def _prices(scenario: Scenario, twin: Twin) -> list[str]:
    """Return what part of their payments a cut in price is, by lever and segment."""
    payments = dict(zip(twin.targets.segments, twin.chain.payments.tolist(), strict=True))
    growing = {name for name, segment in scenario.segments.items() if segment.growth is not None}
    said = []
    for name, lever in scenario.levers.items():
        if lever.pays == "price":
            spend = next(iter(lever.moves.values())).spend
            parts = [
                f"{100 * spend / max(usual, 1e-300):.3g} % of the {money(usual)} that a customer of “{segment}” pays"
                + (", before growing," if segment in growing else "")
                for segment, usual in payments.items()
            ]
            said.append(
                f"{name}: {spend:g} each is {', '.join(parts)} in a usual {scenario.period}; every purchase is that "
                "much cheaper, and what it costs the firm does not fall with it"
            )
    return said


def _rules(scenario: Scenario, twin: Twin) -> list[str]:
    budget = budget_in_force(twin)
    source = "what today's spend is expected to cost" if scenario.rules.budget is None else "given"
    lines = [f"Rules: budget {money(budget)} {scenario.currency} ({source})".rstrip()]
    said = Said(scenario.period, budget, money, money_at_least, money_at_most)
    return lines + _indented(rules_in_words(scenario.rules, said))


def _indented(sentences: list[str]) -> list[str]:
    """Return sentences that fit a window, each on a line of its own with the rest of it further in."""
    return [
        textwrap.fill(
            sentence.replace(" %", f"{NARROW}%"), WIDTH, initial_indent="  ", subsequent_indent="      ",
            break_long_words=False, break_on_hyphens=False,
        ).replace(NARROW, " ")
        for sentence in sentences
    ]  # fmt: skip
