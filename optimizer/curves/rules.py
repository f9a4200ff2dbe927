"""Rules for an allocation over response curves, as a file states them and arguments change them."""

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from sim.errors import InputError
from sim.reading import read_text
from sim.scenario.curves import Model, NotNegative, Positive, Share
from sim.scenario.meant import meant
from sim.scenario.yaml_files import read_yaml

__all__ = [
    "EVERY", "AllocationRules", "Bounds", "Campaign", "Frozen", "Linear", "Ramp", "Slice", "load_rules", "needs_order",
    "with_options",
]  # fmt: skip

EVERY = ""
"""Key of the carry-over weights that hold for channels not named."""


def _label(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"a plain yes, no, on, off, true or false is no name ({value}): put it in quotes")
    return value if isinstance(value, dict | list) else str(value)


Label = Annotated[str, BeforeValidator(_label)]
Labels = Annotated[
    tuple[Label, ...], BeforeValidator(lambda value: value if isinstance(value, list | tuple) else (value,))
]
Money = Annotated[float, Field(ge=0, le=1e18)]


class Slice(Model):
    """Which channels in which periods."""

    channels: Labels = Field(default=(), description="one name or a list; default: all")
    first: Label | None = Field(default=None, description="first period; default: the first of all")
    last: Label | None = Field(default=None, description="last period, included; default: the last of all")


class Bounds(Slice):
    """Floor and cap on the money of a slice, all its channels and periods together."""

    name: str | None = Field(default=None, min_length=1, description="default: made from the slice")
    floor: Money | None = Field(default=None, description="at least, money; default: none")
    cap: Money | None = Field(default=None, description="at most, money; default: none")
    floor_share: Share | None = Field(default=None, description="at least, share of the budget; default: none")
    cap_share: Share | None = Field(default=None, description="at most, share of the budget; default: none")

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        for kind in ("floor", "cap"):
            if getattr(self, kind) is not None and getattr(self, f"{kind}_share") is not None:
                raise ValueError(f"expected {kind} or {kind}_share, got both")
        if all(getattr(self, key) is None for key in ("floor", "cap", "floor_share", "cap_share")):
            raise ValueError("expected at least one of floor, cap, floor_share, cap_share")
        return self


class Frozen(Slice):
    """Spend that is already decided."""

    spend: Money = Field(description="money of each channel in each period of the slice")


class Ramp(Slice):
    """How fast spend may change."""

    money: Money | None = Field(default=None, description="largest change from one period to the next, each channel")
    share: Share | None = Field(default=None, description="the same as a share of the budget")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.money is None) == (self.share is None):
            raise ValueError("expected one of money and share")
        return self


class Campaign(Slice):
    """A campaign is not run, or is run with at least this."""

    smallest: Positive = Field(description="money of each channel in each period: 0, or at least this")


class Linear(Slice):
    """A linear rule between channels, in words."""

    rule: Annotated[str, Field(min_length=1)] = Field(
        description="e.g. tv = 3 radio; tv >= .5 of search + social; tv + radio <= 200"
    )
    name: str | None = Field(default=None, min_length=1, description="default: the rule itself")
    each: Literal["window", "period"] = Field(
        default="window", description="whether it holds for the sum over its periods (default) or in each of them"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"rule": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _named_in_the_rule(self) -> Self:
        if self.channels:
            raise ValueError("channels: the rule names them itself; leave it out")
        return self


def _by_channel(value: Any) -> Any:
    return {EVERY: value} if isinstance(value, list | tuple) else value


Weights = Annotated[tuple[NotNegative, ...], Field(min_length=1, max_length=520)]
Before = Annotated[
    tuple[Money, ...], Field(max_length=520),
    BeforeValidator(lambda value: value if isinstance(value, list | tuple) else (value,)),
]  # fmt: skip


class AllocationRules(Model):
    """What a plan must keep to, and how spend carries over."""

    budget: Money | None = Field(default=None, description="money over all periods; default: must be given")
    currency: str = Field(default="", description="unit of money, shown; default: none shown")
    periods: Annotated[int, Field(ge=1, le=1200, strict=True)] | None = Field(
        default=None, description="repeat the curves of a file without periods so often; default: one period"
    )
    carry_over: Annotated[dict[str, Weights], BeforeValidator(_by_channel)] = Field(
        default_factory=dict,
        description="weights of this period's spend, the last one's, ...: a list, or {channel: list}; default: [1]",
    )
    before: dict[str, Before] = Field(
        default_factory=dict,
        description="money by channel of the periods before the first, in the order of time: the last one is next to "
        "the first period; carries over; default: the file's, or none",
    )
    carried_out: Literal["lost", "counted"] = Field(
        default="lost",
        description="whether response that carries beyond the last period counts, by the last period's curve and as if "
        "no more were spent; default: it does not",
    )
    order: Labels = Field(default=(), description="all periods in the order of time; default: by what their names say")
    period_share: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="largest share of the budget in one period; default: no limit"
    )
    period_cap: Money | None = Field(default=None, description="most money in one period; default: no limit")
    bounds: tuple[Bounds, ...] = Field(default=(), description="floors and caps of slices")
    frozen: tuple[Frozen, ...] = Field(default=(), description="spend already decided")
    ramp: tuple[Ramp, ...] = Field(default=(), description="largest changes between periods")
    campaigns: tuple[Campaign, ...] = Field(default=(), description="smallest campaigns")
    linear: tuple[Linear, ...] = Field(default=(), description="ratios and weighted sums of channels, in words")

    @model_validator(mode="after")
    def _weights(self) -> Self:
        for channel, weights in self.carry_over.items():
            if sum(weights) == 0:
                raise ValueError(f"carry_over{'.' * bool(channel)}{channel}: expected a weight above 0")
        return self


