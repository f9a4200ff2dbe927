"""Values along dimensions and what they cost: lower hulls by cell, and the best over the cells of a grid.

Inside a cell of a grid a worth lies above the product of straight lines between its corners by no more than
:mod:`sim.engine.bends_kernels` says; what every value in the cell costs is known. So the best of worth less cost is a
look-up by dimension, ``sup_x slope x - cost(x)``, a conjugate, on the plane through the means of the cell's edges, plus
what the worth deviates from that plane at a corner, and what it may lie above the lines.
"""

from typing import NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.engine.compile import inner, kernel

APART = 5e-10
"""Width, as a share of its dimension, of cells before its first point, in which another line ends there and money costs
nothing. Other cells are at least twice as wide."""


class Grids(NamedTuple):
    """Grids over the dimensions of every setup (what may be done on a target in a phase).

    Attributes
    ----------
    setup : (phases, groups, stages)
    dimensions : (setups,)
    size : (setups, most dimensions)
    edge : (setups, most dimensions, most points)
    points : (setups,)
    paths : (setups, most dimensions, most cells, numbers)
        What is known of each cell along a dimension, as named in :mod:`sim.engine.bends_kernels`.
    usual : (groups,)
        The rate of leaving whose survival is the place along a dimension.
    defection, rate, amount, utility, shift : (setups, most points in all)
        What the levers of the grid make of effects: three multipliers, two sums.
    ties, kept : (kinds, setups, most points in all), (setups, most points in all)
        Of what binds: chances of one more of each kind, and of ties that the firm keeps; sums.
    leaving, price, charged, served : (setups, most points in all)
        What they make of terms: a rate on top, a multiplier, two sums of money.
    dearest : (setups,)
        The highest price.
    """

    setup: Ints
    dimensions: Ints
    size: Ints
    edge: Floats
    points: Ints
    paths: Floats
    usual: Floats
    defection: Floats
    rate: Floats
    amount: Floats
    utility: Floats
    shift: Floats
    ties: Floats
    kept: Floats
    leaving: Floats
    price: Floats
    charged: Floats
    served: Floats
    dearest: Floats


class Costs(NamedTuple):
    """What every value along a dimension costs: lower hulls by cell, ``x[start[table, cell]: ...]``.

    ``table`` and ``scale`` are by (period, group, stage, slot); slots are the grid's dimensions, then amount,
    satisfaction, and the chances of becoming aware, of being won, of returning; -1: nothing to choose.
    """

    table: Ints
    scale: Floats
    start: Ints
    x: Floats
    cost: Floats


_NONE, _FLAT = np.zeros((1, 1), dtype=np.int64), np.zeros((1, 1))
NO_GRIDS = Grids(
    np.zeros((1, 1, 1), dtype=np.int64), np.full(1, -1), _NONE, np.zeros((1, 1, 1)),
    np.zeros(1, dtype=np.int64), np.zeros((1, 1, 1, 1)), np.ones(1), *5 * [_FLAT], *[np.zeros((1, 1, 1))], *5 * [_FLAT],
    *[np.ones(1)],
)  # fmt: skip
"""Of points between which nothing lies: their dimensions are -1."""
NO_COSTS = Costs(
    np.zeros((1, 1, 1, 1), dtype=np.int64), np.zeros((1, 1, 1, 1)), _NONE, np.zeros(1), np.zeros(1)
)  # fmt: skip


@inner
def between_points(at, x, cost):
    """Return what a place costs by straight lines between points, beyond the ends that of the end: ``np.interp``.

    That would take longer to compile than all of :func:`lower_hulls`.
    """
    if at < x[0]:
        return cost[0]
    a, b = 0, x.size - 1
    if at >= x[b]:
        return cost[b]
    while b - a > 1:
        m = (a + b) // 2
        if x[m] <= at:
            a = m
        else:
            b = m
    return cost[a] if x[a] == at else (cost[b] - cost[a]) / (x[b] - x[a]) * (at - x[a]) + cost[a]


@kernel
def lower_hulls(x, cost, edges, out_x, out_cost, start):
    """Fill the lower hull of points inside each cell ``edges[k] .. edges[k + 1]``; costs at edges lie on chords."""
    count = 0
    cells = edges.size - 1
    j = 0
    for k in range(cells):
        start[k] = count
        first = count
        for place in range(x.size + 2):
            if place == 0:
                at, c = edges[k], between_points(edges[k], x, cost)
            elif place == x.size + 1:
                at, c = edges[k + 1], between_points(edges[k + 1], x, cost)
            else:
                j = place - 1
                at, c = x[j], cost[j]
                if at <= edges[k] or at >= edges[k + 1]:
                    continue
            while count - first >= 2 and (out_cost[count - 1] - out_cost[count - 2]) * (at - out_x[count - 1]) >= (
                c - out_cost[count - 1]
            ) * (out_x[count - 1] - out_x[count - 2]):
                count -= 1
            out_x[count], out_cost[count] = at, c
            count += 1
    start[cells] = count
    return count


@inner
def at_hull(costs, first, last, at):
    """Return the cost at a place on a hull, by chords."""
    a, b = first, last - 1
    while b - a > 1:
        m = (a + b) // 2
        if costs.x[m] <= at:
            a = m
        else:
            b = m
    width = costs.x[b] - costs.x[a]
    if width <= 0.0:
        return costs.cost[a]
    share = min(max((at - costs.x[a]) / width, 0.0), 1.0)
    return costs.cost[a] + share * (costs.cost[b] - costs.cost[a])


