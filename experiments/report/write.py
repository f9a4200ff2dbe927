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
from experiments.words.classes import CLASSES_SAID, class_rows
from experiments.words.figures import percent
from experiments.words.figures import typeset_money as money
from experiments.words.kept import RULES_ASSUME, best_in_words, breaks, expected_in_words, rules_broken
from experiments.words.languages import LANGUAGES
from experiments.words.odds import odds_in_words, odds_table
from experiments.words.phrases import played_policy, quoted
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
        ``en``, or ``zh`` for Chinese, in which the folded grounds stay English.
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
    said = _sentences(comparison, plan, scenario.currency)
    ours = lang == "en"  # what follows is said in English alone: elsewhere it is folded away, and said to be
    detail = [
        _policies(scenario, comparison, best),
        _over_time(scenario, comparison, best),
        _allocation(scenario, comparison, best, plan, played),
        _customers(scenario, comparison, best, played),
        _winning_and_keeping(scenario, comparison),
        grounds.evidence(scenario, words["evidence"]),
    ]
    rest = [
        grounds.how_far(scenario, plan),
        grounds.fit_beside_published(fit),
        grounds.assumptions(scenario),
        grounds.coverage(comparison),
    ]
    after = [grounds.next_steps(plan)]
    body = [
        answer(found, comparison, said if ours else [], _least(plan, scenario.currency) if ours else [], words),
        levers(found, plan, words),
        sources(found, words),
        changes_if(found, comparison, words),
        budgets(found, words),
        *(detail if ours else []),
        folded(
            words["grounds"],
            *([] if ours else [paragraph(words["grounds_language"], "soft"), *map(paragraph, said), *detail]),
            *rest,
            *([] if ours else after),
        ),
        *(after if ours else []),
    ]
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


def _sentences(comparison: Comparison, plan: Plan | None, currency: str) -> list[str]:
    """Return what else the answer says: rules that the best breaks, the price of money, what is proved."""
    sentences = list(filter(None, [best_in_words(comparison)]))
    if plan is not None and isinstance(plan.proof, LiftProof):
        said = shadow_price_in_words(plan)
        sentences.append(f"{said[0].upper()}{said[1:]}.")
    elif plan is not None:  # the least money was the question
        words = proof_in_words(plan, currency)
        sentences += [f"{words.worth} {words.proved}".strip()] if words.proved else []
    return sentences


def _least(plan: Plan | None, currency: str) -> list[str]:
    """Return the card of what any plan needs, where the least money was the question."""
    if plan is None or isinstance(plan.proof, LiftProof):
        return []
    words = proof_in_words(plan, currency)
    return [card(words.label, words.share, "proved")] if words.share else []


def _interval(ends: tuple[float, float] | None) -> str:
    if ends is None or not math.isfinite(ends[0]):
        return "–"
    return f"{money(ends[0], signed=True)} to {money(ends[1], signed=True)}"


SIGNS: Mapping[Kind, Callable[[Any], str]] = {
    "name": str,
    "money": money,
    "difference": lambda amount: "reference" if amount is None else money(amount, signed=True),
    "interval": _interval,
    "count": "{:,.0f}".format,
    "rules": breaks,
}


def _policies(scenario: Scenario, comparison: Comparison, best: Outcome) -> str:
    facts = policy_facts(comparison, ranked=True)
    if len(facts.rows) == 1:
        facts = facts.without("difference", "interval")
    header = [name.capitalize() for name, _ in facts.columns]
    header[1] += f", {scenario.currency}" if scenario.currency else ""
    colours = charts.policy_colours(comparison, best.name)
    parts = [
        table(
            header,
            facts.shown(SIGNS),
            first=0,
            dots=[colours[row[0]] for row in facts.rows],
        ),
        paragraph(
            "Customer asset: discounted profit from present and future customers after marketing"
            + (
                ", with what customers are worth after the horizon under today's spend."
                if scenario.terminal != "none"
                else ", within the horizon only."
            )
            + " Alive at end: customers who are truly still customers, which a firm cannot see. The "
            f"budget is {money(comparison.budget, scenario.currency)}. {expected_in_words(comparison, money)}".rstrip(),
            "soft",
        ),
        *_rules(comparison),
    ]
    if comparison.odds is not None:
        columns, rows = odds_table(comparison)
        parts += [table([columns[0].capitalize(), *columns[1:]], rows), *map(paragraph, odds_in_words(comparison))]
    if len(facts.rows) > 1:
        parts.append(
            chart(
                "comparison",
                charts.comparison_with_intervals(comparison, best.name, scenario.currency),
                "Dot: mean difference on the same customers with the same luck. "
                "Whisker: 95 % interval over replications.",
            )
        )
    return section("policies", "The policies compared", *parts)


def _rules(comparison: Comparison) -> list[str]:
    broken = rules_broken(comparison)
    return [subheading("Rules that are broken"), bullets(broken), paragraph(RULES_ASSUME, "soft")] if broken else []


