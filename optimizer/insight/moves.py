"""How far each line of a plan can move, and how few lines would do.

Moves are measured by the Lagrangian of the rules that count every line's money alike (the budget, and budgets of
periods): with the line's intensities times ``s`` and all others as they are,

``loss(s) = asset(1) - asset(s) - sum_r price_r (counted_r(1) - counted_r(s))``,

so that money freed or needed comes at its shadow price, however much it is. The range of a line is the connected set
of ``s`` around 1 with ``loss(s) <= 1 % of the plan's lift``, evaluated exactly in the fluid twin.

The simplest plan keeps the fewest lines that hold a share of the lift. Lines are dropped greedily: those whose absence
is estimated to cost least first (the asset they bring, less what the money they free is worth at the rules' prices),
several at once while their costs together are small beside what may still be lost, and each time everything else is
optimised anew (:class:`~optimizer.search.sequential.Sequential`, money of dropped lines held at 0). A line that cannot
be dropped then cannot be dropped later either, since fewer lines can only be worth less; so each is tried once, and the
end is a plan from which no further line can go. It need not be the smallest such plan, as greedy searches go.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from optimizer.ask.problem import AllocationProblem
from optimizer.insight.ground import Ground, Moved
from optimizer.insight.lines import Line, missed_rules, purses
from optimizer.optimize import solve
from optimizer.plan import Plan
from optimizer.proof import LiftProof, Proof
from optimizer.search.campaign_sizes import as_run
from optimizer.search.sequential import Sequential
from optimizer.tolerances import CLOSE, MISSED
from sim.arrays import Progress

__all__ = ["Range", "Simplest", "range_of", "simplest_of"]

Lines = list[tuple[str, str]]

WITHIN = 0.01
"""Share of the plan's lift that a line's range may cost."""
TRIALS = 40
"""Evaluations for one end of a range, at most."""
WIDER = 3.0
"""Factor of the steps outward until an end is enclosed."""
KEPT = 0.97
"""Share of the plan's lift that the simplest plan keeps."""
COARSE = 10.0
"""Searches for whether a line can go end at gains so many times larger than those for a plan to play."""
SCREEN = 3.0
"""A line is not tried that is estimated to cost so many times what may still be lost; the estimate is on the low side
where returns diminish."""


@dataclass(frozen=True)
class Range:
    """How far a line's money can go down and up within a share of the lift.

    Attributes
    ----------
    low, high : float
        Money of the line at the ends.
    low_factor, high_factor : float
        By which its intensities are multiplied there.
    low_ends, high_ends : str
        Why the range ends: ``lift`` (there the loss is the share), ``nothing left``, or ``largest`` (intensities).
    low_rules, high_rules : tuple of str
        Rules that the end itself would miss.
    """

    low: float
    high: float
    low_factor: float
    high_factor: float
    low_ends: str
    high_ends: str
    low_rules: tuple[str, ...]
    high_rules: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Simplest:
    """The plan with the fewest lines found that keeps a share of the lift.

    Attributes
    ----------
    plan : Plan
    share : float
        Of the original plan's lift that it keeps.
    kept : list of (segment, lever)
        The largest first.
    dropped : list of (segment, lever)
        In the order in which they went.
    shares : list of float
        Share of the lift that was left after each went; those that went together have the same.
    needed : dict
        By line that had to stay: share of the lift that the best plan found without it would keep; nan where the
        rules ask for the line.
    estimated : list of (segment, lever)
        Lines among these for which the share is estimated, since they cost far more than may be lost.
    searches : int
    """

    plan: Plan
    share: float
    kept: Lines
    dropped: Lines
    shares: list[float]
    needed: dict[tuple[str, str], float]
    estimated: Lines
    searches: int


