"""Charts of a study's page, as :mod:`experiments.report.drawing` draws them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from experiments.study.answers import Answers
from experiments.study.doubts import Swing
from experiments.words.figures import money
from experiments.words.languages import Words
from experiments.words.study import ENGLISH

__all__ = ["MOST_LINES", "MOST_PANELS", "MOST_POINTS", "course_by_world", "gains_by_policy", "some_of", "tornado"]

BLUE, GREY = "#0072B2", "#5b6470"
COLOURS = (BLUE, "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8c6d31", GREY)
"""The Okabe-Ito set, which colour-blind readers can tell apart."""
MOST_LINES, MOST_PANELS, MOST_BARS, MOST_POINTS = len(COLOURS), 3, 10, 200
Trace = dict[str, Any]


def gains_by_policy(answers: Answers, currency: str, words: Words = ENGLISH) -> str:
    """Return a line for each policy from its least to its greatest gain, a point for each world and budget.

    Those that survive most stand on top; where a policy cannot be chosen it has no point.
    """
    traces: list[Trace] = []
    for each in answers.survivals:
        gains = some_of(row.gain for row in answers.rows if row.policy == each.policy and row.allowed)
        if gains and each.policy != answers.reference:
            traces.append(_row(each.policy, gains, GREY if traces else BLUE))
    axis = _titled(words["axis_gain"].format(reference=answers.reference), currency, words)
    return _figure(traces[::-1], {"xaxis": axis}, words)


def some_of(values: Iterable[float]) -> list[float]:
    """Return values, or of more than :data:`MOST_POINTS` so many, evenly by rank, the least and the greatest too."""
    given = list(values)
    if len(given) <= MOST_POINTS:
        return given
    ranked = sorted(given)
    return [ranked[round(i * (len(ranked) - 1) / (MOST_POINTS - 1))] for i in range(MOST_POINTS)]


def tornado(swings: Sequence[Swing], policy: str, currency: str, words: Words = ENGLISH) -> str:
    """Return a policy's gain at the low (grey) and high (blue) end of each drawn number, the widest on top."""
    traces = []
    for each in [swing for swing in swings if swing.policy == policy][:MOST_BARS]:
        budget = "" if each.budget is None else words["bar_budget"].format(budget=money(each.budget))
        name = words["bar"].format(path=each.path, budget=budget, low=f"{each.low:.4g}", high=f"{each.high:.4g}")
        traces.append(_row(name, [each.gain_low, each.gain_high], BLUE))
    return _figure(traces[::-1], {"xaxis": _titled(words["axis_tornado"], currency, words)}, words)


def course_by_world(courses: Sequence[tuple[str, str, Sequence[float]]], period: str, words: Words = ENGLISH) -> str:
    """Return gains so far by (budget, world, values): a panel for each budget, a line for each world."""
    budgets = list(dict.fromkeys(budget for budget, _, _ in courses))[:MOST_PANELS]
    worlds = list(dict.fromkeys(world for _, world, _ in courses))[:MOST_LINES]
    traces: list[Trace] = []
    layout: dict[str, Any] = {"showlegend": len(worlds) > 1, "height": 320, "annotations": []}
    for panel, budget in enumerate(budgets):
        place = f"{panel + 1}" if panel else ""
        layout[f"xaxis{place}"] = _titled(words[period], "", words)
        layout[f"yaxis{place}"] = {"rangemode": "tozero"}
        layout["annotations"].append({"xref": "paper", "text": words["panel"].format(budget=budget)})
        for asked, world, values in courses:
            if asked == budget and world in worlds:
                line = {"color": COLOURS[worlds.index(world)], "width": 2}
                traces.append({
                    "type": "scatter", "mode": "lines", "xaxis": f"x{place}", "x": list(range(len(values) + 1)),
                    "y": [0.0, *values], "name": world, "line": line, "showlegend": not panel,
                })  # fmt: skip
    return _figure(traces, layout, words)


def _row(name: str, values: Sequence[float], colour: str) -> Trace:
    return {"type": "scatter", "x": list(values), "y": [name] * len(values), "marker": {"color": colour}}


def _titled(what: str, currency: str, words: Words) -> dict[str, Any]:
    return {"title": {"text": words["unit"].format(what=what, currency=currency) if currency else what}}


def _figure(traces: Sequence[Trace], layout: dict[str, Any], words: Words) -> str:
    layout = {**layout, "meta": {"language": words["language"]}}
    return json.dumps({"data": list(traces), "layout": layout}) if traces else ""
