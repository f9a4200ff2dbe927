"""A study as one page: who survives, where money is left, what of the world decides. No scripts, no network."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

import numpy as np

from experiments.report.page import bullets, card, page, paragraph, section, table
from experiments.study.answers import Cell, Row
from experiments.study.shown import (
    answer_in_words,
    budgets_in_words,
    information_in_words,
    notes_in_words,
    survival_table,
    swing_table,
)
from experiments.study.units import Facts
from experiments.words.figures import money
from sim.arrays import Floats

if TYPE_CHECKING:
    from experiments.study.result import StudyResult

__all__ = ["page_of"]

PARTS = 4
"""Of the horizon, after each of which the gain so far is told."""
DEEPEST = (176, 58, 46)
"""Colour of the largest regret; none is white."""


def page_of(result: StudyResult) -> str:
    """Return the page of a study."""
    answers, currency = result.answers, result.currency
    first = answers.survivals[0]
    cards = [
        card("Survives", f"{first.worlds} of {answers.worlds}", f"worlds, '{first.policy}'"),
        card("Its worst regret", _worth(first.worst_regret, currency), f"in '{first.breaker}'"),
        card("Its mean gain", _worth(first.mean_gain, currency, signed=True), f"against '{answers.reference}'"),
    ]
    grounds = [*budgets_in_words(answers), *notes_in_words(answers, result.finished), *_files()]
    body = [
        section(
            "answer", "The answer", f'<div class="answer">{paragraph(answer_in_words(answers, currency))}</div>',
            f'<div class="cards">{"".join(cards)}</div>',
        ),
        section("survives", "Who survives", table(*survival_table(answers))),
        section(
            "regret", "What is left on the table: regret by world and policy", heat_map(result),
            paragraph("The darker, the more the best of that world and budget is worth. A cell leads to its row.",
                      "soft"),
        ),
        section("worlds", "Every world, budget and policy", _rows(result)),
        section("where", "Where the gain comes from, and when", *_where(result)),
        section("numbers", "What of the world decides", *_decides(result)),
        section("grounds", "What this rests on", bullets(grounds)),
    ]  # fmt: skip
    kicker = (
        f"{answers.worlds} worlds · {len(result.asked.policies)} policies · {len(result.asked.budgets)} budgets · "
        f"{result.finished.units:,} units"
    )
    foot = f"Made by Tenure. Study {result.asked.digest[:12]}. This page is self-contained: it can be mailed."
    return page(result.asked.name, kicker, body, foot)


def heat_map(result: StudyResult) -> str:
    """Return regret as a table of colours, a row for each world and budget, a column for each policy."""
    answers = result.answers
    policies = list(dict.fromkeys(row.policy for row in answers.rows))
    cells = {(row.world, row.asked, row.policy): row for row in answers.rows}
    deepest = max((row.regret for row in answers.rows if row.regret == row.regret), default=0.0)
    several = len(result.asked.budgets) > 1
    names = [*(["budget"] if several else []), *policies]
    head = "<th>world</th>" + "".join(f'<th class="number">{html.escape(name)}</th>' for name in names)
    lines = [f"<tr>{head}</tr>"]
    for world, asked in dict.fromkeys((row.world, row.asked) for row in answers.rows):
        own = [cells[world, asked, policy] for policy in policies]
        budget = f'<td class="number">{money(own[0].budget)}</td>' if several else ""
        lines.append(f"<tr><td>{html.escape(world)}</td>{budget}{''.join(_heat(row, deepest) for row in own)}</tr>")
    return '<div class="scroll"><table>\n' + "\n".join(lines) + "\n</table></div>"


def _heat(row: Row, deepest: float) -> str:
    if math.isnan(row.regret):
        return '<td class="number">no plan</td>'
    depth = math.sqrt(row.regret / deepest) if deepest > 0 else 0.0
    colour = "rgb(" + ",".join(str(round(255 - depth * (255 - part))) for part in DEEPEST) + ")"
    ink = "#fff" if depth > 0.6 else "#1f2933"
    told = "best" if row.rank == 1 else f"{money(row.regret)}{'' if row.behind else ' (too close to call)'}"
    style = f"background:{colour};color:{ink};print-color-adjust:exact;-webkit-print-color-adjust:exact"
    link = f'<a href="#{_anchor(row)}" style="color:inherit;text-decoration:none">{told}</a>'
    return f'<td class="number" style="{style}">{link}</td>'


def _anchor(row: Row) -> str:
    import hashlib

    return "row-" + hashlib.sha256(f"{row.world}\0{row.asked}\0{row.policy}".encode()).hexdigest()[:12]


def _rows(result: StudyResult) -> str:
    """Return every row with its interval, odds and tails, each with the place that the heat map leads to."""
    answers = result.answers
    header = [
        "world", "budget", "policy", "asset", f"gain vs {answers.reference}", "95 % interval", "regret",
        "best in (odds)", "5 % to 95 %", "worst fifth", "spend", "rules broken",
    ]  # fmt: skip
    rows = [
        [
            row.world, "" if math.isnan(row.budget) else money(row.budget), row.policy,
            "no plan" if math.isnan(row.asset) else money(row.asset), _signed(row.gain),
            "" if math.isnan(row.low) else f"{_signed(row.low)} to {_signed(row.high)}", _plain(row.regret),
            "" if math.isnan(row.best_odds) else f"{row.best_odds:.0%}",
            "" if math.isnan(row.cvar) else f"{money(row.quantiles[0])} to {money(row.quantiles[2])}", _plain(row.cvar),
            _plain(row.spend), "; ".join(row.breaks),
        ]
        for row in answers.rows
    ]  # fmt: skip
    text = table(header, rows)
    head, *lines = text.split("<tr>")[1:]
    marked = [f'<tr id="{_anchor(row)}">{line}' for row, line in zip(answers.rows, lines, strict=True)]
    return text.split("<tr>")[0] + f"<tr>{head}" + "".join(marked)


def _where(result: StudyResult) -> list[str]:
    """Return the gain of the policy that survives most, by segment and over time, in every world."""
    answers, found = result.answers, result.finished.cells.found
    policy = next((each.policy for each in answers.survivals if each.policy != answers.reference), None)
    pairs = []
    for row in answers.rows:
        own, other = (found.get(Cell(row.world, row.asked, name)) for name in (row.policy, answers.reference))
        if row.policy == policy and own is not None and other is not None:
            pairs.append((row, own.facts, other.facts))
    if not pairs:
        return [paragraph("There is no policy beside the reference whose gain could be split.", "soft")]
    segments = list(dict.fromkeys(name for _, facts, _ in pairs for name in facts["segments"]))
    rows, parts = [], []
    for row, own_facts, other_facts in pairs:
        first = [row.world, money(row.budget)]
        gains = _array(own_facts, "by_segment") - _array(other_facts, "by_segment")
        by_segment = dict(zip(own_facts["segments"], gains.tolist(), strict=True))
        after = float(own_facts["after"]) - float(other_facts["after"])
        rows.append([*first, *(_signed(by_segment.get(name, math.nan)) for name in segments), _signed(after)])
        course = np.cumsum(_array(own_facts, "by_period") - _array(other_facts, "by_period"))
        ends = [max(round(len(course) * part / PARTS), 1) - 1 for part in range(1, PARTS + 1)]
        back = next((f"{t + 1}" for t in range(len(course)) if (course[t:] >= 0).all()), "after the horizon")
        parts.append([*first, *(_signed(float(course[end])) for end in ends), _signed(float(course[-1]) + after), back])
    said = f"'{policy}' against '{answers.reference}', discounted: by segment within the horizon, and what comes after."
    quarters = [f"after {part}/{PARTS}" for part in range(1, PARTS)]
    return [
        paragraph(said, "soft"),
        table(["world", "budget", *segments, "after the horizon"], rows),
        paragraph("The same added up over time, and the period from which on it has paid back.", "soft"),
        table(["world", "budget", *quarters, "whole horizon", "with what comes after", "paid back from"], parts),
    ]


def _array(facts: Facts, name: str) -> Floats:
    return np.asarray(facts[name], dtype=float)


def _decides(result: StudyResult) -> list[str]:
    said = bullets(information_in_words(result.information, result.currency, most=6)) if result.information else ""
    if not result.swings:
        return [said, paragraph("No numbers were drawn or combined: worlds differ as their names say.", "soft")]
    return [said, table(*swing_table(result.swings), left=2)]


def _files() -> list[str]:
    return [
        "Beside this page: `table.csv` (all of the above), `segments.csv`, `levers.csv`, `over_time.csv`, and every "
        "plan that was made; `tenure explain` says why one is as it is."
    ]


def _worth(amount: float, currency: str, signed: bool = False) -> str:
    return "–" if math.isnan(amount) else f"{money(amount, signed=signed)} {currency}".rstrip()


def _plain(amount: float) -> str:
    return "" if math.isnan(amount) else money(amount)


def _signed(amount: float) -> str:
    return "" if math.isnan(amount) else money(amount, signed=True)
