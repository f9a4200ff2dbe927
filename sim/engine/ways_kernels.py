"""The best that seeing everything can make of customers, over all intensities: a backward pass over ways to move them.

What money can do to a living customer goes along a few dimensions (:mod:`sim.engine.ways`). On a grid over those that
bend the odds (survival, purchase rate, ties, a lever that moves several things) the worth ``R`` of a period is worked
out; amounts and moves of satisfaction enter it linearly, so that their best is a look-up of a conjugate,
``sup_x s x - cost(x)``. Inside a cell of the grid ``R`` lies below the line through the means of its edges plus what
it deviates from that at a corner plus what it bends in between; and the cost of every value in the cell is known, so
that the cell's supremum is a look-up by dimension. Chances (of winning, of return) enter the worth linearly: a look-up.
"""

from typing import NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.engine.compile import inlined, kernel
from sim.engine.effects import (
    AMOUNT,
    DEFECTION,
    FOR_EVER,
    RATE,
    TIED,
    TO_AWARE,
    TO_DEFECTION,
    TO_RATE,
    TO_RIVALS,
    TO_SATISFIED,
    TO_TURNOVER,
    TO_WON,
)
from sim.engine.lifecycle_kernels import accounts, chances_of_level, moves_of_ties, odds_of_alive, rates_of_alive
from sim.engine.state_space import LEVELS

BENDS = 0.4
"""Largest distance from its chord over half the second derivative near it: a quarter where that hardly changes. Of the
two ends of a cell the lesser counts: at the other a curve may have a point of its own, between which it is straight."""


class Grids(NamedTuple):
    """Grids over the dimensions of every setup (what may be done on a target in a phase).

    Attributes
    ----------
    setup : (phases, groups, stages)
    dimensions : (setups,)
    size : (setups, most dimensions)
    edge : (setups, most dimensions, most points)
    points : (setups,)
    defection, rate, amount, utility, shift, ties : (setups, most points in all)
        What the levers of the grid make of effects: three multipliers, three sums.
    """

    setup: Ints
    dimensions: Ints
    size: Ints
    edge: Floats
    points: Ints
    defection: Floats
    rate: Floats
    amount: Floats
    utility: Floats
    shift: Floats
    ties: Floats


class Costs(NamedTuple):
    """What every value along a dimension costs: lower hulls by cell, ``x[start[table, cell]: ...]``.

    ``table`` and ``scale`` are by (period, group, stage, slot); slots are the grid's dimensions, then amount,
    satisfaction, and the chances of becoming aware, of being won, of returning; -1: nothing to choose.
    """

    table: Ints
    scale: Floats
    start: Ints
    x: Floats
    cost: Floats


_NONE, _FLAT = np.zeros((1, 1), dtype=np.int64), np.zeros((1, 1))
NO_GRIDS = Grids(
    np.zeros((1, 1, 1), dtype=np.int64), np.full(1, -1), _NONE, np.zeros((1, 1, 1)),
    np.zeros(1, dtype=np.int64), *6 * [_FLAT],
)  # fmt: skip
"""Of points between which nothing lies: their dimensions are -1."""
NO_COSTS = Costs(
    np.zeros((1, 1, 1, 1), dtype=np.int64), np.zeros((1, 1, 1, 1)), _NONE, np.zeros(1), np.zeros(1)
)  # fmt: skip


class Aims(NamedTuple):
    """What counts: a unit earned (periods, groups), being there (periods, groups, laws), being there at the end."""

    unit: Floats
    bonus: Floats
    end: Floats


class Course(NamedTuple):
    """Who is where and under what: customers at the start and appearing, regime and phase of each period."""

    initial: Floats
    arrivals: Floats
    regime: Ints
    phase: Ints
    environment: Floats