def _over_time(scenario: Scenario, comparison: Comparison, best: Outcome) -> str:
    asset = customer_asset(best.history, scenario.discount_per_period)
    caption = f"Under {quoted(best.name)}, {money(asset.within_horizon, scenario.currency)} come within the horizon"
    if scenario.terminal != "none":
        caption += f" and {money(asset.after_horizon)} after it, from the customers it leaves behind"
    caption += (
        ". A policy that invests falls behind before it pulls ahead; part of its lead shows only after the horizon."
    )
    return section(
        "over-time",
        "Asset over time",
        chart("asset", charts.asset_over_time(comparison, best.name, scenario), caption),
    )


def _terms(scenario: Scenario, plan: Plan | None) -> list[str]:
    """Return what a plan's terms come to, which no budget pays for."""
    if plan is None or plan.targets.paid.all():
        return []
    segments, levers, by_segment = plan.terms_by_segment()
    parts = [
        f"{lever}, {segment} {money(float(by_segment[i, k]), scenario.currency)}"
        for k, lever in enumerate(levers)
        for i, segment in enumerate(segments)
        if by_segment[i, k] > 0
    ]
    said = "; ".join(parts) if parts else "none"
    return [paragraph(f"Terms, which no budget pays for, on customers as the firm sees them: {said}.")]


def _allocation(
    scenario: Scenario, comparison: Comparison, best: Outcome, plan: Plan | None, played: Outcome | None
) -> str:
    whose = best if plan is None else played
    name = "the plan" if whose is None else quoted(whose.name)
    targets = comparison.outcomes[0].history.targets
    spend = plan.spend if plan is not None else best.history.spend
    total = float(spend.sum())
    if total <= 0:
        return section("allocation", f"Where {name} puts the money", paragraph("It spends nothing."))
    segments, levers, by_segment = targets.by_segment(spend)
    by_lever = spend.sum(axis=(0, 1, 2))
    order = np.argsort(-by_segment.sum(axis=1), kind="stable")
    limit = scenario.rules.period_share * comparison.budget if scenario.rules.period_share < 1 else math.inf
    shares = sorted(zip(by_lever, targets.levers, strict=True), reverse=True)
    words = ", ".join(f"{lever} {percent(float(value) / total)}" for value, lever in shares if value > 0)
    expected = "expected" if plan is not None else "mean over replications"
    return section(
        "allocation",
        f"Where {name} puts the money",
        paragraph(f"{money(total, scenario.currency)} over the horizon ({expected}): {words}."),
        shaded([segments[i] for i in order], levers, by_segment[order].tolist(), "Segment"),
        paragraph(
            f"Money over the horizon by segment and lever{f', {scenario.currency}' if scenario.currency else ''}, the "
            "most first; an empty cell gets nothing.",
            "soft",
        ),
        *_classes(scenario, comparison, segments, levers, by_segment),
        *_terms(scenario, plan),
        chart(
            "allocation-periods",
            charts.allocation_by_period(levers, spend.sum(axis=(1, 2)), limit, scenario),
            f"The same money by {scenario.period} and lever.",
        ),
    )


def _classes(
    scenario: Scenario, comparison: Comparison, segments: list[str], levers: list[str], spend: Floats
) -> list[str]:
    """Return what is done with each built-in class beside what is usually said of it, where both are known."""
    today = next((each.history for each in comparison.outcomes if each.name == "as today"), None)
    if today is None:
        return []
    rows = class_rows(scenario, segments, levers, today.targets.by_segment(today.spend)[2], spend)
    return [table([each.capitalize() for each in CLASSES_SAID], rows, left=3)] if rows else []


def _customers(scenario: Scenario, comparison: Comparison, best: Outcome, played: Outcome | None) -> str:
    reference = comparison.outcomes[0]
    other = played or best
    after = None if other is reference else other
    seen = scenario.chain is not None
    last = "still customers" if seen else "alive (true, hidden)"
    figure, hidden = charts.customers_by_stage(reference, after, scenario.period, last)
    caption = (
        "Head counts by state."
        if seen
        else (
            "Head counts as the firm sees them; the silently gone still count where they were last seen. The last "
            "panel is the truth: customers who are still customers."
        )
    )
    if hidden:
        caption += f" {hidden} smaller states are left out."
    heading = "Customers by stage" if after is None else f"Customers by stage: “{after.name}” and “{reference.name}”"
    return section("customers", heading, chart("customers", figure, caption))


def _winning_and_keeping(scenario: Scenario, comparison: Comparison) -> str:
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
    return section(
        "winning",
        "Cost of winning against keeping",
        table(
            [
                "Policy", "Spent on winning", "Customers won", "Per customer won",
                "Spent on keeping", "Customer-years", "Per customer-year kept",
            ],
            rows,
        ),
        paragraph(
            "Averages, not margins: some customers come or stay without any money. Winning: levers that move awareness "
            "or acquisition. Keeping: levers that move survival, per year of a true customer.",
            "soft",
        ),
    )  # fmt: skip
