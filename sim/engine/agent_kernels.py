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

The arrays that travel together into kernels are named here and not elsewhere, because the cache of compiled kernels is
named after the content of these modules.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.arrays import Flags, Floats, Ints
from sim.engine.compile import inlined, inner, kernel
from sim.engine.draw_kernels import (
    FEW,
    WORDS,
    exp_minus,
    fill_shared,
    fill_words,
    philox,
    poisson_beyond,
    poisson_few,
    total_amount,
    unit,
    words_below,
)
from sim.engine.satisfaction_kernels import LEVELS, entering, falls_from, falls_within
from sim.history import EVENTS

__all__ = [
    "BUYS",
    "EVENTS",
    "FEELS",
    "FIRST",
    "GOES",
    "LEAVES",
    "NOBODY",
    "RISES",
    "SECOND",
    "SPENDS",
    "Amounts",
    "Luck",
    "Outcomes",
    "Paths",
    "Tally",
    "ValueGrid",
    "Who",
    "column_of_tie",
    "count_answers",
    "count_states",
    "move_chain",
    "move_lifecycle",
    "value_after",
]

EVENT_WON, EVENT_RETURNED, EVENT_LEFT, EVENT_LOST, EVENT_AWARE = range(len(EVENTS))

NOBODY = 5
"""Kind of the state "not there yet"."""

BLOCK = 1024
"""Customers taken together: their draws and lists fit the first-level cache."""

FIRST, SECOND = 0, 1
"""Columns of ``odds`` for those who are no customers: chance of outcome 1, and of outcome 2 if not of 1."""
LEAVES, BUYS, SPENDS, RISES, FEELS, LOSES_TIE, LEAVES_WITH, GAINS_TIE, GOES = range(9)
"""Columns of ``odds`` for customers; that of spending holds for first purchases too.

Three multipliers, the chance that satisfaction rises, the shift of its moves, odds of ties: fewer, leaving, more; a
rate of leaving on top. Where more than one kind binds, three columns more for each.
"""
COLUMNS = 9


@inlined
def column_of_tie(kind: int) -> int:
    """Return the first column of the odds of a kind of ties; of one beyond the last, how many columns there are."""
    return LOSES_TIE if kind == 0 else COLUMNS + 3 * (kind - 1)


class Who(NamedTuple):
    """Customers: cohort ``c`` lies at ``start[c] .. start[c + 1]``; numbers and traits, one each."""

    start: Ints
    identity: NDArray[np.uint32]
    purchase_rate: NDArray[np.float32]
    defection_rate: NDArray[np.float32]
    mean_spend: NDArray[np.float32]


class Paths(NamedTuple):
    """The chain's states as agents go through them, with one state more: "not there yet", which nobody leaves.

    ``kind[state]``; ``law[cohort, state]`` and ``stage[cohort, state]``; ``successor[state, outcome]``.
    """

    kind: NDArray[np.uint8]
    law: NDArray[np.uint16]
    stage: NDArray[np.uint8]
    successor: NDArray[np.uint16]

    def of(self, cohort: Ints) -> "Paths":
        """Return the same for customers each of whom is a cohort of their own, taken from ``cohort``."""
        return self._replace(law=self.law[cohort], stage=self.stage[cohort])


class Outcomes(NamedTuple):
    """How a customer's outcomes are numbered.

    Purchases, and moves of satisfaction that are told apart (1 or 3); ``ties[kind, 2]``: by how much one tie more and
    one fewer raise the number of the move; ``renewal``: whether every survivor buys once a period.
    """

    buys: int
    levels: int
    ties: Ints
    renewal: bool


class Amounts(NamedTuple):
    """``spread[cohort]`` picks its ``tables`` and ``moments`` of amounts; ``constant``: each of mean size."""

    spread: Ints
    tables: Floats
    moments: Floats
    constant: Flags

    def of(self, cohort: Ints) -> "Amounts":
        """Return the same for customers each of whom is a cohort of their own, taken from ``cohort``."""
        return self._replace(spread=self.spread[cohort])


class Luck(NamedTuple):
    """Which draws are a period's: key and counter of :mod:`sim.engine.random_streams`, ``stream`` by cohort."""

    seed: int
    purpose: int
    stream: Ints
    period: int
    replication: int


