"""A survey of the plain market before its noise."""

from collections.abc import Sequence
from dataclasses import dataclass

from plain.attitudes import points_of
from plain.people import SEEN, SURVEY, Person, uniforms
from plain.record import Lives, Target

from sim.scenario.file import Scenario


@dataclass(frozen=True)
class Answers:
    """A survey before its noise: who was asked, and by segment and stage how many answer and their mean points."""

    asked: list[bool]
    number: dict[Target, int]
    mean: dict[Target, float]


def surveyed(
    scenario: Scenario, people: Sequence[Person], lives: Lives, period: int, *, seed: int = 0, replication: int = 0
) -> Answers:
    """Return the survey of a period: seen customers that have not lapsed are asked, the truly alive answer."""
    assert scenario.survey is not None
    heads, states = lives.heads[period], lives.states[period]
    asked = []
    points: dict[Target, list[float]] = {}
    for person, state in zip(people, states, strict=True):
        number = sum(heads[person.segment, stage] for stage in SEEN)
        u = uniforms(person, SURVEY, period, 0, seed, replication)[0]
        asked.append(state.stage in SEEN and u < min(1.0, scenario.survey.sample / number))
        if asked[-1] and state.truth == "alive":
            points.setdefault((person.segment, state.stage), []).append(points_of(state.level))
    number_of = {target: len(each) for target, each in points.items()}
    return Answers(asked, number_of, {target: sum(each) / len(each) for target, each in points.items()})
