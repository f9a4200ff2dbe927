"""Linear programmes: what the solver says is read rightly and checked."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.optimize import linprog

from optimizer.lp.programmes import LinearProgramme, LpAnswer, tidy
from sim.errors import SolverError

Rows = list[tuple[list[int], list[float], str, float]]


@dataclass(frozen=True)
class Question:
    """Maximise ``objective x``, x >= 0, under rows."""

    objective: list[float]
    rows: Rows

    def solve(self, *, row: int | None = None, change: float = 0.0) -> LpAnswer:
        """Return the answer, with one limit changed."""
        lp = LinearProgramme(np.array(self.objective))
        for i, (columns, values, sense, limit) in enumerate(self.rows):
            lp.add_row(columns, np.array(values), sense, limit + (change if i == row else 0.0))
        return lp.solve()


BLEND = Question(
    [3.0, 5.0, 4.0],
    [
        ([0, 1, 2], [1, 2, 1.5], "<=", 30.0), ([1], [1], "<=", 9.0),
        ([0, 2], [1, 1], ">=", 12.0), ([0, 1], [1, -1], "=", 2.0),
    ],
)  # fmt: skip


def test_optimum_is_that_of_another_solver() -> None:
    """Values, rows and objective agree with SciPy on random programmes with all three senses."""
    rng = np.random.default_rng(8)
    for _ in range(25):
        columns, rows = 8, 5
        matrix = rng.uniform(-1, 3, (rows, columns))
        inside = rng.uniform(0, 2, columns)  # feasible by construction
        senses = rng.choice(["<=", ">=", "="], rows, p=[0.5, 0.3, 0.2])
        room = rng.uniform(0, 1, rows) * (senses != "=")
        limit = matrix @ inside + np.where(senses == ">=", -room, room)
        objective = rng.uniform(-1, 2, columns)
        lp = LinearProgramme(objective)
        for row, sense, at in zip(matrix, senses, limit, strict=True):
            lp.add_row(np.arange(columns), row, str(sense), float(at))
        lp.add_row(np.arange(columns), np.ones(columns), "<=", 40.0)
        answer = lp.solve()
        sign = np.where(senses == ">=", -1, 1)[:, None]
        unequal, equal = senses != "=", senses == "="
        reference = linprog(
            -objective,
            A_ub=np.vstack([(sign * matrix)[unequal], np.ones(columns)]),
            b_ub=np.append((sign[:, 0] * limit)[unequal], 40.0),
            A_eq=matrix[equal] if equal.any() else None,
            b_eq=limit[equal] if equal.any() else None,
        )
        assert (answer.status, answer.termination) == ("optimal", "Optimal")
        assert answer.objective == pytest.approx(-reference.fun, rel=1e-8, abs=1e-8)
        assert answer.values.min() >= 0
        assert answer.objective == pytest.approx(float(objective @ answer.values))


@pytest.mark.parametrize("row", range(4))
def test_duals_are_derivatives_of_the_maximum(row: int) -> None:
    """Dual = d(objective)/d(limit): >= 0 for <=, <= 0 for >=, either for =; by finite differences."""
    answer = BLEND.solve()
    up, down = (BLEND.solve(row=row, change=change).objective for change in (1e-3, -1e-3))
    assert answer.duals[row] == pytest.approx((up - down) / 2e-3, abs=1e-6)
    sense = BLEND.rows[row][2]
    assert answer.duals[row] * {"<=": 1, ">=": -1, "=": 0}[sense] >= 0


def test_duals_prove_the_optimum() -> None:
    """Strong duality: duals times limits add up to the objective, and both kinds of row bind here."""
    answer = BLEND.solve()
    assert answer.objective == pytest.approx(sum(y * row[3] for y, row in zip(answer.duals, BLEND.rows, strict=True)))
    tight = Question(
        [1.0, 1.0], [([0, 1], [1, 1], "<=", 5.0), ([1], [1], ">=", 2.0), ([0, 1], [2, 1], "<=", 7.0)]
    ).solve()
    assert tight.objective == pytest.approx(5)
    forced = Question([1.0, -3.0], [([0], [1], "<=", 5.0), ([1], [1], ">=", 2.0)]).solve()
    assert forced.objective == pytest.approx(-1)
    np.testing.assert_allclose(forced.duals, [1, -3])


@pytest.mark.parametrize(
    ("question", "status"),
    [
        (Question([1.0], [([0], [1], "<=", 1.0), ([0], [1], ">=", 2.0)]), "infeasible"),
        (Question([1.0], [([0], [1], "<=", -1.0)]), "infeasible"),
        (Question([1.0, 0.0], [([1], [1], "<=", 1.0)]), "unbounded"),
        (Question([1.0], [([0], [1], ">=", 1.0)]), "unbounded"),
    ],
)
def test_no_optimum_is_said_so(question: Question, status: str) -> None:
    """Infeasible and unbounded are told apart and carry no numbers."""
    answer = question.solve()
    assert answer.status == status
    assert math.isnan(answer.objective)
    assert answer.values.size == answer.duals.size == 0


@pytest.mark.parametrize("money", [1e-6, 0.01, 100.0, 1e9])
@pytest.mark.parametrize("heads", [1e-3, 1.0, 1e7])
def test_units_do_not_matter(money: float, heads: float) -> None:
    """In other units of money and of heads: objective and values scale, duals do as derivatives."""
    plain = BLEND.solve()
    scaled = Question(
        [money * c for c in BLEND.objective], [(c, v, s, limit * heads) for c, v, s, limit in BLEND.rows]
    ).solve()
    assert scaled.status == "optimal"
    assert scaled.objective == pytest.approx(plain.objective * money * heads, rel=1e-9)
    np.testing.assert_allclose(scaled.values, plain.values * heads, rtol=1e-9, atol=1e-9 * heads)
    np.testing.assert_allclose(scaled.duals, plain.duals * money, rtol=1e-9, atol=1e-9 * money)


def test_rows_in_other_units_have_prices_in_those_units() -> None:
    """A row written in cents has a hundredth of the price; answers stay."""
    plain = BLEND.solve()
    for factor in (1e-6, 100.0, 1e6):
        columns, values, sense, limit = BLEND.rows[0]
        rows = [(columns, [factor * v for v in values], sense, factor * limit), *BLEND.rows[1:]]
        scaled = Question(BLEND.objective, rows).solve()
        assert scaled.objective == pytest.approx(plain.objective, rel=1e-9)
        assert scaled.duals[0] == pytest.approx(plain.duals[0] / factor, rel=1e-9)


def test_a_programme_without_rows_or_with_nothing_to_gain() -> None:
    """No rows and no gain: nothing is done; a zero objective is feasible with zero duals."""
    assert Question([-1.0, -2.0], []).solve().objective == 0
    answer = Question([0.0, 0.0], [([0, 1], [1, 1], "=", 3.0)]).solve()
    assert answer.status == "optimal"
    assert answer.values.sum() == pytest.approx(3)
    np.testing.assert_array_equal(answer.duals, 0)


def test_a_false_answer_is_refused() -> None:
    """The check recomputes rows, signs and duality itself: each kind of lie is caught."""
    lp = LinearProgramme(np.array(BLEND.objective))
    for columns, values, sense, limit in BLEND.rows:
        lp.add_row(columns, np.array(values), sense, limit)
    truth = lp.solve()
    sizes = np.ones(len(BLEND.rows))
    lp._check(truth, sizes)
    lies = {
        "breaks row": LpAnswer("optimal", "Optimal", truth.values * 1.01, truth.duals, truth.objective),
        "do not prove": LpAnswer("optimal", "Optimal", truth.values, -truth.duals, truth.objective),
        "prove its": LpAnswer("optimal", "Optimal", truth.values * 0 + [10, 8, 2], truth.duals, 78.0),
    }
    for words, lie in lies.items():
        with pytest.raises(SolverError, match=words):
            lp._check(lie, sizes)


def test_tidy_keeps_twelve_digits() -> None:
    """Nothing, tiny, negative and huge numbers keep twelve significant digits."""
    given = np.array([0.0, 1.23456789012345e-9, -9.87654321098765e7, 1e18])
    np.testing.assert_allclose(tidy(given), [0.0, 1.23456789012e-9, -9.87654321099e7, 1e18], rtol=1e-15)
