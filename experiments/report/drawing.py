"""Figures as drawings that need no script: each panel of a chart of ours as SVG, in the page's own colours.

It draws what :mod:`experiments.report.charts` uses: lines and points with whiskers, stacked bars, lines across. Panels
stand side by side where there is room and below each other on a phone; a chart of one panel is drawn twice, wide and
narrow, and the style sheet shows one of them, so that text is never scaled.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

from experiments.words.charts import Ticks, ticks_of

__all__ = ["drawing"]

WIDE, NARROW, PANEL, HALF = 900, 340, 330, 480
"""Widths in pixels: of a single panel on a desk and on a phone, of one of several, and of one of two."""
ROW, BEFORE, BELOW, ABOVE = 50, 62, 44, 10
"""Pixels: height of a row with its name above it; left, below and above of the place where lines are drawn."""
INKS = {"#0072b2": "--blue", "#5b6470": "--soft", "#1f2933": "--ink"}
Trace = dict[str, Any]


def drawing(figure: str) -> str:
    """Return a figure, JSON of plotly's, as HTML with SVG inside."""
    content = json.loads(figure)
    traces, layout = content["data"], content["layout"]
    places = list(dict.fromkeys(trace.get("xaxis", "x") for trace in traces))
    titles = [note["text"] for note in layout.get("annotations", []) if note.get("xref") == "paper"]
    legend = _legend(traces) if layout.get("showlegend") else ""
    if len(places) == 1:
        height = layout.get("height", 300) - (40 if legend else 0)
        both = "".join(
            f'<div class="{name}">{_panel(traces, layout, "x", width, height)}</div>'
            for name, width in (("wide", WIDE), ("narrow", NARROW))
        )
        return f"{legend}{both}"
    parts = []
    for i, place in enumerate(places):
        mine = [trace for trace in traces if trace.get("xaxis", "x") == place]
        head = f"<b>{escape(unescape(titles[i]))}</b>" if i < len(titles) else ""
        width, height = (HALF, 300) if len(places) == 2 else (PANEL, 210)
        parts.append(f"<div>{head}{_panel(mine, layout, place, width, height)}</div>")
    return f'{legend}<div class="panels{" two" if len(places) == 2 else ""}">{"".join(parts)}</div>'


def _ink(colour: Any) -> str:
    known = INKS.get(str(colour).lower())
    return f"var({known})" if known else str(colour)


def _stroke(trace: Trace) -> str:
    """Return how a name of the legend is marked: a line as it is drawn, anything else in its colour."""
    ink, kind = _ink(_colour(trace)), {"dash": "dashed", "dot": "dotted"}.get(trace.get("line", {}).get("dash", ""))
    return f"background:{ink}" if kind is None else f"border-top:3px {kind} {ink};height:0"


def _legend(traces: Sequence[Trace]) -> str:
    named: dict[str, Trace] = {}
    for trace in traces:
        if trace.get("name") and trace.get("showlegend") is not False:
            named.setdefault(trace["name"], trace)
    items = [f'<span><i style="{_stroke(trace)}"></i>{escape(unescape(name))}</span>' for name, trace in named.items()]
    return f'<p class="legend">{"".join(items)}</p>' if len(items) > 1 else ""


def _colour(trace: Trace) -> Any:
    colour = trace.get("line", {}).get("color") or trace.get("marker", {}).get("color") or "#0072B2"
    return colour[-1] if isinstance(colour, list) else colour


