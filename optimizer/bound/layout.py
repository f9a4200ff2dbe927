"""A problem's odds in the order in which the dynamic programmes read them.

Three things that most states share are stated once:

- joint actions that differ only in levers without effect on a law have the same odds: one *row*, of which only the
  cheapest action can be best;
- whatever the silence so far, a purchase leads to the same states: states of a law that share these *far* outcomes are
  a *family*, for which their worth is summed once; only the *near* outcomes are the states' own;
- outcomes without odds are left out.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from optimizer.ask.problem import AllocationProblem
from optimizer.bound.decomposition_kernels import Families, Reading
from sim.arrays import Flags, Floats, Ints
from sim.engine.chain import ControlledChain, StateSpace

__all__ = ["Layout", "families_of", "reached_states"]


FOUR = 4
"""Near outcomes are summed by fours; their number is rounded up with outcomes of no odds."""


@dataclass(frozen=True, eq=False)
class Layout:
    """States in families, actions in rows, odds by outcome and row.

    Attributes
    ----------
    happens : (laws, outcomes)
        Which outcomes some action gives odds to.
    rows : (groups, laws)
        How many rows there are.
    row_of : (groups, laws, actions)
        The row of each action; -1 where it is not to choose.
    families : (groups,)
        How many families there are.
    family_law : (groups, families)
    family_start : (groups, families + 1)
        Where each family's states begin in ``order``.
    order : (groups, states)
        States by family, families by law.
    far, near : (laws,)
        How many outcomes of each kind there are.
    far_outcome, near_outcome : (laws, most)
        Which ones; padded.
    far_next : (groups, families, most)
        Where a family's far outcomes lead.
    near_next : (groups, states, most)
        Where a state's near outcomes lead.
    far_odds, near_odds : (regimes, blocks, laws, most, rows)
    reward : (regimes, blocks, laws, rows)
    """

    happens: Flags
    rows: Ints
    row_of: Ints
    families: Ints
    family_law: Ints
    family_start: Ints
    order: Ints
    far: Ints
    near: Ints
    far_outcome: Ints
    near_outcome: Ints
    far_next: Ints
    near_next: Ints
    far_odds: Floats
    near_odds: Floats
    reward: Floats

    def read(self, regime: Ints) -> Reading:
        """Return what the kernels read of it."""
        return Reading(
            self.rows, self.row_of, self.families, self.family_law, self.family_start, self.order, self.far, self.near,
            self.far_next, self.near_next, regime, self.far_odds, self.near_odds, self.reward,
        )  # fmt: skip

    def of_outcomes(self, odds: Floats) -> tuple[Floats, Floats]:
        """Return ``odds[..., law, outcome]`` of (far, near) outcomes."""
        lines = np.arange(len(self.far))[:, None]
        is_near = np.arange(self.near_outcome.shape[1]) < self.happens.sum(axis=1)[:, None] - self.far[:, None]
        far, near = odds[..., lines, self.far_outcome], odds[..., lines, self.near_outcome]
        return np.ascontiguousarray(far), np.ascontiguousarray(np.where(is_near, near, 0.0))

    @classmethod
    def of(cls, problem: AllocationProblem, happens: Flags) -> Self:
        """Return the layout of a problem; ``happens[law, outcome]``: which outcomes are to be told apart."""
        chain = problem.chain
        rows, row_of, first_of = _rows(problem)
        far, far_outcome, near, near_outcome = _far_and_near(chain.space, happens, FOUR)
        families, family_law, family_start, order, far_next = _families(chain.space, far, far_outcome)
        successor = chain.space.successor
        near_next = successor[np.arange(successor.shape[0])[:, None], near_outcome[chain.space.law]]
        padding = np.arange(near_outcome.shape[1]) >= near[:, None]
        near_next = np.where(padding[chain.space.law], 0, near_next)
        most = int(rows.max())
        shape = (*problem.probability.shape[:3], most)
        far_odds = np.zeros((*shape[:3], far_outcome.shape[1], most))
        near_odds = np.zeros((*shape[:3], near_outcome.shape[1], most))
        reward = np.zeros(shape)
        for b, g in enumerate(chain.group):
            for line, actions in enumerate(first_of[g]):
                odds = problem.probability[:, b, line, actions].transpose(0, 2, 1)  # by outcome and row
                a, n, m = len(actions), far[line], near[line]
                far_odds[:, b, line, :n, :a] = odds[:, far_outcome[line, :n]]
                near_odds[:, b, line, :m, :a] = odds[:, near_outcome[line, :m]]
                reward[:, b, line, :a] = problem.reward[:, b, line, actions]
        return cls(
            happens, rows, row_of, families, family_law, family_start, order, far, -(-near // FOUR) * FOUR,
            far_outcome, near_outcome, far_next, np.ascontiguousarray(near_next), far_odds, near_odds, reward,
        )  # fmt: skip


def _rows(problem: AllocationProblem) -> tuple[Ints, Ints, list[list[Ints]]]:
    """Return how many distinct odds and rewards each (group, law) has, which are whose, and the first of each."""
    chain = problem.chain
    groups, _, most, _ = problem.actions.shape
    laws = chain.space.law_kind.size
    rows, row_of = np.ones((groups, laws), dtype=np.int64), np.full((groups, laws, most), -1, dtype=np.int64)
    first_of: list[list[Ints]] = []
    for g in range(groups):
        blocks = chain.group == g
        odds, earned = problem.probability[:, blocks], problem.reward[:, blocks]
        first_of.append([])
        for line in range(laws):
            number = int(problem.choices[g, chain.space.law_stage[line]])
            seen: dict[bytes, int] = {}
            for a in range(number):
                key = odds[:, :, line, a].tobytes() + earned[:, :, line, a].tobytes()
                row_of[g, line, a] = seen.setdefault(key, len(seen))
            rows[g, line] = len(seen)
            first_of[g].append(np.unique(row_of[g, line, :number], return_index=True)[1])
    return rows, row_of, first_of


def families_of(space: StateSpace, happens: Flags) -> Families:
    """Return the states of every group in families."""
    far, far_outcome, near, near_outcome = _far_and_near(space, happens, 1)
    return Families(*_families(space, far, far_outcome), far, near, far_outcome, near_outcome)


def reached_states(chain: ControlledChain, happens: Flags) -> Flags:
    """Return where somebody may be, (periods, groups, states); ``happens[law, outcome]``."""
    start = np.searchsorted(chain.group, np.arange(chain.targets.shape[0]))
    comes = np.concatenate([chain.initial[None], chain.arrivals[:-1]]) > 0
    reached = np.logical_or.reduceat(comes, start, axis=1)
    goes = happens[chain.space.law]
    for t in range(1, chain.periods):
        group, state, outcome = np.nonzero(goes & reached[t - 1][..., None])
        reached[t, group, chain.space.successor[state, outcome]] = True
    return reached


def _far_and_near(space: StateSpace, happens: Flags, multiple: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Return how many far outcomes laws have and which, and the near ones, padded to a multiple."""
    is_far = happens & _shared(space, happens)
    return *_listed(is_far, 1), *_listed(happens & ~is_far, multiple)


