"""Ranges of the differences of what is to come, and what they make of how worths bend: allowances by cell.

``bends``: what a worth may lie above straight lines for each unit of a span, :mod:`sim.engine.bends_kernels`.
"""

import numpy as np

from sim.engine.compile import inlined, inner
from sim.engine.satisfaction_kernels import entering

(
    UP, DOWN, EARN, LOSE, STAY_BENDS, LEAVE_BENDS, MORE_UP, MORE_DOWN, RISE_UP, RISE_DOWN, FALL_UP, FALL_DOWN, TIED,
    PARTS, APART, LEAVE_BENT, SPREAD, FELT, UNIT, UNIT_BELOW, ONE,
) = range(21)  # fmt: skip
"""Ranges of differences of what is to come, of what is below nothing the size.

Staying above leaving, at most and at least; a purchase more of who leaves, with its money; second differences below
nothing of who stays and of who leaves; a purchase more of anybody, without its money; a level more and one less; ties;
how much less a purchase more brings who stays than who leaves, and how much they differ; the size of second
differences; how levels differ by purchases; levels; a unit of money times the largest amount, and the same below
nothing; a unit."""
SPANS = 21


@inner
def spans_of_entry(kind, goes, after, entry, loss, unit, earned, served, out):
    """Fill the ranges of differences of what is to come for who is no customer."""
    out[:] = 0.0
    gained = after[goes[1]]
    low = high = 0.0
    if kind != 0:
        gained = 0.0
        for k in range(entry.size):
            gained += entry[k] * after[goes[entering(k)]]
        low, high = unit * (earned[0] - served), unit * (earned[1] - served)
        low, high = min(low, high), max(low, high)
    stays = after[goes[0]]
    if kind == 3:
        stays = loss * after[goes[2]] + (1.0 - loss) * stays
    out[UP], out[DOWN], out[UNIT] = max(gained + high - stays, 0.0), max(stays - gained - low, 0.0), abs(unit)


