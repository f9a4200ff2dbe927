"""Rules in arrays: each a row that counts money, people or profit, and a limit; and how kinds of rules are made known.

A row is linear in what happens: ``money . spend + people . heads + earned . profit before marketing <= or >= limit``.
What a row is about is known by its :class:`Kind`; its name is for people alone.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from scipy.sparse import csr_matrix

from sim.arrays import Flags, Floats
from sim.contract import Targets
from sim.engine.chain import ControlledChain
from sim.engine.sensitivity import Course, follow
from sim.twin import Twin

__all__ = [
    "BUDGET", "Asked", "Kind", "Maker", "Row", "Said", "Today", "as_today", "chosen", "everywhere", "in_stages",
    "money_of", "people_of", "rule", "stated",
]  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """What the rows of one kind have in common, whatever they are called.

    Attributes
    ----------
    name : str
        Of the kind: its key under ``rules`` in a scenario, or the question it comes from.
    counts : str
        ``money``, ``people`` or ``profit``.
    unit : str
        Of what it counts, as people read it behind a number; nothing for money.
    purse : bool
        Whether it limits money and counts every target's and lever's alike: a budget.
    """

    name: str
    counts: str = "money"
    unit: str = ""
    purse: bool = False


BUDGET = Kind("budget", purse=True)
"""The money over the horizon: of this kind there is one row, or none."""


@dataclass(frozen=True, eq=False)
class Row:
    """One rule, or one of the times at which it holds.

    Attributes
    ----------
    rule : str
        As people read it; the same at all its times.
    kind : Kind
    sense : ``<=`` or ``>=``
    limit : float
        Money, customers, or customers times points.
    per_budget : float
        d(limit)/d(budget): rules stated as shares move with the budget.
    money : csr_matrix of (1, periods x groups x stages x levers), optional
        What a unit of money spent counts.
    people : csr_matrix of (1, (periods + 1) x groups x laws), optional
        What a customer under a law counts.
    earned : (periods, groups), optional
        What a unit of money earned before marketing counts.
    after : float
        What a unit of value after the horizon counts.
    mean_of : csr_matrix of (1, (periods + 1) x groups x laws), optional
        Whose mean a rule on satisfaction is about; it counts points of all of them together.
    when : str
        Words for its time, before the number if there is one: ``in period``, ``at the end``.
    number : int, optional
        Of its time.
    said : str
        How its limit is said where the number alone does not say it; else nothing.
    """

    rule: str
    kind: Kind
    sense: str
    limit: float
    per_budget: float = 0.0
    money: csr_matrix | None = None
    people: csr_matrix | None = None
    earned: Floats | None = None
    after: float = 0.0
    mean_of: csr_matrix | None = None
    when: str = ""
    number: int | None = None
    said: str = ""

    @cached_property
    def name(self) -> str:
        """Return the rule and its time, as people read it; no two rows of a problem have the same."""
        time = [self.when] * bool(self.when) + [str(self.number)] * (self.number is not None)
        return " ".join([self.rule, *time])

    def counted(self, course: Course) -> float:
        """Return what the rule counts in a course of the fluid twin."""
        money = 0.0 if self.money is None else (self.money @ course.spend.ravel())[0]
        people = 0.0 if self.people is None else (self.people @ course.people.ravel())[0]
        earned = 0.0 if self.earned is None else (self.earned * course.earned).sum()
        return float(money + people + earned + self.after * course.after)

    def weighed(self, course: Course) -> float:
        """Return the size of all that it counts there, whatever its sign: what a difference is measured by."""
        money = 0.0 if self.money is None else (abs(self.money) @ course.spend.ravel())[0]
        people = 0.0 if self.people is None else (abs(self.people) @ course.people.ravel())[0]
        earned = 0.0 if self.earned is None else np.abs(self.earned * course.earned).sum()
        return float(money + people + earned + abs(self.after * course.after))


def as_today(chain: ControlledChain) -> Floats:
    """Return today's spend as a plan: the reference, and first what is committed."""
    return chain.targets.with_committed(np.broadcast_to(chain.targets.reference, (chain.periods, *chain.targets.shape)))


@dataclass(frozen=True, eq=False)
class Today:
    """What today's spend is expected to do over the horizon, worked out when asked for."""

    chain: ControlledChain

    @cached_property
    def course(self) -> Course:
        """Return the fluid twin's run under the reference."""
        return follow(self.chain, as_today(self.chain))


