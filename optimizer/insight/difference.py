"""Two plans side by side: whose money moved, when, and what each move brings.

What a line's move brings is the difference that it makes by itself,

``brings = asset(first plan with the line's intensities of the second) - asset(first plan)``,

so moves that help or hinder each other leave a rest, which is told apart.
"""

from dataclasses import dataclass

import numpy as np

from optimizer.optimize import solve
from optimizer.question import Question
from sim.arrays import Flags, Floats, Progress
from sim.engine.sensitivity import asset_aim, follow
from sim.scenario.file import PERIODS_PER_YEAR
from sim.twin import Twin

__all__ = ["Difference", "Loser", "MovedLine", "MovedTime", "difference_of", "losers_of"]


@dataclass(frozen=True)
class MovedLine:
    """One segment's money through one lever under both plans.

    Attributes
    ----------
    segment, lever : str
    first, second : tuple of float
        Expected money by quarter.
    brings : float
        What the move brings by itself, its money paid.
    last_unit : float
        What the last unit of the first plan's money there brings beyond its own cost; nan where it has none.
    """

    segment: str
    lever: str
    first: tuple[float, ...]
    second: tuple[float, ...]
    brings: float
    last_unit: float

    @property
    def name(self) -> str:
        """Return the line's name as people read it."""
        return f"{self.segment} / {self.lever}"

    @property
    def change(self) -> float:
        """Return how much more money the second plan gives it."""
        return sum(self.second) - sum(self.first)


@dataclass(frozen=True)
class MovedTime:
    """A quarter under both plans.

    Attributes
    ----------
    start, end : int
        Its first period, and the first after it.
    first, second : float
        Expected money.
    brings : float
        What the second plan's intensities in it bring by themselves, their money paid.
    """

    start: int
    end: int
    first: float
    second: float
    brings: float


@dataclass(frozen=True)
class Difference:
    """What a second plan does otherwise than a first. Money and values are expected ones.

    Attributes
    ----------
    lines : tuple of MovedLine
        The largest changes first.
    times : tuple of MovedTime
    assets, spends : tuple of (first, second)
    """

    lines: tuple[MovedLine, ...]
    times: tuple[MovedTime, ...]
    assets: tuple[float, float]
    spends: tuple[float, float]

    @property
    def brings(self) -> float:
        """Return what the second plan is worth more."""
        return self.assets[1] - self.assets[0]

    @property
    def moved(self) -> tuple[MovedLine, ...]:
        """Return the lines whose money moved."""
        still = UNMOVED * max(self.spends)
        return tuple(
            each for each in self.lines
            if any(abs(b - a) > still for a, b in zip(each.first, each.second, strict=True))
        )  # fmt: skip


@dataclass(frozen=True)
class Loser:
    """A line that loses when money is taken away.

    Attributes
    ----------
    segment, lever : str
    base, left : float
        Expected money before and after.
    first : float
        What it loses when a tenth of that money is taken: who loses first.
    brings : float
        What its loss alone does to the customer asset, the money saved.
    """

    segment: str
    lever: str
    base: float
    left: float
    first: float
    brings: float

    @property
    def name(self) -> str:
        """Return the line's name as people read it."""
        return f"{self.segment} / {self.lever}"


UNMOVED = 1e-6
"""Share of the money up to which a line's has not moved."""
FIRST = 0.1
"""Share of what is taken that says who loses first."""
NOTICED = 1e-3
"""Share of what is taken from which on a line is said to lose."""


def losers_of(
    twin: Twin, base: Floats, left: Floats, *, targeting: str = "state", threads: int = 2,
    progress: Progress | None = None,
) -> tuple[Loser, ...]:  # fmt: skip
    """Return who loses when money is taken from a base so that ``left`` remains, the first to lose first.

    Who loses first is asked again with a tenth of that money.
    """
    whole = difference_of(twin, base, left)
    taken = whole.spends[0] - whole.spends[1]
    asked = Question(base=base, more=-FIRST * taken, targeting=targeting)
    a_tenth = base + FIRST * (left - base)
    begun = solve(asked.problem(twin), starts=(a_tenth, base), bounded=False, threads=threads, progress=progress)
    first = {line.name: line.change for line in difference_of(twin, base, begun.intensity).lines}
    lost = [
        Loser(each.segment, each.lever, sum(each.first), sum(each.second), max(0.0, -first[each.name]), each.brings)
        for each in whole.lines
        if each.change < -NOTICED * taken
    ]
    return tuple(sorted(lost, key=lambda each: (-each.first, each.left - each.base)))


def difference_of(twin: Twin, first: Floats, second: Floats, progress: Progress | None = None) -> Difference:
    """Return what the second intensities, (periods, groups, stages, levers), do otherwise than the first."""
    chain, targets = twin.chain, twin.targets
    one, two = (targets.with_committed(each) for each in (first, second))
    before, after = follow(chain, one), follow(chain, two)
    by_scale = before.slope(asset_aim(chain)) * one  # d(asset)/d(a common factor), element by element
    every = max(1, round(PERIODS_PER_YEAR[twin.scenario.period] / 4))
    spans = [(start, min(start + every, chain.periods)) for start in range(0, chain.periods, every)]
    segment, lever = np.array(targets.segments)[:, None, None], np.array(targets.levers)
    places = {
        (name, which): targets.allowed & (segment == name) & (lever == which)
        for name in dict.fromkeys(targets.segments)
        for which in targets.levers
    }
    places = {line: place for line, place in places.items() if place.any()}

    def with_second(where: Flags) -> float:
        mixed = np.where(where, two, one)
        return 0.0 if np.array_equal(mixed, one) else follow(chain, mixed).asset - before.asset

    def paid(spend: Floats, place: Flags) -> tuple[float, ...]:
        return tuple(float(spend[start:end, place].sum()) for start, end in spans)

    lines = []
    for i, (line, place) in enumerate(places.items()):
        money = float(before.moved[:, place].sum())
        last = float(by_scale[:, place].sum()) / money if money > 0 else float("nan")
        lines.append(MovedLine(*line, paid(before.moved, place), paid(after.moved, place), with_second(place), last))
        if progress:
            progress((i + 1) / (len(places) + len(spans)))
    lines.sort(key=lambda each: -abs(each.change))
    periods = np.arange(chain.periods)[:, None, None, None]
    times = [
        MovedTime(
            start, end, float(before.spend[start:end].sum()), float(after.spend[start:end].sum()),
            with_second((periods >= start) & (periods < end)),
        )
        for start, end in spans
    ]  # fmt: skip
    if progress:
        progress(1.0)
    spends = (float(before.spend.sum()), float(after.spend.sum()))
    return Difference(tuple(lines), tuple(times), (before.asset, after.asset), spends)
