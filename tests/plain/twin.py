"""The engine's customers, money and traces as those of the plain market, and back."""

import numpy as np
from markets import Floats
from plain.people import Person
from plain.record import Lives, Money, State

from sim.contract import Targets
from sim.customers.population import Population
from sim.history import History
from sim.scenario.file import STAGES
from sim.twin import Twin

TRUTHS = ("unaware", "prospect", "alive", "gone", "lost", "to come")
"""In the order of the engine's kinds; who is to come has no kind there but a state after the last."""


def as_array(money: Money, targets: Targets) -> Floats:
    """Return money by group, stage and lever; each synthetic segment is one group."""
    array = np.zeros(targets.shape)
    for (segment, stage, lever), each in money.items():
        place = targets.segments.index(segment), targets.stages.index(stage), targets.levers.index(lever)
        array[place] = each
    return array


def as_money(array: Floats, targets: Targets) -> Money:
    """Return an array as money by segment, stage and lever."""
    return {
        (targets.segments[i], targets.stages[j], targets.levers[k]): float(array[i, j, k])
        for i, j, k in np.argwhere(array)
    }


def people_of(twin: Twin, population: Population) -> list[Person]:
    """Return the engine's customers as people."""
    space = twin.chain.space
    births = {
        int(position): (period, TRUTHS[space.kind[state]])
        for period, arrivals in enumerate(population.arrivals)
        for position, state in zip(*arrivals, strict=True)
    }
    people = []
    for i in range(population.size):
        cohort, state = int(population.cohort[i]), int(population.state[i])
        person = Person(
            int(population.identity[i]),
            twin.targets.segments[twin.cohort_group[cohort]],
            "to come",
            float(population.purchase_rate[i]),
            float(population.defection_rate[i]),
            float(population.mean_spend[i]),
            quality=int(twin.cohort_quality[cohort]),
        )
        if state == len(space.names):
            person.birth, person.starts = births.pop(i)
        else:
            person.truth = TRUTHS[space.kind[state]]
            person.bought, person.silent = int(space.bought[state]), int(space.silent[state])
            person.level, person.ties = int(space.level[state]), int(space.ties[state])
            person.kept = int(space.kept[state])
        people.append(person)
    assert not births, "who appears is to come until then"
    return people


def lives_of(twin: Twin, history: History) -> Lives:
    """Return the states and heads of traced customers as those of the plain market."""
    trace, space = history.trace, twin.chain.space
    assert trace is not None
    lives = Lives()
    for row in trace.state:
        states = []
        for name, s in zip(trace.segment, row.tolist(), strict=True):
            if s == len(space.names):
                states.append(State("to come", 0, 0, 0, -1, ""))
                continue
            stage = STAGES[space.stage[twin.targets.segments.index(name), s]]
            facts = (int(part[s]) for part in (space.bought, space.silent, space.level, space.ties))
            states.append(State(TRUTHS[space.kind[s]], *facts, stage, int(space.kept[s])))
        lives.states.append(states)
        lives.heads.append({(name, stage): 0 for name in twin.targets.segments for stage in STAGES})
        for name, state in zip(trace.segment, states, strict=True):
            if state.stage:
                lives.heads[-1][name, state.stage] += 1
    return lives
