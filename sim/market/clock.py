"""The market: SimPy processes on one clock.

Inside each period, in this order: rivals and shocks come and go, surveys are taken and published, the policy reviews
what it observes, customers move (all at once, in a compiled kernel). A market can be saved between two periods and
resumed, by the same policy or another, with the bits of an unbroken run.
"""

import json
import zipfile
import zlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from sim.arrays import Floats, Ints
from sim.contract import Allocation, Observation, Policy
from sim.customers.population import Population
from sim.engine import agent_kernels
from sim.engine.chain import ALIVE
from sim.engine.fluid import mean_satisfaction, share_of_customer
from sim.engine.lifecycle import Lifecycle
from sim.errors import FolderError, InputError, first_line
from sim.files import write_file
from sim.history import KINDS, History, Trace
from sim.market.agents import Agents
from sim.market.campaigns import Campaigns
from sim.market.surveys import take_survey
from sim.scenario.file import Competitor, Shock
from sim.twin import Twin

__all__ = ["Budget", "Market", "budget_of"]

Process = Generator[Any, Any, None]

SURVEY, REVIEW, TICK = 0.125, 0.25, 0.5
"""When in a period surveys are taken, the policy decides and the customers move; the market acts at its start."""


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


def budget_of(twin: Twin, total: float) -> Budget:
    """Return the money rules of a twin's scenario for a total budget."""
    rules = twin.scenario.rules
    caps = np.array([rules.levers[name].cap if name in rules.levers else 1.0 for name in twin.targets.levers])
    return Budget(total, rules.period_share * total, np.where(caps < 1, caps * total, np.inf))


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
        self.budget = budget or Budget.unlimited(levers)
        self.seed, self.replication, self.review_every = seed, replication, review_every
        periods = twin.chain.periods
        self.period = 0
        self._agents = Agents(
            twin, population, seed=seed, replication=replication, threads=threads, shards=shards, trace=trace
        )
        self._campaigns = Campaigns(twin.targets, periods)
        self._rivals: set[int] = set()
        self._shocks: set[int] = set()
        self._points = twin.chain.crowd.employees_at_start if isinstance(twin.chain, Lifecycle) else float("nan")
        self._spent = np.zeros(levers)
        events = len(agent_kernels.EVENTS)
        self._record: dict[str, Floats] = {
            "people": np.zeros((periods + 1, groups, stages, len(KINDS))),
            "moves": np.zeros((periods, groups, stages, stages)),
            "purchases": np.zeros((periods, groups, stages)),
            "revenue": np.zeros((periods, groups, stages)),
            "reward": np.zeros((periods, groups, stages)),
            "cost_to_serve": np.zeros((periods, groups, stages)),
            "bad_debt": np.zeros((periods, groups, stages)),
            "spend": np.zeros((periods, groups, stages, levers)),
            "events": np.zeros((periods, groups, events)),
            "satisfaction": np.full((periods + 1, groups), np.nan),
            "answers": np.full((periods + 1, groups, stages), np.nan),
            "surveyed": np.full((periods + 1, groups, stages), np.nan),
            "share": np.full((periods, groups), np.nan),
            "employees": np.full(periods + 1, np.nan),
        }
        stage, kind = twin.chain.space.stage[twin.cohort_group], twin.chain.space.kind
        self._cell = (twin.cohort_group[:, None] * stages + stage) * len(KINDS) + kind
        self._observe()

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
            record["answers"][period] = take_survey(
                self.twin, self._agents, survey, self._observed(period), period, self.seed, self.replication
            )
        if period:
            record["surveyed"][period] = record["surveyed"][period - 1]
        if period >= survey.delay and (period - survey.delay) % survey.every == 0:
            record["surveyed"][period] = record["answers"][period - survey.delay]

    def _reviews(self, clock: simpy.Environment) -> Process:
        wait = -self.period % self.review_every
        yield clock.timeout(wait + REVIEW)
        while True:
            observation = self._observation(int(clock.now))
            decided = self.policy.decide(observation.copy())
            allocation = Allocation.checked(decided, self.policy.name, observation)
            self._campaigns.decide(int(clock.now), allocation.intensity)
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
        counts, chain = self._agents.counts[:, :-1], self.twin.chain
        people = np.bincount(self._cell.ravel(), weights=counts.ravel(), minlength=self._record["people"][0].size)
        self._record["people"][self.period] = people.reshape(self._record["people"][0].shape)
        self._record["employees"][self.period] = self._points
        if isinstance(chain, Lifecycle) and chain.attitudes.levels:
            self._record["satisfaction"][self.period] = mean_satisfaction(self._agents.levels())

    def _observed(self, period: int) -> Floats:
        return np.asarray(self._record["people"][period].sum(axis=2))

    def _observation(self, period: int) -> Observation:
        observed = self._observed(period)
        committed = float((self._campaigns.committed(period) * observed[:, :, None]).sum())
        return Observation(
            period=period,
            periods=self.twin.chain.periods,
            targets=self.twin.targets,
            customers=observed,
            available=max(0.0, self._money() - committed),
            lever_available=np.maximum(self.budget.lever_caps - self._spent, 0),
            lever_spent=self._spent.copy(),
            satisfaction=self._record["surveyed"][period].copy(),
        )

    def _money(self) -> float:
        """Return what may be spent this period on everything."""
        return max(0.0, min(self.budget.per_period, float(self.budget.total - self._spent.sum())))

    # --- What happens ---

    def _tick(self, period: int) -> None:
        """Pay for what acts, and move everybody by one period."""
        chain, observed, record = self.twin.chain, self._observed(period), self._record
        intensity = Allocation.affordable(
            self._campaigns.acting[period], observed, self._money(), np.maximum(self.budget.lever_caps - self._spent, 0)
        )
        record["spend"][period] = observed[:, :, None] * intensity
        self._spent += record["spend"][period].sum(axis=(0, 1))
        if isinstance(chain, Lifecycle):
            self._tick_lifecycle(chain, period, intensity, observed)
        else:
            self._tick_chain(period, intensity)
        self._agents.appear(period)
        self.period = period + 1
        self._observe()

    def _tick_lifecycle(self, chain: Lifecycle, period: int, intensity: Floats, observed: Floats) -> None:
        twin, record, crowd = self.twin, self._record, chain.crowd
        rivals = {number: crowd.reaction(number, observed) for number in sorted(self._rivals)}
        shocks, talk = sorted(self._shocks), crowd.talk(self._agents.levels())
        environment = crowd.environment(period, rivals, shocks, self._points, talk)
        effective = crowd.effective(intensity, observed)
        alive = self._by_stage(self._agents.counts[:, :-1] * (chain.space.kind == ALIVE))
        moved = self._agents.move_lifecycle(chain, chain.responses(environment, effective), period)

        first = np.searchsorted(twin.block_cohort, np.arange(twin.cohort_group.size))
        serve, unpaid = chain.serve[first], chain.bad_debt[first]
        money = moved.revenue / twin.money_units
        service = alive * serve[:, :1] + moved.purchases * serve[:, 1:]
        lost = money * unpaid[:, None]
        earned = money * twin.margin[twin.cohort_group][:, None] - lost - service
        for name, amount in (
            ("purchases", moved.purchases), ("revenue", money), ("reward", earned), ("cost_to_serve", service),
            ("bad_debt", lost), ("moves", moved.moves), ("events", moved.events),
        ):  # fmt: skip
            np.add.at(record[name][period], twin.cohort_group, amount)
        record["share"][period] = share_of_customer(
            chain, environment, effective, record["people"][period][:, :, KINDS.index("alive")]
        )
        self._points = crowd.employees_after(self._points, shocks, effective, observed)

    def _by_stage(self, counts: Ints) -> Ints:
        """Return ``counts[cohort, state]`` by (cohort, stage)."""
        out = np.zeros((counts.shape[0], self.twin.targets.shape[1]), dtype=np.int64)
        rows = np.arange(counts.shape[0])[:, None]
        np.add.at(out, (rows, self.twin.chain.space.stage[self.twin.cohort_group]), counts)
        return out

    def _tick_chain(self, period: int, intensity: Floats) -> None:
        chain, record = self.twin.chain, self._record
        step = chain.step(chain.environment[period], intensity)
        counts = self._agents.counts[:, :-1]
        rows = np.arange(chain.group.size)[:, None]
        for name, each in (("purchases", step.purchases), ("revenue", step.revenue), ("reward", step.reward)):
            record[name][period] = counts * each[rows, chain.block_law]
        before = self._agents.state.copy()
        self._agents.move_chain(step, period)
        group = self._agents.population.block
        np.add.at(record["moves"][period], (group, before, self._agents.state), 1)

    # --- What is written down ---

    def _history(self) -> History:
        """Return what happened so far; value after the horizon only once it is reached."""
        done, record = self.period, self._record
        finished = done == self.twin.chain.periods
        if finished and self.twin.scenario.survey is not None and np.isnan(record["surveyed"][done]).all():
            self._ask(done)
        until = {name: record[name][:done] for name in record}
        upto = {name: record[name][: done + 1] for name in ("people", "satisfaction", "employees")}
        unspent = self.budget.total - self._spent.sum()
        return History(
            targets=self.twin.targets,
            people=upto["people"],
            moves=until["moves"],
            purchases=until["purchases"],
            revenue=until["revenue"],
            reward=until["reward"],
            cost_to_serve=until["cost_to_serve"],
            bad_debt=until["bad_debt"],
            spend=until["spend"],
            events={name: until["events"][:, :, i] for i, name in enumerate(agent_kernels.EVENTS)},
            satisfaction=upto["satisfaction"],
            surveyed=_over_stages(record["surveyed"][: done + 1], upto["people"].sum(axis=3)),
            share=until["share"],
            employees=upto["employees"],
            terminal=self._agents.value_after() if finished and self.twin.chain.with_terminal else 0.0,
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
        facts = {
            "period": self.period,
            "seed": self.seed,
            "replication": self.replication,
            "review_every": self.review_every,
            "scenario": self.twin.scenario.hash,
            "people": self._agents.population.fingerprint,
            "points": self._points,
            "budget": [self.budget.total, self.budget.per_period],
        }
        arrays: dict[str, Any] = {
            "facts": np.array(json.dumps(facts)),
            **self._arrays(),
        }

        def write(part: Path) -> None:
            with part.open("wb") as file:
                np.savez(file, **arrays)

        write_file(Path(path), write)

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
        facts, arrays = _read(path)
        if facts["scenario"] != twin.scenario.hash:
            raise InputError(f"{path}: saved from another scenario, or from this one before it was changed")
        if facts["people"] != population.fingerprint:
            raise InputError(f"{path}: saved with other customers; draw them with its seed and replication")
        _check_facts(path, facts, twin.chain.periods)
        total, per_period = facts["budget"]
        market = Market(
            twin,
            policy,
            population,
            Budget(total, per_period, np.zeros(len(twin.targets.levers))),
            seed=facts["seed"],
            replication=facts["replication"],
            review_every=facts["review_every"],
            threads=threads,
            shards=shards,
        )
        places = market._arrays()
        for name, place in places.items():
            if name not in arrays:
                raise _damaged(path, f"{name} is missing")
            given = arrays[name]
            if (given.shape, given.dtype) != (place.shape, place.dtype):
                raise _damaged(path, f"{name} is {given.dtype} {given.shape}, not {place.dtype} {place.shape}")
            if name in ("acting", "spent", "lever_caps") and not (given >= 0).all():
                raise _damaged(path, f"{name} holds what is not at least 0")
        states = len(twin.chain.space.names)
        if arrays["state"].max(initial=0) > states:
            raise _damaged(path, f"a customer is in state {arrays['state'].max()}, expected at most {states}")
        market.period, market._points = facts["period"], facts["points"]
        for name, place in places.items():
            place[:] = arrays[name]
        market._agents.count()
        recorded = market._record["people"][market.period].copy()
        market._observe()
        if not np.array_equal(recorded, market._record["people"][market.period]):
            raise _damaged(path, "customers are not in the states that its record says")
        return market

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that a saved market is put back into, by their names in the file."""
        records = {f"record_{name}": array for name, array in self._record.items()}
        return {
            "state": self._agents.state,
            "acting": self._campaigns.acting,
            "spent": self._spent,
            "lever_caps": self.budget.lever_caps,
            **records,
        }


def _read(path: str | Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the facts and the arrays of a saved market."""
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as saved:
            facts, arrays = json.loads(str(saved["facts"])), {name: saved[name] for name in saved.files}
        if not isinstance(facts, dict) or not {"scenario", "people"} <= set(facts):
            raise ValueError
    except OSError as error:
        raise FolderError(f"{path}: cannot be read ({first_line(error)})") from None
    except (
        ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error, NotImplementedError,
        RuntimeError, MemoryError,
    ):  # fmt: skip
        raise InputError(f"{path}: not a saved market; make one with `tenure simulate --until N --save`") from None
    return facts, arrays


def _check_facts(path: str | Path, facts: dict[str, Any], periods: int) -> None:
    """Refuse a saved market whose facts are missing or could not be."""
    most = {"period": periods, "seed": 2**32 - 1, "replication": 2**32 - 1, "review_every": np.inf}
    for name, largest in most.items():
        if type(facts.get(name)) is not int or not (name == "review_every") <= facts[name] <= largest:
            raise _damaged(path, f"{name} is {facts.get(name)!r}")
    money = facts.get("budget")
    if not (isinstance(money, list) and len(money) == 2 and all(type(each) in (int, float) for each in money)):
        raise _damaged(path, f"budget is {money!r}")
    if not all(each >= 0 for each in money):
        raise _damaged(path, f"budget is {money!r}")
    if type(facts.get("points")) not in (int, float):
        raise _damaged(path, f"points is {facts.get('points')!r}")


def _damaged(path: str | Path, what: str) -> InputError:
    return InputError(f"{path}: a damaged saved market ({what}); save it again with `tenure simulate --until N --save`")


def _over_stages(surveyed: Floats, observed: Floats) -> Floats:
    """Return surveyed points by (period, group): the mean over stages, by heads seen; nan where there is none."""
    known = ~np.isnan(surveyed)
    heads = np.where(known, observed, 0.0)
    total = heads.sum(axis=2)
    points = (np.where(known, surveyed, 0.0) * heads).sum(axis=2)
    return np.asarray(np.divide(points, total, out=np.full(total.shape, np.nan), where=total > 0))