# --- One panel --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Scale:
    """From values to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int) -> list[float]:
        """Return at most about so many round values."""
        rough = (self.high - self.low) / most
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(k * size for k in (1, 2, 5, 10) if k * size >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [k * step for k in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _scale(values: Sequence[float], start: float, end: float, *, zero: bool) -> _Scale:
    known = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= 1e-12 * max(abs(high), abs(low), 1e-12):
        low, high = (low, low + 1.0) if low >= 0 else (low - 1.0, low)
    pad = 0.04 * (high - low)
    below = low - (pad if low < 0 or not zero else 0)
    return _Scale(below, high + (pad if high > 0 or not zero else 0), start, end)


def _axis(layout: dict[str, Any], letter: str, place: str) -> dict[str, Any]:
    return dict(layout.get(f"{letter}axis{place[1:]}", {}))


def _panel(traces: Sequence[Trace], layout: dict[str, Any], place: str, width: int, height: int) -> str:
    """Return one pair of axes as SVG."""
    if traces and isinstance((traces[0].get("y") or [0])[0], str):
        return _rows(traces, _axis(layout, "x", place), width, _ticks(layout))
    across, up = _axis(layout, "x", place), _axis(layout, "y", place)
    xs = [float(x) for trace in traces for x in trace["x"]]
    bars = [trace for trace in traces if trace["type"] == "bar"]
    ys = _stacked_tops(bars) if bars else [float(y) for trace in traces for y in trace["y"] if y is not None]
    marks = [(s, layout) for s in layout.get("shapes", []) if place == "x"]
    ys += [float(s["y0"]) for s, _ in marks if s["y0"] == s["y1"] and s.get("yref", "y") == "y"]
    right = 12
    x = _scale(xs, BEFORE, width - right, zero=False)
    if bars:
        x = _Scale(min(xs) - 0.6, max(xs) + 0.6, BEFORE, width - right)
    y = _scale(ys, height - BELOW, ABOVE, zero=bool(bars) or up.get("rangemode") == "tozero")
    lines = [_grid(x, y, across, up, width - right, height, _ticks(layout))]
    for shape, _ in marks:
        if shape["y0"] == shape["y1"] and shape.get("yref", "y") == "y":
            at = y(shape["y0"])
            said = [note["text"] for note in layout.get("annotations", []) if note.get("yref") == "y"]
            lines.append(_line(x.start, x.end, at, at, "rule"))
            lines += [_text(x.end, at + 15, unescape(words), "end") for words in said[:1]]
    lines += [_bars(bars, x, y)] if bars else []
    lines += [_curve(trace, x, y) for trace in traces if trace["type"] == "scatter"]
    return _svg(width, height, "".join(lines))


def _svg(width: int, height: float, inside: str) -> str:
    return f'<svg viewBox="0 0 {width} {height:.0f}" width="{width}" height="{height:.0f}" role="img">{inside}</svg>'


def _line(x0: float, x1: float, y0: float, y1: float, kind: str, style: str = "") -> str:
    return f'<line class="{kind}" x1="{x0:.1f}" x2="{x1:.1f}" y1="{y0:.1f}" y2="{y1:.1f}"{style}/>'


def _text(x: float, y: float, words: str, side: str = "middle", kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{side}"{named}>{escape(words)}</text>'


def _ticks(layout: dict[str, Any]) -> Ticks:
    """Return how numbers are told in the figure's language."""
    return ticks_of((layout.get("meta") or {}).get("language", "en"))


def _grid(
    x: _Scale, y: _Scale, across: dict[str, Any], up: dict[str, Any], right: float, height: int, ticks: Ticks
) -> str:
    parts = []
    for value in y.ticks(4):
        parts += [_line(x.start, right, y(value), y(value), "zero" if value == 0 else "grid")]
        parts += [_text(x.start - 7, y(value) + 4, _number(value, up.get("tickformat", ""), ticks), "end")]
    for value in x.ticks(6 if x.end - x.start > 400 else 4):
        parts += [_text(x(value), y.start + 18, _number(value, across.get("tickformat", ""), ticks))]
    title = (across.get("title") or {}).get("text")
    parts += [_text((x.start + x.end) / 2, height - 6, unescape(title))] if title else []
    return "".join(parts)


