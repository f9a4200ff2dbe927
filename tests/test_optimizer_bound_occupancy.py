"""Dantzig-Wolfe against the occupancy LP stated whole, under every kind of rule, and what its parts promise."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from problems import assert_equals_whole, problem_of, random_market, two_class_market, with_limit

from optimizer.ask.problem import AllocationProblem
from optimizer.ask.rows import Today
from optimizer.bound.decomposition import certified_bound, full_information
from optimizer.bound.layout import Layout
from optimizer.bound.master import Master
from optimizer.bound.pricing import Pricing
from sim.engine.chain import ALIVE
from sim.errors import RulesError
from sim.scenario.file import parse
from sim.twin import build

Content = dict[str, Any]

SATISFACTION = {
    "mix": [0.1, 0.2, 0.3, 0.25, 0.15], "mobility": 0.3, "defection_per_level": 0.2, "purchase_rate_per_level": 0.1
}  # fmt: skip
MIXED = {"shape": 0.8, "rate": 2.0}


def ruled_market(seed: int, market: Callable[..., Content]) -> tuple[Content, float]:
    """Return a random market under slices, stretches, people and profit rows besides budgets, floors and caps.

    Every third has two trait classes where rates differ, every tenth levels of satisfaction.
    """
    content, share = random_market(seed, market)
    rng = np.random.default_rng(5000 + seed)
    periods, segments = content["periods"], list(content["segments"])
    share = max(share, 0.8)
    rules = content["rules"]
    for rule in rules["levers"].values():
        rule["cap"] = max(rule["cap"], 0.25)
    if seed % 3 == 0:
        content["segments"]["fresh"]["traits"]["purchase_rate"] = MIXED
    if seed % 10 == 0:
        content["satisfaction"] = SATISFACTION
        content["periods"] = periods = 2
        content["levers"]["retention"]["moves"]["satisfaction"] = {
            "without_money": 0.0, "unlimited_money": 0.1, "spend": 0.3, "brings": 0.04
        }  # fmt: skip

    def chance(of: float) -> bool:
        return bool(rng.random() < of)

    if chance(0.5):
        rules.pop("period_share", None)
        rules["stretches"] = {"every": int(rng.integers(1, 3)), "carry_over": chance(0.5)}
    rules["slices"] = {
        "one segment": {"segments": [str(rng.choice(segments))], "cap_share": float(rng.uniform(0.3, 0.8))},
        "one stage": {"stages": ["core"], "each": str(rng.choice(["horizon", "period"])), "cap": 5_000.0},
    }
    if chance(0.4):
        rules["slices"]["steady"] = {"segments": [str(rng.choice(segments))], "ramp": float(rng.uniform(0.1, 0.8))}
    if chance(0.3):
        rules["slices"]["as today"] = {"levers": ["development"], "within": float(rng.uniform(0.5, 1.5))}
    if chance(0.3):
        rules["slices"]["some"] = {"levers": ["retention"], "floor_share": float(rng.uniform(0.05, 0.3))}
    today = Today(build(parse({**content, "rules": {}})).chain).course
    kind, stage = today.chain.space.law_kind, today.chain.space.law_stage
    heads, cash = today.people[-1], np.cumsum(today.earned.sum(axis=1) - today.spend.sum(axis=(1, 2, 3)))

    def about(number: float) -> float:
        return float(number * rng.uniform(0.9, 1.0))

    rules["people"] = {"kept": {"count": "kept", "at_least": about(heads[:, kind == ALIVE].sum()), "each": chance(0.5)}}
    if chance(0.6):
        customers = heads[0, (stage > 1) & (stage < 6)].sum()
        rules["people"]["of one"] = {"segments": segments[:1], "count": "customers", "at_least": about(customers)}
    if chance(0.4):
        rules["people"]["core"] = {"count": "core", "at_least": about(heads[:, stage == 4].sum())}
    if "satisfaction" in content:
        rules["people"]["felt"] = {"count": "satisfaction", "at_least": 0.99, "of_start": True}
    money = float(today.spend.sum())
    if chance(0.4):
        rules["least_cash"] = float(cash.min()) + money * float(rng.uniform(-0.5, 0.1))
    if chance(0.4):
        rules["yearly_profit"] = (float(cash[-1]) + money * float(rng.uniform(-0.4, 0.1))) * 12 / periods
    return content, share


def ruled_problem(seed: int, market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch) -> AllocationProblem:
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (2, 1))
    return problem_of(*ruled_market(seed, market))


@pytest.mark.parametrize("seed", [*range(7), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(7, 50))])
def test_dantzig_wolfe_equals_the_whole_programme_under_every_rule(
    seed: int, market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random markets with slices, ramps, people and profit to keep."""
    assert_equals_whole(ruled_problem(seed, market, monkeypatch))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 300))
