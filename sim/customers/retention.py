"""Who stays, as the traits say it: what survival curves and employees are measured against."""

from dataclasses import dataclass

import numpy as np

from sim.arrays import Floats
from sim.customers.groups import BaseGroups
from sim.scenario.file import Gamma, Scenario, Segment

__all__ = ["Retention", "mean_leaving", "retention_of"]


@dataclass(frozen=True)
class Retention:
    """How the customers of a segment leave under today's spend, by their traits.

    Attributes
    ----------
    customers : float
        Those expected to be customers at the start.
    leaving : float
        Their mean defection rate, per period.
    stays : float
        Share of them who stay through the first period.
    """

    customers: float
    leaving: float
    stays: float


def retention_of(scenario: Scenario, base: BaseGroups | None) -> dict[str, Retention]:
    """Return by segment what traits say of staying.

    ``mu ~ Gamma(s, beta)``: ``E[mu] = s/beta``, ``E[exp(-mu)] = (beta/(beta + 1))^s``; of real customers the mean over
    those alive of the same with their posteriors.
    """
    out = {}
    if base is not None:
        for name, known in zip(scenario.base_segments, base.leaving, strict=False):
            if known[0] > 0:
                out[name] = Retention(*known)
    for name, segment in scenario.segments.items():
        if segment.traits is None:
            continue
        law, customers = segment.traits.defection_rate, segment.start.get("new", 0.0)
        if isinstance(law, Gamma):
            out[name] = Retention(customers, law.shape / law.rate, (law.rate / (law.rate + 1)) ** law.shape)
        else:
            out[name] = Retention(customers, law, float(np.exp(-law)))
    return out


def mean_leaving(scenario: Scenario, base: BaseGroups | None) -> float:
    """Return the mean defection rate of the firm's customers; where it has none yet, of the people it may win."""
    found = retention_of(scenario, base)
    people = [scenario.segments.get(name, Segment()) for name in found]
    weights = [
        np.array([each.customers for each in found.values()]),
        np.array([float(sum(segment.start.values())) for segment in people]),
        np.array([float(sum(segment.births.values())) for segment in people]),
    ]
    weight: Floats = next((w for w in weights if w.sum() > 0), np.ones(len(found)))
    return float(np.average([each.leaving for each in found.values()], weights=weight))
