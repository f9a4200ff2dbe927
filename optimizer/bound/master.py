"""The master of the occupancy programme: mixes plans of each block within the rules, and prices the rules.

Blocks (a group's trait classes) are mixed apart, because every plan found for one can then be combined with every
plan found for another: many fewer prices are tried than with plans of whole groups. :meth:`Master.columns` couples
the blocks of a group again.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from optimizer.bound.pricing import Column, Mixture, Pricing
from optimizer.lp.mixture import MixProgramme
from optimizer.tolerances import WEIGHTLESS
from sim.arrays import Floats

__all__ = ["Master", "Mixed"]

Actions = NDArray[np.uint8]

KEPT = 2
"""Plans without weight that are kept per block."""
FEW = 12
"""Plans per block from which on those that are worth least are dropped."""


@dataclass(frozen=True, eq=False)
class Mixed:
    """The master's answer.

    Attributes
    ----------
    weights : (plans,)
    prices : (rows,)
        d(value)/d(limit); while rules cannot be met, d(sum missed, in the rules' units)/d(limit).
    value : float
    violation : (rows,)
        By how much each rule is missed.
    feasible : bool
    """

    weights: Floats
    prices: Floats
    value: float
    violation: Floats
    feasible: bool


@dataclass(eq=False)
class Master:
    """Plans of every block and the best mixture of them, found again from the last one.

    Values count from each block's first plan, in units of the first differences, and use in units of the rules, so
    that the programme does not depend on the currency.
    """

    pricing: Pricing
    first: Actions
    _programme: MixProgramme = field(init=False)

    def __post_init__(self) -> None:
        problem = self.pricing.problem
        self._units, self._size = problem.row_units, 0.0
        self._waiting: list[tuple[Floats, Floats]] = []
        self._base, usage = self.pricing.by_block(self.first)
        self.base = float(self._base.sum())
        blocks = self._base.size
        self._actions: list[Actions] = []
        self._block, self._values = np.empty(0, dtype=np.int64), np.empty(0)
        self._programme = MixProgramme(problem.limits / self._units, problem.signs, blocks)
        self.add(self.first, self._base, usage)

    def add(self, action: Actions, value: Floats, usage: Floats) -> None:
        """Add a plan to every block: ``action[period, block, state]``, what it brings and what it uses."""
        blocks = value.size
        self._actions += [action[:, b].copy() for b in range(blocks)]
        self._block = np.append(self._block, np.arange(blocks))
        self._values = np.append(self._values, value)
        self._waiting.append((value - self._base, usage / self._units))

    def solve(self) -> Mixed:
        """Return the best mixture, or as long as rules cannot be met the one that misses least."""
        self._size = self._size or max(float(np.abs(value).max()) for value, _ in self._waiting) or 1.0
        for value, usage in self._waiting:
            self._programme.add(value / self._size, usage, np.arange(value.size))
        self._waiting.clear()
        weights, prices, missed = self._programme.solve()
        feasible = self._programme.feasible
        prices = prices * (self._size if feasible else 1.0) / self._units
        return Mixed(weights, prices, float(weights @ self._values), missed * self._units, feasible)

    def forget(self, mixed: Mixed) -> None:
        """Drop plans without weight that are worth least at the prices, where there are many."""
        blocks = self._base.size
        if self._programme.size < FEW * blocks:
            return
        worth = self._programme.worth(mixed.prices * self._units / self._size)
        order = np.lexsort((-worth, self._block))
        rank = np.empty(order.size, dtype=np.int64)
        start = np.searchsorted(self._block[order], np.arange(blocks))
        rank[order] = np.arange(order.size) - start[self._block[order]]
        flags = (mixed.weights > 0) | (rank < KEPT)
        self._programme.keep(flags)
        self._actions = [self._actions[i] for i in np.flatnonzero(flags)]
        self._block, self._values = self._block[flags], self._values[flags]

    def columns(self, mixed: Mixed) -> tuple[list[list[Column]], Mixture]:
        """Return the mixture in plans of whole groups.

        Customers of a group who draw the same number between 0 and 1 are under the same plan of the group.
        """
        pricing = self.pricing
        edges = []
        for b in range(self._base.size):
            mine = np.flatnonzero((self._block == b) & (mixed.weights > WEIGHTLESS))
            ends = np.cumsum(mixed.weights[mine])
            edges.append((mine, ends / ends[-1]))
        columns: list[list[Column]] = []
        weights: list[Floats] = []
        for g in range(pricing.groups):
            blocks = range(pricing.first[g], pricing.first[g + 1])
            ends = np.unique(np.round(np.concatenate([edges[b][1] for b in blocks]), 12))
            starts = np.append(0.0, ends[:-1])
            middle = (starts + ends) / 2
            columns.append([])
            weights.append(ends - starts)
            for place in middle:
                plans = [edges[b][0][np.searchsorted(edges[b][1], place)] for b in blocks]
                columns[-1].append(pricing.group_column(g, np.stack([self._actions[i] for i in plans], axis=1)))
        return columns, Mixture(weights, mixed.prices, mixed.value, mixed.violation)
