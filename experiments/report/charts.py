"""Charts of pages and notebooks; the only module that knows plotly, which it imports inside functions.

Each function returns a figure as JSON text, which a notebook shows by plotly and
:mod:`experiments.report.drawing` draws for pages. Colours are the Okabe-Ito set, which colour-blind readers can tell
apart; the reference is always grey and the policy the report recommends always blue.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.words.charts import chart_words
from experiments.words.effects import effect_name
from experiments.words.phrases import period_name, stage_in_words
from sim.arrays import Floats
from sim.engine.response import response
from sim.scenario.market import FREE
from sim.valuation import customer_asset

if TYPE_CHECKING:
    from experiments.compare import Comparison, Outcome
    from sim.history import History
    from sim.scenario.file import Scenario

__all__ = [
    "allocation_by_period",
    "allocation_by_segment",
    "asset_by_budget",
    "asset_over_time",
    "comparison_with_intervals",
    "customers_by_stage",
    "lift_by_assumption",
    "response_curves",
    "spend_by_channel",
]


BLUE, GREY = "#0072B2", "#5b6470"
OTHERS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8c6d31", "#1b1f24")
INK, LINE = "#1f2933", "#e3e7ec"
MOST_PANELS = 12
"""Small charts drawn side by side; a chain may have hundreds of states."""


def comparison_with_intervals(comparison: Comparison, best: str, currency: str, language: str = "en") -> str:
    """Return differences in customer asset from the reference, each with its 95 % interval."""
    import plotly.graph_objects as go

    reference, *others = comparison.outcomes
    others = sorted(others, key=lambda outcome: outcome.difference)
    figure = go.Figure()
    for outcome in others:
        colour = BLUE if outcome.name == best else GREY
        whiskers = {}
        if math.isfinite(outcome.low):
            whiskers = {
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [outcome.high - outcome.difference],
                    "arrayminus": [outcome.difference - outcome.low],
                    "thickness": 2,
                    "width": 6,
                    "color": colour,
                }
            }
        figure.add_scatter(
            x=[outcome.difference],
            y=[_label(outcome.name)],
            mode="markers",
            marker={"size": 11, "color": colour},
            hovertemplate="%{y}: %{x:+,.0f}<extra></extra>",
            showlegend=False,
            **whiskers,
        )
    figure.add_vline(x=0, line={"color": INK, "width": 1.5})
    words = chart_words(language)
    axis = {
        "title": _unit(words["difference"].format(name=_label(reference.name)), currency, language),
        "tickformat": ",.3~s",
    }
    return _finish(figure, 65 + 38 * len(others), xaxis=axis, left=150, top=10, language=language)


def asset_over_time(comparison: Comparison, best: str, scenario: Scenario, language: str = "en") -> str:
    """Return discounted profit so far by policy, and how far each is ahead of the reference."""
    from plotly.subplots import make_subplots

    words, alone = chart_words(language), len(comparison.outcomes) == 1
    reference = _profit_so_far(comparison.outcomes[0], scenario)
    heads = [words["so_far"]]
    heads += [] if alone else [words["ahead"].format(name=_label(comparison.outcomes[0].name))]
    figure = make_subplots(rows=1, cols=len(heads), subplot_titles=heads, horizontal_spacing=0.11)
    colours = policy_colours(comparison, best)
    for outcome in comparison.outcomes:
        course = _profit_so_far(outcome, scenario)
        for column, values in enumerate([course, course - reference][: len(heads)], start=1):
            figure.add_scatter(
                x=list(range(len(values))),
                y=_numbers(values),
                name=_label(outcome.name),
                mode="lines",
                line={
                    "color": colours[outcome.name],
                    "width": 3 if outcome.name == best else 2,
                    "dash": "dash" if outcome is comparison.outcomes[0] else "solid",
                },
                legendgroup=outcome.name,
                showlegend=column == 1,
                hovertemplate="%{y:,.0f}",
                row=1,
                col=column,
            )
    figure.update_xaxes(title=words[f"{scenario.period}s"])
    figure.update_yaxes(tickformat=",.3~s", rangemode="tozero")
    return _finish(figure, 400, hovermode="x unified", left=60, language=language)


def allocation_by_segment(segments: list[str], levers: list[str], spend: Floats, currency: str) -> str:
    """Return money over the horizon by segment and lever as a table of shades."""
    import plotly.graph_objects as go

    text = [[f"{value:,.0f}" if value >= 0.5 else "" for value in row] for row in spend]
    figure = go.Figure()
    figure.add_heatmap(
        x=[_label(name) for name in levers],
        y=[_label(name) for name in segments],
        z=[_numbers(row) for row in np.sqrt(spend)],
        text=text,
        texttemplate="%{text}",
        colorscale=[[0, "#f4f6f8"], [0.15, "#d3e5f2"], [0.6, "#5ba3d0"], [1, BLUE]],
        showscale=False,
        xgap=3,
        ygap=3,
        hovertemplate="%{y}, %{x}: %{text} " + currency.replace("<", "") + "<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(side="top", showgrid=False)
    return _finish(figure, 45 + 34 * len(segments), left=150, top=30, bottom=8)


def allocation_by_period(
    levers: list[str], spend: Floats, limit: float, scenario: Scenario, language: str = "en"
) -> str:
    """Return money by period, stacked by lever; ``limit``: most that may be spent in one period, or infinite."""
    import plotly.graph_objects as go

    figure, words = go.Figure(), chart_words(language)
    period = period_name(scenario.period, language)
    for lever, name in enumerate(levers):
        figure.add_bar(
            x=list(range(1, spend.shape[0] + 1)),
            y=_numbers(spend[:, lever]),
            name=_label(name),
            marker={"color": (BLUE, *OTHERS)[lever % (1 + len(OTHERS))], "line": {"width": 0}},
            hovertemplate="%{y:,.0f}",
        )
    if limit < 3 * float(spend.sum(axis=1).max(initial=0.0)):
        figure.add_hline(
            y=limit,
            line={"color": INK, "width": 1, "dash": "dot"},
            annotation={"text": words["most_in_one"].format(period=period), "font": {"size": 12}},
        )
    figure.update_layout(barmode="stack", bargap=0.25)
    title = _unit(words["spend_per"].format(period=period), scenario.currency, language)
    return _finish(
        figure,
        360,
        hovermode="x unified",
        xaxis={"title": period},
        yaxis={"title": title, "tickformat": ",.3~s"},
        left=75,
        top=12,
        language=language,
    )


def customers_by_stage(
    before: Outcome, after: Outcome | None, period: str, last: str, language: str = "en"
) -> tuple[str, int]:
    """Return head counts by stage under the reference and under another policy, and how many stages are left out.

    ``last`` names the last panel, customers alive.
    """
    from plotly.subplots import make_subplots

    stages = before.history.targets.stages
    shown = list(range(len(stages)))
    if len(stages) > MOST_PANELS:
        mean = before.history.customers.sum(axis=(0, 1))
        shown = sorted(np.argsort(-mean, kind="stable")[:MOST_PANELS].tolist())
    columns = min(4, len(shown) + 1)
    rows = math.ceil((len(shown) + 1) / columns)
    names = [_label(stage_in_words(stages[s], language)) for s in shown] + [last]
    figure = make_subplots(
        rows=rows, cols=columns, subplot_titles=names, horizontal_spacing=0.07, vertical_spacing=0.2 / max(rows - 1, 1)
    )
    both = [(before, GREY, "dash", 2.0)] + ([] if after is None else [(after, BLUE, "solid", 2.5)])
    for place in range(len(shown) + 1):
        for outcome, colour, dash, width in both:
            values = _alive(outcome.history) if place == len(shown) else _stage(outcome.history, shown[place])
            figure.add_scatter(
                x=list(range(values.size)),
                y=_numbers(values),
                name=_label(outcome.name),
                mode="lines",
                line={"color": colour, "dash": dash, "width": width},
                legendgroup=outcome.name,
                showlegend=place == 0,
                hovertemplate="%{y:,.0f}",
                row=place // columns + 1,
                col=place % columns + 1,
            )
    figure.update_yaxes(rangemode="tozero", tickformat=",.3~s", nticks=5)
    figure.update_xaxes(nticks=5)
    figure.update_xaxes(title=chart_words(language)[f"{period}s"], row=rows)
    drawn = _finish(figure, 90 + 190 * rows, hovermode="x unified", left=50, right=10, language=language)
    return drawn, len(stages) - len(shown)


def response_curves(scenario: Scenario, language: str = "en") -> str:
    """Return every lever's assumed curves over money, with today's point."""
    from plotly.subplots import make_subplots

    curves = [(name, lever, effect, c) for name, lever in scenario.levers.items() for effect, c in lever.moves.items()]
    curves, words = curves[:MOST_PANELS], chart_words(language)
    columns = min(3, len(curves))
    rows = math.ceil(len(curves) / columns)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=[
            _label(name)
            if name == effect
            else words["panel"].format(lever=_label(name), moves=effect_name(effect, language).replace("_", " "))
            for name, _, effect, _ in curves
        ],
        horizontal_spacing=0.09,
        vertical_spacing=0.26 / max(rows - 1, 1),
    )
    for place, (_, lever, effect, curve) in enumerate(curves):
        at = {"row": place // columns + 1, "col": place % columns + 1}
        money = np.linspace(0, 4 * max(curve.spend, lever.reference), 60)
        figure.add_scatter(
            x=_numbers(money),
            y=_numbers(response(curve, money, lever.reach)),
            mode="lines",
            line={"color": BLUE, "width": 2.5},
            hovertemplate="%{x:.3g}: %{y:.3g}<extra></extra>",
            showlegend=False,
            **at,
        )
        figure.add_scatter(
            x=[lever.reference],
            y=_numbers(response(curve, np.array([lever.reference]), lever.reach)),
            mode="markers",
            marker={"color": "#D55E00", "size": 9},
            name=words["today"],
            hovertemplate=words["today"] + ", %{x:.3g}: %{y:.3g}<extra></extra>",
            showlegend=place == 0,
            **at,
        )
        figure.update_yaxes(tickformat=".3~g" if effect in FREE else ".2~%", **at)
    figure.update_yaxes(nticks=5)
    figure.update_xaxes(nticks=5, rangemode="tozero")
    unit = _unit(words["money_per"].format(period=period_name(scenario.period, language)), scenario.currency, language)
    figure.update_xaxes(title={"text": unit, "font": {"size": 11}}, row=rows)
    return _finish(figure, 100 + 190 * rows, left=55, right=10, language=language)


def asset_by_budget(
    spend: list[float], asset: list[float], bound: list[float], sweet_spot: tuple[float, float], currency: str
) -> str:
    """Return customer asset by money spent, its bound where one was proved, and where more stops paying."""
    import plotly.graph_objects as go

    figure = go.Figure()
    plans = {"name": "best plan", "line": {"color": BLUE, "width": 2.5}, "mode": "lines+markers"}
    figure.add_scatter(x=spend, y=asset, hovertemplate="%{x:,.0f}: %{y:,.0f}<extra></extra>", **plans)
    if not any(math.isnan(each) for each in bound):
        style = {"color": GREY, "width": 1.5, "dash": "dot"}
        figure.add_scatter(x=spend, y=bound, mode="lines", name="upper bound", line=style, hovertemplate="%{y:,.0f}")
    where = {"x": [sweet_spot[0]], "y": [sweet_spot[1]], "mode": "markers", "marker": {"color": "#D55E00", "size": 11}}
    figure.add_scatter(name="more does not pay", hovertemplate="%{x:,.0f}: %{y:,.0f}<extra></extra>", **where)
    across, up = ({"title": _unit(what, currency), "tickformat": ",.3~s"} for what in ("money spent", "customer asset"))
    return _finish(figure, 380, left=75, top=12, xaxis=across, yaxis=up)


def lift_by_assumption(ends: list[tuple[str, float, float]], currency: str) -> str:
    """Return the lift of a plan at both ends of each assumption's range, the widest on top."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for name, low, high in sorted(ends, key=lambda end: abs(end[2] - end[1])):
        figure.add_scatter(
            x=[low, high],
            y=[_label(name)] * 2,
            mode="lines+markers",
            line={"color": BLUE, "width": 4},
            marker={"size": 10, "color": [GREY, BLUE]},
            showlegend=False,
            hovertemplate="%{y}: %{x:+,.0f}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": INK, "width": 1.5})
    title = _unit("lift with the number at its low (grey) and high (blue) end", currency)
    return _finish(figure, 75 + 38 * len(ends), xaxis={"title": title, "tickformat": ",.3~s"}, left=150, top=10)


