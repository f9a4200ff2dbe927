"""Ranges of a period's odds, and of how blocks compare in them, where effects may be anything within ranges.

No grid is trusted. With ``m`` the rate of leaving and ``l`` that of purchases the odds of
:mod:`sim.engine.lifecycle_kernels` are ``m^i l^n H(m, l)``, with ``i`` 1 for who leaves and ``H`` the Laplace transform
of a measure on the unit square. So ``H`` falls in both and bends up in logarithms (Hölder), while the odds, as
integrals of ``exp(concave in log m, log l, log t)``, bend down in the logarithms of ``m`` and ``l`` (Prékopa): over
a box the least odds are at a corner. ``d log P(leaves, n)/d log m = 1 - m E[t]`` with ``t`` up to 1, so they rise in
``m`` up to 1, and beyond while that is not below 0; then ``P <= (b/a) P(a)`` from ``a`` to ``b``. In ``l`` they rise
and then fall. Of a ratio of two odds that of ``H`` lies below ``H`` of the one at the corners over a tangent of the
other's.
"""

import math

import numpy as np

from sim.engine.bond_kernels import chances_of_kind
from sim.engine.columns import AWARE, DEFECTION, LEAVING, LOST_CHANCE, RATE, RETURNED, SATISFIED, WON, WON_UNPAID
from sim.engine.compile import inlined, inner, kernel
from sim.engine.lifecycle_kernels import chances_of_entry, incomplete_gammas, odds_of_alive
from sim.engine.satisfaction_kernels import chances_of_level, entering

HALVED = 48
"""How often the place where odds are largest is halved."""
NARROW, PIECES = 0.1, 32
"""By how much rates change from piece to piece of a range, and the most pieces."""
BEYOND, MOST_BEYOND = 0.02, 200
"""The same, in logarithms, where odds of leaving fall while the rate of leaving rises."""
ARITHMETIC = 1e-7
"""Odds below which no slope is taken: the last of a sum that makes up 1 are a difference."""


@inlined
def _widen(o, value, least, most):
    least[o] = min(least[o], value)
    most[o] = max(most[o], value)


@inner
def _most_over_rate(m, low, high, n, buys, odds, by_m, by_rate, gamma):
    """Return the most of ``P(leaves, n)`` over rates from ``low`` to ``high``: it rises and then falls."""
    a, b = low, high
    odds_of_alive(m, a, buys, False, odds, by_m, by_rate, gamma)
    most, rises = odds[buys + n], by_rate[buys + n] > 0.0 or a == 0.0
    odds_of_alive(m, b, buys, False, odds, by_m, by_rate, gamma)
    most = max(most, odds[buys + n])
    if n == 0 or n == buys - 1 or not rises or by_rate[buys + n] >= 0.0:
        return most
    for _ in range(HALVED):
        middle = 0.5 * (a + b)
        odds_of_alive(m, middle, buys, False, odds, by_m, by_rate, gamma)
        most = max(most, odds[buys + n])
        if by_rate[buys + n] > 0.0:
            a = middle
        else:
            b = middle
    return most


@inner
def odds_of_alive_between(rates, buys, renewal, least, most, odds, by_m, by_rate, gamma):
    """Fill ranges of the odds of (stays, n) and (leaves, n) over ``rates = (m least, m most, l least, l most)``."""
    slow, fast, few, many = rates
    least[: 2 * buys] = np.inf
    most[: 2 * buys] = 0.0
    rising = np.zeros(buys, dtype=np.bool_)
    for m in (slow, fast):
        for rate in (few, many):
            odds_of_alive(m, rate, buys, renewal, odds, by_m, by_rate, gamma)
            for o in range(2 * buys):
                _widen(o, odds[o], least, most)
            if m == fast and rate == few:  # there t is largest
                for n in range(buys):
                    rising[n] = odds[buys + n] > ARITHMETIC and by_m[buys + n] >= 0.0
    if renewal:
        return
    for n in range(1, buys - 1):
        if few < n < many:  # where n purchases are likeliest
            most[n] = math.exp(n * math.log(n) - n - math.lgamma(n + 1.0) - slow)
    for n in range(buys):
        top = fast if rising[n] else min(fast, max(slow, 1.0))
        found = _most_over_rate(top, few, many, n, buys, odds, by_m, by_rate, gamma)
        if fast > top:
            pieces = min(int(math.log(fast / top) / BEYOND) + 1, MOST_BEYOND)
            step = (fast / top) ** (1.0 / pieces)
            for k in range(pieces):
                found = max(
                    found,
                    step * _most_over_rate(top * step**k, few, many, n, buys, odds, by_m, by_rate, gamma),
                )
            found = min(found, -math.expm1(-fast))
        most[buys + n] = max(most[buys + n], found)


