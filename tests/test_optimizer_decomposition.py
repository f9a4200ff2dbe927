"""The decomposition against plainer ways to the same numbers: the whole LP, NumPy, enumeration, and the agents."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from optimizer.ask.problem import AllocationProblem, reference_spend
from optimizer.bound.decomposition import FullInformation, full_information
from optimizer.bound.occupancy import whole_programme
from optimizer.bound.pricing import Pricing
from optimizer.optimize import allocation_problem, least_spend, optimise
from optimizer.search.playable import playable
from policies.planned import Planned
from sim.contract import Allocation, Observation
from sim.customers.population import Population
from sim.engine import agent_kernels, random_streams
from sim.engine.chain import transition_matrix
from sim.engine.fluid import expected_history
from sim.engine.lifecycle import Lifecycle
from sim.errors import InputError, RulesError
from sim.market.agents import Agents
from sim.market.clock import Market
from sim.scenario.file import parse
from sim.twin import Twin, build
from sim.valuation import customer_asset

Content = dict[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Actions = np.ndarray[Any, np.dtype[np.uint8]]
Ints = np.ndarray[Any, np.dtype[np.int64]]

SHORT_STAGES = {"core": 2, "declining": 1, "lapsed": 2}


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
    chain = build(scenario).chain
    return allocation_problem(scenario, chain, share * reference_spend(chain))


def with_limit(problem: AllocationProblem, index: int, change: float) -> AllocationProblem:
    """Return the same problem with one rule's limit moved."""
    rows = list(problem.rows)
    rows[index] = replace(rows[index], limit=rows[index].limit + change)
    return replace(problem, rows=tuple(rows))


def asset_of(problem: AllocationProblem, intensity: Floats) -> float:
    return customer_asset(expected_history(problem.chain, intensity), problem.chain.discount_rate).total


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


# --- The optimum ------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("seed", range(15))
def test_dantzig_wolfe_equals_the_whole_programme(seed: int, market: Callable[..., Content]) -> None:
    """Bound and value equal the occupancy LP stated whole to 1e-6 of the asset, under random rules."""
    assert_equals_whole(problem_of(*random_market(seed, market)))


@pytest.mark.parametrize("seed", range(8))
def test_dantzig_wolfe_equals_the_whole_programme_of_an_open_market(seed: int, market: Callable[..., Content]) -> None:
    """With births, seasons, shocks and lead times: and the whole LP takes only what is committed while that acts."""
    problem = problem_of(*open_market(seed, market))
    assert problem.chain.arrivals.sum() > 0
    assert max(problem.targets.lead) > 0
    assert not problem.possible[0].all()
    assert_equals_whole(problem)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 150))
def test_dantzig_wolfe_equals_the_whole_programme_on_many(seed: int, market: Callable[..., Content]) -> None:
    """Fifty more."""
    assert_equals_whole(problem_of(*random_market(seed, market)))


def test_random_rules_bind(market: Callable[..., Content]) -> None:
    """The random markets above are worth comparing: budgets, periods, floors and caps all have prices in some."""
    kinds: set[str] = set()
    for seed in range(15):
        problem = problem_of(*random_market(seed, market))
        prices = full_information(problem, 1e-5).prices
        kinds |= {row.name.split(" ")[0] for row, price in zip(problem.rows, prices, strict=True) if abs(price) > 1e-3}
    assert kinds == {"budget", "floor", "cap"}
    assert any(len(problem_of(*random_market(seed, market)).rows) > 5 for seed in range(15))


@pytest.mark.parametrize("seed", [0, 3, 5, 9])
def test_prices_are_between_one_sided_differences(seed: int, market: Callable[..., Content]) -> None:
    """For every rule: right difference of the re-solved optimum <= price <= left difference."""
    problem = problem_of(*random_market(seed, market))
    best = full_information(problem, 1e-9)
    optimum = whole_programme(problem)[0].objective
    step = 1e-3 * problem.limits[0]
    accuracy = (best.bound - best.value + 2e-9 * abs(optimum)) / step
    priced = 0
    for index, price in enumerate(best.prices):
        more, less = (whole_programme(with_limit(problem, index, change))[0] for change in (step, -step))
        right = (more.objective - optimum) / step if more.status == "optimal" else -np.inf
        left = (optimum - less.objective) / step if less.status == "optimal" else np.inf
        assert right - accuracy <= price <= left + accuracy, problem.rows[index].name
        priced += abs(price) > 1e-3
    assert priced
    assert accuracy < 0.05


