"""How fast each rule moves with the money of each cell: exactly in money, by adjoints of the fluid twin in the rest."""

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from optimizer.ask.cells import Cells
from optimizer.ask.problem import AllocationProblem
from sim.arrays import Flags, Floats, Ints
from sim.engine.fluid_pass import Money
from sim.engine.sensitivity import Aim, Course

__all__ = ["NEAR", "RowSlopes"]


NEAR, MOST_FOLLOWED = 0.05, 12
"""Rules that bend are followed where they are so near to binding, as a share of their unit; so many of them are looked
at anew in a step, those first whose slope is oldest. The merit sees them all."""


class RowSlopes:
    """The slopes of one problem's rules, kept from step to step of a search.

    Attributes
    ----------
    bending : list of int
        Rules that count people, profit or value after the horizon: money moves them along a curve.
    """

    def __init__(self, problem: AllocationProblem, cells: Cells) -> None:
        self.problem = problem
        self.cells = cells
        counted = (np.diff(problem.people.indptr) > 0) | (np.diff(problem.earned.indptr) > 0)
        self.bending: list[int] = np.flatnonzero(counted).tolist()
        self._looked = 0
        self._seen: dict[int, int] = {}
        self._slopes: dict[int, Floats] = {}
        self._reached: dict[int, tuple[Flags, int]] = {}

    def jacobian(self, course: Course) -> csr_matrix:
        """Return d(what each rule counts)/d(money of cells), (rows, periods x cells)."""
        problem, cells = self.problem, self.cells
        heads = np.stack([cells.money(np.zeros((1, cells.lever.size))).heads(now.observed) for now in course.past])
        # Money of a cell falls on its targets by heads.
        inside = np.argwhere(cells.cell >= 0)
        at = cells.cell[tuple(inside.T)]
        flat = np.ravel_multi_index(tuple(inside.T), cells.cell.shape)
        periods, width = problem.chain.periods, cells.cell.size
        part = course.observed[:, inside[:, 0], inside[:, 1]] / np.maximum(heads[:, at], 1e-300)
        rows = (np.arange(periods)[:, None] * width + flat).ravel()
        columns = (np.arange(periods)[:, None] * cells.lever.size + at).ravel()
        shape = (periods * width, periods * cells.lever.size)
        jacobian = problem.money @ csr_matrix((part.ravel(), (rows, columns)), shape=shape)
        if not self.bending:
            return csr_matrix(jacobian)
        room = problem.signs * (problem.limits - problem.counted(course)) / problem.row_units
        near = [r for r in self.bending if room[r] < NEAR]
        self._looked += 1
        new = sum(r not in self._seen for r in near)
        oldest = sorted(near, key=lambda r: (self._seen.get(r, -1), float(room[r])))[: max(new, MOST_FOLLOWED)]
        for r, slope in self.of(course, oldest).items():
            self._seen[r], self._slopes[r] = self._looked, slope.reshape(1, -1)
        jacobian = jacobian.tolil()
        for r in self.bending:
            jacobian[r] = self._slopes[r] if r in near else 0.0
        return csr_matrix(jacobian)

    def of(self, course: Course, rows: list[int]) -> dict[int, Floats]:
        """Return d(what each of these rules counts)/d(the plan's elements): those of other segments' money are 0."""
        together = self._together(rows)
        with ThreadPoolExecutor(2) as pool:
            slopes = list(pool.map(lambda each: course.slope(self.aim_of(each)), together))
        if not isinstance(course.plan, Money):
            slopes = [self.cells.sum(slope) for slope in slopes]
        found = {r: slope for members, slope in zip(together, slopes, strict=True) for r in members}
        return {r: np.where(self._reach(r)[0][self.cells.segment], slope, 0.0) for r, slope in found.items()}

    def _together(self, rows: list[int]) -> list[list[int]]:
        """Return rules in lists that one adjoint follows: no two of a list reach the same segment."""
        lists: list[list[int]] = []
        taken: list[Flags] = []
        for r in sorted(rows, key=lambda r: self._reach(r)[1]):
            reach, _ = self._reach(r)
            free = next((k for k, used in enumerate(taken) if not (used & reach).any()), None)
            if free is None:
                lists.append([r])
                taken.append(reach.copy())
            else:
                lists[free].append(r)
                taken[free] |= reach
        return lists

    def _reach(self, r: int) -> tuple[Flags, int]:
        """Return the segments whose money can move what a rule counts, and the last period that can."""
        if r not in self._reached:
            chain, aim = self.problem.chain, self.aim_of([r])
            counts = aim.reward.any(axis=0) | aim.people.any(axis=(0, 2)) | aim.money.any(axis=(0, 2, 3))
            counts |= chain.couples or aim.terminal != 0
            self._reached[r] = np.bincount(self._number, weights=counts) > 0, aim.last
        return self._reached[r]

    @cached_property
    def _number(self) -> Ints:
        segments = self.problem.targets.segments
        return np.array([list(dict.fromkeys(segments)).index(name) for name in segments])

    def aim_of(self, rows: list[int]) -> Aim:
        """Return what rules count together as an aim."""
        problem, aim = self.problem, self.problem.aim

        def count(matrix: csr_matrix, shape: tuple[int, ...]) -> Floats:
            return np.asarray(matrix[rows].sum(axis=0)).reshape(shape)

        return Aim(
            count(problem.earned, aim.reward.shape), -count(problem.money, aim.money.shape),
            count(problem.people, aim.people.shape), float(problem.after[rows].sum()),
        )  # fmt: skip
