"""Passes behind the bound for the targeting: ranges of head counts, charges, and what is best under them.

Actions ``0..most - 1`` are the problem's; action ``most`` is the plan's own intensity, which differs by period. Twins
in plain NumPy: tests.
"""

import numpy as np

from sim.engine.compile import kernel


@kernel
def head_ranges(
    first, last, law, successor, outcomes, regime, one_regime, least, most, initial, arrivals, low, high,
):  # fmt: skip
    """Bound the expected head counts ``low <= n[period, block, law] <= high`` of blocks ``first..last``.

    For every policy whose odds lie in ``least[regime, block, law, outcome] <= p <= most`` with ``sum_o p = 1``: a
    dynamic programme over an odds interval (Givan, Leach & Dean 2000) for each law and period, with 1 for those who
    are in the law then. With one regime a single pass serves all periods.
    """
    periods, _, laws = low.shape
    states = law.shape[1]
    width = successor.shape[1]
    value = np.empty((periods, states))
    order = np.empty(width, dtype=np.int64)
    for b in range(first, last):
        for k in range(laws):
            there = False
            for s in range(states):
                there = there or law[b, s] == k
            if not there:
                continue
            for side in range(2):
                sign = 1.0 if side == 0 else -1.0
                for at in range(periods - 1 if one_regime else 0, periods):
                    for s in range(states):
                        value[0, s] = sign if law[b, s] == k else 0.0
                    for ahead in range(1, at + 1):
                        r = regime[0] if one_regime else regime[at - ahead]
                        for s in range(states):
                            line = law[b, s]
                            n = outcomes[line]
                            for o in range(n):
                                j = o
                                here = value[ahead - 1, successor[s, o]]
                                while j > 0 and value[ahead - 1, successor[s, order[j - 1]]] < here:
                                    order[j] = order[j - 1]
                                    j -= 1
                                order[j] = o
                            left = 1.0
                            total = 0.0
                            for o in range(n):
                                left -= least[r, b, line, o]
                                total += least[r, b, line, o] * value[ahead - 1, successor[s, o]]
                            for j in range(n):
                                o = order[j]
                                share = min(left, most[r, b, line, o] - least[r, b, line, o])
                                total += share * value[ahead - 1, successor[s, o]]
                                left -= share
                            value[ahead, s] = total
                    for t in range(0 if one_regime else at, at + 1):
                        number = 0.0
                        for s in range(states):
                            number += initial[b, s] * value[t, s]
                        for came in range(t):
                            for s in range(states):
                                number += arrivals[came, b, s] * value[t - 1 - came, s]
                        if side == 0:
                            high[t, b, k] = number
                        else:
                            low[t, b, k] = -number


@kernel
def advantages(
    first, last, group, stage, law, successor, outcomes, regime, probability, reward, cost, bonus, choices,
    discount, terminal, initial, arrivals, own_probability, own_reward, own_cost, charge, worth,
):  # fmt: skip
    """Write what each action would bring over the plan's own, for one period, to the mean customer of each law.

    ``charge[period, block, law, action] = sum_s n[s] (Q[s, action] - V[s]) / sum_s n[s]`` with the plan's own head
    counts ``n`` and values ``V``; ``worth[block]`` is the plan's value net of prices.
    """
    periods = own_cost.shape[0]
    states = initial.shape[1]
    laws = charge.shape[2]
    number = np.empty((periods, states))
    heads = np.empty(laws)
    spread = 1e-9
    for b in range(first, last):
        g = group[b]
        number[0] = initial[b]
        for t in range(periods - 1):
            number[t + 1] = arrivals[t, b]
            for s in range(states):
                if number[t, s] > 0.0:
                    for o in range(outcomes[law[b, s]]):
                        number[t + 1, successor[s, o]] += number[t, s] * own_probability[t, b, law[b, s], o]
        worth[b] = 0.0
        after = terminal[b] * discount[periods]
        now = after.copy()
        for back in range(periods):
            t = periods - 1 - back
            odds = probability[regime[t], b]
            earn = reward[regime[t], b]
            charge[t, b] = 0.0
            heads[:] = 0.0
            for s in range(states):
                line = law[b, s]
                where = stage[b, s]
                worth[b] += arrivals[t, b, s] * after[s]
                total = discount[t] * own_reward[t, b, line] - own_cost[t, g, where] + bonus[t, g, line]
                for o in range(outcomes[line]):
                    total += own_probability[t, b, line, o] * after[successor[s, o]]
                now[s] = total
                weight = number[t, s] + spread
                heads[line] += weight
                for a in range(choices[g, where]):
                    total = discount[t] * earn[line, a] - cost[t, g, where, a] + bonus[t, g, line] - now[s]
                    for o in range(outcomes[line]):
                        total += odds[line, a, o] * after[successor[s, o]]
                    charge[t, b, line, a] += weight * total
            for k in range(laws):
                if heads[k] > 0.0:
                    for a in range(charge.shape[3]):
                        charge[t, b, k, a] /= heads[k]
            after, now = now, after
        for s in range(states):
            worth[b] += initial[b, s] * after[s]


