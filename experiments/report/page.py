"""The report as a page: its looks, and the pieces of HTML it is put together from. Every text is escaped here."""

from __future__ import annotations

import html
from collections.abc import Sequence

from experiments.words.phrases import at_least

__all__ = [
    "bullets",
    "card",
    "chart",
    "marked_up",
    "page",
    "paragraph",
    "scale",
    "section",
    "subheading",
    "table",
    "text",
]

STYLE = """
:root { color-scheme: light; --ink: #1f2933; --soft: #5b6470; --line: #e3e7ec; --blue: #0072b2; --wash: #f4f7fa; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 48px 28px 80px; }
header p { margin: 0; color: var(--soft); }
h1 { margin: 4px 0 0; font-size: 2rem; line-height: 1.2; letter-spacing: -.015em; }
h2 { margin: 0 0 6px; font-size: 1.3rem; letter-spacing: -.01em; }
h3 { margin: 26px 0 4px; font-size: 1rem; }
p { max-width: 72ch; margin: 8px 0; }
section { margin-top: 52px; }
.answer { margin-top: 24px; padding: 22px 26px; background: var(--wash); border-left: 5px solid var(--blue);
  border-radius: 0 8px 8px 0; }
.answer p { font-size: 1.12rem; }
.answer p:first-child { margin-top: 0; font-size: 1.3rem; line-height: 1.4; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 14px; margin-top: 18px; }
.card { padding: 14px 16px; max-width: 330px; border: 1px solid var(--line); border-radius: 8px; }
.card b { display: block; font-size: 1.5rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.card span, .card small { color: var(--soft); }
.card small { display: block; }
.soft { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: 14px 0; font-size: .95rem; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 2px solid var(--line);
  vertical-align: bottom; }
th, td { padding: 7px 14px 7px 0; }
td { border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child { white-space: nowrap; }
th:last-child, td:last-child { padding-right: 4px; }
.number { text-align: right; }
td.number { white-space: nowrap; }
tr.first td { font-weight: 600; background: var(--wash); }
i.dot { display: inline-block; width: .7em; height: .7em; margin-right: .55em; border-radius: 50%; }
figure { margin: 18px 0 0; }
figcaption { color: var(--soft); font-size: .9rem; max-width: 80ch; }
.tag { display: inline-block; padding: 1px 8px; border-radius: 99px; background: #fdf0d5; color: #7a4b00;
  font-size: .8rem; font-weight: 600; vertical-align: middle; }
.scale { position: relative; height: 34px; margin: 40px 0 34px; background: #e8ecf1; border-radius: 5px; }
.scale .held { height: 100%; background: var(--blue); border-radius: 5px 0 0 5px; color: #fff; padding: 5px 10px;
  font-weight: 600; white-space: nowrap; }
.scale span { position: absolute; font-size: .85rem; color: var(--soft); white-space: nowrap; }
code { font: .92em ui-monospace, "DejaVu Sans Mono", monospace; background: var(--wash);
  padding: 1px 5px; border-radius: 4px; }
li { margin: 5px 0; max-width: 72ch; }
footer { margin-top: 60px; padding-top: 14px; border-top: 1px solid var(--line); color: var(--soft);
  font-size: .88rem; }
@media print {
  @page { margin: 14mm; }
  main { padding: 0; max-width: none; }
  body { font-size: 11pt; }
  section { margin-top: 28px; }
  figure, table, .cards, .answer { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .answer, tr.first td, .scale, .scale .held, .tag, i.dot {
    -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""

DRAW = """
for (const source of document.querySelectorAll("script[data-chart]")) {
  const { data, layout } = JSON.parse(source.textContent);
  const place = document.getElementById(source.dataset.chart);
  Plotly.newPlot(place, data, layout, { responsive: true, displaylogo: false, displayModeBar: false });
}
addEventListener("beforeprint", () => {
  for (const place of document.querySelectorAll(".chart")) Plotly.relayout(place, { width: 680 });
});
addEventListener("afterprint", () => {
  for (const place of document.querySelectorAll(".chart")) Plotly.relayout(place, { width: null, autosize: true });
});
"""


def page(title: str, kicker: str, body: Sequence[str], foot: str, script: str) -> str:
    """Return the whole page; ``script`` is the source of plotly.js."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{text(title)}</title>\n<style>{STYLE}</style>\n"
        f"<script>{script}</script>\n</head>\n<body>\n<main>\n"
        f"<header><p>{text(kicker)}</p><h1>{text(title)}</h1></header>\n"
        + "\n".join(body)
        + f"\n<footer>{text(foot)}</footer>\n</main>\n<script>{DRAW}</script>\n</body>\n</html>\n"
    )


