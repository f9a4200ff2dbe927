"""Plays a plan: its intensities on the observed head counts, scaled back where the period's money would run out.

A plan says when intensities act; a lever with lead time is decided that much earlier.
"""

from dataclasses import dataclass

import numpy as np

from sim.arrays import Floats
from sim.contract import Allocation, Observation

__all__ = ["Planned"]


@dataclass(frozen=True, eq=False)
class Planned:
    """A table of intensities, (periods, groups, stages, levers)."""

    intensity: Floats
    name: str = "plan"

    def decide(self, observation: Observation) -> Allocation:
        """Return this period's intensities, or for a lever with lead time those of the period its money acts in."""
        intensity = np.zeros(observation.targets.shape)
        for lever, lead in enumerate(observation.targets.lead):
            acts = observation.period + lead
            if acts < self.intensity.shape[0]:
                intensity[:, :, lever] = self.intensity[acts, :, :, lever]
        return Allocation.within(intensity, observation)