def test_dantzig_wolfe_equals_the_whole_programme_under_every_rule_on_many(
    seed: int, market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred more."""
    assert_equals_whole(ruled_problem(seed, market, monkeypatch))


def test_every_kind_of_rule_binds(market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch) -> None:
    """The random markets are worth comparing: most can be met, and every kind of rule has a price in some."""
    kinds: set[str] = set()
    met = 0
    for seed in range(50):
        problem = ruled_problem(seed, market, monkeypatch)
        try:
            best = full_information(problem, 1e-5)
        except RulesError:
            continue
        met += 1
        scaled = best.prices * problem.row_units / (best.bound - Master(Pricing(problem), _nothing(problem)).base)
        kinds |= {
            word
            for row, price in zip(problem.rows, scaled, strict=True)
            for word in ("budget", "floor", "cap", "rise", "fall", "kept", "of one", "core", "felt", "cash", "profit",
                         "by share", "below today", "above today")
            if abs(price) > 1e-4 and word in row.name
        }  # fmt: skip
    assert 30 <= met < 50
    assert kinds >= {"budget", "floor", "cap", "kept", "of one", "by share"}
    assert kinds & {"rise", "fall"}
    assert kinds & {"cash", "profit"}


def _nothing(problem: AllocationProblem) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return problem.cheapest[:, problem.chain.group[:, None], problem.chain.block_stage]


@pytest.mark.parametrize("seed", [1, pytest.param(12, marks=pytest.mark.slow)])
def test_prices_are_between_one_sided_differences_under_every_rule(
    seed: int, market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For every rule: right difference of the re-solved optimum <= price <= left difference."""
    problem = ruled_problem(seed, market, monkeypatch)
    best = full_information(problem, 1e-9)
    priced = 0
    for index, price in enumerate(best.prices):
        step = 1e-3 * problem.row_units[index]
        ends = []
        for change in (step, -step):
            try:
                ends.append(full_information(with_limit(problem, index, change), 1e-9).bound)
            except RulesError:
                ends.append(-np.inf)
        accuracy = (best.bound - best.value + 2e-9 * abs(best.bound)) / step
        assert (ends[0] - best.value) / step - accuracy <= price, problem.rows[index].name
        assert price <= (best.bound - ends[1]) / step + accuracy, problem.rows[index].name
        priced += abs(price) * step > 1e-6 * abs(best.bound)
    assert priced


# --- Parts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [False, True])
def test_the_layout_states_the_same_odds(
    levels: bool, market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, families, far and near outcomes: what follows each state under each action is what the chain says."""
    changes: Content = {"satisfaction": SATISFACTION} if levels else {}
    problem = problem_of(two_class_market(market, monkeypatch, **changes))
    chain, layout = problem.chain, Pricing(problem).layout
    rng = np.random.default_rng(1)
    after = rng.uniform(1, 2, chain.initial.shape[1])
    assert sorted(layout.order[0]) == list(range(after.size))
    fewer = 0
    for b in rng.choice(chain.group.size, 3, replace=False):
        g = chain.group[b]
        for family in range(layout.families[g]):
            line = layout.family_law[g, family]
            count = int(problem.choices[g, chain.space.law_stage[line]])
            rows = layout.row_of[g, line, :count]
            fewer += layout.rows[g, line] < count
            assert set(rows.tolist()) == set(range(layout.rows[g, line]))
            for regime in range(problem.reward.shape[0]):
                far = after[layout.far_next[g, family, : layout.far[line]]]
                shared = far @ layout.far_odds[regime, b, line, : layout.far[line]]
                for place in range(layout.family_start[g, family], layout.family_start[g, family + 1]):
                    s = layout.order[g, place]
                    assert chain.space.law[g, s] == line
                    near = after[layout.near_next[g, s, : layout.near[line]]]
                    got = shared + near @ layout.near_odds[regime, b, line, : layout.near[line]]
                    want = problem.probability[regime, b, line, :count] @ after[chain.space.successor[s]]
                    np.testing.assert_allclose(got[rows], want, rtol=1e-13)
                np.testing.assert_array_equal(
                    layout.reward[regime, b, line][rows], problem.reward[regime, b, line, :count]
                )
    assert fewer > 0
    if levels:
        assert (layout.far > 4).any()


@pytest.mark.parametrize("levels", [False, True])
def test_one_more_action_is_one_more_action(
    levels: bool, market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Intensities offered besides the actions are worth what they are worth as an action of their own."""
    changes: Content = {"satisfaction": SATISFACTION} if levels else {}
    problem = problem_of(two_class_market(market, monkeypatch, **changes))
    prices = np.full(len(problem.rows), 0.3)
    groups, stages = problem.actions.shape[:2]
    few = np.minimum(problem.choices, 2)
    rng = np.random.default_rng(2)
    pick = (rng.random((problem.chain.periods, groups, stages)) * few).astype(int)
    g, s = np.ogrid[:groups, :stages]
    own = np.stack([problem.actions[g, s, each] for each in pick])
    whole = replace(problem, choices=few)
    part = replace(problem, choices=np.ones_like(few))
    both = Pricing(whole).lagrangian(prices)[0]
    assert Pricing(whole).lagrangian(prices, own)[0] == pytest.approx(both, rel=1e-12)
    with_own = Pricing(part).lagrangian(prices, own)[0]
    assert Pricing(part).lagrangian(prices)[0] < with_own <= both * (1 + 1e-12)
    assert not Layout.of(part, Pricing(part).happens).happens.all()
    assert certified_bound(problem, prices, own) >= Pricing(problem).lagrangian(prices)[0]


def test_blocks_add_up_to_their_groups(market: Callable[..., Content], monkeypatch: pytest.MonkeyPatch) -> None:
    """What blocks bring and use adds up to the groups' columns, with one thread or two to the last bit."""
    problem = problem_of(two_class_market(market, monkeypatch, open_=True, satisfaction=SATISFACTION))
    prices = np.full(len(problem.rows), 0.4)
    answers = []
    for threads in (1, 2, 3):
        pricing = Pricing(problem, threads)
        lagrangian, action = pricing.lagrangian(prices)
        value, usage = pricing.by_block(action)
        columns = pricing.columns_of(action)
        assert value.sum() == pytest.approx(sum(column.value for column in columns), rel=1e-12)
        np.testing.assert_allclose(usage.sum(axis=0), sum(column.usage for column in columns), rtol=1e-12)
        assert value.sum() - prices @ usage.sum(axis=0) + prices @ problem.limits == pytest.approx(
            lagrangian, rel=1e-12
        )
        again = pricing.group_column(1, columns[1].action)
        assert again.value == columns[1].value
        answers.append((lagrangian, action.tobytes(), value.tobytes(), usage.tobytes()))
    assert answers[0] == answers[1] == answers[2]


def test_the_certified_bound_of_shares_is_of_use(market: Callable[..., Content]) -> None:
    """A cap by share has a limit of zero, but is not a budget of nothing: the bound stays close to the optimum."""
    content = market(plain=True, periods=4, stages={"core": 2, "declining": 1, "lapsed": 2})
    content["rules"] = {"slices": {"core": {"stages": ["core"], "cap_share": 0.1}}}
    problem = problem_of(content)
    best = full_information(problem, 1e-7)
    nothing = float(Pricing(problem).by_block(_nothing(problem))[0].sum())
    reference = np.zeros((problem.chain.periods, *problem.targets.shape))
    certified = certified_bound(problem, best.prices_of_bound, reference)
    assert 1 - 1e-9 <= (certified - nothing) / (best.bound - nothing) < 1.2
