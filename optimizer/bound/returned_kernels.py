"""What is returned for charges in a bound for the targeting: the most that playable plans can pay.

Cell by cell (period, stage) the most over what is done there and over head counts in their ranges. Between the points
of a grid charges are along straight lines but for the money, which is what it is; boxes of values are looked at where
more might be paid than at a place that is known, the most promising first, and halved. Twins in plain NumPy: tests.
"""

from typing import NamedTuple

import numpy as np

from optimizer.bound.decomposition_kernels import Part
from optimizer.bound.head_ranges_kernels import HeadRanges
from sim.arrays import Floats, Ints
from sim.engine.compile import inner, kernel
from sim.engine.hull_kernels import Costs, at_hull, best_on_hull, place_on_hull, strides

LEVELS = 8
"""Costs to start from in a first look at all cells of a grid."""


class Where(NamedTuple):
    """A cell: its period and stage, the blocks and laws in it, and what is known of their numbers."""

    period: int
    stage: int
    part: Part
    laws: Ints
    reference: int
    ranges: HeadRanges


class Values(NamedTuple):
    """A cell's grid: along each dimension points, how far apart in their list, and places; what places and points cost.

    ``table`` and ``scale`` by dimension tell which of the hulls ``costs``; ``cost[point]``; ``fewest`` and ``largest``:
    the number of people in the cell. Of a cell alone, because every array that travels into a kernel has to be compiled
    into it.
    """

    dimensions: int
    points: int
    size: Ints
    step: Ints
    edge: Floats
    costs: Costs
    table: Ints
    scale: Floats
    cost: Floats
    fewest: float
    largest: float


@inner
def _fill(low, high, fewest, largest, price, laws, order, heads):
    """Return the most of ``sum_law price n`` with ``low <= n <= high`` and ``fewest <= sum n <= largest``.

    ``heads`` becomes ``n``, filled from the dearest law down; ``price`` and ``heads`` are by place in ``laws``.
    """
    count = 0
    total = 0.0
    must, may = fewest, largest
    for i in range(laws.size):
        k = laws[i]
        heads[i] = low[k]
        total += price[i] * low[k]
        must -= low[k]
        may -= low[k]
        if high[k] > low[k]:
            j = count
            while j > 0 and price[order[j - 1]] < price[i]:
                order[j] = order[j - 1]
                j -= 1
            order[j] = i
            count += 1
    for j in range(count):
        i = order[j]
        more = min(high[laws[i]] - low[laws[i]], max(may if price[i] > 0.0 else must, 0.0))
        heads[i] += more
        total += price[i] * more
        must -= more
        may -= more
    return total


@inner
def most_paid(where, price, order, heads):
    """Return the most of ``sum price n`` over a cell's head counts, ``price[block, place in laws]``.

    The lesser of two maxima: over the ranges of each block's classes and of all of it; and law by law, over these
    ranges or over ``n = m q`` with ``m`` a head count of the reference block and ``q`` in the range of the mix.
    ``heads`` becomes the ``n`` that attains it.
    """
    t, stage, part, laws, reference, ranges = where
    low, high, least, most = ranges.low, ranges.high, ranges.least_mix, ranges.most_mix
    blocks = part.last - part.first
    capped, paid = 0.0, 0.0
    for b in range(blocks):
        at = part.first + b
        capped += _fill(
            low[t, at], high[t, at], ranges.fewest[t, at, stage], ranges.largest[t, at, stage], price[b], laws, order,
            heads[b],
        )  # fmt: skip
    for i in range(laws.size):
        by_range, by_mix = _by_law(where, i, price)
        paid += min(by_range, by_mix)
    if capped <= paid:
        return capped
    for i in range(laws.size):
        k = laws[i]
        by_range, by_mix = _by_law(where, i, price)
        mix = 0.0
        for b in range(blocks):
            if most[t, part.first + b, k] < np.inf:
                mix += price[b, i] * (most if price[b, i] > 0.0 else least)[t, part.first + b, k]
        scale = (high if mix > 0.0 else low)[t, reference, k]
        for b in range(blocks):
            at = part.first + b
            heads[b, i] = (high if price[b, i] > 0.0 else low)[t, at, k]
            if by_mix < by_range and most[t, at, k] < np.inf:
                heads[b, i] = scale * (most if price[b, i] > 0.0 else least)[t, at, k]
    return paid


