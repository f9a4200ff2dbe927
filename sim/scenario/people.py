"""Who is there at the start, who comes, how winning spreads, and how customers grow: parts of a segment.

Every field carries its unit and, where it has a default, why that default.
"""

import itertools
from typing import Annotated, Self

from pydantic import Field, model_validator

from sim.scenario.curves import Model, Share, refuse_part_sums
from sim.scenario.kinds import Kind

__all__ = ["OLDEST", "Births", "Diffusion", "Established", "Growing", "Growth", "Heads", "appeared", "born"]

OLDEST = 600
"""Periods that a customer may have been kept: fifty years of months."""

Heads = Annotated[float, Field(ge=0, le=1e9)]
Fold = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]


class Established(Model):
    """Customers seen in a stage at the start: of all who were won so long ago, those who are seen there now."""

    count: Heads = Field(description="how many")
    age: Annotated[int, Field(ge=0, le=OLDEST, strict=True)] | None = Field(
        default=None,
        description="periods since they were won; none: the fewest in which a usual customer gets there, the cautious "
        "case for who stays",
    )
    satisfaction: tuple[Share, Share, Share, Share, Share] | None = Field(
        default=None, description="share of them at levels 1..5; none: as in the data"
    )
    ties: tuple[Share, Share, Share, Share] | dict[Kind, Share] | None = Field(
        default=None, description="share of them with 0..3 ties, or with one to each kind; none: as in the data"
    )
    categories: tuple[Share, ...] | None = Field(
        default=None, description="share of them who buy in one, two, ... categories; none: as in the data"
    )
    club: tuple[Share, ...] | None = Field(
        default=None, description="share of them by grade of the club, the rest no members; none: as in the data"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for name in ("satisfaction", "ties", "categories"):
            shares = getattr(self, name)
            if isinstance(shares, tuple):
                refuse_part_sums(name, shares)
        return self


class Growing(Model):
    """People who appear, more or fewer every period: ``first (1 + growth)^t``."""

    first: Heads = Field(description="people who appear in the first period")
    growth: Annotated[float, Field(gt=-1, le=10, allow_inf_nan=False)] = Field(
        description="share by which their number grows per period"
    )


Births = Heads | tuple[Heads, ...] | Growing
"""People who appear: as many every period, a number for each period, or ever more."""


def born(births: Births, period: int) -> int:
    """Return how many appear in a period: whole numbers whose sum keeps up with what is stated.

    >>> [born(0.4, t) for t in range(6)], [born((3.0, 0.0, 7.5), t) for t in range(3)]
    ([0, 1, 0, 1, 0, 0], [3, 0, 7])
    >>> [born(Growing(first=100, growth=0.5), t) for t in range(4)]
    [100, 150, 225, 338]
    """
    return round(appeared(births, period + 1)) - round(appeared(births, period))


def appeared(births: Births, period: int) -> float:
    """Return how many have appeared before a period, as stated: not yet whole."""
    if isinstance(births, Growing):
        factor = 1 + births.growth
        return births.first * (period if factor == 1 else (factor**period - 1) / (factor - 1))
    return float(sum(births[:period])) if isinstance(births, tuple) else births * period


class Diffusion(Model):
    """Winning that spreads by itself: a prospect is won with chance ``p + q F`` a period besides what money does.

    ``F``: share of the segment's people who were ever won (Bass 1969; with ``p = 0`` the logistic of Gupta, Lehmann &
    Stuart 2004). The market ``m`` is the segment's people.
    """

    innovation: Share = Field(default=0.0, description="p, chance per period of winning a prospect by itself; 0: none")
    imitation: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = Field(
        default=0.0, description="q, by which that chance rises until all others are won, per period; 0: none"
    )


class Growth(Model):
    """What customers who are kept bring, times what the newly won do: steps by periods since they were won."""

    after: tuple[Annotated[int, Field(ge=1, le=OLDEST, strict=True)], ...] = Field(
        min_length=1, description="periods kept from which each step holds, rising"
    )
    amount: tuple[Fold, ...] = Field(default=(), description="times the first amount, by step; none: as at first")
    purchase_rate: tuple[Fold, ...] = Field(
        default=(), description="times the first purchase rate, by step; none: as at first"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if any(late <= early for early, late in itertools.pairwise(self.after)):
            raise ValueError(f"after: expected rising numbers of periods, got {', '.join(map(str, self.after))}")
        if not self.amount and not self.purchase_rate:
            raise ValueError("says nothing that grows; state amount or purchase_rate, one number for each step")
        for name in ("amount", "purchase_rate"):
            steps = getattr(self, name)
            if steps and len(steps) != len(self.after):
                raise ValueError(f"{name}: expected {len(self.after)} numbers, one for each of after; got {len(steps)}")
        return self

    @property
    def multipliers(self) -> list[tuple[float, float]]:
        """Return (purchase rate, amount) of the newly won and of each step, times those of the newly won."""
        same = (1.0,) * len(self.after)
        return [(1.0, 1.0), *zip(self.purchase_rate or same, self.amount or same, strict=True)]
