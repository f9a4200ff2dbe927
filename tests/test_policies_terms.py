"""Policies and terms, which no budget pays for: today's stay in force, however many customers there are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.chosen import chosen_policies
from optimizer.load import load
from optimizer.optimize import optimize
from optimizer.question import Question
from policies.catalogue import named, names
from policies.mixture import mixture
from policies.planned import Planned
from sim.contract import Policy
from sim.errors import InputError
from sim.market.expected import expected_course
from sim.market.purse import Budget
from sim.scenario.file import parse
from sim.twin import Twin, build

CUSTOMERS = ["new", "developing", "core", "declining"]
STAYS = {"without_money": 0.95, "unlimited_money": 0.99, "spend": 2, "brings": 0.98}
PLANNING = ("rolling horizon",)
"""Policies that choose terms."""


def desk(**more: Any) -> dict[str, Any]:
    """Return a market that grows, whose desk is cost to serve and whose offers are paid by the budget."""
    served = {"targets": CUSTOMERS, "pays": "service", "reference": 2.0, "moves": {"survival": STAYS}}
    offers = {
        "targets": ["prospect"], "reference": 1.0,
        "moves": {"acquisition": {"without_money": 0.01, "unlimited_money": 0.3, "spend": 1.0, "brings": 0.1}},
    }  # fmt: skip
    return {
        "name": "desk", "periods": 24, "margin": 0.5, "law": "renewal",
        "segments": {
            "homes": {
                "start": {"prospect": 500, "new": 100}, "births": {"prospect": 100},
                "traits": {"purchase_rate": 1, "defection_rate": 0.02, "spend": 30},
            }
        },
        "levers": {"desk": served, "offers": offers},
    } | more  # fmt: skip


@pytest.fixture(scope="module")
def growing() -> Twin:
    return build(parse(desk()))


def terms_of(twin: Twin, policy: Policy) -> np.ndarray:
    """Return the terms a head where somebody is, (periods, stages)."""
    course = expected_course(twin, policy, Budget.unlimited(twin.targets.shape[2]))
    return np.where(course.observed[:, 0] > 0, course.intensity[:, 0, :, twin.targets.levers.index("desk")], np.nan)


def test_policies_of_money_leave_terms_as_they_are(growing: Twin) -> None:
    here = [growing.targets.stages.index(stage) for stage in CUSTOMERS]
    for name in names():
        if name not in PLANNING:
            found = terms_of(growing, named(name, growing, 2000.0))[:, here]
            assert np.nanmin(found) == np.nanmax(found) == 2.0, name


def test_a_plan_of_money_keeps_its_terms_a_head(growing: Twin, tmp_path: Path) -> None:
    """Twice as many customers cost twice as much to serve, and half the budget is not half the terms."""
    plan = optimize(growing, Question(budget=2000.0), bound_steps=0)
    plan.save(tmp_path / "plan.json")
    path = f"{tmp_path / 'plan.json'}(money)"
    _, [chosen] = chosen_policies([path], growing, lambda file: load(file, growing), None)
    planned = terms_of(growing, Planned(plan.intensity))
    few = build(parse(desk(segments={"homes": desk()["segments"]["homes"] | {"start": {"prospect": 200, "new": 50}}})))
    np.testing.assert_allclose(terms_of(few, chosen.policy), planned, equal_nan=True)


def test_whom_no_line_of_a_mixture_fits_keeps_todays_terms(growing: Twin) -> None:
    found = terms_of(growing, mixture({"prospect": "as today"}, growing, 2000.0))
    assert np.nanmax(found[:, growing.targets.stages.index("core")]) == 2.0
    assert np.nanmin(found[:, growing.targets.stages.index("core")]) == 2.0


def test_the_bandit_tries_money_and_no_terms(growing: Twin) -> None:
    with pytest.raises(InputError, match=r"the budget does not pay for 'desk'; expected one of offers"):
        named("bandit(lever=desk)", growing, 2000.0)
    content = desk()
    del content["levers"]["offers"]
    alone = build(parse(content))
    found = terms_of(alone, named("bandit", alone, 0.0))
    assert np.nanmax(found) == 2.0


def test_contacts_that_are_full_do_not_shrink_terms(growing: Twin) -> None:
    """A plan that keeps pace with its money gives no more contacts than all, and cuts only what the budget pays."""
    targets, load = growing.targets, np.array([[[0.0, 1.0]]])
    table = np.broadcast_to(targets.reference, (growing.chain.periods, *targets.shape))
    plan = Planned(table, expected=np.zeros((growing.chain.periods, 2)), most=growing.chain.limit, load=load)
    paced = plan._limited(3.0 * table[0], table[0], targets)  # as if terms were paced too: what is cut shows
    np.testing.assert_array_equal(paced[..., 1], table[0][..., 1])
    np.testing.assert_array_equal(paced[..., 0], 3.0 * table[0][..., 0])
