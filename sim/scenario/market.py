"""The part of a scenario that acts on customers: levers, competitors, shocks.

Every field carries its unit and, where it has a default, why that default.
"""

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from sim.scenario.curves import Curve, Finite, Gain, Label, Model, NotNegative, Positive, Share
from sim.scenario.customers import CUSTOMER_STAGES, Stage
from sim.scenario.meant import meant
from sim.scenario.of_late import OfLate

__all__ = ["EFFECT_STAGES", "Competitor", "Effect", "Lever", "LeverInSegment", "RivalPrice", "Route", "Shock"]

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
    "leaving",
    "annoyance",
    "links_desk",
    "links_managers",
    "links_experts",
    "knowledge",
    "cross_buying",
    "club",
    "direct",
]
Route = Literal["defection", "acquisition", "share of customer"]
Pays = Literal["budget", "price", "charge", "service"]
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
    "leaving": CUSTOMER_STAGES,
    "annoyance": CUSTOMER_STAGES,
    "links_desk": CUSTOMER_STAGES,
    "links_managers": CUSTOMER_STAGES,
    "links_experts": CUSTOMER_STAGES,
    "knowledge": CUSTOMER_STAGES,
    "cross_buying": CUSTOMER_STAGES,
    "club": CUSTOMER_STAGES,
    "direct": ("prospect", *CUSTOMER_STAGES),
}
PAID_STAGES: dict[str, tuple[str, ...]] = {
    "price": ("prospect", *CUSTOMER_STAGES),
    "charge": CUSTOMER_STAGES,
    "service": CUSTOMER_STAGES,
}
"""Where terms can be changed: prices for all who buy, charges and service for customers."""
GAINS = ("purchase_rate", "amount")
HARMS = ("annoyance", "leaving")
"""What money does to customers that they would rather be spared."""
MOST_SHOCK = 9.0
"""Largest share by which anything may grow: tenfold."""
FREE = ("preference", "employee")
"""Effects whose curve is not a chance: points of utility, points of employee satisfaction."""


INSTEAD = {
    "amount": "a cut in price takes its whole amount off the profit, and not only the margin on it; write "
    "`pays: price` for the lever, `spend` as money a head and period that customers no longer pay, and leave 'amount' "
    "out",
    "survival": "write 'leaving', the chance a period that customers leave because of it, from 0 without money on",
    "satisfaction": "write 'annoyance', the share of customers a period that loses a level because of it",
}
"""What to write in place of answers that fall."""


