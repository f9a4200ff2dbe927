"""One period for all customers, one at a time, from counter-based draws.

The odds are those of :mod:`sim.engine.lifecycle`, drawn instead of averaged. Counts are integers and money is summed
in fixed units, so that no order of summation can change a bit.
"""

import math

import numpy as np

from sim.engine.compile import kernel
from sim.engine.draw_kernels import philox, poisson, total_amount, unit

EVENTS = ("won", "returned", "left", "lost", "aware")
"""True moves, in the order in which they are counted."""
EVENT_WON, EVENT_RETURNED, EVENT_LEFT, EVENT_LOST, EVENT_AWARE = range(5)


@kernel
def move_lifecycle(
    group, state, identity, purchase_rate, defection_rate, mean_spend,
    kind, row, cell, effects, successor, stream, table, moments, constant,
    seed_key, purpose, period, replication,
    money_units, purchases, revenue, events,
):  # fmt: skip
    """Move every customer by one period, in place in ``state``.

    ``row[group, state]`` picks the line of ``effects[row, effect]``; ``cell[group, state]`` is where its purchases,
    ``revenue`` (in integers, ``money_units`` to one unit of currency) and ``events`` are counted. ``table[group]``,
    ``moments[group]``: spread of amounts; ``constant[group]``: every purchase of mean size.
    """
    buys = successor.shape[1] // 2
    for i in range(state.size):
        s = state[i]
        true = kind[s]
        if true == 4:
            state[i] = successor[s, 0]
            continue
        g = group[i]
        line = row[g, s]
        where = cell[g, s]
        w0, w1, w2, _ = philox(identity[i], period, 0, replication, seed_key, purpose ^ stream[g])
        first = unit(w0)
        outcome = 0
        bought = 0
        multiplier = 1.0
        if true == 2:
            m = defection_rate[i] * effects[line, 4]
            exposure = 1.0
            if m > 0.0:
                leaves = -math.log1p(-first) / m
                if leaves < 1.0:
                    exposure = leaves
                    outcome = buys
                    events[where, EVENT_LEFT] += 1
            bought = poisson(unit(w1), purchase_rate[i] * effects[line, 5] * exposure)
            outcome += min(bought, buys - 1)
            multiplier = effects[line, 6]
        elif true == 1:
            if first < effects[line, 1]:
                outcome = 1
                bought = 1
                events[where, EVENT_WON] += 1
        elif true == 0:
            if first < effects[line, 0]:
                outcome = 1
                events[where, EVENT_AWARE] += 1
        else:
            returns = effects[line, 2]
            if first < returns:
                outcome = 1
                bought = 1
                events[where, EVENT_RETURNED] += 1
            elif first < returns + (1.0 - returns) * effects[line, 3]:
                outcome = 2
                events[where, EVENT_LOST] += 1
        if bought > 0:
            amount = float(bought) if constant[g] else total_amount(unit(w2), bought, table[g], moments[g])
            purchases[where] += bought
            revenue[where] += np.int64(math.floor(amount * multiplier * mean_spend[i] * money_units + 0.5))
        state[i] = successor[s, outcome]


@kernel
def move_chain(block, state, identity, law, probability, successor, stream, seed_key, purpose, period, replication):
    """Move every customer of a chain given outright, in place in ``state``; one draw each."""
    for i in range(state.size):
        b = block[i]
        s = state[i]
        w0, _, _, _ = philox(identity[i], period, 0, replication, seed_key, purpose ^ stream[b])
        u = unit(w0)
        odds = probability[b, law[b, s]]
        outcome = 0
        last = 0
        cumulative = odds[0]
        while u >= cumulative and outcome < odds.size - 1:
            outcome += 1
            if odds[outcome] > 0.0:
                last = outcome
            cumulative += odds[outcome]
        if odds[outcome] <= 0.0:
            outcome = last
        state[i] = successor[s, outcome]


@kernel
def count_states(group, state, out):
    """Add one to ``out[group, state]`` for every customer."""
    for i in range(state.size):
        out[group[i], state[i]] += 1


@kernel
def value_after(
    group, state, purchase_rate, defection_rate, mean_spend, rates, defections, discount_rate, earned, spent,
    money_units,
):  # fmt: skip
    """Return the sum of values after the horizon, in integers of ``1/money_units``.

    Interpolated between nodes of the two rates.
    ``earned[group, i, j, state]`` is per unit of mean spend, ``spent`` in money. Interpolation is linear in the
    purchase rate, beyond the last node too, and in ``1/(defection rate + d)``: a plain customer's value has just
    that form. Defection rates beyond the last node count as it: such customers are gone at once.
    """
    total = np.int64(0)
    for q in range(state.size):
        x = float(purchase_rate[q])
        y = min(float(defection_rate[q]), defections[-1])
        i = min(max(np.searchsorted(rates, x) - 1, 0), rates.size - 2)
        j = min(max(np.searchsorted(defections, y) - 1, 0), defections.size - 2)
        a = (x - rates[i]) / (rates[i + 1] - rates[i])
        low = 1.0 / (defections[j] + discount_rate)
        high = 1.0 / (defections[j + 1] + discount_rate)
        b = (low - 1.0 / (y + discount_rate)) / (low - high)
        g = group[q]
        s = state[q]
        value = 0.0
        for corner in range(4):
            p = i + corner // 2
            r = j + corner % 2
            weight = (a if corner // 2 else 1.0 - a) * (b if corner % 2 else 1.0 - b)
            value += weight * (earned[g, p, r, s] * mean_spend[q] - spent[g, p, r, s])
        total += np.int64(math.floor(value * money_units + 0.5))
    return total
