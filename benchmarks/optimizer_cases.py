"""The occupancy programmes of the optimiser's benchmark: the retailer with rules that a retailer would write.

Ten segments of ten trait classes, 366 states, 60 months: monthly budgets, floors and caps by lever, slices, customers
to keep. A harder one has ramp rules by segment, another three levers that meet in one stage.
"""

import itertools
import math
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.retailer import retailer
from sim.arrays import Floats, Ints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optimizer.ask.problem import AllocationProblem
    from sim.engine.chain import ControlledChain

__all__ = ["FEW", "MANY", "case", "content_of", "variables"]

Ladders = dict[int, tuple[tuple[float, ...], ...]]

FEW: Ladders = {1: ((0, 0.5, 1, 1.5, 2, 3, 4, 6),), 2: ((0, 1, 2, 4), (0, 1))}
"""Intensities of each lever where one or two meet, in units of the reference: 8 joint actions."""
SIX = (0, 0.5, 1, 2, 3.5, 5)
MANY: Ladders = {1: ((0, 0.5, 1, 1.5, 2, 3, 4, 6),), 2: (SIX, SIX), 3: (SIX, SIX, SIX)}
"""The same where up to three meet: 216 joint actions."""

SERVICE = {
    "targets": ["developing", "core", "declining"],
    "moves": {"satisfaction": {"without_money": 0.0, "unlimited_money": 0.08, "spend": 1.0, "brings": 0.03}},
    "reference": 0.3,
}
"""A lever that meets two others in three stages."""


def content_of(
    segments: int = 10, periods: int = 60, *, ramps: bool = False, service: bool = False, silences: int = 12,
    levels: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """Return the content of a scenario with its rules.

    Parameters
    ----------
    segments, periods
        How many.
    ramps
        Whether each segment's money may rise or fall by a tenth of today's at most, from month to month.
    service
        Whether there is a sixth lever.
    silences
        Months of silence after which a customer counts as lapsed: sets the number of states.
    levels
        Whether customers have levels of satisfaction: five times the states.
    """
    content = retailer(100_000 * segments, segments, periods)
    content |= {"terminal": "value-to-go"}
    content.pop("word_of_mouth")  # the programme knows no crowd
    content["stages"]["lapsed"] = silences
    if service:
        content["levers"]["service"] = SERVICE
    if not levels:
        content.pop("satisfaction")
        for lever in content["levers"].values():
            lever["moves"].pop("satisfaction", None)
    names = list(content["segments"])
    season = 1 + 0.3 * np.sin(2 * np.pi * np.arange(periods) / 12)
    budget = 100_000.0 * segments * periods
    core = 18_000 * min(1.0, periods / 60) ** 0.5
    rules: dict[str, Any] = {
        "budget": budget,
        "stretches": {"every": 1, "amounts": (1.1 * budget / periods * season).tolist()},
        "levers": {
            "awareness": {"floor": 0.07, "cap": 0.25}, "acquisition": {"floor": 0.08, "cap": 0.35},
            "development": {"floor": 0.05, "cap": 0.28}, "retention": {"floor": 0.1, "cap": 0.5},
            "winback": {"floor": 0.03, "cap": 0.2},
        },
        "slices": {
            "win back in the first year": {"levers": ["winback"], "end": 12, "floor": 0.004 * budget},
            "core": {"stages": ["core"], "floor_share": 0.05, "cap_share": 0.4},
            "the first segment": {"segments": names[:1], "cap": 1.2 * budget / segments},
        },
        "people": {
            "all who are kept": {"count": "kept", "at_least": 0.5, "of_start": True, "each": True},
            **{
                f"kept in {name}": {"segments": [name], "count": "kept", "at_least": 0.7, "of_start": True}
                for name in names
            },
            **{
                f"core of {name}": {"segments": [name], "count": "core", "at_least": core, "at": periods // 2}
                for name in names
            },
        },
    }  # fmt: skip
    if ramps:
        rules["slices"] |= {f"ramp of {name}": {"segments": [name], "ramp": 0.1} for name in names}
    return {**content, "rules": rules}


@contextmanager
def _classes(rates: int, horizons: int) -> "Iterator[None]":
    """Build twins with so many trait classes a segment."""
    import sim.customers.synthetic

    before = sim.customers.synthetic.SYNTHETIC_CLASSES
    sim.customers.synthetic.SYNTHETIC_CLASSES = (rates, horizons)
    try:
        yield
    finally:
        sim.customers.synthetic.SYNTHETIC_CLASSES = before


def case(
    content: dict[str, Any], ladders: Ladders | None = FEW, classes: tuple[int, int] = (5, 2)
) -> "AllocationProblem":
    """Return the occupancy programme of a scenario; ``ladders`` None: the intensities offered to a user."""
    from optimizer.ask.problem import allocation_problem
    from sim.scenario.file import parse
    from sim.twin import build

    scenario = parse(content)
    with _classes(*classes):
        problem = allocation_problem(build(scenario))
    if ladders is None:
        return problem
    actions, choices = _grid(problem.chain, ladders)
    return replace(problem, actions=actions, choices=choices)


def _grid(chain: "ControlledChain", ladders: Ladders) -> tuple[Floats, Ints]:
    groups, stages, levers = chain.targets.shape
    most = max(math.prod(map(len, each)) for each in ladders.values())
    actions, choices = np.zeros((groups, stages, most, levers)), np.ones((groups, stages), dtype=np.int64)
    for group, stage in itertools.product(range(groups), range(stages)):
        here = np.flatnonzero(chain.targets.allowed[group, stage])
        if here.size:
            usual = chain.targets.reference[group, stage, here]
            found = np.array([np.array(each) * usual for each in itertools.product(*ladders[here.size])])
            found = found[np.argsort(found.sum(axis=1), kind="stable")]
            actions[group, stage, : len(found), here] = found.T
            choices[group, stage] = len(found)
    return actions, choices


def variables(problem: "AllocationProblem") -> int:
    """Return how many variables the programme has: periods x blocks x states x joint actions there."""
    chain = problem.chain
    return chain.periods * int(problem.choices[chain.group[:, None], chain.block_stage].sum())
