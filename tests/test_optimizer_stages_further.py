"""More starts: where responses have thresholds that no curve shows, each is followed over them."""

import numpy as np
import pytest
from markets import EXAMPLES

from optimizer.ask.problem import allocation_problem
from optimizer.search.sequential import Sequential
from optimizer.stages.search import over_one
from optimizer.tolerances import COARSE
from sim.scenario.file import load
from sim.twin import build


def test_a_search_leaves_the_foot_of_a_price_and_of_what_spills_over() -> None:
    """A hotel that does nothing climbs nowhere: adverts first make good what a neighbour lacks, small cuts lose.

    Over one jump the search ends within 1 % of what all searches find.
    """
    twin = build(load(EXAMPLES / "hotel" / "scenario.yaml"))
    assert twin.chain.has_thresholds
    problem = allocation_problem(twin)
    search = Sequential(problem)
    idle = np.zeros((twin.chain.periods, *twin.targets.shape))
    foot = search.run(search.amount_of(idle), lift=338_000.0, steps=30, gain=COARSE)
    assert foot.stationary
    least = search.value_held(search.follow(0 * foot.amount))
    assert foot.value == pytest.approx(least, rel=1e-12)
    end = over_one(search, foot, 338_000.0, 30)
    assert end.value - least > 0.99 * 338_178
    assert end.missed <= 1e-6
