"""The page of a customer base."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.report import charts
from experiments.report.page import bullets, card, chart, page, paragraph, section, subheading, table
from experiments.report.sankey import bands
from experiments.words.bases import ADVICE, account_rows
from experiments.words.figures import counted, one_of, percent
from experiments.words.figures import typeset_money as money
from sim.arrays import Floats, Ints
from sim.customers.profile import FEWEST
from sim.customers.seldom import CAUSES, OPEN
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
        *(part(found) for part in (_profile, _segments, _seldom, _worth, _moves, _concentration, _cohorts, _data)),
    ]  # fmt: skip
    foot = "Made by Tenure. This page is self-contained: it needs no network, and holds nobody's id."
    return page("Who the customers are", base.path.name, body, foot)


def _answer(found: Portrait) -> str:
    base = found.base
    new = ""
    if found.new is not None:
        new = f" In the last {found.new.days} days {found.new.customers:,} were new."
    return (
        f"{counted(base.customers, 'customer')} made {counted(base.rows, 'purchase')}; {found.alive:,.0f} of them are "
        f"probably still here and are expected to buy for {money(found.next_year)} in the next year.{new}"
    )


def _profile(found: Portrait) -> str:
    """Return who customers are by the firm's own columns, beside the best fifth; nothing without columns."""
    if not found.profile:
        return ""
    rows = []
    for each in found.profile:
        for i, (value, every, best) in enumerate(each.rows):
            shown = [money(share) if each.number else percent(share) for share in (every, best)]
            rows.append([each.name if i == 0 else "", value, *shown, f"{each.known:,}" if i == 0 else ""])
    return section(
        "who", "Who they are",
        table(["What is known", "", "All customers", "The best fifth", "Known of"], rows, left=2),
        paragraph(
            "Shares of those of whom it is known; of numbers where quarters of them end. A value stands here from "
            f"{FEWEST} customers on. The best fifth are those expected to buy most next year.", "soft",
        ),
    )  # fmt: skip


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
        paragraph(f"{_USUAL} {'; '.join(said)}.", "soft") if said else "",
        paragraph(
            f"Segments hold {percent(found.separation.between)} of what customers differ in: the part of the variance "
            "of what they are expected to buy next year that lies between segments.", "soft",
        ),
    )  # fmt: skip


def _worth(found: Portrait) -> str:
    rows = [
        [each.name, percent(each.again), money(each.verification), money(each.posterior),
         *("" if math.isnan(share) else said for share, said in (
             (each.trend, f"{each.trend:+.1%}"), (each.volatility, f"{each.volatility:.2f}"))),
         *([] if found.brought_by is None else ["" if math.isnan(each.brings) else f"{each.brings:.3g}"])]
        for each in found.worth
    ]  # fmt: skip
    brings, of_brings = [], ""
    if found.brought_by is not None:
        survey = found.brought_by.startswith("surveys.")
        brings = [found.brought_by.partition(".")[2] if survey else "Brings, a year"]
        of_brings = f" {brings[0]}: by {found.brought_by}" + (
            "." if survey else ", other customers whom one brings in a year while known."
        )
    years = f"{LIFE_YEARS} years"
    return section(
        "worth", "Worth in other ways",
        table(["Segment", "Bought again", f"Verification value, {years}", f"By their purchases, {years}",
               "Trend a quarter", "Volatility", *brings], rows),
        paragraph(
            f"Of a customer, in the mean, at {percent(DISCOUNT)} a year. The verification value takes each for one who "
            "stays and goes on at the pace and amount so far; what their purchases tell counts that some have left and "
            "more will. Trend (slope over mean) and volatility (standard deviation over mean) of what a customer paid "
            "in the quarters of the last two years that lie after its first purchase, in the median of those who paid "
            f"anything in them; lists have both for each customer.{of_brings}", "soft",
        ),
        *_by_formula(found),
    )  # fmt: skip


def _by_formula(found: Portrait) -> list[str]:
    """Return a year's money for ever by retention, at each timing, and what customers would pay if all were here."""
    potential = any(not math.isnan(each.potential) for each in found.worth)
    rows = [
        [each.name, money(each.yearly), percent(each.retention), *map(money, each.for_ever),
         *((money(each.now), money(each.potential)) if potential and not math.isnan(each.potential) else
           ("", "") if potential else ())]
        for each in found.worth
    ]  # fmt: skip
    more = ["Next year, share known", "Potential, if all here"] if potential else []
    said = (
        "Of a customer who is here: what it pays a year, and the chance r to stay for one; for ever, at "
        f"{percent(DISCOUNT)} a year (d), by when the money comes: now and after each year by who stayed, after each "
        "year by who stayed, or after each year by who was there at its start."
    )
    if potential:
        said += " Potential: what those whose share of customer is known would pay next year if they bought all here."
    else:
        said += " What customers could pay is not known: a column share_of_customer of customers or a survey says it."
    header = ["Segment", "A year", "Stays a year", "× (1+d)/(1+d−r)", "× r/(1+d−r)", "× 1/(1+d−r)", *more]
    return [subheading("A year's money for ever"), table(header, rows), paragraph(said, "soft")]


