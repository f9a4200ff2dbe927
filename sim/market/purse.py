"""The firm's side of a market: what it sees and decides, and what of that its money pays for.

Agents and expected numbers (:mod:`sim.market.expected`) share it: policies meet the same rules in both.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from sim.arrays import Flags, Floats
from sim.contract import Allocation, Observation, Policy
from sim.market.campaigns import Campaigns
from sim.twin import Twin

__all__ = ["Budget", "Purse", "Visible", "budget_of"]


@dataclass(frozen=True)
class Budget:
    """Money a policy must keep to.

    Attributes
    ----------
    total : float
        Over the horizon; infinite for none.
    per_period : float
        In one period.
    lever_caps : (levers,)
        By lever over the horizon.
    windows : (windows, 3)
        Inside the horizon: first period, first one after it, money.
    """

    total: float
    per_period: float
    lever_caps: Floats
    windows: Floats = field(default_factory=lambda: np.zeros((0, 3)))

    @staticmethod
    def unlimited(levers: int) -> "Budget":
        """Return a budget that never binds."""
        return Budget(np.inf, np.inf, np.full(levers, np.inf))

    def at_least(self, spend: Floats) -> "Budget":
        """Return the budget, raised where it could not pay for ``spend[period, lever]``."""
        return Budget(
            max(self.total, float(spend.sum())),
            max(self.per_period, float(spend.sum(axis=1).max())),
            np.maximum(self.lever_caps, spend.sum(axis=0)),
            np.array([[a, b, max(money, spend[int(a) : int(b)].sum())] for a, b, money in self.windows]).reshape(-1, 3),
        )


def budget_of(twin: Twin, total: float) -> Budget:
    """Return the money rules of a twin's scenario for a total budget."""
    rules = twin.scenario.rules
    caps = np.array([rules.levers[name].cap if name in rules.levers else 1.0 for name in twin.targets.levers])
    return Budget(total, rules.period_share * total, np.where(caps < 1, caps * total, np.inf), _windows(twin, total))


def _windows(twin: Twin, total: float) -> Floats:
    """Return the money of each stretch, or of all up to its end where what is left is carried over, (windows, 3)."""
    stretches, periods = twin.scenario.rules.stretches, twin.chain.periods
    if stretches is None:
        return np.zeros((0, 3))
    firsts = np.arange(0, periods, stretches.every)
    lasts = np.minimum(firsts + stretches.every, periods)
    money = (lasts - firsts) / periods * total if stretches.amounts is None else np.array(stretches.amounts)
    if stretches.carry_over:
        firsts, money = np.zeros_like(firsts), money.cumsum()
    return np.column_stack([firsts, lasts, money]).astype(float)


class Visible(NamedTuple):
    """What there is to see of the market at the start of a period, as in an :class:`~sim.contract.Observation`."""

    customers: Floats
    satisfaction: Floats
    last_spend: Floats
    purchases: Floats
    revenue: Floats
    moves: Floats
    rivals: Floats
    employees: float
    alarms: Flags


class Purse:
    """What was decided and paid so far.

    Attributes
    ----------
    budget : Budget
    campaigns : Campaigns
    spent : (levers,)
    by_period : (periods,)
        Of all levers together.
    """

    def __init__(self, twin: Twin, budget: Budget) -> None:
        self._targets, self._periods = twin.targets, twin.chain.periods
        self.budget = budget
        self.campaigns = Campaigns(twin.targets, twin.chain.periods)
        self.spent, self.by_period = np.zeros(len(twin.targets.levers)), np.zeros(twin.chain.periods)
        rules, total = twin.scenario.rules.levers, budget.total if np.isfinite(budget.total) else 0.0
        self._floors = np.array([total * rules[n].floor if n in rules else 0.0 for n in twin.targets.levers])

    @property
    def left(self) -> float:
        """Return what is left of the budget over the horizon."""
        return max(0.0, float(self.budget.total - self.spent.sum()))

    def decide(self, policy: Policy, period: int, seen: Visible) -> None:
        """Ask a policy what to do, by what is seen, and take it in."""
        ahead = self._targets.of_budget(self.campaigns.committed(period))
        committed = float((ahead * seen.customers[:, :, None]).sum())
        stretch_left, stretch_periods = self._in_stretch(period)
        observation = Observation(
            period=period,
            periods=self._periods,
            targets=self._targets,
            available=max(0.0, self._money(period) - committed),
            lever_available=self._by_lever(),
            lever_spent=self.spent.copy(),
            budget_left=self.left,
            lever_floor=np.maximum(self._floors - self.spent, 0.0),
            stretch_left=stretch_left,
            stretch_periods=stretch_periods,
            **seen._asdict(),
        )
        decided = policy.decide(observation.copy())
        self.campaigns.decide(period, Allocation.checked(decided, policy.name, observation).intensity)

    def pay(self, period: int, observed: Floats) -> Floats:
        """Pay for what acts in a period, as far as there is money; return money per customer that acts, terms too."""
        acting, targets = self.campaigns.acting[period], self._targets
        paid = Allocation.affordable(targets.of_budget(acting), observed, self._money(period), self._by_lever())
        now = (observed[:, :, None] * paid).sum(axis=(0, 1))
        self.spent += now
        self.by_period[period] = now.sum()
        return paid if targets.paid.all() else np.where(targets.paid, paid, acting)

    def _money(self, period: int) -> float:
        """Return what may be spent this period on everything."""
        return min(self.budget.per_period, self.left, self._in_stretch(period)[0])

    def _in_stretch(self, period: int) -> tuple[float, int]:
        """Return the money left for the stretch of a period, and the periods left of it; infinite and 0 for none."""
        for first, last, money in self.budget.windows:
            if first <= period < last:
                return max(0.0, float(money - self.by_period[int(first) : int(last)].sum())), int(last) - period
        return np.inf, 0

    def _by_lever(self) -> Floats:
        return np.maximum(self.budget.lever_caps - self.spent, 0)
