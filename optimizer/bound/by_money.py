"""A bound for the targeting where charges are by money: what is hidden may decide what for, but not how much.

As :mod:`optimizer.bound.targeting`, with two simplifications. Charges depend on the money a head, at the rules'
prices, and not on how it is shared among levers: everybody in a cell gets alike much, and may have it spent as suits
him best. That gives away little (on eight levers on one stage .262 of what full information brings over the plan is
open with charges by 1,024 joint points, .268 with charges by 40 sums of money), and charges are few however many
levers meet. And charges are what money brings above values ``V`` of what is to come, state by state:

``c_s(m) = max {gross_s(a) : a costs m} - m - V_s``, so customers who see everything and pay them are worth ``V`` at
most, and ``bound = sum_s V_s n_s + sum_cells max_m max_{n in N} sum_h n_h max_{s in h} c_s(m)``,

with no response to be worked out. ``V`` leans from the plan's own to the best. The most that money brings is known
from below the prices: ``gross_s(a) - p m <= best_s(p)`` for all ``a``, over all intensities
(:mod:`sim.engine.ways_kernels`). Service is money here, and costs nothing for who has silently left: of those no more
is known than at the usual price and above.
"""

import numpy as np

from optimizer.ask.problem import AllocationProblem
from optimizer.bound.by_money_kernels import returned_by_money
from optimizer.bound.decomposition import bounding
from optimizer.bound.offered import offered
from optimizer.bound.targeting import Charged
from sim.arrays import Floats, Progress
from sim.engine.chain import DEFECTED, LOST
from sim.engine.sensitivity import follow
from sim.engine.terms import SERVED
from sim.engine.ways_kernels import Leaning

__all__ = ["bound_by_money"]

MULTIPLES = np.array([0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.15, 1.3, 1.7, 2.3, 4.0, 6.0, 10.0])
"""Prices of money, in units of its own, at which its best is looked for; the first is nothing. Each takes as long as
another. Of 21 prices those without which most was open were kept."""
USUAL = 6
"""Which of them is 1."""
LEAN = (1.25, True)
"""How values lean from the plan's own to the best, :meth:`optimizer.bound.targeting.Charged.leaning`."""
MOST_ODDS = 2.5e8
"""At the points of the coarse grid, held twice, 2 GB each: levers that move several things each are a dimension."""
LOOKS, CLOSE = 100, 0.001
"""Intervals of money that are halved in a cell at most; share of what there is to close up to which that may stay
open: looking costs little here."""


def bound_by_money(
    problem: AllocationProblem, prices: Floats, plan_intensity: Floats, *, known: float, threads: int = 2,
    progress: Progress | None = None,
) -> float | None:  # fmt: skip
    """Return a bound for every plan whose intensities depend on (period, group, stage) only.

    Never above ``known``, that of full information. None where a chain knows only what it offers, or has too many odds
    to hold.

    Parameters
    ----------
    problem : AllocationProblem
    prices : (rows,)
        Of the rules.
    plan_intensity : (periods, groups, stages, levers)
        A plan that can be carried out; the better it is, the tighter the bound.
    known : float
    threads : int
    progress : callable, optional
    """
    chain, ways = problem.chain, problem.chain.coarse_ways
    if ways is None:
        return None
    odds = chain.group.size * chain.space.law_kind.size * chain.space.successor.shape[1] * int(ways.choices.max())
    if odds * (int(ways.regime.max()) + 1) > MOST_ODDS:
        return None
    prices = bounding(problem, prices)
    charged = Charged(problem, plan_intensity, threads, offered(problem, coarse=True))
    cells = charged.shape[0] * charged.groups * problem.targets.shape[1]
    charged.close = CLOSE * max(known - follow(chain, plan_intensity).asset, 0.0) / cells
    found = _bounds(charged, prices, progress).sum() + prices @ problem.limits
    return min(float(found), known)


def _bounds(charged: Charged, prices: Floats, progress: Progress | None = None) -> Floats:
    """Return the bound of every group at ``prices``, without ``y limits``."""
    chain, aim, known = charged.problem.chain, charged.pricing.aim(prices), charged.arguments(prices)
    lean = np.concatenate([charged.leaning(group, *LEAN) for group in range(charged.groups)], axis=1)
    above = np.full((*lean.shape, MULTIPLES.size), -np.inf)
    own = known.plan_action
    leaning = Leaning(MULTIPLES, USUAL, own.probability, own.reward, own.cost, lean, known.reached, above)
    worth = chain.worth_at_most(aim.money, *known.counts, charged.threads, leaning=leaning)
    assert worth is not None
    above[np.isinf(above)] = 0.0  # where nobody can be
    if SERVED in chain.targets.pays:
        above[:, :, np.isin(chain.space.law_kind, (DEFECTED, LOST)), :USUAL] = np.inf

    def run(group: int, _: int) -> float:
        part = charged.pricing.whole[group]
        _, back = returned_by_money(
            part, charged.reference[group], chain.space.law_stage, charged.ranges, above, MULTIPLES, LOOKS,
            charged.close,
        )  # fmt: skip
        return float(worth[part.first : part.last].sum() + back)

    return np.array(charged.each_group(run, progress))
