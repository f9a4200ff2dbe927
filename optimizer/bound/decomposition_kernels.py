"""Backward and forward passes of the dynamic programmes behind the decomposition. Twins in plain NumPy: tests.

The arrays that travel together into kernels are named here, because the cache of compiled kernels is named after the
content of such modules.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.arrays import Floats, Ints
from sim.engine.compile import kernel


class Part(NamedTuple):
    """Blocks ``first..last`` of a group."""

    group: int
    first: int
    last: int


class Reading(NamedTuple):
    """A :class:`optimizer.bound.layout.Layout`, and which odds hold in a period: ``regime[period]``."""

    rows: Ints
    row_of: Ints
    families: Ints
    family_law: Ints
    family_start: Ints
    order: Ints
    far: Ints
    near: Ints
    far_next: Ints
    near_next: Ints
    regime: Ints
    far_odds: Floats
    near_odds: Floats
    reward: Floats


class Families(NamedTuple):
    """States of a law whose *far* outcomes lead to the same states, :mod:`optimizer.bound.layout`.

    ``number[group]``; ``law[group, family]``; ``start[group, family]`` in ``order[group, state]``; ``far_next[group,
    family, place]``; ``far, near[law]``: how many outcomes; ``far_outcome, near_outcome[law, place]``: which.
    """

    number: Ints
    law: Ints
    start: Ints
    order: Ints
    far_next: Ints
    far: Ints
    near: Ints
    far_outcome: Ints
    near_outcome: Ints


class Transitions(NamedTuple):
    """Where actions lead and what they earn.

    ``stage, law[block, state]``; ``successor[state, outcome]``; ``outcomes[law]`` that have odds; ``regime[period]``;
    ``probability[regime, block, law, action, outcome]``; ``reward[regime, block, law, action]``; ``choices[group,
    stage]``: how many actions there are.
    """

    stage: Ints
    law: Ints
    successor: Ints
    outcomes: Ints
    regime: Ints
    probability: Floats
    reward: Floats
    choices: Ints


class Cheapest(NamedTuple):
    """The cheapest action of each row, ``[period, group, law, row]``: its cost and which it is.

    Costs are money times discount and prices, already discounted.
    """

    least: Floats
    chosen: NDArray[np.uint8]


class Counts(NamedTuple):
    """What counts: a unit earned, ``worth[period, group]``; being there, ``bonus[period, group, law]``.

    And being there at the end: ``end[block, state]``.
    """

    worth: Floats
    bonus: Floats
    end: Floats


class Starts(NamedTuple):
    """Where customers are at first, ``initial[block, state]``, and appear: ``arrivals[period, block, state]``."""

    initial: Floats
    arrivals: Floats


class OwnAction(NamedTuple):
    """One more action, which differs by period; empty arrays: none.

    ``far, near[period, block, law, outcome]``; ``reward[period, block, law]``; ``cost[period, group, law]``.
    """

    far: Floats
    near: Floats
    reward: Floats
    cost: Floats


class Response(NamedTuple):
    """The best ``action[period, block, state]``, its ``value[block, state]`` at the start, and of all who appear later.

    The latter by block: ``arrived``.
    """

    action: NDArray[np.uint8]
    value: Floats
    arrived: Floats


class Played(NamedTuple):
    """What a plan brought about.

    ``used[block, period, stage, action]``: expected head counts, or empty; ``spend[block, period, stage, lever]``;
    ``people[block, period, law]``: expected head counts, the end included; ``earned[block, period]``; ``ended[block,
    state]``: who is there at the end.
    """

    used: Floats
    spend: Floats
    people: Floats
    earned: Floats
    ended: Floats


@kernel
def cheapest_actions(cost, law_stage, choices, rows, row_of, cheapest):
    """Find the cheapest action of each row; ties take the first."""
    least, chosen = cheapest
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
def best_response(part, reading, cheapest, counts, arrivals, own_action, response):
    """Choose the best action per (period, block, state) of a part, seeing everything; ties take the first row.

    Families, rows, far and near outcomes: :mod:`optimizer.bound.layout`. ``arrivals[period, block, state]``: who
    appears.
    """
    g, first, last = part
    (
        rows, _, families, family_law, family_start, order, far, near, far_next, near_next, regime,
        far_odds, near_odds, reward,
    ) = reading  # fmt: skip
    least, chosen = cheapest
    worth, bonus, end = counts
    own_far, own_near, own_reward, own_cost = own_action
    action, value, arrived = response
    periods, _, states = action.shape
    with_own = own_cost.shape[0] > 0
    shared, total = np.empty(reward.shape[3]), np.empty(reward.shape[3])
    for b in range(first, last):
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
def play_states(part, reading, law_stage, actions, starts, action, played):
    """Carry a part forward under ``action[period, block, state]``; add what comes of it to ``played``.

    ``actions[group, stage, action, lever]`` are intensities.
    """
    g, first, last = part
    (
        rows, row_of, families, family_law, family_start, order, far, near, far_next, near_next, regime,
        far_odds, near_odds, reward,
    ) = reading  # fmt: skip
    initial, arrivals = starts
    used, spend, people, earned, ended = played
    periods = action.shape[0]
    _, stages, most, levers = actions.shape
    heads, treated = np.zeros(reward.shape[3]), np.zeros((stages, most))
    for b in range(first, last):
        now = initial[b].copy()
        then = now.copy()
        for t in range(periods):
            for s in range(then.size):
                then[s] = arrivals[t, b, s]
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
def improve_playable(part, transitions, cost, counts, starts, action, sweeps):
    """Improve ``action[period, stage]`` of a part, alike for all hidden; ``cost[period, group, stage, action]``.

    Each sweep carries the group forward, then goes backward in time and takes at every (period, stage) the action
    that is best for the mixture of hidden states now there, given later actions. Earlier actions have not changed
    yet, so each change is an exact improvement. Returns the number of sweeps until nothing changed.
    """
    g, first_block, last_block = part
    stage, law, successor, outcomes, regime, probability, reward, choices = transitions
    worth, bonus, end = counts
    initial, arrivals = starts
    periods, stages = action.shape
    states = initial.shape[1]
    blocks = last_block - first_block
    occupancy = np.empty((periods, blocks, states))
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
                for s in range(states):
                    occupancy[t + 1, b, s] = arrivals[t, first_block + b, s]
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
