"""Rules for an allocation over response curves: the rules file, and the rows they become.

Every rule is a row ``sum coefficients * spend <sense> limit`` with a name that a planner knows; a limit given as a
share of the budget remembers how it moves with the budget, so that the budget's price includes it.
"""

import difflib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BeforeValidator, Field, ValidationError, model_validator

from sim.arrays import Floats, Ints
from sim.errors import FolderError, InputError, first_line
from sim.scenario.curves import Model, NotNegative, Positive, Share
from sim.scenario.yaml_files import read_yaml

__all__ = [
    "AllocationRules", "Bounds", "Campaign", "Frozen", "Ramp", "Row", "carry_over_matrix", "check_known", "load_rules",
    "rule_rows",
]  # fmt: skip

EVERY = ""
"""Key of the carry-over weights that hold for channels not named."""

Label = Annotated[str, BeforeValidator(lambda value: value if isinstance(value, dict | list) else str(value))]
Labels = Annotated[
    tuple[Label, ...], BeforeValidator(lambda value: value if isinstance(value, list | tuple) else (value,))
]
Money = Annotated[float, Field(ge=0, le=1e18)]


class _Slice(Model):
    """Which channels in which periods."""

    channels: Labels = Field(default=(), description="one name or a list; default: all")
    first: Label | None = Field(default=None, description="first period; default: the first of all")
    last: Label | None = Field(default=None, description="last period, included; default: the last of all")


class Bounds(_Slice):
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


class Frozen(_Slice):
    """Spend that is already decided."""

    spend: Money = Field(description="money of each channel in each period of the slice")


class Ramp(_Slice):
    """How fast spend may change."""

    money: Money | None = Field(default=None, description="largest change from one period to the next, each channel")
    share: Share | None = Field(default=None, description="the same as a share of the budget")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.money is None) == (self.share is None):
            raise ValueError("expected one of money and share")
        return self


class Campaign(_Slice):
    """A campaign is not run, or is run with at least this."""

    smallest: Positive = Field(description="money of each channel in each period: 0, or at least this")


def _by_channel(value: Any) -> Any:
    return {EVERY: value} if isinstance(value, list | tuple) else value


Weights = Annotated[tuple[NotNegative, ...], Field(min_length=1, max_length=520)]


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
    period_share: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="largest share of the budget in one period; default: no limit"
    )
    period_cap: Money | None = Field(default=None, description="most money in one period; default: no limit")
    bounds: tuple[Bounds, ...] = Field(default=(), description="floors and caps of slices")
    frozen: tuple[Frozen, ...] = Field(default=(), description="spend already decided")
    ramp: tuple[Ramp, ...] = Field(default=(), description="largest changes between periods")
    campaigns: tuple[Campaign, ...] = Field(default=(), description="smallest campaigns")

    @model_validator(mode="after")
    def _weights(self) -> Self:
        for channel, weights in self.carry_over.items():
            if sum(weights) == 0:
                raise ValueError(f"carry_over{'.' * bool(channel)}{channel}: expected a weight above 0")
        return self


SECTIONS: dict[str, type[Model]] = {"bounds": Bounds, "frozen": Frozen, "ramp": Ramp, "campaigns": Campaign}


