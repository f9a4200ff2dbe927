"""What happened, period by period: the one record that valuation, reports and comparisons read."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import Floats, Ints
from sim.contract import Targets
from sim.files import write_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KINDS", "History", "Trace"]


KINDS = ("unaware", "prospect", "alive", "gone", "lost")
"""What is true of a person, in the order in which people are counted."""
_ALIVE = KINDS.index("alive")


@dataclass(frozen=True, eq=False)
class Trace:
    """What happened to some customers, one by one.

    Attributes
    ----------
    segment : (customers,) of str
    identity : (customers,)
        Counter of the customer's draws inside its segment.
    state : (periods + 1, customers)
        Index into the states of the chain; their number stands for "not there yet".
    purchases, revenue : (periods, customers)
        Purchases, and money in integer units of the twin.
    event : (periods, customers)
        Index into ``EVENTS`` of the agents' kernel, -1 for none.
    """

    segment: tuple[str, ...]
    identity: Ints
    state: Ints
    purchases: Ints
    revenue: Ints
    event: Ints


@dataclass(frozen=True, eq=False)
class History:
    """One market under one policy, drawn (agents) or expected (fluid twin).

    Attributes
    ----------
    targets : Targets
    people : (periods + 1, groups, stages, kinds)
        Head counts at each period's start, and at the end, by what was observed (stage) and what is true (KINDS).
    moves : (periods, groups, stages, stages)
        Observed moves from stage to stage; those who stay are counted too, those who appear are not.
    purchases, revenue, reward : (periods, groups, stages)
        By where the customer was at the period's start; reward is money earned before marketing.
    cost_to_serve, bad_debt : (periods, groups, stages)
        Money; both are taken off in ``reward``.
    spend : (periods, groups, stages, levers)
    events : dict of (periods, groups)
        True moves: ``aware``, ``won``, ``returned``, ``left``, ``lost``.
    satisfaction, surveyed : (periods + 1, groups)
        Mean points 0..100 of true customers, and as last published; nan where there is none.
    share : (periods, groups)
        Share of customer; nan where it is not in the model.
    employees : (periods + 1,)
        Points of employee satisfaction; nan where they are not in the model.
    terminal : float
        Value of all customers after the last period, undiscounted.
    unspent : float
        Budget left at the end; nan where there was none.
    trace : Trace or None
        Customers followed one by one, where asked for.
    """

    targets: Targets
    people: Floats
    moves: Floats
    purchases: Floats
    revenue: Floats
    reward: Floats
    cost_to_serve: Floats
    bad_debt: Floats
    spend: Floats
    events: dict[str, Floats]
    satisfaction: Floats
    surveyed: Floats
    share: Floats
    employees: Floats
    terminal: float
    unspent: float = float("nan")
    trace: Trace | None = None

    @property
    def periods(self) -> int:
        """Return the number of periods."""
        return int(self.spend.shape[0])

    @property
    def customers(self) -> Floats:
        """Return observed head counts, (periods + 1, groups, stages)."""
        return np.asarray(self.people.sum(axis=3))

    @property
    def alive(self) -> Floats:
        """Return customers still customers at heart (true), (periods + 1, groups)."""
        return np.asarray(self.people[..., _ALIVE].sum(axis=2))

    @property
    def profit(self) -> Floats:
        """Return money earned less marketing by period."""
        return np.asarray(self.reward.sum(axis=(1, 2)) - self.spend.sum(axis=(1, 2, 3)))

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per period x group x stage: who, head counts seen and true, moves, purchases, money.

        ``to_new`` and the like count those who were seen in that stage a period later. Satisfaction, share of customer
        and employee points are those of the row's segment and tier, or of the firm.
        """
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
        }
        for k, kind in enumerate(KINDS):
            columns[f"true_{kind}"] = self.people[:-1, ..., k].ravel()
        for s, name in enumerate(self.targets.stages):
            columns[f"to_{name}"] = self.moves[..., s].ravel()
        for name in ("purchases", "revenue", "cost_to_serve", "bad_debt", "reward"):
            columns[name] = getattr(self, name).ravel()
        for i in range(levers):
            columns[f"spend_{self.targets.levers[i]}"] = self.spend[..., i].ravel()
        columns["satisfaction"] = self.satisfaction[period, group]
        columns["satisfaction_surveyed"] = self.surveyed[period, group]
        columns["share_of_customer"] = self.share[period, group]
        columns["employee_satisfaction"] = self.employees[period]
        return pd.DataFrame(columns)

    def save(self, path: str | Path) -> None:
        """Write :meth:`to_frame` as CSV or Parquet, by the ending of ``path``; an older file stays until it is done.

        Raises
        ------
        InputError
            If the ending is neither .csv nor .parquet.
        FolderError
            If it cannot be written.
        """
        write_table(Path(path), self.to_frame())
