"""One period of the lifecycle in expectation: odds of every block and law, and the way back (the adjoint).

With ``m`` the defection and ``l`` the purchase rate of an alive customer and ``Pois(n; l)`` the Poisson odds:

``P(stays, n) = e^-m Pois(n; l)``, ``P(leaves, n) = m B_n``, ``B_n = integral over [0, 1] of e^(-m t) Pois(n; l t)``
``= l^n/(l+m)^(n+1) P(n+1, l+m)`` (regularised lower incomplete gamma), and ``E[purchases] = l (1 - e^-m)/m``.
``C_n``, the same integral with ``t`` inside, gives the derivatives.
"""

import math

import numpy as np

from sim.engine.compile import kernel
from sim.engine.effects import (
    AMOUNT,
    AWARE,
    DEFECTION,
    LOST_CHANCE,
    RATE,
    RETURNED,
    SATISFIED,
    TIED,
    TURNOVER,
    WON,
)  # fmt: skip


@kernel
def incomplete_gammas(x, count, out):
    """Fill ``out[a - 1]`` with ``P(a, x)``, a = 1 .. count: a series for the last, then downwards."""
    if x > count + 6.0:
        term = math.exp(-x)
        below = 0.0
        for a in range(1, count + 1):
            below += term
            term *= x / a
            out[a - 1] = 1.0 - below
        return
    term = math.exp(-x)
    for a in range(1, count + 1):
        term *= x / a
    total = 0.0
    more = term
    k = count
    while more > 1e-18 * total:
        total += more
        k += 1
        more *= x / k
    out[count - 1] = total
    for a in range(count - 1, 0, -1):
        term *= (a + 1) / x if x > 0.0 else 0.0
        out[a - 1] = out[a] + term


@kernel
def odds_of_alive(m, rate, buys, renewal, odds, by_m, by_rate, gamma):
    """Fill the odds of (stays, n) and (leaves, n) in ``odds[0 .. 2 buys)``, with derivatives by ``m`` and ``rate``.

    Returns expected purchases and their two derivatives. ``gamma``: room for ``buys + 1`` numbers.
    """
    stays = math.exp(-m)
    for o in range(2 * buys):
        odds[o] = by_m[o] = by_rate[o] = 0.0
    if renewal:
        odds[1], by_m[1] = stays, -stays
        odds[buys], by_m[buys] = 1.0 - stays, stays
        return stays, -stays, 0.0
    x = m + rate
    incomplete_gammas(x, buys + 1, gamma)
    poisson = math.exp(-rate)
    before = 0.0
    ratio = 1.0
    c_before = 0.0
    stay_sum = leave_sum = 0.0
    stay_m = stay_rate = leave_m = leave_rate = 0.0
    for n in range(buys - 1):
        if x > 1e-9:
            b = ratio * gamma[n] / x
            c = (n + 1) * ratio * gamma[n + 1] / (x * x)
            ratio *= rate / x
        else:
            b = 1.0 if n == 0 else 0.0
            c = 0.5 if n == 0 else 0.0
        odds[n] = stays * poisson
        by_m[n] = -odds[n]
        by_rate[n] = stays * (before - poisson)
        odds[buys + n] = m * b
        by_m[buys + n] = b - m * c
        by_rate[buys + n] = m * (c_before - c)
        c_before = c
        before = poisson
        poisson *= rate / (n + 1)
        stay_sum += odds[n]
        leave_sum += odds[buys + n]
        stay_m += by_m[n]
        stay_rate += by_rate[n]
        leave_m += by_m[buys + n]
        leave_rate += by_rate[buys + n]
    odds[buys - 1] = max(stays - stay_sum, 0.0)
    by_m[buys - 1] = -stays - stay_m
    by_rate[buys - 1] = -stay_rate
    odds[2 * buys - 1] = max(-math.expm1(-m) - leave_sum, 0.0)
    by_m[2 * buys - 1] = stays - leave_m
    by_rate[2 * buys - 1] = -leave_rate
    if m > 1e-5:
        exposure = -math.expm1(-m) / m
        by_exposure = (stays - exposure) / m
    else:
        exposure = 1.0 - m / 2.0
        by_exposure = -0.5 + m / 3.0
    return rate * exposure, rate * by_exposure, exposure


