"""The best that seeing everything can make of customers, over all intensities: a backward pass over ways to move them.

What money can do to a living customer goes along a few dimensions (:mod:`sim.engine.ways`). On a grid over those that
bend the odds (survival, purchase rate, ties, a lever that moves several things) the worth of a period is worked out;
amounts and moves of satisfaction enter it linearly, so that their best is a look-up on a hull of costs
(:mod:`sim.engine.hull_kernels`), as that of chances (of winning, of return) is.
"""

from typing import NamedTuple

import numpy as np

from sim.arrays import Flags, Floats, Ints
from sim.engine.bend_spans_kernels import SPANS, allowances, spans_of
from sim.engine.bends_kernels import fill_bends
from sim.engine.bond_kernels import loss_of, moves_of_bonds, room_for_moves
from sim.engine.columns import AMOUNT, DEFECTION, EFFECTS, RATE
from sim.engine.compile import inlined, inner, kernel
from sim.engine.effects import FOR_EVER
from sim.engine.hull_kernels import best_in_cells, best_on_hull, strides
from sim.engine.lifecycle_kernels import accounts, odds_of_alive, rates_of_alive
from sim.engine.routes import (
    TO_AWARE,
    TO_DEFECTION,
    TO_LEAVERS,
    TO_RATE,
    TO_RIVALS,
    TO_SATISFIED,
    TO_SPREAD,
    TO_STAFF,
    TO_TURNOVER,
    TO_WON,
)
from sim.engine.satisfaction_kernels import LEVELS, chances_of_level, entering


class Aims(NamedTuple):
    """What counts: a unit earned (periods, groups), being there (periods, groups, laws), being there at the end."""

    unit: Floats
    bonus: Floats
    end: Floats


class Leaning(NamedTuple):
    """Whether what is to come is the best, or between a plan's own and the best; and at what prices of money else.

    Attributes
    ----------
    multiples : (prices,)
        Of what money costs; 1 among them, at ``usual``.
    usual : int
    probability, reward : (periods, blocks, laws, outcomes), (periods, blocks, laws)
        Under the plan's own intensities; empty: what is to come is the best.
    cost : (periods, groups, stages)
        Of the plan's own intensities.
    lean : (periods, blocks, laws)
        How far what is to come lies from the plan's own to the best.
    reached : (periods, groups, states)
        Where somebody may be; nothing is asked elsewhere.
    above : (periods, blocks, laws, prices)
        Becomes what the best at a price of money brings, less its money at that price, above what is to come: the most
        of any state.
    """

    multiples: Floats
    usual: int
    probability: Floats
    reward: Floats
    cost: Floats
    lean: Floats
    reached: Flags
    above: Floats


class Course(NamedTuple):
    """Who is where and under what: customers at the start and appearing, regime and phase of each period.

    ``unpaid``: chance by group that a prospect is won at no money, before the market's multipliers.
    """

    initial: Floats
    arrivals: Floats
    regime: Ints
    phase: Ints
    environment: Floats
    unpaid: Floats


WIDTH = len(EFFECTS)


BEST = Leaning(
    np.ones(1), 0, np.empty((0, 0, 0, 0)), np.empty((0, 0, 0)), np.empty((0, 0, 0)), np.empty((0, 0, 0)),
    np.empty((0, 0, 0), dtype=np.bool_), np.empty((0, 0, 0, 0)),
)  # fmt: skip
"""What is to come is the best."""


@inner
def best_shift(costs, table, scale, level, up, down, shift, rises, falls):
    """Return the best of ``P(rises) rises + P(falls) falls - cost`` over shifts of the chances beyond ``shift``."""
    first, last = costs.start[table, 0], costs.start[table, 1]
    least, most = costs.x[first], costs.x[last - 1]
    edges = np.empty(6)
    edges[0] = least
    count = 1
    kinks = (-up - shift, 1.0 - up - shift, down - 1.0 - shift, down - shift)
    for _ in range(4):
        following = most
        for kink in kinks:
            if edges[count - 1] < kink < following:
                following = kink
        if following >= most:
            break
        edges[count] = following
        count += 1
    edges[count] = most
    best = -np.inf
    for i in range(count):
        a, b = edges[i], edges[i + 1]
        middle = 0.5 * (a + b) + shift
        slope = 0.0
        if level < LEVELS and 0.0 < up + middle < 1.0:
            slope += rises
        if level > 1 and 0.0 < down - middle < 1.0:
            slope -= falls
        rise, fall = chances_of_level(level, up, down, shift + a)
        there = rise * rises + fall * falls - slope * a
        best = max(best, there + best_on_hull(costs, first, last, scale, slope, a, b))
    return best


