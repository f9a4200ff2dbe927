"""Response curves and rules as one array model: a linear programme, with whole numbers only where curves bend up.

Columns are the spend ``x`` of every place (channel x period), the filled share ``y`` of every straight piece, one
``z`` for every upward bend, and one ``b`` for every smallest campaign::

    maximise    sum rise_k y_k
    subject to  sum length_k y_k <= sum_j w_j x[t - j]        effective spend pays for the pieces of its place
                (= where the curve falls: what is spent cannot be kept from working)
                y_k >= z_r  for pieces k before bend r,   y_k <= z_r  for pieces after it up to the next
                smallest b <= x <= most b,                    the rules' rows

For the least budget ``B`` that brings a response, ``maximise -B`` with a row for the response, and with limits that are
shares of the budget moving along.

Pieces of a concave run fill in order by themselves. Per curve, shares and bends differ only in pairs, so that without
the other rows all corners are whole: the relaxation is the concave envelope, the tightest there is (the incremental
formulation of Markowitz & Manne 1957, with fewer whole numbers).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.curves.rows import Row
from optimizer.lp.arrays import ArrayModel
from optimizer.lp.programmes import tidy
from optimizer.tolerances import OVER
from sim.arrays import Floats, Ints

__all__ = ["CurveModel", "curve_model", "hull"]

STEP = 1e-6
"""How far limits move, in budgets, to see one-sided prices."""


@dataclass(frozen=True)
class CurveModel:
    """The arrays and what they mean.

    Attributes
    ----------
    arrays : ArrayModel
        Relaxed: no column is whole.
    places, pieces, bends, campaigns : int
        Numbers of columns of each kind, in this order.
    unit : float (places,)
        Money in one unit of ``x``.
    gain : float
        Response in one unit of the objective.
    base : float
        Response of the pieces without spend.
    owner, start, length : (pieces,)
        Place, first spend and length of every piece.
    bend_owner, bend_at : (bends,)
        Place and effective spend of every upward bend.
    bend_before, bend_after : int (pieces,)
        The last bend at or before a piece's start and the next one after it, on its curve; -1 for none.
    first_bend_row : int
    price_unit : float (rules,)
        Price in money of one unit of dual, for the first rows: the rules.
    direction : float (rows,)
        How limits move when the budget rises by ``STEP`` of itself.
    """

    arrays: ArrayModel
    places: int
    pieces: int
    bends: int
    campaigns: int
    unit: Floats
    gain: float
    base: float
    owner: Ints
    start: Floats
    length: Floats
    bend_owner: Ints
    bend_at: Floats
    bend_before: Ints
    bend_after: Ints
    first_bend_row: int
    price_unit: Floats
    direction: Floats

    def point(self, spend: Floats, effective: Floats, runs: Floats) -> Floats:
        """Return the columns that belong to a spend, with the campaigns that are run."""
        filled = np.clip((effective[self.owner] - self.start) / self.length, 0, 1)
        over = (effective[self.bend_owner] >= self.bend_at * (1 - 1e-12)).astype(float)
        return np.concatenate([spend / self.unit, filled, over, runs])

    @property
    def settled(self) -> slice:
        """Return the columns of bends and campaigns."""
        return slice(self.places + self.pieces, self.places + self.pieces + self.bends + self.campaigns)

    def whole(self, values: Floats) -> "ArrayModel":
        """Return the arrays with bends and campaigns at their rounded values: pieces that are full or shut are fixed.

        The bends' rows, the last ones, then say nothing more and are left out.
        """
        a, settled = self.arrays, self.settled
        fixed = np.round(values[settled])
        lower, upper = a.lower.copy(), a.upper.copy()
        lower[settled] = upper[settled] = fixed
        y = slice(self.places, settled.start)
        ends = np.append(fixed[: self.bends], 0.0)
        lower[y] = np.where(self.bend_after >= 0, ends[self.bend_after], 0.0)
        upper[y] = np.where(self.bend_before >= 0, ends[self.bend_before], 1.0)
        rows = int(self.first_bend_row)
        kept = a.rows < rows
        return ArrayModel(
            a.objective, lower, upper, a.rows[kept], a.columns[kept], a.values[kept], a.row_lower[:rows],
            a.row_upper[:rows], np.zeros(lower.size, bool),
        )  # fmt: skip

    def searched(self, scale: float) -> "ArrayModel":
        """Return the arrays with bends and campaigns whole and the objective divided by ``scale``."""
        a = self.arrays
        whole = np.zeros(a.objective.size, dtype=bool)
        whole[self.settled] = True
        return ArrayModel(
            a.objective / scale, a.lower, a.upper, a.rows, a.columns, a.values, a.row_lower, a.row_upper, whole
        )


def curve_model(
    pieces: Sequence[tuple[Floats, Floats]],
    carry_over: Floats,
    rows: Sequence[Row],
    money: float,
    target: float | None = None,
) -> CurveModel:
    """Return the model of pieces by place under the rules.

    Parameters
    ----------
    pieces : sequence of (spend, value)
        Corners of every curve, ``channel * worked + period``; spend from 0; up to any reach where the value falls.
    carry_over : float (channels, worked, periods)
        ``worked`` periods respond to the spend of ``periods``.
    rows : sequence of Row
    money : float
        The budget, or a typical spend if that is 0: what is large.
    target : float, optional
        The response for which the least budget is asked; rows then have the limits of a budget of 0.
    """
    channels, worked, periods = carry_over.shape
    places, curves = channels * periods, channels * worked
    counts = np.array([s.size - 1 for s, _ in pieces], dtype=np.int64)
    owner = np.repeat(np.arange(curves), counts)
    start = np.concatenate([s[:-1] for s, _ in pieces])
    length = np.concatenate([np.diff(s) for s, _ in pieces])
    rise = np.concatenate([np.diff(v) for _, v in pieces])
    ends = np.array([s[-1] for s, _ in pieces]).reshape(channels, worked).max(axis=1)
    units = np.where(ends > 0, np.minimum(ends, money), money)
    unit = np.repeat(units, periods)
    gain = float(np.abs(rise).sum()) or 1.0
    falls = np.array([bool((np.diff(v) < 0).any()) for _, v in pieces])

    slope = rise / length
    bend = np.zeros(owner.size, dtype=bool)
    if owner.size:
        size = np.abs(slope)
        steeper = slope[1:] > slope[:-1] + 1e-10 * np.maximum(size[1:], 1e-9 * size.max())
        bend[1:] = (owner[1:] == owner[:-1]) & steeper
    bend_piece = np.flatnonzero(bend)
    campaign_rows = [r for r, row in enumerate(rows) if row.sense == "0 or >="]
    first = np.cumsum([0, places, owner.size, bend_piece.size, len(campaign_rows)])

    parts = _Rows()
    budget_column = None if target is None else int(first[4])
    price_unit = _add_rules(parts, rows, unit, int(first[3]), money, gain, budget_column)
    channel, now, then = np.nonzero(carry_over)
    at, source = channel * worked + now, channel * periods + then
    parts.add(
        np.concatenate([owner, at]),
        np.concatenate([first[1] + np.arange(owner.size), source]),
        np.concatenate([length / units[owner // worked], -carry_over[channel, now, then]]),
        np.where(falls, 0.0, -np.inf),
        np.zeros(curves),
    )
    base = float(sum(v[0] for _, v in pieces))
    if target is not None:
        size = np.array([(target - base) / gain])
        parts.add(
            np.zeros(owner.size, dtype=np.int64),
            first[1] + np.arange(owner.size),
            rise / gain,
            size,
            np.array([np.inf]),
        )
    before, after = _bends_around(owner, bend_piece)
    first_bend_row = parts.number
    _add_bends(parts, before, after, int(first[1]), int(first[2]))
    upper = np.ones(first[4] + (target is not None))
    upper[:places] = OVER * money / unit
    upper[first[4] :] = OVER
    objective = np.zeros(upper.size)
    if target is None:
        objective[first[1] : first[2]] = rise / gain
    else:
        objective[-1] = -1.0
    arrays = parts.model(tidy(objective), tidy(upper))
    direction = np.zeros(arrays.row_lower.size)
    if target is None:
        direction[: len(rows)] = np.array([row.per_budget * STEP * money for row in rows]) * price_unit / gain
    else:
        direction[first_bend_row - 1] = STEP
    return CurveModel(
        arrays, places, owner.size, bend_piece.size, len(campaign_rows), unit, gain,
        base, owner, start, length, owner[bend_piece], start[bend_piece],
        before, after, first_bend_row, price_unit, direction,
    )  # fmt: skip


def hull(spend: Floats, value: Floats) -> tuple[Floats, Floats]:
    """Return the corners of the lowest curve above these corners that nowhere bends up."""
    kept: list[int] = []
    for i in range(spend.size):
        while len(kept) > 1:
            a, b = kept[-2:]
            if (value[b] - value[a]) * (spend[i] - spend[b]) > (value[i] - value[b]) * (spend[b] - spend[a]):
                break
            kept.pop()
        kept.append(i)
    return spend[kept], value[kept]


class _Rows:
    """Rows as they are gathered."""

    def __init__(self) -> None:
        self.number = 0
        self._parts: list[tuple[Ints, Ints, Floats, Floats, Floats]] = []

    def add(self, rows: Ints, columns: Ints, values: Floats, lower: Floats, upper: Floats) -> None:
        """Add a block; ``rows`` count from its first."""
        self._parts.append((rows + self.number, columns, values, lower, upper))
        self.number += lower.size

    def model(self, objective: Floats, upper: Floats) -> ArrayModel:
        """Return all of them over columns from 0 to ``upper``."""
        rows, columns, values, row_lower, row_upper = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        return ArrayModel(
            objective, np.zeros(upper.size), upper, rows.astype(np.int64), columns.astype(np.int64), tidy(values),
            tidy(row_lower), tidy(row_upper), np.zeros(upper.size, dtype=bool),
        )  # fmt: skip


def _add_rules(
    parts: _Rows,
    rows: Sequence[Row],
    unit: Floats,
    campaign_column: int,
    money: float,
    gain: float,
    budget_column: int | None,
) -> Floats:
    """Add the rules first, then what keeps a campaign that is not run at 0; return their price units."""
    number, column, value, size = [], [], [], np.ones(len(rows))
    lower, upper = np.full(len(rows), -np.inf), np.full(len(rows), np.inf)
    most: list[tuple[int, int]] = []
    for r, row in enumerate(rows):
        weights = row.coefficients * unit[row.columns]
        columns = row.columns
        if row.sense == "0 or >=":
            weights, columns = np.append(weights, -row.limit), np.append(columns, campaign_column)
            most.append((int(row.columns[0]), campaign_column))
            campaign_column += 1
        if budget_column is not None and row.per_budget:
            weights, columns = np.append(weights, -row.per_budget * money), np.append(columns, budget_column)
        size[r] = float(np.abs(weights).max())
        limit = 0.0 if row.sense == "0 or >=" else row.limit / size[r]
        if row.sense != "<=":
            lower[r] = limit
        if row.sense in ("<=", "="):
            upper[r] = limit
        number.append(np.full(columns.size, r))
        column.append(columns)
        value.append(weights / size[r])
    parts.add(np.concatenate(number), np.concatenate(column), np.concatenate(value), lower, upper)
    if most:
        spends, runs = np.array(most, dtype=np.int64).T
        block = np.arange(len(most))
        parts.add(
            np.concatenate([block, block]),
            np.concatenate([spends, runs]),
            np.concatenate([unit[spends] / money, np.full(len(most), -OVER)]),
            np.full(len(most), -np.inf),
            np.zeros(len(most)),
        )
    return gain / size


def _bends_around(owner: Ints, bend_piece: Ints) -> tuple[Ints, Ints]:
    """Return the last bend at or before every piece and the next after it, on the same curve; -1 for none."""
    following = np.searchsorted(bend_piece, np.arange(owner.size), side="right")
    around = []
    for bend in (following - 1, following):
        there = (bend >= 0) & (bend < bend_piece.size)
        there[there] &= owner[bend_piece[bend[there]]] == owner[there]
        around.append(np.where(there, bend, -1))
    return around[0], around[1]


def _add_bends(parts: _Rows, before: Ints, after: Ints, piece_column: int, bend_column: int) -> None:
    """Add ``y >= z`` for the bend after a piece, and ``y <= z`` for the bend before it."""
    for bends, low, high in ((after, 0.0, np.inf), (before, -np.inf, 0.0)):
        piece = np.flatnonzero(bends >= 0)
        block = np.arange(piece.size)
        parts.add(
            np.concatenate([block, block]),
            np.concatenate([piece_column + piece, bend_column + bends[piece]]),
            np.concatenate([np.ones(piece.size), -np.ones(piece.size)]),
            np.full(piece.size, low),
            np.full(piece.size, high),
        )
