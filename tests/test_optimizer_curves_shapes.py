"""Shapes of curves, and files of them."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from curve_tables import one_period

from optimizer.curves.allocation import allocate
from optimizer.curves.curve_file import read_curves
from optimizer.curves.model import hull
from optimizer.curves.shapes import SmoothCurve, TabulatedCurve
from sim.errors import InputError


def test_hull_is_the_lowest_curve_above_without_upward_bends() -> None:
    """As by brute force: the highest chord over every corner."""
    random = np.random.default_rng(3)
    for _ in range(50):
        spend = np.append(0, np.cumsum(random.uniform(0.1, 2, 8)))
        value = np.append(0, np.cumsum(random.exponential(size=8) * random.integers(0, 2, 8)))
        corners = hull(spend, value)
        chords = [
            max(
                np.interp(at, spend[[a, b]], value[[a, b]])
                for a, b in itertools.combinations_with_replacement(range(9), 2)
                if spend[a] <= at <= spend[b]
            )
            for at in spend
        ]
        np.testing.assert_allclose(np.interp(spend, *corners), chords, atol=1e-12)
        assert (np.diff(np.diff(corners[1]) / np.diff(corners[0])) < 1e-9).all()


def test_smooth_curve_that_is_not_as_stated_is_refused() -> None:
    curve = SmoothCurve(lambda x: x**2 / (x**2 + 3600), lambda x: 7200 * x / (x**2 + 3600) ** 2, inflection=0)
    with pytest.raises(InputError, match="inflection"):
        allocate(one_period(curve), budget=100)
    with pytest.raises(InputError, match="derivative"):
        allocate(one_period(SmoothCurve(math.sqrt, lambda x: 1 / (1 + x))), budget=100)


def test_square_root_has_an_infinite_slope_at_nothing() -> None:
    curve = SmoothCurve(math.sqrt, lambda x: 0.5 / math.sqrt(x) if x else math.inf)
    result = allocate(one_period(curve, curve), budget=50)
    assert result.value == pytest.approx(10, rel=1e-6)
    assert result.bound >= 10 - 1e-9


HEADER = "channel,period,spend,response\n"
BAD_FILES = {
    "": "is empty",
    "channel,spend\ntv,1\n": "column 'response' is missing",
    HEADER.replace("period", "week") + "tv,1,1,1\n": "row 1: column 'week': rename it to 'period'",
    HEADER: "no rows",
    HEADER + "tv,1,10,5\ntv,1,ten,6\n": "row 3: spend 'ten'",
    HEADER + "tv,1,10,nan\n": "row 2: response 'nan'",
    HEADER + "tv,1,-1,5\n": "row 2: spend -1; expected at least 0",
    HEADER + "tv,1,10,5\ntv,1,10,6\n": "row 3: channel 'tv', period '1': spend 10 is in row 2 already",
    "channel,perod,spend,response\ntv,1,1,1\n": "row 1: column 'perod': is it 'period'?",
    "date_week,y,x1,x2\n2018-04-02,3984,.3,0\n": "look like a history or another table. `allocate` needs curves",
    "week,tv_spend,radio_spend,sales\n1,3,4,50\n": "look like a history or another table. `allocate` needs curves",
    "date,channel,spend,sales\n2018-04-02,tv,3,1\n": "look like a history or another table. `allocate` needs curves",
    "channel,period,spend,response,before\ntv,1,1,1,\ntv,2,,,5\n": "which is not before the first with curves ('1')",
    "channel,period,spend,response,before\ntv,1,1,1,\nsea,0,,,5\n": "row 3: channel 'sea' has no curve",
    "channel,period,spend,response,before\ntv,b,1,1,\ntv,a,,,5\n": "needs periods one after the other",
    HEADER + "tv,1,1,000,5\n": "row 2: expected 4 fields",
    HEADER + ",1,10,5\n": "row 2: channel is empty",
    "channel,spend,spend,response\ntv,1,1,5\n": "row 1: column 'spend' comes twice; remove one",
    "channel,period,spend,response,before\ntv,1,1,1,5\n": "row 2: 'before' beside a point of a curve",
    "channel,period,spend,response,before\ntv,1,1,1,\ntv,0,,,5\ntv,0,,,6\n": "has its 'before' in row 3; keep one",
    HEADER + "tv,1,10,5\nradio,2,10,5\n": "channel 'tv' has no row for period '2'",
}


@pytest.mark.parametrize(("text", "said"), BAD_FILES.items(), ids=list(BAD_FILES.values()))
def test_bad_curves_are_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "curves.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_curves(path)
    assert said in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_order_of_periods(tmp_path: Path) -> None:
    """Numbers in their order, names as they appear; points in any order; other separators."""
    path = tmp_path / "curves.csv"
    path.write_text("\ufeff" + HEADER + "tv,10,10,5\ntv,9,10,5\ntv,9,5,4\n", encoding="utf-8")
    table = read_curves(path)
    assert table.periods == ("9", "10")
    assert table.curves[0][0].value(7.5) == pytest.approx(4.5)
    path.write_text("spend;channel;period;response\n1;tv;late;1\n1;tv;early;2\n", encoding="utf-8")
    assert read_curves(path).periods == ("late", "early")
    path.write_text("channel,spend,response\ntv,10,5\n", encoding="utf-8")
    assert read_curves(path).periods == ("all",)


@pytest.mark.parametrize(
    ("spend", "response", "said"),
    [
        ([], [], "as many spends as responses, at least one, got 0 and 0"),
        ([1, 2], [1], "got 2 and 1"),
        ([1, float("nan")], [1, 2], "finite numbers"),
        ([-1, 2], [1, 2], "no spend below 0"),
        ([1, 1], [1, 2], "each spend once"),
    ],
)
def test_points_that_are_no_curve_are_refused(spend: list[float], response: list[float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        TabulatedCurve.of(spend, response)
