"""Passes behind the bound for the targeting: charges, and what is best under them.

``charge[period, block, law, action]`` may hold some blocks only, from block ``shift``. Actions ``0..most - 1`` are the
problem's; action ``most`` is the plan's own intensity, which differs by period. Twins in plain NumPy: tests.
"""

from typing import NamedTuple

import numpy as np

from optimizer.bound.decomposition_kernels import Counts, Starts, Transitions
from sim.arrays import Flags, Floats, Ints
from sim.engine.compile import kernel
from sim.engine.hull_kernels import Costs, Grids, allowances, best_in_cells, cost_at_points, strides


class PlanAction(NamedTuple):
    """A plan's own intensities as one action.

    ``probability[period, block, law, outcome]``; ``reward[period, block, law]``; ``cost[period, group, stage]``.
    """

    probability: Floats
    reward: Floats
    cost: Floats


class Between(NamedTuple):
    """What lies between points: grids over them, which of these hold in a period, and what all values cost."""

    grids: Grids
    phase: Ints
    costs: Costs


class Known(NamedTuple):
    """A problem at prices; ``cost[period, group, stage, action]``.

    ``by_outcome[regime, block, law, outcome, action]`` are the odds once more, so that many actions are looked at at
    a time.
    """

    transitions: Transitions
    by_outcome: Floats
    cost: Floats
    counts: Counts
    starts: Starts
    plan_action: PlanAction
    between: Between


class Cells(NamedTuple):
    """What may be done where, in a group: ``stage[law]``, ``possible[period, stage, action]``."""

    stage: Ints
    possible: Flags


class Work(NamedTuple):
    """Arrays of a descent.

    ``used[period, block, law, action]``: heads by action; ``heads[period, block, law]`` paid for; ``slope``: direction,
    as charges; ``unit[period, block, law]``: in which units it is measured, 0 where nobody is.
    """

    used: Floats
    heads: Floats
    slope: Floats
    unit: Floats


@kernel
def advantages(part, shift, known, charge, worth):
    """Write what each action would bring over the plan's own, for one period, to the mean customer of each law.

    ``charge[period, block, law, action] = sum_s n[s] (Q[s, action] - V[s]) / sum_s n[s]`` with the plan's own head
    counts ``n`` and values ``V``; ``worth[block]`` is the plan's value net of prices.
    """
    g, first, last = part
    stage, law, successor, outcomes, regime, probability, reward, choices = known.transitions
    cost = known.cost
    unit, bonus, end = known.counts
    initial, arrivals = known.starts
    own_probability, own_reward, own_cost = known.plan_action
    periods = own_cost.shape[0]
    states = initial.shape[1]
    laws = charge.shape[2]
    number = np.empty((periods, states))
    heads = np.empty(laws)
    spread = 1e-9
    for b in range(first, last):
        number[0] = initial[b]
        for t in range(periods - 1):
            number[t + 1] = arrivals[t, b]
            for s in range(states):
                if number[t, s] > 0.0:
                    for o in range(outcomes[law[b, s]]):
                        number[t + 1, successor[s, o]] += number[t, s] * own_probability[t, b, law[b, s], o]
        worth[b] = 0.0
        after = end[b].copy()
        now = after.copy()
        for back in range(periods):
            t = periods - 1 - back
            odds = probability[regime[t], b]
            earn = reward[regime[t], b]
            charge[t, b - shift] = 0.0
            heads[:] = 0.0
            for s in range(states):
                line = law[b, s]
                where = stage[b, s]
                worth[b] += arrivals[t, b, s] * after[s]
                total = unit[t, g] * own_reward[t, b, line] - own_cost[t, g, where] + bonus[t, g, line]
                for o in range(outcomes[line]):
                    total += own_probability[t, b, line, o] * after[successor[s, o]]
                now[s] = total
                weight = number[t, s] + spread
                heads[line] += weight
                for a in range(choices[g, where]):
                    total = unit[t, g] * earn[line, a] - cost[t, g, where, a] + bonus[t, g, line] - now[s]
                    for o in range(outcomes[line]):
                        total += odds[line, a, o] * after[successor[s, o]]
                    charge[t, b - shift, line, a] += weight * total
            for k in range(laws):
                if heads[k] > 0.0:
                    for a in range(charge.shape[3]):
                        charge[t, b - shift, k, a] /= heads[k]
            after, now = now, after
        for s in range(states):
            worth[b] += initial[b, s] * after[s]


