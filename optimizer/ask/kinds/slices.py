"""Bounds on the money of some levers, segments, tiers, stages and periods."""

from collections.abc import Iterator

import numpy as np

from optimizer.ask.rows import Asked, Kind, Row, Said, chosen, everywhere, money_of, rule
from sim.scenario.rules import LeverRule, SliceRule

LEVER = Kind("levers")
SLICE, WHOLE = Kind("slices"), Kind("slices", purse=True)
"""The money of a part; and of all levers and targets, which is a budget by another name."""
RAMP = Kind("slices: ramp")
BY_SHARE = "stated as a share"


def _levers_in_words(levers: dict[str, LeverRule], said: Said) -> Iterator[str]:
    for name, bounds in levers.items():
        yield f"{name}: {said.at_least(bounds.floor * said.budget)} to {said.at_most(bounds.cap * said.budget)}"


@rule("levers", _levers_in_words)
def floors_and_caps_of_levers(levers: dict[str, LeverRule], asked: Asked) -> Iterator[Row]:
    """Yield a lever's least and most money over the horizon."""
    every, (groups, stages, _) = np.ones(asked.periods, bool), everywhere(asked.targets)
    for name, bounds in levers.items():
        money = money_of(asked.chain, [(1.0, every, groups, stages, asked.levers((name,)))])
        if bounds.floor > 0:
            yield Row(f"floor of {name}", LEVER, ">=", bounds.floor * asked.budget, bounds.floor, money)
        if bounds.cap < 1:
            yield Row(f"cap of {name}", LEVER, "<=", bounds.cap * asked.budget, bounds.cap, money)


@rule("slices")
def bounds_of_slices(slices: dict[str, SliceRule], asked: Asked) -> Iterator[Row]:
    """Yield the bounds of each slice: money, shares, how far from today, how fast it changes."""
    for name, bounds in slices.items():
        yield from _of_slice(name, bounds, asked)


def _of_slice(name: str, bounds: SliceRule, asked: Asked) -> Iterator[Row]:
    chain, targets, periods = asked.chain, asked.targets, np.arange(asked.periods)
    groups = chosen(targets.segments, bounds.segments) & chosen(targets.tiers, bounds.tiers)
    where = (groups, chosen(targets.stages, bounds.stages), asked.levers(bounds.levers))
    span = (periods >= bounds.start) & (periods < (bounds.end or chain.periods))
    every = bounds.each == "horizon"
    windows = [(span, None)] if every else [(periods == t, int(t) + 1) for t in periods[span]]
    whole = WHOLE if all(part.all() for part in where) else SLICE
    when = "" if every else "in period"
    for window, number in windows:
        here = money_of(chain, [(1.0, window, *where)])
        for word, sense, money, share in (("floor", ">=", bounds.floor, bounds.floor_share),
                                          ("cap", "<=", bounds.cap, bounds.cap_share)):  # fmt: skip
            kind = whole if sense == "<=" else SLICE
            if money is not None:
                yield Row(f"{name}: {word}", kind, sense, money, 0.0, here, when=when, number=number)
            if share is not None:
                rest = (-share, window, *everywhere(targets))
                counted = money_of(chain, [(1.0, window, *where), rest])
                label = f"{name}: {word} by share"
                yield Row(label, SLICE, sense, 0.0, 0.0, counted, when=when, number=number, said=BY_SHARE)
        if bounds.within is not None:
            usual = float((here @ asked.today.course.spend.ravel())[0])
            label = f"{name}: at most {bounds.within:.0%}"
            most, least = usual * (1 + bounds.within), usual * (1 - bounds.within)
            yield Row(f"{label} above today", whole, "<=", most, 0, here, when=when, number=number)
            if bounds.within < 1:
                yield Row(f"{label} below today", SLICE, ">=", least, 0, here, when=when, number=number)
    if bounds.ramp is not None:
        usual = asked.today.course.spend[span][np.ix_(np.ones(int(span.sum()), bool), *where)].sum() / span.sum()
        step = bounds.ramp * float(usual or asked.budget / chain.periods)
        for t in periods[span][1:].tolist():
            change = money_of(chain, [(1.0, periods == t, *where), (-1.0, periods == t - 1, *where)])
            for word, sense, limit in (("rise", "<=", step), ("fall", ">=", -step)):
                yield Row(f"{name}: {word}", RAMP, sense, limit, 0.0, change, when="into period", number=t + 1)
