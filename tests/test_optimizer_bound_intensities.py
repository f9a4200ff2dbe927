"""No box: the bound and the plan run over all intensities, whatever the number of levers on a stage."""

from typing import Any

import numpy as np
import pytest

from benchmarks.bounds import SMOOTH, bound_of, contents_of, law, problem_of, rival_plans
from optimizer.ask.problem import AllocationProblem, allocation_problem, joint_actions
from optimizer.bound.decomposition import bounding, certified_bound
from optimizer.bound.pricing import Pricing
from sim.engine.sensitivity import follow
from sim.scenario.file import parse
from sim.twin import build

Content = dict[str, Any]

CARE = {"survival": {"without_money": 0.94, "unlimited_money": 0.995, "spend": 1, "brings": 0.951229}}
ALIVE = ["new", "developing", "core"]


def accounts(**levers: Any) -> Content:
    """Return 1,000 customers of 1,000 a month, who leave less the more care they get."""
    return {
        "name": "accounts", "period": "month", "periods": 12, "margin": 1.0, "law": "contractual",
        "segments": {
            "accounts": {
                "start": {"new": 1000}, "traits": {"purchase_rate": 1, "defection_rate": 0.05, "spend": 1000},
            }
        },
        "levers": {"care": {"targets": ALIVE, "reference": 1, "moves": CARE}, **levers},
    }  # fmt: skip


def prospects(rules: Content | None = None) -> Content:
    """Return two segments of prospects whose broken lines have points of their own."""
    points = {
        "a": [[0, 0.005], [0.4, 0.054], [0.93, 0.070], [1.23, 0.077]],
        "b": [[0, 0.005], [0.59, 0.079], [1.1, 0.138]],
    }
    return {
        "name": "kinks", "period": "month", "periods": 1, "terminal": "none", "margin": 0.5,
        "segments": {
            name: {
                "start": {"prospect": 900}, "traits": {"purchase_rate": 1.0, "defection_rate": 0.05, "spend": spend},
            } for name, spend in (("a", 70.0), ("b", 39.0))
        },
        "levers": {
            "offers": {
                "targets": ["prospect"], "reference": 0.25,
                "moves": {"acquisition": {"shape": "piecewise-linear", "points": points["a"]}},
                "by_segment": {"b": {"moves": {"acquisition": {"shape": "piecewise-linear", "points": points["b"]}}}},
            }
        },
        "rules": rules or {},
    }  # fmt: skip


def problem(content: Content, budget: float) -> AllocationProblem:
    return allocation_problem(build(parse(content)), budget)


def test_money_goes_on_for_as_long_as_it_pays() -> None:
    """One lever whose best intensity is 24 times today's: plan and bound meet there."""
    asked = problem(accounts(), 1e6)
    plan, least, bound = bound_of(asked)
    chain = asked.chain
    for money in (8.0, 16.0, 24.0, 30.0):
        everywhere = np.where(chain.targets.allowed, money, 0.0)
        worth = follow(chain, np.broadcast_to(everywhere, (chain.periods, *everywhere.shape))).asset
        assert worth <= plan + 1e-6 * (plan - least)
        assert worth <= bound
    assert 0 <= bound - plan <= 1e-4 * (plan - least)


def test_levers_that_do_nothing_move_nothing() -> None:
    nothing = {"purchase_rate": {"without_money": 0, "unlimited_money": 2e-12, "spend": 0.01, "brings": 1e-12}}
    extra = {f"extra {i}": {"targets": ALIVE, "reference": 0.01, "moves": nothing} for i in range(7)}
    alone, along = bound_of(problem(accounts(), 1e6)), bound_of(problem(accounts(**extra), 1e6))
    lift = alone[0] - alone[1]
    assert along[0] - along[1] == pytest.approx(lift, rel=1e-4)
    assert along[2] - along[1] == pytest.approx(alone[2] - alone[1], rel=1e-4)


def test_points_of_broken_lines_belong_to_the_offer() -> None:
    """What is best lies at a point of a curve and between two; the bound is the linear programme's."""
    asked = problem(prospects(), 700.0)
    plan, least, bound = bound_of(asked)
    for a, b in ((0.4, 0.37), (0.2, 0.57), (0.93, 0.0), (0.4, 0.5)):
        intensity = np.zeros((1, *asked.targets.shape))
        intensity[0, :, 1, 0] = a, b
        if asked.usage(intensity)[0] <= 700.0:
            assert follow(asked.chain, intensity).asset <= bound
    assert -1e-11 * bound <= bound - plan <= 1e-6 * (plan - least)


def test_a_rule_that_does_not_bind_moves_nothing() -> None:
    """At most 99.9 % of all for a segment that gets nothing: plan and bound stay."""
    idle = {"slices": {"one": {"segments": ["b"], "cap_share": 0.999}}}
    free, ruled = bound_of(problem(prospects(), 300.0)), bound_of(problem(prospects(idle), 300.0))
    assert ruled[0] == pytest.approx(free[0], abs=1e-6 * (free[0] - free[1]))
    assert ruled[2] == pytest.approx(free[2], abs=1e-6 * (free[0] - free[1]))


def test_floors_never_make_money_worth_having_for_its_own_sake() -> None:
    """Prices of floors are lowered until money costs something: else there is no end to it, and no bound."""
    asked = problem(prospects({"levers": {"offers": {"floor": 0.5}}}), 700.0)
    lowered = bounding(asked, np.array([0.5, -4.0]))
    assert lowered == pytest.approx([0.5, -1.5])
    assert certified_bound(asked, np.array([0.5, -4.0]), np.zeros(1)) >= bound_of(asked)[0]


