"""Every two kinds of rules together, and every kind beside what the market does: a plan is held and played as promised.

Where rules clash, the clash is refused, with the names of the rules.
"""

import itertools

import pytest
from rules_in_pairs import BESIDE, PLAIN, RULES, kept, over, with_kinds

from optimizer.ask.problem import allocation_problem
from optimizer.optimize import solve
from optimizer.search.sequential import Sequential
from optimizer.stages.repair import held_by
from sim.engine.sensitivity import follow
from sim.errors import RulesError
from sim.scenario.file import parse
from sim.twin import build

PAIRS = [*itertools.combinations(RULES, 2), *itertools.product(RULES, BESIDE)]
ALONE = [*((name,) for name in RULES), *((name,) for name in BESIDE)]
QUICK = [
    ("contacts", "duration"),
    ("contacts", "both times"),
    ("contacts", "lead time"),
    ("floor", "contacts"),
    ("campaign size", "duration"),
    ("slice floor", "fixed cost"),
    ("cap", "lead time"),
    ("stretches", "duration"),
    ("carry over", "period share"),
    ("satisfaction", "survey"),
    ("share cap", "ramp"),
    ("core", "saturation"),
]
ASKED_FOR = {
    "floor": "floor of service", "cap": "cap of winning", "slice floor": "late: floor", "slice cap": "new ones: cap",
    "share floor": "declining: floor by share", "share cap": "prospects: cap by share", "within": "near: at most",
    "ramp": "steady:", "period share": "budget of period", "stretches": "budget of periods",
    "carry over": "budget up to",
    "kept": "kept at the end", "customers": "seen after period 2", "core": "core at the end",
    "satisfaction": "felt at the end", "yearly profit": "profit of year 1", "least cash": "cash after period",
    "contacts": "contacts per customer", "campaign size": "least campaign of winning",
}  # fmt: skip
"""How messages call a rule."""


def check(*names: str) -> None:
    """Assert that the plan under these keeps what was asked when it is played, or that their clash is named."""
    twin = with_kinds(*names)
    plan, refused = None, ""
    try:
        plan = solve(allocation_problem(twin), bound_steps=0, seconds=4.0)
    except RulesError as error:
        refused = str(error)
    if plan is None:
        assert len(names) > 1
        assert any(word in refused for word in ["'budget'", *(ASKED_FOR[name] for name in names if name in ASKED_FOR)])
        return
    assert plan.status == "feasible"
    assert kept(twin, plan).faults == []


@pytest.mark.parametrize("names", ALONE, ids="-".join)
def test_each_kind_alone_leaves_a_plan(names: tuple[str]) -> None:
    """Each is kept as played; none excludes itself."""
    check(*names)


@pytest.mark.parametrize("names", QUICK, ids=" and ".join)
def test_a_dozen_pairs(names: tuple[str, str]) -> None:
    """Those that were missed once, and some of each sort."""
    check(*names)


@pytest.mark.slow
@pytest.mark.parametrize("names", [pair for pair in PAIRS if pair not in QUICK], ids=" and ".join)
def test_every_other_pair(names: tuple[str, str]) -> None:
    """All the rest."""
    check(*names)


def windows(search: Sequential, cell: int) -> list[slice]:
    """Return the campaigns of a cell."""
    return search.problem.targets.windows(int(search.cells.lever[cell]), search.chain.periods)


def test_a_campaign_beside_contacts_is_searched_for_not_scaled_down() -> None:
    """No plan scaled into both does better, and no campaign of it alone could be smaller or larger at a gain."""
    twin = with_kinds("contacts", "both times")
    problem = allocation_problem(twin)
    plan = solve(problem, bound_steps=0)
    search = Sequential(problem)
    end = search.run(search.amount_of(plan.intensity), lift=plan.asset - plan.no_spend)
    assert plan.asset >= follow(twin.chain, held_by(problem, end.course)).asset - 1e-6 * plan.asset
    held = Sequential(problem).held(end.course)
    for factor in (0.97, 1.03):  # no campaign alone does better
        for cell, window in [(c, w) for c in range(held.cells.lever.size) for w in windows(held, c)]:
            amount = held.amount_of(plan.intensity)
            amount[window, cell] *= factor
            course = held.follow(held.stated.within_heads(amount))
            gain = course.asset - plan.asset - plan.shadow_price * float(course.spend.sum() - plan.spend.sum())
            assert gain <= 1e-4 * (plan.asset - plan.no_spend)


def test_commitments_beyond_the_contacts_are_refused_by_name() -> None:
    """What was decided before the start cannot be taken back."""
    late = {"levers": {"keeping": {"lead_time": 1, "committed": 0.4}}, "rules": RULES["contacts"]}
    with pytest.raises(RulesError, match=r"at most 2\.5 contacts per customer and quarter.*'all / new' gets 4\.00"):
        allocation_problem(build(parse(over(PLAIN, late))))
