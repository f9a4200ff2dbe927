"""The report's first screen, state by state: its title, its cards, what would change it, and its drawings."""

import json
import re
from html import unescape
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from experiments.compare import Outcome
from experiments.decision import Lever, Scaled, Span
from experiments.odds import Turn
from experiments.report import answer as first
from experiments.report.drawing import drawing
from experiments.report.page import card, folded, page, scale, shaded
from experiments.words.report import report_words

NAN = float("nan")
WORDS = report_words("en")


def outcome(name: str, asset: float, **facts: Any) -> Outcome:
    figures = {"difference": 0.0, "low": NAN, "high": NAN, **facts}
    assets = np.full(2, asset)
    return Outcome(name, assets, assets, np.full(2, 300.0), None, **figures)


TODAY = outcome("as today", 1000.0)
PLAN = outcome("the plan", 1250.0, difference=250.0, low=200.0, high=300.0)


def found(best: Outcome = PLAN, reference: Outcome = TODAY, **changes: Any) -> Any:
    """Return as much of a decision as the first screen needs."""
    scenario = {"currency": "EUR", "periods": 24, "period": "month", "terminal": "none", "levers": {}, "evidence": ()}
    scenario |= {key: changes.pop(key) for key in list(changes) if key in ("terminal", "periods")}
    facts = {
        "best": best, "reference": reference, "twin": SimpleNamespace(scenario=SimpleNamespace(**scenario)),
        "levers": (), "within": 250.0, "after": 0.0, "payback": 0, "ahead": np.array([1.0, -40.0]), "present": None,
        "expected_gain": 240.0, "first_within": ("the plan", 0.0), "on_the_unwon": 0.0, "asset_after": NAN,
        "spans": lambda by: (), "scaled": (), "intensity": None, "cost_of_today": 300.0, "budget": 300.0,
    }  # fmt: skip
    return SimpleNamespace(**{**facts, **changes})


def compared(*outcomes: Outcome, odds: Any = None) -> Any:
    return SimpleNamespace(outcomes=outcomes, odds=odds, replications=2, budget=310.0, ranges=3)


def read(html: str) -> str:
    """Return what people read of a page, one line for each element."""
    return unescape(re.sub(r"\n+", "\n", re.sub(r"<[^>]+>", "\n", html))).replace("\u00a0", " ").strip()


LEVERS = (
    Lever("mail", 0.0, 90.0), Lever("care", 100.0, 180.0), Lever("tv", 120.0, 60.0), Lever("radio", 50.0, 0.0),
    Lever("web", 30.0, 30.0),
)  # fmt: skip
TITLES = {
    "one policy": (found(TODAY, TODAY), compared(TODAY), "Under “as today” the customers are worth 1,000 EUR"),
    "nothing beats today": (found(TODAY, TODAY), compared(TODAY, PLAN), "Go on as today: no policy here beats it"),
    "nothing beats the first": (
        found(PLAN, PLAN), compared(PLAN, TODAY), "Go on with “the plan”: no policy here beats it"),
    "too close": (
        found(outcome("the plan", 1250.0, difference=250.0, low=-1.0, high=501.0)), compared(TODAY, PLAN),
        "Too close to call: “the plan” leads by +250 EUR"),
    "levers": (
        found(levers=LEVERS), compared(TODAY, PLAN),
        "Start mail with 90, move 80 into care, stop radio and cut tv by a half: worth +250 EUR, 25 %"),
    "one lever, by an odd share": (
        found(levers=(Lever("tv", 100.0, 58.0),)), compared(TODAY, PLAN), "Cut tv by 42 %: worth +250 EUR, 25 %"),
    "the same levers, nothing today": (
        found(reference=outcome("as today", 0.0), levers=LEVERS[4:]), compared(TODAY, PLAN),
        "Give each lever what it has and other customers more: worth +250 EUR"),
}  # fmt: skip


@pytest.mark.parametrize("what", TITLES)
def test_the_title_is_the_decision(what: str) -> None:
    decided, comparison, title = TITLES[what]
    assert first.headline(decided, comparison, WORDS).replace("\u00a0", " ") == title


