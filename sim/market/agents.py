"""Customers as agents: where each of them is, moved a period at a time in compiled kernels, in parallel.

The work may be divided into any number of shards, on any number of threads: counts and money are integers, so the
sums have the same bits however it is divided.
"""

import copy
import itertools
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from sim.arrays import Floats, Ints
from sim.customers.population import Population
from sim.engine import agent_kernels, random_streams
from sim.engine.afterwards import fades
from sim.engine.agent_kernels import Luck, Tally, Who
from sim.engine.chain import ALIVE, Conditions
from sim.engine.drawing import Cohorts, Draw
from sim.engine.state_space import customers_by_level
from sim.twin import Twin

__all__ = ["Agents"]

WORTH_A_THREAD = 250_000
"""Customers below which a second thread costs more than it brings."""


class Agents:
    """The customers of one replication and where they are.

    Parameters
    ----------
    twin : Twin
    population : Population
        Not changed.
    seed, replication : int
        Which luck.
    threads : int, optional
        None: as many as there are processors, where there are customers enough.
    shards : int, optional
        Into how many parts the work is divided; None: one per thread.
    trace : array of positions, optional
        Customers whose lives are written down.
    """

    def __init__(
        self,
        twin: Twin,
        population: Population,
        *,
        seed: int,
        replication: int,
        threads: int | None = None,
        shards: int | None = None,
        trace: Ints | None = None,
    ) -> None:
        self.twin, self.population = twin, population
        self._seed, self._replication = seed, replication
        enough = max(1, population.size // WORTH_A_THREAD)
        self._threads = min(os.cpu_count() or 1, enough) if threads is None else threads
        self._shards = self._threads if shards is None else shards
        self.state = population.state.copy()
        self.traced = np.zeros(0, dtype=np.int64) if trace is None else np.asarray(trace, dtype=np.int64)
        self.trace: list[tuple[NDArray[np.uint16], Ints, Ints, Ints]] = []

        who = population
        self._who = Who(who.start, who.identity, who.purchase_rate, who.defection_rate, who.mean_spend)
        self._streams = twin.streams[twin.cohort_group].astype(np.int64)
        self.count()

    @property
    def cohorts(self) -> Cohorts:
        """Return what is known of the cohorts."""
        return self.twin.cohorts

    def count(self) -> None:
        """Count customers by (cohort, state) from scratch."""
        self.counts: Ints = np.zeros(self.cohorts.paths.law.shape, dtype=np.int64)
        agent_kernels.count_states(self.population.start, self.state, self.counts)

    @property
    def by_block(self) -> Ints | None:
        """Return customers by (block, state) where their traits are those of blocks."""
        if self.population.block.size == 0:
            return None
        shape = self.twin.chain.initial.shape
        there = self.state < shape[1]
        cell = self.population.block[there].astype(np.int64) * shape[1] + self.state[there]
        return np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)

    def levels(self) -> Floats:
        """Return true customers by (group, level of satisfaction)."""
        chain = self.twin.chain
        return customers_by_level(chain.space, self.counts[:, :-1], self.twin.cohort_group, chain.targets.shape[0])

    def _in_parallel(self, work: Callable[[int, int], None]) -> None:
        """Call ``work(first, last)`` for every shard."""
        borders = [self.population.size * k // self._shards for k in range(self._shards + 1)]
        if self._threads == 1 or self._shards == 1:
            for first, last in itertools.pairwise(borders):
                work(first, last)
            return
        with ThreadPoolExecutor(self._threads) as pool:
            for done in [pool.submit(work, f, n) for f, n in itertools.pairwise(borders)]:
                done.result()

    def move(self, met: Conditions, period: int) -> dict[str, Floats]:
        """Move everybody by one period; return what it brought by cohort, by field of a history."""
        draw, luck = self.twin.chain.draw(self, met), self._luck(random_streams.PERIOD, period)
        before_trace = self.state[self.traced]
        if self.traced.size:
            self._follow(draw, luck)
        moved, parts = draw.unmoved(), list[Tally]()

        def shard(first: int, last: int) -> None:
            part = Tally(*(np.zeros_like(each) for each in moved))
            draw.move(first, last, self._who, self.population.block, self.state, luck, part)
            parts.append(part)

        self._in_parallel(shard)
        for part in parts:
            for total, more in zip(moved, part, strict=True):
                total += more
        self.counts = moved.counts
        if self.traced.size and not np.array_equal(before_trace, self.trace[-1][0]):
            raise AssertionError("the trace does not start where the customers are")
        return draw.flows(moved)

    def _luck(self, purpose: int, period: int) -> Luck:
        return Luck(self._seed, purpose, self._streams, period, self._replication)

    def _follow(self, draw: Draw, luck: Luck) -> None:
        """Write down what will happen to the traced: the same kernel, each of them a cohort of their own."""
        who, at = self._who, self.traced
        cohort = np.searchsorted(who.start, at, side="right") - 1
        alone = Who(
            np.arange(at.size + 1), who.identity[at], who.purchase_rate[at], who.defection_rate[at], who.mean_spend[at]
        )
        block = self.population.block[at] if self.population.block.size else self.population.block
        draw, state = draw.alone(cohort), self.state[at].copy()
        before, out = state.copy(), draw.unmoved()
        draw.move(0, at.size, alone, block, state, luck._replace(stream=luck.stream[cohort]), out)
        event = np.where(out.events.any(axis=1), out.events.argmax(axis=1), -1)
        self.trace.append((before, out.purchases.sum(axis=1), out.revenue.sum(axis=1), event))

    def appear(self, period: int) -> None:
        """Let those appear who do at the period's end."""
        if not self.population.arrivals:
            return
        positions, states = self.population.arrivals[period]
        self.state[positions] = states
        cohort = np.searchsorted(self.population.start, positions, side="right") - 1
        np.add.at(self.counts, (cohort, states), 1)
        self.counts[:, -1] -= np.bincount(cohort, minlength=self.counts.shape[0])

    def ask(self, chance: Floats, period: int) -> Ints:
        """Return how many true customers by (cohort, state) answer a survey that asks with ``chance[cohort]``."""
        space = self.twin.chain.space
        out = np.zeros_like(self.counts)
        answers = np.append(space.kind == ALIVE, False)
        luck = self._luck(random_streams.SURVEY, period)
        agent_kernels.count_answers(self._who, self.state, answers, chance, luck, out)
        return out[:, :-1]

    def value_after(self, period: int = 0, late: Floats | None = None) -> float:
        """Return the value of all customers after the horizon, undiscounted, from the start of ``period`` on.

        Where levers remember they live on, under today's spend, until nothing is left of what these did of ``late``.
        """
        chain, later, worth, factor = self.twin.chain, copy.copy(self), 0.0, 1.0
        if chain.late is None or late is None:
            return self._value()
        later.state, later.traced = self.state.copy(), np.zeros(0, dtype=np.int64)
        group, stage = self.twin.cohort_group[:, None], chain.space.stage[self.twin.cohort_group]
        today = chain.targets.of_budget(chain.targets.reference).sum(axis=2)[group, stage]
        for t in range(period, period + fades(chain)):
            works, late = chain.late.todays(late)
            spent = float((later.counts[:, :-1] * today).sum())
            earned = later.move(Conditions(chain.environment[-1], works, math.nan, {}), t)["reward"]
            worth += factor * (float(earned.sum()) - spent)
            factor /= 1 + chain.discount_rate
        return worth + factor * later._value()

    def _value(self) -> float:
        """Return what all customers are worth for ever under today's spend."""
        chain, units = self.twin.chain, self.twin.value_units
        by_block = self.by_block
        if by_block is not None:
            return float((by_block * chain.terminal).sum())
        grid, parts = self.twin.value_grid, list[int]()

        def shard(first: int, last: int) -> None:
            parts.append(
                agent_kernels.value_after(first, last, self._who, self.state, grid, chain.discount_rate, units)
            )

        self._in_parallel(shard)
        return float(sum(int(part) for part in parts) / units)
