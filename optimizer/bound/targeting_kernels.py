"""Passes behind the bound for the targeting: charges, and what is best under them.

``charge[period, block, law, action]`` may hold some blocks only, from block ``shift``. Actions ``0..most - 1`` are the
problem's; action ``most`` is the plan's own intensity, which differs by period. Twins in plain NumPy: tests.
"""

from typing import NamedTuple

import numpy as np

from optimizer.bound.decomposition_kernels import Counts, Families, Starts, Transitions
from sim.arrays import Flags, Floats, Ints
from sim.engine.bend_spans_kernels import SPANS, allowances_at_points, spans_of, spans_of_entry
from sim.engine.compile import kernel
from sim.engine.hull_kernels import Costs, Grids, strides


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
    a time; ``reached[period, group, state]``: where somebody may be.
    """

    transitions: Transitions
    by_outcome: Floats
    families: Families
    reached: Flags
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
def advantages(part, shift, known, lean, charge, worth):
    """Write what each action would bring to the mean customer of each law, above what that customer is worth.

    ``charge[period, block, law, action] = sum_s n[s] (Q[s, action] - V[s]) / sum_s n[s]`` with the plan's own head
    counts ``n``, ``Q`` what an action brings with ``V`` to follow, and ``V`` between the plan's own and the best:
    ``V = Q[plan's] + lean[period, block, law] (max Q - Q[plan's])``. ``worth[block]`` is the plan's value net of
    prices.
    """
    g, first, last = part
    stage, law, successor, outcomes, regime, probability, reward, choices = known.transitions
    cost = known.cost
    unit, bonus, end = known.counts
    initial, arrivals = known.starts
    own_probability, own_reward, own_cost = known.plan_action
    periods = own_cost.shape[0]
    states = initial.shape[1]
    laws, most = charge.shape[2], charge.shape[3] - 1
    number = np.empty((periods, states))
    heads, brings = np.empty(laws), np.empty(most + 1)
    spread = 1e-9
    for b in range(first, last):
        for s in range(states):
            number[0, s] = initial[b, s]
        for t in range(periods - 1):
            for s in range(states):
                number[t + 1, s] = arrivals[t, b, s]
            for s in range(states):
                if number[t, s] > 0.0:
                    for o in range(outcomes[law[b, s]]):
                        number[t + 1, successor[s, o]] += number[t, s] * own_probability[t, b, law[b, s], o]
        worth[b] = 0.0
        after, plan_after = end[b].copy(), end[b].copy()
        now, plan_now = after.copy(), after.copy()
        for back in range(periods):
            t = periods - 1 - back
            odds = probability[regime[t], b]
            earn = reward[regime[t], b]
            charge[t, b - shift] = 0.0
            heads[:] = 0.0
            for s in range(states):
                line = law[b, s]
                where = stage[b, s]
                worth[b] += arrivals[t, b, s] * plan_after[s]
                brings[most] = unit[t, g] * own_reward[t, b, line] - own_cost[t, g, where] + bonus[t, g, line]
                plan_now[s] = brings[most]
                for o in range(outcomes[line]):
                    brings[most] += own_probability[t, b, line, o] * after[successor[s, o]]
                    plan_now[s] += own_probability[t, b, line, o] * plan_after[successor[s, o]]
                top = brings[most]
                for a in range(choices[g, where]):
                    total = unit[t, g] * earn[line, a] - cost[t, g, where, a] + bonus[t, g, line]
                    for o in range(outcomes[line]):
                        total += odds[line, a, o] * after[successor[s, o]]
                    brings[a] = total
                    top = max(top, total)
                now[s] = brings[most] + lean[t, b - shift, line] * (top - brings[most])
                weight = number[t, s] + spread
                heads[line] += weight
                for a in range(choices[g, where]):
                    charge[t, b - shift, line, a] += weight * (brings[a] - now[s])
                charge[t, b - shift, line, most] += weight * (brings[most] - now[s])
            for k in range(laws):
                if heads[k] > 0.0:
                    for a in range(most + 1):
                        charge[t, b - shift, k, a] /= heads[k]
            after, now = now, after
            plan_after, plan_now = plan_now, plan_after
        for s in range(states):
            worth[b] += initial[b, s] * plan_after[s]


@kernel
def charged_response(part, shift, known, charge, worth, used, quantum, bends):
    """Find the best of policies that see everything and pay ``charge[period, block, law, action]`` a head.

    Between the points of a grid worth, money and charges are taken along straight lines, and what the worth may lie
    above them is allowed on top: ``bends``, of the part's blocks.

    ``worth[block]`` is its value net of prices and charges; unless empty, ``used[period, block, law, action]`` becomes
    the expected head counts under each action.
    """
    g, first, last = part
    stage, law, successor, outcomes, regime, probability, reward, choices = known.transitions
    cost, by_outcome, reached, families = known.cost, known.by_outcome, known.reached, known.families
    unit, bonus, end = known.counts
    initial, arrivals = known.starts
    own_probability, own_reward, own_cost = known.plan_action
    periods = own_cost.shape[0]
    states = initial.shape[1]
    grids, phase, _ = known.between
    most = charge.shape[3] - 1
    action = np.empty((periods, states), dtype=np.int64)
    shared, gross, extra = np.empty(most), np.empty(most), np.zeros(most)
    spans, along, total = np.empty(SPANS), np.empty(bends.above.shape[4]), np.empty(most)
    told_apart = (bends.kinds[0], bends.kinds[1], bends.kinds[2], bends.kinds[3] > 0, bends.kinds[4] > 0)
    step = np.empty(grids.size.shape[1], dtype=np.int64)
    for b in range(first, last):
        worth[b] = 0.0
        after = end[b].copy()
        now = np.zeros(states)
        for back in range(periods):
            t = periods - 1 - back
            odds, own_odds, per_unit = by_outcome[regime[t], b], own_probability[t, b], unit[t, g]
            for s in range(states):
                worth[b] += arrivals[t, b, s] * after[s]
            for family in range(families.number[g]):
                line = families.law[g, family]
                places = families.order[g, families.start[g, family] : families.start[g, family + 1]]
                where = stage[b, places[0]]
                number, earned = choices[g, where], reward[regime[t], b, line]
                spent, charged = cost[t, g, where], charge[t, b - shift, line]
                for a in range(number):
                    shared[a] = per_unit * earned[a]
                own_shared = per_unit * own_reward[t, b, line] - own_cost[t, g, where] - charged[most]
                for i in range(families.far[line]):
                    leads, value = odds[line, families.far_outcome[line, i]], after[families.far_next[g, family, i]]
                    own_shared += own_odds[line, families.far_outcome[line, i]] * value
                    for a in range(number):
                        shared[a] += leads[a] * value
                bent = grids.dimensions[0] >= 0
                setup = grids.setup[phase[t], g, where] if bent else 0
                if bent:
                    strides(grids, setup, step)
                for s in places:
                    if not reached[t, g, s]:
                        continue
                    for a in range(number):
                        gross[a] = shared[a]
                    top = own_shared
                    for i in range(families.near[line]):
                        o = families.near_outcome[line, i]
                        leads, value = odds[line, o], after[successor[s, o]]
                        top += own_odds[line, o] * value
                        for a in range(number):
                            gross[a] += leads[a] * value
                    if bent:
                        earns, served = bends.money[regime[t], b - first, line], bends.served[b - first]
                        goes, kind = successor[s], bends.kind[line]
                        if kind == 2:
                            spans_of(goes, after, told_apart, per_unit, earns, served, (1.0, 1.0), spans)
                        else:
                            spans_of_entry(kind, goes, after, bends.entry, bends.loss, per_unit, earns, served, spans)
                        allowances_at_points(
                            grids, setup, step, bends.above[regime[t], b - first, line], spans, along, extra
                        )
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
        for s in range(states):
            number[s] = initial[b, s]
        then = now
        for t in range(periods):
            used[t, b - shift] = 0.0
            for s in range(states):
                then[s] = arrivals[t, b, s]
            for s in range(states):
                if number[s] > 0.0:
                    line = law[b, s]
                    a = action[t, s]
                    used[t, b - shift, line, a] += number[s]
                    if a == most:
                        for o in range(outcomes[line]):
                            then[successor[s, o]] += number[s] * own_probability[t, b, line, o]
                    else:
                        for o in range(outcomes[line]):
                            then[successor[s, o]] += number[s] * probability[regime[t], b, line, a, o]
            number, then = then, number


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
