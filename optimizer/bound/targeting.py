"""A bound for plans that can be carried out: alike for all customers whom the firm cannot tell apart.

With full information an action may depend on what is hidden. A playable plan takes in every *cell* (period, group,
stage) one action, at odds ``pi``, for all *classes* ``h`` in it (here block x law: traits, alive or gone, how they
feel): ``x_h[a] = n_h pi[a]``. For any charges ``c_h[a]`` a head and any set ``N`` that holds the head counts ``n`` of
every playable plan,

``sum_{h, a} c_h[a] x_h[a] = sum_a pi[a] sum_h c_h[a] n_h <= max_a max_{n in N} sum_h c_h[a] n_h``.

So to charge the customers ``c`` and to return that maximum for every cell bounds every playable plan:

``bound(y, c) = max_x [value - y usage - c x] + sum_cells max_a max_{n in N} c[a] n + y limits``.

The maximum over ``x`` stays a dynamic programme per block. The charges range over all supports of the convex hull of
the products ``n pi``, so that McCormick's rows for the same ``N``, ``pi`` eliminated, could not do better.

*Where charges start.* For any values ``V`` of what is to come, charged ``c_h[a] = Q_h[a] - V_h``, what an action
brings with ``V`` to follow, customers who see everything gain nothing by what they see: they are worth ``V`` (the ideal
penalty of Brown, Smith & Sun 2010). With ``V`` the plan's own what is returned is the most that a playable plan could
gain by changing who is where (the performance difference of Kakade & Langford 2002): nothing where ``n`` is the plan's,
much where classes whom another action suits may be many. With ``V`` the best of full information no charge is above
nothing, and only the fewest of each class count: what is lost by treating them as others need. So ``V`` leans from the
one to the other, the more the farther heads may lie above the plan's, and all the way for those whom no action moves
(who has silently left is then worth what comes without money), by what of :data:`LEANS` gives the least bound in a
group. What is left open at first, of what full information brings over the plan: three levers over 24 months .49 with
the plan's own values, .24 where only those whom no action moves lean, .20 so; eight levers on one stage over 36 months
more than all, .66 and .40.
Then subgradient steps, each group by itself, towards what the plan itself makes of it (Polyak 1969).

*What is known of head counts* ``N``: ranges over all policies, and ranges of the mix of blocks under a common
treatment, both by recursion (:mod:`optimizer.bound.head_ranges`). Where a plan can move head counts far, as late in a
long horizon, charges pay little and the bound stays near that of full information.

Crowd effects are outside: like the full-information bound it holds while customers do not move each other's odds.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from optimizer.ask.problem import AllocationProblem
from optimizer.bound import targeting_kernels as kernels
from optimizer.bound.decomposition import (
    FullInformation,
    bounding,
    certified_bound,
    distinct,
    full_information,
)
from optimizer.bound.decomposition_kernels import Transitions
from optimizer.bound.descent import Descent
from optimizer.bound.head_ranges import head_ranges
from optimizer.bound.implied import implied_limits, within
from optimizer.bound.layout import families_of, reached_states
from optimizer.bound.offered import Offered, offered
from optimizer.bound.pricing import OUT_OF_REACH, Pricing
from optimizer.bound.returned_kernels import returned
from optimizer.bound.targeting_kernels import Between, Cells, Known, PlanAction, Work
from optimizer.tolerances import ARITHMETIC, BOUND, EMPTY
from sim.arrays import Floats, Progress
from sim.engine.bends_kernels import NO_BENDS, Bends
from sim.engine.sensitivity import follow
from sim.errors import RulesError, SolverError

__all__ = ["Charged", "TargetingBound", "targeting_bound"]

Result = TypeVar("Result")


MOST_LOOKS, FEW_LOOKS, WORK = 2000, 10, 5e7
"""Boxes of values that are halved in a cell for what is returned between the points of its grid, at most and at least;
and how many in all, times the classes of a cell. While charges move as few as may be are looked at: charges that know
the points alone rise between them, where money costs less than along straight lines."""
CLOSE = 0.01
"""Share of what there is to close up to which that may stay open."""
LEANS = ((2.0, False), (2.0, True), (1.0, False), (np.inf, True))
"""How values lean from the plan's own to the best (:meth:`Charged.leaning`): each is tried in every group."""
BY_LAW, LEFT_OPEN = (2.0, 1.0), 0.3
"""Powers that are tried law by law besides, in large markets where more than this share of what full information brings
over the plan is left open at first."""
KEPT_SLOPE = 0.7
"""Share of the last direction in the next one."""
BY_GAIN = 0.5
"""Classes with more to gain from being treated apart take larger steps, by this power."""
WORTH_A_STEP = 0.3
"""Share of the groups' mean gap at first below which a group takes no step."""
LOOKED_AT, WORTH_GOING_ON = 10, 0.05
"""After so many steps a group's descent ends if they closed less than this share of what was open."""
WORTH_HOLDING = 0.02
"""Share of what is open that limits which rules imply must close, else they are left out."""
ROUNDS = 5
"""In which limits on intensities that rules imply, and the head counts that these leave, are worked out in turn."""


