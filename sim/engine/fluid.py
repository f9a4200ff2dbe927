"""The fluid twin: the same chain in expected numbers of customers.

``occupancy[t+1, block] = occupancy[t, block] P(intensity[t], environment[t]) + arrivals[t]``. For agents whose traits
are drawn from the blocks' nodes, no crowd effects, and an intensity plan whose money never runs out, it equals the
agents' mean exactly; with the crowd it is their limit for many customers. Its derivatives are in
:mod:`sim.engine.sensitivity`.
"""

import numpy as np

from sim.arrays import Floats
from sim.engine.afterwards import later
from sim.engine.attitudes import POINTS_PER_LEVEL
from sim.engine.chain import ALIVE, ControlledChain, observed_counts
from sim.engine.fluid_kernels import observed_moves
from sim.engine.fluid_pass import FluidPass, Period
from sim.engine.state_space import LEVELS, customers_by_level
from sim.history import EVENTS, KINDS, History

__all__ = ["Counting", "expected_history", "mean_satisfaction", "observed_counts"]


def expected_history(chain: ControlledChain, intensity: Floats) -> History:
    """Return the expected history under ``intensity[period, group, stage, lever]``, money per targeted customer.

    Intensities are those that act in a period, whatever their lead time. Numbers of customers are expectations, not
    integers; ``events`` are expected numbers.
    """
    groups = chain.targets.shape[0]
    periods, space = chain.periods, chain.space
    counting = Counting(chain)
    record = History.blank(chain.targets, periods)

    def by_group(amount: Floats) -> Floats:
        return np.asarray(np.bincount(chain.group, weights=amount, minlength=groups), dtype=np.float64)

    def look(t: int, occupancy: Floats, points: float) -> None:
        number = counting.by_law(occupancy)
        for k in range(len(KINDS)):
            record["people"][t, :, :, k] = counting.by_cell(number * (space.law_kind == k))
        record["employees"][t] = points
        levels = customers_by_level(space, occupancy, chain.group, groups)
        record["satisfaction"][t] = mean_satisfaction(levels)
        asked = chain.last_survey(t)
        if asked is not None:  # as without error
            record["surveyed"][t] = record["satisfaction"][asked]

    run = FluidPass(chain, intensity)
    for t in range(periods):
        each = run.period(t)
        look(t, each.occupancy, each.now.employees)
        number, step = counting.by_law(each.occupancy), each.step
        for name, amount in counting.flows(each).items():
            record[name][t] = amount
        for name, chance in chain.events(step).items():
            record["events"][t, :, EVENTS.index(name)] = by_group((number * chance).sum(axis=1))
        record["share"][t] = chain.share_of_customer(each.met, record["people"][t, :, :, ALIVE])
        counting.add_moves(each, record["moves"][t])
        record["spend"][t] = chain.targets.of_budget(each.observed[:, :, None] * intensity[t])
    look(periods, run.occupancy, run.employees)
    afterwards = later(chain, run.occupancy, run.late)
    worth = float(afterwards.by_block.sum() if afterwards else (run.occupancy * chain.terminal).sum())
    return History.of(chain.targets, record, periods, terminal=worth)


class Counting:
    """Counts what happens in expected numbers as a firm counts it: by group and observed stage."""

    def __init__(self, chain: ControlledChain) -> None:
        self.chain = chain
        self._blocks, self._laws = chain.group.size, chain.space.law_kind.size
        self._cell = (chain.group[:, None] * chain.targets.shape[1] + chain.space.law_stage).ravel()

    def by_law(self, occupancy: Floats) -> Floats:
        """Return expected customers by (block, law)."""
        number = np.bincount(self.chain.law_place, weights=occupancy.ravel(), minlength=self._blocks * self._laws)
        return np.asarray(number.reshape(self._blocks, self._laws), dtype=np.float64)

    def by_cell(self, amount: Floats) -> Floats:
        """Return an amount of (block, law) by (group, stage)."""
        groups, stages, _ = self.chain.targets.shape
        total = np.bincount(self._cell, weights=amount.ravel(), minlength=groups * stages)
        return np.asarray(total.reshape(groups, stages), dtype=np.float64)

    def flows(self, period: Period) -> dict[str, Floats]:
        """Return what a period brought by (group, stage), by field of a history."""
        number = self.by_law(period.occupancy)
        return {name: self.by_cell(number * each) for name, each in self.chain.flows(period.step).items()}

    def add_moves(self, period: Period, out: Floats) -> None:
        """Add the expected observed moves of a period to ``out[group, stage, stage next]``."""
        observed_moves(period.occupancy, period.step.probability, self.chain.links, out)


def mean_satisfaction(levels: Floats) -> Floats:
    """Return mean points 0..100 by group of customers by (group, level); nan where there are none."""
    number = levels.sum(axis=-1)
    total = levels @ np.arange(LEVELS) * POINTS_PER_LEVEL
    return np.asarray(np.divide(total, number, out=np.full(number.shape, np.nan), where=number > 0))
