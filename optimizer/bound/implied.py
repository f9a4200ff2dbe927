"""Limits on intensities that rules on money imply for plans that can be carried out.

A playable plan spends alike on all in a cell. Where never fewer than ``n`` people are in it, a rule that lets at most
``M`` be spent there lets nobody get more than ``M / n``. A policy that sees everything may pick out a few and give the
others nothing: with S-shaped curves that is worth far more than any plan. What is held back so moves fewer people, so
the fewest and the limits are worked out in turn.
"""

from dataclasses import replace

import numpy as np

from optimizer.ask.problem import AllocationProblem, with_room
from optimizer.bound.head_ranges import HeadRanges
from sim.arrays import Floats

__all__ = ["implied_limits", "within"]


ROOM = 1e-6
"""By which share limits are wider than implied: rules are met to less than that."""


def implied_limits(problem: AllocationProblem, ranges: HeadRanges) -> Floats:
    """Return the most a head may get where customers are in ``ranges``, (groups, stages, levers); infinite: any."""
    chain, shape = problem.chain, (problem.chain.periods, *problem.targets.shape)
    groups = np.arange(shape[1])
    first = np.searchsorted(chain.group, groups)
    fewest = np.add.reduceat(ranges.fewest, first, axis=1)[..., None]
    somebody = np.add.reduceat(ranges.largest, first, axis=1)[..., None] > 0
    most = np.where(somebody, np.full(shape, np.inf), 0.0)
    for row in problem.rows:
        if row.sense == "<=" and row.money is not None and row.people is None and row.earned is None and not row.after:
            counted = row.money.toarray().reshape(shape)
            if counted.min() >= 0:
                weighed = counted * fewest
                alone = np.divide(row.limit, weighed, out=np.full(shape, np.inf), where=weighed > 0)
                most = np.minimum(most, np.where(somebody, np.maximum(alone, 0.0), 0.0))
    highest = np.where(somebody.any(axis=0), most.max(axis=0), np.inf)
    held = np.where(np.array(problem.targets.lead) > 0, problem.targets.committed, 0.0)
    return np.asarray(np.maximum((1 + ROOM) * highest, held))


def within(problem: AllocationProblem, limit: Floats) -> AllocationProblem | None:
    """Return the same problem with intensities up to ``limit``; None where that leaves out next to nothing."""
    chain = problem.chain
    far = np.zeros(problem.targets.shape)
    for group, lever in np.ndindex(far.shape[0], far.shape[2]):
        far[group, :, lever] = np.minimum(chain.ladder(group, lever)[-1], chain.limit[group, :, lever])
    held = chain.held_to(limit) if (limit < far)[problem.targets.allowed].any() else None
    if held is None:
        return None
    actions, choices = with_room(held, problem.rows)
    return replace(problem, twin=replace(problem.twin, chain=held), actions=actions, choices=choices)
