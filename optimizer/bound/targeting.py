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

*Where charges start.* Charged the plan's own advantages ``c_h[a] = Q_h[a] - V_h``, what an action brings over the
plan's for one period, customers who see everything gain nothing by what they see: they are worth what the plan makes
of them (the ideal penalty of Brown, Smith & Sun 2010). What is returned is then the most that a playable plan could
gain by changing who is where (the performance difference of Kakade & Langford 2002), which is nothing where ``n`` is
the plan's. Then subgradient steps, each group by itself, towards what the plan itself makes of it (Polyak 1969).

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

import numpy as np

from optimizer.ask.problem import AllocationProblem
from optimizer.bound import targeting_kernels as kernels
from optimizer.bound.decomposition import FullInformation, bounding, certified_bound, full_information
from optimizer.bound.decomposition_kernels import Transitions
from optimizer.bound.head_ranges import head_ranges
from optimizer.bound.implied import implied_limits, within
from optimizer.bound.layout import families_of, reached_states
from optimizer.bound.offered import Offered, offered
from optimizer.bound.pricing import OUT_OF_REACH, Pricing
from optimizer.bound.returned_kernels import returned
from optimizer.bound.targeting_kernels import Between, Cells, Known, PlanAction, Work
from optimizer.tolerances import ARITHMETIC, BOUND
from sim.arrays import Flags, Floats, Progress
from sim.engine.sensitivity import follow
from sim.errors import RulesError, SolverError

__all__ = ["Charged", "TargetingBound", "targeting_bound"]