class Tally(NamedTuple):
    """What a period brought, in whole numbers.

    ``counts[cohort, state]`` at its end; ``moves[cohort, stage, stage]``; ``purchases[cohort, stage]`` and
    ``revenue[cohort, stage]``, in units of money; ``events[cohort, event]``.
    """

    counts: Ints
    moves: Ints
    purchases: Ints
    revenue: Ints
    events: Ints


class ValueGrid(NamedTuple):
    """What a customer earns and costs after the horizon, at nodes of the two rates.

    ``which[cohort]`` picks a grid; ``earned[grid, i, j, state]`` is per unit of mean spend, ``spent`` is money.
    """

    rates: Floats
    defections: Floats
    which: Ints
    earned: Floats
    spent: Floats


@kernel
def move_lifecycle(first, last, who, state, paths, odds, told, falls, amounts, money_units, luck, out):
    """Move customers ``first .. last`` by one period, in place in ``state``.

    Parameters
    ----------
    who : Who
    state : (customers,)
    paths : Paths
    odds : (cohorts, laws, columns)
    told : Outcomes
    falls : sim.engine.satisfaction_kernels.Falls
    amounts : Amounts
    money_units : float
        Units of ``out.revenue`` to one unit of currency.
    luck : Luck
    out : Tally
        Added to; ``counts`` and ``moves`` get the customers where they are now, and for those who are no customers only
        the difference to ``successor[state, 0]``.
    """
    start, identity, mean_spend = who.start, who.identity, who.mean_spend
    purchase_rate, defection_rate = who.purchase_rate, who.defection_rate
    kind, law, stage, successor = paths.kind, paths.law, paths.stage, paths.successor
    buys, levels, ties, renewal, kinds = told.buys, told.levels, told.ties, told.renewal, told.ties.shape[0]
    seed_key, period, replication = luck.seed, luck.period, luck.replication
    counts, moves, purchases, revenue, events = out.counts, out.moves, out.purchases, out.revenue, out.events
    # Words: whether somebody leaves or moves on; for customers and those who enter, purchases, amounts and so on.
    words, range_words = np.empty((5, BLOCK), np.uint32), np.empty(4 * BLOCK, np.uint32)
    moving, buying, spending, feeling, tying = words[0], words[1], words[2], words[3], words[4]
    some, others, active = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32)
    people, outcome, bought = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32)
    where, origin = np.empty(BLOCK, np.uint16), np.empty(BLOCK, np.uint16)
    leaving, rate, mean, none = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    states, outcomes = successor.shape
    customer, enters, idle = np.empty(states, np.uint64), np.empty(states, np.uint32), np.empty(states, np.uint16)
    leaves, wants, spends, goes = np.empty(states), np.empty(states), np.empty(states), np.empty(states)
    first_below, moves_below = np.empty(states, np.uint64), np.empty(states, np.uint64)
    rises_below, sinks_from = np.empty(states, np.uint64), np.empty(states, np.uint64)
    flat, tied, shift = np.empty(states), np.empty(states), np.empty(states)
    level = np.empty(states, np.int64)
    chord, bend, by_level = falls.chord, falls.bend, falls.levels
    # Who enters is counted at a level of their own, not where all movers are.
    entry, enter, moves_on = np.empty(LEVELS - 1, np.uint64), np.empty(LEVELS, np.int64), np.ones((states, 3), np.int32)
    for k in range(LEVELS):
        enter[k] = entering(k)
        if k < entry.size:
            entry[k] = words_below(falls.entry[min(k, falls.entry.size - 1)])
    tally = np.empty((states, outcomes), np.int32)
    number, money = np.empty(states, np.int64), np.empty(states, np.int64)
    zero, one, size = np.uint64(0), np.uint32(1), np.uint32(buys)
    for c in range(start.size - 1):
        low, high = max(first, start[c]), min(last, start[c + 1])
        if low >= high:
            continue
        tally[:], number[:], money[:], steep = 0, 0, 0, 0.0
        key, cell, spread = luck.purpose ^ luck.stream[c], stage[c], amounts.spread[c]
        table, moment, same = amounts.tables[spread], amounts.moments[spread], amounts.constant[spread]
        for s in range(states):
            line = odds[c, law[c, s]]
            alive = kind[s] == 2
            customer[s], idle[s] = alive, s if alive else np.int64(successor[s, 0])
            leaves[s], wants[s], spends[s], goes[s] = line[LEAVES], line[BUYS], line[SPENDS], line[GOES]
            rises_below[s], level[s] = words_below(line[RISES]), falls.level[law[c, s]] if alive else 0
            shift[s], tied[s] = line[FEELS], falls.ties[law[c, s]] if alive else 1.0
            sinks_from[s] = falls_from(level[s], falls.levels.moves[level[s], 1], shift[s])
            # Who may fall, by a straight line in the own rate; these are then looked at closely.
            flat[s] = WORDS * (1.0 - falls.flat[level[s]] + shift[s]) - 1.0 if level[s] > 1 else np.inf
            steep = max(steep, WORDS * falls.steep[level[s]] * tied[s])
            enters[s] = kind[s] == 1 or kind[s] == 3
            moves_on[s, enters[s]] = levels == 1 or enters[s] == 0
            first_below[s] = moves_below[s] = 0
            if kind[s] != 2 and kind[s] < 4:
                first_below[s] = moves_below[s] = words_below(line[FIRST])
            if kind[s] == 3:
                moves_below[s] = words_below(line[FIRST] + (1.0 - line[FIRST]) * line[SECOND])

        for b in range(low, high, BLOCK):
            n = min(BLOCK, high - b)
            here, names, spend = state[b : b + n], identity[b : b + n], mean_spend[b : b + n]
            rates, defections = purchase_rate[b : b + n], defection_rate[b : b + n]

            # Everybody: lists of customers and of movers; silence grows.
            fill_shared(names, period, 0, replication, seed_key, key, range_words, moving)
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
                tally[s, o] += moves_on[s, o]
                active[buyers], where[buyers] = j, s
                buyers += np.uint64(o == enters[s])
            for q in range(buyers):
                people[q] = names[active[q]]
            fill_words(people[:buyers], period, 1, replication, seed_key, key, buying, spending, feeling, tying)

            if levels > 1:
                for q in range(actives, buyers):
                    word = feeling[q]
                    place = np.int64(word >= entry[0]) + np.int64(word >= entry[1])
                    place += np.int64(word >= entry[2]) + np.int64(word >= entry[3])
                    o = enter[place]
                    here[active[q]] = successor[where[q], o]
                    tally[where[q], o] += 1

            # Customers: rates; satisfaction; who leaves.
            for q in range(actives):
                rate[q] = rates[active[q]] * wants[where[q]]
                leaving[q] = defections[active[q]] * leaves[where[q]] + goes[where[q]]
            if falls.sorting:
                for q in range(actives):
                    s = where[q]
                    outcome[q] = size * (np.uint32(2) * np.uint32(feeling[q] < rises_below[s]))
                    none[q] = float(feeling[q]) + steep * defections[active[q]] - flat[s]
                found = zero
                for q in range(actives):
                    some[found] = q
                    found += np.uint64(none[q] >= 0.0)
                for k in range(found):
                    q = some[k]
                    s = where[q]
                    x = tied[s] * defections[active[q]]
                    if falls_within(feeling[q], x, level[s], shift[s], chord, bend, by_level):
                        outcome[q] = size * np.uint32(3)
            else:
                for q in range(actives):
                    s = where[q]
                    up, down = np.uint32(feeling[q] < rises_below[s]), np.uint32(feeling[q] >= sinks_from[s])
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
            if kinds > 0:
                for q in range(actives):
                    if outcome[q] == size:
                        continue
                    line = odds[c, law[c, where[q]]]
                    u = unit(tying[q])
                    move = outcome[q] // size
                    move -= np.uint32(move > 0)
                    for each in range(kinds):  # one uniform for all: what one kind leaves of it is the next one's
                        at = column_of_tie(each)
                        lose, away, more = line[at], line[at + 1], line[at + 2]
                        if u < away:
                            outcome[q] = size
                            break
                        if u < lose:
                            move += np.uint32(ties[each, 1] * levels)
                            u = (u - away) / (lose - away)
                        elif u >= 1.0 - more:
                            move += np.uint32(ties[each, 0] * levels)
                            u = (u - (1.0 - more)) / more
                        else:
                            u = (u - lose) / (1.0 - more - lose)
                    if outcome[q] != size:
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
                    events[c, EVENT_LOST if way == 2 else EVENT_RETURNED] += how_many


