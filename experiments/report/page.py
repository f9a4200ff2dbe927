"""The report as a page: its looks, and the pieces of HTML it is put together from. Every text is escaped here."""

from __future__ import annotations

import html
from collections.abc import Sequence

from experiments.report.drawing import drawing
from experiments.words.figures import NARROW
from experiments.words.languages import LANGUAGES
from experiments.words.phrases import at_least

__all__ = [
    "bullets",
    "card",
    "chart",
    "folded",
    "marked_up",
    "page",
    "paragraph",
    "scale",
    "section",
    "shaded",
    "subheading",
    "table",
    "text",
]

STYLE = """
:root { color-scheme: light dark; --ink: #1f2933; --soft: #5b6470; --line: #e3e7ec; --blue: #0072b2; --wash: #f4f7fa;
  --paper: #fff; --tag: #fdf0d5; --tag-ink: #7a4b00; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaee; --soft: #a3adb8; --line: #38424d; --blue: #5bb4e5; --wash: #1d232a; --paper: #14181d;
    --tag: #3d3315; --tag-ink: #f2d58a; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  overflow-wrap: break-word;
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
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 14px; margin-top: 18px; }
.card { padding: 14px 16px; max-width: 330px; border: 1px solid var(--line); border-radius: 8px; }
.card b { display: block; font-size: 1.5rem; line-height: 1.25; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere; }
.card span, .card small { color: var(--soft); }
.card small { display: block; }
.soft { color: var(--soft); }
a { color: var(--blue); }
.scroll { overflow-x: auto; }
.narrow { display: none; }
svg { display: block; max-width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--soft); font-size: 12.5px; font-variant-numeric: tabular-nums; }
svg .name { fill: var(--ink); font-size: 14px; }
svg polyline { fill: none; stroke-linejoin: round; }
svg .grid { stroke: var(--line); } svg .zero { stroke: var(--soft); } svg .whisker { stroke-width: 3; }
svg .rule { stroke: var(--ink); stroke-dasharray: 2 4; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; max-width: none; color: var(--soft); font-size: .92rem; }
.legend i { display: inline-block; width: 18px; height: 4px; margin-right: 7px; border-radius: 2px;
  vertical-align: middle; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 18px 14px; }
.panels.two { grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); }
.panels b { font-size: .95rem; font-weight: 600; overflow-wrap: anywhere; }
td.shade { background: color-mix(in srgb, var(--blue) var(--much), transparent); }
details { margin-top: 52px; border-top: 1px solid var(--line); padding-top: 10px; }
summary { cursor: pointer; font-size: 1.15rem; font-weight: 600; }
details section { margin-top: 30px; }
header img { max-height: 56px; max-width: 220px; float: right; margin-left: 20px; }
.columns { display: grid; grid-template-columns: 1fr 1fr; gap: 28px; }
.columns > div { min-width: 0; }
table { border-collapse: collapse; width: 100%; margin: 14px 0; font-size: .95rem; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 2px solid var(--line);
  vertical-align: bottom; }
th, td { padding: 7px 14px 7px 0; }
td { border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child { overflow-wrap: break-word; min-width: 8.5em; max-width: 22em; }
th:last-child, td:last-child { padding-right: 4px; }
.number { text-align: right; }
td.number { white-space: nowrap; }
.dense th, .dense td { padding: 7px 6px; font-size: .85rem; } .dense td.number { white-space: normal; }
.dense td:first-child { min-width: 5em; }
td.whole { max-width: none; padding-left: 1.5em; } .told { max-width: min(72ch, 84vw); }
tr.first td { font-weight: 600; background: var(--wash); }
i.dot { display: inline-block; width: .7em; height: .7em; margin-right: .55em; border-radius: 50%; }
figure { margin: 18px 0 0; }
figcaption { color: var(--soft); font-size: .9rem; max-width: 80ch; }
.tag { display: inline-block; padding: 1px 8px; border-radius: 99px; background: var(--tag); color: var(--tag-ink);
  font-size: .8rem; font-weight: 600; vertical-align: middle; }
.scale { position: relative; height: 34px; margin: 40px 0 34px; background: var(--line); border-radius: 5px; }
.scale .held { height: 100%; background: var(--blue); border-radius: 5px 0 0 5px; color: #fff; padding: 5px 10px;
  font-weight: 600; white-space: nowrap; }
.scale span { position: absolute; font-size: .85rem; color: var(--soft); white-space: nowrap; }
code { font: .92em ui-monospace, "DejaVu Sans Mono", monospace; background: var(--wash);
  padding: 1px 5px; border-radius: 4px; }
li { margin: 5px 0; max-width: 72ch; }
footer { margin-top: 60px; padding-top: 14px; border-top: 1px solid var(--line); color: var(--soft);
  font-size: .88rem; }
@media (max-width: 700px) {
  main { padding: 26px 16px 48px; } h1 { font-size: 1.55rem; } .wide { display: none; } .narrow { display: block; }
  .columns { grid-template-columns: 1fr; } section { margin-top: 38px; } .answer { padding: 16px 18px; }
  .answer p:first-child { font-size: 1.15rem; } table { font-size: .8rem; } th, td { padding-right: 6px; }
  th { min-width: 3em; } td:first-child { min-width: 5em; overflow-wrap: anywhere; }
  #worlds td:first-child { min-width: 11em; } .cards { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .card b { font-size: 1.2rem; }
}
@media print {
  @page { margin: 13mm; }
  :root { color-scheme: light; --ink: #1f2933; --soft: #5b6470; --line: #d5dbe1; --blue: #0072b2; --wash: #f4f7fa;
    --paper: #fff; --tag: #fdf0d5; --tag-ink: #7a4b00; }
  main { padding: 0; max-width: none; }
  body { font-size: 10.5pt; }
  section, details { margin-top: 22px; }
  .card b { font-size: 1.2rem; }
  table { font-size: 9pt; } th, td { padding: 4px 8px 4px 0; } td.number, th.number { white-space: normal; }
  .scroll { overflow: visible; } .panels { grid-template-columns: repeat(3, 1fr); }
  figure, tr, .cards, .answer, .scale { break-inside: avoid; }
  h2, h3, thead, summary { break-after: avoid; }
  .file { display: none; } footer { margin-top: 20px; }
  details::details-content { content-visibility: visible; height: auto; }
  .answer, tr.first td, td.shade, .scale, .scale .held, .tag, i, svg {
    -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""


def page(title: str, kicker: str, body: Sequence[str], foot: str, *, language: str = "en", logo: str = "") -> str:
    """Return the whole page, which runs nothing; ``logo`` is the address of an image."""
    image = f'<img src="{text(logo)}" alt="">' if logo else ""
    whole = (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<header>{image}<p>{text(kicker)}</p><h1>{text(title)}</h1></header>\n"
        + "\n".join(body)
        + f"\n<footer>{text(foot)}</footer>\n</main>\n</body>\n</html>\n"
    )
    return whole if language == LANGUAGES["en"] else whole.replace(f"{NARROW}%", "%")  # Chinese has no space there


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
    """Return one figure to remember; where it is narrow a currency goes below its amount, whole."""
    figure = figure if figure.endswith("%") else figure.replace(NARROW, " ")
    return f'<div class="card"><span>{text(label)}</span><b>{text(figure)}</b><small>{text(note)}</small></div>'


def chart(name: str, figure: str, caption: str) -> str:
    """Return a chart, drawn, and what to read from it."""
    return f'<figure id="chart-{name}">{drawing(figure)}<figcaption>{text(caption)}</figcaption></figure>'


def shaded(rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float]], corner: str) -> str:
    """Return a table of amounts, each darker the more it is; nothing is an empty cell."""
    most = max((value for row in values for value in row), default=0.0) or 1.0
    head = "".join(f'<th class="number">{text(name)}</th>' for name in columns)
    lines = [f"<tr><th>{text(corner)}</th>{head}</tr>"]
    for name, row in zip(rows, values, strict=True):
        cells = "".join(
            f'<td class="number shade" style="--much:{70 * (value / most) ** 0.5:.0f}%">{value:,.0f}</td>'
            if value >= 0.5
            else '<td class="number"></td>'
            for value in row
        )
        lines.append(f"<tr><td>{text(name)}</td>{cells}</tr>")
    return '<div class="scroll"><table>\n' + "\n".join(lines) + "\n</table></div>"


def folded(heading: str, *parts: str) -> str:
    """Return parts that are read when opened, and printed in any case."""
    return f"<details>\n<summary>{text(heading)}</summary>\n" + "\n".join(p for p in parts if p) + "\n</details>"


def scale(held: float, low: str, high: str) -> str:
    """Return a bar of which ``held``, a fraction, is filled at least; ``low`` and ``high`` name its ends."""
    width = 100 * min(max(held, 0.0), 1.0)
    return (
        f'<div class="scale"><div class="held" style="width:{width:.1f}%">{text(at_least(held))}</div>'
        f'<span style="left:0;top:-24px">{text(low)}</span><span style="right:0;top:-24px">{text(high)}</span></div>'
    )
