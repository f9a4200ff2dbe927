"""Laws that every optimum must keep, tried on random markets: how many instances, and the worst figure of each.

Run ``python -m benchmarks.laws [LAW ...] [--number N] [--first N] [--json]`` from the repository root. A law is a
function ``law_...(seed)`` here, which returns by how much an instance breaks it, as a share of what is at stake: 0, or
next to nothing; or None where it says nothing of that instance.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import tenure
from benchmarks.law_cases import chain_market, random_market, threshold_market
from experiments.question import rules_of_thumb
from optimizer.ask.problem import allocation_problem, reference_spend
from optimizer.ask.rows import as_today
from optimizer.bound.occupancy import whole_programme
from optimizer.insight.exact import solve_exactly
from optimizer.insight.frontier import frontier
from optimizer.optimize import solve
from optimizer.plan import Plan
from optimizer.question import Question
from optimizer.stages.start import least_spend
from sim.arrays import Floats
from sim.engine.response import response
from sim.engine.sensitivity import follow
from sim.scenario.file import parse
from sim.twin import Twin, build

__all__ = ["LAWS", "main"]

Law = Callable[[int], float | None]

RANDOM_PLANS = 30
GRID = 2000
NEAR = 0.01
"""Gap up to which plans of separate searches must agree."""


def twin_of(seed: int) -> Twin:
    """Return a random market's twin, every third one's customers talking to each other."""
    return build(parse(random_market(seed, coupled=seed % 3 == 0)))


def answer(twin: Twin, budget: float, **options: Any) -> Plan:
    """Return the plan for a budget, proved."""
    options = {"bound_steps": 20, "threads": 1, **options}
    targeting = options.pop("targeting", "state")
    return solve(allocation_problem(twin, budget, targeting=targeting), **options)


def law_never_less(seed: int) -> float:
    """No known plan within the rules, nor any of some random ones, is worth more than the plan."""
    twin = twin_of(seed)
    rng = np.random.default_rng(seed)
    budget = float(rng.uniform(0.02, 2.0)) * reference_spend(twin.chain)
    problem = allocation_problem(twin, budget)
    plan = solve(problem, bound_steps=0, threads=1)
    best = least_spend(problem).asset
    usual = np.where(twin.targets.allowed, twin.chain.usual, 0.0)
    for trial in range(RANDOM_PLANS + 1):
        sizes = np.exp(rng.standard_normal((twin.chain.periods, *twin.targets.shape)))
        other = as_today(twin.chain) if trial == 0 else usual * sizes * (rng.random(sizes.shape) < 0.5)
        other = other * min(1.0, budget / max(float(follow(twin.chain, other).spend.sum()), 1e-300))
        course = follow(twin.chain, other)
        if (problem.signs * (problem.counted(course) - problem.limits) <= 1e-9 * problem.row_units).all():
            best = max(best, course.asset)
    return max(best - plan.asset, 0.0) / max(abs(plan.asset - plan.no_spend), 1e-6 * abs(plan.asset))


def law_thresholds(seed: int) -> float:
    """One period, S-curves: exact by dynamic programming over money."""
    twin = build(parse(threshold_market(seed)))
    rng = np.random.default_rng(seed + 1)
    heads = sum(segment["start"]["prospect"] for segment in threshold_market(seed)["segments"].values())
    budget = float(heads * rng.uniform(0.1, 2.5))
    best, base = shared_best(twin, budget)
    plan = solve(allocation_problem(twin, budget), bounded=False, threads=1)
    return max(best - (plan.asset - base), 0.0) / max(best, 1e-6 * base)


def shared_best(twin: Twin, budget: float) -> tuple[float, float]:
    """Return the best lift of one lever on the prospects of each segment in one period, and the asset without it."""
    chain, targets = twin.chain, twin.targets
    stage = targets.stages.index("prospect")
    nothing = np.zeros((1, *targets.shape))
    base, money, best = follow(chain, nothing), np.linspace(0, budget, GRID + 1), np.zeros(GRID + 1)
    for g in range(targets.shape[0]):
        heads = float(base.observed[0, g, stage])
        curve = twin.scenario.levers["acquisition"].by_segment[targets.segments[g]].moves["acquisition"]
        much = nothing.copy()
        much[0, g, stage, 0] = 50.0
        won = response(curve, np.array([0.0, 50.0]))
        each = (follow(chain, much).asset + 50.0 * heads - base.asset) / (won[1] - won[0])
        gain = each * (response(curve, money / heads) - won[0]) - money
        best = np.array([(gain[: k + 1] + best[k::-1]).max() for k in range(GRID + 1)])
    return float(best.max()), base.asset


def law_shares_of_actions(seed: int) -> float:
    """A chain whose states are all seen: the occupancy programme's optimum is a plan."""
    twin = build(parse(chain_market(seed)))
    share = (0.002, 0.05, 0.5)[seed % 3]
    problem = allocation_problem(twin, share * float(twin.chain.initial.sum()) * twin.chain.periods)
    whole, _ = whole_programme(problem)
    plan = solve(problem, bounded=False, threads=1)
    return max(whole.objective - plan.asset, 0.0) / (whole.objective - least_spend(problem).asset)


