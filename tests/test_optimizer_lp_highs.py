"""The one place that makes solvers: silent whatever HiGHS prints, and right where a release of it was wrong."""

import os
import re
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import highspy
import numpy as np
import pytest
from packaging.requirements import Requirement

from optimizer.lp import highs
from optimizer.lp.arrays import ArrayModel
from optimizer.lp.moving_limits import MovingLimits
from sim import native_output
from sim.errors import SolverError

ROOT = Path(__file__).resolve().parents[1]
BANNER = b"Running some solver: Copyright (c) its makers\n"

SOLVES = """
import os, sys
import highspy

made = highspy.Highs.__init__
calls = 0

def greets(self):
    global calls
    calls += 1
    if calls == 1:
        os.write(1, b"Running some solver: Copyright (c) its makers\\n")
    made(self)

highspy.Highs.__init__ = greets
from optimizer.lp import highs
print("before")
if sys.argv[1] == "pulp":
    import pulp
    problem = pulp.LpProblem("one", pulp.LpMaximize)
    x = problem.add_variable("x", lowBound=0, upBound=2)
    problem.setObjective(x + 0)
    problem.solve(highs.pulp_solver())
    print(x.varValue)
else:
    solver = highs.new_solver()
    solver.addVar(0.0, 2.0)
    solver.changeColCost(0, -1.0)
    solver.run()
    print(solver.getSolution().col_value[0])
assert calls > 1
"""


@pytest.mark.parametrize("way", ["pulp", "straight"])
def test_the_library_prints_no_banner(way: str) -> None:
    """A process that only imports the library: HiGHS's first words, real and acted, are not on its standard output."""
    done = subprocess.run([sys.executable, "-c", SOLVES, way], cwd=ROOT, capture_output=True, check=False)
    assert done.stderr == b""
    assert done.stdout.splitlines() == [b"before", b"2.0"]


def test_only_the_first_solver_is_led_away(monkeypatch, capfd) -> None:
    """What another thread prints while one solves is not lost: after the first, the descriptor is left alone."""
    monkeypatch.setattr(highs, "_greeted", False)
    monkeypatch.setattr(native_output, "_apart", False)  # whatever other tests of this worker left
    made, ours = highspy.Highs.__init__, threading.get_ident()

    def greets(self) -> None:
        if threading.get_ident() == ours:
            os.write(1, BANNER)
        made(self)

    monkeypatch.setattr(highspy.Highs, "__init__", greets)
    highs.new_solver()
    highs.new_solver()
    assert capfd.readouterr().out.encode() == BANNER * 2


def test_options_that_highs_does_not_know_are_refused() -> None:
    with pytest.raises(highs.SolverError, match="HiGHS refused option no_such_option"):
        highs.new_solver({"no_such_option": 1.0})


class Stumbling:
    """A solver of which a number of runs fail, as those do that start from where another ended."""

    def __init__(self, solver: highspy.Highs, falls: int) -> None:
        self.solver, self.falls = solver, falls

    def __getattr__(self, name: str) -> object:
        return getattr(self.solver, name)

    def run(self) -> highspy.HighsStatus:
        self.falls -= 1
        return self.solver.run() if self.falls < 0 else highspy.HighsStatus.kError


@pytest.mark.parametrize("falls", [0, 1, 2])
def test_a_run_that_fails_is_run_once_more_from_nothing(falls: int) -> None:
    """Max x + y, x and y at most 1, as the limit of x + y moves: a failure of one run costs nobody his plan."""
    one, none = np.ones(2), np.zeros(2)
    limit, no_limit = np.array([1.5]), np.array([-np.inf])
    both = np.zeros(2, dtype=np.int64)
    moving = MovingLimits(
        ArrayModel(one, none, one, both, np.arange(2), one, no_limit, np.ones(1), np.zeros(2, dtype=bool))
    )
    assert moving.at(no_limit, limit)[1] == pytest.approx([1.0])
    moving._whole.solver = Stumbling(moving._whole.solver, falls)
    if falls < 2:
        values, duals = moving.at(no_limit, limit + 1)
        assert (values.sum(), duals[0]) == pytest.approx((2.0, 0.0))
    else:
        with pytest.raises(SolverError, match="fails on 2 columns and 1 rows"):
            moving.at(no_limit, limit + 1)


@pytest.mark.parametrize("presolve", [True, False])
def test_a_mixed_programme_that_a_release_got_wrong(presolve: bool) -> None:
    """Least 2x + 3z with x + z >= 4.5, both from 0 to 10, z whole: 9, where highspy 1.14.0 says 15 and calls it so."""
    from optimizer.lp.arrays import ArrayModel, solve_arrays

    model = ArrayModel(
        objective=np.array([-2.0, -3.0]), lower=np.zeros(2), upper=np.full(2, 10.0),
        rows=np.array([0, 0]), columns=np.array([0, 1]), values=np.ones(2),
        row_lower=np.array([4.5]), row_upper=np.array([np.inf]), integer=np.array([False, True]),
    )  # fmt: skip
    answer = solve_arrays(model, presolve=presolve)
    assert answer.status == "optimal"
    assert answer.values == pytest.approx([4.5, 0], abs=1e-6)
    assert -model.objective @ answer.values == pytest.approx(9, abs=1e-6)
    assert answer.bound == pytest.approx(-9, abs=1e-5)


def test_the_release_that_got_it_wrong_is_excluded() -> None:
    """And the next minor version, whose options and words nobody has tried, is not let in either."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {each.name: each.specifier for each in map(Requirement, content["project"]["dependencies"])}
    assert "1.14.0" not in wanted["highspy"]
    major, minor = map(int, highspy.Highs().version().split(".")[:2])
    assert f"{major}.{minor}.0" in wanted["highspy"]
    assert f"{major}.{minor + 5}.0" not in wanted["highspy"]


def test_solvers_are_made_in_one_place() -> None:
    """`Highs()` and `pulp.HiGHS` are called in optimizer/lp/highs.py and nowhere else."""
    makes = re.compile(r"\bHighs\(\)|\bpulp\.HiGHS\b|\bHiGHS(_CMD)?\(|from pulp import|from highspy import")
    folders = ("tenure", "experiments", "policies", "optimizer", "sim", "benchmarks")
    found = {
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if makes.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"optimizer/lp/highs.py"}