@inner
def _paid_by_law(where, charge, shift, extra, room, paid):
    """Fill by action what :func:`most_paid` finds law by law: nothing that is paid is more. Many actions at a time.

    ``extra[action]`` is paid on top by everybody.
    """
    boxed, mixed, outside, each = room[0], room[1], room[2], room[3]
    t, _, part, laws, reference, ranges = where
    actions = paid.size
    paid[:] = 0.0
    for i in range(laws.size):
        k = laws[i]
        boxed[:], mixed[:], outside[:] = 0.0, 0.0, 0.0
        for b in range(part.first, part.last):
            own = charge[t, b - shift, k]
            for a in range(actions):
                each[a] = own[a] + extra[a]
            low, high = ranges.low[t, b, k], ranges.high[t, b, k]
            least, most = ranges.least_mix[t, b, k], ranges.most_mix[t, b, k]
            ends = most < np.inf
            for a in range(actions):
                boxed[a] += each[a] * (high if each[a] > 0.0 else low)
            if ends:
                for a in range(actions):
                    mixed[a] += each[a] * (most if each[a] > 0.0 else least)
            else:
                for a in range(actions):
                    outside[a] += each[a] * (high if each[a] > 0.0 else low)
        low, high = ranges.low[t, reference, k], ranges.high[t, reference, k]
        for a in range(actions):
            scaled = (high if mixed[a] > 0.0 else low) * mixed[a] + outside[a]
            paid[a] += min(boxed[a], scaled)


@inner
def _by_law(where, i, price):
    """Return the most that a law pays over its ranges, and over its mix where that has an end."""
    t, _, part, laws, reference, ranges = where
    k = laws[i]
    boxed, mixed, outside = 0.0, 0.0, 0.0
    for b in range(part.last - part.first):
        at = part.first + b
        each = price[b, i]
        amount = each * (ranges.high[t, at, k] if each > 0.0 else ranges.low[t, at, k])
        boxed += amount
        if ranges.most_mix[t, at, k] < np.inf:
            mixed += each * (ranges.most_mix[t, at, k] if each > 0.0 else ranges.least_mix[t, at, k])
        else:
            outside += amount
    scale = ranges.high[t, reference, k] if mixed > 0.0 else ranges.low[t, reference, k]
    return boxed, scale * mixed + outside


@inner
def _dearest(where, charge, shift, possible, room, above, price, order, heads):
    """Return the most that is paid over the actions, and the first that pays it.

    ``above[action]`` becomes what each pays, of those that cannot pay the most law by law.
    """
    t, _, part, laws, _, _ = where
    room[4] = 0.0
    _paid_by_law(where, charge, shift, room[4], room, above)
    left = possible.copy()
    top, best = -1e300, 0
    for _ in range(above.size):
        a = -1
        for other in range(above.size):
            if left[other] and (a < 0 or above[other] > above[a]):
                a = other
        if a < 0 or above[a] < top:
            break
        left[a] = False
        for b in range(part.last - part.first):
            for i in range(laws.size):
                price[b, i] = charge[t, part.first + b - shift, laws[i], a]
        above[a] = most_paid(where, price, order, heads)
        if above[a] > top or (above[a] == top and a < best):
            top, best = above[a], a
    return top, best


@inner
def _price_at(where, between, charge, shift, first, share, less, price):
    """Fill the charges, but for money, at a place in the grid's cell that begins at point ``first``; less ``less``."""
    t, _, part, laws, _, _ = where
    dimensions = between.dimensions
    price[:] = -less
    for c in range(1 << dimensions):
        q, weight = first, 1.0
        for i in range(dimensions):
            up = c >> i & 1
            q += between.step[i] if up else 0
            weight *= share[i] if up else 1.0 - share[i]
        if weight > 0.0:
            cost = between.cost[q]
            for b in range(part.last - part.first):
                for i in range(laws.size):
                    price[b, i] += weight * (charge[t, part.first + b - shift, laws[i], q] + cost)


