"""What happened, period by period: the one record that valuation, reports and comparisons read."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.contract import Targets

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["History"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class History:
    """One market under one policy, drawn (agents) or expected (fluid twin).

    Attributes
    ----------
    targets : Targets
    customers : (periods + 1, groups, stages)
        Observed head counts at each period's start, and at the end.
    alive : (periods + 1, groups)
        Customers still customers at heart (true).
    purchases, revenue, reward : (periods, groups, stages)
        By where the customer was at the period's start; reward is money earned before marketing.
    spend : (periods, groups, stages, levers)
    events : dict of (periods, groups)
        True moves: ``aware``, ``won``, ``returned``, ``left``, ``lost``.
    terminal : float
        Value of all customers after the last period, undiscounted.
    unspent : float
        Budget left at the end; nan where there was none.
    """

    targets: Targets
    customers: Floats
    alive: Floats
    purchases: Floats
    revenue: Floats
    reward: Floats
    spend: Floats
    events: dict[str, Floats]
    terminal: float
    unspent: float = float("nan")

    @property
    def periods(self) -> int:
        """Return the number of periods."""
        return int(self.spend.shape[0])

    @property
    def profit(self) -> Floats:
        """Return money earned less marketing by period."""
        return np.asarray(self.reward.sum(axis=(1, 2)) - self.spend.sum(axis=(1, 2, 3)))

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per period x group x stage: segment, tier, stage, customers, purchases, money."""
        import pandas as pd

        groups, stages, levers = self.targets.shape
        index = pd.MultiIndex.from_product([range(self.periods), range(groups), range(stages)])
        period, group, stage = (index.get_level_values(i).to_numpy() for i in range(3))
        columns: dict[str, object] = {
            "period": period,
            "segment": np.array(self.targets.segments)[group],
            "tier": np.array(self.targets.tiers)[group],
            "stage": np.array(self.targets.stages)[stage],
            "customers": self.customers[:-1].ravel(),
            "purchases": self.purchases.ravel(),
            "revenue": self.revenue.ravel(),
            "reward": self.reward.ravel(),
        }
        for i in range(levers):
            columns[f"spend_{self.targets.levers[i]}"] = self.spend[..., i].ravel()
        return pd.DataFrame(columns)