@kernel
def charged_response(
    first, last, group, stage, law, successor, outcomes, regime, probability, reward, cost, bonus, choices,
    discount, terminal, initial, arrivals, own_probability, own_reward, own_cost, charge, worth, used,
):  # fmt: skip
    """Find the best of policies that see everything and pay ``charge[period, block, law, action]`` a head.

    ``worth[block]`` is its value net of prices and charges; unless empty, ``used[period, block, law, action]`` becomes
    the expected head counts under each action.
    """
    periods = own_cost.shape[0]
    states = initial.shape[1]
    most = charge.shape[3] - 1
    action = np.empty((periods, states), dtype=np.uint8)
    follow = np.empty(successor.shape[1])
    for b in range(first, last):
        g = group[b]
        worth[b] = 0.0
        after = terminal[b] * discount[periods]
        now = after.copy()
        for back in range(periods):
            t = periods - 1 - back
            odds = probability[regime[t], b]
            earn = reward[regime[t], b]
            for s in range(states):
                line = law[b, s]
                where = stage[b, s]
                worth[b] += arrivals[t, b, s] * after[s]
                n = outcomes[line]
                top = discount[t] * own_reward[t, b, line] - own_cost[t, g, where] - charge[t, b, line, most]
                for o in range(n):
                    follow[o] = after[successor[s, o]]
                    top += own_probability[t, b, line, o] * follow[o]
                best = most
                for a in range(choices[g, where]):
                    total = discount[t] * earn[line, a] - cost[t, g, where, a] - charge[t, b, line, a]
                    for o in range(n):
                        total += odds[line, a, o] * follow[o]
                    if total > top:
                        top = total
                        best = a
                action[t, s] = best
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
def _times(ratio, change):
    return ratio * change if ratio > 0.0 and change > 0.0 else 0.0  # nothing stays nothing, infinite or not


@kernel
def _widen(s, number, of_reference, floor, ceiling):
    if of_reference > 0.0:
        floor[s] = min(floor[s], number / of_reference)
        ceiling[s] = max(ceiling[s], number / of_reference)
    elif number > 0.0:
        ceiling[s] = np.inf


@kernel
def mix_ranges(
    first, last, reference, law, successor, outcomes, regime, least, most, initial, arrivals, low, high,
):  # fmt: skip
    """Bound ``n[block, law] / n[reference, law]`` by period, for plans that treat all blocks ``first..last`` alike.

    A ratio of sums lies between the ratios of their terms, and an action common to both blocks moves a ratio by
    ``least[regime, block, law, outcome] <= p_block / p_reference <= most``; so ranges of the states' ratios pass
    forward in time. Where the reference may have nobody, ``high`` is infinite.
    """
    periods, _, laws = low.shape
    states = law.shape[1]
    for b in range(first, last):
        floor = np.full(states, np.inf)
        ceiling = np.zeros(states)
        for s in range(states):
            _widen(s, initial[b, s], initial[reference, s], floor, ceiling)
        for t in range(periods):
            for k in range(laws):
                low[t, b, k] = np.inf
                high[t, b, k] = 0.0
            for s in range(states):
                if floor[s] <= ceiling[s]:
                    low[t, b, law[b, s]] = min(low[t, b, law[b, s]], floor[s])
                    high[t, b, law[b, s]] = max(high[t, b, law[b, s]], ceiling[s])
            then_floor = np.full(states, np.inf)
            then_ceiling = np.zeros(states)
            for s in range(states):
                _widen(s, arrivals[t, b, s], arrivals[t, reference, s], then_floor, then_ceiling)
                if floor[s] <= ceiling[s]:
                    line = law[b, s]
                    for o in range(outcomes[line]):
                        small, large = least[regime[t], b, line, o], most[regime[t], b, line, o]
                        if small <= large:
                            to = successor[s, o]
                            then_floor[to] = min(then_floor[to], _times(floor[s], small))
                            then_ceiling[to] = max(then_ceiling[to], _times(ceiling[s], large))
            floor, ceiling = then_floor, then_ceiling
        for t in range(periods):
            for k in range(laws):
                low[t, b, k] = min(low[t, b, k], high[t, b, k])  # nobody in either block


