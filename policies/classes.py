"""Rules for classes of customers that a firm sees for itself: value against satisfaction, and against loyalty.

Groups are told apart by what is observed, so the rules hold for whatever segments there are; what a firm calls its own
classes is treated by name in a mixture (:mod:`policies.mixture`).
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from policies.catalogue import policy
from policies.money import MoneyByClaims, Today, todays_claims
from sim.arrays import Flags, Floats
from sim.contract import ACTIVE, SILENT, Observation

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = ["LoyaltyMatrix", "ServiceMatrix"]

PRESENT = (*ACTIVE, SILENT[0])
"""Stages whose value counts: all but the lapsed."""


class _Matrix(MoneyByClaims, ABC):
    """Today's money times a weight by class of a group; until both sides are known, as today.

    Attributes
    ----------
    weights : (2, 2)
        By whether a group is worth more than most, and whether it is better on the other side.
    """

    feedback = True

    def __init__(self, twin: "Twin", budget: float, weights: tuple[float, float, float, float]) -> None:
        super().__init__(twin, Today(twin, budget).money)
        self.weights = np.reshape(weights, (2, 2))
        self.today = todays_claims(twin)
        self.seen = np.array([name in PRESENT for name in twin.targets.stages])

    @abstractmethod
    def better(self, observation: Observation, heads: Floats) -> Flags | None:
        """Return which groups are better on the other side; None where nothing is known."""

    def claims(self, observation: Observation) -> Floats:
        """Return weighted claims of today's money."""
        claims = np.asarray(self.today * observation.customers[:, :, None])
        heads = np.where(self.seen, observation.customers, 0.0).sum(axis=1)
        revenue = np.where(self.seen, observation.revenue, 0.0).sum(axis=1)
        better = self.better(observation, heads)
        if better is None or revenue.sum() <= 0:
            return claims
        high = above_mean(revenue / np.maximum(heads, 1e-300), heads)
        weight = np.where(heads > 0, self.weights[high.astype(int), better.astype(int)], 1.0)
        weighted = np.asarray(weight[:, None, None] * claims)
        return weighted if weighted.any() else claims


def above_mean(each: Floats, heads: Floats) -> Flags:
    """Return which groups have at least the mean by customer of all."""
    mean = float((each * heads).sum()) / max(float(heads.sum()), 1e-300)
    return np.asarray(each >= mean * (1 - 1e-9))


@policy("service matrix")
class ServiceMatrix(_Matrix):
    """Today's money by value and surveyed satisfaction: golden, at risk, marginal, and those not to over-service.

    Value is revenue by customer in the period before; either side is high from the firm's mean on. ``golden`` (high,
    high), ``at_risk`` (high value, less satisfied), ``marginal`` (low, low), ``over_serviced`` (low value, satisfied):
    weights on today's money.
    """

    name = "service matrix"

    def __init__(
        self, twin: "Twin", budget: float, golden: float = 1.25, at_risk: float = 2.0, marginal: float = 0.75,
        over_serviced: float = 0.5,
    ) -> None:  # fmt: skip
        super().__init__(twin, budget, (marginal, over_serviced, at_risk, golden))

    def better(self, observation: Observation, heads: Floats) -> Flags | None:
        """Return which groups are at least as satisfied as the mean customer surveyed."""
        known = ~np.isnan(observation.satisfaction)
        if not known.any():
            return None
        number = np.where(known, observation.customers, 0.0).sum(axis=1)
        points = np.where(known, observation.satisfaction, 0.0) * observation.customers
        return above_mean(points.sum(axis=1) / np.maximum(number, 1e-300), number)


@policy("loyalty matrix")
class LoyaltyMatrix(_Matrix):
    """Today's money by value and how many leave: more for the good who leave and who stay, less for the rest.

    Value is revenue by customer in the period before; a group is loyal whose active customers fall silent no more
    often than the mean. ``loyal_high``, ``leaving_high``, ``loyal_low``, ``leaving_low``: weights on today's money.
    """

    name = "loyalty matrix"

    def __init__(
        self, twin: "Twin", budget: float, loyal_high: float = 1.25, leaving_high: float = 1.5, loyal_low: float = 0.75,
        leaving_low: float = 0.5,
    ) -> None:  # fmt: skip
        super().__init__(twin, budget, (leaving_low, loyal_low, leaving_high, loyal_high))
        names = twin.targets.stages
        self.active = [i for i, name in enumerate(names) if name in ACTIVE]
        self.silent = [i for i, name in enumerate(names) if name in SILENT]

    def better(self, observation: Observation, heads: Floats) -> Flags | None:
        """Return which groups lose no larger part of their active customers than the mean."""
        active = observation.moves[:, self.active]
        number, gone = active.sum(axis=(1, 2)), active[:, :, self.silent].sum(axis=(1, 2))
        if number.sum() <= 0:
            return None
        return np.asarray(~above_mean(gone / np.maximum(number, 1e-300), number) | (gone == 0))