MOST_LOOKS, FEW_LOOKS, WORK = 2000, 10, 5e7
"""Boxes of values that are halved in a cell for what is returned between the points of its grid, at most and at least;
and how many in all, times the classes of a cell. While charges move points alone are looked at."""
CLOSE = 0.01
"""Share of what there is to close up to which that may stay open."""
FADES = (0.5, 1.0, 2.0, 4.0)
"""The first charges may fade over the horizon, to a half, to nothing, ...: the later, the less is known of heads."""
KEPT_SLOPE, FIRST_STEP = 0.7, 0.1
"""Share of the last direction in the next one; share of Polyak's step that is taken."""
BY_GAIN = 0.5
"""Classes with more to gain from being treated apart take larger steps, by this power."""
WORTH_A_STEP = 0.3
"""Share of the mean gap below which a group takes no step."""
LOOKED_AT, WORTH_GOING_ON = 10, 0.05
"""After so many steps the descent ends if they closed less than this share of what was open."""
WORTH_HOLDING = 0.02
"""Share of what is open that limits which rules imply must close, else they are left out."""
ROUNDS = 5
"""In which limits on intensities that rules imply, and the head counts that these leave, are worked out in turn."""
QUIET, SHORTER = 5, 0.7
"""After so many steps without a better bound a group goes back to its best charges, and takes shorter steps."""


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
        The best bound so far as it is found at the points of grids alone, first that of the first charges.
    """

    bound: float
    prices: Floats
    iterations: int
    seconds: float
    history: tuple[float, ...]


@dataclass(eq=False)
class Charged:
    """One problem with a plan's own intensities as one action more: values under charges, and what is returned.

    Charges are ``[period, block, law, action]``, the plan's own action last. ``close``: what may stay open in each cell
    where what is returned is looked for between the points of a grid.
    """

    problem: AllocationProblem
    plan_intensity: Floats
    threads: int = 2
    choice: Offered | None = None
    quantum: float = 0.0
    close: float = 0.0

    def __post_init__(self) -> None:
        problem, chain = self.problem, self.problem.chain
        periods = chain.periods
        if (chain.space.law_stage[chain.block_law] != chain.block_stage).any():
            raise ValueError("a law must belong to one stage")
        self.pricing = Pricing(problem, self.threads)
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
        self._reference = np.array(largest)
        self.shape = (periods, chain.group.size, chain.space.law_stage.size, choice.probability.shape[3] + 1)
        happens = np.asarray(choice.probability.any(axis=(0, 1, 3)) | self._own_probability.any(axis=(0, 1)))
        outcomes = happens.shape[1] - happens[:, ::-1].argmax(axis=1)
        self._transitions = Transitions(
            chain.block_stage, chain.block_law, chain.space.successor, outcomes, choice.regime, choice.probability,
            choice.reward, choice.choices,
        )  # fmt: skip
        self._by_outcome = np.ascontiguousarray(np.swapaxes(choice.probability, 3, 4))
        self._families = families_of(chain.space, happens)
        self._reached = reached_states(chain, happens)
        self.ranges = head_ranges(chain, choice, self._own_probability, self._reference, self.threads)

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

    def _each_group(self, run: Callable[[int], None], which: Flags | None = None) -> None:
        chosen = range(self.groups) if which is None else np.flatnonzero(which).tolist()
        order = sorted(chosen, key=lambda g: int(self.first[g] - self.first[g + 1]))
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(run, order))

    def advantages(self, prices: Floats) -> tuple[Floats, Floats]:
        """Return what actions bring over the plan's own, as charges, and what the plan brings net of prices by group.

        The customers of a class count as they do under the plan.
        """
        charge, worth = np.zeros(self.shape), np.zeros(self.groups)
        known = self.arguments(prices)

        def run(group: int) -> None:
            charge[:, self.first[group] : self.first[group + 1]], worth[group] = self._advantages(group, known)

        self._each_group(run)
        return charge, worth

    def _advantages(self, group: int, known: Known) -> tuple[Floats, float]:
        part, cells = self.pricing.whole[group], self._cells[group]
        charge = np.zeros((self.shape[0], part.last - part.first, *self.shape[2:]))
        worth = np.zeros(self.shape[1])
        kernels.advantages(part, part.first, known, charge, worth)
        charge *= cells.possible[:, None, cells.stage]  # what cannot be taken is free
        return charge, float(worth.sum())

    @cached_property
    def looks(self) -> int:
        """Return how often boxes are halved in a cell for a bound: the less, the larger the market."""
        periods, blocks, laws, _ = self.shape
        return int(np.clip(WORK / (periods * blocks * laws), FEW_LOOKS, MOST_LOOKS))

    def bounds(
        self, known: Known, charge: Floats, looks: int | None = None, which: Flags | None = None
    ) -> tuple[Floats, Floats]:
        """Return what each group's bound at ``charge`` is found to be at least, and the bound; without ``y limits``.

        They differ by what may lie between the points of grids where not more than ``looks`` boxes are looked at.
        Of some groups alone where ``which`` says so.
        """
        found, bound = np.zeros(self.groups), np.zeros(self.groups)

        def run(group: int) -> None:
            found[group], bound[group], _ = self._bound(group, known, charge, self.looks if looks is None else looks)

        self._each_group(run, which)
        return found, bound

    def _bound(
        self, group: int, known: Known, charge: Floats, looks: int, work: Work | None = None
    ) -> tuple[float, float, Floats]:
        part = self.pricing.whole[group]
        chosen = np.zeros((self.shape[0], self.offered.possible.shape[2], self.shape[3]))
        worth = np.zeros(self.shape[1])
        used = work.used if work else np.empty((0, 0, 0, 0))
        heads = work.heads if work else np.empty(self.shape[:3])
        kernels.charged_response(part, 0, known, charge, worth, used, self.quantum)
        reference, cells = self._reference[group], self._cells[group]
        back, most = returned(part, 0, reference, cells, self.ranges, known, charge, chosen, heads, looks, self.close)
        own = float(worth[part.first : part.last].sum())
        return own + back, own + most, chosen

    def descend(
        self,
        prices: Floats,
        charge: Floats,
        gain: Floats,
        target: Floats,
        steps: int,
        until: float = np.inf,
        progress: Progress | None = None,
    ) -> tuple[Floats, list[Floats]]:
        """Take subgradient steps from ``charge`` in every group; return the best charges, and best bounds by step.

        Bounds as they are found at the points of grids alone.

        ``gain[period, block, law]`` is what there is to gain a head, ``target[group]`` what is known to be attained.
        """
        if not steps:
            return charge, []
        known = self.arguments(prices)
        now = charge.copy()
        work = Work(np.zeros(self.shape), np.zeros(self.shape[:3]), np.zeros(self.shape), self._unit(gain))
        search = [_Descent() for _ in range(self.groups)]
        history: list[Floats] = []

        def run(group: int) -> None:
            bound, _, chosen = self._bound(group, known, now, 0, work)
            self._step(group, bound, chosen, search[group], now, charge, float(target[group]), work)

        gap = np.full(self.groups, np.inf)
        for step in range(steps):
            self._each_group(run, gap >= WORTH_A_STEP * gap.mean())
            history.append(np.array([one.bound for one in search]))
            gap = history[-1] - target
            if progress:
                progress(step / steps)
            if time.perf_counter() > until:
                break
            if step >= LOOKED_AT and step % LOOKED_AT == 0:
                before = float((history[-1 - LOOKED_AT] - target).sum())
                if before - float(gap.sum()) < WORTH_GOING_ON * before:
                    break
        return charge, history

    def _unit(self, gain: Floats) -> Floats:
        """Return in which units the slope of each class is measured: many who have little to gain take small steps."""
        most = float(gain.max())
        share = np.maximum(gain / most, 1e-6) if most > 0 else np.ones_like(gain)
        return np.asarray(self.ranges.high / share**BY_GAIN)

    def _step(
        self, group: int, bound: float, chosen: Floats, search: "_Descent", now: Floats, best: Floats, target: float,
        work: Work,
    ) -> None:  # fmt: skip
        part = self.pricing.whole[group]
        mine = slice(part.first, part.last)
        if bound < search.bound:
            search.bound, search.quiet = bound, 0
            best[:, mine] = now[:, mine]
        else:
            search.quiet += 1
        if search.quiet >= QUIET:
            search.quiet, search.length = 0, search.length * SHORTER
            now[:, mine] = best[:, mine]
            work.slope[:, mine] = 0
            return
        square = kernels.turn(part, self._cells[group], chosen, KEPT_SLOPE, work)
        length = search.length * max(bound - target, 0.0) / max(square, 1e-300)
        kernels.move(part, work, length, self.quantum, now)


@dataclass(eq=False)
class _Descent:
    """How the descent of one group goes."""

    bound: float = np.inf
    length: float = FIRST_STEP
    quiet: int = 0


def targeting_bound(
    problem: AllocationProblem,
    start: FullInformation,
    plan_intensity: Floats,
    *,
    prices: Floats | None = None,
    known: float | None = None,
    iterations: int = 200,
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
    seconds : float
        Time for them; where it runs out the result depends on the machine.

    The bound holds over all that customers may be offered, and over the plan.
    """
    began = time.perf_counter()
    if known is None:
        known = certified_bound(problem, start.prices_of_bound, plan_intensity, threads)
    target = follow(problem.chain, plan_intensity).asset
    charged, at_first, known = _within_rules(problem, start.prices_of_bound, plan_intensity, known, target, threads)
    problem, cells = charged.problem, charged.shape[0] * charged.groups * charged.offered.possible.shape[2]
    charged.close = CLOSE * max(known - target, 0.0) / cells
    found = [_first_charges(charged, y) for y in _candidates(problem, at_first, prices)]
    first = min(found, key=lambda each: each.bound)
    charge = _faded(charged, first)
    charge, steps = charged.descend(
        first.prices, charge, first.gain, first.target, iterations, began + seconds, progress
    )
    limits = float(first.prices @ problem.limits)
    history = [first.bound] + [float(bounds.sum()) + limits for bounds in steps]
    _, bounds = charged.bounds(charged.arguments(first.prices), charge)
    bound = min(float(bounds.sum()) + limits, known)
    return TargetingBound(bound, first.prices, len(steps), time.perf_counter() - began, tuple(history))


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
    return [bounding(problem, y) for y in tried]