@inner
def moves_between(bonds, bond, low, high, least, most):
    """Fill ranges of the odds of a bond's moves, and last of leaving with the only tie."""
    moves, kinds = bonds.move.shape
    least[:], most[:] = 1.0, 1.0
    least[moves], most[moves] = 0.0, 0.0
    each = np.empty((2, 3))
    for k in range(kinds):
        each[0], each[1] = np.inf, 0.0
        away_least, away_most = np.inf, 0.0
        for gain in (low[bonds.gain_of[k]], high[bonds.gain_of[k]]):
            for loss in (low[bonds.loss_of[k]], high[bonds.loss_of[k]]):
                keep, lose, away, more = chances_of_kind(bonds, bond, k, gain, loss)
                fewer = lose * (1.0 - away)
                _widen(0, keep * (1.0 - more), each[0], each[1])
                _widen(1, keep * more + (fewer if bonds.most[k] == 1 else 0.0), each[0], each[1])
                _widen(2, fewer, each[0], each[1])
                away_least, away_most = min(away_least, lose * away), max(away_most, lose * away)
        least[moves] += away_least
        most[moves] += away_most
        for move in range(moves):
            least[move] *= each[0, bonds.move[move, k]]
            most[move] *= each[1, bonds.move[move, k]]


@inner
def _kinks(up, down, low, high, out):
    """Fill shifts at which chances of satisfaction bend, ends included; return how many."""
    out[0], out[1] = low, high
    count = 2
    for kink in (-up, 1.0 - up, down - 1.0, down):
        if low < kink < high:
            out[count] = kink
            count += 1
    return count


@inner
def feelings_between(level, up, down, low, high, least, most, kinks):
    """Fill ranges of the odds of satisfaction staying, rising and falling over shifts; straight between kinks."""
    least[:], most[:] = np.inf, 0.0
    for k in range(_kinks(up, down, low, high, kinks)):
        rise, fall = chances_of_level(level, up, down, kinks[k])
        _widen(0, max(1.0 - rise - fall, 0.0), least, most)
        _widen(1, rise, least, most)
        _widen(2, fall, least, most)


@inlined
def _times(one, other):
    return one * other if one > 0.0 and other > 0.0 else 0.0  # nothing stays nothing, infinite or not


@inlined
def _compare(o, one, other, least, most):
    """Widen a range by ``one/other``; nothing to nothing says nothing."""
    if other > 0.0:
        _widen(o, one / other, least, most)
    elif one > 0.0:
        most[o] = np.inf


@inner
def compared_feelings(level, up, one, other, low, high, least, most, kinks):
    """Fill ranges of the ratios of two blocks' odds of satisfaction staying, rising and falling."""
    least[:], most[:] = np.inf, 0.0
    for down in (one, other):
        for k in range(_kinks(up, down, low, high, kinks)):
            rise, fall = chances_of_level(level, up, one, kinks[k])
            risen, fallen = chances_of_level(level, up, other, kinks[k])
            _compare(0, max(1.0 - rise - fall, 0.0), max(1.0 - risen - fallen, 0.0), least, most)
            _compare(1, rise, risen, least, most)
            _compare(2, fall, fallen, least, most)