def test_when_and_how_sure() -> None:
    """With an interval, with what is not known, with neither; when it pays back; what is left to be said."""
    text = read(first.answer(found(payback=5), compared(TODAY, PLAN), ["More."], [card("Own", "7")], WORDS))
    assert text.splitlines()[0] == (
        "All of it within 24 months. 95 % interval +200 to +300 over 2 replications. This is the policy “the plan”, "
        "against “as today”."
    )
    assert "More than “as today”\n+250\n25 %\nPays back\nMonth 5\nfrom then on it stays ahead" in text
    assert ("Own\n7" in text, text.splitlines()[1]) == (True, "More.")
    sure = outcome("the plan", 1250.0, difference=250.0, low=-1.0, high=300.0, low_all=-50.0, high_all=400.0,
                   chance_ahead=0.9)  # fmt: skip
    lasting = found(sure, outcome("as today", -1.0), terminal="value-to-go", payback=None)
    text = read(first.answer(lasting, compared(TODAY, sure, odds=object()), [], [], WORDS))
    assert "+250 within 24 months, 0 after." in text
    assert "The interval includes zero: the two cannot be told apart" in text
    assert "Counting what is not known, the 3 ranges of the scenario and the luck of one future, the gain lies" in text
    assert "Counting what is not known\n−50 to +400\n95 %; ahead of “as today” in 90 of 100" in text
    assert "after the horizon\nat its end 40 behind, discounted; the rest is what customers are worth after it" in text
    assert text.endswith(read(f"<p>{WORDS['caution_all'].replace('`', chr(10))}</p>"))
    alone = outcome("the plan", 1250.0, difference=250.0)
    text = read(first.answer(found(alone), compared(TODAY, alone), [], [], WORDS))
    assert "One replication gives no interval" in text
    assert "Pays back\nfrom the start" in text
    assert "This is the policy" not in read(first.answer(found(TODAY, TODAY), compared(TODAY), [], [], WORDS))


def test_a_row_for_each_lever() -> None:
    """What a unit brings where the plan stands beside today; today's money cut to the budget."""
    plain = read(first.levers(found(levers=LEVERS), None, WORDS)).splitlines()
    assert plain[5:9] == ["mail", "0", "90", "+90"]
    assert plain[-1].endswith("is known for plans of the optimiser.")
    known = (Lever("care", 100.0, 180.0, 90.0, 0.25, 50.0), Lever("tv", 100.0, 100.0 + 1e-9, NAN, NAN, NAN))
    rows = read(first.levers(found(levers=known, intensity=1, cost_of_today=250.0), None, WORDS))
    assert "care\n100\n180\n+80\n0.50\n0.25\ntv\n100\n100\n0\n–\n–\nAll\n200\n280\n+80" in rows.replace(
        "\nall\n", "\nAll\n"
    )
    assert "Today's spend would cost 250; within the budget of 300 all of it gets less alike" in rows
    assert "would cost" not in read(first.levers(found(levers=known, intensity=1, cost_of_today=200.0), None, WORDS))
    assert first.levers(found(), None, WORDS) == ""


def test_a_plan_that_would_make_the_page_heavy_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = SimpleNamespace(save=lambda path: path.write_bytes(b"sheet"))
    assert 'download="plan.xlsx"' in first.levers(found(levers=LEVERS), plan, WORDS)
    monkeypatch.setattr(first, "MOST_EMBEDDED", 4)
    assert "download" not in first.levers(found(levers=LEVERS), plan, WORDS)


def test_a_fifth_less_and_a_fifth_more() -> None:
    scaled = (Scaled(0.8, 240.0, 200.0), Scaled(1.0, 300.0, 240.0), Scaled(1.2, 360.0, 250.0))
    text = read(first.budgets(found(scaled=scaled), WORDS))
    assert "a fifth less\n240\n+200\n−40\nas planned\n300\n+240\na fifth more\n360\n+250\n+10" in text
    assert first.budgets(found(), WORDS) == ""


def turn(path: str, at: float | None, low: float = -10.0, high: float = 90.0, *, above: bool = True) -> Turn:
    return Turn(path, 0.2, 0.6, 0.4, low, high, at, above, "as today")


