"""The moves of what binds customers to the firm, ties and categories, as :mod:`sim.engine.bonds` has them."""

from typing import Any, NamedTuple

import numpy as np

from sim.arrays import Flags, Floats, Ints
from sim.engine.compile import inlined, inner

__all__ = ["Bonds", "chances_of_kind", "loss_of", "moves_of_bonds", "room_for_moves"]


class Bonds(NamedTuple):
    """What a scenario's customers may hold, for kernels.

    Attributes
    ----------
    held : (bonds, kinds)
        How many of each a bond stands for.
    alone : (bonds,)
        Whether there is just one tie.
    after : (bonds, moves)
        The bond that each move leads to.
    move : (moves, kinds)
        What a move does with each: 0 nothing, 1 one more, 2 one fewer; of what is held or not, 1 either.
    step : (kinds, 2)
        By how much one more and one fewer of each raise the number of the move.
    most : (kinds,)
        The most of each.
    gain_of, loss_of : (kinds,)
        Columns of effects: the chance of one more, and of each to be lost.
    gain, loss : (kinds, stages)
        These at the reference; the loss of ties before what the market adds.
    tie : (kinds,)
        Whether it is a tie, lost with the employee.
    follow : (kinds,)
        Chance to leave with the only tie.
    kept : float
        Chance that the firm keeps the tie of an employee who leaves.
    effects : (bonds + 1, 3)
        What is multiplied: defection rate, purchase rate, amount; the last for those who hold nothing ever.
    reward : (bonds + 1,)
        Money that a customer costs a period.
    """

    held: Ints
    alone: Flags
    after: Ints
    move: Ints
    step: Ints
    most: Ints
    gain_of: Ints
    loss_of: Ints
    gain: Floats
    loss: Floats
    tie: Flags
    follow: Floats
    kept: float
    effects: Floats
    reward: Floats


@inlined
def chances_of_kind(bonds: Any, bond: Any, kind: Any, gain: Any, loss: Any) -> tuple[Any, Any, Any, Any]:
    """Return the chances that none is lost and that one is, of leaving with it, and of one more if none is lost."""
    held = bonds.held[bond, kind]
    keep = (1.0 - loss) ** held
    away = bonds.follow[kind] if held == 1 and bonds.alone[bond] else 0.0
    return keep, 1.0 - keep, away, gain if held < bonds.most[kind] else 0.0


@inlined
def loss_of(bonds: Any, kind: Any, stage: Any, turnover: Any, leavers: Any, kept: Any) -> Any:
    """Return the chance of each of a kind to be lost; of ties times ``leavers``, and ``turnover`` is added to it."""
    if not bonds.tie[kind]:
        return bonds.loss[kind, stage]
    return min(bonds.loss[kind, stage] * leavers + turnover, 1.0) * (1.0 - kept)


@inlined
def room_for_moves(bonds):
    """Return room for the odds of a bond's moves, where nothing binds those of the only one, and for what is with them.

    Derivatives by gain and by loss, and what they are made of.
    """
    moves, kinds = bonds.move.shape
    odds = np.zeros(moves + 1)
    odds[0] = 1.0
    return odds, np.zeros((kinds, moves + 1)), np.zeros((kinds, moves + 1)), np.zeros((3, kinds, 4))


@inner
def moves_of_bonds(bonds, bond, effects, out, by_gain, by_loss, each):
    """Fill the odds of the moves of a bond, and last of leaving with the only tie, and their derivatives.

    ``out[moves + 1]``; ``by_gain`` and ``by_loss``, (kinds, moves + 1); ``each``, (3, kinds, 4): room.
    """
    moves, kinds = bonds.move.shape
    out[moves] = 0.0
    for k in range(kinds):
        held, loss = bonds.held[bond, k], effects[bonds.loss_of[k]]
        keep, lose, away, more = chances_of_kind(bonds, bond, k, effects[bonds.gain_of[k]], loss)
        by_lose = held * (1.0 - loss) ** (held - 1) if held > 0 else 0.0
        grows = keep if held < bonds.most[k] else 0.0
        each[0, k, 0], each[0, k, 1], each[0, k, 2] = keep * (1.0 - more), keep * more, lose * (1.0 - away)
        each[1, k, 0], each[1, k, 1], each[1, k, 2] = -grows, grows, 0.0
        each[2, k, 0], each[2, k, 1] = -by_lose * (1.0 - more), -by_lose * more
        each[2, k, 2] = by_lose * (1.0 - away)
        if bonds.most[k] == 1:
            for i in range(3):
                each[i, k, 1] += each[i, k, 2]
        out[moves] += lose * away
        by_gain[k, moves], by_loss[k, moves] = 0.0, by_lose * away
    for m in range(moves):
        out[m] = 1.0
        for k in range(kinds):
            out[m] *= each[0, k, bonds.move[m, k]]
            others = 1.0
            for other in range(kinds):
                if other != k:
                    others *= each[0, other, bonds.move[m, other]]
            by_gain[k, m] = others * each[1, k, bonds.move[m, k]]
            by_loss[k, m] = others * each[2, k, bonds.move[m, k]]