SECTIONS: dict[str, type[Model]] = {
    "bounds": Bounds, "frozen": Frozen, "ramp": Ramp, "campaigns": Campaign, "linear": Linear,
}  # fmt: skip


def load_rules(path: str | Path) -> AllocationRules:
    """Return the rules in a YAML file.

    Raises
    ------
    InputError
        If the file is missing, is not YAML, has an unknown key or a value that does not fit; names file and key.
    FolderError
        If the file cannot be read.
    """
    content = read_yaml(read_text(path, "give a rules file (YAML), or leave `rules=` out"), path)
    if content is None:
        return AllocationRules()
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds {type(content).__name__}, not keys with values; expected e.g. `budget: 1000`")
    try:
        return AllocationRules.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: {_explain(error)}") from None


def _explain(error: ValidationError) -> str:
    """Return the most telling of pydantic's errors as one line: key, expectation, what came."""
    first = min(error.errors(), key=lambda e: (e["type"] != "extra_forbidden", -len(e["loc"])))
    location = [part for part in first["loc"] if part != EVERY]
    key = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    if first["type"] == "extra_forbidden":
        fields = sorted(SECTIONS.get(str(location[0]), AllocationRules).model_fields)
        close = difflib.get_close_matches(str(location[-1]), fields, 1)
        hint = f"did you mean '{close[0]}'?" if close else f"expected one of {', '.join(fields)}"
        return f"{key}: unknown key; {hint}"
    if first["type"] == "missing":
        return f"{key}: missing; add it"
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if first["type"] == "value_error":
        return f"{key}: {message}" if key else message
    share = first["type"] == "less_than_equal" and first.get("ctx", {}).get("le") == 1
    return f"{key}: {message}, got {first['input']!r}{meant(first['input']) if share else ''}"


def needs_order(rules: AllocationRules) -> str:
    """Return what in the rules needs periods in the order of time; empty if nothing does."""
    if any(any(weights[1:]) for weights in rules.carry_over.values()):
        return "carry-over"
    if rules.ramp:
        return "a ramp"
    slices = (*rules.bounds, *rules.frozen, *rules.campaigns, *rules.linear)
    return "first to last" if any(each.first != each.last for each in slices) else ""


def with_options(
    rules: AllocationRules,
    *,
    budget: float | None = None,
    periods: int | None = None,
    carry_over: tuple[float, ...] | None = None,
    before: Mapping[str, Sequence[float]] | None = None,
    period_share: float | None = None,
    floors: Mapping[str, float] | None = None,
    caps: Mapping[str, float] | None = None,
) -> AllocationRules:
    """Return the rules with single values replaced, and floors and caps of channels added.

    Raises
    ------
    InputError
        If a value does not fit.
    """
    changes: dict[str, Any] = {"budget": budget, "periods": periods, "period_share": period_share}
    changes = {key: value for key, value in changes.items() if value is not None}
    if carry_over is not None:
        changes["carry_over"] = {EVERY: carry_over}
    if before:
        changes["before"] = {channel: tuple(money) for channel, money in before.items()}
    try:
        AllocationRules.model_validate(changes)
    except ValidationError as error:
        key, _, rest = _explain(error).partition(":")
        name = re.split(r"\W", key)[0]
        raise InputError(f"`{name}=`{key.removeprefix(name)}:{rest}") from None
    for name, limits in (("floor", floors), ("cap", caps)):
        for channel, money in (limits or {}).items():
            if not 0 <= money <= 1e18:
                raise InputError(f"`{name}={channel}={money:g}`: expected money of at least 0 and at most 1e18")
    more = [Bounds(channels=(channel,), floor=money) for channel, money in (floors or {}).items()]
    more += [Bounds(channels=(channel,), cap=money) for channel, money in (caps or {}).items()]
    return AllocationRules.model_validate({**dict(rules), **changes, "bounds": (*rules.bounds, *more)})
