"""Who stays, as the traits say it: what survival curves and employees are measured against."""

from dataclasses import dataclass

import numpy as np

from sim.arrays import Floats
from sim.customers.established import age_of
from sim.customers.groups import BaseGroups
from sim.scenario.customers import CUSTOMER_STAGES
from sim.scenario.file import Gamma, Scenario, Segment
from sim.scenario.people import appeared

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

    ``mu ~ Gamma(s, beta)``: ``E[mu] = s/beta``, ``E[exp(-mu)] = (beta/(beta + 1))^s``; of those who have been customers
    for ``T`` periods the same with ``beta + T``, of real customers with their posteriors; the mean over those alive.
    """
    out = {}
    if base is not None:
        for name, known in zip(scenario.base_segments, base.leaving, strict=False):
            if known[0] > 0:
                out[name] = Retention(*known)
    for name, segment in scenario.segments.items():
        if segment.traits is None:
            continue
        law = segment.traits.defection_rate
        there = [
            (each.count, age_of(stage, each, segment, scenario))
            for stage, each in segment.standing
            if stage in CUSTOMER_STAGES and stage != "lapsed" and each.count > 0
        ]
        customers = float(sum(count for count, _ in there))
        if not isinstance(law, Gamma):
            out[name] = Retention(customers, law, float(np.exp(-law)))
            continue
        count, age = np.array(there or [(1.0, 0)]).T
        until = law.rate + age
        leaving, stays = law.shape / until, (until / (until + 1)) ** law.shape
        out[name] = Retention(
            customers, float(np.average(leaving, weights=count)), float(np.average(stays, weights=count))
        )
    return out


def mean_leaving(scenario: Scenario, base: BaseGroups | None) -> float:
    """Return the mean defection rate of the firm's customers; where it has none yet, of the people it may win."""
    found = retention_of(scenario, base)
    people = [scenario.segments.get(name, Segment()) for name in found]
    weights = [
        np.array([each.customers for each in found.values()]),
        np.array([float(sum(segment.heads.values())) for segment in people]),
        np.array([float(sum(appeared(births, scenario.periods) for births in s.births.values())) for s in people]),
    ]
    weight: Floats = next((w for w in weights if w.sum() > 0), np.ones(len(found)))
    return float(np.average([each.leaving for each in found.values()], weights=weight))
