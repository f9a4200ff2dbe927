"""A policy in expected numbers: it decides period by period as in the market, on the fluid twin's customers."""

import copy

import numpy as np

from sim.arrays import Floats
from sim.contract import ALARMS, Policy
from sim.engine.attitudes import POINTS_PER_LEVEL
from sim.engine.chain import ControlledChain, observed_counts
from sim.engine.crowd import SEEN
from sim.engine.fluid import Counting
from sim.engine.fluid_pass import FluidPass, Period
from sim.engine.sensitivity import Course
from sim.market.alarms import Alarms, rivals_by_group
from sim.market.purse import Budget, Purse, Visible
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
    (groups, stages, _), survey = chain.targets.shape, twin.scenario.survey
    acting = np.zeros((chain.periods, *chain.targets.shape))
    chain.refuse_size(chain.periods)
    run, alarms, counting = FluidPass(chain, acting), Alarms(twin), Counting(chain)
    past: list[Period] = []
    answers = np.full((chain.periods, groups, stages), np.nan)
    moves = np.zeros((chain.periods, groups, stages, stages))
    before = {name: np.zeros((groups, stages)) for name in ("purchases", "revenue")}
    reacts = bool(getattr(policy, "feedback", True))  # one set in advance looks at heads alone
    silent = np.zeros((groups, len(ALARMS)), dtype=bool)
    for period in range(chain.periods):
        observed, asked = observed_counts(chain, run.occupancy), chain.last_survey(period)
        if survey is not None and period % survey.every == 0:
            answers[period] = _satisfaction(chain, run.occupancy)
        seen = Visible(
            observed,
            np.full(observed.shape, np.nan) if asked is None else answers[asked].copy(),
            last_spend=_spent(chain, past[-1].observed, acting[period - 1]) if period else np.zeros(acting.shape[1:]),
            moves=moves[period - 1].copy() if period else np.zeros(moves.shape[1:]),
            rivals=rivals_by_group(twin, chain.present(period)[0]),
            employees=float(run.employees),
            alarms=alarms.raised(period, observed, moves, answers) if reacts else silent,
            **before,
        )
        purse.decide(policy, period, seen)
        acting[period] = purse.pay(period, observed)
        past.append(run.period(period, observed))
        if reacts:
            flows = counting.flows(past[-1])
            before = {name: flows[name] for name in before}
            counting.add_moves(past[-1], moves[period])
    return Course(chain, acting, past, run.occupancy)


def _spent(chain: ControlledChain, observed: Floats, acting: Floats) -> Floats:
    """Return the marketing money of a period, (groups, stages, levers)."""
    return chain.targets.of_budget(observed[:, :, None] * acting)


def _satisfaction(chain: ControlledChain, occupancy: Floats) -> Floats:
    """Return mean points 0..100 by (group, stage) of true customers who are seen as such; nan where there are none."""
    groups, stages, _ = chain.targets.shape
    if not chain.space.has_levels:
        return np.full((groups, stages), np.nan)
    level = np.broadcast_to(chain.space.level, occupancy.shape).ravel()
    number = np.where(level > 0, occupancy.ravel(), 0.0)
    heads, points = (
        np.bincount(chain.target_place, weights=weights, minlength=groups * stages).reshape(groups, stages)
        for weights in (number, number * (level - 1.0) * POINTS_PER_LEVEL)
    )
    return np.asarray(np.divide(points, heads, out=np.full(heads.shape, np.nan), where=(heads > 0) & SEEN))
