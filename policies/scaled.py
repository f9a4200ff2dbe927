"""Another policy with more money or less: intensities times a factor, what it sees of its own money divided by it.

No customer gets more for it than the rules allow one. One that states a table of intensities
(:class:`~policies.planned.Planned`) is fitted to the money instead.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from policies.money import Ration
from policies.planned import Planned, fitted
from sim.contract import Allocation, Observation, Policy

if TYPE_CHECKING:
    from sim.market.purse import Budget
    from sim.twin import Twin

__all__ = ["Scaled", "scaled_to"]

EVEN = 1e-6
"""Share of the money up to which a policy is scaled to it."""
ROUNDS = 40


@dataclass(frozen=True, eq=False)
class Scaled:
    """A policy times a factor.

    Attributes
    ----------
    policy : Policy
    factor : float
        Above 0.
    ration : Ration
        What a customer may get.
    """

    policy: Policy
    factor: float
    ration: Ration

    @property
    def name(self) -> str:
        """Return the policy's name."""
        return self.policy.name

    @property
    def feedback(self) -> bool:
        """Return whether the policy reacts to what it sees."""
        return bool(getattr(self.policy, "feedback", True))

    def decide(self, observation: Observation) -> Allocation:
        """Return what the policy decides where money is worth ``factor`` times as much."""
        seen = replace(
            observation,
            available=observation.available / self.factor,
            lever_available=observation.lever_available / self.factor,
            lever_spent=observation.lever_spent / self.factor,
            budget_left=observation.budget_left / self.factor,
            stretch_left=observation.stretch_left / self.factor,
            lever_floor=observation.lever_floor / self.factor,
            last_spend=observation.last_spend / self.factor,
        )
        decided = observation.targets.times(self.policy.decide(seen).intensity, self.factor)
        return Allocation.within(self.ration.held(decided), observation)


def scaled_to(twin: "Twin", policy: Policy, budget: "Budget") -> Policy:
    """Return a policy made larger or smaller until it is expected to spend the whole of a budget.

    One that spends nothing cannot be, and is returned as it is; nor can one whose customers all have what they may get.
    """
    from sim.market.expected import expected_course
    from sim.market.purse import Budget

    if isinstance(policy, Planned):
        return fitted(twin, replace(policy, most=twin.chain.limit), budget, only_down=False)
    free = Budget(np.inf, np.inf, budget.lever_caps)
    factor, whole, before = 1.0, policy, 0.0
    for _ in range(ROUNDS):
        spent = float(expected_course(twin, whole, free).spend.sum())
        if spent <= 0 or abs(spent - budget.total) <= EVEN * budget.total or abs(spent - before) <= EVEN * spent:
            break
        factor *= budget.total / spent
        whole, before = Scaled(policy, factor, Ration.of(twin)), spent
    return whole