def text(value: str) -> str:
    """Return a text as HTML shows it."""
    return html.escape(value, quote=True)


def paragraph(value: str, kind: str = "") -> str:
    """Return a paragraph; ``kind`` is a class of the style sheet."""
    return f'<p class="{kind}">{text(value)}</p>' if kind else f"<p>{text(value)}</p>"


def section(name: str, heading: str, *parts: str, tag: str = "") -> str:
    """Return a section with its heading; ``tag`` is a mark beside it; empty parts are left out."""
    mark = f' <span class="tag">{text(tag)}</span>' if tag else ""
    inside = "\n".join(part for part in parts if part)
    return f'<section id="{name}">\n<h2>{text(heading)}{mark}</h2>\n{inside}\n</section>'


def subheading(value: str) -> str:
    """Return a heading inside a section."""
    return f"<h3>{text(value)}</h3>"


def bullets(values: Sequence[str]) -> str:
    """Return a list; parts between backticks are shown as what one types."""
    return "<ul>\n" + "\n".join(f"<li>{marked_up(value)}</li>" for value in values) + "\n</ul>"


def marked_up(value: str) -> str:
    """Return a sentence; parts between backticks are shown as what one types."""
    parts = value.split("`")
    return "".join(f"<code>{text(p)}</code>" if i % 2 else text(p) for i, p in enumerate(parts))


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: int = 1,
    first: int | None = None,
    dots: Sequence[str] = (),
) -> str:
    """Return a table: ``left`` columns of words, then numbers; row ``first`` stands out; ``dots`` colour the rows."""

    def cell(kind: str, column: int, inside: str) -> str:
        return f"<{kind}>{inside}</{kind}>" if column < left else f'<{kind} class="number">{inside}</{kind}>'

    lines = ["<tr>" + "".join(cell("th", i, text(name)) for i, name in enumerate(header)) + "</tr>"]
    for place, row in enumerate(rows):
        mark = f'<i class="dot" style="background:{dots[place]}"></i>' if dots else ""
        cells = "".join(cell("td", i, (mark if i == 0 else "") + text(value)) for i, value in enumerate(row))
        lines.append(f'<tr class="first">{cells}</tr>' if place == first else f"<tr>{cells}</tr>")
    return '<div class="scroll"><table>\n' + "\n".join(lines) + "\n</table></div>"


def card(label: str, figure: str, note: str = "") -> str:
    """Return one figure to remember."""
    return f'<div class="card"><span>{text(label)}</span><b>{text(figure)}</b><small>{text(note)}</small></div>'


def chart(name: str, figure: str, caption: str) -> str:
    """Return the place of a chart, its data and what to read from it."""
    data = figure.replace("<", "\\u003c")
    return (
        f'<figure><div class="chart" id="chart-{name}"></div>'
        f'<script type="application/json" data-chart="chart-{name}">{data}</script>'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def scale(held: float, low: str, high: str) -> str:
    """Return a bar of which ``held``, a fraction, is filled at least; ``low`` and ``high`` name its ends."""
    width = 100 * min(max(held, 0.0), 1.0)
    return (
        f'<div class="scale"><div class="held" style="width:{width:.1f}%">{text(at_least(held))}</div>'
        f'<span style="left:0;top:-24px">{text(low)}</span><span style="right:0;top:-24px">{text(high)}</span></div>'
    )
