"""What the report's answer rests on: the bound, the fit, the assumptions, what the intervals cover, what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from experiments.report import charts
from experiments.report.page import bullets, chart, paragraph, scale, section, subheading, table
from experiments.words.effects import effect_in_words, pays_in_words
from experiments.words.evidence import told_and_assumed
from experiments.words.figures import NARROW, day, percent
from experiments.words.figures import typeset_money as money
from experiments.words.languages import Words
from experiments.words.left_out import left_out
from experiments.words.mechanisms import customers_in_words, market_in_words, survey_in_words, timing_in_words
from experiments.words.phrases import fixed_costs_in_words, period_name, stage_in_words, target_in_words
from experiments.words.prices import price_figures, rules_priced
from experiments.words.proof import proof_in_words
from experiments.words.retold import fit_retold, search_retold
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


def how_far(scenario: Scenario, plan: Plan | None, words: Words) -> str:
    """Return what is proved about the plan, what that assumes, and what the rules cost."""
    if plan is None:
        return section("bound", words["h_bound"], paragraph(words["no_plan"]))
    language = words["language"]
    proved = proof_in_words(plan, scenario.currency, language)
    parts = [] if proved.bar is None else [scale(*proved.bar)]
    parts.append(paragraph(words["between"].join(part for part in (proved.worth, proved.proved, proved.note) if part)))
    if plan.fixed_costs > 0:
        parts.append(paragraph(fixed_costs_in_words(plan.fixed_costs, plan.asset, language)))
    search = search_retold(plan.termination, language)
    parts.append(paragraph(words["bound_note"].format(search=search), "soft"))
    if plan.prices:
        budget = [BUDGET.name] if BUDGET.name in plan.prices or BUDGET.name in plan.price_ranges else []
        rows = [price_figures(plan, name, language) for name in [*budget, *rules_priced(plan)][:MOST_PRICES]]
        what = "that_saves" if isinstance(plan.proof, SpendProof) else "that_brings"
        header = ("binds", "next_of_rule", "less_of_rule", "holds_for", "loosened_by", what)
        parts += [
            subheading(words["h_prices"]),
            table([words[name] for name in header], rows),
            paragraph(words["prices_note"], "soft"),
        ]
    return section("bound", words["h_bound"], *parts)


def fit_beside_published(fit: Sequence[FittedFigure] | None, words: Words) -> str:
    """Return the figures of a calibration beside published ones; nothing without them."""
    if not fit:
        return ""
    rows = []
    for figure in fit:
        digits = ",.4g" if abs(figure.computed) < 1000 else ",.2f"
        name = fit_retold(figure.name, words["language"])
        rows.append([name, figure.published or "–", f"{figure.computed:{digits}}".replace("-", "−")])
    return section(
        "fit", words["h_fit"], table([words[name] for name in ("fit_figure", "published", "computed")], rows)
    )


def evidence(scenario: Scenario, words: Words) -> str:
    """Return what comes from records and what somebody thinks, side by side."""
    measured, assumed = [], []
    who = [name for name, segment in scenario.segments.items() if segment.start]
    if scenario.base is not None:
        measured.append(words["measured_base"].format(day=day(scenario.base.as_of)))
    else:
        assumed.append(words["assumed_laws"])
    if who:
        segments = words["list"].join(words["segment_name"].format(name=name) for name in who)
        assumed.append(words["assumed_heads"].format(segments=segments))
    if scenario.chain is None and scenario.levers:
        told, rest = told_and_assumed(scenario, words["language"])
        measured += [words["measured_curve"].format(curve=curve) for curve in told]
        assumed += [words["assumed_curves"].format(levers=words["list"].join(rest))] if rest else []
    if scenario.margin != 1:
        assumed.append(words["assumed_margin"].format(margin=percent(scenario.margin, exact=True)))
    if scenario.uncertain:
        assumed.append(words["with_ranges"].format(number=len(scenario.uncertain)))
    columns = ((words["measured"], measured or [words["nothing_measured"]]), (words["assumed"], assumed))
    inside = "".join(f"<div>{subheading(name)}{bullets(said)}</div>" for name, said in columns if said)
    return section("evidence", words["evidence"], f'<div class="columns">{inside}</div>')


def assumptions(scenario: Scenario, words: Words) -> str:
    """Return every assumption in words, with the response curves."""
    parts = [bullets([_kept_together(basic.replace("`", "'")) for basic in _basics(scenario, words)])]
    parts += _chain(scenario, words) if scenario.chain is not None else _levers(scenario, words)
    return section("assumptions", words["h_assumptions"], *parts, tag=words["assumption"])


def _basics(scenario: Scenario, words: Words) -> list[str]:
    """Return what is assumed of money, people and the market."""
    language = words["language"]
    said = [words["margins_already"]]
    if scenario.margin != 1:
        said = [words["basic_margin"].format(margin=percent(scenario.margin, exact=True))]
    after = words["after_counted" if scenario.terminal != "none" else "after_not_counted"]
    said.append(words["discounted"].format(rate=percent(scenario.discount_rate, exact=True), after=after))
    for name, segment in scenario.segments.items():
        if segment.start:
            counts = words["list"].join(
                words["heads_in"].format(number=f"{number:,.0f}", stage=stage_in_words(stage, language))
                for stage, number in segment.heads.items()
            )
            said.append(words["at_start"].format(name=name, counts=counts))
    if scenario.base is not None:
        said.append(words["real_customers"].format(day=day(scenario.base.as_of)))
    for more in (left_out, customers_in_words, market_in_words, survey_in_words):
        said += more(scenario, language)
    return said


def _chain(scenario: Scenario, words: Words) -> list[str]:
    """Return the actions of a chain of one's own."""
    chain = scenario.chain
    assert chain is not None
    rows = [
        [f"{chain.lever} {i + 1}" + (words["action_today"] if i == chain.reference else ""), money(action.spend)]
        for i, action in enumerate(chain.actions)
    ]
    per_customer = words["per_customer"].format(period=period_name(scenario.period, words["language"]))
    return [
        paragraph(words["chain"].format(number=len(chain.states))),
        table([words["action"], per_customer], rows),
    ]


