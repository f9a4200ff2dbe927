"""What customers are worth after the horizon where levers remember: what was spent before it still acts for a while.

Today's spend, for ever, in the environment after the horizon, as :func:`sim.engine.chain.value_to_go` has it; but for
the first :func:`fades` periods with what levers did of late (:mod:`sim.engine.of_late`), after which nothing is left.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from sim.arrays import Floats
from sim.engine.chain import ControlledChain, Step
from sim.engine.fluid_kernels import advance, pull_advance
from sim.engine.of_late import Late

__all__ = ["Afterwards", "fades", "later"]

LEFT = 1e-3
"""Of what was of late, the part that is nothing: a thousandth."""
LONGEST = 120
"""Periods at most that are followed."""


def fades(chain: ControlledChain) -> int:
    """Return after how many periods a thousandth is left of what levers did of late; 0 where none remembers.

    Nor does it matter where nothing counts after the horizon.
    """
    if chain.late is None or not chain.with_terminal:
        return 0
    slowest = max(chain.late.slowest, LEFT)
    return min(1 + math.ceil(math.log(LEFT) / math.log(slowest)), LONGEST)


def _todays(chain: ControlledChain) -> Floats:
    """Return marketing money of today's spend on a customer by (block, state)."""
    money = chain.targets.of_budget(chain.targets.reference).sum(axis=2)
    return np.asarray(money[chain.group[:, None], chain.block_stage])


class _Period(NamedTuple):
    occupancy: Floats
    late: Floats
    works: Floats
    step: Step


@dataclass(frozen=True, eq=False)
class Afterwards:
    """Customers after the horizon.

    Attributes
    ----------
    chain : ControlledChain
    memory : Late
        What its levers remember.
    end : (blocks, states)
        Customers at the horizon.
    late : as in :class:`~sim.engine.conditions.Moment`
        What levers did of late then.
    """

    chain: ControlledChain
    memory: Late
    end: Floats
    late: Floats

    @cached_property
    def _run(self) -> tuple[list[_Period], Floats]:
        chain, occupancy, late = self.chain, self.end, self.late
        periods = []
        for _ in range(fades(chain)):
            works, after = self.memory.todays(late)
            step = chain.step(chain.environment[-1], works)
            periods.append(_Period(occupancy, late, works, step))
            moved = np.zeros_like(occupancy)
            advance(occupancy, step.probability, chain.links, moved)
            occupancy, late = moved, after
        return periods, occupancy

    @cached_property
    def by_block(self) -> Floats:
        """Return what customers bring less what is spent on them, (blocks,), as at the horizon."""
        (periods, last), factor, chain = self._run, 1.0, self.chain
        rows, total = np.arange(chain.group.size)[:, None], np.zeros(chain.group.size)
        for now in periods:
            net = now.step.reward[rows, chain.block_law] - _todays(chain)
            total += factor * (now.occupancy * net).sum(axis=1)
            factor /= 1 + chain.discount_rate
        return np.asarray(total + factor * (last * chain.terminal).sum(axis=1))

    @cached_property
    def pull(self) -> tuple[Floats, Floats]:
        """Return the derivatives of the total by (customers at the horizon, what levers did of late)."""
        (periods, _), chain = self._run, self.chain
        rows = np.arange(chain.group.size)[:, None]
        factor = (1 + chain.discount_rate) ** -len(periods)
        after, by_late = factor * chain.terminal, np.zeros_like(self.late)
        for now in reversed(periods):
            factor *= 1 + chain.discount_rate
            before, by_odds = np.empty_like(after), np.zeros_like(now.step.probability)
            pull_advance(now.occupancy, now.step.probability, chain.links, after, before, by_odds)
            number = np.zeros_like(now.step.reward)
            np.add.at(number, (np.broadcast_to(rows, chain.block_law.shape), chain.block_law), now.occupancy)
            by_works, _ = chain.pull(chain.environment[-1], now.works)(by_odds, factor * number)
            by_late = self.memory.pull(by_works, by_late, chain.targets.reference, now.works, now.late)[2]
            after = before + factor * (now.step.reward[rows, chain.block_law] - _todays(chain))
        return after, by_late


def later(chain: ControlledChain, end: Floats, late: Floats | None) -> Afterwards | None:
    """Return customers after the horizon; None where none of what was done before it acts then, or nothing counts."""
    if chain.late is None or late is None or not fades(chain):
        return None
    return Afterwards(chain, chain.late, end, late)
