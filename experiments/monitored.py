"""What has become of a plan: what is followed, what has moved, the verdict and the money at stake."""

from collections.abc import Mapping
from dataclasses import dataclass

from optimizer.plan import Plan
from sim.arrays import Floats
from sim.monitoring.change import Change
from sim.monitoring.signals import Signal

__all__ = ["ADJUST", "AGAIN", "STAY", "Line", "Monitored"]

STAY, ADJUST, AGAIN = "stay", "adjust", "plan again"


@dataclass(frozen=True, eq=False)
class Line:
    """Something that is followed: at each period's start and at the end (levels), or in each period (flows).

    Attributes
    ----------
    kind : str
        ``quantity`` or ``change``.
    name : str
    actual, planned, low, high : (periods,) or (periods + 1,)
        Planned is the mean of parallel markets, low and high their 5 % and 95 %.
    slope, slope_planned, slope_low, slope_high : float
        Least-squares slope a period, and the same of parallel markets; nan below three values.
    """

    kind: str
    name: str
    actual: Floats
    planned: Floats
    low: Floats
    high: Floats
    slope: float
    slope_planned: float
    slope_low: float
    slope_high: float

    @property
    def outside(self) -> bool:
        """Return whether the last value lies outside the band."""
        return not self.low[-1] <= self.actual[-1] <= self.high[-1]


@dataclass(frozen=True, eq=False, repr=False)
class Monitored:
    """What has become of a plan so far.

    Attributes
    ----------
    scenario, currency, period : str
        ``period`` is what a period is called.
    periods, horizon : int
        Passed, and of the plan.
    lines : tuple of Line
    signals : tuple of Signal
        What has moved, the surest first.
    change : Change or None
        What happened, as the scenario has it.
    planned, now : float
        Customer asset as planned at this point, and as it is to be expected now if the plan is kept.
    gain : float
        What planning again brings in asset, from where customers are seen to be, with what happened known; 0 if nothing
        has.
    pays : float
        What it must bring for the verdict to be so.
    verdict : str
        ``stay``, ``adjust`` or ``plan again``.
    plan : Plan or None
        The new plan, where something happened.
    moved : list of (segment, lever, before, after)
        Expected money of the rest of the horizon, under the plan and the new one; of terms too.
    share, rate : float
        Markets that run as planned with an alarm within the horizon; false alarms a year.
    replications : int
    unseen : tuple of str
        What cannot be told from what was given.
    pays_of : dict
        What the money of each lever is: ``budget``, or terms, which no budget pays for.
    """

    scenario: str
    currency: str
    period: str
    periods: int
    horizon: int
    lines: tuple[Line, ...]
    signals: tuple[Signal, ...]
    change: Change | None
    planned: float
    now: float
    gain: float
    pays: float
    verdict: str
    plan: Plan | None
    moved: tuple[tuple[str, str, float, float], ...]
    share: float
    rate: float
    replications: int
    unseen: tuple[str, ...]
    pays_of: Mapping[str, str]
