"""Why a plan is as it is: what each segment's money brings through each lever, what the rules ask.

A *line* is the money of one segment through one lever over the horizon. What a line brings is the difference it makes,

``brings = asset(plan) - asset(plan with the line's intensities at 0)``,

all other intensities as they are, nothing re-optimised. Its marginal value is the derivative of the asset by its
money, other lines' money as it is, from one backward pass (:mod:`sim.engine.sensitivity`); it is net of the money
itself. At an optimum it equals, wherever money can move both ways, what the rules *ask* of a unit there: the sum of
their prices times what the unit counts in each, ``marginal = J' prices``.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from optimizer.ask.kinds.campaigns import SIZE
from optimizer.ask.problem import AllocationProblem
from optimizer.ask.rows import BUDGET
from optimizer.insight.ground import Ground
from optimizer.search.head_limits import HeadLimits
from optimizer.tolerances import DUST, EMPTY, MISSED, PRICED, UNSPENT
from sim.arrays import Flags, Floats, Progress

__all__ = [
    "Line", "Pair", "RuleFigure", "Unspent", "asked_of_line", "line_of", "lines_of", "missed_rules", "pairs_of",
    "purses", "rules_of", "unspent_of",
]  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One segment's money through one lever over the horizon.

    Attributes
    ----------
    segment, lever : str
    spend : float
        Expected money that the plan decides, through a lever that changes terms too; without what was committed before
        the start.
    reached, reachable : float
        Customers per period, in the mean, in targets that get money; whom the lever can be used on.
    each : float
        Money per period for each customer who is reached; nan without money.
    brings : float
        Asset of the plan less asset without this line: net of its money, nothing re-optimised.
    average_return : float
        ``brings / spend``; nan without money.
    marginal : float
        d(asset)/d(money) where the line's money is now, in proportion to it; nan without money.
    best_marginal : float
        The same at the place where the next unit is worth most beyond what the rules ask; nan where there is no room.
    best_place : str
        Which period and target that is.
    asked, best_asked : float
        What the rules ask a unit to bring: where the money is now, and at the best place.
    at_largest : float
        Share of the money that meets the largest intensity on offer.
    value_per_customer : float
        What the segment's people earn before marketing, discounted, the value after the horizon included, per head at
        the start or born.
    """

    segment: str
    lever: str
    spend: float
    reached: float
    reachable: float
    each: float
    brings: float
    average_return: float
    marginal: float
    best_marginal: float
    best_place: str
    asked: float
    best_asked: float
    at_largest: float
    value_per_customer: float

    @property
    def name(self) -> str:
        """Return the line's name as people read it."""
        return f"{self.segment} / {self.lever}"


@dataclass(frozen=True)
class RuleFigure:
    """A rule that binds.

    Attributes
    ----------
    name, sense : str
    counts : str
        ``money``, ``people``, ``profit``, or ``a head`` where the limit is of the money that a customer may get.
    limit, counted, price : float
        Price: d(asset)/d(limit).
    """

    name: str
    sense: str
    counts: str
    limit: float
    counted: float
    price: float


@dataclass(frozen=True)
class Unspent:
    """Why part of the budget is left.

    Attributes
    ----------
    money : float
        What is left.
    rules : tuple of str
        Rules that keep money from where it would pay, the dearest first.
    best_marginal : float
        The most that the next unit would bring, the rules aside, where there is room for it; nan where there is none.
    at_largest : bool
        Whether a unit more would pay, the rules' prices paid, where the largest intensity is played already.
    """

    money: float
    rules: tuple[str, ...]
    best_marginal: float
    at_largest: bool


@dataclass(frozen=True)
class Pair:
    """A line that gets more than another, and why.

    Attributes
    ----------
    more, less : Line
    times, heads_times, each_times : float
        Ratios of money, customers reached over the horizon, and money per customer; the first is the product.
    marginal_at_equal : float
        The larger line's marginal value if its money were scaled down to the other's.
    rules : dict
        What rules ask of a unit of the larger line less of the smaller, where that differs.
    """

    more: Line
    less: Line
    times: float
    heads_times: float
    each_times: float
    marginal_at_equal: float
    rules: dict[str, float]


# --- Lines ------------------------------------------------------------------------------------------------------------


def lines_of(ground: Ground, progress: Progress | None = None) -> list[Line]:
    """Return every line, those without money too, in the plan table's order."""
    values = _value_per_customer(ground)
    out = []
    for i, place in enumerate(ground.places):
        out.append(_line(ground, place, values[place[0]]))
        if progress:
            progress((i + 1) / len(ground.places))
    return out