def _falls(curve: Any) -> bool:
    """Return whether the answers of a curve, not yet checked, fall with money."""
    keys = ("without_money", "brings", "unlimited_money")
    answers = [curve.get(key) for key in keys] if isinstance(curve, dict) else []
    known = [float(each) for each in answers if isinstance(each, int | float)]
    return len(known) > 1 and all(after < before for before, after in pairwise(known))


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
    pays: Pays = Field(
        default="budget",
        description="what its money is: budget: marketing money, the default; price: what customers no longer pay, "
        "which may win prospects and keep customers, each where it can; charge: what true customers pay on top; "
        "service: cost to serve true customers on top; of these three none comes out of the budget",
    )
    reach: Share = Field(default=1.0, description="part of the target that can be addressed; default: everybody")
    misses: dict[Stage, Share] = Field(
        default_factory=dict,
        description="false care: by stage the share of customers whose need it misses, as the firm does not know them; "
        "they bear its annoyance and leaving, the others alone what else it moves; none: everybody has both",
    )
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
    spills_over: dict[str, dict[str, Share]] = Field(
        default_factory=dict,
        description="{to segment: {from segment: share}}: of its money in one segment, the part that works in a "
        "similar one as if it had been spent there; none: nothing",
    )
    cost_per_contact: Positive | None = Field(
        default=None, description="money of one contact, for rules.contacts; none: not counted as contact"
    )
    most: Positive | None = Field(
        default=None, description="money a head and period at most: a rule of one's own; none: no limit"
    )
    by_segment: dict[str, LeverInSegment] = Field(default_factory=dict, description="what differs by segment")
    of_late: OfLate | None = Field(
        default=None, description="what its money of earlier periods does now; none: nothing"
    )

    def missed(self, stage: str) -> float:
        """Return the share of a stage's customers whose need it misses."""
        return next((share for name, share in self.misses.items() if name == stage), 0.0)

    @model_validator(mode="before")
    @classmethod
    def _no_fall(cls, given: Any) -> Any:
        """Say of answers that fall with money what states that they do."""
        if isinstance(given, dict):
            overrides = given.get("by_segment")
            parts = [given, *(overrides.values() if isinstance(overrides, dict) else ())]
            for moves in (part.get("moves") for part in parts if isinstance(part, dict)):
                for effect, curve in moves.items() if isinstance(moves, dict) else ():
                    if effect in INSTEAD and _falls(curve):
                        raise ValueError(f"'{effect}' falls as money rises: {INSTEAD[effect]}")
        return given

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for effect in self.moves:
            outside = [stage for stage in self.targets if stage not in EFFECT_STAGES[effect]]
            if outside and not (self.pays == "price" and set(EFFECT_STAGES[effect]) & set(self.targets)):
                raise ValueError(
                    f"'{effect}' cannot be moved in stage '{outside[0]}'; it can in {', '.join(EFFECT_STAGES[effect])}"
                )
        if self.spills_over and "employee" in self.moves:
            raise ValueError("spills_over: 'employee' is one thing for the whole firm already; remove spills_over")
        if any(to in row for to, row in self.spills_over.items()):
            raise ValueError("spills_over: from a segment to itself is no spill-over; name another segment")
        self._check_misses()
        self._check_terms()
        self._check_of_late()
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
            if effect == "leaving" and (reference != 0 or curve.without_money != 0 or curve.unlimited_money == 1):
                raise ValueError(
                    "'leaving' comes on top of what the data show: expected a reference of 0, without_money 0 and a "
                    f"highest chance below 1, got {reference:g}, {curve.without_money:g} and {curve.unlimited_money:g}"
                )
        return self

    def _check_misses(self) -> None:
        """Raise where care is said to miss whom it is not for, or to do nothing then, or nothing else."""
        if not self.misses:
            return
        for stage in self.misses:
            if stage not in self.targets or stage not in CUSTOMER_STAGES:
                there = ", ".join(each for each in self.targets if each in CUSTOMER_STAGES) or "none of its targets"
                raise ValueError(f"misses.{stage}: it is not for customers in that stage; expected {there}")
        if not set(HARMS) & set(self.moves):
            raise ValueError(
                "misses: says nothing of what care that misses the need does: expected 'annoyance' or 'leaving' among "
                "its moves"
            )
        if not set(self.moves) - {*HARMS, "employee"}:
            raise ValueError(
                "misses: is of care that does good where it meets the need: expected another effect beside "
                f"{' and '.join(each for each in HARMS if each in self.moves)}"
            )
        if self.pays != "budget":
            raise ValueError(f"misses: is of offers and care, and pays: {self.pays} changes terms for all; remove it")

    def _check_terms(self) -> None:
        """Raise where a lever that changes terms says what only a lever of the budget can, or leaves out its end."""
        if self.pays == "budget":
            return
        outside = [stage for stage in self.targets if stage not in PAID_STAGES[self.pays]]
        if outside:
            raise ValueError(
                f"pays: {self.pays} cannot be in stage '{outside[0]}'; it can in {', '.join(PAID_STAGES[self.pays])}"
            )
        for key, given in (
            ("saturation", self.saturation),
            ("cost_per_contact", self.cost_per_contact),
            ("spills_over", self.spills_over or None),
            ("moves: employee", self.moves.get("employee")),
        ):
            if given is not None:
                raise ValueError(f"pays: {self.pays} spends no marketing money, and {key} is about that; remove it")
        if self.pays == "charge":
            if self.most is None:
                raise ValueError("pays: charge needs `most:`, the highest charge a head and period that you consider")
            today = [
                self.reference,
                self.committed or 0.0,
                *(each.reference or 0.0 for each in self.by_segment.values()),
            ]
            if max(today) > self.most:
                raise ValueError(
                    f"pays: charge is {max(today):g} today, above `most: {self.most:g}`; state a higher most"
                )
            if not {"leaving", "annoyance"} & set(self.moves):
                raise ValueError(
                    "pays: charge brings money whatever it does: expected 'leaving' or 'annoyance' among its moves"
                )

    def _check_of_late(self) -> None:
        """Raise where what was spent of late is said to do what the lever cannot."""
        late = self.of_late
        if late is None:
            return
        if late.pulled_forward and "purchase_rate" not in self.moves:
            raise ValueError(
                "of_late.pulled_forward: is of purchases that it adds: expected 'purchase_rate' among its moves"
            )
        if late.drives_away and not set(CUSTOMER_STAGES) & set(self.targets):
            raise ValueError(f"of_late.drives_away: only customers leave; expected one of {', '.join(CUSTOMER_STAGES)}")
        if self.pays != "budget" and (late.carry_over or late.fatigue):
            raise ValueError(
                f"pays: {self.pays} is what customers pay or cost now, and carry_over and fatigue are of what works; "
                "remove them from of_late"
            )


