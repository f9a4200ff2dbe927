"""Allocation over response curves: known answers, a second way to the same optimum, prices, units."""

import itertools
import math
from typing import Any

import numpy as np
import pulp
import pytest
from curve_tables import one_period, played, random_table, rules, s_curve, saturating

from optimizer.curves.allocation import allocate
from optimizer.curves.shapes import CurveTable, TabulatedCurve
from optimizer.lp.arrays import ArrayAnswer
from sim.errors import InputError, SolverError

RULES: dict[str, Any] = {
    "period_share": 0.45,
    "bounds": [
        {"channels": ["c0"], "floor": 20},
        {"channels": ["c1", "c2"], "first": "1", "last": "2", "cap_share": 0.3},
        {"channels": "c2", "floor_share": 0.1},
    ],
    "frozen": [{"channels": "c1", "first": "3", "last": "3", "spend": 7}],
    "ramp": [{"channels": "c0", "money": 9}],
    "carry_over": {"c0": [0.6, 0.3, 0.1]},
}


def by_pulp(table: CurveTable, budget: float, campaign: float = 0.0) -> float:
    """Return the optimum under RULES stated term by term: lambda form, a binary for every piece."""
    problem = pulp.LpProblem("second", pulp.LpMaximize)
    shape = len(table.channels), len(table.periods)
    x = {ct: problem.add_variable(f"x{ct[0]}_{ct[1]}", lowBound=0) for ct in itertools.product(*map(range, shape))}
    value: Any = 0
    for c, t in x:
        curve = table.curves[c][t]
        assert isinstance(curve, TabulatedCurve)
        s, v = np.append(curve.spend, 1e3), np.append(curve.response, curve.response[-1])
        weight = [problem.add_variable(f"w{c}_{t}_{k}", lowBound=0) for k in range(s.size)]
        piece = [problem.add_variable(f"p{c}_{t}_{k}", cat="Binary") for k in range(s.size - 1)]
        problem += pulp.lpSum(weight) == 1
        problem += pulp.lpSum(piece) == 1
        for k, w in enumerate(weight):
            problem += w <= pulp.lpSum(piece[max(k - 1, 0) : k + 1])
        carried = [0.6, 0.3, 0.1] if c == 0 else [1.0]
        effective = pulp.lpSum(w * x[c, t - j] for j, w in enumerate(carried) if t >= j)
        problem += pulp.lpSum(a * w for a, w in zip(s, weight, strict=True)) == effective
        value += pulp.lpSum(a * w for a, w in zip(v, weight, strict=True))
        if campaign and c == 2:
            run = problem.add_variable(f"b{c}_{t}", cat="Binary")
            problem += x[c, t] >= campaign * run
            problem += x[c, t] <= 1e3 * run
    problem.setObjective(value)
    problem += pulp.lpSum(x.values()) <= budget
    for t in range(shape[1]):
        problem += pulp.lpSum(x[c, t] for c in range(shape[0])) <= 0.45 * budget
    problem += pulp.lpSum(x[0, t] for t in range(shape[1])) >= 20
    problem += pulp.lpSum(x[c, t] for c in (1, 2) for t in (0, 1)) <= 0.3 * budget
    problem += pulp.lpSum(x[2, t] for t in range(shape[1])) >= 0.1 * budget
    problem += x[1, 2] == 7
    for t in range(shape[1] - 1):
        problem += x[0, t + 1] - x[0, t] <= 9
        problem += x[0, t + 1] - x[0, t] >= -9
    problem.solve(pulp.HiGHS(msg=False, gapRel=1e-9))
    return float(pulp.value(problem.objective))


def test_known_answer_concave() -> None:
    """Three saturating curves share 100: 102.637, at equal slopes."""
    result = allocate(one_period(saturating(100, 50), saturating(80, 30), saturating(60, 80)), budget=100)
    assert result.status == "optimal"
    assert result.value == pytest.approx(102.637, abs=5e-4)
    assert result.value <= result.bound <= result.value * (1 + 1e-6)
    slopes = [
        b * e / (x + e) ** 2 for (b, e), x in zip(((100, 50), (80, 30), (60, 80)), result.spend[:, 0], strict=True)
    ]
    assert slopes == pytest.approx([result.shadow_price] * 3, rel=5e-3)


def test_known_answer_two_s_curves() -> None:
    """Two equal S-curves share 100 evenly: 81.97; all on one would bring 73.5."""
    result = allocate(one_period(s_curve(100, 60), s_curve(100, 60)), budget=100)
    assert result.status == "optimal"
    assert result.value == pytest.approx(200 * 2500 / 6100, abs=1e-3)
    assert result.spend[:, 0] == pytest.approx([50, 50], abs=0.2)
    assert result.local


