"""Rules for classes of customers that a firm sees for itself: today's money times a weight for each class.

Groups are told apart by what is observed, so the rules hold for whatever segments there are; only where segments are
the classes of a base by definition (cycle x amount) is that definition taken. What a firm calls its own classes is
treated by name in a mixture (:mod:`policies.mixture`).
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from policies.catalogue import policy
from policies.money import MoneyByClaims, Today, todays_claims
from sim.arrays import Flags, Floats, Ints
from sim.contract import ACTIVE, SILENT, Observation

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = ["CycleAndAmount", "FunctionMatrix", "LoyaltyMatrix", "ResponseMatrix", "ServiceMatrix"]

PRESENT = (*ACTIVE, SILENT[0])
"""Stages whose value counts: all but the lapsed."""
NOT_CUSTOMERS = ("unaware", "prospect")
UNKNOWN = -1


class _Classes(MoneyByClaims, ABC):
    """Today's money times a weight by class of a group; as today where no class is known.

    Attributes
    ----------
    weights : (classes,)
    """

    feedback = True

    def __init__(self, twin: "Twin", budget: float, *weights: float) -> None:
        super().__init__(twin, Today(twin, budget).money)
        self.weights = np.array(weights, dtype=float)
        self.today = todays_claims(twin)
        self.stages = np.array(twin.targets.stages)
        self.present = np.isin(self.stages, PRESENT)

    @abstractmethod
    def classes(self, observation: Observation) -> Ints:
        """Return the class of each group, an index into the weights; UNKNOWN where there is nothing to go by."""

    def claims(self, observation: Observation) -> Floats:
        """Return weighted claims of today's money."""
        claims = np.asarray(self.today * observation.customers[:, :, None])
        found = self.classes(observation)
        weight = np.where(found == UNKNOWN, 1.0, self.weights[found])
        weighted = np.asarray(weight[:, None, None] * claims)
        return weighted if weighted.any() else claims

    def among_customers(self, seen: Floats) -> Floats:
        """Return sums by group over those who are customers and have not lapsed, of what is seen by stage."""
        return np.asarray(np.where(self.present, seen, 0.0).sum(axis=1))


class _Matrix(_Classes, ABC):
    """Four classes, by whether a group's revenue by customer is high and whether it is better on another side.

    The weights' order: low and worse, low and better, high and worse, high and better.
    """

    @abstractmethod
    def better(self, observation: Observation) -> Flags | None:
        """Return which groups are better on the other side; None where nothing is known."""

    def classes(self, observation: Observation) -> Ints:
        """Return the cell of each group where somebody is."""
        heads = self.among_customers(observation.customers)
        revenue = self.among_customers(observation.revenue)
        better = self.better(observation)
        if better is None or revenue.sum() <= 0:
            return np.full(heads.shape, UNKNOWN)
        high = above_mean(revenue, heads)
        return np.where(heads > 0, 2 * high + better, UNKNOWN)


def above_mean(total: Floats, number: Floats) -> Flags:
    """Return which groups have at least the mean of all, given totals and the number of what they are by."""
    each = np.divide(total, number, out=np.zeros_like(total), where=number > 0)
    mean = float((each * number).sum()) / max(float(number.sum()), 1e-300)
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
        super().__init__(twin, budget, marginal, over_serviced, at_risk, golden)

    def better(self, observation: Observation) -> Flags | None:
        """Return which groups are at least as satisfied as the mean customer surveyed."""
        known = ~np.isnan(observation.satisfaction)
        if not known.any():
            return None
        points = np.where(known, observation.satisfaction, 0.0) * observation.customers
        return above_mean(points.sum(axis=1), np.where(known, observation.customers, 0.0).sum(axis=1))


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
        super().__init__(twin, budget, leaving_low, loyal_low, leaving_high, loyal_high)

    def better(self, observation: Observation) -> Flags | None:
        """Return which groups lose no larger part of their active customers than the mean."""
        active = observation.moves[:, np.isin(self.stages, ACTIVE)]
        number, gone = active.sum(axis=(1, 2)), active[:, :, np.isin(self.stages, SILENT)].sum(axis=(1, 2))
        if number.sum() <= 0:
            return None
        return np.asarray(~above_mean(gone, number) | (gone == 0))


