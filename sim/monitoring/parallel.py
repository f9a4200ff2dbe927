"""Parallel markets: what a firm would see if all went as planned, with other luck and other hidden traits."""

import copy
from collections.abc import Iterator

import numpy as np

from sim.arrays import Floats, Progress
from sim.contract import Policy
from sim.engine.fluid_kernels import pull_advance
from sim.engine.sensitivity import Course, follow
from sim.market.clock import Market
from sim.market.purse import Budget
from sim.monitoring.following import Expected, expected_of
from sim.monitoring.seen import Seen
from sim.monitoring.signals import Limits, deviations, rows_of
from sim.scenario.file import PERIODS_PER_YEAR
from sim.twin import Twin

__all__ = ["Worth", "limits_of", "parallel_markets"]


def parallel_markets(
    twin: Twin,
    policy: Policy,
    purse: Budget,
    *,
    seed: int,
    replications: int,
    like: Seen | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[Seen, Expected]]:
    """Yield what is seen under a policy in each of so many markets, and what was to be expected of it.

    Parameters
    ----------
    like
        What the firm really sees: what it cannot see is hidden here too.
    """
    for replication in range(replications):
        population = twin.population(seed, replication)
        market = Market(twin, copy.deepcopy(policy), population, purse, seed=seed, replication=replication, threads=1)
        seen = Seen.of_history(market.run())
        intensity = seen.intensity_with(market.acting, twin.chain.late)
        if like is not None:
            seen = seen.blinded(like)
        yield seen, expected_of(twin.chain, intensity, seen)
        if progress is not None:
            progress((replication + 1) / replications)


def limits_of(twin: Twin, markets: list[tuple[Seen, Expected]], rate: float) -> Limits:
    """Return the limits of the tests at so many false alarms a year, from parallel markets."""
    parallel = []
    for seen, expected in markets:
        actual, planned = deviations(seen, expected)
        parallel.append(actual - planned)
    years = twin.scenario.periods / PERIODS_PER_YEAR[twin.scenario.period]
    return Limits(np.array(parallel), tuple(rows_of(twin.targets)[0]), rate, years)


class Worth:
    """What customers are worth at every period's start, by where they are taken to stand.

    ``asset_t = sum_{s<t} d^s (earned_s - spent_s) + occupancy_t . v_t + sum_{s>=t} arrivals_s . v_{s+1}``, with ``v_t``
    the discounted profit still to come of a customer in each state under the plan, the crowd as the plan has it.

    Attributes
    ----------
    course : Course
        The plan in expected numbers.
    """

    def __init__(self, twin: Twin, intensity: Floats) -> None:
        chain = twin.chain
        self.course: Course = follow(chain, intensity)
        values: list[Floats] = [chain.discount[-1] * self.course.worth_at_end]
        rows = np.arange(chain.group.size)[:, None]
        for t in range(chain.periods - 1, -1, -1):
            now, after = self.course.past[t], np.ascontiguousarray(values[-1])
            before = np.empty_like(now.occupancy)
            pull_advance(
                now.occupancy, now.step.probability, chain.links, after, before, np.zeros_like(now.step.probability)
            )
            spend = chain.targets.of_budget(now.intensity).sum(axis=2)[chain.group[:, None], chain.block_stage]
            values.append(before + chain.discount[t] * (now.step.reward[rows, chain.block_law] - spend))
        self.values = values[::-1]
        come = [float((chain.arrivals[t] * self.values[t + 1]).sum()) for t in range(chain.periods)]
        self._to_come = np.append(np.cumsum(come[::-1])[::-1], 0.0)

    def asset(self, seen: Seen, occupancy: list[Floats]) -> Floats:
        """Return the customer asset as known at each period's start and at the end, (periods + 1,)."""
        profit = self.course.chain.discount[: seen.periods] * (seen.earned - seen.spend.sum(axis=(1, 2, 3)))
        past = np.append(0.0, np.cumsum(profit))
        ahead = [float((o * v).sum()) for o, v in zip(occupancy, self.values, strict=False)]
        return np.asarray(past + np.array(ahead) + self._to_come[: len(ahead)])
