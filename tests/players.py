"""Small policies that several tests play."""

from dataclasses import dataclass, field

import numpy as np
from markets import Floats
from plain.record import Money
from plain.twin import as_array

from sim.contract import Allocation, Observation, Policy
from sim.scenario.file import STAGES, Scenario


def wanted(scenario: Scenario, period: int) -> Money:
    """Return intensities of 0, .4, .8, ..., 2 times the reference, by period, segment, stage and lever in turn."""
    money: Money = {}
    for i, (name, lever) in enumerate(scenario.levers.items()):
        for j, segment in enumerate(scenario.segments):
            override = lever.by_segment.get(segment)
            usual = lever.reference if override is None or override.reference is None else override.reference
            for stage in lever.targets:
                factor = 0.4 * ((5 * period + 2 * i + 3 * j + STAGES.index(stage)) % 6)
                money[segment, stage, name] = factor * (usual or 0.4)
    return money


@dataclass
class Noting:
    """Wants what :func:`wanted` says, within what it is allowed, and writes down what it decided."""

    scenario: Scenario
    decided: list[Floats] = field(default_factory=list)
    name: str = "noting"

    def decide(self, observation: Observation) -> Allocation:
        """Return the allocation."""
        asked = as_array(wanted(self.scenario, observation.period), observation.targets)
        allocation = Allocation.within(asked, observation)
        self.decided.append(allocation.intensity.copy())
        return allocation


@dataclass
class Reacting:
    """Wants what :func:`wanted` says, more of it the lower the surveyed satisfaction and the less was spent so far."""

    scenario: Scenario
    name: str = "reacting"

    def decide(self, observation: Observation) -> Allocation:
        """Return the allocation."""
        asked = as_array(wanted(self.scenario, observation.period), observation.targets)
        low = 1 - np.nan_to_num(observation.satisfaction, nan=100.0) / 100
        asked *= 1 + low[:, :, None] + 1 / (1 + observation.lever_spent / 100)
        return Allocation.within(asked, observation)


@dataclass
class Switching:
    """One policy up to a period, and another from there on."""

    first: Policy
    then: Policy
    at: int
    name: str = "switching"

    def decide(self, observation: Observation) -> Allocation:
        """Return what the policy whose turn it is decides."""
        return (self.first if observation.period < self.at else self.then).decide(observation)


@dataclass(frozen=True, eq=False)
class Steady:
    """The same intensities every period, whatever they cost."""

    intensity: Floats
    name: str = "steady"

    def decide(self, observation: Observation) -> Allocation:
        """Return them."""
        return Allocation(self.intensity)