def spend_by_channel(channels: list[str], periods: list[str], spend: Floats, currency: str) -> str:
    """Return money by period, stacked by channel."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for c, name in enumerate(channels):
        colour = (BLUE, *OTHERS)[c % (1 + len(OTHERS))]
        places = [_label(period) for period in periods]
        figure.add_bar(x=places, y=_numbers(spend[c]), name=_label(name), marker={"color": colour})
    figure.update_layout(barmode="stack", bargap=0.25)
    return _finish(figure, 360, left=75, top=12, yaxis={"title": _unit("spend", currency), "tickformat": ",.3~s"})


def policy_colours(comparison: Comparison, best: str) -> dict[str, str]:
    """Return a colour per policy."""
    names = [outcome.name for outcome in comparison.outcomes]
    rest = [name for name in names[1:] if name != best]
    colours = {name: OTHERS[i % len(OTHERS)] for i, name in enumerate(rest)}
    return {**colours, names[0]: GREY, best: BLUE if best != names[0] else GREY}


def _profit_so_far(outcome: Outcome, scenario: Scenario) -> Floats:
    by_period = customer_asset(outcome.history, scenario.discount_per_period).by_period
    return np.concatenate([[0.0], np.cumsum(by_period)])


def _stage(history: History, stage: int) -> Floats:
    return np.asarray(history.customers[:, :, stage].sum(axis=1))


def _alive(history: History) -> Floats:
    return np.asarray(history.alive.sum(axis=1))


def _numbers(values: Floats) -> list[float]:
    """Return short numbers: a chart shows no more, and the file stays small."""
    return [float(f"{value:.6g}") for value in values]


def _label(name: str) -> str:
    """Return a name that plotly, which reads some HTML, shows as it is."""
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _unit(what: str, currency: str, language: str = "en") -> str:
    return chart_words(language)["unit"].format(what=what, currency=_label(currency)) if currency else what


def _finish(
    figure: Any,
    height: int,
    *,
    left: int,
    right: int = 20,
    top: int = 40,
    bottom: int = 50,
    hovermode: str = "closest",
    xaxis: dict[str, Any] | None = None,
    yaxis: dict[str, Any] | None = None,
    language: str = "en",
) -> str:
    """Give a figure the report's look and return it as JSON."""
    named = [trace for trace in figure.data if trace.name and trace.showlegend is not False]
    axis = {
        "title": {"font": {"size": 13}},
        "gridcolor": LINE,
        "linecolor": LINE,
        "zerolinecolor": "#b8c0ca",
        "automargin": True,
    }
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    for update, own in ((figure.update_xaxes, xaxis or {}), (figure.update_yaxes, yaxis or {})):
        title = {"title": {"text": own["title"], "font": {"size": 13}}} if "title" in own else {}
        update(**{**own, **title})
    figure.update_layout(
        template="none",
        meta={"language": language},
        height=height,
        margin={"l": left, "r": right, "t": top, "b": 90 if len(named) > 1 else bottom},
        font={"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 13, "color": INK},
        paper_bgcolor="#ffffff",
        plot_bgcolor="#ffffff",
        hovermode=hovermode,
        hoverlabel={"namelength": -1},
        showlegend=len(named) > 1,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 0.01,
            "yref": "container",
            "yanchor": "bottom",
            "traceorder": "normal",
        },
    )
    figure.update_annotations(font={"size": 13, "color": INK})
    return str(figure.to_json())
