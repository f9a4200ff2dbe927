"""What is returned where charges are by money: the most that playable plans can pay, all alike in money a head.

Cell by cell (period, stage). What a class pays at ``money`` a head lies below ``above[price] + (price - 1) money`` at
every price (infinite: that price tells nothing): a concave curve. So of an interval of money the most is known to lie
below what classes pay at their best places in it; intervals are halved where more might be paid than at a place that is
known.
"""

import numpy as np

from optimizer.bound.returned_kernels import Where, most_paid
from sim.engine.compile import inner, kernel

INTERVALS = 8
"""Into which a cell's money is divided at first, narrower where there is little of it."""


@inner
def _paid_within(where, above, multiples, low, high, price):
    """Fill the most that each class pays at money between ``low`` and ``high``; ``high`` below ``low``: no end."""
    t, _, part, laws, _, _ = where
    for b in range(part.last - part.first):
        for i in range(laws.size):
            least = np.inf
            lines = above[t, part.first + b, laws[i]]
            for m in range(multiples.size):
                steep = multiples[m] - 1.0
                if high >= low:
                    least = min(least, lines[m] + steep * (high if steep > 0.0 else low))
                elif steep <= 0.0:
                    least = min(least, lines[m] + steep * low)
            price[b, i] = least


@inner
def _all_that_matters(where, above, multiples):
    """Return money beyond which no class pays more: from there on the best is what is had at no price.

    Of classes of whom that is known.
    """
    t, _, part, laws, _, _ = where
    end = 0.0
    for b in range(part.first, part.last):
        for i in range(laws.size):
            lines = above[t, b, laws[i]]
            for m in range(multiples.size):
                if multiples[m] > 0.0 and lines[0] < np.inf:
                    end = max(end, (lines[0] - lines[m]) / multiples[m])
    return end


@inner
def _most_by_money(where, above, multiples, looks, close, price, order, heads):
    """Return the most that a cell is found to pay at any money a head, and a bound of it."""
    end = _all_that_matters(where, above, multiples)
    room = INTERVALS + 1 + looks
    low, high, bound = np.zeros(room), np.zeros(room), np.full(room, -np.inf)
    best = -np.inf
    for j in range(INTERVALS + 1):
        low[j] = end * (j / INTERVALS) ** 2
        high[j] = end * ((j + 1) / INTERVALS) ** 2 if j < INTERVALS else -1.0
        _paid_within(where, above, multiples, low[j], low[j], price)
        best = max(best, most_paid(where, price, order, heads))
        _paid_within(where, above, multiples, low[j], high[j], price)
        bound[j] = most_paid(where, price, order, heads)
    count = INTERVALS + 1
    for _ in range(looks):
        one = int(np.argmax(bound[:count]))
        if bound[one] <= best + close or high[one] < low[one]:
            break
        middle = 0.5 * (low[one] + high[one])
        low[count], high[count], high[one] = middle, high[one], middle
        _paid_within(where, above, multiples, middle, middle, price)
        best = max(best, most_paid(where, price, order, heads))
        for each in (count, one):
            _paid_within(where, above, multiples, low[each], high[each], price)
            bound[each] = min(bound[one], most_paid(where, price, order, heads))
        count += 1
    return best, max(best, np.max(bound[:count]))


@kernel
def returned_by_money(part, reference, stage_of_law, ranges, above, multiples, looks, close):
    """Return the most that playable plans are found to pay over the blocks of a group, and a bound of it.

    ``above[period, block, law, price]``, as in :class:`sim.engine.ways_kernels.Leaning`, the first price nothing.
    At most ``looks`` intervals are halved in each cell, and up to ``close`` is left open.
    """
    blocks = part.last - part.first
    total, most = 0.0, 0.0
    for t in range(above.shape[0]):
        for stage in range(ranges.fewest.shape[2]):
            laws = np.flatnonzero(stage_of_law == stage)
            where = Where(t, stage, part, laws, reference, ranges)
            order = np.empty(laws.size, dtype=np.int64)
            price, heads = np.empty((blocks, laws.size)), np.empty((blocks, laws.size))
            best, bound = _most_by_money(where, above, multiples, looks, close, price, order, heads)
            total += best
            most += bound
    return total, most
