"""Jumps over thresholds: every response seen along its whole length, where a climb sees only its foot.

With all else held, what other intensities of a lever bring in one period is known from one adjoint pass, exactly where
customers do not move each other's odds: ``by_odds . P(u) + by_reward . reward(u) - money``. Side by side under the
rules, these curves of all periods and cells are a programme like that of an allocation over response curves,

``max sum_v gain_v(z_v)   s.t.   rows(z) <= limits``,

which is its concave envelope with whole numbers where a curve bends up (the incremental formulation of Markowitz &
Manne 1957). Its answer settles what runs and what does not, and is a place to search from. Chords between samples
would settle that wrongly where two ways are worth nearly the same: it is asked again with the samples at which each
curve is best at the price that money had, and where money is no matter, and with those of the answer itself, until
chords say what these bring.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix, diags, identity, vstack

from optimizer.lp.arrays import ArrayModel, solve_arrays
from optimizer.lp.programmes import tidy
from optimizer.search.sequential import Sequential
from optimizer.tolerances import EMPTY
from sim.arrays import Flags, Floats, Ints
from sim.engine.sensitivity import Course, follow
from sim.errors import SolverError

__all__ = ["Jump", "jump"]


NODES, GAP = 200, 1e-4
"""Branches looked at, and how near to the programme's optimum is enough: the search goes on from there."""
LOOKS, OFF = 4, 1e-4
"""Times that it is asked again, at most; and share of what is at stake by which chords may be off where it matters."""
FLAT = 1e-7
"""Share of what is at stake by which a curve may lie below its envelope and be taken for it."""
DEAR = 1.0
"""Share of what is at stake that a curve may fall below its best: more money than that is not weighed."""
FILLED = 1e-6
"""Share of a piece from which on it is filled."""
MOST_PIECES = 200_000
"""Of all curves together; more are not weighed."""


@dataclass(frozen=True, eq=False)
class Jump:
    """A plan to search from.

    Attributes
    ----------
    amount : (periods, cells)
    promise : float
        What it would bring more if what each cell does left the others alone.
    price : float
        What the last unit of money brings there, in the median of the curves that get some; 0 where none does.
    """

    amount: Floats
    promise: float
    price: float


def jump(search: Sequential, amount: Floats, levers: Sequence[int], stake: float) -> Jump | None:
    """Return the best other plan along the curves of some levers, the others' money held; None where there is none."""
    courses = search.courses(amount)
    course = courses[0]
    heads = search.stated.heads(course)
    cells = search.cells
    each = np.divide(amount, heads, out=np.zeros_like(amount), where=heads > EMPTY)
    rungs = _rungs(search, each)
    weighted = [(weight, follow(one.chain, one.intensity)) for weight, one in search.weighted(courses)]

    def gains(at: Floats) -> Floats:
        return np.asarray(sum(weight * _gains(search, one, at, levers) for weight, one in weighted))

    gain = gains(rungs)
    tie = search.stated.ties(heads)
    free = (search.open & (heads > EMPTY) & np.isin(cells.lever, np.array(levers))).ravel()
    tie = csr_matrix(identity(amount.size, format="csr") if tie is None else tie)

    def best() -> Jump | None:
        curves = _curves(search, tie, free, heads, rungs, gain, amount, stake)
        return None if curves is None else _best(search, course, amount, heads, tie, curves, stake)

    found = best()
    for look in range(LOOKS):
        if found is None:
            break
        there = np.divide(found.amount, heads, out=np.zeros_like(amount), where=heads > EMPTY)[..., None]
        prices = (0.0, max(found.price, 0.0))
        peak = [_peaks(rungs, gain - price * heads[..., None] * rungs) for price in prices]
        seen = np.concatenate([*peak, there], axis=2)
        brings = gains(seen)
        off = np.abs(brings - _along(rungs, gain, seen)).reshape(free.size, -1)[free].sum(axis=0)
        if look and off.max() <= OFF * stake:
            break
        rungs, gain = np.concatenate([rungs, seen], axis=2), np.concatenate([gain, brings], axis=2)
        order = np.argsort(rungs, axis=2, kind="stable")
        rungs, gain = np.take_along_axis(rungs, order, axis=2), np.take_along_axis(gain, order, axis=2)
        found = best() or found
    return found


def _rungs(search: Sequential, each: Floats) -> Floats:
    """Return rising intensities by period and cell, (periods, cells, rungs), the plan's own among them."""
    same = np.repeat(search.ladders[None], each.shape[0], axis=0)
    return np.sort(np.concatenate([same, each[..., None]], axis=2), axis=2)