@kernel
def lower_hulls(x, cost, edges, out_x, out_cost, start):
    """Fill the lower hull of points inside each cell ``edges[k] .. edges[k + 1]``; costs at edges lie on chords."""
    count = 0
    cells = edges.size - 1
    j = 0
    for k in range(cells):
        start[k] = count
        first = count
        for place in range(x.size + 2):
            if place == 0:
                at, c = edges[k], np.interp(edges[k], x, cost)
            elif place == x.size + 1:
                at, c = edges[k + 1], np.interp(edges[k + 1], x, cost)
            else:
                j = place - 1
                at, c = x[j], cost[j]
                if at <= edges[k] or at >= edges[k + 1]:
                    continue
            while count - first >= 2 and (out_cost[count - 1] - out_cost[count - 2]) * (at - out_x[count - 1]) >= (
                c - out_cost[count - 1]
            ) * (out_x[count - 1] - out_x[count - 2]):
                count -= 1
            out_x[count], out_cost[count] = at, c
            count += 1
    start[cells] = count
    return count


@kernel
def at_hull(costs, first, last, at):
    """Return the cost at a place on a hull, by chords."""
    a, b = first, last - 1
    while b - a > 1:
        m = (a + b) // 2
        if costs.x[m] <= at:
            a = m
        else:
            b = m
    width = costs.x[b] - costs.x[a]
    if width <= 0.0:
        return costs.cost[a]
    share = min(max((at - costs.x[a]) / width, 0.0), 1.0)
    return costs.cost[a] + share * (costs.cost[b] - costs.cost[a])


@kernel
def best_on_hull(costs, first, last, scale, slope, low, high):
    """Return ``max slope x - scale cost(x)`` over ``low <= x <= high`` of one hull."""
    a, b = first, last - 1
    while a < b:
        m = (a + b) // 2
        if scale * (costs.cost[m + 1] - costs.cost[m]) < slope * (costs.x[m + 1] - costs.x[m]):
            a = m + 1
        else:
            b = m
    if costs.x[a] < low:
        return slope * low - scale * at_hull(costs, first, last, low)
    if costs.x[a] > high:
        return slope * high - scale * at_hull(costs, first, last, high)
    return slope * costs.x[a] - scale * costs.cost[a]


_accounts, _chances_of_level = inlined(accounts), inlined(chances_of_level)


@kernel
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
        rise, fall = _chances_of_level(level, up, down, shift + a)
        there = rise * rises + fall * falls - slope * a
        best = max(best, there + best_on_hull(costs, first, last, scale, slope, a, b))
    return best


@kernel
def place_on_hull(costs, first, last, scale, slope, low, high):
    """Return where :func:`best_on_hull` is attained."""
    a, b = first, last - 1
    while a < b:
        m = (a + b) // 2
        if scale * (costs.cost[m + 1] - costs.cost[m]) < slope * (costs.x[m + 1] - costs.x[m]):
            a = m + 1
        else:
            b = m
    return min(max(costs.x[a], low), high)


@kernel
def strides(grids, setup, step):
    """Fill how far apart neighbours along each dimension lie in the list of points."""
    dimensions = grids.dimensions[setup]
    for i in range(dimensions - 1, -1, -1):
        step[i] = 1 if i == dimensions - 1 else step[i + 1] * grids.size[setup, i + 1]