@dataclass(frozen=True, eq=False)
class TargetingBound:
    """A bound for every playable plan.

    Attributes
    ----------
    bound : float
        Never above the full-information bound over the same intensities.
    prices : (rows,)
        Of the rules, at which it was found.
    iterations : int
    seconds : float
    history : tuple of float
        The best bound so far as it is found by a few looks, first that of the first charges.
    """

    bound: float
    prices: Floats
    iterations: int
    seconds: float
    history: tuple[float, ...]


@dataclass(eq=False)
class Charged:
    """One problem with a plan's own intensities as one action more: values under charges, and what is returned.

    Groups are bounded each by itself, so that no more charges are held than those of the groups at work: charges are
    ``[period, block of the group, law, action]``, the plan's own action last. ``shape``: of all groups' together.
    ``close``: what may stay open in each cell where what is returned is looked for between the points of a grid.
    """

    problem: AllocationProblem
    plan_intensity: Floats
    threads: int = 2
    choice: Offered | None = None
    close: float = 0.0

    def __post_init__(self) -> None:
        problem, chain = self.problem, self.problem.chain
        periods = chain.periods
        if (chain.space.law_stage[chain.block_law] != chain.block_stage).any():
            raise ValueError("a law must belong to one stage")
        self.pricing, self._bends = Pricing(problem, self.threads), dict[int, Bends]()
        self.first, self.groups = self.pricing.first, self.pricing.groups
        choice = self.offered = self.choice or Offered.of(problem)
        steps = [chain.step(chain.environment[t], self.plan_intensity[t]) for t in range(periods)]
        self._own_probability = np.stack([step.probability for step in steps])
        self._own_reward = np.stack([step.reward for step in steps])
        always = np.ones((*choice.possible.shape[:3], 1), dtype=bool)
        possible = np.concatenate([choice.possible, always], axis=3)
        self._cells = [Cells(chain.space.law_stage, each) for each in np.ascontiguousarray(np.moveaxis(possible, 1, 0))]
        size = chain.initial.sum(axis=1) + chain.arrivals.sum(axis=(0, 2))
        largest = [f + int(np.argmax(size[f:t])) for f, t in zip(self.first[:-1], self.first[1:], strict=True)]
        self.reference = np.array(largest)
        self.shape = (periods, chain.group.size, chain.space.law_stage.size, choice.probability.shape[3] + 1)
        happens = np.asarray(choice.probability.any(axis=(0, 1, 3)) | self._own_probability.any(axis=(0, 1)))
        outcomes = happens.shape[1] - happens[:, ::-1].argmax(axis=1)
        self._transitions = Transitions(
            chain.block_stage, chain.block_law, chain.space.successor, outcomes, choice.regime, choice.probability,
            choice.reward, choice.choices,
        )  # fmt: skip
        self._by_outcome = np.ascontiguousarray(np.swapaxes(choice.probability, 3, 4))
        self._families = families_of(chain.space, happens)
        self._moved = choice.moves(chain)
        laws = np.eye(chain.space.law_kind.size)[chain.block_law]
        course = follow(chain, self.plan_intensity)
        self._heads = np.stack([np.einsum("bs,bsk->bk", now.occupancy, laws) for now in course.past])
        self._reached = reached_states(chain, happens)
        self.ranges = head_ranges(chain, choice, self._own_probability, self.reference, self.threads)

    def arguments(self, prices: Floats) -> Known:
        """Return what the kernels need to know of the problem at ``prices``."""
        aim = self.pricing.aim(prices)
        cost, costs = self.offered.costs(aim.money)
        own_cost = np.ascontiguousarray((aim.money * self.plan_intensity).sum(axis=3))
        return Known(
            self._transitions, self._by_outcome, self._families, self._reached,
            np.where(self.offered.possible, cost, OUT_OF_REACH), self.pricing.counts(aim), self.pricing.starts,
            PlanAction(self._own_probability, self._own_reward, own_cost), Between(*self.offered.grids, costs),
        )  # fmt: skip

    def bends(self, group: int) -> Bends:
        """Return how far the worth of a group's customers may lie above straight lines between the points."""
        if self.offered.ways is None:
            return NO_BENDS
        if group not in self._bends:
            self._bends[group] = self.offered.ways.bends(int(self.first[group]), int(self.first[group + 1]))
        return self._bends[group]

    def each_group(self, run: Callable[[int, int], Result], progress: Progress | None = None) -> list[Result]:
        """Return ``run(group, place in line)`` of every group, the largest first, in the order of groups."""
        order = sorted(range(self.groups), key=lambda g: int(self.first[g] - self.first[g + 1]))
        found: dict[int, Result] = {}
        with ThreadPoolExecutor(self.threads) as pool:
            for group, result in zip(order, pool.map(run, order, range(self.groups)), strict=True):
                found[group] = result
                if progress:
                    progress(len(found) / self.groups)
        return [found[group] for group in range(self.groups)]

    def shape_of(self, group: int) -> tuple[int, ...]:
        """Return the shape of a group's charges."""
        return (self.shape[0], int(self.first[group + 1] - self.first[group]), *self.shape[2:])

    def leaning(self, group: int, power: float, whole: bool) -> Floats:
        """Return how far values lean from the plan's own to the best, (periods, blocks of the group, laws).

        By ``((high - n) / (high - low)) ** power``: the more, the farther head counts may lie above the plan's ``n``;
        and ``whole`` where no action moves a customer.
        """
        mine = slice(self.first[group], self.first[group + 1])
        low, high, n = self.ranges.low[:, mine], self.ranges.high[:, mine], self._heads[:, mine]
        wide = np.maximum(high - low, 0.0)
        share = np.clip(np.divide(high - n, wide, out=np.zeros_like(wide), where=wide > EMPTY), 0.0, 1.0)
        leans = np.zeros_like(share) if np.isinf(power) else share**power
        return np.where(self._moved[group] | (not whole), leans, 1.0)

    def advantages(self, group: int, known: Known, lean: Floats) -> tuple[Floats, float, float]:
        """Return first charges with values that ``lean``, their quantum, and the plan's worth net of prices.

        The customers of a class count as they do under the plan. What is less than the quantum is arithmetic.
        """
        part, cells = self.pricing.whole[group], self._cells[group]
        charge = np.zeros(self.shape_of(group))
        worth = np.zeros(self.shape[1])
        kernels.advantages(part, part.first, known, lean, charge, worth)
        charge *= cells.possible[:, None, cells.stage]  # what cannot be taken is free
        quantum = ARITHMETIC * (max(float(charge.max()), -float(charge.min())) or 1.0)
        charge /= quantum
        np.round(charge, out=charge)
        charge *= quantum
        return charge, quantum, float(worth.sum())

    def moved_laws(self, group: int) -> list[int]:
        """Return the laws that some action moves, that with the most customers first."""
        heads = self._heads[:, self.first[group] : self.first[group + 1]].sum(axis=(0, 1))
        return sorted(np.flatnonzero(self._moved[group]).tolist(), key=lambda law: -heads[law])

    @cached_property
    def looks(self) -> int:
        """Return how often boxes are halved in a cell for a bound: the less, the larger the market."""
        periods, blocks, laws, _ = self.shape
        return int(np.clip(WORK / (periods * blocks * laws), FEW_LOOKS, MOST_LOOKS))

    def bound(
        self, group: int, known: Known, charge: Floats, quantum: float = 0.0, looks: int | None = None,
        work: Work | None = None,
    ) -> tuple[float, float, Floats]:  # fmt: skip
        """Return what a group's bound at ``charge`` is found to be at least, the bound, and what pays most.

        Without ``y limits``. They differ by what may lie between the points of grids where not more than ``looks``
        boxes are looked at.
        """
        part = self.pricing.whole[group]
        chosen = np.zeros((self.shape[0], self.offered.possible.shape[2], self.shape[3]))
        worth = np.zeros(self.shape[1])
        used = work.used if work else np.empty((0, 0, 0, 0))
        heads = work.heads if work else np.empty(charge.shape[:3])
        kernels.charged_response(part, part.first, known, charge, worth, used, quantum, self.bends(group))
        back, most = returned(
            part, part.first, self.reference[group], self._cells[group], self.ranges, known.between, known.cost, charge,
            chosen, heads, self.looks if looks is None else looks, self.close,
        )  # fmt: skip
        own = float(worth[part.first : part.last].sum())
        return own + back, own + most, chosen

    def descend(
        self, group: int, known: Known, charge: Floats, quantum: float, target: float, *, gain: Floats, steps: int,
        until: float = np.inf,
    ) -> tuple[Floats, list[float]]:  # fmt: skip
        """Take subgradient steps from ``charge``; return the best charges, and best bounds by step.

        Bounds as they are found by a few looks.

        ``gain[period, block, law]`` is what there is to gain a head, ``target`` what is known to be attained.
        """
        if not steps:
            return charge, []
        part = self.pricing.whole[group]
        local = part._replace(first=0, last=part.last - part.first)
        now, best, search = charge.copy(), charge, Descent()
        unit = self._unit(gain, self.ranges.high[:, part.first : part.last])
        work = Work(np.zeros(charge.shape), np.zeros(charge.shape[:3]), np.zeros(charge.shape), unit)
        history: list[float] = []
        for step in range(steps):
            bound, _, chosen = self.bound(group, known, now, quantum, FEW_LOOKS, work)
            if search.is_better(bound):
                best[:] = now
            history.append(search.bound)
            if time.perf_counter() > until:
                break
            if step >= LOOKED_AT and step % LOOKED_AT == 0:
                before = history[-1 - LOOKED_AT] - target
                if history[-1 - LOOKED_AT] - search.bound < WORTH_GOING_ON * before:
                    break
            if search.goes_back():
                now[:] = best
                work.slope[:] = 0
                continue
            square = kernels.turn(local, self._cells[group], chosen, KEPT_SLOPE, work)
            length = search.length * max(bound - target, 0.0) / max(square, 1e-300)
            kernels.move(local, work, length, quantum, now)
        return best, history

    @staticmethod
    def _unit(gain: Floats, high: Floats) -> Floats:
        """Return in which units the slope of each class is measured: many who have little to gain take small steps."""
        most = float(gain.max())
        share = np.maximum(gain / most, 1e-6) if most > 0 else np.ones_like(gain)
        return np.asarray(high / share**BY_GAIN)


