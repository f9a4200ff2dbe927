"""The part of a scenario that describes customers: traits, satisfaction, links, money, a chain of their own.

Every field carries its unit and, where it has a default, why that default.
"""

import itertools
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from sim.scenario.curves import Finite, Fraction, Model, NotNegative, Positive, Share, Times, refuse_part_sums
from sim.scenario.feelings import ValueToCustomer
from sim.scenario.people import Births, Diffusion, Established, Growth, Heads

__all__ = [
    "BASE_SEGMENTS",
    "CUSTOMER_STAGES",
    "STAGES",
    "TIERS",
    "Base",
    "BaseSegments",
    "CostToServe",
    "ExplicitAction",
    "ExplicitChain",
    "Gamma",
    "GammaGamma",
    "ParetoNBD",
    "Partner",
    "Quality",
    "Segment",
    "Stage",
    "Thresholds",
    "Traits",
]

Stage = Literal["unaware", "prospect", "new", "developing", "core", "declining", "lapsed"]
STAGES: tuple[str, ...] = get_args(Stage)
UNSEEN, CUSTOMER_STAGES = STAGES[:2], STAGES[2:]
TIERS = ("low", "middle", "high")
BASE_SEGMENTS = ("platinum", "gold", "silver A", "silver B", "silver C", "develop", "optimise")

MOST_RATE, MOST_MONEY = 1e6, 1e12
"""Largest mean rate per period and largest mean amount of a purchase."""
Rate = Annotated[float, Field(ge=0, le=MOST_RATE, allow_inf_nan=False)]
MOST_LEAVING = 7.0
"""Chance rate of leaving: with it one of 1,000 customers stays a period."""
Leaving = Annotated[float, Field(ge=0, le=MOST_LEAVING, allow_inf_nan=False)]
Amount = Annotated[float, Field(gt=0, le=MOST_MONEY, allow_inf_nan=False)]


class Gamma(Model):
    """A gamma distribution over customers, mean ``shape/rate``."""

    shape: Annotated[float, Field(ge=1e-3, le=1e6, allow_inf_nan=False)] = Field(
        description="heterogeneity: small is very mixed"
    )
    rate: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] = Field(description="in periods")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.shape / self.rate > MOST_RATE:
            raise ValueError(f"expected a mean, shape/rate, of at most {MOST_RATE:g}, got {self.shape / self.rate:g}")
        return self


class GammaGamma(Model):
    """Spend per purchase over customers: ``z = p/nu, nu ~ Gamma(q, gamma)`` (Fader, Hardie & Lee 2005)."""

    p: Positive = Field(description="shape of one purchase's amount around the customer's mean")
    q: Annotated[float, Field(gt=1, allow_inf_nan=False)] = Field(
        description="shape over customers; above 1 so that a mean exists"
    )
    gamma: Positive = Field(description="scale, money")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        mean = self.p * self.gamma / (self.q - 1)
        if mean > MOST_MONEY:
            raise ValueError(f"expected a mean, p gamma/(q - 1), of at most {MOST_MONEY:g}, got {mean:g}")
        return self


class ParetoNBD(Model):
    """Purchase rate ``Gamma(r, alpha)``, defection rate ``Gamma(s, beta)``, per WEEK, as calibrated."""

    r: Positive = Field(description="shape of the purchase rate")
    alpha: Positive = Field(description="rate of the purchase rate, weeks")
    s: Positive = Field(description="shape of the defection rate")
    beta: Positive = Field(description="rate of the defection rate, weeks")


