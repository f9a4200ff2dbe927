"""Terms in a plan: the best by hand, and no plan above the bound."""

from typing import Any

import numpy as np
import pytest
import yaml
from markets import EXAMPLES, Content, Floats

from benchmarks.bounds import bound_of, contents_of, problem_of, rival_plans
from optimizer.ask.problem import allocation_problem
from optimizer.optimize import optimize
from optimizer.question import Question
from sim.engine.sensitivity import follow
from sim.scenario.file import parse
from sim.twin import build

HERE = ["new", "developing", "core", "declining", "lapsed"]
MIX = [0.1, 0.15, 0.3, 0.25, 0.2]


def shop(**changes: Any) -> Content:
    """Return half loss-makers, half good customers, and levers for both: care, a fee, a goodbye."""
    return {
        "name": "shop", "periods": 4, "margin": 0.4, "discount_rate": 0.1, "terminal": "none",
        "stages": {"core": 2, "declining": 1, "lapsed": 2},
        "segments": {
            "good": {"start": {"new": 1000}, "traits": {"purchase_rate": 1, "defection_rate": 0.02, "spend": 100}},
            "bad": {"start": {"new": 1000}, "traits": {"purchase_rate": 0.2, "defection_rate": 0.01, "spend": 20}},
        },
        "cost_to_serve": {"per_customer": 5},
        "levers": {
            "care": {
                "targets": ["new", "developing", "core"], "reference": 1,
                "moves": {"survival": {"without_money": 0.96, "unlimited_money": 0.99, "spend": 1, "brings": 0.98}},
            },
            "fee": {
                "targets": HERE, "pays": "charge", "reference": 0, "most": 8,
                "moves": {"leaving": {"without_money": 0, "unlimited_money": 0.3, "spend": 4, "brings": 0.04}},
            },
            "farewell": {
                "targets": HERE, "reference": 0,
                "moves": {"leaving": {"without_money": 0, "unlimited_money": 0.8, "spend": 1, "brings": 0.5}},
            },
        },
        **changes,
    }  # fmt: skip


def served() -> Content:
    """Return a market with prices and service: both move satisfaction or staying, and each costs its own money."""
    content = shop()
    content["satisfaction"] = {"mix": MIX, "mobility": 0.3, "defection_per_level": 0.2, "purchase_rate_per_level": 0.1}
    content["levers"] = {
        "care": content["levers"]["care"],
        "discount": {
            "targets": ["prospect", "new", "developing", "core"], "pays": "price", "reference": 1.0,
            "moves": {
                "acquisition": {"without_money": 0.05, "unlimited_money": 0.4, "spend": 4, "brings": 0.1},
                "purchase_rate": {"without_money": 0, "unlimited_money": 0.6, "spend": 4, "brings": 0.1},
            },
        },
        "desk": {
            "targets": ["new", "developing", "core", "declining"], "pays": "service", "reference": 2.0,
            "moves": {"satisfaction": {"without_money": 0, "unlimited_money": 0.3, "spend": 2, "brings": 0.15}},
        },
        "offers": {
            "targets": ["developing", "core"], "reference": 0.2,
            "moves": {
                "purchase_rate": {"without_money": 0, "unlimited_money": 0.3, "spend": 0.5, "brings": 0.1},
                "annoyance": {"without_money": 0, "unlimited_money": 0.2, "spend": 0.5, "brings": 0.05},
            },
        },
    }  # fmt: skip
    content["segments"]["good"]["start"] = {"new": 600, "prospect": 900}
    content["segments"]["good"]["traits"]["purchase_rate"] = {"shape": 1.5, "rate": 1.5}
    return content


