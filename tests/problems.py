"""Allocation problems that several tests solve, and the whole programme that they are held against."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from markets import SHORT_STAGES, Actions, Content, Floats

from optimizer.ask.problem import AllocationProblem, allocation_problem, reference_spend
from optimizer.ask.rows import as_today
from optimizer.bound.decomposition import FullInformation, full_information
from optimizer.bound.occupancy import whole_programme
from optimizer.bound.pricing import Pricing
from sim.engine.chain import ControlledChain
from sim.engine.fluid import expected_history
from sim.errors import RulesError
from sim.scenario.file import Scenario, parse
from sim.twin import Twin, build


def random_market(seed: int, market: Callable[..., Content]) -> tuple[Content, float]:
    """Return a small market without heterogeneity under random rules, and the budget as a share of today's spend."""
    rng = np.random.default_rng(seed)
    content = market(
        plain=True, periods=int(rng.integers(2, 5)), stages=SHORT_STAGES, margin=float(rng.uniform(0.1, 1))
    )
    for segment in content["segments"].values():
        segment["traits"] = {
            "purchase_rate": float(rng.uniform(0.1, 1.5)),
            "defection_rate": float(rng.uniform(0.02, 0.5)),
            "spend": float(rng.uniform(5, 60)),
        }
    content["terminal"] = str(rng.choice(["none", "value-to-go"]))
    content["competitors"][0].update(start=1, route=str(rng.choice(["defection", "acquisition", "share of customer"])))
    rules: Content = {"levers": {}}
    if rng.random() < 0.6:
        rules["period_share"] = float(rng.uniform(1, 1.6) / content["periods"])
        rules["period_share"] = min(rules["period_share"], 1.0)
    for lever in content["levers"]:
        if rng.random() < 0.6:
            floor = float(rng.uniform(0, 0.1)) if rng.random() < 0.5 else 0.0
            rules["levers"][lever] = {"floor": floor, "cap": floor + float(rng.uniform(0.05, 0.5))}
    content["rules"] = rules
    return content, float(rng.uniform(0.2, 1.6))


def open_market(seed: int, market: Callable[..., Content]) -> tuple[Content, float]:
    """Return a random market in which people appear, seasons go round and levers take time to act."""
    content, share = random_market(seed, market)
    rng = np.random.default_rng(1000 + seed)
    content["periods"] = 4
    content["rules"].pop("period_share", None)
    content["segments"]["fresh"]["births"] = {"unaware": float(rng.uniform(0, 900)), "prospect": 250.4}
    for name in rng.permutation(list(content["levers"]))[:3].tolist():
        lever = content["levers"][name]
        lever["lead_time"] = int(rng.integers(1, 5))
        if rng.random() < 0.7:
            lever["committed"] = float(rng.uniform(0, 3)) * lever["reference"]
        content["rules"]["levers"].pop(name, None)
    content["seasons"] = rng.uniform(0.5, 1.5, 3).tolist()
    content["shocks"] = [{"name": "s", "start": 1, "end": 3, "route": "defection", "size": 0.4}]
    return content, 1.0 + share


def problem_of(content: Content, share: float = 1.0) -> AllocationProblem:
    scenario = parse(content)
    twin = build(scenario)
    chain = twin.chain
    return allocation_problem(twin, share * reference_spend(chain))


def with_limit(problem: AllocationProblem, index: int, change: float) -> AllocationProblem:
    """Return the same problem with one rule's limit moved."""
    rows = list(problem.rows)
    rows[index] = replace(rows[index], limit=rows[index].limit + change)
    return replace(problem, rows=tuple(rows))


def usage_of(problem: AllocationProblem, intensity: Floats) -> Floats:
    """Return the money each rule counts under a plan."""
    spend = expected_history(problem.chain, intensity).spend.ravel()
    return np.array([float((row.money @ spend)[0]) for row in problem.rows])


def meets(problem: AllocationProblem, usage: Floats) -> bool:
    slack = problem.signs * (problem.limits - usage)
    return bool((slack >= -1e-9 * np.maximum(np.abs(problem.limits), 1)).all())


def intensity_of(problem: AllocationProblem, group: int, action: Actions) -> Floats:
    """Return (periods, stages, levers) of a playable plan of one group."""
    stages = np.arange(problem.targets.shape[1])
    return np.asarray(problem.actions[group][stages[None, :], action])


def assert_equals_whole(problem: AllocationProblem) -> None:
    """Value and bound are the whole programme's to 1e-6 of the asset, and the mixture meets the rules; or neither is.

    Where nobody differs the prices prove the whole programme's optimum as well.
    """
    answer, _ = whole_programme(problem)
    if answer.status == "infeasible":
        with pytest.raises(RulesError):
            full_information(problem, 1e-7)
        return
    best = full_information(problem, 1e-7)
    assert best.converged
    assert best.value == pytest.approx(answer.objective, rel=1e-6)
    assert best.bound == pytest.approx(answer.objective, rel=1e-6)
    assert best.bound >= answer.objective - 1e-8 * abs(answer.objective)
    pairs = [
        (weight, column)
        for weights, columns in zip(best.mixture.weights, best.columns, strict=True)
        for weight, column in zip(weights, columns, strict=True)
    ]
    assert sum(weight * column.value for weight, column in pairs) == pytest.approx(best.value, rel=1e-9)
    usage = np.sum([weight * column.usage for weight, column in pairs], axis=0)
    assert (problem.signs * (usage - problem.limits) <= 1e-8 * problem.row_units).all()
    assert (best.prices * problem.signs >= 0).all()
    lagrangian, _ = Pricing(problem).lagrangian(best.prices)
    assert lagrangian >= answer.objective - 1e-8 * abs(answer.objective)


def two_class_market(
    market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch, *, open_: bool = False, **changes: Any
) -> Content:
    """Return a market whose customers differ, in 2 x 2 classes a segment.

    ``open_``: people appear, and two levers were committed before the start for as long as they take to act.
    """
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (2, 2))
    content = market(periods=4, stages=SHORT_STAGES, **changes)
    if open_:
        content["segments"]["fresh"]["births"] = {"unaware": 700.5, "prospect": 333.3}
        content["levers"]["acquisition"].update(lead_time=2, committed=0.77)
        content["levers"]["retention"].update(lead_time=1)
    return content


@cache
def bounded(market: Callable[..., Content]) -> tuple[Twin, AllocationProblem, FullInformation]:
    """Return a market of customers who differ, under every kind of rule, and its bound."""
    content = market(periods=5, stages=SHORT_STAGES)
    content["rules"] = {
        "period_share": 0.3,
        "levers": {"acquisition": {"cap": 0.4}, "winback": {"floor": 0.02}, "awareness": {"floor": 0.01, "cap": 0.2}},
    }
    twin = build(parse(content))
    problem = allocation_problem(twin, 1.2 * reference_spend(twin.chain))
    return twin, problem, full_information(problem, 1e-4)


def asked(market: Callable[..., Content], rules: Content, **changes: Any) -> Twin:
    return build(parse(market(plain=True, periods=6, stages=SHORT_STAGES, rules=rules, **changes)))


def some_plan(chain: ControlledChain, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    return np.asarray(as_today(chain) * rng.uniform(0, 2, (chain.periods, *chain.targets.shape)))


def small(market: Callable[..., Content], **changes: Any) -> Scenario:
    return parse(market(plain=True, periods=4, stages=SHORT_STAGES, **changes))