@inner
def compared_staying(rates, others, buys, renewal, low, high, least, most, gamma):
    """Fill ranges of the ratios of two blocks' odds of (stays, n): ``rates`` and ``others`` a unit of the effects.

    ``low`` and ``high`` are effects: on the rate of leaving, a rate on top, on the rate of purchases. Both parts of the
    ratio, by leaving and by purchases, rise or fall all the way.
    """
    least[:buys], most[:buys] = np.inf, 0.0
    for d in (low[0], high[0]):
        stays = math.exp((others[0] - rates[0]) * d)
        if renewal:
            _widen(1, stays, least, most)
            continue
        for r in (low[2], high[2]):
            ratio = stays * math.exp((others[1] - rates[1]) * r)
            for n in range(buys - 1):
                _compare(n, ratio * rates[1] ** n, others[1] ** n, least, most)
            if buys == 1:
                _widen(0, stays, least, most)
                continue
            one, other = rates[1] ** (buys - 1), others[1] ** (buys - 1)
            if r > 0.0 and one > 0.0 and other > 0.0:
                incomplete_gammas(rates[1] * r, buys - 1, gamma)
                tail = gamma[buys - 2]
                incomplete_gammas(others[1] * r, buys - 1, gamma)
                if tail > 0.0 and gamma[buys - 2] > 0.0:
                    one, other = tail, gamma[buys - 2]
            _compare(buys - 1, stays * one, other, least, most)


@inner
def _transforms(m, rate, buys, renewal, odds, by_m, by_rate, gamma, out):
    """Fill ``out[n] = (log H, its slope by m, by the rate)`` of who leaves; nan where odds are next to nothing."""
    odds_of_alive(m, rate, buys, renewal, odds, by_m, by_rate, gamma)
    for n in range(buys):
        p = odds[buys + n]
        out[n, 0] = np.nan
        if p > ARITHMETIC:
            out[n, 0] = math.log(p) - math.log(m) - (n * math.log(rate) if n > 0 else 0.0)
            out[n, 1] = by_m[buys + n] / p - 1.0 / m
            out[n, 2] = by_rate[buys + n] / p - (n / rate if n > 0 else 0.0)


@inlined
def _tangent(at, m, rate):
    return at[0] + at[1] * m + at[2] * rate


@inner
def compared_leaving(rates, others, buys, renewal, low, high, least, most, odds, by_m, by_rate, gamma):
    """Fill ranges of the ratios of two blocks' odds of (leaves, n), as :func:`compared_staying` those of staying."""
    least[:buys], most[:buys] = np.inf, 0.0
    if high[1] == 0.0 and high[0] * max(rates[0], others[0]) == 0.0:
        return  # nobody leaves
    alike = rates[0] == others[0] and (renewal or rates[1] == others[1])
    per_rate = rates[1] / others[1] if others[1] > 0.0 else np.inf
    ends = 1 if renewal or high[2] * max(rates[1], others[1]) == 0.0 else buys
    # H is the mean of e^-(m t + l s), t and s from 0 to 1.
    slower, rarer = others[0] - rates[0], 0.0 if renewal else others[1] - rates[1]
    above = math.exp(max(slower, 0.0) * high[0] + max(rarer, 0.0) * high[2])
    below = math.exp(min(slower, 0.0) * high[0] + min(rarer, 0.0) * high[2])
    wide = max(rates[0], others[0]) * (high[0] - low[0]), max(rates[1], others[1]) * (high[2] - low[2])
    rows = int(min(wide[0] / NARROW, PIECES - 1.0)) + 1  # of ranges without end no integer is made
    columns = 1 if renewal else int(min(wide[1] / NARROW, PIECES - 1.0)) + 1
    if alike:
        rows = columns = 1
    mine, its, middle, center = np.empty((buys, 3)), np.empty((buys, 3)), np.empty((buys, 3)), np.empty((buys, 3))
    step = (high[0] - low[0]) / rows, high[1] - low[1], (high[2] - low[2]) / columns
    for row in range(rows):
        for column in range(columns):
            at = low[0] + (row + 0.5) * step[0], low[1] + 0.5 * step[1], low[2] + (column + 0.5) * step[2]
            m, rate, its_m, its_rate = (
                rates[0] * at[0] + at[1],
                rates[1] * at[2],
                others[0] * at[0] + at[1],
                others[1] * at[2],
            )
            _transforms(m, rate, buys, renewal, odds, by_m, by_rate, gamma, middle)
            _transforms(its_m, its_rate, buys, renewal, odds, by_m, by_rate, gamma, center)
            up, down = np.full(buys, -np.inf), np.full(buys, np.inf)
            fewest, largest = np.inf, 0.0
            for corner in range(8):
                d = low[0] + (row + (corner & 1)) * step[0]
                top = low[1] + (corner >> 1 & 1) * step[1]
                r = low[2] + (column + (corner >> 2 & 1)) * step[2]
                here, there = (rates[0] * d + top, rates[1] * r), (others[0] * d + top, others[1] * r)
                share = here[0] / there[0] if there[0] > 0.0 else np.inf
                if here[0] == there[0]:
                    share = 1.0
                fewest, largest = min(fewest, share), max(largest, share)
                _transforms(here[0], here[1], buys, renewal, odds, by_m, by_rate, gamma, mine)
                _transforms(there[0], there[1], buys, renewal, odds, by_m, by_rate, gamma, its)
                for n in range(ends):
                    over = mine[n, 0] - _tangent(center[n], there[0] - its_m, there[1] - its_rate)
                    under = _tangent(middle[n], here[0] - m, here[1] - rate) - its[n, 0]
                    up[n] = max(up[n], over) if over == over else np.inf
                    down[n] = min(down[n], under) if under == under else -np.inf
            for n in range(ends):
                if alike:
                    up[n] = down[n] = 0.0
                of_rate = per_rate**n if n > 0 else 1.0
                most[n] = max(most[n], _times(largest * min(math.exp(min(up[n], 700.0)), above), of_rate))
                least[n] = min(least[n], _times(fewest * max(math.exp(down[n]), below), of_rate))