@inner
def value_of_entry(goes, after, feelings):
    """Return what it is worth to enter: the mean of ``after`` over the levels of who does."""
    value = 0.0
    for k in range(feelings.entry.size):
        value += feelings.entry[k] * after[goes[entering(k)]]
    return value


@inner
def fill_odds(
    b, laws, traits, feelings, grids, environment, phase, share, stay, leave, fixed, earned, odds, by_m, by_rate, gamma,
    tied, by_gain, by_loss, each, effects,
):  # fmt: skip
    """Fill the odds of every law of a block at every point of the grid, and what is earned there.

    ``stay[law, move of bond, bought, point]``, ``leave[law, bought, point]``; ``fixed``, ``earned`` a unit of amount.
    """
    g, buys, links, bonds = traits.group[b], feelings.buys, stay.shape[1], feelings.bonds
    turnover, leavers, ours_today = environment[g, TO_TURNOVER], environment[g, TO_LEAVERS], share[g]
    for line in range(laws.kind.size):
        if laws.kind[line] != 2:
            continue
        stage, level, ties = laws.stage[line], laws.level[line], laws.ties[line]
        setup = grids.setup[phase, g, stage]
        for p in range(grids.points[setup]):
            effects[DEFECTION] = min(grids.defection[setup, p] * environment[g, TO_DEFECTION], FOR_EVER)
            rivals = environment[g, TO_RIVALS]
            ours = 1.0 / (1.0 + rivals)
            if ours_today > 0.0:
                ours = 1.0 / (ours_today + (1.0 - ours_today + rivals) * np.exp(-grids.utility[setup, p]))
            effects[RATE] = grids.rate[setup, p] * environment[g, TO_RATE] * ours
            effects[AMOUNT] = grids.amount[setup, p]
            price, charged = grids.price[setup, p], grids.charged[setup, p]
            served = grids.served[setup, p] + environment[g, TO_STAFF] + bonds.reward[ties]
            kept = min(max(bonds.kept + grids.kept[setup, p], 0.0), 1.0)
            for k in range(bonds.most.size):
                effects[bonds.gain_of[k]] = min(max(bonds.gain[k, stage] + grids.ties[k, setup, p], 0.0), 1.0)
                effects[bonds.loss_of[k]] = loss_of(bonds, k, stage, turnover, leavers, kept)
            m, rate, multiplier = rates_of_alive(
                traits.defection_rate[b], traits.purchase_rate[b], effects, feelings.level_effects[level],
                bonds.effects[ties], feelings.growth[g, laws.grown[line], 0],
                feelings.growth[g, laws.grown[line], 1],
            )  # fmt: skip
            m += grids.leaving[setup, p]
            number, _, _ = odds_of_alive(m, rate, buys, feelings.renewal, odds, by_m, by_rate, gamma)
            if bonds.most.size > 0:
                moves_of_bonds(bonds, ties, effects, tied, by_gain, by_loss, each)
            for n in range(buys):
                leave[line, n, p] = odds[buys + n] + odds[n] * tied[links]
                for j in range(links):
                    stay[line, j, n, p] = odds[n] * tied[j]
            kept = traits.margin[b] - traits.bad_debt[b] - (1.0 - price) * (1.0 - traits.bad_debt[b])
            earned[line, p] = number * multiplier * traits.mean_spend[b] * kept
            fixed[line, p], _, _, _ = accounts(
                0.0, 1.0, number, 1.0, charged, traits.margin[b], traits.bad_debt[b], traits.serve[b, 0] + served,
                traits.serve[b, 1],
            )  # fmt: skip


@inner
def best_chance(costs, table, scale, factor, slope):
    """Return the best of ``min(factor x, 1) slope - cost(x)`` over the values ``x`` that a chance can take."""
    first, last = costs.start[table, 0], costs.start[table, 1]
    high = costs.x[last - 1]
    if factor * high > 1.0:
        high = max(1.0 / factor, costs.x[first])
    value = best_on_hull(costs, first, last, scale, factor * slope, costs.x[first], high)
    if factor * costs.x[first] > 1.0:
        value += (1.0 - factor * costs.x[first]) * slope
    return value


@inlined
def ends_of(costs, table, none):
    """Return the least and the most value of a channel that needs no grid; ``none`` where nothing moves it."""
    if table < 0:
        return none, none
    return costs.x[costs.start[table, 0]], costs.x[costs.start[table, 1] - 1]


