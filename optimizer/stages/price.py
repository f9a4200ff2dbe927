"""What the limits of a plan's rules are worth: to each side, at the plan that is returned, and up to where.

The plan is settled (:mod:`optimizer.stages.settle`), and each limit is moved a little to both sides of where it is. How
far a price holds is looked up in the pieces around the plan; for the budget, or for every rule where that is asked for,
the limit there is solved anew from the plan, and what it says stands. All is local: another plan far away may be worth
more.
"""

import math
import time
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from optimizer.ask.problem import AllocationProblem
from optimizer.ask.rows import BUDGET
from optimizer.prices import HOLDS, SAME, PriceRange
from optimizer.search.nearby import Nearby, Pieces, Spot
from optimizer.stages.repair import Repaired
from optimizer.stages.settle import ROUGH, around
from optimizer.tolerances import MISSED, PRICED
from sim.arrays import Flags, Floats

__all__ = ["Priced", "price"]


DEAREST = 6
"""Rules beside the budget of which it is said how far their prices hold, where not every price is asked for."""
TRIES, STEPS = 1, 3
"""Limits of the budget tried to the looser side, each solved anew, and steps of each: it starts next to where it ends.
Other ends of prices are what the pieces say."""
TRIES_EACH, STEPS_EACH = 6, 6
"""The same where every price is asked for, of all and to both sides."""
LOOKS = 8
"""At the pieces that reach far, to say where a price ends."""
NEAR, STRAIGHT = 1e-3, 1e-9
"""How near to it, as a share; and what is off a straight line by less is on it."""
BEGINS, NEXT = 0.3, 1e-6
"""Share by which pieces that reach far may be off where they begin, as curves bend; and where they do, as a share."""
NONE = float("nan")


@dataclass(frozen=True, eq=False)
class Priced:
    """What limits are worth.

    Attributes
    ----------
    prices : dict
        d(asset)/d(limit) of the rules that bind, all together as the budget grows: by them the plan is the best.
    shadow_price : float
        d(asset)/d(budget) as it grows, rules stated as shares moving along.
    ranges : dict of PriceRange
        Of each rule that binds by itself, to both sides; that of the budget with rules stated as shares.
    seconds : float
    """

    prices: dict[str, float]
    shadow_price: float
    ranges: dict[str, PriceRange]
    seconds: float = 0.0


def price(repaired: Repaired, *, every: bool = False, far: bool = True) -> Priced:
    """Return the prices at a plan.

    Parameters
    ----------
    every
        Whether all rules are solved anew as far as their price holds, not the budget alone.
    far
        Whether it is said how far prices hold.
    """
    if repaired.problem.no_choice:
        return Priced({}, 0.0, {})
    began = time.perf_counter()
    at = _Plan.of(repaired, every)
    problem, rows = at.problem, at.problem.rows
    together = at.together(problem.per_budget)
    prices = {row.name: float(each) for row, each in zip(rows, together, strict=True) if abs(each) > PRICED}
    found = {rows[r].name: at.sides(at.alone(r), int(problem.signs[r])) for r in np.flatnonzero(at.binds).tolist()}
    ranges = {name: PriceRange(*sides) for name, sides in found.items() if max(map(_known, sides)) > PRICED}
    budget = next((r for r, row in enumerate(rows) if row.kind == BUDGET), None)
    if budget is not None:
        sides = at.sides(problem.per_budget, 1) if problem.per_budget.any() else (0.0, 0.0)
        ranges = {rows[budget].name: PriceRange(*sides)} | {k: v for k, v in ranges.items() if k != rows[budget].name}
    limits = {row.name: at.limit(r, r == budget) for r, row in enumerate(rows)} | at.head_limits
    for name in at.nearby.head_limits.names:
        sides = at.sides(limits[name].along, 1)
        ranges |= {name: PriceRange(*sides)} if max(map(_known, sides)) > PRICED else {}
    dearest = sorted(ranges, key=lambda name: -_known(ranges[name].looser))[: None if every else DEAREST]
    for name in list(ranges) if far else ():
        if limits[name].is_budget or name in dearest:
            ranges[name] = at.followed(ranges[name], limits[name])
    return Priced(prices, float(together @ problem.per_budget), ranges, time.perf_counter() - began)


