"""What binds customers to the firm, as a scenario states it: ties to its people, categories that they buy, a club.

Every field carries its unit and, where it has a default, why that default.
"""

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from sim.scenario.curves import Fraction, Label, Model, NotNegative, Share, Times, refuse_part_sums
from sim.scenario.customers import CUSTOMER_STAGES, Stage
from sim.scenario.kinds import TO_KIND, Kind

if TYPE_CHECKING:
    from sim.scenario.people import Established

__all__ = ["Categories", "Club", "LinkKind", "Links", "missing_bond", "refuse_start"]

OF_ONE_KIND = ("mix", "gain", "turnover", "follow", "defection_per_link")


class LinkKind(Model):
    """Ties to people of one kind: a customer has such a tie or has not."""

    share: Share = Field(description="share of customers with such a tie in the data, whatever others they have")
    gain: Share = Field(default=0.0, description="chance of the tie per period at the reference; 0: by levers only")
    turnover: Share = Field(
        default=0.0, description="chance per period that the person behind the tie leaves the firm; 0: none"
    )
    follow: Share = Field(
        default=1.0, description="customers with no other tie who leave with that person; 1: all, the cautious case"
    )
    defection_per_link: Fraction = Field(
        default=0.0, description="the tie lowers the defection rate by this share; 0: no effect unless stated"
    )


class Links(Model):
    """Independent ties between customer and firm: 0..3 that are alike, or one to each of several kinds of people."""

    mix: tuple[Share, Share, Share, Share] | None = Field(
        default=None, description="share of customers with 0..3 ties in the data; none: with kinds"
    )
    gain: Share = Field(default=0.0, description="chance of a tie more per period at the reference; 0: by levers only")
    turnover: Share = Field(
        default=0.0, description="chance per period that the employee behind a tie leaves and the tie is lost; 0: none"
    )
    follow: Share = Field(
        default=1.0, description="singly tied customers who leave with that employee; 1: all, the cautious case"
    )
    defection_per_link: Fraction = Field(
        default=0.0, description="a tie more lowers the defection rate by this share; 0: no effect unless stated"
    )
    kinds: dict[Kind, LinkKind] = Field(
        default_factory=dict, description="kinds of people whom customers are tied to; none: ties are all alike"
    )
    kept: Share = Field(
        default=0.0,
        description="of employees who leave, the share whose customers the firm knows well enough to keep the tie; 0: "
        "what is known leaves with them, the cautious case",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.mix is None) == (not self.kinds):
            raise ValueError("expected either mix, of ties that are all alike, or kinds")
        if self.mix is not None:
            refuse_part_sums("mix", self.mix)
        said = [key for key in OF_ONE_KIND if self.kinds and key in self.model_fields_set]
        if said:
            raise ValueError(f"{said[0]}: is each kind's own; state it there")
        return self