def test_value_is_concave_and_rising_in_the_budget(market: Callable[..., Content]) -> None:
    """More budget is never worse, each further unit brings no more than the last, and prices say so."""
    content = market(plain=True, periods=4, stages=SHORT_STAGES, rules={"period_share": 0.4})
    shares = np.array([0.0, 0.3, 0.6, 1.0, 1.5, 2.5, 6.0])
    found = [full_information(problem_of(content, share), 1e-7) for share in shares]
    gains = np.diff([best.value for best in found]) / np.diff(shares)
    assert (gains >= -1e-6 * abs(found[0].value)).all()
    assert (np.diff(gains) <= 1e-6 * abs(found[0].value)).all()
    assert gains[0] > 2 * gains[-1]
    weights = [np.array([row.per_budget for row in problem_of(content, 1.0).rows]) @ best.prices for best in found[1:]]
    assert (np.diff(weights) <= 1e-6).all()


# --- Kernels against NumPy --------------------------------------------------------------------------------------------


def dense(problem: AllocationProblem) -> tuple[Floats, Floats]:
    """Return P[regime, action, block, state, next] and reward[regime, action, block, state] from the chain itself."""
    chain = problem.chain
    rows = np.arange(chain.group.size)[:, None]
    matrices, rewards = [], []
    for environment in chain.regimes[0]:
        steps = [chain.step(environment, problem.actions[:, :, a]) for a in range(problem.actions.shape[2])]
        matrices.append([transition_matrix(chain, step) for step in steps])
        rewards.append([step.reward[rows, chain.block_law] for step in steps])
    return np.array(matrices), np.array(rewards)


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


