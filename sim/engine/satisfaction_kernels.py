"""The chance that satisfaction falls, a customer's own: today's spend leaves the mix as it is though the unhappy leave.

A customer who leaves at rate ``x`` while satisfied as in the mean stays at level ``j`` with ``s_j = exp(-x e_j)``,
``e_j`` the level's factor. With the mix ``m``, those who stay are spread as ``q_j = m_j s_j/sum(m s)``; their cumulated
shares ``Q`` lie below those of the mix, ``M``. Chances of a rise are Metropolis'; a fall brings back what is missing:

``down[k + 1] = (M_k - Q_k + q_k up[k])/q_{k + 1}``, at most ``1 - up[k + 1]``.

So a closed cohort of any one ``x`` keeps its mix, and with entrants drawn from the mix so does any population. Where
all levels leave alike this is Metropolis' rule.
"""

import math
from typing import NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.engine.compile import inlined, kernel
from sim.engine.draw_kernels import WORDS, words_below

__all__ = [
    "BINS",
    "LEVELS",
    "WIDTH",
    "Falls",
    "Levels",
    "chances_of_level",
    "entering",
    "fall_bounds",
    "falls_from",
    "falls_within",
    "own_fall",
]

LEVELS = 5
"""Levels of satisfaction, 1..5."""

BINS, WIDTH = 64, 1 / 32
"""Leaving rates ``x`` below ``BINS WIDTH`` are told apart in bins; who leaves faster is worked out one by one."""


ROUNDING = 1e-12
"""What bounds keep clear of the chances themselves."""


class Levels(NamedTuple):
    """What a level says, by level 1..5 (index 0: none stated): share of the mix, moves up and down, leaving.

    ``mix[level]``; ``moves[level, 2]`` by Metropolis' rule; ``leaving[level]``: factor on the defection rate.
    """

    mix: Floats
    moves: Floats
    leaving: Floats


class Falls(NamedTuple):
    """How agents find out whether satisfaction falls without working out everybody's own chance.

    ``sorting``: whether levels leave at different rates at all; ``level``, ``ties`` by law: the level, and what ties
    multiply the defection rate by; ``chord``, ``bend`` by (level, bin of ``x``): the chance, unshifted, is that near to
    the straight line between ``chord`` here and in the next bin;
    ``flat + steep x`` by level is never below it; ``entry``: cumulated shares of levels among those who enter.
    """

    sorting: bool
    level: Ints
    ties: Floats
    levels: Levels
    chord: Floats
    bend: Floats
    flat: Floats
    steep: Floats
    entry: Floats


@inlined
def entering(place: int) -> int:
    """Return the outcome by which somebody enters at a level, counted from 0; without levels there is one place, 0."""
    return 1 if place == 0 else place + 2


@inlined
def chances_of_level(level: int, up: float, down: float, shift: float) -> tuple[float, float]:
    """Return the chances that satisfaction rises and falls: ``clip(up + shift, 0, 1)``, ``clip(down - shift, 0, 1)``.

    None beyond the ends.
    """
    rises = min(max(up + shift, 0.0), 1.0) if level < LEVELS else 0.0
    falls = min(max(down - shift, 0.0), 1.0) if level > 1 else 0.0
    return rises, falls


@inlined
def falls_from(level, down, shift):
    """Return the word from which on a draw means that satisfaction falls."""
    return words_below(1.0 - chances_of_level(level, 0.0, down, shift)[1])


@kernel
def own_fall(level, x, levels):
    """Return the unshifted chance that a customer's satisfaction falls; ``x``: rate of leaving at the mean level."""
    mix, leaving, usual = levels.mix, levels.leaving, levels.moves[level, 1]
    if usual == 0.0 or mix[level] == 0.0 or x * (leaving[1] - leaving[-1]) == 0.0:
        return usual
    everybody = below = share = stay = 0.0
    for j in range(1, mix.size):
        stay = mix[j] * math.exp(min(x * (leaving[level] - leaving[j]), 700.0))
        everybody += stay
        if j < level:
            below += stay
            share += mix[j]
            least = stay
    needed = (share * everybody - below + levels.moves[level - 1, 0] * least) / mix[level]
    return min(max(needed, 0.0), 1.0 - levels.moves[level, 0])


@kernel
def fall_bounds(levels, chord, bend):
    """Fill ``chord[level, bin]``, :func:`own_fall` where each bin begins, and ``bend``: how far from the chord it is.

    The chance is a sum of ``c_j exp(x d_j)``: in a bin it is off the straight line between its values at the ends by at
    most ``WIDTH^2/8`` times ``sum(|c_j| d_j^2 exp(x d_j))``; where it is cut in the bin, by their difference more. The
    last bin holds whoever leaves faster.
    """
    mix, leaving = levels.mix, levels.leaving
    for level in range(1, mix.size):
        for b in range(BINS + 1):
            chord[level, b] = own_fall(level, b * WIDTH, levels)
        chord[level, BINS + 1] = chord[level, BINS]
        for b in range(BINS):
            curved = 0.0
            for j in range(1, mix.size):
                d = leaving[level] - leaving[j]
                most = math.exp(min(max(b * WIDTH * d, (b + 1) * WIDTH * d), 700.0))
                curved += 2.0 * mix[j] * d * d * most / max(mix[level], 1e-300)
            off = min(curved * WIDTH * WIDTH / 8.0 + ROUNDING, 1.0)
            low, high = min(chord[level, b], chord[level, b + 1]), max(chord[level, b], chord[level, b + 1])
            if low <= off or high + off >= 1.0 - levels.moves[level, 0]:
                off += high - low
            bend[level, b] = off
        bend[level, BINS] = 1.0


@inlined
def falls_within(word, x, level, shift, chord, bend, levels):
    """Return whether satisfaction falls: from the chords where they tell, else from the customer's own chance."""
    place = x * (1.0 / WIDTH)
    b = np.int64(min(place, float(BINS)))
    spare = chord[level, b] + (place - b) * (chord[level, b + 1] - chord[level, b])
    spare += (float(word) + 0.5) * (1.0 / WORDS) - 1.0 - shift
    if abs(spare) > bend[level, b]:
        return spare > 0.0
    return word >= falls_from(level, own_fall(level, x, levels), shift)
