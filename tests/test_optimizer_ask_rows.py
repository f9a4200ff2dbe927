"""Rules are known by their kind: what a user calls them confuses nothing."""

from rules_in_pairs import BUDGET, PLAIN, over

from optimizer.ask.kinds.campaigns import SIZE
from optimizer.ask.problem import allocation_problem
from optimizer.ask.rows import BUDGET as THE_BUDGET
from optimizer.ask.rules import makers
from optimizer.insight.ground import grounds
from optimizer.insight.lines import missed_rules, purses, unspent_of
from optimizer.optimize import solve
from sim.scenario.file import parse
from sim.scenario.rules import Rules
from sim.twin import build

CONFUSING = {
    "slices": {
        "budget": {"levers": ["keeping"], "cap": 700.0},
        "least campaign of winning on all in period 1": {"levers": ["service"], "floor": 100.0},
    },
    "people": {"budget": {"count": "kept", "at_least": 500.0}},
}


def test_names_say_nothing() -> None:
    """Slices and people called like the budget and like a campaign's least size are what they are."""
    twin = build(parse(over(PLAIN, {"rules": CONFUSING})))
    problem = allocation_problem(twin)
    assert problem.budget == BUDGET
    assert [row.kind == THE_BUDGET for row in problem.rows] == [True, False, False, False]
    assert not any(row.kind == SIZE for row in problem.rows)
    assert purses(problem).tolist() == [True, False, False, False]
    ground = grounds(twin, solve(problem, bounded=False))
    nothing = 0.0 * problem.counted(ground.course)
    assert not ground.not_run(nothing).any()
    assert set(missed_rules(ground, nothing)) == {
        "least campaign of winning on all in period 1: floor", "budget at the end",
    }  # fmt: skip
    assert unspent_of(ground) is None


def test_every_key_has_a_kind() -> None:
    """A key of a scenario's rules that nothing makes rows or sentences of would be kept by nobody."""
    assert set(makers()) == set(Rules.model_fields) - {THE_BUDGET.name}
