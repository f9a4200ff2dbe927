"""How far the worth of a period can lie above straight lines between the points of a grid.

A bound, given samples of the curves of levers that move several things (:func:`sim.engine.bends.off_lines`).

With ``m`` the rate of leaving, ``l`` that of purchases, ``s = e^-m``, ``Y_n`` what staying with ``n`` purchases is
worth (the mean over moves of satisfaction and of ties), ``L_n`` what leaving with them is worth, ``N(x)`` Poisson of
mean ``x``, and ``e`` the money that a purchase earns, the worth of a living customer is

``W = L_0 + s E[(Y - L)_N(l)] + l integral over [0, 1] of e^(-m t) E[L_(N+1) - L_N + e] at N(l t)``.

*One dimension of the grid.* The others lie anywhere. Along survival ``e^(-m t)`` lies above its chord where it bends
down only: of ``v^c`` by at most ``c (1 - c) v^(c - 2) h^2/8``, in the logarithm of ``m`` by ``m (1 - m) e^-m h^2/8``.
Along ``l`` the worth bends as ``s E[Y'']`` and the integral of ``m t^2 e^(-m t) E[L'']``, with second differences for
``''``. Chances of satisfaction and ties are straight between the places where they reach 0 or 1; there they leave a
chord by up to a quarter of the way. Where curves of one lever lead through a cell off the straight line, their largest
distance from it, times the slope of the worth, is added; what purchases earn is measured along the way itself.

*A lever that moves several things.* The worth at ``(u, ..., u)`` of the product of straight lines over the box that a
cell spans lies above the line between its ends by at most a quarter of the negative mixed differences, pair by pair.

*A cell* lies above the product of straight lines between its corners by at most the sum over its dimensions. Every
coefficient depends on odds alone; what is to come enters by the ranges of its differences
(:mod:`sim.engine.bend_spans_kernels`).
"""

import math
from typing import NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.engine.bend_spans_kernels import (
    APART,
    DOWN,
    EARN,
    FALL_DOWN,
    FALL_UP,
    FELT,
    LEAVE_BENDS,
    LEAVE_BENT,
    LOSE,
    MORE_DOWN,
    MORE_UP,
    ONE,
    PARTS,
    RISE_DOWN,
    RISE_UP,
    SPANS,
    SPREAD,
    STAY_BENDS,
    TIED,
    UNIT,
    UNIT_BELOW,
    UP,
)
from sim.engine.compile import inlined, inner, kernel
from sim.engine.routes import (
    TO_AWARE,
    TO_DEFECTION,
    TO_LEAVERS,
    TO_RATE,
    TO_RIVALS,
    TO_SATISFIED,
    TO_SPREAD,
    TO_TURNOVER,
    TO_WON,
)
from sim.engine.satisfaction_kernels import LEVELS

(
    KIND, LEAVES, LEAVES_LESS, STAYS_LOW, STAYS_HIGH, RATE, MORE, RATE_LOW, RATE_HIGH, UTILITY, UTILITY_OFF, SHIFT,
    SHIFTED, SHIFT_LOW, SHIFT_HIGH, TIES, TIES_OFF, KEPT, KEPT_OFF, GOES, GOES_TO, GOES_LOW, GOES_HIGH, AMOUNT, LARGER,
    AMOUNT_OFF, EARNED_LOW, EARNED_HIGH, PRICED, PRICED_LOW, PRICED_HIGH, PRICE, PRICE_OFF, CUT_OFF, MONEY_OFF, SEVERAL,
    AWARE, AWARE_TO, AWARE_OFF, WON, WON_TO, WON_OFF, BACK, BACK_TO, BACK_OFF,
) = range(45)  # fmt: skip
"""What is known of a cell of a dimension: in what survival is straight there (:data:`SHARE`, :data:`LOGARITHM`, 0: not
moved), defection multipliers at its ends, and how far the path lies below and above the straight line; then the rates,
and so on; sizes of changes where only these matter."""
PATHS = 45
SHARE, LOGARITHM = 1.0, 2.0

