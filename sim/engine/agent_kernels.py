"""One period for all customers, from counter-based draws.

The odds are those of :mod:`sim.engine.lifecycle_kernels`, drawn instead of averaged. Customers lie sorted by *cohort*
(group and quality); within a cohort they are taken in blocks that fit the fastest memory, and a block in passes of one
simple thing each: one uniform for everybody, find customers and those who move, four more uniforms for these, then
satisfaction, leaving, purchases, ties, amounts and the new state. Counts are integers and money is summed in fixed
units, so that no order of summation, and so no division of the work, can change a bit.

Where the time goes, measured on the retailer of ``benchmarks/retailer.py`` (a third of the people customers, 366
states, one thread, 7.1 ns a person in the ninth period): the draw for everybody 1.3, finding customers and movers 1.0,
draws for these .6, rates and satisfaction 1.1, leaving and who may buy .5, how often 1.0, amounts 1.4, the rest .3.
Block sizes from 512 to 4,096 make little difference. Counters of lists are unsigned, because an index that might be
negative costs a test each; and no pass writes ``state`` while it makes lists from it, which takes twice as long as two.
"""

import math

import numpy as np

from sim.engine.compile import kernel
from sim.engine.draw_kernels import (
    FEW,
    exp_minus,
    fill_shared,
    fill_words,
    philox,
    poisson_beyond,
    poisson_few,
    total_amount,
    unit,
)

EVENTS = ("won", "returned", "left", "lost", "aware")
"""True moves, in the order in which they are counted."""
EVENT_WON, EVENT_RETURNED, EVENT_LEFT, EVENT_LOST, EVENT_AWARE = range(5)

NOBODY = 5
"""Kind of the state "not there yet"."""

BLOCK = 1024
"""Customers taken together: their draws and lists fit the first-level cache."""

FIRST, SECOND = 0, 1
"""Columns of ``odds`` for those who are no customers: chance of outcome 1, and of outcome 2 if not of 1."""
LEAVES, BUYS, SPENDS, RISES, FALLS, LOSES_TIE, LEAVES_WITH, GAINS_TIE = range(8)
"""Columns of ``odds`` for customers: three multipliers, odds of satisfaction, and of ties: fewer, leaving, more."""
COLUMNS = 8

WORDS = 4294967296.0
"""How many words there are: a uniform is (word + .5)/2^32."""


@kernel
def words_below(p):
    """Return how many words stand for uniforms below ``p``."""
    return np.uint64(max(math.ceil(p * WORDS - 0.5), 0.0))


