"""Customers as agents: where each of them is, moved a period at a time in compiled kernels, in parallel.

The work may be divided into any number of shards, on any number of threads: counts and money are integers, so the
sums have the same bits however it is divided.
"""

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.arrays import Floats, Ints
from sim.customers.population import Population
from sim.engine import agent_kernels, random_streams
from sim.engine.agent_kernels import (
    BUYS,
    COLUMNS,
    FALLS,
    FIRST,
    GAINS_TIE,
    LEAVES,
    LEAVES_WITH,
    LOSES_TIE,
    RISES,
    SECOND,
    SPENDS,
)
from sim.engine.chain import ALIVE, DEFECTED, PROSPECT, UNAWARE, Step
from sim.engine.effects import (
    AMOUNT,
    AWARE,
    DEFECTION,
    LOST_CHANCE,
    RATE,
    RETURNED,
    SATISFIED,
    TIED,
    TURNOVER,
    WON,
)
from sim.engine.lifecycle import Lifecycle
from sim.engine.state_space import LEVELS
from sim.twin import Twin

__all__ = ["Agents", "Moved"]


WORTH_A_THREAD = 250_000
"""Customers below which a second thread costs more than it brings."""


@dataclass(frozen=True)
class Moved:
    """What one period brought, in integers.

    Attributes
    ----------
    purchases, revenue : (cohorts, stages)
        Revenue in ``money_units`` to one unit of currency.
    moves : (cohorts, stages, stages)
    events : (cohorts, events)
    """

    purchases: Ints
    revenue: Ints
    moves: Ints
    events: Ints


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

        space = twin.chain.space
        states = len(space.names)
        group = twin.cohort_group
        # One state more than the chain has: "not there yet", which nobody leaves by themselves.
        self._kind = np.append(space.kind, agent_kernels.NOBODY).astype(np.uint8)
        last = np.argmax(space.law_kind)
        self._law = np.pad(space.law[group], ((0, 0), (0, 1)), constant_values=last).astype(np.uint16)
        self._stage = np.pad(space.stage[group], ((0, 0), (0, 1))).astype(np.uint8)
        self._successor = np.vstack([space.successor, np.full(space.successor.shape[1], states)]).astype(np.uint16)
        self._streams = twin.streams[group].astype(np.int64)
        self.count()

    def count(self) -> None:
        """Count customers by (cohort, state) from scratch."""
        self.counts = np.zeros((self.twin.cohort_group.size, self._kind.size), dtype=np.int64)
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
        space = self.twin.chain.space
        out = np.zeros((self.twin.targets.shape[0], LEVELS))
        by_level = np.stack(
            [self.counts[:, :-1][:, space.level == k].sum(axis=1) for k in range(1, LEVELS + 1)], axis=1
        )
        np.add.at(out, self.twin.cohort_group, by_level)
        return out

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

    def move_lifecycle(self, chain: Lifecycle, effects: Floats, period: int) -> Moved:
        """Move everybody by one period under ``effects[group, stage, effect]``."""
        cohorts, stages = self.twin.cohort_group.size, self._stages
        odds = self._odds(chain, effects)
        before = self.counts
        counts, moved = self._unmoved()
        parts: list[tuple[Ints, Moved]] = []

        def shard(first: int, last: int) -> None:
            own = np.zeros_like(before)
            part = _nothing(cohorts, stages)
            self._kernel(chain, period, first, last, self.population, self.state, odds, self._whole(chain), own, part)
            parts.append((own, part))

        before_trace = self.state[self.traced]
        if self.traced.size:
            self._follow(chain, odds, period)
        self._in_parallel(shard)
        for own, part in parts:
            counts += own
            for name in ("purchases", "revenue", "moves", "events"):
                getattr(moved, name).__iadd__(getattr(part, name))
        self.counts = counts
        if self.traced.size and not np.array_equal(before_trace, self.trace[-1][0]):
            raise AssertionError("the trace does not start where the customers are")
        return moved

    def _whole(self, chain: Lifecycle) -> tuple[NDArray[np.generic], ...]:
        """Return what the kernel knows of each cohort: law and stage by state, stream, table of amounts."""
        tables = self.twin.amounts
        return self._law, self._stage, self._streams, tables[0]

    def _kernel(
        self, chain: Lifecycle, period: int, first: int, last: int, who: Population, state: NDArray[np.uint16],
        odds: Floats, cohorts: tuple[NDArray[np.generic], ...], counts: Ints, out: Moved,
    ) -> None:  # fmt: skip
        law, stage, streams, spread = cohorts
        _, tables, moments, constant = self.twin.amounts
        attitudes = chain.attitudes
        agent_kernels.move_lifecycle(
            first, last, who.start, who.identity, state, who.purchase_rate, who.defection_rate, who.mean_spend,
            self._kind, law, stage, self._successor, odds, chain.buys, 3 if attitudes.levels else 1,
            3 if attitudes.ties else 1, chain.scenario.law == "renewal", streams, spread, tables, moments, constant,
            self._seed, random_streams.PERIOD, period, self._replication, self.twin.money_units,
            counts, out.moves, out.purchases, out.revenue, out.events,
        )  # fmt: skip

    def _follow(self, chain: Lifecycle, odds: Floats, period: int) -> None:
        """Write down what will happen to the traced: the same kernel, each of them a cohort of their own."""
        who, at = self.population, self.traced
        cohort = np.searchsorted(who.start, at, side="right") - 1
        alone = Population(
            np.arange(at.size + 1), who.identity[at], who.state[at], who.purchase_rate[at], who.defection_rate[at],
            who.mean_spend[at], who.block[:0], (),
        )  # fmt: skip
        state = self.state[at].copy()
        before = state.copy()
        out = _nothing(at.size, self._stages)
        own = tuple(part[cohort] for part in self._whole(chain))
        counts = np.zeros((at.size, self._kind.size), dtype=np.int64)
        self._kernel(chain, period, 0, at.size, alone, state, odds[cohort], own, counts, out)
        happened = out.events.argmax(axis=1)
        event = np.where(out.events.any(axis=1), happened, -1)
        self.trace.append((before, out.purchases.sum(axis=1), out.revenue.sum(axis=1), event))

    @property
    def _stages(self) -> int:
        return self.twin.targets.shape[1]

    def _unmoved(self) -> tuple[Ints, Moved]:
        """Return where those who are no customers would be if none of them moved; customers are left out."""
        counts, moved = np.zeros_like(self.counts), _nothing(self.counts.shape[0], self._stages)
        idle = np.flatnonzero(self._kind != ALIVE)
        np.add.at(counts.T, self._successor[idle, 0], self.counts.T[idle])
        rows = np.arange(self.counts.shape[0])[:, None]
        seen = idle[:-1]
        now, then = self._stage[:, seen], self._stage[:, self._successor[seen, 0]]
        np.add.at(moved.moves, (rows, now, then), self.counts[:, seen])
        return counts, moved

    def _odds(self, chain: Lifecycle, effects: Floats) -> Floats:
        """Return what the kernel draws by, ``[cohort, law, column]``."""
        space, attitudes = chain.space, chain.attitudes
        e = effects[self.twin.cohort_group[:, None], space.law_stage[None, :]]
        odds = np.zeros((*e.shape[:2], COLUMNS))
        kind = space.law_kind
        odds[:, kind == UNAWARE, FIRST] = e[:, kind == UNAWARE, AWARE]
        acquisition = np.array([self.twin.quality(c).acquisition for c in range(e.shape[0])])
        odds[:, kind == PROSPECT, FIRST] = np.minimum(e[:, kind == PROSPECT, WON] * acquisition[:, None], 1.0)
        odds[:, kind == DEFECTED, FIRST] = e[:, kind == DEFECTED, RETURNED]
        odds[:, kind == DEFECTED, SECOND] = e[:, kind == DEFECTED, LOST_CHANCE]
        alive = kind == ALIVE
        level, ties = space.law_level[alive], space.law_ties[alive]
        now = e[:, alive]
        by_level, by_ties = attitudes.level_effects[level], attitudes.tie_effects[ties]
        out = np.zeros((*now.shape[:2], COLUMNS))
        out[..., LEAVES] = now[..., DEFECTION] * by_level[:, 0] * by_ties
        out[..., BUYS] = now[..., RATE] * by_level[:, 1]
        out[..., SPENDS] = now[..., AMOUNT] * by_level[:, 2]
        if attitudes.levels:
            up, down = attitudes.moves[level].T
            out[..., RISES] = np.where(level < LEVELS, np.clip(up + now[..., SATISFIED], 0, 1), 0.0)
            out[..., FALLS] = np.where(level > 1, np.clip(down - now[..., SATISFIED], 0, 1), 0.0)
        if attitudes.ties:
            assert chain.scenario.links is not None
            lost = 1 - (1 - now[..., TURNOVER]) ** ties
            out[..., LOSES_TIE] = lost
            out[..., LEAVES_WITH] = lost * np.where(ties == 1, chain.scenario.links.follow, 0.0)
            out[..., GAINS_TIE] = np.where(ties < 3, (1 - lost) * now[..., TIED], 0.0)
        odds[:, alive] = out
        return odds

    def move_chain(self, step: Step, period: int) -> None:
        """Move everybody by one period of a chain given outright."""
        chain = self.twin.chain
        agent_kernels.move_chain(
            self.population.block, self.state, self.population.identity, chain.block_law, step.probability,
            chain.space.successor, self.twin.streams, self._seed, random_streams.PERIOD, period, self._replication,
        )  # fmt: skip
        self.count()

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
        agent_kernels.count_answers(
            self.population.start, self.population.identity, self.state, answers, chance, self._streams, self._seed,
            random_streams.SURVEY, period, self._replication, out,
        )  # fmt: skip
        return out[:, :-1]

    def value_after(self) -> float:
        """Return the value of all customers after the horizon, undiscounted."""
        chain, units = self.twin.chain, self.twin.value_units
        by_block = self.by_block
        if by_block is not None:
            return float((by_block * chain.terminal).sum())
        who, parts = self.population, []
        rates, defections, index, earned, spent = self.twin.value_grid

        def shard(first: int, last: int) -> None:
            parts.append(
                agent_kernels.value_after(
                    first,
                    last,
                    who.start,
                    self.state,
                    who.purchase_rate,
                    who.defection_rate,
                    who.mean_spend,
                    rates,
                    defections,
                    chain.discount_rate,
                    index,
                    earned,
                    spent,
                    units,
                )
            )

        self._in_parallel(shard)
        return float(sum(int(part) for part in parts) / units)


def _nothing(cohorts: int, stages: int) -> Moved:
    return Moved(
        purchases=np.zeros((cohorts, stages), dtype=np.int64),
        revenue=np.zeros((cohorts, stages), dtype=np.int64),
        moves=np.zeros((cohorts, stages, stages), dtype=np.int64),
        events=np.zeros((cohorts, len(agent_kernels.EVENTS)), dtype=np.int64),
    )