@policy("response matrix")
class ResponseMatrix(_Matrix):
    """Today's money by value and response to it: best, odd couples, fatal attraction, ghosts.

    Value is revenue by customer in the period before, response what the group's customers and prospects bought then for
    each unit of money spent on them (a mean, with what they would have bought anyway); either is high from the firm's
    mean on. ``best`` (high, high), ``odd_couples`` (high value, little response), ``fatal_attraction`` (low value, much
    response), ``ghosts`` (low, low): weights on today's money. Which name goes with which mixed cell is our reading.
    """

    name = "response matrix"

    def __init__(
        self, twin: "Twin", budget: float, best: float = 1.5, odd_couples: float = 1.0, fatal_attraction: float = 0.75,
        ghosts: float = 0.5,
    ) -> None:  # fmt: skip
        super().__init__(twin, budget, ghosts, fatal_attraction, odd_couples, best)

    def better(self, observation: Observation) -> Flags | None:
        """Return which groups bought at least as often for their money as the mean."""
        spent = observation.last_spend.sum(axis=(1, 2))
        return above_mean(observation.purchases.sum(axis=1), spent) if spent.sum() > 0 else None


@policy("function matrix")
class FunctionMatrix(_Matrix):
    """Today's money by what customers do for the firm, directly and indirectly: high-performing to networking.

    Direct is revenue by customer in the period before, indirect the customers won in the same group then for each
    active one: whom they bring, as far as it shows (what the firm spends on winning shows too). ``high_performing``
    (both), ``selling`` (direct), ``networking`` (indirect), ``low_performing`` (neither): weights on today's money.
    """

    name = "function matrix"

    def __init__(
        self, twin: "Twin", budget: float, high_performing: float = 1.5, selling: float = 1.25, networking: float = 1.0,
        low_performing: float = 0.5,
    ) -> None:  # fmt: skip
        super().__init__(twin, budget, low_performing, networking, selling, high_performing)

    def better(self, observation: Observation) -> Flags | None:
        """Return which groups won at least as many customers for each active one as the mean."""
        outside, active = np.isin(self.stages, NOT_CUSTOMERS), np.isin(self.stages, ACTIVE)
        won = observation.moves[:, outside][:, :, active].sum(axis=(1, 2))
        number = observation.customers[:, active].sum(axis=1)
        return above_mean(won, number) if won.sum() > 0 else None


@policy("cycle and amount")
class CycleAndAmount(_Classes):
    """Today's money by how often and how much is bought: platinum, gold, silver A to C, develop, optimise.

    Cells as in :mod:`sim.customers.segmentation`. Segments of a base that are these classes by its definition are known
    from the start, and where all are, nothing is left to react to. Any other group is placed by what its customers
    bought in the period before, by the base's cut-offs or else by thirds of the groups. Weights on today's money.
    """

    name = "cycle and amount"

    def __init__(
        self, twin: "Twin", budget: float, platinum: float = 1.5, gold: float = 1.25, silver_a: float = 1.0,
        silver_b: float = 1.0, silver_c: float = 1.0, develop: float = 1.25, optimise: float = 0.5,
    ) -> None:  # fmt: skip
        from sim.customers.segmentation import SEGMENTS, CycleAmountCutoffs
        from sim.scenario.file import WEEKS_PER_PERIOD

        super().__init__(twin, budget, platinum, gold, silver_a, silver_b, silver_c, develop, optimise)
        base, names = twin.scenario.base, twin.targets.segments
        defined = SEGMENTS if base is not None and base.segments is None else ()
        self.known = np.array([defined.index(name) if name in defined else UNKNOWN for name in names])
        self.cutoffs = None if base is None else CycleAmountCutoffs(*base.cycle_cutoffs, *base.amount_cutoffs)
        self.weeks = WEEKS_PER_PERIOD[twin.scenario.period]
        self.feedback = bool((self.known == UNKNOWN).any())

    def classes(self, observation: Observation) -> Ints:
        """Return the class of each group that is defined, or that bought something."""
        from sim.customers.segmentation import segment_by_cycle_and_amount

        purchases, revenue, heads = (
            self.among_customers(seen) for seen in (observation.purchases, observation.revenue, observation.customers)
        )
        place = (self.known == UNKNOWN) & (purchases > 0) & (heads > 0)
        found = self.known.copy()
        if place.any():
            rate, amount = purchases[place] / heads[place] / self.weeks, revenue[place] / purchases[place]
            found[place], _ = segment_by_cycle_and_amount(rate, amount, self.cutoffs)
        return found
