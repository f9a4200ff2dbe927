"""The bound for the targeting against enumeration of playable plans, plain NumPy, and full information."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from checks import asset_of
from scipy.sparse import csr_matrix

from optimizer.ask.problem import AllocationProblem, allocation_problem, joint_actions, reference_spend
from optimizer.ask.rows import BUDGET, Kind, Row
from optimizer.bound.decomposition import certified_bound, full_information
from optimizer.bound.targeting import Charged, targeting_bound
from optimizer.optimize import optimize
from optimizer.question import Question
from sim.contract import Targets
from sim.engine.chain import ControlledChain, StateSpace, Step
from sim.engine.matrix_chain import MatrixChain
from sim.scenario.file import parse
from sim.twin import build

Content = dict[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]

PRICE = np.array([0.0, 1.0, 2.5])


@dataclass(frozen=True, eq=False)
class HiddenChain(MatrixChain):
    """Given outright, several blocks in a group: ``moves`` and ``rewards`` by block, ``action_spend`` by group."""

    def step(self, environment: Floats, intensity: Floats) -> Step:
        """Mix the actions linearly between their spends."""
        actions = self.action_spend.shape[1]
        at = intensity[self.group[:, None], self.space.stage[self.group], 0]
        corner = [np.interp(at, self.action_spend[0], np.eye(actions)[a]) for a in range(actions)]
        weight = np.stack(corner, axis=1)
        reward = np.einsum("bas,bas->bs", weight, self.rewards) * environment[0, 0]
        moves = self.moves if environment[0, 0] == 1 else self.moves[:, ::-1]
        return Step(np.einsum("bas,bast->bst", weight, moves), np.zeros_like(reward), reward, reward)


def hidden_problem(
    seed: int, *, blocks: int = 3, states: int = 4, actions: int = 2, periods: int = 3, seen: bool = False, odd: int = 1
) -> AllocationProblem:
    """Return one group of customers who differ in what they do and in states that look alike, under a budget.

    ``seen``: every state is a stage of its own. With an odd seed the first state's customers are alike. Every second
    period is ``odd``: from 2 on actions do what the others do elsewhere, for rewards so many times as large.
    """
    rng = np.random.default_rng(seed)
    stage = np.arange(states) if seen else np.minimum(np.arange(states), 1)
    stages = int(stage.max()) + 1
    moves = rng.dirichlet(np.full(states, 0.5), (blocks, actions, states))
    if seed % 2:  # the first state's customers are alike, and none return to it
        moves[..., 0] = 0
        moves[:, :, 0, 0] = np.linspace(0.9, 0.5, actions)
        moves /= moves.sum(axis=3, keepdims=True)
        moves[:, :, 0] = moves[:1, :, 0]
    initial = rng.uniform(0, 100, (blocks, states)) * (rng.random((blocks, states)) < 0.7)
    initial[:, 0] = rng.uniform(50, 100, blocks)
    arrivals = np.zeros((periods, blocks, states))
    arrivals[:, :, 0] = initial[:, 0] * rng.uniform(0, 0.2)
    index, none = np.arange(states), np.zeros(states, dtype=np.int64)
    shape = (1, stages, 1)
    names = tuple(f"s{i}" for i in range(stages))
    chain = HiddenChain(
        targets=Targets(
            ("all",), ("unknown",), names, ("lever",), np.ones(shape, bool), np.ones(shape), np.ones(shape), (0,), (1,)
        ),
        space=StateSpace(
            names=tuple(f"state {i}" for i in index), kind=none + 2, stage=stage[None], law=index[None],
            law_stage=stage, law_kind=none + 2, successor=np.tile(index, (states, 1)), bought=none, silent=none,
            level=none, ties=none - 1, law_level=none, law_ties=none - 1, kept=none, law_grown=none,
        ),
        group=np.zeros(blocks, dtype=np.int64), initial=initial, periods=periods, discount_rate=0.1,
        environment=np.where(np.arange(periods + 1) % 2, float(odd), 1.0)[:, None, None], arrivals=arrivals,
        with_terminal=False,
        action_spend=PRICE[None, :actions], moves=moves, rewards=rng.uniform(0, 6, (blocks, actions, states)),
    )  # fmt: skip
    offered, choices = joint_actions(chain)
    budget = float(rng.uniform(0.2, 0.8)) * reference_spend(chain)
    rows = (
        money_row("budget", "<=", budget, 1.0, np.ones(periods), chain),
        money_row("last", ">=", 0.1 * budget, 0.1, np.arange(periods) == periods - 1, chain),
    )
    twin: Any = SimpleNamespace(chain=chain)  # nothing but the chain is asked for here
    return AllocationProblem(twin, offered, choices, rows)


def money_row(name: str, sense: str, limit: float, per_budget: float, periods: Floats, chain: ControlledChain) -> Row:
    """Return the rule on all money of some periods."""
    counted = np.broadcast_to(periods[:, None, None, None], (chain.periods, *chain.targets.shape)).astype(float)
    return Row(
        name, BUDGET if name == "budget" else Kind("test"), sense, limit, per_budget, csr_matrix(counted.reshape(1, -1))
    )


def meets(problem: AllocationProblem, intensity: Floats) -> bool:
    return bool((problem.signs * (problem.limits - problem.usage(intensity)) >= -1e-9 * problem.row_units).all())


def playable_plans(problem: AllocationProblem, seed: int) -> list[Floats]:
    """Return all plans of one action a cell, and random mixtures of actions (intensities in between: linear)."""
    periods, stages = problem.chain.periods, problem.targets.shape[1]
    levels = problem.actions[0, 0, :, 0]
    every = [np.array(one).reshape(periods, 1, stages, 1) for one in itertools.product(levels, repeat=periods * stages)]
    rng = np.random.default_rng(seed)
    return every + list(rng.uniform(0, levels.max(), (300, periods, 1, stages, 1)))


@pytest.mark.parametrize("seed", range(12))
def test_no_playable_plan_beats_the_bound(seed: int) -> None:
    """All deterministic plans and random mixtures that meet the rules are worth no more; nor is full information less.

    Whatever plan the charges start from, the best or a bad one, leaning law by law or not, after any number of steps.
    """
    many = seed % 3 == 0
    problem = hidden_problem(seed, actions=3 if many else 2, periods=2 if many else 3, odd=1 + seed % 2)
    plans = [plan for plan in playable_plans(problem, seed) if meets(problem, plan)]
    worth = np.array([asset_of(problem.chain, plan) for plan in plans])
    full = full_information(problem, 1e-7)
    for plan in (plans[int(worth.argmax())], plans[0]):
        known, bounds = certified_bound(problem, full.prices_of_bound, plan) * (1 + 1e-12), []
        for steps, by_law in ((0, False), (0, True), (30, False)):
            found = targeting_bound(problem, full, plan, iterations=steps, by_law=by_law)
            assert found.bound >= worth.max() - 1e-9 * abs(worth.max())
            assert found.bound <= known
            bounds.append(found.bound)
        assert bounds[1] <= bounds[0] + 1e-9 * abs(bounds[0])
        if many:  # no time for law by law
            assert targeting_bound(problem, full, plan, iterations=0, by_law=True, seconds=0.0).bound == bounds[0]


def test_the_bound_is_tighter_where_much_is_hidden() -> None:
    """Over the instances above it closes most of what full information leaves open between bound and best plan."""
    closed = []
    for seed in range(6):
        problem = hidden_problem(seed)
        plans = [plan for plan in playable_plans(problem, seed) if meets(problem, plan)]
        worth = np.array([asset_of(problem.chain, plan) for plan in plans])
        full = full_information(problem, 1e-7)
        found = targeting_bound(problem, full, plans[int(worth.argmax())], iterations=100)
        closed.append((full.bound - found.bound) / (full.bound - worth.max()))
        assert all(later <= before + 1e-9 * abs(before) for before, later in itertools.pairwise(found.history))
    assert np.mean(closed) > 0.5, closed
    assert min(closed) >= -1e-9


@pytest.mark.parametrize("seed", range(4))
def test_with_nothing_hidden_it_is_the_bound_of_full_information(seed: int) -> None:
    """One class, every state seen: the two bounds are one, not just from above."""
    problem = hidden_problem(seed, blocks=1, states=3, seen=True)
    full = full_information(problem, 1e-9)
    plan = np.zeros((3, 1, 3, 1))
    found = targeting_bound(problem, full, plan, iterations=20)
    assert found.bound == pytest.approx(full.bound, rel=1e-7)


def test_heads_and_mixes_of_playable_plans_are_in_their_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random plans, laws and periods; blocks that cannot differ in a state have a mix without room."""
    for seed, odd, passes in ((0, 1, 1e9), (1, 1, 1e9), (2, 2, 1e9), (3, 2, 1e9), (3, 2, 0.0)):
        monkeypatch.setattr("optimizer.bound.head_ranges.MOST_PASSES", passes)
        problem = hidden_problem(seed, actions=3, odd=odd)
        chain = problem.chain
        plan = np.ones((3, 1, 2, 1))
        charged = Charged(problem, plan)
        reference = int(charged.reference[0])
        rng = np.random.default_rng(seed)
        for intensity in rng.choice(PRICE, (200, 3, 1, 2, 1)):
            now = chain.initial
            for t in range(chain.periods):
                assert (now >= charged.ranges.low[t] * (1 - 1e-9) - 1e-9).all()
                assert (now <= charged.ranges.high[t] * (1 + 1e-9) + 1e-9).all()
                for stage in range(2):
                    total = now[:, chain.space.law_stage == stage].sum(axis=1)
                    assert (total >= charged.ranges.fewest[t, :, stage] * (1 - 1e-9) - 1e-9).all()
                    assert (total <= charged.ranges.largest[t, :, stage] * (1 + 1e-9) + 1e-9).all()
                with np.errstate(divide="ignore", invalid="ignore"):
                    mix = now / now[reference]
                there = now[reference] > 0
                assert (mix >= charged.ranges.least_mix[t] * (1 - 1e-9))[:, there].all()
                assert (mix <= charged.ranges.most_mix[t] * (1 + 1e-9))[:, there].all()
                step = chain.step(chain.environment[t], intensity[t])
                now = np.einsum("bs,bst->bt", now, step.probability) + chain.arrivals[t]
        if seed % 2:
            np.testing.assert_allclose(charged.ranges.least_mix[:, :, 0], charged.ranges.most_mix[:, :, 0], rtol=1e-9)


