"""Backward and forward passes of the dynamic programmes behind the decomposition. Twins in plain NumPy: tests."""

import numpy as np

from sim.engine.compile import kernel


@kernel
def cheapest_actions(cost, law_stage, choices, rows, row_of, least, chosen):
    """Find the cheapest action of each row: ``least`` and ``chosen[period, group, law, row]``; ties take the first."""
    periods, groups = cost.shape[:2]
    for t in range(periods):
        for g in range(groups):
            for line in range(law_stage.size):
                where = law_stage[line]
                for r in range(rows[g, line]):
                    least[t, g, line, r] = np.inf
                for a in range(choices[g, where]):
                    r = row_of[g, line, a]
                    if cost[t, g, where, a] < least[t, g, line, r]:
                        least[t, g, line, r] = cost[t, g, where, a]
                        chosen[t, g, line, r] = a


@kernel
def best_response(
    first, last, group, rows, families, family_law, family_start, order, far, near, far_next, near_next, regime,
    far_odds, near_odds, reward, least, chosen, worth, bonus, end, arrivals,
    own_far, own_near, own_reward, own_cost, action, value, arrived,
):  # fmt: skip
    """For blocks ``first..last`` choose the best action per (period, block, state), seeing everything.

    Families, rows, far and near outcomes: :mod:`optimizer.bound.layout`. ``least[period, group, law, row]`` is money
    times discount and prices, already discounted, of the cheapest action ``chosen``; ``worth[period, group]`` what a
    unit earned counts, ``bonus[period, group, law]`` what being there counts, ``end[block, state]`` what being there at
    the end counts; ``value`` becomes the value at the start, (blocks, states), and ``arrived[block]`` that of all who
    appear later. Ties take the first row. Unless empty, ``own_far`` and ``own_near[period, block, law, outcome]``,
    ``own_reward[period, block, law]`` and ``own_cost[period, group, law]`` are one more action, which differs by
    period.
    """
    periods, _, states = action.shape
    with_own = own_cost.shape[0] > 0
    shared, total = np.empty(reward.shape[3]), np.empty(reward.shape[3])
    for b in range(first, last):
        g = group[b]
        after = end[b].copy()
        now = after.copy()
        for back in range(periods):
            t = periods - 1 - back
            unit = worth[t, g]
            for s in range(states):
                arrived[b] += arrivals[t, b, s] * after[s]
            for family in range(families[g]):
                line = family_law[g, family]
                n = rows[g, line]
                earn, cost = reward[regime[t], b, line], least[t, g, line]
                for r in range(n):
                    shared[r] = unit * earn[r] - cost[r]
                odds = far_odds[regime[t], b, line]
                for o in range(far[line]):
                    follow = after[far_next[g, family, o]]
                    for r in range(n):
                        shared[r] += odds[o, r] * follow
                odds = near_odds[regime[t], b, line]
                own = 0.0
                if with_own:
                    own = unit * own_reward[t, b, line] - own_cost[t, g, line]
                    for o in range(far[line]):
                        own += own_far[t, b, line, o] * after[far_next[g, family, o]]
                for place in range(family_start[g, family], family_start[g, family + 1]):
                    s = order[g, place]
                    for r in range(n):
                        total[r] = shared[r]
                    for o in range(0, near[line], 4):
                        f0, f1 = after[near_next[g, s, o]], after[near_next[g, s, o + 1]]
                        f2, f3 = after[near_next[g, s, o + 2]], after[near_next[g, s, o + 3]]
                        for r in range(n):
                            total[r] += (odds[o, r] * f0 + odds[o + 1, r] * f1) + (
                                odds[o + 2, r] * f2 + odds[o + 3, r] * f3
                            )
                    best = 0
                    top = total[0]
                    for r in range(1, n):
                        if total[r] > top:
                            top = total[r]
                            best = r
                    action[t, b, s] = chosen[t, g, line, best]
                    if with_own:
                        it = own
                        for o in range(near[line]):
                            it += own_near[t, b, line, o] * after[near_next[g, s, o]]
                        top = max(top, it)
                    now[s] = top + bonus[t, g, line]
            after, now = now, after
        for s in range(states):
            value[b, s] = after[s]


