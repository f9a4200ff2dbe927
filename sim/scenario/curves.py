"""Response curves as a scenario states them, and the number types that every field of a scenario uses.

What a curve computes is in :mod:`sim.engine.response`.
"""

import itertools
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

__all__ = [
    "SHAPES",
    "Adbudg",
    "BlattbergDeighton",
    "Curve",
    "Finite",
    "Fraction",
    "Gain",
    "Hill",
    "Label",
    "Model",
    "NotNegative",
    "PiecewiseLinear",
    "Points",
    "Positive",
    "Share",
    "Times",
    "refuse_part_sums",
]

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Gain = Annotated[float, Field(ge=0, le=9, allow_inf_nan=False)]
"""A share by which something grows: up to tenfold; 20 is 20 per cent that was not divided by 100."""
Points = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Times = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


def _in_one_line(name: str) -> str:
    if not name.isprintable():
        raise ValueError("expected a name in one line, without control signs")
    return name


Label = Annotated[str, AfterValidator(_in_one_line)]
"""A name that is shown: it breaks no line of a table, a note or a file."""


class Model(BaseModel):
    """Frozen; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def refuse_part_sums(name: str, shares: tuple[float, ...]) -> None:
    """Refuse shares that do not add up to 1."""
    if abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"{name}: expected shares that add up to 1, got {sum(shares):g}")


class _Answers(Model):
    """What every curve made from a manager's answers says: no money, unlimited money, and one intensity between."""

    without_money: Finite = Field(description="f(0), in the unit of what the lever moves")
    unlimited_money: Finite = Field(description="f at unlimited intensity")
    spend: Positive = Field(description="an intensity the manager knows, money per targeted customer per period")
    brings: Finite = Field(description="f at that intensity")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.without_money < self.brings < self.unlimited_money:
            raise ValueError(
                "expected without_money < brings < unlimited_money, "
                f"got {self.without_money:g}, {self.brings:g}, {self.unlimited_money:g}"
            )
        return self

    @property
    def known_share(self) -> float:
        """Return how much of the room between floor and ceiling the known intensity brings."""
        return (self.brings - self.without_money) / (self.unlimited_money - self.without_money)


class BlattbergDeighton(_Answers):
    """``f(u) = floor + (ceiling - floor)(1 - e^(-k u))`` (Blattberg & Deighton 1996, with a floor): the default."""

    shape: Literal["blattberg-deighton"] = Field(
        default="blattberg-deighton", description="default: each unit of money brings less"
    )


class Adbudg(_Answers):
    """``f(u) = floor + (ceiling - floor) u^c/(d + u^c)`` (ADBUDG, Little 1970); S-shaped for ``c`` above 1."""

    shape: Literal["adbudg"] = Field(description="this curve: ADBUDG, S-shaped where steepness is above 1")
    steepness: Positive = Field(description="c: up to 1 bends down throughout, above 1 has a threshold")


class Hill(Model):
    """``f(u) = floor + (ceiling - floor) u^c/(h^c + u^c)``: half of the room at ``h``; S-shaped for ``c`` above 1."""

    shape: Literal["hill"] = Field(description="this curve: Hill, known by where half of the room is reached")
    without_money: Finite = Field(default=0.0, description="f(0); default: nothing without money")
    unlimited_money: Finite = Field(description="f at unlimited intensity")
    half: Positive = Field(description="intensity that brings half of what money can")
    steepness: Positive = Field(description="c: up to 1 bends down throughout, above 1 has a threshold")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.without_money < self.unlimited_money:
            raise ValueError(
                f"expected without_money < unlimited_money, got {self.without_money:g}, {self.unlimited_money:g}"
            )
        return self

    @property
    def spend(self) -> float:
        """Return an intensity to measure others by: the half."""
        return self.half

    @property
    def brings(self) -> float:
        """Return f at that intensity."""
        return (self.without_money + self.unlimited_money) / 2


class PiecewiseLinear(Model):
    """Straight between points ``[intensity, f]``, flat beyond the last: for measured tables."""

    shape: Literal["piecewise-linear"] = Field(description="this curve: straight between measured points")
    points: tuple[tuple[NotNegative, Finite], ...] = Field(
        min_length=2, description="[intensity, f], rising, from 0 on"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        money = [u for u, _ in self.points]
        if money[0] != 0 or any(after <= before for before, after in itertools.pairwise(money)):
            raise ValueError(f"expected points by rising intensity, the first at 0, got {money}")
        if any(after < before for before, after in itertools.pairwise([f for _, f in self.points])):
            raise ValueError("expected values that do not fall: more money must not bring less")
        return self

    @property
    def without_money(self) -> float:
        """Return f(0)."""
        return self.points[0][1]

    @property
    def unlimited_money(self) -> float:
        """Return f at the last point and beyond."""
        return self.points[-1][1]

    @property
    def spend(self) -> float:
        """Return an intensity to measure others by: the middle point's."""
        return self.points[len(self.points) // 2][0]

    @property
    def brings(self) -> float:
        """Return f at that intensity."""
        return self.points[len(self.points) // 2][1]


def _shape_of(value: Any) -> str:
    found = value.get("shape", "blattberg-deighton") if isinstance(value, dict) else getattr(value, "shape", None)
    return str(found)


Curve = Annotated[
    Annotated[BlattbergDeighton, Tag("blattberg-deighton")]
    | Annotated[Adbudg, Tag("adbudg")]
    | Annotated[Hill, Tag("hill")]
    | Annotated[PiecewiseLinear, Tag("piecewise-linear")],
    Discriminator(
        _shape_of,
        custom_error_type="unknown_shape",
        custom_error_message="expected shape blattberg-deighton (the default), adbudg, hill or piecewise-linear",
    ),
]
SHAPES: dict[str, type[Model]] = {
    "blattberg-deighton": BlattbergDeighton, "adbudg": Adbudg, "hill": Hill, "piecewise-linear": PiecewiseLinear,
}  # fmt: skip