# --- Kernels against NumPy --------------------------------------------------------------------------------------------


def twin_response(problem: AllocationProblem, charged: Charged, plan: Floats, prices: Floats, charge: Floats) -> Floats:
    """Return the value by block of the best that sees everything and pays charges: plain backward induction."""
    chain = problem.chain
    rows = np.arange(chain.group.size)[:, None]
    value = chain.terminal * chain.discount[-1]
    came = np.zeros(chain.group.size)
    money = chain.discount[:-1, None, None, None] + (prices @ problem.money).reshape(-1, *problem.targets.shape)
    for t in reversed(range(chain.periods)):
        came += (chain.arrivals[t] * value).sum(axis=1)
        scores = []
        offered = [problem.actions[:, :, a] for a in range(problem.actions.shape[2])] + [plan[t]]
        for a, intensity in enumerate(offered):
            step = chain.step(chain.environment[t], intensity)
            reach = value[rows[:, :, None], chain.space.successor[None]]
            score = chain.discount[t] * step.reward[rows, chain.block_law]
            score = score + (step.probability[rows, chain.block_law] * reach).sum(axis=2)
            score = score - (intensity * money[t]).sum(axis=2)[chain.group[:, None], chain.block_stage]
            score = score - charge[t, :, :, a][rows, chain.block_law]
            if a < len(offered) - 1:
                counts = a < problem.choices[chain.group[:, None], chain.block_stage]
                score = np.where(counts & problem.possible[t, chain.group[:, None], chain.block_stage, a], score, -1e30)
            scores.append(score)
        value = np.max(scores, axis=0)
    return np.asarray((chain.initial * value).sum(axis=1) + came)