@pytest.mark.parametrize("open_", [False, True])
def test_best_response_is_backward_induction(
    open_: bool, market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compiled pricing equals a plain NumPy dynamic programme over every block, state and action.

    Where people appear they are worth the value of where they do; what is committed leaves no choice.
    """
    problem = problem_of(two_class_market(market, monkeypatch, open_=open_, rules={"period_share": 0.4}))
    chain = problem.chain
    rng = np.random.default_rng(5)
    prices = rng.uniform(0, 2, len(problem.rows))
    lagrangian, columns = Pricing(problem).best(prices)
    moves, rewards = dense(problem)
    price = chain.discount[:-1, None, None, None] + (prices @ problem.money).reshape(-1, *problem.targets.shape)
    value = chain.terminal * chain.discount[-1]
    choice = np.zeros((chain.periods, *chain.initial.shape), dtype=int)
    came = 0.0
    for t in reversed(range(chain.periods)):
        regime = chain.regimes[1][t]
        cost = np.einsum("gsl,gsal->ags", price[t], problem.actions)[:, chain.group[:, None], chain.block_stage]
        came += float((chain.arrivals[t] * value).sum())
        score = chain.discount[t] * rewards[regime] - cost + np.einsum("abij,bj->abi", moves[regime], value)
        allowed = np.arange(score.shape[0])[:, None, None] < problem.choices[chain.group[:, None], chain.block_stage]
        for lever, lead in enumerate(problem.targets.lead):
            if t < lead:
                committed = problem.targets.committed[:, :, None, lever] == problem.actions[..., lever]
                allowed = allowed & np.moveaxis(committed[chain.group[:, None], chain.block_stage], 2, 0)
        score = np.where(allowed, score, -np.inf)
        choice[t], value = score.argmax(axis=0), score.max(axis=0)
    assert (came > 0) == open_
    assert lagrangian == pytest.approx((chain.initial * value).sum() + came + prices @ problem.limits, rel=1e-12)
    action = np.concatenate([column.action for column in columns], axis=1)
    assert (action == choice).mean() > 0.99  # ties between equal actions may fall either way
    total = sum(column.value - prices @ column.usage for column in columns) + prices @ problem.limits
    assert total == pytest.approx(lagrangian, rel=1e-12)


@pytest.mark.parametrize("open_", [False, True])
def test_play_states_is_the_forward_recursion(
    open_: bool, market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Value, use and head counts of any full-information plan equal plain NumPy's."""
    problem = problem_of(two_class_market(market, monkeypatch, open_=open_))
    chain = problem.chain
    moves, rewards = dense(problem)
    rng = np.random.default_rng(6)
    most = problem.choices[chain.group[:, None], chain.block_stage]
    action = (rng.random((chain.periods, *chain.initial.shape)) * most).astype(np.uint8)
    columns = Pricing(problem).columns_of(action)
    blocks, states = np.ogrid[: chain.initial.shape[0], : chain.initial.shape[1]]
    now = chain.initial.copy()
    value, spend = np.zeros(2), np.zeros((2, chain.periods, *problem.targets.shape))
    for t in range(chain.periods):
        regime = chain.regimes[1][t]
        each = problem.actions[chain.group[:, None], chain.block_stage, action[t]]
        profit = rewards[regime][action[t], blocks, states] - each.sum(axis=2)
        value += chain.discount[t] * np.bincount(chain.group, (now * profit).sum(axis=1))
        for block, group in enumerate(chain.group):
            np.add.at(spend[group, t, group], chain.block_stage[block], now[block, :, None] * each[block])
        now = np.einsum("bi,bij->bj", now, moves[regime][action[t], blocks, states]) + chain.arrivals[t]
    value += chain.discount[-1] * np.bincount(chain.group, (now * chain.terminal).sum(axis=1))
    for group, column in enumerate(columns):
        assert column.value == pytest.approx(value[group], rel=1e-10)
        np.testing.assert_allclose(column.usage, problem.money @ spend[group].ravel(), rtol=1e-10)
        there = chain.initial[chain.group == group].sum() + np.cumsum(
            [0, *chain.arrivals[:-1, chain.group == group].sum(axis=(1, 2))]
        )
        np.testing.assert_allclose(column.used.sum(axis=(1, 2)), there)


@pytest.mark.parametrize("open_", [False, True])
def test_a_playable_column_is_the_expected_history(
    open_: bool, market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a playable plan is said to bring and use is what the fluid twin says."""
    problem = problem_of(two_class_market(market, monkeypatch, open_=open_, rules={"period_share": 0.4}))
    rng = np.random.default_rng(7)
    pricing = Pricing(problem)
    for _ in range(10):
        plans = [(rng.random((4, 7)) * problem.choices[group]).astype(np.uint8) for group in range(2)]
        columns = [pricing.playable_column(group, plan) for group, plan in enumerate(plans)]
        intensity = np.stack([intensity_of(problem, group, plan) for group, plan in enumerate(plans)], axis=1)
        assert sum(column.value for column in columns) == pytest.approx(asset_of(problem, intensity), rel=1e-10)
        usage = columns[0].usage + columns[1].usage
        np.testing.assert_allclose(usage, usage_of(problem, intensity), rtol=1e-10)


# --- Playable plans ---------------------------------------------------------------------------------------------------


def tiny_market(market: Callable[..., Content]) -> Content:
    """Return two periods, one segment of two by two classes, one lever a stage: few plans differ in what they bring."""
    content = market(periods=2, stages=SHORT_STAGES, competitors=[])
    content["segments"] = {"regulars": content["segments"]["regulars"]}
    content["levers"] = {name: content["levers"][name] for name in ("retention", "winback")}
    content["levers"]["retention"]["targets"] = ["new", "core"]
    return content


def test_playable_improvement_is_exact_and_never_harms(
    market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From every start: no loss, no single change left that gains, never above the best of all plans; once there."""
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (2, 2))
    problem = problem_of(tiny_market(market))
    pricing, prices = Pricing(problem), np.array([0.4])
    stages = list(problem.targets.stages)
    free = [(0, stages.index("new")), (1, stages.index("core")), (1, stages.index("declining"))]
    choices = [range(problem.choices[0, stage]) for _, stage in free]

    def lagrangian(action: Actions) -> float:
        column = pricing.playable_column(0, action)
        return float(column.value - prices @ column.usage)

    every: dict[tuple[int, ...], float] = {}
    for chosen in itertools.product(*choices):
        action = np.zeros((2, 7), dtype=np.uint8)
        for where, choice in zip(free, chosen, strict=True):
            action[where] = choice
        every[chosen] = lagrangian(action)
    assert max(every.values()) - min(every.values()) > 1e-3 * abs(min(every.values()))
    rng = np.random.default_rng(0)
    reached = []
    for _ in range(40):
        start = (rng.random((2, 7)) * problem.choices[0]).astype(np.uint8)
        (column,) = pricing.improve(prices, [[start]])[0]
        got = float(column.value - prices @ column.usage)
        assert got >= lagrangian(start) - 1e-9 * abs(got)
        assert got <= max(every.values()) * (1 + 1e-12)
        place = tuple(int(column.action[where]) for where in free)
        assert got == pytest.approx(every[place], rel=1e-12)
        for i in range(3):
            for other in choices[i]:
                assert every[(*place[:i], other, *place[i + 1 :])] <= got + 1e-9 * abs(got)
        reached.append(got)
    assert max(reached) == pytest.approx(max(every.values()), rel=1e-12)


@pytest.mark.parametrize("seed", [1, 2, 4, 6, 7])
def test_the_playable_mixture_is_below_the_bound_and_above_no_spend(seed: int, market: Callable[..., Content]) -> None:
    """The playable optimum found lies between the least spend and the bound, and its mixture meets every rule."""
    problem = problem_of(*random_market(seed, market))
    best = full_information(problem, 1e-7)
    found = playable(problem, best)
    assert found.value <= best.bound * (1 + 1e-9)
    usage = sum(
        weight * column.usage
        for weights, columns in zip(found.mixture.weights, found.columns, strict=True)
        for weight, column in zip(weights, columns, strict=True)
    )
    assert meets(problem, np.asarray(usage) * (1 - 1e-7 * problem.signs))
    assert (found.prices * problem.signs >= 0).all()
    if not any(row.sense == ">=" for row in problem.rows):
        assert found.value > asset_of(problem, np.zeros((problem.chain.periods, *problem.targets.shape)))


# --- The bound against policies ---------------------------------------------------------------------------------------


@cache
def bounded(market: Callable[..., Content]) -> tuple[Twin, AllocationProblem, FullInformation]:
    """Return a market of customers who differ, under every kind of rule, and its bound."""
    content = market(periods=5, stages=SHORT_STAGES)
    content["rules"] = {
        "period_share": 0.3,
        "levers": {"acquisition": {"cap": 0.4}, "winback": {"floor": 0.02}, "awareness": {"floor": 0.01, "cap": 0.2}},
    }
    twin = build(parse(content))
    problem = allocation_problem(twin.scenario, twin.chain, 1.2 * reference_spend(twin.chain))
    return twin, problem, full_information(problem, 1e-4)


def feasible_policies(problem: AllocationProblem, best: FullInformation, number: int) -> list[Floats]:
    """Return playable policies that use the offered intensities and meet the rules: at random, and around good ones."""
    rng = np.random.default_rng(11)
    found = playable(problem, best)
    good = [[column.action for column in columns] for columns in found.columns]
    pricing = Pricing(problem)
    shape = (problem.chain.periods, problem.targets.shape[1])
    out: list[Floats] = []
    for attempt in range(40 * number):
        if len(out) == number:
            break
        thrift = rng.uniform(1, 6)
        plans = [(rng.random(shape) ** thrift * problem.choices[g]).astype(np.uint8) for g in range(len(good))]
        if attempt % 2:
            kept = rng.uniform(0.5, 1)
            near = [columns[rng.integers(len(columns))] for columns in good]
            plans = [np.where(rng.random(shape) < kept, one, plan) for one, plan in zip(near, plans, strict=True)]
        usage = [pricing.playable_column(g, plan).usage for g, plan in enumerate(plans)]
        if meets(problem, np.sum(usage, axis=0)):
            out.append(np.stack([intensity_of(problem, g, plan) for g, plan in enumerate(plans)], axis=1))
    assert len(out) == number
    return out


@dataclass(frozen=True, eq=False)
class ByPeriod:
    """A table of intensities, played whatever it costs."""

    intensity: Floats
    name: str = "by period"

    def decide(self, observation: Observation) -> Allocation:
        """Return this period's."""
        return Allocation(self.intensity[observation.period])


def test_the_bound_holds_for_500_random_policies(market: Callable[..., Content]) -> None:
    """No rule-feasible playable policy is worth more than the bound: in expectation, nor drawn beyond 3 errors."""
    twin, problem, best = bounded(market)
    policies = feasible_policies(problem, best, 500)
    values = np.array([asset_of(problem, intensity) for intensity in policies])
    nothing = asset_of(problem, np.zeros_like(policies[0]))
    assert values.max() <= best.bound
    assert values.max() > nothing + 0.3 * (best.bound - nothing)  # some are good: the bound has been tried
    assert np.unique(values).size > 400
    drawn = np.empty((500, 3))
    for k in range(3):
        population = twin.population(3, k, "classes")
        for i, intensity in enumerate(policies):
            history = Market(twin, ByPeriod(intensity), population, seed=3, replication=k).run()
            drawn[i, k] = customer_asset(history, twin.chain.discount_rate).total
    error = np.sqrt(drawn.var(axis=1, ddof=1).mean() / 3)
    assert (drawn.mean(axis=1) <= best.bound + 3 * error).all()
    assert (np.abs(drawn.mean(axis=1) - values) <= 5 * error).all()


@dataclass(eq=False)
class FullInformationPlay:
    """Agents who are treated by their hidden state and class, as the LP's own policy would have it.

    Each (block, column of its group) is a cohort of its own to the kernel, with a law of its own for every state: the
    odds of the action that its column has there. A customer of a block is under a column by a uniform of its own.
    """

    twin: Twin
    problem: AllocationProblem
    best: FullInformation

    def __post_init__(self) -> None:
        chain, best, actions = self.twin.chain, self.best, self.problem.actions
        assert isinstance(chain, Lifecycle)
        assert (chain.group == self.twin.cohort_group[self.twin.block_cohort]).all()
        units = [(b, c) for b, g in enumerate(chain.group) for c in range(len(best.columns[g]))]
        self.first_unit = {b: units.index((b, 0)) for b in range(chain.group.size)}
        block = np.array([b for b, _ in units])
        self.group, self.cohort = chain.group[block], self.twin.block_cohort[block]
        self.stage = chain.block_stage[block]
        first_block = np.searchsorted(chain.group, np.arange(self.twin.targets.shape[0]))
        plans = [best.columns[chain.group[b]][c].action[:, b - first_block[chain.group[b]]] for b, c in units]
        self.action = np.stack(plans, axis=1).astype(np.int64)  # (periods, units, states)
        agents = Agents(self.twin, self.twin.population(0, 0, "classes"), seed=0, replication=0)
        self.odds = []  # by period, (units, states, columns)
        for t, environment in enumerate(chain.environment[:-1]):
            by_action = np.stack(
                [agents._odds(chain, chain.responses(environment, actions[:, :, a])) for a in range(actions.shape[2])]
            )
            self.odds.append(by_action[self.action[t], self.cohort[:, None], chain.block_law[block]])

    def sorted_by_unit(self, seed: int, replication: int) -> Population:
        """Return the customers by unit: their block, and the column their own uniform picks."""
        who = self.twin.population(seed, replication, "classes")
        unit = np.empty(who.size, dtype=np.int64)
        group_of = self.twin.cohort_group[who.cohort]
        for group, weights in enumerate(self.best.mixture.weights):
            members = np.flatnonzero(group_of == group)
            stream = int(self.twin.streams[group])
            purpose = random_streams.COLUMNS
            u = random_streams.uniforms(
                seed, purpose, who.identity[members].astype(np.int64), stream=stream, replication=replication
            )[:, 0]  # fmt: skip
            pick = np.minimum(np.searchsorted(np.cumsum(weights), u), int(np.flatnonzero(weights > 0)[-1]))
            unit[members] = np.array([self.first_unit[int(b)] for b in who.block[members]]) + pick
        order = np.argsort(unit, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(unit, minlength=self.group.size))])
        names = ("identity", "state", "purchase_rate", "defection_rate", "mean_spend", "block")
        return replace(who, start=start, **{name: getattr(who, name)[order] for name in names})

    def run(self, seed: int, replication: int) -> tuple[float, Floats]:
        """Return asset and use of rules."""
        chain, twin = self.twin.chain, self.twin
        assert isinstance(chain, Lifecycle)
        who = self.sorted_by_unit(seed, replication)
        state, (units, states) = who.state.copy(), self.action.shape[1:]
        stages = self.stage.max() + 1
        every_state = np.repeat(np.arange(states, dtype=np.uint16)[None], units, axis=0)
        kind, stage = chain.space.kind.astype(np.uint8), self.stage.astype(np.uint8)
        successor = chain.space.successor.astype(np.uint16)
        spread, tables, moments, constant = twin.amounts
        asset, spend = 0.0, np.zeros((chain.periods, *self.problem.targets.shape))
        for t in range(chain.periods):
            counts = np.zeros((units, states), dtype=np.int64)
            agent_kernels.count_states(who.start, state, counts)
            money = self.problem.actions[self.group[:, None], self.stage, self.action[t]]
            np.add.at(spend[t], (self.group[:, None], self.stage), counts[..., None] * money)
            moves = np.zeros((units, stages, stages), dtype=np.int64)
            purchases, revenue = (np.zeros((units, stages), dtype=np.int64) for _ in range(2))
            events = np.zeros((units, len(agent_kernels.EVENTS)), dtype=np.int64)
            agent_kernels.move_lifecycle(
                0, who.size, who.start, who.identity, state, who.purchase_rate, who.defection_rate, who.mean_spend,
                kind, every_state, stage, successor, self.odds[t], chain.buys, 1, 1, False,
                twin.streams[self.group], spread[self.cohort], tables, moments, constant, seed, random_streams.PERIOD,
                t, replication, twin.money_units, np.zeros_like(counts), moves, purchases, revenue, events,
            )  # fmt: skip
            earned = (revenue.sum(axis=1) / twin.money_units) @ twin.margin[self.group]
            asset += chain.discount[t] * (earned - spend[t].sum())
        at_end = np.bincount(who.block * states + state, minlength=chain.initial.size).reshape(chain.initial.shape)
        asset += chain.discount[-1] * float((at_end * chain.terminal).sum())
        return float(asset), self.problem.money @ spend.ravel()


