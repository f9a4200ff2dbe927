"""The states of the lifecycle and their links: what is true, what was observed, how a customer feels.

A state is what is true (unaware, prospect, alive, silently gone, lost for good) together with what was observed
(purchases up to `core`, silent periods up to `lapsed`) and, while alive, the level of satisfaction and the ties to
the firm where the scenario has them. Who is won or returns has no ties.

Outcomes of an alive customer: ``bought`` purchases (the last class is "that many or more") and stays as satisfied and
tied as before; ``buys + bought``: leaves; ``(m + 1) buys + bought``: stays with move ``m`` of satisfaction and ties.
Outcomes of those who are no customers: 0 nothing, 1 on to the next truth, 2 lost for good; who enters at a level of
satisfaction does so by outcome :func:`sim.engine.satisfaction_kernels.entering`.
"""

from collections.abc import Sequence

import numpy as np

from sim.arrays import Floats, Ints
from sim.engine.chain import ALIVE, DEFECTED, LOST, PROSPECT, UNAWARE, StateSpace
from sim.engine.satisfaction_kernels import LEVELS, entering
from sim.scenario.file import CUSTOMER_STAGES, STAGES, Thresholds

__all__ = ["LEVELS", "MOVES", "TIES", "customers_by_level", "place", "state_index", "state_space"]


TIES = 4
"""Ties 0..3."""
MOVES = (0, 1, -1)
"""Moves of satisfaction and of ties by index: none, up, down."""

_TRUTHS = ((ALIVE, "alive"), (DEFECTED, "gone"), (LOST, "lost"))


def state_space(
    thresholds: Sequence[Thresholds], *, levels: bool = False, ties: bool = False, seen: bool = False
) -> StateSpace:
    """Return the states and their links, with one row of stages per group's thresholds.

    Parameters
    ----------
    levels, ties
        Whether alive customers have a level of satisfaction and ties.
    seen
        Whether leaving is observed: the gone are then `lapsed` at once.
    """
    counts = max(t.core for t in thresholds)
    silences = max(t.lapsed for t in thresholds) + 1
    buys = counts  # none, one, ...: from one purchase, counts - 1 more reach the lump, so more need not be told apart
    level_of = tuple(range(1, LEVELS + 1)) if levels else (0,)
    ties_of = tuple(range(TIES)) if ties else (-1,)
    sizes = (counts, silences, len(level_of), len(ties_of))
    rows = [(UNAWARE, 0, 0, 0, -1), (PROSPECT, 0, 0, 0, -1)]
    for true, _ in _TRUTHS:
        feelings = [(k, j) for k in level_of for j in ties_of] if true == ALIVE else [(0, -1)]
        rows += [(true, c, s, k, j) for c in range(1, counts + 1) for s in range(silences) for k, j in feelings]
    kind, bought, silent, level, tied = np.array(rows, dtype=np.int64).T
    names = ["unaware", "prospect"] + [_name(*row) for row in rows[2:]]

    def at(true: int, count: int, silence: int, k: int = 0, j: int = -1) -> int:
        here = np.array([true, count, silence, k, j])
        return int(place(sizes, *here))

    untied = 0 if ties else -1
    moves = len(MOVES) ** (levels + ties)
    successor = np.zeros((len(rows), buys * (moves + 1)), dtype=np.int64)
    for state, (true, count, silence, k, j) in enumerate(rows):
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
                    dj = MOVES[m // len(MOVES) if levels else m] if ties else 0
                    felt = (min(max(k + dk, 1), LEVELS) if levels else 0, min(max(j + dj, 0), TIES - 1) if ties else -1)
                    successor[state, (buys * (m + 1) if m else 0) + n] = at(ALIVE, *then, *felt)
        else:
            successor[state] = at(true, count, silence + 1)
            if true == DEFECTED:
                for i, entered in enumerate(level_of):
                    successor[state, entering(i)] = at(ALIVE, count + 1, 0, entered, untied)
                successor[state, 2] = at(LOST, count, silence + 1)

    stage = np.array([[_stage(t, *row[:3], seen=seen) for row in rows] for t in thresholds], dtype=np.int64)
    ahead = len(STAGES) - len(CUSTOMER_STAGES)
    customer = range(ahead, len(STAGES))
    laws = [(UNAWARE, 0, 0, -1), (PROSPECT, 1, 0, -1)]
    laws += [(ALIVE, s, k, j) for s in customer for k in level_of for j in ties_of]
    laws += [(true, s, 0, -1) for true in (DEFECTED, LOST) for s in customer]
    number = {law: i for i, law in enumerate(laws)}
    law = np.array(
        [[number[row[0], s, row[3], row[4]] for row, s in zip(rows, line, strict=True)] for line in stage.tolist()],
        dtype=np.int64,
    )
    law_kind, law_stage, law_level, law_ties = np.array(laws, dtype=np.int64).T
    return StateSpace(
        names=tuple(names), kind=kind, stage=stage, law=law, law_stage=law_stage, law_kind=law_kind,
        successor=successor, bought=bought, silent=silent, level=level, ties=tied, law_level=law_level,
        law_ties=law_ties,
    )  # fmt: skip


def place(sizes: tuple[int, int, int, int], true: Ints, count: Ints, silence: Ints, level: Ints, ties: Ints) -> Ints:
    """Return the state of customers; ``sizes``: counts, silences, levels, ties that are told apart (1: none).

    Purchases and silent periods beyond the last class count as it.
    """
    counts, silences, levels, tie_classes = sizes
    line = (np.minimum(count, counts) - 1) * silences + np.minimum(silence, silences - 1)
    alive = line * (levels * tie_classes) + np.maximum(level - 1, 0) * tie_classes + np.maximum(ties, 0)
    size = counts * silences
    gone = size * (levels * tie_classes) + (true - DEFECTED) * size + line
    return np.asarray(2 + np.where(np.equal(true, ALIVE), alive, gone))


def state_index(
    space: StateSpace, true: Ints, count: Ints, silence: Ints, level: Ints | int = 0, ties: Ints | int = -1
) -> Ints:
    """Return the state of customers by truth (ALIVE, DEFECTED, LOST), purchases, silent periods, level and ties."""
    sizes = (
        int(space.bought.max()),
        int(space.silent.max()) + 1,
        max(int(space.level.max()), 1),
        int(space.ties.max()) + 1 if (space.ties >= 0).any() else 1,
    )
    return place(sizes, np.asarray(true), np.asarray(count), np.asarray(silence), np.asarray(level), np.asarray(ties))


def customers_by_level(space: StateSpace, counts: Floats | Ints, group: Ints, groups: int) -> Floats:
    """Return customers by (group, level of satisfaction) of ``counts[row, state]``; zeros where there are no levels."""
    out = np.zeros((groups, LEVELS))
    if space.has_levels:
        by_level = np.stack([counts[:, space.level == k].sum(axis=1) for k in range(1, LEVELS + 1)], axis=1)
        np.add.at(out, group, by_level)
    return out


def _name(true: int, count: int, silence: int, level: int, ties: int) -> str:
    word = dict(_TRUTHS)[true]
    felt = (f", level {level}" if level else "") + (f", {ties} ties" if ties >= 0 else "")
    return f"{word}, {count} bought, {silence} silent{felt}"


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