def targeting_bound(
    problem: AllocationProblem,
    start: FullInformation,
    plan_intensity: Floats,
    *,
    prices: Floats | None = None,
    known: float | None = None,
    iterations: int = 200,
    by_law: bool = False,
    seconds: float = np.inf,
    threads: int = 2,
    progress: Progress | None = None,
) -> TargetingBound:
    """Return a bound for every plan whose intensities depend on (period, group, stage) only.

    Parameters
    ----------
    problem : AllocationProblem
    start : FullInformation
        Where prices of the rules come from.
    plan_intensity : (periods, groups, stages, levers)
        A plan that can be carried out and meets the rules; the better it is, the tighter the bound.
    prices : (rows,)
        Prices of the rules to try besides those of ``start``.
    known : float
        The full-information bound over the same intensities; None: it is worked out.
    iterations : int
        Steps in every group.
    by_law : bool
        Whether leans are chosen law by law where much is left open, instead of so many steps: each takes long there.
    seconds : float
        Time for them, shared out over the groups; where it runs out the result depends on the machine.

    The bound holds over all that customers may be offered, and over the plan.
    """
    began = time.perf_counter()
    if known is None:
        known = certified_bound(problem, start.prices_of_bound, plan_intensity, threads)
    target = follow(problem.chain, plan_intensity).asset
    charged, at_first, known = _within_rules(problem, start.prices_of_bound, plan_intensity, known, target, threads)
    problem, cells = charged.problem, charged.shape[0] * charged.groups * charged.offered.possible.shape[2]
    charged.close = CLOSE * max(known - target, 0.0) / cells
    found = [_first_bounds(charged, y) for y in _candidates(problem, at_first, prices)]
    first = min(found, key=lambda each: each.bound)
    gaps = first.bounds - first.targets
    far = gaps >= WORTH_A_STEP * gaps.mean()
    by_law = by_law and first.bound - target > LEFT_OPEN * (known - target)

    def tighten(group: int, place: int) -> tuple[list[float], float]:
        until = began + seconds * (place + threads) / (charged.groups + threads - 1)
        charge, quantum = _first_charges(charged, first, group, by_law, until)
        gain = charge.max(axis=3) - charge[..., -1]
        charge, steps = charged.descend(
            group, first.known, charge, quantum, float(first.targets[group]), gain=gain,
            steps=iterations if far[group] and not by_law else 0, until=until,
        )  # fmt: skip
        return steps, charged.bound(group, first.known, charge, quantum)[1]

    tightened = charged.each_group(tighten, progress)
    limits, taken = float(first.prices @ problem.limits), max(len(steps) for steps, _ in tightened)
    history = [first.bound]
    for step in range(taken):
        reached = (steps[: step + 1] or [at] for (steps, _), at in zip(tightened, first.bounds, strict=True))
        history.append(limits + float(sum(each[-1] for each in reached)))
    bound = min(limits + sum(bound for _, bound in tightened), known)
    return TargetingBound(bound, first.prices, taken, time.perf_counter() - began, tuple(history))


