"""Rules of thumb for spending that firms use, each within the same rules as a plan."""

from typing import TYPE_CHECKING

import numpy as np

from policies.catalogue import policy
from policies.money import (
    MoneyByClaims,
    MoneyByLever,
    Ration,
    Today,
    bounded_shares,
    bounds,
    fit_to_windows,
    todays_claims,
    worth_today,
)
from policies.planned import PlannedMoney
from sim.arrays import Floats
from sim.contract import Allocation, Observation

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = [
    "EvenSplit", "LastYear", "ParityWithRivals", "ProportionalToCustomers", "ProportionalToRevenue",
    "ProportionalToValue", "ShareOfRevenue",
]  # fmt: skip


@policy("even split")
class EvenSplit(MoneyByLever):
    """The same money for every lever, and inside a lever for every customer it can be used on."""

    def __init__(self, twin: "Twin", budget: float) -> None:
        groups, _, levers = twin.targets.shape
        shares = bounded_shares(np.full(levers, 1 / levers), *bounds(twin))
        super().__init__(twin, budget, "even split", shares, np.ones(groups), by_customer=True)


@policy("proportional to value")
class ProportionalToValue(MoneyByLever):
    """Money to groups in proportion to what they are worth today, the same for every lever that can be used there."""

    def __init__(self, twin: "Twin", budget: float) -> None:
        worth = np.maximum(worth_today(twin), 0)
        if worth.sum() == 0:
            worth = np.ones_like(worth)
        usable = twin.targets.allowed.any(axis=1) & twin.targets.paid
        per_lever = usable / np.maximum(usable.sum(axis=1, keepdims=True), 1)
        wanted = (worth[:, None] * per_lever).sum(axis=0) / worth.sum()
        shares = bounded_shares(wanted, *bounds(twin))
        super().__init__(twin, budget, "proportional to value", shares, worth, by_customer=False)


@policy("proportional to customers")
class ProportionalToCustomers(MoneyByClaims):
    """The same money for every customer and every lever that can be used on them."""

    name = "proportional to customers"


@policy("proportional to revenue")
class ProportionalToRevenue(MoneyByClaims):
    """Money to groups in proportion to what they bought in the period before; by customers until something is known."""

    name = "proportional to revenue"
    feedback = True

    def claims(self, observation: Observation) -> Floats:
        """Return a group's revenue, the same for each of its levers, by heads inside."""
        heads = np.where(observation.targets.allowed, observation.customers[:, :, None], 0.0)
        revenue = observation.revenue.sum(axis=1)
        if revenue.sum() <= 0:
            return heads
        inside = heads.sum(axis=1, keepdims=True)
        levers = np.maximum((inside > 0).sum(axis=2, keepdims=True), 1)
        return np.asarray(revenue[:, None, None] * heads / np.maximum(inside, 1e-300) / levers)


@policy("last year", states_money=True)
class LastYear(PlannedMoney):
    """Each segment, stage and lever gets what it got a year ago, whoever is there now; in the first year, today's."""

    def __init__(self, twin: "Twin", budget: float) -> None:
        from sim.market.purse import budget_of
        from sim.scenario.file import PERIODS_PER_YEAR

        today = Today(twin, budget)
        year = max(1, round(PERIODS_PER_YEAR[twin.scenario.period]))
        money = (today.fits[:, None, None, None] * today.spend)[np.arange(twin.chain.periods) % year]
        fits = fit_to_windows(np.ones(len(money)), money.sum(axis=(1, 2, 3)), budget_of(twin, budget).windows)
        super().__init__(fits[:, None, None, None] * money, "last year", Ration.of(twin))


@policy("share of revenue")
class ShareOfRevenue(MoneyByClaims):
    """A share of the period before's revenue, spread as today's spend; at first, and by default, as large as today's.

    ``share``: money by unit of revenue; 0: today's. Where today spends nothing: at first, and by default, as large as
    an even part of the budget, spread alike over all whom levers reach.
    """

    name = "share of revenue"
    feedback = True

    def __init__(self, twin: "Twin", budget: float, share: float = 0.0) -> None:
        super().__init__(twin, budget)
        self.today, self.share = todays_claims(twin), share
        self.first = Today(twin, budget).first
        self.usual = 0.0  # today's share, once the first period's revenue is known

    def claims(self, observation: Observation) -> Floats:
        """Return today's money."""
        return np.asarray(self.today * observation.customers[:, :, None])

    def part(self, observation: Observation) -> float:
        """Return the share of revenue as a part of an even period's money."""
        revenue = float(observation.revenue.sum())
        if self.usual == 0.0 and revenue > 0:
            self.usual = self.first / revenue
        share = self.share or self.usual
        wanted = share * revenue if revenue > 0 and share > 0 else self.first
        even, _ = self.even(observation)
        return wanted / even if even > 0 else 0.0


@policy("parity with rivals", states_money=True)
class ParityWithRivals:
    """As today, and for every rival that comes into a segment so much more there; for every one that goes, less.

    ``more``: share of today's money by rival.
    """

    name = "parity with rivals"
    feedback = True

    def __init__(self, twin: "Twin", budget: float, more: float = 0.5) -> None:
        self.fits, self.more = Today(twin, budget).fits, more
        self.ration = Ration.of(twin)
        self.usual: Floats | None = None  # rivals there when it began

    def decide(self, observation: Observation) -> Allocation:
        """Return today's intensities, more where rivals came."""
        if self.usual is None:
            self.usual = observation.rivals.copy()
        factor = np.maximum(1 + self.more * (observation.rivals - self.usual), 0.0)
        targets = observation.targets
        today = targets.times(targets.times(targets.reference, self.fits[observation.period]), factor[:, None, None])
        return Allocation.within(self.ration.held(today), observation)
