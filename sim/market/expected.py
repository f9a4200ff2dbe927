"""A policy in expected numbers: it decides period by period as in the market, on the fluid twin's customers."""

import copy

import numpy as np

from sim.arrays import Floats
from sim.contract import Policy
from sim.engine.attitudes import POINTS_PER_LEVEL
from sim.engine.chain import ControlledChain, observed_counts
from sim.engine.crowd import SEEN
from sim.engine.fluid_pass import FluidPass
from sim.engine.sensitivity import Course
from sim.market.purse import Budget, Purse
from sim.twin import Twin

__all__ = ["expected_course"]


def expected_course(twin: Twin, policy: Policy, budget: Budget) -> Course:
    """Return what happens in the fluid twin under a policy as it is played, its money rules kept; surveys do not err.

    Raises
    ------
    PolicyError
        If it asks for more than it may.
    """
    chain, policy, purse = twin.chain, copy.deepcopy(policy), Purse(twin, budget)
    acting = np.zeros((chain.periods, *chain.targets.shape))
    run, past, answers = FluidPass(chain, acting), [], []
    for period in range(chain.periods):
        observed = observed_counts(chain, run.occupancy)
        answers.append(_satisfaction(chain, run.occupancy))
        asked = chain.last_survey(period)
        purse.decide(policy, period, observed, np.full(observed.shape, np.nan) if asked is None else answers[asked])
        acting[period] = purse.pay(period, observed)
        past.append(run.period(period))
    return Course(chain, acting, past, run.occupancy)


def _satisfaction(chain: ControlledChain, occupancy: Floats) -> Floats:
    """Return mean points 0..100 by (group, stage) of true customers who are seen as such; nan where there are none."""
    groups, stages, _ = chain.targets.shape
    if not chain.space.has_levels:
        return np.full((groups, stages), np.nan)
    cell = (chain.group[:, None] * stages + chain.block_stage).ravel()
    level = np.broadcast_to(chain.space.level, occupancy.shape).ravel()
    number = np.where(level > 0, occupancy.ravel(), 0.0)
    heads, points = (
        np.bincount(cell, weights=weights, minlength=groups * stages).reshape(groups, stages)
        for weights in (number, number * (level - 1.0) * POINTS_PER_LEVEL)
    )
    return np.asarray(np.divide(points, heads, out=np.full(heads.shape, np.nan), where=(heads > 0) & SEEN))
