"""What a decision is made of, in figures: what moves, what it brings, when, from whom, and what would change it.

Worth, its interval and its time come from the simulated runs, as the table of policies has them. What a lever brings
and the next unit of it come from the fluid twin, for which gradients are exact; both are about the same plan.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.ask.problem import reference_spend
from optimizer.money.calendar import Calendar
from policies.fixed import as_today
from sim.arrays import Floats
from sim.engine.chain import ALIVE
from sim.engine.sensitivity import Course, asset_aim, follow
from sim.valuation import customer_asset

if TYPE_CHECKING:
    from experiments.compare import Comparison, Outcome
    from optimizer.plan import Plan
    from sim.twin import Twin

__all__ = ["Decision", "Lever", "Scaled", "Span", "decision"]

SCALES = (0.8, 1.0, 1.2)
"""Money of the whole plan, as parts of it."""
TODAY = "as today"
UNWON = ("unaware", "prospect")
SAME_MONEY = 0.01
"""Part of all money by which a lever must change to be called moved."""


@dataclass(frozen=True)
class Lever:
    """One lever under the reference and under what is recommended; money over the horizon.

    Expected money where a plan stands beside today's spend, else the mean over replications.

    Attributes
    ----------
    name : str
    today, plan : float
    brings : float
        Asset less the asset with this lever's money at nothing, all else as it is: net of its money; nan: not known.
    next_unit : float
        d(asset)/d(money) where the lever's money goes, in proportion; beyond its own cost; nan: not known or no money.
    without : float
        What is left of the gain against today if this lever is left as it is today; nan: not known.
    """

    name: str
    today: float
    plan: float
    brings: float = float("nan")
    next_unit: float = float("nan")
    without: float = float("nan")

    @property
    def change(self) -> float:
        """Return how much more money it gets."""
        return self.plan - self.today

    @property
    def a_unit(self) -> float:
        """Return what a unit of its money brings in the mean."""
        return self.brings / self.plan if self.plan > 0 else float("nan")


@dataclass(frozen=True)
class Span:
    """A year or a quarter: money, and discounted profit against the reference."""

    name: str
    spend: float
    gain: float


@dataclass(frozen=True)
class Scaled:
    """The plan with all of its money made smaller or larger alike, nothing solved anew; gain against today."""

    part: float
    spend: float
    gain: float


@dataclass(frozen=True, eq=False)
class Decision:
    """The recommended policy beside the reference.

    Attributes
    ----------
    outcomes : tuple of Outcome
        All that were compared.
    best, reference : Outcome
        The policy with the largest asset of all, and the first.
    intensity : (periods, groups, stages, levers), optional
        That the recommended policy plays, where it is a plan and the reference is today's spend.
    budget : float
        In which today's spend was played: less than today costs, or less in a stretch, and all get less alike.
    """

    twin: Twin
    outcomes: tuple[Outcome, ...]
    best: Outcome
    reference: Outcome
    intensity: Floats | None
    budget: float

    @cached_property
    def within(self) -> float:
        """Return the gain within the horizon, discounted."""
        return self._asset(self.best, "within_horizon") - self._asset(self.reference, "within_horizon")

    @cached_property
    def after(self) -> float:
        """Return the gain after the horizon, discounted."""
        return self._asset(self.best, "after_horizon") - self._asset(self.reference, "after_horizon")

    def _asset(self, outcome: Outcome, part: str) -> float:
        return float(getattr(customer_asset(outcome.history, self.twin.scenario.discount_per_period), part))

    @cached_property
    def first_within(self) -> tuple[str, float]:
        """Return who is worth most within the horizon alone, and by how much more than the best of all; the best: 0."""
        worth = {each.name: self._asset(each, "within_horizon") for each in self.outcomes}
        name = max(worth, key=lambda each: worth[each])
        return name, worth[name] - worth[self.best.name]

    @cached_property
    def ahead(self) -> Floats:
        """Return by how much the best is ahead after each period, discounted profit so far."""
        rate = self.twin.scenario.discount_per_period
        one, two = (customer_asset(each.history, rate).by_period for each in (self.best, self.reference))
        return np.asarray(np.cumsum(one - two))

    @property
    def payback(self) -> int | None:
        """Return the period after which the best stays ahead; None: not within the horizon. 0: from the start."""
        behind = np.flatnonzero(self.ahead < 0)
        if not behind.size:
            return 0
        last = int(behind[-1]) + 1
        return None if last == self.ahead.size else last + 1

    @cached_property
    def levers(self) -> tuple[Lever, ...]:
        """Return every lever, the largest changes first."""
        names = self.best.history.targets.levers
        weighed = self.intensity is not None
        both = (self._today, self._course) if weighed else (self.reference.history, self.best.history)
        today, plan = (each.spend.sum(axis=(0, 1, 2)) for each in both)
        known = [Lever(name, float(a), float(b)) for name, a, b in zip(names, today, plan, strict=True)]
        if weighed:
            known = [self._weighed(k, lever) for k, lever in enumerate(known)]
        return tuple(sorted(known, key=lambda lever: -abs(lever.change)))

    def _weighed(self, k: int, lever: Lever) -> Lever:
        plan, now, course = self._plan, self._now, self._course
        without, unmoved = plan.copy(), plan.copy()
        without[..., k], unmoved[..., k] = 0.0, now[..., k]
        money = float(course.spend[..., k].sum())
        brings = course.asset - self._follow(without).asset if money > 0 else float("nan")
        pull = float((self._slope[..., k] * plan[..., k]).sum())
        next_unit = pull / self._unit_cost(k) if money > 0 else float("nan")
        left = self._follow(unmoved).asset - self._today.asset
        return replace(lever, brings=brings, next_unit=next_unit, without=left)

    def _unit_cost(self, k: int) -> float:
        """Return d(money of all)/d(scale of a lever): other levers' heads move too."""
        step = 1e-4
        more = self._plan.copy()
        more[..., k] *= 1 + step
        return float((self._follow(more).spend.sum() - self._course.spend.sum()) / step)

    @cached_property
    def scaled(self) -> tuple[Scaled, ...]:
        """Return the plan with a fifth less and a fifth more of all its money."""
        if self.intensity is None:
            return ()
        out = []
        for part in SCALES:
            course = self._follow(self._plan * part)
            out.append(Scaled(part, float(course.spend.sum()), course.asset - self._today.asset))
        return tuple(out)

    @cached_property
    def expected_gain(self) -> float:
        """Return the plan's gain against today in expected numbers."""
        return self._course.asset - self._today.asset

    @cached_property
    def present(self) -> float | None:
        """Return the gain from who is a customer at the start; None where customers move each other, or unknown.

        The rest is from those yet to be won.
        """
        chain = self.twin.chain
        if self.intensity is None or chain.couples:
            return None
        alive = (chain.space.law_kind == ALIVE)[chain.block_law]
        alone = replace(
            chain, initial=np.where(alive, chain.initial, 0.0), arrivals=np.zeros_like(np.asarray(chain.arrivals))
        )
        return follow(alone, self._plan).asset - follow(alone, self._now).asset

    @property
    def on_the_unwon(self) -> float:
        """Return the share of the best policy's money that is for people who are no customers yet; 0 without money."""
        spend = self.best.history.spend
        stages = [i for i, stage in enumerate(self.best.history.targets.stages) if stage in UNWON]
        return float(spend[:, :, stages].sum() / spend.sum()) if spend.sum() > 0 else 0.0

    @property
    def asset_after(self) -> float:
        """Return the share of the best policy's asset that comes after the horizon."""
        return self._asset(self.best, "after_horizon") / self.best.asset if self.best.asset > 0 else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: where the gain comes from, when, and on whom money is spent."""
        weighed = self.intensity is not None and self.best is not self.reference
        present = self.present if weighed else None
        return {
            "best": self.best.name, "reference": self.reference.name, "gain": self.best.asset - self.reference.asset,
            "within_horizon": self.within, "after_horizon": self.after, "payback": self.payback,
            "first_within_horizon": self.first_within[0], "first_within_horizon_by": self.first_within[1],
            "expected_gain": self.expected_gain if weighed else None, "present_customers": present,
            "to_be_won": None if present is None else self.expected_gain - present,
            "money_on_people_to_be_won": self.on_the_unwon, "asset_after_horizon_share": self.asset_after,
            "by_year": [asdict(span) for span in self.spans("year")],
        }  # fmt: skip

    def spans(self, by: str) -> tuple[Span, ...]:
        """Return stretches of time, ``year`` or ``quarter``; nothing where periods are longer."""
        calendar = Calendar.of(self.twin.scenario)
        order = ("week", "month", "quarter", "half", "year")
        if order.index(by) < order.index(calendar.unit):
            return ()
        gain = np.diff(self.ahead, prepend=0.0)
        spend = self.best.history.spend.sum(axis=(1, 2, 3))
        return tuple(
            Span(each.name, float(spend[each.first : each.stop].sum()), float(gain[each.first : each.stop].sum()))
            for each in calendar.stretches(by)
        )

    # --- In the fluid twin --------------------------------------------------------------------------------------------

    @cached_property
    def _plan(self) -> Floats:
        return np.asarray(self.twin.targets.with_committed(np.asarray(self.intensity)))

    def _follow(self, intensity: Floats) -> Course:
        return follow(self.twin.chain, self.twin.targets.with_committed(intensity))

    @cached_property
    def _course(self) -> Course:
        return follow(self.twin.chain, self._plan)

    @cached_property
    def _slope(self) -> Floats:
        return self._course.slope(asset_aim(self.twin.chain))

    @cached_property
    def _now(self) -> Floats:
        """Return today's spend as it was played."""
        return self.twin.targets.with_committed(as_today(self.twin, self.budget).intensity)

    @cached_property
    def cost_of_today(self) -> float:
        """Return what today's spend is expected to cost where no budget cuts it."""
        return reference_spend(self.twin.chain)

    @cached_property
    def _today(self) -> Course:
        return follow(self.twin.chain, self._now)


def decision(twin: Twin, comparison: Comparison, plan: Plan | None, played: Outcome | None) -> Decision:
    """Return the decision that a comparison comes to; ``played`` is the outcome of ``plan``, where there is one."""
    best = max(comparison.outcomes, key=lambda outcome: outcome.asset)
    reference = comparison.outcomes[0]
    mine = plan is not None and best is played and reference.name == TODAY
    intensity = plan.intensity if mine and plan is not None else None
    return Decision(twin, comparison.outcomes, best, reference, intensity, comparison.budget)