def range_of(ground: Ground, line: Line, within: float = WITHIN) -> Range | None:
    """Return how far a line can move at a loss of at most ``within`` of the lift; None without money or lift.

    Other lines' intensities stay as they are; money freed or needed comes at the price of the budgets, which is held
    constant. The line's intensities keep their proportions, none above the largest on offer.
    """
    if not (line.spend > 0 and ground.lift > 0):
        return None
    key, allowed = (line.segment, line.lever), within * ground.lift
    price = np.where(purses(ground.problem), ground.prices, 0.0)
    usual = ground.course.asset - float(price @ ground.problem.counted(ground.course))

    def tried(factor: float) -> tuple[float, Moved]:
        moved = ground.with_line(key, factor)
        return usual - (moved.asset - float(price @ moved.counted)) - allowed, moved

    none, at_low = tried(0.0)
    if none <= 0:
        low, low_ends = 0.0, "nothing left"
    else:
        low, at_low = _crossing(tried, 1.0, 0.0, none, allowed, -allowed)
        low_ends = "lift"
    high, at_high, high_ends = _upper_end(ground, key, tried, allowed, none)
    return Range(
        at_low.spend, at_high.spend, low, high, low_ends, high_ends,
        missed_rules(ground, at_low.counted), missed_rules(ground, at_high.counted),
    )  # fmt: skip


def _upper_end(
    ground: Ground, line: tuple[str, str], tried: Callable[[float], tuple[float, Moved]], allowed: float, none: float
) -> tuple[float, Moved, str]:
    """Step outward until the loss is passed or every intensity is at its largest."""
    place = ground.places[line]
    here, top = ground.intensity[:, place], ground.dearest[:, place]
    most = float((top[here > 0] / here[here > 0]).max(initial=1.0))
    # Losses are about quadratic in the distance: the way down says how far up to look first.
    inside, before, step = 1.0, -allowed, 1.2 * math.sqrt(allowed / max(none + allowed, 1e-3 * allowed))
    for _ in range(TRIALS):
        outside = min(inside + step, most)
        over, moved = tried(outside)
        if over > 0:
            return *_crossing(tried, inside, outside, over, allowed, before), "lift"
        if outside >= most:
            return outside, moved, "largest"
        inside, before, step = outside, over, WIDER * step
    return inside, moved, "largest"


def _crossing(
    tried: Callable[[float], tuple[float, Moved]], inside: float, outside: float, over: float, allowed: float,
    under: float,
) -> tuple[float, Moved]:  # fmt: skip
    """Return where the loss is what is allowed, between a factor inside and one outside, and what it does there.

    False position on the root of the loss, about straight in the factor, with bisection where that stalls.
    """

    def straight(beyond: float) -> float:
        loss = beyond + allowed
        return math.copysign(math.sqrt(abs(loss)), loss) - math.sqrt(allowed)

    low, high = straight(under), straight(over)
    for trial in range(TRIALS):
        share = 0.5 if trial % 4 == 3 else low / (low - high)
        factor = inside + share * (outside - inside)
        beyond, moved = tried(factor)
        if abs(beyond) <= CLOSE * allowed:
            break
        if beyond > 0:
            outside, high = factor, straight(beyond)
        else:
            inside, low = factor, straight(beyond)
    return factor, moved


# --- The simplest plan ------------------------------------------------------------------------------------------------


