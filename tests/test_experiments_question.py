"""What a plan is held against: the rules of thumb that a comparison shows beside it."""

from typing import Any

import pytest
from markets import SMALL

import tenure
from experiments.question import rules_of_thumb
from optimizer.ask.problem import allocation_problem
from optimizer.search.sequential import Sequential
from policies.catalogue import named
from sim.engine.sensitivity import follow
from sim.market.clock import budget_of
from sim.market.expected import expected_course

BUDGET = 1_500.0


@pytest.fixture(scope="module")
def firm() -> tenure.Firm:
    return tenure.open(SMALL)


def test_rules_of_thumb_are_worth_what_they_are_worth_played(firm: tenure.Firm) -> None:
    """The best is no less than any that is played by itself and keeps the rules; all of them keep them."""
    problem = allocation_problem(firm.twin, BUDGET)
    best = [follow(firm.chain, each) for each in rules_of_thumb(problem)]
    assert best
    for course in best:
        assert (problem.signs * (problem.counted(course) - problem.limits) <= 1e-6 * problem.row_units).all()
    for name in ("even split", "retention first", "proportional to value"):
        played = expected_course(firm.twin, named(name, firm.twin, BUDGET), budget_of(firm.twin, BUDGET))
        assert played.asset <= best[0].asset * (1 + 1e-12)


@pytest.mark.slow
def test_a_plan_is_never_worth_less_than_a_rule_of_thumb(firm: tenure.Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that may not go on ends below them; then the best of them is the answer, or what lies beside it."""
    run = Sequential.run
    monkeypatch.setattr(Sequential, "run", lambda *asked, **how: run(*asked, **{**how, "steps": 0}))
    monkeypatch.setattr("optimizer.optimize.settle", lambda found: found)
    problem = allocation_problem(firm.twin, BUDGET)
    best = max(follow(firm.chain, each).asset for each in rules_of_thumb(problem))
    assert firm.optimize(budget=BUDGET, bound_steps=0).asset >= best * (1 - 1e-12)
    assert firm.frontier([BUDGET], bound=False).points[0].plan.asset >= best * (1 - 1e-12)
    monkeypatch.setattr("experiments.firm.planned.rules_of_thumb", lambda *_: ())
    assert firm.optimize(budget=BUDGET, bound_steps=0).asset < best


def test_they_are_no_answer_to_another_question(firm: tenure.Firm) -> None:
    """The least money, and what is held."""
    for question in (tenure.Question(reach=("kept", 300)), tenure.Question(budget=BUDGET, within=0.2)):
        assert rules_of_thumb(question.of(firm.twin).problem(firm.twin)) == ()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"targeting": "street"}, r"`targeting=street`: expected one of segment, "),
        ({"base": "plan.json", "within": -1.0}, r"`within=-1`: expected a number of at least 0"),
        ({"base": "plan.json", "more": 1e19}, r"`more=1e\+19`: expected money, below 0 to take it away"),
        ({"base": "plan.json"}, r"`base=`: is where `more=`, `within=` or `freeze=` start from"),
    ],
)
def test_what_cannot_be_asked_is_said_before_a_plan_is_read(
    firm: tenure.Firm, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(tenure.InputError, match=said):
        tenure.Question(**asked).of(firm.twin)