@inner
def _best_corner(costs, first, last, scale, slope):
    """Return the corner of a hull at which ``slope x - scale cost(x)`` is largest."""
    a, b = first, last - 1
    while a < b:
        m = (a + b) // 2
        if scale * (costs.cost[m + 1] - costs.cost[m]) < slope * (costs.x[m + 1] - costs.x[m]):
            a = m + 1
        else:
            b = m
    return a


@inner
def best_on_hull(costs, first, last, scale, slope, low, high):
    """Return ``max slope x - scale cost(x)`` over ``low <= x <= high`` of one hull."""
    a = _best_corner(costs, first, last, scale, slope)
    if costs.x[a] < low:
        return slope * low - scale * at_hull(costs, first, last, low)
    if costs.x[a] > high:
        return slope * high - scale * at_hull(costs, first, last, high)
    return slope * costs.x[a] - scale * costs.cost[a]


@inner
def place_on_hull(costs, first, last, scale, slope, low, high):
    """Return where :func:`best_on_hull` is attained."""
    a = _best_corner(costs, first, last, scale, slope)
    return min(max(costs.x[a], low), high)


@inner
def strides(grids, setup, step):
    """Fill how far apart neighbours along each dimension lie in the list of points."""
    dimensions = grids.dimensions[setup]
    for i in range(dimensions - 1, -1, -1):
        step[i] = 1 if i == dimensions - 1 else step[i + 1] * grids.size[setup, i + 1]


@inner
def cost_at_points(grids, costs, setup, tables, scales, step, out):
    """Fill what the points of a grid cost."""
    size, points = grids.size[setup], grids.points[setup]
    for p in range(points):
        out[p] = 0.0
    for i in range(grids.dimensions[setup]):
        last, far, start = size[i] - 1, step[i], costs.start[tables[i]]
        for row in range(points // (size[i] * far)):
            for k in range(last + 1):
                at = scales[i] * costs.cost[start[k] - (1 if k == last and k > 0 else 0)]
                first = (row * size[i] + k) * far
                for p in range(first, first + far):
                    out[p] += at


@inner
def _largest_of_cells(grids, setup, step, worth, top):
    """Fill the largest worth at the corners of each cell, by its first point; ``-inf`` where no cell begins."""
    size, points = grids.size[setup], grids.points[setup]
    for p in range(points):
        top[p] = worth[p]
    for i in range(grids.dimensions[setup]):
        far = step[i]
        for row in range(points // (size[i] * far)):
            first = row * size[i] * far
            edge = first + (size[i] - 1) * far
            for p in range(first, edge):
                top[p] = max(top[p], top[p + far])
            for p in range(edge, edge + far):
                top[p] = -np.inf


@inner
def best_in_cells(grids, costs, setup, tables, scales, step, cost, worth, extra, top, corner, slopes, likely):
    """Return the largest of ``worth - cost`` over all values that the dimensions can take.

    ``worth`` inside a cell is at most ``extra``, by the cell's first point, above the product of straight lines between
    its corners; ``cost`` is that of the points, :func:`cost_at_points`. ``top``, ``corner`` and ``slopes`` are room to
    work in. The cell at ``likely[0]`` is looked at first, so that few others need be; it becomes where the largest is.
    """
    dimensions, points = grids.dimensions[setup], grids.points[setup]
    corners = 1 << dimensions
    best = -np.inf
    for p in range(points):
        best = max(best, worth[p] - cost[p])
    if dimensions == 0:
        return best
    _largest_of_cells(grids, setup, step, worth, top)
    first_cell = likely[0] if likely[0] < points else 0
    offset, plane = np.zeros(corners, dtype=np.int64), np.empty(corners)
    for i in range(dimensions):
        half = 1 << i
        for c in range(half):
            offset[half + c] = offset[c] + step[i]
    for turn in range(points + 1):
        p = first_cell if turn == 0 else turn - 1
        if top[p] - cost[p] + extra[p] <= best:
            continue
        whole = 0.0
        for c in range(corners):
            corner[c] = worth[p + offset[c]]
            whole += corner[c]
        total = plane[0] = whole / corners
        for i in range(dimensions):
            half, upper = 1 << i, 0.0
            for begin in range(half, corners, 2 * half):
                for c in range(begin, begin + half):
                    upper += corner[c]
            slopes[i] = (2.0 * upper - whole) / (corners / 2)
            plane[0] -= 0.5 * slopes[i]
        stray = corner[0] - plane[0]
        for i in range(dimensions):
            half = 1 << i
            for c in range(half):
                plane[half + c] = plane[c] + slopes[i]
                stray = max(stray, corner[half + c] - plane[half + c])
        total += max(stray, 0.0)
        rest = p
        for i in range(dimensions):
            k = rest // step[i]
            rest -= k * step[i]
            low, high = grids.edge[setup, i, k], grids.edge[setup, i, k + 1]
            steep = slopes[i] / (high - low)
            first, last = costs.start[tables[i], k], costs.start[tables[i], k + 1]
            total += best_on_hull(costs, first, last, scales[i], steep, low, high) - steep * low
            total -= 0.5 * slopes[i]
        total = min(total, top[p] - cost[p]) + extra[p]
        if total > best:
            best = total
            likely[0] = p
    return best


@kernel
def cost_of_points(grids, costs, phase, out):
    """Fill what the points of every grid cost, ``out[period, group, stage, point]``."""
    periods, groups, stages, _ = out.shape
    step = np.empty(grids.size.shape[1], dtype=np.int64)
    for t in range(periods):
        for g in range(groups):
            for where in range(stages):
                setup = grids.setup[phase[t], g, where]
                strides(grids, setup, step)
                cost_at_points(
                    grids, costs, setup, costs.table[t, g, where], costs.scale[t, g, where], step,
                    out[t, g, where],
                )  # fmt: skip