def _within_rules(
    problem: AllocationProblem, prices: Floats, plan_intensity: Floats, known: float, target: float, threads: int
) -> tuple[Charged, Floats, float]:
    """Return the problem within the limits that rules imply, prices of the rules there, and the bound that is known.

    It is left as it is where that bound hardly falls.
    """
    charged = Charged(problem, plan_intensity, threads, offered(problem))
    for _ in range(ROUNDS):
        held = within(problem, implied_limits(problem, charged.ranges))
        bound = np.inf if held is None else certified_bound(held, prices, plan_intensity, threads)
        if held is None or bound > known - WORTH_HOLDING * (known - target):
            break
        known = bound
        charged = Charged(held, plan_intensity, threads, offered(held))
        with suppress(RulesError, SolverError):  # prices as they were are as good
            prices = full_information(held, BOUND, threads=threads).prices_of_bound
        known = min(known, certified_bound(held, prices, plan_intensity, threads))
    return charged, prices, known


def _candidates(problem: AllocationProblem, usual: Floats, prices: Floats | None) -> list[Floats]:
    tried = [usual] if prices is None else [usual, 0.5 * (usual + prices), prices]
    return distinct([bounding(problem, y) for y in tried])


@dataclass(frozen=True, eq=False)
class _First:
    """First charges at ``prices``: the bound of all, bounds by group, and by group the plan's own worth."""

    prices: Floats
    known: Known
    bound: float
    bounds: Floats
    targets: Floats


