"""What a policy sees is what happened: from drawn customers, and to the same meaning from expected ones."""

import numpy as np
import pytest
from markets import EVERY_MECHANISM

from policies.fixed import AsToday
from sim.contract import Allocation, Observation
from sim.engine.fluid import expected_history
from sim.market.clock import Market
from sim.market.expected import expected_course
from sim.market.purse import Budget, budget_of
from sim.scenario.file import parse
from sim.twin import Twin, build


class Watching(AsToday):
    """As today, and keeps what it saw, in a list that copies of it share."""

    feedback = True

    def __init__(self, seen: list[Observation]) -> None:
        super().__init__()
        object.__setattr__(self, "seen", seen)

    def __deepcopy__(self, memo: object) -> "Watching":
        return self

    def decide(self, observation: Observation) -> Allocation:
        self.seen.append(observation)  # type: ignore[attr-defined]
        return super().decide(observation)


@pytest.fixture(scope="module")
def everything() -> Twin:
    return build(parse(EVERY_MECHANISM))


def test_agents_show_what_their_history_records(everything: Twin) -> None:
    seen: list[Observation] = []
    population = everything.population(3, 0)
    history = Market(everything, Watching(seen), population, budget_of(everything, 1e6), seed=3).run()
    assert len(seen) == everything.chain.periods
    for name in ("purchases", "revenue", "moves", "last_spend"):
        assert not getattr(seen[0], name).any()
        recorded = history.spend if name == "last_spend" else getattr(history, name)
        for t, each in enumerate(seen[1:]):
            np.testing.assert_array_equal(getattr(each, name), recorded[t])
    for t, each in enumerate(seen):
        np.testing.assert_array_equal(each.customers, history.customers[t])
        assert each.employees == history.employees[t]
        assert each.budget_left == pytest.approx(1e6 - history.spend[:t].sum())
    assert sum(each.revenue.sum() for each in seen) > 0


def test_expected_customers_show_the_same(everything: Twin) -> None:
    """Against the expected history, which counts in its own pass."""
    seen: list[Observation] = []
    budget = Budget.unlimited(everything.targets.shape[2])
    course = expected_course(everything, Watching(seen), budget)
    history = expected_history(everything.chain, course.intensity)
    for t, each in enumerate(seen[1:]):
        for name in ("purchases", "revenue", "moves"):
            np.testing.assert_allclose(getattr(each, name), getattr(history, name)[t], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(each.last_spend, history.spend[t], rtol=1e-12)
        assert each.employees == pytest.approx(history.employees[t + 1])
    assert all(each.budget_left == np.inf for each in seen)


def test_both_see_the_same_rivals(everything: Twin) -> None:
    drawn: list[Observation] = []
    expected: list[Observation] = []
    budget = Budget.unlimited(everything.targets.shape[2])
    Market(everything, Watching(drawn), everything.population(0, 0), budget).run()
    expected_course(everything, Watching(expected), budget)
    assert any(each.rivals.any() for each in drawn)
    for one, other in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(one.rivals, other.rivals)


def test_floors_are_what_levers_must_still_get() -> None:
    twin = build(parse({**EVERY_MECHANISM, "rules": {"levers": {"service": {"floor": 0.5}}}}))
    seen: list[Observation] = []
    history = Market(twin, Watching(seen), twin.population(0, 0), budget_of(twin, 5000.0)).run()
    service = twin.targets.levers.index("service")
    for t, each in enumerate(seen):
        left = max(2500.0 - history.spend[:t, :, :, service].sum(), 0.0)
        assert each.lever_floor[service] == pytest.approx(left)
        assert np.delete(each.lever_floor, service).sum() == 0


def test_a_market_that_was_saved_shows_the_same(everything: Twin, tmp_path) -> None:
    """Alarms and all, after it is resumed."""
    whole: list[Observation] = []
    parts: list[Observation] = []
    population = everything.population(1, 0)
    budget = budget_of(everything, 1e6)
    Market(everything, Watching(whole), population, budget, seed=1).run()
    first = Market(everything, Watching(parts), population, budget, seed=1)
    first.run(until=4)
    first.save(tmp_path / "half.npz")
    Market.resume(tmp_path / "half.npz", everything, Watching(parts), population).run()
    for one, other in zip(whole, parts, strict=True):
        for name, array in one.arrays().items():
            np.testing.assert_array_equal(array, other.arrays()[name], err_msg=name)