def test_agents_play_the_programmes_own_policy_at_its_value(market: Callable[..., Content]) -> None:
    """The LP's full-information policy, drawn customer by customer, has the LP's value and use within 3 errors."""
    twin, problem, best = bounded(market)
    replications = 30
    play = FullInformationPlay(twin, problem, best)
    played = [play.run(5, k) for k in range(replications)]
    assets, usages = np.array([asset for asset, _ in played]), np.array([usage for _, usage in played])
    error = assets.std(ddof=1) / math.sqrt(replications)
    assert error < 0.003 * best.value
    assert abs(assets.mean() - best.value) <= 3 * error
    want = sum(
        weight * column.usage
        for weights, columns in zip(best.mixture.weights, best.columns, strict=True)
        for weight, column in zip(weights, columns, strict=True)
    )
    errors = usages.std(axis=0, ddof=1) / math.sqrt(replications)
    assert (np.abs(usages.mean(axis=0) - want) <= 4 * errors + 1e-9 * np.abs(want)).all()
    lift = best.value - asset_of(problem, np.zeros((problem.chain.periods, *problem.targets.shape)))
    assert lift > 10 * error  # the policy does something that a mistake in playing it would lose


# --- Rules and corners ------------------------------------------------------------------------------------------------


def test_rules_that_cannot_be_met_are_named(market: Callable[..., Content]) -> None:
    """A floor beyond what its targets can take is named, with what it asks for and by how much it misses."""
    content = market(plain=True, periods=3, stages=SHORT_STAGES)
    content["rules"] = {"levers": {"winback": {"floor": 0.9}, "acquisition": {"cap": 0.5}}}
    scenario = parse(content)
    chain = build(scenario).chain
    for solve, words in (
        (lambda p: full_information(p), r"'floor of winback' asks for >= 900,000,000\.00 and misses it by"),
        (lambda p: optimise(scenario, chain, p.limits[0]), r"'floor of winback' cannot be met at all.* by 899,9"),
    ):
        with pytest.raises(RulesError, match=words) as caught:
            solve(allocation_problem(scenario, chain, 1e9))
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 2


