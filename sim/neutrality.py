"""What would not stay as it is under today's spend, and where a scenario says two things of one.

Under today's spend satisfaction keeps its mix (:mod:`sim.engine.satisfaction_kernels`) unless the scenario states
otherwise: a level of entry of its own, nobody who reconsiders, customers who leave so readily that more would have to
fall than do. Ties follow the chances that the scenario states, whatever becomes of their mix. Both are run and told.

Who stays is said twice: by the traits, and by survival curves at the reference. The traits act; a curve acts by its
value relative to the one at the reference.
"""

from dataclasses import dataclass

import numpy as np

from sim.arrays import Floats
from sim.customers.retention import retention_of
from sim.engine.attitudes import POINTS_PER_LEVEL, Attitudes
from sim.engine.bonds import held_by
from sim.engine.chain import ALIVE
from sim.engine.fluid_pass import FluidPass
from sim.engine.response import response
from sim.engine.satisfaction_kernels import LEVELS
from sim.scenario.file import STAGES
from sim.twin import Twin

__all__ = ["Contradiction", "Drift", "contradictions", "drifts"]

NOTICED = {"satisfaction": 0.05, "ties": 0.005, "categories": 0.005, "grades": 0.005}
"""Drifts below these, in points of satisfaction and in numbers per customer, round to none where they are told."""
KNOWN = 0.005
"""Who states a share in whole per cent knows it to half of one."""


@dataclass(frozen=True)
class Drift:
    """What moves by itself: its mean over true customers of a segment, at the start and at the horizon.

    ``of``: ``satisfaction`` (points 0..100), ``ties``, ``categories`` or ``grades`` (numbers per customer).
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
    space = twin.chain.space
    if not space.has_levels and not (space.ties >= 0).any():
        return []
    chain = twin.chain.at_rest()
    run = FluidPass(chain, np.broadcast_to(chain.targets.reference, (chain.periods, *chain.targets.shape)))
    first = _means(twin, run.occupancy)
    for t in range(chain.periods):
        run.period(t)
    found = []
    for (of, segment), end in _means(twin, run.occupancy).items():
        start = first[of, segment]
        if abs(end - start) >= NOTICED[of]:
            found.append(Drift(of, segment, start, end))
    return found


def _means(twin: Twin, occupancy: Floats) -> dict[tuple[str, str], float]:
    """Return mean satisfaction, ties and categories of true customers by segment; as in the data where are none."""
    chain, space, scenario = twin.chain, twin.chain.space, twin.scenario
    alive, attitudes = space.kind == ALIVE, Attitudes(scenario)
    scale, usual = {}, {}
    if scenario.satisfaction is not None:
        scale["satisfaction"] = POINTS_PER_LEVEL * (space.level[alive] - 1)
        usual["satisfaction"] = float(POINTS_PER_LEVEL * np.arange(LEVELS) @ attitudes.level_mix)
    held_of = (("ties", scenario.links), ("categories", scenario.categories), ("grades", scenario.club))
    for of, stated in held_of:
        if stated is not None:
            held = held_by(attitudes.bonds, of)
            scale[of], usual[of] = held[space.ties[alive]], float(attitudes.tie_mix @ held)
    out = {}
    for segment in dict.fromkeys(chain.targets.segments):
        inside = np.array([chain.targets.segments[g] == segment for g in chain.group])
        number = occupancy[inside][:, alive].sum(axis=0)
        for of, each in scale.items():
            out[of, segment] = float(number @ each / number.sum()) if number.sum() > 0 else usual[of]
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