@inner
def _cost_at(between, first, share):
    """Return the cost at a place in the grid's cell that begins at point ``first``."""
    costs = between.costs
    total = 0.0
    for i in range(between.dimensions):
        k = (first // between.step[i]) % between.size[i]
        low, high = between.edge[i, k], between.edge[i, k + 1]
        a, b = costs.start[between.table[i], k], costs.start[between.table[i], k + 1]
        total += between.scale[i] * at_hull(costs, a, b, low + share[i] * (high - low))
    return total


@inner
def _box(where, between, charge, shift, first, low, high, chords, price, order, heads, corner, slopes, place):
    """Return the most that may be paid between ``low`` and ``high``, shares of the grid's cell from point ``first``.

    With ``C`` the least cost in the box, ``sum n (gross - cost) = sum n (gross - C) + N (C - cost)``. The first sum's
    most lies below straight lines between the box's corners, and of people ``N`` there are at least the fewest. With
    ``chords``, what is best in small boxes: ``C`` is along straight lines as well, from each corner's cost, nowhere
    below the cost, and people are at most the largest number. ``place`` becomes where the bound is attained.
    """
    costs, dimensions = between.costs, between.dimensions
    corners = 1 << dimensions
    least = _cost_at(between, first, low)
    usual, weight = (0.0, between.largest) if chords else (least, between.fewest)
    mean, top = 0.0, -np.inf
    for c in range(corners):
        for i in range(dimensions):
            place[i] = high[i] if c >> i & 1 else low[i]
        own = _cost_at(between, first, place) if chords else usual
        _price_at(where, between, charge, shift, first, place, own, price)
        corner[c] = most_paid(where, price, order, heads)
        corner[c] += between.largest * own if chords else 0.0
        mean += corner[c] / corners
        top = max(top, corner[c])
    stray = 0.0
    for i in range(dimensions):
        slopes[i] = 0.0
        for c in range(corners):
            slopes[i] += (corner[c] if c >> i & 1 else -corner[c]) / (corners / 2)
    for c in range(corners):
        plane = mean
        for i in range(dimensions):
            plane += (0.5 if c >> i & 1 else -0.5) * slopes[i]
        stray = max(stray, corner[c] - plane)
    total = mean + stray + weight * usual
    for i in range(dimensions):
        k = (first // between.step[i]) % between.size[i]
        edge = between.edge[i, k]
        width = between.edge[i, k + 1] - edge
        a, b = costs.start[between.table[i], k], costs.start[between.table[i], k + 1]
        start, end = edge + low[i] * width, edge + high[i] * width
        steep, scale = slopes[i] / (end - start) if end > start else 0.0, weight * between.scale[i]
        total += best_on_hull(costs, a, b, scale, steep, start, end) - steep * start - 0.5 * slopes[i]
        at = place_on_hull(costs, a, b, scale, steep, start, end)
        place[i] = min(max((at - edge) / width, low[i]), high[i]) if width > 0.0 else low[i]
    return min(total, top + weight * (usual - least))


@inner
def _screen(where, between, charge, shift, above, room, bound):
    """Fill for each of the grid's cells, by its first point, a little costly bound of what may be paid in it.

    As :func:`_box`, from the corners alone: with the cost of each, which pays at most ``above``; and law by law with
    :data:`LEVELS` costs to start from, among which one is near the cell's own. ``-inf``: no cell begins there.
    """
    size, dimensions, cost, points = between.size, between.dimensions, between.cost, between.points
    extra, paid = room[4], room[5]
    rising = np.sort(cost[:points])
    extra[:] = 0.0
    for p in range(points):
        last = True
        for i in range(dimensions):
            last = last and (p // between.step[i]) % size[i] < size[i] - 1
        bound[p] = -np.inf
        if last:
            for c in range(1 << dimensions):
                q = p
                for i in range(dimensions):
                    q += between.step[i] if c >> i & 1 else 0
                bound[p] = max(bound[p], above[q] + between.largest * (cost[q] - cost[p]))
    for level in range(LEVELS):
        usual = rising[level * (points - 1) // LEVELS]
        for p in range(points):
            extra[p] = cost[p] - usual
        _paid_by_law(where, charge, shift, extra, room, paid)
        for p in range(points):
            if bound[p] > -np.inf:
                most, saved = -np.inf, usual - cost[p]
                for c in range(1 << dimensions):
                    q = p
                    for i in range(dimensions):
                        q += between.step[i] if c >> i & 1 else 0
                    most = max(most, paid[q])
                bound[p] = min(bound[p], most + max(between.fewest * saved, between.largest * saved))


@inner
def _most_between(where, between, charge, shift, above, top, looks, close, chosen, room, price, order, heads):
    """Return the most that is found to be paid over all values of a grid, and a bound; ``top`` is known to be paid.

    The most promising boxes are halved, at most ``looks`` times. ``chosen[action]`` is where the most that was found
    is, if that is more than ``top``; up to ``close`` the most may stay open.
    """
    dimensions, points = between.dimensions, between.points
    boxes = points + 2 * looks
    first, bound = np.zeros(boxes, dtype=np.int64), np.full(boxes, -np.inf)
    low, high = np.zeros((boxes, dimensions)), np.ones((boxes, dimensions))
    known_box = np.zeros(boxes, dtype=np.bool_)
    corner, slopes, place = np.empty(1 << dimensions), np.empty(dimensions), np.empty(dimensions)
    _screen(where, between, charge, shift, above, room, bound)
    for p in range(points):
        first[p] = p
    count, best = points, top
    for _ in range(looks):
        box = int(np.argmax(bound[:count]))
        if bound[box] <= best + close:
            break
        if known_box[box]:
            longest, widest = 0, -1.0
            for i in range(dimensions):
                for j in range(dimensions):
                    place[j] = high[box, j] if j == i else low[box, j]
                width = _cost_at(between, first[box], place) + 1e-12 * (high[box, i] - low[box, i])
                if width > widest:
                    longest, widest = i, width
            half = 0.5 * (low[box, longest] + high[box, longest])
            first[count], bound[count] = first[box], bound[box]
            for i in range(dimensions):
                low[count, i], high[count, i] = low[box, i], high[box, i]
            high[box, longest], low[count, longest] = half, half
            tried = (box, count)
            count += 1
        else:
            tried = (box, box)
        for n in range(2 if tried[0] != tried[1] else 1):
            one = tried[n]
            known_box[one] = True
            for chords in (False, True):
                if bound[one] > best + close:
                    most = _box(
                        where, between, charge, shift, first[one], low[one], high[one], chords, price, order,
                        heads, corner, slopes, place,
                    )  # fmt: skip
                    bound[one] = min(bound[one], most)
            if bound[one] <= best:
                continue
            cost = _cost_at(between, first[one], place)
            _price_at(where, between, charge, shift, first[one], place, cost, price)
            paid = most_paid(where, price, order, heads)
            if paid > best:
                best = paid
                chosen[:] = 0.0
                for c in range(1 << dimensions):
                    q, weight = first[one], 1.0
                    for i in range(dimensions):
                        q += between.step[i] if c >> i & 1 else 0
                        weight *= place[i] if c >> i & 1 else 1.0 - place[i]
                    chosen[q] += weight
    return best, max(best, np.max(bound[:count]))


@kernel
def returned(part, shift, reference, cells, ranges, between, cost, charge, chosen, heads, looks, close):
    """Return the most that playable plans are found to pay in charges, over the blocks of a group, and a bound of it.

    One action for all who look alike: ``sum_{period, stage} max_a max_n sum_law charge[., law, a] n[., law]``.
    ``chosen[period, stage, action]`` becomes how much of each action is taken and ``heads[period, block, law]``, blocks
    from ``shift`` on, the ``n`` that attains the most there. At most ``looks`` boxes are halved in each cell,
    and up to ``close`` is left open.
    """
    g = part.group
    grids, phase, costs = between
    stage_of_law, possible = cells
    periods, stages, actions = chosen.shape
    blocks = part.last - part.first
    total, most = 0.0, 0.0
    above, room = np.empty(actions), np.empty((6, actions))
    step = np.empty(grids.size.shape[1], dtype=np.int64)
    for t in range(periods):
        for stage in range(stages):
            laws = np.flatnonzero(stage_of_law == stage)
            where = Where(t, stage, part, laws, reference, ranges)
            order = np.empty(laws.size, dtype=np.int64)
            price, filled = np.empty((blocks, laws.size)), np.empty((blocks, laws.size))
            top, best = _dearest(where, charge, shift, possible[t, stage], room, above, price, order, filled)
            chosen[t, stage] = 0.0
            chosen[t, stage, best] = 1.0
            bound = top
            setup = grids.setup[phase[t], g, stage] if grids.dimensions[0] >= 0 else 0
            fewest, largest = 0.0, 0.0
            for b in range(part.first, part.last):
                fewest += ranges.fewest[t, b, stage]
                largest += ranges.largest[t, b, stage]
            if looks > 0 and grids.dimensions[setup] > 0 and largest > 0.0:
                strides(grids, setup, step)
                values = Values(
                    grids.dimensions[setup], grids.points[setup], grids.size[setup], step, grids.edge[setup], costs,
                    costs.table[t, g, stage], costs.scale[t, g, stage], cost[t, g, stage], fewest, largest,
                )  # fmt: skip
                top, bound = _most_between(
                    where, values, charge, shift, above, top, looks, close, chosen[t, stage], room, price, order,
                    filled,
                )  # fmt: skip
            total += top
            most += bound
            for b in range(blocks):
                for i in range(laws.size):
                    price[b, i] = 0.0
                    for a in range(actions):
                        share = chosen[t, stage, a]
                        if share > 0.0:
                            price[b, i] += share * charge[t, part.first + b - shift, laws[i], a]
            most_paid(where, price, order, filled)
            for b in range(blocks):
                for i in range(laws.size):
                    heads[t, part.first + b - shift, laws[i]] = filled[b, i]
    return total, most