PIECES = 4
"""In which the time until leaving is divided."""
PEAK, DIP = 0.3819660112501051, 2.618033988749895
"""Where ``m (1 - m) e^-m`` is largest and least."""
FLATTEST = 0.0962250448649377
"""Largest second derivative of the logistic curve."""


class Bends(NamedTuple):
    """How far worths of a group's blocks may lie above straight lines between the points of a grid.

    ``above[regime, block, law, dimension, cell, span]``: for each unit of a span; ``money[regime, block, law, 2]``:
    least and most money of a purchase; ``kinds``: as :func:`~sim.engine.bend_spans_kernels.spans_of` takes them;
    ``kind[law]``, ``entry``, ``loss``, ``served[block]``: as in :mod:`sim.engine.lifecycle_kernels`.
    """

    above: Floats
    money: Floats
    kinds: Ints
    kind: Ints
    entry: Floats
    loss: float
    served: Floats


_NONE = np.zeros(1, dtype=np.int64)
NO_BENDS = Bends(
    np.zeros((1, 1, 1, 1, 1, SPANS)), np.zeros((1, 1, 1, 2)), np.zeros(5, dtype=np.int64), _NONE, np.ones(1), 0.0,
    np.zeros(1),
)  # fmt: skip
"""Of points between which nothing lies."""


@inner
def _above_by_share(low, high, a, b, off):
    """Return how far ``v^c`` can lie above its chord from ``a`` to ``b``, ``low <= c <= high``; the path ``off`` it."""
    slope = high * max(a ** (low - 1.0), 1.0) if low < 1.0 else high
    out = min(slope * off, 1.0)
    if low < 1.0:
        top = min(high, 1.0)
        bend = 0.25 if low <= 0.5 <= top else max(low * (1.0 - low), top * (1.0 - top))
        out += min(bend * a ** (low - 2.0) * (b - a) ** 2 / 8.0, b**low - a**top)
    return out


@inner
def _below_by_share(low, high, a, b, off):
    """Return how far it can lie below."""
    slope = high * max(a ** (low - 1.0), 1.0) if low < 1.0 else high
    out = min(slope * off, 1.0)
    if high > 1.0:
        least = max(low, 1.0)
        steep = a ** (least - 2.0) if least < 2.0 else b ** (least - 2.0)
        out += min(high * (high - 1.0) * steep * (b - a) ** 2 / 8.0, b**least)
    return out


@inner
def _above_by_logarithm(least, most, way, off):
    """Return how far ``e^-m`` can lie above its chord in ``-log m``, ``least <= m <= most`` over a ``way``."""
    at = min(max(PEAK, least), most)
    place = min(max(1.0, least), most)
    out = min(place * math.exp(-place) * off, 1.0)
    return out + min(max(at * (1.0 - at), 0.0) * math.exp(-at) * way**2 / 8.0, math.exp(-least) - math.exp(-most))


@inner
def _below_by_logarithm(least, most, way, off):
    """Return how far it can lie below."""
    at = min(max(DIP, least), most)
    place = min(max(1.0, least), most)
    out = min(place * math.exp(-place) * off, 1.0)
    return out + min(max(at * (at - 1.0), 0.0) * math.exp(-at) * way**2 / 8.0, math.exp(-least) - math.exp(-most))


