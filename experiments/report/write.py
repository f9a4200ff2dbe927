"""One self-contained page that answers a study: which policy, how much more, how far from the best, on what grounds.

The decision is the title; then when it pays and how sure that is, lever by lever; then what it rests on. The page needs
no network and no scripts: charts are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.decision import Decision, decision
from experiments.report import charts, grounds
from experiments.report.answer import answer, budgets, changes_if, headline, levers, sources
from experiments.report.grounds import FittedFigure
from experiments.report.logo import embedded_logo
from experiments.report.page import bullets, card, chart, folded, page, paragraph, section, shaded, subheading, table
from experiments.words.classes import class_columns, class_rows
from experiments.words.figures import percent
from experiments.words.figures import typeset_money as money
from experiments.words.kept import best_in_words, breaks, expected_in_words, rules_assume, rules_broken
from experiments.words.languages import LANGUAGES, Words
from experiments.words.odds import odds_in_words, odds_table
from experiments.words.phrases import period_name, played_policy, quoted
from experiments.words.policies import Kind, policy_facts
from experiments.words.prices import shadow_price_in_words
from experiments.words.proof import proof_in_words
from experiments.words.report import report_words
from optimizer.proof import LiftProof
from sim.files import write_text
from sim.valuation import customer_asset

if TYPE_CHECKING:
    from experiments.compare import Comparison, Outcome
    from optimizer.plan import Plan
    from sim.arrays import Floats
    from sim.scenario.file import Scenario
    from sim.twin import Twin

__all__ = ["FittedFigure", "write_report"]


def write_report(
    path: str | Path,
    *,
    scenario: Scenario,
    twin: Twin,
    comparison: Comparison,
    plan: Plan | None = None,
    decided: Decision | None = None,
    fit: Sequence[FittedFigure] | None = None,
    plan_policy: str = "plan",
    lang: str = "en",
    title: str = "",
    logo: str | Path | None = None,
) -> Path:
    """Write the report of a study and return where it is.

    Parameters
    ----------
    path
        Written under a temporary name and moved into place.
    plan
        What the optimiser answered; None: no plan was made.
    decided
        What the comparison comes to, where that is known already; None: it is worked out.
    fit
        Figures of the calibration beside published ones.
    plan_policy
        Name of the compared policy that plays ``plan``.
    lang
        ``en``, or ``zh`` for Chinese; names, commands and keys stay as they are written.
    title
        Of the firm's own, above the decision; nothing: the scenario's name.
    logo
        Image file of the firm's own, which the page takes in.

    Raises
    ------
    InputError
        If it does not speak the language, or the logo is no image that pages show.
    FolderError
        If the file cannot be written.
    """
    path, words = Path(path), report_words(lang)
    played = played_policy(comparison, plan, plan_policy)
    found = decided or decision(twin, comparison, plan, played)
    best = found.best
    body = [
        answer(
            found, comparison, _sentences(comparison, plan, scenario.currency, lang),
            _least(plan, scenario.currency, lang), words,
        ),
        levers(found, plan, words),
        sources(found, words),
        changes_if(found, comparison, words),
        budgets(found, words),
        _policies(scenario, comparison, best, words),
        _over_time(scenario, comparison, best, words),
        _allocation(scenario, comparison, best, plan, played, words),
        _customers(scenario, comparison, best, played, words),
        _winning_and_keeping(scenario, comparison, words),
        grounds.evidence(scenario, words),
        folded(
            words["grounds"],
            grounds.how_far(scenario, plan, words),
            grounds.fit_beside_published(fit, words),
            grounds.assumptions(scenario, words),
            grounds.coverage(comparison, words),
        ),
        grounds.next_steps(plan, words),
    ]  # fmt: skip
    kicker = f"{title or scenario.name} · {scenario.periods} {words[f'{scenario.period}s']}" + (
        f" · {scenario.currency}" if scenario.currency else ""
    )
    foot = words["foot"].format(hash=scenario.hash[:12], seed=comparison.seed, number=comparison.replications)
    content = page(
        headline(found, comparison, words), kicker, [b for b in body if b], foot, language=LANGUAGES[lang],
        logo="" if logo is None else embedded_logo(Path(logo)),
    )  # fmt: skip
    write_text(path, content)
    return path


def _sentences(comparison: Comparison, plan: Plan | None, currency: str, language: str) -> list[str]:
    """Return what else the answer says: rules that the best breaks, the price of money, what is proved."""
    sentences = list(filter(None, [best_in_words(comparison, language)]))
    words = report_words(language)
    if plan is not None and isinstance(plan.proof, LiftProof):
        said = shadow_price_in_words(plan, language)
        sentences.append(f"{said[0].upper()}{said[1:]}{words['full_stop']}")
    elif plan is not None:  # the least money was the question
        proof = proof_in_words(plan, currency, language)
        sentences += [words["between"].join(filter(None, (proof.worth, proof.proved)))] if proof.proved else []
    return sentences


def _least(plan: Plan | None, currency: str, language: str) -> list[str]:
    """Return the card of what any plan needs, where the least money was the question."""
    if plan is None or isinstance(plan.proof, LiftProof):
        return []
    proof = proof_in_words(plan, currency, language)
    return [card(proof.label, proof.share, report_words(language)["proved"])] if proof.share else []


def _signs(words: Words) -> Mapping[Kind, Callable[[Any], str]]:
    """Return how a fact of each kind is written."""

    def interval(ends: tuple[float, float] | None) -> str:
        if ends is None or not math.isfinite(ends[0]):
            return "–"
        return words["range"].format(low=money(ends[0], signed=True), high=money(ends[1], signed=True))

    return {
        "name": str,
        "money": money,
        "difference": lambda amount: words["reference"] if amount is None else money(amount, signed=True),
        "interval": interval,
        "count": "{:,.0f}".format,
        "rules": lambda broken: breaks(broken, words["language"]),
    }


def _policies(scenario: Scenario, comparison: Comparison, best: Outcome, words: Words) -> str:
    facts, language = policy_facts(comparison, ranked=True), words["language"]
    if len(facts.rows) == 1:
        facts = facts.without("difference", "interval")
    header = [name.capitalize() for name in facts.headers(language)]
    if scenario.currency:
        header[1] = words["with_currency"].format(what=header[1], currency=scenario.currency)
    colours = charts.policy_colours(comparison, best.name)
    note = words["policies_note"].format(
        span=words["span_with_after" if scenario.terminal != "none" else "span_within"],
        budget=money(comparison.budget, scenario.currency), expected=expected_in_words(comparison, money, language),
    )  # fmt: skip
    parts = [
        table(header, facts.shown(_signs(words)), first=0, dots=[colours[row[0]] for row in facts.rows]),
        paragraph(note.rstrip(), "soft"),
        *_rules(comparison, words),
    ]
    if comparison.odds is not None:
        columns, rows = odds_table(comparison, language)
        parts.append(table([columns[0].capitalize(), *columns[1:]], rows))
        parts += map(paragraph, odds_in_words(comparison, language))
    if len(facts.rows) > 1:
        figure = charts.comparison_with_intervals(comparison, best.name, scenario.currency, language)
        parts.append(chart("comparison", figure, words["policies_chart"]))
    return section("policies", words["h_policies"], *parts)


def _rules(comparison: Comparison, words: Words) -> list[str]:
    language = words["language"]
    broken = rules_broken(comparison, language)
    return [subheading(words["h_rules"]), bullets(broken), paragraph(rules_assume(language), "soft")] if broken else []


def _over_time(scenario: Scenario, comparison: Comparison, best: Outcome, words: Words) -> str:
    asset = customer_asset(best.history, scenario.discount_per_period)
    after = words["over_time_after"].format(after=money(asset.after_horizon)) if scenario.terminal != "none" else ""
    caption = words["over_time"].format(
        name=quoted(best.name, words["language"]), within=money(asset.within_horizon, scenario.currency), after=after
    )
    figure = charts.asset_over_time(comparison, best.name, scenario, words["language"])
    return section("over-time", words["h_over_time"], chart("asset", figure, caption))


def _terms(scenario: Scenario, plan: Plan | None, words: Words) -> list[str]:
    """Return what a plan's terms come to, which no budget pays for."""
    if plan is None or plan.targets.paid.all():
        return []
    segments, levers, by_segment = plan.terms_by_segment()
    parts = [
        words["term"].format(
            lever=lever, segment=segment, money=money(float(by_segment[i, k]), scenario.currency)
        )
        for k, lever in enumerate(levers)
        for i, segment in enumerate(segments)
        if by_segment[i, k] > 0
    ]  # fmt: skip
    said = words["semicolon"].join(parts) if parts else words["none"]
    return [paragraph(words["terms"].format(said=said))]


