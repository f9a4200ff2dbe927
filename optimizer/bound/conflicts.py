"""Rules that exclude each other: an irreducible set by name, and by how much they must give way.

The least total miss of the rules, each in its own unit, is a linear programme over expected head counts like the plan's
own, ``min sum v/unit  s.t.  rows(x) - v <= limits``; plans are added to it by dynamic programming until its dual proves
that none does better. Rules without a price there are not in conflict; of the others each is left out in turn (a
deletion filter; Chinneck & Dravnieks 1991): what must stay for the rest to clash is an irreducible set.
"""

import itertools
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csc_matrix

from optimizer.ask.problem import AllocationProblem, joint_actions
from optimizer.ask.rows import Row
from optimizer.bound.pricing import Column, Pricing
from optimizer.lp.programmes import BoxProgramme
from optimizer.tolerances import CLASH
from sim.arrays import Flags, Floats
from sim.errors import SolverError
from sim.twin import build

__all__ = ["Conflict", "conflict_of"]


ROUNDS = 200
SHOWN = 5
"""Rules that a message lists with what they must give way."""


@dataclass(frozen=True, eq=False)
class Conflict:
    """Rules that cannot all be met.

    Attributes
    ----------
    rows : tuple of Row
        An irreducible set: without any one of them the others can be met.
    give_way : dict
        By how much rules must give way so that all can be met, in words: the least in total.
    contacts : str
        The limit on contacts, in words, where they could be met without it; else nothing.
    """

    rows: tuple[Row, ...]
    give_way: dict[str, str]
    contacts: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Return what the set's rules are called."""
        return tuple(row.name for row in self.rows)

    def __str__(self) -> str:
        """Return one sentence."""
        ways = [f"'{name}' is loosened by {amount}" for name, amount in self.give_way.items()]
        if len(ways) > SHOWN:
            ways[SHOWN - 1 :] = [f"{len(ways) - SHOWN + 1} more"]
        amounts = " and ".join(ways)
        clashing = _runs(self.rows) + [self.contacts] * bool(self.contacts)
        verb = "exclude each other" if len(self.names) + bool(self.contacts) > 1 else "cannot be met at all"
        others = " (others clash too)" if set(self.give_way) - set(self.names) else ""
        return f"{' and '.join(clashing)} {verb}{others}; all can be met once {amounts}"


def _runs(rows: tuple[Row, ...]) -> list[str]:
    """Return names in quotes, the times of one rule that follow each other put together."""
    out = []
    for _, run in itertools.groupby(rows, key=lambda row: (row.rule, row.when, row.number is None)):
        first, *more = run
        out.append(f"'{first.name}'" + (f" to {more[-1].number}" if more else ""))
    return out


def conflict_of(problem: AllocationProblem, threads: int = 2) -> Conflict | None:
    """Return what rules clash, with full information; None where they can all be met.

    Raises
    ------
    SolverError
        If neither can be proved.
    """
    # Pricing needs the rows' counts alone: nothing is earned or paid in this programme.
    search = _Feasibility(replace(problem, goal="feasibility"), threads)
    missed, prices = search.least_miss(np.ones(len(problem.rows), dtype=bool))
    if not (missed > CLASH).any():
        return None
    amounts = missed * problem.row_units
    give_way = {problem.rows[r].name: problem.in_words(r, amounts[r]) for r in np.flatnonzero(missed > CLASH).tolist()}
    kept = np.abs(prices) * problem.row_units > 1e-6
    for r in np.flatnonzero(kept):
        without = kept.copy()
        without[r] = False
        if (search.least_miss(without)[0] > CLASH).any():
            kept = without
    return Conflict(tuple(problem.rows[r] for r in np.flatnonzero(kept)), give_way, _contacts(problem, kept, threads))


def _contacts(problem: AllocationProblem, kept: Flags, threads: int) -> str:
    """Return the limit on contacts in words where the rules ``kept`` could be met without it."""
    scenario = problem.twin.scenario
    if scenario.rules.contacts is None:
        return ""
    rules = scenario.rules.model_copy(update={"contacts": None})
    actions, choices = joint_actions(build(scenario.model_copy(update={"rules": rules})).chain)
    free = _Feasibility(replace(problem, goal="feasibility", actions=actions, choices=choices), threads)
    if free.least_miss(kept)[0].sum() > CLASH:
        return ""
    return f"'at most {scenario.rules.contacts:g} contacts per customer and {scenario.period}'"


class _Feasibility:
    """The least miss of some of the rules; plans found for one set of rules serve the next."""

    def __init__(self, problem: AllocationProblem, threads: int) -> None:
        self.problem = problem
        self.pricing = Pricing(problem, threads)
        self.solver = BoxProgramme()
        chain = problem.chain
        self.columns: list[list[Column]] = [
            [column] for column in self.pricing.columns_of(problem.cheapest[:, chain.group[:, None], chain.block_stage])
        ]

    def least_miss(self, counted: Flags) -> tuple[Floats, Floats]:
        """Return misses as shares of units, and prices in miss by unit of limit, of the rules ``counted``."""
        units = self.problem.row_units
        for _ in range(ROUNDS):
            missed, prices, total = self._master(counted)
            if total <= CLASH:
                return missed, prices
            lagrangian, found = self.pricing.best(prices)
            if lagrangian <= -total + CLASH * max(1.0, total):
                return missed, prices
            for group, column in zip(self.columns, found, strict=True):
                group.append(column)
        raise SolverError(f"whether the rules clash was not settled after {ROUNDS} rounds (miss {missed.sum():g} units "
                          f"of {units.size} rules)")  # fmt: skip

    def _master(self, counted: Flags) -> tuple[Floats, Floats, float]:
        """Mix the plans so that the rules are missed by least; each rule in its own unit."""
        problem, rows = self.problem, np.flatnonzero(counted)
        flat = [(g, column) for g, group in enumerate(self.columns) for column in group]
        groups, size, units = len(self.columns), len(flat), problem.row_units[rows]
        usage = np.array([column.usage for _, column in flat]).reshape(size, len(problem.rows))[:, rows] / units
        signs, limits = problem.signs[rows], problem.limits[rows] / units
        whole = np.array([[g == mine for mine, _ in flat] for g in range(groups)], dtype=float)
        matrix = np.block([[usage.T, np.diag(-signs)], [whole, np.zeros((groups, rows.size))]])
        answer = self.solver.solve(
            np.append(np.zeros(size), -np.ones(rows.size)),
            np.zeros(size + rows.size), np.append(np.ones(size), np.full(rows.size, np.inf)),
            csc_matrix(matrix),
            np.append(np.where(signs > 0, -np.inf, limits), np.ones(groups)),
            np.append(np.where(signs > 0, limits, np.inf), np.ones(groups)),
        )  # fmt: skip
        missed, prices = np.zeros(len(problem.rows)), np.zeros(len(problem.rows))
        missed[rows] = answer.values[size:]
        prices[rows] = answer.duals[: rows.size] / units
        prices = np.where(problem.signs > 0, np.maximum(prices, 0), np.minimum(prices, 0))
        return missed, prices, float(missed.sum())