@kernel
def move_lifecycle(
    first, last, start, identity, state, purchase_rate, defection_rate, mean_spend,
    kind, law, stage, successor, odds, buys, levels, ties, renewal, stream, spread, tables, moments, constant,
    seed_key, purpose, period, replication, money_units, counts, moves, purchases, revenue, events,
):  # fmt: skip
    """Move customers ``first .. last`` by one period, in place in ``state``.

    Cohort ``c`` lies at ``start[c] .. start[c + 1]``; ``law[c, state]`` picks the line of ``odds[c, law, column]``;
    ``levels``, ``ties``: numbers of moves of satisfaction and ties that are told apart (1 or 3). ``spread[c]`` picks
    the cohort's ``tables`` and ``moments`` of amounts; ``constant``: every purchase of mean size.

    Added to: ``counts[c, state]`` and ``moves[c, stage, stage]`` get the customers where they are now, and for those
    who are no customers only the difference to ``successor[state, 0]``; ``purchases[c, stage]``, ``revenue[c, stage]``
    (integers, ``money_units`` to one unit of currency), ``events[c, event]``.
    """
    # Words: whether somebody leaves or moves on; for customers and those who enter, purchases, amounts and so on.
    words, range_words = np.empty((5, BLOCK), np.uint32), np.empty(4 * BLOCK, np.uint32)
    moving, buying, spending, feeling, tying = words[0], words[1], words[2], words[3], words[4]
    some, others, active = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32)
    people, outcome, bought = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32)
    where, origin = np.empty(BLOCK, np.uint16), np.empty(BLOCK, np.uint16)
    leaving, rate, mean, none = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    states, outcomes = successor.shape
    customer, enters, idle = np.empty(states, np.uint64), np.empty(states, np.uint32), np.empty(states, np.uint16)
    leaves, wants, spends = np.empty(states), np.empty(states), np.empty(states)
    first_below, moves_below = np.empty(states, np.uint64), np.empty(states, np.uint64)
    rises_below, falls_from = np.empty(states, np.uint64), np.empty(states, np.uint64)
    tally = np.empty((states, outcomes), np.int32)
    number, money = np.empty(states, np.int64), np.empty(states, np.int64)
    zero, one, size = np.uint64(0), np.uint32(1), np.uint32(buys)
    for c in range(start.size - 1):
        low, high = max(first, start[c]), min(last, start[c + 1])
        if low >= high:
            continue
        tally[:], number[:], money[:] = 0, 0, 0
        key, cell = purpose ^ stream[c], stage[c]
        table, moment, same = tables[spread[c]], moments[spread[c]], constant[spread[c]]
        for s in range(states):
            line = odds[c, law[c, s]]
            alive = kind[s] == 2
            customer[s], idle[s] = alive, s if alive else np.int64(successor[s, 0])
            leaves[s], wants[s], spends[s] = line[LEAVES], line[BUYS], line[SPENDS] if alive else 1.0
            rises_below[s], falls_from[s] = words_below(line[RISES]), words_below(1.0 - line[FALLS])
            enters[s] = kind[s] == 1 or kind[s] == 3
            first_below[s] = moves_below[s] = 0
            if kind[s] != 2 and kind[s] < 4:
                first_below[s] = moves_below[s] = words_below(line[FIRST])
            if kind[s] == 3:
                moves_below[s] = words_below(line[FIRST] + (1.0 - line[FIRST]) * line[SECOND])

        for b in range(low, high, BLOCK):
            n = min(BLOCK, high - b)
            here, who, spend = state[b : b + n], identity[b : b + n], mean_spend[b : b + n]
            rates, defections = purchase_rate[b : b + n], defection_rate[b : b + n]

            # Everybody: lists of customers and of movers; silence grows.
            fill_shared(who, period, 0, replication, seed_key, key, range_words, moving)
            actives = movers = zero
            for j in range(n):
                s = here[j]
                active[actives] = j
                others[movers] = j
                actives += customer[s]
                movers += np.uint64(moving[j] < moves_below[s])
            for k in range(movers):
                origin[k] = here[others[k]]
            for j in range(n):
                here[j] = idle[here[j]]

            # Movers; those who enter join the end of the list of customers, for their first purchase.
            for q in range(actives):
                where[q] = here[active[q]]
            buyers = actives
            for k in range(movers):
                j, s = others[k], origin[k]
                o = one + np.uint32(moving[j] >= first_below[s])
                here[j] = successor[s, o]
                tally[s, o] += 1
                active[buyers], where[buyers] = j, s
                buyers += np.uint64(o == enters[s])
            for q in range(buyers):
                people[q] = who[active[q]]
            fill_words(people[:buyers], period, 1, replication, seed_key, key, buying, spending, feeling, tying)

            # Customers: rates; satisfaction; who leaves.
            for q in range(actives):
                rate[q] = rates[active[q]] * wants[where[q]]
                leaving[q] = defections[active[q]] * leaves[where[q]]
            for q in range(actives):
                s = where[q]
                up, down = np.uint32(feeling[q] < rises_below[s]), np.uint32(feeling[q] >= falls_from[s])
                outcome[q] = size * (np.uint32(2) * up + np.uint32(3) * down)
            found = maybe = zero
            for q in range(actives):
                some[found] = q
                others[maybe] = q
                found += np.uint64(unit(moving[active[q]]) < leaving[q])  # 1 - e^-m < m: others cannot be leaving
                maybe += np.uint64(unit(buying[q]) > 1.0 - rate[q])  # e^-l > 1 - l: others cannot be buying
            for k in range(found):
                q = some[k]
                after = -math.log1p(-unit(moving[active[q]])) / leaving[q]
                if after < 1.0:
                    outcome[q] = size
                    rate[q] *= after

            # Who buys, and how often.
            found = zero
            if renewal:
                for q in range(actives):
                    some[found], bought[found] = q, 1
                    found += np.uint64(outcome[q] != size)
            else:
                for k in range(maybe):
                    mean[k] = rate[others[k]]
                for k in range(maybe):
                    none[k] = exp_minus(mean[k])
                for k in range(maybe):
                    some[found] = others[k]
                    u = unit(buying[others[k]])
                    times = poisson_few(u, mean[k], none[k])
                    if times == FEW:
                        times = np.uint32(poisson_beyond(u, mean[k], none[k]))
                    bought[found] = times
                    found += np.uint64(times > 0)
            for q in range(actives, buyers):
                some[found], bought[found] = q, 1
                found += np.uint64(1)

            # Ties; money; the new state.
            if ties > 1:
                for q in range(actives):
                    if outcome[q] == size:
                        continue
                    line = odds[c, law[c, where[q]]]
                    u = unit(tying[q])
                    move = outcome[q] // size
                    move -= np.uint32(move > 0)
                    if u < line[LEAVES_WITH]:
                        outcome[q] = size
                        continue
                    if u < line[LOSES_TIE]:
                        move += np.uint32(2 * levels)
                    elif u >= 1.0 - line[GAINS_TIE]:
                        move += np.uint32(levels)
                    outcome[q] = size * (move + one) if move > 0 else 0
            for k in range(found):
                q, times = some[k], bought[k]
                s = where[q]
                amount = float(times) if same else total_amount(unit(spending[q]), times, table, moment)
                outcome[q] += min(times, size - one)
                number[s] += times
                money[s] += np.int64(math.floor(amount * spends[s] * spend[active[q]] * money_units + 0.5))
            for q in range(actives):
                s, o = where[q], outcome[q]
                here[active[q]] = successor[s, o]
                tally[s, o] += 1

        for s in range(states):
            purchases[c, cell[s]] += number[s]
            revenue[c, cell[s]] += money[s]
            for way in range(outcomes):
                how_many = tally[s, way]
                if how_many == 0:
                    continue
                t, stays = successor[s, way], successor[s, 0]
                counts[c, t] += how_many
                moves[c, cell[s], cell[t]] += how_many
                if kind[s] == 2:
                    if buys <= way < 2 * buys:
                        events[c, EVENT_LEFT] += how_many
                    continue
                counts[c, stays] -= how_many
                moves[c, cell[s], cell[stays]] -= how_many
                if kind[s] == 0:
                    events[c, EVENT_AWARE] += how_many
                elif kind[s] == 1:
                    events[c, EVENT_WON] += how_many
                else:
                    events[c, EVENT_RETURNED if way == 1 else EVENT_LOST] += how_many


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
def count_states(start, state, out):
    """Add one to ``out[cohort, state]`` for every customer; cohort ``c`` lies at ``start[c] .. start[c + 1]``."""
    for c in range(start.size - 1):
        for i in range(start[c], start[c + 1]):
            out[c, state[i]] += 1


