"""A plan's neighbourhood in straight pieces, where both sides of a corner are seen and curves bend.

What an intensity does by itself is known nearby from one adjoint (:meth:`sim.engine.sensitivity.Course.slopes_beside`):
the slopes on a few pieces to each side of it, corners of broken lines where they are. Around a plan the question is
then a linear programme, ``max sum slopes x pieces`` inside the rules, whose answers to limits a little larger and a
little smaller are the two one-sided prices. Followed from point to point, the pieces ever shorter, it settles a plan
to more digits than the search needs, and from there each neighbouring limit's in a few steps.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix, hstack, identity, vstack

from optimizer.ask.problem import AllocationProblem
from optimizer.lp.arrays import ArrayAnswer, ArrayModel, MovingLimits
from optimizer.search.sequential import Sequential
from optimizer.tolerances import EMPTY, FITTED, PRECISE
from sim.arrays import Flags, Floats, Ints
from sim.engine.sensitivity import Course, follow
from sim.errors import SolverError

__all__ = ["Nearby", "Spot"]


PIECES, SHORTER = 3, 12.0
PIECES_AFAR, SHORTER_AFAR = 8, 2.0
"""To each side of an intensity, each so many times as long as the one before; and where it is looked over from afar."""
FIRST, LARGEST, LEAST, FINE = 0.1, 4.0, 1e-7, 1e-5
"""Reach of the pieces at first, at most and at least, in units of a variable's own size; and from which on down nothing
that they promise is nothing."""
LOCAL, WIDE = 1e-4, 4.0
"""The same at most where a price is read, and where it is looked over from afar."""
STEPS = 10
"""From one point to where its limits are kept best, at most."""
FAR = 1e3
"""Room of a rule, in what the pieces can move it, from which on it is out of sight."""
MOVE = 1e-3
"""By how much limits move to see one side of a price, in what the pieces can move."""


@dataclass(frozen=True, eq=False)
class Spot:
    """A plan, and how far around it pieces reach.

    Attributes
    ----------
    intensity : (campaigns,)
        Of each cell and campaign.
    course : Course
    value : float
        Of what is maximised.
    counted : (rows,)
        What each rule counts.
    reach : (campaigns,)
        Of the pieces, in intensity.
    limits : (rows,)
        The limits it was settled for.
    """

    intensity: Floats
    course: Course
    value: float
    counted: Floats
    reach: Floats
    limits: Floats


@dataclass(frozen=True, eq=False)
class Pieces:
    """The linear programme around a spot; columns are pieces up, then pieces down, of the campaigns that can move.

    Attributes
    ----------
    spot : Spot
    campaigns : (campaigns that can move,)
        Their numbers.
    worth, width : (columns,)
        In units of the pieces' reach, and of ``unit`` of what is maximised.
    rows : csr_matrix of (rows and contacts, columns)
    seen : (rows,)
        Which rules are in sight; the contacts come after them.
    size : (rows,)
        What the pieces can move each rule by: the unit of its row.
    contacts : (contacts,)
        What is left of each.
    unit : float
    """

    spot: Spot
    campaigns: Ints
    worth: Floats
    width: Floats
    rows: csr_matrix
    seen: Flags
    size: Floats
    contacts: Floats
    unit: float

    @cached_property
    def solver(self) -> MovingLimits:
        """Return what solves the programme for one set of limits after another."""
        entries, nothing = self.rows.tocoo(), np.zeros(self.width.size)
        left = np.zeros(self.rows.shape[0])
        return MovingLimits(ArrayModel(
            self.worth, nothing, self.width, entries.row.astype(np.int64), entries.col.astype(np.int64), entries.data,
            left, left, nothing.astype(bool),
        ))  # fmt: skip


class Nearby:
    """The neighbourhood of a plan as it is held.

    Parameters
    ----------
    problem
    course
        What happens under the plan.
    """

    def __init__(self, problem: AllocationProblem, course: Course) -> None:
        self.problem, self.chain = problem, problem.chain
        search = Sequential(problem).held(course)
        self.stated, cells = search.stated, search.cells
        amount = np.where(search.open, self.stated.amount_of(course), 0.0)
        tie = self.stated.ties(np.ones_like(amount))
        self.tie: csr_matrix = identity(amount.size, format="csr") if tie is None else csr_matrix(tie > 0, dtype=float)
        self.periods = np.asarray(self.tie.sum(axis=0)).ravel()
        self.start = self._mean(amount)
        usable = search.open & (self.stated.heads(course) > EMPTY)
        self.usable = self._mean(usable.astype(float)) > 0
        most = np.minimum(np.broadcast_to(search.limit, amount.shape), search.high)
        self.low = np.minimum(self._mean(search.low), self.start)
        self.high = np.maximum(-self._largest(-most), self.start)
        self.usual = self._mean(np.broadcast_to(search.usual, amount.shape))
        _, first = np.unique(cells.cell[cells.cell >= 0], return_index=True)
        corners = self.chain.corners[cells.cell >= 0][first]
        at = self._mean(np.broadcast_to(np.arange(cells.lever.size, dtype=float), amount.shape))
        self._last: dict[tuple[int, float], tuple[Spot, Pieces]] = {}
        self.corners: Floats = corners[np.rint(at).astype(np.int64)]

    def _mean(self, by_cell: Floats) -> Floats:
        return np.asarray(np.asarray(self.tie.T @ by_cell.ravel()) / self.periods)

    def _largest(self, by_cell: Floats) -> Floats:
        out = np.full(self.periods.size, -np.inf)
        entries = self.tie.tocoo()
        np.maximum.at(out, entries.col, by_cell.ravel()[entries.row])
        return out

    def _plan(self, intensity: Floats) -> Floats:
        plan = self.stated.plan((self.tie @ intensity).reshape(self.chain.periods, -1))
        assert isinstance(plan, np.ndarray)
        return plan

    def _at(self, intensity: Floats, reach: Floats, limits: Floats) -> Spot:
        course = follow(self.chain, self._plan(intensity))
        value, counted = course.value(self.problem.aim), self.problem.counted(course)
        return Spot(intensity, course, value, counted, reach, limits)

    def _size(self, intensity: Floats) -> Floats:
        return np.maximum(intensity, 0.5 * self.usual)

    def first(self, limits: Floats) -> Spot:
        """Return the plan itself."""
        return self._at(self.start, FIRST * self._size(self.start), limits)

    # --- Where limits are kept best ---

    def settled(self, spot: Spot, limits: Floats, *, steps: int = STEPS) -> Spot | None:
        """Return the best near a spot inside limits; None where nothing near it keeps them."""
        moved = float((np.abs(limits - spot.limits) / self.problem.row_units).max(initial=0))
        least = np.clip(20 * moved, LEAST, FIRST) * self._size(spot.intensity)
        spot = replace(spot, limits=limits, reach=np.maximum(spot.reach, least))
        stake = abs(float(spot.course.spend.sum())) + PRECISE * abs(spot.value)
        for _ in range(steps):
            pieces = self._pieces(spot)
            answer = self._solved(pieces)
            wider = 0
            while answer is None and wider < 8:  # limits moved by more than the pieces reach
                spot, wider = replace(spot, reach=4 * spot.reach), wider + 1
                pieces = self._pieces(spot)
                answer = self._solved(pieces)
            if answer is None:
                return None
            change, prices, promised = answer
            penalty = 2 * np.abs(prices)
            intensity = np.clip(spot.intensity + change, self.low, self.high)
            reach = np.clip(4 * np.abs(change), 0.1 * spot.reach, 4 * spot.reach)
            size = self._size(intensity)
            tried = self._at(intensity, np.clip(reach, LEAST * size, LARGEST * size), limits)
            kept = self._missed(spot) <= FITTED * self.problem.row_units
            if kept.all() and promised <= PRECISE * stake:
                least = FINE * self._size(spot.intensity)
                if (spot.reach <= least).all():
                    break
                spot = replace(spot, reach=np.maximum(np.minimum(0.05 * spot.reach, tried.reach), 0.1 * least))
                continue
            if self._merit(tried, penalty) >= self._merit(spot, penalty) - PRECISE * stake:
                spot = tried
            else:
                spot = replace(spot, reach=np.maximum(0.25 * spot.reach, LEAST * self._size(spot.intensity)))
        return spot

    def _missed(self, spot: Spot) -> Floats:
        return np.asarray(np.maximum(self.problem.signs * (spot.counted - spot.limits), 0))

    def _merit(self, spot: Spot, penalty: Floats) -> float:
        return spot.value - float(penalty @ self._missed(spot))

    # --- Prices ---

    def price(self, spot: Spot, direction: Floats, side: int) -> float | None:
        """Return d(value)/d(limits along ``direction``), as limits move up (1) or down (-1); None: they cannot."""
        pieces = self._kept(spot, side, 0.0)
        along = (direction / pieces.size)[pieces.seen]
        if not along.any():
            return 0.0
        scale = MOVE / float(np.abs(along).max())
        answer = self._answer(pieces, spot.limits + side * scale * direction)
        return None if answer is None else float(answer.duals[: along.size] @ along) * pieces.unit

    def afar(self, spot: Spot, direction: Floats, side: int) -> "Line":
        """Return what moving limits brings by the pieces that reach far."""
        return Line(self, self._kept(spot, side, WIDE), direction)

    def _kept(self, spot: Spot, side: int, wide: float) -> Pieces:
        """Return the pieces around a spot, kept for the next price there."""
        known, pieces = self._last.get((side, wide), (None, None))
        if known is not spot or pieces is None:
            size = self._size(spot.intensity)
            reach = wide * size if wide else np.clip(spot.reach, LEAST * size, LOCAL * size)
            pieces = self._pieces(replace(spot, reach=reach), side, *((PIECES_AFAR, SHORTER_AFAR) if wide else ()))
            self._last[side, wide] = spot, pieces
        return pieces

    # --- The programme ---

    def _pieces(self, spot: Spot, side: int = 1, number: int = PIECES, shorter: float = SHORTER) -> Pieces:
        moves = np.flatnonzero(self.usable & (self.high > self.low))
        reach = spot.reach[moves]
        lengths = shorter ** np.arange(1.0 - number, 1.0)
        up = self._ends(moves, spot, 1.0, lengths)
        down = self._ends(moves, spot, -1.0, lengths)
        beside = []
        for ends, sign in ((up, 1.0), (down, -1.0)):
            for k in range(number):
                middle = spot.intensity.copy()
                middle[moves] += sign * (ends[k] + ends[k + 1]) / 2
                beside.append(self._plan(middle))
        slopes = [
            np.asarray(self.tie.T @ self.stated.by_cell(each).ravel())[moves]
            for each in spot.course.slopes_beside(self.problem.aim, beside)
        ]
        # A curve that bends up is taken for straight: what it would bring farther on is no matter of what is near.
        more = np.minimum.accumulate(np.array(slopes[:number]), axis=0)
        less = np.maximum.accumulate(np.array(slopes[number:]), axis=0)
        if side > 0:
            less = np.maximum(less, more[0])
        else:
            more = np.minimum(more, less[0])
        worth = np.concatenate([more, -less]) * reach
        unit = float(np.abs(worth).max(initial=0)) or 1.0
        width = np.concatenate([np.diff(up, axis=0), np.diff(down, axis=0)]) / reach
        jacobian = csr_matrix(self.stated.jacobian(spot.course) @ self.tie)[:, moves].multiply(reach).tocsr()
        size = (
            np.asarray(abs(jacobian).max(axis=1).todense()).ravel() if moves.size else np.zeros(len(self.problem.rows))
        )
        room = self.problem.signs * (spot.limits - spot.counted)
        seen = (size > 0) & (room < FAR * size)
        size = np.where(size > 0, size, 1.0)
        body = csr_matrix(jacobian.multiply(1 / size[:, None]))[seen]
        contacts = np.empty(0)
        amount = np.asarray(self.tie @ spot.intensity).reshape(self.chain.periods, -1)
        extra = self.stated.contacts(amount, np.ones_like(amount))
        if extra is not None:
            matrix, contacts = extra
            body = vstack([body, csr_matrix(matrix @ self.tie)[:, moves].multiply(reach)], format="csr")
        rows = hstack([*[body] * number, *[-body] * number], format="csr")
        return Pieces(spot, moves, (worth / unit).ravel(), width.ravel(), rows, seen, size, contacts, unit)

    def _ends(self, moves: Ints, spot: Spot, sign: float, lengths: Floats) -> Floats:
        """Return where the pieces to one side end, (1 + pieces, campaigns), as distances: corners among them."""
        intensity, reach = spot.intensity[moves], spot.reach[moves]
        room = (self.high[moves] - intensity) if sign > 0 else (intensity - self.low[moves])
        ends = reach * lengths[:, None]
        free = np.ones(ends.shape, dtype=bool)
        away = sign * (self.corners[moves] - intensity[:, None])
        nothing = 1e-12 * self._size(spot.intensity)[moves]
        for k in range(away.shape[1]):
            inside = (away[:, k] > nothing) & (away[:, k] < reach)
            nearest = np.where(free, np.abs(ends - away[:, k]), np.inf).argmin(axis=0)[inside]
            ends[nearest, np.flatnonzero(inside)] = away[inside, k]
            free[nearest, np.flatnonzero(inside)] = False
        ends = np.minimum(np.sort(ends, axis=0), np.maximum(room, 0.0))
        return np.vstack([np.zeros_like(reach), ends])

    def _limits(self, pieces: Pieces, limits: Floats) -> tuple[Floats, Floats]:
        """Return the limits of the rows of pieces."""
        signs = self.problem.signs[pieces.seen]
        left = ((limits - pieces.spot.counted) / pieces.size)[pieces.seen]
        upper = np.concatenate([np.where(signs > 0, left, np.inf), pieces.contacts])
        lower = np.concatenate([np.where(signs > 0, -np.inf, left), np.full(pieces.contacts.size, -np.inf)])
        return lower, upper

    def _answer(self, pieces: Pieces, limits: Floats) -> ArrayAnswer | None:
        try:
            return pieces.solver.at(*self._limits(pieces, limits))
        except SolverError:  # limits beyond what pieces reach can end in no answer at all
            return None

    def _solved(self, pieces: Pieces) -> tuple[Floats, Floats, float] | None:
        """Return the best change of intensities, the rules' prices, and what it promises."""
        answer = self._answer(pieces, pieces.spot.limits)
        if answer is None:
            return None
        parts = answer.values.reshape(2, -1, pieces.campaigns.size).sum(axis=1)
        change = np.zeros_like(pieces.spot.intensity)
        moves = pieces.campaigns
        change[moves] = (parts[0] - parts[1]) * pieces.spot.reach[moves]
        prices = np.zeros(pieces.seen.size)
        prices[pieces.seen] = answer.duals[: int(pieces.seen.sum())]
        prices = prices / pieces.size * pieces.unit
        return change, prices, float(pieces.worth @ answer.values) * pieces.unit


@dataclass(frozen=True, eq=False)
class Line:
    """What limits bring as they move along a direction, by pieces that stay as they are."""

    nearby: Nearby
    pieces: Pieces
    direction: Floats

    def at(self, amount: float) -> tuple[float, float] | None:
        """Return what limits moved by so much bring, to a constant, and its slope; None where they cannot be kept."""
        limits = self.pieces.spot.limits + amount * self.direction
        answer = self.nearby._answer(self.pieces, limits)
        if answer is None:
            return None
        seen, unit = self.pieces.seen, self.pieces.unit
        slope = answer.duals[: int(seen.sum())] @ (self.direction / self.pieces.size)[seen]
        return float(self.pieces.worth @ answer.values) * unit, float(slope) * unit
