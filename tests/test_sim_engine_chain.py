"""Chains answer for themselves: a third kind is one class and one line."""

import ast
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from markets import Content, Floats

import sim.twin
from experiments.compare import compare
from optimizer.optimize import optimize
from optimizer.question import Question
from policies.fixed import AsToday
from sim.arrays import Ints
from sim.contract import Targets
from sim.engine.chain import ALIVE, LOST, ControlledChain, Pull, StateSpace, Step
from sim.engine.fluid import expected_history
from sim.engine.offers import joint_intensities
from sim.engine.sensitivity import gradient
from sim.scenario.file import Scenario, parse
from sim.twin import Twin, build, plain
from sim.valuation import customer_asset

ROOT = Path(__file__).resolve().parents[1]
STATES = ("active", "idle", "gone")
EARNED = np.array([12.0, 2.0, 0.0])
CONTENT: Content = {
    "name": "visits",
    "period": "month",
    "periods": 6,
    "discount_rate": 0.2,
    "terminal": "none",
    "chain": {
        "states": list(STATES),
        "lever": "visits",
        "gone": ["gone"],
        "targets": ["active", "idle"],
        "actions": [{"spend": 0, "moves": np.eye(3).tolist(), "reward": EARNED.tolist()}],
    },
    "segments": {"towns": {"start": {"active": 3000, "idle": 1000}}, "farms": {"start": {"active": 800}}},
}


@dataclass(frozen=True, eq=False)
class Visits(ControlledChain):
    """Active customers fall idle, and idle ones leave, at odds that shrink with ``e^(-money/3)``."""

    def _falls(self, intensity: Floats) -> Floats:
        return np.array([0.5, 0.4, 0.0]) * np.exp(-intensity[:, :, 0] / 3)

    def step(self, environment: Floats, intensity: Floats) -> Step:
        falls = self._falls(intensity)
        odds = np.zeros((*falls.shape, falls.shape[1]))
        for state in range(3):
            odds[:, state, min(state + 1, 2)] += falls[:, state]
            odds[:, state, state] += 1 - falls[:, state]
        reward = np.tile(EARNED, (self.group.size, 1))
        return Step(odds, reward / 10, reward, reward)

    def pull(self, environment: Floats, intensity: Floats) -> Pull:
        by_money = -self._falls(intensity) / 3

        def back(by_probability: Floats, by_reward: Floats) -> tuple[Floats, Floats]:
            out = np.zeros_like(intensity)
            for state in range(2):
                out[:, state, 0] = by_money[:, state] * (
                    by_probability[:, state, state + 1] - by_probability[:, state, state]
                )
            return out, np.zeros_like(environment)

        return back

    def actions(self, refine: bool = False) -> tuple[Floats, Ints]:
        return joint_intensities(self.targets, np.ones(self.targets.shape), self.contact_load, refine)

    @property
    def has_thresholds(self) -> bool:
        return False


def visits(scenario: Scenario) -> Visits | None:
    """Return the chain of a scenario whose one lever is called visits."""
    if scenario.chain is None or scenario.chain.lever != "visits":
        return None
    names = tuple(scenario.segments)
    here = np.zeros((len(names), 3, 1), dtype=bool)
    here[:, :2] = True
    initial = np.array([[s.start.get(state, 0.0) for state in STATES] for s in scenario.segments.values()])
    return Visits(
        targets=Targets(
            names, ("unknown",) * initial.shape[0], STATES, ("visits",), here, here * 1.0, here * 1.0, (0,), (1,)
        ),
        space=StateSpace.plain(STATES, np.array([ALIVE, ALIVE, LOST]), len(names)),
        group=np.arange(len(names)),
        initial=initial,
        periods=scenario.periods,
        discount_rate=scenario.discount_per_period,
        environment=np.ones((scenario.periods + 1, len(names), 1)),
        arrivals=np.zeros((scenario.periods, *initial.shape)),
        with_terminal=False,
    )


@pytest.fixture
def third_kind(monkeypatch: pytest.MonkeyPatch) -> Twin:
    """Return the twin of a third kind of chain; one line makes it known."""
    monkeypatch.setattr(sim.twin, "MAKERS", [plain(visits), *sim.twin.MAKERS])
    twin = build(parse(CONTENT))
    assert isinstance(twin.chain, Visits)
    return twin


def test_agents_of_a_third_kind_follow_its_fluid_twin(third_kind: Twin) -> None:
    """Head counts, purchases and money of 40 replications are within 4.5 standard errors of the expected ones."""
    chain, number = third_kind.chain, 40
    fluid = expected_history(chain, np.repeat(chain.targets.reference[None], chain.periods, axis=0))
    mean = compare(third_kind, [AsToday()], 1e9, replications=number).outcomes[0].history
    share = fluid.customers[-1] / fluid.customers[0].sum(axis=1, keepdims=True)
    error = np.sqrt(fluid.customers[0].sum(axis=1, keepdims=True) * share * (1 - share) / number)
    assert (abs(mean.customers[-1] - fluid.customers[-1]) < 4.5 * error).all()
    assert 0 < fluid.customers[-1, 0, 0] < 0.6 * fluid.customers[0, 0, 0]
    for name in ("purchases", "revenue", "reward", "spend", "moves"):
        drawn, expected = getattr(mean, name).sum(), getattr(fluid, name).sum()
        assert drawn == pytest.approx(expected, rel=0.005), name
    np.testing.assert_allclose(mean.moves.sum(axis=3), mean.customers[:-1], rtol=1e-14)


