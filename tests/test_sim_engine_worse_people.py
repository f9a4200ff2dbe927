"""More money wins worse people: kinds of prospects whom money draws otherwise than they come by themselves."""

from typing import Any

import numpy as np
import pytest
from checks import asset_of
from gradients import some_plan
from markets import Content, answer, small

from experiments.words.mechanisms import customers_in_words
from optimizer.ask.problem import allocation_problem
from optimizer.bound.decomposition import full_information
from sim.engine.fluid import expected_history
from sim.engine.lifecycle import Lifecycle
from sim.engine.sensitivity import follow, gradient
from sim.scenario.file import parse
from sim.twin import build

WINS = {"without_money": 0.02, "unlimited_money": 0.3, "spend": 2.0, "brings": 0.1}
GOOD = {"share": 0.5, "acquisition": 1.2, "acquisition_by_money": 0.3}
BAD = {"share": 0.5, "acquisition": 0.8, "acquisition_by_money": 1.7, "spend": 0.2, "bad_debt": 0.2}


def market(kinds: list[Content] | None = None, **more: Any) -> Content:
    """Return 1,000 prospects, half of them such as come by themselves, half such as come for money."""
    traits = {"purchase_rate": 0.5, "defection_rate": 0.05, "spend": 100.0}
    segment = {"start": {"prospect": 1000}, "traits": traits, "quality": kinds or [GOOD, BAD]}
    levers = {"offers": {"targets": ["prospect"], "reference": 0.5, "moves": {"acquisition": WINS}}}
    return small(**{"segments": {"all": segment}, "levers": levers, "periods": 3, "margin": 0.5, **more})


def chain_of(content: Content) -> Lifecycle:
    chain = build(parse(content)).chain
    assert isinstance(chain, Lifecycle)
    return chain


def won_by_kind(chain: Lifecycle, money: float) -> list[float]:
    """Return how many of each kind are won in the first period."""
    plan = money * chain.targets.allowed[None] * np.ones((chain.periods, 1, 1, 1))
    after = follow(chain, plan).past[1].occupancy
    prospects = after[:, chain.space.names.index("prospect")] if "prospect" in chain.space.names else after[:, 1]
    return [500 - float(prospects[chain.acquisition == kind["acquisition"]].sum()) for kind in (GOOD, BAD)]


def test_money_adds_others_than_those_who_come_by_themselves() -> None:
    """500 of each: without money 1.2 and .8 times .02 come; what 2 a head adds, .08, draws .3 and 1.7 times as well."""
    chain = chain_of(market())
    assert won_by_kind(chain, 0.0) == pytest.approx([500 * 1.2 * 0.02, 500 * 0.8 * 0.02], rel=1e-12)
    added = answer(WINS, 2.0) - 0.02
    want = [500 * (1.2 * 0.02 + 0.3 * added), 500 * (0.8 * 0.02 + 1.7 * added)]
    assert won_by_kind(chain, 2.0) == pytest.approx(want, rel=1e-12)


def test_the_mean_quality_of_the_won_falls_with_money() -> None:
    """Money per newly won customer in its first purchase: less, the more was spent."""
    chain = chain_of(market(periods=1))
    first = []
    for money in (0.0, 0.5, 2.0, 8.0):
        history = expected_history(chain, money * chain.targets.allowed[None].astype(float))
        first.append(float(history.revenue.sum() / history.purchases.sum()))
    assert first == sorted(first, reverse=True)
    assert first[0] == pytest.approx(100 * (1.2 + 0.8 * 0.2) / 2, rel=1e-12)


def test_not_stated_it_is_as_acquisition() -> None:
    kinds = [{**kind, "acquisition_by_money": kind["acquisition"]} for kind in (GOOD, BAD)]
    plain = [{key: value for key, value in kind.items() if key != "acquisition_by_money"} for kind in (GOOD, BAD)]
    said, left = chain_of(market(kinds)), chain_of(market(plain))
    plan = some_plan(left, 1)
    assert asset_of(said, plan) == asset_of(left, plan)
    assert parse(market(plain)).hash != parse(market(kinds)).hash
    assert "acquisition_by_money" not in str(parse(market(plain)).model_dump(exclude_none=True))


def test_the_gradient_knows_whom_money_wins() -> None:
    chain = chain_of(market(seasons=[1, 2], word_of_mouth=0.0))
    plan = some_plan(chain, 3)
    _, slope = gradient(chain, plan)
    for place in np.argwhere(np.broadcast_to(chain.targets.allowed, plan.shape)):
        step = np.zeros_like(plan)
        step[tuple(place)] = 1e-5
        want = (asset_of(chain, plan + step) - asset_of(chain, plan - step)) / 2e-5
        assert slope[tuple(place)] == pytest.approx(want, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("spreads", [0.0, 0.03])
def test_no_plan_exceeds_the_bound(spreads: float) -> None:
    """Some win by themselves as well; bad prospects would be won twice over, good ones less than without money."""
    content = market(rules={"budget": 4000}, terminal="value-to-go")
    content["segments"]["all"]["diffusion"] = {"innovation": spreads, "imitation": 0.0}
    twin = build(parse(content))
    problem = allocation_problem(twin, 4000.0)
    bound = full_information(problem).bound
    rng = np.random.default_rng(2)
    best = -np.inf
    for _ in range(60):
        plan = rng.exponential(1.0, (3, 1, 1, 1)) * twin.targets.allowed
        course = follow(twin.chain, plan)
        plan *= min(1.0, 4000 / course.spend.sum())
        best = max(best, follow(twin.chain, plan).asset)
    assert best <= bound + 1e-6 * abs(bound)
    assert bound <= best * 1.2  # and is no idle one


def test_what_money_adds_is_said_where_it_differs_from_who_comes() -> None:
    """Of 1.8 as likely to come and as the segment by money both are said; of alike ones one number."""
    kinds = [{"share": 0.5, "acquisition": 1.8, "acquisition_by_money": 1.0}, {"share": 0.5, "acquisition": 0.4}]
    said = " ".join(customers_in_words(parse(market(kinds))))
    assert "chance of being won 1.8 times the usual and what money adds to it 1 times the usual; " in said
    assert "50 % with chance of being won 0.4 times the usual." in said