@kernel
def allowances(grids, setup, step, worth, bends, extra):
    """Fill by point what the worth may lie above straight lines in the cells around it."""
    size, points = grids.size[setup], grids.points[setup]
    for p in range(points):
        extra[p] = 0.0
    for i in range(grids.dimensions[setup]):
        edge, far, last = grids.edge[setup, i], step[i], size[i] - 1
        for p in range(points):
            k = (p // far) % size[i]
            bends[p] = 0.0
            if 0 < k < last:
                share = (edge[k] - edge[k - 1]) / (edge[k + 1] - edge[k - 1])
                straight = (1.0 - share) * worth[p - far] + share * worth[p + far]
                width = (edge[k + 1] - edge[k]) * (edge[k] - edge[k - 1])
                bends[p] = max(worth[p] - straight, 0.0) / width  # half the second derivative around here
        for p in range(points):
            k = (p // far) % size[i]
            most = 0.0
            if k > 0:
                least = bends[p] if k < last else bends[p - far]
                if k > 1:
                    least = min(least, bends[p - far])
                most = least * (edge[k] - edge[k - 1]) ** 2
            if k < last:
                least = bends[p] if k > 0 else bends[p + far]
                if k < last - 1:
                    least = min(least, bends[p + far])
                most = max(most, least * (edge[k + 1] - edge[k]) ** 2)
            extra[p] += BENDS * most


@kernel
def best_in_cells(grids, costs, setup, tables, scales, weight, step, worth, corner, slopes, place):
    """Return the largest of ``worth - weight cost`` over all values that the dimensions can take.

    ``worth`` inside a cell is taken to be at most the product of straight lines between its corners. ``place`` becomes
    where that is attained: the number of the cell's first point (-1: at a point, whose number follows), then how far
    along each dimension.
    """
    dimensions = grids.dimensions[setup]
    size, points = grids.size[setup], grids.points[setup]
    corners = 1 << dimensions
    best = -np.inf
    for p in range(points):
        least = 0.0
        for i in range(dimensions):
            k = (p // step[i]) % size[i]
            at = costs.start[tables[i], k] - (1 if k == size[i] - 1 and k > 0 else 0)
            least += weight * scales[i] * costs.cost[at]
        if worth[p] - least > best:
            best = worth[p] - least
            place[0], place[1] = -1.0, p
    for p in range(points):
        inside = dimensions > 0
        least = 0.0
        for i in range(dimensions):
            k = (p // step[i]) % size[i]
            if k >= size[i] - 1:
                inside = False
                break
            least += weight * scales[i] * costs.cost[costs.start[tables[i], k]]
        if not inside:
            continue
        mean, top = 0.0, -np.inf
        for c in range(corners):
            q = p
            for i in range(dimensions):
                if c >> i & 1:
                    q += step[i]
            corner[c] = worth[q]
            mean += worth[q]
            top = max(top, worth[q])
        if top - least <= best:
            continue
        mean /= corners
        for i in range(dimensions):
            slopes[i] = 0.0
            for c in range(corners):
                slopes[i] += corner[c] if c >> i & 1 else -corner[c]
            slopes[i] /= corners / 2
        stray = 0.0
        for c in range(corners):
            plane = mean
            for i in range(dimensions):
                plane += (0.5 if c >> i & 1 else -0.5) * slopes[i]
            stray = max(stray, corner[c] - plane)
        total = mean + stray
        for i in range(dimensions):
            k = (p // step[i]) % size[i]
            low, high = grids.edge[setup, i, k], grids.edge[setup, i, k + 1]
            steep = slopes[i] / (high - low)
            first, last = costs.start[tables[i], k], costs.start[tables[i], k + 1]
            total += best_on_hull(costs, first, last, weight * scales[i], steep, low, high) - steep * low
            total -= 0.5 * slopes[i]
        if total > best:
            best = min(total, top - least)
            place[0] = p
            for i in range(dimensions):
                k = (p // step[i]) % size[i]
                low, high = grids.edge[setup, i, k], grids.edge[setup, i, k + 1]
                first, last = costs.start[tables[i], k], costs.start[tables[i], k + 1]
                at = place_on_hull(costs, first, last, weight * scales[i], slopes[i] / (high - low), low, high)
                place[1 + i] = (at - low) / (high - low)
    return best


@kernel
def cost_of_points(grids, costs, phase, out):
    """Fill what the points of every grid cost, ``out[period, group, stage, point]``."""
    periods, groups, stages, _ = out.shape
    step = np.empty(grids.size.shape[1], dtype=np.int64)
    for t in range(periods):
        for g in range(groups):
            for where in range(stages):
                setup = grids.setup[phase[t], g, where]
                strides(grids, setup, step)
                for p in range(grids.points[setup]):
                    for i in range(grids.dimensions[setup]):
                        k = (p // step[i]) % grids.size[setup, i]
                        it = costs.table[t, g, where, i]
                        at = costs.start[it, k] - (1 if k == grids.size[setup, i] - 1 and k > 0 else 0)
                        out[t, g, where, p] += costs.scale[t, g, where, i] * costs.cost[at]


@kernel
def fill_odds(
    b, laws, traits, feelings, grids, environment, phase, gain, share, stay, leave, fixed, earned, odds, by_m, by_rate,
    gamma, tied, by_gain, by_turnover, effects,
):  # fmt: skip
    """Fill the odds of every law of a block at every point of the grid, and what is earned there.

    ``stay[law, tie, bought, point]``, ``leave[law, bought, point]``; ``fixed`` and ``earned`` a unit of amount.
    """
    g, buys, links = traits.group[b], feelings.buys, stay.shape[1]
    for line in range(laws.kind.size):
        if laws.kind[line] != 2:
            continue
        setup = grids.setup[phase, g, laws.stage[line]]
        level, ties = laws.level[line], laws.ties[line]
        for p in range(grids.points[setup]):
            effects[DEFECTION] = min(grids.defection[setup, p] * environment[g, TO_DEFECTION], FOR_EVER)
            rivals = environment[g, TO_RIVALS]
            ours = 1.0 / (1.0 + rivals)
            if share > 0.0:
                ours = 1.0 / (share + (1.0 - share + rivals) * np.exp(-grids.utility[setup, p]))
            effects[RATE] = grids.rate[setup, p] * environment[g, TO_RATE] * ours
            effects[AMOUNT] = grids.amount[setup, p]
            effects[TIED] = min(max(gain + grids.ties[setup, p], 0.0), 1.0)
            m, rate, multiplier = rates_of_alive(
                traits.defection_rate[b], traits.purchase_rate[b], effects, feelings.level_effects[level],
                feelings.tie_effects[ties],
            )  # fmt: skip
            number, _, _ = odds_of_alive(m, rate, buys, feelings.renewal, odds, by_m, by_rate, gamma)
            tied[0], tied[3] = 1.0, 0.0
            if feelings.ties:
                moves_of_ties(
                    ties, effects[TIED], environment[g, TO_TURNOVER], feelings.follow, tied, by_gain, by_turnover
                )
            for n in range(buys):
                leave[line, n, p] = odds[buys + n] + odds[n] * tied[3]
                for j in range(links):
                    stay[line, j, n, p] = odds[n] * tied[j]
            earned[line, p] = number * multiplier * traits.mean_spend[b] * (traits.margin[b] - traits.bad_debt[b])
            fixed[line, p], _, _ = _accounts(
                0.0, number, 1.0, traits.margin[b], traits.bad_debt[b], traits.serve[b, 0], traits.serve[b, 1]
            )


@kernel
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


@kernel
def best_of_all(
    first, last, laws, traits, feelings, links, loss, gain, share, grids, costs, course, aims, worth
):  # fmt: skip
    """Write ``worth[block]``, what the customers of each block can be worth at most, blocks ``first .. last``."""
    periods, states = course.arrivals.shape[0], course.initial.shape[1]
    buys, kinds = feelings.buys, laws.kind.size
    moves = 3 if feelings.levels else 1
    ties = 3 if feelings.ties else 1
    most = grids.defection.shape[1]
    phases = grids.setup.shape[0]
    combinations = course.environment.shape[0] * phases
    dimensions = grids.size.shape[1]
    stay = np.empty((combinations, kinds, ties, buys, most))
    leave = np.empty((combinations, kinds, buys, most))
    fixed, earned = np.empty((combinations, kinds, most)), np.empty((combinations, kinds, most))
    odds, by_m, by_rate, gamma = np.empty(2 * buys), np.empty(2 * buys), np.empty(2 * buys), np.empty(buys + 1)
    tied, by_gain, by_turnover, effects = np.zeros(4), np.zeros(4), np.zeros(4), np.ones(16)
    total, felt, bends, extra = np.empty(most), np.empty((3, most)), np.empty(most), np.empty(most)
    corner, slopes = np.empty(1 << dimensions), np.empty(dimensions)
    place, step = np.empty(dimensions + 2), np.empty(dimensions, dtype=np.int64)
    for b in range(first, last):
        g = traits.group[b]
        done = np.zeros(combinations, dtype=np.bool_)
        each = traits.mean_spend[b] * (traits.margin[b] - traits.bad_debt[b]) - traits.serve[b, 1]
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
                    b, laws, traits, feelings, grids, met, course.phase[t], gain, share, stay[c], leave[c], fixed[c],
                    earned[c], odds, by_m, by_rate, gamma, tied, by_gain, by_turnover, effects,
                )  # fmt: skip
            unit = aims.unit[t, g]
            for s in range(states):
                worth[b] += course.arrivals[t, b, s] * after[s]
                line, where = links.law[b, s], links.stage[b, s]
                kind = laws.kind[line]
                tables, scales = costs.table[t, g, where], costs.scale[t, g, where]
                goes = links.successor[s]
                if kind == 2:
                    setup = grids.setup[course.phase[t], g, where]
                    points = grids.points[setup]
                    total[:points] = 0.0
                    for n in range(buys):
                        value = after[goes[buys + n]]
                        for p in range(points):
                            total[p] += leave[c, line, n, p] * value
                    for k in range(moves):
                        felt[k, :points] = 0.0
                        for j in range(ties):
                            move = k + moves * j
                            for n in range(buys):
                                value = after[goes[n if move == 0 else buys * (move + 1) + n]]
                                for p in range(points):
                                    felt[k, p] += stay[c, line, j, n, p] * value
                    level = laws.level[line]
                    up, down = feelings.moves[level, 0], feelings.moves[level, 1]
                    for p in range(points):
                        total[p] += felt[0, p] + unit * fixed[c, line, p]
                        if moves == 3:
                            shift = met[g, TO_SATISFIED] + grids.shift[setup, p]
                            rises, falls = felt[1, p] - felt[0, p], felt[2, p] - felt[0, p]
                            if tables[dimensions + 1] < 0:
                                rise, fall = _chances_of_level(level, up, down, shift)
                                total[p] += rise * rises + fall * falls
                            else:
                                total[p] += best_shift(
                                    costs, tables[dimensions + 1], scales[dimensions + 1], level, up, down, shift,
                                    rises, falls,
                                )  # fmt: skip
                        if tables[dimensions] < 0:
                            total[p] += unit * earned[c, line, p]
                        else:
                            it = tables[dimensions]
                            total[p] += best_on_hull(
                                costs, costs.start[it, 0], costs.start[it, 1], scales[dimensions],
                                unit * earned[c, line, p], -np.inf, np.inf,
                            )  # fmt: skip
                    strides(grids, setup, step)
                    allowances(grids, setup, step, total, bends, extra)
                    for p in range(points):
                        total[p] += extra[p]
                    top = best_in_cells(
                        grids, costs, setup, tables, scales, 1.0, step, total, corner, slopes, place
                    )  # fmt: skip
                elif kind == 0:
                    gained = after[goes[1]] - after[goes[0]]
                    it = dimensions + 2
                    top = after[goes[0]]
                    if tables[it] >= 0:
                        top += best_chance(costs, tables[it], scales[it], met[g, TO_AWARE], gained)
                elif kind == 1:
                    gained = after[goes[1]] - after[goes[0]] + unit * each
                    it = dimensions + 3
                    top = after[goes[0]]
                    if tables[it] >= 0:
                        top += best_chance(
                            costs, tables[it], scales[it], met[g, TO_WON] * traits.acquisition[b], gained
                        )
                elif kind == 3:
                    stays = loss[g] * after[goes[2]] + (1.0 - loss[g]) * after[goes[0]]
                    it = dimensions + 4
                    top = stays
                    if tables[it] >= 0:
                        gained = after[goes[1]] + unit * each - stays
                        top += best_chance(costs, tables[it], scales[it], 1.0, gained)
                else:
                    top = after[goes[0]]
                now[s] = top + aims.bonus[t, g, line]
            after, now = now, after
        for s in range(states):
            worth[b] += course.initial[b, s] * after[s]
