"""What customers, rivals and shocks do to everybody, one short function per sentence of ``docs/model.md``."""

import math
from collections.abc import Iterable, Sequence

from plain.attitudes import clip

from sim.scenario.file import Competitor, Shock
from sim.scenario.people import Births, Growing


def net_promoters(levels: Sequence[int]) -> float | None:
    """Return ``(customers at levels 4 and 5 - customers at 1 and 2)/customers``; None without customers."""
    if not levels:
        return None
    return (sum(level >= 4 for level in levels) - sum(level <= 2 for level in levels)) / len(levels)


def share_multiplier(share: float | None, utility: float, taken: Iterable[float]) -> float:
    """Return what multiplies the purchase rate: the logit of the share of customer, over that share."""
    rivals = sum(x / (1 - x) if x < 1 else math.inf for x in taken)
    if share is None:
        return 1 / (1 + rivals)
    return 1 / (share + (1 - share + rivals) * math.exp(-utility))


def reaction(rival: Competitor, served: float, served_at_start: float) -> float:
    """Return what multiplies a rival's strength where this part of the market's people are seen and have not lapsed."""
    success = served / served_at_start if served_at_start > 0 else 1.0
    return clip(1 + rival.reaction * (success - 1), 0, rival.most)


def in_force(what: Competitor | Shock, period: int, segment: str) -> bool:
    """Return whether a rival or a shock is there, in this segment."""
    there = what.start <= period and (what.end is None or period < what.end)
    return there and (not what.segments or segment in what.segments)


def born(births: Births, period: int) -> int:
    """Return how many people appear at the end of a period, where what is stated need not be whole."""
    return round(appeared(births, period + 1)) - round(appeared(births, period))


def appeared(births: Births, periods: int) -> float:
    """Return how many have appeared in the first periods: so many each, one number for each, or by compound growth."""
    if isinstance(births, Growing):
        return sum(births.first * (1 + births.growth) ** t for t in range(periods))
    return sum(births[:periods]) if isinstance(births, tuple) else births * periods