def test_the_gradient_of_a_third_kind_is_that_of_its_asset(third_kind: Twin) -> None:
    chain, rng = third_kind.chain, np.random.default_rng(2)
    plan = rng.uniform(0.2, 4, (chain.periods, *chain.targets.shape)) * chain.targets.allowed
    way = rng.normal(size=plan.shape) * chain.targets.allowed
    _, slope = gradient(chain, plan)
    up, down = (gradient(chain, plan + side * 1e-5 * way)[0] for side in (1, -1))
    assert (up - down) / 2e-5 == pytest.approx(float((slope * way).sum()), rel=1e-6)


def test_a_third_kind_is_optimised_under_its_bound(third_kind: Twin) -> None:
    """The plan keeps to the money and is within 1 % of its bound, which no even spending beats."""
    chain, budget = third_kind.chain, 20_000.0
    plan = optimize(third_kind, Question(budget=budget))
    assert plan.status == "feasible"
    history = expected_history(chain, plan.intensity)
    assert history.spend.sum() <= budget * (1 + 1e-6)
    assert customer_asset(history, chain.discount_rate).total == pytest.approx(plan.asset, rel=1e-9)
    assert plan.asset <= plan.bound * (1 + 1e-9)
    assert plan.bound - plan.no_spend <= 1.01 * (plan.asset - plan.no_spend)
    for each in np.linspace(0, 6, 25):
        even = expected_history(chain, np.where(chain.targets.allowed, each, 0.0) * np.ones((chain.periods, 1, 1, 1)))
        if even.spend.sum() <= budget:
            assert customer_asset(even, chain.discount_rate).total <= plan.bound


@pytest.mark.usefixtures("third_kind")
def test_the_command_line_takes_a_third_kind(tenure: Any, tmp_path: Path) -> None:
    """`optimize` writes a plan, and `simulate` plays it at its expected value within 2 %."""
    (tmp_path / "visits.yaml").write_text(yaml.safe_dump(CONTENT), encoding="utf-8")
    code, out, err = tenure("optimize", "visits.yaml", "--budget", 20_000, "-o", "plan.json", "--json")
    assert (code, err) == (0, "")
    promised = json.loads(out)["asset"]
    code, out, err = tenure("simulate", "visits.yaml", "--policy", "plan.json", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["policy"]["asset"] == pytest.approx(promised, rel=0.02)
    code, _, err = tenure("trace", "visits.yaml")
    assert code == 2
    assert "no customers to tell of" in err


def test_drawing_in_parts_changes_no_bit(third_kind: Twin) -> None:
    from sim.market.clock import Market

    people = third_kind.population(1, 0)
    whole, parts = (Market(third_kind, AsToday(), people, seed=1, shards=shards).run() for shards in (1, 7))
    for name in ("people", "moves", "reward"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_a_traced_customer_of_a_third_kind_is_where_it_is_drawn(third_kind: Twin) -> None:
    from sim.market.clock import Market

    history = Market(third_kind, AsToday(), third_kind.population(1, 0), seed=1, trace=np.arange(4800)).run()
    assert history.trace is not None
    for t in range(history.periods + 1):
        counts = np.bincount(history.trace.state[t], minlength=3)
        np.testing.assert_array_equal(counts, history.people[t].sum(axis=(0, 2)))


def test_nobody_asks_what_kind_a_chain_is() -> None:
    """No ``isinstance`` on a kind of chain, and none looked for in its attributes, outside the kinds' own modules."""
    asked = []
    for package in ("sim", "optimizer", "policies", "experiments"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    words = ast.unparse(node)
                    kinds = node.func.id == "isinstance" and any(k in words for k in ("Lifecycle", "Chain"))
                    if kinds or (node.func.id in ("getattr", "hasattr") and "chain" in ast.unparse(node.args[0])):
                        asked.append(f"{path.relative_to(ROOT)}: {words}")
    assert asked == []


def test_what_a_plain_chain_does_not_have_is_not_a_number(third_kind: Twin) -> None:
    chain = third_kind.chain
    history = expected_history(chain, np.repeat(chain.targets.reference[None], chain.periods, axis=0))
    assert math.isnan(history.employees[0])
    assert np.isnan(history.share).all()
    assert np.isnan(history.satisfaction).all()
    assert not chain.couples
    assert not chain.contact_load.any()