class Traits(Model):
    """How customers of a segment differ; a plain number means that they do not."""

    purchase_rate: Gamma | Rate = Field(description="purchases per period while a customer")
    defection_rate: Gamma | Leaving = Field(description="chance rate of leaving, per period")
    spend: GammaGamma | Amount = Field(description="money per purchase")

    @model_validator(mode="after")
    def _stays_a_while(self) -> Self:
        rate = self.defection_rate
        if isinstance(rate, Gamma) and rate.shape / rate.rate > MOST_LEAVING:
            raise ValueError(
                f"defection_rate: expected a mean, shape/rate, of at most {MOST_LEAVING:g} per period, got "
                f"{rate.shape / rate.rate:g}: of 1,000 customers not one would stay a period"
            )
        return self

    @property
    def payment(self) -> float:
        """Return what customers usually pay a period: mean rate times mean amount."""
        rate, spend = self.purchase_rate, self.spend
        mean = rate.shape / rate.rate if isinstance(rate, Gamma) else rate
        return mean * (spend.p * spend.gamma / (spend.q - 1) if isinstance(spend, GammaGamma) else spend)


class Thresholds(Model):
    """When a customer counts as core, declining, lapsed."""

    core: Annotated[int, Field(ge=2, le=12)] = Field(default=4, description="purchases; 4: the model's usual")
    declining: Annotated[int, Field(ge=1, le=36)] = Field(default=3, description="silent periods; 3 months: a season")
    lapsed: Annotated[int, Field(ge=2, le=36)] = Field(default=6, description="silent periods; 6 months: half a year")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.declining >= self.lapsed:
            raise ValueError(f"expected declining < lapsed, got {self.declining} and {self.lapsed}")
        return self


class ExplicitAction(Model):
    """One action of a chain given by the scenario."""

    spend: NotNegative = Field(description="money per customer per period")
    moves: tuple[tuple[Share, ...], ...] = Field(description="row: state now; column: state next; rows sum to 1")
    reward: tuple[Finite, ...] = Field(description="money earned per customer by state, before marketing")


class ExplicitChain(Model):
    """A chain of the user's own in place of the lifecycle."""

    states: tuple[str, ...] = Field(min_length=1, description="names of the states, all observed")
    lever: str = Field(default="marketing", description="name of the one lever; default: plain")
    actions: tuple[ExplicitAction, ...] = Field(min_length=1, description="what can be done, by rising spend")
    reference: Annotated[int, Field(ge=0)] = Field(default=0, description="which action is as today; default: first")
    targets: tuple[str, ...] | None = Field(default=None, description="states money can be spent on; none: all")
    gone: tuple[str, ...] = Field(default=(), description="states of those who are no longer customers; default: none")

    @property
    def levers(self) -> tuple[str, ...]:
        """Return the name of what money is put into: one lever, or where there are several actions one for each."""
        if len(self.actions) < 3:
            return (self.lever,)
        return tuple(f"{self.lever} {number + 1}" for number in range(1, len(self.actions)))


class CostToServe(Model):
    """What customers cost beside marketing; some are worth less than nothing."""

    per_customer: NotNegative = Field(default=0.0, description="money per true customer per period; 0: none stated")
    per_purchase: NotNegative = Field(default=0.0, description="money per purchase; 0: in the margin already")


class Quality(Model):
    """A kind of prospect: market traits, needs and credit set the odds of winning, later value and bad debt."""

    share: Annotated[float, Field(gt=0, le=1)] = Field(description="share of the segment's people; all add up to 1")
    acquisition: Times = Field(default=1.0, description="times the chance of winning; 1: as the segment")
    acquisition_by_money: Times | None = Field(
        default=None, description="times what money adds to the chance of winning; none: as acquisition"
    )
    purchase_rate: Times = Field(default=1.0, description="times the purchase rate; 1: as the segment")
    spend: Times = Field(default=1.0, description="times money per purchase; 1: as the segment")
    cost_to_serve: Times = Field(default=1.0, description="times the cost to serve; 1: as the segment")
    bad_debt: Share = Field(default=0.0, description="share of revenue never paid; 0: everybody pays")

    @property
    def by_money(self) -> float:
        """Return what multiplies that part of the chance of winning that money adds."""
        return self.acquisition if self.acquisition_by_money is None else self.acquisition_by_money


class Partner(Model):
    """Purchases that come through a partner, who keeps a commission."""

    share: Share = Field(description="part of what customers buy that comes through the partner today")
    commission: Fraction = Field(description="part of what customers pay there that the partner keeps")