@inner
def survival_bends(cell, slow, fast, usual, out):
    """Fill how far ``e^(-m t)`` lies above and below its chord at ``t = 1``, and in the mean over times up to 1.

    ``m`` is the cell's multiplier times anything from ``slow`` to ``fast``; survival at the ``usual`` rate is straight.
    """
    out[:] = 0.0
    more, less = cell[LEAVES], cell[LEAVES_LESS]
    low, high = max(-cell[STAYS_LOW], 0.0), max(cell[STAYS_HIGH], 0.0)
    if cell[KIND] == SHARE:
        a, b = math.exp(-usual * more), math.exp(-usual * less)
        out[0] = _above_by_share(slow / usual, fast / usual, a, b, high)
        out[1] = _below_by_share(slow / usual, fast / usual, a, b, low)
        for k in range(PIECES):
            c, d = slow / usual * k / PIECES, fast / usual * (k + 1) / PIECES
            out[2] += _above_by_share(c, d, a, b, high) / PIECES
            out[3] += _below_by_share(c, d, a, b, low) / PIECES
    elif cell[KIND] == LOGARITHM and less > 0.0:
        way = math.log(more / less)
        out[0] = _above_by_logarithm(slow * less, fast * more, way, high)
        out[1] = _below_by_logarithm(slow * less, fast * more, way, low)
        for k in range(PIECES):
            c, d = slow * less * k / PIECES, fast * more * (k + 1) / PIECES
            out[2] += _above_by_logarithm(c, d, way, high) / PIECES
            out[3] += _below_by_logarithm(c, d, way, low) / PIECES


@inlined
def _mean_stay(m):
    """Return the integral of ``e^(-m t)`` over a period."""
    return -math.expm1(-m) / m if m > 1e-8 else 1.0


@inner
def _kink(place, others_low, others_high, start, end):
    """Return how far a line that bends by one at ``place`` leaves its chord from ``start`` to ``end``, others added."""
    way = end - start
    if way == 0.0:
        return 0.0
    one, other = (place - others_high - start) / way, (place - others_low - start) / way
    low, high = min(one, other), max(one, other)
    if high <= 0.0 or low >= 1.0:
        return 0.0
    at = min(max(0.5, low), high)
    return abs(way) * max(at * (1.0 - at), 0.0)


