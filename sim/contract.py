"""What a policy sees and what it returns.

A policy is any object with a ``name`` and a method ``decide(observation) -> Allocation``. It never sees the
simulator: only counts of customers in groups a firm can tell apart, and the money that is left.

Shapes: ``group`` is segment x value tier, ``stage`` the observed place in the lifecycle, ``lever`` an instrument.
Intensity is money per targeted customer per period.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np

from sim.arrays import Flags, Floats
from sim.errors import PolicyError

__all__ = ["ACTIVE", "ALARMS", "SILENT", "Allocation", "Observation", "Policy", "Targets"]

ACTIVE, SILENT = ("new", "developing", "core"), ("declining", "lapsed")
"""Stages of customers who buy as usual, and of those who have not for long: those who decline, and those who lapsed."""

ALARMS = ("leaving", "satisfaction")
"""What alarms are raised about, in their order: :mod:`sim.market.alarms` has the tests."""


ROUNDING = 1e-9
"""How far, as a fraction, spend may exceed what is available: arithmetic, not licence."""


@dataclass(frozen=True)
class Targets:
    """Whom a firm can tell apart and which lever can be used on whom.

    Attributes
    ----------
    segments, tiers
        One name per group.
    stages, levers
        Names of the observed stages and of the levers.
    allowed : (groups, stages, levers) of bool
        Where a lever may be used.
    reference : (groups, stages, levers)
        Intensity under which the data were gathered.
    committed : (groups, stages, levers)
        Intensity that was decided before the start; acts during a lever's lead time.
    lead, duration : (levers,)
        Periods from decision to effect; periods a campaign runs unchanged.
    pays : (levers,), optional
        What a lever's money is: ``budget``, or terms, which no budget pays for: ``price``, ``charge``, ``service``;
        none given: the budget's.
    """

    segments: tuple[str, ...]
    tiers: tuple[str, ...]
    stages: tuple[str, ...]
    levers: tuple[str, ...]
    allowed: Flags
    reference: Floats
    committed: Floats
    lead: tuple[int, ...]
    duration: tuple[int, ...]
    pays: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for array in (self.allowed, self.reference, self.committed):
            array.flags.writeable = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return (groups, stages, levers)."""
        return len(self.segments), len(self.stages), len(self.levers)

    @cached_property
    def paid(self) -> Flags:
        """Return which levers the budget pays for, (levers,)."""
        return np.array([pays == "budget" for pays in self.pays or ("budget",) * len(self.levers)])

    @cached_property
    def terms(self) -> Floats:
        """Return today's terms, (groups, stages, levers): the reference of levers that no budget pays for, else 0."""
        return np.where(self.paid, 0.0, self.reference)

    def of_budget(self, money: Floats) -> Floats:
        """Return ``money[..., lever]`` without what no budget pays for."""
        return money if self.paid.all() else np.where(self.paid, money, 0.0)

    def times(self, intensity: Floats, factor: Floats | float) -> Floats:
        """Return ``intensity[..., lever]`` times a factor where the budget pays for it; terms stay as they are."""
        return intensity * factor if self.paid.all() else np.where(self.paid, intensity * factor, intensity)

    def with_committed(self, intensity: Floats) -> Floats:
        """Return a plan ``[period, group, stage, lever]`` with what was committed before the start in its place."""
        out = np.array(intensity, dtype=float)
        for lever, lead in enumerate(self.lead):
            out[:lead, :, :, lever] = self.committed[:, :, lever]
        return out

    def windows(self, lever: int, periods: int) -> list[slice]:
        """Return the stretches of periods over which a lever's intensity cannot change, those decided ahead apart."""
        lead, duration = min(self.lead[lever], periods), self.duration[lever]
        return [slice(first, min(first + duration, periods)) for first in range(lead, periods, duration)]

    def by_segment(self, money: Floats) -> tuple[list[str], list[str], Floats]:
        """Return segments, levers and ``money[period, group, stage, lever]`` over all periods, (segments, levers)."""
        segments = list(dict.fromkeys(self.segments))
        total = np.zeros((len(segments), len(self.levers)))
        for group, segment in enumerate(self.segments):
            total[segments.index(segment)] += money[:, group].sum(axis=(0, 1))
        return segments, list(self.levers), total

    def name(self, group: int, stage: int) -> str:
        """Return a target's name as people read it, e.g. ``gold / core / high``."""
        tier = self.tiers[group]
        parts = [self.segments[group], self.stages[stage]] + ([tier] if tier != "unknown" else [])
        return " / ".join(parts)


