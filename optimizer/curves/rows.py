"""The rows that rules for an allocation over response curves become, and spend that carries over.

Every rule is a row ``sum coefficients * spend <sense> limit`` with a name that a planner knows; a limit given as a
share of the budget remembers how it moves with the budget, so that the budget's price includes it.
"""

import difflib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizer.curves.rules import EVERY, AllocationRules, Bounds, Linear, Ramp, Slice
from sim.arrays import Floats, Ints
from sim.errors import InputError
from sim.scenario.linear import parse_linear

__all__ = ["Row", "carried_in", "carry_over_matrix", "check_known", "rule_rows"]


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
    linear : bool
        Whether the name says the limit.
    """

    name: str
    columns: Ints
    coefficients: Floats
    sense: str
    limit: float
    per_budget: float = 0.0
    linear: bool = False

    def missed(self, spend: Floats) -> float:
        """Return by how much a flattened spend breaks the rule; at most 0: not at all."""
        amount = float(self.coefficients @ spend[self.columns])
        over, under = amount - self.limit, self.limit - amount
        return {"<=": over, ">=": under, "=": abs(over), "0 or >=": min(under, amount)}[self.sense]

    def in_words(self) -> str:
        """Return the rule with its limit."""
        if self.linear:
            return f"'{self.name}'"
        words = {"<=": "at most", ">=": "at least", "=": "exactly", "0 or >=": "0 or at least"}
        return f"'{self.name}' ({words[self.sense]} {self.limit:,.10g})"


def weights_by_channel(rules: AllocationRules, channels: tuple[str, ...]) -> list[tuple[float, ...]]:
    """Return the carry-over weights of every channel, without those of nothing at their end.

    Raises
    ------
    InputError
        If weights name a channel that is not there.
    """
    check_known("carry_over", [name for name in rules.carry_over if name != EVERY], channels)
    found = [rules.carry_over.get(channel, rules.carry_over.get(EVERY, (1.0,))) for channel in channels]
    return [tuple(weights[: int(np.flatnonzero(weights)[-1]) + 1]) for weights in found]


def carry_over_matrix(rules: AllocationRules, channels: tuple[str, ...], periods: int) -> Floats:
    """Return ``W`` (channels, periods and after, periods): ``effective[t] = sum over j of w_j spend[t - j]``.

    The periods after the last are there where what is carried out counts.
    """
    weights = weights_by_channel(rules, channels)
    after = max(map(len, weights)) - 1 if rules.carried_out == "counted" else 0
    matrix = np.zeros((len(channels), periods + after, periods))
    for c, own in enumerate(weights):
        for j, weight in enumerate(own[: periods + after]):
            matrix[c] += weight * np.eye(periods + after, periods, k=-j)
    return matrix


def carried_in(
    rules: AllocationRules, before: Mapping[str, tuple[float, ...]], channels: tuple[str, ...], worked: int
) -> Floats:
    """Return effective spend (channels, periods and those after them) from what was spent before the first period.

    Raises
    ------
    InputError
        If money of a channel that is not there was spent.
    """
    check_known("before", before, channels)
    found = np.zeros((len(channels), worked))
    for c, (channel, weights) in enumerate(zip(channels, weights_by_channel(rules, channels), strict=True)):
        for ago, money in enumerate(reversed(before.get(channel, ())), 1):
            for t, weight in enumerate(weights[ago : ago + worked]):
                found[c, t] += weight * money
    return found


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
    for i, linear in enumerate(rules.linear):
        rows += _linear_rows(linear, f"linear[{i + 1}]", channels, periods)
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


def _linear_rows(linear: Linear, where: str, channels: tuple[str, ...], periods: tuple[str, ...]) -> Iterator[Row]:
    """Return a rule over the window, or one for each period of its slice."""
    stated = parse_linear(linear.rule, channels, f"{where}.rule")
    weights = np.array([stated.weights.get(channel, 0.0) for channel in channels])
    places = [place for place in _places(linear, where, channels, periods) if weights[place[0]]]
    name = linear.name or linear.rule
    every: list[int | None] = [None]
    if linear.each == "period":
        every = list(range(min(t for _, t, _ in places), max(t for _, t, _ in places) + 1))
    for period in every:
        chosen = [(c, column) for c, t, column in places if period in (None, t)]
        columns = np.array([column for _, column in chosen], dtype=np.int64)
        called = name if period is None else f"{name}, {periods[period]}"
        coefficients = weights[[c for c, _ in chosen]]
        yield Row(called, columns, coefficients, stated.sense, stated.limit, linear=True)


def _places(
    chosen: Slice, where: str, channels: tuple[str, ...], periods: tuple[str, ...]
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
