"""A plan as the market plays it, on the expected head counts of the fluid twin."""

import numpy as np
from markets import Floats
from observations import observation_of

from policies.planned import Planned
from sim.contract import Allocation
from sim.engine.chain import observed_counts
from sim.engine.fluid_pass import FluidPass
from sim.engine.sensitivity import Course
from sim.market.campaigns import Campaigns
from sim.market.clock import Budget
from sim.twin import Twin


def played(twin: Twin, intensity: Floats, budget: Budget) -> Course:
    """Return what happens when a plan is decided period by period, runs as campaigns do and is paid while money lasts.

    Each period as in :class:`sim.market.clock.Market`, customers moved by expected numbers in place of drawn ones.
    """
    chain, targets, policy = twin.chain, twin.targets, Planned(intensity)
    campaigns = Campaigns(targets, chain.periods)
    acting = np.zeros((chain.periods, *targets.shape))
    run, past, spent = FluidPass(chain, acting), [], np.zeros(targets.shape[2])
    for period in range(chain.periods):
        observed = observed_counts(chain, run.occupancy)
        money = max(0.0, min(budget.per_period, float(budget.total - spent.sum())))
        left = np.maximum(budget.lever_caps - spent, 0)
        committed = float((campaigns.committed(period) * observed[:, :, None]).sum())
        observation = observation_of(
            targets, period=period, periods=chain.periods, customers=observed, available=max(0.0, money - committed),
            lever_available=left, lever_spent=spent.copy(),
        )  # fmt: skip
        decided = Allocation.checked(policy.decide(observation.copy()), policy.name, observation)
        campaigns.decide(period, decided.intensity)
        acting[period] = Allocation.affordable(campaigns.acting[period], observed, money, left)
        spent += (observed[:, :, None] * acting[period]).sum(axis=(0, 1))
        past.append(run.period(period))
    return Course(chain, acting, past, run.occupancy)