def _gains(search: Sequential, course: Course, rungs: Floats, levers: Sequence[int]) -> Floats:
    """Return what each intensity brings, less its money, (periods, cells, rungs)."""
    chain, cells, aim = course.chain, search.cells, search.problem.aim
    groups, stages, _ = chain.targets.shape
    place = (chain.group[:, None] * stages + chain.space.law_stage).ravel()
    out = np.zeros_like(rungs)
    for t, (by_odds, by_reward) in course.odds_slopes(aim).items():
        now = course.past[t]
        for k in levers:
            inside = cells.cell[:, :, k] >= 0
            if not inside.any() or not search.open[t, cells.cell[:, :, k][inside][0]]:
                continue
            mine = cells.cell[:, :, k][inside]
            dear = aim.money[t, :, :, k] * now.observed
            for j in range(rungs.shape[2]):
                intensity = now.intensity.copy()
                intensity[:, :, k][inside] = rungs[t, mine, j]
                effective = chain.conditions(now.now, intensity).effective
                step = chain.step(now.met.environment, effective)
                worth = (by_odds * step.probability).sum(axis=2) + by_reward * step.reward
                by_target = np.bincount(place, weights=worth.ravel(), minlength=groups * stages)
                net = by_target.reshape(groups, stages) - dear * intensity[:, :, k]
                out[t, :, j] += np.bincount(mine, weights=net[inside], minlength=out.shape[1])
    return out


def _along(rungs: Floats, gain: Floats, at: Floats) -> Floats:
    """Return what curves between samples bring at some places, (periods, cells, places)."""
    after = np.clip((rungs[..., None, :] <= at[..., None]).sum(axis=3), 1, rungs.shape[2] - 1)
    (low, high), (start, end) = (
        [np.take_along_axis(each, after - k, axis=2) for k in (1, 0)] for each in (rungs, gain)
    )  # fmt: skip
    share = np.divide(at - low, high - low, out=np.zeros_like(at), where=high > low)
    return np.asarray(start + np.clip(share, 0, 1) * (end - start))


def _peaks(rungs: Floats, worth: Floats) -> Floats:
    """Return where each curve is highest between its ends, (periods, cells, 1): of a parabola through its best rung."""
    x, y = rungs, worth
    top = 1 + np.where((y[..., 1:-1] >= y[..., :-2]) & (y[..., 1:-1] >= y[..., 2:]), y[..., 1:-1], -np.inf).argmax(
        axis=2
    )
    before, here, after = (np.take_along_axis(x, (top + k)[..., None], axis=2) for k in (-1, 0, 1))
    low, mid, high = (np.take_along_axis(y, (top + k)[..., None], axis=2) for k in (-1, 0, 1))
    left, right = (here - before) * (mid - high), (here - after) * (mid - low)
    under = 2 * (left - right)
    moved = ((here - before) * left - (here - after) * right) / np.where(under == 0, 1.0, under)
    return np.asarray(np.where(under == 0, here, np.clip(here - moved, before, after)))


@dataclass(frozen=True, eq=False)
class _Curves:
    """Pieces of the curves that may move: of each its variable, length, rise, and the bends around it.

    ``first`` and ``now`` are the variables' least and present amounts, ``bend_*`` index the bends; -1 for none.
    """

    variables: Ints
    first: Floats
    now: Floats
    owner: Ints
    start: Floats
    length: Floats
    rise: Floats
    bend_before: Ints
    bend_after: Ints
    bend_owner: Ints
    bend_at: Floats


def _curves(
    search: Sequential, tie: csr_matrix, free: Flags, heads: Floats, rungs: Floats, gain: Floats, amount: Floats,
    stake: float,
) -> _Curves | None:  # fmt: skip
    """Return the curves of the variables that may move, campaigns of several periods as one."""
    columns = csc_matrix(tie)
    low, high = search.low.ravel(), np.minimum(search.high, search.limit * np.maximum(heads, EMPTY)).ravel()
    periods, cells, _ = rungs.shape
    variables: list[int] = []
    first, nows = list[float](), list[float]()
    owner, start, length, rise = list[int](), list[float](), list[float](), list[float]()
    before, after, bend_owner, bend_at = list[int](), list[int](), list[int](), list[float]()
    for v in range(columns.shape[1]):
        rows = columns.indices[columns.indptr[v] : columns.indptr[v + 1]]
        share = columns.data[columns.indptr[v] : columns.indptr[v + 1]]
        rows, share = rows[share > 1e-9], share[share > 1e-9]
        if not rows.size or not free[rows].any():
            continue
        mass = float(heads.ravel()[rows].sum() / share.sum())
        least, most = float((low[rows] / share).max()), float((high[rows] / share).min())
        at = rungs.reshape(periods * cells, -1)[rows].mean(axis=0) * mass
        worth = gain.reshape(periods * cells, -1)[rows].sum(axis=0)
        now = float((amount.ravel()[rows] / share).mean())
        falls = np.flatnonzero((np.maximum.accumulate(worth) - worth > DEAR * stake) & (at > max(now, least)))
        most = min(most, float(at[falls].min(initial=np.inf)))
        inside = np.unique(np.clip(at, least, max(most, least)))
        inside = inside[np.append(True, np.diff(inside) > 1e-12 * max(inside[-1], 1e-300))]
        if inside.size < 2:
            continue
        points, values = _tight(inside, np.interp(inside, at, worth), FLAT * stake)
        slope = np.diff(values) / np.diff(points)
        up = np.append(False, slope[1:] > slope[:-1] + 1e-9 * np.abs(slope).max())
        number = len(bend_at) + np.cumsum(up)
        before += np.where(number > len(bend_at), number - 1, -1).tolist()
        after += np.where(number < len(bend_at) + up.sum(), number, -1).tolist()
        bend_at += points[:-1][up].tolist()
        bend_owner += [len(variables)] * int(up.sum())
        owner += [len(variables)] * slope.size
        start += points[:-1].tolist()
        length += np.diff(points).tolist()
        rise += np.diff(values).tolist()
        variables.append(v)
        first.append(points[0])
        nows.append(float(np.clip(now, points[0], points[-1])))
    if not owner or len(owner) > MOST_PIECES:
        return None
    return _Curves(
        np.array(variables), np.array(first), np.array(nows), np.array(owner), np.array(start), np.array(length),
        np.array(rise), np.array(before), np.array(after), np.array(bend_owner, dtype=np.int64), np.array(bend_at),
    )  # fmt: skip


