"""The sequential search from several plans; where responses may have thresholds, from the mix of playable ones too."""

import time
from dataclasses import dataclass, replace

import numpy as np

from optimizer.ask.problem import AllocationProblem
from optimizer.bound.decomposition import FullInformation
from optimizer.search.jumps import jump
from optimizer.search.playable import Playable, playable
from optimizer.search.sequential import STEPS, Maker, Sequential, Settled
from optimizer.stages.prove import Proved
from optimizer.stages.start import Start
from optimizer.tolerances import CHANGE, COARSE, FAR, MISSED, SAME
from sim.arrays import Floats, Progress
from sim.engine.onward import alone
from sim.engine.sensitivity import Course, follow

__all__ = ["Searched", "known_without", "over_one", "over_thresholds", "search"]

ROUNDS, TRIAL = 4, 12
"""Jumps, each from where the search after the last one ended, at most; and steps in which one must show its worth."""
LARGE = 1e-2
"""Share of what is at stake that a jump must promise to be searched from though the plan it leads to is worth less."""


@dataclass(frozen=True, eq=False)
class Searched:
    """Where the search ended.

    Attributes
    ----------
    end : Settled
        The best of the stationary points found.
    stake : float
        The size of what was searched for, by which gains are measured.
    columns : Playable, optional
        The mix of playable plans that was started from too, where responses may have thresholds.
    known : tuple of (periods, groups, stages, levers)
        Its mean, and its best single plan.
    """

    end: Settled
    stake: float
    columns: Playable | None = None
    known: tuple[Floats, ...] = ()


def search(
    begun: Start, proved: Proved, *, steps: int = STEPS, seconds: float, threads: int, make: Maker, progress: Progress
) -> Searched:
    """Return the best stationary point found from all plans to start from; ``make`` makes the search of a problem."""
    problem, best = begun.problem, proved.best
    starts, share = list(begun.intensities), 0.0
    columns, known = None, tuple[Floats, ...]()
    if best is not None and problem.chain.has_thresholds:
        share = 0.4
        columns = playable(problem, best, threads=threads, progress=lambda done: progress(share * done))
        known = _mean_intensity(problem, columns), _single_intensity(problem, columns)
        starts.insert(0, known[0])
        if problem.chain.mixes_actions:  # where all is seen, the best with full information is a plan
            starts.insert(0, _mean_intensity(problem, best))
    stake = _stake(problem, starts[0], begun.least, best)
    searching, began = make(problem), time.perf_counter()
    end = _best_end(
        searching, starts, stake, 0 if problem.no_choice else steps, seconds,
        lambda done: progress(share + (1 - share) * done),
    )  # fmt: skip
    if problem.chain.has_thresholds and steps and not problem.no_choice:
        idle = searching.amount_of(begun.least.intensity)
        risen = over_thresholds(searching, idle, None, stake, steps, began + seconds)
        end = min(end, risen, key=_merit)
        end = over_thresholds(searching, end.amount, end, stake, steps, began + seconds)
    if steps and not problem.no_choice:
        end = without_lines(searching, end, stake, steps, began + seconds)
    return Searched(end, stake, columns, known)


def over_thresholds(
    searching: Sequential, amount: Floats, before: Settled | None, stake: float, steps: int, until: float = np.inf
) -> Settled:
    """Return the end of jumps from a plan, the search going on from each, for as long as that brings more.

    ``before`` is the end at which the plan already is; None: any is better. Where levers meet, what each does leaves
    the others alone no longer: then one lever is also moved at a time. Nor does what a lever does soon leave alone what
    it does later: then it is given its money anew, as if it had none.
    """
    targets = searching.problem.targets
    each = list(range(targets.shape[2]))
    sets = [each, *([[k] for k in each] if targets.allowed.sum(axis=2).max() > 1 else [])]
    end = before
    for _ in range(ROUNDS):
        better = None
        for levers in sets:
            found = jump(searching, amount, levers, stake)
            if found is None:
                continue
            if end is not None:
                near = found.promise <= LARGE * stake
                if near and searching.value(searching.courses(found.amount)) <= end.value + CHANGE * stake:
                    continue
            tried = searching.run(found.amount, lift=stake, steps=steps if end is None else TRIAL)
            if end is None or _better(tried, end, stake):
                better = tried if tried.stationary else searching.run(tried.amount, lift=stake, steps=steps)
                break
        if better is None and end is not None:
            better = _anew(searching, end, stake, steps, until)
        if better is None:
            break
        end, amount = better, better.amount
        if time.perf_counter() > until:
            break
    return searching.run(amount, lift=stake, steps=steps) if end is None else end


def without_lines(searching: Sequential, end: Settled, stake: float, steps: int, until: float = np.inf) -> Settled:
    """Return the end of searches on from a plan less one lever in one segment, while that brings more.

    A little money on customers who are a loss can hold what else is done with them: no small step away from it is a
    gain, and all of it at once is. What others get a head stays.
    """
    cells = searching.cells
    for _ in range(ROUNDS):
        paid = (end.amount > searching.low).any(axis=0)
        lines = dict.fromkeys(zip(cells.segment[paid].tolist(), cells.lever[paid].tolist(), strict=True))
        most, best = end.value, end.amount
        known = known_without(searching, end)
        for segment, lever in lines:
            if known.get((segment, lever), np.inf) < most - SAME * abs(most):
                continue
            mine = (cells.segment == segment) & (cells.lever == lever)
            less = np.where(mine[cells.cell] & (cells.cell >= 0), 0.0, end.course.intensity)
            amount = np.where(mine, np.minimum(searching.low, end.amount), searching.amount_of(less))
            value = searching.value(searching.courses(amount))
            if value > most:
                most, best = value, amount
        if most <= end.value + CHANGE * stake or time.perf_counter() > until:
            return end
        tried = searching.run(best, lift=stake, steps=steps)
        if not _better(tried, end, stake):
            return end
        end = tried
    return end