def _shared(space: StateSpace, happens: Flags) -> Flags:
    """Return which outcomes lead at most half as many ways as a law has states, (laws, outcomes)."""
    shared = np.zeros_like(happens)
    for line, outcome in np.argwhere(happens):
        under = (space.law == line).any(axis=0)
        shared[line, outcome] = 2 * np.unique(space.successor[under, outcome]).size <= under.sum()
    return shared


def _listed(flags: Flags, multiple: int) -> tuple[Ints, Ints]:
    """Return how many flags are set in each line, and their places first; the width is a multiple."""
    number = flags.sum(axis=1)
    width = max(-(-int(number.max(initial=0)) // multiple), 1) * multiple
    places = np.zeros((len(flags), width), dtype=np.int64)
    for line, flagged in enumerate(flags):
        places[line, : number[line]] = np.flatnonzero(flagged)
    return number, places


def _families(space: StateSpace, far: Ints, far_outcome: Ints) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Return the families of each group: how many, their laws, where they start, their states, where they lead."""
    groups, states = space.law.shape
    used = np.arange(far_outcome.shape[1]) < far[:, None]
    found = []
    for law in space.law:
        leads = np.where(used[law], np.take_along_axis(space.successor, far_outcome[law], axis=1), 0)
        distinct, whose = np.unique(np.column_stack([law, leads]), axis=0, return_inverse=True)
        whose = whose.reshape(-1)
        start = np.concatenate([[0], np.cumsum(np.bincount(whose))])
        found.append((distinct, start, np.argsort(whose, kind="stable")))
    most = max(len(distinct) for distinct, _, _ in found)
    families = np.array([len(distinct) for distinct, _, _ in found])
    family_law = np.zeros((groups, most), dtype=np.int64)
    family_start = np.full((groups, most + 1), states, dtype=np.int64)
    far_next = np.zeros((groups, most, far_outcome.shape[1]), dtype=np.int64)
    for g, (distinct, start, _) in enumerate(found):
        family_law[g, : len(distinct)] = distinct[:, 0]
        family_start[g, : len(start)] = start
        far_next[g, : len(distinct)] = distinct[:, 1:]
    return families, family_law, family_start, np.array([order for _, _, order in found]), far_next
