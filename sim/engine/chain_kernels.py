"""A step of a chain in arrays, and values of states that lead to each other, set by set."""

from typing import NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.engine.compile import inner, kernel


class Step(NamedTuple):
    """One period of every block under given intensities, in expectation per customer of each law.

    Attributes
    ----------
    probability : (blocks, laws, outcomes)
    purchases, revenue, reward : (blocks, laws)
        Purchases, money taken, and money earned before marketing.
    service : (blocks, laws), optional
        What it costs to serve them; none: not told apart.
    """

    probability: Floats
    purchases: Floats
    revenue: Floats
    reward: Floats
    service: Floats | None = None


class Links(NamedTuple):
    """Where the states of a chain's blocks lie and lead.

    ``group[block]``; ``law[block, state]`` and ``stage[block, state]``; ``successor[state, outcome]``.
    """

    group: Ints
    law: Ints
    stage: Ints
    successor: Ints


@inner
def eliminate(system, right):
    """Solve ``system x = right`` in place of ``right`` by Gauss elimination; both are used up.

    Without pivoting: the rows of ``I - P/(1 + d)`` are diagonally dominant.
    """
    size, columns = right.shape
    for i in range(size):
        for j in range(i + 1, size):
            factor = system[j, i] / system[i, i]
            if factor != 0.0:
                for k in range(i + 1, size):
                    system[j, k] -= factor * system[i, k]
                for k in range(columns):
                    right[j, k] -= factor * right[i, k]
    for i in range(size - 1, -1, -1):
        for k in range(columns):
            total = right[i, k]
            for j in range(i + 1, size):
                total -= system[i, j] * right[j, k]
            right[i, k] = total / system[i, i]


@kernel
def solve_in_order(first, members, links, probability, discount_factor, value):
    """Solve ``value = flow + discount_factor P value`` in place, block by block; ``value`` holds the flows on entry.

    ``members[first[k] .. first[k + 1])`` are the states of set ``k``, which lead only to each other and to earlier
    sets. ``probability[block, law, outcome]``, ``value[block, state, 2]``.
    """
    blocks, states, columns = value.shape
    law, successor = links.law, links.successor
    outcomes = successor.shape[1]
    place = np.full(states, -1)
    for b in range(blocks):
        for k in range(first.size - 1):
            inside = members[first[k] : first[k + 1]]
            for i in range(inside.size):
                place[inside[i]] = i
            system = np.zeros((inside.size, inside.size))
            right = np.empty((inside.size, columns))
            for i in range(inside.size):
                s = inside[i]
                system[i, i] = 1.0
                for c in range(columns):
                    right[i, c] = value[b, s, c]
                for o in range(outcomes):
                    odds = discount_factor * probability[b, law[b, s], o]
                    if odds == 0.0:
                        continue
                    t = successor[s, o]
                    if place[t] >= 0:
                        system[i, place[t]] -= odds
                    else:
                        for c in range(columns):
                            right[i, c] += odds * value[b, t, c]
            eliminate(system, right)
            for i in range(inside.size):
                for c in range(columns):
                    value[b, inside[i], c] = right[i, c]
                place[inside[i]] = -1