@kernel
def returned(
    first, last, reference, stage_of_law, possible, low, high, least, most, charge, best, heads,
):  # fmt: skip
    """Return the most that playable plans pay in charges, over blocks ``first..last`` of one group.

    One action for all who look alike: ``sum_{period, stage} max_a sum_law S(charge[., law, a])`` with ``S`` the lesser
    of two maxima of ``sum_block charge n``: over ``low <= n <= high``; and over ``n = m q`` with ``m`` a head count of
    the reference block and ``least <= q <= most``, blocks with infinite ``most`` as before. ``best[period, stage]``
    becomes the action and ``heads[period, block, law]`` the ``n`` that attains the lesser maximum there.
    """
    periods, stages = best.shape
    laws, actions = charge.shape[2], charge.shape[3]
    total = 0.0
    paid = np.empty((stages, actions))
    mixed = np.empty(actions)
    outside = np.empty(actions)
    boxed = np.empty(actions)
    by_mix = np.empty((laws, actions), dtype=np.bool_)
    for t in range(periods):
        paid[:] = 0.0
        for k in range(laws):
            mixed[:] = 0.0
            outside[:] = 0.0
            boxed[:] = 0.0
            for b in range(first, last):
                if high[t, b, k] > 0.0:
                    bounded = most[t, b, k] < np.inf
                    for a in range(actions):
                        price = charge[t, b, k, a]
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
            for a in range(actions):
                if possible[t, where, a] and paid[where, a] > top:
                    top = paid[where, a]
                    best[t, where] = a
            total += top
        for k in range(laws):
            a = best[t, stage_of_law[k]]
            mix = 0.0
            for b in range(first, last):
                if high[t, b, k] > 0.0:
                    dear = charge[t, b, k, a] > 0.0
                    heads[t, b, k] = high[t, b, k] if dear else low[t, b, k]
                    if by_mix[k, a] and most[t, b, k] < np.inf:
                        heads[t, b, k] = most[t, b, k] if dear else least[t, b, k]
                        mix += charge[t, b, k, a] * heads[t, b, k]
            if by_mix[k, a]:
                scale = high[t, reference, k] if mix > 0.0 else low[t, reference, k]
                for b in range(first, last):
                    if high[t, b, k] > 0.0 and most[t, b, k] < np.inf:
                        heads[t, b, k] *= scale
    return total


@kernel
def turn(first, last, stage_of_law, possible, high, best, heads, used, keep, slope):
    """Turn ``slope`` towards the subgradient of the bound by charges: heads paid for less heads treated.

    Returns its squared length, where each class counts in units of ``high``.
    """
    periods, _, laws, actions = slope.shape
    square = 0.0
    for t in range(periods):
        for b in range(first, last):
            for k in range(laws):
                if high[t, b, k] > 0.0:
                    where = stage_of_law[k]
                    for a in range(actions):
                        if possible[t, where, a]:
                            now = (heads[t, b, k] if best[t, where] == a else 0.0) - used[t, b, k, a]
                            slope[t, b, k, a] = keep * slope[t, b, k, a] + (1.0 - keep) * now
                            square += slope[t, b, k, a] ** 2 / high[t, b, k]
    return square


@kernel
def move(first, last, high, slope, step, charge):
    """Move ``charge`` against ``slope``."""
    periods, _, laws, actions = slope.shape
    for t in range(periods):
        for b in range(first, last):
            for k in range(laws):
                if high[t, b, k] > 0.0:
                    for a in range(actions):
                        charge[t, b, k, a] -= step * slope[t, b, k, a] / high[t, b, k]
