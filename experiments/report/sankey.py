"""Who went where, drawn: bands between two columns of segments, as wide as how many went, without a script."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from experiments.report.charts import BLUE, OTHERS
from experiments.report.page import text
from sim.arrays import Floats

__all__ = ["bands"]

WIDTH, HEIGHT, BAR, GAP = 330, 300, 12, 6
"""Pixels: of a figure, of a column's bars, and between two of them."""


def bands(panels: Sequence[tuple[str, Floats]], names: Sequence[str], caption: str) -> str:
    """Return figures side by side; each a heading and counts, (from, to), of segments in the order of ``names``.

    Rows may be more than columns: the last are those who were in no segment.
    """
    colours = [(BLUE, *OTHERS)[i % (1 + len(OTHERS))] for i in range(len(names))]
    legend = "".join(
        f'<span><i style="background:{colour}"></i>{text(name)}</span>'
        for name, colour in zip(names, colours, strict=True)
    )
    drawn = "".join(f"<div><b>{text(head)}</b>{_figure(counts, names, colours)}</div>" for head, counts in panels)
    return (
        f'<figure id="chart-moves"><p class="legend">{legend}</p><div class="panels">{drawn}</div>'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def _figure(counts: Floats, names: Sequence[str], colours: Sequence[str]) -> str:
    total = max(float(counts.sum()), 1e-300)
    scale = (HEIGHT - GAP * (counts.shape[0] - 1)) / total
    left, right = counts.sum(axis=1) * scale, counts.sum(axis=0) * scale
    begins, ends = _tops(left), _tops(right)
    parts, from_top, to_top = [], begins.copy(), ends.copy()
    for i, row in enumerate(counts):
        for j, number in enumerate(row):
            wide = float(number) * scale
            if wide > 0.05:
                said = f"{names[i]} to {names[j]}: {float(number):,.0f}"
                parts.append(_band(float(from_top[i]), float(to_top[j]), wide, colours[i], said))
            from_top[i] += wide
            to_top[j] += wide
    for at, tops, heights in ((0, begins, left), (WIDTH - BAR, ends, right)):
        parts += [
            f'<rect x="{at}" y="{top:.1f}" width="{BAR}" height="{max(height, 0.5):.1f}" style="fill:{colours[k]}"/>'
            for k, (top, height) in enumerate(zip(tops, heights, strict=True)) if height > 0
        ]  # fmt: skip
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">{"".join(parts)}</svg>'


def _tops(heights: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(heights + GAP)[:-1]])


def _band(start: float, end: float, wide: float, colour: str, said: str) -> str:
    one, other, half = BAR, WIDTH - BAR, WIDTH / 2
    path = (
        f"M{one},{start:.1f}C{half},{start:.1f} {half},{end:.1f} {other},{end:.1f}V{end + wide:.1f}"
        f"C{half},{end + wide:.1f} {half},{start + wide:.1f} {one},{start + wide:.1f}Z"
    )
    return f'<path d="{path}" style="fill:{colour};fill-opacity:.4;stroke:none"><title>{text(said)}</title></path>'
