"""Backward and forward passes of the dynamic programmes behind the decomposition. Twins in plain NumPy: tests."""

import numpy as np

from sim.engine.compile import kernel


@kernel
def best_response(
    first, last, group, stage, law, successor, outcomes, regime, probability, reward, cost, choices,
    worth, bonus, end, arrivals, own_probability, own_reward, own_cost, action, value, arrived,
):  # fmt: skip
    """For blocks ``first..last`` choose the best action per (period, block, state), seeing everything.

    ``cost[period, group, stage, action]`` is money times discount and prices, already discounted; ``worth[period,
    group]`` what a unit earned counts, ``bonus[period, group, law]`` what being there counts, ``end[block, state]``
    what being there at the end counts; ``value`` becomes
    the value at the start, (blocks, states), and ``arrived[block]`` that of all who appear later. ``outcomes[law]`` is
    how many outcomes a law has. Ties take the cheaper action. Unless empty, ``own_probability[period, block, law,
    outcome]``, ``own_reward[period, block, law]`` and ``own_cost[period, group, stage]`` are one more action, which
    differs by period.
    """
    periods, _, states = action.shape
    with_own = own_cost.shape[0] > 0
    most = successor.shape[1]
    for b in range(first, last):
        g = group[b]
        after = end[b].copy()
        now = after.copy()
        follow = np.empty(most)
        for back in range(periods):
            t = periods - 1 - back
            odds = probability[regime[t], b]
            earn = reward[regime[t], b]
            unit = worth[t, g]
            for s in range(states):
                arrived[b] += arrivals[t, b, s] * after[s]
                line = law[b, s]
                where = stage[b, s]
                n = outcomes[line]
                for o in range(n):
                    follow[o] = after[successor[s, o]]
                best = 0
                top = -1e300
                for a in range(choices[g, where]):
                    total = unit * earn[line, a] - cost[t, g, where, a]
                    for o in range(n):
                        total += odds[line, a, o] * follow[o]
                    if total > top:
                        top = total
                        best = a
                if with_own:
                    total = unit * own_reward[t, b, line] - own_cost[t, g, where]
                    for o in range(n):
                        total += own_probability[t, b, line, o] * follow[o]
                    top = max(top, total)
                action[t, b, s] = best
                now[s] = top + bonus[t, g, line]
            after, now = now, after
        for s in range(states):
            value[b, s] = after[s]


@kernel
def play_states(
    first, last, group, stage, law, successor, outcomes, regime, probability, reward,
    initial, arrivals, action, used, people, earned, ended,
):  # fmt: skip
    """Carry blocks ``first..last`` forward under ``action[period, block, state]``.

    Adds expected head counts to ``used[group, period, stage, action]`` and ``people[group, period, law]`` (the end
    included), money earned to ``earned[group, period]``, and writes who is there at the end, ``ended[block, state]``.
    """
    periods, _, states = action.shape
    for b in range(first, last):
        g = group[b]
        now = initial[b].copy()
        then = now.copy()
        for t in range(periods):
            then[:] = arrivals[t, b]
            odds = probability[regime[t], b]
            earn = reward[regime[t], b]
            for s in range(states):
                number = now[s]
                if number > 0.0:
                    line = law[b, s]
                    a = action[t, b, s]
                    used[g, t, stage[b, s], a] += number
                    people[g, t, line] += number
                    earned[g, t] += number * earn[line, a]
                    for o in range(outcomes[line]):
                        then[successor[s, o]] += number * odds[line, a, o]
            now, then = then, now
        for s in range(states):
            people[g, periods, law[b, s]] += now[s]
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