def test_what_would_change_it() -> None:
    """Numbers that turn it, those that move it, levers that stay behind, what comes after, and who is second."""
    odds = SimpleNamespace(turns=(turn("margin", 0.3), turn("loss", 0.5, above=False), turn("x", None, 5.0, 5.0)))
    levers = (Lever("care", 1.0, 2.0, without=100.0), Lever("tv", 1.0, 2.0, without=-20.0), Lever("web", 1.0, 1.0),
              Lever("mail", 1.0, 2.0, without=239.0))  # fmt: skip
    others = (TODAY, PLAN, outcome("even split", 1100.0))
    decided = found(levers=levers, within=100.0, terminal="value-to-go")
    said = read(first.changes_if(decided, compared(*others, odds=odds), WORDS)).splitlines()
    assert said == [
        "This changes if",
        "the margin is not above 0.3 (stated 0.4, thought to lie in 0.2 to 0.6): then “as today” is ahead",
        "the share of silent customers lost for good is not below 0.5 (stated 0.4, thought to lie in 0.2 to 0.6): then "
        "“as today” is ahead",
        "the margin is 0.2, or 0.6: the gain is then −10, or +90",
        "the share of silent customers lost for good is 0.2, or 0.6: the gain is then −10, or +90",
        "tv stays as it is today: the expected gain of +240 turns into −20",
        "care stays as it is today: +100 of the expected gain of +240 is left",
        "only the horizon counts: +100 of the 250 come within it",
        "“even split” is played instead: it is 150 behind the first",
    ]
    sure = SimpleNamespace(turns=(turn("margin", None),))
    assert "more than one assumption is wrong at once" in first.changes_if(found(), compared(*others, odds=sure), WORDS)
    none = read(first.changes_if(found(), compared(*others), WORDS))
    assert ("customers answer otherwise than assumed" in none, "no single number" in none) == (True, False)
    assert first.changes_if(found(TODAY, TODAY), compared(TODAY, PLAN), WORDS) == ""


def test_where_the_gain_comes_from() -> None:
    """Within and after, present customers and others, years and quarters in words; nothing where nothing is gained."""
    years = {
        "year": (Span("year 1", 10.0, -5.0), Span("year 2", 20.0, 255.0)),
        "quarter": (Span("quarter 1", 1.0, 1.0),),
    }
    text = read(first.sources(found(spans=years.get), WORDS))
    assert "within the 24 months\n+250\n100 %\nSimulated; they add up" in text
    assert ("year 1\n10\n−5\nyear 2" in text, "quarter 1" in text) == (True, False)
    lasting = found(terminal="value-to-go", within=100.0, after=150.0, present=60.0, expected_gain=-1.0,
                    first_within=("even split", 7.0), on_the_unwon=0.25, asset_after=0.4,
                    spans={"year": (), "quarter": (Span("2024 Q1", 1, 1), Span("2024 Q2", 1, 1))}.get)  # fmt: skip
    text = read(first.sources(lasting, WORDS))
    assert "after them, from the customers left behind\n+150\n60 %\nfrom who is a customer today\n+60\n–" in text
    assert (
        "Counting the horizon alone, “even split” would be ahead of it by 7.\n25 % of the money is for people who are "
        "no customers yet.\n40 % of the customer asset lies after the 24 months."
    ) in text
    assert "2024 Q1\n1\n+1" in text
    assert first.sources(found(TODAY, TODAY), WORDS) == ""


# --- Pieces of a page -------------------------------------------------------------------------------------------------


def test_pieces_of_a_page() -> None:
    """Amounts that are nothing are empty cells; a bar stays inside; per cent is written as the language does."""
    html = shaded(["a <b>"], ["x", "y"], [[0.2, 40.0]], "from")
    assert ('<td class="number"></td>' in html, "--much:70%" in html, "a &lt;b&gt;" in html) == (True, True, True)
    assert "--much" not in shaded(["a"], ["x"], [[0.0]], "")
    assert ["width:100.0%" in scale(held, "", "") for held in (1.7, -1.0)] == [True, False]
    assert folded("More", "", "<p>x</p>").count("\n") == 3
    assert [("40%" in page("t", "k", ["40\u00a0%"], "f", language=lang)) for lang in ("en", "zh")] == [False, True]
    assert 'src="data:x"' in page("t", "k", [], "f", logo="data:x")


