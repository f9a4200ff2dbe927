"""One period for all customers, from counter-based draws.

The odds are those of :mod:`sim.engine.lifecycle_kernels`, drawn instead of averaged. Customers lie sorted by *cohort*
(group and quality); within a cohort they are taken in blocks that fit the fastest memory, and a block in passes of one
simple thing each: draw four uniforms for everybody, find those who may move, then leaving, purchases, amounts, moves
of satisfaction and ties for the customers among them. Counts are integers and money is summed in fixed units, so that
no order of summation, and so no division of the work, can change a bit.

Where the time goes, measured on the retailer of ``benchmarks/retailer.py`` (a third of the people customers, 366
states, one thread, 9.7 ns a person and period): draws 1.8, finding those who may move 1.9, the idle 1.5, rates and
satisfaction 1.1, purchases and amounts 2.8, the rest .6. Block sizes from 256 to 2,048 make no difference. Loops that
call another function that draws are not run several customers at a time, and indices that might be negative cost a
test each: hence unsigned lists and the draws written out in ``fill_words``.
"""

import math

import numpy as np

from sim.engine.compile import kernel
from sim.engine.draw_kernels import exp_minus, fill_words, philox, poisson_beyond, total_amount, unit

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
    w0, w1 = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32)
    w2, w3 = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32)
    some, active, others = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32)
    leaving, rate, none = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    where, outcome, bought = np.empty(BLOCK, np.uint16), np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32)
    states, outcomes = successor.shape
    limit, customer = np.empty(states, np.uint32), np.empty(states, np.uint32)
    line = np.empty((states, COLUMNS))
    leaves, wants = np.empty(states), np.empty(states)
    rises, falls = np.empty(states, np.uint64), np.empty(states, np.uint64)
    tally = np.empty((states, outcomes), np.int32)
    one, size, largest = np.uint32(1), np.uint32(buys), np.uint32(0xFFFFFFFF)
    for c in range(start.size - 1):
        low, high = max(first, start[c]), min(last, start[c + 1])
        if low >= high:
            continue
        tally[:] = 0
        key = purpose ^ stream[c]
        cell, number, money = stage[c], purchases[c], revenue[c]
        table, moment, same = tables[spread[c]], moments[spread[c]], constant[spread[c]]
        for s in range(states):
            line[s] = odds[c, law[c, s]]
            customer[s] = 1 if kind[s] == 2 else 0
            leaves[s], wants[s] = line[s, LEAVES], line[s, BUYS]
            rises[s], falls[s] = words_below(line[s, RISES]), words_below(1.0 - line[s, FALLS])
            # Who draws no more than this word is looked at closely (a word too many does no harm): customers always,
            # those whose silence still grows, and of the others who may move.
            limit[s] = 0
            if kind[s] == 2 or successor[s, 0] != s:
                limit[s] = largest
            elif kind[s] < 4:
                p = line[s, FIRST] + (1.0 - line[s, FIRST]) * line[s, SECOND]
                limit[s] = np.uint32(min(p * WORDS, WORDS - 1.0))

        for b in range(low, high, BLOCK):
            n = min(BLOCK, high - b)
            here, who, spend = state[b : b + n], identity[b : b + n], mean_spend[b : b + n]
            fill_words(who, period, 0, replication, seed_key, key, w0, w1, w2, w3)
            found = 0
            for j in range(n):
                some[found] = j
                found += w0[j] <= limit[here[j]]
            actives = movers = 0
            for k in range(found):
                j = some[k]
                is_customer = customer[here[j]]
                active[actives] = j
                others[movers] = j
                actives += is_customer
                movers += one - is_customer

            for k in range(movers):
                j = others[k]
                s = here[j]
                u = unit(w0[j])
                returns = line[s, FIRST]
                if u >= returns and not (kind[s] == 3 and u < returns + (1.0 - returns) * line[s, SECOND]):
                    here[j] = successor[s, 0]
                    continue
                o = one if u < returns else np.uint32(2)
                here[j] = successor[s, o]
                tally[s, o] += 1
                if kind[s] == 1 or (kind[s] == 3 and o == one):
                    amount = 1.0 if same else total_amount(unit(w2[j]), 1, table, moment)
                    number[cell[s]] += 1
                    money[cell[s]] += np.int64(math.floor(amount * spend[j] * money_units + 0.5))

            # Customers: rates and moves of satisfaction; e^-rate; who leaves; who buys; ties; purchases; the new state.
            rates, defections = purchase_rate[b : b + n], defection_rate[b : b + n]
            found = 0
            for q in range(actives):
                j = active[q]
                s = here[j]
                where[q] = s
                rate[q] = rates[j] * wants[s]
                m = defections[j] * leaves[s]
                leaving[q] = m
                up, down = np.uint32(w3[j] < rises[s]), np.uint32(w3[j] >= falls[s])
                outcome[q] = size * (np.uint32(2) * up + np.uint32(3) * down)
                some[found] = q
                found += unit(w0[j]) < m  # 1 - e^-m < m: others cannot be leaving
            for q in range(actives):
                none[q] = exp_minus(rate[q])
            for k in range(found):
                q = some[k]
                after = -math.log1p(-unit(w0[active[q]])) / leaving[q]
                if after < 1.0:
                    outcome[q] = size
                    rate[q] *= after
                    none[q] = exp_minus(rate[q])
            found = 0
            for q in range(actives):
                some[found] = q
                found += outcome[q] != size if renewal else unit(w1[active[q]]) > none[q]
            if ties > 1:
                for q in range(actives):
                    if outcome[q] == size:
                        continue
                    s = where[q]
                    u = unit(philox(who[active[q]], period, 1, replication, seed_key, key)[0])
                    move = outcome[q] // size
                    move -= np.uint32(move > 0)
                    if u < line[s, LEAVES_WITH]:
                        outcome[q] = size
                        continue
                    if u < line[s, LOSES_TIE]:
                        move += np.uint32(2 * levels)
                    elif u >= 1.0 - line[s, GAINS_TIE]:
                        move += np.uint32(levels)
                    outcome[q] = size * (move + one) if move > 0 else 0
            for k in range(found):
                q = some[k]
                bought[k] = 1 if renewal else poisson_beyond(unit(w1[active[q]]), rate[q], none[q])
            for k in range(found):
                q, n_bought = some[k], bought[k]
                j = active[q]
                s = where[q]
                amount = float(n_bought) if same else total_amount(unit(w2[j]), n_bought, table, moment)
                outcome[q] += min(n_bought, size - one)
                number[cell[s]] += n_bought
                money[cell[s]] += np.int64(math.floor(amount * line[s, SPENDS] * spend[j] * money_units + 0.5))
            for q in range(actives):
                s, o = where[q], outcome[q]
                here[active[q]] = successor[s, o]
                tally[s, o] += 1

        for s in range(states):
            for way in range(outcomes):
                how_many = tally[s, way]
                if how_many == 0:
                    continue
                t, idle = successor[s, way], successor[s, 0]
                counts[c, t] += how_many
                moves[c, cell[s], cell[t]] += how_many
                if kind[s] == 2:
                    if buys <= way < 2 * buys:
                        events[c, EVENT_LEFT] += how_many
                    continue
                counts[c, idle] -= how_many
                moves[c, cell[s], cell[idle]] -= how_many
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