@inner
def fill_bends(b, line, laws, traits, feelings, paths, setup, grids, met, ours_today, looked, out, each):
    """Fill ``out[dimension, cell, span]``, what a worth may lie above lines for each unit of a span; and ``each``.

    ``each[2]``: least and most money of a purchase, a unit, before cost to serve; ``looked[2]``: least and most shift
    of satisfaction that comes on top. ``paths[setup, dimension, cell, ...]`` as named above; ``met``: environment.
    """
    out[:] = 0.0
    g, level, ties, stage = traits.group[b], laws.level[line], laws.ties[line], laws.stage[line]
    dimensions, bonds, step = grids.dimensions[setup], feelings.bonds, laws.grown[line]
    by_level, by_ties = feelings.level_effects[level], bonds.effects[ties]
    size = traits.mean_spend[b] * by_level[2] * feelings.growth[g, step, 1] * by_ties[2]
    paid = 1.0 - traits.bad_debt[b]
    each[0], each[1] = np.inf, -np.inf
    dearest = priciest = 0.0
    narrowest, widest = np.inf, -np.inf
    fixed = traits.margin[b] - traits.bad_debt[b] - paid  # of what is sold, whatever its price
    for p in range(grids.points[setup]):
        margin = traits.margin[b] - traits.bad_debt[b] - (1.0 - grids.price[setup, p]) * paid
        money = grids.amount[setup, p] * size * margin
        each[0], each[1] = min(each[0], money), max(each[1], money)
        dearest, priciest = max(dearest, grids.amount[setup, p]), max(priciest, abs(margin))
        narrowest, widest = min(narrowest, margin), max(widest, margin)
    if dimensions <= 0:
        return
    alone = traits.defection_rate[b] * by_level[0] * by_ties[0] * met[g, TO_DEFECTION]
    usual = grids.usual[g]
    ours, curved, steep = 1.0 / (1.0 + met[g, TO_RIVALS]), 0.0, 0.0
    utility = 0.0
    for p in range(grids.points[setup]):
        utility = max(utility, grids.utility[setup, p])
    if ours_today > 0.0:
        ours = 1.0 / (ours_today + (1.0 - ours_today + met[g, TO_RIVALS]) * math.exp(-utility))
        curved, steep = FLATTEST / ours_today, 0.25 / ours_today
    rate = traits.purchase_rate[b] * by_level[1] * feelings.growth[g, step, 0] * by_ties[1] * met[g, TO_RATE]
    lowest, highest = np.ones((2, dimensions)), np.ones((2, dimensions))  # multipliers of leaving, of purchases
    shifts, goes = np.zeros((2, dimensions)), np.zeros((2, dimensions))
    for i in range(dimensions):
        cells = paths[setup, i, : grids.size[setup, i] - 1]
        if cells[0, KIND] > 0.0:
            lowest[0, i], highest[0, i] = np.min(cells[:, LEAVES_LESS]), np.max(cells[:, LEAVES])
        lowest[1, i], highest[1, i] = np.min(cells[:, RATE]), np.max(cells[:, MORE])
        goes[0, i], goes[1, i] = min(np.min(cells[:, GOES]), np.min(cells[:, GOES_TO])), np.max(cells[:, GOES_TO])
        goes[1, i] = max(goes[1, i], np.max(cells[:, GOES]))
        shifts[0, i] = np.min(np.minimum(cells[:, SHIFT], cells[:, SHIFTED]) + np.minimum(cells[:, SHIFT_LOW], 0.0))
        shifts[1, i] = np.max(np.maximum(cells[:, SHIFT], cells[:, SHIFTED]) + np.maximum(cells[:, SHIFT_HIGH], 0.0))
    up, down = feelings.moves[level, 0], traits.down[b, line]
    base = met[g, TO_SATISFIED]
    held = 0.0
    for k in range(bonds.most.size):
        held += bonds.held[ties, k] if bonds.tie[k] else 0
    lost = 0.0
    for k in range(bonds.most.size):
        if bonds.tie[k]:
            lost = max(lost, min(bonds.loss[k, stage] * met[g, TO_LEAVERS] + met[g, TO_TURNOVER], 1.0))
    room = np.empty(4)
    for i in range(dimensions):
        slow = fast = alone
        most, gone, later = rate * ours, 0.0, 0.0
        others_low, others_high = base + looked[0], base + looked[1]
        for j in range(dimensions):
            if j != i:
                slow, fast, most = slow * lowest[0, j], fast * highest[0, j], most * highest[1, j]
                gone, later = gone + goes[0, j], later + goes[1, j]
                others_low, others_high = others_low + shifts[0, j], others_high + shifts[1, j]
        for k in range(grids.size[setup, i] - 1):
            cell, to = paths[setup, i, k], out[i, k]
            moved = cell[KIND] > 0.0
            first, last = (cell[LEAVES], cell[LEAVES_LESS]) if moved else (1.0, 1.0)
            least = slow * last + gone + min(cell[GOES], cell[GOES_TO])
            fastest = fast * first + later + max(cell[GOES], cell[GOES_TO])
            stays, exposed = math.exp(-least), _mean_stay(least)
            many = most * max(cell[RATE], cell[MORE])
            # Who leaves.
            survival_bends(cell, slow, fast, usual, room)
            leaves = cell[GOES_TO] - cell[GOES]
            if leaves != 0.0 or cell[GOES_LOW] < 0.0 or cell[GOES_HIGH] > 0.0:
                bent = leaves**2 / 8.0
                both = 0.25 * abs(leaves) * min(1.0, fast * (first - last)) if moved else 0.0
                room[0] += stays * max(-cell[GOES_LOW], 0.0) + both
                room[1] += stays * (bent + max(cell[GOES_HIGH], 0.0)) + both
                room[2] += 0.5 * max(-cell[GOES_LOW], 0.0) + both
                room[3] += bent / 3.0 + 0.5 * max(cell[GOES_HIGH], 0.0) + both
            if feelings.renewal:
                many = 0.0
            to[UP], to[DOWN], to[EARN], to[LOSE] = room[0], room[1], many * room[2], many * room[3]
            # How often they buy.
            more = most * abs(cell[MORE] - cell[RATE])
            off_low, off_high = most * max(-cell[RATE_LOW], 0.0), most * max(cell[RATE_HIGH], 0.0)
            by_utility = 0.0
            if cell[UTILITY] > 0.0 and steep > 0.0:
                whole = many / ours
                off = whole * (curved * cell[UTILITY] ** 2 / 8.0 + steep * cell[UTILITY_OFF])
                change = whole * min(steep * cell[UTILITY], ours)
                both = 0.25 * more / ours * min(steep * cell[UTILITY], ours)
                more, off_low, off_high = more + change, off_low + off + both, off_high + off + both
                by_utility = off + both
            if feelings.renewal:
                more = off_low = off_high = 0.0
            to[STAY_BENDS] = stays * more**2 / 8.0
            to[LEAVE_BENDS] = min(fastest / 3.0, 1.0) * more**2 / 8.0
            to[MORE_UP], to[MORE_DOWN] = exposed * off_high, exposed * off_low
            # How they feel.
            shift = cell[SHIFTED] - cell[SHIFT]
            high, low = max(cell[SHIFT_HIGH], 0.0), max(-cell[SHIFT_LOW], 0.0)
            if feelings.levels and (shift != 0.0 or high > 0.0 or low > 0.0):
                start, end = cell[SHIFT], cell[SHIFTED]
                if level < LEVELS:
                    to[RISE_UP] = stays * (high + _kink(1.0 - up, others_low, others_high, start, end))
                    to[RISE_DOWN] = stays * (low + _kink(-up, others_low, others_high, start, end))
                if level > 1:
                    to[FALL_DOWN] = stays * (high + _kink(down, others_low, others_high, start, end))
                    to[FALL_UP] = stays * (low + _kink(down - 1.0, others_low, others_high, start, end))
            # What binds them.
            tied = cell[TIES] + held * lost * cell[KEPT]
            to[TIED] = stays * (
                cell[TIES_OFF] + held * lost * cell[KEPT_OFF] + (held * lost * cell[KEPT]) ** 2 / 4.0
                + 0.5 * cell[TIES] * held * lost * cell[KEPT]
            )  # fmt: skip
            # What they pay.
            change, largest = cell[LARGER] - cell[AMOUNT], max(cell[AMOUNT], cell[LARGER])
            others = dearest / max(min(cell[AMOUNT], cell[LARGER]), 1e-300)  # at most, of other dimensions
            earns = size * others * (abs(change) * priciest + largest * cell[PRICE] * paid)
            if feelings.renewal:
                money_off = cell[AMOUNT_OFF] * priciest + largest * (cell[CUT_OFF] + cell[PRICE_OFF]) * paid
                to[UNIT] = stays * size * others * (money_off + 0.25 * abs(change) * cell[PRICE] * paid)
            else:
                if cell[PRICED] > 0.0:
                    money = max(fixed, 0.0) * cell[EARNED_HIGH] - min(fixed, 0.0) * -cell[EARNED_LOW]
                    money += paid * cell[PRICED_HIGH]
                else:
                    money = max(widest, 0.0) * cell[EARNED_HIGH] - min(narrowest, 0.0) * -cell[EARNED_LOW]
                money = most * others * money + others * largest * (
                    many * cell[PRICE_OFF] * paid + by_utility * priciest
                )
                to[UNIT] = exposed * size * money
            to[ONE] = cell[MONEY_OFF] + exposed * off_low * traits.serve[b, 1]
            if cell[SEVERAL] == 0.0:
                continue
            # Of each pair that the cell moves.
            fewer = fast * (first - last) + abs(leaves)
            fewer_stay, shorter = min(stays, stays * fewer), min(exposed, 0.5 * fewer)
            along = leaves == 0.0 and cell[UTILITY] == 0.0 and cell[MORE] >= cell[RATE]
            rising = cell[PRICE] == 0.0 and each[0] >= 0.0 and change >= 0.0
            to[PARTS if along else APART] += 0.25 * fewer_stay * more
            to[LOSE] += 0.25 * shorter * more
            to[LEAVE_BENDS if along else LEAVE_BENT] += 0.25 * shorter * more * many
            if not along:
                to[EARN] += 0.25 * shorter * more
            to[FELT] += 0.25 * fewer_stay * abs(shift)
            to[TIED] += 0.25 * fewer_stay * tied + 0.5 * stays * more * tied + stays * abs(shift) * tied
            to[UNIT_BELOW if along and rising else UNIT] += 0.25 * earns * shorter * many
            if cell[UTILITY] > 0.0 or cell[PRICE_OFF] > 0.0:
                to[UNIT] += 0.25 * earns * exposed * more
            if feelings.renewal:
                to[UNIT] += 0.25 * fewer_stay * earns
            to[SPREAD] += 0.25 * stays * more * abs(shift)