class Segment(Model):
    """Customers managed as one group. For a segment of the base, only what differs from the scenario."""

    start: dict[str, Heads | Established | Annotated[tuple[Established, ...], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="head counts at the start by stage (or a chain's states); of customers also how long they are "
        "kept already, or several such",
    )
    births: dict[Literal["unaware", "prospect"], Births] = Field(
        default_factory=dict, description="people who appear per period, at its end; none"
    )
    diffusion: Diffusion | None = Field(default=None, description="winning that spreads by itself; none: levers' alone")
    growth: Growth | None = Field(default=None, description="what customers who are kept bring more; none: nothing")
    traits: Traits | None = Field(default=None, description="needed unless the segment comes from the base")
    quality: tuple[Quality, ...] = Field(default=(), description="kinds of prospects; none: all alike")
    value_to_customer: ValueToCustomer | None = Field(default=None, description="gain less cost; none: not stated")
    margin: Share | None = Field(default=None, description="margin rate; none: as the scenario")
    cost_to_serve: CostToServe | None = Field(default=None, description="none: as the scenario")
    loss: Share | None = Field(default=None, description="silently gone lost for good, per period; none: as scenario")
    share_of_customer: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="our part of its customers' purchases in what they buy from us; none: as scenario"
    )
    partner: Partner | None = Field(default=None, description="purchases through a partner; none: as the scenario")
    stages: Thresholds | None = Field(default=None, description="thresholds; none: as the scenario")
    actions: tuple[ExplicitAction, ...] | None = Field(default=None, description="chain only; none: as the chain")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.quality:
            refuse_part_sums("quality", tuple(kind.share for kind in self.quality))
        for stage in UNSEEN:
            if not isinstance(self.start.get(stage, 0.0), int | float):
                raise ValueError(f"start.{stage}: expected a number; nobody there has been a customer")
        return self

    @property
    def payment(self) -> float | None:
        """Return what customers usually pay a period, over all kinds of prospects; None without traits."""
        if self.traits is None or not self.quality:
            return None if self.traits is None else self.traits.payment
        each = sum(kind.share * kind.purchase_rate * kind.spend for kind in self.quality)
        return self.traits.payment * each / sum(kind.share for kind in self.quality)

    @property
    def standing(self) -> list[tuple[str, Established]]:
        """Return who is there at the start: stage, and how many with what is said of them."""
        out = []
        for stage, given in self.start.items():
            many = given if isinstance(given, tuple) else (given,)
            out += [(stage, each if isinstance(each, Established) else Established(count=each)) for each in many]
        return out

    @property
    def heads(self) -> dict[str, float]:
        """Return how many are there at the start, by stage."""
        out = dict.fromkeys(self.start, 0.0)
        for stage, each in self.standing:
            out[stage] += each.count
        return out


MATRICES: Mapping[str, str] = {
    "value-loyalty": "much and loyal, much, loyal, neither",
    "value-response": "much and responding, much, responding, neither",
    "direct-indirect": "directly and indirectly, directly, indirectly, neither",
}
"""Segments by two cut-offs, and which four they are in their order."""


