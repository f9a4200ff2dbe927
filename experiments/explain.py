"""Why a plan is as it is: what each line brings, what rules cost, how far money can move, what can go."""

from dataclasses import asdict, dataclass
from typing import Any

from optimizer.insight.ground import Ground, grounds
from optimizer.insight.lines import Line, Pair, RuleFigure, Unspent, lines_of, pairs_of, rules_of, unspent_of
from optimizer.insight.moves import KEPT, Range, Simplest, range_of, simplest_of
from optimizer.plan import Plan
from sim.arrays import Step
from sim.errors import InputError
from sim.twin import Twin

__all__ = ["BRINGS_ASSUMES", "RANGE_ASSUMES", "Explanation", "explain_plan"]

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
