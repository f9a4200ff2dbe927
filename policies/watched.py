"""A plan that is watched: played as it is until a test says that something has moved, and then planned again.

See :mod:`sim.monitoring`: the tests, their false alarms and the estimate of what happened. From the alarm on the
scenario with what happened, estimated anew at each review, takes the place of the one that the plan was made for.
"""

import copy
from typing import TYPE_CHECKING, Any

from policies.rolling import RollingHorizon
from sim.arrays import Floats
from sim.contract import Allocation, Observation, Policy

if TYPE_CHECKING:
    from sim.monitoring.change import Change
    from sim.monitoring.seen import Seen
    from sim.monitoring.signals import Limits, Signal
    from sim.twin import Twin

__all__ = ["WatchedPlan", "planned_again"]


def planned_again(
    twin: "Twin", change: "Change | None", budget: float, intensity: Floats, seen: "Seen", steps: int
) -> RollingHorizon:
    """Return a rolling horizon that stands where customers were seen to be, with the rest of the plan made anew.

    ``intensity``, (periods, groups, stages, levers), is the plan that was played; ``steps`` 0 leaves it as it is.
    """
    again = RollingHorizon(twin if change is None else change.twin, budget, intensity, "planned again")
    again.steps = steps
    again.heads = seen.customers[0]
    for t in range(1, seen.periods + 1):
        again.look(t, seen.customers[t], seen.spend[t - 1])
        again.heads = seen.customers[t]
    if steps:
        again.plan_again(seen.periods)
    return again


class WatchedPlan:
    """Plays a plan as another policy does, watches what comes of it, and plans again when something has moved.

    Parameters
    ----------
    plays : Policy
        Plays the plan while nothing has moved.
    intensity : (periods, groups, stages, levers)
        The plan.
    limits : Limits
        What deviates where nothing has changed.
    steps, every
        Of the search at each review after an alarm, and periods between two reviews.
    """

    feedback = True

    def __init__(
        self,
        twin: "Twin",
        budget: float,
        plays: Policy,
        intensity: Floats,
        limits: "Limits",
        steps: int = 10,
        every: int = 3,
    ) -> None:
        self.name = "watched plan"
        self.twin, self.budget, self.plays, self.limits, self.steps, self.every = (
            twin,
            budget,
            plays,
            limits,
            steps,
            every,
        )
        self.plan = twin.targets.with_committed(intensity)
        self.observed: list[Observation] = []
        self.signals: list[Signal] = []
        self.again: RollingHorizon | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> "WatchedPlan":
        """Return a copy that goes its own way; the twin, the limits and what was seen are never written into."""
        other = copy.copy(self)
        other.plays, other.observed, other.signals = copy.deepcopy(self.plays, memo), [*self.observed], [*self.signals]
        return other

    @property
    def noticed(self) -> int | None:
        """Return after how many periods something was noticed; None: nothing was."""
        return self.signals[0].noticed + 1 if self.signals else None

    def decide(self, observation: Observation) -> Allocation:
        """Return the plan's allocation, or that of the plan made anew."""
        self.observed.append(observation)
        if not self.signals and observation.period:
            self.signals = self._moved()
        if not self.signals:
            return self.plays.decide(observation)
        period = observation.period
        if self.again is None or (period - self.signals[0].noticed - 1) % self.every == 0:
            self._plan_again()
        else:
            self.again.look(period, observation.customers, observation.last_spend, observation.employees)
        assert self.again is not None
        self.again.heads = observation.customers
        return self.again.allocation(observation)

    def _plan_again(self) -> None:
        """Estimate what happened from all that was seen, and make the rest of the plan anew."""
        from sim.monitoring.change import CARRIED, what_changed
        from sim.monitoring.seen import Seen

        seen = Seen.of_observations(self.observed)
        carried = [each for each in self.signals if each.quantity in CARRIED]
        played = self.plan if self.again is None else self.again.plan
        acted = seen.intensity_with(played, self.twin.chain.late)
        change = what_changed(self.twin, seen, acted, self.limits, carried) if carried else None
        self.again = planned_again(self.twin, change, self.budget, played, seen, self.steps)

    def _moved(self) -> "list[Signal]":
        from sim.monitoring.following import expected_of
        from sim.monitoring.seen import Seen
        from sim.monitoring.signals import deviations

        seen = Seen.of_observations(self.observed)
        chain = self.twin.chain
        actual, planned = deviations(seen, expected_of(chain, seen.intensity_with(self.plan, chain.late), seen))
        return self.limits.signals(actual, planned)