MOST_CUT, STEEPEST = 0.95, 20.0
"""Largest share that a rival takes off its price, as we off ours; and the largest elasticity."""


class RivalPrice(Model):
    """A rival's own price: what counts is ours against it, each relative to what it was in the data."""

    cut: Annotated[float, Field(gt=-10, le=MOST_CUT, allow_inf_nan=False)] = Field(
        description="share by which it is lower than when the data were gathered; below 0: dearer"
    )
    defection: Annotated[float, Field(ge=0, le=STEEPEST)] = Field(
        default=0.0, description="elasticity: the defection rate is multiplied by (our price / its price)^it; 0: none"
    )
    acquisition: Annotated[float, Field(ge=0, le=STEEPEST)] = Field(
        default=0.0, description="elasticity: the chance of winning by (its price / our price)^it; 0: none"
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.defection or self.acquisition):
            raise ValueError("states nothing that follows: expected defection or acquisition above 0")
        return self


class Competitor(Model):
    """A rival who acts through one route or several from a given period on, on schedule or in answer to our share."""

    name: Label = Field(description="what the rival is called in texts and reports")
    start: Annotated[int, Field(ge=0)] = Field(description="first period")
    end: int | None = Field(default=None, description="first period without it; none: stays")
    route: Route | Annotated[tuple[Route, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="what it acts on: customers leaving, prospects won, or our part of customers' purchases; or a list "
        "of these; none: its price alone",
    )
    strength: Gain | dict[Route, Gain] | None = Field(
        default=None,
        description="defection rate times 1+strength; acquisition chance times 1-strength; share of customer: the part "
        "of our purchases it takes where we are no more attractive than today; one for all routes, or one by route",
    )
    price: RivalPrice | None = Field(default=None, description="its price and what follows from it; none: not stated")
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
        routes = (self.route,) if isinstance(self.route, str) else self.route or ()
        if (self.route is None) != (self.strength is None):
            raise ValueError(f"{'route' if self.route is None else 'strength'}: missing; what it acts on and how much")
        if not routes and self.price is None:
            raise ValueError("states nothing that follows: expected route and strength, or price")
        if self.price is not None and self.price.cut * (self.most if self.reaction else 1) > MOST_CUT:
            most = f"{self.price.cut * self.most:g}; expected at most {MOST_CUT:g}"
            raise ValueError(f"price.cut: with its reaction up to {most}")
        if len(set(routes)) < len(routes):
            raise ValueError(f"route: each once, got {', '.join(routes)}")
        if isinstance(self.strength, dict) and set(self.strength) != set(routes):
            raise ValueError(
                f"strength: expected one for each route, {', '.join(routes)}; got {', '.join(self.strength) or 'none'}"
            )
        for route, strength in self.strengths.items():
            strongest = strength * (self.most if self.reaction else 1)
            if route != "defection" and strongest > 1:
                raise ValueError(f"strength on '{route}' is a share taken away: expected at most 1, got {strongest:g}")
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"expected end after start, got {self.start} and {self.end}")
        return self

    @property
    def strengths(self) -> dict[Route, float]:
        """Return the strength by route."""
        if self.strength is None or isinstance(self.strength, dict):
            return self.strength or {}
        return dict.fromkeys((self.route,) if isinstance(self.route, str) else self.route or (), self.strength)


class Shock(Model):
    """Something that happens to the market on a given date: a recession, an outage, a salesperson who leaves."""

    name: Label = Field(description="what the event is called in texts and reports")
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