def some_plan(chain: Any, rng: np.random.Generator, budget: float) -> Floats:
    """Return a random plan within the budget: in half of the cells nothing, else up to four times the usual."""
    factor = rng.uniform(0, 4, (chain.periods, *chain.targets.shape)) * (
        rng.random((chain.periods, *chain.targets.shape)) < 0.5
    )
    if rng.random() < 0.5:  # the same in every period
        factor = np.broadcast_to(factor[:1], factor.shape)
    plan = np.where(chain.targets.allowed, np.minimum(factor * chain.usual, chain.limit), 0.0)
    for _ in range(40):
        spent = float(follow(chain, plan).spend.sum())
        if spent <= budget:
            return np.asarray(plan)
        plan = chain.targets.times(plan, 0.98 * budget / spent)
    raise AssertionError("a plan stays above the budget")


@pytest.mark.parametrize("make", [shop, pytest.param(served, marks=pytest.mark.slow)])
def test_no_plan_is_above_the_bound(make: Any) -> None:
    """Neither the one found nor random ones, whatever their terms; and those found are better than random ones."""
    twin = build(parse(make()))
    asked = allocation_problem(twin)
    plan, least, bound = bound_of(asked)
    assert least < plan <= bound
    rng = np.random.default_rng(4)
    for _ in range(60):
        assert follow(twin.chain, some_plan(twin.chain, rng, asked.budget)).asset <= plan + 1e-6 * (plan - least)


@pytest.mark.slow
def test_no_plan_is_above_the_bound_where_there_is_no_money() -> None:
    """Terms alone are to be decided; levers held at nothing are dimensions of which nothing comes."""
    content = yaml.safe_load((EXAMPLES / "loss-makers" / "scenario.yaml").read_text(encoding="utf-8"))
    plan = optimize(build(parse({**content, "periods": 8})), Question(budget=0.0), bound_steps=0)
    assert plan.spend.sum() == 0 < plan.moved.sum()
    assert plan.no_spend < plan.asset <= plan.proof.bound


def test_loss_makers_are_charged_and_the_good_are_kept() -> None:
    """The plan pays for care of the good alone, charges the bad, and is worth more than to withhold care."""
    twin = build(parse(shop()))
    alone = build(parse({**shop(), "levers": {"care": shop()["levers"]["care"]}}))
    plan, withheld = (optimize(each, bound_steps=0) for each in (twin, alone))
    segments, levers, money = plan.by_segment_and_lever()
    assert (segments, levers) == (["good", "bad"], ["care", "farewell"])
    assert money[0, 0] > 0
    assert money[1, 0] == 0
    _, names, terms = plan.terms_by_segment()
    assert names == ["fee (charge)"]
    assert terms[1, 0] > 0
    assert plan.asset > withheld.asset
    assert plan.spend.sum() <= plan.budget * (1 + 1e-9)
    assert plan.moved.sum() > plan.spend.sum()
    assert follow(twin.chain, plan.intensity).asset == pytest.approx(plan.asset, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_no_ascent_in_a_random_market_is_above_the_bound(seed: int) -> None:
    """Levers of every shape, some of which are the price's or the desk's, a fee and a goodbye; traits hidden or not."""
    rng = np.random.default_rng(900 + seed)
    content = contents_of(seed, hidden=bool(seed % 2), levers=int(rng.integers(1, 4)))
    content["cost_to_serve"] = {"per_customer": float(rng.uniform(0, 6))}
    for lever in content["levers"].values():
        if "prospect" not in lever["targets"] and rng.random() < 0.6:
            lever["pays"] = str(rng.choice(["price", "service"]))
    likely = {"without_money": 0, "spend": 3.0, "brings": float(rng.uniform(0.01, 0.1)), "unlimited_money": 0.5}
    content["levers"]["fee"] = {
        "targets": HERE[:4], "pays": "charge", "reference": 0, "most": float(rng.uniform(1, 12)),
        "moves": {"leaving": likely},
    }  # fmt: skip
    goodbye = {"shape": "hill", "half": 1.0, "steepness": 2.0, "unlimited_money": 0.7}
    content["levers"]["goodbye"] = {"targets": ["new", "lapsed"], "reference": 0, "moves": {"leaving": goodbye}}
    problem = problem_of(content, seed)
    plan, least, bound = bound_of(problem, 3)
    assert max(plan, *rival_plans(problem, seed)) <= bound + 1e-6 * max(plan - least, 1.0)
