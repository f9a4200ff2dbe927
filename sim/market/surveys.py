"""Satisfaction surveys: a sample is asked, answers are noisy, results come late. Policies see these, not the truth."""

import numpy as np

from sim.arrays import Floats
from sim.engine import random_streams
from sim.engine.attitudes import POINTS_PER_LEVEL
from sim.engine.crowd import SEEN
from sim.market.agents import Agents
from sim.scenario.feelings import Survey
from sim.twin import Twin

__all__ = ["take_survey"]


def take_survey(
    twin: Twin, agents: Agents, survey: Survey, observed: Floats, period: int, seed: int, replication: int
) -> Floats:
    """Return mean answered points 0..100 by (group, stage); nan where nobody answered.

    Each customer seen and not lapsed is asked with chance ``min(1, sample/number in the group)``; who is truly gone
    does not answer. A mean of ``n`` answers errs by ``noise/sqrt(n)`` beside the sampling itself.
    """
    from scipy.special import ndtri

    groups, stages, _ = twin.targets.shape
    space = twin.chain.space
    seen = observed[:, SEEN].sum(axis=1)
    chance = np.minimum(1.0, survey.sample / np.maximum(seen, 1.0))
    answers = agents.ask(chance[twin.cohort_group], period)
    number, points = np.zeros((groups, stages)), np.zeros((groups, stages))
    group = np.broadcast_to(twin.cohort_group[:, None], answers.shape)
    stage = space.stage[twin.cohort_group]
    np.add.at(number, (group, stage), answers)
    np.add.at(points, (group, stage), answers * (space.level - 1) * POINTS_PER_LEVEL)
    asked = SEEN[None, :] & (number > 0)
    mean = np.divide(points, number, out=np.full((groups, stages), np.nan), where=asked)
    place = np.zeros(groups, dtype=np.int64)  # of a group inside its segment: adding a segment changes no other's luck
    for g in range(1, groups):
        place[g] = place[g - 1] + 1 if twin.streams[g] == twin.streams[g - 1] else 0
    for g in range(groups):
        u = random_streams.uniforms(
            seed, random_streams.SURVEY, place[g] * stages + np.arange(stages), stream=int(twin.streams[g]),
            period=period, draw=1, replication=replication,
        )[:, 0]  # fmt: skip
        mean[g] += survey.noise * ndtri(u) / np.sqrt(np.maximum(number[g], 1.0))
    return np.asarray(np.clip(mean, 0.0, 100.0))
