"""A period drawn customer by customer: what a chain hands the agents, and the plain way of doing it."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sim.arrays import Floats, Ints
from sim.engine import agent_kernels
from sim.engine.agent_kernels import Amounts, Luck, Paths, Tally, Who
from sim.history import EVENTS

__all__ = ["Cohorts", "Crew", "Draw", "OutcomeDraw", "blank_tally"]


@dataclass(frozen=True)
class Cohorts:
    """What is known of the cohorts of agents; an element for each.

    Attributes
    ----------
    group, block : (cohorts,)
        Their group, and the first of their blocks, whose traits beside rates and spend are those of all.
    paths : Paths
    amounts : Amounts
    money_units : float
        Units of revenue to one unit of currency.
    stages : int
        How many stages there are.
    """

    group: Ints
    block: Ints
    paths: Paths
    amounts: Amounts
    money_units: float
    stages: int


class Crew(Protocol):
    """Agents at the start of a period."""

    @property
    def cohorts(self) -> Cohorts:
        """Return what is known of their cohorts."""
        ...

    @property
    def counts(self) -> Ints:
        """Return customers by (cohort, state), those not there yet in a last state of their own."""
        ...

    @property
    def by_block(self) -> Ints | None:
        """Return customers by (block, state) where their traits are those of blocks."""
        ...


class Draw(Protocol):
    """One period, ready to be drawn for any part of the agents."""

    def move(
        self, first: int, last: int, who: Who, block: NDArray[np.int32], state: NDArray[np.uint16], luck: Luck,
        out: Tally,
    ) -> None:  # fmt: skip
        """Move customers ``first .. last`` in place in ``state`` and add what happened to ``out``."""
        ...

    def unmoved(self) -> Tally:
        """Return what ``move`` adds to: where customers would be who are not taken one by one."""
        ...

    def alone(self, cohort: Ints) -> "Draw":
        """Return the same for customers each of whom is a cohort of their own, taken from ``cohort``."""
        ...

    def flows(self, moved: Tally) -> dict[str, Floats]:
        """Return what the period brought, by field of a history, ``[cohort, ...]``."""
        ...


def blank_tally(cohorts: int, states: int, stages: int) -> Tally:
    """Return a tally of nothing."""
    return Tally(
        counts=np.zeros((cohorts, states), dtype=np.int64),
        moves=np.zeros((cohorts, stages, stages), dtype=np.int64),
        purchases=np.zeros((cohorts, stages), dtype=np.int64),
        revenue=np.zeros((cohorts, stages), dtype=np.int64),
        events=np.zeros((cohorts, len(EVENTS)), dtype=np.int64),
    )


@dataclass(frozen=True, eq=False)
class OutcomeDraw:
    """One outcome for each customer at the odds of its block; money as expected of who is where.

    Attributes
    ----------
    paths : Paths
    stages : int
        How many there are.
    cohort, law : (blocks,), (blocks, states)
        Cohort of each block, and the law of each of its states.
    probability : (blocks, laws, outcomes)
    customers : (blocks, states)
        At the period's start.
    expected : dict of (blocks, laws)
        What a customer brings, by field of a history.
    events : dict of (blocks, laws)
        Chances of events, by name.
    """

    paths: Paths
    stages: int
    cohort: Ints
    law: Ints
    probability: Floats
    customers: Ints
    expected: dict[str, Floats]
    events: dict[str, Floats]

    def move(
        self, first: int, last: int, who: Who, block: NDArray[np.int32], state: NDArray[np.uint16], luck: Luck,
        out: Tally,
    ) -> None:  # fmt: skip
        """Move customers ``first .. last`` in place in ``state`` and add what happened to ``out``."""
        agent_kernels.move_chain(first, last, who, block, state, self.paths, self.law, self.probability, luck, out)

    def unmoved(self) -> Tally:
        """Return a tally of nothing: everybody is taken one by one."""
        cohorts, states = self.paths.law.shape
        return blank_tally(cohorts, states, self.stages)

    def alone(self, cohort: Ints) -> "OutcomeDraw":
        """Return the same for customers each of whom is a cohort of their own, taken from ``cohort``."""
        return replace(self, paths=self.paths.of(cohort))

    def flows(self, moved: Tally) -> dict[str, Floats]:
        """Return what the period brought, by field of a history, ``[cohort, ...]``."""
        rows, shape = np.arange(self.law.shape[0])[:, None], moved.purchases.shape
        stage = self.paths.stage[self.cohort, :-1]
        out: dict[str, Floats] = {"moves": moved.moves.astype(float), "events": np.zeros(moved.events.shape)}
        for name, each in self.expected.items():
            out[name] = np.zeros(shape)
            np.add.at(out[name], (self.cohort[:, None], stage), self.customers * each[rows, self.law])
        for name, chance in self.events.items():
            happened = (self.customers * chance[rows, self.law]).sum(axis=1)
            np.add.at(out["events"][:, EVENTS.index(name)], self.cohort, happened)
        return out
