"""What customers may be offered in a bound: a finite list of points with their odds and costs, and what lies between.

A chain that knows what money can do along a few dimensions (:mod:`sim.engine.ways`) gives points of a grid over them;
of others the actions that they offer are all there is.
"""

from dataclasses import dataclass, replace

import numpy as np

from optimizer.ask.problem import AllocationProblem, joint_actions
from sim.arrays import Flags, Floats, Ints
from sim.engine.chain import ControlledChain
from sim.engine.hull_kernels import NO_COSTS, NO_GRIDS, Costs, Grids
from sim.engine.offers import Points

__all__ = ["Offered", "charges_of", "offered"]


@dataclass(frozen=True, eq=False)
class Offered:
    """Points to choose from, of every target.

    Attributes
    ----------
    choices : (groups, stages)
        How many of them count.
    possible : (periods, groups, stages, points)
        Which ones can be had: what is committed is no choice.
    probability, reward : (regimes, blocks, laws, points, outcomes), (regimes, blocks, laws, points)
    regime : (periods,)
        Which odds hold in a period.
    actions : (groups, stages, points, levers), optional
        Intensities, where points are actions.
    ways : optional
        What knows of all that lies between the points.
    """

    choices: Ints
    possible: Flags
    probability: Floats
    reward: Floats
    regime: Ints
    actions: Floats | None = None
    ways: Points | None = None

    def costs(self, money: Floats) -> tuple[Floats, Costs]:
        """Return what points cost, (periods, groups, stages, points), and what all that lies between them does."""
        if self.ways is not None:
            costs = self.ways.costs(money)
            return self.ways.cost(costs), costs
        assert self.actions is not None
        cost = np.asarray(np.einsum("tgsl,gsal->tgsa", money, self.actions, optimize=True))
        return np.ascontiguousarray(cost), NO_COSTS

    @property
    def grids(self) -> tuple[Grids, Ints]:
        """Return the grids that the points lie on, and the phase of each period."""
        if self.ways is not None:
            return self.ways.grids, self.ways.phase
        return NO_GRIDS, np.zeros(len(self.possible), dtype=np.int64)

    def moves(self, chain: ControlledChain) -> Flags:
        """Return whose odds or rewards differ from point to point, (groups, laws)."""
        number = self.choices[:, chain.space.law_stage]
        moved = np.zeros(number.shape, dtype=bool)
        for block, group in enumerate(chain.group):
            for line, points in enumerate(number[group]):
                odds, earned = self.probability[:, block, line, :points], self.reward[:, block, line, :points]
                moved[group, line] |= bool((odds != odds[:, :1]).any() or (earned != earned[:, :1]).any())
        return moved

    @staticmethod
    def of(problem: AllocationProblem) -> "Offered":
        """Return the actions of a problem, and nothing between them."""
        regime = problem.chain.regimes[1]
        return Offered(problem.choices, problem.possible, problem.probability, problem.reward, regime, problem.actions)


def offered(problem: AllocationProblem, coarse: bool = False) -> Offered:
    """Return all that customers may be offered: no end of intensities, or the actions of a chain that knows no more.

    ``coarse``: fewer points of a grid, from which little but who is moved at all is to be known.
    """
    ways = problem.chain.coarse_ways if coarse else problem.chain.whole_ways
    if ways is None:
        actions, choices = joint_actions(problem.chain, refine=True)
        return Offered.of(replace(problem, actions=actions, choices=choices))
    probability, reward = ways.odds()
    return Offered(ways.choices, ways.possible, probability, reward, ways.regime, ways=ways)


def charges_of(problem: AllocationProblem) -> tuple[int, int]:
    """Return how many charges a bound for the targeting takes, of all groups and of the largest.

    By period, block, law and point of what is offered.
    """
    chain = problem.chain
    ways = chain.whole_ways
    points = (joint_actions(chain, refine=True)[1] if ways is None else ways.choices).max()
    each = int(chain.periods * chain.space.law_kind.size * (points + 1))
    return each * chain.group.size, each * int(np.bincount(chain.group).max())
