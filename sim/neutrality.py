"""What would not stay as it is under today's spend, and where a scenario says two things of one.

Under today's spend satisfaction keeps its mix (:mod:`sim.engine.satisfaction_kernels`) unless the scenario states
otherwise: a level of entry of its own, nobody who reconsiders, customers who leave so readily that more would have to
fall than do. Ties follow the chances that the scenario states, whatever becomes of their mix. Both are run and told.

Who stays is said twice: by the traits, and by survival curves at the reference. The traits act; a curve acts by its
value relative to the one at the reference.
"""

from dataclasses import dataclass, replace

import numpy as np

from sim.arrays import Floats
from sim.customers.retention import retention_of
from sim.engine.chain import ALIVE
from sim.engine.fluid import mean_satisfaction
from sim.engine.fluid_pass import FluidPass
from sim.engine.lifecycle import Lifecycle
from sim.engine.response import response
from sim.engine.state_space import TIES, customers_by_level
from sim.scenario.file import STAGES
from sim.twin import Twin

__all__ = ["Contradiction", "Drift", "contradictions", "drifts"]

NOTICED = 0.05
"""A drift of fewer points of satisfaction, or ten thousandths of a tie per customer, rounds to none."""
KNOWN = 0.005
"""Who states a share in whole per cent knows it to half of one."""


@dataclass(frozen=True)
class Drift:
    """What moves by itself: its mean over true customers of a segment, at the start and at the horizon.

    ``of``: ``satisfaction`` (points 0..100) or ``ties`` (number per customer).
    """

    of: str
    segment: str
    start: float
    end: float


@dataclass(frozen=True)
class Contradiction:
    """Who stays through a period under today's spend, by a lever's survival curve and by the traits."""

    lever: str
    segment: str
    curve: float
    traits: float


def drifts(twin: Twin) -> list[Drift]:
    """Return what moves by itself under today's spend, without rivals, shocks and stated changes of value."""
    chain, scenario = twin.chain, twin.scenario
    if not isinstance(chain, Lifecycle) or (scenario.satisfaction is None and scenario.links is None):
        return []
    segments = {name: each.model_copy(update={"value_to_customer": None}) for name, each in scenario.segments.items()}
    quiet = scenario.model_copy(update={"competitors": (), "shocks": (), "employees": None, "segments": segments})
    chain = replace(chain, scenario=quiet)
    run = FluidPass(chain, np.broadcast_to(chain.targets.reference, (chain.periods, *chain.targets.shape)))
    first = _means(chain, run.occupancy)
    for t in range(chain.periods):
        run.period(t)
    found = []
    for (of, segment), end in _means(chain, run.occupancy).items():
        start = first[of, segment]
        if abs(end - start) >= NOTICED * (1.0 if of == "satisfaction" else 0.01):
            found.append(Drift(of, segment, start, end))
    return found


def _means(chain: Lifecycle, occupancy: Floats) -> dict[tuple[str, str], float]:
    """Return mean satisfaction and ties of true customers by segment; as in the data where there are none."""
    names, space, attitudes = chain.targets.segments, chain.space, chain.attitudes
    levels = customers_by_level(space, occupancy, chain.group, len(names))
    alive = space.kind == ALIVE
    out = {}
    for segment in dict.fromkeys(names):
        inside = np.array([name == segment for name in names])
        if attitudes.levels:
            here = levels[inside].sum(axis=0)
            out["satisfaction", segment] = float(mean_satisfaction(here if here.sum() > 0 else attitudes.level_mix))
        if attitudes.ties:
            number = occupancy[inside[chain.group]][:, alive].sum(axis=0)
            usual = attitudes.tie_mix @ np.arange(TIES)
            total = float(number.sum())
            out["ties", segment] = float(number @ space.ties[alive]) / total if total > 0 else float(usual)
    return out


def contradictions(twin: Twin) -> list[Contradiction]:
    """Return where survival curves at the reference and traits differ by more than what is known.

    Levers that are only for the declining and the lapsed say nothing of a segment's customers at large.
    """
    scenario, targets = twin.scenario, twin.targets
    stages = [STAGES.index(stage) for stage in ("new", "developing", "core")] if scenario.chain is None else []
    found = []
    for i, (name, lever) in enumerate(scenario.levers.items()):
        if "survival" not in lever.moves or not stages:
            continue
        for segment, traits in retention_of(scenario, twin.base).items():
            groups = [g for g, own in enumerate(targets.segments) if own == segment]
            reference = [targets.reference[g, s, i] for g in groups for s in stages if targets.allowed[g, s, i]]
            if not reference:
                continue
            override = lever.by_segment.get(segment)
            curve = (override.moves if override else {}).get("survival", lever.moves["survival"])
            stays = float(response(curve, np.array(reference[0]), lever.reach))
            if abs(stays - traits.stays) > KNOWN:
                found.append(Contradiction(name, segment, stays, traits.stays))
    return found
