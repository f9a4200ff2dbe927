"""The states of the lifecycle and their links: what is true, what was observed, how a customer feels.

A state is what is true (unaware, prospect, alive, silently gone, lost for good) together with what was observed
(purchases up to `core`, silent periods up to `lapsed`) and, while alive, the level of satisfaction, the bond to the
firm (ties, categories) and the periods kept where the scenario has them. Who is won or returns has no ties, buys in one
category and begins to be kept.

Outcomes of an alive customer: ``bought`` purchases (the last class is "that many or more") and stays as satisfied and
tied as before; ``buys + bought``: leaves; ``(m + 1) buys + bought``: stays with move ``m`` of satisfaction and of
the bond.
Outcomes of those who are no customers: 0 nothing, 1 on to the next truth, 2 lost for good; who enters at a level of
satisfaction does so by outcome :func:`sim.engine.satisfaction_kernels.entering`.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.arrays import Floats, Ints
from sim.engine.chain import ALIVE, DEFECTED, LOST, PROSPECT, UNAWARE, StateSpace
from sim.engine.satisfaction_kernels import LEVELS, entering
from sim.errors import ScenarioError
from sim.scenario.file import CUSTOMER_STAGES, STAGES, Thresholds

__all__ = ["LEVELS", "MOVES", "by_feeling", "customers_by_level", "place", "state_index", "state_space"]

MOST_STATES = 20_000
"""States beyond which a market is too slow to be of use."""

MOVES = (0, 1, -1)
"""Moves of satisfaction by index: none, up, down."""

_TRUTHS = ((ALIVE, "alive"), (DEFECTED, "gone"), (LOST, "lost"))


def state_space(
    thresholds: Sequence[Thresholds],
    *,
    levels: bool = False,
    tied: Sequence[str] = (),
    after: Ints | None = None,
    seen: bool = False,
    steps: Sequence[Sequence[int]] = (),
) -> StateSpace:
    """Return the states and their links, with one row of stages per group's thresholds.

    Parameters
    ----------
    levels
        Whether alive customers have a level of satisfaction.
    tied, after
        Names of the bonds that they may have to the firm, and which each of the moves of a bond leads to, (bonds,
        moves); none: there are none.
    seen
        Whether leaving is observed: the gone are then `lapsed` at once.
    steps
        Periods kept from which each step of growth holds, by group; empty: nobody grows.

    Raises
    ------
    ScenarioError
        If there would be too many states.
    """
    counts = max(t.core for t in thresholds)
    silences = max(t.lapsed for t in thresholds) + 1
    buys = counts  # none, one, ...: from one purchase, counts - 1 more reach the lump, so more need not be told apart
    level_of = tuple(range(1, LEVELS + 1)) if levels else (0,)
    ties_of = tuple(range(len(tied))) if tied else (-1,)
    bound = np.zeros((1, 1), dtype=np.int64) - 1 if after is None else after
    oldest = max((after[-1] for after in steps if after), default=0)
    number_of_states = 2 + counts * silences * (len(level_of) * len(ties_of) * (oldest + 1) + 2)
    if number_of_states > MOST_STATES:
        growth = f"let growth end before {oldest} periods, " if oldest else ""
        raise ScenarioError(
            f"{number_of_states:,} states to tell customers apart, expected at most {MOST_STATES:,}; {growth}use "
            "longer periods, a lower `stages.core` or `stages.lapsed`, or leave out satisfaction, links or categories"
        )
    bond = dict(enumerate(tied))
    rows = [(UNAWARE, 0, 0, 0, -1, 0), (PROSPECT, 0, 0, 0, -1, 0)]
    for true, _ in _TRUTHS:
        own = [(0, -1, 0)]
        if true == ALIVE:
            own = [(k, j, a) for k in level_of for j in ties_of for a in range(oldest + 1)]
        rows += [(true, c, s, *each) for c in range(1, counts + 1) for s in range(silences) for each in own]
    kind, bought, silent, level, ties, kept = np.array(rows, dtype=np.int64).T
    names = ["unaware", "prospect"] + [
        _name(true, c, s, k, bond.get(j, ""), a if oldest and true == ALIVE else -1) for true, c, s, k, j, a in rows[2:]
    ]

    number_of = {row: state for state, row in enumerate(rows)}

    def at(true: int, count: int, silence: int, k: int = 0, j: int = -1, a: int = 0) -> int:
        return number_of[true, min(count, counts), min(silence, silences - 1), k, j, min(a, oldest)]

    untied = 0 if tied else -1
    feelings = len(MOVES) if levels else 1
    moves = feelings * bound.shape[1]
    successor = np.zeros((len(rows), buys * (moves + 1)), dtype=np.int64)
    for state, (true, count, silence, k, j, a) in enumerate(rows):
        if true == UNAWARE:
            successor[state], successor[state, 1] = 0, 1
        elif true == PROSPECT:
            successor[state] = 1
            for i, entered in enumerate(level_of):
                successor[state, entering(i)] = at(ALIVE, 1, 0, entered, untied)
        elif true == ALIVE:
            for n in range(buys):
                then = (count + n, 0 if n else silence + 1)
                successor[state, buys + n] = at(DEFECTED, *then)
                for m in range(moves):
                    dk = MOVES[m % len(MOVES)] if levels else 0
                    felt = (min(max(k + dk, 1), LEVELS) if levels else 0, int(bound[j, m // feelings]))
                    successor[state, (buys * (m + 1) if m else 0) + n] = at(ALIVE, *then, *felt, a + 1)
        else:
            successor[state] = at(true, count, silence + 1)
            if true == DEFECTED:
                for i, entered in enumerate(level_of):
                    successor[state, entering(i)] = at(ALIVE, count + 1, 0, entered, untied)
                successor[state, 2] = at(LOST, count, silence + 1)

    stage = np.array([[_stage(t, *row[:3], seen=seen) for row in rows] for t in thresholds], dtype=np.int64)
    ahead = len(STAGES) - len(CUSTOMER_STAGES)
    customer = range(ahead, len(STAGES))
    grown_of = range(1 + max(map(len, steps), default=0))
    laws = [(UNAWARE, 0, 0, -1, 0), (PROSPECT, 1, 0, -1, 0)]
    laws += [(ALIVE, s, k, j, g) for s in customer for k in level_of for j in ties_of for g in grown_of]
    laws += [(true, s, 0, -1, 0) for true in (DEFECTED, LOST) for s in customer]
    number = {law: i for i, law in enumerate(laws)}
    law = np.array(
        [
            [number[row[0], s, row[3], row[4], bisect_right(after, row[5])] for row, s in zip(rows, line, strict=True)]
            for line, after in zip(stage.tolist(), steps or [()] * len(thresholds), strict=True)
        ],
        dtype=np.int64,
    )
    law_kind, law_stage, law_level, law_ties, law_grown = np.ascontiguousarray(np.array(laws, dtype=np.int64).T)
    return StateSpace(
        names=tuple(names), kind=kind, stage=stage, law=law, law_stage=law_stage, law_kind=law_kind,
        successor=successor, bought=bought, silent=silent, level=level, ties=ties, law_level=law_level,
        law_ties=law_ties, kept=kept, law_grown=law_grown,
    )  # fmt: skip


def place(
    sizes: tuple[int, int, int, int, int], true: Ints, count: Ints, silence: Ints, level: Ints, ties: Ints, kept: Ints
) -> Ints:
    """Return the state of customers; ``sizes``: counts, silences, levels, ties, ages that are told apart (1: none).

    Purchases, silent periods and periods kept beyond the last class count as it.
    """
    counts, silences, levels, tie_classes, ages = sizes
    line = (np.minimum(count, counts) - 1) * silences + np.minimum(silence, silences - 1)
    felt = (line * levels + np.maximum(level - 1, 0)) * tie_classes + np.maximum(ties, 0)
    alive = felt * ages + np.minimum(kept, ages - 1)
    size = counts * silences
    gone = size * (levels * tie_classes * ages) + (true - DEFECTED) * size + line
    return np.asarray(2 + np.where(np.equal(true, ALIVE), alive, gone))


def state_index(
    space: StateSpace,
    true: Ints,
    count: Ints,
    silence: Ints,
    level: Ints | int = 0,
    ties: Ints | int = -1,
    kept: Ints | int = 0,
) -> Ints:
    """Return the state of customers.

    By truth (ALIVE, DEFECTED, LOST), purchases, silent periods, level, ties, periods kept.
    """
    sizes = (
        int(space.bought.max()),
        int(space.silent.max()) + 1,
        max(int(space.level.max()), 1),
        int(space.ties.max()) + 1 if (space.ties >= 0).any() else 1,
        int(space.kept.max()) + 1,
    )
    return place(sizes, *map(np.asarray, (true, count, silence, level, ties, kept)))


def by_feeling(space: StateSpace, alive: NDArray[Any], feelings: int) -> NDArray[Any]:
    """Return numbers of alive states, ``[..., state]``, by (purchases and silence, level and ties, periods kept)."""
    return alive.reshape(*alive.shape[:-1], -1, feelings, int(space.kept.max()) + 1)


def customers_by_level(space: StateSpace, counts: Floats | Ints, group: Ints, groups: int) -> Floats:
    """Return customers by (group, level of satisfaction) of ``counts[row, state]``; zeros where there are no levels."""
    out = np.zeros((groups, LEVELS))
    if space.has_levels:
        by_level = np.stack([counts[:, space.level == k].sum(axis=1) for k in range(1, LEVELS + 1)], axis=1)
        np.add.at(out, group, by_level)
    return out


def _name(true: int, count: int, silence: int, level: int, tied: str, kept: int) -> str:
    word = dict(_TRUTHS)[true]
    felt = (f", level {level}" if level else "") + (f", {tied}" if tied else "")
    return f"{word}, {count} bought, {silence} silent{felt}" + (f", {kept} kept" if kept >= 0 else "")


def _stage(thresholds: Thresholds, kind: int, count: int, silence: int, *, seen: bool) -> int:
    if kind in (UNAWARE, PROSPECT):
        return kind
    if silence >= thresholds.lapsed or (seen and kind in (DEFECTED, LOST)):
        name = "lapsed"
    elif silence >= thresholds.declining:
        name = "declining"
    elif count >= thresholds.core:
        name = "core"
    else:
        name = "new" if count == 1 else "developing"
    return STAGES.index(name)