@kernel
def move_chain(first, last, who, block, state, paths, law, probability, luck, out):
    """Move customers ``first .. last`` by one period, in place in ``state``; one draw each, added up in ``out``.

    ``block[customer]``, ``law[block, state]``, ``probability[block, law, outcome]``.
    """
    nobody = law.shape[1]
    for c in range(who.start.size - 1):
        key, stage = luck.purpose ^ luck.stream[c], paths.stage[c]
        for i in range(max(first, who.start[c]), min(last, who.start[c + 1])):
            s = state[i]
            if s == nobody:
                out.counts[c, s] += 1
                continue
            w0, _, _, _ = philox(who.identity[i], luck.period, 0, luck.replication, luck.seed, key)
            u = unit(w0)
            odds = probability[block[i], law[block[i], s]]
            outcome = 0
            likely = 0
            cumulative = odds[0]
            while u >= cumulative and outcome < odds.size - 1:
                outcome += 1
                if odds[outcome] > 0.0:
                    likely = outcome
                cumulative += odds[outcome]
            if odds[outcome] <= 0.0:
                outcome = likely
            t = paths.successor[s, outcome]
            state[i] = t
            out.counts[c, t] += 1
            out.moves[c, stage[s], stage[t]] += 1


@kernel
def count_states(start, state, out):
    """Add one to ``out[cohort, state]`` for every customer; cohort ``c`` lies at ``start[c] .. start[c + 1]``."""
    for c in range(start.size - 1):
        for i in range(start[c], start[c + 1]):
            out[c, state[i]] += 1