class _Greedy:
    """Lines that are left, the best plan found with them, and the way there."""

    def __init__(self, ground: Ground, lines: list[Line], share: float) -> None:
        self.ground, self.need = ground, ground.no_spend + share * ground.lift
        self.missed = max(ground.missed.values(), default=0.0) + MISSED
        self.kept = [(line.segment, line.lever) for line in lines if line.spend > 0]
        self.amount, self.value, self.prices = ground.amount, ground.course.asset, ground.prices
        brings = {(line.segment, line.lever): line.brings for line in lines}
        asked = {(line.segment, line.lever): line.asked * line.spend for line in lines}
        self.cost = {line: brings[line] - asked[line] for line in self.kept}
        self.dropped: Lines = []
        self.shares: list[float] = []
        self.needed: dict[tuple[str, str], float] = {}
        self.estimated: Lines = []
        self.searches = 0

    def try_without(self, lines: Lines) -> bool:
        """Drop lines if the best plan found without them is worth enough."""
        left = [line for line in self.kept if line not in lines]
        problem = only(self.ground, left)
        search = Sequential(problem)
        cells = np.concatenate([self.ground.cells_of(line) for line in lines])
        start = self.amount.copy()
        start[:, cells] = 0.0
        end = search.run(start, lift=COARSE * self.ground.lift)
        self.searches += 1
        share = (end.value - self.ground.no_spend) / self.ground.lift
        if end.missed > self.missed or end.value < self.need:
            if len(lines) == 1:
                self.needed[lines[0]] = float("nan") if end.missed > self.missed else share
            return False
        gone = [line for line in left if not end.amount[:, self.ground.cells_of(line)].any()]
        self.kept = [line for line in left if line not in gone]
        self.dropped += [*lines, *gone]
        self.shares += [share] * (len(lines) + len(gone))
        self.amount, self.value, self.prices = end.amount, end.value, end.prices
        return True

    def batch(self) -> Lines:
        """Return the lines to drop next: as many as cost little together, or the one that costs least."""
        open_ = sorted((line for line in self.kept if line not in self.needed), key=lambda line: self.cost[line])
        room, out = 0.5 * (self.value - self.need), list[tuple[str, str]]()
        for line in open_:
            room -= max(self.cost[line], 0.0)
            if room < 0:
                break
            out.append(line)
        return out or open_[:1]

    def run(self, progress: Progress) -> None:
        """Drop lines until none can go."""
        whole, limit = len(self.kept), len(self.kept)
        while lines := self.batch()[:limit]:
            if len(lines) == 1 and self.cost[lines[0]] > SCREEN * (self.value - self.need):
                left = self.value - self.cost[lines[0]]
                self.needed[lines[0]] = (left - self.ground.no_spend) / self.ground.lift
                self.estimated.append(lines[0])
                continue
            done = self.try_without(lines)
            # A batch that costs more than it seemed is halved; a single line that does is needed.
            limit = len(lines) // 2 if not done and len(lines) > 1 else whole
            progress(1 - sum(line not in self.needed for line in self.kept) / max(whole, 1))


def only(ground: Ground, lines: Lines, as_now: bool = True) -> AllocationProblem:
    """Return the same question with money for these lines alone; ``as_now``: in the campaigns that run now."""
    ceiling = np.zeros(ground.intensity.shape)
    for line in lines:
        ceiling[:, ground.places[line]] = np.inf
    problem = replace(ground.free, ceiling=ceiling)
    if not (as_now and ground.campaigns_held):
        return problem
    spend = np.where(ceiling > 0, ground.course.moved, 0.0)
    return as_run(problem, problem.campaigns, spend) or problem


def simplest_of(
    ground: Ground, lines: list[Line], share: float = KEPT, progress: Progress = lambda _: None, *, threads: int = 2
) -> Simplest | None:
    """Return the plan with the fewest lines found that keeps ``share`` of the lift; None where there is no lift."""
    if not ground.lift > 0:
        return None
    greedy = _Greedy(ground, lines, share)
    greedy.run(lambda done: progress(0.8 * done))
    problem = only(ground, greedy.kept, as_now=False)
    start = greedy.ground.search.follow(greedy.amount).intensity
    plan = solve(problem, starts=[start], bounded=False, threads=threads, progress=lambda x: progress(0.8 + 0.2 * x))
    proof: Proof = LiftProof(plan.asset, ground.no_spend)
    if ground.prices_from == "plan" and isinstance(ground.plan.proof, LiftProof):
        proof = replace(ground.plan.proof, asset=plan.asset, no_spend=ground.no_spend)
    plan = replace(plan, proof=proof, scenario_file=ground.plan.scenario_file)
    money = {line: float(plan.moved[:, ground.places[line]].sum()) for line in greedy.kept}
    return Simplest(
        plan,
        (plan.asset - ground.no_spend) / ground.lift,
        sorted(greedy.kept, key=lambda line: -money[line]),
        greedy.dropped,
        greedy.shares,
        greedy.needed,
        greedy.estimated,
        greedy.searches,
    )
