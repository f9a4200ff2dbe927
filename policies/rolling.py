"""Rolling horizon: looks where the customers are, and plans the rest anew, from the plan it has.

What is seen are heads by group and stage; where customers stand inside (their hidden traits, silence, satisfaction) is
taken from the fluid twin run along, its numbers scaled to the heads seen. The rest of the horizon is then searched from
the plan at hand by the optimiser's sequential search, with all that is past and already decided held.
"""

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from policies.catalogue import policy
from sim.arrays import Floats
from sim.contract import Allocation, Observation

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = ["RollingHorizon", "rolling_horizon"]


@policy("rolling horizon")
def rolling_horizon(twin: "Twin", budget: float, every: int = 1, steps: int = 5) -> "RollingHorizon":
    """Plan with the optimiser, and again at every review from where the customers are seen to be.

    ``every``: periods between reviews; ``steps``: of the search at each, at most.
    """
    from optimizer.ask.problem import allocation_problem
    from optimizer.optimize import solve

    # Nothing is proved for what is only played; without any bound more starts tell how good a plan is.
    plan = solve(allocation_problem(twin, budget), bounded=False, onward=not twin.chain.bounded, priced=False)
    return RollingHorizon(twin, budget, plan.intensity, "rolling horizon", every=every, steps=steps)


class RollingHorizon:
    """Plays a plan, (periods, groups, stages, levers), and makes the rest of it anew at every review.

    ``every``: periods between reviews; ``steps``: of the search at each, at most.
    """

    feedback = True

    def __init__(
        self, twin: "Twin", budget: float, intensity: Floats, name: str, *, every: int = 1, steps: int = 5
    ) -> None:
        from optimizer.ask.problem import allocation_problem
        from optimizer.tolerances import TINY

        self.problem, self.name, self.steps = allocation_problem(twin, budget), name, steps
        chain = twin.chain
        self.arrivals, self.occupancy, self.employees = chain.arrivals, chain.initial, chain.employees_at_start
        self.late, self.heads = chain.late.at_start if chain.late else None, np.zeros(chain.targets.shape[:2])
        self.spend = np.zeros((chain.periods, *chain.targets.shape))
        today = self.problem.today.course
        self.stake = max(abs(today.asset) * 1e-2, 1e-9)
        self.plan = twin.targets.with_committed(intensity)
        # With next to no money there is nothing to plan anew, and no unit to search in.
        self.every = max(every, 1) if budget > TINY * max(float(today.spend.sum()), 1e-9) else chain.periods

    def __deepcopy__(self, memo: dict[int, Any]) -> "RollingHorizon":
        """Return a copy that goes its own way: nothing that is held is ever written into, only replaced."""
        return copy.copy(self)

    def decide(self, observation: Observation) -> Allocation:
        """Return this period's intensities of the plan, made anew where a review is due."""
        period = observation.period
        if period:
            self.look(period, observation.customers, observation.last_spend, observation.employees)
            if period % self.every == 0:
                self.plan_again(period)
        self.heads = observation.customers.copy()
        return self.allocation(observation)

    def allocation(self, observation: Observation) -> Allocation:
        """Return this period's intensities of the plan as it is."""
        period, intensity = observation.period, np.zeros(observation.targets.shape)
        for lever, lead in enumerate(observation.targets.lead):
            if period + lead < observation.periods:
                intensity[:, :, lever] = self.plan[period + lead, :, :, lever]
        return Allocation.within(np.where(observation.targets.allowed, intensity, 0.0), observation)

    def look(self, period: int, seen: Floats, last_spend: Floats, employees: float = np.nan) -> None:
        """Run the fluid twin through the period before as it was paid for, and scale it to the heads seen.

        ``seen``, (groups, stages), is nan where heads are not known: there the twin's own are taken.
        """
        from sim.engine.fluid_pass import FluidPass
        from sim.monitoring.following import scaled_to_seen

        chain, before = self.problem.chain, period - 1
        heads = np.where(np.isnan(self.heads), 0.0, self.heads)[:, :, None]
        paid = np.where(heads > 0, last_spend / np.maximum(heads, 1e-300), 0.0)
        unshown = np.isnan(self.heads)[:, :, None] | ~chain.targets.paid
        if chain.late is not None:  # which keeps what was meant for those who were not there
            unshown = unshown | (chain.late.remembers & (heads == 0))
        paid = np.where(unshown, self.plan[before], paid)
        run = FluidPass(chain, np.broadcast_to(paid, (chain.periods, *paid.shape)))
        run.occupancy, run.employees, run.late = self.occupancy, self.employees, self.late
        run.period(before)
        self.occupancy = scaled_to_seen(chain, run.occupancy, seen)
        self.employees, self.late = run.employees if np.isnan(employees) else employees, run.late
        self.arrivals, self.plan, self.spend = (each.copy() for each in (self.arrivals, self.plan, self.spend))
        self.arrivals[before] += self.occupancy - run.occupancy  # so that the twin stands where it is seen to stand
        self.plan[before], self.spend[before] = paid, last_spend

    def value_of(self, intensity: Floats) -> float:
        """Return the customer asset of a plan, (periods, groups, stages, levers), from where customers are seen to be.

        What is past counts as the twin has it, the same for every plan that was played alike.
        """
        return float(self._course(intensity).asset)

    def moved_by(self, intensity: Floats) -> Floats:
        """Return expected money of a plan from where customers are seen to be, terms included, in its own shape."""
        return np.asarray(self._course(intensity).moved)

    def _course(self, intensity: Floats) -> Any:
        from sim.engine.sensitivity import follow

        return follow(_with_arrivals(self.problem.chain, self.arrivals), intensity)

    def plan_again(self, period: int) -> None:
        """Search the rest of the horizon from the plan at hand; what is past or decided stays."""
        from optimizer.search.campaign_sizes import still_run
        from optimizer.search.sequential import Sequential
        from sim.engine.sensitivity import follow

        problem = self.problem
        twin = replace(problem.twin, chain=_with_arrivals(problem.chain, self.arrivals))
        course = follow(twin.chain, self.plan)
        held = np.zeros(self.plan.shape, dtype=bool)
        for lever, lead in enumerate(problem.targets.lead):
            held[: period + lead, :, :, lever] = True
        floor = np.where(held, course.moved, 0.0)
        problem = replace(problem, twin=twin, floor=floor, ceiling=np.where(held, course.moved, np.inf))
        if problem.no_choice:
            return
        if problem.campaigns:
            problem = still_run(problem, problem.campaigns, course.moved)
        search = Sequential(problem)
        found = search.run(search.amount_of(self.plan), lift=self.stake, steps=self.steps)
        self.plan = np.where(held, self.plan, found.course.intensity)


def _with_arrivals(chain: Any, arrivals: Floats) -> Any:
    """Return a chain with other arrivals and all else that it has worked out: nothing of that depends on them."""
    out = copy.copy(chain)
    object.__setattr__(out, "arrivals", arrivals)
    return out