def law_more_money_in_a_frontier(seed: int) -> float:
    """A larger budget never gives less asset: exactly, inside one frontier."""
    twin = twin_of(seed)
    today = reference_spend(twin.chain)
    points = frontier(twin, [0.1 * today, 0.5 * today, today, 3 * today], bounded=False, threads=1).points
    assets = np.array([point.plan.asset for point in points])
    return float(max(np.max(assets[:-1] - assets[1:]), 0.0) / max(np.ptp(assets), 1e-6 * assets[0]))


def law_more_money_apart(seed: int) -> float | None:
    """The same of separate searches, where the smaller one's gap is small."""
    twin = twin_of(seed)
    today = reference_spend(twin.chain)
    return less(answer(twin, 0.5 * today), answer(twin, 0.6 * today))


def law_finer_targeting(seed: int) -> float | None:
    """Telling customers apart more finely never gives less: apart, and exactly where the coarser plan is given."""
    twin = twin_of(seed)
    budget = 0.7 * reference_spend(twin.chain)
    coarse = answer(twin, budget, targeting="segment")
    given = answer(twin, budget, known=[coarse.intensity])
    if given.asset < coarse.asset * (1 - 1e-12):
        return 1.0
    return less(coarse, answer(twin, budget))


def law_looser_rule(seed: int) -> float | None:
    """A rule less never gives less."""
    content = random_market(seed, coupled=seed % 3 == 0)
    lever = next(iter(content["levers"]))
    free = build(parse(content))
    ruled = build(parse({**content, "rules": {**content.get("rules", {}), "levers": {lever: {"cap": 0.2}}}}))
    budget = 0.7 * reference_spend(free.chain)
    tight = answer(ruled, budget)
    given = answer(free, budget, known=[tight.intensity])
    if given.asset < tight.asset * (1 - 1e-12):
        return 1.0
    return less(tight, answer(free, budget))


def law_added_lever(seed: int) -> float | None:
    """A lever more that is not used today never gives less."""
    content = random_market(seed)
    if len(content["levers"]) < 2:
        return None
    name = list(content["levers"])[-1]
    fewer = {**content, "levers": {k: v for k, v in content["levers"].items() if k != name}}
    more = {**content, "levers": {**fewer["levers"], name: {**content["levers"][name], "reference": 0.0}}}
    if min(curve.get("without_money", 0.0) for curve in content["levers"][name]["moves"].values()) > 0:
        return None  # what it does without money would be another market
    twins = build(parse(fewer)), build(parse(more))
    budget = 0.7 * reference_spend(twins[0].chain)
    return less(answer(twins[0], budget), answer(twins[1], budget))


def law_reach_is_optimize_read_backwards(seed: int) -> float:
    """What a budget brings at most is reached for no more money than the plan for that budget spends."""
    twin = build(parse(threshold_market(seed, 3, broken=seed % 2 == 1)))
    heads = float(twin.chain.initial.sum())
    budget = heads * float(np.random.default_rng(seed).uniform(0.1, 2))
    plan = solve(allocation_problem(twin, budget), bounded=False, threads=1)
    reached = solve(Question(reach=("asset", plan.asset)).problem(twin), bounded=False, threads=1)
    if reached.status != "feasible":
        return 1.0
    return max(float((reached.spend.sum() - plan.spend.sum()) / max(plan.spend.sum(), 1e-6 * budget)), 0.0)


