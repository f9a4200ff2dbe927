"""The stages from a question to a plan, and that every question goes through them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from markets import SHORT_STAGES, SMALL, Content
from problems import asked, small

from optimizer.ask.problem import allocation_problem, reference_spend
from optimizer.ask.rows import as_today
from optimizer.insight.frontier import frontier, value_of_targeting
from optimizer.insight.ground import grounds
from optimizer.insight.lines import lines_of
from optimizer.insight.moves import simplest_of
from optimizer.insight.risk import risk
from optimizer.optimize import Found, find, optimize, plan_of, solve
from optimizer.question import Question
from optimizer.search.sequential import STEPS, Sequential
from optimizer.stages.certify import certify
from optimizer.stages.keep import keep
from optimizer.stages.price import price
from optimizer.stages.prove import Proved, prove
from optimizer.stages.repair import repair
from optimizer.stages.search import known_without, search, without_lines
from optimizer.stages.settle import settle
from optimizer.stages.size import size
from optimizer.stages.start import start
from optimizer.tolerances import GAIN
from sim.errors import RulesError
from sim.scenario.file import load, parse
from sim.twin import build

RANGES = [{"path": "segments.fresh.traits.spend", "low": 10.0, "high": 60.0}]
CAMPAIGNS = {"campaigns": {"acquisition": {"least": 3000.0}, "retention": {"least": 3000.0}}}


def quiet(_: float) -> None:
    """Hear no progress."""


def test_a_line_that_is_a_loss_is_dropped_whole() -> None:
    """What all others get a head stays; where every line pays, nothing is dropped."""
    twin = build(load(SMALL))
    today = as_today(twin.chain)
    line = twin.targets.segments.index("newcomers"), slice(None), twin.targets.levers.index("winback")
    dear, less = today.copy(), today.copy()
    dear[:, *line], less[:, *line] = 50 * today[:, *line], 0.0
    searching = Sequential(allocation_problem(twin, 10 * reference_spend(twin.chain)))
    usual, worse, better = (searching.run(searching.amount_of(each), lift=1e4, steps=0) for each in (today, dear, less))
    assert worse.value < better.value < usual.value
    found = without_lines(searching, worse, 1e4, 0)
    assert found.value == pytest.approx(better.value, rel=1e-12)
    assert found.amount == pytest.approx(better.amount, rel=1e-9)
    assert without_lines(searching, usual, 1e4, 0) is usual


def test_a_line_less_is_worth_what_following_it_says() -> None:
    """All segments without a lever in one course tell what each of them is without it."""
    twin = build(load(SMALL))
    searching = Sequential(allocation_problem(twin, 2 * reference_spend(twin.chain)))
    end = searching.run(searching.amount_of(as_today(twin.chain)), lift=1e4, steps=0)
    known = known_without(searching, end)
    cells = searching.cells
    assert len({segment for segment, _ in known}) > 1
    for (segment, lever), value in known.items():
        mine = (cells.segment == segment) & (cells.lever == lever)
        less = np.where(mine[cells.cell] & (cells.cell >= 0), 0.0, end.course.intensity)
        assert value == pytest.approx(searching.value(searching.courses(searching.amount_of(less))), rel=1e-12)
    assert len(set(known.values())) > 2


def test_the_stages_by_hand_are_the_plan(market: Callable[..., Content]) -> None:
    """Every stage, one after another: the same plan and proof, bit for bit."""
    twin = asked(market, CAMPAIGNS)
    budget = 0.6 * reference_spend(twin.chain)
    problem = allocation_problem(twin, budget)
    begun = start(problem)
    proved = prove(begun, tolerance=1e-3, seconds=np.inf, threads=2, progress=quiet)
    searched = search(begun, proved, seconds=np.inf, threads=2, make=Sequential, progress=quiet)
    sized = size(problem, searched, seconds=np.inf, make=Sequential)
    repaired = repair(sized.problem, sized.end, searched.stake)
    sized, repaired = keep(begun, searched, sized, repaired, steps=STEPS, make=Sequential)
    repaired = settle(repaired)
    repaired.insist()
    certified = certify(begun, proved, repaired, bound_steps=3, seconds=np.inf, threads=2, progress=quiet)
    by_hand = plan_of(Found(begun, proved, searched, sized, repaired), certified, price(repaired))
    plan = optimize(twin, Question(budget=budget), bound_steps=3)
    assert plan.intensity.tobytes() == by_hand.intensity.tobytes()
    assert plan.proof == by_hand.proof
    assert plan.prices == by_hand.prices
    assert plan.status == by_hand.status
    assert plan.termination == f"{by_hand.termination}, the best of 4 starts"  # the proof is far
    assert sized.problem is not problem
    assert by_hand.no_spend == begun.least.asset < by_hand.asset <= by_hand.bound <= by_hand.reference


def test_caution_sizes_campaigns(market: Callable[..., Content]) -> None:
    """A plan for many samples runs no campaign below its least size either."""
    twin = build(small(market, rules=CAMPAIGNS, uncertain=RANGES))
    result = risk(twin, build, 0.6 * reference_spend(twin.chain), samples=3)
    for plan in (result.expected, result.cautious):
        money = plan.spend[..., [1, 3]].sum(axis=2)  # by period and lever
        by_segment = np.stack([plan.spend[:, g][..., [1, 3]].sum(axis=1) for g in range(plan.targets.shape[0])])
        run = by_segment[by_segment > 0]
        assert money.any()
        assert run.size < by_segment.size
        assert run.min() >= 3000.0 * (1 - 1e-5)
        assert plan.status == "feasible"
    assert result.cautious.goal == "robust"


def test_caution_refuses_what_misses_rules(market: Callable[..., Content]) -> None:
    """More customers kept than there are: no plan is written that misses the rule."""
    rules = {"people": {"kept": {"count": "kept", "at_least": 3.0, "of_start": True}}}
    twin = build(small(market, rules=rules, uncertain=RANGES))
    with pytest.raises(RulesError, match="'kept at the end' is missed by"):
        risk(twin, build, samples=2)


@pytest.mark.slow
def test_caution_starts_where_thresholds_are_climbed_from(market: Callable[..., Content]) -> None:
    """With an S-shaped response the plan without caution is the optimiser's own; the other is searched for from it."""
    content = market(plain=True, periods=3, stages=SHORT_STAGES, uncertain=RANGES)
    content["levers"]["retention"]["moves"] = {
        "survival": {
            "shape": "adbudg", "without_money": 0.6, "unlimited_money": 0.95, "spend": 2.0, "brings": 0.9,
            "steepness": 4.0,
        }
    }  # fmt: skip
    content["levers"]["retention"].pop("by_segment", None)
    twin = build(parse(content))
    assert twin.chain.has_thresholds
    budget = 0.5 * reference_spend(twin.chain)
    result = risk(twin, build, budget, samples=2)
    plan = solve(allocation_problem(twin, budget), bounded=False)
    assert result.expected.intensity.tobytes() == plan.intensity.tobytes()
    begun = start(allocation_problem(twin, budget))
    blind = find(begun, Proved())
    lift = blind.repaired.course.asset - begun.least.asset
    assert result.expected.asset >= blind.repaired.course.asset - 10 * GAIN * lift  # as near as searches end


