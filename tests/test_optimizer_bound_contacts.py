"""Where contacts are limited, levers share them in the bound as well."""

from dataclasses import replace

import numpy as np
import pytest
from headed import headed_market

from optimizer.ask.problem import allocation_problem
from optimizer.bound.decomposition import certified_bound
from optimizer.optimize import solve
from sim.engine.sensitivity import follow
from sim.scenario.file import parse
from sim.twin import build


@pytest.mark.parametrize(("contacts", "budget"), [(4.0, 1e6), (2.0, 14_000.0)])
def test_bound_and_plan_meet_where_contacts_bind(contacts: float, budget: float) -> None:
    """Each lever taken to use them all by itself leaves 2 to 7 % of the lift open here."""
    twin = build(parse(headed_market(contacts=contacts)))
    plan = solve(allocation_problem(twin, budget), threads=1)
    assert 0 <= plan.gap < 0.005


def test_whatever_contacts_are_charged_no_plan_is_worth_more_than_the_bound() -> None:
    """Random charges, and random plans that use up the contacts or leave some."""
    problem = allocation_problem(build(parse(headed_market(contacts=3.0))), 1e9)
    chain, rng, nothing = problem.chain, np.random.default_rng(3), np.zeros(len(problem.rows))
    shape = (chain.periods, *chain.targets.shape)
    best = 0.0
    for _ in range(40):
        plan = rng.uniform(0, 4, shape) * chain.targets.allowed
        best = max(best, follow(chain, plan / np.maximum((plan * chain.contact_load).sum(axis=3), 1)[..., None]).asset)
    for size in (1.0, 10.0, 100.0):
        charged = replace(problem, contact_prices=rng.uniform(0, size, shape[:3]))
        assert certified_bound(charged, nothing, np.zeros(shape)) >= best
