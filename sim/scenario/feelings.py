"""How customers and employees feel, as a scenario states it: satisfaction, value to the customer, surveys, who leaves.

Every field carries its unit and, where it has a default, why that default.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sim.scenario.curves import Finite, Fraction, Model, NotNegative, Points, Positive, Share, refuse_part_sums

__all__ = ["Driver", "Employees", "Satisfaction", "StaffTurnover", "Survey", "ValueToCustomer"]

Driver = Literal["value", "habit", "standing", "feeling"]
"""Why customers come: what they get for their money, because they always do, who they are by it, how it feels."""


class ValueToCustomer(Model):
    """``Vc = Fc - Cc``: what a customer gains less what it costs the customer, stated or surveyed, on one scale."""

    gain: Finite | Annotated[dict[Driver, Finite], Field(min_length=1)] = Field(
        description="perceived gain, points of the survey's scale; or what each of its drivers (value, habit, "
        "standing, feeling) brings to it, which add up"
    )
    cost: Finite = Field(description="perceived cost, same scale")
    usual: Finite = Field(description="gain less cost when the data were gathered; satisfaction is neutral there")
    bring: Share = Field(
        default=0.0, description="chance per period of a level up (less: down) per point above usual; 0: reported only"
    )

    @property
    def gained(self) -> float:
        """Return the perceived gain, whatever drives it.

        Examples
        --------
        >>> ValueToCustomer(gain={"habit": 10, "feeling": 5}, cost=3, usual=12).gained
        15.0
        """
        return float(sum(self.gain.values()) if isinstance(self.gain, dict) else self.gain)


class Satisfaction(Model):
    """Satisfaction of true customers on levels 1..5 (0, 25, ..., 100 points); at most one level a period."""

    mix: tuple[Share, Share, Share, Share, Share] = Field(description="share of customers at levels 1..5 in the data")
    mobility: Share = Field(
        default=0.2,
        description="chance per period that a customer reconsiders, half looking up and half down; falls make up for "
        "the unhappy who leave, so that the mix persists; 20 %: assumed, state it where repeated surveys tell",
    )
    entry: Annotated[int, Field(ge=1, le=5)] | None = Field(
        default=None,
        description="level of newly won and returned customers; none: drawn from the mix, like those who are there",
    )
    defection_per_level: Fraction = Field(
        default=0.0, description="a level up lowers the defection rate by this share; 0: no effect unless stated"
    )
    purchase_rate_per_level: Share = Field(
        default=0.0, description="a level up raises the purchase rate by this share; 0: no effect unless stated"
    )
    amount_per_level: Share = Field(
        default=0.0, description="a level up raises the amount by this share; 0: no effect unless stated"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        refuse_part_sums("mix", self.mix)
        return self


class StaffTurnover(Model):
    """Employees who leave: fewer the more satisfied they are; replacing them costs money, and ties go with them."""

    usual: Share = Field(description="share of employees who leave per period at the usual points")
    falls: Annotated[float, Field(ge=0, le=0.9)] = Field(
        default=0.0,
        description="share by which turnover, that of ties too, falls for each employee point more; 0: no effect "
        "unless stated",
    )
    per_customer: NotNegative = Field(default=0.0, description="employees per true customer; 0: no cost")
    cost: NotNegative = Field(
        default=0.0, description="money to replace one who leaves, which cost_to_serve leaves out; 0: none"
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if (self.per_customer > 0) != (self.cost > 0):
            missing = "cost" if self.per_customer > 0 else "per_customer"
            raise ValueError(f"{missing}: missing; replacing costs `per_customer` x turnover x `cost` a true customer")
        if not (self.falls or self.cost):
            raise ValueError("states nothing that follows: expected falls, or per_customer and cost, above 0")
        return self


class Employees(Model):
    """Satisfaction of the firm's employees, 0..100: moves the satisfaction of customers."""

    usual: Points = Field(description="points when the data were gathered")
    start: Points | None = Field(default=None, description="points at the start; none: usual")
    reversion: Share = Field(
        default=0.1, description="part of the distance to usual made good per period; 10 %: assumed, half in 7 periods"
    )
    points: Positive = Field(default=5.0, description="this many employee points, kept up ...")
    bring: NotNegative = Field(
        default=2.0,
        description="... bring this many customer points in the long run; 2 for 5: the figure told of Sears "
        "(Rucci, Kirn & Quinn 1998 print 1.3)",
    )
    turnover: StaffTurnover | None = Field(default=None, description="who of them leaves; none: not in the model")


class Survey(Model):
    """How the firm learns of satisfaction: from a sample, with noise, late."""

    every: Annotated[int, Field(ge=1)] = Field(default=3, description="periods between surveys; 3 months: a quarter")
    sample: Annotated[int, Field(ge=1)] = Field(
        default=400, description="customers asked per segment and tier; 400: a mean within 3 points or so"
    )
    noise: Points = Field(
        default=10.0, description="standard deviation of an answer around the truth, points; 10: less than half a level"
    )
    delay: Annotated[int, Field(ge=0)] = Field(default=1, description="periods until the result is known; 1: the next")

    def last_known(self, period: int) -> int | None:
        """Return the period of the last survey whose result is known at the start of a period; None: of none yet."""
        asked = (period - self.delay) // self.every * self.every
        return asked if asked >= 0 else None