def most_of(price: Floats, low: Floats, high: Floats, fewest: float, largest: float) -> float:
    """Return the most of ``price n`` over a box and a range of the sum: the least of its dual, at a breakpoint."""
    values = [
        np.maximum((price - at) * low, (price - at) * high).sum() + max(at * fewest, at * largest)
        for at in (*price, 0.0)
    ]
    return float(min(values))


def twin_returned(problem: AllocationProblem, charged: Charged, charge: Floats) -> float:
    """Return the sum over cells of the most that one action for all pays."""
    chain = problem.chain
    periods, _, _, actions = charge.shape
    total = 0.0
    for t, g, where in itertools.product(range(periods), range(charged.groups), range(problem.targets.shape[1])):
        mine = np.flatnonzero(chain.group == g)
        reference = charged.reference[g]
        paid = []
        of_stage = np.flatnonzero(chain.space.law_stage == where)
        for a in range(actions):
            if a < actions - 1 and not problem.possible[t, g, where, a]:
                continue
            amount = 0.0
            for law in of_stage:
                price = charge[t, mine, law, a] * (charged.ranges.high[t, mine, law] > 0)
                low, high = charged.ranges.low[t, mine, law], charged.ranges.high[t, mine, law]
                boxed = np.maximum(price * low, price * high)
                bounded = np.isfinite(charged.ranges.most_mix[t, mine, law])
                least, most = (
                    charged.ranges.least_mix[t, mine, law][bounded],
                    charged.ranges.most_mix[t, mine, law][bounded],
                )
                mix = np.maximum(price[bounded] * least, price[bounded] * most).sum()
                scale = np.array([charged.ranges.low[t, reference, law], charged.ranges.high[t, reference, law]])
                amount += min(boxed.sum(), (scale * mix).max() + boxed[~bounded].sum())
            capped = sum(
                most_of(
                    charge[t, b, of_stage, a], charged.ranges.low[t, b, of_stage], charged.ranges.high[t, b, of_stage],
                    charged.ranges.fewest[t, b, where], charged.ranges.largest[t, b, where],
                ) for b in mine
            )  # fmt: skip
            paid.append(min(amount, capped))
        total += max(paid)
    return total