def _moves(found: Portrait) -> str:
    it = found.moves
    names, parts, figures = it.names, [], []
    if it.actual is not None:
        stayed, of = int(np.trace(it.actual)), int(it.actual[:-1].sum())
        said = f"Of the {of:,} who were customers a year ago {percent(stayed / of)} are in the same segment"
        if it.expected is not None:
            met = float(np.minimum(it.actual[:-1], it.expected).sum()) / of
            said += (
                f"; {percent(float(np.trace(it.expected)) / of)} were expected to be, and {percent(met)} are where as "
                "many were expected"
            )
        parts += [paragraph(f"{said}.")]
        figures.append(("A year ago and now", it.actual.astype(np.float64)))
    if it.expected is not None:
        figures.append(("As it was expected a year ago", it.expected))
    if it.ahead is not None:
        figures.append(("Now and in a year, expected", it.ahead))
    if not figures:
        return ""
    caption = "From segment (left) to segment (right), as wide as customers are many."
    parts.append(bands(figures, names, caption))
    if it.actual is not None:
        rows = "Rows: where they were a year before the last day; columns: where they are now"
        if it.expected is not None:
            rows += (
                "; in brackets how many were expected, by laws fitted to purchases up to a year ago and each "
                "customer's own"
            )
        parts += [
            table(["A year ago", *names[:-1], "all"], _counts(names, it.actual, it.expected)),
            paragraph(f"{rows}.", "soft"),
        ]
    if it.ahead is not None:
        parts += [
            subheading("Where customers will be in a year"),
            table(["Now", *names[:-1], "all"], _counts(names, it.ahead, None)),
            paragraph("As expected of those there are, by the laws and each one's own purchases.", "soft"),
        ]
    return section("moves", "How customers moved in a year", *parts)


def _counts(names: tuple[str, ...], counts: Floats | Ints, expected: Floats | None) -> list[list[str]]:
    """Return rows of a table of moves, with what was expected in brackets."""
    rows = []
    for i, line in enumerate(counts):
        cells = []
        for j, number in enumerate(line.tolist()):
            wanted = expected[i, j] if expected is not None and i < len(expected) else 0.0
            cells.append((f"{number:,.0f}" if number >= 0.5 else "") + (f" ({wanted:,.0f})" if wanted >= 0.5 else ""))
        rows.append([names[i], *(cell.strip() for cell in cells), f"{float(line.sum()):,.0f}"])
    return rows


def _seldom(found: Portrait) -> str:
    """Return why those who pay much come seldom, as far as it is told, with the numbers that decide."""
    it = found.seldom
    if it is None:
        return ""
    own = ", ".join(f"{cause} {number:,}" for cause, number in it.counts().items())
    several = sum(len({*cause.split(", ")} & {*CAUSES}) > 1 for cause in it.cause)
    own += f" ({several:,} have more than one likely cause and count in each)" if several else ""
    lacks = [
        "which share of their needs they buy here is not known of "
        f"{int(np.isnan(it.share).sum()):,}: a column share_of_customer in a file of customers or a survey says it"
        if np.isnan(it.share).any() else "",
        "what they buy is not known: a column category or product of purchases says it"
        if np.isnan(it.categories).all() else "",
        f"{int(np.isnan(it.chance).sum()):,} have fewer than four purchases, whose intervals tell nothing"
        if np.isnan(it.chance).any() else "",
    ]  # fmt: skip
    rows = [
        [label, *(_middle(values[[name in cause for cause in it.cause]], form) for values, form in (
            (it.share, percent), (it.categories, "{:.1f}".format), (it.usual, "{:.1f}".format),
            (it.interval, "{:.1f}".format), (it.chance, "{:.2f}".format)))]
        for name, label in ((*((cause, cause) for cause in CAUSES), (OPEN, OPEN)))
        if any(name in cause for cause in it.cause)
    ]  # fmt: skip
    return section(
        "seldom", "Why silver A come seldom",
        paragraph(f"Of {it.who.size:,} customers who pay much and come seldom: {own}."),
        table(["Likely cause", "Share of customer", "Categories", "Usual for as many purchases", "Weeks between",
               "Chance of such evenness"], rows),
        paragraph(
            "Means of those known. Buys elsewhere: less than half of its needs here. Narrow range: fewer than a third "
            "of those with about as many purchases buy in fewer categories. No time: neither, and its purchases are "
            "more even than chance makes them (at most 0.1). The list comes-seldom names each.", "soft",
        ),
        bullets([each for each in lacks if each]) if any(lacks) else "",
    )  # fmt: skip


def _middle(values: Floats, form: Callable[[float], str]) -> str:
    known = values[~np.isnan(values)]
    return form(float(known.mean())) if known.size else "not known"


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
        bullets([one_of(each) for each in found.remarks]) if found.remarks else "",
    )  # fmt: skip
