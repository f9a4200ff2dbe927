"""Allowances and costs at the points of a grid, against the same worked out point by point."""

import numpy as np
import pytest

from sim.arrays import Floats
from sim.engine import hull_kernels as kernels
from sim.engine.bend_spans_kernels import SPANS, allowances, allowances_at_points
from sim.engine.hull_kernels import NO_GRIDS, Costs, Grids


def grids_of(edges: list[Floats]) -> Grids:
    """Return the grid over these edges, as the only setup."""
    deep = max(edge.size for edge in edges)
    edge = np.zeros((1, len(edges), deep))
    for i, each in enumerate(edges):
        edge[0, i, : each.size] = each
    size = np.array([[each.size for each in edges]])
    return NO_GRIDS._replace(
        dimensions=np.array([len(edges)]), size=size, edge=edge, points=np.array([size.prod()]),
    )  # fmt: skip


@pytest.mark.parametrize("shape", [(2,), (3,), (7,), (4, 5), (3, 2, 4)])
def test_what_is_allowed_adds_up_over_the_dimensions_of_a_cell(shape: tuple[int, ...]) -> None:
    """By the cell's first point, or the most of the cells around a point."""
    rng = np.random.default_rng(len(shape))
    edges = [np.sort(rng.uniform(0, 1, n)) for n in shape]
    grids, spans = grids_of(edges), rng.uniform(size=SPANS)
    bends = rng.uniform(size=(len(shape), max(shape), SPANS))
    step, extra, around = np.empty(len(shape), dtype=np.int64), np.empty(np.prod(shape)), np.empty(np.prod(shape))
    kernels.strides(grids, 0, step)
    allowances(grids, 0, step, bends, spans, np.empty(max(shape)), extra)
    allowances_at_points(grids, 0, step, bends, spans, np.empty(max(shape)), around)
    by_cell = [bends[i, : n - 1] @ spans for i, n in enumerate(shape)]
    for p, at in enumerate(np.ndindex(shape)):
        if all(k < n - 1 for k, n in zip(at, shape, strict=True)):
            assert extra[p] == pytest.approx(sum(each[k] for each, k in zip(by_cell, at, strict=True)))
        most = [each[max(k - 1, 0) : k + 1].max() for each, k in zip(by_cell, at, strict=True)]
        assert around[p] == pytest.approx(sum(most))


def test_points_cost_what_their_places_along_the_dimensions_do() -> None:
    edges = [np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0])]
    grids = grids_of(edges)
    costs = Costs(  # hulls by cell: the edges alone
        NO_GRIDS.setup[None], np.zeros((1, 1, 1, 2)), np.array([[0, 2, 4], [4, 6, 6]]),
        np.array([0.0, 1.0, 1.0, 3.0, 0.0, 2.0]), np.array([0.0, 5.0, 5.0, 11.0, 0.0, 7.0]),
    )  # fmt: skip
    step, out = np.empty(2, dtype=np.int64), np.empty(6)
    kernels.strides(grids, 0, step)
    kernels.cost_at_points(grids, costs, 0, np.array([0, 1]), np.array([1.0, 2.0]), step, out)
    assert out.tolist() == [0.0, 14.0, 5.0, 19.0, 11.0, 25.0]
