"""The bound for the targeting with charges by money: against plans, full information, and money looked at closely."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.bounds import bound_of, contents_of, problem_of, rival_plans
from benchmarks.optimizer_plans import stage_of_eight
from optimizer.ask.problem import AllocationProblem, allocation_problem
from optimizer.bound import by_money
from optimizer.bound.by_money import MULTIPLES, USUAL, bound_by_money
from optimizer.bound.by_money_kernels import returned_by_money
from optimizer.bound.decomposition import certified_bound
from optimizer.bound.decomposition_kernels import Part
from optimizer.bound.head_ranges_kernels import HeadRanges
from optimizer.bound.offered import offered
from optimizer.bound.pricing import Pricing
from optimizer.bound.targeting import Charged
from sim.arrays import Floats
from sim.engine.lifecycle import Lifecycle
from sim.engine.sensitivity import follow
from sim.engine.ways import Ways
from sim.engine.ways_kernels import Aims, Leaning
from sim.scenario.file import parse
from sim.twin import build

LIVED = ["new", "developing", "core", "declining", "lapsed"]


def hidden_problem(seed: int, levers: int = 2) -> AllocationProblem:
    return problem_of(contents_of(seed, hidden=True, levers=levers), seed)


def lifecycle_of(problem: AllocationProblem) -> Lifecycle:
    assert isinstance(problem.chain, Lifecycle)
    return problem.chain


def check_market(seed: int, monkeypatch: pytest.MonkeyPatch) -> tuple[float, float]:
    """Return what is open under the bound by money and under full information, of one random market."""
    problem = hidden_problem(seed, 1 + seed % 8)
    monkeypatch.setattr("optimizer.stages.certify.MOST_CHARGES", 0)
    plan, _, bound = bound_of(problem)
    monkeypatch.setattr("optimizer.stages.certify.bound_by_money", lambda *given, known, **_: known)
    _, _, full = bound_of(problem)
    assert bound <= full * (1 + 1e-12)
    assert max(plan, *rival_plans(problem, seed, corners=10, ascents=1)) <= bound + 1e-9 * abs(bound)
    return bound - plan, full - plan


def test_no_plan_beats_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither ascents nor corners do on a random market, and it lies nearer the plan than full information."""
    open_now, open_before = check_market(3, monkeypatch)
    assert 0 <= open_now < 0.8 * open_before


