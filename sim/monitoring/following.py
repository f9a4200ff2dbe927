"""The fluid twin led along by what was seen: what was to be expected of each period, given where customers stood."""

from dataclasses import dataclass

import numpy as np

from sim.arrays import Floats
from sim.engine.chain import ControlledChain, observed_counts
from sim.engine.fluid import Counting, mean_satisfaction
from sim.engine.fluid_pass import FluidPass
from sim.engine.state_space import customers_by_level
from sim.monitoring.seen import Seen

__all__ = ["NOBODY", "Expected", "expected_of", "scaled_to_seen"]

NOBODY = 1e-6
"""Customers taken for nobody: less would be lost in the rounding of those who come and go."""


@dataclass(frozen=True, eq=False)
class Expected:
    """What was to be expected of each period given the heads at its start; shapes as in :class:`Seen`.

    Attributes
    ----------
    moves, purchases, revenue
    satisfaction : (periods + 1, groups)
        As a survey without error gives it, when it is known.
    occupancy : list of (blocks, states)
        Where customers are taken to stand at the start of each period and at the end, scaled to the heads seen.
    """

    moves: Floats
    purchases: Floats
    revenue: Floats
    satisfaction: Floats
    occupancy: list[Floats]


def scaled_to_seen(chain: ControlledChain, occupancy: Floats, seen: Floats) -> Floats:
    """Return ``occupancy[block, state]`` scaled to the heads ``seen[group, stage]``; as it is where these are nan.

    What is hidden inside a group and stage (traits, silence, satisfaction) keeps the mix that the twin has there.
    """
    expected = observed_counts(chain, occupancy)
    wanted = np.where(np.isnan(seen), expected, np.maximum(seen, NOBODY))
    scale = np.divide(wanted, expected, out=np.ones_like(expected), where=expected > NOBODY)
    return np.asarray(occupancy * scale[chain.group[:, None], chain.block_stage])


def expected_of(chain: ControlledChain, intensity: Floats, seen: Seen) -> Expected:
    """Return what was to be expected, period by period, of the customers that were seen.

    ``E_t = heads seen_t x odds_t``: a deviation from it is that of one period and does not carry what went before
    along, but for the mix of what is hidden.

    Parameters
    ----------
    intensity : (periods, groups, stages, levers)
        Money per customer that acted in the periods seen, at least.
    """
    groups, stages, _ = chain.targets.shape
    periods, counting, run = seen.periods, Counting(chain), FluidPass(chain, intensity)
    moves = np.zeros((periods, groups, stages, stages))
    flows = {name: np.zeros((periods, groups, stages)) for name in ("purchases", "revenue")}
    points, known = np.full((2, periods + 1, groups), np.nan)
    occupancy = []
    for t in range(periods + 1):
        if t:
            run.occupancy = scaled_to_seen(chain, run.occupancy, seen.customers[t])
        occupancy.append(run.occupancy)
        points[t] = mean_satisfaction(customers_by_level(chain.space, run.occupancy, chain.group, groups))
        asked = chain.last_survey(t)
        if asked is not None:
            known[t] = points[asked]
        if t < periods:
            each = run.period(t)
            brought = counting.flows(each)
            for name, record in flows.items():
                record[t] = brought[name]
            counting.add_moves(each, moves[t])
    return Expected(moves, flows["purchases"], flows["revenue"], known, occupancy)
