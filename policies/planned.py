"""Plays a plan: its intensities on the observed head counts, scaled back where the period's money would run out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.contract import Allocation, Observation

__all__ = ["Planned"]


@dataclass(frozen=True, eq=False)
class Planned:
    """A table of intensities, (periods, groups, stages, levers)."""

    intensity: NDArray[np.float64]
    name: str = "plan"

    def decide(self, observation: Observation) -> Allocation:
        """Return this period's intensities within what may be spent."""
        return Allocation.within(self.intensity[observation.period], observation)