@kernel
def count_answers(start, identity, state, answers, chance, stream, seed_key, purpose, period, replication, out):
    """Add one to ``out[cohort, state]`` for every customer who is asked (``chance[cohort]``) and ``answers[state]``."""
    for c in range(start.size - 1):
        key = purpose ^ stream[c]
        for i in range(start[c], start[c + 1]):
            s = state[i]
            if answers[s] and unit(philox(identity[i], period, 0, replication, seed_key, key)[0]) < chance[c]:
                out[c, s] += 1


@kernel
def value_after(
    first, last, start, state, purchase_rate, defection_rate, mean_spend, rates, defections, discount_rate, grid,
    earned, spent, money_units,
):  # fmt: skip
    """Return the sum of values after the horizon of customers ``first .. last``, in integers of ``1/money_units``.

    Interpolated between nodes of the two rates. ``grid[c]`` picks a cohort's ``earned[grid, i, j, state]``, per unit
    of mean spend, and ``spent``, in money. Interpolation is linear in the purchase rate, beyond the last node too, and
    in ``1/(defection rate + d)``: a plain customer's value has just that form. Defection rates beyond the last node
    count as it: such customers are gone at once.
    """
    total = np.int64(0)
    states = earned.shape[3]
    for c in range(start.size - 1):
        g = grid[c]
        for q in range(max(first, start[c]), min(last, start[c + 1])):
            s = state[q]
            if s >= states:
                continue
            x = float(purchase_rate[q])
            y = min(float(defection_rate[q]), defections[-1])
            i = min(max(np.searchsorted(rates, x) - 1, 0), rates.size - 2)
            j = min(max(np.searchsorted(defections, y) - 1, 0), defections.size - 2)
            a = (x - rates[i]) / (rates[i + 1] - rates[i])
            low = 1.0 / (defections[j] + discount_rate)
            high = 1.0 / (defections[j + 1] + discount_rate)
            b = (low - 1.0 / (y + discount_rate)) / (low - high)
            value = 0.0
            for corner in range(4):
                p = i + corner // 2
                r = j + corner % 2
                weight = (a if corner // 2 else 1.0 - a) * (b if corner % 2 else 1.0 - b)
                value += weight * (earned[g, p, r, s] * mean_spend[q] - spent[g, p, r, s])
            total += np.int64(math.floor(value * money_units + 0.5))
    return total