def _number(value: float, form: str, ticks: Ticks) -> str:
    """Return an axis's number: in per cent where it is one, in units of the language where it is large."""
    if form.endswith("%"):
        return f"{100 * value:.3g}{ticks.percent}".replace("-", "−")
    for least, unit, sign in ticks.large:
        if abs(value) >= least:
            return f"{value / unit:,.4g}{sign}".replace("-", "−")
    return f"{value:,.4g}".replace("-", "−")


def _curve(trace: Trace, x: _Scale, y: _Scale) -> str:
    points = [(x(float(a)), y(float(b))) for a, b in zip(trace["x"], trace["y"], strict=True) if b is not None]
    ink, mode = _ink(_colour(trace)), trace.get("mode", "lines")
    parts = []
    if "lines" in mode and len(points) > 1:
        line = trace.get("line", {})
        dash = {"dash": ' stroke-dasharray="7 5"', "dot": ' stroke-dasharray="2 4"'}.get(line.get("dash", ""), "")
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(f'<polyline points="{path}" style="stroke:{ink};stroke-width:{line.get("width", 2)}"{dash}/>')
    if "markers" in mode:
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4.5" style="fill:{ink}"/>' for a, b in points]
    return "".join(parts)


def _stacked_tops(bars: Sequence[Trace]) -> list[float]:
    tops: dict[float, float] = {}
    for trace in bars:
        for a, b in zip(trace["x"], trace["y"], strict=True):
            tops[a] = tops.get(a, 0.0) + float(b)
    return [0.0, *tops.values()]


def _bars(bars: Sequence[Trace], x: _Scale, y: _Scale) -> str:
    parts, height, wide = [], dict.fromkeys(bars[0]["x"], 0.0), 0.78 * (x(1) - x(0))
    for trace in bars:
        for a, b in zip(trace["x"], trace["y"], strict=True):
            if float(b) > 0:
                low, high = y(height[a]), y(height[a] + float(b))
                parts.append(
                    f'<rect x="{x(a) - wide / 2:.1f}" width="{wide:.1f}" y="{high:.1f}" height="{low - high:.1f}" '
                    f'style="fill:{_ink(_colour(trace))}"/>'
                )
            height[a] += float(b)
    return "".join(parts)


def _rows(traces: Sequence[Trace], across: dict[str, Any], width: int, ticks: Ticks) -> str:
    """Return a point with its whisker for each name, the last on top, the name above its line."""
    height = ROW * len(traces) + BELOW
    ends = [0.0]
    for trace in traces:
        error = trace.get("error_x", {})
        at = [float(value) for value in trace["x"]]
        ends += [*at, at[0] - error.get("arrayminus", [0])[0], at[-1] + error.get("array", [0])[0]]
    x = _scale(ends, 14, width - 14, zero=True)
    parts = [_line(x(v), x(v), 4, height - BELOW, "zero" if v == 0 else "grid") for v in x.ticks(5)]
    parts += [_text(x(v), height - BELOW + 18, _number(v, "", ticks)) for v in x.ticks(5 if width > 400 else 3)]
    for i, trace in enumerate(reversed(traces)):
        middle, ink = ROW * i + 36, _ink(_colour(trace))
        at, error = [float(value) for value in trace["x"]], trace.get("error_x")
        parts.append(_text(14, middle - 16, unescape(trace["y"][0]), "start", "name"))
        low, high = min(at), max(at)
        if error:
            low, high = at[0] - error["arrayminus"][0], at[0] + error["array"][0]
        if high > low:
            parts.append(_line(x(low), x(high), middle, middle, "whisker", f' style="stroke:{ink}"'))
        parts += [f'<circle cx="{x(a):.1f}" cy="{middle}" r="5.5" style="fill:{ink}"/>' for a in at]
    title = (across.get("title") or {}).get("text")
    parts += [_text(width / 2, height - 6, unescape(title))] if title else []
    return _svg(width, height, "".join(parts))