def law_more_money_over_thresholds(seed: int) -> float:
    """A larger budget never gives less asset where curves have thresholds, in searches apart."""
    twin = build(parse(threshold_market(seed, 3, broken=seed % 2 == 1)))
    heads = float(twin.chain.initial.sum())
    budgets = heads * np.linspace(0.2, 2.0, 10)
    plans = [solve(allocation_problem(twin, float(budget)), bounded=False, threads=1) for budget in budgets]
    assets = np.array([plan.asset for plan in plans])
    return float(max(np.max(assets[:-1] - assets[1:]), 0.0) / max(assets.max() - plans[0].no_spend, 1e-6))


def law_given_plans_are_kept(seed: int) -> float:
    """A plan that is given, within the rules, is never worth more than the answer, to the last digits."""
    twin = twin_of(seed)
    problem = allocation_problem(twin, reference_spend(twin.chain))
    problem = replace(problem, rows=problem.rows[:1])
    given: Floats = solve(problem, bounded=False, threads=1).intensity
    again = solve(problem, known=[given], bounded=False, threads=1)
    return max(follow(twin.chain, given).asset * (1 - 1e-12) - again.asset, 0.0) / abs(again.asset)


def law_commands_agree(seed: int) -> float:
    """``optimize``, ``frontier``, ``risk`` and the what-if page answer the same question alike; by segment the last.

    Nor is a rule of thumb within the rules worth more.
    """
    content = random_market(seed, coupled=seed % 3 == 0)
    firm = tenure.Firm.of({**content, "uncertain": [{"path": "margin", "low": 0.35, "high": 0.45}]})
    budget = float(np.random.default_rng(seed).uniform(0.2, 1.5)) * firm.reference_spend
    plan = firm.optimize(budget=budget, bound_steps=0, threads=1)
    lift = max(plan.asset - plan.no_spend, 1e-6 * abs(plan.asset))
    thumbs = [follow(firm.chain, each).asset for each in rules_of_thumb(allocation_problem(firm.twin, budget))]
    if max(thumbs, default=-np.inf) > plan.asset * (1 + 1e-12):
        return 1.0
    row = firm.frontier([budget], threads=1).points[0].plan
    expected = firm.risk(budget, samples=2, threads=1).expected
    segment = firm.optimize(tenure.Question(budget=budget, targeting="segment"), bound_steps=0, threads=1)
    exact = solve_exactly(firm.twin, budget, threads=1).plan
    apart = max(abs(other.asset - one.asset) for one, other in ((plan, row), (plan, expected), (segment, exact)))
    return apart / lift


def less(tight: Plan, free: Plan) -> float | None:
    """Return how much less the freer plan holds, in the tighter one's lift; None where that is not nearly proved."""
    if not tight.gap <= NEAR:
        return None
    return max(tight.asset - free.asset, 0.0) / max(tight.asset - tight.no_spend, 1e-6 * abs(tight.asset))


LAWS: dict[str, Law] = {name.removeprefix("law_"): law for name, law in list(globals().items()) if name[:4] == "law_"}


def main() -> None:
    """Try the laws and print instances and worst figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("laws", nargs="*", choices=[[], *LAWS], help="which; default: all")
    parser.add_argument("--number", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    figures = {}
    for name in asked.laws or LAWS:
        found = {seed: LAWS[name](seed) for seed in range(asked.first, asked.first + asked.number)}
        said = {seed: broken for seed, broken in found.items() if broken is not None}
        worst = max(said, key=lambda seed: said[seed], default=None)
        figures[name] = {"instances": len(said), "worst": said.get(worst) if worst is not None else None, "seed": worst}
        if not asked.json:
            print(f"{name.replace('_', ' ')}: {len(said)} instances, worst {figures[name]['worst']} (seed {worst})")
    if asked.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
