"""What evidence says of curves, drawn: data, curve and band of each, as one SVG file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from experiments.words.effects import effect_name
from experiments.words.languages import Words, spoken
from sim.arrays import Floats
from sim.responses.drawn import Drawn

__all__ = ["curves_svg"]

WIDTH, HEIGHT, LEFT, RIGHT, ABOVE, BELOW, ACROSS, LEAST = 340, 250, 58, 14, 34, 40, 3, 640
"""Pixels of a panel and of its margins, panels beside each other, and pixels that the words below need."""
BLUE, SOFT, INK, RULE = "#0072b2", "#5b6470", "#1f2933", "#d8dde3"
TICKS = 4
WORDS = {
    "title": ("Response curves", "响应曲线"),
    "name": ("{lever} on {moves}{of}", "{lever}：{moves}{of}"),
    "of": (" of {segment}", "（{segment}）"),
    "language": ("en", "zh"),
    "money": ("money a head and period", "每人每期金额"),
    "said": (
        "line: curve; blue band: 95 % of what is known; grey: as answered; points: measured, with 95 % intervals",
        "线：曲线；蓝带：已知范围的 95%；灰带：回答所示；点：测量值及其 95% 区间",
    ),
}


def curves_svg(curves: Sequence[Drawn], language: str = "en") -> str:
    """Return a drawing with a panel for each curve, as wide as where it is shown, up to twice its own size.

    The line is the curve, the blue band 95 % of what is known, the grey one what was answered before data, points are
    arms of experiments or contacts with their 95 % intervals.
    """
    words = spoken(WORDS, language)
    across = min(ACROSS, len(curves))
    down = -(-len(curves) // across)
    width, height = max(across * WIDTH, LEAST), down * HEIGHT + 26
    panels = "".join(
        f'<g transform="translate({i % across * WIDTH},{i // across * HEIGHT})">{_panel(each, words)}</g>'
        for i, each in enumerate(curves)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="100%" '
        f'style="max-width:{2 * width}px" font-family="sans-serif" font-size="11" fill="{INK}">'
        f"<title>{words['title']}</title>"
        f'<rect width="{width}" height="{height}" fill="white"/>{panels}'
        f'<text x="{LEFT}" y="{height - 9}" fill="{SOFT}">{words["said"]}</text></svg>\n'
    )


def _panel(curve: Drawn, words: Words) -> str:
    lever, moves, segment = curve.key
    known = np.concatenate([curve.band.ravel(), curve.value, curve.arms[:, 1]])
    low, high = float(known.min()), float(known.max())
    room = (high - low or abs(high) or 1.0) * 0.06
    low, high = low - room, high + room
    right, bottom = WIDTH - RIGHT, HEIGHT - BELOW

    def x(money: Floats) -> Floats:
        return np.asarray(LEFT + money / float(curve.money[-1]) * (right - LEFT))

    def y(value: Floats) -> Floats:
        inside = np.clip(value, low, high)
        return np.asarray(bottom - (inside - low) / (high - low) * (bottom - ABOVE))

    def path(money: Floats, value: Floats) -> str:
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x(money), y(value), strict=True))

    def band(ends: Floats, colour: str, strength: float) -> str:
        back = f"{path(curve.money, ends[0])} {path(curve.money[::-1], ends[1][::-1])}"
        return f'<polygon points="{back}" fill="{colour}" fill-opacity="{strength}"/>'

    of = words["of"].format(segment=segment) if segment else ""
    name = escape(words["name"].format(lever=lever, moves=effect_name(moves, words["language"]), of=of))
    parts = [f'<text x="{LEFT}" y="18" font-weight="bold">{name}</text>']
    for value in np.linspace(low + room, high - room, TICKS):
        at = float(y(np.array(value)))
        parts.append(f'<line x1="{LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}" stroke="{RULE}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{at + 4:.1f}" text-anchor="end" fill="{SOFT}">{value:.3g}</text>')
    for money in np.linspace(0, float(curve.money[-1]), TICKS):
        at = float(x(np.array(money)))
        parts.append(f'<text x="{at:.1f}" y="{bottom + 15}" text-anchor="middle" fill="{SOFT}">{money:.3g}</text>')
    middle = (LEFT + right) / 2
    parts.append(f'<text x="{middle}" y="{bottom + 30}" text-anchor="middle" fill="{SOFT}">{words["money"]}</text>')
    parts += [band(curve.answered, SOFT, 0.18), band(curve.band, BLUE, 0.25)]
    parts.append(f'<polyline points="{path(curve.money, curve.value)}" fill="none" stroke="{BLUE}" stroke-width="2"/>')
    for money, value, least, most in curve.arms:
        at, where, down, up = (float(each) for each in (x(money), y(value), y(least), y(most)))
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{down:.1f}" y2="{up:.1f}" stroke="{INK}"/>')
        parts.append(f'<circle cx="{at:.1f}" cy="{where:.1f}" r="3" fill="{INK}"/>')
    return "".join(parts)