def _first_bounds(charged: Charged, prices: Floats) -> _First:
    """Return what is known by the first charges; they are large, and not kept."""
    known = charged.arguments(prices)

    def run(group: int, _: int) -> tuple[float, float]:
        charge, quantum, worth = charged.advantages(group, known, charged.leaning(group, *LEANS[0]))
        return charged.bound(group, known, charge, quantum, FEW_LOOKS)[0], worth

    bounds, targets = np.array(charged.each_group(run)).T
    return _First(prices, known, float(bounds.sum() + prices @ charged.problem.limits), bounds, targets)


def _first_charges(
    charged: Charged, first: _First, group: int, by_law: bool, until: float = np.inf
) -> tuple[Floats, float]:
    """Return a group's first charges, with values that lean as gives the least bound, and their quantum.

    No law's is chosen after ``until``.
    """

    def bound_at(lean: Floats) -> float:
        charge, quantum, _ = charged.advantages(group, first.known, lean)
        return charged.bound(group, first.known, charge, quantum, FEW_LOOKS)[0]

    found = [float(first.bounds[group]), *(bound_at(charged.leaning(group, *lean)) for lean in LEANS[1:])]
    lean, least = charged.leaning(group, *LEANS[int(np.argmin(found))]), min(found)
    for law in charged.moved_laws(group) if by_law else ():
        for other in (charged.leaning(group, power, False) for power in BY_LAW):
            if time.perf_counter() > until:
                break
            tried = lean.copy()
            tried[:, :, law] = other[:, :, law]
            reached = least if np.array_equal(tried, lean) else bound_at(tried)
            if reached < least:
                lean, least = tried, reached
    return charged.advantages(group, first.known, lean)[:2]
