"""The odds of a period of the lifecycle, and what it earns: the one source for all who need them.

:func:`step_lifecycle` fills the odds of every block and law in expectation, :func:`pull_lifecycle` is its way back (the
adjoint), and :func:`columns_to_draw_by` states the same odds as the agents' kernel draws by them.

With ``m`` the defection and ``l`` the purchase rate of an alive customer and ``Pois(n; l)`` the Poisson odds:

``P(stays, n) = e^-m Pois(n; l)``, ``P(leaves, n) = m B_n``, ``B_n = integral over [0, 1] of e^(-m t) Pois(n; l t)``
``= l^n/(l+m)^(n+1) P(n+1, l+m)`` (regularised lower incomplete gamma), and ``E[purchases] = l (1 - e^-m)/m``.
``C_n``, the same integral with ``t`` inside, gives the derivatives.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.engine.agent_kernels import BUYS, FEELS, FIRST, GOES, LEAVES, RISES, SECOND, SPENDS, column_of_tie
from sim.engine.bond_kernels import Bonds, chances_of_kind, moves_of_bonds, room_for_moves
from sim.engine.columns import (
    AMOUNT,
    AWARE,
    CHARGED,
    DEFECTION,
    LEAVING,
    LOST_CHANCE,
    PRICE,
    RATE,
    RETURNED,
    SATISFIED,
    SERVED,
    WON,
    WON_UNPAID,
)
from sim.engine.compile import inlined, inner, kernel
from sim.engine.satisfaction_kernels import LEVELS, chances_of_level, entering, own_fall


class Laws(NamedTuple):
    """What each law is about: the truth, the observed stage, level of satisfaction, bond, step of growth; (laws,)."""

    kind: Ints
    stage: Ints
    level: Ints
    ties: Ints
    grown: Ints


class BlockTraits(NamedTuple):
    """Customers by block, as in :class:`sim.engine.lifecycle.Lifecycle`; ``margin`` by block too.

    ``down[block, law]``: chance that satisfaction falls, unshifted; ``by_money``: what multiplies the part of the
    chance of winning that money adds.
    """

    group: Ints
    purchase_rate: Floats
    defection_rate: Floats
    mean_spend: Floats
    acquisition: Floats
    margin: Floats
    bad_debt: Floats
    serve: Floats
    down: Floats
    by_money: Floats


class Feelings(NamedTuple):
    """What satisfaction and ties do, as in :class:`sim.engine.attitudes.Attitudes`.

    ``entry``: shares of levels among those who enter, (1,) where there are none; ``growth[group, step]``: what those
    who are kept multiply purchase rate and amount by; ``levels``: whether customers have any; ``buys``: numbers of
    purchases that are told apart; ``renewal``: whether every survivor buys once a period.
    """

    moves: Floats
    level_effects: Floats
    bonds: Bonds
    entry: Floats
    growth: Floats
    levels: bool
    buys: int
    renewal: bool


@inlined
def accounts(
    sold: Any, price: Any, purchases: Any, alive: Any, charged: Any, margin: Any, bad_debt: Any, per_customer: Any,
    per_purchase: Any,
) -> tuple[Any, Any, Any, Any]:  # fmt: skip
    """Return money earned before marketing, cost to serve, bad debt and revenue of a period, numbers or arrays alike.

    ``sold``: at today's prices, which are multiplied by ``price``; ``alive``: customers at the period's start, each of
    whom is ``charged`` money; ``per_customer``, ``per_purchase``: cost to serve.
    """
    earned = sold * (margin - bad_debt) - purchases * per_purchase - alive * per_customer
    earned = earned + (alive * charged - sold * (1.0 - price)) * (1.0 - bad_debt)
    revenue = sold * price + alive * charged
    return earned, alive * per_customer + purchases * per_purchase, revenue * bad_debt, revenue


@inlined
def chances_of_entry(kind, effects, acquisition, by_money):
    """Return for those who are no customers the chances of outcome 1, and of outcome 2 if not of 1."""
    if kind == 0:
        return effects[AWARE], 0.0
    if kind == 1:
        return min(max(effects[WON] * by_money + effects[WON_UNPAID] * (acquisition - by_money), 0.0), 1.0), 0.0
    if kind == 3:
        return effects[RETURNED], effects[LOST_CHANCE]
    return 0.0, 0.0


@inlined
def rates_of_alive(defection_rate, purchase_rate, effects, by_level, by_ties, faster, larger):
    """Return defection rate, purchase rate, and what an amount is multiplied by; a rate of leaving on top apart."""
    return (
        defection_rate * effects[DEFECTION] * by_level[0] * by_ties[0],
        purchase_rate * effects[RATE] * by_level[1] * faster * by_ties[1],
        effects[AMOUNT] * by_level[2] * larger * by_ties[2],
    )


@inner
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


@inner
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
def fall_chances(laws, levels, tie_effects, defection_rate, out):
    """Fill ``out[block, law]``: the chance that satisfaction falls, unshifted."""
    for b in range(defection_rate.size):
        for line in range(laws.kind.size):
            if laws.level[line] > 0:
                x = defection_rate[b] * tie_effects[laws.ties[line]]
                out[b, line] = own_fall(laws.level[line], x, levels)


@inner
def moves_of_level(level, up, down, shift, out, slope):
    """Fill the odds of satisfaction staying, rising and falling in ``out[0..3)`` and their derivative by the shift."""
    out[1], out[2] = chances_of_level(level, up, down, shift)
    out[0] = 1.0 - out[1] - out[2]
    slope[1] = 1.0 if 0.0 < up + shift < 1.0 and level < LEVELS else 0.0
    slope[2] = -1.0 if 0.0 < down - shift < 1.0 and level > 1 else 0.0
    slope[0] = -slope[1] - slope[2]


@kernel
def columns_to_draw_by(laws, feelings, group, acquisition, by_money, effects, out):
    """Fill ``out[cohort, law, column]`` of :mod:`sim.engine.agent_kernels`; the others by cohort."""
    for c in range(group.size):
        for line in range(laws.kind.size):
            e, to, level, ties = effects[group[c], laws.stage[line]], out[c, line], laws.level[line], laws.ties[line]
            if laws.kind[line] != 2:
                to[FIRST], to[SECOND] = chances_of_entry(laws.kind[line], e, acquisition[c], by_money[c])
                to[SPENDS] = e[PRICE]
                continue
            by_level, by_ties = feelings.level_effects[level], feelings.bonds.effects[ties]
            at, step = group[c], laws.grown[line]
            to[LEAVES], to[BUYS], to[SPENDS] = rates_of_alive(
                1.0, 1.0, e, by_level, by_ties, feelings.growth[at, step, 0], feelings.growth[at, step, 1]
            )
            to[SPENDS] *= e[PRICE]
            to[GOES] = e[LEAVING]
            if feelings.levels:
                to[RISES], _ = chances_of_level(level, feelings.moves[level, 0], 0.0, e[SATISFIED])
                to[FEELS] = e[SATISFIED]
            bonds = feelings.bonds
            for k in range(bonds.most.size):
                at = column_of_tie(k)
                keep, lose, away, more = chances_of_kind(bonds, ties, k, e[bonds.gain_of[k]], e[bonds.loss_of[k]])
                to[at], to[at + 1], to[at + 2] = lose, lose * away, keep * more


@kernel
def step_lifecycle(laws, traits, feelings, effects, out):
    """Fill a :class:`sim.engine.chain.Step`: one period of every (block, law), per customer.

    ``effects[group, stage, effect]``. Arrays to fill are zero on entry.
    """
    kind, level, ties, buys = laws.kind, laws.level, laws.ties, feelings.buys
    probability, purchases, revenue, reward = out.probability, out.purchases, out.revenue, out.reward
    service = out.service
    odds, by_m, by_rate, gamma = np.empty(2 * buys), np.empty(2 * buys), np.empty(2 * buys), np.empty(buys + 1)
    felt, unused = np.zeros(3), np.empty(3)
    links, ways = feelings.bonds.move.shape
    tied, by_gain, by_loss, each = room_for_moves(feelings.bonds)
    levels = 3 if feelings.levels else 1
    for b in range(traits.group.size):
        for line in range(kind.size):
            e = effects[traits.group[b], laws.stage[line]]
            number = alive = 0.0
            multiplier = 1.0
            if kind[line] == 2:
                m, rate, multiplier = rates_of_alive(
                    traits.defection_rate[b], traits.purchase_rate[b], e,
                    feelings.level_effects[level[line]], feelings.bonds.effects[ties[line]],
                    feelings.growth[traits.group[b], laws.grown[line], 0],
                    feelings.growth[traits.group[b], laws.grown[line], 1],
                )  # fmt: skip
                m += e[LEAVING]
                number, _, _ = odds_of_alive(m, rate, buys, feelings.renewal, odds, by_m, by_rate, gamma)
                alive = felt[0] = 1.0
                if feelings.levels:
                    up, down = feelings.moves[level[line], 0], traits.down[b, line]
                    moves_of_level(level[line], up, down, e[SATISFIED], felt, unused)
                if ways > 0:
                    moves_of_bonds(feelings.bonds, ties[line], e, tied, by_gain, by_loss, each)
                for n in range(buys):
                    probability[b, line, buys + n] = odds[buys + n] + odds[n] * tied[links]
                    for j in range(links):
                        for k in range(levels):
                            move = k + levels * j
                            o = n if move == 0 else buys * (move + 1) + n
                            probability[b, line, o] = odds[n] * felt[k] * tied[j]
            else:
                first, second = chances_of_entry(kind[line], e, traits.acquisition[b], traits.by_money[b])
                probability[b, line, 1] = first
                if kind[line] == 1 or kind[line] == 3:
                    number = first
                    for k in range(feelings.entry.size):
                        probability[b, line, entering(k)] = first * feelings.entry[k]
                if kind[line] == 3:
                    probability[b, line, 2] = (1.0 - first) * second
                probability[b, line, 0] = 1.0 - first - probability[b, line, 2]
            purchases[b, line] = number
            reward[b, line], service[b, line], _, revenue[b, line] = accounts(
                number * multiplier * traits.mean_spend[b], e[PRICE], number, alive, e[CHARGED], traits.margin[b],
                traits.bad_debt[b], traits.serve[b, 0] + e[SERVED] + feelings.bonds.reward[ties[line]],
                traits.serve[b, 1],
            )  # fmt: skip


@kernel
def pull_lifecycle(laws, traits, feelings, effects, by_probability, by_reward, out):
    """Add to ``out[group, stage, effect]`` the derivative, given those by ``probability`` and ``reward``."""
    kind, level, ties, buys = laws.kind, laws.level, laws.ties, feelings.buys
    group, acquisition, serve = traits.group, traits.acquisition, traits.serve
    odds, by_m, by_rate, gamma = np.empty(2 * buys), np.empty(2 * buys), np.empty(2 * buys), np.empty(buys + 1)
    felt, felt_slope, bonds = np.zeros(3), np.zeros(3), feelings.bonds
    links, ways = bonds.move.shape
    tied, by_gain, by_loss, room = room_for_moves(bonds)
    levels = 3 if feelings.levels else 1
    for b in range(group.size):
        for line in range(kind.size):
            e = effects[group[b], laws.stage[line]]
            to = out[group[b], laws.stage[line]]
            wanted = by_probability[b, line]
            money = by_reward[b, line]
            paid = traits.mean_spend[b] * (1.0 - traits.bad_debt[b])
            each = traits.mean_spend[b] * (traits.margin[b] - traits.bad_debt[b]) - paid * (1.0 - e[PRICE])
            if kind[line] == 2:
                by_level, step = feelings.level_effects[level[line]], laws.grown[line]
                faster, larger = feelings.growth[group[b], step, 0], feelings.growth[group[b], step, 1]
                by_ties = bonds.effects[ties[line]]
                lm = traits.defection_rate[b] * by_level[0] * by_ties[0]
                lr = traits.purchase_rate[b] * by_level[1] * faster * by_ties[1]
                number, number_m, number_rate = odds_of_alive(
                    lm * e[DEFECTION] + e[LEAVING], lr * e[RATE], buys, feelings.renewal, odds, by_m, by_rate, gamma
                )
                felt[0], felt_slope[0] = 1.0, 0.0
                if feelings.levels:
                    up, down = feelings.moves[level[line], 0], traits.down[b, line]
                    moves_of_level(level[line], up, down, e[SATISFIED], felt, felt_slope)
                if ways > 0:
                    moves_of_bonds(bonds, ties[line], e, tied, by_gain, by_loss, room)
                by_leaving = by_buying = 0.0
                for n in range(buys):
                    away = wanted[buys + n]
                    by_odds = away * tied[links]
                    for j in range(links):
                        inner = inner_slope = 0.0
                        for k in range(levels):
                            move = k + levels * j
                            w = wanted[n if move == 0 else buys * (move + 1) + n]
                            inner += w * felt[k]
                            inner_slope += w * felt_slope[k]
                        by_odds += inner * tied[j]
                        to[SATISFIED] += odds[n] * inner_slope * tied[j]
                        for k in range(ways):
                            to[bonds.gain_of[k]] += odds[n] * inner * by_gain[k, j]
                            to[bonds.loss_of[k]] += odds[n] * inner * by_loss[k, j]
                    for k in range(ways):
                        to[bonds.loss_of[k]] += odds[n] * away * by_loss[k, links]
                    by_leaving += by_odds * by_m[n] + away * by_m[buys + n]
                    by_buying += by_odds * by_rate[n] + away * by_rate[buys + n]
                multiplier = e[AMOUNT] * by_level[2] * larger * by_ties[2]
                per_purchase = money * (multiplier * each - serve[b, 1])
                to[DEFECTION] += lm * (by_leaving + per_purchase * number_m)
                to[LEAVING] += by_leaving + per_purchase * number_m
                to[PRICE] += money * number * multiplier * paid
                to[CHARGED] += money * (1.0 - traits.bad_debt[b])
                to[SERVED] -= money
                to[RATE] += lr * (by_buying + per_purchase * number_rate)
                to[AMOUNT] += money * number * each * by_level[2] * larger * by_ties[2]
            elif kind[line] == 0:
                to[AWARE] += wanted[1] - wanted[0]
            elif kind[line] != 4:
                entered = money * (each - serve[b, 1])
                for k in range(feelings.entry.size):
                    entered += feelings.entry[k] * wanted[entering(k)]
                first, _ = chances_of_entry(kind[line], e, acquisition[b], traits.by_money[b])
                to[PRICE] += money * first * paid
                if kind[line] == 3:
                    stays = wanted[2] * e[LOST_CHANCE] + wanted[0] * (1.0 - e[LOST_CHANCE])
                    to[RETURNED] += entered - stays
                elif first < 1.0:
                    to[WON] += traits.by_money[b] * (entered - wanted[0])
                    to[WON_UNPAID] += (acquisition[b] - traits.by_money[b]) * (entered - wanted[0])