@inner
def spans_of(goes, after, kinds, unit, earned, served, larger, out):
    """Fill the ranges of differences of what is to come for the living, ``out[span]``.

    ``kinds``: numbers of purchases, of moves of satisfaction and of ties, whether some leave with a tie, whether every
    survivor buys once. ``earned[2]``: money of a purchase, a unit, at least and at most, times amounts ``larger[2]``,
    at least and at most; ``served``: cost to serve a purchase.
    """
    buys, moves, ties, away, renewal = kinds
    out[:] = 0.0
    low, high = np.inf, -np.inf
    for money in (earned[0], earned[1]):
        for times in (larger[0], larger[1]):
            low, high = min(low, unit * money * times), max(high, unit * money * times)
    low, high = low - unit * served, high - unit * served
    out[ONE], out[UNIT], out[UNIT_BELOW] = abs(unit), abs(unit) * larger[1], max(-unit, 0.0) * larger[1]
    if renewal:
        gone = after[goes[buys]]
        for j in range(ties):
            for k in range(moves):
                move = k + moves * j
                stays = after[goes[1 if move == 0 else buys * (move + 1) + 1]] - gone
                out[UP], out[DOWN] = max(out[UP], stays + high), max(out[DOWN], -stays - low)
    least_rise = least_fall = np.inf
    most_rise = most_fall = -np.inf
    first_least, first_most = low, high  # of who leaves
    both_least = both_most = 0.0  # of anybody, without money
    for n in range(buys):
        gone = after[goes[buys + n]]
        one = after[goes[buys + n + 1]] - gone if n + 1 < buys else 0.0
        bend = -one
        if n + 2 < buys:
            bend = after[goes[buys + n + 2]] - 2.0 * after[goes[buys + n + 1]] + gone
        first_least, first_most = min(first_least, one + low), max(first_most, one + high)
        both_least, both_most = min(both_least, one), max(both_most, one)
        out[LEAVE_BENDS], out[LEAVE_BENT] = max(out[LEAVE_BENDS], -bend), max(out[LEAVE_BENT], abs(bend))
        for k in range(moves):
            tied_low, tied_high = (gone, gone) if away else (np.inf, -np.inf)
            for j in range(ties):
                move = k + moves * j
                at = n if move == 0 else buys * (move + 1) + n
                here = after[goes[at]]
                tied_low, tied_high = min(tied_low, here), max(tied_high, here)
                next_one = after[goes[at + 1]] - here if n + 1 < buys else 0.0
                bent = -next_one
                if n + 2 < buys:
                    bent = after[goes[at + 2]] - 2.0 * after[goes[at + 1]] + here
                if not renewal:
                    out[UP], out[DOWN] = max(out[UP], here - gone), max(out[DOWN], gone - here)
                both_least, both_most = min(both_least, next_one), max(both_most, next_one)
                out[STAY_BENDS] = max(out[STAY_BENDS], -bent)
                out[PARTS], out[APART] = max(out[PARTS], one - next_one), max(out[APART], abs(next_one - one))
                if k > 0:
                    same = after[goes[n if j == 0 else buys * (moves * j + 1) + n]]
                    moved = here - same
                    if k == 1:
                        out[RISE_UP], out[RISE_DOWN] = max(out[RISE_UP], moved), max(out[RISE_DOWN], -moved)
                        least_rise, most_rise = min(least_rise, moved), max(most_rise, moved)
                    else:
                        out[FALL_UP], out[FALL_DOWN] = max(out[FALL_UP], moved), max(out[FALL_DOWN], -moved)
                        least_fall, most_fall = min(least_fall, moved), max(most_fall, moved)
            out[TIED] = max(out[TIED], tied_high - tied_low)
    out[EARN], out[LOSE] = max(first_most, 0.0), max(-first_least, 0.0)
    out[MORE_UP], out[MORE_DOWN] = max(both_most, 0.0), max(-both_least, 0.0)
    if away:
        out[STAY_BENDS] = max(out[STAY_BENDS], out[LEAVE_BENDS])
    if moves == 3:
        out[SPREAD] = most_rise - least_rise + most_fall - least_fall
        out[FELT] = max(out[RISE_UP], out[RISE_DOWN]) + max(out[FALL_UP], out[FALL_DOWN])


@inner
def allowances(grids, setup, step, bends, spans, most, extra):
    """Fill by the first point of each cell what the worth may lie above straight lines in it: the sum over dimensions.

    ``bends[dimension, cell, span]``; ``most``: room for the cells of a dimension.
    """
    points = grids.points[setup]
    for p in range(points):
        extra[p] = 0.0
    for i in range(grids.dimensions[setup]):
        cells, far = grids.size[setup, i] - 1, step[i]
        along(bends[i], spans, cells, most)
        for row in range(points // ((cells + 1) * far)):
            for k in range(cells):
                first = (row * (cells + 1) + k) * far
                for p in range(first, first + far):
                    extra[p] += most[k]


@inner
def allowances_at_points(grids, setup, step, bends, spans, most, extra):
    """Fill by point the most of :func:`allowances` in the cells around it."""
    points = grids.points[setup]
    for p in range(points):
        extra[p] = 0.0
    for i in range(grids.dimensions[setup]):
        cells, far = grids.size[setup, i] - 1, step[i]
        along(bends[i], spans, cells, most)
        for row in range(points // ((cells + 1) * far)):
            for k in range(cells + 1):
                first = (row * (cells + 1) + k) * far
                here = max(most[k] if k < cells else 0.0, most[k - 1] if k > 0 else 0.0)
                for p in range(first, first + far):
                    extra[p] += here


@inlined
def along(bends, spans, cells, most):
    """Fill by cell of a dimension what the worth may lie above straight lines along it."""
    for k in range(cells):
        total = 0.0
        for r in range(SPANS):
            total += bends[k, r] * spans[r]
        most[k] = total