@kernel
def charged_response(part, shift, known, charge, worth, used, quantum):
    """Find the best of policies that see everything and pay ``charge[period, block, law, action]`` a head.

    Between the points of a grid worth, money and charges are taken along straight lines, and what the worth may lie
    above them is allowed on top.

    ``worth[block]`` is its value net of prices and charges; unless empty, ``used[period, block, law, action]`` becomes
    the expected head counts under each action.
    """
    g, first, last = part
    stage, law, successor, outcomes, regime, probability, reward, choices = known.transitions
    cost, by_outcome = known.cost, known.by_outcome
    unit, bonus, end = known.counts
    initial, arrivals = known.starts
    own_probability, own_reward, own_cost = known.plan_action
    periods = own_cost.shape[0]
    states = initial.shape[1]
    grids, phase, _ = known.between
    most = charge.shape[3] - 1
    action = np.empty((periods, states), dtype=np.int64)
    follow = np.empty(successor.shape[1])
    gross, extra, bends, total = np.empty(most), np.zeros(most), np.empty(most), np.empty(most)
    step = np.empty(grids.size.shape[1], dtype=np.int64)
    for b in range(first, last):
        worth[b] = 0.0
        after = end[b].copy()
        now = after.copy()
        for back in range(periods):
            t = periods - 1 - back
            odds = by_outcome[regime[t], b]
            earn = reward[regime[t], b]
            for s in range(states):
                line = law[b, s]
                where = stage[b, s]
                worth[b] += arrivals[t, b, s] * after[s]
                n = outcomes[line]
                top = unit[t, g] * own_reward[t, b, line] - own_cost[t, g, where] - charge[t, b - shift, line, most]
                for o in range(n):
                    follow[o] = after[successor[s, o]]
                    top += own_probability[t, b, line, o] * follow[o]
                number = choices[g, where]
                per_unit, earned = unit[t, g], earn[line]
                for a in range(number):
                    gross[a] = per_unit * earned[a]
                for o in range(n):
                    reached, value = odds[line, o], follow[o]
                    for a in range(number):
                        gross[a] += reached[a] * value
                if grids.dimensions[0] >= 0:
                    setup = grids.setup[phase[t], g, where]
                    strides(grids, setup, step)
                    allowances(grids, setup, step, gross, bends, total, extra)
                spent, charged = cost[t, g, where], charge[t, b - shift, line]
                for a in range(number):
                    total[a] = gross[a] + extra[a] - spent[a] - charged[a]
                if used.shape[0] > 0:
                    best, chosen = most, top
                    for a in range(number):
                        if total[a] > chosen + quantum:  # not what is only nearly better
                            chosen = total[a]
                            best = a
                    action[t, s] = best
                for a in range(number):
                    if total[a] > top:
                        top = total[a]
                now[s] = top + bonus[t, g, line]
            after, now = now, after
        for s in range(states):
            worth[b] += initial[b, s] * after[s]
        if used.shape[0] == 0:
            continue
        number = after
        number[:] = initial[b]
        then = now
        for t in range(periods):
            used[t, b] = 0.0
            then[:] = arrivals[t, b]
            for s in range(states):
                if number[s] > 0.0:
                    line = law[b, s]
                    a = action[t, s]
                    used[t, b, line, a] += number[s]
                    if a == most:
                        for o in range(outcomes[line]):
                            then[successor[s, o]] += number[s] * own_probability[t, b, line, o]
                    else:
                        for o in range(outcomes[line]):
                            then[successor[s, o]] += number[s] * probability[regime[t], b, line, a, o]
            number, then = then, number