def test_more_committed_than_there_is_money_for_is_named(market: Callable[..., Content]) -> None:
    """What was decided before the start and is dearer than the whole budget: the budget is the rule that is missed."""
    content = market(plain=True, periods=3, stages=SHORT_STAGES)
    content["levers"]["acquisition"].update(lead_time=2, committed=50.0)
    scenario = parse(content)
    with pytest.raises(RulesError, match=r"'budget' cannot be met at all; all can be met once 'budget' is loosened by"):
        optimise(scenario, build(scenario).chain, 1000.0)


@pytest.mark.parametrize("budget", [-1.0, float("nan"), float("inf")])
def test_a_budget_that_is_no_money_is_refused(budget: float, market: Callable[..., Content]) -> None:
    """Negative, infinite or not a number: one line, exit code 2."""
    scenario = parse(market(plain=True))
    with pytest.raises(InputError, match="budget: expected money of at least 0"):
        allocation_problem(scenario, build(scenario).chain, budget)


def test_no_budget_is_no_spend(market: Callable[..., Content]) -> None:
    """With nothing to spend the plan is nothing, its value and the bound are those of no spend, the share no number."""
    scenario = parse(market(plain=True, periods=3, stages=SHORT_STAGES, rules={"period_share": 0.5}))
    plan = optimise(scenario, build(scenario).chain, 0.0)
    assert plan.spend.sum() == 0
    assert plan.asset == pytest.approx(plan.no_spend, rel=1e-12)
    assert plan.bound == pytest.approx(plan.no_spend, rel=1e-9)
    assert math.isnan(plan.lift_share)
    assert plan.shadow_price > 0


