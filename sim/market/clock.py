"""The market: SimPy processes on one clock.

Inside each period, in this order: competitors come and go, the policy reviews what it observes, customers move (all
at once, in a compiled kernel).
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from sim.contract import Allocation, Observation, Policy
from sim.customers.population import Population
from sim.engine import agent_kernels, random_streams
from sim.engine.chain import ALIVE
from sim.engine.lifecycle import Lifecycle, environment_of
from sim.history import History
from sim.scenario import Competitor
from sim.twin import Twin

__all__ = ["Budget", "Market"]

Floats = NDArray[np.float64]

REVIEW, TICK = 0.25, 0.5
"""When in a period the policy decides and the customers move; competitors act at its start."""


@dataclass(frozen=True)
class Budget:
    """Money a policy must keep to.

    Attributes
    ----------
    total : float
        Over the horizon; infinite for none.
    per_period : float
        In one period.
    lever_caps : (levers,)
        By lever over the horizon.
    """

    total: float
    per_period: float
    lever_caps: Floats

    @staticmethod
    def unlimited(levers: int) -> "Budget":
        """Return a budget that never binds."""
        return Budget(np.inf, np.inf, np.full(levers, np.inf))


class Market:
    """One market under one policy: customers, firm and rivals on a clock.

    Parameters
    ----------
    twin : Twin
    policy : Policy
    population : Population
        Customers at the start; not changed.
    budget : Budget, optional
        None: unlimited.
    seed, replication : int
        Which luck.
    review_every : int
        Periods between two decisions; intensities stay in between.
    """

    def __init__(
        self,
        twin: Twin,
        policy: Policy,
        population: Population,
        budget: Budget | None = None,
        *,
        seed: int = 0,
        replication: int = 0,
        review_every: int = 1,
    ) -> None:
        self.twin, self.policy, self.population = twin, policy, population
        groups, stages, levers = twin.targets.shape
        self.budget = budget or Budget.unlimited(levers)
        self.seed, self.replication, self.review_every = seed, replication, review_every
        periods = twin.chain.periods
        self._state = population.state.copy()
        self._there: set[int] = set()
        self._intensity = np.zeros((groups, stages, levers))
        self._spent = np.zeros(levers)
        self._customers = np.zeros((periods + 1, groups, stages))
        self._alive = np.zeros((periods + 1, groups))
        self._flows = np.zeros((3, periods, groups, stages))
        self._spend = np.zeros((periods, groups, stages, levers))
        self._events = np.zeros((periods, groups, len(agent_kernels.EVENTS)))
        stage = twin.chain.space.stage
        self._cell = np.arange(groups)[:, None] * stages + stage

    def run(self, progress: Callable[[], None] | None = None) -> History:
        """Run to the horizon and return what happened; ``progress`` is called once a period."""
        clock = simpy.Environment()
        for number, rival in enumerate(self.twin.scenario.competitors):
            clock.process(self._rival(clock, number, rival))
        clock.process(self._reviews(clock))
        clock.process(self._ticks(clock, progress))
        clock.run(until=self.twin.chain.periods)
        return self._history()

    def _rival(self, clock: simpy.Environment, number: int, rival: Competitor) -> Generator[Any, Any, None]:
        yield clock.timeout(rival.start)
        self._there.add(number)
        if rival.end is not None:
            yield clock.timeout(rival.end - rival.start)
            self._there.remove(number)

    def _environment(self) -> Floats:
        """Return what the rivals that are there multiply."""
        return environment_of([self.twin.scenario.competitors[number] for number in sorted(self._there)])

    def _reviews(self, clock: simpy.Environment) -> Generator[Any, Any, None]:
        yield clock.timeout(REVIEW)
        while True:
            observation = self._observe(int(clock.now))
            decided = self.policy.decide(observation.copy())
            self._intensity = Allocation.checked(decided, self.policy.name, observation).intensity
            yield clock.timeout(self.review_every)

    def _observe(self, period: int) -> Observation:
        counts = self._count()
        groups, stages, _ = self.twin.targets.shape
        observed = np.bincount(self._cell.ravel(), weights=counts.ravel(), minlength=groups * stages)
        self._customers[period] = observed.reshape(groups, stages)
        self._alive[period] = counts[:, self.twin.chain.space.kind == ALIVE].sum(axis=1)
        left = self.budget.total - self._spent.sum()
        return Observation(
            period=period,
            periods=self.twin.chain.periods,
            targets=self.twin.targets,
            customers=self._customers[period].copy(),
            available=max(0.0, min(self.budget.per_period, float(left))),
            lever_available=np.maximum(self.budget.lever_caps - self._spent, 0),
            lever_spent=self._spent.copy(),
        )

    def _count(self) -> NDArray[np.int64]:
        counts = np.zeros(self.twin.chain.space.stage.shape, dtype=np.int64)
        agent_kernels.count_states(self.population.group, self._state, counts)
        return counts

    def _ticks(self, clock: simpy.Environment, progress: Callable[[], None] | None) -> Generator[Any, Any, None]:
        yield clock.timeout(TICK)
        while True:
            period = int(clock.now)
            if period % self.review_every:
                self._intensity = Allocation.within(self._intensity, self._observe(period)).intensity
            self._spend[period] = self._customers[period][:, :, None] * self._intensity
            self._spent += self._spend[period].sum(axis=(0, 1))
            if isinstance(self.twin.chain, Lifecycle):
                self._move_lifecycle(self.twin.chain, period)
            else:
                self._move_chain(period)
            if progress is not None:
                progress()
            yield clock.timeout(1)

    def _move_lifecycle(self, chain: Lifecycle, period: int) -> None:
        groups, stages, _ = self.twin.targets.shape
        effects = chain.responses(self._environment(), self._intensity).reshape(groups * stages, -1)
        purchases, revenue = (np.zeros(groups * stages, dtype=np.int64) for _ in range(2))
        events = np.zeros((groups * stages, len(agent_kernels.EVENTS)), dtype=np.int64)
        who = self.population
        agent_kernels.move_lifecycle(
            who.group, self._state, who.identity, who.purchase_rate, who.defection_rate, who.mean_spend,
            chain.space.kind, self._cell, self._cell, effects, chain.space.successor, self.twin.streams,
            *self.twin.amounts, self.seed, random_streams.PERIOD, period, self.replication,
            self.twin.money_units, purchases, revenue, events,
        )  # fmt: skip
        shape = (groups, stages)
        money = revenue.reshape(shape) / self.twin.money_units
        self._flows[:, period] = purchases.reshape(shape), money, money * self.twin.margin[:, None]
        self._events[period] = events.reshape(groups, stages, -1).sum(axis=1)

    def _move_chain(self, period: int) -> None:
        chain = self.twin.chain
        step = chain.step(chain.environment[period], self._intensity)
        counts = self._count()
        rows = np.arange(chain.group.size)[:, None]
        for i, each in enumerate((step.purchases, step.revenue, step.reward)):
            self._flows[i, period] = counts * each[rows, chain.block_law]
        agent_kernels.move_chain(
            self.population.block, self._state, self.population.identity, chain.block_law, step.probability,
            chain.space.successor, self.twin.streams, self.seed, random_streams.PERIOD, period, self.replication,
        )  # fmt: skip

    def _terminal(self) -> float:
        chain, who = self.twin.chain, self.population
        if not chain.with_terminal:
            return 0.0
        if (who.block >= 0).all():
            counts = np.zeros(chain.initial.shape, dtype=np.int64)
            agent_kernels.count_states(who.block, self._state, counts)
            return float((counts * chain.terminal).sum())
        total = agent_kernels.value_after(
            who.group, self._state, who.purchase_rate, who.defection_rate, who.mean_spend,
            *self.twin.value_grid[:2], chain.discount_rate, *self.twin.value_grid[2:], self.twin.money_units,
        )  # fmt: skip
        return float(total / self.twin.money_units)

    def _history(self) -> History:
        last = self.twin.chain.periods
        self._observe(last)
        unspent = self.budget.total - self._spent.sum()
        return History(
            targets=self.twin.targets,
            customers=self._customers,
            alive=self._alive,
            purchases=self._flows[0],
            revenue=self._flows[1],
            reward=self._flows[2],
            spend=self._spend,
            events={name: self._events[:, :, i] for i, name in enumerate(agent_kernels.EVENTS)},
            terminal=self._terminal(),
            unspent=float(unspent) if np.isfinite(unspent) else float("nan"),
        )
