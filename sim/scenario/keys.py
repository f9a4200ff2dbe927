"""The keys of a scenario file: each with its unit and, where it has a default, why that default."""

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from sim.scenario.bonds import Categories, Club, Links
from sim.scenario.curves import Gain, Label, Model, Share
from sim.scenario.customers import Base, CostToServe, ExplicitChain, Partner, Segment, Thresholds
from sim.scenario.feelings import Employees, Satisfaction, Survey
from sim.scenario.market import Competitor, Lever, Shock
from sim.scenario.rules import Evidence, Rules, Uncertain

__all__ = ["PERIODS_PER_YEAR", "WEEKS_PER_PERIOD", "Keys"]

WEEKS_PER_PERIOD = {"week": 1.0, "month": 365.25 / 12 / 7, "quarter": 365.25 / 4 / 7, "year": 365.25 / 7}
PERIODS_PER_YEAR = {"week": 365.25 / 7, "month": 12.0, "quarter": 4.0, "year": 1.0}


class Keys(Model):
    """What a scenario file may say, each key by itself; what fits together :mod:`sim.scenario.consistent` says."""

    name: Label = Field(min_length=1, description="what the scenario is called in tables and runs")
    currency: str = Field(default="", description="unit of money, shown in reports; default: none shown")
    period: Literal["week", "month", "quarter", "year"] = Field(default="month", description="default: planning rhythm")
    periods: Annotated[int, Field(ge=1, le=1200, strict=True)] = Field(description="horizon")
    first_day: date | None = Field(
        default=None, description="on which the first period begins; none: the day after the base's as_of, or not known"
    )
    discount_rate: Share = Field(default=0.1, description="per year; 10 %: a usual cost of capital")
    terminal: Literal["value-to-go", "none"] = Field(
        default="value-to-go", description="value after the horizon under today's spend, or none"
    )
    margin: Share = Field(default=1.0, description="margin rate on revenue; 1: amounts are margins already")
    cost_to_serve: CostToServe = Field(default_factory=CostToServe, description="none unless stated")
    law: Literal["silent", "contractual", "renewal"] = Field(
        default="silent",
        description="silent: leaving is not seen (default, the usual shop); contractual: leaving is seen at once; "
        "renewal: seen too, and every survivor of a period pays once",
    )
    loss: Share = Field(default=0.0, description="silently gone customers lost for good, per period; 0: none")
    stages: Thresholds = Field(
        default_factory=Thresholds, description="when a customer counts as core, declining or lapsed; default: as there"
    )
    base: Base | None = Field(default=None, description="a firm's real customers; none: synthetic segments only")
    segments: dict[Label, Segment] = Field(
        default_factory=dict, description="groups of customers and people to win, by name; none: the base's only"
    )
    levers: dict[Label, Lever] = Field(
        default_factory=dict, description="marketing instruments, by name; at least one unless there is a chain"
    )
    chain: ExplicitChain | None = Field(default=None, description="a chain in place of the lifecycle")
    satisfaction: Satisfaction | None = Field(default=None, description="of customers; none: not in the model")
    employees: Employees | None = Field(default=None, description="their satisfaction; none: not in the model")
    links: Links | None = Field(default=None, description="ties to the firm; none: not in the model")
    categories: Categories | None = Field(
        default=None, description="categories that customers buy one by one; none: one, as ever"
    )
    club: Club | None = Field(default=None, description="members by grade, with rewards; none: not in the model")
    partner: Partner | None = Field(
        default=None, description="purchases through a partner at a commission; none: all come direct"
    )
    word_of_mouth: Gain | dict[str, dict[str, Gain]] = Field(
        default=0.0,
        description="by how much chances of awareness and winning rise (a share) per net promoter share of 1 above the "
        "data's; a number: from all customers to everybody; or {to segment: {from segment: number}}; 0: none",
    )
    share_of_customer: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="our part of customers' purchases in the category today; none: not in the model"
    )
    survey: Survey | None = Field(default=None, description="of satisfaction; none: the firm never asks")
    seasons: tuple[Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)], ...] = Field(
        default=(), description="purchase rate by period of the season, from the first period on, relative to its mean"
    )
    competitors: tuple[Competitor, ...] = Field(default=(), description="rivals who act on the market; default: none")
    shocks: tuple[Shock, ...] = Field(
        default=(), description="what happens to the market on given dates; default: none"
    )
    rules: Rules = Field(default_factory=Rules, description="what a plan must keep to; default: as there")
    uncertain: tuple[Uncertain, ...] = Field(
        default=(), description="numbers of this file that are not known, with their ranges; for risk"
    )
    evidence: tuple[Evidence, ...] = Field(
        default=(), description="where curves come from, as `tenure learn` found; none: all are as answered here"
    )
    folder: Path = Field(default=Path(), exclude=True, description="where the file was; set by load")

    @property
    def base_segments(self) -> tuple[str, ...]:
        """Return the names of the segments of real customers; none without a base."""
        return () if self.base is None else self.base.segment_names

    @property
    def begins(self) -> date | None:
        """Return the day on which the first period begins; None where that is not known."""
        return self.first_day if self.base is None else self.base.as_of + timedelta(days=1)
