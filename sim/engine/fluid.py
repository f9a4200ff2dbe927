"""The fluid twin: the same chain in expected numbers of customers.

``occupancy[t+1, block] = occupancy[t, block] P(intensity[t])``. For agents whose traits are drawn from the blocks'
nodes, and an intensity plan whose money never runs out, it equals the agents' mean exactly.
"""

import numpy as np
from numpy.typing import NDArray

from sim.engine.chain import ALIVE, DEFECTED, PROSPECT, UNAWARE, ControlledChain
from sim.engine.fluid_kernels import advance
from sim.engine.lifecycle import Lifecycle
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
    groups, stages, _ = chain.targets.shape
    periods, space = chain.periods, chain.space
    blocks, laws = chain.group.size, space.law_kind.size
    law_cell = (chain.group[:, None] * stages + space.law_stage).ravel()
    law_place = (np.arange(blocks)[:, None] * laws + chain.block_law).ravel()
    counts = np.empty((periods + 1, groups, stages))
    alive = np.empty((periods + 1, groups))
    flows = np.empty((3, periods, groups, stages))
    events = {name: np.zeros((periods, groups)) for name in ("aware", "won", "returned", "left", "lost")}
    occupancy = chain.initial.copy()

    def by_law() -> Floats:
        """Return expected customers by (block, law)."""
        return np.asarray(
            np.bincount(law_place, weights=occupancy.ravel(), minlength=blocks * laws).reshape(blocks, laws),
            dtype=np.float64,
        )

    def by_cell(amount: Floats) -> Floats:
        return np.asarray(
            np.bincount(law_cell, weights=amount.ravel(), minlength=groups * stages).reshape(groups, stages),
            dtype=np.float64,
        )

    def by_group(amount: Floats) -> Floats:
        return np.asarray(np.bincount(chain.group, weights=amount, minlength=groups), dtype=np.float64)

    for t in range(periods + 1):
        number = by_law()
        counts[t] = by_cell(number)
        alive[t] = by_group(number[:, space.law_kind == ALIVE].sum(axis=1))
        if t == periods:
            break
        step = chain.step(chain.environment[t], intensity[t])
        for i, per_customer in enumerate((step.purchases, step.revenue, step.reward)):
            flows[i, t] = by_cell(number * per_customer)
        if isinstance(chain, Lifecycle):
            odds, half = step.probability, step.probability.shape[2] // 2
            for name, true, chance in (
                ("aware", UNAWARE, odds[:, :, 1]),
                ("won", PROSPECT, odds[:, :, 1]),
                ("returned", DEFECTED, odds[:, :, 1]),
                ("lost", DEFECTED, odds[:, :, 2]),
                ("left", ALIVE, odds[:, :, half:].sum(axis=2)),
            ):
                events[name][t] = by_group((number * chance)[:, space.law_kind == true].sum(axis=1))
        following = np.zeros_like(occupancy)
        advance(occupancy, step.probability, chain.block_law, space.successor, following)
        occupancy = following
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