@pytest.mark.slow
def test_no_plan_beats_the_bound_on_many_markets(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(100, 130):
        with monkeypatch.context() as patch:
            check_market(seed, patch)


@pytest.mark.slow
def test_no_plan_beats_the_bound_where_grids_are_uneven(monkeypatch: pytest.MonkeyPatch) -> None:
    """A market held to be large has few points along purchases and amounts, and more along what else bends."""
    monkeypatch.setattr("sim.engine.ways.WORK", 0.0)
    dimensions = Ways(lifecycle_of(hidden_problem(7, 8)), uneven=True).dimensions.values()
    assert {one.edge.size for found in dimensions for one in found} >= {3, 9}
    check_market(7, monkeypatch)


def test_uneven_grids_bring_a_bound_down() -> None:
    """Eight levers on a stage: customers who see everything are worth less where a grid is closer along survival."""
    problem = allocation_problem(build(parse(stage_of_eight(1, 3))))
    pricing = Pricing(problem)
    aim = pricing.aim(np.full(len(problem.rows), 0.5))
    even, uneven = (
        Ways(lifecycle_of(problem), uneven=closer).worth(aim.money, Aims(*pricing.counts(aim)))
        for closer in (False, True)
    )
    assert uneven.sum() < even.sum() * (1 - 1e-5)


def test_any_plan_prices_and_lean_give_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values that lean from a bad plan, at prices far off, or not at all: the best plan known is worth no more."""
    problem = hidden_problem(3)
    best = bound_of(problem)[0]
    bad = np.random.default_rng(0).uniform(0, 1, (problem.chain.periods, *problem.targets.shape)) * problem.chain.usual
    bad *= problem.targets.allowed
    for lean, price in (((1.0, True), 0.0), ((np.inf, False), 0.3), ((0.0, False), 3.0)):
        monkeypatch.setattr(by_money, "LEAN", lean)
        found = bound_by_money(problem, np.full(len(problem.rows), price), bad, known=np.inf)
        assert found is not None
        assert found >= best - 1e-9 * abs(best)


def test_odds_too_many_to_hold_are_left_to_full_information(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = hidden_problem(3)
    plan = everywhere(problem, 0.1)
    assert bound_by_money(problem, np.zeros(len(problem.rows)), plan, known=1e9) is not None
    monkeypatch.setattr(by_money, "MOST_ODDS", 1000)
    assert bound_by_money(problem, np.zeros(len(problem.rows)), plan, known=1e9) is None


def market_of(
    lever: dict[str, object], traits: dict[str, float], start: dict[str, object], **more: object
) -> AllocationProblem:
    return allocation_problem(
        build(
            parse(
                {
                    "name": "one lever", "periods": 4, "margin": 0.5, "discount_rate": 0.0, "terminal": "none",
                    "stages": {"core": 4, "declining": 1, "lapsed": 3}, "levers": {"lever": lever},
                    "segments": {"all": {"start": start, "traits": traits}}, **more,
                }
            )
        ),
        1e5,
    )  # fmt: skip


def everywhere(problem: AllocationProblem, money: float) -> Floats:
    chain = problem.chain
    return np.broadcast_to(money * chain.targets.allowed, (chain.periods, *chain.targets.shape))


def outside(problem: AllocationProblem, intensities: Floats) -> float:
    """Return how far a plan's head counts lie outside their ranges at most, as a share of 1,000 people."""
    chain = problem.chain
    ranges = Charged(problem, everywhere(problem, 0.0), 1, offered(problem, coarse=True)).ranges
    laws, far = np.eye(chain.space.law_kind.size)[chain.block_law], []
    for money in intensities:
        course = follow(chain, everywhere(problem, money))
        heads = np.stack([np.einsum("bs,bsk->bk", now.occupancy, laws) for now in course.past])
        far.append(max((heads - ranges.high).max(), (ranges.low - heads).max()) / 1000)
    return max(far)


def test_service_is_free_for_who_has_silently_left() -> None:
    """Most have left: a service costs those who are there alone, and no plan with it is worth more than the bound."""
    curve = {"without_money": 0.5, "unlimited_money": 0.95, "spend": 1.0, "brings": 0.6}
    lever = {"targets": LIVED, "pays": "service", "reference": 1.0, "moves": {"survival": curve}}
    problem = market_of(
        lever, {"purchase_rate": 0.4, "defection_rate": 0.1, "spend": 200}, {"lapsed": [{"count": 1000, "age": 12}]}
    )
    plans = [everywhere(problem, money) for money in (0.5, 1.0, 2.0, 3.0, 5.0, 8.0)]
    worth = [follow(problem.chain, plan).asset for plan in plans]
    found = bound_by_money(problem, np.zeros(len(problem.rows)), plans[int(np.argmax(worth))], known=np.inf)
    assert found is not None
    assert max(worth) * (1 - 1e-9) <= found


@pytest.mark.parametrize(("rate", "gain"), [(0.3, 6.0), (0.8, 8.0), (0.5, 0.8)])
def test_head_counts_of_a_coarse_grid_hold_where_purchases_grow_many(rate: float, gain: float) -> None:
    """So many purchases in a period grow likely and then unlikely again: no plan's head counts lie outside."""
    moves = {"purchase_rate": {"without_money": 0, "unlimited_money": gain, "spend": 1, "brings": gain / 3}}
    problem = market_of(
        {"targets": LIVED, "reference": 0, "moves": moves},
        {"purchase_rate": rate, "defection_rate": 0.1, "spend": 60}, {"new": 1000},
    )  # fmt: skip
    assert outside(problem, np.geomspace(0.05, 200, 40)) < 1e-9


def test_head_counts_hold_where_one_lever_pleases_and_annoys() -> None:
    """A little of it pleases, much annoys as well: satisfaction is highest between the points of a grid."""
    moves = {
        "satisfaction": {"without_money": 0, "unlimited_money": 0.5, "spend": 0.5, "brings": 0.4},
        "annoyance": {"without_money": 0, "unlimited_money": 0.5, "spend": 5, "brings": 0.1},
    }
    problem = market_of(
        {"targets": LIVED, "reference": 0, "moves": moves},
        {"purchase_rate": 0.8, "defection_rate": 0.2, "spend": 60}, {"new": 1000},
        satisfaction={"mix": [0.1, 0.15, 0.3, 0.25, 0.2], "mobility": 0.3, "defection_per_level": 0.3},
    )  # fmt: skip
    assert outside(problem, np.geomspace(0.05, 200, 40)) < 1e-9


def test_values_that_lean_all_the_way_are_those_of_full_information() -> None:
    """Then nothing is above what is to come at the usual price, and more at a lower one, less at a higher one."""
    problem = hidden_problem(3)
    chain, prices = problem.chain, np.full(len(problem.rows), 0.2)
    plan = np.broadcast_to(chain.usual * chain.targets.allowed, (chain.periods, *chain.targets.shape))
    charged = Charged(problem, plan, 1, offered(problem, coarse=True))
    known, aim = charged.arguments(prices), charged.pricing.aim(prices)
    lean = np.ones(charged.shape[:3])
    above = np.full((*lean.shape, MULTIPLES.size), -np.inf)
    own = known.plan_action
    leaning = Leaning(MULTIPLES, USUAL, own.probability, own.reward, own.cost, lean, known.reached, above)
    worth = chain.worth_at_most(aim.money, *known.counts, 1, leaning=leaning)
    assert worth is not None
    full = float(certified_bound(problem, prices, plan) - prices @ problem.limits)
    assert worth.sum() == pytest.approx(full, rel=1e-9)
    there = np.isfinite(above[..., USUAL])
    np.testing.assert_allclose(above[there][:, USUAL], 0.0, atol=1e-9 * abs(full))
    assert (np.diff(above[there], axis=1) <= 1e-9 * abs(full)).all()


def test_values_of_the_plan_are_what_it_is_worth() -> None:
    """With no lean customers are worth what they are under the plan, and no price of money leaves less."""
    problem = replace(hidden_problem(3), rows=())
    chain = problem.chain
    plan = np.broadcast_to(0.5 * chain.usual * chain.targets.allowed, (chain.periods, *chain.targets.shape))
    charged = Charged(problem, plan, 1, offered(problem, coarse=True))
    prices = np.empty(0)
    known, aim = charged.arguments(prices), charged.pricing.aim(prices)
    above = np.full((*charged.shape[:3], MULTIPLES.size), -np.inf)
    own, lean = known.plan_action, np.zeros(charged.shape[:3])
    leaning = Leaning(MULTIPLES, USUAL, own.probability, own.reward, own.cost, lean, known.reached, above)
    worth = chain.worth_at_most(aim.money, *known.counts, 1, leaning=leaning)
    assert worth is not None
    assert worth.sum() == pytest.approx(follow(chain, plan).asset, rel=1e-9)
    assert (above[np.isfinite(above[..., USUAL])][:, USUAL] >= -1e-9 * abs(worth.sum())).all()


@pytest.mark.parametrize("seed", range(6))
def test_what_is_returned_is_the_most_at_any_money(seed: int) -> None:
    """Against a fine list of money, each class as many as pays most: never less, and hardly more."""
    rng = np.random.default_rng(seed)
    blocks, laws = 3, 4
    low = rng.uniform(0, 5, (1, blocks, laws))
    high = low + rng.uniform(0, 5, low.shape)
    mixes = np.zeros_like(low), np.full_like(low, np.inf)
    fewest, largest = (each.sum(axis=2, keepdims=True) for each in (low, high))
    slope = np.sort(rng.uniform(0, 8, (1, blocks, laws, MULTIPLES.size)), axis=3)[..., ::-1]
    steps = np.diff(MULTIPLES, prepend=0.0)
    above = np.ascontiguousarray(rng.uniform(0, 20, (1, blocks, laws, 1)) - np.cumsum(slope * steps, axis=3))
    money = np.linspace(0, 12, 4001)
    paid = (above[..., None] + (MULTIPLES[:, None] - 1) * money).min(axis=3)
    expected = float(np.maximum(paid * low[..., None], paid * high[..., None]).sum(axis=(0, 1, 2)).max())
    ranges = HeadRanges(low, high, *mixes, fewest, largest)
    arguments = Part(0, 0, blocks), 0, np.zeros(laws, dtype=np.int64), ranges, above, MULTIPLES
    found, bound = returned_by_money(*arguments, 400, 0.0)
    assert found <= bound
    assert bound >= expected - 1e-9
    assert found == pytest.approx(bound, rel=1e-4)
    assert bound == pytest.approx(expected, rel=1e-3)
    assert returned_by_money(*arguments, 0, 0.0)[1] >= bound