@inner
def _between_chances(b, other, line, laws, traits, feelings, low, high, least, most, small, large):
    """Fill the ranges for those who are no customers: all odds move one way in one chance, but where it is cut."""
    kind, effects = laws.kind[line], low.copy()
    moved = AWARE if kind == 0 else WON if kind == 1 else RETURNED
    values = np.empty(6)
    values[0], values[1] = low[moved], high[moved]
    count = 2
    if kind == 1:
        for block in (b, other):
            by_money = traits.by_money[block]
            itself = low[WON_UNPAID] * (traits.acquisition[block] - by_money)
            for cut in (0.0, 1.0):
                if by_money > 0.0 and low[WON] < (cut - itself) / by_money < high[WON]:
                    values[count] = (cut - itself) / by_money
                    count += 1
    for i in range(count):
        effects[moved] = values[i]
        for end in range(2):
            effects[LOST_CHANCE] = high[LOST_CHANCE] if end else low[LOST_CHANCE]
            first, second = chances_of_entry(kind, effects, traits.acquisition[b], traits.by_money[b])
            its, second = chances_of_entry(kind, effects, traits.acquisition[other], traits.by_money[other])
            lost, its_lost = (1.0 - first) * second, (1.0 - its) * second
            _widen(0, 1.0 - first - lost, least, most)
            _compare(0, 1.0 - first - lost, 1.0 - its - its_lost, small, large)
            if kind == 0:
                _widen(1, first, least, most)
                _compare(1, first, its, small, large)
            elif kind != 4:
                for k in range(feelings.entry.size):
                    o = entering(k)
                    _widen(o, first * feelings.entry[k], least, most)
                    _compare(o, first * feelings.entry[k], its * feelings.entry[k], small, large)
                if kind == 3:
                    _widen(2, lost, least, most)
                    _compare(2, lost, its_lost, small, large)