def _tight(points: Floats, values: Floats, flat: float) -> tuple[Floats, Floats]:
    """Return the curve's envelope where they hardly differ, else the curve itself."""
    kept: list[int] = []
    for i in range(points.size):
        while len(kept) > 1:
            a, b = kept[-2:]
            if (values[b] - values[a]) * (points[i] - points[a]) > (values[i] - values[a]) * (points[b] - points[a]):
                break
            kept.pop()
        kept.append(i)
    envelope = np.interp(points, points[kept], values[kept])
    return (points[kept], values[kept]) if (envelope - values).max() <= flat else (points, values)


def _best(
    search: Sequential, course: Course, amount: Floats, heads: Floats, tie: csr_matrix, curves: _Curves, stake: float
) -> Jump | None:
    """Return the best point along the curves within the rules and contacts."""
    problem = search.problem
    matrix = diags(1 / problem.row_units) @ csr_matrix(search.stated.jacobian(course) @ tie)
    room = np.maximum(problem.signs * (problem.limits - problem.counted(course)), 0) / problem.row_units
    matrix = diags(problem.signs) @ matrix
    contacts = search.stated.contacts(amount, heads)
    if contacts is not None:
        matrix, room = vstack([matrix, contacts[0] @ tie], format="csr"), np.append(room, contacts[1])
    own = csc_matrix(matrix)[:, curves.variables]
    room = room + own @ (curves.now - curves.first)
    rows = csr_matrix(own[:, curves.owner] @ diags(curves.length)).tocoo()
    pieces, bends, number = curves.owner.size, curves.bend_at.size, room.size
    parts = [(rows.row, rows.col, rows.data)]
    for side, low in ((curves.bend_after, True), (curves.bend_before, False)):
        piece = np.flatnonzero(side >= 0)
        block = number + np.arange(piece.size)
        parts += [(block, piece, np.ones(piece.size)), (block, pieces + side[piece], -np.ones(piece.size))]
        room = np.append(room, np.full(piece.size, np.inf if low else 0.0))
        number += piece.size
    lower = np.full(number, -np.inf)
    lower[np.isinf(room)] = 0.0
    row = np.concatenate([part[0] for part in parts])
    column = np.concatenate([part[1] for part in parts])
    value = np.concatenate([part[2] for part in parts])
    filled = np.clip((curves.now[curves.owner] - curves.start) / curves.length, 0, 1)
    over = (curves.now[curves.bend_owner] >= curves.bend_at * (1 + 1e-12)).astype(float)
    model = ArrayModel(
        tidy(np.append(curves.rise / stake, np.zeros(bends))), np.zeros(pieces + bends), np.ones(pieces + bends),
        row, column, tidy(value), lower, tidy(room), np.arange(pieces + bends) >= pieces,
    )  # fmt: skip
    try:
        answer = solve_arrays(model, nodes=NODES, gap=GAP, start=np.append(filled, over))
    except SolverError:
        return None
    if answer.status not in ("optimal", "feasible"):
        return None
    filled_to = answer.values[:pieces]
    promise = float(curves.rise @ (filled_to - filled))
    moved = np.zeros(tie.shape[1])
    to = curves.first + np.bincount(curves.owner, weights=filled_to * curves.length, minlength=curves.first.size)
    moved[curves.variables] = to - curves.now
    last = np.flatnonzero(filled_to > FILLED)
    last = last[np.append(curves.owner[last][1:] != curves.owner[last][:-1], True)] if last.size else last
    price = float(np.median(curves.rise[last] / curves.length[last])) if last.size else 0.0
    return Jump(np.maximum(amount + (tie @ moved).reshape(amount.shape), 0.0), promise, price)