def _allocation(
    scenario: Scenario, comparison: Comparison, best: Outcome, plan: Plan | None, played: Outcome | None, words: Words
) -> str:
    whose, language = best if plan is None else played, words["language"]
    heading = words["h_allocation"].format(name=words["the_plan"] if whose is None else quoted(whose.name, language))
    targets = comparison.outcomes[0].history.targets
    spend = plan.spend if plan is not None else best.history.spend
    total = float(spend.sum())
    if total <= 0:
        return section("allocation", heading, paragraph(words["nothing_spent"]))
    segments, levers, by_segment = targets.by_segment(spend)
    by_lever = spend.sum(axis=(0, 1, 2))
    order = np.argsort(-by_segment.sum(axis=1), kind="stable")
    limit = scenario.rules.period_share * comparison.budget if scenario.rules.period_share < 1 else math.inf
    shares = sorted(zip(by_lever, targets.levers, strict=True), reverse=True)
    named = words["list"].join(f"{lever} {percent(float(value) / total)}" for value, lever in shares if value > 0)
    how = words["expected" if plan is not None else "mean"]
    unit = words["in_currency"].format(currency=scenario.currency) if scenario.currency else ""
    return section(
        "allocation",
        heading,
        paragraph(words["allocation"].format(money=money(total, scenario.currency), how=how, levers=named)),
        shaded([segments[i] for i in order], levers, by_segment[order].tolist(), words["segment"]),
        paragraph(words["allocation_note"].format(currency=unit), "soft"),
        *_classes(scenario, comparison, segments, levers, by_segment, language),
        *_terms(scenario, plan, words),
        chart(
            "allocation-periods",
            charts.allocation_by_period(levers, spend.sum(axis=(1, 2)), limit, scenario, language),
            words["allocation_chart"].format(period=period_name(scenario.period, language)),
        ),
    )


