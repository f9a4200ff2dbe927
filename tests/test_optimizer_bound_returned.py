"""What is returned for charges between the points of a grid, and the limits that rules imply."""

import itertools
from typing import Any

import numpy as np
import pytest
from markets import ROOT

from benchmarks.bounds import bound_of, contents_of, problem_of, rival_plans
from optimizer.ask.problem import AllocationProblem, allocation_problem
from optimizer.bound.implied import implied_limits, within
from optimizer.bound.offered import offered
from optimizer.bound.returned_kernels import returned
from optimizer.bound.targeting import Charged
from sim.engine.hull_kernels import at_hull
from sim.engine.sensitivity import follow
from sim.scenario.file import load, parse
from sim.twin import build

Floats = np.ndarray[Any, np.dtype[np.float64]]
Content = dict[str, Any]

WORSE = ROOT / "tests" / "data" / "worse_than_nothing.yaml"


def hidden_market(**changes: Any) -> Content:
    """Return customers of two kinds who leave in silence, and levers to win them, keep them and win them back."""
    content: Content = {
        "name": "hidden", "period": "month", "periods": 3, "margin": 0.5, "law": "silent", "loss": 0.05,
        "terminal": "none", "stages": {"core": 2, "declining": 1, "lapsed": 2},
        "segments": {
            "all": {
                "start": {"prospect": 1000, "new": 800},
                "traits": {
                    "purchase_rate": {"shape": 2.0, "rate": 2.0}, "defection_rate": {"shape": 1.5, "rate": 20.0},
                    "spend": 30.0,
                },
            }
        },
        "levers": {
            "offers": {
                "targets": ["prospect"], "reference": 0.5,
                "moves": {
                    "acquisition": {
                        "shape": "hill", "without_money": 0.003, "unlimited_money": 0.12, "half": 1.9, "steepness": 2.3
                    }
                },
            },
            "care": {
                "targets": ["new", "developing", "core", "declining"], "reference": 0.5,
                "moves": {
                    "survival": {"without_money": 0.85, "unlimited_money": 0.97, "spend": 0.5, "brings": 0.92},
                },
            },
            "winback": {
                "targets": ["declining", "lapsed"], "reference": 0.1,
                "moves": {"reactivation": {"without_money": 0, "unlimited_money": 0.1, "spend": 0.2, "brings": 0.03}},
            },
        },
    }  # fmt: skip
    return {**content, **changes}