@kernel
def moves_of_level(level, shift, moves, out, slope):
    """Fill the odds of satisfaction staying, rising and falling in ``out[0..3)`` and their derivative by the shift."""
    up = moves[level, 0] + shift
    down = moves[level, 1] - shift
    slope[1] = 1.0 if 0.0 < up < 1.0 and level < 5 else 0.0
    slope[2] = -1.0 if 0.0 < down < 1.0 and level > 1 else 0.0
    out[1] = min(max(up, 0.0), 1.0) if level < 5 else 0.0
    out[2] = min(max(down, 0.0), 1.0) if level > 1 else 0.0
    out[0] = 1.0 - out[1] - out[2]
    slope[0] = -slope[1] - slope[2]


@kernel
def moves_of_ties(ties, gain, turnover, follow, out, by_gain, by_turnover):
    """Fill the odds of ties staying, rising, falling, and of leaving with the only tie, and their derivatives."""
    keep = (1.0 - turnover) ** ties
    lose = 1.0 - keep
    by_lose = ties * (1.0 - turnover) ** (ties - 1) if ties > 0 else 0.0
    away = follow if ties == 1 else 0.0
    more = gain if ties < 3 else 0.0
    out[0], out[1], out[2], out[3] = keep * (1.0 - more), keep * more, lose * (1.0 - away), lose * away
    by_gain[0], by_gain[1], by_gain[2], by_gain[3] = -keep, keep, 0.0, 0.0
    if ties >= 3:
        by_gain[0] = by_gain[1] = 0.0
    by_turnover[0], by_turnover[1] = -by_lose * (1.0 - more), -by_lose * more
    by_turnover[2], by_turnover[3] = by_lose * (1.0 - away), by_lose * away


@kernel
def step_lifecycle(
    group, kind, stage, level, ties, effects, purchase_rate, defection_rate, mean_spend, acquisition, margin, serve,
    moves, level_effects, tie_effects, follow, buys, with_levels, with_ties, renewal,
    probability, purchases, revenue, reward,
):  # fmt: skip
    """Fill one period of every (block, law): odds of the outcomes, purchases, revenue, reward per customer.

    ``effects[group, stage, effect]``; ``margin[block]`` net of bad debt; ``serve[block]``: cost per customer and per
    purchase. Arrays to fill are zero on entry.
    """
    odds, by_m, by_rate, gamma = np.empty(2 * buys), np.empty(2 * buys), np.empty(2 * buys), np.empty(buys + 1)
    felt, tied, unused = np.zeros(3), np.zeros(4), np.empty(4)
    levels = 3 if with_levels else 1
    links = 3 if with_ties else 1
    for b in range(group.size):
        for line in range(kind.size):
            e = effects[group[b], stage[line]]
            number = 0.0
            multiplier = 1.0
            if kind[line] == 2:
                m = defection_rate[b] * e[DEFECTION] * level_effects[level[line], 0] * tie_effects[ties[line]]
                rate = purchase_rate[b] * e[RATE] * level_effects[level[line], 1]
                number, _, _ = odds_of_alive(m, rate, buys, renewal, odds, by_m, by_rate, gamma)
                multiplier = e[AMOUNT] * level_effects[level[line], 2]
                felt[0] = tied[0] = 1.0
                tied[3] = 0.0
                if with_levels:
                    moves_of_level(level[line], e[SATISFIED], moves, felt, unused)
                if with_ties:
                    moves_of_ties(ties[line], e[TIED], e[TURNOVER], follow, tied, unused, by_m)
                for n in range(buys):
                    probability[b, line, buys + n] = odds[buys + n] + odds[n] * tied[3]
                    for j in range(links):
                        for k in range(levels):
                            move = k + levels * j
                            o = n if move == 0 else buys * (move + 1) + n
                            probability[b, line, o] = odds[n] * felt[k] * tied[j]
            else:
                first = e[AWARE]
                if kind[line] == 1:
                    first = number = min(e[WON] * acquisition[b], 1.0)
                elif kind[line] == 3:
                    first = number = e[RETURNED]
                    probability[b, line, 2] = (1.0 - first) * e[LOST_CHANCE]
                elif kind[line] == 4:
                    first = 0.0
                probability[b, line, 1] = first
                probability[b, line, 0] = 1.0 - first - probability[b, line, 2]
            purchases[b, line] = number
            revenue[b, line] = number * multiplier * mean_spend[b]
            reward[b, line] = revenue[b, line] * margin[b] - number * serve[b, 1]
            if kind[line] == 2:
                reward[b, line] -= serve[b, 0]


