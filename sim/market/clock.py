"""The market: SimPy processes on one clock.

Inside each period, in this order: rivals and shocks come and go, surveys are taken and published, the policy reviews
what it observes, customers move (all at once, in a compiled kernel). A market can be saved between two periods and
resumed, by the same policy or another, with the bits of an unbroken run.
"""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from sim.arrays import Floats, Ints
from sim.contract import Policy
from sim.customers.population import Population
from sim.engine.chain import ALIVE, Moment
from sim.engine.fluid import mean_satisfaction
from sim.history import KINDS, History, Trace
from sim.market.agents import Agents
from sim.market.alarms import Alarms, over_stages, rivals_by_group
from sim.market.purse import Budget, Purse, Visible, budget_of
from sim.market.saved import SavedMarket, damaged
from sim.market.surveys import take_survey
from sim.scenario.file import Competitor, Shock
from sim.twin import Twin

__all__ = ["Budget", "Market", "budget_of"]

Process = Generator[Any, Any, None]

SURVEY, REVIEW, TICK = 0.125, 0.25, 0.5
"""When in a period surveys are taken, the policy decides and the customers move; the market acts at its start."""


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
    threads, shards : int, optional
        How the work on customers is divided; results have the same bits however it is. None: by their number.
    trace : positions in the population, optional
        Customers whose lives are written down.

    Attributes
    ----------
    worked : list of (groups, stages, levers and more)
        Intensities as they worked in each period, and what levers did of late; of a market with a trace.
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
        threads: int | None = None,
        shards: int | None = None,
        trace: Ints | None = None,
    ) -> None:
        self.twin, self.policy = twin, policy
        groups, stages, levers = twin.targets.shape
        self._purse = Purse(twin, budget or Budget.unlimited(levers))
        self.seed, self.replication, self.review_every = seed, replication, review_every
        periods = twin.chain.periods
        self.period = 0
        self._agents = Agents(
            twin, population, seed=seed, replication=replication, threads=threads, shards=shards, trace=trace
        )
        self._rivals: set[int] = set()
        self._shocks: set[int] = set()
        self._points, memory = twin.chain.employees_at_start, twin.chain.late
        self._late = memory.at_start if memory else None
        self.worked: list[Floats] = []
        self._record = History.blank(twin.targets, periods)
        self._answers = np.full((periods + 1, groups, stages), np.nan)
        stage, kind = twin.chain.space.stage[twin.cohort_group], twin.chain.space.kind
        self._cell = (twin.cohort_group[:, None] * stages + stage) * len(KINDS) + kind
        self._alarms = Alarms(twin)
        self._observe()

    @property
    def budget(self) -> Budget:
        """Return the money that the policy must keep to."""
        return self._purse.budget

    @property
    def budget_left(self) -> float:
        """Return the money that is left over the horizon."""
        return max(0.0, float(self.budget.total - self._purse.spent.sum()))

    @property
    def acting(self) -> Floats:
        """Return the intensities that act as they were decided, (periods, groups, stages, levers)."""
        return self._purse.campaigns.acting

    @property
    def terms(self) -> Floats:
        """Return the terms that act, (periods, groups, stages, levers): money a head that no budget pays for."""
        return np.where(self.twin.targets.paid, 0.0, self.acting)

    # --- The clock ---

    def run(self, progress: Callable[[], None] | None = None, *, until: int | None = None) -> History:
        """Run to the horizon, or to the start of period ``until``, and return what happened so far.

        ``progress`` is called once a period. After a stop, ``run`` goes on where it stopped.
        """
        periods = self.twin.chain.periods
        until = periods if until is None else min(until, periods)
        if until > self.period:
            clock = simpy.Environment(initial_time=self.period)
            visitors: tuple[tuple[set[int], Sequence[Competitor | Shock]], ...] = (
                (self._rivals, self.twin.scenario.competitors),
                (self._shocks, self.twin.scenario.shocks),
            )
            for there, things in visitors:
                there.clear()
                for number, thing in enumerate(things):
                    clock.process(self._visit(clock, there, number, thing))
            clock.process(self._surveys(clock))
            clock.process(self._reviews(clock))
            clock.process(self._ticks(clock, progress))
            clock.run(until=until)
            self.period = until
        return self._history()

    def _visit(self, clock: simpy.Environment, there: set[int], number: int, thing: Competitor | Shock) -> Process:
        """Be there from the start to the end of a rival or a shock."""
        if thing.end is not None and thing.end <= clock.now:
            return
        yield clock.timeout(max(0, thing.start - clock.now))
        there.add(number)
        if thing.end is not None:
            yield clock.timeout(thing.end - clock.now)
            there.remove(number)

    def _surveys(self, clock: simpy.Environment) -> Process:
        survey = self.twin.scenario.survey
        yield clock.timeout(SURVEY)
        while True:
            self._ask(int(clock.now))
            yield clock.timeout(1 if survey else self.twin.chain.periods)

    def _ask(self, period: int) -> None:
        """Take a survey where one is due, and publish one whose time has come."""
        survey, record = self.twin.scenario.survey, self._record
        if survey is None:
            return
        if period % survey.every == 0:
            self._answers[period] = take_survey(
                self.twin, self._agents, survey, self._observed(period), period, self.seed, self.replication
            )
        record["surveyed"][period] = over_stages(self._published(period), self._observed(period))

    def _published(self, period: int) -> Floats:
        """Return points by (group, stage) of the last survey that is known; nan where none is."""
        asked = self.twin.chain.last_survey(period)
        return np.full(self._answers.shape[1:], np.nan) if asked is None else self._answers[asked]

    def _reviews(self, clock: simpy.Environment) -> Process:
        wait = -self.period % self.review_every
        yield clock.timeout(wait + REVIEW)
        while True:
            now = int(clock.now)
            self._purse.decide(self.policy, now, self._seen(now))
            yield clock.timeout(self.review_every)

    def _ticks(self, clock: simpy.Environment, progress: Callable[[], None] | None) -> Process:
        yield clock.timeout(TICK)
        while True:
            self._tick(int(clock.now))
            if progress is not None:
                progress()
            yield clock.timeout(1)

    # --- What the firm sees ---

    def _observe(self) -> None:
        """Write down who is where at the start of the period."""
        counts = self._agents.counts[:, :-1]
        people = np.bincount(self._cell.ravel(), weights=counts.ravel(), minlength=self._record["people"][0].size)
        self._record["people"][self.period] = people.reshape(self._record["people"][0].shape)
        self._record["employees"][self.period] = self._points
        self._record["satisfaction"][self.period] = mean_satisfaction(self._agents.levels())

    def _observed(self, period: int) -> Floats:
        return np.asarray(self._record["people"][period].sum(axis=2))

    def seen(self) -> Visible:
        """Return what the firm sees at the start of the period that comes next, before its survey."""
        return self._seen(self.period)

    def _seen(self, period: int) -> Visible:
        observed, record = self._observed(period), self._record
        before = {
            name: record[name][period - 1].copy() if period else np.zeros_like(record[name][0])
            for name in ("purchases", "revenue", "moves")
        }
        return Visible(
            observed,
            self._published(period).copy(),
            last_spend=record["spend"][period - 1].copy() if period else np.zeros(self.twin.targets.shape),
            rivals=rivals_by_group(self.twin, self._rivals),
            employees=float(self._points),
            alarms=self._alarms.raised(period, observed, record["moves"], self._answers),
            **before,
        )

    # --- What happens ---

    def _tick(self, period: int) -> None:
        """Pay for what acts, and move everybody by one period."""
        chain, observed, record = self.twin.chain, self._observed(period), self._record
        intensity = self._purse.pay(period, observed)
        record["spend"][period] = self.twin.targets.of_budget(observed[:, :, None] * intensity)
        now = Moment(
            period,
            observed,
            self._agents.levels(),
            sorted(self._rivals),
            sorted(self._shocks),
            self._points,
            self._late,
        )
        met = chain.conditions(now, intensity)
        for name, amount in self._agents.move(met, period).items():
            np.add.at(record[name][period], self.twin.cohort_group, amount)
        record["share"][period] = chain.share_of_customer(met, record["people"][period][:, :, ALIVE])
        self._points, self._late = met.employees_after, met.late_after
        if self._agents.traced.size:
            self.worked.append(met.effective)
        self._agents.appear(period)
        self.period = period + 1
        self._observe()

    # --- What is written down ---

    def _history(self) -> History:
        """Return what happened so far; value after the horizon only once it is reached."""
        done, record = self.period, self._record
        finished = done == self.twin.chain.periods
        if finished and self.twin.scenario.survey is not None and np.isnan(record["surveyed"][done]).all():
            self._ask(done)
        unspent = self.budget.total - self._purse.spent.sum()
        return History.of(
            self.twin.targets,
            record,
            done,
            terminal=self._agents.value_after(done, self._late) if finished and self.twin.chain.with_terminal else 0.0,
            unspent=float(unspent) if np.isfinite(unspent) else float("nan"),
            trace=self._trace(),
        )

    def _trace(self) -> Trace | None:
        at, agents = self._agents.traced, self._agents
        if at.size == 0:
            return None
        population = agents.population
        group = self.twin.cohort_group[np.searchsorted(population.start, at, side="right") - 1]
        before, purchases, revenue, event = (
            np.array([each[i] for each in agents.trace]).reshape(-1, at.size) for i in range(4)
        )
        return Trace(
            segment=tuple(self.twin.targets.segments[g] for g in group),
            identity=population.identity[at].astype(np.int64),
            state=np.vstack([before, agents.state[at][None]]).astype(np.int64),
            purchases=purchases.astype(np.int64),
            revenue=revenue.astype(np.int64),
            event=event.astype(np.int64),
        )

    # --- Continuation ---

    def save(self, path: str | Path) -> None:
        """Write the market as it is between two periods; :meth:`resume` goes on from there.

        Raises
        ------
        FolderError
            If it cannot be written.
        """
        SavedMarket(
            period=self.period,
            seed=self.seed,
            replication=self.replication,
            review_every=self.review_every,
            scenario=self.twin.scenario.hash,
            people=self._agents.population.fingerprint,
            points=self._points,
            budget=(self.budget.total, self.budget.per_period),
            arrays=self._arrays(),
        ).write(path)

    @staticmethod
    def resume(
        path: str | Path,
        twin: Twin,
        policy: Policy,
        population: Population,
        *,
        threads: int | None = None,
        shards: int | None = None,
    ) -> "Market":
        """Return a saved market, ready to go on under a policy: the same, or another from here on.

        ``twin`` and ``population`` are those it was saved with.

        Raises
        ------
        InputError
            If the file is no saved market, is damaged, or is of another scenario or other customers.
        """
        saved = SavedMarket.read(
            path, scenario=twin.scenario.hash, people=population.fingerprint, periods=twin.chain.periods
        )
        limited = len(saved.arrays.get("windows", ())) > 0
        windows = np.zeros((len(budget_of(twin, 1.0).windows) if limited else 0, 3))
        market = Market(
            twin,
            policy,
            population,
            Budget(*saved.budget, np.zeros(len(twin.targets.levers)), windows),
            seed=saved.seed,
            replication=saved.replication,
            review_every=saved.review_every,
            threads=threads,
            shards=shards,
        )
        saved.put_back(path, market._arrays(), len(twin.chain.space.names))
        market.period, market._points = saved.period, saved.points
        market._agents.count()
        recorded = market._record["people"][market.period].copy()
        market._observe()
        if not np.array_equal(recorded, market._record["people"][market.period]):
            raise damaged(path, "customers are not in the states that its record says")
        return market

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that a saved market is put back into, by their names in the file."""
        records = {f"record_{name}": array for name, array in self._record.items()}
        return {
            "state": self._agents.state,
            "acting": self._purse.campaigns.acting,
            "spent": self._purse.spent,
            "spent_by_period": self._purse.by_period,
            "lever_caps": self.budget.lever_caps,
            "windows": self.budget.windows,
            "answers": self._answers,
            **({} if self._late is None else {"late": self._late}),
            **records,
        }
