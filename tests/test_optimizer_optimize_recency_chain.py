"""The recency chain of Pfeifer & Carraway (2000), given as a scenario, through simulator and optimiser."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from experiments.validation import markets
from experiments.validation.markets import (
    MAILING,
    MARGIN,
    by_start,
    mailed,
    stop_at,
)
from optimizer.ask.problem import allocation_problem
from optimizer.bound.decomposition import full_information
from optimizer.bound.occupancy import whole_programme
from optimizer.optimize import optimize
from optimizer.search.playable import playable
from sim.contract import Allocation, Observation
from sim.engine.chain import value_to_go
from sim.engine.fluid import expected_history
from sim.engine.sensitivity import gradient
from sim.errors import ScenarioError
from sim.market.clock import Market
from sim.scenario.file import Scenario, parse
from sim.twin import build

Floats = np.ndarray[Any, np.dtype[np.float64]]

PRINTED = 5e-4


def numbers(printed: tuple[str, ...]) -> list[float]:
    return [float(each) for each in printed]


FOR_EVER = numbers(markets.FOR_EVER)
STOP_AT = {recency: numbers(printed) for recency, printed in markets.STOP_AT.items()}


def recency_chain(periods: int = 120, customers: float = 1.0, **changes: Any) -> Scenario:
    return parse(markets.recency_chain(periods, customers, **changes))


def test_values_are_as_published() -> None:
    """Always mailing, for four years and for ever; mail that stops at recency 4, 3 or 2."""
    computed = markets.recency_figures()
    assert [each.key for each in markets.RECENCY if not each.agrees(computed[each.key])] == []


def test_an_endless_horizon_gives_the_published_values() -> None:
    """Always mailing, for ever: (I - P/(1+d))^-1 R = 52.320, 5.554, 1.251, -1.820, 0."""
    moves, reward = np.array(mailed()), np.array([MARGIN - MAILING, -MAILING, -MAILING, -MAILING, 0.0])
    np.testing.assert_allclose(np.linalg.solve(np.eye(5) - moves / 1.2, reward), FOR_EVER, atol=PRINTED)
    chain = build(recency_chain()).chain
    np.testing.assert_allclose(by_start(expected_history(chain, stop_at(5, 120))), FOR_EVER, atol=PRINTED)


def test_value_to_go_is_the_endless_horizon() -> None:
    """With mailing as the reference (also of former customers) and value-to-go, one year gives the value for ever."""
    chain = build(
        recency_chain(1, terminal="value-to-go", chain={**recency_chain().chain.model_dump(), "reference": 1})
    ).chain
    earned, spent = value_to_go(chain)
    always = -MAILING / (1 - 1 / 1.2)  # a former customer mailed for ever: -24
    formerly = np.array([np.linalg.solve(np.eye(5) - np.array(mailed()) / 1.2, [0, 0, 0, 0, always * (1 - 1 / 1.2)])])
    np.testing.assert_allclose(earned[0] - spent[0], FOR_EVER + formerly[0], atol=PRINTED)
    history = expected_history(chain, stop_at(6, 1))
    total = float(history.profit.sum() + history.terminal / 1.2)
    assert total == pytest.approx(float((earned - spent)[np.arange(5), np.arange(5)].sum()), rel=1e-12)


def test_backward_dynamic_programming_stops_at_four() -> None:
    """The plain recursion mails recencies 1 to 3 and nobody else."""
    value = np.zeros(5)
    reward, moves = np.array([MARGIN, 0, 0, 0, 0]), np.array(mailed())
    for _ in range(120):
        without, with_mail = reward + value[4] / 1.2, reward - MAILING + moves @ value / 1.2
        mail, value = with_mail > without, np.maximum(without, with_mail)
    assert mail.tolist() == [True, True, True, False, False]
    np.testing.assert_allclose(value[:4], STOP_AT[4], atol=PRINTED)


@cache
def solved() -> tuple[Any, Any, Any]:
    """Return the problem, its decomposition and its playable plan over 120 years."""
    scenario = recency_chain()
    problem = allocation_problem(build(scenario))
    best = full_information(problem, 1e-9)
    return problem, best, playable(problem, best)


def test_the_decomposition_stops_at_four() -> None:
    """Dantzig-Wolfe over the chain finds the optimum, 53.149 + 6.621 + 2.644, and its plan."""
    problem, best, found = solved()
    assert best.converged
    want = sum(STOP_AT[4])
    assert best.value == pytest.approx(want, abs=2 * PRINTED)
    assert best.bound == pytest.approx(want, abs=2 * PRINTED)
    assert found.value == pytest.approx(best.bound, rel=1e-9)
    np.testing.assert_allclose(best.prices, 0, atol=1e-9)
    for weights, columns in zip(best.mixture.weights, best.columns, strict=True):
        assert weights.sum() == pytest.approx(1)
        for weight, column in zip(weights, columns, strict=True):
            mailed_heads = column.used[:90, :, 1].sum(axis=0)  # near the end mailing does not pay any more
            if weight > 1e-9 and column.used[0, :3].sum():
                assert mailed_heads[:1].min() > 0
                assert mailed_heads[3:].max() <= 1e-9
                kept = column.used[:90, :3, 0].sum(axis=0)
                np.testing.assert_allclose(kept, 0, atol=1e-9)
    assert problem.actions.shape == (5, 5, 2, 1)


def test_the_whole_programme_stops_at_four() -> None:
    """The occupancy LP stated whole has the same optimum."""
    problem, best, _ = solved()
    answer, prices = whole_programme(problem)
    assert answer.status == "optimal"
    assert answer.objective == pytest.approx(best.value, rel=1e-8)
    assert answer.objective == pytest.approx(sum(STOP_AT[4]), abs=2 * PRINTED)
    np.testing.assert_allclose(prices, 0, atol=1e-9)


@pytest.mark.slow
def test_the_plan_stops_at_four() -> None:
    """What a user gets: a plan that mails recencies 1 to 3 at 4 each, with no gap to the bound."""
    scenario = recency_chain(customers=1000.0)
    plan = optimize(build(scenario))
    mail = plan.intensity[:60, :, :, 0]
    there = plan.customers[:60] > 1e-6
    for state in range(5):
        want = MAILING if state < 3 else 0.0
        np.testing.assert_allclose(mail[:, :, state][there[:, :, state]], want, atol=1e-9)
    assert plan.lift_share == pytest.approx(1, abs=1e-9)
    assert plan.asset == pytest.approx(1000 * sum(STOP_AT[4]), abs=1.0)
    assert plan.no_spend == pytest.approx(1000 * MARGIN)


def test_a_budget_for_half_the_mail_has_its_price() -> None:
    """With half the money, one more unit of money is worth what the whole LP says it is."""
    _, best, _ = solved()
    twin = build(recency_chain(8))
    free = full_information(allocation_problem(twin), 1e-9)
    mixed = zip(free.mixture.weights, free.columns, strict=True)
    used = sum(float(w @ np.array([column.usage[0] for column in columns])) for w, columns in mixed)
    problem = allocation_problem(twin, used / 2)
    answer, prices = whole_programme(problem)
    half = full_information(problem, 1e-9)
    assert half.value == pytest.approx(answer.objective, rel=1e-8)
    assert half.value < free.value < best.value
    assert half.prices[0] > 0.1
    more, less = (whole_programme(allocation_problem(twin, used / 2 + change))[0].objective for change in (0.01, -0.01))
    assert (more - answer.objective) / 0.01 - 1e-5 <= half.prices[0] <= (answer.objective - less) / 0.01 + 1e-5
    assert prices[0] > 0.1


@dataclass(frozen=True, eq=False)
class Mailing:
    """Mail customers below a recency."""

    recency: int
    name: str = "mailing"

    def decide(self, observation: Observation) -> Allocation:
        """Return the same intensities every year."""
        return Allocation(stop_at(self.recency, 1)[0])


@pytest.mark.parametrize("recency", [4, *(pytest.param(other, marks=pytest.mark.slow) for other in (5, 3, 2))])
def test_simulated_customers_agree(recency: int) -> None:
    """Customers drawn one by one are worth the published values within three standard errors."""
    twin, replications = build(recency_chain(60, customers=2000.0)), 60
    drawn = np.array(
        [
            by_start(Market(twin, Mailing(recency), twin.population(6, k), seed=6, replication=k).run())
            for k in range(replications)
        ]
    )
    want = np.array(FOR_EVER if recency == 5 else STOP_AT[recency])
    mean, error = drawn.mean(axis=0), drawn.std(axis=0, ddof=1) / math.sqrt(replications)
    uncertain = error[: want.size] > 1e-9
    assert uncertain.any()
    assert (np.abs(mean[: want.size] - want) <= 3 * error[: want.size] + PRINTED).all()
    np.testing.assert_allclose(mean[: want.size][~uncertain], want[~uncertain], atol=PRINTED)


def test_an_intensity_between_two_actions_treats_a_part() -> None:
    """Half the money of a mailing mails half the customers; more than the dearest action buys nothing more."""
    chain = build(recency_chain(1)).chain
    nobody, half, all_of_them, dear = (
        chain.step(chain.environment[0], np.full((5, 5, 1), money)).probability for money in (0.0, 2.0, 4.0, 9.0)
    )
    np.testing.assert_allclose(half, (nobody + all_of_them) / 2)
    np.testing.assert_array_equal(dear, all_of_them)


def test_doing_nothing_must_be_among_the_actions() -> None:
    """A cheapest action that costs money would be had for nothing by a policy that spends nothing: refused."""
    actions = [{"spend": 1, "moves": [[1.0]], "reward": [5]}, {"spend": 2, "moves": [[1.0]], "reward": [8]}]
    content = {
        "name": "rent",
        "periods": 3,
        "terminal": "none",
        "chain": {"states": ["here"], "actions": actions},
        "segments": {"all": {"start": {"here": 10}}},
    }
    with pytest.raises(ScenarioError, match=r"chain.actions\[0\].spend: expected 0, got 1"):
        parse(content)


def several_actions(**changes: Any) -> Scenario:
    """Return customers in two states whom to leave, to mail, or to visit: a visit costs thrice and brings as much."""
    stay, back = [[0.5, 0.5], [0.0, 1.0]], [[0.9, 0.1], [0.6, 0.4]]
    content = {
        "name": "visits", "periods": 3, "terminal": "none",
        "chain": {
            "states": ["here", "away"], "lever": "contact", "reference": 1,
            "actions": [
                {"spend": 0, "moves": stay, "reward": [10, 0]},
                {"spend": 1, "moves": [[0.6, 0.4], [0.1, 0.9]], "reward": [10, 0]},
                {"spend": 3, "moves": back, "reward": [10, 0]},
            ],
        },
        "segments": {"all": {"start": {"here": 100, "away": 50}}},
        **changes,
    }  # fmt: skip
    return parse(content)


def test_a_plan_states_shares_of_actions() -> None:
    """Each action is a lever: money is share times cost, odds are linear in the shares, more than all play as all."""
    chain = build(several_actions()).chain
    assert chain.targets.levers == ("contact 2", "contact 3")
    np.testing.assert_array_equal(chain.targets.reference, [[[1, 0], [1, 0]]])
    some = np.broadcast_to(np.array([0.25, 1.5]), (3, 1, 2, 2))
    step = chain.step(chain.environment[0], some[0])
    moves = [np.array(action.moves) for action in several_actions().chain.actions]  # type: ignore[union-attr]
    np.testing.assert_allclose(step.probability[0], 0.25 * moves[0] + 0.25 * moves[1] + 0.5 * moves[2])
    much = chain.step(chain.environment[0], np.full((1, 2, 2), [2.0, 6.0]))
    np.testing.assert_allclose(much.probability[0], 0.5 * moves[1] + 0.5 * moves[2])
    asset, slope = gradient(chain, some)
    for place in ((0, 0, 0, 0), (1, 0, 1, 1), (2, 0, 0, 1)):
        moved = some.copy()
        moved[place] += 1e-6
        assert slope[place] == pytest.approx((gradient(chain, moved)[0] - asset) / 1e-6, rel=1e-4)


def test_a_rule_on_the_lever_counts_all_its_actions() -> None:
    """A cap on `contact` binds what all actions get together; campaigns are of one action each."""
    plan = optimize(build(several_actions(rules={"budget": 200, "levers": {"contact": {"cap": 0.3}}})))
    assert plan.spend.sum() == pytest.approx(60.0)
    assert plan.spend.sum(axis=(0, 1, 2)).min() >= 0
    with pytest.raises(ScenarioError, match="contact"):
        several_actions(rules={"campaigns": {"contact": {"least": 10}}})
