"""Who gets the same money per head: what a firm tells apart when it spends."""

from dataclasses import dataclass

import numpy as np

from sim.arrays import Floats, Ints
from sim.contract import Targets
from sim.engine.fluid_pass import Money

__all__ = ["TARGETINGS", "Cells"]


TARGETINGS = ("segment", "stage", "state")
"""What the firm tells apart: segments; segments and stages; tiers of value too."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Who gets the same money per head.

    Attributes
    ----------
    targets : Targets
    cell : (groups, stages, levers)
        Number of the cell, -1 where a lever cannot be used.
    lever, segment : (cells,)
    """

    targets: Targets
    cell: Ints
    lever: Ints
    segment: Ints

    @staticmethod
    def of(targets: Targets, targeting: str) -> "Cells":
        """Return the cells of a targeting: ``segment``, ``stage`` or ``state``."""
        number: dict[tuple[object, ...], int] = {}
        cell = np.full(targets.shape, -1, dtype=np.int64)
        lever, segment = [], []
        order = list(dict.fromkeys(targets.segments))
        for g, s, k in np.argwhere(targets.allowed).tolist():
            names: tuple[object, ...] = (targets.segments[g], k)
            if targeting != "segment":
                names += (s,)
            if targeting == "state":
                names += (g,)
            if names not in number:
                number[names] = len(number)
                lever.append(k)
                segment.append(order.index(targets.segments[g]))
            cell[g, s, k] = number[names]
        return Cells(targets, cell, np.array(lever, dtype=np.int64), np.array(segment, dtype=np.int64))

    def sum(self, by_target: Floats) -> Floats:
        """Return sums by cell, (..., cells), of ``by_target[..., group, stage, lever]``."""
        inside = self.cell >= 0
        rows = by_target[..., inside].reshape(-1, int(inside.sum()))
        out = np.stack([np.bincount(self.cell[inside], weights=row, minlength=self.lever.size) for row in rows])
        return np.asarray(out.reshape(*by_target.shape[:-3], self.lever.size), dtype=float)

    def largest(self, by_target: Floats) -> Floats:
        """Return the largest by cell of ``by_target[group, stage, lever]``."""
        out = np.zeros(self.lever.size)
        inside = self.cell >= 0
        np.maximum.at(out, self.cell[inside], by_target[inside])
        return out

    def money(self, amount: Floats) -> Money:
        """Return the plan that spends ``amount[period, cell]``."""
        return Money(self.targets, self.cell, amount)