@dataclass(frozen=True, eq=False)
class _First:
    """A plan's advantages at ``prices`` as charges, and their bound, of all and by group.

    ``gain[period, block, law]``: the largest advantage; ``target[group]``: the plan's own worth.
    """

    prices: Floats
    bound: float
    bounds: Floats
    gain: Floats
    target: Floats


def _first_charges(charged: Charged, prices: Floats) -> _First:
    """Return what is known of the plan's advantages; they are large, and not kept."""
    charge, worth = _advantages_of(charged, prices)
    bounds, _ = charged.bounds(charged.arguments(prices), charge, 0)
    bound = float(bounds.sum() + prices @ charged.problem.limits)
    return _First(prices, bound, bounds, charge.max(axis=3), worth)


def _advantages_of(charged: Charged, prices: Floats) -> tuple[Floats, Floats]:
    """Return the plan's advantages in whole numbers of a quantum, and what it brings net of prices by group."""
    charge, worth = charged.advantages(prices)
    charged.quantum = ARITHMETIC * (max(float(charge.max()), -float(charge.min())) or 1.0)
    charge /= charged.quantum
    np.round(charge, out=charge)
    charge *= charged.quantum
    return charge, worth


def _faded(charged: Charged, first: _First) -> Floats:
    """Return the plan's advantages, in each group faded for as long as its bound falls."""
    charge, _ = _advantages_of(charged, first.prices)
    known, periods = charged.arguments(first.prices), charged.shape[0]
    past, best = np.arange(periods) / periods, first.bounds.copy()
    fade, falls = np.ones((periods, charged.groups)), np.ones(charged.groups, dtype=bool)
    for speed in FADES:
        slower = np.maximum(1 - speed * past, 0)
        bounds, _ = charged.bounds(known, charge * slower[:, None, None, None], 0, falls)
        falls &= bounds < best
        best[falls], fade[:, falls] = bounds[falls], slower[:, None]
        if not falls.any():
            break
    charge *= fade[:, charged.problem.chain.group, None, None]
    return charge
