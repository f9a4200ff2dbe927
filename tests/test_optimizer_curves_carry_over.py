"""Carry-over by date, from before the window and out of it."""

from pathlib import Path

import pytest
from curve_tables import one_period, played, rules, s_curve, saturating

from optimizer.curves.allocation import allocate
from optimizer.curves.curve_file import read_curves
from optimizer.curves.shapes import CurveTable, TabulatedCurve
from sim.errors import InputError

LINE = TabulatedCurve.of([10], [10])
FIRST_ONLY = "channel,period,spend,response\n{}tv,2024-03,100,10\n"
ROWS = {"2024-01": "tv,2024-01,100,100\n", "2024-02": "tv,2024-02,100,10\n"}


@pytest.mark.parametrize("rows", [("2024-01", "2024-02"), ("2024-02", "2024-01")])
def test_the_order_of_rows_does_not_matter(tmp_path: Path, rows: tuple[str, str]) -> None:
    path = tmp_path / "curves.csv"
    path.write_text(FIRST_ONLY.format("".join(ROWS[row] for row in rows)), encoding="utf-8")
    result = allocate(read_curves(path), rules(carry_over=[0.5, 0.5]), budget=100)
    assert result.periods == ("2024-01", "2024-02", "2024-03")
    assert result.spend[0] == pytest.approx([100, 0, 0])
    assert result.value == pytest.approx(55)


def curves(tmp_path: Path, *periods: str) -> CurveTable:
    path = tmp_path / "curves.csv"
    path.write_text(
        "channel,period,spend,response\n" + "".join(f"tv,{period},10,{10 + i}\n" for i, period in enumerate(periods)),
        encoding="utf-8",
    )
    return read_curves(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"carry_over": [0.5, 0.5]}, "carry-over needs periods one after the other"),
        ({"ramp": [{"money": 3}]}, "a ramp needs periods one after the other"),
        ({"bounds": [{"first": "late", "cap": 3}]}, "first to last needs periods one after the other"),
    ],
)
def test_names_without_order_are_refused_only_where_order_counts(tmp_path: Path, content, said: str) -> None:
    table = curves(tmp_path, "late", "early", "latest")
    assert allocate(table, budget=10).value == pytest.approx(12)
    with pytest.raises(InputError) as error:
        allocate(table, rules(**content), budget=10)
    assert said in str(error.value)
    assert "state `order: [late, early, ...]`" in str(error.value)
    stated = allocate(table, rules(**content, order=["early", "late", "latest"]), budget=10)
    assert stated.periods == ("early", "late", "latest")
    assert allocate(table, rules(carry_over=[1.0, 0.0]), budget=10).value == pytest.approx(12)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (["early"], "'late' is missing"),
        (["early", "late", "noon"], "'noon' is not"),
        (["early", "early", "late"], "twice"),
    ],
)
def test_an_order_names_every_period_once(tmp_path: Path, order: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        allocate(curves(tmp_path, "late", "early"), rules(order=order), budget=10)


def test_a_missing_period_is_refused_where_money_carries_over(tmp_path: Path) -> None:
    table = curves(tmp_path, "2024-01", "2024-02", "2024-05")
    assert allocate(table, budget=10).value == pytest.approx(12)
    with pytest.raises(InputError, match="a period is missing between '2024-02' and '2024-05'; give it curves too"):
        allocate(table, rules(carry_over=[0.5, 0.5]), budget=10)


def test_money_from_before_carries_in_and_is_no_lift() -> None:
    """With weights .5, .3, .2: .3 of the last 80 and .2 of the 100 before work at first, then .2 of the 80."""
    table = CurveTable(("tv",), ("1", "2", "3"), ((TabulatedCurve.of([200], [200]),) * 3,))
    result = played(table, 0, carry_over=[0.5, 0.3, 0.2], before={"tv": [100, 80]})
    assert result.effective[0] == pytest.approx([44, 16, 0])
    assert result.value == result.base == pytest.approx(60)
    assert result.gap == 0


def test_a_file_holds_what_was_spent_before(tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    path.write_text(
        "channel,period,spend,response,before\ntv,2024-01,200,200,\ntv,2023-12,,,80\ntv,2024-02,200,200,\n"
        "tv,2023-11,,,100\n", encoding="utf-8",
    )  # fmt: skip
    table = read_curves(path)
    assert (table.periods, table.before) == (("2024-01", "2024-02"), {"tv": (100.0, 80.0)})
    result = allocate(table, rules(carry_over=[0.5, 0.3, 0.2]), budget=0)
    assert result.effective[0] == pytest.approx([44, 16])
    with pytest.raises(InputError, match="'tv' is in the rules and in the curves' file"):
        allocate(table, rules(before={"tv": 3}), budget=0)


@pytest.mark.parametrize("curve", [LINE, saturating(90, 30), s_curve(90, 30)], ids=["table", "concave", "s-shaped"])
def test_what_was_spent_before_moves_along_the_curve(curve) -> None:
    """20 carried in is as 20 frozen in the same place."""
    nothing = TabulatedCurve.of([1], [0])
    carried = played(one_period(curve, curve), 30, carry_over=[1, 1], before={"a": [20]})
    frozen = played(
        CurveTable(("a", "b"), ("0", "1"), ((nothing, curve), (nothing, curve))),
        50, carry_over=[1, 1],
        frozen=[{"channels": "a", "first": "0", "last": "0", "spend": 20},
                {"channels": "b", "first": "0", "last": "0", "spend": 0}],
    )  # fmt: skip
    assert carried.value == pytest.approx(frozen.value, rel=2e-6)


def test_what_carries_beyond_the_window_counts_only_if_stated() -> None:
    """With half a period later, the last period is worth as much as the first only where that half counts."""
    table = CurveTable(("tv",), ("1", "2"), ((TabulatedCurve.of([10], [10]), TabulatedCurve.of([10], [11])),))
    lost = played(table, 10, carry_over=[0.5, 0.5])
    counted = played(table, 10, carry_over=[0.5, 0.5], carried_out="counted")
    assert lost.spend[0] == pytest.approx([10, 0])
    assert lost.value == pytest.approx(5 + 5.5)
    assert counted.spend[0] == pytest.approx([0, 10])
    assert counted.value == pytest.approx(5.5 + 5.5)
    assert counted.after == pytest.approx([5.5])
    assert counted.response.sum() == pytest.approx(5.5)