@pytest.fixture
def few_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let customers be of 2 x 2 classes of traits."""
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (2, 2))


def most_paid(charged: Charged, known: Any, charge: Floats, heads: Floats, rng: np.random.Generator) -> float:
    """Return what ``heads[plan, period, block, law]`` pay, each cell at the best of many plans and places in its grid.

    Between points charges are straight lines, but for the money.
    """
    grids, phase, costs = known.between
    total = 0.0
    for period, stage in itertools.product(*map(range, known.cost.shape[::2])):
        laws = np.flatnonzero(charged.problem.chain.space.law_stage == stage)
        n = heads[:, period][:, :, laws]
        seen = charge[period][:, laws][:, :, charged._cells[0].possible[period, stage]]
        best = float(np.einsum("pbk,bka->pa", n, seen).max())
        setup = int(grids.setup[phase[period], 0, stage])
        size = grids.size[setup, : grids.dimensions[setup]]
        gross = charge[period][:, laws, : int(np.prod(size))] + known.cost[period, 0, stage, : int(np.prod(size))]
        for _ in range(200 if size.size else 0):
            price, cost = gross.reshape(*gross.shape[:2], *size), 0.0
            for i, points in enumerate(size):
                k, share = int(rng.integers(0, points - 1)), float(rng.uniform())
                price = (1 - share) * price[:, :, k] + share * price[:, :, k + 1]
                table, (low, high) = costs.table[period, 0, stage, i], grids.edge[setup, i, k : k + 2]
                hull = costs.start[table, k : k + 2]
                cost += costs.scale[period, 0, stage, i] * at_hull(costs, *hull, low + share * (high - low))
            best = max(best, float(((price - cost) * n).sum(axis=(1, 2)).max()))
        total += best
    return total


def returned_by(charged: Charged, known: Any, charge: Floats, looks: int) -> tuple[float, float]:
    """Return what is found to be returned, and the bound of it."""
    chosen = np.zeros((charged.shape[0], charged.offered.possible.shape[2], charged.shape[3]))
    found, bound = returned(
        charged.pricing.whole[0], 0, charged.reference[0], charged._cells[0], charged.ranges, known.between, known.cost,
        charge, chosen, np.empty(charged.shape[:3]), looks, 0.0,
    )  # fmt: skip
    np.testing.assert_allclose(chosen.sum(axis=2), 1.0)
    return float(found), float(bound)


def by_class(problem: AllocationProblem, plan: Floats) -> Floats:
    """Return head counts of a plan, (periods, blocks, laws)."""
    laws = np.eye(problem.chain.space.law_kind.size)[problem.chain.block_law]
    return np.stack([np.einsum("bs,bsk->bk", now.occupancy, laws) for now in follow(problem.chain, plan).past])


def plans_of(problem: AllocationProblem, number: int, rng: np.random.Generator) -> list[Floats]:
    """Return random plans, many with levers off, within the rules."""
    usual, plans = problem.chain.usual * problem.targets.allowed, []
    for _ in range(number):
        plan = usual * rng.exponential(2, (problem.chain.periods, *usual.shape)) * (rng.random(usual.shape[2]) < 0.7)
        used = problem.usage(plan)
        plan = plan * min(1.0, 0.95 * float((problem.limits / np.maximum(used, 1e-9)).min()))  # fewer leave, more costs
        assert (problem.usage(plan) <= problem.limits).all()
        plans.append(plan * (follow(problem.chain, plan).observed > 0)[..., None])
    return plans


def test_no_plan_pays_more_than_is_returned(few_classes: None) -> None:
    """At charges to start from, and at random ones; what is found is nearly the bound after many looks.

    Fewer looks leave a higher bound, never a lower one.
    """
    problem = allocation_problem(build(parse(hidden_market())), 900.0)
    rng = np.random.default_rng(3)
    plans = plans_of(problem, 30, rng)
    charged = Charged(problem, plans[0], 1, offered(problem))
    known = charged.arguments(np.full(len(problem.rows), 0.1))
    first = [
        charged.advantages(0, known, lean)[0] for lean in (np.zeros(charged.shape[:3]), charged.leaning(0, 2.0, True))
    ]
    heads = np.stack([by_class(problem, plan) for plan in plans])
    for charge in (*first, rng.normal(0, 1, charged.shape)):
        answers = [returned_by(charged, known, charge, looks) for looks in (1, 30, 1000)]
        paid = most_paid(charged, known, charge, heads, rng)
        for found, bound in answers:
            assert max(found, paid) <= bound + 1e-9 * abs(bound)
        assert all(more[1] <= fewer[1] + 1e-9 * abs(fewer[1]) for fewer, more in itertools.pairwise(answers))
        found, bound = answers[-1]
        assert bound - found <= 0.01 * abs(found) + 1.0
        assert answers[0][1] > bound  # looking is of use


def test_a_few_looks_are_enough_where_levers_share_channels(few_classes: None) -> None:
    """Two levers a channel reach far beyond the plan, where money is dear: boxes there are out of the question at once.

    With the cost in the middle of a box to start from, 60 looks a cell left a bound of several times what is paid.
    """
    curves = {"survival": ((0.9, 0.97), (0.92, 0.98)), "purchase_rate": ((0.0, 0.25), (0.0, 0.2))}
    levers = {
        f"{moved} {n}": {
            "targets": ["new", "developing", "core", "declining"], "reference": 0.3,
            "moves": {
                moved: {
                    "without_money": low, "unlimited_money": high, "spend": 0.3, "brings": 0.6 * low + 0.4 * high
                }
            },
        } for moved, ends in curves.items() for n, (low, high) in enumerate(ends)
    }  # fmt: skip
    problem = allocation_problem(build(parse(hidden_market(levers=levers, periods=6))), 900.0)
    charged = Charged(problem, plans_of(problem, 1, np.random.default_rng(5))[0], 1, offered(problem))
    known = charged.arguments(np.full(len(problem.rows), 0.1))
    found, bound = returned_by(charged, known, charged.advantages(0, known, np.zeros(charged.shape[:3]))[0], 60)
    assert 0 < found <= bound <= 1.05 * found


def test_plans_within_the_rules_are_within_the_limits_that_these_imply(few_classes: None) -> None:
    """A rule on each period's money limits what a prospect may get; what is held so still holds every plan."""
    problem = allocation_problem(build(parse(hidden_market(rules={"period_share": 0.4}))), 900.0)
    rng = np.random.default_rng(4)
    plans = plans_of(problem, 40, rng)
    held = problem
    for _ in range(3):
        limit = implied_limits(held, Charged(held, plans[0], 1, offered(held)).ranges)
        assert (np.stack(plans).max(axis=(0, 1)) <= limit + 1e-9).all()
        again = within(held, limit)
        assert again is not None
        assert (again.chain.limit <= held.chain.limit).all()
        held = again
    prospects = limit[0, problem.targets.stages.index("prospect"), 0]
    assert 360 / 1000 <= prospects <= 1.3 * 360 / 1000
    free = allocation_problem(build(parse(hidden_market())), 1e9)
    assert within(free, implied_limits(free, Charged(free, plans[0], 1, offered(free)).ranges)) is None


@pytest.mark.slow
def test_the_bound_of_a_market_with_much_hidden_is_near_its_plan() -> None:
    """Customers' traits and whether they are still there are hidden: the bound lies within a tenth of lift.

    It was 1.78 times the lift where all people counted at their most between the points of the grid.
    """
    problem = problem_of(contents_of(3, hidden=True), 3)
    plan, least, bound = bound_of(problem, steps=0)
    assert max(plan, *rival_plans(problem, 3, corners=5, ascents=0)) <= bound * (1 + 1e-12)
    assert bound - least <= 1.1 * (plan - least)


def test_the_bound_keeps_within_what_rules_let_a_head_get() -> None:
    """Prospects answer along an S-curve, and a period's money is too little for all of them."""
    problem = allocation_problem(build(load(WORSE)), 3201.65)
    plan, least, bound = bound_of(problem, steps=0)
    assert plan < bound
    assert bound - least <= 1.1 * (plan - least)