@kernel
def _fill(where, stage_of_law, low, high, fewest, largest, price, order, heads):
    """Return the most of ``sum_law price n`` with ``low <= n <= high`` and ``fewest <= sum n <= largest``.

    Over the laws of a stage; ``heads`` becomes ``n``, filled from the dearest law down.
    """
    count = 0
    total = 0.0
    must, may = fewest, largest
    for k in range(price.size):
        if stage_of_law[k] == where:
            heads[k] = low[k]
            total += price[k] * low[k]
            must -= low[k]
            may -= low[k]
            if high[k] > low[k]:
                j = count
                while j > 0 and price[order[j - 1]] < price[k]:
                    order[j] = order[j - 1]
                    j -= 1
                order[j] = k
                count += 1
    for j in range(count):
        k = order[j]
        more = min(high[k] - low[k], max(may if price[k] > 0.0 else must, 0.0))
        heads[k] += more
        total += price[k] * more
        must -= more
        may -= more
    return total


@kernel
def returned(part, shift, reference, cells, ranges, known, charge, chosen, heads):
    """Return the most that playable plans pay in charges, over the blocks of a group.

    One action for all who look alike: ``sum_{period, stage} max_a sum_law S(charge[., law, a])`` with ``S`` the lesser
    of two maxima of ``sum_block charge n``: over ``low <= n <= high``; and over ``n = m q`` with ``m`` a head count of
    the reference block and ``least <= q <= most``, blocks with infinite ``most`` as before. Between the points of a
    grid that is along straight lines, and by what the money there is less than along them it is more.
    ``chosen[period, stage, action]`` becomes how much of each action is taken and ``heads[period, block, law]`` the
    ``n`` that attains the lesser maximum at the one that is taken most.
    """
    g, first, last = part
    cost, (grids, phase, costs) = known.cost, known.between
    stage_of_law, possible = cells
    low, high, least, most, fewest, largest = ranges
    periods, stages, _ = chosen.shape
    laws, actions = charge.shape[2], charge.shape[3]
    total = 0.0
    paid, capped = np.empty((stages, actions)), np.empty((stages, actions))
    mixed = np.empty(actions)
    order, filled = np.empty(laws, dtype=np.int64), np.empty(laws)
    outside = np.empty(actions)
    boxed = np.empty(actions)
    by_mix = np.empty((laws, actions), dtype=np.bool_)
    best = np.zeros(stages, dtype=np.int64)
    dimensions = grids.size.shape[1]
    worth, corner, slopes = np.empty(actions), np.empty(1 << dimensions), np.empty(dimensions)
    spent, top_of = np.empty(actions), np.empty(actions)
    place, step = np.empty(dimensions + 2), np.empty(dimensions, dtype=np.int64)
    for t in range(periods):
        paid[:] = 0.0
        capped[:] = 0.0
        for b in range(first, last):
            for where in range(stages):
                if largest[t, b, where] > 0.0:
                    for a in range(actions):
                        if possible[t, where, a]:
                            capped[where, a] += _fill(
                                where, stage_of_law, low[t, b], high[t, b], fewest[t, b, where], largest[t, b, where],
                                charge[t, b - shift, :, a], order, filled,
                            )  # fmt: skip
        for k in range(laws):
            mixed[:] = 0.0
            outside[:] = 0.0
            boxed[:] = 0.0
            for b in range(first, last):
                if high[t, b, k] > 0.0:
                    bounded = most[t, b, k] < np.inf
                    for a in range(actions):
                        price = charge[t, b - shift, k, a]
                        amount = price * (high[t, b, k] if price > 0.0 else low[t, b, k])
                        boxed[a] += amount
                        if bounded:
                            mixed[a] += price * (most[t, b, k] if price > 0.0 else least[t, b, k])
                        else:
                            outside[a] += amount
            for a in range(actions):
                scale = high[t, reference, k] if mixed[a] > 0.0 else low[t, reference, k]
                other = scale * mixed[a] + outside[a]
                by_mix[k, a] = other < boxed[a]
                paid[stage_of_law[k], a] += min(boxed[a], other)
        for where in range(stages):
            top = -1e300
            chosen[t, where] = 0.0
            for a in range(actions):
                worth[a] = min(paid[where, a], capped[where, a])
                if possible[t, where, a] and worth[a] > top:
                    top = worth[a]
                    best[where] = a
            setup = grids.setup[phase[t], g, where] if grids.dimensions[0] >= 0 else 0
            if grids.dimensions[setup] > 0:
                everyone = 0.0
                for b in range(first, last):
                    everyone += largest[t, b, where]
                for a in range(grids.points[setup]):
                    worth[a] += everyone * cost[t, g, where, a]
                strides(grids, setup, step)
                tables, scales = costs.table[t, g, where], costs.scale[t, g, where]
                cost_at_points(grids, costs, setup, tables, scales, everyone, step, spent)
                inside = best_in_cells(
                    grids, costs, setup, tables, scales, everyone, step, spent, worth, top_of, corner, slopes, place
                )  # fmt: skip
                if inside > top:
                    top = inside
                    if place[0] < 0.0:
                        best[where] = int(place[1])
                    else:
                        most_taken = -1.0
                        for c in range(1 << grids.dimensions[setup]):
                            a, share = int(place[0]), 1.0
                            for i in range(grids.dimensions[setup]):
                                up = c >> i & 1
                                a += up * step[i]
                                share *= place[1 + i] if up else 1.0 - place[1 + i]
                            chosen[t, where, a] = share
                            if share > most_taken:
                                most_taken = share
                                best[where] = a
            total += top
            a = best[where]
            if not chosen[t, where].any():
                chosen[t, where, a] = 1.0
            if capped[where, a] < paid[where, a]:
                for b in range(first, last):
                    _fill(
                        where, stage_of_law, low[t, b], high[t, b], fewest[t, b, where], largest[t, b, where],
                        charge[t, b - shift, :, a], order, heads[t, b],
                    )  # fmt: skip
        for k in range(laws):
            a = best[stage_of_law[k]]
            if capped[stage_of_law[k], a] < paid[stage_of_law[k], a]:
                continue
            mix = 0.0
            for b in range(first, last):
                if high[t, b, k] > 0.0:
                    dear = charge[t, b - shift, k, a] > 0.0
                    heads[t, b, k] = high[t, b, k] if dear else low[t, b, k]
                    if by_mix[k, a] and most[t, b, k] < np.inf:
                        heads[t, b, k] = most[t, b, k] if dear else least[t, b, k]
                        mix += charge[t, b - shift, k, a] * heads[t, b, k]
            if by_mix[k, a]:
                scale = high[t, reference, k] if mix > 0.0 else low[t, reference, k]
                for b in range(first, last):
                    if high[t, b, k] > 0.0 and most[t, b, k] < np.inf:
                        heads[t, b, k] *= scale
    return total


