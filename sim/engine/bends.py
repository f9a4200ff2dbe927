"""What is known of the cells of a grid along one dimension, for :mod:`sim.engine.bends_kernels`."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.engine import bends_kernels as kernels
from sim.engine.terms import CHARGED, CUT, SERVED

__all__ = ["STRAIGHT_FROM", "Along", "Elsewhere", "off_lines", "paths_of", "shift_of", "straight_survival"]

STRAIGHT_FROM, PER_FOLD = 0.05, 0.1
"""Survival of the typical customer from which on a place along a dimension is survival itself; below, it is the
logarithm of the defection multiplier, so much a factor of e: who leaves more slowly still stays there."""
SAFE = 1.1
"""On top of the measured distance of a path from a straight line, for what lies between its samples."""

MULTIPLIED = ("purchase_rate", "amount", CUT)
BINDING = ("links", "links_desk", "links_managers", "links_experts", "cross_buying", "club")
MOVES = {
    **dict.fromkeys(("preference", "purchase_rate"), "rate"), **dict.fromkeys(("satisfaction", "annoyance"), "shift"),
    **dict.fromkeys((*BINDING, "knowledge"), "ties"), "survival": "leaving",
    **dict.fromkeys(("amount", CUT, "direct"), "money"),
}  # fmt: skip
"""What channels move, by channel, where it is called otherwise: a dimension that moves several things is no line."""


class Along(NamedTuple):
    """A dimension: effects by channel at its points, and how far they lie below and above straight lines by cell."""

    at_edge: Mapping[str, Floats]
    off: Mapping[str, Floats]


class Elsewhere(NamedTuple):
    """What decides besides levers: chances of one more of each kind that binds, by the effect that raises it.

    Then the chance that a tie is kept; the share of purchases through a partner, and its commission.
    """

    gain: Mapping[str, float]
    kept: float
    share: float
    commission: float


def straight_survival(gain: Floats, usual: float) -> Floats:
    """Return the place of gains in survival, minus the logarithm of a multiplier of the ``usual`` rate of leaving."""
    turn = -np.log(-np.log(STRAIGHT_FROM) / max(usual, 1e-300))
    share = np.exp(-usual * np.exp(-np.maximum(gain, turn)))
    return np.asarray(share + PER_FOLD * np.minimum(gain - turn, 0.0))


def multiplier_of(place: Floats, usual: float) -> Floats:
    """Return the defection multiplier at a place of :func:`straight_survival`."""
    share = np.maximum(place, STRAIGHT_FROM)
    return np.asarray(-np.log(share) / max(usual, 1e-300) * np.exp((share - place) / PER_FOLD))


def shift_of(effects: Mapping[str, Floats]) -> Floats:
    """Return how far the chances of satisfaction move: what pleases less what annoys."""
    nothing = np.zeros(next(iter(effects.values())).size)
    return np.asarray(effects.get("satisfaction", nothing) - effects.get("annoyance", nothing))


def off_lines(along: Floats, kept: Ints, effects: Mapping[str, Floats], usual: float) -> dict[str, Floats]:
    """Return by channel how far a path lies below and above the straight lines between points that are ``kept``.

    (cells, 2); ``along`` and ``effects`` are samples of it, thousands, between which it is taken as straight: in 19
    random markets a worth lay up to 3e-7 of the largest above what is said. Survival is straight as
    :func:`straight_survival` has it.
    """
    found = {channel: value for channel, value in effects.items() if channel not in ("satisfaction", "annoyance")}
    if len(found) < len(effects):
        found["shift"] = shift_of(effects)
    earned = effects.get("purchase_rate", np.ones(along.size)) * effects.get("amount", 1.0)
    found |= {"earned": earned, "priced": earned * effects.get(CUT, 1.0)}
    out = {channel: np.zeros((kept.size - 1, 2)) for channel in found}
    for channel, value in found.items():
        for k, (first, last) in enumerate(pairwise(kept.tolist())):
            here = value[first : last + 1]
            if channel == "survival":
                share = np.exp(-usual * here)
                here = share if share[0] >= STRAIGHT_FROM * (1 - 1e-9) else -np.log(np.maximum(here, 1e-300))
            place = along[first : last + 1]
            share = (place - place[0]) / max(place[-1] - place[0], 1e-300)
            gap = here - (here[0] + share * (here[-1] - here[0]))
            out[channel][k] = SAFE * min(gap.min(), 0.0), SAFE * max(gap.max(), 0.0)
    return out


def paths_of(dimensions: Sequence[Along], usual: float, elsewhere: Elsewhere) -> list[Floats]:
    """Return by dimension what is known of its cells, (cells, numbers)."""
    return [_path(one, [other for other in dimensions if other is not one], usual, elsewhere) for one in dimensions]


def _path(one: Along, others: list[Along], usual: float, elsewhere: Elsewhere) -> Floats:
    points = next(iter(one.at_edge.values())).size
    out = np.zeros((points - 1, kernels.PATHS))
    nothing = np.zeros((points - 1, 2))

    def ends(channel: str) -> tuple[Floats, Floats]:
        at = one.at_edge.get(channel, np.full(points, float(channel in MULTIPLIED)))
        return at[:-1], at[1:]

    def off(channel: str) -> tuple[Floats, Floats]:
        low, high = one.off.get(channel, nothing).T
        return low, high

    def change(channel: str) -> Floats:
        first, last = ends(channel)
        return np.asarray(np.abs(last - first))

    def apart(channel: str) -> Floats:
        low, high = off(channel)
        return np.asarray(high - low)

    if "survival" in one.at_edge:
        first, last = ends("survival")
        out[:, kernels.LEAVES], out[:, kernels.LEAVES_LESS] = first, last
        straight = np.exp(-usual * first) >= STRAIGHT_FROM * (1 - 1e-9)
        out[:, kernels.KIND] = np.where(straight, kernels.SHARE, kernels.LOGARITHM)
        out[:, kernels.STAYS_LOW], out[:, kernels.STAYS_HIGH] = off("survival")
    out[:, kernels.RATE], out[:, kernels.MORE] = ends("purchase_rate")
    out[:, kernels.RATE_LOW], out[:, kernels.RATE_HIGH] = off("purchase_rate")
    out[:, kernels.UTILITY], out[:, kernels.UTILITY_OFF] = change("preference"), apart("preference")
    shift = shift_of(one.at_edge)
    out[:, kernels.SHIFT], out[:, kernels.SHIFTED] = shift[:-1], shift[1:]
    out[:, kernels.SHIFT_LOW], out[:, kernels.SHIFT_HIGH] = off("shift")
    out[:, kernels.GOES], out[:, kernels.GOES_TO] = ends("leaving")
    out[:, kernels.GOES_LOW], out[:, kernels.GOES_HIGH] = off("leaving")
    out[:, kernels.AMOUNT], out[:, kernels.LARGER] = ends("amount")
    out[:, kernels.AMOUNT_OFF] = apart("amount")
    moved = [channel for channel in BINDING if channel in one.at_edge]
    for channel in moved:
        out[:, kernels.TIES] += change(channel)
        out[:, kernels.TIES_OFF] += apart(channel)
        if _reaches_an_end(channel, elsewhere.gain.get(channel, 0.0), [one, *others]):
            out[:, kernels.TIES_OFF] += change(channel) / 4
    if len(moved) > 1:
        out[:, kernels.TIES_OFF] += out[:, kernels.TIES] ** 2 / 4
    out[:, kernels.KEPT], out[:, kernels.KEPT_OFF] = change("knowledge"), apart("knowledge")
    if _reaches_an_end("knowledge", elsewhere.kept, [one, *others]):
        out[:, kernels.KEPT_OFF] += change("knowledge") / 4
    dearest = float(np.prod([each.at_edge[CUT].max() for each in others if CUT in each.at_edge]))
    price, direct = change(CUT), elsewhere.commission * change("direct")
    out[:, kernels.CUT_OFF] = dearest * apart(CUT)
    top = np.maximum(*ends(CUT))
    out[:, kernels.EARNED_LOW], out[:, kernels.EARNED_HIGH] = off("earned")
    out[:, kernels.PRICED] = float(CUT in one.at_edge)
    out[:, kernels.PRICED_LOW], out[:, kernels.PRICED_HIGH] = (dearest * each for each in off("priced"))
    out[:, kernels.PRICE] = dearest * (price + top * direct)
    out[:, kernels.PRICE_OFF] = dearest * (
        top * (elsewhere.commission * apart("direct") + direct / 4) + price * direct / 4
    )
    out[:, kernels.MONEY_OFF] = apart(CHARGED) + apart(SERVED)
    for channel, at in (("awareness", kernels.AWARE), ("acquisition", kernels.WON), ("reactivation", kernels.BACK)):
        if channel in one.at_edge:
            out[:, at], out[:, at + 1] = ends(channel)
            out[:, at + 2] = apart(channel)
    kinds = {MOVES.get(channel, channel) for channel in one.at_edge}
    out[:, kernels.SEVERAL] = float(len(kinds - {CHARGED, SERVED, "awareness", "acquisition", "reactivation"}) > 1)
    return out


def _reaches_an_end(channel: str, usual: float, dimensions: list[Along]) -> bool:
    """Return whether a chance is cut anywhere on a grid: it is not straight where it reaches nothing or one."""
    moves = [each.at_edge[channel] for each in dimensions if channel in each.at_edge]
    low = usual + sum(float(at.min()) for at in moves)
    high = usual + sum(float(at.max()) for at in moves)
    return low < 0.0 or high > 1.0