@kernel
def play_states(
    first, last, group, rows, families, family_law, family_start, order, far, near, far_next, near_next, regime,
    far_odds, near_odds, reward, row_of, law_stage, actions, initial, arrivals, action,
    used, spend, people, earned, ended,
):  # fmt: skip
    """Carry blocks ``first..last`` forward under ``action[period, block, state]``.

    Adds money spent to ``spend[block, period, stage, lever]``, expected head counts to ``people[block, period, law]``
    (the end included) and, unless empty, to ``used[block, period, stage, action]``, money earned to ``earned[block,
    period]``, and writes who is there at the end, ``ended[block, state]``.
    """
    periods = action.shape[0]
    _, stages, most, levers = actions.shape
    heads, treated = np.zeros(reward.shape[3]), np.zeros((stages, most))
    for b in range(first, last):
        g = group[b]
        now = initial[b].copy()
        then = now.copy()
        for t in range(periods):
            then[:] = arrivals[t, b]
            for family in range(families[g]):
                line = family_law[g, family]
                where = law_stage[line]
                odds = near_odds[regime[t], b, line]
                there = 0.0
                for place in range(family_start[g, family], family_start[g, family + 1]):
                    s = order[g, place]
                    number = now[s]
                    if number > 0.0:
                        a = action[t, b, s]
                        r = row_of[g, line, a]
                        treated[where, a] += number
                        heads[r] += number
                        there += number
                        for o in range(near[line]):
                            then[near_next[g, s, o]] += number * odds[o, r]
                if there > 0.0:
                    people[b, t, line] += there
                    odds = far_odds[regime[t], b, line]
                    for r in range(rows[g, line]):
                        number = heads[r]
                        if number > 0.0:
                            heads[r] = 0.0
                            earned[b, t] += number * reward[regime[t], b, line, r]
                            for o in range(far[line]):
                                then[far_next[g, family, o]] += number * odds[o, r]
            for where in range(stages):
                for a in range(most):
                    number = treated[where, a]
                    if number > 0.0:
                        treated[where, a] = 0.0
                        for lever in range(levers):
                            spend[b, t, where, lever] += number * actions[g, where, a, lever]
                        if used.shape[0] > 0:
                            used[b, t, where, a] = number
            now, then = then, now
        for family in range(families[g]):
            for place in range(family_start[g, family], family_start[g, family + 1]):
                s = order[g, place]
                people[b, periods, family_law[g, family]] += now[s]
                ended[b, s] = now[s]


@kernel
def improve_playable(
    first_block, last_block, g, stage, law, successor, outcomes, regime, probability, reward, cost, choices,
    worth, bonus, end, initial, arrivals, action, occupancy, sweeps,
):  # fmt: skip
    """Improve ``action[period, stage]`` of group ``g`` (blocks ``first_block..last_block``), alike for all hidden.

    Each sweep carries the group forward, then goes backward in time and takes at every (period, stage) the action
    that is best for the mixture of hidden states now there, given later actions. Earlier actions have not changed
    yet, so each change is an exact improvement. Returns the number of sweeps until nothing changed.
    """
    periods, stages = action.shape
    states = initial.shape[1]
    blocks = last_block - first_block
    most = choices[g].max()
    after = end[first_block:last_block].copy()
    now = after.copy()
    score = cost[0, 0].copy()
    changed = True
    sweep = 0
    while changed and sweep < sweeps:
        changed = False
        sweep += 1
        for b in range(blocks):
            for s in range(states):
                occupancy[0, b, s] = initial[first_block + b, s]
        for t in range(periods - 1):
            for b in range(blocks):
                occupancy[t + 1, b] = arrivals[t, first_block + b]
                odds = probability[regime[t], first_block + b]
                for s in range(states):
                    number = occupancy[t, b, s]
                    if number > 0.0:
                        line = law[first_block + b, s]
                        a = action[t, stage[first_block + b, s]]
                        for o in range(outcomes[line]):
                            occupancy[t + 1, b, successor[s, o]] += number * odds[line, a, o]
        for b in range(blocks):
            for s in range(states):
                after[b, s] = end[first_block + b, s]
        for back in range(periods):
            t = periods - 1 - back
            score[:stages, :most] = 0.0
            for b in range(blocks):
                odds = probability[regime[t], first_block + b]
                earn = reward[regime[t], first_block + b]
                for s in range(states):
                    number = occupancy[t, b, s]
                    if number > 0.0:
                        line = law[first_block + b, s]
                        where = stage[first_block + b, s]
                        for a in range(choices[g, where]):
                            total = worth[t, g] * earn[line, a] - cost[t, g, where, a]
                            for o in range(outcomes[line]):
                                total += odds[line, a, o] * after[b, successor[s, o]]
                            score[where, a] += number * total
            for where in range(stages):
                best = action[t, where]
                for a in range(choices[g, where]):
                    if score[where, a] > score[where, best] + 1e-12 * abs(score[where, best]):
                        best = a
                if best != action[t, where]:
                    action[t, where] = best
                    changed = True
            for b in range(blocks):
                odds = probability[regime[t], first_block + b]
                earn = reward[regime[t], first_block + b]
                for s in range(states):
                    line = law[first_block + b, s]
                    where = stage[first_block + b, s]
                    a = action[t, where]
                    total = worth[t, g] * earn[line, a] - cost[t, g, where, a]
                    for o in range(outcomes[line]):
                        total += odds[line, a, o] * after[b, successor[s, o]]
                    now[b, s] = total + bonus[t, g, line]
            after, now = now, after
    return sweep
