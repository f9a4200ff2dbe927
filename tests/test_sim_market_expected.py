"""A policy in expected numbers is what the market plays, on expected heads."""

import numpy as np
import pytest
from markets import EVERY_MECHANISM
from played import played
from players import Reacting

from policies.fixed import AsToday
from policies.planned import Planned
from sim.contract import Allocation, Observation
from sim.engine.sensitivity import follow
from sim.market.expected import expected_course
from sim.market.purse import Budget, budget_of
from sim.scenario.file import parse
from sim.twin import build


def test_a_plan_is_cut_as_the_market_cuts_it() -> None:
    """With campaigns that are decided ahead, limits on periods and levers, and money that runs out."""
    rules = {"period_share": 0.2, "levers": {"service": {"cap": 0.2}}}
    twin = build(parse({**EVERY_MECHANISM, "rules": rules}))
    plan = np.random.default_rng(1).uniform(0, 2, size=(8, *twin.targets.shape)) * twin.targets.reference
    for total in (1e9, 3000.0, 300.0):
        budget = budget_of(twin, total)
        want, got = played(twin, plan, budget), expected_course(twin, Planned(plan), budget)
        np.testing.assert_allclose(got.spend, want.spend, rtol=1e-12)
        assert got.asset == pytest.approx(want.asset, rel=1e-12)


def test_as_today_with_money_enough_is_the_fluid_twin() -> None:
    twin = build(parse(EVERY_MECHANISM))
    today = np.repeat(twin.targets.reference[None], 8, axis=0)
    got = expected_course(twin, AsToday(), Budget.unlimited(twin.targets.shape[2]))
    tv = twin.targets.levers.index("tv")
    today[:2, :, :, tv] = twin.targets.committed[:, :, tv]
    np.testing.assert_allclose(got.spend, follow(twin.chain, today).spend, rtol=1e-12)


def test_a_policy_sees_surveys_that_do_not_err_and_is_not_changed() -> None:
    seen: list[Observation] = []

    class Watching(Reacting):
        def decide(self, observation: Observation) -> Allocation:
            seen.append(observation)
            self.asked = True
            return super().decide(observation)

    twin = build(parse(EVERY_MECHANISM))
    policy = Watching(twin.scenario)
    course = expected_course(twin, policy, Budget.unlimited(twin.targets.shape[2]))
    assert not hasattr(policy, "asked")
    asked = twin.chain.last_survey(5)
    assert asked == 4
    points = seen[5].satisfaction
    assert np.isnan(points[:, [0, 1, 6]]).all()  # nobody there, or not asked
    assert ((points[:, 2:6] > 0) & (points[:, 2:6] < 100) | np.isnan(points[:, 2:6])).all()
    np.testing.assert_array_equal(points, seen[6].satisfaction)
    np.testing.assert_allclose(seen[5].customers, course.observed[5])
