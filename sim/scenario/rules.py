"""The part of a scenario that every plan must keep to: budgets, floors and caps of slices, people, profit, contacts.

Every field carries its unit and, where it has a default, why that default. What they mean in arrays is in
:mod:`optimizer.ask.kinds`.
"""

from collections.abc import Iterable
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from sim.scenario.curves import Gain, Model, NotNegative, Positive, Share
from sim.scenario.meant import meant

__all__ = [
    "RULES",
    "Campaign",
    "Evidence",
    "LeverRule",
    "LinearRule",
    "Part",
    "PeopleRule",
    "Rules",
    "SliceRule",
    "Stretches",
    "Uncertain",
]

Name = Annotated[str, Field(min_length=1)]
Period = Annotated[int, Field(ge=0)]
MOST_OF_START = 10.0
Money = Annotated[float, Field(ge=0, le=1e18)]
Tier = Literal["low", "middle", "high", "unknown"]


class LeverRule(Model):
    """Bounds on one lever's money over the horizon."""

    floor: Share = Field(default=0.0, description="at least this share of the budget; default: none")
    cap: Share = Field(default=1.0, description="at most this share of the budget; default: none")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.floor > self.cap:
            raise ValueError(f"the floor {self.floor:g} is above the cap {self.cap:g}")
        return self


class Stretches(Model):
    """Budgets of months, quarters or years inside the horizon."""

    every: Annotated[int, Field(ge=1)] = Field(description="periods in one stretch")
    amounts: tuple[Money, ...] | None = Field(
        default=None, description="money of each stretch; none: equal parts of the budget by length"
    )
    carry_over: bool = Field(default=False, description="what is left may be spent later; default: it lapses")


class SliceRule(Model):
    """Bounds on the money of some segments, tiers, stages, levers and periods."""

    segments: tuple[Name, ...] = Field(default=(), description="none named: all")
    tiers: tuple[Tier, ...] = Field(default=(), description="none named: all")
    stages: tuple[Name, ...] = Field(default=(), description="none named: all")
    levers: tuple[Name, ...] = Field(default=(), description="none named: all")
    start: Period = Field(default=0, description="first period")
    end: Annotated[int, Field(ge=1)] | None = Field(default=None, description="first period after it; none: the end")
    each: Literal["horizon", "period"] = Field(
        default="horizon", description="whether bounds hold for the sum over its periods (default) or in each of them"
    )
    floor: Money | None = Field(default=None, description="at least this money")
    cap: Money | None = Field(default=None, description="at most this money")
    floor_share: Share | None = Field(default=None, description="at least this share of the money spent in its periods")
    cap_share: Share | None = Field(default=None, description="at most this share of the money spent in its periods")
    within: Gain | None = Field(
        default=None, description="within this share, up or down, of what today's spend would cost there"
    )
    ramp: Gain | None = Field(
        default=None,
        description="from one period to the next money rises or falls by at most this share of what today spends "
        "there in a period (of the budget by period, where today spends nothing)",
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        bounds = ("floor", "cap", "floor_share", "cap_share", "within", "ramp")
        if all(getattr(self, name) is None for name in bounds):
            raise ValueError(f"states no bound; give one of {', '.join(bounds)}")
        for low, high in (("floor", "cap"), ("floor_share", "cap_share")):
            least, most = getattr(self, low), getattr(self, high)
            if least is not None and most is not None and least > most:
                raise ValueError(f"the {low} {least:g} is above the {high} {most:g}")
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"expected end after start, got {self.start} and {self.end}")
        return self


class Part(Model):
    """Part of the money, for a name in linear rules."""

    segments: tuple[Name, ...] = Field(default=(), description="none named: all")
    tiers: tuple[Tier, ...] = Field(default=(), description="none named: all")
    stages: tuple[Name, ...] = Field(default=(), description="none named: all")
    levers: tuple[Name, ...] = Field(default=(), description="none named: all")
    start: Period = Field(default=0, description="first period")
    end: Annotated[int, Field(ge=1)] | None = Field(default=None, description="first period after it; none: the end")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"expected end after start, got {self.start} and {self.end}")
        return self


class LinearRule(Model):
    """A linear rule between parts of the money, in words."""

    rule: Name = Field(
        description="of levers, segments, stages, segment/lever or parts by name, e.g. retention = 3 winback; "
        "gold/retention >= .5 of awareness + acquisition; retention + winback <= 200000"
    )
    name: Name | None = Field(default=None, description="default: the rule itself")
    each: Literal["horizon", "period"] = Field(
        default="horizon", description="whether it holds for the sum over its periods (default) or in each of them"
    )
    start: Period = Field(default=0, description="first period")
    end: Annotated[int, Field(ge=1)] | None = Field(default=None, description="first period after it; none: the end")
    parts: dict[Name, Part] = Field(default_factory=dict, description="names of its own for parts of the money")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return {"rule": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"expected end after start, got {self.start} and {self.end}")
        return self

    def parts_by_name(
        self, levers: Iterable[str], segments: Iterable[str], stages: Iterable[str]
    ) -> dict[str, Part | None]:
        """Return what each name stands for that the rule may use; None: for two things.

        Levers, segments, stages, ``segment/lever``, and its own parts, which go before.
        """
        found: dict[str, Part | None] = {}
        named = [(lever, Part(levers=(lever,))) for lever in levers]
        named += [(segment, Part(segments=(segment,))) for segment in segments]
        named += [(stage, Part(stages=(stage,))) for stage in stages]
        named += [(f"{s}/{k}", Part(segments=(s,), levers=(k,))) for s in segments for k in levers]
        for name, part in named:
            found[name] = None if name in found else part
        return {**found, **self.parts}


