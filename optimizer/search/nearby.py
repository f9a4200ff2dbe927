"""A plan's neighbourhood in straight pieces, where both sides of a corner are seen and curves bend.

What an intensity does by itself is known nearby from one adjoint (:meth:`sim.engine.sensitivity.Course.beside`): the
slopes on a few pieces to each side of it, which end at corners of broken lines where they are. Around a plan the
question is then a linear programme, ``max sum slopes x pieces`` inside the rules, whose answers to limits a little
larger and a little smaller are the two one-sided prices. Followed from point to point, the pieces ever shorter, it
settles a plan to more digits than the search needs, and from there each neighbouring limit's in a few steps.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix, hstack, identity, vstack

from optimizer.ask.problem import AllocationProblem
from optimizer.lp.arrays import ArrayModel
from optimizer.lp.moving_limits import MovingLimits
from optimizer.lp.one_row import OneRow
from optimizer.lp.programmes import tidy
from optimizer.search.head_limits import HeadLimits, HeadRows
from optimizer.search.sequential import Sequential
from optimizer.tolerances import EMPTY, FITTED, MISSED, PRECISE
from sim.arrays import Flags, Floats, Ints
from sim.engine.sensitivity import Beside, Course, follow

__all__ = ["Nearby", "Pieces", "Spot"]


NEAR_PIECES = 12.0 ** np.arange(-2.0, 1.0)
FAR_PIECES = np.array([0.01, 0.02, 0.035, 0.055, 0.085, 0.125, 0.25, 1.0])
"""Where the pieces to each side end, in what they reach; and where they are looked over from afar."""
FIRST, LARGEST, LEAST, FINE = 0.1, 4.0, 1e-7, 1e-5
"""Reach of the pieces at first, at most and at least, in units of a variable's own size; and from which on down nothing
that they promise is nothing."""
WIDE = 2.0
"""The same where a price is looked over from afar."""
FAR = 1e3
"""Room of a rule, in what the pieces can move it, from which on it is out of sight."""
ROUNDS = 4
"""Of bringing a plan inside its limits, at most."""
MOVE, OUTSIDE = 1e-3, 1e-6
"""By how much limits move to see one side of a price, and may be missed, in what the pieces can move."""
LOSS = 1e4
"""Of a unit by which a rule is missed: many times what the dearest piece brings."""


@dataclass(frozen=True, eq=False)
class Place:
    """A plan, and what is known there.

    Attributes
    ----------
    nearby : Nearby
    amount : (variables,)
        Intensity of each campaign.
    course : Course
    about : csr_matrix, optional
        What each rule counts by variable, (rows, variables), next to here; None: looked at anew.
    """

    nearby: "Nearby"
    amount: Floats
    course: Course
    about: csr_matrix | None = None

    @cached_property
    def value(self) -> float:
        """Return what is maximised."""
        return self.course.value(self.nearby.problem.aim)

    @cached_property
    def counted(self) -> Floats:
        """Return what each rule counts."""
        return self.nearby.problem.counted(self.course)

    @cached_property
    def beside(self) -> Beside:
        """Return what other intensities bring."""
        return self.course.beside(self.nearby.problem.aim)

    @cached_property
    def counts(self) -> csr_matrix:
        """Return what each rule counts by variable, (rows, variables)."""
        nearby = self.nearby
        return csr_matrix(nearby.stated.jacobian(self.course) @ nearby.tie) if self.about is None else self.about

    @cached_property
    def box(self) -> "Box":
        """Return what variables may be around here."""
        return self.nearby.box(self)


@dataclass(frozen=True, eq=False)
class Spot:
    """A plan with how far pieces reach around it.

    Attributes
    ----------
    place : Place
    reach : (variables,)
    limits : (rows,)
        The limits it is for.
    """

    place: Place
    reach: Floats
    limits: Floats

    @cached_property
    def pieces(self) -> "tuple[Pieces, Pieces]":
        """Return the pieces around it, to see limits move up and down."""
        return self.place.nearby.pieces(self, NEAR_PIECES)

    @cached_property
    def best(self) -> "tuple[Floats, Floats, float] | None":
        """Return the best change by the pieces, the rules' prices and what it promises; None: rules stay missed."""
        return self.pieces[0].best()

    @cached_property
    def missed(self) -> Floats:
        """Return by how much each rule is missed."""
        return np.asarray(np.maximum(self.place.nearby.problem.signs * (self.place.counted - self.limits), 0))

    @property
    def value(self) -> float:
        """Return what is maximised, where the pieces' best change leads."""
        return self.place.value + (0.0 if self.best is None else self.best[2])

    @property
    def bare(self) -> "Spot":
        """Return the same without what can be worked out again, which takes much room."""
        place, course = self.place, self.place.course
        return replace(self, place=replace(place, course=replace(course, past=course.past)))

    def merit(self, penalty: Floats) -> float:
        """Return what is maximised, less what missed rules cost."""
        return self.place.value - float(penalty @ self.missed)


