"""What a firm saw of its customers, period by period, whatever it was counted from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import Floats
from sim.contract import Observation, Targets
from sim.history import History

if TYPE_CHECKING:
    from sim.engine.of_late import Late

__all__ = ["Seen"]


@dataclass(frozen=True, eq=False)
class Seen:
    """What a firm saw, period by period; nan where it cannot see something.

    Attributes
    ----------
    targets : Targets
    customers : (periods + 1, groups, stages)
        Heads at the start of each period, and at the end.
    moves : (periods, groups, stages, stages)
        Heads by where they were seen at a period's start and at its end.
    purchases, revenue : (periods, groups, stages)
        By where customers were seen at the period's start.
    satisfaction : (periods + 1, groups)
        Points 0..100 of the last survey that is known; nan where none is.
    earned : (periods,)
        Money earned before marketing.
    spend : (periods, groups, stages, levers)
        Money on marketing.
    """

    targets: Targets
    customers: Floats
    moves: Floats
    purchases: Floats
    revenue: Floats
    satisfaction: Floats
    earned: Floats
    spend: Floats

    @property
    def periods(self) -> int:
        """Return how many periods have passed."""
        return len(self.purchases)

    @property
    def intensity(self) -> Floats:
        """Return money per customer who was there, (periods, groups, stages, levers)."""
        heads = self.customers[:-1, :, :, None]
        return np.asarray(np.divide(self.spend, heads, out=np.zeros_like(self.spend), where=heads > 0))

    def intensity_with(self, acting: Floats, late: "Late | None" = None) -> Floats:
        """Return the same with what was ``acting``, ``[period, ...]``, where spend does not show it.

        That is terms, which nobody spends; and of levers that remember (``late``) money a head where nobody was seen.
        """
        paid = self.targets.paid
        shown = paid if late is None else paid & (~late.remembers | (self.customers[:-1] > 0)[..., None])
        return self.intensity if shown.all() else np.where(shown, self.intensity, acting[: self.periods])

    @classmethod
    def of_history(cls, history: History) -> "Seen":
        """Return what a firm saw of a simulated market."""
        return cls(
            history.targets, history.customers, history.moves, history.purchases, history.revenue, history.surveyed,
            history.reward.sum(axis=(1, 2)), history.spend,
        )  # fmt: skip

    @classmethod
    def of_observations(cls, observed: list[Observation]) -> "Seen":
        """Return what a policy saw so far: each observation tells what the period before brought."""
        points = np.stack([_mean_points(each) for each in observed])
        later = observed[1:]

        def stacked(name: str) -> Floats:
            first = np.asarray(getattr(observed[0], name))
            return np.array([getattr(each, name) for each in later]).reshape(-1, *first.shape)

        heads = np.stack([each.customers for each in observed])
        money = np.full(len(later), np.nan)
        return cls(
            observed[0].targets, heads, stacked("moves"), stacked("purchases"), stacked("revenue"), points, money,
            stacked("last_spend"),
        )  # fmt: skip

    def blinded(self, like: "Seen") -> "Seen":
        """Return the same without what ``like`` cannot see: heads that are not known, and surveys that are not taken.

        Only stages that are never seen count; a group's survey is taken where it has ever been.
        """
        unseen = np.isnan(like.customers).all(axis=0)
        asked = ~np.isnan(like.satisfaction).all(axis=0)
        return Seen(
            self.targets,
            np.where(unseen, np.nan, self.customers),
            self.moves,
            self.purchases,
            self.revenue,
            np.where(asked, self.satisfaction, np.nan),
            self.earned,
            self.spend,
        )


def _mean_points(seen: Observation) -> Floats:
    from sim.market.alarms import over_stages

    return over_stages(seen.satisfaction, seen.customers)
