"""What the report's answer rests on: the bound, the fit, the assumptions, what the intervals cover, what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from experiments.report import charts
from experiments.report.page import bullets, chart, paragraph, scale, section, subheading, table
from experiments.words.effects import PAYS, effect_in_words
from experiments.words.evidence import told_and_assumed
from experiments.words.figures import NARROW, day, percent
from experiments.words.figures import typeset_money as money
from experiments.words.left_out import left_out
from experiments.words.mechanisms import customers_in_words, market_in_words, survey_in_words, timing_in_words
from experiments.words.phrases import fixed_costs_in_words, target_in_words
from experiments.words.prices import price_figures, rules_priced
from experiments.words.proof import proof_in_words
from optimizer.ask.rows import BUDGET
from optimizer.proof import SpendProof

if TYPE_CHECKING:
    from experiments.compare import Comparison
    from optimizer.plan import Plan
    from sim.scenario.file import Scenario

__all__ = ["FittedFigure", "assumptions", "coverage", "evidence", "fit_beside_published", "how_far", "next_steps"]

MOST_PRICES = 10
"""Rules shown with their price, the dearest first."""


class FittedFigure(Protocol):
    """One figure of a calibration, beside what was published."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def published(self) -> str | None: ...  # noqa: D102
    @property
    def computed(self) -> float: ...  # noqa: D102


def how_far(scenario: Scenario, plan: Plan | None) -> str:
    """Return what is proved about the plan, what that assumes, and what the rules cost."""
    if plan is None:
        return section(
            "bound",
            "How far from the best possible",
            paragraph("No plan was optimised in this study, so there is no upper bound to measure against."),
        )
    words = proof_in_words(plan, scenario.currency)
    parts = [] if words.bar is None else [scale(*words.bar)]
    parts.append(paragraph(" ".join(part for part in (words.worth, words.proved, words.note) if part)))
    if plan.fixed_costs > 0:
        parts.append(paragraph(fixed_costs_in_words(plan.fixed_costs, plan.asset)))
    parts.append(
        paragraph(
            "Values here are expected ones with customers in trait classes; "
            "those in the table of policies are simulated with traits of each customer's own, so they differ a "
            f"little. Search: {plan.termination}.",
            "soft",
        )
    )
    if plan.prices:
        budget = [BUDGET.name] if BUDGET.name in plan.prices or BUDGET.name in plan.price_ranges else []
        rows = [price_figures(plan, name) for name in [*budget, *rules_priced(plan)][:MOST_PRICES]]
        what = "saves money by" if isinstance(plan.proof, SpendProof) else "brings"
        parts += [
            subheading("What the rules cost"),
            table(["Rule that binds", "Next unit", "Unit less", "Holds for", "Loosened by", f"That {what}"], rows),
            paragraph(
                "Each limit by itself, near this plan: what the next unit of it changes, and a unit less; how far it "
                "can be loosened before that has moved by a tenth; and what a round step brings. With the budget move "
                "the limits that are stated as shares of it.",
                "soft",
            ),
        ]
    return section("bound", "How far from the best possible", *parts)


def fit_beside_published(fit: Sequence[FittedFigure] | None) -> str:
    """Return the figures of a calibration beside published ones; nothing without them."""
    if not fit:
        return ""
    rows = []
    for figure in fit:
        digits = ",.4g" if abs(figure.computed) < 1000 else ",.2f"
        rows.append([figure.name, figure.published or "–", f"{figure.computed:{digits}}".replace("-", "−")])
    return section(
        "fit",
        "How well the purchases are described",
        table(["Figure", "Published", "Computed here"], rows),
    )


def evidence(scenario: Scenario, heading: str) -> str:
    """Return what comes from records and what somebody thinks, side by side."""
    measured, assumed = [], []
    who = [name for name, segment in scenario.segments.items() if segment.start]
    if scenario.base is not None:
        when = day(scenario.base.as_of)
        measured.append(f"Customers on record up to {when}, and how each buys, leaves and spends: fitted to purchases.")
    else:
        assumed.append("How customers buy, leave and spend: stated in the scenario.")
    if who:
        assumed.append(f"How many people are in {', '.join(f'“{name}”' for name in who)} at the start.")
    if scenario.chain is None and scenario.levers:
        told, rest = told_and_assumed(scenario)
        measured += [f"How customers answer money: {curve}." for curve in told]
        assumed += [f"How customers answer money through {', '.join(rest)}."] if rest else []
    if scenario.margin != 1:
        assumed.append(f"A margin of {percent(scenario.margin, exact=True)}.")
    if scenario.uncertain:
        assumed.append(f"{len(scenario.uncertain)} of these numbers have a stated range: `tenure risk` weighs them.")
    columns = (("Measured", measured or ["Nothing: every number is stated in the scenario."]), ("Assumed", assumed))
    inside = "".join(f"<div>{subheading(name)}{bullets(said)}</div>" for name, said in columns if said)
    return section("evidence", heading, f'<div class="columns">{inside}</div>')