@inner
def fill_amounts(costs, table, scale, unit, earned, points, amount):
    """Fill what purchases earn at the points, ``earned`` a unit of amount, at the best amounts less their cost."""
    for p in range(points):
        if table < 0:
            amount[p] = unit * earned[p]
        else:
            first, last = costs.start[table, 0], costs.start[table, 1]
            amount[p] = best_on_hull(costs, first, last, scale, unit * earned[p], -np.inf, np.inf)


@kernel
def best_of_all(
    first, last, laws, traits, feelings, links, loss, share, grids, costs, spent, course, aims, leaning, worth
):  # fmt: skip
    """Write ``worth[block]``, what the customers of each block can be worth at most, blocks ``first .. last``.

    ``spent[period, group, stage, point]`` is what the points of the grids cost. Where values lean towards a plan's,
    what customers are worth by them.
    """
    periods, states = course.arrivals.shape[0], course.initial.shape[1]
    buys, kinds = feelings.buys, laws.kind.size
    moves = 3 if feelings.levels else 1
    ties = feelings.bonds.move.shape[0]
    told_apart = buys, moves, ties, bool(np.any(feelings.bonds.follow > 0.0)), feelings.renewal
    most = grids.defection.shape[1]
    phases = grids.setup.shape[0]
    combinations = course.environment.shape[0] * phases
    dimensions = grids.size.shape[1]
    stay = np.empty((combinations, kinds, ties, buys, most))
    leave = np.empty((combinations, kinds, buys, most))
    fixed, earned = np.empty((combinations, kinds, most)), np.empty((combinations, kinds, most))
    odds, by_m, by_rate, gamma = np.empty(2 * buys), np.empty(2 * buys), np.empty(2 * buys), np.empty(buys + 1)
    effects = np.ones(WIDTH)
    tied, by_gain, by_loss, each_kind = room_for_moves(feelings.bonds)
    multiples, own = leaning.multiples, leaning.probability.shape[0] > 0
    prices = multiples.size
    total, felt, extra = np.empty(most), np.empty((3, most)), np.empty(most)
    bends = np.empty((combinations, kinds, dimensions, grids.paths.shape[2], SPANS))
    earns, spans, along = np.empty((combinations, kinds, 2)), np.empty(SPANS), np.empty(grids.paths.shape[2])
    settled, priced, tops = np.empty(most), np.empty(most), np.empty(prices)
    amount, top_of, known = np.empty((kinds, prices, most)), np.empty(most), np.empty(kinds, dtype=np.int64)
    corner, slopes = np.empty(1 << dimensions), np.empty(dimensions)
    step, likely = np.empty(dimensions, dtype=np.int64), np.zeros((prices, 1), dtype=np.int64)
    for b in range(first, last):
        likely[:] = 0
        g = traits.group[b]
        done = np.zeros(combinations, dtype=np.bool_)
        list_price = traits.mean_spend[b] * (traits.margin[b] - traits.bad_debt[b]) - traits.serve[b, 1]
        worth[b] = 0.0
        after = aims.end[b].copy()
        now = after.copy()
        for back in range(periods):
            t = periods - 1 - back
            met = course.environment[course.regime[t]]
            c = course.regime[t] * phases + course.phase[t]
            if not done[c]:
                done[c] = True
                fill_odds(
                    b, laws, traits, feelings, grids, met, course.phase[t], share, stay[c], leave[c], fixed[c],
                    earned[c], odds, by_m, by_rate, gamma, tied, by_gain, by_loss, each_kind, effects,
                )  # fmt: skip
                for line in range(kinds):
                    if laws.kind[line] == 2:
                        where = laws.stage[line]
                        looked = ends_of(costs, costs.table[t, g, where, dimensions + 1], 0.0)
                        fill_bends(
                            b, line, laws, traits, feelings, grids.paths, grids.setup[course.phase[t], g, where], grids,
                            met, share[g], looked, bends[c, line], earns[c, line],
                        )  # fmt: skip
            unit = aims.unit[t, g]
            known[:] = -1
            for s in range(states):
                worth[b] += course.arrivals[t, b, s] * after[s]
                if own and not leaning.reached[t, g, s]:
                    continue
                line, where = links.law[b, s], links.stage[b, s]
                kind = laws.kind[line]
                tables, usual_scales = costs.table[t, g, where], costs.scale[t, g, where]
                # First purchases at the highest price that there is: at most what they can earn.
                dearest = grids.dearest[grids.setup[course.phase[t], g, where]]
                each = list_price + (dearest - 1.0) * traits.mean_spend[b] * (1.0 - traits.bad_debt[b])
                goes = links.successor[s]
                setup = grids.setup[course.phase[t], g, where]
                points = grids.points[setup]
                if kind == 2:
                    settled[:points] = 0.0
                    for n in range(buys):
                        value = after[goes[buys + n]]
                        for p in range(points):
                            settled[p] += leave[c, line, n, p] * value
                    for k in range(moves):
                        felt[k, :points] = 0.0
                        for j in range(ties):
                            move = k + moves * j
                            for n in range(buys):
                                value = after[goes[n if move == 0 else buys * (move + 1) + n]]
                                for p in range(points):
                                    felt[k, p] += stay[c, line, j, n, p] * value
                    if known[line] != where:  # alike for all who buy alike
                        known[line] = where
                        for m in range(prices):
                            fill_amounts(
                                costs, tables[dimensions], multiples[m] * usual_scales[dimensions], unit,
                                earned[c, line], points, amount[line, m],
                            )  # fmt: skip
                    for p in range(points):
                        settled[p] += felt[0, p] + unit * fixed[c, line, p]
                    strides(grids, setup, step)
                    if grids.dimensions[setup] > 0:
                        spans_of(
                            goes, after, told_apart, unit, earns[c, line], traits.serve[b, 1],
                            ends_of(costs, tables[dimensions], 1.0), spans,
                        )  # fmt: skip
                        allowances(grids, setup, step, bends[c, line], spans, along, extra)
                for m in range(prices):
                    scales = multiples[m] * usual_scales
                    if kind == 2:
                        level = laws.level[line]
                        up, down = feelings.moves[level, 0], traits.down[b, line]
                        for p in range(points):
                            total[p], priced[p] = settled[p], multiples[m] * spent[t, g, where, p]
                            if moves == 3:
                                shift = met[g, TO_SATISFIED] + grids.shift[setup, p]
                                rises, falls = felt[1, p] - felt[0, p], felt[2, p] - felt[0, p]
                                if tables[dimensions + 1] < 0:
                                    rise, fall = chances_of_level(level, up, down, shift)
                                    total[p] += rise * rises + fall * falls
                                else:
                                    total[p] += best_shift(
                                        costs, tables[dimensions + 1], scales[dimensions + 1], level, up, down, shift,
                                        rises, falls,
                                    )  # fmt: skip
                            total[p] += amount[line, m, p]
                        tops[m] = best_in_cells(
                            grids, costs, setup, tables, scales, step, priced, total, extra, top_of, corner, slopes,
                            likely[m],
                        )  # fmt: skip
                    elif kind == 0:
                        gained = after[goes[1]] - after[goes[0]]
                        it = dimensions + 2
                        tops[m] = after[goes[0]]
                        if tables[it] >= 0:
                            tops[m] += best_chance(costs, tables[it], scales[it], met[g, TO_AWARE], gained)
                    elif kind == 1:
                        gained = value_of_entry(goes, after, feelings) - after[goes[0]] + unit * each
                        it = dimensions + 3
                        factor = met[g, TO_WON] * traits.by_money[b]
                        itself = met[g, TO_SPREAD] * (met[g, TO_WON] * traits.acquisition[b])
                        itself += course.unpaid[g] * met[g, TO_WON] * (traits.acquisition[b] - traits.by_money[b])
                        room = 1.0 - min(itself, 1.0)  # what is left to money; more where it counts twice
                        tops[m] = after[goes[0]] + (1.0 - room) * gained
                        if tables[it] >= 0:
                            tops[m] += best_chance(
                                costs, tables[it], scales[it], factor / max(room, 1e-12), gained * room
                            )
                    elif kind == 3:
                        stays = loss[g] * after[goes[2]] + (1.0 - loss[g]) * after[goes[0]]
                        it = dimensions + 4
                        tops[m] = stays
                        if tables[it] >= 0:
                            gained = value_of_entry(goes, after, feelings) + unit * each - stays
                            tops[m] += best_chance(costs, tables[it], scales[it], 1.0, gained)
                    else:
                        tops[m] = after[goes[0]]
                top = tops[leaning.usual]
                if own:
                    plans = unit * leaning.reward[t, b, line] - leaning.cost[t, g, where]
                    for o in range(leaning.probability.shape[3]):
                        plans += leaning.probability[t, b, line, o] * after[goes[o]]
                    top = plans + leaning.lean[t, b, line] * max(top - plans, 0.0)
                    for m in range(prices):
                        leaning.above[t, b, line, m] = max(leaning.above[t, b, line, m], tops[m] - top)
                now[s] = top + aims.bonus[t, g, line]
            after, now = now, after
        for s in range(states):
            worth[b] += course.initial[b, s] * after[s]