@kernel
def count_answers(who, state, answers, chance, luck, out):
    """Add one to ``out[cohort, state]`` for every customer who is asked (``chance[cohort]``) and ``answers[state]``."""
    for c in range(who.start.size - 1):
        key = luck.purpose ^ luck.stream[c]
        for i in range(who.start[c], who.start[c + 1]):
            s = state[i]
            if not answers[s]:
                continue
            word, _, _, _ = philox(who.identity[i], luck.period, 0, luck.replication, luck.seed, key)
            if unit(word) < chance[c]:
                out[c, s] += 1


@inner
def _node_before(nodes, at):
    """Return the last of rising nodes below ``at``, of those that have a next one; the first, where none is."""
    low, high = 0, nodes.size - 1
    while high - low > 1:
        middle = (low + high) // 2
        if nodes[middle] < at:
            low = middle
        else:
            high = middle
    return low


@kernel
def value_after(first, last, who, state, grid, discount_rate, money_units):
    """Return the sum of values after the horizon of customers ``first .. last``, in integers of ``1/money_units``.

    Interpolated between nodes of a :class:`ValueGrid`: linearly in the purchase rate, beyond the last node too, and in
    ``1/(defection rate + d)``: a plain customer's value has just that form. Defection rates beyond the last node count
    as it: such customers are gone at once.
    """
    total = np.int64(0)
    start, rates, defections, earned, spent = who.start, grid.rates, grid.defections, grid.earned, grid.spent
    states = earned.shape[3]
    for c in range(start.size - 1):
        g = grid.which[c]
        for q in range(max(first, start[c]), min(last, start[c + 1])):
            s = state[q]
            if s >= states:
                continue
            x = float(who.purchase_rate[q])
            y = min(float(who.defection_rate[q]), defections[-1])
            i, j = _node_before(rates, x), _node_before(defections, y)
            a = (x - rates[i]) / (rates[i + 1] - rates[i])
            low = 1.0 / (defections[j] + discount_rate)
            high = 1.0 / (defections[j + 1] + discount_rate)
            b = (low - 1.0 / (y + discount_rate)) / (low - high)
            value = 0.0
            for corner in range(4):
                p = i + corner // 2
                r = j + corner % 2
                weight = (a if corner // 2 else 1.0 - a) * (b if corner % 2 else 1.0 - b)
                value += weight * (earned[g, p, r, s] * who.mean_spend[q] - spent[g, p, r, s])
            total += np.int64(math.floor(value * money_units + 0.5))
    return total