def market_problem(market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch) -> AllocationProblem:
    """Return customers who differ, in 2 x 2 classes a segment; people appear, and a lever takes time to act."""
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (2, 2))
    content = market(periods=3, stages={"core": 2, "declining": 1, "lapsed": 2}, rules={"period_share": 0.5})
    content["segments"]["fresh"]["births"] = {"unaware": 700.5, "prospect": 333.3}
    content["levers"]["acquisition"].update(lead_time=1, committed=0.77)
    scenario = parse(content)
    twin = build(scenario)
    chain = twin.chain
    return allocation_problem(twin, 0.8 * reference_spend(chain))


def random_plan(problem: AllocationProblem, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    usual = problem.targets.reference * problem.targets.allowed
    return problem.targets.with_committed(rng.uniform(0, 2, (problem.chain.periods, *usual.shape)) * usual)


def test_the_kernels_are_their_numpy_twins(market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch) -> None:
    """Best response under random charges, and what is returned, to rounding; the plan's worth is its value."""
    problem = market_problem(market, monkeypatch)
    plan = random_plan(problem, 1)
    charged = Charged(problem, plan)
    rng = np.random.default_rng(2)
    prices = rng.uniform(0, 2, len(problem.rows))
    known = charged.arguments(prices)
    by_group = [charged.advantages(g, known, charged.leaning(g, 2.0, True)) for g in range(charged.groups)]
    priced = asset_of(problem.chain, plan) - float(prices @ problem.usage(plan))
    assert sum(worth for _, _, worth in by_group) == pytest.approx(priced, rel=1e-10)
    for charge in (rng.normal(0, 1, charged.shape), np.concatenate([charges for charges, _, _ in by_group], axis=1)):
        want = twin_response(problem, charged, plan, prices, charge).sum() + twin_returned(problem, charged, charge)
        parts = [np.ascontiguousarray(charge[:, own(charged, group)]) for group in range(charged.groups)]
        for bounds in zip(*(charged.bound(g, known, part)[:2] for g, part in enumerate(parts)), strict=True):
            assert sum(bounds) == pytest.approx(want, rel=1e-10)


def own(charged: Charged, group: int) -> slice:
    """Return where the blocks of a group are."""
    return slice(int(charged.first[group]), int(charged.first[group + 1]))


@pytest.mark.parametrize("lean", [0.0, 0.3, 1.0])
def test_charged_what_actions_bring_nobody_gains_by_what_is_hidden(lean: float) -> None:
    """Where laws hold one state each, first charges leave the values that they are made with.

    Those are the plan's own, or the best of full information, which nothing brings more than; or lie between.
    """
    problem = hidden_problem(3)
    plan = np.ones((3, 1, 2, 1))
    charged = Charged(problem, plan)
    prices = np.array([0.3, -0.1])
    charge, _, worth = charged.advantages(0, charged.arguments(prices), np.full(charged.shape[:3], lean))
    left = twin_response(problem, charged, plan, prices, charge).sum()
    best = twin_response(problem, charged, plan, prices, np.zeros_like(charge)).sum()
    if lean == 0:
        assert left == pytest.approx(worth, rel=1e-9)
        assert abs(charge[..., -1]).max() == 0
    elif lean == 1:
        assert left == pytest.approx(best, rel=1e-9)
        assert charge.max() <= 0
    else:
        assert worth < left < best


def test_values_lean_the_more_the_farther_heads_may_rise(
    market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole where a period goes the same with money and without, nowhere where heads are known, more with a low power.

    The plan's own head counts lie in their ranges.
    """
    problem = market_problem(market, monkeypatch)
    charged, chain = Charged(problem, random_plan(problem, 1)), problem.chain
    without, usual = (chain.step(chain.environment[0], much * chain.usual) for much in (0.0, 1.0))
    moved = (without.probability != usual.probability).any(axis=2) | (without.reward != usual.reward)
    assert (charged.ranges.low <= charged._heads + 1e-9).all()
    assert (charged._heads <= charged.ranges.high + 1e-9).all()
    for group in range(charged.groups):
        of_group = moved[chain.group == group].any(axis=0)
        whole, none = charged.leaning(group, 2.0, True), charged.leaning(group, np.inf, True)
        assert (whole[:, :, ~of_group] == 1).all()
        assert (none == np.where(of_group, 0.0, 1.0)).all()
        more, less = charged.leaning(group, 1.0, False), charged.leaning(group, 2.0, False)
        known = (charged.ranges.high == charged.ranges.low)[:, own(charged, group)]
        assert (more[known] == 0).all()
        assert (less <= more).all()
        assert less.max() > 0


# --- The whole way ----------------------------------------------------------------------------------------------------


def test_a_market_plan_is_below_its_tighter_bound(
    market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan found, and random playable plans that meet the rules, lie below; full information above.

    One thread or two: the same bits.
    """
    problem = market_problem(market, monkeypatch)
    plan = optimize(problem.twin, Question(budget=problem.limits[0]))
    full = full_information(problem)
    found, other = (
        targeting_bound(problem, full, plan.intensity, iterations=25, threads=threads) for threads in (1, 2)
    )
    assert found.bound == other.bound
    assert found.history == other.history
    assert plan.asset <= found.bound <= plan.reference
    assert plan.reference - plan.no_spend > 1.2 * (found.bound - plan.no_spend)
    for seed in range(40):
        intensity = random_plan(problem, seed)
        share = (problem.limits / problem.usage(intensity)).min()
        intensity = problem.targets.with_committed(min(1.0, share) * intensity)
        if meets(problem, intensity):
            assert asset_of(problem.chain, intensity) <= found.bound


def test_other_prices_are_tried(market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices that are given besides are used where they are better; the bound is never worse at the start."""
    problem = market_problem(market, monkeypatch)
    full = full_information(problem)
    plan = random_plan(problem, 3)
    plan = problem.targets.with_committed(plan * min(1.0, (problem.limits / problem.usage(plan)).min()))
    alone = targeting_bound(problem, full, plan, iterations=0)
    poor = replace(full, prices_of_bound=3 * full.prices_of_bound)
    both = targeting_bound(problem, poor, plan, prices=full.prices_of_bound, iterations=0)
    assert both.history[0] <= alone.history[0] * (1 + 1e-12)