# --- What makers of rows work with ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Asked:
    """The question that rules belong to.

    Attributes
    ----------
    twin : Twin
    budget : float
    today : Today
    """

    twin: Twin
    budget: float
    today: Today

    @property
    def chain(self) -> ControlledChain:
        """Return what the customers follow."""
        return self.twin.chain

    @property
    def targets(self) -> Targets:
        """Return whom the firm can tell apart."""
        return self.chain.targets

    @property
    def periods(self) -> int:
        """Return the number of periods."""
        return self.chain.periods

    def levers(self, wanted: Sequence[str]) -> Flags:
        """Return which levers are wanted, none wanted: all; the name of a chain's one lever stands for its actions."""
        given = self.twin.scenario.chain
        return chosen(self.targets.levers, given.levers if given and given.lever in wanted else wanted)


def people_of(
    chain: ControlledChain, after: int, weight: Floats, segments: Sequence[str] = (), tiers: Sequence[str] = ()
) -> csr_matrix:
    """Return the row that counts ``weight[law]`` for customers of some groups after so many periods; none named: all.

    ``chain.space`` has the stage and the kind of each law.
    """
    groups = chosen(chain.targets.segments, segments) & chosen(chain.targets.tiers, tiers)
    dense = np.zeros((chain.periods + 1, groups.size, chain.space.law_kind.size))
    dense[after, groups] = weight
    return csr_matrix(dense.reshape(1, -1))


def in_stages(chain: ControlledChain, *names: str) -> Floats:
    """Return for :func:`people_of` a weight of 1 for customers seen in these stages."""
    return np.isin(np.array(chain.targets.stages)[chain.space.law_stage], names).astype(float)


def money_of(chain: ControlledChain, parts: Sequence[tuple[float, Flags, Flags, Flags, Flags]]) -> csr_matrix:
    """Return the row that counts ``weight`` for money in (periods, groups, stages, levers), over all parts."""
    dense = np.zeros((chain.periods, *chain.targets.shape))
    for weight, *where in parts:
        dense[np.ix_(*where)] += weight
    return csr_matrix(chain.targets.of_budget(dense * chain.targets.allowed).reshape(1, -1))


def everywhere(targets: Targets) -> tuple[Flags, Flags, Flags]:
    """Return all groups, stages and levers."""
    groups, stages, levers = targets.shape
    return np.ones(groups, bool), np.ones(stages, bool), np.ones(levers, bool)


def chosen(names: tuple[str, ...], wanted: Sequence[str]) -> Flags:
    """Return which names are wanted; none wanted: all."""
    return np.array([not wanted or name in wanted for name in names])


# --- Kinds found by their keys ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """What sentences on rules need beside the rule.

    Attributes
    ----------
    period : str
        What a period is called.
    budget : float
    money, at_least, at_most : callable
        Write an amount; one behind "at least", one behind "at most".
    """

    period: str
    budget: float
    money: Callable[[float], str]
    at_least: Callable[[float], str]
    at_most: Callable[[float], str]


Rows = Callable[[Any, Asked], Iterable[Row]]
Words = Callable[[Any, Said], Iterable[str]]
Found = TypeVar("Found", bound=Rows)


@dataclass(frozen=True)
class Maker:
    """What is made of what a scenario states under one key of its rules.

    Attributes
    ----------
    rows : callable (what is stated, asked) -> rows
    words : callable (what is stated, said) -> sentences, optional
        None: key by key, as in the file.
    """

    rows: Rows
    words: Words | None


MAKERS: dict[str, Maker] = {}
"""By key; filled by :func:`optimizer.ask.rules.makers`."""


def rule(key: str, words: Words | None = None) -> Callable[[Found], Found]:
    """Make a function known as the maker of the rows of what stands under ``rules.<key>``."""

    def known(rows: Found) -> Found:
        MAKERS[key] = Maker(rows, words)
        return rows

    return known


def stated(rule: dict[str, Any]) -> str:
    """Return what a rule states, key by key, as in the file."""

    def said(key: str, value: Any) -> str:
        name = key.replace("_", " ")
        if isinstance(value, bool):
            return name if value else f"not {name}"
        return f"{name} {', '.join(map(str, value)) if isinstance(value, list | tuple) else value}"

    return ", ".join(said(key, value) for key, value in rule.items())
