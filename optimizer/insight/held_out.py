"""How far a surface of plans is from exact: from tables that are played, and plans that are solved, elsewhere.

Two errors, kept apart. A table that is given is looked up: off from what it is worth as it is played. And the table is
not the best with its lines held: the lines that are free follow plans of other budgets, where an exact search places
them anew. Who solves what was looked up sees both together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np

from optimizer.insight.exact import solve_exactly
from optimizer.insight.frontier import kept_at_end
from optimizer.insight.surface import ASSET, RULES, Settled, Surface
from optimizer.insight.tables import played
from optimizer.plan import Plan
from sim.arrays import Floats, Progress
from sim.engine.sensitivity import Course, follow
from sim.errors import RulesError
from sim.twin import Twin

__all__ = ["NUDGE", "Checked", "Errors", "HeldOut", "held_out"]

TRIED = 16
"""Tables of each kind, drawn at random, that the surface is held to."""
SOLVED = {"nudged": 4, "moved": 12}
"""So many of them are solved anew as well, their lines held; the last of those tried may be left."""
DRAWS = 100
"""So often in a row a table is drawn anew that does not fit its budget, or misses a rule."""
MOVED = 4
"""Most lines that are held in one of them."""
NUDGE = 0.25
"""Part of its money in the budget's plan by which a line is moved at most in a nudge."""


Asked = tuple[float, dict[int, float]]


class Errors(NamedTuple):
    """Largest error, root of the mean square error, and of how many; nan where there are none."""

    worst: float
    typical: float
    number: int


@dataclass(frozen=True, eq=False)
class Checked:
    """Tables that the surface was not made of; by (table, count), the counts being customer asset and customers kept.

    Attributes
    ----------
    asked : tuple of (budget, money by line)
        What was held; nothing of what was committed before the start is in it.
    said : (tables, 2)
        What the surface says.
    played : (tables, 2)
        The same table, played.
    solved : (tables, 2)
        The plan solved for its budget with its lines held; nan where it was not, or no plan meets the rules.
    """

    asked: tuple[Asked, ...]
    said: Floats
    played: Floats
    solved: Floats

    def errors(self, against: str = "solved", count: int = ASSET) -> Errors:
        """Return errors of the asset, or of customers kept, against plans ``solved`` or tables ``played``."""
        off = self.said[:, count] - getattr(self, against)[:, count]
        off = off[np.isfinite(off)]
        if not off.size:
            return Errors(np.nan, np.nan, 0)
        return Errors(float(np.abs(off).max()), float(np.sqrt((off**2).mean())), off.size)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What the surface says against what is exact, where it was not fitted.

    Attributes
    ----------
    budgets : Checked
        The surface's own tables half-way between solved budgets, without anything held.
    nudged, moved : Checked
        At any budget in range, tables drawn at random that fit it and the rules: some lines held near their money in
        the budget's plan (:data:`NUDGE`), and held anywhere up to the most.
    """

    budgets: Checked
    nudged: Checked
    moved: Checked

    def errors(self, against: str = "solved", count: int = ASSET) -> dict[str, Errors]:
        """Return errors of budgets alone, of nudges, and of lines moved anywhere; see :meth:`Checked.errors`."""
        return {name: getattr(self, name).errors(against, count) for name in ("budgets", "nudged", "moved")}

    @property
    def solves(self) -> int:
        """Return how many plans were solved for it."""
        return sum(each.number for each in self.errors().values())

    @property
    def lacking(self) -> float:
        """Return the most that a table half-way lacks against the plan solved there."""
        return float((self.budgets.solved - self.budgets.played)[:, ASSET].max(initial=0.0))


def held_out(
    twin: Twin, surface: Surface, between: Sequence[Plan], seed: int, *, threads: int = 2, tell: Progress
) -> HeldOut:
    """Return what the surface says beside what is exact.

    Parameters
    ----------
    between
        Plans solved at budgets that the surface was not made of.
    seed
        With which tables are drawn.
    """
    if not (surface.top > 0).any():
        raise RulesError("no segment's money through any lever can be moved")
    halves = list[_Row]()
    for plan in between:
        table = surface.settle(plan.budget)
        halves.append(
            _row(surface, table, {}, _course(twin, surface, table), _seen(follow(twin.chain, plan.intensity)))
        )
    random, drawn, done = np.random.default_rng(seed), list[Checked](), 0
    for kind, number in SOLVED.items():
        rows, left = list[_Row](), number
        for table, held in islice(_tables(surface, kind == "nudged", random), TRIED):
            course, solved = _course(twin, surface, table), np.full(RULES, np.nan)
            if left:
                solved = _solved(twin, surface, table, held, course, threads)
                left -= int(np.isfinite(solved).all())
                tell((done + number - left) / sum(SOLVED.values()))
            rows.append(_row(surface, table, held, course, solved))
        done += number
        drawn.append(_checked(rows))
    return HeldOut(_checked(halves), *drawn)


_Row = tuple[Asked, Floats, Floats, Floats]


def _row(surface: Surface, table: Settled, held: dict[int, float], course: Course, solved: Floats) -> _Row:
    return (table.budget, held), surface.counted(table)[:RULES], _seen(course), solved


def _checked(rows: Sequence[_Row]) -> Checked:
    said, exact, solved = (np.array([row[k] for row in rows], dtype=float).reshape(-1, RULES) for k in (1, 2, 3))
    return Checked(tuple(row[0] for row in rows), said, exact, solved)


def _tables(surface: Surface, near: bool, random: np.random.Generator) -> Iterator[tuple[Settled, dict[int, float]]]:
    """Yield tables drawn at random that fit budget and rules, and what is held in them; none any more where few do."""
    plans, lines = surface.families[0], np.flatnonzero(surface.top > 0)
    # Half of each draw goes by money: where there are many lines most hold little, and little can go wrong there.
    often = (1 / lines.size + surface.top[lines] / surface.top[lines].sum()) / 2
    missed = 0
    while missed < DRAWS:
        size = min(int(random.integers(1, MOVED + 1)), lines.size)
        moved = random.choice(lines, size=size, replace=False, p=often)
        budget = float(random.uniform(*plans.range))
        low, high = np.zeros(surface.top.size), surface.top
        if near:
            low, high = (1 - NUDGE) * plans.plan(budget), (1 + NUDGE) * plans.plan(budget)
        held = {int(line): float(random.uniform(low[line], high[line])) for line in moved}
        table = surface.settle(budget, held)
        missed = missed + 1 if surface.missed(table) or not surface.keeps(table) else 0
        if not missed:
            yield table, held


def _seen(course: Course) -> Floats:
    return np.array([course.asset, kept_at_end(course)])


def _course(twin: Twin, surface: Surface, table: Settled) -> Course:
    return played(twin, surface.lines, surface.by_period(table))


def _solved(
    twin: Twin, surface: Surface, table: Settled, held: Mapping[int, float], course: Course, threads: int
) -> Floats:
    """Return asset and customers kept of the plan with these lines held, than which the table is worth no more."""
    committed = surface.committed.sum(axis=0)
    money = {surface.lines[line]: amount + float(committed[line]) for line, amount in held.items()}
    try:
        found = solve_exactly(twin, table.budget, money, near=course.intensity, threads=threads)
    except RulesError:
        return np.full(RULES, np.nan)
    return np.array([found.asset, found.kept])