@kernel
def odds_between(laws, traits, feelings, reference, low, high, out, ratios):
    """Fill ranges ``out`` of the odds ``[block, law, outcome]``, and ``ratios`` of those to the reference block's.

    For any effects between ``low`` and ``high``, ``[group, stage, effect]``; ``reference[block]``. Where a ratio is
    of nothing to nothing the least is above the most.
    """
    buys, renewal, bonds = feelings.buys, feelings.renewal, feelings.bonds
    (least, most), (small, large) = out, ratios
    least[:], most[:] = 0.0, 0.0
    small[:], large[:] = np.inf, 0.0
    links = bonds.move.shape[0]
    odds, by_m, by_rate, gamma = np.empty(2 * buys), np.empty(2 * buys), np.empty(2 * buys), np.empty(buys + 1)
    fewest, largest = np.empty(2 * buys), np.empty(2 * buys)
    stay, leave = np.empty((2, buys)), np.empty((2, buys))
    felt, felt_ratio, kinks = np.empty((2, 3)), np.empty((2, 3)), np.empty(6)
    tied = np.empty((2, links + 1))
    levels = 3 if feelings.levels else 1
    room = np.empty((4, most.shape[2]))
    for b in range(traits.group.size):
        other, g = reference[b], traits.group[b]
        for line in range(laws.kind.size):
            here, there = low[g, laws.stage[line]], high[g, laws.stage[line]]
            if laws.kind[line] != 2:
                room[0], room[1], room[2], room[3] = np.inf, 0.0, np.inf, 0.0
                _between_chances(
                    b, other, line, laws, traits, feelings, here, there, room[0], room[1], room[2], room[3]
                )
                for o in range(room.shape[1]):
                    if room[1, o] > 0.0:
                        least[b, line, o], most[b, line, o] = room[0, o], room[1, o]
                    small[b, line, o], large[b, line, o] = room[2, o], room[3, o]
                continue
            by_level, by_ties = feelings.level_effects[laws.level[line]], bonds.effects[laws.ties[line]]
            faster = feelings.growth[g, laws.grown[line], 0]
            per_m, per_rate = by_level[0] * by_ties[0], by_level[1] * faster * by_ties[1]
            rates = traits.defection_rate[b] * per_m, traits.purchase_rate[b] * per_rate
            others = traits.defection_rate[other] * per_m, traits.purchase_rate[other] * per_rate
            ends = (here[DEFECTION], here[LEAVING], here[RATE]), (there[DEFECTION], there[LEAVING], there[RATE])
            span = (
                rates[0] * ends[0][0] + ends[0][1], rates[0] * ends[1][0] + ends[1][1], rates[1] * ends[0][2],
                rates[1] * ends[1][2],
            )  # fmt: skip
            odds_of_alive_between(span, buys, renewal, fewest, largest, odds, by_m, by_rate, gamma)
            compared_staying(rates, others, buys, renewal, ends[0], ends[1], stay[0], stay[1], gamma)
            compared_leaving(
                rates, others, buys, renewal, ends[0], ends[1], leave[0], leave[1], odds, by_m, by_rate, gamma
            )
            felt[0], felt[1], felt_ratio[0], felt_ratio[1] = 1.0, 1.0, 1.0, 1.0
            if feelings.levels:
                level, up = laws.level[line], feelings.moves[laws.level[line], 0]
                down, its_down = traits.down[b, line], traits.down[other, line]
                shift = here[SATISFIED], there[SATISFIED]
                feelings_between(level, up, down, shift[0], shift[1], felt[0], felt[1], kinks)
                compared_feelings(level, up, down, its_down, shift[0], shift[1], felt_ratio[0], felt_ratio[1], kinks)
            tied[0], tied[1] = 0.0, 0.0
            tied[0, 0], tied[1, 0] = 1.0, 1.0
            if bonds.most.size > 0:
                moves_between(bonds, laws.ties[line], here, there, tied[0], tied[1])
            for n in range(buys):
                o = buys + n
                least[b, line, o] = fewest[o] + fewest[n] * tied[0, links]
                most[b, line, o] = min(largest[o] + largest[n] * tied[1, links], 1.0)
                small[b, line, o], large[b, line, o] = leave[0, n], leave[1, n]
                if tied[1, links] > 0.0 and stay[0, n] <= stay[1, n]:
                    small[b, line, o] = min(small[b, line, o], stay[0, n])
                    large[b, line, o] = max(large[b, line, o], stay[1, n])
                for j in range(links):
                    for k in range(levels):
                        move = k + levels * j
                        o = n if move == 0 else buys * (move + 1) + n
                        least[b, line, o] = fewest[n] * felt[0, k] * tied[0, j]
                        most[b, line, o] = largest[n] * felt[1, k] * tied[1, j]
                        if tied[1, j] > 0.0 and stay[0, n] <= stay[1, n] and felt_ratio[0, k] <= felt_ratio[1, k]:
                            small[b, line, o] = _times(stay[0, n], felt_ratio[0, k])
                            large[b, line, o] = _times(stay[1, n], felt_ratio[1, k])
