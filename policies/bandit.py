"""A bandit: learns by trying how much money on one lever is worth it, and leaves all others as today."""

from typing import TYPE_CHECKING

import numpy as np

from policies.catalogue import policy
from policies.money import Ration, Today
from sim.arrays import Floats, Ints
from sim.contract import Allocation, Observation
from sim.errors import InputError

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = ["Bandit"]

ARMS = np.array([0.0, 0.5, 1.0, 2.0])
"""Multiples of today's intensity that are tried."""
PRIOR = 1.0
"""Periods that the belief before the first trial counts as."""


@policy("bandit", states_money=True)
class Bandit:
    """Tries multiples of today's money on one lever in each group by Thompson sampling; all other levers as today.

    ``lever``: which, else the one that today spends most on; ``seed``: of its luck. A trial is worth, by customer
    reached, margin on what they bought and what the stages they were seen to move to are worth today, less the money;
    the chance that an arm is tried is that of being the best (Thompson 1933), with normal beliefs as spread as rewards.
    """

    name = "bandit"
    feedback = True

    def __init__(self, twin: "Twin", budget: float, lever: str = "", seed: int = 0) -> None:
        targets = twin.targets
        today = Today(twin, budget)
        paid = [name for name, pays in zip(targets.levers, targets.paid, strict=True) if pays]
        if lever and lever not in paid:
            why = "no lever" if lever not in targets.levers else "the budget does not pay for"
            raise InputError(f"policy 'bandit': {why} '{lever}'; expected one of {', '.join(paid) or 'none'}")
        by_lever = np.where(targets.paid, today.spend.sum(axis=(0, 1, 2)), -1.0)
        self.lever = targets.levers.index(lever) if lever else int(by_lever.argmax())
        self.today = targets.times(targets.reference, float(today.fits.min()))
        usual = twin.chain.usual[:, :, self.lever]
        here = (targets.allowed & targets.paid)[:, :, self.lever]
        self.unit = np.where(here, np.where(self.today[:, :, self.lever] > 0,
                             self.today[:, :, self.lever], usual), 0.0)  # fmt: skip
        self.margin, self.worth, self.ration = twin.margin, _worth_by_stage(twin), Ration.of(twin)
        self.luck = np.random.default_rng(seed)
        self.trials = np.zeros((targets.shape[0], ARMS.size))
        self.sums, self.squares = np.zeros_like(self.trials), np.zeros_like(self.trials)
        self.heads = np.zeros(targets.shape[:2])

    def decide(self, observation: Observation) -> Allocation:
        """Learn from the period before, and try an arm in each group."""
        if observation.period:
            self._learn(observation)
        self.heads = observation.customers.copy()
        intensity = self.today.copy()
        intensity[:, :, self.lever] = ARMS[self._tried()][:, None] * self.unit
        intensity = np.where(observation.targets.paid, intensity, self.today)
        return Allocation.within(self.ration.held(np.where(observation.targets.allowed, intensity, 0.0)), observation)

    def _learn(self, observation: Observation) -> None:
        """Add what the money that acted brought, by customer reached."""
        reached = np.where(self.unit > 0, self.heads, 0.0)
        heads = reached.sum(axis=1)
        spent = observation.last_spend[:, :, self.lever].sum(axis=1)
        unit = (self.unit * reached).sum(axis=1)
        earned = (observation.revenue * (reached > 0)).sum(axis=1) * self.margin
        later = (observation.moves * (reached > 0)[:, :, None] * self.worth[:, None, :]).sum(axis=(1, 2))
        for group in np.flatnonzero((heads > 0) & (unit > 0)):
            arm = int(np.abs(ARMS - spent[group] / unit[group]).argmin())
            reward = (earned[group] + later[group] - spent[group]) / heads[group]
            self.trials[group, arm] += 1
            self.sums[group, arm] += reward
            self.squares[group, arm] += reward**2

    def _tried(self) -> Ints:
        """Return the arm of each group with the highest draw from what is believed of it."""
        number = np.maximum(self.trials.sum(axis=1, keepdims=True), 1.0)
        mean = self.sums.sum(axis=1, keepdims=True) / number
        spread = np.sqrt(np.maximum(self.squares.sum(axis=1, keepdims=True) / number - mean**2, 0.0))
        belief = (self.sums + PRIOR * mean) / (self.trials + PRIOR)
        drawn = belief + spread / np.sqrt(self.trials + PRIOR) * self.luck.standard_normal(self.trials.shape)
        untried = self.trials == 0
        first = np.where(untried.any(axis=1), untried.argmax(axis=1), drawn.argmax(axis=1))
        return np.asarray(np.where(self.trials.sum(axis=1) == 0, int(np.flatnonzero(ARMS == 1.0)[0]), first))


def _worth_by_stage(twin: "Twin") -> Floats:
    """Return what a customer seen in each (group, stage) is worth from now on, as today goes on; 0 where nobody is."""
    from sim.engine.chain import observed_counts, value_to_go
    from sim.engine.sensitivity import follow

    chain = twin.chain
    if chain.discount_rate == 0:
        return np.zeros(chain.targets.shape[:2])
    earned, spent = value_to_go(chain)
    today = np.repeat(chain.targets.reference[None], chain.periods, axis=0)
    past = follow(chain, chain.targets.with_committed(today)).past
    people = np.sum([now.occupancy for now in past], axis=0)
    heads = observed_counts(chain, people)
    total = observed_counts(chain, people * (earned - spent))
    return np.divide(total, heads, out=np.zeros_like(heads), where=heads > 0)
