"""The page that a firm looks at every period: whether to act, what has moved, what is as planned."""

from __future__ import annotations

import json
from typing import Any

from experiments.monitored import AGAIN, STAY, Monitored
from experiments.report import charts
from experiments.report.page import bullets, card, chart, page, paragraph, section, table
from experiments.words import monitoring as words
from experiments.words.figures import typeset_money
from sim.monitoring.signals import QUANTITIES

__all__ = ["monitor_page"]

DRAWN = ("customer asset", "active customers", "revenue", "won", "fell silent or left")
TITLES = {STAY: "Stay", AGAIN: "Plan again"}


def monitor_page(found: Monitored) -> str:
    """Return the page, escaped and self-contained."""
    said = [words.signal_in_words(each, found.period) for each in words.first_signals(found)]
    gap, unit, money = found.now - found.planned, found.period, found.currency or "money:"
    kept = "if the plan is kept" + " and what has moved lasts" * (found.change is not None)
    body = [
        f'<div class="answer">{paragraph(words.headline(found))}{paragraph(words.stake(found))}</div>',
        '<div class="cards">'
        + card("Verdict", TITLES.get(found.verdict, "Adjust"), f"after {found.periods} of {found.horizon} {unit}s")
        + card("Against the plan", typeset_money(gap, signed=True), f"{money} customer asset, {kept}")
        + card("A new plan brings", typeset_money(found.gain, signed=True), f"{money} more than the plan from here on")
        + card(
            "Has moved", f"{len(said)}",
            f"beyond luck; {len(QUANTITIES)} things are watched in each segment and in all",
        )
        + "</div>",
        section("moved", "What has moved", bullets(said) if said else paragraph("Nothing beyond what luck does.")),
        section("course", "Actual against planned", chart("lines", _figure(found), _CAPTION)),
        section("followed", "All that is followed", table(*words.followed_table(found)),
                paragraph(words.of_lines(found), "soft")),
    ]  # fmt: skip
    if found.moved:
        body.append(section("new", "What a new plan changes", table(*words.moved_table(found))))
    body.append(section("rests", "What this rests on", paragraph(words.notes(found))))
    foot = "Made by Tenure. This page is self-contained: it needs no network, and holds nobody's id."
    return page("Does the plan still hold?", found.scenario, body, foot)


_CAPTION = "Dark: actual; blue: planned; dotted: the band in which luck alone would leave it."


def _figure(found: Monitored) -> str:
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"height": 300, "annotations": [], "showlegend": True}
    lines = [line for line in found.lines if line.name in DRAWN]
    for i, line in enumerate(lines):
        place = "" if i == 0 else str(i + 1)
        when = list(range(len(line.actual))) if line.kind == "quantity" else list(range(1, len(line.actual) + 1))
        for name, values, colour, width, dash in (
            ("band of luck", line.low, charts.GREY, 1.5, "dot"), ("band of luck", line.high, charts.GREY, 1.5, "dot"),
            ("planned", line.planned, charts.BLUE, 2, ""), ("actual", line.actual, charts.INK, 2.5, ""),
        ):  # fmt: skip
            data.append({
                "type": "scatter", "mode": "lines", "x": when, "y": values.tolist(), "name": name,
                "line": {"color": colour, "width": width, "dash": dash}, "xaxis": f"x{place}", "yaxis": f"y{place}",
            })  # fmt: skip
        layout[f"xaxis{place}"] = {"title": {"text": found.period}}
        layout[f"yaxis{place}"] = {}
        layout["annotations"].append({"text": line.name, "xref": "paper"})
    return json.dumps({"data": data, "layout": layout})
