"""The sequential search from several plans; where responses may have thresholds, from the mix of playable ones too."""

from dataclasses import dataclass

import numpy as np

from optimizer.ask.problem import AllocationProblem
from optimizer.bound.decomposition import FullInformation
from optimizer.search.playable import Playable, playable
from optimizer.search.sequential import STEPS, Maker, Sequential, Settled
from optimizer.stages.prove import Proved
from optimizer.stages.start import Start
from optimizer.tolerances import MISSED
from sim.arrays import Floats, Progress
from sim.engine.sensitivity import Course, follow

__all__ = ["Searched", "search"]


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
    mixed : (periods, groups, stages, levers), optional
        Its mean.
    """

    end: Settled
    stake: float
    columns: Playable | None = None
    mixed: Floats | None = None


def search(
    begun: Start, proved: Proved, *, steps: int = STEPS, seconds: float, threads: int, make: Maker, progress: Progress
) -> Searched:
    """Return the best stationary point found from all plans to start from; ``make`` makes the search of a problem."""
    problem, best = begun.problem, proved.best
    starts, share = list(begun.intensities), 0.0
    columns = mixed = None
    if best is not None and problem.chain.has_thresholds:
        share = 0.4
        columns = playable(problem, best, threads=threads, progress=lambda done: progress(share * done))
        mixed = _mean_intensity(problem, columns)
        starts.insert(0, mixed)
    stake = _stake(problem, starts[0], begun.least, best)
    end = _best_end(
        make(problem), starts, stake, 0 if problem.no_choice else steps, seconds,
        lambda done: progress(share + (1 - share) * done),
    )  # fmt: skip
    return Searched(end, stake, columns, mixed)


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
    merit = [(end.missed > MISSED, -end.value) for end in ends]
    return ends[merit.index(min(merit))]


def _stake(problem: AllocationProblem, start: Floats, least: Course, best: FullInformation | None) -> float:
    """Return the size of what is searched for, by which gains are measured: the lift, or the money to be saved."""
    course = follow(problem.chain, start)
    if problem.goal == "least_money":
        return max(float(course.spend.sum()), 1e-9)
    possible = 0.0 if best is None else best.bound - least.asset
    return max(abs(course.asset - least.asset), possible, 1e-9 * abs(least.asset))


def _mean_intensity(problem: AllocationProblem, found: Playable) -> Floats:
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