def _round(size: float) -> float:
    """Return a thousand, or the round number next below a smaller limit."""
    return min(1000.0, 10.0 ** math.floor(math.log10(size))) if size > 0 else 1000.0


def _known(price: float) -> float:
    return abs(price) if np.isfinite(price) else 0.0


@dataclass(frozen=True, eq=False)
class _Limit:
    """A limit that moves: along which direction, which way is looser, how far at most, and a round step of it.

    With ``anew`` it is moved and solved anew; else the pieces speak.
    """

    along: Floats
    looser: int
    top: float
    step: float
    anew: bool
    is_budget: bool = False


@dataclass(frozen=True, eq=False)
class _Plan:
    """The plan, settled."""

    problem: AllocationProblem
    nearby: Nearby
    spot: Spot
    every: bool

    @cached_property
    def far(self) -> tuple[Pieces, Pieces]:
        """Return the pieces that reach far, to see limits move up and down."""
        return self.nearby.far(self.spot)

    @staticmethod
    def of(repaired: Repaired, every: bool) -> "_Plan":
        spot = around(repaired, exact=every)
        return _Plan(repaired.problem, spot.place.nearby, spot, every)

    @property
    def binds(self) -> Flags:
        """Return which rules leave no room."""
        room = self.problem.signs * (self.spot.limits - self.spot.place.counted)
        return np.asarray(room < 10 * MISSED * self.problem.row_units)

    def alone(self, row: int) -> Floats:
        """Return the direction of one rule's limit."""
        return np.asarray(np.arange(len(self.problem.rows)) == row, dtype=float)

    def limit(self, row: int, is_budget: bool) -> _Limit:
        """Return a rule's limit; that of the budget with all that is stated as shares of it."""
        problem, size = self.problem, float(self.problem.row_units[row])
        step = problem.members(row) if problem.rows[row].kind.counts == "people" else _round(size)
        along = problem.per_budget if is_budget else self.alone(row)
        return _Limit(along, int(problem.signs[row]), size, step, self.every or is_budget, is_budget)

    @property
    def head_limits(self) -> dict[str, _Limit]:
        """Return the limits of what is spent on one customer, by name."""
        rules, found = len(self.problem.rows), self.nearby.head_limits
        places = np.eye(rules + len(found.names))[rules:]
        return {
            name: _Limit(along, 1, float(amount), _round(float(amount)), anew=False)
            for name, along, amount in zip(found.names, places, found.amounts, strict=True)
        }

    def together(self, along: Floats) -> Floats:
        """Return one set of prices of all rules, by which the plan is the best: as limits move up along a direction."""
        found = self.spot.pieces[0].prices(along, 1)
        if found is None:
            found = np.zeros(along.size) if self.spot.best is None else self.spot.best[1]
        return np.asarray(found[: along.size])

    def sides(self, along: Floats, looser: int) -> tuple[float, float]:
        """Return the price as limits are loosened, which is up (1) or down (-1), and as they are tightened."""
        found = (_seen_from(self.spot.pieces, side).price(along, side) for side in (looser, -looser))
        loose, tight = (NONE if each is None else each for each in found)
        return loose, tight

    def followed(self, sides: PriceRange, limit: _Limit) -> PriceRange:
        """Return a price with how far it holds, and what a round step of the limit brings.

        Where the limit is solved anew, the tighter side is followed too.
        """
        along, looser, top = limit.along, limit.looser, limit.top
        tries = TRIES_EACH if self.every else TRIES
        holds, beyond = self._until(sides.looser, along, looser, top, tries if limit.anew else 0)
        found = replace(sides, holds=holds, beyond=beyond, step=limit.step)
        if limit.anew:
            back, before = self._until(sides.tighter, along, -looser, top, tries if self.every else 0)
            found = replace(found, tighter_holds=back, tighter_beyond=before)
        return replace(found, gain=self._gain(sides.looser, along, looser * found.step, limit.anew))

    def _gain(self, price: float, along: Floats, amount: float, anew: bool) -> float:
        """Return what moving limits by an amount brings; nan where they cannot be."""
        if abs(price) <= PRICED:
            return 0.0
        if anew:
            moved = self._moved(along, amount)
            return NONE if moved is None else moved.value - self.spot.value
        pieces = _seen_from(self.far, 1 if amount > 0 else -1)
        here, there = pieces.at(along, 0.0), pieces.at(along, amount)
        return NONE if here is None or there is None else there[0] - here[0]

    def _moved(self, along: Floats, amount: float) -> Spot | None:
        steps, rough = (STEPS_EACH, 0.0) if self.every else (STEPS, ROUGH)
        return self.nearby.settled(self.spot, self.spot.limits + amount * along, steps=steps, rough=rough)

    def _until(self, price: float, along: Floats, side: int, top: float, tries: int) -> tuple[float, float]:
        """Return by how much limits may move to one side before their price has, and the price from there on."""
        if not np.isfinite(price):
            return NONE, NONE
        if abs(price) <= PRICED:
            return np.inf, 0.0

        amount, farther = self._seen(price, along, side, top)
        known, low, moved_by, high, past = (amount, farther), 0.0, 0.0, np.inf, NONE
        for _ in range(tries if np.isfinite(amount) else 0):
            there = self._moved(along, side * amount)
            before = None if there is None else _seen_from(there.pieces, -side).price(along, -side)
            change = np.inf if before is None else abs(before - price)
            if there is not None and change <= HOLDS * abs(price):
                after = _seen_from(there.pieces, side).price(along, side)
                known, low, moved_by = (amount, NONE if after is None else after), amount, change
                if after is None or abs(after - price) > HOLDS * abs(price) or amount >= top:
                    break
                if np.isfinite(high) and abs(after - price) <= SAME * abs(price):
                    known = amount, past  # it ends between here and there
                amount = min(2 * amount, top, low + 0.5 * (high - low))
            else:
                high = amount
                part = 0.5 if before is None else (HOLDS * abs(price) - moved_by) / (change - moved_by)
                amount = low + part * (high - low)
                past = NONE if before is None else before
                known = amount, past
            if np.isfinite(high) and high - low <= HOLDS * high:
                break
        return known

    def _seen(self, price: float, along: Floats, side: int, top: float) -> tuple[float, float]:
        """Return where the price ends by the pieces that reach far, and what it is there: exact where all is straight.

        What cannot be moved any farther has no price there.
        """
        pieces = _seen_from(self.far, side)
        here, far = pieces.at(along, 0.0), pieces.at(along, side * top)
        if here is None:
            return NONE, NONE
        first = pieces.at(along, side * NEXT * top)
        if first is not None and HOLDS < abs(first[1] / price - 1) <= BEGINS:
            price = first[1]
        aim = HOLDS * abs(price)
        if far is not None and abs(far[1] - price) <= aim:
            return top, far[1]
        low, high, value, slope = 0.0, top, here[0], price
        for look in range(LOOKS):
            cut, meets = 0.5 * (low + high), False
            if far is not None:  # where the line from one end meets that from the other, or else where slopes say
                met = (far[0] - value + side * (slope * low - far[1] * high)) / (side * (slope - far[1]))
                meets = low < met < high
                part = (aim - abs(slope - price)) / (abs(far[1] - price) - abs(slope - price))
                meets &= look % 2 == 0
                cut = met if meets else low + float(np.clip(part, 0.1, 0.9)) * (high - low)
            there = pieces.at(along, side * cut)
            if there is not None and far is not None and meets:
                straight = value + side * slope * (cut - low)
                if abs(there[0] - straight) <= STRAIGHT * abs(slope) * cut:
                    return cut, far[1]
            if there is not None and abs(there[1] - price) <= aim:
                low, value, slope = cut, *there
            else:
                high, far = cut, there
            if high - low <= NEAR * high:
                break
        return (low if low > 0 else high), NONE if far is None else far[1]


def _seen_from(both: tuple[Pieces, Pieces], side: int) -> Pieces:
    """Return the pieces to see limits move to one side: up (1) or down (-1)."""
    return both[0] if side > 0 else both[1]