def line_of(ground: Ground, line: tuple[str, str]) -> Line:
    """Return one line, with money or without."""
    return _line(ground, line, _value_per_customer(ground)[line[0]])


def _line(ground: Ground, line: tuple[str, str], value: float) -> Line:
    cells, place = ground.cells_of(line), ground.places[line]
    amount, slope, heads = ground.amount[:, cells], ground.slope[:, cells], ground.heads[:, cells]
    asked = np.tensordot(ground.prices, ground.counts[:, :, cells], axes=1)
    spend, periods = float(amount.sum()), ground.chain.periods
    reached = float((heads * (amount > 0)).sum())
    room = ground.room[:, cells]
    brings = ground.course.asset - ground.with_line(line, 0.0).asset if spend > 0 else 0.0
    best = np.unravel_index(int(np.where(room, slope - asked, -np.inf).argmax()), slope.shape)
    any_room = bool(room.any())

    def mean(of: Floats) -> float:
        return float((amount * of).sum() / spend) if spend > 0 else float("nan")

    return Line(
        *line,
        spend=spend,
        reached=reached / periods,
        reachable=float(ground.course.observed[:, place.any(axis=2)].sum()) / periods,
        each=spend / reached if spend > 0 else float("nan"),
        brings=brings,
        average_return=brings / spend if spend > 0 else float("nan"),
        marginal=mean(slope),
        best_marginal=float(slope[best]) if any_room else float("nan"),
        best_place=_place_in_words(ground, int(best[0]), int(cells[best[1]])) if any_room else "",
        asked=mean(asked),
        best_asked=float(asked[best]) if any_room else float("nan"),
        at_largest=mean(ground.full[:, cells].astype(float)),
        value_per_customer=value,
    )


def _place_in_words(ground: Ground, period: int, cell: int) -> str:
    inside = np.argwhere(ground.search.cells.cell == cell)
    names = [ground.targets.name(int(g), int(s)) for g, s, _ in inside]
    return f"period {period + 1}, {names[0]}" + (" and others" if len(names) > 1 else "")


def _value_per_customer(ground: Ground) -> dict[str, float]:
    """Return by segment what its people earn before marketing, discounted, per head at the start or born."""
    chain, course = ground.chain, ground.course
    groups = chain.targets.shape[0]

    def by_group(blocks: Floats) -> Floats:
        return np.asarray(np.bincount(chain.group, weights=blocks, minlength=groups), dtype=float)

    earned = chain.discount[:-1] @ course.earned
    earned = earned + chain.discount[-1] * by_group(course.after_by_block)
    heads = by_group(chain.initial.sum(axis=1) + chain.arrivals.sum(axis=(0, 2)))
    out = {}
    for segment in dict.fromkeys(chain.targets.segments):
        inside = np.array(chain.targets.segments) == segment
        number = float(heads[inside].sum())
        out[segment] = float(earned[inside].sum()) / number if number > 0 else float("nan")
    return out


def asked_of_line(ground: Ground, line: Line) -> dict[str, float]:
    """Return what each rule asks of the next unit at a line's best place, the dearest first; nothing without room."""
    cells = ground.cells_of((line.segment, line.lever))
    room = ground.room[:, cells]
    if not room.any():
        return {}
    asked = ground.prices[:, None, None] * ground.counts[:, :, cells]
    period, cell = np.unravel_index(
        int(np.where(room, ground.slope[:, cells] - asked.sum(axis=0), -np.inf).argmax()), room.shape
    )
    each = asked[:, period, cell]
    order = np.argsort(-np.abs(each), kind="stable")
    return {ground.problem.rows[r].name: float(each[r]) for r in order.tolist() if abs(each[r]) > PRICED}


# --- Rules ------------------------------------------------------------------------------------------------------------


def rules_of(ground: Ground) -> list[RuleFigure]:
    """Return the rules that bind, those that hold most of the asset back first."""
    counted = ground.problem.counted(ground.course)
    found = []
    for row, price, used in zip(ground.problem.rows, ground.prices, counted, strict=True):
        if abs(price) > PRICED:
            found.append(RuleFigure(row.name, row.sense, row.kind.counts, row.limit, float(used), float(price)))
    found += [RuleFigure(name, "<=", "a head", limit, limit, price) for name, (limit, price) in _of_a_head(ground)]
    return sorted(found, key=lambda rule: -abs(rule.price * rule.limit))


def _of_a_head(ground: Ground) -> list[tuple[str, tuple[float, float]]]:
    """Return the limits of what one customer gets that cost something, with limit and price: where the plan's hold."""
    found = HeadLimits(ground.problem)
    known = ground.plan.price_ranges if ground.prices_from == "plan" else {}
    priced = [(name, (float(limit), known[name].looser))
              for name, limit in zip(found.names, found.amounts, strict=True) if name in known]  # fmt: skip
    return [(name, (limit, price)) for name, (limit, price) in priced if abs(price) > PRICED]


