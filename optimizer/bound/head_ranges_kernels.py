"""Passes that bound who can be where under every policy, or under every plan that treats blocks alike."""

from typing import NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.engine.compile import inner, kernel


class Paths(NamedTuple):
    """Where customers can go.

    ``law[block, state]``; ``successor[state, outcome]``; ``outcomes[law]`` that have odds; ``regime[period]``.
    """

    law: Ints
    successor: Ints
    outcomes: Ints
    regime: Ints


class Range(NamedTuple):
    """The least and the most that something can be."""

    least: Floats
    most: Floats


class HeadRanges(NamedTuple):
    """What is known of the head counts of every playable plan, least and most.

    ``low, high`` by (period, block, law); ``least_mix, most_mix`` the same, as multiples of the reference block's;
    ``fewest, largest`` by (period, block, stage).
    """

    low: Floats
    high: Floats
    least_mix: Floats
    most_mix: Floats
    fewest: Floats
    largest: Floats


@kernel
def head_ranges(first, last, label, paths, one_regime, odds, starts, heads):
    """Bound the expected head counts ``n[period, block, label]`` of blocks ``first..last``: fill ``heads``.

    For every policy whose odds lie in ``odds[regime, block, law, outcome]`` with ``sum_o p = 1``: a dynamic programme
    over an odds interval (Givan, Leach & Dean 2000) for each label (law or stage) and period, with 1 for those who have
    the label then. With one regime a single pass serves all periods.
    """
    law, successor, outcomes, regime = paths
    least, most = odds
    initial, arrivals = starts
    low, high = heads
    periods, _, labels = low.shape
    states = law.shape[1]
    width = successor.shape[1]
    value = np.empty((periods, states))
    order = np.empty(width, dtype=np.int64)
    for b in range(first, last):
        for k in range(labels):
            there = False
            for s in range(states):
                there = there or label[b, s] == k
            if not there:
                continue
            for side in range(2):
                sign = 1.0 if side == 0 else -1.0
                for at in range(periods - 1 if one_regime else 0, periods):
                    for s in range(states):
                        value[0, s] = sign if label[b, s] == k else 0.0
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


@inner
def _times(ratio, change):
    return ratio * change if ratio > 0.0 and change > 0.0 else 0.0  # nothing stays nothing, infinite or not


@inner
def _widen(s, number, of_reference, floor, ceiling):
    if of_reference > 0.0:
        floor[s] = min(floor[s], number / of_reference)
        ceiling[s] = max(ceiling[s], number / of_reference)
    elif number > 0.0:
        ceiling[s] = np.inf


@kernel
def mix_ranges(first, last, reference, paths, ratios, starts, mixes):
    """Bound ``n[block, law] / n[reference, law]`` by period, for plans that treat all blocks ``first..last`` alike.

    A ratio of sums lies between the ratios of their terms, and an action common to both blocks moves a ratio by
    ``p_block / p_reference`` in ``ratios[regime, block, law, outcome]``; so ranges of the states' ratios pass forward
    in time. Where the reference may have nobody, the most of ``mixes`` is infinite.
    """
    law, successor, outcomes, regime = paths
    least, most = ratios
    initial, arrivals = starts
    low, high = mixes
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
