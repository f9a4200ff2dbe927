"""What a plan brings and how that changes with every element of it: the fluid pass and its adjoint.

One forward pass gives everything that values and rules count; one more pass backwards per :class:`Aim` gives the exact
derivatives of that aim with respect to every element of the plan, crowd effects included: word of mouth, rivals who
react, saturation, employees; and what levers did of late. At kinks (clips, points of broken lines) a derivative is
one-sided.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from sim.arrays import Floats
from sim.engine.afterwards import Afterwards, fades, later
from sim.engine.chain import ControlledChain, Pull, Wanted
from sim.engine.fluid_kernels import pull_advance
from sim.engine.fluid_pass import FluidPass, Money, Period

__all__ = ["Aim", "Beside", "Course", "asset_aim", "follow", "gradient", "least_money_aim"]


AT_ONCE = 30_000
"""Elements of plans beside a course that are looked at together: more only take more memory."""


@dataclass(frozen=True, eq=False)
class Aim:
    """A quantity linear in what happens: ``sum reward x earned + sum people x heads - sum money x spent + terminal``.

    Attributes
    ----------
    reward : (periods, groups)
        What a unit of money earned before marketing counts.
    money : (periods, groups, stages, levers)
        What a unit of money spent costs.
    people : (periods + 1, groups, laws)
        What a customer under each law counts at the start of each period and at the end.
    terminal : float
        What a unit of value after the horizon counts.
    """

    reward: Floats
    money: Floats
    people: Floats
    terminal: float

    @property
    def last(self) -> int:
        """Return the number of periods after which nothing counts any more."""
        if self.terminal:
            return len(self.reward)
        counts = self.reward.any(axis=1) | self.money.any(axis=(1, 2, 3)) | self.people[1:].any(axis=(1, 2))
        return int(np.flatnonzero(counts).max(initial=-1)) + 1


def asset_aim(chain: ControlledChain) -> Aim:
    """Return the customer asset as an aim."""
    groups = chain.targets.shape[0]
    discount = chain.discount[:-1]
    money = np.broadcast_to(discount[:, None, None, None], (chain.periods, *chain.targets.shape))
    return Aim(
        np.broadcast_to(discount[:, None], (chain.periods, groups)),
        chain.targets.of_budget(money),
        np.zeros((chain.periods + 1, groups, chain.space.law_kind.size)),
        float(chain.discount[-1]),
    )


def least_money_aim(chain: ControlledChain) -> Aim:
    """Return money not spent as an aim, undiscounted."""
    asset = asset_aim(chain)
    return Aim(np.zeros_like(asset.reward), chain.targets.of_budget(np.ones_like(asset.money)), asset.people, 0.0)


@dataclass(frozen=True, eq=False)
class Course:
    """What happened in one run of the fluid twin.

    Attributes
    ----------
    chain : ControlledChain
    plan : (periods, groups, stages, levers) or Money
    past : list of Period
    end : (blocks, states)
        Customers after the last period.
    """

    chain: ControlledChain
    plan: Floats | Money
    past: list[Period]
    end: Floats

    @cached_property
    def intensity(self) -> Floats:
        """Return money per customer, (periods, groups, stages, levers)."""
        return np.stack([now.intensity for now in self.past])

    @cached_property
    def observed(self) -> Floats:
        """Return observed heads, (periods, groups, stages)."""
        return np.stack([now.observed for now in self.past])

    @cached_property
    def moved(self) -> Floats:
        """Return the money that goes through levers, terms included, (periods, groups, stages, levers)."""
        return np.asarray(self.observed[..., None] * self.intensity)

    @cached_property
    def spend(self) -> Floats:
        """Return marketing money, what the budget pays, (periods, groups, stages, levers)."""
        return self.chain.targets.of_budget(self.moved)

    @cached_property
    def people(self) -> Floats:
        """Return customers by law, (periods + 1, groups, laws), at the start of each period and at the end."""
        chain = self.chain
        groups, laws = chain.targets.shape[0], chain.space.law_kind.size
        place = (chain.group[:, None] * laws + chain.block_law).ravel()
        weights = [*(now.occupancy for now in self.past), self.end]
        counts = [np.bincount(place, weights=w.ravel(), minlength=groups * laws).reshape(groups, laws) for w in weights]
        return np.stack(counts)

    @cached_property
    def earned(self) -> Floats:
        """Return money earned before marketing, (periods, groups)."""
        groups = self.chain.targets.shape[0]
        place = self.chain.law_place.reshape(self.end.shape)
        by_block = [(now.occupancy * now.step.reward.ravel()[place]).sum(axis=1) for now in self.past]
        return np.stack([np.bincount(self.chain.group, weights=each, minlength=groups) for each in by_block])

    @cached_property
    def after(self) -> float:
        """Return the value after the horizon, undiscounted."""
        worth = self.end * self.chain.terminal if self._afterwards is None else self._afterwards.by_block
        return float(worth.sum())

    @property
    def worth_at_end(self) -> Floats:
        """Return what a customer is worth after the horizon, (blocks, states), undiscounted."""
        return self.chain.terminal if self._afterwards is None else self._afterwards.pull[0]

    @cached_property
    def after_by_block(self) -> Floats:
        """Return the value after the horizon by block, undiscounted."""
        if self._afterwards is not None:
            return self._afterwards.by_block
        return np.asarray((self.end * self.chain.terminal).sum(axis=1))

    @cached_property
    def _afterwards(self) -> Afterwards | None:
        """Return what comes after the horizon where levers remember; None where none does or nothing counts."""
        return later(self.chain, self.end, self.past[-1].met.late_after)

    @cached_property
    def asset(self) -> float:
        """Return the customer asset."""
        profit = self.earned.sum(axis=1) - self.spend.sum(axis=(1, 2, 3))
        return float(self.chain.discount[:-1] @ profit + self.chain.discount[-1] * self.after)

    def value(self, aim: Aim) -> float:
        """Return what an aim counts."""
        counted = float((self.earned * aim.reward).sum() - (self.moved * aim.money).sum())
        people = float((self.people * aim.people).sum()) if aim.people.any() else 0.0
        return counted + people + aim.terminal * self.after

    def value_by_group(self, aim: Aim) -> Floats:
        """Return what an aim counts of each group, (groups,)."""
        groups = self.chain.targets.shape[0]
        counted = (self.earned * aim.reward).sum(axis=0) - (self.moved * aim.money).sum(axis=(0, 2, 3))
        people = (self.people * aim.people).sum(axis=(0, 2)) if aim.people.any() else 0.0
        after = np.bincount(self.chain.group, weights=self.after_by_block, minlength=groups)
        return np.asarray(counted + people + aim.terminal * after)

    def slope(self, aim: Aim) -> Floats:
        """Return the derivative of an aim by every element of the plan.

        Shaped like the plan's intensities, or like its money; zero where something else was committed.
        """
        money = self.plan if isinstance(self.plan, Money) else None
        out = np.zeros_like(money.amount if money else self.plan)
        for t, _, by_intensity, by_amount in self._backwards(aim):
            out[t] = by_intensity if by_amount is None else by_amount
        return out

    def odds_slopes(self, aim: Aim) -> dict[int, tuple[Floats, Floats]]:
        """Return by period the derivatives of an aim by a step's odds and by its reward.

        Of shapes (blocks, laws, outcomes) and (blocks, laws). Under a plan stated in intensities what other odds in one
        period bring is exactly linear in them, as long as customers do not move each other's.
        """
        out = {}
        for t, by_odds, _, _ in self._backwards(aim):
            out[t] = by_odds, aim.reward[t][self.chain.group][:, None] * self._ways[t][0]
        return out

    def beside(self, aim: Aim) -> "Beside":
        """Return how an aim changes where elements of the plan are other than here."""
        return Beside(self, [self._period_beside(aim, *each) for each in self._backwards(aim)])

    def _period_beside(
        self, aim: Aim, t: int, by_odds: Floats, by_intensity: Floats, _: Floats | None
    ) -> "PeriodBeside":
        now, (number, pull) = self.past[t], self._ways[t]
        by_reward = aim.reward[t][self.chain.group][:, None] * number
        here, acts = pull(by_odds, by_reward)[0][:, :, : now.intensity.shape[2]], now.met.acts
        acts = np.ones_like(here) if acts is None else acts
        return PeriodBeside(t, by_odds, by_reward, acts, by_intensity - acts * here)

    def _backwards(self, aim: Aim) -> Iterator[tuple[int, Floats, Floats, Floats | None]]:
        """Yield period, derivatives by odds, by intensity and, of a plan in money, by money; the last period first."""
        chain, money = self.chain, self.plan if isinstance(self.plan, Money) else None
        last = aim.last
        afterwards = self._afterwards if aim.terminal else None
        after = aim.terminal * (self.worth_at_end if aim.terminal else chain.terminal)
        after = after + aim.people[last][chain.group].ravel()[chain.law_place].reshape(self.end.shape)
        by_points, by_late = 0.0, np.zeros_like(chain.late.at_start) if chain.late else None
        if afterwards is not None:
            by_late = aim.terminal * afterwards.pull[1]
        for t in range(last - 1, -1, -1):
            now = self.past[t]
            before, by_odds, wanted = self._back(aim, t, after, by_points, by_late)
            by_observed, by_points, by_late = wanted.observed, wanted.employees, wanted.late
            by_intensity = wanted.intensity - aim.money[t] * now.observed[:, :, None]
            by_observed = by_observed - (aim.money[t] * now.intensity).sum(axis=2)
            by_amount = None
            if money:
                by_amount, more = money.pull(t, by_intensity, now.observed)
                by_observed = by_observed + more
            before += by_observed.ravel()[chain.target_place].reshape(before.shape)
            after = before
            yield t, by_odds, by_intensity, by_amount

    @cached_property
    def _ways(self) -> list[tuple[Floats, Pull]]:
        """Return by period customers by (block, law) and the way back from its odds: the same for every aim."""
        chain, shape = self.chain, self.past[0].step.reward.shape
        counts: list[Floats] = []
        for now in self.past:
            number = np.bincount(chain.law_place, weights=now.occupancy.ravel(), minlength=shape[0] * shape[1])
            counts.append(np.asarray(number.reshape(shape)))
        met = [now.met for now in self.past]
        pulls = chain.pulls(np.stack([each.environment for each in met]), np.stack([each.effective for each in met]))
        return list(zip(counts, pulls, strict=True))

    def _back(
        self, aim: Aim, t: int, after: Floats, by_points: float, by_late: Floats | None
    ) -> tuple[Floats, Floats, Wanted]:
        """Take a period back: derivatives by (occupancy, odds, what the period was made of).

        Without what money costs, which the caller adds.
        """
        chain, now = self.chain, self.past[t]
        number, pull = self._ways[t]
        before = np.empty_like(now.occupancy)
        by_odds = np.zeros_like(now.step.probability)
        pull_advance(now.occupancy, now.step.probability, chain.links, after, before, by_odds)
        worth = aim.reward[t][chain.group][:, None]
        each = worth * now.step.reward + aim.people[t][chain.group]
        before += each.ravel()[chain.law_place].reshape(before.shape)
        by_effective, by_environment = pull(by_odds, worth * number)
        wanted = chain.conditions_pull(
            now.now, now.met, now.intensity, by_environment, by_effective, by_points, by_late
        )
        if wanted.levels is not None:
            felt = chain.space.level > 0
            before[:, felt] += wanted.levels[chain.group][:, chain.space.level[felt] - 1]
        return before, by_odds, wanted


class PeriodBeside(NamedTuple):
    """The way back from a period: by odds, by reward, how much of an intensity acts, and by intensity otherwise."""

    period: int
    by_odds: Floats
    by_reward: Floats
    acts: Floats
    otherwise: Floats


@dataclass(frozen=True, eq=False)
class Beside:
    """How an aim changes with every element of a plan where that element is another than in a course.

    Responses are looked at anew there, and all that they lead to is taken as it is in the course: exact for what one
    element does by itself in one period, so that both sides of a corner are seen, and how curves bend nearby.
    """

    course: Course
    periods: list[PeriodBeside]

    def slopes(self, others: Floats) -> Floats:
        """Return derivatives by the elements of each of ``others[plan, period, ...]``, shaped alike."""
        chain, money = self.course.chain, self.course.plan if isinstance(self.course.plan, Money) else None
        plans = [replace(money, amount=each) for each in others] if money else []
        several = max(1, AT_ONCE // (len(others) * chain.targets.allowed.size))
        out = np.zeros_like(others)
        levers = self.periods[0].acts.shape[2] if self.periods else 0
        for first in range(0, len(self.periods), several):
            some = self.periods[first : first + several]
            past = [self.course.past[each.period] for each in some]
            effective = []
            for now, each in zip(past, some, strict=True):
                t, seen = each.period, now.observed
                intensity = np.stack([plan.intensity(t, seen) for plan in plans]) if money else others[:, t]
                works = np.repeat(now.met.effective[None], len(others), axis=0)
                works[..., :levers] += each.acts * (intensity - now.intensity)
                effective.append(works)
            around = np.repeat([now.met.environment for now in past], len(others), axis=0)
            pulls = iter(chain.pulls(around, np.concatenate(effective)))
            for now, each in zip(past, some, strict=True):
                for k in range(len(others)):
                    way = next(pulls)(each.by_odds, each.by_reward)[0][:, :, :levers]
                    slope = each.otherwise + each.acts * way
                    out[k, each.period] = money.pull(each.period, slope, now.observed)[0] if money else slope
        return out


def follow(chain: ControlledChain, plan: Floats | Money) -> Course:
    """Return what happens under a plan, stated in intensities that act or in money.

    Raises
    ------
    InputError
        If its periods, and those in which what was done before still acts, do not fit into the memory that is free.
    """
    chain.refuse_size(chain.periods + fades(chain))
    run = FluidPass(chain, plan)
    past = [run.period(t) for t in range(chain.periods)]
    return Course(chain, plan, past, run.occupancy)


def gradient(chain: ControlledChain, intensity: Floats) -> tuple[float, Floats]:
    """Return the customer asset under a plan and its derivative with respect to every element of the plan.

    Parameters
    ----------
    chain : ControlledChain
    intensity : (periods, groups, stages, levers)
        Intensities that act, money per targeted customer per period.

    Returns
    -------
    Asset, and derivatives of the shape of ``intensity``.
    """
    course = follow(chain, intensity)
    return course.asset, course.slope(asset_aim(chain))