def test_a_floor_may_ask_for_more_than_brings_anything() -> None:
    """Twice what the curves have a use for: the rule is met, at a loss, and nothing is said to clash."""
    asked = problem(prospects({"levers": {"offers": {"floor": 0.9}}}), 5000.0)
    plan, _, bound = bound_of(asked)
    assert plan <= bound * (1 + 1e-9)
    assert asked.actions.max() > asked.chain.most.max()


def test_a_limit_per_head_is_kept_and_costs() -> None:
    """``levers.X.most``: plan, offers and bound keep it, and it leaves less to be had."""
    content = accounts()
    content["levers"]["care"] = {**content["levers"]["care"], "most": 3.0}
    asked = problem(content, 1e6)
    plan, least, bound = bound_of(asked)
    assert asked.actions.max() == 3.0
    chain = asked.chain
    everywhere = np.where(chain.targets.allowed, 3.0, 0.0)
    worth = follow(chain, np.broadcast_to(everywhere, (chain.periods, *everywhere.shape))).asset
    assert plan == pytest.approx(worth, abs=1e-5 * (plan - least))
    assert 0 <= bound - plan <= 1e-4 * (plan - least)
    assert bound < bound_of(problem(accounts(), 1e6))[0]


def test_the_unit_of_money_moves_nothing() -> None:
    """In cents and in millions the bound is the same money."""
    found = []
    for unit in (100.0, 1e-6):
        content = accounts()
        content["segments"]["accounts"]["traits"] = {"purchase_rate": 1, "defection_rate": 0.05, "spend": 1000 * unit}
        curve = {**CARE["survival"], "spend": unit}
        content["levers"]["care"] = {"targets": ALIVE, "reference": unit, "moves": {"survival": curve}}
        asked = problem(content, 2e5 * unit)
        found.append(certified_bound(asked, np.array([0.4]), np.zeros(1)) / unit)
    assert found[0] == pytest.approx(found[1], rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_all_intensities_are_worth_no_less_than_many(seed: int) -> None:
    """At any prices the bound is above the best over a fine grid of joint actions, where these are few by little."""
    content = contents_of(seed, hidden=True, levers=2)
    asked = problem_of(content, seed)
    actions, choices = joint_actions(asked.chain, refine=True)
    fine = Pricing(AllocationProblem(asked.twin, actions, choices, asked.rows), 1)
    nothing = follow(asked.chain, np.zeros((asked.chain.periods, *asked.targets.shape))).asset
    for price in (0.0, 0.7, 3.0):
        prices = np.array([price])
        want = fine.lagrangian(prices)[0]
        least = nothing + price * asked.limits[0]
        found = certified_bound(asked, prices, np.zeros(1))
        assert -1e-9 * abs(want) <= found - want <= 0.02 * (want - least) + 1e-6 * abs(want)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_no_ascent_and_no_corner_beats_the_bound(seed: int) -> None:
    content = contents_of(seed, hidden=seed == 2)
    asked = problem_of(content, seed)
    plan, _, bound = bound_of(asked, steps=3)
    assert max(plan, *rival_plans(asked, seed, corners=5, ascents=1)) <= bound + 1e-9 * abs(bound)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_bound_and_plan_meet_where_all_is_seen_and_curves_bend_down(seed: int) -> None:
    """Four and seven levers: looked at closely next to the plan, where even cells leave 3e-4 and 2e-2 of lift open."""
    plan, least, bound = bound_of(problem_of(contents_of(seed, hidden=False, shapes=SMOOTH), seed))
    assert -1e-7 * (plan - least) <= bound - plan <= 1e-4 * (plan - least)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_laws_of_random_markets(seed: int) -> None:
    """Of 1 to 8 levers a stage: bound and plan meet where nothing is hidden and curves bend down; all plans below."""
    assert law(seed, hidden=True).beyond >= -1e-9
    assert law(seed, hidden=False).beyond >= -1e-9
    assert -1e-9 <= law(seed, hidden=False, shapes=SMOOTH).beyond <= 2e-2


def test_no_bound_is_below_nothing_where_nobody_stays_without_money() -> None:
    """They cost more than they bring; those who hardly ever leave would stay for next to no money, and do for none."""
    care = {"without_money": 0.0, "unlimited_money": 0.98, "spend": 1.0, "brings": 0.9}
    asked = problem(
        {
            "name": "dear", "periods": 4, "margin": 0.5, "discount_rate": 0.0, "terminal": "none",
            "stages": {"core": 4, "declining": 1, "lapsed": 3}, "cost_to_serve": {"per_customer": 10.0},
            "segments": {
                "all": {
                    "start": {"new": 1000},
                    "traits": {
                        "purchase_rate": 0.8, "defection_rate": {"shape": 0.05, "rate": 0.625}, "spend": 1.0,
                    },
                }
            },
            "levers": {
                "care": {"targets": [*ALIVE, "declining"], "reference": 1.0, "moves": {"survival": care}},
            },
        },
        100.0,
    )  # fmt: skip
    plan, least, bound = bound_of(asked)
    assert least == pytest.approx(-10_000)
    assert plan <= bound + 1e-9 * abs(bound)