@dataclass(frozen=True)
class Observation:
    """What the firm knows at the start of a period.

    A policy is asked in every market and once more in expected numbers of customers, on which rules are held.

    Examples
    --------
    >>> class Watch:
    ...     name = "watch"
    ...
    ...     def decide(self, observation):
    ...         developing = observation.targets.stages.index("developing")
    ...         print(observation.period, round(observation.customers[:, developing].sum()))
    ...         return tenure.Allocation(0 * observation.targets.reference)
    >>> run = firm.simulate(Watch(), replications=1)
    0 0
    1 155
    2 159
    0 0
    1 153
    2 158

    Attributes
    ----------
    period, periods : int
        The period now, from 0, and how many there are.
    targets : Targets
        Whom it can tell apart.
    customers : (groups, stages)
        Observed head counts. The silently gone are still counted where they were last seen.
    available : float
        Money that may be spent this period on what acts at once: campaigns decided before are taken off.
    lever_available : (levers,)
        Money that each lever's cap still allows.
    lever_spent : (levers,)
        Money each lever has used so far.
    satisfaction : (groups, stages)
        Points 0..100 of the last survey that is known; nan where none is.
    budget_left : float
        Money left over the whole horizon, campaigns decided before not yet taken off; infinite where none limits it.
    lever_floor : (levers,)
        Money that each lever must still get.
    last_spend : (groups, stages, levers)
        Money spent in the period before; zeros in the first, as in what follows.
    purchases, revenue : (groups, stages)
        Of the period before, by where customers were seen at its start.
    moves : (groups, stages, stages)
        Customers by where they were seen at the start of the period before and where now; who appeared is in none.
    rivals : (groups,)
        Rivals that are seen in the market of each group.
    employees : float
        Points 0..100 of the firm's own people; nan where they are not in the model.
    alarms : (groups, ALARMS) of bool
        What has become worse, by tests of a stated false-alarm rate: reasons to look, not causes.
    stretch_left : float
        Money left for this stretch of periods, campaigns decided before not yet taken off; infinite where there are no
        budgets inside the horizon.
    stretch_periods : int
        Periods of the stretch from this one on; 0 where there is none.
    """

    period: int
    periods: int
    targets: Targets
    customers: Floats
    available: float
    lever_available: Floats
    lever_spent: Floats
    satisfaction: Floats
    budget_left: float
    lever_floor: Floats
    last_spend: Floats
    purchases: Floats
    revenue: Floats
    moves: Floats
    rivals: Floats
    employees: float
    alarms: Flags
    stretch_left: float = np.inf
    stretch_periods: int = 0

    def __post_init__(self) -> None:
        for array in self.arrays().values():
            array.flags.writeable = False

    def arrays(self) -> dict[str, Floats | Flags]:
        """Return what is seen by group, stage or lever, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}

    def copy(self) -> "Observation":
        """Return the same in memory of its own: what a policy does to it changes nothing else."""
        targets = replace(
            self.targets,
            allowed=self.targets.allowed.copy(),
            reference=self.targets.reference.copy(),
            committed=self.targets.committed.copy(),
        )
        arrays: dict[str, Any] = {name: array.copy() for name, array in self.arrays().items()}
        return replace(self, targets=targets, **arrays)


@dataclass(frozen=True)
class Allocation:
    """Money per targeted customer, ``intensity[group, stage, lever]``.

    What a lever without lead time gets acts now; what another gets acts its ``lead`` periods later.

    Examples
    --------
    >>> tenure.Allocation(1.5 * firm.targets.reference).intensity.shape == firm.targets.shape
    True
    """

    intensity: Floats

    def spend(self, observation: Observation) -> Floats:
        """Return marketing money by (groups, stages, levers) on the observed head counts."""
        return observation.targets.of_budget(np.asarray(self.intensity * observation.customers[:, :, None]))

    @staticmethod
    def checked(decided: object, policy: str, observation: Observation) -> "Allocation":
        """Return what a policy decided, in memory of its own.

        Raises
        ------
        PolicyError
            Where it is no allocation, or asks for more than ``observation`` allows; the message names policy, period,
            target and lever.
        """
        intensity = getattr(decided, "intensity", None)
        if not isinstance(intensity, np.ndarray) or intensity.dtype.kind not in "fiu":
            raise PolicyError(
                f"policy '{policy}', period {observation.period}: expected an Allocation with an array of intensities, "
                f"got {type(decided).__name__}"
            )
        allocation = Allocation(np.array(intensity, dtype=float))
        allocation._check(policy, observation)
        return allocation

    def _check(self, policy: str, observation: Observation) -> None:
        targets = observation.targets
        where = f"policy '{policy}', period {observation.period}"
        if self.intensity.shape != targets.shape:
            raise PolicyError(f"{where}: intensity has shape {self.intensity.shape}, expected {targets.shape}")
        wrong = ~np.isfinite(self.intensity) | (self.intensity < 0)
        forbidden = (self.intensity > 0) & ~targets.allowed
        for bad, why in ((wrong, "is not a number of at least 0"), (forbidden, "is not among the lever's targets")):
            if bad.any():
                group, stage, lever = (int(i) for i in np.argwhere(bad)[0])
                raise PolicyError(
                    f"{where}, target '{targets.name(group, stage)}', lever '{targets.levers[lever]}': "
                    f"intensity {self.intensity[group, stage, lever]:g} {why}"
                )
        spend = self.spend(observation)
        by_lever = spend.sum(axis=(0, 1))
        over = by_lever > observation.lever_available * (1 + ROUNDING) + ROUNDING
        now = by_lever * (np.array(targets.lead) == 0)
        total_over = now.sum() > observation.available * (1 + ROUNDING) + ROUNDING
        if over.any() or total_over:
            lever = int(np.argmax(over)) if over.any() else int(np.argmax(now))
            group, stage = (int(i) for i in np.unravel_index(np.argmax(spend[:, :, lever]), spend.shape[:2]))
            asked, allowed = (
                (by_lever[lever], observation.lever_available[lever])
                if over.any()
                else (now.sum(), observation.available)
            )
            raise PolicyError(
                f"{where}, target '{targets.name(group, stage)}', lever '{targets.levers[lever]}': "
                f"asks for {asked:,.2f} where {allowed:,.2f} is left; spend at most what the observation allows"
            )

    @staticmethod
    def within(intensity: Floats, observation: Observation) -> "Allocation":
        """Return ``intensity`` scaled back, first per lever and then by one factor, to what may be spent.

        The factor is for what acts at once; what is decided ahead only keeps to each lever's own limit on today's heads
        and is scaled when it is paid. Terms, which no budget pays for, stay as they are.
        """
        targets, now = observation.targets, np.array(observation.targets.lead) == 0
        paid = targets.of_budget(intensity)
        scaled = Allocation.affordable(
            paid * now, observation.customers, observation.available, observation.lever_available
        )
        ahead = Allocation.affordable(paid * ~now, observation.customers, np.inf, observation.lever_available)
        return Allocation(scaled + ahead if targets.paid.all() else np.where(targets.paid, scaled + ahead, intensity))

    @staticmethod
    def affordable(intensity: Floats, customers: Floats, available: float, lever_available: Floats) -> Floats:
        """Return ``intensity`` on these heads scaled back, per lever and then by one factor, to the money there is.

        Of levers that the budget pays for.
        """
        by_lever = (intensity * customers[:, :, None]).sum(axis=(0, 1))
        allowed = np.minimum(by_lever, lever_available)
        factor = np.divide(allowed, by_lever, out=np.ones_like(by_lever), where=by_lever > 0)
        total = float(allowed.sum())
        if total > available:
            factor *= available / total
        return np.asarray(intensity * factor)


@runtime_checkable
class Policy(Protocol):
    """Decides the allocation of one period from what was observed up to its start.

    Examples
    --------
    >>> class MoreForAll:
    ...     name = "more for all"
    ...
    ...     def decide(self, observation):
    ...         wanted = 1.5 * observation.targets.reference
    ...         return tenure.Allocation.within(wanted, observation)
    >>> result = firm.compare(["as today", MoreForAll()], replications=2, budget=5_000)
    >>> float(round(result["more for all"].spends.mean() / result["as today"].spends.mean(), 1))
    1.5
    """

    @property
    def name(self) -> str:
        """Return the short name that tables and runs show."""
        ...

    def decide(self, observation: Observation) -> Allocation:
        """Return the allocation for ``observation.period``; called once per review, in order of time."""
        ...