def test_threads_go_all_the_way(market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every plan that a larger question asks for is made by the threads that were asked for."""
    heard: list[Any] = []

    def told(*args: Any, **options: Any) -> Any:
        heard.append(options.get("threads"))
        return solve(*args, **options)

    for place in ("frontier", "moves"):
        monkeypatch.setattr(f"optimizer.insight.{place}.solve", told)
    twin = build(small(market))
    budget = 0.5 * reference_spend(twin.chain)
    frontier(twin, [budget], bounded=False, threads=1)
    assert heard == [1, 1, 1]
    value_of_targeting(twin, budget, threads=1)
    assert heard == [1] * 6
    ground = grounds(twin, solve(allocation_problem(twin, budget), bounded=False))
    simplest_of(ground, lines_of(ground), threads=1)
    assert heard == [1] * 7


def test_settling_brings_more_inside_the_same_rules(market: Callable[..., Content]) -> None:
    twin = asked(market, {})
    begun = start(allocation_problem(twin, 0.6 * reference_spend(twin.chain)))
    end = search(begun, Proved(), steps=3, seconds=np.inf, threads=1, make=Sequential, progress=quiet)
    rough = repair(begun.problem, end.end, end.stake)
    settled = settle(rough)
    assert settled.course.asset > rough.course.asset
    assert settled.missed.max() <= max(rough.missed.max(), 1e-9)
    assert settled.spot is not None
    assert settle(settled).course.asset >= settled.course.asset


def test_a_market_too_large_for_its_bound_is_told_so(
    market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Charges are by money then; of a chain that knows only what it offers the bound is full information's, it says."""
    monkeypatch.setattr("optimizer.stages.certify.MOST_CHARGES", 0)
    plan = optimize(asked(market, {}), bound_steps=0)
    assert plan.asset <= plan.bound < plan.reference
    assert "too large" not in plan.proof.assumes
    monkeypatch.setattr("optimizer.stages.certify.bound_by_money", lambda *_, **__: None)
    plan = optimize(asked(market, {}), bound_steps=0)
    assert plan.bound == plan.reference
    assert "too large" in plan.proof.assumes
