"""What the long kept bring more than the newly won, and how much of it is growth and how much selection.

Of a cohort won at once, under today's spend and with nothing from outside, ``R(k)`` is the revenue of year ``k`` per
customer seen at its start and not lapsed. ``R(K)/R(1)`` with growth over the same without it is growth; the rest, the
ratio without growth, is selection: who is still there buys more, or leaves less during the year, from the start.
"""

import math
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from sim.customers.established import newly_won
from sim.customers.synthetic import block_weights
from sim.engine.chain import ALIVE
from sim.engine.fluid_kernels import advance
from sim.engine.lifecycle import Lifecycle
from sim.scenario.file import PERIODS_PER_YEAR, STAGES
from sim.twin import Twin

__all__ = ["Rise", "rises"]


@dataclass(frozen=True)
class Rise:
    """A year's revenue per customer still seen over the first year's, nan where nobody is: its two factors."""

    segment: str
    year: int
    total: float
    growth: float
    selection: float


def rises(twin: Twin) -> list[Rise]:
    """Return the rise of each segment that grows, in the first whole year after its last step."""
    found: list[Rise] = []
    chain, scenario = cast("Lifecycle", twin.chain), twin.scenario
    year = max(1, round(PERIODS_PER_YEAR[scenario.period]))
    for name, segment in scenario.segments.items():
        if segment.growth is None:
            continue
        still = {n: each.model_copy(update={"growth": None}) for n, each in scenario.segments.items()}
        flat = replace(chain, scenario=scenario.model_copy(update={"segments": still}))
        later = math.ceil(segment.growth.after[-1] / year)
        total, selection = (_ratio(each, twin, name, year, later) for each in (chain, flat))
        found.append(Rise(name, later + 1, total, total / selection, selection))
    return found


def _ratio(chain: Lifecycle, twin: Twin, name: str, year: int, later: int) -> float:
    """Return the revenue per customer seen of a year over that of the first."""
    group, segment = chain.targets.segments.index(name), twin.scenario.segments[name]
    blocks = np.flatnonzero(chain.group == group)
    past, now = newly_won(chain, group, chain.purchase_rate[blocks], chain.defection_rate[blocks])
    past = replace(past, mean_spend=chain.mean_spend[blocks])
    now *= block_weights(segment, twin.scenario)[:, None]
    met, rows = chain.at_reference, np.arange(blocks.size)[:, None]
    step = past.step(met.environment, met.effective)
    seen = (past.space.stage[group] != STAGES.index("lapsed")) & (past.space.kind >= ALIVE)
    brought = []
    for _ in range(later + 1):
        heads, revenue = float(now[:, seen].sum()), 0.0
        for _ in range(year):
            revenue += float((now * step.revenue[rows, past.block_law]).sum())
            after = np.zeros_like(now)
            advance(now, step.probability, past.links, after)
            now = after
        brought.append(revenue / heads if heads > 1e-12 else math.nan)
    return brought[later] / brought[0] if brought[0] > 0 else math.nan