@pytest.mark.parametrize("change", ["one period", "one segment", "both"])
def test_small_corners_equal_the_whole_programme(change: str, market: Callable[..., Content]) -> None:
    """One period, one segment: the LP stated whole is met, and the certified bound is above it and the plan."""
    content = market(plain=True, periods=1 if change != "one segment" else 3, stages=SHORT_STAGES)
    if change != "one period":
        content["segments"] = {"fresh": content["segments"]["fresh"]}
    scenario = parse(content)
    chain = build(scenario).chain
    budget = 0.7 * reference_spend(chain)
    plan = optimise(scenario, chain, budget, tolerance=1e-7)
    problem = allocation_problem(scenario, chain, budget)
    whole = whole_programme(problem)[0].objective
    assert full_information(problem, 1e-9).bound == pytest.approx(whole, rel=1e-6)
    assert plan.bound >= whole * (1 - 1e-9)
    assert plan.asset <= plan.bound * (1 + 1e-9)
    assert plan.asset > plan.no_spend
    assert plan.spend.sum() <= budget * (1 + 1e-6)


def scaled(content: Content, factor: float) -> Content:
    """Return the same market in another currency unit."""
    for segment in content["segments"].values():
        spend = segment["traits"]["spend"]
        segment["traits"]["spend"] = (
            {**spend, "gamma": factor * spend["gamma"]} if isinstance(spend, dict) else factor * spend
        )
    for lever in content["levers"].values():
        lever["reference"] *= factor
        for curve in lever["moves"].values():
            curve["spend"] *= factor
    return content


RULES = {"period_share": 0.4, "levers": {"acquisition": {"cap": 0.4}, "winback": {"floor": 0.02}}}


