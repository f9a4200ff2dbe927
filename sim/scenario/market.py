"""The part of a scenario that acts on customers: levers, competitors, shocks.

Every field carries its unit and, where it has a default, why that default.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sim.scenario.curves import Curve, Finite, Gain, Model, NotNegative, Positive, Share
from sim.scenario.customers import CUSTOMER_STAGES, Stage
from sim.scenario.meant import meant

__all__ = ["EFFECT_STAGES", "Competitor", "Effect", "Lever", "LeverInSegment", "Shock"]

Effect = Literal[
    "awareness",
    "acquisition",
    "survival",
    "purchase_rate",
    "amount",
    "preference",
    "satisfaction",
    "links",
    "employee",
    "reactivation",
]
EFFECT_STAGES: dict[str, tuple[str, ...]] = {
    "awareness": ("unaware",),
    "acquisition": ("prospect",),
    "survival": CUSTOMER_STAGES,
    "purchase_rate": CUSTOMER_STAGES,
    "amount": CUSTOMER_STAGES,
    "preference": CUSTOMER_STAGES,
    "satisfaction": CUSTOMER_STAGES,
    "links": CUSTOMER_STAGES,
    "employee": CUSTOMER_STAGES,
    "reactivation": CUSTOMER_STAGES,
}
GAINS = ("purchase_rate", "amount")
MOST_SHOCK = 9.0
"""Largest share by which anything may grow: tenfold."""
FREE = ("preference", "employee")
"""Effects whose curve is not a chance: points of utility, points of employee satisfaction."""


class LeverInSegment(Model):
    """What differs for one segment."""

    reference: NotNegative | None = Field(default=None, description="intensity in the data; none: as the lever")
    moves: dict[Effect, Curve] = Field(default_factory=dict, description="curves that replace the lever's")


class Lever(Model):
    """A marketing instrument: whom it reaches, what it moves, and how money turns into effect."""

    targets: tuple[Stage, ...] = Field(min_length=1, description="observed stages it can be used on")
    tiers: tuple[Literal["low", "middle", "high", "unknown"], ...] = Field(
        default=("low", "middle", "high", "unknown"), min_length=1, description="value tiers it can be used on; all"
    )
    moves: dict[Effect, Curve] = Field(min_length=1, description="what it moves, each with its curve")
    reference: NotNegative = Field(description="intensity under which the data were gathered")
    reach: Share = Field(default=1.0, description="part of the target that can be addressed; default: everybody")
    lead_time: Annotated[int, Field(ge=0, le=120)] = Field(
        default=0, description="periods from decision to effect and payment; 0: at once"
    )
    duration: Annotated[int, Field(ge=1, le=120)] = Field(
        default=1, description="periods a campaign runs unchanged once it has begun; 1: decided afresh every period"
    )
    committed: NotNegative | None = Field(
        default=None, description="intensity decided before the horizon that acts during lead_time; none: the reference"
    )
    saturation: Positive | None = Field(
        default=None,
        description="room of the medium, money per period: a unit of money works (room + today's spend)/(room + "
        "spend) times as well as today; none: no saturation",
    )
    cost_per_contact: Positive | None = Field(
        default=None, description="money of one contact, for rules.contacts; none: not counted as contact"
    )
    most: Positive | None = Field(
        default=None, description="money a head and period at most: a rule of one's own; none: no limit"
    )
    by_segment: dict[str, LeverInSegment] = Field(default_factory=dict, description="what differs by segment")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for effect in self.moves:
            outside = [stage for stage in self.targets if stage not in EFFECT_STAGES[effect]]
            if outside:
                raise ValueError(
                    f"'{effect}' cannot be moved in stage '{outside[0]}'; it can in {', '.join(EFFECT_STAGES[effect])}"
                )
        curves = [(effect, curve, self.reference) for effect, curve in self.moves.items()]
        for override in self.by_segment.values():
            reference = self.reference if override.reference is None else override.reference
            unknown = [effect for effect in override.moves if effect not in self.moves]
            if unknown:
                raise ValueError(f"by_segment moves '{unknown[0]}', which the lever itself does not move")
            if "employee" in override.moves:
                raise ValueError("by_segment moves 'employee', which is one thing for the whole firm; state it once")
            curves += [(effect, override.moves.get(effect, curve), reference) for effect, curve in self.moves.items()]
        for effect, curve, reference in curves:
            if effect in GAINS and curve.without_money <= -1:
                raise ValueError(f"'{effect}' is a relative gain: without_money must be above -1")
            if effect in GAINS and curve.unlimited_money > MOST_SHOCK:
                raise ValueError(
                    f"'{effect}' is a relative gain, and {curve.unlimited_money:g} is times "
                    f"{1 + curve.unlimited_money:g}: expected at most {MOST_SHOCK:g}{meant(curve.unlimited_money)}"
                )
            if effect == "employee" and max(abs(curve.without_money), abs(curve.unlimited_money)) > 100:
                raise ValueError("'employee' is points of satisfaction: expected numbers between -100 and 100")
            if effect in GAINS or effect in FREE:
                continue
            if curve.without_money < 0 or curve.unlimited_money > 1:
                wrong = curve.unlimited_money if curve.unlimited_money > 1 else curve.without_money
                raise ValueError(
                    f"'{effect}' is a chance per period: expected numbers between 0 and 1, got {wrong:g}{meant(wrong)}"
                )
            if effect == "survival" and curve.unlimited_money == 1:
                raise ValueError("'survival' of 1 would be for ever: expected a highest value below 1")
            if effect == "survival" and reference == 0 and curve.without_money == 0:
                raise ValueError("survival at the reference would be 0: expected a reference above 0")
        return self


class Competitor(Model):
    """A rival who acts through one route from a given period on, on schedule or in answer to our share."""

    name: str = Field(description="what the rival is called in texts and reports")
    start: Annotated[int, Field(ge=0)] = Field(description="first period")
    end: int | None = Field(default=None, description="first period without it; none: stays")
    route: Literal["defection", "acquisition", "share of customer"] = Field(
        description="what it acts on: customers leaving, prospects won, or our part of customers' purchases"
    )
    strength: Gain = Field(
        description="defection rate times 1+strength; acquisition chance times 1-strength; share of customer: the part "
        "of our purchases it takes where we are no more attractive than today"
    )
    segments: tuple[str, ...] = Field(default=(), description="segments it acts in; none named: all")
    reaction: Gain = Field(
        default=0.0,
        description="answer to our success: strength grows by this per cent for every per cent that our share of the "
        "market's people (seen customers, not lapsed) stands above the start's, and shrinks likewise; 0: none",
    )
    most: Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)] = Field(
        default=2.0, description="a reacting rival's largest strength, in multiples of strength; 2: assumed"
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        strongest = self.strength * (self.most if self.reaction else 1)
        if self.route != "defection" and strongest > 1:
            raise ValueError(f"strength on '{self.route}' is a share taken away: expected at most 1, got {strongest:g}")
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"expected end after start, got {self.start} and {self.end}")
        return self


class Shock(Model):
    """Something that happens to the market on a given date: a recession, an outage, a salesperson who leaves."""

    name: str = Field(description="what the event is called in texts and reports")
    start: Annotated[int, Field(ge=0)] = Field(description="first period")
    end: int | None = Field(default=None, description="first period without it; none: stays")
    route: Literal["awareness", "acquisition", "defection", "purchase rate", "satisfaction", "employee", "turnover"] = (
        Field(description="what it acts on; says the unit of size")
    )
    size: Finite = Field(
        description="awareness, acquisition, defection, purchase rate: times 1+size; satisfaction: added to the chance "
        "of a level up (less: down); employee: points per period; turnover: chance added per tie"
    )
    segments: tuple[str, ...] = Field(default=(), description="segments it hits; none named: all")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.route in ("awareness", "acquisition", "defection", "purchase rate") and self.size < -1:
            raise ValueError(f"size {self.size:g} on '{self.route}' would turn it negative: expected at least -1")
        if self.route in ("acquisition", "defection", "purchase rate") and self.size > MOST_SHOCK:
            raise ValueError(
                f"size {self.size:g} on '{self.route}' is times {1 + self.size:g}: expected at most {MOST_SHOCK:g}"
                + meant(self.size)
            )
        if self.route == "employee" and abs(self.size) > 100:
            raise ValueError(f"size {self.size:g} on 'employee' is points a period: expected -100 to 100")
        if self.route == "turnover" and not 0 <= self.size <= 1:
            raise ValueError(f"size {self.size:g} on 'turnover' is a chance: expected 0 to 1")
        if self.route == "satisfaction" and not -1 <= self.size <= 1:
            raise ValueError(f"size {self.size:g} on 'satisfaction' shifts a chance: expected -1 to 1")
        if self.route == "employee" and self.segments:
            raise ValueError("employee satisfaction is one thing for the whole firm: no segments")
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"expected end after start, got {self.start} and {self.end}")
        return self
