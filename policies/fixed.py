"""Policies that do not look at customers: as today, and nothing."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from policies.catalogue import policy
from policies.planned import Planned, fitted
from sim.contract import Allocation, Observation

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = ["AsToday", "NoSpend"]


@dataclass(frozen=True)
class AsToday:
    """Go on as the data were gathered: the reference intensity everywhere, scaled back where money runs out."""

    name: str = "as today"

    feedback = False

    def decide(self, observation: Observation) -> Allocation:
        """Return the reference intensities."""
        return Allocation.within(observation.targets.reference, observation)


@dataclass(frozen=True)
class NoSpend:
    """Spend nothing, with today's terms. Worse than today wherever money works."""

    name: str = "no spend"

    feedback = False

    def decide(self, observation: Observation) -> Allocation:
        """Return zero wherever the budget pays."""
        return Allocation(observation.targets.terms.copy())


@policy("as today", states_money=True)
def as_today(twin: "Twin", budget: float) -> Planned:
    """Go on as the data were gathered; for a smaller budget all get less alike, and nobody ever more than today."""
    from sim.market.purse import budget_of

    today = np.repeat(twin.targets.reference[None], twin.chain.periods, axis=0)
    return fitted(twin, Planned(today, "as today", most=twin.targets.reference), budget_of(twin, budget))


@policy("no spend")
def no_spend(twin: "Twin", budget: float) -> NoSpend:
    """Spend nothing: what the customers are worth if they are left alone."""
    return NoSpend()