@dataclass(frozen=True, eq=False)
class Box:
    """What variables may be around a plan.

    Attributes
    ----------
    low, high, size : (variables,)
        Bounds, and a size to measure by.
    top : (variables,)
        Where pieces may reach: as ``high``, but for limits of a head, which have rows of their own.
    corners : (variables, corners)
    moves : (variables that can move,)
        Their numbers.
    """

    low: Floats
    high: Floats
    top: Floats
    size: Floats
    corners: Floats
    moves: Ints


@dataclass(frozen=True, eq=False)
class Pieces:
    """The linear programme around a plan; columns are pieces up, then pieces down, of the variables that can move.

    Attributes
    ----------
    spot : Spot
    moves : (variables that can move,)
        Their numbers.
    worth, width : (columns,)
        In units of the pieces' reach, and of ``unit`` of what is maximised.
    rows : csr_matrix of (rows and rows of heads, columns)
    signs : (rows,)
    seen : (rows,)
        Which rules are in sight; the rows of heads come after them.
    size : (rows,)
        What the pieces can move each rule by: the unit of its row.
    heads : HeadRows
    unit : float
    """

    spot: Spot
    moves: Ints
    worth: Floats
    width: Floats
    rows: csr_matrix
    signs: Floats
    seen: Flags
    size: Floats
    heads: HeadRows
    unit: float

    @cached_property
    def _solver(self) -> MovingLimits:
        """Return what solves the programme for one set of limits after another; a rule may be missed, at a loss."""
        rules, rows = int(self.seen.sum()), self.rows.shape[0]
        slack = csr_matrix((-self.signs[self.seen], (np.arange(rules), np.arange(rules))), shape=(rows, rules))
        entries, width = hstack([self.rows, slack]).tocoo(), np.append(self.width, np.full(rules, np.inf))
        nothing = np.zeros(width.size)
        return MovingLimits(ArrayModel(
            np.append(self.worth, np.full(rules, -LOSS)), nothing, width, entries.row.astype(np.int64),
            entries.col.astype(np.int64), entries.data, np.zeros(rows), np.zeros(rows), nothing.astype(bool),
        ))  # fmt: skip

    @cached_property
    def _alone(self) -> OneRow:
        """Return what solves the programme where one rule is all there is."""
        return OneRow(self.worth, self.width, self.rows.toarray()[0], float(self.signs[self.seen][0]), LOSS)

    def answer(self, moved: Floats) -> tuple[Floats, Floats] | None:
        """Return the best pieces inside limits moved from the spot's, and the duals; None: pieces do not reach inside.

        Limits are those of the rules, and after them, if given, those of a head.
        """
        signs, rules, spot = self.signs[self.seen], self.seen.size, self.spot
        left = ((spot.limits + moved[:rules] - spot.place.counted) / self.size)[self.seen]
        room = self.heads.left + (self.heads.grows @ moved[rules:] if moved.size > rules else 0.0)
        upper = np.concatenate([np.where(signs > 0, left, np.inf), room])
        lower = np.concatenate([np.where(signs > 0, -np.inf, left), np.full(room.size, -np.inf)])
        if signs.size == upper.size == 1:
            found: tuple[Floats, Floats] | None = self._alone.at(float(left[0]))
        else:
            found = self._solver.at(lower, upper)
        if found is None or found[0][self.width.size :].sum() > OUTSIDE:
            return None
        values, duals = found
        return values[: self.width.size], duals

    @cached_property
    def here(self) -> tuple[Floats, Floats] | None:
        """Return the answer inside the spot's own limits: every look at how far a price holds begins there."""
        return self.answer(np.zeros(self.seen.size))

    def at(self, along: Floats, amount: float) -> tuple[float, float] | None:
        """Return what limits moved by so much along a direction bring, to a constant, and its slope; None: they cannot.

        That is exact as long as what each element does leaves the others alone.
        """
        answer = self.answer(amount * along) if amount else self.here
        if answer is None:
            return None
        values, duals = answer
        return float(self.worth @ values) * self.unit, float(self._prices(duals)[: along.size] @ along)

    def _prices(self, duals: Floats) -> Floats:
        """Return d(value)/d(limit) of every rule, and after them of every limit of a head."""
        rules, prices = int(self.seen.sum()), np.zeros(self.seen.size)
        prices[self.seen] = duals[:rules]
        return np.append(prices / self.size, self.heads.grows.T @ duals[rules:]) * self.unit

    def best(self) -> tuple[Floats, Floats, float] | None:
        """Return the best change of variables, the rules' prices, and what it promises; None: rules stay missed."""
        if self.here is None:
            return None
        values, duals = self.here
        parts = values.reshape(2, -1, self.moves.size).sum(axis=1)
        change = np.zeros_like(self.spot.reach)
        change[self.moves] = (parts[0] - parts[1]) * self.spot.reach[self.moves]
        return change, self._prices(duals)[: self.seen.size], float(self.worth @ values) * self.unit

    def prices(self, along: Floats, side: int) -> Floats | None:
        """Return d(value)/d(limit) of every rule together, as limits have moved up (1) or down (-1) along a direction.

        Where several sets of prices explain the plan it is the one of that side; None: limits cannot move there.
        """
        answer = self.answer((side * MOVE / moved if (moved := self._moved(along)) else 0.0) * along)
        return None if answer is None else self._prices(answer[1])

    def price(self, along: Floats, side: int) -> float | None:
        """Return d(value)/d(limits along a direction) as they move up (1) or down (-1); None: they cannot."""
        if not self._moved(along):
            return 0.0
        found = self.prices(along, side)
        return None if found is None else float(found[: along.size] @ along)

    def _moved(self, along: Floats) -> float:
        """Return by how much limits along a direction move the rows, in what the pieces can."""
        rules, heads = along[: self.seen.size], along[self.seen.size :]
        moved = float(np.abs((rules / self.size)[self.seen]).max(initial=0))
        return max(moved, float(np.abs(self.heads.grows @ heads).max(initial=0)) if heads.size else 0.0)