class Categories(Model):
    """Categories that customers buy from the firm: one by one, in the order in which they usually come to them."""

    names: Annotated[tuple[Annotated[Label, Field(min_length=1)], ...], Field(min_length=2, max_length=6)] = Field(
        description="in the order in which customers add them; who is won buys in the first"
    )
    mix: tuple[Share, ...] = Field(description="share of customers in the data who buy in one, two, ... of them")
    gain: Share = Field(default=0.0, description="chance per period to add the next, at the reference; 0: levers only")
    loss: Share = Field(
        default=0.0, description="chance per period that the customer drops a category that was added; 0: none"
    )
    purchase_rate: tuple[Times, ...] = Field(
        default=(), description="purchases of who buys in one, two, ... over those of who buys in one; none: as many"
    )
    amount: tuple[Times, ...] = Field(
        default=(), description="money per purchase likewise; none: as much whatever they buy in"
    )
    defection_per_category: Fraction = Field(
        default=0.0, description="a category more lowers the defection rate by this share; 0: no effect unless stated"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(set(self.names)) < len(self.names):
            raise ValueError("names: each name once")
        for key in ("mix", "purchase_rate", "amount"):
            given = getattr(self, key)
            if len(given) != len(self.names) and (given or key == "mix"):
                raise ValueError(f"{key}: expected {len(self.names)} numbers, one for each category, got {len(given)}")
            if key != "mix" and given and min(given) <= 0:
                raise ValueError(f"{key}: expected numbers above 0, got {min(given):g}")
        refuse_part_sums("mix", self.mix)
        return self


class Club(Model):
    """A club whose members have a grade: they rise and fall by what the firm sees of them, and rewards cost money."""

    grades: Annotated[tuple[Annotated[Label, Field(min_length=1)], ...], Field(min_length=1, max_length=5)] = Field(
        description="from the lowest up; who is won is no member"
    )
    mix: tuple[Share, ...] = Field(description="share of customers in the data by grade; the rest are no members")
    rises: dict[Stage, Share] = Field(
        default_factory=dict,
        description="by stage as seen, chance per period to join or to rise by a grade, at the reference; none: by "
        "levers only",
    )
    falls: dict[Stage, Share] = Field(
        default_factory=dict, description="by stage as seen, chance per period that a grade is lost; none: kept"
    )
    reward: tuple[NotNegative, ...] = Field(
        default=(), description="money a member costs per period by grade, which cost_to_serve leaves out; none: free"
    )
    purchase_rate: tuple[Times, ...] = Field(
        default=(), description="purchases of members by grade over those of no members; none: as many"
    )
    amount: tuple[Times, ...] = Field(default=(), description="money per purchase likewise; none: as much")
    defection_per_grade: Fraction = Field(
        default=0.0, description="a grade more lowers the defection rate by this share; 0: no effect unless stated"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(set(self.grades)) < len(self.grades):
            raise ValueError("grades: each name once")
        for key in ("mix", "reward", "purchase_rate", "amount"):
            given = getattr(self, key)
            if len(given) != len(self.grades) and (given or key == "mix"):
                raise ValueError(f"{key}: expected {len(self.grades)} numbers, one for each grade, got {len(given)}")
        if sum(self.mix) > 1 + 1e-9:
            raise ValueError(f"mix: shares by grade, of which the rest are no members, sum to {sum(self.mix):g}")
        for key in ("purchase_rate", "amount"):
            given = getattr(self, key)
            if given and 1 - sum(self.mix) < 1e-9 and not any(s * f for s, f in zip(self.mix, given, strict=True)):
                raise ValueError(f"{key}: the customers in the data would buy nothing; expected a number above 0")
        for key in ("rises", "falls"):
            for stage in getattr(self, key):
                if stage not in CUSTOMER_STAGES:
                    raise ValueError(f"{key}.{stage}: members are customers; expected {', '.join(CUSTOMER_STAGES)}")
        return self


def missing_bond(effect: str, links: Links | None, categories: Categories | None, club: Club | None = None) -> str:
    """Return what a lever's effect needs that the scenario does not state; nothing where it has it.

    Examples
    --------
    >>> missing_bond("links_experts", Links(mix=(1, 0, 0, 0)), None)
    'links.kinds.experts'
    >>> missing_bond("cross_buying", None, None), missing_bond("survival", None, None)
    ('categories', '')
    """
    if effect == "club":
        return "club" if club is None else ""
    if effect == "cross_buying":
        return "categories" if categories is None else ""
    if effect in TO_KIND:
        return f"links.kinds.{TO_KIND[effect]}" if links is None or TO_KIND[effect] not in links.kinds else ""
    if effect == "links":
        return "links.mix" if links is not None and links.mix is None else "links" if links is None else ""
    return "links" if effect == "knowledge" and links is None else ""


def refuse_start(
    where: str, each: "Established", links: Links | None, categories: Categories | None, club: Club | None
) -> None:
    """Refuse what is said of customers who are there already and the scenario does not have, or has otherwise."""
    if each.ties is not None:
        if links is None:
            raise ValueError(f"{where}.ties: needs `links:`, which the scenario does not state")
        unknown = [kind for kind in each.ties if kind not in links.kinds] if isinstance(each.ties, dict) else []
        if unknown:
            raise ValueError(f"{where}.ties.{unknown[0]}: needs `links.kinds.{unknown[0]}`")
        if isinstance(each.ties, tuple) and links.mix is None:
            raise ValueError(f"{where}.ties: expected a share by kind, such as {{{next(iter(links.kinds))}: 0.5}}")
    if each.categories is not None:
        if categories is None:
            raise ValueError(f"{where}.categories: needs `categories:`, which the scenario does not state")
        if len(each.categories) != len(categories.names):
            raise ValueError(f"{where}.categories: expected {len(categories.names)} shares, got {len(each.categories)}")
    if each.club is not None:
        if club is None:
            raise ValueError(f"{where}.club: needs `club:`, which the scenario does not state")
        if len(each.club) != len(club.grades) or sum(each.club) > 1 + 1e-9:
            raise ValueError(f"{where}.club: expected {len(club.grades)} shares, whose rest are no members")
