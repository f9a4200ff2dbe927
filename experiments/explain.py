"""Why a plan is as it is: what each line brings, what rules cost, how far money can move, what can go."""

import difflib
import re
from dataclasses import asdict, dataclass
from typing import Any

from optimizer.ask.rows import BUDGET
from optimizer.insight.ground import Ground, grounds
from optimizer.insight.lines import (
    Line,
    Pair,
    RuleFigure,
    Unspent,
    asked_of_line,
    line_of,
    lines_of,
    pairs_of,
    rules_of,
    unspent_of,
)
from optimizer.insight.moves import KEPT, Range, Simplest, range_of, simplest_of
from optimizer.plan import Plan
from sim.arrays import Step
from sim.errors import InputError
from sim.twin import Twin

__all__ = ["BRINGS_ASSUMES", "RANGE_ASSUMES", "Explanation", "LineExplanation", "explain_line", "explain_plan"]

RANGE_ASSUMES = (
    "from, to: how far a line's money can move at a cost of 1 % of the plan's lift, all its intensities scaled alike, "
    "none above the largest on offer, other intensities as they are, and the money freed or needed valued at the "
    "budget's shadow price, whatever the amount; rules on single levers or segments aside, unless marked"
)
BRINGS_ASSUMES = (
    "brings: asset of the plan less asset without the line, its own money paid, other intensities as they are; next "
    "unit: what one more unit, spread as the line's money is, brings beyond its own cost, other lines' money as it "
    "is; rules ask: what the rules' prices ask of it; customers: per period, of those who get money"
)


@dataclass(frozen=True, eq=False)
class Explanation:
    """Everything that ``tenure explain`` says."""

    ground: Ground
    lines: list[Line]
    ranges: dict[str, Range | None]
    rules: list[RuleFigure]
    unspent: Unspent | None
    pairs: list[Pair]
    simplest: Simplest | None

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        ground = self.ground
        lines = [
            {**asdict(line), "range": None if (r := self.ranges.get(line.name)) is None else asdict(r)}
            for line in self.lines
        ]
        pairs = [{**asdict(pair), "more": pair.more.name, "less": pair.less.name} for pair in self.pairs]
        return {
            "scenario": ground.scenario.name,
            "asset": ground.course.asset,
            "fixed_costs": ground.fixed_costs,
            "no_spend": ground.no_spend,
            "lift": ground.lift,
            "budget": ground.problem.budget,
            "spend": float(ground.course.spend.sum()),
            "prices_from": ground.prices_from,
            "better": ground.better,
            "missed": ground.missed,
            "lines": lines,
            "rules": [asdict(rule) for rule in self.rules],
            "unspent": None if self.unspent is None else asdict(self.unspent),
            "pairs": pairs,
            "simplest": None if self.simplest is None else _simplest_dict(self.simplest),
            "assumes": {"lines": BRINGS_ASSUMES, "range": RANGE_ASSUMES},
        }


def explain_plan(
    twin: Twin, plan: Plan, *, budget: float | None = None, keep: float = KEPT, threads: int = 2, step: Step
) -> Explanation:
    """Return why a plan is as it is; ``keep`` is the share of the lift that the simplest plan keeps.

    Raises
    ------
    InputError
        If ``budget`` is no money, or nothing where the plan spends something.
    """
    if budget == 0 and plan.spend.any():
        raise InputError(
            f"`budget=0`: with no money there is nothing to explain, and this plan spends {plan.spend.sum():,.0f}; "
            "leave `budget=` out to explain it as it is"
        )
    ground = grounds(twin, plan, budget, step("Weighing the plan"))
    lines = lines_of(ground, step("What each line brings"))
    tell, ranges = step("How far each line can move"), {}
    for i, line in enumerate(lines):
        ranges[line.name] = range_of(ground, line)
        tell((i + 1) / len(lines))
    rules, unspent, pairs = rules_of(ground), unspent_of(ground), pairs_of(ground, lines)
    simplest = simplest_of(ground, lines, keep, step("The simplest plan"), threads=threads)
    return Explanation(ground, lines, ranges, rules, unspent, pairs, simplest)


@dataclass(frozen=True, eq=False)
class LineExplanation:
    """Why one line gets what it gets.

    Attributes
    ----------
    ground : Ground
    line : Line
    reach : Range or None
        How far its money can move; None where it has none, or the plan no lift.
    price : float
        What the budget asks of a unit beyond its own cost: its shadow price.
    rules_ask : dict
        What each rule asks of the next unit at the line's best place, the budget among them.
    """

    ground: Ground
    line: Line
    reach: Range | None
    price: float
    rules_ask: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        reach = None if self.reach is None else asdict(self.reach)
        return {
            "scenario": self.ground.scenario.name,
            "line": {**asdict(self.line), "range": reach},
            "budget": self.ground.problem.budget,
            "spend": float(self.ground.course.spend.sum()),
            "budget_price": self.price,
            "rules_ask": self.rules_ask,
            "prices_from": self.ground.prices_from,
        }


def explain_line(twin: Twin, plan: Plan, name: str, *, budget: float | None = None, step: Step) -> LineExplanation:
    """Return why one line, ``segment/lever``, gets what it gets, or nothing.

    Raises
    ------
    InputError
        If there is no such line.
    """
    ground = grounds(twin, plan, budget, step("Weighing the plan"))
    known = {f"{segment}/{lever}".lower(): (segment, lever) for segment, lever in ground.places}
    wanted = re.sub(r"\s*/\s*", "/", name.strip()).lower()
    if wanted not in known:
        lines = ["/".join(line) for line in ground.places]
        close = difflib.get_close_matches(wanted, known, 1)
        hint = f"did you mean '{'/'.join(known[close[0]])}'?" if close else f"lines are {', '.join(lines[:12])}"
        raise InputError(f"`line={name}`: no such segment/lever; {hint}")
    line = line_of(ground, known[wanted])
    rows = zip(ground.problem.rows, ground.prices, strict=True)
    price = next((float(price) for row, price in rows if row.kind == BUDGET), 0.0)
    return LineExplanation(ground, line, range_of(ground, line), price, asked_of_line(ground, line))


def _simplest_dict(simple: Simplest) -> dict[str, Any]:
    def named(line: tuple[str, str]) -> dict[str, str]:
        return {"segment": line[0], "lever": line[1]}

    return {
        "share": simple.share,
        "asset": simple.plan.asset,
        "status": simple.plan.status,
        "kept": [named(line) for line in simple.kept],
        "dropped": [
            {**named(line), "share_left": share} for line, share in zip(simple.dropped, simple.shares, strict=True)
        ],
        "needed": [
            {**named(line), "share_without": share, "estimated": line in simple.estimated}
            for line, share in simple.needed.items()
        ],
        "searches": simple.searches,
    }