def unspent_of(ground: Ground) -> Unspent | None:
    """Return why part of the budget is left; None where it is spent, or there is none."""
    names = [row.name for row in ground.problem.rows]
    budget = next((r for r, row in enumerate(ground.problem.rows) if row.kind == BUDGET), None)
    if budget is None:
        return None
    left = ground.problem.budget - float(ground.problem.counted(ground.course)[budget])
    if left <= UNSPENT * ground.problem.budget:
        return None
    asks = ground.prices[:, None, None] * ground.counts
    pays = ground.search.open & (ground.slope > 0) & (ground.heads > EMPTY)
    idle = pays & (ground.search.high <= 0)
    levers = dict.fromkeys(int(k) for k in ground.search.cells.lever[idle.any(axis=0)])
    campaigns = [f"campaigns of {ground.targets.levers[k]}" for k in levers]
    pays &= ~idle
    priced = [r for r in np.flatnonzero(np.abs(ground.prices) > PRICED) if r != budget]
    holding = [r for r in priced if (asks[r] > PRICED)[pays].any()]
    holding.sort(key=lambda r: -float(np.where(pays, asks[r], 0.0).max()))
    net = ground.slope - asks.sum(axis=0)
    best = float(ground.slope[ground.room].max()) if ground.room.any() else float("nan")
    held = [name for name, _ in _of_a_head(ground)]
    rules = (*(names[r] for r in holding), *(() if best > 0 else campaigns), *(() if best > 0 else held))
    return Unspent(left, rules, best, bool((net > 1e-6)[ground.full & pays].any()))


def missed_rules(ground: Ground, counted: Floats) -> tuple[str, ...]:
    """Return the rules, budgets aside, that are missed where they count this, and less or not at all by the plan."""
    problem = ground.problem
    before = problem.signs * (problem.counted(ground.course) - problem.limits) / problem.row_units
    now = problem.signs * (counted - problem.limits) / problem.row_units
    worse = (now > MISSED) & (now > before + MISSED) & ~purses(problem) & ~ground.not_run(counted)
    return tuple(problem.rows[i].name for i in np.flatnonzero(worse))


def purses(problem: AllocationProblem) -> Flags:
    """Return which rules are budgets: they limit money and count every target's and lever's alike."""
    return np.array([row.kind.purse for row in problem.rows], dtype=bool)


# --- Pairs ------------------------------------------------------------------------------------------------------------


def pairs_of(ground: Ground, lines: list[Line], number: int = 3) -> list[Pair]:
    """Return the largest lines of marketing money, each beside the next largest; what is arithmetic is none."""
    paid = {lever for lever, own in zip(ground.problem.targets.levers, ground.problem.targets.paid, strict=True) if own}
    least = DUST * sum(line.spend for line in lines)
    wanted = (line for line in lines if line.spend > least and line.lever in paid)
    largest = sorted(wanted, key=lambda line: -line.spend)[: number + 1]
    return [_pair(ground, more, less) for more, less in itertools.pairwise(largest)]


def _pair(ground: Ground, more: Line, less: Line) -> Pair:
    cells = ground.cells_of((more.segment, more.lever))
    scaled = ground.amount.copy()
    scaled[:, cells] *= less.spend / more.spend
    slope = ground.search.follow(scaled).slope(ground.problem.aim)
    at_equal = float((slope[:, cells] * scaled[:, cells]).sum() / less.spend)
    asks = _asked_by_rule(ground, more) - _asked_by_rule(ground, less)
    largest = max(abs(more.asked), abs(less.asked), PRICED)
    by_rule: dict[str, float] = {}
    for row, x in zip(ground.problem.rows, asks, strict=True):
        # Campaigns of a line at several times are one rule to people.
        name = row.rule if row.kind == SIZE else row.name
        by_rule[name] = by_rule.get(name, 0.0) + float(x)
    rules = {name: x for name, x in by_rule.items() if abs(x) > 0.05 * largest}
    return Pair(
        more, less, more.spend / less.spend, more.reached / less.reached, more.each / less.each, at_equal, rules
    )


def _asked_by_rule(ground: Ground, line: Line) -> Floats:
    """Return what each rule asks of a unit where a line's money is."""
    cells = ground.cells_of((line.segment, line.lever))
    share = ground.amount[:, cells] / line.spend
    return np.asarray(ground.prices * (ground.counts[:, :, cells] * share).sum(axis=(1, 2)))