class BaseSegments(Model):
    """Segments of a base by the firm's own means, in place of cycle x amount."""

    by: Literal[
        "column", "sql", "file", "recency-frequency-money", "value", "value-loyalty", "value-response",
        "direct-indirect",
    ] = Field(
        description="column: of the base's table customers; sql: a SELECT of id and segment, or an expression; file: "
        "of id and segment; or by cutoffs"
    )  # fmt: skip
    names: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        min_length=1, description="the segments; by cutoffs: in their order"
    )
    column: str | None = Field(
        default=None,
        description="with by: column; with by: direct-indirect what says whom customers bring, referrals (the table) "
        "or a column such as customers.referred_by; none otherwise",
    )
    sql: str | None = Field(default=None, description="with by: sql; none otherwise")
    file: str | None = Field(default=None, description="with by: file, beside the scenario; none otherwise")
    other: str | None = Field(
        default=None, description="which of the names holds those in no other; none: there must be nobody"
    )
    cutoffs: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] = Field(
        default=(),
        description="recency-frequency-money: weeks, purchases, money; value: expected money of the next year, "
        "falling; value-loyalty: money a year while a customer, P(alive); value-response: that money, share of "
        "contacts that something followed; direct-indirect: that money, customers brought a year or a survey's points",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for key in ("column", "sql", "file"):
            given = getattr(self, key)
            needed = self.by == key or (self.by, key) == ("direct-indirect", "column")
            if (given is None or not given.strip()) == needed or (given is not None and not needed):
                raise ValueError(f"{key}: " + ("missing" if needed else f"has no meaning with by: {self.by}"))
        if len(set(self.names)) < len(self.names):
            raise ValueError("names: each name once")
        if self.other is not None and self.other not in self.names:
            raise ValueError(f"other: expected one of the names, got '{self.other}'")
        wanted = {"recency-frequency-money": 3, "value": len(self.names) - 1, **dict.fromkeys(MATRICES, 2)}.get(
            self.by, 0
        )
        if len(self.cutoffs) != wanted:
            raise ValueError(f"cutoffs: expected {wanted} with by: {self.by}, got {len(self.cutoffs)}")
        if self.by == "recency-frequency-money" and len(self.names) != 8:
            raise ValueError(f"names: expected 8 (recent or not, often or not, much or not), got {len(self.names)}")
        cells = MATRICES.get(self.by)
        rest = cells is not None and self.by != "value-loyalty" and self.other is not None
        if cells is not None and (len(self.names) != 4 + rest or (rest and self.other != self.names[-1])):
            more = "" if self.by == "value-loyalty" else ", and with `other:` those it is not known of as the last"
            raise ValueError(f"names: expected 4 ({cells}){more}, got {len(self.names)}")
        if self.by == "value" and any(after >= before for before, after in itertools.pairwise(self.cutoffs)):
            raise ValueError("cutoffs: expected falling money, the most valuable first")
        return self


class SegmentLaws(Model):
    """What is fitted to the customers of a segment of the base alone."""

    pareto_nbd: ParetoNBD | None = Field(default=None, description="its law of purchases and leaving; none: of all")
    gamma_gamma: GammaGamma | None = Field(default=None, description="its law of the money per purchase; none: of all")


class Base(Model):
    """A firm's real customers, each an agent with its own posterior."""

    file: str = Field(description="customer base made by `tenure calibrate` or `tenure demo`, beside the scenario")
    as_of: date = Field(lt=date(9999, 1, 1), description="last day of purchases that are used")
    pareto_nbd: ParetoNBD = Field(description="calibrated law of purchases and leaving, per week")
    gamma_gamma: GammaGamma = Field(description="calibrated law of the money per purchase")
    conditions: tuple[Positive, ...] = Field(
        default=(), description="how busy each period to as_of was, oldest first, the first for all before; the law's "
        "weeks run by it; none: all alike",
    )  # fmt: skip
    cycle_cutoffs: tuple[Positive, Positive] = Field(description="short/medium and medium/long purchase cycle, weeks")
    amount_cutoffs: tuple[Positive, Positive] = Field(description="small/medium and medium/large amount, money")
    segments: BaseSegments | None = Field(default=None, description="the firm's own; none: the seven of cycle x amount")
    by_segment: dict[str, SegmentLaws] = Field(
        default_factory=dict, description="laws of segments that have their own; none: all have those above"
    )

    @model_validator(mode="after")
    def _known_segments(self) -> Self:
        for name in self.by_segment:
            if name not in self.segment_names:
                raise ValueError(f"by_segment: '{name}' is no segment of the base: {', '.join(self.segment_names)}")
        return self

    def laws_of(self, segment: str) -> tuple[ParetoNBD, GammaGamma]:
        """Return the laws of a segment's customers."""
        own = self.by_segment.get(segment, SegmentLaws())
        return own.pareto_nbd or self.pareto_nbd, own.gamma_gamma or self.gamma_gamma

    @property
    def segment_names(self) -> tuple[str, ...]:
        """Return the names of the base's segments."""
        return BASE_SEGMENTS if self.segments is None else self.segments.names