def test_bound_holds_for_exact_s_curves() -> None:
    """A fine grid finds nothing above the bound, and nothing clearly above the value."""
    random = np.random.default_rng(3)
    for _ in range(6):
        curves = [s_curve(random.uniform(20, 150), random.uniform(10, 80), random.uniform(1.3, 4)) for _ in range(3)]
        result = allocate(one_period(*curves), budget=100)
        grid = np.linspace(0, 100, 401)
        f = [np.array([curve.value(u) for u in grid]) for curve in curves]
        two = np.array([(f[0][: k + 1] + f[1][k::-1]).max() for k in range(grid.size)])
        best = float((two + f[2][::-1]).max())
        assert best <= result.bound * (1 + 1e-12)
        assert best <= result.value + 1e-6 * result.bound
        assert best >= result.value * (1 - 1e-3)
        assert result.gap <= 1e-6


@pytest.mark.parametrize("s_shaped", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_a_second_way_under_all_rules(seed: int, s_shaped: bool) -> None:
    """The optimum equals that of a mixed-integer programme stated term by term."""
    table = random_table(seed, 3, 4, s_shaped)
    result = allocate(table, rules(**RULES), budget=150)
    assert result.status == "optimal"
    assert result.value == pytest.approx(by_pulp(table, 150), rel=2e-6)
    assert result.local == s_shaped


def test_smallest_campaigns_a_second_way() -> None:
    table = random_table(11, 3, 4, True)
    result = allocate(table, rules(**RULES, campaigns=[{"channels": "c2", "smallest": 21}]), budget=150)
    assert result.value == pytest.approx(by_pulp(table, 150, campaign=21), rel=2e-6)
    run = result.spend[2][result.spend[2] > 1e-9]
    assert run.size
    assert (run >= 21 - 1e-6).all()
    assert result.value < allocate(table, rules(**RULES), budget=150).value


def test_price_is_the_slope_of_the_value_in_the_budget() -> None:
    """Limits that are shares of the budget move along with it."""
    table, step = random_table(5, 3, 4, False), 1e-4
    at, more, less = (played(table, 150 + d, **RULES) for d in (0, step, -step))
    assert at.shadow_price == pytest.approx((more.value - at.value) / step, rel=1e-5)
    assert at.shadow_price_left == pytest.approx((at.value - less.value) / step, rel=1e-5)
    assert 0 < at.shadow_price <= at.shadow_price_left + 1e-9


def test_prices_at_a_corner_differ_left_and_right() -> None:
    table = one_period(TabulatedCurve.of([10, 30], [30, 50]))
    result = allocate(table, budget=10)
    assert (result.shadow_price, result.shadow_price_left) == (pytest.approx(1), pytest.approx(3))


def test_price_of_a_rule() -> None:
    """A floor on the poorer channel costs the difference of slopes."""
    table = one_period(TabulatedCurve.of([100], [200]), TabulatedCurve.of([100], [50]))
    result = played(table, 80, bounds=[{"channels": "b", "floor": 20}])
    assert {b.rule: b.price for b in result.binding} == {
        "budget": pytest.approx(2.0),
        "floor of b": pytest.approx(-1.5),
    }


@pytest.mark.parametrize("s_shaped", [False, True])
@pytest.mark.parametrize("unit", [1e-6, 0.01, 100, 1e9])
def test_any_currency_unit_gives_the_same_value(unit: float, s_shaped: bool) -> None:
    base = allocate(random_table(2, 4, 3, s_shaped), rules(period_share=0.4), budget=120)
    other = allocate(random_table(2, 4, 3, s_shaped, unit), rules(period_share=0.4), budget=120 * unit)
    assert other.value == pytest.approx(base.value, rel=1e-9)
    assert other.shadow_price * unit == pytest.approx(base.shadow_price, rel=1e-9)


def test_budget_far_below_or_above_the_curves() -> None:
    """A budget of a millionth of the first point, and one of a million times the last."""
    table = one_period(TabulatedCurve.of([10, 30], [30, 50]), TabulatedCurve.of([20], [30]))
    assert allocate(table, budget=1e-5).value == pytest.approx(3e-5, rel=1e-9)
    rich = allocate(table, budget=3e7)
    assert rich.value == pytest.approx(80, rel=1e-9)
    assert rich.spend[:, 0] == pytest.approx([30, 20], rel=1e-6)
    assert rich.shadow_price == pytest.approx(0, abs=1e-12)
    assert rich.unspent_because == ("saturation: beyond this spend no curve rises",)


def test_what_stops_the_rest_of_the_budget() -> None:
    table = one_period(TabulatedCurve.of([10, 30], [30, 50]), TabulatedCurve.of([20], [30]))
    result = played(table, 100, bounds=[{"name": "contract", "channels": "a", "cap": 12}])
    assert result.unspent == pytest.approx(68)
    assert result.unspent_because == ("contract (cap)",)


def test_zero_budget() -> None:
    """Nothing is spent; the price is what the first money would bring."""
    for table in (
        one_period(TabulatedCurve.of([10, 30], [30, 50]), TabulatedCurve.of([20], [30])),
        one_period(saturating(90, 30)),
    ):
        result = allocate(table, budget=0)
        assert (result.status, result.value, result.spend.sum()) == ("optimal", 0, 0)
        assert result.shadow_price == pytest.approx(3, rel=2e-2)


def test_response_without_spend_counts_but_not_in_the_gap() -> None:
    table = one_period(TabulatedCurve.of([0, 10], [1e6, 1e6 + 5]), TabulatedCurve.of([10], [3]))
    result = allocate(table, budget=10)
    assert result.value == pytest.approx(1e6 + 5, abs=1e-6)
    assert result.base == 1e6
    assert result.gap <= 1e-6


def test_campaigns_too_large_for_the_budget() -> None:
    """Nothing can be run: that is optimal, and the campaigns are what stops the money."""
    table = one_period(TabulatedCurve.of([10, 20], [5, 30]), TabulatedCurve.of([10, 20], [8, 9]))
    result = played(table, 20, campaigns=[{"smallest": 25}])
    assert (result.status, result.value, result.gap) == ("optimal", 0, 0)
    assert result.unspent_because == ("smallest campaign of a, all", "smallest campaign of b, all")


def test_single_point_at_nothing() -> None:
    result = allocate(one_period(TabulatedCurve.of([0], [0])), budget=5)
    assert (result.status, result.value, result.spend.sum()) == ("optimal", 0, 0)


def test_identical_channels() -> None:
    """Ties do not disturb value or price."""
    curve = TabulatedCurve.of([10, 20, 40], [5, 30, 40])
    result = allocate(one_period(*[curve] * 6), budget=60)
    assert result.value == pytest.approx(90)
    assert result.status == "optimal"


def test_everything_frozen() -> None:
    table = random_table(1, 2, 2, True)
    result = played(table, 100, frozen=[{"spend": 10}])
    assert result.spend == pytest.approx(np.full((2, 2), 10.0))
    assert result.value == pytest.approx(sum(table.curves[c][t].value(10) for c in (0, 1) for t in (0, 1)))


def test_carry_over_enters_before_the_curve() -> None:
    """Spend of the first period works in both; what is carried beyond the last period is lost."""
    curve = TabulatedCurve.of([5, 10], [10, 12])
    table = CurveTable(("a",), ("1", "2"), ((curve, curve),))
    result = played(table, 10, carry_over=[0.5, 0.5])
    assert result.spend[0] == pytest.approx([10, 0])
    assert result.effective[0] == pytest.approx([5, 5])
    assert result.value == pytest.approx(20)


def test_periods_repeat_a_curve() -> None:
    result = played(one_period(TabulatedCurve.of([5, 10], [10, 12])), 20, periods=4)
    assert result.periods == ("1", "2", "3", "4")
    assert result.spend[0] == pytest.approx([5] * 4)
    with pytest.raises(InputError, match="periods: 3"):
        played(random_table(1, 1, 2, False), 20, periods=3)


def test_time_limit_gives_a_plan_with_its_gap() -> None:
    table = random_table(4, 12, 30, True)
    result = allocate(table, rules(carry_over=[0.5, 0.3, 0.2]), budget=900, time_limit=0.5)
    assert result.status.startswith("feasible, gap ")
    assert result.termination == "TimeLimit"
    assert 1e-6 < result.gap < 0.5
    assert result.spend.sum() <= 900 * (1 + 1e-9)


@pytest.mark.parametrize("campaigns", [[], [{"smallest": 20}]])
def test_a_plan_with_its_gap_however_short_the_time(campaigns: list[dict[str, float]]) -> None:
    """Thousands of bends: the plan meets every rule, and the bound is above what a long search finds."""
    table = random_table(7, 20, 50, True)
    kept = rules(carry_over=[0.6, 0.4], period_share=0.05, campaigns=campaigns)
    hurried = allocate(table, kept, budget=6000, time_limit=0.01)
    assert 1e-6 < hurried.gap < 0.5
    assert hurried.status == f"feasible, gap {100 * hurried.gap:.2g} %"
    assert hurried.termination == "TimeLimit"
    assert hurried.seconds < 3
    assert hurried.spend.sum() <= 6000 * (1 + 1e-9)
    assert (hurried.spend.sum(axis=0) <= 300 * (1 + 1e-9)).all()
    if campaigns:
        assert ((hurried.spend == 0) | (hurried.spend >= 20 * (1 - 1e-9))).all()
    searched = allocate(table, kept, budget=6000, time_limit=2)
    assert hurried.value <= searched.value * (1 + 1e-9)
    assert searched.value <= hurried.bound * (1 + 1e-9)


def test_a_programme_too_large_for_its_time_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even the programme without whole numbers gives a point, the error says what it had and what to do."""
    none = np.empty(0)
    stopped = ArrayAnswer("stopped", "TimeLimit", none, none, math.inf, none, none)
    monkeypatch.setattr("optimizer.curves.allocation.solve_arrays", lambda model, **options: stopped)
    with pytest.raises(SolverError, match=r"no plan was found in time, though 5 seconds .* raise `time_limit=`"):
        allocate(random_table(7, 2, 2, False), budget=60, time_limit=0.01)