class PeopleRule(Model):
    """Customers or satisfaction that a plan must keep, in expectation."""

    segments: tuple[Name, ...] = Field(default=(), description="none named: all")
    tiers: tuple[Tier, ...] = Field(default=(), description="none named: all")
    count: Literal["kept", "customers", "core", "satisfaction"] = Field(
        description="kept: truly still customers; customers: seen and not lapsed; core: seen as core; satisfaction: "
        "mean points 0..100 of those truly still customers"
    )
    at_least: NotNegative = Field(description="customers or points; with of_start, as a share of the start's")
    of_start: bool = Field(default=False, description="at_least is a share of what there is at the start")
    at: Period | None = Field(default=None, description="after so many periods; none: at the end of the horizon")
    each: bool = Field(default=False, description="at every period's end up to `at`, not only then")

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if self.count == "satisfaction" and not self.of_start and self.at_least > 100:
            raise ValueError(f"at_least: satisfaction is points from 0 to 100, got {self.at_least:g}")
        if self.of_start and self.at_least > MOST_OF_START:
            raise ValueError(
                f"at_least: with of_start a share of the start's, at most {MOST_OF_START:g}, got {self.at_least:g}"
                + meant(self.at_least, 1000)
            )
        return self


class Campaign(Model):
    """What makes small campaigns not worth while: a lever's money in one segment and period."""

    least: NotNegative = Field(default=0.0, description="either nothing or at least this money; default: any money")
    fixed_cost: NotNegative = Field(
        default=0.0, description="money each such campaign costs beside, weighed by the optimiser and shown apart; none"
    )


class Uncertain(Model):
    """A number of the scenario that is not known: its range, the law in it, and with which others it moves."""

    path: Name = Field(description="where it stands, e.g. levers.retention.moves.survival.brings")
    low: float = Field(allow_inf_nan=False, description="lowest value thought possible")
    high: float = Field(allow_inf_nan=False, description="highest value thought possible")
    law: Literal["even", "normal"] = Field(
        default="even", description="even: all values alike; normal: 95 % inside, what is stated in the middle, those "
        "beyond taken as the ends",
    )  # fmt: skip
    correlated: dict[Name, Annotated[float, Field(gt=-1, lt=1)]] = Field(
        default_factory=dict, description="correlation with other uncertain numbers, by path; none: by itself"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"expected low < high, got {self.low:g} and {self.high:g}")
        return self


class Evidence(Model):
    """Where a curve comes from; its interval stands under ``uncertain``."""

    lever: Name = Field(description="whose curve")
    moves: Name = Field(description="which of its effects")
    segment: str = Field(default="", description="of which segment; none: all")
    source: Literal["answered", "measured", "both"] = Field(
        description="answered: managers' answers alone; measured: more than nine tenths of what is known is from data"
    )
    answered: tuple[str, ...] = Field(
        default=(), description="numbers that answers alone tell where data tell others; none: as `source`"
    )
    files: tuple[str, ...] = Field(
        default=(), description="digests of the files it was learned from, which are not taken twice; none: not known"
    )
    customers: Annotated[int, Field(ge=0)] = Field(default=0, description="in the data; 0: there are none")
    managers: Annotated[int, Field(ge=0)] = Field(default=0, description="who answered; 0: none")
    rows: Annotated[int, Field(ge=0)] = Field(
        default=0, description="of a history, a period of a segment each; 0: there is none"
    )
    chosen: bool = Field(
        default=False, description="the firm chose who got money: biased to those it chose; default: at random"
    )


class Rules(Model):
    """What every plan must keep to."""

    budget: Money | None = Field(default=None, description="money over the horizon; none: what today spends")
    period_share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="largest share of the budget in one period; default: no limit"
    )
    stretches: Stretches | None = Field(default=None, description="budgets inside the horizon; none: only the whole")
    levers: dict[str, LeverRule] = Field(default_factory=dict, description="floors and caps by lever")
    slices: dict[Name, SliceRule] = Field(default_factory=dict, description="bounds on any slice of the money, by name")
    linear: tuple[LinearRule, ...] = Field(
        default=(), description="ratios and weighted sums of levers, segments, stages or other parts, in words"
    )
    people: dict[Name, PeopleRule] = Field(default_factory=dict, description="customers or satisfaction to keep")
    yearly_profit: float | None = Field(
        default=None, allow_inf_nan=False, description="least profit after marketing in every year; none: any"
    )
    least_cash: float | None = Field(
        default=None, allow_inf_nan=False, description="least profit added up from the start to any period; none: any"
    )
    contacts: Positive | None = Field(
        default=None,
        description="most contacts per customer and period, over the levers that state a cost_per_contact; none: any",
    )
    campaigns: dict[str, Campaign] = Field(default_factory=dict, description="least size and fixed cost, by lever")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        floors = sum(rule.floor for rule in self.levers.values())
        if floors > 1 + 1e-12:
            raise ValueError(f"the levers' floors add up to {floors:g} of the budget; expected at most 1")
        return self


def _model_in(annotation: object) -> type[Model] | None:
    """Return the model that a key holds, one or by name; None for a number."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each)) is not None), None)


RULES: dict[str, type[Model]] = {
    key: model for key, field in Rules.model_fields.items() if (model := _model_in(field.annotation)) is not None
}
"""What stands under the keys of rules."""
