"""How exactly an experiment tells a number of a response curve: two arms by lot, a dose and nothing, a few periods.

A chance is counted over the ``T`` periods, ``h = 1 - (1 - f)^T``, of staying ``h = f^T``; purchases and amounts are
summed, with the spread that customers of the scenario have between them. With others as stated the number is told
with::

    error = sqrt(var_1/n_1 + var_0/n_0) / |d(mean_1 - mean_0)/d(number)|

For amounts the spread of one purchase is taken as large as its mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from sim.arrays import Floats
from sim.engine.chain import ControlledChain, observed_counts
from sim.engine.lifecycle import Lifecycle
from sim.engine.onward import alone, left_by, onward
from sim.engine.response import response
from sim.engine.sensitivity import follow
from sim.scenario.curves import Curve, PiecewiseLinear
from sim.scenario.kinds import TO_KIND
from sim.scenario.market import FREE, GAINS

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = ["Meanwhile", "Told", "arms", "heads_of", "told"]

CURVE = ("without_money", "brings", "unlimited_money", "half")
UNSEEN = (*FREE, "satisfaction", "links", *TO_KIND, "knowledge", "cross_buying", "club", "direct")
"""Effects that purchases do not show."""
STEP = 1e-4


@dataclass(frozen=True)
class Told:
    """A number of a curve that an experiment can tell: whose, and of whom."""

    lever: str
    moves: str
    segment: str
    number: str
    curve: Curve
    reach: float
    stages: tuple[str, ...]

    @property
    def spend(self) -> float:
        """Return the intensity that the curve is known at."""
        return self.curve.spend

    def at(self, money: float, value: float | None = None) -> float:
        """Return the effect of a dose, with the number at another value."""
        curve = self.curve if value is None else self.curve.model_copy(update={self.number: value})
        with_it, without = (float(response(curve, np.array(each))) for each in (money, 0.0))
        return self.reach * with_it + (1 - self.reach) * without

    def slope(self, money: float) -> float:
        """Return d(effect)/d(number) of a dose."""
        value = float(getattr(self.curve, self.number))
        step = STEP * max(abs(value), STEP)
        return (self.at(money, value + step) - self.at(money, value - step)) / (2 * step)


def told(twin: Twin, path: str) -> Told | str:
    """Return what an experiment tells at a path, or why none does."""
    scenario, parts = twin.scenario, path.split(".")
    if parts[0] == "base":
        return "no experiment tells it: more purchases do"
    if parts[0] != "levers":
        return "no experiment tells it: look it up, or count"
    lever, number = next((name for name in scenario.levers if path.startswith(f"levers.{name}.")), ""), parts[-1]
    if not lever or number not in CURVE or "moves" not in parts or scenario.chain is not None:
        return "no experiment is sized for it"
    if scenario.levers[lever].misses:
        return "no experiment is sized for it: whom the lever misses differs by stage"
    own, rest, segment = scenario.levers[lever], path.removeprefix(f"levers.{lever}."), ""
    moves, reach = parts[-2], own.reach
    curve = next((each for effect, each in own.moves.items() if effect == moves), None)
    if rest.startswith("by_segment."):
        segment = rest.removeprefix("by_segment.").rpartition(".moves.")[0]
        there = own.by_segment[segment]
        curve = next((each for effect, each in there.moves.items() if effect == moves), curve)
    if moves in UNSEEN:
        return f"purchases do not show {moves}: ask customers before and after"
    if curve is None or isinstance(curve, PiecewiseLinear):
        return "no experiment is sized for it"
    return Told(lever, moves, segment, number, curve, reach, tuple(own.targets))


def heads_of(twin: Twin, of: Told) -> Floats:
    """Return who may be tested at the start, (groups, stages): the lever's targets that have this curve."""
    k = twin.targets.levers.index(of.lever)
    observed = observed_counts(twin.chain, twin.chain.initial)
    lever = twin.scenario.levers[of.lever]
    own = [name for name, each in lever.by_segment.items() if of.moves in each.moves]
    here = [name == of.segment if of.segment else name not in own for name in twin.targets.segments]
    return np.where(twin.targets.allowed[:, :, k] & np.array(here)[:, None], observed, 0.0)


class Meanwhile:
    """Another plan while an experiment lasts, the first decision being played from its end on.

    Where a customer's worth is its own (:func:`sim.engine.onward.alone`), what comes after is looked at once for all,
    and every plan is followed to its end alone.
    """

    def __init__(self, chain: ControlledChain, first: Floats, lengths: Sequence[int]) -> None:
        self.chain, self.first, self._after = chain, first, dict[int, tuple[Floats, float]]()
        if alone(chain):
            asked = {0, *lengths}
            self._after = {t: (v[0].copy(), float(w[0])) for t, v, w in onward(chain, [first]) if t in asked}
        self.asset = self.with_plan(first, 0)

    def with_plan(self, plan: Floats, length: int) -> float:
        """Return the asset where a plan is played for so many periods."""
        if not self._after:
            return follow(self.chain, np.concatenate([plan[:length], self.first[length:]])).asset
        brought, people = left_by(self.chain, plan, [length])[length]
        worth, to_come = self._after[length]
        return brought + float(self.chain.discount[length]) * (float((people * worth).sum()) + to_come)


def arms(twin: Twin, of: Told, dose: float, periods: int, treated: float, control: float, heads: Floats) -> float:
    """Return the standard error with which the number is told; infinite where it is not."""
    variances, slopes = zip(*(_arm(twin, of, money, periods, heads) for money in (dose, 0.0)), strict=True)
    slope = slopes[0] - slopes[1]
    if slope == 0 or treated <= 0 or control <= 0:
        return float("inf")
    return float(np.sqrt(variances[0] / treated + variances[1] / control) / abs(slope))


def _arm(twin: Twin, of: Told, money: float, periods: int, heads: Floats) -> tuple[float, float]:
    """Return the variance of a customer's outcome in an arm, and the slope of its mean by the number."""
    f, slope = of.at(money), of.slope(money)
    if of.moves in GAINS:
        rate, between, spend = _buying(twin, heads)
        mean = rate * periods * (1 + f)
        within = mean * (2.0 * (1 + f) if of.moves == "amount" else 1.0)  # an amount is as spread as it is large
        unit = spend if of.moves == "amount" else 1.0
        return unit**2 * (within + (periods * (1 + f)) ** 2 * between), unit * rate * periods * slope
    if of.moves == "survival":
        mean, by_f = f**periods, periods * f ** (periods - 1)
    else:
        mean, by_f = 1 - (1 - f) ** periods, periods * (1 - f) ** (periods - 1)
    return max(mean * (1 - mean), 1e-12), by_f * slope


def _buying(twin: Twin, heads: Floats) -> tuple[float, float, float]:
    """Return mean and variance of the purchase rate of who may be tested, and their mean amount."""
    chain = cast("Lifecycle", twin.chain)  # a trial is of a lifecycle
    inside = (heads > 0)[chain.group[:, None], chain.block_stage]
    weight = (chain.initial * inside).sum(axis=1)
    weight = weight / max(weight.sum(), 1e-300)
    rate = float(weight @ chain.purchase_rate)
    return rate, float(weight @ (chain.purchase_rate - rate) ** 2), float(weight @ chain.mean_spend)