def load_rules(path: str | Path) -> AllocationRules:
    """Return the rules in a YAML file.

    Raises
    ------
    InputError
        If the file is missing, is not YAML, has an unknown key or a value that does not fit; names file and key.
    FolderError
        If the file cannot be read.
    """
    path = Path(path)
    try:
        content = read_yaml(path.read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give a rules file (YAML), or leave `rules=` out") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FolderError(f"{path}: cannot be read as text ({first_line(error)})") from None
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
    return f"{key}: {message}, got {first['input']!r}"


@dataclass(frozen=True)
class Row:
    """One rule: ``coefficients spend[columns] <sense> limit``.

    Attributes
    ----------
    name : str
    columns : int (entries,)
        Places ``channel * periods + period`` of a flattened (channels, periods) array.
    coefficients : float (entries,)
    sense : str
        ``<=``, ``>=``, ``=``, or ``0 or >=``: a smallest campaign in one place.
    limit : float
        Money.
    per_budget : float
        d(limit)/d(budget).
    """

    name: str
    columns: Ints
    coefficients: Floats
    sense: str
    limit: float
    per_budget: float = 0.0

    def in_words(self) -> str:
        """Return the rule with its limit."""
        words = {"<=": "at most", ">=": "at least", "=": "exactly", "0 or >=": "0 or at least"}
        return f"'{self.name}' ({words[self.sense]} {self.limit:,.10g})"


def carry_over_matrix(rules: AllocationRules, channels: tuple[str, ...], periods: int) -> Floats:
    """Return ``W`` (channels, periods, periods) of ``effective[t] = sum over j of w_j spend[t - j]``.

    Nothing is carried into the first period, and what is carried beyond the last does not count.

    Raises
    ------
    InputError
        If weights name a channel that is not there.
    """
    check_known("carry_over", [name for name in rules.carry_over if name != EVERY], channels)
    matrix = np.zeros((len(channels), periods, periods))
    for c, channel in enumerate(channels):
        weights = rules.carry_over.get(channel, rules.carry_over.get(EVERY, (1.0,)))
        for j, weight in enumerate(weights[:periods]):
            matrix[c] += weight * np.eye(periods, k=-j)
    return matrix


def rule_rows(rules: AllocationRules, budget: float, channels: tuple[str, ...], periods: tuple[str, ...]) -> list[Row]:
    """Return every rule as a row; the budget first.

    Raises
    ------
    InputError
        If a rule names a channel or period that is not there, or periods in the wrong order.
    """
    everything = np.arange(len(channels) * len(periods), dtype=np.int64)
    rows = [Row("budget", everything, np.ones(everything.size), "<=", budget, 1.0)]
    for t, period in enumerate(periods):
        columns = everything[t :: len(periods)]
        if rules.period_share is not None:
            limit = rules.period_share * budget
            rows.append(_sum(f"period share, {period}", columns, "<=", limit, rules.period_share))
        if rules.period_cap is not None:
            rows.append(_sum(f"period cap, {period}", columns, "<=", rules.period_cap))
    for i, bounds in enumerate(rules.bounds):
        rows += _bound_rows(bounds, f"bounds[{i + 1}]", budget, channels, periods)
    for i, frozen in enumerate(rules.frozen):
        for c, t, column in _places(frozen, f"frozen[{i + 1}]", channels, periods):
            rows.append(_sum(f"frozen {channels[c]}, {periods[t]}", np.array([column]), "=", frozen.spend))
    for i, ramp in enumerate(rules.ramp):
        rows += _ramp_rows(ramp, f"ramp[{i + 1}]", budget, channels, periods)
    for i, campaign in enumerate(rules.campaigns):
        for c, t, column in _places(campaign, f"campaigns[{i + 1}]", channels, periods):
            name = f"smallest campaign of {channels[c]}, {periods[t]}"
            rows.append(_sum(name, np.array([column]), "0 or >=", campaign.smallest))
    return rows


def _sum(name: str, columns: Ints, sense: str, limit: float, per_budget: float = 0.0) -> Row:
    return Row(name, columns.astype(np.int64), np.ones(columns.size), sense, limit, per_budget)


def _bound_rows(
    bounds: Bounds, where: str, budget: float, channels: tuple[str, ...], periods: tuple[str, ...]
) -> Iterator[Row]:
    columns = np.array([column for _, _, column in _places(bounds, where, channels, periods)])
    slice_ = ", ".join(bounds.channels) or "all channels"
    if bounds.first is not None or bounds.last is not None:
        slice_ += f", {bounds.first or periods[0]} to {bounds.last or periods[-1]}"
    for kind, sense in (("floor", ">="), ("cap", "<=")):
        name = f"{bounds.name} ({kind})" if bounds.name else f"{kind} of {slice_}"
        money, share = getattr(bounds, kind), getattr(bounds, f"{kind}_share")
        if money is not None:
            yield _sum(name, columns, sense, money)
        if share is not None:
            yield _sum(name, columns, sense, share * budget, share)


def _ramp_rows(
    ramp: Ramp, where: str, budget: float, channels: tuple[str, ...], periods: tuple[str, ...]
) -> Iterator[Row]:
    """Return the change over each pair of neighbouring periods, both in the slice, in both directions."""
    limit, per_budget = (ramp.share * budget, ramp.share) if ramp.share is not None else (ramp.money or 0.0, 0.0)
    places = _places(ramp, where, channels, periods)
    for (c, t, before), (after_c, _, after) in itertools.pairwise(places):
        if c != after_c:
            continue
        columns = np.array([after, before], dtype=np.int64)
        for word, sign in (("rise", 1.0), ("fall", -1.0)):
            name = f"ramp of {channels[c]}, {word} {periods[t]} to {periods[t + 1]}"
            yield Row(name, columns, sign * np.array([1.0, -1.0]), "<=", limit, per_budget)


def _places(
    chosen: _Slice, where: str, channels: tuple[str, ...], periods: tuple[str, ...]
) -> list[tuple[int, int, int]]:
    """Return (channel, period, column) of a slice, channel by channel."""
    check_known(f"{where}.channels", chosen.channels, channels)
    ends = {"first": chosen.first or periods[0], "last": chosen.last or periods[-1]}
    for key, period in ends.items():
        check_known(f"{where}.{key}", [period], periods)
    first, last = periods.index(ends["first"]), periods.index(ends["last"])
    if first > last:
        raise InputError(f"{where}: first '{ends['first']}' comes after last '{ends['last']}'; swap them")
    rows = [channels.index(name) for name in dict.fromkeys(chosen.channels)] or list(range(len(channels)))
    return [(c, t, c * len(periods) + t) for c in rows for t in range(first, last + 1)]


def check_known(where: str, names: Any, known: tuple[str, ...]) -> None:
    """Raise if a name is not among those of the curves; ``where`` it was given."""
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            listed = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
            hint = f"did you mean '{close[0]}'?" if close else f"the curves have {listed}"
            raise InputError(f"{where}: '{name}' is not in the curves; {hint}")


def with_options(
    rules: AllocationRules,
    *,
    budget: float | None = None,
    periods: int | None = None,
    carry_over: tuple[float, ...] | None = None,
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
    try:
        AllocationRules.model_validate(changes)
    except ValidationError as error:
        key, _, rest = _explain(error).partition(":")
        name, bracket, place = key.partition("[")
        raise InputError(f"`{name}=`{bracket}{place}:{rest}") from None
    for name, limits in (("floor", floors), ("cap", caps)):
        for channel, money in (limits or {}).items():
            if not 0 <= money <= 1e18:
                raise InputError(f"`{name}={channel}={money:g}`: expected money of at least 0 and at most 1e18")
    more = [Bounds(channels=(channel,), floor=money) for channel, money in (floors or {}).items()]
    more += [Bounds(channels=(channel,), cap=money) for channel, money in (caps or {}).items()]
    return AllocationRules.model_validate({**dict(rules), **changes, "bounds": (*rules.bounds, *more)})