def _classes(
    scenario: Scenario, comparison: Comparison, segments: list[str], levers: list[str], spend: Floats, language: str
) -> list[str]:
    """Return what is done with each built-in class beside what is usually said of it, where both are known."""
    today = next((each.history for each in comparison.outcomes if each.name == "as today"), None)
    if today is None:
        return []
    rows = class_rows(scenario, segments, levers, today.targets.by_segment(today.spend)[2], spend, language)
    return [table([each.capitalize() for each in class_columns(language)], rows, left=3)] if rows else []


def _customers(scenario: Scenario, comparison: Comparison, best: Outcome, played: Outcome | None, words: Words) -> str:
    reference = comparison.outcomes[0]
    other = played or best
    after = None if other is reference else other
    seen = scenario.chain is not None
    last = words["still" if seen else "alive"]
    figure, hidden = charts.customers_by_stage(reference, after, scenario.period, last, words["language"])
    caption = words["heads" if seen else "heads_seen"]
    caption += words["states_left_out"].format(number=hidden) if hidden else ""
    heading = words["h_customers"]
    if after is not None:
        heading = words["h_customers_of"].format(name=after.name, reference=reference.name)
    return section("customers", heading, chart("customers", figure, caption))


def _winning_and_keeping(scenario: Scenario, comparison: Comparison, words: Words) -> str:
    """Return what winning and what keeping a customer costs on average; nothing for a chain of one's own."""
    levers = comparison.outcomes[0].history.targets.levers
    moves = [set(scenario.levers[name].moves) if name in scenario.levers else set() for name in levers]
    winning = np.array([bool(m & {"awareness", "acquisition"}) for m in moves])
    keeping = np.array([bool(m & {"survival"}) for m in moves])
    if not winning.any() or not keeping.any():
        return ""
    from sim.scenario.file import PERIODS_PER_YEAR

    rows = []
    for outcome in comparison.outcomes:
        history = outcome.history
        money_by_lever = history.spend.sum(axis=(0, 1, 2))
        won = float(history.events["won"].sum())
        years = float(history.alive[:-1].sum()) / PERIODS_PER_YEAR[scenario.period]
        for_winning, for_keeping = float(money_by_lever[winning].sum()), float(money_by_lever[keeping].sum())
        rows.append(
            [
                outcome.name,
                money(for_winning),
                f"{won:,.0f}",
                money(for_winning / won) if won > 0 else "–",
                money(for_keeping),
                f"{years:,.0f}",
                money(for_keeping / years) if years > 0 else "–",
            ]
        )
    header = ("policy", "on_winning", "won", "per_won", "on_keeping", "years_kept", "per_year_kept")
    shown = table([words[name] for name in header], rows)
    return section("winning", words["h_winning"], shown, paragraph(words["winning_note"], "soft"))