def figure(*traces: dict[str, Any], **layout: Any) -> str:
    return drawing(json.dumps({"data": list(traces), "layout": layout}))


def series(name: str, x: list[float], y: list[Any], **more: Any) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, **more}


def test_one_panel_is_drawn_wide_and_narrow() -> None:
    """Lines as they are drawn in the legend; gaps are left out; a name twice is one; one name needs no legend."""
    html = figure(
        series("a", [0, 1, 2], [1, None, -3], line={"color": "#0072B2", "dash": "dash"}),
        series("a", [0, 1], [1, 2], mode="markers", marker={"color": ["#111111", "#222222"]}),
        series("b", [0, 1], [1, 2], line={"dash": "dot"}), series("hidden", [0, 1], [1, 2], showlegend=False),
        showlegend=True, xaxis={"title": {"text": "month &amp; year"}},
    )  # fmt: skip
    assert re.findall(r"</i>(\w+)</span>", html) == ["a", "b"]
    assert "border-top:3px dashed var(--blue);height:0" in html
    assert (html.count('<div class="wide">'), html.count("<svg "), html.count("<circle")) == (1, 2, 4)
    assert html.count('stroke-dasharray="7 5"') == html.count('stroke-dasharray="2 4"') == 2
    assert ("month &amp; year</text>" in html, "fill:#222222" in html, ">−2<" in html) == (True, True, True)
    assert "legend" not in figure(series("a", [0, 1], [1, 2]), showlegend=True)
    assert "<polyline" not in figure(series("a", [0], [1]))


def test_panels_stand_side_by_side() -> None:
    """Two are wider than three; a title each, as far as there are titles."""

    def panels(number: int) -> str:
        places = ["", *map(str, range(2, number + 1))]
        return figure(*(series("a", [0, 1], [5, 5], xaxis=f"x{i}", yaxis=f"y{i}") for i in places),
                      annotations=[{"text": "One &lt; two", "xref": "paper"}, {"text": "other"}])  # fmt: skip

    assert ('class="panels two"' in panels(2), 'class="panels two"' in panels(3)) == (True, False)
    assert (panels(3).count("<b>"), "<b>One &lt; two</b>" in panels(3), panels(3).count("<svg ")) == (1, True, 3)


def test_bars_rules_and_numbers() -> None:
    """Stacked from nothing up; a rule across with its words; per cent and large numbers as the language has them."""
    bars = [{"type": "bar", "name": name, "x": [1, 2], "y": y, "marker": {"color": "#5B6470"}} for name, y in
            (("a", [2e6, 0]), ("b", [1e6, 3e6]))]  # fmt: skip
    html = figure(*bars, yaxis={}, shapes=[{"x0": 0, "x1": 1, "y0": 1e6, "y1": 1e6}, {"y0": 0, "y1": 1}],
                  annotations=[{"text": "today", "yref": "y"}])  # fmt: skip
    assert (html.count("<rect"), html.count('class="rule"'), html.count(">today</text>")) == (6, 2, 2)
    assert "fill:var(--soft)" in html
    chinese = figure(*bars, meta={"language": "zh"})
    assert ("万" in chinese, "万" in html) == (True, False)
    share = figure(series("a", [0, 1], [0.0, 0.5]), yaxis={"tickformat": ".0%", "rangemode": "tozero"})
    assert re.search(r">\d+\s?%</text>", share.replace("\u00a0", " "))
    assert "<svg" in figure(series("a", [0, 1], [0, 0]))
    assert "<svg" in figure(series("a", [0, 1], [-2, -2]))


def test_rows_have_their_name_and_whisker() -> None:
    """A point with its interval, or several points with the line between them; the last on top."""
    html = figure(
        {"type": "scatter", "x": [5.0], "y": ["A &amp; B"], "error_x": {"array": [2.0], "arrayminus": [1.0]}},
        {"type": "scatter", "x": [1.0, 3.0], "y": ["C", "C"]}, {"type": "scatter", "x": [2.0], "y": ["D"]},
        xaxis={"title": {"text": "gain"}},
    )  # fmt: skip
    assert re.findall(r'class="name">([^<]+)<', html)[:3] == ["D", "C", "A &amp; B"]
    assert (html.count('class="whisker"'), html.count("<circle"), html.count(">gain<")) == (4, 8, 2)