class Nearby:
    """The neighbourhood of a plan as it is held, in intensities: what odds in one period bring is straight there.

    Parameters
    ----------
    problem
    course
        What happens under the plan.
    """

    def __init__(self, problem: AllocationProblem, course: Course) -> None:
        self.problem, self.chain = problem, problem.chain
        self.search = search = Sequential(problem).held(course)
        self.stated, self.head_limits = self.search.stated, HeadLimits(problem)
        amount = np.where(search.open, self.stated.amount_of(course), 0.0)
        tie = self.stated.ties(np.ones_like(amount))
        self.tie: csr_matrix = identity(amount.size, format="csr") if tie is None else tie
        self.start = self._mean(amount)

    def first(self, limits: Floats) -> Spot:
        """Return the plan itself."""
        place = self._at(self.start)
        return Spot(place, FIRST * place.box.size, limits)

    def settled(self, spot: Spot, limits: Floats, *, steps: int, rough: float = 0.0) -> Spot | None:
        """Return the best near a spot inside limits; None where nothing near it keeps them.

        It ends where pieces promise no more than ``rough`` of what is at stake, as soon as they do.
        """
        problem = self.problem
        moved = float((np.abs(limits - spot.limits) / problem.row_units).max(initial=0))
        spot = Spot(spot.place, np.maximum(spot.reach, np.clip(20 * moved, LEAST, FIRST) * spot.place.box.size), limits)
        stake = abs(float(spot.place.course.spend.sum())) + PRECISE * abs(spot.place.value)
        for _ in range(steps):
            wider = 0
            while spot.best is None and wider < 8:  # limits moved by more than the pieces reach
                spot, wider = replace(spot, reach=4 * spot.reach), wider + 1
            if spot.best is None:
                return None
            change, prices, promised = spot.best
            if abs(promised) <= rough * stake and (spot.missed <= MISSED * problem.row_units).all():
                break
            size, penalty = spot.place.box.size, 2 * np.abs(prices)
            if promised <= PRECISE * stake and (spot.missed <= FITTED * problem.row_units).all():
                if (spot.reach <= FINE * size).all():
                    break
                finer = np.minimum(0.05 * spot.reach, self._reach(spot, change))
                spot = replace(spot, reach=np.maximum(finer, 0.1 * FINE * size))
                continue
            tried, merit = self._tried(spot, change), spot.merit(penalty)
            gained, expected = tried.merit(penalty) - merit, promised + float(penalty @ spot.missed)
            if gained < 0.5 * expected:  # it bends: where the parabola of slope and gain is highest
                part = float(np.clip(expected / (2 * (expected - gained)), 0.05, 0.9))
                nearer = self._tried(spot, part * change)
                tried = max(nearer, tried, key=lambda each: each.merit(penalty))
            if tried.merit(penalty) >= merit - PRECISE * stake:
                spot = tried
            else:
                spot = replace(spot, reach=np.maximum(0.25 * spot.reach, LEAST * size))
        if steps > 1 and spot.place.about is not None:
            spot = replace(spot, place=replace(spot.place, about=None))
        return spot if spot.best is not None else None

    def inside(self, spot: Spot) -> Spot:
        """Return a spot that misses its limits by a little brought inside them, aimed beyond by as much as it missed.

        Intensities bend what rules count: what the last step missed by would else cost the plan the whole way there.
        """
        units, signs, reach, limits = self.problem.row_units, self.problem.signs, spot.reach, spot.limits
        for _ in range(ROUNDS):
            missed, size = spot.missed, spot.place.box.size
            if (missed <= FITTED * units).all():
                break
            near = np.clip(20 * float((missed / units).max()), LEAST, FIRST) * size
            aimed = replace(spot, reach=near, limits=limits - 1.5 * signs * missed)
            while aimed.best is None and (aimed.reach < reach).any():
                aimed = replace(aimed, reach=4 * aimed.reach)
            if aimed.best is None:
                break
            there = self._tried(aimed, aimed.best[0])
            spot = Spot(replace(there.place, about=None), reach, limits)
        return spot

    def _tried(self, spot: Spot, change: Floats) -> Spot:
        """Return the plan after a change, with what its pieces reach."""
        place, box = spot.place, spot.place.box
        about = place.counts if place.about is None else None  # looked at anew every other time
        there = self._at(np.clip(place.amount + change, box.low, box.high), about)
        return Spot(there, self._reach(spot, change), spot.limits)

    @staticmethod
    def _reach(spot: Spot, change: Floats) -> Floats:
        size = spot.place.box.size
        reach = np.clip(4 * np.abs(change), 0.1 * spot.reach, 4 * spot.reach)
        return np.asarray(np.clip(reach, LEAST * size, LARGEST * size))

    def far(self, spot: Spot) -> tuple[Pieces, Pieces]:
        """Return the pieces that reach far around a spot, to see limits move up and down."""
        return self.pieces(replace(spot, reach=WIDE * spot.place.box.size), FAR_PIECES)

    # --- Places ---

    def _mean(self, by_cell: Floats) -> Floats:
        return np.asarray(np.asarray(self.tie.T @ by_cell.ravel()) / np.asarray(self.tie.sum(axis=0)).ravel())

    def _largest(self, by_cell: Floats) -> Floats:
        out = np.full(self.tie.shape[1], -np.inf)
        entries = self.tie.tocoo()
        np.maximum.at(out, entries.col, by_cell.ravel()[entries.row])
        return out

    def _plan(self, amount: Floats) -> Floats:
        plan = self.stated.plan(self._by_cell(amount))
        assert isinstance(plan, np.ndarray)
        return plan

    def _by_cell(self, amount: Floats) -> Floats:
        return np.asarray(self.tie @ amount).reshape(self.chain.periods, -1)

    def _at(self, amount: Floats, about: csr_matrix | None = None) -> Place:
        return Place(self, amount, follow(self.chain, self._plan(amount)), about)

    def box(self, place: Place) -> Box:
        """Return what variables may be around a place."""
        search, heads = self.search, self.stated.heads(place.course)
        usable = search.open & (heads > EMPTY)
        most = np.minimum(search.high, search.limit)
        low = np.minimum(self._largest(search.low), place.amount)
        high = np.maximum(-self._largest(-most), place.amount)
        top = np.where(np.isfinite(search.limit[self.cell]), np.maximum(-self._largest(-search.high), high), high)
        moves = np.flatnonzero((self._mean(usable.astype(float)) > 0) & (top > low))
        size = np.maximum(place.amount, 0.5 * search.usual[self.cell])
        return Box(low, high, top, size, search.corners[self.cell], moves)

    @cached_property
    def cell(self) -> Ints:
        """Return the cell of each variable."""
        shape = self.search.low.shape
        return np.asarray(np.rint(self._mean(np.broadcast_to(np.arange(shape[1]), shape))), dtype=np.int64)

    # --- The programme ---

    def pieces(self, spot: Spot, lengths: Floats) -> tuple[Pieces, Pieces]:
        """Return the pieces around a spot, to see limits move up and down."""
        place, box = spot.place, spot.place.box
        moves, reach, number = box.moves, spot.reach[box.moves], lengths.size
        ends = np.stack([_ends(spot, sign, lengths) for sign in (1.0, -1.0)])
        middles = np.repeat(place.amount[None], 2 * number, axis=0)
        signs = np.repeat([1.0, -1.0], number)[:, None]
        middles[:, moves] += signs * ((ends[:, 1:] + ends[:, :-1]) / 2).reshape(2 * number, -1)
        slopes = place.beside.slopes(np.stack([self._plan(middle) for middle in middles]))
        by_variable = np.stack([self.tie.T @ self.stated.by_cell(each).ravel() for each in slopes])[:, moves]
        # A curve that bends up is taken for straight: what it would bring farther on is no matter of what is near.
        more = np.minimum.accumulate(by_variable[:number], axis=0)
        less = np.maximum.accumulate(by_variable[number:], axis=0)
        width = np.diff(ends, axis=1).reshape(2 * number, -1) / reach
        rows, seen, size, heads = self._rows(spot)
        rows = hstack([*[rows] * number, *[-rows] * number], format="csr")
        rows.data = tidy(rows.data)

        def with_slopes(more: Floats, less: Floats) -> Pieces:
            worth = np.concatenate([more, -less]) * reach
            unit = float(np.abs(worth).max(initial=0)) or 1.0
            worth = np.round(worth / unit, 10)
            signs = self.problem.signs
            return Pieces(spot, moves, worth.ravel(), tidy(width.ravel()), rows, signs, seen, size, heads, unit)

        return with_slopes(more, np.maximum(less, more[0])), with_slopes(np.minimum(more, less[0]), less)

    def _rows(self, spot: Spot) -> tuple[csr_matrix, Flags, Floats, HeadRows]:
        """Return the rows of rules in sight and of heads, which are in sight, the rules' units, and the heads'."""
        place, box = spot.place, spot.place.box
        moves, reach = box.moves, spot.reach[box.moves]
        jacobian = csr_matrix(place.counts[:, moves].multiply(reach))
        size = np.asarray(abs(jacobian).max(axis=1).todense()).ravel() if moves.size else np.zeros(jacobian.shape[0])
        seen = (size > 0) & (self.problem.signs * (spot.limits - place.counted) < FAR * size)
        size = np.where(size > 0, size, 1.0)
        contacts = self.stated.contacts(self._by_cell(place.amount), self.stated.heads(place.course))
        if contacts is not None:
            contacts = csr_matrix(contacts[0] @ self.tie), contacts[1]
        heads = self.head_limits.rows(spot, contacts, self.search.cells.lever[self.cell], self.search.limit[self.cell])
        body = csr_matrix(jacobian.multiply(1 / size[:, None]))[seen]
        return vstack([body, heads.body], format="csr"), seen, size, heads


def _ends(spot: Spot, sign: float, lengths: Floats) -> Floats:
    """Return where the pieces to one side end, (1 + pieces, variables that move), as distances: corners among them."""
    box = spot.place.box
    amount, reach, size = spot.place.amount[box.moves], spot.reach[box.moves], box.size[box.moves]
    room = (box.top[box.moves] - amount) if sign > 0 else (amount - box.low[box.moves])
    ends = reach * lengths[:, None]
    free = np.ones(ends.shape, dtype=bool)
    away = sign * (box.corners[box.moves] - amount[:, None])
    for k in np.flatnonzero(((away > 0) & (away < reach[:, None])).any(axis=0)):
        inside = np.flatnonzero((away[:, k] > 1e-12 * size) & (away[:, k] < reach) & free.any(axis=0))
        nearest = np.where(free, np.abs(ends - away[:, k]), np.inf).argmin(axis=0)[inside]
        ends[nearest, inside] = away[inside, k]
        free[nearest, inside] = False
    return np.vstack([np.zeros_like(reach), np.minimum(np.sort(ends, axis=0), np.maximum(room, 0.0))])
