"""Plays a plan: its intensities on the observed head counts, scaled back where the period's money would run out.

A plan says when intensities act; a lever with lead time is decided that much earlier. A plan that is to spend its money
keeps pace: what chance left or overran so far is spread evenly over what is still to come, since few heads come and go
and money that is only ever cut is not spent in the mean.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import Floats
from sim.contract import Allocation, Observation, Targets

if TYPE_CHECKING:
    from policies.money import Ration
    from sim.market.purse import Budget
    from sim.twin import Twin

__all__ = ["Planned", "PlannedMoney", "fitted"]

EVEN = 1e-9
"""Share of the money up to which a plan is scaled to it."""
ROUNDS = 40


@dataclass(frozen=True, eq=False)
class Planned:
    """A table of intensities, (periods, groups, stages, levers).

    Attributes
    ----------
    intensity : (periods, groups, stages, levers)
    name : str
    expected : (periods, levers), optional
        Money that is expected to act in each period; None: no pace is kept, heads that come cost what they cost.
    money : float
        What there is to keep pace with.
    most : (groups, stages, levers), optional
        Intensity beyond which nobody gets more for keeping pace; None: any.
    load : (groups, 1, levers), optional
        Share of a customer's contacts that a unit of money uses up: no more for keeping pace than all of them.
    """

    intensity: Floats
    name: str = "plan"
    expected: Floats | None = None
    money: float = np.inf
    most: Floats | None = None
    load: Floats | None = None

    feedback = False

    def decide(self, observation: Observation) -> Allocation:
        """Return this period's intensities, or for a lever with lead time those of the period its money acts in."""
        intensity = np.zeros(observation.targets.shape)
        for lever, lead in enumerate(observation.targets.lead):
            acts = observation.period + lead
            if acts < self.intensity.shape[0]:
                intensity[:, :, lever] = self.intensity[acts, :, :, lever]
        if self.expected is not None:
            paced = self._pace(self.expected, intensity, observation)
            intensity = self._limited(paced, intensity, observation.targets)
        return Allocation.within(intensity, observation)

    def _pace(self, expected: Floats, intensity: Floats, observation: Observation) -> Floats:
        """Return intensities times ``money left / money to be decided``: this period on its heads, others expected."""
        lead, now = np.array(observation.targets.lead), observation.period
        periods = np.arange(expected.shape[0])[:, None]
        settled = float(expected[(periods >= now) & (periods < now + lead)].sum())
        later = expected[(periods >= now + lead) & ~((lead == 0) & (periods == now))].sum()
        paid = observation.targets.of_budget(intensity)
        here = (paid * observation.customers[:, :, None]).sum(axis=(0, 1))[lead == 0].sum()
        left, wanted = self.money - float(observation.lever_spent.sum()) - settled, float(later + here)
        return observation.targets.times(intensity, max(left, 0.0) / wanted) if wanted > 0 else intensity

    def _limited(self, paced: Floats, planned: Floats, targets: Targets) -> Floats:
        """Return paced intensities where they may be, and no less than planned only because of these limits."""
        if self.most is not None:
            paced = np.minimum(paced, np.maximum(self.most, planned))
        if self.load is not None:
            share = np.maximum((paced * self.load).sum(axis=2), 1e-300)
            factor = np.minimum(1.0, np.maximum(1.0, (planned * self.load).sum(axis=2)) / share)
            paced = targets.times(paced, factor[..., None])
        return paced


@dataclass(frozen=True, eq=False)
class PlannedMoney:
    """A table of money, (periods, groups, stages, levers): spent whoever is there, as far as anybody is.

    Attributes
    ----------
    money : (periods, groups, stages, levers)
        Of the budget, that acts in each period.
    name : str
    ration : Ration, optional
        Up to which it is spent on each customer; None: as it stands.
    terms : (periods, groups, stages, levers), optional
        Per customer, of the levers that no budget pays for; None: today's.
    """

    money: Floats
    name: str = "plan"
    ration: "Ration | None" = None
    terms: Floats | None = None

    feedback = False

    def decide(self, observation: Observation) -> Allocation:
        """Return this period's money per customer, or for a lever with lead time that of the period it acts in."""
        from policies.money import per_head

        targets = observation.targets
        money, terms = np.zeros(targets.shape), targets.terms.copy()
        for lever, lead in enumerate(targets.lead):
            if observation.period + lead < self.money.shape[0]:
                money[:, :, lever] = self.money[observation.period + lead, :, :, lever]
                if self.terms is not None:
                    terms[:, :, lever] = self.terms[observation.period + lead, :, :, lever]
        each = np.where(targets.paid, per_head(money, observation), terms)
        each = np.where(targets.allowed, each, 0.0)
        return Allocation.within(each if self.ration is None else self.ration.held(each), observation)


def fitted(twin: "Twin", plan: Planned, budget: "Budget", *, only_down: bool = True) -> Planned:
    """Return a plan scaled evenly over time to a budget, and so that it keeps pace with it.

    Each lever is scaled down to its own limit, and all by one factor to the total; up too unless ``only_down``. What
    is then still more than the budget of a stretch is scaled down evenly in it. What was committed before the start is
    not scaled.
    """
    from policies.money import filled, fit_to_windows
    from sim.engine.sensitivity import follow

    def spend_of(scale: Floats) -> Floats:
        return np.asarray(
            follow(twin.chain, twin.targets.with_committed(plan.intensity * scale)).spend.sum(axis=(1, 2))
        )

    scale = np.ones(twin.targets.shape[2])
    spend = spend_of(scale)
    total = min(budget.total, float(spend.sum())) if only_down else budget.total
    for _ in range(ROUNDS if spend.any() else 0):
        by_lever = spend.sum(axis=0)
        wanted = filled(by_lever, np.zeros_like(by_lever), budget.lever_caps, total)
        step = np.divide(wanted, by_lever, out=np.ones_like(by_lever), where=by_lever > 0)
        if only_down:
            step = np.minimum(step, 1 / np.maximum(scale, 1e-300))
        if np.abs(step - 1).max() <= EVEN:
            break
        scale = scale * step
        spend = spend_of(scale)
    fits = np.ones(twin.chain.periods)
    for _ in range(ROUNDS if len(budget.windows) else 0):  # less money leaves fewer heads: again, until nothing is over
        before = fits
        fits = before * fit_to_windows(np.ones_like(fits), spend.sum(axis=1), budget.windows)
        if np.abs(fits - before).max() <= EVEN:
            break
        spend = spend_of(scale * fits[:, None, None, None])
    whole = only_down and (scale >= 1).all() and (fits >= 1).all()
    money, load = budget.total if whole else float(spend.sum()), twin.chain.contact_load
    intensity = plan.intensity * scale if (fits >= 1).all() else plan.intensity * (scale * fits[:, None, None, None])
    return replace(plan, intensity=intensity, expected=spend, money=money, load=load)
