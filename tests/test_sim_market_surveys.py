"""Surveys tell what the asked answer when it is known."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from everything import crowded, expected
from markets import Floats
from plain.record import Lives
from plain.survey import surveyed
from plain.twin import lives_of, people_of
from scipy import stats

from sim.contract import Allocation, Observation
from sim.engine.chain import ALIVE
from sim.history import History
from sim.market.clock import Market
from sim.scenario.file import STAGES, parse
from sim.twin import Twin, build


@dataclass
class Listening:
    """As today, and writes down what surveys tell."""

    heard: list[Floats] = dataclasses.field(default_factory=list)
    name: str = "listening"

    def decide(self, observation: Observation) -> Allocation:
        """Return today's intensities."""
        self.heard.append(observation.satisfaction.copy())
        return Allocation.within(observation.targets.reference, observation)


def asked(**survey: Any) -> tuple[Twin, History, Floats]:
    """Return a drawn history with everybody followed, and what the firm had heard by (period, group, stage)."""
    twin = build(parse(crowded("silent", 3.0, terminal="none", survey=survey)))
    who, policy = twin.population(5, 4), Listening()
    history = Market(twin, policy, who, seed=5, replication=4, trace=np.arange(who.size)).run()
    return twin, history, np.array(policy.heard)


def told(twin: Twin, history: History, period: int, lives: Lives) -> tuple[Floats, Floats]:
    """Return numbers of answers and their means by (group, stage), from the plain market's survey."""
    people = people_of(twin, twin.population(5, 4))
    answers = surveyed(twin.scenario, people, lives, period, seed=5, replication=4)
    number, mean = np.zeros((3, len(STAGES))), np.full((3, len(STAGES)), np.nan)
    for (segment, stage), n in answers.number.items():
        place = twin.targets.segments.index(segment), STAGES.index(stage)
        number[place], mean[place] = n, answers.mean[segment, stage]
    return number, mean


@pytest.mark.parametrize(
    ("every", "delay"), [(2, 4), *(pytest.param(*each, marks=pytest.mark.slow) for each in ((1, 0), (3, 1)))]
)
def test_surveys_tell_what_the_asked_answer_when_it_is_known(every: int, delay: int) -> None:
    """Without noise: the mean of those alive among the sample, plain Python's, taken every so often and told late."""
    twin, history, heard = asked(every=every, delay=delay, sample=60, noise=0)
    lives = lives_of(twin, history)
    for t in range(12):
        taken = (t - delay) // every * every
        if taken < 0:
            assert np.isnan(heard[t]).all()
            assert np.isnan(history.surveyed[t]).all()
            continue
        number, mean = told(twin, history, taken, lives)
        assert 20 < number.sum(axis=1).min() <= number.sum(axis=1).max() < 100
        np.testing.assert_allclose(heard[t], mean, rtol=1e-12, equal_nan=True)
        heads = np.where(np.isnan(mean), 0.0, history.customers[t])
        want = (heads * np.nan_to_num(mean)).sum(axis=1) / heads.sum(axis=1)
        np.testing.assert_allclose(history.surveyed[t], want, rtol=1e-12)


def test_where_all_are_asked_all_who_are_there_answer() -> None:
    """A sample larger than the segment: means of all true customers in the stages that are asked."""
    twin, history, heard = asked(every=1, delay=0, sample=10**6, noise=0)
    trace, space = history.trace, twin.chain.space
    assert trace is not None
    group = np.array([twin.targets.segments.index(name) for name in trace.segment])
    for t in (0, 5, 11):
        here = trace.state[t] < len(space.names)
        state = np.where(here, trace.state[t], 0)
        for g in range(3):
            for s, stage in enumerate(STAGES):
                members = here & (group == g) & (space.kind[state] == ALIVE) & (space.stage[g, state] == s)
                if stage in ("unaware", "prospect", "lapsed") or not members.any():
                    assert np.isnan(heard[t, g, s])
                    continue
                assert heard[t, g, s] == pytest.approx(25 * (space.level[state[members]] - 1).mean(), rel=1e-12)


@pytest.mark.slow
def test_the_noise_of_a_survey_shrinks_with_its_answers() -> None:
    """Means of n answers err by noise/sqrt(n), normally, beside the sampling itself; lives do not change."""
    twin, plain, exact = asked(every=1, delay=0, sample=500, noise=0)
    _, noisy, heard = asked(every=1, delay=0, sample=500, noise=12)
    np.testing.assert_array_equal(plain.revenue, noisy.revenue)
    lives = lives_of(twin, plain)
    number = np.stack([told(twin, plain, t, lives)[0] for t in range(12)])
    enough = number >= 5
    z = ((heard - exact) * np.sqrt(number) / 12)[enough]
    assert z.size > 80
    assert abs(z.mean()) < 4 / math.sqrt(z.size)
    assert abs(z.std() - 1) < 4 / math.sqrt(2 * z.size)
    assert stats.kstest(z, "norm").pvalue > 1e-3


def test_the_fluid_twins_survey_is_the_truth_of_its_time() -> None:
    """Every third period, known a period later; nobody knows anything before."""
    twin, history, _ = expected("silent")
    assert twin.scenario.survey is not None
    assert (twin.scenario.survey.every, twin.scenario.survey.delay) == (3, 1)
    taken = [-1, 0, 0, 0, 3, 3, 3, 6, 6, 6, 9, 9, 9]
    want = np.array([history.satisfaction[t] if t >= 0 else [np.nan] * 3 for t in taken])
    np.testing.assert_array_equal(history.surveyed, want)