@pytest.mark.parametrize("factor", [100.0, 1e-4, 1e5, 1e6])
def test_the_currency_unit_does_not_matter(factor: float, market: Callable[..., Content]) -> None:
    """In cents or millions: optimum, full information, plan and no-spend scale to 1e-9; prices and shares stay."""
    content = market(plain=True, periods=4, stages=SHORT_STAGES, rules=RULES)
    answers = []
    for unit in (1.0, factor):
        scenario = parse(scaled(content if unit == 1 else market(
            plain=True, periods=4, stages=SHORT_STAGES, rules=RULES), unit))  # fmt: skip
        chain = build(scenario).chain
        budget = 0.6 * reference_spend(chain)
        problem = allocation_problem(scenario, chain, budget)
        whole, prices = whole_programme(problem)
        plan = optimise(scenario, chain, budget, tolerance=1e-7)
        answers.append((whole.objective / unit, plan, prices, unit))
    (whole, plan, prices, _), (other_whole, other, other_prices, unit) = answers
    assert other_whole == pytest.approx(whole, rel=1e-9)
    assert other.budget == pytest.approx(unit * plan.budget, rel=1e-9)
    assert other.no_spend == pytest.approx(unit * plan.no_spend, rel=1e-9)
    assert other.reference == pytest.approx(unit * plan.reference, rel=1e-9)
    assert other.bound == pytest.approx(unit * plan.bound, rel=1e-7)  # charges rest on the last digits of a plan
    assert other.asset == pytest.approx(unit * plan.asset, rel=1e-9)
    assert other.lift_share == pytest.approx(plan.lift_share, rel=1e-6)
    np.testing.assert_allclose(other_prices, prices, rtol=1e-6, atol=1e-8)
    assert other.shadow_price == pytest.approx(plan.shadow_price, rel=1e-6)


def test_order_and_names_of_segments_and_levers_do_not_matter(market: Callable[..., Content]) -> None:
    """Reordered and renamed segments, reordered levers: the same optimum and bound to 1e-9."""
    content = market(plain=True, periods=4, stages=SHORT_STAGES, rules=RULES)
    turned = market(plain=True, periods=4, stages=SHORT_STAGES, rules=RULES)
    turned["segments"] = {f"the {name}": part for name, part in reversed(turned["segments"].items())}
    turned["levers"] = dict(reversed(turned["levers"].items()))
    optima, bounds = [], []
    for this in (content, turned):
        problem = problem_of(this, 0.6)
        optima.append(whole_programme(problem)[0].objective)
        bounds.append(full_information(problem, 1e-9).bound)
    assert optima[1] == pytest.approx(optima[0], rel=1e-9)
    assert bounds[1] == pytest.approx(bounds[0], rel=1e-9)
    assert bounds[0] == pytest.approx(optima[0], rel=1e-8)


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_do_not_change_a_bit(threads: int, market: Callable[..., Content]) -> None:
    """One thread or two: the same bound, prices and plan."""
    scenario = parse(market(plain=True, periods=4, stages=SHORT_STAGES, rules=RULES))
    chain = build(scenario).chain
    plan, other = (optimise(scenario, chain, threads=number) for number in (threads, 3))
    assert plan.bound == other.bound
    assert plan.prices == other.prices
    assert plan.intensity.tobytes() == other.intensity.tobytes()


def test_the_plan_meets_its_rules_and_is_what_it_says(market: Callable[..., Content]) -> None:
    """The one plan made of the mixture meets every rule in expectation; value, use and head counts are the twin's."""
    _, problem, _ = bounded(market)
    scenario = problem.chain.scenario  # type: ignore[attr-defined]
    plan = optimise(scenario, problem.chain, problem.limits[0])
    usage = usage_of(problem, plan.intensity)
    assert (problem.signs * (problem.limits - usage) >= -1e-6 * problem.limits).all()
    assert plan.asset == pytest.approx(asset_of(problem, plan.intensity), rel=1e-12)
    assert plan.no_spend < plan.asset <= plan.bound
    assert plan.gap == pytest.approx(1 - (plan.asset - plan.no_spend) / (plan.bound - plan.no_spend))
    assert plan.spend.sum() == pytest.approx(usage[0])
    assert not plan.intensity[:, ~problem.targets.allowed].any()


def campaigning(market: Callable[..., Content]) -> Content:
    """Return a market in which people appear, one lever takes two periods and runs three, one runs two."""
    content = market(periods=7, plain=True, stages=SHORT_STAGES)
    content["rules"] = {"levers": {"development": {"cap": 0.35}, "winback": {"floor": 0.02}}}
    content["segments"]["fresh"]["births"] = {"unaware": 800, "prospect": 300}
    content["levers"]["acquisition"].update(lead_time=2, duration=3, committed=0.9)
    content["levers"]["development"]["duration"] = 2
    content["levers"]["retention"]["lead_time"] = 1
    return content