@kernel
def turn(part, cells, chosen, keep, work):
    """Turn the slope towards the subgradient of the bound by charges: heads paid for less heads treated.

    Returns its squared length, each class measured in its unit.
    """
    _, first, last = part
    stage_of_law, possible = cells
    used, heads, slope, unit = work
    periods, _, laws, actions = slope.shape
    square = 0.0
    for t in range(periods):
        for b in range(first, last):
            for k in range(laws):
                if unit[t, b, k] > 0.0:
                    where = stage_of_law[k]
                    for a in range(actions):
                        if possible[t, where, a]:
                            now = chosen[t, where, a] * heads[t, b, k] - used[t, b, k, a]
                            slope[t, b, k, a] = keep * slope[t, b, k, a] + (1.0 - keep) * now
                            square += slope[t, b, k, a] ** 2 / unit[t, b, k]
    return square


@kernel
def move(part, work, step, quantum, charge):
    """Move ``charge`` against the slope, to whole numbers of ``quantum``: what is less is arithmetic."""
    _, first, last = part
    slope, unit = work.slope, work.unit
    periods, _, laws, actions = slope.shape
    for t in range(periods):
        for b in range(first, last):
            for k in range(laws):
                if unit[t, b, k] > 0.0:
                    for a in range(actions):
                        wanted = charge[t, b, k, a] - step * slope[t, b, k, a] / unit[t, b, k]
                        charge[t, b, k, a] = quantum * np.round(wanted / quantum) if quantum > 0.0 else wanted