@kernel
def pull_lifecycle(
    group, kind, stage, level, ties, effects, purchase_rate, defection_rate, mean_spend, acquisition, margin, serve,
    moves, level_effects, tie_effects, follow, buys, with_levels, with_ties, renewal,
    by_probability, by_reward, out,
):  # fmt: skip
    """Add to ``out[group, stage, effect]`` the derivative, given those by ``probability`` and ``reward``."""
    odds, by_m, by_rate, gamma = np.empty(2 * buys), np.empty(2 * buys), np.empty(2 * buys), np.empty(buys + 1)
    felt, felt_slope = np.zeros(3), np.zeros(3)
    tied, by_gain, by_turnover = np.zeros(4), np.zeros(4), np.zeros(4)
    levels = 3 if with_levels else 1
    links = 3 if with_ties else 1
    for b in range(group.size):
        for line in range(kind.size):
            e = effects[group[b], stage[line]]
            to = out[group[b], stage[line]]
            wanted = by_probability[b, line]
            money = by_reward[b, line]
            each = mean_spend[b] * margin[b]
            if kind[line] == 2:
                lm = defection_rate[b] * level_effects[level[line], 0] * tie_effects[ties[line]]
                lr = purchase_rate[b] * level_effects[level[line], 1]
                number, number_m, number_rate = odds_of_alive(
                    lm * e[DEFECTION], lr * e[RATE], buys, renewal, odds, by_m, by_rate, gamma
                )
                felt[0] = tied[0] = 1.0
                felt_slope[0] = by_gain[0] = by_turnover[0] = 0.0
                if with_levels:
                    moves_of_level(level[line], e[SATISFIED], moves, felt, felt_slope)
                if with_ties:
                    moves_of_ties(ties[line], e[TIED], e[TURNOVER], follow, tied, by_gain, by_turnover)
                by_leaving = by_buying = 0.0
                for n in range(buys):
                    away = wanted[buys + n]
                    by_odds = away * tied[3]
                    for j in range(links):
                        inner = inner_slope = 0.0
                        for k in range(levels):
                            move = k + levels * j
                            w = wanted[n if move == 0 else buys * (move + 1) + n]
                            inner += w * felt[k]
                            inner_slope += w * felt_slope[k]
                        by_odds += inner * tied[j]
                        to[SATISFIED] += odds[n] * inner_slope * tied[j]
                        to[TIED] += odds[n] * inner * by_gain[j]
                        to[TURNOVER] += odds[n] * inner * by_turnover[j]
                    to[TURNOVER] += odds[n] * away * by_turnover[3]
                    by_leaving += by_odds * by_m[n] + away * by_m[buys + n]
                    by_buying += by_odds * by_rate[n] + away * by_rate[buys + n]
                multiplier = e[AMOUNT] * level_effects[level[line], 2]
                per_purchase = money * (multiplier * each - serve[b, 1])
                to[DEFECTION] += lm * (by_leaving + per_purchase * number_m)
                to[RATE] += lr * (by_buying + per_purchase * number_rate)
                to[AMOUNT] += money * number * each * level_effects[level[line], 2]
            elif kind[line] == 0:
                to[AWARE] += wanted[1] - wanted[0]
            elif kind[line] == 1:
                if e[WON] * acquisition[b] < 1.0:
                    to[WON] += acquisition[b] * (wanted[1] - wanted[0] + money * (each - serve[b, 1]))
            elif kind[line] == 3:
                stays = wanted[2] * e[LOST_CHANCE] + wanted[0] * (1.0 - e[LOST_CHANCE])
                to[RETURNED] += wanted[1] - stays + money * (each - serve[b, 1])
