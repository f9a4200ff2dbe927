"""Policies that do not look at customers: as today, and nothing."""

from dataclasses import dataclass

import numpy as np

from sim.contract import Allocation, Observation

__all__ = ["AsToday", "NoSpend"]


@dataclass(frozen=True)
class AsToday:
    """Go on as the data were gathered: the reference intensity everywhere, scaled back where money runs out."""

    name: str = "as today"

    def decide(self, observation: Observation) -> Allocation:
        """Return the reference intensities."""
        return Allocation.within(observation.targets.reference, observation)


@dataclass(frozen=True)
class NoSpend:
    """Spend nothing. Worse than today wherever money works."""

    name: str = "no spend"

    def decide(self, observation: Observation) -> Allocation:
        """Return zero everywhere."""
        return Allocation(np.zeros(observation.targets.shape))
