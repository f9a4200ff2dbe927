"""Allowances and costs at the points of a grid, against the same worked out point by point."""

import numpy as np
import pytest

from sim.arrays import Floats
from sim.engine import hull_kernels as kernels
from sim.engine.hull_kernels import BENDS, NO_GRIDS, Costs, Grids, bends_of


def grids_of(edges: list[Floats]) -> Grids:
    """Return the grid over these edges, as the only setup."""
    deep = max(edge.size for edge in edges)
    edge = np.zeros((1, len(edges), deep))
    for i, each in enumerate(edges):
        edge[0, i, : each.size] = each
    share, per_way, ends, square = (each[None] for each in bends_of(edges))
    size = np.array([[each.size for each in edges]])
    return NO_GRIDS._replace(
        dimensions=np.array([len(edges)]), size=size, edge=edge, points=np.array([size.prod()]), share=share,
        per_way=per_way, ends=ends, square=square,
    )  # fmt: skip


def allowed_along(edge: Floats, worth: Floats) -> Floats:
    """Return what the worth along one dimension may lie above chords, at each of its points."""
    bends = np.full(edge.size, np.inf)
    for k in range(1, edge.size - 1):
        chord = np.interp(edge[k], edge[[k - 1, k + 1]], worth[[k - 1, k + 1]])
        bends[k] = max(worth[k] - chord, 0.0) / ((edge[k + 1] - edge[k]) * (edge[k] - edge[k - 1]))
    cells = [min(bends[k], bends[k + 1]) * (edge[k + 1] - edge[k]) ** 2 for k in range(edge.size - 1)]
    cells = [0.0 if edge.size == 2 else each for each in cells]
    return BENDS * np.maximum([*cells, 0.0], [0.0, *cells])


@pytest.mark.parametrize("shape", [(2,), (3,), (7,), (4, 5), (3, 2, 4)])
def test_allowances_are_those_of_every_line_of_the_grid(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(len(shape))
    edges = [np.sort(rng.uniform(0, 1, n)) for n in shape]
    grids, worth = grids_of(edges), rng.normal(size=shape)
    step, extra = np.empty(len(shape), dtype=np.int64), np.empty(worth.size)
    kernels.strides(grids, 0, step)
    kernels.allowances(grids, 0, step, worth.ravel(), np.empty(worth.size), np.empty(worth.size), extra)
    wanted = sum(np.apply_along_axis(lambda line, e=e: allowed_along(e, line), i, worth) for i, e in enumerate(edges))
    np.testing.assert_allclose(extra, np.ravel(wanted), rtol=1e-9, atol=1e-12)


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