def test_a_plan_keeps_to_what_is_committed_and_to_its_campaigns(market: Callable[..., Content]) -> None:
    """What was decided before acts first; a campaign runs unchanged; rules hold; below the bound, above doing nothing.

    Agents who play it are treated as it says: money and asset are the twin's within 4 standard errors.
    """
    scenario = parse(campaigning(market))
    twin = build(scenario)
    problem = allocation_problem(scenario, twin.chain, 1.1 * reference_spend(twin.chain))
    plan = optimise(scenario, twin.chain, problem.limits[0])
    levers = twin.targets.levers
    acquisition, development, retention = (levers.index(n) for n in ("acquisition", "development", "retention"))
    by_lever = np.moveaxis(plan.intensity, 3, 0)
    for lever, lead in ((acquisition, 2), (retention, 1)):
        np.testing.assert_array_equal(by_lever[lever][:lead], np.stack([twin.targets.committed[..., lever]] * lead))
    for lever, first, length in ((acquisition, 2, 3), (development, 0, 2)):
        for start in range(first, 7, length):
            run = by_lever[lever][start : start + length]
            np.testing.assert_allclose(run, np.broadcast_to(run[0], run.shape), rtol=1e-12)
    usage = usage_of(problem, plan.intensity)
    assert (problem.signs * (problem.limits - usage) >= -1e-6 * problem.limits).all()
    assert plan.asset == pytest.approx(asset_of(problem, plan.intensity), rel=1e-12)
    assert plan.no_spend < plan.asset <= plan.bound
    least = least_spend(problem).intensity
    np.testing.assert_array_equal(least[:2, ..., acquisition], plan.intensity[:2, ..., acquisition])
    np.testing.assert_array_equal(least[2:, ..., acquisition], 0)
    assert plan.no_spend == pytest.approx(asset_of(problem, least), rel=1e-12)
    assert plan.lift_share > 0.7

    assets, spends = [], []
    for k in range(40):
        history = Market(twin, Planned(plan.intensity), twin.population(2, k, "classes"), seed=2, replication=k).run()
        assets.append(customer_asset(history, twin.chain.discount_rate).total)
        spends.append(history.spend.sum(axis=(0, 1, 2)))
    for got, want in ((np.array(assets), plan.asset), (np.array(spends), plan.spend.sum(axis=(0, 1, 2)))):
        error = got.std(axis=0, ddof=1) / math.sqrt(40)
        assert (error < 0.02 * want).all()
        assert (np.abs(got.mean(axis=0) - want) <= 4 * error).all()


def test_money_that_brings_ten_thousandfold_is_no_conflict() -> None:
    """Few prospects of huge value: a binding budget has a high price, and is not taken for rules that clash."""
    scenario = parse(
        {
            "name": "business customers",
            "periods": 6,
            "margin": 0.5,
            "segments": {
                "b": {
                    "start": {"prospect": 300},
                    "traits": {"purchase_rate": 0.5, "defection_rate": 0.05, "spend": 50_000.0},
                }
            },
            "levers": {
                "visit": {
                    "targets": ["prospect"],
                    "reference": 0.05,
                    "moves": {
                        "acquisition": {"without_money": 0.01, "unlimited_money": 0.2, "spend": 0.05, "brings": 0.03}
                    },
                }
            },
        }
    )
    plan = optimise(scenario, build(scenario).chain)
    assert plan.status == "feasible"
    assert plan.lift_share > 0.95
    assert plan.shadow_price > 1e4


def test_no_money_has_the_price_of_a_little(market: Callable[..., Content]) -> None:
    """The shadow price at no budget is that of a small one, not a penalty."""
    scenario = parse(market(plain=True, periods=4, stages=SHORT_STAGES, rules=RULES))
    chain = build(scenario).chain
    none, little = (optimise(scenario, chain, budget) for budget in (0.0, 1e-3 * reference_spend(chain)))
    assert none.spend.sum() == 0
    assert none.shadow_price == pytest.approx(little.shadow_price, rel=0.3)


def test_lift_counts_from_the_least_the_rules_allow(market: Callable[..., Content]) -> None:
    """With floors the least spend is the floors, not nothing; without them it is nothing."""
    for floor in (0.0, 0.2):
        rules = {"levers": {"awareness": {"floor": floor}, "winback": {"floor": floor / 2}}} if floor else {}
        scenario = parse(market(plain=True, periods=4, stages=SHORT_STAGES, rules=rules))
        problem = allocation_problem(scenario, build(scenario).chain)
        spend = least_spend(problem).spend.sum(axis=(0, 1, 2))
        expected = np.array([floor, 0, 0, 0, floor / 2]) * problem.limits[0]
        np.testing.assert_allclose(spend, expected, rtol=1e-6)