def assumptions(scenario: Scenario) -> str:
    """Return every assumption in words, with the response curves."""
    after = "counted, under today's spend" if scenario.terminal != "none" else "not counted"
    basics = [
        f"Margin: {percent(scenario.margin, exact=True)} of revenue."
        if scenario.margin != 1
        else "Amounts are margins already.",
        f"Money is discounted at {percent(scenario.discount_rate, exact=True)} a year; what comes after the horizon is "
        f"{after}.",
    ]
    for name, segment in scenario.segments.items():
        if segment.start:
            counts = ", ".join(f"{number:,.0f} {stage}" for stage, number in segment.heads.items())
            basics.append(f"At the start, “{name}” holds {counts}.")
    if scenario.base is not None:
        basics.append(
            f"Everybody else is a real customer on record up to {day(scenario.base.as_of)}, each with a "
            "posterior of its own."
        )
    basics += left_out(scenario)
    basics += [*customers_in_words(scenario), *market_in_words(scenario), *survey_in_words(scenario)]
    parts = [bullets([_kept_together(basic.replace("`", "'")) for basic in basics])]
    if scenario.chain is not None:
        chain = scenario.chain
        rows = [
            [f"{chain.lever} {i + 1}" + (" (as today)" if i == chain.reference else ""), money(action.spend)]
            for i, action in enumerate(chain.actions)
        ]
        parts += [
            paragraph(f"Customers follow a chain that the scenario gives, with {len(chain.states)} states."),
            table(["Action", f"Money per customer and {scenario.period}"], rows),
        ]
    else:
        rows = []
        for name, lever in scenario.levers.items():
            today = (money(lever.reference) if lever.reference else "not used") + PAYS[lever.pays]
            when = "".join(f"; {said}" for said in timing_in_words(lever, scenario.period))
            for effect, curve in lever.moves.items():
                does = _kept_together(effect_in_words(effect, curve, scenario.period))
                rows.append([name, target_in_words(lever) + when, does, today])
        parts += [
            table(["Lever", "Used on", "What money does", "Today"], rows, left=3),
            chart(
                "responses",
                charts.response_curves(scenario),
                f"{_of_curves(scenario)}; the dot is today's spend, where the "
                "fitted behaviour of customers is left as it is.",
            ),
        ]
    return section("assumptions", "What is assumed", *parts, tag="assumption")


def _of_curves(scenario: Scenario) -> str:
    if told_and_assumed(scenario)[0]:
        return "The responses. Those that were measured pass through what was seen, the others through the answers"
    return "The assumed responses. Each passes through the manager's answers"


def _kept_together(words: str) -> str:
    """Return words with every number on one line with its sign of per cent."""
    return words.replace(" %", f"{NARROW}%")


def coverage(comparison: Comparison) -> str:
    """Return what the intervals cover and what not."""
    return section(
        "coverage",
        "What the intervals cover",
        paragraph(
            f"Replication noise only: the customers' hidden truth and luck over {comparison.replications} "
            "replications, the same customers with the same luck under every policy. They do not cover the "
            "assumptions above, nor the uncertainty of fitted parameters. With other responses the ranking may change."
        ),
        *_with_the_unknown(comparison),
    )


def _with_the_unknown(comparison: Comparison) -> list[str]:
    """Return what the intervals cover that count what is not known; nothing without any."""
    if comparison.odds is None:
        return []
    said = (
        "The intervals that count what is not known are of one future: its luck, and one of "
        f"{comparison.odds.worlds} worlds drawn from the {comparison.ranges} ranges under 'uncertain', in which every "
        "policy is played in expected numbers by a firm that does not know which it is. What has no range is taken as "
        "known."
    )
    return [paragraph(said)]


def next_steps(plan: Plan | None) -> str:
    """Return what to do next."""
    steps = [
        "Replace the assumed responses, prospect numbers and margin in the scenario file with your own; "
        "`tenure check SCENARIO` reads the file back in words.",
        "Run the study again with `tenure compare SCENARIO --policy as-today --policy plan.json`.",
        "Browse every run, and what it depended on, with `tenure ui`.",
        "Test the response that matters most on a small random part of the customers before the budget moves.",
    ]
    if plan is None:
        steps.insert(1, "Let the optimiser look for a better policy: `tenure optimize SCENARIO -o plan.json`.")
    elif plan.shadow_price > 1e-6:
        steps.insert(1, "See what another budget is worth: `tenure optimize SCENARIO --budget X -o plan.json`.")
    return section("next", "What to do next", bullets(steps))