def known_without(searching: Sequential, end: Settled) -> dict[tuple[int, int], float]:
    """Return what a plan is worth less one lever in one segment, by (segment, lever), where one pass a lever tells.

    That is where customers do not move each other's odds: segments without the lever are then all seen in one course.
    """
    cells, problem, chain = searching.cells, searching.problem, searching.chain
    if not (searching.of_one_course and alone(chain)):
        return {}
    segments = list(dict.fromkeys(chain.targets.segments))
    own = np.array([segments.index(name) for name in chain.targets.segments])
    before, out = end.course.value_by_group(problem.aim), dict[tuple[int, int], float]()
    nothing_stays = np.asarray((searching.low <= 0).all(axis=0) & searching.open.all(axis=0))
    used = np.unique(cells.lever[(end.amount > searching.low).any(axis=0)])
    for lever in (k for k in used.tolist() if nothing_stays[cells.lever == k].all()):
        less = end.course.intensity.copy()
        less[..., lever] = 0.0
        change = follow(chain, less).value_by_group(problem.aim) - before
        by_segment = np.bincount(own, weights=change, minlength=len(segments))
        out |= {(segment, lever): end.value + float(more) for segment, more in enumerate(by_segment)}
    return out


def over_one(searching: Sequential, end: Settled, stake: float, steps: int) -> Settled:
    """Return the end of a rough search after one jump of all levers, or the end before where that is no better."""
    found = jump(searching, end.amount, list(range(searching.problem.targets.shape[2])), stake)
    if found is None:
        return end
    return min(end, searching.run(found.amount, lift=stake, steps=steps, gain=COARSE), key=_merit)


def _anew(searching: Sequential, end: Settled, stake: float, steps: int, until: float) -> Settled | None:
    """Return where a search ends that is worth more, with the money of one lever given anew; None where none is.

    Campaigns of one lever are rivals for the same people: one at another time shows no gain while the first stands.
    """
    lever = searching.cells.lever
    for k in np.flatnonzero(np.bincount(lever, weights=end.amount.sum(axis=0)) > 0).tolist():
        found = jump(searching, np.where(lever == k, searching.low, end.amount), [k], stake)
        if found is None or np.abs(found.amount - end.amount).sum() <= LARGE * end.amount.sum():
            continue
        lost = end.value - searching.value(searching.courses(found.amount))
        if lost > FAR * stake or time.perf_counter() > until:
            continue
        tried = searching.run(found.amount, lift=stake, steps=TRIAL)
        if not tried.stationary and end.value - tried.value <= lost / 2:
            tried = searching.run(tried.amount, lift=stake, steps=steps)
        if _better(tried, end, stake):
            return tried
    return None


def _better(tried: Settled, end: Settled, stake: float) -> bool:
    return _merit(tried) < (end.missed > MISSED, -end.value - CHANGE * stake)


def _merit(end: Settled) -> tuple[bool, float]:
    return end.missed > MISSED, -end.value


def _best_end(
    searching: Sequential, starts: list[Floats], stake: float, steps: int, seconds: float, progress: Progress
) -> Settled:
    """Return the best stationary point of the sequential search from several plans stated in intensities."""
    share = 1 / len(starts)

    def told(i: int) -> Progress:
        return lambda done: progress((i + done) * share)

    ends = [
        searching.run(
            searching.amount_of(start), lift=stake, steps=steps, seconds=seconds * share, progress=told(i)
        )
        for i, start in enumerate(starts)
    ]  # fmt: skip
    return min(ends, key=_merit)


def _stake(problem: AllocationProblem, start: Floats, least: Course, best: FullInformation | None) -> float:
    """Return the size of what is searched for, by which gains are measured: the lift, or the money to be saved."""
    course = follow(problem.chain, start)
    if problem.goal == "least_money":
        return max(float(course.spend.sum()), 1e-9)
    possible = 0.0 if best is None else best.bound - least.asset
    return max(abs(course.asset - least.asset), possible, 1e-9 * abs(least.asset))


def _single_intensity(problem: AllocationProblem, found: Playable) -> Floats:
    """Return the intensities of the mix with one plan for each group: that of the most weight."""
    weights = [np.eye(w.size)[int(w.argmax())] for w in found.mixture.weights]
    return _mean_intensity(problem, replace(found, mixture=replace(found.mixture, weights=weights)))


def _mean_intensity(problem: AllocationProblem, found: Playable | FullInformation) -> Floats:
    """Return one intensity per (period, target): the mixed plans' mean, weighted by the customers each has there."""
    shape = (problem.chain.periods, *problem.targets.shape)
    intensity = np.zeros(shape)
    for g, (weights, columns) in enumerate(zip(found.mixture.weights, found.columns, strict=True)):
        money = np.zeros((shape[0], *shape[2:]))
        heads = np.zeros((shape[0], shape[2]))
        for weight, column in zip(weights, columns, strict=True):
            money += weight * np.einsum("tsa,sal->tsl", column.used, problem.actions[g])
            heads += weight * column.used.sum(axis=2)
        intensity[:, g] = money / np.maximum(heads, 1e-300)[..., None]
        empty = heads <= 1e-12
        intensity[:, g][empty] = 0
    return intensity