def _levers(scenario: Scenario, words: Words) -> list[str]:
    """Return what each lever moves, and its curves."""
    language = words["language"]
    rows = []
    for name, lever in scenario.levers.items():
        today = money(lever.reference) if lever.reference else words["not_used"]
        today += pays_in_words(lever.pays, language)
        when = "".join(f"{words['semicolon']}{said}" for said in timing_in_words(lever, scenario.period, language))
        for effect, curve in lever.moves.items():
            does = _kept_together(effect_in_words(effect, curve, scenario.period, language))
            rows.append([name, target_in_words(lever, language) + when, does, today])
    measured = bool(told_and_assumed(scenario)[0])
    caption = words["responses"].format(curves=words["curves_measured" if measured else "curves_assumed"])
    return [
        table([words[name] for name in ("lever", "used_on", "does", "today")], rows, left=3),
        chart("responses", charts.response_curves(scenario, language), caption),
    ]


def _kept_together(words: str) -> str:
    """Return words with every number on one line with its sign of per cent."""
    return words.replace(" %", f"{NARROW}%")


def coverage(comparison: Comparison, words: Words) -> str:
    """Return what the intervals cover and what not, and what those cover that count what is not known."""
    said = [paragraph(words["coverage"].format(number=comparison.replications))]
    if comparison.odds is not None:
        of = {"worlds": comparison.odds.worlds, "ranges": comparison.ranges}
        said.append(paragraph(words["coverage_all"].format(**of)))
    return section("coverage", words["h_coverage"], *said)


def next_steps(plan: Plan | None, words: Words) -> str:
    """Return what to do next."""
    steps = ["next_replace", "next_compare", "next_ui", "next_test"]
    if plan is None:
        steps.insert(1, "next_optimise")
    elif plan.shadow_price > 1e-6:
        steps.insert(1, "next_budget")
    return section("next", words["h_next"], bullets([words[step] for step in steps]))