@inner
def fill_entry_bends(b, line, laws, traits, paths, setup, grids, met, unpaid, out, each):
    """Fill the same for who is no customer: chances are straight up to 1. ``unpaid``: that of being won at no money."""
    out[:] = 0.0
    kind, paid = laws.kind[line], 1.0 - traits.bad_debt[b]
    each[0], each[1] = np.inf, -np.inf
    for p in range(grids.points[setup]):
        margin = traits.margin[b] - traits.bad_debt[b] - (1.0 - grids.price[setup, p]) * paid
        each[0], each[1] = min(each[0], margin * traits.mean_spend[b]), max(each[1], margin * traits.mean_spend[b])
    if kind == 4 or grids.dimensions[setup] <= 0:
        return
    at, factor, itself = AWARE, met[TO_AWARE], 0.0
    if kind == 1:
        at, factor = WON, met[TO_WON] * traits.by_money[b]
        itself = met[TO_SPREAD] * met[TO_WON] * traits.acquisition[b]
        itself += unpaid * met[TO_WON] * max(traits.acquisition[b] - traits.by_money[b], 0.0)
    elif kind == 3:
        at, factor = BACK, 1.0
    most = itself
    for i in range(grids.dimensions[setup]):
        cells = paths[setup, i, : grids.size[setup, i] - 1]
        most += factor * max(np.max(cells[:, at]), np.max(cells[:, at + 1]))
    for i in range(grids.dimensions[setup]):
        for k in range(grids.size[setup, i] - 1):
            cell, to = paths[setup, i, k], out[i, k]
            way = factor * abs(cell[at + 1] - cell[at])
            to[UP] = to[DOWN] = factor * cell[at + 2]
            if most > 1.0:
                to[UP] += 0.25 * way
            if kind != 0:
                to[UNIT] = (
                    traits.mean_spend[b]
                    * paid
                    * (min(most, 1.0) * (cell[CUT_OFF] + cell[PRICE_OFF]) + 0.25 * way * cell[PRICE])
                )


@kernel
def fill_bends_of_blocks(first, last, laws, traits, feelings, paths, grids, phase, met, shares, unpaid, out, each):
    """Fill ``out[regime, block, law, dimension, cell, span]``, ``each[regime, block, law, 2]`` for blocks of a group.

    ``phase[regime]``, ``met[regime, group, route]``, ``unpaid[group]``; nothing comes on top of the grid.
    """
    looked = (0.0, 0.0)
    for c in range(phase.size):
        for b in range(first, last):
            g = traits.group[b]
            for line in range(laws.kind.size):
                setup = grids.setup[phase[c], g, laws.stage[line]]
                to, money = out[c, b - first, line], each[c, b - first, line]
                if laws.kind[line] == 2:
                    fill_bends(
                        b, line, laws, traits, feelings, paths, setup, grids, met[c], shares[g], looked, to, money
                    )  # fmt: skip
                else:
                    fill_entry_bends(b, line, laws, traits, paths, setup, grids, met[c, g], unpaid[g], to, money)
