"""Mixtures: each part's customers under their own policy with their own money."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markets import SMALL

from optimizer.ask.problem import reference_spend
from policies.catalogue import found, make_policy, named, states_money
from policies.mixture import mixture, mixture_of_file
from policies.planned import Planned
from sim.errors import InputError
from sim.market.expected import expected_course
from sim.market.purse import budget_of
from sim.scenario.file import load
from sim.twin import Twin, build


@pytest.fixture(scope="module")
def small() -> Twin:
    return build(load(SMALL))


def spend(twin: Twin, content: dict[str, Any], budget: float | None = None) -> np.ndarray:
    total = reference_spend(twin.chain) if budget is None else budget
    return expected_course(twin, mixture(content, twin, total), budget_of(twin, total)).spend


def test_as_today_for_all_is_as_today(small: Twin) -> None:
    budget = reference_spend(small.chain)
    today = expected_course(small, named("as today", small, budget), budget_of(small, budget)).spend
    np.testing.assert_allclose(spend(small, {"regulars": "as today", "else": "as today"}), today, rtol=1e-9)


@pytest.mark.parametrize(
    "name",
    [
        "as today", "last year", "parity with rivals", "customer equity", "bandit",
        "tuned(policy=parity with rivals, replications=1)",
    ],
)  # fmt: skip
def test_what_states_money_is_the_same_in_parts_as_for_all(name: str, small: Twin) -> None:
    """Scaled to two fifths of today's money once, not once more by each part's share."""
    assert states_money(found(name))
    budget = 0.4 * reference_spend(small.chain)
    policy = named(name, small, budget)
    if isinstance(policy, Planned):
        policy = replace(policy, expected=None)
    whole = expected_course(small, policy, budget_of(small, budget)).spend
    got = spend(small, {"regulars": name, "newcomers": name}, budget)
    np.testing.assert_allclose(got, whole, rtol=1e-9, atol=1e-9)
    assert got.sum() > 0.7 * budget


def test_a_share_is_the_most_that_stated_money_spends(small: Twin) -> None:
    budget = reference_spend(small.chain)
    part = {"policy": "last year", "share": 0.1}
    assert spend(small, {"regulars": part, "else": "no spend"}).sum() == pytest.approx(0.1 * budget, rel=1e-6)


def test_a_policy_is_made_once(small: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr("policies.mixture.make_policy", lambda *firm: made.append(firm[0]) or make_policy(*firm))
    mixture({"regulars": "retention first", "newcomers": "last year", "else": "as today"}, small, 100.0)
    assert len(made) == 3


def test_each_part_has_its_policy_and_its_money(small: Twin) -> None:
    """No money for one segment, all of another's share to keep it; parts split as today's money does."""
    budget = reference_spend(small.chain)
    today = spend(small, {"else": "as today"})
    got = spend(small, {"newcomers": "no spend", "regulars": "retention first"})
    assert got[:, 1].sum() == 0
    floor = 0.02  # of the money is for awareness, of which there is nobody among regulars
    assert got[:, 0].sum() == pytest.approx((1 - floor) * today[:, 0].sum(), rel=1e-6)
    assert got[:, 0, :, small.targets.levers.index("retention")].sum() > 0.9 * got[:, 0].sum()
    part = {"policy": "proportional to customers", "share": 0.7}
    got = spend(small, {"regulars": part, "else": "no spend"})
    assert got[:, 0].sum() == pytest.approx(0.7 * budget, rel=1e-6)


def test_stages_and_segments_together_and_the_first_line_counts(small: Twin) -> None:
    prospect = small.targets.stages.index("prospect")
    got = spend(small, {"newcomers / prospect": "as today", "newcomers": "no spend", "else": "no spend"})
    assert got[:, 1, prospect].sum() == pytest.approx(got.sum())
    assert got.sum() > 0
    got = spend(small, {"newcomers": "no spend", "newcomers / prospect": "as today"})
    assert got.sum() == 0


def test_else_comes_last_wherever_it_stands(small: Twin) -> None:
    one = spend(small, {"else": "no spend", "regulars": "as today"})
    np.testing.assert_array_equal(one, spend(small, {"regulars": "as today", "else": "no spend"}))
    assert one.sum() > 0


def test_a_part_of_nobody_and_no_money(small: Twin) -> None:
    """Nobody lapsed begins among prospects: such a part spends nothing and does no harm."""
    got = spend(small, {"regulars / unaware": "retention first", "else": "as today"})
    assert got[:, 0, small.targets.stages.index("unaware")].sum() == 0
    assert spend(small, {"regulars": "even split", "else": "as today"}, budget=0.0).sum() == 0


WRONG = {
    "nobody": ({"platinum": "as today"}, r"'platinum' is no segment, tier or stage here; expected one of regulars, "),
    "a slip": ({"regular": "as today"}, r"did you mean 'regulars'\?"),
    "no policy": ({"else": "retention frist"}, r"did you mean 'retention first'\?"),
    "a plan": ({"else": "plan.json"}, r"'plan.json': a plan or table is for all customers; expected the name of a pol"),
    "a number": ({"else": 5}, r"else: expected the name of a policy, or \{policy: NAME, share: .* 0 and 1\}, got 5"),
    "a share": ({"else": {"policy": "as today", "share": 2}}, r"expected the name of a policy, or"),
    "shares": (
        {k: {"policy": "as today", "share": 0.6} for k in ("regulars", "else")},
        r"shares add up to 1.2; expected at most 1",
    ),
    "nothing": ({}, r"is empty; expected lines such as"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(case: str, small: Twin) -> None:
    content, expected = WRONG[case]
    with pytest.raises(InputError, match=expected) as caught:
        mixture(content, small, 100.0)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_a_file(small: Twin, tmp_path: Path) -> None:
    """Called as it is; what is no mixture is told with its place."""
    path = tmp_path / "by segment.yaml"
    path.write_text("regulars: retention first\nelse: as today\n", encoding="utf-8")
    made = mixture_of_file(path, small, 100.0)
    assert made.name == "by segment"
    assert made.feedback is False
    path.write_text("- retention first\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"by segment.yaml: expected a mixture of policies"):
        mixture_of_file(path, small, 100.0)


def test_one_that_reacts_makes_it_react(small: Twin) -> None:
    assert mixture({"regulars": "service recovery", "else": "as today"}, small, 100.0).feedback
