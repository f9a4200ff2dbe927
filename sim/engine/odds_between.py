"""Ranges of a period's odds over all that money can do: from what effects can be, not from points of a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import Floats, Ints
from sim.engine import odds_between_kernels as kernels
from sim.engine.columns import SATISFIED
from sim.engine.routes import TO_SATISFIED

if TYPE_CHECKING:
    from sim.engine.ways import Ways

__all__ = ["Between", "odds_between"]

Between = tuple[tuple[Floats, Floats], tuple[Floats, Floats]]
"""Least and most odds, and least and most ratios, each (regimes, blocks, laws, outcomes)."""


def odds_between(ways: Ways, reference: Ints) -> Between:
    """Return ranges of the odds over all intensities, and of their ratios to the odds of ``reference[block]``.

    By regimes and phases, as :meth:`sim.engine.ways.Ways.odds`; effects move independently of each other, each between
    its values at the ends. Where a ratio is of nothing to nothing the least is above the most.
    """
    chain, grids = ways.chain, ways.grids
    setups = [(environment, setup) for environment in chain.regimes[0] for setup in grids.setup]
    shape = (len(setups), chain.group.size, chain.space.law_kind.size, chain.space.successor.shape[1])
    least, most, small, large = (np.empty(shape) for _ in range(4))
    for i, (environment, setup) in enumerate(setups):
        there = np.arange(grids.defection.shape[1]) < grids.points[setup][..., None]
        effects = ways.effects_at(environment, setup)
        low = np.where(there[..., None], effects, np.inf).min(axis=2)
        high = np.where(there[..., None], effects, -np.inf).max(axis=2)
        shift = _shifts(ways)[:, setup] + environment[:, None, TO_SATISFIED]
        low[..., SATISFIED], high[..., SATISFIED] = shift
        kernels.odds_between(*chain.structure, reference, low, high, (least[i], most[i]), (small[i], large[i]))
    return (least, most), (small, large)


def _shifts(ways: Ways) -> Floats:
    """Return how far satisfaction is moved at least and at most, (2, setups).

    What pleases and what annoys each end by end: where one lever does both, the difference may be largest between.
    """
    out = np.zeros((2, len(ways.dimensions)))
    for setup, dimensions in enumerate(ways.dimensions.values()):
        for one in dimensions:
            pleases, annoys = (one.at_edge.get(channel, np.zeros(1)) for channel in ("satisfaction", "annoyance"))
            out[:, setup] += pleases.min() - annoys.max(), pleases.max() - annoys.min()
    return out
