"""What a change of plan is worth, read off one pass backwards: against a plain one, and against following each."""

import doctest
from collections.abc import Callable

import numpy as np
import pytest
from markets import Content

from benchmarks.law_cases import chain_market, random_market
from optimizer.insight.trial import Meanwhile
from sim.arrays import Floats
from sim.engine import onward as module
from sim.engine.chain import ControlledChain, transition_matrix
from sim.engine.onward import alone, left_by, onward, worth_if_changed
from sim.engine.sensitivity import asset_aim, follow
from sim.scenario.file import parse
from sim.twin import build


def plans_of(chain: ControlledChain, seed: int, number: int = 3) -> list[Floats]:
    """Return random plans."""
    random, shape = np.random.default_rng(seed), (chain.periods, *chain.targets.shape)
    usual = np.where(chain.targets.allowed, chain.usual, 0.0)
    return [usual * random.uniform(0, 2, shape) for _ in range(number)]


def changed(first: Floats, then: Floats, period: int) -> Floats:
    """Return a plan that another follows."""
    return np.concatenate([first[:period], then[period:]])


def plain(chain: ControlledChain, plan: Floats) -> tuple[Floats, Floats]:
    """Return ``V`` and ``W`` of every period by whole matrices, one customer's state at a time."""
    blocks, states = chain.initial.shape
    worth, to_come = np.zeros((chain.periods + 1, blocks, states)), np.zeros(chain.periods + 1)
    worth[-1], factor = chain.terminal, 1 / (1 + chain.discount_rate)
    for t in reversed(range(chain.periods)):
        step = chain.step(chain.environment[t], plan[t])
        moves, budget = transition_matrix(chain, step), chain.targets.of_budget(plan[t])
        for b in range(blocks):
            for s in range(states):
                money = sum(budget[chain.group[b], chain.space.stage[chain.group[b], s]])
                earned = step.reward[b, chain.space.law[chain.group[b], s]]
                worth[t, b, s] = earned - money + factor * float(moves[b, s] @ worth[t + 1, b])
        to_come[t] = factor * (float((chain.arrivals[t] * worth[t + 1]).sum()) + to_come[t + 1])
    return worth, to_come


@pytest.mark.parametrize("content", [random_market(4), chain_market(2)], ids=["lifecycle", "matrices"])
def test_worth_by_state_is_that_of_whole_matrices(content: Content) -> None:
    """Of every plan, period and state, who appears later included."""
    first = next(iter(content["segments"]))
    if "traits" in content["segments"][first]:
        content["segments"][first]["births"] = {"unaware": 40}
    chain = build(parse(content)).chain
    plans = plans_of(chain, 1)
    expected = [plain(chain, plan) for plan in plans]
    seen = []
    for t, worth, to_come in onward(chain, plans):
        seen.append(t)
        for i, (own, later) in enumerate(expected):
            assert worth[i] == pytest.approx(own[t], rel=1e-11, abs=1e-11)
            assert to_come[i] == pytest.approx(later[t], rel=1e-11, abs=1e-9)
    assert seen == list(range(chain.periods, -1, -1))


@pytest.mark.parametrize("seed", range(12))
def test_a_change_is_worth_what_following_it_says(seed: int) -> None:
    """Random markets, every third one coupled: from every period on; and the same while an experiment lasts."""
    content = random_market(seed, coupled=seed % 3 == 0)
    content["segments"]["s0"]["births"] = {"prospect": 30, "unaware": 10}
    content["terminal"] = "none" if seed % 4 == 1 else "value-to-go"
    chain = build(parse(content)).chain
    assert alone(chain) == (seed % 3 != 0)
    first, *others = plans_of(chain, seed)
    periods = list(range(chain.periods + 1))
    found = worth_if_changed(chain, first, [first, *others], periods)
    meanwhile = Meanwhile(chain, first, periods)
    assert meanwhile.asset == pytest.approx(follow(chain, first).asset, rel=1e-12)
    for t in periods:
        for i, plan in enumerate([first, *others]):
            assert found[t, i] == pytest.approx(follow(chain, changed(first, plan, t)).asset, rel=1e-12)
            told = follow(chain, changed(plan, first, t)).asset
            assert meanwhile.with_plan(plan, t) == pytest.approx(told, rel=1e-12)


def test_what_levers_remember_is_followed(market: Callable[..., Content]) -> None:
    """Where what was spent before still acts, a state has no worth of its own."""
    content = market()
    content["levers"]["retention"]["of_late"] = {"keep": 0.5, "drives_away": 0.02}
    chain = build(parse(content)).chain
    assert not chain.couples
    assert not alone(chain)
    first, then = plans_of(chain, 3, 2)
    told = [follow(chain, changed(first, then, t)).asset for t in (0, 2)]
    assert worth_if_changed(chain, first, [then], [0, 2])[:, 0].tolist() == told


def test_what_a_plan_leaves_is_where_its_course_is() -> None:
    """Customers at every period asked for, and what was brought until then; nothing after is looked at."""
    chain = build(parse(random_market(5))).chain
    plan = plans_of(chain, 5, 1)[0]
    course = follow(chain, plan)
    profit = chain.discount[:-1] * (course.earned.sum(axis=1) - course.spend.sum(axis=(1, 2, 3)))
    left = left_by(chain, plan, [0, 2])
    assert sorted(left) == [0, 2]
    for t, (brought, people) in left.items():
        assert (people == course.past[t].occupancy).all()
        assert brought == pytest.approx(profit[:t].sum(), rel=1e-12)
    by_group = course.value_by_group(asset_aim(chain))
    assert by_group.shape == (chain.targets.shape[0],)
    assert by_group.sum() == pytest.approx(course.asset, rel=1e-12)


def test_the_example_runs(market: Callable[..., Content]) -> None:
    """As its docstring shows it."""
    names = {"content": market(), "parse": parse, "build": build, "np": np, "worth_if_changed": worth_if_changed}
    example = doctest.DocTestParser().get_doctest(worth_if_changed.__doc__ or "", names, module.__name__, None, 0)
    assert len(example.examples) == 4
    assert doctest.DocTestRunner().run(example).failed == 0


def test_no_moment_of_change_is_nothing() -> None:
    """A horizon too short for any experiment."""
    chain = build(parse(random_market(4))).chain
    assert left_by(chain, plans_of(chain, 1)[0], []) == {}
    assert worth_if_changed(chain, plans_of(chain, 1)[0], plans_of(chain, 2), []).shape == (0, 3)
