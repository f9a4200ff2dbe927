"""The page of a customer base."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from experiments.report import charts
from experiments.report.page import bullets, card, chart, page, paragraph, section, table
from experiments.words.bases import ADVICE, account_rows
from experiments.words.figures import percent
from experiments.words.figures import typeset_money as money
from sim.customers.worth import DISCOUNT, LIFE_YEARS

if TYPE_CHECKING:
    from sim.customers.portrait import Portrait

__all__ = ["base_page"]

LATER = 8
"""Quarters after the first that are shown."""


_USUAL = "What is usually said of such classes, beside which a plan sets what money brings in each:"


def base_page(found: Portrait) -> str:
    """Return the page, escaped and self-contained."""
    base = found.base
    body = [
        f'<div class="answer">{paragraph(_answer(found))}</div>',
        '<div class="cards">'
        + card("Customers", f"{base.customers:,}", f"{base.first_date} to {found.as_of}")
        + card("Probably still here", f"{found.alive:,.0f}", percent(found.alive / max(base.customers, 1)))
        + card("Expected next year", money(found.next_year), "what those there are will buy")
        + card("Best fifth", percent(found.ahead.rows[3][1]), "of what is expected next year")
        + "</div>",
        _segments(found), _worth(found), _moves(found), _concentration(found), _cohorts(found), _data(found),
    ]  # fmt: skip
    foot = "Made by Tenure. This page is self-contained: it needs no network, and holds nobody's id."
    return page("Who the customers are", base.path.name, body, foot)


def _answer(found: Portrait) -> str:
    base = found.base
    new = ""
    if found.new is not None:
        new = f" In the last {found.new.days} days {found.new.customers:,} were new."
    return (
        f"{base.customers:,} customers made {base.rows:,} purchases; {found.alive:,.0f} of them are probably still "
        f"here and are expected to buy for {money(found.next_year)} in the next year.{new}"
    )


def _segments(found: Portrait) -> str:
    total = sum(heads * worth for _, heads, _, worth in found.separation.rows) or 1.0
    rows = [
        [name, f"{heads:,}", f"{alive:.2f}", money(worth), percent(heads * worth / total)]
        for name, heads, alive, worth in found.separation.rows
    ]
    said = [f"{name}: {ADVICE[name]}" for name, *_ in rows if name in ADVICE]
    return section(
        "segments", "Segments and what they are worth",
        table(["Segment", "Customers", "P(alive), mean", "Buys next year, each", "Share of next year"], rows),
        paragraph(f"{_USUAL} {'; '.join(said)}.", "soft") if all(name in ADVICE for name, *_ in rows) else "",
        paragraph(
            f"Segments hold {percent(found.separation.between)} of what customers differ in: the part of the variance "
            "of what they are expected to buy next year that lies between segments.", "soft",
        ),
    )  # fmt: skip


def _worth(found: Portrait) -> str:
    rows = [
        [each.name, percent(each.again), money(each.verification), money(each.posterior),
         *("" if math.isnan(share) else said for share, said in (
             (each.trend, f"{each.trend:+.1%}"), (each.volatility, f"{each.volatility:.2f}")))]
        for each in found.worth
    ]  # fmt: skip
    years = f"{LIFE_YEARS} years"
    return section(
        "worth", "Worth in other ways",
        table(["Segment", "Bought again", f"Verification value, {years}", f"By their purchases, {years}",
               "Trend a quarter", "Volatility"], rows),
        paragraph(
            f"Of a customer, in the mean, at {percent(DISCOUNT)} a year. The verification value takes each for one who "
            "stays and goes on at the pace and amount so far; what their purchases tell counts that some have left and "
            "more will. Trend (slope over mean) and volatility (standard deviation over mean) of what a customer paid "
            "in the quarters of the last two years that lie after its first purchase, in the median of those who paid "
            "anything in them.", "soft",
        ),
    )  # fmt: skip


def _moves(found: Portrait) -> str:
    if found.moves is None:
        return ""
    rows = [
        [name, *(f"{number:,}" if number else "" for number in line.tolist()), f"{int(line.sum()):,}"]
        for name, line in zip(found.names, found.moves, strict=True)
    ]
    return section(
        "moves", "How customers moved in a year",
        table(["A year ago", *found.names[:-1], "all"], rows),
        paragraph("Rows: where they were a year before the last day; columns: where they are now.", "soft"),
    )  # fmt: skip


def _concentration(found: Portrait) -> str:
    rows = [
        [f"Best {percent(share)}", percent(then), percent(ahead)]
        for (share, then), (_, ahead) in zip(found.past.rows, found.ahead.rows, strict=True)
    ]
    return section(
        "concentration", "How much is of how few",
        table(["Customers", "Of all purchases so far", "Of next year's, expected"], rows),
        paragraph(
            f"Gini coefficient: {found.past.gini:.2f} of purchases so far, {found.ahead.gini:.2f} of those expected.",
            "soft",
        ),
    )  # fmt: skip


def _cohorts(found: Portrait) -> str:
    later = min(max((len(each.back) for each in found.cohorts), default=0), LATER)
    if not later:
        return ""
    rows = [
        [each.name, f"{each.customers:,}", *(percent(b) for b in each.back[:later]), *[""] * (later - len(each.back))]
        for each in found.cohorts
    ]
    return section(
        "cohorts", "Who comes back",
        chart("back", _lines(found, later), "New customers of a quarter who bought again, by quarters after."),
        table(["First bought in", "Customers", *(f"+{k}" for k in range(1, later + 1))], rows),
        paragraph("Share of the cohort with a purchase in the first, second, ... quarter after its own.", "soft"),
    )  # fmt: skip


def _lines(found: Portrait, later: int) -> str:
    """Return the figure as plotly.js takes it, in JSON: a line a cohort, and the mean of those that are old enough."""
    heads = [each.customers for each in found.cohorts]
    mean = []
    for k in range(later):
        old = [(n, each.back[k]) for n, each in zip(heads, found.cohorts, strict=True) if len(each.back) > k]
        mean.append(sum(n * b for n, b in old) / sum(n for n, _ in old))
    quarters = list(range(1, later + 1))
    data: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "x": quarters[: len(each.back)], "y": list(each.back[:later]),
         "name": each.name, "line": {"color": charts.LINE, "width": 1.5}, "showlegend": False}
        for each in found.cohorts if each.back
    ]  # fmt: skip
    data.append({"type": "scatter", "mode": "lines+markers", "x": quarters, "y": mean, "name": "all",
                 "line": {"color": charts.BLUE, "width": 2.5}, "showlegend": False})  # fmt: skip
    layout = {
        "height": 320, "margin": {"l": 60, "r": 20, "t": 12, "b": 50}, "hovermode": "closest",
        "xaxis": {"title": {"text": "quarters after the first"}, "dtick": 1},
        "yaxis": {"tickformat": ".0%", "rangemode": "tozero"},
    }  # fmt: skip
    return json.dumps({"data": data, "layout": layout})


def _data(found: Portrait) -> str:
    return section(
        "data", "How good the data are",
        table(["Rows", "Number", "Money"], account_rows(found.base)),
        bullets(found.remarks) if found.remarks else "",
    )  # fmt: skip
