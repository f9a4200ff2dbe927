"""Who can be told apart, which lever can be used on whom, and how long it takes to act."""

from collections.abc import Sequence

import numpy as np

from sim.contract import Targets
from sim.scenario.file import STAGES, Scenario

__all__ = ["targets_of"]


def targets_of(scenario: Scenario, segments: Sequence[str], tiers: Sequence[str]) -> Targets:
    """Return who can be told apart, which lever can be used on whom, and how long it takes to act."""
    shape = (len(segments), len(STAGES), len(scenario.levers))
    allowed = np.zeros(shape, dtype=bool)
    reference, committed = np.zeros(shape), np.zeros(shape)
    for i, lever in enumerate(scenario.levers.values()):
        for group, (segment, tier) in enumerate(zip(segments, tiers, strict=True)):
            override = lever.by_segment.get(segment)
            usual = lever.reference if override is None or override.reference is None else override.reference
            for stage in lever.targets if tier in lever.tiers else ():
                allowed[group, STAGES.index(stage), i] = True
                reference[group, STAGES.index(stage), i] = usual
                committed[group, STAGES.index(stage), i] = usual if lever.committed is None else lever.committed
    levers = scenario.levers.values()
    return Targets(
        tuple(segments),
        tuple(tiers),
        STAGES,
        tuple(scenario.levers),
        allowed,
        reference,
        committed,
        tuple(lever.lead_time for lever in levers),
        tuple(lever.duration for lever in levers),
        tuple(lever.pays for lever in levers),
    )
