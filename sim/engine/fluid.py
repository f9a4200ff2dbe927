"""The fluid twin: the same chain in expected numbers of customers.

``occupancy[t+1, block] = occupancy[t, block] P(intensity[t])``. For agents whose traits are drawn from the blocks'
nodes, an intensity plan whose money never runs out and no crowd effects, it equals the agents' mean exactly.
"""

import numpy as np
from numpy.typing import NDArray

from sim.engine.chain import ALIVE, DEFECTED, PROSPECT, UNAWARE, ControlledChain
from sim.engine.fluid_kernels import advance
from sim.history import History

__all__ = ["expected_history", "observed_counts"]

Floats = NDArray[np.float64]


def observed_counts(chain: ControlledChain, occupancy: Floats) -> Floats:
    """Return head counts by (group, stage) of ``occupancy[block, state]``: what a firm would see."""
    groups, stages, _ = chain.targets.shape
    cell = chain.group[:, None] * stages + chain.block_stage
    counts = np.bincount(cell.ravel(), weights=occupancy.ravel(), minlength=groups * stages)
    return np.asarray(counts.reshape(groups, stages))


def expected_history(chain: ControlledChain, intensity: Floats) -> History:
    """Return the expected history under ``intensity[period, group, stage, lever]``, money per targeted customer.

    Numbers of customers are expectations, not integers; ``events`` are expected numbers.
    """
    groups, stages, levers = chain.targets.shape
    periods, kind = chain.periods, chain.space.kind
    rows = np.arange(chain.group.size)[:, None]
    law = chain.block_law
    cell = (chain.group[:, None] * stages + chain.block_stage).ravel()
    counts = np.empty((periods + 1, groups, stages))
    alive = np.empty((periods + 1, groups))
    flows = np.empty((3, periods, groups, stages))
    events = {name: np.zeros((periods, groups)) for name in ("aware", "won", "returned", "left", "lost")}
    occupancy = chain.initial.copy()

    def by_group(amount: Floats) -> Floats:
        return np.bincount(chain.group, weights=amount, minlength=groups)

    def record(t: int) -> None:
        counts[t] = observed_counts(chain, occupancy)
        alive[t] = by_group(occupancy[:, kind == ALIVE].sum(axis=1))

    for t in range(periods):
        record(t)
        step = chain.step(chain.environment[t], intensity[t])
        for i, per_customer in enumerate((step.purchases, step.revenue, step.reward)):
            weights = (occupancy * per_customer[rows, law]).ravel()
            flows[i, t] = np.bincount(cell, weights=weights, minlength=groups * stages).reshape(groups, stages)
        if (kind == DEFECTED).any():
            odds = step.probability[rows, law]
            half = odds.shape[2] // 2
            for name, true, chance in (
                ("aware", UNAWARE, odds[:, :, 1]),
                ("won", PROSPECT, odds[:, :, 1]),
                ("returned", DEFECTED, odds[:, :, 1]),
                ("lost", DEFECTED, odds[:, :, 2]),
                ("left", ALIVE, odds[:, :, half:].sum(axis=2)),
            ):
                events[name][t] = by_group((occupancy * chance)[:, kind == true].sum(axis=1))
        following = np.zeros_like(occupancy)
        advance(occupancy, step.probability, law, chain.space.successor, following)
        occupancy = following
    record(periods)
    return History(
        targets=chain.targets,
        customers=counts,
        alive=alive,
        purchases=flows[0],
        revenue=flows[1],
        reward=flows[2],
        spend=counts[:-1, :, :, None] * intensity,
        events=events,
        terminal=float((occupancy * chain.terminal).sum()),
    )
