"""A study run: what is finished is taken from the store, what is not is handed to workers, plans before their plays.

The order in which units end does not matter: answers are put together from the store in the order of the study's file.
Where luck is added until intervals are narrow, that is decided at the end of each round, by all units of the round. So
an interrupted study that is resumed, by other workers or on another machine of the kind, ends with the same bits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

from experiments.study.answers import Cell, Cells, half_widths
from experiments.study.ask import Made, Study
from experiments.study.played import Played
from experiments.study.store import Store
from experiments.study.units import Facts, Unit, World
from experiments.study.workers import crew
from experiments.tracking.content import running_code
from sim.arrays import Step

__all__ = ["Finished", "run_study"]


@dataclass(frozen=True)
class Finished:
    """All units of a study, done.

    Attributes
    ----------
    cells : Cells
        What was found, by world, budget and policy.
    units, done, taken : int
        Plays in the study; how many are finished; how many of them were in the store already.
    made, taken_plans : int
        Plans that the optimiser made; how many of them were in the store already.
    plans : dict
        Files of the plans made, by world, budget and policy.
    plays : dict
        Units of each world, budget and policy, each with its facts.
    damaged : int
        Files of the store that were not whole and were made again.
    """

    cells: Cells
    units: int
    done: int
    taken: int
    made: int
    taken_plans: int
    plans: dict[Cell, str] = field(default_factory=dict)
    plays: dict[Cell, tuple[tuple[Unit, Facts], ...]] = field(default_factory=dict)
    damaged: int = 0


def run_study(
    study: Study,
    folder: Path,
    *,
    executor: Executor | None = None,
    cluster: str | None = None,
    workers: int | None = None,
    step: Step,
) -> Finished:
    """Do what is unfinished of a study and return all that was found.

    Parameters
    ----------
    folder
        Holds the store of units.
    executor, cluster, workers
        Who does it (:func:`experiments.study.workers.crew`).
    """
    work = _Work(study, Store(folder))
    tell = step("Looking up finished units")
    work.begin()
    tell(1.0)
    while True:
        if work.unfinished:
            tell = step(f"Running {work.unfinished:,} units" if work.round == 1 else f"More luck, round {work.round}")
            tell(work.share)
            with crew(executor, cluster, workers, work.unfinished) as hands:
                for unit, facts in hands.work(work.waiting):
                    work.take(unit, facts)
                    tell(work.share)
        if not work.next_round():  # a round may be finished already, and the one after it not
            return work.finished()


class _Work:
    """What is done, what is to do, and what waits for a plan."""

    def __init__(self, study: Study, store: Store) -> None:
        self.study, self.store = study, store
        self.waiting: deque[Unit] = deque()
        self.round, self.taken, self.taken_plans = 1, 0, 0
        self._worlds = {world.name: World.of(world.scenario) for world in study.worlds}
        self._plans: dict[Cell, Unit] = {}
        self._after: dict[str, list[Cell]] = {}
        self._later = 0
        self._units: dict[Cell, list[Unit]] = {}
        self._weights: dict[Cell, Unit] = {}
        self._samples = {world.name: study.samples_in(world) for world in study.worlds}
        self._open: set[str] = set()
        self._all: set[str] = set()
        self._code = running_code()

    @property
    def unfinished(self) -> int:
        """Return how many units are still to do, those that wait for a plan among them."""
        return len(self._open) + self._later * len(self.study.seeds)

    @property
    def share(self) -> float:
        """Return the share of all known units that is done."""
        return 1 - self.unfinished / max(len(self._all) + self.unfinished - len(self._open), 1)

    def begin(self) -> None:
        """Look up every plan and play of the first round."""
        for cell in self._cells():
            policy = self._policy(cell)
            if not isinstance(policy, Made):
                self._play(cell, policy, 0)
                continue
            world = cell.world if policy.world is None else policy.world
            unit = Unit(
                self._worlds[world], cell.budget, targeting=self.study.targeting, bound_steps=self.study.bound_steps,
                code=self._code, place=world,
            )  # fmt: skip
            self._plans[cell] = unit
            if self.store.get(unit.key) is not None:
                self.taken_plans += unit.key not in self._all
                self._all.add(unit.key)
                self._play_made(cell, 0)
            else:
                self._after.setdefault(unit.key, []).append(cell)
                self._later += 1
                self._wait_for(unit)

    def take(self, unit: Unit, facts: Facts) -> None:
        """Keep what a unit found, and hand out what waited for it."""
        self.store.put(unit, facts)
        self._open.discard(unit.key)
        for cell in self._after.pop(unit.key, ()):
            self._later -= 1
            self._play_made(cell, 0)

    def next_round(self) -> bool:
        """Add luck where intervals that matter are still too wide, and return whether there are such."""
        until, before = self.study.until, sum(map(len, self._units.values()))
        if until is None:
            return False
        self.round += 1
        cells = self.cells()
        for group, width in half_widths(cells, self.study.reference).items():
            have = cells.replications(group) // len(self.study.seeds)
            if width > until.halfwidth and have < until.most:
                for cell in [each for each in self._units if (each.world, each.budget) == group]:
                    policy = self._policy(cell)
                    if isinstance(policy, Made):
                        self._play_made(cell, have)
                    else:
                        self._play(cell, policy, have)
        return sum(map(len, self._units.values())) > before

    def cells(self) -> Cells:
        """Return what was found so far."""
        found: dict[Cell, list[list[Facts]]] = {}
        for cell, units in self._units.items():
            by_seed = {seed: [self._facts(u) for u in units if u.seed == seed] for seed in self.study.seeds}
            found[cell] = list(by_seed.values())
        weights = {cell: list(self._facts(unit)["worlds"]) for cell, unit in self._weights.items()}
        why = {cell: str(self._facts(unit)["why"]) for cell, unit in self._plans.items() if cell not in self._units}
        order = {cell: i for i, cell in enumerate(self._cells())}
        return Cells.of({cell: found[cell] for cell in sorted(found, key=order.__getitem__)}, why, weights)

    def finished(self) -> Finished:
        """Return all that was found."""
        units = [unit for several in self._units.values() for unit in several]
        plans = {cell: str(self._facts(self._plans[cell])["plan"]) for cell in self._units if cell in self._plans}
        plays = {cell: tuple((unit, self._facts(unit)) for unit in some) for cell, some in self._units.items()}
        made = len({unit.key for unit in self._plans.values()})
        return Finished(
            self.cells(), len(units), len(units), self.taken, made, self.taken_plans, plans, plays, self.store.damaged
        )

    def _cells(self) -> Iterator[Cell]:
        for world in self.study.worlds:
            for budget in self.study.budgets:
                for policy in self.study.policies:
                    yield Cell(world.name, budget, policy.name)

    def _policy(self, cell: Cell) -> Played | Made:
        return next(policy for policy in self.study.policies if policy.name == cell.policy)

    def _play_made(self, cell: Cell, first: int) -> None:
        """Play the plan that was made for a cell, if one could be."""
        plan = self._facts(self._plans[cell])["plan"]
        made = self._policy(cell)
        if plan is not None and isinstance(made, Made):
            policy = Played(cell.policy, "file", "plan.json", plan.encode(), brackets=made.brackets)
            self._play(cell, policy, first)

    def _play(self, cell: Cell, policy: Played, first: int) -> None:
        most = self.study.until.most if self.study.until is not None else first + self.study.replications
        count = min(self.study.replications, most - first)
        for seed in self.study.seeds:
            unit = Unit(
                self._worlds[cell.world], cell.budget, policy, seed, first, count, code=self._code, place=cell.world
            )
            self._units.setdefault(cell, []).append(unit)
            facts = self.store.get(unit.key)
            if facts is None:
                self._wait_for(unit)
            else:
                self.taken += 1
                self._all.add(unit.key)
        samples = self._samples[cell.world]
        if first == 0 and samples:
            weighing = Unit(
                self._worlds[cell.world], cell.budget, policy, self.study.seeds[0], samples=samples, code=self._code,
                place=cell.world,
            )  # fmt: skip
            self._weights[cell] = weighing
            if self.store.get(weighing.key) is None:
                self._wait_for(weighing)
            else:
                self._all.add(weighing.key)

    def _wait_for(self, unit: Unit) -> None:
        if unit.key not in self._all:
            self._all.add(unit.key)
            self._open.add(unit.key)
            self.waiting.append(unit)

    def _facts(self, unit: Unit) -> Facts:
        facts = self.store.get(unit.key)
        assert facts is not None
        return facts
